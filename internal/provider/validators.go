package provider

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3"
	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/lifecycle"
)

// positiveDuration accepts durations above zero. That the text is a duration
// at all is checked by its type.
type positiveDuration struct {
	wholeSeconds bool // the server counts in seconds
}

// Description implements validator.Describer.
func (v positiveDuration) Description(context.Context) string {
	if v.wholeSeconds {
		return "a duration above zero in whole seconds, " + durationForms
	}
	return "a duration above zero, " + durationForms
}

// MarkdownDescription implements validator.Describer.
func (v positiveDuration) MarkdownDescription(ctx context.Context) string { return v.Description(ctx) }

// ValidateString implements validator.String.
func (v positiveDuration) ValidateString(ctx context.Context, req validator.StringRequest, resp *validator.StringResponse) {
	if req.ConfigValue.IsNull() || req.ConfigValue.IsUnknown() {
		return
	}
	if d, err := parseDuration(req.ConfigValue.ValueString()); err == nil && (d <= 0 || v.wholeSeconds && d%time.Second != 0) {
		resp.Diagnostics.Append(attributeError(req.Path, "Invalid Duration",
			fmt.Sprintf("%s must be %s, got %q.", req.Path, v.Description(ctx), req.ConfigValue.ValueString())))
	}
}

// startupDuration accepts how long a creation may wait for a server.
type startupDuration struct{}

// Description implements validator.Describer.
func (startupDuration) Description(context.Context) string {
	return "a duration from 0s, which turns waiting off, to 1h, such as 30s or 5m"
}

// MarkdownDescription implements validator.Describer.
func (v startupDuration) MarkdownDescription(ctx context.Context) string { return v.Description(ctx) }

// ValidateString implements validator.String.
func (v startupDuration) ValidateString(ctx context.Context, req validator.StringRequest, resp *validator.StringResponse) {
	if req.ConfigValue.IsNull() || req.ConfigValue.IsUnknown() {
		return
	}
	if d, err := parseDuration(req.ConfigValue.ValueString()); err == nil && (d < 0 || d > maxStartupTimeout) {
		resp.Diagnostics.Append(attributeError(req.Path, "Invalid Duration",
			fmt.Sprintf("%s must be %s, got %q.", req.Path, v.Description(ctx), req.ConfigValue.ValueString())))
	}
}

// tokenName accepts names that make sense, or the beginning of one.
type tokenName struct {
	prefix bool
}

// Description implements validator.Describer.
func (tokenName) Description(context.Context) string {
	return "a name without control characters, other than " + influxdb3.OperatorTokenName
}

// MarkdownDescription implements validator.Describer.
func (v tokenName) MarkdownDescription(ctx context.Context) string { return v.Description(ctx) }

// ValidateString implements validator.String.
func (v tokenName) ValidateString(_ context.Context, req validator.StringRequest, resp *validator.StringResponse) {
	if req.ConfigValue.IsNull() || req.ConfigValue.IsUnknown() {
		return
	}
	name := req.ConfigValue.ValueString()
	err := influxdb3.ValidateTokenName(name)
	if v.prefix {
		err = influxdb3.ValidateTokenPrefix(name, lifecycle.UniqueSuffixLength)
	}
	if holdsToken(name) { // a name is shown by every plan, and logged by the server
		err = errors.New("it holds a token")
	}
	if err != nil {
		diags := diag.Diagnostics{diag.NewAttributeErrorDiagnostic(req.Path, "Invalid Token Name", fmt.Sprintf("%s cannot be used: %s.", req.Path, err))}
		resp.Diagnostics.Append(discreetly(diags, req.Path.String(), name)...)
	}
}

// validPermission accepts what the server is documented to accept, as far as it is
// known.
type validPermission struct{}

// Description implements validator.Describer.
func (validPermission) Description(context.Context) string {
	return "a permission that the server accepts"
}

// MarkdownDescription implements validator.Describer.
func (v validPermission) MarkdownDescription(ctx context.Context) string { return v.Description(ctx) }

// ValidateObject implements validator.Object.
func (validPermission) ValidateObject(ctx context.Context, req validator.ObjectRequest, resp *validator.ObjectResponse) {
	var model permissionModel
	if diags := req.ConfigValue.As(ctx, &model, basetypes.ObjectAsOptions{}); diags.HasError() ||
		model.ResourceType.IsUnknown() || setUnknown(model.ResourceNames) || setUnknown(model.Actions) {
		return // checked when it is known
	}
	permission := influxdb3.Permission{ResourceType: model.ResourceType.ValueString()}
	var names, actions []types.String
	resp.Diagnostics.Append(model.ResourceNames.ElementsAs(ctx, &names, false)...)
	resp.Diagnostics.Append(model.Actions.ElementsAs(ctx, &actions, false)...)
	if resp.Diagnostics.HasError() {
		return
	}
	for _, name := range names {
		permission.ResourceNames = append(permission.ResourceNames, name.ValueString())
	}
	for _, action := range actions {
		permission.Actions = append(permission.Actions, action.ValueString())
	}
	err := permission.Validate()
	if slices.ContainsFunc(slices.Concat(names, actions), types.String.IsNull) {
		err = errors.New("a resource name or an action is null")
	}
	if err != nil {
		diags := diag.Diagnostics{diag.NewAttributeErrorDiagnostic(req.Path, "Invalid Permission", fmt.Sprintf("The permission cannot be granted: %s.", err))}
		resp.Diagnostics.Append(discreetly(diags, "permissions", slices.Concat([]string{permission.ResourceType}, permission.ResourceNames, permission.Actions)...)...)
	}
}

func setUnknown(set basetypes.SetValue) bool {
	if set.IsUnknown() {
		return true
	}
	for _, element := range set.Elements() {
		if element.IsUnknown() {
			return true
		}
	}
	return false
}
