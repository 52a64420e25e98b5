package provider

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-timetypes/timetypes"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/ephemeral"
	"github.com/hashicorp/terraform-plugin-framework/ephemeral/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3"
	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/lifecycle"
)

// issuedTokenEphemeralResource serves both kinds of tokens that live for one run. They
// differ by permissions alone.
type issuedTokenEphemeralResource struct {
	onServer

	kind lifecycle.Kind
}

type issuedTokenEphemeralModel struct {
	Server     types.String      `tfsdk:"server"`
	NamePrefix types.String      `tfsdk:"name_prefix"`
	ExpiresIn  duration          `tfsdk:"expires_in"`
	Name       types.String      `tfsdk:"name"`
	Token      types.String      `tfsdk:"token"`
	Hash       types.String      `tfsdk:"hash"`
	ExpiresAt  timetypes.RFC3339 `tfsdk:"expires_at"`
}

// resourceTokenEphemeralModel is the model of both kinds in the code; Permissions stays
// null for named admin tokens, whose schema does not have it.
type resourceTokenEphemeralModel struct {
	issuedTokenEphemeralModel
	Permissions types.Set `tfsdk:"permissions"`
}

const (
	// runLifetime is how long a token for one run lives at most, if nothing is said.
	runLifetime = "1h"
	// runPrefix is the beginning of its name, if nothing is said.
	runPrefix = "run-"
	// privateRunToken is the key of what Close has to know: runToken.
	privateRunToken = "run_token"
)

// runDescription is what is special about a token that lives for one run.
const runDescription = "Makes the token when Terraform opens the ephemeral resource, and deletes it when the run ends. The token is in no state and no plan. It is for provider blocks and provisioners; what keeps it has a token that no longer works after the run.\n\n" +
	"A plan opens the ephemeral resource too, so a plan also makes a token and deletes it. To do this during the apply only, let `name_prefix` refer to a value that is not known while planning. " +
	"If Terraform is killed, the token stays on the server until it expires."

// runTokenAttributes are those that both kinds have.
func runTokenAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"server": schema.StringAttribute{Optional: true, Validators: []validator.String{nameOfServer{}}, MarkdownDescription: serverDescription},
		"name_prefix": schema.StringAttribute{
			Optional: true, Computed: true, Validators: []validator.String{tokenName{prefix: true}},
			MarkdownDescription: "Beginning of the name of the token. The rest makes the name unique. Defaults to `" + runPrefix + "`.",
		},
		"expires_in": schema.StringAttribute{
			Optional: true, Computed: true, CustomType: durationType{}, Validators: []validator.String{positiveDuration{wholeSeconds: true}},
			MarkdownDescription: "Lifetime of the token in whole seconds, such as `15m` or `2h`, in case nobody deletes it. It must be longer than the run takes. Defaults to `" + runLifetime + "`.",
		},
		"name":       schema.StringAttribute{Computed: true, MarkdownDescription: "Name of the token on the server."},
		"token":      schema.StringAttribute{Computed: true, Sensitive: true, MarkdownDescription: "The token."},
		"hash":       schema.StringAttribute{Computed: true, MarkdownDescription: offlineHashDescription},
		"expires_at": schema.StringAttribute{Computed: true, CustomType: timetypes.RFC3339Type{}, MarkdownDescription: "When the token expires, by the server's clock."},
	}
}

// Configure implements ephemeral.EphemeralResourceWithConfigure.
func (e *issuedTokenEphemeralResource) Configure(_ context.Context, req ephemeral.ConfigureRequest, resp *ephemeral.ConfigureResponse) {
	resp.Diagnostics.Append(e.configure(req.ProviderData)...)
}

// Open implements ephemeral.EphemeralResource.
func (e *issuedTokenEphemeralResource) Open(ctx context.Context, req ephemeral.OpenRequest, resp *ephemeral.OpenResponse) {
	defer keepAlive()()
	model, diags := e.get(ctx, req.Config)
	resp.Diagnostics.Append(diags...)
	server := e.server(model.Server)
	permissions, diags := permissionsOf(ctx, model.Permissions)
	resp.Diagnostics.Append(diags...)
	switch {
	case server.isMissing():
		resp.Diagnostics.Append(missingServer(server))
	case !server.usable():
		resp.Diagnostics.Append(postponed(server))
	}
	if resp.Diagnostics.HasError() {
		return
	}
	if model.NamePrefix.IsNull() {
		model.NamePrefix = types.StringValue(runPrefix)
	}
	if model.ExpiresIn.IsNull() {
		model.ExpiresIn = duration{types.StringValue(runLifetime)}
	}
	expiresIn, name, issuer := durationOf(model.ExpiresIn), model.NamePrefix.ValueString()+lifecycle.UniqueSuffix(server.clock.Now()), server.issuer()
	token, warnings, err := issuer.Issue(ctx, name, true, func(ctx context.Context) (*influxdb3.Token, error) {
		if e.kind == lifecycle.KindResource {
			return server.client.CreateResourceToken(ctx, issuer.Credential, name, permissions, &expiresIn)
		}
		return server.client.CreateNamedAdminToken(ctx, issuer.Credential, name, &expiresIn)
	})
	switch {
	case err != nil && token != nil: // nothing is kept of it, so that it must not stay
		resp.Diagnostics.Append(e.discard(ctx, runTokenOf(model.Server, name, token), err)...)
		return
	case err != nil:
		resp.Diagnostics.Append(issuedTokenProblem("Create", name, err, server))
		return
	}
	given.add(token.Secret.Reveal()) // to keep it out of what is said
	run := runTokenOf(model.Server, name, token)
	model.Name, model.Token, model.Hash = types.StringValue(name), types.StringValue(token.Secret.Reveal()), types.StringValue(token.Secret.Hash())
	model.ExpiresAt = timestamp(token.ExpiresAt)
	openRunTokens.add(e, run)
	resp.Diagnostics.Append(setPrivate(ctx, resp.Private, privateRunToken, run)...)
	if e.kind == lifecycle.KindResource {
		resp.Diagnostics.Append(resp.Result.Set(ctx, &model)...)
	} else {
		resp.Diagnostics.Append(resp.Result.Set(ctx, &model.issuedTokenEphemeralModel)...)
	}
	resp.Diagnostics.Append(asDiagnostics(warnings)...)
}

// runToken is what Close has to know of a token.
type runToken struct {
	Server      string    `json:"server,omitempty"`
	Name        string    `json:"name"`
	Hash        string    `json:"hash"`
	ClusterUUID string    `json:"cluster_uuid,omitempty"`
	CreatedAt   time.Time `json:"created_at"` // a node that is behind does not know a young one yet
}

func runTokenOf(server types.String, name string, token *influxdb3.Token) runToken {
	return runToken{Server: server.ValueString(), Name: name, Hash: token.Secret.Hash(), ClusterUUID: token.ClusterUUID, CreatedAt: token.CreatedAt}
}

// Close implements ephemeral.EphemeralResourceWithClose.
func (e *issuedTokenEphemeralResource) Close(ctx context.Context, req ephemeral.CloseRequest, resp *ephemeral.CloseResponse) {
	defer keepAlive()()
	token, diags := getPrivate[runToken](ctx, req.Private, privateRunToken)
	resp.Diagnostics.Append(diags...)
	if token.Name == "" || !e.server(optional(token.Server)).usable() {
		return
	}
	openRunTokens.remove(token)
	resp.Diagnostics.Append(e.revoke(ctx, token)...)
}

// runTokens are tokens for one run that this process has made, by their names, which are
// unique, with what deletes them.
type runTokens struct {
	mu   sync.Mutex
	open map[string]func(context.Context)
}

// openRunTokens are those that nobody has asked to be deleted yet.
var openRunTokens = runTokens{open: map[string]func(context.Context){}}

func (r *runTokens) add(e *issuedTokenEphemeralResource, token runToken) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.open[token.Name] = func(ctx context.Context) { e.revoke(ctx, token) }
}

func (r *runTokens) remove(token runToken) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.open, token.Name)
}

// RevokeRunTokens deletes the tokens for one run that are left when the process ends.
// Terraform 1.11 closes no ephemeral resource of a run that is interrupted, OpenTofu 1.12
// none of one that fails. Both still let their providers end by themselves, for which
// go-plugin gives them two seconds. Nobody can be told any more: what stays expires.
func RevokeRunTokens(ctx context.Context) {
	openRunTokens.mu.Lock()
	defer openRunTokens.mu.Unlock()
	var all sync.WaitGroup
	for _, revoke := range openRunTokens.open {
		all.Go(func() { revoke(ctx) })
	}
	all.Wait()
	clear(openRunTokens.open)
}

// revoke deletes a token at the end of a run. That it could not be deleted is no failure
// of the run: it expires.
func (e *issuedTokenEphemeralResource) revoke(ctx context.Context, token runToken) (diags diag.Diagnostics) {
	server := e.server(optional(token.Server))
	err := server.issuer().Revoke(context.WithoutCancel(ctx), lifecycle.Issued{Name: token.Name, Hash: token.Hash, ClusterUUID: token.ClusterUUID, CreatedAt: token.CreatedAt})
	if err != nil {
		diags.AddWarning("Token of This Run Was Not Deleted", fmt.Sprintf("%s.\n\nIf the server still has the token %q, it works until it expires.\n\nTo delete it now: `%s`.", capital(err.Error()), loggable(token.Name), deletion(token.Name)))
	}
	return diags
}

// discard deletes a token of which it is not known whether it works, and says so.
func (e *issuedTokenEphemeralResource) discard(ctx context.Context, token runToken, why error) diag.Diagnostics {
	diags := e.revoke(ctx, token)
	now := "The run does not get the token."
	if len(diags) == 0 {
		now += " The server does not have it any more."
	}
	diags.AddError("Unable to Create Token", sentence(why.Error())+"\n\n"+now+"\n\nRun this again when the server can be reached.")
	return diags
}

func (e *issuedTokenEphemeralResource) get(ctx context.Context, from attributeGetter) (resourceTokenEphemeralModel, diag.Diagnostics) {
	model := resourceTokenEphemeralModel{Permissions: types.SetNull(permissionType)}
	if e.kind == lifecycle.KindResource {
		diags := from.Get(ctx, &model)
		return model, diags
	}
	diags := from.Get(ctx, &model.issuedTokenEphemeralModel)
	return model, diags
}

// postponed is the error about a token that is to be made with a provider block that is
// not known yet.
func postponed(server *configuredServer) diag.Diagnostic {
	name := "configuration"
	if server != nil {
		name = server.unknown
	}
	return diag.NewErrorDiagnostic("Provider Is Not Configured Yet",
		fmt.Sprintf("The provider's %s comes from a resource that this run has yet to apply, so it is not known. Terraform opens an ephemeral resource while planning if all its arguments are known.\n\n"+
			"No request was sent.\n\n"+
			"Let an argument refer to the same resource, so that Terraform opens it during the apply. For example, with the operator token behind the provider block:\n"+
			`  name_prefix = "run-${influxdb3_admin_token.operator.hash}-"`, name))
}
