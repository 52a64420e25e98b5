package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/list"
	"github.com/hashicorp/terraform-plugin-framework/resource"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/lifecycle"
)

var _ list.ListResourceWithConfigure = (*namedAdminTokenListResource)(nil)

// NewNamedAdminTokenListResource returns what lists named admin tokens.
func NewNamedAdminTokenListResource() list.ListResource {
	return &namedAdminTokenListResource{issuedTokenListResource(lifecycle.KindNamedAdmin)}
}

type namedAdminTokenListResource struct {
	tokenListResource
}

// Metadata implements list.ListResource.
func (r *namedAdminTokenListResource) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_named_admin_token"
}

// ListResourceConfigSchema implements list.ListResource.
func (r *namedAdminTokenListResource) ListResourceConfigSchema(_ context.Context, _ list.ListResourceSchemaRequest, resp *list.ListResourceSchemaResponse) {
	resp.Schema = tokenListSchema("named admin tokens")
}
