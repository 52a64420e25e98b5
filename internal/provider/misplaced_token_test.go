package provider

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/function"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3test"
)

// Tokens in the wrong place, one of the server's form and one that only the
// provider's attribute says to be one.
const (
	misplaced      = "apiv3_MARKERmarkerMARKERmarkerMARKERmarkerMARKERmarker"
	otherMisplaced = "9tok.MARKER/of+another-kind"
)

// shows says whether a text has a part of one of those.
func shows(text string) bool { return strings.Contains(strings.ToLower(text), "marker") }

func expectNoToken(want string) func(error) error {
	return func(err error) error {
		if shows(err.Error()) {
			return fmt.Errorf("the error shows the token:\n%w", err)
		}
		if !strings.Contains(strings.Join(strings.Fields(strings.NewReplacer("│", " ", "\n", " ").Replace(err.Error())), " "), want) {
			return fmt.Errorf("no %q:\n%w", want, err)
		}
		return nil
	}
}

// A token that was put into the wrong attribute is in no diagnostic, neither in its
// text nor as the line of configuration that the CLI adds.
func TestAccMisplacedToken(t *testing.T) {
	t.Parallel()
	const wrong = "Token in the Wrong Place"
	garbage := filepath.Join(t.TempDir(), misplaced)
	if err := os.WriteFile(garbage, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	permission := func(kind, name, action string) string {
		return limited(`name = "a"`, fmt.Sprintf(`permissions = [{ resource_type = %q, resource_names = [%s], actions = [%s] }]`, kind, name, action))
	}
	for name, tt := range map[string]struct {
		provider string // lines of its block, %s the token
		config   string // resources, %s the token
		want     string
	}{
		"url":                       {`url = "%s"`, operator(), wrong},
		"url, behind a host":        {`url = "http://localhost:8181/%s"`, operator(), wrong},
		"url, as the host":          {`url = "https://%s"`, operator(), wrong},
		"recovery_url":              {`recovery_url = "%s"`, operator(), wrong},
		"ca_cert_file":              {`ca_cert_file = "%s"`, operator(), wrong},
		"ca_cert_file, garbage":     {fmt.Sprintf(`ca_cert_file = %q # %%s`, garbage), operator(), wrong},
		"ca_cert_file and pem":      {"ca_cert_file = \"%s\"\n  ca_cert_pem = \"x\"", operator(), wrong},
		"ca_cert_pem":               {`ca_cert_pem = "%s"`, operator(), "ca_cert_pem has no certificate"},
		"request_timeout":           {`request_timeout = "%s"`, operator(), wrong},
		"header, as the name":       {`headers = { "%s" = null }`, operator(), "Invalid Header"},
		"header, twice":             {`headers = { "X-%[1]s" = "a", "x-%[1]s" = "a" }`, operator(), "Invalid Header"},
		"existing_token":            {``, operator(`existing_token = "%s"`), wrong},
		"rotate_after":              {``, operator(`rotate_after = "%s"`), wrong},
		"name":                      {``, named(`name = "%s"`), wrong},
		"name, with more":           {``, named(`name = "ci-%s"`), wrong},
		"name, with a line break":   {``, named(`name = "%s\n"`), wrong},
		"name_prefix":               {``, named(`name_prefix = "%s"`), wrong},
		"name and name_prefix":      {``, named(`name = "%s"`, `name_prefix = "a"`), wrong},
		"name and name_prefix, too": {``, named(`name = "a"`, `name_prefix = "%s"`), wrong},
		"expires_in":                {``, named(`name = "a"`, `expires_in = "%s"`), wrong},
		"rotate_before_expiry":      {``, named(`name = "a"`, `expires_in = "1h"`, `rotate_before_expiry = "%s"`), wrong},
		"resource_type":             {``, permission("%s", `"x"`, `"read"`), wrong},
		"resource_names":            {``, permission("system", `"%s"`, `"read"`), wrong},
		"resource_names, mixed":     {``, permission("db", `"*", "%s"`, `"read"`), wrong},
		"resource_names, a null":    {``, permission("db", `null, "%s"`, `"read"`), wrong},
		"actions":                   {``, permission("db", `"x"`, `"%s"`), wrong},
		"kind":                      {``, "data \"influxdb3_tokens\" \"x\" {\n  kind = \"%s\"\n}\n", wrong},
	} {
		for form, token := range map[string]string{"apiv3": misplaced, "other": otherMisplaced} {
			t.Run(name+" "+form, func(t *testing.T) {
				t.Parallel()
				fill := func(text string) string {
					if !strings.Contains(text, "%") {
						return text
					}
					return fmt.Sprintf(text, token)
				}
				if form == "other" && (strings.HasPrefix(name, "header, ") || strings.Contains(tt.provider, garbage)) {
					return // no header can have that name; and the file has the other one in its name
				}
				s := influxdb3test.New(t)
				lines := fill(tt.provider)
				if !strings.Contains(lines, "url =") || strings.Contains(lines, "recovery_url") {
					lines += fmt.Sprintf("\n  url = %q", s.URL())
				}
				resource.Test(t, resource.TestCase{
					ProtoV6ProviderFactories: factories(&testClock{}),
					ErrorCheck:               expectNoToken(tt.want),
					Steps: []resource.TestStep{{
						Config:   "provider \"influxdb3\" {\n  token = \"" + otherMisplaced + "\"\n  " + lines + "\n}\n" + fill(tt.config),
						PlanOnly: true,
					}},
				})
				if n := len(s.Requests()); n != 0 {
					t.Errorf("%d requests", n)
				}
			})
		}
	}
}

// The same for a token in the wrong variable. Not parallel: the environment is the process's.
func TestAccMisplacedToken_environment(t *testing.T) {
	for _, variable := range []string{envURL, envRecoveryURL, envCACert, envNoVerify} {
		for form, token := range map[string]string{"apiv3": misplaced, "other": otherMisplaced} {
			t.Run(variable+" "+form, func(t *testing.T) {
				t.Setenv(envToken, otherMisplaced)
				t.Setenv(variable, token)
				resource.Test(t, resource.TestCase{
					ProtoV6ProviderFactories: factories(&testClock{}),
					ErrorCheck: func(err error) error {
						if err := expectNoToken("Token in the Wrong Place")(err); err != nil {
							return err
						}
						return expectNoToken(variable + " holds what looks like a token")(err)
					},
					Steps: []resource.TestStep{{Config: operator(), PlanOnly: true}},
				})
			})
		}
	}
}

// A private key in the wrong attribute or variable is in no diagnostic, and is not used. Not
// parallel: the environment is the process's.
func TestMisplacedIdentity(t *testing.T) {
	const key = "AGE-SECRET-KEY-1MARKERMARKERMARKERMARKERMARKERMARKER"
	const pem = "-----BEGIN OPENSSH PRIVATE KEY-----\nMARKER\n-----END OPENSSH PRIVATE KEY-----\n"
	const wrong = "holds what looks like a private key"
	expect := func(t *testing.T, c *core, want string) {
		t.Helper()
		if !c.failed || !c.said(want) || slices.ContainsFunc(c.journal, shows) {
			t.Errorf("want %q: %v", want, c.journal)
		}
	}
	for form, text := range map[string]string{"age": key, "in lower case": strings.ToLower(key), "SSH": pem} {
		for _, attribute := range []string{"url", "recovery_url", "token", "ca_cert_file", "age_identity_file", "request_timeout"} {
			t.Run(attribute+" "+form, func(t *testing.T) {
				c := newCore(t)
				c.start(values{attribute: str(text)}, patienceAlone)
				expect(t, c, wrong)
			})
		}
		for _, variable := range []string{envURL, envRecoveryURL, envToken, envCACert, envNoVerify, envAgeIdentityFile} {
			t.Run(variable+" "+form, func(t *testing.T) {
				t.Setenv(variable, text)
				c := newCore(t)
				c.start(values{}, patienceAlone)
				expect(t, c, variable+" "+wrong)
			})
		}
		unknown := tftypes.NewValue(tftypes.String, tftypes.UnknownValue)
		set := func(elements ...tftypes.Value) tftypes.Value {
			return tftypes.NewValue(tftypes.Set{ElementType: tftypes.String}, elements)
		}
		for name, tt := range map[string]struct {
			address string
			config  values
			want    string
		}{
			"name":                              {addressNamed, values{"name": str(text)}, wrong},
			"name_prefix":                       {addressNamed, values{"name_prefix": str(text)}, wrong},
			"age_recipients":                    {addressA, values{"age_recipients": set(str(text))}, "is an identity"},
			"age_recipients, beside an unknown": {addressA, values{"age_recipients": set(str(text), unknown)}, "is an identity"},
		} {
			t.Run(name+" "+form, func(t *testing.T) {
				c := newCore(t)
				p := c.start(values{}, patienceAlone)
				c.planChange(p, tt.address, resourceBlock{}, tt.config, nil, false)
				expect(t, c, tt.want)
			})
		}
	}
}

// An import by a token in place of a name.
func TestAccMisplacedToken_import(t *testing.T) {
	t.Parallel()
	for form, token := range map[string]string{"apiv3": misplaced, "other": otherMisplaced} {
		for address, config := range map[string]string{
			"influxdb3_admin_token.operator": operator(),
			namedAddress:                     named(`name = "a"`),
		} {
			t.Run(form+" "+address, func(t *testing.T) {
				t.Parallel()
				s := influxdb3test.New(t)
				s.CreateNamedAdmin(t, s.Bootstrap(t), token, 0) // of that very name
				provider := block(s, "token = \""+otherMisplaced+"\"")
				resource.Test(t, resource.TestCase{
					ProtoV6ProviderFactories: factories(&testClock{}),
					ErrorCheck:               expectNoToken("Import"),
					Steps:                    []resource.TestStep{{Config: provider + config, ResourceName: address, ImportState: true, ImportStateId: token}},
				})
			})
		}
	}
}

// The CLI shows the call of a function with its arguments; the error does not add to that.
func TestMisplacedToken_function(t *testing.T) {
	t.Parallel()
	req := function.RunRequest{Arguments: function.NewArgumentsData([]attr.Value{types.StringValue("db:x:" + misplaced)})}
	resp := function.RunResponse{Result: function.NewResultData(types.ObjectUnknown(permissionType.AttrTypes))}
	parsePermissionFunction{}.Run(t.Context(), req, &resp)
	if resp.Error == nil || shows(resp.Error.Text) {
		t.Errorf("got %v", resp.Error)
	}
}

func TestHoldsToken(t *testing.T) {
	t.Parallel()
	var list tokenList
	for _, token := range []string{"", "short", "tok.of-another-kind-that-is-long"} {
		list.add(token)
		list.add(token)
	}
	if len(list.list) != 2 {
		t.Errorf("%d tokens, want 2", len(list.list))
	}
	for text, want := range map[string]bool{
		"": false, "short": true, "Short": true, "shortly": false, "something else": false,
		"tok.of-another-kind-that-is-long": true, "http://h/tok.of-another-kind-that-is-long": true, "Tok.Of-Another-Kind-That-Is-Long": true,
	} {
		if list.in(text) != want {
			t.Errorf("%q: %t", text, !want)
		}
	}
	for text, want := range map[string]bool{"apiv3_x": true, "Apiv3_x": true, "x apiv3_": true, "apiv2_x": false} {
		if holdsToken(text) != want {
			t.Errorf("%q: %t", text, !want)
		}
	}
}
