package provider

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-log/tflog"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/agefile"
	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3"
	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/lifecycle"
)

// configuredServers are the servers of a provider block. It is what Configure hands to
// resources and data sources, and nil before the provider is configured.
type configuredServers struct {
	byName    map[string]*configuredServer   // "" is that of the block itself
	byAddress map[string][]*configuredServer // those that can be used
	unknown   bool                           // which servers there are besides it is not known yet
	claims    claims
}

// get returns the server of a name that is written in a block. One that nobody knows yet,
// and one that there is not, cannot be used. nil is before the provider is configured.
func (s *configuredServers) get(name types.String) *configuredServer {
	switch {
	case s == nil:
		return nil
	case name.IsUnknown():
		return &configuredServer{unknown: "server"}
	}
	server := s.byName[name.ValueString()]
	switch {
	case server != nil:
		return server
	case s.unknown:
		return &configuredServer{name: name.ValueString(), unknown: "servers"}
	default:
		return &configuredServer{name: name.ValueString(), missing: true}
	}
}

// all returns the servers that there are, that of the block itself first. Where there are
// others, it counts only if its address is set: the default one is nobody's choice.
func (s *configuredServers) all() (servers []*configuredServer) {
	for _, name := range slices.Sorted(maps.Keys(s.byName)) {
		if server := s.byName[name]; name != "" || server.addressed || len(s.byName) == 1 && !s.unknown {
			servers = append(servers, server)
		}
	}
	return servers
}

// at are the servers with that address, "" for none: one can have another name than before,
// or two.
func (s *configuredServers) at(address string) []*configuredServer {
	if s == nil {
		return nil
	}
	return s.byAddress[address]
}

// add adds a server. One with the same address as another one is the same server by another
// name: it has one operator token, whose resources are told apart by nothing else.
func (s *configuredServers) add(name string, server *configuredServer) {
	server.name, s.byName[name] = name, server
	if !server.usable() {
		return
	}
	address := server.client.Endpoint()
	for _, other := range s.byAddress[address] {
		if other.client.SameAddress(server.client) {
			server.operatorResources = other.operatorResources
		}
	}
	s.byAddress[address] = append(s.byAddress[address], server)
}

// claims are the operator tokens of this process, with the server where each was seen: two
// entries can have the same server behind them. Where it shows, because they have one
// address, they share what is known of its resources (operatorResources), and need no claims.
type claims struct {
	mu   sync.Mutex
	held []claim
}

type claim struct {
	lifecycle.Mark
	server *configuredServer
}

// claim notes whose token that is, unless another server has it. A creation that would
// take or regenerate it claims it too, so it makes no difference which of two is planned
// first. What nobody could see is nobody's.
func (c *claims) claim(mark lifecycle.Mark, server *configuredServer) (other *configuredServer, ok bool) {
	if c == nil || mark.Hash == "" { // nil is in a test of one server
		return nil, true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, held := range c.held {
		if held.server.operatorResources != server.operatorResources && held.Same(mark) {
			return held.server, false
		}
	}
	c.held = append(c.held, claim{mark, server})
	return nil, true
}

// configuredServer is a server that resources work with, and what this process has
// learned of it. Every alias of a provider block is a process of its own, plan and
// apply are different ones, so that it lives for one of them.
type configuredServer struct {
	name    string // in servers, "" for that of the block itself
	unknown string // the attribute that is not known yet, "" if the server can be used
	missing bool   // there is no such entry in servers

	addressed        bool        // its address is set, and not the default
	mayBeUnreachable bool        // a refresh keeps what is in state, with one warning
	unreached        atomic.Bool // it was found to be unreachable, and a warning says so
	claims           *claims     // of all servers of the block
	bridged          bool        // see isBridge

	client            *influxdb3.Client
	clock             lifecycle.Clock
	credentials       *lifecycle.Credentials
	tokens            *sharedListing
	operatorResources *operatorResources
	startup           *lifecycle.Startup // waits for the server, before a creation
	identities        agefile.Identities // decrypt what is in state
	leftOvers         leftOvers

	askCluster sync.Once
	cluster    string // as it has answered, "" if it has not

	mu       sync.Mutex
	room     map[string]string // by name, the hash of somebody else's token that makes room
	imported map[string]bool   // by hash, whether a token was imported in this process
}

// newConfiguredServer returns a server that can be used.
func newConfiguredServer(client *influxdb3.Client, credential influxdb3.Secret, clock lifecycle.Clock) *configuredServer {
	s := &configuredServer{
		client: client, clock: clock, credentials: lifecycle.NewCredentials(credential), operatorResources: newOperatorResources(),
		startup: &lifecycle.Startup{Server: client, Clock: clock, OnWait: logWait},
		room:    map[string]string{}, imported: map[string]bool{},
	}
	s.tokens = &sharedListing{now: clock.Now, fetch: s.list}
	return s
}

// logWait tells of a creation that waits for the server.
func logWait(ctx context.Context, waited time.Duration, why error) {
	tflog.Info(ctx, "waiting for InfluxDB to answer", map[string]any{"waited": waited.Round(time.Second).String(), "reason": why.Error()})
}

// list asks for all tokens, with the credential as it is now.
func (s *configuredServer) list(ctx context.Context) (*influxdb3.Listing, error) {
	return s.client.ListTokens(ctx, s.credentials.Current())
}

// isMissing says whether servers has no such entry.
func (s *configuredServer) isMissing() bool { return s != nil && s.missing }

// usable says whether there is somebody to call.
func (s *configuredServer) usable() bool { return s != nil && s.unknown == "" && !s.missing }

// identitiesUnknown says whether what decrypts a state is not known yet.
func (s *configuredServer) identitiesUnknown() bool {
	return s != nil && (s.unknown == identityAttribute || s.unknown == identityFileAttribute)
}

// hasCredential says whether there is anything with which the token of a resource that
// is created could be another one's: without it a creation takes nothing from anybody.
func (s *configuredServer) hasCredential() bool {
	return s.usable() && (!s.credentials.Configured().IsEmpty() || s.client.HasRecovery())
}

// notConfigured reports that there is nobody to call, if it is so.
func (s *configuredServer) notConfigured(diags *diag.Diagnostics) bool {
	switch {
	case s.usable():
		return false
	case s.isMissing():
		diags.Append(missingServer(s))
	default:
		diags.Append(providerUnknown(s))
	}
	return true
}

// operator returns what looks after the operator token, with the configured token.
func (s *configuredServer) operator() *lifecycle.Operator {
	return &lifecycle.Operator{Server: s.client, Address: s.client.Endpoint(), Credential: s.credentials.Configured(), Clock: s.clock}
}

// issuer returns what creates and deletes tokens, with the credential as it is now.
func (s *configuredServer) issuer() *lifecycle.Issuer {
	return &lifecycle.Issuer{Server: s.client, Credential: s.credentials.Current(), Clock: s.clock}
}

// secretOf is the secret of a token in state, empty if nobody here can read it. The
// configured token may be the very one.
func (s *configuredServer) secretOf(m secretModel, hash string) influxdb3.Secret {
	secret, own := m.secret(hash, s.identities), s.credentials.Configured()
	if secret.IsEmpty() && influxdb3.SameHash(own.Hash(), hash) {
		return own
	}
	return secret
}

// rotated notes the operator token that this process has made or taken over.
func (s *configuredServer) rotated(token lifecycle.OperatorToken) {
	s.credentials.Rotated(token)
	s.tokens.invalidate()
	s.operatorResources.end(&token)
}

// makeRoom notes that the next token of that name takes the place of somebody else's,
// which has that hash; "" for none.
func (s *configuredServer) makeRoom(name, hash string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.room[name] = hash
}

// takeRoom returns the hash of somebody else's token whose place one of that name
// takes, once, and "" if there is none.
func (s *configuredServer) takeRoom(name string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	hash := s.room[name]
	delete(s.room, name)
	return hash
}

// importing notes an import of the token with that hash, and says whether it is the
// first one in this process.
func (s *configuredServer) importing(hash string) (first bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	first = !s.imported[hash]
	s.imported[hash] = true
	return first
}

// importedHere says whether that token was imported in this process.
func (s *configuredServer) importedHere(hash string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.imported[hash]
}

// serverTime is the server's clock as a listing tells it, otherwise the machine's:
// what the server dates is judged by the same clock.
func (s *configuredServer) serverTime(listing *influxdb3.Listing) time.Time {
	if listing.Date.IsZero() {
		return s.clock.Now()
	}
	return listing.Date
}

// onServer is what every resource and data source has: the servers that there are.
type onServer struct {
	servers *configuredServers
}

// configure takes what Configure of the provider has handed out.
func (o *onServer) configure(handed any) (diags diag.Diagnostics) {
	if handed == nil {
		return diags // not configured yet
	}
	servers, ok := handed.(*configuredServers)
	if !ok {
		diags.AddError("Unexpected Provider Data", fmt.Sprintf("Expected *configuredServers, got %T. This is a bug in the provider; please report it.", handed))
	}
	o.servers = servers
	return diags
}

// server is the one to work with, nil before the provider is configured.
func (o *onServer) server(name types.String) *configuredServer { return o.servers.get(name) }
