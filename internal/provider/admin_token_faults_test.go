package provider

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3test"
)

func trigger(v string) string { return fmt.Sprintf("rotation_triggers = { a = %q }", v) }

func withToken(token string) string { return fmt.Sprintf("token = %q", token) }

// words matches a text whatever the CLI's line breaks make of it.
func words(text string) *regexp.Regexp {
	return regexp.MustCompile(strings.ReplaceAll(regexp.QuoteMeta(text), " ", `\s+`))
}

// A reply to a rotation that is lost, by what else there is to heal it with.
func TestAccAdminToken_lostReply(t *testing.T) {
	t.Parallel()
	// Every fault with every way is for the tests without a command line (TestForms,
	// TestExploration): here each of them is there once.
	for name, tt := range map[string]struct {
		fault influxdb3test.Fault
		ways  []string
	}{
		"cut":       {influxdb3test.Fault{Kind: influxdb3test.CutAfter}, []string{"named admin token", "recovery listener", "nothing"}},
		"502":       {influxdb3test.Fault{Kind: influxdb3test.AnswerAfter, Status: http.StatusBadGateway}, []string{"recovery listener"}},
		"truncated": {influxdb3test.Fault{Kind: influxdb3test.Truncate, Keep: 50}, []string{"nothing"}},
		"empty":     {influxdb3test.Fault{Kind: influxdb3test.ReplaceBody}, []string{"named admin token"}},
	} {
		fault := tt.fault
		fault.Path, fault.Listener = regeneratePath, "main"
		for _, has := range tt.ways {
			t.Run(name+", "+has, func(t *testing.T) {
				t.Parallel()
				s := influxdb3test.New(t, influxdb3test.WithRecovery())
				old := s.Bootstrap(t)
				named := s.CreateNamedAdmin(t, old, "automation", 0)
				var config string
				switch has {
				case "named admin token":
					config = block(s, withToken(named))
				case "recovery listener":
					config = block(s, withToken(old), fmt.Sprintf("recovery_url = %q", s.RecoveryURL()))
				default:
					config = block(s, withToken(old))
				}
				first := block(s, withToken(old)) + operator(unprotected, trigger("1"))
				lost := config + operator(unprotected, trigger("2"))
				steps := []resource.TestStep{{Config: first, Check: resource.TestCheckResourceAttr(address, "token", old)}}
				inject := func() { s.Inject(fault) }
				if has != "nothing" {
					steps = append(steps,
						resource.TestStep{PreConfig: inject, Config: lost, ConfigPlanChecks: rotatesInPlace(), Check: tokenWorks(t, s)},
						resource.TestStep{Config: lost, ConfigPlanChecks: nothingToDo()},
					)
				} else {
					steps = append(steps,
						resource.TestStep{PreConfig: inject, Config: lost, ExpectError: words("New Operator Token Was Lost")},
						resource.TestStep{ // the old one is kept, and known to be dead
							RefreshState: true, ExpectNonEmptyPlan: true,
							Check: resource.ComposeTestCheckFunc(
								resource.TestCheckResourceAttr(address, "token", old),
								resource.TestCheckResourceAttr(address, "status", "rejected"),
								resource.TestCheckResourceAttr(address, "rotation_triggers.a", "1"),
							),
						},
						resource.TestStep{Config: lost, ExpectError: words("The server refused every token there is")},
						resource.TestStep{ // still due, so that a valid credential is all it needs
							Config: block(s, withToken(named)) + operator(unprotected, trigger("2")), ConfigPlanChecks: rotatesInPlace(), Check: tokenWorks(t, s),
						},
						resource.TestStep{Config: block(s, withToken(named)) + operator(unprotected, trigger("2")), ConfigPlanChecks: nothingToDo()},
					)
				}
				resource.Test(t, resource.TestCase{ProtoV6ProviderFactories: factories(&testClock{}), Steps: steps})
			})
		}
	}
}

// The same at the bootstrap.
func TestAccAdminToken_lostBootstrap(t *testing.T) {
	t.Parallel()
	for _, recovery := range []bool{true, false} {
		t.Run(fmt.Sprintf("recovery %t", recovery), func(t *testing.T) {
			t.Parallel()
			s := influxdb3test.New(t, influxdb3test.WithRecovery())
			with := fmt.Sprintf("recovery_url = %q", s.RecoveryURL())
			lost := resource.TestStep{
				PreConfig: func() { s.Inject(influxdb3test.Fault{Kind: influxdb3test.CutAfter, Path: createPath}) },
				Config:    block(s) + operator(unprotected), ExpectError: words("New Operator Token Was Lost"),
			}
			healed := resource.TestStep{
				Config: block(s, with) + operator(unprotected, `existing_token = "regenerate"`), Check: tokenWorks(t, s),
			}
			steps := []resource.TestStep{lost, healed}
			if recovery {
				lost.Config, lost.ExpectError, lost.Check = block(s, with)+operator(unprotected), nil, tokenWorks(t, s)
				steps = []resource.TestStep{lost, {Config: block(s, with) + operator(unprotected), ConfigPlanChecks: nothingToDo()}}
			}
			resource.Test(t, resource.TestCase{ProtoV6ProviderFactories: factories(&testClock{}), Steps: steps})
		})
	}
}

// Somebody else regenerates the token. What the configuration knows of it is in
// a file, because the new token is made in the middle of the test.
func TestAccAdminToken_regeneratedElsewhere(t *testing.T) {
	t.Parallel()
	const (
		nothing  = "nothing"
		current  = "the new token"
		named    = "a named admin token"
		recovery = "the recovery listener"
	)
	const consent = `existing_token = "regenerate"`
	tests := []struct {
		has         string
		resource    []string
		want        string // error; "" is success
		regenerated bool
	}{
		{current, []string{trigger("1")}, "", false},
		{current, []string{trigger("2")}, "", true},
		{named, []string{trigger("1"), consent}, "", true},
		{named, []string{trigger("2")}, "", true},
		{recovery, []string{trigger("1"), consent}, "", true},
		{recovery, []string{trigger("2")}, "", true},
		{named, []string{trigger("1")}, "Operator Token Was Regenerated Elsewhere", false},
		{recovery, []string{trigger("1")}, "Operator Token Was Regenerated Elsewhere", false},
		{nothing, []string{trigger("1")}, "Operator Token Was Regenerated Elsewhere", false},
		{nothing, []string{trigger("2")}, "The server refused every token there is", false},
		{nothing, []string{trigger("1"), consent}, "The server refused every token there is", false},
	}
	// Every row with every version is for the tests without a command line.
	for i, tt := range tests {
		version := []string{"", "3.4"}[i%2]
		t.Run(fmt.Sprintf("%s, %s %s", tt.has, strings.Join(tt.resource, ", "), version), func(t *testing.T) {
			t.Parallel()
			options := []influxdb3test.Option{influxdb3test.WithRecovery()}
			if version != "" {
				options = append(options, influxdb3test.As(version))
			}
			s := influxdb3test.New(t, options...)
			old := s.Bootstrap(t)
			automation := s.CreateNamedAdmin(t, old, "automation", 0)
			file := filepath.Join(t.TempDir(), "token")
			var elsewhere string
			regenerate := func() {
				elsewhere = s.Regenerate(t, old)
				if err := os.WriteFile(file, []byte(elsewhere), 0o600); err != nil {
					t.Error(err)
				}
				s.ResetRequests()
			}
			provider := map[string]string{
				nothing:  block(s),
				current:  block(s, fmt.Sprintf("token = file(%q)", file)),
				named:    block(s, withToken(automation)),
				recovery: block(s, fmt.Sprintf("recovery_url = %q", s.RecoveryURL())),
			}[tt.has]
			step := resource.TestStep{PreConfig: regenerate, Config: provider + operator(append(tt.resource, unprotected)...)}
			after := resource.TestStep{Config: step.Config, ConfigPlanChecks: nothingToDo(), Check: tokenWorks(t, s)}
			switch {
			case tt.want != "":
				step.ExpectError = words(tt.want)
				after = resource.TestStep{ // the old one is kept, and nobody lost anything
					RefreshState: true, ExpectNonEmptyPlan: true,
					Check: resource.ComposeTestCheckFunc(
						resource.TestCheckResourceAttr(address, "token", old),
						resource.TestCheckResourceAttr(address, "status", "rejected"),
						func(*terraform.State) error {
							if !s.Accepts(t, elsewhere) {
								return errors.New("the token that somebody else made was replaced")
							}
							return nil
						},
					),
				}
			case tt.regenerated:
				step.ConfigPlanChecks, step.Check = rotatesInPlace(), tokenWorks(t, s)
			default: // taken over
				step.ConfigPlanChecks = nothingToDo()
				step.Check = resource.ComposeTestCheckFunc(tokenWorks(t, s), func(*terraform.State) error {
					expectNoRegeneration(t, s)
					return nil
				})
			}
			resource.Test(t, resource.TestCase{
				ProtoV6ProviderFactories: factories(&testClock{}),
				Steps: []resource.TestStep{
					{Config: block(s, withToken(old)) + operator(unprotected, trigger("1"))},
					step,
					after,
					// whatever it was, the named admin token puts it right where that is asked for
					{Config: block(s, withToken(automation)) + operator(unprotected, trigger("9")), ConfigPlanChecks: rotatesInPlace(), Check: tokenWorks(t, s)},
				},
			})
		})
	}
}

// A rotation that was due by age and whose reply was lost stays due: the next apply
// heals as soon as it has something to heal with.
func TestAccAdminToken_lostReplyByAge(t *testing.T) {
	t.Parallel()
	for name, recovery := range map[string]bool{"named admin token": false, "recovery listener": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			clock := &testClock{}
			s := influxdb3test.New(t, influxdb3test.Clock(clock.Now), influxdb3test.WithRecovery())
			old := s.Bootstrap(t)
			provider := block(s, withToken(s.CreateNamedAdmin(t, old, "automation", 0)))
			if recovery {
				provider = block(s, fmt.Sprintf("recovery_url = %q", s.RecoveryURL()))
			}
			aging := operator(unprotected, `rotate_after = "24h"`)
			resource.Test(t, resource.TestCase{
				ProtoV6ProviderFactories: factories(clock),
				Steps: []resource.TestStep{
					{Config: block(s, withToken(old)) + aging},
					{
						PreConfig: func() {
							clock.advance(25 * time.Hour)
							s.Inject(influxdb3test.Fault{Kind: influxdb3test.CutAfter, Path: regeneratePath})
						},
						Config: block(s) + aging, ExpectError: words("New Operator Token Was Lost"),
					},
					{Config: provider + aging, ConfigPlanChecks: rotatesInPlace(), Check: tokenWorks(t, s)},
					{Config: provider + aging, ConfigPlanChecks: nothingToDo()},
				},
			})
		})
	}
}

// Another cluster answers: nothing is changed on it, and nothing in state.
func TestAccAdminToken_anotherCluster(t *testing.T) {
	t.Parallel()
	for _, version := range []string{"3.10", "3.4"} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			pointAt := func(s *influxdb3test.Server, token string) {
				for name, text := range map[string]string{"url": s.URL(), "token": token} {
					if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
						t.Error(err)
					}
				}
			}
			config := func(v string) string {
				return fmt.Sprintf("provider \"influxdb3\" {\n  url = file(%q)\n  token = file(%q)\n}\n", filepath.Join(dir, "url"), filepath.Join(dir, "token")) +
					operator(unprotected, trigger(v))
			}
			mine := influxdb3test.New(t, influxdb3test.As(version))
			// created_at tells them apart before 3.7, if it is not the same millisecond.
			earlier := influxdb3test.Clock(func() time.Time { return time.Now().Add(-time.Hour) })
			other := influxdb3test.New(t, influxdb3test.As(version), earlier)
			token := mine.Bootstrap(t)
			theirs := other.Bootstrap(t)
			pointAt(mine, token)
			resource.Test(t, resource.TestCase{
				ProtoV6ProviderFactories: factories(&testClock{}),
				Steps: []resource.TestStep{
					{Config: config("1"), Check: resource.TestCheckResourceAttr(address, "token", token)},
					{
						PreConfig:   func() { pointAt(other, theirs) },
						Config:      config("2"),
						ExpectError: regexp.MustCompile(`Unable to Read Operator Token(.|\n)*(cluster\s+[0-9a-f-]{36}\s+answers|that\s+of\s+the\s+server\s+that\s+answers)`),
					},
					{
						PreConfig: func() {
							pointAt(mine, token)
							expectNoRegeneration(t, other)
							if !other.Accepts(t, theirs) {
								t.Error("the other server's token was replaced")
							}
						},
						Config: config("1"), ConfigPlanChecks: nothingToDo(), Check: resource.TestCheckResourceAttr(address, "token", token),
					},
				},
			})
		})
	}
}

// What stands in front of the server cannot make the provider believe that the
// token is dead.
func TestAccAdminToken_notTheServersAnswer(t *testing.T) {
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
			s := influxdb3test.New(t)
			token := s.Bootstrap(t)
			tt.fault.Kind, tt.fault.Times = influxdb3test.Answer, -1
			config := func(v string) string {
				return block(s, withToken(token), "max_retries = 0") + operator(unprotected, trigger(v))
			}
			resource.Test(t, resource.TestCase{
				ProtoV6ProviderFactories: factories(&testClock{}),
				ErrorCheck: func(err error) error {
					if strings.Contains(err.Error(), "hunter2") || len(err.Error()) > 3000 {
						return fmt.Errorf("too much is said, in %d characters", len(err.Error()))
					}
					return err
				},
				Steps: []resource.TestStep{
					{Config: config("1")},
					{PreConfig: func() { s.ResetRequests(); s.Inject(tt.fault) }, Config: config("2"), ExpectError: words(tt.want)},
					{
						PreConfig: func() { s.ClearFaults(); expectNoRegeneration(t, s) },
						Config:    config("1"), ConfigPlanChecks: nothingToDo(),
						ConfigStateChecks: []statecheck.StateCheck{stateValue("status", text("active")), stateValue("token", text(token))},
					},
				},
			})
		})
	}
}

// A cluster whose second node learns of a rotation late.
func TestAccAdminToken_laggingNode(t *testing.T) {
	t.Parallel()
	clock := &testClock{}
	s := influxdb3test.New(t, influxdb3test.Lag(10*time.Second), influxdb3test.Clock(clock.Now))
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: factories(clock),
		Steps: []resource.TestStep{
			{Config: block(s) + operator(unprotected, trigger("1")), ConfigStateChecks: []statecheck.StateCheck{stateValue("status", text("active"))}},
			{Config: block(s) + operator(unprotected, trigger("2")), ConfigPlanChecks: rotatesInPlace(), ConfigStateChecks: []statecheck.StateCheck{stateValue("status", text("active"))}},
			{Config: block(s) + operator(unprotected, trigger("2")), ConfigPlanChecks: nothingToDo(), Check: tokenWorks(t, s)},
		},
	})
}

// With /ping open to everybody a dead token is still a dead token.
func TestAccAdminToken_openPing(t *testing.T) {
	t.Parallel()
	s := influxdb3test.New(t, influxdb3test.DisableAuthz("ping", "health"))
	old := s.Bootstrap(t)
	config := block(s, withToken(old)) + operator(unprotected, trigger("1"))
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: factories(&testClock{}),
		Steps: []resource.TestStep{
			{Config: config},
			{PreConfig: func() { s.Regenerate(t, old) }, Config: config, ExpectError: words("Operator Token Was Regenerated Elsewhere")},
		},
	})
}

// A server started with a token file of another name has an admin token and no
// operator token.
func TestAccAdminToken_noOperatorToken(t *testing.T) {
	t.Parallel()
	const file = "apiv3_from-the-token-file"
	s := influxdb3test.New(t, influxdb3test.WithTokenFile("file-admin", file))
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: factories(&testClock{}),
		Steps: []resource.TestStep{
			{Config: block(s, withToken(file)) + operator(unprotected, trigger("1")), Check: tokenWorks(t, s)},
			{Config: block(s, withToken(file)) + operator(unprotected, trigger("2")), ConfigPlanChecks: rotatesInPlace(), Check: tokenWorks(t, s)},
		},
	})
	if !s.Accepts(t, file) {
		t.Error("the token of the file is refused")
	}
}

// A token from a file may expire, the operator token too.
func TestAccAdminToken_fromTokenFile(t *testing.T) {
	t.Parallel()
	const file = "apiv3_from-the-token-file"
	s := influxdb3test.New(t, influxdb3test.WithTokenFile("_admin", file))
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: factories(&testClock{}),
		Steps: []resource.TestStep{
			{Config: block(s, withToken(file)) + operator(unprotected, trigger("1")), Check: resource.TestCheckResourceAttr(address, "token", file)},
			{Config: block(s, withToken(file)) + operator(unprotected, trigger("2")), ConfigPlanChecks: rotatesInPlace(), Check: tokenWorks(t, s)},
		},
	})
}

// A busy server is waited for, within the timeout, without asking twice at once.
func TestAccAdminToken_busy(t *testing.T) {
	t.Parallel()
	for _, status := range []int{http.StatusTooManyRequests, http.StatusServiceUnavailable} {
		t.Run(http.StatusText(status), func(t *testing.T) {
			t.Parallel()
			s := influxdb3test.New(t)
			busy := influxdb3test.Fault{Kind: influxdb3test.Answer, Status: status, Header: http.Header{"Retry-After": {"1"}}}
			regenerate, list := busy, busy
			regenerate.Path, list.Path = regeneratePath, queryPath
			resource.Test(t, resource.TestCase{
				ProtoV6ProviderFactories: factories(&testClock{}),
				Steps: []resource.TestStep{
					{Config: block(s) + operator(unprotected, trigger("1"))},
					{
						PreConfig: func() { s.Inject(regenerate); s.Inject(list) },
						Config:    block(s) + operator(unprotected, trigger("2")), ConfigPlanChecks: rotatesInPlace(), Check: tokenWorks(t, s),
					},
					{
						PreConfig: func() {
							list.Header = http.Header{"Retry-After": {"3600"}}
							s.Inject(list)
						},
						Config:      block(s, `request_timeout = "5s"`) + operator(unprotected, trigger("2")),
						ExpectError: words("asked to wait 1h0m0s"),
					},
				},
			})
		})
	}
}

// The values of a plan that heals are those of a rotation.
func TestAccAdminToken_consentAsADrift(t *testing.T) {
	t.Parallel()
	s := influxdb3test.New(t)
	old := s.Bootstrap(t)
	named := s.CreateNamedAdmin(t, old, "automation", 0)
	config := block(s, withToken(named)) + operator(unprotected, `existing_token = "regenerate"`)
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: factories(&testClock{}),
		Steps: []resource.TestStep{
			{Config: config},
			{Config: config, ConfigPlanChecks: nothingToDo()}, // consent is no order
			{
				PreConfig: func() { s.Regenerate(t, named) },
				Config:    config,
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
