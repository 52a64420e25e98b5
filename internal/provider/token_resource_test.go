package provider

import (
	"context"
	"net/url"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3"
	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3test"
)

// An identity is recorded once: Terraform takes another one for another object.
func TestIdentify(t *testing.T) {
	t.Parallel()
	var schema resource.IdentitySchemaResponse
	(&tokenResource{}).IdentitySchema(t.Context(), resource.IdentitySchemaRequest{}, &schema)
	ctx := context.Background()
	identity := &tfsdk.ResourceIdentity{Schema: schema.IdentitySchema, Raw: tftypes.NewValue(schema.IdentitySchema.Type().TerraformType(ctx), nil)}
	for i, uuid := range []types.String{types.StringNull(), types.StringValue("here")} {
		if diags := identify(ctx, identity, types.StringValue("_admin"), uuid); diags.HasError() {
			t.Fatal(diags)
		}
		var got tokenIdentityModel
		if diags := identity.Get(ctx, &got); diags.HasError() || got.Name.ValueString() != "_admin" || !got.ClusterUUID.IsNull() {
			t.Errorf("%d: got %+v, %v", i, got, diags)
		}
	}
	if diags := identify(ctx, nil, types.StringValue("_admin"), types.StringNull()); len(diags) != 0 {
		t.Errorf("without identities: %v", diags)
	}
}

func TestCheckCluster(t *testing.T) {
	t.Parallel()
	server := newConfiguredServer(influxdb3.New(influxdb3.Config{URL: &url.URL{Scheme: "http", Host: "127.0.0.1:8181"}}), influxdb3.Secret{}, &testClock{})
	for _, tt := range []struct {
		want    types.String
		answers string
		fails   bool
	}{
		{types.StringNull(), "here", false},
		{types.StringValue("here"), "here", false},
		{types.StringValue("here"), "elsewhere", true},
		{types.StringValue("here"), "", true},
	} {
		if got := (tokenIdentityModel{ClusterUUID: tt.want}).checkCluster(tt.answers, server); got.HasError() != tt.fails {
			t.Errorf("%s, and %q answers: %v", tt.want, tt.answers, got)
		}
	}
}

// An ID of an import is read in one way only, and every token of every server has one.
func TestParseID(t *testing.T) {
	t.Parallel()
	servers := &configuredServers{byName: map[string]*configuredServer{"": {}, "a": {}, "a.b": {}}}
	for id, want := range map[string][2]string{
		"ci": {"", "ci"}, "a/ci": {"a", "ci"}, "a.b/ci": {"a.b", "ci"}, "a/x/y": {"a", "x/y"}, "a/a/ci": {"a", "a/ci"},
		"x/y": {"", "x/y"}, "ab/ci": {"", "ab/ci"}, "a": {"", "a"}, "A/ci": {"", "A/ci"},
		"/a/ci": {"", "a/ci"}, "//a/ci": {"", "/a/ci"}, "///a/ci": {"", "//a/ci"}, "/ci": {"", "/ci"}, "//ci": {"", "//ci"}, "/x/y": {"", "/x/y"},
		"a//ci": {"a", "/ci"}, "a//a/ci": {"a", "/a/ci"}, "a/": {"a", ""}, "/": {"", "/"}, "": {"", ""},
	} {
		if server, name := servers.parseID(id); server != want[0] || name != want[1] {
			t.Errorf("%q is %q of %q, want %q of %q", id, name, server, want[1], want[0])
		}
	}
	unknown := &configuredServers{byName: map[string]*configuredServer{"": {}}, unknown: true}
	for id, want := range map[string][2]string{"b/ci": {"b", "ci"}, "ci": {"", "ci"}, "b c/ci": {"", "b c/ci"}, "/b/ci": {"", "b/ci"}} {
		if server, name := unknown.parseID(id); server != want[0] || name != want[1] {
			t.Errorf("%q is %q of %q, want %q of %q", id, name, server, want[1], want[0])
		}
	}
}

// An import finds its server, or says why it does not, and never takes another one.
func TestProtocol_import(t *testing.T) {
	t.Parallel()
	c := newCore(t)
	own, a, old := influxdb3test.New(t), influxdb3test.New(t), influxdb3test.New(t, influxdb3test.As("3.4"))
	tokens := map[*influxdb3test.Server]string{}
	for _, s := range []*influxdb3test.Server{own, a, old} {
		tokens[s] = s.Bootstrap(t)
		for _, name := range []string{"ci", "a/ci", "x/y"} {
			s.CreateNamedAdmin(t, tokens[s], name, 0)
		}
	}
	entries := map[string]tftypes.Value{"a": entry(c, a, tokens[a]), "old": entry(c, old, tokens[old])}
	block := rootOf(own, tokens[own], nil).provider
	block["servers"] = entriesOf(c, entries)
	single := values{"servers": entriesOf(c, map[string]tftypes.Value{"old": entry(c, old, tokens[old])})}
	unknown := rootOf(own, tokens[own], nil).provider
	unknown["servers"] = tftypes.NewValue(c.objectType("").AttributeTypes["servers"], tftypes.UnknownValue)
	identity := func(name string, s *influxdb3test.Server) values {
		if s == nil {
			return values{"name": str(name)}
		}
		return values{"name": str(name), "cluster_uuid": str(s.ClusterUUID(t))}
	}
	for name, tt := range map[string]struct {
		provider values
		id       string
		identity values
		server   string // in state
		token    string // its name
		said     string
	}{
		"the block itself":                {block, "ci", nil, "", "ci", ""},
		"an entry":                        {block, "a/ci", nil, "a", "ci", ""},
		"name with a slash":               {block, "x/y", nil, "", "x/y", ""},
		"of an entry, with a slash":       {block, "old/x/y", nil, "old", "x/y", ""},
		"begins with the entry's name":    {block, "a/a/ci", nil, "a", "a/ci", ""},
		"of the block, with its name":     {block, "/a/ci", nil, "", "a/ci", ""},
		"not there":                       {block, "b/ci", nil, "", "", `has no token named "b/ci"`},
		"no name":                         {block, "a/", nil, "", "", `"" cannot be a name`},
		"the operator token":              {block, "a/_admin", nil, "", "", `_admin is the operator token`},
		"identity of the block itself":    {block, "", identity("ci", own), "", "ci", ""},
		"identity of an entry":            {block, "", identity("a/ci", a), "a", "a/ci", ""},
		"identity of no entry":            {block, "", values{"name": str("ci"), "cluster_uuid": str("nowhere")}, "", "", `No cluster_uuid was to be had from: servers["old"]`},
		"identity without a cluster":      {block, "", identity("ci", nil), "", "", "The identity has no cluster_uuid, and the provider block has several servers"},
		"without a cluster, of the only":  {single, "", identity("x/y", nil), "old", "x/y", ""},
		"an ID, of servers not known":     {unknown, "a/ci", nil, "", "", "The provider's servers comes from a resource"},
		"identity, of servers not known":  {unknown, "", identity("ci", a), "", "", "The provider's servers comes from a resource"},
		"the block, of servers not known": {unknown, "ci", nil, "", "ci", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCore(t)
			p := c.start(tt.provider, patienceAlone)
			var got *object
			if tt.identity != nil {
				got = c.importIdentity(p, addressNamed, tt.identity)
			} else {
				got = c.importObject(p, addressNamed, tt.id)
			}
			if (got == nil) != (tt.said != "") || tt.said != "" && !c.said(tt.said) {
				t.Fatalf("%v", c.journal)
			}
			if got != nil && (got.values.of("server") != tt.server || got.values.of("name") != tt.token) {
				t.Errorf("%q of %q is in state", got.values.of("name"), got.values.of("server"))
			}
		})
	}
}

// However many tokens are imported by identity, every server tells its cluster once.
func TestProtocol_importMany(t *testing.T) {
	t.Parallel()
	c := newCore(t)
	a, b := influxdb3test.New(t), influxdb3test.New(t)
	first, second := a.Bootstrap(t), b.Bootstrap(t)
	a.CreateNamedAdmin(t, first, "ci", 0)
	b.CreateNamedAdmin(t, second, "ci", 0)
	p := c.start(values{"servers": entriesOf(c, map[string]tftypes.Value{"a": entry(c, a, first), "b": entry(c, b, second)})}, patienceAlone)
	servers := []*influxdb3test.Server{a, b}
	ids := []string{a.ClusterUUID(t), b.ClusterUUID(t)}
	a.ResetRequests()
	b.ResetRequests()
	for i := range 10 {
		if c.importIdentity(p, addressNamed, values{"name": str("ci"), "cluster_uuid": str(ids[i%2])}) == nil {
			t.Fatal(c.journal)
		}
	}
	for _, s := range servers {
		if n := len(s.Requests()); n != 2 {
			t.Errorf("%d requests, want one for the cluster and one for the tokens", n)
		}
	}
}
