package provider

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"
	"github.com/hashicorp/terraform-plugin-testing/tfversion"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3test"
)

const (
	namedEphemeral   = "influxdb3_named_admin_token"
	limitedEphemeral = "influxdb3_resource_token"
)

// forRun writes the ephemeral resource of a token for one run with its lines.
func forRun(kind string, lines ...string) string {
	return fmt.Sprintf("ephemeral %q \"run\" {\n  %s\n}\n", kind, strings.Join(lines, "\n  "))
}

// within expects a time that far from now, to five minutes.
func within(d time.Duration) knownvalue.Check {
	return knownvalue.StringFunc(func(text string) error {
		at, err := time.Parse(time.RFC3339, text)
		if err == nil && (time.Until(at)-d).Abs() > 5*time.Minute {
			err = fmt.Errorf("%s is not in %s", text, d)
		}
		return err
	})
}

// What a command line makes of a token for one run; TestRunToken has every kind of it.
func TestAccIssuedTokenEphemeral(t *testing.T) {
	t.Parallel()
	s, token, provider := serverWith(t)
	at, hash := tfjsonpath.New("data"), ""
	config := forRun(namedEphemeral) + echo(namedEphemeral+".run")
	resource.Test(t, resource.TestCase{
		TerraformVersionChecks:   []tfversion.TerraformVersionCheck{readable{}},
		ProtoV6ProviderFactories: echoing(&testClock{}),
		Steps: []resource.TestStep{
			{Config: block(s, withToken(secretToken)) + config, ExpectError: words("no token that the server accepts")},
			{
				Config: provider + config,
				ConfigStateChecks: []statecheck.StateCheck{
					statecheck.ExpectKnownValue(echoAddress, at.AtMapKey("name"), knownvalue.StringRegexp(regexp.MustCompile(`^run-\d{14}[0-9a-f]{10}$`))),
					statecheck.ExpectKnownValue(echoAddress, at.AtMapKey("name_prefix"), text("run-")),
					statecheck.ExpectKnownValue(echoAddress, at.AtMapKey("expires_in"), text("1h")),
					statecheck.ExpectKnownValue(echoAddress, at.AtMapKey("expires_at"), within(time.Hour)),
					statecheck.ExpectKnownValue(echoAddress, at.AtMapKey("hash"), knownvalue.StringFunc(func(text string) error {
						hash = text
						return nil
					})),
					statecheck.ExpectKnownValue(echoAddress, at.AtMapKey("token"), knownvalue.StringFunc(func(run string) error {
						if s.Accepts(t, run) {
							return fmt.Errorf("the server accepts the token %s after the run", hash)
						}
						return nil
					})),
				},
			},
		},
	})
	made, deleted := 0, 0
	for _, r := range s.Requests() {
		switch {
		case r.Path == namedAdminPath && r.Status == http.StatusCreated:
			made++
		case r.Method == http.MethodDelete:
			deleted++
		}
	}
	if made == 0 || made != deleted {
		t.Errorf("%d tokens were made and %d deleted", made, deleted)
	}
	if left := s.Names(t, token); len(left) != 1 {
		t.Errorf("left over: %v", left)
	}
}

func TestIssuedTokenEphemeral_badInput(t *testing.T) {
	t.Parallel()
	expectRefusals(t, map[string]struct{ config, want string }{
		"empty prefix":               {forRun(namedEphemeral, `name_prefix = ""`), "it must not be empty"},
		"tab in the prefix":          {forRun(namedEphemeral, `name_prefix = "a\tb"`), "control characters"},
		"prefix too long":            {forRun(namedEphemeral, `name_prefix = "`+strings.Repeat("x", 1001)+`"`), "at most 1000 bytes long"},
		"expires_in zero":            {forRun(namedEphemeral, `expires_in = "0s"`), "above zero"},
		"expires_in negative":        {forRun(namedEphemeral, `expires_in = "-1h"`), "above zero"},
		"expires_in of milliseconds": {forRun(namedEphemeral, `expires_in = "1500ms"`), "whole seconds"},
		"expires_in text":            {forRun(namedEphemeral, `expires_in = "soon"`), "must be a duration"},
		"a name":                     {forRun(namedEphemeral, `name = "ci"`), `Can't configure a value for "name"|Invalid Configuration for Read-Only Attribute|Unsupported`},
		"no permissions":             {forRun(limitedEphemeral), `argument "permissions" is required`},
		"empty permissions":          {forRun(limitedEphemeral, `permissions = []`), "at least 1"},
		"unknown action":             {forRun(limitedEphemeral, `permissions = [{ resource_type = "db", resource_names = ["x"], actions = ["drop"] }]`), "actions of db are"},
		"permissions of an admin":    {forRun(namedEphemeral, mydb), "Unsupported argument"},
	})
}

func TestAccIssuedTokenEphemeral_badInput(t *testing.T) {
	t.Parallel()
	resource.Test(t, resource.TestCase{
		TerraformVersionChecks:   []tfversion.TerraformVersionCheck{readable{}},
		ProtoV6ProviderFactories: factories(&testClock{}),
		Steps:                    []resource.TestStep{{Config: forRun(namedEphemeral, `expires_in = "1500ms"`), PlanOnly: true, ExpectError: words("whole seconds")}},
	})
}

// What goes wrong while the token is made leaves none behind.
func TestAccIssuedTokenEphemeral_faults(t *testing.T) {
	t.Parallel()
	doubtful := influxdb3test.Fault{Kind: influxdb3test.SetHeader, Path: namedAdminPath, Header: http.Header{"Age": {"30"}}}
	for name, tt := range map[string]struct {
		kind     string
		provider values // in place of the operator token
		faults   []influxdb3test.Fault
		want     []string // an error, none without
		not      string
		left     int
	}{
		"lost":        {faults: []influxdb3test.Fault{{Kind: influxdb3test.CutAfter, Path: namedAdminPath}}},
		"not done":    {faults: []influxdb3test.Fault{{Kind: influxdb3test.CutBefore, Path: namedAdminPath}}, want: []string{"was not created", "had not done it"}},
		"refused":     {provider: values{"token": str(secretToken)}, want: []string{"Unable to Create Token", "no token that the server accepts"}},
		"no token":    {provider: values{}, want: []string{"No token is configured"}},
		"not on Core": {kind: limitedEphemeral, want: []string{"need InfluxDB 3 Enterprise or InfluxDB 3 Cloud"}},
		"doubtful": {
			faults: []influxdb3test.Fault{doubtful, {Kind: influxdb3test.Answer, Path: queryPath, Status: http.StatusBadGateway}},
			want:   []string{"it is not known whether the token works", "The server does not have it any more", "Run this again"}, not: "in state",
		},
		"doubtful, and it stays": {
			faults: []influxdb3test.Fault{doubtful, {Kind: influxdb3test.Answer, Path: queryPath, Status: http.StatusBadGateway, Times: 2}},
			want:   []string{"it is not known whether the token works", "The run does not get the token", "Run this again"}, not: "does not have it any more", left: 1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, c := influxdb3test.New(t), newCore(t)
			token, kind := s.Bootstrap(t), tt.kind
			if kind == "" {
				kind = namedEphemeral
			}
			provider := values{"token": str(token)}
			if tt.provider != nil {
				provider = tt.provider
			}
			provider["url"], provider["max_retries"] = str(s.URL()), tftypes.NewValue(tftypes.Number, 0)
			for _, fault := range tt.faults {
				s.Inject(fault)
			}
			p := c.start(provider, patienceAlone)
			o := c.open(c.ctx, p, kind, runConfig(kind, nil))
			if (o == nil) != (len(tt.want) > 0) {
				t.Errorf("opened: %t: %v", o != nil, c.journal)
			}
			for _, want := range tt.want {
				if !c.said(want) {
					t.Errorf("no %q: %v", want, c.journal)
				}
			}
			if tt.not != "" && c.said(tt.not) {
				t.Errorf("%q: %v", tt.not, c.journal)
			}
			if o != nil {
				c.shut(c.ctx, p, kind, o)
			}
			if left := s.Names(t, token); len(left) != 1+tt.left {
				t.Errorf("the tokens are %v", left)
			}
		})
	}
}
