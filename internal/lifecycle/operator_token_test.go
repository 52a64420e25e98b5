package lifecycle_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3"
	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3test"
	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/lifecycle"
)

const (
	createPath     = "/api/v3/configure/token/admin"
	regeneratePath = "/api/v3/configure/token/admin/regenerate"
	queryPath      = "/api/v3/query_sql"
)

// clock is the machine's, moved. Sleeping moves it on.
type clock struct {
	mu    sync.Mutex
	moved time.Duration
	slept time.Duration
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.moved)
}

func (c *clock) Sleep(ctx context.Context, d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.moved += d
	c.slept += d
	return ctx.Err()
}

func (c *clock) sleptFor() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.slept
}

// operator looks after the operator token of a test server.
func operator(t *testing.T, s *influxdb3test.Server, credential string, change ...func(*influxdb3.Config)) (*lifecycle.Operator, *clock) {
	t.Helper()
	config := influxdb3.Config{URL: parse(t, s.URL()), Timeout: 10 * time.Second}
	for _, c := range change {
		c(&config)
	}
	c := &clock{}
	o := &lifecycle.Operator{Server: influxdb3.New(config), Clock: c}
	if credential != "" {
		o.Credential = influxdb3.NewSecret(credential)
	}
	return o, c
}

// lagging is a cluster whose second node, which is the one that lists, learns of a
// token so much later. It knows the operator token, and the clock is the fake one.
func lagging(t *testing.T, lag time.Duration, options ...influxdb3test.Option) (s *influxdb3test.Server, c *clock, operator string) {
	t.Helper()
	c = &clock{}
	s = influxdb3test.New(t, append(options, influxdb3test.Lag(lag), influxdb3test.Clock(c.Now))...)
	operator = s.Bootstrap(t)
	_ = c.Sleep(t.Context(), lag+time.Minute) // only the fake moves
	return s, c, operator
}

func parse(t *testing.T, text string) *url.URL {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func withRecovery(t *testing.T, s *influxdb3test.Server) func(*influxdb3.Config) {
	t.Helper()
	return func(c *influxdb3.Config) { c.RecoveryURL = parse(t, s.RecoveryURL()) }
}

func withTimeout(d time.Duration) func(*influxdb3.Config) {
	return func(c *influxdb3.Config) { c.Timeout = d }
}

func count(s *influxdb3test.Server, path string) int {
	n := 0
	for _, r := range s.Requests() {
		if r.Path == path {
			n++
		}
	}
	return n
}

func problem(t *testing.T, err error) lifecycle.Problem {
	t.Helper()
	var known *lifecycle.Error
	if err != nil && !errors.As(err, &known) {
		t.Fatalf("the error is no *lifecycle.Error: %v", err)
	}
	if known == nil {
		return 0
	}
	return known.Problem
}

// expectProblem takes 0 for no error.
func expectProblem(t *testing.T, err error, want lifecycle.Problem) {
	t.Helper()
	if got := problem(t, err); got != want {
		t.Fatalf("got problem %d (%v), want %d", got, err, want)
	}
}

// named is the header by which an answer is the server's own. It skips the test where
// the server does not name itself.
func named(t *testing.T, s *influxdb3test.Server) http.Header {
	t.Helper()
	uuid := s.ClusterUUID(t)
	if uuid == "" {
		t.Skip("needs a server that sends cluster-uuid (3.7 and later)")
	}
	return http.Header{"Cluster-Uuid": {uuid}}
}

// namesItself says whether the server of a token names its cluster in a refusal, too.
func namesItself(token lifecycle.OperatorToken) bool {
	return token.ClusterUUID != "" && !strings.HasPrefix(token.Version, "3.7.")
}

// kept is what is kept of a token that a test made.
func kept(t *testing.T, s *influxdb3test.Server, secret string) lifecycle.OperatorToken {
	t.Helper()
	o, _ := operator(t, s, secret)
	token, err := o.Adopt(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s.ResetRequests()
	return token
}

// A rotation whose request meets a fault. Whatever happens, the token returned
// works, or the error says what is known of the old one.
func TestRotate_faults(t *testing.T) {
	t.Parallel()
	hold := make(chan struct{})
	t.Cleanup(func() { close(hold) })
	regenerate := func(f influxdb3test.Fault) influxdb3test.Fault {
		f.Path, f.Listener = regeneratePath, "main"
		return f
	}
	whole := 200 // bytes of the reply that hold the whole token
	tests := map[string]struct {
		fault     influxdb3test.Fault
		committed bool // the server did it
		salvaged  bool // the secret was not lost after all
	}{
		"cut before":              {regenerate(influxdb3test.Fault{Kind: influxdb3test.CutBefore}), false, false},
		"cut after":               {regenerate(influxdb3test.Fault{Kind: influxdb3test.CutAfter}), true, false},
		"timeout before":          {regenerate(influxdb3test.Fault{Kind: influxdb3test.DelayBefore, Wait: hold}), false, false},
		"timeout after":           {regenerate(influxdb3test.Fault{Kind: influxdb3test.DelayAfter, Wait: hold}), true, false},
		"502 instead":             {regenerate(influxdb3test.Fault{Kind: influxdb3test.Answer, Status: 502}), false, false},
		"502 after":               {regenerate(influxdb3test.Fault{Kind: influxdb3test.AnswerAfter, Status: 502}), true, false},
		"503 after":               {regenerate(influxdb3test.Fault{Kind: influxdb3test.AnswerAfter, Status: 503}), true, false},
		"504 after":               {regenerate(influxdb3test.Fault{Kind: influxdb3test.AnswerAfter, Status: 504}), true, false},
		"500 instead":             {regenerate(influxdb3test.Fault{Kind: influxdb3test.Answer, Status: 500}), false, false},
		"truncated in the token":  {regenerate(influxdb3test.Fault{Kind: influxdb3test.Truncate, Keep: 60}), true, false},
		"truncated behind it":     {regenerate(influxdb3test.Fault{Kind: influxdb3test.Truncate, Keep: whole}), true, true},
		"empty body":              {regenerate(influxdb3test.Fault{Kind: influxdb3test.ReplaceBody, Body: ""}), true, false},
		"HTML instead of JSON":    {regenerate(influxdb3test.Fault{Kind: influxdb3test.ReplaceBody, Body: "<html>welcome</html>"}), true, false},
		"JSON without a token":    {regenerate(influxdb3test.Fault{Kind: influxdb3test.ReplaceBody, Body: `{"ok":true}`}), true, false},
		"success of another kind": {regenerate(influxdb3test.Fault{Kind: influxdb3test.AnswerAfter, Status: 200, Body: "<html>" + strings.Repeat("x", 200<<10) + "</html>"}), true, false},
	}
	credentials := map[string]struct {
		named, recovery bool
	}{
		"nothing else":         {},
		"a named admin token":  {named: true},
		"a recovery listener":  {recovery: true},
		"both":                 {named: true, recovery: true},
		"the same token again": {},
	}
	for name, tt := range tests {
		for has, credential := range credentials {
			t.Run(name+", with "+has, func(t *testing.T) {
				t.Parallel()
				s := influxdb3test.New(t, influxdb3test.WithRecovery())
				old := s.Bootstrap(t)
				prior := kept(t, s, old)
				configured := ""
				if credential.named {
					configured = s.CreateNamedAdmin(t, old, "automation", 0)
				}
				if has == "the same token again" {
					configured = old
				}
				var change []func(*influxdb3.Config)
				if credential.recovery {
					change = append(change, withRecovery(t, s))
				}
				if tt.fault.Wait != nil {
					change = append(change, withTimeout(time.Second/2))
				}
				o, _ := operator(t, s, configured, change...)
				s.Inject(tt.fault)

				token, warnings, err := o.Rotate(t.Context(), prior)

				healed := tt.committed && !tt.salvaged && (credential.named || credential.recovery)
				regenerations := 1
				if healed {
					regenerations = 2
				}
				if n := count(s, regeneratePath); n != regenerations {
					t.Errorf("%d regenerations, want %d", n, regenerations)
				}
				switch {
				case healed || tt.salvaged:
					if err != nil {
						t.Fatal(err)
					}
					if healed != (len(warnings) == 1) {
						t.Errorf("healed: %t, warnings: %v", healed, warnings)
					}
					if !s.Accepts(t, token.Secret.Reveal()) || token.Status != lifecycle.StatusActive || token.CreatedAt != prior.CreatedAt || token.RotatedAt.IsZero() {
						t.Errorf("the new token is not good: %+v", token)
					}
					if s.Accepts(t, old) {
						t.Error("the old token is still accepted")
					}
					if token.ClusterUUID != prior.ClusterUUID {
						t.Errorf("cluster %q became %q", prior.ClusterUUID, token.ClusterUUID)
					}
				case tt.committed:
					expectProblem(t, err, lifecycle.ProblemLost)
				default:
					expectProblem(t, err, lifecycle.ProblemNotDone)
					if !s.Accepts(t, old) {
						t.Error("the old token is refused")
					}
				}
			})
		}
	}
}

// Once something else than the server fails, it is not taken for its word.
func TestRotate_notDone(t *testing.T) {
	t.Parallel()
	html := func(status int) influxdb3test.Fault {
		return influxdb3test.Fault{Kind: influxdb3test.Answer, Path: regeneratePath, Status: status}
	}
	redirect := html(307)
	redirect.Header = http.Header{"Location": {"http://127.0.0.1:1/elsewhere"}}
	tests := map[string]struct {
		fault influxdb3test.Fault
		want  lifecycle.Problem
	}{
		"a proxy's 401":              {html(401), lifecycle.ProblemNotDone},
		"an empty 401 of a stranger": {influxdb3test.Fault{Kind: influxdb3test.Answer, Path: regeneratePath, Status: 401, NoBody: true}, lifecycle.ProblemNotDone},
		"the server's 401, copied": {
			influxdb3test.Fault{Kind: influxdb3test.Answer, Path: regeneratePath, Status: 401, Body: `{"error": "the request was not authenticated"}`}, lifecycle.ProblemNotDone,
		},
		"another cluster's 401": {
			influxdb3test.Fault{Kind: influxdb3test.Answer, Path: regeneratePath, Status: 401, Body: `{"error": "the request was not authenticated"}`, Header: http.Header{"Cluster-Uuid": {"another"}}}, lifecycle.ProblemWrongServer,
		},
		"a redirect":   {redirect, lifecycle.ProblemNotDone},
		"400":          {html(400), lifecycle.ProblemNotDone},
		"403":          {html(403), lifecycle.ProblemNotDone},
		"404":          {html(404), lifecycle.ProblemNotDone},
		"405":          {html(405), lifecycle.ProblemNotDone},
		"407":          {html(407), lifecycle.ProblemNotDone},
		"409":          {html(409), lifecycle.ProblemNotDone},
		"413":          {html(413), lifecycle.ProblemNotDone},
		"429 for ever": {html(429), lifecycle.ProblemNotDone},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := influxdb3test.New(t, influxdb3test.WithRecovery())
			old := s.Bootstrap(t)
			prior := kept(t, s, old)
			if !namesItself(prior) {
				t.Skip("needs a server that names its cluster in a refusal (3.8 and later)")
			}
			named := s.CreateNamedAdmin(t, old, "automation", 0)
			o, _ := operator(t, s, named, withRecovery(t, s))
			tt.fault.Times = -1
			s.Inject(tt.fault)
			_, _, err := o.Rotate(t.Context(), prior)
			expectProblem(t, err, tt.want)
			if n := count(s, regeneratePath); n != 1 {
				t.Errorf("%d regenerations, want the one that failed: neither the configured token nor the recovery listener may be used", n)
			}
			if !s.Accepts(t, old) {
				t.Error("the old token is refused")
			}
		})
	}
}

func TestRotate_notSent(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		url         func(s *influxdb3test.Server) string
		down        bool
		interrupted bool
		want        lifecycle.Problem
	}{
		"interrupted before": {(*influxdb3test.Server).URL, false, true, lifecycle.ProblemInterrupted},
		"name unknown":       {func(*influxdb3test.Server) string { return "http://server.invalid:8181" }, false, false, lifecycle.ProblemNotDone},
		"TLS to a server without": {
			func(s *influxdb3test.Server) string { return strings.Replace(s.URL(), "http:", "https:", 1) }, false, false, lifecycle.ProblemNotDone,
		},
		"connection refused": {(*influxdb3test.Server).URL, true, false, lifecycle.ProblemNotDone},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := influxdb3test.New(t)
			old := s.Bootstrap(t)
			prior := kept(t, s, old)
			o, _ := operator(t, s, "", func(c *influxdb3.Config) { c.URL = parse(t, tt.url(s)) })
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if tt.interrupted {
				cancel()
			}
			if tt.down {
				s.Down()
			}
			_, _, err := o.Rotate(ctx, prior)
			expectProblem(t, err, tt.want)
			s.Up()
			if n := count(s, regeneratePath); n != 0 {
				t.Errorf("%d regenerations arrived", n)
			}
			if !s.Accepts(t, old) {
				t.Error("the old token is refused")
			}
		})
	}
}

// An interruption while the call is under way does not stop it.
func TestRotate_interruptedInFlight(t *testing.T) {
	t.Parallel()
	for name, kind := range map[string]influxdb3test.FaultKind{"before the commit": influxdb3test.DelayBefore, "after the commit": influxdb3test.DelayAfter} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := influxdb3test.New(t)
			prior := kept(t, s, s.Bootstrap(t))
			o, _ := operator(t, s, "")
			wait, reached := make(chan struct{}), make(chan struct{}, 1)
			s.Inject(influxdb3test.Fault{Kind: kind, Path: regeneratePath, Wait: wait, Reached: reached})
			ctx, cancel := context.WithCancel(t.Context())
			go func() {
				<-reached
				cancel()
				close(wait)
			}()
			token, _, err := o.Rotate(ctx, prior)
			if err != nil {
				t.Fatal(err)
			}
			if !s.Accepts(t, token.Secret.Reveal()) {
				t.Error("the new token is refused")
			}
		})
	}
}

// A server that cannot be asked what became of the request leaves it open.
func TestRotate_unresolved(t *testing.T) {
	t.Parallel()
	s := influxdb3test.New(t, influxdb3test.WithRecovery())
	old := s.Bootstrap(t)
	prior := kept(t, s, old)
	o, _ := operator(t, s, s.CreateNamedAdmin(t, old, "automation", 0), withRecovery(t, s))
	s.Inject(influxdb3test.Fault{Kind: influxdb3test.CutAfter, Path: regeneratePath, Listener: "main"})
	s.Inject(influxdb3test.Fault{Kind: influxdb3test.Answer, Path: queryPath, Status: 500, Times: -1})
	_, _, err := o.Rotate(t.Context(), prior)
	expectProblem(t, err, lifecycle.ProblemUnresolved)
	if n := count(s, regeneratePath); n != 1 {
		t.Errorf("%d regenerations, want 1: nothing may be done while nothing is known", n)
	}
	for _, r := range s.Requests() {
		if r.Listener == "recovery" {
			t.Error("the recovery listener was used")
		}
	}
}

// A wait that the server asked for is granted, once it is known that nothing was
// done.
func TestRotate_retryAfter(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		status int
		after  string
		done   bool
	}{
		"503, a little":     {503, "7", true},
		"503, not at all":   {503, "", false},
		"503, far too long": {503, "3600", false},
		"429, far too long": {429, "3600", false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := influxdb3test.New(t)
			prior := kept(t, s, s.Bootstrap(t))
			o, c := operator(t, s, "")
			s.Inject(influxdb3test.Fault{Kind: influxdb3test.Answer, Path: regeneratePath, Status: tt.status, Header: http.Header{"Retry-After": {tt.after}}})
			token, _, err := o.Rotate(t.Context(), prior)
			if tt.done {
				if err != nil || !s.Accepts(t, token.Secret.Reveal()) {
					t.Errorf("not rotated: %v", err)
				}
				if c.sleptFor() < 7*time.Second {
					t.Errorf("waited %s", c.sleptFor())
				}
				return
			}
			expectProblem(t, err, lifecycle.ProblemNotDone)
			if c.sleptFor() > 10*time.Second { // a request given up is given a moment to arrive
				t.Errorf("waited %s", c.sleptFor())
			}
		})
	}
}

// A token that arrived whole counts, also where the server cannot be asked about
// it: it is the only copy.
func TestPartialReply(t *testing.T) {
	t.Parallel()
	for _, path := range []string{createPath, regeneratePath} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			s := influxdb3test.New(t)
			o, _ := operator(t, s, "")
			var prior lifecycle.OperatorToken
			if path == regeneratePath {
				prior = kept(t, s, s.Bootstrap(t))
			}
			s.Inject(influxdb3test.Fault{Kind: influxdb3test.Truncate, Keep: 200, Path: path})
			s.Inject(influxdb3test.Fault{Kind: influxdb3test.Answer, Status: 502, Path: queryPath, Times: -1})
			var token lifecycle.OperatorToken
			var warnings []lifecycle.Warning
			var err error
			if path == regeneratePath {
				token, warnings, err = o.Rotate(t.Context(), prior)
			} else {
				token, warnings, err = o.Establish(t.Context(), false)
			}
			if err != nil || len(warnings) != 1 || token.Status != lifecycle.StatusActive || token.RotatedAt.IsZero() {
				t.Fatalf("got %+v, %v, %v", token, warnings, err)
			}
			s.ClearFaults()
			if !s.Accepts(t, token.Secret.Reveal()) {
				t.Error("the token is refused")
			}
			if count(s, path) != 1 {
				t.Error("the request was repeated")
			}
		})
	}
}

// A creation whose reply is lost, and whose repetition does not arrive, is open.
func TestEstablish_lostThenUnreachable(t *testing.T) {
	t.Parallel()
	s := influxdb3test.New(t)
	o, _ := operator(t, s, "")
	s.Inject(influxdb3test.Fault{Kind: influxdb3test.CutAfter, Path: createPath})
	s.Inject(influxdb3test.Fault{Kind: influxdb3test.Answer, Status: 429, Path: createPath})
	_, _, err := o.Establish(t.Context(), false)
	expectProblem(t, err, lifecycle.ProblemUnresolved)
}

// The token of before is what a node shows that lags, however long it does. It is
// not taken over: the newer one would be lost.
func TestInspect_previousIsNotTakenOver(t *testing.T) {
	t.Parallel()
	c := &clock{}
	s := influxdb3test.New(t, influxdb3test.Lag(time.Hour), influxdb3test.Clock(c.Now))
	old := s.Bootstrap(t)
	_ = c.Sleep(t.Context(), 2*time.Hour) // only the fake moves
	prior := kept(t, s, old)
	o, _ := operator(t, s, old)
	o.Clock = c
	token, _, err := o.Rotate(t.Context(), prior)
	if err != nil {
		t.Fatal(err)
	}
	_ = c.Sleep(t.Context(), time.Minute)
	seen, err := o.Inspect(t.Context(), token, 0)
	if err != nil || seen.TakenOver || !seen.Token.Secret.Equal(token.Secret) || seen.Token.Status != lifecycle.StatusRejected {
		t.Errorf("taken over: %t, %s, %v", seen.TakenOver, seen.Token.Status, err)
	}
}

// A token that the server refuses is replaced with whatever else is valid.
func TestRotate_refused(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		credential string // "named", "current", "dead" or ""
		recovery   bool
		want       lifecycle.Problem
		recovered  bool
	}{
		"nothing else":                  {"", false, lifecycle.ProblemAllRefused, false},
		"a dead one":                    {"dead", false, lifecycle.ProblemAllRefused, false},
		"a named admin token":           {"named", false, 0, false},
		"the current one":               {"current", false, 0, false},
		"recovery":                      {"", true, 0, true},
		"a dead one and recovery":       {"dead", true, 0, true},
		"a good one before recovery":    {"named", true, 0, false},
		"the current one, not recovery": {"current", true, 0, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := influxdb3test.New(t, influxdb3test.WithRecovery())
			old := s.Bootstrap(t)
			prior := kept(t, s, old)
			current := s.Regenerate(t, old)
			credential := map[string]string{
				"current": current, "dead": "apiv3_dead", "named": s.CreateNamedAdmin(t, current, "automation", 0),
			}[tt.credential]
			var change []func(*influxdb3.Config)
			if tt.recovery {
				change = append(change, withRecovery(t, s))
			}
			o, _ := operator(t, s, credential, change...)
			token, warnings, err := o.Rotate(t.Context(), prior)
			expectProblem(t, err, tt.want)
			if tt.want != 0 {
				if !s.Accepts(t, current) {
					t.Error("the current token was replaced")
				}
				return
			}
			if !s.Accepts(t, token.Secret.Reveal()) || s.Accepts(t, current) {
				t.Error("the new token is not the one that counts")
			}
			if tt.recovered != (len(warnings) == 1) {
				t.Errorf("recovered: %t, warnings: %v", tt.recovered, warnings)
			}
		})
	}
}

// The lost reply of the configured token's regenerate is healed like any other.
func TestRotate_refusedThenLost(t *testing.T) {
	t.Parallel()
	s := influxdb3test.New(t)
	old := s.Bootstrap(t)
	prior := kept(t, s, old)
	named := s.CreateNamedAdmin(t, s.Regenerate(t, old), "automation", 0)
	o, _ := operator(t, s, named)
	s.Inject(influxdb3test.Fault{Kind: influxdb3test.CutAfter, Path: regeneratePath, Skip: 1}) // the first is refused
	token, warnings, err := o.Rotate(t.Context(), prior)
	if err != nil {
		t.Fatal(err)
	}
	if !s.Accepts(t, token.Secret.Reveal()) || len(warnings) != 1 {
		t.Errorf("the new token is not good, or nobody was told: %v", warnings)
	}
	if n := count(s, regeneratePath); n != 3 {
		t.Errorf("%d regenerations, want 3: refused, lost, healed", n)
	}
}

// Replies that get lost again and again end, and with the truth.
func TestRotate_lostForEver(t *testing.T) {
	t.Parallel()
	s := influxdb3test.New(t, influxdb3test.WithRecovery())
	old := s.Bootstrap(t)
	prior := kept(t, s, old)
	o, _ := operator(t, s, s.CreateNamedAdmin(t, old, "automation", 0), withRecovery(t, s))
	s.Inject(influxdb3test.Fault{Kind: influxdb3test.CutAfter, Path: regeneratePath, Times: -1})
	_, _, err := o.Rotate(t.Context(), prior)
	expectProblem(t, err, lifecycle.ProblemLost)
	if n := count(s, regeneratePath); n > 5 {
		t.Errorf("%d regenerations", n)
	}
}

// The recovery listener closes after its first success; a lost reply from it
// cannot be had again, and that is what the error says.
func TestRotate_recoveryLost(t *testing.T) {
	t.Parallel()
	s := influxdb3test.New(t, influxdb3test.WithRecovery())
	old := s.Bootstrap(t)
	prior := kept(t, s, old)
	s.Regenerate(t, old)
	o, _ := operator(t, s, "", withRecovery(t, s))
	s.Inject(influxdb3test.Fault{Kind: influxdb3test.CutAfter, Path: regeneratePath, Listener: "recovery"})
	_, _, err := o.Rotate(t.Context(), prior)
	var known *lifecycle.Error
	if !errors.As(err, &known) || known.Recovery == nil {
		t.Errorf("got %v, want the recovery listener's failure in it", err)
	}
}

func TestRotate_enterprise(t *testing.T) {
	t.Parallel()
	s := influxdb3test.New(t, influxdb3test.Enterprise(), influxdb3test.WithRecovery())
	old := s.Bootstrap(t)
	prior := kept(t, s, old)
	named := s.CreateNamedAdmin(t, old, "automation", 0)

	o, _ := operator(t, s, named) // which may not regenerate there
	token, _, err := o.Rotate(t.Context(), prior)
	if err != nil {
		t.Fatal(err)
	}
	s.Inject(influxdb3test.Fault{Kind: influxdb3test.CutAfter, Path: regeneratePath, Listener: "main"})
	_, _, err = o.Rotate(t.Context(), token)
	expectProblem(t, err, lifecycle.ProblemLost)
	o, _ = operator(t, s, named, withRecovery(t, s))
	healed, warnings, err := o.Rotate(t.Context(), token)
	if err != nil || !s.Accepts(t, healed.Secret.Reveal()) || len(warnings) != 1 {
		t.Errorf("not recovered: %v, %v", warnings, err)
	}
}

// While a node lags behind, the old hash there does not mean "not done", and the
// old hash for good means just that.
func TestRotate_lag(t *testing.T) {
	t.Parallel()
	s, c, old := lagging(t, 10*time.Second)
	prior := kept(t, s, old)
	named := s.CreateNamedAdmin(t, old, "automation", 0)
	_ = c.Sleep(t.Context(), time.Minute)
	o, _ := operator(t, s, named)
	o.Clock = c

	s.Inject(influxdb3test.Fault{Kind: influxdb3test.CutAfter, Path: regeneratePath})
	token, warnings, err := o.Rotate(t.Context(), prior)
	if err != nil || len(warnings) != 1 {
		t.Fatalf("not healed: %v, %v", warnings, err)
	}
	_ = c.Sleep(t.Context(), time.Minute)
	if !s.Accepts(t, token.Secret.Reveal()) {
		t.Error("the new token is refused")
	}

	before := c.sleptFor()
	s.Inject(influxdb3test.Fault{Kind: influxdb3test.CutBefore, Path: regeneratePath})
	_, _, err = o.Rotate(t.Context(), token)
	expectProblem(t, err, lifecycle.ProblemNotDone)
	if waited := c.sleptFor() - before; waited < 30*time.Second {
		t.Errorf("called it not done after %s", waited)
	}
}

func TestEstablish(t *testing.T) {
	t.Parallel()
	create := func(f influxdb3test.Fault) influxdb3test.Fault {
		f.Path = createPath
		return f
	}
	tests := map[string]struct {
		fault     influxdb3test.Fault
		committed bool
		salvaged  bool
	}{
		"no fault":         {},
		"cut before":       {create(influxdb3test.Fault{Kind: influxdb3test.CutBefore}), false, false},
		"cut after":        {create(influxdb3test.Fault{Kind: influxdb3test.CutAfter}), true, false},
		"502 instead":      {create(influxdb3test.Fault{Kind: influxdb3test.Answer, Status: 502}), false, false},
		"504 after":        {create(influxdb3test.Fault{Kind: influxdb3test.AnswerAfter, Status: 504}), true, false},
		"truncated":        {create(influxdb3test.Fault{Kind: influxdb3test.Truncate, Keep: 60}), true, false},
		"truncated behind": {create(influxdb3test.Fault{Kind: influxdb3test.Truncate, Keep: 200}), true, true},
		"empty body":       {create(influxdb3test.Fault{Kind: influxdb3test.ReplaceBody}), true, false},
	}
	for name, tt := range tests {
		for _, has := range []string{"nothing", "another admin token", "recovery"} {
			t.Run(name+", with "+has, func(t *testing.T) {
				t.Parallel()
				const file = "apiv3_from-a-file"
				options := []influxdb3test.Option{influxdb3test.WithRecovery()}
				credential := ""
				var change []func(*influxdb3.Config)
				s := influxdb3test.New(t, options...)
				switch has {
				case "another admin token": // a server without operator token, started with a token of another name
					s = influxdb3test.New(t, influxdb3test.WithTokenFile("file-admin", file))
					credential = file
				case "recovery":
					change = append(change, withRecovery(t, s))
				}
				o, _ := operator(t, s, credential, change...)
				if tt.fault.Path != "" {
					s.Inject(tt.fault)
				}
				token, warnings, err := o.Establish(t.Context(), false)
				if lost := tt.committed && !tt.salvaged; lost && has == "nothing" {
					expectProblem(t, err, lifecycle.ProblemLost)
					return
				} else if lost != (len(warnings) == 1) {
					t.Errorf("lost: %t, warnings: %v", lost, warnings)
				}
				if err != nil {
					t.Fatal(err)
				}
				if !s.Accepts(t, token.Secret.Reveal()) || token.Status != lifecycle.StatusActive || token.CreatedAt.IsZero() || token.RotatedAt.IsZero() {
					t.Errorf("the token is not good: %+v", token)
				}
			})
		}
	}
}

// A lost reply is no consent: a token that was there before stays.
func TestEstablish_lostAnswerOfExistingServer(t *testing.T) {
	t.Parallel()
	c := &clock{}
	s := influxdb3test.New(t, influxdb3test.Clock(c.Now))
	old := s.Bootstrap(t)
	named := s.CreateNamedAdmin(t, old, "automation", 0)
	_ = c.Sleep(t.Context(), time.Minute) // only the fake moves
	o, _ := operator(t, s, named)
	o.Clock = c
	s.Inject(influxdb3test.Fault{Kind: influxdb3test.CutAfter, Path: createPath})
	_, _, err := o.Establish(t.Context(), false)
	expectProblem(t, err, lifecycle.ProblemNotOperatorToken)
	if !s.Accepts(t, old) {
		t.Error("the operator token of somebody else was regenerated")
	}
}

func TestEstablish_refusals(t *testing.T) {
	t.Parallel()
	t.Run("interrupted", func(t *testing.T) {
		t.Parallel()
		s := influxdb3test.New(t)
		o, _ := operator(t, s, "")
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, _, err := o.Establish(ctx, true)
		if got := problem(t, err); got != lifecycle.ProblemInterrupted || len(s.Requests()) != 0 {
			t.Errorf("got problem %d (%v) after %d requests", got, err, len(s.Requests()))
		}
	})
	t.Run("without authentication", func(t *testing.T) {
		t.Parallel()
		s := influxdb3test.New(t, influxdb3test.WithoutAuth())
		o, _ := operator(t, s, "")
		_, _, err := o.Establish(t.Context(), true)
		expectProblem(t, err, lifecycle.ProblemAuthenticationOff)
	})
	t.Run("unknown twice", func(t *testing.T) {
		t.Parallel()
		s := influxdb3test.New(t)
		o, _ := operator(t, s, "")
		s.Inject(influxdb3test.Fault{Kind: influxdb3test.CutBefore, Path: createPath, Times: 2})
		_, _, err := o.Establish(t.Context(), true)
		expectProblem(t, err, lifecycle.ProblemUnresolved)
	})
	t.Run("cannot look", func(t *testing.T) {
		t.Parallel()
		s := influxdb3test.New(t)
		old := s.Bootstrap(t)
		o, _ := operator(t, s, old)
		s.Inject(influxdb3test.Fault{Kind: influxdb3test.Answer, Status: 401, Path: queryPath})
		_, _, err := o.Establish(t.Context(), true)
		if got := problem(t, err); got != lifecycle.ProblemUnavailable || !s.Accepts(t, old) {
			t.Errorf("got problem %d (%v)", got, err)
		}
	})
}

func TestInspect(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		elsewhere  bool   // somebody else has rotated
		credential string // "named", "current", "dead" or ""
		wants      lifecycle.Status
		takenOver  bool
	}{
		"accepted":                             {false, "", lifecycle.StatusActive, false},
		"accepted, the configured one dead":    {false, "dead", lifecycle.StatusActive, false},
		"refused":                              {true, "", lifecycle.StatusRejected, false},
		"refused, the configured one too":      {true, "dead", lifecycle.StatusRejected, false},
		"refused, and another one is the case": {true, "named", lifecycle.StatusRejected, false},
		"refused, the new one is configured":   {true, "current", lifecycle.StatusActive, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := influxdb3test.New(t)
			old := s.Bootstrap(t)
			prior := kept(t, s, old)
			current := old
			if tt.elsewhere {
				current = s.Regenerate(t, old)
			}
			credential := map[string]string{
				"current": current, "dead": "apiv3_dead", "named": s.CreateNamedAdmin(t, current, "automation", 0),
			}[tt.credential]
			o, _ := operator(t, s, credential)
			seen, err := o.Inspect(t.Context(), prior, 0)
			if err != nil {
				t.Fatal(err)
			}
			want := old
			if tt.takenOver {
				want = current
			}
			if seen.Token.Secret.Reveal() != want {
				t.Error("it is not the token that should be kept")
			}
			if seen.Token.Status != tt.wants || seen.TakenOver != tt.takenOver {
				t.Errorf("got %s, taken over: %t", seen.Token.Status, seen.TakenOver)
			}
			if count(s, regeneratePath)+count(s, createPath) != 0 {
				t.Error("a look changed something")
			}
		})
	}
}

func TestInspect_age(t *testing.T) {
	t.Parallel()
	c := &clock{}
	s := influxdb3test.New(t, influxdb3test.Clock(c.Now))
	prior := kept(t, s, s.Bootstrap(t))
	o, _ := operator(t, s, "") // its own clock stands still: the server's counts
	for _, want := range []lifecycle.Status{lifecycle.StatusActive, lifecycle.StatusRotationDue} {
		seen, err := o.Inspect(t.Context(), prior, time.Hour)
		if err != nil || seen.Token.Status != want {
			t.Errorf("got %s, %v, want %s", seen.Token.Status, err, want)
		}
		_ = c.Sleep(t.Context(), time.Hour+time.Second) // a Date has whole seconds
	}
}

// What is not the server's own word changes nothing.
func TestInspect_errors(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		arrange func(t *testing.T, s *influxdb3test.Server)
		want    lifecycle.Problem
		version string
	}{
		"down": {func(_ *testing.T, s *influxdb3test.Server) { s.Down() }, lifecycle.ProblemNotDone, ""},
		"a proxy's 401": {func(_ *testing.T, s *influxdb3test.Server) {
			s.Inject(influxdb3test.Fault{Kind: influxdb3test.Answer, Status: 401, Times: -1})
		}, lifecycle.ProblemUnavailable, ""},
		"a proxy's 401, before 3.7": {func(_ *testing.T, s *influxdb3test.Server) {
			s.Inject(influxdb3test.Fault{Kind: influxdb3test.Answer, Status: 401, Times: -1})
		}, lifecycle.ProblemUnavailable, "3.4"},
		"500": {func(_ *testing.T, s *influxdb3test.Server) {
			s.Inject(influxdb3test.Fault{Kind: influxdb3test.Answer, Status: 500, Times: -1})
		}, lifecycle.ProblemUnavailable, ""},
		"garbage": {func(_ *testing.T, s *influxdb3test.Server) {
			s.Inject(influxdb3test.Fault{Kind: influxdb3test.ReplaceBody, Body: "<html>", Times: -1})
		}, lifecycle.ProblemUnavailable, ""},
		"another cluster": {func(t *testing.T, s *influxdb3test.Server) {
			t.Helper()
			s.Replace(t)
			s.Bootstrap(t)
		}, lifecycle.ProblemWrongServer, ""},
		"rows of none": {func(_ *testing.T, s *influxdb3test.Server) {
			s.Inject(influxdb3test.Fault{Kind: influxdb3test.ReplaceBody, Body: "[]", Times: -1})
		}, lifecycle.ProblemNoOperatorToken, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var options []influxdb3test.Option
			if tt.version != "" {
				options = append(options, influxdb3test.As(tt.version))
			}
			s := influxdb3test.New(t, options...)
			prior := kept(t, s, s.Bootstrap(t))
			if tt.version == "" && !namesItself(prior) {
				t.Skip("needs a server that names its cluster in a refusal (3.8 and later)")
			}
			tt.arrange(t, s)
			o, _ := operator(t, s, "apiv3_other")
			seen, err := o.Inspect(t.Context(), prior, 0)
			expectProblem(t, err, tt.want)
			if !seen.Token.Secret.Equal(prior.Secret) || seen.Token.Status != prior.Status {
				t.Error("what is kept was changed")
			}
		})
	}
}

// A token that no refresh has seen yet, of a server that does not name itself in a
// refusal: the version that this is believed by is learned with the configured token.
func TestInspect_refusedBeforeTheFirstRefresh(t *testing.T) {
	t.Parallel()
	s := influxdb3test.New(t, influxdb3test.As("3.7"))
	first := s.Bootstrap(t)
	automation := s.CreateNamedAdmin(t, first, "automation", 0)
	token := kept(t, s, first)
	token.Version, token.Build = "", "" // as after a bootstrap
	s.Regenerate(t, first)
	o, _ := operator(t, s, automation)
	seen, err := o.Inspect(t.Context(), token, 0)
	if err != nil || seen.Token.Status != lifecycle.StatusRejected {
		t.Fatalf("got %s, %v, want rejected", seen.Token.Status, err)
	}
	rotated, _, err := o.Rotate(t.Context(), token)
	if err != nil || !s.Accepts(t, rotated.Secret.Reveal()) {
		t.Errorf("not rotated: %v", err)
	}
	// What only looks like the server is not believed for it.
	gateway := influxdb3test.New(t, influxdb3test.As("3.7"))
	foreign, _ := operator(t, gateway, gateway.Bootstrap(t))
	_, err = foreign.Inspect(t.Context(), token, 0)
	expectProblem(t, err, lifecycle.ProblemUnavailable)
}

// A node that lags behind a rotation raises no alarm, and a rotation by somebody
// else is not overlooked for it.
func TestInspect_lag(t *testing.T) {
	t.Parallel()
	for name, credential := range map[string]string{"alone": "", "with a named admin token": "named", "with the previous token": "previous"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := &clock{}
			s := influxdb3test.New(t, influxdb3test.Lag(10*time.Second), influxdb3test.Clock(c.Now))
			old := s.Bootstrap(t)
			named := s.CreateNamedAdmin(t, old, "automation", 0)
			_ = c.Sleep(t.Context(), time.Minute) // only the fake moves
			prior := kept(t, s, old)
			o, _ := operator(t, s, map[string]string{"named": named, "previous": old}[credential])
			o.Clock = c
			token, _, err := o.Rotate(t.Context(), prior)
			if err != nil {
				t.Fatal(err)
			}
			seen, err := o.Inspect(t.Context(), token, 0)
			if err != nil || seen.Token.Status != lifecycle.StatusActive || seen.TakenOver || !seen.Token.Secret.Equal(token.Secret) {
				t.Errorf("a false alarm: %s, taken over %t, %v", seen.Token.Status, seen.TakenOver, err)
			}

			s.Regenerate(t, token.Secret.Reveal())
			_ = c.Sleep(t.Context(), time.Minute)
			seen, err = o.Inspect(t.Context(), token, 0)
			if err != nil || seen.Token.Status != lifecycle.StatusRejected {
				t.Errorf("overlooked: %s, %v", seen.Token.Status, err)
			}
		})
	}
}

// Within the sync interval only a hash that is neither the new nor the previous
// one tells of somebody else, and then at once.
func TestInspect_thirdHash(t *testing.T) {
	t.Parallel()
	s := influxdb3test.New(t)
	old := s.Bootstrap(t)
	prior := kept(t, s, old)
	o, c := operator(t, s, s.CreateNamedAdmin(t, old, "automation", 0))
	token, _, err := o.Rotate(t.Context(), prior)
	if err != nil {
		t.Fatal(err)
	}
	s.Regenerate(t, token.Secret.Reveal())
	seen, err := o.Inspect(t.Context(), token, 0)
	if err != nil || seen.Token.Status != lifecycle.StatusRejected || c.sleptFor() != 0 {
		t.Errorf("got %s, %v after %s", seen.Token.Status, err, c.sleptFor())
	}
}

// A node can be two rotations behind, and then show a token that is neither the one
// in state nor the one before it. The newest one is the only copy.
func TestInspect_twoRotationsBehind(t *testing.T) {
	t.Parallel()
	s, c, first := lagging(t, 10*time.Second)
	prior := kept(t, s, first)
	o, _ := operator(t, s, first)
	o.Clock = c
	for range 2 {
		token, _, err := o.Rotate(t.Context(), prior)
		if err != nil {
			t.Fatal(err)
		}
		prior = token
	}
	seen, err := o.Inspect(t.Context(), prior, 0)
	if err != nil || seen.TakenOver || !seen.Token.Secret.Equal(prior.Secret) || seen.Token.Status != lifecycle.StatusActive {
		t.Errorf("got %s, taken over %t, %v", seen.Token.Status, seen.TakenOver, err)
	}
	if !s.Accepts(t, seen.Token.Secret.Reveal()) {
		t.Error("what is kept is dead")
	}
}

// The same while the outcome of a rotation is looked up, with the token of the
// beginning as the credential and with none.
func TestRotate_twoRotationsBehind(t *testing.T) {
	t.Parallel()
	for name, credential := range map[string]bool{"first token": true, "no credential": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, c, first := lagging(t, 10*time.Second)
			prior := kept(t, s, first)
			o, _ := operator(t, s, "")
			if credential {
				o.Credential = influxdb3.NewSecret(first)
			}
			o.Clock = c
			token, _, err := o.Rotate(t.Context(), prior)
			if err != nil {
				t.Fatal(err)
			}
			s.Inject(influxdb3test.Fault{Kind: influxdb3test.CutBefore, Path: regeneratePath})
			_, _, err = o.Rotate(t.Context(), token)
			expectProblem(t, err, lifecycle.ProblemNotDone)
			if !s.Accepts(t, token.Secret.Reveal()) {
				t.Error("what is kept is dead")
			}
		})
	}
}

// A node that is behind for longer than any lag shows an old token with the token of
// the beginning. What became of the rotation is not known then, and the recovery
// listener is not for that.
func TestRotate_behindForLong(t *testing.T) {
	t.Parallel()
	s, c, first := lagging(t, time.Hour, influxdb3test.WithRecovery())
	prior := kept(t, s, first)
	o, _ := operator(t, s, first, withRecovery(t, s))
	o.Clock = c
	token, _, err := o.Rotate(t.Context(), prior)
	if err != nil {
		t.Fatal(err)
	}
	s.Inject(influxdb3test.Fault{Kind: influxdb3test.CutBefore, Path: regeneratePath})
	_ = c.Sleep(t.Context(), time.Minute)
	token.PreviousHash = "" // as after two rotations
	_, _, err = o.Rotate(t.Context(), token)
	expectProblem(t, err, lifecycle.ProblemUnresolved)
	_ = c.Sleep(t.Context(), 2*time.Hour)
	if !s.Accepts(t, token.Secret.Reveal()) {
		t.Error("what is kept is dead")
	}
}

// What rotated_at says may be ahead of the server's clock, by a proxy's Date. A lost
// reply is made good all the same.
func TestRotate_rotatedAtAhead(t *testing.T) {
	t.Parallel()
	s := influxdb3test.New(t)
	old := s.Bootstrap(t)
	prior := kept(t, s, old)
	prior.RotatedAt = prior.RotatedAt.Add(2 * time.Hour)
	o, _ := operator(t, s, s.CreateNamedAdmin(t, old, "automation", 0))
	s.Inject(influxdb3test.Fault{Kind: influxdb3test.CutAfter, Path: regeneratePath})
	token, warnings, err := o.Rotate(t.Context(), prior)
	if err != nil || len(warnings) != 1 || !s.Accepts(t, token.Secret.Reveal()) {
		t.Errorf("not made good: %v, %v", warnings, err)
	}
}

// The machine's clock may be ahead of the server's, by which lag is judged.
func TestInspect_clockAhead(t *testing.T) {
	t.Parallel()
	s, c, first := lagging(t, 10*time.Second)
	prior := kept(t, s, first)
	o, _ := operator(t, s, "")
	o.Clock = ahead{c, time.Minute}
	token, _, err := o.Rotate(t.Context(), prior)
	if err != nil {
		t.Fatal(err)
	}
	seen, err := o.Inspect(t.Context(), token, 0)
	if err != nil || seen.Token.Status != lifecycle.StatusActive {
		t.Errorf("got %s, %v", seen.Token.Status, err)
	}
}

// ahead is a clock that is ahead of another.
type ahead struct {
	*clock
	by time.Duration
}

func (a ahead) Now() time.Time { return a.clock.Now().Add(a.by) }

// Another cluster that answers after a rotation says nothing of what became of it.
func TestRotate_anotherClusterAfterwards(t *testing.T) {
	t.Parallel()
	s := influxdb3test.New(t)
	old := s.Bootstrap(t)
	prior := kept(t, s, old)
	if prior.ClusterUUID == "" {
		t.Skip("needs a server that sends cluster-uuid (3.7 and later)")
	}
	o, _ := operator(t, s, "")
	s.Inject(influxdb3test.Fault{Kind: influxdb3test.CutAfter, Path: regeneratePath})
	s.Inject(influxdb3test.Fault{
		Kind: influxdb3test.Answer, Path: queryPath, Times: -1, Status: http.StatusUnauthorized,
		Body: `{"error": "the request was not authenticated"}`, Header: http.Header{"Cluster-Uuid": {"another"}},
	})
	_, _, err := o.Rotate(t.Context(), prior)
	expectProblem(t, err, lifecycle.ProblemUnresolved)
	if !strings.Contains(err.Error(), "another") {
		t.Errorf("the error does not name the cluster that answers: %v", err)
	}
}

// With /ping and /health open a dead token gets 200 there, and is refused all the
// same.
func TestInspect_openPing(t *testing.T) {
	t.Parallel()
	s := influxdb3test.New(t, influxdb3test.DisableAuthz("ping", "health"))
	old := s.Bootstrap(t)
	prior := kept(t, s, old)
	s.Regenerate(t, old)
	o, _ := operator(t, s, "")
	seen, err := o.Inspect(t.Context(), prior, 0)
	if err != nil || seen.Token.Status != lifecycle.StatusRejected {
		t.Errorf("got %s, %v", seen.Token.Status, err)
	}
}

// Up to 3.9 two regenerates at once can exchange their hashes, which gives the
// other one away: then, and only then, the new token is looked at.
func TestRotate_atTheSameMoment(t *testing.T) {
	t.Parallel()
	for name, lost := range map[string]bool{"won": false, "lost": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := influxdb3test.New(t)
			old := s.Bootstrap(t)
			prior := kept(t, s, old)
			o, _ := operator(t, s, "")
			server := &foreignHash{Server: o.Server}
			if lost {
				server.then = func(token string) { s.Regenerate(t, token) }
			}
			o.Server = server
			token, _, err := o.Rotate(t.Context(), prior)
			if !lost {
				if err != nil || token.Status != lifecycle.StatusActive {
					t.Errorf("won, and %s, %v", token.Status, err)
				}
				return
			}
			expectProblem(t, err, lifecycle.ProblemRaced)
			if token.Secret.IsEmpty() || namesItself(prior) && token.Status != lifecycle.StatusRejected {
				t.Errorf("lost, and %s is kept", token.Status)
			}
		})
	}
}

// foreignHash is a server whose reply carries somebody else's hash.
type foreignHash struct {
	lifecycle.Server
	then func(token string)
}

func (f *foreignHash) RegenerateOperatorToken(ctx context.Context, credential influxdb3.Secret) (*influxdb3.Token, error) {
	token, err := f.Server.RegenerateOperatorToken(ctx, credential)
	if err == nil {
		token.ForeignHash = true
		if f.then != nil {
			f.then(token.Secret.Reveal())
		}
	}
	return token, err
}

// A token that two servers accept, because both were started with the same file,
// belongs to one of them.
func TestInspect_anotherServerThatAccepts(t *testing.T) {
	t.Parallel()
	const file = "apiv3_from-the-same-file"
	mine := influxdb3test.New(t, influxdb3test.WithTokenFile("_admin", file))
	prior := kept(t, mine, file)
	if prior.ClusterUUID == "" {
		t.Skip("needs a server that sends cluster-uuid (3.7 and later)")
	}
	prior.CreatedAt = time.Time{} // so that the cluster alone can tell
	other := influxdb3test.New(t, influxdb3test.WithTokenFile("_admin", file))
	o, _ := operator(t, other, "")
	_, err := o.Inspect(t.Context(), prior, 0)
	expectProblem(t, err, lifecycle.ProblemWrongServer)
}

// Without consent the operator token is taken as it is, with consent replaced.
func TestEstablish_existing(t *testing.T) {
	t.Parallel()
	const none, dead, itself, other = "none", "dead", "itself", "another admin token"
	tests := []struct {
		credential        string
		consent, recovery bool
		lost              bool // the reply to the creation
		want              lifecycle.Problem
		message           string
		created           int // requests to create a token
		replaced          bool
	}{
		{credential: itself},
		{credential: itself, consent: true, replaced: true},
		{credential: itself, recovery: true, lost: true},
		{credential: other, want: lifecycle.ProblemNotOperatorToken, message: "it is not the operator token"},
		{credential: other, recovery: true, want: lifecycle.ProblemNotOperatorToken},
		{credential: other, consent: true, replaced: true},
		{credential: dead, created: 1, want: lifecycle.ProblemNoCredential, message: "it refuses the provider's token"},
		{credential: dead, created: 1, recovery: true, want: lifecycle.ProblemNoCredential},
		{credential: dead, created: 1, recovery: true, consent: true, replaced: true},
		{credential: dead, created: 2, lost: true, want: lifecycle.ProblemLost, message: "HTTP 401"},
		{credential: none, created: 1, consent: true, want: lifecycle.ProblemNoCredential, message: "the provider has no token"},
		{credential: none, created: 1, consent: true, recovery: true, replaced: true},
		{credential: none, created: 2, lost: true, want: lifecycle.ProblemLost},
		// Whoever has it may have made it just before: the listener's owner decides.
		{credential: none, created: 2, lost: true, recovery: true, replaced: true},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%+v", tt), func(t *testing.T) {
			t.Parallel()
			s := influxdb3test.New(t, influxdb3test.WithRecovery())
			old := s.Bootstrap(t)
			credential := map[string]string{none: "", dead: "apiv3_dead", itself: old, other: s.CreateNamedAdmin(t, old, "automation", 0)}[tt.credential]
			var change []func(*influxdb3.Config)
			if tt.recovery {
				change = append(change, withRecovery(t, s))
			}
			o, _ := operator(t, s, credential, change...)
			if tt.lost {
				s.Inject(influxdb3test.Fault{Kind: influxdb3test.CutAfter, Path: createPath})
			}
			s.ResetRequests()
			token, _, err := o.Establish(t.Context(), tt.consent)
			expectProblem(t, err, tt.want)
			if err != nil && !strings.Contains(err.Error(), tt.message) {
				t.Errorf("got %v, want %q", err, tt.message)
			}
			if n := count(s, createPath); n != tt.created {
				t.Errorf("%d requests to create a token, want %d", n, tt.created)
			}
			if replaced := !s.Accepts(t, old); replaced != tt.replaced {
				t.Errorf("replaced: %t, want %t", replaced, tt.replaced)
			}
			if err == nil && !s.Accepts(t, token.Secret.Reveal()) {
				t.Error("the token is refused")
			}
		})
	}
}

// A server can have an admin token from a file and no operator token. Whether a lost
// reply has made one is open where it cannot be asked any more.
func TestEstablish_besidesAnotherToken(t *testing.T) {
	t.Parallel()
	other := "apiv3_" + strings.Repeat("f", 86)
	s := influxdb3test.New(t, influxdb3test.WithTokenFile("from-a-file", other))
	o, _ := operator(t, s, other)
	s.Inject(influxdb3test.Fault{Kind: influxdb3test.CutAfter, Path: createPath})
	s.Inject(influxdb3test.Fault{Kind: influxdb3test.Answer, Status: 500, Path: queryPath, Skip: 1, Times: -1})
	_, _, err := o.Establish(t.Context(), false)
	expectProblem(t, err, lifecycle.ProblemUnresolved)
}

// A token in hand is the only copy, whoever denies it: an operator token may list.
func TestRotate_partialForbidden(t *testing.T) {
	t.Parallel()
	s := influxdb3test.New(t)
	prior := kept(t, s, s.Bootstrap(t))
	o, _ := operator(t, s, "")
	s.Inject(influxdb3test.Fault{Kind: influxdb3test.Truncate, Keep: 200, Path: regeneratePath})
	s.Inject(influxdb3test.Fault{Kind: influxdb3test.Answer, Status: 403, Path: queryPath})
	token, _, err := o.Rotate(t.Context(), prior)
	if err != nil || !s.Accepts(t, token.Secret.Reveal()) {
		t.Errorf("the new token is not kept: %v", err)
	}
}

// The token of a cached reply does not take the place of one that is good because
// nobody answered for a moment.
func TestRotate_cachedAndUnanswered(t *testing.T) {
	t.Parallel()
	for name, skip := range map[string]int{"the look with the cached token": 0, "the look with the one in state": 1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := influxdb3test.New(t)
			dead := s.Bootstrap(t)
			prior := kept(t, s, s.Regenerate(t, dead))
			prior.Build, prior.Version = "", "" // as before the first refresh
			o, _ := operator(t, s, "")
			s.Inject(influxdb3test.Fault{
				Kind: influxdb3test.Answer, Path: regeneratePath, Status: 201, Header: http.Header{"Age": {"5"}, "Cluster-Uuid": {prior.ClusterUUID}},
				Body: `{"id":0,"name":"_admin","token":"` + dead + `"}`,
			})
			s.Inject(influxdb3test.Fault{Kind: influxdb3test.Answer, Status: 502, Path: queryPath, Skip: skip})
			token, _, err := o.Rotate(t.Context(), prior)
			expectProblem(t, err, lifecycle.ProblemNotDone)
			if !token.Secret.IsEmpty() {
				t.Error("a token comes with the error")
			}
		})
	}
}

// A refusal may be that of a request that was sent twice: what fails after it does not
// say that nothing was done.
func TestRotate_sentTwiceThenFailed(t *testing.T) {
	t.Parallel()
	tests := map[string]influxdb3test.Fault{
		"the look":       {Kind: influxdb3test.Answer, Status: 502, Path: queryPath},
		"another try":    {Kind: influxdb3test.CutBefore, Path: regeneratePath},
		"denied instead": {Kind: influxdb3test.Answer, Status: 403, Path: regeneratePath},
	}
	for name, fault := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := influxdb3test.New(t)
			old := s.Bootstrap(t)
			prior := kept(t, s, old)
			o, _ := operator(t, s, s.CreateNamedAdmin(t, old, "automation", 0))
			s.Inject(influxdb3test.Fault{Kind: influxdb3test.Repeat, Path: regeneratePath})
			s.Inject(fault)
			_, _, err := o.Rotate(t.Context(), prior)
			expectProblem(t, err, lifecycle.ProblemUnresolved)
			if !lifecycle.MayBeDone(err) {
				t.Error("a rotation by age would not be taken up again")
			}
		})
	}
}

// The repetition of a creation may bring a token in an incomplete reply, too.
func TestEstablish_lostThenPartial(t *testing.T) {
	t.Parallel()
	s := influxdb3test.New(t)
	o, _ := operator(t, s, "")
	s.Inject(influxdb3test.Fault{Kind: influxdb3test.CutBefore, Path: createPath})
	s.Inject(influxdb3test.Fault{Kind: influxdb3test.Truncate, Keep: 200, Path: createPath})
	token, _, err := o.Establish(t.Context(), false)
	if err != nil || !s.Accepts(t, token.Secret.Reveal()) {
		t.Errorf("the token is not kept: %v", err)
	}
}

// A token that nobody holds is not nothing.
func TestEstablish_lostAndNotReplaced(t *testing.T) {
	t.Parallel()
	other := "apiv3_" + strings.Repeat("f", 86)
	s := influxdb3test.New(t, influxdb3test.WithTokenFile("from-a-file", other))
	o, _ := operator(t, s, other)
	s.Inject(influxdb3test.Fault{Kind: influxdb3test.CutAfter, Path: createPath})
	s.Inject(influxdb3test.Fault{Kind: influxdb3test.CutBefore, Path: regeneratePath})
	_, _, err := o.Establish(t.Context(), false)
	expectProblem(t, err, lifecycle.ProblemLost)
}

// With another token than the operator token, a request that is sent twice makes two.
// The second look is at what arrived, and is made where the server is known to be one node.
func TestEstablish_looksAtWhatAnotherTokenMade(t *testing.T) {
	t.Parallel()
	s := influxdb3test.New(t)
	o, _ := operator(t, s, s.CreateNamedAdmin(t, s.Bootstrap(t), "automation", 0))
	s.ResetRequests()
	if _, _, err := o.Establish(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	if n := count(s, queryPath); n != 2 {
		t.Errorf("%d listings, want one before and one with the new token", n)
	}
}

// A proxy's Date does not make somebody else's token an older one on a single node,
// also before the first listing has shown the token in state.
func TestInspect_takenOverWithDateAhead(t *testing.T) {
	t.Parallel()
	s := influxdb3test.New(t)
	prior := kept(t, s, s.Bootstrap(t))
	prior.RotatedAt, prior.ListedAt = prior.RotatedAt.Add(10*time.Minute), time.Time{}
	o, _ := operator(t, s, s.Regenerate(t, prior.Secret.Reveal()))
	seen, err := o.Inspect(t.Context(), prior, 0)
	if err != nil || !seen.TakenOver {
		t.Errorf("not taken over: %s, %v", seen.Token.Status, err)
	}
}

// A node that has not learned of the bootstrap yet lists no operator token.
func TestInspect_bootstrapNotListedYet(t *testing.T) {
	t.Parallel()
	other := "apiv3_" + strings.Repeat("f", 86)
	c := &clock{}
	s := influxdb3test.New(t, influxdb3test.WithTokenFile("from-a-file", other), influxdb3test.Lag(10*time.Second), influxdb3test.Clock(c.Now))
	o, _ := operator(t, s, other)
	o.Clock = c
	token, _, err := o.Establish(t.Context(), false)
	if err != nil {
		t.Fatal(err)
	}
	seen, err := o.Inspect(t.Context(), token, 0)
	if err != nil || seen.Token.Status != lifecycle.StatusActive {
		t.Errorf("got %s, %v", seen.Token.Status, err)
	}
}
