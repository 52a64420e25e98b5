package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/function"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3"
)

var (
	_ function.Function = tokenHashFunction{}
	_ function.Function = parsePermissionFunction{}
)

// NewTokenHashFunction returns the function token_hash.
func NewTokenHashFunction() function.Function { return tokenHashFunction{} }

type tokenHashFunction struct{}

// Metadata implements function.Function.
func (tokenHashFunction) Metadata(_ context.Context, _ function.MetadataRequest, resp *function.MetadataResponse) {
	resp.Name = "token_hash"
}

// Definition implements function.Function.
func (tokenHashFunction) Definition(_ context.Context, _ function.DefinitionRequest, resp *function.DefinitionResponse) {
	resp.Definition = function.Definition{
		Summary: "Compute the hash that the server lists for a token",
		MarkdownDescription: "Returns the first nine hexadecimal digits of the SHA-512 hash of a token. InfluxDB 3 lists its tokens with this hash, so it shows which token you have, and it is not secret. " +
			"Terraform treats the hash of a sensitive token as sensitive too. Use `nonsensitive` to show it.",
		Parameters: []function.Parameter{function.StringParameter{Name: "token", MarkdownDescription: "The token."}},
		Return:     function.StringReturn{},
	}
}

// Run implements function.Function.
func (tokenHashFunction) Run(ctx context.Context, req function.RunRequest, resp *function.RunResponse) {
	var token string
	if resp.Error = req.Arguments.Get(ctx, &token); resp.Error != nil {
		return
	}
	if !influxdb3.ValidToken(token) {
		resp.Error = function.NewArgumentFuncError(0, "The token is empty or holds spaces, control characters or characters outside ASCII")
		return
	}
	resp.Error = resp.Result.Set(ctx, influxdb3.NewSecret(token).Hash())
}

// NewParsePermissionFunction returns the function parse_permission.
func NewParsePermissionFunction() function.Function { return parsePermissionFunction{} }

type parsePermissionFunction struct{}

// Metadata implements function.Function.
func (parsePermissionFunction) Metadata(_ context.Context, _ function.MetadataRequest, resp *function.MetadataResponse) {
	resp.Name = "parse_permission"
}

// Definition implements function.Function.
func (parsePermissionFunction) Definition(_ context.Context, _ function.DefinitionRequest, resp *function.DefinitionResponse) {
	resp.Definition = function.Definition{
		Summary: "Make a permission from the notation of the command line",
		MarkdownDescription: "Returns an object for `permissions` of `influxdb3_resource_token`. It takes a permission in the notation of the `influxdb3` command line, `TYPE:NAMES:ACTIONS`, " +
			"such as `db:db1,db2:read,write` or `system:health:read`.",
		Parameters: []function.Parameter{function.StringParameter{Name: "permission", MarkdownDescription: "The permission, such as `db:mydb:read,write`."}},
		Return:     function.ObjectReturn{AttributeTypes: permissionType.AttrTypes},
	}
}

// Run implements function.Function.
func (parsePermissionFunction) Run(ctx context.Context, req function.RunRequest, resp *function.RunResponse) {
	var text string
	if resp.Error = req.Arguments.Get(ctx, &text); resp.Error != nil {
		return
	}
	permission, err := influxdb3.ParsePermission(text)
	if err != nil {
		problem := capital(err.Error())
		if holdsToken(text) { // the error quotes
			problem = misplacedToken("The permission")
		}
		resp.Error = function.NewArgumentFuncError(0, problem)
		return
	}
	names, diags := types.SetValueFrom(ctx, types.StringType, permission.ResourceNames)
	actions, more := types.SetValueFrom(ctx, types.StringType, permission.Actions)
	diags.Append(more...)
	resp.Error = function.FuncErrorFromDiags(ctx, diags)
	if resp.Error != nil {
		return
	}
	resp.Error = resp.Result.Set(ctx, &permissionModel{types.StringValue(permission.ResourceType), names, actions})
}
