package provider

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/ephemeral"
	"github.com/hashicorp/terraform-plugin-framework/ephemeral/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/agefile"
)

var (
	_ ephemeral.EphemeralResourceWithConfigure      = (*tokenEphemeralResource)(nil)
	_ ephemeral.EphemeralResourceWithValidateConfig = (*tokenEphemeralResource)(nil)
)

// NewTokenEphemeralResource returns the ephemeral resource that decrypts a token.
func NewTokenEphemeralResource() ephemeral.EphemeralResource { return &tokenEphemeralResource{} }

type tokenEphemeralResource struct {
	onServer
}

type tokenEphemeralModel struct {
	EncryptedToken types.String `tfsdk:"encrypted_token"`
	AgeIdentity    types.String `tfsdk:"age_identity"`
	Token          types.String `tfsdk:"token"`
	Hash           types.String `tfsdk:"hash"`
}

// Metadata implements ephemeral.EphemeralResource.
func (*tokenEphemeralResource) Metadata(_ context.Context, req ephemeral.MetadataRequest, resp *ephemeral.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_token"
}

// Schema implements ephemeral.EphemeralResource.
func (*tokenEphemeralResource) Schema(_ context.Context, _ ephemeral.SchemaRequest, resp *ephemeral.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "Decrypts the `encrypted_token` of a resource for the time of one run. The token goes from here into a write-only argument or into a provider block, and is in no state and no plan.\n\n" +
			"It sends no request. If the encrypted token is not known yet, because this run makes it, Terraform decrypts it during the apply.",
		Attributes: map[string]schema.Attribute{
			"encrypted_token": schema.StringAttribute{Required: true, MarkdownDescription: "The attribute `encrypted_token` of a resource: an armored age file."},
			"age_identity": schema.StringAttribute{Optional: true, Sensitive: true, MarkdownDescription: "Private key of age that decrypts it: one or several lines such as `AGE-SECRET-KEY-1...`, or an SSH private key without a passphrase. " +
				"Defaults to that of the provider block."},
			"token": schema.StringAttribute{Computed: true, Sensitive: true, MarkdownDescription: "The token."},
			"hash":  schema.StringAttribute{Computed: true, MarkdownDescription: offlineHashDescription},
		},
	}
}

// Configure implements ephemeral.EphemeralResourceWithConfigure.
func (e *tokenEphemeralResource) Configure(_ context.Context, req ephemeral.ConfigureRequest, resp *ephemeral.ConfigureResponse) {
	resp.Diagnostics.Append(e.configure(req.ProviderData)...)
}

// ValidateConfig implements ephemeral.EphemeralResourceWithValidateConfig.
func (e *tokenEphemeralResource) ValidateConfig(ctx context.Context, req ephemeral.ValidateConfigRequest, resp *ephemeral.ValidateConfigResponse) {
	var config tokenEphemeralModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...)
	if resp.Diagnostics.HasError() || config.AgeIdentity.IsNull() || config.AgeIdentity.IsUnknown() {
		return
	}
	_, diags := parseIdentities("age_identity", config.AgeIdentity.ValueString())
	resp.Diagnostics.Append(diags...)
}

// Open implements ephemeral.EphemeralResource.
func (e *tokenEphemeralResource) Open(ctx context.Context, req ephemeral.OpenRequest, resp *ephemeral.OpenResponse) {
	var config tokenEphemeralModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...)
	if resp.Diagnostics.HasError() {
		return
	}
	block := e.server(types.StringNull())
	var identities agefile.Identities
	if block != nil {
		identities = block.identities
	}
	switch {
	case !config.AgeIdentity.IsNull():
		own, diags := parseIdentities("age_identity", config.AgeIdentity.ValueString())
		if resp.Diagnostics.Append(diags...); diags.HasError() {
			return
		}
		identities = own
	case block.identitiesUnknown():
		resp.Diagnostics.Append(identitiesPostponed(block))
		return
	}
	secret, err := identities.Decrypt(config.EncryptedToken.ValueString())
	if err != nil {
		resp.Diagnostics.AddError("Unable to Decrypt Token", fmt.Sprintf("encrypted_token cannot be decrypted: %s.\n\nNo request was sent.\n\n"+
			"Give the ephemeral resource age_identity, or the provider one (age_identity, age_identity_file, %s or %s): a private key of one of the age_recipients of the resource that has the token.", err, envAgeIdentity, envAgeIdentityFile))
		return
	}
	given.add(secret.Reveal()) // to keep it out of what is said
	config.Token, config.Hash = types.StringValue(secret.Reveal()), types.StringValue(secret.Hash())
	resp.Diagnostics.Append(resp.Result.Set(ctx, &config)...)
}

// identitiesPostponed is the error about a token that is to be decrypted with an identity
// that is not known yet.
func identitiesPostponed(server *configuredServer) diag.Diagnostic {
	return diag.NewErrorDiagnostic("Provider Is Not Configured Yet",
		fmt.Sprintf("The provider's %s comes from a resource that this run has yet to apply, so it is not known. Terraform opens an ephemeral resource while planning if all its arguments are known.\n\n"+
			"No request was sent.\n\n"+
			"Give the ephemeral resource itself the same private key (age_identity), so that Terraform opens it during the apply.", server.unknown))
}
