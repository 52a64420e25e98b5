//go:build linux || darwin

package e2e

import (
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3"
	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3test"
)

const (
	namedAdminPath  = "/api/v3/configure/token/named_admin"
	resourcePath    = "/api/v3/enterprise/configure/token"
	tokenDeletePath = "/api/v3/configure/token"
)

const requiredProvider = `
terraform {
  required_providers {
    influxdb3 = { source = "influxdb3-community/influxdb3" }
  }
}

provider "influxdb3" {
  max_retries = 0
}
`

// A token for one run works in it, for a provider block with an alias, and is gone after
// it. A plan makes one, too.
func TestRunToken(t *testing.T) {
	t.Parallel()
	s := influxdb3test.New(t)
	operator := s.Bootstrap(t)
	w := newWorkspace(t, s, requiredProvider+`
ephemeral "influxdb3_named_admin_token" "run" {}

provider "influxdb3" {
  alias = "run"
  token = ephemeral.influxdb3_named_admin_token.run.token
}

resource "influxdb3_named_admin_token" "made" {
  provider = influxdb3.run
  name     = "made"
}
`)
	w.set("INFLUXDB3_AUTH_TOKEN", operator)
	own := influxdb3.NewSecret(operator).Hash()
	for _, tt := range []struct {
		command      []string
		runs, others int      // tokens that were made by the operator token, 0 for any number, and by one for a run
		left         []string // names
	}{
		{[]string{"plan"}, 1, 0, []string{"_admin"}},
		{[]string{"apply"}, 2, 1, []string{"_admin", "made"}},
		{[]string{"plan", "-detailed-exitcode"}, 1, 0, []string{"_admin", "made"}},
		{[]string{"apply", "-replace=influxdb3_named_admin_token.made"}, 2, 1, []string{"_admin", "made"}},
		{[]string{"destroy"}, 0, 0, []string{"_admin"}}, // it plans more than once
	} {
		s.ResetRequests()
		w.must(tt.command...)
		runs, others, deleted := 0, 0, 0
		for _, r := range s.Requests() {
			switch {
			case r.Path == namedAdminPath && r.TokenHash == own:
				runs++
			case r.Path == namedAdminPath:
				others++
			case r.Method == http.MethodDelete && r.TokenHash == own:
				deleted++
			}
		}
		if runs == 0 || deleted != runs || tt.runs != 0 && runs != tt.runs || others != tt.others {
			t.Errorf("%v: %d tokens made and %d deleted, want %d of each; %d made with them, want %d", tt.command, runs, deleted, tt.runs, others, tt.others)
		}
		if left := s.Names(t, operator); !slices.Equal(left, tt.left) {
			t.Errorf("%v leaves the tokens %v, want %v", tt.command, left, tt.left)
		}
	}
}

// The provider block may have the very operator token that the run regenerates: what was
// made with the old one is deleted with the new one.
func TestRunTokenAcrossRotation(t *testing.T) {
	t.Parallel()
	s := influxdb3test.New(t)
	w := newWorkspace(t, s, requiredProvider+`
variable "trigger" { default = "1" }

ephemeral "influxdb3_named_admin_token" "run" {}

resource "influxdb3_admin_token" "operator" {
  rotation_triggers = { by = var.trigger }

  provisioner "local-exec" {
    command     = ": \"$TOKEN\""
    environment = { TOKEN = ephemeral.influxdb3_named_admin_token.run.token }
  }
}
`)
	operator := s.Bootstrap(t)
	w.set("INFLUXDB3_AUTH_TOKEN", operator)
	w.must("apply")
	w.set("TF_VAR_trigger", "2")
	s.ResetRequests()
	if r := w.must("apply"); r.has("Was Not Deleted") {
		t.Errorf("a deletion failed: %s", r)
	}
	if n := count(s, namedAdminPath); n == 0 {
		t.Error("no token was made")
	}
	token := w.expectWorkingToken(s, operator)
	if left := s.Names(t, token); !slices.Equal(left, []string{"_admin"}) {
		t.Errorf("left over: %v", left)
	}
}

// gated is a run that hands its token to a command, which waits.
type gated struct {
	*process
	w     *workspace
	token string
}

// gatedConfig opens the token during the apply alone: its prefix is not known before.
const gatedConfig = requiredProvider + `
resource "terraform_data" "known" {
  input = "run"
}

ephemeral "KIND" "run" {
  name_prefix = "${terraform_data.known.output}-"
  PERMISSIONS
}

resource "terraform_data" "user" {
  provisioner "local-exec" {
    command     = "printf %s \"$TOKEN\" >handed; while [ -e gate ]; do sleep 0.05; done; ! [ -e fail ]"
    environment = { TOKEN = ephemeral.KIND.run.token }
  }
}
`

// runToGate applies until the command has the token.
func runToGate(t *testing.T, s *influxdb3test.Server, operator, kind string) *gated {
	t.Helper()
	permissions := ""
	if kind == "influxdb3_resource_token" {
		permissions = `permissions = [{ resource_type = "db", resource_names = ["*"], actions = ["read"] }]`
	}
	w := newWorkspace(t, s, strings.NewReplacer("KIND", kind, "PERMISSIONS", permissions).Replace(gatedConfig))
	w.set("INFLUXDB3_AUTH_TOKEN", operator)
	w.write("gate", "")
	if err := syscall.Mkfifo(w.path("handed"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.ResetRequests()
	g := &gated{w: w, process: w.start("apply")}
	handed := make(chan string, 1)
	go func() {
		text, _ := os.ReadFile(w.path("handed")) // what is missing is seen by its form
		handed <- string(text)
	}()
	select {
	case g.token = <-handed:
	case <-g.ended:
		t.Fatal(g.result())
	case <-time.After(patience):
		t.Fatalf("the command does not run: %s", g.result())
	}
	if !tokenForm.MatchString(g.token) || !s.Accepts(t, g.token) {
		t.Error("the server refuses the token that the command has")
	}
	if n := count(s, namedAdminPath) + count(s, resourcePath); n != 1 {
		t.Errorf("%d tokens were made, want one, during the apply", n)
	}
	return g
}

// open lets the command go.
func (g *gated) open() {
	g.t.Helper()
	if err := os.Remove(g.w.path("gate")); err != nil {
		g.t.Fatal(err)
	}
}

// What becomes of the token when the run ends, in whatever way.
func TestRunTokenEnds(t *testing.T) {
	t.Parallel()
	const admin, limited = "influxdb3_named_admin_token", "influxdb3_resource_token" // which end alike
	for name, tt := range map[string]struct {
		kind  string
		end   func(*gated, *influxdb3test.Server)
		code  int
		stays bool
		says  []string
	}{
		"well": {kind: admin, end: func(g *gated, _ *influxdb3test.Server) { g.open() }},
		"failed": {kind: limited, end: func(g *gated, _ *influxdb3test.Server) {
			g.w.write("fail", "")
			g.open()
		}, code: 1},
		"interrupted": {kind: admin, end: func(g *gated, _ *influxdb3test.Server) {
			g.signal(syscall.SIGINT)
			g.waitFor("Stopping operation...")
		}, code: 1},
		"terminated": {kind: limited, end: func(g *gated, _ *influxdb3test.Server) {
			g.signalGroup(syscall.SIGTERM) // the command ends at once, so that the CLI may have nothing left to stop
		}, code: 1},
		"killed": {kind: admin, end: func(g *gated, _ *influxdb3test.Server) {
			g.signalGroup(syscall.SIGKILL)
		}, code: -1, stays: true},
		"killed alone": {kind: limited, end: func(g *gated, _ *influxdb3test.Server) {
			g.signal(syscall.SIGKILL)
		}, code: -1, stays: true},
		"refused": {kind: limited, end: func(g *gated, s *influxdb3test.Server) {
			s.Inject(influxdb3test.Fault{Method: http.MethodDelete, Path: tokenDeletePath, Kind: influxdb3test.Answer, Status: http.StatusInternalServerError, Times: -1})
			g.open()
		}, stays: true, says: []string{"Warning: Token of This Run Was Not Deleted", "works until it expires", "influxdb3 delete token --token-name \"run-"}},
		"a lost reply": {kind: admin, end: func(g *gated, s *influxdb3test.Server) {
			s.Inject(influxdb3test.Fault{Method: http.MethodDelete, Path: tokenDeletePath, Kind: influxdb3test.CutAfter})
			g.open()
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := influxdb3test.New(t, influxdb3test.Enterprise())
			operator := s.Bootstrap(t)
			g := runToGate(t, s, operator, tt.kind)
			tt.end(g, s)
			r := g.end()
			if r.code != tt.code {
				t.Errorf("want exit code %d: %s", tt.code, r)
			}
			expectOutput(t, r, tt.says...)
			if len(tt.says) == 0 && r.has("Was Not Deleted") {
				t.Errorf("a deletion failed: %s", r)
			}
			if got := s.Accepts(t, g.token); got != tt.stays {
				t.Errorf("the server accepts the token after the run: %t", got)
			}
			expectExpiring(t, s, operator, tt.stays)
			if found := leaks(r.stdout+r.stderr+g.w.read(stateFile), []string{g.token}); tt.code != -1 && found != nil {
				t.Errorf("output or state shows %s", found)
			}
		})
	}
}

// expectExpiring expects that a token which stays behind expires an hour after it was made.
func expectExpiring(t *testing.T, s *influxdb3test.Server, operator string, stays bool) {
	t.Helper()
	address, err := url.Parse(s.URL())
	if err != nil {
		t.Fatal(err)
	}
	listing, err := influxdb3.New(influxdb3.Config{URL: address}).ListTokens(t.Context(), influxdb3.NewSecret(operator))
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, row := range listing.Tokens {
		if !strings.HasPrefix(row.Name, "run-") {
			continue
		}
		found++
		if row.ExpiresAt == nil || (row.ExpiresAt.Sub(row.CreatedAt)-time.Hour).Abs() > time.Second {
			t.Errorf("it was made at %s and expires at %v, want an hour later", row.CreatedAt, row.ExpiresAt)
		}
	}
	if (found == 1) != stays || found > 1 {
		t.Errorf("%d tokens are left", found)
	}
}

// Behind a provider block whose token the run has yet to make, the token can be made
// during the apply, if it is told to wait.
func TestRunTokenBehindUnknownProvider(t *testing.T) {
	t.Parallel()
	const config = requiredProvider + `
variable "trigger" { default = "1" }

resource "influxdb3_admin_token" "operator" {
  rotation_triggers   = { by = var.trigger }
  deletion_protection = false
}

provider "influxdb3" {
  alias = "current"
  token = influxdb3_admin_token.operator.token
}

ephemeral "influxdb3_named_admin_token" "run" {
  provider    = influxdb3.current
  # name_prefix
}

provider "influxdb3" {
  alias = "run"
  token = ephemeral.influxdb3_named_admin_token.run.token
}

resource "influxdb3_named_admin_token" "made" {
  provider = influxdb3.run
  name     = "made"
}
`
	for name, tt := range map[string]struct {
		config string
		token  func(*traces) string
	}{
		"readable": {config, (*traces).readable},
		"encrypted": {strings.NewReplacer(
			"rotation_triggers ", "age_recipients = [var.recipient]\n  rotation_triggers ",
			"influxdb3_admin_token.operator.token", "ephemeral.influxdb3_token.operator.token",
		).Replace(config) + `
variable "recipient" {}

ephemeral "influxdb3_token" "operator" {
  encrypted_token = influxdb3_admin_token.operator.encrypted_token
}
`, (*traces).sealed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := influxdb3test.New(t)
			e := newTraces(t, s, tt.config)
			w := e.workspace
			w.set("TF_LOG", "")
			w.set("TF_LOG_PATH", "")
			w.set("INFLUXDB3_AGE_IDENTITY", e.identity.String())
			w.fails([]string{"apply"}, "Provider Is Not Configured Yet", "The provider's token comes from a resource that this run has yet to apply",
				"No request was sent", `name_prefix = "run-${influxdb3_admin_token.operator.hash}-"`)
			if n := count(s, createPath) + count(s, namedAdminPath); n != 0 {
				t.Errorf("%d tokens were made", n)
			}

			// As the error says.
			w.write("main.tf", strings.Replace(tt.config, "# name_prefix", `name_prefix = "run-${influxdb3_admin_token.operator.hash}-"`, 1))
			expect := func(made ...int) {
				t.Helper()
				if n := count(s, namedAdminPath); !slices.Contains(made, n) {
					t.Errorf("%d tokens were made, want %v", n, made)
				}
				if left := s.Names(t, tt.token(e)); !slices.Equal(left, []string{"_admin", "made"}) {
					t.Errorf("the tokens are %v", left)
				}
				s.ResetRequests()
			}
			w.must("apply")
			expect(2) // during the apply alone, and with it one more
			w.expectNothingToDo()
			expect(1)
			w.set("TF_VAR_trigger", "2")
			w.must("apply")
			expect(0, 1) // Terraform opens what nothing needs, OpenTofu does not
			w.must("destroy")
		})
	}
}
