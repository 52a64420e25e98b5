package provider

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
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
			{Config: "output \"x\" {\n  value = provider::influxdb3::parse_permission(\"db:mydb\")\n}\n", PlanOnly: true, ExpectError: words("A permission is written TYPE:NAMES:ACTIONS")},
		},
	})
}

func TestFunctions_badInput(t *testing.T) {
	t.Parallel()
	c := newCore(t)
	p := c.start(values{}, patienceAlone)
	for _, tt := range []struct{ function, argument, want string }{
		{"parse_permission", "db:mydb", "A permission is written TYPE:NAMES:ACTIONS"},
		{"parse_permission", "system:*:write", "actions of system are read"},
		{"token_hash", "", "The token is empty"},
	} {
		argument, err := tfprotov6.NewDynamicValue(tftypes.String, str(tt.argument))
		c.must(err)
		resp, err := p.CallFunction(c.ctx, &tfprotov6.CallFunctionRequest{Name: tt.function, Arguments: []*tfprotov6.DynamicValue{&argument}})
		c.must(err)
		if resp.Error == nil || !strings.Contains(resp.Error.Text, tt.want) || resp.Error.FunctionArgument == nil {
			t.Errorf("%s(%q): %v", tt.function, tt.argument, resp.Error)
		}
	}
}
