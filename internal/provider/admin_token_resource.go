package provider

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3"
	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/lifecycle"
)

var (
	_ resource.ResourceWithConfigure   = (*adminTokenResource)(nil)
	_ resource.ResourceWithModifyPlan  = (*adminTokenResource)(nil)
	_ resource.ResourceWithImportState = (*adminTokenResource)(nil)
	_ resource.ResourceWithIdentity    = (*adminTokenResource)(nil)
)

// NewAdminTokenResource returns the resource of the operator token.
func NewAdminTokenResource() resource.Resource { return &adminTokenResource{} }

type adminTokenResource struct {
	tokenResource
}

// Metadata implements resource.Resource.
func (r *adminTokenResource) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_admin_token"
}

// ModifyPlan implements resource.ResourceWithModifyPlan. It runs at plan and, for
// what is planned to change, again at apply; it must not come out otherwise then,
// so that it looks at state and configuration alone and never at the clock.
func (r *adminTokenResource) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	var state, plan adminTokenModel
	switch {
	case req.State.Raw.IsNull():
		resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
		replacement, diags := getPrivate[bool](ctx, req.Private, privatePlanned)
		resp.Diagnostics.Append(diags...)
		switch {
		case resp.Diagnostics.HasError():
		case r.in.usable() && !r.in.resources.creates(replacement):
			resp.Diagnostics.Append(secondResource(r.in))
		default:
			resp.Diagnostics.Append(r.foresee(ctx, plan)...)
		}
		return
	case req.Plan.Raw.IsNull():
		resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
		if !resp.Diagnostics.HasError() && state.protected() && !r.mayGo(state) {
			resp.Diagnostics.Append(deletionProtected(state, r.in))
		}
		return
	}
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	circumstances, diags := r.circumstances(ctx, plan, state, req.Private)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	if r.in.usable() && !r.in.resources.stays() {
		resp.Diagnostics.Append(secondResource(r.in))
		return
	}
	resp.Diagnostics.Append(setPrivate(ctx, resp.Private, privatePlanned, true)...)
	stuck := circumstances.Stuck() && (plan.protected() || !state.protected()) // a dead token too may be let go
	switch {
	case plan.mayBecomeDue(circumstances):
		for _, name := range rotating {
			resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, path.Root(name), types.StringUnknown())...)
		}
		if circumstances.Due() != lifecycle.ReasonNone {
			resp.Diagnostics.Append(state.fallbackWarning()...)
		}
		return
	case stuck && state.protected():
		resp.Diagnostics.Append(rotatedElsewhere(state, r.in, circumstances.Imported))
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
	if circumstances.RotateAfterChanged {
		plan.RotationDueAt = plan.rotationDueAt()
		if !circumstances.Stuck() {
			plan.Status = types.StringUnknown() // whether it is due by the new limit is decided at apply, by the clock
		}
		resp.Diagnostics.Append(resp.Plan.Set(ctx, &plan)...)
	}
}

// foresee says at plan what a creation will do, as far as a look can tell.
func (r *adminTokenResource) foresee(ctx context.Context, plan adminTokenModel) (diags diag.Diagnostics) {
	if !r.in.usable() || plan.ExistingToken.IsUnknown() || r.in.resources.hasHandedOver() {
		return diags
	}
	seen, err := r.in.operator().Foresee(ctx, plan.consents())
	held, protected := r.in.resources.holds(seen.Hash)
	switch {
	case held && protected:
		diags.Append(heldByAnother(seen.Hash, r.in))
	case held: // it may be the one that this replaces, and then it is handed over
	case err != nil && needsHandOver(err) && r.in.resources.awaitsHandOver():
		// At apply, where what this replaces is deleted at the same time.
	case err != nil:
		r.in.resources.willFail()
		diags.Append(operatorTokenProblem(establishing, err, r.in))
	case seen.Regenerate:
		diags.Append(regeneratesLiving(seen.Hash, r.in))
	}
	return diags
}

// mayGo says whether a protected token can go all the same: it is of no use, or it is
// not the only copy.
func (r *adminTokenResource) mayGo(state adminTokenModel) bool {
	token := state.operatorToken(operatorFacts{})
	if token.Status == lifecycle.StatusRejected || token.Status == lifecycle.StatusExpired {
		return true
	}
	return r.in.usable() && (r.in.resources.replaced(token) || r.in.resources.heldTwice(token.Hash()))
}

// Create implements resource.Resource.
func (r *adminTokenResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	defer keepAlive()()
	var plan adminTokenModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	if resp.Diagnostics.HasError() || r.in.notConfigured(&resp.Diagnostics) {
		return
	}
	first, handed := r.in.resources.begin(), r.in.resources.takeOver()
	if !first {
		if handed != nil { // it goes back into state, and takes nothing from the other one
			resp.Diagnostics.Append(r.save(ctx, handed.model, &resp.State, resp.Identity)...)
			resp.Diagnostics.Append(setPrivate(ctx, resp.Private, privateFacts, factsOf(handed.token))...)
		}
		resp.Diagnostics.Append(secondResource(r.in))
		return
	}
	var token lifecycle.OperatorToken
	var warnings []lifecycle.Warning
	var err error
	if handed == nil {
		token, warnings, err = r.in.operator().Establish(ctx, plan.consents())
		if needsHandOver(err) {
			handed = r.in.resources.awaitHandOver()
		}
	}
	op := establishing
	if handed != nil {
		op = replacing
		// The old token left state when Delete returned, and this is its only
		// copy: it goes back before anything can fail.
		resp.Diagnostics.Append(r.save(ctx, handed.model, &resp.State, resp.Identity)...)
		rotate := plan.consents() || triggersDiffer(plan.RotationTriggers, handed.model.RotationTriggers)
		token, warnings, err = r.in.operator().Resume(ctx, handed.token, rotate, plan.consents())
	}
	if err != nil {
		r.in.resources.end(nil)
		if !token.Secret.IsEmpty() { // it may be the only copy of one that is good
			kept := plan
			if handed != nil {
				kept = handed.model
			}
			kept.take(token)
			resp.Diagnostics.Append(r.save(ctx, kept, &resp.State, resp.Identity)...)
			resp.Diagnostics.Append(setPrivate(ctx, resp.Private, privateFacts, factsOf(token))...)
		}
		resp.Diagnostics.Append(operatorTokenProblem(op, err, r.in))
		return
	}
	plan.take(token)
	plan.FallbackStatus = optional(string(r.in.operator().FallbackOf(token)))
	resp.Diagnostics.Append(r.save(ctx, plan, &resp.State, resp.Identity)...)
	resp.Diagnostics.Append(setPrivate(ctx, resp.Private, privateFacts, factsOf(token))...)
	resp.Diagnostics.Append(plan.expiryWarning()...)
	resp.Diagnostics.Append(asDiagnostics(warnings)...)
	r.in.rotated(token)
	r.in.resources.end(&token)
}

// Read implements resource.Resource.
func (r *adminTokenResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var state adminTokenModel
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	// The framework expects an identity whatever follows.
	resp.Diagnostics.Append(identify(ctx, resp.Identity, state.Name, state.ClusterUUID)...)
	if resp.Diagnostics.HasError() || !r.in.usable() {
		return // not configured yet: the prior state is the best there is
	}
	facts, diags := getPrivate[operatorFacts](ctx, req.Private, privateFacts)
	resp.Diagnostics.Append(diags...)
	stage, diags := getPrivate[importStage](ctx, req.Private, privateImported)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	r.in.resources.sawState(state.Hash.ValueString(), state.protected())
	seen, err := r.in.operator().Inspect(ctx, state.operatorToken(facts), durationOf(state.RotateAfter))
	if err != nil {
		resp.Diagnostics.Append(operatorTokenProblem(reading, err, r.in))
		return
	}
	stage = stage.refreshed(r.in.resources.importedHere(state.Hash.ValueString()))
	state.take(seen.Token)
	state.FallbackStatus = types.StringValue(string(seen.Fallback))
	resp.Diagnostics.Append(r.save(ctx, state, &resp.State, resp.Identity)...)
	resp.Diagnostics.Append(setPrivate(ctx, resp.Private, privateFacts, factsOf(seen.Token))...)
	resp.Diagnostics.Append(setPrivate(ctx, resp.Private, privateImported, stage)...)
	switch {
	case seen.TakenOver:
		resp.Diagnostics.Append(takenOver())
	case seen.Token.Status == lifecycle.StatusRejected:
		resp.Diagnostics.Append(refusedWarning())
	}
	resp.Diagnostics.Append(state.expiryWarning()...)
}

// Update implements resource.Resource.
func (r *adminTokenResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	defer keepAlive()()
	var state, plan adminTokenModel
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	circumstances, diags := r.circumstances(ctx, plan, state, req.Private)
	resp.Diagnostics.Append(diags...)
	facts, diags := getPrivate[operatorFacts](ctx, req.Private, privateFacts)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() || r.in.notConfigured(&resp.Diagnostics) {
		return
	}
	if !plan.Token.IsUnknown() {
		switch {
		case circumstances.Stuck() && plan.Status.IsUnknown():
			resp.Diagnostics.Append(rotatedElsewhere(state, r.in, circumstances.Imported))
			return
		case plan.Status.IsUnknown():
			plan.Status = types.StringValue(string(lifecycle.StatusAt(r.in.clock.Now(), timeOf(plan.RotatedAt), durationOf(plan.RotateAfter))))
		}
		resp.Diagnostics.Append(r.save(ctx, plan, &resp.State, resp.Identity)...)
		resp.Diagnostics.Append(setPrivate(ctx, resp.Private, privateImported, notImported)...)
		return
	}
	if !r.in.resources.begin() {
		resp.Diagnostics.Append(secondResource(r.in))
		return
	}
	token, warnings, err := r.in.operator().Rotate(ctx, state.operatorToken(facts))
	if err != nil {
		r.in.resources.end(nil)
		// The old inputs stay, so that the next plan tries again. So does the old
		// token, unless there is a new one: each may be the only one that is good.
		switch {
		case !token.Secret.IsEmpty():
			state.rotate(token)
			facts = factsOf(token)
		case tokenIsDead(err):
			state.Status = types.StringValue(string(lifecycle.StatusRejected))
		}
		resp.Diagnostics.Append(r.save(ctx, state, &resp.State, resp.Identity)...)
		resp.Diagnostics.Append(setPrivate(ctx, resp.Private, privateFacts, facts)...)
		if circumstances.Due() == lifecycle.ReasonAge && lifecycle.MayBeDone(err) {
			resp.Diagnostics.Append(setPrivate(ctx, resp.Private, privateAge, true)...)
		}
		resp.Diagnostics.Append(operatorTokenProblem(regenerating, err, r.in))
		return
	}
	plan.rotate(token)
	resp.Diagnostics.Append(r.save(ctx, plan, &resp.State, resp.Identity)...)
	resp.Diagnostics.Append(setPrivate(ctx, resp.Private, privateFacts, factsOf(token))...)
	resp.Diagnostics.Append(setPrivate(ctx, resp.Private, privateAge, false)...)
	resp.Diagnostics.Append(setPrivate(ctx, resp.Private, privateImported, notImported)...)
	resp.Diagnostics.Append(asDiagnostics(warnings)...)
	r.in.rotated(token)
	r.in.resources.end(&token)
}

// Delete implements resource.Resource. The server cannot delete the operator
// token; what it has is handed over to a creation that may follow, of a replacement
// or of another block.
func (r *adminTokenResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var state adminTokenModel
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	facts, diags := getPrivate[operatorFacts](ctx, req.Private, privateFacts)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	if !r.in.usable() {
		if state.protected() {
			resp.Diagnostics.Append(deletionProtected(state, r.in))
		}
		return
	}
	token := state.operatorToken(facts)
	if r.in.resources.replaced(token) {
		return // what create_before_destroy has replaced: dead, or the same
	}
	// A destruction of a protected token does not get here, because its plan fails.
	// A replacement does: the plan of one looks like a creation.
	if state.protected() && !r.mayGo(state) {
		resp.Diagnostics.Append(deletionProtected(state, r.in))
		return
	}
	if !r.in.resources.handOver(handedOver{state, token}) && token.Status.Accepted() {
		resp.Diagnostics.Append(creationFailed(state, r.in))
		return
	}
	if token.Status.Accepted() {
		resp.Diagnostics.AddWarning("Operator Token Stays Valid",
			"InfluxDB 3 cannot delete its operator token. It is no longer in state, and it works for whoever holds it until it is regenerated. "+
				"If this run creates another block for the same server, that block gets it.")
	}
}

// ImportState implements resource.ResourceWithImportState.
func (r *adminTokenResource) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	identity, diags := importName(ctx, req)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() || r.in.notConfigured(&resp.Diagnostics) {
		return
	}
	if name := identity.Name.ValueString(); name != influxdb3.OperatorTokenName {
		resp.Diagnostics.AddError("Invalid Import ID", fmt.Sprintf("The operator token is imported as %q, got %q. The token itself is never an ID: the provider's token is taken.", influxdb3.OperatorTokenName, loggable(name)))
		return
	}
	token, err := r.in.operator().Adopt(ctx)
	if err != nil {
		resp.Diagnostics.Append(operatorTokenProblem(importing, err, r.in))
		return
	}
	if !r.in.resources.importing(token.Hash()) {
		resp.Diagnostics.Append(secondResource(r.in))
		return
	}
	model := adminTokenModel{
		RotationTriggers:   types.MapNull(types.StringType),
		RotateAfter:        durationNull(),
		ExistingToken:      types.StringValue(existingAdopt),
		DeletionProtection: types.BoolValue(true),
		ID:                 types.StringValue(influxdb3.OperatorTokenName),
		Name:               types.StringValue(influxdb3.OperatorTokenName),
	}
	model.take(token)
	model.FallbackStatus = optional(string(r.in.operator().FallbackOf(token)))
	if resp.Diagnostics.Append(identity.checkCluster(token.ClusterUUID, r.in)...); resp.Diagnostics.HasError() {
		return
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, &model)...)
	resp.Diagnostics.Append(resp.Identity.Set(ctx, &tokenIdentityModel{Name: model.Name, ClusterUUID: model.ClusterUUID})...)
	resp.Diagnostics.Append(setPrivate(ctx, resp.Private, privateImported, imported)...)
	resp.Diagnostics.Append(setPrivate(ctx, resp.Private, privateFacts, factsOf(token))...)
}

// save sets state and identity. A missing identity after Create is an error of the
// framework, which would taint the resource.
func (r *adminTokenResource) save(ctx context.Context, model adminTokenModel, state attributeSetter, identity *tfsdk.ResourceIdentity) diag.Diagnostics {
	diags := state.Set(ctx, &model)
	diags.Append(identify(ctx, identity, model.Name, model.ClusterUUID)...)
	return diags
}

// circumstances are what the plan says of a rotation, as far as it is known.
func (r *adminTokenResource) circumstances(ctx context.Context, plan, state adminTokenModel, private privateGetter) (lifecycle.Circumstances, diag.Diagnostics) {
	stage, diags := getPrivate[importStage](ctx, private, privateImported)
	age, more := getPrivate[bool](ctx, private, privateAge)
	diags.Append(more...)
	return plan.circumstances(state, stage != notImported, age), diags
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
