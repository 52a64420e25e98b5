package provider

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3"
	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3test"
)

// entryAt is one of servers in a provider block, with an address of its own and further
// lines.
func entryAt(c *core, address string, lines values) tftypes.Value {
	c.start(values{}, patienceAlone) // for the schema
	servers, _ := c.objectType("").AttributeTypes["servers"].(tftypes.Map)
	object, _ := servers.ElementType.(tftypes.Object)
	all := values{"url": str(address), "max_retries": tftypes.NewValue(tftypes.Number, 0)}
	maps.Copy(all, lines)
	return tftypes.NewValue(object, map[string]tftypes.Value(full(object, all)))
}

// fleetOf is a root module with these servers, and further lines of its provider block.
func fleetOf(c *core, entries map[string]tftypes.Value, lines values, all blocks) rootModule {
	provider := values{"servers": entriesOf(c, entries)}
	maps.Copy(provider, lines)
	return rootModule{provider: provider, providerKnown: provider, blocks: all}
}

// onEntry is a block on a server of a fleet.
func onEntry(name string, block resourceBlock) resourceBlock {
	block.planned, block.known = maps.Clone(block.planned), maps.Clone(block.known)
	block.planned["server"], block.known["server"] = str(name), str(name)
	return block
}

// byName is the address of a server by another name of this machine.
func byName(s *influxdb3test.Server) string {
	return strings.Replace(s.URL(), "127.0.0.1", "localhost", 1)
}

// tokensSent are the hashes of the tokens that a server was sent.
func tokensSent(s *influxdb3test.Server) (hashes []string) {
	for _, r := range s.Requests() {
		if r.TokenHash != "" && !slices.Contains(hashes, r.TokenHash) {
			hashes = append(hashes, r.TokenHash)
		}
	}
	return hashes
}

// A token in state is not sent to another cluster, if the address of its server has become
// that of one, or its resource has moved to a block with another server of that name.
func TestProtocol_tokenStaysWithItsCluster(t *testing.T) {
	t.Parallel()
	for name, options := range map[string]planOptions{"refresh": {}, "rotation without a refresh": {skipRead: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCore(t)
			here, there := influxdb3test.New(t), influxdb3test.New(t)
			there.Bootstrap(t)
			at := func(address string, trigger int) rootModule {
				return fleetOf(c, map[string]tftypes.Value{"a": entryAt(c, address, nil)}, nil, blocks{addressA: onEntry("a", operatorLines{trigger: trigger}.block())})
			}
			c.applied(at(here.URL(), 0), planOptions{})
			token := c.current(addressA, "token")
			c.begin()
			if made := c.plan(at(there.URL(), 1), options); made != nil {
				c.apply(made, false, false, ending{})
			}
			if !c.failed || !c.said("and cluster "+there.ClusterUUID(t)+" answers") || c.current(addressA, "token") != token {
				t.Errorf("%v", c.journal)
			}
			if sent := tokensSent(there); len(sent) > 0 {
				t.Errorf("the other server was sent the tokens %v", sent)
			}
		})
	}
}

// Nor is it where a gateway answers OPTIONS itself: what refuses a request without a token
// names its cluster, too. The own cluster behind such a gateway is no other one.
func TestProtocol_gatewayAnswersOptions(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]influxdb3test.Fault{
		"204": {Kind: influxdb3test.Answer, Status: 204},
		"403": {Kind: influxdb3test.Answer, Status: 403},
		"503": {Kind: influxdb3test.Answer, Status: 503},
		"end": {Kind: influxdb3test.CutBefore},
	} {
		fault.Method, fault.Times = http.MethodOptions, -1
		c := newCore(t)
		here, there := influxdb3test.New(t), influxdb3test.New(t)
		there.Bootstrap(t)
		there.Inject(fault)
		at := func(address string) rootModule {
			return fleetOf(c, map[string]tftypes.Value{"a": entryAt(c, address, nil)}, nil, blocks{addressA: onEntry("a", operatorLines{}.block())})
		}
		c.applied(at(here.URL()), planOptions{})
		here.Inject(fault)
		c.applied(at(byName(here)), planOptions{})
		c.begin()
		c.plan(at(there.URL()), planOptions{})
		if sent := tokensSent(there); len(sent) > 0 || !c.said("and cluster "+there.ClusterUUID(t)+" answers") {
			t.Errorf("%s: the other server was sent the tokens %v: %v", name, sent, c.journal)
		}
	}
}

// The same server at another address is asked once who it is.
func TestProtocol_newAddress(t *testing.T) {
	t.Parallel()
	s, c := influxdb3test.New(t), newCore(t)
	at := func(address string, trigger int) rootModule {
		return fleetOf(c, map[string]tftypes.Value{"a": entryAt(c, address, nil)}, nil, blocks{addressA: onEntry("a", operatorLines{trigger: trigger}.block())})
	}
	c.applied(at(s.URL(), 0), planOptions{})
	for i, want := range []int{1, 0} {
		s.ResetRequests()
		c.applied(at(byName(s), i+1), planOptions{})
		if got := count(s, http.MethodOptions, "/ping"); got != want || !s.Accepts(t, c.current(addressA, "token")) {
			t.Errorf("run %d asked %d times, want %d: %v", i+1, got, want, c.journal)
		}
	}
}

// Servers that were started with the same token file are different servers.
func TestProtocol_sameTokenFile(t *testing.T) {
	t.Parallel()
	for _, version := range []string{"3.10", "3.4"} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			c := newCore(t)
			one := influxdb3test.New(t, influxdb3test.As(version), influxdb3test.WithTokenFile("_admin", rootToken))
			time.Sleep(2 * time.Millisecond) // a server dates to the millisecond
			two := influxdb3test.New(t, influxdb3test.As(version), influxdb3test.WithTokenFile("_admin", rootToken))
			both := fleetOf(c, map[string]tftypes.Value{"one": entry(c, one, rootToken), "two": entry(c, two, rootToken)}, nil, blocks{
				addressA: onEntry("one", operatorLines{}.block()), addressB: onEntry("two", operatorLines{}.block()),
			})
			c.applied(both, planOptions{})
			c.applied(both, planOptions{})
			both.blocks[addressA], both.blocks[addressB] = onEntry("one", operatorLines{trigger: 1}.block()), onEntry("two", operatorLines{trigger: 1}.block())
			c.applied(both, planOptions{})
			if a, b := c.current(addressA, "token"), c.current(addressB, "token"); a == b || !one.Accepts(t, a) || !two.Accepts(t, b) {
				t.Error("the tokens are not those of their servers")
			}
		})
	}
}

// Two entries with one server behind them: nothing regenerates the token that a resource of
// the other one has in state, whether that could be refreshed or not.
func TestProtocol_sameServer(t *testing.T) {
	t.Parallel()
	const same = "Two Servers Are the Same"
	setup := func(t *testing.T, options ...influxdb3test.Option) (*influxdb3test.Server, *core, string, string) {
		t.Helper()
		s, c := influxdb3test.New(t, options...), newCore(t)
		c.applied(fleetOf(c, map[string]tftypes.Value{"a": entry(c, s, "")}, nil, blocks{addressA: onEntry("a", operatorLines{}.block())}), planOptions{})
		token := c.current(addressA, "token")
		return s, c, token, s.CreateNamedAdmin(t, token, "provider", 0)
	}
	t.Run("a creation, and the first one is not reached", func(t *testing.T) {
		t.Parallel()
		s, c, token, own := setup(t)
		c.begin()
		made := c.plan(fleetOf(c, map[string]tftypes.Value{"a": entryAt(c, "http://127.0.0.1:1", nil), "b": entry(c, s, own)}, values{"on_unreachable": str("warn")}, blocks{
			addressA: onEntry("a", operatorLines{}.block()), addressB: onEntry("b", operatorLines{consent: true}.block()),
		}), planOptions{})
		if made != nil {
			c.apply(made, false, false, ending{})
		}
		if made != nil || !c.said(same) || !s.Accepts(t, token) {
			t.Errorf("%v", c.journal)
		}
	})
	t.Run("two rotations without a refresh", func(t *testing.T) {
		t.Parallel()
		s, c, _, own := setup(t)
		twin := *c.state[addressA].current
		twin.values = maps.Clone(twin.values)
		twin.values["server"] = str("b")
		c.state[addressB] = &resourceState{current: &twin}
		made := c.planned(fleetOf(c, map[string]tftypes.Value{"a": entry(c, s, own), "b": entryAt(c, byName(s), values{"token": str(own)})}, nil, blocks{
			addressA: onEntry("a", operatorLines{trigger: 1}.block()), addressB: onEntry("b", operatorLines{trigger: 1}.block()),
		}), planOptions{skipRead: true})
		c.apply(made, false, false, ending{})
		if n := count(s, http.MethodPost, regeneratePath); n != 1 || !c.failed || !c.said(same) || !s.Accepts(t, c.current(addressA, "token")) {
			t.Errorf("%d regenerations: %v", n, c.journal)
		}
	})
	// After a rotation their hashes differ, and the cluster is the same. Where none is named,
	// the first one takes over what the second one has.
	for _, version := range []string{"3.10", "3.4"} {
		t.Run("a refresh after one has rotated, "+version, func(t *testing.T) {
			t.Parallel()
			s, c, token, _ := setup(t, influxdb3test.As(version))
			twin := *c.state[addressA].current
			twin.values = maps.Clone(twin.values)
			twin.values["server"] = str("b")
			rotated := s.Regenerate(t, token)
			twin.values["token"], twin.values["hash"] = str(rotated), str(influxdb3.NewSecret(rotated).Hash())
			c.state[addressB] = &resourceState{current: &twin}
			c.begin()
			made := c.plan(fleetOf(c, map[string]tftypes.Value{"a": entry(c, s, rotated), "b": entryAt(c, byName(s), values{"token": str(rotated)})}, nil, blocks{
				addressA: onEntry("a", operatorLines{consent: true}.block()), addressB: onEntry("b", operatorLines{}.block()),
			}), planOptions{})
			if made != nil || !c.said(same) {
				t.Errorf("%v", c.journal)
			}
		})
	}
}

// One recovery listener belongs to one server.
func TestProtocol_oneListenerTwice(t *testing.T) {
	t.Parallel()
	c := newCore(t)
	listener := func(address string) values { return values{"recovery_url": str(address)} }
	for name, tt := range map[string]struct {
		entries map[string]tftypes.Value
		block   values
		fails   bool
	}{
		"two entries":          {map[string]tftypes.Value{"a": entryAt(c, "http://localhost:1", listener("http://localhost:2")), "b": entryAt(c, "http://localhost:3", listener("http://localhost:2/"))}, nil, true},
		"the block and one":    {map[string]tftypes.Value{"a": entryAt(c, "http://localhost:1", listener("http://localhost:2"))}, listener("http://localhost:2"), true},
		"one for each":         {map[string]tftypes.Value{"a": entryAt(c, "http://localhost:1", listener("http://localhost:2")), "b": entryAt(c, "http://localhost:3", listener("http://localhost:2/b"))}, listener("http://localhost:4"), false},
		"one, and one without": {map[string]tftypes.Value{"a": entryAt(c, "http://localhost:1", listener("http://localhost:2")), "b": entryAt(c, "http://localhost:3", nil)}, nil, false},
	} {
		c.begin()
		c.start(fleetOf(c, tt.entries, tt.block, nil).provider, patienceAlone)
		if c.failed != tt.fails || tt.fails && !c.said("Two Servers With One Recovery Listener") {
			t.Errorf("%s: %v", name, c.journal)
		}
	}
}

// The environment is for the block itself. What is said of an entry does not send anybody
// there: the variable of the listener would give it to another server.
func TestProtocol_waysOfAnEntry(t *testing.T) {
	t.Parallel()
	const token, listener = `servers["a"].token`, `servers["a"].recovery_url`
	for name, tt := range map[string]struct {
		does   func(t *testing.T, s *influxdb3test.Server, c *core, root func(values, blocks) rootModule)
		want   []string
		closed bool // on a server with an operator token that nobody has
	}{
		"a server that has a token": {func(_ *testing.T, _ *influxdb3test.Server, c *core, root func(values, blocks) rootModule) {
			c.apply(c.planned(root(nil, blocks{addressA: onEntry("a", operatorLines{}.block())}), planOptions{}), false, false, ending{})
		}, []string{token, listener}, true},
		"a named token without one": {func(_ *testing.T, _ *influxdb3test.Server, c *core, root func(values, blocks) rootModule) {
			c.apply(c.planned(root(nil, blocks{addressNamed: onEntry("a", namedBlock("ci"))}), planOptions{}), false, false, ending{})
		}, []string{token}, true},
		"a named token with a dead one": {func(_ *testing.T, _ *influxdb3test.Server, c *core, root func(values, blocks) rootModule) {
			c.apply(c.planned(root(values{"token": str(secretToken)}, blocks{addressNamed: onEntry("a", namedBlock("ci"))}), planOptions{}), false, false, ending{})
		}, []string{token}, true},
		"an import": {func(_ *testing.T, _ *influxdb3test.Server, c *core, root func(values, blocks) rootModule) {
			c.importObject(c.start(root(nil, nil).provider, patienceAlone), addressA, "a/_admin")
		}, []string{token}, true},
		"a reply that is lost": {func(t *testing.T, s *influxdb3test.Server, c *core, root func(values, blocks) rootModule) {
			c.applied(root(nil, blocks{addressA: onEntry("a", operatorLines{}.block())}), planOptions{})
			s.Inject(influxdb3test.Fault{Kind: influxdb3test.CutAfter, Path: regeneratePath})
			c.apply(c.planned(root(nil, blocks{addressA: onEntry("a", operatorLines{trigger: 1}.block())}), planOptions{}), false, false, ending{})
		}, []string{token, listener, "Rotation Has No Fallback"}, false},
		"a token that was regenerated": {func(t *testing.T, s *influxdb3test.Server, c *core, root func(values, blocks) rootModule) {
			all := blocks{addressA: onEntry("a", operatorLines{}.block())}
			c.applied(root(nil, all), planOptions{})
			s.Regenerate(t, c.current(addressA, "token"))
			c.begin()
			c.plan(root(nil, all), planOptions{})
		}, []string{token}, false},
		"another server": {func(t *testing.T, s *influxdb3test.Server, c *core, root func(values, blocks) rootModule) {
			all := blocks{addressA: onEntry("a", operatorLines{}.block())}
			c.applied(root(nil, all), planOptions{})
			s.Replace(t)
			s.Bootstrap(t)
			c.begin()
			c.plan(root(nil, all), planOptions{})
		}, []string{`servers["a"].url`}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, c := influxdb3test.New(t), newCore(t)
			if tt.closed {
				s.Bootstrap(t)
			}
			tt.does(t, s, c, func(lines values, all blocks) rootModule {
				return fleetOf(c, map[string]tftypes.Value{"a": entryAt(c, s.URL(), lines)}, nil, all)
			})
			said := strings.Join(c.journal, "\n")
			if !c.failed || strings.Contains(said, "INFLUXDB3_") || strings.Contains(said, "the provider's url") {
				t.Errorf("failed %t: %s", c.failed, said)
			}
			for _, want := range tt.want {
				if !strings.Contains(said, want) {
					t.Errorf("no %q: %s", want, said)
				}
			}
		})
	}
}

// A server that cannot be reached is asked once in a refresh, however many tokens it has:
// each could wait for as long as request_timeout.
func TestProtocol_unreachableOnce(t *testing.T) {
	t.Parallel()
	s, c := influxdb3test.New(t), newCore(t)
	token := s.Bootstrap(t)
	all := blocks{addressA: onEntry("a", operatorLines{}.block())}
	for i := range 5 {
		all[fmt.Sprintf("%s.ci%d", namedType, i)] = onEntry("a", namedBlock(fmt.Sprintf("ci-%d", i)))
	}
	root := fleetOf(c, map[string]tftypes.Value{"a": entry(c, s, token)}, values{"on_unreachable": str("warn")}, all)
	c.applied(root, planOptions{})
	s.Inject(influxdb3test.Fault{Kind: influxdb3test.Answer, Status: 503, Times: -1})
	s.ResetRequests()
	made := c.planned(root, planOptions{})
	if n := len(s.Requests()); n != 1 || len(made.changes) != 0 || len(c.journal) != 1 || !c.said("Server Cannot Be Reached") {
		t.Errorf("%d requests, %d changes: %v", n, len(made.changes), c.journal)
	}
}

// With on_unreachable = "warn" only a server that does not answer is passed over.
func TestProtocol_unreachable(t *testing.T) {
	t.Parallel()
	answer := func(status int) func(*testing.T, *influxdb3test.Server) string {
		return func(_ *testing.T, s *influxdb3test.Server) string {
			s.Inject(influxdb3test.Fault{Kind: influxdb3test.Answer, Status: status, Times: -1})
			return s.URL()
		}
	}
	for name, tt := range map[string]struct {
		does  func(t *testing.T, s *influxdb3test.Server) (address string)
		keeps bool
	}{
		"nobody listens": {func(_ *testing.T, s *influxdb3test.Server) string { s.Down(); return s.URL() }, true},
		"no such name":   {func(*testing.T, *influxdb3test.Server) string { return "http://nowhere.invalid:8181" }, true},
		"ends": {func(_ *testing.T, s *influxdb3test.Server) string {
			s.Inject(influxdb3test.Fault{Kind: influxdb3test.CutBefore, Times: -1})
			return s.URL()
		}, true},
		"502":            {answer(502), true},
		"503":            {answer(503), true},
		"504":            {answer(504), true},
		"500":            {answer(500), false},
		"429":            {answer(429), false},
		"403":            {answer(403), false},
		"401 of a proxy": {answer(401), false},
		"404":            {answer(404), false},
		"405":            {answer(405), false},
		"302":            {answer(302), false},
		"200":            {answer(200), false},
		"no TLS": {func(_ *testing.T, s *influxdb3test.Server) string {
			return strings.Replace(s.URL(), "http", "https", 1)
		}, false},
		"certificate": {func(t *testing.T, _ *influxdb3test.Server) string {
			t.Helper()
			return influxdb3test.New(t, influxdb3test.WithTLS()).URL()
		}, false},
		"another cluster": {func(t *testing.T, s *influxdb3test.Server) string {
			t.Helper()
			s.Replace(t)
			s.Bootstrap(t)
			return s.URL()
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, c := influxdb3test.New(t), newCore(t)
			token := s.Bootstrap(t)
			for _, kind := range []string{addressA, addressNamed} {
				block := map[string]resourceBlock{addressA: operatorLines{}.block(), addressNamed: namedBlock("ci")}[kind]
				root := func(address string) rootModule {
					return fleetOf(c, map[string]tftypes.Value{"a": entryAt(c, address, values{"token": str(token)})}, values{"on_unreachable": str("warn")}, blocks{kind: onEntry("a", block)})
				}
				c.state = map[string]*resourceState{}
				c.applied(root(s.URL()), planOptions{})
				kept := c.current(kind, "token")
				address := tt.does(t, s)
				c.begin()
				made := c.plan(root(address), planOptions{})
				if keeps := made != nil && len(made.changes) == 0 && c.said("Server Cannot Be Reached"); keeps != tt.keeps || c.failed == tt.keeps {
					t.Errorf("%s: kept %t, want %t: %v", kind, keeps, tt.keeps, c.journal)
				}
				if c.current(kind, "token") != kept {
					t.Errorf("%s: another token is in state", kind)
				}
				s.ClearFaults()
				s.Up()
				if name == "another cluster" {
					break // there is one more only
				}
			}
		})
	}
}

// A named token moves to another server: somebody else's under its name on the old one is
// not in its way, even if it is the provider's own.
func TestProtocol_foreignStays(t *testing.T) {
	t.Parallel()
	c := newCore(t)
	one, two := influxdb3test.New(t), influxdb3test.New(t)
	first, second := one.Bootstrap(t), two.Bootstrap(t)
	root := func(token, server string) rootModule {
		return fleetOf(c, map[string]tftypes.Value{"one": entry(c, one, token), "two": entry(c, two, second)}, nil, blocks{addressNamed: onEntry(server, namedBlock("ci"))})
	}
	c.applied(root(first, "one"), planOptions{})
	one.Delete(t, first, "ci")
	theirs := one.CreateNamedAdmin(t, first, "ci", 0)
	c.applied(root(theirs, "two"), planOptions{})
	if !one.Accepts(t, theirs) || !two.Accepts(t, c.current(addressNamed, "token")) {
		t.Error("the tokens are not those of their servers")
	}
}

// The time in an incomplete reply can be that of a proxy, and by it nothing is deleted.
func TestProtocol_leftOversByADoubtfulClock(t *testing.T) {
	t.Parallel()
	s, c := influxdb3test.New(t), newCore(t)
	admin := s.Bootstrap(t)
	kept := s.CreateNamedAdmin(t, admin, "ci-20260101000000"+"0123456789", 24*3600)
	made := c.planned(rootOf(s, admin, blocks{addressNamed: keepingBlock("ci-")}), planOptions{})
	s.Inject(influxdb3test.Fault{
		Kind: influxdb3test.Truncate, Keep: 220, Method: http.MethodPost, Path: namedAdminPath,
		Header: http.Header{"Date": {time.Now().Add(48 * time.Hour).UTC().Format(http.TimeFormat)}},
	})
	s.Inject(influxdb3test.Fault{Kind: influxdb3test.Answer, Path: queryPath, Status: 500})
	c.apply(made, false, false, ending{})
	if c.failed || !c.said("Token Taken From an Incomplete Reply") {
		t.Errorf("%v", c.journal)
	}
	if !s.Accepts(t, kept) {
		t.Error("a token that has not expired was deleted")
	}
}

// An entry that gets another name, while protection is off: the token stays in state,
// however the resource follows.
func TestProtocol_renamedEntry(t *testing.T) {
	t.Parallel()
	unprotected := operatorLines{unprotected: true}.block()
	for name, tt := range map[string]struct {
		from, to string // addresses
		both     bool   // the entry of before is still there
	}{
		"the same block":                {addressA, addressA, false},
		"another block":                 {addressA, addressB, false},
		"the same block, and two names": {addressA, addressA, true},
		"another block, and two names":  {addressA, addressB, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, c := influxdb3test.New(t), newCore(t)
			c.applied(fleetOf(c, map[string]tftypes.Value{"old": entry(c, s, "")}, nil, blocks{tt.from: onEntry("old", unprotected)}), planOptions{})
			token := c.current(tt.from, "token")
			entries := map[string]tftypes.Value{"new": entry(c, s, "")}
			if tt.both {
				entries["old"] = entry(c, s, "")
			}
			c.applied(fleetOf(c, entries, nil, blocks{tt.to: onEntry("new", unprotected)}), planOptions{})
			if c.current(tt.to, "token") != token || c.current(tt.to, "server") != "new" || !s.Accepts(t, token) {
				t.Errorf("%v", c.journal)
			}
			c.applied(fleetOf(c, entries, nil, blocks{tt.to: onEntry("new", operatorLines{unprotected: true, trigger: 1}.block())}), planOptions{})
			if !s.Accepts(t, c.current(tt.to, "token")) {
				t.Error("the token that it was rotated to is not in state")
			}
		})
	}
}

// A token that leaves is not handed to an entry with another address.
func TestProtocol_handedToNobody(t *testing.T) {
	t.Parallel()
	one, two, c := influxdb3test.New(t), influxdb3test.New(t), newCore(t)
	unprotected := operatorLines{unprotected: true}.block()
	c.applied(fleetOf(c, map[string]tftypes.Value{"old": entry(c, one, "")}, nil, blocks{addressA: onEntry("old", unprotected)}), planOptions{})
	c.applied(fleetOf(c, map[string]tftypes.Value{"new": entry(c, two, "")}, nil, blocks{addressA: onEntry("new", unprotected)}), planOptions{})
	if token := c.current(addressA, "token"); !two.Accepts(t, token) || len(tokensSent(two)) != 0 {
		t.Errorf("it was sent the tokens %v: %v", tokensSent(two), c.journal)
	}
}

// What an entry does not have of its own it does not get from the block either: neither the
// token nor the recovery listener.
func TestProtocol_entryOfItsOwn(t *testing.T) {
	t.Parallel()
	of, other, c := influxdb3test.New(t, influxdb3test.WithRecovery()), influxdb3test.New(t), newCore(t)
	token := of.Bootstrap(t)
	other.Bootstrap(t)
	block := values{"url": str(of.URL()), "token": str(token), "recovery_url": str(of.RecoveryURL()), "max_retries": tftypes.NewValue(tftypes.Number, 0)}
	c.apply(c.planned(fleetOf(c, map[string]tftypes.Value{"other": entry(c, other, "")}, block, blocks{
		addressA: onEntry("other", operatorLines{consent: true}.block()), addressNamed: onEntry("other", namedBlock("ci")),
	}), planOptions{}), false, false, ending{})
	if sent := tokensSent(other); len(sent) > 0 || len(other.Requests()) == 0 || len(of.Requests()) > 0 || len(c.state) != 0 {
		t.Errorf("%d requests with the tokens %v, and %d to that of the block: %v", len(other.Requests()), sent, len(of.Requests()), c.journal)
	}
}

// The same with tokens in the provider block: the look at the server finds the token of the
// other name, which is the same server's.
func TestProtocol_renamedEntryWithTokens(t *testing.T) {
	t.Parallel()
	unprotected := operatorLines{unprotected: true}.block()
	for name, to := range map[string]string{"the same block": addressA, "another block": addressB} {
		for _, backward := range []bool{false, true} {
			for _, own := range []bool{false, true} {
				s, c := influxdb3test.New(t), newCore(t)
				c.applied(fleetOf(c, map[string]tftypes.Value{"old": entry(c, s, "")}, nil, blocks{addressA: onEntry("old", unprotected)}), planOptions{})
				token := c.current(addressA, "token")
				with := token
				if !own {
					with = s.CreateNamedAdmin(t, token, "provider", 0)
				}
				entries := map[string]tftypes.Value{"new": entry(c, s, with), "old": entry(c, s, with)}
				c.begin()
				made := c.plan(fleetOf(c, entries, nil, blocks{to: onEntry("new", unprotected)}), planOptions{backward: backward})
				if made != nil {
					c.apply(made, backward, false, ending{})
				}
				if c.failed || c.current(to, "token") != token || c.current(to, "server") != "new" || !s.Accepts(t, token) {
					t.Errorf("%s, backward %t, own %t: failed %t %v", name, backward, own, c.failed, c.journal)
				}
			}
		}
	}
}

// A creation by the new name has failed: the token stays in state under the old one.
func TestProtocol_failedHeir(t *testing.T) {
	t.Parallel()
	unprotected := operatorLines{unprotected: true}.block()
	s, c := influxdb3test.New(t), newCore(t)
	c.applied(fleetOf(c, map[string]tftypes.Value{"old": entry(c, s, "")}, nil, blocks{addressA: onEntry("old", unprotected)}), planOptions{})
	token := c.current(addressA, "token")
	entries := map[string]tftypes.Value{"new": entry(c, s, ""), "old": entry(c, s, "")}
	for _, old := range []string{s.URL(), byName(s)} {
		entries["old"] = entryAt(c, old, nil)
		made := c.planned(fleetOf(c, entries, nil, blocks{addressB: onEntry("new", unprotected)}), planOptions{skipRead: true})
		c.apply(made, true, false, ending{})
		if c.current(addressA, "token") != token && c.current(addressB, "token") != token {
			t.Errorf("the only copy has left the state: %v", c.journal)
		}
	}
}

// A token that is of no use may leave, whatever its protection, without its entry too.
func TestProtocol_deadTokenOfNoEntry(t *testing.T) {
	t.Parallel()
	s, c := influxdb3test.New(t), newCore(t)
	all := blocks{addressA: onEntry("a", operatorLines{}.block())}
	c.applied(fleetOf(c, map[string]tftypes.Value{"a": entry(c, s, "")}, nil, all), planOptions{})
	s.Regenerate(t, c.current(addressA, "token"))
	c.state[addressA].current.values["status"] = str("rejected")
	c.applied(fleetOf(c, map[string]tftypes.Value{}, nil, blocks{}), planOptions{})
	if c.state[addressA] != nil {
		t.Errorf("%v", c.journal)
	}
}

// Two names for one server have its listener both. That of the environment is the block's.
func TestProtocol_listenerOfOneServer(t *testing.T) {
	c := newCore(t)
	listener := func(address string) values { return values{"recovery_url": str(address)} }
	c.begin()
	c.start(fleetOf(c, map[string]tftypes.Value{"old": entryAt(c, "http://localhost:1", listener("http://localhost:2")), "new": entryAt(c, "http://localhost:1/", listener("http://localhost:2"))}, nil, nil).provider, patienceAlone)
	if c.failed {
		t.Errorf("one server with two names: %v", c.journal)
	}
	t.Setenv(envRecoveryURL, "http://localhost:2")
	c.begin()
	c.start(fleetOf(c, map[string]tftypes.Value{"a": entryAt(c, "http://localhost:1", listener("http://localhost:2"))}, values{"url": str("http://localhost:3")}, nil).provider, patienceAlone)
	if !c.failed {
		t.Error("by the environment")
	}
}

// A creation under Pulumi that turns out to be for the server of another entry keeps the token
// that it has made.
func TestProtocol_pulumiSameServer(t *testing.T) {
	t.Parallel()
	s, c := influxdb3test.New(t), newCore(t)
	c.pulumi = true
	c.applied(fleetOf(c, map[string]tftypes.Value{"a": entry(c, s, "")}, nil, blocks{addressA: onEntry("a", operatorLines{}.block())}), planOptions{})
	own := s.CreateNamedAdmin(t, c.current(addressA, "token"), "provider", 0)
	root := fleetOf(c, map[string]tftypes.Value{"a": entry(c, s, ""), "b": entryAt(c, byName(s), values{"token": str(own)})}, nil, blocks{
		addressA: onEntry("a", operatorLines{trigger: 1}.block()), addressB: onEntry("b", operatorLines{consent: true}.block()),
	})
	// Neither the plans nor the look at apply see whose server it is.
	s.Inject(influxdb3test.Fault{Kind: influxdb3test.Answer, Path: queryPath, Status: 500, Times: 3})
	c.apply(c.planned(root, planOptions{skipRead: true}), false, false, ending{})
	if !c.said("WARNING: Two Servers Are the Same") || !s.Accepts(t, c.current(addressB, "token")) {
		t.Errorf("the only copy is lost, or nothing tells of it: %v", c.journal)
	}
}
