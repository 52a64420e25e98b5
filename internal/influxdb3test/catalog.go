package influxdb3test

import (
	"crypto/rand"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	operatorName = "_admin"
	tokenPrefix  = "apiv3_"

	// The last millisecond that the server's time type can hold: +262142-12-31T23:59:59.999Z.
	maxMillis = 8210266876799999
)

var (
	errNameTaken    = errors.New("token name already exists")
	errNoOperator   = errors.New("missing admin token, cannot update")
	errNotFound     = errors.New("the requested resource was not found")
	errOperatorKept = errors.New("cannot delete operator token")
	errExpiryRange  = errors.New("expiry out of range")
)

// tokenRecord is a token as the catalog knows it: the secret itself is not kept, only its SHA-512.
// Times are milliseconds since 1970.
type tokenRecord struct {
	ID          uint64   `json:"id"`
	Name        string   `json:"name"`
	Hash        string   `json:"hash"`
	CreatedAt   int64    `json:"created_at"`
	UpdatedAt   *int64   `json:"updated_at,omitempty"`
	UpdatedBy   *uint64  `json:"updated_by,omitempty"`
	Expiry      *int64   `json:"expiry,omitempty"`
	Permissions []string `json:"permissions,omitempty"` // nil for an admin token
}

func (t tokenRecord) operator() bool { return t.Name == operatorName }
func (t tokenRecord) resource() bool { return t.Permissions != nil }

// tokenFile is what --admin-token-file holds.
type tokenFile struct {
	Token        string `json:"token"`
	Name         string `json:"name"`
	ExpiryMillis *int64 `json:"expiry_millis,omitempty"`
}

func (f tokenFile) check() error {
	if !strings.HasPrefix(f.Token, tokenPrefix) {
		return errors.New("the token of the admin token file does not start with " + tokenPrefix)
	}
	return nil
}

// readTokenFile names neither a value nor the decoder's error: both can hold the secret.
func readTokenFile(path string) (*tokenFile, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("admin token file: %w", err)
	}
	var f tokenFile
	if json.Unmarshal(b, &f) != nil {
		return nil, fmt.Errorf("admin token file %s is not the JSON of a token file", path)
	}
	return &f, f.check()
}

// stored is the catalog's file.
type stored struct {
	ClusterUUID string        `json:"cluster_uuid"`
	NextID      uint64        `json:"next_id"`
	Tokens      []tokenRecord `json:"tokens"`
}

// version is what the tokens were from that time on. The slice is never changed.
type version struct {
	at     time.Time
	tokens []tokenRecord
}

// catalog holds the tokens. Changes are serialised and, with a directory, on disk before they are
// answered.
type catalog struct {
	now  func() time.Time
	lag  time.Duration
	dir  string // "" keeps everything in memory
	uuid string

	mu      sync.Mutex
	nextID  uint64
	tokens  []tokenRecord // replaced, never changed
	history []version     // what the second node may still have to learn, oldest first
}

func openCatalog(c config) (*catalog, error) {
	cat := &catalog{now: c.now, lag: c.lag, dir: c.dataDir, uuid: newUUID()}
	if cat.dir != "" {
		if err := cat.load(); err != nil {
			return nil, err
		}
	}
	if f := c.tokenFile; f != nil && cat.named(f.Name) < 0 {
		t := tokenRecord{ID: cat.nextID, Name: f.Name, Hash: hashOf(f.Token), CreatedAt: cat.millis(), Expiry: f.ExpiryMillis}
		if err := cat.commit(append(slices.Clone(cat.tokens), t), cat.nextID+1); err != nil {
			return nil, err
		}
	}
	cat.history = []version{{tokens: cat.tokens}}
	return cat, nil
}

func (c *catalog) file() string { return filepath.Join(c.dir, "catalog.json") }

func (c *catalog) load() error {
	if err := os.MkdirAll(c.dir, 0o700); err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	b, err := os.ReadFile(c.file())
	if errors.Is(err, fs.ErrNotExist) {
		return c.save(nil, 0)
	}
	if err != nil {
		return fmt.Errorf("catalog: %w", err)
	}
	var s stored
	if err := json.Unmarshal(b, &s); err != nil {
		return fmt.Errorf("catalog %s: %w", c.file(), err)
	}
	c.uuid, c.nextID, c.tokens = s.ClusterUUID, s.NextID, s.Tokens
	return nil
}

// save survives a kill at any moment: the file is either the old one or the new one.
func (c *catalog) save(tokens []tokenRecord, nextID uint64) error {
	b, err := json.Marshal(stored{ClusterUUID: c.uuid, NextID: nextID, Tokens: tokens})
	if err != nil {
		return err
	}
	part := c.file() + ".part"
	if err := os.WriteFile(part, b, 0o600); err != nil {
		return err
	}
	return os.Rename(part, c.file())
}

func (c *catalog) commit(tokens []tokenRecord, nextID uint64) error {
	if c.dir != "" {
		if err := c.save(tokens, nextID); err != nil {
			return fmt.Errorf("catalog: %w", err)
		}
	}
	c.tokens, c.nextID = tokens, nextID
	if c.lag > 0 {
		c.history = append(c.history, version{at: c.now(), tokens: tokens})
	}
	return nil
}

// view returns the tokens as the first node knows them, or the second.
func (c *catalog) view(second bool) []tokenRecord {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !second || c.lag <= 0 {
		return c.tokens
	}
	now := c.now()
	for len(c.history) > 1 && !now.Before(c.history[1].at.Add(c.lag)) {
		c.history = c.history[1:]
	}
	return c.history[0].tokens
}

func (c *catalog) millis() int64 { return c.now().UnixMilli() }

func (c *catalog) named(name string) int {
	return slices.IndexFunc(c.tokens, func(t tokenRecord) bool { return t.Name == name })
}

// lookup finds the token that is presented, unless it has expired. A token is dead in the very
// millisecond of its expiry: one made with a lifetime of zero never works.
func (c *catalog) lookup(tokens []tokenRecord, secret string) (tokenRecord, bool) {
	hash, now := hashOf(secret), c.millis()
	for _, t := range tokens {
		if t.Hash == hash {
			return t, t.Expiry == nil || now < *t.Expiry
		}
	}
	return tokenRecord{}, false
}

// create makes a token and returns its secret. lifetime is in seconds, nil for ever. An expiry
// that the server's time type cannot hold is errExpiryRange if strict, otherwise none at all.
func (c *catalog) create(name string, lifetime *uint64, permissions []string, strict bool) (tokenRecord, string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.named(name) >= 0 {
		return tokenRecord{}, "", fmt.Errorf("%w, %s", errNameTaken, name)
	}
	secret := newToken()
	t := tokenRecord{ID: c.nextID, Name: name, Hash: hashOf(secret), CreatedAt: c.millis(), Permissions: permissions}
	if lifetime != nil {
		e, ok := expiryAt(t.CreatedAt, *lifetime)
		switch {
		case ok:
			t.Expiry = &e
		case strict:
			// The id is used up: in the recordings up to 3.9 the next token has the one after it.
			c.nextID++
			return tokenRecord{}, "", errExpiryRange
		}
	}
	return t, secret, c.commit(append(slices.Clone(c.tokens), t), c.nextID+1)
}

func expiryAt(created int64, lifetime uint64) (int64, bool) {
	if lifetime > maxMillis/1000 {
		return 0, false
	}
	e := created + int64(lifetime)*1000
	return e, e <= maxMillis
}

// regenerate gives the operator token a new secret.
func (c *catalog) regenerate() (tokenRecord, string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := c.named(operatorName)
	if i < 0 {
		return tokenRecord{}, "", errNoOperator
	}
	secret, now := newToken(), c.millis()
	tokens := slices.Clone(c.tokens)
	t := &tokens[i]
	// The recording shows the operator token's own id here, whoever asked for it.
	id := t.ID
	t.Hash, t.UpdatedAt, t.UpdatedBy = hashOf(secret), &now, &id
	return *t, secret, c.commit(tokens, c.nextID)
}

func (c *catalog) remove(name string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if name == operatorName {
		return errOperatorKept
	}
	i := c.named(name)
	if i < 0 {
		return errNotFound
	}
	return c.commit(slices.Delete(slices.Clone(c.tokens), i, i+1), c.nextID)
}

func newToken() string {
	b := make([]byte, 64)
	_, _ = rand.Read(b) // never fails: crypto/rand ends the program instead
	return tokenPrefix + base64.RawURLEncoding.EncodeToString(b)
}

func hashOf(secret string) string {
	h := sha512.Sum512([]byte(secret))
	return hex.EncodeToString(h[:])
}

// shortHash is what the listing shows of a hash: nine hex digits.
func shortHash(hash string) string { return hash[:9] }

func newUUID() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b)
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
