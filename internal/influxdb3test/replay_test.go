package influxdb3test

import (
	"crypto/sha512"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// The recordings hold this many steps each, the eight-fold race counted as one.
const recordedSteps = 176

// scenario is one of a recording: a fresh server and what it was asked.
type scenario struct {
	Name  string   `json:"scenario"`
	Flags []string `json:"server_flags"`
	Steps []step   `json:"steps"`
}

type step struct {
	Note     string           `json:"note"`
	Request  recordedRequest  `json:"request"`
	Response recordedResponse `json:"response"`
}

type recordedRequest struct {
	Listener string            `json:"listener"`
	Method   string            `json:"method"`
	Target   string            `json:"target"`
	Headers  map[string]string `json:"headers"`
	Body     *string           `json:"body"`
}

type recordedResponse struct {
	Status  int               `json:"status"`
	Headers map[string]string `json:"headers"`
	Body    string            `json:"body"`
	Error   string            `json:"error"`
}

func readRecording(t *testing.T, version string) []scenario {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "core-"+version+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var s []scenario
	if err := json.Unmarshal(b, &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// TestReplay sends what the real servers were asked to the embedded one, and compares the answers.
func TestReplay(t *testing.T) {
	t.Parallel()
	for _, version := range versions {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			total := 0
			for _, want := range readRecording(t, version) {
				total += len(normal(t, want))
				t.Run(want.Name, func(t *testing.T) {
					t.Parallel()
					compareScenarios(t, want, newReplay(t, version, want).run(t, want))
				})
			}
			if total != recordedSteps {
				t.Errorf("the recording has %d steps, want %d", total, recordedSteps)
			}
		})
	}
}

// TestReplayTellsVersionsApart keeps TestReplay honest: the answers of one version are not those
// of the other.
func TestReplayTellsVersionsApart(t *testing.T) {
	t.Parallel()
	for older, newer := range map[string]string{"3.4": "3.7", "3.7": "3.9", "3.9": "3.10"} {
		t.Run(older, func(t *testing.T) {
			t.Parallel()
			for _, want := range readRecording(t, older) {
				if !reflect.DeepEqual(normal(t, newReplay(t, newer, want).run(t, want)), normal(t, want)) {
					return
				}
			}
			t.Errorf("%s answers like the recording of %s", newer, older)
		})
	}
}

func compareScenarios(t *testing.T, want, got scenario) {
	t.Helper()
	wants, gots := normal(t, want), normal(t, got)
	if len(gots) != len(wants) {
		t.Fatalf("%d steps, want %d", len(gots), len(wants))
	}
	for i, w := range wants {
		if g := gots[i]; !reflect.DeepEqual(g, w) {
			t.Errorf("%s:\n got %s\nwant %s", w.Note, g, w)
		}
	}
}

var (
	tokenPattern   = regexp.MustCompile(`apiv3_[A-Za-z0-9_-]{86}`)
	hexPattern     = regexp.MustCompile(`[0-9a-f]+`)
	uuidPattern    = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)
	utcPattern     = regexp.MustCompile(`\+?\d{4,6}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z`)
	naivePattern   = regexp.MustCompile(`\+?\d{4,6}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?`)
	releasePattern = regexp.MustCompile(`"version":"[^"]*","revision":"[^"]*"`)

	// What only a full SQL engine can answer: the status counts, the body does not.
	statusOnly = []string{"bad sql", "no such column", "columns", "system tables"}
)

// normalStep is a step without what differs from run to run.
type normalStep struct {
	Note    string
	Status  int
	Headers map[string]string `json:",omitempty"`
	Body    string
	Chunked bool
	Error   string `json:",omitempty"`
}

func (s normalStep) String() string {
	b, err := json.Marshal(s)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// normal compares tokens, hashes, times and ids by shape and by what they belong to: a hash must be
// the SHA-512 of a token of the scenario, or its first nine digits.
func normal(t *testing.T, s scenario) []normalStep {
	t.Helper()
	var tokens []string
	for _, st := range s.Steps {
		request, err := json.Marshal(st.Request)
		if err != nil {
			t.Fatal(err)
		}
		for _, tok := range tokenPattern.FindAllString(string(request)+" "+st.Response.Body, -1) {
			if !slices.Contains(tokens, tok) {
				tokens = append(tokens, tok)
			}
		}
	}
	hashes := map[string]string{}
	for i, tok := range tokens {
		h := sha512.Sum512([]byte(tok))
		long := hex.EncodeToString(h[:])
		hashes[long], hashes[long[:9]] = fmt.Sprintf("<hash %d>", i), fmt.Sprintf("<hash9 %d>", i)
	}
	clean := func(text string) string {
		text = tokenPattern.ReplaceAllStringFunc(text, func(m string) string { return fmt.Sprintf("<token %d>", slices.Index(tokens, m)) })
		text = hexPattern.ReplaceAllStringFunc(text, func(m string) string {
			if h, ok := hashes[m]; ok {
				return h
			}
			return m
		})
		text = uuidPattern.ReplaceAllString(text, "<uuid>")
		text = utcPattern.ReplaceAllString(text, "<utc>")
		text = naivePattern.ReplaceAllString(text, "<naive>")
		return releasePattern.ReplaceAllString(text, `"version":<v>,"revision":<r>`)
	}
	if s.Name == "race" {
		return []normalStep{normalRace(t, s)}
	}
	var steps []normalStep
	for _, st := range s.Steps {
		n := normalStep{Note: st.Note}
		switch {
		case st.Response.Error != "":
			n.Error, _, _ = strings.Cut(st.Response.Error, ":")
		case slices.Contains(statusOnly, st.Note):
			n.Status = st.Response.Status
		default:
			n.Status, n.Body, n.Headers = st.Response.Status, clean(st.Response.Body), map[string]string{}
			for k, v := range st.Response.Headers {
				switch k {
				case "content-length", "connection", "vary":
				case "transfer-encoding":
					n.Chunked = v == "chunked"
				case "x-influxdb-version":
					n.Headers[k] = "<v>"
				default:
					n.Headers[k] = clean(v)
				}
			}
		}
		steps = append(steps, n)
	}
	return steps
}

// normalRace: which of the eight wins is chance, but exactly one must, and each reply carries the
// hash of its own token.
func normalRace(t *testing.T, s scenario) normalStep {
	t.Helper()
	won, own := 0, true
	for _, st := range s.Steps {
		if strings.HasPrefix(st.Note, "token of") && st.Response.Status == http.StatusOK {
			won++
		}
		if strings.HasPrefix(st.Note, "concurrent") {
			var out struct{ Token, Hash string }
			if err := json.Unmarshal([]byte(st.Response.Body), &out); err != nil {
				t.Fatalf("%s: %v", st.Note, err)
			}
			own = own && hashOf(out.Token) == out.Hash
		}
	}
	return normalStep{Note: "one token of eight survives", Body: fmt.Sprintf("won %d, each reply carries its own hash: %t", won, own)}
}

// lifetime is how long the token of an expiring token file is good.
const lifetime = 8 * time.Second

// replay is a server with the flags of a scenario, and its tokens by those of the recording.
type replay struct {
	flags   serveFlags
	clock   *clock
	client  *http.Client
	process *process

	mu   sync.Mutex
	live map[string]string
}

func newReplay(t *testing.T, version string, s scenario) *replay {
	t.Helper()
	r := &replay{clock: newClock(), live: map[string]string{}}
	cfg, ca, err := newCertificate()
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM([]byte(ca)) {
		t.Fatal("the certificate is not PEM")
	}
	r.client = &http.Client{Transport: &http.Transport{
		DisableKeepAlives:  true,
		DisableCompression: true,
		TLSClientConfig:    &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots},
	}}

	dir := t.TempDir()
	args := []string{"--node-id", "n1", "--http-bind", "127.0.0.1:0", "--disable-telemetry-upload", "--as", version}
	for i, f := range s.Flags {
		switch f {
		case "ADDRESS":
			f = "127.0.0.1:0"
		case "FILE":
			f = r.file(t, dir, s, s.Flags[i-1], cfg.Certificates[0], ca)
		}
		args = append(args, f)
	}
	if r.flags, err = parseServe(args); err != nil {
		t.Fatal(err)
	}
	r.flags.now = r.clock.now
	r.start(t)
	t.Cleanup(func() { r.process.kill() })
	return r
}

// file makes what a flag of the recording named.
func (r *replay) file(t *testing.T, dir string, s scenario, flag string, cert tls.Certificate, ca string) string {
	t.Helper()
	path := filepath.Join(dir, strings.TrimPrefix(flag, "--"))
	var content []byte
	switch flag {
	case "--data-dir":
		return path
	case "--tls-cert":
		content = []byte(ca)
	case "--tls-key":
		der, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
		if err != nil {
			t.Fatal(err)
		}
		content = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	case "--admin-token-file":
		// The first request of such a scenario presents the token of the file.
		recorded := tokenPattern.FindString(s.Steps[0].Request.Headers["Authorization"])
		r.live[recorded] = newToken()
		file := tokenFile{Name: strings.TrimPrefix(s.Name, "token-file-"), Token: r.live[recorded]}
		switch file.Name {
		case "expiring":
			file.Name, file.ExpiryMillis = operatorName, new(r.clock.now().Add(lifetime).UnixMilli())
		case "restart":
			file.Name = operatorName
		}
		path, err := file.write(dir)
		if err != nil {
			t.Fatal(err)
		}
		return path
	default:
		t.Fatalf("no file for %s", flag)
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func (r *replay) start(t *testing.T) {
	t.Helper()
	p, err := r.flags.start(io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	r.process = p
}

func (r *replay) run(t *testing.T, s scenario) scenario {
	t.Helper()
	got := scenario{Name: s.Name, Steps: make([]step, len(s.Steps))}
	var together sync.WaitGroup
	for i, st := range s.Steps {
		if strings.HasPrefix(st.Note, "concurrent") {
			together.Go(func() { got.Steps[i] = r.step(t, st) })
			continue
		}
		together.Wait()
		r.clock.advance(time.Millisecond)
		switch {
		case st.Note == "expired token":
			r.clock.advance(2500 * time.Millisecond)
		case st.Note == "new token after the expiry":
			r.clock.advance(lifetime)
		case strings.HasPrefix(st.Note, "after SIGKILL"), strings.HasPrefix(st.Note, "after a restart"):
			r.process.kill()
			r.start(t)
		case strings.HasPrefix(st.Note, "with the data directory gone"):
			r.process.kill()
			if err := os.RemoveAll(r.flags.dataDir); err != nil {
				t.Fatal(err)
			}
			r.start(t)
		}
		got.Steps[i] = r.step(t, st)
	}
	together.Wait()
	return got
}

func (r *replay) step(t *testing.T, st step) step {
	t.Helper()
	in := st.Request
	in.Target = r.translate(in.Target)
	in.Headers = map[string]string{}
	for k, v := range st.Request.Headers {
		in.Headers[k] = r.translate(v)
	}
	if in.Body != nil {
		in.Body = new(r.translate(*in.Body))
	}
	out := step{Note: st.Note, Request: in, Response: r.send(t, in)}
	want, got := tokenPattern.FindString(st.Response.Body), tokenPattern.FindString(out.Response.Body)
	if want != "" && got != "" {
		r.mu.Lock()
		r.live[want] = got
		r.mu.Unlock()
	}
	return out
}

// translate puts the live tokens in the place of the recorded ones, in Basic credentials as well,
// and the hashes that a listing shows of them.
func (r *replay) translate(text string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	replace := func(text string) string {
		for recorded, live := range r.live {
			text = strings.ReplaceAll(text, shortHash(hashOf(recorded)), shortHash(hashOf(live)))
		}
		return tokenPattern.ReplaceAllStringFunc(text, func(m string) string {
			if l, ok := r.live[m]; ok {
				return l
			}
			return m
		})
	}
	if b64, ok := strings.CutPrefix(text, "Basic "); ok {
		if b, err := base64.StdEncoding.DecodeString(b64); err == nil {
			return "Basic " + base64.StdEncoding.EncodeToString([]byte(replace(string(b))))
		}
	}
	return replace(text)
}

func (r *replay) send(t *testing.T, in recordedRequest) recordedResponse {
	t.Helper()
	e := r.process.main
	if in.Listener == "recovery" {
		e = r.process.recovery
	}
	var body io.Reader
	if in.Body != nil {
		body = strings.NewReader(*in.Body)
	}
	req, err := http.NewRequestWithContext(t.Context(), in.Method, e.url()+in.Target, body)
	if err != nil {
		t.Errorf("%s: %v", in.Target, err)
		return recordedResponse{Error: "none"}
	}
	for k, v := range in.Headers {
		req.Header.Set(k, v)
	}
	resp, err := r.client.Do(req)
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return recordedResponse{Error: "ConnectionRefusedError"}
	case errors.Is(err, io.EOF):
		return recordedResponse{Error: "RemoteDisconnected"}
	case err != nil:
		return recordedResponse{Error: err.Error()}
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return recordedResponse{Error: err.Error()}
	}
	out := recordedResponse{Status: resp.StatusCode, Headers: map[string]string{}, Body: string(b)}
	for k, v := range resp.Header {
		out.Headers[strings.ToLower(k)] = strings.Join(v, ", ")
	}
	if len(resp.TransferEncoding) > 0 {
		out.Headers["transfer-encoding"] = strings.Join(resp.TransferEncoding, ", ")
	}
	// The recordings leave the Date out. It must be there, and be the server's.
	if got, want := out.Headers["date"], date(r.clock.now()); got != want {
		t.Errorf("%s %s: Date %q, want %q", in.Method, in.Target, got, want)
	}
	delete(out.Headers, "date")
	return out
}

// clock is a clock that only a test moves.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func newClock() *clock {
	return &clock{t: time.Date(2026, 3, 1, 12, 30, 15, 123e6, time.UTC)}
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}
