package provider

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3"
	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3test"
	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/lifecycle"
)

// Every problem says what is true and what to do, and where nothing is in state
// yet, none speaks of a token that is kept there.
func TestOperatorTokenProblem(t *testing.T) {
	t.Parallel()
	server := newConfiguredServer(influxdb3.New(influxdb3.Config{URL: &url.URL{Scheme: "http", Host: "127.0.0.1:8181"}}), influxdb3.Secret{}, &testClock{})
	for _, op := range []operation{establishing, replacing, reading, regenerating, importing} {
		for problem := lifecycle.ProblemUnavailable; problem <= lifecycle.ProblemNotSupported; problem++ {
			d := operatorTokenProblem(op, &lifecycle.Error{Problem: problem, Message: "it happened"}, server)
			parts := strings.Split(d.Detail(), "\n\n")
			if len(parts) < 3 || parts[0] != "It happened." || parts[1] == "" || parts[2] == "" {
				t.Errorf("%s, problem %d: %q", op, problem, d.Detail())
			}
			if op == establishing && problem != lifecycle.ProblemWrongServer && strings.Contains(d.Detail(), "token in state") {
				t.Errorf("%s, problem %d speaks of a token in state: %q", op, problem, d.Detail())
			}
			if op != establishing && op != importing && strings.Contains(d.Detail(), "othing is in state") {
				t.Errorf("%s, problem %d says that no token is in state: %q", op, problem, d.Detail())
			}
			if op != importing && strings.Contains(d.Detail(), "do not import") {
				t.Errorf("%s, problem %d speaks of an import: %q", op, problem, d.Detail())
			}
		}
	}
}

// What a request does that arrives later shows where somebody looks for it.
func TestNotDone_later(t *testing.T) {
	t.Parallel()
	server := newConfiguredServer(influxdb3.New(influxdb3.Config{URL: &url.URL{Scheme: "http", Host: "127.0.0.1:8181"}}), influxdb3.Secret{}, &testClock{})
	err := &lifecycle.Error{Problem: lifecycle.ProblemNotDone, Message: "it happened", Err: &influxdb3.Error{Kind: influxdb3.KindOutcomeUnknown}}
	for d, want := range map[diag.Diagnostic]string{
		operatorTokenProblem(regenerating, err, server):    "the next refresh shows that",
		operatorTokenProblem(replacing, err, server):       "the next refresh shows that",
		operatorTokenProblem(establishing, err, server):    "the next apply shows that",
		issuedTokenProblem("Delete", "ci", err, server):    "the next refresh shows that",
		issuedTokenProblem("Create", "run-1", err, server): `the server has a token "run-1" that nobody holds`,
	} {
		if !strings.Contains(d.Detail(), want) || strings.Count(d.Detail(), "arrives later") != 1 {
			t.Errorf("want %q: %q", want, d.Detail())
		}
	}
}

// A token whose deletion is open is in state, and not one that nobody holds.
func TestIssuedTokenProblem_deletionOpen(t *testing.T) {
	t.Parallel()
	server := newConfiguredServer(influxdb3.New(influxdb3.Config{URL: &url.URL{Scheme: "http", Host: "127.0.0.1:8181"}}), influxdb3.Secret{}, &testClock{})
	d := issuedTokenProblem("Delete", "ci", &lifecycle.Error{Problem: lifecycle.ProblemUnresolved, Message: "it happened"}, server)
	if !strings.Contains(d.Detail(), "still in state") || strings.Contains(d.Detail(), "nobody holds") {
		t.Errorf("got %q", d.Detail())
	}
}

// What was made and deleted again is not said to have never been done.
func TestIssuedTokenProblem_deletedAgain(t *testing.T) {
	t.Parallel()
	s := influxdb3test.New(t)
	admin := s.Bootstrap(t)
	c := newCore(t)
	root := rootOf(s, admin, blocks{addressNamed: namedBlock("backup")})
	made := c.planned(root, planOptions{})
	s.Inject(influxdb3test.Fault{Kind: influxdb3test.CutAfter, Path: namedAdminPath, Times: -1})
	c.apply(made, false, false, ending{})
	if !c.said("what was created was deleted again") || c.said("had not done it") || !c.said(`The server has no token "backup" from this run.`) || len(s.Names(t, admin)) != 1 {
		t.Errorf("%v", c.journal)
	}
}

// For a second server there is a map in the provider block.
func TestSecondServer(t *testing.T) {
	t.Parallel()
	server := newConfiguredServer(influxdb3.New(influxdb3.Config{URL: &url.URL{Scheme: "http", Host: "127.0.0.1:8181"}}), influxdb3.Secret{}, &testClock{})
	for _, d := range []diag.Diagnostic{secondResource(server), heldByAnother("0123456789", server)} {
		if !strings.Contains(d.Detail(), "servers") || strings.Contains(d.Detail(), "alias") {
			t.Errorf("%q", d.Detail())
		}
	}
}

func TestIssuedTokenProblem(t *testing.T) {
	t.Parallel()
	for _, credential := range []string{"", secretToken} {
		server := newConfiguredServer(influxdb3.New(influxdb3.Config{URL: &url.URL{Scheme: "http", Host: "127.0.0.1:8181"}}), influxdb3.NewSecret(credential), &testClock{})
		for problem := lifecycle.ProblemUnavailable; problem <= lifecycle.ProblemNotSupported; problem++ {
			err := &lifecycle.Error{Problem: problem, Message: "it happened"}
			for _, d := range []diag.Diagnostic{issuedTokenProblem("Create", "ci", err, server), dataSourceProblem("List Tokens", err, server)} {
				parts := strings.Split(d.Detail(), "\n\n")
				if len(parts) != 3 || parts[0] != "It happened." || parts[1] == "" || parts[2] == "" {
					t.Errorf("problem %d: %q", problem, d.Detail())
				}
				none := strings.Contains(d.Detail(), "No token is configured")
				if want := problem == lifecycle.ProblemNoCredential && credential == ""; none != want {
					t.Errorf("problem %d with the token %q: %q", problem, credential, d.Detail())
				}
			}
		}
	}
}

func TestExpiryWarnings(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for name, tt := range map[string]struct {
		age, left time.Duration
		renews    bool
		want      int
	}{
		"a tenth is left":        {9 * time.Hour, time.Hour, false, 0},
		"less than a tenth":      {9 * time.Hour, 59 * time.Minute, false, 1},
		"it is replaced in time": {9 * time.Hour, 59 * time.Minute, true, 0},
	} {
		created, expires := now.Add(-tt.age), now.Add(tt.left)
		m := issuedTokenModel{Name: types.StringValue("ci"), Status: types.StringValue("active"), CreatedAt: timestamp(&created), ExpiresAt: timestamp(&expires)}
		if tt.renews {
			m.RotateBeforeExpiry = duration{types.StringValue("1m")}
		}
		diags := m.warnings(now)
		if len(diags) != tt.want || len(diags) == 1 && (diags[0].Summary() != "Token Expires Soon" || !strings.Contains(diags[0].Detail(), "2026-01-01T00:59:00Z")) {
			t.Errorf("%s: %v", name, diags)
		}
	}
}

// A state from elsewhere can have null where this provider writes the default.
func TestProtectedByDefault(t *testing.T) {
	t.Parallel()
	for value, want := range map[types.Bool]bool{types.BoolNull(): true, types.BoolValue(true): true, types.BoolValue(false): false} {
		if got := (adminTokenModel{DeletionProtection: value}).protected(); got != want {
			t.Errorf("deletion_protection = %s: protected %t", value, got)
		}
	}
}
