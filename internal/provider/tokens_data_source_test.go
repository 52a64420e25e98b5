package provider

import (
	"slices"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3test"
)

func TestAccDataSources(t *testing.T) {
	t.Parallel()
	s, token, provider := serverWith(t, influxdb3test.Enterprise())
	s.CreateNamedAdmin(t, token, "ci-1", 0)
	s.CreateNamedAdmin(t, token, "ci-2", 3600)
	listed := func(name string, want ...string) statecheck.StateCheck {
		checks := make([]knownvalue.Check, 0, len(want))
		for _, w := range want {
			checks = append(checks, knownvalue.ObjectPartial(map[string]knownvalue.Check{"name": text(w)}))
		}
		return statecheck.ExpectKnownValue("data.influxdb3_tokens."+name, tfjsonpath.New("tokens"), knownvalue.ListExact(checks))
	}
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: factories(&testClock{}),
		Steps: []resource.TestStep{
			{
				Config: provider + limited(`name = "app"`, mydb) + `
data "influxdb3_tokens" "all" {
  depends_on = [influxdb3_resource_token.app]
}
data "influxdb3_tokens" "prefix" {
  name_prefix = "ci-"
}
data "influxdb3_tokens" "operator" {
  kind = "operator"
}
data "influxdb3_tokens" "limited" {
  kind       = "resource"
  depends_on = [influxdb3_resource_token.app]
}
data "influxdb3_server" "this" {}
`,
				ConfigStateChecks: []statecheck.StateCheck{
					listed("all", "_admin", "ci-1", "ci-2", "app"),
					listed("prefix", "ci-1", "ci-2"),
					listed("operator", "_admin"),
					listed("limited", "app"),
					statecheck.ExpectKnownValue("data.influxdb3_server.this", tfjsonpath.New("product"), text("InfluxDB 3 Enterprise")),
					statecheck.ExpectKnownValue("data.influxdb3_server.this", tfjsonpath.New("version"), knownvalue.NotNull()),
					statecheck.ExpectKnownValue("data.influxdb3_server.this", tfjsonpath.New("cluster_uuid"), text(s.ClusterUUID(t))),
					statecheck.ExpectKnownValue("data.influxdb3_server.this", tfjsonpath.New("operator_token"), text("present")),
				},
			},
		},
	})
}

// data validates and reads a data source, and returns nil where that is an error.
func (c *core) data(p *process, name string, config values) (got values) {
	t, ok := c.schema.DataSourceSchemas[name].ValueType().(tftypes.Object)
	if !ok {
		c.fatalf("the schema of the data source %s is no object", name)
	}
	config = full(t, config)
	wire, err := tfprotov6.NewDynamicValue(t, tftypes.NewValue(t, map[string]tftypes.Value(config)))
	c.must(err)
	checked, err := p.ValidateDataResourceConfig(c.ctx, &tfprotov6.ValidateDataResourceConfigRequest{TypeName: name, Config: &wire})
	c.must(err)
	if !c.note(checked.Diagnostics) {
		return nil
	}
	resp, err := p.ReadDataSource(c.ctx, &tfprotov6.ReadDataSourceRequest{TypeName: name, Config: &wire})
	c.must(err)
	if !c.note(resp.Diagnostics) {
		return nil
	}
	value, err := resp.State.Unmarshal(t)
	c.must(err)
	plain := map[string]tftypes.Value{}
	c.must(value.As(&plain))
	c.whollyKnown(name+" as read", plain)
	for attribute, want := range config {
		if !want.IsNull() && !plain[attribute].Equal(want) {
			c.fatalf("%s.%s is not as configured", name, attribute)
		}
	}
	return plain
}

// tokensIn are the names in a data source of tokens, with a mark for those that have expired.
func (c *core) tokensIn(v values) (names []string) {
	var all []tftypes.Value
	c.must(v["tokens"].As(&all))
	for _, one := range all {
		token, expired := map[string]tftypes.Value{}, false
		c.must(one.As(&token))
		c.must(token["expired"].As(&expired))
		name := values(token).of("name")
		if expired {
			name += " (expired)"
		}
		names = append(names, name)
	}
	return names
}

// An expired token is listed on request only.
func TestTokensDataSource_expired(t *testing.T) {
	t.Parallel()
	c := newCore(t)
	s := influxdb3test.New(t, influxdb3test.Clock(c.clock.Now))
	token := s.Bootstrap(t)
	s.CreateNamedAdmin(t, token, "short", 60)
	c.clock.pass(time.Hour)
	p := c.start(rootOf(s, token, nil).provider, patienceAlone)
	for include, want := range map[bool][]string{false: {"_admin"}, true: {"_admin", "short (expired)"}} {
		if got := c.tokensIn(c.data(p, "influxdb3_tokens", values{"include_expired": tftypes.NewValue(tftypes.Bool, include)})); !slices.Equal(got, want) {
			t.Errorf("got %v, want %v: %v", got, want, c.journal)
		}
	}
}

// A data source is of one server, and says why it has nothing.
func TestAccDataSources_ofServer(t *testing.T) {
	t.Parallel()
	s, other, c := influxdb3test.New(t), influxdb3test.New(t), newCore(t)
	token := s.Bootstrap(t)
	s.CreateNamedAdmin(t, token, "ci", 0)
	provider := fleetOf(c, map[string]tftypes.Value{"good": entry(c, s, token), "bad": entry(c, other, secretToken)}, nil, nil).provider
	other.Bootstrap(t)
	for _, tt := range []struct {
		name   string
		config values
		want   string // of the error, none without
	}{
		{"influxdb3_tokens", values{"server": str("good")}, ""},
		{"influxdb3_server", values{"server": str("good")}, ""},
		{"influxdb3_tokens", values{"server": str("good"), "kind": str("admin")}, "must be one of"},
		{"influxdb3_tokens", values{"server": str("bad")}, "The provider has no token that the server accepts"},
		{"influxdb3_server", values{"server": str("bad")}, "The provider has no token that the server accepts"},
		{"influxdb3_tokens", values{"server": str("none")}, `has no entry "none"`},
		{"influxdb3_server", values{"server": str("none")}, `has no entry "none"`},
	} {
		c.begin()
		got := c.data(c.start(provider, patienceAlone), tt.name, tt.config)
		switch {
		case c.failed != (tt.want != ""), !c.said(tt.want) && c.failed:
			t.Errorf("%s %v: %v", tt.name, tt.config, c.journal)
		case c.failed:
		case tt.name == "influxdb3_tokens" && !slices.Equal(c.tokensIn(got), []string{"_admin", "ci"}):
			t.Errorf("got %v", c.tokensIn(got))
		case got.of("cluster_uuid") != s.ClusterUUID(t):
			t.Errorf("%s is of another server", tt.name)
		}
	}
}
