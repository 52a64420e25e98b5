package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3"
	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/lifecycle"
)

var _ datasource.DataSourceWithConfigure = (*serverDataSource)(nil)

// NewServerDataSource returns the data source of the server.
func NewServerDataSource() datasource.DataSource { return &serverDataSource{} }

type serverDataSource struct {
	onServer
}

type serverDataSourceModel struct {
	Server        types.String `tfsdk:"server"`
	Product       types.String `tfsdk:"product"`
	Version       types.String `tfsdk:"version"`
	ClusterUUID   types.String `tfsdk:"cluster_uuid"`
	OperatorToken types.String `tfsdk:"operator_token"`
}

// Metadata implements datasource.DataSource.
func (d *serverDataSource) Metadata(_ context.Context, req datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_server"
}

// Schema implements datasource.DataSource.
func (d *serverDataSource) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "Reads product, version and cluster of a server.",
		Attributes: map[string]schema.Attribute{
			"server":       schema.StringAttribute{Optional: true, Validators: []validator.String{nameOfServer{}}, MarkdownDescription: serverDescription},
			"product":      schema.StringAttribute{Computed: true, MarkdownDescription: "Product, such as `InfluxDB 3 Core`. With older servers it is only the build, such as `Core`."},
			"version":      schema.StringAttribute{Computed: true, MarkdownDescription: "Version, such as `3.10.0`."},
			"cluster_uuid": schema.StringAttribute{Computed: true, MarkdownDescription: "UUID of the server's cluster (InfluxDB 3.7 and later, null before)."},
			"operator_token": schema.StringAttribute{Computed: true, MarkdownDescription: "Whether the server has an operator token: `present` or `absent`. " +
				"If it is absent, anybody who reaches the server can create it. A server that runs with `--without-auth` has none either, and needs no token at all. " +
				"Null if the provider cannot see it: the server does not accept the provider's token, or the token is a resource token. The provider creates nothing to find out."},
		},
	}
}

// Configure implements datasource.DataSourceWithConfigure.
func (d *serverDataSource) Configure(_ context.Context, req datasource.ConfigureRequest, resp *datasource.ConfigureResponse) {
	resp.Diagnostics.Append(d.configure(req.ProviderData)...)
}

// Read implements datasource.DataSource.
func (d *serverDataSource) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var model serverDataSourceModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &model)...)
	server := d.server(model.Server)
	if resp.Diagnostics.HasError() || server.notConfigured(&resp.Diagnostics) {
		return
	}
	credential := server.credentials.Current()
	info, err := server.client.Ping(ctx, credential)
	if err != nil {
		resp.Diagnostics.Append(dataSourceProblem("Read Server", lifecycle.IssuedReadProblem(err, ""), server))
		return
	}
	product := info.Product
	if product == "" {
		product = info.Build
	}
	known := lifecycle.Identity{ClusterUUID: info.ClusterUUID, Build: info.Build, Version: info.Version}
	listing, err := server.client.FindToken(ctx, credential, influxdb3.OperatorTokenName, credential.Hash())
	presence := lifecycle.OperatorTokenPresence(known, credential, listing, err)
	resp.Diagnostics.Append(resp.State.Set(ctx, &serverDataSourceModel{
		Server: model.Server, Product: optional(product), Version: optional(info.Version), ClusterUUID: optional(info.ClusterUUID), OperatorToken: optional(string(presence)),
	})...)
}
