package provider

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/identityschema"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// tokenResource is what every resource of a token has.
type tokenResource struct {
	onServer
}

// IdentitySchema implements resource.ResourceWithIdentity. The identity of a token is
// its name, which is unique among all kinds, and the server that it is on.
func (r *tokenResource) IdentitySchema(_ context.Context, _ resource.IdentitySchemaRequest, resp *resource.IdentitySchemaResponse) {
	resp.IdentitySchema = identityschema.Schema{
		Attributes: map[string]identityschema.Attribute{
			"name":         identityschema.StringAttribute{RequiredForImport: true, Description: "Name of the token."},
			"cluster_uuid": identityschema.StringAttribute{OptionalForImport: true, Description: "UUID of the server's cluster (InfluxDB 3.7 and later, null before). If it is given, the import fails on another cluster."},
		},
	}
}

// Configure implements resource.ResourceWithConfigure.
func (r *tokenResource) Configure(_ context.Context, req resource.ConfigureRequest, resp *resource.ConfigureResponse) {
	resp.Diagnostics.Append(r.configure(req.ProviderData)...)
}

type tokenIdentityModel struct {
	Name        types.String `tfsdk:"name"`
	ClusterUUID types.String `tfsdk:"cluster_uuid"`
}

// identify records the identity of a token, once: Terraform takes a changed one for
// another object, and a server can begin to name its cluster when it is upgraded.
func identify(ctx context.Context, identity *tfsdk.ResourceIdentity, name, clusterUUID types.String) (diags diag.Diagnostics) {
	if identity == nil {
		return diags // the CLI knows no identities
	}
	var recorded tokenIdentityModel
	if !identity.Raw.IsNull() {
		diags.Append(identity.Get(ctx, &recorded)...)
	}
	if recorded.Name.ValueString() == "" {
		diags.Append(identity.Set(ctx, &tokenIdentityModel{Name: name, ClusterUUID: clusterUUID})...)
	}
	return diags
}

// importName is what an import names, by ID or by identity.
func importName(ctx context.Context, req resource.ImportStateRequest) (tokenIdentityModel, diag.Diagnostics) {
	identity := tokenIdentityModel{Name: types.StringValue(req.ID), ClusterUUID: types.StringNull()}
	if req.ID != "" || req.Identity == nil {
		return identity, nil
	}
	diags := req.Identity.Get(ctx, &identity)
	return identity, diags
}

// checkCluster is the error about an import of a token of another cluster than the
// identity names.
func (m tokenIdentityModel) checkCluster(answers string, server *configuredServer) (diags diag.Diagnostics) {
	if want := m.ClusterUUID.ValueString(); want != "" && want != answers {
		diags.AddError("Unable to Import Token", fmt.Sprintf("The identity names the cluster %s, and %s answers as cluster %q.\n\nNothing was changed.\n\n"+
			"Correct the provider's url, or the cluster_uuid of the identity.", loggable(want), server.client.Endpoint(), answers))
	}
	return diags
}

// importServer is the server that an import is for: the one that the ID names before a
// slash, or the one whose cluster the identity names. It takes the name of the server off
// the name of the token.
func (r *tokenResource) importServer(ctx context.Context, identity *tokenIdentityModel, byIdentity bool) (types.String, diag.Diagnostics) {
	if r.servers == nil || len(r.servers.byName) < 2 {
		return types.StringNull(), nil
	}
	if !byIdentity {
		server, name, ok := strings.Cut(identity.Name.ValueString(), "/")
		if ok && r.servers.byName[server] != nil && server != "" {
			identity.Name = types.StringValue(name)
			return types.StringValue(server), nil
		}
		return types.StringNull(), nil
	}
	want := identity.ClusterUUID.ValueString()
	if want == "" {
		return types.StringNull(), nil
	}
	for _, name := range slices.Sorted(maps.Keys(r.servers.byName)) {
		server := r.servers.byName[name]
		if server.usable() && server.clusterUUID(ctx) == want {
			return optional(name), nil
		}
	}
	return types.StringNull(), diag.Diagnostics{diag.NewErrorDiagnostic("Unable to Import Token",
		fmt.Sprintf("The identity names the cluster %s, and no server of the provider block answers as that cluster.\n\nNothing was changed.\n\nAdd the server to servers, or correct the cluster_uuid of the identity.", loggable(want)))}
}

// clusterUUID asks a server for its cluster, "" without an answer. One before 3.8 tells it
// only to a token that it accepts (recorded).
func (s *configuredServer) clusterUUID(ctx context.Context) string {
	if cluster, err := s.client.Names(ctx); err == nil && cluster != "" {
		return cluster
	}
	if listing, err := s.tokens.get(ctx); err == nil {
		return listing.ClusterUUID
	}
	return ""
}
