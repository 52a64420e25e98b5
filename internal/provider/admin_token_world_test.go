package provider

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3test"
)

// An operator token out of a token file expires, and nothing mends it. It is never a
// success, it uses nothing up, and everything under a named admin token goes on.
func TestProtocol_expires(t *testing.T) {
	t.Parallel()
	c := newCore(t)
	const file = "apiv3_a-token-out-of-a-file"
	s := influxdb3test.New(t, influxdb3test.Clock(c.clock.Now), influxdb3test.WithRecovery(),
		influxdb3test.WithTokenFileExpiring("_admin", file, c.clock.Now().Add(time.Hour)))
	admin := s.CreateNamedAdmin(t, file, "automation", 0)
	aging := operatorLines{trigger: 1, rotateAfter: "30m"}
	root := func(token, name string, lines operatorLines) rootModule {
		all := blocks{addressA: lines.block()}
		if name != "" {
			all[addressNamed] = namedBlock(name)
		}
		root := rootOf(s, token, all)
		root.provider["recovery_url"] = str(s.RecoveryURL())
		return root
	}
	issued := func(name string) {
		t.Helper()
		if c.current(addressNamed, "name") != name || !s.Accepts(t, c.current(addressNamed, "token")) {
			t.Errorf("%s was not made: %v", name, c.journal)
		}
	}
	c.applied(root(file, "", aging), planOptions{})
	if c.current(addressA, "status") != "active" || c.current(addressA, "expires_at") == "" {
		t.Errorf("status %s, expires %s", c.current(addressA, "status"), c.current(addressA, "expires_at"))
	}
	c.clock.pass(2 * time.Hour)
	s.ResetRequests()
	consenting, rotating := aging, aging
	consenting.consent, rotating.trigger = true, 2
	c.applied(root(admin, "one", consenting), planOptions{})
	issued("one")
	if c.current(addressA, "status") != "expired" {
		t.Errorf("status %s", c.current(addressA, "status"))
	}
	if c.apply(c.planned(root(admin, "two", rotating), planOptions{}), false, false, ending{}); !c.failed || !c.said("operator token has expired") {
		t.Errorf("failed: %t, %v", c.failed, c.journal)
	}
	issued("two") // the other token was made all the same
	if made := c.planned(root(admin, "two", consenting), planOptions{}); len(made.changes) != 0 {
		t.Errorf("the plan is not empty: %+v", made.changes)
	}
	if n := count(s, http.MethodPost, regeneratePath); n != 0 {
		t.Errorf("%d regenerations of a token that cannot be mended", n)
	}
}

// The age of a dead token is no reason to kill the one that somebody else made.
func TestProtocol_deadAndTooOld(t *testing.T) {
	t.Parallel()
	r := newFormRun(t, forms[0])
	r.form.listener, r.lines.rotateAfter = true, "24h"
	old := r.must("")
	theirs := r.server.Regenerate(t, old)
	r.clock.pass(25 * time.Hour)
	r.refused("Operator Token Was Regenerated Elsewhere")
	if !r.server.Accepts(t, theirs) {
		t.Error("somebody else's token was killed because ours was too old")
	}
	r.rotated() // a trigger asks for it
}

// What the provider has besides the token is known when it is made, and after each refresh.
func TestAccProtocol_fallbackStatus(t *testing.T) {
	t.Parallel()
	r := newRun(t, influxdb3test.New(t, influxdb3test.WithRecovery()))
	r.token = r.server.Bootstrap(t)
	r.must("")
	if got := r.current(addressA, "fallback_status"); got != "same" {
		t.Errorf("got %s when it is made", got)
	}
	const dead = "apiv3_dead"
	for want, token := range map[string]string{
		"none":              "",
		"same":              r.token,
		"active":            r.server.CreateNamedAdmin(t, r.token, "automation", 0),
		"expiring":          r.server.CreateNamedAdmin(t, r.token, "soon", 3600),
		"refused":           dead,
		"recovery_listener": dead,
	} {
		r.token, r.form.listener = token, want == "recovery_listener"
		r.empty()
		if got := r.refreshed("fallback_status"); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// What a gateway refuses on the way back has been done: it is healed in the same
// apply, or the error does not say that nothing was changed.
func TestAccProtocol_deniedAfterwards(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]influxdb3test.Fault{
		"403":       {Kind: influxdb3test.AnswerAfter, Status: 403},
		"empty 401": {Kind: influxdb3test.AnswerAfter, Status: 401, NoBody: true},
		"repeated":  {Kind: influxdb3test.Repeat},
	} {
		fault.Path = regeneratePath
		for version, options := range map[string][]influxdb3test.Option{"newest": nil, "3.7": {influxdb3test.As("3.7")}} {
			t.Run(name+" "+version, func(t *testing.T) {
				t.Parallel()
				r := newRun(t, influxdb3test.New(t, options...))
				r.token = r.server.Bootstrap(t)
				admin := r.server.CreateNamedAdmin(t, r.token, "automation", 0)
				r.must("")
				r.token = admin
				r.server.Inject(fault)
				r.rotated()
				r.empty()
				r.token = ""
				r.server.Inject(fault)
				r.lines.trigger++
				r.refused("nobody holds")
				r.token = admin
				if !r.planned(r.root(), planOptions{}).rotates() {
					t.Error("the rotation is not due any more")
				}
				r.must(r.secret())
			})
		}
	}
}

// meanwhile is done between a plan and its apply.
type meanwhile func()

// CheckPlan implements plancheck.PlanCheck.
func (m meanwhile) CheckPlan(context.Context, plancheck.CheckPlanRequest, *plancheck.CheckPlanResponse) {
	m()
}

// A root that rebuilds its server says so with replace_triggered_by: the old token is
// let go, and the new server's is in state.
func TestAccAdminToken_rebuiltServer(t *testing.T) {
	t.Parallel()
	s := influxdb3test.New(t)
	config := func(build string) string {
		return block(s) + fmt.Sprintf("resource \"terraform_data\" \"server\" {\n  input = %q\n}\n", build) +
			operator(unprotected, "lifecycle {\n    replace_triggered_by = [terraform_data.server]\n  }")
	}
	var first string
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: factories(&testClock{}),
		Steps: []resource.TestStep{
			{Config: config("1"), Check: stateToken(t, &first)},
			{ // without the server's being new it is the same token
				Config:           config("2"),
				ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectResourceAction(address, plancheck.ResourceActionReplace)}},
				Check: resource.ComposeTestCheckFunc(tokenWorks(t, s), resource.TestCheckResourceAttrWith(address, "token", func(token string) error {
					return same(first, token)
				})),
			},
			{ // and this one is, from between plan and apply on
				Config: config("3"),
				ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
					plancheck.ExpectResourceAction(address, plancheck.ResourceActionReplace), meanwhile(func() { s.Replace(t) }),
				}},
				Check: tokenWorks(t, s),
			},
		},
	})
}

// The same where the server does not name its cluster.
func TestProtocol_rebuiltServer(t *testing.T) {
	t.Parallel()
	r := newRun(t, influxdb3test.New(t, influxdb3test.As("3.4")))
	r.lines.unprotected = true
	first := r.must("")
	for _, rebuilt := range []bool{false, true} {
		made := r.planned(r.root(), planOptions{replace: map[string]bool{addressA: true}})
		if rebuilt {
			r.server.Replace(t)
		}
		r.apply(made, false, false, ending{})
		if token := r.secret(); r.failed || !r.server.Accepts(t, token) || (token == first) == rebuilt {
			t.Errorf("rebuilt %t: %v", rebuilt, r.journal)
		}
	}
	r.empty()
}
