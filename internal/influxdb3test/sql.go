package influxdb3test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
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
//	SELECT columns | * FROM system.tokens [WHERE condition [OR condition ...]] [ORDER BY token_id]
//
// where a condition is name or hash = 'literal' or $param. It says so to every other one.
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
		if s.upTo(4) {
			data = `,"data":null`
		}
		return text(http.StatusNotFound, `{"error":`+quote("query error: database not found: "+*q.DB)+data+"}")
	}
	var t table
	switch *q.SQL {
	case sqlColumns:
		t = s.columnsTable()
	case sqlTables:
		t = s.tablesTable()
	default:
		sel, err := parseSelect(*q.SQL, q.Params)
		if err != nil {
			return s.refuse(err.Error())
		}
		columns := s.columns()
		if sel.columns == nil {
			sel.columns = columns
		}
		for _, c := range sel.fields() {
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

// columns of system.tokens. A server that asks for no token has no hashes of any.
func (s *embedded) columns() []string {
	if s.withoutAuth {
		return slices.DeleteFunc(slices.Clone(columns), func(c string) bool { return c == "hash" })
	}
	return columns
}

// planning is what the server puts, up to 3.7, before an error of the SQL planner.
func (s *embedded) planning() string {
	if s.upTo(7) {
		return "query error: error while planning query: "
	}
	return ""
}

// refuse is the answer to SQL that cannot be parsed: 400, or 500 up to 3.7.
func (s *embedded) refuse(reason string) reply {
	if s.upTo(7) {
		return text(http.StatusInternalServerError, s.planning()+reason)
	}
	return text(http.StatusBadRequest, reason)
}

// condition has a column and a literal or a parameter as its groups.
const condition = `(name|hash)\s*=\s*(?:('(?:[^']|'')*')|\$(\w+))`

// selectTokens has the columns and the conditions as its first two groups. Rows come in the order
// of their ids anyway.
var (
	selectTokens = regexp.MustCompile(`(?is)^\s*SELECT\s+(\*|\w+(?:\s*,\s*\w+)*)\s+FROM\s+system\.tokens` +
		`(?:\s+WHERE\s+(` + condition + `(?:\s+OR\s+` + condition + `)*))?(?:\s+ORDER\s+BY\s+token_id)?\s*;?\s*$`)
	selectCondition = regexp.MustCompile(`(?is)` + condition)
)

// selection is a query of system.tokens.
type selection struct {
	columns []string // nil for all of them
	any     []equals // one of them must hold; nil takes every row
}

type equals struct{ column, value string }

// fields are the columns that the query names.
func (sel selection) fields() []string {
	fields := slices.Clone(sel.columns)
	for _, e := range sel.any {
		fields = append(fields, e.column)
	}
	return fields
}

var errSQL = errors.New("influxdb3test answers SELECT columns FROM system.tokens [WHERE name|hash = value [OR ...]] [ORDER BY token_id] and what its recordings contain, not this SQL")

func parseSelect(sql string, params map[string]any) (sel selection, err error) {
	words := append(strings.Fields(sql), "EOF")
	if !strings.EqualFold(words[0], "select") {
		return sel, fmt.Errorf("SQL error: ParserError(%s)", quote("Expected: an SQL statement, found: "+words[0]+" at Line: 1, Column: 1"))
	}
	m := selectTokens.FindStringSubmatch(sql)
	if m == nil {
		return sel, errSQL
	}
	if m[1] != "*" {
		sel.columns = strings.FieldsFunc(strings.ToLower(m[1]), func(r rune) bool { return r == ',' || unicode.IsSpace(r) })
	}
	for _, c := range selectCondition.FindAllStringSubmatch(m[2], -1) {
		e := equals{column: strings.ToLower(c[1])}
		if literal := c[2]; literal != "" {
			e.value = strings.ReplaceAll(literal[1:len(literal)-1], "''", "'")
		} else {
			var ok bool
			if e.value, ok = params[c[3]].(string); !ok {
				return sel, errSQL
			}
		}
		sel.any = append(sel.any, e)
	}
	return sel, nil
}

func (sel selection) table(tokens []tokenRecord) table {
	t := table{columns: sel.columns}
	for _, tok := range tokens {
		if sel.any != nil && !slices.ContainsFunc(sel.any, func(e equals) bool { return tok.column(e.column) == e.value }) {
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
	if s.upTo(7) {
		timestamp = "Timestamp(Millisecond, None)"
	}
	t := table{columns: []string{"column_name", "data_type", "is_nullable"}}
	for _, c := range s.columns() {
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
		if name != "plugin_files" || !s.upTo(4) {
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
