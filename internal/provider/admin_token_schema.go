package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework-timetypes/timetypes"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/agefile"
	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3"
	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/lifecycle"
)

type adminTokenModel struct {
	secretModel

	Server             types.String      `tfsdk:"server"`
	RotationTriggers   types.Map         `tfsdk:"rotation_triggers"`
	RotateAfter        duration          `tfsdk:"rotate_after"`
	ExistingToken      types.String      `tfsdk:"existing_token"`
	DeletionProtection types.Bool        `tfsdk:"deletion_protection"`
	ID                 types.String      `tfsdk:"id"`
	Name               types.String      `tfsdk:"name"`
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
// The secret itself does in the form that it has.
var rotating = []string{"hash", "status", "rotated_at"}

// Schema implements resource.Resource.
func (r *adminTokenResource) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	keep := []planmodifier.String{stringplanmodifier.UseStateForUnknown()}
	resp.Schema = schema.Schema{
		MarkdownDescription: "Manages the operator token of an InfluxDB 3 server. The operator token is the first admin token of a server. Its name is `_admin`, and it may do everything.\n\n" +
			"On a new server, the first apply makes the operator token. On a server that has one already, give it to the provider: the first apply takes it into state and does not change it. " +
			"After that, the token is regenerated in place when `rotation_triggers` change or when it is older than `rotate_after`.\n\n" +
			"The old token stops working as soon as the token is regenerated. The server shows the new token only once. The provider saves it in state, as the sensitive attribute `token`. " +
			"A server has one operator token, so use one such resource for each server.",
		Attributes: map[string]schema.Attribute{
			"server": serverAttribute("An operator token belongs to one server: a change replaces the resource, which `deletion_protection` refuses."),
			"rotation_triggers": schema.MapAttribute{
				ElementType:         types.StringType,
				Optional:            true,
				MarkdownDescription: "Arbitrary values. When you change, add or remove a value, the token is regenerated in place. An empty map is the same as no map.",
			},
			"rotate_after": schema.StringAttribute{
				Optional:      true,
				CustomType:    durationType{},
				PlanModifiers: []planmodifier.String{keepEqualDuration{}},
				MarkdownDescription: "Age from which the token is regenerated, such as `90d`, `2w` or `1h30m`. The first apply after that age regenerates it. " +
					"Terraform learns the age when it refreshes the state. So an apply that changes `rotate_after` does not look at the age yet. The next apply does.",
				Validators: []validator.String{positiveDuration{}},
			},
			"existing_token": schema.StringAttribute{
				Optional: true,
				Computed: true,
				Default:  stringdefault.StaticString(existingAdopt),
				MarkdownDescription: "What to do if the server already has an operator token when the resource is created. " +
					"`adopt` (default): take the provider's token into state if it is the operator token, and fail otherwise. " +
					"`regenerate`: regenerate the operator token, even if somebody else uses it. This value also allows to regenerate it later, when the server refuses the token in state.",
				Validators: []validator.String{discreet{stringvalidator.OneOf(existingAdopt, existingRegenerate)}},
			},
			"deletion_protection": schema.BoolAttribute{
				Optional: true,
				Computed: true,
				Default:  booldefault.StaticBool(true),
				MarkdownDescription: "Whether Terraform may not destroy or replace the resource. Removing or renaming its block destroys it too. The state can hold the only copy of the token, so this defaults to `true`. " +
					"To destroy the resource, set it to `false` and apply first. A rotation does not need it: it updates the resource in place.",
			},
			"id": schema.StringAttribute{
				Computed:            true,
				Default:             stringdefault.StaticString(influxdb3.OperatorTokenName),
				MarkdownDescription: "Name of the token, `_admin`.",
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
				MarkdownDescription: "The operator token. Null if `age_recipients` is set.",
			},
			"encrypted_token": encryptedTokenAttribute(),
			"age_recipients":  ageRecipientsAttribute("Without a private key the provider still refreshes and regenerates, with its own token or through `recovery_url`."),
			"hash": schema.StringAttribute{
				Computed:            true,
				PlanModifiers:       keep,
				MarkdownDescription: "First nine hexadecimal digits of the SHA-512 hash of the token, as `influxdb3 show tokens` prints them. The hash is not secret and changes with the token. Use it as the trigger for everything that uses the token.",
			},
			"status": schema.StringAttribute{
				Computed:            true,
				PlanModifiers:       keep,
				MarkdownDescription: "Status at the last refresh or rotation: `active`, `rotation_due` (older than `rotate_after`), `rejected` (the server refuses it) or `expired` (no operator token of this server works any more, not even a new one).",
			},
			"created_at": schema.StringAttribute{
				Computed:            true,
				CustomType:          timetypes.RFC3339Type{},
				PlanModifiers:       keep,
				MarkdownDescription: "When the server made its first operator token. A rotation does not change this time.",
			},
			"rotated_at": schema.StringAttribute{
				Computed:            true,
				CustomType:          timetypes.RFC3339Type{},
				PlanModifiers:       keep,
				MarkdownDescription: "When this token was made or last regenerated, by the server's clock.",
			},
			"rotation_due_at": schema.StringAttribute{
				Computed:            true,
				CustomType:          timetypes.RFC3339Type{},
				PlanModifiers:       keep,
				MarkdownDescription: "`rotated_at` plus `rotate_after`. Null without `rotate_after`.",
			},
			"expires_at": schema.StringAttribute{
				Computed:            true,
				CustomType:          timetypes.RFC3339Type{},
				PlanModifiers:       keep,
				MarkdownDescription: "When the token expires. Null in most cases: an operator token expires only if the server was started with a token file (`--admin-token-file`) that has an expiry. Regenerating the token does not change that expiry.",
			},
			"cluster_uuid": schema.StringAttribute{
				Computed:            true,
				PlanModifiers:       keep,
				MarkdownDescription: "UUID of the server's cluster (InfluxDB 3.7 and later, null before). If a server with another UUID answers at the same address, the provider stops with an error.",
			},
			"fallback_status": schema.StringAttribute{
				Computed:      true,
				PlanModifiers: keep,
				MarkdownDescription: "Whether the provider could make another token if the reply to a rotation is lost, as of the last refresh. " +
					"Yes: `active` (with the provider's token), `expiring` (the same, but that token expires within 30 days) or `recovery_listener` (through `recovery_url`). " +
					"No: `refused` (the server does not accept the provider's token), `same` (the provider's token is the operator token itself) or `none` (the provider has no token). " +
					"On InfluxDB 3 Enterprise a named admin token may not help, because the documentation asks for the operator token.",
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
func (m adminTokenModel) operatorToken(facts operatorFacts, identities agefile.Identities) lifecycle.OperatorToken {
	token := lifecycle.OperatorToken{
		Identity:     lifecycle.Identity{ClusterUUID: m.ClusterUUID.ValueString(), Build: facts.Build, Version: facts.Version},
		Secret:       m.secret(m.Hash.ValueString(), identities),
		Status:       lifecycle.Status(m.Status.ValueString()),
		CreatedAt:    timeOf(m.CreatedAt),
		RotatedAt:    timeOf(m.RotatedAt),
		ListedAt:     facts.listedAt(),
		PreviousHash: facts.PreviousHash,
		Address:      facts.Address,
	}
	if token.Secret.IsEmpty() {
		token.Unreadable = m.Hash.ValueString()
	}
	if !m.ExpiresAt.IsNull() {
		expires := timeOf(m.ExpiresAt)
		token.ExpiresAt = &expires
	}
	return token
}

// rotate takes what a rotation changed, and nothing else: the rest was planned. A secret
// that is the one in state stays in the form that it has there.
func (m *adminTokenModel) rotate(token lifecycle.OperatorToken) (diags diag.Diagnostics) {
	if !token.Secret.IsEmpty() && (token.Hash() != m.Hash.ValueString() || m.Token.IsUnknown() || m.EncryptedToken.IsUnknown()) {
		diags = m.keep(token.Secret)
	}
	m.Hash = types.StringValue(token.Hash())
	m.Status = types.StringValue(string(token.Status))
	m.RotatedAt = timestamp(&token.RotatedAt)
	m.ExpiresAt = timestamp(token.ExpiresAt)
	m.RotationDueAt = m.rotationDueAt()
	return diags
}

// inFormOf prepares for a token that comes with an error, while the other inputs stay as
// they are: a new secret is kept in the form that the configuration asks for. The
// recipients of before may be unable to read it, and nobody may be meant to read it as it
// is.
func (m *adminTokenModel) inFormOf(plan adminTokenModel, token lifecycle.OperatorToken) {
	if token.Hash() != m.Hash.ValueString() {
		m.AgeRecipients = plan.AgeRecipients
	}
}

// take takes everything that is known of a token.
func (m *adminTokenModel) take(token lifecycle.OperatorToken) diag.Diagnostics {
	diags := m.rotate(token)
	m.CreatedAt = timestamp(&token.CreatedAt)
	m.ClusterUUID = optional(token.ClusterUUID)
	return diags
}

// created takes a token that was made, taken over, or handed over. It fails before
// anything is taken where nobody can read it for its recipients.
func (m *adminTokenModel) created(token lifecycle.OperatorToken, handed *handedOver, server *configuredServer) (diags diag.Diagnostics) {
	m.FallbackStatus = optional(string(server.operator().FallbackOf(token)))
	if token.Secret.IsEmpty() { // it was handed over, and is as it was
		if !m.AgeRecipients.Equal(handed.model.AgeRecipients) {
			return diag.Diagnostics{notReadable(token.Hash(), false)}
		}
		m.secretModel, m.FallbackStatus = handed.model.secretModel, handed.model.FallbackStatus
	}
	diags.Append(m.take(token)...)
	if handed != nil && token.Hash() == handed.token.Hash() {
		diags.Append(m.encryptedNow(handed.model.secretModel, token.Hash())...)
	}
	return diags
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
