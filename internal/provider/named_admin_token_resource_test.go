package provider

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/hashicorp/terraform-plugin-testing/compare"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3test"
)

const (
	namedAddress    = "influxdb3_named_admin_token.ci"
	namedAdminPath  = "/api/v3/configure/token/named_admin"
	tokenDeletePath = "/api/v3/configure/token"
)

// named writes the resource of a named admin token with its lines.
func named(lines ...string) string {
	return "resource \"influxdb3_named_admin_token\" \"ci\" {\n  " + strings.Join(lines, "\n  ") + "\n}\n"
}

// What a command line shows of a token's life. With create_before_destroy and a prefix the
// old one lives until the new one is there, and is gone afterwards.
func TestAccNamedAdminToken_life(t *testing.T) {
	t.Parallel()
	s, token, provider := serverWith(t)
	differs := statecheck.CompareValue(compare.ValuesDiffer())
	changed := func() []statecheck.StateCheck {
		return []statecheck.StateCheck{differs.AddStateValue(namedAddress, tfjsonpath.New("hash"))}
	}
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: factories(&testClock{}),
		Steps: []resource.TestStep{
			{
				Config:           provider + named(`name = "ci"`),
				ConfigPlanChecks: planned(namedAddress, plancheck.ResourceActionCreate, plancheck.ExpectSensitiveValue(namedAddress, tfjsonpath.New("token"))),
				ConfigStateChecks: append(changed(),
					statecheck.ExpectKnownValue(namedAddress, tfjsonpath.New("id"), text("ci")),
					statecheck.ExpectKnownValue(namedAddress, tfjsonpath.New("token_id"), knownvalue.Int64Exact(1)),
					statecheck.ExpectKnownValue(namedAddress, tfjsonpath.New("status"), text("active")),
					statecheck.ExpectKnownValue(namedAddress, tfjsonpath.New("expires_at"), knownvalue.Null()),
					statecheck.ExpectKnownValue(namedAddress, tfjsonpath.New("created_at"), knownvalue.NotNull()),
				),
				Check: issuedWorks(t, s),
			},
			{
				Config:           provider + named(`name = "ci"`, trigger("1")),
				ConfigPlanChecks: planned(namedAddress, plancheck.ResourceActionReplace), ConfigStateChecks: changed(), Check: issuedWorks(t, s),
			},
			{Config: provider + named(`name_prefix = "c"`, trigger("1")), ConfigPlanChecks: planned(namedAddress, plancheck.ResourceActionUpdate)}, // it has the name
			{
				PreConfig:        s.ResetRequests,
				Config:           provider + named(`name_prefix = "ci-"`, trigger("1"), "lifecycle {\n    create_before_destroy = true\n  }"),
				ConfigPlanChecks: planned(namedAddress, plancheck.ResourceActionCreateBeforeDestroy), ConfigStateChecks: changed(),
				Check: resource.ComposeTestCheckFunc(issuedWorks(t, s), resource.TestMatchResourceAttr(namedAddress, "name", regexp.MustCompile(`^ci-\d{14}[0-9a-f]{10}$`))),
			},
		},
	})
	var order []string
	for _, r := range s.Requests() {
		if r.Path != queryPath {
			order = append(order, r.Method)
		}
	}
	if got := strings.Join(order, " "); got != "OPTIONS POST DELETE DELETE" { // the first looks whether the server is up, the last one is the test's own clean-up
		t.Errorf("the order was %s", got)
	}
	if n := s.Names(t, token); len(n) != 1 {
		t.Errorf("left over: %v", n)
	}
}

// What asks for another token replaces it, and nothing else does.
func TestAccNamedAdminToken_changes(t *testing.T) {
	t.Parallel()
	r := newPlainRun(t, newCore(t), namedAddress)
	token, none := r.must(), tftypes.NewValue(tftypes.String, nil)
	for _, change := range []struct {
		what     string
		lines    values
		replaces bool
	}{
		{"no triggers", values{"rotation_triggers": tftypes.NewValue(tftypes.Map{ElementType: tftypes.String}, map[string]tftypes.Value{})}, false},
		{"a trigger", values{"rotation_triggers": triggersValue(1)}, true},
		{"another trigger", values{"rotation_triggers": triggersValue(2)}, true},
		{"an expiry", values{"expires_in": str("720h")}, true},
		{"the same, written otherwise", values{"expires_in": str("43200m")}, false},
		{"a time before it", values{"rotate_before_expiry": str("24h")}, false},
		{"another name", values{"name": str("other")}, true},
		{"a prefix that it has", values{"name": none, "name_prefix": str("oth")}, false},
		{"another prefix", values{"name_prefix": str("ci-")}, true},
		{"another expiry", values{"expires_in": str("721h")}, true},
	} {
		maps.Copy(r.lines, change.lines)
		if change.replaces {
			token = r.another(change.what, token, false)
		} else {
			r.same(change.what, token)
		}
	}
	r.destroyed(0)
}

// keep_on_destroy leaves a token on the server, and says so, until it is turned off.
func TestAccNamedAdminToken_keepOnDestroy(t *testing.T) {
	t.Parallel()
	r := newPlainRun(t, newCore(t), namedAddress)
	r.lines = keepingBlock("ci-").known
	first := r.must()
	r.lines["rotation_triggers"] = triggersValue(1)
	r.applied(r.root(), planOptions{})
	if !r.said("Token Is Kept on the Server") || !r.server.Accepts(t, first) {
		t.Errorf("not kept: %v", r.journal)
	}
	delete(r.lines, "keep_on_destroy")
	r.same("turning it off", r.current(r.address, "token"))
	r.destroyed(1)
}

func TestNamedAdminToken_expiry(t *testing.T) {
	t.Parallel()
	c := newCore(t)
	r := newPlainRun(t, c, namedAddress, influxdb3test.Clock(c.clock.Now))
	r.lines["expires_in"] = str("24h")
	token := r.must()
	c.clock.pass(23 * time.Hour)
	r.same("shortly before it", token)
	if !r.said("Token Expires Soon") {
		t.Errorf("no warning: %v", r.journal)
	}
	r.lines["rotate_before_expiry"] = str("2h")
	r.applied(r.root(), planOptions{})
	if r.current(r.address, "token") != token || r.current(r.address, "status") != "renewal_due" {
		t.Errorf("the limit itself replaces: %s", r.current(r.address, "status"))
	}
	token = r.another("the next apply", token, false)
	delete(r.lines, "rotate_before_expiry")
	r.same("no limit", token)
	c.clock.pass(48 * time.Hour)
	r.another("after it", token, false)
}

// What somebody else does to a token is made good.
func TestAccNamedAdminToken_drift(t *testing.T) {
	t.Parallel()
	r := newPlainRun(t, newCore(t), namedAddress)
	token := r.must()
	r.server.Delete(t, r.operator, "ci")
	if r.planned(r.root(), planOptions{}); !r.said("Token Is Gone") {
		t.Errorf("no warning: %v", r.journal)
	}
	token = r.another("it is gone", token, false)
	r.server.Delete(t, r.operator, "ci")
	theirs := r.server.CreateNamedAdmin(t, r.operator, "ci", 0)
	r.another("another one under its name", token, false)
	if r.server.Accepts(t, theirs) {
		t.Error("the one that had to give way is accepted")
	}
	r.server.Delete(t, r.operator, "ci")
	r.destroyed(0) // deleting what is gone is fine
}

func TestAccNamedAdminToken_nameTaken(t *testing.T) {
	t.Parallel()
	s, token, provider := serverWith(t)
	theirs := s.CreateNamedAdmin(t, token, "ci", 0)
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: factories(&testClock{}),
		Steps: []resource.TestStep{
			{Config: provider + named(`name = "ci"`), ExpectError: regexp.MustCompile(`(?s)has\s+a\s+token\s+named\s+"ci"\s+already.*name_prefix.*import`)},
		},
	})
	if !s.Accepts(t, theirs) {
		t.Error("somebody else's token was deleted")
	}
}

// A creation whose reply is lost cleans up after itself.
func TestAccNamedAdminToken_lostReply(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		fault influxdb3test.Fault
		want  string
		tries int
	}{
		"cut after":           {influxdb3test.Fault{Kind: influxdb3test.CutAfter}, "", 2},
		"502 after":           {influxdb3test.Fault{Kind: influxdb3test.AnswerAfter, Status: 502}, "", 2},
		"truncated":           {influxdb3test.Fault{Kind: influxdb3test.Truncate, Keep: 50}, "", 2},
		"truncated behind it": {influxdb3test.Fault{Kind: influxdb3test.Truncate, Keep: 200}, "", 1},
		"cut before":          {influxdb3test.Fault{Kind: influxdb3test.CutBefore}, "was not created", 1},
		"for ever":            {influxdb3test.Fault{Kind: influxdb3test.CutAfter, Times: -1}, "what was created was deleted again", 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newPlainRun(t, newCore(t), namedAddress)
			made := r.planned(r.root(), planOptions{})
			tt.fault.Path = namedAdminPath
			r.server.Inject(tt.fault)
			r.apply(made, false, false, ending{})
			if r.made() != tt.tries || r.failed != (tt.want != "") || !r.said(tt.want) && r.failed {
				t.Errorf("%d creations, want %d: %v", r.made(), tt.tries, r.journal)
			}
			if r.failed {
				r.left(0)
				return
			}
			if !r.server.Accepts(t, r.current(r.address, "token")) {
				t.Errorf("the server refuses the token in state: %v", r.journal)
			}
			r.left(1)
			r.destroyed(0)
		})
	}
}

// A deletion whose reply is lost is looked up.
func TestAccNamedAdminToken_lostDeletion(t *testing.T) {
	t.Parallel()
	for name, kind := range map[string]influxdb3test.FaultKind{"before": influxdb3test.CutBefore, "after": influxdb3test.CutAfter} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newPlainRun(t, newCore(t), namedAddress)
			r.must()
			r.server.Inject(influxdb3test.Fault{Kind: kind, Path: tokenDeletePath})
			r.destroyed(0)
			if want := map[string]int{"before": 2, "after": 1}[name]; count(r.server, http.MethodDelete, tokenDeletePath) != want {
				t.Errorf("%d deletions, want %d", count(r.server, http.MethodDelete, tokenDeletePath), want)
			}
		})
	}
}

func TestAccNamedAdminToken_refusedProviderToken(t *testing.T) {
	t.Parallel()
	r := newPlainRun(t, newCore(t), namedAddress)
	r.operator = secretToken
	r.apply(r.planned(r.root(), planOptions{}), false, false, ending{})
	for _, want := range []string{"no token that the server accepts", "token = influxdb3_admin_token.operator.token", "-target"} {
		if !r.failed || !r.said(want) {
			t.Errorf("no %q: %v", want, r.journal)
		}
	}
}

// A second server that answers at a default address refuses a token of the first, and
// says who it is.
func TestAccNamedAdminToken_anotherServer(t *testing.T) {
	t.Parallel()
	r, two := newPlainRun(t, newCore(t), namedAddress), influxdb3test.New(t)
	two.Bootstrap(t)
	if reply, err := http.Get(two.URL() + "/ping"); err != nil || reply.Header.Get("Cluster-Uuid") == "" || reply.Body.Close() != nil {
		t.Skip("needs a server that names its cluster in a refusal (3.8 and later)")
	}
	token := r.must()
	elsewhere := r.root()
	elsewhere.provider["url"] = str(two.URL())
	if r.begin(); r.plan(elsewhere, planOptions{}) != nil || !r.said("belongs to cluster") {
		t.Errorf("there is a plan: %v", r.journal)
	}
	r.same("back on its own", token)
}

// A name reaches the server as it is written, whatever is in it. The first apply after an
// import records the inputs.
func TestAccNamedAdminToken_import(t *testing.T) {
	t.Parallel()
	const name = `a/b ünï日本 q?a=b&c=d#f%20+ quote's"`
	s, token, provider := serverWith(t)
	s.CreateNamedAdmin(t, token, name, 86400)
	config := provider + named(fmt.Sprintf("name = %q", name), trigger("1"), `expires_in = "24h"`, `rotate_before_expiry = "1h"`)
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: factories(&testClock{}),
		Steps: []resource.TestStep{
			{Config: config, ResourceName: namedAddress, ImportState: true, ImportStateId: name, ImportStatePersist: true},
			{
				Config: config, ConfigPlanChecks: planned(namedAddress, plancheck.ResourceActionUpdate),
				ConfigStateChecks: []statecheck.StateCheck{
					statecheck.ExpectKnownValue(namedAddress, tfjsonpath.New("token"), knownvalue.Null()),
					statecheck.ExpectKnownValue(namedAddress, tfjsonpath.New("name"), text(name)),
					statecheck.ExpectKnownValue(namedAddress, tfjsonpath.New("status"), text("active")),
				},
			},
			{
				Config:           strings.Replace(config, trigger("1"), trigger("2"), 1),
				ConfigPlanChecks: planned(namedAddress, plancheck.ResourceActionReplace), Check: issuedWorks(t, s),
			},
		},
	})
	if n := s.Names(t, token); len(n) != 1 {
		t.Errorf("left over: %v", n)
	}
}

// The same for each kind of name, without a command line.
func TestAccNamedAdminToken_importNames(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"ci", "with space", "a/b", "ünïcode-日本", "q?a=b&c=d#f%20+", `quote's"`} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newPlainRun(t, newCore(t), namedAddress)
			token := r.server.CreateNamedAdmin(t, r.operator, name, 86400)
			r.lines = values{"name": str(name), "rotation_triggers": triggersValue(1), "expires_in": str("24h"), "rotate_before_expiry": str("1h")}
			r.imports(name)
			r.server.ResetRequests()
			r.applied(r.root(), planOptions{})
			if r.made() != 0 || r.current(r.address, "token") != "" || r.current(r.address, "name") != name || r.current(r.address, "status") != "active" {
				t.Errorf("the inputs were not recorded alone: %v", r.journal)
			}
			if made := r.planned(r.root(), planOptions{}); len(made.changes) != 0 {
				t.Errorf("the plan after it is not empty: %+v", made.changes)
			}
			r.lines["rotation_triggers"] = triggersValue(2)
			r.another("a trigger", token, false)
			deletions := r.server.Requests()
			r.destroyed(0)
			deletions = slices.DeleteFunc(append(deletions, r.server.Requests()...), func(r influxdb3test.Request) bool { return r.Method != http.MethodDelete })
			if len(deletions) != 2 {
				t.Errorf("%d deletions, want 2", len(deletions))
			}
			for _, r := range deletions {
				if r.Query != (url.Values{"token_name": {name}}).Encode() {
					t.Errorf("deleted %s", r.Query)
				}
			}
		})
	}
}

// An imported token keeps a name that has the prefix.
func TestAccNamedAdminToken_importPrefix(t *testing.T) {
	t.Parallel()
	r := newPlainRun(t, newCore(t), namedAddress)
	token := r.server.CreateNamedAdmin(t, r.operator, "ci-7", 0)
	r.lines = values{"name_prefix": str("ci-")}
	r.imports("ci-7")
	r.applied(r.root(), planOptions{})
	if r.current(r.address, "name") != "ci-7" || r.current(r.address, "name_prefix") != "ci-" || r.made() != 0 || !r.server.Accepts(t, token) {
		t.Errorf("replaced: %v", r.journal)
	}
}
