package lifecycle

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3"
)

// What the reply to a regeneration proves.
func TestBelieved(t *testing.T) {
	t.Parallel()
	const baseline = "abcdef012"
	previous := held()
	previous.PreviousHash = next.Hash()
	unlisted := held()
	unlisted.ListedAt = time.Time{}
	nothing := OperatorToken{}
	edge := noon.Add(-time.Hour - clockSlack)
	with := func(change func(*influxdb3.Token)) *influxdb3.Token {
		token := minted201(next)
		change(token)
		return token
	}
	for name, tt := range map[string]struct {
		token    *influxdb3.Token
		baseline string
		prior    OperatorToken
		believed bool
		partial  bool
	}{
		"new":                     {minted201(next), baseline, held(), true, false},
		"of the hash before":      {minted201(next), next.Hash(), held(), false, false},
		"the one in state":        {minted201(mine), baseline, held(), false, false},
		"the one before that":     {minted201(next), baseline, previous, false, false},
		"out of a cache":          {with(func(r *influxdb3.Token) { r.Cached = true }), baseline, held(), false, true},
		"of an older date":        {with(func(r *influxdb3.Token) { r.Date = edge.Add(-time.Second) }), baseline, held(), false, true},
		"older than its reply":    {with(func(r *influxdb3.Token) { r.Date = edge.Add(-time.Second) }), baseline, unlisted, false, true},
		"within what dates say":   {with(func(r *influxdb3.Token) { r.Date = edge }), baseline, held(), true, false},
		"without a date":          {with(func(r *influxdb3.Token) { r.Date = time.Time{} }), baseline, held(), true, false},
		"unnamed":                 {with(func(r *influxdb3.Token) { r.ClusterUUID = "" }), baseline, held(), false, true},
		"unnamed, of nobody":      {with(func(r *influxdb3.Token) { r.ClusterUUID = "" }), baseline, nothing, true, false},
		"of another cluster":      {with(func(r *influxdb3.Token) { r.ClusterUUID = elsewhere }), baseline, held(), true, false}, // minted tells
		"the first of its server": {minted201(next), "", nothing, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			token, failed := (&Operator{Server: &scripted{t: t}}).believed(t.Context(), tt.token, nil, tt.baseline, tt.prior)
			if (token != nil) != tt.believed || (failed == nil) != tt.believed {
				t.Fatalf("got %v, %v", token, failed)
			}
			if tt.believed {
				return
			}
			var why doubt
			if failed.Kind != influxdb3.KindOutcomeUnknown || !errors.As(failed, &why) || failed.Partial.IsEmpty() == tt.partial ||
				failed.ClusterUUID != tt.token.ClusterUUID || !failed.Date.Equal(tt.token.Date) {
				t.Errorf("got %+v", failed)
			}
		})
	}
	// A refresh may have shown a token that is younger than its reply said.
	listed := held()
	listed.RotatedAt = noon.Add(time.Hour)
	if token, _ := (&Operator{Server: &scripted{t: t}}).believed(t.Context(), minted201(next), nil, baseline, listed); token == nil {
		t.Error("rows come before the date of a reply")
	}
}

// What is kept of a token that was just made, and what is said of it.
func TestMinted(t *testing.T) {
	t.Parallel()
	over := noon
	with := func(change func(*influxdb3.Token)) *influxdb3.Token {
		token := minted201(next)
		change(token)
		return token
	}
	foreign := with(func(r *influxdb3.Token) { r.ForeignHash = true })
	finds := func(seen *influxdb3.Listing, failed *influxdb3.Error) func(influxdb3.Secret) (*influxdb3.Listing, error) {
		return func(influxdb3.Secret) (*influxdb3.Listing, error) {
			if failed != nil {
				return nil, failed
			}
			return seen, nil
		}
	}
	expect := func(change func(*OperatorToken)) OperatorToken {
		token := held()
		token.Secret, token.RotatedAt, token.ListedAt = next, noon, time.Time{}
		change(&token)
		return token
	}
	same := func(*OperatorToken) {}
	for name, tt := range map[string]struct {
		token *influxdb3.Token
		find  func(influxdb3.Secret) (*influxdb3.Listing, error)
		want  OperatorToken
		err   Problem
	}{
		"whole":              {minted201(next), nil, expect(same), 0},
		"without created_at": {with(func(r *influxdb3.Token) { r.CreatedAt = time.Time{} }), nil, expect(same), 0},
		"without a date": {with(func(r *influxdb3.Token) { r.Date = time.Time{} }), nil,
			expect(func(k *OperatorToken) { k.RotatedAt = noon.Add(time.Hour) }), 0},
		"of the listener": {with(func(r *influxdb3.Token) { r.ClusterUUID = "" }), nil, expect(same), 0},
		"of another cluster": {with(func(r *influxdb3.Token) { r.ClusterUUID = elsewhere }), nil,
			expect(func(k *OperatorToken) { k.ClusterUUID = elsewhere }), ProblemElsewhere},
		"expired": {with(func(r *influxdb3.Token) { r.ExpiresAt = &over }), nil,
			expect(func(k *OperatorToken) { k.Status, k.ExpiresAt = StatusExpired, &over }), ProblemExpired},
		"exchanged hash, won":          {foreign, finds(listing(row(next, noon)), nil), expect(same), 0},
		"exchanged hash, another row":  {foreign, finds(listing(row(other, noon)), nil), expect(same), ProblemRaced},
		"exchanged hash, no row":       {foreign, finds(listing(), nil), expect(same), ProblemRaced},
		"exchanged hash, refused":      {foreign, finds(nil, refusal()), expect(func(k *OperatorToken) { k.Status = StatusRejected }), ProblemRaced},
		"exchanged hash, no answer":    {foreign, finds(nil, &influxdb3.Error{Kind: influxdb3.KindUnexpected, ClusterUUID: here}), expect(same), ProblemRaced},
		"exchanged hash, some refusal": {foreign, finds(nil, &influxdb3.Error{Kind: influxdb3.KindUnauthorized, Recorded: true}), expect(same), ProblemRaced},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &scripted{t: t, find: tt.find}
			kept, warnings, err := (&Operator{Server: s, Clock: &watch{now: noon.Add(time.Hour)}}).minted(t.Context(), tt.token, held())
			expectProblem(t, err, tt.err)
			if !kept.Secret.Equal(tt.want.Secret) {
				t.Errorf("kept %s", kept.Hash())
			}
			kept.Secret, tt.want.Secret = influxdb3.Secret{}, influxdb3.Secret{}
			if !equal(kept, tt.want) || len(warnings) != 0 {
				t.Errorf("got %+v, want %+v", kept, tt.want)
			}
			if failed := asError(err); tt.err == ProblemRaced && tt.find != nil {
				if _, looked := tt.find(next); looked != nil && !errors.Is(failed, looked) {
					t.Errorf("the failed look is not in %v", err)
				}
			}
		})
	}
	unnamed := held()
	unnamed.Identity = Identity{}
	kept, _, err := (&Operator{Server: &scripted{t: t}, Clock: &watch{}}).minted(t.Context(), minted201(next), unnamed)
	if err != nil || kept.ClusterUUID != here {
		t.Errorf("the cluster is %q, %v", kept.ClusterUUID, err)
	}
}

// equal compares all but the secrets.
func equal(a, b OperatorToken) bool {
	return a.Identity == b.Identity && a.Status == b.Status && a.CreatedAt.Equal(b.CreatedAt) && a.RotatedAt.Equal(b.RotatedAt) &&
		a.ListedAt.Equal(b.ListedAt) && a.ExpiresAt == b.ExpiresAt && a.PreviousHash == b.PreviousHash
}

// A token that was made through the recovery listener is looked at: that may be another
// server's. A node that may be behind is given time.
func TestRefuses(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		known  Identity
		failed *influxdb3.Error
		knows  time.Duration // when the node learns of it, 0: never
		want   bool
		slept  time.Duration
	}{
		"refused":          {core, refusal(), 0, true, 0},
		"by whom?":         {core, &influxdb3.Error{Kind: influxdb3.KindUnauthorized, Recorded: true}, 0, false, 0},
		"another cluster":  {core, &influxdb3.Error{Kind: influxdb3.KindUnauthorized, Recorded: true, ClusterUUID: elsewhere}, 0, false, 0},
		"no answer":        {core, &influxdb3.Error{Kind: influxdb3.KindUnexpected, ClusterUUID: here}, 0, false, 0},
		"accepted":         {core, nil, 0, false, 0},
		"a node is behind": {cluster, refusal(), 10 * time.Second, false, 10 * time.Second},
		"for too long":     {cluster, refusal(), 0, true, syncInterval},
		"of how many?":     {Identity{ClusterUUID: here}, refusal(), 0, true, syncInterval},
		"of which server?": {Identity{}, refusal(), 0, true, syncInterval},
		"before 3.7, too":  {Identity{Build: "Core", Version: "3.4.0"}, &influxdb3.Error{Kind: influxdb3.KindUnauthorized, Recorded: true, Unnamed: true}, 0, true, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			clock := &watch{now: noon}
			s := &scripted{t: t, find: func(secret influxdb3.Secret) (*influxdb3.Listing, error) {
				if !secret.Equal(next) {
					t.Error("it was not asked with the new token")
				}
				if tt.failed != nil && (tt.knows == 0 || clock.slept < tt.knows) {
					return nil, tt.failed
				}
				return listing(row(next, noon)), nil
			}}
			prior := held()
			prior.Identity = tt.known
			o := &Operator{Server: s, Clock: clock}
			if got := o.refuses(t.Context(), next, prior); got != tt.want || clock.slept < tt.slept || clock.slept > tt.slept+syncPoll {
				t.Errorf("got %t after %v and %s", got, s.calls, clock.slept)
			}
		})
	}
}

// Who is interrupted while a node may be behind has seen nothing but refusals.
func TestRefuses_interrupted(t *testing.T) {
	t.Parallel()
	s := &scripted{t: t, find: func(influxdb3.Secret) (*influxdb3.Listing, error) { return nil, refusal() }}
	clock := &watch{now: noon, wake: context.Canceled}
	prior := held()
	prior.Identity = cluster
	if !(&Operator{Server: s, Clock: clock}).refuses(t.Context(), next, prior) || s.count("find") != 1 {
		t.Errorf("%v", s.calls)
	}
}

// The look at it happens after another credential only: the operator token is
// refused itself when its request is repeated.
func TestRotate_looksAfterAnotherCredential(t *testing.T) {
	t.Parallel()
	refused := func(influxdb3.Secret) (*influxdb3.Token, error) { return nil, refusal() }
	for name, tt := range map[string]struct {
		regenerate func(influxdb3.Secret) (*influxdb3.Token, error)
		recovery   bool
		known      Identity
		refuses    bool
		finds      int
		want       Problem
		status     Status
	}{
		"itself":                          {func(influxdb3.Secret) (*influxdb3.Token, error) { return minted201(next), nil }, false, core, true, 0, 0, StatusActive},
		"the listener, refused":           {refused, true, core, true, 1, ProblemElsewhere, StatusRejected},
		"the listener, accepted":          {refused, true, core, false, 1, 0, StatusActive},
		"the listener, refused by a node": {refused, true, cluster, true, 17, ProblemElsewhere, StatusRejected},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &scripted{t: t, regenerate: tt.regenerate}
			s.find = func(influxdb3.Secret) (*influxdb3.Listing, error) {
				if tt.refuses {
					return nil, refusal()
				}
				return listing(row(next, noon)), nil
			}
			if tt.recovery {
				s.recovery = func() (*influxdb3.Token, error) {
					token := minted201(next)
					token.ClusterUUID = ""
					return token, nil
				}
			}
			prior := held()
			prior.Identity = tt.known
			token, warnings, err := (&Operator{Server: s, Clock: &watch{now: noon}}).Rotate(t.Context(), prior)
			expectProblem(t, err, tt.want)
			if !token.Secret.Equal(next) || token.Status != tt.status || s.count("find") != tt.finds || token.PreviousHash != mine.Hash() {
				t.Errorf("%s, previous %q, %v", token.Status, token.PreviousHash, s.calls)
			}
			if (len(warnings) == 1) != (tt.recovery && err == nil) {
				t.Errorf("warnings: %v", warnings)
			}
		})
	}
}

// What the configured token must see before it regenerates anything.
func TestBaseline(t *testing.T) {
	t.Parallel()
	over, later := noon, noon.Add(1)
	changed := func(change func(*influxdb3.Listing)) *influxdb3.Listing {
		seen := listing(row(next, noon))
		change(seen)
		return seen
	}
	for name, tt := range map[string]struct {
		seen   *influxdb3.Listing
		failed *influxdb3.Error
		hash   string
		want   Problem
	}{
		"its own server":     {listing(row(next, noon)), nil, next.Hash(), 0},
		"another cluster":    {changed(func(l *influxdb3.Listing) { l.ClusterUUID = elsewhere }), nil, "", ProblemWrongServer},
		"another server":     {changed(func(l *influxdb3.Listing) { l.Tokens[0].CreatedAt = noon }), nil, "", ProblemWrongServer},
		"none there":         {listing(), nil, "", ProblemNoOperatorToken},
		"expired":            {changed(func(l *influxdb3.Listing) { l.Tokens[0].ExpiresAt = &over }), nil, "", ProblemExpired},
		"not expired yet":    {changed(func(l *influxdb3.Listing) { l.Tokens[0].ExpiresAt = &later }), nil, next.Hash(), 0},
		"refused":            {nil, refusal(), "", 0},
		"it may not list":    {nil, &influxdb3.Error{Kind: influxdb3.KindForbidden}, "", 0},
		"refused by whom":    {nil, &influxdb3.Error{Kind: influxdb3.KindUnauthorized, Recorded: true}, "", ProblemUnavailable},
		"refused elsewhere":  {nil, &influxdb3.Error{Kind: influxdb3.KindUnauthorized, ClusterUUID: elsewhere}, "", ProblemWrongServer},
		"something else now": {nil, &influxdb3.Error{Kind: influxdb3.KindUnexpected}, "", ProblemUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &scripted{t: t, find: func(influxdb3.Secret) (*influxdb3.Listing, error) {
				if tt.failed != nil {
					return nil, tt.failed
				}
				return tt.seen, nil
			}}
			s.regenerate = func(credential influxdb3.Secret) (*influxdb3.Token, error) {
				if credential.Equal(mine) {
					return nil, refusal()
				}
				return minted201(other), nil
			}
			prior := held()
			prior.Identity = cluster // so that nothing is looked at afterwards
			o := &Operator{Server: s, Credential: other, Clock: &watch{now: noon}}
			hash, _, err := o.baseline(t.Context(), prior)
			expectProblem(t, err, tt.want)
			if hash != tt.hash {
				t.Errorf("got %q", hash)
			}
			_, _, err = o.Rotate(t.Context(), prior)
			want, regenerated := tt.want, 1
			switch {
			case tt.hash != "":
				regenerated = 2
			case want == 0:
				want = ProblemAllRefused
			case want == ProblemUnavailable, want == ProblemNoOperatorToken:
				want = ProblemUnresolved // the refusal may be that of a request that was sent twice
			}
			if tt.hash == "" {
				expectProblem(t, err, want)
			}
			if n := s.count("regenerate"); n != regenerated {
				t.Errorf("%d regenerations", n)
			}
		})
	}
}

// An interruption does not cut off the look at a token that is there already.
func TestRotate_interruptedBeforeTheLook(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	s := &scripted{t: t, find: func(influxdb3.Secret) (*influxdb3.Listing, error) { return listing(row(next, noon)), nil }}
	s.regenerate = func(influxdb3.Secret) (*influxdb3.Token, error) {
		cancel()
		token := minted201(next)
		token.ForeignHash = true
		return token, nil
	}
	token, _, err := (&Operator{Server: s, Clock: &watch{now: noon}}).Rotate(ctx, held())
	if err != nil || !token.Secret.Equal(next) {
		t.Errorf("got %s, %v", token.Hash(), err)
	}
}

func TestSameServer(t *testing.T) {
	t.Parallel()
	made := noon.Add(-24 * time.Hour)
	for name, tt := range map[string]struct {
		known, names   string
		created, shown time.Time
		want           Problem
	}{
		"the same":           {here, here, made, made, 0},
		"another cluster":    {here, elsewhere, made, made, ProblemWrongServer},
		"not named":          {here, "", made, made, 0},
		"upgraded since":     {"", here, made, made, 0},
		"another beginning":  {here, here, made, noon, ProblemWrongServer},
		"beginning unknown":  {here, here, time.Time{}, noon, 0},
		"neither, and other": {"", "", made, noon, ProblemWrongServer},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			token := OperatorToken{Identity: Identity{ClusterUUID: tt.known}, CreatedAt: tt.created}
			seen := &influxdb3.Listing{ClusterUUID: tt.names, Tokens: []influxdb3.TokenInfo{{Name: influxdb3.OperatorTokenName, CreatedAt: tt.shown}}}
			if err := token.sameServer(seen); err != nil || tt.want != 0 {
				expectProblem(t, err, tt.want)
			}
		})
	}
}
