package provider

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
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

	limited bool // has permissions
}

// ModifyPlan implements resource.ResourceWithModifyPlan. Like that of the operator
// token it looks at state and configuration, and never at the clock.
func (r *issuedTokenResource) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	if req.State.Raw.IsNull() {
		return
	}
	state, diags := r.get(ctx, req.State)
	resp.Diagnostics.Append(diags...)
	if req.Plan.Raw.IsNull() {
		resp.Diagnostics.Append(r.ownCredential(state, state.Hash.ValueString())...)
		resp.Diagnostics.Append(setPrivate(ctx, resp.Private, privateGivesWay, "")...)
		return
	}
	plan, diags := r.get(ctx, req.Plan)
	resp.Diagnostics.Append(diags...)
	config, diags := r.get(ctx, req.Config)
	resp.Diagnostics.Append(diags...)
	stage, diags := getPrivate[importStage](ctx, req.Private, privateImported)
	resp.Diagnostics.Append(diags...)
	imported := stage != notImported
	theirs, diags := getPrivate[string](ctx, req.Private, privateForeignHash)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	givesWay := ""
	if state.foreign() && config.Name.Equal(state.Name) {
		givesWay = theirs // as the warning says
		resp.Diagnostics.Append(r.ownCredential(state, theirs)...)
	}
	resp.Diagnostics.Append(setPrivate(ctx, resp.Private, privateGivesWay, givesWay)...)
	if reasons := plan.replacedBy(state, config, imported); len(reasons) > 0 {
		for _, name := range []string{"token", "hash", "status", "id"} {
			resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, path.Root(name), types.StringUnknown())...)
		}
		for _, name := range append(reasons, "token") {
			resp.RequiresReplace.Append(path.Root(name))
		}
		return
	}
	if imported {
		resp.Diagnostics.Append(plan.expiryWarning(state)...)
		if triggersDiffer(plan.RotationTriggers, state.RotationTriggers) {
			resp.Diagnostics.Append(triggersRecorded("the token stays as it is. The next change of a trigger replaces it."))
		}
	}
	if durationOf(plan.RotateBeforeExpiry) != durationOf(state.RotateBeforeExpiry) || plan.RotateBeforeExpiry.IsUnknown() {
		resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, path.Root("status"), types.StringUnknown())...) // decided at apply, by the clock
	}
}

// replacedBy names the attributes that make a replacement necessary. One that is
// still unknown counts as changed.
func (m resourceTokenModel) replacedBy(state, config resourceTokenModel, imported bool) (reasons []string) {
	if !config.Name.IsNull() && !config.Name.Equal(state.Name) {
		reasons = append(reasons, "name")
	}
	if !m.NamePrefix.IsNull() && (m.NamePrefix.IsUnknown() || !strings.HasPrefix(state.Name.ValueString(), m.NamePrefix.ValueString())) {
		reasons = append(reasons, "name_prefix")
	}
	if !imported && (m.ExpiresIn.IsUnknown() || durationOf(m.ExpiresIn) != durationOf(state.ExpiresIn)) {
		reasons = append(reasons, "expires_in")
	}
	if !imported && (anyUnknown(m.RotationTriggers) || triggersDiffer(m.RotationTriggers, state.RotationTriggers)) {
		reasons = append(reasons, "rotation_triggers")
	}
	if !m.Permissions.Equal(state.Permissions) {
		reasons = append(reasons, "permissions")
	}
	switch status := lifecycle.IssuedStatus(state.Status.ValueString()); status {
	case lifecycle.IssuedExpired, lifecycle.IssuedForeign:
		reasons = append(reasons, "status")
	case lifecycle.IssuedRenewalDue:
		if m.RotateBeforeExpiry.IsUnknown() || durationOf(m.RotateBeforeExpiry) == durationOf(state.RotateBeforeExpiry) {
			reasons = append(reasons, "status")
		}
	case lifecycle.IssuedActive:
	}
	return reasons
}

// Create implements resource.Resource.
func (r *issuedTokenResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	defer keepAlive()()
	plan, diags := r.get(ctx, req.Plan)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() || r.in.notConfigured(&resp.Diagnostics) {
		return
	}
	name := plan.Name.ValueString()
	unique := name == ""
	if unique {
		name = plan.NamePrefix.ValueString() + uniqueSuffix(r.in.clock.Now())
	}
	permissions, diags := permissionsOf(ctx, plan.Permissions)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	issuer := r.in.issuer()
	var expiresIn *time.Duration
	if d := durationOf(plan.ExpiresIn); d > 0 {
		expiresIn = &d
	}
	if theirs := r.in.waitingFor(name); theirs != "" { // as the plan has said, it makes room
		if err := issuer.Revoke(ctx, lifecycle.Issued{Name: name, Hash: theirs}); err != nil {
			resp.Diagnostics.Append(issuedTokenProblem("Create", name, err, r.in))
			return
		}
	}
	token, warnings, err := issuer.Issue(ctx, name, unique, func(ctx context.Context) (*influxdb3.Token, error) {
		if r.limited {
			return r.in.client.CreateResourceToken(ctx, issuer.Credential, name, permissions, expiresIn)
		}
		return r.in.client.CreateNamedAdminToken(ctx, issuer.Credential, name, expiresIn)
	})
	r.in.tokens.invalidate()
	if token != nil { // with an error, too, it may be the only copy of one that is good
		plan.Name = types.StringValue(name)
		plan.take(*token)
		resp.Diagnostics.Append(r.save(ctx, plan, &resp.State, resp.Identity)...)
	}
	if err != nil {
		resp.Diagnostics.Append(issuedTokenProblem("Create", name, err, r.in))
		return
	}
	resp.Diagnostics.Append(asDiagnostics(warnings)...)
	if !r.limited {
		r.in.issued(token.Secret)
	}
}

// Read implements resource.Resource.
func (r *issuedTokenResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	state, diags := r.get(ctx, req.State)
	resp.Diagnostics.Append(diags...)
	// The framework expects an identity whatever follows.
	resp.Diagnostics.Append(identify(ctx, resp.Identity, state.Name, state.ClusterUUID)...)
	if resp.Diagnostics.HasError() || !r.in.usable() {
		return // not configured yet: the prior state is the best there is
	}
	name := state.Name.ValueString()
	row, listing, err := r.look(ctx, state)
	if err != nil {
		resp.Diagnostics.Append(issuedTokenProblem("Read", name, err, r.in))
		return
	}
	if row == nil {
		resp.Diagnostics.AddWarning("Token Is Gone", fmt.Sprintf("The server has no token named %q any more, so that it is removed from state and planned anew.", loggable(name)))
		resp.State.RemoveResource(ctx)
		return
	}
	now := r.in.serverTime(listing)
	state.refresh(row, listing.ClusterUUID, now)
	theirs := ""
	if state.foreign() {
		theirs = row.Hash
	}
	resp.Diagnostics.Append(state.warnings(now)...)
	resp.Diagnostics.Append(r.save(ctx, state, &resp.State, resp.Identity)...)
	resp.Diagnostics.Append(setPrivate(ctx, resp.Private, privateForeignHash, theirs)...)
	stage, diags := getPrivate[importStage](ctx, req.Private, privateImported)
	resp.Diagnostics.Append(diags...)
	resp.Diagnostics.Append(setPrivate(ctx, resp.Private, privateImported, stage.refreshed(r.in.resources.importedHere(state.Hash.ValueString())))...)
}

// look finds the token of a state in the shared listing, nil if it is gone. A node
// that lags behind may not know a new token yet, or still know the one before it,
// so that both are looked at again before they count.
func (r *issuedTokenResource) look(ctx context.Context, state resourceTokenModel) (*influxdb3.TokenInfo, *influxdb3.Listing, error) {
	began := r.in.clock.Now()
	for {
		listing, err := r.in.tokens.get(ctx)
		if err != nil {
			return nil, nil, lifecycle.IssuedReadProblem(err, state.ClusterUUID.ValueString())
		}
		if err := lifecycle.IssuedHere(listing.Listing, state.ClusterUUID.ValueString()); err != nil {
			return nil, nil, err
		}
		row := listing.byName[state.Name.ValueString()]
		if row != nil && influxdb3.SameHash(row.Hash, state.Hash.ValueString()) ||
			!r.in.issuer().MayLag(ctx, timeOf(state.CreatedAt), began, listing.Date) {
			return row, listing.Listing, nil
		}
		if err := r.in.clock.Sleep(ctx, lifecycle.SyncPoll); err != nil {
			return nil, nil, lifecycle.IssuedReadProblem(err, "")
		}
		r.in.tokens.invalidate()
	}
}

// Update implements resource.Resource. Nothing that the server knows changes
// without a replacement.
func (r *issuedTokenResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	plan, diags := r.get(ctx, req.Plan)
	resp.Diagnostics.Append(diags...)
	state, diags := r.get(ctx, req.State)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() || r.in.notConfigured(&resp.Diagnostics) {
		return
	}
	if plan.Status.IsUnknown() {
		plan.Status = types.StringValue(string(lifecycle.IssuedStatusAt(r.in.clock.Now(), timeOf(state.ExpiresAt), durationOf(plan.RotateBeforeExpiry))))
	}
	resp.Diagnostics.Append(r.save(ctx, plan, &resp.State, resp.Identity)...)
	resp.Diagnostics.Append(setPrivate(ctx, resp.Private, privateImported, notImported)...)
}

// Delete implements resource.Resource.
func (r *issuedTokenResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	defer keepAlive()()
	state, diags := r.get(ctx, req.State)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() || r.in.notConfigured(&resp.Diagnostics) {
		return
	}
	name, expires := state.Name.ValueString(), timeOf(state.ExpiresAt)
	if state.foreign() { // theirs goes if its name is needed, and stays otherwise
		theirs, diags := getPrivate[string](ctx, req.Private, privateGivesWay)
		resp.Diagnostics.Append(diags...)
		resp.Diagnostics.Append(r.ownCredential(state, theirs)...)
		if !resp.Diagnostics.HasError() {
			r.in.makeWait(name, theirs)
		}
		return
	}
	// The server never purges an expired token, so that one is deleted all the same.
	if state.KeepOnDestroy.ValueBool() && !state.expired() {
		until := "for good"
		if !expires.IsZero() {
			until = "until " + expires.Format(time.RFC3339)
		}
		resp.Diagnostics.AddWarning("Token Is Kept on the Server", fmt.Sprintf("keep_on_destroy is set: the token %q is removed from state and stays valid %s.", loggable(name), until))
		return
	}
	if diags := r.ownCredential(state, state.Hash.ValueString()); diags.HasError() {
		resp.Diagnostics.Append(diags...)
		return
	}
	token := lifecycle.Issued{Name: name, Hash: state.Hash.ValueString(), ClusterUUID: state.ClusterUUID.ValueString(), CreatedAt: timeOf(state.CreatedAt)}
	err := r.in.issuer().Revoke(ctx, token)
	if r.in.outlive(token.Hash) && err != nil {
		err = r.in.issuer().Revoke(ctx, token) // a reply was lost, which the token itself cannot look up
	}
	r.in.tokens.invalidate()
	if err != nil {
		resp.Diagnostics.Append(issuedTokenProblem("Delete", name, err, r.in))
	}
}

// ImportState implements resource.ResourceWithImportState.
func (r *issuedTokenResource) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	identity, diags := importName(ctx, req)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() || r.in.notConfigured(&resp.Diagnostics) {
		return
	}
	name := identity.Name.ValueString()
	if err := influxdb3.ValidateTokenName(name); err != nil {
		resp.Diagnostics.AddError("Invalid Import ID", fmt.Sprintf("A token is imported by its name, and %q cannot be one: %s.", loggable(name), err))
		return
	}
	listing, err := r.in.tokens.get(ctx)
	if err != nil {
		resp.Diagnostics.Append(issuedTokenProblem("Import", name, lifecycle.IssuedReadProblem(err, ""), r.in))
		return
	}
	row := listing.byName[name]
	if row == nil {
		resp.Diagnostics.AddError("Unable to Import Token", fmt.Sprintf("The server has no token named %q.\n\nNothing was changed.\n\nThe data source influxdb3_tokens lists the names that there are.", loggable(name)))
		return
	}
	model := resourceTokenModel{
		issuedTokenModel: issuedTokenModel{
			Name: types.StringValue(name), NamePrefix: types.StringNull(),
			ExpiresIn: durationNull(), RotateBeforeExpiry: durationNull(),
			RotationTriggers: types.MapNull(types.StringType), KeepOnDestroy: types.BoolValue(false),
			ID: types.StringValue(name), Token: types.StringNull(), Hash: types.StringValue(row.Hash),
		},
		Permissions: types.SetNull(permissionType),
	}
	permissions, limited := influxdb3.ParsePermissions(row.Permissions)
	if limited != r.limited {
		resp.Diagnostics.Append(otherKind(name, limited))
		return
	}
	if limited {
		var diags diag.Diagnostics
		model.Permissions, diags = permissionSet(ctx, permissions)
		resp.Diagnostics.Append(diags...)
	}
	model.refresh(row, listing.ClusterUUID, r.in.serverTime(listing.Listing))
	if resp.Diagnostics.Append(identity.checkCluster(listing.ClusterUUID, r.in)...); resp.Diagnostics.HasError() {
		return
	}
	r.in.resources.importing(row.Hash)
	resp.Diagnostics.Append(r.save(ctx, model, &resp.State, nil)...)
	resp.Diagnostics.Append(resp.Identity.Set(ctx, &tokenIdentityModel{Name: model.Name, ClusterUUID: model.ClusterUUID})...)
	resp.Diagnostics.Append(setPrivate(ctx, resp.Private, privateImported, imported)...)
	resp.Diagnostics.AddWarning("Imported Token Has No Secret", fmt.Sprintf("The server shows a token once, when it makes it: the attribute token of %q is null until the token is replaced. "+
		"`terraform apply -replace` with the resource's address does that. A provider block that has it as its token would use INFLUXDB3_AUTH_TOKEN instead.", loggable(name)))
}

// ownCredential refuses to delete the token with that hash if it is the one that the
// provider works with: nothing could be done after it, not even to make another
// one. A successor that was created first makes it dispensable.
func (r *issuedTokenResource) ownCredential(state resourceTokenModel, hash string) (diags diag.Diagnostics) {
	kept := state.KeepOnDestroy.ValueBool() && !state.foreign()
	if r.in.usable() && r.in.dependsOn(hash) && !state.expired() && !kept {
		diags.Append(ownCredential(state.Name.ValueString()))
	}
	return diags
}

func (r *issuedTokenResource) get(ctx context.Context, from attributeGetter) (resourceTokenModel, diag.Diagnostics) {
	model := resourceTokenModel{Permissions: types.SetNull(permissionType)}
	if r.limited {
		diags := from.Get(ctx, &model)
		return model, diags
	}
	diags := from.Get(ctx, &model.issuedTokenModel)
	return model, diags
}

func (r *issuedTokenResource) save(ctx context.Context, model resourceTokenModel, state attributeSetter, identity *tfsdk.ResourceIdentity) (diags diag.Diagnostics) {
	if r.limited {
		diags = state.Set(ctx, &model)
	} else {
		diags = state.Set(ctx, &model.issuedTokenModel)
	}
	diags.Append(identify(ctx, identity, model.Name, model.ClusterUUID)...)
	return diags
}

// uniqueSuffixLength is the length of what makes a prefix a name, in bytes.
const uniqueSuffixLength = 24

// uniqueSuffix sorts by the time at which it was made.
func uniqueSuffix(now time.Time) string {
	random := make([]byte, 5)
	_, _ = rand.Read(random) // it never fails: crypto/rand ends the process instead
	return now.UTC().Format("20060102150405") + hex.EncodeToString(random)
}
