package provider

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3test"
)

// keepingBlock is the block of a token whose predecessors stay on the server.
func keepingBlock(prefix string) resourceBlock {
	lines := values{"name_prefix": str(prefix), "expires_in": str("24h"), "keep_on_destroy": tftypes.NewValue(tftypes.Bool, true)}
	return resourceBlock{planned: lines, known: lines}
}

// expiredTokens makes tokens that have expired when it returns.
func expiredTokens(t *testing.T, c *core, s *influxdb3test.Server, admin, prefix string, n int) {
	t.Helper()
	for i := range n {
		s.CreateNamedAdmin(t, admin, fmt.Sprintf("%s20260101000000%010x", prefix, i), 60)
	}
	c.clock.pass(time.Hour)
}

// leftOn counts the tokens with that prefix.
func leftOn(t *testing.T, s *influxdb3test.Server, admin, prefix string) (n int) {
	t.Helper()
	for _, name := range s.Names(t, admin) {
		if strings.HasPrefix(name, prefix) {
			n++
		}
	}
	return n
}

// A creation deletes the expired tokens that keep_on_destroy has left, and no others.
func TestProtocol_leftOversAlone(t *testing.T) {
	t.Parallel()
	c := newCore(t)
	r := newPlainRun(t, c, namedAddress, influxdb3test.Clock(c.clock.Now))
	const day, old = 24 * 60 * 60, "20260101000000" + "0123456789"
	r.server.CreateNamedAdmin(t, r.operator, "ci-prod-"+old, day) // another resource's
	r.server.CreateNamedAdmin(t, r.operator, "ci-mine", day)      // somebody's
	r.server.CreateNamedAdmin(t, r.operator, "ci-"+old, 0)        // never expires
	r.lines = keepingBlock("ci-").known
	for i, step := range []struct {
		later   time.Duration
		trigger int
		keeps   bool
		want    int // tokens of the resource
	}{
		{0, 1, true, 1},
		{20 * time.Hour, 2, true, 2},  // the first has not expired
		{20 * time.Hour, 3, true, 2},  // it has now, the second has not
		{2 * time.Hour, 3, false, 2},  // not kept any more
		{20 * time.Hour, 4, false, 2}, // the second stays, and the third was replaced
	} {
		c.clock.pass(step.later)
		if r.lines["rotation_triggers"] = triggersValue(step.trigger); !step.keeps {
			delete(r.lines, "keep_on_destroy")
		}
		r.must()
		names := r.server.Names(t, r.operator)
		for _, name := range []string{"ci-prod-" + old, "ci-mine", "ci-" + old} {
			if !slices.Contains(names, name) {
				t.Errorf("step %d: %s was deleted", i, name)
			}
		}
		if got := len(names) - 4; got != step.want {
			t.Errorf("step %d: %d tokens of the resource, want %d: %v", i, got, step.want, names)
		}
	}
}

// However many tokens are created, the server is listed once, and every left-over is
// deleted once.
func TestProtocol_leftOvers(t *testing.T) {
	t.Parallel()
	for name, together := range map[string]bool{"one after the other": false, "together": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCore(t)
			s := influxdb3test.New(t, influxdb3test.Clock(c.clock.Now))
			admin := s.Bootstrap(t)
			all := blocks{}
			for i := range 20 {
				all[fmt.Sprintf("%s.ci%d", namedType, i)] = keepingBlock("ci-")
			}
			all[namedType+".cd"] = keepingBlock("cd-")
			expiredTokens(t, c, s, admin, "ci-", 3)
			expiredTokens(t, c, s, admin, "cd-", 2)
			root := rootOf(s, admin, all)
			made := c.planned(root, planOptions{})
			s.ResetRequests()
			if c.apply(made, false, together, ending{}); c.failed {
				t.Fatal(c.journal)
			}
			listings := 0
			for _, r := range s.Requests() {
				if r.Path == queryPath {
					listings++
				}
			}
			const leftOver = 5 // each is looked at before it is deleted
			if deletions := count(s, http.MethodDelete, "/api/v3/configure/token"); listings != 1+leftOver || deletions != leftOver {
				t.Errorf("%d listings and %d deletions", listings, deletions)
			}
			if ci, cd := leftOn(t, s, admin, "ci-"), leftOn(t, s, admin, "cd-"); ci != 20 || cd != 1 {
				t.Errorf("%d and %d tokens are there", ci, cd)
			}
		})
	}
}

// A failure to delete is no failure of the creation.
func TestProtocol_leftOversStay(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		fault influxdb3test.Fault
		want  string
		stay  int
	}{
		"not listed":       {influxdb3test.Fault{Kind: influxdb3test.Answer, Path: queryPath, Status: 500, Times: -1}, "may still be on the server", 3},
		"not deleted":      {influxdb3test.Fault{Kind: influxdb3test.Answer, Method: http.MethodDelete, Status: 403, Times: -1}, "3 of 3 expired tokens that keep_on_destroy has left are still on the server", 3},
		"deleted, no word": {influxdb3test.Fault{Kind: influxdb3test.CutAfter, Method: http.MethodDelete}, "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCore(t)
			s := influxdb3test.New(t, influxdb3test.Clock(c.clock.Now))
			admin := s.Bootstrap(t)
			expiredTokens(t, c, s, admin, "ci-", 3)
			made := c.planned(rootOf(s, admin, blocks{addressNamed: keepingBlock("ci-")}), planOptions{})
			s.Inject(tt.fault)
			c.apply(made, false, false, ending{})
			s.ClearFaults()
			if c.failed || !s.Accepts(t, c.current(addressNamed, "token")) || c.state[addressNamed].current.tainted {
				t.Errorf("the creation has failed: %v", c.journal)
			}
			if said := c.said("Expired Tokens Were Not Deleted"); said != (tt.want != "") || said && !c.said(tt.want) {
				t.Errorf("%v", c.journal)
			}
			if n := leftOn(t, s, admin, "ci-"); n != tt.stay+1 {
				t.Errorf("%d tokens are there", n)
			}
		})
	}
}
