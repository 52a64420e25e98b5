package provider

import (
	"context"
	"fmt"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3"
	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/lifecycle"
)

// issuedTokenResource serves both kinds of tokens that are created and deleted by
// name. They differ by permissions alone.
type issuedTokenResource struct {
	tokenResource

	kind lifecycle.Kind
}

// Create implements resource.Resource.
func (r *issuedTokenResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	defer keepAlive()()
	plan, diags := r.get(ctx, req.Plan)
	resp.Diagnostics.Append(diags...)
	server := r.server(plan.Server)
	resp.Diagnostics.Append(plan.checkRecipients()...)
	if resp.Diagnostics.HasError() || server.notConfigured(&resp.Diagnostics) {
		return
	}
	name := plan.Name.ValueString()
	unique := name == ""
	if unique {
		name = plan.NamePrefix.ValueString() + lifecycle.UniqueSuffix(server.clock.Now())
	}
	permissions, diags := permissionsOf(ctx, plan.Permissions)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	if err := server.startup.Await(ctx); err != nil {
		resp.Diagnostics.Append(issuedTokenProblem("Create", name, err, server))
		return
	}
	issuer := server.issuer()
	var expiresIn *time.Duration
	if d := durationOf(plan.ExpiresIn); d > 0 {
		expiresIn = &d
	}
	if theirs := server.takeRoom(name); theirs != "" { // as the plan has said, it makes room
		if err := issuer.Revoke(ctx, lifecycle.Issued{Name: name, Hash: theirs}); err != nil {
			resp.Diagnostics.Append(issuedTokenProblem("Create", name, err, server))
			return
		}
	}
	token, warnings, err := issuer.Issue(ctx, name, unique, func(ctx context.Context) (*influxdb3.Token, error) {
		if r.kind == lifecycle.KindResource {
			return server.client.CreateResourceToken(ctx, issuer.Credential, name, permissions, expiresIn)
		}
		return server.client.CreateNamedAdminToken(ctx, issuer.Credential, name, expiresIn)
	})
	server.tokens.invalidate()
	if token != nil { // with an error, too, it may be the only copy of one that is good
		plan.Name = types.StringValue(name)
		resp.Diagnostics.Append(plan.take(*token)...)
		resp.Diagnostics.Append(r.save(ctx, plan, &resp.State, resp.Identity)...)
	}
	if err != nil {
		problems := diag.Diagnostics{issuedTokenProblem("Create", name, err, server)}
		if token != nil {
			problems = server.withState(problems...)
		}
		resp.Diagnostics.Append(problems...)
		return
	}
	resp.Diagnostics.Append(asDiagnostics(warnings)...)
	if r.kind == lifecycle.KindNamedAdmin {
		server.credentials.Created(token.Secret)
	}
	// After a reply that was lost or incomplete the time of the token need not be the server's.
	if unique && plan.KeepOnDestroy.ValueBool() && len(warnings) == 0 {
		resp.Diagnostics.Append(server.deleteLeftOvers(ctx, lifecycle.Keeping{Prefix: plan.NamePrefix.ValueString(), Kind: r.kind, Now: token.CreatedAt})...)
	}
}

// Read implements resource.Resource.
func (r *issuedTokenResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	state, diags := r.get(ctx, req.State)
	resp.Diagnostics.Append(diags...)
	server := r.server(state.Server)
	// The framework expects an identity whatever follows.
	resp.Diagnostics.Append(identify(ctx, resp.Identity, state.Name, state.ClusterUUID)...)
	if resp.Diagnostics.HasError() || !server.usable() || server.unreached.Load() {
		return // not configured yet, or not reached: the prior state is the best there is
	}
	name := state.Name.ValueString()
	row, listing, err := r.look(ctx, state)
	if err != nil {
		keeps, diags := server.unreachable(err)
		if resp.Diagnostics.Append(diags...); keeps {
			return
		}
		resp.Diagnostics.Append(issuedTokenProblem("Read", name, err, server))
		return
	}
	if row == nil {
		resp.Diagnostics.AddWarning("Token Is Gone", fmt.Sprintf("The server no longer has a token named %q. It is removed from state, and the plan creates another.", loggable(name)))
		resp.State.RemoveResource(ctx)
		return
	}
	now := server.serverTime(listing)
	state.refresh(row, listing.ClusterUUID, now)
	theirs := ""
	if state.foreign() {
		theirs = row.Hash
	}
	resp.Diagnostics.Append(state.warnings(now)...)
	resp.Diagnostics.Append(r.save(ctx, state, &resp.State, resp.Identity)...)
	resp.Diagnostics.Append(setPrivate(ctx, resp.Private, privateForeignHash, theirs)...)
	stage, diags := getPrivate[lifecycle.ImportStage](ctx, req.Private, privateImported)
	resp.Diagnostics.Append(diags...)
	resp.Diagnostics.Append(setPrivate(ctx, resp.Private, privateImported, stage.Refreshed(server.importedHere(state.Hash.ValueString())))...)
}

// look finds the token of a state in the shared listing, nil if it is gone. A node
// that lags behind may not know a new token yet, or still know the one before it,
// so that both are looked at again before they count.
func (r *issuedTokenResource) look(ctx context.Context, state resourceTokenModel) (*influxdb3.TokenInfo, *influxdb3.Listing, error) {
	server := r.server(state.Server)
	began := server.clock.Now()
	for {
		listing, err := server.tokens.get(ctx)
		if err != nil {
			return nil, nil, lifecycle.IssuedReadProblem(err, state.ClusterUUID.ValueString())
		}
		if err := lifecycle.IssuedHere(listing.Listing, state.ClusterUUID.ValueString()); err != nil {
			return nil, nil, err
		}
		row := listing.byName[state.Name.ValueString()]
		if row != nil && influxdb3.SameHash(row.Hash, state.Hash.ValueString()) ||
			!server.issuer().MayLag(ctx, timeOf(state.CreatedAt), began, listing.Date) {
			return row, listing.Listing, nil
		}
		if err := server.clock.Sleep(ctx, lifecycle.SyncPoll); err != nil {
			return nil, nil, lifecycle.IssuedReadProblem(err, "")
		}
		server.tokens.invalidate()
	}
}

// Update implements resource.Resource. Nothing that the server knows changes
// without a replacement.
func (r *issuedTokenResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	plan, diags := r.get(ctx, req.Plan)
	resp.Diagnostics.Append(diags...)
	server := r.server(plan.Server)
	state, diags := r.get(ctx, req.State)
	resp.Diagnostics.Append(diags...)
	resp.Diagnostics.Append(plan.checkRecipients()...)
	if resp.Diagnostics.HasError() || server.notConfigured(&resp.Diagnostics) {
		return
	}
	if resp.Diagnostics.Append(plan.reencrypt(state.secretModel, state.Hash.ValueString(), server)...); resp.Diagnostics.HasError() {
		return
	}
	if plan.Status.IsUnknown() {
		plan.Status = types.StringValue(string(lifecycle.IssuedStatusAt(server.clock.Now(), timeOf(state.ExpiresAt), durationOf(plan.RotateBeforeExpiry))))
	}
	resp.Diagnostics.Append(r.save(ctx, plan, &resp.State, resp.Identity)...)
	resp.Diagnostics.Append(setPrivate(ctx, resp.Private, privateImported, lifecycle.NotImported)...)
}

// Delete implements resource.Resource.
func (r *issuedTokenResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	defer keepAlive()()
	state, diags := r.get(ctx, req.State)
	resp.Diagnostics.Append(diags...)
	server := r.server(state.Server)
	if resp.Diagnostics.HasError() || server.notConfigured(&resp.Diagnostics) {
		return
	}
	name := state.Name.ValueString()
	hash := state.Hash.ValueString()
	if state.foreign() { // theirs goes if its name is needed, and stays otherwise
		hash, diags = getPrivate[string](ctx, req.Private, privateGivesWay)
		if resp.Diagnostics.Append(diags...); diags.HasError() {
			return
		}
	}
	switch state.removal(server, hash).Outcome() {
	case lifecycle.RemovedRefused:
		resp.Diagnostics.Append(ownCredential(name, server))
		return
	case lifecycle.RemovedGivesWay:
		server.makeRoom(name, hash)
		return
	case lifecycle.RemovedKept:
		until := "for good"
		if expires := timeOf(state.ExpiresAt); !expires.IsZero() {
			until = "until " + expires.Format(time.RFC3339)
		}
		resp.Diagnostics.AddWarning("Token Is Kept on the Server", fmt.Sprintf("keep_on_destroy is set, so the token %q stays on the server. It is removed from state and stays valid %s.", loggable(name), until))
		return
	case lifecycle.RemovedDeleted:
	}
	token := lifecycle.Issued{Name: name, Hash: hash, ClusterUUID: state.ClusterUUID.ValueString(), CreatedAt: timeOf(state.CreatedAt)}
	err := server.issuer().Revoke(ctx, token)
	if server.credentials.Deleted(token.Hash) && err != nil {
		err = server.issuer().Revoke(ctx, token) // a reply was lost, which the token itself cannot look up
	}
	server.tokens.invalidate()
	if err != nil {
		resp.Diagnostics.Append(issuedTokenProblem("Delete", name, err, server))
	}
}

// ImportState implements resource.ResourceWithImportState.
func (r *issuedTokenResource) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	identity, diags := importName(ctx, req)
	resp.Diagnostics.Append(diags...)
	server, diags := r.importServer(ctx, &identity, req.ID == "")
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() || server.notConfigured(&resp.Diagnostics) {
		return
	}
	name := identity.Name.ValueString()
	if err := influxdb3.ValidateTokenName(name); err != nil {
		resp.Diagnostics.AddError("Invalid Import ID", fmt.Sprintf("The ID of a token is its name, and %q cannot be a name: %s.", loggable(name), err))
		return
	}
	listing, err := server.tokens.get(ctx)
	if err != nil {
		resp.Diagnostics.Append(issuedTokenProblem("Import", name, lifecycle.IssuedReadProblem(err, ""), server))
		return
	}
	row := listing.byName[name]
	if row == nil {
		resp.Diagnostics.AddError("Unable to Import Token", fmt.Sprintf("The server %s has no token named %q.\n\nNothing was changed.\n\nThe data source influxdb3_tokens lists the names of all tokens. The ID for a server in servers is SERVER/NAME.", server.client.Endpoint(), loggable(name)))
		return
	}
	if kind := lifecycle.KindOf(*row); kind != r.kind {
		resp.Diagnostics.Append(otherKind(name, kind == lifecycle.KindResource))
		return
	}
	model, diags := importedToken(ctx, *row, listing.Listing, server)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.Append(identity.checkCluster(listing.ClusterUUID, server)...); resp.Diagnostics.HasError() {
		return
	}
	server.importing(row.Hash)
	resp.Diagnostics.Append(r.save(ctx, model, &resp.State, nil)...)
	resp.Diagnostics.Append(resp.Identity.Set(ctx, &tokenIdentityModel{Name: model.Name, ClusterUUID: model.ClusterUUID})...)
	resp.Diagnostics.Append(setPrivate(ctx, resp.Private, privateImported, lifecycle.Imported)...)
	resp.Diagnostics.AddWarning("Imported Token Has No Secret", fmt.Sprintf("The server shows a token only once, when it makes it. So the attribute token of %q is null until you replace the token: `terraform apply -replace` with the resource's address. "+
		"Until then, a provider block that uses this attribute takes INFLUXDB3_AUTH_TOKEN instead, and an entry of servers takes none.", loggable(name)))
}

// importedToken is what is known of a listed token, without its secret.
func importedToken(ctx context.Context, row influxdb3.TokenInfo, listing *influxdb3.Listing, server *configuredServer) (model resourceTokenModel, diags diag.Diagnostics) {
	model = resourceTokenModel{
		issuedTokenModel: issuedTokenModel{
			Server: optional(server.name), Name: types.StringValue(row.Name), NamePrefix: types.StringNull(),
			ExpiresIn: durationNull(), RotateBeforeExpiry: durationNull(),
			RotationTriggers: types.MapNull(types.StringType), KeepOnDestroy: types.BoolValue(false),
			Hash: types.StringValue(row.Hash), secretModel: importedSecret(nil),
		},
		Permissions: types.SetNull(permissionType),
	}
	if permissions, limited := influxdb3.ParsePermissions(row.Permissions); limited {
		model.Permissions, diags = permissionSet(ctx, permissions)
	}
	model.refresh(&row, listing.ClusterUUID, server.serverTime(listing))
	return model, diags
}

func (r *issuedTokenResource) get(ctx context.Context, from attributeGetter) (resourceTokenModel, diag.Diagnostics) {
	model := resourceTokenModel{Permissions: types.SetNull(permissionType)}
	if r.kind == lifecycle.KindResource {
		diags := from.Get(ctx, &model)
		return model, diags
	}
	diags := from.Get(ctx, &model.issuedTokenModel)
	return model, diags
}

func (r *issuedTokenResource) save(ctx context.Context, model resourceTokenModel, state attributeSetter, identity *tfsdk.ResourceIdentity) (diags diag.Diagnostics) {
	if r.kind == lifecycle.KindResource {
		diags = state.Set(ctx, &model)
	} else {
		diags = state.Set(ctx, &model.issuedTokenModel)
	}
	diags.Append(identify(ctx, identity, model.Name, model.ClusterUUID)...)
	return diags
}
