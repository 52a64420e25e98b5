package lifecycle

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3"
)

// maxHeals is how often a lost secret is replaced by another before giving up.
const maxHeals = 2

// resolve finds out what became of a regenerate whose outcome is unknown, and
// makes good what can be made good. It is not to be cut off: there may be a secret that
// nobody holds.
func (o *Operator) resolve(ctx context.Context, baseline string, prior OperatorToken, failed *influxdb3.Error) (OperatorToken, []Warning, error) {
	lost := &Error{Problem: ProblemLost, Message: "the operator token was regenerated, but the reply with the new one was lost", Err: failed}
	var warnings []Warning
	for heals := 0; ; heals++ {
		seen, err := o.look(ctx, failed.Partial, baseline, prior)
		prior.PreviousHash = baseline
		switch {
		case err != nil && !failed.Partial.IsEmpty() && !seen.dead:
			return o.kept(failed, prior, err)
		case err != nil:
			return OperatorToken{}, nil, &Error{Problem: ProblemUnresolved, Message: "it is not known whether the operator token was regenerated", Err: &twoErrors{failed, err}}
		case seen.token != nil:
			seen.token.PreviousHash = baseline
			return *seen.token, warnings, nil
		case seen.unchanged && heals == 0: // later it only means that the healing was not done
			return OperatorToken{}, nil, &Error{Problem: ProblemNotDone, Message: "the operator token was not regenerated", Err: failed}
		case seen.accepted.IsEmpty() && seen.inHand && !seen.dead:
			return o.kept(failed, prior, seen.refusal)
		case seen.accepted.IsEmpty():
			return o.recoverLost(ctx, prior, lost)
		case heals == maxHeals: // the last one was looked at, too: its reply may hold the only copy
			return o.recoverLost(ctx, prior, lost)
		}
		// The secret is gone. Another one through what is still accepted.
		prior.PreviousHash, baseline = seen.hash, seen.hash
		prior.Identity = prior.learn(ctx, o.Server, seen.accepted)
		token, again := o.regenerate(ctx, seen.accepted, baseline, prior)
		warnings = []Warning{lostWarning("The reply to a regeneration of the operator token was lost.", "the provider's token")}
		if again == nil {
			kept, _, err := o.minted(ctx, token, prior)
			return kept, warnings, err
		}
		if seen.stale && is(again, influxdb3.KindUnauthorized) {
			// The node that answers is behind, and the one that regenerates is not.
			return OperatorToken{}, nil, &Error{Problem: ProblemUnresolved, Message: "it is not known whether the operator token was regenerated, because the server shows an older one than the one in state", Err: &twoErrors{failed, again}}
		}
		if !is(again, influxdb3.KindOutcomeUnknown) {
			lost.Err = &twoErrors{lost.Err, again}
			return o.recoverLost(ctx, prior, lost)
		}
		failed = again
	}
}

// kept is the token of a reply that proves too little, and that could not be looked
// at. It is the only copy. It counts without an error only where the reply was the
// server's own and was cut short behind the token.
func (o *Operator) kept(failed *influxdb3.Error, prior OperatorToken, look error) (OperatorToken, []Warning, error) {
	prior.Address = o.Address
	prior.Secret, prior.Unreadable, prior.Status, prior.RotatedAt, prior.ListedAt = failed.Partial, "", StatusActive, failed.Date, time.Time{}
	if prior.RotatedAt.IsZero() {
		prior.RotatedAt = o.now()
	}
	var why doubt
	own := prior.originOf(failed.ClusterUUID, true).own() && !errors.As(failed.Err, &why)
	if failed.ClusterUUID != "" {
		prior.ClusterUUID = failed.ClusterUUID
	}
	if !own {
		return prior, nil, &Error{Problem: ProblemUnverified, Message: "a new operator token arrived, and it is not known whether it works", Err: &twoErrors{failed, look}}
	}
	return prior, []Warning{{
		Summary: "Operator Token Taken From an Incomplete Reply",
		Detail:  "The reply with the new operator token was cut off after the token, and the server could not be asked about it. The token is in state. The next refresh shows whether it works.",
	}}, nil
}

// salvage looks at the token in the reply to a creation of which it is not known what
// it did. It returns no token if there is none, or if the server is known to refuse
// it.
func (o *Operator) salvage(ctx context.Context, failed *influxdb3.Error) (OperatorToken, []Warning, error) {
	if failed.Partial.IsEmpty() {
		return OperatorToken{}, nil, nil
	}
	// A node that has not learned of it yet is given time, because it refuses it, too.
	prior := OperatorToken{Identity: Identity{ClusterUUID: failed.ClusterUUID}, RotatedAt: o.serverTime(failed.Date)}
	seen, err := o.look(ctx, failed.Partial, "", prior)
	switch {
	case err == nil && seen.token != nil:
		return *seen.token, nil, nil
	case err == nil && !seen.inHand: // another one is listed, or the server's own refusal
		return OperatorToken{}, nil, nil
	case err == nil:
		err = seen.refusal
	}
	return o.kept(failed, OperatorToken{}, err)
}

// sight is what a look at the server shows.
type sight struct {
	token     *OperatorToken   // the secret that had seemed lost, if it was found
	unchanged bool             // the hash is the one from before
	stale     bool             // the token is one from before that
	hash      string           // the hash listed, "" if nobody could list
	accepted  influxdb3.Secret // a credential that could list, empty if every one was refused
	refusal   *influxdb3.Error // the last refusal
	inHand    bool             // the token of the reply was refused by something that need not be the server
	dead      bool             // the token of the reply is known to be of no use, also with an error
}

// look asks with one credential after the other, until one is accepted. While a
// node may lag behind, a hash from before is looked at again until the sync
// interval is over, and so is the refusal of a token that is as young as that.
func (o *Operator) look(ctx context.Context, partial influxdb3.Secret, baseline string, prior OperatorToken) (sight, error) {
	began, dead := o.Clock.Now(), false
	for {
		seen, err := o.lookOnce(ctx, partial, baseline, prior)
		dead = dead || seen.dead || seen.unchanged && prior.oneNode()
		seen.dead = dead
		waited := o.Clock.Now().Sub(began)
		young := err == nil && seen.accepted.IsEmpty() && seen.refusal != nil && !prior.oneNode() && o.serverTime(seen.refusal.Date).Before(prior.RotatedAt.Add(syncInterval))
		// With a token in hand of which nothing is known yet, there are two that may be
		// the only copy, and state has room for one: whoever can tell is asked again.
		open := !partial.IsEmpty() && !seen.dead && (passes(err) || err == nil && seen.accepted.IsEmpty() && seen.inHand) && waited < settleInterval
		if !open && (err != nil || !seen.unchanged && !seen.stale && !young || settled(ctx, o.Server, prior.Identity, seen.accepted, waited)) {
			return seen, err
		}
		if err := o.Clock.Sleep(ctx, pollAfter(waited)); err != nil {
			return seen, err
		}
	}
}

// passes says whether the error of a look may be another one in a moment.
func passes(err error) bool {
	known := asError(err)
	return known != nil && (known.Problem == ProblemUnavailable || known.Problem == ProblemNotDone || known.Problem == ProblemWrongServer)
}

func (o *Operator) lookOnce(ctx context.Context, partial influxdb3.Secret, baseline string, prior OperatorToken) (sight, error) {
	var refused sight
	var silent *influxdb3.Error // of a credential that may not list
	credentials := []influxdb3.Secret{partial, prior.Secret, o.Credential}
	for i, credential := range credentials {
		if credential.IsEmpty() || slices.ContainsFunc(credentials[:i], credential.Equal) {
			continue
		}
		listing, failed := o.find(ctx, credential)
		if failed != nil && !credential.Equal(prior.Secret) && is(failed, influxdb3.KindForbidden) {
			if credential.Equal(partial) { // an operator token may list: this came from somewhere else
				refused.inHand, refused.refusal = true, failed
			}
			silent = failed
			continue // it may not list
		}
		if failed != nil {
			who, err := o.refusedBy(ctx, prior, failed)
			if err != nil {
				return refused, err
			}
			refused.refusal = failed
			if credential.Equal(partial) {
				refused.inHand, refused.dead = who != originProven, who == originProven && prior.oneNode()
			}
			continue
		}
		if err := prior.sameServer(listing); err != nil {
			return refused, err
		}
		row := listing.Find(influxdb3.OperatorTokenName)
		switch {
		case row == nil:
			return refused, &Error{Problem: ProblemNoOperatorToken, Message: "the server lists no operator token"}
		case influxdb3.SameHash(row.Hash, partial.Hash()):
			return o.found(partial, credential, row, listing, prior), nil
		case influxdb3.SameHash(row.Hash, baseline):
			return sight{unchanged: true, hash: row.Hash, accepted: credential}, nil
		case prior.newerThan(row), influxdb3.SameHash(row.Hash, prior.Hash()): // which was refused before this baseline was taken
			return sight{stale: true, hash: row.Hash, accepted: credential}, nil
		case influxdb3.SameHash(row.Hash, credential.Hash()):
			return o.found(credential, credential, row, listing, prior), nil
		default:
			return sight{hash: row.Hash, accepted: credential}, nil
		}
	}
	// What nobody could list may be as it was: a secret that cannot be read cannot be
	// asked about itself.
	if failed := cmp.Or(refused.refusal, silent); failed != nil && prior.Secret.IsEmpty() && prior.Unreadable != "" {
		return refused, unavailable(failed)
	}
	return refused, nil
}

// found is the sight of a token whose secret is known.
func (o *Operator) found(secret, accepted influxdb3.Secret, row *influxdb3.TokenInfo, listing *influxdb3.Listing, prior OperatorToken) sight {
	token := o.adopted(secret, row, listing)
	if token.ClusterUUID == "" || token.ClusterUUID == prior.ClusterUUID {
		token.Identity = prior.Identity
	}
	return sight{token: &token, hash: row.Hash, accepted: accepted}
}

// settled says whether a change that is not to be seen after so much time will not
// come any more. A request can still be under way to the server when its answer is
// given up, and another node than the one that took it learns of it later still.
func settled(ctx context.Context, server asker, known Identity, credential influxdb3.Secret, after time.Duration) bool {
	if after < settleInterval {
		return false
	}
	return after >= syncInterval || known.learn(ctx, server, credential).oneNode()
}

// pollAfter is the pause before the next look, which ends where one node has settled.
func pollAfter(waited time.Duration) time.Duration {
	if waited < settleInterval {
		return min(syncPoll, settleInterval-waited)
	}
	return syncPoll
}

// recoverLost is the last resort after a secret was lost.
func (o *Operator) recoverLost(ctx context.Context, prior OperatorToken, lost *Error) (OperatorToken, []Warning, error) {
	if !o.Server.HasRecovery() {
		return OperatorToken{}, nil, lost
	}
	return o.recover(ctx, prior, lost)
}

// recover regenerates through the recovery listener. otherwise is the error that
// stands if that fails, too.
func (o *Operator) recover(ctx context.Context, prior OperatorToken, otherwise *Error) (OperatorToken, []Warning, error) {
	prior.PreviousHash = prior.Hash()
	unknown := false
	for range maxHeals {
		token, failed := call(o.Server.RecoverOperatorToken(ctx))
		// The listener never names a cluster, so that the form has to do.
		token, failed = o.believed(ctx, token, failed, "", OperatorToken{Secret: prior.Secret, Unreadable: prior.Unreadable, PreviousHash: prior.PreviousHash})
		if failed == nil {
			kept, warnings, err := o.minted(ctx, token, prior)
			if err == nil && o.refuses(ctx, kept.Secret, prior) {
				kept.Status = StatusRejected
				err = &Error{Problem: ProblemElsewhere, Message: "the server refuses the token that the recovery listener made, so the listener may belong to another server"}
			}
			if err == nil {
				warnings = append(warnings, Warning{
					Summary: "Operator Token Recovered Through the Recovery Listener",
					Detail: "No token could do it: " + otherwise.Message + ". So the operator token was regenerated through the recovery listener, " +
						"which has closed itself. The new token is in state. Restart the server without the listener when you no longer need it.",
				})
			}
			return kept, warnings, err
		}
		otherwise.Recovery = failed
		if !is(failed, influxdb3.KindOutcomeUnknown) {
			break
		}
		unknown = true
		if !failed.Partial.IsEmpty() {
			seen, err := o.lookOnce(ctx, failed.Partial, "", prior)
			switch {
			case err == nil && seen.token != nil:
				seen.token.PreviousHash = prior.PreviousHash
				return *seen.token, nil, nil
			case err != nil:
				return o.kept(failed, prior, err)
			case seen.inHand:
				return o.kept(failed, prior, seen.refusal)
			}
		}
		// Whoever held the token before has lost it by now or was refused
		// before: doing it once more can take it from nobody.
	}
	switch {
	case unknown && (otherwise.Problem == ProblemUnreadable || otherwise.Problem == ProblemUnresolved): // the token of before may be as good as it was
		otherwise.Problem, otherwise.Message = ProblemUnresolved, "whether the recovery listener has regenerated the operator token is not known"
	case unknown:
		otherwise.Problem = ProblemLost
		otherwise.Message += "; the reply of the recovery listener was lost, and it may have made a token that nobody holds"
	}
	return OperatorToken{}, nil, otherwise
}

// twoErrors is a failure and what failed while dealing with it, in one line.
type twoErrors struct{ first, second error }

func (e *twoErrors) Error() string   { return e.first.Error() + "; then " + e.second.Error() }
func (e *twoErrors) Unwrap() []error { return []error{e.first, e.second} }
