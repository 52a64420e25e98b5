package provider

import (
	"context"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3"
	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3test"
)

const (
	runAdmin, runLimited, runDecrypted = "influxdb3_named_admin_token", "influxdb3_resource_token", "influxdb3_token"
)

// opened is an ephemeral resource between Open and Close.
type opened struct {
	values  values
	private []byte
}

// ephemeralType is that of an ephemeral resource.
func (c *core) ephemeralType(name string) tftypes.Object {
	t, ok := c.schema.EphemeralResourceSchemas[name].ValueType().(tftypes.Object)
	if !ok {
		c.fatalf("the schema of the ephemeral resource %s is no object", name)
	}
	return t
}

// open validates and opens an ephemeral resource, and returns nil where that is an error.
func (c *core) open(ctx context.Context, p *process, name string, config values) *opened {
	t := c.ephemeralType(name)
	config = full(t, config)
	wire, err := tfprotov6.NewDynamicValue(t, tftypes.NewValue(t, map[string]tftypes.Value(config)))
	c.must(err)
	checked, err := p.ValidateEphemeralResourceConfig(c.ctx, &tfprotov6.ValidateEphemeralResourceConfigRequest{TypeName: name, Config: &wire})
	c.must(err)
	if !c.note(checked.Diagnostics) {
		return nil
	}
	resp, err := p.OpenEphemeralResource(ctx, &tfprotov6.OpenEphemeralResourceRequest{TypeName: name, Config: &wire})
	c.must(err)
	c.heard(string(resp.Private))
	if !c.note(resp.Diagnostics) {
		return nil
	}
	value, err := resp.Result.Unmarshal(t)
	c.must(err)
	got := map[string]tftypes.Value{}
	c.must(value.As(&got))
	c.whollyKnown(name+" as opened", got)
	for _, attribute := range c.schema.EphemeralResourceSchemas[name].Block.Attributes {
		if want := config[attribute.Name]; (!want.IsNull() || !attribute.Computed) && !got[attribute.Name].Equal(want) {
			c.fatalf("%s.%s is not as configured", name, attribute.Name)
		}
	}
	return &opened{values: got, private: resp.Private}
}

// shut closes it.
func (c *core) shut(ctx context.Context, p *process, name string, o *opened) {
	resp, err := p.CloseEphemeralResource(ctx, &tfprotov6.CloseEphemeralResourceRequest{TypeName: name, Private: o.private})
	c.must(err)
	c.note(resp.Diagnostics)
}

// permissionsValue allows to read a database.
func permissionsValue() tftypes.Value {
	set := tftypes.Set{ElementType: tftypes.String}
	one := tftypes.Object{AttributeTypes: map[string]tftypes.Type{"resource_type": tftypes.String, "resource_names": set, "actions": set}}
	return tftypes.NewValue(tftypes.Set{ElementType: one}, []tftypes.Value{tftypes.NewValue(one, map[string]tftypes.Value{
		"resource_type": str("db"), "resource_names": tftypes.NewValue(set, []tftypes.Value{str("mydb")}), "actions": tftypes.NewValue(set, []tftypes.Value{str("read")}),
	})})
}

// runKinds are the tokens that live for one run, by the path that makes one.
var runKinds = map[string]string{runAdmin: namedAdminPath, runLimited: limitedPath}

// runConfig is the configuration of a token that lives for one run.
func runConfig(name string, more values) values {
	config := values{}
	if name == runLimited {
		config["permissions"] = permissionsValue()
	}
	maps.Copy(config, more)
	return config
}

// newEphemeral is a server with a process that has the operator token.
func newEphemeral(t *testing.T, options ...influxdb3test.Option) (*influxdb3test.Server, *core, *process) {
	t.Helper()
	c := newCore(t)
	s := influxdb3test.New(t, append(options, influxdb3test.Clock(c.clock.Now), influxdb3test.WithTokenFile("root", rootToken))...)
	root := rootOf(s, rootToken, nil)
	root.provider["max_retries"] = tftypes.NewValue(tftypes.Number, 0)
	return s, c, c.start(root.provider, patienceAlone)
}

// A token for one run works until the run ends, expires if nobody ends it, and gives nothing
// away but itself.
func TestRunToken(t *testing.T) {
	t.Parallel()
	for name := range runKinds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, c, p := newEphemeral(t, influxdb3test.Enterprise())
			for _, tt := range []struct {
				config values
				prefix string
				in     string
				lives  time.Duration
			}{
				{nil, runPrefix, "1h", time.Hour},
				{values{"name_prefix": str("ci-"), "expires_in": str("1d")}, "ci-", "1d", 24 * time.Hour},
			} {
				o := c.open(c.ctx, p, name, runConfig(name, tt.config))
				if o == nil {
					t.Fatal(c.journal)
				}
				secret := influxdb3.NewSecret(o.values.of("token"))
				if !s.Accepts(t, secret.Reveal()) || secret.Hash() != o.values.of("hash") || !strings.HasPrefix(o.values.of("name"), tt.prefix) {
					t.Errorf("not the token: %s, %s", o.values.of("name"), o.values.of("hash"))
				}
				if o.values.of("name_prefix") != tt.prefix || o.values.of("expires_in") != tt.in {
					t.Errorf("the prefix is %q, and it expires in %q", o.values.of("name_prefix"), o.values.of("expires_in"))
				}
				if strings.Contains(string(o.private), secret.Reveal()) {
					t.Error("private data holds the token")
				}
				expires, err := time.Parse(time.RFC3339, o.values.of("expires_at"))
				if left := expires.Sub(c.clock.Now()); err != nil || left > tt.lives+time.Second || left < tt.lives-time.Minute {
					t.Errorf("lives for %s (%v), want %s", left, err, tt.lives)
				}
				if c.shut(c.ctx, p, name, o); len(c.journal) > 0 || s.Accepts(t, secret.Reveal()) {
					t.Errorf("not deleted: %v", c.journal)
				}
			}
		})
	}
}

// A node that has not learned of the token yet does not save it from being deleted: a plan
// opens and closes within a second.
func TestRunToken_lag(t *testing.T) {
	t.Parallel()
	s, c, p := newEphemeral(t, influxdb3test.Lag(10*time.Second))
	c.clock.pass(time.Minute)
	o := c.open(c.ctx, p, runAdmin, values{})
	if o == nil {
		t.Fatal(c.journal)
	}
	c.shut(c.ctx, p, runAdmin, o)
	c.clock.pass(time.Minute)
	if s.Accepts(t, o.values.of("token")) {
		t.Errorf("it stays, and nothing is said: %v", c.journal)
	}
}

// An interrupted run deletes it all the same, and one that cannot be deleted is a warning.
func TestRunToken_end(t *testing.T) {
	t.Parallel()
	for name, refused := range map[string]bool{"interrupted": false, "refused": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, c, p := newEphemeral(t)
			o := c.open(c.ctx, p, runAdmin, values{})
			if o == nil {
				t.Fatal(c.journal)
			}
			if refused {
				s.Inject(influxdb3test.Fault{Times: -1, Kind: influxdb3test.Answer, Status: http.StatusForbidden})
			}
			ctx, cancel := context.WithCancel(c.ctx)
			cancel()
			c.shut(ctx, p, runAdmin, o)
			s.ClearFaults()
			if s.Accepts(t, o.values.of("token")) != refused || c.said("Token of This Run Was Not Deleted") != refused || c.failed {
				t.Errorf("refused %t: %v", refused, c.journal)
			}
			if refused && !c.said("If the server still has the token") {
				t.Errorf("%v", c.journal)
			}
		})
	}
}

// Whoever made another token with the name in the meantime keeps it.
func TestRunToken_theirs(t *testing.T) {
	t.Parallel()
	s := influxdb3test.New(t)
	c, admin := newCore(t), s.Bootstrap(t)
	p := c.start(rootOf(s, admin, nil).provider, patienceAlone)
	o := c.open(c.ctx, p, runAdmin, values{})
	if o == nil {
		t.Fatal(c.journal)
	}
	name := o.values.of("name")
	s.Delete(t, admin, name)
	theirs := s.CreateNamedAdmin(t, admin, name, 0)
	if c.shut(c.ctx, p, runAdmin, o); !s.Accepts(t, theirs) {
		t.Error("somebody else's token was deleted")
	}
}

// A reply that proves too little is an error that speaks of no state, because nothing keeps
// the token, and leaves none.
func TestRunToken_doubtful(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		made influxdb3test.Fault
	}{
		"in doubt":  {influxdb3test.Fault{Kind: influxdb3test.SetHeader, Path: namedAdminPath, Header: map[string][]string{"Age": {"30"}}}},
		"cut short": {influxdb3test.Fault{Kind: influxdb3test.Truncate, Keep: 200, Path: namedAdminPath}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, c, p := newEphemeral(t)
			s.Inject(tt.made)
			s.Inject(influxdb3test.Fault{Kind: influxdb3test.Answer, Path: queryPath, Status: 500, Times: 1})
			o := c.open(c.ctx, p, runAdmin, values{})
			if slices.ContainsFunc(c.journal, func(line string) bool {
				return strings.Contains(line, "in state") || strings.Contains(line, "tainted") || strings.Contains(line, "refresh")
			}) {
				t.Errorf("speaks of a state: %v", c.journal)
			}
			if o != nil {
				c.shut(c.ctx, p, runAdmin, o)
			}
			if left := s.Names(t, rootToken); len(left) != 1 {
				t.Errorf("left on the server: %v, %v", left, c.journal)
			}
		})
	}
}

// A provider block that is not known yet makes no token, and says how to do it later.
func TestRunToken_postponed(t *testing.T) {
	t.Parallel()
	c := newCore(t)
	p := c.start(values{"token": tftypes.NewValue(tftypes.String, tftypes.UnknownValue)}, patienceAlone)
	if c.open(c.ctx, p, runAdmin, values{}) != nil || !c.said("name_prefix = ") || !c.said("provider's token comes from") {
		t.Errorf("%v", c.journal)
	}
}

// The ephemeral resource decrypts with its own identity, otherwise with the provider's.
func TestDecryptedToken(t *testing.T) {
	t.Parallel()
	r := newFormRun(t, forms[1])
	r.must("")
	encrypted, secret := r.current(addressA, "encrypted_token"), r.secret()
	one, two := testKeys()[0].String(), testKeys()[1].String()
	right, wrong := str(one), str(two)
	file := filepath.Join(t.TempDir(), "key.txt")
	if err := os.WriteFile(file, []byte("# created: today\n"+one+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	forTwo := sealedFor(t, secret, testKeys()[0], testKeys()[1])
	unknown := tftypes.NewValue(tftypes.String, tftypes.UnknownValue)
	for name, tt := range map[string]struct {
		provider, own values
		says          string // of the error, "" for none
	}{
		"the provider's":       {provider: values{"age_identity": right}},
		"the provider's file":  {provider: values{"age_identity_file": str(file)}},
		"its own":              {own: values{"age_identity": right}},
		"its own comes first":  {provider: values{"age_identity": wrong}, own: values{"age_identity": right}},
		"one of two":           {provider: values{"age_identity": str(two + "\n" + one)}},
		"for two":              {provider: values{"age_identity": wrong}, own: values{"encrypted_token": str(forTwo)}},
		"the server not known": {provider: values{"age_identity": right, "url": unknown}},
		"not known yet":        {provider: values{"age_identity": unknown}, says: "has yet to apply"},
		"file not known yet":   {provider: values{"age_identity_file": unknown}, says: "has yet to apply"},
		"something else not":   {provider: values{"url": unknown}, says: "there is no identity"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCore(t)
			provider := values{}
			maps.Copy(provider, tt.provider)
			p := c.start(provider, patienceAlone)
			config := values{"encrypted_token": str(encrypted)}
			maps.Copy(config, tt.own)
			o := c.open(c.ctx, p, runDecrypted, config)
			switch {
			case tt.says == "" && (o == nil || o.values.of("token") != secret || o.values.of("hash") != influxdb3.NewSecret(secret).Hash()):
				t.Errorf("not decrypted: %v", c.journal)
			case tt.says != "" && (o != nil || !c.said(tt.says)):
				t.Errorf("want %q: %v", tt.says, c.journal)
			}
		})
	}
}
