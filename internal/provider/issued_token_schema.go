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
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/int64planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3"
	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/lifecycle"
)

type issuedTokenModel struct {
	secretModel

	Server             types.String      `tfsdk:"server"`
	Name               types.String      `tfsdk:"name"`
	NamePrefix         types.String      `tfsdk:"name_prefix"`
	ExpiresIn          duration          `tfsdk:"expires_in"`
	RotationTriggers   types.Map         `tfsdk:"rotation_triggers"`
	RotateBeforeExpiry duration          `tfsdk:"rotate_before_expiry"`
	KeepOnDestroy      types.Bool        `tfsdk:"keep_on_destroy"`
	ID                 types.String      `tfsdk:"id"`
	TokenID            types.Int64       `tfsdk:"token_id"`
	Hash               types.String      `tfsdk:"hash"`
	Status             types.String      `tfsdk:"status"`
	CreatedAt          timetypes.RFC3339 `tfsdk:"created_at"`
	ExpiresAt          timetypes.RFC3339 `tfsdk:"expires_at"`
	ClusterUUID        types.String      `tfsdk:"cluster_uuid"`
}

// resourceTokenModel is the model of both kinds in the code; Permissions stays
// null for named admin tokens, whose schema does not have it.
type resourceTokenModel struct {
	issuedTokenModel
	Permissions types.Set `tfsdk:"permissions"`
}

// issuedDescription says what both kinds of issued tokens do. A change of the
// properties in fixed replaces the token.
func issuedDescription(fixed string) string {
	return "The server shows a token only once, when it makes it. The provider saves it in state, as the sensitive attribute `token`.\n\n" +
		"The server cannot change a token, so a change of its " + fixed + " replaces it. " +
		"It is also replaced when it has expired or expires within `rotate_before_expiry`, and when somebody else has deleted it or made another one with its name."
}

// issuedTokenAttributes are those that both kinds of issued tokens have.
func issuedTokenAttributes() map[string]schema.Attribute {
	keep := []planmodifier.String{stringplanmodifier.UseStateForUnknown()}
	return map[string]schema.Attribute{
		"server": serverAttribute("A change creates the token on the new server and deletes it on the old one."),
		"name": schema.StringAttribute{
			Optional:            true,
			Computed:            true,
			PlanModifiers:       keep,
			MarkdownDescription: "Name of the token on the server. It must be unique among all tokens of the server. Set exactly one of `name` and `name_prefix`. Changing it replaces the token.",
			Validators: []validator.String{
				discreet{stringvalidator.ExactlyOneOf(path.MatchRoot("name"), path.MatchRoot("name_prefix"))},
				tokenName{},
			},
		},
		"name_prefix": schema.StringAttribute{
			Optional: true,
			MarkdownDescription: "Creates a unique name that begins with this prefix. Use it with `create_before_destroy`: the new token is made, and everything that uses it is updated, before the old one is deleted. " +
				"The token is replaced if its name does not begin with the prefix.",
			Validators: []validator.String{tokenName{prefix: true}},
		},
		"expires_in": schema.StringAttribute{
			Optional:            true,
			CustomType:          durationType{},
			PlanModifiers:       []planmodifier.String{keepEqualDuration{}},
			MarkdownDescription: "Lifetime of the token in whole seconds, such as `90d`, `2w` or `1h30m`. Without it the token never expires. Changing it replaces the token. The first change after an import is an exception: it is saved in state, and the token stays as it is.",
			Validators:          []validator.String{positiveDuration{wholeSeconds: true}},
		},
		"rotation_triggers": schema.MapAttribute{
			ElementType:         types.StringType,
			Optional:            true,
			MarkdownDescription: "Arbitrary values. When you change, add or remove a value, the token is replaced. An empty map is the same as no map.",
		},
		"rotate_before_expiry": schema.StringAttribute{
			Optional:      true,
			CustomType:    durationType{},
			PlanModifiers: []planmodifier.String{keepEqualDuration{}},
			MarkdownDescription: "How long before its expiry the token is replaced, such as `7d`. The first apply in that time replaces it. It must be shorter than `expires_in`. " +
				"Terraform learns whether it is time when it refreshes the state. So an apply that changes `rotate_before_expiry` does not look at the time yet, unless the token has expired. The next apply does.",
			Validators: []validator.String{positiveDuration{}},
		},
		"keep_on_destroy": schema.BoolAttribute{
			Optional: true,
			Computed: true,
			Default:  booldefault.StaticBool(false),
			MarkdownDescription: "Whether the token stays on the server, until it expires, when the resource is destroyed or replaced. Needs `name_prefix`, because a fixed name would still be in use. " +
				"Defaults to `false`. A run that destroys or replaces uses the value in state, so set it and apply first. " +
				"As long as it is set, the creation of a token deletes the expired tokens that were kept before: those of the same kind whose name is `name_prefix` and a suffix that this provider makes. Tokens that have not expired, or never expire, stay.",
		},
		"id": schema.StringAttribute{
			Computed:            true,
			PlanModifiers:       keep,
			MarkdownDescription: "Name of the token.",
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
			MarkdownDescription: "The token. It is null if `age_recipients` is set. After an import it is null, because the server shows a token only once. Replace the token to get a value: `terraform apply -replace=ADDRESS`.",
		},
		"encrypted_token": encryptedTokenAttribute(),
		"age_recipients":  ageRecipientsAttribute("The provider does not need to read the token."),
		"hash": schema.StringAttribute{
			Computed:            true,
			PlanModifiers:       keep,
			MarkdownDescription: "First nine hexadecimal digits of the SHA-512 hash of the token, as `influxdb3 show tokens` prints them. The hash is not secret and changes with the token. Use it as the trigger for everything that uses the token.",
		},
		"status": schema.StringAttribute{
			Computed:            true,
			PlanModifiers:       keep,
			MarkdownDescription: "Status at the last refresh: `active`, `renewal_due` (it expires within `rotate_before_expiry`), `expired`, or `foreign` (somebody else has made another token with this name). With every status but `active`, the plan replaces the token.",
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
			MarkdownDescription: "When the token expires. Null means never.",
		},
		"cluster_uuid": schema.StringAttribute{
			Computed:            true,
			PlanModifiers:       keep,
			MarkdownDescription: "UUID of the server's cluster (InfluxDB 3.7 and later, null before). If a server with another UUID answers at the same address, the provider stops with an error.",
		},
	}
}

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
			"keep_on_destroy needs name_prefix. The token that is kept would still have the fixed name, so its replacement could not be created.")
	}
	if config.KeepOnDestroy.ValueBool() && config.ExpiresIn.IsNull() {
		resp.Diagnostics.AddAttributeWarning(path.Root("keep_on_destroy"), "Kept Tokens Never Expire",
			"Without expires_in, every token that is kept stays valid for good, and Terraform no longer knows it. Set expires_in.")
	}
	before, in := durationOf(config.RotateBeforeExpiry), durationOf(config.ExpiresIn)
	switch {
	case before > 0 && config.ExpiresIn.IsNull():
		resp.Diagnostics.AddAttributeError(path.Root("rotate_before_expiry"), "Invalid Combination",
			"rotate_before_expiry needs expires_in, because without it the token never expires.")
	case before > 0 && in > 0 && before >= in:
		resp.Diagnostics.AddAttributeError(path.Root("rotate_before_expiry"), "Invalid Combination",
			fmt.Sprintf("rotate_before_expiry (%s) must be shorter than expires_in (%s), or every apply replaces the token.", before, in))
	}
}

func (m issuedTokenModel) foreign() bool {
	return lifecycle.IssuedStatus(m.Status.ValueString()) == lifecycle.IssuedForeign
}

// take takes everything that is known of a token that was just made.
func (m *issuedTokenModel) take(token influxdb3.Token) diag.Diagnostics {
	diags := m.keep(token.Secret)
	m.Hash = types.StringValue(token.Secret.Hash())
	m.facts(token.ID, token.CreatedAt, token.ExpiresAt, token.ClusterUUID)
	m.Status = types.StringValue(string(lifecycle.IssuedActive))
	return diags
}

// refresh takes what a listing tells. A foreign hash is not taken: what is kept is
// the token that was made here.
func (m *issuedTokenModel) refresh(row *influxdb3.TokenInfo, clusterUUID string, now time.Time) {
	status := lifecycle.IssuedStatusOf(*row, m.Hash.ValueString(), now, durationOf(m.RotateBeforeExpiry))
	m.Status = types.StringValue(string(status))
	if status != lifecycle.IssuedForeign {
		m.facts(row.ID, row.CreatedAt, row.ExpiresAt, clusterUUID)
	}
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
		diags.AddWarning("Token Was Replaced by Somebody Else", fmt.Sprintf("Somebody else has made a token named %q, and the one in state is gone. The plan replaces it, and that deletes the other token if the name stays the same. "+
			"If you want to keep the other token, first change the name or use a name_prefix, or remove the resource.", loggable(m.Name.ValueString())))
	case m.Status.ValueString() == string(lifecycle.IssuedActive) && !expires.IsZero() && m.RotateBeforeExpiry.IsNull() &&
		expires.Sub(now) < expires.Sub(timeOf(m.CreatedAt))/10:
		diags.AddWarning("Token Expires Soon", fmt.Sprintf("The token %q expires at %s. Less than a tenth of its lifetime is left, and nothing replaces it before that time, because rotate_before_expiry is not set.",
			loggable(m.Name.ValueString()), expires.Format(time.RFC3339)))
	}
	return diags
}

// expiryWarning tells that an imported token does not live as long as is written:
// the first change after an import records that and replaces nothing.
func (m issuedTokenModel) expiryWarning(state resourceTokenModel) (diags diag.Diagnostics) {
	want, at := durationOf(m.ExpiresIn), timeOf(state.ExpiresAt)
	// The server counts in seconds.
	if want == 0 || !at.IsZero() && (at.Sub(timeOf(state.CreatedAt))-want).Abs() <= time.Second {
		return diags
	}
	expires := "never expires"
	if !at.IsZero() {
		expires = "expires at " + at.Format(time.RFC3339)
	}
	diags.AddAttributeWarning(path.Root("expires_in"), "Imported Token Has Another Expiry",
		fmt.Sprintf("expires_in is %s, but the imported token %s. The first change after an import replaces nothing. To get a token with this expires_in, replace it with `terraform apply -replace`.", want, expires))
	return diags
}
