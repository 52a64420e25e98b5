package influxdb3_test

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3"
)

const (
	hidden   = "apiv3_TheValueThatMustNotBePrinted"
	redacted = "[redacted]"
)

// forms are what a print of the value may look like: as it is, quoted, in hex, in bytes.
var forms = []string{
	hidden,
	"TheValueThat",
	fmt.Sprintf("%x", hidden), fmt.Sprintf("%X", hidden), fmt.Sprintf("% x", hidden),
	strings.Trim(fmt.Sprintf("%d", []byte(hidden)), "[]"),
}

// assertHidden fails if the value shows in a text in any form.
func assertHidden(t *testing.T, text string) {
	t.Helper()
	for _, form := range forms {
		if strings.Contains(text, form) {
			t.Errorf("the secret shows as %q in %q", form, text)
		}
	}
}

// TestAssertHiddenSeesAPlainString keeps the assertion honest: a string in the same places shows.
func TestAssertHiddenSeesAPlainString(t *testing.T) {
	t.Parallel()
	type plain struct{ value string }
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "% x"} {
		text := fmt.Sprintf(verb, plain{hidden})
		seen := false
		for _, form := range forms {
			seen = seen || strings.Contains(text, form)
		}
		if !seen {
			t.Errorf("%s of a plain string shows nothing: %q", verb, text)
		}
	}
}

type exported struct {
	Name   string
	Secret influxdb3.Secret
}

type unexported struct {
	name   string
	secret influxdb3.Secret
}

type pointers struct {
	Exported   *influxdb3.Secret
	unexported *influxdb3.Secret
}

type deep struct {
	inner  unexported
	list   []influxdb3.Secret
	byName map[string]influxdb3.Secret
	any    any
	ptr    *unexported
}

type embedded struct{ influxdb3.Secret }

func TestSecretDoesNotPrint(t *testing.T) {
	t.Parallel()
	secret := influxdb3.NewSecret(hidden)
	tests := []struct {
		name  string
		value any
		says  bool // whether the print says that something is redacted
	}{
		{"value", secret, true},
		{"pointer", &secret, true},
		{"exported field", exported{"name", secret}, true},
		{"pointer to a struct", &exported{"name", secret}, true},
		{"unexported field", unexported{"name", secret}, false},
		{"pointer to unexported", &unexported{"name", secret}, false},
		{"pointer fields", pointers{&secret, &secret}, false},
		{"deep", deep{unexported{"n", secret}, []influxdb3.Secret{secret}, map[string]influxdb3.Secret{"k": secret}, secret, &unexported{"n", secret}}, false},
		{"embedded", embedded{secret}, true},
		{"slice", []influxdb3.Secret{secret, secret}, true},
		{"array", [1]influxdb3.Secret{secret}, true},
		{"slice of any", []any{secret, &secret}, true},
		{"map value", map[string]influxdb3.Secret{"k": secret}, true},
		{"map key", map[*influxdb3.Secret]int{&secret: 1}, false},
		{"error", fmt.Errorf("with %v and %s", secret, secret), false},
		{"token", influxdb3.Token{Name: "ci", Secret: secret}, true},
		{"pointer to a token", &influxdb3.Token{Name: "ci", Secret: secret}, true},
		{"client error", influxdb3.Error{Kind: influxdb3.KindOutcomeUnknown, Partial: secret}, false},
		{"pointer to a client error", &influxdb3.Error{Kind: influxdb3.KindOutcomeUnknown, Partial: secret}, false},
		{"config", influxdb3.Config{Headers: map[string]influxdb3.Secret{"X": secret}}, false},
		{"client", influxdb3.New(influxdb3.Config{Headers: map[string]influxdb3.Secret{"X": secret}}), false},
		{"method value", secret.Reveal, false},
	}
	for _, tt := range tests {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "% x", "%d", "%o", "%b", "%c", "%U", "%t", "%e", "%p", "%T", "%10.3s", "%!"} {
			t.Run(tt.name+" "+verb, func(t *testing.T) {
				t.Parallel()
				text := fmt.Sprintf(verb, tt.value)
				assertHidden(t, text)
				says := tt.says && slices.Contains([]string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"}, verb)
				if says && !strings.Contains(text, redacted) {
					t.Errorf("got %q, want %q in it", text, redacted)
				}
			})
		}
		t.Run(tt.name+" Print", func(t *testing.T) {
			t.Parallel()
			assertHidden(t, fmt.Sprint(tt.value)+fmt.Sprintln(tt.value))
		})
	}
}

func TestSecretPrintsAsRedacted(t *testing.T) {
	t.Parallel()
	secret := influxdb3.NewSecret(hidden)
	for _, s := range []influxdb3.Secret{secret, {}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
			if got := fmt.Sprintf(verb, s); got != redacted {
				t.Errorf("%s prints %q, want %q", verb, got, redacted)
			}
		}
		if got := s.String(); got != redacted {
			t.Errorf("String is %q", got)
		}
		if got := s.GoString(); got != redacted {
			t.Errorf("GoString is %q", got)
		}
	}
}

func TestSecretInErrors(t *testing.T) {
	t.Parallel()
	secret := influxdb3.NewSecret(hidden)
	for _, err := range []error{
		fmt.Errorf("refused: %v", secret),
		fmt.Errorf("refused: %w", fmt.Errorf("%+v", unexported{"n", secret})),
		errors.Join(fmt.Errorf("%s", &secret), fmt.Errorf("%#v", exported{"n", secret})),
		fmt.Errorf("refused: %w", &influxdb3.Error{Op: "x", Target: "y", Partial: secret}),
	} {
		assertHidden(t, err.Error())
		assertHidden(t, fmt.Sprintf("%+v %#v", err, err))
	}
}

func TestSecretInLogs(t *testing.T) {
	t.Parallel()
	secret := influxdb3.NewSecret(hidden)
	handlers := map[string]func(*bytes.Buffer) slog.Handler{
		"text": func(b *bytes.Buffer) slog.Handler { return slog.NewTextHandler(b, nil) },
		"json": func(b *bytes.Buffer) slog.Handler { return slog.NewJSONHandler(b, nil) },
	}
	for name, handler := range handlers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			log := slog.New(handler(&out)).With("with", secret)
			log.Info("value", "secret", secret)
			log.Info("group", slog.Group("g", "secret", secret))
			if got := strings.Count(out.String(), redacted); got != 4 {
				t.Errorf("%d times redacted, want 4: %s", got, &out)
			}
			log.Info("pointer", "secret", &secret)
			log.Info("struct", "value", exported{"n", secret})
			log.Info("unexported", "value", unexported{"n", secret})
			log.Info("deep", "value", deep{ptr: &unexported{"n", secret}, list: []influxdb3.Secret{secret}, any: secret})
			log.Info("slice", "value", []influxdb3.Secret{secret})
			log.Info("map", "value", map[string]influxdb3.Secret{"k": secret})
			log.Info("error", "err", fmt.Errorf("%v", secret))
			log.Info(fmt.Sprint(secret))
			assertHidden(t, out.String())
		})
	}
}

func TestSecretInEncodings(t *testing.T) {
	t.Parallel()
	secret := influxdb3.NewSecret(hidden)
	tests := []struct {
		name  string
		value any
		want  string
	}{
		{"value", secret, `"[redacted]"`},
		{"pointer", &secret, `"[redacted]"`},
		{"nil pointer", (*influxdb3.Secret)(nil), `null`},
		{"zero", influxdb3.Secret{}, `"[redacted]"`},
		{"struct field", exported{"n", secret}, `{"Name":"n","Secret":"[redacted]"}`},
		{"unexported field", unexported{"n", secret}, `{}`},
		{"slice", []influxdb3.Secret{secret}, `["[redacted]"]`},
		{"map value", map[string]influxdb3.Secret{"k": secret}, `{"k":"[redacted]"}`},
		{"map key", map[*influxdb3.Secret]string{&secret: "v"}, `{"[redacted]":"v"}`},
		{"embedded", embedded{secret}, `"[redacted]"`},
		{"in any", map[string]any{"k": []any{secret}}, `{"k":["[redacted]"]}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := json.Marshal(tt.value)
			if err != nil || string(got) != tt.want {
				t.Errorf("got %s, %v, want %s", got, err, tt.want)
			}
		})
	}
	t.Run("xml", func(t *testing.T) {
		t.Parallel()
		got, err := xml.Marshal(exported{"n", secret})
		if err != nil || !strings.Contains(string(got), redacted) {
			t.Errorf("got %s, %v", got, err)
		}
		assertHidden(t, string(got))
	})
	t.Run("gob", func(t *testing.T) {
		t.Parallel()
		var out bytes.Buffer
		err := gob.NewEncoder(&out).Encode(exported{"n", secret})
		assertHidden(t, out.String()+fmt.Sprint(err))
	})
}

// The variable that makes TestSecretInPanic panic, in a process of its own.
const panicWith = "INFLUXDB3_TEST_PANIC_WITH"

func TestSecretInPanic(t *testing.T) {
	t.Parallel()
	secret := influxdb3.NewSecret(hidden)
	values := map[string]any{
		"secret":     secret,
		"pointer":    &secret,
		"struct":     exported{"n", secret},
		"unexported": unexported{"n", secret},
		"deep":       deep{ptr: &unexported{"n", secret}, list: []influxdb3.Secret{secret}, any: secret},
		"error":      fmt.Errorf("failed with %v", secret),
		"client":     &influxdb3.Error{Kind: influxdb3.KindOutcomeUnknown, Op: "panic", Target: "nowhere", Partial: secret},
		"sprint":     fmt.Sprintf("%+v", unexported{"n", secret}),
	}
	if name := os.Getenv(panicWith); name != "" {
		if name == "plain" {
			panic(hidden)
		}
		panic(values[name])
	}
	values["plain"] = nil
	for name := range values {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			exe, err := os.Executable()
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.CommandContext(t.Context(), exe, "-test.run=^TestSecretInPanic$")
			cmd.Env = append(os.Environ(), panicWith+"="+name, "GOTRACEBACK=all")
			var out bytes.Buffer
			cmd.Stdout, cmd.Stderr = &out, &out
			err = cmd.Run()
			var exit *exec.ExitError
			if !errors.As(err, &exit) || !strings.Contains(out.String(), "panic: ") || !strings.Contains(out.String(), "goroutine ") {
				t.Fatalf("the process did not panic: %v\n%s", err, &out)
			}
			if name == "plain" {
				if !strings.Contains(out.String(), hidden) {
					t.Errorf("a plain string does not show, so that this test proves nothing:\n%s", &out)
				}
				return
			}
			assertHidden(t, out.String())
		})
	}
}

func TestSecretReveals(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		secret influxdb3.Secret
		want   string
		empty  bool
	}{
		{"zero", influxdb3.Secret{}, "", true},
		{"of nothing", influxdb3.NewSecret(""), "", true},
		{"token", influxdb3.NewSecret(hidden), hidden, false},
		{"space", influxdb3.NewSecret(" "), " ", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := tt.secret.Reveal(); got != tt.want {
				t.Errorf("Reveal is %q, want %q", got, tt.want)
			}
			if got := tt.secret.IsEmpty(); got != tt.empty {
				t.Errorf("IsEmpty is %t, want %t", got, tt.empty)
			}
		})
	}
}

func TestSecretEqual(t *testing.T) {
	t.Parallel()
	secrets := map[string]influxdb3.Secret{
		"zero": {}, "a": influxdb3.NewSecret("a"), "A": influxdb3.NewSecret("A"), "ab": influxdb3.NewSecret("ab"), hidden: influxdb3.NewSecret(hidden),
	}
	for nameA, a := range secrets {
		for nameB, b := range secrets {
			if got := a.Equal(b); got != (nameA == nameB) {
				t.Errorf("%s equals %s: %t", nameA, nameB, got)
			}
		}
	}
	if !(influxdb3.Secret{}).Equal(influxdb3.NewSecret("")) {
		t.Error("the zero Secret differs from one of nothing")
	}
	if !influxdb3.NewSecret(hidden).Equal(influxdb3.NewSecret(strings.Clone(hidden))) {
		t.Error("two secrets of the same value differ")
	}
}

func TestSecretHash(t *testing.T) {
	t.Parallel()
	pairs := recordedPairs(t)
	if len(pairs) < 30 {
		t.Fatalf("the recording has %d tokens", len(pairs))
	}
	for _, pair := range pairs {
		got := influxdb3.NewSecret(pair.token).Hash()
		if len(got) != 9 || !strings.HasPrefix(pair.hash, got) {
			t.Errorf("the hash is %q, want the first nine digits of %s", got, pair.hash)
		}
	}
	if got := (influxdb3.Secret{}).Hash(); got != "" {
		t.Errorf("the hash of no secret is %q", got)
	}
	// The SHA-512 of "abc" in FIPS 180-4.
	if got := influxdb3.NewSecret("abc").Hash(); got != "ddaf35a19" {
		t.Errorf("the hash of abc is %q", got)
	}
}

// TestErrorText shows what is in the text of an Error, and what is not.
func TestErrorText(t *testing.T) {
	t.Parallel()
	cause := errors.New("broken")
	tests := []struct {
		name string
		err  influxdb3.Error
		want string
	}{
		{"no answer", influxdb3.Error{Op: "do", Target: "http://h/p", Err: cause}, "unable to do at http://h/p: broken"},
		{"status", influxdb3.Error{Op: "do", Target: "http://h/p", Status: 502}, "unable to do at http://h/p: HTTP 502"},
		{
			"everything",
			influxdb3.Error{Kind: influxdb3.KindBusy, Op: "do", Target: "t", Status: 429, Message: "slow", ClusterUUID: "uuid", RetryAfter: 90 * time.Second, Partial: influxdb3.NewSecret(hidden), Err: cause},
			"unable to do at t: HTTP 429: slow (asked to wait 1m30s): broken",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := tt.err.Error(); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if tt.err.Err != nil && !errors.Is(&tt.err, cause) {
				t.Error("the cause is lost")
			}
		})
	}
}
