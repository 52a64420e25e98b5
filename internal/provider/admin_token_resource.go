package provider

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/diag"
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

// Create implements resource.Resource.
func (r *adminTokenResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	defer keepAlive()()
	var plan adminTokenModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	server := r.server(plan.Server)
	resp.Diagnostics.Append(plan.checkRecipients()...)
	if resp.Diagnostics.HasError() || server.notConfigured(&resp.Diagnostics) {
		return
	}
	first, handed := server.operatorResources.begin(), server.operatorResources.takeOver()
	if !first {
		problems := diag.Diagnostics{secondResource(server)}
		if handed != nil { // it goes back into state, and takes nothing from the other one
			resp.Diagnostics.Append(r.keep(ctx, handed, resp)...)
			problems = server.withState(problems...)
		}
		resp.Diagnostics.Append(problems...)
		return
	}
	token, handed, warnings, err := r.obtain(ctx, plan, handed, server, resp)
	if err != nil {
		server.operatorResources.end(nil)
		resp.Diagnostics.Append(r.keepFailed(ctx, plan, token, handed, server, resp)...)
		op := establishing
		if handed != nil {
			op = replacing
		}
		problems := diag.Diagnostics{operatorTokenProblem(op, err, server)}
		if !resp.State.Raw.IsNull() {
			problems = server.withState(problems...)
		}
		resp.Diagnostics.Append(problems...)
		return
	}
	problems := plan.created(token, handed, server)
	resp.Diagnostics.Append(server.withState(problems...)...)
	if problems.HasError() && token.Secret.IsEmpty() { // it is in state as it was
		server.operatorResources.end(nil)
		return
	}
	resp.Diagnostics.Append(r.save(ctx, plan, &resp.State, resp.Identity)...)
	resp.Diagnostics.Append(setPrivate(ctx, resp.Private, privateFacts, factsOf(token))...)
	resp.Diagnostics.Append(plan.expiryWarning(server)...)
	resp.Diagnostics.Append(plan.unreadableWarning(server)...)
	resp.Diagnostics.Append(asDiagnostics(warnings)...)
	server.rotated(token)
	resp.Diagnostics.Append(server.withState(server.claim(token.Mark())...)...)
}

// obtain gets hold of the operator token: of the one that was handed over, or that is
// handed over meanwhile, otherwise of the server's. It returns what was handed over.
func (r *adminTokenResource) obtain(ctx context.Context, plan adminTokenModel, handed *handedOver, server *configuredServer, resp *resource.CreateResponse) (lifecycle.OperatorToken, *handedOver, []lifecycle.Warning, error) {
	var token lifecycle.OperatorToken
	var warnings []lifecycle.Warning
	err := server.startup.Await(ctx)
	started := err == nil
	if started && handed == nil {
		token, warnings, err = server.operator().Establish(ctx, plan.consents())
		if lifecycle.NeedsHandOver(err) {
			handed = server.operatorResources.awaitHandOver()
		}
	}
	if handed != nil {
		// The old token left state when Delete returned, and this is its only
		// copy: it goes back before anything can fail.
		resp.Diagnostics.Append(r.keep(ctx, handed, resp)...)
		if started {
			token, warnings, err = server.operator().Resume(ctx, handed.token, triggersDiffer(plan.RotationTriggers, handed.model.RotationTriggers), plan.consents())
		}
	}
	return token, handed, warnings, err
}

// keepFailed puts into state what a creation that failed has in hand.
func (r *adminTokenResource) keepFailed(ctx context.Context, plan adminTokenModel, token lifecycle.OperatorToken, handed *handedOver, server *configuredServer, resp *resource.CreateResponse) (diags diag.Diagnostics) {
	switch {
	case token.Hash() != "": // it may be the only copy of one that is good
		kept := plan
		kept.FallbackStatus = optional(string(server.operator().FallbackOf(token)))
		if handed != nil {
			kept = handed.model
			kept.inFormOf(plan, token)
		}
		diags.Append(kept.take(token)...)
		diags.Append(r.keep(ctx, &handedOver{kept, token}, resp)...)
	case handed == nil:
		// Another block can have given its token away while this one waited.
		if late := server.operatorResources.takeOver(); late != nil {
			diags.Append(r.keep(ctx, late, resp)...)
		}
	}
	return diags
}

// Read implements resource.Resource.
func (r *adminTokenResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var state adminTokenModel
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	server := r.server(state.Server)
	// The framework expects an identity whatever follows.
	resp.Diagnostics.Append(identify(ctx, resp.Identity, state.Name, state.ClusterUUID)...)
	if resp.Diagnostics.HasError() || !server.usable() {
		return // not configured yet: the prior state is the best there is
	}
	facts, diags := getPrivate[operatorFacts](ctx, req.Private, privateFacts)
	resp.Diagnostics.Append(diags...)
	stage, diags := getPrivate[lifecycle.ImportStage](ctx, req.Private, privateImported)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	server.operatorResources.sawState(state.Hash.ValueString(), state.protected())
	prior := state.operatorToken(facts, server.identities)
	// Before it is looked at, because a server that is not reached holds its token too.
	if resp.Diagnostics.Append(server.claim(prior.Mark())...); resp.Diagnostics.HasError() || server.unreached.Load() {
		return
	}
	seen, err := server.operator().Inspect(ctx, prior, durationOf(state.RotateAfter))
	if err != nil {
		keeps, diags := server.unreachable(err)
		if resp.Diagnostics.Append(diags...); !keeps {
			resp.Diagnostics.Append(operatorTokenProblem(reading, err, server))
		}
		return
	}
	if resp.Diagnostics.Append(server.claim(seen.Token.Mark())...); resp.Diagnostics.HasError() {
		return
	}
	stage = stage.Refreshed(server.importedHere(state.Hash.ValueString()))
	resp.Diagnostics.Append(state.take(seen.Token)...)
	state.FallbackStatus = types.StringValue(string(seen.Fallback))
	resp.Diagnostics.Append(r.save(ctx, state, &resp.State, resp.Identity)...)
	resp.Diagnostics.Append(setPrivate(ctx, resp.Private, privateFacts, factsOf(seen.Token))...)
	resp.Diagnostics.Append(setPrivate(ctx, resp.Private, privateImported, stage)...)
	if seen.Token.Status.Accepted() && !seen.Unseen { // how a rotation ended is known by now
		resp.Diagnostics.Append(setPrivate(ctx, resp.Private, privateAge, false)...)
	}
	switch {
	case seen.TakenOver:
		resp.Diagnostics.Append(takenOver())
	case seen.Token.Status == lifecycle.StatusRejected:
		resp.Diagnostics.Append(refusedWarning())
	}
	resp.Diagnostics.Append(state.expiryWarning(server)...)
	if seen.Unseen {
		resp.Diagnostics.Append(state.unreadableWarning(server)...)
	}
}

// Update implements resource.Resource.
func (r *adminTokenResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	defer keepAlive()()
	var state, plan adminTokenModel
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	server := r.server(plan.Server)
	circumstances, diags := r.circumstances(ctx, plan, state, req.Private)
	resp.Diagnostics.Append(diags...)
	facts, diags := getPrivate[operatorFacts](ctx, req.Private, privateFacts)
	resp.Diagnostics.Append(diags...)
	resp.Diagnostics.Append(plan.checkRecipients()...)
	if resp.Diagnostics.HasError() || server.notConfigured(&resp.Diagnostics) {
		return
	}
	if plan.Hash.IsUnknown() {
		r.rotate(ctx, plan, state, circumstances, facts, server, resp)
		return
	}
	switch {
	case circumstances.Stuck() && plan.Status.IsUnknown():
		resp.Diagnostics.Append(rotatedElsewhere(state, server, circumstances.Imported))
		return
	case plan.Status.IsUnknown():
		plan.Status = types.StringValue(string(lifecycle.StatusAt(server.clock.Now(), timeOf(plan.RotatedAt), durationOf(plan.RotateAfter))))
	}
	if resp.Diagnostics.Append(plan.reencrypt(state.secretModel, state.Hash.ValueString(), server)...); resp.Diagnostics.HasError() {
		return
	}
	if !plan.AgeRecipients.Equal(state.AgeRecipients) {
		resp.Diagnostics.Append(plan.unreadableWarning(server)...)
	}
	resp.Diagnostics.Append(r.save(ctx, plan, &resp.State, resp.Identity)...)
	resp.Diagnostics.Append(setPrivate(ctx, resp.Private, privateImported, lifecycle.NotImported)...)
}

// rotate is an update that regenerates the token.
func (r *adminTokenResource) rotate(ctx context.Context, plan, state adminTokenModel, circumstances lifecycle.Circumstances, facts operatorFacts, server *configuredServer, resp *resource.UpdateResponse) {
	prior := state.operatorToken(facts, server.identities)
	if resp.Diagnostics.Append(server.claim(prior.Mark())...); resp.Diagnostics.HasError() {
		return
	}
	if !server.operatorResources.begin() {
		resp.Diagnostics.Append(secondResource(server))
		return
	}
	operator := server.operator()
	operator.ByAge = circumstances.Due() == lifecycle.ReasonAge && circumstances.Status.Accepted() && !circumstances.Consent
	token, warnings, err := operator.Rotate(ctx, prior)
	if err != nil {
		server.operatorResources.end(nil)
		// The old inputs stay, so that the next plan tries again. So does the old
		// token, unless there is a new one: each may be the only one that is good.
		problems := diag.Diagnostics{operatorTokenProblem(regenerating, err, server)}
		switch {
		case !token.Secret.IsEmpty():
			state.inFormOf(plan, token)
			resp.Diagnostics.Append(state.rotate(token)...)
			facts = factsOf(token)
			problems = server.withState(problems...)
		case lifecycle.TokenIsDead(err):
			state.Status = types.StringValue(string(lifecycle.StatusRejected))
		}
		resp.Diagnostics.Append(r.save(ctx, state, &resp.State, resp.Identity)...)
		resp.Diagnostics.Append(setPrivate(ctx, resp.Private, privateFacts, facts)...)
		if circumstances.Due() == lifecycle.ReasonAge && lifecycle.MayBeDone(err) {
			resp.Diagnostics.Append(setPrivate(ctx, resp.Private, privateAge, true)...)
		}
		resp.Diagnostics.Append(problems...)
		return
	}
	expires := plan.ExpiresAt
	resp.Diagnostics.Append(plan.rotate(token)...)
	if !expires.IsUnknown() {
		plan.ExpiresAt = expires // as it was planned; a refresh would tell
	}
	resp.Diagnostics.Append(r.save(ctx, plan, &resp.State, resp.Identity)...)
	resp.Diagnostics.Append(setPrivate(ctx, resp.Private, privateFacts, factsOf(token))...)
	resp.Diagnostics.Append(setPrivate(ctx, resp.Private, privateAge, false)...)
	resp.Diagnostics.Append(setPrivate(ctx, resp.Private, privateImported, lifecycle.NotImported)...)
	resp.Diagnostics.Append(plan.unreadableWarning(server)...)
	resp.Diagnostics.Append(asDiagnostics(warnings)...)
	server.rotated(token)
}

// Delete implements resource.Resource. The server cannot delete the operator
// token; what it has is handed over to a creation that may follow, of a replacement
// or of another block.
func (r *adminTokenResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var state adminTokenModel
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	server := r.server(state.Server)
	facts, diags := getPrivate[operatorFacts](ctx, req.Private, privateFacts)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	// The entry can have another name by now, and the same address.
	heirs := r.servers.at(facts.Address)
	switch {
	case server.usable():
	case !state.removal(server).Allowed():
		resp.Diagnostics.Append(deletionProtected(state, server))
		return
	case len(heirs) == 0:
		return
	default:
		server = heirs[0]
	}
	token, removal := state.operatorToken(facts, server.identities), state.removal(server)
	if removal.Replaced {
		return // what create_before_destroy has replaced: dead, or the same
	}
	// A destruction of a protected token does not get here, because its plan fails.
	// A replacement does: the plan of one looks like a creation.
	if !removal.Allowed() {
		resp.Diagnostics.Append(deletionProtected(state, server))
		return
	}
	kept := server.operatorResources.handOver(handedOver{state, token})
	for _, heir := range heirs {
		if heir.operatorResources != server.operatorResources { // once each: a creation may have taken it already
			kept = heir.operatorResources.handOver(handedOver{state, token}) && kept
		}
	}
	if !kept && token.Status.Accepted() {
		resp.Diagnostics.Append(creationFailed(state, server))
		return
	}
	if token.Status.Accepted() {
		resp.Diagnostics.AddWarning("Operator Token Stays Valid",
			"InfluxDB 3 cannot delete its operator token. The token is no longer in state, but it works for everybody who has it until it is regenerated. "+
				"If this run creates another block for the same server, that block gets it.")
	}
}

// ImportState implements resource.ResourceWithImportState.
func (r *adminTokenResource) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	identity, diags := importName(ctx, req)
	resp.Diagnostics.Append(diags...)
	server, diags := r.importServer(ctx, &identity, req.ID == "")
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() || server.notConfigured(&resp.Diagnostics) {
		return
	}
	if name := identity.Name.ValueString(); name != influxdb3.OperatorTokenName {
		resp.Diagnostics.AddError("Invalid Import ID", fmt.Sprintf("The ID of the operator token is %q for the server of the provider block itself, and \"SERVER/%[1]s\" for one in servers. Got %[2]q. Do not use the token as the ID: the import takes the provider's token.", influxdb3.OperatorTokenName, loggable(name)))
		return
	}
	token, err := server.operator().Adopt(ctx)
	if err != nil {
		resp.Diagnostics.Append(operatorTokenProblem(importing, err, server))
		return
	}
	if held, _ := server.operatorResources.holds(token.Hash()); !server.importing(token.Hash()) || held {
		resp.Diagnostics.Append(secondResource(server))
		return
	}
	model := importedOperatorToken(server)
	resp.Diagnostics.Append(model.take(token)...)
	model.FallbackStatus = optional(string(server.operator().FallbackOf(token)))
	if resp.Diagnostics.Append(identity.checkCluster(token.ClusterUUID, server)...); resp.Diagnostics.HasError() {
		return
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, &model)...)
	resp.Diagnostics.Append(resp.Identity.Set(ctx, &tokenIdentityModel{Name: model.Name, ClusterUUID: model.ClusterUUID})...)
	resp.Diagnostics.Append(setPrivate(ctx, resp.Private, privateImported, lifecycle.Imported)...)
	resp.Diagnostics.Append(setPrivate(ctx, resp.Private, privateFacts, factsOf(token))...)
	resp.Diagnostics.Append(model.importedPlain(server)...)
}

// importedOperatorToken is what an import takes for granted.
func importedOperatorToken(server *configuredServer) adminTokenModel {
	return adminTokenModel{
		secretModel:        importedSecret(server.identities),
		Server:             optional(server.name),
		RotationTriggers:   types.MapNull(types.StringType),
		RotateAfter:        durationNull(),
		ExistingToken:      types.StringValue(existingAdopt),
		DeletionProtection: types.BoolValue(true),
		ID:                 types.StringValue(influxdb3.OperatorTokenName),
		Name:               types.StringValue(influxdb3.OperatorTokenName),
	}
}

// keep puts a token into the state of a creation that goes on or fails.
func (r *adminTokenResource) keep(ctx context.Context, held *handedOver, resp *resource.CreateResponse) diag.Diagnostics {
	diags := r.save(ctx, held.model, &resp.State, resp.Identity)
	diags.Append(setPrivate(ctx, resp.Private, privateFacts, factsOf(held.token))...)
	return diags
}

// save sets state and identity. A missing identity after Create is an error of the
// framework, which would taint the resource.
func (r *adminTokenResource) save(ctx context.Context, model adminTokenModel, state attributeSetter, identity *tfsdk.ResourceIdentity) diag.Diagnostics {
	diags := state.Set(ctx, &model)
	diags.Append(identify(ctx, identity, model.Name, model.ClusterUUID)...)
	return diags
}
