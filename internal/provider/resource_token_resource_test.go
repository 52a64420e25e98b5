package provider

import (
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3test"
)

const (
	limitedAddress = "influxdb3_resource_token.app"
	limitedPath    = "/api/v3/enterprise/configure/token"
)

// limited writes the resource of a resource token with its lines.
func limited(lines ...string) string {
	return "resource \"influxdb3_resource_token\" \"app\" {\n  " + strings.Join(lines, "\n  ") + "\n}\n"
}

const mydb = `permissions = [{ resource_type = "db", resource_names = ["mydb"], actions = ["read", "write"] }]`

func TestAccResourceToken_life(t *testing.T) {
	t.Parallel()
	s, token, provider := serverWith(t, influxdb3test.Enterprise())
	two := `permissions = [
    { resource_type = "db", resource_names = ["b", "a"], actions = ["write", "read"] },
    { resource_type = "system", resource_names = ["*"], actions = ["read"] },
  ]`
	again := `permissions = [
    { resource_type = "system", resource_names = ["*"], actions = ["read"] },
    { resource_type = "db", resource_names = ["a", "b"], actions = ["read", "write"] },
  ]`
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: factories(&testClock{}),
		Steps: []resource.TestStep{
			{Config: provider + limited(`name = "app"`, two), Check: resource.TestCheckResourceAttr(limitedAddress, "status", "active")},
			{Config: provider + limited(`name = "app"`, again), PlanOnly: true},
			{ResourceName: limitedAddress, ImportState: true, ImportStateId: "app", ImportStateVerify: true, ImportStateVerifyIgnore: []string{"token"}},
			{
				Config:           provider + limited(`name = "app"`, `permissions = [provider::influxdb3::parse_permission("db:a,b:read"), provider::influxdb3::parse_permission("system:ping:read")]`),
				ConfigPlanChecks: planned(limitedAddress, plancheck.ResourceActionReplace),
				Check:            resource.TestCheckResourceAttr(limitedAddress, "permissions.#", "2"),
			},
		},
	})
	if n := s.Names(t, token); len(n) != 1 {
		t.Errorf("left over: %v", n)
	}
}

// A token is imported as what it is.
func TestResourceToken_importedAsWhatItIs(t *testing.T) {
	t.Parallel()
	r := newPlainRun(t, newCore(t), limitedAddress, influxdb3test.Enterprise())
	r.must()
	r.server.CreateNamedAdmin(t, r.operator, "admin", 0)
	p := r.start(r.root().provider, patienceAlone)
	if r.importObject(p, limitedAddress, "admin") != nil || !r.said("Import it as influxdb3_named_admin_token") {
		t.Errorf("as a resource token: %v", r.journal)
	}
	if r.importObject(p, namedAddress, "ci") != nil || !r.said("Import it as influxdb3_resource_token") {
		t.Errorf("as a named admin token: %v", r.journal)
	}
}

func TestAccResourceToken_onCore(t *testing.T) {
	t.Parallel()
	r := newPlainRun(t, newCore(t), limitedAddress)
	r.apply(r.planned(r.root(), planOptions{}), false, false, ending{})
	if !r.failed || !r.said("need InfluxDB 3 Enterprise or InfluxDB 3 Cloud") {
		t.Errorf("%v", r.journal)
	}
}

// Configuration that the command line generates for an import plans to change nothing.
func TestAccGeneratedConfig(t *testing.T) {
	t.Parallel()
	s, token, provider := serverWith(t, influxdb3test.Enterprise())
	s.CreateNamedAdmin(t, token, "ci", 90*24*60*60)
	s.CreateResourceToken(t, token, `{"token_name": "app", "permissions": [{"resource_type": "db", "resource_names": ["*"], "actions": ["write", "read"]}]}`)
	for address, id := range map[string]string{address: "_admin", namedAddress: "ci", limitedAddress: "app"} {
		t.Run(id, func(t *testing.T) {
			t.Parallel()
			resource.Test(t, resource.TestCase{
				ProtoV6ProviderFactories: factories(&testClock{}),
				Steps: []resource.TestStep{{
					Config: provider, ResourceName: address, ImportState: true, ImportStateId: id,
					ImportStateKind: resource.ImportBlockWithID, GenerateConfig: true,
				}},
			})
		})
	}
}
