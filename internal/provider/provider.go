// Package provider speaks Terraform: schemas, plans, state and diagnostics. What
// happens to a token is decided in package lifecycle.
package provider

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/ephemeral"
	"github.com/hashicorp/terraform-plugin-framework/function"
	"github.com/hashicorp/terraform-plugin-framework/list"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/provider/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-log/tflog"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3"
	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/lifecycle"
)

var (
	_ provider.Provider                   = (*influxdb3Provider)(nil)
	_ provider.ProviderWithValidateConfig = (*influxdb3Provider)(nil)
	_ provider.ProviderWithFunctions      = (*influxdb3Provider)(nil)

	_ provider.ProviderWithEphemeralResources = (*influxdb3Provider)(nil)
	_ provider.ProviderWithListResources      = (*influxdb3Provider)(nil)
)

// New returns a constructor of the provider for the version of this build.
func New(version string) func() provider.Provider {
	return newWithClock(version, lifecycle.SystemClock{})
}

func newWithClock(version string, clock lifecycle.Clock) func() provider.Provider {
	return func() provider.Provider {
		return &influxdb3Provider{version: version, clock: clock, patience: othersWait}
	}
}

type influxdb3Provider struct {
	version  string
	clock    lifecycle.Clock
	patience time.Duration // othersWait, less in a test
}

type providerModel struct {
	serverModel
	AgeIdentity     types.String `tfsdk:"age_identity"`
	AgeIdentityFile types.String `tfsdk:"age_identity_file"`
	Servers         types.Map    `tfsdk:"servers"`
	OnUnreachable   types.String `tfsdk:"on_unreachable"`
}

// serverModel is how to reach a server, and with what: in the block itself, and in each
// entry of servers.
type serverModel struct {
	URL                types.String `tfsdk:"url"`
	Token              types.String `tfsdk:"token"`
	RecoveryURL        types.String `tfsdk:"recovery_url"`
	CACertFile         types.String `tfsdk:"ca_cert_file"`
	CACertPEM          types.String `tfsdk:"ca_cert_pem"`
	InsecureSkipVerify types.Bool   `tfsdk:"insecure_skip_verify"`
	RequestTimeout     duration     `tfsdk:"request_timeout"`
	StartupTimeout     duration     `tfsdk:"startup_timeout"`
	MaxRetries         types.Int64  `tfsdk:"max_retries"`
	Headers            types.Map    `tfsdk:"headers"`
}

// The values of on_unreachable.
const (
	unreachableError = "error"
	unreachableWarn  = "warn"
)

// Metadata implements provider.Provider.
func (p *influxdb3Provider) Metadata(_ context.Context, _ provider.MetadataRequest, resp *provider.MetadataResponse) {
	resp.TypeName = "influxdb3"
	resp.Version = p.version
}

// Schema implements provider.Provider.
func (p *influxdb3Provider) Schema(_ context.Context, _ provider.SchemaRequest, resp *provider.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "Manages the tokens of InfluxDB 3 servers, first of all the operator token: the first admin token of a server, with the name `_admin`. " +
			"The provider makes the operator token of a new server, or takes the one of a running server into state. It regenerates the token in place when a trigger changes, and gives you the new one as a sensitive value.",
		Attributes: map[string]schema.Attribute{
			"url": schema.StringAttribute{
				Optional: true,
				MarkdownDescription: "Address of the server, with `http` or `https`, such as `https://influxdb.example.com:8181`. It can have a path. " +
					"Defaults to the environment variable `INFLUXDB3_HOST_URL`, then to `" + defaultURL + "`.",
			},
			"token": schema.StringAttribute{
				Optional:  true,
				Sensitive: true,
				MarkdownDescription: "Token that the provider works with. You need none to make the operator token of a new server. " +
					"On InfluxDB 3 Core, best use a named admin token that you keep outside of Terraform. It still works after the operator token was regenerated. If the reply with a new operator token is lost, the provider uses it to regenerate once more. " +
					"Defaults to the environment variable `INFLUXDB3_AUTH_TOKEN`.",
			},
			"recovery_url": schema.StringAttribute{
				Optional: true,
				MarkdownDescription: "Address of the server's recovery listener. That is a second address of the server (`--admin-token-recovery-http-bind`) that regenerates the operator token without asking for a token. " +
					"The provider uses it only if no token works, and only if a rotation is due, the reply with a new token was lost, or `existing_token` is `regenerate`. " +
					"Defaults to the environment variable `INFLUXDB3_RECOVERY_URL`.",
			},
			"ca_cert_file": schema.StringAttribute{
				Optional: true,
				MarkdownDescription: "Path of a PEM file with CA certificates. The provider trusts them in addition to those of the system. Conflicts with `ca_cert_pem`. " +
					"Defaults to the environment variable `INFLUXDB3_TLS_CA`.",
			},
			"ca_cert_pem": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "CA certificates in PEM format. The provider trusts them in addition to those of the system. Conflicts with `ca_cert_file`.",
			},
			"insecure_skip_verify": schema.BoolAttribute{
				Optional: true,
				MarkdownDescription: "Whether to accept any TLS certificate. Anybody between Terraform and the server can then read every token. " +
					"Defaults to the environment variable `INFLUXDB3_TLS_NO_VERIFY`, then to `false`.",
			},
			"request_timeout": schema.StringAttribute{
				Optional:            true,
				CustomType:          durationType{},
				MarkdownDescription: "Time limit for one call to the server, such as `90s` or `2m`. Retries and the pauses between them count too. Defaults to `30s`.",
				Validators:          []validator.String{positiveDuration{}},
			},
			"age_identity": schema.StringAttribute{
				Optional:  true,
				Sensitive: true,
				MarkdownDescription: "Private key of [age](https://age-encryption.org) that decrypts tokens in state, for resources with `age_recipients`: one or several lines such as `AGE-SECRET-KEY-1...`, or an SSH private key without a passphrase. " +
					"It can be an ephemeral value. Conflicts with `age_identity_file`. Defaults to the environment variable `INFLUXDB3_AGE_IDENTITY`.",
			},
			"age_identity_file": schema.StringAttribute{
				Optional: true,
				MarkdownDescription: "Path of a file with such private keys, as `age-keygen` writes it. Conflicts with `age_identity`. " +
					"Defaults to the environment variable `INFLUXDB3_AGE_IDENTITY_FILE`.",
			},
			"startup_timeout": schema.StringAttribute{
				Optional:   true,
				CustomType: durationType{},
				MarkdownDescription: "How long the creation of a token waits for a server that is not up yet: its name does not resolve, nobody accepts the connection, or a gateway answers 502, 503 or 504. " +
					"So a server and its token can be created in one apply. All creations of a run wait together. Plans, refreshes and rotations never wait for this. " +
					"From `0s`, which turns it off, to `1h`. Defaults to `1m`.",
				Validators: []validator.String{startupDuration{}},
			},
			"max_retries": schema.Int64Attribute{
				Optional: true,
				MarkdownDescription: "How many times a request is repeated, from 0 to 20. Defaults to `3`. A request that was not sent is repeated. A request that only reads is also repeated if the connection broke or the answer was 429, 502, 503 or 504. " +
					"A request that may have changed something is not repeated before the provider has looked at what the server did.",
			},
			"headers": schema.MapAttribute{
				ElementType:         types.StringType,
				Optional:            true,
				Sensitive:           true,
				MarkdownDescription: "HTTP headers that are sent with every request, for a proxy in front of the server. They are also sent to the recovery listener.",
			},
			"servers": schema.MapNestedAttribute{
				Optional: true,
				MarkdownDescription: "More servers, by names of your choice (letters, digits, `-`, `_` and `.`). A resource or data source uses one of them with `server = \"NAME\"`; without `server` it uses the server of the block itself. " +
					"What an entry does not set comes from the block, except `token` and `recovery_url`: these belong to one server and are never sent to another one. Environment variables for address and token do not count for entries.",
				NestedObject: schema.NestedAttributeObject{Attributes: entryAttributes()},
			},
			"on_unreachable": schema.StringAttribute{
				Optional: true,
				MarkdownDescription: "What a refresh does if a server cannot be reached. `error` (default): fail. `warn`: keep what is in state and warn once for the server, so the other servers go on. " +
					"What has to change on that server still fails.",
				Validators: []validator.String{discreet{stringvalidator.OneOf(unreachableError, unreachableWarn)}},
			},
		},
	}
}

// entryAttributes are those of a server in servers.
func entryAttributes() map[string]schema.Attribute {
	like := func(name string) string { return "Like `" + name + "` of the block, from which it comes by default." }
	return map[string]schema.Attribute{
		"url":                  schema.StringAttribute{Optional: true, MarkdownDescription: "Address of the server. Every entry must have it."},
		"token":                schema.StringAttribute{Optional: true, Sensitive: true, MarkdownDescription: "Token for this server. It is never that of the block."},
		"recovery_url":         schema.StringAttribute{Optional: true, MarkdownDescription: "Address of the recovery listener of this server. It is never that of the block."},
		"ca_cert_file":         schema.StringAttribute{Optional: true, MarkdownDescription: like("ca_cert_file")},
		"ca_cert_pem":          schema.StringAttribute{Optional: true, MarkdownDescription: like("ca_cert_pem")},
		"insecure_skip_verify": schema.BoolAttribute{Optional: true, MarkdownDescription: like("insecure_skip_verify")},
		"request_timeout":      schema.StringAttribute{Optional: true, CustomType: durationType{}, Validators: []validator.String{positiveDuration{}}, MarkdownDescription: like("request_timeout")},
		"startup_timeout":      schema.StringAttribute{Optional: true, CustomType: durationType{}, Validators: []validator.String{startupDuration{}}, MarkdownDescription: like("startup_timeout")},
		"max_retries":          schema.Int64Attribute{Optional: true, MarkdownDescription: like("max_retries")},
		"headers":              schema.MapAttribute{ElementType: types.StringType, Optional: true, Sensitive: true, MarkdownDescription: like("headers")},
	}
}

// ValidateConfig implements provider.ProviderWithValidateConfig. Values from the
// environment are validated in Configure, by the same rules.
func (p *influxdb3Provider) ValidateConfig(ctx context.Context, req provider.ValidateConfigRequest, resp *provider.ValidateConfigResponse) {
	var config providerModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...)
	if resp.Diagnostics.HasError() {
		return
	}
	resp.Diagnostics.Append(config.validate(ctx)...)
}

// Configure implements provider.Provider. It makes no call.
func (p *influxdb3Provider) Configure(ctx context.Context, req provider.ConfigureRequest, resp *provider.ConfigureResponse) {
	var config providerModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...)
	if resp.Diagnostics.HasError() {
		return
	}
	all, diags := config.resolve(ctx)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	servers := &configuredServers{byName: map[string]*configuredServer{}, byAddress: map[string][]*configuredServer{}, unknown: config.Servers.IsUnknown()}
	for name, settings := range all {
		server := &configuredServer{unknown: settings.unknown}
		if settings.unknown == "" {
			settings.client.UserAgent = fmt.Sprintf("terraform-provider-influxdb3/%s (%s; Terraform %s)", p.version, runtime.GOOS, req.TerraformVersion)
			settings.client.OnRequest = logExchange
			server = newConfiguredServer(influxdb3.New(settings.client), settings.token, p.clock)
			server.startup.Timeout = settings.startup
			server.operatorResources.patience = p.patience
		}
		server.clock, server.identities, server.addressed = p.clock, settings.identities, settings.addressed
		server.mayBeUnreachable, server.claims = config.OnUnreachable.ValueString() == unreachableWarn, &servers.claims
		server.bridged = isBridge(req.TerraformVersion)
		servers.add(name, server)
	}
	resp.ResourceData = servers
	resp.DataSourceData = servers
	resp.EphemeralResourceData = servers
	resp.ListResourceData = servers
}

// logExchange writes what may be known of a request: no header, no body, no query.
func logExchange(ctx context.Context, e influxdb3.Exchange) {
	tflog.Debug(ctx, "InfluxDB request", map[string]any{
		"method": e.Method, "path": e.Path, "status": e.Status, "duration_ms": e.Duration.Milliseconds(),
	})
}

// Resources implements provider.Provider.
func (p *influxdb3Provider) Resources(context.Context) []func() resource.Resource {
	return []func() resource.Resource{NewAdminTokenResource, NewNamedAdminTokenResource, NewResourceTokenResource, NewOfflineAdminTokenResource}
}

// EphemeralResources implements provider.ProviderWithEphemeralResources.
func (p *influxdb3Provider) EphemeralResources(context.Context) []func() ephemeral.EphemeralResource {
	return []func() ephemeral.EphemeralResource{
		NewTokenEphemeralResource, NewNamedAdminTokenEphemeralResource, NewResourceTokenEphemeralResource, NewOfflineAdminTokenEphemeralResource,
	}
}

// ListResources implements provider.ProviderWithListResources.
func (p *influxdb3Provider) ListResources(context.Context) []func() list.ListResource {
	return []func() list.ListResource{NewAdminTokenListResource, NewNamedAdminTokenListResource, NewResourceTokenListResource}
}

// DataSources implements provider.Provider.
func (p *influxdb3Provider) DataSources(context.Context) []func() datasource.DataSource {
	return []func() datasource.DataSource{NewTokensDataSource, NewServerDataSource}
}

// Functions implements provider.ProviderWithFunctions.
func (p *influxdb3Provider) Functions(context.Context) []func() function.Function {
	return []func() function.Function{NewTokenHashFunction, NewParsePermissionFunction}
}

// pathCACertFile is where the environment's file of certificates could be set.
var pathCACertFile = path.Root("ca_cert_file")

const defaultURL = "http://127.0.0.1:8181"
