package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/list"
	"github.com/hashicorp/terraform-plugin-framework/resource"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3"
	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/lifecycle"
)

var _ list.ListResourceWithConfigure = (*adminTokenListResource)(nil)

// NewAdminTokenListResource returns what lists operator tokens.
func NewAdminTokenListResource() list.ListResource {
	return &adminTokenListResource{tokenListResource{kind: lifecycle.KindOperator, model: listedOperatorToken}}
}

type adminTokenListResource struct {
	tokenListResource
}

// Metadata implements list.ListResource.
func (r *adminTokenListResource) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_admin_token"
}

// ListResourceConfigSchema implements list.ListResource.
func (r *adminTokenListResource) ListResourceConfigSchema(_ context.Context, _ list.ListResourceSchemaRequest, resp *list.ListResourceSchemaResponse) {
	resp.Schema = tokenListSchema("operator tokens, one for each server,")
}

// listedOperatorToken is what is known of an operator token without the token.
func listedOperatorToken(_ context.Context, row influxdb3.TokenInfo, from *serverListing) (any, diag.Diagnostics) {
	model := importedOperatorToken(from.server)
	model.Hash, model.Status = optional(row.Hash), optional(string(lifecycle.StatusActive))
	if row.ExpiresAt != nil && !from.server.serverTime(from.listing.Listing).Before(*row.ExpiresAt) {
		model.Status = optional(string(lifecycle.StatusExpired))
	}
	rotatedAt := row.CreatedAt
	if row.UpdatedAt != nil {
		rotatedAt = *row.UpdatedAt
	}
	model.CreatedAt, model.RotatedAt, model.ExpiresAt = timestamp(&row.CreatedAt), timestamp(&rotatedAt), timestamp(row.ExpiresAt)
	model.ClusterUUID = optional(from.listing.ClusterUUID)
	return &model, nil
}
