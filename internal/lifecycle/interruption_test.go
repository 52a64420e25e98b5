package lifecycle_test

import (
	"context"
	"testing"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3"
	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3test"
	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/lifecycle"
)

// interruptedAt injects a fault and returns a context that ends when a request gets
// there, which is before its connection is cut.
func interruptedAt(t *testing.T, s *influxdb3test.Server, fault influxdb3test.Fault) context.Context {
	t.Helper()
	wait, reached := make(chan struct{}), make(chan struct{}, 1)
	fault.Wait, fault.Reached = wait, reached
	s.Inject(fault)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-reached
		cancel()
		close(wait)
	}()
	return ctx
}

// A creation or a deletion that is interrupted in its middle, and whose reply is lost
// as well, is found out about all the same.
func TestInterruptedInTheMiddle(t *testing.T) {
	t.Parallel()
	t.Run("issue", func(t *testing.T) {
		t.Parallel()
		for _, name := range []string{"ci", "unique-1"} {
			s := influxdb3test.New(t)
			admin := s.Bootstrap(t)
			_, issue := issuer(t, s, admin)
			_, _, err := issue(interruptedAt(t, s, influxdb3test.Fault{Kind: influxdb3test.CutAfter, Path: namedPath}), name)
			expectProblem(t, err, lifecycle.ProblemInterrupted) // before it was sent once more
			if names := s.Names(t, admin); len(names) != 1 {
				t.Errorf("an orphan is left: %v", names)
			}
		}
	})
	t.Run("issue, cut behind the token", func(t *testing.T) {
		t.Parallel()
		s := influxdb3test.New(t)
		admin := s.Bootstrap(t)
		_, issue := issuer(t, s, admin)
		token, warnings, err := issue(interruptedAt(t, s, influxdb3test.Fault{Kind: influxdb3test.Truncate, Keep: 200, Path: namedPath}), "ci")
		if err != nil || len(warnings) != 0 || !s.Accepts(t, token.Secret.Reveal()) {
			t.Errorf("not found: %v, %v", warnings, err)
		}
	})
	for name, kind := range map[string]influxdb3test.FaultKind{"done": influxdb3test.CutAfter, "not done": influxdb3test.CutBefore} {
		t.Run("revoke, "+name, func(t *testing.T) {
			t.Parallel()
			s := influxdb3test.New(t)
			admin := s.Bootstrap(t)
			secret := s.CreateNamedAdmin(t, admin, "ci", 0)
			i, _ := issuer(t, s, admin)
			ctx := interruptedAt(t, s, influxdb3test.Fault{Kind: kind, Path: deletePath})
			err := i.Revoke(ctx, lifecycle.Issued{Name: "ci", Hash: influxdb3.NewSecret(secret).Hash(), ClusterUUID: s.ClusterUUID(t)})
			if name == "done" {
				expectProblem(t, err, 0)
			} else {
				expectProblem(t, err, lifecycle.ProblemInterrupted)
			}
			if s.Accepts(t, secret) != (name == "not done") {
				t.Error("it claims something else than what is")
			}
		})
	}
	for _, with := range []string{"a token from a file", "the listener"} {
		t.Run("establish with "+with, func(t *testing.T) {
			t.Parallel()
			const file = "apiv3_a-token-out-of-a-file"
			s := influxdb3test.New(t, influxdb3test.WithRecovery(), influxdb3test.WithTokenFile("file-admin", file))
			o, _ := operator(t, s, "", withRecovery(t, s))
			if with == "a token from a file" {
				o, _ = operator(t, s, file)
			}
			token, warnings, err := o.Establish(interruptedAt(t, s, influxdb3test.Fault{Kind: influxdb3test.CutAfter, Path: createPath}), false)
			if err != nil || len(warnings) != 1 || !s.Accepts(t, token.Secret.Reveal()) {
				t.Errorf("not healed: %v, %v", warnings, err)
			}
		})
	}
	t.Run("rotate", func(t *testing.T) {
		t.Parallel()
		s := influxdb3test.New(t)
		old := s.Bootstrap(t)
		prior := kept(t, s, old)
		o, _ := operator(t, s, s.CreateNamedAdmin(t, old, "automation", 0))
		token, warnings, err := o.Rotate(interruptedAt(t, s, influxdb3test.Fault{Kind: influxdb3test.CutAfter, Path: regeneratePath}), prior)
		if err != nil || len(warnings) != 1 || !s.Accepts(t, token.Secret.Reveal()) {
			t.Errorf("not healed: %v, %v", warnings, err)
		}
	})
}

// On Enterprise the configured token may list and not regenerate. With consent the
// listener does it.
func TestEstablish_enterprise(t *testing.T) {
	t.Parallel()
	s := influxdb3test.New(t, influxdb3test.Enterprise(), influxdb3test.WithRecovery())
	old := s.Bootstrap(t)
	credential := s.CreateNamedAdmin(t, old, "automation", 0)
	o, _ := operator(t, s, credential)
	_, _, err := o.Establish(t.Context(), true)
	expectProblem(t, err, lifecycle.ProblemForbidden)
	o, _ = operator(t, s, credential, withRecovery(t, s))
	_, _, err = o.Establish(t.Context(), false)
	expectProblem(t, err, lifecycle.ProblemNotOperatorToken)
	if !s.Accepts(t, old) {
		t.Fatal("it was regenerated without consent")
	}
	token, warnings, err := o.Establish(t.Context(), true)
	if err != nil || len(warnings) != 1 || !s.Accepts(t, token.Secret.Reveal()) || s.Accepts(t, old) {
		t.Errorf("not regenerated: %v, %v", warnings, err)
	}
	if uuid := s.ClusterUUID(t); token.ClusterUUID != uuid {
		t.Errorf("it belongs to %q, want %q", token.ClusterUUID, uuid)
	}
}
