package lifecycle

import (
	"errors"
	"testing"
	"time"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3"
)

// unreadable is held as it is kept where nobody can decrypt it.
func unreadable() OperatorToken {
	token := held()
	token.Unreadable, token.Secret = token.Hash(), influxdb3.Secret{}
	return token
}

func TestInspect_unreadable(t *testing.T) {
	t.Parallel()
	ended := noon.Add(-time.Second)
	expired := row(mine, noon.Add(-time.Hour))
	expired.ExpiresAt = &ended
	another := row(next, noon)
	another.CreatedAt = another.CreatedAt.Add(time.Minute)
	for name, tt := range map[string]struct {
		credential influxdb3.Secret
		rows       []influxdb3.TokenInfo
		failed     *influxdb3.Error
		recovery   bool
		status     Status
		fallback   Fallback
		hash       string
		takenOver  bool
		unseen     bool
		problem    Problem
	}{
		"the server has it":          {credential: other, rows: []influxdb3.TokenInfo{row(mine, noon.Add(-time.Hour)), {Name: "terraform", Hash: other.Hash()}}, status: StatusActive, fallback: FallbackActive, hash: mine.Hash()},
		"it is the credential":       {credential: mine, rows: []influxdb3.TokenInfo{row(mine, noon.Add(-time.Hour))}, status: StatusActive, fallback: FallbackSame, hash: mine.Hash()},
		"somebody has regenerated":   {credential: other, rows: []influxdb3.TokenInfo{row(next, noon), {Name: "terraform", Hash: other.Hash()}}, status: StatusRejected, fallback: FallbackActive, hash: mine.Hash()},
		"and has told the provider":  {credential: next, rows: []influxdb3.TokenInfo{row(next, noon)}, status: StatusActive, fallback: FallbackSame, hash: next.Hash(), takenOver: true},
		"it has expired":             {credential: other, rows: []influxdb3.TokenInfo{expired}, status: StatusExpired, fallback: FallbackRefused, hash: mine.Hash()},
		"no credential":              {status: StatusActive, fallback: FallbackNone, hash: mine.Hash(), unseen: true},
		"the listener alone":         {recovery: true, status: StatusActive, fallback: FallbackRecovery, hash: mine.Hash(), unseen: true},
		"a credential that is dead":  {credential: other, failed: refusal(), status: StatusActive, fallback: FallbackRefused, hash: mine.Hash(), unseen: true},
		"one that may not list":      {credential: other, failed: &influxdb3.Error{Kind: influxdb3.KindForbidden, Status: 403, ClusterUUID: here}, status: StatusActive, fallback: FallbackRefused, hash: mine.Hash(), unseen: true},
		"nobody answers":             {credential: other, failed: &influxdb3.Error{Kind: influxdb3.KindUnexpected}, problem: ProblemUnavailable},
		"the server lists no such":   {credential: other, rows: []influxdb3.TokenInfo{{Name: "terraform", Hash: other.Hash()}}, problem: ProblemNoOperatorToken},
		"another server's":           {credential: next, rows: []influxdb3.TokenInfo{another}, problem: ProblemWrongServer},
		"refused by another cluster": {credential: other, failed: &influxdb3.Error{Kind: influxdb3.KindUnauthorized, Status: 401, ClusterUUID: elsewhere, Recorded: true}, problem: ProblemWrongServer},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &scripted{t: t, find: func(influxdb3.Secret) (*influxdb3.Listing, error) {
				if tt.failed != nil {
					return nil, tt.failed
				}
				return listing(tt.rows...), nil
			}}
			if tt.recovery {
				s.recovery = func() (*influxdb3.Token, error) { return nil, errors.New("not now") }
			}
			o := &Operator{Server: s, Credential: tt.credential, Clock: &watch{now: noon}}
			seen, err := o.Inspect(t.Context(), unreadable(), 0)
			expectProblem(t, err, tt.problem)
			if err != nil {
				if seen.Token.Hash() != mine.Hash() {
					t.Errorf("what was known is lost: %+v", seen.Token)
				}
				return
			}
			if seen.Token.Status != tt.status || seen.Fallback != tt.fallback || seen.Token.Hash() != tt.hash || seen.TakenOver != tt.takenOver || seen.Unseen != tt.unseen {
				t.Errorf("got %s, %s, hash %s, taken over: %t, unseen: %t", seen.Token.Status, seen.Fallback, seen.Token.Hash(), seen.TakenOver, seen.Unseen)
			}
			if s.count("find") > 1 {
				t.Errorf("asked %d times", s.count("find"))
			}
		})
	}
}

// Whether it is too old is told by the clock, also where nobody can look.
func TestInspect_unreadableByAge(t *testing.T) {
	t.Parallel()
	o := &Operator{Server: &scripted{t: t}, Clock: &watch{now: noon}}
	seen, err := o.Inspect(t.Context(), unreadable(), time.Hour)
	expectProblem(t, err, 0)
	if seen.Token.Status != StatusRotationDue {
		t.Errorf("the status is %s", seen.Token.Status)
	}
}

// The clock is that of the server, also where it only refuses.
func TestInspect_unreadableByItsClock(t *testing.T) {
	t.Parallel()
	later := refusal()
	later.Date = noon.Add(time.Hour)
	o := &Operator{Server: &scripted{t: t, find: func(influxdb3.Secret) (*influxdb3.Listing, error) { return nil, later }}, Credential: other, Clock: &watch{now: noon}}
	seen, err := o.Inspect(t.Context(), unreadable(), 2*time.Hour)
	expectProblem(t, err, 0)
	if seen.Token.Status != StatusRotationDue {
		t.Errorf("the status is %s", seen.Token.Status)
	}
}

// What the server is, is asked before an older token is waited for: one node has no other
// that could be behind.
func TestInspect_unreadableLearns(t *testing.T) {
	t.Parallel()
	s := &scripted{t: t, find: func(influxdb3.Secret) (*influxdb3.Listing, error) {
		return listing(row(next, noon.Add(-time.Hour))), nil
	}}
	s.ping = func() (*influxdb3.ServerInfo, error) {
		return &influxdb3.ServerInfo{Build: core.Build, Version: core.Version, ClusterUUID: here}, nil
	}
	prior, clock := unreadable(), &watch{now: noon}
	prior.Identity, prior.RotatedAt, prior.ListedAt = Identity{ClusterUUID: here}, noon, time.Time{}
	prior.PreviousHash = next.Hash()
	seen, err := (&Operator{Server: s, Credential: other, Clock: clock}).Inspect(t.Context(), prior, 0)
	expectProblem(t, err, 0)
	if seen.Token.Identity != core || clock.slept != 0 {
		t.Errorf("waited %s for %+v", clock.slept, seen.Token.Identity)
	}
}

func TestRotate_unreadable(t *testing.T) {
	t.Parallel()
	forbidden := &influxdb3.Error{Kind: influxdb3.KindForbidden, Status: 403, ClusterUUID: here}
	for name, tt := range map[string]struct {
		credential influxdb3.Secret
		listed     influxdb3.Secret // the operator token before
		look       *influxdb3.Error
		answer     *influxdb3.Error // to the regenerate
		recovery   bool
		byAge      bool
		calls      []string
		problem    Problem
	}{
		"by a named admin token":                    {credential: other, listed: mine, calls: []string{"find", "regenerate", "find"}},
		"by itself":                                 {credential: mine, listed: mine, calls: []string{"regenerate"}},
		"by nothing":                                {problem: ProblemUnreadable},
		"by the listener":                           {recovery: true, calls: []string{"names", "recover", "find"}},
		"the credential is dead":                    {credential: other, look: refusal(), calls: []string{"find"}, problem: ProblemUnreadable},
		"the credential is dead, the listener":      {credential: other, look: refusal(), recovery: true, calls: []string{"find", "names", "recover", "find"}},
		"it may not":                                {credential: other, listed: mine, answer: forbidden, calls: []string{"find", "regenerate"}, problem: ProblemUnreadable},
		"it may not, the listener":                  {credential: other, listed: mine, answer: forbidden, recovery: true, calls: []string{"find", "regenerate", "names", "recover", "find"}},
		"refused after it could list":               {credential: other, listed: mine, answer: refusal(), calls: []string{"find", "regenerate"}, problem: ProblemUnresolved},
		"regenerated elsewhere, a trigger":          {credential: other, listed: next, calls: []string{"find", "regenerate", "find"}},
		"regenerated elsewhere, due by age":         {credential: other, listed: next, byAge: true, calls: []string{"find"}, problem: ProblemRegeneratedElsewhere},
		"due by age":                                {credential: other, listed: mine, byAge: true, calls: []string{"find", "regenerate", "find"}},
		"due by age, and the credential is refused": {credential: other, look: refusal(), byAge: true, calls: []string{"find"}, problem: ProblemUnreadable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			last := influxdb3.NewSecret("apiv3_last")
			s := &scripted{t: t, names: func() (string, error) { return here, nil }}
			s.find = func(credential influxdb3.Secret) (*influxdb3.Listing, error) {
				switch {
				case credential.Equal(last):
					return listing(row(last, noon)), nil
				case tt.look != nil:
					return nil, tt.look
				}
				return listing(row(tt.listed, noon.Add(-time.Minute))), nil
			}
			s.regenerate = func(influxdb3.Secret) (*influxdb3.Token, error) {
				if tt.answer != nil {
					return nil, tt.answer
				}
				return minted201(last), nil
			}
			if tt.recovery {
				s.recovery = func() (*influxdb3.Token, error) {
					token := minted201(last)
					token.ClusterUUID = ""
					return token, nil
				}
			}
			o := &Operator{Server: s, Credential: tt.credential, Clock: &watch{now: noon}, ByAge: tt.byAge}
			token, _, err := o.Rotate(t.Context(), unreadable())
			expectProblem(t, err, tt.problem)
			if (err == nil) != token.Secret.Equal(last) || err == nil && token.Unreadable != "" {
				t.Errorf("got %s, %q", token.Hash(), token.Unreadable)
			}
			if len(s.calls) != len(tt.calls) {
				t.Fatalf("called %v, want %v", s.calls, tt.calls)
			}
			for i := range s.calls {
				if s.calls[i] != tt.calls[i] {
					t.Fatalf("called %v, want %v", s.calls, tt.calls)
				}
			}
		})
	}
}

// A look by somebody who may not list says nothing of a secret that cannot be read: the
// outcome stays open.
func TestRotate_unreadableAndUnseen(t *testing.T) {
	t.Parallel()
	looks := 0
	s := &scripted{t: t, find: func(influxdb3.Secret) (*influxdb3.Listing, error) {
		if looks++; looks > 1 {
			return nil, &influxdb3.Error{Kind: influxdb3.KindForbidden, Status: 403}
		}
		return listing(row(mine, noon.Add(-time.Hour))), nil
	}, regenerate: func(influxdb3.Secret) (*influxdb3.Token, error) { return nil, unknown(influxdb3.Secret{}) }}
	o := &Operator{Server: s, Credential: other, Clock: &watch{now: noon}}
	_, _, err := o.Rotate(t.Context(), unreadable())
	expectProblem(t, err, ProblemUnresolved)
}

// A lost reply of the listener leaves open whether the old token works, which nobody can
// try.
func TestRotate_unreadableListenerLost(t *testing.T) {
	t.Parallel()
	s := &scripted{
		t: t, names: func() (string, error) { return "", &influxdb3.Error{Kind: influxdb3.KindUnexpected, Status: 503} },
		recovery: func() (*influxdb3.Token, error) { return nil, unknown(influxdb3.Secret{}) },
	}
	o := &Operator{Server: s, Clock: &watch{now: noon}}
	_, _, err := o.Rotate(t.Context(), unreadable())
	expectProblem(t, err, ProblemUnresolved)
}

// The listener is not used for a token of another cluster than that which answers, whose
// operator token it would regenerate.
func TestRotate_unreadableElsewhere(t *testing.T) {
	t.Parallel()
	s := &scripted{t: t, names: func() (string, error) { return "another", nil }}
	s.recovery = func() (*influxdb3.Token, error) {
		t.Error("it is used")
		return nil, unknown(influxdb3.Secret{})
	}
	_, _, err := (&Operator{Server: s, Clock: &watch{now: noon}}).Rotate(t.Context(), unreadable())
	expectProblem(t, err, ProblemWrongServer)
}

// It does so too where the server has refused a credential that it had accepted a moment
// before: who is dead of the two, nobody knows.
func TestRotate_unreadableRefusedThenListenerLost(t *testing.T) {
	t.Parallel()
	s := &scripted{
		t: t, find: func(influxdb3.Secret) (*influxdb3.Listing, error) {
			return listing(row(mine, noon.Add(-time.Hour))), nil
		},
		regenerate: func(influxdb3.Secret) (*influxdb3.Token, error) { return nil, refusal() },
		names:      func() (string, error) { return "", nil },
		recovery:   func() (*influxdb3.Token, error) { return nil, unknown(influxdb3.Secret{}) },
	}
	_, _, err := (&Operator{Server: s, Credential: other, Clock: &watch{now: noon}}).Rotate(t.Context(), unreadable())
	expectProblem(t, err, ProblemUnresolved)
}

// What has kept the credential from doing it is in the error.
func TestRotate_unreadableSaysWhy(t *testing.T) {
	t.Parallel()
	s := &scripted{
		t: t, find: func(influxdb3.Secret) (*influxdb3.Listing, error) {
			return listing(row(mine, noon.Add(-time.Hour))), nil
		},
		regenerate: func(influxdb3.Secret) (*influxdb3.Token, error) {
			return nil, &influxdb3.Error{Kind: influxdb3.KindForbidden, Status: 403, ClusterUUID: here}
		},
	}
	_, _, err := (&Operator{Server: s, Credential: other, Clock: &watch{now: noon}}).Rotate(t.Context(), unreadable())
	if failed := asCall(err); failed == nil || failed.Status != 403 {
		t.Errorf("got %v", err)
	}
}

// What a replacement takes back without anybody being able to look stays as it was.
func TestResume_unreadable(t *testing.T) {
	t.Parallel()
	o := &Operator{Server: &scripted{t: t}, Clock: &watch{now: noon}}
	token, warnings, err := o.Resume(t.Context(), unreadable(), false, false)
	expectProblem(t, err, 0)
	if token.Hash() != mine.Hash() || token.Status != StatusActive || len(warnings) != 0 {
		t.Errorf("got %+v, %v", token, warnings)
	}
}
