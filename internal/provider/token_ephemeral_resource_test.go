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

func TestAccTokenEphemeral(t *testing.T) {
	t.Parallel()
	one, two := testKeys()[0], testKeys()[1]
	file := filepath.Join(t.TempDir(), "key.txt")
	if err := os.WriteFile(file, []byte("# created: today\n"+one.String()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	sealed := sealedFor(t, secretToken, one)
	const nobody = "there is no identity to decrypt it with"
	for name, tt := range map[string]struct {
		provider  string // lines
		encrypted string // sealed without it
		lines     string // of the ephemeral resource
		unknown   bool   // while planning
		want      string // an error, none for ""
	}{
		"the provider's identity":         {provider: fmt.Sprintf("age_identity = %q", one)},
		"the provider's file":             {provider: fmt.Sprintf("age_identity_file = %q", file)},
		"its own":                         {lines: fmt.Sprintf("age_identity = %q", one)},
		"its own before the provider's":   {provider: fmt.Sprintf("age_identity = %q", two), lines: fmt.Sprintf("age_identity = %q", one)},
		"one of two":                      {provider: fmt.Sprintf(`age_identity = "%s\n%s"`, two, one)},
		"for two":                         {provider: fmt.Sprintf("age_identity = %q", two), encrypted: sealedFor(t, secretToken, one, two)},
		"not known yet":                   {provider: fmt.Sprintf("age_identity = %q", one), unknown: true},
		"none":                            {want: nobody},
		"another":                         {provider: fmt.Sprintf("age_identity = %q", two), want: "it is not encrypted for any of the identities that there are"},
		"its own is another":              {provider: fmt.Sprintf("age_identity = %q", one), lines: fmt.Sprintf("age_identity = %q", two), want: "it is not encrypted for any of the identities that there are"},
		"none, not known yet":             {unknown: true, want: nobody},
		"no age file":                     {provider: fmt.Sprintf("age_identity = %q", one), encrypted: "garbage", want: "it is no age file"},
		"empty":                           {provider: fmt.Sprintf("age_identity = %q", one), encrypted: " ", want: "it is no age file"},
		"a token":                         {provider: fmt.Sprintf("age_identity = %q", one), encrypted: secretToken, want: "it is no age file"},
		"damaged":                         {provider: fmt.Sprintf("age_identity = %q", one), encrypted: sealed[:len(sealed)-60], want: "the age file is damaged"},
		"its own is garbage":              {lines: `age_identity = "MARKER"`, want: "age_identity cannot be used: it holds no identity of age"},
		"its own is empty":                {lines: `age_identity = ""`, want: "age_identity cannot be used"},
		"its own is a recipient":          {lines: fmt.Sprintf("age_identity = %q", one.Recipient()), want: "age_identity cannot be used"},
		"its own is a key, and MARKER":    {lines: fmt.Sprintf(`age_identity = "%s\nMARKER"`, one), want: "age_identity cannot be used"},
		"the provider's is not known yet": {provider: fmt.Sprintf("age_identity = terraform_data.key.output\n}\nresource \"terraform_data\" \"key\" {\n  input = %q", one), want: "age_identity comes from a resource that this run has yet to apply"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			encrypted := tt.encrypted
			if encrypted == "" {
				encrypted = sealed
			}
			argument := fmt.Sprintf("%q", encrypted)
			config := "provider \"influxdb3\" {\n  " + tt.provider + "\n}\n"
			if tt.unknown {
				config += fmt.Sprintf("resource \"terraform_data\" \"later\" {\n  input = %s\n}\n", argument)
				argument = "terraform_data.later.output"
			}
			config += fmt.Sprintf("ephemeral \"influxdb3_token\" \"it\" {\n  encrypted_token = %s\n  %s\n}\n", argument, tt.lines) + echo("influxdb3_token.it")
			step := resource.TestStep{Config: config}
			if tt.want == "" {
				step.ConfigStateChecks = []statecheck.StateCheck{
					statecheck.ExpectKnownValue(echoAddress, tfjsonpath.New("data").AtMapKey("token"), text(secretToken)),
					statecheck.ExpectKnownValue(echoAddress, tfjsonpath.New("data").AtMapKey("hash"), text(influxdb3.NewSecret(secretToken).Hash())),
				}
			}
			failed := false
			test := resource.TestCase{TerraformVersionChecks: []tfversion.TerraformVersionCheck{readable{}}, ProtoV6ProviderFactories: echoing(&testClock{}), Steps: []resource.TestStep{step}}
			test.ErrorCheck = func(err error) error {
				failed = true
				for _, secret := range []string{"MARKER", secretToken, one.String()[16:], two.String()[16:]} {
					if strings.Contains(err.Error(), secret) {
						return errors.New("the error holds a secret")
					}
				}
				if tt.want == "" || !words(tt.want).MatchString(err.Error()) {
					return fmt.Errorf("want %q: %w", tt.want, err)
				}
				return nil
			}
			resource.Test(t, test)
			if failed != (tt.want != "") {
				t.Errorf("it failed: %t", failed)
			}
		})
	}
}
