package influxdb3_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3"
	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3test"
)

// method is one of the client's, with what is known of its request.
type method struct {
	name       string
	verb, path string
	listener   string
	changes    bool
	mints      bool // a token is in its answer
	anonymous  bool // no credential goes with it
	enterprise bool // Core has no such endpoint
	call       func(context.Context, *influxdb3.Client, influxdb3.Secret) error
}

// deleted leaves out which cluster says so.
func deleted(_ string, err error) error { return err }

// named is the token that DeleteToken deletes.
const named = "ci"

func methods() []method {
	return []method{
		{
			name: "CreateOperatorToken", verb: "POST", path: "/api/v3/configure/token/admin", listener: "main", changes: true, mints: true, anonymous: true,
			call: func(ctx context.Context, c *influxdb3.Client, _ influxdb3.Secret) error {
				return only(c.CreateOperatorToken(ctx))
			},
		},
		{
			name: "RegenerateOperatorToken", verb: "POST", path: "/api/v3/configure/token/admin/regenerate", listener: "main", changes: true, mints: true,
			call: func(ctx context.Context, c *influxdb3.Client, s influxdb3.Secret) error {
				return only(c.RegenerateOperatorToken(ctx, s))
			},
		},
		{
			name: "RecoverOperatorToken", verb: "POST", path: "/api/v3/configure/token/admin/regenerate", listener: "recovery", changes: true, mints: true, anonymous: true,
			call: func(ctx context.Context, c *influxdb3.Client, _ influxdb3.Secret) error {
				return only(c.RecoverOperatorToken(ctx))
			},
		},
		{
			name: "CreateNamedAdminToken", verb: "POST", path: "/api/v3/configure/token/named_admin", listener: "main", changes: true, mints: true,
			call: func(ctx context.Context, c *influxdb3.Client, s influxdb3.Secret) error {
				return only(c.CreateNamedAdminToken(ctx, s, "new", nil))
			},
		},
		{
			name: "CreateResourceToken", verb: "POST", path: "/api/v3/enterprise/configure/token", listener: "main", changes: true, mints: true, enterprise: true,
			call: func(ctx context.Context, c *influxdb3.Client, s influxdb3.Secret) error {
				return only(c.CreateResourceToken(ctx, s, "new", readAll(), nil))
			},
		},
		{
			name: "DeleteToken", verb: "DELETE", path: "/api/v3/configure/token", listener: "main", changes: true,
			call: func(ctx context.Context, c *influxdb3.Client, s influxdb3.Secret) error {
				return deleted(c.DeleteToken(ctx, s, named))
			},
		},
		{
			name: "ListTokens", verb: "POST", path: "/api/v3/query_sql", listener: "main",
			call: func(ctx context.Context, c *influxdb3.Client, s influxdb3.Secret) error {
				return only(c.ListTokens(ctx, s))
			},
		},
		{
			name: "FindToken", verb: "POST", path: "/api/v3/query_sql", listener: "main",
			call: func(ctx context.Context, c *influxdb3.Client, s influxdb3.Secret) error {
				return only(c.FindToken(ctx, s, named, ""))
			},
		},
		{
			name: "Ping", verb: "GET", path: "/ping", listener: "main",
			call: func(ctx context.Context, c *influxdb3.Client, s influxdb3.Secret) error {
				return only(c.Ping(ctx, s))
			},
		},
	}
}

func readAll() []influxdb3.Permission {
	return []influxdb3.Permission{{ResourceType: "db", ResourceNames: []string{"*"}, Actions: []string{"read"}}}
}

func only[T any](value *T, err error) error {
	if (value == nil) != (err != nil) {
		return fmt.Errorf("either a value or an error is missing or too many: %t, %w", value != nil, err)
	}
	return err
}

// forEachMethod runs a test for each method that is wanted, with a server ready for it to succeed.
func forEachMethod(t *testing.T, wanted func(method) bool, opts []influxdb3test.Option, test func(t *testing.T, m method, server *influxdb3test.Server, token influxdb3.Secret)) {
	t.Helper()
	for _, m := range methods() {
		if !wanted(m) {
			continue
		}
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			all := append([]influxdb3test.Option{influxdb3test.WithRecovery()}, opts...)
			if m.enterprise {
				all = append(all, influxdb3test.Enterprise())
			}
			server := influxdb3test.New(t, all...)
			test(t, m, server, prepare(t, m, server))
		})
	}
}

// prepare makes the operator token and the token named, unless the method creates the former.
func prepare(t *testing.T, m method, server *influxdb3test.Server) influxdb3.Secret {
	t.Helper()
	if m.name == "CreateOperatorToken" {
		return influxdb3.Secret{}
	}
	token := server.Bootstrap(t)
	server.CreateNamedAdmin(t, token, named, 0)
	return influxdb3.NewSecret(token)
}

// success is the status of a good answer.
func success(m method) int {
	if m.mints {
		return 201
	}
	return 200
}

func everyMethod(method) bool { return true }
func changing(m method) bool  { return m.changes }
func reading(m method) bool   { return !m.changes }
func minting(m method) bool   { return m.mints }
func withToken(m method) bool { return !m.anonymous }

// change alters the configuration of newClient.
type change func(*influxdb3.Config)

func retries(n int) change { return func(c *influxdb3.Config) { c.MaxRetries = n } }

func timeout(d time.Duration) change { return func(c *influxdb3.Config) { c.Timeout = d } }

func newClient(t *testing.T, server *influxdb3test.Server, changes ...change) *influxdb3.Client {
	t.Helper()
	config := influxdb3.Config{URL: parseURL(t, server.URL()), UserAgent: "client-test/1"}
	if server.RecoveryURL() != "" {
		config.RecoveryURL = parseURL(t, server.RecoveryURL())
	}
	for _, change := range changes {
		change(&config)
	}
	return influxdb3.New(config)
}

func parseURL(t *testing.T, text string) *url.URL {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// exchanges collects what OnRequest is told.
type exchanges struct {
	mu   sync.Mutex
	list []influxdb3.Exchange
}

func (e *exchanges) listen(c *influxdb3.Config) {
	c.OnRequest = func(_ context.Context, exchange influxdb3.Exchange) {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.list = append(e.list, exchange)
	}
}

func (e *exchanges) all() []influxdb3.Exchange {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.list)
}

// failureOf returns the *Error that an error is, and fails if its kind is another.
func failureOf(t *testing.T, err error, want influxdb3.Kind) *influxdb3.Error {
	t.Helper()
	var failed *influxdb3.Error
	if !errors.As(err, &failed) {
		t.Fatalf("the error is %v, want an *influxdb3.Error of kind %d", err, want)
	}
	if failed.Kind != want {
		t.Errorf("the kind is %d, want %d: %v", failed.Kind, want, failed)
	}
	return failed
}

func assertKind(t *testing.T, err error, want influxdb3.Kind) {
	t.Helper()
	_ = failureOf(t, err, want)
}

func assertRequests(t *testing.T, server *influxdb3test.Server, want int) []influxdb3test.Request {
	t.Helper()
	requests := server.Requests()
	if len(requests) != want {
		t.Errorf("the server saw %d requests, want %d: %+v", len(requests), want, requests)
	}
	return requests
}

// takeDown is Down, and waits until it is.
func takeDown(t *testing.T, server *influxdb3test.Server) {
	t.Helper()
	server.Down()
	for _, u := range []string{server.URL(), server.RecoveryURL()} {
		awaitRefusal(t, u)
	}
}

// awaitRefusal waits until a port that was closed refuses connections: a process that is just being
// started by another test holds a copy of every socket for a moment.
func awaitRefusal(t *testing.T, at string) {
	t.Helper()
	for start := time.Now(); at != "" && time.Since(start) < 10*time.Second; {
		conn, err := net.Dial("tcp", parseURL(t, at).Host)
		if errors.Is(err, syscall.ECONNREFUSED) {
			return
		}
		if err == nil {
			_ = conn.Close()
		}
	}
	if at != "" {
		t.Errorf("%s still takes connections", at)
	}
}

func assertNot(t *testing.T, text string, secrets ...string) {
	t.Helper()
	for _, secret := range secrets {
		if secret != "" && strings.Contains(text, secret) {
			t.Errorf("%q shows %q", text, secret)
		}
	}
}

// must returns a function that ends the test on an error.
func must[T any](t *testing.T) func(*T, error) *T {
	return func(value *T, err error) *T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

// TestSuccess is every method against a server on which it succeeds.
func TestSuccess(t *testing.T) {
	t.Parallel()
	for _, version := range []string{"3.4", "3.7", "3.9", "3.10", "default"} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			var opts []influxdb3test.Option
			if version != "default" {
				opts = append(opts, influxdb3test.As(version))
			}
			forEachMethod(t, everyMethod, opts, func(t *testing.T, m method, server *influxdb3test.Server, token influxdb3.Secret) {
				if err := m.call(t.Context(), newClient(t, server), token); err != nil {
					t.Fatal(err)
				}
				r := assertRequests(t, server, 1)[0]
				if r.Listener != m.listener || r.Method != m.verb || r.Path != m.path {
					t.Errorf("the request was %s %s to %s, want %s %s to %s", r.Method, r.Path, r.Listener, m.verb, m.path, m.listener)
				}
				want := token.Hash()
				if m.anonymous {
					want = ""
				}
				if r.TokenHash != want {
					t.Errorf("the token sent has the hash %q, want %q", r.TokenHash, want)
				}
			})
		})
	}
}

func TestCreateOperatorToken(t *testing.T) {
	t.Parallel()
	server := influxdb3test.New(t)
	client := newClient(t, server)
	before := time.Now().Add(-time.Second)
	token := must[influxdb3.Token](t)(client.CreateOperatorToken(t.Context()))
	assertToken(t, server, token, influxdb3.OperatorTokenName)
	if token.ExpiresAt != nil {
		t.Errorf("it expires at %s", token.ExpiresAt)
	}
	if token.CreatedAt.Before(before) || token.CreatedAt.After(time.Now().Add(time.Second)) || token.CreatedAt.Location() != time.UTC {
		t.Errorf("created_at is %s", token.CreatedAt)
	}
	if !server.Accepts(t, token.Secret.Reveal()) {
		t.Error("the server refuses it")
	}

	again, err := client.CreateOperatorToken(t.Context())
	failed := failureOf(t, err, influxdb3.KindConflict)
	if again != nil || failed.Status != 409 || failed.Message != "token name already exists, _admin" || failed.ClusterUUID != server.ClusterUUID(t) {
		t.Errorf("the second call returned %v, %+v", again, failed)
	}
	if !server.Accepts(t, token.Secret.Reveal()) {
		t.Error("the server refuses the token after the second call")
	}
}

// assertToken checks what every new token has.
func assertToken(t *testing.T, server *influxdb3test.Server, token *influxdb3.Token, name string) {
	t.Helper()
	if token.Name != name {
		t.Errorf("the name is %q, want %q", token.Name, name)
	}
	if !influxdb3.ValidToken(token.Secret.Reveal()) {
		t.Error("the token is not valid")
	}
	if token.ForeignHash {
		t.Error("the hash is said to be foreign")
	}
	if want := server.ClusterUUID(t); token.ClusterUUID != want {
		t.Errorf("cluster-uuid is %q, want %q", token.ClusterUUID, want)
	}
	if d := time.Since(token.Date); d < -2*time.Second || d > time.Minute {
		t.Errorf("the server's clock is %s", token.Date)
	}
}

func TestRegenerateOperatorToken(t *testing.T) {
	t.Parallel()
	server := influxdb3test.New(t)
	client := newClient(t, server)
	first := must[influxdb3.Token](t)(client.CreateOperatorToken(t.Context()))
	second := must[influxdb3.Token](t)(client.RegenerateOperatorToken(t.Context(), first.Secret))
	assertToken(t, server, second, influxdb3.OperatorTokenName)
	if second.ID != first.ID || !second.CreatedAt.Equal(first.CreatedAt) || second.Secret.Equal(first.Secret) {
		t.Errorf("got %+v after %+v", second, first)
	}
	if server.Accepts(t, first.Secret.Reveal()) || !server.Accepts(t, second.Secret.Reveal()) {
		t.Error("the old token is accepted, or the new one is not")
	}
	_, err := client.RegenerateOperatorToken(t.Context(), first.Secret)
	if failed := failureOf(t, err, influxdb3.KindUnauthorized); failed.Status != 401 {
		t.Errorf("got %+v", failed)
	}
	row := must[influxdb3.Listing](t)(client.FindToken(t.Context(), second.Secret, influxdb3.OperatorTokenName, "")).Find(influxdb3.OperatorTokenName)
	if row == nil || row.UpdatedAt == nil || row.UpdatedAt.Before(first.CreatedAt) || row.Hash != second.Secret.Hash() {
		t.Errorf("the listing has %+v", row)
	}
}

func TestRecoverOperatorToken(t *testing.T) {
	t.Parallel()
	server := influxdb3test.New(t, influxdb3test.WithRecovery())
	old := server.Bootstrap(t)
	client := newClient(t, server, func(c *influxdb3.Config) { c.RecoveryURL.Path = "/" })
	token := must[influxdb3.Token](t)(client.RecoverOperatorToken(t.Context()))
	if token.ClusterUUID != "" || token.Name != influxdb3.OperatorTokenName || token.ForeignHash || token.Date.IsZero() {
		t.Errorf("got %+v", token)
	}
	if server.Accepts(t, old) || !server.Accepts(t, token.Secret.Reveal()) {
		t.Error("the old token is accepted, or the new one is not")
	}
	awaitRefusal(t, server.RecoveryURL())
	_, err := client.RecoverOperatorToken(t.Context())
	failed := failureOf(t, err, influxdb3.KindNotSent)
	if want := server.RecoveryURL() + "/api/v3/configure/token/admin/regenerate"; failed.Target != want {
		t.Errorf("the target is %s, want %s", failed.Target, want)
	}
	if r := assertRequests(t, server, 1)[0]; r.Listener != "recovery" {
		t.Errorf("it went to the %s listener", r.Listener)
	}
	if !server.Accepts(t, token.Secret.Reveal()) {
		t.Error("the second call replaced the token")
	}
}

// TestRecoveryWithoutOperatorToken is recorded: 500.
func TestRecoveryWithoutOperatorToken(t *testing.T) {
	t.Parallel()
	server := influxdb3test.New(t, influxdb3test.WithRecovery())
	_, err := newClient(t, server, retries(3)).RecoverOperatorToken(t.Context())
	failed := failureOf(t, err, influxdb3.KindNoOperatorToken)
	if failed.Status != 500 || failed.Message != "missing admin token, cannot update" {
		t.Errorf("got %+v", failed)
	}
	assertRequests(t, server, 1)
}

// TestRegenerateWithoutOperatorToken is recorded, too: only a token file makes such a server.
func TestRegenerateWithoutOperatorToken(t *testing.T) {
	t.Parallel()
	const file = "apiv3_a-token-out-of-a-file"
	server := influxdb3test.New(t, influxdb3test.WithTokenFile("file-admin", file))
	client := newClient(t, server, retries(3))
	_, err := client.RegenerateOperatorToken(t.Context(), influxdb3.NewSecret(file))
	failed := failureOf(t, err, influxdb3.KindNoOperatorToken)
	if failed.Status != 500 || failed.Message != "missing admin token, cannot update" {
		t.Errorf("got %+v", failed)
	}
	assertRequests(t, server, 1)
	token := must[influxdb3.Token](t)(client.CreateOperatorToken(t.Context()))
	if !server.Accepts(t, token.Secret.Reveal()) {
		t.Error("the server refuses the operator token")
	}
}

func TestCreateNamedAdminToken(t *testing.T) {
	t.Parallel()
	server := influxdb3test.New(t)
	operator := influxdb3.NewSecret(server.Bootstrap(t))
	client := newClient(t, server)
	tests := []struct {
		name      string
		expiresIn *time.Duration
		want      time.Duration // after created_at, 0: never
	}{
		{"never", nil, 0},
		{"an hour", new(time.Hour), time.Hour},
		{"cut to seconds", new(90*time.Second + 999*time.Millisecond), 90 * time.Second},
		{"the longest", new(time.Duration(1<<63 - 1)), time.Duration(1<<63 - 1).Truncate(time.Second)},
		{"a century", new(100 * 365 * 24 * time.Hour), 100 * 365 * 24 * time.Hour},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			token := must[influxdb3.Token](t)(client.CreateNamedAdminToken(t.Context(), operator, tt.name, tt.expiresIn))
			assertToken(t, server, token, tt.name)
			switch {
			case tt.want == 0 && token.ExpiresAt != nil:
				t.Errorf("it expires at %s", token.ExpiresAt)
			case tt.want != 0 && (token.ExpiresAt == nil || !token.ExpiresAt.Equal(token.CreatedAt.Add(tt.want))):
				t.Errorf("it expires at %v, want %s after %s", token.ExpiresAt, tt.want, token.CreatedAt)
			}
			if !server.Accepts(t, token.Secret.Reveal()) {
				t.Error("the server refuses it")
			}
			_, err := client.CreateNamedAdminToken(t.Context(), operator, tt.name, nil)
			if failed := failureOf(t, err, influxdb3.KindConflict); failed.Message != "token name already exists, "+tt.name {
				t.Errorf("the message is %q", failed.Message)
			}
		})
	}
	t.Run("negative", func(t *testing.T) {
		t.Parallel()
		_, err := client.CreateNamedAdminToken(t.Context(), operator, "negative", new(-time.Second))
		if failed := failureOf(t, err, influxdb3.KindRefused); failed.Status != 400 || !strings.Contains(failed.Message, "serde json error") {
			t.Errorf("got %+v", failed)
		}
	})
	t.Run("the operator's name", func(t *testing.T) {
		t.Parallel()
		_, err := client.CreateNamedAdminToken(t.Context(), operator, influxdb3.OperatorTokenName, nil)
		assertKind(t, err, influxdb3.KindConflict)
	})
}

// TestExpiredToken: a lifetime of zero is born expired (recorded), and its name stays taken.
func TestExpiredToken(t *testing.T) {
	t.Parallel()
	for _, lifetime := range []time.Duration{0, 999 * time.Millisecond} {
		t.Run(lifetime.String(), func(t *testing.T) {
			t.Parallel()
			server := influxdb3test.New(t)
			operator := influxdb3.NewSecret(server.Bootstrap(t))
			client := newClient(t, server)
			token := must[influxdb3.Token](t)(client.CreateNamedAdminToken(t.Context(), operator, "dead", &lifetime))
			if token.ExpiresAt == nil || !token.ExpiresAt.Equal(token.CreatedAt) {
				t.Errorf("it expires at %v, created at %s", token.ExpiresAt, token.CreatedAt)
			}
			for _, m := range methods() {
				if m.anonymous {
					continue
				}
				assertKind(t, m.call(t.Context(), client, token.Secret), influxdb3.KindUnauthorized)
			}
			_, err := client.CreateNamedAdminToken(t.Context(), operator, "dead", nil)
			assertKind(t, err, influxdb3.KindConflict)
			row := must[influxdb3.Listing](t)(client.FindToken(t.Context(), operator, "dead", "")).Find("dead")
			if row == nil || row.ExpiresAt == nil || !row.ExpiresAt.Equal(*token.ExpiresAt) {
				t.Errorf("the listing has %+v", row)
			}
			if err := deleted(client.DeleteToken(t.Context(), operator, "dead")); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestTokenExpires is a token that works until its time has come.
func TestTokenExpires(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	server := influxdb3test.New(t, influxdb3test.Clock(func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		return now
	}))
	client := newClient(t, server)
	operator := influxdb3.NewSecret(server.Bootstrap(t))
	token := must[influxdb3.Token](t)(client.CreateNamedAdminToken(t.Context(), operator, named, new(time.Hour)))
	if !token.Date.Equal(now) || token.Date.Location() != time.UTC {
		t.Errorf("the server's clock is %s, want %s", token.Date, now)
	}
	listing := must[influxdb3.Listing](t)(client.ListTokens(t.Context(), token.Secret))
	if !listing.Date.Equal(now) {
		t.Errorf("the server's clock is %s, want %s", listing.Date, now)
	}
	mu.Lock()
	now = now.Add(time.Hour)
	mu.Unlock()
	_, err := client.ListTokens(t.Context(), token.Secret)
	assertKind(t, err, influxdb3.KindUnauthorized)
}

func TestDeleteToken(t *testing.T) {
	t.Parallel()
	server := influxdb3test.New(t)
	operator := influxdb3.NewSecret(server.Bootstrap(t))
	other := server.CreateNamedAdmin(t, operator.Reveal(), named, 0)
	client := newClient(t, server)
	if err := deleted(client.DeleteToken(t.Context(), operator, named)); err != nil {
		t.Fatal(err)
	}
	if server.Accepts(t, other) {
		t.Error("the deleted token is accepted")
	}
	for name, want := range map[string]influxdb3.Kind{named: influxdb3.KindNotFound, "": influxdb3.KindNotFound, influxdb3.OperatorTokenName: influxdb3.KindNotEnabled} {
		failed := failureOf(t, deleted(client.DeleteToken(t.Context(), operator, name)), want)
		if failed.Message == "" || failed.ClusterUUID != server.ClusterUUID(t) {
			t.Errorf("deleting %q: %+v", name, failed)
		}
	}
	if !server.Accepts(t, operator.Reveal()) {
		t.Error("the operator token is gone")
	}
}

func TestListing(t *testing.T) {
	t.Parallel()
	server := influxdb3test.New(t)
	client := newClient(t, server)
	operator := must[influxdb3.Token](t)(client.CreateOperatorToken(t.Context()))
	token := must[influxdb3.Token](t)(client.CreateNamedAdminToken(t.Context(), operator.Secret, named, new(time.Hour)))
	server.ResetRequests()

	all := must[influxdb3.Listing](t)(client.ListTokens(t.Context(), token.Secret))
	want := []influxdb3.TokenInfo{
		{ID: operator.ID, Name: influxdb3.OperatorTokenName, Hash: operator.Secret.Hash(), CreatedAt: operator.CreatedAt, Permissions: "*:*:*"},
		{ID: token.ID, Name: named, Hash: token.Secret.Hash(), CreatedAt: token.CreatedAt, ExpiresAt: token.ExpiresAt, Permissions: "*:*:*"},
	}
	assertRows(t, all.Tokens, want)
	if all.ClusterUUID != server.ClusterUUID(t) || all.Date.IsZero() {
		t.Errorf("cluster-uuid is %q, date %s", all.ClusterUUID, all.Date)
	}
	one := must[influxdb3.Listing](t)(client.FindToken(t.Context(), token.Secret, named, ""))
	assertRows(t, one.Tokens, want[1:])
	if one.Find(influxdb3.OperatorTokenName) != nil || one.Find(named) == nil {
		t.Errorf("got %+v", one)
	}
	none := must[influxdb3.Listing](t)(client.FindToken(t.Context(), token.Secret, "absent", ""))
	if len(none.Tokens) != 0 || none.Find("absent") != nil {
		t.Errorf("got %+v", none)
	}
	assertRequests(t, server, 3)
}

func assertRows(t *testing.T, got, want []influxdb3.TokenInfo) {
	t.Helper()
	same := slices.EqualFunc(got, want, func(a, b influxdb3.TokenInfo) bool {
		return a.ID == b.ID && a.Name == b.Name && a.Hash == b.Hash && a.Permissions == b.Permissions &&
			a.CreatedAt.Equal(b.CreatedAt) && sameTime(a.UpdatedAt, b.UpdatedAt) && sameTime(a.ExpiresAt, b.ExpiresAt)
	})
	if !same {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func sameTime(a, b *time.Time) bool {
	return (a == nil) == (b == nil) && (a == nil || a.Equal(*b))
}

func TestListingOf5000(t *testing.T) {
	t.Parallel()
	server := influxdb3test.New(t)
	operator := influxdb3.NewSecret(server.Bootstrap(t))
	const rows = 5000
	var body strings.Builder
	for i := range rows {
		fmt.Fprintf(&body, `,{"token_id":%d,"name":"name-%d","hash":"%09x","created_at":"2026-11-24T08:49:36.%03d","permissions":"*:*:*"}`, i, i, i, i%1000)
	}
	server.Inject(influxdb3test.Fault{Path: "/api/v3/query_sql", Kind: influxdb3test.ReplaceBody, Body: "[" + body.String()[1:] + "]"})
	listing := must[influxdb3.Listing](t)(newClient(t, server).ListTokens(t.Context(), operator))
	if len(listing.Tokens) != rows {
		t.Fatalf("%d rows, want %d", len(listing.Tokens), rows)
	}
	for _, i := range []int{0, 1, 2500, rows - 1} {
		row := listing.Find("name-" + strconv.Itoa(i))
		if row == nil || strconv.FormatUint(row.ID, 10) != strconv.Itoa(i) || row.Hash != fmt.Sprintf("%09x", i) {
			t.Errorf("row %d is %+v", i, row)
		}
	}
	if listing.ClusterUUID != server.ClusterUUID(t) {
		t.Errorf("cluster-uuid is %q", listing.ClusterUUID)
	}
}

func TestPing(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		opts []influxdb3test.Option
		want influxdb3.ServerInfo
	}{
		{"3.10", []influxdb3test.Option{influxdb3test.As("3.10")}, influxdb3.ServerInfo{Product: "InfluxDB 3 Core", Build: "Core", Version: "3.10.1"}},
		{"3.4", []influxdb3test.Option{influxdb3test.As("3.4")}, influxdb3.ServerInfo{Build: "Core", Version: "3.4.0"}},
		{"Enterprise", []influxdb3test.Option{influxdb3test.Enterprise()}, influxdb3.ServerInfo{Product: "InfluxDB 3 Enterprise", Build: "Enterprise", Version: "3.10.1"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			server := influxdb3test.New(t, tt.opts...)
			tt.want.ClusterUUID = server.ClusterUUID(t)
			if (tt.want.ClusterUUID == "") != (tt.name == "3.4") {
				t.Errorf("the server's cluster-uuid is %q", tt.want.ClusterUUID)
			}
			info, err := newClient(t, server).Ping(t.Context(), influxdb3.NewSecret(server.Bootstrap(t)))
			if err != nil || *info != tt.want {
				t.Errorf("got %+v, %v, want %+v", info, err, tt.want)
			}
		})
	}
}

func TestPingUnreadable(t *testing.T) {
	t.Parallel()
	for _, body := range []string{"", "<html></html>", "OK", `"3.10"`, `{"version":3}`} {
		t.Run(body, func(t *testing.T) {
			t.Parallel()
			server := influxdb3test.New(t)
			token := influxdb3.NewSecret(server.Bootstrap(t))
			server.Inject(influxdb3test.Fault{Path: "/ping", Kind: influxdb3test.ReplaceBody, Body: body})
			_, err := newClient(t, server).Ping(t.Context(), token)
			failed := failureOf(t, err, influxdb3.KindUnexpected)
			if failed.Err == nil || failed.ClusterUUID != server.ClusterUUID(t) || failed.Target != server.URL()+"/ping" {
				t.Errorf("got %+v", failed)
			}
		})
	}
}

// TestOpenPing: with --disable-authz the ping proves nothing, the listing does (recorded).
func TestOpenPing(t *testing.T) {
	t.Parallel()
	server := influxdb3test.New(t, influxdb3test.DisableAuthz("ping", "health"))
	server.Bootstrap(t)
	client := newClient(t, server)
	bad := influxdb3.NewSecret("apiv3_bad")
	if _, err := client.Ping(t.Context(), bad); err != nil {
		t.Errorf("Ping refuses a bad token: %v", err)
	}
	_, err := client.FindToken(t.Context(), bad, influxdb3.OperatorTokenName, "")
	assertKind(t, err, influxdb3.KindUnauthorized)
	_, err = client.ListTokens(t.Context(), bad)
	assertKind(t, err, influxdb3.KindUnauthorized)
}

// TestUnauthorized: 401 with the body of 3.9 and later, and with the empty one of 3.7 and before.
func TestUnauthorized(t *testing.T) {
	t.Parallel()
	for _, version := range []string{"3.4", "3.7", "3.9", "3.10", "default"} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			var opts []influxdb3test.Option
			if version != "default" {
				opts = append(opts, influxdb3test.As(version))
			}
			for name, token := range map[string]influxdb3.Secret{"unknown": influxdb3.NewSecret("apiv3_unknown"), "none": {}} {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					forEachMethod(t, withToken, opts, func(t *testing.T, m method, server *influxdb3test.Server, _ influxdb3.Secret) {
						failed := failureOf(t, m.call(t.Context(), newClient(t, server, retries(3)), token), influxdb3.KindUnauthorized)
						if failed.Status != 401 || failed.Unnamed == (failed.ClusterUUID != "") || failed.ClusterUUID != "" && failed.ClusterUUID != server.ClusterUUID(t) {
							t.Errorf("got %+v", failed)
						}
						want := map[string]string{"3.9": "the request was not authenticated", "3.10": "the request was not authenticated"}[version]
						if version != "default" && failed.Message != want {
							t.Errorf("the message is %q, want %q", failed.Message, want)
						}
						if failed.Target != server.URL()+m.path {
							t.Errorf("the target is %s", failed.Target)
						}
						assertRequests(t, server, 1)
					})
				})
			}
		})
	}
}

// TestMalformedAuthorization is recorded: two spaces are 400.
func TestMalformedAuthorization(t *testing.T) {
	t.Parallel()
	forEachMethod(t, withToken, nil, func(t *testing.T, m method, server *influxdb3test.Server, token influxdb3.Secret) {
		failed := failureOf(t, m.call(t.Context(), newClient(t, server), influxdb3.NewSecret(" "+token.Reveal())), influxdb3.KindRefused)
		if failed.Status != 400 || !strings.HasPrefix(failed.Message, "Authorization header was malformed") {
			t.Errorf("got %+v", failed)
		}
	})
}

// TestUnsendableToken: a line break cannot be in a header, and its error does not quote the value.
func TestUnsendableToken(t *testing.T) {
	t.Parallel()
	forEachMethod(t, withToken, nil, func(t *testing.T, m method, server *influxdb3test.Server, token influxdb3.Secret) {
		failed := failureOf(t, m.call(t.Context(), newClient(t, server), influxdb3.NewSecret(token.Reveal()+"\n")), influxdb3.KindNotSent)
		assertNot(t, failed.Error(), token.Reveal())
		assertRequests(t, server, 0)
	})
}

// TestWithoutAuth is recorded: 405 for everything that changes tokens, and a listing without the
// column of the hash.
func TestWithoutAuth(t *testing.T) {
	t.Parallel()
	server := influxdb3test.New(t, influxdb3test.WithoutAuth())
	client := newClient(t, server, retries(3), func(c *influxdb3.Config) { c.RecoveryURL = c.URL })
	for _, m := range methods() {
		if m.enterprise {
			continue
		}
		server.ResetRequests()
		err := m.call(t.Context(), client, influxdb3.NewSecret("apiv3_any"))
		switch {
		case m.changes:
			if failed := failureOf(t, err, influxdb3.KindNotEnabled); failed.Status != 405 || failed.Message != "endpoint disabled, started without auth" {
				t.Errorf("%s: %+v", m.name, failed)
			}
		case m.name == "Ping":
			if err != nil {
				t.Errorf("%s: %v", m.name, err)
			}
		default:
			if failed := failureOf(t, err, influxdb3.KindNotEnabled); failed.Status != 500 || !strings.Contains(failed.Message, "Schema error: No field named hash. Valid fields are ") {
				t.Errorf("%s: %+v", m.name, failed)
			}
		}
		assertRequests(t, server, 1)
	}
}

// TestListingWithoutAuth is what the real servers answer (recorded), and what is like it and is not.
func TestListingWithoutAuth(t *testing.T) {
	t.Parallel()
	const fields = "Valid fields are system.tokens.token_id, system.tokens.name, system.tokens.created_at, system.tokens.description, system.tokens.created_by_token_id, system.tokens.updated_at, system.tokens.updated_by_token_id, system.tokens.expiry, system.tokens.permissions."
	for _, tt := range []struct {
		status int
		body   string
		want   influxdb3.Kind
	}{
		{500, "Schema error: No field named hash. " + fields, influxdb3.KindNotEnabled},                                          // 3.9, 3.10
		{500, "query error: error while planning query: Schema error: No field named hash. " + fields, influxdb3.KindNotEnabled}, // 3.4, 3.7
		{500, "Schema error: No field named expiry. " + fields, influxdb3.KindUnexpected},
		{500, "no: Schema error: No field named hash.", influxdb3.KindUnexpected},
		{400, "Schema error: No field named hash. " + fields, influxdb3.KindRefused},
		{500, "", influxdb3.KindUnexpected},
	} {
		server := newProxy(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(tt.status)
			_, _ = io.WriteString(w, tt.body)
		})
		client := influxdb3.New(influxdb3.Config{URL: parseURL(t, server.URL)})
		_, err := client.ListTokens(t.Context(), influxdb3.Secret{})
		assertKind(t, err, tt.want)
		_, err = client.FindToken(t.Context(), influxdb3.Secret{}, named, "")
		assertKind(t, err, tt.want)
	}
}

// TestForbidden is what Enterprise is documented to answer to a token that may not regenerate.
func TestForbidden(t *testing.T) {
	t.Parallel()
	server := influxdb3test.New(t, influxdb3test.Enterprise())
	operator := server.Bootstrap(t)
	other := server.CreateNamedAdmin(t, operator, named, 0)
	_, err := newClient(t, server).RegenerateOperatorToken(t.Context(), influxdb3.NewSecret(other))
	if failed := failureOf(t, err, influxdb3.KindForbidden); failed.Status != 403 {
		t.Errorf("got %+v", failed)
	}
	if !server.Accepts(t, operator) {
		t.Error("the operator token is gone")
	}
}

// TestStatus is every status that matters, from something in front of the server, for every method.
func TestStatus(t *testing.T) {
	t.Parallel()
	const html = "" // Fault makes a page of it
	tests := []struct {
		name   string
		status int
		body   string
		reads  influxdb3.Kind
		writes influxdb3.Kind
	}{
		{"401 of a proxy", 401, html, influxdb3.KindUnexpected, influxdb3.KindUnexpected},
		{"401 in text", 401, "the request was not authenticated", influxdb3.KindUnexpected, influxdb3.KindUnexpected},
		{"401 in other JSON", 401, `{"error":"login required"}`, influxdb3.KindUnexpected, influxdb3.KindUnexpected},
		{"401 of the server", 401, `{"error": "the request was not authenticated"}`, influxdb3.KindUnauthorized, influxdb3.KindUnauthorized},
		{"407", 407, "you sent Basic Y2k6c2VjcmV0", influxdb3.KindUnexpected, influxdb3.KindUnexpected},
		{"400", 400, html, influxdb3.KindRefused, influxdb3.KindRefused},
		{"403", 403, html, influxdb3.KindForbidden, influxdb3.KindForbidden},
		{"404", 404, "Not found", influxdb3.KindNotFound, influxdb3.KindNotFound},
		{"405", 405, html, influxdb3.KindNotEnabled, influxdb3.KindNotEnabled},
		{"408", 408, html, influxdb3.KindUnexpected, influxdb3.KindOutcomeUnknown},
		{"409", 409, "token name already exists, x", influxdb3.KindConflict, influxdb3.KindConflict},
		{"413", 413, html, influxdb3.KindRefused, influxdb3.KindRefused},
		{"415", 415, "unacceptable content-type, expected: application/json", influxdb3.KindRefused, influxdb3.KindRefused},
		{"418", 418, "I'm a teapot", influxdb3.KindRefused, influxdb3.KindRefused},
		{"429", 429, html, influxdb3.KindBusy, influxdb3.KindOutcomeUnknown},
		{"500", 500, html, influxdb3.KindUnexpected, influxdb3.KindOutcomeUnknown},
		{"501", 501, html, influxdb3.KindUnexpected, influxdb3.KindOutcomeUnknown},
		{"502", 502, html, influxdb3.KindUnexpected, influxdb3.KindOutcomeUnknown},
		{"503", 503, html, influxdb3.KindBusy, influxdb3.KindOutcomeUnknown},
		{"504", 504, html, influxdb3.KindUnexpected, influxdb3.KindOutcomeUnknown},
		{"599", 599, "x", influxdb3.KindUnexpected, influxdb3.KindOutcomeUnknown},
		{"304", 304, "", influxdb3.KindRedirect, influxdb3.KindRedirect},
	}
	forEachMethod(t, everyMethod, nil, func(t *testing.T, m method, server *influxdb3test.Server, token influxdb3.Secret) {
		client := newClient(t, server)
		for _, tt := range tests {
			want := tt.reads
			if m.changes {
				want = tt.writes
			}
			server.ResetRequests()
			server.Inject(influxdb3test.Fault{Listener: m.listener, Method: m.verb, Path: m.path, Kind: influxdb3test.Answer, Status: tt.status, Body: tt.body})
			err := m.call(t.Context(), client, token)
			failed := failureOf(t, err, want)
			if failed.Status != tt.status || failed.Err != nil || !failed.Partial.IsEmpty() || failed.RetryAfter != 0 {
				t.Errorf("%s: %+v", tt.name, failed)
			}
			if !strings.Contains(err.Error(), fmt.Sprintf(": HTTP %d", tt.status)) {
				t.Errorf("%s: the text is %q", tt.name, err)
			}
			if tt.body == html && tt.status != 304 && failed.Message != "an HTML page, which is not InfluxDB's answer" {
				t.Errorf("%s: the message is %q", tt.name, failed.Message)
			}
			if tt.status == 407 && failed.Message != "a proxy on the way asks for another login" {
				t.Errorf("%s: the message is %q", tt.name, failed.Message)
			}
			assertRequests(t, server, 1)
		}
		// After all of that the server is as it was.
		if err := m.call(t.Context(), client, token); err != nil {
			t.Error(err)
		}
	})
}

// TestOldConflict is what 3.0.0 to 3.0.2 answer in place of a 409.
func TestOldConflict(t *testing.T) {
	t.Parallel()
	server := influxdb3test.New(t)
	fault := influxdb3test.Fault{Kind: influxdb3test.Answer, Status: 500, Body: "token name already exists, _admin"}
	server.Inject(fault)
	client := newClient(t, server)
	_, err := client.CreateOperatorToken(t.Context())
	assertKind(t, err, influxdb3.KindConflict)
	server.Inject(fault)
	_, err = client.RegenerateOperatorToken(t.Context(), influxdb3.NewSecret("apiv3_x"))
	assertKind(t, err, influxdb3.KindOutcomeUnknown)
	fault.Body = "disk full"
	server.Inject(fault)
	_, err = client.CreateOperatorToken(t.Context())
	assertKind(t, err, influxdb3.KindOutcomeUnknown)
}

// TestNotRepeated: a changing request that may have been carried out is made once.
func TestNotRepeated(t *testing.T) {
	t.Parallel()
	for _, status := range []int{429, 500, 502, 503, 504} {
		t.Run(strconv.Itoa(status), func(t *testing.T) {
			t.Parallel()
			forEachMethod(t, changing, nil, func(t *testing.T, m method, server *influxdb3test.Server, token influxdb3.Secret) {
				server.Inject(influxdb3test.Fault{Path: m.path, Kind: influxdb3test.Answer, Status: status, Times: -1, Header: http.Header{"Retry-After": {"1"}}})
				failed := failureOf(t, m.call(t.Context(), newClient(t, server, retries(3)), token), influxdb3.KindOutcomeUnknown)
				want := time.Duration(0)
				if status == 503 || status == 429 {
					want = time.Second
				}
				if failed.RetryAfter != want {
					t.Errorf("RetryAfter is %s, want %s", failed.RetryAfter, want)
				}
				assertRequests(t, server, 1)
			})
		})
	}
}

// TestReadsRepeated: a read is repeated up to MaxRetries times, where that can help.
func TestReadsRepeated(t *testing.T) {
	t.Parallel()
	const most = 2
	tests := []struct {
		status int
		want   int
		kind   influxdb3.Kind
	}{
		{500, 1, influxdb3.KindUnexpected}, // the server's own, also for bad SQL on 3.4 (recorded)
		{502, 1 + most, influxdb3.KindUnexpected},
		{503, 1 + most, influxdb3.KindBusy},
		{504, 1 + most, influxdb3.KindUnexpected},
		{429, 1 + most, influxdb3.KindBusy},
		{404, 1, influxdb3.KindNotFound},
	}
	for _, tt := range tests {
		t.Run(strconv.Itoa(tt.status), func(t *testing.T) {
			t.Parallel()
			forEachMethod(t, reading, nil, func(t *testing.T, m method, server *influxdb3test.Server, token influxdb3.Secret) {
				server.Inject(influxdb3test.Fault{Path: m.path, Kind: influxdb3test.Answer, Status: tt.status, Times: -1})
				var seen exchanges
				failed := failureOf(t, m.call(t.Context(), newClient(t, server, retries(most), seen.listen), token), tt.kind)
				if failed.Status != tt.status {
					t.Errorf("the status is %d", failed.Status)
				}
				assertRequests(t, server, tt.want)
				if got := len(seen.all()); got != tt.want {
					t.Errorf("OnRequest heard of %d requests, want %d", got, tt.want)
				}
			})
		})
	}
}

// TestReadRecovers: the repetition is the answer, with the same body.
func TestReadRecovers(t *testing.T) {
	t.Parallel()
	for _, fault := range []influxdb3test.Fault{
		{Kind: influxdb3test.Answer, Status: 502},
		{Kind: influxdb3test.Answer, Status: 503, Header: http.Header{"Retry-After": {"0"}}},
		{Kind: influxdb3test.AnswerAfter, Status: 504},
		{Kind: influxdb3test.CutBefore},
		{Kind: influxdb3test.CutAfter},
	} {
		t.Run(fault.Kind.String()+strconv.Itoa(fault.Status), func(t *testing.T) {
			t.Parallel()
			forEachMethod(t, reading, nil, func(t *testing.T, m method, server *influxdb3test.Server, token influxdb3.Secret) {
				fault := fault
				fault.Path = m.path
				server.Inject(fault)
				if err := m.call(t.Context(), newClient(t, server, retries(1)), token); err != nil {
					t.Error(err)
				}
				assertRequests(t, server, 2)
			})
		})
	}
}

// TestReadCut: a read that is cut for good is no read that was not sent.
func TestReadCut(t *testing.T) {
	t.Parallel()
	for _, most := range []int{0, 1} {
		t.Run(strconv.Itoa(most), func(t *testing.T) {
			t.Parallel()
			forEachMethod(t, reading, nil, func(t *testing.T, m method, server *influxdb3test.Server, token influxdb3.Secret) {
				server.Inject(influxdb3test.Fault{Path: m.path, Kind: influxdb3test.CutBefore, Times: -1})
				failed := failureOf(t, m.call(t.Context(), newClient(t, server, retries(most)), token), influxdb3.KindUnexpected)
				if failed.Err == nil || failed.Status != 0 {
					t.Errorf("got %+v", failed)
				}
				assertRequests(t, server, 1+most)
			})
		})
	}
}

// TestReadCutShort: a body that is not whole, or not a listing, is no listing.
func TestReadCutShort(t *testing.T) {
	t.Parallel()
	for _, fault := range []influxdb3test.Fault{
		{Kind: influxdb3test.Truncate, Keep: 0},
		{Kind: influxdb3test.Truncate, Keep: 30},
		{Kind: influxdb3test.ReplaceBody, Body: ""},
		{Kind: influxdb3test.ReplaceBody, Body: "null"},
		{Kind: influxdb3test.ReplaceBody, Body: "<html>"},
		{Kind: influxdb3test.ReplaceBody, Body: `{"error":"x"}`},
		{Kind: influxdb3test.ReplaceBody, Body: strings.Repeat("x", 200<<10)},
	} {
		t.Run(fmt.Sprintf("%s %d %.20s", fault.Kind, fault.Keep, fault.Body), func(t *testing.T) {
			t.Parallel()
			forEachMethod(t, func(m method) bool { return m.path == "/api/v3/query_sql" }, nil, func(t *testing.T, m method, server *influxdb3test.Server, token influxdb3.Secret) {
				server.Inject(fault)
				failed := failureOf(t, m.call(t.Context(), newClient(t, server), token), influxdb3.KindUnexpected)
				if failed.Err == nil || failed.ClusterUUID != server.ClusterUUID(t) || failed.Target != server.URL()+m.path || len(failed.Error()) > 600 {
					t.Errorf("got %+v", failed)
				}
				if fault.Kind == influxdb3test.Truncate && !errors.Is(failed, io.ErrUnexpectedEOF) {
					t.Errorf("the cause is %v", failed.Err)
				}
			})
		})
	}
}

// TestBusy: "come back later" is obeyed where it fits into the timeout, by every method that changes nothing.
func TestBusy(t *testing.T) {
	t.Parallel()
	forEachMethod(t, reading, nil, func(t *testing.T, m method, server *influxdb3test.Server, token influxdb3.Secret) {
		server.Inject(influxdb3test.Fault{Path: m.path, Kind: influxdb3test.Answer, Status: 429, Header: http.Header{"Retry-After": {"1"}}})
		start := time.Now()
		if err := m.call(t.Context(), newClient(t, server, retries(1)), token); err != nil {
			t.Error(err)
		}
		if waited := time.Since(start); waited < time.Second {
			t.Errorf("it came back after %s, before it was told to", waited)
		}
		requests := assertRequests(t, server, 2)
		if len(requests) == 2 && (requests[0].Path != requests[1].Path || requests[0].Query != requests[1].Query || requests[0].TokenHash != requests[1].TokenHash || requests[1].Status >= 300) {
			t.Errorf("the second request differs: %+v", requests)
		}
	})
}

// TestTooBusy: where it does not fit there is no wait at all.
func TestTooBusy(t *testing.T) {
	t.Parallel()
	inAnHour := func() string { return time.Now().Add(time.Hour).UTC().Format(http.TimeFormat) }
	for name, header := range map[string]func() string{
		"seconds": func() string { return "3600" },
		"date":    inAnHour,
	} {
		for _, status := range []int{429, 503} {
			t.Run(name+strconv.Itoa(status), func(t *testing.T) {
				t.Parallel()
				forEachMethod(t, reading, nil, func(t *testing.T, m method, server *influxdb3test.Server, token influxdb3.Secret) {
					server.Inject(influxdb3test.Fault{Path: m.path, Kind: influxdb3test.Answer, Status: status, Times: -1, Header: http.Header{"Retry-After": {header()}}})
					start := time.Now()
					failed := failureOf(t, m.call(t.Context(), newClient(t, server, retries(5)), token), influxdb3.KindBusy)
					if waited := time.Since(start); waited > 20*time.Second {
						t.Errorf("it waited %s", waited)
					}
					if failed.RetryAfter > time.Hour || failed.RetryAfter < 59*time.Minute || failed.Status != status {
						t.Errorf("got %+v", failed)
					}
					if !strings.Contains(failed.Error(), "asked to wait ") {
						t.Errorf("the text is %q", failed)
					}
					assertRequests(t, server, 1)
				})
			})
		}
	}
}

// TestRetryThatDoesNotFit: the pause before a repetition is not begun where the timeout would end
// it, and the last answer is the error.
func TestRetryThatDoesNotFit(t *testing.T) {
	t.Parallel()
	forEachMethod(t, reading, nil, func(t *testing.T, m method, server *influxdb3test.Server, token influxdb3.Secret) {
		server.Inject(influxdb3test.Fault{Path: m.path, Kind: influxdb3test.Answer, Status: 429, Times: -1})
		failed := failureOf(t, m.call(t.Context(), newClient(t, server, retries(100), timeout(2900*time.Millisecond)), token), influxdb3.KindBusy)
		if failed.Status != 429 {
			t.Errorf("got %+v", failed)
		}
		if got := len(server.Requests()); got < 2 || got > 6 {
			t.Errorf("%d requests", got)
		}
	})
}

func TestRedirectsNotFollowed(t *testing.T) {
	t.Parallel()
	for _, status := range []int{301, 302, 303, 307, 308} {
		t.Run(strconv.Itoa(status), func(t *testing.T) {
			t.Parallel()
			forEachMethod(t, everyMethod, nil, func(t *testing.T, m method, server *influxdb3test.Server, token influxdb3.Secret) {
				other := influxdb3test.New(t)
				to := strings.Replace(other.URL(), "http://", "http://user:pass@", 1) + "/login?next=query#frag"
				server.Inject(influxdb3test.Fault{Path: m.path, Kind: influxdb3test.Answer, Status: status, Times: -1, Header: http.Header{"Location": {to}}})
				failed := failureOf(t, m.call(t.Context(), newClient(t, server, retries(2)), token), influxdb3.KindRedirect)
				if want := "redirected to " + other.URL() + "/login"; failed.Message != want || failed.Status != status {
					t.Errorf("got %d %q, want %q", failed.Status, failed.Message, want)
				}
				assertRequests(t, server, 1)
				assertRequests(t, other, 0)
			})
		})
	}
}

// TestRedirectLocation: not even to the same host, and whatever the Location is like.
func TestRedirectLocation(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, location, want string }{
		{"the same host", "/ping", "/ping"},
		{"none", "", "an HTML page"},
		{"unreadable", "http://[::1/" + hidden + "%zz", "an HTML page"},
		{"long", "http://127.0.0.1:1/" + strings.Repeat("x", 5000), "redirected to http://127.0.0.1:1/xxx"},
		{"with a token", "http://127.0.0.1:1/" + hidden + "/x", "redirected to http://127.0.0.1:1/"},
		{"a token as the host", "http://" + hidden + ".example/x", "redirected to http://"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			forEachMethod(t, everyMethod, nil, func(t *testing.T, m method, server *influxdb3test.Server, token influxdb3.Secret) {
				header := http.Header{}
				if tt.location != "" {
					header.Set("Location", tt.location)
				}
				server.Inject(influxdb3test.Fault{Path: m.path, Kind: influxdb3test.Answer, Status: 302, Times: -1, Header: header})
				failed := failureOf(t, m.call(t.Context(), newClient(t, server, retries(1)), token), influxdb3.KindRedirect)
				if !strings.Contains(failed.Message, tt.want) || failed.Status != 302 || len(failed.Error()) > 600 {
					t.Errorf("got %d %q, want %q", failed.Status, failed.Message, tt.want)
				}
				assertNot(t, fmt.Sprintf("%v %+v", failed, failed.Err), hidden)
				assertRequests(t, server, 1)
			})
		})
	}
}

// TestLostAnswer: no answer, or a success that cannot be read, to a changing request.
func TestLostAnswer(t *testing.T) {
	t.Parallel()
	const page = "<html><body>Welcome to the guest network</body></html>"
	tests := []struct {
		name    string
		fault   influxdb3test.Fault
		carried bool // whether the server did it
		delete  bool // whether it is a lost answer to a deletion, too: its answer has no body
	}{
		{"cut before", influxdb3test.Fault{Kind: influxdb3test.CutBefore}, false, true},
		{"cut after", influxdb3test.Fault{Kind: influxdb3test.CutAfter}, true, true},
		{"answer after", influxdb3test.Fault{Kind: influxdb3test.AnswerAfter, Status: 504}, true, true},
		{"nothing of the body", influxdb3test.Fault{Kind: influxdb3test.Truncate, Keep: 0}, true, false},
		{"a byte of the body", influxdb3test.Fault{Kind: influxdb3test.Truncate, Keep: 1}, true, false},
		{"half a token", influxdb3test.Fault{Kind: influxdb3test.Truncate, Keep: 80}, true, false},
		{"empty", influxdb3test.Fault{Kind: influxdb3test.ReplaceBody, Body: ""}, true, false},
		{"html", influxdb3test.Fault{Kind: influxdb3test.ReplaceBody, Body: page}, true, false},
		{"no token", influxdb3test.Fault{Kind: influxdb3test.ReplaceBody, Body: `{"id":0,"name":"_admin"}`}, true, false},
		{"null token", influxdb3test.Fault{Kind: influxdb3test.ReplaceBody, Body: `{"id":0,"name":"_admin","token":null}`}, true, false},
		{"empty token", influxdb3test.Fault{Kind: influxdb3test.ReplaceBody, Body: `{"id":0,"name":"_admin","token":""}`}, true, false},
		{"null", influxdb3test.Fault{Kind: influxdb3test.ReplaceBody, Body: `null`}, true, false},
		{"array", influxdb3test.Fault{Kind: influxdb3test.ReplaceBody, Body: `[]`}, true, false},
		{"200 KB", influxdb3test.Fault{Kind: influxdb3test.ReplaceBody, Body: strings.Repeat("<p>", 70000)}, true, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			wanted := minting
			if tt.delete {
				wanted = changing
			}
			forEachMethod(t, wanted, nil, func(t *testing.T, m method, server *influxdb3test.Server, token influxdb3.Secret) {
				fault := tt.fault
				fault.Path, fault.Listener = m.path, m.listener
				server.Inject(fault)
				failed := failureOf(t, m.call(t.Context(), newClient(t, server, retries(3)), token), influxdb3.KindOutcomeUnknown)
				if !failed.Partial.IsEmpty() || len(failed.Error()) > 600 {
					t.Errorf("got %v, a token: %t", failed, !failed.Partial.IsEmpty())
				}
				assertRequests(t, server, 1)
				assertCarriedOut(t, m, server, token, tt.carried)
			})
		})
	}
}

// assertCarriedOut looks at the server for what the method does.
func assertCarriedOut(t *testing.T, m method, server *influxdb3test.Server, token influxdb3.Secret, want bool) {
	t.Helper()
	client := newClient(t, server)
	got := false
	switch m.name {
	case "CreateOperatorToken":
		_, err := client.CreateOperatorToken(t.Context())
		got = err != nil
	case "CreateNamedAdminToken", "CreateResourceToken":
		got = must[influxdb3.Listing](t)(client.FindToken(t.Context(), token, "new", "")).Find("new") != nil
	case "DeleteToken":
		got = must[influxdb3.Listing](t)(client.FindToken(t.Context(), token, named, "")).Find(named) == nil
	default:
		got = !server.Accepts(t, token.Reveal())
	}
	if got != want {
		t.Errorf("the server has done it: %t, want %t", got, want)
	}
}

// TestDeletionAnswered: the server's answer to a deletion has no body, so that a page is somebody
// else's.
func TestDeletionAnswered(t *testing.T) {
	t.Parallel()
	server := influxdb3test.New(t)
	token := server.Bootstrap(t)
	server.CreateNamedAdmin(t, token, named, 0)
	server.Inject(influxdb3test.Fault{Method: "DELETE", Kind: influxdb3test.Answer, Status: 200, Body: "<html>"})
	_, err := newClient(t, server).DeleteToken(t.Context(), influxdb3.NewSecret(token), named)
	var failed *influxdb3.Error
	if !errors.As(err, &failed) || failed.Kind != influxdb3.KindOutcomeUnknown {
		t.Errorf("got %v", err)
	}
}

// TestPartial: a token that has arrived whole is not lost with the rest of the answer.
func TestPartial(t *testing.T) {
	t.Parallel()
	const tokenSize = 92
	forEachMethod(t, minting, nil, func(t *testing.T, m method, server *influxdb3test.Server, token influxdb3.Secret) {
		name := influxdb3.OperatorTokenName
		id := 0
		if m.name == "CreateNamedAdminToken" || m.name == "CreateResourceToken" {
			name, id = "new", 2
		}
		whole := len(fmt.Sprintf(`{"id":%d,"name":%q,"token":"`, id, name)) + tokenSize + 1
		server.Inject(influxdb3test.Fault{Path: m.path, Listener: m.listener, Kind: influxdb3test.Truncate, Keep: whole})
		failed := failureOf(t, m.call(t.Context(), newClient(t, server, retries(2)), token), influxdb3.KindOutcomeUnknown)
		if !errors.Is(failed, io.ErrUnexpectedEOF) || !strings.Contains(failed.Message, "the token in it cannot be read") {
			t.Errorf("got %+v", failed)
		}
		if want := server.ClusterUUID(t); m.listener != "recovery" && failed.ClusterUUID != want || failed.Date.IsZero() {
			t.Errorf("of cluster %q at %s, want %q", failed.ClusterUUID, failed.Date, want)
		}
		partial := failed.Partial.Reveal()
		if len(partial) != tokenSize || !server.Accepts(t, partial) {
			t.Errorf("the partial token has %d bytes, or the server refuses it", len(partial))
		}
		assertNot(t, fmt.Sprintf("%v %+v %#v %s", failed, failed, failed, failed.Err), partial, partial[6:])
		assertRequests(t, server, 1)
	})
}

// TestPartialNotWhole: one byte less, and it is no token.
func TestPartialNotWhole(t *testing.T) {
	t.Parallel()
	for _, short := range []int{1, 2, 10, 90} {
		t.Run(strconv.Itoa(short), func(t *testing.T) {
			t.Parallel()
			server := influxdb3test.New(t)
			server.Inject(influxdb3test.Fault{Kind: influxdb3test.Truncate, Keep: len(`{"id":0,"name":"_admin","token":"`) + 92 + 1 - short})
			_, err := newClient(t, server).CreateOperatorToken(t.Context())
			if failed := failureOf(t, err, influxdb3.KindOutcomeUnknown); !failed.Partial.IsEmpty() {
				t.Error("half a token is taken for a whole one")
			}
		})
	}
}

// TestWholeAfterAll: an answer that is cut behind its last brace has everything.
func TestWholeAfterAll(t *testing.T) {
	t.Parallel()
	pair := recordedPairs(t)[0]
	body := fmt.Sprintf(`{"id":7,"name":"_admin","token":%q,"hash":%q,"created_at":"2026-11-24T08:49:36.479Z","expiry":null}`, pair.token, pair.hash)
	proxy := newProxy(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", strconv.Itoa(len(body)+2))
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, body)
	})
	token, err := influxdb3.New(influxdb3.Config{URL: parseURL(t, proxy.URL)}).CreateOperatorToken(t.Context())
	if err != nil || token.Secret.Reveal() != pair.token || token.ID != 7 || token.ForeignHash {
		t.Errorf("got %+v, %v", token, err)
	}
}

// TestForeignHash: up to 3.9 the hash in a reply can be another caller's.
func TestForeignHash(t *testing.T) {
	t.Parallel()
	pairs := recordedPairs(t)
	for _, tt := range []struct {
		hash string
		want bool
	}{{pairs[0].hash, false}, {pairs[1].hash, true}, {pairs[0].hash[:9], false}, {"", false}} {
		server := influxdb3test.New(t)
		server.Inject(influxdb3test.Fault{Kind: influxdb3test.ReplaceBody, Body: fmt.Sprintf(`{"name":"_admin","token":%q,"hash":%q}`, pairs[0].token, tt.hash)})
		token := must[influxdb3.Token](t)(newClient(t, server).CreateOperatorToken(t.Context()))
		if token.ForeignHash != tt.want {
			t.Errorf("the hash %.12s is foreign: %t", tt.hash, token.ForeignHash)
		}
	}
}

// newProxy is something of our own in place of a server.
func newProxy(t *testing.T, handler http.HandlerFunc) *httptest.Server {
	t.Helper()
	proxy := httptest.NewUnstartedServer(handler)
	proxy.Config.ErrorLog = nil
	proxy.Start()
	t.Cleanup(proxy.Close)
	return proxy
}

// TestNobodyThere: a connection that is refused is tried again, by every method.
func TestNobodyThere(t *testing.T) {
	t.Parallel()
	for _, most := range []int{0, 2} {
		t.Run(strconv.Itoa(most), func(t *testing.T) {
			t.Parallel()
			forEachMethod(t, everyMethod, nil, func(t *testing.T, m method, server *influxdb3test.Server, token influxdb3.Secret) {
				takeDown(t, server)
				var seen exchanges
				failed := failureOf(t, m.call(t.Context(), newClient(t, server, retries(most), seen.listen), token), influxdb3.KindNotSent)
				var op *net.OpError
				if !errors.As(failed, &op) || op.Op != "dial" || failed.Status != 0 {
					t.Errorf("got %+v", failed)
				}
				list := seen.all()
				if len(list) != 1+most {
					t.Errorf("%d attempts, want %d", len(list), 1+most)
				}
				for _, exchange := range list {
					if exchange.Status != 0 || exchange.Path != m.path {
						t.Errorf("got %+v", exchange)
					}
				}
				assertRequests(t, server, 0)
			})
		})
	}
}

// TestNobodyThereAtFirst: the repetition finds the server.
func TestNobodyThereAtFirst(t *testing.T) {
	t.Parallel()
	forEachMethod(t, everyMethod, nil, func(t *testing.T, m method, server *influxdb3test.Server, token influxdb3.Secret) {
		takeDown(t, server)
		up := sync.OnceFunc(server.Up)
		client := newClient(t, server, retries(1), func(c *influxdb3.Config) {
			c.OnRequest = func(context.Context, influxdb3.Exchange) { up() }
		})
		if err := m.call(t.Context(), client, token); err != nil {
			t.Error(err)
		}
		assertRequests(t, server, 1)
	})
}

// TestNobodyThereInTime: the error is the cause, not the timeout that stopped the repetitions.
func TestNobodyThereInTime(t *testing.T) {
	t.Parallel()
	forEachMethod(t, everyMethod, nil, func(t *testing.T, m method, server *influxdb3test.Server, token influxdb3.Secret) {
		takeDown(t, server)
		failed := failureOf(t, m.call(t.Context(), newClient(t, server, retries(100), timeout(2900*time.Millisecond)), token), influxdb3.KindNotSent)
		var op *net.OpError
		if !errors.As(failed, &op) || errors.Is(failed, context.DeadlineExceeded) {
			t.Errorf("got %v", failed)
		}
	})
}

// TestLostThenNobodyThere: what was sent once stays sent, for a read.
func TestReadLostThenNobodyThere(t *testing.T) {
	t.Parallel()
	forEachMethod(t, reading, nil, func(t *testing.T, m method, server *influxdb3test.Server, token influxdb3.Secret) {
		server.Inject(influxdb3test.Fault{Path: m.path, Kind: influxdb3test.CutBefore})
		down := sync.OnceFunc(func() { takeDown(t, server) })
		client := newClient(t, server, retries(1), func(c *influxdb3.Config) {
			c.OnRequest = func(context.Context, influxdb3.Exchange) { down() }
		})
		assertKind(t, m.call(t.Context(), client, token), influxdb3.KindUnexpected)
	})
}

// TestCutUnread: the connection is there and closes. Nobody can know what became of the request.
func TestCutUnread(t *testing.T) {
	t.Parallel()
	forEachMethod(t, changing, nil, func(t *testing.T, m method, server *influxdb3test.Server, token influxdb3.Secret) {
		server.Inject(influxdb3test.Fault{Listener: m.listener, Kind: influxdb3test.CutUnread})
		assertKind(t, m.call(t.Context(), newClient(t, server, retries(3)), token), influxdb3.KindOutcomeUnknown)
		assertRequests(t, server, 0)
		assertCarriedOut(t, m, server, token, false)
	})
}

// TestOwnConnection: what took an idle connection down is often not told to the client, which finds
// out by writing to it. A change must not be what it finds out with.
func TestOwnConnection(t *testing.T) {
	t.Parallel()
	forEachMethod(t, func(m method) bool { return m.changes && m.listener == "main" }, nil, func(t *testing.T, m method, server *influxdb3test.Server, token influxdb3.Secret) {
		proxy := newOnceProxy(t, server.URL())
		client := influxdb3.New(influxdb3.Config{URL: parseURL(t, proxy.URL)})
		_, _ = client.Ping(t.Context(), token) // leaves a connection behind
		_, _ = client.DeleteToken(t.Context(), token, "nobody")
		assertRequests(t, server, 2)
		server.ResetRequests()
		if err := m.call(t.Context(), client, token); err != nil {
			t.Error(err)
		}
		assertRequests(t, server, 1)
	})
}

// TestReadsShareAConnection: a listing asks a server of tokens often, and leaves it one connection.
func TestReadsShareAConnection(t *testing.T) {
	t.Parallel()
	server := influxdb3test.New(t)
	token := influxdb3.NewSecret(server.Bootstrap(t))
	var opened atomic.Int32
	proxy := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { forward(w, r, server.URL()+r.URL.Path) }))
	proxy.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened.Add(1)
		}
	}
	proxy.Start()
	t.Cleanup(proxy.Close)
	client := influxdb3.New(influxdb3.Config{URL: parseURL(t, proxy.URL)})
	for range 5 {
		must[influxdb3.Listing](t)(client.ListTokens(t.Context(), token))
	}
	if n := opened.Load(); n != 1 {
		t.Errorf("%d connections for the reads, want 1", n)
	}
}

// newOnceProxy leads to a server, and cuts a connection at the second request that comes over it.
func newOnceProxy(t *testing.T, to string) *httptest.Server {
	t.Helper()
	type key struct{}
	proxy := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Context().Value(key{}).(*atomic.Int32).Add(1) > 1 { //nolint:forcetypeassert // put there below
			panic(http.ErrAbortHandler)
		}
		forward(w, r, to+r.URL.Path)
	}))
	proxy.Config.ConnContext = func(ctx context.Context, _ net.Conn) context.Context {
		return context.WithValue(ctx, key{}, new(atomic.Int32))
	}
	proxy.Start()
	t.Cleanup(proxy.Close)
	return proxy
}

// TestIdempotencyKey: net/http repeats a POST by itself that has such a header, on a connection
// that it had kept. A change has a connection of its own, and such a header changes nothing.
func TestIdempotencyKey(t *testing.T) {
	t.Parallel()
	for _, header := range []string{"Idempotency-Key", "X-Idempotency-Key", "x-idempotency-key"} {
		t.Run(header, func(t *testing.T) {
			t.Parallel()
			forEachMethod(t, func(m method) bool { return m.changes && m.listener == "main" }, nil, func(t *testing.T, m method, server *influxdb3test.Server, token influxdb3.Secret) {
				client := newClient(t, server, retries(3), func(c *influxdb3.Config) {
					c.Headers = map[string]influxdb3.Secret{header: influxdb3.NewSecret("key")}
				})
				_, _ = client.Ping(t.Context(), token) // leaves a connection behind
				_, _ = client.DeleteToken(t.Context(), token, "nobody")
				server.ResetRequests()
				server.Inject(influxdb3test.Fault{Path: m.path, Kind: influxdb3test.CutAfter})
				assertKind(t, m.call(t.Context(), client, token), influxdb3.KindOutcomeUnknown)
				if r := assertRequests(t, server, 1)[0]; r.Header.Get(header) != "key" {
					t.Errorf("the header is missing: %v", r.Header)
				}
			})
		})
	}
}

func TestNoSuchHost(t *testing.T) {
	t.Parallel()
	for _, m := range methods() {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			u := parseURL(t, "http://user:pass@name.invalid:8181/prefix?q=1#f")
			failed := failureOf(t, m.call(t.Context(), influxdb3.New(influxdb3.Config{URL: u, RecoveryURL: u}), influxdb3.NewSecret(hidden)), influxdb3.KindNotSent)
			var dns *net.DNSError
			if !errors.As(failed, &dns) || failed.Target != "http://name.invalid:8181/prefix"+m.path {
				t.Errorf("got %+v", failed)
			}
			assertNot(t, failed.Error(), "user", "pass", "q=1", hidden)
		})
	}
}

// TestImpossibleURL: not even a request can be made of it, and its password does not show.
func TestImpossibleURL(t *testing.T) {
	t.Parallel()
	for _, m := range methods() {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			u := &url.URL{Scheme: "http", User: url.UserPassword("user", "pass"), Host: "a b"}
			failed := failureOf(t, m.call(t.Context(), influxdb3.New(influxdb3.Config{URL: u, RecoveryURL: u}), influxdb3.NewSecret(hidden)), influxdb3.KindNotSent)
			assertNot(t, failed.Error(), "user", "pass", hidden)
		})
	}
}

func TestTLS(t *testing.T) {
	t.Parallel()
	forEachMethod(t, everyMethod, []influxdb3test.Option{influxdb3test.WithTLS()}, func(t *testing.T, m method, server *influxdb3test.Server, token influxdb3.Secret) {
		var seen exchanges
		failed := failureOf(t, m.call(t.Context(), newClient(t, server, retries(3), seen.listen), token), influxdb3.KindNotSent)
		var verify *tls.CertificateVerificationError
		if !errors.As(failed, &verify) {
			t.Errorf("the cause is %v", failed.Err)
		}
		if got := len(seen.all()); got != 1 {
			t.Errorf("a certificate that is not trusted was tried %d times", got)
		}
		assertRequests(t, server, 0)

		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM([]byte(server.CACert())) {
			t.Fatal("CACert is no certificate")
		}
		trusting := newClient(t, server, func(c *influxdb3.Config) { c.TLS = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12} })
		if err := m.call(t.Context(), trusting, token); err != nil {
			t.Error(err)
		}
		assertRequests(t, server, 1)
	})
}

func TestTLSToPlainServer(t *testing.T) {
	t.Parallel()
	forEachMethod(t, everyMethod, nil, func(t *testing.T, m method, server *influxdb3test.Server, token influxdb3.Secret) {
		secure := func(c *influxdb3.Config) {
			c.URL.Scheme, c.RecoveryURL.Scheme = "https", "https"
		}
		assertKind(t, m.call(t.Context(), newClient(t, server, secure), token), influxdb3.KindNotSent)
		assertRequests(t, server, 0)
	})
}

// TestTimeout: the timeout bounds the whole call.
func TestTimeout(t *testing.T) {
	t.Parallel()
	forEachMethod(t, everyMethod, nil, func(t *testing.T, m method, server *influxdb3test.Server, token influxdb3.Secret) {
		release := make(chan struct{})
		t.Cleanup(func() { close(release) })
		server.Inject(influxdb3test.Fault{Path: m.path, Kind: influxdb3test.DelayBefore, Times: -1, Wait: release})
		want := influxdb3.KindUnexpected
		if m.changes {
			want = influxdb3.KindOutcomeUnknown
		}
		start := time.Now()
		// Long enough to connect on a busy machine.
		failed := failureOf(t, m.call(t.Context(), newClient(t, server, retries(5), timeout(1500*time.Millisecond)), token), want)
		if !errors.Is(failed, context.DeadlineExceeded) || !strings.Contains(failed.Error(), "no answer within 1.5s") {
			t.Errorf("got %v", failed)
		}
		if waited := time.Since(start); waited < 1500*time.Millisecond || waited > 15*time.Second {
			t.Errorf("it waited %s", waited)
		}
		assertRequests(t, server, 1)
	})
}

// TestCancelled: the caller gives up while the server has the request. A read ends at once; a change
// runs to its end, because its reply is the only copy of a token.
func TestCancelled(t *testing.T) {
	t.Parallel()
	for _, kind := range []influxdb3test.FaultKind{influxdb3test.DelayBefore, influxdb3test.DelayAfter} {
		t.Run(kind.String(), func(t *testing.T) {
			t.Parallel()
			forEachMethod(t, everyMethod, nil, func(t *testing.T, m method, server *influxdb3test.Server, token influxdb3.Secret) {
				release, reached := make(chan struct{}), make(chan struct{}, 1)
				server.Inject(influxdb3test.Fault{Path: m.path, Kind: kind, Wait: release, Reached: reached})
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				go func() {
					defer close(release)
					select {
					case <-reached:
					case <-ctx.Done():
					}
					cancel()
					time.Sleep(300 * time.Millisecond) // so that whoever listens to it has heard
				}()
				err := m.call(ctx, newClient(t, server, retries(5)), token)
				if m.changes && err != nil {
					t.Errorf("it did not run to its end: %v", err)
				}
				if !m.changes && !errors.Is(failureOf(t, err, influxdb3.KindUnexpected), context.Canceled) {
					t.Errorf("got %v", err)
				}
				assertRequests(t, server, 1)
			})
		})
	}
}

// TestCancelledWhileItEnds: it is cancelled while its attempt comes to nothing, and not repeated.
func TestCancelledWhileItEnds(t *testing.T) {
	t.Parallel()
	forEachMethod(t, changing, nil, func(t *testing.T, m method, server *influxdb3test.Server, token influxdb3.Secret) {
		server.Inject(influxdb3test.Fault{Path: m.path, Kind: influxdb3test.CutAfter, Times: -1})
		ctx, cancel := context.WithCancel(t.Context())
		client := newClient(t, server, retries(5), func(c *influxdb3.Config) {
			c.OnRequest = func(context.Context, influxdb3.Exchange) { cancel() }
		})
		failed := failureOf(t, m.call(ctx, client, token), influxdb3.KindOutcomeUnknown)
		if errors.Is(failed, context.Canceled) || failed.Err == nil {
			t.Errorf("the cause is %v, want what cut the answer", failed.Err)
		}
		assertRequests(t, server, 1)
	})
}

// TestTimeoutOfAChange: what cancelling does not stop, the timeout does.
func TestTimeoutOfAChange(t *testing.T) {
	t.Parallel()
	forEachMethod(t, changing, nil, func(t *testing.T, m method, server *influxdb3test.Server, token influxdb3.Secret) {
		release, reached := make(chan struct{}), make(chan struct{}, 1)
		t.Cleanup(func() { close(release) })
		server.Inject(influxdb3test.Fault{Path: m.path, Kind: influxdb3test.DelayAfter, Wait: release, Reached: reached})
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			<-reached
			cancel()
		}()
		failed := failureOf(t, m.call(ctx, newClient(t, server, timeout(1500*time.Millisecond)), token), influxdb3.KindOutcomeUnknown)
		if !errors.Is(failed, context.DeadlineExceeded) {
			t.Errorf("got %v", failed)
		}
	})
}

// TestCancelledWhileConnecting: nothing was sent yet, and nothing is.
func TestCancelledWhileConnecting(t *testing.T) {
	t.Parallel()
	for name, cause := range map[string]error{"cancelled": context.Canceled, "deadline": context.DeadlineExceeded} {
		for _, m := range methods() {
			t.Run(name+" "+m.name, func(t *testing.T) {
				t.Parallel()
				listener, err := net.Listen("tcp", "127.0.0.1:0") // closed below
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = listener.Close() })
				ctx, cancel := context.WithCancel(t.Context())
				if name == "deadline" {
					ctx, cancel = context.WithTimeout(t.Context(), 500*time.Millisecond)
				}
				defer cancel()
				go func() {
					conn, err := listener.Accept() // and no handshake
					if err != nil {
						return
					}
					if name == "cancelled" {
						cancel()
					}
					_, _ = io.Copy(io.Discard, conn)
					_ = conn.Close()
				}()
				u := parseURL(t, "https://"+listener.Addr().String())
				client := influxdb3.New(influxdb3.Config{URL: u, RecoveryURL: u, MaxRetries: 5})
				start := time.Now()
				failed := failureOf(t, m.call(ctx, client, influxdb3.NewSecret(hidden)), influxdb3.KindNotSent)
				if !errors.Is(failed, cause) || time.Since(start) > 8*time.Second { // a handshake may take 10 s
					t.Errorf("got %v after %s", failed, time.Since(start))
				}
			})
		}
	}
}

func TestCancelledBefore(t *testing.T) {
	t.Parallel()
	for name, cause := range map[string]error{"cancelled": context.Canceled, "deadline": context.DeadlineExceeded} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			forEachMethod(t, everyMethod, nil, func(t *testing.T, m method, server *influxdb3test.Server, token influxdb3.Secret) {
				ctx, cancel := context.WithCancel(t.Context())
				if name == "deadline" {
					ctx, cancel = context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
				}
				cancel()
				failed := failureOf(t, m.call(ctx, newClient(t, server, retries(5)), token), influxdb3.KindNotSent)
				if !errors.Is(failed, cause) || cause == context.Canceled && !strings.Contains(failed.Error(), "interrupted") { //nolint:errorlint // one of the two above
					t.Errorf("got %v", failed)
				}
				assertRequests(t, server, 0)
				if m.changes {
					assertCarriedOut(t, m, server, token, false)
				}
			})
		})
	}
}

// TestCancelledInPause: the caller gives up between two attempts, of which the first reached nobody.
func TestCancelledInPause(t *testing.T) {
	t.Parallel()
	forEachMethod(t, everyMethod, nil, func(t *testing.T, m method, server *influxdb3test.Server, token influxdb3.Secret) {
		takeDown(t, server)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		client := newClient(t, server, retries(5), func(c *influxdb3.Config) {
			c.OnRequest = func(context.Context, influxdb3.Exchange) {
				server.Up()
				time.AfterFunc(50*time.Millisecond, cancel) // the pause is 200 ms
			}
		})
		failed := failureOf(t, m.call(ctx, client, token), influxdb3.KindNotSent)
		if !errors.Is(failed, context.Canceled) || !strings.Contains(failed.Error(), "interrupted") {
			t.Errorf("got %v", failed)
		}
		assertRequests(t, server, 0)
	})
}

// TestCancelledInBusyPause: the same after an answer that was to come back later.
func TestCancelledInBusyPause(t *testing.T) {
	t.Parallel()
	forEachMethod(t, reading, nil, func(t *testing.T, m method, server *influxdb3test.Server, token influxdb3.Secret) {
		server.Inject(influxdb3test.Fault{Path: m.path, Kind: influxdb3test.Answer, Status: 429, Times: -1, Header: http.Header{"Retry-After": {"20"}}})
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var timer *time.Timer
		client := newClient(t, server, retries(5), func(c *influxdb3.Config) {
			c.OnRequest = func(context.Context, influxdb3.Exchange) { timer = time.AfterFunc(300*time.Millisecond, cancel) }
		})
		start := time.Now()
		failed := failureOf(t, m.call(ctx, client, token), influxdb3.KindUnexpected)
		timer.Stop()
		if !errors.Is(failed, context.Canceled) || time.Since(start) > 15*time.Second {
			t.Errorf("got %v after %s", failed, time.Since(start))
		}
		assertRequests(t, server, 1)
	})
}

// TestErrorBodies: whatever comes back, the error is one short line with the status.
func TestErrorBodies(t *testing.T) {
	t.Parallel()
	const size = 200 << 10
	bodies := map[string]string{
		"html":       "<!DOCTYPE html>\n<html>" + strings.Repeat("<p>error</p>\n", size/13),
		"text":       strings.Repeat("some words ", size/11),
		"one word":   strings.Repeat("x", size),
		"json":       `{"error":"` + strings.Repeat("y", size) + `"}`,
		"short json": `{"error":"` + strings.Repeat("z", 2000) + `"}`,
		"binary":     strings.Repeat("\x00\xff\x1b[31m\u2028\u0085\u009b", size/16),
		"umlauts":    strings.Repeat("ä€😀", size/9),
		"lines":      strings.Repeat("line\r\n\t", size/7),
	}
	for name, body := range bodies {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			forEachMethod(t, everyMethod, nil, func(t *testing.T, m method, server *influxdb3test.Server, token influxdb3.Secret) {
				for _, status := range []int{400, 401, 502} {
					server.Inject(influxdb3test.Fault{Path: m.path, Kind: influxdb3test.Answer, Status: status, Body: body})
					err := m.call(t.Context(), newClient(t, server), token)
					if err == nil {
						t.Fatalf("%d is no error", status)
					}
					text := err.Error()
					if len(text) >= 600 || !strings.Contains(text, fmt.Sprintf("HTTP %d", status)) || !isOneLine(text) {
						t.Errorf("%d bytes: %q", len(text), text)
					}
				}
			})
		})
	}
}

// TestEndlessBodies: what never ends is not read to its end.
func TestEndlessBodies(t *testing.T) {
	t.Parallel()
	tests := []struct {
		status int
		kind   influxdb3.Kind
		limit  int64 // what may be sent before the client is gone, sockets' buffers included
	}{
		{200, influxdb3.KindUnexpected, 100 << 20},
		{400, influxdb3.KindRefused, 16 << 20},
		{500, influxdb3.KindUnexpected, 16 << 20},
	}
	for _, tt := range tests {
		t.Run(strconv.Itoa(tt.status), func(t *testing.T) {
			t.Parallel()
			var sent atomic.Int64
			chunk := []byte(strings.Repeat("endless ", 8<<10))
			proxy := newProxy(t, func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(tt.status)
				for sent.Load() < 4*tt.limit {
					n, err := w.Write(chunk)
					sent.Add(int64(n))
					if err != nil {
						return
					}
				}
			})
			_, err := influxdb3.New(influxdb3.Config{URL: parseURL(t, proxy.URL)}).ListTokens(t.Context(), influxdb3.NewSecret(hidden))
			if failed := failureOf(t, err, tt.kind); len(failed.Error()) > 600 {
				t.Errorf("%d bytes: %v", len(failed.Error()), failed)
			}
			if got := sent.Load(); got > tt.limit {
				t.Errorf("the client took %d bytes", got)
			}
		})
	}
}

func isOneLine(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool {
		return r < ' ' || r >= 0x7f && r < 0xa0 || r == 0x2028 || r == 0x2029 || r == 0xfffd
	})
}

// TestEcho: a proxy that sends everything back does not get a secret into an error.
func TestEcho(t *testing.T) {
	t.Parallel()
	const (
		headerValue  = "header value+of/a=proxy"
		longerValue  = "header value+of/a=proxy that is longer"
		anotherValue = "S3cr3t"
		token        = "tok.en-of-another-kind"
	)
	headers := map[string]influxdb3.Secret{
		"X-Proxy": influxdb3.NewSecret(headerValue), "X-Longer": influxdb3.NewSecret(longerValue),
		"X-Another": influxdb3.NewSecret(anotherValue), "X-Empty": {},
	}
	echoes := map[string]func(lines []string) string{
		"text":  func(lines []string) string { return strings.Join(lines, "\n") },
		"json":  func(lines []string) string { return `{"error":"` + strings.Join(lines, " ") + `"}` },
		"other": func(lines []string) string { return `{"message":"` + strings.Join(lines, ",") + `"}` },
		"torn": func(lines []string) string { // what a clean-up drops stands inside of the secret
			return strings.ReplaceAll(strings.Join(lines, ";"), "e", "e\xff")
		},
		"spaced": func(lines []string) string { return strings.ReplaceAll(strings.Join(lines, ";"), " ", " \x00 ") },
	}
	for name, echo := range echoes {
		for _, status := range []int{201, 200, 400, 401, 404, 429, 500, 502} {
			t.Run(name+strconv.Itoa(status), func(t *testing.T) {
				t.Parallel()
				proxy := newProxy(t, func(w http.ResponseWriter, r *http.Request) {
					lines := []string{r.Header.Get("X-Longer"), r.Header.Get("X-Proxy"), r.Header.Get("Authorization"), r.Header.Get("X-Another")}
					w.Header().Set("X-Echo", strings.Join(lines, ","))
					w.WriteHeader(status)
					_, _ = io.WriteString(w, echo(lines))
				})
				u := parseURL(t, proxy.URL)
				client := influxdb3.New(influxdb3.Config{URL: u, RecoveryURL: u, Headers: headers})
				for _, m := range methods() {
					err := m.call(t.Context(), client, influxdb3.NewSecret(token))
					if err == nil && status < 300 && (m.name == "DeleteToken" || m.name == "Ping") {
						continue // a success that holds no secret
					}
					var failed *influxdb3.Error
					if !errors.As(err, &failed) {
						t.Fatalf("%s: %v", m.name, err)
					}
					text := fmt.Sprintf("%v|%+v|%#v|%s|%v", err, failed, *failed, failed.Message, failed.Err)
					assertNot(t, text, headerValue, longerValue, anotherValue, token, "that is longer")
					if status >= 400 && !strings.Contains(failed.Message, redacted) {
						t.Errorf("%s: the message is %q", m.name, failed.Message)
					}
				}
			})
		}
	}
}

// TestEchoOfOtherTokens: a token that is not the one that was sent is redacted as well.
func TestEchoOfOtherTokens(t *testing.T) {
	t.Parallel()
	server := influxdb3test.New(t)
	server.Inject(influxdb3test.Fault{Kind: influxdb3test.Answer, Status: 400, Body: "bad token " + hidden + ", sorry"})
	_, err := newClient(t, server).CreateOperatorToken(t.Context())
	if failed := failureOf(t, err, influxdb3.KindRefused); failed.Message != "bad token [redacted], sorry" {
		t.Errorf("the message is %q", failed.Message)
	}
}

// TestNotHTTP: what net/http cannot read it quotes, and a secret may be in it.
func TestNotHTTP(t *testing.T) {
	t.Parallel()
	const value = "header-value"
	answers := map[string]string{
		"no HTTP":     "Bearer " + hidden + " " + value + "\r\n\r\n",
		"status":      "HTTP/1.1 " + hidden + value + " \r\n\r\n",
		"header line": "HTTP/1.1 200 OK\r\n" + hidden + " " + value + "\r\n\r\n",
		"long":        "BEARER " + strings.Repeat("x", 3000) + "\r\n\r\n",
		"length":      "HTTP/1.1 200 OK\r\nContent-Length: " + hidden + "\r\n\r\n",
	}
	for name, answer := range answers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, m := range methods() {
				u := parseURL(t, "http://"+listenRaw(t, answer))
				client := influxdb3.New(influxdb3.Config{URL: u, RecoveryURL: u, Headers: map[string]influxdb3.Secret{"X-Proxy": influxdb3.NewSecret(value)}})
				want := influxdb3.KindUnexpected
				if m.changes {
					want = influxdb3.KindOutcomeUnknown
				}
				failed := failureOf(t, m.call(t.Context(), client, influxdb3.NewSecret(hidden)), want)
				assertNot(t, failed.Error(), hidden, value)
				if len(failed.Error()) > 600 || failed.Err == nil {
					t.Errorf("%d bytes: %v", len(failed.Error()), failed)
				}
			}
		})
	}
}

// TestBrokenEnd: of what follows the end of a body net/http quotes the beginning.
func TestBrokenEnd(t *testing.T) {
	t.Parallel()
	answer := "HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n{\"token\":\"" + hidden + "\"}\r\n\r\n"
	for _, m := range methods() {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			u := parseURL(t, "http://"+listenRaw(t, answer))
			err := m.call(t.Context(), influxdb3.New(influxdb3.Config{URL: u, RecoveryURL: u}), influxdb3.NewSecret("other"))
			if err == nil {
				t.Fatal("it is taken for a success")
			}
			assertNot(t, fmt.Sprintf("%v %+v", err, err), hidden)
		})
	}
}

// TestSomebodyElsesToken: a gateway can answer with a token of its own.
func TestSomebodyElsesToken(t *testing.T) {
	t.Parallel()
	forEachMethod(t, minting, nil, func(t *testing.T, m method, server *influxdb3test.Server, token influxdb3.Secret) {
		for _, body := range []string{`{"token":"session-abc"}`, `{"name":"session","token":"` + hidden + `"}`} {
			server.Inject(influxdb3test.Fault{Path: m.path, Listener: m.listener, Kind: influxdb3test.Answer, Status: 200, Body: body})
			failed := failureOf(t, m.call(t.Context(), newClient(t, server), token), influxdb3.KindOutcomeUnknown)
			if !failed.Partial.IsEmpty() {
				t.Errorf("%s: the token in it is kept", body)
			}
		}
		server.Inject(influxdb3test.Fault{Path: m.path, Listener: m.listener, Kind: influxdb3test.ReplaceBody, Body: `{"id":1,"name":"other","token":"apiv3_` + strings.Repeat("A", 86) + `"`})
		if failed := failureOf(t, m.call(t.Context(), newClient(t, server), token), influxdb3.KindOutcomeUnknown); !failed.Partial.IsEmpty() {
			t.Error("cut short: the token in it is kept")
		}
	})
}

// TestNames_cluster: whether a server names its cluster to somebody without a token (3.8 and later).
func TestNames_cluster(t *testing.T) {
	t.Parallel()
	for version, named := range map[string]bool{"3.10": true, "3.9": true, "3.7": false, "3.4": false} {
		server := influxdb3test.New(t, influxdb3test.As(version))
		want := ""
		if named {
			want = server.ClusterUUID(t)
		}
		got, err := newClient(t, server).Names(t.Context())
		if err != nil || got != want {
			t.Errorf("%s: got %q, %v, want %q", version, got, err, want)
		}
		server.Inject(influxdb3test.Fault{Kind: influxdb3test.Answer, Status: http.StatusInternalServerError})
		if got, err := newClient(t, server).Names(t.Context()); err == nil || got != "" {
			t.Errorf("%s: got %q, although nobody told", version, got)
		}
	}
}

// TestFindToken_hash: one query asks for a name and for the token of a hash.
func TestFindToken_hash(t *testing.T) {
	t.Parallel()
	server := influxdb3test.New(t)
	admin := server.Bootstrap(t)
	hash := influxdb3.NewSecret(server.CreateNamedAdmin(t, admin, "ci", 0)).Hash()
	server.CreateNamedAdmin(t, admin, "other", 0)
	found, err := newClient(t, server).FindToken(t.Context(), influxdb3.NewSecret(admin), influxdb3.OperatorTokenName, hash)
	if err != nil || len(found.Tokens) != 2 || found.Find(influxdb3.OperatorTokenName) == nil || found.FindHash(hash) == nil || found.FindHash(hash).Name != "ci" || found.FindHash("fffffffff") != nil {
		t.Errorf("got %+v, %v", found, err)
	}
	assertRequests(t, server, 1)
}

// TestCached: a reply that has been kept somewhere says so by its age.
func TestCached(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		header http.Header
		want   bool
	}{
		"the server's":      {nil, false},
		"with an age":       {http.Header{"Age": {"30"}}, true},
		"with the age of 0": {http.Header{"Age": {"0"}}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := influxdb3test.New(t)
			if tt.header != nil {
				server.Inject(influxdb3test.Fault{Kind: influxdb3test.SetHeader, Header: tt.header})
			}
			token, err := newClient(t, server).CreateOperatorToken(t.Context())
			if err != nil || token.Cached != tt.want {
				t.Errorf("got %+v, %v", token, err)
			}
		})
	}
}

// listenRaw answers one connection with a text once something has arrived, and returns its address.
func listenRaw(t *testing.T, answer string) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer func() { _ = conn.Close() }()
		_, _ = conn.Read(make([]byte, 4096))
		_, _ = io.WriteString(conn, answer)
		_, _ = io.Copy(io.Discard, conn)
	}()
	t.Cleanup(func() {
		_ = listener.Close()
		<-done
	})
	return listener.Addr().String()
}

func TestHeaders(t *testing.T) {
	t.Parallel()
	forEachMethod(t, everyMethod, nil, func(t *testing.T, m method, server *influxdb3test.Server, token influxdb3.Secret) {
		client := newClient(t, server, retries(1), func(c *influxdb3.Config) {
			c.Headers = map[string]influxdb3.Secret{"X-Proxy": influxdb3.NewSecret("one"), "x-lower": influxdb3.NewSecret("two"), "Accept": influxdb3.NewSecret("text/csv")}
		})
		want := 1
		if !m.changes { // and the same in a repetition
			server.Inject(influxdb3test.Fault{Path: m.path, Kind: influxdb3test.Answer, Status: 429})
			want = 2
		}
		if err := m.call(t.Context(), client, token); err != nil {
			t.Fatal(err)
		}
		for _, r := range assertRequests(t, server, want) {
			for name, want := range map[string]string{"X-Proxy": "one", "X-Lower": "two", "Accept": "application/json", "User-Agent": "client-test/1"} {
				if got := r.Header.Values(name); len(got) != 1 || got[0] != want {
					t.Errorf("%s is %q, want %q", name, got, want)
				}
			}
			want := ""
			if m.path == "/api/v3/query_sql" || m.name == "CreateNamedAdminToken" || m.name == "CreateResourceToken" {
				want = "application/json"
			}
			if got := r.Header.Get("Content-Type"); got != want {
				t.Errorf("the content type is %q, want %q", got, want)
			}
			if r.UserAgent != "client-test/1" {
				t.Errorf("the user agent is %q", r.UserAgent)
			}
		}
	})
}

// TestAuthorization looks at the header itself, which the test server does not keep.
func TestAuthorization(t *testing.T) {
	t.Parallel()
	for _, m := range methods() {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			var got [][]string
			proxy := newProxy(t, func(w http.ResponseWriter, r *http.Request) {
				got = append(got, r.Header.Values("Authorization"))
				w.WriteHeader(http.StatusNotFound)
			})
			u := parseURL(t, proxy.URL)
			client := influxdb3.New(influxdb3.Config{URL: u, RecoveryURL: u})
			assertKind(t, m.call(t.Context(), client, influxdb3.NewSecret(hidden)), influxdb3.KindNotFound)
			assertKind(t, m.call(t.Context(), client, influxdb3.Secret{}), influxdb3.KindNotFound)
			var want []string
			if !m.anonymous {
				want = []string{"Bearer " + hidden}
			}
			if len(got) != 2 || !slices.Equal(got[0], want) || len(got[1]) != 0 {
				t.Errorf("Authorization is %q, want %q", got, want)
			}
		})
	}
}

// TestPathPrefix: a server behind a proxy that serves it under a path.
func TestPathPrefix(t *testing.T) {
	t.Parallel()
	for _, prefix := range []string{"/influx", "/influx/", "/a/b%20c", "/%2F"} {
		t.Run(prefix, func(t *testing.T) {
			t.Parallel()
			forEachMethod(t, everyMethod, nil, func(t *testing.T, m method, server *influxdb3test.Server, token influxdb3.Secret) {
				backend := server.URL()
				if m.listener == "recovery" {
					backend = server.RecoveryURL()
				}
				var got string
				var gone atomic.Bool
				trimmed := strings.TrimSuffix(prefix, "/")
				proxy := newProxy(t, func(w http.ResponseWriter, r *http.Request) {
					got = r.URL.EscapedPath()
					rest, ok := strings.CutPrefix(got, trimmed)
					if !ok || gone.Load() {
						http.NotFound(w, r)
						return
					}
					forward(w, r, backend+rest)
				})
				u := parseURL(t, proxy.URL+prefix)
				client := influxdb3.New(influxdb3.Config{URL: u, RecoveryURL: u})
				if err := m.call(t.Context(), client, token); err != nil {
					t.Error(err)
				}
				if got != trimmed+m.path {
					t.Errorf("the path is %s, want %s", got, trimmed+m.path)
				}
				assertRequests(t, server, 1)
				// An error names the address that was asked.
				gone.Store(true)
				failed := failureOf(t, m.call(t.Context(), client, token), influxdb3.KindNotFound)
				if prefix == "/influx" && failed.Target != proxy.URL+prefix+m.path {
					t.Errorf("the target is %s", failed.Target)
				}
			})
		})
	}
}

// forward does what a reverse proxy does.
func forward(w http.ResponseWriter, r *http.Request, target string) {
	if r.URL.RawQuery != "" {
		target += "?" + r.URL.RawQuery
	}
	req, err := http.NewRequestWithContext(r.Context(), r.Method, target, r.Body) //nolint:gosec // from one of our own to another
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	req.Header = r.Header.Clone()
	req.ContentLength = r.ContentLength
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	defer func() { _ = resp.Body.Close() }()
	w.WriteHeader(resp.StatusCode)
	_, _ = io.Copy(w, resp.Body)
}

// TestPrefixInUnreadableAnswer: the errors that are made after the answer name the address, too.
func TestPrefixInUnreadableAnswer(t *testing.T) {
	t.Parallel()
	for _, m := range methods() {
		if m.name == "DeleteToken" {
			continue
		}
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			proxy := newProxy(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "?") })
			u, v := parseURL(t, proxy.URL+"/main"), parseURL(t, proxy.URL+"/recovery")
			err := m.call(t.Context(), influxdb3.New(influxdb3.Config{URL: u, RecoveryURL: v}), influxdb3.NewSecret(hidden))
			var failed *influxdb3.Error
			if want := proxy.URL + "/" + m.listener + m.path; !errors.As(err, &failed) || failed.Target != want {
				t.Errorf("got %v, want the target %s", err, want)
			}
		})
	}
}

func TestEndpoints(t *testing.T) {
	t.Parallel()
	full := parseURL(t, "https://user:pass@host.example:8181/a/b?q=1#f")
	client := influxdb3.New(influxdb3.Config{URL: full, RecoveryURL: parseURL(t, "https://user:pass@host.example:8182/r?q=1#f")})
	if got := client.Endpoint(); got != "https://host.example:8181/a/b" {
		t.Errorf("Endpoint is %s", got)
	}
	if got := client.RecoveryEndpoint(); got != "https://host.example:8182/r" || !client.HasRecovery() {
		t.Errorf("RecoveryEndpoint is %s, HasRecovery %t", got, client.HasRecovery())
	}
	client = influxdb3.New(influxdb3.Config{URL: full})
	if got := client.RecoveryEndpoint(); got != "" || client.HasRecovery() {
		t.Errorf("RecoveryEndpoint is %q, HasRecovery %t", got, client.HasRecovery())
	}
}

func TestOnRequest(t *testing.T) {
	t.Parallel()
	type key struct{}
	forEachMethod(t, everyMethod, nil, func(t *testing.T, m method, server *influxdb3test.Server, token influxdb3.Secret) {
		var seen []influxdb3.Exchange
		client := newClient(t, server, retries(1), func(c *influxdb3.Config) {
			c.Headers = map[string]influxdb3.Secret{"X-Proxy": influxdb3.NewSecret("header-value")}
			c.OnRequest = func(ctx context.Context, exchange influxdb3.Exchange) {
				if ctx.Value(key{}) != "the caller's" {
					t.Error("the context is not the caller's")
				}
				seen = append(seen, exchange)
			}
		})
		wantSeen := []int{success(m)}
		if !m.changes {
			server.Inject(influxdb3test.Fault{Path: m.path, Kind: influxdb3test.Answer, Status: 429})
			wantSeen = []int{429, success(m)}
		}
		if err := m.call(context.WithValue(t.Context(), key{}, "the caller's"), client, token); err != nil {
			t.Fatal(err)
		}
		if len(seen) != len(wantSeen) {
			t.Fatalf("got %+v", seen)
		}
		for i, exchange := range seen {
			if exchange.Status != wantSeen[i] || exchange.Method != m.verb || exchange.Path != m.path || exchange.Duration <= 0 || exchange.Duration > time.Minute {
				t.Errorf("got %+v", exchange)
			}
		}
		assertNot(t, fmt.Sprintf("%+v", seen), token.Reveal(), "header-value", "token_name", named)
	})
}

// TestNames: no name is too strange to be created, found and deleted.
func TestNames(t *testing.T) {
	t.Parallel()
	server := influxdb3test.New(t)
	operator := influxdb3.NewSecret(server.Bootstrap(t))
	client := newClient(t, server)
	names := []string{
		"with space", " around ", "slash/name", "/", "..", "../admin", "q?a=b&c=d#f", "a+b", "%", "%2F", "100%", "a&token_name=b", "quote's\"", "$name", "' OR ''='",
		"ünïcode-日本", "😀", "a\nb", "tab\tbed", "\\", "<html>", "a;b", "null", "x=y", strings.Repeat("x", 300), "CI", named, "é", "e\u0301",
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			token := must[influxdb3.Token](t)(client.CreateNamedAdminToken(t.Context(), operator, name, nil))
			if token.Name != name {
				t.Errorf("the name is %q", token.Name)
			}
			listing := must[influxdb3.Listing](t)(client.FindToken(t.Context(), operator, name, ""))
			if row := listing.Find(name); len(listing.Tokens) != 1 || row == nil || row.Hash != token.Secret.Hash() || row.ID != token.ID {
				t.Errorf("found %+v", listing.Tokens)
			}
			if err := deleted(client.DeleteToken(t.Context(), operator, name)); err != nil {
				t.Error(err)
			}
			if listing := must[influxdb3.Listing](t)(client.FindToken(t.Context(), operator, name, "")); len(listing.Tokens) != 0 {
				t.Errorf("after the deletion: %+v", listing.Tokens)
			}
			if server.Accepts(t, token.Secret.Reveal()) {
				t.Error("the deleted token is accepted")
			}
		})
	}
}

// TestConcurrent: one client for many callers.
func TestConcurrent(t *testing.T) {
	t.Parallel()
	server := influxdb3test.New(t)
	operator := influxdb3.NewSecret(server.Bootstrap(t))
	client := newClient(t, server)
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			name := "token-" + strconv.Itoa(i)
			token, err := client.CreateNamedAdminToken(t.Context(), operator, name, nil)
			if err != nil || token.Name != name {
				t.Errorf("got %+v, %v", token, err)
				return
			}
			if _, err := client.FindToken(t.Context(), token.Secret, name, ""); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if listing := must[influxdb3.Listing](t)(client.ListTokens(t.Context(), operator)); len(listing.Tokens) != 17 {
		t.Errorf("%d tokens", len(listing.Tokens))
	}
}
