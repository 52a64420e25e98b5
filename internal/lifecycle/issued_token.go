package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3"
)

// IssuingServer is what is asked of a server about tokens that can be created and
// deleted by name; *influxdb3.Client is one. Its errors are *influxdb3.Error.
type IssuingServer interface {
	FindToken(ctx context.Context, credential influxdb3.Secret, name string) (*influxdb3.Listing, error)
	DeleteToken(ctx context.Context, credential influxdb3.Secret, name string) error
	Ping(ctx context.Context, credential influxdb3.Secret) (*influxdb3.ServerInfo, error)
}

// SyncPoll is the time between two looks while a node may lag behind.
const SyncPoll = syncPoll

// Issuer creates and deletes named admin tokens and resource tokens.
type Issuer struct {
	Server     IssuingServer
	Credential influxdb3.Secret
	Clock      Clock
}

// Issue creates a token by calling create, and makes good what goes wrong with
// it: a token that was made and whose secret was lost is deleted again. unique: the
// name was made for this token, so that nobody else can have it.
func (i *Issuer) Issue(ctx context.Context, name string, unique bool, create func(context.Context) (*influxdb3.Token, error)) (*influxdb3.Token, []Warning, error) {
	if ctx.Err() != nil {
		return nil, nil, interrupted()
	}
	// Whose a token is that is there after a lost reply shows in what was there
	// before. The Date of an answer may be a proxy's.
	var before time.Time // the server's clock
	was := ""            // the hash
	if !unique {
		listing, failed := call(i.Server.FindToken(ctx, i.Credential, name))
		if failed != nil {
			return nil, nil, issueProblem(failed)
		}
		before = listing.Date
		if row := listing.Find(name); row != nil {
			was = row.Hash
		}
	}
	ctx = context.WithoutCancel(ctx) // from here on a secret may be on its way
	var warnings []Warning
	var lost *influxdb3.Error
	for range 1 + maxHeals {
		token, failed := call(create(ctx))
		switch {
		case failed == nil:
			return token, warnings, nil
		case is(failed, influxdb3.KindConflict):
			return nil, nil, nameTaken(name, failed)
		case !is(failed, influxdb3.KindOutcomeUnknown):
			return nil, nil, issueProblem(failed)
		}
		lost = failed
		row, listing, err := i.findAfter(ctx, name, was)
		switch {
		case err != nil && !failed.Partial.IsEmpty():
			// It came with a success, and it is the only copy.
			return &influxdb3.Token{Name: name, Secret: failed.Partial, CreatedAt: i.Clock.Now().UTC().Truncate(time.Second), ClusterUUID: failed.ClusterUUID}, []Warning{{
				Summary: "Token Taken From an Incomplete Reply",
				Detail:  fmt.Sprintf("The reply with the token %q was cut short behind the token, and the server could not be asked about it. The token is in state; the next refresh shows whether it is good.", name),
			}}, nil
		case err != nil:
			return nil, nil, &Error{Problem: ProblemUnresolved, Message: fmt.Sprintf("whether the token %q was created could not be found out", name), Err: &twoErrors{failed, err}}
		case row == nil:
			return nil, nil, &Error{Problem: ProblemNotDone, Message: fmt.Sprintf("the token %q was not created", name), Err: failed}
		case !failed.Partial.IsEmpty() && row.Hash == failed.Partial.Hash():
			return listed(row, failed.Partial, listing), warnings, nil
		case row.Hash == was:
			return nil, nil, nameTaken(name, failed)
		case row.CreatedAt.Before(before.Add(-clockSlack)):
			// A node that lags behind may not have shown it before.
			return nil, nil, &Error{Problem: ProblemUnresolved, Message: fmt.Sprintf("whether the token %q that the server has now was made by this request or by somebody else could not be found out", name), Err: failed}
		}
		if err := i.Revoke(ctx, Issued{Name: name, Hash: row.Hash, ClusterUUID: listing.ClusterUUID, CreatedAt: row.CreatedAt}); err != nil {
			return nil, nil, &Error{
				Problem: ProblemLost, Message: fmt.Sprintf("the token %q was created, but the reply with it was lost, and it could not be deleted again", name),
				Err: &twoErrors{failed, err},
			}
		}
		warnings = []Warning{{
			Summary: "Token Created Once More",
			Detail:  fmt.Sprintf("The reply to the creation of the token %q was lost, and its secret with it. It was deleted and created once more; nothing is left to do.", name),
		}}
	}
	return nil, nil, &Error{Problem: ProblemNotDone, Message: fmt.Sprintf("every reply to the creation of the token %q was lost; what was created was deleted again", name), Err: lost}
}

func nameTaken(name string, failed *influxdb3.Error) *Error {
	return &Error{Problem: ProblemNameTaken, Message: fmt.Sprintf("the server has a token named %q already", name), Err: failed}
}

// findAfter looks for a token that may just have been created. While a node may
// lag behind, it is looked for again if it is absent, or the one that was there
// before, with that hash, still is.
func (i *Issuer) findAfter(ctx context.Context, name, was string) (*influxdb3.TokenInfo, *influxdb3.Listing, error) {
	began := i.Clock.Now()
	for {
		listing, failed := call(i.Server.FindToken(ctx, i.Credential, name))
		if failed != nil {
			return nil, nil, failed
		}
		row := listing.Find(name)
		if row != nil && row.Hash != was || settled(ctx, i.Server, i.Credential, i.Clock.Now().Sub(began)) {
			return row, listing, nil
		}
		if err := i.Clock.Sleep(ctx, syncPoll); err != nil {
			return nil, nil, err
		}
	}
}

func listed(row *influxdb3.TokenInfo, secret influxdb3.Secret, listing *influxdb3.Listing) *influxdb3.Token {
	return &influxdb3.Token{
		ID: row.ID, Name: row.Name, Secret: secret, CreatedAt: row.CreatedAt, ExpiresAt: row.ExpiresAt,
		ClusterUUID: listing.ClusterUUID, Date: listing.Date,
	}
}

// Issued says which token is meant: names are reused, and another server can have
// the same.
type Issued struct {
	Name        string
	Hash        string    // "" for whichever has the name
	ClusterUUID string    // "" before 3.7
	CreatedAt   time.Time // the server's clock, zero if not known
}

// Revoke deletes a token. That it is gone already is fine, and so is another one
// under its name, which stays.
func (i *Issuer) Revoke(ctx context.Context, token Issued) error {
	if ctx.Err() != nil {
		return interrupted()
	}
	ctx = context.WithoutCancel(ctx)
	var last *influxdb3.Error
	for range 2 + maxHeals {
		// Looked at before, because a name is all that a deletion knows, and after
		// a reply that is none.
		there, err := i.has(ctx, token, last != nil)
		var failed *influxdb3.Error
		switch {
		case errors.As(err, &failed) && last != nil:
			return &Error{Problem: ProblemUnresolved, Message: fmt.Sprintf("whether the token %q was deleted could not be found out", token.Name), Err: &twoErrors{last, failed}}
		case failed != nil:
			return issueProblem(failed)
		case err != nil || !there:
			return err
		}
		_, failed = call(struct{}{}, i.Server.DeleteToken(ctx, i.Credential, token.Name))
		if failed == nil {
			return nil
		}
		// 404 is looked up as well: it may be a proxy's.
		if !is(failed, influxdb3.KindOutcomeUnknown) && !is(failed, influxdb3.KindNotFound) {
			return issueProblem(failed)
		}
		last = failed
	}
	return &Error{Problem: ProblemNotDone, Message: fmt.Sprintf("the token %q was not deleted", token.Name), Err: last}
}

// has says whether the server has a token. A young one that is not to be seen is
// looked for again while a node may lag behind, unless it was asked to go already.
func (i *Issuer) has(ctx context.Context, token Issued, leaving bool) (bool, error) {
	began := i.Clock.Now()
	for {
		listing, failed := call(i.Server.FindToken(ctx, i.Credential, token.Name))
		if failed != nil {
			return false, failed
		}
		if err := sameCluster(listing, token.ClusterUUID); err != nil {
			return false, err
		}
		row := listing.Find(token.Name)
		there := row != nil && (token.Hash == "" || row.Hash == token.Hash)
		if there || leaving || !i.MayLag(ctx, token.CreatedAt, began, listing.Date) {
			return there, nil
		}
		if err := i.Clock.Sleep(ctx, syncPoll); err != nil {
			return false, interrupted()
		}
	}
}

// MayLag says whether a token that was made at createdAt may be missing because the
// node that answers has not learned of it yet. began is when the caller began to
// look, and now the server's clock, zero if it did not tell.
func (i *Issuer) MayLag(ctx context.Context, createdAt, began, now time.Time) bool {
	if now.IsZero() {
		now = i.Clock.Now()
	}
	if !now.Before(createdAt.Add(syncInterval)) || i.Clock.Now().Sub(began) >= syncInterval {
		return false
	}
	info, err := i.Server.Ping(ctx, i.Credential)
	return err != nil || info.Build != "Core"
}

// sameCluster checks that a listing is that of the cluster a token belongs to, ""
// if that is not known.
func sameCluster(listing *influxdb3.Listing, clusterUUID string) error {
	switch {
	case clusterUUID == "" || listing.ClusterUUID == clusterUUID:
		return nil
	case listing.ClusterUUID == "":
		return &Error{Problem: ProblemUnavailable, Message: "the answer has no cluster-uuid header, which this server sends; something on the way drops it"}
	default:
		return wrongServer("the token belongs to cluster %s, and cluster %s answers", clusterUUID, listing.ClusterUUID)
	}
}

// IssuedHere checks that a listing is that of the cluster a token belongs to, "" if
// that is not known. The credential that listed is a token itself, so that a
// listing without any is no server's with authentication.
func IssuedHere(listing *influxdb3.Listing, clusterUUID string) error {
	if len(listing.Tokens) == 0 {
		return &Error{Problem: ProblemAuthenticationOff, Message: "the server lists no token at all, not even the one that asked"}
	}
	return sameCluster(listing, clusterUUID)
}

// issueProblem is for a failure that is known to have changed nothing.
func issueProblem(failed *influxdb3.Error) *Error {
	switch failed.Kind {
	case influxdb3.KindUnauthorized:
		return &Error{Problem: ProblemNoCredential, Message: "the provider has no token that the server accepts", Err: failed}
	case influxdb3.KindForbidden:
		return &Error{Problem: ProblemForbidden, Message: "the provider's token may not do this", Err: failed}
	case influxdb3.KindNotFound:
		return &Error{Problem: ProblemNotSupported, Message: "the server does not have what was asked for", Err: failed}
	default:
		return definite(failed)
	}
}

// IssuedStatus is what is known of a token that was issued.
type IssuedStatus string

// The states of an issued token.
const (
	IssuedActive     IssuedStatus = "active"
	IssuedRenewalDue IssuedStatus = "renewal_due" // it expires within the time that was set for renewing it
	IssuedExpired    IssuedStatus = "expired"
	IssuedForeign    IssuedStatus = "foreign" // somebody else made another one under its name
)

// IssuedStatusAt says what the clock makes of a token. expiresAt is zero if it
// never expires; renewBefore is the time before that in which it should be
// renewed, 0 for none.
func IssuedStatusAt(now, expiresAt time.Time, renewBefore time.Duration) IssuedStatus {
	switch {
	case expiresAt.IsZero():
		return IssuedActive
	case !now.Before(expiresAt):
		return IssuedExpired
	case renewBefore > 0 && !now.Before(expiresAt.Add(-renewBefore)):
		return IssuedRenewalDue
	default:
		return IssuedActive
	}
}

// IssuedReadProblem says what a failed listing means for issued tokens.
func IssuedReadProblem(err error) error {
	_, failed := call(struct{}{}, err)
	if is(failed, influxdb3.KindUnauthorized) || is(failed, influxdb3.KindForbidden) {
		return issueProblem(failed)
	}
	return unavailable(failed)
}
