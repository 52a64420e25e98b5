package provider

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-timetypes/timetypes"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// attributeGetter is what a configuration, a plan and a state have in common.
type attributeGetter interface {
	Get(ctx context.Context, target any) diag.Diagnostics
}

// attributeSetter is what a state and an identity have in common.
type attributeSetter interface {
	Set(ctx context.Context, value any) diag.Diagnostics
}

// triggersDiffer compares what is known; null and empty are the same.
func triggersDiffer(plan, state types.Map) bool {
	if plan.IsUnknown() {
		return false
	}
	return !maps.EqualFunc(plan.Elements(), state.Elements(), func(a, b attr.Value) bool {
		return a.IsUnknown() || a.Equal(b)
	})
}

func anyUnknown(triggers types.Map) bool {
	return triggers.IsUnknown() || slices.ContainsFunc(slices.Collect(maps.Values(triggers.Elements())), attr.Value.IsUnknown)
}

func timeOf(v timetypes.RFC3339) time.Time {
	if v.IsNull() || v.IsUnknown() {
		return time.Time{}
	}
	t, _ := v.ValueRFC3339Time() // written by timestamp below
	return t.UTC()
}

// timestamp writes a time as Terraform's timestamp functions read it. Years past
// 9999, which RFC 3339 cannot say and the server can, become the end of 9999.
func timestamp(t *time.Time) timetypes.RFC3339 {
	if t == nil || t.IsZero() {
		return timetypes.NewRFC3339Null()
	}
	last := time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)
	if t.After(last) {
		t = &last
	}
	// With milliseconds, by which the server tells its tokens apart; the
	// constructor from a time.Time drops them.
	return timetypes.NewRFC3339ValueMust(t.UTC().Format(time.RFC3339Nano))
}

// optional is null for "".
func optional(text string) types.String {
	if text == "" {
		return types.StringNull()
	}
	return types.StringValue(text)
}
