package influxdb3test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// columns of system.tokens, in the order of SELECT *.
var columns = []string{
	"token_id", "name", "hash", "created_at", "description", "created_by_token_id",
	"updated_at", "updated_by_token_id", "expiry", "permissions",
}

// The statements about the schema that the recordings contain.
const (
	sqlColumns = "SELECT column_name, data_type, is_nullable FROM information_schema.columns WHERE table_schema='system' AND table_name='tokens'"
	sqlTables  = "SELECT table_name FROM information_schema.tables WHERE table_schema='system'"
)

// queryRequest is a query, from the body or from the URL.
type queryRequest struct {
	DB     *string        `json:"db"`
	SQL    *string        `json:"q"`
	Format string         `json:"format"`
	Params map[string]any `json:"params"`
}

func readBody(r *http.Request) ([]byte, error) {
	if r.Body == nil {
		return nil, nil
	}
	return io.ReadAll(r.Body)
}

func readQuery(r *http.Request) (q queryRequest, err error) {
	if r.Method == http.MethodGet {
		v := r.URL.Query()
		if v.Has("db") {
			q.DB = new(v.Get("db"))
		}
		if v.Has("q") {
			q.SQL = new(v.Get("q"))
		}
		if p := v.Get("params"); p != "" {
			err = json.Unmarshal([]byte(p), &q.Params)
		}
		q.Format = v.Get("format")
	} else {
		var body []byte
		if body, err = readBody(r); err == nil {
			err = json.Unmarshal(body, &q)
		}
	}
	switch {
	case err != nil:
		return q, fmt.Errorf("serde json error: %w", err)
	case q.DB == nil:
		return q, fmt.Errorf("serde json error: missing field `db`")
	case q.SQL == nil:
		return q, fmt.Errorf("serde json error: missing field `q`")
	}
	if q.Format == "" {
		q.Format = map[string]string{"text/csv": "csv", "application/jsonl": "jsonl"}[r.Header.Get("Accept")]
	}
	if q.Format == "" {
		q.Format = "json"
	}
	return q, nil
}

// query answers the statements of the recordings, and
//
//	SELECT columns | * FROM system.tokens [WHERE name = 'literal' | $param] [ORDER BY token_id]
//
// It says so to every other one.
func (s *embedded) query(r *http.Request, caller tokenRecord, tokens []tokenRecord) reply {
	if caller.resource() {
		return forbidden()
	}
	q, err := readQuery(r)
	if err != nil {
		return text(http.StatusBadRequest, err.Error())
	}
	if *q.DB != "_internal" {
		data := ""
		if s.early {
			data = `,"data":null`
		}
		return text(http.StatusNotFound, `{"error":`+quote("query error: database not found: "+*q.DB)+data+"}")
	}
	words, err := lex(*q.SQL)
	if err != nil {
		return s.refuse(err.Error())
	}
	var t table
	switch {
	case sameWords(words, sqlColumns):
		t = s.columnsTable()
	case sameWords(words, sqlTables):
		t = s.tablesTable()
	default:
		sel, err := parseSelect(words, q.Params)
		if err != nil {
			return s.refuse(err.Error())
		}
		for _, c := range sel.columns {
			if !slices.Contains(columns, c) {
				return text(http.StatusInternalServerError, s.planning()+fmt.Sprintf("Schema error: No field named %s. Valid fields are system.tokens.%s.",
					c, strings.Join(columns, ", system.tokens.")))
			}
		}
		t = sel.table(tokens)
	}
	contentType, body, err := t.render(q.Format)
	if err != nil {
		return text(http.StatusBadRequest, err.Error())
	}
	rep := success(http.StatusOK, contentType, body)
	rep.stream = true
	return rep
}

// planning is what 3.4 puts before an error of the SQL planner.
func (s *embedded) planning() string {
	if s.early {
		return "query error: error while planning query: "
	}
	return ""
}

// refuse is the answer to SQL that cannot be parsed: 400, or 500 up to 3.4.
func (s *embedded) refuse(reason string) reply {
	if s.early {
		return text(http.StatusInternalServerError, s.planning()+reason)
	}
	return text(http.StatusBadRequest, reason)
}

// word is one token of a statement: an identifier or a symbol as it stands, or the value of a
// string literal.
type word struct {
	text    string
	literal bool
}

func (w word) is(keyword string) bool { return !w.literal && strings.EqualFold(w.text, keyword) }

func lex(sql string) ([]word, error) {
	var words []word
	for i := 0; i < len(sql); {
		c := sql[i]
		switch {
		case strings.IndexByte(" \t\r\n", c) >= 0:
			i++
		case c == '\'':
			var b strings.Builder
			for i++; ; i++ {
				if i >= len(sql) {
					return nil, fmt.Errorf(`SQL error: TokenizerError("Unterminated string literal")`)
				}
				if sql[i] == '\'' {
					if i++; i >= len(sql) || sql[i] != '\'' {
						break
					}
				}
				b.WriteByte(sql[i])
			}
			words = append(words, word{b.String(), true})
		case wordByte(c):
			j := i
			for j < len(sql) && wordByte(sql[j]) {
				j++
			}
			words = append(words, word{sql[i:j], false})
			i = j
		default:
			words = append(words, word{sql[i : i+1], false})
			i++
		}
	}
	if n := len(words); n > 0 && words[n-1].is(";") {
		words = words[:n-1]
	}
	return words, nil
}

func wordByte(c byte) bool {
	return c == '_' || c == '.' || c == '$' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

func sameWords(words []word, sql string) bool {
	want, _ := lex(sql)
	return slices.EqualFunc(words, want, func(a, b word) bool {
		return a.literal == b.literal && (a.text == b.text || !a.literal && strings.EqualFold(a.text, b.text))
	})
}

// selection is a query of system.tokens.
type selection struct {
	columns []string
	name    *string
}

var errSQL = fmt.Errorf("influxdb3test answers SELECT columns FROM system.tokens [WHERE name = value] [ORDER BY token_id] and what its recordings contain, not this SQL")

func parseSelect(words []word, params map[string]any) (sel selection, err error) {
	next := func(keywords ...string) bool {
		if len(words) < len(keywords) {
			return false
		}
		for i, k := range keywords {
			if !words[i].is(k) {
				return false
			}
		}
		words = words[len(keywords):]
		return true
	}
	if !next("select") {
		found := "EOF"
		if len(words) > 0 {
			found = words[0].text
		}
		return sel, fmt.Errorf("SQL error: ParserError(%s)", quote("Expected: an SQL statement, found: "+found+" at Line: 1, Column: 1"))
	}
	if next("*") {
		sel.columns = columns
	} else {
		for {
			if len(words) == 0 || words[0].literal || !wordByte(words[0].text[0]) {
				return sel, errSQL
			}
			sel.columns = append(sel.columns, strings.ToLower(words[0].text))
			words = words[1:]
			if !next(",") {
				break
			}
		}
	}
	if !next("from", "system.tokens") {
		return sel, errSQL
	}
	if next("where", "name", "=") {
		if len(words) == 0 {
			return sel, errSQL
		}
		value := words[0].text
		if !words[0].literal {
			name, isParam := strings.CutPrefix(value, "$")
			v, ok := params[name].(string)
			if !isParam || !ok {
				return sel, errSQL
			}
			value = v
		}
		sel.name, words = &value, words[1:]
	}
	// Rows come in the order of their ids anyway.
	if next("order", "by", "token_id") {
		next("asc")
	}
	if len(words) > 0 {
		return sel, errSQL
	}
	return sel, nil
}

func (sel selection) table(tokens []tokenRecord) table {
	t := table{columns: sel.columns}
	for _, tok := range tokens {
		if sel.name != nil && tok.Name != *sel.name {
			continue
		}
		row := make([]any, len(sel.columns))
		for i, c := range sel.columns {
			row[i] = tok.column(c)
		}
		t.rows = append(t.rows, row)
	}
	return t
}

// column returns a uint64, a string, or nil for NULL. created_by_token_id and description are NULL
// throughout the recordings, for tokens of a file with a description, too.
func (t tokenRecord) column(name string) any {
	switch name {
	case "token_id":
		return t.ID
	case "name":
		return t.Name
	case "hash":
		return shortHash(t.Hash)
	case "created_at":
		return naive(t.CreatedAt)
	case "updated_at":
		if t.UpdatedAt != nil {
			return naive(*t.UpdatedAt)
		}
	case "updated_by_token_id":
		if t.UpdatedBy != nil {
			return *t.UpdatedBy
		}
	case "expiry":
		if t.Expiry != nil {
			return naive(*t.Expiry)
		}
	case "permissions":
		if !t.resource() {
			return "*:*:*"
		}
		quoted := make([]string, len(t.Permissions))
		for i, p := range t.Permissions {
			quoted[i] = quote(p)
		}
		return "[" + strings.Join(quoted, ",") + "]"
	}
	return nil
}

func (s *embedded) columnsTable() table {
	timestamp := "Timestamp(ms)"
	if s.early {
		timestamp = "Timestamp(Millisecond, None)"
	}
	t := table{columns: []string{"column_name", "data_type", "is_nullable"}}
	for _, c := range columns {
		kind, nullable := "Utf8View", "YES"
		switch c {
		case "token_id", "created_by_token_id", "updated_by_token_id":
			kind = "UInt64"
		case "created_at", "updated_at", "expiry":
			kind = timestamp
		}
		switch c {
		case "token_id", "name", "hash", "created_at", "permissions":
			nullable = "NO"
		}
		t.rows = append(t.rows, []any{c, kind, nullable})
	}
	return t
}

func (s *embedded) tablesTable() table {
	t := table{columns: []string{"table_name"}}
	for _, name := range []string{
		"databases", "distinct_caches", "generation_durations", "influxdb_schema", "last_caches", "nodes",
		"parquet_files", "plugin_files", "processing_engine_logs", "processing_engine_trigger_arguments",
		"processing_engine_triggers", "queries", "tables", "tokens",
	} {
		if name != "plugin_files" || !s.early {
			t.rows = append(t.rows, []any{name})
		}
	}
	return t
}

// table is a result: each value a uint64, a string or nil.
type table struct {
	columns []string
	rows    [][]any
}

// render returns the Content-Type and the body.
func (t table) render(format string) (contentType, body string, err error) {
	switch format {
	case "json":
		return "application/json", "[" + strings.Join(t.objects(), ",") + "]", nil
	case "jsonl":
		for _, o := range t.objects() {
			body += o + "\n"
		}
		return "application/jsonl", body, nil
	case "csv":
		return "text/csv", t.csv(), nil
	}
	return "", "", fmt.Errorf("influxdb3test answers in the formats json, jsonl and csv only")
}

// objects leaves NULLs out, as the server does.
func (t table) objects() []string {
	var out []string
	for _, row := range t.rows {
		var fields []string
		for i, v := range row {
			switch v := v.(type) {
			case uint64:
				fields = append(fields, quote(t.columns[i])+":"+strconv.FormatUint(v, 10))
			case string:
				fields = append(fields, quote(t.columns[i])+":"+quote(v))
			}
		}
		out = append(out, "{"+strings.Join(fields, ",")+"}")
	}
	return out
}

func (t table) csv() string {
	var b strings.Builder
	line := func(fields []string) { b.WriteString(strings.Join(fields, ",") + "\n") }
	line(t.columns)
	for _, row := range t.rows {
		fields := make([]string, len(row))
		for i, v := range row {
			switch v := v.(type) {
			case uint64:
				fields[i] = strconv.FormatUint(v, 10)
			case string:
				fields[i] = v
				if strings.ContainsAny(v, ",\"\r\n") {
					fields[i] = `"` + strings.ReplaceAll(v, `"`, `""`) + `"`
				}
			}
		}
		line(fields)
	}
	return b.String()
}
