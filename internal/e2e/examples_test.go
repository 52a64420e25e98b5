package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3test"
)

const (
	examplesDir = "../../examples"

	// unprotected lets an example be destroyed.
	unprotected = `
resource "influxdb3_admin_token" "operator" {
  deletion_protection = false
}
`
)

// exampleWorkspace is a workspace with a copy of an example.
func exampleWorkspace(t *testing.T, s *influxdb3test.Server, name string) *workspace {
	t.Helper()
	dir := filepath.Join(examplesDir, filepath.FromSlash(name))
	w := emptyWorkspace(t, s)
	if err := os.CopyFS(w.dir, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(w.path("*"))
	if err != nil {
		t.Fatal(err)
	}
	all := ""
	for _, file := range files {
		switch name := filepath.Base(file); {
		case strings.HasPrefix(name, "import"): // what they import is not there
			if err := os.Remove(file); err != nil {
				t.Fatal(err)
			}
		case strings.HasSuffix(name, ".tf"):
			all += w.read(name)
		}
	}
	if strings.Contains(all, `resource "influxdb3_admin_token" "operator"`) && !strings.Contains(all, "var.deletion_protection") {
		w.write("override.tf", unprotected)
	}
	if strings.Contains(all, "var.age_recipients") {
		w.encrypts()
	}
	if strings.Contains(all, "hashicorp/vault") {
		if err := installVault(); err != nil {
			t.Fatal(err)
		}
	}
	if strings.Contains(all, "hashicorp/kubernetes") {
		if err := installKubernetes(); err != nil {
			t.Fatal(err)
		}
	}
	w.initialise()
	return w
}

// exampleOutput is a root output.
func exampleOutput(w *workspace, name string) string {
	w.t.Helper()
	value, _ := w.output(name).(string)
	return value
}

// The examples do what they say: they are applied, changed where they say so, and
// destroyed.
func TestExamples(t *testing.T) {
	t.Parallel()
	examples := map[string]struct {
		options []influxdb3test.Option
		test    func(*testing.T, *influxdb3test.Server, *workspace)
	}{
		"bootstrap":                               {nil, exampleBootstrap},
		"scheduled-rotation":                      {nil, exampleScheduledRotation},
		"two-aliases":                             {nil, exampleTwoAliases},
		"import":                                  {nil, exampleImport},
		"handing-on":                              {nil, exampleHandingOn},
		"secret-store":                            {nil, exampleSecretStore},
		"secret-store-encrypted":                  {nil, exampleSecretStore},
		"kubernetes":                              {nil, exampleKubernetes},
		"fleet":                                   {nil, exampleFleet},
		"docker-compose":                          {nil, exampleDockerCompose},
		"testing":                                 {nil, exampleTesting},
		"functions/token_hash":                    {nil, exampleFunction},
		"functions/parse_permission":              {nil, exampleFunction},
		"resources/influxdb3_admin_token":         {nil, exampleApply},
		"resources/influxdb3_named_admin_token":   {nil, exampleApplyAuthenticated},
		"resources/influxdb3_resource_token":      {[]influxdb3test.Option{influxdb3test.Enterprise()}, exampleApplyAuthenticated},
		"data-sources/influxdb3_tokens":           {nil, exampleTokens},
		"data-sources/influxdb3_server":           {nil, exampleServer},
		"resources/influxdb3_offline_admin_token": {nil, exampleOffline},
		"ephemeral-resources/influxdb3_offline_admin_token": {nil, exampleOffline},
		"ephemeral-resources/influxdb3_token":               {nil, exampleDecrypted},
		"ephemeral-resources/influxdb3_named_admin_token":   {nil, exampleTokenOfRun},
		"ephemeral-resources/influxdb3_resource_token":      {[]influxdb3test.Option{influxdb3test.Enterprise()}, exampleTokenOfRun},
		"provider":             {nil, nil}, // names an address; it is validated only
		"late-server":          {nil, nil}, // these start a server of their own
		"token-file":           {nil, nil},
		"token-file-ephemeral": {nil, nil},
	}
	found, err := filepath.Glob(examplesDir + "/*/*.tf")
	if err != nil {
		t.Fatal(err)
	}
	deeper, err := filepath.Glob(examplesDir + "/*/*/*.tf")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range append(found, deeper...) {
		name, err := filepath.Rel(examplesDir, filepath.Dir(file))
		if err != nil {
			t.Fatal(err)
		}
		if _, known := examples[filepath.ToSlash(name)]; !known {
			t.Errorf("the example %s is not tested", name)
		}
	}
	for name, example := range examples {
		if example.test == nil {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := influxdb3test.New(t, example.options...)
			example.test(t, s, exampleWorkspace(t, s, name))
		})
	}
}

func exampleApply(_ *testing.T, _ *influxdb3test.Server, w *workspace) {
	w.must("apply")
	w.expectNothingToDo()
	w.must("destroy")
}

func exampleApplyAuthenticated(t *testing.T, s *influxdb3test.Server, w *workspace) {
	w.set("INFLUXDB3_AUTH_TOKEN", s.Bootstrap(t))
	exampleApply(t, s, w)
}

// A token for the first start needs no server, and no address of one.
func exampleOffline(t *testing.T, s *influxdb3test.Server, w *workspace) {
	w.set("INFLUXDB3_HOST_URL", "")
	exampleApply(t, s, w)
}

func exampleFunction(_ *testing.T, s *influxdb3test.Server, w *workspace) {
	w.must("test", "-no-color")
	if n := len(s.Requests()); n != 0 {
		w.t.Errorf("%d requests, want none", n)
	}
}

func exampleBootstrap(t *testing.T, s *influxdb3test.Server, w *workspace) {
	w.must("test", "-no-color")
	if n := count(s, regeneratePath); n != 1 {
		t.Errorf("%d regenerations, want 1", n)
	}
}

// As the guide to testing has it: two files that need no server, and one that does.
func exampleTesting(t *testing.T, s *influxdb3test.Server, w *workspace) {
	w.must("test", "-no-color", "-filter=tests/mocked.tftest.hcl", "-filter=tests/overdue.tftest.hcl")
	if n := len(s.Requests()); n != 0 {
		t.Errorf("%d requests, want none", n)
	}
	w.must("test", "-no-color", "-filter=tests/server.tftest.hcl")
	if n := count(s, regeneratePath); n != 1 {
		t.Errorf("%d regenerations, want 1", n)
	}
}

func exampleScheduledRotation(t *testing.T, s *influxdb3test.Server, w *workspace) {
	w.must("apply")
	if !s.Accepts(t, exampleOutput(w, "operator_token")) {
		t.Error("the server refuses the operator token")
	}
	w.expectNothingToDo()
	w.must("destroy")
}

// As the guide to getting started has it: without a token at first, then with a
// named admin token that Terraform does not know.
func exampleTwoAliases(t *testing.T, s *influxdb3test.Server, w *workspace) {
	w.must("apply")
	first, ci := exampleOutput(w, "operator_token"), exampleOutput(w, "ci_token")
	elsewhere := s.CreateNamedAdmin(t, first, "terraform", 0)
	w.set("INFLUXDB3_AUTH_TOKEN", elsewhere)
	w.expectNothingToDo()

	expectOutput(t, w.must("apply", "-var", "rotation=2"), "0 added, 1 changed, 0 destroyed")
	if s.Accepts(t, first) {
		t.Error("the server accepts the old operator token")
	}
	second := w.expectWorkingToken(s, first)
	for what, token := range map[string]string{"held elsewhere": elsewhere, "of the alias": ci} {
		if !s.Accepts(t, token) {
			t.Errorf("the server refuses the token %s", what)
		}
	}

	// The other one heals what somebody else does, if asked to.
	s.Regenerate(t, second)
	w.age()
	w.fails([]string{"apply", "-var", "rotation=2", "-target=influxdb3_admin_token.operator"}, "Operator Token Was Regenerated Elsewhere")
	w.must("apply", "-var", "rotation=3")
	w.expectWorkingToken(s, second)
	w.must("destroy", "-var", "rotation=3")
	if s.Accepts(t, ci) {
		t.Error("the server accepts a token that was destroyed")
	}
}

func exampleImport(t *testing.T, s *influxdb3test.Server, w *workspace) {
	operator := s.Bootstrap(t)
	w.set("INFLUXDB3_AUTH_TOKEN", operator)
	expectOutput(t, w.must("apply"), "1 imported, 0 added, 1 changed, 0 destroyed")
	if exampleOutput(w, "operator_token") != operator || !s.Accepts(t, operator) {
		t.Error("the token is not the one of before")
	}
	w.expectNothingToDo()
	w.must("apply", "-var", "rotation=2")
	w.expectWorkingToken(s, operator)
	w.must("destroy", "-var", "rotation=2")
}

func exampleHandingOn(t *testing.T, s *influxdb3test.Server, w *workspace) {
	w.set("TF_VAR_publish", `echo "$TOKEN" && printf %s "$TOKEN" >handed-on`)
	before := ""
	for _, rotation := range []string{"1", "2"} {
		w.set("TF_VAR_rotation", rotation)
		r := w.must("apply")
		token := w.expectWorkingToken(s, before)
		if w.read("handed-on") != token {
			t.Error("what was handed on is not the token")
		}
		if strings.Contains(r.stdout+r.stderr, token) {
			t.Error("the output of the command shows the token")
		}
		if n := strings.Count(w.read(stateFile), token); n != 1 {
			t.Errorf("the token is in state %d times, want once", n)
		}
		before = token
	}
	w.expectNothingToDo()

	// A command that fails is run again by the next apply, which rotates nothing.
	publish := `printf %s "$TOKEN" >handed-on`
	w.set("TF_VAR_rotation", "3")
	w.set("TF_VAR_publish", `echo "$TOKEN"; echo "$TOKEN" >&2; exit 3`)
	failed := w.fails([]string{"apply"}, "local-exec provisioner error", "exit status 3")
	if leaks(failed.String(), nil) != nil {
		t.Error("the output of the command that failed shows the token")
	}
	w.set("TF_VAR_publish", publish)
	w.must("apply")
	if w.read("handed-on") != w.expectWorkingToken(s, before) {
		t.Error("what was handed on is not the token")
	}
	if n := count(s, regeneratePath); n != 2 {
		t.Errorf("%d regenerations, want 2", n)
	}
	w.must("destroy")
}

// The store gets the token in both forms. Encrypted, it is in no state and in no plan.
func exampleSecretStore(t *testing.T, s *influxdb3test.Server, w *workspace) {
	v := newVault(t, w)
	inState := 1
	if w.identity != nil {
		inState = 0
	}
	before := ""
	expectHandedOn := func(version int) {
		t.Helper()
		token := w.expectWorkingToken(s, before)
		if data, got := v.secret("influxdb3/operator"); data["token"] != token || got != version {
			t.Errorf("version %d is in the store, want %d with the token in state", got, version)
		}
		if n := strings.Count(w.read(stateFile), token); n != inState {
			t.Errorf("the token is in state %d times, want %d", n, inState)
		}
		before = token
	}
	w.must("apply")
	expectHandedOn(1)
	w.set("TF_VAR_rotation", "2")
	w.must("plan", "-out=plan")
	if found := leaks(w.savedPlan("plan"), nil); (found != nil) != (inState > 0) {
		t.Errorf("the token is in state %d times, and in the plan: %q", inState, found)
	}
	w.must("apply", "plan")
	expectHandedOn(2)

	if w.identity != nil { // once for both: it is about the store
		exampleRefusedBySecretStore(t, s, v, w)
		expectHandedOn(3)
	}
	w.expectNothingToDo()
	w.must("destroy")
	if data, _ := v.secret("influxdb3/operator"); data != nil {
		t.Error("the secret is still in the store")
	}
	if w.identity != nil {
		files, err := filepath.Glob(w.path(stateFile + "*")) // with the backups
		if err != nil || len(files) < 2 {
			t.Fatalf("%d files of the state: %v", len(files), err)
		}
		for _, file := range files {
			if found := leaks(w.read(filepath.Base(file)), []string{before}); found != nil {
				t.Errorf("%s holds %q", filepath.Base(file), found)
			}
		}
	}
}

// The Vault provider has Terraform save the new version although it could not write the
// secret. Once it does not, the plan is not empty here, and what the documentation says of
// it can go.
func exampleRefusedBySecretStore(t *testing.T, s *influxdb3test.Server, v *vault, w *workspace) {
	t.Helper()
	w.set("TF_VAR_rotation", "3")
	v.setRefuses(true)
	w.fails([]string{"apply"}, "permission denied")
	w.expectNothingToDo()
	v.setRefuses(false)
	w.must("state", "rm", "vault_kv_secret_v2.operator")
	w.must("apply")
	if n := count(s, regeneratePath); n != 2 {
		t.Errorf("%d regenerations, want 2", n)
	}
}

// The chain from the resource to an aliased provider block, in the run that creates and
// in the one that rotates.
func exampleDecrypted(t *testing.T, s *influxdb3test.Server, w *workspace) {
	before := ""
	for _, rotation := range []string{"1", "2"} {
		w.set("TF_VAR_rotation", rotation)
		w.must("apply")
		before = w.expectWorkingToken(s, before)
		ci := w.decrypted(exampleOutput(w, "ci_token"))
		if !s.Accepts(t, ci) {
			t.Error("the server refuses the token of the alias")
		}
		if found := leaks(w.read(stateFile), []string{before, ci}); found != nil {
			t.Errorf("the state holds %q", found)
		}
	}
	w.expectNothingToDo()
	w.must("destroy")
}

// The command has a token that the server accepts as long as the run takes.
func exampleTokenOfRun(t *testing.T, s *influxdb3test.Server, w *workspace) {
	w.set("INFLUXDB3_AUTH_TOKEN", s.Bootstrap(t))
	w.set("TF_VAR_command", `printf %s "$INFLUXDB3_AUTH_TOKEN" >token && touch ready && until [ -e seen ]; do sleep 0.1; done`)
	accepted := make(chan bool, 1)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		defer close(accepted)
		for ; ctx.Err() == nil; time.Sleep(20 * time.Millisecond) {
			if _, err := os.Stat(w.path("ready")); err == nil {
				accepted <- s.Accepts(t, w.read("token"))
				w.write("seen", "")
				return
			}
		}
	}()
	w.must("apply")
	cancel()
	if !<-accepted {
		t.Error("the server refused the token of the run")
	}
	token := w.read("token")
	if !tokenForm.MatchString(token) {
		t.Error("the command had no token")
	}
	if found := leaks(w.read(stateFile), []string{token}); found != nil {
		t.Errorf("the state holds %q", found)
	}
	w.expectNothingToDo()
	if s.Accepts(t, token) {
		t.Error("the server accepts the token after the run")
	}
	w.must("destroy")
}

func exampleTokens(t *testing.T, s *influxdb3test.Server, w *workspace) {
	operator := s.Bootstrap(t)
	s.CreateNamedAdmin(t, operator, "forever", 0)
	s.CreateNamedAdmin(t, operator, "for-an-hour", 3600)
	w.set("INFLUXDB3_AUTH_TOKEN", operator)
	w.must("apply")
	if names := fmt.Sprint(w.output("admin_tokens_that_never_expire")); names != "[forever]" {
		t.Errorf("the tokens are %s", names)
	}
	exampleApply(t, s, w)
}

func exampleServer(t *testing.T, s *influxdb3test.Server, w *workspace) {
	w.set("INFLUXDB3_AUTH_TOKEN", s.Bootstrap(t))
	w.must("apply")
	if version := exampleOutput(w, "version"); !strings.HasPrefix(version, "3.") {
		t.Errorf("the version is %q", version)
	}
	const open = "whoever reaches it can create it"
	if r := w.must("plan"); r.has(open) {
		t.Errorf("a server with an operator token is called open: %s", r)
	}
	without := influxdb3test.New(t, influxdb3test.WithoutAuth())
	w.set("INFLUXDB3_HOST_URL", without.URL())
	expectOutput(t, w.must("plan"), open)
	w.must("destroy")
}

// summaries are what diagnostics are headed with, in the source of the packages
// that write them.
var summaries = regexp.MustCompile(`(?:Summary: +|(?:Error|Warning|Diagnostic)\((?:path[^",]*(?:\("\w+"\))?, )?)"([A-Z][^"]+[a-z])"[,)]`)

// The recovery guide explains what a user can get to see. Bad input explains
// itself, and so do bugs.
func TestRecoveryGuideExplainsDiagnostics(t *testing.T) {
	t.Parallel()
	guide, err := os.ReadFile("../../docs/guides/recovery.md")
	if err != nil {
		t.Fatal(err)
	}
	sources, err := filepath.Glob("../lifecycle/*.go")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	more, err := filepath.Glob("../provider/*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range append(sources, more...) {
		if strings.HasSuffix(file, "_test.go") || filepath.Base(file) == "functions.go" {
			continue // a function has no diagnostics, but a summary
		}
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, summary := range summaries.FindAllStringSubmatch(string(source), -1) {
			found++
			kind, _, _ := strings.Cut(summary[1], " ")
			if !slices.Contains([]string{"Invalid", "Conflicting", "Unreadable", "Unexpected"}, kind) && !strings.Contains(string(guide), summary[1]) {
				t.Errorf("the recovery guide does not explain %q", summary[1])
			}
		}
	}
	if found < 40 {
		t.Errorf("%d diagnostics found, want more", found)
	}
}

var (
	codeBlock    = regexp.MustCompile("(?s)```.*?```")
	relativeLink = regexp.MustCompile(`\]\(([^)\s:]+)\)`)
	headingLine  = regexp.MustCompile(`(?m)^#+ (.+)$`)
	anchorTag    = regexp.MustCompile(`<a id="([^"]+)"`)
	notInAnchor  = regexp.MustCompile(`[^\w\- ]`)
)

// A link between the pages leads to a page that exists, and to a heading that it has.
func TestDocumentationLinks(t *testing.T) {
	t.Parallel()
	const root = "../.."
	pages, err := filepath.Glob(root + "/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, pattern := range []string{"/docs/*.md", "/docs/*/*.md"} {
		more, err := filepath.Glob(root + pattern)
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, more...)
	}
	text := func(page string) string {
		content, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		return codeBlock.ReplaceAllString(string(content), "")
	}
	anchors := func(page string) (all []string) {
		for _, tag := range anchorTag.FindAllStringSubmatch(text(page), -1) {
			all = append(all, tag[1])
		}
		for _, heading := range headingLine.FindAllStringSubmatch(text(page), -1) {
			all = append(all, strings.ReplaceAll(notInAnchor.ReplaceAllString(strings.ToLower(heading[1]), ""), " ", "-"))
		}
		return all
	}
	found := 0
	for _, page := range pages {
		for _, link := range relativeLink.FindAllStringSubmatch(text(page), -1) {
			found++
			file, anchor, hasAnchor := strings.Cut(link[1], "#")
			target := page
			if file != "" {
				target = filepath.Join(filepath.Dir(page), filepath.FromSlash(file))
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s links to %s, which is not there", page, link[1])
			} else if hasAnchor && strings.HasSuffix(target, ".md") && !slices.Contains(anchors(target), anchor) {
				t.Errorf("%s links to %s, and that page has no such heading", page, link[1])
			}
		}
	}
	if found < 60 {
		t.Errorf("%d links found, want more", found)
	}
}
