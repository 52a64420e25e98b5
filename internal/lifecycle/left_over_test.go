package lifecycle

import (
	"strings"
	"testing"
	"time"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3"
)

func TestUniqueSuffix(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 1, 12, 30, 0, 0, time.FixedZone("", 3600))
	one, two := UniqueSuffix(at), UniqueSuffix(at)
	if len(one) != UniqueSuffixLength || one == two || !strings.HasPrefix(one, "20260301113000") || !isUniqueSuffix(one) {
		t.Errorf("got %s and %s", one, two)
	}
}

// Only an expired token of the exact form is a left-over.
func TestLeftOver(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	before, after := now.Add(-time.Millisecond), now.Add(time.Millisecond)
	const suffix, limited = "20260101000000" + "0123456789", `["db:mydb:read"]`
	for name, tt := range map[string]struct {
		name        string
		permissions string
		expires     *time.Time
		kind        Kind
		now         time.Time
		want        bool
	}{
		"expired":                        {name: "ci-" + suffix, expires: &before, want: true},
		"expires now":                    {name: "ci-" + suffix, expires: &now, want: true},
		"resource token":                 {name: "ci-" + suffix, expires: &before, permissions: limited, kind: KindResource, want: true},
		"has not expired":                {name: "ci-" + suffix, expires: &after},
		"never expires":                  {name: "ci-" + suffix},
		"the clock is not known":         {name: "ci-" + suffix, expires: &before, now: time.Time{}.Add(-1)},
		"another kind":                   {name: "ci-" + suffix, expires: &before, kind: KindResource},
		"another kind the other way":     {name: "ci-" + suffix, expires: &before, permissions: limited},
		"prefix that begins the same":    {name: "ci-prod-" + suffix, expires: &before},
		"prefix without its end":         {name: "ci" + suffix, expires: &before},
		"another prefix":                 {name: "cd-" + suffix, expires: &before},
		"prefix in capitals":             {name: "CI-" + suffix, expires: &before},
		"something before it":            {name: "x-ci-" + suffix, expires: &before},
		"only the prefix":                {name: "ci-", expires: &before},
		"something after it":             {name: "ci-" + suffix + "0", expires: &before},
		"something between":              {name: "ci-0" + suffix, expires: &before},
		"line break after it":            {name: "ci-" + suffix + "\n", expires: &before},
		"one digit less":                 {name: "ci-" + suffix[1:], expires: &before},
		"capital digits":                 {name: "ci-20260101000000ABCDEF0123", expires: &before},
		"not hexadecimal":                {name: "ci-20260101000000012345678g", expires: &before},
		"letters in the time":            {name: "ci-2026010100000a0123456789", expires: &before},
		"no time":                        {name: "ci-20261301000000" + "0123456789", expires: &before},
		"suffix of a suffix":             {name: "ci-" + suffix + suffix, expires: &before},
		"operator token":                 {name: influxdb3.OperatorTokenName, expires: &before, kind: KindOperator},
		"expired, by a clock far behind": {name: "ci-" + suffix, expires: &before, now: before.Add(-time.Hour)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			row := influxdb3.TokenInfo{Name: tt.name, ExpiresAt: tt.expires, Permissions: "*:*:*"}
			keeping := Keeping{Prefix: "ci-", Kind: KindNamedAdmin, Now: now}
			if tt.permissions != "" {
				row.Permissions = tt.permissions
			}
			if tt.kind != "" {
				keeping.Kind = tt.kind
			}
			switch {
			case tt.now.Before(time.Time{}): // stands for a time that is not known
				keeping.Now = time.Time{}
			case !tt.now.IsZero():
				keeping.Now = tt.now
			}
			if got := keeping.LeftOver(row); got != tt.want {
				t.Errorf("%q counts as left over: %t", tt.name, got)
			}
			if keeping.Prefix = ""; keeping.LeftOver(row) {
				t.Error("without a prefix nothing does")
			}
		})
	}
}
