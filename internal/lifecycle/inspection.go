package lifecycle

import (
	"context"
	"time"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3"
)

// Inspection is what a look at the operator token brought.
type Inspection struct {
	Token OperatorToken
	// TakenOver: somebody else rotated, and the configured credential is the
	// new operator token. It is in Token now.
	TakenOver bool
	// Fallback is what would heal a rotation whose reply is lost.
	Fallback Fallback
	// Unseen: the secret cannot be read here, and no credential could look instead.
	// Token is what was known before.
	Unseen bool

	lagging bool      // a node that has not learned of the last rotation yet would look just like this
	at      time.Time // the server's clock
}

// Inspect looks at the operator token and changes nothing. rotateAfter is the age
// at which it should be replaced, 0 means never. A refused token is no error: its
// secret is kept and its status tells.
func (o *Operator) Inspect(ctx context.Context, prior OperatorToken, rotateAfter time.Duration) (Inspection, error) {
	if err := o.elsewhere(ctx, prior); err != nil {
		return Inspection{Token: prior}, err
	}
	began := o.Clock.Now()
	for {
		seen, err := o.inspectOnce(ctx, prior)
		if err != nil {
			return Inspection{Token: prior}, err
		}
		// A node of a cluster learns of a rotation a little later. Until then what
		// it says of the token is looked at again before it counts.
		if !seen.lagging || seen.Token.oneNode() || !seen.at.Before(prior.RotatedAt.Add(syncInterval)) || o.Clock.Now().Sub(began) >= syncInterval {
			if seen.Token.Status.Accepted() {
				seen.Token.Status = StatusAt(seen.at, seen.Token.RotatedAt, rotateAfter)
			}
			return seen, nil
		}
		if err := o.Clock.Sleep(ctx, syncPoll); err != nil {
			return Inspection{Token: prior}, &Error{Problem: ProblemUnavailable, Message: "interrupted while waiting for the cluster to agree on the token", Err: err}
		}
	}
}

// inspectOnce makes one look.
func (o *Operator) inspectOnce(ctx context.Context, prior OperatorToken) (Inspection, error) {
	if prior = o.readable(prior); prior.Secret.IsEmpty() {
		return o.inspectUnreadable(ctx, prior)
	}
	listing, failed := call(o.Server.FindToken(ctx, prior.Secret, influxdb3.OperatorTokenName, o.Credential.Hash()))
	if failed == nil {
		return o.accepted(ctx, prior, prior.Secret, listing)
	}
	if _, err := o.refusedBy(ctx, prior, failed); err != nil {
		return Inspection{}, err
	}
	refused := Inspection{Token: prior, Fallback: o.without(), lagging: true, at: o.serverTime(failed.Date)}
	refused.Token.Status = StatusRejected
	if prior.expiredAt(refused.at) {
		refused.Token.Status, refused.lagging = StatusExpired, false
	}
	if o.Credential.IsEmpty() {
		return refused, nil
	}
	if o.Credential.Equal(prior.Secret) {
		refused.Fallback = o.orRecovery(FallbackSame)
		return refused, nil
	}
	listing, failed = call(o.Server.FindToken(ctx, o.Credential, influxdb3.OperatorTokenName, o.Credential.Hash()))
	if failed != nil {
		refused.Fallback = o.orRecovery(FallbackRefused)
		return refused, o.unhelpful(ctx, prior, failed)
	}
	if err := prior.sameServer(listing); err != nil {
		return Inspection{}, err
	}
	refused.at = o.serverTime(listing.Date)
	refused.Token.Identity = prior.learn(ctx, o.Server, o.Credential)
	return o.inspectRefused(refused, listing), nil
}

// inspectRefused completes the inspection of a token that the server does not have any
// more, or that a node shows that is behind, by what the configured credential lists.
func (o *Operator) inspectRefused(refused Inspection, listing *influxdb3.Listing) Inspection {
	prior := refused.Token
	row := listing.Find(influxdb3.OperatorTokenName)
	refused.Fallback = o.fallback(listing, row, refused.at)
	if row != nil && row.ExpiresAt != nil && !refused.at.Before(*row.ExpiresAt) {
		refused.Token.Status, refused.Token.ExpiresAt, refused.lagging = StatusExpired, row.ExpiresAt, false
		return refused
	}
	// Only a newer token means that somebody else has rotated. An older one is
	// never taken over: it is what a node shows that has not learned of the
	// rotation, and the newer one would be lost with it.
	refused.lagging = row == nil || influxdb3.SameHash(row.Hash, prior.Hash()) || refused.Token.newerThan(row)
	if refused.lagging || !influxdb3.SameHash(row.Hash, o.Credential.Hash()) {
		return refused
	}
	taken := o.adopted(o.Credential, row, listing)
	taken.PreviousHash = prior.Hash()
	taken.Build, taken.Version = refused.Token.Build, refused.Token.Version
	return Inspection{Token: taken, TakenOver: true, Fallback: o.orRecovery(FallbackSame), at: refused.at}
}

// inspectUnreadable looks at a token whose secret nobody here can read: by its hash, with
// the configured credential. Without one that the server accepts there is nothing to see,
// and what is known stays.
func (o *Operator) inspectUnreadable(ctx context.Context, prior OperatorToken) (Inspection, error) {
	unseen := Inspection{Token: prior, Fallback: o.without(), Unseen: true, at: o.Clock.Now()}
	if o.Credential.IsEmpty() {
		return unseen, nil
	}
	listing, failed := call(o.Server.FindToken(ctx, o.Credential, influxdb3.OperatorTokenName, o.Credential.Hash()))
	if failed != nil {
		unseen.Fallback, unseen.at = o.orRecovery(FallbackRefused), o.serverTime(failed.Date)
		return unseen, o.unhelpful(ctx, prior, failed)
	}
	now := o.serverTime(listing.Date)
	row := listing.Find(influxdb3.OperatorTokenName)
	if row == nil || influxdb3.SameHash(row.Hash, prior.Hash()) {
		seen, err := o.accepted(ctx, prior, o.Credential, listing)
		if err == nil && seen.Token.expiredAt(now) {
			seen.Token.Status = StatusExpired
		}
		return seen, err
	}
	if err := prior.sameServer(listing); err != nil {
		return Inspection{}, err
	}
	refused := Inspection{Token: prior, at: now}
	refused.Token.Status = StatusRejected
	refused.Token.Identity = prior.learn(ctx, o.Server, o.Credential)
	return o.inspectRefused(refused, listing), nil
}

// readable is the token with its secret, where that is kept encrypted and the configured
// credential is the very token.
func (o *Operator) readable(t OperatorToken) OperatorToken {
	if t.Secret.IsEmpty() && influxdb3.SameHash(o.Credential.Hash(), t.Unreadable) {
		t.Secret, t.Unreadable = o.Credential, ""
	}
	return t
}

// accepted is the inspection of a token that the server has. listedWith is the credential
// with which it lists.
func (o *Operator) accepted(ctx context.Context, prior OperatorToken, listedWith influxdb3.Secret, listing *influxdb3.Listing) (Inspection, error) {
	if err := prior.sameServer(listing); err != nil {
		return Inspection{}, err
	}
	row := listing.Find(influxdb3.OperatorTokenName)
	if row == nil {
		return Inspection{}, &Error{Problem: ProblemNoOperatorToken, Message: "the server accepts the token, but lists no operator token; it may run without authentication now"}
	}
	seen := Inspection{Token: prior, at: o.serverTime(listing.Date)}
	seen.Token.Status = StatusActive // whatever the listing says of it: it is accepted
	if influxdb3.SameHash(row.Hash, prior.Hash()) {
		seen.Token = prior.refreshed(row, listing)
	}
	seen.Token.Identity, seen.Token.Address = seen.Token.learn(ctx, o.Server, listedWith), o.Address
	seen.Fallback = o.fallback(listing, row, seen.at)
	return seen, nil
}

// fallback is what the configured credential is worth besides the operator token of
// that row, as a listing that was asked for it shows.
func (o *Operator) fallback(listing *influxdb3.Listing, operator *influxdb3.TokenInfo, now time.Time) Fallback {
	if o.Credential.IsEmpty() {
		return o.without()
	}
	row := listing.FindHash(o.Credential.Hash())
	switch {
	case row == nil, row.ExpiresAt != nil && !now.Before(*row.ExpiresAt):
		return o.orRecovery(FallbackRefused)
	case operator != nil && row.Name == operator.Name:
		return o.orRecovery(FallbackSame)
	case row.ExpiresAt != nil && !now.Add(fallbackNotice).Before(*row.ExpiresAt):
		return FallbackExpiring
	default:
		return FallbackActive
	}
}

// FallbackOf is what there is besides a token that was just taken or made, "" if
// nothing has been asked about the credential.
func (o *Operator) FallbackOf(token OperatorToken) Fallback {
	switch {
	case o.Credential.IsEmpty():
		return o.without()
	case o.Credential.Equal(token.Secret), influxdb3.SameHash(o.Credential.Hash(), token.PreviousHash):
		return o.orRecovery(FallbackSame)
	default:
		return ""
	}
}

// without is what there is without a configured credential.
func (o *Operator) without() Fallback { return o.orRecovery(FallbackNone) }

// orRecovery is the recovery listener where there is one, because the credential is of
// no use.
func (o *Operator) orRecovery(otherwise Fallback) Fallback {
	if o.Server.HasRecovery() {
		return FallbackRecovery
	}
	return otherwise
}

// newerThan says whether the operator token that a server lists was made before this
// one. Rows are compared with rows. Before a listing has shown this token there is
// only the Date of the reply, which a proxy can set; on one node it is not needed,
// because that shows nothing older than what it has just made.
func (t OperatorToken) newerThan(row *influxdb3.TokenInfo) bool {
	switch {
	case influxdb3.SameHash(row.Hash, t.PreviousHash):
		return true
	case influxdb3.SameHash(row.Hash, t.Hash()):
		return false
	case !t.ListedAt.IsZero():
		return madeAt(row).Before(t.ListedAt)
	default:
		return !t.oneNode() && madeAt(row).Before(t.RotatedAt.Add(-clockSlack))
	}
}

// refreshed is a token with what a listing tells of it. RotatedAt stays where it is
// right: an exacter value would only make plans of whatever refers to it.
func (t OperatorToken) refreshed(row *influxdb3.TokenInfo, listing *influxdb3.Listing) OperatorToken {
	t.Status = StatusActive
	t.CreatedAt, t.ExpiresAt, t.ListedAt = row.CreatedAt, row.ExpiresAt, madeAt(row)
	if t.RotatedAt.Sub(t.ListedAt).Abs() > clockSlack {
		t.RotatedAt = t.ListedAt
	}
	if listing.ClusterUUID != "" {
		t.ClusterUUID = listing.ClusterUUID
	}
	return t
}
