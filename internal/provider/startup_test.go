package provider

import (
	"net/http"
	"testing"
	"time"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3test"
)

const optionsPath = "/ping"

// A creation waits for its server, whatever it creates. It looks, and sends its own
// request once.
func TestAccStartup(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		config string
		path   string // of the request that creates
	}{
		"operator token":    {operator(unprotected), createPath},
		"named admin token": {named(`name = "ci"`), "/api/v3/configure/token/named_admin"},
		"resource token":    {limited(`name = "app"`, mydb), "/api/v3/enterprise/configure/token"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCore(t)
			began := c.clock.now
			s, lines := influxdb3test.New(t, influxdb3test.Enterprise()), []string{"max_retries = 0"}
			if tt.path != createPath {
				lines = append(lines, withToken(s.Bootstrap(t)))
			}
			s.Inject(influxdb3test.Fault{Method: http.MethodOptions, Times: 2, Kind: influxdb3test.Answer, Status: http.StatusServiceUnavailable})
			s.Inject(influxdb3test.Fault{Method: http.MethodOptions, Kind: influxdb3test.CutBefore})
			s.ResetRequests()
			c.applied(c.rootFrom(block(s, lines...)+tt.config), planOptions{})
			if looks, made := count(s, http.MethodOptions, optionsPath), count(s, http.MethodPost, tt.path); looks != 4 || made != 1 {
				t.Errorf("looked %d times and created %d times, want 4 and 1", looks, made)
			}
			if waited := c.clock.now.Sub(began); waited < time.Second/10 {
				t.Errorf("waited for %s, which is the looks alone", waited)
			}
		})
	}
}

// It gives up in the end, and says how long it has waited and what sets that.
func TestAccStartup_never(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		line string
		want string
		wait time.Duration
	}{
		"by default": {"", "The server did not answer within the 1m0s that a creation waits for it", time.Minute},
		"shorter":    {`startup_timeout = "1s"`, "raise the provider's startup_timeout, which is 1s now", time.Second},
		"turned off": {`startup_timeout = "0s"`, "startup_timeout, which is 0s, sets how long a creation waits", 0},
	} {
		for kind, config := range map[string]string{"operator token": operator(), "named admin token": named(`name = "ci"`)} {
			t.Run(name+"/"+kind, func(t *testing.T) {
				t.Parallel()
				c, s := newCore(t), influxdb3test.New(t)
				began := c.clock.now
				s.Down()
				root := c.rootFrom(block(s, tt.line, "max_retries = 0", withToken(secretToken)) + config)
				if c.apply(c.planned(root, planOptions{}), false, false, ending{}); !c.failed || !c.said(tt.want) {
					t.Errorf("no %q: %v", tt.want, c.journal)
				}
				// The time that the looks took counts, too, and each of them some milliseconds.
				if waited := c.clock.now.Sub(began); waited > tt.wait+time.Second/4 || waited < tt.wait/2 {
					t.Errorf("waited for %s, want %s", waited, tt.wait)
				}
			})
		}
	}
}

// What exists is not waited for: a refresh fails at once, and so do a plan and a rotation.
func TestAccStartup_existing(t *testing.T) {
	t.Parallel()
	c, s := newCore(t), influxdb3test.New(t)
	root := func(n string) rootModule {
		return c.rootFrom(block(s, "max_retries = 0") + operator(unprotected, trigger(n)))
	}
	failing := influxdb3test.Fault{Times: -1, Kind: influxdb3test.Answer, Status: http.StatusServiceUnavailable}
	rotating := failing
	rotating.Path = regeneratePath
	c.applied(root("1"), planOptions{})
	s.ResetRequests()
	s.Inject(failing)
	if c.plan(root("1"), planOptions{}) != nil || !c.said("HTTP 503") {
		t.Errorf("the refresh: %v", c.journal)
	}
	s.ClearFaults()
	s.Inject(rotating)
	if c.apply(c.planned(root("2"), planOptions{}), false, false, ending{}); !c.failed || !c.said("HTTP 503") {
		t.Errorf("the rotation: %v", c.journal)
	}
	s.ClearFaults()
	c.applied(root("2"), planOptions{})
	if !s.Accepts(t, c.current(address, "token")) {
		t.Error("the server refuses the token in state")
	}
	if n := count(s, http.MethodOptions, optionsPath); n != 0 {
		t.Errorf("looked %d times whether the server is up", n)
	}
}

// A failure that waiting does not mend ends it at once.
func TestAccStartup_atOnce(t *testing.T) {
	t.Parallel()
	secure, redirecting := influxdb3test.New(t, influxdb3test.WithTLS()), influxdb3test.New(t)
	redirecting.Inject(influxdb3test.Fault{Times: -1, Kind: influxdb3test.Answer, Status: http.StatusTemporaryRedirect, Header: http.Header{"Location": {"http://127.0.0.1:1/"}}})
	for want, s := range map[string]*influxdb3test.Server{"ca_cert_file": secure, "HTTP 307: redirected to": redirecting} {
		c := newCore(t)
		began := c.clock.now
		made := c.planned(c.rootFrom(block(s, "max_retries = 0")+operator()), planOptions{})
		if c.apply(made, false, false, ending{}); !c.failed || !c.said(want) {
			t.Errorf("no %q: %v", want, c.journal)
		}
		if waited := c.clock.now.Sub(began); waited > time.Second/10 {
			t.Errorf("waited for %s", waited)
		}
	}
}
