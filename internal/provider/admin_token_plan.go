package provider

import (
	"context"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework-timetypes/timetypes"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/lifecycle"
)

// ModifyPlan implements resource.ResourceWithModifyPlan. It runs at plan and, for
// what is planned to change, again at apply; it must not come out otherwise then,
// so that it looks at state and configuration alone and never at the clock.
func (r *adminTokenResource) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	var state, plan adminTokenModel
	switch {
	case req.State.Raw.IsNull():
		resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
		server := r.server(plan.Server)
		replacement, diags := getPrivate[bool](ctx, req.Private, privatePlanned)
		resp.Diagnostics.Append(diags...)
		switch {
		case resp.Diagnostics.HasError():
		case server.isMissing():
			resp.Diagnostics.Append(missingServer(server))
		case server.hasCredential() && !server.operatorResources.creates(replacement):
			resp.Diagnostics.Append(secondResource(server))
		default:
			resp.Diagnostics.Append(plan.madeAnew().planSecret(ctx, &resp.Plan)...)
			resp.Diagnostics.Append(r.foresee(ctx, plan)...)
		}
		return
	case req.Plan.Raw.IsNull():
		resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
		server := r.server(state.Server)
		if !resp.Diagnostics.HasError() && !state.removal(server).Allowed() {
			resp.Diagnostics.Append(deletionProtected(state, server))
		}
		return
	}
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	server := r.server(state.Server)
	if !plan.Server.Equal(state.Server) {
		if state.protected() && !state.removal(server).Allowed() {
			resp.Diagnostics.Append(serverChanged(state, server))
		}
		return // it is replaced, and planned once more as a creation
	}
	if server.isMissing() {
		resp.Diagnostics.Append(missingServer(server))
		return
	}
	circumstances, diags := r.circumstances(ctx, plan, state, req.Private)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	if server.usable() && !server.operatorResources.stays(server.bridged) {
		resp.Diagnostics.Append(secondResource(server))
		return
	}
	resp.Diagnostics.Append(setPrivate(ctx, resp.Private, privatePlanned, true)...)
	stuck := circumstances.Stuck() && (plan.protected() || !state.protected()) // a dead token too may be let go
	switch {
	case plan.mayBecomeDue(circumstances):
		names := rotating
		if !state.ExpiresAt.IsNull() { // regenerating keeps an expiry, and makes none (recorded)
			names = append(slices.Clone(names), "expires_at")
		}
		if !plan.RotateAfter.IsNull() {
			names = append(slices.Clone(names), "rotation_due_at")
		} else {
			resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, path.Root("rotation_due_at"), timetypes.NewRFC3339Null())...)
		}
		for _, name := range names {
			resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, path.Root(name), types.StringUnknown())...)
		}
		resp.Diagnostics.Append(plan.madeAnew().planSecret(ctx, &resp.Plan)...)
		if circumstances.Due() != lifecycle.ReasonNone {
			resp.Diagnostics.Append(state.fallbackWarning(server)...)
		}
		return
	case stuck && state.protected():
		resp.Diagnostics.Append(rotatedElsewhere(state, server, circumstances.Imported))
		return
	case stuck:
		// Terraform plans like this before it plans a destruction, which must be
		// possible: the error comes when it is applied.
		resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, path.Root("status"), types.StringUnknown())...)
		return
	}
	if circumstances.Imported && circumstances.TriggersChanged {
		resp.Diagnostics.Append(triggersRecorded("the token stays as it is. The next change of a trigger regenerates it."))
	}
	plan.secretModel, diags = plan.reencrypted(state.secretModel, state.Hash.ValueString(), circumstances.Imported, server)
	resp.Diagnostics.Append(diags...)
	resp.Diagnostics.Append(plan.planSecret(ctx, &resp.Plan)...)
	if circumstances.RotateAfterChanged {
		plan.RotationDueAt = plan.rotationDueAt()
		if circumstances.Status.Accepted() {
			plan.Status = types.StringUnknown() // whether it is due by the new limit is decided at apply, by the clock
		}
		resp.Diagnostics.Append(resp.Plan.Set(ctx, &plan)...)
	}
}

// foresee says at plan what a creation will do, as far as a look can tell.
func (r *adminTokenResource) foresee(ctx context.Context, plan adminTokenModel) (diags diag.Diagnostics) {
	server := r.server(plan.Server)
	if !server.usable() || plan.ExistingToken.IsUnknown() || server.operatorResources.hasHandedOver() {
		return diags
	}
	seen, err := server.operator().Foresee(ctx, plan.consents())
	if diags.Append(server.claim(seen.Mark)...); diags.HasError() {
		server.operatorResources.willFail()
		return diags
	}
	held, protected := server.operatorResources.holds(seen.Mark.Hash)
	switch {
	case held && protected:
		diags.Append(heldByAnother(seen.Mark.Hash, server))
	case held: // it may be the one that this replaces, and then it is handed over
	case err != nil && lifecycle.NeedsHandOver(err) && server.operatorResources.awaitsHandOver():
		// At apply, where what this replaces is deleted at the same time.
	case err != nil:
		server.operatorResources.willFail()
		diags.Append(operatorTokenProblem(establishing, err, server))
	case seen.Regenerate:
		diags.Append(regeneratesExisting(seen.Mark.Hash, server))
	}
	return diags
}

// circumstances are what the plan says of a rotation, as far as it is known.
func (r *adminTokenResource) circumstances(ctx context.Context, plan, state adminTokenModel, private privateGetter) (lifecycle.Circumstances, diag.Diagnostics) {
	stage, diags := getPrivate[lifecycle.ImportStage](ctx, private, privateImported)
	age, more := getPrivate[bool](ctx, private, privateAge)
	diags.Append(more...)
	return plan.circumstances(state, stage != lifecycle.NotImported, age), diags
}

// circumstances are what the plan says of a rotation, as far as it is known.
func (m adminTokenModel) circumstances(state adminTokenModel, imported, ageUnresolved bool) lifecycle.Circumstances {
	return lifecycle.Circumstances{
		Status:             lifecycle.Status(state.Status.ValueString()),
		AgeUnresolved:      ageUnresolved,
		TriggersChanged:    triggersDiffer(m.RotationTriggers, state.RotationTriggers),
		RotateAfterChanged: m.RotateAfter.IsUnknown() || durationOf(m.RotateAfter) != durationOf(state.RotateAfter),
		Imported:           imported,
		Consent:            m.consents(),
	}
}

// mayBecomeDue says whether a rotation is due, or could become due at apply by a
// value that is still unknown. Then the plan must leave everything unknown: turning
// known is allowed at apply, the reverse is not.
func (m adminTokenModel) mayBecomeDue(c lifecycle.Circumstances) bool {
	c.TriggersChanged = c.TriggersChanged || anyUnknown(m.RotationTriggers)
	c.RotateAfterChanged = c.RotateAfterChanged && !m.RotateAfter.IsUnknown()
	c.Consent = c.Consent || m.ExistingToken.IsUnknown()
	return c.Due() != lifecycle.ReasonNone
}

// removal is what is known of a token that is to leave the state.
func (m adminTokenModel) removal(server *configuredServer) lifecycle.Removal {
	token := m.operatorToken(operatorFacts{}, nil)
	removal := lifecycle.Removal{Status: token.Status, Protected: m.protected()}
	if server.usable() {
		removal.Replaced = server.operatorResources.replaced(token)
		removal.HeldTwice = func() bool { return server.operatorResources.heldTwice(token.Hash()) }
	}
	return removal
}
