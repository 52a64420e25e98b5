package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework-timetypes/timetypes"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
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

// rotating are the attributes that every rotation changes. rotation_due_at and expires_at
// change too where they have a value.
var rotating = []string{"token", "hash", "status", "rotated_at"}

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

// consents says whether a token that somebody else may hold may be regenerated.
func (m adminTokenModel) consents() bool { return m.ExistingToken.ValueString() == existingRegenerate }

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
