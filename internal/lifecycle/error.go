package lifecycle

import "fmt"

// Problem says what stands in the way.
type Problem int

const (
	// ProblemUnavailable: no answer, or none that is known to be the server's.
	// Nothing was changed.
	ProblemUnavailable Problem = iota + 1
	// ProblemInterrupted: interrupted before anything was sent.
	ProblemInterrupted
	// ProblemAuthenticationOff: the server runs without authentication.
	ProblemAuthenticationOff
	// ProblemWrongServer: another server answers than the token belongs to.
	// Nothing was changed.
	ProblemWrongServer
	// ProblemNoCredential: the server has an operator token and there is no
	// credential that it accepts.
	ProblemNoCredential
	// ProblemNotOperatorToken: the credential is good, but it is not the
	// operator token, whose secret cannot be read back.
	ProblemNotOperatorToken
	// ProblemAllRefused: every credential was refused. Nothing was changed.
	ProblemAllRefused
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
	// ProblemNameTaken: another token has the name. Nothing was changed.
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

func unavailable(err error) *Error {
	return &Error{Problem: ProblemUnavailable, Message: "the server could not be asked", Err: err}
}

func wrongServer(format string, args ...any) *Error {
	return &Error{Problem: ProblemWrongServer, Message: fmt.Sprintf(format, args...)}
}
