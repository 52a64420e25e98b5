//go:build linux || darwin

package e2e

import (
	"bytes"
	"errors"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3test"
)

// patience bounds every wait for something that is to happen at once.
const patience = time.Minute

// process is a CLI that runs, the leader of a process group of its own.
type process struct {
	t      testing.TB
	args   string
	cmd    *exec.Cmd
	stdout *transcript
	stderr *transcript
	ended  chan struct{}
}

// start runs the CLI in the background. The log of the provider goes to stderr,
// so that a test can wait for what the provider has seen.
func (w *workspace) start(args ...string) *process {
	w.t.Helper()
	p := &process{
		t: w.t, args: strings.Join(args, " "), cmd: w.command(args...),
		stdout: newTranscript(), stderr: newTranscript(), ended: make(chan struct{}),
	}
	p.cmd.Stdout, p.cmd.Stderr = p.stdout, p.stderr
	p.cmd.Env = append(p.cmd.Env, "TF_LOG_PROVIDER=TRACE")
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := p.cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	go func() {
		_ = p.cmd.Wait() // its exit code is looked at in end
		close(p.ended)
	}()
	w.t.Cleanup(func() {
		_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) // nothing is left of it in most tests
		<-p.ended
	})
	return p
}

// signal sends a signal to the CLI alone.
func (p *process) signal(sig syscall.Signal) {
	p.t.Helper()
	p.kill(p.cmd.Process.Pid, sig)
}

// signalGroup sends a signal to the CLI and its providers.
func (p *process) signalGroup(sig syscall.Signal) {
	p.t.Helper()
	p.kill(-p.cmd.Process.Pid, sig)
}

// expectGone expects the CLI's whole process group to end.
func (p *process) expectGone() {
	p.t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	timeout := time.After(patience)
	for !errors.Is(syscall.Kill(-p.cmd.Process.Pid, 0), syscall.ESRCH) {
		select {
		case <-tick.C:
		case <-timeout:
			p.t.Fatal("a provider process stays")
		}
	}
}

func (p *process) kill(pid int, sig syscall.Signal) {
	p.t.Helper()
	if err := syscall.Kill(pid, sig); err != nil {
		p.t.Fatalf("kill %d: %v", pid, err)
	}
}

// killProvider kills the one provider process of the CLI.
func (p *process) killProvider() {
	p.t.Helper()
	out, err := exec.Command("ps", "-A", "-o", "pid=,ppid=,command=").Output()
	if err != nil {
		p.t.Fatalf("ps: %v", err)
	}
	var found []int
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		if len(fields) < 3 || fields[1] != strconv.Itoa(p.cmd.Process.Pid) || !strings.Contains(fields[2], "terraform-provider-influxdb3") {
			continue
		}
		pid, err := strconv.Atoi(fields[0])
		if err != nil {
			p.t.Fatalf("ps: %v", err)
		}
		found = append(found, pid)
	}
	if len(found) != 1 {
		p.t.Fatalf("the CLI has %d provider processes, want 1", len(found))
	}
	p.kill(found[0], syscall.SIGKILL)
}

// waitFor waits until the CLI has written a text to stdout or, as the log of its
// provider, to stderr.
func (p *process) waitFor(text string) {
	p.t.Helper()
	select {
	case <-p.stdout.contains(text):
	case <-p.stderr.contains(text):
	case <-p.ended:
		p.t.Fatalf("ended before it wrote %q: %s", text, p.result())
	case <-time.After(patience):
		p.t.Fatalf("did not write %q: %s", text, p.result())
	}
}

// waitForStop waits until the CLI has been told to stop and has passed it on to
// the provider, whose running call is cancelled from then on.
func (p *process) waitForStop() {
	p.t.Helper()
	p.waitFor("Stopping operation...")
	p.waitFor("Closed all our contexts") // the plugin's SDK does so for this reason alone
}

// end waits for the CLI to end.
func (p *process) end() result {
	p.t.Helper()
	select {
	case <-p.ended:
	case <-time.After(patience):
		p.t.Fatalf("did not end: %s", p.result())
	}
	return p.result()
}

func (p *process) result() result {
	r := result{args: p.args, code: -1, stdout: p.stdout.String(), stderr: logLines.ReplaceAllString(p.stderr.String(), "")}
	select {
	case <-p.ended:
		r.code = p.cmd.ProcessState.ExitCode()
	default:
	}
	return r
}

// transcript keeps what is written to it and tells when a text has come.
type transcript struct {
	mu      sync.Mutex
	buf     bytes.Buffer
	waiting map[string]chan struct{}
}

func newTranscript() *transcript { return &transcript{waiting: map[string]chan struct{}{}} }

// Write implements io.Writer.
func (t *transcript) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf.Write(b)
	t.tell()
	return len(b), nil
}

// tell closes the channels of texts that have come. t.mu is held.
func (t *transcript) tell() {
	for text, came := range t.waiting {
		if bytes.Contains(t.buf.Bytes(), []byte(text)) {
			close(came)
			delete(t.waiting, text)
		}
	}
}

// contains returns a channel that is closed as soon as the text has come.
func (t *transcript) contains(text string) <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	came := t.waiting[text]
	if came == nil {
		came = make(chan struct{})
		t.waiting[text] = came
	}
	t.tell()
	return came
}

// String is all that was written.
func (t *transcript) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.buf.String()
}

// hold is a request that is held up.
type hold struct {
	t       testing.TB
	wait    chan struct{}
	reached chan struct{}
	once    sync.Once
}

// holdRegenerate holds the next n requests to regenerate, before the server gets
// to see them (DelayBefore) or after it carried them out (DelayAfter).
func holdRegenerate(t testing.TB, s *influxdb3test.Server, kind influxdb3test.FaultKind, n int) *hold {
	return holdRequest(t, s, regeneratePath, kind, n)
}

func holdRequest(t testing.TB, s *influxdb3test.Server, path string, kind influxdb3test.FaultKind, n int) *hold {
	h := &hold{t: t, wait: make(chan struct{}), reached: make(chan struct{}, n)}
	s.Inject(influxdb3test.Fault{Path: path, Kind: kind, Times: n, Wait: h.wait, Reached: h.reached})
	t.Cleanup(h.release)
	return h
}

// inFlight waits until a request is held.
func (h *hold) inFlight() {
	h.t.Helper()
	select {
	case <-h.reached:
	case <-time.After(patience):
		h.t.Fatal("no request to regenerate arrived")
	}
}

// release lets the requests go.
func (h *hold) release() { h.once.Do(func() { close(h.wait) }) }
