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
	// freshness is how old a token can be that was just made, with clocks that are
	// not quite right. Beyond it the server is asked.
	freshness = time.Minute
	// clockSlack covers that the server tells its time in whole seconds.
	clockSlack = 2 * time.Second
)

// Server is what is asked of an InfluxDB 3 server; *influxdb3.Client is one.
// Its errors are *influxdb3.Error.
type Server interface {
	asker
	CreateOperatorToken(ctx context.Context) (*influxdb3.Token, error)
	RegenerateOperatorToken(ctx context.Context, credential influxdb3.Secret) (*influxdb3.Token, error)
	RecoverOperatorToken(ctx context.Context) (*influxdb3.Token, error)
	HasRecovery() bool
	FindToken(ctx context.Context, credential influxdb3.Secret, name, hash string) (*influxdb3.Listing, error)
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
	Identity

	Secret influxdb3.Secret
	// Unreadable is the hash of a secret that is kept encrypted, where nobody here can
	// decrypt it: Secret is empty then. "" otherwise.
	Unreadable string
	Status     Status
	CreatedAt  time.Time  // the server's clock, UTC; zero: not known
	RotatedAt  time.Time  // when this secret was made, UTC: by the server's row, before a listing has shown it by the Date of the reply
	ListedAt   time.Time  // the same by the server's row alone, zero until a listing has shown it
	ExpiresAt  *time.Time // UTC, nil: never
	// PreviousHash is the hash of the secret that this one replaced, "" if not
	// known. A node that lags behind still shows it.
	PreviousHash string
	// Address is where it was last accepted or made, "" if not known.
	Address string
}

// Hash identifies the secret without giving it away.
func (t OperatorToken) Hash() string {
	if t.Secret.IsEmpty() {
		return t.Unreadable
	}
	return t.Secret.Hash()
}

// expiredAt says whether the time of the token is over.
func (t OperatorToken) expiredAt(now time.Time) bool {
	return t.ExpiresAt != nil && !now.Before(*t.ExpiresAt)
}

// Operator looks after the operator token of one server.
type Operator struct {
	Server Server
	// Credential is the configured token, empty if there is none. It may be
	// the operator token or any other; it may be dead.
	Credential influxdb3.Secret
	Clock      Clock
	// Address is that of Server, as a token keeps it.
	Address string
	// ByAge: a rotation is due because an accepted token is too old, and for no other
	// reason. That is no consent to regenerate one that somebody else has made since.
	ByAge bool
}

// Establish gets hold of the operator token of a server: creates it where there
// is none, and otherwise takes the credential if it is that token. consent allows
// to regenerate a token that somebody else may hold. A token that comes with an
// error is to be kept, as with Rotate.
func (o *Operator) Establish(ctx context.Context, consent bool) (OperatorToken, []Warning, error) {
	if ctx.Err() != nil {
		return OperatorToken{}, nil, interrupted()
	}
	// What was there before tells whose token is there after a lost reply.
	absent := false
	var refused *influxdb3.Error
	if !o.Credential.IsEmpty() {
		listing, failed := o.find(ctx, o.Credential)
		switch {
		case is(failed, influxdb3.KindUnauthorized), is(failed, influxdb3.KindForbidden):
			refused = failed // a new server knows no token at all
		case failed != nil:
			return OperatorToken{}, nil, unasked(failed)
		case listing.Find(influxdb3.OperatorTokenName) != nil:
			return o.takeListed(ctx, listing, consent, false)
		default:
			absent = true
		}
	}
	token, failed := o.create(ctx)
	pause := ctx
	ctx = context.WithoutCancel(ctx) // from here on there may be a secret that nobody holds
	lost := is(failed, influxdb3.KindOutcomeUnknown)
	if lost {
		if found, warnings, err := o.salvage(ctx, failed); !found.Secret.IsEmpty() {
			return found, warnings, err
		}
		// It creates only where nothing is, so that it may be repeated.
		first := failed
		if first.RetryAfter > 0 && first.RetryAfter <= maxRetryWait && o.Clock.Sleep(pause, first.RetryAfter) != nil {
			return OperatorToken{}, nil, &Error{Problem: ProblemUnresolved, Message: "interrupted, and it is not known whether the server made its operator token", Err: first}
		}
		token, failed = o.create(ctx)
		if failed != nil {
			if found, warnings, err := o.salvage(ctx, failed); !found.Secret.IsEmpty() {
				return found, warnings, err
			}
		}
		if failed != nil && failed.Kind != influxdb3.KindConflict {
			return OperatorToken{}, nil, &Error{Problem: ProblemUnresolved, Message: "it is not known whether the server made its operator token", Err: &twoErrors{first, failed}}
		}
	}
	switch {
	case failed == nil:
		return o.minted(ctx, token, OperatorToken{})
	case is(failed, influxdb3.KindConflict) && absent:
		// It was free a moment ago: something on the way has sent the request twice.
		listing, failed := o.find(ctx, o.Credential)
		if failed != nil {
			return OperatorToken{}, nil, &Error{Problem: ProblemUnresolved, Message: "it is not known whether the server made its operator token just now", Err: failed}
		}
		return o.takeListed(ctx, listing, consent, true)
	case is(failed, influxdb3.KindConflict):
		return o.takeUnseen(ctx, consent, lost, refused)
	default:
		return OperatorToken{}, nil, definite(failed)
	}
}

// find lists the operator token.
func (o *Operator) find(ctx context.Context, credential influxdb3.Secret) (*influxdb3.Listing, *influxdb3.Error) {
	// Not cut off by an interruption: it may be what saves a secret, and it is short.
	return call(o.Server.FindToken(context.WithoutCancel(ctx), credential, influxdb3.OperatorTokenName, ""))
}

// create asks for the first token of a server of which nothing is known yet.
func (o *Operator) create(ctx context.Context) (*influxdb3.Token, *influxdb3.Error) {
	token, failed := call(o.Server.CreateOperatorToken(ctx))
	token, failed = o.believed(ctx, token, failed, "", OperatorToken{})
	// A token that is older than the request is out of a cache, if the clocks are right.
	if failed == nil && !token.CreatedAt.IsZero() && o.Clock.Now().Sub(token.CreatedAt) > freshness {
		failed = &influxdb3.Error{
			Kind: influxdb3.KindOutcomeUnknown, Op: "create the operator token", ClusterUUID: token.ClusterUUID, Date: token.Date, Partial: token.Secret,
			Err: doubt("the reply holds a token that was created at " + token.CreatedAt.Format(time.RFC3339)),
		}
	}
	return token, failed
}

// takeUnseen handles a server that has an operator token, and no credential to look
// at it with. lost: the reply to a creation was lost, which may have made it.
func (o *Operator) takeUnseen(ctx context.Context, consent, lost bool, refused *influxdb3.Error) (OperatorToken, []Warning, error) {
	problem := &Error{Problem: ProblemNoCredential, Message: "the server has an operator token already, and the provider has no token"}
	if refused != nil {
		problem.Message, problem.Err = "the server has an operator token already, and it refuses the provider's token", refused
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
	switch {
	case row == nil && orphan: // a node that has not learned of it yet
		return OperatorToken{}, nil, &Error{Problem: ProblemUnresolved, Message: "the reply to the creation of the operator token was lost, and the server does not list it yet"}
	case row == nil:
		return OperatorToken{}, nil, &Error{Problem: ProblemNoOperatorToken, Message: "the server says that it has an operator token, but does not list it"}
	}
	mine := influxdb3.SameHash(row.Hash, o.Credential.Hash())
	if mine && !consent {
		return o.adopt(ctx, row, listing), nil, nil
	}
	if !mine && !consent && !orphan {
		return OperatorToken{}, nil, notOperatorToken()
	}
	prior := OperatorToken{Identity: Identity{ClusterUUID: listing.ClusterUUID}, CreatedAt: row.CreatedAt, ExpiresAt: row.ExpiresAt}
	if !mine && prior.expiredAt(o.serverTime(listing.Date)) {
		return OperatorToken{}, nil, expired(nil)
	}
	if !mine { // then a request that is sent twice makes two tokens, and the first is dead
		prior.Identity = prior.learn(context.WithoutCancel(ctx), o.Server, o.Credential)
	}
	token, warnings, err := o.replaceWith(ctx, o.Credential, row.Hash, prior)
	if err == nil && orphan {
		warnings = append(warnings, lostWarning("The reply to the creation of the operator token was lost.", "the provider's token"))
	}
	if refused := asError(err); refused != nil && refused.triesNext() && o.Server.HasRecovery() {
		return o.recover(ctx, prior, refused)
	}
	if failed := asError(err); orphan && failed != nil && failed.claimsNothingDone() {
		err = &Error{Problem: ProblemLost, Message: "the reply to the creation of the operator token was lost, and another token could not be made", Err: failed}
	}
	return token, warnings, err
}

// Adopt takes the credential, if it is the operator token, and changes nothing.
func (o *Operator) Adopt(ctx context.Context) (OperatorToken, error) {
	if o.Credential.IsEmpty() {
		return OperatorToken{}, &Error{Problem: ProblemNoCredential, Message: "no token is configured"}
	}
	listing, failed := o.find(ctx, o.Credential)
	if is(failed, influxdb3.KindUnauthorized) {
		return OperatorToken{}, &Error{Problem: ProblemNoCredential, Message: "the server refused the provider's token", Err: failed}
	}
	if failed != nil {
		return OperatorToken{}, unasked(failed)
	}
	row := listing.Find(influxdb3.OperatorTokenName)
	if row == nil {
		return OperatorToken{}, &Error{Problem: ProblemNoOperatorToken, Message: "the server lists no operator token"}
	}
	if !influxdb3.SameHash(row.Hash, o.Credential.Hash()) {
		return OperatorToken{}, notOperatorToken()
	}
	return o.adopt(ctx, row, listing), nil
}

// adopt is the credential as the operator token. It is in nobody's way to ask what the
// server is.
func (o *Operator) adopt(ctx context.Context, row *influxdb3.TokenInfo, listing *influxdb3.Listing) OperatorToken {
	token := o.adopted(o.Credential, row, listing)
	token.Identity = token.learn(ctx, o.Server, o.Credential)
	return token
}

// adopted is a token that the server accepts, with what a listing tells of it.
func (o *Operator) adopted(secret influxdb3.Secret, row *influxdb3.TokenInfo, listing *influxdb3.Listing) OperatorToken {
	return OperatorToken{
		Secret: secret, Status: StatusActive, CreatedAt: row.CreatedAt, RotatedAt: madeAt(row), ListedAt: madeAt(row),
		ExpiresAt: row.ExpiresAt, Identity: Identity{ClusterUUID: listing.ClusterUUID}, Address: o.Address,
	}
}

// madeAt is when the secret of a row was made.
func madeAt(row *influxdb3.TokenInfo) time.Time {
	if row.UpdatedAt != nil {
		return *row.UpdatedAt
	}
	return row.CreatedAt
}

// Foresight is what a creation would do, as far as a look can tell.
type Foresight struct {
	Mark       Mark // of the operator token that the server has, none if that is not known
	Regenerate bool // that token is regenerated
}

// Foresee looks at what Establish would do, and changes nothing. What cannot be seen
// without a credential, or not yet, is no error: a server may be created in the same
// run.
func (o *Operator) Foresee(ctx context.Context, consent bool) (Foresight, error) {
	if o.Credential.IsEmpty() {
		return Foresight{}, nil
	}
	listing, failed := o.find(ctx, o.Credential)
	if is(failed, influxdb3.KindNotEnabled) {
		return Foresight{}, definite(failed)
	}
	if failed != nil {
		return Foresight{}, nil //nolint:nilerr // the apply will tell
	}
	row := listing.Find(influxdb3.OperatorTokenName)
	if row == nil {
		return Foresight{}, nil
	}
	seen := Foresight{Mark: Mark{ClusterUUID: listing.ClusterUUID, Hash: row.Hash, CreatedAt: row.CreatedAt}, Regenerate: consent}
	mine := influxdb3.SameHash(row.Hash, o.Credential.Hash())
	if !consent && !mine {
		return seen, notOperatorToken()
	}
	if !mine && (OperatorToken{ExpiresAt: row.ExpiresAt}).expiredAt(o.serverTime(listing.Date)) {
		return seen, expired(nil)
	}
	return seen, nil
}

// Resume takes back a token that a replacement has taken out of state. It is
// regenerated only if its triggers have changed or the configuration consents. If another
// server answers by now, or a new one that has none, that one's operator token is
// established, and the old one is let go. A token that comes with an error is to be kept.
func (o *Operator) Resume(ctx context.Context, handed OperatorToken, triggersChanged, consent bool) (OperatorToken, []Warning, error) {
	var token OperatorToken
	var warnings []Warning
	var err error
	if triggersChanged || consent {
		token, warnings, err = o.Rotate(ctx, handed)
	} else {
		var seen Inspection
		seen, err = o.Inspect(ctx, handed, 0)
		token = seen.Token
	}
	known := asError(err)
	switch {
	case known != nil && known.Problem != ProblemWrongServer && known.Problem != ProblemAllRefused:
		return token, warnings, err
	case known == nil && token.Status.Accepted():
		return token, warnings, nil
	case known == nil && token.Status == StatusExpired:
		return token, nil, expired(nil)
	}
	// It is of no use at the server that answers. Creating does harm to nobody: it
	// succeeds only where there is none.
	token, warnings, failed := o.Establish(ctx, consent)
	if failed != nil {
		if token.Hash() == "" {
			token = handed
			if known == nil || known.Problem == ProblemAllRefused {
				token.Status = StatusRejected
			}
		}
		return token, warnings, failed
	}
	return token, append(warnings, Warning{
		Summary: "Operator Token of Another Server Has Left the State",
		Detail: fmt.Sprintf("Another server answers now. The operator token %s that was in state does not work there. "+
			"From now on the state has the operator token of the new server. The old one stays valid on the old server, if that still runs.", handed.Hash()),
	}), nil
}

// refusedBy says whether a failure is the server's own refusal of a token, and whose
// it is. Everything else is an error of the way there.
func (o *Operator) refusedBy(ctx context.Context, t OperatorToken, failed *influxdb3.Error) (origin, error) {
	if failed.Kind != influxdb3.KindUnauthorized {
		return originUnknown, definite(failed)
	}
	switch who := whose(ctx, o.Server, o.learned(ctx, t.Identity, failed), failed); {
	case who.own():
		return who, nil
	case who == originOther:
		return who, wrongServer("the token belongs to cluster %s, and cluster %s answers", t.ClusterUUID, failed.ClusterUUID)
	default:
		return who, &Error{
			Problem: ProblemUnavailable, Err: failed,
			Message: "the token was refused, but perhaps not by the server: the answer has no cluster-uuid header, which this server sends",
		}
	}
}

// unhelpful says whether another credential than the token itself can tell nothing:
// nil if the server refused it or it may not list, otherwise the error.
func (o *Operator) unhelpful(ctx context.Context, t OperatorToken, failed *influxdb3.Error) error {
	if failed.Kind == influxdb3.KindForbidden {
		return nil
	}
	_, err := o.refusedBy(ctx, t, failed)
	return err
}

// sameServer checks that a listing is that of the server the token belongs to.
func (t OperatorToken) sameServer(listing *influxdb3.Listing) error {
	if t.ClusterUUID != "" && listing.ClusterUUID != "" && t.ClusterUUID != listing.ClusterUUID {
		return wrongServer("the token belongs to cluster %s, and cluster %s answers", t.ClusterUUID, listing.ClusterUUID)
	}
	row := listing.Find(influxdb3.OperatorTokenName)
	if row != nil && !t.CreatedAt.IsZero() && !row.CreatedAt.Equal(t.CreatedAt) {
		return wrongServer("the operator token was first created at %s, but that of the server that answers was created at %s",
			t.CreatedAt.Format(time.RFC3339Nano), row.CreatedAt.Format(time.RFC3339Nano))
	}
	return nil
}

// serverTime is the server's clock where its answer told it, otherwise that of the
// machine: what the server dates is judged by the same clock.
func (o *Operator) serverTime(date time.Time) time.Time {
	if date.IsZero() {
		return o.Clock.Now()
	}
	return date
}

// definite is for a failure that changed nothing: the server says so, or it is that of
// a look.
func definite(failed *influxdb3.Error) *Error {
	if failed.Kind == influxdb3.KindNotSent && errors.Is(failed, context.Canceled) {
		return interrupted()
	}
	switch failed.Kind {
	case influxdb3.KindNotEnabled:
		return &Error{Problem: ProblemAuthenticationOff, Message: "the server runs without authentication", Err: failed}
	case influxdb3.KindNoOperatorToken:
		return &Error{Problem: ProblemNoOperatorToken, Message: "the server has no operator token that could be regenerated", Err: failed}
	case influxdb3.KindUnexpected, influxdb3.KindOutcomeUnknown, influxdb3.KindUnauthorized, influxdb3.KindForbidden, influxdb3.KindConflict:
		return unavailable(failed)
	default:
		return &Error{Problem: ProblemNotDone, Message: "the request was not carried out", Err: failed}
	}
}

// unasked is for a look that failed.
func unasked(failed *influxdb3.Error) *Error {
	if failed.Kind == influxdb3.KindNotEnabled {
		return definite(failed)
	}
	return unavailable(failed)
}

func interrupted() *Error {
	return &Error{Problem: ProblemInterrupted, Message: "interrupted before the request was sent"}
}

func notOperatorToken() *Error {
	return &Error{Problem: ProblemNotOperatorToken, Message: "the provider's token is valid, but it is not the operator token"}
}

func expired(err error) *Error {
	return &Error{Problem: ProblemExpired, Message: "the operator token has expired, and a new one would not work either", Err: err}
}

func lostWarning(what, through string) Warning {
	return Warning{
		Summary: "Operator Token Regenerated Once More",
		Detail: fmt.Sprintf("%s Nobody has the token in it, so the operator token was regenerated once more with %s. "+
			"The new token is in state. Nothing is left to do.", what, through),
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
