package provider

import (
	"fmt"
	"regexp"
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

// good expects each server to accept the token in state, and no server to have been sent
// another one's.
func (f *fleet) good(names ...string) resource.TestCheckFunc {
	return func(state *terraform.State) error {
		for _, name := range names {
			instance := state.RootModule().Resources[operatorOf(name)]
			if instance == nil {
				return fmt.Errorf("no token of %s", name)
			}
			token := instance.Primary.Attributes["token"]
			if !f.servers[name].Accepts(f.t, token) {
				return fmt.Errorf("%s refuses the token in state", name)
			}
			f.own[name] = append(f.own[name], influxdb3.NewSecret(token).Hash())
		}
		for name, s := range f.servers {
			for _, r := range s.Requests() {
				if r.TokenHash != "" && !slices.Contains(f.own[name], r.TokenHash) {
					return fmt.Errorf("%s was sent a token that is not its own", name)
				}
			}
		}
		return nil
	}
}

// Every operator token of a fleet is bootstrapped and rotated with its own credential, and
// one server that is down does not stop the others.
func TestAccServers(t *testing.T) {
	t.Parallel()
	f := newFleet(t, "a", "b", "c.1")
	all := []string{"a", "b", "c.1"}
	const warn = "  on_unreachable = \"warn\""
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: factories(&testClock{}),
		Steps: []resource.TestStep{
			{Config: f.block("", all...) + operators("1", all...), Check: f.good(all...)},
			{Config: f.block("", all...) + operators("1", all...), ConfigPlanChecks: nothingToDo()},
			{Config: f.block("", all...) + operators("2", all...), Check: f.good(all...)},
			{PreConfig: f.servers["b"].Down, Config: f.block("", all...) + operators("2", all...), ExpectError: words("Unable to Read Operator Token")},
			{Config: f.block(warn, all...) + operators("2", all...), ConfigPlanChecks: nothingToDo()},
			// What has to change on it fails, and the others are changed all the same.
			{Config: f.block(warn, all...) + operators("3", all...), ExpectError: words("Unable to Regenerate Operator Token")},
			{
				PreConfig: f.servers["b"].Up, Config: f.block("", all...) + operators("3", all...), Check: f.good(all...),
				ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
					plancheck.ExpectResourceAction(operatorOf("a"), plancheck.ResourceActionNoop),
					plancheck.ExpectResourceAction(operatorOf("b"), plancheck.ResourceActionUpdate),
				}},
			},
			// A server leaves: the entry first, then the resource, or both at once.
			{Config: f.block("", "a", "b") + operators("3", all...), ExpectError: words(`servers of the provider block has no entry "c.1"`)},
			{Config: f.block("", "a", "b") + operators("3", "a", "b"), Check: f.good("a", "b")},
		},
	})
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
	s := influxdb3test.New(t)
	token := s.Bootstrap(t)
	block := func(lines string) string {
		return fmt.Sprintf("provider \"influxdb3\" {\n  max_retries = 0\n  servers = {\n    a = { url = %q, token = %q }\n    b = { url = \"%s/\", token = %q }\n  }\n}\n", s.URL(), token, s.URL(), token) + lines
	}
	one, two := operator(unprotected, `server = "a"`), strings.ReplaceAll(operator(unprotected, `server = "b"`, `existing_token = "regenerate"`), `"operator"`, `"again"`)
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: factories(&testClock{}),
		Steps: []resource.TestStep{
			{Config: block(one), Check: tokenWorks(t, s)},
			{Config: block(one + two), ExpectError: regexp.MustCompile(`Servers\["[ab]"\]\s+and\s+servers\["[ab]"\]\s+lead\s+to\s+the\s+same\s+server`)},
			{Config: block(one), ConfigPlanChecks: nothingToDo(), Check: tokenWorks(t, s)},
		},
	})
}

// A change of server is a replacement, which protection refuses.
func TestAccServers_change(t *testing.T) {
	t.Parallel()
	f := newFleet(t, "a", "b")
	config := func(lines ...string) string { return f.block("", "a", "b") + operator(lines...) }
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: factories(&testClock{}),
		Steps: []resource.TestStep{
			{Config: config(`server = "a"`), Check: tokenWorks(t, f.servers["a"])},
			{Config: config(`server = "b"`), ExpectError: words("An operator token belongs to one server")},
			{Config: config(`server = "a"`, unprotected)},
			{
				Config: config(`server = "b"`, unprotected), Check: tokenWorks(t, f.servers["b"]),
				ConfigPlanChecks: planned(address, plancheck.ResourceActionDestroyBeforeCreate),
			},
		},
	})
}

// Named tokens follow their server, with the credential of that one.
func TestAccServers_named(t *testing.T) {
	t.Parallel()
	one, two := influxdb3test.New(t), influxdb3test.New(t)
	first, second := one.Bootstrap(t), two.Bootstrap(t)
	block := fmt.Sprintf("provider \"influxdb3\" {\n  servers = {\n    one = { url = %q, token = %q }\n    two = { url = %q, token = %q }\n  }\n}\n", one.URL(), first, two.URL(), second)
	config := func(server string) string { return block + named(`name = "ci"`, fmt.Sprintf("server = %q", server)) }
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: factories(&testClock{}),
		Steps: []resource.TestStep{
			{Config: config("one"), Check: issuedWorks(t, one)},
			{ResourceName: namedAddress, ImportState: true, ImportStateId: "one/ci", ImportStateVerify: true, ImportStateVerifyIgnore: []string{"token"}},
			{Config: config("two"), Check: issuedWorks(t, two), ConfigPlanChecks: planned(namedAddress, plancheck.ResourceActionReplace)},
			{Config: block + "data \"influxdb3_tokens\" \"x\" {\n  server = \"two\"\n}\n" + named(`name = "ci"`, `server = "two"`),
				Check: resource.TestCheckResourceAttr("data.influxdb3_tokens.x", "tokens.#", "2")},
		},
	})
	if names := one.Names(t, first); len(names) != 1 {
		t.Errorf("left on the old server: %v", names)
	}
}
