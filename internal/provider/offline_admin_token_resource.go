package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/mapplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3"
)

var _ resource.ResourceWithModifyPlan = (*offlineAdminTokenResource)(nil)

// NewOfflineAdminTokenResource returns the resource of tokens that are made without a
// server.
func NewOfflineAdminTokenResource() resource.Resource { return &offlineAdminTokenResource{} }

// offlineAdminTokenResource is never configured: it works before there is an address.
type offlineAdminTokenResource struct{}

type offlineAdminTokenModel struct {
	RotationTriggers types.Map    `tfsdk:"rotation_triggers"`
	Token            types.String `tfsdk:"token"`
	Hash             types.String `tfsdk:"hash"`
	FileContent      types.String `tfsdk:"file_content"`
}

// What the attributes of the resource and of the ephemeral resource are.
const (
	offlineTokenDescription = "The token."
	offlineHashDescription  = "First nine hexadecimal digits of the SHA-512 hash of the token, as `influxdb3 show tokens` prints them. The hash is not secret."
	offlineFileDescription  = "Content of the file for `--admin-token-file`: JSON with the token and the name `_admin`, without an expiry, as `influxdb3 create token --admin --offline` writes it. " +
		"Give the file the mode `0600`."
)

// Metadata implements resource.Resource.
func (*offlineAdminTokenResource) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_offline_admin_token"
}

// Schema implements resource.Resource.
func (*offlineAdminTokenResource) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	keep := []planmodifier.String{stringplanmodifier.UseStateForUnknown()}
	resp.Schema = schema.Schema{
		MarkdownDescription: "An admin token that is made without a server, for the server's first start. A server that starts with it in its token file (`--admin-token-file`, InfluxDB 3.4 and later) " +
			"has an operator token from the first moment: nobody else can create it.\n\n" +
			"The resource sends no request and needs no provider configuration. The token is in state. " +
			"So let an `influxdb3_admin_token` with `existing_token = \"regenerate\"` replace it in the same apply: then what is in state and in the file no longer works. [examples/token-file](https://github.com/influxdb3-community/terraform-provider-influxdb3/tree/main/examples/token-file) shows the whole configuration.\n\n" +
			"A server reads the file only as long as it has no token of that name. So another token here changes nothing on a server that runs, and an old file does no harm. " +
			"But a server whose data directory was lost accepts the token of its file again.",
		Attributes: map[string]schema.Attribute{
			"rotation_triggers": schema.MapAttribute{
				ElementType: types.StringType,
				Optional:    true,
				PlanModifiers: []planmodifier.Map{mapplanmodifier.RequiresReplaceIf(
					func(_ context.Context, req planmodifier.MapRequest, resp *mapplanmodifier.RequiresReplaceIfFuncResponse) {
						resp.RequiresReplace = anyUnknown(req.PlanValue) || triggersDiffer(req.PlanValue, req.StateValue)
					}, replacedByTriggers, replacedByTriggers)},
				MarkdownDescription: "Arbitrary values. When you change, add or remove a value, the resource is replaced and makes another token. An empty map is the same as no map.",
			},
			"token":        schema.StringAttribute{Computed: true, Sensitive: true, PlanModifiers: keep, MarkdownDescription: offlineTokenDescription},
			"hash":         schema.StringAttribute{Computed: true, PlanModifiers: keep, MarkdownDescription: offlineHashDescription},
			"file_content": schema.StringAttribute{Computed: true, Sensitive: true, PlanModifiers: keep, MarkdownDescription: offlineFileDescription},
		},
	}
}

const replacedByTriggers = "Another value, but not an empty map in place of none, replaces the token."

// ModifyPlan implements resource.ResourceWithModifyPlan. Nothing says whether a server has
// started with the token and still accepts it, so its end is not passed over in silence.
func (*offlineAdminTokenResource) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	if req.State.Raw.IsNull() {
		return
	}
	var state, plan offlineAdminTokenModel
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	if !req.Plan.Raw.IsNull() {
		resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	}
	if resp.Diagnostics.HasError() || !req.Plan.Raw.IsNull() && !anyUnknown(plan.RotationTriggers) && !triggersDiffer(plan.RotationTriggers, state.RotationTriggers) {
		return
	}
	resp.Diagnostics.AddWarning("Offline Admin Token Leaves the State",
		"The token "+state.Hash.ValueString()+" leaves the state. A server that has started with it still accepts it, unless the operator token was regenerated since. "+
			"If the token is still in use and you have no other copy, do not apply this plan.")
}

// Create implements resource.Resource.
func (*offlineAdminTokenResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var plan offlineAdminTokenModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	if resp.Diagnostics.HasError() {
		return
	}
	token := influxdb3.NewOfflineToken()
	plan.Token = types.StringValue(token.Reveal())
	plan.Hash = types.StringValue(token.Hash())
	plan.FileContent = types.StringValue(influxdb3.AdminTokenFile(token).Reveal())
	resp.Diagnostics.Append(resp.State.Set(ctx, &plan)...)
}

// Read implements resource.Resource. The token is in state and nowhere else that could be
// asked.
func (*offlineAdminTokenResource) Read(context.Context, resource.ReadRequest, *resource.ReadResponse) {
}

// Update implements resource.Resource. What gets here is an empty map of triggers in place
// of none, or the reverse.
func (*offlineAdminTokenResource) Update(_ context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	resp.State.Raw = req.Plan.Raw
}

// Delete implements resource.Resource. Nothing is to be done: a server that has started
// with the token keeps it.
func (*offlineAdminTokenResource) Delete(context.Context, resource.DeleteRequest, *resource.DeleteResponse) {
}
