package lifecycle

import (
	"sync"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3"
)

// Credentials are the tokens that one process works with at one server.
type Credentials struct {
	configured influxdb3.Secret

	mu        sync.Mutex
	current   influxdb3.Secret // configured, or what has taken its place
	successor influxdb3.Secret // the named admin token that was created last
}

// NewCredentials are those of a process whose configured token is this one, empty if
// there is none.
func NewCredentials(configured influxdb3.Secret) *Credentials {
	return &Credentials{configured: configured, current: configured}
}

// Configured is what the operator token's resources work with, always: what one of
// them has made is never another one's credential.
func (c *Credentials) Configured() influxdb3.Secret { return c.configured }

// Current is what everything else works with.
func (c *Credentials) Current() influxdb3.Secret {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.current
}

// Rotated goes on with a new operator token, if the current token is the one that
// this replaced.
func (c *Credentials) Rotated(token OperatorToken) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if influxdb3.SameHash(c.current.Hash(), token.PreviousHash) && token.Status.Accepted() && !token.Secret.IsEmpty() {
		c.current = token.Secret
	}
}

// Created notes a named admin token that was made in this process. It could take the
// place of the current token.
func (c *Credentials) Created(namedAdminToken influxdb3.Secret) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.successor = namedAdminToken
}

// DependOn says whether nothing could be done any more without the token with that
// hash, not even to make another one.
func (c *Credentials) DependOn(hash string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return influxdb3.SameHash(c.current.Hash(), hash) && c.successor.IsEmpty()
}

// Deleted goes on with the token that was created last, if the one that is gone is
// the current one, and says whether it was.
func (c *Credentials) Deleted(hash string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.successor.IsEmpty() || !influxdb3.SameHash(c.current.Hash(), hash) {
		return false
	}
	c.current = c.successor
	return true
}
