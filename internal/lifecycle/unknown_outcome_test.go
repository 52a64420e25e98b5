package lifecycle

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3"
)

// sees answers with what the credential of a hash is to see. The server refuses every
// other one.
func sees(byHash map[string]*influxdb3.Listing) func(influxdb3.Secret) (*influxdb3.Listing, error) {
	return func(credential influxdb3.Secret) (*influxdb3.Listing, error) {
		if seen := byHash[credential.Hash()]; seen != nil {
			return seen, nil
		}
		return nil, refusal()
	}
}

// How long a change that is not to be seen is waited for. The server's date stands
// still, so that the own clock has to end it.
func TestSettled(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		known  Identity
		after  time.Duration
		build  string // as the server says it
		want   bool
		pinged int
	}{
		"too early":             {core, settleInterval - 1, "", false, 0},
		"one node":              {core, settleInterval, "", true, 0},
		"a cluster":             {cluster, syncInterval - 1, "", false, 0},
		"a cluster, at last":    {cluster, syncInterval, "", true, 0},
		"learned: one node":     {Identity{}, settleInterval, "Core", true, 1},
		"learned: a cluster":    {Identity{}, settleInterval, "Enterprise", false, 1},
		"nobody says":           {Identity{}, settleInterval, "", false, 1},
		"nobody says, for long": {Identity{}, syncInterval, "", true, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &scripted{t: t}
			if tt.build != "" {
				s.ping = func() (*influxdb3.ServerInfo, error) {
					return &influxdb3.ServerInfo{Build: tt.build, Version: "3.10.1"}, nil
				}
			}
			if got := settled(t.Context(), s, tt.known, mine, tt.after); got != tt.want || s.count("ping") != tt.pinged {
				t.Errorf("got %t after %v", got, s.calls)
			}
		})
	}
}

func TestLook(t *testing.T) {
	t.Parallel()
	const baseline = "abcdef012"
	before := row(other, noon.Add(-2*time.Hour))
	before.Hash = baseline
	young := func(p *OperatorToken) { p.Identity, p.RotatedAt = cluster, noon.Add(-time.Second) }
	for name, tt := range map[string]struct {
		seen   map[string]*influxdb3.Listing
		change func(*OperatorToken)
		wake   error
		slept  time.Duration
		hash   string
		want   Problem
	}{
		"not done, one node":    {map[string]*influxdb3.Listing{mine.Hash(): listing(before)}, func(*OperatorToken) {}, nil, settleInterval, baseline, 0},
		"not done, a cluster":   {map[string]*influxdb3.Listing{mine.Hash(): listing(before)}, func(p *OperatorToken) { p.Identity = cluster }, nil, syncInterval, baseline, 0},
		"an older one":          {map[string]*influxdb3.Listing{mine.Hash(): listing(row(other, noon.Add(-2*time.Hour)))}, func(p *OperatorToken) { p.Identity = cluster }, nil, syncInterval, other.Hash(), 0},
		"the refused one":       {map[string]*influxdb3.Listing{mine.Hash(): listing(row(mine, noon))}, func(p *OperatorToken) { p.Identity = cluster }, nil, syncInterval, mine.Hash(), 0},
		"done":                  {map[string]*influxdb3.Listing{mine.Hash(): listing(row(other, noon))}, func(p *OperatorToken) { p.Identity = cluster }, nil, 0, other.Hash(), 0},
		"refused":               {nil, func(p *OperatorToken) { p.Identity = cluster }, nil, 0, "", 0},
		"refused, one node":     {nil, func(p *OperatorToken) { young(p); p.Identity = core }, nil, 0, "", 0},
		"refused, just made":    {nil, young, nil, syncInterval, "", 0},
		"interrupted":           {nil, young, context.Canceled, syncPoll, "", 0},
		"another cluster's":     {map[string]*influxdb3.Listing{mine.Hash(): {Tokens: []influxdb3.TokenInfo{before}, ClusterUUID: elsewhere}}, func(*OperatorToken) {}, nil, 0, "", ProblemWrongServer},
		"no operator token":     {map[string]*influxdb3.Listing{mine.Hash(): listing()}, func(*OperatorToken) {}, nil, 0, "", ProblemNoOperatorToken},
		"the configured one is": {map[string]*influxdb3.Listing{other.Hash(): listing(row(other, noon))}, func(*OperatorToken) {}, nil, 0, other.Hash(), 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			prior, clock := held(), &watch{now: noon, wake: tt.wake}
			tt.change(&prior)
			o := &Operator{Server: &scripted{t: t, find: sees(tt.seen)}, Credential: other, Clock: clock}
			seen, err := o.look(t.Context(), influxdb3.Secret{}, baseline, prior)
			if tt.wake != nil {
				if !errors.Is(err, tt.wake) {
					t.Errorf("got %v", err)
				}
			} else {
				expectProblem(t, err, tt.want)
			}
			if seen.hash != tt.hash || clock.slept < tt.slept || clock.slept >= tt.slept+syncPoll {
				t.Errorf("saw %q after %s", seen.hash, clock.slept)
			}
			if own := seen.token != nil; own != (name == "the configured one is") {
				t.Errorf("a secret was found: %t", own)
			}
		})
	}
}

// A token in the cut reply to a creation counts if it is the operator token of the
// server that sent the reply. What the server itself refuses is none.
func TestSalvage(t *testing.T) {
	t.Parallel()
	look := &influxdb3.Error{Kind: influxdb3.KindUnexpected, Op: "look"}
	for name, tt := range map[string]struct {
		failed  *influxdb3.Error
		listing *influxdb3.Listing
		refused *influxdb3.Error
		kept    bool
		warned  int
		cluster string
		want    Problem
	}{
		"the operator token":           {unknown(next), listing(row(next, noon)), nil, true, 0, here, 0},
		"accepted, and not that token": {unknown(next), listing(row(other, noon)), nil, false, 0, "", 0},
		"refused by its server":        {unknown(next), nil, refusal(), false, 0, "", 0},
		"refused by another server":    {unknown(next), nil, &influxdb3.Error{Kind: influxdb3.KindUnauthorized, ClusterUUID: elsewhere}, true, 1, here, 0},
		"listed by another server":     {unknown(next), &influxdb3.Listing{ClusterUUID: elsewhere, Tokens: []influxdb3.TokenInfo{row(next, noon)}}, nil, true, 1, here, 0},
		"refused by whom":              {unknown(next), nil, &influxdb3.Error{Kind: influxdb3.KindUnauthorized, Recorded: true}, true, 1, here, 0},
		"before 3.7, refused": {&influxdb3.Error{Kind: influxdb3.KindOutcomeUnknown, Partial: next, Date: noon}, nil,
			&influxdb3.Error{Kind: influxdb3.KindUnauthorized, Recorded: true}, true, 1, "", 0},
		"nobody answers":    {unknown(next), nil, look, true, 1, here, 0},
		"nothing in it":     {unknown(influxdb3.Secret{}), nil, nil, false, 0, "", 0},
		"doubted, no look":  {&influxdb3.Error{Kind: influxdb3.KindOutcomeUnknown, Partial: next, Date: noon, ClusterUUID: here, Err: doubt("cached")}, nil, look, true, 0, here, ProblemUnverified},
		"doubted, in hand":  {&influxdb3.Error{Kind: influxdb3.KindOutcomeUnknown, Partial: next, Date: noon, Err: doubt("cached")}, nil, &influxdb3.Error{Kind: influxdb3.KindUnauthorized, Recorded: true}, true, 0, "", ProblemUnverified},
		"without a date":    {&influxdb3.Error{Kind: influxdb3.KindOutcomeUnknown, Partial: next, ClusterUUID: here}, nil, look, true, 1, here, 0},
		"doubted, and good": {&influxdb3.Error{Kind: influxdb3.KindOutcomeUnknown, Partial: next, Date: noon, ClusterUUID: here, Err: doubt("cached")}, listing(row(next, noon)), nil, true, 0, here, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &scripted{t: t}
			if tt.listing != nil || tt.refused != nil {
				s.find = func(influxdb3.Secret) (*influxdb3.Listing, error) {
					if tt.refused != nil {
						return nil, tt.refused
					}
					return tt.listing, nil
				}
			}
			made := tt.failed.Date
			if made.IsZero() {
				made = noon.Add(time.Hour)
			}
			token, warnings, err := (&Operator{Server: s, Clock: &watch{now: noon.Add(time.Hour)}}).salvage(t.Context(), tt.failed)
			expectProblem(t, err, tt.want)
			if token.Secret.Equal(next) != tt.kept || len(warnings) != tt.warned || token.ClusterUUID != tt.cluster || tt.kept && token.RotatedAt.Sub(made).Abs() > settleInterval+syncPoll {
				t.Errorf("kept %s of %q, made %s, %v", token.Hash(), token.ClusterUUID, token.RotatedAt, warnings)
			}
			if tt.want != 0 && !errors.Is(err, tt.refused) {
				t.Errorf("the failed look is not in %v", err)
			}
		})
	}
}

// A token in hand takes the place of the one in state unless it is known to be dead, and
// whoever can tell is asked again.
func TestRotate_inHand(t *testing.T) {
	t.Parallel()
	type look struct {
		seen   *influxdb3.Listing
		failed *influxdb3.Error
	}
	before, made := look{seen: listing(row(mine, noon.Add(-time.Hour)))}, look{seen: listing(row(next, noon))}
	another := look{seen: &influxdb3.Listing{Tokens: made.seen.Tokens, ClusterUUID: elsewhere}}
	refused, somebody := look{failed: refusal()}, look{failed: &influxdb3.Error{Kind: influxdb3.KindForbidden}}
	down, busy := look{failed: &influxdb3.Error{Kind: influxdb3.KindUnexpected}}, look{failed: &influxdb3.Error{Kind: influxdb3.KindBusy}}
	for name, tt := range map[string]struct {
		known  Identity
		looks  []look // with the token in hand, then with the one in state, and again; the last one for good
		kept   bool
		listed bool
		want   Problem
	}{
		"dead, and nobody answers":                    {core, []look{refused, down}, false, false, ProblemUnresolved},
		"not done, and nobody answers later":          {core, []look{somebody, before, somebody, down}, false, false, ProblemUnresolved},
		"not seen on a node, and nobody answers":      {cluster, []look{somebody, before, somebody, down}, true, false, 0},
		"not done, and the one in state refused then": {core, []look{somebody, before, somebody, refused}, false, false, ProblemLost},
		"another cluster answers for a moment":        {core, []look{another, made}, true, true, 0},
		"too many requests for a moment":              {core, []look{busy, made}, true, true, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &scripted{t: t, regenerate: func(influxdb3.Secret) (*influxdb3.Token, error) { return nil, unknown(next) }}
			s.find = func(influxdb3.Secret) (*influxdb3.Listing, error) {
				now := tt.looks[min(s.count("find"), len(tt.looks))-1]
				if now.failed != nil {
					return nil, now.failed
				}
				return now.seen, nil
			}
			prior := held()
			prior.Identity = tt.known
			token, _, err := (&Operator{Server: s, Clock: &watch{now: noon}}).Rotate(t.Context(), prior)
			expectProblem(t, err, tt.want)
			if token.Secret.Equal(next) != tt.kept || token.ListedAt.IsZero() == tt.listed {
				t.Errorf("kept %s after %v", token.Hash(), s.calls)
			}
		})
	}
}

// What is kept of a reply that does not name the cluster belongs to the one that is
// known, and is no success.
func TestKept_unnamed(t *testing.T) {
	t.Parallel()
	token, _, err := (&Operator{Clock: &watch{now: noon}}).kept(&influxdb3.Error{Partial: next}, held(), refusal())
	expectProblem(t, err, ProblemUnverified)
	if token.ClusterUUID != here || !token.ListedAt.IsZero() || !token.RotatedAt.Equal(noon) {
		t.Errorf("kept %+v", token)
	}
}

// A rotation whose reply is lost, and what becomes of the one that makes it good. The
// server has a token of somebody's by then.
func TestRotate_healing(t *testing.T) {
	t.Parallel()
	lost := listing(row(influxdb3.NewSecret("apiv3_lost"), noon))
	hash := lost.Tokens[0].Hash
	stale := listing(row(influxdb3.NewSecret("apiv3_old"), noon.Add(-2*time.Hour)))
	for name, tt := range map[string]struct {
		seen     *influxdb3.Listing
		heal     []func() (*influxdb3.Token, error) // the replies to what the configured token does
		then     *influxdb3.Listing                 // after the first of them
		recovery bool
		previous string
		want     Problem
	}{
		"done": {lost, []func() (*influxdb3.Token, error){func() (*influxdb3.Token, error) { return minted201(next), nil }}, lost, false, hash, 0},
		"cut behind its token": {
			lost, []func() (*influxdb3.Token, error){func() (*influxdb3.Token, error) { return nil, unknown(next) }}, listing(row(next, noon)), false, hash, 0,
		},
		"not done, then done": {
			lost, []func() (*influxdb3.Token, error){
				func() (*influxdb3.Token, error) { return nil, unknown(influxdb3.Secret{}) },
				func() (*influxdb3.Token, error) { return minted201(next), nil },
			}, lost, false, hash, 0,
		},
		"refused":               {lost, []func() (*influxdb3.Token, error){func() (*influxdb3.Token, error) { return nil, refusal() }}, lost, false, "", ProblemLost},
		"refused, the listener": {lost, []func() (*influxdb3.Token, error){func() (*influxdb3.Token, error) { return nil, refusal() }}, lost, true, mine.Hash(), 0},
		"refused, a node is behind": {
			stale, []func() (*influxdb3.Token, error){func() (*influxdb3.Token, error) { return nil, refusal() }}, stale, true, "", ProblemUnresolved,
		},
		"may not, a node is behind": {
			stale, []func() (*influxdb3.Token, error){
				func() (*influxdb3.Token, error) {
					return nil, &influxdb3.Error{Kind: influxdb3.KindForbidden, ClusterUUID: here}
				},
			}, stale, true, mine.Hash(), 0,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &scripted{t: t}
			healed := 0
			s.regenerate = func(credential influxdb3.Secret) (*influxdb3.Token, error) {
				if credential.Equal(mine) {
					return nil, unknown(influxdb3.Secret{})
				}
				healed++
				return tt.heal[healed-1]()
			}
			s.find = func(credential influxdb3.Secret) (*influxdb3.Listing, error) {
				switch {
				case credential.Equal(next) && s.count("recover") > 0:
					return listing(row(next, noon)), nil
				case !credential.Equal(other):
					return nil, refusal()
				case healed > 0:
					return tt.then, nil
				default:
					return tt.seen, nil
				}
			}
			if tt.recovery {
				s.recovery = func() (*influxdb3.Token, error) { return minted201(next), nil }
			}
			s.ping = func() (*influxdb3.ServerInfo, error) {
				return &influxdb3.ServerInfo{Build: "Enterprise", Version: "3.10.1", ClusterUUID: here}, nil
			}
			prior := held()
			prior.Identity = Identity{ClusterUUID: here}
			token, warnings, err := (&Operator{Server: s, Credential: other, Clock: &watch{now: noon}}).Rotate(t.Context(), prior)
			expectProblem(t, err, tt.want)
			if err == nil && (!token.Secret.Equal(next) || token.PreviousHash != tt.previous || len(warnings) != 1) {
				t.Errorf("got %s, previous %q, %v", token.Hash(), token.PreviousHash, warnings)
			}
			if err == nil && !tt.recovery && token.Identity != cluster {
				t.Errorf("nothing was learned of the server: %+v", token.Identity)
			}
			if tt.want == ProblemLost && !strings.Contains(err.Error(), "HTTP 401") {
				t.Errorf("the refusal of the healing is not in %v", err)
			}
		})
	}
}

// The recovery listener's own reply can be cut, too.
func TestRecover_partial(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		seen    *influxdb3.Listing
		failed  *influxdb3.Error
		made    influxdb3.Secret
		recover int
		want    Problem
	}{
		"good":              {listing(row(next, noon)), nil, next, 1, 0},
		"nobody answers":    {nil, &influxdb3.Error{Kind: influxdb3.KindUnexpected}, next, 1, ProblemUnverified},
		"refused by whom":   {nil, &influxdb3.Error{Kind: influxdb3.KindUnauthorized, Recorded: true}, next, 1, ProblemUnverified},
		"refused, for sure": {nil, refusal(), influxdb3.Secret{}, maxHeals, ProblemLost},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &scripted{t: t, regenerate: func(influxdb3.Secret) (*influxdb3.Token, error) { return nil, refusal() }}
			s.recovery = func() (*influxdb3.Token, error) {
				return nil, &influxdb3.Error{Kind: influxdb3.KindOutcomeUnknown, Partial: next, Date: noon}
			}
			s.find = func(influxdb3.Secret) (*influxdb3.Listing, error) {
				if tt.failed != nil {
					return nil, tt.failed
				}
				return tt.seen, nil
			}
			token, _, err := (&Operator{Server: s, Clock: &watch{now: noon}}).Rotate(t.Context(), held())
			expectProblem(t, err, tt.want)
			if !token.Secret.Equal(tt.made) || s.count("recover") != tt.recover || !token.Secret.IsEmpty() && token.PreviousHash != mine.Hash() {
				t.Errorf("got %s, previous %q, %v", token.Hash(), token.PreviousHash, s.calls)
			}
		})
	}
}

// What the recovery listener answers besides.
func TestRecover_scripted(t *testing.T) {
	t.Parallel()
	previous := held().PreviousHash
	for name, tt := range map[string]struct {
		token     *influxdb3.Token
		failed    *influxdb3.Error
		recovered int
		text      string
		want      Problem
	}{
		"made":                 {&influxdb3.Token{Secret: next}, nil, 1, "", 0},
		"the one in state":     {&influxdb3.Token{Secret: mine}, nil, maxHeals, "a token that nobody holds", ProblemLost},
		"out of a cache":       {&influxdb3.Token{Secret: next, Cached: true}, nil, 1, "", ProblemUnverified},
		"lost":                 {nil, unknown(influxdb3.Secret{}), maxHeals, "a token that nobody holds", ProblemLost},
		"closed":               {nil, &influxdb3.Error{Kind: influxdb3.KindNotSent}, 1, "was no help", ProblemAllRefused},
		"not that listener":    {nil, &influxdb3.Error{Kind: influxdb3.KindNotFound, Recorded: true}, 1, "was no help", ProblemAllRefused},
		"something on the way": {nil, &influxdb3.Error{Kind: influxdb3.KindNotFound}, maxHeals, "a token that nobody holds", ProblemLost},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &scripted{t: t}
			s.recovery = func() (*influxdb3.Token, error) {
				if tt.failed != nil {
					return nil, tt.failed
				}
				return tt.token, nil
			}
			finds := 0
			if tt.token != nil && !tt.token.Secret.Equal(mine) {
				finds = 1
				s.find = func(influxdb3.Secret) (*influxdb3.Listing, error) {
					return nil, &influxdb3.Error{Kind: influxdb3.KindUnexpected}
				}
			}
			o := &Operator{Server: s, Clock: &watch{now: noon}}
			token, _, err := o.recover(t.Context(), held(), &Error{Problem: ProblemAllRefused, Message: "refused"})
			expectProblem(t, err, tt.want)
			if err != nil && !strings.Contains(err.Error(), tt.text) || err == nil && token.PreviousHash != mine.Hash() || token.PreviousHash == previous {
				t.Errorf("previous %q, %v", token.PreviousHash, err)
			}
			if s.count("recover") != tt.recovered || s.count("find") != finds {
				t.Errorf("%v", s.calls)
			}
		})
	}
}

// Before 3.7 a refusal is not proven to be the server's: what is in hand is kept.
func TestRecover_inHand(t *testing.T) {
	t.Parallel()
	s := &scripted{t: t, find: func(influxdb3.Secret) (*influxdb3.Listing, error) {
		return nil, &influxdb3.Error{Kind: influxdb3.KindUnauthorized, Recorded: true}
	}}
	s.recovery = func() (*influxdb3.Token, error) {
		return nil, &influxdb3.Error{Kind: influxdb3.KindOutcomeUnknown, Partial: next}
	}
	prior := held()
	prior.Identity = Identity{}
	token, warnings, err := (&Operator{Server: s, Clock: &watch{now: noon}}).recover(t.Context(), prior, notOperatorToken())
	if err != nil || !token.Secret.Equal(next) || len(warnings) != 1 || s.count("recover") != 1 {
		t.Errorf("got %s, %v, %v after %v", token.Hash(), warnings, err, s.calls)
	}
}

// Each credential is asked once, and one that may not list is passed over.
func TestLookOnce_credentials(t *testing.T) {
	t.Parallel()
	forbidden := &influxdb3.Error{Kind: influxdb3.KindForbidden}
	for name, tt := range map[string]struct {
		partial, credential influxdb3.Secret
		forbidden           influxdb3.Secret
		finds               int
		want                Problem
	}{
		"the configured one is the same": {influxdb3.Secret{}, mine, influxdb3.Secret{}, 1, 0},
		"all three":                      {next, other, influxdb3.Secret{}, 3, 0},
		"the configured one may not":     {next, other, other, 3, 0},
		"the new one may not":            {next, other, next, 3, 0},
		"the one in state may not":       {next, other, mine, 2, ProblemUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &scripted{t: t, find: func(credential influxdb3.Secret) (*influxdb3.Listing, error) {
				if credential.Equal(tt.forbidden) {
					return nil, forbidden
				}
				return nil, refusal()
			}}
			o := &Operator{Server: s, Credential: tt.credential, Clock: &watch{now: noon}}
			_, err := o.lookOnce(t.Context(), tt.partial, "", held())
			expectProblem(t, err, tt.want)
			if s.count("find") != tt.finds {
				t.Errorf("%v", s.calls)
			}
		})
	}
}

// What is known of a server stays known of that server only.
func TestFound(t *testing.T) {
	t.Parallel()
	r := row(next, noon)
	for _, tt := range []struct {
		known Identity
		named string
		want  Identity
	}{
		{core, here, core},
		{core, "", core},
		{Identity{Build: "Core", Version: "3.7.0"}, here, Identity{ClusterUUID: here}}, // upgraded since
	} {
		prior := held()
		prior.Identity = tt.known
		seen := (&Operator{}).found(next, mine, &r, &influxdb3.Listing{ClusterUUID: tt.named}, prior)
		if seen.token.Identity != tt.want || !seen.token.Secret.Equal(next) || !seen.accepted.Equal(mine) || seen.hash != r.Hash {
			t.Errorf("got %+v of %+v, want %+v", seen, seen.token.Identity, tt.want)
		}
	}
}
