package e2e

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3"
	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3test"
)

// credentialLog knows which secret belongs to which server, and what arrived where.
type credentialLog struct {
	t       *testing.T
	servers map[string]*influxdb3test.Server
	labels  map[string]string // by hash, the server that a token belongs to and what it is
}

// know notes a token of a server.
func (l *credentialLog) know(server, what, token string) string {
	hash := influxdb3.NewSecret(token).Hash()[:9]
	if l.labels[hash] == "" {
		l.labels[hash] = server + ": " + what
	}
	return token
}

// knowState notes the tokens in state. Those of the block itself have no server there.
func (l *credentialLog) knowState(w *workspace) {
	l.t.Helper()
	for _, r := range list(w.wholeState()["resources"]) {
		for _, instance := range list(r["instances"]) {
			values, _ := instance["attributes"].(map[string]any)
			server := attributes(values).text("server")
			if server == "" {
				server = "block"
			}
			if token := attributes(values).text("token"); token != "" {
				l.know(server, fmt.Sprintf("%s of %s", attributes(values).text("name"), r["type"]), token)
			}
		}
	}
}

// expectKept expects every server to have been sent nothing but its own: its tokens, and
// these values of the header X-Proxy. It returns how often each arrived.
func (l *credentialLog) expectKept(headers map[string]string) map[string]int {
	l.t.Helper()
	all := map[string]int{}
	for name, s := range l.servers {
		for _, r := range s.Requests() {
			token := "no token"
			if r.TokenHash != "" {
				token = l.labels[r.TokenHash]
				if !strings.HasPrefix(token, name+": ") {
					l.t.Errorf("%s was sent a token that is not its own (%q): %s %s", name, token, r.Method, r.Path)
				}
			}
			if got := r.Header.Get("X-Proxy"); got != headers[name] {
				l.t.Errorf("%s was sent the header %q, want %q", name, got, headers[name])
			}
			all[fmt.Sprintf("%-8s %-8s X-Proxy %-6s %s", name, r.Listener, r.Header.Get("X-Proxy"), token)]++
		}
	}
	return all
}

// recoveries is how often the recovery listener of each server was called.
func (l *credentialLog) recoveries() map[string]int {
	all := map[string]int{}
	for name, s := range l.servers {
		for _, r := range s.Requests() {
			if r.Listener == "recovery" {
				all[name]++
			}
		}
	}
	return all
}

// Four servers, each with something that the others must never get: the block has a token
// and a recovery listener from the environment and headers of its own; one entry has a token, one a
// recovery listener and headers, and one has nothing. Replies are lost, so that everybody
// looks for whatever could help.
func TestCredentialsStayWithTheirServer(t *testing.T) {
	t.Parallel()
	l := &credentialLog{t: t, servers: map[string]*influxdb3test.Server{}, labels: map[string]string{}}
	for _, name := range []string{"block", "token", "listener", "nothing"} {
		l.servers[name] = influxdb3test.New(t, influxdb3test.WithRecovery())
	}
	first := func(server string) string {
		return l.know(server, "first operator token", l.servers[server].Bootstrap(t))
	}
	ofBlock, ofToken := first("block"), first("token")
	first("listener") // nobody has it
	fromEnvironment := l.know("block", "named, in the environment", l.servers["block"].CreateNamedAdmin(t, ofBlock, "env", 0))
	ofBlock = l.know("block", "named, in the block", l.servers["block"].CreateNamedAdmin(t, ofBlock, "block", 0))
	ofToken = l.know("token", "named, in the entry", l.servers["token"].CreateNamedAdmin(t, ofToken, "entry", 0))

	w := emptyWorkspace(t, l.servers["block"])
	w.write("main.tf", fmt.Sprintf(`
terraform {
  required_providers {
    influxdb3 = { source = "influxdb3-community/influxdb3" }
  }
}

variable "rotation" { default = "1" }

provider "influxdb3" {
  token       = %q
  max_retries = 0
  headers     = { X-Proxy = "block" }
  servers = {
    token    = { url = %q, token = %q }
    listener = { url = %q, recovery_url = %q, headers = { X-Proxy = "entry" } }
    nothing  = { url = %q }
  }
}

resource "influxdb3_admin_token" "operator" {
  for_each          = toset(["block", "token", "listener", "nothing"])
  server            = each.key == "block" ? null : each.key
  existing_token    = "regenerate"
  rotation_triggers = { by = var.rotation }
}

provider "influxdb3" {
  alias       = "current"
  max_retries = 0
  headers     = { X-Proxy = "block" }
  servers = {
    token    = { url = %[2]q, token = influxdb3_admin_token.operator["token"].token }
    listener = { url = %[4]q, token = influxdb3_admin_token.operator["listener"].token, headers = { X-Proxy = "entry" } }
    nothing  = { url = %[6]q, token = influxdb3_admin_token.operator["nothing"].token }
  }
}

resource "influxdb3_named_admin_token" "service" {
  for_each = toset(["block", "token", "listener", "nothing"])
  provider = influxdb3.current
  server   = each.key == "block" ? null : each.key
  name     = "service"
}

ephemeral "influxdb3_named_admin_token" "once" {
  for_each    = toset(["token", "listener", "nothing"])
  provider    = influxdb3.current
  server      = each.key
  name_prefix = "once-${influxdb3_admin_token.operator[each.key].hash}-"
}

data "influxdb3_server" "this" {
  for_each   = toset(["block", "token", "listener", "nothing"])
  provider   = influxdb3.current
  server     = each.key == "block" ? null : each.key
  depends_on = [influxdb3_admin_token.operator]
}
`, ofBlock, l.servers["token"].URL(), ofToken, l.servers["listener"].URL(), l.servers["listener"].RecoveryURL(), l.servers["nothing"].URL()))
	w.set("INFLUXDB3_AUTH_TOKEN", fromEnvironment)
	w.set("INFLUXDB3_RECOVERY_URL", l.servers["block"].RecoveryURL())
	w.initialise()

	w.must("apply")
	l.knowState(w)
	w.must("apply", "-var", "rotation=2")
	l.knowState(w)
	if used := l.recoveries(); !maps.Equal(used, map[string]int{"listener": 1}) {
		t.Errorf("the recovery listeners were called %v times, want that of the entry that has one", used)
	}

	// All replies are lost. What has nothing is not healed, and everybody else is by what
	// is its own.
	for _, s := range l.servers {
		s.Inject(influxdb3test.Fault{Path: regeneratePath, Listener: "main", Kind: influxdb3test.CutAfter})
	}
	l.servers["block"].Delete(t, fromEnvironment, "block") // the token of the block is refused from now on
	w.fails([]string{"apply", "-var", "rotation=3"}, "New Operator Token Was Lost")
	l.knowState(w)

	got := l.expectKept(map[string]string{"block": "block", "token": "block", "listener": "entry", "nothing": "block"})
	for _, line := range slices.Sorted(maps.Keys(got)) {
		t.Logf("%3d  %s", got[line], line)
	}
	for _, must := range []string{
		"token    main     X-Proxy block  token: named, in the entry",
		"block    main     X-Proxy block  block: named, in the environment",
		"block    recovery X-Proxy block  no token",
		"listener main     X-Proxy entry  listener: _admin of influxdb3_admin_token",
	} {
		if got[must] == 0 {
			t.Errorf("never seen, so that the test shows nothing: %s", must)
		}
	}
	if n := l.recoveries()["nothing"] + l.recoveries()["token"]; n != 0 {
		t.Errorf("recovery listeners that no entry names were called %d times", n)
	}
}

// What is not known of one entry while planning makes its own resources wait, and nobody
// else's.
func TestUnknownEntryWaitsAlone(t *testing.T) {
	t.Parallel()
	const config = `
terraform {
  required_providers {
    influxdb3 = { source = "influxdb3-community/influxdb3" }
  }
}

variable "again" { default = "1" }
variable "rotation" { default = "1" }

locals {
  a = %q
  b = %q
}

resource "terraform_data" "b" {
  input            = { url = local.b, name = "b" }
  triggers_replace = var.again
}

resource "influxdb3_admin_token" "operator" {
  for_each          = toset(["a", "b"])
  server            = each.key
  rotation_triggers = { by = var.rotation }
}

provider "influxdb3" {
  servers = %s
}
`
	for name, tt := range map[string]struct {
		servers string
		asked   int // of the other one while it plans, once for its token and once for what it is
	}{
		"url":     {`{ a = { url = local.a }, b = { url = terraform_data.b.output.url } }`, 2},
		"headers": {`{ a = { url = local.a }, b = { url = local.b, headers = { X-Name = terraform_data.b.output.name } } }`, 2},
		"entry":   {`{ a = { url = local.a }, b = terraform_data.b.output }`, 2},
		"all":     {`{ a = { url = local.a }, (terraform_data.b.output.name) = { url = local.b } }`, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, b := influxdb3test.New(t), influxdb3test.New(t)
			w := newWorkspace(t, a, fmt.Sprintf(config, a.URL(), b.URL(), tt.servers))
			expectOutput(t, w.must("apply"), "3 added")
			a.ResetRequests()
			b.ResetRequests()

			expectOutput(t, w.must("plan", "-var", "again=2"), "1 to add, 0 to change, 1 to destroy")
			if n := len(b.Requests()); n != 0 {
				t.Errorf("the server that is not known yet was sent %d requests", n)
			}
			if n := len(a.Requests()); n != tt.asked {
				t.Errorf("the other one was sent %d requests, want %d", n, tt.asked)
			}
			// It is there by the time that something has to change on it.
			expectOutput(t, w.must("apply", "-var", "again=2", "-var", "rotation=2"), "1 added, 2 changed, 1 destroyed")
		})
	}
}

// The CLI prints the lines under the path of a diagnostic, and servers can have literal
// tokens in any of them.
func TestErrorsAboutServersShowNoToken(t *testing.T) {
	t.Parallel()
	token := "apiv3_" + strings.Repeat("PLANTED", 12) + "12"
	w := newWorkspace(t, influxdb3test.New(t), operatorConfig)
	for name, servers := range map[string]string{
		"name":   `"x y" = { url = "http://localhost", token = %q }`,
		"no url": `a = { token = %q }`,
		"null":   "b = null\n    a = { url = \"http://localhost\", token = %q }",
		"header": `a = { url = "http://localhost", headers = { Host = "x" }, token = %q }`,
	} {
		w.write("provider.tf", "provider \"influxdb3\" {\n  servers = {\n    "+fmt.Sprintf(servers, token)+"\n  }\n}\n")
		r := w.fails([]string{"plan"}, "Invalid")
		if found := leaks(r.String(), []string{token}); found != nil {
			t.Errorf("%s: the output shows %v", name, found)
		}
	}
}
