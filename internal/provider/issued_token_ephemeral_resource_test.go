package provider

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

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

func TestAccIssuedTokenEphemeral(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		kind    string
		options []influxdb3test.Option
		lines   []string
		prefix  string
		expires time.Duration
		in      string
	}{
		"named":    {kind: namedEphemeral, prefix: "run-", expires: time.Hour, in: "1h"},
		"limited":  {kind: limitedEphemeral, options: []influxdb3test.Option{influxdb3test.Enterprise()}, lines: []string{mydb}, prefix: "run-", expires: time.Hour, in: "1h"},
		"as asked": {kind: namedEphemeral, lines: []string{`name_prefix = "deploy-"`, `expires_in = "1d"`}, prefix: "deploy-", expires: 24 * time.Hour, in: "1d"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, token, provider := serverWith(t, tt.options...)
			at := tfjsonpath.New("data")
			hash := ""
			resource.Test(t, resource.TestCase{
				TerraformVersionChecks:   []tfversion.TerraformVersionCheck{readable{}},
				ProtoV6ProviderFactories: echoing(&testClock{}),
				Steps: []resource.TestStep{{
					Config: provider + forRun(tt.kind, tt.lines...) + echo(tt.kind+".run"),
					ConfigStateChecks: []statecheck.StateCheck{
						statecheck.ExpectKnownValue(echoAddress, at.AtMapKey("name"), knownvalue.StringRegexp(regexp.MustCompile("^"+tt.prefix+`\d{14}[0-9a-f]{10}$`))),
						statecheck.ExpectKnownValue(echoAddress, at.AtMapKey("name_prefix"), text(tt.prefix)),
						statecheck.ExpectKnownValue(echoAddress, at.AtMapKey("expires_in"), text(tt.in)),
						statecheck.ExpectKnownValue(echoAddress, at.AtMapKey("expires_at"), within(tt.expires)),
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
				}},
			})
			made, deleted := 0, 0
			for _, r := range s.Requests() {
				switch {
				case r.Path == namedAdminPath || r.Path == limitedPath:
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
		})
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
		lines    []string
		provider []string // lines, with the operator token without any
		faults   []influxdb3test.Fault
		want     []string // an error, none without
		not      string
	}{
		"lost":        {faults: []influxdb3test.Fault{{Kind: influxdb3test.CutAfter, Path: namedAdminPath}}},
		"not done":    {faults: []influxdb3test.Fault{{Kind: influxdb3test.CutBefore, Path: namedAdminPath}}, want: []string{"was not created", "had not done it"}},
		"refused":     {provider: []string{withToken(secretToken)}, want: []string{"Unable to Create Token", "no token that the server accepts"}},
		"no token":    {provider: []string{""}, want: []string{"No token is configured"}},
		"not on Core": {kind: limitedEphemeral, lines: []string{mydb}, want: []string{"need InfluxDB 3 Enterprise or InfluxDB 3 Cloud"}},
		"doubtful": {
			faults: []influxdb3test.Fault{doubtful, {Kind: influxdb3test.Answer, Path: queryPath, Status: http.StatusBadGateway}},
			want:   []string{"it is not known whether the token works", "The server does not have it any more", "Run this again"}, not: "in state",
		},
		"doubtful, and it stays": {
			faults: []influxdb3test.Fault{doubtful, {Kind: influxdb3test.Answer, Path: queryPath, Status: http.StatusBadGateway, Times: 2}},
			want:   []string{"it is not known whether the token works", "The run does not get the token", "Run this again"}, not: "does not have it any more",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := influxdb3test.New(t)
			token := s.Bootstrap(t)
			kind, lines := tt.kind, tt.provider
			if kind == "" {
				kind = namedEphemeral
			}
			if lines == nil {
				lines = []string{withToken(token)}
			}
			failed := ""
			resource.Test(t, resource.TestCase{
				TerraformVersionChecks:   []tfversion.TerraformVersionCheck{readable{}},
				ProtoV6ProviderFactories: echoing(&testClock{}),
				ErrorCheck: func(err error) error {
					failed = err.Error()
					if len(tt.want) == 0 {
						return err
					}
					return nil
				},
				Steps: []resource.TestStep{{
					PreConfig: func() {
						for _, fault := range tt.faults {
							s.Inject(fault)
						}
					},
					Config: block(s, append(lines, "max_retries = 0")...) + forRun(kind, tt.lines...) + echo(kind+".run"),
				}},
			})
			if len(tt.want) > 0 && failed == "" {
				t.Error("there is no error")
			}
			for _, want := range tt.want {
				if !words(want).MatchString(failed) {
					t.Errorf("no %q in: %s", want, failed)
				}
			}
			if tt.not != "" && words(tt.not).MatchString(failed) {
				t.Errorf("%q in: %s", tt.not, failed)
			}
			want := 1
			if strings.HasSuffix(name, "it stays") {
				want = 2
			}
			if left := s.Names(t, token); len(left) != want {
				t.Errorf("the tokens are %v", left)
			}
		})
	}
}
