package e2e

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"filippo.io/age/armor"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3test"
)

const (
	createPath     = "/api/v3/configure/token/admin"
	regeneratePath = "/api/v3/configure/token/admin/regenerate"
	queryPath      = "/api/v3/query_sql"
)

var tokenForm = regexp.MustCompile(`^apiv3_[A-Za-z0-9_-]{86}$`)

// operatorConfig is a root with the operator token and a trigger that comes from
// a variable.
const operatorConfig = `
terraform {
  required_providers {
    influxdb3 = { source = "influxdb3-community/influxdb3" }
  }
}

variable "trigger" { default = "1" }

resource "influxdb3_admin_token" "operator" {
  rotation_triggers = { by = var.trigger }
}

output "token" {
  value     = influxdb3_admin_token.operator.token
  sensitive = true
}
`

// workspace is a directory with a configuration, ready to plan.
type workspace struct {
	t     testing.TB
	chain toolchain
	dir   string
	env   []string

	identity *age.X25519Identity // the private key of an encrypted state, nil for a plain one
}

// emptyWorkspace is a directory without anything. The provider will find the
// server through the environment.
func emptyWorkspace(t testing.TB, s *influxdb3test.Server) *workspace {
	t.Helper()
	chain := tools(t)
	env := append(chain.environment(t.TempDir()), "INFLUXDB3_HOST_URL="+s.URL())
	if _, measures := t.(*testing.B); !measures {
		env = append(env, hurried...)
	}
	return &workspace{t: t, chain: chain, dir: t.TempDir(), env: env}
}

// initialise makes the directory ready to plan.
func (w *workspace) initialise() {
	w.t.Helper()
	if err := w.chain.initialise(w.dir, w.env); err != nil {
		w.t.Fatal(err)
	}
}

// newWorkspace writes the configuration and initialises the directory.
func newWorkspace(t testing.TB, s *influxdb3test.Server, config string) *workspace {
	t.Helper()
	w := emptyWorkspace(t, s)
	w.write("main.tf", config)
	w.initialise()
	return w
}

// operatorWorkspace is a workspace with operatorConfig applied to a new server.
func operatorWorkspace(t testing.TB, s *influxdb3test.Server) *workspace {
	t.Helper()
	w := newWorkspace(t, s, operatorConfig)
	w.must("apply")
	return w
}

// copy is another workspace with the same configuration and state.
func (w *workspace) copy(t testing.TB) *workspace {
	t.Helper()
	c := &workspace{t: t, chain: w.chain, dir: t.TempDir(), env: append([]string(nil), w.env...)}
	if err := os.CopyFS(c.dir, os.DirFS(w.dir)); err != nil {
		t.Fatal(err)
	}
	return c
}

func (w *workspace) path(name string) string { return filepath.Join(w.dir, name) }

func (w *workspace) write(name, text string) {
	w.t.Helper()
	if err := os.WriteFile(w.path(name), []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

func (w *workspace) read(name string) string {
	w.t.Helper()
	text, err := os.ReadFile(w.path(name))
	if err != nil {
		w.t.Fatal(err)
	}
	return string(text)
}

// stateFile is where the local backend keeps the state.
const stateFile = "terraform.tfstate"

var rotatedAt = regexp.MustCompile(`"rotated_at": "[^"]*"`)

// age makes the last rotation in state an hour old. Within half a minute after one
// the provider takes a refusal for a cluster's lag, and looks again until that is
// over.
func (w *workspace) age() {
	w.t.Helper()
	then := time.Now().Add(-time.Hour).UTC().Format(time.RFC3339)
	w.write(stateFile, rotatedAt.ReplaceAllString(w.read(stateFile), fmt.Sprintf(`"rotated_at": %q`, then)))
}

// set sets an environment variable for the commands that follow.
func (w *workspace) set(name, value string) { w.env = append(w.env, name+"="+value) }

// encrypts makes a key for the tokens of a configuration that has the public one in a
// variable.
func (w *workspace) encrypts() {
	w.t.Helper()
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		w.t.Fatal(err)
	}
	w.identity = identity
	w.set("INFLUXDB3_AGE_IDENTITY", identity.String())
	w.set("TF_VAR_age_recipients", fmt.Sprintf("[%q]", identity.Recipient()))
}

// decrypted is the token of an armored age file.
func (w *workspace) decrypted(armored string) string {
	w.t.Helper()
	file, err := age.Decrypt(armor.NewReader(strings.NewReader(armored)), w.identity)
	if err != nil {
		w.t.Fatal(err)
	}
	token, err := io.ReadAll(file)
	if err != nil {
		w.t.Fatal(err)
	}
	return string(token)
}

// result is how a command ended.
type result struct {
	args           string
	code           int
	stdout, stderr string
}

// String shows a command with its output.
func (r result) String() string {
	return fmt.Sprintf("%s: exit code %d\n%s%s", r.args, r.code, r.stdout, r.stderr)
}

// logLines are what a log leaves in stderr, hundreds of lines of no interest.
var logLines = regexp.MustCompile(`(?m)^\d{4}-\d\d-\d\dT\S+ \[\w+\].*\n?`)

var boxes = regexp.MustCompile(`[│╷╵\s]+`)

// has says whether a text is in the output, however the CLI wrapped it.
func (r result) has(text string) bool {
	return strings.Contains(boxes.ReplaceAllString(r.stdout+r.stderr, " "), text)
}

func (w *workspace) command(args ...string) *exec.Cmd {
	cmd := exec.Command(w.chain.cli, args...)
	cmd.Dir, cmd.Env = w.dir, w.env
	return cmd
}

// run runs the CLI to its end.
func (w *workspace) run(args ...string) result {
	w.t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := w.command(args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		w.t.Fatal(err)
	}
	return result{strings.Join(args, " "), cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// must runs the CLI and expects success.
func (w *workspace) must(args ...string) result {
	w.t.Helper()
	r := w.run(args...)
	if r.code != 0 {
		w.t.Fatal(r)
	}
	return r
}

// fails runs the CLI and expects an error with these texts.
func (w *workspace) fails(args []string, texts ...string) result {
	w.t.Helper()
	r := w.run(args...)
	if r.code != 1 {
		w.t.Fatalf("want exit code 1: %s", r)
	}
	expectOutput(w.t, r, texts...)
	return r
}

func expectOutput(t testing.TB, r result, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !r.has(text) {
			t.Errorf("no %q in the output of %s", text, r)
		}
	}
}

// savedPlan is everything that is in the files of a saved plan.
func (w *workspace) savedPlan(name string) (all string) {
	w.t.Helper()
	archive, err := zip.OpenReader(w.path(name))
	if err != nil {
		w.t.Fatal(err)
	}
	defer archive.Close() //nolint:errcheck // it was only read
	for _, entry := range archive.File {
		text, err := fs.ReadFile(archive, entry.Name)
		if err != nil {
			w.t.Fatal(err)
		}
		all += string(text)
	}
	return all
}

// expectNothingToDo expects an empty plan.
func (w *workspace) expectNothingToDo() {
	w.t.Helper()
	if r := w.run("plan", "-detailed-exitcode"); r.code != 0 {
		w.t.Errorf("want an empty plan: %s", r)
	}
}

// attributes are those of the one influxdb3_admin_token in a state.
type attributes map[string]any

func (a attributes) text(name string) string {
	text, _ := a[name].(string)
	return text
}

// trigger is the value of the one rotation trigger.
func (a attributes) trigger() string {
	triggers, _ := a["rotation_triggers"].(map[string]any)
	text, _ := triggers["by"].(string)
	return text
}

// parseState reads a state.
func parseState(text string) (attributes, error) {
	var state struct {
		Resources []struct {
			Type      string `json:"type"`
			Instances []struct {
				Attributes attributes `json:"attributes"`
				Status     string     `json:"status"`
			} `json:"instances"`
		} `json:"resources"`
	}
	if err := json.Unmarshal([]byte(text), &state); err != nil {
		return nil, fmt.Errorf("state: %w", err)
	}
	for _, r := range state.Resources {
		if r.Type == "influxdb3_admin_token" && len(r.Instances) > 0 {
			if r.Instances[0].Status == "tainted" {
				r.Instances[0].Attributes["tainted"] = "true"
			}
			return r.Instances[0].Attributes, nil
		}
	}
	return nil, errors.New("no influxdb3_admin_token in state")
}

// wholeState is the state as the CLI has left it.
func (w *workspace) wholeState() (state map[string]any) {
	w.t.Helper()
	if err := json.Unmarshal([]byte(w.read(stateFile)), &state); err != nil {
		w.t.Fatal(err)
	}
	return state
}

// output is a root output in state.
func (w *workspace) output(name string) any {
	w.t.Helper()
	outputs, _ := w.wholeState()["outputs"].(map[string]any)
	output, _ := outputs[name].(map[string]any)
	return output["value"]
}

// state returns the token's resource as the CLI has it in state.
func (w *workspace) state() attributes {
	w.t.Helper()
	state, err := parseState(w.read(stateFile))
	if err != nil {
		w.t.Fatal(err)
	}
	return state
}

// expectWorkingToken expects a token in state that the server accepts, another one
// than before, and returns it.
func (w *workspace) expectWorkingToken(s *influxdb3test.Server, before string) string {
	w.t.Helper()
	state := w.state()
	token := state.text("token")
	if w.identity != nil {
		token = w.decrypted(state.text("encrypted_token"))
	}
	if !tokenForm.MatchString(token) {
		w.t.Fatal("no token in state")
	}
	if token == before {
		w.t.Error("the token in state is the one from before")
	}
	if !s.Accepts(w.t, token) {
		w.t.Error("the server refuses the token in state")
	}
	if status := state.text("status"); status != "active" {
		w.t.Errorf("status is %q in state, want active", status)
	}
	if state["tainted"] != nil {
		w.t.Error("the resource is tainted")
	}
	return token
}

// expectKept expects the old token in state, and the trigger that it was made with.
func (w *workspace) expectKept(token, status string) {
	w.t.Helper()
	state := w.state()
	if state.text("token") != token {
		w.t.Error("the old token is not in state any more")
	}
	if got := state.trigger(); got != "1" {
		w.t.Errorf("the trigger in state is %q, want the old one", got)
	}
	if got := state.text("status"); got != status {
		w.t.Errorf("status is %q in state, want %q", got, status)
	}
}

// count says how often a request arrived.
func count(s *influxdb3test.Server, path string) int {
	n := 0
	for _, r := range s.Requests() {
		if r.Method == http.MethodPost && r.Path == path {
			n++
		}
	}
	return n
}
