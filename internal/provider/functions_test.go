package provider

import (
	"fmt"
	"regexp"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
)

func TestAccFunctions(t *testing.T) {
	t.Parallel()
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: factories(&testClock{}),
		Steps: []resource.TestStep{
			{
				Config: fmt.Sprintf("output \"hash\" {\n  value = provider::influxdb3::token_hash(%q)\n}\noutput \"permission\" {\n  value = provider::influxdb3::parse_permission(\"db:a:b,c:write,read\")\n}\n", secretToken),
				ConfigStateChecks: []statecheck.StateCheck{
					statecheck.ExpectKnownOutputValue("hash", knownvalue.StringRegexp(regexp.MustCompile(`^[0-9a-f]{9}$`))),
					statecheck.ExpectKnownOutputValue("permission", knownvalue.ObjectExact(map[string]knownvalue.Check{
						"resource_type":  text("db"),
						"resource_names": knownvalue.SetExact([]knownvalue.Check{text("a:b"), text("c")}),
						"actions":        knownvalue.SetExact([]knownvalue.Check{text("read"), text("write")}),
					})),
				},
			},
			{Config: "output \"x\" {\n  value = provider::influxdb3::parse_permission(\"db:mydb\")\n}\n", ExpectError: words("A permission is written TYPE:NAMES:ACTIONS")},
			{Config: "output \"x\" {\n  value = provider::influxdb3::parse_permission(\"system:*:write\")\n}\n", ExpectError: words("actions of system are read")},
			{Config: "output \"x\" {\n  value = provider::influxdb3::token_hash(\"\")\n}\n", ExpectError: words("The token is empty")},
		},
	})
}
