package provider

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3test"
)

func planned(at string, action plancheck.ResourceActionType, more ...plancheck.PlanCheck) resource.ConfigPlanChecks {
	return resource.ConfigPlanChecks{PreApply: append(more, plancheck.ExpectResourceAction(at, action))}
}

// issuedWorks checks that the server accepts the token in state.
func issuedWorks(t *testing.T, s *influxdb3test.Server) resource.TestCheckFunc {
	t.Helper()
	return resource.TestCheckResourceAttrWith(namedAddress, "token", func(token string) error {
		if !s.Accepts(t, token) {
			return errors.New("the server refuses the token in state")
		}
		return nil
	})
}

// serverWith starts a server that has an operator token and returns its provider
// block.
func serverWith(t *testing.T, options ...influxdb3test.Option) (*influxdb3test.Server, string, string) {
	t.Helper()
	s := influxdb3test.New(t, options...)
	token := s.Bootstrap(t)
	return s, token, block(s, withToken(token))
}

func TestIssuedToken_badInput(t *testing.T) {
	t.Parallel()
	expectRefusals(t, map[string]struct{ config, want string }{
		"no name":                    {named(), "Missing Attribute Configuration|one \\(and only one\\)"},
		"both":                       {named(`name = "a"`, `name_prefix = "b"`), "one \\(and only one\\)|Invalid Attribute Combination"},
		"empty name":                 {named(`name = ""`), "it must not be empty"},
		"operator token":             {named(`name = "_admin"`), "is the operator token"},
		"line break":                 {named(`name = "a\nb"`), "control characters"},
		"empty prefix":               {named(`name_prefix = ""`), "it must not be empty"},
		"tab in the prefix":          {named(`name_prefix = "a\tb"`), "control characters"},
		"name too long":              {named(`name = "` + strings.Repeat("x", 1025) + `"`), "at most 1024 bytes long, and xxxxxxxxxxxxxxxxxxxx… has 1025"},
		"prefix too long":            {named(`name_prefix = "` + strings.Repeat("x", 1001) + `"`), "at most 1000 bytes long, and xxxxxxxxxxxxxxxxxxxx… has 1001"},
		"expires_in zero":            {named(`name = "a"`, `expires_in = "0s"`), "above zero"},
		"expires_in negative":        {named(`name = "a"`, `expires_in = "-1h"`), "above zero"},
		"expires_in of milliseconds": {named(`name = "a"`, `expires_in = "1500ms"`), "whole seconds"},
		"expires_in too large":       {named(`name = "a"`, `expires_in = "99999999h"`), "must be a duration of at most 292 years"},
		"rotate_before_expiry alone": {named(`name = "a"`, `rotate_before_expiry = "1h"`), "needs expires_in"},
		"rotate_before_expiry long":  {named(`name = "a"`, `expires_in = "1h"`, `rotate_before_expiry = "1h"`), "must be shorter than expires_in"},
		"rotate_before_expiry zero":  {named(`name = "a"`, `expires_in = "1h"`, `rotate_before_expiry = "0h"`), "above zero"},
		"keep_on_destroy by name":    {named(`name = "a"`, `keep_on_destroy = true`), "needs name_prefix"},
		"no permissions":             {limited(`name = "a"`), `argument "permissions" is required`},
		"empty permissions":          {limited(`name = "a"`, `permissions = []`), "at least 1"},
		"wildcard and names":         {limited(`name = "a"`, `permissions = [{ resource_type = "db", resource_names = ["*", "x"], actions = ["read"] }]`), "cannot be mixed"},
		"system with write":          {limited(`name = "a"`, `permissions = [{ resource_type = "system", resource_names = ["ping"], actions = ["write"] }]`), "actions of system are read"},
		"unknown system name":        {limited(`name = "a"`, `permissions = [{ resource_type = "system", resource_names = ["disk"], actions = ["read"] }]`), "resources of system are"},
		"unknown action":             {limited(`name = "a"`, `permissions = [{ resource_type = "db", resource_names = ["x"], actions = ["drop"] }]`), "actions of db are"},
		"unknown type":               {limited(`name = "a"`, `permissions = [{ resource_type = "table", resource_names = ["x"], actions = ["read"] }]`), "must be db or system"},
		"null resource":              {limited(`name = "a"`, `permissions = [{ resource_type = "db", resource_names = [null], actions = ["read"] }]`), "is null"},
		"no resource":                {limited(`name = "a"`, `permissions = [{ resource_type = "db", resource_names = [], actions = ["read"] }]`), "at least one resource name"},
		"no action":                  {limited(`name = "a"`, `permissions = [{ resource_type = "db", resource_names = ["x"], actions = [] }]`), "at least one action"},
	})
}

// expectRefusals expects an error, whose words are a pattern, for each configuration of a
// token, and no request.
func expectRefusals(t *testing.T, tests map[string]struct{ config, want string }) {
	t.Helper()
	s, _, provider := serverWith(t)
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCore(t)
			printed := c.plansText(provider + tt.config)
			if want := regexp.MustCompile(tt.want); !c.failed || !want.MatchString(printed) {
				t.Errorf("no %q: %s", want, printed)
			}
		})
	}
	expectUnasked(t, s)
}

// What the CLI makes of the schema, and of what the provider says.
func TestAccIssuedToken_badInput(t *testing.T) {
	t.Parallel()
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: factories(&testClock{}),
		Steps: []resource.TestStep{
			{Config: limited(`name = "a"`), PlanOnly: true, ExpectError: words(`argument "permissions" is required`)},
			{Config: limited(`name = ""`, mydb), PlanOnly: true, ExpectError: words("it must not be empty")},
		},
	})
}

// Where the configured token is the one that an apply regenerates, the rest of
// that apply goes on with the new one: it deletes, and creates.
func TestAccIssuedToken_afterRotation(t *testing.T) {
	t.Parallel()
	s, c := influxdb3test.New(t), newCore(t)
	operator := s.Bootstrap(t)
	for trigger := range 2 {
		lines := values{"name": str("ci"), "rotation_triggers": triggersValue(trigger + 1)}
		all := blocks{addressA: operatorLines{trigger: trigger + 1}.block(), addressNamed: {planned: lines, known: lines}}
		c.applied(rootOf(s, operator, all), planOptions{})
		if !s.Accepts(t, c.current(addressNamed, "token")) || count(s, http.MethodPost, namedAdminPath) != trigger+1 {
			t.Errorf("%d creations: %v", count(s, http.MethodPost, namedAdminPath), c.journal)
		}
	}
	if s.Accepts(t, operator) || !s.Accepts(t, c.current(addressA, "token")) {
		t.Error("the operator token was not rotated")
	}
}

// A refresh of many tokens makes one listing.
func TestAccIssuedToken_sharedListing(t *testing.T) {
	t.Parallel()
	s, c := influxdb3test.New(t), newCore(t)
	all := blocks{}
	for i := range 20 {
		all[fmt.Sprintf("%s.ci%d", namedType, i)] = namedBlock(fmt.Sprintf("ci-%d", i))
	}
	root := rootOf(s, s.Bootstrap(t), all)
	c.applied(root, planOptions{})
	s.ResetRequests()
	if made := c.planned(root, planOptions{}); len(made.changes) != 0 || len(made.prior) != len(all) || len(s.Requests()) != 1 {
		t.Errorf("%d requests for %d tokens: %v", len(s.Requests()), len(made.prior), c.journal)
	}
}
