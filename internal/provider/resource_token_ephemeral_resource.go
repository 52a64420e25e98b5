package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework-validators/setvalidator"
	"github.com/hashicorp/terraform-plugin-framework/ephemeral"
	"github.com/hashicorp/terraform-plugin-framework/ephemeral/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/lifecycle"
)

var (
	_ ephemeral.EphemeralResourceWithConfigure = (*resourceTokenEphemeralResource)(nil)
	_ ephemeral.EphemeralResourceWithClose     = (*resourceTokenEphemeralResource)(nil)
)

// NewResourceTokenEphemeralResource returns the ephemeral resource of a resource token
// for one run.
func NewResourceTokenEphemeralResource() ephemeral.EphemeralResource {
	return &resourceTokenEphemeralResource{issuedTokenEphemeralResource{kind: lifecycle.KindResource}}
}

type resourceTokenEphemeralResource struct {
	issuedTokenEphemeralResource
}

// Metadata implements ephemeral.EphemeralResource.
func (*resourceTokenEphemeralResource) Metadata(_ context.Context, req ephemeral.MetadataRequest, resp *ephemeral.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_resource_token"
}

// Schema implements ephemeral.EphemeralResource.
func (*resourceTokenEphemeralResource) Schema(_ context.Context, _ ephemeral.SchemaRequest, resp *ephemeral.SchemaResponse) {
	attributes := runTokenAttributes()
	attributes["permissions"] = schema.SetNestedAttribute{
		Required:            true,
		MarkdownDescription: permissionsDescription,
		Validators:          []validator.Set{setvalidator.SizeAtLeast(1)},
		NestedObject: schema.NestedAttributeObject{
			Validators: []validator.Object{validPermission{}},
			Attributes: map[string]schema.Attribute{
				"resource_type":  schema.StringAttribute{Required: true, MarkdownDescription: resourceTypeDescription},
				"resource_names": schema.SetAttribute{ElementType: types.StringType, Required: true, MarkdownDescription: resourceNamesDescription},
				"actions":        schema.SetAttribute{ElementType: types.StringType, Required: true, MarkdownDescription: actionsDescription},
			},
		},
	}
	resp.Schema = schema.Schema{
		MarkdownDescription: "A resource token for one run: a token that may do only what its `permissions` say. InfluxDB 3 Enterprise and InfluxDB 3 Cloud have resource tokens, InfluxDB 3 Core has none. " + runDescription,
		Attributes:          attributes,
	}
}
