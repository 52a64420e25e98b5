package provider

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/hashicorp/terraform-plugin-log/tflogtest"
	"pgregory.net/rapid"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3test"
)

// rootToken is a named admin token that every server of a history starts with, and
// with which other people do what they do.
const rootToken = "apiv3_ROOTROOTROOTROOTROOTROOTROOTROOTROOTROOTROOTROOTROOTROOTROOTROOTROOTROOTROOTROOTROOTRO"

// wholeToken is how much of a reply holds the whole token, in bytes.
const wholeToken = 200

// anyToken finds every token, whoever made it.
var anyToken = regexp.MustCompile(`apiv3_[A-Za-z0-9_-]{8,}`)

// historyClock goes by itself only as far as to make every look at it another time, so
// that a history comes out the same whenever it is repeated.
type historyClock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *historyClock) Now() time.Time { return c.pass(time.Millisecond) }

func (c *historyClock) Sleep(ctx context.Context, d time.Duration) error {
	c.pass(d)
	return ctx.Err()
}

func (c *historyClock) pass(d time.Duration) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	return c.now
}

// historyTB lets a server live as long as one history. rapid has its own type for
// what is a test to it.
type historyTB struct {
	testing.TB
	rt       *rapid.T
	cleanups []func()
}

func (tb *historyTB) Cleanup(f func())                  { tb.cleanups = append(tb.cleanups, f) }
func (tb *historyTB) Fatalf(format string, args ...any) { tb.rt.Fatalf(format, args...) }
func (tb *historyTB) Errorf(format string, args ...any) { tb.rt.Errorf(format, args...) }
func (tb *historyTB) Helper()                           {}

func (tb *historyTB) close() {
	for _, f := range slices.Backward(tb.cleanups) {
		f()
	}
}

// The addresses of a history. The second one is a second block for the same server,
// or the first one renamed.
const addressA, addressB = operatorType + ".a", operatorType + ".b"

var addresses = []string{addressA, addressB}

// operatorLines are the lines of a block of the operator token.
type operatorLines struct {
	unprotected bool
	consent     bool
	trigger     int  // 0 for none
	late        bool // the trigger is known at apply only
	rotateAfter string
	first       bool // create_before_destroy
}

func (s operatorLines) block() resourceBlock {
	known := values{"deletion_protection": tftypes.NewValue(tftypes.Bool, !s.unprotected)}
	if s.consent {
		known["existing_token"] = str(existingRegenerate)
	}
	if s.rotateAfter != "" {
		known["rotate_after"] = str(s.rotateAfter)
	}
	known["rotation_triggers"] = triggersValue(s.trigger)
	planned := maps.Clone(known)
	if s.late {
		planned["rotation_triggers"] = tftypes.NewValue(tftypes.Map{ElementType: tftypes.String}, tftypes.UnknownValue)
	}
	return resourceBlock{planned: planned, known: known, createBeforeDestroy: s.first}
}

func triggersValue(trigger int) tftypes.Value {
	t := tftypes.Map{ElementType: tftypes.String}
	if trigger == 0 {
		return tftypes.NewValue(t, nil)
	}
	return tftypes.NewValue(t, map[string]tftypes.Value{"a": str(fmt.Sprint(trigger))})
}

// history is one server with its people, and one root module.
type history struct {
	*rapid.T
	tb     *historyTB
	server *influxdb3test.Server
	clock  *historyClock
	core   *core
	logs   bytes.Buffer
	old    bool // the server's refusals name no cluster

	blocks     map[string]operatorLines
	credential string
	recovery   bool
	replaced   bool   // by another cluster
	theirs     string // the operator token if somebody else made it, and it is not in state
	stale      string // one that is dead

	// imported counts, by address, how many more applies may record triggers without
	// acting upon them: the first one after an import, and after an import block whose
	// apply had nothing to change the next one too, because a provider cannot tell that
	// from an import without an apply.
	imported map[string]int
}

func newHistory(t *testing.T, rt *rapid.T) *history {
	t.Helper()
	h := &history{T: rt, tb: &historyTB{TB: t, rt: rt}, clock: &historyClock{now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}, blocks: map[string]operatorLines{}, imported: map[string]int{}}
	version := rapid.SampledFrom([]string{"3.10", "3.7", "3.4", "3.9"}).Draw(rt, "version")
	h.old = version == "3.4" || version == "3.7"
	h.server = influxdb3test.New(h.tb, influxdb3test.As(version), influxdb3test.Clock(h.clock.Now), influxdb3test.WithRecovery(), influxdb3test.WithTokenFile("root", rootToken))
	h.core = &core{
		fatalf: rt.Fatalf, clock: h.clock, heard: h.keepsSecrets, state: map[string]*resourceState{}, imports: map[string]bool{},
		ctx: tflogtest.RootLogger(t.Context(), &h.logs),
	}
	if rapid.Bool().Draw(rt, "the server is in use") {
		h.theirs = h.server.Bootstrap(h.tb)
	}
	h.blocks[addressA] = drawLines(rt)
	h.chooseCredential()
	return h
}

func drawLines(rt *rapid.T) operatorLines {
	return operatorLines{
		unprotected: rapid.Bool().Draw(rt, "unprotected"),
		consent:     rapid.IntRange(0, 3).Draw(rt, "consent") == 1,
		trigger:     rapid.IntRange(0, 2).Draw(rt, "trigger"),
		late:        rapid.IntRange(0, 5).Draw(rt, "known at apply") == 1,
		rotateAfter: rapid.SampledFrom([]string{"", "", "", "24h"}).Draw(rt, "rotate_after"),
		first:       rapid.IntRange(0, 3).Draw(rt, "create_before_destroy") == 1,
	}
}

// keepsSecrets fails on a token in what could be shown or logged.
func (h *history) keepsSecrets(text string) {
	if anyToken.MatchString(text) {
		h.Logf("%s", text)
		h.Fatalf("a token is shown")
	}
}

// provider is the provider block.
func (h *history) provider() values {
	v := values{"url": str(h.server.URL()), "max_retries": tftypes.NewValue(tftypes.Number, 0)}
	if h.credential != "" {
		v["token"] = str(h.credential)
	}
	if h.recovery {
		v["recovery_url"] = str(h.server.RecoveryURL())
	}
	return v
}

func (h *history) root() rootModule {
	root := rootModule{provider: h.provider(), providerKnown: h.provider(), blocks: map[string]resourceBlock{}}
	for address, s := range h.blocks {
		root.blocks[address] = s.block()
	}
	return root
}

// held are the objects in state, deposed ones too.
func (h *history) held() (all []*object) {
	for _, address := range slices.Sorted(maps.Keys(h.core.state)) {
		if o := h.core.state[address].current; o != nil {
			all = append(all, o)
		}
		all = append(all, h.core.state[address].deposed...)
	}
	return all
}

func (h *history) accepts(token string) bool { return token != "" && h.server.Accepts(h.tb, token) }

// hasWorking says whether an accepted operator token is in state.
func (h *history) hasWorking() bool {
	return slices.ContainsFunc(h.held(), func(o *object) bool { return h.accepts(o.values.of("token")) })
}

func (h *history) hasInState(token string) bool {
	return slices.ContainsFunc(h.held(), func(o *object) bool { return o.values.of("token") == token })
}

// elsewhere makes an operator token, as somebody else.
func (h *history) elsewhere() {
	for _, o := range h.held() {
		h.stale = o.values.of("token")
	}
	if slices.Contains(h.server.Names(h.tb, rootToken), "_admin") {
		h.theirs = h.server.Regenerate(h.tb, rootToken)
	} else {
		h.theirs = h.server.Bootstrap(h.tb)
	}
}

func (h *history) chooseCredential() {
	choice := rapid.SampledFrom([]string{"none", "a named admin token", "the operator token", "a dead token"}).Draw(h.T, "credential")
	switch choice {
	case "none":
		h.credential = ""
	case "a named admin token":
		h.credential = rootToken
	case "the operator token":
		h.credential = h.theirs
		for _, o := range h.held() {
			if h.accepts(o.values.of("token")) {
				h.credential = o.values.of("token")
			}
		}
	default:
		h.credential = h.stale
	}
	h.recovery = rapid.IntRange(0, 3).Draw(h.T, "recovery_url") == 1
}

// drawFault is what goes wrong on the way to the server. An empty 401 is what old
// servers send themselves, and nothing tells a gateway's from it.
func (h *history) drawFault() influxdb3test.Fault {
	path := rapid.SampledFrom([]string{regeneratePath, createPath, queryPath}).Draw(h.T, "path")
	f := influxdb3test.Fault{
		Path:  path,
		Skip:  rapid.SampledFrom([]int{0, 0, 0, 1, 2}).Draw(h.T, "skip"),
		Times: rapid.SampledFrom([]int{1, 1, 2, -1}).Draw(h.T, "times"),
	}
	kinds := []influxdb3test.FaultKind{
		influxdb3test.Answer, influxdb3test.AnswerAfter, influxdb3test.Repeat, influxdb3test.Cache, influxdb3test.Truncate,
		influxdb3test.CutBefore, influxdb3test.CutAfter, influxdb3test.DeliverLate, influxdb3test.SetHeader, influxdb3test.ReplaceBody,
	}
	if path == queryPath || path == createPath {
		// What a cache says of a listing cannot be told from the server's own, nor
		// what it has kept of the bootstrap of a server that was there before.
		kinds = slices.DeleteFunc(kinds, func(k influxdb3test.FaultKind) bool { return k == influxdb3test.Cache })
	}
	f.Kind = rapid.SampledFrom(kinds).Draw(h.T, "kind")
	switch f.Kind {
	case influxdb3test.Answer, influxdb3test.AnswerAfter:
		f.Status = rapid.SampledFrom([]int{401, 403, 404, 409, 413, 429, 502, 503, 200, 201}).Draw(h.T, "status")
		f.NoBody = rapid.Bool().Draw(h.T, "empty") && (f.Status != http.StatusUnauthorized || !h.old)
		if f.Status == http.StatusServiceUnavailable {
			f.Header = http.Header{"Retry-After": {"3"}}
		}
	case influxdb3test.Truncate:
		f.Keep = rapid.SampledFrom([]int{20, 60, 160, wholeToken}).Draw(h.T, "keep")
	case influxdb3test.DeliverLate:
		f.Status = rapid.SampledFrom([]int{0, 502}).Draw(h.T, "status")
		f.DeliverAfter = rapid.IntRange(0, 4).Draw(h.T, "deliver after")
	case influxdb3test.SetHeader:
		f.Header = http.Header{"Cluster-Uuid": nil}
	default:
	}
	return f
}

// run is one run of Terraform, and what is around it.
type run struct {
	options   planOptions
	planOnly  bool
	backward  bool
	together  bool
	end       ending
	fault     *influxdb3test.Fault
	blind     *influxdb3test.Fault // what keeps it from looking
	elsewhere bool                 // somebody regenerates between plan and apply
}

func (h *history) drawRun() run {
	h.Helper()
	few := func(label string) bool { return rapid.IntRange(0, 4).Draw(h.T, label) == 1 }
	r := run{options: planOptions{
		skipRead: rapid.IntRange(0, 9).Draw(h.T, "-refresh=false") == 1,
		backward: rapid.Bool().Draw(h.T, "plan backward"),
		oneByOne: rapid.IntRange(0, 4).Draw(h.T, "-parallelism=1") == 1,
		replace:  map[string]bool{}, imports: map[string]bool{},
	}}
	for _, address := range addresses {
		if h.core.state[address] != nil && h.core.state[address].current != nil {
			r.options.replace[address] = few("-replace " + address)
		} else if _, ok := h.blocks[address]; ok {
			r.options.imports[address] = few("import " + address)
		}
	}
	r.planOnly = few("plan only")
	if few("fault") || few("another fault") {
		f := h.drawFault()
		r.fault = &f
		if f.Path != queryPath && rapid.Bool().Draw(h.T, "and no look afterwards") {
			r.blind = &influxdb3test.Fault{Path: queryPath, Kind: influxdb3test.Answer, Status: http.StatusBadGateway, Skip: rapid.IntRange(1, 4).Draw(h.T, "looks"), Times: -1}
		}
	}
	if r.planOnly {
		return r
	}
	r.elsewhere = rapid.IntRange(0, 9).Draw(h.T, "somebody regenerates after the plan") == 1
	switch rapid.IntRange(0, 5).Draw(h.T, "order") {
	case 1, 2:
		r.backward = true
	case 3:
		r.together = true
	}
	if few("ends early") && !r.together {
		r.end = ending{call: rapid.IntRange(1, 2).Draw(h.T, "at call"), lost: rapid.Bool().Draw(h.T, "killed in it")}
		r.end.cancel = !r.end.lost && rapid.Bool().Draw(h.T, "cancelled in it")
	}
	return r
}

// terraform makes a run and checks what must be true after it.
func (h *history) terraform(r run) {
	var good []*object // with a token that the server accepts
	for _, o := range h.held() {
		if h.accepts(o.values.of("token")) {
			good = append(good, o)
		}
	}
	before := map[string]*object{}
	for address, s := range h.core.state {
		before[address] = s.current
	}
	c := h.core
	c.begin()
	h.server.ResetRequests()
	if r.fault != nil {
		h.server.Inject(*r.fault)
	}
	if r.blind != nil {
		h.server.Inject(*r.blind)
	}
	regenerates := h.regenerates(r)
	made := c.plan(h.root(), r.options)
	for _, q := range h.server.Requests() {
		if q.Path == regeneratePath || q.Path == createPath {
			h.Fatalf("%s while planning", q.Path)
		}
	}
	applied := made != nil && !r.planOnly
	if applied {
		if r.elsewhere {
			h.elsewhere()
		}
		c.apply(made, r.backward, r.together, r.end)
	}
	late := len(h.server.Deliver()) > 0
	h.server.ClearFaults()
	h.Logf("  failed=%t %s %s", c.failed, h.describe(), strings.Join(c.journal, "\n    "))
	h.keepsSecrets(h.logs.String())
	h.logs.Reset()
	h.checkState()
	if applied && !c.failed && !c.ended && !r.elsewhere && !late {
		h.checkSuccess(made, r)
		h.checkTriggers(before, r)
	}
	h.noteImports(before)
	h.checkCopies(good, made, applied)
	if applied && !c.lostIn && !late {
		h.checkMinted(r)
	}
	h.checkOthers(regenerates, late)
	h.clock.pass(time.Minute)
}

// describe is the state in a line.
func (h *history) describe() string {
	var words []string
	for _, address := range slices.Sorted(maps.Keys(h.core.state)) {
		s := h.core.state[address]
		for i, o := range append([]*object{s.current}, s.deposed...) {
			if o != nil {
				words = append(words, fmt.Sprintf("%s[%d] %s %s accepted=%t tainted=%t", address, i, o.values.of("hash"), o.values.of("status"), h.accepts(o.values.of("token")), o.tainted))
			}
		}
	}
	return strings.Join(words, "; ")
}

// checkState is for what state may hold at any time.
func (h *history) checkState() {
	for _, o := range h.held() {
		h.keepsSecrets(string(o.private))
		for name, value := range o.values {
			if name != "token" {
				h.keepsSecrets(value.String())
			}
		}
	}
}

// checkSuccess: a success is true. Nothing was refreshed with -refresh=false, where
// only what was made counts.
func (h *history) checkSuccess(made *plan, r run) {
	if r.options.skipRead && !h.minted(r) || secondBlock(made) {
		return
	}
	for _, o := range h.held() {
		status := o.values.of("status")
		if h.accepts(o.values.of("token")) {
			continue
		}
		if status == "active" || status == "rotation_due" {
			h.Fatalf("success with a dead token called %s", status)
		}
		if !h.core.said("WARNING") {
			h.Fatalf("success with a dead token and without a word, status %s", status)
		}
	}
}

// checkTriggers: after a success, a trigger that was changed has replaced the token.
func (h *history) checkTriggers(before map[string]*object, r run) {
	for address, old := range before {
		s := h.core.state[address]
		if old == nil || s == nil || s.current == nil {
			continue
		}
		if h.imported[address] > 0 {
			if !r.options.skipRead {
				h.imported[address]--
			}
			continue
		}
		changed := !old.values["rotation_triggers"].Equal(s.current.values["rotation_triggers"])
		if changed && old.values.of("hash") == s.current.values.of("hash") {
			h.Fatalf("a trigger was changed, and the token was not")
		}
	}
}

// noteImports notes what has been imported. before is nil after an import without a run.
func (h *history) noteImports(before map[string]*object) {
	for address := range h.core.imports {
		h.imported[address] = 2
	}
	for address := range h.core.state {
		if before != nil && before[address] == nil && !h.core.imports[address] { // made anew
			h.imported[address] = 0
		}
	}
	clear(h.core.imports)
}

// secondBlock says whether a plan creates one resource while another one stays. Terraform
// need not call the provider for that one at apply, and at plan it looks like the resource
// that the creation replaces, so that it is only seen by the next run.
func secondBlock(made *plan) bool {
	creates, stays := false, false
	for address, s := range made.prior {
		does := noAction
		for _, step := range made.changes {
			if step.address == address && step.deposed < 0 {
				does = step.action
			}
		}
		creates = creates || does == createAction
		stays = stays || s.current != nil && (does == noAction || does == updateAction)
	}
	return creates && stays
}

// minted says whether the last request that makes a token was carried out and its
// reply got through whole.
func (h *history) minted(r run) bool {
	whole := false
	through := []string{"", "Repeat", "SetHeader"}
	if r.fault != nil && r.fault.Keep >= wholeToken {
		through = append(through, "Truncate")
	}
	for _, q := range h.server.Requests() {
		if q.Path != createPath && q.Path != regeneratePath {
			continue
		}
		switch {
		case q.Status == http.StatusCreated && slices.Contains(through, q.Fault):
			whole = true
		case q.Fault == "" && q.Status >= 400, q.Fault == "Answer", q.Fault == "CutBefore", q.Fault == "SetHeader":
			// nothing was made
		default:
			whole = false
		}
	}
	return whole
}

// checkMinted: a token whose reply got through is in state.
func (h *history) checkMinted(r run) {
	if h.minted(r) && !h.hasWorking() {
		h.Fatalf("a token was made, its reply got through, and it is not in state")
	}
}

// checkCopies: the only copy of a token that is good is never lost.
func (h *history) checkCopies(good []*object, made *plan, applied bool) {
	creates := false
	if applied {
		for _, step := range made.changes {
			creates = creates || step.action == createAction || step.action == deleteThenCreate || step.action == createThenDelete
		}
	}
	for _, o := range good {
		token := o.values.of("token")
		if !h.accepts(token) || h.hasInState(token) {
			continue
		}
		protected := slices.ContainsFunc(good, func(o *object) bool {
			on := true
			_ = o.values["deletion_protection"].As(&on) // the schema says that it is a boolean
			return on && o.values.of("token") == token
		})
		switch {
		case !applied:
			h.Fatalf("a token has left state without an apply")
		case h.core.lostIn && !protected:
		case protected:
			h.Fatalf("a protected token, which is good, has left state")
		case creates && !h.core.ended:
			h.Fatalf("a token, which is good, has left state, and its replacement is not there")
		}
	}
}

// regenerates says whether the run is allowed to replace a token that somebody else
// made: by a trigger, by consent, or by its age where the design says so.
func (h *history) regenerates(r run) bool {
	for _, s := range h.blocks {
		if s.consent || s.rotateAfter != "" && r.elsewhere {
			return true
		}
		for _, o := range h.held() {
			if !triggersValue(s.trigger).Equal(o.values["rotation_triggers"]) || strings.Contains(string(o.private), privateAge) {
				return true
			}
		}
	}
	// Who lost the reply to a bootstrap gets it from the recovery listener.
	return h.recovery && r.fault != nil && r.fault.Path == createPath
}

// checkOthers: nothing destroys what somebody else has made, unasked.
func (h *history) checkOthers(regenerates, late bool) {
	if h.theirs == "" {
		return
	}
	switch {
	case h.hasInState(h.theirs):
		h.theirs = ""
	case h.accepts(h.theirs):
	case late, regenerates:
		h.theirs = ""
	default:
		h.Fatalf("the token that somebody else made was destroyed")
	}
}

// taint marks the current object, or takes the mark off.
func (h *history) taint(address string, tainted bool) {
	if s := h.core.state[address]; s != nil && s.current != nil {
		marked := *s.current
		marked.tainted = tainted
		s.current = &marked
	}
}

// forget is `terraform state rm`. The person who does it keeps the token.
func (h *history) forget(address string) {
	for _, o := range h.held() {
		if token := o.values.of("token"); h.accepts(token) {
			h.theirs = token
		}
	}
	delete(h.core.state, address)
	if h.hasInState(h.theirs) {
		h.theirs = ""
	}
}

// recovers: whatever has happened, with a named admin token and consent the state
// holds a good token after at most three applies.
func (h *history) recovers() {
	h.credential, h.recovery = rootToken, false
	keep := addressA
	if s := h.core.state[addressA]; s == nil || s.current == nil {
		if s := h.core.state[addressB]; s != nil && s.current != nil {
			keep = addressB
		}
	}
	for _, address := range addresses {
		if address != keep {
			h.forget(address)
		}
	}
	s, ok := h.blocks[keep]
	if !ok {
		s = operatorLines{}
	}
	s.consent, s.late = true, false
	h.blocks = map[string]operatorLines{keep: s}
	for range 3 {
		h.Logf("in the end: apply with a named admin token and consent")
		h.terraform(run{})
		if !h.core.failed && h.hasWorking() {
			return
		}
		if h.core.said("terraform untaint") {
			h.taint(keep, false)
		}
		if h.replaced && h.core.said("Unable to") { // who has replaced the server knows it
			h.forget(keep)
		}
	}
	h.Fatalf("stuck: three applies with a named admin token and consent do not end well")
}

// rename gives each block the other's address.
func (h *history) rename() {
	a, isA := h.blocks[addressA]
	b, isB := h.blocks[addressB]
	clear(h.blocks)
	if isA {
		h.blocks[addressB] = a
	}
	if isB {
		h.blocks[addressA] = b
	}
}

func (h *history) address() string { return rapid.SampledFrom(addresses).Draw(h.T, "address") }

// actions are what can happen.
func (h *history) actions() map[string]func(*rapid.T) {
	apply := func(rt *rapid.T) {
		r := h.drawRun()
		h.Logf("apply %+v fault %+v", r, r.fault)
		h.terraform(r)
	}
	return map[string]func(*rapid.T){
		"apply":       apply,
		"apply again": apply, // what everything else is for
		"replace, and it may end early": func(rt *rapid.T) {
			address := h.address()
			if s := h.core.state[address]; s == nil || s.current == nil {
				rt.Skip("nothing to replace")
			}
			r := run{options: planOptions{replace: map[string]bool{address: true}}}
			r.end = ending{call: rapid.IntRange(0, 2).Draw(rt, "at call"), lost: rapid.Bool().Draw(rt, "killed in it")}
			h.Logf("replace %s %+v", address, r.end)
			h.terraform(r)
		},
		"destroy": func(*rapid.T) {
			r := h.drawRun()
			r.options.destroy, r.options.imports, r.options.replace = true, nil, nil
			h.Logf("destroy %+v fault %+v", r, r.fault)
			h.terraform(r)
		},
		"change the block": func(rt *rapid.T) {
			address := h.address()
			if _, ok := h.blocks[address]; !ok {
				rt.Skip("no such block")
			}
			h.blocks[address] = drawLines(rt)
			h.Logf("%s = %+v", address, h.blocks[address])
		},
		"change the trigger": func(rt *rapid.T) {
			address := h.address()
			s, ok := h.blocks[address]
			if !ok {
				rt.Skip("no such block")
			}
			s.trigger++
			h.blocks[address] = s
			h.Logf("trigger of %s = %d", address, s.trigger)
		},
		"rename": func(*rapid.T) {
			h.rename()
			h.Logf("rename: %+v", h.blocks)
		},
		"rename, and apply": func(*rapid.T) {
			h.rename()
			r := h.drawRun()
			r.planOnly, r.options.skipRead = false, false
			h.Logf("rename: %+v apply %+v fault %+v", h.blocks, r, r.fault)
			h.terraform(r)
		},
		"a second block takes the token too": func(rt *rapid.T) {
			good := h.core.state[addressA]
			if good == nil || good.current == nil || h.core.state[addressB] != nil || !h.accepts(good.current.values.of("token")) {
				rt.Skip("nothing to take")
			}
			h.credential = good.current.values.of("token")
			h.blocks[addressB] = operatorLines{unprotected: rapid.Bool().Draw(rt, "unprotected")}
			h.Logf("a second block: %+v", h.blocks)
			h.terraform(run{})
		},
		"a block more or less": func(rt *rapid.T) {
			address := h.address()
			if _, ok := h.blocks[address]; ok {
				delete(h.blocks, address)
			} else {
				h.blocks[address] = drawLines(rt)
			}
			h.Logf("blocks: %+v", h.blocks)
		},
		"taint": func(*rapid.T) {
			address, tainted := h.address(), rapid.Bool().Draw(h.T, "tainted")
			h.Logf("taint %s %t", address, tainted)
			h.taint(address, tainted)
		},
		"import": func(rt *rapid.T) {
			address := h.address()
			if _, ok := h.blocks[address]; !ok || h.core.state[address] != nil {
				rt.Skip("nothing to import")
			}
			ok := h.core.importCommand(h.provider(), address)
			h.noteImports(nil)
			h.Logf("import %s %t %s %s", address, ok, h.describe(), strings.Join(h.core.journal, "\n    "))
			h.checkOthers(false, false)
			if !ok || rapid.Bool().Draw(rt, "and nothing else") {
				return
			}
			for range 3 { // the first apply is over by then
				h.terraform(run{})
			}
			s := h.blocks[address]
			s.trigger++
			h.blocks[address] = s
			h.Logf("trigger of %s = %d, and apply", address, s.trigger)
			h.terraform(run{})
		},
		"state rm": func(*rapid.T) {
			if rapid.IntRange(0, 2).Draw(h.T, "really") == 1 {
				address := h.address()
				h.Logf("state rm %s", address)
				h.forget(address)
			}
		},
		"credential": func(*rapid.T) {
			h.chooseCredential()
			h.Logf("credential of %d bytes, root %t, recovery %t", len(h.credential), h.credential == rootToken, h.recovery)
		},
		"somebody regenerates": func(*rapid.T) {
			h.Logf("somebody regenerates")
			h.elsewhere()
		},
		"time passes": func(*rapid.T) {
			h.Logf("25 hours pass")
			h.clock.pass(25 * time.Hour)
		},
		"another cluster": func(*rapid.T) {
			if rapid.IntRange(0, 3).Draw(h.T, "really") == 1 {
				h.Logf("another cluster takes the server's place")
				h.server.Replace(h.tb)
				h.replaced, h.theirs = true, ""
			}
		},
	}
}

// Random histories of a server, its people and one root module. The provider is run as
// Terraform's core runs it, without a command line. After every action these must hold:
// a success is true, the only copy of a token is never lost, what somebody else has made
// is not destroyed unasked, no token is shown, and core has nothing to complain of. In
// the end there is a way out of everything.
//
// A run without -rapid.seed tries the same histories every time, so that a change and
// not chance makes it fail. -rapid.seed tries others, -rapid.checks (or RAPID_CHECKS)
// says how many.
func TestHistories(t *testing.T) {
	t.Parallel()
	if seed := flag.Lookup("rapid.seed"); seed != nil && seed.Value.String() == seed.DefValue {
		if err := flag.Set("rapid.seed", "1"); err != nil {
			t.Fatal(err)
		}
	}
	rapid.Check(t, func(rt *rapid.T) {
		h := newHistory(t, rt)
		defer h.tb.close()
		rt.Repeat(h.actions())
		h.recovers()
	})
}
