// Command kubernetesprovider stands in for the provider hashicorp/kubernetes, whose
// newest release as a Go module is of 2021 and knows no write-only arguments. It has
// the one resource that an example uses, kubernetes_secret_v1, with the arguments
// that the example sets. What it sends and what it leaves in state is what version
// 3.2.1 was seen to send and to leave.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

func main() {
	err := providerserver.Serve(context.Background(), func() provider.Provider { return kubernetes{} }, providerserver.ServeOpts{
		Address: "registry.terraform.io/hashicorp/kubernetes", ProtocolVersion: 6,
	})
	if err != nil {
		log.Fatal(err)
	}
}

type kubernetes struct{}

// Metadata implements provider.Provider.
func (kubernetes) Metadata(_ context.Context, _ provider.MetadataRequest, resp *provider.MetadataResponse) {
	resp.TypeName = "kubernetes"
}

// Schema implements provider.Provider. The cluster comes from KUBE_HOST.
func (kubernetes) Schema(context.Context, provider.SchemaRequest, *provider.SchemaResponse) {}

// Configure implements provider.Provider.
func (kubernetes) Configure(context.Context, provider.ConfigureRequest, *provider.ConfigureResponse) {
}

// DataSources implements provider.Provider.
func (kubernetes) DataSources(context.Context) []func() datasource.DataSource { return nil }

// Resources implements provider.Provider.
func (kubernetes) Resources(context.Context) []func() resource.Resource {
	return []func() resource.Resource{func() resource.Resource { return secret{} }}
}

type secret struct{}

type secretModel struct {
	ID             types.String    `tfsdk:"id"`
	Metadata       []metadataModel `tfsdk:"metadata"`
	DataWO         types.Map       `tfsdk:"data_wo"`
	DataWORevision types.Int64     `tfsdk:"data_wo_revision"`
}

type metadataModel struct {
	Name      types.String `tfsdk:"name"`
	Namespace types.String `tfsdk:"namespace"`
}

// secretObject is what the API of Kubernetes calls a secret.
type secretObject struct {
	Metadata   objectMetadata    `json:"metadata"`
	StringData map[string]string `json:"stringData,omitempty"`
}

type objectMetadata struct {
	Name      string `json:"name"`
	Namespace string `json:"namespace"`
}

// patch is one operation of a JSON patch.
type patch struct {
	Path  string            `json:"path"`
	Value map[string][]byte `json:"value"`
	Op    string            `json:"op"`
}

// Metadata implements resource.Resource.
func (secret) Metadata(_ context.Context, _ resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = "kubernetes_secret_v1"
}

// Schema implements resource.Resource.
func (secret) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	replace := []planmodifier.String{stringplanmodifier.RequiresReplace()}
	resp.Schema = schema.Schema{
		Attributes: map[string]schema.Attribute{
			"id":               schema.StringAttribute{Computed: true, PlanModifiers: []planmodifier.String{stringplanmodifier.UseStateForUnknown()}},
			"data_wo":          schema.MapAttribute{Optional: true, WriteOnly: true, ElementType: types.StringType},
			"data_wo_revision": schema.Int64Attribute{Optional: true},
		},
		Blocks: map[string]schema.Block{
			"metadata": schema.ListNestedBlock{NestedObject: schema.NestedBlockObject{Attributes: map[string]schema.Attribute{
				"name":      schema.StringAttribute{Required: true, PlanModifiers: replace},
				"namespace": schema.StringAttribute{Required: true, PlanModifiers: replace},
			}}},
		},
	}
}

// Create implements resource.Resource.
func (secret) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var plan secretModel
	var data map[string]string
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	resp.Diagnostics.Append(req.Config.GetAttribute(ctx, path.Root("data_wo"), &data)...)
	if resp.Diagnostics.HasError() {
		return
	}
	object := secretObject{objectMetadata{plan.name(), plan.namespace()}, data}
	if _, err := call(ctx, http.MethodPost, plan.namespace(), "", "application/json", object); err != nil {
		resp.Diagnostics.AddError(err.Error(), "")
		return
	}
	plan.ID = types.StringValue(plan.namespace() + "/" + plan.name())
	resp.Diagnostics.Append(resp.State.Set(ctx, plan)...)
}

// Read implements resource.Resource. It leaves the data alone, as version 3.2.1 does
// where there is a revision.
func (secret) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var state secretModel
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	if resp.Diagnostics.HasError() {
		return
	}
	status, err := call(ctx, http.MethodGet, state.namespace(), state.name(), "", nil)
	switch {
	case status == http.StatusNotFound:
		resp.State.RemoveResource(ctx)
	case err != nil:
		resp.Diagnostics.AddError(err.Error(), "")
	}
}

// Update implements resource.Resource. The new revision is in state whether or not
// the server took the data: version 3.2.1 leaves it there, too.
func (secret) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var plan, state secretModel
	var data map[string][]byte
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	data, diags := plan.data(ctx, req)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, plan)...)
	if plan.DataWORevision.Equal(state.DataWORevision) {
		return
	}
	operations := []patch{{Path: "/data", Value: data, Op: "add"}}
	if _, err := call(ctx, http.MethodPatch, plan.namespace(), plan.name(), "application/json-patch+json", operations); err != nil {
		resp.Diagnostics.AddError("Failed to update secret: "+err.Error(), "")
	}
}

// Delete implements resource.Resource.
func (secret) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var state secretModel
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	if resp.Diagnostics.HasError() {
		return
	}
	status, err := call(ctx, http.MethodDelete, state.namespace(), state.name(), "", nil)
	if err != nil && status != http.StatusNotFound {
		resp.Diagnostics.AddError(err.Error(), "")
	}
}

func (m secretModel) name() string      { return m.Metadata[0].Name.ValueString() }
func (m secretModel) namespace() string { return m.Metadata[0].Namespace.ValueString() }

// data is the write-only argument, which the configuration has and the plan has not.
func (secretModel) data(ctx context.Context, req resource.UpdateRequest) (map[string][]byte, diag.Diagnostics) {
	var texts map[string]string
	diags := req.Config.GetAttribute(ctx, path.Root("data_wo"), &texts)
	data := make(map[string][]byte, len(texts))
	for key, text := range texts {
		data[key] = []byte(text)
	}
	return data, diags
}

// call asks the server. Without a name it is about all secrets of the namespace. The
// status is 0 if nothing was answered.
func call(ctx context.Context, method, namespace, name, contentType string, body any) (int, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return 0, err
	}
	address := os.Getenv("KUBE_HOST") + "/api/v1/namespaces/" + namespace + "/secrets"
	if name != "" {
		address += "/" + name
	}
	req, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(text)) //nolint:gosec // KUBE_HOST is meant to say whom to ask
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", contentType)
	resp, err := http.DefaultClient.Do(req) //nolint:gosec // as above
	if err != nil {
		return 0, err
	}
	defer func() { _ = resp.Body.Close() }() // it was read
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return resp.StatusCode, err
	}
	if resp.StatusCode >= http.StatusBadRequest {
		var status struct {
			Message string `json:"message"`
		}
		if err := json.Unmarshal(answer, &status); err != nil {
			return resp.StatusCode, fmt.Errorf("%s: %w", resp.Status, err)
		}
		return resp.StatusCode, fmt.Errorf("%s", status.Message)
	}
	return resp.StatusCode, nil
}
