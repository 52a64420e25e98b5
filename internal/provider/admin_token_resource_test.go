package provider

import (
	"fmt"
	"net/http"
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

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3"
	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3test"
)

const address = "influxdb3_admin_token.operator"

// unprotected lets the test framework destroy what a test made.
const unprotected = "deletion_protection = false"

func stateValue(name string, check knownvalue.Check) statecheck.StateCheck {
	return statecheck.ExpectKnownValue(address, tfjsonpath.New(name), check)
}

func text(s string) knownvalue.Check { return knownvalue.StringExact(s) }

// tokenWorks checks that the token in state is the operator token the server
// takes, and that hash belongs to it.
func tokenWorks(t *testing.T, s *influxdb3test.Server) resource.TestCheckFunc {
	t.Helper()
	return resource.TestCheckResourceAttrWith(address, "token", func(token string) error {
		if !s.Accepts(t, token) {
			return fmt.Errorf("the server refuses the token in state, hash %s", influxdb3.NewSecret(token).Hash())
		}
		return nil
	})
}

func stateToken(t *testing.T, into *string) resource.TestCheckFunc {
	t.Helper()
	return resource.TestCheckResourceAttrWith(address, "token", func(token string) error {
		*into = token
		return nil
	})
}

// rotatesInPlace expects the plan to change the operator token without replacing it,
// with exactly the rotating attributes unknown.
func rotatesInPlace() resource.ConfigPlanChecks {
	checks := []plancheck.PlanCheck{plancheck.ExpectResourceAction(address, plancheck.ResourceActionUpdate)}
	for _, name := range rotating {
		checks = append(checks, plancheck.ExpectUnknownValue(address, tfjsonpath.New(name)))
	}
	for _, name := range []string{"id", "name", "created_at", "cluster_uuid"} {
		checks = append(checks, plancheck.ExpectKnownValue(address, tfjsonpath.New(name), anyKnown{}))
	}
	return resource.ConfigPlanChecks{PreApply: checks}
}

// anyKnown accepts every value that is in the plan, null included.
type anyKnown struct{}

func (anyKnown) CheckValue(any) error { return nil }
func (anyKnown) String() string       { return "known" }

// keepsToken expects an update that leaves every computed attribute known.
func keepsToken() resource.ConfigPlanChecks {
	checks := []plancheck.PlanCheck{plancheck.ExpectResourceAction(address, plancheck.ResourceActionUpdate)}
	for _, name := range rotating {
		checks = append(checks, plancheck.ExpectKnownValue(address, tfjsonpath.New(name), anyKnown{}))
	}
	return resource.ConfigPlanChecks{PreApply: checks}
}

func nothingToDo() resource.ConfigPlanChecks {
	return resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()}}
}

func TestAccAdminToken_bootstrap(t *testing.T) {
	t.Parallel()
	for _, version := range []string{"", "3.4"} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			var options []influxdb3test.Option
			if version != "" {
				options = append(options, influxdb3test.As(version))
			}
			s := influxdb3test.New(t, options...)
			uuid := knownvalue.Check(knownvalue.Null())
			if id := s.ClusterUUID(t); id != "" {
				uuid = text(id)
			}
			resource.Test(t, resource.TestCase{
				ProtoV6ProviderFactories: factories(&testClock{}),
				Steps: []resource.TestStep{
					{
						Config: block(s) + operator(unprotected),
						ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
							plancheck.ExpectResourceAction(address, plancheck.ResourceActionCreate),
							plancheck.ExpectSensitiveValue(address, tfjsonpath.New("token")),
						}},
						ConfigStateChecks: []statecheck.StateCheck{
							stateValue("id", text("_admin")),
							stateValue("name", text("_admin")),
							stateValue("token", knownvalue.StringRegexp(regexp.MustCompile(`^apiv3_[A-Za-z0-9_-]{86}$`))),
							stateValue("hash", knownvalue.StringRegexp(regexp.MustCompile(`^[0-9a-f]{9}$`))),
							stateValue("status", text("active")),
							stateValue("existing_token", text("adopt")),
							stateValue("created_at", knownvalue.StringRegexp(regexp.MustCompile(`^20\d\d-.*Z$`))),
							stateValue("rotated_at", knownvalue.StringRegexp(regexp.MustCompile(`^20\d\d-.*Z$`))),
							stateValue("rotation_due_at", knownvalue.Null()),
							stateValue("expires_at", knownvalue.Null()),
							stateValue("cluster_uuid", uuid),
							statecheck.ExpectSensitiveValue(address, tfjsonpath.New("token")),
						},
						Check: tokenWorks(t, s),
					},
					{Config: block(s) + operator(unprotected), ConfigPlanChecks: nothingToDo()},
				},
			})
			if n := count(s, http.MethodPost, createPath); n != 1 {
				t.Errorf("%d requests to create the operator token, want 1", n)
			}
			if n := count(s, http.MethodPost, regeneratePath); n != 0 {
				t.Errorf("%d regenerations, want none", n)
			}
		})
	}
}

func TestAccAdminToken_rotatesOnTriggers(t *testing.T) {
	t.Parallel()
	s := influxdb3test.New(t)
	hash := statecheck.CompareValue(compare.ValuesDiffer())
	steps := []struct {
		triggers string
		rotates  bool
		changes  bool
	}{
		{triggers: "", changes: true},
		{triggers: `rotation_triggers = {}`, changes: true}, // null and empty are the same
		{triggers: `rotation_triggers = { a = "1" }`, changes: true, rotates: true},
		{triggers: `rotation_triggers = { a = "1" }`},
		{triggers: `rotation_triggers = { a = "2" }`, changes: true, rotates: true},
		{triggers: `rotation_triggers = { a = "2", b = "1" }`, changes: true, rotates: true},
		{triggers: `rotation_triggers = { b = "1" }`, changes: true, rotates: true},
		{triggers: `rotation_triggers = { c = "1" }`, changes: true, rotates: true},
		{triggers: "", changes: true, rotates: true},
		{triggers: `rotation_triggers = {}`, changes: true},
		{triggers: "", changes: true},
	}
	var testSteps []resource.TestStep
	regenerations := 0
	for i, step := range steps {
		config := block(s) + operator(unprotected, step.triggers)
		ts := resource.TestStep{Config: config, Check: tokenWorks(t, s)}
		switch {
		case i == 0:
			ts.ConfigStateChecks = []statecheck.StateCheck{hash.AddStateValue(address, tfjsonpath.New("hash"))}
		case step.rotates:
			regenerations++
			ts.ConfigPlanChecks = rotatesInPlace()
			ts.ConfigStateChecks = []statecheck.StateCheck{hash.AddStateValue(address, tfjsonpath.New("hash"))}
		case step.changes:
			ts.ConfigPlanChecks = keepsToken()
		default:
			ts.ConfigPlanChecks = nothingToDo()
		}
		want := regenerations
		works := ts.Check
		ts.Check = resource.ComposeTestCheckFunc(works, func(*terraform.State) error {
			if n := count(s, http.MethodPost, regeneratePath); n != want {
				return fmt.Errorf("after step %d: %d regenerations, want %d", i+1, n, want)
			}
			return nil
		})
		testSteps = append(testSteps, ts)
	}
	resource.Test(t, resource.TestCase{ProtoV6ProviderFactories: factories(&testClock{}), Steps: testSteps})
}

func TestAccAdminToken_rotateAfter(t *testing.T) {
	t.Parallel()
	clock := &testClock{}
	s := influxdb3test.New(t, influxdb3test.Clock(clock.Now))
	config := func(after string) string {
		return block(s) + operator(unprotected, fmt.Sprintf("rotate_after = %q", after))
	}
	var first, second string
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: factories(clock),
		Steps: []resource.TestStep{
			{
				Config:            config("24h"),
				Check:             stateToken(t, &first),
				ConfigStateChecks: []statecheck.StateCheck{stateValue("status", text("active")), stateValue("rotation_due_at", knownvalue.NotNull())},
			},
			{ // not due
				PreConfig:        func() { clock.advance(23 * time.Hour) },
				Config:           config("24h"),
				ConfigPlanChecks: nothingToDo(),
			},
			{ // due, but the limit is moved out in the same apply
				PreConfig:         func() { clock.advance(2 * time.Hour) },
				Config:            config("48h"),
				ConfigPlanChecks:  resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectKnownValue(address, tfjsonpath.New("token"), anyKnown{})}},
				ConfigStateChecks: []statecheck.StateCheck{stateValue("status", text("active"))},
				Check: resource.TestCheckResourceAttrWith(address, "token", func(token string) error {
					return same(first, token)
				}),
			},
			{ // shortened: rotates nothing by itself, but is due from then on
				Config:             config("1h"),
				ConfigPlanChecks:   resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectKnownValue(address, tfjsonpath.New("token"), anyKnown{})}},
				ConfigStateChecks:  []statecheck.StateCheck{stateValue("status", text("rotation_due"))},
				ExpectNonEmptyPlan: true,
			},
			{ // due
				Config:           config("1h"),
				ConfigPlanChecks: rotatesInPlace(),
				Check:            resource.ComposeTestCheckFunc(tokenWorks(t, s), stateToken(t, &second)),
			},
			{ // no limit any more
				Config:            block(s) + operator(unprotected),
				ConfigStateChecks: []statecheck.StateCheck{stateValue("status", text("active")), stateValue("rotation_due_at", knownvalue.Null())},
				Check:             resource.TestCheckResourceAttrWith(address, "token", func(token string) error { return same(second, token) }),
			},
		},
	})
	if first == second {
		t.Error("the token was not regenerated")
	}
	if n := count(s, http.MethodPost, regeneratePath); n != 1 {
		t.Errorf("%d regenerations, want 1", n)
	}
}

func same(want, got string) error {
	if want != got {
		return fmt.Errorf("the token changed, from hash %s to %s", influxdb3.NewSecret(want).Hash(), influxdb3.NewSecret(got).Hash())
	}
	return nil
}

// A trigger that is unknown at plan leaves the decision to the apply.
func TestAccAdminToken_unknownTrigger(t *testing.T) {
	t.Parallel()
	s := influxdb3test.New(t)
	config := func(input, replace string) string {
		return block(s) + fmt.Sprintf("resource \"terraform_data\" \"trigger\" {\n  input = %q\n  triggers_replace = %q\n}\n", input, replace) +
			operator(unprotected, `rotation_triggers = { t = terraform_data.trigger.output }`)
	}
	var first, second string
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: factories(&testClock{}),
		Steps: []resource.TestStep{
			{Config: config("a", "1"), Check: stateToken(t, &first)},
			{ // unknown, the same value in the end
				PreConfig: s.ResetRequests,
				Config:    config("a", "2"),
				ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
					plancheck.ExpectResourceAction(address, plancheck.ResourceActionUpdate),
					plancheck.ExpectUnknownValue(address, tfjsonpath.New("token")),
				}},
				Check: resource.ComposeTestCheckFunc(
					resource.TestCheckResourceAttrWith(address, "token", func(token string) error { return same(first, token) }),
					func(*terraform.State) error {
						if n := count(s, http.MethodPost, regeneratePath); n != 0 {
							return fmt.Errorf("%d regenerations, want none", n)
						}
						return nil
					}),
			},
			{ // unknown, another value in the end
				Config:           config("b", "3"),
				ConfigPlanChecks: rotatesInPlace(),
				Check:            resource.ComposeTestCheckFunc(tokenWorks(t, s), stateToken(t, &second)),
			},
		},
	})
	if first == second {
		t.Error("the token was not regenerated")
	}
}

func TestAccAdminToken_adoptsProviderToken(t *testing.T) {
	t.Parallel()
	s := influxdb3test.New(t)
	token := s.Bootstrap(t)
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: factories(&testClock{}),
		Steps: []resource.TestStep{
			{
				Config: block(s, fmt.Sprintf("token = %q", token)) + operator(unprotected, `rotation_triggers = { a = "1" }`),
				Check:  resource.TestCheckResourceAttr(address, "token", token),
				ConfigStateChecks: []statecheck.StateCheck{
					stateValue("status", text("active")), stateValue("created_at", knownvalue.NotNull()), stateValue("rotated_at", knownvalue.NotNull()),
				},
			},
			{ // its own token rotates it afterwards, whatever becomes of the provider's
				Config:           block(s, fmt.Sprintf("token = %q", token)) + operator(unprotected, `rotation_triggers = { a = "2" }`),
				PreConfig:        func() { expectNoRegeneration(t, s) },
				ConfigPlanChecks: rotatesInPlace(),
				Check:            tokenWorks(t, s),
			},
			{ // the provider's token is stale now
				Config:           block(s, fmt.Sprintf("token = %q", token)) + operator(unprotected, `rotation_triggers = { a = "2" }`),
				ConfigPlanChecks: nothingToDo(),
			},
			{
				Config:           block(s, fmt.Sprintf("token = %q", token)) + operator(unprotected, `rotation_triggers = { a = "3" }`),
				ConfigPlanChecks: rotatesInPlace(),
				Check:            tokenWorks(t, s),
			},
		},
	})
	if n := count(s, http.MethodPost, regeneratePath); n != 2 {
		t.Errorf("%d regenerations, want 2", n)
	}
}

// expectNoRegeneration also asserts that nothing else changed the server: a
// request to create answers 409 and changes nothing, and /ping only asks.
func expectNoRegeneration(t *testing.T, s *influxdb3test.Server) {
	t.Helper()
	for _, r := range s.Requests() {
		if r.Path != queryPath && r.Path != "/ping" && (r.Path != createPath || r.Status != http.StatusConflict) {
			t.Errorf("%s %s answered %d", r.Method, r.Path, r.Status)
		}
	}
}

func TestAccAdminToken_existingTokenRefused(t *testing.T) {
	t.Parallel()
	s := influxdb3test.New(t, influxdb3test.WithRecovery())
	token := s.Bootstrap(t)
	named := s.CreateNamedAdmin(t, token, "automation", 0)
	recovery := fmt.Sprintf("recovery_url = %q", s.RecoveryURL())
	tests := map[string]struct {
		provider []string
		resource []string
		want     string
	}{
		"no credential":              {nil, nil, `the\s+provider\s+has\s+no\s+token(.|\n)*give\s+it\s+to\s+the\s+provider(.|\n)*existing_token\s+=\s+"regenerate"`},
		"no credential, recovery":    {[]string{recovery}, nil, `the\s+provider\s+has\s+no\s+token`},
		"no credential, regenerate":  {nil, []string{`existing_token = "regenerate"`}, `the\s+provider\s+has\s+no\s+token(.|\n)*--admin-token-recovery-http-bind`},
		"dead credential":            {[]string{fmt.Sprintf("token = %q", secretToken)}, nil, `401`},
		"dead credential, consent":   {[]string{fmt.Sprintf("token = %q", secretToken)}, []string{`existing_token = "regenerate"`}, `401`},
		"named admin token":          {[]string{fmt.Sprintf("token = %q", named)}, nil, `it\s+is\s+not\s+the\s+operator\s+token(.|\n)*existing_token\s+=\s+"regenerate"`},
		"unknown existing_token":     {nil, []string{`existing_token = "steal"`}, `value must be one of: \["adopt" "regenerate"\]`},
		"rotate_after zero":          {nil, []string{`rotate_after = "0s"`}, `must be a duration above zero`},
		"rotate_after negative":      {nil, []string{`rotate_after = "-24h"`}, `must be a duration above zero`},
		"rotate_after not a time":    {nil, []string{`rotate_after = "quarterly"`}, `must be a duration of`},
		"rotation_triggers of lists": {nil, []string{`rotation_triggers = { a = ["b"] }`}, `string\s+required`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			resource.Test(t, resource.TestCase{
				ProtoV6ProviderFactories: factories(&testClock{}),
				Steps: []resource.TestStep{{
					Config:      block(s, tt.provider...) + operator(append(tt.resource, unprotected)...),
					ExpectError: regexp.MustCompile(tt.want),
				}},
			})
		})
	}
	t.Cleanup(func() {
		expectNoRegeneration(t, s)
		if !s.Accepts(t, token) {
			t.Error("the operator token was replaced")
		}
	})
}

func TestAccAdminToken_existingTokenRegenerated(t *testing.T) {
	t.Parallel()
	tests := map[string]func(t *testing.T, s *influxdb3test.Server, operator string) string{
		"with a named admin token": func(t *testing.T, s *influxdb3test.Server, operator string) string {
			t.Helper()
			return fmt.Sprintf("token = %q", s.CreateNamedAdmin(t, operator, "automation", 0))
		},
		"with the operator token": func(_ *testing.T, _ *influxdb3test.Server, operator string) string {
			return fmt.Sprintf("token = %q", operator)
		},
		"through the recovery listener": func(_ *testing.T, s *influxdb3test.Server, _ string) string {
			return fmt.Sprintf("recovery_url = %q", s.RecoveryURL())
		},
		"through it, with a dead token": func(_ *testing.T, s *influxdb3test.Server, _ string) string {
			return fmt.Sprintf("token = %q\n  recovery_url = %q", secretToken, s.RecoveryURL())
		},
	}
	for name, credential := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := influxdb3test.New(t, influxdb3test.WithRecovery())
			old := s.Bootstrap(t)
			config := block(s, credential(t, s, old)) + operator(unprotected, `existing_token = "regenerate"`)
			resource.Test(t, resource.TestCase{
				ProtoV6ProviderFactories: factories(&testClock{}),
				Steps: []resource.TestStep{
					{
						Config: config,
						Check: resource.ComposeTestCheckFunc(tokenWorks(t, s), func(*terraform.State) error {
							if s.Accepts(t, old) {
								return fmt.Errorf("the old token is still accepted")
							}
							return nil
						}),
					},
					{Config: config, ConfigPlanChecks: nothingToDo()},
				},
			})
			if n := count(s, http.MethodPost, regeneratePath); n != 1 {
				t.Errorf("%d regenerations, want 1", n)
			}
		})
	}
}

func TestAccAdminToken_import(t *testing.T) {
	t.Parallel()
	s := influxdb3test.New(t)
	token := s.Bootstrap(t)
	named := s.CreateNamedAdmin(t, token, "automation", 0)
	with := func(token string) string { return block(s, fmt.Sprintf("token = %q", token)) }
	triggers := func(v string) string { return fmt.Sprintf("rotation_triggers = { a = %q }", v) }
	importing := resource.TestStep{
		ResourceName: address, ImportState: true, ImportStateId: "_admin", ImportStatePersist: true,
	}
	foreign, wrongID, good := importing, importing, importing
	foreign.Config, foreign.ExpectError = with(named)+operator(unprotected), regexp.MustCompile(`it\s+is\s+not\s+the\s+operator\s+token`)
	wrongID.Config, wrongID.ImportStateId = with(token)+operator(unprotected), token
	wrongID.ExpectError = words(`Got "[redacted]"`)
	good.Config = with(token) + operator(unprotected, triggers("1"))
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: factories(&testClock{}),
		Steps: []resource.TestStep{
			foreign,
			wrongID,
			good,
			{ // the first plan records, the trigger among it
				Config:           with(token) + operator(unprotected, triggers("1")),
				ConfigPlanChecks: keepsToken(),
				Check:            resource.TestCheckResourceAttr(address, "token", token),
				ConfigStateChecks: []statecheck.StateCheck{
					stateValue("hash", text(influxdb3.NewSecret(token).Hash())), stateValue("status", text("active")),
				},
			},
			{Config: with(token) + operator(unprotected, triggers("1")), ConfigPlanChecks: nothingToDo()},
			{ // and the second acts upon it
				PreConfig:        func() { expectNoRegeneration(t, s) },
				Config:           with(token) + operator(unprotected, triggers("2")),
				ConfigPlanChecks: rotatesInPlace(),
				Check:            tokenWorks(t, s),
			},
			{
				Config: with(token) + operator(unprotected, triggers("2")), ResourceName: address, ImportState: true, ImportStateId: "_admin",
				ExpectError: regexp.MustCompile(`The\s+server\s+refused\s+the\s+provider's\s+token`), // it is stale now
			},
		},
	})
}

// An import of what is configured already leaves nothing to do.
func TestAccAdminToken_importVerifies(t *testing.T) {
	t.Parallel()
	s := influxdb3test.New(t)
	token := s.Bootstrap(t)
	config := block(s, fmt.Sprintf("token = %q", token))
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: factories(&testClock{}),
		Steps: []resource.TestStep{
			{Config: config + operator()},
			{ResourceName: address, ImportState: true, ImportStateId: "_admin", ImportStateVerify: true},
			{Config: config + operator(unprotected)}, // so that the test can clean up
		},
	})
}

func TestAccAdminToken_deletionProtection(t *testing.T) {
	t.Parallel()
	s := influxdb3test.New(t)
	protected := regexp.MustCompile(`Operator Token Is Protected From Deletion(.|\n)*moved\s+block`)
	renamed := strings.Replace(operator(), "operator", "renamed", 1)
	var token string
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: factories(&testClock{}),
		Steps: []resource.TestStep{
			{Config: block(s) + operator(), Check: stateToken(t, &token)},
			{Config: block(s) + operator(), Destroy: true, ExpectError: protected},
			{Config: block(s), ExpectError: protected},
			{Config: block(s) + renamed, ExpectError: protected},
			{Config: block(s) + operator("count = 1"), ConfigPlanChecks: nothingToDo()}, // Terraform moves this one by itself
			{Config: block(s) + operator(), ConfigPlanChecks: nothingToDo()},
			{Config: block(s) + operator(`for_each = toset(["a"])`), ExpectError: protected},
			{ // with moved nothing happens
				PreConfig: s.ResetRequests,
				Config:    block(s) + renamed + "moved {\n  from = influxdb3_admin_token.operator\n  to = influxdb3_admin_token.renamed\n}\n",
				ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
					plancheck.ExpectResourceAction("influxdb3_admin_token.renamed", plancheck.ResourceActionNoop),
				}},
				Check: resource.TestCheckResourceAttrWith("influxdb3_admin_token.renamed", "token", func(got string) error { return same(token, got) }),
			},
			{
				PreConfig: func() { expectNoRegeneration(t, s) },
				Config:    block(s) + strings.Replace(operator(unprotected), "operator", "renamed", 1),
				ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
					plancheck.ExpectKnownValue("influxdb3_admin_token.renamed", tfjsonpath.New("token"), anyKnown{}),
				}},
			},
			{Config: block(s)}, // now it may go
		},
	})
	if !s.Accepts(t, token) {
		t.Error("the token is refused after its resource was destroyed")
	}
}

// An unrelated change leaves every computed value known.
func TestAccAdminToken_unrelatedChange(t *testing.T) {
	t.Parallel()
	s := influxdb3test.New(t)
	var token string
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: factories(&testClock{}),
		Steps: []resource.TestStep{
			{Config: block(s) + operator(`rotate_after = "24h"`), Check: stateToken(t, &token)},
			{Config: block(s) + operator(`rotate_after = "24h"`, unprotected), ConfigPlanChecks: keepsToken()},
			{Config: block(s) + operator(`rotate_after = "1440m"`, unprotected), ConfigPlanChecks: resource.ConfigPlanChecks{
				PreApply: []plancheck.PlanCheck{plancheck.ExpectKnownValue(address, tfjsonpath.New("token"), anyKnown{})},
			}}, // the same duration, written otherwise
			{
				Config:           block(s) + operator(`rotate_after = "24h"`, `existing_token = "regenerate"`, unprotected),
				ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectKnownValue(address, tfjsonpath.New("token"), anyKnown{})}},
				Check:            resource.TestCheckResourceAttrWith(address, "token", func(got string) error { return same(token, got) }),
			},
		},
	})
	if n := count(s, http.MethodPost, regeneratePath); n != 0 {
		t.Errorf("%d regenerations, want none", n)
	}
}

// A replacement is a rotation with a detour: the old token makes the new one,
// and comes back into state when it cannot.
func TestAccAdminToken_replacement(t *testing.T) {
	t.Parallel()
	s := influxdb3test.New(t)
	var first, second, third string
	config := func(value string) string {
		return block(s, "max_retries = 0") + operator(unprotected, trigger(value))
	}
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: factories(&testClock{}),
		Steps: []resource.TestStep{
			{Config: config("1"), Check: stateToken(t, &first)},
			{ // a tainted resource asks for no new token
				Taint: []string{address}, Config: config("1"),
				Check: resource.ComposeTestCheckFunc(tokenWorks(t, s), stateToken(t, &second)),
			},
			{
				PreConfig: func() {
					s.Inject(influxdb3test.Fault{Path: regeneratePath, Kind: influxdb3test.Answer, Status: http.StatusServiceUnavailable})
				},
				Taint: []string{address}, Config: config("2"),
				ExpectError: regexp.MustCompile(`The\s+operator\s+token\s+was\s+not\s+regenerated`),
			},
			{ // it is tainted, so that this apply tries again, with the token kept
				PreConfig: func() {
					if !s.Accepts(t, second) {
						t.Error("the old token does not work any more")
					}
				},
				Config: config("2"),
				Check:  resource.ComposeTestCheckFunc(tokenWorks(t, s), stateToken(t, &third)),
			},
		},
	})
	if first != second || second == third {
		t.Error("a replacement regenerates where a trigger has changed, and only there")
	}
	if n := count(s, http.MethodPost, createPath); n != 1 {
		t.Errorf("%d requests to create the operator token, want 1: a replacement takes it back", n)
	}
}

func TestAccAdminToken_secondResource(t *testing.T) {
	t.Parallel()
	s := influxdb3test.New(t)
	second := strings.Replace(operator(unprotected), "operator", "second", 1)
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: factories(&testClock{}),
		Steps: []resource.TestStep{{
			Config:      block(s) + operator(unprotected) + second,
			ExpectError: regexp.MustCompile(`Second Resource for One Operator Token`),
		}},
	})
	if n := count(s, http.MethodPost, createPath); n != 1 {
		t.Errorf("%d requests to create the operator token, want 1", n)
	}
}

// A replacement beside a second resource keeps the token, whichever comes first.
func TestAccAdminToken_replacementAndSecondResource(t *testing.T) {
	t.Parallel()
	s := influxdb3test.New(t)
	second := strings.Replace(operator(unprotected), "operator", "second", 1)
	// What depends on the token is destroyed before it, so that the second resource
	// is mostly the first to be created.
	child := "resource \"terraform_data\" \"child\" {\n  count = 5\n  triggers_replace = influxdb3_admin_token.operator.hash\n}\n"
	var states []string
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: factories(&testClock{}),
		Steps: []resource.TestStep{
			{Config: block(s) + operator(unprotected) + child},
			{Taint: []string{address}, Config: block(s) + operator(unprotected) + child + second, ExpectError: regexp.MustCompile(`Second\s+Resource\s+for\s+One\s+Operator\s+Token|the\s+provider\s+has\s+no\s+token`)},
			{RefreshState: true, ExpectNonEmptyPlan: true, Check: func(state *terraform.State) error {
				for _, r := range state.RootModule().Resources {
					if r.Type == "influxdb3_admin_token" && s.Accepts(t, r.Primary.Attributes["token"]) {
						states = append(states, r.Primary.ID)
					}
				}
				return nil
			}},
		},
	})
	if len(states) != 1 {
		t.Errorf("%d resources have the working token, want 1", len(states))
	}
}

func TestAccAdminToken_serverWithoutAuth(t *testing.T) {
	t.Parallel()
	s := influxdb3test.New(t, influxdb3test.WithoutAuth())
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: factories(&testClock{}),
		Steps: []resource.TestStep{{
			Config:      block(s) + operator(unprotected),
			ExpectError: regexp.MustCompile(`The\s+server\s+runs\s+without\s+authentication`),
		}},
	})
}

func TestAccAdminToken_serverDown(t *testing.T) {
	t.Parallel()
	s := influxdb3test.New(t)
	config := func(trigger string) string {
		return block(s, "max_retries = 0") + operator(unprotected, fmt.Sprintf("rotation_triggers = { a = %q }", trigger))
	}
	refused := regexp.MustCompile(`connection refused`)
	var token string
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: factories(&testClock{}),
		Steps: []resource.TestStep{
			{PreConfig: s.Down, Config: config("1"), ExpectError: refused},
			{PreConfig: s.Up, Config: config("1"), Check: stateToken(t, &token)},
			{PreConfig: s.Down, Config: config("2"), ExpectError: refused},
			{PreConfig: s.Up, Config: config("1"), ConfigPlanChecks: nothingToDo(), Check: resource.TestCheckResourceAttrWith(address, "token", func(got string) error {
				return same(token, got)
			})},
			{Config: config("2"), ConfigPlanChecks: rotatesInPlace(), Check: tokenWorks(t, s)},
		},
	})
}
