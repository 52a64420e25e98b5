package provider

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3"
)

// values are the attributes of a block or of an object.
type values map[string]tftypes.Value

func str(s string) tftypes.Value { return tftypes.NewValue(tftypes.String, s) }

// of reads an attribute, "" for null and unknown.
func (v values) of(name string) (s string) {
	if value, ok := v[name]; ok && value.IsKnown() && !value.IsNull() {
		_ = value.As(&s) // the schema says that it is a string
	}
	return s
}

// object is what state has of one object.
type object struct {
	values   values
	private  []byte
	identity *tfprotov6.ResourceIdentityData
	tainted  bool
}

// instance of a resource in state: the current object, nil if there is none, and
// those that were to be destroyed after their successors had been created.
type resourceState struct {
	current *object
	deposed []*object
}

// resourceBlock is a block of configuration. A plan can know less of it than the apply.
type resourceBlock struct {
	planned, known      values
	createBeforeDestroy bool
}

// rootModule is what one run of Terraform is given.
type rootModule struct {
	provider, providerKnown values // at plan, and at apply
	blocks                  map[string]resourceBlock
}

// options of a plan.
type planOptions struct {
	destroy  bool
	skipRead bool            // -refresh=false
	replace  map[string]bool // -replace, by address
	imports  map[string]bool // import blocks, by address
	backward bool            // the order in which addresses are visited
	oneByOne bool            // -parallelism=1: an address is planned before the next one is read
}

// ending says how an apply ends before its time.
type ending struct {
	call   int // the number of the call during which it happens, from 1; 0 is never
	lost   bool
	cancel bool
}

// core does with a provider what Terraform's core does: every walk is a process of
// its own, state is saved after each object, and whatever core does not accept of a
// provider fails the test.
type core struct {
	fatalf  func(format string, args ...any)
	clock   *historyClock
	heard   func(text string) // is told everything that could be shown or logged
	schema  *tfprotov6.GetProviderSchemaResponse
	ctx     context.Context // of the one history that it is for
	state   map[string]*resourceState
	mu      sync.Mutex // of the state and of what follows
	calls   int        // ApplyResourceChange, in the running apply
	ended   bool
	journal []string // of diagnostics of the run
	failed  bool
	imports map[string]bool                        // what was imported since it was last looked at
	lostIn  bool                                   // a call was under way when the process was killed
	source  func(at *tftypes.AttributePath) string // the lines of configuration that the CLI prints under a path
	pulumi  bool                                   // it is Pulumi's bridge, which drops what comes with an error and holds no result against its plan
}

const operatorType, namedType = "influxdb3_admin_token", "influxdb3_named_admin_token"

// typeOf is the type in an address.
func typeOf(address string) string { name, _, _ := strings.Cut(address, "."); return name }

// process is a provider that is running and configured.
type process struct {
	tfprotov6.ProviderServer
	core *core
	ok   bool
}

// Nothing comes to one that waits where calls follow each other. Where they are made at
// the same time, the second one begins as soon as the first one is done, or waits.
const (
	patienceAlone    = time.Millisecond
	patienceTogether = time.Second
	headStart        = 50 * time.Millisecond
)

// start begins a process, in which one resource waits so long for another one.
func (c *core) start(config values, patience time.Duration) *process {
	p := newWithClock("test", c.clock)().(*influxdb3Provider) //nolint:forcetypeassert // that is what it makes
	p.patience = patience
	server, err := providerserver.NewProtocol6WithError(p)()
	if err != nil {
		c.fatalf("starting the provider: %v", err)
	}
	if c.schema == nil {
		c.schema, err = server.GetProviderSchema(c.ctx, &tfprotov6.GetProviderSchemaRequest{})
		c.must(err)
	}
	run := &process{ProviderServer: server, core: c}
	checked, err := server.ValidateProviderConfig(c.ctx, &tfprotov6.ValidateProviderConfigRequest{Config: c.dynamic("", config)})
	c.must(err)
	version := "1.15.0"
	if c.pulumi {
		version = "1.0.0+pulumi-terraform-bridge"
	}
	configured, err := server.ConfigureProvider(c.ctx, &tfprotov6.ConfigureProviderRequest{TerraformVersion: version, Config: c.dynamic("", config)})
	c.must(err)
	run.ok = c.note(checked.Diagnostics) && c.note(configured.Diagnostics)
	return run
}

// must is for errors of the protocol, which there must be none of.
func (c *core) must(err error) {
	if err != nil {
		c.fatalf("protocol: %v", err)
	}
}

// note takes diagnostics and says whether there is no error among them.
func (c *core) note(diags []*tfprotov6.Diagnostic) (ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	ok = true
	for _, d := range diags {
		text := fmt.Sprintf("%s: %s: %s", d.Severity, d.Summary, d.Detail)
		if c.source != nil {
			text += c.source(d.Attribute)
		}
		c.heard(text)
		c.journal = append(c.journal, text)
		for _, bug := range []string{"Provider produced", "This is always an error in the provider", "Unexpected Private State", "a bug in the provider", "Value Conversion"} {
			if strings.Contains(text, bug) {
				c.fatalf("the framework complains of the provider: %s", d.Summary)
			}
		}
		if steps := d.Attribute.Steps(); len(steps) > 0 && steps[0] == tftypes.AttributeName("servers") {
			c.fatalf("under the path of %q the CLI would print lines of servers, which can hold tokens", d.Summary)
		}
		if d.Severity == tfprotov6.DiagnosticSeverityError {
			ok, c.failed = false, true
		}
	}
	return ok
}

// said says whether a diagnostic of the run has that text.
func (c *core) said(text string) bool {
	return slices.ContainsFunc(c.journal, func(line string) bool { return strings.Contains(line, text) })
}

// objectType is that of a resource, or of the provider for "".
func (c *core) objectType(name string) tftypes.Object {
	schema := c.schema.Provider
	if name != "" {
		schema = c.schema.ResourceSchemas[name]
	}
	t, ok := schema.ValueType().(tftypes.Object)
	if !ok {
		c.fatalf("the schema of %s is no object", name)
	}
	return t
}

// dynamic is the wire form. nil stands for null, and an attribute that is not there
// for one that is null.
func (c *core) dynamic(name string, v values) *tfprotov6.DynamicValue {
	t := c.objectType(name)
	value := tftypes.NewValue(t, nil)
	if v != nil {
		value = tftypes.NewValue(t, map[string]tftypes.Value(full(t, v)))
	}
	wire, err := tfprotov6.NewDynamicValue(t, value)
	c.must(err)
	return &wire
}

func full(t tftypes.Object, v values) values {
	all := maps.Clone(v)
	for name, attribute := range t.AttributeTypes {
		if _, ok := all[name]; !ok {
			all[name] = tftypes.NewValue(attribute, nil)
		}
	}
	return all
}

// decode is the reverse of dynamic.
func (c *core) decode(name string, wire *tfprotov6.DynamicValue) (v values) {
	value, err := wire.Unmarshal(c.objectType(name))
	c.must(err)
	if value.IsNull() {
		return nil
	}
	plain := map[string]tftypes.Value{}
	c.must(value.As(&plain))
	return plain
}

// load reads an object as core does: from the file, and through an upgrade.
func (c *core) load(p *process, address string, o *object) *object {
	if o == nil {
		return nil
	}
	plain := map[string]any{}
	for name, value := range o.values {
		plain[name] = c.plain(value)
	}
	raw, err := json.Marshal(plain)
	c.must(err)
	upgraded, err := p.UpgradeResourceState(c.ctx, &tfprotov6.UpgradeResourceStateRequest{
		TypeName: typeOf(address), Version: c.schema.ResourceSchemas[typeOf(address)].Version, RawState: &tfprotov6.RawState{JSON: raw},
	})
	c.must(err)
	c.note(upgraded.Diagnostics)
	loaded := *o
	loaded.values = c.decode(typeOf(address), upgraded.UpgradedState)
	if different := differing(loaded.values, o.values); len(different) > 0 {
		c.fatalf("loading %s changes %v", address, different)
	}
	return &loaded
}

// plain is a value as JSON knows it.
func (c *core) plain(v tftypes.Value) any {
	switch {
	case v.IsNull():
		return nil
	case v.Type().Is(tftypes.String):
		var s string
		c.must(v.As(&s))
		return s
	case v.Type().Is(tftypes.Bool):
		var b bool
		c.must(v.As(&b))
		return b
	case v.Type().Is(tftypes.Number):
		var n big.Float
		c.must(v.As(&n))
		return json.Number(n.Text('f', -1))
	}
	if v.Type().Is(tftypes.Set{}) {
		var elements []tftypes.Value
		c.must(v.As(&elements))
		out := []any{}
		for _, element := range elements {
			out = append(out, c.plain(element))
		}
		return out
	}
	elements := map[string]tftypes.Value{}
	c.must(v.As(&elements))
	out := map[string]any{}
	for name, element := range elements {
		out[name] = c.plain(element)
	}
	return out
}

// differing names the attributes in which two objects differ.
func differing(a, b values) (names []string) {
	for _, name := range slices.Sorted(maps.Keys(a)) {
		if !a[name].Equal(b[name]) {
			names = append(names, name)
		}
	}
	return names
}

// read refreshes an object. It returns nil for one that is gone.
func (c *core) read(p *process, address string, o *object) (*object, bool) {
	name := typeOf(address)
	resp, err := p.ReadResource(c.ctx, &tfprotov6.ReadResourceRequest{
		TypeName: name, CurrentState: c.dynamic(name, o.values), Private: o.private, CurrentIdentity: o.identity,
	})
	c.must(err)
	if !c.note(resp.Diagnostics) {
		return nil, false
	}
	read := &object{values: c.decode(name, resp.NewState), private: resp.Private, identity: resp.NewIdentity, tainted: o.tainted}
	if read.values == nil {
		return nil, true
	}
	c.keepsIdentity(address, o.identity, read.identity)
	c.whollyKnown(address+" as read", read.values)
	c.heard(string(read.private))
	return read, true
}

func (c *core) keepsIdentity(address string, before, after *tfprotov6.ResourceIdentityData) {
	if before == nil || before.IdentityData == nil {
		return
	}
	if after == nil || after.IdentityData == nil {
		c.fatalf("the identity of %s is gone", address)
	}
	t := tftypes.Object{AttributeTypes: map[string]tftypes.Type{"name": tftypes.String, "cluster_uuid": tftypes.String}}
	was, err := before.IdentityData.Unmarshal(t)
	c.must(err)
	is, err := after.IdentityData.Unmarshal(t)
	c.must(err)
	if !was.IsNull() && !is.Equal(was) { // a refused replacement leaves none
		c.fatalf("the identity of %s changes", address)
	}
}

func (c *core) whollyKnown(what string, v values) {
	for name, value := range v {
		if !value.IsFullyKnown() {
			c.fatalf("%s: %s is unknown", what, name)
		}
	}
}

// action is what a plan does to an object.
type action int

const (
	noAction action = iota
	createAction
	updateAction
	deleteAction
	deleteThenCreate
	createThenDelete
)

func (a action) String() string {
	return []string{"nothing", "create", "update", "delete", "delete then create", "create then delete"}[a]
}

// change is a step of a plan.
type change struct {
	address  string
	deposed  int // its index, -1 for the current object
	action   action
	before   *object
	after    values
	private  []byte
	identity *tfprotov6.ResourceIdentityData
	replace  bool // -replace
}

// plan is what one has come to.
type plan struct {
	root    rootModule
	options planOptions
	prior   map[string]*resourceState // with what was read and imported
	changes []change
}

// begin empties the journal for a run.
func (c *core) begin() { c.journal, c.failed, c.lostIn = nil, false, false }

// plan makes a plan, and nil where there is an error: then nothing is saved. A
// destruction is preceded by an ordinary plan, which refreshes, in a process of its own.
func (c *core) plan(root rootModule, options planOptions) *plan {
	if !options.destroy || options.skipRead {
		return c.walk(root, options, c.state)
	}
	ordinary := options
	ordinary.destroy = false
	first := c.walk(root, ordinary, c.state)
	if first == nil {
		return nil
	}
	options.skipRead = true
	return c.walk(root, options, first.prior)
}

func (c *core) walk(root rootModule, options planOptions, state map[string]*resourceState) *plan {
	p := c.start(root.provider, patienceAlone)
	if !p.ok {
		return nil
	}
	made := &plan{root: root, options: options, prior: map[string]*resourceState{}}
	addresses := slices.Sorted(maps.Keys(state))
	for address := range root.blocks {
		if state[address] == nil {
			addresses = append(addresses, address)
		}
	}
	slices.Sort(addresses)
	if options.backward {
		slices.Reverse(addresses)
	}
	ok := true
	for _, address := range addresses {
		instance := state[address]
		if instance == nil {
			instance = &resourceState{}
		}
		made.prior[address] = &resourceState{}
		ok = c.refresh(p, made, address, instance) && ok
		if options.oneByOne {
			ok = ok && c.planInstance(p, made, address)
		}
	}
	if ok && !options.oneByOne {
		for _, address := range addresses {
			ok = c.planInstance(p, made, address) && ok
		}
	}
	if !ok {
		return nil
	}
	return made
}

// refresh reads and imports the objects of one address.
func (c *core) refresh(p *process, made *plan, address string, instance *resourceState) (ok bool) {
	next := made.prior[address]
	ok = true
	read := func(o *object) *object {
		if o = c.load(p, address, o); o == nil || made.options.skipRead {
			return o
		}
		got, fine := c.read(p, address, o)
		ok = ok && fine
		return got
	}
	for _, o := range instance.deposed {
		if o = read(o); o != nil {
			next.deposed = append(next.deposed, o)
		}
	}
	current := instance.current
	if current == nil && made.options.imports[address] {
		if current = c.importObject(p, address, influxdb3.OperatorTokenName); current == nil {
			return false
		}
	}
	if current != nil {
		next.current = read(current)
	}
	return ok
}

// planInstance plans the objects of one address.
func (c *core) planInstance(p *process, made *plan, address string) bool {
	ok := true
	for i, o := range made.prior[address].deposed {
		ok = c.planDestroy(p, made, address, i, o) && ok
	}
	block, configured := made.root.blocks[address]
	current := made.prior[address].current
	switch {
	case configured && !made.options.destroy:
		step, fine := c.planChange(p, address, block, block.planned, current, made.options.replace[address])
		if fine && step.action != noAction {
			made.changes = append(made.changes, step)
		}
		return ok && fine
	case current != nil:
		return c.planDestroy(p, made, address, -1, current) && ok
	default:
		return ok
	}
}

// importObject imports a token by its name, as yet unread.
func (c *core) importObject(p *process, address, id string) *object {
	resp, err := p.ImportResourceState(c.ctx, &tfprotov6.ImportResourceStateRequest{TypeName: typeOf(address), ID: id})
	c.must(err)
	if !c.note(resp.Diagnostics) || len(resp.ImportedResources) != 1 {
		return nil
	}
	got := resp.ImportedResources[0]
	c.imports[address] = true
	return &object{values: c.decode(typeOf(address), got.State), private: got.Private, identity: got.Identity}
}

// importCommand is `terraform import`.
func (c *core) importCommand(provider values, address string) bool {
	c.begin()
	p := c.start(provider, patienceAlone)
	if !p.ok {
		return false
	}
	o := c.importObject(p, address, influxdb3.OperatorTokenName)
	if o == nil {
		return false
	}
	read, ok := c.read(p, address, o)
	if !ok || read == nil {
		return false
	}
	c.save(address, func(s *resourceState) { s.current = read })
	return true
}

// planDestroy asks whether an object may be destroyed.
func (c *core) planDestroy(p *process, made *plan, address string, deposed int, o *object) bool {
	name := typeOf(address)
	resp, err := p.PlanResourceChange(c.ctx, &tfprotov6.PlanResourceChangeRequest{
		TypeName: name, PriorState: c.dynamic(name, o.values), ProposedNewState: c.dynamic(name, nil), Config: c.dynamic(name, nil),
		PriorPrivate: o.private, PriorIdentity: o.identity,
	})
	c.must(err)
	if !c.note(resp.Diagnostics) {
		return false
	}
	if c.decode(name, resp.PlannedState) != nil {
		c.fatalf("the plan of a destruction of %s is not null", address)
	}
	made.changes = append(made.changes, change{address: address, deposed: deposed, action: deleteAction, before: o, private: resp.PlannedPrivate, identity: resp.PlannedIdentity})
	return true
}

// planChange plans a block: with the object as prior, and with none where it is
// tainted or to be replaced.
func (c *core) planChange(p *process, address string, block resourceBlock, config values, current *object, replace bool) (change, bool) {
	name := typeOf(address)
	checked, err := p.ValidateResourceConfig(c.ctx, &tfprotov6.ValidateResourceConfigRequest{TypeName: name, Config: c.dynamic(name, config)})
	c.must(err)
	if !c.note(checked.Diagnostics) {
		return change{}, false
	}
	step := change{address: address, deposed: -1, before: current, replace: replace}
	prior := &object{}
	if current != nil && !current.tainted {
		prior = current
	}
	planned, ok := c.ask(p, address, config, prior)
	if !ok {
		return change{}, false
	}
	replaced := replace && prior.values != nil || len(planned.RequiresReplace) > 0 && prior.values != nil
	if replaced {
		// Planned once more, as a creation, with what the first plan has left.
		planned, ok = c.ask(p, address, config, &object{private: planned.PlannedPrivate})
		if !ok {
			return change{}, false
		}
	}
	step.after, step.private, step.identity = c.decode(name, planned.PlannedState), planned.PlannedPrivate, planned.PlannedIdentity
	switch {
	case (replaced || current != nil && current.tainted) && block.createBeforeDestroy:
		step.action = createThenDelete
	case replaced || current != nil && current.tainted:
		step.action = deleteThenCreate
	case current == nil:
		step.action = createAction
	case len(differing(step.after, current.values)) > 0:
		step.action = updateAction
	}
	return step, true
}

// ask makes one PlanResourceChange and checks what core checks of it.
func (c *core) ask(p *process, address string, config values, prior *object) (*tfprotov6.PlanResourceChangeResponse, bool) {
	name := typeOf(address)
	t := c.objectType(name)
	config = full(t, config)
	proposed := maps.Clone(config)
	for _, attribute := range c.schema.ResourceSchemas[name].Block.Attributes {
		if attribute.Computed && config[attribute.Name].IsNull() && prior.values != nil {
			proposed[attribute.Name] = prior.values[attribute.Name]
		}
	}
	resp, err := p.PlanResourceChange(c.ctx, &tfprotov6.PlanResourceChangeRequest{
		TypeName: name, PriorState: c.dynamic(name, prior.values), ProposedNewState: c.dynamic(name, proposed), Config: c.dynamic(name, config),
		PriorPrivate: prior.private, PriorIdentity: prior.identity,
	})
	c.must(err)
	c.heard(string(resp.PlannedPrivate))
	if !c.note(resp.Diagnostics) {
		return nil, false
	}
	planned := c.decode(name, resp.PlannedState)
	for _, attribute := range c.schema.ResourceSchemas[name].Block.Attributes {
		got, want := planned[attribute.Name], config[attribute.Name]
		switch {
		case want.IsNull() && attribute.Computed:
		case got.Equal(want), prior.values != nil && got.Equal(prior.values[attribute.Name]):
		default:
			c.fatalf("invalid plan: %s.%s is not as configured", address, attribute.Name)
		}
	}
	return resp, true
}

// apply carries a plan out. Steps of different addresses have no order of their own:
// backward turns it round, together runs them at once.
func (c *core) apply(made *plan, backward, together bool, end ending) {
	c.state, c.calls, c.ended = made.prior, 0, false
	c.tidy()
	patience := patienceAlone
	if together {
		patience = patienceTogether
	}
	p := c.start(made.root.providerKnown, patience)
	if !p.ok {
		return
	}
	steps := slices.Clone(made.changes)
	if backward {
		slices.Reverse(steps)
	}
	if !together {
		for _, step := range steps {
			c.applyChange(p, made, step, end)
		}
		c.tidy()
		return
	}
	var all sync.WaitGroup
	panics := make(chan any, len(steps)) // a failure has to come from the test's own goroutine
	for _, step := range steps {
		done := make(chan struct{})
		all.Go(func() {
			defer close(done)
			defer func() {
				if r := recover(); r != nil {
					panics <- r
				}
			}()
			c.applyChange(p, made, step, ending{})
		})
		select {
		case <-done:
		case <-time.After(headStart):
		}
	}
	all.Wait()
	close(panics)
	for r := range panics {
		panic(r)
	}
	c.tidy()
}

// tidy forgets addresses without an object. Deposed objects that are gone are nil
// until here, so that others keep their index.
func (c *core) tidy() {
	for address, s := range c.state {
		s.deposed = slices.DeleteFunc(s.deposed, func(o *object) bool { return o == nil })
		if s.current == nil && len(s.deposed) == 0 {
			delete(c.state, address)
		}
	}
}

func (c *core) applyChange(p *process, made *plan, step change, end ending) {
	block := made.root.blocks[step.address]
	switch step.action {
	case noAction:
	case deleteAction:
		c.destroy(p, step, end)
	case createAction, updateAction:
		c.createOrUpdate(p, block, step, end)
	case deleteThenCreate:
		if c.destroy(p, step, end) {
			c.createOrUpdate(p, block, step, end)
		}
	case createThenDelete:
		deposed := 0
		c.save(step.address, func(s *resourceState) {
			deposed = len(s.deposed)
			s.deposed, s.current = append(s.deposed, s.current), nil
		})
		if c.createOrUpdate(p, block, step, end) {
			step.deposed = deposed
			c.destroy(p, step, end)
			return
		}
		c.save(step.address, func(s *resourceState) {
			if s.current == nil { // nothing was made: the old one is the current one again
				s.current, s.deposed = s.deposed[deposed], s.deposed[:deposed]
			}
		})
	}
}

// save changes the state of an address.
func (c *core) save(address string, apply func(*resourceState)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state[address] == nil {
		c.state[address] = &resourceState{}
	}
	apply(c.state[address])
}

// at returns an object in state.
func (c *core) at(address string, deposed int) *object {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.state[address]
	switch {
	case s == nil:
		return nil
	case deposed < 0:
		return s.current
	default:
		return s.deposed[deposed]
	}
}

// destroy takes an object out of state, unless the provider refuses.
func (c *core) destroy(p *process, step change, end ending) bool {
	o := c.load(p, step.address, c.at(step.address, step.deposed))
	if o == nil {
		return true
	}
	got, ok, saved := c.call(p, step, step.before.values, nil, nil, end)
	if !saved {
		return false
	}
	if got.values == nil && !ok {
		got = o
	}
	if got.values == nil {
		got = nil
	} else if ok {
		c.fatalf("%s is still there after it was destroyed", step.address)
	}
	c.save(step.address, func(s *resourceState) {
		if step.deposed < 0 {
			s.current = got
		} else {
			s.deposed[step.deposed] = got
		}
	})
	return ok
}

// createOrUpdate plans once more, with what is known by now, and carries it out.
func (c *core) createOrUpdate(p *process, block resourceBlock, step change, end ending) bool {
	if c.over() {
		return false
	}
	current := c.load(p, step.address, c.at(step.address, -1))
	if c.pulumi {
		if _, ok := c.planChange(p, step.address, block, block.known, current, false); !ok {
			return false
		}
	}
	again, ok := c.planChange(p, step.address, block, block.known, current, false)
	if !ok {
		return false
	}
	want := step.action
	if want == deleteThenCreate || want == createThenDelete {
		want = createAction
	}
	if again.action != want && (want != updateAction || again.action != noAction) {
		c.fatalf("inconsistent final plan: %s was to %s, and is to %s", step.address, want, again.action)
	}
	c.compatible("inconsistent final plan of "+step.address, step.after, again.after)
	if again.action == noAction {
		return true
	}
	var before values
	if current != nil {
		before = current.values
	}
	got, ok, saved := c.call(p, again, before, again.after, block.known, end)
	if !saved {
		return false
	}
	switch {
	case got.values == nil && ok:
		c.fatalf("%s is not there after it was made", step.address)
	case got.values == nil, c.pulumi && !ok:
		got = current // what was there is kept
	default:
		c.whollyKnown(step.address+" as applied", got.values)
		if ok && !c.pulumi {
			c.compatible("inconsistent result after apply of "+step.address, again.after, got.values)
		}
		got.tainted = !ok && want == createAction
	}
	c.save(step.address, func(s *resourceState) { s.current = got })
	return ok
}

// compatible is what core asks of a plan and what follows it: what was known stays.
func (c *core) compatible(what string, planned, actual values) {
	for name, value := range planned {
		if value.IsFullyKnown() && !value.Equal(actual[name]) {
			c.fatalf("%s: %s changes", what, name)
		}
	}
}

func (c *core) over() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ended
}

// call makes one ApplyResourceChange. saved is false where nothing of it gets into
// state, because the run has ended before it or the process is killed during it.
func (c *core) call(p *process, step change, before, planned, config values, end ending) (got *object, ok, saved bool) {
	c.mu.Lock()
	if c.ended {
		c.mu.Unlock()
		return nil, false, false
	}
	c.calls++
	last := end.call == c.calls
	c.ended = last
	c.mu.Unlock()
	ctx, cancel := context.WithCancel(c.ctx)
	defer cancel()
	if last && end.cancel {
		cancel()
	}
	name := typeOf(step.address)
	resp, err := p.ApplyResourceChange(ctx, &tfprotov6.ApplyResourceChangeRequest{
		TypeName: name, PriorState: c.dynamic(name, before), PlannedState: c.dynamic(name, planned), Config: c.dynamic(name, config),
		PlannedPrivate: step.private, PlannedIdentity: step.identity,
	})
	c.must(err)
	got = &object{values: c.decode(name, resp.NewState), private: resp.Private, identity: resp.NewIdentity}
	c.heard(string(resp.Private))
	ok = c.note(resp.Diagnostics)
	if last && end.lost {
		c.mu.Lock()
		c.lostIn = true
		c.mu.Unlock()
		return nil, false, false
	}
	return got, ok, true
}
