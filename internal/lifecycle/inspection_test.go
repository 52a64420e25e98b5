package lifecycle

import (
	"context"
	"testing"
	"time"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3"
)

func TestNewerThan(t *testing.T) {
	t.Parallel()
	const previous = "0123456789"
	rotated := noon.Add(-time.Hour)
	unlisted := held()
	unlisted.ListedAt = time.Time{}
	ofCluster := unlisted
	ofCluster.Identity = cluster
	for name, tt := range map[string]struct {
		token OperatorToken
		hash  string
		made  time.Time
		want  bool
	}{
		"the one before, whatever its time":         {held(), previous, noon, true},
		"itself, whatever its time":                 {held(), mine.Hash(), rotated.Add(-time.Hour), false},
		"older by its row":                          {held(), other.Hash(), rotated.Add(-1), true},
		"as old by its row":                         {held(), other.Hash(), rotated, false},
		"newer by its row":                          {held(), other.Hash(), rotated.Add(1), false},
		"older by the date of a reply":              {ofCluster, other.Hash(), rotated.Add(-clockSlack - 1), true},
		"within what a date is wrong":               {ofCluster, other.Hash(), rotated.Add(-clockSlack), false},
		"newer by the date of a reply":              {ofCluster, other.Hash(), rotated.Add(time.Second), false},
		"older by the date of a reply, on one node": {unlisted, other.Hash(), rotated.Add(-time.Hour), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := influxdb3.TokenInfo{Hash: tt.hash, UpdatedAt: &tt.made}
			if got := tt.token.newerThan(&r); got != tt.want {
				t.Errorf("got %t", got)
			}
		})
	}
}

func TestRefreshed(t *testing.T) {
	t.Parallel()
	expires := noon.Add(time.Hour)
	for name, tt := range map[string]struct {
		made    time.Time
		named   string
		rotated time.Time
		cluster string
	}{
		"a little off": {noon.Add(-time.Hour - clockSlack), here, noon.Add(-time.Hour), here},
		"far off":      {noon.Add(-time.Hour - clockSlack - 1), here, noon.Add(-time.Hour - clockSlack - 1), here},
		"not named":    {noon.Add(-time.Hour), "", noon.Add(-time.Hour), here},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			prior, r := held(), row(mine, tt.made)
			prior.Status, r.ExpiresAt = StatusRejected, &expires
			got := prior.refreshed(&r, &influxdb3.Listing{ClusterUUID: tt.named})
			if !got.RotatedAt.Equal(tt.rotated) || !got.ListedAt.Equal(tt.made) || got.ClusterUUID != tt.cluster || got.Status != StatusActive || got.ExpiresAt != &expires || !got.CreatedAt.Equal(r.CreatedAt) {
				t.Errorf("got %+v", got)
			}
		})
	}
	unnamed := held()
	unnamed.Identity = Identity{}
	r := row(mine, noon)
	if got := unnamed.refreshed(&r, listing()); got.ClusterUUID != here {
		t.Errorf("the cluster is %q after an upgrade", got.ClusterUUID)
	}
}

func TestFallbackOf(t *testing.T) {
	t.Parallel()
	token := held()
	token.PreviousHash = other.Hash()
	for name, tt := range map[string]struct {
		credential influxdb3.Secret
		recovery   bool
		want       Fallback
	}{
		"none":              {influxdb3.Secret{}, false, FallbackNone},
		"the listener":      {influxdb3.Secret{}, true, FallbackRecovery},
		"itself":            {mine, false, FallbackSame},
		"the one before":    {other, false, FallbackSame},
		"itself, and one":   {mine, true, FallbackRecovery},
		"not asked about":   {next, false, ""},
		"a good one before": {next, true, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &scripted{t: t}
			if tt.recovery {
				s.recovery = func() (*influxdb3.Token, error) { return nil, nil }
			}
			o := &Operator{Server: s, Credential: tt.credential}
			if got := o.FallbackOf(token); got != tt.want {
				t.Errorf("got %q", got)
			}
		})
	}
}

func TestFallback_byRow(t *testing.T) {
	t.Parallel()
	at := func(d time.Duration) *time.Time { end := noon.Add(d); return &end }
	operator := row(mine, noon)
	for name, tt := range map[string]struct {
		row      *influxdb3.TokenInfo
		operator *influxdb3.TokenInfo
		want     Fallback
	}{
		"not listed":          {nil, &operator, FallbackRefused},
		"for ever":            {&influxdb3.TokenInfo{Name: "ci"}, &operator, FallbackActive},
		"no operator token":   {&influxdb3.TokenInfo{Name: "ci"}, nil, FallbackActive},
		"over":                {&influxdb3.TokenInfo{Name: "ci", ExpiresAt: at(0)}, &operator, FallbackRefused},
		"almost over":         {&influxdb3.TokenInfo{Name: "ci", ExpiresAt: at(1)}, &operator, FallbackExpiring},
		"within the notice":   {&influxdb3.TokenInfo{Name: "ci", ExpiresAt: at(fallbackNotice)}, &operator, FallbackExpiring},
		"behind the notice":   {&influxdb3.TokenInfo{Name: "ci", ExpiresAt: at(fallbackNotice + 1)}, &operator, FallbackActive},
		"the operator's name": {&influxdb3.TokenInfo{Name: influxdb3.OperatorTokenName, ExpiresAt: at(1)}, &operator, FallbackSame},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := &Operator{Server: &scripted{t: t}, Credential: other}
			seen := listing()
			if tt.row != nil {
				tt.row.Hash = other.Hash()
				seen = listing(*tt.row)
			}
			if got := o.fallback(seen, tt.operator, noon); got != tt.want {
				t.Errorf("got %q", got)
			}
		})
	}
}

// How long a refusal of a token that was just made is looked at again.
func TestInspect_waiting(t *testing.T) {
	t.Parallel()
	over := noon.Add(-time.Minute)
	for name, tt := range map[string]struct {
		change func(*OperatorToken, *influxdb3.Error, *watch)
		status Status
		least  time.Duration
		most   time.Duration
		want   Problem
	}{
		"a server whose date stands still": {func(*OperatorToken, *influxdb3.Error, *watch) {}, StatusRejected, syncInterval, syncInterval + syncPoll, 0},
		"one node":                         {func(p *OperatorToken, _ *influxdb3.Error, _ *watch) { p.Identity = core }, StatusRejected, 0, 0, 0},
		"an old token":                     {func(p *OperatorToken, _ *influxdb3.Error, _ *watch) { p.RotatedAt = noon.Add(-syncInterval) }, StatusRejected, 0, 0, 0},
		"no date": {func(_ *OperatorToken, e *influxdb3.Error, w *watch) {
			e.Date, w.now = time.Time{}, noon.Add(syncInterval-syncPoll)
		},
			StatusRejected, syncPoll, syncPoll, 0},
		"expired":     {func(p *OperatorToken, _ *influxdb3.Error, _ *watch) { p.ExpiresAt = &over }, StatusExpired, 0, 0, 0},
		"interrupted": {func(_ *OperatorToken, _ *influxdb3.Error, w *watch) { w.wake = context.Canceled }, StatusActive, syncPoll, syncPoll, ProblemUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			prior, failed, clock := held(), refusal(), &watch{now: noon.Add(time.Hour)}
			prior.Identity, prior.RotatedAt = cluster, noon
			tt.change(&prior, failed, clock)
			s := &scripted{t: t, find: func(influxdb3.Secret) (*influxdb3.Listing, error) { return nil, failed }}
			seen, err := (&Operator{Server: s, Clock: clock}).Inspect(t.Context(), prior, 0)
			expectProblem(t, err, tt.want)
			if seen.Token.Status != tt.status || !seen.Token.Secret.Equal(mine) || clock.slept < tt.least || clock.slept > tt.most {
				t.Errorf("%s after %s", seen.Token.Status, clock.slept)
			}
		})
	}
}

// What the configured token sees once the server has refused the one in state.
func TestInspect_withCredential(t *testing.T) {
	t.Parallel()
	over, later := noon.Add(-time.Minute), noon.Add(time.Minute)
	made := func(secret influxdb3.Secret, at time.Time) func() *influxdb3.Listing {
		return func() *influxdb3.Listing { return listing(row(secret, at)) }
	}
	expiring := func(at *time.Time) func() *influxdb3.Listing {
		return func() *influxdb3.Listing {
			r := row(next, noon)
			r.ExpiresAt = at
			return listing(r)
		}
	}
	for name, tt := range map[string]struct {
		listing    func() *influxdb3.Listing
		rotate     time.Duration
		status     Status
		takenOver  bool
		credential influxdb3.Secret
		finds      int // that are enough
		want       Problem
	}{
		"the new one":            {made(other, noon.Add(-time.Minute)), 0, StatusActive, true, other, 2, 0},
		"the new one, too old":   {made(other, noon.Add(-time.Minute)), time.Minute, StatusRotationDue, true, other, 2, 0},
		"an older one":           {made(other, noon.Add(-2*time.Hour)), 0, StatusRejected, false, other, 2, 0},
		"somebody's":             {made(next, noon), 0, StatusRejected, false, other, 2, 0},
		"somebody's, expired":    {expiring(&over), 0, StatusExpired, false, other, 2, 0},
		"somebody's, that will":  {expiring(&later), 0, StatusRejected, false, other, 2, 0},
		"none at all":            {func() *influxdb3.Listing { return listing() }, 0, StatusRejected, false, other, 2, 0},
		"the very same":          {nil, 0, StatusRejected, false, mine, 1, 0},
		"of another cluster":     {func() *influxdb3.Listing { l := listing(row(other, noon)); l.ClusterUUID = elsewhere; return l }, 0, StatusActive, false, other, 2, ProblemWrongServer},
		"of another server":      {func() *influxdb3.Listing { r := row(other, noon); r.CreatedAt = noon; return listing(r) }, 0, StatusActive, false, other, 2, ProblemWrongServer},
		"refused by whom, maybe": {nil, 0, StatusActive, false, other, 2, ProblemUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &scripted{t: t, find: func(credential influxdb3.Secret) (*influxdb3.Listing, error) {
				switch {
				case credential.Equal(mine):
					return nil, refusal()
				case tt.listing == nil:
					return nil, &influxdb3.Error{Kind: influxdb3.KindUnauthorized, Recorded: true}
				default:
					return tt.listing(), nil
				}
			}}
			s.ping = func() (*influxdb3.ServerInfo, error) {
				return &influxdb3.ServerInfo{Build: "Core", Version: "3.10.1", ClusterUUID: here}, nil
			}
			prior := held()
			prior.Identity = Identity{ClusterUUID: here}
			clock := &watch{now: noon.Add(48 * time.Hour)} // not the server's
			seen, err := (&Operator{Server: s, Credential: tt.credential, Clock: clock}).Inspect(t.Context(), prior, tt.rotate)
			expectProblem(t, err, tt.want)
			if seen.Token.Status != tt.status || seen.TakenOver != tt.takenOver || s.count("find") != tt.finds || clock.slept != 0 {
				t.Errorf("%s, taken over %t, %v, slept %s", seen.Token.Status, seen.TakenOver, s.calls, clock.slept)
			}
			if err != nil {
				return
			}
			if tt.listing != nil && seen.Token.Identity != core {
				t.Errorf("nothing was learned of the server: %+v", seen.Token.Identity)
			}
			switch {
			case tt.takenOver && (seen.Token.PreviousHash != mine.Hash() || !seen.Token.Secret.Equal(other) || seen.Fallback != FallbackSame):
				t.Errorf("taken over: previous %q, fallback %s", seen.Token.PreviousHash, seen.Fallback)
			case !tt.takenOver && !seen.Token.Secret.Equal(mine):
				t.Error("the token in state was given up")
			case tt.status == StatusExpired && seen.Token.ExpiresAt != &over:
				t.Errorf("expires at %v", seen.Token.ExpiresAt)
			case tt.finds == 1 && seen.Fallback != FallbackSame:
				t.Errorf("fallback %s", seen.Fallback)
			}
		})
	}
}

// Whether the token counts as expired is judged by the listing's clock once there is
// one, and so is whether a node may lag behind.
func TestInspect_listingsClock(t *testing.T) {
	t.Parallel()
	s := &scripted{t: t}
	s.find = func(credential influxdb3.Secret) (*influxdb3.Listing, error) {
		if credential.Equal(mine) {
			failed := refusal()
			failed.Date = noon.Add(time.Hour) // a proxy's
			return nil, failed
		}
		seen := listing(row(mine, noon))
		seen.Date = noon.Add(syncInterval).Add(-time.Second)
		if s.count("find") > 2 {
			seen.Date = noon.Add(syncInterval)
		}
		return seen, nil
	}
	prior := held()
	prior.Identity, prior.RotatedAt = cluster, noon
	clock := &watch{now: noon}
	seen, err := (&Operator{Server: s, Credential: other, Clock: clock}).Inspect(t.Context(), prior, 0)
	if err != nil || seen.Token.Status != StatusRejected || clock.slept != syncPoll {
		t.Errorf("%s, %v after %s", seen.Token.Status, err, clock.slept)
	}
}

// An accepted token is active, whatever row the answering node shows, which is not
// taken for its own.
func TestInspect_anothersRow(t *testing.T) {
	t.Parallel()
	s := &scripted{t: t, find: func(influxdb3.Secret) (*influxdb3.Listing, error) { return listing(row(other, noon)), nil }}
	prior := held()
	prior.Status = StatusRejected
	seen, err := (&Operator{Server: s, Clock: &watch{now: noon}}).Inspect(t.Context(), prior, 0)
	if err != nil || seen.Token.Status != StatusActive || !seen.Token.ListedAt.Equal(prior.ListedAt) {
		t.Errorf("%+v, %v", seen.Token, err)
	}
}
