package lifecycle

import (
	"context"
	"time"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3"
)

// maxHeals is how often a lost secret is replaced by another before giving up.
const maxHeals = 2

// resolve finds out what became of a regenerate whose outcome is unknown, and
// makes good what can be made good.
func (o *Operator) resolve(ctx context.Context, baseline string, prior OperatorToken, failed *influxdb3.Error) (OperatorToken, []Warning, error) {
	lost := &Error{Problem: ProblemLost, Message: "the operator token was regenerated, but the reply with the new one was lost", Err: failed}
	for heals := range maxHeals {
		seen, err := o.look(ctx, []influxdb3.Secret{failed.Partial, prior.Secret, o.Credential}, baseline, prior)
		if err != nil {
			prior.PreviousHash = baseline
			if found, warnings := o.salvage(ctx, failed, prior); found != nil {
				return *found, warnings, nil
			}
			return OperatorToken{}, nil, &Error{Problem: ProblemUnresolved, Message: "whether the operator token was regenerated could not be found out", Err: &twoErrors{failed, err}}
		}
		switch {
		case seen.token != nil:
			seen.token.PreviousHash = baseline
			return *seen.token, nil, nil
		case seen.unchanged && heals == 0: // later it only means that the healing was not done
			return OperatorToken{}, nil, &Error{Problem: ProblemNotDone, Message: "the operator token was not regenerated", Err: failed}
		case seen.accepted.IsEmpty():
			return o.recoverLost(ctx, prior, lost)
		}
		// The secret is gone. Another one through what is still accepted.
		prior.PreviousHash, baseline = seen.hash, seen.hash
		token, again := call(o.Server.RegenerateOperatorToken(ctx, seen.accepted))
		if again == nil {
			kept, warnings, err := o.minted(ctx, token, prior)
			return kept, append(warnings, lostWarning("The reply to a regeneration of the operator token was lost.", "the configured token")), err
		}
		if seen.stale && is(again, influxdb3.KindUnauthorized) {
			// The node that answers is behind, and the one that regenerates is not.
			return OperatorToken{}, nil, &Error{Problem: ProblemUnresolved, Message: "whether the operator token was regenerated could not be found out, because the server shows an older one than the one in state", Err: &twoErrors{failed, again}}
		}
		if !is(again, influxdb3.KindOutcomeUnknown) {
			lost.Err = &twoErrors{lost.Err, again}
			return o.recoverLost(ctx, prior, lost)
		}
		failed = again
	}
	return o.recoverLost(ctx, prior, lost)
}

// sight is what a look at the server shows.
type sight struct {
	token     *OperatorToken   // the secret that had seemed lost, if it was found
	unchanged bool             // the hash is the one from before
	stale     bool             // the token is one from before that
	hash      string           // the hash listed, "" if nobody could list
	accepted  influxdb3.Secret // a credential that could list, empty if every one was refused
	at        time.Time        // the server's clock at the last refusal
}

// look asks with one credential after the other, until one is accepted. While a
// node may lag behind, a hash from before is looked at again until the sync
// interval is over, and so is the refusal of a token that is as young as that.
func (o *Operator) look(ctx context.Context, credentials []influxdb3.Secret, baseline string, prior OperatorToken) (sight, error) {
	began := o.Clock.Now()
	for {
		seen, err := o.lookOnce(ctx, credentials, baseline, prior)
		again := seen.unchanged || seen.stale || seen.accepted.IsEmpty() && seen.at.Before(prior.RotatedAt.Add(syncInterval))
		if err != nil || !again || settled(ctx, o.Server, seen.accepted, o.Clock.Now().Sub(began)) {
			return seen, err
		}
		if err := o.Clock.Sleep(ctx, syncPoll); err != nil {
			return seen, err
		}
	}
}

func (o *Operator) lookOnce(ctx context.Context, credentials []influxdb3.Secret, baseline string, prior OperatorToken) (sight, error) {
	var refused sight
	for i, credential := range credentials {
		if credential.IsEmpty() || contains(credentials[:i], credential) {
			continue
		}
		listing, failed := call(o.Server.FindToken(ctx, credential, influxdb3.OperatorTokenName))
		if failed != nil && !credential.Equal(prior.Secret) && is(failed, influxdb3.KindForbidden) {
			continue // it may not list
		}
		if failed != nil {
			if byServer, err := prior.refusedBy(failed); !byServer {
				return sight{}, err
			}
			refused.at = o.serverTime(failed.Date)
			continue
		}
		if err := prior.sameServer(listing); err != nil {
			return sight{}, err
		}
		row := listing.Find(influxdb3.OperatorTokenName)
		switch {
		case row == nil:
			return sight{}, &Error{Problem: ProblemNoOperatorToken, Message: "the server lists no operator token"}
		case row.Hash == baseline:
			return sight{unchanged: true, hash: row.Hash, accepted: credential}, nil
		case prior.newerThan(row):
			return sight{stale: true, hash: row.Hash, accepted: credential}, nil
		case row.Hash == credential.Hash():
			holder := Operator{Server: o.Server, Credential: credential, Clock: o.Clock}
			token := holder.adopted(row, listing)
			return sight{token: &token, hash: row.Hash, accepted: credential}, nil
		default:
			return sight{hash: row.Hash, accepted: credential}, nil
		}
	}
	return refused, nil
}

// settled says whether a change that is not to be seen after so much time will not
// come any more. A request can still be under way to the server when its answer is
// given up, and another node than the one that took it learns of it later still.
// Core is one node.
func settled(ctx context.Context, server pinger, credential influxdb3.Secret, after time.Duration) bool {
	if after < settleInterval {
		return false
	}
	if after >= syncInterval {
		return true
	}
	info, err := server.Ping(ctx, credential)
	return err == nil && info.Build == "Core"
}

type pinger interface {
	Ping(ctx context.Context, credential influxdb3.Secret) (*influxdb3.ServerInfo, error)
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
		if failed == nil {
			kept, warnings, err := o.minted(ctx, token, prior)
			return kept, append(warnings, Warning{
				Summary: "Operator Token Recovered Through the Recovery Listener",
				Detail: "No other credential could do it: " + otherwise.Message + ". The operator token was regenerated through the recovery listener, " +
					"which has closed itself. The new token is in state. Restart the server without the listener when you no longer need it.",
			}), err
		}
		otherwise.Recovery = failed
		if !is(failed, influxdb3.KindOutcomeUnknown) {
			break
		}
		unknown = true
		if found, warnings := o.salvage(ctx, failed, prior); found != nil {
			return *found, warnings, nil
		}
		// Whoever held the token before has lost it by now or was refused
		// before: doing it once more can take it from nobody.
	}
	if unknown {
		otherwise.Problem = ProblemLost
		otherwise.Message += "; the reply of the recovery listener was lost, and it may have made a token that nobody holds"
	}
	return OperatorToken{}, nil, otherwise
}

func contains(list []influxdb3.Secret, secret influxdb3.Secret) bool {
	for _, s := range list {
		if s.Equal(secret) {
			return true
		}
	}
	return false
}

// twoErrors is a failure and what failed while dealing with it, in one line.
type twoErrors struct{ first, second error }

func (e *twoErrors) Error() string   { return e.first.Error() + "; then " + e.second.Error() }
func (e *twoErrors) Unwrap() []error { return []error{e.first, e.second} }
