package provider

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-timetypes/timetypes"
	"github.com/hashicorp/terraform-plugin-framework-validators/setvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/int64planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3"
	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/lifecycle"
)

var (
	_ resource.ResourceWithConfigure      = (*issuedTokenResource)(nil)
	_ resource.ResourceWithModifyPlan     = (*issuedTokenResource)(nil)
	_ resource.ResourceWithImportState    = (*issuedTokenResource)(nil)
	_ resource.ResourceWithIdentity       = (*issuedTokenResource)(nil)
	_ resource.ResourceWithValidateConfig = (*issuedTokenResource)(nil)
)

// NewNamedAdminTokenResource returns the resource of named admin tokens.
func NewNamedAdminTokenResource() resource.Resource { return &issuedTokenResource{} }

// NewResourceTokenResource returns the resource of resource tokens.
func NewResourceTokenResource() resource.Resource { return &issuedTokenResource{limited: true} }

// issuedTokenResource serves both kinds of tokens that are created and deleted by
// name. They differ by permissions alone.
type issuedTokenResource struct {
	tokenResource

	limited bool // has permissions
}

type issuedTokenModel struct {
	Name               types.String      `tfsdk:"name"`
	NamePrefix         types.String      `tfsdk:"name_prefix"`
	ExpiresIn          duration          `tfsdk:"expires_in"`
	RotationTriggers   types.Map         `tfsdk:"rotation_triggers"`
	RotateBeforeExpiry duration          `tfsdk:"rotate_before_expiry"`
	KeepOnDestroy      types.Bool        `tfsdk:"keep_on_destroy"`
	ID                 types.String      `tfsdk:"id"`
	TokenID            types.Int64       `tfsdk:"token_id"`
	Token              types.String      `tfsdk:"token"`
	Hash               types.String      `tfsdk:"hash"`
	Status             types.String      `tfsdk:"status"`
	CreatedAt          timetypes.RFC3339 `tfsdk:"created_at"`
	ExpiresAt          timetypes.RFC3339 `tfsdk:"expires_at"`
	ClusterUUID        types.String      `tfsdk:"cluster_uuid"`
}

// limitedTokenModel is the model of both kinds in the code; Permissions stays
// null for named admin tokens, whose schema does not have it.
type limitedTokenModel struct {
	issuedTokenModel
	Permissions types.Set `tfsdk:"permissions"`
}

type permissionModel struct {
	ResourceType  types.String `tfsdk:"resource_type"`
	ResourceNames types.Set    `tfsdk:"resource_names"`
	Actions       types.Set    `tfsdk:"actions"`
}

var permissionType = types.ObjectType{AttrTypes: map[string]attr.Type{
	"resource_type":  types.StringType,
	"resource_names": types.SetType{ElemType: types.StringType},
	"actions":        types.SetType{ElemType: types.StringType},
}}

// Metadata implements resource.Resource.
func (r *issuedTokenResource) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_named_admin_token"
	if r.limited {
		resp.TypeName = req.ProviderTypeName + "_resource_token"
	}
}

// Schema implements resource.Resource.
func (r *issuedTokenResource) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	keep := []planmodifier.String{stringplanmodifier.UseStateForUnknown()}
	resp.Schema = schema.Schema{
		MarkdownDescription: "A named admin token (InfluxDB 3.1 and later): it may do everything, also regenerate the operator token on InfluxDB 3 Core, and is not killed when the operator token is rotated.\n\n" +
			issuedDescription,
		Attributes: map[string]schema.Attribute{
			"name": schema.StringAttribute{
				Optional:            true,
				Computed:            true,
				PlanModifiers:       keep,
				MarkdownDescription: "Name of the token on the server, unique among tokens of all kinds. Exactly one of `name` and `name_prefix` is set. Changing it replaces the token.",
				Validators: []validator.String{
					discreet{stringvalidator.ExactlyOneOf(path.MatchRoot("name"), path.MatchRoot("name_prefix"))},
					tokenName{},
				},
			},
			"name_prefix": schema.StringAttribute{
				Optional: true,
				MarkdownDescription: "Beginning of a name that is made unique. With `create_before_destroy` a replacement then leaves no gap: the old token lives until its consumers have the new one. " +
					"A prefix that the name does not have replaces the token.",
				Validators: []validator.String{tokenName{prefix: true}},
			},
			"expires_in": schema.StringAttribute{
				Optional:            true,
				CustomType:          durationType{},
				PlanModifiers:       []planmodifier.String{keepEqualDuration{}},
				MarkdownDescription: "Lifetime of the token in whole seconds, such as `90d`, `2w` or `1h30m`. Without it the token never expires. Changing it replaces the token, except for the first change after an import, which records it and warns.",
				Validators:          []validator.String{positiveDuration{wholeSeconds: true}},
			},
			"rotation_triggers": schema.MapAttribute{
				ElementType:         types.StringType,
				Optional:            true,
				MarkdownDescription: "Arbitrary values. When one of them is changed, added or removed, the token is replaced. No map and an empty map are the same.",
			},
			"rotate_before_expiry": schema.StringAttribute{
				Optional:      true,
				CustomType:    durationType{},
				PlanModifiers: []planmodifier.String{keepEqualDuration{}},
				MarkdownDescription: "Replace the token at the first apply within this time before it expires, such as `7d`; shorter than `expires_in`. " +
					"Whether it is time is seen when the state is refreshed. Changing it replaces nothing by itself.",
				Validators: []validator.String{positiveDuration{}},
			},
			"keep_on_destroy": schema.BoolAttribute{
				Optional: true,
				Computed: true,
				Default:  booldefault.StaticBool(false),
				MarkdownDescription: "Whether the token is left on the server until it expires when it is destroyed or replaced. Only with `name_prefix`, because a fixed name would stay taken. " +
					"What counts is the value in state: apply it before the change that destroys.",
			},
			"id": schema.StringAttribute{
				Computed:            true,
				PlanModifiers:       keep,
				MarkdownDescription: "The name.",
			},
			"token_id": schema.Int64Attribute{
				Computed:            true,
				PlanModifiers:       []planmodifier.Int64{int64planmodifier.UseStateForUnknown()},
				MarkdownDescription: "Number that the server gave the token.",
			},
			"token": schema.StringAttribute{
				Computed:            true,
				Sensitive:           true,
				PlanModifiers:       keep,
				MarkdownDescription: "The token. Null after an import, until it is replaced (`terraform apply -replace`): the server shows it once.",
			},
			"hash": schema.StringAttribute{
				Computed:            true,
				PlanModifiers:       keep,
				MarkdownDescription: "First nine hex digits of the SHA-512 of the token, as `influxdb3 show tokens` prints it. It is no secret, so it is what should trigger whatever consumes the token.",
			},
			"status": schema.StringAttribute{
				Computed:            true,
				PlanModifiers:       keep,
				MarkdownDescription: "As of the last refresh: `active`, `renewal_due` (expires within `rotate_before_expiry`), `expired`, or `foreign` (somebody else made another token of this name). All but the first plan a replacement.",
			},
			"created_at": schema.StringAttribute{
				Computed:            true,
				CustomType:          timetypes.RFC3339Type{},
				PlanModifiers:       keep,
				MarkdownDescription: "When the token was created, by the server's clock.",
			},
			"expires_at": schema.StringAttribute{
				Computed:            true,
				CustomType:          timetypes.RFC3339Type{},
				PlanModifiers:       keep,
				MarkdownDescription: "When the token expires; null means never.",
			},
			"cluster_uuid": schema.StringAttribute{
				Computed:            true,
				PlanModifiers:       keep,
				MarkdownDescription: "Identity of the server's catalog (InfluxDB 3.7 and later, null before). Another one behind the same address is an error.",
			},
		},
	}
	if !r.limited {
		return
	}
	resp.Schema.MarkdownDescription = "A resource token: it may do what `permissions` say. InfluxDB 3 Enterprise and InfluxDB 3 Cloud only; InfluxDB 3 Core has none.\n\n" + issuedDescription
	resp.Schema.Attributes["permissions"] = schema.SetNestedAttribute{
		Required:            true,
		MarkdownDescription: "What the token may do. Order makes no difference. Changing it replaces the token. A permission in the notation of the CLI, `db:mydb:read,write`, is read by the function `parse_permission`.",
		Validators:          []validator.Set{setvalidator.SizeAtLeast(1)},
		NestedObject: schema.NestedAttributeObject{
			Validators: []validator.Object{validPermission{}},
			Attributes: map[string]schema.Attribute{
				"resource_type": schema.StringAttribute{
					Required:            true,
					MarkdownDescription: "`db` or `system`.",
				},
				"resource_names": schema.SetAttribute{
					ElementType:         types.StringType,
					Required:            true,
					MarkdownDescription: "Names of databases, or of system resources (`health`, `metrics`, `ping`, `ready`); or `*` alone for all. A database that is dropped and created again loses its grant.",
				},
				"actions": schema.SetAttribute{
					ElementType:         types.StringType,
					Required:            true,
					MarkdownDescription: "For `db`: `read`, `write`, and on newer servers `create`, `describe`, `delete`. For `system`: `read`.",
				},
			},
		},
	}
}

const issuedDescription = "The server cannot change a token, so that whatever it knows of one replaces it when it is changed. " +
	"The server shows the token once, at its creation; it goes into state as the sensitive attribute `token`. " +
	"A token that is gone, has expired or was made anew by somebody else is planned for replacement, and so is one within `rotate_before_expiry`."

// ValidateConfig implements resource.ResourceWithValidateConfig: what one
// attribute alone cannot tell.
func (r *issuedTokenResource) ValidateConfig(ctx context.Context, req resource.ValidateConfigRequest, resp *resource.ValidateConfigResponse) {
	config, diags := r.get(ctx, req.Config)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	if config.KeepOnDestroy.ValueBool() && !config.Name.IsNull() && !config.Name.IsUnknown() {
		resp.Diagnostics.AddAttributeError(path.Root("keep_on_destroy"), "Invalid Combination",
			"keep_on_destroy needs name_prefix: a fixed name stays taken by the token that is kept, and its replacement could not be created.")
	}
	if config.KeepOnDestroy.ValueBool() && config.ExpiresIn.IsNull() {
		resp.Diagnostics.AddAttributeWarning(path.Root("keep_on_destroy"), "Kept Tokens Never Expire",
			"Without expires_in every token that is kept stays valid for good, and nothing remembers it. Set expires_in.")
	}
	before, in := durationOf(config.RotateBeforeExpiry), durationOf(config.ExpiresIn)
	switch {
	case before > 0 && config.ExpiresIn.IsNull():
		resp.Diagnostics.AddAttributeError(path.Root("rotate_before_expiry"), "Invalid Combination",
			"rotate_before_expiry needs expires_in: a token that never expires has no time before its expiry.")
	case before > 0 && in > 0 && before >= in:
		resp.Diagnostics.AddAttributeError(path.Root("rotate_before_expiry"), "Invalid Combination",
			fmt.Sprintf("rotate_before_expiry (%s) must be shorter than expires_in (%s), or every apply replaces the token.", before, in))
	}
}

// ModifyPlan implements resource.ResourceWithModifyPlan. Like that of the operator
// token it looks at state and configuration, and never at the clock.
func (r *issuedTokenResource) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	if req.State.Raw.IsNull() {
		return
	}
	state, diags := r.get(ctx, req.State)
	resp.Diagnostics.Append(diags...)
	if req.Plan.Raw.IsNull() {
		resp.Diagnostics.Append(r.ownCredential(state, state.Hash.ValueString())...)
		resp.Diagnostics.Append(setPrivate(ctx, resp.Private, privateGivesWay, "")...)
		return
	}
	plan, diags := r.get(ctx, req.Plan)
	resp.Diagnostics.Append(diags...)
	config, diags := r.get(ctx, req.Config)
	resp.Diagnostics.Append(diags...)
	stage, diags := getPrivate[importStage](ctx, req.Private, privateImported)
	resp.Diagnostics.Append(diags...)
	imported := stage != notImported
	theirs, diags := getPrivate[string](ctx, req.Private, privateForeignHash)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	givesWay := ""
	if state.foreign() && config.Name.Equal(state.Name) {
		givesWay = theirs // as the warning says
		resp.Diagnostics.Append(r.ownCredential(state, theirs)...)
	}
	resp.Diagnostics.Append(setPrivate(ctx, resp.Private, privateGivesWay, givesWay)...)
	if reasons := plan.replacedBy(state, config, imported); len(reasons) > 0 {
		for _, name := range []string{"token", "hash", "status", "id"} {
			resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, path.Root(name), types.StringUnknown())...)
		}
		for _, name := range append(reasons, "token") {
			resp.RequiresReplace.Append(path.Root(name))
		}
		return
	}
	if imported {
		resp.Diagnostics.Append(plan.expiryWarning(state)...)
		if triggersDiffer(plan.RotationTriggers, state.RotationTriggers) {
			resp.Diagnostics.Append(triggersRecorded("the token stays as it is. The next change of a trigger replaces it."))
		}
	}
	if durationOf(plan.RotateBeforeExpiry) != durationOf(state.RotateBeforeExpiry) || plan.RotateBeforeExpiry.IsUnknown() {
		resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, path.Root("status"), types.StringUnknown())...) // decided at apply, by the clock
	}
}

// replacedBy names the attributes that make a replacement necessary. One that is
// still unknown counts as changed.
func (m limitedTokenModel) replacedBy(state, config limitedTokenModel, imported bool) (reasons []string) {
	if !config.Name.IsNull() && !config.Name.Equal(state.Name) {
		reasons = append(reasons, "name")
	}
	if !m.NamePrefix.IsNull() && (m.NamePrefix.IsUnknown() || !strings.HasPrefix(state.Name.ValueString(), m.NamePrefix.ValueString())) {
		reasons = append(reasons, "name_prefix")
	}
	if !imported && (m.ExpiresIn.IsUnknown() || durationOf(m.ExpiresIn) != durationOf(state.ExpiresIn)) {
		reasons = append(reasons, "expires_in")
	}
	if !imported && (anyUnknown(m.RotationTriggers) || triggersDiffer(m.RotationTriggers, state.RotationTriggers)) {
		reasons = append(reasons, "rotation_triggers")
	}
	if !m.Permissions.Equal(state.Permissions) {
		reasons = append(reasons, "permissions")
	}
	switch status := lifecycle.IssuedStatus(state.Status.ValueString()); status {
	case lifecycle.IssuedExpired, lifecycle.IssuedForeign:
		reasons = append(reasons, "status")
	case lifecycle.IssuedRenewalDue:
		if m.RotateBeforeExpiry.IsUnknown() || durationOf(m.RotateBeforeExpiry) == durationOf(state.RotateBeforeExpiry) {
			reasons = append(reasons, "status")
		}
	case lifecycle.IssuedActive:
	}
	return reasons
}

// expiryWarning tells that an imported token does not live as long as is written:
// the first change after an import records that and replaces nothing.
func (m issuedTokenModel) expiryWarning(state limitedTokenModel) (diags diag.Diagnostics) {
	want, at := durationOf(m.ExpiresIn), timeOf(state.ExpiresAt)
	// The server counts in seconds.
	if want == 0 || !at.IsZero() && (at.Sub(timeOf(state.CreatedAt))-want).Abs() <= time.Second {
		return diags
	}
	expires := "never expires"
	if !at.IsZero() {
		expires = "expires at " + at.Format(time.RFC3339)
	}
	diags.AddAttributeWarning(path.Root("expires_in"), "Imported Token Expires Otherwise",
		fmt.Sprintf("expires_in is %s, and the token that was imported %s. The first change after an import replaces nothing: the token stays as it is until it is replaced, for example with `terraform apply -replace`.", want, expires))
	return diags
}

// Create implements resource.Resource.
func (r *issuedTokenResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	defer keepAlive()()
	plan, diags := r.get(ctx, req.Plan)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() || r.in.notConfigured(&resp.Diagnostics) {
		return
	}
	name := plan.Name.ValueString()
	unique := name == ""
	if unique {
		name = plan.NamePrefix.ValueString() + uniqueSuffix(r.in.clock.Now())
	}
	permissions, diags := permissionsOf(ctx, plan.Permissions)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	issuer := r.in.issuer()
	var expiresIn *time.Duration
	if d := durationOf(plan.ExpiresIn); d > 0 {
		expiresIn = &d
	}
	if theirs := r.in.waitingFor(name); theirs != "" { // as the plan has said, it makes room
		if err := issuer.Revoke(ctx, lifecycle.Issued{Name: name, Hash: theirs}); err != nil {
			resp.Diagnostics.Append(issuedTokenProblem("Create", name, err, r.in))
			return
		}
	}
	token, warnings, err := issuer.Issue(ctx, name, unique, func(ctx context.Context) (*influxdb3.Token, error) {
		if r.limited {
			return r.in.client.CreateResourceToken(ctx, issuer.Credential, name, permissions, expiresIn)
		}
		return r.in.client.CreateNamedAdminToken(ctx, issuer.Credential, name, expiresIn)
	})
	r.in.tokens.invalidate()
	if token != nil { // with an error, too, it may be the only copy of one that is good
		plan.Name = types.StringValue(name)
		plan.take(*token)
		resp.Diagnostics.Append(r.save(ctx, plan, &resp.State, resp.Identity)...)
	}
	if err != nil {
		resp.Diagnostics.Append(issuedTokenProblem("Create", name, err, r.in))
		return
	}
	resp.Diagnostics.Append(asDiagnostics(warnings)...)
	if !r.limited {
		r.in.issued(token.Secret)
	}
}

// Read implements resource.Resource.
func (r *issuedTokenResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	state, diags := r.get(ctx, req.State)
	resp.Diagnostics.Append(diags...)
	// The framework expects an identity whatever follows.
	resp.Diagnostics.Append(identify(ctx, resp.Identity, state.Name, state.ClusterUUID)...)
	if resp.Diagnostics.HasError() || !r.in.usable() {
		return // not configured yet: the prior state is the best there is
	}
	name := state.Name.ValueString()
	row, listing, err := r.look(ctx, state)
	if err != nil {
		resp.Diagnostics.Append(issuedTokenProblem("Read", name, err, r.in))
		return
	}
	if row == nil {
		resp.Diagnostics.AddWarning("Token Is Gone", fmt.Sprintf("The server has no token named %q any more, so that it is removed from state and planned anew.", loggable(name)))
		resp.State.RemoveResource(ctx)
		return
	}
	now := r.in.serverTime(listing)
	state.refresh(row, listing.ClusterUUID, now)
	theirs := ""
	if state.foreign() {
		theirs = row.Hash
	}
	resp.Diagnostics.Append(state.warnings(now)...)
	resp.Diagnostics.Append(r.save(ctx, state, &resp.State, resp.Identity)...)
	resp.Diagnostics.Append(setPrivate(ctx, resp.Private, privateForeignHash, theirs)...)
	stage, diags := getPrivate[importStage](ctx, req.Private, privateImported)
	resp.Diagnostics.Append(diags...)
	resp.Diagnostics.Append(setPrivate(ctx, resp.Private, privateImported, stage.refreshed(r.in.resources.importedHere(state.Hash.ValueString())))...)
}

// look finds the token of a state in the shared listing, nil if it is gone. A node
// that lags behind may not know a new token yet, or still know the one before it,
// so that both are looked at again before they count.
func (r *issuedTokenResource) look(ctx context.Context, state limitedTokenModel) (*influxdb3.TokenInfo, *influxdb3.Listing, error) {
	began := r.in.clock.Now()
	for {
		listing, err := r.in.tokens.get(ctx)
		if err != nil {
			return nil, nil, lifecycle.IssuedReadProblem(err, state.ClusterUUID.ValueString())
		}
		if err := lifecycle.IssuedHere(listing.Listing, state.ClusterUUID.ValueString()); err != nil {
			return nil, nil, err
		}
		row := listing.byName[state.Name.ValueString()]
		if row != nil && influxdb3.SameHash(row.Hash, state.Hash.ValueString()) ||
			!r.in.issuer().MayLag(ctx, timeOf(state.CreatedAt), began, listing.Date) {
			return row, listing.Listing, nil
		}
		if err := r.in.clock.Sleep(ctx, lifecycle.SyncPoll); err != nil {
			return nil, nil, lifecycle.IssuedReadProblem(err, "")
		}
		r.in.tokens.invalidate()
	}
}

// Update implements resource.Resource. Nothing that the server knows changes
// without a replacement.
func (r *issuedTokenResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	plan, diags := r.get(ctx, req.Plan)
	resp.Diagnostics.Append(diags...)
	state, diags := r.get(ctx, req.State)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() || r.in.notConfigured(&resp.Diagnostics) {
		return
	}
	if plan.Status.IsUnknown() {
		plan.Status = types.StringValue(string(lifecycle.IssuedStatusAt(r.in.clock.Now(), timeOf(state.ExpiresAt), durationOf(plan.RotateBeforeExpiry))))
	}
	resp.Diagnostics.Append(r.save(ctx, plan, &resp.State, resp.Identity)...)
	resp.Diagnostics.Append(setPrivate(ctx, resp.Private, privateImported, notImported)...)
}

// Delete implements resource.Resource.
func (r *issuedTokenResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	defer keepAlive()()
	state, diags := r.get(ctx, req.State)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() || r.in.notConfigured(&resp.Diagnostics) {
		return
	}
	name, expires := state.Name.ValueString(), timeOf(state.ExpiresAt)
	if state.foreign() { // theirs goes if its name is needed, and stays otherwise
		theirs, diags := getPrivate[string](ctx, req.Private, privateGivesWay)
		resp.Diagnostics.Append(diags...)
		resp.Diagnostics.Append(r.ownCredential(state, theirs)...)
		if !resp.Diagnostics.HasError() {
			r.in.makeWait(name, theirs)
		}
		return
	}
	// The server never purges an expired token, so that one is deleted all the same.
	if state.KeepOnDestroy.ValueBool() && !state.expired() {
		until := "for good"
		if !expires.IsZero() {
			until = "until " + expires.Format(time.RFC3339)
		}
		resp.Diagnostics.AddWarning("Token Is Kept on the Server", fmt.Sprintf("keep_on_destroy is set: the token %q is removed from state and stays valid %s.", loggable(name), until))
		return
	}
	if diags := r.ownCredential(state, state.Hash.ValueString()); diags.HasError() {
		resp.Diagnostics.Append(diags...)
		return
	}
	token := lifecycle.Issued{Name: name, Hash: state.Hash.ValueString(), ClusterUUID: state.ClusterUUID.ValueString(), CreatedAt: timeOf(state.CreatedAt)}
	err := r.in.issuer().Revoke(ctx, token)
	if r.in.outlive(token.Hash) && err != nil {
		err = r.in.issuer().Revoke(ctx, token) // a reply was lost, which the token itself cannot look up
	}
	r.in.tokens.invalidate()
	if err != nil {
		resp.Diagnostics.Append(issuedTokenProblem("Delete", name, err, r.in))
	}
}

// ImportState implements resource.ResourceWithImportState.
func (r *issuedTokenResource) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	identity, diags := importName(ctx, req)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() || r.in.notConfigured(&resp.Diagnostics) {
		return
	}
	name := identity.Name.ValueString()
	if err := influxdb3.ValidateTokenName(name); err != nil {
		resp.Diagnostics.AddError("Invalid Import ID", fmt.Sprintf("A token is imported by its name, and %q cannot be one: %s.", loggable(name), err))
		return
	}
	listing, err := r.in.tokens.get(ctx)
	if err != nil {
		resp.Diagnostics.Append(issuedTokenProblem("Import", name, lifecycle.IssuedReadProblem(err, ""), r.in))
		return
	}
	row := listing.byName[name]
	if row == nil {
		resp.Diagnostics.AddError("Unable to Import Token", fmt.Sprintf("The server has no token named %q.\n\nNothing was changed.\n\nThe data source influxdb3_tokens lists the names that there are.", loggable(name)))
		return
	}
	model := limitedTokenModel{
		issuedTokenModel: issuedTokenModel{
			Name: types.StringValue(name), NamePrefix: types.StringNull(),
			ExpiresIn: durationNull(), RotateBeforeExpiry: durationNull(),
			RotationTriggers: types.MapNull(types.StringType), KeepOnDestroy: types.BoolValue(false),
			ID: types.StringValue(name), Token: types.StringNull(), Hash: types.StringValue(row.Hash),
		},
		Permissions: types.SetNull(permissionType),
	}
	permissions, limited := influxdb3.ParsePermissions(row.Permissions)
	if limited != r.limited {
		resp.Diagnostics.Append(otherKind(name, limited))
		return
	}
	if limited {
		var diags diag.Diagnostics
		model.Permissions, diags = permissionSet(ctx, permissions)
		resp.Diagnostics.Append(diags...)
	}
	model.refresh(row, listing.ClusterUUID, r.in.serverTime(listing.Listing))
	if resp.Diagnostics.Append(identity.checkCluster(listing.ClusterUUID, r.in)...); resp.Diagnostics.HasError() {
		return
	}
	r.in.resources.importing(row.Hash)
	resp.Diagnostics.Append(r.save(ctx, model, &resp.State, nil)...)
	resp.Diagnostics.Append(resp.Identity.Set(ctx, &tokenIdentityModel{Name: model.Name, ClusterUUID: model.ClusterUUID})...)
	resp.Diagnostics.Append(setPrivate(ctx, resp.Private, privateImported, imported)...)
	resp.Diagnostics.AddWarning("Imported Token Has No Secret", fmt.Sprintf("The server shows a token once, when it makes it: the attribute token of %q is null until the token is replaced. "+
		"`terraform apply -replace` with the resource's address does that. A provider block that has it as its token would use INFLUXDB3_AUTH_TOKEN instead.", loggable(name)))
}

// ownCredential refuses to delete the token with that hash if it is the one that the
// provider works with: nothing could be done after it, not even to make another
// one. A successor that was created first makes it dispensable.
func (r *issuedTokenResource) ownCredential(state limitedTokenModel, hash string) (diags diag.Diagnostics) {
	kept := state.KeepOnDestroy.ValueBool() && !state.foreign()
	if r.in.usable() && r.in.dependsOn(hash) && !state.expired() && !kept {
		diags.Append(ownCredential(state.Name.ValueString()))
	}
	return diags
}

func (r *issuedTokenResource) get(ctx context.Context, from attributeGetter) (limitedTokenModel, diag.Diagnostics) {
	model := limitedTokenModel{Permissions: types.SetNull(permissionType)}
	if r.limited {
		diags := from.Get(ctx, &model)
		return model, diags
	}
	diags := from.Get(ctx, &model.issuedTokenModel)
	return model, diags
}

func (r *issuedTokenResource) save(ctx context.Context, model limitedTokenModel, state attributeSetter, identity *tfsdk.ResourceIdentity) (diags diag.Diagnostics) {
	if r.limited {
		diags = state.Set(ctx, &model)
	} else {
		diags = state.Set(ctx, &model.issuedTokenModel)
	}
	diags.Append(identify(ctx, identity, model.Name, model.ClusterUUID)...)
	return diags
}

func (m issuedTokenModel) foreign() bool {
	return lifecycle.IssuedStatus(m.Status.ValueString()) == lifecycle.IssuedForeign
}

func (m issuedTokenModel) expired() bool {
	return lifecycle.IssuedStatus(m.Status.ValueString()) == lifecycle.IssuedExpired
}

// take takes everything that is known of a token that was just made.
func (m *issuedTokenModel) take(token influxdb3.Token) {
	m.Token = types.StringValue(token.Secret.Reveal())
	m.Hash = types.StringValue(token.Secret.Hash())
	m.facts(token.ID, token.CreatedAt, token.ExpiresAt, token.ClusterUUID)
	m.Status = types.StringValue(string(lifecycle.IssuedActive))
}

// refresh takes what a listing tells. A foreign hash is not taken: what is kept is
// the token that was made here.
func (m *issuedTokenModel) refresh(row *influxdb3.TokenInfo, clusterUUID string, now time.Time) {
	if !influxdb3.SameHash(m.Hash.ValueString(), row.Hash) {
		m.Status = types.StringValue(string(lifecycle.IssuedForeign))
		return
	}
	m.facts(row.ID, row.CreatedAt, row.ExpiresAt, clusterUUID)
	m.Status = types.StringValue(string(lifecycle.IssuedStatusAt(now, timeOf(m.ExpiresAt), durationOf(m.RotateBeforeExpiry))))
}

func (m *issuedTokenModel) facts(id uint64, createdAt time.Time, expiresAt *time.Time, clusterUUID string) {
	m.ID = m.Name
	m.TokenID = types.Int64Value(int64(id)) //nolint:gosec // the server counts from 0
	m.CreatedAt = timestamp(&createdAt)
	m.ExpiresAt = timestamp(expiresAt)
	m.ClusterUUID = optional(clusterUUID)
}

// warnings tells what a status alone does not.
func (m issuedTokenModel) warnings(now time.Time) (diags diag.Diagnostics) {
	expires := timeOf(m.ExpiresAt)
	switch {
	case m.foreign():
		diags.AddWarning("Token Was Made Anew by Somebody Else", fmt.Sprintf("The server has another token named %q than the one in state, made by somebody else. "+
			"It is planned for replacement, which deletes theirs if the name stays the same. If theirs is to stay, choose another name or a name_prefix first, or remove the resource.", loggable(m.Name.ValueString())))
	case m.Status.ValueString() == string(lifecycle.IssuedActive) && !expires.IsZero() && m.RotateBeforeExpiry.IsNull() &&
		expires.Sub(now) < expires.Sub(timeOf(m.CreatedAt))/10:
		diags.AddWarning("Token Expires Soon", fmt.Sprintf("The token %q expires at %s, which is less than a tenth of its lifetime away, and nothing replaces it before: rotate_before_expiry is not set.",
			loggable(m.Name.ValueString()), expires.Format(time.RFC3339)))
	}
	return diags
}

// uniqueSuffixLength is the length of what makes a prefix a name, in bytes.
const uniqueSuffixLength = 24

// uniqueSuffix sorts by the time at which it was made.
func uniqueSuffix(now time.Time) string {
	random := make([]byte, 5)
	_, _ = rand.Read(random) // it never fails: crypto/rand ends the process instead
	return now.UTC().Format("20060102150405") + hex.EncodeToString(random)
}

// permissionsOf reads a set of permissions, sorted so that the same set is always
// sent as the same request.
func permissionsOf(ctx context.Context, set types.Set) ([]influxdb3.Permission, diag.Diagnostics) {
	if set.IsNull() || set.IsUnknown() {
		return nil, nil
	}
	var models []permissionModel
	diags := set.ElementsAs(ctx, &models, false)
	permissions := make([]influxdb3.Permission, 0, len(models))
	for _, m := range models {
		p := influxdb3.Permission{ResourceType: m.ResourceType.ValueString()}
		diags.Append(m.ResourceNames.ElementsAs(ctx, &p.ResourceNames, false)...)
		diags.Append(m.Actions.ElementsAs(ctx, &p.Actions, false)...)
		slices.Sort(p.ResourceNames)
		slices.Sort(p.Actions)
		permissions = append(permissions, p)
	}
	slices.SortFunc(permissions, func(a, b influxdb3.Permission) int { return strings.Compare(a.String(), b.String()) })
	return permissions, diags
}

func permissionSet(ctx context.Context, permissions []influxdb3.Permission) (types.Set, diag.Diagnostics) {
	models := make([]permissionModel, 0, len(permissions))
	var diags diag.Diagnostics
	for _, p := range permissions {
		names, more := types.SetValueFrom(ctx, types.StringType, p.ResourceNames)
		diags.Append(more...)
		actions, more := types.SetValueFrom(ctx, types.StringType, p.Actions)
		diags.Append(more...)
		models = append(models, permissionModel{types.StringValue(p.ResourceType), names, actions})
	}
	set, more := types.SetValueFrom(ctx, permissionType, models)
	diags.Append(more...)
	return set, diags
}
