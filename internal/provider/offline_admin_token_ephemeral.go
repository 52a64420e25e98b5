package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/ephemeral"
	"github.com/hashicorp/terraform-plugin-framework/ephemeral/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3"
)

var _ ephemeral.EphemeralResource = (*offlineAdminTokenEphemeral)(nil)

// NewOfflineAdminTokenEphemeral returns the ephemeral resource of tokens that are made
// without a server.
func NewOfflineAdminTokenEphemeral() ephemeral.EphemeralResource {
	return &offlineAdminTokenEphemeral{}
}

// offlineAdminTokenEphemeral is never configured: it works before there is an address.
type offlineAdminTokenEphemeral struct{}

type offlineAdminTokenEphemeralModel struct {
	Token       types.String `tfsdk:"token"`
	Hash        types.String `tfsdk:"hash"`
	FileContent types.String `tfsdk:"file_content"`
}

// Metadata implements ephemeral.EphemeralResource.
func (*offlineAdminTokenEphemeral) Metadata(_ context.Context, req ephemeral.MetadataRequest, resp *ephemeral.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_offline_admin_token"
}

// Schema implements ephemeral.EphemeralResource.
func (*offlineAdminTokenEphemeral) Schema(_ context.Context, _ ephemeral.SchemaRequest, resp *ephemeral.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "An admin token that is made without a server, for the server's first start, and that is in no state and no plan. " +
			"It is for write-only arguments, provider blocks and provisioners. It sends no request and needs no provider configuration.\n\n" +
			"Every plan and every apply makes another token, and within one apply all that refer to it get the same one. " +
			"So write it only where it is needed once, for a server that is created in that apply, and let an `influxdb3_admin_token` with `existing_token = \"regenerate\"` replace it there. " +
			"In later runs a provider block that refers to it has a token that no server knows, which does no harm: the token in state comes first.",
		Attributes: map[string]schema.Attribute{
			"token":        schema.StringAttribute{Computed: true, Sensitive: true, MarkdownDescription: offlineTokenDescription},
			"hash":         schema.StringAttribute{Computed: true, MarkdownDescription: offlineHashDescription},
			"file_content": schema.StringAttribute{Computed: true, Sensitive: true, MarkdownDescription: offlineFileDescription},
		},
	}
}

// Open implements ephemeral.EphemeralResource.
func (*offlineAdminTokenEphemeral) Open(ctx context.Context, _ ephemeral.OpenRequest, resp *ephemeral.OpenResponse) {
	token := influxdb3.NewOfflineToken()
	resp.Diagnostics.Append(resp.Result.Set(ctx, &offlineAdminTokenEphemeralModel{
		Token:       types.StringValue(token.Reveal()),
		Hash:        types.StringValue(token.Hash()),
		FileContent: types.StringValue(influxdb3.AdminTokenFile(token).Reveal()),
	})...)
}
