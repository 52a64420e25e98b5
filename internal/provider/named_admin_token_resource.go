package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/lifecycle"
)

var (
	_ resource.ResourceWithConfigure      = (*namedAdminTokenResource)(nil)
	_ resource.ResourceWithModifyPlan     = (*namedAdminTokenResource)(nil)
	_ resource.ResourceWithImportState    = (*namedAdminTokenResource)(nil)
	_ resource.ResourceWithIdentity       = (*namedAdminTokenResource)(nil)
	_ resource.ResourceWithValidateConfig = (*namedAdminTokenResource)(nil)
)

// NewNamedAdminTokenResource returns the resource of named admin tokens.
func NewNamedAdminTokenResource() resource.Resource {
	return &namedAdminTokenResource{issuedTokenResource{kind: lifecycle.KindNamedAdmin}}
}

type namedAdminTokenResource struct {
	issuedTokenResource
}

// Metadata implements resource.Resource.
func (r *namedAdminTokenResource) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_named_admin_token"
}

// Schema implements resource.Resource.
func (r *namedAdminTokenResource) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "Manages a named admin token (InfluxDB 3.1 and later). A named admin token may do everything. On InfluxDB 3 Core it may also regenerate the operator token. It still works after the operator token was regenerated.\n\n" +
			issuedDescription("name, lifetime or triggers"),
		Attributes: issuedTokenAttributes(),
	}
}
