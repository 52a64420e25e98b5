package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"filippo.io/age"
	"github.com/itchyny/gojq"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3test"
)

// policyConfig has everything that a rule of the guide looks at in variables.
const policyConfig = `
terraform {
  required_providers {
    influxdb3 = { source = "influxdb3-community/influxdb3" }
  }
}

variable "trigger" { default = "1" }
variable "protection" { default = true }
variable "existing" { default = "adopt" }
variable "expires_in" { default = "90d" }

resource "influxdb3_admin_token" "operator" {
  deletion_protection = var.protection
  existing_token      = var.existing
  rotation_triggers   = { by = var.trigger }
}

provider "influxdb3" {
  alias = "current"
  token = influxdb3_admin_token.operator.token
}

resource "influxdb3_named_admin_token" "ci" {
  provider   = influxdb3.current
  name       = "ci"
  expires_in = var.expires_in == "" ? null : var.expires_in
}
`

// policyForgets has the operator token no more.
const policyForgets = `
terraform {
  required_providers {
    influxdb3 = { source = "influxdb3-community/influxdb3" }
  }
}

removed {
  from = influxdb3_admin_token.operator

  lifecycle {
    destroy = false
  }
}

removed {
  from = influxdb3_named_admin_token.ci

  lifecycle {
    destroy = false
  }
}

# What is in state was made under it.
provider "influxdb3" {
  alias = "current"
}
`

// policyRules are the jq programs of the guide by the headings that they stand under.
func policyRules(t *testing.T) map[string]*gojq.Code {
	t.Helper()
	guide, err := os.ReadFile("../../docs/guides/policy.md")
	if err != nil {
		t.Fatal(err)
	}
	rules := map[string]*gojq.Code{}
	heading, program, inside := "", "", false
	for line := range strings.Lines(string(guide)) {
		switch {
		case line == "```jq\n":
			program, inside = "", true
		case inside && line == "```\n":
			query, err := gojq.Parse(program)
			if err != nil {
				t.Fatalf("%s: %v", heading, err)
			}
			code, err := gojq.Compile(query)
			if err != nil {
				t.Fatalf("%s: %v", heading, err)
			}
			if rules[heading] != nil {
				t.Fatalf("two programs under %q", heading)
			}
			rules[heading], inside = code, false
		case inside:
			program += line
		case strings.HasPrefix(line, "## "):
			heading = strings.TrimSpace(strings.TrimPrefix(line, "## "))
		}
	}
	return rules
}

// policySays is what a rule says of JSON documents, one line each.
func policySays(t *testing.T, rule *gojq.Code, documents string) (lines []string) {
	t.Helper()
	decoder := json.NewDecoder(strings.NewReader(documents))
	for decoder.More() {
		var document any
		if err := decoder.Decode(&document); err != nil {
			t.Fatal(err)
		}
		results := rule.Run(document)
		for result, more := results.Next(); more; result, more = results.Next() {
			if err, failed := result.(error); failed {
				t.Fatal(err)
			}
			lines = append(lines, fmt.Sprint(result))
		}
	}
	return lines
}

// The rules of the guide, on plans of every kind: each says what it is for, and
// nothing about the others.
func TestPolicies(t *testing.T) {
	t.Parallel()
	const (
		rotation   = "A Rotation"
		regenerate = "Permission to Regenerate"
		existing   = "An Existing Token Will Be Regenerated"
		protection = "Deletion Protection Is Switched Off"
		removal    = "The Operator Token Leaves the State"
		expiry     = "A Token That Never Expires"

		operator = "influxdb3_admin_token.operator: "
		ci       = "influxdb3_named_admin_token.ci: "
	)
	rules := policyRules(t)
	all := []string{rotation, regenerate, existing, protection, removal, expiry}
	if len(rules) != len(all) {
		t.Fatalf("the guide has %d rules, want %d", len(rules), len(all))
	}

	s := influxdb3test.New(t)
	base := newWorkspace(t, s, policyConfig)
	check := func(w *workspace, args []string, want map[string][]string) (plan string) {
		t.Helper()
		events := w.must(append([]string{"plan", "-json", "-out=plan"}, args...)...).stdout
		plan = w.must("show", "-json", "plan").stdout
		for _, heading := range all {
			documents := plan
			if heading == existing {
				documents = events
			}
			if got := policySays(t, rules[heading], documents); !slices.Equal(got, want[heading]) {
				t.Errorf("plan %v: %q says %q, want %q", args, heading, got, want[heading])
			}
		}
		return plan
	}

	check(base, nil, nil)
	check(base, []string{"-var", "protection=false", "-var", "existing=regenerate", "-var", "expires_in="}, map[string][]string{
		regenerate: {operator + "an operator token that somebody else holds may be regenerated"},
		protection: {operator + "deletion protection will be off"},
		expiry:     {ci + "the token will never expire"},
	})
	base.must("apply")
	token := base.state().text("token")

	if plan := check(base, nil, nil); !strings.Contains(plan, token) {
		t.Error("the plan as JSON holds no token any more: the guide warns of it")
	}
	rotated := map[string][]string{rotation: {operator + "the operator token will be regenerated"}}
	check(base, []string{"-var", "trigger=2", "-var", "existing=regenerate"}, rotated) // no creation
	check(base, []string{"-var", "protection=false", "-var", "expires_in="}, map[string][]string{
		protection: {operator + "deletion protection will be off"},
		expiry:     {ci + "the token will never expire"},
	})

	// Deletion protection does not see a removed block.
	leaves := map[string][]string{removal: {operator + "the operator token will leave the state"}}
	forgets := base.copy(t)
	forgets.write("main.tf", policyForgets)
	forgets.set("INFLUXDB3_AUTH_TOKEN", token)
	check(forgets, nil, leaves)

	base.must("apply", "-var", "protection=false")
	check(base, []string{"-var", "protection=false"}, nil) // it is off already
	check(base, []string{"-var", "protection=false", "-destroy"}, leaves)
	check(base, []string{"-var", "protection=false", "-replace=influxdb3_admin_token.operator"}, leaves)

	// Another state, whose provider has the token that this one made.
	other := newWorkspace(t, s, operatorConfig+"\nvariable \"existing\" { default = \"adopt\" }\n")
	other.write("override.tf", "resource \"influxdb3_admin_token\" \"operator\" {\n  existing_token = var.existing\n}\n")
	other.set("INFLUXDB3_AUTH_TOKEN", token)
	check(other, nil, nil)
	check(other, []string{"-var", "existing=regenerate"}, map[string][]string{
		regenerate: {operator + "an operator token that somebody else holds may be regenerated"},
		existing:   {operator + "an existing operator token will be regenerated"},
	})

	// Encrypted, the token is null before and after a rotation. Another recipient is none.
	encrypted := newWorkspace(t, influxdb3test.New(t), operatorConfig+"\nvariable \"age_recipients\" { type = set(string) }\n")
	encrypted.write("override.tf", "resource \"influxdb3_admin_token\" \"operator\" {\n  age_recipients = var.age_recipients\n}\n")
	encrypted.encrypts()
	encrypted.must("apply")
	plan := check(encrypted, []string{"-var", "trigger=2"}, rotated)
	if found := leaks(plan+encrypted.savedPlan("plan"), nil); found != nil {
		t.Errorf("the plan holds %q", found)
	}
	another, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	check(encrypted, []string{"-var", fmt.Sprintf("age_recipients=[%q, %q]", encrypted.identity.Recipient(), another.Recipient())}, nil)
}
