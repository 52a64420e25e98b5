package provider

import (
	"net/http"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"

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
			clock := &testClock{}
			s, lines := influxdb3test.New(t, influxdb3test.Enterprise()), []string{"max_retries = 0"}
			if tt.path != createPath {
				lines = append(lines, withToken(s.Bootstrap(t)))
			}
			s.Inject(influxdb3test.Fault{Method: http.MethodOptions, Times: 2, Kind: influxdb3test.Answer, Status: http.StatusServiceUnavailable})
			s.Inject(influxdb3test.Fault{Method: http.MethodOptions, Kind: influxdb3test.CutBefore})
			s.ResetRequests()
			resource.Test(t, resource.TestCase{
				ProtoV6ProviderFactories: factories(clock),
				Steps:                    []resource.TestStep{{Config: block(s, lines...) + tt.config}},
			})
			if looks, made := count(s, http.MethodOptions, optionsPath), count(s, http.MethodPost, tt.path); looks != 4 || made != 1 {
				t.Errorf("looked %d times and created %d times, want 4 and 1", looks, made)
			}
			if clock.moved == 0 {
				t.Error("nothing was waited for")
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
				clock := &testClock{}
				s := influxdb3test.New(t)
				s.Down()
				resource.Test(t, resource.TestCase{
					ProtoV6ProviderFactories: factories(clock),
					Steps:                    []resource.TestStep{{Config: block(s, tt.line, "max_retries = 0", withToken(secretToken)) + config, ExpectError: words(tt.want)}},
				})
				// The time that the looks took counts, too.
				if clock.moved > tt.wait || clock.moved < tt.wait/2 {
					t.Errorf("waited for %s, want %s", clock.moved, tt.wait)
				}
			})
		}
	}
}

// What exists is not waited for: a refresh fails at once, and so do a plan and a rotation.
func TestAccStartup_existing(t *testing.T) {
	t.Parallel()
	clock := &testClock{}
	s := influxdb3test.New(t)
	config := func(n string) string { return block(s, "max_retries = 0") + operator(unprotected, trigger(n)) }
	failing := influxdb3test.Fault{Times: -1, Kind: influxdb3test.Answer, Status: http.StatusServiceUnavailable}
	rotating := failing
	rotating.Path = regeneratePath
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: factories(clock),
		Steps: []resource.TestStep{
			{Config: config("1")},
			{PreConfig: func() { s.ResetRequests(); s.Inject(failing) }, Config: config("1"), ExpectError: words("HTTP 503")},
			{PreConfig: func() { s.ClearFaults(); s.Inject(rotating) }, Config: config("2"), ExpectError: words("HTTP 503")},
			{PreConfig: s.ClearFaults, Config: config("2"), Check: tokenWorks(t, s)},
		},
	})
	if n := count(s, http.MethodOptions, optionsPath); n != 0 {
		t.Errorf("looked %d times whether the server is up", n)
	}
}

// A failure that waiting does not mend ends it at once.
func TestAccStartup_atOnce(t *testing.T) {
	t.Parallel()
	clock := &testClock{}
	secure, redirecting := influxdb3test.New(t, influxdb3test.WithTLS()), influxdb3test.New(t)
	redirecting.Inject(influxdb3test.Fault{Times: -1, Kind: influxdb3test.Answer, Status: http.StatusTemporaryRedirect, Header: http.Header{"Location": {"http://127.0.0.1:1/"}}})
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: factories(clock),
		Steps: []resource.TestStep{
			{Config: block(secure, "max_retries = 0") + operator(), ExpectError: words("ca_cert_file")},
			{Config: block(redirecting, "max_retries = 0") + operator(), ExpectError: words("HTTP 307: redirected to")},
		},
	})
	if clock.moved != 0 {
		t.Errorf("waited for %s", clock.moved)
	}
}
