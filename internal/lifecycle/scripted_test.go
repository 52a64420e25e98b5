package lifecycle

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3"
)

// scripted is a server that answers as a test says, for what no real one can be made
// to do. A call that the test has no answer for is an error of the test. What is asked
// on a context that has ended is not sent.
type scripted struct {
	t          *testing.T
	find       func(credential influxdb3.Secret) (*influxdb3.Listing, error)
	regenerate func(credential influxdb3.Secret) (*influxdb3.Token, error)
	create     func() (*influxdb3.Token, error)
	recovery   func() (*influxdb3.Token, error)
	remove     func(name string) (string, error)
	ping       func() (*influxdb3.ServerInfo, error)
	names      func() (string, error)
	calls      []string
}

// answer logs a call and makes it, unless the context has ended.
func answer[T any](ctx context.Context, s *scripted, name string, known bool, call func() (T, error)) (T, error) {
	var none T
	if err := ctx.Err(); err != nil {
		return none, &influxdb3.Error{Kind: influxdb3.KindNotSent, Err: err}
	}
	s.calls = append(s.calls, name)
	if !known {
		s.t.Errorf("nobody should call %s", name)
		return none, &influxdb3.Error{Kind: influxdb3.KindUnexpected}
	}
	return call()
}

func (s *scripted) count(name string) int {
	return len(slices.DeleteFunc(slices.Clone(s.calls), func(called string) bool { return called != name }))
}

func (s *scripted) FindToken(ctx context.Context, credential influxdb3.Secret, _, _ string) (*influxdb3.Listing, error) {
	return answer(ctx, s, "find", s.find != nil, func() (*influxdb3.Listing, error) { return s.find(credential) })
}

func (s *scripted) RegenerateOperatorToken(ctx context.Context, credential influxdb3.Secret) (*influxdb3.Token, error) {
	return answer(ctx, s, "regenerate", s.regenerate != nil, func() (*influxdb3.Token, error) { return s.regenerate(credential) })
}

func (s *scripted) CreateOperatorToken(ctx context.Context) (*influxdb3.Token, error) {
	return answer(ctx, s, "create", s.create != nil, func() (*influxdb3.Token, error) { return s.create() })
}

func (s *scripted) RecoverOperatorToken(ctx context.Context) (*influxdb3.Token, error) {
	return answer(ctx, s, "recover", s.recovery != nil, func() (*influxdb3.Token, error) { return s.recovery() })
}

func (s *scripted) HasRecovery() bool { return s.recovery != nil }

func (s *scripted) DeleteToken(ctx context.Context, _ influxdb3.Secret, name string) (string, error) {
	return answer(ctx, s, "delete", s.remove != nil, func() (string, error) { return s.remove(name) })
}

// Ping fails if the test says nothing of it, as where the credential may not.
func (s *scripted) Ping(ctx context.Context, _ influxdb3.Secret) (*influxdb3.ServerInfo, error) {
	return answer(ctx, s, "ping", true, func() (*influxdb3.ServerInfo, error) {
		if s.ping == nil {
			return nil, &influxdb3.Error{Kind: influxdb3.KindForbidden}
		}
		return s.ping()
	})
}

func (s *scripted) Names(ctx context.Context) (string, error) {
	return answer(ctx, s, "names", s.names != nil, func() (string, error) { return s.names() })
}

// watch is a clock that only sleeping moves.
type watch struct {
	now   time.Time
	slept time.Duration
	wake  error // what sleeping ends with
}

func (w *watch) Now() time.Time { return w.now }

func (w *watch) Sleep(ctx context.Context, d time.Duration) error {
	w.now, w.slept = w.now.Add(d), w.slept+d
	if w.wake != nil {
		return w.wake
	}
	return ctx.Err()
}

// Names of what the tests are about.
const here, elsewhere = "here", "elsewhere" // clusters

var (
	noon    = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	mine    = influxdb3.NewSecret("apiv3_mine")
	next    = influxdb3.NewSecret("apiv3_next")
	other   = influxdb3.NewSecret("apiv3_other")
	core    = Identity{ClusterUUID: here, Build: "Core", Version: "3.10.1"}
	cluster = Identity{ClusterUUID: here, Build: "Enterprise", Version: "3.10.1"}
)

// held is a token as it was refreshed an hour ago.
func held() OperatorToken {
	return OperatorToken{
		Identity: core, Secret: mine, Status: StatusActive, CreatedAt: noon.Add(-24 * time.Hour),
		RotatedAt: noon.Add(-time.Hour), ListedAt: noon.Add(-time.Hour), PreviousHash: "0123456789",
	}
}

// row is that of an operator token that was made then.
func row(secret influxdb3.Secret, made time.Time) influxdb3.TokenInfo {
	return influxdb3.TokenInfo{Name: influxdb3.OperatorTokenName, Hash: secret.Hash(), CreatedAt: noon.Add(-24 * time.Hour), UpdatedAt: &made}
}

func listing(rows ...influxdb3.TokenInfo) *influxdb3.Listing {
	return &influxdb3.Listing{Tokens: rows, ClusterUUID: here, Date: noon}
}

// minted201 is the reply to a call that makes a token.
func minted201(secret influxdb3.Secret) *influxdb3.Token {
	return &influxdb3.Token{Name: influxdb3.OperatorTokenName, Secret: secret, CreatedAt: noon.Add(-24 * time.Hour), ClusterUUID: here, Date: noon}
}

// refusal is the server's own.
func refusal() *influxdb3.Error {
	return &influxdb3.Error{Kind: influxdb3.KindUnauthorized, Status: 401, ClusterUUID: here, Recorded: true, Date: noon}
}

func unknown(partial influxdb3.Secret) *influxdb3.Error {
	return &influxdb3.Error{Kind: influxdb3.KindOutcomeUnknown, Op: "do it", Partial: partial, ClusterUUID: here, Date: noon}
}

// expectProblem takes 0 for no error.
func expectProblem(t *testing.T, err error, want Problem) {
	t.Helper()
	var got Problem
	var known *Error
	if errors.As(err, &known) {
		got = known.Problem
	}
	if got != want || (err == nil) != (want == 0) {
		t.Errorf("got problem %d (%v), want %d", got, err, want)
	}
}
