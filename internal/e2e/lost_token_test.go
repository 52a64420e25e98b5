//go:build linux || darwin

package e2e

import (
	"encoding/json"
	"strings"
	"syscall"
	"testing"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3test"
)

// losses are the ways to lose a token between the server's commit and the state.
// The reply is held until they are through.
var losses = map[string]func(*process, *hold){
	"provider killed": func(p *process, h *hold) {
		p.killProvider()
		h.release()
	},
	"everything killed": func(p *process, h *hold) {
		p.signalGroup(syscall.SIGKILL)
		p.end()
		h.release()
	},
	// A second signal makes the CLI give up at once, whatever is under way.
	"two signals": func(p *process, h *hold) {
		p.signal(syscall.SIGINT)
		p.waitForStop()
		p.signalGroup(syscall.SIGTERM)
		p.end()
		h.release()
	},
	// A provider holds SIGTERM back, but not for ever: it goes when there is nobody
	// left to hand a token to.
	"CLI killed after termination": func(p *process, h *hold) {
		p.signalGroup(syscall.SIGTERM)
		p.waitForStop()
		p.signal(syscall.SIGKILL)
		p.end()
		h.release()
		p.expectGone()
	},
}

// loseToken bootstraps, rotates and loses the new token. It returns the workspace
// with the rotation still due and the old token in state, which is dead.
func loseToken(t *testing.T, s *influxdb3test.Server, lose func(*process, *hold)) (w *workspace, old, admin string) {
	t.Helper()
	w = operatorWorkspace(t, s)
	w.age()
	old = w.state().text("token")
	admin = s.CreateNamedAdmin(t, old, "terraform", 0)
	h := holdRegenerate(t, s, influxdb3test.DelayAfter, 1)
	w.set("TF_VAR_trigger", "2")
	before := w.read(stateFile)
	p := w.start("apply")
	h.inFlight()
	lose(p, h)
	if r := p.end(); r.code == 0 {
		t.Errorf("the apply ends in success: %s", r)
	}
	if s.Accepts(t, old) {
		t.Fatal("the old token is accepted: nothing was lost")
	}
	// A CLI that gives up may cut short its own state file, without a backup. That
	// is what versions of a state are kept for.
	if !json.Valid([]byte(w.read(stateFile))) {
		w.write(stateFile, before)
	}
	w.age()                     // again, because the refresh of the apply has set the time right
	w.expectKept(old, "active") // nobody has seen yet that it is dead
	s.ResetRequests()
	return w, old, admin
}

// However it was lost, what is left is the same. So each way is healed by one of those that
// heal.
func TestLostTokenIsReplaced(t *testing.T) {
	t.Parallel()
	heals := map[string]func(t *testing.T, s *influxdb3test.Server, w *workspace, old, admin string){
		"provider killed":              healNothing,
		"everything killed":            healRecovery,
		"two signals":                  healNamedAdmin,
		"CLI killed after termination": healNamedAdmin,
	}
	for name, lose := range losses {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := influxdb3test.New(t, influxdb3test.WithRecovery())
			w, old, admin := loseToken(t, s, lose)
			heals[name](t, s, w, old, admin)
			w.expectWorkingToken(s, old)
			w.expectNothingToDo()
		})
	}
}

func healNamedAdmin(t *testing.T, s *influxdb3test.Server, w *workspace, _, admin string) {
	w.set("INFLUXDB3_AUTH_TOKEN", admin)
	w.must("apply")
	if n := count(s, regeneratePath); n != 2 { // refused with the old token, done with the other
		t.Errorf("%d requests to regenerate, want 2", n)
	}
}

func healRecovery(t *testing.T, s *influxdb3test.Server, w *workspace, _, _ string) {
	w.set("INFLUXDB3_RECOVERY_URL", s.RecoveryURL())
	expectOutput(t, w.must("apply"), "Recovered Through the Recovery Listener")
}

// With nothing it is not healed, nor is it made due by hand: with what the error asks for,
// the same apply goes through.
func healNothing(_ *testing.T, _ *influxdb3test.Server, w *workspace, old, admin string) {
	w.fails([]string{"apply"},
		"Operator Token Is Refused", "will be updated in-place",
		"Unable to Regenerate Operator Token",
		"The old token stays in state with the status rejected, and the rotation stays due",
		"any named admin token",
		"--admin-token-recovery-http-bind",
		"apply again, which then regenerates")
	w.expectKept(old, "rejected")
	w.set("INFLUXDB3_AUTH_TOKEN", admin)
	w.must("apply")
}

// Without the change of the trigger nothing is due any more, and a person has to
// decide.
func TestLostTokenNeedsConsent(t *testing.T) {
	t.Parallel()
	s := influxdb3test.New(t)
	w, old, admin := loseToken(t, s, losses["provider killed"])
	w.set("INFLUXDB3_AUTH_TOKEN", admin)
	w.set("TF_VAR_trigger", "1")
	w.fails([]string{"apply"}, "Operator Token Was Regenerated Elsewhere", "existing_token = \"regenerate\"", "change a value in rotation_triggers")
	if n := count(s, regeneratePath); n != 0 {
		t.Errorf("%d regenerations, want none", n)
	}
	if got := w.state().text("token"); got != old {
		t.Error("the old token is not in state any more")
	}
	w.set("TF_VAR_trigger", "3")
	w.must("apply")
	w.expectWorkingToken(s, old)
	w.expectNothingToDo()
}

// The reply to a bootstrap is lost with the process: nothing is in state.
func TestLostBootstrapIsReplaced(t *testing.T) {
	t.Parallel()
	s := influxdb3test.New(t, influxdb3test.WithRecovery())
	w := newWorkspace(t, s, operatorConfig)
	h := holdRequest(t, s, createPath, influxdb3test.DelayAfter, 1)
	p := w.start("apply")
	h.inFlight()
	p.signalGroup(syscall.SIGKILL)
	p.end()
	h.release()

	w.fails([]string{"apply"}, "Unable to Create Operator Token", "existing_token = \"regenerate\"", "--admin-token-recovery-http-bind")
	w.write("main.tf", strings.Replace(operatorConfig, "rotation_triggers =", "existing_token = \"regenerate\"\n  rotation_triggers =", 1))
	w.set("INFLUXDB3_RECOVERY_URL", s.RecoveryURL())
	w.must("apply")
	w.expectWorkingToken(s, "")
	w.expectNothingToDo()
}

// Two applies from two copies of one state. Whoever comes second must not believe
// in a token that is dead.
func TestTwoAppliesAtOnce(t *testing.T) {
	t.Parallel()
	for name, named := range map[string]bool{"without a token": false, "with a named admin token": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := influxdb3test.New(t)
			one := operatorWorkspace(t, s)
			one.age()
			old := one.state().text("token")
			if named {
				one.set("INFLUXDB3_AUTH_TOKEN", s.CreateNamedAdmin(t, old, "terraform", 0))
			}
			one.set("TF_VAR_trigger", "2")
			two := one.copy(t)
			h := holdRegenerate(t, s, influxdb3test.DelayBefore, 2)
			processes := []*process{one.start("apply"), two.start("apply")}
			h.inFlight()
			h.inFlight()
			h.release()
			ended := 0
			for _, p := range processes {
				if r := p.end(); r.code == 0 {
					ended++
				} else if named {
					t.Errorf("an apply failed: %s", r)
				}
			}
			if ended == 0 {
				t.Error("both applies failed")
			}

			working := map[string]bool{}
			for _, w := range []*workspace{one, two} {
				w.must("apply", "-refresh-only")
				state := w.state()
				token, accepted := state.text("token"), s.Accepts(t, state.text("token"))
				if accepted {
					working[token] = true
				}
				want := map[bool]string{true: "active", false: "rejected"}[accepted]
				if got := state.text("status"); got != want {
					t.Errorf("status is %q of a token that the server accepts: %t", got, accepted)
				}
			}
			if len(working) != 1 {
				t.Errorf("%d working tokens in the two states, want 1", len(working))
			}
			if s.Accepts(t, old) {
				t.Error("the server still accepts the old token")
			}
		})
	}
}
