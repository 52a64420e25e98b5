package provider

import (
	"context"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/identityschema"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"golang.org/x/sync/errgroup"
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
			"Correct %s, or the cluster_uuid of the identity.", loggable(want), server.client.Endpoint(), answers, server.urlSetting()))
	}
	return diags
}

// importServer is the server that an import is for: the one that the ID names before a
// slash, or the one whose cluster the identity names. It takes the name of the server off
// the name of the token.
func (r *tokenResource) importServer(ctx context.Context, identity *tokenIdentityModel, byIdentity bool) (*configuredServer, diag.Diagnostics) {
	switch {
	case r.servers == nil || len(r.servers.byName) < 2 && !r.servers.unknown: // there is one
		return r.server(types.StringNull()), nil
	case byIdentity:
		return r.servers.ofIdentity(ctx, *identity)
	}
	server, name := r.servers.parseID(identity.Name.ValueString())
	identity.Name = types.StringValue(name)
	return r.server(optional(server)), nil
}

// parseID takes an ID of an import apart. It is SERVER/NAME, or the name of a token of the
// block itself. Where such a name begins like SERVER/NAME, a slash before it says that it
// is none. As long as nobody knows which servers there are, everything before a slash is one.
func (s *configuredServers) parseID(id string) (server, name string) {
	before, after, ok := strings.Cut(id, "/")
	switch {
	case !ok:
		return "", id
	case before == "":
		if inner, rest := s.parseID(after); inner != "" || rest != after {
			return "", after
		}
		return "", id
	case s.byName[before] != nil || s.unknown && serverName.MatchString(before):
		return before, after
	default:
		return "", id
	}
}

// ofIdentity finds the server whose cluster an identity names. One without a cluster names
// a server only if there is no choice.
func (s *configuredServers) ofIdentity(ctx context.Context, identity tokenIdentityModel) (*configuredServer, diag.Diagnostics) {
	const next = "\n\nNothing was changed.\n\n"
	if s.unknown {
		return &configuredServer{unknown: "servers"}, nil
	}
	want, all := identity.ClusterUUID.ValueString(), s.all()
	if want == "" && len(all) == 1 {
		return all[0], nil
	}
	if want == "" {
		return nil, diag.Diagnostics{diag.NewErrorDiagnostic("Unable to Import Token",
			"The identity has no cluster_uuid, and the provider block has several servers."+next+
				"Add the cluster_uuid of the server. If the server does not have one (InfluxDB before 3.7), import by ID: "+importIDForm)}
	}
	var found []*configuredServer
	var silent []string
	for _, server := range clusters(ctx, all) {
		switch server.uuid {
		case want:
			found = append(found, server.of)
		case "":
			silent = append(silent, server.of.label())
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		text := fmt.Sprintf("The identity names the cluster %s, and no server of the provider block answers as that cluster.", loggable(want))
		if len(silent) > 0 {
			text += fmt.Sprintf(" No cluster_uuid was to be had from: %s.", strings.Join(silent, ", "))
		}
		if !s.byName[""].addressed {
			text += " The block itself does not count, because its url is not set."
		}
		return nil, diag.Diagnostics{diag.NewErrorDiagnostic("Unable to Import Token",
			text+next+"Add the server to servers, or correct the cluster_uuid of the identity. If the server is there and does not answer, import when it does, or by ID: "+importIDForm)}
	default:
		return nil, diag.Diagnostics{diag.NewErrorDiagnostic("Unable to Import Token",
			fmt.Sprintf("The identity names the cluster %s, and both %s and %s answer as that cluster.", loggable(want), found[0].label(), found[1].label())+next+
				"Correct the url of one of them, or remove the entry. Or import by ID: "+importIDForm)}
	}
}

// importIDForm is how to import by ID where there are several servers.
const importIDForm = "SERVER/NAME for a server in servers, and NAME for the block itself."

// serverCluster is a server and the cluster as which it answers, "" if it does not.
type serverCluster struct {
	of   *configuredServer
	uuid string
}

// clusters asks servers for their clusters, some at a time.
func clusters(ctx context.Context, servers []*configuredServer) []serverCluster {
	all := make([]serverCluster, len(servers))
	var group errgroup.Group
	group.SetLimit(askedAtOnce)
	for i, server := range servers {
		all[i].of = server
		if server.usable() {
			group.Go(func() error {
				all[i].uuid = server.clusterUUID(ctx)
				return nil
			})
		}
	}
	_ = group.Wait() // nobody fails: one that does not answer has no cluster
	return all
}

// clusterUUID asks a server for its cluster, once in a process, "" without an answer. One
// before 3.8 tells it only to a token that it accepts (recorded).
func (s *configuredServer) clusterUUID(ctx context.Context) string {
	s.askCluster.Do(func() {
		if cluster, err := s.client.Names(ctx); err == nil && cluster != "" {
			s.cluster = cluster
		} else if listing, err := s.tokens.get(ctx); err == nil {
			s.cluster = listing.ClusterUUID
		}
	})
	return s.cluster
}
