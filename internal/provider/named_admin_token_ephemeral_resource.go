package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/ephemeral"
	"github.com/hashicorp/terraform-plugin-framework/ephemeral/schema"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/lifecycle"
)

var (
	_ ephemeral.EphemeralResourceWithConfigure = (*namedAdminTokenEphemeralResource)(nil)
	_ ephemeral.EphemeralResourceWithClose     = (*namedAdminTokenEphemeralResource)(nil)
)

// NewNamedAdminTokenEphemeralResource returns the ephemeral resource of a named admin
// token for one run.
func NewNamedAdminTokenEphemeralResource() ephemeral.EphemeralResource {
	return &namedAdminTokenEphemeralResource{issuedTokenEphemeralResource{kind: lifecycle.KindNamedAdmin}}
}

type namedAdminTokenEphemeralResource struct {
	issuedTokenEphemeralResource
}

// Metadata implements ephemeral.EphemeralResource.
func (*namedAdminTokenEphemeralResource) Metadata(_ context.Context, req ephemeral.MetadataRequest, resp *ephemeral.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_named_admin_token"
}

// Schema implements ephemeral.EphemeralResource.
func (*namedAdminTokenEphemeralResource) Schema(_ context.Context, _ ephemeral.SchemaRequest, resp *ephemeral.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "A named admin token for one run (InfluxDB 3.1 and later). " + runDescription,
		Attributes:          runTokenAttributes(),
	}
}
