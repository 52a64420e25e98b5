package provider

import (
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3test"
)

func TestParseDuration(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	for text, want := range map[string]time.Duration{
		"90d": 90 * day, "2w": 14 * day, "1h30m": 90 * time.Minute, "1h 30m": 90 * time.Minute, "2160h": 90 * day, "90s": 90 * time.Second,
		"1d12h": 36 * time.Hour, "1w1d": 8 * day, "1.5d": 36 * time.Hour, ".5d": 12 * time.Hour, "12h1d": 36 * time.Hour, "0d": 0, "0s": 0, "0": 0,
		"-1d": -day, "-1d12h": -36 * time.Hour, "500ms": 500 * time.Millisecond, "1.5h": 90 * time.Minute, "106751d": 106751 * day,
	} {
		if got, err := parseDuration(text); err != nil || got != want {
			t.Errorf("%q is %s, %v, want %s", text, got, err, want)
		}
	}
	for _, text := range []string{
		"", "d", "90", "90 d d", "1y", "1month", "3M", "d90", "1.2.3d", "quarterly", "90D", "1e3d", "apiv3_x", "106752d", "53376d53376d", "106751d24h", "-106751d24h", "99999999999999999999w", "99999999h", "1h-1d", "--1d", "1d1h1",
	} {
		if got, err := parseDuration(text); err == nil {
			t.Errorf("%q is %s", text, got)
		}
	}
}

func TestDuration(t *testing.T) {
	t.Parallel()
	of := func(text string) duration { return duration{types.StringValue(text)} }
	for b, want := range map[string]bool{"90d": true, "2160h": true, "89d": false, "nonsense": false} {
		if same, diags := of("90d").StringSemanticEquals(t.Context(), of(b)); same != want || diags.HasError() {
			t.Errorf("90d and %s: %t, %v", b, same, diags)
		}
	}
	if !of("1h").Equal(of("1h")) || of("1h").Equal(of("60m")) || of("1h").Equal(of("1h").StringValue) {
		t.Error("values are compared as they are written")
	}
	if !of("1h").Type(t.Context()).Equal(durationType{}) || (durationType{}).Equal(types.StringType) {
		t.Error("the type is not its own")
	}
	if durationOf(durationNull()) != 0 || durationOf(duration{types.StringUnknown()}) != 0 || durationOf(of("1d")) != 24*time.Hour {
		t.Error("durationOf")
	}
}

// The same duration in other words is nothing to do.
func TestAccDurations(t *testing.T) {
	t.Parallel()
	s := influxdb3test.New(t)
	token := s.Bootstrap(t)
	config := func(after, in, before, timeout string) string {
		return block(s, withToken(token), "request_timeout = \""+timeout+"\"") + operator(unprotected, `rotate_after = "`+after+`"`) +
			named(`name_prefix = "ci-"`, `expires_in = "`+in+`"`, `rotate_before_expiry = "`+before+`"`)
	}
	c := newCore(t)
	c.applied(c.rootFrom(config("90d", "2w", "1d12h", "30s")), planOptions{})
	if made := c.planned(c.rootFrom(config("2160h", "14d", "36h", "0.5m")), planOptions{}); len(made.changes) != 0 {
		t.Errorf("the same in other words is a change: %v", made.changes)
	}
	if made := c.planned(c.rootFrom(config("2161h", "14d", "36h", "30s")), planOptions{}); len(made.changes) != 1 || made.changes[0].action != updateAction {
		t.Errorf("another one is not an update: %v", made.changes)
	}
}
