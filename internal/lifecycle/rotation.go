package lifecycle

import (
	"context"
	"time"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3"
)

// Rotate replaces the secret: with the token itself, otherwise with the
// configured credential, otherwise through the recovery listener. prior is what
// is kept of it so far; its Identity says whose answers count. A token that comes
// with an error may be the only copy of one that is good: it is to be kept, and the
// rotation stays due. With an error and no token prior is still the best there is.
func (o *Operator) Rotate(ctx context.Context, prior OperatorToken) (OperatorToken, []Warning, error) {
	if ctx.Err() != nil {
		return OperatorToken{}, nil, interrupted()
	}
	if prior.Status == StatusExpired {
		return OperatorToken{}, nil, expired(nil)
	}
	if err := o.elsewhere(ctx, prior); err != nil {
		return OperatorToken{}, nil, err
	}
	var refused *Error
	if prior = o.readable(prior); prior.Secret.IsEmpty() {
		refused = &Error{Problem: ProblemUnreadable, Message: "the token in state is encrypted, the provider cannot decrypt it, and nothing else that it has could regenerate the token"}
	} else {
		// The last refresh saw this token, so that it needs no further look.
		token, warnings, err := o.replaceWith(ctx, prior.Secret, prior.Hash(), prior)
		if refused = asError(err); refused == nil || !refused.triesNext() {
			return token, warnings, err
		}
		if prior.ExpiresAt != nil {
			if failed := asCall(refused.Err); failed != nil && prior.expiredAt(o.serverTime(failed.Date)) {
				return OperatorToken{}, nil, expired(failed)
			}
		}
	}
	if !o.Credential.IsEmpty() && !o.Credential.Equal(prior.Secret) {
		baseline, made, err := o.baseline(ctx, prior)
		if err != nil {
			return OperatorToken{}, nil, refused.before(err, prior)
		}
		// Our own request may have been sent twice, and then its token is seconds old.
		failed := asCall(refused.Err)
		ours := failed == nil || !made.Before(o.serverTime(failed.Date).Add(-settleInterval))
		if refused.Problem == ProblemUnreadable {
			ours = false // no request was sent
		}
		if o.ByAge && baseline != "" && !influxdb3.SameHash(baseline, prior.Hash()) && !ours {
			return OperatorToken{}, nil, &Error{Problem: ProblemRegeneratedElsewhere, Message: "somebody else has regenerated the operator token since it was refreshed", Err: failed}
		}
		if baseline != "" {
			prior.Identity = prior.learn(ctx, o.Server, o.Credential)
			token, warnings, err := o.replaceWith(ctx, o.Credential, baseline, prior)
			again := asError(err)
			if again == nil || !again.triesNext() {
				return token, warnings, refused.before(err, prior)
			}
			if refused.Problem == ProblemUnreadable {
				refused.Err = again.Err
				if again.Problem == ProblemAllRefused { // it could list: our request may have been sent twice
					refused.Problem, refused.Message = ProblemUnresolved, "the server refused the provider's token, which it had accepted a moment before"
				}
			}
		}
	}
	// A token that is valid and not allowed to is no reason for the last resort.
	if o.Server.HasRecovery() && refused.Problem != ProblemForbidden {
		if prior.Secret.IsEmpty() { // nobody has shown yet whose server it is
			if _, err := o.other(ctx, prior); err != nil {
				return OperatorToken{}, nil, err
			}
		}
		return o.recover(ctx, prior, refused)
	}
	return OperatorToken{}, nil, refused
}

// baseline returns the hash that the server lists before the configured
// credential changes it, and when that token was made; "" if the server refuses that
// credential.
func (o *Operator) baseline(ctx context.Context, prior OperatorToken) (hash string, made time.Time, err error) {
	listing, failed := o.find(ctx, o.Credential)
	if failed != nil {
		return "", made, o.unhelpful(ctx, prior, failed)
	}
	if err := prior.sameServer(listing); err != nil {
		return "", made, err
	}
	row := listing.Find(influxdb3.OperatorTokenName)
	if row == nil {
		return "", made, &Error{Problem: ProblemNoOperatorToken, Message: "the server lists no operator token that could be regenerated"}
	}
	if row.ExpiresAt != nil && !o.serverTime(listing.Date).Before(*row.ExpiresAt) {
		return "", made, expired(nil)
	}
	return row.Hash, madeAt(row), nil
}

// replaceWith regenerates with one credential. baseline is the hash listed
// before. ProblemAllRefused means that the credential was refused.
func (o *Operator) replaceWith(ctx context.Context, credential influxdb3.Secret, baseline string, prior OperatorToken) (OperatorToken, []Warning, error) {
	for again := true; ; again = false {
		token, failed := o.regenerate(ctx, credential, baseline, prior)
		switch {
		case failed == nil:
			prior.PreviousHash = baseline
			return o.minted(ctx, token, prior)
		case is(failed, influxdb3.KindForbidden):
			return OperatorToken{}, nil, &Error{Problem: ProblemForbidden, Message: "the token may not regenerate the operator token", Err: failed}
		case is(failed, influxdb3.KindUnauthorized):
			return OperatorToken{}, nil, &Error{Problem: ProblemAllRefused, Message: "the server refused every token there is", Err: failed}
		case failed.Status >= 300 && prior.originOf(failed.ClusterUUID, false) == originOther:
			return OperatorToken{}, nil, wrongServer("the token belongs to cluster %s, and cluster %s answers", prior.ClusterUUID, failed.ClusterUUID)
		case !is(failed, influxdb3.KindOutcomeUnknown):
			return OperatorToken{}, nil, definite(failed)
		}
		found, warnings, err := o.resolve(context.WithoutCancel(ctx), baseline, prior, failed)
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

// regenerate makes the call. baseline is the hash listed before it.
func (o *Operator) regenerate(ctx context.Context, credential influxdb3.Secret, baseline string, prior OperatorToken) (*influxdb3.Token, *influxdb3.Error) {
	token, failed := call(o.Server.RegenerateOperatorToken(ctx, credential))
	token, failed = o.believed(ctx, token, failed, baseline, prior)
	// Something on the way may send a request twice. With the operator token the
	// second one is refused; with another one it makes a second token, and the reply
	// that got here may be the one with the first. Another node may not know it yet.
	if failed != nil || influxdb3.SameHash(credential.Hash(), baseline) || prior.Build != "" && !prior.oneNode() {
		return token, failed
	}
	if _, failed := o.find(ctx, token.Secret); failed != nil {
		return nil, &influxdb3.Error{
			Kind: influxdb3.KindOutcomeUnknown, Op: "regenerate the operator token", ClusterUUID: token.ClusterUUID, Date: token.Date,
			Partial: token.Secret, Err: doubt("the server does not accept the token in the reply"),
		}
	}
	return token, nil
}

// refuses says whether a server is known to refuse a token that was just made. A node
// that may not know it yet is given time.
func (o *Operator) refuses(ctx context.Context, secret influxdb3.Secret, prior OperatorToken) bool {
	for began := o.Clock.Now(); ; {
		_, failed := o.find(ctx, secret)
		if !is(failed, influxdb3.KindUnauthorized) || !whose(ctx, o.Server, o.learned(ctx, prior.Identity, failed), failed).own() {
			return false
		}
		waited := o.Clock.Now().Sub(began)
		if prior.oneNode() || waited >= syncInterval || o.Clock.Sleep(ctx, pollAfter(waited)) != nil {
			return true
		}
	}
}

// doubt is why a success may not be the answer to the request that was made.
type doubt string

func (d doubt) Error() string { return string(d) }

// believed says what the answer to a call that mints proves. One that is not known to
// be the server's, and to this very request, leaves the outcome unknown; a token that
// it holds is kept as Partial until a look has told.
func (o *Operator) believed(ctx context.Context, token *influxdb3.Token, failed *influxdb3.Error, baseline string, prior OperatorToken) (*influxdb3.Token, *influxdb3.Error) {
	if failed != nil {
		return nil, judge(ctx, o.Server, o.learned(ctx, prior.Identity, failed), failed)
	}
	unknown := &influxdb3.Error{
		Kind: influxdb3.KindOutcomeUnknown, Op: "get a new operator token", ClusterUUID: token.ClusterUUID, Date: token.Date, Partial: token.Secret,
	}
	hash, since := token.Secret.Hash(), prior.ListedAt
	if since.IsZero() {
		since = prior.RotatedAt
	}
	switch {
	case influxdb3.SameHash(hash, baseline), influxdb3.SameHash(hash, prior.Hash()), influxdb3.SameHash(hash, prior.PreviousHash):
		unknown.Partial = influxdb3.Secret{}
		unknown.Err = doubt("the reply holds a token that was there before")
	case token.Cached, !token.Date.IsZero() && token.Date.Before(since.Add(-clockSlack)):
		unknown.Err = doubt("the reply comes from a cache, or is older than the token in state")
	case prior.originOf(token.ClusterUUID, true) == originUnknown:
		unknown.Err = doubt("the reply does not name the server's cluster, which this server does")
	default:
		return token, nil
	}
	return nil, unknown
}

// minted makes what is kept of a token that was just made. It calls the server
// only in the one case in which the reply itself shows that somebody else was
// regenerating at the same moment.
func (o *Operator) minted(ctx context.Context, token *influxdb3.Token, prior OperatorToken) (OperatorToken, []Warning, error) {
	kept := OperatorToken{
		Secret: token.Secret, Status: StatusActive, CreatedAt: token.CreatedAt, RotatedAt: token.Date,
		ExpiresAt: token.ExpiresAt, Identity: prior.Identity, PreviousHash: prior.PreviousHash, Address: o.Address,
	}
	if kept.RotatedAt.IsZero() {
		kept.RotatedAt = o.now()
	}
	if kept.CreatedAt.IsZero() {
		kept.CreatedAt = prior.CreatedAt
	}
	if token.ClusterUUID != "" { // the recovery listener does not tell
		kept.ClusterUUID = token.ClusterUUID
	}
	switch {
	case prior.originOf(token.ClusterUUID, true) == originOther:
		return kept, nil, &Error{Problem: ProblemElsewhere, Message: "cluster " + token.ClusterUUID + " accepted the token of cluster " + prior.ClusterUUID + " and has regenerated its own operator token"}
	case kept.expiredAt(o.serverTime(token.Date)):
		kept.Status = StatusExpired
		return kept, nil, expired(nil)
	case !token.ForeignHash:
		return kept, nil, nil
	}
	raced := &Error{Problem: ProblemRaced, Message: "somebody else regenerated the operator token at the same moment"}
	listing, failed := o.find(ctx, kept.Secret)
	if failed != nil {
		raced.Err = failed
		if is(failed, influxdb3.KindUnauthorized) && whose(ctx, o.Server, kept.Identity, failed) == originProven {
			kept.Status = StatusRejected
		}
		return kept, nil, raced
	}
	if row := listing.Find(influxdb3.OperatorTokenName); row == nil || !influxdb3.SameHash(row.Hash, kept.Hash()) {
		return kept, nil, raced
	}
	return kept, nil, nil
}

// now is the machine's clock in whole seconds, as the server's Date would be.
func (o *Operator) now() time.Time { return o.Clock.Now().UTC().Truncate(time.Second) }

// asCall is the failed call in an error, nil if there is none.
func asCall(err error) *influxdb3.Error {
	if err == nil {
		return nil
	}
	_, failed := call(struct{}{}, err)
	return failed
}
