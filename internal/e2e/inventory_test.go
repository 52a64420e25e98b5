package e2e

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3test"
)

// inventory is two servers with tokens of all kinds that no configuration manages.
type inventory struct {
	servers  map[string]*influxdb3test.Server
	provider string // the provider block, and what it needs
}

// trickyName is a name that Terraform and the ID of an import could take for something
// else.
const trickyName = `west/${x} "y"`

func newInventory(t *testing.T) inventory {
	t.Helper()
	i := inventory{servers: map[string]*influxdb3test.Server{"east": influxdb3test.New(t, influxdb3test.Enterprise()), "west": influxdb3test.New(t)}}
	text := "terraform {\n  required_providers {\n    influxdb3 = { source = \"influxdb3-community/influxdb3\" }\n  }\n}\n\nprovider \"influxdb3\" {\n  servers = {\n"
	for _, name := range []string{"east", "west"} {
		s := i.servers[name]
		token := s.Bootstrap(t)
		s.CreateNamedAdmin(t, token, "ci", 0)
		s.CreateNamedAdmin(t, token, trickyName, 90*24*60*60)
		text += fmt.Sprintf("    %s = { url = %q, token = %q }\n", name, s.URL(), token)
	}
	i.provider = text + "  }\n}\n"
	maker := emptyWorkspace(t, i.servers["east"])
	maker.write("main.tf", i.provider+`
resource "influxdb3_resource_token" "app" {
  server = "east"
  name   = "app"
  permissions = [
    { resource_type = "db", resource_names = ["*"], actions = ["read", "write"] },
    { resource_type = "system", resource_names = ["ping", "health"], actions = ["read"] },
  ]
}
`)
	maker.initialise()
	maker.must("apply")
	return i
}

// workspace is one with that provider block, and no server in the environment.
func (i inventory) workspace(t *testing.T) *workspace {
	t.Helper()
	w := emptyWorkspace(t, i.servers["east"])
	w.env = w.env[:len(w.env)-1] // INFLUXDB3_HOST_URL, which would be one server more
	w.write("main.tf", i.provider)
	w.initialise()
	return w
}

// expectImports expects a plan to import so many tokens and to do nothing else, and
// nothing at all to do once they are imported.
func (w *workspace) expectImports(n int) {
	w.t.Helper()
	expectOutput(w.t, w.must("plan"), fmt.Sprintf("Plan: %d to import, 0 to add, 0 to change, 0 to destroy.", n))
	w.must("apply")
	w.expectNothingToDo()
}

// The configuration that a plan generates for an import changes nothing, for every kind of
// token.
func TestGeneratedConfiguration(t *testing.T) {
	t.Parallel()
	w := newInventory(t).workspace(t)
	quoted := strings.NewReplacer(`"`, `\"`, `${`, `$${`).Replace(trickyName)
	w.write("imports.tf", `
import {
  to = influxdb3_admin_token.east
  id = "east/_admin"
}

import {
  to = influxdb3_named_admin_token.ci
  id = "east/ci"
}

import {
  to = influxdb3_named_admin_token.tricky
  id = "west/`+quoted+`"
}

import {
  to = influxdb3_resource_token.app
  id = "east/app"
}
`)
	w.must("plan", "-generate-config-out=generated.tf")
	w.expectImports(4)
	if generated := w.read("generated.tf"); strings.Contains(generated, "apiv3_") {
		t.Error("a token is in the generated configuration")
	}
}

// terraform query finds every token of every server, and the configuration that it
// generates imports them and changes nothing.
func TestQuery(t *testing.T) {
	t.Parallel()
	chain := tools(t)
	if !chain.knowsQuery() {
		const missing = "needs Terraform 1.14 or later, which has the command query"
		if os.Getenv("CI_QUERY") == "true" {
			t.Fatal(missing)
		}
		t.Skip(missing)
	}
	i := newInventory(t)
	w := i.workspace(t)
	w.write("inventory.tfquery.hcl", `
list "influxdb3_admin_token" "operator" {
  provider = influxdb3
}

list "influxdb3_named_admin_token" "named" {
  provider = influxdb3
}

list "influxdb3_resource_token" "app" {
  provider = influxdb3
}
`)
	found := w.must("query", "-no-color")
	expectOutput(t, found, "east/_admin", "west/_admin", "east/ci", "west/ci", "east/"+trickyName, "west/"+trickyName, "east/app")
	t.Log(found)
	w.must("query", "-no-color", "-generate-config-out=generated.tf")
	generated := w.read("generated.tf")
	if strings.Contains(generated, "apiv3_") || regexp.MustCompile(`(?m)^import `).FindAllString(generated, -1) == nil {
		t.Errorf("there is a token in it, or no import:\n%s", generated)
	}
	w.expectImports(7)

	// One that is down stops what lists it, and with on_unreachable nothing.
	i.servers["west"].Down()
	w.fails([]string{"query", "-no-color"}, "Unable to List Tokens", `This is about servers["west"]`)
	w.write("main.tf", strings.Replace(i.provider, "  servers = {", "  on_unreachable = \"warn\"\n  servers = {", 1))
	expectOutput(t, w.must("query", "-no-color"), "Server Cannot Be Reached", "east/ci")
}

// knowsQuery says whether the CLI has the command query. OpenTofu has not.
func (c toolchain) knowsQuery() bool {
	var major, minor int
	_, _ = fmt.Sscanf(cliVersion(), "Terraform v%d.%d", &major, &minor) // zeros mean no
	return major > 1 || minor >= 14
}
