package influxdb3

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode"

	"github.com/hashicorp/go-retryablehttp"
	"golang.org/x/net/http/httpproxy"
)

const (
	// maxErrorBody bounds how much of an error answer is read, in bytes: a
	// proxy's page can be long, and only the beginning is ever shown.
	maxErrorBody = 64 << 10
	// maxReplyBody bounds every other answer, in bytes. A listing has about
	// 170 bytes a token.
	maxReplyBody = 64 << 20
	// maxMessage bounds the text of an answer that is shown, in bytes.
	maxMessage = 300

	// minSecret is the length from which a value is looked for in a text from
	// elsewhere, in bytes. What is shorter is no secret, and in every text.
	minSecret = 4

	// The pause before a repetition doubles from the one to the other.
	retryWaitMin = 200 * time.Millisecond
	retryWaitMax = 5 * time.Second
)

// Config says how to reach a server.
type Config struct {
	// URL is the address of the main listener. A path prefix is kept.
	URL *url.URL
	// RecoveryURL is the address of the recovery listener, nil if there is none.
	RecoveryURL *url.URL
	// Headers go with every request, for proxies in front of the server.
	Headers map[string]Secret
	// TLS is the client's side of TLS; nil means the defaults.
	TLS *tls.Config
	// Timeout bounds one call, repetitions and waits included. 0 means 30 s.
	Timeout time.Duration
	// MaxRetries is how often a call is repeated where that is safe.
	MaxRetries int
	// UserAgent names the caller.
	UserAgent string
	// OnRequest is told of every request made, for a log. It may be nil.
	OnRequest func(context.Context, Exchange)
}

// Exchange is what may be logged of a request and its answer.
type Exchange struct {
	Method   string
	Path     string
	Status   int // 0: no answer
	Duration time.Duration
}

// Client talks to one server. It is safe for concurrent use.
type Client struct {
	config  Config
	secrets []Secret              // that no answer may show
	reads   *retryablehttp.Client // for calls that change nothing
	writes  *retryablehttp.Client // for calls that change something
}

// New returns a client, which uses the proxies that the environment names, as
// net/http does. It makes no request.
func New(config Config) *Client {
	if config.Timeout <= 0 {
		config.Timeout = 30 * time.Second
	}
	transport := http.DefaultTransport.(*http.Transport).Clone() //nolint:forcetypeassert // net/http documents this type
	transport.TLSClientConfig = config.TLS
	// net/http reads the environment once in a process. It is read here, for what
	// is used and what is kept out of messages to be the same.
	proxies := httpproxy.FromEnvironment()
	proxy := proxies.ProxyFunc()
	transport.Proxy = func(req *http.Request) (*url.URL, error) { return proxy(req.URL) }
	// HTTP/1.1 only: the transport of HTTP/2 repeats requests by rules of its
	// own, and whether a request was sent would be its knowledge, not ours.
	transport.ForceAttemptHTTP2 = false
	transport.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{}

	// A kept connection may have been dropped on the way without a word, and what
	// is written to it is an unknown outcome. A read is just repeated; a change
	// always has a connection of its own.
	own := transport.Clone()
	own.DisableKeepAlives = true
	// Idle connections are usually dropped after a minute or more.
	transport.IdleConnTimeout = 20 * time.Second
	return &Client{
		config: config, secrets: secrets(config, proxies),
		reads: retrying(config, transport), writes: retrying(config, finishing{own}),
	}
}

func retrying(config Config, transport http.RoundTripper) *retryablehttp.Client {
	return &retryablehttp.Client{
		HTTPClient: &http.Client{
			Transport: &logged{next: transport, onRequest: config.OnRequest},
			CheckRedirect: func(*http.Request, []*http.Request) error {
				return http.ErrUseLastResponse
			},
		},
		RetryWaitMin: retryWaitMin,
		RetryWaitMax: retryWaitMax,
		RetryMax:     config.MaxRetries,
		CheckRetry:   checkRetry,
		Backoff:      backoff,
		ErrorHandler: retryablehttp.PassthroughErrorHandler,
	}
}

// HasRecovery says whether there is a recovery listener to call.
func (c *Client) HasRecovery() bool { return c.config.RecoveryURL != nil }

// Endpoint returns the address of the main listener, for messages.
func (c *Client) Endpoint() string { return address(c.config.URL) }

// SameAddress says whether another client has the same server: the address is the same, and
// so are the headers, by which a gateway can choose.
func (c *Client) SameAddress(other *Client) bool {
	return c.Endpoint() == other.Endpoint() && maps.EqualFunc(c.config.Headers, other.config.Headers, Secret.Equal)
}

// RecoveryEndpoint returns the address of the recovery listener, "" without one.
func (c *Client) RecoveryEndpoint() string {
	if c.config.RecoveryURL == nil {
		return ""
	}
	return address(c.config.RecoveryURL)
}

// address leaves out what may be secret: user info, query and fragment.
func address(u *url.URL) string {
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}

// call is one request to be made.
type call struct {
	op      string // what is attempted, for errors
	method  string
	path    string
	query   url.Values
	mints   string // name of the token that is to be made, "" for none
	token   Secret
	body    any  // sent as JSON, nil for none
	changes bool // whether the server is different afterwards
	recover bool // to the recovery listener
}

// reply is an answer read whole, with a status below 300.
type reply struct {
	body        []byte
	clusterUUID string
	build       string    // x-influxdb-build, on /ping only
	date        time.Time // the server's clock, zero without a Date header
	cached      bool      // it says that it comes from a cache
	err         error     // what cut the body short
}

// do makes one call. It returns an *Error for every answer that is not a success.
//
// A context that ends stops a read at once. A change it stops as long as nothing
// was sent, and in every pause; one that may have been sent runs to its end,
// because its reply can be the only copy of a token.
func (c *Client) do(ctx context.Context, call call) (*reply, *Error) {
	base := c.config.URL
	if call.recover {
		base = c.config.RecoveryURL
	}
	target := base.JoinPath(call.path)
	target.RawQuery = call.query.Encode()
	failed := &Error{Op: call.op, Target: address(target)}

	limit := c.config.Timeout
	if deadline, ok := ctx.Deadline(); ok {
		limit = min(limit, time.Until(deadline).Round(time.Millisecond))
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	progress := &progress{changes: call.changes}
	ctx = context.WithValue(ctx, progressKey{}, progress)
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		// Once there is a connection, bytes may be on their way; before, the
		// dial or the TLS handshake failed and nothing can have been done.
		GotConn: func(httptrace.GotConnInfo) { progress.begin() },
	})
	attempt, giveUp := context.WithTimeout(context.WithoutCancel(ctx), c.config.Timeout)
	defer giveUp()
	progress.attempt = attempt
	defer context.AfterFunc(ctx, func() { progress.unlessBegun(giveUp) })()

	req, err := c.newRequest(ctx, call, target)
	if err != nil {
		failed.Kind, failed.Err = KindNotSent, plainCause(err)
		return nil, failed
	}
	client := c.reads
	if call.changes {
		client = c.writes
	}
	resp, err := client.Do(req)
	if err != nil && resp == nil {
		if errors.Is(err, context.Canceled) && ctx.Err() != nil {
			err = ctx.Err() // it may be the deadline that gave up
		}
		failed.Err = c.cause(err, call.token)
		switch {
		case errors.Is(err, context.DeadlineExceeded):
			failed.Err = fmt.Errorf("no answer within %s: %w", limit, context.DeadlineExceeded)
		case errors.Is(err, context.Canceled):
			failed.Err = fmt.Errorf("interrupted: %w", context.Canceled)
		}
		switch {
		case !progress.sent.Load():
			failed.Kind = KindNotSent
		case call.changes:
			failed.Kind = KindOutcomeUnknown
		default:
			failed.Kind = KindUnexpected
		}
		return nil, failed
	}
	defer func() { _ = resp.Body.Close() }() // read below; nothing is left to lose

	failed.Status = resp.StatusCode
	failed.ClusterUUID = resp.Header.Get("cluster-uuid")
	if date, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		failed.Date = date.UTC()
	}
	if resp.StatusCode >= 200 && resp.StatusCode < 300 {
		body, err := io.ReadAll(io.LimitReader(resp.Body, maxReplyBody))
		if err != nil {
			err = c.cause(err, call.token)
		}
		return &reply{
			body: body, clusterUUID: failed.ClusterUUID, build: resp.Header.Get("x-influxdb-build"),
			date: failed.Date, cached: resp.Header.Get("Age") != "", err: err,
		}, nil
	}
	body, _ := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody)) // the status decides, the text is a help
	failed.Message = c.message(body, call.token)
	if resp.StatusCode == http.StatusProxyAuthRequired {
		// It may send back the password that it got, which is net/http's to know.
		failed.Message = "a proxy on the way asks for another login"
	}
	failed.RetryAfter = retryAfter(resp)
	failed.Kind = classify(resp.StatusCode, body, call.changes)
	call.recognise(failed, body)
	if failed.Kind == KindRedirect {
		if to, err := resp.Location(); err == nil {
			failed.Message = shorten("redirected to "+c.redact(address(to), call.token), maxMessage)
		}
	}
	return nil, failed
}

func (c *Client) newRequest(ctx context.Context, call call, target *url.URL) (*retryablehttp.Request, error) {
	var body any
	if call.body != nil {
		encoded, err := json.Marshal(call.body)
		if err != nil {
			return nil, err
		}
		body = encoded
	}
	req, err := retryablehttp.NewRequestWithContext(ctx, call.method, target.String(), body)
	if err != nil {
		return nil, err
	}
	for name, value := range c.config.Headers {
		req.Header.Set(name, value.Reveal())
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", c.config.UserAgent)
	if call.body != nil {
		req.Header.Set("Content-Type", "application/json") // anything else is 415 (recorded)
	}
	if !call.token.IsEmpty() {
		req.Header.Set("Authorization", "Bearer "+call.token.Reveal())
	}
	return req, nil
}

// progress follows one call through its attempts.
type progress struct {
	changes  bool
	attempts int
	// sent: the last attempt may have reached the server or, for a call that
	// changes nothing, any attempt.
	sent atomic.Bool
	// attempt is the context of attempts that change something. It ends with the
	// timeout, and with the caller's context only while nothing is sent.
	attempt context.Context // of the one call that this follows
	mu      sync.Mutex      // nothing is given up while it begins
}

func (p *progress) begin() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sent.Store(true)
}

func (p *progress) unlessBegun(giveUp func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.sent.Load() {
		giveUp()
	}
}

type progressKey struct{}

// checkRetry decides whether an attempt is repeated: one that reached nobody
// always, and one that was answered, with a request to come later too, only if it
// changes nothing: who sent that answer, and when, is not known.
func checkRetry(ctx context.Context, resp *http.Response, err error) (bool, error) {
	if ctx.Err() != nil {
		return false, nil //nolint:nilerr // what the attempt came to counts
	}
	progress, _ := ctx.Value(progressKey{}).(*progress)
	again := false
	switch {
	case err != nil:
		var verify *tls.CertificateVerificationError
		again = !errors.As(err, &verify) && (!progress.sent.Load() || !progress.changes)
	case resp.StatusCode == http.StatusTooManyRequests, resp.StatusCode == http.StatusBadGateway,
		resp.StatusCode == http.StatusServiceUnavailable, resp.StatusCode == http.StatusGatewayTimeout:
		again = !progress.changes
	}
	if deadline, ok := ctx.Deadline(); ok && again {
		// A pause that the deadline would end hides the answer that led to it.
		again = time.Now().Add(backoff(retryWaitMin, retryWaitMax, progress.attempts, resp)).Before(deadline)
	}
	progress.attempts++
	if again && progress.changes {
		progress.sent.Store(false)
	}
	return again, nil
}

// backoff is the pause after an attempt, counted from 0.
func backoff(shortest, longest time.Duration, attempt int, resp *http.Response) time.Duration {
	if wait := retryAfter(resp); wait > 0 {
		return wait
	}
	return retryablehttp.DefaultBackoff(shortest, longest, attempt, nil)
}

func retryAfter(resp *http.Response) time.Duration {
	if resp == nil || resp.StatusCode != http.StatusTooManyRequests && resp.StatusCode != http.StatusServiceUnavailable {
		return 0
	}
	return parseRetryAfter(resp.Header.Get("Retry-After"), time.Now())
}

// classify says what an answer of 300 or above means.
func classify(status int, body []byte, changes bool) Kind {
	switch {
	case status < 400:
		return KindRedirect
	case status == http.StatusUnauthorized && knownRefusal(body):
		return KindUnauthorized
	case status == http.StatusUnauthorized, status == http.StatusProxyAuthRequired:
		return KindUnexpected
	case status == http.StatusForbidden:
		return KindForbidden
	case status == http.StatusConflict:
		return KindConflict
	case status == http.StatusNotFound:
		return KindNotFound
	case status == http.StatusMethodNotAllowed:
		return KindNotEnabled
	case status >= 500, status == http.StatusRequestTimeout, status == http.StatusTooManyRequests:
		switch {
		case changes:
			return KindOutcomeUnknown
		case status == http.StatusTooManyRequests, status == http.StatusServiceUnavailable:
			return KindBusy
		}
		return KindUnexpected
	default:
		return KindRefused
	}
}

// recognise says whether a recorded server answers this very call like that, and
// gives the texts a kind that the status alone does not tell.
func (c call) recognise(failed *Error, body []byte) {
	text := strings.TrimSpace(string(body))
	conflict := c.mints != "" && text == "token name already exists, "+c.mints
	switch {
	case failed.Kind == KindUnauthorized:
		failed.Recorded = c.path != operatorPath && !c.recover // which need no credential
		failed.Unnamed = len(body) == 0
	case failed.Kind == KindConflict:
		failed.Recorded = conflict
	case failed.Status == http.StatusInternalServerError && conflict && c.path == operatorPath:
		failed.Kind, failed.Recorded = KindConflict, true // 3.0.0 to 3.0.2 (from its source)
	case failed.Status == http.StatusInternalServerError && text == "missing admin token, cannot update":
		failed.Kind, failed.Recorded = KindNoOperatorToken, true
	case failed.Kind == KindNotEnabled && text == "endpoint disabled, started without auth":
		failed.Recorded, failed.Unnamed = true, true
	case failed.Kind == KindNotEnabled:
		failed.Recorded = text == "cannot delete operator token" && c.method == http.MethodDelete
	case failed.Kind == KindNotFound && c.method == http.MethodDelete:
		failed.Recorded = strings.HasPrefix(text, "the requested resource was not found")
	case failed.Kind == KindNotFound:
		failed.Recorded = text == "not found" || text == "Not found"
	case failed.Kind == KindRefused:
		failed.Recorded = strings.HasPrefix(text, "serde json error: ") || strings.HasPrefix(text, "serde error: ") ||
			strings.HasPrefix(text, "unacceptable content-type, ") || strings.HasPrefix(failed.Message, "Authorization header was malformed")
	}
}

// knownRefusal says whether the body of a 401 is one that the server sends: its
// JSON, or nothing at all up to 3.7 (both recorded).
func knownRefusal(body []byte) bool {
	if len(body) == 0 {
		return true
	}
	var refusal struct {
		Error string `json:"error"`
	}
	return json.Unmarshal(body, &refusal) == nil && refusal.Error == "the request was not authenticated"
}

// plainCause strips net/url's wrapping, which repeats method and URL.
func plainCause(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		return wrapped.Err
	}
	return err
}

// cause is plainCause in one short line without secrets: net/http quotes what it
// cannot read of an answer.
func (c *Client) cause(err error, token Secret) error {
	err = plainCause(err)
	if text := c.line(err.Error(), token); text != err.Error() {
		return &quoting{text: text, err: err}
	}
	return err
}

// quoting is an error whose own text must not be shown.
type quoting struct {
	text string
	err  error
}

func (q *quoting) Error() string { return q.text }

func (q *quoting) Unwrap() error { return q.err }

// message makes one short line of an answer's body: the text of a JSON error,
// nothing of an HTML page, and no secret that a proxy may have sent back.
func (c *Client) message(body []byte, token Secret) string {
	text := strings.TrimSpace(string(body))
	var wrapped struct {
		Error string `json:"error"`
	}
	if json.Unmarshal(body, &wrapped) == nil && wrapped.Error != "" {
		text = wrapped.Error
	}
	if strings.HasPrefix(text, "<") {
		return "an HTML page, which is not InfluxDB's answer"
	}
	return c.line(text, token)
}

// line makes one short line of a text from elsewhere. Secrets are looked for once
// it is one line: what that drops may have stood inside of one.
func (c *Client) line(text string, token Secret) string {
	return shorten(c.redact(oneLine(text), token), maxMessage)
}

var anyToken = regexp.MustCompile(`apiv3_[A-Za-z0-9_-]*`)

// shorten cuts a text to a number of bytes and makes one printable line of it.
func shorten(text string, limit int) string {
	if len(text) <= limit {
		return oneLine(text)
	}
	return oneLine(text[:limit]) + "…"
}

// oneLine makes one space of every run of spaces, line breaks and characters that
// do not print, and drops what is not UTF-8.
func oneLine(text string) string {
	return strings.Join(strings.FieldsFunc(strings.ToValidUTF8(text, ""), func(r rune) bool { return r == ' ' || !unicode.IsPrint(r) }), " ")
}

// finishing makes attempts that run to their end once they have begun.
type finishing struct {
	next http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (f finishing) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := req.Context().Err(); err != nil {
		return nil, err // net/http wraps it in the url.Error that callers look for
	}
	progress, _ := req.Context().Value(progressKey{}).(*progress)
	return f.next.RoundTrip(req.WithContext(progress.attempt))
}

// logged tells of every request made, repetitions included.
type logged struct {
	next      http.RoundTripper
	onRequest func(context.Context, Exchange)
}

// RoundTrip implements http.RoundTripper.
func (l *logged) RoundTrip(req *http.Request) (*http.Response, error) {
	start := time.Now()
	resp, err := l.next.RoundTrip(req)
	if l.onRequest != nil {
		exchange := Exchange{Method: req.Method, Path: req.URL.Path, Duration: time.Since(start)}
		if resp != nil {
			exchange.Status = resp.StatusCode
		}
		l.onRequest(req.Context(), exchange)
	}
	if err != nil {
		return nil, err // net/http wraps it in the url.Error that callers look for
	}
	// net/http fails on a Location that it cannot parse, and the status is lost.
	if _, err := resp.Location(); err != nil {
		resp.Header.Del("Location")
	}
	return resp, nil
}
