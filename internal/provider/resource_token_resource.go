package provider

import (
	"context"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework-validators/setvalidator"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3"
	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/lifecycle"
)

var (
	_ resource.ResourceWithConfigure      = (*resourceTokenResource)(nil)
	_ resource.ResourceWithModifyPlan     = (*resourceTokenResource)(nil)
	_ resource.ResourceWithImportState    = (*resourceTokenResource)(nil)
	_ resource.ResourceWithIdentity       = (*resourceTokenResource)(nil)
	_ resource.ResourceWithValidateConfig = (*resourceTokenResource)(nil)
)

// NewResourceTokenResource returns the resource of resource tokens.
func NewResourceTokenResource() resource.Resource {
	return &resourceTokenResource{issuedTokenResource{kind: lifecycle.KindResource}}
}

type resourceTokenResource struct {
	issuedTokenResource
}

type permissionModel struct {
	ResourceType  types.String `tfsdk:"resource_type"`
	ResourceNames types.Set    `tfsdk:"resource_names"`
	Actions       types.Set    `tfsdk:"actions"`
}

var permissionType = types.ObjectType{AttrTypes: map[string]attr.Type{
	"resource_type":  types.StringType,
	"resource_names": types.SetType{ElemType: types.StringType},
	"actions":        types.SetType{ElemType: types.StringType},
}}

// Metadata implements resource.Resource.
func (r *resourceTokenResource) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_resource_token"
}

// Schema implements resource.Resource.
func (r *resourceTokenResource) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	attributes := issuedTokenAttributes()
	attributes["permissions"] = schema.SetNestedAttribute{
		Required:            true,
		MarkdownDescription: "What the token may do. The order makes no difference. Changing it replaces the token. The function `parse_permission` makes a permission from the notation of the `influxdb3` command line, such as `db:mydb:read,write`.",
		Validators:          []validator.Set{setvalidator.SizeAtLeast(1)},
		NestedObject: schema.NestedAttributeObject{
			Validators: []validator.Object{validPermission{}},
			Attributes: map[string]schema.Attribute{
				"resource_type": schema.StringAttribute{
					Required:            true,
					MarkdownDescription: "What the permission is for: `db` (databases) or `system` (system resources).",
				},
				"resource_names": schema.SetAttribute{
					ElementType:         types.StringType,
					Required:            true,
					MarkdownDescription: "Names of databases, or of system resources (`health`, `metrics`, `ping`, `ready`). `*` alone means all. If a database is deleted and created again, the token has no permission for the new one.",
				},
				"actions": schema.SetAttribute{
					ElementType:         types.StringType,
					Required:            true,
					MarkdownDescription: "For `db`: `read` and `write`, and on newer servers also `create`, `describe` and `delete`. For `system`: `read`.",
				},
			},
		},
	}
	resp.Schema = schema.Schema{MarkdownDescription: "Manages a resource token: a token that may do only what its `permissions` say. InfluxDB 3 Enterprise and InfluxDB 3 Cloud have resource tokens, InfluxDB 3 Core has none.\n\n" + issuedDescription("name, permissions, lifetime or triggers"), Attributes: attributes}
}

// permissionsOf reads a set of permissions, sorted so that the same set is always
// sent as the same request.
func permissionsOf(ctx context.Context, set types.Set) ([]influxdb3.Permission, diag.Diagnostics) {
	if set.IsNull() || set.IsUnknown() {
		return nil, nil
	}
	var models []permissionModel
	diags := set.ElementsAs(ctx, &models, false)
	permissions := make([]influxdb3.Permission, 0, len(models))
	for _, m := range models {
		p := influxdb3.Permission{ResourceType: m.ResourceType.ValueString()}
		diags.Append(m.ResourceNames.ElementsAs(ctx, &p.ResourceNames, false)...)
		diags.Append(m.Actions.ElementsAs(ctx, &p.Actions, false)...)
		slices.Sort(p.ResourceNames)
		slices.Sort(p.Actions)
		permissions = append(permissions, p)
	}
	slices.SortFunc(permissions, func(a, b influxdb3.Permission) int { return strings.Compare(a.String(), b.String()) })
	return permissions, diags
}

func permissionSet(ctx context.Context, permissions []influxdb3.Permission) (types.Set, diag.Diagnostics) {
	models := make([]permissionModel, 0, len(permissions))
	var diags diag.Diagnostics
	for _, p := range permissions {
		names, more := types.SetValueFrom(ctx, types.StringType, p.ResourceNames)
		diags.Append(more...)
		actions, more := types.SetValueFrom(ctx, types.StringType, p.Actions)
		diags.Append(more...)
		models = append(models, permissionModel{types.StringValue(p.ResourceType), names, actions})
	}
	set, more := types.SetValueFrom(ctx, permissionType, models)
	diags.Append(more...)
	return set, diags
}
