package provider

import (
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3test"
)

// issuedRun is a server with a root module that has one token with a name.
type issuedRun struct {
	*core
	t        *testing.T
	server   *influxdb3test.Server
	operator string
	address  string
	lines    values
	later    values // lines that are not known while planning
	first    bool   // create_before_destroy
	identity bool   // the provider can decrypt
}

// newIssuedRun is one with a fixed name and one recipient, on the embedded server.
func newIssuedRun(t *testing.T, address string) *issuedRun {
	t.Helper()
	c := newCore(t)
	options := []influxdb3test.Option{influxdb3test.Clock(c.clock.Now)}
	if address == limitedAddress {
		options = append(options, influxdb3test.Enterprise())
	}
	r := newPlainRun(t, c, address, options...)
	r.lines["age_recipients"] = recipientsValue(1)
	return r
}

// newPlainRun is one with a fixed name, whose token is readable.
func newPlainRun(t *testing.T, c *core, address string, options ...influxdb3test.Option) *issuedRun {
	t.Helper()
	r := &issuedRun{core: c, t: t, address: address, lines: values{"name": str("ci")}}
	if address == limitedAddress {
		r.lines["permissions"] = permissionsValue()
	}
	r.heard = func(text string) {
		if anyToken.MatchString(text) {
			t.Error("a token is shown, or in private state")
		}
	}
	r.server = influxdb3test.New(t, options...)
	r.operator = r.server.Bootstrap(t)
	return r
}

func (r *issuedRun) root() rootModule {
	known := maps.Clone(r.lines)
	maps.Copy(known, r.later)
	planned := maps.Clone(known)
	for name, value := range r.later {
		planned[name] = tftypes.NewValue(value.Type(), tftypes.UnknownValue)
	}
	root := rootOf(r.server, r.operator, blocks{r.address: {planned: planned, known: known, createBeforeDestroy: r.first}})
	root.provider["max_retries"] = tftypes.NewValue(tftypes.Number, 0)
	if r.identity {
		root.provider["age_identity"] = str(testKeys()[0].String())
	}
	return root
}

// must applies without an error and returns the token, which the server accepts and which
// has the form that is asked for.
func (r *issuedRun) must() string {
	r.t.Helper()
	r.server.ResetRequests()
	r.applied(r.root(), planOptions{})
	r.expectForm()
	secret := secretOf(r.state[r.address].current.values)
	if !r.server.Accepts(r.t, secret) || r.current(r.address, "status") != "active" {
		r.t.Errorf("the token in state is not good: %v", r.journal)
	}
	for _, skipRead := range []bool{true, false} {
		if made := r.planned(r.root(), planOptions{skipRead: skipRead}); len(made.changes) != 0 && len(r.later) == 0 {
			r.t.Errorf("the plan after it is not empty: %+v", made.changes)
		}
	}
	return secret
}

// expectForm expects one form of the token in state.
func (r *issuedRun) expectForm() {
	r.t.Helper()
	sealed := r.lines["age_recipients"].Type() != nil || r.later["age_recipients"].Type() != nil
	plain, encrypted := r.current(r.address, "token"), r.current(r.address, "encrypted_token")
	if (plain == "") != sealed || (encrypted == "") == sealed {
		r.t.Errorf("the token does not have the form: %d and %d characters", len(plain), len(encrypted))
	}
}

// made says how many tokens the last apply has made.
func (r *issuedRun) made() int {
	return count(r.server, http.MethodPost, namedAdminPath) + count(r.server, http.MethodPost, limitedPath)
}

// same applies without making another token.
func (r *issuedRun) same(what, token string) {
	r.t.Helper()
	if got := r.must(); got != token || r.made() != 0 {
		r.t.Errorf("%s: another token: %v", what, r.journal)
	}
}

// another applies and returns another token, encrypted anew. The old one is dead or not.
func (r *issuedRun) another(what, old string, kept bool) string {
	r.t.Helper()
	token := r.must()
	if token == old || r.made() != 1 || r.server.Accepts(r.t, old) != kept {
		r.t.Errorf("%s: not another token, or the old one is accepted: %t: %v", what, r.server.Accepts(r.t, old), r.journal)
	}
	return token
}

// imports takes a token into state, and nothing else.
func (r *issuedRun) imports(id string) *object {
	r.t.Helper()
	r.begin()
	p := r.start(r.root().provider, patienceAlone)
	imported := r.importObject(p, r.address, id)
	if imported == nil {
		r.t.Fatalf("not imported: %v", r.journal)
	}
	read, ok := r.read(p, r.address, imported)
	if !ok || read == nil {
		r.t.Fatalf("not read: %v", r.journal)
	}
	r.save(r.address, func(s *resourceState) { s.current = read })
	return read
}

// destroyed destroys everything, and expects so many tokens on the server besides the
// operator token.
func (r *issuedRun) destroyed(left int) {
	r.t.Helper()
	r.server.ResetRequests()
	r.applied(r.root(), planOptions{destroy: true})
	r.left(left)
}

// left expects so many tokens on the server besides the operator token.
func (r *issuedRun) left(want int) {
	r.t.Helper()
	if names := r.server.Names(r.t, r.operator); len(names) != 1+want {
		r.t.Errorf("on the server: %v", names)
	}
}

// refused expects no plan, and nothing done.
func (r *issuedRun) refused(texts ...string) {
	r.t.Helper()
	r.server.ResetRequests()
	r.begin()
	if r.plan(r.root(), planOptions{}) != nil {
		r.t.Errorf("there is a plan: %v", r.journal)
	}
	for _, text := range texts {
		if !r.said(text) {
			r.t.Errorf("no %q: %v", text, r.journal)
		}
	}
	if r.made() != 0 || count(r.server, http.MethodDelete, tokenDeletePath) != 0 {
		r.t.Error("something was done")
	}
}

// Tokens with a name are kept encrypted through everything that happens to them. None of
// it needs to read them, but a change of recipients.
func TestIssuedEncryption(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]func(*issuedRun){
		"delete then create": func(r *issuedRun) {
			token := r.must()
			encrypted := r.current(r.address, "encrypted_token")
			r.same("an apply without changes", token)
			if r.current(r.address, "encrypted_token") != encrypted {
				r.t.Error("it was encrypted anew without a reason")
			}
			r.lines["rotation_triggers"] = triggersValue(1)
			r.another("a trigger", token, false)
		},
		"create then delete": func(r *issuedRun) {
			delete(r.lines, "name")
			r.lines["name_prefix"], r.first = str("ci-"), true
			token := r.must()
			r.lines["rotation_triggers"] = triggersValue(1)
			r.another("a trigger", token, false)
			if len(r.state[r.address].deposed) > 0 {
				r.t.Error("the old one is still in state")
			}
		},
		"kept on the server": func(r *issuedRun) {
			delete(r.lines, "name")
			r.lines["name_prefix"], r.lines["expires_in"] = str("ci-"), str("24h")
			r.lines["keep_on_destroy"] = tftypes.NewValue(tftypes.Bool, true)
			token := r.must()
			r.lines["rotation_triggers"] = triggersValue(1)
			r.another("a trigger", token, true)
		},
		"expired": func(r *issuedRun) {
			r.lines["expires_in"] = str("24h")
			token := r.must()
			r.clock.pass(25 * time.Hour)
			r.another("an expiry", token, false)
		},
		"made by somebody else": func(r *issuedRun) {
			token := r.must()
			r.clock.pass(time.Minute)
			r.server.Delete(r.t, r.operator, "ci")
			r.server.CreateNamedAdmin(r.t, r.operator, "ci", 0)
			r.another("another one under the name", token, false)
		},
		"a lost reply": func(r *issuedRun) {
			r.server.Inject(influxdb3test.Fault{Method: http.MethodPost, Path: r.path(), Kind: influxdb3test.CutAfter})
			r.must()
			if !r.server.Real() && r.made() != 2 {
				r.t.Errorf("%d tokens were made, want 2", r.made())
			}
		},
		"a reply that is cut short": func(r *issuedRun) {
			made := r.planned(r.root(), planOptions{})
			r.server.Inject(influxdb3test.Fault{Method: http.MethodPost, Path: r.path(), Kind: influxdb3test.Truncate, Keep: 150})
			r.server.Inject(influxdb3test.Fault{Path: queryPath, Kind: influxdb3test.Answer, Status: http.StatusBadGateway, Skip: 1, Times: -1}) // the first is the look before it
			r.apply(made, false, false, ending{})
			r.server.ClearFaults()
			r.expectForm()
			if r.current(r.address, "hash") == "" || !r.server.Accepts(r.t, secretOf(r.state[r.address].current.values)) {
				r.t.Errorf("the only copy is gone: %v", r.journal)
			}
		},
		"recipients, with an identity": func(r *issuedRun) {
			r.identity = true
			token := r.must()
			for _, n := range []int{2, 1} {
				r.lines["age_recipients"] = recipientsValue(n)
				r.same("other recipients", token)
			}
			delete(r.lines, "age_recipients")
			r.same("turning it off", token)
			r.lines["age_recipients"] = recipientsValue(1)
			r.same("turning it on", token)
			r.lines["age_recipients"], r.lines["rotation_triggers"] = recipientsValue(2), triggersValue(1)
			r.another("recipients and a trigger", token, false)
		},
		"recipients, without an identity": func(r *issuedRun) {
			token := r.must()
			for _, n := range []int{2, 0} {
				if r.lines["age_recipients"] = recipientsValue(n); n == 0 {
					delete(r.lines, "age_recipients")
				}
				r.refused("Unable to Decrypt Token", "Nothing was changed", "age_identity", "Rotate the token in the same apply")
			}
			r.lines["rotation_triggers"] = triggersValue(1)
			r.another("turning it off with a trigger", token, false)
		},
		"turned on, without an identity": func(r *issuedRun) {
			delete(r.lines, "age_recipients")
			token := r.must()
			r.lines["age_recipients"] = recipientsValue(1)
			made := r.planned(r.root(), planOptions{})
			r.apply(made, false, false, ending{})
			if !r.said("Older Versions of the State Hold the Token") {
				r.t.Errorf("no warning: %v", r.journal)
			}
			r.same("an apply without changes", token)
		},
		"recipients that are not known yet": func(r *issuedRun) {
			token := r.must()
			delete(r.lines, "age_recipients")
			r.later = values{"age_recipients": recipientsValue(1)}
			r.same("the same in the end, without an identity", token)
			r.later["age_recipients"] = recipientsValue(2)
			r.apply(r.planned(r.root(), planOptions{}), false, false, ending{})
			if !r.failed || !r.said("Unable to Decrypt Token") || secretOf(r.state[r.address].current.values) != token {
				r.t.Errorf("others in the end, without an identity: %v", r.journal)
			}
			r.identity = true
			r.same("others in the end", token)
		},
		"recipients that turn out to be none": func(r *issuedRun) {
			identity := testKeys()[0].String()
			delete(r.lines, "age_recipients")
			r.later = values{"age_recipients": tftypes.NewValue(tftypes.Set{ElementType: tftypes.String}, []tftypes.Value{str(identity)})}
			made := r.planned(r.root(), planOptions{})
			r.server.ResetRequests()
			r.apply(made, false, false, ending{})
			if !r.failed || !r.said("Invalid Age Recipients") || len(r.server.Requests()) != 0 {
				r.t.Errorf("%d requests: %v", len(r.server.Requests()), r.journal)
			}
			if strings.Contains(strings.Join(r.journal, ""), identity[20:]) {
				r.t.Error("the identity is shown")
			}
		},
		"imported": func(r *issuedRun) {
			r.applied(r.root(), planOptions{})
			r.state = map[string]*resourceState{}
			read := r.imports("ci")
			r.server.ResetRequests()
			r.applied(r.root(), planOptions{})
			if r.made() != 0 || r.current(r.address, "token") != "" || r.current(r.address, "encrypted_token") != "" {
				r.t.Error("recipients made a token of an imported one")
			}
			if !read.values["age_recipients"].IsNull() || r.state[r.address].current.values["age_recipients"].IsNull() {
				r.t.Error("the recipients are not recorded")
			}
			r.lines["rotation_triggers"] = triggersValue(1)
			r.must()
			if r.made() != 1 {
				r.t.Error("it was not replaced")
			}
		},
	} {
		for _, address := range []string{namedAddress, limitedAddress} {
			t.Run(name+"/"+typeOf(address), func(t *testing.T) {
				t.Parallel()
				test(newIssuedRun(t, address))
			})
		}
	}
}

// path is where the server makes such tokens.
func (r *issuedRun) path() string {
	if r.address == limitedAddress {
		return limitedPath
	}
	return namedAdminPath
}
