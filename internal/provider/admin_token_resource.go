package provider

import (
	"context"
	"fmt"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-timetypes/timetypes"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
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

type adminTokenModel struct {
	RotationTriggers   types.Map         `tfsdk:"rotation_triggers"`
	RotateAfter        duration          `tfsdk:"rotate_after"`
	ExistingToken      types.String      `tfsdk:"existing_token"`
	DeletionProtection types.Bool        `tfsdk:"deletion_protection"`
	ID                 types.String      `tfsdk:"id"`
	Name               types.String      `tfsdk:"name"`
	Token              types.String      `tfsdk:"token"`
	Hash               types.String      `tfsdk:"hash"`
	Status             types.String      `tfsdk:"status"`
	CreatedAt          timetypes.RFC3339 `tfsdk:"created_at"`
	RotatedAt          timetypes.RFC3339 `tfsdk:"rotated_at"`
	RotationDueAt      timetypes.RFC3339 `tfsdk:"rotation_due_at"`
	ExpiresAt          timetypes.RFC3339 `tfsdk:"expires_at"`
	ClusterUUID        types.String      `tfsdk:"cluster_uuid"`
	FallbackStatus     types.String      `tfsdk:"fallback_status"`
}

// The values of existing_token.
const (
	existingAdopt      = "adopt"
	existingRegenerate = "regenerate"
)

// rotating are the attributes that a rotation changes, and no other.
var rotating = []string{"token", "hash", "status", "rotated_at", "rotation_due_at", "expires_at"}

// Metadata implements resource.Resource.
func (r *adminTokenResource) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_admin_token"
}

// Schema implements resource.Resource.
func (r *adminTokenResource) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	keep := []planmodifier.String{stringplanmodifier.UseStateForUnknown()}
	resp.Schema = schema.Schema{
		MarkdownDescription: "The operator token of an InfluxDB 3 server, `_admin`: bootstrapped on a new server, adopted on a running one, " +
			"and regenerated in place whenever `rotation_triggers` change or `rotate_after` is over.\n\n" +
			"Regenerating kills the old token at once, and the server shows the new one this one time. It goes into state as the sensitive attribute `token`. " +
			"One server has one operator token, so one such resource.",
		Attributes: map[string]schema.Attribute{
			"rotation_triggers": schema.MapAttribute{
				ElementType:         types.StringType,
				Optional:            true,
				MarkdownDescription: "Arbitrary values. When one of them is changed, added or removed, the token is regenerated in place. No map and an empty map are the same.",
			},
			"rotate_after": schema.StringAttribute{
				Optional:      true,
				CustomType:    durationType{},
				PlanModifiers: []planmodifier.String{keepEqualDuration{}},
				MarkdownDescription: "Regenerate at the first apply after the token has reached this age, such as `90d`, `2w` or `1h30m`. " +
					"Whether it has is seen when the state is refreshed. Changing it rotates nothing by itself.",
				Validators: []validator.String{positiveDuration{}},
			},
			"existing_token": schema.StringAttribute{
				Optional: true,
				Computed: true,
				Default:  stringdefault.StaticString(existingAdopt),
				MarkdownDescription: "What to do about an operator token that somebody else holds: `adopt` (default) takes the provider's token if it is the operator token and never regenerates one of somebody else's, " +
					"`regenerate` consents to regenerating it, when the resource is created and when the server refuses the token in state.",
				Validators: []validator.String{discreet{stringvalidator.OneOf(existingAdopt, existingRegenerate)}},
			},
			"deletion_protection": schema.BoolAttribute{
				Optional:            true,
				Computed:            true,
				Default:             booldefault.StaticBool(true),
				MarkdownDescription: "Whether destroying, removing, renaming or replacing the block is refused, because the only copy of the token would go with it. Defaults to `true`; set it to `false` and apply before destroying. Rotation needs no replacement.",
			},
			"id": schema.StringAttribute{
				Computed:            true,
				Default:             stringdefault.StaticString(influxdb3.OperatorTokenName),
				MarkdownDescription: "`_admin`.",
			},
			"name": schema.StringAttribute{
				Computed:            true,
				Default:             stringdefault.StaticString(influxdb3.OperatorTokenName),
				MarkdownDescription: "Name of the token on the server, `_admin`.",
			},
			"token": schema.StringAttribute{
				Computed:            true,
				Sensitive:           true,
				PlanModifiers:       keep,
				MarkdownDescription: "The operator token.",
			},
			"hash": schema.StringAttribute{
				Computed:            true,
				PlanModifiers:       keep,
				MarkdownDescription: "First nine hex digits of the SHA-512 of the token, as `influxdb3 show tokens` prints it. It is no secret and changes with the token, so it is what should trigger whatever consumes the token.",
			},
			"status": schema.StringAttribute{
				Computed:            true,
				PlanModifiers:       keep,
				MarkdownDescription: "As of the last refresh or rotation: `active`, `rotation_due` (older than `rotate_after`), `rejected` (the server refused it) or `expired` (its time is over, and no new operator token would work either).",
			},
			"created_at": schema.StringAttribute{
				Computed:            true,
				CustomType:          timetypes.RFC3339Type{},
				PlanModifiers:       keep,
				MarkdownDescription: "When the server first made its operator token. Rotations do not change it.",
			},
			"rotated_at": schema.StringAttribute{
				Computed:            true,
				CustomType:          timetypes.RFC3339Type{},
				PlanModifiers:       keep,
				MarkdownDescription: "When this token was made, by the server's clock.",
			},
			"rotation_due_at": schema.StringAttribute{
				Computed:            true,
				CustomType:          timetypes.RFC3339Type{},
				PlanModifiers:       keep,
				MarkdownDescription: "`rotated_at` plus `rotate_after`; null without `rotate_after`.",
			},
			"expires_at": schema.StringAttribute{
				Computed:            true,
				CustomType:          timetypes.RFC3339Type{},
				PlanModifiers:       keep,
				MarkdownDescription: "When the token expires; null means never, which is the rule. Only a token file with an expiry makes an operator token that expires, and regenerating it does not change that.",
			},
			"cluster_uuid": schema.StringAttribute{
				Computed:            true,
				PlanModifiers:       keep,
				MarkdownDescription: "Identity of the server's catalog (InfluxDB 3.7 and later, null before). Another one behind the same address is an error.",
			},
			"fallback_status": schema.StringAttribute{
				Computed:      true,
				PlanModifiers: keep,
				MarkdownDescription: "What would heal a rotation whose reply is lost, as of the last refresh: `active` (the provider's token is another one, which the server accepts), " +
					"`expiring` (it expires within 30 days), `refused` (the server does not know it, or it has expired), `same` (it is the operator token itself, which a rotation kills), " +
					"`recovery_listener` (no such token, but `recovery_url` is set), or `none`. On InfluxDB 3 Enterprise a named admin token cannot heal it.",
			},
		},
	}
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

// consents says whether a token that somebody else may hold may be regenerated.
func (m adminTokenModel) consents() bool { return m.ExistingToken.ValueString() == existingRegenerate }

// mayBecomeDue says whether a rotation is due, or could become due at apply by a
// value that is still unknown. Then the plan must leave everything unknown: turning
// known is allowed at apply, the reverse is not.
func (m adminTokenModel) mayBecomeDue(c lifecycle.Circumstances) bool {
	c.TriggersChanged = c.TriggersChanged || anyUnknown(m.RotationTriggers)
	c.RotateAfterChanged = c.RotateAfterChanged && !m.RotateAfter.IsUnknown()
	c.Consent = c.Consent || m.ExistingToken.IsUnknown()
	return c.Due() != lifecycle.ReasonNone
}

// protected counts null, which only a state from elsewhere can have, as the default.
func (m adminTokenModel) protected() bool {
	return m.DeletionProtection.IsNull() || m.DeletionProtection.ValueBool()
}

// operatorToken is the part of the model that lifecycle works with.
func (m adminTokenModel) operatorToken(facts operatorFacts) lifecycle.OperatorToken {
	token := lifecycle.OperatorToken{
		Identity:     lifecycle.Identity{ClusterUUID: m.ClusterUUID.ValueString(), Build: facts.Build, Version: facts.Version},
		Secret:       influxdb3.NewSecret(m.Token.ValueString()),
		Status:       lifecycle.Status(m.Status.ValueString()),
		CreatedAt:    timeOf(m.CreatedAt),
		RotatedAt:    timeOf(m.RotatedAt),
		ListedAt:     facts.listedAt(),
		PreviousHash: facts.PreviousHash,
	}
	if !m.ExpiresAt.IsNull() {
		expires := timeOf(m.ExpiresAt)
		token.ExpiresAt = &expires
	}
	return token
}

// rotate takes what a rotation changed, and nothing else: the rest was planned.
func (m *adminTokenModel) rotate(token lifecycle.OperatorToken) {
	m.Token = types.StringValue(token.Secret.Reveal())
	m.Hash = types.StringValue(token.Hash())
	m.Status = types.StringValue(string(token.Status))
	m.RotatedAt = timestamp(&token.RotatedAt)
	m.ExpiresAt = timestamp(token.ExpiresAt)
	m.RotationDueAt = m.rotationDueAt()
}

// take takes everything that is known of a token.
func (m *adminTokenModel) take(token lifecycle.OperatorToken) {
	m.rotate(token)
	m.CreatedAt = timestamp(&token.CreatedAt)
	m.ClusterUUID = optional(token.ClusterUUID)
}

func (m adminTokenModel) rotationDueAt() timetypes.RFC3339 {
	if m.RotateAfter.IsUnknown() {
		return timetypes.NewRFC3339Unknown()
	}
	if durationOf(m.RotateAfter) == 0 || m.RotatedAt.IsNull() {
		return timetypes.NewRFC3339Null()
	}
	due := timeOf(m.RotatedAt).Add(durationOf(m.RotateAfter))
	return timestamp(&due)
}

// factsOf are the facts to keep of a token.
func factsOf(token lifecycle.OperatorToken) operatorFacts {
	facts := operatorFacts{PreviousHash: token.PreviousHash, Build: token.Build, Version: token.Version}
	if !token.ListedAt.IsZero() {
		facts.ListedAt = token.ListedAt.Format(time.RFC3339Nano)
	}
	return facts
}
