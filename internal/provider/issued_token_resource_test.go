package provider

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
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
	limitedAddress  = "influxdb3_resource_token.app"
	namedAdminPath  = "/api/v3/configure/token/named_admin"
	tokenDeletePath = "/api/v3/configure/token"
	limitedPath     = "/api/v3/enterprise/configure/token"
)

// named writes the resource of a named admin token with its lines.
func named(lines ...string) string {
	return "resource \"influxdb3_named_admin_token\" \"ci\" {\n  " + strings.Join(lines, "\n  ") + "\n}\n"
}

// limited writes the resource of a resource token with its lines.
func limited(lines ...string) string {
	return "resource \"influxdb3_resource_token\" \"app\" {\n  " + strings.Join(lines, "\n  ") + "\n}\n"
}

const mydb = `permissions = [{ resource_type = "db", resource_names = ["mydb"], actions = ["read", "write"] }]`

func planned(at string, action plancheck.ResourceActionType, more ...plancheck.PlanCheck) resource.ConfigPlanChecks {
	return resource.ConfigPlanChecks{PreApply: append(more, plancheck.ExpectResourceAction(at, action))}
}

// issuedWorks checks that the server accepts the token in state.
func issuedWorks(t *testing.T, s *influxdb3test.Server) resource.TestCheckFunc {
	t.Helper()
	return resource.TestCheckResourceAttrWith(namedAddress, "token", func(token string) error {
		if !s.Accepts(t, token) {
			return errors.New("the server refuses the token in state")
		}
		return nil
	})
}

// serverWith starts a server that has an operator token and returns its provider
// block.
func serverWith(t *testing.T, options ...influxdb3test.Option) (*influxdb3test.Server, string, string) {
	t.Helper()
	s := influxdb3test.New(t, options...)
	token := s.Bootstrap(t)
	return s, token, block(s, withToken(token))
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
	if got := strings.Join(order, " "); got != "POST DELETE DELETE" { // the last one is the test's own clean-up
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
			{Config: config, ResourceName: namedAddress, ImportState: true, ImportStateId: "absent", ExpectError: words(`The server has no token named "absent"`)},
			{Config: config, ResourceName: namedAddress, ImportState: true, ImportStateId: "_admin", ExpectError: words(`_admin is the operator token`)},
		},
	})
}

func TestAccIssuedToken_badInput(t *testing.T) {
	t.Parallel()
	s, _, provider := serverWith(t)
	for name, tt := range map[string]struct{ config, want string }{
		"no name":                    {named(), "Missing Attribute Configuration|one \\(and only one\\)"},
		"both":                       {named(`name = "a"`, `name_prefix = "b"`), "one \\(and only one\\)|Invalid Attribute Combination"},
		"empty name":                 {named(`name = ""`), "it must not be empty"},
		"operator token":             {named(`name = "_admin"`), "is the operator token"},
		"line break":                 {named(`name = "a\nb"`), "control characters"},
		"empty prefix":               {named(`name_prefix = ""`), "it must not be empty"},
		"tab in the prefix":          {named(`name_prefix = "a\tb"`), "control characters"},
		"name too long":              {named(`name = "` + strings.Repeat("x", 1025) + `"`), "at most 1024 bytes long, and xxxxxxxxxxxxxxxxxxxx… has 1025"},
		"prefix too long":            {named(`name_prefix = "` + strings.Repeat("x", 1001) + `"`), "at most 1000 bytes long, and xxxxxxxxxxxxxxxxxxxx… has 1001"},
		"expires_in zero":            {named(`name = "a"`, `expires_in = "0s"`), "above zero"},
		"expires_in negative":        {named(`name = "a"`, `expires_in = "-1h"`), "above zero"},
		"expires_in of milliseconds": {named(`name = "a"`, `expires_in = "1500ms"`), "whole seconds"},
		"expires_in too large":       {named(`name = "a"`, `expires_in = "99999999h"`), "must be a duration of at most 292 years"},
		"rotate_before_expiry alone": {named(`name = "a"`, `rotate_before_expiry = "1h"`), "needs expires_in"},
		"rotate_before_expiry long":  {named(`name = "a"`, `expires_in = "1h"`, `rotate_before_expiry = "1h"`), "must be shorter than expires_in"},
		"rotate_before_expiry zero":  {named(`name = "a"`, `expires_in = "1h"`, `rotate_before_expiry = "0h"`), "above zero"},
		"keep_on_destroy by name":    {named(`name = "a"`, `keep_on_destroy = true`), "needs name_prefix"},
		"no permissions":             {limited(`name = "a"`), `argument "permissions" is required`},
		"empty permissions":          {limited(`name = "a"`, `permissions = []`), "at least 1"},
		"wildcard and names":         {limited(`name = "a"`, `permissions = [{ resource_type = "db", resource_names = ["*", "x"], actions = ["read"] }]`), "cannot be mixed"},
		"system with write":          {limited(`name = "a"`, `permissions = [{ resource_type = "system", resource_names = ["ping"], actions = ["write"] }]`), "actions of system are read"},
		"unknown system name":        {limited(`name = "a"`, `permissions = [{ resource_type = "system", resource_names = ["disk"], actions = ["read"] }]`), "resources of system are"},
		"unknown action":             {limited(`name = "a"`, `permissions = [{ resource_type = "db", resource_names = ["x"], actions = ["drop"] }]`), "actions of db are"},
		"unknown type":               {limited(`name = "a"`, `permissions = [{ resource_type = "table", resource_names = ["x"], actions = ["read"] }]`), "must be db or system"},
		"null resource":              {limited(`name = "a"`, `permissions = [{ resource_type = "db", resource_names = [null], actions = ["read"] }]`), "is null"},
		"no resource":                {limited(`name = "a"`, `permissions = [{ resource_type = "db", resource_names = [], actions = ["read"] }]`), "at least one resource name"},
		"no action":                  {limited(`name = "a"`, `permissions = [{ resource_type = "db", resource_names = ["x"], actions = [] }]`), "at least one action"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			resource.Test(t, resource.TestCase{
				ProtoV6ProviderFactories: factories(&testClock{}),
				Steps: []resource.TestStep{{
					Config: provider + tt.config, PlanOnly: true,
					ExpectError: regexp.MustCompile(strings.ReplaceAll(tt.want, " ", `\s+`)),
				}},
			})
		})
	}
	t.Cleanup(func() {
		if n := len(s.Requests()); n != 0 {
			t.Errorf("%d requests were made", n)
		}
	})
}

func TestAccResourceToken_life(t *testing.T) {
	t.Parallel()
	s, token, provider := serverWith(t, influxdb3test.Enterprise())
	two := `permissions = [
    { resource_type = "db", resource_names = ["b", "a"], actions = ["write", "read"] },
    { resource_type = "system", resource_names = ["*"], actions = ["read"] },
  ]`
	again := `permissions = [
    { resource_type = "system", resource_names = ["*"], actions = ["read"] },
    { resource_type = "db", resource_names = ["a", "b"], actions = ["read", "write"] },
  ]`
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: factories(&testClock{}),
		Steps: []resource.TestStep{
			{Config: provider + limited(`name = "app"`, mydb), Check: resource.TestCheckResourceAttr(limitedAddress, "status", "active")},
			{Config: provider + limited(`name = "app"`, mydb), ConfigPlanChecks: nothingToDo()},
			{Config: provider + limited(`name = "app"`, two), ConfigPlanChecks: planned(limitedAddress, plancheck.ResourceActionReplace)},
			{Config: provider + limited(`name = "app"`, again), ConfigPlanChecks: nothingToDo()},
			{ResourceName: limitedAddress, ImportState: true, ImportStateId: "app", ImportStateVerify: true, ImportStateVerifyIgnore: []string{"token"}},
			{Config: provider + named(`name = "ci"`) + limited(`name = "app"`, again)},
			{ResourceName: limitedAddress, ImportState: true, ImportStateId: "ci", ExpectError: words("Import it as influxdb3_named_admin_token")},
			{ResourceName: namedAddress, ImportState: true, ImportStateId: "app", ExpectError: words("Import it as influxdb3_resource_token")},
			{
				Config: provider + limited(`name = "app"`, `permissions = [provider::influxdb3::parse_permission("db:a,b:read"), provider::influxdb3::parse_permission("system:ping:read")]`),
				Check:  resource.TestCheckResourceAttr(limitedAddress, "permissions.#", "2"),
			},
		},
	})
	if n := s.Names(t, token); len(n) != 1 {
		t.Errorf("left over: %v", n)
	}
}

func TestAccResourceToken_onCore(t *testing.T) {
	t.Parallel()
	_, _, provider := serverWith(t)
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: factories(&testClock{}),
		Steps: []resource.TestStep{{
			Config: provider + limited(`name = "app"`, mydb), ExpectError: words("need InfluxDB 3 Enterprise or InfluxDB 3 Cloud"),
		}},
	})
}

func TestAccFunctions(t *testing.T) {
	t.Parallel()
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: factories(&testClock{}),
		Steps: []resource.TestStep{
			{
				Config: fmt.Sprintf("output \"hash\" {\n  value = provider::influxdb3::token_hash(%q)\n}\noutput \"permission\" {\n  value = provider::influxdb3::parse_permission(\"db:a:b,c:write,read\")\n}\n", secretToken),
				ConfigStateChecks: []statecheck.StateCheck{
					statecheck.ExpectKnownOutputValue("hash", knownvalue.StringRegexp(regexp.MustCompile(`^[0-9a-f]{9}$`))),
					statecheck.ExpectKnownOutputValue("permission", knownvalue.ObjectExact(map[string]knownvalue.Check{
						"resource_type":  text("db"),
						"resource_names": knownvalue.SetExact([]knownvalue.Check{text("a:b"), text("c")}),
						"actions":        knownvalue.SetExact([]knownvalue.Check{text("read"), text("write")}),
					})),
				},
			},
			{Config: "output \"x\" {\n  value = provider::influxdb3::parse_permission(\"db:mydb\")\n}\n", ExpectError: words("A permission is written TYPE:NAMES:ACTIONS")},
			{Config: "output \"x\" {\n  value = provider::influxdb3::parse_permission(\"system:*:write\")\n}\n", ExpectError: words("actions of system are read")},
			{Config: "output \"x\" {\n  value = provider::influxdb3::token_hash(\"\")\n}\n", ExpectError: words("The token is empty")},
		},
	})
}

func TestAccDataSources(t *testing.T) {
	t.Parallel()
	s, token, provider := serverWith(t, influxdb3test.Enterprise())
	s.CreateNamedAdmin(t, token, "ci-1", 0)
	s.CreateNamedAdmin(t, token, "ci-2", 3600)
	listed := func(name string, want ...string) statecheck.StateCheck {
		checks := make([]knownvalue.Check, 0, len(want))
		for _, w := range want {
			checks = append(checks, knownvalue.ObjectPartial(map[string]knownvalue.Check{"name": text(w)}))
		}
		return statecheck.ExpectKnownValue("data.influxdb3_tokens."+name, tfjsonpath.New("tokens"), knownvalue.ListExact(checks))
	}
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: factories(&testClock{}),
		Steps: []resource.TestStep{
			{
				Config: provider + limited(`name = "app"`, mydb) + `
data "influxdb3_tokens" "all" {
  depends_on = [influxdb3_resource_token.app]
}
data "influxdb3_tokens" "prefix" {
  name_prefix = "ci-"
}
data "influxdb3_tokens" "operator" {
  kind = "operator"
}
data "influxdb3_tokens" "limited" {
  kind       = "resource"
  depends_on = [influxdb3_resource_token.app]
}
data "influxdb3_server" "this" {}
`,
				ConfigStateChecks: []statecheck.StateCheck{
					listed("all", "_admin", "ci-1", "ci-2", "app"),
					listed("prefix", "ci-1", "ci-2"),
					listed("operator", "_admin"),
					listed("limited", "app"),
					statecheck.ExpectKnownValue("data.influxdb3_server.this", tfjsonpath.New("product"), text("InfluxDB 3 Enterprise")),
					statecheck.ExpectKnownValue("data.influxdb3_server.this", tfjsonpath.New("version"), knownvalue.NotNull()),
					statecheck.ExpectKnownValue("data.influxdb3_server.this", tfjsonpath.New("cluster_uuid"), text(s.ClusterUUID(t))),
				},
			},
			{Config: provider + "data \"influxdb3_tokens\" \"x\" {\n  kind = \"admin\"\n}\n", ExpectError: words("must be one of")},
			{Config: block(s, withToken(secretToken)) + "data \"influxdb3_tokens\" \"x\" {}\n", ExpectError: words("The provider has no token that the server accepts")},
			{Config: block(s, withToken(secretToken)) + "data \"influxdb3_server\" \"x\" {}\n", ExpectError: words("The provider has no token that the server accepts")},
			{Config: provider}, // so that the test can clean up
		},
	})
}

// An expired token is listed on request only.
func TestAccTokensDataSource_expired(t *testing.T) {
	t.Parallel()
	clock := &testClock{}
	s, token, provider := serverWith(t, influxdb3test.Clock(clock.Now))
	s.CreateNamedAdmin(t, token, "short", 60)
	clock.advance(time.Hour)
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: factories(clock),
		Steps: []resource.TestStep{{
			Config: provider + "data \"influxdb3_tokens\" \"a\" {}\ndata \"influxdb3_tokens\" \"b\" {\n  include_expired = true\n}\n",
			ConfigStateChecks: []statecheck.StateCheck{
				statecheck.ExpectKnownValue("data.influxdb3_tokens.a", tfjsonpath.New("tokens"), knownvalue.ListSizeExact(1)),
				statecheck.ExpectKnownValue("data.influxdb3_tokens.b", tfjsonpath.New("tokens"), knownvalue.ListSizeExact(2)),
				statecheck.ExpectKnownValue("data.influxdb3_tokens.b", tfjsonpath.New("tokens").AtSliceIndex(1).AtMapKey("expired"), knownvalue.Bool(true)),
			},
		}},
	})
}

// Where the configured token is the one that an apply regenerates, the rest of
// that apply goes on with the new one.
func TestAccIssuedToken_afterRotation(t *testing.T) {
	t.Parallel()
	s, token, provider := serverWith(t)
	file := filepath.Join(t.TempDir(), "token")
	write := func(token string) {
		if err := os.WriteFile(file, []byte(token), 0o600); err != nil {
			t.Error(err)
		}
	}
	write(token)
	provider = strings.Replace(provider, withToken(token), fmt.Sprintf("token = file(%q)", file), 1)
	config := func(v string) string {
		return provider + operator(unprotected, trigger(v)) + named(`name = "ci"`, trigger(v), "depends_on = [influxdb3_admin_token.operator]")
	}
	saveToken := resource.TestCheckResourceAttrWith(address, "token", func(token string) error {
		write(token) // as whoever looks after the environment does between two applies
		return nil
	})
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: factories(&testClock{}),
		Steps: []resource.TestStep{
			{Config: config("1"), Check: saveToken},
			{
				Config: config("2"),
				ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
					plancheck.ExpectResourceAction(address, plancheck.ResourceActionUpdate),
					plancheck.ExpectResourceAction(namedAddress, plancheck.ResourceActionReplace),
				}},
				Check: resource.ComposeTestCheckFunc(issuedWorks(t, s), saveToken),
			},
		},
	})
	if n := count(s, http.MethodPost, namedAdminPath); n != 2 {
		t.Errorf("%d creations, want 2: the second by the token that was just made", n)
	}
}

// A refresh of many tokens makes one listing.
func TestAccIssuedToken_sharedListing(t *testing.T) {
	t.Parallel()
	s, _, provider := serverWith(t)
	config := provider + named("count = 50", `name = "ci-${count.index}"`)
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: factories(&testClock{}),
		Steps: []resource.TestStep{
			{Config: config},
			{PreConfig: s.ResetRequests, Config: config, PlanOnly: true},
			{PreConfig: func() {
				const commands = 3 // of the framework's, at most, for a step that plans only
				if n := len(s.Requests()); n < 1 || n > 2*commands {
					t.Errorf("%d requests for 50 tokens", n)
				}
			}, Config: config},
		},
	})
}

func TestUniqueSuffixLength(t *testing.T) {
	t.Parallel()
	if got := len(uniqueSuffix(time.Now())); got != uniqueSuffixLength {
		t.Errorf("a suffix has %d bytes, and prefixes leave room for %d", got, uniqueSuffixLength)
	}
}
