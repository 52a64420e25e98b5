package e2e

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// lateServer is the address of a server that is not up yet, as that of a pod or a
// container is until it has been started. Until then it answers 503, as a load
// balancer with nothing behind it does.
type lateServer struct {
	t      testing.TB
	target atomic.Pointer[url.URL]
	early  atomic.Int64 // requests that came before the server was up
	starts sync.WaitGroup
}

// newLateServer has the workspace use it.
func newLateServer(t testing.TB, w *workspace) *lateServer {
	t.Helper()
	l := &lateServer{t: t}
	front := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		target := l.target.Load()
		if target == nil {
			l.early.Add(1)
			rw.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		httputil.NewSingleHostReverseProxy(target).ServeHTTP(rw, r)
	}))
	t.Cleanup(func() {
		front.Close()
		l.starts.Wait()
	})
	w.set("INFLUXDB3_HOST_URL", front.URL)
	return l
}

// start starts the server in the background, in a while.
func (l *lateServer) start(server func() (address string)) {
	l.starts.Go(func() {
		time.Sleep(time.Second)
		target, err := url.Parse(server())
		if err != nil {
			l.t.Error(err)
			return
		}
		l.target.Store(target)
	})
}

// expectEarlyRequests expects that the server came up late, and nevertheless.
func (l *lateServer) expectEarlyRequests() {
	l.t.Helper()
	if l.target.Load() == nil {
		l.t.Fatal("the server was not started")
	}
	if l.early.Load() == 0 {
		l.t.Error("the server was up when it was first asked")
	}
}

// tokenOf is the token of a token file.
func tokenOf(t testing.TB, file []byte) string {
	t.Helper()
	var content struct{ Token, Name string }
	if err := json.Unmarshal(file, &content); err != nil {
		t.Errorf("the token file: %v", err)
	}
	if content.Name != "_admin" || !tokenForm.MatchString(content.Token) {
		t.Error("the token file does not hold an operator token")
	}
	return content.Token
}

// expectNowhere expects that no file of the workspace holds a token, and none of the
// texts.
func expectNowhere(t testing.TB, w *workspace, token string, texts ...string) {
	t.Helper()
	files, err := filepath.Glob(w.path("*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() {
			texts = append(texts, w.read(filepath.Base(file)))
		}
	}
	for _, text := range texts {
		if holds(text, token) {
			t.Error("the first token is where it must not be")
		}
	}
}
