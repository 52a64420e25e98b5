package lifecycle

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3"
)

// What is done about an operator token that is there, as the configured token sees it.
func TestTakeListed(t *testing.T) {
	t.Parallel()
	over := noon
	made := func() (*influxdb3.Token, error) { return minted201(next), nil }
	failing := func(failed *influxdb3.Error) func() (*influxdb3.Token, error) {
		return func() (*influxdb3.Token, error) { return nil, failed }
	}
	forbidden := &influxdb3.Error{Kind: influxdb3.KindForbidden, ClusterUUID: here}
	for name, tt := range map[string]struct {
		row               influxdb3.TokenInfo
		expires           *time.Time
		reply             func() (*influxdb3.Token, error)
		consent, orphan   bool
		recovery          bool
		secret            influxdb3.Secret
		previous          string
		warnings          int
		regenerated, used int
		want              Problem
	}{
		"adopted":           {row: row(other, noon), secret: other},
		"consent":           {row: row(mine, noon), reply: made, consent: true, secret: next, previous: mine.Hash(), regenerated: 1},
		"consent, its own":  {row: row(other, noon), reply: made, consent: true, secret: next, previous: other.Hash(), regenerated: 1},
		"an orphan":         {row: row(mine, noon), reply: made, orphan: true, secret: next, previous: mine.Hash(), warnings: 1, regenerated: 1},
		"somebody's":        {row: row(mine, noon), want: ProblemNotOperatorToken},
		"expired":           {row: row(mine, noon), expires: &over, consent: true, want: ProblemExpired},
		"an expired orphan": {row: row(mine, noon), expires: &over, orphan: true, want: ProblemExpired},
		"it may not":        {row: row(mine, noon), reply: failing(forbidden), consent: true, regenerated: 1, want: ProblemForbidden},
		"it may not, the listener": {
			row: row(mine, noon), reply: failing(forbidden), consent: true, recovery: true, secret: next, warnings: 1, regenerated: 1, used: 1,
		},
		"refused, the listener": {
			row: row(mine, noon), reply: failing(refusal()), consent: true, recovery: true, secret: next, warnings: 1, regenerated: 1, used: 1,
		},
		"an orphan, it may not": {row: row(mine, noon), reply: failing(forbidden), orphan: true, regenerated: 1, want: ProblemLost},
		"not enabled, no listener for that": {
			row: row(mine, noon), reply: failing(&influxdb3.Error{Kind: influxdb3.KindNotEnabled, ClusterUUID: here}), consent: true, recovery: true, regenerated: 1, want: ProblemAuthenticationOff,
		},
		"another cluster's": {row: row(mine, noon), reply: func() (*influxdb3.Token, error) {
			token := minted201(next)
			token.ClusterUUID = elsewhere
			return token, nil
		}, consent: true, secret: next, previous: mine.Hash(), regenerated: 1, want: ProblemElsewhere},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// Whether it is one node is not known here, so what another credential has
			// made is looked at.
			s := &scripted{t: t, find: func(influxdb3.Secret) (*influxdb3.Listing, error) { return listing(row(next, noon)), nil }}
			if tt.reply != nil {
				s.regenerate = func(influxdb3.Secret) (*influxdb3.Token, error) { return tt.reply() }
			}
			if tt.recovery {
				s.recovery = func() (*influxdb3.Token, error) {
					return &influxdb3.Token{Name: influxdb3.OperatorTokenName, Secret: next}, nil
				}
			}
			tt.row.ExpiresAt = tt.expires
			o := &Operator{Server: s, Credential: other, Clock: &watch{now: noon}}
			token, warnings, err := o.takeListed(t.Context(), listing(tt.row), tt.consent, tt.orphan)
			expectProblem(t, err, tt.want)
			if !token.Secret.Equal(tt.secret) || token.PreviousHash != tt.previous || len(warnings) != tt.warnings || s.count("regenerate") != tt.regenerated || s.count("recover") != tt.used {
				t.Errorf("got %s, previous %q, %v after %v", token.Hash(), token.PreviousHash, warnings, s.calls)
			}
			if err == nil && (token.ClusterUUID != here || !token.CreatedAt.Equal(tt.row.CreatedAt)) {
				t.Errorf("of %q, made at %s", token.ClusterUUID, token.CreatedAt)
			}
		})
	}
}

// The credential is the operator token, and the reply to its regeneration is lost: its
// refusal proves that it was done.
func TestTakeListed_lost(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]Problem{"nothing else": ProblemLost, "the listener": 0} {
		s := &scripted{t: t, regenerate: func(influxdb3.Secret) (*influxdb3.Token, error) { return nil, unknown(influxdb3.Secret{}) }}
		s.find = func(credential influxdb3.Secret) (*influxdb3.Listing, error) {
			if credential.Equal(next) {
				return listing(row(next, noon)), nil
			}
			return nil, refusal()
		}
		if want == 0 {
			s.recovery = func() (*influxdb3.Token, error) {
				return &influxdb3.Token{Name: influxdb3.OperatorTokenName, Secret: next}, nil
			}
		}
		o := &Operator{Server: s, Credential: mine, Clock: &watch{now: noon}}
		token, _, err := o.takeListed(t.Context(), listing(row(mine, noon)), true, false)
		expectProblem(t, err, want)
		if token.Secret.Equal(next) != (want == 0) {
			t.Errorf("%s: got %s after %v", name, token.Hash(), s.calls)
		}
	}
}

// The listener of another server makes a token that this one does not have.
func TestEstablish_anotherServersListener(t *testing.T) {
	t.Parallel()
	s := &scripted{
		t: t, create: func() (*influxdb3.Token, error) {
			return nil, &influxdb3.Error{Kind: influxdb3.KindConflict, ClusterUUID: here}
		},
		recovery: func() (*influxdb3.Token, error) {
			return &influxdb3.Token{Name: influxdb3.OperatorTokenName, Secret: next}, nil
		},
		find: func(influxdb3.Secret) (*influxdb3.Listing, error) { return nil, refusal() },
	}
	token, _, err := (&Operator{Server: s, Clock: &watch{now: noon}}).Establish(t.Context(), true)
	expectProblem(t, err, ProblemElsewhere)
	if !token.Secret.Equal(next) || token.Status != StatusRejected {
		t.Errorf("got %s, %s", token.Hash(), token.Status)
	}
}

// A token that was taken as it is has everything that a listing tells of it.
func TestAdopted(t *testing.T) {
	t.Parallel()
	expires := noon.Add(time.Hour)
	r := row(mine, noon)
	r.ExpiresAt = &expires
	got := (&Operator{}).adopted(mine, &r, listing())
	if !got.Secret.Equal(mine) || got.Status != StatusActive || !got.CreatedAt.Equal(r.CreatedAt) || !got.RotatedAt.Equal(noon) || !got.ListedAt.Equal(noon) || got.ExpiresAt != &expires || got.ClusterUUID != here {
		t.Errorf("got %+v", got)
	}
	r.UpdatedAt = nil
	if got := (&Operator{}).adopted(mine, &r, listing()); !got.RotatedAt.Equal(r.CreatedAt) {
		t.Errorf("never regenerated, and rotated at %s", got.RotatedAt)
	}
}

func TestAdopt(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		credential influxdb3.Secret
		seen       *influxdb3.Listing
		failed     *influxdb3.Error
		want       Problem
	}{
		"it is":             {mine, listing(row(mine, noon)), nil, 0},
		"no credential":     {influxdb3.Secret{}, nil, nil, ProblemNoCredential},
		"refused":           {mine, nil, refusal(), ProblemNoCredential},
		"no answer":         {mine, nil, &influxdb3.Error{Kind: influxdb3.KindBusy}, ProblemUnavailable},
		"no operator token": {mine, listing(), nil, ProblemNoOperatorToken},
		"another one":       {mine, listing(row(other, noon)), nil, ProblemNotOperatorToken},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &scripted{t: t}
			if tt.seen != nil || tt.failed != nil {
				s.find = func(influxdb3.Secret) (*influxdb3.Listing, error) {
					if tt.failed != nil {
						return nil, tt.failed
					}
					return tt.seen, nil
				}
			}
			token, err := (&Operator{Server: s, Credential: tt.credential}).Adopt(t.Context())
			expectProblem(t, err, tt.want)
			if token.Secret.Equal(mine) != (tt.want == 0) {
				t.Errorf("took %s", token.Hash())
			}
		})
	}
}

// A creation, by what the configured token sees before and by the answers to it.
func TestEstablish_scripted(t *testing.T) {
	t.Parallel()
	type reply = func() (*influxdb3.Token, error)
	failing := func(failed *influxdb3.Error) reply {
		return func() (*influxdb3.Token, error) { return nil, failed }
	}
	made := func() (*influxdb3.Token, error) {
		token := minted201(next)
		token.CreatedAt = noon // just now
		return token, nil
	}
	busy := unknown(influxdb3.Secret{})
	busy.RetryAfter = 7 * time.Second
	long := unknown(influxdb3.Secret{})
	long.RetryAfter = maxRetryWait + 1
	most := unknown(influxdb3.Secret{})
	most.RetryAfter = maxRetryWait
	conflict := &influxdb3.Error{Kind: influxdb3.KindConflict, ClusterUUID: here}
	off := &influxdb3.Error{Kind: influxdb3.KindNotEnabled, ClusterUUID: here}
	for name, tt := range map[string]struct {
		seen    []*influxdb3.Listing // what the looks show, nil for 403
		replies []reply
		wake    error
		slept   time.Duration
		want    Problem
	}{
		"nothing asked":                {nil, []reply{made}, nil, 0, 0},
		"the credential may not list":  {[]*influxdb3.Listing{nil}, []reply{made}, nil, 0, 0},
		"asked to come back":           {nil, []reply{failing(busy), made}, nil, 7 * time.Second, 0},
		"asked to come back, at most":  {nil, []reply{failing(most), made}, nil, maxRetryWait, 0},
		"asked to come back too late":  {nil, []reply{failing(long), made}, nil, 0, 0},
		"interrupted meanwhile":        {nil, []reply{failing(busy)}, context.Canceled, 7 * time.Second, ProblemUnresolved},
		"not asked to wait":            {nil, []reply{failing(unknown(influxdb3.Secret{})), made}, context.Canceled, 0, 0},
		"absent, authentication off":   {[]*influxdb3.Listing{listing()}, []reply{failing(off)}, nil, 0, ProblemAuthenticationOff},
		"taken, and not listed":        {[]*influxdb3.Listing{listing(), listing()}, []reply{failing(conflict)}, nil, 0, ProblemUnresolved},
		"taken, no token to look with": {nil, []reply{failing(conflict)}, nil, 0, ProblemNoCredential},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, clock := &scripted{t: t}, &watch{now: noon, wake: tt.wake}
			s.create = func() (*influxdb3.Token, error) { return tt.replies[s.count("create")-1]() }
			o := &Operator{Server: s, Clock: clock}
			if tt.seen != nil {
				o.Credential = other
				s.find = func(influxdb3.Secret) (*influxdb3.Listing, error) {
					if seen := tt.seen[s.count("find")-1]; seen != nil {
						return seen, nil
					}
					return nil, &influxdb3.Error{Kind: influxdb3.KindForbidden}
				}
			}
			token, _, err := o.Establish(t.Context(), false)
			expectProblem(t, err, tt.want)
			if token.Secret.Equal(next) != (tt.want == 0) || s.count("create") != len(tt.replies) || s.count("find") != len(tt.seen) || clock.slept != tt.slept {
				t.Errorf("got %s after %v, slept %s", token.Hash(), s.calls, clock.slept)
			}
		})
	}
}

// Nothing begins on a context that has ended.
func TestInterruptedBefore(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s := &scripted{t: t}
	o := &Operator{Server: refusing{s}, Clock: &watch{}}
	_, _, err := o.Establish(ctx, true)
	expectProblem(t, err, ProblemInterrupted)
	_, _, err = o.Rotate(ctx, held())
	expectProblem(t, err, ProblemInterrupted)
	i := &Issuer{Server: refusing{s}, Clock: &watch{}}
	_, _, err = i.Issue(ctx, "ci-1", true, func(context.Context) (*influxdb3.Token, error) {
		t.Error("it was created")
		return nil, refusal()
	})
	expectProblem(t, err, ProblemInterrupted)
	expectProblem(t, i.Revoke(ctx, Issued{Name: "ci-1"}), ProblemInterrupted)
}

// refusing is a server that does not look at the context.
type refusing struct{ *scripted }

func (r refusing) FindToken(context.Context, influxdb3.Secret, string, string) (*influxdb3.Listing, error) {
	r.t.Error("it was looked for")
	return nil, refusal()
}

func (r refusing) CreateOperatorToken(context.Context) (*influxdb3.Token, error) {
	r.t.Error("it was created")
	return nil, refusal()
}

func (r refusing) RegenerateOperatorToken(context.Context, influxdb3.Secret) (*influxdb3.Token, error) {
	r.t.Error("it was regenerated")
	return nil, refusal()
}

// Before anything else is used, a rotation asks whether it may be.
func TestRotate_scripted(t *testing.T) {
	t.Parallel()
	type reply = func() (*influxdb3.Token, error)
	failing := func(failed *influxdb3.Error) reply {
		return func() (*influxdb3.Token, error) { return nil, failed }
	}
	made := func() (*influxdb3.Token, error) { return minted201(next), nil }
	busy := unknown(influxdb3.Secret{})
	busy.RetryAfter = 7 * time.Second
	most := unknown(influxdb3.Secret{})
	most.RetryAfter = maxRetryWait
	forbidden := &influxdb3.Error{Kind: influxdb3.KindForbidden, ClusterUUID: here, Date: noon}
	past, later := noon, noon.Add(1)
	all := []string{"regenerate", "find", "regenerate", "recover", "find"}
	for name, tt := range map[string]struct {
		replies    []reply
		credential influxdb3.Secret
		expires    *time.Time
		listable   bool // the credentials can list, and the server shows the token in state
		down       bool
		calls      []string
		want       Problem
	}{
		"refused by all, the listener": {[]reply{failing(refusal()), failing(refusal())}, other, nil, true, false, all, 0},
		"it may not, nor the other":    {[]reply{failing(forbidden), failing(forbidden)}, other, nil, true, false, []string{"regenerate", "find", "regenerate"}, ProblemForbidden},
		"no other":                     {[]reply{failing(refusal())}, influxdb3.Secret{}, nil, true, false, []string{"regenerate", "recover", "find"}, 0},
		"the same":                     {[]reply{failing(refusal())}, mine, nil, true, false, []string{"regenerate", "recover", "find"}, 0},
		"the other is refused":         {[]reply{failing(refusal())}, other, nil, false, false, []string{"regenerate", "find", "recover", "find"}, 0},
		"the other finds authentication off": {[]reply{failing(refusal()), failing(&influxdb3.Error{Kind: influxdb3.KindNotEnabled, ClusterUUID: here})},
			other, nil, true, false, []string{"regenerate", "find", "regenerate"}, ProblemAuthenticationOff},
		"its time is over":            {[]reply{failing(refusal())}, other, &past, true, false, []string{"regenerate"}, ProblemExpired},
		"its time is not over":        {[]reply{failing(refusal()), made}, other, &later, true, false, []string{"regenerate", "find", "regenerate"}, 0},
		"asked to come back":          {[]reply{failing(busy), made}, influxdb3.Secret{}, nil, true, false, []string{"regenerate", "find", "find", "find", "find", "regenerate"}, 0},
		"asked to come back, at most": {[]reply{failing(most), made}, influxdb3.Secret{}, nil, true, false, []string{"regenerate", "find", "find", "find", "find", "regenerate"}, 0},
		"asked to come back twice": {
			[]reply{failing(busy), failing(busy)}, influxdb3.Secret{}, nil, true, false,
			[]string{"regenerate", "find", "find", "find", "find", "regenerate", "find", "find", "find", "find"}, ProblemNotDone,
		},
		"asked to come back, and nobody can tell": {[]reply{failing(busy)}, influxdb3.Secret{}, nil, true, true, []string{"regenerate", "find"}, ProblemUnresolved},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &scripted{t: t}
			s.regenerate = func(influxdb3.Secret) (*influxdb3.Token, error) { return tt.replies[s.count("regenerate")-1]() }
			s.recovery = func() (*influxdb3.Token, error) { return minted201(next), nil }
			s.find = func(credential influxdb3.Secret) (*influxdb3.Listing, error) {
				switch {
				case credential.Equal(next):
					return listing(row(next, noon)), nil
				case tt.down:
					return nil, &influxdb3.Error{Kind: influxdb3.KindUnexpected}
				case tt.listable:
					return listing(row(mine, noon.Add(-time.Hour))), nil
				}
				return nil, refusal()
			}
			prior := held()
			prior.Identity, prior.ExpiresAt = cluster, tt.expires
			if tt.replies[0] != nil && len(tt.calls) > 3 && tt.calls[3] == "find" {
				prior.Identity = core // which settles within a few looks
			}
			token, _, err := (&Operator{Server: s, Credential: tt.credential, Clock: &watch{now: noon}}).Rotate(t.Context(), prior)
			expectProblem(t, err, tt.want)
			if !slices.Equal(s.calls, tt.calls) || token.Secret.IsEmpty() == (tt.want == 0) {
				t.Errorf("got %s after %v", token.Hash(), s.calls)
			}
		})
	}
}

// The configured token is asked what the server is before it regenerates: on one node
// what it makes is looked at.
func TestRotate_learnsFirst(t *testing.T) {
	t.Parallel()
	s := &scripted{t: t}
	s.regenerate = func(credential influxdb3.Secret) (*influxdb3.Token, error) {
		if credential.Equal(mine) {
			return nil, refusal()
		}
		return minted201(next), nil
	}
	s.find = func(influxdb3.Secret) (*influxdb3.Listing, error) {
		return listing(row(influxdb3.NewSecret("apiv3_current"), noon)), nil
	}
	s.ping = func() (*influxdb3.ServerInfo, error) {
		return &influxdb3.ServerInfo{Build: "Core", Version: "3.10.1", ClusterUUID: here}, nil
	}
	prior := held()
	prior.Identity = Identity{ClusterUUID: here}
	token, _, err := (&Operator{Server: s, Credential: other, Clock: &watch{now: noon}}).Rotate(t.Context(), prior)
	if want := []string{"regenerate", "find", "ping", "regenerate", "find"}; err != nil || token.Identity != core || !slices.Equal(s.calls, want) {
		t.Errorf("%+v, %v after %v", token.Identity, err, s.calls)
	}
}

// What has expired is not regenerated, and the plan says so.
func TestForesee_expired(t *testing.T) {
	t.Parallel()
	over := row(mine, noon.Add(-time.Hour))
	over.ExpiresAt = &noon
	s := &scripted{t: t, find: func(influxdb3.Secret) (*influxdb3.Listing, error) { return listing(over), nil }}
	_, err := (&Operator{Server: s, Credential: other}).Foresee(t.Context(), true)
	expectProblem(t, err, ProblemExpired)
	// The server accepts the very token: the time is a proxy's.
	_, err = (&Operator{Server: s, Credential: mine}).Foresee(t.Context(), false)
	expectProblem(t, err, 0)
}

// A server that lists no operator token has none to be foreseen.
func TestForesee_none(t *testing.T) {
	t.Parallel()
	s := &scripted{t: t, find: func(influxdb3.Secret) (*influxdb3.Listing, error) { return listing(), nil }}
	if seen, err := (&Operator{Server: s, Credential: other}).Foresee(t.Context(), true); err != nil || seen != (Foresight{}) {
		t.Errorf("%+v, %v", seen, err)
	}
}

// What was handed over goes back as it is, unless the server that answers has no use
// for it.
func TestResume_scripted(t *testing.T) {
	t.Parallel()
	over := noon.Add(-time.Second)
	down := &influxdb3.Error{Kind: influxdb3.KindUnexpected, ClusterUUID: here}
	strange := &influxdb3.Error{Kind: influxdb3.KindUnauthorized, Status: 401, ClusterUUID: elsewhere}
	taken := &influxdb3.Error{Kind: influxdb3.KindConflict, Recorded: true}
	cut := &influxdb3.Error{Kind: influxdb3.KindOutcomeUnknown, Partial: next, ClusterUUID: "third", Err: doubt("cached")}
	for name, tt := range map[string]struct {
		status  Status
		expires *time.Time
		rotate  bool
		failed  *influxdb3.Error // of every look and regeneration
		created *influxdb3.Error // nil: with a token
		creates int
		secret  influxdb3.Secret
		becomes Status
		want    Problem
	}{
		"nobody answers":                {StatusActive, nil, false, down, nil, 0, mine, StatusActive, ProblemUnavailable},
		"its time is over":              {StatusActive, &over, false, refusal(), nil, 0, mine, StatusExpired, ProblemExpired},
		"expired, at a new server":      {StatusExpired, &over, false, strange, nil, 1, next, StatusActive, 0},
		"of another server":             {StatusActive, nil, false, strange, taken, 1, mine, StatusActive, ProblemNoCredential},
		"of another server, rotated":    {StatusActive, nil, true, strange, taken, 1, mine, StatusActive, ProblemNoCredential},
		"refused":                       {StatusActive, nil, false, refusal(), taken, 1, mine, StatusRejected, ProblemNoCredential},
		"refused, rotated":              {StatusActive, nil, true, refusal(), taken, 1, mine, StatusRejected, ProblemNoCredential},
		"at another, which is cut":      {StatusActive, nil, false, strange, cut, 1, next, StatusActive, ProblemUnverified},
		"forbidden, and it stays there": {StatusActive, nil, true, &influxdb3.Error{Kind: influxdb3.KindForbidden, ClusterUUID: here}, nil, 0, influxdb3.Secret{}, "", ProblemForbidden},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &scripted{t: t}
			s.find = func(influxdb3.Secret) (*influxdb3.Listing, error) { return nil, tt.failed }
			s.regenerate = func(influxdb3.Secret) (*influxdb3.Token, error) { return nil, tt.failed }
			s.create = func() (*influxdb3.Token, error) {
				if tt.created != nil {
					return nil, tt.created
				}
				token := minted201(next)
				token.ClusterUUID, token.CreatedAt = elsewhere, noon
				return token, nil
			}
			handed := held()
			handed.Status, handed.ExpiresAt = tt.status, tt.expires
			token, _, err := (&Operator{Server: s, Clock: &watch{now: noon}}).Resume(t.Context(), handed, tt.rotate, false)
			expectProblem(t, err, tt.want)
			if !token.Secret.Equal(tt.secret) || token.Status != tt.becomes || s.count("create") != tt.creates {
				t.Errorf("got %s, %s after %v", token.Hash(), token.Status, s.calls)
			}
		})
	}
}
