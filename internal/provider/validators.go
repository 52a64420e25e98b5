package provider

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3"
)

// positiveDuration accepts Go durations above zero. That the text is a duration
// at all is checked by its type.
type positiveDuration struct {
	wholeSeconds bool // the server counts in seconds
}

// Description implements validator.Describer.
func (v positiveDuration) Description(context.Context) string {
	if v.wholeSeconds {
		return "a Go duration above zero in whole seconds, such as 90s or 720h"
	}
	return "a Go duration above zero, such as 90s or 720h"
}

// MarkdownDescription implements validator.Describer.
func (v positiveDuration) MarkdownDescription(ctx context.Context) string { return v.Description(ctx) }

// ValidateString implements validator.String.
func (v positiveDuration) ValidateString(ctx context.Context, req validator.StringRequest, resp *validator.StringResponse) {
	if req.ConfigValue.IsNull() || req.ConfigValue.IsUnknown() {
		return
	}
	if d, err := time.ParseDuration(req.ConfigValue.ValueString()); err == nil && (d <= 0 || v.wholeSeconds && d%time.Second != 0) {
		resp.Diagnostics.AddAttributeError(req.Path, "Invalid Duration",
			fmt.Sprintf("%s must be %s, got %q.", req.Path, v.Description(ctx), req.ConfigValue.ValueString()))
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
		err = influxdb3.ValidateTokenPrefix(name, uniqueSuffixLength)
	}
	if err != nil {
		resp.Diagnostics.AddAttributeError(req.Path, "Invalid Token Name", fmt.Sprintf("%s cannot be used: %s.", req.Path, err))
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
	for _, element := range slices.Concat(model.ResourceNames.Elements(), model.Actions.Elements()) {
		if element.IsNull() {
			resp.Diagnostics.AddAttributeError(req.Path, "Invalid Permission", "The permission cannot be granted: a resource name or an action is null.")
			return
		}
	}
	permission := influxdb3.Permission{ResourceType: model.ResourceType.ValueString()}
	resp.Diagnostics.Append(model.ResourceNames.ElementsAs(ctx, &permission.ResourceNames, false)...)
	resp.Diagnostics.Append(model.Actions.ElementsAs(ctx, &permission.Actions, false)...)
	if resp.Diagnostics.HasError() {
		return
	}
	if err := permission.Validate(); err != nil {
		resp.Diagnostics.AddAttributeError(req.Path, "Invalid Permission", fmt.Sprintf("The permission cannot be granted: %s.", err))
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
