package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3"
)

const (
	// syncInterval is how long a node of a cluster is given to learn of a
	// token change: three times the catalog sync of 10 s that InfluxDB 3
	// Enterprise documents as its default.
	syncInterval = 30 * time.Second
	// settleInterval is how long a request whose answer was given up is allowed
	// to arrive at the server all the same.
	settleInterval = 5 * time.Second
	// syncPoll is the time between two looks while a node may lag behind.
	syncPoll = 2 * time.Second
	// maxRetryWait is how long a server may ask to wait before a second try.
	maxRetryWait = 30 * time.Second
	// clockSlack covers that the server tells its time in whole seconds.
	clockSlack = 2 * time.Second
)

// Server is what is asked of an InfluxDB 3 server; *influxdb3.Client is one.
// Its errors are *influxdb3.Error.
type Server interface {
	CreateOperatorToken(ctx context.Context) (*influxdb3.Token, error)
	RegenerateOperatorToken(ctx context.Context, credential influxdb3.Secret) (*influxdb3.Token, error)
	RecoverOperatorToken(ctx context.Context) (*influxdb3.Token, error)
	HasRecovery() bool
	FindToken(ctx context.Context, credential influxdb3.Secret, name string) (*influxdb3.Listing, error)
	Ping(ctx context.Context, credential influxdb3.Secret) (*influxdb3.ServerInfo, error)
}

// Clock is the time, and waiting for it.
type Clock interface {
	Now() time.Time
	// Sleep returns early with the context's error when that ends.
	Sleep(ctx context.Context, d time.Duration) error
}

// SystemClock is the Clock of the machine.
type SystemClock struct{}

// Now implements Clock.
func (SystemClock) Now() time.Time { return time.Now() }

// Sleep implements Clock.
func (SystemClock) Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// OperatorToken is the operator token of one server, as it is kept.
type OperatorToken struct {
	Secret      influxdb3.Secret
	Status      Status
	CreatedAt   time.Time  // the server's clock, UTC; zero: not known
	RotatedAt   time.Time  // the server's clock, UTC: when this secret was made
	ExpiresAt   *time.Time // UTC, nil: never
	ClusterUUID string     // "" before 3.7 or not known yet
	// PreviousHash is the hash of the secret that this one replaced, "" if not
	// known. A node that lags behind still shows it.
	PreviousHash string
}

// Hash identifies the secret without giving it away.
func (t OperatorToken) Hash() string { return t.Secret.Hash() }

// Operator looks after the operator token of one server.
type Operator struct {
	Server Server
	// Credential is the configured token, empty if there is none. It may be
	// the operator token or any other; it may be dead.
	Credential influxdb3.Secret
	Clock      Clock
}

// Establish gets hold of the operator token of a server: creates it where there
// is none, and otherwise takes the credential if it is that token. consent allows
// to regenerate a token that somebody else may hold.
func (o *Operator) Establish(ctx context.Context, consent bool) (OperatorToken, []Warning, error) {
	if ctx.Err() != nil {
		return OperatorToken{}, nil, interrupted()
	}
	// What was there before tells whose token is there after a lost reply.
	absent := false
	var refused *influxdb3.Error
	if !o.Credential.IsEmpty() {
		listing, failed := call(o.Server.FindToken(ctx, o.Credential, influxdb3.OperatorTokenName))
		switch {
		case is(failed, influxdb3.KindUnauthorized), is(failed, influxdb3.KindForbidden):
			refused = failed // a new server knows no token at all
		case failed != nil:
			return OperatorToken{}, nil, unavailable(failed)
		case listing.Find(influxdb3.OperatorTokenName) != nil:
			return o.takeListed(context.WithoutCancel(ctx), listing, consent, false)
		default:
			absent = true
		}
	}
	ctx = context.WithoutCancel(ctx) // from here on a secret may be on its way
	token, failed := call(o.Server.CreateOperatorToken(ctx))
	lost := is(failed, influxdb3.KindOutcomeUnknown)
	if lost {
		if found, warnings := o.salvage(ctx, failed, OperatorToken{}); found != nil {
			return *found, warnings, nil
		}
		// It creates only where nothing is, so that it may be repeated.
		first := failed
		token, failed = call(o.Server.CreateOperatorToken(ctx))
		if failed != nil && failed.Kind != influxdb3.KindConflict {
			return OperatorToken{}, nil, &Error{Problem: ProblemUnresolved, Message: "whether the server made its operator token is not known", Err: &twoErrors{first, failed}}
		}
	}
	switch {
	case failed == nil:
		return o.minted(ctx, token, OperatorToken{})
	case is(failed, influxdb3.KindConflict) && absent:
		listing, failed := call(o.Server.FindToken(ctx, o.Credential, influxdb3.OperatorTokenName))
		if failed != nil {
			return OperatorToken{}, nil, &Error{Problem: ProblemUnresolved, Message: "whether the server made its operator token just now is not known", Err: failed}
		}
		return o.takeListed(ctx, listing, consent, lost)
	case is(failed, influxdb3.KindConflict):
		return o.takeUnseen(ctx, consent, lost, refused)
	default:
		return OperatorToken{}, nil, definite(failed)
	}
}

// takeUnseen handles a server that has an operator token, and no credential to look
// at it with. lost: the reply to a creation was lost, which may have made it.
func (o *Operator) takeUnseen(ctx context.Context, consent, lost bool, refused *influxdb3.Error) (OperatorToken, []Warning, error) {
	problem := &Error{Problem: ProblemNoCredential, Message: "the server has an operator token already, and no credential is configured"}
	if refused != nil {
		problem.Message, problem.Err = "the server has an operator token already, and it refuses the configured token", refused
	}
	if lost {
		problem.Problem, problem.Message = ProblemLost, "the reply to the creation of the operator token was lost, and the server has one now"
	}
	if o.Server.HasRecovery() && (consent || lost) {
		return o.recover(ctx, OperatorToken{}, problem)
	}
	return OperatorToken{}, nil, problem
}

// takeListed takes what a listing with the credential shows. orphan: it was made by
// a request whose reply was lost, and nobody holds it.
func (o *Operator) takeListed(ctx context.Context, listing *influxdb3.Listing, consent, orphan bool) (OperatorToken, []Warning, error) {
	row := listing.Find(influxdb3.OperatorTokenName)
	if row == nil {
		return OperatorToken{}, nil, &Error{Problem: ProblemNoOperatorToken, Message: "the server says that it has an operator token, but does not list it"}
	}
	mine := row.Hash == o.Credential.Hash()
	if mine && !consent {
		return o.adopted(row, listing), nil, nil
	}
	if !mine && !consent && !orphan {
		return OperatorToken{}, nil, &Error{Problem: ProblemNotOperatorToken, Message: "the configured token is valid, but it is not the operator token"}
	}
	token, warnings, err := o.replaceWith(ctx, o.Credential, row.Hash, OperatorToken{ClusterUUID: listing.ClusterUUID})
	if err == nil && orphan {
		warnings = append(warnings, lostWarning("The reply to the creation of the operator token was lost.", "the configured token"))
	}
	if refused := asError(err); refused != nil && refused.triesNext() && o.Server.HasRecovery() {
		return o.recover(ctx, OperatorToken{ClusterUUID: listing.ClusterUUID}, refused)
	}
	return token, warnings, err
}

// Adopt takes the credential, if it is the operator token, and changes nothing.
func (o *Operator) Adopt(ctx context.Context) (OperatorToken, error) {
	if o.Credential.IsEmpty() {
		return OperatorToken{}, &Error{Problem: ProblemNoCredential, Message: "no token is configured"}
	}
	listing, failed := call(o.Server.FindToken(ctx, o.Credential, influxdb3.OperatorTokenName))
	if is(failed, influxdb3.KindUnauthorized) {
		return OperatorToken{}, &Error{Problem: ProblemNoCredential, Message: "the server refused the configured token", Err: failed}
	}
	if failed != nil {
		return OperatorToken{}, unavailable(failed)
	}
	row := listing.Find(influxdb3.OperatorTokenName)
	if row == nil {
		return OperatorToken{}, &Error{Problem: ProblemNoOperatorToken, Message: "the server lists no operator token"}
	}
	if row.Hash != o.Credential.Hash() {
		return OperatorToken{}, &Error{Problem: ProblemNotOperatorToken, Message: "the configured token is valid, but it is not the operator token"}
	}
	return o.adopted(row, listing), nil
}

func (o *Operator) adopted(row *influxdb3.TokenInfo, listing *influxdb3.Listing) OperatorToken {
	token := OperatorToken{
		Secret: o.Credential, Status: StatusActive, CreatedAt: row.CreatedAt, RotatedAt: row.CreatedAt,
		ExpiresAt: row.ExpiresAt, ClusterUUID: listing.ClusterUUID,
	}
	if row.UpdatedAt != nil {
		token.RotatedAt = *row.UpdatedAt
	}
	return token
}

// salvage returns the token of a reply that was cut short behind it, nil if there
// is none or the server says that it is not the operator token. If the server
// cannot be asked, the token counts: it came with a success, and it is the only
// copy.
func (o *Operator) salvage(ctx context.Context, failed *influxdb3.Error, prior OperatorToken) (*OperatorToken, []Warning) {
	if failed.Partial.IsEmpty() {
		return nil, nil
	}
	holder := Operator{Server: o.Server, Credential: failed.Partial, Clock: o.Clock}
	token, err := holder.Adopt(ctx)
	known := asError(err)
	switch {
	case err == nil:
		token.PreviousHash = prior.PreviousHash
		return &token, nil
	case known.Problem == ProblemNoCredential, known.Problem == ProblemNotOperatorToken:
		return nil, nil
	}
	prior.Secret, prior.Status, prior.RotatedAt = failed.Partial, StatusActive, o.Clock.Now().UTC().Truncate(time.Second)
	if failed.ClusterUUID != "" {
		prior.ClusterUUID = failed.ClusterUUID
	}
	return &prior, []Warning{{
		Summary: "Operator Token Taken From an Incomplete Reply",
		Detail:  "The reply with the new operator token was cut short behind the token, and the server could not be asked about it. The token is in state; the next refresh shows whether it is good.",
	}}
}

// Rotate replaces the secret: with the token itself, otherwise with the
// configured credential, otherwise through the recovery listener. prior is what
// is kept of it so far; its ClusterUUID says whose answers count. An error means
// that prior is still the best there is to keep.
func (o *Operator) Rotate(ctx context.Context, prior OperatorToken) (OperatorToken, []Warning, error) {
	if ctx.Err() != nil {
		return OperatorToken{}, nil, interrupted()
	}
	ctx = context.WithoutCancel(ctx) // a call under way must end, or its reply is lost
	// The last refresh saw this token, so that it needs no further look.
	token, warnings, err := o.replaceWith(ctx, prior.Secret, prior.Hash(), prior)
	refused := asError(err)
	if refused == nil || !refused.triesNext() {
		return token, warnings, err
	}
	if !o.Credential.IsEmpty() && !o.Credential.Equal(prior.Secret) {
		baseline, err := o.baseline(ctx, prior)
		if err != nil {
			return OperatorToken{}, nil, err
		}
		if baseline != "" {
			token, warnings, err := o.replaceWith(ctx, o.Credential, baseline, prior)
			if again := asError(err); again == nil || !again.triesNext() {
				return token, warnings, err
			}
		}
	}
	// A token that is valid and not allowed to is no reason for the last resort.
	if o.Server.HasRecovery() && refused.Problem == ProblemAllRefused {
		return o.recover(ctx, prior, refused)
	}
	return OperatorToken{}, nil, refused
}

// baseline returns the hash that the server lists before the configured
// credential changes it, "" if the server refuses that credential.
func (o *Operator) baseline(ctx context.Context, prior OperatorToken) (string, error) {
	listing, failed := call(o.Server.FindToken(ctx, o.Credential, influxdb3.OperatorTokenName))
	if failed != nil {
		return "", prior.unhelpful(failed)
	}
	if err := prior.sameServer(listing); err != nil {
		return "", err
	}
	row := listing.Find(influxdb3.OperatorTokenName)
	if row == nil {
		return "", &Error{Problem: ProblemNoOperatorToken, Message: "the server lists no operator token that could be regenerated"}
	}
	return row.Hash, nil
}

// replaceWith regenerates with one credential. baseline is the hash listed
// before. ProblemAllRefused means that the credential was refused.
func (o *Operator) replaceWith(ctx context.Context, credential influxdb3.Secret, baseline string, prior OperatorToken) (OperatorToken, []Warning, error) {
	for again := true; ; again = false {
		token, failed := call(o.Server.RegenerateOperatorToken(ctx, credential))
		switch {
		case failed == nil:
			prior.PreviousHash = baseline
			return o.minted(ctx, token, prior)
		case is(failed, influxdb3.KindForbidden):
			return OperatorToken{}, nil, &Error{Problem: ProblemForbidden, Message: "the token may not regenerate the operator token", Err: failed}
		case is(failed, influxdb3.KindUnauthorized):
			if refused, err := prior.refusedBy(failed); !refused {
				return OperatorToken{}, nil, err
			}
			return OperatorToken{}, nil, &Error{Problem: ProblemAllRefused, Message: "the server refused every token there is", Err: failed}
		case !is(failed, influxdb3.KindOutcomeUnknown):
			return OperatorToken{}, nil, definite(failed)
		}
		found, warnings, err := o.resolve(ctx, baseline, prior, failed)
		if known := asError(err); again && known != nil && known.Problem == ProblemNotDone && failed.RetryAfter > 0 && failed.RetryAfter <= maxRetryWait {
			// It was not done, this is known by now, and the answer said when
			// to come back: the one case in which trying again is not blind.
			if o.Clock.Sleep(ctx, failed.RetryAfter) == nil {
				continue
			}
		}
		return found, warnings, err
	}
}

// minted makes what is kept of a token that was just made. It calls the server
// only in the one case in which the reply itself shows that somebody else was
// regenerating at the same moment.
func (o *Operator) minted(ctx context.Context, token *influxdb3.Token, prior OperatorToken) (OperatorToken, []Warning, error) {
	kept := OperatorToken{
		Secret: token.Secret, Status: StatusActive, CreatedAt: token.CreatedAt, RotatedAt: token.Date,
		ExpiresAt: token.ExpiresAt, ClusterUUID: token.ClusterUUID, PreviousHash: prior.PreviousHash,
	}
	if kept.RotatedAt.IsZero() {
		kept.RotatedAt = o.Clock.Now().UTC().Truncate(time.Second)
	}
	if kept.CreatedAt.IsZero() {
		kept.CreatedAt = prior.CreatedAt
	}
	if kept.ClusterUUID == "" { // the recovery listener does not tell
		kept.ClusterUUID = prior.ClusterUUID
	}
	if !token.ForeignHash {
		return kept, nil, nil
	}
	holder := Operator{Server: o.Server, Credential: kept.Secret, Clock: o.Clock}
	_, err := holder.Adopt(ctx)
	if known := asError(err); known == nil || known.Problem != ProblemNoCredential && known.Problem != ProblemNotOperatorToken {
		return kept, nil, nil
	}
	kept.Status = StatusRejected
	return kept, []Warning{{
		Summary: "Operator Token Was Regenerated Twice at the Same Moment",
		Detail:  "Somebody else regenerated the operator token at the same moment, and theirs is the one that counts. The token kept here is dead.",
	}}, nil
}

// refusedBy says whether a failure is the server's own refusal of a token. A 401
// counts only where it can be: with the cluster-uuid that is known, otherwise in
// a form that the client knows. Everything else is an error of the way there.
func (t OperatorToken) refusedBy(failed *influxdb3.Error) (bool, error) {
	switch {
	case failed.Kind != influxdb3.KindUnauthorized:
		return false, definite(failed)
	case t.ClusterUUID == "" || t.ClusterUUID == failed.ClusterUUID:
		return true, nil
	case failed.ClusterUUID == "":
		return false, &Error{
			Problem: ProblemUnavailable, Err: failed,
			Message: "something refused the token that is not known to be the server: its answer has no cluster-uuid header, which this server sends",
		}
	default:
		return false, wrongServer("the token belongs to cluster %s, and cluster %s answers", t.ClusterUUID, failed.ClusterUUID)
	}
}

// unhelpful says whether another credential than the token itself can tell nothing:
// nil if the server refused it or it may not list, otherwise the error.
func (t OperatorToken) unhelpful(failed *influxdb3.Error) error {
	if failed.Kind == influxdb3.KindForbidden {
		return nil
	}
	_, err := t.refusedBy(failed)
	return err
}

// sameServer checks that a listing is that of the server the token belongs to.
func (t OperatorToken) sameServer(listing *influxdb3.Listing) error {
	if t.ClusterUUID != "" && listing.ClusterUUID != "" && t.ClusterUUID != listing.ClusterUUID {
		return wrongServer("the token belongs to cluster %s, and cluster %s answers", t.ClusterUUID, listing.ClusterUUID)
	}
	row := listing.Find(influxdb3.OperatorTokenName)
	if row != nil && !t.CreatedAt.IsZero() && !row.CreatedAt.Equal(t.CreatedAt) {
		return wrongServer("the operator token was first created at %s, and the one of the server that answers at %s",
			t.CreatedAt.Format(time.RFC3339Nano), row.CreatedAt.Format(time.RFC3339Nano))
	}
	return nil
}

// definite is for a failure that is known to have changed nothing.
func definite(failed *influxdb3.Error) *Error {
	switch failed.Kind {
	case influxdb3.KindNotEnabled:
		return &Error{Problem: ProblemAuthenticationOff, Message: "the server runs without authentication", Err: failed}
	case influxdb3.KindNotSent, influxdb3.KindBusy, influxdb3.KindRedirect, influxdb3.KindRefused, influxdb3.KindNotFound:
		return &Error{Problem: ProblemNotDone, Message: "the request was not carried out", Err: failed}
	default:
		return unavailable(failed)
	}
}

func interrupted() *Error {
	return &Error{Problem: ProblemInterrupted, Message: "interrupted before anything was sent"}
}

func lostWarning(what, through string) Warning {
	return Warning{
		Summary: "Operator Token Regenerated Once More",
		Detail: fmt.Sprintf("%s The secret in it is gone, so the operator token was regenerated once more through %s. "+
			"The new token is in state and nothing is left to do.", what, through),
	}
}

// call turns the error of a call into the type that Server promises.
func call[T any](value T, err error) (T, *influxdb3.Error) {
	if err == nil {
		return value, nil
	}
	var failed *influxdb3.Error
	if !errors.As(err, &failed) {
		failed = &influxdb3.Error{Kind: influxdb3.KindOutcomeUnknown, Op: "call the server", Err: err}
	}
	return value, failed
}

func is(failed *influxdb3.Error, kind influxdb3.Kind) bool {
	return failed != nil && failed.Kind == kind
}

func asError(err error) *Error {
	var known *Error
	if errors.As(err, &known) {
		return known
	}
	return nil
}
