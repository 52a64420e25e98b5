package provider

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3test"
)

func TestMain(m *testing.M) {
	// What a developer's shell has set must not decide a test.
	for _, name := range []string{envURL, envToken, envRecoveryURL, envCACert, envNoVerify, envAgeIdentity, envAgeIdentityFile} {
		_ = os.Unsetenv(name) // it can only fail for a malformed name
	}
	os.Exit(withCLIConfig(m.Run))
}

// withCLIConfig runs the tests with an empty configuration of the CLI, whatever
// the one of the developer says.
func withCLIConfig(run func() int) int {
	dir, err := os.MkdirTemp("", "terraform-provider-influxdb3")
	if err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(dir) }() // the system cleans up its temporary files
	file := filepath.Join(dir, "cli.tfrc")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		panic(err)
	}
	_ = os.Setenv("TF_CLI_CONFIG_FILE", file)
	_ = os.Setenv("CHECKPOINT_DISABLE", "1")
	// A CLI lives for a tenth of a second: a third of that is its garbage collector.
	_ = os.Setenv("GOGC", "off")
	_ = os.Setenv("GOMEMLIMIT", "512MiB")
	return run()
}

// testClock is the machine's clock, moved. Sleeping moves it on.
type testClock struct {
	mu    sync.Mutex
	moved time.Duration
}

func (c *testClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.moved)
}

func (c *testClock) Sleep(ctx context.Context, d time.Duration) error {
	c.advance(d)
	return ctx.Err()
}

func (c *testClock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.moved += d
}

// factories serve the provider in the test's process, by the given clock.
func factories(clock *testClock) map[string]func() (tfprotov6.ProviderServer, error) {
	return map[string]func() (tfprotov6.ProviderServer, error){
		"influxdb3": providerserver.NewProtocol6WithError(newWithClock("test", clock)()),
	}
}

// block writes a provider block for a server, with further lines.
func block(s *influxdb3test.Server, lines ...string) string {
	return fmt.Sprintf("provider \"influxdb3\" {\n  url = %q\n  %s\n}\n", s.URL(), strings.Join(lines, "\n  "))
}

// operator writes the resource of the operator token with its lines.
func operator(lines ...string) string {
	return "resource \"influxdb3_admin_token\" \"operator\" {\n  " + strings.Join(lines, "\n  ") + "\n}\n"
}

// count says how often a request arrived.
func count(s *influxdb3test.Server, method, path string) int {
	n := 0
	for _, r := range s.Requests() {
		if r.Method == method && r.Path == path {
			n++
		}
	}
	return n
}

const (
	createPath     = "/api/v3/configure/token/admin"
	regeneratePath = "/api/v3/configure/token/admin/regenerate"
	queryPath      = "/api/v3/query_sql"
)

// secretToken is a token that no server knows.
const secretToken = "apiv3_SECRETSECRETSECRETSECRETSECRETSECRETSECRETSECRETSECRETSECRETSECRETSECRETSECRETSECRET"

// badInput is a provider block that is refused.
type badInput struct {
	lines  string
	want   string
	at     bool   // the CLI shows the line of configuration
	secret string // must not be in the output
}

// badInputs are by what is wrong with them.
func badInputs(t *testing.T) map[string]badInput {
	t.Helper()
	dir := t.TempDir()
	empty := filepath.Join(dir, "empty.pem")
	garbage := filepath.Join(dir, "garbage.pem")
	for file, content := range map[string]string{empty: "", garbage: "no certificate"} {
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return map[string]badInput{
		"url malformed":          {`url = "http://[::1"`, `it is not a URL`, true, ""},
		"url without scheme":     {`url = "localhost:8181"`, `its scheme is neither http nor\s+https`, true, ""},
		"url of another scheme":  {`url = "ftp://localhost"`, `its scheme is neither http nor\s+https`, true, ""},
		"url empty":              {`url = ""`, `its scheme is neither`, true, ""},
		"url without host":       {`url = "http://"`, `it names no host`, true, ""},
		"url with bad port":      {`url = "http://localhost:99999"`, `its port is not between`, true, ""},
		"url with user info":     {`url = "http://me:hunter2@localhost"`, `it holds a user name or password`, false, "hunter2"},
		"url malformed with it":  {`url = "http://me:hunter2@local host:x"`, `it is not a URL`, false, "hunter2"},
		"url with query":         {`url = "http://localhost/?token=hunter2"`, `it has a query or a fragment`, false, "hunter2"},
		"recovery_url":           {`recovery_url = "localhost:8182"`, `recovery_url cannot be used`, true, ""},
		"token empty":            {`token = ""`, `token is empty or holds spaces`, false, ""},
		"token with a space":     {`token = "apiv3_SECRET SECRET"`, `token is empty or holds spaces`, false, "SECRET"},
		"token with a line":      {`token = "apiv3_SECRET\n"`, `trimspace`, false, "SECRET"},
		"token outside ASCII":    {`token = "apiv3_SECRETé"`, `outside\s+ASCII`, false, "SECRET"},
		"request_timeout zero":   {`request_timeout = "0s"`, `must be a duration above zero`, true, ""},
		"request_timeout minus":  {`request_timeout = "-1s"`, `must be a duration above zero`, true, ""},
		"request_timeout text":   {`request_timeout = "soon"`, `must be a duration of`, true, ""},
		"startup_timeout minus":  {`startup_timeout = "-1s"`, `must be a duration from 0s`, true, ""},
		"startup_timeout long":   {`startup_timeout = "61m"`, `must be a duration from 0s`, true, ""},
		"startup_timeout text":   {`startup_timeout = "soon"`, `must be a duration of`, true, ""},
		"max_retries negative":   {`max_retries = -1`, `must be between 0 and 20`, true, ""},
		"max_retries large":      {`max_retries = 21`, `must be between 0 and 20`, true, ""},
		"ca_cert_file missing":   {`ca_cert_file = "/nonexistent/ca.pem"`, `cannot be\s+read`, true, ""},
		"ca_cert_file empty":     {fmt.Sprintf("ca_cert_file = %q", empty), `is\s+empty`, true, ""},
		"ca_cert_file garbage":   {fmt.Sprintf("ca_cert_file = %q", garbage), `no certificate in PEM`, true, ""},
		"ca_cert_file no name":   {`ca_cert_file = ""`, `it is\s+empty`, true, ""},
		"ca_cert_pem garbage":    {`ca_cert_pem = "MARKER"`, `no certificate in PEM`, false, "MARKER"},
		"ca_cert twice":          {"ca_cert_file = \"a\"\n  ca_cert_pem = \"MARKER\"", `cannot both be set`, true, "MARKER"},
		"header without a name":  {`headers = { "" = "SECRET" }`, `cannot be the name of an HTTP header`, false, "SECRET"},
		"header with a bad name": {`headers = { "a b" = "SECRET" }`, `cannot be the name of an HTTP header`, false, "SECRET"},
		"header reserved":        {`headers = { authorization = "SECRET" }`, `cannot set Authorization`, false, "SECRET"},
		"header with a line":     {`headers = { X-Key = "SECRET\nX-Other: 1" }`, `control characters`, false, "SECRET"},
		"header twice":           {`headers = { X-Api-Key = "SECRET1", x-api-key = "SECRET2" }`, `X-Api-Key\s+is\s+set\s+2\s+times`, false, "SECRET"},
		"header null":            {`headers = { X-Key = null }`, `is null or holds`, false, ""},
		"token in a heredoc":     {"token = <<-EOT\n    apiv3_SECRET\n  EOT", `trimspace`, false, "SECRET"},
		"recovery_url with user": {`recovery_url = "http://me:hunter2@localhost:8182"`, `recovery_url cannot be used: it holds a user name or password`, false, "hunter2"},
		"header line as a name":  {`headers = { "X-Key: SECRET" = "" }`, `cannot be the name of an HTTP header`, false, "SECRET"},
		"header with a control":  {`headers = { X-Key = "SECRET\u0001" }`, `control characters`, false, "SECRET"},
		"ca_cert_pem broken":     {"ca_cert_pem = <<-EOT\n    -----BEGIN CERTIFICATE-----\n    MARKER\n    -----END CERTIFICATE-----\n  EOT", `no certificate in PEM`, false, "MARKER"},
	}
}

// config is the whole configuration.
func (b badInput) config() string {
	return "provider \"influxdb3\" {\n  " + b.lines + "\n}\n" + operator()
}

// check is what is true of the output.
func (b badInput) check(err error) error {
	if b.secret != "" && strings.Contains(err.Error(), b.secret) {
		return errors.New("the error holds the secret")
	}
	if line, _, _ := strings.Cut(b.lines, "\n"); b.at != strings.Contains(err.Error(), line) {
		return fmt.Errorf("the line of configuration is to be shown: %t, but:\n%w", b.at, err)
	}
	if !regexp.MustCompile(b.want).MatchString(err.Error()) {
		return fmt.Errorf("no match for %q:\n%w", b.want, err)
	}
	return nil
}

func TestProvider_badInput(t *testing.T) {
	t.Parallel()
	for name, tt := range badInputs(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := tt.check(errors.New(newCore(t).plansText(tt.config()))); err != nil {
				t.Error(err)
			}
		})
	}
}

// What the CLI prints of it: the line where there is a path, and no other one.
func TestAccProvider_badInput(t *testing.T) {
	t.Parallel()
	all := badInputs(t)
	for _, name := range []string{"ca_cert twice", "header with a line"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			resource.Test(t, resource.TestCase{
				ProtoV6ProviderFactories: factories(&testClock{}),
				ErrorCheck:               all[name].check,
				Steps:                    []resource.TestStep{{Config: all[name].config(), PlanOnly: true}},
			})
		})
	}
}

// A name that differs by its case alone is reported once, whatever the values are.
func TestHeadersTwice(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		headers map[string]string
		want    int
	}{
		"two names":   {map[string]string{"X-Key": "a", "X-Other": "a"}, 0},
		"same values": {map[string]string{"X-Key": "a", "x-key": "a"}, 1},
		"three":       {map[string]string{"X-Key": "a", "x-key": "b", "X-KEY": "c"}, 1},
		"two pairs":   {map[string]string{"X-Key": "a", "x-key": "b", "Other": "a", "other": "b"}, 2},
		"reserved":    {map[string]string{"Accept": "a", "accept": "b"}, 2}, // and cannot be set at all
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			elements := map[string]attr.Value{}
			for key, value := range tt.headers {
				elements[key] = types.StringValue(value)
			}
			diags := serverModel{Headers: types.MapValueMust(types.StringType, elements)}.validate(place{})
			if diags.ErrorsCount() != tt.want {
				t.Errorf("%d errors, want %d: %v", diags.ErrorsCount(), tt.want, diags)
			}
		})
	}
}

// Values from the environment obey the same rules. Not parallel: the environment
// is the process's.
func TestProvider_badEnvironment(t *testing.T) {
	tests := map[string]struct{ name, value, want string }{
		"url":          {envURL, "http://me:hunter2@localhost", envURL + " cannot be used: it holds a user name or password"},
		"recovery url": {envRecoveryURL, "nonsense", envRecoveryURL + " cannot be used"},
		"token":        {envToken, "apiv3_hunter2 ", envToken + " is empty or holds spaces"},
		"CA":           {envCACert, "/nonexistent/ca.pem", envCACert + " names cannot be read"},
		"verify":       {envNoVerify, "maybe", envNoVerify + " must be true or false"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Setenv(tt.name, tt.value)
			printed := newCore(t).plansText(operator())
			if !strings.Contains(printed, tt.want) || strings.Contains(printed, "hunter2") {
				t.Errorf("no %q, or the secret: %s", tt.want, printed)
			}
		})
	}
}

// An empty variable counts as unset, and the variables reach the provider.
func TestAccProvider_environment(t *testing.T) {
	s := influxdb3test.New(t)
	token := s.Bootstrap(t)
	t.Setenv(envURL, s.URL())
	t.Setenv(envToken, token)
	t.Setenv(envRecoveryURL, "")
	t.Setenv(envCACert, "")
	t.Setenv(envNoVerify, "")
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: factories(&testClock{}),
		Steps: []resource.TestStep{
			{
				Config: operator("deletion_protection = false"),
				Check:  resource.TestCheckResourceAttr("influxdb3_admin_token.operator", "token", token),
			},
		},
	})
}

func TestAccProvider_headersAndUserAgent(t *testing.T) {
	t.Parallel()
	s := influxdb3test.New(t)
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: factories(&testClock{}),
		Steps: []resource.TestStep{{
			Config: block(s, `headers = { X-Proxy-Key = "hunter2" }`) + operator("deletion_protection = false"),
		}},
	})
	if len(s.Requests()) == 0 {
		t.Fatal("no request arrived")
	}
	for _, r := range s.Requests() {
		if got := r.Header.Get("X-Proxy-Key"); got != "hunter2" {
			t.Errorf("%s %s has the header %q", r.Method, r.Path, got)
		}
		if !strings.HasPrefix(r.UserAgent, "terraform-provider-influxdb3/test (") {
			t.Errorf("%s %s has the User-Agent %q", r.Method, r.Path, r.UserAgent)
		}
	}
}

func TestAccProvider_tls(t *testing.T) {
	t.Parallel()
	s := influxdb3test.New(t, influxdb3test.WithTLS())
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, []byte(s.CACert()), 0o600); err != nil {
		t.Fatal(err)
	}
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: factories(&testClock{}),
		Steps: []resource.TestStep{
			{
				Config:      block(s, "max_retries = 0") + operator("deletion_protection = false"),
				ExpectError: regexp.MustCompile(`certificate`),
			},
			{Config: block(s, fmt.Sprintf("ca_cert_file = %q", file)) + operator("deletion_protection = false")},
			{Config: block(s, fmt.Sprintf("ca_cert_pem = <<-EOT\n%s\nEOT", s.CACert())) + operator("deletion_protection = false"), PlanOnly: true},
			{Config: block(s, "insecure_skip_verify = true") + operator("deletion_protection = false"), PlanOnly: true},
		},
	})
	if n := count(s, http.MethodPost, createPath); n != 1 {
		t.Errorf("%d requests to create the operator token, want 1", n)
	}
}

// A provider that is configured with what is not known yet plans a creation and
// makes no call for it.
func TestAccProvider_unknownURL(t *testing.T) {
	t.Parallel()
	s := influxdb3test.New(t)
	unknown := fmt.Sprintf("resource \"terraform_data\" \"url\" {\n  input = %q\n}\nprovider \"influxdb3\" {\n  url = terraform_data.url.output\n}\n", s.URL())
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: factories(&testClock{}),
		Steps: []resource.TestStep{
			{Config: unknown + operator("deletion_protection = false"), PlanOnly: true, ExpectNonEmptyPlan: true},
			{
				PreConfig: func() {
					if n := len(s.Requests()); n != 0 {
						t.Errorf("%d requests while planning", n)
					}
				},
				Config: unknown + operator("deletion_protection = false"),
			},
		},
	})
}
