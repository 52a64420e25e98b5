package influxdb3test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// config is what the options, or the flags of the command, ask for.
type config struct {
	version     string
	withoutAuth bool
	open        []string
	recovery    bool
	tls         bool
	tokenFile   *tokenFile
	enterprise  bool
	lag         time.Duration
	now         func() time.Time
	dataDir     string

	// embedded names the option that a real server cannot be asked for, if one was given.
	embedded string
}

func (c config) check() error {
	if _, ok := releases[c.version]; !ok {
		return fmt.Errorf("version %q is not one of %s", c.version, strings.Join(versions, ", "))
	}
	for _, r := range c.open {
		if !slices.Contains([]string{"ping", "health", "metrics"}, r) {
			return fmt.Errorf("resource %q is not one of ping, health and metrics", r)
		}
	}
	if c.tokenFile != nil {
		return c.tokenFile.check()
	}
	return nil
}

// opens tells whether the path is one that --disable-authz lets pass without a token.
func (c config) opens(path string) bool {
	switch path {
	case "/ping", "/health", "/metrics":
		return slices.Contains(c.open, path[1:])
	}
	return false
}

// Option changes what New starts. Every option means the same on the embedded server and on a
// real one; those that a real server cannot be asked for (As, Enterprise, Lag and Clock) keep the
// embedded server even where INFLUXDB3_BIN is set.
type Option func(*config)

// As makes the server answer as that version: "3.4", "3.7", "3.9" or "3.10", which is the default.
// Each follows its recording in testdata. Any other version fails the test. It keeps the embedded
// server, also for "3.10": a real binary answers as the version that it is.
func As(version string) Option {
	return func(c *config) { c.version, c.embedded = version, "As" }
}

// WithoutAuth is --without-auth: no token is asked for, and everything about tokens answers 405.
func WithoutAuth() Option {
	return func(c *config) { c.withoutAuth = true }
}

// DisableAuthz is --disable-authz: the resources (ping, health, metrics) answer without a token
// and with a bad one. Any other name fails the test.
func DisableAuthz(resources ...string) Option {
	return func(c *config) { c.open = append(c.open, resources...) }
}

// WithRecovery is --admin-token-recovery-http-bind: a second listener regenerates the operator
// token without authentication and closes after its first success.
func WithRecovery() Option {
	return func(c *config) { c.recovery = true }
}

// WithTLS serves both listeners over https with a certificate of their own, for localhost,
// 127.0.0.1 and ::1. CACert returns what verifies it. A real server is spoken to in plain text
// behind it.
func WithTLS() Option {
	return func(c *config) { c.tls = true }
}

// WithTokenFile is --admin-token-file: the server starts with that admin token. The name "_admin"
// makes it the operator token. A token without the prefix "apiv3_" fails the test, as the real
// server does not start with one.
func WithTokenFile(name, token string) Option {
	return func(c *config) { c.tokenFile = &tokenFile{Name: name, Token: token} }
}

// WithTokenFileExpiring is WithTokenFile with an expiry_millis: the token of that name expires
// then, by the server's clock. Regenerating keeps the expiry, on both listeners: once it has
// passed, every new operator token is dead on arrival.
func WithTokenFileExpiring(name, token string, expires time.Time) Option {
	return func(c *config) {
		c.tokenFile = &tokenFile{Name: name, Token: token, ExpiryMillis: new(expires.UnixMilli())}
	}
}

// Enterprise makes it an InfluxDB 3 Enterprise: it creates resource tokens at
// POST /api/v3/enterprise/configure/token, names itself in /ping and lists the permissions of a
// resource token as a JSON array in a string. It follows the published documents, not a recording,
// and these parts are unverified: only the operator token may regenerate itself, any other valid
// token gets 403 "forbidden"; a resource token gets 403 "forbidden" for everything but /ping,
// /health and /metrics; admin rows list the permissions "*:*:*". Databases are not kept, so that
// every database name is accepted in a permission, where the real server refuses an unknown one.
// It keeps the embedded server.
func Enterprise() Option {
	return func(c *config) { c.enterprise, c.embedded = true, "Enterprise" }
}

// Lag makes it a cluster of two nodes: SQL is answered, and its token judged, by a second node
// that learns of every token change d later by the server's clock; all else goes to the first
// node. Accepts asks the second node, too. It names itself Enterprise in /ping, because Core has no
// second node, and is Core otherwise. It keeps the embedded server.
func Lag(d time.Duration) Option {
	return func(c *config) { c.lag, c.embedded = d, "Lag" }
}

// Clock is the server's clock: created_at, updated_at, expiry, lag and the Date header go by it.
// It is called from several goroutines at once. It keeps the embedded server.
func Clock(now func() time.Time) Option {
	return func(c *config) { c.now, c.embedded = now, "Clock" }
}

func newConfig(opts []Option) config {
	c := config{version: "3.10", now: time.Now}
	for _, o := range opts {
		o(&c)
	}
	return c
}

// date is the Date header at that time.
func date(t time.Time) string { return t.UTC().Format(http.TimeFormat) }
