package influxdb3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// Kind says what an answer means if it is the server's own. Whether it is, Recorded
// and ClusterUUID of the Error tell: to a request that changes something a proxy can
// answer anything after the server has carried it out.
type Kind int

const (
	// KindNotSent: the request never got to a server (name, connection, TLS,
	// or the context ended first). Nothing was done.
	KindNotSent Kind = iota + 1
	// KindOutcomeUnknown: the request may or may not have been carried out: no
	// answer, an answer cut short, a 5xx, a success that cannot be read. Only
	// requests that change something end like this.
	KindOutcomeUnknown
	// KindUnauthorized: the server refused the token (401 in a form that the
	// server is known to send).
	KindUnauthorized
	// KindForbidden: 403.
	KindForbidden
	// KindConflict: 409, the name is taken.
	KindConflict
	// KindNotFound: 404, no such token or no such endpoint.
	KindNotFound
	// KindNotEnabled: the server runs without authentication (405, for a listing a
	// 500; or, for a deletion, the token is the operator token).
	KindNotEnabled
	// KindNoOperatorToken: there is no operator token to regenerate (500 with a text
	// of its own, recorded).
	KindNoOperatorToken
	// KindBusy: 429 or 503 to a request that changes nothing: the answer was to
	// come back later, which did not fit into the timeout.
	KindBusy
	// KindRedirect: 3xx. Redirects are not followed, the token would go along.
	KindRedirect
	// KindRefused: the request was not accepted (other 4xx).
	KindRefused
	// KindUnexpected: an answer that is not known to come from an InfluxDB 3
	// server, such as a proxy's 401, or for a request that changes nothing a
	// 5xx or an unreadable body.
	KindUnexpected
)

// Error is the one error type of this package. It holds no secret.
type Error struct {
	Kind        Kind
	Op          string // what was attempted: "regenerate the operator token"
	Target      string // where: scheme, host and path, "" if no call itself failed
	Status      int    // HTTP status, 0 without an answer
	Message     string // what the answer said, shortened to one line, "" if nothing readable
	ClusterUUID string // cluster-uuid header of the answer (3.7 and later), "" without
	// Recorded: a recorded server answers this very call in this form. Without it
	// the answer is the server's own only if ClusterUUID proves it.
	Recorded bool
	// Unnamed: servers before 3.8 answer like this without naming their cluster,
	// also 3.7, which names it in other replies (recorded).
	Unnamed    bool
	Date       time.Time     // the clock of who answered, UTC; zero without an answer or its Date header
	RetryAfter time.Duration // how long the answer asked to wait, 0 if it did not
	// Partial is a token read whole out of an answer that was cut short. It
	// is set with KindOutcomeUnknown only; whether it is good must be looked up.
	Partial Secret
	Err     error // the cause, nil when an answer is the cause
}

// Error implements error.
func (e *Error) Error() string {
	text := "unable to " + e.Op
	if e.Target != "" {
		text += " at " + e.Target
	}
	if e.Status != 0 {
		text += fmt.Sprintf(": HTTP %d", e.Status)
	}
	if e.Message != "" {
		text += ": " + e.Message
	}
	if e.RetryAfter > 0 {
		text += fmt.Sprintf(" (asked to wait %s)", e.RetryAfter)
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// NotUp says whether there was no server yet: its name does not resolve, nobody accepts
// the connection, it ends or stays silent without an answer (as that of a port that is
// forwarded to nothing does), or a gateway says that nobody is behind it. Other
// failures, those of TLS among them, are not mended by waiting.
func (e *Error) NotUp() bool {
	switch e.Status {
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	case 0:
	default:
		return false
	}
	var network *net.OpError
	switch {
	case errors.As(e.Err, &network): // a TLS failure is one too: "remote error", "local error"
		return network.Op == "dial" || network.Op == "read" || network.Op == "write"
	default:
		return errors.Is(e.Err, context.DeadlineExceeded) || errors.Is(e.Err, io.EOF) || errors.Is(e.Err, io.ErrUnexpectedEOF) || closedEarly(e.Err)
	}
}

// closedEarly says whether a connection ended before the request was written. net/http does
// not export that error.
func closedEarly(err error) bool {
	return err != nil && strings.Contains(err.Error(), "http: server closed idle connection")
}
