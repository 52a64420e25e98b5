package lifecycle_test

import (
	"context"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3"
	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3test"
	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/lifecycle"
)

// refreshed is what is kept of a token after a refresh, which has asked the server
// what it is.
func refreshed(t *testing.T, s *influxdb3test.Server, secret string) lifecycle.OperatorToken {
	t.Helper()
	o, _ := operator(t, s, "")
	seen, err := o.Inspect(t.Context(), kept(t, s, secret), 0)
	if err != nil || seen.Token.Version == "" || seen.Token.Build == "" || seen.Token.ListedAt.IsZero() {
		t.Fatalf("a refresh has found out too little: %+v, %v", seen.Token, err)
	}
	s.ResetRequests()
	return seen.Token
}

// versions runs a test on the server of every recorded version.
func versions(t *testing.T, test func(t *testing.T, as influxdb3test.Option)) {
	t.Helper()
	for _, version := range []string{"3.10", "3.9", "3.7", "3.4"} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			test(t, influxdb3test.As(version))
		})
	}
}

// A gateway that refuses on the way back, a request that is sent twice and a reply
// that is lost are the same: the token is dead, and something at hand heals it in the
// same call. A 3.7 does not name its cluster in a refusal, and is believed.
func TestRotate_doneAllTheSame(t *testing.T) {
	t.Parallel()
	faults := map[string]influxdb3test.Fault{
		"lost":      {Kind: influxdb3test.CutAfter},
		"repeated":  {Kind: influxdb3test.Repeat},
		"empty 401": {Kind: influxdb3test.AnswerAfter, Status: 401, NoBody: true},
		"copied 401": {
			Kind: influxdb3test.AnswerAfter, Status: 401, Body: `{"error": "the request was not authenticated"}`, Header: http.Header{"Cluster-Uuid": nil},
		},
		"redirect":  {Kind: influxdb3test.AnswerAfter, Status: 302, Header: http.Header{"Location": {"http://127.0.0.1:1/"}}},
		"no header": {Kind: influxdb3test.ReplaceBody, Header: http.Header{"Cluster-Uuid": nil}},
	}
	for _, status := range []int{400, 403, 404, 405, 407, 409, 413, 429, 503} {
		faults[strconv.Itoa(status)] = influxdb3test.Fault{Kind: influxdb3test.AnswerAfter, Status: status}
	}
	versions(t, func(t *testing.T, as influxdb3test.Option) {
		for name, fault := range faults {
			for _, with := range []string{"a named admin token", "the listener", "nothing"} {
				t.Run(name+" with "+with, func(t *testing.T) {
					t.Parallel()
					s := influxdb3test.New(t, as, influxdb3test.WithRecovery())
					old := s.Bootstrap(t)
					prior := refreshed(t, s, old)
					credential := ""
					var change []func(*influxdb3.Config)
					switch with {
					case "a named admin token":
						credential = s.CreateNamedAdmin(t, old, "automation", 0)
					case "the listener":
						change = append(change, withRecovery(t, s))
					}
					o, c := operator(t, s, credential, change...)
					fault := fault
					fault.Path, fault.Listener = regeneratePath, "main"
					s.Inject(fault)
					token, _, err := o.Rotate(t.Context(), prior)
					if s.Accepts(t, old) {
						t.Fatal("the fault did not let it be done")
					}
					if slept := c.sleptFor(); slept > 5*time.Second {
						t.Errorf("it took %s on one node", slept)
					}
					if with != "nothing" {
						if err != nil || !s.Accepts(t, token.Secret.Reveal()) || token.PreviousHash == "" {
							t.Errorf("not healed: %s, previous %q, %v", token.Status, token.PreviousHash, err)
						}
						return
					}
					if got := problem(t, err); got != lifecycle.ProblemLost && got != lifecycle.ProblemAllRefused {
						t.Errorf("got problem %d (%v)", got, err)
					}
					if !lifecycle.MayBeDone(err) {
						t.Error("it says that it was not done")
					}
				})
			}
		}
	})
}

// A 3.7 is believed because of its version, and only as long as nothing that answers
// names itself: a server that was upgraded does, and then the refusal is a proxy's.
func TestInspect_unnamedRefusal(t *testing.T) {
	t.Parallel()
	refusal := influxdb3test.Fault{Kind: influxdb3test.Answer, Path: queryPath, Status: 401, NoBody: true, Times: -1}
	for name, tt := range map[string]struct {
		as, remembered string
		options        *influxdb3test.Fault
		want           lifecycle.Problem
	}{
		"3.7":                       {"3.7", "3.7.0", nil, 0},
		"3.7, not known yet":        {"3.7", "", nil, lifecycle.ProblemUnavailable},
		"3.7, and OPTIONS fails":    {"3.7", "3.7.0", &influxdb3test.Fault{Kind: influxdb3test.Answer, Method: "OPTIONS", Status: 500}, lifecycle.ProblemUnavailable},
		"upgraded since":            {"3.10", "3.7.0", nil, lifecycle.ProblemUnavailable},
		"3.8":                       {"3.7", "3.8.0", nil, lifecycle.ProblemUnavailable},
		"a version of another form": {"3.7", "three", nil, lifecycle.ProblemUnavailable},
		"4.0":                       {"3.7", "4.0.0", nil, lifecycle.ProblemUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := influxdb3test.New(t, influxdb3test.As(tt.as))
			prior := refreshed(t, s, s.Bootstrap(t))
			prior.Version = tt.remembered
			s.Inject(refusal)
			if tt.options != nil {
				s.Inject(*tt.options)
			}
			o, _ := operator(t, s, "")
			seen, err := o.Inspect(t.Context(), prior, 0)
			expectProblem(t, err, tt.want)
			if tt.want == 0 && seen.Token.Status != lifecycle.StatusRejected {
				t.Errorf("got %s", seen.Token.Status)
			}
		})
	}
}

// A token that is in hand stays, unless the server itself is known to have refused it.
func TestRotate_tokenInHand(t *testing.T) {
	t.Parallel()
	versions(t, func(t *testing.T, as influxdb3test.Option) {
		for _, recovery := range []bool{false, true} {
			t.Run(strconv.FormatBool(recovery), func(t *testing.T) {
				t.Parallel()
				s := influxdb3test.New(t, as, influxdb3test.WithRecovery())
				old := s.Bootstrap(t)
				prior := refreshed(t, s, old)
				var change []func(*influxdb3.Config)
				if recovery {
					change = append(change, withRecovery(t, s))
				}
				o, _ := operator(t, s, "", change...)
				s.Inject(influxdb3test.Fault{Kind: influxdb3test.Truncate, Path: regeneratePath, Keep: 200})
				s.Inject(influxdb3test.Fault{Kind: influxdb3test.Answer, Path: queryPath, Status: 401, NoBody: true, Times: -1})
				token, _, _ := o.Rotate(t.Context(), prior)
				s.ClearFaults()
				if token.Secret.IsEmpty() || !s.Accepts(t, token.Secret.Reveal()) || token.PreviousHash != prior.Hash() {
					t.Error("the token in hand was dropped")
				}
			})
		}
	})
}

// A cut reply names another cluster than the token's, and nobody can be asked: it is
// kept, and it is no success. Its cluster is that of the reply.
func TestRotate_cutReplyOfAnotherCluster(t *testing.T) {
	t.Parallel()
	s := influxdb3test.New(t)
	old := s.Bootstrap(t)
	prior := kept(t, s, old)
	named(t, s)
	for uuid, want := range map[string]lifecycle.Problem{"another": lifecycle.ProblemUnverified, prior.ClusterUUID: 0} {
		server := &cutReply{clusterUUID: uuid}
		o := &lifecycle.Operator{Server: server, Clock: &clock{}}
		token, warnings, err := o.Rotate(t.Context(), prior)
		expectProblem(t, err, want)
		if token.ClusterUUID != uuid || token.Hash() != server.partial().Hash() || (want == 0) != (len(warnings) == 1) {
			t.Errorf("kept %s of %q, %v", token.Hash(), token.ClusterUUID, warnings)
		}
	}
}

// cutReply is a server that cuts its reply behind the token and is gone.
type cutReply struct {
	lifecycle.Server
	clusterUUID string
}

func (c *cutReply) partial() influxdb3.Secret { return influxdb3.NewSecret("apiv3_partial") }

func (c *cutReply) RegenerateOperatorToken(context.Context, influxdb3.Secret) (*influxdb3.Token, error) {
	return nil, &influxdb3.Error{Kind: influxdb3.KindOutcomeUnknown, Partial: c.partial(), ClusterUUID: c.clusterUUID}
}

func (c *cutReply) FindToken(context.Context, influxdb3.Secret, string, string) (*influxdb3.Listing, error) {
	return nil, &influxdb3.Error{Kind: influxdb3.KindNotSent}
}

func (c *cutReply) HasRecovery() bool { return false }

// A reply out of a cache holds a token that was there before. It is no success.
func TestRotate_cached(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		rotations int // after the one whose reply is in the cache
		header    http.Header
		want      lifecycle.Problem
	}{
		"the token in state": {0, nil, lifecycle.ProblemNotDone},
		"with its age":       {0, http.Header{"Age": {"30"}}, lifecycle.ProblemNotDone},
		"the one before":     {1, nil, lifecycle.ProblemNotDone},
		"an old one, by age": {2, http.Header{"Age": {"30"}}, lifecycle.ProblemNotDone},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := influxdb3test.New(t)
			first := refreshed(t, s, s.Bootstrap(t))
			o, _ := operator(t, s, "")
			token, _, err := o.Rotate(t.Context(), first)
			for range tt.rotations {
				previous := token.Hash()
				token = refreshed(t, s, s.Regenerate(t, token.Secret.Reveal()))
				token.PreviousHash = previous
			}
			if err != nil {
				t.Fatal(err)
			}
			s.Inject(influxdb3test.Fault{Kind: influxdb3test.Cache, Path: regeneratePath, Header: tt.header})
			got, _, err := o.Rotate(t.Context(), token)
			expectProblem(t, err, tt.want)
			if !got.Secret.IsEmpty() || !s.Accepts(t, token.Secret.Reveal()) {
				t.Error("the token in state was given up")
			}
		})
	}
	t.Run("by its date", func(t *testing.T) {
		t.Parallel()
		s := influxdb3test.New(t)
		prior := refreshed(t, s, s.Bootstrap(t))
		s.Inject(influxdb3test.Fault{Kind: influxdb3test.SetHeader, Path: regeneratePath, Header: http.Header{"Date": {time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat)}}})
		o, _ := operator(t, s, "")
		token, _, err := o.Rotate(t.Context(), prior)
		if err != nil || !s.Accepts(t, token.Secret.Reveal()) || count(s, queryPath) != 1 {
			t.Errorf("an old date is looked at, once, and the token is good: %v, %d looks", err, count(s, queryPath))
		}
	})
}

// With a token of another name a request that is sent twice makes two tokens, and the
// reply that gets here can be the first one's.
func TestRotate_repeatedWithNamed(t *testing.T) {
	t.Parallel()
	s := influxdb3test.New(t)
	old := s.Bootstrap(t)
	prior := refreshed(t, s, old)
	admin := s.CreateNamedAdmin(t, old, "automation", 0)
	s.Regenerate(t, old)
	o, _ := operator(t, s, admin)
	server := &repeating{Server: o.Server, credential: admin}
	o.Server = server
	token, warnings, err := o.Rotate(t.Context(), prior)
	if err != nil || !s.Accepts(t, token.Secret.Reveal()) || len(warnings) != 1 || server.repeated != 1 {
		t.Errorf("got %s, %v, %v after %d", token.Status, warnings, err, server.repeated)
	}
}

// repeating sends the first request with the credential twice and passes the first
// reply on.
type repeating struct {
	lifecycle.Server
	credential string
	repeated   int
}

func (r *repeating) RegenerateOperatorToken(ctx context.Context, credential influxdb3.Secret) (*influxdb3.Token, error) {
	token, err := r.Server.RegenerateOperatorToken(ctx, credential)
	if err == nil && r.repeated == 0 && credential.Reveal() == r.credential {
		r.repeated++
		_, _ = r.Server.RegenerateOperatorToken(ctx, credential)
	}
	return token, err
}

// An operator token out of a token file can expire, and what is made in its place is
// dead on arrival. That is never a success, and nothing is used up for it.
func TestExpiringOperatorToken(t *testing.T) {
	t.Parallel()
	versions(t, func(t *testing.T, as influxdb3test.Option) {
		c := &clock{}
		secret := "apiv3_" + testToken
		expires := c.Now().Add(time.Hour)
		s := influxdb3test.New(t, as, influxdb3test.Clock(c.Now), influxdb3test.WithRecovery(), influxdb3test.WithTokenFileExpiring("_admin", secret, expires))
		admin := s.CreateNamedAdmin(t, secret, "automation", 0)
		alone, _ := operator(t, s, "", withRecovery(t, s))
		o, _ := operator(t, s, admin, withRecovery(t, s))
		alone.Clock, o.Clock = c, c
		prior := refreshed(t, s, secret)
		prior, _, err := o.Rotate(t.Context(), prior)
		if err != nil || prior.ExpiresAt == nil {
			t.Fatalf("before its time it is rotated, and the expiry stays: %v, %v", prior.ExpiresAt, err)
		}
		_ = c.Sleep(t.Context(), 2*time.Hour)
		for name, o := range map[string]*lifecycle.Operator{"alone": alone, "with a named admin token": o} {
			seen, err := o.Inspect(t.Context(), prior, 0)
			if err != nil || seen.Token.Status != lifecycle.StatusExpired {
				t.Errorf("%s: %s, %v", name, seen.Token.Status, err)
			}
			s.ResetRequests()
			_, _, err = o.Rotate(t.Context(), seen.Token)
			expectProblem(t, err, lifecycle.ProblemExpired)
			_, _, err = o.Rotate(t.Context(), prior) // as of before the refresh
			expectProblem(t, err, lifecycle.ProblemExpired)
			if n := count(s, regeneratePath); n != 1 { // the one that was refused
				t.Errorf("%s: %d regenerations", name, n)
			}
		}
		_, _, err = o.Establish(t.Context(), true)
		expectProblem(t, err, lifecycle.ProblemExpired)
		// Nobody has told that it expires: what was made does.
		unknown := prior
		unknown.ExpiresAt = nil
		token, _, err := alone.Rotate(t.Context(), unknown)
		expectProblem(t, err, lifecycle.ProblemExpired)
		if token.Status != lifecycle.StatusExpired {
			t.Errorf("what the listener made is %s", token.Status)
		}
	})
}

const testToken = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

// A proxy's Date that is ahead makes a token look newer than it is. Rows tell.
func TestInspect_proxyDate(t *testing.T) {
	t.Parallel()
	s := influxdb3test.New(t)
	old := s.Bootstrap(t)
	prior := refreshed(t, s, old)
	o, _ := operator(t, s, "")
	s.Inject(influxdb3test.Fault{Kind: influxdb3test.SetHeader, Path: regeneratePath, Header: http.Header{"Date": {time.Now().AddDate(2, 0, 0).UTC().Format(http.TimeFormat)}}})
	token, _, err := o.Rotate(t.Context(), prior)
	if err != nil {
		t.Fatal(err)
	}
	// Before a refresh: somebody has rotated and has given us the new token.
	newer := s.Regenerate(t, token.Secret.Reveal())
	holder, c := operator(t, s, newer)
	seen, err := holder.Inspect(t.Context(), token, 0)
	if err != nil || !seen.TakenOver || c.sleptFor() != 0 {
		t.Errorf("a newer token was taken for older: %s, %v after %s", seen.Token.Status, err, c.sleptFor())
	}
	// After a refresh the row counts, for its age too.
	seen, err = holder.Inspect(t.Context(), lifecycle.OperatorToken{
		Secret: influxdb3.NewSecret(newer), Identity: token.Identity, CreatedAt: token.CreatedAt, RotatedAt: token.RotatedAt,
	}, time.Hour)
	if err != nil || seen.Token.RotatedAt.After(time.Now().Add(time.Minute)) || seen.Token.ListedAt.IsZero() {
		t.Errorf("rotated at %s, %v", seen.Token.RotatedAt, err)
	}
}

// A date that is right within a second or two stays: a change would only make plans.
func TestInspect_keepsRotatedAt(t *testing.T) {
	t.Parallel()
	s := influxdb3test.New(t)
	o, _ := operator(t, s, "")
	token, _, err := o.Rotate(t.Context(), refreshed(t, s, s.Bootstrap(t)))
	if err != nil {
		t.Fatal(err)
	}
	seen, err := o.Inspect(t.Context(), token, 0)
	if err != nil || !seen.Token.RotatedAt.Equal(token.RotatedAt) {
		t.Errorf("%s became %s, %v", token.RotatedAt, seen.Token.RotatedAt, err)
	}
}

func TestFallback(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		credential func(t *testing.T, s *influxdb3test.Server, operator string) string
		recovery   bool
		want       lifecycle.Fallback
	}{
		"none":          {nil, false, lifecycle.FallbackNone},
		"listener":      {nil, true, lifecycle.FallbackRecovery},
		"same":          {func(_ *testing.T, _ *influxdb3test.Server, operator string) string { return operator }, false, lifecycle.FallbackSame},
		"same, and one": {func(_ *testing.T, _ *influxdb3test.Server, operator string) string { return operator }, true, lifecycle.FallbackRecovery},
		"refused":       {func(*testing.T, *influxdb3test.Server, string) string { return "apiv3_dead" }, false, lifecycle.FallbackRefused},
		"active": {func(t *testing.T, s *influxdb3test.Server, operator string) string {
			t.Helper()
			return s.CreateNamedAdmin(t, operator, "automation", 0)
		}, true, lifecycle.FallbackActive},
		"expiring": {func(t *testing.T, s *influxdb3test.Server, operator string) string {
			t.Helper()
			return s.CreateNamedAdmin(t, operator, "automation", 24*3600)
		}, false, lifecycle.FallbackExpiring},
		"expires some day": {func(t *testing.T, s *influxdb3test.Server, operator string) string {
			t.Helper()
			return s.CreateNamedAdmin(t, operator, "automation", 40*24*3600)
		}, false, lifecycle.FallbackActive},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := influxdb3test.New(t, influxdb3test.WithRecovery())
			old := s.Bootstrap(t)
			prior := refreshed(t, s, old)
			credential := ""
			if tt.credential != nil {
				credential = tt.credential(t, s, old)
			}
			var change []func(*influxdb3.Config)
			if tt.recovery {
				change = append(change, withRecovery(t, s))
			}
			o, _ := operator(t, s, credential, change...)
			s.ResetRequests()
			seen, err := o.Inspect(t.Context(), prior, 0)
			if err != nil || seen.Fallback != tt.want || len(s.Requests()) != 1 {
				t.Errorf("got %s, %v with %d requests", seen.Fallback, err, len(s.Requests()))
			}
			if works := tt.want == lifecycle.FallbackActive || tt.want == lifecycle.FallbackExpiring || tt.want == lifecycle.FallbackRecovery; seen.Fallback.Works() != works {
				t.Errorf("%s works: %t", seen.Fallback, !works)
			}
			s.Regenerate(t, old) // and the same when the token in state is refused
			if name == "same" || name == "same, and one" {
				return // it is refused itself
			}
			seen, err = o.Inspect(t.Context(), prior, 0)
			if err != nil || seen.Fallback != tt.want || seen.Token.Status != lifecycle.StatusRejected {
				t.Errorf("refused: %s, %s, %v", seen.Token.Status, seen.Fallback, err)
			}
		})
	}
}

// What a replacement has taken out of state comes back as it is, and is regenerated
// only if that was asked for.
func TestResume(t *testing.T) {
	t.Parallel()
	type world struct {
		s     *influxdb3test.Server
		token string
	}
	for name, tt := range map[string]struct {
		before          func(t *testing.T, w *world)
		down            bool
		rotate, consent bool
		problem         lifecycle.Problem
		status          lifecycle.Status
		same            bool // as what was handed over
		warnings        int
	}{
		"as it is":        {status: lifecycle.StatusActive, same: true},
		"asked to rotate": {rotate: true, status: lifecycle.StatusActive},
		"consent":         {consent: true, status: lifecycle.StatusActive},
		"another server, which is new": {
			before: func(t *testing.T, w *world) { t.Helper(); w.s.Replace(t) }, status: lifecycle.StatusActive, warnings: 1,
		},
		"another server, asked to rotate": {
			before: func(t *testing.T, w *world) { t.Helper(); w.s.Replace(t) }, rotate: true, status: lifecycle.StatusActive, warnings: 1,
		},
		"another server, which has one": {
			before: func(t *testing.T, w *world) { t.Helper(); w.s.Replace(t); w.s.Bootstrap(t) }, problem: lifecycle.ProblemNoCredential, status: lifecycle.StatusActive, same: true,
		},
		"regenerated elsewhere": {
			before: func(t *testing.T, w *world) { t.Helper(); w.s.Regenerate(t, w.token) }, problem: lifecycle.ProblemNoCredential, status: lifecycle.StatusRejected, same: true,
		},
		"the server is down": {down: true, problem: lifecycle.ProblemNotDone, status: lifecycle.StatusActive, same: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := influxdb3test.New(t)
			w := &world{s, s.Bootstrap(t)}
			handed := refreshed(t, s, w.token)
			if !namesItself(handed) {
				t.Skip("needs a server that names its cluster in a refusal (3.8 and later)")
			}
			if tt.before != nil {
				tt.before(t, w)
			}
			if tt.down {
				s.Down()
			}
			o, _ := operator(t, s, "")
			token, warnings, err := o.Resume(t.Context(), handed, tt.rotate, tt.consent)
			expectProblem(t, err, tt.problem)
			s.Up()
			if token.Status != tt.status || (token.Hash() == handed.Hash()) != tt.same || len(warnings) != tt.warnings {
				t.Errorf("got %s, same %t, %v", token.Status, token.Hash() == handed.Hash(), warnings)
			}
			if err == nil && !s.Accepts(t, token.Secret.Reveal()) {
				t.Error("a success with a dead token")
			}
		})
	}
}

// A server from before 3.7 that is new cannot be told from one whose token somebody
// has regenerated, until it makes one.
func TestResume_unnamedNewServer(t *testing.T) {
	t.Parallel()
	s := influxdb3test.New(t, influxdb3test.As("3.4"))
	handed := refreshed(t, s, s.Bootstrap(t))
	s.Replace(t)
	for _, rotate := range []bool{true, false} {
		o, _ := operator(t, s, "")
		token, _, err := o.Resume(t.Context(), handed, rotate, false)
		if err != nil || !s.Accepts(t, token.Secret.Reveal()) {
			t.Errorf("rotate %t: %v", rotate, err)
		}
		s.Replace(t)
	}
}

// A bootstrap whose answer proves nothing.
func TestEstablish_doneAllTheSame(t *testing.T) {
	t.Parallel()
	faults := map[string]influxdb3test.Fault{"repeated": {Kind: influxdb3test.Repeat}, "empty 401": {Kind: influxdb3test.AnswerAfter, Status: 401, NoBody: true}}
	for _, status := range []int{400, 403, 404, 405, 409, 413, 429} {
		faults[strconv.Itoa(status)] = influxdb3test.Fault{Kind: influxdb3test.AnswerAfter, Status: status}
	}
	versions(t, func(t *testing.T, as influxdb3test.Option) {
		for name, fault := range faults {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				s := influxdb3test.New(t, as, influxdb3test.WithRecovery())
				fault := fault
				fault.Path = createPath
				s.Inject(fault)
				o, c := operator(t, s, "", withRecovery(t, s))
				// The first answer of a request that was sent twice is the server's own: only
				// consent tells it from a server that somebody else has bootstrapped.
				token, _, err := o.Establish(t.Context(), name == "repeated")
				if err != nil || !s.Accepts(t, token.Secret.Reveal()) || c.sleptFor() > 5*time.Second {
					t.Errorf("not healed: %v after %s", err, c.sleptFor())
				}
			})
		}
	})
	t.Run("repeated, without consent", func(t *testing.T) {
		t.Parallel()
		s := influxdb3test.New(t, influxdb3test.WithRecovery())
		s.Inject(influxdb3test.Fault{Kind: influxdb3test.Repeat, Path: createPath})
		o, _ := operator(t, s, "", withRecovery(t, s))
		_, _, err := o.Establish(t.Context(), false)
		expectProblem(t, err, lifecycle.ProblemNoCredential)
	})
	t.Run("repeated, with a token of another name", func(t *testing.T) {
		t.Parallel()
		const file = "apiv3_a-token-out-of-a-file"
		s := influxdb3test.New(t, influxdb3test.WithTokenFile("file-admin", file))
		s.Inject(influxdb3test.Fault{Kind: influxdb3test.Repeat, Path: createPath})
		o, _ := operator(t, s, file)
		token, warnings, err := o.Establish(t.Context(), false)
		if err != nil || len(warnings) != 1 || !s.Accepts(t, token.Secret.Reveal()) {
			t.Errorf("not healed: %v, %v", warnings, err)
		}
	})
	t.Run("gives up for ever", func(t *testing.T) {
		t.Parallel()
		s := influxdb3test.New(t, influxdb3test.WithRecovery())
		s.Inject(influxdb3test.Fault{Kind: influxdb3test.Answer, Status: 403, Path: createPath, Times: -1})
		o, _ := operator(t, s, "", withRecovery(t, s))
		_, _, err := o.Establish(t.Context(), false)
		expectProblem(t, err, lifecycle.ProblemUnresolved)
	})
}

// A reply out of a cache to a bootstrap has a token that is older than the request. A
// clock that is ahead makes every one look like that, and costs a look.
func TestEstablish_oldToken(t *testing.T) {
	t.Parallel()
	for name, version := range map[string]string{"rebuilt": "3.10", "rebuilt, unnamed": "3.4"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := influxdb3test.New(t, influxdb3test.As(version))
			first, c := operator(t, s, "")
			if _, _, err := first.Establish(t.Context(), false); err != nil {
				t.Fatal(err)
			}
			s.Replace(t)
			_ = c.Sleep(t.Context(), time.Hour)
			s.Inject(influxdb3test.Fault{Kind: influxdb3test.Cache, Path: createPath})
			token, _, err := first.Establish(t.Context(), false)
			if err == nil && !s.Accepts(t, token.Secret.Reveal()) {
				t.Error("a success with a token of before")
			}
		})
	}
	t.Run("a clock ahead", func(t *testing.T) {
		t.Parallel()
		s := influxdb3test.New(t)
		o, c := operator(t, s, "")
		_ = c.Sleep(t.Context(), time.Hour)
		token, _, err := o.Establish(t.Context(), false)
		if err != nil || !s.Accepts(t, token.Secret.Reveal()) || count(s, queryPath) != 1 {
			t.Errorf("%v after %d looks", err, count(s, queryPath))
		}
	})
}

// A cut reply to a bootstrap, and nobody to ask.
func TestEstablish_tokenInHand(t *testing.T) {
	t.Parallel()
	versions(t, func(t *testing.T, as influxdb3test.Option) {
		s := influxdb3test.New(t, as)
		s.Inject(influxdb3test.Fault{Kind: influxdb3test.Truncate, Path: createPath, Keep: 200})
		s.Inject(influxdb3test.Fault{Kind: influxdb3test.Answer, Path: queryPath, Status: 401, NoBody: true, Times: -1})
		o, _ := operator(t, s, "")
		token, warnings, err := o.Establish(t.Context(), false)
		s.ClearFaults()
		if err != nil || len(warnings) != 1 || !s.Accepts(t, token.Secret.Reveal()) {
			t.Errorf("the token in hand was dropped: %v, %v", warnings, err)
		}
	})
}

// What is known before a creation.
func TestForesee(t *testing.T) {
	t.Parallel()
	s := influxdb3test.New(t)
	foresee := func(credential string, consent bool) (lifecycle.Foresight, error) {
		o, _ := operator(t, s, credential)
		return o.Foresee(t.Context(), consent)
	}
	if seen, err := foresee("apiv3_any", false); err != nil || seen.Mark.Hash != "" {
		t.Errorf("a new server: %+v, %v", seen, err)
	}
	old := s.Bootstrap(t)
	admin := s.CreateNamedAdmin(t, old, "automation", 0)
	hash := influxdb3.NewSecret(old).Hash()
	if seen, err := foresee(old, false); err != nil || seen.Mark.Hash != hash || seen.Mark.ClusterUUID != s.ClusterUUID(t) || seen.Mark.CreatedAt.IsZero() || seen.Regenerate {
		t.Errorf("to be adopted: %+v, %v", seen, err)
	}
	for _, credential := range []string{old, admin} {
		if seen, err := foresee(credential, true); err != nil || seen.Mark.Hash != hash || !seen.Regenerate {
			t.Errorf("to be regenerated: %+v, %v", seen, err)
		}
	}
	_, err := foresee(admin, false)
	expectProblem(t, err, lifecycle.ProblemNotOperatorToken)
	s.ResetRequests()
	if seen, err := foresee("", false); err != nil || seen.Mark.Hash != "" || len(s.Requests()) != 0 {
		t.Errorf("without a credential: %+v, %v, %d requests", seen, err, len(s.Requests()))
	}
	s.Down()
	if _, err := foresee(admin, false); err != nil {
		t.Errorf("a server that is not there yet: %v", err)
	}
	s = influxdb3test.New(t, influxdb3test.WithoutAuth())
	_, err = foresee(admin, false)
	expectProblem(t, err, lifecycle.ProblemAuthenticationOff)
}

// A name that is made for a token, or that was free, and is taken all the same: what
// took it is ours, and no orphan stays.
func TestIssue_doneAllTheSame(t *testing.T) {
	t.Parallel()
	faults := map[string]influxdb3test.Fault{"repeated": {Kind: influxdb3test.Repeat}, "empty 401": {Kind: influxdb3test.AnswerAfter, Status: 401, NoBody: true}}
	for _, status := range []int{400, 403, 404, 405, 409, 413, 429} {
		faults[strconv.Itoa(status)] = influxdb3test.Fault{Kind: influxdb3test.AnswerAfter, Status: status}
	}
	versions(t, func(t *testing.T, as influxdb3test.Option) {
		for name, fault := range faults {
			for _, token := range []string{"ci", "unique-1"} {
				t.Run(name+" "+token, func(t *testing.T) {
					t.Parallel()
					s := influxdb3test.New(t, as)
					admin := s.Bootstrap(t)
					_, issue := issuer(t, s, admin)
					fault := fault
					fault.Path = namedPath
					s.Inject(fault)
					made, warnings, err := issue(t.Context(), token)
					if err != nil || len(warnings) != 1 || !s.Accepts(t, made.Secret.Reveal()) || len(s.Names(t, admin)) != 2 {
						t.Errorf("%v, %v, %v", warnings, err, s.Names(t, admin))
					}
				})
			}
		}
	})
}

// A rotation by age is no consent to regenerate a token that somebody else has made
// between the plan and the apply. One that was made by our own request, sent twice, is
// healed.
func TestRotate_byAge(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		byAge, theirs bool
		fault         influxdb3test.Fault
		want          lifecycle.Problem
	}{
		"theirs":              {true, true, influxdb3test.Fault{}, lifecycle.ProblemRegeneratedElsewhere},
		"theirs, by triggers": {false, true, influxdb3test.Fault{}, 0},
		"ours, sent twice":    {true, false, influxdb3test.Fault{Kind: influxdb3test.Repeat, Path: regeneratePath}, 0},
		"still the one in state": {true, false, influxdb3test.Fault{
			Kind: influxdb3test.Answer, Path: regeneratePath, Status: http.StatusUnauthorized, Body: `{"error": "the request was not authenticated"}`,
		}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := &clock{}
			s := influxdb3test.New(t, influxdb3test.Clock(c.Now))
			old := s.Bootstrap(t)
			prior := refreshed(t, s, old)
			admin := s.CreateNamedAdmin(t, old, "automation", 0)
			var theirs string
			if tt.theirs {
				theirs = s.Regenerate(t, old)
			}
			_ = c.Sleep(t.Context(), time.Minute)
			if tt.fault.Path != "" {
				tt.fault.Header = named(t, s)
				s.Inject(tt.fault)
			}
			o, _ := operator(t, s, admin)
			o.Clock, o.ByAge = c, tt.byAge
			token, _, err := o.Rotate(t.Context(), prior)
			expectProblem(t, err, tt.want)
			if tt.want != 0 {
				if !s.Accepts(t, theirs) || lifecycle.MayBeDone(err) || !lifecycle.TokenIsDead(err) {
					t.Error("somebody else's token was regenerated, or the error says something else")
				}
			} else if !s.Accepts(t, token.Secret.Reveal()) {
				t.Error("not rotated")
			}
		})
	}
}
