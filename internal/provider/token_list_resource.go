package provider

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/list"
	"github.com/hashicorp/terraform-plugin-framework/list/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"golang.org/x/sync/errgroup"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3"
	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/lifecycle"
)

// askedAtOnce is how many servers are asked at the same time.
const askedAtOnce = 16

// tokenListResource lists the tokens of one kind, on one server or on all.
type tokenListResource struct {
	onServer

	kind lifecycle.Kind
	// model is what an import would put into state.
	model func(ctx context.Context, row influxdb3.TokenInfo, from *serverListing) (any, diag.Diagnostics)
}

type tokenListModel struct {
	Server         types.String `tfsdk:"server"`
	NamePrefix     types.String `tfsdk:"name_prefix"`
	IncludeExpired types.Bool   `tfsdk:"include_expired"`
}

// serverListing is what came of asking one server.
type serverListing struct {
	server  *configuredServer
	listing *indexedListing
	err     error
	done    chan struct{} // closed then
}

// Configure implements list.ListResourceWithConfigure.
func (r *tokenListResource) Configure(_ context.Context, req resource.ConfigureRequest, resp *resource.ConfigureResponse) {
	resp.Diagnostics.Append(r.configure(req.ProviderData)...)
}

// tokenListSchema is the schema of all kinds.
func tokenListSchema(what string) schema.Schema {
	return schema.Schema{
		MarkdownDescription: "Lists " + what + " for `terraform query` (Terraform 1.14 and later). " +
			"A result can be imported, and `terraform query -generate-config-out` writes the blocks for it. The tokens themselves are not in the list, because the server does not keep them.\n\n" +
			"Each server is asked once. If a server cannot be listed, Terraform shows nothing of this list block, unless the server cannot be reached and `on_unreachable` of the provider block is `warn`. Terraform stops after 100 results if `limit` is not set.",
		Attributes: map[string]schema.Attribute{
			"server": schema.StringAttribute{
				Optional:   true,
				Validators: []validator.String{nameOfServer{}},
				MarkdownDescription: "Name of a server in `servers` of the provider block. Without it all servers are listed: those in `servers`, and that of the block itself. " +
					"If there are `servers`, that of the block itself is listed only if its address is set (`url`, or the environment variable `" + envURL + "`).",
			},
			"name_prefix":     schema.StringAttribute{Optional: true, MarkdownDescription: "List only tokens whose name begins with this."},
			"include_expired": schema.BoolAttribute{Optional: true, MarkdownDescription: "Whether to list expired tokens too. The server keeps them until somebody deletes them. Defaults to `false`."},
		},
	}
}

// List implements list.ListResource. What went wrong comes last, because Terraform reads
// nothing after an error, and before the result with which the limit is reached, because it
// reads nothing after that.
func (r *tokenListResource) List(ctx context.Context, req list.ListRequest, stream *list.ListResultsStream) {
	var config tokenListModel
	diags := req.Config.Get(ctx, &config)
	servers, more := r.chosen(config.Server)
	if diags.Append(more...); diags.HasError() {
		stream.Results = list.ListResultsStreamDiagnostics(diags)
		return
	}
	stream.Results = func(push func(list.ListResult) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		left := req.Limit
		var problems diag.Diagnostics
		pushProblems := func() (more bool) {
			slices.SortStableFunc(problems, func(a, b diag.Diagnostic) int { return int(b.Severity()) - int(a.Severity()) })
			for _, problem := range problems {
				if !push(list.ListResult{Diagnostics: diag.Diagnostics{problem}}) {
					return false
				}
			}
			return true
		}
		clusters := map[string]*configuredServer{}
		for _, from := range ask(ctx, servers) {
			<-from.done
			if from.err != nil {
				problems.Append(from.notListed()...)
				continue
			}
			cluster := from.listing.ClusterUUID
			if other := clusters[cluster]; cluster != "" && other != nil {
				problems.Append(listedTwice(other, from.server, cluster))
				continue
			}
			clusters[cluster] = from.server
			now := from.server.serverTime(from.listing.Listing)
			for _, row := range from.listing.Tokens {
				if lifecycle.KindOf(row) != r.kind || !config.wants(row, now) {
					continue
				}
				if left == 1 && !pushProblems() {
					return
				}
				if !push(r.result(ctx, req, row, from)) {
					return
				}
				if left--; left == 0 {
					return
				}
			}
		}
		pushProblems()
	}
}

// chosen are the servers to list, each of which can be asked.
func (r *tokenListResource) chosen(name types.String) (servers []*configuredServer, diags diag.Diagnostics) {
	switch {
	case r.servers == nil:
		diags.Append(providerUnknown(nil))
		return nil, diags
	case name.IsNull() && r.servers.unknown:
		diags.Append(providerUnknown(&configuredServer{unknown: "servers"}))
		return nil, diags
	case !name.IsNull():
		servers = []*configuredServer{r.server(name)}
	default:
		servers = r.servers.all()
	}
	for _, server := range servers {
		server.notConfigured(&diags)
	}
	return servers, diags
}

// ask begins to list servers, some at a time, and returns what will come of it.
func ask(ctx context.Context, servers []*configuredServer) []*serverListing {
	listings := make([]*serverListing, len(servers))
	for i, server := range servers {
		listings[i] = &serverListing{server: server, done: make(chan struct{})}
	}
	var group errgroup.Group
	group.SetLimit(askedAtOnce)
	go func() {
		for _, l := range listings {
			group.Go(func() error {
				defer close(l.done)
				if l.listing, l.err = l.server.tokens.get(ctx); l.err != nil {
					l.err = lifecycle.IssuedReadProblem(l.err, "")
				} else {
					l.err = lifecycle.IssuedHere(l.listing.Listing, "")
				}
				return nil
			})
		}
	}()
	return listings
}

// wants says whether a token is asked for.
func (m tokenListModel) wants(row influxdb3.TokenInfo, now time.Time) bool {
	return strings.HasPrefix(row.Name, m.NamePrefix.ValueString()) &&
		(m.IncludeExpired.ValueBool() || row.ExpiresAt == nil || now.Before(*row.ExpiresAt))
}

// result is a token as Terraform takes it. Its display name is the ID of an import.
func (r *tokenListResource) result(ctx context.Context, req list.ListRequest, row influxdb3.TokenInfo, from *serverListing) list.ListResult {
	result := req.NewListResult(ctx)
	result.DisplayName = loggable(row.Name)
	if from.server.name != "" {
		result.DisplayName = from.server.name + "/" + result.DisplayName
	}
	result.Diagnostics.Append(result.Identity.Set(ctx, &tokenIdentityModel{Name: types.StringValue(row.Name), ClusterUUID: optional(from.listing.ClusterUUID)})...)
	if !req.IncludeResource {
		result.Resource = nil
		return result
	}
	model, diags := r.model(ctx, row, from)
	result.Diagnostics.Append(diags...)
	result.Diagnostics.Append(result.Resource.Set(ctx, model)...)
	return result
}

// notListed tells of a server that could not be listed.
func (l *serverListing) notListed() (diags diag.Diagnostics) {
	if l.server.mayBeUnreachable && lifecycle.NotReached(l.err) {
		diags.AddWarning("Server Cannot Be Reached", fmt.Sprintf("%s.\n\nThe tokens of %s are not in the list, because on_unreachable is warn.", capital(l.err.Error()), l.server.client.Endpoint()))
		return diags
	}
	problem := dataSourceProblem("List Tokens", l.err, l.server)
	if l.server.name == "" {
		diags.Append(problem)
		return diags
	}
	diags.AddError(problem.Summary(), problem.Detail()+fmt.Sprintf("\n\nThis is about servers[%q]. To list the others without it, write a list block for each of them, with server (and for_each). "+
		"For a server that cannot be reached, on_unreachable = \"warn\" in the provider block does so too.", l.server.name))
	return diags
}

// listedTwice tells of two servers that are one.
func listedTwice(first, second *configuredServer, cluster string) diag.Diagnostic {
	return diag.NewWarningDiagnostic("Two Servers Are the Same",
		fmt.Sprintf("%s and %s answer as the same cluster, %s.\n\nIts tokens are listed once, as those of the first.\n\nCorrect the url of one of them, or remove the entry.", capital(first.label()), second.label(), cluster))
}

// label is how a server is spoken of.
func (s *configuredServer) label() string {
	if s.name == "" {
		return "the provider block itself"
	}
	return fmt.Sprintf("servers[%q]", s.name)
}
