// Package influxdb3test is an InfluxDB 3 token server for tests and demos. It answers as the
// recordings of real servers in testdata do, keeps a log of what it was asked, and makes the faults
// that a test asks for. With INFLUXDB3_BIN set to a real influxdb3 binary the log and the faults
// stand in front of that instead.
package influxdb3test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
)

// Server is a server of one test, on the loopback interface. Its methods may be called from
// several goroutines at once.
type Server struct {
	t        testing.TB
	config   config
	bin      string // "" for the embedded server
	caCert   string
	front    *front
	main     *endpoint
	recovery *endpoint // nil without WithRecovery
	errors   *tail

	mu   sync.Mutex
	down bool
	stop func() // of a real server
}

// New starts a server on the loopback interface that is stopped when the test ends.
//
// With INFLUXDB3_BIN set to a real influxdb3 binary it starts that instead, and stands in front of
// it as a reverse proxy, so that the log and the faults work there as well. The options that a real
// server cannot be asked for (As, Enterprise, Lag and Clock) keep the embedded server; Real tells.
//
// It fails the test where the options make no sense or the server does not start.
func New(t testing.TB, opts ...Option) *Server {
	t.Helper()
	return newServer(t, os.Getenv("INFLUXDB3_BIN"), newConfig(opts))
}

func newServer(t testing.TB, bin string, c config) *Server {
	t.Helper()
	if c.embedded != "" {
		bin = ""
	}
	s := &Server{t: t, config: c, bin: bin, errors: &tail{}}
	s.front = &front{now: c.now, keepLog: true, recovered: s.recovered}
	s.main = s.endpoint("main")
	if c.recovery {
		s.recovery = s.endpoint("recovery")
	}
	if c.tls {
		cfg, ca, err := newCertificate()
		if err != nil {
			t.Fatalf("influxdb3test: certificate: %v", err)
		}
		s.caCert = ca
		for _, e := range s.endpoints() {
			e.tls = cfg
		}
	}
	t.Cleanup(func() { s.close(t) })
	s.start(t)
	for _, e := range s.endpoints() {
		if err := e.openAnywhere(); err != nil {
			t.Fatalf("influxdb3test: %s listener: %v", e.name, err)
		}
	}
	return s
}

func (s *Server) endpoint(name string) *endpoint {
	return &endpoint{name: name, handler: s.front.listener(name), errors: s.errors, unread: s.front.unread}
}

func (s *Server) endpoints() []*endpoint {
	if s.recovery == nil {
		return []*endpoint{s.main}
	}
	return []*endpoint{s.main, s.recovery}
}

// start puts a fresh server behind the front.
func (s *Server) start(t testing.TB) {
	t.Helper()
	var b backend
	stop := func() {}
	if s.bin != "" {
		process, err := startReal(t, s.bin, s.config)
		if err != nil {
			t.Fatalf("influxdb3test: %v", err)
		}
		b, stop = process.backend(), process.stop
	} else {
		e, err := newEmbedded(s.config)
		if err != nil {
			t.Fatalf("influxdb3test: %v", err)
		}
		b = backend{main: e, recovery: recovery{e}}
	}
	s.front.mu.Lock()
	s.front.backend, s.front.gone = b, false
	s.front.mu.Unlock()
	s.mu.Lock()
	old := s.stop
	s.stop = stop
	s.mu.Unlock()
	if old != nil {
		old()
	}
}

func (s *Server) open(t testing.TB) {
	t.Helper()
	for _, e := range s.endpoints() {
		if err := e.open(); err != nil {
			t.Fatalf("influxdb3test: %s listener: %v", e.name, err)
		}
	}
}

func (s *Server) close(t testing.TB) {
	for _, e := range s.endpoints() {
		e.close()
		e.release()
	}
	s.mu.Lock()
	stop := s.stop
	s.mu.Unlock()
	if stop != nil {
		stop()
	}
	// net/http turns a panic into a cut connection, which a test may well be waiting for.
	if log := s.errors.String(); strings.Contains(log, "panic serving") {
		t.Errorf("influxdb3test: %s", log)
	}
}

// recovered closes the recovery listener after its first success, as the server does.
func (s *Server) recovered() {
	if s.recovery != nil {
		s.recovery.retire()
	}
}

// URL is http://127.0.0.1:PORT, or https with WithTLS, without a slash at the end.
func (s *Server) URL() string { return s.main.url() }

// RecoveryURL is the URL of the recovery listener, "" without WithRecovery.
func (s *Server) RecoveryURL() string {
	if s.recovery == nil {
		return ""
	}
	return s.recovery.url()
}

// CACert is the PEM of the certificate that verifies both listeners, "" without WithTLS.
func (s *Server) CACert() string { return s.caCert }

// Real tells whether a real influxdb3 stands behind it.
func (s *Server) Real() bool { return s.bin != "" }

// Requests returns what arrived since the start or the last ResetRequests, in order of arrival at
// both listeners, including what a fault answered. What the methods of Server ask is not in it.
func (s *Server) Requests() []Request {
	s.front.mu.Lock()
	defer s.front.mu.Unlock()
	out := make([]Request, 0, len(s.front.log))
	for _, r := range s.front.log {
		c := *r
		c.Header = r.Header.Clone()
		out = append(out, c)
	}
	return out
}

// ResetRequests empties the log.
func (s *Server) ResetRequests() {
	s.front.mu.Lock()
	defer s.front.mu.Unlock()
	s.front.log = nil
}

// Inject adds a fault. Faults are tried in the order in which they were injected; the first that
// applies to a request is the only one that touches it, but for SetHeader: all of those that apply
// do, after the other one.
func (s *Server) Inject(f Fault) {
	s.front.mu.Lock()
	defer s.front.mu.Unlock()
	s.front.faults = append(s.front.faults, &f)
}

// ClearFaults drops all faults. A request that a fault already holds stays held until its Wait, or
// its delivery.
func (s *Server) ClearFaults() {
	s.front.mu.Lock()
	defer s.front.mu.Unlock()
	s.front.faults = nil
}

// Deliver lets the server carry out what DeliverLate holds, in the order of arrival, also while
// the server is Down. It returns when that is done, with the statuses of the replies, which nobody
// else gets; 0 stands for one that broke off. With nothing to deliver it returns none.
func (s *Server) Deliver() []int {
	return s.front.deliver(true)
}

// Down stops listening on both listeners and drops all connections: the next connection is
// refused. The server keeps its tokens.
func (s *Server) Down() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down = true
	for _, e := range s.endpoints() {
		e.close()
	}
}

// Up listens again on the same ports. A recovery listener that has closed after its success stays
// closed. It fails the test if another process has taken a port meanwhile.
func (s *Server) Up() {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down = false
	s.open(s.t)
}

// Replace puts a fresh server, with another cluster-uuid and no tokens but that of WithTokenFile,
// behind the same URLs. The recovery listener is open again. Log and faults stay, with what Cache
// remembers and DeliverLate holds, and so does Down.
func (s *Server) Replace(t testing.TB) {
	t.Helper()
	s.start(t)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.recovery != nil {
		s.recovery.revive()
	}
	if !s.down {
		s.open(t)
	}
}

// Bootstrap makes the operator token and returns it. Like the methods below it goes straight to
// the server, past Down, the log and the faults, and fails the test on an unexpected answer.
func (s *Server) Bootstrap(t testing.TB) string {
	t.Helper()
	return s.mint(t, pathAdmin, "", "")
}

// Regenerate regenerates the operator token with that token and returns the new one.
func (s *Server) Regenerate(t testing.TB, token string) string {
	t.Helper()
	return s.mint(t, pathRegenerate, token, "")
}

// CreateNamedAdmin makes a named admin token with that token and returns it. expirySecs is its
// lifetime in seconds, 0 for ever.
func (s *Server) CreateNamedAdmin(t testing.TB, token, name string, expirySecs int64) string {
	t.Helper()
	body := map[string]any{"token_name": name}
	if expirySecs != 0 {
		body["expiry_secs"] = expirySecs
	}
	b, err := json.Marshal(body)
	if err != nil {
		t.Fatalf("influxdb3test: %v", err)
	}
	return s.mint(t, pathNamedAdmin, token, string(b))
}

// CreateResourceToken makes a resource token with that token and returns it. The request is
// the JSON of the request.
func (s *Server) CreateResourceToken(t testing.TB, token, request string) string {
	t.Helper()
	return s.mint(t, pathResource, token, request)
}

func (s *Server) mint(t testing.TB, path, token, body string) string {
	t.Helper()
	rep := s.ask(t, http.MethodPost, path, token, body)
	if rep.status != http.StatusCreated {
		t.Fatalf("influxdb3test: POST %s: %s", path, rep)
	}
	var out struct{ Token string }
	if err := json.Unmarshal([]byte(rep.body), &out); err != nil || out.Token == "" {
		t.Fatalf("influxdb3test: POST %s: 201 without a token", path)
	}
	return out.Token
}

// Delete deletes the token of that name with that token.
func (s *Server) Delete(t testing.TB, token, name string) {
	t.Helper()
	if rep := s.ask(t, http.MethodDelete, pathToken+"?"+url.Values{"token_name": {name}}.Encode(), token, ""); rep.status != http.StatusOK {
		t.Fatalf("influxdb3test: DELETE %s: %s", pathToken, rep)
	}
}

// Accepts tells whether the server takes the token for a valid one. It asks the SQL endpoint,
// which always authenticates; with Lag that is the second node.
func (s *Server) Accepts(t testing.TB, token string) bool {
	t.Helper()
	rep := s.ask(t, http.MethodPost, pathQuery, token, `{"db":"_internal","q":"SELECT token_id FROM system.tokens","format":"json"}`)
	switch rep.status {
	case http.StatusOK, http.StatusForbidden:
		return true
	case http.StatusUnauthorized:
		return false
	}
	t.Fatalf("influxdb3test: POST %s: %s", pathQuery, rep)
	return false
}

// Names lists the names of all tokens, oldest first, with the token given.
func (s *Server) Names(t testing.TB, token string) []string {
	t.Helper()
	const sql = `{"db":"_internal","q":"SELECT name FROM system.tokens ORDER BY token_id","format":"json"}`
	r := s.ask(t, http.MethodPost, pathQuery, token, sql)
	var rows []struct {
		Name string `json:"name"`
	}
	if err := json.Unmarshal([]byte(r.body), &rows); err != nil {
		t.Fatalf("influxdb3test: listing tokens: %d %s", r.status, r.body)
	}
	names := make([]string, 0, len(rows))
	for _, row := range rows {
		names = append(names, row.Name)
	}
	return names
}

// ClusterUUID is the identity of the server's catalog, from the header of a reply: "" for versions
// before 3.7, which send none.
func (s *Server) ClusterUUID(t testing.TB) string {
	t.Helper()
	if uuid := s.ask(t, http.MethodGet, pathPing, "", "").header.Get("Cluster-Uuid"); uuid != "" {
		return uuid
	}
	s.front.mu.Lock()
	defer s.front.mu.Unlock()
	return s.front.clusterUUID // 3.7 names itself in good replies alone
}

func (s *Server) ask(t testing.TB, method, target, token, body string) reply {
	t.Helper()
	// A reverse proxy looks for the server's key to tell a broken reply from a whole one.
	ctx := context.WithValue(context.Background(), http.ServerContextKey, new(http.Server))
	r, err := http.NewRequestWithContext(ctx, method, "http://"+s.main.address()+target, strings.NewReader(body))
	if err != nil {
		t.Fatalf("influxdb3test: %v", err)
	}
	r.Header.Set("Accept", "*/*")
	r.Header.Set("User-Agent", "influxdb3test")
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	rep, err := s.front.ask("main", r)
	if err != nil {
		t.Fatalf("influxdb3test: %s %s: %v", method, r.URL.Path, err)
	}
	return rep
}

// String shows the body of a failure only: that of a success may be a secret.
func (r reply) String() string {
	if r.status < 300 {
		return fmt.Sprint(r.status)
	}
	return fmt.Sprintf("%d %q", r.status, r.body)
}

// tail keeps the last of what is written to it.
type tail struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

const tailSize = 64 << 10

func (w *tail) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.buf.Write(b)
	if n := w.buf.Len() - tailSize; n > 0 {
		w.buf.Next(n)
	}
	return len(b), nil
}

func (w *tail) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.buf.String()
}
