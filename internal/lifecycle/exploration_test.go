package lifecycle_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3"
	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/lifecycle"
)

// deeper is for machines with time: each step more takes several times as long.
var deeper = flag.Int("deeper", 0, "how many steps more than usual TestExploration goes")

// script is a sequence of choices: those to be repeated, and from there on always the
// first, which is the usual course.
type script struct {
	taken, of []int
	at        int
}

func (s *script) choose(n int) int {
	if s.at == len(s.taken) {
		s.taken = append(s.taken, 0)
	}
	if s.at == len(s.of) {
		s.of = append(s.of, n)
	}
	if s.of[s.at] != n {
		panic("a history does not repeat itself")
	}
	s.at++
	return s.taken[s.at-1]
}

// next goes on to the next sequence, and says whether there is one.
func (s *script) next() bool {
	s.at = 0
	for n := len(s.taken) - 1; n >= 0; n-- {
		if s.taken[n]+1 < s.of[n] {
			s.taken[n]++
			return true
		}
		s.taken, s.of = s.taken[:n], s.of[:n]
	}
	return false
}

// resource is what Terraform has in state of the operator token.
type resource struct {
	exists        bool
	token         lifecycle.OperatorToken
	ageUnresolved bool
}

// rotate takes what the provider takes of a new token: nothing but what was planned to
// change.
func (r *resource) rotate(token lifecycle.OperatorToken) {
	created, cluster := r.token.CreatedAt, r.token.ClusterUUID
	r.token = token
	r.token.CreatedAt, r.token.ClusterUUID = created, cluster
}

// step is what a person or a pipeline does next.
type step struct {
	name      string
	triggers  bool // rotation_triggers are changed
	consent   bool // existing_token = "regenerate", in this run
	aged      bool // rotate_after has gone by
	blind     bool // -refresh=false
	elsewhere bool // somebody else regenerates
	told      bool // and the provider gets the new token
}

var steps = []step{
	{name: "apply"},
	{name: "change a trigger, apply", triggers: true},
	{name: "change a trigger, apply -refresh=false", triggers: true, blind: true},
	{name: "an hour later, apply", aged: true},
	{name: "existing_token = regenerate, apply", consent: true},
	{name: "somebody else regenerates", elsewhere: true},
	{name: "somebody else regenerates and tells", elsewhere: true, told: true},
}

// possible says whether a step can be made.
func (s step) possible(w *world, setup setup) bool {
	switch {
	case s.elsewhere && w.others == 0, s.told && setup.credential != operatorToken:
		return false
	case (s.triggers || s.aged || s.blind) && !w.resource.exists:
		return false
	default:
		return true
	}
}

// take makes a step.
func (r *run) take(s step) {
	w := r.world
	r.pass(betweenRuns)
	r.committed = 0 // what arrived by now was sent by a run before
	if s.elsewhere {
		w.others--
		r.elsewhere()
		if s.told {
			w.credential = w.current()
			w.theirs &^= bit(w.current())
		}
		return
	}
	if s.aged {
		r.pass(lifetime)
	}
	w.due = w.due || s.triggers
	r.slept = 0
	r.terraform(s)
}

// terraform is one apply: refresh, plan, and what the plan asks for.
func (r *run) terraform(s step) {
	w := r.world
	defer func() {
		if killed := recover(); killed != nil {
			if killed != any(dead{}) {
				panic(killed)
			}
			w.given &^= r.delivered // gone with the process
		}
	}()
	defer r.save()
	if !w.resource.exists {
		r.establish(s)
		return
	}
	refreshed, unseen := w.resource, false
	if !s.blind {
		seen, err := r.operator().Inspect(context.Background(), refreshed.token, lifetime)
		if err != nil {
			r.log("the refresh fails: %v", err)
			r.nothingDone(err)
			return
		}
		refreshed.token, unseen = seen.Token, seen.Unseen
		refreshed.ageUnresolved = refreshed.ageUnresolved && (unseen || !seen.Token.Status.Accepted())
		r.fooled = r.fooled || w.resource.token.ClusterUUID == ""
		r.log("the refresh brings %s, %s", r.generation(seen.Token), seen.Token.Status)
		if seen.Token.Status == lifecycle.StatusRejected && r.generation(seen.Token) == w.current() && !r.fooled && !r.cluster {
			r.broken("a token that the server accepts has the status rejected")
		}
	}
	circumstances := lifecycle.Circumstances{
		Status: refreshed.token.Status, AgeUnresolved: refreshed.ageUnresolved, TriggersChanged: w.due, Consent: s.consent,
	}
	reason := circumstances.Due()
	switch {
	case reason != lifecycle.ReasonNone:
	case circumstances.Stuck():
		r.log("the plan fails: the token is dead, and nothing asks for a new one")
		return
	default:
		w.resource = refreshed
		if !s.blind && !unseen {
			r.succeeded(refreshed.token)
		}
		return
	}
	// Where the refresh has seen the token accepted, its refusal by now leaves open
	// whether our own request was sent twice.
	r.license = reason == lifecycle.ReasonTriggers || s.consent || refreshed.ageUnresolved || refreshed.token.Status == lifecycle.StatusRotationDue
	r.rotate(refreshed, reason)
}

// save is what becomes of a secret in state.
func (r *run) save() {
	if token := &r.world.resource.token; r.unreadable && !token.Secret.IsEmpty() {
		token.Unreadable, token.Secret = token.Hash(), influxdb3.Secret{}
	}
}

func (r *run) operator() *lifecycle.Operator {
	return &lifecycle.Operator{Server: r, Credential: secretOf[r.world.credential], Clock: r}
}

func (r *run) generation(token lifecycle.OperatorToken) generation {
	return generationOf[token.Hash()]
}

// establish is Create.
func (r *run) establish(s step) {
	w := r.world
	r.license, r.bootstraps = s.consent, w.last+1
	token, _, err := r.operator().Establish(context.Background(), s.consent)
	r.log("the creation brings %s, error: %v", r.generation(token), err)
	if err != nil {
		r.honest(err, 0)
	}
	if !token.Secret.IsEmpty() {
		w.resource = resource{exists: true, token: token}
	}
	if err == nil {
		w.due = false
		r.succeeded(token)
	}
}

// rotate is Update.
func (r *run) rotate(refreshed resource, reason lifecycle.Reason) {
	w := r.world
	prior := r.generation(refreshed.token)
	r.fooled = r.fooled || refreshed.token.ClusterUUID == ""
	token, _, err := r.operator().Rotate(context.Background(), refreshed.token)
	r.log("the rotation, because %s, brings %s, error: %v", reason, r.generation(token), err)
	if err != nil {
		r.honest(err, prior)
		switch {
		case !token.Secret.IsEmpty():
			refreshed.rotate(token)
		case problemOf(err) == lifecycle.ProblemLost, problemOf(err) == lifecycle.ProblemAllRefused:
			refreshed.token.Status = lifecycle.StatusRejected
		}
		refreshed.ageUnresolved = refreshed.ageUnresolved || reason == lifecycle.ReasonAge && lifecycle.MayBeDone(err)
		w.resource = refreshed
		return
	}
	if r.generation(token) == prior {
		r.broken("a rotation ends in success with the token of before")
	}
	refreshed.rotate(token)
	refreshed.ageUnresolved = false
	w.resource, w.due = refreshed, false
	r.succeeded(token)
}

func problemOf(err error) lifecycle.Problem {
	var known *lifecycle.Error
	if errors.As(err, &known) {
		return known.Problem
	}
	return 0
}

// succeeded is the rule that a success is true: the token is the one that the server
// accepts, unless somebody else came since that was last to be seen.
func (r *run) succeeded(token lifecycle.OperatorToken) {
	if r.cluster && r.world.hurt.others {
		return // which a node may not have learned of
	}
	if r.generation(token) != r.world.current() && r.otherAt <= r.proven {
		r.broken("an apply ends in success with %s, and the server accepts %s", r.generation(token), r.world.current())
	}
}

// nothingDone is the rule about errors that say so.
func (r *run) nothingDone(err error) {
	if r.committed > 0 && !r.fooled {
		r.broken("an error says that nothing was done, and a token was made: %v", err)
	}
}

// honest is the rule that no error says what is not proven.
func (r *run) honest(err error, prior generation) {
	w := r.world
	var failed *influxdb3.Error
	unknownOutcome := errors.As(err, &failed) && failed.Kind == influxdb3.KindOutcomeUnknown
	switch problemOf(err) {
	case lifecycle.ProblemNotDone:
		r.nothingDone(err)
		if unknownOutcome && len(w.underWay) > 0 {
			r.broken("an error says that nothing was done while the request may still arrive: %v", err)
		}
	case lifecycle.ProblemUnavailable, lifecycle.ProblemInterrupted, lifecycle.ProblemForbidden, lifecycle.ProblemUnreadable,
		lifecycle.ProblemNoOperatorToken, lifecycle.ProblemNotOperatorToken, lifecycle.ProblemAuthenticationOff:
		r.nothingDone(err)
	case lifecycle.ProblemAllRefused:
		if prior == w.current() && !r.fooled {
			r.broken("an error says that the token was refused, and the server accepts it: %v", err)
		}
	case lifecycle.ProblemLost:
		if w.credential == namedAdmin && w.hurt == (harm{faults: 1}) {
			r.broken("an error says that nothing is left that could make another token, and there is: %v", err)
		}
		if prior != 0 && prior == w.current() && !r.fooled || w.current() == 0 {
			r.broken("an error says that a new token was lost, and none was made: %v", err)
		}
	case lifecycle.ProblemNoCredential, lifecycle.ProblemUnresolved, lifecycle.ProblemUnverified, lifecycle.ProblemRaced, lifecycle.ProblemElsewhere,
		lifecycle.ProblemWrongServer: // which speaks of the other one
	default:
		r.broken("an error that nobody expects: %v", err)
	}
}

// keeps is the rule that the only copy of a living token is never dropped.
func (r *run) keeps() {
	w := r.world
	living := w.current()
	if w.given&bit(living) == 0 || w.theirs&bit(living) != 0 || living == w.credential {
		return
	}
	if !w.resource.exists || r.generation(w.resource.token) != living {
		r.broken("the only copy of %s, which is alive, is dropped", living)
	}
}

// key is a world without what makes no difference: tokens by their order, times by
// their distance as far as anything looks at it.
type key struct {
	tokens                  [24]generation
	times                   [24]int64
	changes, late, replies  int
	calls                   [12]call
	flags                   uint32
	status                  lifecycle.Status
	version, cluster        bool
	faults, others, kills   int8
	faultsSoFar             uint8
	othersSoFar, killsSoFar bool
}

func (w *world) key() key {
	var tokens []generation
	var times []time.Duration
	k := key{
		changes: len(w.changes), late: len(w.underWay), replies: len(w.replies),
		status: w.resource.token.Status, version: w.resource.token.Version != "", cluster: w.resource.token.ClusterUUID != "",
		faults: w.faults, others: w.others, kills: w.kills,
		faultsSoFar: w.hurt.faults, othersSoFar: w.hurt.others, killsSoFar: w.hurt.killed,
	}
	since := func(t time.Time) time.Duration {
		if t.IsZero() {
			return -1
		}
		return t.Sub(began)
	}
	token := w.resource.token
	tokens = append(tokens, generationOf[token.Hash()], generationOf[token.PreviousHash], w.credential)
	times = append(times, w.createdAt, since(token.CreatedAt), since(token.RotatedAt), since(token.ListedAt))
	for _, c := range w.changes {
		tokens, times = append(tokens, c.token), append(times, c.at, c.visible)
	}
	for i, a := range w.underWay {
		tokens, times = append(tokens, a.credential), append(times, a.at)
		k.calls[i] = a.call
	}
	for i, old := range w.replies {
		tokens, times = append(tokens, old.token), append(times, old.date)
		k.calls[len(w.underWay)+i] = old.call
	}
	for i, flag := range []bool{w.listening, w.due, w.resource.exists, w.resource.ageUnresolved, w.theirs&bit(w.current()) != 0, w.given&bit(w.current()) != 0} {
		if flag {
			k.flags |= 1 << i
		}
	}
	order(k.tokens[:], tokens)
	distances(k.times[:], times, w.now)
	return k
}

// order numbers tokens by their age.
func order(to []generation, tokens []generation) {
	for i, g := range tokens {
		if g <= 0 {
			to[i] = g
			continue
		}
		to[i] = 1
		for j, other := range tokens {
			if other > 0 && other < g && !slices.Contains(tokens[:j], other) {
				to[i]++
			}
		}
	}
}

// distances tells times by their order, by how far each is from the one before it,
// where that is little, and from now, where that is less than a node may lag behind.
func distances(to []int64, times []time.Duration, now time.Duration) {
	const near, lag = 3 * time.Second, time.Minute
	for i, t := range times {
		if t < 0 {
			to[i] = -1
			continue
		}
		rank, before := int64(0), time.Duration(-1)
		for j, other := range times {
			if other >= 0 && other < t {
				before = max(before, other)
				if !slices.Contains(times[:j], other) {
					rank++
				}
			}
		}
		gap := near
		if before >= 0 {
			gap = min(gap, t-before)
		}
		age := min(now-t, lag)
		to[i] = (rank*int64(near+1)+int64(gap))*int64(lag+1) + int64(age)
	}
}

// node is a world that was reached.
type node struct {
	world  world
	before *node
	step   step
	taken  []int
}

// exploration goes through all histories of a setup up to a length.
type exploration struct {
	setup setup

	visited                  map[key]bool
	worlds, histories, depth int
	most                     most
	broken                   []string
	seen                     map[string]bool
}

// most is the most of each that one run made.
type most struct {
	changing, requests int
	slept              time.Duration
}

// explore makes every step in every world, with everything that may happen in it.
func (e *exploration) explore(start world, depth int) {
	e.visited, e.seen = map[key]bool{}, map[string]bool{}
	frontier := []*node{{world: start}}
	e.visited[start.key()] = true
	for e.depth = 0; e.depth < depth && len(frontier) > 0; e.depth++ {
		var next []*node
		for _, n := range frontier {
			for _, s := range steps {
				if s.possible(&n.world, e.setup) {
					next = append(next, e.follow(n, s)...)
				}
			}
		}
		frontier = next
	}
	e.worlds = len(e.visited)
}

// follow makes one step in every way, and returns the new worlds.
func (e *exploration) follow(n *node, s step) []*node {
	var found []*node
	choices := &script{}
	for again := true; again; again = choices.next() {
		w := n.world.clone()
		r := &run{setup: e.setup, world: &w, script: choices}
		r.take(s)
		e.histories++
		r.keeps()
		r.bounded(&n.world, s)
		e.most.changing = max(e.most.changing, r.changing)
		e.most.requests = max(e.most.requests, r.changing+r.looks+r.asked)
		e.most.slept = max(e.most.slept, r.slept)
		k := w.key()
		fresh := !e.visited[k]
		reached := &node{world: w, before: n, step: s}
		if fresh || r.wrong != "" {
			reached.taken = slices.Clone(choices.taken)
		}
		if r.wrong == "" && fresh {
			e.heals(reached, r)
		}
		if r.wrong != "" {
			e.report(reached, r.wrong)
			continue // what follows from it tells nothing new
		}
		if fresh {
			e.visited[k] = true
			found = append(found, reached)
		}
	}
	return found
}

// bounded is the rule about what a run may cost.
func (r *run) bounded(before *world, s step) {
	if r.world.faults == before.faults && r.world.others == before.others && r.world.kills == before.kills && before.resource.exists && len(before.underWay) == 0 && !r.cluster &&
		generationOf[before.resource.token.Hash()] == before.current() && !s.elsewhere {
		refreshes := 1
		if s.blind {
			refreshes = 0
		}
		doubted := r.proxyDate != 0 // by its Date the reply seems to be an old one
		most := refreshes
		if r.unreadable { // with another credential: before, and after if that could make two
			most += 2
		}
		if r.changing > 1 || (r.looks < refreshes && r.world.credential != 0 || r.looks > most) && !doubted {
			r.broken("an apply without faults makes %d changing requests and %d listings", r.changing, r.looks)
		}
	}
}

// heals is the rule that nobody is locked out for ever: as long as there is a second
// credential, the next apply that may regenerate ends well.
func (e *exploration) heals(n *node, last *run) {
	w := n.world
	alive := len(w.underWay) == 0 && w.resource.exists && generationOf[w.resource.token.Hash()] == w.current()
	// A 3.7 of which nobody knows yet that it is one cannot be told from what stands in
	// front of it, without another credential.
	strange := e.setup.names && !e.setup.namesRefusals && w.resource.exists && w.resource.token.Version == ""
	told := len(w.underWay) == 0 && w.credential > 0 && w.credential == w.current() && w.resource.exists && !alive && !strange
	// The listener closes when a late request gets to it, and nobody can tell.
	closing := slices.ContainsFunc(w.underWay, func(a arrival) bool { return a.call == recovery })
	second := w.credential == namedAdmin || told || w.listening && e.setup.recovery && !strange && !closing
	if (!alive || e.setup.unreadable) && !second {
		return
	}
	w.faults, w.others, w.kills = 0, 0, 0
	probe := func(traced bool) *run {
		w := w.clone()
		r := &run{setup: e.setup, world: &w, script: &script{}, traced: traced}
		if e.setup.cluster {
			r.pass(time.Minute) // for the nodes to agree
		}
		// A creation that met one fault alone needs no consent, where it can be looked at.
		unharmed := w.hurt == harm{faults: 1} && w.credential == namedAdmin && !e.setup.cluster
		r.take(step{triggers: w.resource.exists && !told, consent: !w.resource.exists && !unharmed})
		if w.due && !told || generationOf[w.resource.token.Hash()] != w.current() {
			r.broken("the next apply does not heal it")
		}
		return r
	}
	if probe(false).wrong != "" {
		r := probe(true)
		last.wrong = r.wrong + "\n    in an apply after it without faults:\n      " + strings.Join(r.trace, "\n      ")
	}
}

// report notes a rule that was broken, once, with the shortest history.
func (e *exploration) report(n *node, wrong string) {
	kind, _, _ := strings.Cut(wrong, "\n")
	kind = strings.Map(func(c rune) rune {
		if c >= '0' && c <= '9' {
			return -1
		}
		return c
	}, kind)
	if e.seen[kind] {
		return
	}
	e.seen[kind] = true
	var path []*node
	for ; n.before != nil; n = n.before {
		path = append(path, n)
	}
	slices.Reverse(path)
	text := wrong + "\n    history:"
	w := n.world.clone()
	for _, p := range path {
		r := &run{setup: e.setup, world: &w, script: &script{taken: slices.Clone(p.taken)}, traced: true}
		r.take(p.step)
		text += "\n      * " + p.step.name + "\n        " + strings.Join(r.trace, "\n        ")
	}
	e.broken = append(e.broken, text)
}

// begin is the world in which a history starts: a server with a token that was rotated
// a few times, or a new server.
func begin(s setup, managed bool) world {
	w := world{listening: s.recovery, now: time.Minute}
	switch s.credential {
	case namedAdminToken:
		w.credential = namedAdmin
	case unknownCredential:
		w.credential = stranger
	default:
	}
	if !managed {
		return w
	}
	recovery := w.listening
	w.listening = false
	for i := range 4 {
		r := &run{setup: s, world: &w, script: &script{}}
		r.take(step{triggers: i > 0})
		r.pass(time.Minute)
		if r.wrong != "" {
			panic(fmt.Sprintf("%s: %s", s, r.wrong))
		}
	}
	if s.credential == operatorToken {
		w.credential = w.current()
	}
	r := &run{setup: s, world: &w, script: &script{}}
	r.take(step{})
	w.listening = recovery
	w.hurt = harm{}
	return w
}

// with says how many faults, acts of other people and kills there may be.
func (w world) with(faults, others, kills int8) world {
	w.faults, w.others, w.kills = faults, others, kills
	return w
}

// TestExploration goes through everything that can happen to an operator token in a
// few runs of Terraform, and holds the rules of DESIGN.md against it:
//
//   - an apply that ends without an error leaves the token in state that works;
//   - the only copy of a living token is never dropped;
//   - a living token of somebody else is replaced with consent only;
//   - no error says what is not true;
//   - with a second credential the next apply heals whatever happened;
//   - a change is never repeated before somebody has looked;
//   - all of that within so many requests and so much time.
//
// A rule that is broken is shown with a history of the fewest steps.
func TestExploration(t *testing.T) {
	t.Parallel()
	setups := []setup{
		{release: release310, credential: noCredential},
		{release: release310, credential: noCredential, recovery: true},
		{release: release310, credential: operatorToken},
		{release: release310, credential: operatorToken, recovery: true},
		{release: release310, credential: namedAdminToken},
		{release: release310, credential: namedAdminToken, recovery: true},
		{release: release310, credential: namedAdminToken, proxyDate: -10 * time.Minute},
		{release: release310, credential: operatorToken, proxyDate: 10 * time.Minute},
		{release: release310, credential: noCredential, cluster: true},
		{release: release310, credential: namedAdminToken, cluster: true},
		{release: release310, credential: operatorToken, cluster: true, proxyDate: -10 * time.Minute},
		{release: release310, credential: namedAdminToken, unreadable: true},
		{release: release310, credential: namedAdminToken, recovery: true, unreadable: true},
		{release: release310, credential: operatorToken, unreadable: true},
		{release: release310, credential: noCredential, recovery: true, unreadable: true},
		{release: release310, credential: namedAdminToken, cluster: true, unreadable: true},
		{release: release37, credential: namedAdminToken, unreadable: true},
		{release: release34, credential: namedAdminToken, unreadable: true},
		{release: release39, credential: namedAdminToken},
		{release: release37, credential: noCredential},
		{release: release37, credential: operatorToken},
		{release: release37, credential: namedAdminToken},
		{release: release37, credential: unknownCredential, recovery: true},
		{release: release34, credential: noCredential},
		{release: release34, credential: namedAdminToken},
		{release: release34, credential: operatorToken, recovery: true},
	}
	for _, s := range setups {
		t.Run(s.String(), func(t *testing.T) {
			t.Parallel()
			depth := 3
			if s.cluster || s.proxyDate != 0 || s.release == release39 || s.release == release34 && s.recovery {
				depth = 2 // what is different shows soon
			}
			// One of each over some runs, and several faults over fewer.
			explore(t, s, begin(s, true).with(1, 1, 1), depth)
			explore(t, s, begin(s, false).with(1, 1, 1), 2)
			if s.cluster {
				return
			}
			explore(t, s, begin(s, true).with(2, 0, 0), 2)
			explore(t, s, begin(s, false).with(2, 0, 0), 2)
			if s.release == release37 && s.credential == namedAdminToken { // a third gets to the last of what heals
				explore(t, s, begin(s, true).with(3, 0, 0), 1)
			}
		})
	}
}

// explore explores a setup and pins what a run can cost at most.
func explore(t *testing.T, s setup, start world, depth int) {
	t.Helper()
	depth += *deeper
	e := &exploration{setup: s}
	e.explore(start, depth)
	t.Logf("%d worlds and %d histories to depth %d; at most %d requests in a run, %d of them to change something, %s waited",
		e.worlds, e.histories, depth, e.most.requests, e.most.changing, e.most.slept)
	for _, wrong := range e.broken {
		t.Error(wrong)
	}
	most := most{changing: 4, requests: 40, slept: time.Duration(start.faults) * 30 * time.Second}
	switch {
	case s.cluster:
		most.requests, most.slept = 80, 80*time.Second
	case start.resource.exists: // its build is known
		most.slept = time.Duration(start.faults) * 5 * time.Second
	}
	if s.recovery && (s.unreadable || !start.resource.exists) {
		// Whose the listener is, is looked at for as long as a node could lag, if nobody
		// could ask what the server is.
		most.slept += 30 * time.Second
	}
	if e.most.changing > most.changing || e.most.requests > most.requests || e.most.slept > most.slept {
		t.Errorf("a run takes %+v, want %+v at most", e.most, most)
	}
	if s.unreadable && s.credential != namedAdminToken {
		return // it can do little
	}
	if e.worlds < 150 || e.histories < 700 || e.depth < depth {
		t.Errorf("only %d worlds and %d histories to depth %d were explored", e.worlds, e.histories, e.depth)
	}
}
