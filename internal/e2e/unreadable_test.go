package e2e

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"filippo.io/age"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/agefile"
	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3"
	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3test"
)

// readableConfig has the operator token, and a token under it, as anybody can read them.
const readableConfig = `
terraform {
  required_providers {
    influxdb3 = { source = "influxdb3-community/influxdb3" }
  }
}

variable "trigger" { default = "1" }

provider "influxdb3" {
  max_retries = 0
}

resource "influxdb3_admin_token" "operator" {
  rotation_triggers = { by = var.trigger }
}

provider "influxdb3" {
  alias = "current"
  token = influxdb3_admin_token.operator.token
}

resource "influxdb3_named_admin_token" "app" {
  provider          = influxdb3.current
  name_prefix       = "app-"
  rotation_triggers = { by = var.trigger }
}

output "all" {
  value     = [influxdb3_admin_token.operator, influxdb3_named_admin_token.app]
  sensitive = true
}
`

// encryptedConfig is the same with what keeps them out of sight. The private key gets to
// the provider through a variable that is in no plan.
var encryptedConfig = strings.NewReplacer(
	"max_retries = 0", "max_retries  = 0\n  age_identity = var.identity",
	"rotation_triggers =", "age_recipients    = [var.recipient]\n  rotation_triggers =",
	"influxdb3_admin_token.operator.token", "ephemeral.influxdb3_token.operator.token",
).Replace(readableConfig) + `
variable "recipient" {}

variable "identity" {
  sensitive = true
  ephemeral = true
}

ephemeral "influxdb3_token" "operator" {
  encrypted_token = influxdb3_admin_token.operator.encrypted_token
}
`

// importConfig is the operator token alone, for an import that brings the key in the
// environment.
const importConfig = `
terraform {
  required_providers {
    influxdb3 = { source = "influxdb3-community/influxdb3" }
  }
}

variable "recipient" {}

resource "influxdb3_admin_token" "operator" {
  age_recipients = [var.recipient]
}
`

// wiretap stands in front of a server and keeps every token that passes, also those that
// its client does not get to see.
type wiretap struct {
	mu      sync.Mutex
	secrets map[string]bool
	before  func() // once, before the next reply to a rotation goes on
	drop    bool   // that reply is lost
}

var wholeToken = regexp.MustCompile(`apiv3_[A-Za-z0-9_-]{86}`)

// newWiretap starts one and has the workspace's provider go through it.
func newWiretap(t *testing.T, s *influxdb3test.Server, w *workspace) *wiretap {
	t.Helper()
	target, err := url.Parse(s.URL())
	if err != nil {
		t.Fatal(err)
	}
	tap := &wiretap{secrets: map[string]bool{}}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(p *httputil.ProxyRequest) {
			tap.hear(p.In.Header.Get("Authorization"))
			p.SetURL(target)
		},
		Transport:      &http.Transport{DisableKeepAlives: true},
		ModifyResponse: tap.pass,
		ErrorHandler:   func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}
	front := httptest.NewServer(proxy)
	t.Cleanup(front.Close)
	w.set("INFLUXDB3_HOST_URL", front.URL)
	return tap
}

func (p *wiretap) hear(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, token := range wholeToken.FindAllString(text, -1) {
		p.secrets[token] = true
	}
}

// pass takes down a reply, and loses it if it is to be lost.
func (p *wiretap) pass(r *http.Response) error {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	p.hear(string(body))
	if r.Request.URL.Path != regeneratePath {
		return nil
	}
	p.mu.Lock()
	drop, before := p.drop, p.before
	p.drop, p.before = false, nil
	p.mu.Unlock()
	if before != nil {
		before()
	}
	if drop {
		return errors.New("lost")
	}
	return nil
}

// next says what becomes of the next reply to a rotation.
func (p *wiretap) next(drop bool, before func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.drop, p.before = drop, before
}

func (p *wiretap) all() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Sorted(maps.Keys(p.secrets))
}

// readings are the places in which secrets were found, by the kind of place.
type readings struct {
	secrets []string
	places  map[string]int // how many hits
	bytes   map[string]int // how much was searched
}

func newReadings(secrets []string) *readings {
	return &readings{secrets: secrets, places: map[string]int{}, bytes: map[string]int{}}
}

// search counts the hits in a text and in what is encoded in it.
func (r *readings) search(kind, text string) {
	r.bytes[kind] += len(text)
	r.places[kind] += hits(text, r.secrets)
}

// archive searches the files in a saved plan.
func (r *readings) archive(kind string, content []byte) error {
	files, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		return err
	}
	for _, file := range files.File {
		in, err := file.Open()
		if err != nil {
			return err
		}
		text, err := io.ReadAll(in)
		if err != nil {
			return err
		}
		r.search(kind+": "+file.Name, string(text))
	}
	return nil
}

// encoded are strings that may be base64: private state is, twice.
var encoded = regexp.MustCompile(`"([A-Za-z0-9+/]{16,}={0,2})"`)

// hits counts the places in a text that hold a secret.
func hits(text string, secrets []string) (n int) {
	if len(leaks(text, secrets)) > 0 {
		n = max(1, len(anyToken.FindAllString(text, -1))+len(anyIdentity.FindAllString(text, -1)))
	}
	for _, found := range encoded.FindAllStringSubmatch(text, -1) {
		if inner, err := base64.StdEncoding.DecodeString(found[1]); err == nil {
			n += hits(string(inner), secrets)
		}
	}
	return n
}

// A search that finds nothing must be able to find something, also in private state.
func TestHitsFindsSecrets(t *testing.T) {
	t.Parallel()
	key, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	const token = "apiv3_PLANTEDplantedPLANTEDplantedPLANTEDplantedPLANTEDplantedPLANTEDplantedPLANTEDplanted12_-"
	private, err := json.Marshal(map[string][]byte{"facts": []byte(`{"token":"` + token + `"}`)})
	if err != nil {
		t.Fatal(err)
	}
	state, err := json.Marshal(map[string][]byte{"private": private})
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		text string
		want int
	}{
		"nothing":          {`{"token": null, "age_recipients": ["` + key.Recipient().String() + `"]}`, 0},
		"a token":          {"token=" + token, 1},
		"two":              {token + " " + token, 2},
		"half of one":      {token[50:], 1},
		"private state":    {string(private), 1},
		"in a state":       {string(state), 1},
		"an identity":      {key.String(), 1},
		"half of it":       {key.String()[40:], 1},
		"somebody's key":   {"AGE-SECRET-KEY-1QQQQQQ", 1},
		"somebody's token": {"apiv3_QQQQQQ", 1},
	} {
		if got := hits(tt.text, []string{token, key.String()}); got != tt.want {
			t.Errorf("%s: %d hits, want %d", name, got, tt.want)
		}
	}
}

// traces is a workspace that keeps what its commands leave, to be searched at the end.
type traces struct {
	*workspace
	tap      *wiretap
	identity *age.X25519Identity
	home     string
	n        int
	kept     map[string]string // texts by kind and number
	plans    map[string][]byte
	held     map[string]bool // what encrypted tokens in state decrypt to
}

const traceLog = "trace.log"

func newTraces(t *testing.T, s *influxdb3test.Server, config string) *traces {
	t.Helper()
	key, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	w := emptyWorkspace(t, s)
	e := &traces{workspace: w, identity: key, home: t.TempDir(), kept: map[string]string{}, plans: map[string][]byte{}, held: map[string]bool{}}
	w.set("HOME", e.home)
	w.set("TMPDIR", e.home)
	w.set("TF_VAR_recipient", key.Recipient().String())
	w.set("TF_VAR_identity", key.String())
	e.tap = newWiretap(t, s, w)
	w.write("main.tf", config)
	w.initialise()
	w.set("TF_LOG", "TRACE")
	w.set("TF_LOG_PATH", w.path(traceLog))
	return e
}

// step runs a command and keeps everything that can be read after it.
func (e *traces) step(code int, args ...string) result {
	e.t.Helper()
	r := e.run(args...)
	if r.code != code {
		e.t.Fatalf("exit code %d, want %d: %s", r.code, code, r)
	}
	e.keep("output of commands", r.stdout+r.stderr)
	e.look()
	return r
}

func (e *traces) keep(kind, text string) {
	e.n++
	e.kept[fmt.Sprintf("%s#%d", kind, e.n)] = text
}

// look keeps the files of the state. The log is searched as a whole.
func (e *traces) look() {
	e.t.Helper()
	for kind, name := range map[string]string{"state": stateFile, "backup": stateFile + ".backup", "errored.tfstate": "errored.tfstate"} {
		if text, err := os.ReadFile(e.path(name)); err == nil {
			e.keep(kind, string(text))
			e.decrypted(string(text))
		}
	}
}

// show keeps what the CLI makes of the state and of the last plan for other programs.
func (e *traces) show() {
	e.t.Helper()
	quiet := *e.workspace
	quiet.env = append(slices.Clone(e.env), "TF_LOG=", "TF_LOG_PATH=")
	e.keep("show -json of the state", quiet.must("show", "-json").stdout)
	e.keep("show -json of the plan", quiet.must("show", "-json", "saved.tfplan").stdout)
	e.keep("outputs", quiet.must("output", "-json").stdout)
}

// planned saves a plan and applies it.
func (e *traces) planned(code int) result {
	e.t.Helper()
	e.step(0, "plan", "-out=saved.tfplan")
	e.plans[fmt.Sprint(len(e.plans))] = []byte(e.read("saved.tfplan"))
	return e.step(code, "apply", "saved.tfplan")
}

var armored = regexp.MustCompile(`"encrypted_token":\s*("-----BEGIN AGE[^"]*")`)

// decrypted notes what the encrypted tokens of a state are.
func (e *traces) decrypted(state string) {
	e.t.Helper()
	for _, found := range armored.FindAllStringSubmatch(state, -1) {
		var text string
		if err := json.Unmarshal([]byte(found[1]), &text); err != nil {
			e.t.Fatal(err)
		}
		secret, err := agefile.Identities{e.identity}.Decrypt(text)
		if err != nil {
			e.t.Fatal(err)
		}
		e.held[secret.Reveal()] = true
	}
}

// readings searches everything that was kept, and all files that are there, for every
// secret that there was.
func (e *traces) readings() *readings {
	e.t.Helper()
	all := newReadings(append(e.tap.all(), e.identity.String()))
	for name, text := range e.kept {
		kind, _, _ := strings.Cut(name, "#")
		all.search(kind, text)
	}
	for _, content := range e.plans {
		if err := all.archive("saved plan", content); err != nil {
			e.t.Fatal(err)
		}
	}
	for _, root := range []string{e.dir, e.home} {
		err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || !entry.Type().IsRegular() || strings.HasPrefix(entry.Name(), "terraform-provider-") {
				return err // binaries hold no secret, but the beginning of one
			}
			text, err := os.ReadFile(path)
			kind := "other files"
			if entry.Name() == traceLog {
				kind = "TF_LOG=TRACE"
			}
			all.search(kind, string(text))
			return err
		})
		if err != nil {
			e.t.Fatal(err)
		}
	}
	for token := range e.held {
		if !slices.Contains(all.secrets, token) {
			e.t.Error("a token that is in state is not among those that are searched for")
		}
	}
	return all
}

// log shows how much was searched and found.
func (r *readings) log(t *testing.T) {
	t.Helper()
	for _, kind := range slices.Sorted(maps.Keys(r.bytes)) {
		t.Logf("%-36s %8d bytes, %2d hits of %d secrets", kind, r.bytes[kind], r.places[kind], len(r.secrets))
	}
}

// expectNone expects that nothing was found, and that everything was there to be searched.
func (r *readings) expectNone(t *testing.T, kinds ...string) {
	t.Helper()
	r.log(t)
	for _, kind := range slices.Sorted(maps.Keys(r.bytes)) {
		if r.places[kind] > 0 {
			t.Errorf("%s: %d hits", kind, r.places[kind])
		}
	}
	for _, kind := range kinds {
		if r.bytes[kind] == 0 {
			t.Errorf("%s: nothing was searched", kind)
		}
	}
}

// kinds are all the places that hold a readable token.
var kinds = []string{
	"state", "backup", "errored.tfstate", "show -json of the state", "show -json of the plan", "outputs",
	"saved plan: tfplan", "saved plan: tfstate",
}

// life leads the operator token, and one under it, through what leaves traces: the first
// run, a rotation, a reply that is lost, and a state that cannot be saved.
func (e *traces) life(s *influxdb3test.Server, current func() string) {
	t := e.t
	e.planned(0)
	first := current()
	if !s.Accepts(t, first) {
		t.Fatal("the server refuses the token in state")
	}
	fallback := s.CreateNamedAdmin(t, first, "terraform", 0)
	e.tap.hear(fallback)
	e.set("INFLUXDB3_AUTH_TOKEN", fallback)

	e.set("TF_VAR_trigger", "2")
	e.planned(0)

	e.set("TF_VAR_trigger", "3")
	e.tap.next(true, nil)
	expectOutput(t, e.planned(0), "Operator Token Regenerated Once More")

	// Its backup has become a directory when the state is saved.
	e.set("TF_VAR_trigger", "4")
	backup := e.path(stateFile + ".backup")
	e.tap.next(false, func() {
		if err := errors.Join(os.Remove(backup), os.Mkdir(backup, 0o700)); err != nil {
			t.Error(err)
		}
	})
	expectOutput(t, e.planned(1), "Failed to save state", "errored.tfstate")
	if err := os.Remove(backup); err != nil {
		t.Fatal(err)
	}
	e.step(0, "state", "push", "-force", "errored.tfstate")
	if err := os.Remove(e.path("errored.tfstate")); err != nil {
		t.Fatal(err)
	}
	e.show()
	e.step(0, "apply")
	expectOutput(t, e.step(0, "plan", "-detailed-exitcode"), "No changes")
	last := current()
	if !s.Accepts(t, last) || last == first || s.Accepts(t, first) {
		t.Error("the token in state is not a new one that the server accepts")
	}
	if n := len(s.Names(t, last)); n != 3 {
		t.Errorf("%d tokens, want the operator token, the fallback and the one under it", n)
	}
}

// readable is the operator token in a state that has it in plain text.
func (e *traces) readable() string { return e.state().text("token") }

// sealed is the operator token of a state that nobody can read without the key.
func (e *traces) sealed() string {
	e.t.Helper()
	state := e.state()
	if state["token"] != nil {
		e.t.Error("the state has the token")
	}
	secret, err := agefile.Identities{e.identity}.Decrypt(state.text("encrypted_token"))
	if err != nil {
		e.t.Fatal(err)
	}
	if got := influxdb3.NewSecret(secret.Reveal()).Hash(); !influxdb3.SameHash(got, state.text("hash")) {
		e.t.Errorf("the hash of what is in state is %s", got)
	}
	return secret.Reveal()
}

// With age_recipients nothing that a run leaves has a token, or what decrypts it. The same
// life in plain text shows that the search finds what is there.
func TestNothingReadable(t *testing.T) {
	t.Parallel()
	t.Run("encrypted", func(t *testing.T) {
		t.Parallel()
		s := influxdb3test.New(t)
		e := newTraces(t, s, encryptedConfig)
		e.life(s, e.sealed)
		if len(e.held) < 7 {
			t.Errorf("%d tokens were in state, want those of four rotations and of the token under them", len(e.held))
		}
		e.readings().expectNone(t, append(kinds, "TF_LOG=TRACE", "output of commands", "other files")...)
	})
	t.Run("in plain text", func(t *testing.T) {
		t.Parallel()
		s := influxdb3test.New(t)
		e := newTraces(t, s, readableConfig)
		e.set("TF_LOG", "") // what is not searched need not be written
		e.life(s, e.readable)
		found := e.readings()
		found.log(t)
		for _, kind := range kinds {
			if found.places[kind] == 0 {
				t.Errorf("%s: nothing was found", kind)
			}
		}
	})
	t.Run("turned on", func(t *testing.T) {
		t.Parallel()
		turnOn(t)
	})
	t.Run("imported", func(t *testing.T) {
		t.Parallel()
		importEncrypted(t)
	})
}

// turnOn encrypts what was readable: the state at once, and what older copies hold is dead
// after a rotation.
func turnOn(t *testing.T) {
	s := influxdb3test.New(t)
	e := newTraces(t, s, readableConfig)
	e.planned(0)
	old := e.readings()
	if old.places["state"] == 0 {
		t.Error("nothing was found before")
	}
	token := e.readable()
	e.kept, e.plans = map[string]string{}, map[string][]byte{}

	e.write("main.tf", encryptedConfig)
	r := e.step(0, "apply")
	expectOutput(t, r, "Older Versions of the State Hold the Token", "0 added, 2 changed, 0 destroyed")
	if e.sealed() != token || !s.Accepts(t, token) {
		t.Error("another token is in state")
	}
	found := e.readings()
	if found.places["backup"] == 0 {
		t.Error("the backup of before: nothing was found, so that the warning is not true")
	}
	for _, kind := range []string{"state", "output of commands", "TF_LOG=TRACE"} {
		if found.places[kind] > 0 || found.bytes[kind] == 0 {
			t.Errorf("%s: %d hits in %d bytes", kind, found.places[kind], found.bytes[kind])
		}
	}

	// The saved plan of before is an older copy, which the user has to delete.
	if err := os.Remove(e.path("saved.tfplan")); err != nil {
		t.Fatal(err)
	}
	e.set("TF_VAR_trigger", "2")
	e.planned(0)
	e.show()
	maps.DeleteFunc(e.kept, func(name, _ string) bool { return strings.HasPrefix(name, "backup#") }) // those of before
	expectOutput(t, e.step(0, "apply"), "0 added, 0 changed, 0 destroyed")
	for _, old := range old.secrets {
		if tokenForm.MatchString(old) && s.Accepts(t, old) {
			t.Error("a token of before is accepted")
		}
	}
	// The backup that the rotation made is of the encrypted state.
	e.readings().expectNone(t, "state", "backup", "saved plan: tfplan", "saved plan: tfstate", "show -json of the plan", "TF_LOG=TRACE")
}

// importEncrypted imports with a key, which keeps the token out of sight, and without one,
// which cannot.
func importEncrypted(t *testing.T) {
	s := influxdb3test.New(t)
	operator := s.Bootstrap(t)
	e := newTraces(t, s, importConfig)
	e.set("INFLUXDB3_AUTH_TOKEN", operator)
	plain := &traces{workspace: e.copy(t), tap: e.tap, identity: e.identity, home: t.TempDir(), kept: map[string]string{}, held: map[string]bool{}}
	plain.set("TF_LOG_PATH", plain.path(traceLog))

	e.set("INFLUXDB3_AGE_IDENTITY", e.identity.String())
	e.step(0, "import", "influxdb3_admin_token.operator", "_admin")
	e.plans = map[string][]byte{}
	e.planned(0)
	e.show()
	expectOutput(t, e.step(0, "plan", "-detailed-exitcode"), "No changes")
	if e.sealed() != operator {
		t.Error("another token is in state")
	}
	e.readings().expectNone(t, "state", "show -json of the state", "saved plan: tfplan", "saved plan: tfstate", "TF_LOG=TRACE", "output of commands")

	plain.step(0, "import", "influxdb3_admin_token.operator", "_admin")
	if plain.readings().places["state"] == 0 {
		t.Error("without a key: nothing was found")
	}
	expectOutput(t, plain.step(0, "apply"), "Older Versions of the State Hold the Token")
	if plain.sealed() != operator {
		t.Error("another token is in state")
	}
}
