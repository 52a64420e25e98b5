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
	// Overdue: the token is older than it should become. The status says so of
	// one that is accepted; one that is refused may be both.
	Overdue bool

	lagging bool      // a node that has not learned of the last rotation yet would look just like this
	at      time.Time // the server's clock
}

// Inspect looks at the operator token and changes nothing. rotateAfter is the age
// at which it should be replaced, 0 means never. A refused token is no error: its
// secret is kept and its status tells.
func (o *Operator) Inspect(ctx context.Context, prior OperatorToken, rotateAfter time.Duration) (Inspection, error) {
	began := o.Clock.Now()
	for {
		seen, err := o.inspectOnce(ctx, prior)
		if err != nil {
			return Inspection{Token: prior}, err
		}
		// A node of a cluster learns of a rotation a little later. Until then what
		// it says of the token is looked at again before it counts.
		if !seen.lagging || !seen.at.Before(prior.RotatedAt.Add(syncInterval)) || o.Clock.Now().Sub(began) >= syncInterval {
			status := StatusAt(seen.at, seen.Token.RotatedAt, rotateAfter)
			seen.Overdue = status == StatusRotationDue
			if seen.Token.Status != StatusRejected {
				seen.Token.Status = status
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
	rejected := Inspection{Token: prior}
	rejected.Token.Status = StatusRejected

	listing, failed := call(o.Server.FindToken(ctx, prior.Secret, influxdb3.OperatorTokenName))
	if failed == nil {
		if err := prior.sameServer(listing); err != nil {
			return Inspection{}, err
		}
		rejected.at = o.serverTime(listing.Date)
		row := listing.Find(influxdb3.OperatorTokenName)
		if row == nil {
			return Inspection{}, &Error{Problem: ProblemNoOperatorToken, Message: "the server accepts the token, but lists no operator token; it may run without authentication now"}
		}
		if row.Hash == prior.Hash() {
			return Inspection{Token: prior.refreshed(row, listing), at: rejected.at}, nil
		}
		// Accepted, and yet another one is the operator token.
	} else if refused, err := prior.refusedBy(failed); !refused {
		return Inspection{}, err
	} else {
		rejected.at = o.serverTime(failed.Date)
	}

	rejected.lagging = true
	if o.Credential.IsEmpty() || o.Credential.Equal(prior.Secret) {
		return rejected, nil
	}
	listing, failed = call(o.Server.FindToken(ctx, o.Credential, influxdb3.OperatorTokenName))
	if failed != nil {
		return rejected, prior.unhelpful(failed)
	}
	if err := prior.sameServer(listing); err != nil {
		return Inspection{}, err
	}
	rejected.at = o.serverTime(listing.Date)
	row := listing.Find(influxdb3.OperatorTokenName)
	// Only a newer token means that somebody else has rotated. An older one is
	// never taken over: it is what a node shows that has not learned of the
	// rotation, and the newer one would be lost with it.
	rejected.lagging = row != nil && (row.Hash == prior.Hash() || prior.newerThan(row))
	if row == nil || rejected.lagging || row.Hash != o.Credential.Hash() {
		return rejected, nil
	}
	taken := o.adopted(row, listing)
	taken.PreviousHash = prior.Hash()
	return Inspection{Token: taken, TakenOver: true, at: rejected.at}, nil
}

// newerThan says whether the operator token that a server lists was made before
// this one.
func (t OperatorToken) newerThan(row *influxdb3.TokenInfo) bool {
	made := row.CreatedAt
	if row.UpdatedAt != nil {
		made = *row.UpdatedAt
	}
	return row.Hash == t.PreviousHash || row.Hash != t.Hash() && made.Before(t.RotatedAt.Add(-clockSlack))
}

// serverTime is the server's clock where its answer told it, otherwise that of the
// machine: what the server dates is judged by the same clock.
func (o *Operator) serverTime(date time.Time) time.Time {
	if date.IsZero() {
		return o.Clock.Now()
	}
	return date
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
