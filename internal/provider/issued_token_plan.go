package provider

import (
	"context"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/lifecycle"
)

// ModifyPlan implements resource.ResourceWithModifyPlan. Like that of the operator
// token it looks at state and configuration, and never at the clock.
func (r *issuedTokenResource) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	if req.State.Raw.IsNull() {
		plan, diags := r.get(ctx, req.Plan)
		resp.Diagnostics.Append(diags...)
		if server := r.server(plan.Server); server.isMissing() {
			resp.Diagnostics.Append(missingServer(server))
		}
		resp.Diagnostics.Append(plan.madeAnew().planSecret(ctx, &resp.Plan)...)
		return
	}
	state, diags := r.get(ctx, req.State)
	resp.Diagnostics.Append(diags...)
	server := r.server(state.Server)
	if server.isMissing() {
		resp.Diagnostics.Append(missingServer(server))
		return
	}
	if req.Plan.Raw.IsNull() {
		resp.Diagnostics.Append(state.keptFor(server, state.Hash.ValueString())...)
		resp.Diagnostics.Append(setPrivate(ctx, resp.Private, privateGivesWay, "")...)
		return
	}
	plan, diags := r.get(ctx, req.Plan)
	resp.Diagnostics.Append(diags...)
	config, diags := r.get(ctx, req.Config)
	resp.Diagnostics.Append(diags...)
	stage, diags := getPrivate[lifecycle.ImportStage](ctx, req.Private, privateImported)
	resp.Diagnostics.Append(diags...)
	theirs, diags := getPrivate[string](ctx, req.Private, privateForeignHash)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	circumstances := plan.circumstances(state, config, stage)
	givesWay := ""
	if circumstances.GivesWay() {
		givesWay = theirs // as the warning says
		resp.Diagnostics.Append(state.keptFor(server, theirs)...)
	}
	resp.Diagnostics.Append(setPrivate(ctx, resp.Private, privateGivesWay, givesWay)...)
	if reasons := circumstances.ReplacedBy(); len(reasons) > 0 {
		for _, name := range []string{"hash", "status", "id"} {
			resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, path.Root(name), types.StringUnknown())...)
		}
		resp.Diagnostics.Append(plan.madeAnew().planSecret(ctx, &resp.Plan)...)
		for _, name := range append(reasons, "hash") {
			resp.RequiresReplace.Append(path.Root(name))
		}
		return
	}
	plan.secretModel, diags = plan.reencrypted(state.secretModel, state.Hash.ValueString(), circumstances.Imported, server)
	resp.Diagnostics.Append(diags...)
	resp.Diagnostics.Append(plan.planSecret(ctx, &resp.Plan)...)
	if circumstances.Imported {
		resp.Diagnostics.Append(plan.expiryWarning(state)...)
		if triggersDiffer(plan.RotationTriggers, state.RotationTriggers) {
			resp.Diagnostics.Append(triggersRecorded("the token stays as it is. The next change of a trigger replaces it."))
		}
	}
	if circumstances.RenewBeforeChanged || plan.RotateBeforeExpiry.IsUnknown() {
		resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, path.Root("status"), types.StringUnknown())...) // decided at apply, by the clock
	}
}

// circumstances are what the plan says of a replacement. What is not known yet counts
// as changed, but for the limit, which then cannot take a token out of its time.
func (m resourceTokenModel) circumstances(state, config resourceTokenModel, stage lifecycle.ImportStage) lifecycle.IssuedCircumstances {
	return lifecycle.IssuedCircumstances{
		Status:             lifecycle.IssuedStatus(state.Status.ValueString()),
		Imported:           stage != lifecycle.NotImported,
		NameStays:          config.Name.Equal(state.Name) && m.Server.Equal(state.Server),
		NameChanged:        !config.Name.IsNull() && !config.Name.Equal(state.Name),
		NamePrefixLacking:  !m.NamePrefix.IsNull() && (m.NamePrefix.IsUnknown() || !strings.HasPrefix(state.Name.ValueString(), m.NamePrefix.ValueString())),
		ExpiresInChanged:   m.ExpiresIn.IsUnknown() || durationOf(m.ExpiresIn) != durationOf(state.ExpiresIn),
		TriggersChanged:    anyUnknown(m.RotationTriggers) || triggersDiffer(m.RotationTriggers, state.RotationTriggers),
		PermissionsChanged: !m.Permissions.Equal(state.Permissions),
		RenewBeforeChanged: !m.RotateBeforeExpiry.IsUnknown() && durationOf(m.RotateBeforeExpiry) != durationOf(state.RotateBeforeExpiry),
	}
}

// removal is what is known of a token that is to leave the state. hash is that of what
// would be deleted: of the token, or of somebody else's under its name.
func (m issuedTokenModel) removal(server *configuredServer, hash string) lifecycle.IssuedRemoval {
	return lifecycle.IssuedRemoval{
		Status:        lifecycle.IssuedStatus(m.Status.ValueString()),
		KeepOnDestroy: m.KeepOnDestroy.ValueBool(),
		Own:           server.usable() && server.credentials.DependOn(hash),
	}
}

// keptFor refuses to delete the token with that hash if the provider needs it.
func (m issuedTokenModel) keptFor(server *configuredServer, hash string) (diags diag.Diagnostics) {
	if m.removal(server, hash).Outcome() == lifecycle.RemovedRefused {
		diags.Append(ownCredential(m.Name.ValueString(), server))
	}
	return diags
}
