package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/list"
	"github.com/hashicorp/terraform-plugin-framework/resource"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/lifecycle"
)

var _ list.ListResourceWithConfigure = (*resourceTokenListResource)(nil)

// NewResourceTokenListResource returns what lists resource tokens.
func NewResourceTokenListResource() list.ListResource {
	return &resourceTokenListResource{issuedTokenListResource(lifecycle.KindResource)}
}

type resourceTokenListResource struct {
	tokenListResource
}

// Metadata implements list.ListResource.
func (r *resourceTokenListResource) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_resource_token"
}

// ListResourceConfigSchema implements list.ListResource.
func (r *resourceTokenListResource) ListResourceConfigSchema(_ context.Context, _ list.ListResourceSchemaRequest, resp *list.ListResourceSchemaResponse) {
	resp.Schema = tokenListSchema("resource tokens (InfluxDB 3 Enterprise and InfluxDB 3 Cloud)")
}
