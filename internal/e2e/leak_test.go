package e2e

import (
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3test"
)

// Secrets of the provider block. They are in the configuration, and nowhere else.
const (
	proxySecret   = "proxy-header-secret-7d1f"
	proxyPassword = "cHJveHktcGFzc3dvcmQtOWMyYg=="
)

// guardedConfig is operatorConfig behind a proxy that wants secrets.
const guardedConfig = operatorConfig + `
provider "influxdb3" {
  max_retries = 0
  headers = {
    "X-Proxy-Secret"      = "` + proxySecret + `"
    "Proxy-Authorization" = "Basic ` + proxyPassword + `"
  }
}
`

// anyToken is a token, or the beginning of one that was cut short.
var anyToken = regexp.MustCompile(`apiv3_[A-Za-z0-9_-]{4,}`)

// anyIdentity is a private key of age, or the beginning of one.
var anyIdentity = regexp.MustCompile(`AGE-SECRET-KEY-1[0-9A-Z]{4,}`)

// pieces is how many characters of a secret count as the secret.
const pieces = 20

// leaks searches a text for secrets and says which kind it found, not what. Tokens
// are found by their form, and in parts without it by their beginning and end.
func leaks(text string, secrets []string) (found []string) {
	if anyToken.MatchString(text) {
		found = append(found, "something of the form of a token")
	}
	if anyIdentity.MatchString(text) {
		found = append(found, "something of the form of an identity")
	}
	for _, secret := range secrets {
		if holds(text, secret) {
			found = append(found, fmt.Sprintf("a secret of %d characters", len(secret)))
		}
	}
	return found
}

// holds says whether a secret, or its beginning or end, is in a text.
func holds(text, secret string) bool {
	body := strings.TrimPrefix(strings.TrimPrefix(secret, "apiv3_"), "AGE-SECRET-KEY-1")
	head, end := body, body
	if len(body) > pieces {
		head, end = body[:pieces], body[len(body)-pieces:]
	}
	return strings.Contains(text, head) || strings.Contains(text, end)
}

// A search that finds nothing must be able to find something.
func TestLeakSearchFindsSecrets(t *testing.T) {
	t.Parallel()
	const token = "apiv3_PLANTEDplantedPLANTEDplantedPLANTEDplantedPLANTEDplantedPLANTEDplantedPLANTEDplanted12_-"
	for name, text := range map[string]string{
		"token":         "level=debug token=" + token + " more",
		"foreign token": "Bearer apiv3_somebody-elses",
		"cut short":     "body: {\"token\":\"" + token[:30],
		"its end":       "…" + token[len(token)-25:] + "\n",
		"header":        "headers: map[X-Proxy-Secret:" + proxySecret + "]",
		"password":      "Basic " + proxyPassword,
	} {
		if len(leaks(text, []string{token, proxySecret, proxyPassword})) == 0 {
			t.Errorf("%s: nothing is found", name)
		}
	}
	if found := leaks("It takes a token as InfluxDB 3 shows it, apiv3_ and 86 more characters", []string{token}); found != nil {
		t.Errorf("found %q where nothing is", found)
	}
}

// evidence is what a workspace's commands leave behind.
type evidence struct {
	*workspace
	runs    int
	secrets []string
	seen    int // bytes that were searched
}

// know adds secrets to those that are searched for.
func (e *evidence) know(secrets ...string) {
	for _, secret := range secrets {
		if secret == "" {
			e.t.Fatal("an empty secret is in all texts")
		}
	}
	e.secrets = append(e.secrets, secrets...)
}

// knowState adds the token that is in state now.
func (e *evidence) knowState() string {
	e.t.Helper()
	token := e.state().text("token")
	e.know(token)
	return token
}

// quiet is the workspace without a log, for what is expected to print secrets.
func (e *evidence) quiet() *workspace {
	w := *e.workspace
	w.env = append(append([]string(nil), e.env...), "TF_LOG=", "TF_LOG_PATH=")
	return &w
}

// traced runs the CLI with everything logged, to stderr and to a file by turns, and
// searches its output. It is searched again for the tokens that come to light later, with
// the file, at the end.
func (e *evidence) traced(code int, args ...string) result {
	e.t.Helper()
	log := ""
	if e.runs++; e.runs%2 == 0 {
		log = e.path(traceLog)
	}
	e.set("TF_LOG_PATH", log)
	r := e.run(args...)
	if r.code != code {
		e.t.Fatalf("exit code %d, want %d: %s", r.code, code, logLines.ReplaceAllString(r.String(), ""))
	}
	if log == "" && !strings.Contains(r.stderr, "[TRACE]") {
		e.t.Fatalf("%s left no log", r.args)
	}
	e.write("evidence-"+strings.Join(args, "_"), r.stdout+r.stderr)
	e.search(r.args, r.stdout+r.stderr)
	return r
}

func (e *evidence) search(where, text string) {
	e.t.Helper()
	e.seen += len(text)
	for _, found := range leaks(text, e.secrets) {
		e.t.Errorf("%s shows %s", where, found)
	}
}

// searchFiles searches all files but those whose purpose is to hold secrets.
func (e *evidence) searchFiles() {
	e.t.Helper()
	err := filepath.WalkDir(e.dir, func(path string, entry fs.DirEntry, err error) error {
		name := entry.Name()
		if err != nil || !entry.Type().IsRegular() || name == "main.tf" ||
			strings.HasPrefix(name, stateFile) || strings.HasSuffix(name, ".tfplan") {
			return err
		}
		text, err := os.ReadFile(path)
		e.search(name, string(text))
		return err
	})
	if err != nil {
		e.t.Fatal(err)
	}
}

// Nothing that happens to a token, well or ill, prints it.
func TestNothingLeaks(t *testing.T) {
	t.Parallel()
	s := influxdb3test.New(t, influxdb3test.WithRecovery())
	e := &evidence{workspace: newWorkspace(t, s, guardedConfig)}
	e.know(proxySecret, proxyPassword)
	e.set("TF_LOG", "TRACE")
	e.life(s)
	e.searchFiles()
	if logged := len(e.read(traceLog)); e.seen < 1<<20 || logged < 1<<19 {
		t.Errorf("only %d bytes were searched, and %d in the file: where is the log?", e.seen, logged)
	}
}

// life leads a token through all that can happen to it.
func (e *evidence) life(s *influxdb3test.Server) {
	t := e.t
	fault := func(f influxdb3test.Fault) {
		f.Method, f.Path = http.MethodPost, regeneratePath
		s.ClearFaults()
		s.Inject(f)
	}

	e.traced(0, "apply")
	token := e.knowState()
	admin := s.CreateNamedAdmin(t, token, "terraform", 0)
	e.know(admin)

	// A rotation, by a saved plan that is shown.
	e.set("TF_VAR_trigger", "2")
	e.traced(0, "plan", "-out=rotate.tfplan")
	e.traced(0, "show", "rotate.tfplan")
	e.traced(0, "apply", "rotate.tfplan")
	token = e.knowState()

	// A rotation that fails, in front of a proxy that sends back what it was sent.
	e.set("TF_VAR_trigger", "3")
	fault(influxdb3test.Fault{
		Kind: influxdb3test.Answer, Status: http.StatusInternalServerError,
		Body: "request: Authorization: Bearer " + token + " X-Proxy-Secret: " + proxySecret,
	})
	r := e.traced(1, "apply")
	expectOutput(t, r, "Unable to Regenerate Operator Token", "[redacted]")

	// Replies that are lost, whole and in part. The named admin token heals.
	e.set("INFLUXDB3_AUTH_TOKEN", admin)
	fault(influxdb3test.Fault{Kind: influxdb3test.CutAfter})
	expectOutput(t, e.traced(0, "apply"), "Operator Token Regenerated Once More")
	e.knowState()
	e.set("TF_VAR_trigger", "4")
	fault(influxdb3test.Fault{Kind: influxdb3test.Truncate, Keep: 70})
	expectOutput(t, e.traced(0, "apply"), "Operator Token Regenerated Once More")
	e.knowState()

	// Without one it is lost, and got back through the recovery listener.
	e.age()
	e.set("INFLUXDB3_AUTH_TOKEN", "")
	e.set("TF_VAR_trigger", "5")
	fault(influxdb3test.Fault{Kind: influxdb3test.CutAfter})
	expectOutput(t, e.traced(1, "apply"), "New Operator Token Was Lost")
	expectOutput(t, e.traced(1, "apply"), "Operator Token Is Refused")
	e.set("INFLUXDB3_RECOVERY_URL", s.RecoveryURL())
	expectOutput(t, e.traced(0, "apply"), "Recovered Through the Recovery Listener")
	token = e.knowState()

	// Somebody else rotates, and tells.
	e.age()
	outside := s.Regenerate(t, token)
	e.know(outside)
	expectOutput(t, e.traced(1, "plan"), "Operator Token Was Regenerated Elsewhere")
	e.set("INFLUXDB3_AUTH_TOKEN", outside)
	expectOutput(t, e.traced(0, "apply", "-refresh-only"), "It is now in state")

	// Forgotten, and imported.
	e.quiet().must("state", "rm", "influxdb3_admin_token.operator")
	e.set("INFLUXDB3_AUTH_TOKEN", admin)
	expectOutput(t, e.traced(1, "import", "influxdb3_admin_token.operator", "_admin"), "Unable to Import Operator Token")
	e.set("INFLUXDB3_AUTH_TOKEN", outside)
	e.traced(0, "import", "influxdb3_admin_token.operator", "_admin")
	expectOutput(t, e.traced(1, "destroy"), "Operator Token Is Protected From Deletion")
	s.Down()
	expectOutput(t, e.traced(1, "plan"), "Unable to Read Operator Token")
}

// A reply that announces less than it sends: net/http writes the beginning of the
// rest into a log of its own.
func TestUnannouncedReplyLeaksNothing(t *testing.T) {
	t.Parallel()
	const reply = "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n" +
		`{"id":0,"name":"_admin","token":"apiv3_PLANTEDplantedPLANTEDplantedPLANTEDplanted"}` + "\r\n"
	answered := make(chan struct{}, 100)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = io.WriteString(conn, reply)
		answered <- struct{}{}
		_, _ = io.Copy(io.Discard, conn) // until the client has seen it all
		_ = conn.Close()
	}))
	t.Cleanup(server.Close)
	w := newWorkspace(t, influxdb3test.New(t), operatorConfig)
	w.set("INFLUXDB3_HOST_URL", server.URL)
	w.set("TF_LOG", "TRACE")
	r := w.run("apply")
	if r.code != 1 || len(answered) == 0 {
		t.Fatalf("exit code %d after %d replies", r.code, len(answered))
	}
	if found := leaks(r.stdout+r.stderr, nil); found != nil {
		t.Errorf("the log shows %s", found)
	}
}

// A literal secret in a provider block that is refused is not in the diagnostic,
// neither in its text nor as the line of configuration that the CLI adds. (What else is
// refused is in the tests of the provider, which need no CLI.)
func TestRefusedConfigurationLeaksNothing(t *testing.T) {
	t.Parallel()
	const marker = "hunter2-marker"
	tests := map[string]struct{ lines, want string }{
		"token from a file":   {`token = file("token.txt")`, "trimspace()"},
		"url with a password": {`url = "http://me:` + marker + `@localhost:8181"`, "url cannot be used: it holds a user name or password"},
		"certificate, broken": {"ca_cert_pem = <<-EOT\n    -----BEGIN CERTIFICATE-----\n    " + marker + "\n    -----END CERTIFICATE-----\n  EOT", "ca_cert_pem has no certificate"},
	}
	s := influxdb3test.New(t)
	first := newWorkspace(t, s, operatorConfig)
	first.write("token.txt", "apiv3_"+marker+"\n")
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := first.copy(t)
			w.write("provider.tf", "provider \"influxdb3\" {\n  "+tt.lines+"\n}\n")
			for _, args := range [][]string{{"validate"}, {"plan"}, {"apply"}} {
				r := w.fails(args, tt.want)
				if strings.Contains(r.stdout+r.stderr, marker) || anyToken.MatchString(r.stdout+r.stderr) {
					t.Errorf("%s shows the secret", r.args)
				}
			}
		})
	}
	t.Cleanup(func() {
		if n := len(s.Requests()); n != 0 {
			t.Errorf("%d requests with a configuration that is refused", n)
		}
	})
}
