package provider

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/ephemeral"
	"github.com/hashicorp/terraform-plugin-framework/function"
	"github.com/hashicorp/terraform-plugin-framework/list"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/resource"
)

// What users have written has to mean the same with every version of the provider, until
// the change log says otherwise.

var updateSchema = flag.Bool("update-schema", false, "write the schema to testdata, if nothing is broken")

const schemaFile = "testdata/schema.json"

// contract is what users rely on of one attribute, parameter or result.
type contract struct {
	Type      string `json:"type"`
	Required  bool   `json:"required,omitempty"`
	Optional  bool   `json:"optional,omitempty"`
	Computed  bool   `json:"computed,omitempty"`
	Sensitive bool   `json:"sensitive,omitempty"`
	Replaces  bool   `json:"replaces,omitempty"` // a change of it replaces the object
	Default   string `json:"default,omitempty"`
}

// contracts are all of them by path.
func contracts(t *testing.T) map[string]contract {
	t.Helper()
	ctx, all := t.Context(), map[string]contract{}
	p, ok := New("test")().(*influxdb3Provider)
	if !ok {
		t.Fatal("another provider")
	}
	var block provider.SchemaResponse
	p.Schema(ctx, provider.SchemaRequest{}, &block)
	record(ctx, all, "provider", block.Schema.Attributes)
	for _, create := range p.Resources(ctx) {
		r := create()
		var meta resource.MetadataResponse
		r.Metadata(ctx, resource.MetadataRequest{ProviderTypeName: "influxdb3"}, &meta)
		var schema resource.SchemaResponse
		r.Schema(ctx, resource.SchemaRequest{}, &schema)
		record(ctx, all, "resource "+meta.TypeName, schema.Schema.Attributes)
		if r, ok := r.(resource.ResourceWithIdentity); ok {
			var identity resource.IdentitySchemaResponse
			r.IdentitySchema(ctx, resource.IdentitySchemaRequest{}, &identity)
			record(ctx, all, "identity "+meta.TypeName, identity.IdentitySchema.Attributes)
		}
	}
	for _, create := range p.DataSources(ctx) {
		d := create()
		var meta datasource.MetadataResponse
		d.Metadata(ctx, datasource.MetadataRequest{ProviderTypeName: "influxdb3"}, &meta)
		var schema datasource.SchemaResponse
		d.Schema(ctx, datasource.SchemaRequest{}, &schema)
		record(ctx, all, "data source "+meta.TypeName, schema.Schema.Attributes)
	}
	for _, create := range p.EphemeralResources(ctx) {
		e := create()
		var meta ephemeral.MetadataResponse
		e.Metadata(ctx, ephemeral.MetadataRequest{ProviderTypeName: "influxdb3"}, &meta)
		var schema ephemeral.SchemaResponse
		e.Schema(ctx, ephemeral.SchemaRequest{}, &schema)
		record(ctx, all, "ephemeral resource "+meta.TypeName, schema.Schema.Attributes)
	}
	for _, create := range p.ListResources(ctx) {
		l := create()
		var meta resource.MetadataResponse
		l.Metadata(ctx, resource.MetadataRequest{ProviderTypeName: "influxdb3"}, &meta)
		var schema list.ListResourceSchemaResponse
		l.ListResourceConfigSchema(ctx, list.ListResourceSchemaRequest{}, &schema)
		record(ctx, all, "list resource "+meta.TypeName, schema.Schema.Attributes)
	}
	for _, create := range p.Functions(ctx) {
		f := create()
		var meta function.MetadataResponse
		f.Metadata(ctx, function.MetadataRequest{}, &meta)
		var definition function.DefinitionResponse
		f.Definition(ctx, function.DefinitionRequest{}, &definition)
		for i, parameter := range definition.Definition.Parameters {
			all[fmt.Sprintf("function %s parameter %d", meta.Name, i)] = contract{Type: parameter.GetType().TerraformType(ctx).String(), Required: true}
		}
		all["function "+meta.Name+" result"] = contract{Type: definition.Definition.Return.GetType().TerraformType(ctx).String(), Computed: true}
	}
	return all
}

// record notes attributes, of whatever kind of schema, and those that are nested in them.
func record[A any](ctx context.Context, all map[string]contract, path string, attributes map[string]A) {
	for name, attribute := range attributes {
		v := reflect.ValueOf(attribute)
		is := func(field string) bool {
			f := v.FieldByName(field)
			return f.IsValid() && f.Bool()
		}
		c := contract{
			Required: is("Required") || is("RequiredForImport"), Optional: is("Optional") || is("OptionalForImport"), Computed: is("Computed"), Sensitive: is("Sensitive"),
		}
		if typed, ok := any(attribute).(interface{ GetType() attr.Type }); ok {
			c.Type = typed.GetType().TerraformType(ctx).String()
		}
		describe := func(of reflect.Value) string {
			if d, ok := of.Interface().(interface{ Description(context.Context) string }); ok {
				return d.Description(ctx)
			}
			return ""
		}
		if modifiers := v.FieldByName("PlanModifiers"); modifiers.IsValid() {
			for i := range modifiers.Len() {
				text := describe(modifiers.Index(i))
				c.Replaces = c.Replaces || strings.Contains(text, "recreate") || strings.Contains(text, "replaces")
			}
		}
		if standard := v.FieldByName("Default"); standard.IsValid() && !standard.IsNil() {
			c.Default = describe(standard)
		}
		all[path+" "+name] = c
		if nested := v.FieldByName("NestedObject"); nested.IsValid() {
			inner := map[string]any{}
			for _, key := range nested.FieldByName("Attributes").MapKeys() {
				inner[key.String()] = nested.FieldByName("Attributes").MapIndex(key).Interface()
			}
			record(ctx, all, path+" "+name, inner)
		}
	}
}

// broken says, by path, what users of the old contracts could notice of the new ones.
func broken(before, after map[string]contract) map[string]string {
	problems := map[string]string{}
	for path, old := range before {
		now, there := after[path]
		var found []string
		note := func(holds bool, text string) {
			if holds {
				found = append(found, text)
			}
		}
		if !there {
			problems[path] = "is gone"
			continue
		}
		note(now.Type != old.Type, fmt.Sprintf("was %s and is %s", old.Type, now.Type))
		note(now.Required && !old.Required, "is required")
		note((old.Optional || old.Required) && !now.Optional && !now.Required, "cannot be set any more")
		note(old.Computed && !now.Computed, "is not computed any more")
		note(now.Sensitive != old.Sensitive, fmt.Sprintf("sensitive is %t", now.Sensitive))
		note(now.Replaces && !old.Replaces, "replaces the object")
		note(now.Default != old.Default, fmt.Sprintf("its default was %q and is %q", old.Default, now.Default))
		if len(found) > 0 {
			problems[path] = strings.Join(found, ", ")
		}
	}
	for path, now := range after {
		if _, there := before[path]; !there && now.Required && parentIn(before, path) {
			problems[path] = "is new and required"
		}
	}
	return problems
}

// parentIn says whether the thing that an attribute belongs to is known.
func parentIn(all map[string]contract, path string) bool {
	parent := path[:strings.LastIndex(path, " ")+1]
	return slices.ContainsFunc(slices.Collect(maps.Keys(all)), func(other string) bool { return strings.HasPrefix(other, parent) })
}

// announced are the paths that the change log names as broken in what is not released yet.
func announced(changelog string) string {
	_, unreleased, _ := strings.Cut(changelog, "## [Unreleased]")
	unreleased, _, _ = strings.Cut(unreleased, "\n## ")
	_, breaking, _ := strings.Cut(unreleased, "### Breaking")
	breaking, _, _ = strings.Cut(breaking, "\n### ")
	return breaking
}

// The schema is the one in testdata. `make generate` writes it there, unless something
// would break that the change log does not announce.
func TestSchemaContract(t *testing.T) {
	t.Parallel()
	now := contracts(t)
	text, err := json.MarshalIndent(now, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	text = append(text, '\n')
	committed, err := os.ReadFile(schemaFile)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	before := map[string]contract{}
	if len(committed) > 0 {
		if err := json.Unmarshal(committed, &before); err != nil {
			t.Fatal(err)
		}
	}
	changelog, err := os.ReadFile("../../CHANGELOG.md")
	if err != nil {
		t.Fatal(err)
	}
	problems := broken(before, now)
	for _, path := range slices.Sorted(maps.Keys(problems)) {
		if !strings.Contains(announced(string(changelog)), "`"+path+"`") {
			t.Errorf("%s: %s. If users have to accept that, say so under \"### Breaking\" in CHANGELOG.md with `%s`.", path, problems[path], path)
		}
	}
	if bytes.Equal(text, committed) || t.Failed() {
		return
	}
	if !*updateSchema {
		t.Fatalf("the schema is not the one in %s: run make generate", schemaFile)
	}
	if err := os.WriteFile(schemaFile, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestBroken(t *testing.T) {
	t.Parallel()
	const name = "resource r a"
	base := contract{Type: "tftypes.String", Optional: true, Computed: true}
	for what, tt := range map[string]struct {
		change func(*contract)
		want   bool
	}{
		"nothing":          {func(*contract) {}, false},
		"type":             {func(c *contract) { c.Type = "tftypes.Bool" }, true},
		"required":         {func(c *contract) { c.Required, c.Optional = true, false }, true},
		"cannot be set":    {func(c *contract) { c.Optional = false }, true},
		"not computed":     {func(c *contract) { c.Computed = false }, true},
		"sensitive":        {func(c *contract) { c.Sensitive = true }, true},
		"replaces":         {func(c *contract) { c.Replaces = true }, true},
		"default":          {func(c *contract) { c.Default = "x" }, true},
		"replaces no more": {func(c *contract) { c.Replaces = false }, false},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			now := base
			tt.change(&now)
			if got := broken(map[string]contract{name: base}, map[string]contract{name: now}); (len(got) > 0) != tt.want {
				t.Errorf("broken: %v, want %t", got, tt.want)
			}
		})
	}
	required := contract{Type: "tftypes.String", Required: true}
	for what, tt := range map[string]struct {
		after map[string]contract
		want  int
	}{
		"gone":                    {map[string]contract{}, 1},
		"a new one":               {map[string]contract{name: base, "resource r b": base}, 0},
		"a new one, required":     {map[string]contract{name: base, "resource r b": required}, 1},
		"another with a required": {map[string]contract{name: base, "resource s b": required}, 0},
	} {
		if got := broken(map[string]contract{name: base}, tt.after); len(got) != tt.want {
			t.Errorf("%s: %v", what, got)
		}
	}
	if got := announced("## [Unreleased]\n### Added\n- `x`\n### Breaking\n- `y`\n### Fixed\n- `z`\n## [1.0]\n### Breaking\n- `w`\n"); !strings.Contains(got, "`y`") || strings.ContainsAny(got, "xzw") {
		t.Errorf("announced: %q", got)
	}
}

// The paths of what is recorded, for the reader of a failure: an attribute that is
// sensitive today stays so.
func TestContracts(t *testing.T) {
	t.Parallel()
	all := contracts(t)
	for path, want := range map[string]contract{
		"provider token":                              {Type: "tftypes.String", Optional: true, Sensitive: true},
		"provider servers url":                        {Type: "tftypes.String", Optional: true},
		"resource influxdb3_admin_token token":        {Type: "tftypes.String", Computed: true, Sensitive: true},
		"resource influxdb3_admin_token server":       {Type: "tftypes.String", Optional: true, Replaces: true},
		"identity influxdb3_admin_token cluster_uuid": {Type: "tftypes.String", Optional: true},
		"function token_hash result":                  {Type: "tftypes.String", Computed: true},
	} {
		if got := all[path]; got != want {
			t.Errorf("%s is %+v, want %+v", path, got, want)
		}
	}
	if existing := all["resource influxdb3_admin_token existing_token"]; !strings.Contains(existing.Default, existingAdopt) {
		t.Errorf("the default of existing_token is %q", existing.Default)
	}
}
