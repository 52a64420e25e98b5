package influxdb3test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"
)

// Request is what the log keeps of a request.
type Request struct {
	Listener  string      // "main" or "recovery"
	Method    string      // as it arrived
	Path      string      // escaped, as the client sent it
	Query     string      // raw
	TokenHash string      // the first nine hex digits of the SHA-512 of the token presented, as the server lists it; "" without one
	UserAgent string      // "" if the client sent none
	Header    http.Header // without Authorization, Proxy-Authorization and Cookie
	Status    int         // as sent to the client; 0 when the connection was cut or the answer is still to come
	Fault     string      // name of the kind of fault that touched it, "" if none
}

// FaultKind says what a Fault does.
type FaultKind int

// Before means that the server never gets to see the request, After that it has carried it out. A
// client that gives up while a fault waits is cut off: its request is not passed on any more, or
// its reply is lost.
//
// Go's HTTP client sends a GET again, by itself, when a connection that it had kept is cut before
// the first byte of the reply. It never does so with a POST.
const (
	CutBefore   FaultKind = iota // read the request and close the connection without a reply: nothing is committed
	CutAfter                     // let the server do it, then close the connection without a reply
	CutUnread                    // close the next connections, or idle ones that are used again, before a request is read; Method, Path and Skip do not apply and nothing is logged
	DelayBefore                  // wait for Wait, then let the request pass
	DelayAfter                   // let the server do it, wait for Wait, then pass the reply on
	Answer                       // answer Status, Header and Body without asking the server
	AnswerAfter                  // let the server do it, then answer Status, Header and Body instead of its reply
	Truncate                     // let the server do it, send only Keep bytes of the body under the Content-Length of the whole, and cut
	ReplaceBody                  // let the server do it and keep its status and headers, but send Body, which may be empty; Content-Length is that of Body
	Repeat                       // send the request to the server twice and pass the second reply on: the first is lost
	Cache                        // answer with the last success of the same listener, method and path, its old Date included, without asking the server; where there was none the request passes
	DeliverLate                  // answer Status, Header and Body, or cut where Status is 0, and let the server do it later: see DeliverAfter
	SetHeader                    // change headers of the reply, see Header; it goes with every other fault, and alone lets the request pass
)

// String is the name of the constant, which Request.Fault shows.
func (k FaultKind) String() string {
	names := []string{"CutBefore", "CutAfter", "CutUnread", "DelayBefore", "DelayAfter", "Answer", "AnswerAfter", "Truncate", "ReplaceBody", "Repeat", "Cache", "DeliverLate", "SetHeader"}
	if k < 0 || int(k) >= len(names) {
		return fmt.Sprintf("FaultKind(%d)", int(k))
	}
	return names[k]
}

// Fault says what goes wrong with which request.
type Fault struct {
	Listener string // "main", "recovery", or "" for either
	Method   string // "" for any
	Path     string // exact, as in Request.Path; "" for any
	Skip     int    // let this many matching requests pass first
	Times    int    // 0 or 1: once; n: n times; -1: always
	Kind     FaultKind

	Status int         // Answer, AnswerAfter and DeliverLate: the status to send
	Header http.Header // headers of the reply, whoever made it: each replaces what is there, one without a value takes it away
	Body   string      // the body of such an answer; "" means a proxy's HTML page that names the status
	NoBody bool        // such an answer has no body at all, as some gateways send it, and the server a 401 up to 3.7
	Keep   int         // Truncate: how many bytes of the body to send

	// DeliverAfter is for DeliverLate: the server carries the request out when this many further
	// requests have been answered or cut, before the last of those answers leaves. With 0 it waits
	// for Server.Deliver, which does not wait for DeliverAfter either.
	DeliverAfter int

	// Wait blocks every kind, if it is not nil, until it is closed or the client has gone.
	Wait <-chan struct{}
	// Reached, if it is not nil, is sent a value whenever a request gets to the fault: before the
	// wait and, for the kinds that let the server do it, after that. The send does not block: give
	// it a buffer.
	Reached chan<- struct{}
}

func (f Fault) matches(r Request) bool {
	return f.Kind != CutUnread &&
		(f.Listener == "" || f.Listener == r.Listener) &&
		(f.Method == "" || f.Method == r.Method) &&
		(f.Path == "" || f.Path == r.Path)
}

func (f Fault) reached() {
	select {
	case f.Reached <- struct{}{}:
	default:
	}
}

// wait is false if the client went away first.
func (f Fault) wait(ctx context.Context) bool {
	if f.Wait == nil {
		return true
	}
	select {
	case <-f.Wait:
	case <-ctx.Done():
	}
	return ctx.Err() == nil
}

// answer is the reply of a proxy that stands in for the server.
func (f Fault) answer(now time.Time) reply {
	r := text(f.Status, f.Body)
	if f.Body == "" && !f.NoBody {
		status := fmt.Sprintf("%d %s", f.Status, http.StatusText(f.Status))
		r.body = "<html>\r\n<head><title>" + status + "</title></head>\r\n<body>\r\n<center><h1>" + status + "</h1></center>\r\n</body>\r\n</html>\r\n"
		r.header.Set("Content-Type", "text/html")
	}
	r.header.Set("Date", date(now))
	r.header.Set("Content-Length", strconv.Itoa(len(r.body)))
	return r
}

// setHeader does what Header asks for.
func (f Fault) setHeader(h http.Header) {
	for k, v := range f.Header {
		h.Del(k)
		if len(v) > 0 {
			h[http.CanonicalHeaderKey(k)] = slices.Clone(v)
		}
	}
}

// backend is what stands behind the front: one handler for each listener.
type backend struct {
	main, recovery http.Handler
}

// front keeps the log and makes the faults. It asks a backend for everything else.
type front struct {
	now       func() time.Time
	keepLog   bool   // for a test, which can ask for the log and for faults
	recovered func() // called when the recovery listener has had its success

	mu          sync.Mutex
	backend     backend
	clusterUUID string // what the backend has called itself last, "" if it never has
	gone        bool   // the recovery listener, after its success
	log         []*Request
	faults      []*Fault
	successes   map[resource]reply // for Cache
	late        []*lateRequest

	delivering sync.Mutex // held while late requests are carried out
}

// resource is what Cache takes for one: a cache that knows neither tokens nor bodies.
type resource struct{ listener, method, path string }

// lateRequest is one that DeliverLate holds.
type lateRequest struct {
	listener string
	r        *http.Request
	after    int // how many more requests to wait for, 0 for Deliver alone
	due      bool
}

// listener returns the handler of one of the two.
func (f *front) listener(name string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { f.serve(name, w, r) })
}

// errAborted is the server breaking off without a reply.
var errAborted = errors.New("the server closed the connection without a reply")

func (f *front) serve(listener string, w http.ResponseWriter, r *http.Request) {
	entry, fault, headers := f.arrived(listener, r)
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	// A late request outlives this call, and net/http looks at its own meanwhile.
	r = r.Clone(r.Context())
	r.Body = io.NopCloser(bytes.NewReader(body))
	rep, err := f.faulty(listener, fault, r)
	if f.answered(r) {
		f.deliver(false)
	}
	if err == nil {
		err = headed(r.Context(), rep, headers)
	}
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	cut := fault != nil && fault.Kind == Truncate
	f.send(w, entry, rep, cut)
	if cut {
		panic(http.ErrAbortHandler)
	}
}

// headed does what the SetHeader faults say.
func headed(ctx context.Context, rep reply, faults []Fault) error {
	for _, f := range faults {
		f.reached()
		if !f.wait(ctx) {
			return ctx.Err()
		}
		f.setHeader(rep.header)
	}
	return nil
}

// faulty asks the server and does what the fault says. An error cuts the connection.
func (f *front) faulty(listener string, fault *Fault, r *http.Request) (reply, error) {
	if fault == nil {
		return f.pass(listener, r)
	}
	rep, err := f.act(listener, fault, r)
	if err == nil {
		fault.setHeader(rep.header)
	}
	return rep, err
}

func (f *front) act(listener string, fault *Fault, r *http.Request) (reply, error) {
	var rep reply
	if fault.after() {
		var err error
		if rep, err = f.pass(listener, r); err != nil {
			return rep, err
		}
	}
	fault.reached()
	if !fault.wait(r.Context()) {
		return rep, r.Context().Err()
	}
	switch fault.Kind {
	case DelayBefore, Repeat:
		return f.pass(listener, r)
	case DelayAfter:
		return rep, nil
	case Answer, AnswerAfter:
		return fault.answer(f.now()), nil
	case Truncate:
		rep.header.Set("Content-Length", strconv.Itoa(len(rep.body)))
		rep.body = rep.body[:min(fault.Keep, len(rep.body))]
		return rep, nil
	case ReplaceBody:
		rep.body = fault.Body
		rep.header.Set("Content-Length", strconv.Itoa(len(rep.body)))
		return rep, nil
	case Cache:
		if rep, ok := f.cached(listener, r); ok {
			return rep, nil
		}
		return f.pass(listener, r)
	case DeliverLate:
		f.mu.Lock()
		f.late = append(f.late, &lateRequest{listener: listener, r: r, after: fault.DeliverAfter})
		f.mu.Unlock()
		if fault.Status != 0 {
			return fault.answer(f.now()), nil
		}
	}
	return rep, errCut
}

// after tells whether the server carries the request out first.
func (f Fault) after() bool {
	switch f.Kind {
	case CutAfter, DelayAfter, AnswerAfter, Truncate, ReplaceBody, Repeat:
		return true
	}
	return false
}

// pass asks the server and keeps a success for Cache.
func (f *front) pass(listener string, r *http.Request) (reply, error) {
	rep, err := f.ask(listener, r)
	if err == nil && f.keepLog && rep.status >= 200 && rep.status <= 299 {
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.successes == nil {
			f.successes = map[resource]reply{}
		}
		kept := rep
		kept.header = rep.header.Clone()
		f.successes[resource{listener, r.Method, r.URL.EscapedPath()}] = kept
	}
	return rep, err
}

// cached returns a copy of the last success for such a request.
func (f *front) cached(listener string, r *http.Request) (reply, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	rep, ok := f.successes[resource{listener, r.Method, r.URL.EscapedPath()}]
	rep.header = rep.header.Clone()
	return rep, ok
}

// answered counts a request for those that are late, and tells whether that makes one due. A
// request that is late itself does not count for itself.
func (f *front) answered(r *http.Request) (due bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, l := range f.late {
		if l.r == r || l.after == 0 {
			continue
		}
		if l.after--; l.after == 0 {
			l.due, due = true, true
		}
	}
	return due
}

// deliver lets the server carry out the late requests that are due, or all, in the order of their
// arrival, and returns the statuses of its answers, 0 where it broke off. When it is back, nothing
// that was due before is under way any more.
func (f *front) deliver(all bool) []int {
	f.delivering.Lock()
	defer f.delivering.Unlock()
	f.mu.Lock()
	var now, later []*lateRequest
	for _, l := range f.late {
		if l.due || all {
			now = append(now, l)
		} else {
			later = append(later, l)
		}
	}
	f.late = later
	f.mu.Unlock()
	var statuses []int
	for _, l := range now {
		rep, err := f.pass(l.listener, l.r)
		if err != nil {
			rep.status = 0
		}
		statuses = append(statuses, rep.status)
	}
	return statuses
}

// arrived writes the request down and takes the fault that is due for it, and those of headers, in
// one step: the log and the faults see requests in the same order.
func (f *front) arrived(listener string, r *http.Request) (entry *Request, fault *Fault, headers []Fault) {
	entry = &Request{
		Listener:  listener,
		Method:    r.Method,
		Path:      r.URL.EscapedPath(),
		Query:     r.URL.RawQuery,
		UserAgent: r.UserAgent(),
		Header:    r.Header.Clone(),
	}
	if secret, ok := presented(r.Header.Get("Authorization")); ok {
		entry.TokenHash = shortHash(hashOf(secret))
	}
	for _, secret := range []string{"Authorization", "Proxy-Authorization", "Cookie"} {
		entry.Header.Del(secret)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	headers = f.take(-1, func(fault *Fault) bool { return fault.Kind == SetHeader && fault.matches(*entry) })
	if len(headers) > 0 {
		entry.Fault = SetHeader.String()
	}
	if taken := f.take(1, func(fault *Fault) bool { return fault.Kind != SetHeader && fault.matches(*entry) }); taken != nil {
		fault = &taken[0]
		entry.Fault = fault.Kind.String()
	}
	if f.keepLog {
		f.log = append(f.log, entry)
	}
	return entry, fault, headers
}

// take returns the first n faults that match and are not skipping, all of them for -1, and uses
// them up. f.mu is held.
func (f *front) take(n int, matches func(*Fault) bool) (taken []Fault) {
	var left []*Fault
	for _, fault := range f.faults {
		switch {
		case len(taken) == n || !matches(fault):
		case fault.Skip > 0 && fault.Kind != CutUnread:
			fault.Skip--
		default:
			taken = append(taken, *fault)
			if fault.Times == 0 || fault.Times == 1 {
				continue // that was the last time
			}
			if fault.Times > 0 {
				fault.Times--
			}
		}
		left = append(left, fault)
	}
	f.faults = left
	return taken
}

// unread takes a CutUnread fault for the listener.
func (f *front) unread(listener string) (Fault, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	taken := f.take(1, func(fault *Fault) bool {
		return fault.Kind == CutUnread && (fault.Listener == "" || fault.Listener == listener)
	})
	if taken == nil {
		return Fault{}, false
	}
	return taken[0], true
}

// ask lets the server answer. What has reached the server is carried out, also when the client
// goes away meanwhile: that is how a token comes to live that nobody holds.
func (f *front) ask(listener string, r *http.Request) (rep reply, err error) {
	f.mu.Lock()
	h := f.backend.main
	if listener == "recovery" {
		h = f.backend.recovery
	}
	gone := listener == "recovery" && f.gone
	f.mu.Unlock()
	if gone { // what comes twice, or late, does not find it any more
		return rep, errAborted
	}

	body, err := readBody(r)
	if err != nil {
		return rep, err
	}
	r.Body = io.NopCloser(bytes.NewReader(body)) // for the next time, if the server is asked twice
	out := r.Clone(context.WithoutCancel(r.Context()))
	out.Body, out.ContentLength, out.TransferEncoding = http.NoBody, int64(len(body)), nil
	if len(body) > 0 {
		out.Body = io.NopCloser(bytes.NewReader(body))
	}
	rec := &recorder{reply: reply{header: http.Header{}}}
	defer func() {
		switch p := recover(); p {
		case nil:
		case http.ErrAbortHandler:
			err = errAborted
		default:
			panic(p)
		}
	}()
	h.ServeHTTP(rec, out)
	rec.WriteHeader(http.StatusOK)
	if uuid := rec.header.Get("Cluster-Uuid"); uuid != "" {
		f.mu.Lock()
		f.clusterUUID = uuid
		f.mu.Unlock()
	}
	if listener == "recovery" && rec.status == http.StatusCreated && f.recovered != nil {
		// Before the reply: whoever has it finds the listener gone.
		f.mu.Lock()
		f.gone = true
		f.mu.Unlock()
		f.recovered()
		rec.header.Set("Connection", "close")
	}
	return rec.reply, nil
}

// send passes a reply on as it is: a header that is nil keeps net/http from adding a Content-Type
// that it guesses, or a Date of its own.
func (f *front) send(w http.ResponseWriter, entry *Request, rep reply, cut bool) {
	f.mu.Lock()
	entry.Status = rep.status
	f.mu.Unlock()
	h := w.Header()
	for k, v := range rep.header {
		h[k] = v
	}
	for _, k := range []string{"Content-Type", "Date"} {
		if len(h[k]) == 0 {
			h[k] = nil
		}
	}
	w.WriteHeader(rep.status)
	flush := http.NewResponseController(w).Flush
	// A client that has gone cannot be told: errors from here on are its own.
	if len(h["Content-Length"]) == 0 {
		_ = flush()
	}
	_, _ = io.WriteString(w, rep.body)
	if cut {
		_ = flush()
	}
}

// recorder keeps a backend's reply.
type recorder struct {
	reply
	wrote bool
}

func (r *recorder) Header() http.Header { return r.header }

// WriteHeader leaves informational replies out.
func (r *recorder) WriteHeader(status int) {
	if !r.wrote && status >= 200 {
		r.status, r.wrote = status, true
		r.header = r.header.Clone()
	}
}

func (r *recorder) Write(b []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	r.body += string(b)
	return len(b), nil
}
