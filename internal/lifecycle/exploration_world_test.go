package lifecycle_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3"
)

// The world of the exploration: one server, whatever stands in front of it, and other
// people. It is kept small and without HTTP, because it is gone through a million times.

// release is what the recordings say of a version, as far as it matters for a token.
type release struct {
	version       string
	names         bool // good replies name the cluster
	namesRefusals bool // so do a 401 and the answer to OPTIONS
	exchanges     bool // two regenerates at once can get each other's hash
}

var (
	release310 = release{version: "3.10.1", names: true, namesRefusals: true}
	release39  = release{version: "3.9.6", names: true, namesRefusals: true, exchanges: true}
	release37  = release{version: "3.7.0", names: true, exchanges: true}
	release34  = release{version: "3.4.0", exchanges: true}
)

// setup is what does not change in a history.
type setup struct {
	release

	credential credential
	recovery   bool
	cluster    bool          // a second node, which lists, learns of a change later
	proxyDate  time.Duration // how far the Date of every answer is off
	unreadable bool          // state is encrypted, and the provider cannot decrypt it
}

// credential is what the provider is configured with.
type credential string

const (
	noCredential      credential = "no token"
	operatorToken     credential = "the operator token of the beginning"
	namedAdminToken   credential = "a named admin token"
	unknownCredential credential = "a token that the server does not know"
)

func (s setup) String() string {
	text := s.version + ", " + string(s.credential)
	if s.recovery {
		text += ", recovery listener"
	}
	if s.cluster {
		text += ", two nodes"
	}
	if s.unreadable {
		text += ", encrypted"
	}
	if s.proxyDate != 0 {
		text += fmt.Sprintf(", Date off by %s", s.proxyDate)
	}
	return text
}

const clusterUUID = "the-cluster"

// uuid is the header of an answer. refusal: it is a 401 or that to OPTIONS.
func (s setup) uuid(refusal bool) string {
	if s.names && (s.namesRefusals || !refusal) {
		return clusterUUID
	}
	return ""
}

// generation is an operator token: they are numbered as they are made. 0 is none.
type generation int8

const (
	namedAdmin     generation = -1 // the named admin token, which the server always knows
	stranger       generation = -2 // a token that it never does
	lastGeneration            = 60
	lifetime                  = time.Hour // rotate_after
	requestTime               = 100 * time.Millisecond
	betweenRuns               = 5 * time.Second
	retryAfterBusy            = 7 * time.Second
)

// String names a token in a history.
func (g generation) String() string {
	switch g {
	case 0:
		return "no token"
	case namedAdmin:
		return "the named admin token"
	case stranger:
		return "an unknown token"
	default:
		return "token " + strconv.Itoa(int(g))
	}
}

var (
	secretOf     = map[generation]influxdb3.Secret{}
	hashOf       = map[generation]string{}
	generationOf = map[string]generation{"": 0} // by secret or hash
	began        = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
)

func init() {
	for g := stranger; g <= lastGeneration; g++ {
		if g == 0 {
			continue
		}
		secret := influxdb3.NewSecret("apiv3_" + g.String())
		secretOf[g], hashOf[g] = secret, secret.Hash()
		generationOf[secret.Reveal()], generationOf[secret.Hash()] = g, g
	}
}

// change is one change of the operator token, as a node gets to know it.
type change struct {
	token   generation
	at      time.Duration // of the server's row
	visible time.Duration // when the node that lists has learned of it
}

// arrival is a request whose answer was given up and that arrives all the same.
type arrival struct {
	call       call
	credential generation
	at         time.Duration
	license    bool // of the run that has sent it
}

// reply is what a cache may have kept of the answer to a change.
type reply struct {
	call  call
	token generation
	date  time.Duration
}

// world is everything that lasts from one run of Terraform to the next.
type world struct {
	now       time.Duration
	createdAt time.Duration
	changes   []change // the last one holds; the ones before it while a node may show them
	last      generation
	theirs    uint64 // by generation: made by somebody else, who has not told us
	given     uint64 // by generation: a reply with it has reached us
	listening bool   // the recovery listener
	underWay  []arrival
	replies   []reply
	resource  resource

	credential generation
	due        bool // rotation_triggers differ from those in state

	faults, others, kills int8 // how many more of them may come
	hurt                  harm // what has come so far
}

// harm is what has happened in a history besides what the provider asked for.
type harm struct {
	faults uint8
	others bool
	killed bool
}

func (w world) clone() world {
	w.changes = append([]change(nil), w.changes...)
	w.underWay = append([]arrival(nil), w.underWay...)
	w.replies = append([]reply(nil), w.replies...)
	return w
}

// current is the operator token that works.
func (w *world) current() generation {
	if len(w.changes) == 0 {
		return 0
	}
	return w.changes[len(w.changes)-1].token
}

// shown is what the node shows that lists.
func (w *world) shown() change {
	var seen change
	for _, c := range w.changes {
		if c.visible <= w.now {
			seen = c
		}
	}
	return seen
}

func bit(g generation) uint64 {
	if g <= 0 {
		return 0
	}
	return 1 << g
}

// call is an endpoint.
type call string

const (
	create     call = "create"
	regenerate call = "regenerate"
	recovery   call = "recover"
	list       call = "list"
	ping       call = "ping"
	options    call = "options"
)

// answer is what gets back to the provider.
type answer int

const (
	own         answer = iota // the server's, to the last request that it got
	first                     // the server's, to the first of two
	nothing                   // none
	busy                      // 503 of a gateway, with Retry-After
	forbidden                 // 403 of a gateway
	page                      // 401 of a gateway, with a page of its own
	emptyDenial               // 401 of a gateway without a body, as servers up to 3.7 send it
	copied                    // 401 of something that knows the server's text
	conflict                  // 409 of a gateway
	cached                    // the answer to an earlier request
	ageless                   // the same without the header Age
	latest                    // the answer to the request before, without the header Age
	another                   // that of another server, whose operator token is the configured one
	cut                       // the server's, cut short behind the token
	cutUnnamed                // the same without the server's headers
	unnamed                   // the server's, without the server's headers
	unsent                    // the request did not get anywhere
	killed                    // Terraform is killed before it comes
)

// event is what happens to one request.
type event struct {
	name   string
	served int // how often the server gets it
	answer answer
	late   time.Duration // the server gets it so much later
	before bool          // somebody else regenerates just before it
	during bool          // somebody else regenerates before the answer is on its way
}

var (
	usual = event{name: "answered", served: 1, answer: own}

	changeFaults = []event{
		{name: "not sent", answer: unsent},
		{name: "cut before", answer: nothing},
		{name: "cut after", served: 1, answer: nothing},
		{name: "503 instead", answer: busy},
		{name: "503 after", served: 1, answer: busy},
		{name: "gateway's 403 instead", answer: forbidden},
		{name: "gateway's 403 after", served: 1, answer: forbidden},
		{name: "gateway's 401 page after", served: 1, answer: page},
		{name: "empty 401 instead", answer: emptyDenial},
		{name: "empty 401 after", served: 1, answer: emptyDenial},
		{name: "copied 401 instead", answer: copied},
		{name: "copied 401 after", served: 1, answer: copied},
		{name: "gateway's 409 after", served: 1, answer: conflict},
		{name: "done twice, second reply", served: 2, answer: own},
		{name: "done twice, first reply", served: 2, answer: first},
		{name: "cached reply instead", answer: cached},
		{name: "cached reply after", served: 1, answer: cached},
		{name: "cached reply without Age instead", answer: ageless},
		{name: "cached reply without Age after", served: 1, answer: ageless},
		{name: "reply of before instead", answer: latest},
		{name: "cut behind the token", served: 1, answer: cut},
		{name: "cut behind the token, header stripped", served: 1, answer: cutUnnamed},
		{name: "header stripped", served: 1, answer: unnamed},
		{name: "delivered 1 s late", answer: nothing, late: time.Second},
		{name: "delivered 4 s late", answer: nothing, late: 4 * time.Second},
	}
	lookFaults = []event{
		{name: "not sent", answer: unsent},
		{name: "no answer", answer: nothing},
		{name: "gateway's 403", answer: forbidden},
		{name: "empty 401", answer: emptyDenial},
		{name: "copied 401", answer: copied},
		{name: "header stripped", served: 1, answer: unnamed},
		{name: "another server answers", answer: another},
	}
	askFaults = []event{{name: "no answer", answer: nothing}}

	otherBefore = event{name: "answered after somebody else", served: 1, answer: own, before: true}
	otherDuring = event{name: "answered, somebody else at the same moment", served: 1, answer: own, during: true}
	killedAfter = event{name: "done, and Terraform killed", served: 1, answer: killed}
)

// dead is the panic by which Terraform is killed.
type dead struct{}

// run is one run of Terraform in a world: the server that it talks to, its clock, and
// what an observer sees of it.
type run struct {
	setup

	world  *world
	script *script
	trace  []string
	traced bool
	wrong  string // the first rule that was broken

	// bootstraps: this run creates, and what is made from this token on may be what a
	// request has made whose reply was lost (DESIGN.md, "A lost bootstrap").
	bootstraps generation
	uncertain  bool // a request of ours may have been carried out, and nobody has the reply
	license    bool // whether a living token of somebody else may be replaced
	changing   int  // requests to change something
	looks      int  // listings
	asked      int  // other requests
	committed  int  // operator tokens made for us
	doubtful   bool // nobody has looked since the last request to change something
	fooled     bool // an answer was not the server's, and nothing could tell
	delivered  uint64
	slept      time.Duration
	event      int // counts what happens
	proven     int // the event that last proved which token is good
	otherAt    int // the event by which somebody else last regenerated
}

func (r *run) broken(format string, args ...any) {
	if r.wrong == "" {
		r.wrong = fmt.Sprintf(format, args...)
	}
}

func (r *run) log(format string, args ...any) {
	if r.traced {
		r.trace = append(r.trace, fmt.Sprintf("%8s  ", r.world.now.Round(requestTime))+fmt.Sprintf(format, args...))
	}
}

// Now and Sleep implement lifecycle.Clock.
func (r *run) Now() time.Time { return began.Add(r.world.now) }

func (r *run) Sleep(_ context.Context, d time.Duration) error {
	if d != retryAfterBusy { // which is for the server to ask
		r.slept += d
	}
	r.pass(d)
	return nil
}

// pass lets time pass, and requests arrive.
func (r *run) pass(d time.Duration) {
	w := r.world
	until := w.now + d
	for len(w.underWay) > 0 && w.underWay[0].at <= until {
		a := w.underWay[0]
		w.underWay = w.underWay[1:]
		w.now = max(w.now, a.at)
		_, failed := r.serve(a.call, a.credential, a.license)
		r.log("a request to %s arrives late: %s", a.call, outcome(failed))
	}
	w.now = until
	for len(w.changes) > 1 && w.changes[1].visible <= w.now {
		w.changes = w.changes[1:]
	}
}

func outcome(failed *influxdb3.Error) string {
	if failed == nil {
		return "done"
	}
	return fmt.Sprintf("kind %d, HTTP %d", failed.Kind, failed.Status)
}

// possibility is what the events of a request depend on.
type possibility struct {
	call                          call
	ahead, cluster, another       bool
	faults, cached, others, kills bool
}

// possible keeps the events of every possibility.
var possible sync.Map

// events are what may happen to a request now.
func (r *run) events(c call) []event {
	w, changes := r.world, c == create || c == regenerate || c == recovery
	p := possibility{call: c, ahead: r.proxyDate > 0, cluster: r.cluster, another: w.credential > 0 && w.resource.exists, faults: w.faults > 0, cached: changes && r.kept(c) != nil, others: changes && w.others > 0, kills: changes && w.kills > 0}
	if known, ok := possible.Load(p); ok {
		return known.([]event) //nolint:forcetypeassert // nothing else is stored
	}
	events := []event{usual}
	switch {
	case !p.faults:
	case changes:
		for _, e := range changeFaults {
			if p.cached || e.answer != cached && e.answer != ageless && e.answer != latest {
				if e.answer == ageless && r.proxyDate > 0 || e.answer == first && r.cluster {
					// Nothing can tell an old reply that seems to come from the future, nor
					// a token that is dead from one that the node does not know yet.
					continue
				}
				events = append(events, e)
			}
		}
	case c == list:
		for _, e := range lookFaults {
			if p.another || e.answer != another {
				events = append(events, e)
			}
		}
	default:
		events = append(events, askFaults...)
	}
	if p.others {
		events = append(events, otherBefore, otherDuring)
	}
	if p.kills {
		events = append(events, killedAfter)
	}
	possible.Store(p, events)
	return events
}

// meets chooses what happens to a request.
func (r *run) meets(c call) event {
	r.pass(requestTime)
	r.event++
	events := r.events(c)
	e := events[r.script.choose(len(events))]
	switch {
	case e.before || e.during:
		r.world.others--
	case e.answer == killed:
		r.world.kills--
		r.world.hurt.killed = true
	case e != usual:
		r.world.faults--
		r.world.hurt.faults++
	}
	return e
}

// commit makes a new operator token.
func (r *run) commit() generation {
	w := r.world
	if len(w.changes) == 0 {
		w.createdAt = w.now
	}
	w.last++
	visible := w.now
	if r.cluster {
		visible = w.now + []time.Duration{0, 24 * time.Second}[r.script.choose(2)]
		if n := len(w.changes); n > 0 {
			visible = max(visible, w.changes[n-1].visible)
		}
	}
	w.changes = append(w.changes, change{token: w.last, at: w.now, visible: visible})
	if !r.cluster {
		w.changes = w.changes[len(w.changes)-1:]
	}
	return w.last
}

// elsewhere is a regenerate of somebody else.
func (r *run) elsewhere() {
	w := r.world
	g := r.commit()
	w.theirs |= bit(g)
	w.hurt.others = true
	r.event++
	r.otherAt = r.event
	r.log("somebody else makes %s", g)
}

// serve is the server: it carries out a request that changes something.
func (r *run) serve(c call, credential generation, license bool) (generation, *influxdb3.Error) {
	w := r.world
	r.event++
	switch {
	case c == recovery && !w.listening:
		return 0, &influxdb3.Error{Kind: influxdb3.KindNotSent, Op: string(c), Err: errors.New("connection refused")}
	case c == create && w.current() != 0:
		return 0, r.failure(c, influxdb3.Error{Kind: influxdb3.KindConflict, Status: 409, Recorded: true, ClusterUUID: r.uuid(false)})
	case c == regenerate && !r.accepts(w.current(), credential):
		return 0, r.refusal(c)
	case c != create && w.current() == 0:
		return 0, r.failure(c, influxdb3.Error{Kind: influxdb3.KindNoOperatorToken, Status: 500, Recorded: true, ClusterUUID: r.uuid(false)})
	}
	if old := w.current(); w.theirs&bit(old) != 0 && !license {
		r.broken("%s, which is alive and somebody else's, is replaced without consent", old)
	}
	g := r.commit()
	r.committed++
	if c == recovery {
		w.listening = false
	}
	return g, nil
}

// licensed says whether this run may replace a living token of somebody else.
func (r *run) licensed(c call) bool {
	return r.license || r.uncertain || r.bootstraps > 0 && (c == recovery || r.world.current() >= r.bootstraps)
}

func (r *run) accepts(operator, credential generation) bool {
	return credential == namedAdmin || credential > 0 && credential == operator
}

func (r *run) date() time.Time {
	return r.Now().Add(r.proxyDate).Truncate(time.Second)
}

func (r *run) failure(c call, e influxdb3.Error) *influxdb3.Error {
	e.Op, e.Date = string(c), r.date()
	return &e
}

// refusal is the server's own 401.
func (r *run) refusal(c call) *influxdb3.Error {
	return r.failure(c, influxdb3.Error{
		Kind: influxdb3.KindUnauthorized, Status: 401, Recorded: true, Unnamed: !r.namesRefusals, ClusterUUID: r.uuid(true),
	})
}

// denial is an answer of something in front of the server.
func (r *run) denial(c call, a answer) *influxdb3.Error {
	changes := c != list && c != ping && c != options
	e := influxdb3.Error{Status: 401}
	switch a {
	case nothing:
		e = influxdb3.Error{Kind: influxdb3.KindUnexpected}
		if changes {
			e.Kind = influxdb3.KindOutcomeUnknown
		}
		return &e
	case busy:
		e.Kind, e.Status, e.RetryAfter = influxdb3.KindOutcomeUnknown, 503, retryAfterBusy
	case forbidden:
		e.Kind, e.Status = influxdb3.KindForbidden, 403
	case conflict:
		e.Kind, e.Status = influxdb3.KindConflict, 409
	case page:
		e.Kind = influxdb3.KindUnexpected
	case emptyDenial, copied:
		// Neither the bootstrap nor the listener asks for a token.
		e.Kind, e.Recorded, e.Unnamed = influxdb3.KindUnauthorized, c == regenerate || c == list, a == emptyDenial
		r.fooled = r.fooled || e.Recorded && (!r.names || e.Unnamed && !r.namesRefusals)
	default:
		panic(fmt.Sprintf("no denial: %d", a))
	}
	return r.failure(c, e)
}

// kept is the oldest answer that a cache has for a request. One that was made in the
// seconds in which the token in state was cannot be told by its Date.
func (r *run) kept(c call) *reply {
	last := r.world.replies
	for i, old := range last {
		if old.call == c && last[len(last)-1].date-old.date > 3*time.Second {
			return &r.world.replies[i]
		}
	}
	return nil
}

// change is a request that changes something, and what comes back.
func (r *run) change(c call, credential generation) (*influxdb3.Token, error) {
	w := r.world
	r.changing++
	e := r.meets(c)
	if c == regenerate && r.doubtful {
		r.broken("a regenerate is sent before anybody has looked what became of the one before it")
	}
	r.doubtful = e.answer != unsent
	old := r.kept(c) // as it was before this request
	if old != nil {
		copied := *old
		old = &copied
	}
	if e.before {
		r.elsewhere()
	}
	var token, firstToken generation
	var failed, firstFailed *influxdb3.Error
	for i := range e.served {
		token, failed = r.serve(c, credential, r.licensed(c))
		if i == 0 {
			firstToken, firstFailed = token, failed
		}
	}
	if e.late > 0 {
		w.underWay = append(w.underWay, arrival{call: c, credential: credential, at: w.now + e.late, license: r.licensed(c)})
	}
	r.log("%s with %s: %s (%s)", c, credential, e.name, outcome(failed))
	if e.answer == killed {
		panic(dead{})
	}
	r.uncertain = r.uncertain || e != usual && !e.before && !e.during
	r.proven = r.event
	if e.during {
		r.elsewhere()
		if r.exchanges && c == regenerate {
			r.proven = r.event // the reply shows it
		}
	}
	if e.served == 2 && failed != nil && failed.Kind == influxdb3.KindNotSent {
		failed = r.denial(c, busy) // to what stands in between and has sent it
		failed.Status, failed.RetryAfter = 502, 0
	}
	switch e.answer {
	case first:
		token, failed = firstToken, firstFailed
	case unsent:
		return nil, &influxdb3.Error{Kind: influxdb3.KindNotSent, Op: string(c), Err: errors.New("connection refused")}
	case nothing, busy, forbidden, page, emptyDenial, copied, conflict:
		return nil, r.denial(c, e.answer)
	case cached, ageless, latest:
		if e.answer == latest {
			for i := range w.replies {
				if w.replies[i].call == c {
					old = &w.replies[i]
				}
			}
		}
		return &influxdb3.Token{
			Name: influxdb3.OperatorTokenName, Secret: secretOf[old.token], CreatedAt: began.Add(w.createdAt),
			Cached: e.answer == cached, Date: began.Add(old.date + r.proxyDate).Truncate(time.Second), ClusterUUID: r.replyUUID(c),
		}, nil
	default:
	}
	if failed != nil {
		if e.answer == unnamed || e.answer == cutUnnamed {
			failed.ClusterUUID = ""
		}
		return nil, failed
	}
	r.remember(reply{call: c, token: token, date: w.now})
	w.given |= bit(token)
	r.delivered |= bit(token)
	uuid := r.replyUUID(c)
	if e.answer == unnamed || e.answer == cutUnnamed {
		uuid = ""
	}
	if e.answer == cut || e.answer == cutUnnamed {
		return nil, r.failure(c, influxdb3.Error{Kind: influxdb3.KindOutcomeUnknown, Partial: secretOf[token], ClusterUUID: uuid, Err: errors.New("unexpected EOF")})
	}
	return &influxdb3.Token{
		Name: influxdb3.OperatorTokenName, Secret: secretOf[token], CreatedAt: began.Add(w.createdAt), Date: r.date(), ClusterUUID: uuid,
		ForeignHash: e.during && r.exchanges && c == regenerate,
	}, nil
}

func (r *run) replyUUID(c call) string {
	if c == recovery {
		return ""
	}
	return r.uuid(false)
}

// remember keeps the last three replies to a call: the token in state, the one before
// it, and one that nothing in state tells of.
func (r *run) remember(latest reply) {
	replies := append(r.world.replies, latest)
	n := 0
	for _, old := range replies {
		if old.call == latest.call {
			n++
		}
	}
	if n > 3 {
		i := slices.IndexFunc(replies, func(old reply) bool { return old.call == latest.call })
		replies = slices.Delete(replies, i, i+1)
	}
	r.world.replies = replies
}

func (r *run) CreateOperatorToken(context.Context) (*influxdb3.Token, error) {
	return r.change(create, 0)
}

func (r *run) RegenerateOperatorToken(_ context.Context, credential influxdb3.Secret) (*influxdb3.Token, error) {
	return r.change(regenerate, generationOf[credential.Reveal()])
}

func (r *run) RecoverOperatorToken(context.Context) (*influxdb3.Token, error) {
	return r.change(recovery, 0)
}

func (r *run) HasRecovery() bool { return r.recovery }

func (r *run) FindToken(_ context.Context, secret influxdb3.Secret, _, hash string) (*influxdb3.Listing, error) {
	w, credential := r.world, generationOf[secret.Reveal()]
	r.looks++
	e := r.meets(list)
	seen := w.shown()
	r.log("list with %s: %s; %s works, %s is shown", credential, e.name, w.current(), seen.token)
	switch e.answer {
	case unsent:
		return nil, &influxdb3.Error{Kind: influxdb3.KindNotSent, Op: string(list), Err: errors.New("connection refused")}
	case another:
		return r.another(credential)
	case own, unnamed:
	default:
		return nil, r.denial(list, e.answer)
	}
	r.doubtful = false
	if !r.accepts(seen.token, credential) {
		failed := r.refusal(list)
		if e.answer == unnamed {
			failed.ClusterUUID = ""
		}
		return nil, failed
	}
	r.proven = r.event
	listing := &influxdb3.Listing{Date: r.date()}
	if e.answer != unnamed {
		listing.ClusterUUID = r.uuid(false)
	}
	if seen.token != 0 {
		row := influxdb3.TokenInfo{Name: influxdb3.OperatorTokenName, Hash: hashOf[seen.token], CreatedAt: began.Add(w.createdAt)}
		if at := began.Add(seen.at); seen.at != w.createdAt {
			row.UpdatedAt = &at
		}
		listing.Tokens = append(listing.Tokens, row)
	}
	if hash == hashOf[namedAdmin] {
		listing.Tokens = append(listing.Tokens, influxdb3.TokenInfo{ID: 1, Name: "automation", Hash: hash, CreatedAt: began})
	}
	return listing, nil
}

// another is a listing at a server whose operator token is the configured one.
func (r *run) another(credential generation) (*influxdb3.Listing, error) {
	uuid := ""
	if r.names {
		uuid = "another-cluster"
	}
	if credential != r.world.credential {
		failed := r.refusal(list)
		if r.namesRefusals {
			failed.ClusterUUID = uuid
		} else {
			r.fooled = true
		}
		return nil, failed
	}
	row := influxdb3.TokenInfo{Name: influxdb3.OperatorTokenName, Hash: hashOf[credential], CreatedAt: began.Add(r.world.now - time.Second)}
	return &influxdb3.Listing{Date: r.date(), ClusterUUID: uuid, Tokens: []influxdb3.TokenInfo{row}}, nil
}

func (r *run) Ping(_ context.Context, secret influxdb3.Secret) (*influxdb3.ServerInfo, error) {
	r.asked++
	if e := r.meets(ping); e.answer != own {
		return nil, r.denial(ping, e.answer)
	}
	if !r.accepts(r.world.shown().token, generationOf[secret.Reveal()]) {
		return nil, r.refusal(ping)
	}
	info := &influxdb3.ServerInfo{Build: "Core", Version: r.version, ClusterUUID: r.uuid(false)}
	if r.cluster {
		info.Build = "Enterprise"
	}
	return info, nil
}

func (r *run) Names(context.Context) (string, error) {
	r.asked++
	if e := r.meets(options); e.answer != own {
		return "", r.denial(options, e.answer)
	}
	return r.uuid(true), nil
}
