package provider

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3test"
)

func trigger(v string) string { return fmt.Sprintf("rotation_triggers = { a = %q }", v) }

func withToken(token string) string { return fmt.Sprintf("token = %q", token) }

// words matches a text whatever the CLI's line breaks make of it.
func words(text string) *regexp.Regexp {
	return regexp.MustCompile(strings.ReplaceAll(regexp.QuoteMeta(text), " ", `\s+`))
}

// A reply to a rotation that is lost, with nothing to heal it with: the old token is kept,
// and known to be dead.
func TestAccAdminToken_lostReply(t *testing.T) {
	t.Parallel()
	s := influxdb3test.New(t)
	old := s.Bootstrap(t)
	admin := s.CreateNamedAdmin(t, old, "automation", 0)
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: factories(&testClock{}),
		Steps: []resource.TestStep{
			{Config: block(s, withToken(old)) + operator(unprotected, trigger("1"))},
			{
				PreConfig: func() { s.Inject(influxdb3test.Fault{Kind: influxdb3test.CutAfter, Path: regeneratePath}) },
				Config:    block(s, withToken(old)) + operator(unprotected, trigger("2")), ExpectError: words("New Operator Token Was Lost"),
			},
			{
				RefreshState: true, ExpectNonEmptyPlan: true,
				Check: resource.ComposeTestCheckFunc(
					resource.TestCheckResourceAttr(address, "token", old),
					resource.TestCheckResourceAttr(address, "status", "rejected"),
					resource.TestCheckResourceAttr(address, "rotation_triggers.a", "1"),
				),
			},
			{ // still due, so that a valid credential is all it needs
				Config: block(s, withToken(admin)) + operator(unprotected, trigger("2")), ConfigPlanChecks: rotatesInPlace(), Check: tokenWorks(t, s),
			},
		},
	})
}

// The same by what else there is, and by what becomes of the reply.
func TestAccProtocol_lostReply(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]influxdb3test.Fault{
		"cut":       {Kind: influxdb3test.CutAfter},
		"502":       {Kind: influxdb3test.AnswerAfter, Status: http.StatusBadGateway},
		"truncated": {Kind: influxdb3test.Truncate, Keep: 50},
		"empty":     {Kind: influxdb3test.ReplaceBody},
	} {
		fault.Path, fault.Listener = regeneratePath, "main"
		for _, has := range []string{"named admin token", "recovery listener", "nothing"} {
			t.Run(name+", "+has, func(t *testing.T) {
				t.Parallel()
				r := newRun(t, influxdb3test.New(t, influxdb3test.WithRecovery()))
				r.lines.trigger = 1
				r.token = r.server.Bootstrap(t)
				admin := r.server.CreateNamedAdmin(t, r.token, "automation", 0)
				old := r.must("")
				r.lines.trigger = 2
				r.server.Inject(fault)
				switch has {
				case "named admin token":
					r.token = admin
				case "recovery listener":
					r.form.listener = true
				default:
					r.refused("New Operator Token Was Lost")
					if r.current(addressA, "status") != "rejected" {
						t.Errorf("status %s", r.current(addressA, "status"))
					}
					r.refused("The server refused every token there is")
					r.token = admin
				}
				r.must(old)
				r.empty()
			})
		}
	}
}

// The same at the bootstrap.
func TestAccProtocol_lostBootstrap(t *testing.T) {
	t.Parallel()
	for _, recovery := range []bool{true, false} {
		t.Run(fmt.Sprintf("recovery %t", recovery), func(t *testing.T) {
			t.Parallel()
			r := newRun(t, influxdb3test.New(t, influxdb3test.WithRecovery()))
			r.server.Inject(influxdb3test.Fault{Kind: influxdb3test.CutAfter, Path: createPath})
			if !recovery {
				r.refused("New Operator Token Was Lost")
				r.lines.consent = true
			}
			r.form.listener = true
			r.must("")
			r.empty()
		})
	}
}

// Somebody else regenerates the token: it is taken over if the provider is told, an error
// without consent, and replaced with it. What the configuration knows of it is in a file,
// because the new token is made in the middle of the test.
func TestAccAdminToken_regeneratedElsewhere(t *testing.T) {
	t.Parallel()
	s := influxdb3test.New(t)
	token := s.Bootstrap(t)
	admin := s.CreateNamedAdmin(t, token, "automation", 0)
	file := filepath.Join(t.TempDir(), "token")
	write := func() {
		if err := os.WriteFile(file, []byte(token), 0o600); err != nil {
			t.Error(err)
		}
	}
	write()
	regenerate := func() { token = s.Regenerate(t, token) }
	told := block(s, fmt.Sprintf("token = file(%q)", file)) + operator(unprotected, trigger("1"))
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: factories(&testClock{}),
		Steps: []resource.TestStep{
			{Config: told},
			{PreConfig: func() { regenerate(); write() }, Config: told, ConfigPlanChecks: nothingToDo(), Check: tokenWorks(t, s)},
			{PreConfig: regenerate, Config: block(s, withToken(admin)) + operator(unprotected, trigger("1")), ExpectError: words("Operator Token Was Regenerated Elsewhere")},
			{ // the values of a plan that heals are those of a rotation
				PreConfig: func() {
					if !s.Accepts(t, token) {
						t.Error("the token that somebody else made was replaced")
					}
				},
				Config: block(s, withToken(admin)) + operator(unprotected, trigger("1"), `existing_token = "regenerate"`),
				ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
					plancheck.ExpectResourceAction(address, plancheck.ResourceActionUpdate),
					plancheck.ExpectUnknownValue(address, tfjsonpath.New("token")),
					plancheck.ExpectKnownValue(address, tfjsonpath.New("created_at"), knownvalue.NotNull()),
				}},
				Check: tokenWorks(t, s),
			},
		},
	})
}

// The same by what the provider has, and what the configuration asks for.
func TestAccProtocol_regeneratedElsewhere(t *testing.T) {
	t.Parallel()
	const (
		nothing  = "nothing"
		current  = "the new token"
		named    = "a named admin token"
		recovery = "the recovery listener"
	)
	same, changed, consent := operatorLines{trigger: 1}, operatorLines{trigger: 2}, operatorLines{trigger: 1, consent: true}
	for _, tt := range []struct {
		has         string
		lines       operatorLines
		want        string // error; "" is success
		regenerated bool
	}{
		{current, same, "", false},
		{current, changed, "", true},
		{named, consent, "", true},
		{named, changed, "", true},
		{recovery, consent, "", true},
		{recovery, changed, "", true},
		{named, same, "Operator Token Was Regenerated Elsewhere", false},
		{recovery, same, "Operator Token Was Regenerated Elsewhere", false},
		{nothing, same, "Operator Token Was Regenerated Elsewhere", false},
		{nothing, changed, "The server refused every token there is", false},
		{nothing, consent, "The server refused every token there is", false},
	} {
		for version, options := range map[string][]influxdb3test.Option{"newest": nil, "3.4": {influxdb3test.As("3.4")}} {
			t.Run(fmt.Sprintf("%s, %+v %s", tt.has, tt.lines, version), func(t *testing.T) {
				t.Parallel()
				r := newRun(t, influxdb3test.New(t, append(options, influxdb3test.WithRecovery())...))
				r.token, r.lines = r.server.Bootstrap(t), same
				old := r.must("")
				automation, elsewhere := r.server.CreateNamedAdmin(t, old, "automation", 0), r.server.Regenerate(t, old)
				r.token = map[string]string{current: elsewhere, named: automation}[tt.has]
				r.form.listener, r.lines = tt.has == recovery, tt.lines
				r.server.ResetRequests()
				switch {
				case tt.want != "": // the old one is kept, and nobody lost anything
					r.refused(tt.want)
					if status := r.refreshed("status"); status != "rejected" || !r.server.Accepts(t, elsewhere) {
						t.Errorf("status %s, or the token that somebody else made was replaced", status)
					}
				case tt.regenerated:
					if !r.planned(r.root(), planOptions{}).rotates() {
						t.Error("no rotation in place is planned")
					}
					if r.must(old) == elsewhere {
						t.Error("it was not replaced")
					}
					r.empty()
				default:
					r.empty()
					if r.must(old) != elsewhere {
						t.Error("it was not taken over")
					}
					expectNoRegeneration(t, r.server)
				}
				// Whatever it was, the named admin token puts it right where that is asked for.
				before := r.secret()
				r.token, r.form.listener, r.lines = automation, false, operatorLines{trigger: 9}
				r.must(before)
			})
		}
	}
}

// Another cluster answers: nothing is changed on it, and nothing in state.
func TestAccProtocol_anotherCluster(t *testing.T) {
	t.Parallel()
	for version, options := range map[string][]influxdb3test.Option{"newest": nil, "3.4": {influxdb3test.As("3.4")}} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			mine := influxdb3test.New(t, options...)
			said := "that of the server that answers"
			if uuid := mine.ClusterUUID(t); uuid != "" {
				said = "belongs to cluster " + uuid + ", and cluster"
			} else {
				// created_at tells them apart before 3.7, if it is not the same millisecond.
				options = append(options, influxdb3test.Clock(func() time.Time { return time.Now().Add(-time.Hour) }))
			}
			other := influxdb3test.New(t, options...)
			theirs := other.Bootstrap(t)
			r := newRun(t, mine)
			r.token, r.lines.trigger = mine.Bootstrap(t), 1
			r.must("")
			if got, want := r.current(addressA, "cluster_uuid"), mine.ClusterUUID(t); got != want {
				t.Errorf("the cluster is %q, want %q", got, want)
			}
			own := r.token
			r.server, r.token, r.lines.trigger = other, theirs, 2
			r.refused(said)
			if !r.said("Unable to Read Operator Token") || !other.Accepts(t, theirs) {
				t.Errorf("the other server's token was replaced, or it is not the refresh that fails: %v", r.journal)
			}
			expectNoRegeneration(t, other)
			r.server, r.token, r.lines.trigger = mine, own, 1
			r.empty()
		})
	}
}

// What stands in front of the server cannot make the provider believe that the
// token is dead.
func TestAccProtocol_notTheServersAnswer(t *testing.T) {
	t.Parallel()
	page := "<html>" + strings.Repeat("x", 200<<10) + "</html>"
	for name, tt := range map[string]struct {
		fault influxdb3test.Fault
		want  string
	}{
		"401":          {influxdb3test.Fault{Status: 401}, "HTTP 401"},
		"200 KB":       {influxdb3test.Fault{Status: 502, Body: page}, "HTTP 502: an HTML page"},
		"a redirect":   {influxdb3test.Fault{Status: 302, Header: http.Header{"Location": {"https://user:hunter2@login.example.com/?token=hunter2"}}}, "redirected to https://login.example.com/"},
		"a login page": {influxdb3test.Fault{Status: 200, Body: page}, "is not a listing of tokens"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRun(t, influxdb3test.New(t))
			r.token, r.lines.trigger = r.server.Bootstrap(t), 1
			r.must("")
			r.server.ResetRequests()
			tt.fault.Kind, tt.fault.Times = influxdb3test.Answer, -1
			r.server.Inject(tt.fault)
			r.lines.trigger = 2
			r.refused(tt.want)
			if text := strings.Join(r.journal, "\n"); strings.Contains(text, "hunter2") || len(text) > 3000 {
				t.Errorf("too much is said, in %d characters", len(text))
			}
			r.server.ClearFaults()
			expectNoRegeneration(t, r.server)
			r.lines.trigger = 1
			r.empty()
			if status := r.refreshed("status"); status != "active" {
				t.Errorf("status %s", status)
			}
		})
	}
}

// A server that is down changes nothing, and is an error at once where the token exists.
func TestAccProtocol_serverDown(t *testing.T) {
	t.Parallel()
	r := newRun(t, influxdb3test.New(t))
	r.lines.trigger = 1
	r.server.Down()
	r.refused("connection refused")
	r.server.Up()
	token := r.must("")
	r.server.Down()
	r.lines.trigger = 2
	r.refused("connection refused")
	r.server.Up()
	r.lines.trigger = 1
	r.empty()
	r.lines.trigger = 2
	r.must(token)
}

// A cluster whose second node learns of a rotation late.
func TestProtocol_laggingNode(t *testing.T) {
	t.Parallel()
	c := newCore(t)
	r := newRun(t, influxdb3test.New(t, influxdb3test.Lag(10*time.Second), influxdb3test.Clock(c.clock.Now)))
	r.core = c
	before := ""
	for r.lines.trigger = range 2 {
		if !r.run() || r.current(addressA, "status") != "active" || r.secret() == before {
			t.Fatalf("status %s: %v", r.current(addressA, "status"), r.journal)
		}
		before = r.secret()
	}
	r.empty()
	if !r.server.Accepts(t, before) {
		t.Error("the token in state is refused")
	}
}

// With /ping open to everybody a dead token is still a dead token.
func TestAccProtocol_openPing(t *testing.T) {
	t.Parallel()
	r := newRun(t, influxdb3test.New(t, influxdb3test.DisableAuthz("ping", "health")))
	r.token = r.server.Bootstrap(t)
	r.must("")
	r.server.Regenerate(t, r.token)
	r.refused("Operator Token Was Regenerated Elsewhere")
}

// A server can be started with a token file. With another name it has an admin token and
// no operator token.
func TestAccProtocol_tokenFile(t *testing.T) {
	t.Parallel()
	const file = "apiv3_from-the-token-file"
	for name, operator := range map[string]bool{"_admin": true, "file-admin": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRun(t, influxdb3test.New(t, influxdb3test.WithTokenFile(name, file)))
			r.token = file
			if (r.must("") == file) != operator {
				t.Errorf("the operator token is that of the file: %t", !operator)
			}
			r.rotated()
			if r.server.Accepts(t, file) == operator {
				t.Errorf("the token of the file is refused: %t", !operator)
			}
		})
	}
}

// A busy server is waited for, within the timeout, without asking twice at once.
func TestAccProtocol_busy(t *testing.T) {
	t.Parallel()
	for _, status := range []int{http.StatusTooManyRequests, http.StatusServiceUnavailable} {
		t.Run(http.StatusText(status), func(t *testing.T) {
			t.Parallel()
			r := newRun(t, influxdb3test.New(t))
			r.settings = values{"max_retries": tftypes.NewValue(tftypes.Number, nil)}
			busy := influxdb3test.Fault{Kind: influxdb3test.Answer, Status: status, Header: http.Header{"Retry-After": {"1"}}}
			regenerate, list := busy, busy
			regenerate.Path, list.Path = regeneratePath, queryPath
			r.must("")
			r.server.Inject(regenerate)
			r.server.Inject(list)
			r.rotated()
			list.Header = http.Header{"Retry-After": {"3600"}}
			r.server.Inject(list)
			r.settings["request_timeout"] = str("5s")
			r.refused("asked to wait 1h0m0s")
		})
	}
}
