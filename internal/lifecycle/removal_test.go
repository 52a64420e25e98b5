package lifecycle

import (
	"testing"
	"time"
)

// When a protected token can go all the same.
func TestRemoval(t *testing.T) {
	t.Parallel()
	yes, no := func() bool { return true }, func() bool { return false }
	notAsked := func() bool { t.Error("it was asked for nothing"); return false }
	for name, tt := range map[string]struct {
		given Removal
		want  bool
	}{
		"not protected":     {Removal{Status: StatusActive, HeldTwice: notAsked}, true},
		"good":              {Removal{Status: StatusActive, Protected: true, HeldTwice: no}, false},
		"due":               {Removal{Status: StatusRotationDue, Protected: true, HeldTwice: no}, false},
		"of unknown status": {Removal{Protected: true, HeldTwice: no}, false},
		"dead":              {Removal{Status: StatusRejected, Protected: true, HeldTwice: notAsked}, true},
		"expired":           {Removal{Status: StatusExpired, Protected: true, HeldTwice: notAsked}, true},
		"replaced":          {Removal{Status: StatusActive, Protected: true, Replaced: true, HeldTwice: notAsked}, true},
		"held twice":        {Removal{Status: StatusActive, Protected: true, HeldTwice: yes}, true},
		"nobody to ask":     {Removal{Status: StatusActive, Protected: true}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := tt.given.Allowed(); got != tt.want {
				t.Errorf("got %t", got)
			}
		})
	}
}

func TestReplacedBy(t *testing.T) {
	t.Parallel()
	made := OperatorToken{Identity: Identity{ClusterUUID: "here"}, CreatedAt: time.Unix(1, 0)}
	elsewhere, later, rotated := made, made, made
	elsewhere.ClusterUUID, later.CreatedAt, rotated.RotatedAt = "elsewhere", time.Unix(2, 0), time.Unix(3, 0)
	if !rotated.ReplacedBy(made) || elsewhere.ReplacedBy(made) || later.ReplacedBy(made) {
		t.Error("what was made replaces the token of its own server only")
	}
}

func TestIssuedRemoval(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		given IssuedRemoval
		want  Removed
	}{
		"good":                     {IssuedRemoval{Status: IssuedActive}, RemovedDeleted},
		"due":                      {IssuedRemoval{Status: IssuedRenewalDue}, RemovedDeleted},
		"the provider's own":       {IssuedRemoval{Status: IssuedActive, Own: true}, RemovedRefused},
		"its own, and due":         {IssuedRemoval{Status: IssuedRenewalDue, Own: true}, RemovedRefused},
		"kept":                     {IssuedRemoval{Status: IssuedActive, KeepOnDestroy: true}, RemovedKept},
		"its own, and kept":        {IssuedRemoval{Status: IssuedActive, KeepOnDestroy: true, Own: true}, RemovedKept},
		"expired":                  {IssuedRemoval{Status: IssuedExpired}, RemovedDeleted},
		"expired, to be kept":      {IssuedRemoval{Status: IssuedExpired, KeepOnDestroy: true}, RemovedDeleted},
		"expired, its own":         {IssuedRemoval{Status: IssuedExpired, Own: true}, RemovedDeleted},
		"somebody else's":          {IssuedRemoval{Status: IssuedForeign}, RemovedGivesWay},
		"somebody else's, kept":    {IssuedRemoval{Status: IssuedForeign, KeepOnDestroy: true}, RemovedGivesWay},
		"somebody else's, its own": {IssuedRemoval{Status: IssuedForeign, Own: true}, RemovedRefused},
		"the same, and to be kept": {IssuedRemoval{Status: IssuedForeign, KeepOnDestroy: true, Own: true}, RemovedRefused},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := tt.given.Outcome(); got != tt.want {
				t.Errorf("got %d, want %d", got, tt.want)
			}
		})
	}
}

// Which marks are those of one server.
func TestMark_same(t *testing.T) {
	t.Parallel()
	at, later := time.Unix(1, 0), time.Unix(1, 1e6)
	for name, tt := range map[string]struct {
		one, other Mark
		want       bool
	}{
		"one cluster":                    {Mark{"here", "a", at}, Mark{"here", "b", later}, true},
		"two clusters":                   {Mark{"here", "a", at}, Mark{"there", "a", at}, false},
		"none is named":                  {Mark{"", "a", at}, Mark{"", "a", at}, true},
		"one is named":                   {Mark{"here", "a", at}, Mark{"", "a", at}, true},
		"one token file":                 {Mark{"", "a", at}, Mark{"", "a", later}, false},
		"created at the same time":       {Mark{"", "a", at}, Mark{"", "b", at}, false},
		"it is not known when":           {Mark{"", "a", at}, Mark{"", "a", time.Time{}}, true},
		"nobody could see either of two": {Mark{}, Mark{}, false},
	} {
		if tt.one.Same(tt.other) != tt.want || tt.other.Same(tt.one) != tt.want {
			t.Errorf("%s: the same is not %t", name, tt.want)
		}
	}
}
