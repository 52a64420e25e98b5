package influxdb3test

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// answer is what a client saw of a reply.
type answer struct {
	status int
	header http.Header
	body   string
}

func (a answer) token(t *testing.T) string {
	t.Helper()
	var out struct{ Token string }
	if err := json.Unmarshal([]byte(a.body), &out); err != nil || !strings.HasPrefix(out.Token, tokenPrefix) {
		t.Fatalf("no token in the reply with status %d", a.status)
	}
	return out.Token
}

// freshClient opens a connection for each request.
func freshClient() *http.Client {
	return &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DisableCompression: true}}
}

func send(t *testing.T, c *http.Client, method, url, token, body string) (answer, error) {
	t.Helper()
	return sendContext(t.Context(), t, c, method, url, token, body)
}

func sendContext(ctx context.Context, t *testing.T, c *http.Client, method, url, token, body string) (answer, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		t.Errorf("%v", err)
		return answer{}, err
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("User-Agent", "probe/1")
	resp, err := c.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, string(b)}, err
}

func mustSend(t *testing.T, c *http.Client, method, url, token, body string) answer {
	t.Helper()
	a, err := send(t, c, method, url, token, body)
	if err != nil {
		t.Fatalf("%s %s: %v", method, url, err)
	}
	return a
}

func assertAccepts(t *testing.T, s *Server, token string, want bool) {
	t.Helper()
	if got := s.Accepts(t, token); got != want {
		t.Errorf("Accepts = %t, want %t", got, want)
	}
}

func assertRefused(t *testing.T, url string) {
	t.Helper()
	if _, err := send(t, freshClient(), http.MethodPost, url+pathRegenerate, "", ""); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("error %v, want connection refused", err)
	}
}

// cut tells whether the connection broke before the first byte of a reply.
func cut(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || err != nil && strings.Contains(err.Error(), "server closed idle connection")
}

func TestHelpers(t *testing.T) {
	t.Parallel()
	s := New(t)
	operator := s.Bootstrap(t)
	assertAccepts(t, s, operator, true)
	assertAccepts(t, s, newToken(), false)
	ci := s.CreateNamedAdmin(t, operator, "a b/c", 0)
	operator2 := s.Regenerate(t, ci)
	assertAccepts(t, s, operator, false)
	assertAccepts(t, s, operator2, true)
	s.Delete(t, operator2, "a b/c")
	assertAccepts(t, s, ci, false)
	if got := s.ClusterUUID(t); !uuidPattern.MatchString(got) {
		t.Errorf("cluster-uuid %q", got)
	}
	if n := len(s.Requests()); n != 0 {
		t.Errorf("the helpers left %d requests in the log", n)
	}
}

func TestLog(t *testing.T) {
	t.Parallel()
	s := New(t, WithRecovery())
	c := freshClient()
	operator := mustSend(t, c, "POST", s.URL()+pathAdmin, "", "").token(t)
	s.Inject(Fault{Path: pathPing, Kind: Answer, Status: 429, Header: http.Header{"Retry-After": {"7"}}})
	s.Inject(Fault{Path: "/prefix%2Fx/ping", Kind: CutBefore})
	if a := mustSend(t, c, "GET", s.URL()+pathPing, operator, ""); a.status != 429 || a.header.Get("Retry-After") != "7" || !strings.Contains(a.body, "<h1>429 Too Many Requests</h1>") {
		t.Errorf("answer %+v", a)
	}
	if _, err := send(t, c, "GET", s.URL()+"/prefix%2Fx/ping?a=b", operator, ""); !cut(err) {
		t.Errorf("error %v, want a cut connection", err)
	}
	mustSend(t, c, "POST", s.RecoveryURL()+pathRegenerate, "", "")

	log := s.Requests()
	short := shortHash(hashOf(operator))
	want := []Request{
		{Listener: "main", Method: "POST", Path: pathAdmin, Status: 201},
		{Listener: "main", Method: "GET", Path: pathPing, Status: 429, TokenHash: short, Fault: "Answer"},
		{Listener: "main", Method: "GET", Path: "/prefix%2Fx/ping", Query: "a=b", TokenHash: short, Fault: "CutBefore"},
		{Listener: "recovery", Method: "POST", Path: pathRegenerate, Status: 201},
	}
	for i := range log {
		if log[i].Header.Get("Authorization") != "" || log[i].Header.Get("User-Agent") != "probe/1" {
			t.Errorf("header %v", log[i].Header)
		}
		if log[i].UserAgent != "probe/1" {
			t.Errorf("user agent %q", log[i].UserAgent)
		}
		log[i].Header, log[i].UserAgent = nil, ""
	}
	if !reflect.DeepEqual(log, want) {
		t.Errorf("log\n got %+v\nwant %+v", log, want)
	}
	s.ResetRequests()
	if n := len(s.Requests()); n != 0 {
		t.Errorf("%d requests after the reset", n)
	}
}

// TestFaults tells for each kind what the client sees of a regenerate, and whether it happened.
func TestFaults(t *testing.T) {
	t.Parallel()
	closed := make(chan struct{})
	close(closed)
	for name, tc := range map[string]struct {
		fault     Fault
		cut       bool
		truncated bool
		status    int
		body      string // how it starts
		committed bool
	}{
		"CutBefore":      {fault: Fault{Kind: CutBefore}, cut: true},
		"CutAfter":       {fault: Fault{Kind: CutAfter}, cut: true, committed: true},
		"CutUnread":      {fault: Fault{Kind: CutUnread, Listener: "main"}, cut: true},
		"DelayBefore":    {fault: Fault{Kind: DelayBefore, Wait: closed}, status: 201, body: `{"id":0,`, committed: true},
		"DelayAfter":     {fault: Fault{Kind: DelayAfter, Wait: closed}, status: 201, body: `{"id":0,`, committed: true},
		"Answer":         {fault: Fault{Kind: Answer, Status: 503}, status: 503, body: "<html>"},
		"AnswerBody":     {fault: Fault{Kind: Answer, Status: 401, Body: "no"}, status: 401, body: "no"},
		"AnswerAfter":    {fault: Fault{Kind: AnswerAfter, Status: 502}, status: 502, body: "<html>", committed: true},
		"Truncate":       {fault: Fault{Kind: Truncate, Keep: 8}, truncated: true, status: 201, body: `{"id":0,`, committed: true},
		"ReplaceBody":    {fault: Fault{Kind: ReplaceBody, Body: "{}"}, status: 201, body: "{}", committed: true},
		"EmptyBody":      {fault: Fault{Kind: ReplaceBody}, status: 201, committed: true},
		"no body":        {fault: Fault{Kind: Answer, Status: 401, NoBody: true}, status: 401},
		"no body after":  {fault: Fault{Kind: AnswerAfter, Status: 401, NoBody: true}, status: 401, committed: true},
		"Repeat":         {fault: Fault{Kind: Repeat}, status: 401, body: `{"error": "the request was not`, committed: true},
		"Cache":          {fault: Fault{Kind: Cache}, status: 201, body: `{"id":0,`, committed: true},
		"DeliverLate":    {fault: Fault{Kind: DeliverLate, Status: 504}, status: 504, body: "<html>"},
		"cut, late":      {fault: Fault{Kind: DeliverLate}, cut: true},
		"SetHeader":      {fault: Fault{Kind: SetHeader}, status: 201, body: `{"id":0,`, committed: true},
		"other listener": {fault: Fault{Kind: CutBefore, Listener: "recovery"}, status: 201, body: `{"id":0,`, committed: true},
		"other method":   {fault: Fault{Kind: CutBefore, Method: "GET"}, status: 201, body: `{"id":0,`, committed: true},
		"other path":     {fault: Fault{Kind: CutBefore, Path: pathAdmin}, status: 201, body: `{"id":0,`, committed: true},
		"skipped":        {fault: Fault{Kind: CutBefore, Skip: 1}, status: 201, body: `{"id":0,`, committed: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := New(t)
			operator := s.Bootstrap(t)
			reached := make(chan struct{}, 1)
			tc.fault.Reached = reached
			s.Inject(tc.fault)
			a, err := send(t, freshClient(), "POST", s.URL()+pathRegenerate, operator, "")
			switch {
			case tc.cut:
				if !cut(err) {
					t.Errorf("error %v, want a cut connection", err)
				}
			case tc.truncated:
				if !errors.Is(err, io.ErrUnexpectedEOF) {
					t.Errorf("error %v, want an unexpected end", err)
				}
				if n, _ := strconv.Atoi(a.header.Get("Content-Length")); n < 300 || len(a.body) != tc.fault.Keep {
					t.Errorf("Content-Length %d, body of %d bytes", n, len(a.body))
				}
			case err != nil:
				t.Fatal(err)
			}
			if a.status != tc.status || !strings.HasPrefix(a.body, tc.body) || tc.body == "" && a.body != "" {
				t.Errorf("status %d, %d bytes", a.status, len(a.body))
			}
			assertAccepts(t, s, operator, !tc.committed)
			applies := !strings.HasPrefix(name, "other") && name != "skipped"
			if got := len(reached) == 1; got != applies {
				t.Errorf("reached %t, want %t", got, applies)
			}
			// It was to happen once: nothing is left of it.
			if applies {
				if a := mustSend(t, freshClient(), "GET", s.URL()+"/nope", "", ""); a.status != 401 {
					t.Errorf("status %d after the fault", a.status)
				}
			}
		})
	}
}

func TestFaultsInTurn(t *testing.T) {
	t.Parallel()
	s := New(t)
	s.Inject(Fault{Kind: Answer, Status: 500, Skip: 1, Times: 2})
	s.Inject(Fault{Kind: Answer, Status: 502, Path: pathPing})
	s.Inject(Fault{Kind: Answer, Status: 503, Times: -1})
	c := freshClient()
	for i, want := range []int{502, 500, 500, 503, 503, 503} {
		if a := mustSend(t, c, "GET", s.URL()+pathPing, "", ""); a.status != want {
			t.Errorf("request %d: status %d, want %d", i, a.status, want)
		}
	}
	s.ClearFaults()
	if a := mustSend(t, c, "GET", s.URL()+pathPing, "", ""); a.status != 401 {
		t.Errorf("status %d after ClearFaults", a.status)
	}
}

// TestDeniedOnTheWayBack: a proxy can answer anything to what the server has done, or to what it
// never saw.
func TestDeniedOnTheWayBack(t *testing.T) {
	t.Parallel()
	onBoth(t, nil, func(t *testing.T, start func(...Option) *Server) {
		s := start()
		operator := s.Bootstrap(t)
		for _, status := range []int{400, 401, 403, 404, 405, 409, 413, 500, 502} {
			for body, f := range map[string]Fault{"": {NoBody: true}, "<html>": {}, "no": {Body: "no"}} {
				for _, kind := range []FaultKind{Answer, AnswerAfter} {
					f.Kind, f.Status = kind, status
					s.Inject(f)
					a := mustSend(t, freshClient(), "POST", s.URL()+pathRegenerate, operator, "")
					if a.status != status || !strings.HasPrefix(a.body, body) || body == "" && a.body != "" {
						t.Errorf("%s: status %d, %q, want %d, %q", kind, a.status, a.body, status, body)
					}
					if want := map[string]string{"<html>": "text/html"}[body]; a.header.Get("Content-Type") != want || a.header.Get("Date") == "" || a.header.Get("Cluster-Uuid") != "" {
						t.Errorf("%s %d: header %v", kind, status, a.header)
					}
					assertAccepts(t, s, operator, kind == Answer)
					if kind == AnswerAfter {
						s.Replace(t)
						operator = s.Bootstrap(t)
					}
				}
			}
		}
	})
}

// TestEmpty401 is the fault as a 3.7 server sends it: nobody can tell the two apart.
func TestEmpty401(t *testing.T) {
	t.Parallel()
	clock := newClock()
	s := New(t, As("3.7"), Clock(clock.now))
	own := mustSend(t, freshClient(), "GET", s.URL()+pathPing, "bad", "")
	s.Inject(Fault{Kind: Answer, Status: 401, NoBody: true})
	if a := mustSend(t, freshClient(), "GET", s.URL()+pathPing, "bad", ""); own.status != 401 || !reflect.DeepEqual(a, own) {
		t.Errorf("the fault sends %+v, the server %+v", a, own)
	}
}

// TestRepeat: with a named admin token both regenerates succeed, and the first of the two new
// tokens is lost.
func TestRepeat(t *testing.T) {
	t.Parallel()
	onBoth(t, []Option{WithRecovery()}, func(t *testing.T, start func(...Option) *Server) {
		s := start()
		operator := s.Bootstrap(t)
		ci := s.CreateNamedAdmin(t, operator, "ci", 0)
		s.Inject(Fault{Kind: Repeat})
		next := mustSend(t, freshClient(), "POST", s.URL()+pathRegenerate, ci, "").token(t)
		assertAccepts(t, s, operator, false)
		assertAccepts(t, s, next, true)
		s.Inject(Fault{Kind: Repeat})
		if a := mustSend(t, freshClient(), "POST", s.URL()+pathNamedAdmin, ci, `{"token_name":"x"}`); a.status != 409 {
			t.Errorf("status %d of a token that was made a moment ago, want 409", a.status)
		}
		if log := s.Requests(); len(log) != 2 || log[1].Status != 409 || log[1].Fault != "Repeat" {
			t.Errorf("log %+v", log)
		}
		// The recovery listener closes after the first.
		s.Inject(Fault{Kind: Repeat})
		if _, err := send(t, freshClient(), "POST", s.RecoveryURL()+pathRegenerate, "", ""); !cut(err) {
			t.Errorf("error %v, want a cut connection", err)
		}
		assertAccepts(t, s, next, false)
		assertRefused(t, s.RecoveryURL())
	})
}

func TestCache(t *testing.T) {
	t.Parallel()
	clock := newClock()
	s := New(t, Clock(clock.now))
	operator := s.Bootstrap(t)
	const list = `{"db":"_internal","q":"SELECT hash FROM system.tokens"}`
	ask := func(token string) answer {
		return mustSend(t, freshClient(), "POST", s.URL()+pathQuery, token, list)
	}
	first := ask(operator)
	clock.advance(time.Hour)
	next := s.Regenerate(t, operator)
	assertAccepts(t, s, next, true) // is no request of a client
	ask(operator)                   // a 401 is not kept
	s.Inject(Fault{Kind: Cache, Header: http.Header{"Age": {"3600"}}})
	old := ask("nobody")
	if old.header.Get("Age") != "3600" {
		t.Errorf("header %v", old.header)
	}
	old.header.Del("Age")
	if !reflect.DeepEqual(old, first) {
		t.Errorf("got %+v\nwant %+v", old, first)
	}
	if fresh := ask(next); fresh.body == first.body || fresh.header.Get("Date") == first.header.Get("Date") {
		t.Errorf("after the fault %+v", fresh)
	}
	// Nothing is kept of another path or method.
	s.Inject(Fault{Kind: Cache, Times: 2})
	if a := mustSend(t, freshClient(), "GET", s.URL()+pathPing, "nobody", ""); a.status != 401 {
		t.Errorf("status %d", a.status)
	}
	if a := mustSend(t, freshClient(), "GET", s.URL()+pathQuery, "nobody", ""); a.status != 401 {
		t.Errorf("status %d", a.status)
	}
}

// TestDeliverLate: what the client was told has failed is carried out when nobody expects it.
func TestDeliverLate(t *testing.T) {
	t.Parallel()
	onBoth(t, []Option{WithRecovery()}, func(t *testing.T, start func(...Option) *Server) {
		t.Run("Deliver", func(t *testing.T) {
			t.Parallel()
			s := start()
			operator := s.Bootstrap(t)
			if got := s.Deliver(); got != nil {
				t.Errorf("%v delivered, want nothing", got)
			}
			s.Inject(Fault{Kind: DeliverLate, Status: 504, Times: 2})
			for range 2 {
				if a := mustSend(t, freshClient(), "POST", s.URL()+pathRegenerate, operator, ""); a.status != 504 {
					t.Errorf("status %d, want 504", a.status)
				}
			}
			s.ClearFaults()
			assertAccepts(t, s, operator, true)
			if got := s.Deliver(); !reflect.DeepEqual(got, []int{201, 401}) {
				t.Errorf("statuses %v, want 201 and then 401", got)
			}
			assertAccepts(t, s, operator, false)
			if got := s.Deliver(); got != nil {
				t.Errorf("%v delivered twice", got)
			}
		})
		t.Run("DeliverAfter", func(t *testing.T) {
			t.Parallel()
			s := start()
			operator := s.Bootstrap(t)
			s.Inject(Fault{Kind: DeliverLate, DeliverAfter: 2})
			if _, err := send(t, freshClient(), "POST", s.URL()+pathRegenerate, operator, ""); !cut(err) {
				t.Errorf("error %v, want a cut connection", err)
			}
			for i, want := range []int{200, 200, 401} {
				assertAccepts(t, s, operator, i < 2)
				if a := mustSend(t, freshClient(), "GET", s.URL()+pathPing, operator, ""); a.status != want {
					t.Errorf("request %d: status %d, want %d", i, a.status, want)
				}
			}
			if got := s.Deliver(); got != nil {
				t.Errorf("%v delivered twice", got)
			}
		})
		t.Run("recovery", func(t *testing.T) {
			t.Parallel()
			s := start()
			operator := s.Bootstrap(t)
			s.Inject(Fault{Listener: "recovery", Kind: DeliverLate, Status: 504, Times: 2})
			for range 2 {
				mustSend(t, freshClient(), "POST", s.RecoveryURL()+pathRegenerate, "", "")
			}
			if got := s.Deliver(); !reflect.DeepEqual(got, []int{201, 0}) {
				t.Errorf("statuses %v, want 201 and then none: the listener is gone", got)
			}
			assertAccepts(t, s, operator, false)
			assertRefused(t, s.RecoveryURL())
		})
	})
}

func TestSetHeader(t *testing.T) {
	t.Parallel()
	onBoth(t, nil, func(t *testing.T, start func(...Option) *Server) {
		s := start()
		operator := s.Bootstrap(t)
		const skewed = "Sun, 01 Mar 2020 12:30:15 GMT"
		s.Inject(Fault{Kind: SetHeader, Times: -1, Header: http.Header{"cluster-uuid": nil, "Date": {skewed}}})
		s.Inject(Fault{Kind: SetHeader, Path: pathPing, Header: http.Header{"X-Influxdb-Build": {"Other"}}})
		s.Inject(Fault{Kind: Answer, Status: 503, Path: pathHealth, Header: http.Header{"Retry-After": {"7"}}})
		for path, want := range map[string]answer{
			pathPing:   {status: 200, header: http.Header{"X-Influxdb-Build": {"Other"}}},
			pathHealth: {status: 503, header: http.Header{"Retry-After": {"7"}}},
			"/nope":    {status: 404},
		} {
			a := mustSend(t, freshClient(), "GET", s.URL()+path, operator, "")
			if a.status != want.status || a.header["Cluster-Uuid"] != nil || !reflect.DeepEqual(a.header["Date"], []string{skewed}) {
				t.Errorf("%s: %+v", path, a)
			}
			for k := range want.header {
				if a.header.Get(k) != want.header.Get(k) {
					t.Errorf("%s: header %v", path, a.header)
				}
			}
		}
		if a := mustSend(t, freshClient(), "GET", s.URL()+pathPing, operator, ""); a.header.Get("X-Influxdb-Build") != "Core" {
			t.Errorf("header %v, want the server's own again", a.header)
		}
		faults := map[string]string{}
		for _, r := range s.Requests() {
			faults[r.Path] = r.Fault
		}
		if want := map[string]string{pathPing: "SetHeader", pathHealth: "Answer", "/nope": "SetHeader"}; !reflect.DeepEqual(faults, want) {
			t.Errorf("faults in the log %v, want %v", faults, want)
		}
		// The other kinds that pass a reply on have headers, too.
		s.ClearFaults()
		s.Inject(Fault{Kind: ReplaceBody, Header: http.Header{"Content-Type": {"text/html"}, "Cluster-Uuid": nil}})
		if a := mustSend(t, freshClient(), "GET", s.URL()+pathPing, operator, ""); a.header.Get("Content-Type") != "text/html" || a.header["Cluster-Uuid"] != nil || a.body != "" {
			t.Errorf("answer %+v", a)
		}
	})
}

// onBoth runs the test with the embedded server and in front of a process.
func onBoth(t *testing.T, opts []Option, test func(t *testing.T, start func(...Option) *Server)) {
	t.Helper()
	for name, bin := range map[string]string{"embedded": "", "process": builtBinary(t)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, func(more ...Option) *Server {
				return newServer(t, bin, newConfig(slices.Concat(opts, more)))
			})
		})
	}
}

// TestCutUnreadKeptConnection: a client that keeps its connection meets the fault, too.
func TestCutUnreadKeptConnection(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string][]Option{"http": nil, "https": {WithTLS()}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := New(t, opts...)
			c := clientFor(t, s)
			mustSend(t, c, "POST", s.URL()+pathAdmin, "", "")
			s.Inject(Fault{Kind: CutUnread})
			if _, err := send(t, c, "POST", s.URL()+pathAdmin, "", ""); !cut(err) {
				t.Errorf("error %v, want a cut connection", err)
			}
			if a := mustSend(t, c, "POST", s.URL()+pathAdmin, "", ""); a.status != 409 {
				t.Errorf("status %d", a.status)
			}
			if n := len(s.Requests()); n != 2 {
				t.Errorf("%d requests in the log, want 2: what was not read is not logged", n)
			}
		})
	}
}

// clientFor trusts the server's certificate.
func clientFor(t *testing.T, s *Server) *http.Client {
	t.Helper()
	tr := &http.Transport{}
	if s.CACert() != "" {
		roots := x509.NewCertPool()
		if !roots.AppendCertsFromPEM([]byte(s.CACert())) {
			t.Fatal("CACert is not PEM")
		}
		tr.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots}
	}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr}
}

// TestDelay: a request that is held commits only afterwards, or before, and not at all when its
// client gives up first.
func TestDelay(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		kind                 FaultKind
		giveUp               bool
		committedHeld, after bool
	}{
		"before":          {kind: DelayBefore, after: true},
		"before, give up": {kind: DelayBefore, giveUp: true},
		"after":           {kind: DelayAfter, committedHeld: true, after: true},
		"after, give up":  {kind: DelayAfter, giveUp: true, committedHeld: true, after: true},
		"cut after":       {kind: CutAfter, committedHeld: true, after: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := New(t)
			operator := s.Bootstrap(t)
			wait, reached := make(chan struct{}), make(chan struct{}, 1)
			s.Inject(Fault{Kind: tc.kind, Wait: wait, Reached: reached})
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			done := make(chan error, 1)
			go func() {
				_, err := sendContext(ctx, t, freshClient(), "POST", s.URL()+pathRegenerate, operator, "")
				done <- err
			}()
			<-reached
			assertAccepts(t, s, operator, !tc.committedHeld)
			if tc.giveUp {
				cancel()
				// Down ends what is left of the connection before the wait ends.
				if err := <-done; !errors.Is(err, context.Canceled) {
					t.Errorf("error %v", err)
				}
				s.Down()
				s.Up()
			} else {
				close(wait)
				if err := <-done; (err != nil) != (tc.kind == CutAfter) {
					t.Errorf("error %v", err)
				}
			}
			assertAccepts(t, s, operator, !tc.after)
		})
	}
}

// TestGivenUp: a client that has gone ends a wait that nobody else would, and nothing is committed.
func TestGivenUp(t *testing.T) {
	t.Parallel()
	asked := false
	f := &front{now: time.Now, backend: backend{main: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked = true })}}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := httptest.NewRequestWithContext(ctx, "POST", pathRegenerate, nil)
	never, over := make(chan struct{}), make(chan struct{})
	close(over)
	for _, wait := range []chan struct{}{never, over} {
		if _, err := f.faulty("main", &Fault{Kind: DelayBefore, Wait: wait}, r); !errors.Is(err, context.Canceled) || asked {
			t.Errorf("error %v, asked %t", err, asked)
		}
	}
}

func TestDownAndUp(t *testing.T) {
	t.Parallel()
	s := New(t, WithRecovery())
	operator := s.Bootstrap(t)
	c := clientFor(t, s)
	mustSend(t, c, "GET", s.URL()+pathPing, operator, "")
	url := s.URL()
	s.Down()
	if a, err := send(t, c, "GET", url+pathPing, operator, ""); err == nil {
		t.Errorf("a kept connection answers %d while the server is down", a.status)
	}
	assertRefused(t, url)
	assertRefused(t, s.RecoveryURL())
	assertAccepts(t, s, operator, true)
	s.Up()
	if s.URL() != url {
		t.Errorf("URL %s, want %s", s.URL(), url)
	}
	if a := mustSend(t, c, "GET", url+pathPing, operator, ""); a.status != 200 {
		t.Errorf("status %d after Up", a.status)
	}
	if a := mustSend(t, c, "POST", s.RecoveryURL()+pathRegenerate, "", ""); a.status != 201 {
		t.Errorf("status %d of the recovery after Up", a.status)
	}
	assertRefused(t, s.RecoveryURL())
	s.Down()
	s.Up()
	assertRefused(t, s.RecoveryURL())
}

func TestRecoveryClosesForLostReplies(t *testing.T) {
	t.Parallel()
	s := New(t, WithRecovery())
	operator := s.Bootstrap(t)
	s.Inject(Fault{Listener: "recovery", Kind: CutAfter})
	if _, err := send(t, freshClient(), "POST", s.RecoveryURL()+pathRegenerate, "", ""); !cut(err) {
		t.Errorf("error %v, want a cut connection", err)
	}
	assertAccepts(t, s, operator, false)
	assertRefused(t, s.RecoveryURL())
}

// TestServerOutlivesClient: what has reached the server is carried out, whatever the client does.
func TestServerOutlivesClient(t *testing.T) {
	t.Parallel()
	s := New(t)
	s.front.mu.Lock()
	s.front.backend.main = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Context().Done() != nil {
			w.WriteHeader(http.StatusTeapot)
		}
	})
	s.front.mu.Unlock()
	if a := mustSend(t, freshClient(), "GET", s.URL(), "", ""); a.status != 200 {
		t.Errorf("the client can cancel the server's work")
	}
}

func TestReplace(t *testing.T) {
	t.Parallel()
	s := New(t, WithRecovery())
	operator, uuid, url := s.Bootstrap(t), s.ClusterUUID(t), s.URL()
	mustSend(t, freshClient(), "POST", s.RecoveryURL()+pathRegenerate, "", "")
	s.Replace(t)
	assertAccepts(t, s, operator, false)
	if got := s.ClusterUUID(t); got == uuid || got == "" {
		t.Errorf("cluster-uuid %q, was %q", got, uuid)
	}
	if a := mustSend(t, freshClient(), "POST", url+pathAdmin, "", ""); a.status != 201 {
		t.Errorf("status %d of a bootstrap, want 201", a.status)
	}
	if a := mustSend(t, freshClient(), "POST", s.RecoveryURL()+pathRegenerate, "", ""); a.status != 201 {
		t.Errorf("status %d of a recovery, want 201", a.status)
	}
	s.Down()
	s.Replace(t)
	assertRefused(t, url)
}

func TestWithTLS(t *testing.T) {
	t.Parallel()
	s := New(t, WithTLS(), WithRecovery())
	if !strings.HasPrefix(s.URL(), "https://") || !strings.HasPrefix(s.RecoveryURL(), "https://") {
		t.Errorf("URLs %s, %s", s.URL(), s.RecoveryURL())
	}
	c := clientFor(t, s)
	mustSend(t, c, "POST", s.URL()+pathAdmin, "", "").token(t)
	mustSend(t, c, "POST", s.RecoveryURL()+pathRegenerate, "", "").token(t)
	if _, err := send(t, freshClient(), "GET", s.URL()+pathPing, "", ""); err == nil {
		t.Error("an unknown authority was accepted")
	}
}

func TestWithTokenFile(t *testing.T) {
	t.Parallel()
	token := tokenPrefix + "short"
	s := New(t, WithTokenFile("file-admin", token))
	assertAccepts(t, s, token, true)
	if a := mustSend(t, freshClient(), "POST", s.URL()+pathRegenerate, token, ""); a.status != 500 || a.body != "missing admin token, cannot update" {
		t.Errorf("answer %+v", a)
	}
	s.Bootstrap(t)
	if err := (config{version: "3.10", tokenFile: &tokenFile{Token: "secret"}}).check(); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("error %v", err)
	}
}

// TestWithTokenFileExpiring: no operator token outlives the expiry of the token file.
func TestWithTokenFileExpiring(t *testing.T) {
	t.Parallel()
	clock, token := newClock(), newToken()
	s := New(t, WithTokenFileExpiring(operatorName, token, clock.now().Add(time.Minute)), Clock(clock.now))
	ci := s.CreateNamedAdmin(t, token, "ci", 0)
	next := s.Regenerate(t, token)
	clock.advance(time.Minute - time.Millisecond)
	assertAccepts(t, s, next, true)
	clock.advance(time.Millisecond)
	assertAccepts(t, s, next, false)
	assertAccepts(t, s, s.Regenerate(t, ci), false)
	assertAccepts(t, s, ci, true)
}

func TestOpenResources(t *testing.T) {
	t.Parallel()
	s := New(t, DisableAuthz("ping"))
	if a := mustSend(t, freshClient(), "GET", s.URL()+pathPing, "bad", ""); a.status != 200 {
		t.Errorf("status %d of /ping", a.status)
	}
	if a := mustSend(t, freshClient(), "GET", s.URL()+pathHealth, "bad", ""); a.status != 401 {
		t.Errorf("status %d of /health", a.status)
	}
	assertAccepts(t, s, "bad", false)
	s = New(t, WithoutAuth())
	if a := mustSend(t, freshClient(), "POST", s.URL()+pathAdmin, "", ""); a.status != 405 {
		t.Errorf("status %d without auth", a.status)
	}
}

func TestLag(t *testing.T) {
	t.Parallel()
	clock := newClock()
	s := New(t, Lag(10*time.Second), Clock(clock.now))
	operator := s.Bootstrap(t)
	ping := func(token string) int {
		return mustSend(t, freshClient(), "GET", s.URL()+pathPing, token, "").status
	}
	assertAccepts(t, s, operator, false)
	if got := ping(operator); got != 200 {
		t.Errorf("status %d on the first node", got)
	}
	clock.advance(10 * time.Second)
	assertAccepts(t, s, operator, true)

	next := s.Regenerate(t, operator)
	clock.advance(4 * time.Second)
	last := s.Regenerate(t, next)
	if ping(operator) != 401 || ping(next) != 401 || ping(last) != 200 {
		t.Error("the first node is behind")
	}
	assertAccepts(t, s, operator, true)
	clock.advance(6*time.Second - 1)
	assertAccepts(t, s, operator, true)
	clock.advance(1)
	assertAccepts(t, s, operator, false)
	assertAccepts(t, s, next, true)
	assertAccepts(t, s, last, false)
	clock.advance(4 * time.Second)
	assertAccepts(t, s, next, false)
	assertAccepts(t, s, last, true)
}

func TestClock(t *testing.T) {
	t.Parallel()
	clock := newClock()
	s := New(t, Clock(clock.now))
	operator := s.Bootstrap(t)
	short := s.CreateNamedAdmin(t, operator, "short", 60)
	a := mustSend(t, freshClient(), "GET", s.URL()+pathPing, operator, "")
	if got := a.header.Get("Date"); got != "Sun, 01 Mar 2026 12:30:15 GMT" {
		t.Errorf("Date %q", got)
	}
	clock.advance(time.Minute - time.Millisecond)
	operator = s.Regenerate(t, operator)
	rows := mustSend(t, freshClient(), "POST", s.URL()+pathQuery, operator, `{"db":"_internal","q":"SELECT created_at, updated_at, expiry FROM system.tokens"}`)
	if want := `[{"created_at":"2026-03-01T12:30:15.123","updated_at":"2026-03-01T12:31:15.122"},{"created_at":"2026-03-01T12:30:15.123","expiry":"2026-03-01T12:31:15.123"}]`; rows.body != want {
		t.Errorf("rows\n got %s\nwant %s", rows.body, want)
	}
	assertAccepts(t, s, short, true)
	clock.advance(time.Millisecond)
	assertAccepts(t, s, short, false)
}

func TestEnterprise(t *testing.T) {
	t.Parallel()
	s := New(t, Enterprise())
	c := freshClient()
	operator := s.Bootstrap(t)
	a := mustSend(t, c, "GET", s.URL()+pathPing, operator, "")
	if !strings.HasPrefix(a.body, `{"product_name":"InfluxDB 3 Enterprise",`) || a.header.Get("X-Influxdb-Build") != "Enterprise" {
		t.Errorf("ping %+v", a)
	}
	named := s.CreateNamedAdmin(t, operator, "ci", 0)
	body := `{"token_name":"r","permissions":[{"resource_type":"db","resource_names":["a","b"],"actions":["read","write"]},{"resource_type":"system","resource_names":["health"],"actions":["read"]}],"expiry_secs":60}`
	resource := mustSend(t, c, "POST", s.URL()+pathResource, named, body).token(t)
	assertAccepts(t, s, resource, true)
	for _, token := range []string{named, resource} {
		if a := mustSend(t, c, "POST", s.URL()+pathRegenerate, token, ""); a.status != 403 {
			t.Errorf("status %d of a regenerate, want 403", a.status)
		}
	}
	rows := mustSend(t, c, "POST", s.URL()+pathQuery, operator, `{"db":"_internal","q":"select name, permissions from system.tokens order by token_id"}`)
	if want := `[{"name":"_admin","permissions":"*:*:*"},{"name":"ci","permissions":"*:*:*"},{"name":"r","permissions":"[\"db:a,b:read,write\",\"system:health:read\"]"}]`; rows.body != want {
		t.Errorf("rows\n got %s\nwant %s", rows.body, want)
	}
	for _, bad := range []string{
		`{"token_name":"x"}`,
		`{"token_name":"x","permissions":[{"resource_type":"table","resource_names":["a"],"actions":["read"]}]}`,
		`{"token_name":"x","permissions":[{"resource_type":"db","resource_names":["*","a"],"actions":["read"]}]}`,
		`{"token_name":"x","permissions":[{"resource_type":"system","resource_names":["ping"],"actions":["write"]}]}`,
		`{"token_name":"x","permissions":[{"resource_type":"db","resource_identifier":["a"],"actions":["read"]}]}`,
	} {
		if a := mustSend(t, c, "POST", s.URL()+pathResource, operator, bad); a.status != 400 {
			t.Errorf("status %d for %s", a.status, bad)
		}
	}
}

func TestQuery(t *testing.T) {
	t.Parallel()
	// A real server answers any SQL.
	s := New(t, As("3.10"))
	operator := s.Bootstrap(t)
	s.CreateNamedAdmin(t, operator, `it's "a",b`, 0)
	for name, tc := range map[string]struct {
		query  string
		status int
		body   string
	}{
		"literal":       {`{"db":"_internal","q":"Select TOKEN_ID From system.tokens Where name = 'it''s \"a\",b';","format":"json"}`, 200, `[{"token_id":1}]`},
		"parameter":     {`{"db":"_internal","q":"SELECT token_id FROM system.tokens WHERE name=$n ORDER BY token_id","params":{"n":"_admin"}}`, 200, `[{"token_id":0}]`},
		"hash":          {`{"db":"_internal","q":"SELECT token_id FROM system.tokens WHERE HASH = '` + shortHash(hashOf(operator)) + `'"}`, 200, `[{"token_id":0}]`},
		"no such hash":  {`{"db":"_internal","q":"SELECT token_id FROM system.tokens WHERE hash = $h","params":{"h":"` + hashOf(operator) + `"}}`, 200, `[]`},
		"or":            {`{"db":"_internal","q":"SELECT token_id FROM system.tokens WHERE hash=$b OR name=$a","params":{"a":"nobody","b":"` + shortHash(hashOf(operator)) + `"}}`, 200, `[{"token_id":0}]`},
		"three":         {`{"db":"_internal","q":"SELECT token_id FROM system.tokens WHERE name=$a or name='x OR name = $b' OR name = $b ORDER BY token_id","params":{"b":"_admin","a":"it's \"a\",b"}}`, 200, `[{"token_id":0},{"token_id":1}]`},
		"and":           {`{"db":"_internal","q":"SELECT token_id FROM system.tokens WHERE hash='x' AND name='y'"}`, 400, errSQL.Error()},
		"csv":           {`{"db":"_internal","q":"SELECT name,expiry FROM system.tokens","format":"csv"}`, 200, "name,expiry\n_admin,\n\"it's \"\"a\"\",b\",\n"},
		"jsonl":         {`{"db":"_internal","q":"SELECT token_id FROM system.tokens","format":"jsonl"}`, 200, "{\"token_id\":0}\n{\"token_id\":1}\n"},
		"no parameter":  {`{"db":"_internal","q":"SELECT name FROM system.tokens WHERE name=$n"}`, 400, errSQL.Error()},
		"other order":   {`{"db":"_internal","q":"SELECT name FROM system.tokens ORDER BY name"}`, 400, errSQL.Error()},
		"other where":   {`{"db":"_internal","q":"SELECT name FROM system.tokens WHERE expiry='x'"}`, 400, errSQL.Error()},
		"other table":   {`{"db":"_internal","q":"SELECT name FROM system.nodes"}`, 400, errSQL.Error()},
		"keyword value": {`{"db":"_internal","q":"SELECT name FROM system.tokens 'where' name = 'x'"}`, 400, errSQL.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if a := mustSend(t, freshClient(), "POST", s.URL()+pathQuery, operator, tc.query); a.status != tc.status || a.body != tc.body {
				t.Errorf("%d %s\nwant %d %s", a.status, a.body, tc.status, tc.body)
			}
		})
	}
}

// TestTimes: the comparison with the recordings looks at the shape of a time only roughly.
func TestTimes(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		millis     int64
		utc, naive string
	}{
		{1745071365331, "2025-04-19T14:02:45.331Z", "2025-04-19T14:02:45.331"},
		{1745071365330, "2025-04-19T14:02:45.330Z", "2025-04-19T14:02:45.330"},
		{1745071365000, "2025-04-19T14:02:45Z", "2025-04-19T14:02:45"},
		{317371510176804, "+12027-02-07T08:49:36.804Z", "+12027-02-07T08:49:36.804"},
		{maxMillis, "+262142-12-31T23:59:59.999Z", "+262142-12-31T23:59:59.999"},
	} {
		if got := utc(tc.millis); got != tc.utc {
			t.Errorf("utc %s, want %s", got, tc.utc)
		}
		if got := naive(tc.millis); got != tc.naive {
			t.Errorf("naive %s, want %s", got, tc.naive)
		}
	}
}

func TestFlags(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		args []string
		want string // part of the error, "" for none
	}{
		"all of them": {args: []string{"--node-id=n", "--http-bind", "127.0.0.1:0", "--disable-telemetry-upload", "--object-store=file", "--data-dir", "d",
			"--admin-token-recovery-http-bind=127.0.0.1:0", "--without-auth", "--disable-authz", "ping,health,metrics", "--tls-key", "k", "--tls-cert=c",
			"--admin-token-file", "f", "--tcp-listener-file-path", "p", "--admin-token-recovery-tcp-listener-file-path", "q", "--as", "3.4"}},
		"unknown":       {[]string{"--node-id", "n", "--tokn=apiv3_secret"}, "not defined: -tokn"},
		"no node":       {nil, "--node-id is required"},
		"argument":      {[]string{"apiv3_secret"}, "unexpected argument"},
		"no value":      {[]string{"--node-id"}, "needs an argument: -node-id"},
		"empty value":   {[]string{"--node-id="}, "--node-id is required"},
		"empty address": {[]string{"--node-id", "n", "--http-bind="}, "--http-bind must be HOST:PORT"},
		"store":         {[]string{"--node-id", "n", "--object-store", "s3"}, "memory or file"},
		"no directory":  {[]string{"--node-id", "n", "--object-store", "file"}, "needs --data-dir"},
		"directory":     {[]string{"--node-id", "n", "--data-dir", "d"}, "needs --object-store file"},
		"address":       {[]string{"--node-id", "n", "--http-bind", "8181"}, "--http-bind must be HOST:PORT"},
		"authz":         {[]string{"--node-id", "n", "--disable-authz", "ping,nope"}, "--disable-authz must be"},
		"version":       {[]string{"--node-id", "n", "--as", "3.8"}, "--as must be"},
		"key":           {[]string{"--node-id", "n", "--tls-key", "k"}, "need each other"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := parseServe(tc.args)
			switch {
			case tc.want == "" && err != nil:
				t.Error(err)
			case tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "secret")):
				t.Errorf("error %v, want %q", err, tc.want)
			}
			if tc.want != "" {
				ctx, stop := context.WithCancel(t.Context())
				stop() // it would serve if it took them
				if code := Command(ctx, append([]string{"serve"}, tc.args...), io.Discard); code != 2 {
					t.Errorf("exit code %d, want 2", code)
				}
			}
		})
	}
}

func TestCommandRefusesTokenFile(t *testing.T) {
	t.Parallel()
	path, err := tokenFile{Name: operatorName, Token: "wrong_secret"}.write(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	code := Command(t.Context(), []string{"serve", "--node-id", "n", "--http-bind", "127.0.0.1:0", "--admin-token-file", path}, &out)
	if code != 1 || !strings.Contains(out.String(), "does not start with apiv3_") || strings.Contains(out.String(), "secret") {
		t.Errorf("exit code %d, %s", code, &out)
	}
}

// The command is built at most once, for all tests that need a process.
var (
	binaryDir string
	binary    = sync.OnceValues(func() (string, error) {
		bin := filepath.Join(binaryDir, "influxdb3test")
		if out, err := exec.Command("go", "build", "-o", bin, "./cmd/influxdb3test").CombinedOutput(); err != nil {
			return "", fmt.Errorf("go build: %w\n%s", err, out)
		}
		return bin, nil
	})
)

func TestMain(m *testing.M) {
	var err error
	if binaryDir, err = os.MkdirTemp("", "influxdb3test-"); err != nil {
		panic(err)
	}
	code := m.Run()
	_ = os.RemoveAll(binaryDir)
	os.Exit(code)
}

func builtBinary(t *testing.T) string {
	t.Helper()
	bin, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	return bin
}

// serveProcess runs the command and returns its URL as soon as it listens.
func serveProcess(t *testing.T, args ...string) (*exec.Cmd, string) {
	t.Helper()
	cmd := exec.Command(builtBinary(t), append([]string{"serve", "--node-id", "n1", "--http-bind", "127.0.0.1:0"}, args...)...)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := startChild(cmd); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	line, err := bufio.NewReader(stderr).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(line, "listening on ")
	if !ok {
		t.Fatalf("it says %q", line)
	}
	url, _, _ := strings.Cut(rest, " ")
	return cmd, url
}

func TestFileStoreSurvivesKill(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	c := freshClient()
	token, uuid := "", ""
	for round := range 4 {
		cmd, url := serveProcess(t, "--object-store", "file", "--data-dir", dir)
		var a answer
		if round == 0 {
			a = mustSend(t, c, "POST", url+pathAdmin, "", "")
			uuid = a.header.Get("Cluster-Uuid")
		} else {
			a = mustSend(t, c, "POST", url+pathRegenerate, token, "")
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait()
		if a.status != 201 || a.header.Get("Cluster-Uuid") != uuid {
			t.Fatalf("round %d: status %d, cluster-uuid %s, want 201 and %s", round, a.status, a.header.Get("Cluster-Uuid"), uuid)
		}
		token = a.token(t)
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		b, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(b), tokenPrefix) {
			t.Errorf("%s holds a token", f.Name())
		}
	}
	if len(files) != 1 {
		t.Errorf("%d files in the data directory, want 1", len(files))
	}
}

func TestCommandStopsCleanly(t *testing.T) {
	t.Parallel()
	for _, sig := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		t.Run(sig.String(), func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "address")
			cmd, url := serveProcess(t, "--tcp-listener-file-path", file)

			if b, err := os.ReadFile(file); err != nil || "http://"+string(b) != url {
				t.Errorf("address file %q, %v, want that of %s", b, err, url)
			}
			if err := cmd.Process.Signal(sig); err != nil {
				t.Fatal(err)
			}
			if err := cmd.Wait(); err != nil {
				t.Errorf("it ended with %v", err)
			}
			assertRefused(t, url)
		})
	}
}

// TestServerEndsWithParent: a test that is killed leaves no server behind. The test that is killed
// is this one again, in a process of its own.
func TestServerEndsWithParent(t *testing.T) {
	const child = "INFLUXDB3TEST_CHILD_STARTS"
	if bin := os.Getenv(child); bin != "" {
		s, err := tryReal(bin, nil, false)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Println(s.main)
		<-s.exited
		t.Fatal("the server has ended before its parent")
	}
	t.Parallel()
	parent := exec.Command(os.Args[0], "-test.run=^TestServerEndsWithParent$", "-test.timeout=1m")
	parent.Env = append(os.Environ(), child+"="+builtBinary(t), "TMPDIR="+t.TempDir())
	stdout, err := parent.StdoutPipe()
	if err := errors.Join(err, parent.Start()); err != nil {
		t.Fatal(err)
	}
	address, err := bufio.NewReader(stdout).ReadString('\n')
	if err := errors.Join(err, parent.Process.Kill()); err != nil {
		t.Fatal(err)
	}
	_ = parent.Wait() // it was killed
	address = strings.TrimSpace(address)
	for range 500 {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			return
		}
		_ = conn.Close()
		time.Sleep(20 * time.Millisecond)
	}
	t.Errorf("the server at %s is still there", address)
}

// TestReal puts the front before a process, the command itself, as it does before a real influxdb3.
func TestReal(t *testing.T) {
	t.Parallel()
	start := func(t *testing.T, opts ...Option) *Server {
		t.Helper()
		s := newServer(t, builtBinary(t), newConfig(opts))
		if !s.Real() {
			t.Fatal("not in front of a process")
		}
		return s
	}
	t.Run("passes through", func(t *testing.T) {
		t.Parallel()
		s := start(t, WithRecovery(), WithTLS())
		c := clientFor(t, s)
		a := mustSend(t, c, "POST", s.URL()+pathAdmin, "", "")
		operator := a.token(t)
		if a.header.Get("Content-Type") != "json" || a.header.Get("Cluster-Uuid") == "" || len(a.header["Date"]) != 1 {
			t.Errorf("header %v", a.header)
		}
		if a := mustSend(t, c, "GET", s.URL()+"/nope", "", ""); a.status != 401 || a.header["Content-Type"] != nil {
			t.Errorf("answer %+v", a)
		}
		ci := s.CreateNamedAdmin(t, operator, "a b/c?d&e", 0)
		assertAccepts(t, s, ci, true)
		if a := mustSend(t, c, "DELETE", s.URL()+pathToken+"?token_name=a+b%2Fc%3Fd%26e", operator, ""); a.status != 200 {
			t.Errorf("status %d of a delete", a.status)
		}
		mustSend(t, c, "POST", s.RecoveryURL()+pathRegenerate, "", "").token(t)
		assertAccepts(t, s, operator, false)
		assertRefused(t, strings.Replace(s.RecoveryURL(), "https", "http", 1))
	})
	t.Run("faults and Replace", func(t *testing.T) {
		t.Parallel()
		token := newToken()
		s := start(t, WithTokenFile(operatorName, token), DisableAuthz("ping"))
		uuid := s.ClusterUUID(t)
		s.Inject(Fault{Kind: CutAfter, Path: pathRegenerate})
		if _, err := send(t, freshClient(), "POST", s.URL()+pathRegenerate, token, ""); !cut(err) {
			t.Errorf("error %v, want a cut connection", err)
		}
		assertAccepts(t, s, token, false)
		s.Down()
		assertRefused(t, s.URL())
		s.Up()
		s.Replace(t)
		assertAccepts(t, s, token, true)
		if got := s.ClusterUUID(t); got == uuid || got == "" {
			t.Errorf("cluster-uuid %q, was %q", got, uuid)
		}
	})
	t.Run("token file that expires", func(t *testing.T) {
		t.Parallel()
		token := newToken()
		s := start(t, WithTokenFileExpiring(operatorName, token, time.Date(2999, 1, 2, 3, 4, 5, 0, time.UTC)))
		rows := mustSend(t, freshClient(), "POST", s.URL()+pathQuery, token, `{"db":"_internal","q":"SELECT name, expiry FROM system.tokens"}`)
		if want := `[{"name":"_admin","expiry":"2999-01-02T03:04:05"}]`; rows.body != want {
			t.Errorf("rows %s, want %s", rows.body, want)
		}
		token = newToken()
		assertAccepts(t, start(t, WithTokenFileExpiring(operatorName, token, time.Unix(1, 0))), token, false)
	})
	t.Run("options for the embedded one", func(t *testing.T) {
		t.Parallel()
		for name, o := range map[string]Option{"As": As("3.10"), "Enterprise": Enterprise(), "Lag": Lag(time.Second), "Clock": Clock(time.Now)} {
			if s := newServer(t, builtBinary(t), newConfig([]Option{o})); s.Real() {
				t.Errorf("%s asked a real server", name)
			}
		}
	})
}

// TestProxyPassesBreaksOn: where the server breaks off, before a reply or in it, so does the front.
func TestProxyPassesBreaksOn(t *testing.T) {
	t.Parallel()
	broken := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/half" {
			w.Header().Set("Content-Length", "10")
			_, _ = io.WriteString(w, "half")
			_ = http.NewResponseController(w).Flush()
		}
		panic(http.ErrAbortHandler)
	}))
	t.Cleanup(broken.Close)
	s := New(t)
	s.front.mu.Lock()
	s.front.backend.main = proxyTo(broken.Listener.Addr().String())
	s.front.mu.Unlock()
	for _, path := range []string{"/none", "/half"} {
		if _, err := send(t, freshClient(), "POST", s.URL()+path, "", ""); !cut(err) {
			t.Errorf("%s: error %v, want a cut connection", path, err)
		}
	}
}
