package influxdb3

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"time"
)

// OperatorTokenName is the name of the operator token, which no other token can
// have (recorded: 409).
const OperatorTokenName = "_admin"

const (
	operatorPath   = "/api/v3/configure/token/admin"
	regeneratePath = "/api/v3/configure/token/admin/regenerate"
	namedAdminPath = "/api/v3/configure/token/named_admin"
	tokenPath      = "/api/v3/configure/token" //nolint:gosec // a path, no credential
)

// Token is a token as the server hands it out, once.
type Token struct {
	ID        uint64
	Name      string
	Secret    Secret
	CreatedAt time.Time  // UTC
	ExpiresAt *time.Time // UTC, nil: never
	// ForeignHash is set when the hash in the reply is not that of the token:
	// up to 3.9 two regenerates at once can exchange theirs.
	ForeignHash bool
	// Cached: the reply says that it comes from a cache, so that the token in it may
	// be an old one.
	Cached      bool
	ClusterUUID string    // "" before 3.7 and from the recovery listener
	Date        time.Time // the server's clock at the reply, zero without a Date header
}

// CreateOperatorToken creates the first token of a new server. It needs no
// credential and fails with KindConflict where there is an operator token
// already, so that it may be repeated: it creates only where nothing is.
func (c *Client) CreateOperatorToken(ctx context.Context) (*Token, error) {
	return c.mint(ctx, call{op: "create the operator token", method: http.MethodPost, path: operatorPath, mints: OperatorTokenName, changes: true})
}

// RegenerateOperatorToken replaces the operator token. The old one is dead the
// moment it succeeds. On Core any valid admin token may do this (recorded).
func (c *Client) RegenerateOperatorToken(ctx context.Context, credential Secret) (*Token, error) {
	return c.mint(ctx, call{op: "regenerate the operator token", method: http.MethodPost, path: regeneratePath, mints: OperatorTokenName, token: credential, changes: true})
}

// RecoverOperatorToken replaces the operator token through the recovery
// listener, which asks for no credential and closes after its first success
// (recorded). It may only be called with a RecoveryURL.
func (c *Client) RecoverOperatorToken(ctx context.Context) (*Token, error) {
	return c.mint(ctx, call{op: "recover the operator token", method: http.MethodPost, path: regeneratePath, mints: OperatorTokenName, changes: true, recover: true})
}

// CreateNamedAdminToken creates a named admin token (3.1 and later). expiresIn
// is cut to whole seconds; nil means never. KindConflict: the name is in use,
// by a token that may have expired.
func (c *Client) CreateNamedAdminToken(ctx context.Context, credential Secret, name string, expiresIn *time.Duration) (*Token, error) {
	body := struct {
		Name    string `json:"token_name"`
		Seconds *int64 `json:"expiry_secs"`
	}{name, wholeSeconds(expiresIn)}
	return c.mint(ctx, call{op: "create the named admin token", method: http.MethodPost, path: namedAdminPath, mints: name, token: credential, body: body, changes: true})
}

// DeleteToken deletes a token of any kind by name and returns the cluster that says
// so, "" before 3.7. KindNotFound: there is none. KindNotEnabled: it is the operator
// token, which cannot be deleted.
func (c *Client) DeleteToken(ctx context.Context, credential Secret, name string) (clusterUUID string, err error) {
	call := call{
		op: "delete the token", method: http.MethodDelete, path: tokenPath,
		query: url.Values{"token_name": {name}}, token: credential, changes: true,
	}
	reply, failed := c.do(ctx, call)
	if failed != nil {
		return "", failed
	}
	if len(reply.body) > 0 || reply.err != nil {
		return "", &Error{
			Kind: KindOutcomeUnknown, Op: call.op, Target: address(c.config.URL.JoinPath(call.path)), ClusterUUID: reply.clusterUUID,
			Message: "the answer was a success, but not the server's, which has no body", Err: reply.err,
		}
	}
	return reply.clusterUUID, nil
}

// mint makes a call whose answer holds a token that is shown this once.
func (c *Client) mint(ctx context.Context, call call) (*Token, error) {
	reply, failed := c.do(ctx, call)
	if failed != nil {
		return nil, failed
	}
	token, err := decodeToken(reply.body)
	partial := partialToken(reply.body, call.mints)
	if err == nil && token.Name != call.mints {
		// A gateway can have tokens of its own.
		err, partial = errors.New("it is not the token that was asked for"), Secret{}
	}
	if err == nil {
		// Cut short behind the last brace is whole all the same.
		token.ClusterUUID, token.Date, token.Cached = reply.clusterUUID, reply.date, reply.cached
		return token, nil
	}
	if reply.err != nil {
		err = reply.err
	}
	target := c.config.URL
	if call.recover {
		target = c.config.RecoveryURL
	}
	return nil, &Error{
		Kind: KindOutcomeUnknown, Op: call.op, Target: address(target.JoinPath(call.path)),
		Message: "the answer was a success, but the token in it cannot be read", ClusterUUID: reply.clusterUUID, Date: reply.date,
		Partial: partial, Err: err,
	}
}

// decodeToken reads the reply to a call that mints. Its errors do not quote it.
func decodeToken(body []byte) (*Token, error) {
	var wire struct {
		ID        uint64  `json:"id"`
		Name      string  `json:"name"`
		Token     string  `json:"token"`
		Hash      string  `json:"hash"`
		CreatedAt string  `json:"created_at"`
		Expiry    *string `json:"expiry"`
	}
	// encoding/json quotes what it could not read, which may be the token.
	if err := json.Unmarshal(body, &wire); err != nil {
		return nil, fmt.Errorf("the body of %d bytes is not the JSON of a token", len(body))
	}
	if !ValidToken(wire.Token) {
		return nil, errors.New("the JSON has no usable token")
	}
	token := &Token{ID: wire.ID, Name: wire.Name, Secret: NewSecret(wire.Token)}
	// A token is worth more than its dates: unreadable ones are left out, the
	// next listing has them.
	if created, err := parseTime(wire.CreatedAt); err == nil {
		token.CreatedAt = created
	}
	if wire.Expiry != nil {
		if expires, err := parseTime(*wire.Expiry); err == nil {
			token.ExpiresAt = &expires
		}
	}
	token.ForeignHash = len(wire.Hash) >= hashDigits && !SameHash(wire.Hash, token.Secret.Hash())
	return token, nil
}

// ValidToken says whether a text can be sent as a token: printable ASCII without
// spaces. The prefix apiv3_ is not asked for: a proxy may take tokens of its own.
func ValidToken(text string) bool {
	for _, b := range []byte(text) {
		if b <= ' ' || b >= 0x7f {
			return false
		}
	}
	return text != ""
}

var (
	wholeName  = regexp.MustCompile(`"name"\s*:\s*("(?:[^"\\]|\\.)*")`)
	wholeToken = regexp.MustCompile(`"token"\s*:\s*"(apiv3_[A-Za-z0-9_-]{86})"`)
)

// partialToken finds a token that arrived whole in an answer that did not, unless that
// has another name than was asked for: the name stands before the token (recorded). A
// token of the server's making has 92 characters (recorded), so that one cut short
// cannot be taken for whole.
func partialToken(body []byte, name string) Secret {
	m := wholeToken.FindSubmatch(body)
	if m == nil {
		return Secret{}
	}
	if named := wholeName.FindSubmatch(body); named != nil {
		var got string
		if json.Unmarshal(named[1], &got) != nil || got != name {
			return Secret{} // a gateway can have tokens of its own
		}
	}
	return NewSecret(string(m[1]))
}
