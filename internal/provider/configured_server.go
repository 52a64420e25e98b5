package provider

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3"
	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/lifecycle"
)

// instance is a configured provider block. Every alias is a process of its own,
// plan and apply are different ones, so that it lives for one of them.
type instance struct {
	client  *influxdb3.Client
	clock   lifecycle.Clock
	tokens  *sharedListing
	unknown string // the attribute that is not known yet, "" if the instance can be used

	// configured is the token of the provider block. The operator token's resources
	// work with it alone: what one of them has made is never another one's credential.
	configured influxdb3.Secret
	resources  *operatorResources

	mu         sync.Mutex
	credential influxdb3.Secret  // configured, or what has taken its place
	waiting    map[string]string // by name, the hash of somebody else's token that makes room
	successor  influxdb3.Secret  // the named admin token that was created last
}

// newInstance returns an instance that can be used.
func newInstance(client *influxdb3.Client, credential influxdb3.Secret, clock lifecycle.Clock) *instance {
	in := &instance{client: client, configured: credential, credential: credential, clock: clock, resources: newOperatorResources()}
	in.tokens = &sharedListing{now: clock.Now, fetch: in.list}
	return in
}

// list asks the server for all tokens, with the credential as it is now.
func (in *instance) list(ctx context.Context) (*influxdb3.Listing, error) {
	return in.client.ListTokens(ctx, in.issuer().Credential)
}

// usable says whether there is somebody to call.
func (in *instance) usable() bool { return in != nil && in.unknown == "" }

// notConfigured reports that there is nobody to call, if it is so.
func (in *instance) notConfigured(diags *diag.Diagnostics) bool {
	if in.usable() {
		return false
	}
	diags.Append(providerUnknown(in))
	return true
}

// operator returns what looks after the operator token.
func (in *instance) operator() *lifecycle.Operator {
	return &lifecycle.Operator{Server: in.client, Credential: in.configured, Clock: in.clock}
}

// issuer returns what creates and deletes tokens, with the credential as it is
// now.
func (in *instance) issuer() *lifecycle.Issuer {
	in.mu.Lock()
	defer in.mu.Unlock()
	return &lifecycle.Issuer{Server: in.client, Credential: in.credential, Clock: in.clock}
}

// rotated makes the instance go on with a new operator token if its credential
// is the one that this replaced.
func (in *instance) rotated(token lifecycle.OperatorToken) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if influxdb3.SameHash(in.credential.Hash(), token.PreviousHash) && token.Status.Accepted() {
		in.credential = token.Secret
	}
	in.tokens.invalidate()
}

// makeWait notes that the next token of that name takes the place of somebody
// else's, which has that hash; "" for none.
func (in *instance) makeWait(name, hash string) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.waiting == nil {
		in.waiting = map[string]string{}
	}
	in.waiting[name] = hash
}

// waitingFor returns the hash of somebody else's token whose place one of that name
// takes, once, and "" if there is none.
func (in *instance) waitingFor(name string) string {
	in.mu.Lock()
	defer in.mu.Unlock()
	hash := in.waiting[name]
	delete(in.waiting, name)
	return hash
}

// issued notes a named admin token that was made in this process.
func (in *instance) issued(secret influxdb3.Secret) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.successor = secret
}

// dependsOn says whether nothing could be done any more without the token with that
// hash.
func (in *instance) dependsOn(hash string) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	return influxdb3.SameHash(in.credential.Hash(), hash) && in.successor.IsEmpty()
}

// outlive makes the instance go on with the token that was made last, if the one
// that it works with is gone, and says whether it was that one.
func (in *instance) outlive(hash string) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.successor.IsEmpty() || !influxdb3.SameHash(in.credential.Hash(), hash) {
		return false
	}
	in.credential = in.successor
	return true
}

// serverTime is the server's clock as a listing tells it, otherwise the machine's:
// what the server dates is judged by the same clock.
func (in *instance) serverTime(listing *influxdb3.Listing) time.Time {
	if listing.Date.IsZero() {
		return in.clock.Now()
	}
	return listing.Date
}

// configuredInstance is what resources and data sources do with the data that
// Configure hands them. It is nil before the provider is configured.
func configuredInstance(data any) (*instance, diag.Diagnostics) {
	var diags diag.Diagnostics
	if data == nil {
		return nil, diags
	}
	in, ok := data.(*instance)
	if !ok {
		diags.AddError("Unexpected Provider Data", fmt.Sprintf("Expected *instance, got %T. This is a bug in the provider; please report it.", data))
	}
	return in, diags
}
