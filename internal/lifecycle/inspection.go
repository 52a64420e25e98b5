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
}

// Inspect looks at the operator token and changes nothing. rotateAfter is the age
// at which it should be replaced, 0 means never. A refused token is no error: its
// secret is kept and its status tells.
func (o *Operator) Inspect(ctx context.Context, prior OperatorToken, rotateAfter time.Duration) (Inspection, error) {
	// A node of a cluster learns of a rotation a little later. Until then what
	// it says of the token is looked at again before it counts.
	settled := prior.RotatedAt.Add(syncInterval)
	if latest := o.Clock.Now().Add(syncInterval); settled.After(latest) {
		settled = latest // the server's clock is ahead of this one
	}
	for {
		seen, lagging, err := o.inspectOnce(ctx, prior)
		if err != nil {
			return Inspection{Token: prior}, err
		}
		if !lagging || !o.Clock.Now().Before(settled) {
			if seen.Token.Status != StatusRejected {
				seen.Token.Status = StatusAt(o.Clock.Now(), seen.Token.RotatedAt, rotateAfter)
			}
			return seen, nil
		}
		if err := o.Clock.Sleep(ctx, syncPoll); err != nil {
			return Inspection{Token: prior}, &Error{Problem: ProblemUnavailable, Message: "interrupted while waiting for the cluster to agree on the token", Err: err}
		}
	}
}

// inspectOnce makes one look. lagging says that a node which has not learned of
// the last rotation yet would look just like this.
func (o *Operator) inspectOnce(ctx context.Context, prior OperatorToken) (_ Inspection, lagging bool, _ error) {
	rejected := prior
	rejected.Status = StatusRejected

	listing, failed := call(o.Server.FindToken(ctx, prior.Secret, influxdb3.OperatorTokenName))
	if failed == nil {
		if err := prior.sameServer(listing); err != nil {
			return Inspection{}, false, err
		}
		row := listing.Find(influxdb3.OperatorTokenName)
		if row == nil {
			return Inspection{}, false, &Error{Problem: ProblemNoOperatorToken, Message: "the server accepts the token, but lists no operator token; it may run without authentication now"}
		}
		if row.Hash == prior.Hash() {
			return Inspection{Token: prior.refreshed(row, listing)}, false, nil
		}
		// Accepted, and yet another one is the operator token.
	} else if refused, err := prior.refusedBy(failed); !refused {
		return Inspection{}, false, err
	}

	if o.Credential.IsEmpty() || o.Credential.Equal(prior.Secret) {
		return Inspection{Token: rejected}, true, nil
	}
	listing, failed = call(o.Server.FindToken(ctx, o.Credential, influxdb3.OperatorTokenName))
	if failed != nil {
		return Inspection{Token: rejected}, true, prior.unhelpful(failed)
	}
	if err := prior.sameServer(listing); err != nil {
		return Inspection{}, false, err
	}
	row := listing.Find(influxdb3.OperatorTokenName)
	if row == nil {
		return Inspection{Token: rejected}, false, nil
	}
	// Only a hash that is neither ours nor the one before it means that
	// somebody else has rotated.
	lagging = row.Hash == prior.Hash() || row.Hash == prior.PreviousHash
	// The token of before is never taken over: it is what a node shows that has
	// not learned of the rotation, and the newer one would be lost with it.
	if row.Hash != o.Credential.Hash() || row.Hash == prior.PreviousHash {
		return Inspection{Token: rejected}, lagging, nil
	}
	taken := o.adopted(row, listing)
	taken.PreviousHash = prior.Hash()
	return Inspection{Token: taken, TakenOver: true}, lagging, nil
}

// refreshed is a token with what a listing tells of it. RotatedAt stays: it
// changes only with the secret.
func (t OperatorToken) refreshed(row *influxdb3.TokenInfo, listing *influxdb3.Listing) OperatorToken {
	t.Status = StatusActive
	t.CreatedAt, t.ExpiresAt = row.CreatedAt, row.ExpiresAt
	if listing.ClusterUUID != "" {
		t.ClusterUUID = listing.ClusterUUID
	}
	return t
}
