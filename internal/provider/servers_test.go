package provider

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3"
	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3test"
)

// fleet is several servers behind one provider block, with the resources of each.
type fleet struct {
	t       *testing.T
	servers map[string]*influxdb3test.Server
	own     map[string][]string // by server, the hashes of the tokens that it was ever given
}

func newFleet(t *testing.T, names ...string) *fleet {
	t.Helper()
	f := &fleet{t: t, servers: map[string]*influxdb3test.Server{}, own: map[string][]string{}}
	for _, name := range names {
		f.servers[name] = influxdb3test.New(t)
	}
	return f
}

// block is the provider block with an entry for each server that is named.
func (f *fleet) block(lines string, names ...string) string {
	text := "provider \"influxdb3\" {\n  max_retries = 0\n" + lines + "\n  servers = {\n"
	for _, name := range names {
		text += fmt.Sprintf("    %q = { url = %q }\n", name, f.servers[name].URL())
	}
	return text + "  }\n}\n"
}

// operatorOf is the address of the operator token of a server.
func operatorOf(name string) string {
	return "influxdb3_admin_token.of_" + strings.ReplaceAll(name, ".", "_")
}

// operators are the operator tokens of the servers that are named. (The test framework
// knows no for_each.)
func operators(trigger string, names ...string) (text string) {
	for _, name := range names {
		_, label, _ := strings.Cut(operatorOf(name), ".")
		text += strings.ReplaceAll(operator(fmt.Sprintf("server = %q", name), unprotected, fmt.Sprintf("rotation_triggers = { n = %q }", trigger)), `"operator"`, fmt.Sprintf("%q", label))
	}
	return text
}

// root is what block and operators write, for a provider without a command line.
func (f *fleet) root(c *core, lines values, trigger int, servers, resources []string) rootModule {
	entries, all := map[string]tftypes.Value{}, blocks{}
	for _, name := range servers {
		entries[name] = entry(c, f.servers[name], "")
	}
	for _, name := range resources {
		all[operatorOf(name)] = onEntry(name, operatorLines{unprotected: true, trigger: trigger}.block())
	}
	return fleetOf(c, entries, lines, all)
}

// good expects each server to accept the token in state, and no server to have been sent
// another one's.
func (f *fleet) good(token func(address string) string, names ...string) {
	f.t.Helper()
	for _, name := range names {
		token := token(operatorOf(name))
		if !f.servers[name].Accepts(f.t, token) {
			f.t.Errorf("%s refuses the token in state", name)
		}
		f.own[name] = append(f.own[name], influxdb3.NewSecret(token).Hash())
	}
	for name, s := range f.servers {
		for _, hash := range tokensSent(s) {
			if !slices.Contains(f.own[name], hash) {
				f.t.Errorf("%s was sent a token that is not its own", name)
			}
		}
	}
}

// goodState is good of what a command line has in state.
func (f *fleet) goodState(names ...string) resource.TestCheckFunc {
	return func(state *terraform.State) error {
		f.good(func(address string) string {
			if instance := state.RootModule().Resources[address]; instance != nil {
				return instance.Primary.Attributes["token"]
			}
			return ""
		}, names...)
		return nil
	}
}

var fleetNames = []string{"a", "b", "c.1"}

// What a command line makes of a fleet, one of whose servers is down in between.
func TestAccServers(t *testing.T) {
	t.Parallel()
	f := newFleet(t, fleetNames...)
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: factories(&testClock{}),
		Steps: []resource.TestStep{
			{Config: f.block("", fleetNames...) + operators("1", fleetNames...), Check: f.goodState(fleetNames...)},
			{
				PreConfig: f.servers["b"].Down, Config: f.block("  on_unreachable = \"warn\"", fleetNames...) + operators("2", fleetNames...),
				ExpectError: words("Unable to Regenerate Operator Token"),
			},
			{
				PreConfig: f.servers["b"].Up, Config: f.block("", fleetNames...) + operators("2", fleetNames...), Check: f.goodState(fleetNames...),
				ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
					plancheck.ExpectResourceAction(operatorOf("a"), plancheck.ResourceActionNoop),
					plancheck.ExpectResourceAction(operatorOf("b"), plancheck.ResourceActionUpdate),
				}},
			},
		},
	})
}

// Every operator token of a fleet is bootstrapped and rotated with its own credential, and
// one server that is down does not stop the others.
func TestAccServers_down(t *testing.T) {
	t.Parallel()
	f, c := newFleet(t, fleetNames...), newCore(t)
	warn := values{"on_unreachable": str("warn")}
	token := func(address string) string { return c.current(address, "token") }
	for trigger := range 2 {
		root := f.root(c, nil, trigger, fleetNames, fleetNames)
		c.applied(root, planOptions{})
		f.good(token, fleetNames...)
		if made := c.planned(root, planOptions{}); len(made.changes) != 0 {
			t.Errorf("%d changes: %v", len(made.changes), c.journal)
		}
	}
	f.servers["b"].Down()
	c.begin()
	if c.plan(f.root(c, nil, 1, fleetNames, fleetNames), planOptions{}) != nil || !c.said("Unable to Read Operator Token") {
		t.Errorf("there is a plan: %v", c.journal)
	}
	if made := c.planned(f.root(c, warn, 1, fleetNames, fleetNames), planOptions{}); len(made.changes) != 0 {
		t.Errorf("%d changes: %v", len(made.changes), c.journal)
	}
	// What has to change on it fails, and the others are changed all the same.
	c.apply(c.planned(f.root(c, warn, 2, fleetNames, fleetNames), planOptions{}), false, false, ending{})
	if !c.failed || !c.said("Unable to Regenerate Operator Token") {
		t.Errorf("%v", c.journal)
	}
	f.good(token, "a", "c.1")
	f.servers["b"].Up()
	made := c.planned(f.root(c, nil, 2, fleetNames, fleetNames), planOptions{})
	if len(made.changes) != 1 || made.changes[0].address != operatorOf("b") || made.changes[0].action != updateAction {
		t.Errorf("%d changes: %v", len(made.changes), c.journal)
	}
	if c.apply(made, false, false, ending{}); c.failed {
		t.Error(c.journal)
	}
	f.good(token, fleetNames...)
	// A server leaves: the entry first, then the resource, or both at once.
	c.begin()
	if c.plan(f.root(c, nil, 2, []string{"a", "b"}, fleetNames), planOptions{}) != nil || !c.said(`servers of the provider block has no entry "c.1"`) {
		t.Errorf("there is a plan: %v", c.journal)
	}
	c.applied(f.root(c, nil, 2, []string{"a", "b"}, []string{"a", "b"}), planOptions{})
	f.good(token, "a", "b")
	if token(operatorOf("c.1")) != "" {
		t.Error("it is still in state")
	}
}

// What is wrong with an entry is said before anything is called.
func TestServers_badInput(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ servers, resource, want string }{
		"name":             {`{ "x y" = { url = "http://localhost" } }`, operator(), `servers has the name "x y"`},
		"no url":           {`{ a = {} }`, operator(), `servers["a"].url is missing`},
		"null":             {`{ a = null }`, operator(), `servers["a"].url is missing`},
		"url":              {`{ a = { url = "localhost" } }`, operator(), `servers["a"].url cannot be used: its scheme`},
		"token":            {`{ a = { url = "http://localhost", token = "a b" } }`, operator(), `servers["a"].token is empty or holds spaces`},
		"header":           {`{ a = { url = "http://localhost", headers = { Host = "x" } } }`, operator(), `headers cannot set Host`},
		"timeout":          {`{ a = { url = "http://localhost", request_timeout = "0s" } }`, operator(), `must be a duration above zero`},
		"no such entry":    {`{ a = { url = "http://localhost" } }`, operator(`server = "b"`), `has no entry "b"`},
		"empty name":       {`{ a = { url = "http://localhost" } }`, operator(`server = ""`), `server must be a name of letters`},
		"on_unreachable":   {"{}\n  on_unreachable = \"ignore\"", operator(), `must be one of`},
		"a token for name": {`{ a = { url = "http://localhost" } }`, operator(fmt.Sprintf("server = %q", secretToken)), `Token in the Wrong Place`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCore(t)
			printed := c.plansText("provider \"influxdb3\" {\n  url = \"http://127.0.0.1:1\"\n  servers = " + tt.servers + "\n}\n" + tt.resource)
			if !c.failed || !strings.Contains(printed, tt.want) || strings.Contains(printed, secretToken) {
				t.Errorf("no %q: %s", tt.want, printed)
			}
		})
	}
}

// The CLI has no line to print of an entry.
func TestAccServers_badInput(t *testing.T) {
	t.Parallel()
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: factories(&testClock{}),
		ErrorCheck: func(err error) error {
			if strings.Contains(err.Error(), "localhost") || !words(`servers["a"].token is empty`).MatchString(err.Error()) {
				return fmt.Errorf("not the error, or the entry with it: %w", err)
			}
			return nil
		},
		Steps: []resource.TestStep{{
			Config:   "provider \"influxdb3\" {\n  servers = { a = { url = \"http://localhost\", token = \"a b\" } }\n}\n" + operator(`server = "a"`),
			PlanOnly: true,
		}},
	})
}

// The CLI prints the line under the path of a diagnostic, or the whole entry, and a token
// can be in it. (The harness refuses such a path.)
func TestProtocol_entryErrorsHaveNoPath(t *testing.T) {
	t.Parallel()
	number := func(n int) tftypes.Value { return tftypes.NewValue(tftypes.Number, n) }
	s := influxdb3test.New(t)
	for text, lines := range map[string]values{
		`servers["a"].url cannot be used`:               {"url": str("localhost")},
		`servers["a"].url cannot be used: its`:          {"url": str("localhost:8181")},
		`servers["a"].recovery_url cannot be used`:      {"url": str(s.URL()), "recovery_url": str("localhost")},
		`servers["a"].request_timeout must be`:          {"url": str(s.URL()), "request_timeout": str("0s")},
		`servers["a"].request_timeout must be a`:        {"url": str(s.URL()), "request_timeout": str("soon")},
		`servers["a"].startup_timeout must be`:          {"url": str(s.URL()), "startup_timeout": str("2h")},
		`servers["a"].max_retries must be between 0`:    {"url": str(s.URL()), "max_retries": number(21)},
		`servers["a"].max_retries must be between`:      {"url": str(s.URL()), "max_retries": number(-1)},
		`servers["a"].ca_cert_file must be`:             {"url": str(s.URL()), "ca_cert_file": str("")},
		`servers["a"].ca_cert_file and ca_cert_pem can`: {"url": str(s.URL()), "ca_cert_file": str("x"), "ca_cert_pem": str("y")},
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			c := newCore(t)
			c.start(values{"servers": entriesOf(c, map[string]tftypes.Value{"a": entryWith(c, lines)})}, patienceAlone)
			if !c.failed || !strings.Contains(strings.Join(c.journal, "\n"), text) {
				t.Errorf("got %v", c.journal)
			}
		})
	}
}

// Two entries with the same server behind them are refused, before one resource makes the
// other's token useless.
func TestAccServers_same(t *testing.T) {
	t.Parallel()
	s, c := influxdb3test.New(t), newCore(t)
	token := s.Bootstrap(t)
	entries := map[string]tftypes.Value{"a": entryAt(c, s.URL(), values{"token": str(token)}), "b": entryAt(c, s.URL()+"/", values{"token": str(token)})}
	one := blocks{addressA: onEntry("a", operatorLines{}.block())}
	c.applied(fleetOf(c, entries, nil, one), planOptions{})
	c.begin()
	made := c.plan(fleetOf(c, entries, nil, blocks{addressA: one[addressA], addressB: onEntry("b", operatorLines{consent: true}.block())}), planOptions{})
	if made != nil {
		c.apply(made, false, false, ending{})
	}
	if !c.failed || !c.said(`ervers["a"] and servers["b"] lead to the same server`) && !c.said(`ervers["b"] and servers["a"] lead to the same server`) {
		t.Errorf("not refused: %v", c.journal)
	}
	if made := c.planned(fleetOf(c, entries, nil, one), planOptions{}); len(made.changes) != 0 || !s.Accepts(t, token) || c.current(addressA, "token") != token {
		t.Errorf("%d changes: %v", len(made.changes), c.journal)
	}
}

// A change of server is a replacement, which protection refuses.
func TestAccServers_change(t *testing.T) {
	t.Parallel()
	f, c := newFleet(t, "a", "b"), newCore(t)
	entries := map[string]tftypes.Value{"a": entry(c, f.servers["a"], ""), "b": entry(c, f.servers["b"], "")}
	root := func(server string, unprotected bool) rootModule {
		return fleetOf(c, entries, nil, blocks{addressA: onEntry(server, operatorLines{unprotected: unprotected}.block())})
	}
	c.applied(root("a", false), planOptions{})
	token := c.current(addressA, "token")
	c.begin()
	if c.plan(root("b", false), planOptions{}) != nil || !c.said("An operator token belongs to one server") {
		t.Errorf("there is a plan: %v", c.journal)
	}
	c.applied(root("a", true), planOptions{})
	if c.current(addressA, "token") != token || !f.servers["a"].Accepts(t, token) {
		t.Error("another token is in state")
	}
	made := c.planned(root("b", true), planOptions{})
	if made.changes[0].action != deleteThenCreate {
		t.Errorf("it would %s", made.changes[0].action)
	}
	if c.apply(made, false, false, ending{}); c.failed || !f.servers["b"].Accepts(t, c.current(addressA, "token")) {
		t.Error(c.journal)
	}
}

// Named tokens follow their server, with the credential of that one.
func TestAccServers_named(t *testing.T) {
	t.Parallel()
	one, two, c := influxdb3test.New(t), influxdb3test.New(t), newCore(t)
	first, second := one.Bootstrap(t), two.Bootstrap(t)
	root := func(server string) rootModule {
		return fleetOf(c, map[string]tftypes.Value{"one": entry(c, one, first), "two": entry(c, two, second)}, nil, blocks{addressNamed: onEntry(server, namedBlock("ci"))})
	}
	c.applied(root("one"), planOptions{})
	if !one.Accepts(t, c.current(addressNamed, "token")) {
		t.Error("the server refuses the token in state")
	}
	p := c.start(root("one").provider, patienceAlone)
	imported := c.importObject(p, addressNamed, "one/ci")
	if imported == nil {
		t.Fatalf("not imported: %v", c.journal)
	}
	read, _ := c.read(p, addressNamed, imported)
	if different := differing(read.values, c.state[addressNamed].current.values); !slices.Equal(different, []string{"token"}) {
		t.Errorf("the import differs in %v", different)
	}
	c.applied(root("two"), planOptions{})
	if names := one.Names(t, first); len(names) != 1 || !two.Accepts(t, c.current(addressNamed, "token")) {
		t.Errorf("left on the old server: %v", names)
	}
}
