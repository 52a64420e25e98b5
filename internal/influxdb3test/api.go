package influxdb3test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	pathPing       = "/ping"
	pathHealth     = "/health"
	pathMetrics    = "/metrics"
	pathAdmin      = "/api/v3/configure/token/admin"
	pathRegenerate = "/api/v3/configure/token/admin/regenerate"
	pathNamedAdmin = "/api/v3/configure/token/named_admin"
	pathResource   = "/api/v3/enterprise/configure/token"
	pathToken      = "/api/v3/configure/token" //nolint:gosec // a path, not a credential
	pathDatabase   = "/api/v3/configure/database"
	pathQuery      = "/api/v3/query_sql"
)

// release is a version of the server.
type release struct {
	number   string
	revision string
	minor    int
}

// upTo tells whether it is 3.minor or older. What changed between two recorded versions counts as
// new in the later one, if nothing else is known.
func (r release) upTo(minor int) bool { return r.minor <= minor }

// versions are those that were recorded, in their order.
var versions = []string{"3.4", "3.7", "3.9", "3.10"}

var releases = map[string]release{
	"3.4":  {number: "3.4.0", revision: "9e26dad", minor: 4},
	"3.7":  {number: "3.7.0", revision: "f99502b", minor: 7},
	"3.9":  {number: "3.9.6", revision: "ecadc94", minor: 9},
	"3.10": {number: "3.10.1", revision: "ff6872a", minor: 10},
}

// reply is an answer of the server. A stream is sent in chunks, without a Content-Length.
type reply struct {
	status int
	header http.Header
	body   string
	stream bool
	// unasked is an answer that was given before anybody asked for a token.
	unasked bool
}

func text(status int, body string) reply {
	return reply{status: status, header: http.Header{}, body: body}
}

// outright is an answer that comes before any authentication.
func outright(status int, body string) reply {
	r := text(status, body)
	r.unasked = true
	return r
}

func success(status int, contentType, body string) reply {
	r := text(status, body)
	r.allowOrigin()
	if contentType != "" {
		r.header.Set("Content-Type", contentType)
	}
	return r
}

func (r reply) allowOrigin() { r.header.Set("Access-Control-Allow-Origin", "*") }

func (r reply) write(w http.ResponseWriter, now time.Time) {
	h := w.Header()
	for k, v := range r.header {
		h[k] = v
	}
	h.Set("Date", date(now))
	if !r.stream && r.status != http.StatusNoContent {
		h.Set("Content-Length", strconv.Itoa(len(r.body)))
	}
	w.WriteHeader(r.status)
	_, _ = w.Write([]byte(r.body)) // into the front's recorder, which takes everything
}

// embedded is the server itself: the main listener's API. The recovery listener's is recovery.
type embedded struct {
	config
	release
	catalog   *catalog
	processID string
}

func newEmbedded(c config) (*embedded, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	cat, err := openCatalog(c)
	if err != nil {
		return nil, err
	}
	return &embedded{config: c, release: releases[c.version], catalog: cat, processID: newUUID()}, nil
}

func (s *embedded) product() string {
	if s.enterprise || s.lag > 0 { // Core has no second node
		return "Enterprise"
	}
	return "Core"
}

func (s *embedded) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	rep := s.answer(r)
	if s.namesCluster(rep) {
		rep.header.Set("Cluster-Uuid", s.catalog.uuid)
	}
	rep.write(w, s.now())
}

// namesCluster tells whether the reply carries the cluster-uuid: since 3.7 those to authenticated
// requests do, a 401 among the others only since 3.8.
func (s *embedded) namesCluster(r reply) bool {
	return !s.upTo(7) || s.minor == 7 && !r.unasked
}

// answer authenticates before it routes: an unknown route answers 401 without a token.
func (s *embedded) answer(r *http.Request) reply {
	path := r.URL.Path
	if r.Method == http.MethodOptions {
		return preflight()
	}
	tokens := s.catalog.view(path == pathQuery)
	var caller tokenRecord
	if !s.withoutAuth && path != pathAdmin && !s.opens(path) {
		secret, ok := presented(r.Header.Get("Authorization"))
		if !ok && r.Header.Values("Authorization") != nil {
			return outright(http.StatusBadRequest, `{"error": "Authorization header was malformed, the request was not in the form of 'Authorization: <auth-scheme> <token>', supported auth-schemes are Bearer, Token and Basic"}`)
		}
		if caller, ok = s.catalog.lookup(tokens, secret); !ok {
			return s.unauthenticated()
		}
	}
	switch r.Method + " " + path {
	case "GET " + pathPing, "POST " + pathPing:
		return s.ping()
	case "GET " + pathHealth:
		return s.health()
	case "GET " + pathMetrics:
		// Not recorded. It is here for --disable-authz metrics to open.
		return success(http.StatusOK, "text/plain; charset=utf-8", "")
	case "POST " + pathAdmin:
		return s.configure(r, caller, s.createOperator)
	case "POST " + pathRegenerate:
		return s.configure(r, caller, s.regenerate)
	case "POST " + pathNamedAdmin:
		return s.configure(r, caller, s.createNamedAdmin)
	case "DELETE " + pathToken:
		return s.configure(r, caller, s.deleteToken)
	case "POST " + pathResource:
		if s.enterprise {
			return s.configure(r, caller, s.createResourceToken)
		}
	case "GET " + pathDatabase:
		return s.databases(r, caller)
	case "GET " + pathQuery, "POST " + pathQuery:
		return s.query(r, caller, tokens)
	}
	return s.noRoute()
}

// presented returns the token of an Authorization header. The scheme is case-sensitive and one
// space follows it; Basic carries the token as the password.
func presented(header string) (string, bool) {
	scheme, token, _ := strings.Cut(header, " ")
	if token == "" || strings.Contains(token, " ") {
		return "", false
	}
	switch scheme {
	case "Bearer", "Token":
		return token, true
	case "Basic":
		b, err := base64.StdEncoding.DecodeString(token)
		if err != nil {
			return "", false
		}
		_, password, ok := strings.Cut(string(b), ":")
		return password, ok
	}
	return "", false
}

// preflight is the answer to OPTIONS on any path: the server asks for no token there.
func preflight() reply {
	r := outright(http.StatusNoContent, "")
	r.allowOrigin()
	r.header.Set("Access-Control-Allow-Methods", "*")
	r.header.Set("Access-Control-Allow-Headers", "*")
	r.header.Set("Access-Control-Max-Age", "86400")
	return r
}

func (s *embedded) unauthenticated() reply {
	if s.upTo(7) {
		return outright(http.StatusUnauthorized, "")
	}
	return outright(http.StatusUnauthorized, `{"error": "the request was not authenticated"}`)
}

// forbidden is unverified: no recording of Enterprise shows what it answers.
func forbidden() reply { return text(http.StatusForbidden, "forbidden") }

func (s *embedded) noRoute() reply {
	if s.upTo(7) {
		return success(http.StatusNotFound, "", "not found")
	}
	return text(http.StatusNotFound, "Not found")
}

func (s *embedded) ping() reply {
	body := fmt.Sprintf(`"version":%q,"revision":%q,"process_id":%q}`, s.number, s.revision, s.processID)
	if s.upTo(7) {
		body = "{" + body
	} else {
		body = fmt.Sprintf(`{"product_name":"InfluxDB 3 %s",`, s.product()) + body
	}
	r := success(http.StatusOK, "application/json", body)
	id := newUUID()
	r.header.Set("Request-Id", id)
	r.header.Set("X-Request-Id", id)
	r.header.Set("X-Influxdb-Build", s.product())
	r.header.Set("X-Influxdb-Version", s.number)
	return r
}

func (s *embedded) health() reply {
	if s.upTo(7) {
		return success(http.StatusOK, "", "OK")
	}
	return success(http.StatusOK, "text/plain; charset=utf-8", "OK")
}

// configure is what everything that changes tokens has in common.
func (s *embedded) configure(r *http.Request, caller tokenRecord, do func(*http.Request, tokenRecord) reply) reply {
	if s.withoutAuth {
		return outright(http.StatusMethodNotAllowed, "endpoint disabled, started without auth")
	}
	if caller.resource() {
		return forbidden()
	}
	return do(r, caller)
}

func (s *embedded) createOperator(*http.Request, tokenRecord) reply {
	return s.created(s.catalog.create(operatorName, nil, nil, false))
}

func (s *embedded) regenerate(_ *http.Request, caller tokenRecord) reply {
	// The Enterprise documents ask for the operator token; on Core any valid token will do.
	if s.enterprise && !caller.operator() {
		return forbidden()
	}
	return s.created(s.catalog.regenerate())
}

func (s *embedded) createNamedAdmin(r *http.Request, _ tokenRecord) reply {
	in, rep, ok := readCreate(r, false)
	if !ok {
		return rep
	}
	return s.created(s.catalog.create(in.name, in.lifetime, nil, s.upTo(9)))
}

func (s *embedded) createResourceToken(r *http.Request, _ tokenRecord) reply {
	in, rep, ok := readCreate(r, true)
	if !ok {
		return rep
	}
	permissions := make([]string, 0, len(in.permissions))
	for _, p := range in.permissions {
		if err := p.check(); err != nil {
			return text(http.StatusBadRequest, err.Error())
		}
		permissions = append(permissions, p.String())
	}
	return s.created(s.catalog.create(in.name, in.lifetime, permissions, s.upTo(9)))
}

func (s *embedded) deleteToken(r *http.Request, _ tokenRecord) reply {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil || !query.Has("token_name") {
		return text(http.StatusBadRequest, "serde error: missing field `token_name`")
	}
	name := query.Get("token_name")
	switch err := s.catalog.remove(name); {
	case errors.Is(err, errOperatorKept):
		return text(http.StatusMethodNotAllowed, err.Error())
	case errors.Is(err, errNotFound) && s.upTo(7):
		return text(http.StatusNotFound, err.Error())
	case errors.Is(err, errNotFound):
		return text(http.StatusNotFound, err.Error()+": "+name)
	case err != nil:
		return text(http.StatusInternalServerError, err.Error())
	}
	return success(http.StatusOK, "", "")
}

// created is the reply to a token that was made, or was not.
func (s *embedded) created(t tokenRecord, secret string, err error) reply {
	switch {
	case errors.Is(err, errNameTaken):
		return text(http.StatusConflict, err.Error())
	case errors.Is(err, errExpiryRange):
		// 3.1 to 3.9 panic: the connection breaks without a reply and the server goes on.
		panic(http.ErrAbortHandler)
	case err != nil:
		return text(http.StatusInternalServerError, err.Error())
	}
	expiry := "null"
	if t.Expiry != nil {
		expiry = quote(utc(*t.Expiry))
	}
	return success(http.StatusCreated, "json", fmt.Sprintf(`{"id":%d,"name":%s,"token":%s,"hash":%s,"created_at":%s,"expiry":%s}`,
		t.ID, quote(t.Name), quote(secret), quote(t.Hash), quote(utc(t.CreatedAt)), expiry))
}

func (s *embedded) databases(r *http.Request, caller tokenRecord) reply {
	if caller.resource() {
		return forbidden()
	}
	if r.URL.Query().Get("format") != "json" {
		return text(http.StatusBadRequest, "influxdb3test lists databases with format=json only")
	}
	rep := success(http.StatusOK, "application/json", `[{"iox::database":"_internal"}]`)
	rep.stream = true
	return rep
}

// utc prints a time as the replies do.
func utc(millis int64) string { return naive(millis) + "Z" }

// naive prints a time as the listing does, without a zone. The server leaves a fraction of zero
// out, and puts a sign before years past 9999.
func naive(millis int64) string {
	t := time.UnixMilli(millis).UTC()
	layout := "2006-01-02T15:04:05.000"
	if millis%1000 == 0 {
		layout = "2006-01-02T15:04:05"
	}
	s := t.Format(layout)
	if t.Year() > 9999 {
		return "+" + s
	}
	return s
}

// quote writes a JSON string as the server does: what HTML would not like stands as it is.
func quote(s string) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // no string fails
	return strings.TrimSuffix(b.String(), "\n")
}

// permission is one grant of a resource token.
type permission struct {
	ResourceType  string   `json:"resource_type"`
	ResourceNames []string `json:"resource_names"`
	Actions       []string `json:"actions"`
}

// String is the notation of the listing and the CLI: db:mydb:read,write.
func (p permission) String() string {
	return p.ResourceType + ":" + strings.Join(p.ResourceNames, ",") + ":" + strings.Join(p.Actions, ",")
}

// check refuses what the documents exclude. The texts are our own: no recording shows the server's.
func (p permission) check() error {
	actions := map[string][]string{
		"db":     {"read", "write", "create", "describe", "delete"},
		"system": {"read"},
	}[p.ResourceType]
	switch {
	case actions == nil:
		return errors.New("invalid permission: resource_type must be db or system")
	case len(p.ResourceNames) == 0 || len(p.Actions) == 0:
		return errors.New("invalid permission: resource_names and actions must not be empty")
	case len(p.ResourceNames) > 1 && slices.Contains(p.ResourceNames, "*"):
		return errors.New("invalid permission: * cannot be mixed with names")
	}
	for _, a := range p.Actions {
		if !slices.Contains(actions, a) {
			return fmt.Errorf("invalid permission: unknown action for %s", p.ResourceType)
		}
	}
	if p.ResourceType == "system" {
		for _, n := range p.ResourceNames {
			if !slices.Contains([]string{"*", "health", "metrics", "ping", "ready"}, n) {
				return errors.New("invalid permission: unknown system resource")
			}
		}
	}
	return nil
}

// createRequest is the body that creates a named admin token or a resource token.
type createRequest struct {
	name        string
	lifetime    *uint64
	permissions []permission
}

// readCreate reads the body of a request that creates a token; ok is false with the reply that
// refuses it.
func readCreate(r *http.Request, resource bool) (in createRequest, rep reply, ok bool) {
	if mt, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || mt != "application/json" {
		return in, text(http.StatusUnsupportedMediaType, "unacceptable content-type, expected: application/json"), false
	}
	body, err := readBody(r)
	if err != nil {
		return in, text(http.StatusBadRequest, "the body cannot be read"), false
	}
	if in, err = decodeCreate(body, resource); err != nil {
		return in, text(http.StatusBadRequest, "serde json error: "+err.Error()), false
	}
	return in, rep, true
}

// decodeCreate fails with the messages of the server's decoder, which name the position at which it
// gave up. Those that no recording shows are close, not exact.
func decodeCreate(body []byte, resource bool) (in createRequest, err error) {
	var fields struct {
		Name        *string      `json:"token_name"`
		Lifetime    *uint64      `json:"expiry_secs"`
		Permissions []permission `json:"permissions"`
	}
	// Lines from 1, columns in bytes.
	fail := func(offset int, format string, args ...any) error {
		read := string(body[:offset])
		return fmt.Errorf(format+" at line %d column %d", append(args, 1+strings.Count(read, "\n"), len(read)-1-strings.LastIndex(read, "\n"))...)
	}
	err = json.Unmarshal(body, &fields)
	var wrong *json.UnmarshalTypeError
	var broken *json.SyntaxError
	switch {
	case errors.As(err, &wrong):
		return in, fail(int(wrong.Offset), "%s", mismatch(body, wrong))
	case errors.As(err, &broken) && int(broken.Offset) < len(body):
		return in, fail(int(broken.Offset), "expected value")
	case len(body) == 0:
		return in, fail(0, "EOF while parsing a value")
	case err != nil:
		return in, fail(len(body), "EOF while parsing an object")
	case fields.Name == nil:
		return in, fail(len(body), "missing field `token_name`")
	case resource && fields.Permissions == nil:
		return in, fail(len(body), "missing field `permissions`")
	}
	return createRequest{*fields.Name, fields.Lifetime, fields.Permissions}, nil
}

// mismatch says of which type a value is, and which one was expected.
func mismatch(body []byte, wrong *json.UnmarshalTypeError) string {
	var fields map[string]json.RawMessage
	_ = json.Unmarshal(body, &fields) // a body that is no object has no fields
	value := string(fields[wrong.Field])
	expected := "a string"
	if wrong.Field == "expiry_secs" {
		expected = "u64"
	}
	kind, _, _ := strings.Cut(wrong.Value, " ")
	switch {
	case kind == "string":
		return fmt.Sprintf("invalid type: string %s, expected %s", value, expected)
	case kind == "number" && strings.ContainsAny(value, ".eE"):
		return fmt.Sprintf("invalid type: floating point `%s`, expected %s", value, expected)
	case kind == "number" && expected == "u64":
		return fmt.Sprintf("invalid value: integer `%s`, expected u64", value)
	case kind == "number":
		return fmt.Sprintf("invalid type: integer `%s`, expected a string", value)
	}
	return fmt.Sprintf("invalid type: %s, expected %s", kind, expected)
}
