package e2e

import (
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3test"
)

// newForwardProxy is a proxy that asks for a password and leads everything to the
// test server. It counts what it lets pass.
func newForwardProxy(t *testing.T, s *influxdb3test.Server, user, password string) (address string, passed *atomic.Int32) {
	t.Helper()
	server, err := url.Parse(s.URL())
	if err != nil {
		t.Fatal(err)
	}
	passed = new(atomic.Int32)
	onward := &httputil.ReverseProxy{Rewrite: func(p *httputil.ProxyRequest) { p.SetURL(server) }}
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// The header has the form of Authorization.
		asked := http.Request{Header: http.Header{"Authorization": r.Header["Proxy-Authorization"]}}
		if u, p, ok := asked.BasicAuth(); !ok || u != user || p != password {
			w.Header().Set("Proxy-Authenticate", `Basic realm="proxy"`)
			http.Error(w, "you sent "+r.Header.Get("Proxy-Authorization"), http.StatusProxyAuthRequired)
			return
		}
		passed.Add(1)
		onward.ServeHTTP(w, r)
	}))
	t.Cleanup(proxy.Close)
	return strings.TrimPrefix(proxy.URL, "http://"), passed
}

// The proxy of the environment is used, its refusal is not the server's, and its
// password is in no output.
func TestForwardProxy(t *testing.T) {
	t.Parallel()
	const password = "proxy-password-5c1e"
	s := influxdb3test.New(t)
	proxy, passed := newForwardProxy(t, s, "ci", password)
	w := newWorkspace(t, s, operatorConfig)
	w.set("INFLUXDB3_HOST_URL", "http://influxdb.example.com:8181")
	w.set("HTTP_PROXY", "http://ci:"+password+"@"+proxy)
	var shown strings.Builder
	must := func(args ...string) { shown.WriteString(w.must(args...).String()) }

	must("apply")
	first := w.expectWorkingToken(s, "")
	w.set("TF_VAR_trigger", "2")
	must("apply")
	second := w.expectWorkingToken(s, first)
	if passed.Load() == 0 {
		t.Error("nothing went through the proxy")
	}

	// It refuses: nothing is known of the token, and nothing is done to it.
	w.set("TF_VAR_trigger", "3")
	w.set("TF_LOG", "TRACE")
	w.set("HTTP_PROXY", "http://ci:"+password+"-old@"+proxy)
	r := w.fails([]string{"apply"}, "Unable to Read Operator Token", "HTTP 407")
	shown.WriteString(r.String())
	w.set("HTTP_PROXY", "http://ci:"+password+"@127.0.0.1:1")
	shown.WriteString(w.fails([]string{"apply", "-refresh=false"}, "Unable to Regenerate Operator Token", "the rotation stays due").String())
	w.set("TF_LOG", "")
	if token := w.state().text("token"); token != second || !s.Accepts(t, token) {
		t.Error("the token in state is not the one from before")
	}
	sent := base64.StdEncoding.EncodeToString([]byte("ci:" + password + "-old"))
	if strings.Contains(shown.String(), password) || strings.Contains(shown.String(), sent) || anyToken.MatchString(shown.String()) {
		t.Error("a secret is shown")
	}
}
