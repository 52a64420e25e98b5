package provider

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hcldec"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"
	ctymsgpack "github.com/zclconf/go-cty/cty/msgpack"
)

// A configuration in HCL comes to the provider without a CLI here, so that a table of them
// costs nothing. That the CLI prints the same is proven by a few rows of each table.

// parse reads a configuration.
func (c *core) parse(source string) hclsyntax.Blocks {
	file, diags := hclsyntax.ParseConfig([]byte(source), "main.tf", hcl.InitialPos)
	body, ok := file.Body.(*hclsyntax.Body)
	if diags.HasErrors() || !ok {
		c.fatalf("%v:\n%s", diags, source)
	}
	c.start(values{}, patienceAlone) // for the schema
	c.begin()
	return body.Blocks
}

// rootFrom is the root module of a configuration, which must be one.
func (c *core) rootFrom(source string) rootModule {
	root := rootModule{blocks: blocks{}}
	for _, block := range c.parse(source) {
		schema := c.schema.Provider
		if block.Type == "resource" {
			schema = c.schema.ResourceSchemas[block.Labels[0]]
		}
		config, ok := c.written(block, source, schema)
		switch {
		case !ok:
			c.fatalf("%v", c.journal)
		case block.Type == "resource":
			root.blocks[strings.Join(block.Labels, ".")] = resourceBlock{planned: config, known: config}
		default:
			root.provider, root.providerKnown = config, config
		}
	}
	c.source = nil
	return root
}

// plansText plans a configuration for which nothing exists, opens what is ephemeral and
// validates what would be read. It returns what the CLI would print: the diagnostics, each
// with the lines under its path, or with the whole argument where the CLI would choose
// among its lines. What a block refers to is not known.
func (c *core) plansText(source string) (printed string) {
	all := c.parse(source)
	defer func() { c.source, printed = nil, strings.Join(c.journal, "\n") }()
	provider := values{}
	for _, block := range all {
		if block.Type == "provider" {
			config, ok := c.written(block, source, c.schema.Provider)
			if !ok {
				return ""
			}
			provider = config
		}
	}
	p := c.start(provider, patienceAlone)
	if !p.ok {
		return ""
	}
	for _, block := range all {
		switch name := block.Labels[0]; block.Type {
		case "resource":
			if config, ok := c.written(block, source, c.schema.ResourceSchemas[name]); ok {
				c.planChange(p, strings.Join(block.Labels, "."), resourceBlock{}, config, nil, false)
			}
		case "ephemeral":
			if config, ok := c.written(block, source, c.schema.EphemeralResourceSchemas[name]); ok {
				c.open(c.ctx, p, name, config)
			}
		case "data":
			if config, ok := c.written(block, source, c.schema.DataSourceSchemas[name]); ok {
				c.validateData(p, name, config)
			}
		}
	}
	return ""
}

// validateData validates a data source.
func (c *core) validateData(p *process, name string, config values) {
	t := c.schema.DataSourceSchemas[name].ValueType()
	wire, err := tfprotov6.NewDynamicValue(t, tftypes.NewValue(t, map[string]tftypes.Value(config)))
	c.must(err)
	checked, err := p.ValidateDataResourceConfig(c.ctx, &tfprotov6.ValidateDataResourceConfigRequest{TypeName: name, Config: &wire})
	c.must(err)
	c.note(checked.Diagnostics)
}

// written are the attributes of a block, unless they are not what its schema says. From then
// on the diagnostics are of that block.
func (c *core) written(block *hclsyntax.Block, source string, schema *tfprotov6.Schema) (values, bool) {
	lines := strings.Split(source, "\n")
	c.source = func(at *tftypes.AttributePath) string {
		shown := block.DefRange()
		if steps := at.Steps(); len(steps) == 0 {
			return ""
		} else if attribute := block.Body.Attributes[fmt.Sprint(steps[0])]; attribute != nil {
			shown = attribute.Range()
		}
		return "\n" + strings.Join(lines[shown.Start.Line-1:shown.End.Line], "\n")
	}
	spec, unknown := hcldec.ObjectSpec{}, map[string]cty.Value{}
	for _, attribute := range schema.Block.Attributes {
		spec[attribute.Name] = &hcldec.AttrSpec{Name: attribute.Name, Type: argumentType(attribute), Required: attribute.Required}
	}
	for _, reference := range hcldec.Variables(block.Body, spec) {
		unknown[reference.RootName()] = cty.DynamicVal
	}
	value, diags := hcldec.Decode(block.Body, spec, &hcl.EvalContext{Variables: unknown})
	for _, d := range diags {
		c.note([]*tfprotov6.Diagnostic{{Severity: tfprotov6.DiagnosticSeverityError, Summary: d.Summary, Detail: d.Detail}})
	}
	if diags.HasErrors() {
		return nil, false
	}
	raw, err := ctymsgpack.Marshal(value, value.Type())
	c.must(err)
	decoded, err := (&tfprotov6.DynamicValue{MsgPack: raw}).Unmarshal(schema.ValueType())
	c.must(err)
	config := map[string]tftypes.Value{}
	c.must(decoded.As(&config))
	return config, true
}

// argumentType is what an attribute takes: not all of an object's have to be there.
func argumentType(attribute *tfprotov6.SchemaAttribute) (t cty.Type) {
	nested := attribute.NestedType
	if nested == nil {
		raw, err := json.Marshal(attribute.Type)
		if err == nil {
			t, err = ctyjson.UnmarshalType(raw)
		}
		if err != nil {
			panic(err) // the schema was read already
		}
		return t
	}
	types, optional := map[string]cty.Type{}, []string{}
	for _, inner := range nested.Attributes {
		types[inner.Name] = argumentType(inner)
		if !inner.Required {
			optional = append(optional, inner.Name)
		}
	}
	t = cty.ObjectWithOptionalAttrs(types, optional)
	switch nested.Nesting {
	case tfprotov6.SchemaObjectNestingModeMap:
		return cty.Map(t)
	case tfprotov6.SchemaObjectNestingModeSet:
		return cty.Set(t)
	case tfprotov6.SchemaObjectNestingModeList:
		return cty.List(t)
	default:
		return t
	}
}
