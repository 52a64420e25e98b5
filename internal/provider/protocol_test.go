package provider

import (
	"encoding/json"
	"maps"
	"slices"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3"
	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3test"
	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/lifecycle"
)

// caller is a provider as Terraform core drives one: plan and apply are processes of
// their own. It shows what a run of the command line hides, private state above all.
type caller struct {
	t      *testing.T
	server tfprotov6.ProviderServer
	schema *tfprotov6.GetProviderSchemaResponse
}

// attributes are attributes that are set. What is not is null, or computed.
type attributes map[string]any

// stored is one resource in a state or in a plan.
type stored struct {
	kind     string
	value    tftypes.Value
	private  []byte
	identity *tfprotov6.ResourceIdentityData
}

func newProcess(t *testing.T, s *influxdb3test.Server, settings attributes) *caller {
	t.Helper()
	server, err := providerserver.NewProtocol6WithError(newWithClock("test", &testClock{})())()
	if err != nil {
		t.Fatal(err)
	}
	schema, err := server.GetProviderSchema(t.Context(), &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		t.Fatal(err)
	}
	p := &caller{t, server, schema}
	settings = maps.Clone(settings)
	if settings == nil {
		settings = attributes{}
	}
	settings["url"] = s.URL()
	configured, err := server.ConfigureProvider(t.Context(), &tfprotov6.ConfigureProviderRequest{TerraformVersion: "1.14.0", Config: p.encode(p.fill(schema.Provider, settings, tftypes.Value{}))})
	p.noError(err, configured.Diagnostics)
	return p
}

func (p *caller) noError(err error, diags []*tfprotov6.Diagnostic) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
	if summary := failure(diags); summary != "" {
		p.t.Fatal(summary)
	}
}

// failure is the summary of the first error, "" without one.
func failure(diags []*tfprotov6.Diagnostic) string {
	for _, d := range diags {
		if d.Severity == tfprotov6.DiagnosticSeverityError {
			return d.Summary
		}
	}
	return ""
}

func (p *caller) encode(value tftypes.Value) *tfprotov6.DynamicValue {
	p.t.Helper()
	encoded, err := tfprotov6.NewDynamicValue(value.Type(), value)
	if err != nil {
		p.t.Fatal(err)
	}
	return &encoded
}

// fill makes an object of the values, as core proposes one: what is computed and not
// set stays as it is in the prior state, and is unknown without one.
func (p *caller) fill(schema *tfprotov6.Schema, set attributes, prior tftypes.Value) tftypes.Value {
	p.t.Helper()
	typ, _ := schema.ValueType().(tftypes.Object)
	before := map[string]tftypes.Value{}
	if !prior.IsNull() {
		if err := prior.As(&before); err != nil {
			p.t.Fatal(err)
		}
	}
	filled := map[string]tftypes.Value{}
	for _, attribute := range schema.Block.Attributes {
		value, isSet := set[attribute.Name]
		switch had, ok := before[attribute.Name]; {
		case isSet:
			filled[attribute.Name] = p.value(typ.AttributeTypes[attribute.Name], value)
		case attribute.Computed && ok:
			filled[attribute.Name] = had
		case attribute.Computed && set["planned"] != nil:
			filled[attribute.Name] = tftypes.NewValue(typ.AttributeTypes[attribute.Name], tftypes.UnknownValue)
		default:
			filled[attribute.Name] = tftypes.NewValue(typ.AttributeTypes[attribute.Name], nil)
		}
	}
	return tftypes.NewValue(typ, filled)
}

func (p *caller) value(typ tftypes.Type, value any) tftypes.Value {
	texts, ok := value.(map[string]string)
	if !ok {
		return tftypes.NewValue(typ, value)
	}
	elements := map[string]tftypes.Value{}
	for name, text := range texts {
		elements[name] = tftypes.NewValue(tftypes.String, text)
	}
	return tftypes.NewValue(typ, elements)
}

// none is a resource that is not there.
func (p *caller) none(kind string) stored {
	return stored{kind: kind, value: tftypes.NewValue(p.schema.ResourceSchemas[kind].ValueType(), nil)}
}

// plan plans what the configuration asks for, nil for a destruction.
func (p *caller) plan(prior stored, config attributes) (stored, string) {
	p.t.Helper()
	schema := p.schema.ResourceSchemas[prior.kind]
	written, proposed := p.none(prior.kind).value, p.none(prior.kind).value
	if config != nil {
		written = p.fill(schema, config, tftypes.NewValue(schema.ValueType(), nil))
		planned := maps.Clone(config)
		planned["planned"] = true
		proposed = p.fill(schema, planned, prior.value)
	}
	resp, err := p.server.PlanResourceChange(p.t.Context(), &tfprotov6.PlanResourceChangeRequest{
		TypeName: prior.kind, PriorState: p.encode(prior.value), ProposedNewState: p.encode(proposed), Config: p.encode(written),
		PriorPrivate: prior.private, PriorIdentity: prior.identity,
	})
	if err != nil {
		p.t.Fatal(err)
	}
	return p.decode(prior.kind, resp.PlannedState, resp.PlannedPrivate, resp.PlannedIdentity), failure(resp.Diagnostics)
}

func (p *caller) decode(kind string, state *tfprotov6.DynamicValue, private []byte, identity *tfprotov6.ResourceIdentityData) stored {
	p.t.Helper()
	got := p.none(kind)
	got.private, got.identity = private, identity
	if state == nil {
		return got
	}
	value, err := state.Unmarshal(p.schema.ResourceSchemas[kind].ValueType())
	if err != nil {
		p.t.Fatal(err)
	}
	got.value = value
	return got
}

func (p *caller) apply(prior, planned stored, config attributes) (stored, string) {
	p.t.Helper()
	written := p.none(prior.kind).value
	if config != nil {
		written = p.fill(p.schema.ResourceSchemas[prior.kind], config, written)
	}
	resp, err := p.server.ApplyResourceChange(p.t.Context(), &tfprotov6.ApplyResourceChangeRequest{
		TypeName: prior.kind, PriorState: p.encode(prior.value), PlannedState: p.encode(planned.value), Config: p.encode(written),
		PlannedPrivate: planned.private, PlannedIdentity: planned.identity,
	})
	if err != nil {
		p.t.Fatal(err)
	}
	return p.decode(prior.kind, resp.NewState, resp.Private, resp.NewIdentity), failure(resp.Diagnostics)
}

func (p *caller) refresh(state stored) (stored, string) {
	p.t.Helper()
	resp, err := p.server.ReadResource(p.t.Context(), &tfprotov6.ReadResourceRequest{
		TypeName: state.kind, CurrentState: p.encode(state.value), Private: state.private, CurrentIdentity: state.identity,
	})
	if err != nil {
		p.t.Fatal(err)
	}
	return p.decode(state.kind, resp.NewState, resp.Private, resp.NewIdentity), failure(resp.Diagnostics)
}

func (p *caller) importName(kind, name string) stored {
	p.t.Helper()
	resp, err := p.server.ImportResourceState(p.t.Context(), &tfprotov6.ImportResourceStateRequest{TypeName: kind, ID: name})
	p.noError(err, resp.Diagnostics)
	return p.decode(kind, resp.ImportedResources[0].State, resp.ImportedResources[0].Private, resp.ImportedResources[0].Identity)
}

// create plans and applies a new resource.
func (p *caller) create(kind string, config attributes) stored {
	p.t.Helper()
	planned, failed := p.plan(p.none(kind), config)
	if failed != "" {
		p.t.Fatal(failed)
	}
	made, failed := p.apply(p.none(kind), planned, config)
	if failed != "" {
		p.t.Fatal(failed)
	}
	return made
}

func (o stored) text(t *testing.T, name string) string {
	t.Helper()
	attributes := map[string]tftypes.Value{}
	if err := o.value.As(&attributes); err != nil {
		t.Fatal(err)
	}
	var text *string
	if err := attributes[name].As(&text); err != nil || text == nil {
		return ""
	}
	return *text
}

// privateOf reads a key of private state.
func privateOf[T any](t *testing.T, o stored, key string) (value T) {
	t.Helper()
	var keys map[string][]byte
	if len(o.private) > 0 {
		if err := json.Unmarshal(o.private, &keys); err != nil {
			t.Fatal(err)
		}
	}
	if raw := keys[key]; len(raw) > 0 {
		if err := json.Unmarshal(raw, &value); err != nil {
			t.Fatal(err)
		}
	}
	return value
}

const (
	operatorKind = "influxdb3_admin_token"
	namedKind    = "influxdb3_named_admin_token"
)

// What is known of an operator token besides its state goes on from one process to the
// next.
func TestProtocol_facts(t *testing.T) {
	t.Parallel()
	s := influxdb3test.New(t)
	first := newProcess(t, s, nil).create(operatorKind, attributes{})
	state, failed := newProcess(t, s, nil).refresh(first)
	facts := privateOf[operatorFacts](t, state, privateFacts)
	if failed != "" || facts.Build == "" || facts.Version == "" || facts.ListedAt == "" || facts.PreviousHash != "" {
		t.Errorf("%s, %+v", failed, facts)
	}
	config := attributes{"rotation_triggers": map[string]string{"a": "1"}}
	p := newProcess(t, s, nil)
	planned, failed := p.plan(state, config)
	if failed != "" {
		t.Fatal(failed)
	}
	rotated, failed := newProcess(t, s, nil).apply(state, planned, config)
	facts = privateOf[operatorFacts](t, rotated, privateFacts)
	if failed != "" || facts.PreviousHash != first.text(t, "hash") || facts.Build == "" || facts.Version == "" || facts.ListedAt != "" {
		t.Errorf("after a rotation: %s, %+v", failed, facts)
	}
	again, failed := newProcess(t, s, nil).refresh(rotated)
	facts = privateOf[operatorFacts](t, again, privateFacts)
	if failed != "" || facts.PreviousHash != first.text(t, "hash") || facts.ListedAt == "" {
		t.Errorf("after the refresh: %s, %+v", failed, facts)
	}
}

// A rotation that fails keeps what may be the only copy, and is due again.
func TestProtocol_failedRotation(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		faults  []influxdb3test.Fault
		renewed bool
		status  lifecycle.Status
	}{
		"lost": {[]influxdb3test.Fault{{Kind: influxdb3test.CutAfter, Path: regeneratePath}}, false, lifecycle.StatusRejected},
		"doubtful, and nobody answers": {[]influxdb3test.Fault{
			{Kind: influxdb3test.SetHeader, Path: regeneratePath, Header: map[string][]string{"Age": {"30"}}},
			{Kind: influxdb3test.Answer, Path: queryPath, Status: 500, Times: -1},
		}, true, lifecycle.StatusActive},
		"not done": {[]influxdb3test.Fault{{Kind: influxdb3test.CutBefore, Path: regeneratePath}}, false, lifecycle.StatusActive},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := influxdb3test.New(t)
			made := newProcess(t, s, nil).create(operatorKind, attributes{})
			state, _ := newProcess(t, s, nil).refresh(made)
			config := attributes{"rotation_triggers": map[string]string{"a": "1"}}
			planned, failed := newProcess(t, s, nil).plan(state, config)
			if failed != "" {
				t.Fatal(failed)
			}
			for _, fault := range tt.faults {
				s.Inject(fault)
			}
			after, failed := newProcess(t, s, nil).apply(state, planned, config)
			s.ClearFaults()
			if failed == "" || after.text(t, "status") != string(tt.status) || (after.text(t, "hash") != state.text(t, "hash")) != tt.renewed {
				t.Errorf("%q, status %s, hash %s after %s", failed, after.text(t, "status"), after.text(t, "hash"), state.text(t, "hash"))
			}
			if token := after.text(t, "token"); influxdb3.NewSecret(token).Hash() != after.text(t, "hash") || tt.renewed && !s.Accepts(t, token) {
				t.Error("what is in state is not the token")
			}
			facts := privateOf[operatorFacts](t, after, privateFacts)
			if want := state.text(t, "hash"); facts.Version == "" || tt.renewed && facts.PreviousHash != want {
				t.Errorf("facts: %+v", facts)
			}
			if again, _ := newProcess(t, s, nil).plan(after, config); !rotates(t, again) {
				t.Error("the rotation is not due any more")
			}
		})
	}
}

// rotates says whether a plan changes the token.
func rotates(t *testing.T, o stored) bool {
	t.Helper()
	attributes := map[string]tftypes.Value{}
	if err := o.value.As(&attributes); err != nil {
		t.Fatal(err)
	}
	return !attributes["token"].IsKnown()
}

// After an import triggers are recorded once. A refresh by another process counts, one
// by the process that has imported it does not.
func TestProtocol_importStage(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{operatorKind, namedKind} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			s := influxdb3test.New(t)
			admin := s.Bootstrap(t)
			settings, name := attributes{"token": admin}, influxdb3.OperatorTokenName
			if kind == namedKind {
				name = "ci"
				s.CreateNamedAdmin(t, admin, name, 0)
			}
			p := newProcess(t, s, settings)
			state := p.importName(kind, name)
			var stages []lifecycle.ImportStage
			note := func() { stages = append(stages, privateOf[lifecycle.ImportStage](t, state, privateImported)) }
			note()
			for range 2 {
				state, _ = p.refresh(state)
				note()
			}
			for range 2 {
				state, _ = newProcess(t, s, settings).refresh(state)
				note()
			}
			if want := []lifecycle.ImportStage{lifecycle.Imported, lifecycle.Imported, lifecycle.Imported, lifecycle.ImportedAndSeen, lifecycle.NotImported}; !slices.Equal(stages, want) {
				t.Errorf("got %v, want %v", stages, want)
			}
		})
	}
	s := influxdb3test.New(t)
	settings := attributes{"token": s.Bootstrap(t)}
	state := newProcess(t, s, settings).importName(operatorKind, influxdb3.OperatorTokenName)
	config := attributes{"rotation_triggers": map[string]string{"a": "1"}}
	planned, failed := newProcess(t, s, settings).plan(state, config)
	if failed != "" || rotates(t, planned) {
		t.Errorf("%q, and it would rotate after an import: %t", failed, rotates(t, planned))
	}
	after, failed := newProcess(t, s, settings).apply(state, planned, config)
	if failed != "" || privateOf[lifecycle.ImportStage](t, after, privateImported) != lifecycle.NotImported {
		t.Errorf("%q, and the first change after an import is not noted", failed)
	}
}

// The provider's own token is refused at apply, too: the plan may not have known it.
func TestProtocol_ownCredential(t *testing.T) {
	t.Parallel()
	s := influxdb3test.New(t)
	admin := s.Bootstrap(t)
	state := newProcess(t, s, attributes{"token": admin}).create(namedKind, attributes{"name": "automation"})
	own := attributes{"token": state.text(t, "token")}
	if _, failed := newProcess(t, s, own).plan(state, nil); failed == "" {
		t.Error("its deletion was planned")
	}
	planned, failed := newProcess(t, s, attributes{"token": admin}).plan(state, nil)
	if failed != "" {
		t.Fatal(failed)
	}
	if _, failed := newProcess(t, s, own).apply(state, planned, nil); failed == "" || !s.Accepts(t, state.text(t, "token")) {
		t.Errorf("it was deleted: %q", failed)
	}
	if _, failed := newProcess(t, s, attributes{"token": admin}).apply(state, planned, nil); failed != "" || s.Accepts(t, state.text(t, "token")) {
		t.Errorf("it was not deleted by another: %q", failed)
	}
}

// One process creates one operator token, and one that was deleted in it comes back.
func TestProtocol_secondResource(t *testing.T) {
	t.Parallel()
	s := influxdb3test.New(t)
	config := attributes{"deletion_protection": false}
	p := newProcess(t, s, nil)
	state := p.create(operatorKind, config)
	planned, _ := p.plan(p.none(operatorKind), config)
	if _, failed := p.apply(p.none(operatorKind), planned, config); failed == "" {
		t.Error("a second one was created")
	}
	p = newProcess(t, s, nil)
	gone, _ := p.plan(state, nil)
	if _, failed := p.apply(state, gone, nil); failed != "" {
		t.Fatal(failed)
	}
	planned, failed := p.plan(p.none(operatorKind), config)
	if failed != "" {
		t.Fatal(failed)
	}
	back, failed := p.apply(p.none(operatorKind), planned, config)
	if failed != "" || back.text(t, "hash") != state.text(t, "hash") || !s.Accepts(t, back.text(t, "token")) {
		t.Errorf("%q, %s instead of %s", failed, back.text(t, "hash"), state.text(t, "hash"))
	}
}

// The process goes on with the token that it has made: its own old one is dead.
func TestProtocol_goesOnAfterRotation(t *testing.T) {
	t.Parallel()
	for name, existing := range map[string]string{"created anew": existingRegenerate, "rotated": existingAdopt} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := influxdb3test.New(t)
			old := s.Bootstrap(t)
			p := newProcess(t, s, attributes{"token": old})
			state := p.create(operatorKind, attributes{"existing_token": existing})
			if existing == existingAdopt {
				config := attributes{"rotation_triggers": map[string]string{"a": "1"}}
				p = newProcess(t, s, attributes{"token": old})
				planned, failed := p.plan(state, config)
				if failed != "" {
					t.Fatal(failed)
				}
				if state, failed = p.apply(state, planned, config); failed != "" {
					t.Fatal(failed)
				}
			}
			if s.Accepts(t, old) {
				t.Fatal("it was not regenerated")
			}
			if made := p.create(namedKind, attributes{"name": "ci"}); !s.Accepts(t, made.text(t, "token")) {
				t.Error("the token is not good")
			}
			// What create_before_destroy leaves of an object is dead, and goes.
			if gone, failed := p.plan(state, nil); failed != "" {
				t.Error(failed)
			} else if _, failed := p.apply(state, gone, nil); failed != "" {
				t.Errorf("what was replaced stays: %s", failed)
			}
		})
	}
}

// A creation that ends with an error keeps a token that may be the only copy, and what
// was handed over.
func TestProtocol_failedCreation(t *testing.T) {
	t.Parallel()
	t.Run("a token in hand", func(t *testing.T) {
		t.Parallel()
		s := influxdb3test.New(t)
		p := newProcess(t, s, nil)
		planned, _ := p.plan(p.none(operatorKind), attributes{})
		s.Inject(influxdb3test.Fault{Kind: influxdb3test.SetHeader, Path: createPath, Header: map[string][]string{"Age": {"30"}}})
		s.Inject(influxdb3test.Fault{Kind: influxdb3test.Answer, Path: queryPath, Status: 500, Times: -1})
		made, failed := p.apply(p.none(operatorKind), planned, attributes{})
		s.ClearFaults()
		if failed == "" || !s.Accepts(t, made.text(t, "token")) {
			t.Errorf("%q, and the token in hand was dropped", failed)
		}
	})
	t.Run("handed over", func(t *testing.T) {
		t.Parallel()
		s := influxdb3test.New(t)
		config := attributes{"deletion_protection": false}
		state := newProcess(t, s, nil).create(operatorKind, config)
		state, _ = newProcess(t, s, nil).refresh(state)
		p := newProcess(t, s, nil)
		gone, _ := p.plan(state, nil)
		if _, failed := p.apply(state, gone, nil); failed != "" {
			t.Fatal(failed)
		}
		changed := attributes{"deletion_protection": false, "rotation_triggers": map[string]string{"a": "1"}}
		planned, _ := p.plan(p.none(operatorKind), changed)
		s.Inject(influxdb3test.Fault{Kind: influxdb3test.CutBefore, Path: regeneratePath})
		back, failed := p.apply(p.none(operatorKind), planned, changed)
		if failed == "" || back.text(t, "hash") != state.text(t, "hash") || !s.Accepts(t, back.text(t, "token")) {
			t.Errorf("%q, %s instead of %s", failed, back.text(t, "hash"), state.text(t, "hash"))
		}
		// The rotation that was asked for is still due.
		if again, _ := newProcess(t, s, nil).plan(back, changed); !rotates(t, again) {
			t.Error("the rotation was forgotten")
		}
	})
}

// Two blocks for one token are refused wherever the second one shows.
func TestProtocol_twoBlocks(t *testing.T) {
	t.Parallel()
	s := influxdb3test.New(t)
	admin := s.Bootstrap(t)
	settings := attributes{"token": admin}
	config := attributes{"rotation_triggers": map[string]string{"a": "1"}}
	state := newProcess(t, s, settings).create(operatorKind, attributes{})

	p := newProcess(t, s, settings)
	if _, failed := p.plan(state, attributes{}); failed != "" {
		t.Fatal(failed)
	}
	if _, failed := p.plan(state, attributes{}); failed == "" {
		t.Error("a second one with this token is planned to stay")
	}

	p = newProcess(t, s, settings)
	p.importName(operatorKind, influxdb3.OperatorTokenName)
	for name, other := range map[string]struct {
		p  *caller
		id string
	}{"imported before": {p, influxdb3.OperatorTokenName}, "another name": {newProcess(t, s, settings), "ci"}} {
		resp, err := other.p.server.ImportResourceState(t.Context(), &tfprotov6.ImportResourceStateRequest{TypeName: operatorKind, ID: other.id})
		if err != nil || failure(resp.Diagnostics) == "" {
			t.Errorf("%s: it was imported, %v", name, err)
		}
	}
	p = newProcess(t, s, settings)
	if _, failed := p.refresh(state); failed != "" {
		t.Fatal(failed)
	}
	resp, err := p.server.ImportResourceState(t.Context(), &tfprotov6.ImportResourceStateRequest{TypeName: operatorKind, ID: influxdb3.OperatorTokenName})
	if err != nil || failure(resp.Diagnostics) == "" {
		t.Errorf("a token that a state has was imported, %v", err)
	}

	planned, failed := newProcess(t, s, settings).plan(state, config)
	if failed != "" {
		t.Fatal(failed)
	}
	p = newProcess(t, s, settings)
	if _, failed := p.apply(state, planned, config); failed != "" {
		t.Fatal(failed)
	}
	if _, failed := p.apply(state, planned, config); failed == "" || count(s, "POST", regeneratePath) != 1 {
		t.Errorf("one process rotated twice: %q", failed)
	}
}

// The only copy of a token does not leave the state: not while it is protected, and not
// once the creation that it could be for has failed.
func TestProtocol_onlyCopy(t *testing.T) {
	t.Parallel()
	t.Run("protected", func(t *testing.T) {
		t.Parallel()
		s := influxdb3test.New(t)
		p := newProcess(t, s, nil)
		protected := p.create(operatorKind, attributes{})
		p = newProcess(t, s, nil)
		if _, failed := p.plan(protected, nil); failed == "" {
			t.Error("its destruction was planned")
		}
		// The plan of a replacement looks like a creation: the destruction is applied.
		if _, failed := p.apply(protected, p.none(operatorKind), nil); failed == "" {
			t.Error("it was destroyed")
		}
	})
	for name, path := range map[string]string{"a creation failed": createPath, "a rotation failed": regeneratePath} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := influxdb3test.New(t)
			config := attributes{"deletion_protection": false}
			state := newProcess(t, s, nil).create(operatorKind, config)
			p, prior, changed := newProcess(t, s, nil), state, attributes{"deletion_protection": false, "rotation_triggers": map[string]string{"a": "1"}}
			if path == createPath {
				prior = p.none(operatorKind)
			}
			planned, failed := p.plan(prior, changed)
			if failed != "" {
				t.Fatal(failed)
			}
			s.Inject(influxdb3test.Fault{Kind: influxdb3test.CutBefore, Path: path})
			if _, failed := p.apply(prior, planned, changed); failed == "" {
				t.Fatal("it did not fail")
			}
			if _, failed := p.apply(state, p.none(operatorKind), nil); failed == "" {
				t.Error("the token left the state, and nothing is to come that takes it")
			}
		})
	}
}
