package lifecycle_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3"
	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3test"
	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/lifecycle"
)

const (
	namedPath  = "/api/v3/configure/token/named_admin"
	deletePath = "/api/v3/configure/token"
)

// issuer issues tokens on a test server; issue issues one of that name, which is
// unique if it says so.
func issuer(t *testing.T, s *influxdb3test.Server, credential string) (i *lifecycle.Issuer, issue func(ctx context.Context, name string) (*influxdb3.Token, []lifecycle.Warning, error)) {
	t.Helper()
	client := influxdb3.New(influxdb3.Config{URL: parse(t, s.URL()), Timeout: 10 * time.Second})
	i = &lifecycle.Issuer{Server: client, Credential: influxdb3.NewSecret(credential), Clock: &clock{}}
	return i, func(ctx context.Context, name string) (*influxdb3.Token, []lifecycle.Warning, error) {
		return i.Issue(ctx, name, strings.HasPrefix(name, "unique-"), func(ctx context.Context) (*influxdb3.Token, error) {
			return client.CreateNamedAdminToken(ctx, i.Credential, name, nil)
		})
	}
}

func TestIssue(t *testing.T) {
	t.Parallel()
	route := func(f influxdb3test.Fault) []influxdb3test.Fault {
		f.Path = namedPath
		return []influxdb3test.Fault{f}
	}
	lost := influxdb3test.Fault{Kind: influxdb3test.CutAfter, Path: namedPath}
	tests := map[string]struct {
		faults   []influxdb3test.Fault
		want     lifecycle.Problem
		warnings int
		left     int // tokens on the server besides the operator token
	}{
		"no fault":            {nil, 0, 0, 1},
		"lost":                {route(lost), 0, 1, 1},
		"lost and found":      {route(influxdb3test.Fault{Kind: influxdb3test.Truncate, Keep: 200}), 0, 0, 1},
		"lost twice":          {route(influxdb3test.Fault{Kind: influxdb3test.CutAfter, Times: 2}), 0, 1, 1},
		"lost for ever":       {route(influxdb3test.Fault{Kind: influxdb3test.CutAfter, Times: -1}), lifecycle.ProblemNotDone, 0, 0},
		"never done":          {route(influxdb3test.Fault{Kind: influxdb3test.CutBefore}), lifecycle.ProblemNotDone, 0, 0},
		"a proxy's 401":       {route(influxdb3test.Fault{Kind: influxdb3test.Answer, Status: 401}), lifecycle.ProblemNotDone, 0, 0},
		"a proxy's 403":       {route(influxdb3test.Fault{Kind: influxdb3test.Answer, Status: 403}), lifecycle.ProblemNotDone, 0, 0},
		"a proxy's 404":       {route(influxdb3test.Fault{Kind: influxdb3test.Answer, Status: 404}), lifecycle.ProblemNotDone, 0, 0},
		"lost, cannot look":   {[]influxdb3test.Fault{lost, {Kind: influxdb3test.Answer, Status: 500, Path: queryPath, Skip: 1, Times: -1}}, lifecycle.ProblemUnresolved, 0, 1},
		"cannot look before":  {[]influxdb3test.Fault{{Kind: influxdb3test.Answer, Status: 500, Path: queryPath, Times: -1}}, lifecycle.ProblemUnavailable, 0, 0},
		"lost, cannot delete": {[]influxdb3test.Fault{lost, {Kind: influxdb3test.Answer, Status: 403, Path: deletePath, Times: -1}}, lifecycle.ProblemLost, 0, 1},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := influxdb3test.New(t)
			admin := s.Bootstrap(t)
			_, issue := issuer(t, s, admin)
			for _, f := range tt.faults {
				s.Inject(f)
			}
			token, warnings, err := issue(t.Context(), "ci")
			expectProblem(t, err, tt.want)
			if len(warnings) != tt.warnings {
				t.Errorf("warnings: %v", warnings)
			}
			if tt.want == 0 && (!s.Accepts(t, token.Secret.Reveal()) || token.Name != "ci" || token.CreatedAt.IsZero()) {
				t.Errorf("the token is not good: %+v", token)
			}
			if left := len(s.Names(t, admin)) - 1; left != tt.left {
				t.Errorf("%d tokens are left, want %d", left, tt.left)
			}
		})
	}
}

// A token that was there before is nobody's to delete, even if the answer that
// said so was lost.
func TestIssue_nameTaken(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]bool{"said so": false, "answer lost": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := influxdb3test.New(t)
			admin := s.Bootstrap(t)
			theirs := s.CreateNamedAdmin(t, admin, "ci", 0)
			_, issue := issuer(t, s, admin)
			if fault {
				s.Inject(influxdb3test.Fault{Kind: influxdb3test.CutAfter, Path: namedPath})
			}
			_, _, err := issue(t.Context(), "ci")
			expectProblem(t, err, lifecycle.ProblemNameTaken)
			if !s.Accepts(t, theirs) {
				t.Error("somebody else's token was deleted")
			}
		})
	}
}

// relayed is a server behind a proxy that changes what it says of itself.
type relayed struct {
	lifecycle.IssuingServer
	date    func(time.Time) time.Time
	cluster func(string) string
}

func (r relayed) FindToken(ctx context.Context, credential influxdb3.Secret, name, hash string) (*influxdb3.Listing, error) {
	listing, err := r.IssuingServer.FindToken(ctx, credential, name, hash)
	if err == nil && r.date != nil {
		listing.Date = r.date(listing.Date)
	}
	if err == nil && r.cluster != nil {
		listing.ClusterUUID = r.cluster(listing.ClusterUUID)
	}
	return listing, err
}

// The Date of a reply can be a proxy's. Whose a token is does not hang on it: not
// somebody else's is deleted, and not ours forgotten.
func TestIssue_proxyClock(t *testing.T) {
	t.Parallel()
	for name, date := range map[string]func(time.Time) time.Time{
		"behind": func(d time.Time) time.Time { return d.Add(-10 * time.Minute) },
		"none":   func(time.Time) time.Time { return time.Time{} },
	} {
		t.Run(name+", somebody else's", func(t *testing.T) {
			t.Parallel()
			s := influxdb3test.New(t)
			admin := s.Bootstrap(t)
			theirs := s.CreateNamedAdmin(t, admin, "ci", 0)
			i, issue := issuer(t, s, admin)
			i.Server = relayed{IssuingServer: i.Server, date: date}
			s.Inject(influxdb3test.Fault{Kind: influxdb3test.Answer, Status: 502, Path: namedPath})
			_, _, err := issue(t.Context(), "ci")
			expectProblem(t, err, lifecycle.ProblemNameTaken)
			if !s.Accepts(t, theirs) {
				t.Error("somebody else's token was deleted")
			}
		})
		for _, token := range []string{"ci", "unique-1"} {
			t.Run(name+", ours, "+token, func(t *testing.T) {
				t.Parallel()
				s := influxdb3test.New(t)
				admin := s.Bootstrap(t)
				i, issue := issuer(t, s, admin)
				i.Server = relayed{IssuingServer: i.Server, date: date}
				s.Inject(influxdb3test.Fault{Kind: influxdb3test.CutAfter, Path: namedPath})
				made, warnings, err := issue(t.Context(), token)
				if err != nil || len(warnings) != 1 || !s.Accepts(t, made.Secret.Reveal()) || len(s.Names(t, admin)) != 2 {
					t.Errorf("not made good: %v, %v, %v", warnings, err, s.Names(t, admin))
				}
			})
		}
	}
	// One node shows what it has: a token that was not there before is ours, whatever
	// the time. Of a cluster that is not so certain.
	for name, want := range map[string]lifecycle.Problem{"one node": 0, "cluster": lifecycle.ProblemUnresolved} {
		t.Run("ahead, "+name, func(t *testing.T) {
			t.Parallel()
			var options []influxdb3test.Option
			if want != 0 {
				options = append(options, influxdb3test.Enterprise())
			}
			s := influxdb3test.New(t, options...)
			admin := s.Bootstrap(t)
			i, issue := issuer(t, s, admin)
			i.Server = relayed{IssuingServer: i.Server, date: func(d time.Time) time.Time { return d.Add(10 * time.Minute) }}
			s.Inject(influxdb3test.Fault{Kind: influxdb3test.CutAfter, Path: namedPath})
			_, _, err := issue(t.Context(), "ci")
			expectProblem(t, err, want)
			if len(s.Names(t, admin)) != 2 {
				t.Error("one is missing, or one too many")
			}
		})
	}
}

// A proxy that drops the cluster-uuid does not make another cluster of the server.
func TestRevoke_noClusterUUID(t *testing.T) {
	t.Parallel()
	s := influxdb3test.New(t)
	admin := s.Bootstrap(t)
	i, issue := issuer(t, s, admin)
	token, _, err := issue(t.Context(), "ci")
	if err != nil {
		t.Fatal(err)
	}
	i.Server = relayed{IssuingServer: i.Server, cluster: func(string) string { return "" }}
	want := lifecycle.ProblemUnavailable
	if token.ClusterUUID == "" { // before 3.7
		want = 0
	}
	expectProblem(t, i.Revoke(t.Context(), lifecycle.Issued{Name: "ci", Hash: token.Secret.Hash(), ClusterUUID: token.ClusterUUID}), want)
}

// A node that has not learned of a token yet does not make it gone.
func TestRevoke_lag(t *testing.T) {
	t.Parallel()
	s, c, admin := lagging(t, 10*time.Second)
	i, issue := issuer(t, s, admin)
	i.Clock = ahead{c, time.Minute}
	token, _, err := issue(t.Context(), "ci")
	if err != nil {
		t.Fatal(err)
	}
	issued := lifecycle.Issued{Name: "ci", Hash: token.Secret.Hash(), ClusterUUID: token.ClusterUUID, CreatedAt: token.CreatedAt}
	if err := i.Revoke(t.Context(), issued); err != nil {
		t.Fatal(err)
	}
	_ = c.Sleep(t.Context(), time.Minute)
	if s.Accepts(t, token.Secret.Reveal()) {
		t.Error("the token is still accepted")
	}
}

// While a node may lag behind, a token that it does not list yet may be there, and
// the one that it still lists says nothing of the one that takes its place.
func TestIssue_lag(t *testing.T) {
	t.Parallel()
	for name, replaces := range map[string]bool{"new": false, "in place of another": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := &clock{}
			s := influxdb3test.New(t, influxdb3test.Lag(10*time.Second), influxdb3test.Clock(c.Now))
			admin := s.Bootstrap(t)
			s.CreateNamedAdmin(t, admin, "ci", 0)
			if !replaces {
				s.Delete(t, admin, "ci")
			}
			_ = c.Sleep(t.Context(), time.Minute) // only the fake moves
			if replaces {
				s.Delete(t, admin, "ci")
			}
			i, issue := issuer(t, s, admin)
			i.Clock = c
			s.Inject(influxdb3test.Fault{Kind: influxdb3test.CutAfter, Path: namedPath})
			token, warnings, err := issue(t.Context(), "ci")
			if err != nil || len(warnings) != 1 {
				t.Fatalf("not made good: %v, %v", warnings, err)
			}
			_ = c.Sleep(t.Context(), time.Minute)
			if !s.Accepts(t, token.Secret.Reveal()) || len(s.Names(t, admin)) != 2 {
				t.Errorf("the token is not good, or another one is left: %v", s.Names(t, admin))
			}
		})
	}
}

func TestIssue_refusals(t *testing.T) {
	t.Parallel()
	s := influxdb3test.New(t)
	admin := s.Bootstrap(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	i, issue := issuer(t, s, admin)
	if _, _, err := issue(ctx, "ci"); problem(t, err) != lifecycle.ProblemInterrupted {
		t.Errorf("issued: %v", err)
	}
	if err := i.Revoke(ctx, lifecycle.Issued{Name: "ci"}); problem(t, err) != lifecycle.ProblemInterrupted {
		t.Errorf("revoked: %v", err)
	}
	if n := len(s.Requests()); n != 0 {
		t.Errorf("%d requests were made", n)
	}
	_, issue = issuer(t, s, "apiv3_dead")
	if _, _, err := issue(t.Context(), "ci"); problem(t, err) != lifecycle.ProblemNoCredential {
		t.Errorf("issued: %v", err)
	}
}

func TestRevoke(t *testing.T) {
	t.Parallel()
	del := func(f influxdb3test.Fault) *influxdb3test.Fault {
		f.Path = deletePath
		return &f
	}
	tests := map[string]struct {
		fault  *influxdb3test.Fault
		want   lifecycle.Problem
		exists bool
	}{
		"no fault":           {nil, 0, false},
		"reply lost":         {del(influxdb3test.Fault{Kind: influxdb3test.CutAfter}), 0, false},
		"request lost":       {del(influxdb3test.Fault{Kind: influxdb3test.CutBefore}), 0, false},
		"lost for ever":      {del(influxdb3test.Fault{Kind: influxdb3test.CutBefore, Times: -1}), lifecycle.ProblemNotDone, true},
		"a proxy's 404":      {del(influxdb3test.Fault{Kind: influxdb3test.Answer, Status: 404}), 0, false},
		"a proxy's 404 only": {del(influxdb3test.Fault{Kind: influxdb3test.Answer, Status: 404, Times: -1}), lifecycle.ProblemNotDone, true},
		"a proxy's 403":      {del(influxdb3test.Fault{Kind: influxdb3test.Answer, Status: 403}), 0, false},
		"a proxy's 403 only": {del(influxdb3test.Fault{Kind: influxdb3test.Answer, Status: 403, Times: -1}), lifecycle.ProblemNotDone, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := influxdb3test.New(t)
			admin := s.Bootstrap(t)
			i, issue := issuer(t, s, admin)
			token, _, err := issue(t.Context(), "ci")
			if err != nil {
				t.Fatal(err)
			}
			if tt.fault != nil {
				s.Inject(*tt.fault)
			}
			expectProblem(t, i.Revoke(t.Context(), lifecycle.Issued{Name: "ci", Hash: token.Secret.Hash(), ClusterUUID: token.ClusterUUID}), tt.want)
			if exists := len(s.Names(t, admin)) == 2; exists != tt.exists {
				t.Errorf("exists: %t, want %t", exists, tt.exists)
			}
			s.ClearFaults()
			if err := i.Revoke(t.Context(), lifecycle.Issued{Name: "absent", Hash: "000000000"}); err != nil {
				t.Errorf("deleting what is gone: %v", err)
			}
		})
	}
	t.Run("cannot look", func(t *testing.T) {
		t.Parallel()
		s := influxdb3test.New(t)
		admin := s.Bootstrap(t)
		s.CreateNamedAdmin(t, admin, "ci", 0)
		i, _ := issuer(t, s, admin)
		s.Inject(influxdb3test.Fault{Kind: influxdb3test.CutBefore, Path: deletePath})
		s.Inject(influxdb3test.Fault{Kind: influxdb3test.Answer, Status: 500, Path: queryPath, Skip: 1, Times: -1})
		expectProblem(t, i.Revoke(t.Context(), lifecycle.Issued{Name: "ci"}), lifecycle.ProblemUnresolved)
	})
	t.Run("somebody else's, or another server's", func(t *testing.T) {
		t.Parallel()
		s := influxdb3test.New(t)
		admin := s.Bootstrap(t)
		theirs := s.CreateNamedAdmin(t, admin, "ci", 0)
		i, _ := issuer(t, s, admin)
		if err := i.Revoke(t.Context(), lifecycle.Issued{Name: "ci", Hash: "000000000"}); err != nil {
			t.Error(err)
		}
		want := lifecycle.ProblemWrongServer
		if kept(t, s, admin).ClusterUUID == "" { // before 3.7
			want = lifecycle.ProblemUnavailable
		}
		expectProblem(t, i.Revoke(t.Context(), lifecycle.Issued{Name: "ci", ClusterUUID: "another"}), want)
		if !s.Accepts(t, theirs) {
			t.Error("it was deleted")
		}
	})
}

func TestIssuedHere(t *testing.T) {
	t.Parallel()
	rows := []influxdb3.TokenInfo{{Name: "_admin"}}
	for name, tt := range map[string]struct {
		listing influxdb3.Listing
		cluster string
		want    lifecycle.Problem
	}{
		"here":              {influxdb3.Listing{Tokens: rows, ClusterUUID: "a"}, "a", 0},
		"not known":         {influxdb3.Listing{Tokens: rows, ClusterUUID: "a"}, "", 0},
		"another cluster":   {influxdb3.Listing{Tokens: rows, ClusterUUID: "b"}, "a", lifecycle.ProblemWrongServer},
		"header dropped":    {influxdb3.Listing{Tokens: rows}, "a", lifecycle.ProblemUnavailable},
		"no token there":    {influxdb3.Listing{ClusterUUID: "a"}, "a", lifecycle.ProblemAuthenticationOff},
		"no authentication": {influxdb3.Listing{}, "", lifecycle.ProblemAuthenticationOff},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			expectProblem(t, lifecycle.IssuedHere(&tt.listing, tt.cluster), tt.want)
		})
	}
}

func TestIssuedReadProblem(t *testing.T) {
	t.Parallel()
	for kind, want := range map[influxdb3.Kind]lifecycle.Problem{
		influxdb3.KindUnauthorized: lifecycle.ProblemNoCredential,
		influxdb3.KindForbidden:    lifecycle.ProblemForbidden,
		influxdb3.KindNotFound:     lifecycle.ProblemUnavailable, // not the endpoint: a proxy
		influxdb3.KindUnexpected:   lifecycle.ProblemUnavailable,
		influxdb3.KindNotSent:      lifecycle.ProblemUnavailable,
	} {
		expectProblem(t, lifecycle.IssuedReadProblem(&influxdb3.Error{Kind: kind}, ""), want)
	}
	expectProblem(t, lifecycle.IssuedReadProblem(context.Canceled, ""), lifecycle.ProblemUnavailable)
}

// What fails is told in one line, with what failed while dealing with it.
func TestError(t *testing.T) {
	t.Parallel()
	s := influxdb3test.New(t, influxdb3test.WithRecovery())
	old := s.Bootstrap(t)
	prior := kept(t, s, old)
	o, _ := operator(t, s, "", withRecovery(t, s))
	s.Inject(influxdb3test.Fault{Kind: influxdb3test.CutAfter, Path: regeneratePath, Listener: "main"})
	s.Inject(influxdb3test.Fault{Kind: influxdb3test.Answer, Status: 500, Path: regeneratePath, Listener: "recovery", Times: -1})
	_, _, err := o.Rotate(t.Context(), prior)
	var cause *influxdb3.Error
	if !errors.As(err, &cause) || cause.Kind != influxdb3.KindOutcomeUnknown {
		t.Errorf("the cause is not in %v", err)
	}
	for _, want := range []string{"the reply with the new one was lost", "unable to regenerate the operator token", "the recovery listener was no help", "HTTP 500"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in %q", want, err)
		}
	}
}

func TestSystemClock(t *testing.T) {
	t.Parallel()
	c := lifecycle.SystemClock{}
	before := c.Now()
	if err := c.Sleep(t.Context(), time.Millisecond); err != nil || !c.Now().After(before) {
		t.Errorf("it did not sleep: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.Sleep(ctx, time.Hour); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// What the server itself answers counts at once.
func TestIssue_ownRefusals(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]lifecycle.Problem{403: lifecycle.ProblemForbidden, 404: lifecycle.ProblemNotSupported} {
		s := influxdb3test.New(t)
		admin := s.Bootstrap(t)
		i, issue := issuer(t, s, admin)
		own := named(t, s)
		s.Inject(influxdb3test.Fault{Kind: influxdb3test.Answer, Status: status, Path: namedPath, Header: own})
		_, _, err := issue(t.Context(), "ci")
		expectProblem(t, err, want)
		s.CreateNamedAdmin(t, admin, "there", 0)
		if status == 403 {
			s.Inject(influxdb3test.Fault{Kind: influxdb3test.Answer, Status: status, Path: deletePath, Header: own})
			expectProblem(t, i.Revoke(t.Context(), lifecycle.Issued{Name: "there"}), want)
		}
		if n := len(s.Names(t, admin)); n != 2 {
			t.Errorf("%d tokens", n)
		}
	}
}
