package influxdb3_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"testing"
	"time"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3"
	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3test"
)

// A port that accepts and closes can do so before the request is written, which nobody can
// bring about at will.
func TestNotUp_closedEarly(t *testing.T) {
	t.Parallel()
	early := &url.Error{Op: "Options", URL: "http://localhost", Err: errors.New("http: server closed idle connection")}
	if !(&influxdb3.Error{Err: early}).NotUp() {
		t.Error("a server that closes the connection counts as one that is up")
	}
}

// TestNotUp: which failures of a look mean that the server is not there yet.
func TestNotUp(t *testing.T) {
	t.Parallel()
	answering := func(status int) func(*testing.T) string {
		return func(t *testing.T) string {
			t.Helper()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Location", r.URL.String())
				w.WriteHeader(status)
			}))
			t.Cleanup(server.Close)
			return server.URL
		}
	}
	// A forwarded port accepts, and closes or stays silent as long as nobody is behind it.
	accepting := func(then func(net.Conn)) func(*testing.T) string {
		return func(t *testing.T) string {
			t.Helper()
			listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = listener.Close() })
			go func() {
				for {
					conn, err := listener.Accept()
					if err != nil {
						return
					}
					then(conn)
				}
			}()
			return listener.Addr().String()
		}
	}
	reset := accepting(func(conn net.Conn) {
		_ = conn.(*net.TCPConn).SetLinger(0) //nolint:forcetypeassert // it listens for TCP
		_ = conn.Close()
	})
	silent := accepting(func(conn net.Conn) { t.Cleanup(func() { _ = conn.Close() }) })
	with := func(scheme string, host func(*testing.T) string) func(*testing.T) string {
		return func(t *testing.T) string {
			t.Helper()
			return scheme + "://" + host(t)
		}
	}
	for name, test := range map[string]struct {
		url  func(*testing.T) string
		want bool
	}{
		"nobody listens":     {func(*testing.T) string { return "http://127.0.0.1:1" }, true},
		"no such name":       {func(*testing.T) string { return "http://name.invalid" }, true},
		"closes":             {with("http", accepting(func(conn net.Conn) { _ = conn.Close() })), true},
		"closes before TLS":  {with("https", accepting(func(conn net.Conn) { _ = conn.Close() })), true},
		"resets":             {with("http", reset), true},
		"resets before TLS":  {with("https", reset), true},
		"is silent":          {with("http", silent), true},
		"is no HTTP":         {with("http", func(t *testing.T) string { t.Helper(); return listenRaw(t, "SSH-2.0\r\n\r\n") }), false},
		"is plain HTTP":      {with("https", func(t *testing.T) string { t.Helper(); return influxdb3test.New(t).URL()[len("http://"):] }), false},
		"unknown authority":  {func(t *testing.T) string { t.Helper(); return influxdb3test.New(t, influxdb3test.WithTLS()).URL() }, false},
		"redirect":           {answering(http.StatusTemporaryRedirect), false},
		"404":                {answering(http.StatusNotFound), false},
		"429":                {answering(http.StatusTooManyRequests), false},
		"500":                {answering(http.StatusInternalServerError), false},
		"502":                {answering(http.StatusBadGateway), true},
		"503":                {answering(http.StatusServiceUnavailable), true},
		"504":                {answering(http.StatusGatewayTimeout), true},
		"proxy login (407)":  {answering(http.StatusProxyAuthRequired), false},
		"is denied (403)":    {answering(http.StatusForbidden), false},
		"unauthorized (401)": {answering(http.StatusUnauthorized), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := influxdb3.New(influxdb3.Config{URL: parseURL(t, test.url(t)), Timeout: 5 * time.Second}) // a busy machine needs more than one for TLS
			_, err := client.Names(t.Context())
			var failed *influxdb3.Error
			if !errors.As(err, &failed) || failed.NotUp() != test.want {
				t.Errorf("NotUp is %t, want %t: %v (%T)", failed.NotUp(), test.want, err, errors.Unwrap(failed))
			}
		})
	}
}

// TestDeadline: what ends a call is what the error speaks of, also the caller's limit.
func TestDeadline(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(release) })
	ctx, cancel := context.WithTimeout(t.Context(), 40*time.Millisecond)
	defer cancel()
	_, err := influxdb3.New(influxdb3.Config{URL: parseURL(t, server.URL), Timeout: time.Minute}).Names(ctx)
	var failed *influxdb3.Error
	if !errors.As(err, &failed) || !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("got %v", err)
	}
	assertNot(t, err.Error(), "1m0s", strconv.Itoa(60))
}
