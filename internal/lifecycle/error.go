package lifecycle

import "fmt"

// Problem says what stands in the way.
type Problem int

const (
	// ProblemUnavailable: no answer, or none that is known to be the server's, to a
	// call that changes nothing.
	ProblemUnavailable Problem = iota + 1
	// ProblemInterrupted: interrupted before anything was sent that changes something.
	ProblemInterrupted
	// ProblemNotStarted: no answer for as long as a creation waits for a server.
	ProblemNotStarted
	// ProblemAuthenticationOff: the server runs without authentication.
	ProblemAuthenticationOff
	// ProblemWrongServer: another server answers than the token belongs to.
	ProblemWrongServer
	// ProblemNoCredential: the server has an operator token and there is no
	// credential that it accepts.
	ProblemNoCredential
	// ProblemNotOperatorToken: the credential is good, but it is not the
	// operator token, whose secret cannot be read back.
	ProblemNotOperatorToken
	// ProblemAllRefused: every credential was refused. The first refusal may have
	// been that of a request that something on the way sent a second time.
	ProblemAllRefused
	// ProblemUnreadable: the token is kept encrypted, nobody here can decrypt it, and no
	// other credential can do without it.
	ProblemUnreadable
	// ProblemNotDone: the request failed and the old token is known to be
	// still valid.
	ProblemNotDone
	// ProblemNoOperatorToken: the server has no operator token to regenerate.
	ProblemNoOperatorToken
	// ProblemUnresolved: whether the token was replaced could not be found out.
	ProblemUnresolved
	// ProblemLost: a new token was made, its secret was lost on the way, and
	// nothing is left that could make another.
	ProblemLost
	// ProblemUnverified: there is a new token, and it could not be found out
	// whether it is good. It comes with the error, to be kept.
	ProblemUnverified
	// ProblemRaced: somebody else regenerated at the same moment, and the token
	// that was made here is dead, or may be. It comes with the error.
	ProblemRaced
	// ProblemRegeneratedElsewhere: somebody else has regenerated the token since it
	// was refreshed, and nothing consents to regenerating theirs.
	ProblemRegeneratedElsewhere
	// ProblemElsewhere: another server than that of the token has regenerated its
	// own. That one comes with the error, because nobody else holds it.
	ProblemElsewhere
	// ProblemExpired: the operator token has an expiry, which a regeneration does
	// not change, and it is over (recorded: every new one is dead on arrival).
	ProblemExpired
	// ProblemNameTaken: another token has the name.
	ProblemNameTaken
	// ProblemForbidden: the credential is valid and not allowed to do this.
	ProblemForbidden
	// ProblemNotSupported: this server does not have the endpoint.
	ProblemNotSupported
)

// Error is the one error type of this package.
type Error struct {
	Problem Problem
	// Message says what happened, in one sentence without a full stop.
	Message string
	// Recovery is what the recovery listener answered when it was tried, nil
	// if it was not.
	Recovery error
	// Err is the failed call, nil if none failed.
	Err error
}

// Error implements error.
func (e *Error) Error() string {
	text := e.Message
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	if e.Recovery != nil {
		text += fmt.Sprintf(" (the recovery listener was no help: %s)", e.Recovery)
	}
	return text
}

// Unwrap returns the failed call.
func (e *Error) Unwrap() error { return e.Err }

// MayBeDone says whether a rotation that ended with an error may have replaced the
// token.
func MayBeDone(err error) bool {
	known := asError(err)
	if known == nil {
		return false
	}
	switch known.Problem {
	case ProblemLost, ProblemUnresolved, ProblemUnverified, ProblemRaced, ProblemElsewhere, ProblemAllRefused:
		return true
	default:
		return false
	}
}

// TokenIsDead says whether a failed rotation showed that the token in state is of no use
// any more.
func TokenIsDead(err error) bool {
	known := asError(err)
	return known != nil && (known.Problem == ProblemLost || known.Problem == ProblemAllRefused || known.Problem == ProblemRegeneratedElsewhere)
}

// NeedsHandOver says whether a creation failed because the server has an operator token
// that may be about to leave the state of another block.
func NeedsHandOver(err error) bool {
	known := asError(err)
	return known != nil && (known.Problem == ProblemNoCredential || known.Problem == ProblemNotOperatorToken || known.Problem == ProblemLost)
}

// NotReached says whether a look failed because nobody was there to answer it, or only a
// gateway that says so.
func NotReached(err error) bool {
	known := asError(err)
	if known == nil || known.Problem != ProblemUnavailable && known.Problem != ProblemNotDone {
		return false
	}
	failed := asCall(known.Err)
	return failed != nil && failed.NotUp()
}

// Warning is something that went well in the end and that an operator should
// know of.
type Warning struct {
	Summary string
	Detail  string
}

// triesNext says whether a credential was no use, so that the next may be tried.
func (e *Error) triesNext() bool {
	return e.Problem == ProblemAllRefused || e.Problem == ProblemForbidden
}

// before is the error of a rotation whose first request was refused and whose second
// way ended with an error. Where the last refresh has seen the token accepted, the
// refusal can be that of a request that was sent twice: then something was done.
func (e *Error) before(err error, prior OperatorToken) error {
	second := asError(err)
	if second == nil || e.Problem != ProblemAllRefused || !prior.Status.Accepted() || !second.claimsNothingDone() {
		return err
	}
	return &Error{Problem: ProblemUnresolved, Message: "the server refused the token in state, which it had accepted, and another one could not be made", Err: &twoErrors{e.Err, second}}
}

// claimsNothingDone says whether the error is one after which nothing is different. It
// speaks of its own request only.
func (e *Error) claimsNothingDone() bool {
	switch e.Problem {
	case ProblemUnavailable, ProblemNotDone, ProblemInterrupted, ProblemForbidden, ProblemNoOperatorToken:
		return true
	default:
		return false
	}
}

func unavailable(err error) *Error {
	return &Error{Problem: ProblemUnavailable, Message: "the server could not be asked", Err: err}
}

func wrongServer(format string, args ...any) *Error {
	return &Error{Problem: ProblemWrongServer, Message: fmt.Sprintf(format, args...)}
}
