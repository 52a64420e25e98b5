package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3"
	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/lifecycle"
)

// issuedTokenListResource lists issued tokens of one kind.
func issuedTokenListResource(kind lifecycle.Kind) tokenListResource {
	return tokenListResource{kind: kind, model: func(ctx context.Context, row influxdb3.TokenInfo, from *serverListing) (any, diag.Diagnostics) {
		model, diags := importedToken(ctx, row, from.listing.Listing, from.server)
		if kind == lifecycle.KindResource {
			return &model, diags
		}
		return &model.issuedTokenModel, diags
	}}
}
