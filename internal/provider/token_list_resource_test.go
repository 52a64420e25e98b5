package provider

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/querycheck"
	"github.com/hashicorp/terraform-plugin-testing/tfversion"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3test"
)

const limitedType = "influxdb3_resource_token"

// entry is one of servers in a provider block.
func entry(c *core, s *influxdb3test.Server, token string) tftypes.Value {
	lines := values{"url": str(s.URL()), "max_retries": tftypes.NewValue(tftypes.Number, 0)}
	if token != "" {
		lines["token"] = str(token)
	}
	return entryWith(c, lines)
}

// entryWith is one that has these lines.
func entryWith(c *core, lines values) tftypes.Value {
	c.start(values{}, patienceAlone) // for the schema
	servers, _ := c.objectType("").AttributeTypes["servers"].(tftypes.Map)
	object, _ := servers.ElementType.(tftypes.Object)
	return tftypes.NewValue(object, map[string]tftypes.Value(full(object, lines)))
}

// entriesOf are servers of a provider block.
func entriesOf(c *core, all map[string]tftypes.Value) tftypes.Value {
	servers := c.objectType("").AttributeTypes["servers"]
	return tftypes.NewValue(servers, all)
}

// listed is a result of a list.
type listed struct {
	name     string // display name
	identity values
	resource values
}

// list runs a list resource to its end, as far as limit.
func (c *core) list(p *process, name string, config values, include bool, limit int64) (results []listed) {
	lister, ok := p.ProviderServer.(tfprotov6.ListResourceServer)
	if !ok {
		c.fatalf("the provider lists nothing")
	}
	schema := c.schema.ListResourceSchemas[name]
	t, _ := schema.ValueType().(tftypes.Object)
	if config == nil {
		config = values{}
	}
	wire, err := tfprotov6.NewDynamicValue(t, tftypes.NewValue(t, map[string]tftypes.Value(full(t, config))))
	c.must(err)
	checked, err := lister.ValidateListResourceConfig(c.ctx, &tfprotov6.ValidateListResourceConfigRequest{TypeName: name, Config: &wire})
	c.must(err)
	if !c.note(checked.Diagnostics) {
		return nil
	}
	stream, err := lister.ListResource(c.ctx, &tfprotov6.ListResourceRequest{TypeName: name, Config: &wire, IncludeResource: include, Limit: limit})
	c.must(err)
	identity := tftypes.Object{AttributeTypes: map[string]tftypes.Type{"name": tftypes.String, "cluster_uuid": tftypes.String}}
	for result := range stream.Results {
		c.note(result.Diagnostics)
		if result.Identity == nil || result.Identity.IdentityData == nil {
			continue
		}
		value, err := result.Identity.IdentityData.Unmarshal(identity)
		c.must(err)
		got := listed{name: result.DisplayName, identity: values{}}
		plain := map[string]tftypes.Value{}
		c.must(value.As(&plain))
		got.identity = plain
		if (result.Resource != nil) != include {
			c.fatalf("%s comes with its resource: %t", got.name, !include)
		}
		if include {
			got.resource = c.decode(name, result.Resource)
			c.whollyKnown(got.name, got.resource)
		}
		results = append(results, got)
	}
	return results
}

func displayNames(results []listed) string {
	names := []string{}
	for _, r := range results {
		names = append(names, r.name)
	}
	return strings.Join(names, " ")
}

// Every kind of token is listed by server, with filters, and with one request for each
// server.
func TestProtocol_list(t *testing.T) {
	t.Parallel()
	c := newCore(t)
	one := influxdb3test.New(t, influxdb3test.Enterprise(), influxdb3test.Clock(c.clock.Now))
	two := influxdb3test.New(t, influxdb3test.Clock(c.clock.Now))
	first, second := one.Bootstrap(t), two.Bootstrap(t)
	one.CreateNamedAdmin(t, first, "ci-1", 0)
	one.CreateNamedAdmin(t, first, "old", 60)
	one.CreateNamedAdmin(t, first, "x/y", 3600*24)
	two.CreateNamedAdmin(t, second, "ci-1", 0)
	lines := values{"name": str("app"), "permissions": permissionsFor(c)}
	c.applied(rootOf(one, first, blocks{limitedType + ".app": {planned: lines, known: lines}}), planOptions{})
	c.clock.pass(time.Hour)
	yes := tftypes.NewValue(tftypes.Bool, true)
	servers := entriesOf(c, map[string]tftypes.Value{"one": entry(c, one, first), "two": entry(c, two, second)})
	fleet := values{"servers": servers}
	alone := rootOf(one, first, nil).provider
	both := rootOf(one, first, nil).provider
	both["servers"] = entriesOf(c, map[string]tftypes.Value{"two": entry(c, two, second)})
	for name, tt := range map[string]struct { //nolint:paralleltest // they share the servers, whose requests are counted
		provider values
		kind     string
		config   values
		limit    int64
		want     string
		said     string
		requests int
	}{
		"operator tokens":           {fleet, operatorType, nil, 100, "one/_admin two/_admin", "", 2},
		"named admin tokens":        {fleet, namedType, nil, 100, "one/ci-1 one/x/y two/ci-1", "", 2},
		"resource tokens":           {fleet, limitedType, nil, 100, "one/app", "", 2},
		"one server":                {fleet, namedType, values{"server": str("two")}, 100, "two/ci-1", "", 1},
		"by prefix":                 {fleet, namedType, values{"name_prefix": str("x")}, 100, "one/x/y", "", 2},
		"expired ones":              {fleet, namedType, values{"include_expired": yes, "server": str("one")}, 100, "one/ci-1 one/old one/x/y", "", 1},
		"a limit":                   {fleet, namedType, nil, 2, "one/ci-1 one/x/y", "", 2},
		"the block itself":          {alone, namedType, nil, 100, "ci-1 x/y", "", 1},
		"the block itself and more": {both, namedType, nil, 100, "ci-1 x/y two/ci-1", "", 2},
		"no such entry":             {fleet, namedType, values{"server": str("three")}, 100, "", `servers of the provider block has no entry "three"`, 0},
		"no name":                   {fleet, namedType, values{"server": str("")}, 100, "", "server must be a name of letters", 0},
		"not known yet":             {values{"servers": tftypes.NewValue(c.objectType("").AttributeTypes["servers"], tftypes.UnknownValue)}, namedType, nil, 100, "", "The provider's servers comes from a resource", 0},
	} {
		t.Run(name, func(t *testing.T) {
			one.ResetRequests()
			two.ResetRequests()
			c.begin()
			p := c.start(tt.provider, patienceAlone)
			got := c.list(p, tt.kind, tt.config, false, tt.limit)
			if displayNames(got) != tt.want || c.failed != (tt.said != "") || !c.said(tt.said) && tt.said != "" {
				t.Errorf("got %q, want %q: %v", displayNames(got), tt.want, c.journal)
			}
			// The others of a process share it.
			c.list(p, operatorType, tt.config, true, tt.limit)
			requests := append(one.Requests(), two.Requests()...)
			if limited := tt.limit < 3; len(requests) != tt.requests && !limited {
				t.Errorf("%d requests, want %d", len(requests), tt.requests)
			}
			for _, r := range requests {
				if r.Path != queryPath {
					t.Errorf("it asked for %s", r.Path)
				}
			}
		})
	}
}

// permissionsFor is the set of permissions to read a database.
func permissionsFor(c *core) tftypes.Value {
	c.start(values{}, patienceAlone)
	set, _ := c.objectType(limitedType).AttributeTypes["permissions"].(tftypes.Set)
	texts := func(all ...string) tftypes.Value {
		var out []tftypes.Value
		for _, text := range all {
			out = append(out, str(text))
		}
		return tftypes.NewValue(tftypes.Set{ElementType: tftypes.String}, out)
	}
	return tftypes.NewValue(set, []tftypes.Value{tftypes.NewValue(set.ElementType, map[string]tftypes.Value{
		"resource_type": str("db"), "resource_names": texts("*"), "actions": texts("read"),
	})})
}

// What a list includes is what an import of it puts into state, without the secret: so a
// configuration that is made of it changes nothing.
func TestProtocol_listIncludes(t *testing.T) {
	t.Parallel()
	c := newCore(t)
	s := influxdb3test.New(t, influxdb3test.Enterprise(), influxdb3test.Clock(c.clock.Now))
	token := s.Bootstrap(t)
	s.CreateNamedAdmin(t, token, "x/y", 3600*24)
	lines := values{"name": str("app"), "permissions": permissionsFor(c)}
	c.applied(rootOf(s, token, blocks{limitedType + ".app": {planned: lines, known: lines}}), planOptions{})
	c.state = map[string]*resourceState{}
	config := values{"servers": entriesOf(c, map[string]tftypes.Value{"x": entry(c, s, token)})}
	for kind, id := range map[string]string{operatorType: "x/_admin", namedType: "x/x/y", limitedType: "x/app"} {
		c.begin()
		p := c.start(config, patienceAlone)
		results := c.list(p, kind, nil, true, 100)
		if len(results) != 1 {
			t.Fatalf("%s: %v, %v", kind, results, c.journal)
		}
		got := results[0]
		if !got.resource["token"].IsNull() || !got.resource["encrypted_token"].IsNull() {
			t.Errorf("%s: a secret is in the list", kind)
		}
		byID := c.importObject(p, kind+".x", id)
		byIdentity := c.importIdentity(c.start(config, patienceAlone), kind+".x", got.identity)
		if byID == nil || byIdentity == nil {
			t.Fatalf("%s: not imported: %v", kind, c.journal)
		}
		different := differing(byID.values, got.resource)
		if kind == operatorType { // whose token the import has
			different = slices.DeleteFunc(different, func(name string) bool { return name == "token" || name == "fallback_status" })
		}
		if len(different) > 0 || len(differing(byID.values, byIdentity.values)) > 0 {
			t.Errorf("%s: the list and the imports differ in %v, %v", kind, different, differing(byID.values, byIdentity.values))
		}
	}
}

// importIdentity imports a token by its identity.
func (c *core) importIdentity(p *process, address string, identity values) *object {
	t := tftypes.Object{AttributeTypes: map[string]tftypes.Type{"name": tftypes.String, "cluster_uuid": tftypes.String}}
	wire, err := tfprotov6.NewDynamicValue(t, tftypes.NewValue(t, map[string]tftypes.Value(full(t, identity))))
	c.must(err)
	resp, err := p.ImportResourceState(c.ctx, &tfprotov6.ImportResourceStateRequest{TypeName: typeOf(address), Identity: &tfprotov6.ResourceIdentityData{IdentityData: &wire}})
	c.must(err)
	if !c.note(resp.Diagnostics) || len(resp.ImportedResources) != 1 {
		return nil
	}
	got := resp.ImportedResources[0]
	return &object{values: c.decode(typeOf(address), got.State), private: got.Private, identity: got.Identity}
}

// A server that cannot be listed does not stop the others: they come first, because
// Terraform reads nothing after an error.
func TestProtocol_listFails(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		warn bool
		does func(s *influxdb3test.Server)
		want string
		fail bool
	}{
		"down":            {false, (*influxdb3test.Server).Down, `This is about servers["a"]`, true},
		"down, with warn": {true, (*influxdb3test.Server).Down, "are not in the list, because on_unreachable is warn", false},
		"fails, with warn": {true, func(s *influxdb3test.Server) {
			s.Inject(influxdb3test.Fault{Kind: influxdb3test.Answer, Path: queryPath, Status: 500, Times: -1})
		}, `This is about servers["a"]`, true},
		"refuses the token": {true, func(*influxdb3test.Server) {}, "The provider has no token that the server accepts", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCore(t)
			a, b := influxdb3test.New(t), influxdb3test.New(t)
			first, second := a.Bootstrap(t), b.Bootstrap(t)
			if name == "refuses the token" {
				first = secretToken
			}
			config := values{"servers": entriesOf(c, map[string]tftypes.Value{"a": entry(c, a, first), "b": entry(c, b, second)})}
			if tt.warn {
				config["on_unreachable"] = str("warn")
			}
			tt.does(a)
			c.begin()
			got := c.list(c.start(config, patienceAlone), operatorType, nil, false, 100)
			if displayNames(got) != "b/_admin" || c.failed != tt.fail || !c.said(tt.want) {
				t.Errorf("got %q: %v", displayNames(got), c.journal)
			}
		})
	}
}

// A list that ends at its limit does not hide that a server is missing from it.
func TestProtocol_listLimited(t *testing.T) {
	t.Parallel()
	for name, warn := range map[string]bool{"fails": false, "is passed over": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCore(t)
			a, b := influxdb3test.New(t), influxdb3test.New(t)
			first, second := a.Bootstrap(t), b.Bootstrap(t)
			for i := range 3 {
				b.CreateNamedAdmin(t, second, fmt.Sprintf("ci-%d", i), 0)
			}
			lines := values{}
			if warn {
				lines["on_unreachable"] = str("warn")
			}
			a.Down()
			c.begin()
			root := fleetOf(c, map[string]tftypes.Value{"a": entry(c, a, first), "b": entry(c, b, second)}, lines, nil)
			c.list(c.start(root.provider, patienceAlone), namedType, nil, false, 2)
			if c.failed == warn || len(c.journal) != 1 {
				t.Errorf("%v", c.journal)
			}
		})
	}
}

// Two entries with the same server behind them are listed once, and an identity of theirs
// is not imported as that of either.
func TestProtocol_listTwice(t *testing.T) {
	t.Parallel()
	c := newCore(t)
	s := influxdb3test.New(t)
	token := s.Bootstrap(t)
	config := values{"servers": entriesOf(c, map[string]tftypes.Value{"a": entry(c, s, token), "b": entry(c, s, token)})}
	c.begin()
	got := c.list(c.start(config, patienceAlone), operatorType, nil, false, 100)
	if displayNames(got) != "a/_admin" || c.failed || !c.said(`Servers["a"] and servers["b"] answer as the same cluster`) {
		t.Errorf("got %q: %v", displayNames(got), c.journal)
	}
	if c.importIdentity(c.start(config, patienceAlone), addressA, got[0].identity) != nil || !c.said(`both servers["a"] and servers["b"] answer as that cluster`) {
		t.Errorf("it was imported: %v", c.journal)
	}
}

// The default address of the block itself is nobody's choice where there are others.
func TestProtocol_listDefaultAddress(t *testing.T) {
	c := newCore(t)
	s, elsewhere := influxdb3test.New(t), influxdb3test.New(t)
	token := s.Bootstrap(t)
	config := values{"token": str(elsewhere.Bootstrap(t)), "servers": entriesOf(c, map[string]tftypes.Value{"a": entry(c, s, token)})}
	c.begin()
	if got := c.list(c.start(config, patienceAlone), operatorType, nil, false, 100); displayNames(got) != "a/_admin" || c.failed {
		t.Errorf("got %q: %v", displayNames(got), c.journal)
	}
	t.Setenv(envURL, elsewhere.URL())
	if got := c.list(c.start(config, patienceAlone), operatorType, nil, false, 100); displayNames(got) != "_admin a/_admin" || c.failed {
		t.Errorf("got %q: %v", displayNames(got), c.journal)
	}
}

// A real command line lists, where it can.
func TestAccTokenListResources_query(t *testing.T) {
	t.Parallel()
	s, token, provider := serverWith(t)
	s.CreateNamedAdmin(t, token, "ci-1", 0)
	s.CreateNamedAdmin(t, token, "cd-1", 0)
	list := func(kind, lines string) string {
		return fmt.Sprintf("list %q \"all\" {\n  provider         = influxdb3\n  include_resource = true\n%s}\n", kind, lines)
	}
	identity := func(name string) map[string]knownvalue.Check {
		return map[string]knownvalue.Check{"name": text(name), "cluster_uuid": text(s.ClusterUUID(t))}
	}
	resource.Test(t, resource.TestCase{
		// terraform query came with Terraform 1.14; OpenTofu has no such command.
		TerraformVersionChecks:   []tfversion.TerraformVersionCheck{tfversion.SkipBelow(tfversion.Version1_14_0)},
		ProtoV6ProviderFactories: factories(&testClock{}),
		Steps: []resource.TestStep{
			{Config: provider},
			{
				Query: true, Config: list(operatorType, "") + list(namedType, "  config {\n    name_prefix = \"ci-\"\n  }\n"),
				QueryResultChecks: []querycheck.QueryResultCheck{
					querycheck.ExpectLength(operatorType+".all", 1),
					querycheck.ExpectIdentity(operatorType+".all", identity("_admin")),
					querycheck.ExpectLength(namedType+".all", 1),
					querycheck.ExpectIdentity(namedType+".all", identity("ci-1")),
				},
			},
		},
	})
	for _, r := range s.Requests() {
		if r.Path != queryPath && r.Method != http.MethodGet {
			t.Errorf("%s %s was sent", r.Method, r.Path)
		}
	}
}
