package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3"
)

// The pause between two looks at a server that does not answer yet doubles from the
// one to the other. A server starts in well under a second (recorded), and what makes
// it late is slow: a machine, an image, a name that has to spread.
const (
	startupPauseMin = 250 * time.Millisecond
	startupPauseMax = 5 * time.Second
	// startupLook is the least that a look has, the last one too.
	startupLook = time.Second
)

// Startup waits for a server that may not be there yet, which is usual for one that is
// created in the same run. It is safe for concurrent use: everybody waits together, for
// one Timeout in all.
type Startup struct {
	// Server is looked at with OPTIONS, which a server answers without a token and
	// which changes nothing (recorded).
	Server interface {
		Names(ctx context.Context) (clusterUUID string, err error)
	}
	Clock Clock
	// Timeout is how long to wait, counted from the first look; 0 is not at all.
	Timeout time.Duration
	// OnWait is told before every pause, for a log: how long has been waited, and why.
	OnWait func(ctx context.Context, waited time.Duration, why error)

	mu       sync.Mutex
	answered bool
	began    time.Time // of the first look
}

// Await returns when the server, or whatever is in front of it, has answered. Any
// answer will do, and so does a failure that waiting does not mend: what it means is
// found out by the call that follows. The error is ProblemNotStarted or
// ProblemInterrupted. Once there was an answer nothing is waited for any more: a server
// that goes away later is a failure like any other.
func (s *Startup) Await(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.Timeout <= 0 || s.answered {
		return nil
	}
	if s.began.IsZero() {
		s.began = s.Clock.Now()
	}
	for pause := startupPauseMin; ; pause = min(2*pause, startupPauseMax) {
		looking, cancel := context.WithTimeout(ctx, max(s.left(), startupLook))
		_, err := s.Server.Names(looking)
		cancel()
		var failed *influxdb3.Error
		switch {
		case ctx.Err() != nil:
			return interruptedStartup(err)
		case !errors.As(err, &failed), !failed.NotUp():
			s.answered = true
			return nil
		}
		left := s.left()
		if left <= 0 {
			return &Error{Problem: ProblemNotStarted, Message: fmt.Sprintf("the server did not answer within the %s that a creation waits for it", s.Timeout), Err: failed}
		}
		if s.OnWait != nil {
			s.OnWait(ctx, s.Timeout-left, failed)
		}
		// Those who wait for the same server should not all ask at once.
		jittered := pause/2 + rand.N(pause/2) //nolint:gosec // no secret depends on it
		if s.Clock.Sleep(ctx, min(jittered, left)) != nil {
			return interruptedStartup(failed)
		}
	}
}

// left is how much time there is to wait.
func (s *Startup) left() time.Duration { return s.Timeout - s.Clock.Now().Sub(s.began) }

func interruptedStartup(err error) *Error {
	return &Error{Problem: ProblemInterrupted, Message: "interrupted while waiting for the server to answer", Err: err}
}
