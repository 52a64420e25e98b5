package provider

import (
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3test"
)

func TestAccDataSources(t *testing.T) {
	t.Parallel()
	s, token, provider := serverWith(t, influxdb3test.Enterprise())
	s.CreateNamedAdmin(t, token, "ci-1", 0)
	s.CreateNamedAdmin(t, token, "ci-2", 3600)
	listed := func(name string, want ...string) statecheck.StateCheck {
		checks := make([]knownvalue.Check, 0, len(want))
		for _, w := range want {
			checks = append(checks, knownvalue.ObjectPartial(map[string]knownvalue.Check{"name": text(w)}))
		}
		return statecheck.ExpectKnownValue("data.influxdb3_tokens."+name, tfjsonpath.New("tokens"), knownvalue.ListExact(checks))
	}
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: factories(&testClock{}),
		Steps: []resource.TestStep{
			{
				Config: provider + limited(`name = "app"`, mydb) + `
data "influxdb3_tokens" "all" {
  depends_on = [influxdb3_resource_token.app]
}
data "influxdb3_tokens" "prefix" {
  name_prefix = "ci-"
}
data "influxdb3_tokens" "operator" {
  kind = "operator"
}
data "influxdb3_tokens" "limited" {
  kind       = "resource"
  depends_on = [influxdb3_resource_token.app]
}
data "influxdb3_server" "this" {}
`,
				ConfigStateChecks: []statecheck.StateCheck{
					listed("all", "_admin", "ci-1", "ci-2", "app"),
					listed("prefix", "ci-1", "ci-2"),
					listed("operator", "_admin"),
					listed("limited", "app"),
					statecheck.ExpectKnownValue("data.influxdb3_server.this", tfjsonpath.New("product"), text("InfluxDB 3 Enterprise")),
					statecheck.ExpectKnownValue("data.influxdb3_server.this", tfjsonpath.New("version"), knownvalue.NotNull()),
					statecheck.ExpectKnownValue("data.influxdb3_server.this", tfjsonpath.New("cluster_uuid"), text(s.ClusterUUID(t))),
					statecheck.ExpectKnownValue("data.influxdb3_server.this", tfjsonpath.New("operator_token"), text("present")),
				},
			},
			{Config: provider + "data \"influxdb3_tokens\" \"x\" {\n  kind = \"admin\"\n}\n", ExpectError: words("must be one of")},
			{Config: block(s, withToken(secretToken)) + "data \"influxdb3_tokens\" \"x\" {}\n", ExpectError: words("The provider has no token that the server accepts")},
			{Config: block(s, withToken(secretToken)) + "data \"influxdb3_server\" \"x\" {}\n", ExpectError: words("The provider has no token that the server accepts")},
			{Config: provider}, // so that the test can clean up
		},
	})
}

// An expired token is listed on request only.
func TestAccTokensDataSource_expired(t *testing.T) {
	t.Parallel()
	clock := &testClock{}
	s, token, provider := serverWith(t, influxdb3test.Clock(clock.Now))
	s.CreateNamedAdmin(t, token, "short", 60)
	clock.advance(time.Hour)
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: factories(clock),
		Steps: []resource.TestStep{{
			Config: provider + "data \"influxdb3_tokens\" \"a\" {}\ndata \"influxdb3_tokens\" \"b\" {\n  include_expired = true\n}\n",
			ConfigStateChecks: []statecheck.StateCheck{
				statecheck.ExpectKnownValue("data.influxdb3_tokens.a", tfjsonpath.New("tokens"), knownvalue.ListSizeExact(1)),
				statecheck.ExpectKnownValue("data.influxdb3_tokens.b", tfjsonpath.New("tokens"), knownvalue.ListSizeExact(2)),
				statecheck.ExpectKnownValue("data.influxdb3_tokens.b", tfjsonpath.New("tokens").AtSliceIndex(1).AtMapKey("expired"), knownvalue.Bool(true)),
			},
		}},
	})
}
