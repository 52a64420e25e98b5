package provider

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tftypes"
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
	s := influxdb3test.New(t)
	uuid := knownvalue.Check(knownvalue.Null())
	if id := s.ClusterUUID(t); id != "" {
		uuid = text(id)
	}
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: factories(&testClock{}),
		Steps: []resource.TestStep{{
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
		}},
	})
	if n := count(s, http.MethodPost, createPath); n != 1 {
		t.Errorf("%d requests to create the operator token, want 1", n)
	}
	if n := count(s, http.MethodPost, regeneratePath); n != 0 {
		t.Errorf("%d regenerations, want none", n)
	}
}

// A change of the triggers regenerates the token, whatever it is.
func TestAccProtocol_triggers(t *testing.T) {
	t.Parallel()
	r := newRun(t, influxdb3test.New(t))
	regenerations := 0
	for i, step := range []struct {
		triggers map[string]string
		does     action
		rotates  bool
	}{
		{nil, createAction, false},
		{map[string]string{}, updateAction, false}, // null and empty are the same
		{map[string]string{"a": "1"}, updateAction, true},
		{map[string]string{"a": "1"}, noAction, false},
		{map[string]string{"a": "2"}, updateAction, true},
		{map[string]string{"a": "2", "b": "1"}, updateAction, true},
		{map[string]string{"b": "1"}, updateAction, true},
		{map[string]string{"c": "1"}, updateAction, true},
		{nil, updateAction, true},
		{map[string]string{}, updateAction, false},
		{nil, updateAction, false},
	} {
		var elements any // null
		if step.triggers != nil {
			all := map[string]tftypes.Value{}
			for name, value := range step.triggers {
				all[name] = str(value)
			}
			elements = all
		}
		root := r.root()
		lines := root.blocks[addressA].known
		lines["rotation_triggers"] = tftypes.NewValue(tftypes.Map{ElementType: tftypes.String}, elements)
		root.blocks[addressA] = resourceBlock{planned: lines, known: lines}
		before, made, does := r.current(addressA, "token"), r.planned(root, planOptions{}), noAction
		if len(made.changes) > 0 {
			does = made.changes[0].action
		}
		if does != step.does || made.rotates() != step.rotates {
			t.Errorf("step %d is to %s, want %s; rotates: %t", i+1, does, step.does, made.rotates())
		}
		r.apply(made, false, false, ending{})
		if step.rotates {
			regenerations++
		}
		if n := count(r.server, http.MethodPost, regeneratePath); r.failed || n != regenerations {
			t.Errorf("after step %d: %d regenerations, want %d: %v", i+1, n, regenerations, r.journal)
		}
		if token := r.secret(); !r.server.Accepts(t, token) || step.does != createAction && (token != before) != step.rotates {
			t.Errorf("after step %d the token in state is refused, or not the one it should be", i+1)
		}
	}
}

// The token is regenerated by its age, and an unrelated change leaves every computed value
// known.
func TestAccAdminToken_rotateAfter(t *testing.T) {
	t.Parallel()
	clock := &testClock{}
	s := influxdb3test.New(t, influxdb3test.Clock(clock.Now))
	var token string
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: factories(clock),
		Steps: []resource.TestStep{
			{
				Config:            block(s) + operator(`rotate_after = "24h"`),
				Check:             stateToken(t, &token),
				ConfigStateChecks: []statecheck.StateCheck{stateValue("status", text("active")), stateValue("rotation_due_at", knownvalue.NotNull())},
			},
			{ // not due; the same duration, written otherwise
				PreConfig:        func() { clock.advance(23 * time.Hour) },
				Config:           block(s) + operator(`rotate_after = "1440m"`, `existing_token = "regenerate"`, unprotected),
				ConfigPlanChecks: keepsToken(),
				Check:            resource.TestCheckResourceAttrWith(address, "token", func(got string) error { return same(token, got) }),
			},
			{ // due
				PreConfig:        func() { clock.advance(2 * time.Hour) },
				Config:           block(s) + operator(`rotate_after = "1440m"`, unprotected),
				ConfigPlanChecks: rotatesInPlace(),
				Check:            tokenWorks(t, s),
			},
		},
	})
	if n := count(s, http.MethodPost, regeneratePath); n != 1 {
		t.Errorf("%d regenerations, want 1", n)
	}
}

// A limit that changes regenerates nothing by itself, and counts from then on.
func TestProtocol_rotateAfter(t *testing.T) {
	t.Parallel()
	r := newFormRun(t, forms[0])
	r.lines.rotateAfter = "24h"
	first := r.must("")
	keeps := func(limit, status string) {
		t.Helper()
		r.lines.rotateAfter = limit
		if r.planned(r.root(), planOptions{}).rotates() || !r.run() || r.secret() != first || r.current(addressA, "status") != status {
			t.Errorf("with %q the token is regenerated, or its status is %s: %v", limit, r.current(addressA, "status"), r.journal)
		}
	}
	if r.current(addressA, "rotation_due_at") == "" {
		t.Error("it is never due")
	}
	r.lines.rotateAfter = "1440m" // the same, written otherwise
	r.clock.pass(23 * time.Hour)
	r.empty()
	r.clock.pass(2 * time.Hour)
	keeps("48h", "active") // due, but the limit is moved out in the same apply
	keeps("1h", "rotation_due")
	if !r.planned(r.root(), planOptions{}).rotates() {
		t.Error("it is not due from then on")
	}
	first = r.must(first)
	r.empty()
	keeps("", "active")
	if due := r.current(addressA, "rotation_due_at"); due != "" {
		t.Errorf("due at %s without a limit", due)
	}
	if n := count(r.server, http.MethodPost, regeneratePath); n != 1 {
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

// The provider's token is taken as it is, an import of what is there leaves nothing to do,
// and it is the token in state that rotates itself: the provider's is stale then.
func TestAccAdminToken_adoptsProviderToken(t *testing.T) {
	t.Parallel()
	s := influxdb3test.New(t)
	token := s.Bootstrap(t)
	provider := block(s, withToken(token))
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: factories(&testClock{}),
		Steps: []resource.TestStep{
			{
				Config: provider + operator(),
				Check:  resource.TestCheckResourceAttr(address, "token", token),
				ConfigStateChecks: []statecheck.StateCheck{
					stateValue("status", text("active")), stateValue("created_at", knownvalue.NotNull()), stateValue("rotated_at", knownvalue.NotNull()),
					stateValue("fallback_status", text("same")),
				},
			},
			{ResourceName: address, ImportState: true, ImportStateId: "_admin", ImportStateVerify: true},
			{Config: provider + operator(unprotected, `rotation_triggers = {}`), ConfigPlanChecks: keepsToken()},
			{
				PreConfig:        func() { expectNoRegeneration(t, s) },
				Config:           provider + operator(unprotected, trigger("1")),
				ConfigPlanChecks: rotatesInPlace(),
				Check:            tokenWorks(t, s),
			},
		},
	})
}

// A stale token of the provider's does not matter to the next rotation either.
func TestAccProtocol_staleProviderToken(t *testing.T) {
	t.Parallel()
	r := newRun(t, influxdb3test.New(t))
	r.token = r.server.Bootstrap(t)
	if r.must("") != r.token {
		t.Error("another token is in state")
	}
	expectNoRegeneration(t, r.server)
	for want := range 2 {
		r.rotated()
		r.empty()
		if n := count(r.server, http.MethodPost, regeneratePath); n != want+1 {
			t.Errorf("%d regenerations, want %d", n, want+1)
		}
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

// The plan of a creation says what the apply would: without consent a token that exists is
// not regenerated. A value that cannot be is refused with its line.
func TestAccAdminToken_existingToken(t *testing.T) {
	t.Parallel()
	s := influxdb3test.New(t)
	admin := s.CreateNamedAdmin(t, s.Bootstrap(t), "automation", 0)
	provider := block(s, withToken(admin))
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: factories(&testClock{}),
		Steps: []resource.TestStep{
			{Config: provider + operator(`existing_token = "steal"`), PlanOnly: true, ExpectError: regexp.MustCompile(`existing_token = "steal"(.|\n)*value must be one of: \["adopt" "regenerate"\]`)},
			{Config: provider + operator(`rotation_triggers = { a = ["b"] }`), PlanOnly: true, ExpectError: words("string required")},
			{Config: provider + operator(unprotected), PlanOnly: true, ExpectError: words("it is not the operator token")},
			{
				Config: provider + operator(unprotected, `existing_token = "regenerate"`),
				ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
					plancheck.ExpectResourceAction(address, plancheck.ResourceActionCreate), meanwhile(func() { expectNoRegeneration(t, s) }),
				}},
				Check: tokenWorks(t, s),
			},
		},
	})
}

func TestAccProtocol_existingTokenRefused(t *testing.T) {
	t.Parallel()
	s := influxdb3test.New(t, influxdb3test.WithRecovery())
	token := s.Bootstrap(t)
	named := s.CreateNamedAdmin(t, token, "automation", 0)
	consent := operatorLines{consent: true}
	const zero, none, consenting = "must be a duration above zero", "the provider has no token", `existing_token = "regenerate"`
	for name, tt := range map[string]struct {
		token    string
		listener bool
		lines    operatorLines
		want     []string
	}{
		"no credential":             {"", false, operatorLines{}, []string{none, "give it to the provider", consenting}},
		"no credential, recovery":   {"", true, operatorLines{}, []string{none}},
		"no credential, regenerate": {"", false, consent, []string{none, "--admin-token-recovery-http-bind"}},
		"dead credential":           {secretToken, false, operatorLines{}, []string{"401"}},
		"dead credential, consent":  {secretToken, false, consent, []string{"401"}},
		"named admin token":         {named, false, operatorLines{}, []string{"it is not the operator token", consenting}},
		"rotate_after zero":         {token, false, operatorLines{rotateAfter: "0s"}, []string{zero}},
		"rotate_after negative":     {token, false, operatorLines{rotateAfter: "-24h"}, []string{zero}},
		"rotate_after not a time":   {token, false, operatorLines{rotateAfter: "quarterly"}, []string{"must be a duration of"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRun(t, s)
			r.token, r.form.listener, r.lines = tt.token, tt.listener, tt.lines
			for _, text := range tt.want {
				r.refused(text)
			}
		})
	}
	t.Cleanup(func() {
		expectNoRegeneration(t, s)
		if !s.Accepts(t, token) {
			t.Error("the operator token was replaced")
		}
	})
}

// With consent it is regenerated, by whatever there is.
func TestAccProtocol_existingTokenRegenerated(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ named, operator, dead, listener bool }{
		"with a named admin token":      {named: true},
		"with the operator token":       {operator: true},
		"through the recovery listener": {listener: true},
		"through it, with a dead token": {dead: true, listener: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRun(t, influxdb3test.New(t, influxdb3test.WithRecovery()))
			old := r.server.Bootstrap(t)
			switch {
			case tt.named:
				r.token = r.server.CreateNamedAdmin(t, old, "automation", 0)
			case tt.operator:
				r.token = old
			case tt.dead:
				r.token = secretToken
			}
			r.form.listener, r.lines.consent = tt.listener, true
			r.must(old)
			if r.server.Accepts(t, old) {
				t.Error("the old token is still accepted")
			}
			r.empty()
			if n := count(r.server, http.MethodPost, regeneratePath); n != 1 {
				t.Errorf("%d regenerations, want 1", n)
			}
		})
	}
}

func TestAccAdminToken_import(t *testing.T) {
	t.Parallel()
	s := influxdb3test.New(t)
	token := s.Bootstrap(t)
	provider := block(s, withToken(token))
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: factories(&testClock{}),
		Steps: []resource.TestStep{
			{
				Config:       provider + operator(unprotected, trigger("1")),
				ResourceName: address, ImportState: true, ImportStateId: "_admin", ImportStatePersist: true,
			},
			{ // the first plan records, the trigger among it
				Config:           provider + operator(unprotected, trigger("1")),
				ConfigPlanChecks: keepsToken(),
				Check:            resource.TestCheckResourceAttr(address, "token", token),
				ConfigStateChecks: []statecheck.StateCheck{
					stateValue("hash", text(influxdb3.NewSecret(token).Hash())), stateValue("status", text("active")),
				},
			},
			{ // and the second acts upon it
				PreConfig:        func() { expectNoRegeneration(t, s) },
				Config:           provider + operator(unprotected, trigger("2")),
				ConfigPlanChecks: rotatesInPlace(),
				Check:            tokenWorks(t, s),
			},
		},
	})
}

// Only the operator token is imported, by its name.
func TestAccProtocol_importRefused(t *testing.T) {
	t.Parallel()
	s, c := influxdb3test.New(t), newCore(t)
	token := s.Bootstrap(t)
	named := s.CreateNamedAdmin(t, token, "automation", 0)
	for want, tt := range map[string]struct{ token, id string }{
		"it is not the operator token":              {named, influxdb3.OperatorTokenName},
		`Got "[redacted]"`:                          {token, token},
		"The server refused the provider's token: ": {"apiv3_dead", influxdb3.OperatorTokenName},
	} {
		c.begin()
		if c.importObject(c.start(rootOf(s, tt.token, nil).provider, patienceAlone), addressA, tt.id) != nil || !c.said(want) {
			t.Errorf("imported, or no %q: %v", want, c.journal)
		}
	}
	expectNoRegeneration(t, s)
}

func TestAccAdminToken_deletionProtection(t *testing.T) {
	t.Parallel()
	s := influxdb3test.New(t)
	renamed := func(lines ...string) string { return strings.Replace(operator(lines...), "operator", "renamed", 1) }
	var token string
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: factories(&testClock{}),
		Steps: []resource.TestStep{
			{Config: block(s) + operator(), Check: stateToken(t, &token)},
			{Config: block(s) + renamed(), ExpectError: regexp.MustCompile(`Operator Token Is Protected From Deletion(.|\n)*moved\s+block`)},
			{Config: block(s) + operator("count = 1"), ConfigPlanChecks: nothingToDo()}, // Terraform moves this one by itself
			{ // with moved nothing happens
				PreConfig: s.ResetRequests,
				Config:    block(s) + renamed() + "moved {\n  from = influxdb3_admin_token.operator[0]\n  to = influxdb3_admin_token.renamed\n}\n",
				ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
					plancheck.ExpectResourceAction("influxdb3_admin_token.renamed", plancheck.ResourceActionNoop),
				}},
				Check: resource.TestCheckResourceAttrWith("influxdb3_admin_token.renamed", "token", func(got string) error { return same(token, got) }),
			},
			{ // now it may go
				PreConfig: func() { expectNoRegeneration(t, s) },
				Config:    block(s) + renamed(unprotected),
				ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
					plancheck.ExpectKnownValue("influxdb3_admin_token.renamed", tfjsonpath.New("token"), anyKnown{}),
				}},
			},
		},
	})
	if !s.Accepts(t, token) {
		t.Error("the token is refused after its resource was destroyed")
	}
}

// A replacement is a rotation with a detour: the old token makes the new one.
func TestAccAdminToken_replacement(t *testing.T) {
	t.Parallel()
	s := influxdb3test.New(t)
	var first, second string
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: factories(&testClock{}),
		Steps: []resource.TestStep{
			{Config: block(s) + operator(unprotected, trigger("1")), Check: stateToken(t, &first)},
			{
				Taint: []string{address}, Config: block(s) + operator(unprotected, trigger("2")),
				Check: resource.ComposeTestCheckFunc(tokenWorks(t, s), stateToken(t, &second)),
			},
		},
	})
	if first == second {
		t.Error("a trigger has changed, and the token has not")
	}
	if n := count(s, http.MethodPost, createPath); n != 1 {
		t.Errorf("%d requests to create the operator token, want 1: a replacement takes it back", n)
	}
}

// It regenerates where a trigger has changed, and only there. The old token comes back into
// state when it cannot, and the next apply tries again with it.
func TestAccProtocol_tainted(t *testing.T) {
	t.Parallel()
	r := newRun(t, influxdb3test.New(t))
	r.lines.unprotected = true
	first := r.must("")
	r.state[addressA].current.tainted = true
	if r.must("") != first || r.state[addressA].current.tainted {
		t.Error("a tainted resource asks for no new token")
	}
	r.state[addressA].current.tainted = true
	r.lines.trigger++
	r.server.Inject(influxdb3test.Fault{Path: regeneratePath, Kind: influxdb3test.Answer, Status: http.StatusServiceUnavailable})
	r.refused("The operator token was not regenerated")
	if !r.state[addressA].current.tainted || !r.server.Accepts(t, first) {
		t.Error("it is not tainted any more, or the old token does not work")
	}
	r.must(first)
	if n := count(r.server, http.MethodPost, createPath); n != 1 {
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
func TestAccProtocol_replacementAndSecondResource(t *testing.T) {
	t.Parallel()
	for name, order := range map[string]struct{ backward, together bool }{"first": {}, "last": {backward: true}, "at once": {together: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, c := influxdb3test.New(t), newCore(t)
			lines := operatorLines{unprotected: true}.block()
			c.applied(rootOf(s, "", blocks{addressA: lines}), planOptions{})
			token := c.current(addressA, "token")
			made := c.planned(rootOf(s, "", blocks{addressA: lines, addressB: lines}), planOptions{replace: map[string]bool{addressA: true}})
			c.apply(made, order.backward, order.together, ending{})
			if !c.failed || !s.Accepts(t, token) || (c.current(addressA, "token") == token) == (c.current(addressB, "token") == token) {
				t.Errorf("the working token is not in state once: %v", c.journal)
			}
		})
	}
}

func TestAccProtocol_serverWithoutAuth(t *testing.T) {
	t.Parallel()
	newRun(t, influxdb3test.New(t, influxdb3test.WithoutAuth())).refused("The server runs without authentication")
}
