package provider

import (
	"context"
	"crypto/ed25519"
	"encoding/pem"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"golang.org/x/crypto/ssh"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3test"
	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/lifecycle"
)

// form is a way to have the operator token in state, with what the provider has to work
// with.
type form struct {
	name       string
	recipients int
	identity   bool
	named      bool // the provider has a named admin token
	listener   bool // or the recovery listener
}

var forms = []form{
	{name: "plain", named: true},
	{name: "encrypted, with an identity", recipients: 1, identity: true, named: true},
	{name: "encrypted, with a named admin token", recipients: 1, named: true},
	{name: "encrypted, with the recovery listener", recipients: 1, listener: true},
}

// formRun is a server with a root module in one form.
type formRun struct {
	*core
	t      *testing.T
	form   form
	server *influxdb3test.Server
	lines  operatorLines
	token  string // of the provider, "" for that of the form

	settings values // further lines of the provider block
}

func newFormRun(t *testing.T, f form, options ...influxdb3test.Option) *formRun {
	t.Helper()
	r := &formRun{core: newCore(t), t: t, form: f, lines: operatorLines{recipients: f.recipients}}
	r.server = influxdb3test.New(t, append(options, influxdb3test.Clock(r.clock.Now), influxdb3test.WithRecovery(), influxdb3test.WithTokenFile("root", rootToken))...)
	return r
}

// newRun is one on a server of the test's own, where the provider has no more than its
// test gives it.
func newRun(t *testing.T, s *influxdb3test.Server) *formRun {
	t.Helper()
	return &formRun{core: newCore(t), t: t, server: s}
}

func (r *formRun) root() rootModule {
	token := r.token
	if token == "" && r.form.named {
		token = rootToken
	}
	root := rootOf(r.server, token, blocks{addressA: r.lines.block()})
	root.provider["max_retries"] = tftypes.NewValue(tftypes.Number, 0)
	if r.form.identity {
		root.provider["age_identity"] = str(testKeys()[0].String())
	}
	if r.form.listener {
		root.provider["recovery_url"] = str(r.server.RecoveryURL())
	}
	maps.Copy(root.provider, r.settings)
	return root
}

// run plans and applies. It says whether that went without an error.
func (r *formRun) run() bool {
	r.begin()
	if made := r.plan(r.root(), planOptions{}); made != nil {
		r.apply(made, false, false, ending{})
	}
	r.form.check(r)
	return !r.failed
}

// check is what is true of the form at any time.
func (f form) check(r *formRun) {
	r.t.Helper()
	plain, encrypted := r.current(addressA, "token"), r.current(addressA, "encrypted_token")
	if r.state[addressA] != nil && ((plain == "") != (f.recipients > 0) || (encrypted == "") == (f.recipients > 0)) {
		r.t.Errorf("the token does not have the form: %d and %d characters", len(plain), len(encrypted))
	}
	for _, line := range r.journal {
		if anyToken.MatchString(line) {
			r.t.Errorf("a token is shown")
		}
	}
}

func (r *formRun) secret() string { return secretOf(r.state[addressA].current.values) }

// must applies without an error and expects a good token that is not the one before, "" for
// any.
func (r *formRun) must(before string) string {
	r.t.Helper()
	if !r.run() {
		r.t.Fatalf("not applied: %v", r.journal)
	}
	secret := r.secret()
	if !r.server.Accepts(r.t, secret) || secret == before || r.current(addressA, "status") != "active" {
		r.t.Errorf("the token in state is not good, or not another one, status %s: %v", r.current(addressA, "status"), r.journal)
	}
	return secret
}

// empty expects a plan without changes, and returns what it was told.
func (r *formRun) empty() string {
	r.t.Helper()
	if made := r.planned(r.root(), planOptions{}); len(made.changes) != 0 {
		r.t.Errorf("the plan is not empty: %+v", made.changes)
	}
	return strings.Join(r.journal, "\n")
}

// refused expects a run that fails with this text and leaves the token in state as it is.
func (r *formRun) refused(text string) {
	r.t.Helper()
	before := r.current(addressA, "token")
	if r.run() || !r.said(text) || r.current(addressA, "token") != before {
		r.t.Errorf("failed: %t, want %q: %v", r.failed, text, r.journal)
	}
}

// refreshed is an attribute of the token in state as a refresh finds it.
func (r *formRun) refreshed(name string) string {
	r.t.Helper()
	o, ok := r.read(r.start(r.root().provider, patienceAlone), addressA, r.state[addressA].current)
	if !ok || o == nil {
		r.t.Fatalf("not refreshed: %v", r.journal)
	}
	return o.values.of(name)
}

// rotated changes the trigger and expects another token.
func (r *formRun) rotated() string {
	r.t.Helper()
	before := r.secret()
	r.lines.trigger++
	return r.must(before)
}

// Everything that can happen to the operator token works in every form, or is not
// possible there, for the reason that is given.
func TestForms(t *testing.T) {
	t.Parallel()
	const listener = "encrypted, with the recovery listener"
	for name, tt := range map[string]struct {
		options []influxdb3test.Option
		test    func(*formRun)
		not     map[string]string // by form, why not
	}{
		"bootstrap": {test: func(r *formRun) {
			r.must("")
			r.empty()
		}},
		"bootstrap as 3.4": {options: []influxdb3test.Option{influxdb3test.As("3.4")}, test: func(r *formRun) {
			r.must("")
			r.rotated()
			r.empty()
		}},
		"bootstrap as 3.7": {options: []influxdb3test.Option{influxdb3test.As("3.7")}, test: func(r *formRun) {
			r.must("")
			r.rotated()
			r.empty()
		}},
		"adopt": {test: func(r *formRun) {
			r.token = r.server.Bootstrap(r.t)
			if r.must("") != r.token {
				r.t.Error("another token is in state")
			}
			r.token = ""
			r.rotated()
		}},
		"unchanged": {test: func(r *formRun) {
			r.must("")
			r.must("") // saves what the refresh has learned
			r.server.ResetRequests()
			r.empty()
			want := 1
			if r.form.listener {
				want = 0 // nothing to ask with
			}
			if n := len(r.server.Requests()); n != want {
				r.t.Errorf("%d requests, want %d", n, want)
			}
		}},
		"drift": {
			test: func(r *formRun) {
				old := r.must("")
				r.clock.pass(time.Minute)
				r.server.Regenerate(r.t, old)
				if r.run() || !r.said("Operator Token Was Regenerated Elsewhere") || r.secret() != old {
					r.t.Errorf("no drift: %v", r.journal)
				}
			},
			not: map[string]string{listener: "a listener cannot be asked anything: the next rotation replaces whatever there is"},
		},
		"take over": {test: func(r *formRun) {
			old := r.must("")
			r.clock.pass(time.Minute)
			r.token = r.server.Regenerate(r.t, old)
			if r.must(old) != r.token {
				r.t.Error("what was told is not in state")
			}
			r.token = ""
			r.empty()
		}},
		"trigger": {test: func(r *formRun) {
			r.must("")
			r.rotated()
			r.empty()
		}},
		"age": {test: func(r *formRun) {
			r.lines.rotateAfter = "24h"
			old := r.must("")
			r.clock.pass(25 * time.Hour)
			r.must(old)
			r.empty()
		}},
		"consent": {
			test: func(r *formRun) {
				old := r.must("")
				r.clock.pass(time.Minute)
				theirs := r.server.Regenerate(r.t, old)
				r.lines.consent = true
				if r.must(old) == theirs {
					r.t.Error("somebody else's token is in state")
				}
			},
			not: map[string]string{listener: "nobody can see that the token is dead; a trigger replaces it"},
		},
		"a lost reply": {test: func(r *formRun) {
			old := r.must("")
			r.lines.trigger++
			r.server.Inject(influxdb3test.Fault{Path: regeneratePath, Kind: influxdb3test.CutAfter})
			if !r.form.listener {
				r.must(old)
				return
			}
			// The listener has closed with it, and nothing else can tell.
			if r.run() || !r.said("Unable to Regenerate Operator Token") || r.secret() != old {
				r.t.Errorf("no error, or the old token is gone: %v", r.journal)
			}
			r.form.listener, r.token = false, rootToken
			r.must(old)
		}},
		"interrupted before it": {test: func(r *formRun) {
			old := r.must("")
			ctx, cancel := context.WithCancel(r.ctx)
			cancel()
			r.lines.trigger++
			made := r.planned(r.root(), planOptions{})
			r.ctx = ctx
			r.apply(made, false, false, ending{})
			r.ctx = r.t.Context()
			if !r.failed || r.secret() != old {
				r.t.Errorf("not interrupted: %v", r.journal)
			}
			r.must(old)
		}},
		"killed in it": {
			test: func(r *formRun) {
				old := r.must("")
				r.lines.trigger++
				r.apply(r.planned(r.root(), planOptions{}), false, false, ending{call: 1, lost: true})
				if r.secret() != old {
					r.t.Error("the old token is gone")
				}
				r.clock.pass(time.Minute)
				r.must(old)
			},
			not: map[string]string{listener: "the listener has closed with the first success, so that a person has to open it again"},
		},
		"import": {
			test: func(r *formRun) {
				r.token = r.server.Bootstrap(r.t)
				made := r.planned(r.root(), planOptions{imports: map[string]bool{addressA: true}})
				r.apply(made, false, false, ending{})
				r.form.check(r)
				if r.failed || r.secret() != r.token {
					r.t.Errorf("not imported: %v", r.journal)
				}
				r.token = ""
				r.empty()
			},
			not: map[string]string{
				"encrypted, with a named admin token": "an import does not know age_recipients: without an identity the token is in plain text until the next apply (TestImport_encryptedLater)",
				listener:                              "the same",
			},
		},
		"expiry": {
			test: func(r *formRun) {
				r.clock.pass(2 * time.Hour)
				if made := r.plan(r.root(), planOptions{}); made == nil || len(made.changes) != 0 || made.prior[addressA].current.values.of("status") != "expired" || !r.said("Operator Token Has Expired") {
					r.t.Errorf("not expired: %v", r.journal)
				}
			},
			not: map[string]string{listener: "the expiry in state warns; that it is over is the server's to say, and nobody can ask it"},
		},
	} {
		for _, f := range forms {
			t.Run(name+"/"+f.name, func(t *testing.T) {
				t.Parallel()
				if why := tt.not[f.name]; why != "" {
					t.Log(why)
					return
				}
				if name == "expiry" {
					tt.test(expiringForm(t, f))
					return
				}
				tt.test(newFormRun(t, f, tt.options...))
			})
		}
	}
}

// expiringForm is a form with an operator token that expires in an hour, and a named admin
// token that was made in time.
func expiringForm(t *testing.T, f form) *formRun {
	t.Helper()
	const file = "apiv3_from-the-token-file"
	r := &formRun{core: newCore(t), t: t, form: f, lines: operatorLines{recipients: f.recipients}, token: file}
	r.server = influxdb3test.New(t, influxdb3test.Clock(r.clock.Now), influxdb3test.WithRecovery(), influxdb3test.WithTokenFileExpiring("_admin", file, r.clock.Now().Add(time.Hour)))
	r.must("")
	r.token = r.server.CreateNamedAdmin(t, file, "insurance", 0)
	return r
}

// An expired token stays expired when its age limit changes.
func TestForms_expiredWithAnotherLimit(t *testing.T) {
	t.Parallel()
	r := expiringForm(t, forms[0])
	r.clock.pass(2 * time.Hour)
	r.lines.rotateAfter = "24h"
	if !r.run() || r.current(addressA, "status") != "expired" || r.current(addressA, "rotation_due_at") == "" {
		t.Errorf("status %s: %v", r.current(addressA, "status"), r.journal)
	}
}

// An identity that does not tell its public key cannot encrypt an import, and this is said.
func TestImport_identityWithoutRecipient(t *testing.T) {
	t.Parallel()
	_, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		identity string
		told     bool
	}{"SSH": {string(pem.EncodeToMemory(block)), true}, "age": {testKeys()[0].String(), false}, "none": {"", false}} {
		r := newFormRun(t, forms[0])
		r.token = r.server.Bootstrap(t)
		root := r.root()
		if tt.identity != "" {
			root.provider["age_identity"] = str(tt.identity)
		}
		if !r.importCommand(root.provider, addressA) || r.said("Imported Token Is in Plain Text") != tt.told || (r.current(addressA, "token") == "") != (name == "age") {
			t.Errorf("%s: %v", name, r.journal)
		}
	}
}

// A token that comes with an error and is that of before stays in its form, and its
// recipients with it.
func TestInFormOf(t *testing.T) {
	t.Parallel()
	before := adminTokenModel{Hash: types.StringValue("0123456789")}
	before.AgeRecipients = types.SetNull(types.StringType)
	plan := before
	plan.AgeRecipients = types.SetValueMust(types.StringType, []attr.Value{types.StringValue(testKeys()[0].Recipient().String())})
	for hash, want := range map[string]types.Set{"0123456789": before.AgeRecipients, "another": plan.AgeRecipients} {
		m := before
		if m.inFormOf(plan, lifecycle.OperatorToken{Unreadable: hash}); !m.AgeRecipients.Equal(want) {
			t.Errorf("%s: for %s", hash, m.AgeRecipients)
		}
	}
}

// An import without an identity has the token in plain text, and the first apply encrypts
// it.
func TestImport_encryptedLater(t *testing.T) {
	t.Parallel()
	r := newFormRun(t, forms[2])
	r.token = r.server.Bootstrap(t)
	if !r.importCommand(r.root().provider, addressA) || r.current(addressA, "token") != r.token {
		t.Fatalf("not imported: %v", r.journal)
	}
	if !r.run() || r.secret() != r.token || !r.said("Older Versions of the State Hold the Token") {
		t.Errorf("not encrypted: %v", r.journal)
	}
	r.token = ""
	r.rotated()
}

// Recipients change without a rotation where the token can be read, and with the next one
// where it cannot.
func TestRecipients(t *testing.T) {
	t.Parallel()
	r := newFormRun(t, forms[0])
	token := r.must("")
	same := func(what string) {
		t.Helper()
		r.server.ResetRequests()
		if !r.run() || r.secret() != token {
			t.Fatalf("%s: %v", what, r.journal)
		}
		for _, q := range r.server.Requests() {
			if q.Path == regeneratePath {
				t.Errorf("%s regenerates", what)
			}
		}
	}
	use := func(recipients int, identity bool) {
		r.lines.recipients, r.form.recipients, r.form.identity = recipients, recipients, identity
	}

	r.lines.recipients, r.form.recipients = 1, 1
	if made := r.planned(r.root(), planOptions{}); made.rotates() || len(made.changes) != 1 {
		t.Errorf("turning it on plans %+v", made.changes)
	}
	r.run() // needs no identity: the token is there to be read
	if !r.said("Older Versions of the State Hold the Token") || r.secret() != token {
		t.Errorf("turned on: %v", r.journal)
	}
	unchanged := func(what string) {
		t.Helper()
		encrypted := r.current(addressA, "encrypted_token")
		same(what)
		if r.current(addressA, "encrypted_token") != encrypted {
			t.Error(what + " encrypts anew without a reason")
		}
	}
	unchanged("an apply without changes")
	use(2, true)
	same("one recipient more")
	use(1, true)
	same("one recipient less")
	unchanged("an apply without changes by somebody who can read it")
	use(0, true)
	same("turning it off")
	use(1, true)
	same("turning it on again")

	// Nobody can read it now.
	use(2, false)
	r.begin()
	if r.plan(r.root(), planOptions{}) != nil || !r.said("Unable to Decrypt Token") || !r.said("Rotate the token in the same apply") {
		t.Errorf("no error: %v", r.journal)
	}
	if token := r.rotated(); token == "" {
		t.Error("no token")
	}
	use(0, false)
	r.rotated()
}

// Where nobody can read a token and nothing works without it, this is said at once and at
// every refresh.
func TestUnreadableWarning(t *testing.T) {
	t.Parallel()
	const warning = "Provider Cannot Use the Token"
	for _, f := range append([]form{{name: "nothing", recipients: 1}, {name: "another identity", recipients: 1}}, forms...) {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			r := newFormRun(t, f)
			r.must("")
			want := !f.identity && !f.named && !f.listener && f.recipients > 0
			if r.said(warning) != want {
				t.Errorf("said: %t, want %t: %v", !want, want, r.journal)
			}
			if told := r.empty(); strings.Contains(told, warning) != want {
				t.Errorf("at a refresh: %s", told)
			}
			if !want {
				return
			}
			r.lines.trigger++
			if r.run() || !r.said("The token in state is encrypted, the provider cannot decrypt it") || !r.said("age_identity") {
				t.Errorf("no error: %v", r.journal)
			}
		})
	}
}

// A wrong identity is none, and a state that somebody has written into is no token.
func TestSecretModel_secret(t *testing.T) {
	t.Parallel()
	r := newFormRun(t, forms[1])
	r.must("")
	v := r.state[addressA].current.values
	v["hash"] = str("000000000")
	if r.run() {
		t.Errorf("a token with another hash than the state says is used: %v", r.journal)
	}
	for _, q := range r.server.Requests() {
		if q.Path == regeneratePath && q.Method == http.MethodPost {
			t.Error("it was regenerated")
		}
	}
}

// A rotation that ends in doubt keeps its token in the form that the configuration asks for:
// in plain text it would be shown to whoever reads the state, and for the recipients of
// before it may be readable by nobody.
func TestForms_doubtful(t *testing.T) {
	t.Parallel()
	for name, replaced := range map[string]bool{"rotated": false, "replaced": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newFormRun(t, forms[0])
			r.lines.unprotected = replaced
			old := r.must("")
			r.lines.recipients, r.form.recipients = 1, 1
			r.lines.trigger++
			made := r.planned(r.root(), planOptions{replace: map[string]bool{addressA: replaced}})
			r.server.Inject(influxdb3test.Fault{Kind: influxdb3test.SetHeader, Path: regeneratePath, Header: map[string][]string{"Age": {"30"}}})
			r.server.Inject(influxdb3test.Fault{Kind: influxdb3test.Answer, Path: queryPath, Status: 500, Times: -1})
			r.apply(made, false, false, ending{})
			r.server.ClearFaults()
			r.form.check(r)
			token := r.secret()
			if !r.failed || token == old || !r.server.Accepts(t, token) {
				t.Errorf("the token in hand is not in state: %v", r.journal)
			}
			r.state[addressA].current.tainted = false
			if !r.planned(r.root(), planOptions{skipRead: true}).rotates() {
				t.Error("the rotation is not due any more")
			}
		})
	}
}

// Recipients that are not known yet may be those of before: nothing is said against them
// until they are known.
func TestRecipients_late(t *testing.T) {
	t.Parallel()
	set := tftypes.Set{ElementType: tftypes.String}
	unknown := tftypes.NewValue(tftypes.String, tftypes.UnknownValue)
	for name, late := range map[string]tftypes.Value{
		"all of them": tftypes.NewValue(set, tftypes.UnknownValue),
		"one of them": tftypes.NewValue(set, []tftypes.Value{unknown}),
	} {
		for _, f := range forms {
			t.Run(name+"/"+f.name, func(t *testing.T) {
				t.Parallel()
				if f.recipients == 0 && name == "one of them" {
					return // then it is turned on
				}
				r := newFormRun(t, f)
				root := func(late tftypes.Value) rootModule {
					root := r.root()
					block := root.blocks[addressA]
					block.planned["age_recipients"] = late
					root.blocks[addressA] = block
					return root
				}
				if r.apply(r.planned(root(late), planOptions{}), false, false, ending{}); r.failed {
					t.Fatalf("not created: %v", r.journal)
				}
				token := r.secret()
				if r.apply(r.planned(root(late), planOptions{}), false, false, ending{}); r.failed || r.secret() != token {
					t.Errorf("the same ones: %v", r.journal)
				}
				r.form.check(r)
			})
		}
	}
}

// The provider's token is the one in state, so that nobody has to decrypt it.
func TestRecipients_inHand(t *testing.T) {
	t.Parallel()
	r := newFormRun(t, forms[2])
	r.token = r.server.Bootstrap(t)
	if r.must(""); r.said("Provider Cannot Use the Token") {
		t.Errorf("it can: %v", r.journal)
	}
	r.lines.recipients, r.form.recipients = 2, 2
	if !r.run() || r.secret() != r.token {
		t.Errorf("not encrypted anew: %v", r.journal)
	}
	r.lines.recipients, r.form.recipients = 0, 0
	if !r.run() || r.secret() != r.token {
		t.Errorf("not turned off: %v", r.journal)
	}
}

// A replacement that keeps the token and encrypts it says what older states hold.
func TestRecipients_replaced(t *testing.T) {
	t.Parallel()
	r := newFormRun(t, forms[0])
	r.lines.unprotected = true
	token := r.must("")
	r.lines.recipients, r.form.recipients = 1, 1
	made := r.planned(r.root(), planOptions{replace: map[string]bool{addressA: true}})
	if r.apply(made, false, false, ending{}); r.failed || r.secret() != token || !r.said("Older Versions of the State Hold the Token") {
		t.Errorf("%v", r.journal)
	}
}

// An attribute that has nothing to do with it changes without anybody who can decrypt.
func TestForms_otherAttribute(t *testing.T) {
	t.Parallel()
	for _, f := range forms {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			r := newFormRun(t, f)
			token := r.must("")
			r.lines.unprotected = true
			if !r.run() || r.secret() != token {
				t.Errorf("%v", r.journal)
			}
			r.lines.rotateAfter = "24h"
			if !r.run() || r.secret() != token {
				t.Errorf("%v", r.journal)
			}
		})
	}
}

// A replacement gives back a token that nobody here can look at, and says so.
func TestUnreadableWarning_replaced(t *testing.T) {
	t.Parallel()
	r := newFormRun(t, forms[2])
	r.lines.unprotected = true
	r.must("")
	old := r.current(addressA, "encrypted_token")
	r.token = "apiv3_nobody-knows-this-one"
	made := r.planned(r.root(), planOptions{replace: map[string]bool{addressA: true}})
	r.begin()
	if r.apply(made, false, false, ending{}); r.failed || r.current(addressA, "encrypted_token") != old || !r.said("Provider Cannot Use the Token") {
		t.Errorf("%v", r.journal)
	}
}

// A replacement cannot encrypt anew what nobody here can read: it stays in state as it was.
func TestRecipients_tainted(t *testing.T) {
	t.Parallel()
	r := newFormRun(t, forms[2])
	r.lines.unprotected = true
	token, encrypted := r.must(""), r.current(addressA, "encrypted_token")
	r.state[addressA].current.tainted = true
	r.lines.recipients = 2
	if r.run() || !r.said("Unable to Decrypt Token") || r.current(addressA, "encrypted_token") != encrypted || r.secret() != token {
		t.Errorf("%v", r.journal)
	}
}

// An imported token has no secret that recipients could be for.
func TestRecipients_importedNamed(t *testing.T) {
	t.Parallel()
	s, c := influxdb3test.New(t), newCore(t)
	admin := s.Bootstrap(t)
	s.CreateNamedAdmin(t, admin, "ci", 0)
	block := namedBlock("ci")
	block.known["age_recipients"] = recipientsValue(1)
	root := rootOf(s, admin, blocks{addressNamed: block})
	c.state[addressNamed] = &resourceState{current: c.importObject(c.start(root.provider, patienceAlone), addressNamed, "ci")}
	c.applied(root, planOptions{})
	if c.current(addressNamed, "token") != "" || c.current(addressNamed, "encrypted_token") != "" {
		t.Error("it has a secret")
	}
}

// A token that nobody here can read is not replaced by that of another cluster, whose listener
// the provider has now.
func TestForms_listenerOfAnotherCluster(t *testing.T) {
	t.Parallel()
	c := newCore(t)
	here, there := influxdb3test.New(t, influxdb3test.WithRecovery()), influxdb3test.New(t, influxdb3test.WithRecovery())
	theirs := there.Bootstrap(t)
	at := func(s *influxdb3test.Server, trigger int) rootModule {
		root := rootOf(s, "", blocks{addressA: operatorLines{recipients: 1, trigger: trigger}.block()})
		root.provider["recovery_url"] = str(s.RecoveryURL())
		return root
	}
	c.applied(at(here, 0), planOptions{})
	kept := c.current(addressA, "encrypted_token")
	c.begin()
	if made := c.plan(at(there, 1), planOptions{}); made != nil {
		c.apply(made, false, false, ending{})
	}
	if !there.Accepts(t, theirs) || c.current(addressA, "encrypted_token") != kept || !c.failed {
		t.Errorf("failed %t, %v", c.failed, c.journal)
	}
}
