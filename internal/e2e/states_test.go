package e2e

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"flag"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"filippo.io/age"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/agefile"
	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3"
	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3test"
)

var recordStates = flag.String("record-states", "", "write the states of this version into a folder of that name in testdata/states")

const statesDir = "testdata/states"

// stateCase is one state. It comes into being twice: by a real run of the provider
// that records it, and, without the provider, on a server that the recorded state is
// to fit.
type stateCase struct {
	options func(f *fixture) []influxdb3test.Option
	config  string

	// run makes the state with the provider. The workspace has the configuration, and
	// the provider will find the server and the identity.
	run func(f *fixture, w *workspace)

	// serve does to the server what run did to it.
	serve func(f *fixture)

	// plan is the exit code of plan -detailed-exitcode, 0 for an empty one, and texts
	// is what it says.
	plan  int
	texts []string
}

// fixture is a server with what a state says of it. The times are always the same, so
// a state can be kept with its times in it.
type fixture struct {
	t         *testing.T
	server    *influxdb3test.Server
	now       atomic.Pointer[time.Time]
	token     string // that the state holds
	previous  string // that the last rotation replaced
	env       string // what INFLUXDB3_AUTH_TOKEN is
	identity  string
	recipient string
}

var madeAt = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func (f *fixture) at(after time.Duration) {
	now := madeAt.Add(after)
	f.now.Store(&now)
}

func newFixture(t *testing.T, c stateCase) *fixture {
	t.Helper()
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	f := &fixture{t: t, identity: identity.String(), recipient: identity.Recipient().String()}
	f.at(0)
	options := []influxdb3test.Option{influxdb3test.Clock(func() time.Time { return *f.now.Load() })}
	if c.options != nil {
		options = append(options, c.options(f)...)
	}
	f.server = influxdb3test.New(t, options...)
	return f
}

// workspace is a directory with a configuration, in which the provider finds the
// server. It is not initialised.
func (f *fixture) workspace(config string) *workspace {
	f.t.Helper()
	w := emptyWorkspace(f.t, f.server)
	w.write("main.tf", strings.NewReplacer("{{recipient}}", f.recipient, "{{url}}", f.server.URL()).Replace(config))
	w.set("INFLUXDB3_AUTH_TOKEN", f.env)
	w.set("INFLUXDB3_AGE_IDENTITY", f.identity)
	return w
}

const requiredProviders = `terraform {
  required_providers {
    influxdb3 = { source = "influxdb3-community/influxdb3" }
  }
}

`

const statePlain = requiredProviders + `variable "trigger" { default = "2" }

resource "influxdb3_admin_token" "operator" {
  rotation_triggers = { by = var.trigger }
  rotate_after      = "90d"
}
`

// rotated makes an operator token with the provider and rotates it a day later.
func rotated(f *fixture, w *workspace) {
	w.must("apply", "-var=trigger=1")
	f.previous = w.state().text("token")
	f.at(24 * time.Hour)
	w.must("apply")
	f.token = w.state().text("token")
	f.at(48 * time.Hour)
}

// serveRotated does the same without the provider.
func serveRotated(f *fixture) {
	f.previous = f.server.Bootstrap(f.t)
	f.at(24 * time.Hour)
	f.token = f.server.Regenerate(f.t, f.previous)
	f.at(48 * time.Hour)
}

var stateCases = map[string]stateCase{
	"plain": {config: statePlain, run: rotated, serve: serveRotated},
	"plain-core-3.4": {
		options: func(*fixture) []influxdb3test.Option {
			return []influxdb3test.Option{influxdb3test.As("3.4")}
		},
		config: statePlain, run: rotated, serve: serveRotated,
	},
	"encrypted": {
		config: requiredProviders + `variable "trigger" { default = "2" }

resource "influxdb3_admin_token" "operator" {
  age_recipients    = ["{{recipient}}"]
  rotation_triggers = { by = var.trigger }
}
`,
		run: func(f *fixture, w *workspace) {
			w.must("apply", "-var=trigger=1")
			f.previous = f.decrypt(w.state().text("encrypted_token"))
			f.at(24 * time.Hour)
			w.must("apply")
			f.token = f.decrypt(w.state().text("encrypted_token"))
			f.at(48 * time.Hour)
		},
		serve: serveRotated,
	},
	"imported": {
		config: requiredProviders + `resource "influxdb3_admin_token" "operator" {
  rotation_triggers = { by = "1" }
}
`,
		run: func(f *fixture, w *workspace) {
			f.token = f.server.Bootstrap(f.t)
			w.set("INFLUXDB3_AUTH_TOKEN", f.token)
			f.at(time.Hour)
			w.must("import", "influxdb3_admin_token.operator", "_admin")
			w.must("apply")
			f.at(48 * time.Hour)
		},
		serve: func(f *fixture) {
			f.token = f.server.Bootstrap(f.t)
			f.env = f.token
			f.at(48 * time.Hour)
		},
	},
	// Somebody else has regenerated the token. That is an error by design, and it has to
	// stay that very one.
	"rejected": {
		config: requiredProviders + `resource "influxdb3_admin_token" "operator" {}
`,
		run: func(f *fixture, w *workspace) {
			w.must("apply")
			f.token = w.state().text("token")
			f.at(24 * time.Hour)
			f.server.Regenerate(f.t, f.token)
			f.at(48 * time.Hour)
			w.must("apply", "-refresh-only")
		},
		serve: func(f *fixture) {
			f.token = f.server.Bootstrap(f.t)
			f.at(24 * time.Hour)
			f.server.Regenerate(f.t, f.token)
			f.at(48 * time.Hour)
		},
		plan:  1,
		texts: []string{"Operator Token Was Regenerated Elsewhere"},
	},
	// The token came from a token file, and nothing mends it.
	"expired": {
		options: func(f *fixture) []influxdb3test.Option {
			f.token = influxdb3.NewOfflineToken().Reveal()
			f.env = f.token
			return []influxdb3test.Option{influxdb3test.WithTokenFileExpiring("_admin", f.token, madeAt.Add(24*time.Hour))}
		},
		config: requiredProviders + `resource "influxdb3_admin_token" "operator" {}
`,
		run: func(f *fixture, w *workspace) {
			w.must("apply")
			f.at(48 * time.Hour)
			w.must("apply", "-refresh-only")
		},
		serve: func(f *fixture) { f.at(48 * time.Hour) },
		texts: []string{"Operator Token Has Expired"},
	},
	"named-admin": {
		config: requiredProviders + `resource "influxdb3_named_admin_token" "ci" {
  name                 = "ci"
  expires_in           = "90d"
  rotate_before_expiry = "7d"
  rotation_triggers    = { by = "1" }
}
`,
		run: func(f *fixture, w *workspace) {
			w.set("INFLUXDB3_AUTH_TOKEN", f.server.Bootstrap(f.t))
			w.must("apply")
			f.token = f.onlyToken(w)
			f.at(48 * time.Hour)
		},
		serve: func(f *fixture) {
			f.env = f.server.Bootstrap(f.t)
			f.token = f.server.CreateNamedAdmin(f.t, f.env, "ci", 90*24*60*60)
			f.at(48 * time.Hour)
		},
	},
	"resource-token": {
		options: func(*fixture) []influxdb3test.Option { return []influxdb3test.Option{influxdb3test.Enterprise()} },
		config: requiredProviders + `resource "influxdb3_resource_token" "app" {
  name = "app"
  permissions = [
    { resource_type = "db", resource_names = ["*"], actions = ["read", "write"] },
    { resource_type = "system", resource_names = ["health", "ping"], actions = ["read"] },
  ]
}
`,
		run: func(f *fixture, w *workspace) {
			w.set("INFLUXDB3_AUTH_TOKEN", f.server.Bootstrap(f.t))
			w.must("apply")
			f.token = f.onlyToken(w)
			f.at(48 * time.Hour)
		},
		serve: func(f *fixture) {
			f.env = f.server.Bootstrap(f.t)
			f.token = f.server.CreateResourceToken(f.t, f.env, `{"token_name": "app", "permissions": [
				{"resource_type": "db", "resource_names": ["*"], "actions": ["read", "write"]},
				{"resource_type": "system", "resource_names": ["health", "ping"], "actions": ["read"]}]}`)
			f.at(48 * time.Hour)
		},
	},
	"offline": {
		config: requiredProviders + `resource "influxdb3_offline_admin_token" "first" {
  rotation_triggers = { by = "1" }
}
`,
		run: func(f *fixture, w *workspace) {
			w.must("apply")
			f.token = f.onlyToken(w)
		},
		serve: func(f *fixture) { f.token = influxdb3.NewOfflineToken().Reveal() },
	},
	"server-of-a-fleet": {
		config: requiredProviders + `variable "url" { default = "{{url}}" }
variable "trigger" { default = "2" }

provider "influxdb3" {
  servers = { "east-1" = { url = var.url } }
}

resource "influxdb3_admin_token" "operator" {
  server            = "east-1"
  rotation_triggers = { by = var.trigger }
}
`,
		run: rotated, serve: serveRotated,
	},
}

// TestStates plans with the states that versions of the provider have written. What
// users have in state has to mean the same with every later version.
func TestStates(t *testing.T) {
	t.Parallel()
	if *recordStates != "" {
		for name, c := range stateCases {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				record(t, name, c)
			})
		}
		return
	}
	kept, err := filepath.Glob(statesDir + "/*/*/state.json")
	if err != nil || len(kept) == 0 {
		t.Fatalf("no states in %s: %v", statesDir, err)
	}
	seen := map[string]bool{}
	for _, file := range kept {
		dir := filepath.Dir(file)
		name := filepath.Base(dir)
		c, ok := stateCases[name]
		if !ok {
			t.Errorf("%s: no such case", dir)
			continue
		}
		seen[name] = true
		t.Run(filepath.Base(filepath.Dir(dir))+"/"+name, func(t *testing.T) {
			t.Parallel()
			replay(t, dir, c)
		})
	}
	for name := range stateCases {
		if !seen[name] {
			t.Errorf("no version has left a state %q: record it with -record-states", name)
		}
	}
}

// replay plans with a state that was kept.
func replay(t *testing.T, dir string, c stateCase) {
	f := newFixture(t, c)
	c.serve(f)
	w := f.workspace(readFile(t, filepath.Join(dir, "main.tf")))
	w.write(stateFile, f.fillIn(readFile(t, filepath.Join(dir, "state.json"))))
	w.initialise()
	f.server.ResetRequests()
	r := w.run("plan", "-detailed-exitcode", "-json")
	if r.code != c.plan {
		t.Errorf("want exit code %d: %s", c.plan, r)
	}
	expectOutput(t, r, c.texts...)
	// What a refresh finds on the server is what the state says already. A plan with an
	// error does not tell.
	if c.plan == 1 {
		expectOutput(t, w.must("plan", "-refresh-only"), "No changes. Your infrastructure still matches the configuration.")
	} else if strings.Contains(r.stdout, "resource_drift") || !strings.Contains(r.stdout, "change_summary") {
		t.Errorf("the refresh finds something else than the state: %s", r)
	}
	for _, request := range f.server.Requests() {
		if request.Path != queryPath && request.Method != http.MethodGet && request.Method != http.MethodOptions {
			t.Errorf("the plan has changed the server: %s %s", request.Method, request.Path)
		}
	}
}

// record makes a state with the provider, and keeps it.
func record(t *testing.T, name string, c stateCase) {
	f := newFixture(t, c)
	w := f.workspace(c.config)
	w.initialise()
	c.run(f, w)
	r := w.run("plan", "-detailed-exitcode")
	if r.code != c.plan {
		t.Fatalf("want exit code %d: %s", c.plan, r)
	}
	expectOutput(t, r, c.texts...)
	dir := filepath.Join(statesDir, *recordStates, name)
	if _, err := os.Stat(dir); err == nil {
		t.Fatalf("%s exists, and what was kept is not changed", dir)
	}
	if err := os.MkdirAll(dir, 0o750); err != nil {
		t.Fatal(err)
	}
	for file, text := range map[string]string{"main.tf": c.config, "state.json": f.takeOut(w)} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// values are the placeholders of a state. No text is part of another one.
func (f *fixture) values() map[string]string {
	f.t.Helper()
	values := map[string]string{
		"token":     f.token,
		"hash":      influxdb3.NewSecret(f.token).Hash(),
		"recipient": f.recipient,
		"registry":  registries[0],
		"cluster":   f.server.ClusterUUID(f.t),
		"url":       f.server.URL(),
	}
	if f.previous != "" {
		values["previous_hash"] = influxdb3.NewSecret(f.previous).Hash()
	}
	if strings.HasPrefix(cliVersion(), "OpenTofu") {
		values["registry"] = registries[1]
	}
	return values
}

// privateOf runs a function on the private state of each instance, which is JSON in
// base64, with values in base64. In a template it is readable.
func privateOf(state map[string]any, change func(private any) any) {
	resources, _ := state["resources"].([]any)
	for _, r := range resources {
		r, _ := r.(map[string]any)
		instances, _ := r["instances"].([]any)
		for _, i := range instances {
			if i, ok := i.(map[string]any); ok && i["private"] != nil {
				i["private"] = change(i["private"])
			}
		}
	}
}

// takeOut is the state of a workspace as a template.
func (f *fixture) takeOut(w *workspace) string {
	f.t.Helper()
	state := decode(f.t, w.read(stateFile))
	delete(state, "lineage")
	privateOf(state, func(private any) any {
		text, _ := private.(string)
		readable := map[string]any{}
		for key, value := range decode(f.t, fromBase64(f.t, text)) {
			value, _ := value.(string)
			var v any
			if err := json.Unmarshal([]byte(fromBase64(f.t, value)), &v); err != nil {
				f.t.Fatal(err)
			}
			readable[key] = v
		}
		return readable
	})
	eachAttribute(state, func(attributes map[string]any) {
		if text, _ := attributes["encrypted_token"].(string); text != "" {
			attributes["encrypted_token"] = "{{encrypted_token}}"
		}
	})
	text := encode(f.t, state)
	values := f.values()
	for name, value := range values {
		if value != "" {
			text = strings.ReplaceAll(text, value, "{{"+name+"}}")
		}
	}
	return text
}

// fillIn makes a state of a template.
func (f *fixture) fillIn(text string) string {
	f.t.Helper()
	values := f.values()
	for _, name := range slices.Sorted(maps.Keys(values)) {
		text = strings.ReplaceAll(text, "{{"+name+"}}", values[name])
	}
	state := decode(f.t, text)
	state["lineage"] = "5c6a9d3e-3f0b-4f0e-9d52-1f8b8a0f7a11"
	privateOf(state, func(private any) any {
		values := map[string]string{}
		readable, _ := private.(map[string]any)
		for key, value := range readable {
			values[key] = base64.StdEncoding.EncodeToString(compact(f.t, value))
		}
		return base64.StdEncoding.EncodeToString(compact(f.t, values))
	})
	eachAttribute(state, func(attributes map[string]any) {
		if attributes["encrypted_token"] == "{{encrypted_token}}" {
			attributes["encrypted_token"] = f.encrypt()
		}
	})
	text = encode(f.t, state)
	if strings.Contains(text, "{{") {
		f.t.Fatalf("a placeholder that nothing is known for: %s", text)
	}
	return text
}

func eachAttribute(state map[string]any, change func(map[string]any)) {
	resources, _ := state["resources"].([]any)
	for _, r := range resources {
		r, _ := r.(map[string]any)
		instances, _ := r["instances"].([]any)
		for _, i := range instances {
			i, _ := i.(map[string]any)
			if attributes, ok := i["attributes"].(map[string]any); ok {
				change(attributes)
			}
		}
	}
}

func (f *fixture) encrypt() string {
	f.t.Helper()
	recipients, err := agefile.ParseRecipients([]string{f.recipient})
	if err != nil {
		f.t.Fatal(err)
	}
	text, err := recipients.Encrypt(influxdb3.NewSecret(f.token))
	if err != nil {
		f.t.Fatal(err)
	}
	return text
}

func (f *fixture) decrypt(text string) string {
	f.t.Helper()
	identities, err := agefile.ParseIdentities(influxdb3.NewSecret(f.identity))
	if err != nil {
		f.t.Fatal(err)
	}
	secret, err := identities.Decrypt(text)
	if err != nil {
		f.t.Fatal(err)
	}
	return secret.Reveal()
}

// onlyToken is the token of the one resource in state.
func (f *fixture) onlyToken(w *workspace) string {
	f.t.Helper()
	var token string
	eachAttribute(decode(f.t, w.read(stateFile)), func(attributes map[string]any) {
		token, _ = attributes["token"].(string)
	})
	if !tokenForm.MatchString(token) {
		f.t.Fatal("no token in state")
	}
	return token
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func decode(t *testing.T, text string) map[string]any {
	t.Helper()
	var v map[string]any
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

func encode(t *testing.T, v any) string {
	t.Helper()
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		t.Fatal(err)
	}
	return text.String()
}

func compact(t *testing.T, v any) []byte {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func fromBase64(t *testing.T, text string) string {
	t.Helper()
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}
