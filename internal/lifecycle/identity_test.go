package lifecycle

import (
	"context"
	"testing"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3"
)

func TestOriginOf(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		known, names string
		recorded     bool
		want         origin
		own          bool
	}{
		{"", "", true, originLikely, true}, // before 3.7
		{"", "", false, originUnknown, false},
		{"", here, false, originLikely, true}, // upgraded since
		{here, "", true, originUnknown, false},
		{here, "", false, originUnknown, false},
		{here, here, true, originProven, true},
		{here, here, false, originProven, true},
		{here, elsewhere, true, originOther, false},
	} {
		if got := (Identity{ClusterUUID: tt.known}).originOf(tt.names, tt.recorded); got != tt.want || got.own() != tt.own {
			t.Errorf("%+v: got %d, own %t", tt, got, got.own())
		}
	}
}

func TestRefusesUnnamed(t *testing.T) {
	t.Parallel()
	for version, want := range map[string]bool{
		"3.4.0": true, "3.7.0": true, "3.7": true, "2.9.1": true,
		"3.8.0": false, "3.10.1": false, "4.0.0": false, "4.7.0": false,
		"": false, "3": false, "3.": false, "3.x": false, "v3.7.0": false, "three.seven": false,
	} {
		if got := (Identity{Version: version}).refusesUnnamed(); got != want {
			t.Errorf("%q: got %t", version, got)
		}
	}
}

// Who sent a failure, and whether somebody had to be asked for it.
func TestWhose(t *testing.T) {
	t.Parallel()
	old := Identity{ClusterUUID: here, Version: "3.7.0"}
	unnamed := influxdb3.Error{Kind: influxdb3.KindUnauthorized, Recorded: true, Unnamed: true}
	with := func(change func(*influxdb3.Error)) influxdb3.Error {
		failed := unnamed
		change(&failed)
		return failed
	}
	for name, tt := range map[string]struct {
		known  Identity
		failed influxdb3.Error
		names  string
		err    error
		want   origin
		asked  int
	}{
		"3.7":                     {known: old, failed: unnamed, want: originLikely, asked: 1},
		"upgraded since":          {known: old, failed: unnamed, names: here, want: originUnknown, asked: 1},
		"nobody answers":          {known: old, failed: unnamed, err: &influxdb3.Error{}, want: originUnknown, asked: 1},
		"in another form":         {known: old, failed: with(func(e *influxdb3.Error) { e.Recorded = false }), want: originUnknown},
		"in a form that is named": {known: old, failed: with(func(e *influxdb3.Error) { e.Unnamed = false }), want: originUnknown},
		"named":                   {known: old, failed: with(func(e *influxdb3.Error) { e.ClusterUUID = here }), want: originProven},
		"another cluster's":       {known: old, failed: with(func(e *influxdb3.Error) { e.ClusterUUID = elsewhere }), want: originOther},
		"3.10":                    {known: core, failed: unnamed, want: originUnknown},
		"a version not known yet": {known: Identity{ClusterUUID: here}, failed: unnamed, want: originUnknown},
		"before 3.7":              {known: Identity{Version: "3.4.0"}, failed: unnamed, want: originLikely},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &scripted{t: t, names: func() (string, error) { return tt.names, tt.err }}
			if got := whose(t.Context(), s, tt.known, &tt.failed); got != tt.want || len(s.calls) != tt.asked {
				t.Errorf("got %d after %v", got, s.calls)
			}
		})
	}
}

func TestLearn(t *testing.T) {
	t.Parallel()
	info := func(clusterUUID string) *influxdb3.ServerInfo {
		return &influxdb3.ServerInfo{ClusterUUID: clusterUUID, Build: "Core", Version: "3.10.1"}
	}
	for name, tt := range map[string]struct {
		known      Identity
		credential influxdb3.Secret
		info       *influxdb3.ServerInfo
		learned    bool
		asked      int
	}{
		"its own":              {Identity{ClusterUUID: here}, mine, info(here), true, 1},
		"cluster not known":    {Identity{}, mine, info(here), true, 1},
		"before 3.7":           {Identity{}, mine, info(""), true, 1},
		"another cluster's":    {Identity{ClusterUUID: here}, mine, info(elsewhere), false, 1},
		"a proxy's":            {Identity{ClusterUUID: here}, mine, info(""), false, 1},
		"no answer":            {Identity{ClusterUUID: here}, mine, nil, false, 1},
		"no credential":        {Identity{ClusterUUID: here}, influxdb3.Secret{}, info(here), false, 0},
		"known before":         {Identity{ClusterUUID: here, Version: "3.7.0"}, mine, info(here), false, 0},
		"known, of no cluster": {Identity{Version: "3.4.0"}, mine, info(here), false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &scripted{t: t}
			if tt.info != nil {
				s.ping = func() (*influxdb3.ServerInfo, error) { return tt.info, nil }
			}
			want := tt.known
			if tt.learned {
				want.Build, want.Version = "Core", "3.10.1"
			}
			if got := tt.known.learn(t.Context(), s, tt.credential); got != want || len(s.calls) != tt.asked {
				t.Errorf("got %+v after %v", got, s.calls)
			}
		})
	}
}

// The version is asked for where an answer cannot be judged without it, and not after a
// reply that was lost: whoever would answer is the one that did not.
func TestLearned(t *testing.T) {
	t.Parallel()
	unnamed := &influxdb3.Error{Kind: influxdb3.KindUnauthorized, Recorded: true, Unnamed: true}
	for name, tt := range map[string]struct {
		known  Identity
		failed *influxdb3.Error
		asked  int
	}{
		"a refusal without a name": {Identity{ClusterUUID: here}, unnamed, 1},
		"by its form alone":        {Identity{}, unnamed, 0},
		"a refusal":                {Identity{ClusterUUID: here}, refusal(), 0},
		"a lost reply":             {Identity{ClusterUUID: here}, &influxdb3.Error{Kind: influxdb3.KindOutcomeUnknown}, 0},
		"a success":                {Identity{ClusterUUID: here}, nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &scripted{t: t}
			(&Operator{Server: s, Credential: other}).learned(t.Context(), tt.known, tt.failed)
			if s.count("ping") != tt.asked {
				t.Errorf("%v", s.calls)
			}
		})
	}
}

// What was not the server's own answer leaves open what it has done.
func TestJudge(t *testing.T) {
	t.Parallel()
	s := &scripted{t: t}
	if got := judge(t.Context(), s, core, nil); got != nil {
		t.Errorf("no failure became %v", got)
	}
	for kind, want := range map[influxdb3.Kind]influxdb3.Kind{
		influxdb3.KindNotSent: influxdb3.KindNotSent, influxdb3.KindOutcomeUnknown: influxdb3.KindOutcomeUnknown,
		influxdb3.KindUnauthorized: influxdb3.KindOutcomeUnknown, influxdb3.KindConflict: influxdb3.KindOutcomeUnknown,
	} {
		failed := &influxdb3.Error{Kind: kind, Recorded: true, Partial: next}
		got := judge(t.Context(), s, core, failed)
		if got.Kind != want || failed.Kind != kind || !got.Partial.Equal(next) || (kind == want) != (got == failed) {
			t.Errorf("%d became %+v", kind, got)
		}
		failed.ClusterUUID = here
		if got := judge(t.Context(), s, core, failed); got != failed {
			t.Errorf("the server's own %d became %+v", kind, got)
		}
	}
}

func TestTriesNext(t *testing.T) {
	t.Parallel()
	for problem := ProblemUnavailable; problem <= ProblemNotSupported; problem++ {
		want := problem == ProblemAllRefused || problem == ProblemForbidden
		if got := (&Error{Problem: problem}).triesNext(); got != want {
			t.Errorf("problem %d: %t", problem, got)
		}
	}
}

func TestDefinite(t *testing.T) {
	t.Parallel()
	for kind, want := range map[influxdb3.Kind]Problem{
		influxdb3.KindNotSent: ProblemNotDone, influxdb3.KindBusy: ProblemNotDone, influxdb3.KindRedirect: ProblemNotDone,
		influxdb3.KindRefused: ProblemNotDone, influxdb3.KindNotFound: ProblemNotDone,
		influxdb3.KindNotEnabled: ProblemAuthenticationOff, influxdb3.KindNoOperatorToken: ProblemNoOperatorToken,
		influxdb3.KindUnexpected: ProblemUnavailable, influxdb3.KindOutcomeUnknown: ProblemUnavailable,
		influxdb3.KindUnauthorized: ProblemUnavailable, influxdb3.KindForbidden: ProblemUnavailable, influxdb3.KindConflict: ProblemUnavailable,
	} {
		expectProblem(t, definite(&influxdb3.Error{Kind: kind}), want)
		looked := ProblemUnavailable
		if kind == influxdb3.KindNotEnabled {
			looked = ProblemAuthenticationOff
		}
		expectProblem(t, unasked(&influxdb3.Error{Kind: kind}), looked)
	}
	// It was interrupted only where nothing was sent.
	expectProblem(t, definite(&influxdb3.Error{Kind: influxdb3.KindNotSent, Err: context.Canceled}), ProblemInterrupted)
	expectProblem(t, definite(&influxdb3.Error{Kind: influxdb3.KindUnexpected, Err: context.Canceled}), ProblemUnavailable)
}

// Before a token goes to another address than before, that is asked who it is.
func TestElsewhere(t *testing.T) {
	t.Parallel()
	const before, now = "http://before", "http://now"
	busy := &influxdb3.Error{Kind: influxdb3.KindBusy, Status: 503}
	names := func(cluster string, err error) func() (string, error) {
		return func() (string, error) { return cluster, err }
	}
	for name, tt := range map[string]struct {
		names   func() (string, error) // nil: it is not asked
		ping    *influxdb3.Error       // the answer to who asks without a token, nil: that is not asked
		change  func(*OperatorToken)
		problem Problem
	}{
		"another cluster":             {names: names("there", nil), problem: ProblemWrongServer},
		"the same cluster":            {names: names(here, nil)},
		"one that does not tell":      {names: names("", nil), ping: &influxdb3.Error{Kind: influxdb3.KindUnauthorized, Status: 401}},
		"one that refuses to tell":    {names: names("", &influxdb3.Error{Kind: influxdb3.KindNotEnabled, Status: 405}), ping: refusal()},
		"a gateway before another":    {names: names("", nil), ping: &influxdb3.Error{Kind: influxdb3.KindUnauthorized, Status: 401, ClusterUUID: "there"}, problem: ProblemWrongServer},
		"a gateway and nobody":        {names: names("", busy), ping: busy, problem: ProblemUnavailable},
		"a gateway that drops it":     {names: names("", busy), ping: refusal()},
		"nobody is there":             {names: names("", &influxdb3.Error{Kind: influxdb3.KindNotSent, Err: context.DeadlineExceeded}), problem: ProblemUnavailable},
		"the address of before":       {change: func(token *OperatorToken) { token.Address = now }},
		"no address is known":         {change: func(token *OperatorToken) { token.Address = "" }},
		"no cluster is known":         {change: func(token *OperatorToken) { token.ClusterUUID = "" }},
		"a token that cannot be read": {change: func(token *OperatorToken) { token.Secret = influxdb3.Secret{} }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &scripted{t: t, names: tt.names, ping: func() (*influxdb3.ServerInfo, error) { return nil, tt.ping }}
			token := held()
			token.ClusterUUID, token.Address = here, before
			if tt.change != nil {
				tt.change(&token)
			}
			err := (&Operator{Server: s, Address: now}).elsewhere(t.Context(), token)
			expectProblem(t, err, tt.problem)
			if (s.count("names") == 1) != (tt.names != nil) || (s.count("ping") == 1) != (tt.ping != nil) {
				t.Errorf("it called %v", s.calls)
			}
		})
	}
}
