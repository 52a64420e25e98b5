package provider

import (
	"context"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-timetypes/timetypes"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3"
	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/lifecycle"
)

var _ datasource.DataSourceWithConfigure = (*tokensDataSource)(nil)

// NewTokensDataSource returns the data source that lists tokens.
func NewTokensDataSource() datasource.DataSource { return &tokensDataSource{} }

type tokensDataSource struct {
	onServer
}

type tokensModel struct {
	Server         types.String      `tfsdk:"server"`
	NamePrefix     types.String      `tfsdk:"name_prefix"`
	Kind           types.String      `tfsdk:"kind"`
	IncludeExpired types.Bool        `tfsdk:"include_expired"`
	ClusterUUID    types.String      `tfsdk:"cluster_uuid"`
	Tokens         []tokensItemModel `tfsdk:"tokens"`
}

type tokensItemModel struct {
	TokenID     types.Int64       `tfsdk:"token_id"`
	Name        types.String      `tfsdk:"name"`
	Kind        types.String      `tfsdk:"kind"`
	Hash        types.String      `tfsdk:"hash"`
	CreatedAt   timetypes.RFC3339 `tfsdk:"created_at"`
	UpdatedAt   timetypes.RFC3339 `tfsdk:"updated_at"`
	ExpiresAt   timetypes.RFC3339 `tfsdk:"expires_at"`
	Expired     types.Bool        `tfsdk:"expired"`
	Permissions types.String      `tfsdk:"permissions"`
}

// Metadata implements datasource.DataSource.
func (d *tokensDataSource) Metadata(_ context.Context, req datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_tokens"
}

// Schema implements datasource.DataSource.
func (d *tokensDataSource) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	text := func(description string) schema.StringAttribute {
		return schema.StringAttribute{Computed: true, MarkdownDescription: description}
	}
	timestamp := func(description string) schema.StringAttribute {
		return schema.StringAttribute{Computed: true, CustomType: timetypes.RFC3339Type{}, MarkdownDescription: description}
	}
	resp.Schema = schema.Schema{
		MarkdownDescription: "Lists the tokens of a server with their names, kinds, hashes and times. The tokens themselves are not in the list, because the server does not keep them.",
		Attributes: map[string]schema.Attribute{
			"server":      schema.StringAttribute{Optional: true, Validators: []validator.String{nameOfServer{}}, MarkdownDescription: serverDescription},
			"name_prefix": schema.StringAttribute{Optional: true, MarkdownDescription: "List only tokens whose name begins with this."},
			"kind": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "List only tokens of this kind: `operator`, `named_admin` or `resource`.",
				Validators:          []validator.String{discreet{stringvalidator.OneOf(string(lifecycle.KindOperator), string(lifecycle.KindNamedAdmin), string(lifecycle.KindResource))}},
			},
			"include_expired": schema.BoolAttribute{Optional: true, MarkdownDescription: "Whether to list expired tokens too. The server keeps them until somebody deletes them. Defaults to `false`."},
			"cluster_uuid":    text("UUID of the server's cluster (InfluxDB 3.7 and later, null before)."),
			"tokens": schema.ListNestedAttribute{
				Computed:            true,
				MarkdownDescription: "The tokens, in the order of `token_id`.",
				NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
					"token_id":    schema.Int64Attribute{Computed: true, MarkdownDescription: "Number that the server gave the token."},
					"name":        text("Name of the token."),
					"kind":        text("`operator`, `named_admin` or `resource`."),
					"hash":        text("First nine hexadecimal digits of the SHA-512 hash of the token."),
					"created_at":  timestamp("When the token was created."),
					"updated_at":  timestamp("When the token was last regenerated. Null if it never was."),
					"expires_at":  timestamp("When the token expires. Null means never."),
					"expired":     schema.BoolAttribute{Computed: true, MarkdownDescription: "Whether the token has expired, by the server's clock."},
					"permissions": text("What the token may do, in the notation of the server."),
				}},
			},
		},
	}
}

// Configure implements datasource.DataSourceWithConfigure.
func (d *tokensDataSource) Configure(_ context.Context, req datasource.ConfigureRequest, resp *datasource.ConfigureResponse) {
	resp.Diagnostics.Append(d.configure(req.ProviderData)...)
}

// Read implements datasource.DataSource. It asks anew, because a data source is
// read after what it depends on.
func (d *tokensDataSource) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var model tokensModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &model)...)
	server := d.server(model.Server)
	if resp.Diagnostics.HasError() {
		return
	}
	if server.notConfigured(&resp.Diagnostics) {
		return
	}
	listing, err := server.list(ctx)
	if err != nil {
		resp.Diagnostics.Append(dataSourceProblem("List Tokens", lifecycle.IssuedReadProblem(err, ""), server))
		return
	}
	now := server.serverTime(listing)
	model.ClusterUUID = optional(listing.ClusterUUID)
	model.Tokens = []tokensItemModel{}
	for _, row := range listing.Tokens {
		if item := newTokensItem(row, now); model.wants(item) {
			model.Tokens = append(model.Tokens, item)
		}
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, &model)...)
}

func newTokensItem(row influxdb3.TokenInfo, now time.Time) tokensItemModel {
	return tokensItemModel{
		TokenID: types.Int64Value(int64(row.ID)), //nolint:gosec // the server counts from 0
		Name:    types.StringValue(row.Name), Kind: types.StringValue(string(lifecycle.KindOf(row))), Hash: types.StringValue(row.Hash),
		CreatedAt: timestamp(&row.CreatedAt), UpdatedAt: timestamp(row.UpdatedAt), ExpiresAt: timestamp(row.ExpiresAt),
		Expired:     types.BoolValue(row.ExpiresAt != nil && !now.Before(*row.ExpiresAt)),
		Permissions: types.StringValue(row.Permissions),
	}
}

func (m tokensModel) wants(item tokensItemModel) bool {
	return strings.HasPrefix(item.Name.ValueString(), m.NamePrefix.ValueString()) &&
		(m.Kind.IsNull() || m.Kind.Equal(item.Kind)) &&
		(m.IncludeExpired.ValueBool() || !item.Expired.ValueBool())
}
