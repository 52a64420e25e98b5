package lifecycle

import (
	"context"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3"
)

var (
	notThere = &influxdb3.Error{Kind: influxdb3.KindNotSent, Err: &net.OpError{Op: "dial"}}
	badGate  = &influxdb3.Error{Kind: influxdb3.KindUnexpected, Status: 502}
)

// late answers looks with one failure after the other, and then with the last one.
func late(server *scripted, failures ...error) *scripted {
	server.names = func() (string, error) {
		var err error
		if n := server.count("names") - 1; len(failures) > 0 {
			err = failures[min(n, len(failures)-1)]
		}
		return "", err
	}
	return server
}

func TestStartup(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		failures []error
		timeout  time.Duration
		wake     error
		looks    int // 0: more than three
		problem  Problem
		slept    [2]time.Duration // at least and at most
	}{
		"is there":        {timeout: time.Minute, looks: 1},
		"turned off":      {failures: []error{notThere}},
		"comes up":        {failures: []error{notThere, badGate, nil}, timeout: time.Minute, looks: 3, slept: [2]time.Duration{startupPauseMin, 3 * startupPauseMin}},
		"never comes":     {failures: []error{notThere}, timeout: time.Minute, problem: ProblemNotStarted, slept: [2]time.Duration{time.Minute, time.Minute}},
		"shorter pause":   {failures: []error{notThere}, timeout: time.Millisecond, looks: 2, problem: ProblemNotStarted, slept: [2]time.Duration{time.Millisecond, time.Millisecond}},
		"says no":         {failures: []error{notThere, refusal()}, timeout: time.Minute, looks: 2, slept: [2]time.Duration{1, startupPauseMin}},
		"redirects":       {failures: []error{&influxdb3.Error{Kind: influxdb3.KindRedirect, Status: 307}}, timeout: time.Minute, looks: 1},
		"is interrupted":  {failures: []error{notThere}, timeout: time.Minute, wake: context.Canceled, looks: 1, problem: ProblemInterrupted, slept: [2]time.Duration{1, startupPauseMin}},
		"is another kind": {failures: []error{context.DeadlineExceeded}, timeout: time.Minute, looks: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := late(&scripted{t: t}, test.failures...)
			clock := &watch{now: noon, wake: test.wake}
			told, last := 0, time.Duration(0)
			startup := &Startup{Server: server, Clock: clock, Timeout: test.timeout, OnWait: func(_ context.Context, waited time.Duration, why error) {
				if told++; why == nil || waited != clock.slept || waited-last > startupPauseMax {
					t.Errorf("told of %s because of %v after %s, and of %s before", waited, why, clock.slept, last)
				}
				last = waited
			}}
			expectProblem(t, startup.Await(t.Context()), test.problem)
			looks := server.count("names")
			switch {
			case test.looks == 0 && test.timeout > 0 && looks <= 3, test.looks != 0 && looks != test.looks, test.timeout == 0 && looks != 0:
				t.Errorf("looked %d times, want %d", looks, test.looks)
			case clock.slept < test.slept[0] || clock.slept > test.slept[1]:
				t.Errorf("slept for %s, want %s", clock.slept, test.slept)
			case test.problem == 0 && told != max(looks-1, 0):
				t.Errorf("told %d times of %d looks", told, looks)
			}
		})
	}
}

// What answered once is not waited for again, and nobody has a minute of their own.
func TestStartup_together(t *testing.T) {
	t.Parallel()
	server, clock := late(&scripted{t: t}), &watch{now: noon}
	startup := &Startup{Server: server, Clock: clock, Timeout: time.Minute}
	var all sync.WaitGroup
	for range 5 {
		all.Go(func() { expectProblem(t, startup.Await(t.Context()), 0) })
	}
	all.Wait()
	if looks := server.count("names"); looks != 1 {
		t.Errorf("five creations looked %d times, want once", looks)
	}

	server = late(&scripted{t: t}, notThere)
	startup = &Startup{Server: server, Clock: clock, Timeout: time.Minute}
	expectProblem(t, startup.Await(t.Context()), ProblemNotStarted)
	slept, looks := clock.slept, server.count("names")
	expectProblem(t, startup.Await(t.Context()), ProblemNotStarted)
	if clock.slept != slept || server.count("names") != looks+1 {
		t.Errorf("the second creation waited %s and looked %d times, want one look", clock.slept-slept, server.count("names")-looks)
	}
	server.names = func() (string, error) { return "", nil }
	expectProblem(t, startup.Await(t.Context()), 0) // it came after all
}

func TestStartup_cancelled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	startup := &Startup{Server: &scripted{t: t}, Clock: &watch{now: noon}, Timeout: time.Minute}
	expectProblem(t, startup.Await(ctx), ProblemInterrupted)
}
