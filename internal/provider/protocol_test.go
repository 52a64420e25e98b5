package provider

import (
	"encoding/json"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3"
	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3test"
	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/lifecycle"
)

// addressNamed is that of a named admin token, which comes after the operator token.
const addressNamed = namedType + ".ci"

// newCore is core without a state, in which a failure of core's fails the test. Tests that
// make sense on a real server are called TestAccProtocol, so that they are run there, too.
func newCore(t *testing.T) *core {
	t.Helper()
	return &core{ctx: t.Context(), fatalf: t.Fatalf, clock: &historyClock{now: time.Now()}, heard: func(string) {}, state: map[string]*resourceState{}, imports: map[string]bool{}}
}

// blocks are blocks by address.
type blocks map[string]resourceBlock

// rootOf is a root module for a server, whose provider block has that token, or none for "".
func rootOf(s *influxdb3test.Server, token string, all blocks) rootModule {
	provider := values{"url": str(s.URL())}
	if token != "" {
		provider["token"] = str(token)
	}
	return rootModule{provider: provider, providerKnown: provider, blocks: all}
}

// namedBlock is the block of a named admin token.
func namedBlock(name string) resourceBlock {
	lines := values{"name": str(name)}
	return resourceBlock{planned: lines, known: lines}
}

// planned makes a plan that there must be.
func (c *core) planned(root rootModule, options planOptions) *plan {
	c.begin()
	made := c.plan(root, options)
	if made == nil {
		c.fatalf("no plan: %v", c.journal)
	}
	return made
}

// applied plans and applies, without an error.
func (c *core) applied(root rootModule, options planOptions) {
	if c.apply(c.planned(root, options), false, false, ending{}); c.failed {
		c.fatalf("not applied: %v", c.journal)
	}
}

// current is an attribute of the object in state at an address, "" if there is none.
func (c *core) current(address, name string) string {
	if s := c.state[address]; s != nil && s.current != nil {
		return s.current.values.of(name)
	}
	return ""
}

// rotates says whether a plan replaces the token at the first address, and not the object.
func (p *plan) rotates() bool {
	return slices.ContainsFunc(p.changes, func(step change) bool {
		return step.address == addressA && step.action == updateAction && !step.after["hash"].IsKnown()
	})
}

// privateOf reads a key of private state.
func privateOf[T any](t *testing.T, o *object, key string) (value T) {
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

// What is known of an operator token besides its state goes on from one process to the
// next.
func TestProtocol_facts(t *testing.T) {
	t.Parallel()
	s, c := influxdb3test.New(t), newCore(t)
	c.applied(rootOf(s, "", blocks{addressA: operatorLines{}.block()}), planOptions{})
	first, changed := c.current(addressA, "hash"), rootOf(s, "", blocks{addressA: operatorLines{trigger: 1}.block()})
	made := c.planned(changed, planOptions{})
	facts := privateOf[operatorFacts](t, made.prior[addressA].current, privateFacts)
	if facts.Build == "" || facts.Version == "" || facts.ListedAt == "" || facts.PreviousHash != "" {
		t.Errorf("%+v", facts)
	}
	c.apply(made, false, false, ending{})
	facts = privateOf[operatorFacts](t, c.state[addressA].current, privateFacts)
	if c.failed || facts.PreviousHash != first || facts.Build == "" || facts.Version == "" || facts.ListedAt != "" {
		t.Errorf("after a rotation: %v, %+v", c.journal, facts)
	}
	facts = privateOf[operatorFacts](t, c.planned(changed, planOptions{}).prior[addressA].current, privateFacts)
	if facts.PreviousHash != first || facts.ListedAt == "" {
		t.Errorf("after the refresh: %+v", facts)
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
		"of no server, and nobody answers": {[]influxdb3test.Fault{
			{Kind: influxdb3test.SetHeader, Path: regeneratePath, Header: map[string][]string{"Cluster-Uuid": nil}},
			{Kind: influxdb3test.Answer, Path: queryPath, Status: 500, Times: -1},
		}, true, lifecycle.StatusActive},
		"not done": {[]influxdb3test.Fault{{Kind: influxdb3test.CutBefore, Path: regeneratePath}}, false, lifecycle.StatusActive},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, c := influxdb3test.New(t), newCore(t)
			c.applied(rootOf(s, "", blocks{addressA: operatorLines{}.block()}), planOptions{})
			old, changed := c.current(addressA, "hash"), rootOf(s, "", blocks{addressA: operatorLines{trigger: 1}.block()})
			made := c.planned(changed, planOptions{})
			for _, fault := range tt.faults {
				s.Inject(fault)
			}
			c.apply(made, false, false, ending{})
			s.ClearFaults()
			token, hash, status := c.current(addressA, "token"), c.current(addressA, "hash"), c.current(addressA, "status")
			if !c.failed || status != string(tt.status) || (hash != old) != tt.renewed || c.said("it is not known whether it works") != tt.renewed {
				t.Errorf("%v, status %s, hash %s after %s", c.journal, status, hash, old)
			}
			if influxdb3.NewSecret(token).Hash() != hash || tt.renewed && !s.Accepts(t, token) {
				t.Error("what is in state is not the token")
			}
			facts := privateOf[operatorFacts](t, c.state[addressA].current, privateFacts)
			if facts.Version == "" || tt.renewed && facts.PreviousHash != old {
				t.Errorf("facts: %+v", facts)
			}
			if !c.planned(changed, planOptions{skipRead: true}).rotates() {
				t.Error("the rotation is not due any more")
			}
		})
	}
}

// Pulumi's bridge drops the state that comes with an error. What may be the only copy gets
// there with a warning, and the rotation stays due; where nothing new is in hand it stays an
// error.
func TestProtocol_pulumi(t *testing.T) {
	t.Parallel()
	blocked := influxdb3test.Fault{Kind: influxdb3test.Answer, Path: queryPath, Status: 500, Times: -1}
	doubtful := func(path string) []influxdb3test.Fault {
		return []influxdb3test.Fault{{Kind: influxdb3test.SetHeader, Path: path, Header: map[string][]string{"Age": {"30"}}}, blocked}
	}
	t.Run("creation", func(t *testing.T) {
		t.Parallel()
		s, c := influxdb3test.New(t), newCore(t)
		c.pulumi = true
		made := c.planned(rootOf(s, "", blocks{addressA: operatorLines{}.block()}), planOptions{})
		for _, fault := range doubtful(createPath) {
			s.Inject(fault)
		}
		c.apply(made, false, false, ending{})
		s.ClearFaults()
		if c.failed || !c.said("WARNING: Unable to Create Operator Token") || c.said("untaint") || !s.Accepts(t, c.current(addressA, "token")) {
			t.Errorf("the only copy is lost, or nothing tells of it: %v", c.journal)
		}
	})
	t.Run("rotation", func(t *testing.T) {
		t.Parallel()
		s, c := influxdb3test.New(t), newCore(t)
		c.pulumi = true
		c.applied(rootOf(s, "", blocks{addressA: operatorLines{}.block()}), planOptions{})
		old, changed := c.current(addressA, "token"), rootOf(s, "", blocks{addressA: operatorLines{trigger: 1}.block()})
		made := c.planned(changed, planOptions{})
		for _, fault := range doubtful(regeneratePath) {
			s.Inject(fault)
		}
		c.apply(made, false, false, ending{})
		s.ClearFaults()
		kept := c.current(addressA, "token")
		if c.failed || !c.said("WARNING: Unable to Regenerate Operator Token") || kept == old || !s.Accepts(t, kept) {
			t.Errorf("the only copy is lost, or nothing tells of it: %v", c.journal)
		}
		if !c.planned(changed, planOptions{skipRead: true}).rotates() {
			t.Error("the rotation is not due any more")
		}
	})
	for _, tt := range []struct{ address, path string }{{namedAddress, namedAdminPath}, {limitedAddress, limitedPath}} {
		t.Run(tt.address, func(t *testing.T) {
			t.Parallel()
			r := newIssuedRun(t, tt.address)
			r.pulumi = true
			delete(r.lines, "age_recipients")
			r.heard = func(string) {} // plain tokens are in state
			made := r.planned(r.root(), planOptions{})
			r.server.Inject(influxdb3test.Fault{Kind: influxdb3test.SetHeader, Path: tt.path, Header: map[string][]string{"Age": {"30"}}})
			r.server.Inject(influxdb3test.Fault{Kind: influxdb3test.Answer, Path: queryPath, Skip: 1, Status: 500, Times: -1})
			r.apply(made, false, false, ending{})
			r.server.ClearFaults()
			if r.failed || !r.said("WARNING: Unable to Create Token") || r.said("tainted") {
				t.Errorf("the token is lost, or nothing tells of it: %v", r.journal)
			}
			if !r.server.Accepts(t, r.current(tt.address, "token")) {
				t.Error("the token in state is refused")
			}
			if r.applied(r.root(), planOptions{}); r.failed || len(r.server.Names(t, r.operator)) != 2 {
				t.Errorf("the next run: %v", r.journal)
			}
		})
	}
	t.Run("nothing new in hand", func(t *testing.T) {
		t.Parallel()
		s, c := influxdb3test.New(t), newCore(t)
		c.pulumi = true
		c.applied(rootOf(s, "", blocks{addressA: operatorLines{}.block()}), planOptions{})
		made := c.planned(rootOf(s, "", blocks{addressA: operatorLines{trigger: 1}.block()}), planOptions{})
		s.Inject(influxdb3test.Fault{Kind: influxdb3test.CutAfter, Path: regeneratePath})
		if c.apply(made, false, false, ending{}); !c.failed {
			t.Errorf("a rotation whose token nobody holds ends in success: %v", c.journal)
		}
	})
}

// A rotation that was due by age and whose reply was lost is taken up again, once: it is the
// provider's own token that is made anew. Somebody else's is regenerated with consent only.
func TestProtocol_byAge(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ consent, listener bool }{
		"reply lost":                         {},
		"reply lost, with recovery listener": {listener: true},
		"somebody else's, with consent":      {consent: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCore(t)
			s := influxdb3test.New(t, influxdb3test.WithTokenFile("root", rootToken), influxdb3test.Clock(c.clock.Now), influxdb3test.WithRecovery())
			all := blocks{addressA: operatorLines{rotateAfter: "24h", consent: tt.consent}.block()}
			c.applied(rootOf(s, rootToken, all), planOptions{})
			c.clock.pass(25 * time.Hour)
			if tt.consent {
				made := c.planned(rootOf(s, rootToken, all), planOptions{})
				s.Regenerate(t, rootToken)
				c.clock.pass(time.Minute)
				c.apply(made, false, false, ending{})
			} else {
				made := c.planned(rootOf(s, "", all), planOptions{})
				s.Inject(influxdb3test.Fault{Kind: influxdb3test.CutAfter, Path: regeneratePath})
				if c.apply(made, false, false, ending{}); !c.failed || !privateOf[bool](t, c.state[addressA].current, privateAge) {
					t.Errorf("it did not fail, or is not noted: %v", c.journal)
				}
				c.clock.pass(time.Minute)
				root := rootOf(s, rootToken, all)
				if tt.listener {
					root = rootOf(s, "", all)
					root.provider["recovery_url"] = str(s.RecoveryURL())
				}
				c.applied(root, planOptions{})
			}
			if c.failed || !s.Accepts(t, c.current(addressA, "token")) || privateOf[bool](t, c.state[addressA].current, privateAge) {
				t.Errorf("not rotated, or noted for ever: %v", c.journal)
			}
		})
	}
}

// A refresh that finds the token accepted settles what became of such a rotation: a later
// refusal is somebody else's doing again.
func TestProtocol_byAgeSettled(t *testing.T) {
	t.Parallel()
	c := newCore(t)
	s := influxdb3test.New(t, influxdb3test.WithTokenFile("root", rootToken), influxdb3test.Clock(c.clock.Now))
	root := func(rotateAfter string) rootModule {
		return rootOf(s, rootToken, blocks{addressA: operatorLines{rotateAfter: rotateAfter}.block()})
	}
	c.applied(root("24h"), planOptions{})
	c.clock.pass(25 * time.Hour)
	made := c.planned(root("24h"), planOptions{})
	s.Inject(influxdb3test.Fault{Kind: influxdb3test.CutBefore, Path: regeneratePath})
	s.Inject(influxdb3test.Fault{Kind: influxdb3test.Answer, Path: queryPath, Status: 500, Times: -1})
	if c.apply(made, false, false, ending{}); !privateOf[bool](t, c.state[addressA].current, privateAge) {
		t.Fatalf("not noted: %v", c.journal)
	}
	s.ClearFaults()
	c.applied(root("720h"), planOptions{}) // the limit is what was wrong
	theirs := s.Regenerate(t, rootToken)
	c.clock.pass(time.Minute)
	if c.begin(); c.plan(root("720h"), planOptions{}) != nil || !c.said("Operator Token Was Regenerated Elsewhere") {
		t.Errorf("somebody else's token would be regenerated: %v", c.journal)
	}
	if !s.Accepts(t, theirs) {
		t.Error("somebody else's token is dead")
	}
}

// After an import triggers are recorded once. A refresh by another process counts, one
// by the process that has imported it does not.
func TestProtocol_importStage(t *testing.T) {
	t.Parallel()
	s, c := influxdb3test.New(t), newCore(t)
	admin := s.Bootstrap(t)
	s.CreateNamedAdmin(t, admin, "ci", 0)
	root := rootOf(s, admin, blocks{addressA: operatorLines{trigger: 1}.block()})
	for address, id := range map[string]string{addressA: influxdb3.OperatorTokenName, addressNamed: "ci"} {
		p := c.start(root.provider, patienceAlone)
		o := c.importObject(p, address, id)
		stages := []lifecycle.ImportStage{privateOf[lifecycle.ImportStage](t, o, privateImported)}
		for _, p := range []*process{p, p, c.start(root.provider, patienceAlone), c.start(root.provider, patienceAlone)} {
			o, _ = c.read(p, address, o)
			stages = append(stages, privateOf[lifecycle.ImportStage](t, o, privateImported))
		}
		if want := []lifecycle.ImportStage{lifecycle.Imported, lifecycle.Imported, lifecycle.Imported, lifecycle.ImportedAndSeen, lifecycle.NotImported}; !slices.Equal(stages, want) {
			t.Errorf("%s: got %v, want %v", address, stages, want)
		}
	}
	made := c.planned(root, planOptions{imports: map[string]bool{addressA: true}})
	if made.rotates() {
		t.Error("it would rotate after an import")
	}
	c.apply(made, false, false, ending{})
	if c.failed || privateOf[lifecycle.ImportStage](t, c.state[addressA].current, privateImported) != lifecycle.NotImported {
		t.Errorf("%v, and the first change after an import is not noted", c.journal)
	}
}

// The provider's own token is refused at apply, too: the plan may not have known it.
func TestProtocol_ownCredential(t *testing.T) {
	t.Parallel()
	s, c := influxdb3test.New(t), newCore(t)
	admin := s.Bootstrap(t)
	c.applied(rootOf(s, admin, blocks{addressNamed: namedBlock("ci")}), planOptions{})
	token := c.current(addressNamed, "token")
	none, own := rootOf(s, admin, nil), rootOf(s, token, nil)
	if c.plan(own, planOptions{}) != nil {
		t.Error("its deletion was planned")
	}
	made := c.planned(rootModule{provider: none.provider, providerKnown: own.provider}, planOptions{})
	if c.apply(made, false, false, ending{}); !c.failed || !s.Accepts(t, token) {
		t.Errorf("it was deleted: %v", c.journal)
	}
	if c.applied(none, planOptions{}); s.Accepts(t, token) {
		t.Error("it was not deleted by another")
	}
}

// The provider's own token is deleted once it has a successor, which looks it up if the
// reply is lost.
func TestProtocol_ownCredentialReplaced(t *testing.T) {
	t.Parallel()
	s, c := influxdb3test.New(t), newCore(t)
	lines := values{"name_prefix": str("ci-")}
	all := blocks{addressNamed: {planned: lines, known: lines, createBeforeDestroy: true}}
	c.applied(rootOf(s, s.Bootstrap(t), all), planOptions{})
	old := c.current(addressNamed, "token")
	made := c.planned(rootOf(s, old, all), planOptions{replace: map[string]bool{addressNamed: true}})
	s.Inject(influxdb3test.Fault{Kind: influxdb3test.CutAfter, Method: http.MethodDelete})
	c.apply(made, false, false, ending{})
	if c.failed || s.Accepts(t, old) || !s.Accepts(t, c.current(addressNamed, "token")) || len(c.state[addressNamed].deposed) > 0 {
		t.Errorf("not replaced: %v", c.journal)
	}
}

// The process goes on with the token that it has made: its own old one is dead.
func TestProtocol_goesOnAfterRotation(t *testing.T) {
	t.Parallel()
	for name, lines := range map[string]operatorLines{"created anew": {consent: true}, "rotated": {trigger: 1}, "replaced": {consent: true, first: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, c := influxdb3test.New(t), newCore(t)
			old := s.Bootstrap(t)
			if name != "created anew" {
				c.applied(rootOf(s, old, blocks{addressA: operatorLines{}.block()}), planOptions{})
			}
			// What create_before_destroy leaves of an object is dead, and goes although it is
			// protected. A refresh would let the plan say that it stays.
			c.applied(rootOf(s, old, blocks{addressA: lines.block(), addressNamed: namedBlock("ci")}), planOptions{replace: map[string]bool{addressA: name == "replaced"}, skipRead: true})
			if s.Accepts(t, old) || !s.Accepts(t, c.current(addressA, "token")) || !s.Accepts(t, c.current(addressNamed, "token")) {
				t.Error("the old token is good, or a new one is not")
			}
			if c.said("Operator Token Stays Valid") {
				t.Error("of a dead token it is said that it stays valid")
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
		s, c := influxdb3test.New(t), newCore(t)
		made := c.planned(rootOf(s, "", blocks{addressA: operatorLines{}.block()}), planOptions{})
		s.Inject(influxdb3test.Fault{Kind: influxdb3test.SetHeader, Path: createPath, Header: map[string][]string{"Age": {"30"}}})
		s.Inject(influxdb3test.Fault{Kind: influxdb3test.Answer, Path: queryPath, Status: 500, Times: -1})
		c.apply(made, false, false, ending{})
		s.ClearFaults()
		if !c.failed || !s.Accepts(t, c.current(addressA, "token")) {
			t.Errorf("%v, and the token in hand was dropped", c.journal)
		}
	})
	for name, renewed := range map[string]bool{"handed over": false, "handed over, and in doubt": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, c := influxdb3test.New(t), newCore(t)
			block := operatorLines{unprotected: true}.block()
			c.applied(rootOf(s, "", blocks{addressA: block}), planOptions{})
			c.applied(rootOf(s, "", blocks{addressA: block}), planOptions{}) // which saves what the refresh has learned
			old, changed := *c.state[addressA].current, rootOf(s, "", blocks{addressA: operatorLines{unprotected: true, trigger: 1}.block()})
			want := privateOf[operatorFacts](t, &old, privateFacts)
			made := c.planned(changed, planOptions{replace: map[string]bool{addressA: true}})
			if renewed {
				want.PreviousHash, want.ListedAt = old.values.of("hash"), ""
				s.Inject(influxdb3test.Fault{Kind: influxdb3test.SetHeader, Path: regeneratePath, Header: map[string][]string{"Age": {"30"}}})
				s.Inject(influxdb3test.Fault{Kind: influxdb3test.Answer, Path: queryPath, Status: 500, Times: -1})
			} else {
				s.Inject(influxdb3test.Fault{Kind: influxdb3test.CutBefore, Path: regeneratePath})
			}
			c.apply(made, false, false, ending{})
			s.ClearFaults()
			token := c.current(addressA, "token")
			if !c.failed || (token != old.values.of("token")) != renewed || !s.Accepts(t, token) {
				t.Fatalf("%v, and the token is not in state", c.journal)
			}
			if facts := privateOf[operatorFacts](t, c.state[addressA].current, privateFacts); facts != want || facts.Version == "" {
				t.Errorf("facts: %+v, want %+v", facts, want)
			}
			c.state[addressA].current.tainted = false
			if !c.planned(changed, planOptions{skipRead: true}).rotates() {
				t.Error("the rotation that was asked for was forgotten")
			}
		})
	}
}

// Two blocks for one token are refused wherever the second one shows.
func TestProtocol_twoBlocks(t *testing.T) {
	t.Parallel()
	s, c := influxdb3test.New(t), newCore(t)
	both := blocks{addressA: operatorLines{unprotected: true}.block(), addressB: operatorLines{unprotected: true}.block()}
	made := c.planned(rootOf(s, "", both), planOptions{})
	c.apply(made, false, false, ending{})
	token := c.current(addressA, "token")
	if !c.failed || !s.Accepts(t, token) || c.state[addressB] != nil {
		t.Errorf("a second one was created: %v", c.journal)
	}

	root := rootOf(s, token, both)
	p := c.start(root.provider, patienceAlone)
	if c.importObject(p, addressA, influxdb3.OperatorTokenName) == nil || c.importObject(p, addressB, influxdb3.OperatorTokenName) != nil {
		t.Error("it is imported once")
	}
	p = c.start(root.provider, patienceAlone)
	if _, ok := c.read(p, addressA, c.state[addressA].current); !ok || c.importObject(p, addressB, influxdb3.OperatorTokenName) != nil {
		t.Error("a token that a state has was imported")
	}
	if c.importObject(c.start(root.provider, patienceAlone), addressB, "ci") != nil {
		t.Error("it was imported by another name")
	}

	changed := rootOf(s, token, blocks{addressA: operatorLines{unprotected: true, trigger: 1}.block()})
	step, p := c.planned(changed, planOptions{}).changes[0], c.start(root.provider, patienceAlone)
	for i, want := range []bool{true, false} {
		if _, ok, _ := c.call(p, step, step.before.values, step.after, changed.blocks[addressA].known, ending{}); ok != want || count(s, "POST", regeneratePath) != 1 {
			t.Errorf("rotation %d of one process: %t, want %t: %v", i+1, ok, want, c.journal)
		}
	}

	c.state[addressB] = c.state[addressA]
	if c.plan(root, planOptions{}) != nil {
		t.Error("a second one with this token is planned to stay")
	}
}

// The only copy of a token does not leave the state: not while it is protected, and not
// once the creation that it could be for, or its own rotation, has failed.
func TestProtocol_onlyCopy(t *testing.T) {
	t.Parallel()
	t.Run("protected", func(t *testing.T) {
		t.Parallel()
		s, c := influxdb3test.New(t), newCore(t)
		root := rootOf(s, "", blocks{addressA: operatorLines{}.block()})
		c.applied(root, planOptions{})
		if c.plan(rootOf(s, "", nil), planOptions{}) != nil || c.plan(root, planOptions{destroy: true}) != nil {
			t.Error("its destruction was planned")
		}
		// The plan of a replacement looks like a creation: the destruction is applied, also
		// where it is not known by then which server it is for.
		made := c.planned(root, planOptions{replace: map[string]bool{addressA: true}})
		for _, url := range []tftypes.Value{root.provider["url"], tftypes.NewValue(tftypes.String, tftypes.UnknownValue)} {
			made.root.providerKnown = values{"url": url}
			if c.apply(made, false, false, ending{}); !c.failed || !s.Accepts(t, c.current(addressA, "token")) {
				t.Errorf("it was destroyed: %v", c.journal)
			}
			c.begin()
		}
	})
	t.Run("dead", func(t *testing.T) {
		t.Parallel()
		s, c := influxdb3test.New(t), newCore(t)
		c.applied(rootOf(s, "", blocks{addressB: operatorLines{unprotected: true}.block()}), planOptions{})
		s.Regenerate(t, c.current(addressB, "token"))
		made := c.planned(rootOf(s, "", blocks{addressA: operatorLines{}.block()}), planOptions{})
		if c.apply(made, false, false, ending{}); !c.failed || len(c.state) != 0 {
			t.Errorf("a creation failed, and a token that is of no use stays in state: %v", c.journal)
		}
	})
	for name, path := range map[string]string{"a creation failed": createPath, "a rotation failed": regeneratePath} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, c := influxdb3test.New(t), newCore(t)
			c.applied(rootOf(s, "", blocks{addressB: operatorLines{unprotected: true}.block()}), planOptions{})
			if path == regeneratePath { // two objects with one token, as a moved block can leave them
				c.state[addressA] = &resourceState{current: c.state[addressB].current}
			}
			made := c.planned(rootOf(s, "", blocks{addressA: operatorLines{unprotected: true, trigger: 1}.block()}), planOptions{})
			s.Inject(influxdb3test.Fault{Kind: influxdb3test.CutBefore, Path: path})
			if c.apply(made, false, false, ending{}); !c.failed {
				t.Fatal("it did not fail")
			}
			if !s.Accepts(t, c.current(addressB, "token")) {
				t.Error("the token left the state, and nothing is to come that takes it")
			}
		})
	}
}

// A renamed block whose protection is off: the token stays in state, whichever of the
// creation and the deletion comes first.
func TestRename_unprotected(t *testing.T) {
	t.Parallel()
	for name, order := range map[string]struct{ backward, together, fails bool }{
		"deletion first": {false, false, false},
		"creation first": {true, false, true},
		"at once":        {true, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, c := influxdb3test.New(t, influxdb3test.WithTokenFile("root", rootToken)), newCore(t)
			token, lines := s.Bootstrap(t), operatorLines{unprotected: true}.block()
			c.applied(rootOf(s, token, blocks{addressA: lines}), planOptions{})
			c.apply(c.planned(rootOf(s, rootToken, blocks{addressB: lines}), planOptions{}), order.backward, order.together, ending{})
			if c.failed != order.fails {
				t.Errorf("failed: %t, want %t: %v", c.failed, order.fails, c.journal)
			}
			if (c.current(addressA, "token") == token) == (c.current(addressB, "token") == token) {
				t.Errorf("the token is not in state once: %v", c.journal)
			}
		})
	}
}

// A replacement that comes after another creation in the same run takes nothing from
// that one, and what it was to replace is back in state.
func TestReplacement_afterAnotherCreation(t *testing.T) {
	t.Parallel()
	s, c := influxdb3test.New(t, influxdb3test.WithTokenFile("root", rootToken)), newCore(t)
	lines := operatorLines{unprotected: true, consent: true}.block()
	c.applied(rootOf(s, rootToken, blocks{addressA: lines}), planOptions{})
	c.applied(rootOf(s, rootToken, blocks{addressA: lines}), planOptions{}) // which saves what the refresh has learned
	old, facts := c.current(addressA, "token"), privateOf[operatorFacts](t, c.state[addressA].current, privateFacts)
	s.Replace(t)
	made := c.planned(rootOf(s, rootToken, blocks{addressA: lines, addressB: lines}), planOptions{skipRead: true, replace: map[string]bool{addressA: true}})
	c.apply(made, true, false, ending{})
	if !c.said("Second Resource for One Operator Token") {
		t.Errorf("no second resource: %v", c.journal)
	}
	if !s.Accepts(t, c.current(addressB, "token")) {
		t.Errorf("the token that was created is not good: %v", c.journal)
	}
	if got := privateOf[operatorFacts](t, c.state[addressA].current, privateFacts); c.current(addressA, "token") != old || got != facts || got.Version == "" {
		t.Errorf("the old token is not in state with %+v, but %+v: %v", facts, got, c.journal)
	}
}

// A renamed block gives its token away while the new one waits for a server that does not
// come up: the token is back in state, and the only copy is not lost.
func TestRename_whileWaiting(t *testing.T) {
	t.Parallel()
	s, c := influxdb3test.New(t, influxdb3test.WithTokenFile("root", rootToken)), newCore(t)
	token, lines := s.Bootstrap(t), operatorLines{unprotected: true}.block()
	c.applied(rootOf(s, token, blocks{addressA: lines}), planOptions{})
	root := rootOf(s, rootToken, blocks{addressB: lines})
	root.provider["startup_timeout"], root.provider["max_retries"] = str("1s"), tftypes.NewValue(tftypes.Number, 0)
	made := c.planned(root, planOptions{})
	// Nobody can look at the server, and the answer to the creation's comes after the
	// deletion, which has nothing to ask.
	deleted, unavailable := make(chan struct{}), influxdb3test.Fault{Times: -1, Kind: influxdb3test.Answer, Status: http.StatusServiceUnavailable}
	looks := unavailable
	looks.Method, looks.Wait = http.MethodOptions, deleted
	s.Inject(looks)
	s.Inject(unavailable)
	time.AfterFunc(time.Second, func() { close(deleted) })
	c.apply(made, true, true, ending{})
	if !c.said("The server did not answer within the 1s") {
		t.Errorf("the creation did not wait: %v", c.journal)
	}
	if c.current(addressA, "token") != "" || c.current(addressB, "token") != token {
		t.Errorf("the token is not in state under its new name: %v", c.journal)
	}
}
