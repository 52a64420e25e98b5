package influxdb3

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"
)

const (
	queryPath = "/api/v3/query_sql"
	columns   = "token_id, name, hash, created_at, updated_at, expiry, permissions"
)

// TokenInfo is what the server tells of a token afterwards.
type TokenInfo struct {
	ID          uint64
	Name        string
	Hash        string     // first nine hex digits of the SHA-512 of the token
	CreatedAt   time.Time  // UTC, to the millisecond
	UpdatedAt   *time.Time // UTC, when it was last regenerated, nil: never
	ExpiresAt   *time.Time // UTC, nil: never
	Permissions string     // "*:*:*" for admin tokens on Core
}

// Listing is what a server tells of its tokens at one moment.
type Listing struct {
	Tokens      []TokenInfo
	ClusterUUID string    // "" before 3.7
	Date        time.Time // the server's clock, zero without a Date header
}

// Find returns the token of a name, nil if there is none. Names are unique
// across all kinds of tokens (recorded).
func (l *Listing) Find(name string) *TokenInfo {
	for i := range l.Tokens {
		if l.Tokens[i].Name == name {
			return &l.Tokens[i]
		}
	}
	return nil
}

// FindHash returns the token with that hash, nil if there is none.
func (l *Listing) FindHash(hash string) *TokenInfo {
	for i := range l.Tokens {
		if SameHash(l.Tokens[i].Hash, hash) {
			return &l.Tokens[i]
		}
	}
	return nil
}

// ListTokens lists all tokens. It is the proof that a credential is good: unlike
// /ping and /health the SQL endpoint authenticates whatever --disable-authz says
// (recorded).
func (c *Client) ListTokens(ctx context.Context, credential Secret) (*Listing, error) {
	return c.list(ctx, credential, "SELECT "+columns+" FROM system.tokens ORDER BY token_id", nil)
}

// FindToken is ListTokens for one name and, if a hash is given, for the token that
// has it: the listing holds two tokens at most.
func (c *Client) FindToken(ctx context.Context, credential Secret, name, hash string) (*Listing, error) {
	where, params := "name = $name", map[string]string{"name": name}
	if hash != "" {
		where, params["hash"] = "name = $name OR hash = $hash ORDER BY token_id", hash
	}
	return c.list(ctx, credential, "SELECT "+columns+" FROM system.tokens WHERE "+where, params)
}

func (c *Client) list(ctx context.Context, credential Secret, sql string, params map[string]string) (*Listing, error) {
	// The server writes statement and parameters to its log: no secret in here.
	body := struct {
		Database string            `json:"db"`
		SQL      string            `json:"q"`
		Format   string            `json:"format"`
		Params   map[string]string `json:"params,omitempty"`
	}{"_internal", sql, "json", params}
	call := call{op: "list tokens", method: http.MethodPost, path: queryPath, token: credential, body: body}
	reply, failed := c.do(ctx, call)
	if failed != nil {
		if hasNoHashes(failed) {
			failed.Kind = KindNotEnabled
		}
		return nil, failed
	}
	tokens, err := decodeListing(reply.body)
	if reply.err != nil {
		err = reply.err
	}
	if err != nil {
		return nil, &Error{
			Kind: KindUnexpected, Op: call.op, Target: address(c.config.URL.JoinPath(call.path)),
			ClusterUUID: reply.clusterUUID, Err: err,
		}
	}
	return &Listing{Tokens: tokens, ClusterUUID: reply.clusterUUID, Date: reply.date}, nil
}

// hasNoHashes recognises a server without authentication, whose table of tokens has
// no column for the hash (recorded). There is nothing but the text to tell it by; up
// to 3.7 it has more in front.
func hasNoHashes(err *Error) bool {
	text := strings.TrimPrefix(err.Message, "query error: error while planning query: ")
	return err.Status == http.StatusInternalServerError && strings.HasPrefix(text, "Schema error: No field named hash.")
}

// decodeListing reads rows as the server writes them: NULLs are left out.
func decodeListing(body []byte) ([]TokenInfo, error) {
	var rows []struct {
		ID          *uint64 `json:"token_id"`
		Name        *string `json:"name"`
		Hash        *string `json:"hash"`
		CreatedAt   string  `json:"created_at"`
		UpdatedAt   *string `json:"updated_at"`
		Expiry      *string `json:"expiry"`
		Permissions string  `json:"permissions"`
	}
	if err := json.Unmarshal(body, &rows); err != nil || rows == nil { // nil is what "null" makes
		return nil, fmt.Errorf("the answer of %d bytes is not a listing of tokens", len(body))
	}
	tokens := make([]TokenInfo, 0, len(rows))
	for i, row := range rows {
		if row.ID == nil || row.Name == nil || row.Hash == nil {
			return nil, fmt.Errorf("row %d of the listing has no id, name or hash", i+1)
		}
		info := TokenInfo{ID: *row.ID, Name: *row.Name, Hash: *row.Hash, Permissions: row.Permissions}
		var err error
		if info.CreatedAt, err = parseTime(row.CreatedAt); err != nil {
			return nil, fmt.Errorf("created_at in row %d of the listing: %w", i+1, err)
		}
		if info.UpdatedAt, err = parseOptionalTime(row.UpdatedAt); err != nil {
			return nil, fmt.Errorf("updated_at in row %d of the listing: %w", i+1, err)
		}
		if info.ExpiresAt, err = parseOptionalTime(row.Expiry); err != nil {
			return nil, fmt.Errorf("expiry in row %d of the listing: %w", i+1, err)
		}
		tokens = append(tokens, info)
	}
	return tokens, nil
}

func parseOptionalTime(text *string) (*time.Time, error) {
	if text == nil {
		return nil, nil // a NULL is no time and no error
	}
	t, err := parseTime(*text)
	if err != nil {
		return nil, err
	}
	return &t, nil
}
