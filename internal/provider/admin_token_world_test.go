package provider

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3test"
)

// An operator token out of a token file expires, and nothing mends it. It is never a
// success, it uses nothing up, and everything under a named admin token goes on.
func TestAccAdminToken_expires(t *testing.T) {
	t.Parallel()
	clock := &testClock{}
	const file = "apiv3_a-token-out-of-a-file"
	s := influxdb3test.New(t, influxdb3test.Clock(clock.Now), influxdb3test.WithRecovery(),
		influxdb3test.WithTokenFileExpiring("_admin", file, clock.Now().Add(time.Hour)))
	admin := s.CreateNamedAdmin(t, file, "automation", 0)
	automation := block(s, withToken(admin), fmt.Sprintf("recovery_url = %q", s.RecoveryURL()))
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: factories(clock),
		Steps: []resource.TestStep{
			{
				Config:            block(s, withToken(file)) + operator(unprotected, trigger("1"), `rotate_after = "30m"`),
				ConfigStateChecks: []statecheck.StateCheck{stateValue("status", text("active")), stateValue("expires_at", knownvalue.NotNull())},
			},
			{
				PreConfig: func() { clock.advance(2 * time.Hour); s.ResetRequests() },
				Config:    automation + operator(unprotected, trigger("1"), `rotate_after = "30m"`, `existing_token = "regenerate"`) + named(`name = "one"`),
				Check:     resource.ComposeTestCheckFunc(issuedWorks(t, s), resource.TestCheckResourceAttr(address, "status", "expired")),
			},
			{
				Config:      automation + operator(unprotected, trigger("2")) + named(`name = "two"`),
				ExpectError: words("operator token has expired"),
			},
			{
				Config:           automation + operator(unprotected, trigger("1"), `rotate_after = "30m"`, `existing_token = "regenerate"`) + named(`name = "two"`),
				ConfigPlanChecks: nothingToDo(), // the other token was made all the same
				Check:            issuedWorks(t, s),
			},
		},
	})
	if n := count(s, http.MethodPost, regeneratePath); n != 0 {
		t.Errorf("%d regenerations of a token that cannot be mended", n)
	}
}

// The age of a dead token is no reason to kill the one that somebody else made.
func TestAccAdminToken_deadAndTooOld(t *testing.T) {
	t.Parallel()
	clock := &testClock{}
	s := influxdb3test.New(t, influxdb3test.Clock(clock.Now), influxdb3test.WithRecovery())
	old := s.Bootstrap(t)
	admin := s.CreateNamedAdmin(t, old, "automation", 0)
	aging := operator(unprotected, `rotate_after = "24h"`)
	provider := block(s, withToken(admin), fmt.Sprintf("recovery_url = %q", s.RecoveryURL()))
	var theirs string
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: factories(clock),
		Steps: []resource.TestStep{
			{Config: block(s, withToken(old)) + aging},
			{
				PreConfig: func() { theirs = s.Regenerate(t, old); clock.advance(25 * time.Hour) },
				Config:    provider + aging, ExpectError: words("Operator Token Was Regenerated Elsewhere"),
			},
			{ // a trigger asks for it
				PreConfig: func() {
					if !s.Accepts(t, theirs) {
						t.Error("somebody else's token was killed because ours was too old")
					}
				},
				Config: provider + operator(unprotected, `rotate_after = "24h"`, trigger("1")), Check: tokenWorks(t, s),
			},
		},
	})
}

func TestAccAdminToken_fallbackStatus(t *testing.T) {
	t.Parallel()
	s := influxdb3test.New(t, influxdb3test.WithRecovery())
	old := s.Bootstrap(t)
	admin := s.CreateNamedAdmin(t, old, "automation", 0)
	soon := s.CreateNamedAdmin(t, old, "soon", 3600)
	step := func(provider, want string) resource.TestStep {
		return resource.TestStep{
			Config: provider + operator(unprotected), Check: resource.TestCheckResourceAttr(address, "fallback_status", want),
		}
	}
	after := func(provider, want string) []resource.TestStep {
		refresh := step(provider, want)
		refresh.Config, refresh.RefreshState = "", true
		return []resource.TestStep{{Config: provider + operator(unprotected)}, refresh}
	}
	steps := []resource.TestStep{step(block(s, withToken(old)), "same")} // known when it is made
	for provider, want := range map[string]string{
		block(s):                          "none",
		block(s, withToken(admin)):        "active",
		block(s, withToken(soon)):         "expiring",
		block(s, withToken("apiv3_dead")): "refused",
		block(s, withToken("apiv3_dead"), fmt.Sprintf("recovery_url = %q", s.RecoveryURL())): "recovery_listener",
	} {
		steps = append(steps, after(provider, want)...)
	}
	resource.Test(t, resource.TestCase{ProtoV6ProviderFactories: factories(&testClock{}), Steps: steps})
}

// What a gateway refuses on the way back has been done: it is healed in the same
// apply, or the error does not say that nothing was changed.
func TestAccAdminToken_deniedAfterwards(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]influxdb3test.Fault{
		"403":       {Kind: influxdb3test.AnswerAfter, Status: 403},
		"empty 401": {Kind: influxdb3test.AnswerAfter, Status: 401, NoBody: true},
		"repeated":  {Kind: influxdb3test.Repeat},
	} {
		for _, version := range []string{"3.10", "3.7"} {
			t.Run(name+" "+version, func(t *testing.T) {
				t.Parallel()
				s := influxdb3test.New(t, influxdb3test.As(version))
				old := s.Bootstrap(t)
				admin := s.CreateNamedAdmin(t, old, "automation", 0)
				inject := func() {
					fault := fault
					fault.Path = regeneratePath
					s.Inject(fault)
				}
				resource.Test(t, resource.TestCase{
					ProtoV6ProviderFactories: factories(&testClock{}),
					Steps: []resource.TestStep{
						{Config: block(s, withToken(old)) + operator(unprotected, trigger("1"))},
						{PreConfig: inject, Config: block(s, withToken(admin)) + operator(unprotected, trigger("2")), Check: tokenWorks(t, s)},
						{Config: block(s, withToken(admin)) + operator(unprotected, trigger("2")), ConfigPlanChecks: nothingToDo()},
						{PreConfig: inject, Config: block(s) + operator(unprotected, trigger("3")), ExpectError: words("nobody holds")},
						{Config: block(s, withToken(admin)) + operator(unprotected, trigger("3")), ConfigPlanChecks: rotatesInPlace(), Check: tokenWorks(t, s)},
					},
				})
			})
		}
	}
}

// A new token that could not be looked at is kept, with an error and the old triggers:
// the next apply rotates again.
func TestAccAdminToken_unverified(t *testing.T) {
	t.Parallel()
	s := influxdb3test.New(t, influxdb3test.As("3.10"))
	var old, kept string
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: factories(&testClock{}),
		Steps: []resource.TestStep{
			{Config: block(s) + operator(unprotected, trigger("1")), Check: stateToken(t, &old)},
			{
				PreConfig: func() {
					s.Inject(influxdb3test.Fault{Kind: influxdb3test.SetHeader, Path: regeneratePath, Header: http.Header{"Cluster-Uuid": nil}})
					s.Inject(influxdb3test.Fault{Kind: influxdb3test.Answer, Path: queryPath, Status: 500, Skip: 1, Times: -1})
				},
				Config: block(s, "max_retries = 0") + operator(unprotected, trigger("2")), ExpectError: words("it is not known whether it works"),
			},
			{
				PreConfig:    s.ClearFaults,
				RefreshState: true, ExpectNonEmptyPlan: true,
				Check: resource.ComposeTestCheckFunc(tokenWorks(t, s), stateToken(t, &kept), resource.TestCheckResourceAttr(address, "rotation_triggers.a", "1")),
			},
			{Config: block(s) + operator(unprotected, trigger("2")), ConfigPlanChecks: rotatesInPlace(), Check: tokenWorks(t, s)},
		},
	})
	if old == kept {
		t.Error("the new token was not kept")
	}
}

// The plan of a creation says what the apply would.
func TestAccAdminToken_foresees(t *testing.T) {
	t.Parallel()
	s := influxdb3test.New(t)
	old := s.Bootstrap(t)
	admin := s.CreateNamedAdmin(t, old, "automation", 0)
	s.ResetRequests()
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: factories(&testClock{}),
		Steps: []resource.TestStep{
			{Config: block(s, withToken(admin)) + operator(unprotected), PlanOnly: true, ExpectError: words("it is not the operator token")},
			{
				Config:             block(s, withToken(admin)) + operator(unprotected, `existing_token = "regenerate"`),
				PlanOnly:           true,
				ExpectNonEmptyPlan: true,
			},
			{
				PreConfig: func() { expectNoRegeneration(t, s) },
				Config:    block(s, withToken(admin)) + operator(unprotected, `existing_token = "regenerate"`),
				Check:     tokenWorks(t, s),
			},
		},
	})
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
	for _, version := range []string{"3.10", "3.4"} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			s := influxdb3test.New(t, influxdb3test.As(version))
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
					{Config: config("3"), ConfigPlanChecks: nothingToDo()},
				},
			})
		})
	}
}
