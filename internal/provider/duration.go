package provider

import (
	"context"
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/attr/xattr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// durationForms is what every attribute for a duration takes.
const durationForms = "such as 90d, 2w, 1h30m or 90s (w, d, h, m, s, ms; a day has 24 hours)"

var (
	wholeDuration = regexp.MustCompile(`^[-+]?(?:(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:ns|us|µs|μs|ms|s|m|h|d|w) ?)+$`)
	// dayOrWeek is a part of a duration that time.ParseDuration does not know.
	dayOrWeek = regexp.MustCompile(`([0-9.]+)([dw])`)
)

// parseDuration reads a duration as the influxdb3 command line writes it (90d, 2w,
// 1h 30m) or as Go does. Months and years have no fixed length and are refused. The
// longest is 292 years.
func parseDuration(text string) (time.Duration, error) {
	if text != "0" && !wholeDuration.MatchString(text) {
		return 0, errors.New("it is no duration")
	}
	var days float64
	for _, part := range dayOrWeek.FindAllStringSubmatch(text, -1) {
		n, err := strconv.ParseFloat(part[1], 64)
		if err != nil {
			return 0, err
		}
		if part[2] == "w" {
			n *= 7
		}
		days += n
	}
	const most = math.MaxInt64 / (24 * time.Hour)
	if days > float64(most) {
		return 0, errTooLong
	}
	whole, part := math.Modf(days)
	extra := time.Duration(whole)*24*time.Hour + time.Duration(part*float64(24*time.Hour))
	rest, err := time.ParseDuration(strings.ReplaceAll(dayOrWeek.ReplaceAllString(text, "0h"), " ", ""))
	if err != nil {
		return 0, err
	}
	if strings.HasPrefix(text, "-") {
		extra = -extra
	}
	if sum := rest + extra; (sum >= rest) == (extra >= 0) {
		return sum, nil
	}
	return 0, errTooLong
}

var errTooLong = errors.New("it is longer than 292 years")

// durationType is the type of an attribute for a duration.
type durationType struct {
	basetypes.StringType
}

// String implements attr.Type.
func (durationType) String() string { return "durationType" }

// Equal implements attr.Type.
func (t durationType) Equal(o attr.Type) bool {
	other, ok := o.(durationType)
	return ok && t.StringType.Equal(other.StringType)
}

// ValueType implements attr.Type.
func (durationType) ValueType(context.Context) attr.Value { return duration{} }

// ValueFromString implements basetypes.StringTypable.
func (durationType) ValueFromString(_ context.Context, in basetypes.StringValue) (basetypes.StringValuable, diag.Diagnostics) {
	return duration{in}, nil
}

// ValueFromTerraform implements attr.Type.
func (t durationType) ValueFromTerraform(ctx context.Context, in tftypes.Value) (attr.Value, error) {
	value, err := t.StringType.ValueFromTerraform(ctx, in)
	if err != nil {
		return nil, err
	}
	text, ok := value.(basetypes.StringValue)
	if !ok {
		return nil, fmt.Errorf("unexpected value type of %T", value)
	}
	return duration{text}, nil
}

// duration is a value of durationType.
type duration struct {
	basetypes.StringValue
}

func durationNull() duration { return duration{types.StringNull()} }

// Type implements attr.Value.
func (duration) Type(context.Context) attr.Type { return durationType{} }

// Equal implements attr.Value.
func (d duration) Equal(o attr.Value) bool {
	other, ok := o.(duration)
	return ok && d.StringValue.Equal(other.StringValue)
}

// StringSemanticEquals implements basetypes.StringValuableWithSemanticEquals.
func (d duration) StringSemanticEquals(_ context.Context, o basetypes.StringValuable) (bool, diag.Diagnostics) {
	other, ok := o.(duration)
	return ok && sameDuration(d.ValueString(), other.ValueString()), nil
}

func sameDuration(a, b string) bool {
	one, err := parseDuration(a)
	two, more := parseDuration(b)
	return err == nil && more == nil && one == two
}

// ValidateAttribute implements xattr.ValidateableAttribute. It shows no token that was
// put there.
func (d duration) ValidateAttribute(_ context.Context, req xattr.ValidateAttributeRequest, resp *xattr.ValidateAttributeResponse) {
	if d.IsNull() || d.IsUnknown() {
		return
	}
	if _, err := parseDuration(d.ValueString()); err != nil {
		diags := diag.Diagnostics{attributeError(req.Path, "Invalid Duration",
			fmt.Sprintf("%s must be a duration of at most 292 years, %s, got %q.", req.Path, durationForms, d.ValueString()))}
		resp.Diagnostics.Append(discreetly(diags, req.Path.String(), d.ValueString())...)
	}
}

// durationOf is 0 for null and unknown.
func durationOf(v duration) time.Duration {
	if v.IsNull() || v.IsUnknown() {
		return 0
	}
	d, _ := parseDuration(v.ValueString()) // validated with the configuration
	return d
}

// keepEqualDuration is the plan modifier by which the same duration in other words
// makes no difference in a plan.
type keepEqualDuration struct{}

// Description implements planmodifier.Describer.
func (keepEqualDuration) Description(context.Context) string {
	return "The same duration in other words is no change."
}

// MarkdownDescription implements planmodifier.Describer.
func (k keepEqualDuration) MarkdownDescription(ctx context.Context) string { return k.Description(ctx) }

// PlanModifyString implements planmodifier.String.
func (keepEqualDuration) PlanModifyString(_ context.Context, req planmodifier.StringRequest, resp *planmodifier.StringResponse) {
	if !req.StateValue.IsNull() && !req.PlanValue.IsUnknown() && sameDuration(req.StateValue.ValueString(), req.PlanValue.ValueString()) {
		resp.PlanValue = req.StateValue
	}
}
