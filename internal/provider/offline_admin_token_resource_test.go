package provider

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/hashicorp/terraform-plugin-testing/compare"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3"
)

const offlineAddress = "influxdb3_offline_admin_token.first"

// A token for the first start is made once, and again when a trigger changes. It needs no
// server: the address of this provider block is not known before the apply, and nobody
// listens there.
func TestAccOfflineAdminToken(t *testing.T) {
	t.Parallel()
	const block = `
resource "terraform_data" "url" {
  input = "http://127.0.0.1:1"
}
provider "influxdb3" {
  url = terraform_data.url.output
}
`
	offline := func(lines string) string {
		return block + "resource \"influxdb3_offline_admin_token\" \"first\" {\n" + lines + "\n}\n"
	}
	var fromFile string
	differs := statecheck.CompareValue(compare.ValuesDiffer())
	hash := tfjsonpath.New("hash")
	form := regexp.MustCompile(`^apiv3_[A-Za-z0-9_-]{86}$`)
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: factories(&testClock{}),
		Steps: []resource.TestStep{
			{
				Config: offline(""),
				Check: resource.ComposeTestCheckFunc(resource.TestCheckResourceAttrWith(offlineAddress, "file_content", func(content string) error {
					var file map[string]any
					if err := json.Unmarshal([]byte(content), &file); err != nil {
						return err
					}
					token, _ := file["token"].(string)
					if len(file) != 2 || file["name"] != "_admin" || !form.MatchString(token) {
						return fmt.Errorf("the file has %d keys, and the name %v", len(file), file["name"])
					}
					fromFile = token
					return nil
				}), resource.TestCheckResourceAttrWith(offlineAddress, "token", func(token string) error {
					if token != fromFile {
						return errors.New("the token is not that of the file")
					}
					return nil
				}), resource.TestCheckResourceAttrWith(offlineAddress, "hash", func(hash string) error {
					if want := influxdb3.NewSecret(fromFile).Hash(); hash != want {
						return fmt.Errorf("the hash is %s, want %s", hash, want)
					}
					return nil
				})),
				ConfigStateChecks: []statecheck.StateCheck{
					differs.AddStateValue(offlineAddress, hash),
					statecheck.ExpectSensitiveValue(offlineAddress, tfjsonpath.New("token")),
					statecheck.ExpectSensitiveValue(offlineAddress, tfjsonpath.New("file_content")),
				},
			},
			{
				Config: "resource \"terraform_data\" \"n\" {\n  input = \"2\"\n}\n" + offline(`rotation_triggers = { n = terraform_data.n.output }`),
				ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
					plancheck.ExpectResourceAction(offlineAddress, plancheck.ResourceActionReplace),
					plancheck.ExpectUnknownValue(offlineAddress, tfjsonpath.New("token")),
				}},
				ConfigStateChecks: []statecheck.StateCheck{differs.AddStateValue(offlineAddress, hash), statecheck.ExpectKnownValue(offlineAddress, hash, knownvalue.StringRegexp(regexp.MustCompile(`^[0-9a-f]{9}$`)))},
			},
		},
	})
}

// A changed trigger makes another token, with a warning about the old one, and an empty map
// in place of none does not.
func TestAccOfflineAdminToken_triggers(t *testing.T) {
	t.Parallel()
	c := newCore(t)
	provider := values{"url": str("http://127.0.0.1:1")}
	none := tftypes.NewValue(tftypes.Map{ElementType: tftypes.String}, map[string]tftypes.Value{})
	hashes := map[string]bool{}
	for _, tt := range []struct {
		what     string
		triggers tftypes.Value
		hashes   int // that there were
	}{
		{"none", triggersValue(0), 1}, {"an empty map", none, 1}, {"a trigger", triggersValue(1), 2}, {"another one", triggersValue(2), 3}, {"none again", none, 4},
	} {
		lines := values{"rotation_triggers": tt.triggers}
		root := rootModule{provider: provider, providerKnown: provider, blocks: blocks{offlineAddress: {planned: lines, known: lines}}}
		before := len(hashes)
		c.applied(root, planOptions{})
		if hashes[c.current(offlineAddress, "hash")] = true; len(hashes) != tt.hashes {
			t.Errorf("%s: there were %d tokens, want %d", tt.what, len(hashes), tt.hashes)
		}
		if before > 0 && c.said("Offline Admin Token Leaves the State") != (tt.hashes > before) {
			t.Errorf("%s: %v", tt.what, c.journal)
		}
		if made := c.planned(root, planOptions{}); len(made.changes) != 0 {
			t.Errorf("%s: the plan after it is not empty", tt.what)
		}
	}
	c.applied(rootModule{provider: provider, providerKnown: provider}, planOptions{})
	if !c.said("Offline Admin Token Leaves the State") {
		t.Errorf("a removal: %v", c.journal)
	}
}
