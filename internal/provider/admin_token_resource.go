package provider

import (
	"context"
	"fmt"

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
				Optional:   true,
				CustomType: durationType{},
				MarkdownDescription: "Regenerate at the first apply after the token has reached this age, a Go duration such as `2160h` (90 days: there is no unit for days). " +
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
				MarkdownDescription: "Whether destroying, removing or renaming the block is refused at plan, because the only copy of the token would go with it. Defaults to `true`; set it to `false` and apply before destroying.",
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
				MarkdownDescription: "As of the last refresh or rotation: `active`, `rotation_due` (older than `rotate_after`) or `rejected` (the server refused it).",
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
				MarkdownDescription: "When the token expires; null means never, which is the rule for operator tokens.",
			},
			"cluster_uuid": schema.StringAttribute{
				Computed:            true,
				PlanModifiers:       keep,
				MarkdownDescription: "Identity of the server's catalog (InfluxDB 3.7 and later, null before). Another one behind the same address is an error.",
			},
		},
	}
}

// ModifyPlan implements resource.ResourceWithModifyPlan. It runs at plan and, for
// what is planned to change, again at apply; it must not come out otherwise then,
// so that it looks at state and configuration alone and never at the clock.
func (r *adminTokenResource) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	if req.State.Raw.IsNull() {
		return // a creation: everything is unknown as it is
	}
	var state, plan adminTokenModel
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	if req.Plan.Raw.IsNull() {
		// What create_before_destroy replaced is destroyed when its successor is
		// there, and then it is not the only copy.
		if !resp.Diagnostics.HasError() && state.protected() && !r.in.hasCreated() {
			resp.Diagnostics.Append(deletionProtected())
		}
		// A replacement is not planned like this, so that Delete can tell the two.
		resp.Diagnostics.Append(setPrivate(ctx, resp.Private, privateRemoved, true)...)
		return
	}
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	resp.Diagnostics.Append(setPrivate(ctx, resp.Private, privateRemoved, false)...)
	imported, diags := getPrivate[bool](ctx, req.Private, privateImported)
	resp.Diagnostics.Append(diags...)
	overdue, diags := getPrivate[bool](ctx, req.Private, privateOverdue)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}

	circumstances := plan.circumstances(state, imported, overdue)
	switch {
	case plan.mayBecomeDue(circumstances):
		for _, name := range rotating {
			resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, path.Root(name), types.StringUnknown())...)
		}
		return
	case circumstances.Stuck() && (plan.protected() || !state.protected()): // a dead token too may be let go
		resp.Diagnostics.Append(rotatedElsewhere(imported))
		return
	}
	if imported && circumstances.TriggersChanged {
		resp.Diagnostics.AddWarning("Rotation Triggers Are Recorded Without Rotating", // a value may be secret: no path
			"This is the first change after the import, so that rotation_triggers are taken as the state of today and the token stays as it is. The next change of a trigger regenerates it.")
	}
	if circumstances.RotateAfterChanged {
		plan.RotationDueAt = plan.rotationDueAt()
		if !circumstances.Stuck() {
			plan.Status = types.StringUnknown() // whether it is due by the new limit is decided at apply, by the clock
		}
		resp.Diagnostics.Append(resp.Plan.Set(ctx, &plan)...)
	}
}

// Create implements resource.Resource.
func (r *adminTokenResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	defer keepAlive()()
	var plan adminTokenModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	if resp.Diagnostics.HasError() || r.in.notConfigured(&resp.Diagnostics) {
		return
	}
	first, replaced := r.in.claim(), r.in.takeOver()
	if !first && replaced == nil { // what was handed over must go back into state
		resp.Diagnostics.Append(secondResource(r.in))
		return
	}
	var token lifecycle.OperatorToken
	var warnings []lifecycle.Warning
	var err error
	op := establishing
	if replaced != nil {
		op = replacing
		// The old token left state when Delete returned, and this is its only
		// copy: it goes back before anything can fail.
		resp.Diagnostics.Append(r.save(ctx, *replaced, &resp.State, resp.Identity)...)
		token, warnings, err = r.in.operator().Rotate(ctx, replaced.operatorToken())
	} else {
		token, warnings, err = r.in.operator().Establish(ctx, plan.ExistingToken.ValueString() == existingRegenerate)
	}
	if err != nil {
		if replaced != nil && tokenIsDead(err) {
			replaced.Status = types.StringValue(string(lifecycle.StatusRejected))
			resp.Diagnostics.Append(r.save(ctx, *replaced, &resp.State, resp.Identity)...)
		}
		resp.Diagnostics.Append(operatorTokenProblem(op, err, r.in))
		return
	}
	plan.take(token)
	resp.Diagnostics.Append(r.save(ctx, plan, &resp.State, resp.Identity)...)
	resp.Diagnostics.Append(setPrivate(ctx, resp.Private, privatePreviousHash, token.PreviousHash)...)
	resp.Diagnostics.Append(asDiagnostics(warnings)...)
	r.in.rotated(token)
	r.in.established()
}

// Read implements resource.Resource.
func (r *adminTokenResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var state adminTokenModel
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	// The framework expects an identity whatever follows.
	resp.Diagnostics.Append(resp.Identity.Set(ctx, &tokenIdentityModel{Name: state.Name})...)
	if resp.Diagnostics.HasError() || !r.in.usable() {
		return // not configured yet: the prior state is the best there is
	}
	prior := state.operatorToken()
	previous, diags := getPrivate[string](ctx, req.Private, privatePreviousHash)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	prior.PreviousHash = previous
	seen, err := r.in.operator().Inspect(ctx, prior, durationOf(state.RotateAfter))
	if err != nil {
		resp.Diagnostics.Append(operatorTokenProblem(reading, err, r.in))
		return
	}
	state.refresh(seen.Token)
	resp.Diagnostics.Append(r.save(ctx, state, &resp.State, resp.Identity)...)
	resp.Diagnostics.Append(setPrivate(ctx, resp.Private, privatePreviousHash, seen.Token.PreviousHash)...)
	resp.Diagnostics.Append(setPrivate(ctx, resp.Private, privateOverdue, seen.Overdue)...)
	switch {
	case seen.TakenOver:
		resp.Diagnostics.Append(takenOver())
	case seen.Token.Status == lifecycle.StatusRejected:
		resp.Diagnostics.Append(refusedWarning())
	}
}

// Update implements resource.Resource.
func (r *adminTokenResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	defer keepAlive()()
	var state, plan adminTokenModel
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	if resp.Diagnostics.HasError() || r.in.notConfigured(&resp.Diagnostics) {
		return
	}
	if !plan.Token.IsUnknown() {
		if plan.Status.IsUnknown() {
			plan.Status = types.StringValue(string(lifecycle.StatusAt(r.in.clock.Now(), timeOf(plan.RotatedAt), durationOf(plan.RotateAfter))))
		}
		resp.Diagnostics.Append(r.save(ctx, plan, &resp.State, resp.Identity)...)
		resp.Diagnostics.Append(setPrivate(ctx, resp.Private, privateImported, false)...)
		return
	}
	token, warnings, err := r.in.operator().Rotate(ctx, state.operatorToken())
	if err != nil {
		// The old inputs stay, so that the next plan tries again, and so does
		// the old token: it may be good, and it is the only one.
		if tokenIsDead(err) {
			state.Status = types.StringValue(string(lifecycle.StatusRejected))
		}
		resp.Diagnostics.Append(r.save(ctx, state, &resp.State, resp.Identity)...)
		resp.Diagnostics.Append(operatorTokenProblem(regenerating, err, r.in))
		return
	}
	plan.rotate(token)
	resp.Diagnostics.Append(r.save(ctx, plan, &resp.State, resp.Identity)...)
	resp.Diagnostics.Append(setPrivate(ctx, resp.Private, privatePreviousHash, token.PreviousHash)...)
	resp.Diagnostics.Append(setPrivate(ctx, resp.Private, privateOverdue, false)...)
	resp.Diagnostics.Append(setPrivate(ctx, resp.Private, privateImported, false)...)
	resp.Diagnostics.Append(asDiagnostics(warnings)...)
	r.in.rotated(token)
}

// Delete implements resource.Resource. The server cannot delete the operator
// token; what it has is handed over in case this is the first half of a
// replacement.
func (r *adminTokenResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var state adminTokenModel
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	if resp.Diagnostics.HasError() {
		return
	}
	removed, diags := getPrivate[bool](ctx, req.Private, privateRemoved)
	resp.Diagnostics.Append(diags...)
	if r.in != nil && !removed { // another resource's creation must not use it
		r.in.handOver(state)
	}
	resp.Diagnostics.AddWarning("Operator Token Stays Valid",
		"InfluxDB 3 cannot delete its operator token. It is removed from state and goes on working for whoever holds it, until it is regenerated, which a replacement does next.")
}

// ImportState implements resource.ResourceWithImportState.
func (r *adminTokenResource) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	name, diags := importName(ctx, req)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() || r.in.notConfigured(&resp.Diagnostics) {
		return
	}
	if name != influxdb3.OperatorTokenName {
		resp.Diagnostics.AddError("Invalid Import ID", fmt.Sprintf("The operator token is imported as %q, got %q. The token itself is never an ID: the provider's token is taken.", influxdb3.OperatorTokenName, loggable(name)))
		return
	}
	token, err := r.in.operator().Adopt(ctx)
	if err != nil {
		resp.Diagnostics.Append(operatorTokenProblem(importing, err, r.in))
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
	resp.Diagnostics.Append(r.save(ctx, model, &resp.State, resp.Identity)...)
	resp.Diagnostics.Append(setPrivate(ctx, resp.Private, privateImported, true)...)
}

func (r *adminTokenResource) save(ctx context.Context, model adminTokenModel, state attributeSetter, identity attributeSetter) diag.Diagnostics {
	diags := state.Set(ctx, &model)
	// Missing identity after Create is an error of the framework, which would
	// taint the resource; a CLI without identities ignores it.
	diags.Append(identity.Set(ctx, &tokenIdentityModel{Name: types.StringValue(influxdb3.OperatorTokenName)})...)
	return diags
}

// circumstances are what the plan says of a rotation, as far as it is known.
func (m adminTokenModel) circumstances(state adminTokenModel, imported, overdue bool) lifecycle.Circumstances {
	return lifecycle.Circumstances{
		Status:             lifecycle.Status(state.Status.ValueString()),
		Overdue:            overdue,
		TriggersChanged:    triggersDiffer(m.RotationTriggers, state.RotationTriggers),
		RotateAfterChanged: m.RotateAfter.IsUnknown() || durationOf(m.RotateAfter) != durationOf(state.RotateAfter),
		Imported:           imported,
		Consent:            m.ExistingToken.ValueString() == existingRegenerate,
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

// protected counts null, which only a state from elsewhere can have, as the default.
func (m adminTokenModel) protected() bool {
	return m.DeletionProtection.IsNull() || m.DeletionProtection.ValueBool()
}

// operatorToken is the part of the model that lifecycle works with.
func (m adminTokenModel) operatorToken() lifecycle.OperatorToken {
	token := lifecycle.OperatorToken{
		Secret:      influxdb3.NewSecret(m.Token.ValueString()),
		Status:      lifecycle.Status(m.Status.ValueString()),
		CreatedAt:   timeOf(m.CreatedAt),
		RotatedAt:   timeOf(m.RotatedAt),
		ClusterUUID: m.ClusterUUID.ValueString(),
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

// refresh takes what was seen, with the times as they stand where the token is
// the same.
func (m *adminTokenModel) refresh(token lifecycle.OperatorToken) {
	rotatedAt := m.RotatedAt
	same := m.Hash.ValueString() == token.Hash()
	m.take(token)
	if same {
		m.RotatedAt = rotatedAt
		m.RotationDueAt = m.rotationDueAt()
	}
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
