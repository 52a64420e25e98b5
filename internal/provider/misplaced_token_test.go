package provider

import (
	"errors"
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

var misplacedForms = map[string]string{"apiv3": misplaced, "other": otherMisplaced}

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

// misplacement is a configuration with a token in the wrong place, %s.
type misplacement struct {
	provider string // lines of its block
	config   string // resources
	want     string
}

const wrongPlace = "Token in the Wrong Place"

// misplacements are by what holds the token. The file is of that name, and no certificate.
func misplacements(garbage string) map[string]misplacement {
	permission := func(kind, name, action string) string {
		return limited(`name = "a"`, fmt.Sprintf(`permissions = [{ resource_type = %q, resource_names = [%s], actions = [%s] }]`, kind, name, action))
	}
	return map[string]misplacement{
		"url":                       {`url = "%s"`, operator(), wrongPlace},
		"url, behind a host":        {`url = "http://localhost:8181/%s"`, operator(), wrongPlace},
		"url, as the host":          {`url = "https://%s"`, operator(), wrongPlace},
		"recovery_url":              {`recovery_url = "%s"`, operator(), wrongPlace},
		"ca_cert_file":              {`ca_cert_file = "%s"`, operator(), wrongPlace},
		"ca_cert_file, garbage":     {fmt.Sprintf(`ca_cert_file = %q`, garbage), operator(), wrongPlace},
		"ca_cert_file and pem":      {"ca_cert_file = \"%s\"\n  ca_cert_pem = \"x\"", operator(), wrongPlace},
		"ca_cert_pem":               {`ca_cert_pem = "%s"`, operator(), "ca_cert_pem has no certificate"},
		"request_timeout":           {`request_timeout = "%s"`, operator(), wrongPlace},
		"header, as the name":       {`headers = { "%s" = null }`, operator(), "Invalid Header"},
		"header, twice":             {`headers = { "X-%s" = "a", "x-%s" = "a" }`, operator(), "Invalid Header"},
		"existing_token":            {``, operator(`existing_token = "%s"`), wrongPlace},
		"rotate_after":              {``, operator(`rotate_after = "%s"`), wrongPlace},
		"name":                      {``, named(`name = "%s"`), wrongPlace},
		"name, with more":           {``, named(`name = "ci-%s"`), wrongPlace},
		"name, with a line break":   {``, named(`name = "%s\n"`), wrongPlace},
		"name_prefix":               {``, named(`name_prefix = "%s"`), wrongPlace},
		"name and name_prefix":      {``, named(`name = "%s"`, `name_prefix = "a"`), wrongPlace},
		"name and name_prefix, too": {``, named(`name = "a"`, `name_prefix = "%s"`), wrongPlace},
		"expires_in":                {``, named(`name = "a"`, `expires_in = "%s"`), wrongPlace},
		"rotate_before_expiry":      {``, named(`name = "a"`, `expires_in = "1h"`, `rotate_before_expiry = "%s"`), wrongPlace},
		"resource_type":             {``, permission("%s", `"x"`, `"read"`), wrongPlace},
		"resource_names":            {``, permission("system", `"%s"`, `"read"`), wrongPlace},
		"resource_names, mixed":     {``, permission("db", `"*", "%s"`, `"read"`), wrongPlace},
		"resource_names, a null":    {``, permission("db", `null, "%s"`, `"read"`), wrongPlace},
		"actions":                   {``, permission("db", `"x"`, `"%s"`), wrongPlace},
		"kind":                      {``, "data \"influxdb3_tokens\" \"x\" {\n  kind = \"%s\"\n}\n", wrongPlace},
	}
}

// fill puts a token in. The server is the one that must not be asked.
func (m misplacement) fill(s *influxdb3test.Server, token string) string {
	lines := "token = \"" + otherMisplaced + "\"\n  " + m.provider
	if !strings.HasPrefix(m.provider, "url =") {
		lines += fmt.Sprintf("\n  url = %q", s.URL())
	}
	return strings.ReplaceAll("provider \"influxdb3\" {\n  "+lines+"\n}\n"+m.config, "%s", token)
}

// expectUnasked fails the test if a request arrives at the server before the test is over.
func expectUnasked(t *testing.T, s *influxdb3test.Server) {
	t.Helper()
	t.Cleanup(func() {
		if n := len(s.Requests()); n != 0 {
			t.Errorf("%d requests were made", n)
		}
	})
}

// garbageFile writes a file whose name is a token, and which is no certificate.
func garbageFile(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), misplaced)
	if err := os.WriteFile(file, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// A token that was put into the wrong attribute is in no diagnostic, neither in its
// text nor as the line of configuration that the CLI adds.
func TestMisplacedToken(t *testing.T) {
	t.Parallel()
	s := influxdb3test.New(t)
	expectUnasked(t, s)
	for name, tt := range misplacements(garbageFile(t)) {
		for form, token := range misplacedForms {
			t.Run(name+" "+form, func(t *testing.T) {
				t.Parallel()
				if form == "other" && strings.HasPrefix(name, "header, ") {
					return // no header can have that name
				}
				if err := expectNoToken(tt.want)(errors.New(newCore(t).plansText(tt.fill(s, token)))); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// What the CLI prints of it, of the provider block and of a resource.
func TestAccMisplacedToken(t *testing.T) {
	t.Parallel()
	s, all := influxdb3test.New(t), misplacements(garbageFile(t))
	expectUnasked(t, s)
	for _, name := range []string{"url, as the host", "resource_names, mixed"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			resource.Test(t, resource.TestCase{
				ProtoV6ProviderFactories: factories(&testClock{}),
				ErrorCheck:               expectNoToken(all[name].want),
				Steps:                    []resource.TestStep{{Config: all[name].fill(s, misplaced), PlanOnly: true}},
			})
		})
	}
}

// The same for a token in the wrong variable. Not parallel: the environment is the process's.
func TestMisplacedToken_environment(t *testing.T) {
	for _, variable := range []string{envURL, envRecoveryURL, envCACert, envNoVerify} {
		for form, token := range misplacedForms {
			t.Run(variable+" "+form, func(t *testing.T) {
				t.Setenv(envToken, otherMisplaced)
				t.Setenv(variable, token)
				printed := newCore(t).plansText(operator())
				for _, want := range []string{wrongPlace, variable + " holds what looks like a token"} {
					if err := expectNoToken(want)(errors.New(printed)); err != nil {
						t.Error(err)
					}
				}
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
	for form, token := range misplacedForms {
		t.Run(form, func(t *testing.T) {
			t.Parallel()
			s := influxdb3test.New(t)
			s.CreateNamedAdmin(t, s.Bootstrap(t), token, 0) // of that very name
			for _, address := range []string{addressA, addressNamed} {
				c := newCore(t)
				p := c.start(rootOf(s, otherMisplaced, nil).provider, patienceAlone)
				if o := c.importObject(p, address, token); o != nil {
					c.read(p, address, o)
				}
				if err := expectNoToken("Import")(errors.New(strings.Join(c.journal, "\n"))); !c.failed || err != nil {
					t.Error(address, err)
				}
			}
		})
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
