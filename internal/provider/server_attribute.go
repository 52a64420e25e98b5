package provider

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/lifecycle"
)

// serverDescription is what the attribute server is, everywhere.
const serverDescription = "Name of a server in `servers` of the provider block. Without it the server of the block itself is used."

// serverAttribute is the attribute of a resource, with what a change of it does.
func serverAttribute(change string) schema.StringAttribute {
	return schema.StringAttribute{
		Optional:            true,
		Validators:          []validator.String{nameOfServer{}},
		PlanModifiers:       []planmodifier.String{stringplanmodifier.RequiresReplace()},
		MarkdownDescription: serverDescription + " " + change,
	}
}

// nameOfServer accepts what an entry of servers can be called.
type nameOfServer struct{}

// Description implements validator.Describer.
func (nameOfServer) Description(context.Context) string {
	return "a name of letters, digits, -, _ and ."
}

// MarkdownDescription implements validator.Describer.
func (v nameOfServer) MarkdownDescription(ctx context.Context) string { return v.Description(ctx) }

// ValidateString implements validator.String.
func (v nameOfServer) ValidateString(ctx context.Context, req validator.StringRequest, resp *validator.StringResponse) {
	if name := req.ConfigValue.ValueString(); !req.ConfigValue.IsNull() && !req.ConfigValue.IsUnknown() && (!serverName.MatchString(name) || holdsToken(name)) {
		diags := diag.Diagnostics{diag.NewAttributeErrorDiagnostic(req.Path, "Invalid Server Name", fmt.Sprintf("%s must be %s, got %q.", req.Path, v.Description(ctx), name))}
		resp.Diagnostics.Append(discreetly(diags, req.Path.String(), name)...)
	}
}

// setting is how an attribute of a server is spoken of, with the variable that sets it too.
// An entry of servers has none: it would set that of the block itself, which is another
// server.
func (s *configuredServer) setting(attribute, variable string) string {
	if s == nil || s.name == "" {
		return attribute + ", or " + variable
	}
	return place{s.name}.label(attribute)
}

// tokenSetting is where the token of the server goes.
func (s *configuredServer) tokenSetting() string { return s.setting("token", envToken) }

// urlSetting is where the address of the server is.
func (s *configuredServer) urlSetting() string {
	if s == nil || s.name == "" {
		return "the provider's url"
	}
	return place{s.name}.label("url")
}

// missingServer is the error about an entry that is not in servers.
func missingServer(server *configuredServer) diag.Diagnostic {
	return diag.NewAttributeErrorDiagnostic(path.Root("server"), "Server Is Not in the Provider Block",
		fmt.Sprintf("servers of the provider block has no entry %q.\n\nNo request was sent.\n\n"+
			"Add the entry, or correct server. If the server no longer exists, remove the resource: Terraform forgets an operator token without a request if deletion_protection is false; for other tokens run `terraform state rm`.", loggable(server.name)))
}

// serverChanged is the error about a protected operator token that is to move.
func serverChanged(state adminTokenModel, server *configuredServer) diag.Diagnostic {
	return diag.NewErrorDiagnostic("Operator Token Is Protected From Deletion",
		"server has changed, or its value is not known yet. An operator token belongs to one server, so this run would remove "+which(state, server)+" from state, and with it the only copy of the token.\n\n"+
			"No request was sent, and the token is still in state.\n\n"+
			bullets(
				"Is it for another server? Add another block for that one, and leave this one as it is",
				"Does the same server have another name in servers? Name it as before; or run `terraform state rm` with the address of this resource, and import the token as NEW-NAME/_admin. Take the token from the state first, and give it to the new entry",
				"Do you want to remove it? Set deletion_protection = false, apply, and then change server"))
}

// claim is the error about two entries with the same server behind them, if another one has
// the operator token with that mark.
func (s *configuredServer) claim(mark lifecycle.Mark) (diags diag.Diagnostics) {
	other, ok := s.claims.claim(mark, s)
	if ok {
		return diags
	}
	what := "have the operator token " + mark.Hash
	if mark.ClusterUUID != "" {
		what = "are of the cluster " + mark.ClusterUUID
	}
	diags.AddError("Two Servers Are the Same",
		fmt.Sprintf("%s and %s lead to the same server, or to copies of one: both %s. Each of two resources of one server makes the other's token useless.\n\n"+
			"No token has left the state.\n\n"+
			"Do one of these:\n"+bullets(
			"Correct the url of one of them",
			"If they are one server, save the tokens from the state, keep the resource whose token works, and let Terraform forget the other one with a removed block or `terraform state rm`",
			"If one is a copy of the other's data, use a provider block with an alias for it"), capital(other.label()), s.label(), what))
	return diags
}

// unreachable says whether a refresh may keep what is in state, because the server cannot
// be reached and the provider block says so. It warns once for the server, which no other
// refresh of this process asks then: each could wait for as long as request_timeout.
func (s *configuredServer) unreachable(err error) (keeps bool, diags diag.Diagnostics) {
	if !s.mayBeUnreachable || !lifecycle.NotReached(err) {
		return false, nil
	}
	if !s.unreached.Swap(true) {
		diags.AddWarning("Server Cannot Be Reached", fmt.Sprintf("%s.\n\nWhat is in state of %s was kept, because on_unreachable is warn. It may be out of date.\n\nWhat has to change on this server fails until it can be reached.", capital(err.Error()), s.client.Endpoint()))
	}
	return true, diags
}
