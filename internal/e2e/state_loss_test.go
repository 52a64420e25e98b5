//go:build linux || darwin

package e2e

import (
	"os"
	"testing"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3test"
)

// errored is where the CLI saves a state that its backend did not take.
const errored = "errored.tfstate"

// failSaving rotates with a backend that takes the state no more when the new
// token comes: its backup has become a directory, which fails even for root.
func failSaving(t *testing.T, s *influxdb3test.Server) (w *workspace, old, admin string) {
	t.Helper()
	w = operatorWorkspace(t, s)
	w.age()
	old = w.state().text("token")
	admin = s.CreateNamedAdmin(t, old, "terraform", 0)
	h := holdRegenerate(t, s, influxdb3test.DelayAfter, 1)
	w.set("TF_VAR_trigger", "2")
	p := w.start("apply")
	h.inFlight()
	if err := os.Mkdir(w.path(stateFile+".backup"), 0o700); err != nil {
		t.Fatal(err)
	}
	h.release()
	r := p.end()
	if r.code != 1 {
		t.Errorf("the apply ends in success: %s", r)
	}
	expectOutput(t, r, "Failed to save state", errored)
	if err := os.Remove(w.path(stateFile + ".backup")); err != nil {
		t.Fatal(err)
	}
	w.expectKept(old, "active")
	return w, old, admin
}

// What the backend did not take is in a file, and pushing that is all there is to do.
func TestUnsavedStateIsPushed(t *testing.T) {
	t.Parallel()
	s := influxdb3test.New(t)
	w, old, _ := failSaving(t, s)
	// The serial counts states that were saved, so that this one has the same as
	// the one that it is to replace.
	w.must("state", "push", "-force", errored)
	w.expectWorkingToken(s, old)
	expectOutput(t, w.must("apply"), "0 added, 0 changed, 0 destroyed")
	if n := count(s, regeneratePath); n != 1 {
		t.Errorf("%d regenerations, want 1", n)
	}
}

// Where that file is gone too, as it is with a job's container, the next apply
// with a named admin token heals.
func TestLostStateIsHealed(t *testing.T) {
	t.Parallel()
	s := influxdb3test.New(t)
	w, old, admin := failSaving(t, s)
	if err := os.Remove(w.path(errored)); err != nil {
		t.Fatal(err)
	}
	w.set("INFLUXDB3_AUTH_TOKEN", admin)
	w.must("apply")
	w.expectWorkingToken(s, old)
	w.expectNothingToDo()
}
