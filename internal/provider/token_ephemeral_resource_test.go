package provider

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-testing/echoprovider"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"
	"github.com/hashicorp/terraform-plugin-testing/tfversion"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/agefile"
	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3"
)

// echoing serves the provider beside one that writes an ephemeral value into state.
func echoing(clock *testClock) map[string]func() (tfprotov6.ProviderServer, error) {
	all := factories(clock)
	all["echo"] = echoprovider.NewProviderServer()
	return all
}

// readable skips OpenTofu 1.11: its plans list what is opened, and the library takes that
// for a change. The tests that drive the command line itself run with it.
type readable struct{}

func (readable) CheckTerraformVersion(_ context.Context, req tfversion.CheckTerraformVersionRequest, resp *tfversion.CheckTerraformVersionResponse) {
	if os.Getenv("TF_ACC_PROVIDER_HOST") == "registry.opentofu.org" && req.TerraformVersion.LessThan(tfversion.Version1_12_0) {
		resp.Skip = "OpenTofu 1.11 lists ephemeral resources among the changes of a plan"
	}
}

const echoAddress = "echo.test"

// echo writes what an ephemeral resource has into state.
func echo(address string) string {
	return fmt.Sprintf("provider \"echo\" {\n  data = ephemeral.%s\n}\nresource \"echo\" \"test\" {}\n", address)
}

// sealedFor is a token as a resource has it in state.
func sealedFor(t *testing.T, token string, keys ...*age.X25519Identity) string {
	t.Helper()
	recipients := agefile.Recipients{}
	for _, key := range keys {
		recipients = append(recipients, key.Recipient())
	}
	text, err := recipients.Encrypt(influxdb3.NewSecret(token))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// decryptionProblems are configurations with one of two identities that do not lead to the
// token, by what is wrong.
func decryptionProblems(t *testing.T) map[string]struct{ provider, encrypted, lines, want string } {
	t.Helper()
	one, two := testKeys()[0], testKeys()[1]
	right, wrong := fmt.Sprintf("age_identity = %q", one), fmt.Sprintf("age_identity = %q", two)
	sealed := sealedFor(t, secretToken, one)
	return map[string]struct{ provider, encrypted, lines, want string }{
		"none":                            {"", sealed, "", "there is no identity to decrypt it with"},
		"another":                         {wrong, sealed, "", "it is not encrypted for any of the identities that there are"},
		"its own is another":              {right, sealed, wrong, "it is not encrypted for any of the identities that there are"},
		"no age file":                     {right, "garbage", "", "it is no age file"},
		"empty":                           {right, " ", "", "it is no age file"},
		"a token":                         {right, secretToken, "", "it is no age file"},
		"damaged":                         {right, sealed[:len(sealed)-60], "", "the age file is damaged"},
		"its own is garbage":              {"", sealed, `age_identity = "MARKER"`, "age_identity cannot be used: it holds no identity of age"},
		"its own is empty":                {"", sealed, `age_identity = ""`, "age_identity cannot be used"},
		"its own is a recipient":          {"", sealed, fmt.Sprintf("age_identity = %q", one.Recipient()), "age_identity cannot be used"},
		"its own is a key, and MARKER":    {"", sealed, fmt.Sprintf(`age_identity = "%s\nMARKER"`, one), "age_identity cannot be used"},
		"the provider's is not known yet": {"age_identity = terraform_data.key.output", sealed, "", "age_identity comes from a resource that this run has yet to apply"},
	}
}

// decrypting writes the configuration that decrypts an argument.
func decrypting(provider, argument, lines string) string {
	return fmt.Sprintf("provider \"influxdb3\" {\n  %s\n}\nephemeral \"influxdb3_token\" \"it\" {\n  encrypted_token = %s\n  %s\n}\n", provider, argument, lines)
}

// expectNoSecret is what is true of the output.
func expectNoSecret(want string) func(error) error {
	return func(err error) error {
		for _, secret := range []string{"MARKER", secretToken, testKeys()[0].String()[16:], testKeys()[1].String()[16:]} {
			if strings.Contains(err.Error(), secret) {
				return errors.New("the error holds a secret")
			}
		}
		if !words(want).MatchString(err.Error()) {
			return fmt.Errorf("want %q: %w", want, err)
		}
		return nil
	}
}

func TestTokenEphemeral_problems(t *testing.T) {
	t.Parallel()
	for name, tt := range decryptionProblems(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCore(t)
			printed := c.plansText(decrypting(tt.provider, fmt.Sprintf("%q", tt.encrypted), tt.lines))
			if err := expectNoSecret(tt.want)(errors.New(printed)); !c.failed || err != nil {
				t.Error(err)
			}
		})
	}
}

// What the CLI prints of them, one when it validates and one when it plans.
func TestAccTokenEphemeral_problems(t *testing.T) {
	t.Parallel()
	all := decryptionProblems(t)
	for _, name := range []string{"its own is garbage", "the provider's is not known yet"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := decrypting(all[name].provider, fmt.Sprintf("%q", all[name].encrypted), all[name].lines)
			config += fmt.Sprintf("resource \"terraform_data\" \"key\" {\n  input = %q\n}\n", testKeys()[0])
			resource.Test(t, resource.TestCase{
				TerraformVersionChecks:   []tfversion.TerraformVersionCheck{readable{}},
				ProtoV6ProviderFactories: factories(&testClock{}),
				ErrorCheck:               expectNoSecret(all[name].want),
				Steps:                    []resource.TestStep{{Config: config, PlanOnly: true}},
			})
		})
	}
}

// What is not known while planning is decrypted by the apply.
func TestAccTokenEphemeral(t *testing.T) {
	t.Parallel()
	one := testKeys()[0]
	file := filepath.Join(t.TempDir(), "key.txt")
	if err := os.WriteFile(file, []byte("# created: today\n"+one.String()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	config := fmt.Sprintf("resource \"terraform_data\" \"later\" {\n  input = %q\n}\n", sealedFor(t, secretToken, one)) +
		decrypting(fmt.Sprintf("age_identity_file = %q", file), "terraform_data.later.output", "") + echo("influxdb3_token.it")
	resource.Test(t, resource.TestCase{
		TerraformVersionChecks:   []tfversion.TerraformVersionCheck{readable{}},
		ProtoV6ProviderFactories: echoing(&testClock{}),
		Steps: []resource.TestStep{{
			Config: config,
			ConfigStateChecks: []statecheck.StateCheck{
				statecheck.ExpectKnownValue(echoAddress, tfjsonpath.New("data").AtMapKey("token"), text(secretToken)),
				statecheck.ExpectKnownValue(echoAddress, tfjsonpath.New("data").AtMapKey("hash"), text(influxdb3.NewSecret(secretToken).Hash())),
			},
		}},
	})
}
