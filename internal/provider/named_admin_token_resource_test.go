package provider

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/compare"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3test"
)

const (
	namedAddress    = "influxdb3_named_admin_token.ci"
	namedAdminPath  = "/api/v3/configure/token/named_admin"
	tokenDeletePath = "/api/v3/configure/token"
)

// named writes the resource of a named admin token with its lines.
func named(lines ...string) string {
	return "resource \"influxdb3_named_admin_token\" \"ci\" {\n  " + strings.Join(lines, "\n  ") + "\n}\n"
}

func TestAccNamedAdminToken_life(t *testing.T) {
	t.Parallel()
	s, token, provider := serverWith(t)
	differs := statecheck.CompareValue(compare.ValuesDiffer())
	changed := func() []statecheck.StateCheck {
		return []statecheck.StateCheck{differs.AddStateValue(namedAddress, tfjsonpath.New("hash"))}
	}
	replaced := planned(namedAddress, plancheck.ResourceActionReplace)
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: factories(&testClock{}),
		Steps: []resource.TestStep{
			{
				Config:           provider + named(`name = "ci"`),
				ConfigPlanChecks: planned(namedAddress, plancheck.ResourceActionCreate, plancheck.ExpectSensitiveValue(namedAddress, tfjsonpath.New("token"))),
				ConfigStateChecks: append(changed(),
					statecheck.ExpectKnownValue(namedAddress, tfjsonpath.New("id"), text("ci")),
					statecheck.ExpectKnownValue(namedAddress, tfjsonpath.New("token_id"), knownvalue.Int64Exact(1)),
					statecheck.ExpectKnownValue(namedAddress, tfjsonpath.New("status"), text("active")),
					statecheck.ExpectKnownValue(namedAddress, tfjsonpath.New("expires_at"), knownvalue.Null()),
					statecheck.ExpectKnownValue(namedAddress, tfjsonpath.New("created_at"), knownvalue.NotNull()),
				),
				Check: issuedWorks(t, s),
			},
			{Config: provider + named(`name = "ci"`), ConfigPlanChecks: nothingToDo()},
			{Config: provider + named(`name = "ci"`, `rotation_triggers = {}`), ConfigPlanChecks: planned(namedAddress, plancheck.ResourceActionUpdate)},
			{Config: provider + named(`name = "ci"`, trigger("1")), ConfigPlanChecks: replaced, ConfigStateChecks: changed(), Check: issuedWorks(t, s)},
			{Config: provider + named(`name = "ci"`, trigger("2")), ConfigPlanChecks: replaced, ConfigStateChecks: changed()},
			{Config: provider + named(`name = "ci"`, trigger("2"), `expires_in = "720h"`), ConfigPlanChecks: replaced, ConfigStateChecks: changed()},
			{Config: provider + named(`name = "ci"`, trigger("2"), `expires_in = "43200m"`), ConfigPlanChecks: resource.ConfigPlanChecks{ // the same, written otherwise
				PreApply: []plancheck.PlanCheck{plancheck.ExpectKnownValue(namedAddress, tfjsonpath.New("token"), knownvalue.NotNull())},
			}},
			{Config: provider + named(`name = "ci"`, trigger("2"), `expires_in = "720h"`, `rotate_before_expiry = "24h"`), ConfigPlanChecks: planned(namedAddress, plancheck.ResourceActionUpdate)},
			{Config: provider + named(`name = "other"`, trigger("2"), `expires_in = "720h"`), ConfigPlanChecks: replaced, ConfigStateChecks: changed(), Check: issuedWorks(t, s)},
			{Config: provider + named(`name_prefix = "oth"`, trigger("2"), `expires_in = "720h"`), ConfigPlanChecks: planned(namedAddress, plancheck.ResourceActionUpdate)}, // it has the name
			{
				Config: provider + named(`name_prefix = "ci-"`, trigger("2"), `expires_in = "720h"`), ConfigPlanChecks: replaced, ConfigStateChecks: changed(),
				Check: resource.TestMatchResourceAttr(namedAddress, "name", regexp.MustCompile(`^ci-\d{14}[0-9a-f]{10}$`)),
			},
		},
	})
	if n := len(s.Names(t, token)); n != 1 {
		t.Errorf("%d tokens are left besides the operator token: %v", n-1, s.Names(t, token))
	}
}

// With create_before_destroy and a prefix the old token lives until the new one is
// there, and is gone afterwards.
func TestAccNamedAdminToken_withoutGap(t *testing.T) {
	t.Parallel()
	s, token, provider := serverWith(t)
	config := func(v string) string {
		return provider + named(`name_prefix = "ci-"`, trigger(v), "lifecycle {\n    create_before_destroy = true\n  }")
	}
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: factories(&testClock{}),
		Steps: []resource.TestStep{
			{Config: config("1")},
			{
				PreConfig:        s.ResetRequests,
				Config:           config("2"),
				ConfigPlanChecks: planned(namedAddress, plancheck.ResourceActionCreateBeforeDestroy),
				Check:            issuedWorks(t, s),
			},
		},
	})
	var order []string
	for _, r := range s.Requests() {
		if r.Path != queryPath {
			order = append(order, r.Method)
		}
	}
	if got := strings.Join(order, " "); got != "OPTIONS POST DELETE DELETE" { // the first looks whether the server is up, the last one is the test's own clean-up
		t.Errorf("the order was %s", got)
	}
	if n := s.Names(t, token); len(n) != 1 {
		t.Errorf("left over: %v", n)
	}
}

func TestAccNamedAdminToken_keepOnDestroy(t *testing.T) {
	t.Parallel()
	s, token, provider := serverWith(t)
	config := func(v string, more ...string) string {
		return provider + named(append(more, `name_prefix = "ci-"`, trigger(v), `expires_in = "24h"`)...)
	}
	var first string
	clock := &testClock{}
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: factories(clock),
		Steps: []resource.TestStep{
			{Config: config("1", "keep_on_destroy = true"), Check: resource.TestCheckResourceAttrWith(namedAddress, "token", func(v string) error {
				first = v
				return nil
			})},
			{Config: config("2", "keep_on_destroy = true"), ConfigPlanChecks: planned(namedAddress, plancheck.ResourceActionReplace), Check: func(*terraform.State) error {
				if !s.Accepts(t, first) {
					return errors.New("the token was not kept")
				}
				return nil
			}},
			{Config: config("2"), ConfigPlanChecks: planned(namedAddress, plancheck.ResourceActionUpdate)},
		},
	})
	if n := s.Names(t, token); len(n) != 2 {
		t.Errorf("want the operator token and the one that was kept, got %v", n)
	}
}

// A creation deletes the expired tokens that keep_on_destroy has left, and no others.
func TestAccNamedAdminToken_leftOvers(t *testing.T) {
	t.Parallel()
	clock := &testClock{}
	s, token, provider := serverWith(t, influxdb3test.Clock(clock.Now))
	const day = 24 * 60 * 60
	old := "20260101000000" + "0123456789"
	s.CreateNamedAdmin(t, token, "ci-prod-"+old, day) // another resource's
	s.CreateNamedAdmin(t, token, "ci-mine", day)      // somebody's
	s.CreateNamedAdmin(t, token, "ci-"+old, 0)        // never expires
	config := func(v string, more ...string) string {
		return provider + named(append(more, `name_prefix = "ci-"`, trigger(v), `expires_in = "24h"`)...)
	}
	const keeps = "keep_on_destroy = true"
	there := func(want int) resource.TestCheckFunc { // besides those and the operator token
		return func(*terraform.State) error {
			names := s.Names(t, token)
			for _, name := range []string{"ci-prod-" + old, "ci-mine", "ci-" + old} {
				if !slices.Contains(names, name) {
					return fmt.Errorf("%s was deleted", name)
				}
			}
			if got := len(names) - 4; got != want {
				return fmt.Errorf("%d tokens of the resource, want %d: %v", got, want, names)
			}
			return nil
		}
	}
	later := func(d time.Duration) func() { return func() { clock.advance(d) } }
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: factories(clock),
		Steps: []resource.TestStep{
			{Config: config("1", keeps), Check: there(1)},
			{PreConfig: later(20 * time.Hour), Config: config("2", keeps), Check: there(2)}, // the first has not expired
			{PreConfig: later(20 * time.Hour), Config: config("3", keeps), Check: there(2)}, // it has now, the second has not
			{PreConfig: later(2 * time.Hour), Config: config("3"), Check: there(2)},
			{PreConfig: later(20 * time.Hour), Config: config("4"), Check: there(2)}, // not kept any more: the second stays, and the third was replaced
		},
	})
}

func TestAccNamedAdminToken_expiry(t *testing.T) {
	t.Parallel()
	clock := &testClock{}
	_, _, provider := serverWith(t, influxdb3test.Clock(clock.Now))
	config := provider + named(`name = "ci"`, `expires_in = "24h"`)
	renewed := provider + named(`name = "ci"`, `expires_in = "24h"`, `rotate_before_expiry = "2h"`)
	status := func(want string) []statecheck.StateCheck {
		return []statecheck.StateCheck{statecheck.ExpectKnownValue(namedAddress, tfjsonpath.New("status"), text(want))}
	}
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: factories(clock),
		Steps: []resource.TestStep{
			{Config: config, ConfigStateChecks: status("active")},
			{PreConfig: func() { clock.advance(23 * time.Hour) }, Config: config, ConfigPlanChecks: nothingToDo()}, // warned of, by then
			{ // the limit itself replaces nothing
				Config: renewed, ConfigPlanChecks: planned(namedAddress, plancheck.ResourceActionUpdate), ConfigStateChecks: status("renewal_due"), ExpectNonEmptyPlan: true,
			},
			{ // and the next apply does
				Config: renewed, ConfigPlanChecks: planned(namedAddress, plancheck.ResourceActionReplace), ConfigStateChecks: status("active"),
			},
			{Config: config, ConfigPlanChecks: planned(namedAddress, plancheck.ResourceActionUpdate)},
			{
				PreConfig: func() { clock.advance(48 * time.Hour) },
				Config:    config, ConfigPlanChecks: planned(namedAddress, plancheck.ResourceActionReplace), ConfigStateChecks: status("active"),
			},
		},
	})
}

func TestAccNamedAdminToken_drift(t *testing.T) {
	t.Parallel()
	s, token, provider := serverWith(t)
	config := provider + named(`name = "ci"`)
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: factories(&testClock{}),
		Steps: []resource.TestStep{
			{Config: config},
			{
				PreConfig: func() { s.Delete(t, token, "ci") },
				Config:    config, ConfigPlanChecks: planned(namedAddress, plancheck.ResourceActionCreate), Check: issuedWorks(t, s),
			},
			{
				PreConfig: func() { s.Delete(t, token, "ci"); s.CreateNamedAdmin(t, token, "ci", 0) },
				Config:    config, ConfigPlanChecks: planned(namedAddress, plancheck.ResourceActionReplace), Check: issuedWorks(t, s),
			},
			{Config: config, ConfigPlanChecks: nothingToDo()},
			{ // deleting what is gone is fine
				PreConfig: func() { s.Delete(t, token, "ci") },
				Config:    provider,
			},
		},
	})
}

func TestAccNamedAdminToken_nameTaken(t *testing.T) {
	t.Parallel()
	s, token, provider := serverWith(t)
	theirs := s.CreateNamedAdmin(t, token, "ci", 0)
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: factories(&testClock{}),
		Steps: []resource.TestStep{
			{Config: provider + named(`name = "ci"`), ExpectError: regexp.MustCompile(`(?s)has\s+a\s+token\s+named\s+"ci"\s+already.*name_prefix.*import`)},
		},
	})
	if !s.Accepts(t, theirs) {
		t.Error("somebody else's token was deleted")
	}
}

// A creation whose reply is lost cleans up after itself.
func TestAccNamedAdminToken_lostReply(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		fault influxdb3test.Fault
		want  string
		tries int
	}{
		"cut after":           {influxdb3test.Fault{Kind: influxdb3test.CutAfter}, "", 2},
		"502 after":           {influxdb3test.Fault{Kind: influxdb3test.AnswerAfter, Status: 502}, "", 2},
		"truncated":           {influxdb3test.Fault{Kind: influxdb3test.Truncate, Keep: 50}, "", 2},
		"truncated behind it": {influxdb3test.Fault{Kind: influxdb3test.Truncate, Keep: 200}, "", 1},
		"cut before":          {influxdb3test.Fault{Kind: influxdb3test.CutBefore}, "was not created", 1},
		"for ever":            {influxdb3test.Fault{Kind: influxdb3test.CutAfter, Times: -1}, "what was created was deleted again", 3},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, token, provider := serverWith(t)
			tt.fault.Path = namedAdminPath
			s.Inject(tt.fault)
			step := resource.TestStep{Config: provider + named(`name = "ci"`), Check: issuedWorks(t, s)}
			if tt.want != "" {
				step.Check, step.ExpectError = nil, words(tt.want)
			}
			resource.Test(t, resource.TestCase{ProtoV6ProviderFactories: factories(&testClock{}), Steps: []resource.TestStep{step}})
			if n := count(s, http.MethodPost, namedAdminPath); n != tt.tries {
				t.Errorf("%d creations, want %d", n, tt.tries)
			}
			if n := s.Names(t, token); len(n) != 1 {
				t.Errorf("left over: %v", n)
			}
		})
	}
}

// A deletion whose reply is lost is looked up.
func TestAccNamedAdminToken_lostDeletion(t *testing.T) {
	t.Parallel()
	for name, kind := range map[string]influxdb3test.FaultKind{"before": influxdb3test.CutBefore, "after": influxdb3test.CutAfter} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, token, provider := serverWith(t)
			resource.Test(t, resource.TestCase{
				ProtoV6ProviderFactories: factories(&testClock{}),
				Steps: []resource.TestStep{
					{Config: provider + named(`name = "ci"`)},
					{PreConfig: func() { s.Inject(influxdb3test.Fault{Kind: kind, Path: tokenDeletePath}) }, Config: provider},
				},
			})
			if n := s.Names(t, token); len(n) != 1 {
				t.Errorf("left over: %v", n)
			}
		})
	}
}

func TestAccNamedAdminToken_refusedProviderToken(t *testing.T) {
	t.Parallel()
	s, _, _ := serverWith(t)
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: factories(&testClock{}),
		Steps: []resource.TestStep{{
			Config:      block(s, withToken(secretToken)) + named(`name = "ci"`),
			ExpectError: regexp.MustCompile(`(?s)no\s+token\s+that\s+the\s+server\s+accepts.*token\s+=\s+influxdb3_admin_token.operator.token.*-target`),
		}},
	})
}

func TestAccNamedAdminToken_import(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"ci", "with space", "a/b", "ünïcode-日本", "q?a=b&c=d#f%20+", `quote's"`} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, token, provider := serverWith(t)
			s.CreateNamedAdmin(t, token, name, 86400)
			config := provider + named(fmt.Sprintf("name = %q", name), trigger("1"), `expires_in = "24h"`, `rotate_before_expiry = "1h"`)
			resource.Test(t, resource.TestCase{
				ProtoV6ProviderFactories: factories(&testClock{}),
				Steps: []resource.TestStep{
					{Config: config, ResourceName: namedAddress, ImportState: true, ImportStateId: name, ImportStatePersist: true},
					{ // records the inputs
						PreConfig: s.ResetRequests,
						Config:    config, ConfigPlanChecks: planned(namedAddress, plancheck.ResourceActionUpdate),
						ConfigStateChecks: []statecheck.StateCheck{
							statecheck.ExpectKnownValue(namedAddress, tfjsonpath.New("token"), knownvalue.Null()),
							statecheck.ExpectKnownValue(namedAddress, tfjsonpath.New("name"), text(name)),
							statecheck.ExpectKnownValue(namedAddress, tfjsonpath.New("status"), text("active")),
						},
					},
					{Config: config, ConfigPlanChecks: nothingToDo()},
					{
						Config:           strings.Replace(config, trigger("1"), trigger("2"), 1),
						ConfigPlanChecks: planned(namedAddress, plancheck.ResourceActionReplace), Check: issuedWorks(t, s),
					},
				},
			})
			if n := s.Names(t, token); len(n) != 1 {
				t.Errorf("left over: %v", n)
			}
			if n := count(s, http.MethodDelete, tokenDeletePath); n != 2 {
				t.Errorf("%d deletions, want 2", n)
			}
			for _, r := range s.Requests() {
				if r.Method == http.MethodDelete && r.Query != (url.Values{"token_name": {name}}).Encode() {
					t.Errorf("deleted %s", r.Query)
				}
			}
		})
	}
}

func TestAccNamedAdminToken_importPrefix(t *testing.T) {
	t.Parallel()
	s, token, provider := serverWith(t)
	s.CreateNamedAdmin(t, token, "ci-7", 0)
	config := provider + named(`name_prefix = "ci-"`)
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: factories(&testClock{}),
		Steps: []resource.TestStep{
			{Config: config, ResourceName: namedAddress, ImportState: true, ImportStateId: "ci-7", ImportStatePersist: true},
			{Config: config, ConfigPlanChecks: planned(namedAddress, plancheck.ResourceActionUpdate), Check: resource.TestCheckResourceAttr(namedAddress, "name", "ci-7")},
			{Config: config, ResourceName: namedAddress, ImportState: true, ImportStateId: "absent", ExpectError: words(`has no token named "absent"`)},
			{Config: config, ResourceName: namedAddress, ImportState: true, ImportStateId: "_admin", ExpectError: words(`_admin is the operator token`)},
		},
	})
}
