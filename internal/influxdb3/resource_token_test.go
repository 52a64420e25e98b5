package influxdb3_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3"
	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3test"
)

func TestCreateResourceToken(t *testing.T) {
	t.Parallel()
	server := influxdb3test.New(t, influxdb3test.Enterprise())
	operator := influxdb3.NewSecret(server.Bootstrap(t))
	client := newClient(t, server)
	permissions := []influxdb3.Permission{
		{ResourceType: "db", ResourceNames: []string{"a", "b:c"}, Actions: []string{"read", "write"}},
		{ResourceType: "system", ResourceNames: []string{"*"}, Actions: []string{"read"}},
	}
	token := must[influxdb3.Token](t)(client.CreateResourceToken(t.Context(), operator, "limited", permissions, new(90*time.Second+time.Millisecond)))
	assertToken(t, server, token, "limited")
	if token.ExpiresAt == nil || !token.ExpiresAt.Equal(token.CreatedAt.Add(90*time.Second)) {
		t.Errorf("it expires at %v, created at %s", token.ExpiresAt, token.CreatedAt)
	}
	row := must[influxdb3.Listing](t)(client.FindToken(t.Context(), operator, "limited", "")).Find("limited")
	if row == nil || row.Hash != token.Secret.Hash() {
		t.Fatalf("the listing has %+v", row)
	}
	if listed, ok := influxdb3.ParsePermissions(row.Permissions); !ok || !reflect.DeepEqual(listed, permissions) {
		t.Errorf("the listing has the permissions %s", row.Permissions)
	}
	// It is limited: it may ask for the version, and not list.
	if _, err := client.Ping(t.Context(), token.Secret); err != nil {
		t.Error(err)
	}
	_, err := client.ListTokens(t.Context(), token.Secret)
	assertKind(t, err, influxdb3.KindForbidden)
	_, err = client.CreateResourceToken(t.Context(), operator, "limited", permissions, nil)
	assertKind(t, err, influxdb3.KindConflict)
	_, err = client.CreateResourceToken(t.Context(), operator, "other", []influxdb3.Permission{{ResourceType: "table"}}, nil)
	assertKind(t, err, influxdb3.KindRefused)
	if _, err := client.DeleteToken(t.Context(), operator, "limited"); err != nil {
		t.Error(err)
	}
}

// TestResourceTokenOnCore is recorded: 404.
func TestResourceTokenOnCore(t *testing.T) {
	t.Parallel()
	server := influxdb3test.New(t)
	token := influxdb3.NewSecret(server.Bootstrap(t))
	_, err := newClient(t, server).CreateResourceToken(t.Context(), token, "x", readAll(), nil)
	if failed := failureOf(t, err, influxdb3.KindNotFound); !strings.EqualFold(failed.Message, "not found") {
		t.Errorf("the message is %q", failed.Message)
	}
}

// TestBodies is what is sent, as the documents have it.
func TestBodies(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		call func(*influxdb3.Client) error
		want string
	}{
		{
			"named admin", func(c *influxdb3.Client) error {
				return only(c.CreateNamedAdminToken(t.Context(), influxdb3.Secret{}, `n"`, nil))
			}, `{"token_name":"n\"","expiry_secs":null}`,
		},
		{
			"named admin with an expiry", func(c *influxdb3.Client) error {
				return only(c.CreateNamedAdminToken(t.Context(), influxdb3.Secret{}, "", new(time.Minute)))
			}, `{"token_name":"","expiry_secs":60}`,
		},
		{
			"resource", func(c *influxdb3.Client) error {
				return only(c.CreateResourceToken(t.Context(), influxdb3.Secret{}, "n", readAll(), new(time.Duration(0))))
			}, `{"token_name":"n","permissions":[{"resource_type":"db","resource_names":["*"],"actions":["read"]}],"expiry_secs":0}`,
		},
		{
			"list", func(c *influxdb3.Client) error {
				return only(c.ListTokens(t.Context(), influxdb3.Secret{}))
			}, `{"db":"_internal","q":"SELECT token_id, name, hash, created_at, updated_at, expiry, permissions FROM system.tokens ORDER BY token_id","format":"json"}`,
		},
		{
			"find", func(c *influxdb3.Client) error {
				return only(c.FindToken(t.Context(), influxdb3.Secret{}, "' OR 1=1", ""))
			}, `{"db":"_internal","q":"SELECT token_id, name, hash, created_at, updated_at, expiry, permissions FROM system.tokens WHERE name = $name","format":"json","params":{"name":"' OR 1=1"}}`,
		},
		{
			"regenerate", func(c *influxdb3.Client) error {
				return only(c.RegenerateOperatorToken(t.Context(), influxdb3.Secret{}))
			}, "",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := ""
			proxy := newProxy(t, func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				got = string(body)
				w.WriteHeader(http.StatusNotFound)
			})
			assertKind(t, tt.call(influxdb3.New(influxdb3.Config{URL: parseURL(t, proxy.URL)})), influxdb3.KindNotFound)
			if got != tt.want && !sameJSON(got, tt.want) {
				t.Errorf("the body is %s, want %s", got, tt.want)
			}
		})
	}
}

func sameJSON(a, b string) bool {
	var x, y any
	return json.Unmarshal([]byte(a), &x) == nil && json.Unmarshal([]byte(b), &y) == nil && reflect.DeepEqual(x, y)
}

func TestPermission(t *testing.T) {
	t.Parallel()
	tests := []struct {
		text string
		want influxdb3.Permission
		err  string // a part of it, "" for none
	}{
		{"db:mydb:read", influxdb3.Permission{ResourceType: "db", ResourceNames: []string{"mydb"}, Actions: []string{"read"}}, ""},
		{"db:db1,db2:read,write", influxdb3.Permission{ResourceType: "db", ResourceNames: []string{"db1", "db2"}, Actions: []string{"read", "write"}}, ""},
		{"db:*:create,describe,delete", influxdb3.Permission{ResourceType: "db", ResourceNames: []string{"*"}, Actions: []string{"create", "describe", "delete"}}, ""},
		{"db:a:b:read", influxdb3.Permission{ResourceType: "db", ResourceNames: []string{"a:b"}, Actions: []string{"read"}}, ""},
		{"system:health,metrics,ping,ready:read", influxdb3.Permission{ResourceType: "system", ResourceNames: []string{"health", "metrics", "ping", "ready"}, Actions: []string{"read"}}, ""},
		{"system:*:read", influxdb3.Permission{ResourceType: "system", ResourceNames: []string{"*"}, Actions: []string{"read"}}, ""},
		{text: "", err: "TYPE:NAMES:ACTIONS"},
		{text: "db", err: "TYPE:NAMES:ACTIONS"},
		{text: "db:mydb", err: "TYPE:NAMES:ACTIONS"},
		{text: strings.Repeat("x", 500), err: "x…\""},
		{text: "*:*:*", err: `must be db or system, got "*"`},
		{text: "table:t:read", err: `got "table"`},
		{text: "db:*,a:read", err: "cannot be mixed"},
		{text: "db::read", err: `"" is no resource name`},
		{text: "db:a,:read", err: `"" is no resource name`},
		{text: "db:a\nb:read", err: `"a\nb" is no resource name`},
		{text: "db:a:", err: `got ""`},
		{text: "db:a:own", err: `got "own"`},
		{text: "db:a:READ", err: `got "READ"`},
		{text: "system:health:write", err: `got "write"`},
		{text: "system:disk:read", err: `got "disk"`},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%.40q", tt.text), func(t *testing.T) {
			t.Parallel()
			got, err := influxdb3.ParsePermission(tt.text)
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) || len(err.Error()) > 300 {
					t.Errorf("the error is %v, want %q", err, tt.err)
				}
				return
			}
			if err != nil || !reflect.DeepEqual(got, tt.want) || got.String() != tt.text {
				t.Errorf("got %+v (%s), %v", got, got, err)
			}
		})
	}
	for want, p := range map[string]influxdb3.Permission{
		"at least one resource name": {ResourceType: "db", Actions: []string{"read"}},
		"at least one action":        {ResourceType: "db", ResourceNames: []string{"a"}},
		"must be db or system":       {},
	} {
		if err := p.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v", p, err)
		}
	}
}

func TestParsePermissions(t *testing.T) {
	t.Parallel()
	tests := []struct {
		text string
		want string
		ok   bool
	}{
		{`["db:mydb:read,write"]`, "db:mydb:read,write", true},
		{`["db:a:read", "system:*:read"]`, "db:a:read system:*:read", true},
		{`["db:a,b,a:read,write,read"]`, "db:a,b:read,write", true},
		{`[]`, "", true},
		{`*:*:*`, "", false},
		{`["*:*:*"]`, "", false},
		{`["db:a:read", "db"]`, "", false},
		{`"db:a:read"`, "", false},
		{`[1]`, "", false},
		{`null`, "", false},
		{``, "", false},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			t.Parallel()
			got, ok := influxdb3.ParsePermissions(tt.text)
			var texts []string
			for _, p := range got {
				texts = append(texts, p.String())
			}
			if ok != tt.ok || strings.Join(texts, " ") != tt.want {
				t.Errorf("got %v, %t", got, ok)
			}
		})
	}
}

func TestValidateTokenName(t *testing.T) {
	t.Parallel()
	for name, good := range map[string]bool{
		"ci": true, "with space": true, "a/b?c&d": true, "日本": true, "_admin2": true, "_Admin": true, "😀": true,
		"": false, "_admin": false, "a\nb": false, "\x00": false, "a\x7f": false, "a\u0085": false,
	} {
		if err := influxdb3.ValidateTokenName(name); (err == nil) != good {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// TestTokenNameTooLong: the server makes a token of any name, and deletes it by a URL, which has a limit.
func TestTokenNameTooLong(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		want string // in the error, "" for none
	}{
		{strings.Repeat("a", influxdb3.MaxTokenName), ""},
		{strings.Repeat("é", influxdb3.MaxTokenName/2), ""},
		{strings.Repeat("b", influxdb3.MaxTokenName+1), "at most 1024 bytes long, and bbbbbbbbbbbbbbbbbbbb… has 1025"},
		{strings.Repeat("é", influxdb3.MaxTokenName/2+1), "éééééééééé… has 1026"},
		{strings.Repeat("c", 70_000), "cccccccccccccccccccc… has 70000"},
		{"apiv3_" + strings.Repeat("d", 2000), "[redacted] has 2006"},
	} {
		err := influxdb3.ValidateTokenName(tt.name)
		if (err == nil) != (tt.want == "") || err != nil && (!strings.Contains(err.Error(), tt.want) || len(err.Error()) > 200) {
			t.Errorf("%d bytes: %v", len(tt.name), err)
		}
	}
}

func TestValidateTokenPrefix(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		prefix, want string
	}{
		{"ci-", ""},
		{"_admin", ""}, // more follows
		{"", "must not be empty"},
		{"a\nb", "control characters"},
		{strings.Repeat("a", influxdb3.MaxTokenName-24), ""},
		{strings.Repeat("a", influxdb3.MaxTokenName-23), "at most 1000 bytes long, and aaaaaaaaaaaaaaaaaaaa… has 1001"},
	} {
		err := influxdb3.ValidateTokenPrefix(tt.prefix, 24)
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%d bytes: %v", len(tt.prefix), err)
		}
	}
}

// TestLongestName: a name of the longest kind, of which every byte is escaped, can be made, found and deleted.
func TestLongestName(t *testing.T) {
	t.Parallel()
	server := influxdb3test.New(t)
	token := influxdb3.NewSecret(server.Bootstrap(t))
	client := newClient(t, server)
	name := strings.Repeat("é", influxdb3.MaxTokenName/2)
	must[influxdb3.Token](t)(client.CreateNamedAdminToken(t.Context(), token, name, nil))
	if listing := must[influxdb3.Listing](t)(client.FindToken(t.Context(), token, name, "")); listing.Find(name) == nil {
		t.Error("it is not listed")
	}
	if _, err := client.DeleteToken(t.Context(), token, name); err != nil {
		t.Error(err)
	}
}
