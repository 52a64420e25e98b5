//go:build linux || darwin

package e2e

import (
	"strings"
	"syscall"
	"testing"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3test"
)

// A rotation under way is finished, and its token saved, whoever asks to stop.
func TestRotationSurvivesSignals(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		stop func(*process)
		kind influxdb3test.FaultKind
	}{
		"interrupt to the CLI":            {func(p *process) { p.signal(syscall.SIGINT) }, influxdb3test.DelayAfter},
		"interrupt to the group":          {func(p *process) { p.signalGroup(syscall.SIGINT) }, influxdb3test.DelayBefore},
		"termination of the CLI":          {func(p *process) { p.signal(syscall.SIGTERM) }, influxdb3test.DelayBefore},
		"termination of the group":        {func(p *process) { p.signalGroup(syscall.SIGTERM) }, influxdb3test.DelayAfter},
		"termination of the group, early": {func(p *process) { p.signalGroup(syscall.SIGTERM) }, influxdb3test.DelayBefore},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := influxdb3test.New(t)
			w := operatorWorkspace(t, s)
			old := w.state().text("token")
			h := holdRegenerate(t, s, tt.kind, 1)

			w.set("TF_VAR_trigger", "2")
			p := w.start("apply")
			h.inFlight()
			tt.stop(p)
			p.waitForStop()
			h.release()
			r := p.end()

			if r.code != 1 {
				t.Errorf("an interrupted apply ends in success: %s", r)
			}
			rotated := w.expectWorkingToken(s, old)
			if got := w.state().trigger(); got != "2" {
				t.Errorf("the trigger in state is %q, want the new one: %s", got, r)
			}
			if s.Accepts(t, old) {
				t.Error("the server still accepts the old token")
			}

			// Outputs are the CLI's own, which an interrupted apply leaves as they
			// were. The next one brings them up to date and rotates nothing.
			if out := w.output("token"); out != old {
				t.Errorf("the output is not the old token any more: an interrupted apply saves outputs now")
			}
			expectOutput(t, w.must("apply"), "0 added, 0 changed, 0 destroyed")
			if out := w.output("token"); out != rotated {
				t.Error("the output is not the token in state")
			}
			if n := count(s, regeneratePath); n != 1 {
				t.Errorf("%d regenerations, want 1", n)
			}
		})
	}
}

// A new server's token is as precious as a rotated one.
func TestBootstrapSurvivesTermination(t *testing.T) {
	t.Parallel()
	s := influxdb3test.New(t)
	w := newWorkspace(t, s, operatorConfig)
	h := holdRequest(t, s, createPath, influxdb3test.DelayAfter, 1)

	p := w.start("apply")
	h.inFlight()
	p.signalGroup(syscall.SIGTERM)
	p.waitForStop()
	h.release()
	p.end()

	w.expectWorkingToken(s, "")
	expectOutput(t, w.must("apply"), "0 added, 0 changed, 0 destroyed")
	if n := count(s, createPath); n != 1 {
		t.Errorf("%d requests to create the token, want 1", n)
	}
}

// Interrupted while something comes before it, a rotation is not begun.
func TestInterruptedBeforeRotation(t *testing.T) {
	t.Parallel()
	s := influxdb3test.New(t)
	w := operatorWorkspace(t, s)
	old := w.state().text("token")

	if err := syscall.Mkfifo(w.path("gate"), 0o600); err != nil {
		t.Fatal(err)
	}
	w.write("gate.tf", `
resource "terraform_data" "gate" {
  provisioner "local-exec" {
    command = "echo at the gate; cat gate"
  }
}
`)
	w.write("main.tf", strings.Replace(operatorConfig, "rotation_triggers =", "depends_on = [terraform_data.gate]\n  rotation_triggers =", 1))
	w.set("TF_VAR_trigger", "2")
	p := w.start("apply")
	p.waitFor("(local-exec): at the gate")
	p.signal(syscall.SIGINT)
	p.waitFor("Stopping operation...")
	p.end() // which ends the command at the gate, too

	if n := count(s, regeneratePath); n != 0 {
		t.Errorf("%d regenerations, want none", n)
	}
	w.expectKept(old, "active")
	if !s.Accepts(t, old) {
		t.Error("the server refuses the old token")
	}

	w.write("gate.tf", `resource "terraform_data" "gate" {}`)
	w.must("apply")
	w.expectWorkingToken(s, old)
	if n := count(s, regeneratePath); n != 1 {
		t.Errorf("%d regenerations, want 1", n)
	}
}

// Waiting for a server ends with an interruption, and nothing was created.
func TestInterruptedWhileWaitingForServer(t *testing.T) {
	t.Parallel()
	s := influxdb3test.New(t)
	w := newWorkspace(t, s, operatorConfig+"\nprovider \"influxdb3\" {\n  startup_timeout = \"1h\"\n}\n")
	s.Down()
	p := w.start("apply")
	p.waitFor("waiting for InfluxDB to answer")
	p.signal(syscall.SIGINT)
	r := p.end()
	if r.code != 1 {
		t.Errorf("an interrupted apply ends in success: %s", r)
	}
	expectOutput(t, r, "Interrupted while waiting for the server to answer", "No request was sent that changes anything", "Apply again")
	s.Up()
	if resources := list(w.wholeState()["resources"]); len(resources) != 0 {
		t.Errorf("the state has %v", resources)
	}
	w.must("apply")
	w.expectWorkingToken(s, "")
	if n := count(s, createPath); n != 1 {
		t.Errorf("%d requests to create the token, want 1", n)
	}
}
