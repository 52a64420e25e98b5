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
	asker
	FindToken(ctx context.Context, credential influxdb3.Secret, name, hash string) (*influxdb3.Listing, error)
	DeleteToken(ctx context.Context, credential influxdb3.Secret, name string) (clusterUUID string, err error)
}

// SyncPoll is the time between two looks while a node may lag behind.
const SyncPoll = syncPoll

// Issuer creates and deletes named admin tokens and resource tokens.
type Issuer struct {
	Server     IssuingServer
	Credential influxdb3.Secret
	Clock      Clock
}

// find lists the token of a name.
func (i *Issuer) find(ctx context.Context, name string) (*influxdb3.Listing, *influxdb3.Error) {
	return call(i.Server.FindToken(ctx, i.Credential, name, ""))
}

// Issue creates a token by calling create, and makes good what goes wrong with
// it: a token that was made and whose secret was lost is deleted again. unique: the
// name was made for this token, so that nobody else can have it. A token that comes
// with an error may be the only copy of one that is good, and is to be kept.
func (i *Issuer) Issue(ctx context.Context, name string, unique bool, create func(context.Context) (*influxdb3.Token, error)) (*influxdb3.Token, []Warning, error) {
	if ctx.Err() != nil {
		return nil, nil, interrupted()
	}
	// Whose a token is that is there after a lost reply shows in what was there
	// before. The Date of an answer may be a proxy's.
	var before time.Time // the server's clock
	var known Identity
	was := "" // the hash
	if !unique {
		listing, failed := i.find(ctx, name)
		if failed != nil {
			return nil, nil, issueProblem(failed)
		}
		before, known.ClusterUUID = listing.Date, listing.ClusterUUID
		if row := listing.Find(name); row != nil {
			was = row.Hash
		}
	}
	look := context.WithoutCancel(ctx) // what has begun is found out
	var warnings []Warning
	var lost *influxdb3.Error
	retried := false
	for try := 0; try < 1+maxHeals; try++ {
		token, failed := call(create(ctx))
		if failed == nil {
			failed = doubtful(token, was, before)
		} else {
			failed = judge(look, i.Server, known, failed)
		}
		switch {
		case failed == nil:
			return token, warnings, nil
		case is(failed, influxdb3.KindConflict) && was != "":
			return nil, nil, nameTaken(name, failed)
		case !is(failed, influxdb3.KindConflict) && !is(failed, influxdb3.KindOutcomeUnknown) && !is(failed, influxdb3.KindUnauthorized):
			return nil, nil, issueProblem(failed)
		}
		// A refusal counts if the look is refused as well: of a server that nothing is
		// known of yet it could be anybody's.
		// A name that was free is taken: something on the way may have sent the
		// request twice, and the first has made a token that nobody holds.
		lost = failed
		row, listing, err := i.findAfter(look, known, name, was)
		var refused *influxdb3.Error
		switch {
		case is(failed, influxdb3.KindUnauthorized) && errors.As(err, &refused) && is(refused, influxdb3.KindUnauthorized):
			return nil, nil, issueProblem(failed)
		case err != nil && !failed.Partial.IsEmpty():
			return i.kept(name, known, failed, err)
		case err != nil:
			return nil, nil, &Error{Problem: ProblemUnresolved, Message: fmt.Sprintf("it is not known whether the token %q was created", name), Err: &twoErrors{failed, err}}
		case row == nil:
			if !retried && failed.RetryAfter > 0 && failed.RetryAfter <= maxRetryWait && i.Clock.Sleep(ctx, failed.RetryAfter) == nil {
				retried, try = true, try-1 // it was not done, and the answer said when to come back
				continue
			}
			return nil, nil, &Error{Problem: ProblemNotDone, Message: fmt.Sprintf("the token %q was not created", name), Err: failed}
		case influxdb3.SameHash(row.Hash, failed.Partial.Hash()):
			return listed(row, failed.Partial, listing), warnings, nil
		case influxdb3.SameHash(row.Hash, was):
			return nil, nil, nameTaken(name, failed)
		case influxdb3.SameHash(row.Hash, i.Credential.Hash()):
			return nil, nil, nameTaken(name, failed)
		case row.CreatedAt.Before(before.Add(-clockSlack)) && !known.learn(look, i.Server, i.Credential).oneNode():
			// A node that lags behind may not have shown it before.
			return nil, nil, &Error{Problem: ProblemUnresolved, Message: fmt.Sprintf("it is not known whether this request or somebody else made the token %q that the server has now", name), Err: failed}
		}
		if err := i.Revoke(look, Issued{Name: name, Hash: row.Hash, ClusterUUID: listing.ClusterUUID, CreatedAt: row.CreatedAt}); err != nil {
			return nil, nil, &Error{
				Problem: ProblemLost, Message: fmt.Sprintf("the token %q was created, but the reply with it was lost, and the token could not be deleted", name),
				Err: &twoErrors{failed, err},
			}
		}
		warnings = []Warning{{
			Summary: "Token Created Once More",
			Detail:  fmt.Sprintf("The token %q was created, but the reply with it was lost. The provider deleted it and created it once more. Nothing is left to do.", name),
		}}
	}
	// As a text: what became of the last one is known, too.
	return nil, nil, &Error{Problem: ProblemNotDone, Message: fmt.Sprintf("every reply to the creation of the token %q was lost, and what was created was deleted again", name), Err: errors.New(lost.Error())}
}

// doubtful is the error about a success that may not be the answer to the request that
// was made, nil if there is no sign of that. What it holds is kept as Partial.
func doubtful(token *influxdb3.Token, was string, before time.Time) *influxdb3.Error {
	failed := &influxdb3.Error{Kind: influxdb3.KindOutcomeUnknown, Op: "get a new token", ClusterUUID: token.ClusterUUID, Date: token.Date, Partial: token.Secret}
	switch {
	case influxdb3.SameHash(token.Secret.Hash(), was):
		failed.Partial, failed.Err = influxdb3.Secret{}, doubt("the reply holds a token that was there before")
	case token.Cached, !token.Date.IsZero() && token.Date.Before(before.Add(-clockSlack)):
		failed.Err = doubt("the reply comes from a cache")
	default:
		return nil
	}
	return failed
}

// kept is the token of a reply that was cut short behind it, or that proves too
// little, while the server could not be asked. It is the only copy.
func (i *Issuer) kept(name string, known Identity, failed *influxdb3.Error, look error) (*influxdb3.Token, []Warning, error) {
	made := failed.Date
	if made.IsZero() {
		made = i.Clock.Now().UTC().Truncate(time.Second)
	}
	token := &influxdb3.Token{Name: name, Secret: failed.Partial, CreatedAt: made, ClusterUUID: failed.ClusterUUID}
	var why doubt
	if !known.originOf(failed.ClusterUUID, true).own() || errors.As(failed.Err, &why) {
		return token, nil, &Error{Problem: ProblemUnverified, Message: fmt.Sprintf("a reply with the token %q arrived, and it is not known whether the token works", name), Err: &twoErrors{failed, look}}
	}
	return token, []Warning{{
		Summary: "Token Taken From an Incomplete Reply",
		Detail:  fmt.Sprintf("The reply with the token %q was cut off after the token, and the server could not be asked about it. The token is taken as it arrived. Whoever uses it next learns whether it works.", name),
	}}, nil
}

func nameTaken(name string, failed *influxdb3.Error) *Error {
	return &Error{Problem: ProblemNameTaken, Message: fmt.Sprintf("the server has a token named %q already", name), Err: failed}
}

// findAfter looks for a token that may just have been created. It is looked for again
// if it is absent, or the one that was there before, with that hash, still is: a
// request may be under way, or a node behind.
func (i *Issuer) findAfter(ctx context.Context, known Identity, name, was string) (*influxdb3.TokenInfo, *influxdb3.Listing, error) {
	began := i.Clock.Now()
	for {
		listing, failed := i.find(ctx, name)
		if failed != nil {
			return nil, nil, failed
		}
		if err := sameCluster(listing, known.ClusterUUID); err != nil {
			return nil, nil, err
		}
		row := listing.Find(name)
		waited := i.Clock.Now().Sub(began)
		if row != nil && !influxdb3.SameHash(row.Hash, was) || settled(ctx, i.Server, known, i.Credential, waited) {
			return row, listing, nil
		}
		if err := i.Clock.Sleep(ctx, pollAfter(waited)); err != nil {
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
	look := context.WithoutCancel(ctx)
	var last *influxdb3.Error
	for try := 0; ; try++ {
		// Looked at before, because a name is all that a deletion knows, and after
		// a reply that is none, the last one too.
		there, cluster, err := i.has(look, token, last != nil)
		var failed *influxdb3.Error
		switch {
		case err != nil && last != nil:
			return &Error{Problem: ProblemUnresolved, Message: fmt.Sprintf("it is not known whether the token %q was deleted", token.Name), Err: &twoErrors{last, err}}
		case errors.As(err, &failed):
			return issueProblem(failed)
		case err != nil || !there:
			return err
		}
		if try == 2+maxHeals || last != nil && last.RetryAfter > 0 && last.RetryAfter <= maxRetryWait && i.Clock.Sleep(ctx, last.RetryAfter) != nil {
			return &Error{Problem: ProblemNotDone, Message: fmt.Sprintf("the token %q was not deleted", token.Name), Err: last}
		}
		known := Identity{ClusterUUID: cluster}
		answered, failed := call(i.Server.DeleteToken(ctx, i.Credential, token.Name))
		if failed == nil && known.originOf(answered, true).own() {
			return nil
		}
		if failed == nil {
			failed = &influxdb3.Error{Kind: influxdb3.KindOutcomeUnknown, Op: "delete the token", Err: doubt("the answer does not name the server's cluster, which this server does")}
		}
		failed = judge(look, i.Server, known, failed)
		// 404 is looked up as well: the request may have been sent twice.
		if !is(failed, influxdb3.KindOutcomeUnknown) && !is(failed, influxdb3.KindNotFound) {
			return issueProblem(failed)
		}
		last = failed
	}
}

// has says whether the server has a token, and which cluster says so. A young one that
// is not to be seen is looked for again while a node may lag behind, unless it was
// asked to go already.
func (i *Issuer) has(ctx context.Context, token Issued, leaving bool) (there bool, cluster string, err error) {
	began := i.Clock.Now()
	for {
		listing, failed := i.find(ctx, token.Name)
		if failed != nil {
			if known := (Identity{ClusterUUID: token.ClusterUUID}); known.originOf(failed.ClusterUUID, failed.Recorded) == originOther {
				return false, "", wrongServer("the token belongs to cluster %s, and cluster %s answers", token.ClusterUUID, failed.ClusterUUID)
			}
			return false, "", failed
		}
		if err := sameCluster(listing, token.ClusterUUID); err != nil {
			return false, "", err
		}
		row := listing.Find(token.Name)
		there := row != nil && (token.Hash == "" || influxdb3.SameHash(row.Hash, token.Hash))
		if there || leaving || !i.MayLag(ctx, token.CreatedAt, began, listing.Date) {
			return there, listing.ClusterUUID, nil
		}
		if err := i.Clock.Sleep(ctx, syncPoll); err != nil {
			return false, "", interrupted()
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

// IssuedReadProblem says what a failed listing means for tokens of that cluster, "" if
// it is not known.
func IssuedReadProblem(err error, clusterUUID string) error {
	_, failed := call(struct{}{}, err)
	known := Identity{ClusterUUID: clusterUUID}
	switch {
	case known.originOf(failed.ClusterUUID, failed.Recorded) == originOther:
		return wrongServer("the token belongs to cluster %s, and cluster %s answers", clusterUUID, failed.ClusterUUID)
	case is(failed, influxdb3.KindUnauthorized), is(failed, influxdb3.KindForbidden):
		return issueProblem(failed)
	}
	return unasked(failed)
}
