package influxdb3

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

func encoded(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

// Every part of a header's value that could be a secret by itself is one.
func TestRedactHeader(t *testing.T) {
	t.Parallel()
	basic := encoded("proxy-user:pass word:9")
	for _, tt := range []struct{ header, text, want string }{
		{"Bearer key-9c2b", "Bearer key-9c2b", "[redacted]"},
		{"Bearer key-9c2b", "the key is key-9c2b.", "the key is [redacted]."},
		{"bearer key-9c2b", "a bearer, a Bearer: key-9c2b", "a bearer, a Bearer: [redacted]"},
		{"Custom a b c d", "credential a b c d", "credential [redacted]"},
		{"one1,two2;three3 four4", "four4 three3 two2 one1", "[redacted] [redacted] [redacted] [redacted]"},
		{"session=abc123; theme=dark", "no session abc123, dark", "no session [redacted], [redacted]"},
		{"session=abc123=x/9; theme=dark", "no abc123=x/9 or abc123", "no [redacted] or [redacted]"},
		{"s3ss10n=abc123", "s3ss10n abc123", "[redacted] [redacted]"}, // no name, so a part
		{"a=b=c, more", "a=b=c", "[redacted]"},
		{"YWJjZGVmZw==", "YWJjZGVmZw", "[redacted]"},
		{"a/b+c=proxy", "a/b+c", "[redacted]"},
		{`Digest username="mufasa", response="6629fae4"`, "Digest of mufasa is 6629fae4", "Digest of [redacted] is [redacted]"},
		{"me-too:", "me-too", "[redacted]"},
		{"me-too:hunter2", "me-too has hunter2", "[redacted] has [redacted]"},
		{"https://key-9c2b", "https://h/key-9c2b", "https://h/[redacted]"},
		{"Basic " + basic, "you sent " + basic, "you sent [redacted]"},
		{"Basic " + strings.TrimRight(basic, "="), "you sent " + basic, "you sent [redacted]=="},
		{"Basic " + basic, "you sent " + strings.TrimRight(basic, "="), "you sent [redacted]"},
		{"basic " + basic, "proxy-user:pass word:9", "[redacted]"},
		{"Basic " + basic, "user proxy-user, password pass word:9", "user [redacted], password [redacted]"},
		{"Basic " + base64.RawURLEncoding.EncodeToString([]byte("user~~~:p???")), "user~~~ p???", "[redacted] [redacted]"},
		{"Basic " + encoded("abc:123"), "abc:123", "[redacted]"},
		{"Basic " + encoded("abc:123"), "abc 123", "abc 123"}, // too short to be told from other words
		{"Basic no+base64!", "no+base64!", "[redacted]"},
		{`pa"ss\word`, `malformed "x pa\"ss\\word"`, `malformed "x [redacted]"`},
		{"a&b<c>d'e", `html a&amp;b&lt;c&gt;d&#39;e, json a\u0026b\u003cc\u003ed'e`, "html [redacted], json [redacted]"},
		{"a&b/c=d é", "query a%26b%2Fc%3Dd+%C3%A9, path a&b%2Fc=d%20%C3%A9", "query [redacted], path [redacted]"},
		{"a/b/c", `a\/b\/c a%2fb%2fc`, "[redacted] [redacted]"},
		{"key-9c2b", "nothing of it", "nothing of it"},
	} {
		t.Run(tt.header+" in "+tt.text, func(t *testing.T) {
			t.Parallel()
			client := New(Config{Headers: map[string]Secret{"X-Proxy": NewSecret(tt.header)}})
			if got := client.line(tt.text, Secret{}); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// The credentials of the proxies of the environment are in no text, however they are written.
func TestRedactProxy(t *testing.T) {
	for _, tt := range []struct{ variable, proxy, text, want string }{
		{"HTTP_PROXY", "http://me-too:hunter2@proxy:8080", "me-too, hunter2, " + encoded("me-too:hunter2"), "[redacted], [redacted], [redacted]"},
		{"https_proxy", "https://me-too:hunter2@proxy:8080", "me-too:hunter2@proxy", "[redacted]@proxy"},
		{"HTTPS_PROXY", "me-too:hunter2@proxy:8080", "hunter2 of proxy:8080", "[redacted] of proxy:8080"},
		{"HTTPS_PROXY", "socks5://me-too:hunter2@proxy", "hunter2", "[redacted]"},
		{"HTTP_PROXY", "http://m%40:hunt%2Fer@proxy", "hunt/er hunt%2Fer m@:hunt/er " + encoded("m@:hunt/er"), "[redacted] [redacted] [redacted] [redacted]"},
		{"HTTP_PROXY", "http://me-too@proxy", "me-too " + encoded("me-too:"), "[redacted] [redacted]"},
		{"HTTP_PROXY", "http://me-too@proxy", strings.TrimRight(encoded("me-too:"), "="), "[redacted]"},
		{"HTTP_PROXY", "http://me:hunt%zzer@proxy", "hunt%zzer", "[redacted]"}, // not to be unescaped
		{"HTTP_PROXY", "http://me:hu@nter2@proxy", "hu@nter2", "[redacted]"},
		{"HTTP_PROXY", "http://proxy:8080", "dial proxy:8080", "dial proxy:8080"},
	} {
		t.Run(tt.variable+" "+tt.proxy, func(t *testing.T) {
			t.Setenv(tt.variable, tt.proxy)
			client := New(Config{})
			if got := client.line(tt.text, Secret{}); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if text := fmt.Sprintf("%v %+v %#v", client, *client, *client); strings.Contains(text, "hunter2") {
				t.Error("the client prints it")
			}
		})
	}
}

// The same through a proxy that tells all that it was sent, whatever its answer is.
func TestForwardProxyEcho(t *testing.T) {
	const user, password = "ci-user", "proxy-password-5c1e"
	sent := encoded(user + ":" + password)
	for _, status := range []int{200, 400, 401, 403, 407, 500, 502} {
		for _, scheme := range []string{"http", "https"} {
			t.Run(fmt.Sprintf("%s %d", scheme, status), func(t *testing.T) {
				asked := false
				proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					asked = true
					got := r.Header.Get("Proxy-Authorization")
					if got != "Basic "+sent {
						t.Errorf("the proxy was sent %q", got)
					}
					told := got + ", so " + user + " with " + password
					if r.Method == http.MethodConnect { // net/http shows what follows the status
						conn, _, err := http.NewResponseController(w).Hijack()
						if err != nil {
							t.Error(err)
							return
						}
						_, _ = fmt.Fprintf(conn, "HTTP/1.1 %d %s\r\n\r\n%s", status, told, told)
						_ = conn.Close()
						return
					}
					w.WriteHeader(status)
					_, _ = io.WriteString(w, told) //nolint:gosec // nobody renders it
				}))
				t.Cleanup(proxy.Close)
				at := strings.TrimPrefix(proxy.URL, "http://")
				t.Setenv(strings.ToUpper(scheme)+"_PROXY", "http://"+user+":"+password+"@"+at)
				client := New(Config{URL: &url.URL{Scheme: scheme, Host: "influxdb.example.com"}})
				_, err := client.ListTokens(t.Context(), NewSecret("tok.en"))
				var failed *Error
				if !errors.As(err, &failed) || !asked {
					t.Fatalf("got %v, proxy asked: %t", err, asked)
				}
				text := fmt.Sprintf("%v %+v", err, *failed)
				for _, secret := range []string{user, password, sent} {
					if strings.Contains(text, secret) {
						t.Errorf("%q shows %q", text, secret)
					}
				}
			})
		}
	}
}

// A proxy that nobody answers at is named, without its password.
func TestForwardProxyDown(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0") // closed at once
	if err != nil {
		t.Fatal(err)
	}
	_ = listener.Close()
	t.Setenv("HTTP_PROXY", "http://me-too:hunter2@"+listener.Addr().String())
	_, err = New(Config{URL: &url.URL{Scheme: "http", Host: "influxdb.example.com"}}).Ping(t.Context(), Secret{})
	var failed *Error
	if !errors.As(err, &failed) || failed.Kind != KindNotSent || !strings.Contains(err.Error(), "proxyconnect") || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("got %v", err)
	}
}
