package lifecycle

import (
	"slices"
	"testing"
	"time"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3"
)

func TestIssuedStatusAt(t *testing.T) {
	t.Parallel()
	expires := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	tests := map[string]struct {
		now    time.Time
		before time.Duration
		want   IssuedStatus
	}{
		"long before":         {expires.Add(-48 * time.Hour), 24 * time.Hour, IssuedActive},
		"just not":            {expires.Add(-24*time.Hour - 1), 24 * time.Hour, IssuedActive},
		"time":                {expires.Add(-24 * time.Hour), 24 * time.Hour, IssuedRenewalDue},
		"no renewal":          {expires.Add(-1), 0, IssuedActive},
		"at the end":          {expires, 24 * time.Hour, IssuedExpired},
		"over, no renewal":    {expires.Add(time.Hour), 0, IssuedExpired},
		"renewal, whole life": {expires.Add(-240 * time.Hour), 240 * time.Hour, IssuedRenewalDue},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := IssuedStatusAt(tt.now, expires, tt.before); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
	if got := IssuedStatusAt(expires, time.Time{}, time.Hour); got != IssuedActive {
		t.Errorf("a token that never expires is %s", got)
	}
}

func TestIssuedStatusOf(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	soon, past := now.Add(time.Hour), now.Add(-time.Hour)
	for name, tt := range map[string]struct {
		row  influxdb3.TokenInfo
		want IssuedStatus
	}{
		"never expires":                   {influxdb3.TokenInfo{Hash: "abcdef"}, IssuedActive},
		"expires soon":                    {influxdb3.TokenInfo{Hash: "abcdef", ExpiresAt: &soon}, IssuedRenewalDue},
		"expired":                         {influxdb3.TokenInfo{Hash: "abcdef", ExpiresAt: &past}, IssuedExpired},
		"of fewer digits":                 {influxdb3.TokenInfo{Hash: "abc"}, IssuedActive},
		"somebody else's":                 {influxdb3.TokenInfo{Hash: "fedcba"}, IssuedForeign},
		"somebody else's, expired":        {influxdb3.TokenInfo{Hash: "fedcba", ExpiresAt: &past}, IssuedForeign},
		"of a hash that the row does not": {influxdb3.TokenInfo{}, IssuedForeign},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := IssuedStatusOf(tt.row, "abcdef", now, 2*time.Hour); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestKindOf(t *testing.T) {
	t.Parallel()
	for want, row := range map[Kind]influxdb3.TokenInfo{
		KindOperator:   {Name: influxdb3.OperatorTokenName, Permissions: "*:*:*"},
		KindNamedAdmin: {Name: "ci", Permissions: "*:*:*"},
		KindResource:   {Name: "app", Permissions: `["db:mydb:read"]`},
	} {
		if got := KindOf(row); got != want {
			t.Errorf("%s is called %s", want, got)
		}
	}
}

func TestIssuedCircumstances(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		given    IssuedCircumstances
		want     []string
		givesWay bool
	}{
		"nothing":                      {IssuedCircumstances{Status: IssuedActive, NameStays: true}, nil, false},
		"nothing after an import":      {IssuedCircumstances{Status: IssuedActive, Imported: true}, nil, false},
		"another name":                 {IssuedCircumstances{Status: IssuedActive, NameChanged: true}, []string{"name"}, false},
		"another name, imported":       {IssuedCircumstances{Status: IssuedActive, NameChanged: true, Imported: true}, []string{"name"}, false},
		"another prefix":               {IssuedCircumstances{Status: IssuedActive, NamePrefixLacking: true, Imported: true}, []string{"name_prefix"}, false},
		"lifetime":                     {IssuedCircumstances{Status: IssuedActive, ExpiresInChanged: true}, []string{"expires_in"}, false},
		"lifetime, imported":           {IssuedCircumstances{Status: IssuedActive, ExpiresInChanged: true, Imported: true}, nil, false},
		"triggers":                     {IssuedCircumstances{Status: IssuedActive, TriggersChanged: true}, []string{"rotation_triggers"}, false},
		"triggers, imported":           {IssuedCircumstances{Status: IssuedActive, TriggersChanged: true, Imported: true}, nil, false},
		"permissions":                  {IssuedCircumstances{Status: IssuedActive, PermissionsChanged: true, Imported: true}, []string{"permissions"}, false},
		"expired":                      {IssuedCircumstances{Status: IssuedExpired, RenewBeforeChanged: true}, []string{"status"}, false},
		"due":                          {IssuedCircumstances{Status: IssuedRenewalDue, NameStays: true}, []string{"status"}, false},
		"due, by a limit that leaves":  {IssuedCircumstances{Status: IssuedRenewalDue, RenewBeforeChanged: true}, nil, false},
		"limit changed":                {IssuedCircumstances{Status: IssuedActive, RenewBeforeChanged: true}, nil, false},
		"somebody else's":              {IssuedCircumstances{Status: IssuedForeign, NameStays: true}, []string{"status"}, true},
		"somebody else's, which stays": {IssuedCircumstances{Status: IssuedForeign, NameChanged: true}, []string{"name", "status"}, false},
		"somebody else's, by a prefix": {IssuedCircumstances{Status: IssuedForeign}, []string{"status"}, false},
		"everything": {
			IssuedCircumstances{IssuedExpired, false, false, true, true, true, true, true, true},
			[]string{"name", "name_prefix", "expires_in", "rotation_triggers", "permissions", "status"}, false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := tt.given.ReplacedBy(); !slices.Equal(got, tt.want) {
				t.Errorf("replaced by %v, want %v", got, tt.want)
			}
			if got := tt.given.GivesWay(); got != tt.givesWay {
				t.Errorf("gives way: %t", got)
			}
		})
	}
}
