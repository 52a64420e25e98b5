package influxdb3

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// recordedStep is one of a recording, as far as these tests look at it.
type recordedStep struct {
	Request struct {
		Method, Target, Body string
		Headers              map[string]string
	}
	Reply struct {
		Status int
		Body   string
	} `json:"response"`
}

// recordedSteps reads both recordings.
func recordedSteps(t testing.TB) []recordedStep {
	t.Helper()
	var steps []recordedStep
	for _, version := range []string{"3.10", "3.4"} {
		raw, err := os.ReadFile(filepath.Join("..", "influxdb3test", "testdata", "core-"+version+".json"))
		if err != nil {
			t.Fatal(err)
		}
		var scenarios []struct{ Steps []recordedStep }
		if err := json.Unmarshal(raw, &scenarios); err != nil {
			t.Fatal(err)
		}
		for _, scenario := range scenarios {
			steps = append(steps, scenario.Steps...)
		}
	}
	if len(steps) < 200 {
		t.Fatalf("the recordings have %d steps", len(steps))
	}
	return steps
}

// call is the call that a step made, and whether it is one that changes something.
func (s recordedStep) call(secret Secret) (made call, changes bool) {
	target, _ := url.Parse(s.Request.Target)
	made = call{method: s.Request.Method, path: target.Path, changes: true}
	if s.Request.Headers["Authorization"] != "" {
		made.token = secret
	}
	switch {
	case made.path == tokenPath && made.method == http.MethodDelete:
		return made, true
	case made.method != http.MethodPost:
		return made, false
	case made.path == operatorPath, made.path == regeneratePath:
		made.mints = OperatorTokenName
		return made, true
	case made.path == namedAdminPath, made.path == resourceTokenPath:
		var body struct {
			Name string `json:"token_name"`
		}
		_ = json.Unmarshal([]byte(s.Request.Body), &body) // some steps send none on purpose
		made.mints = body.Name
		return made, true
	}
	return made, false
}

func (s recordedStep) mints() bool { return s.Reply.Status == 201 }

func (s recordedStep) lists() bool {
	return s.Reply.Status == 200 && strings.HasPrefix(s.Reply.Body, `[{"token_id"`)
}

func at(year int, month time.Month, day, hour, minute, second, nano int) time.Time {
	return time.Date(year, month, day, hour, minute, second, nano, time.UTC)
}

func TestParseTime(t *testing.T) {
	t.Parallel()
	tests := []struct {
		text string
		want time.Time
	}{
		{"2026-11-24T08:49:36.479Z", at(2026, 11, 24, 8, 49, 36, 479e6)}, // of a reply
		{"2026-11-24T08:49:36.479", at(2026, 11, 24, 8, 49, 36, 479e6)},  // of a listing
		{"2026-11-24T08:49:36", at(2026, 11, 24, 8, 49, 36, 0)},
		{"2026-11-24T08:49:36Z", at(2026, 11, 24, 8, 49, 36, 0)},
		{"+12027-02-07T08:44:17.004", at(12027, 2, 7, 8, 44, 17, 4e6)},
		{"+12027-02-07T08:44:17.004Z", at(12027, 2, 7, 8, 44, 17, 4e6)},
		{"+262142-12-31T23:59:59.999Z", at(262142, 12, 31, 23, 59, 59, 999e6)},
		{"0001-01-01T00:00:00", time.Time{}},
		{"2024-02-29T00:00:00Z", at(2024, 2, 29, 0, 0, 0, 0)},
		{"2026-11-24T08:49:36.1", at(2026, 11, 24, 8, 49, 36, 1e8)},
		{"2026-11-24T08:49:36.12", at(2026, 11, 24, 8, 49, 36, 12e7)},
		{"2026-11-24T08:49:36.123", at(2026, 11, 24, 8, 49, 36, 123e6)},
		{"2026-11-24T08:49:36.1234", at(2026, 11, 24, 8, 49, 36, 1234e5)},
		{"2026-11-24T08:49:36.12345", at(2026, 11, 24, 8, 49, 36, 12345e4)},
		{"2026-11-24T08:49:36.123456", at(2026, 11, 24, 8, 49, 36, 123456e3)},
		{"2026-11-24T08:49:36.1234567", at(2026, 11, 24, 8, 49, 36, 1234567e2)},
		{"2026-11-24T08:49:36.12345678", at(2026, 11, 24, 8, 49, 36, 12345678e1)},
		{"2026-11-24T08:49:36.123456789", at(2026, 11, 24, 8, 49, 36, 123456789)},
		{"2026-11-24T08:49:36.000000001Z", at(2026, 11, 24, 8, 49, 36, 1)},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			t.Parallel()
			got, err := parseTime(tt.text)
			if err != nil || !got.Equal(tt.want) || got.Location() != time.UTC {
				t.Errorf("got %s, %v, want %s", got, err, tt.want)
			}
		})
	}
}

func TestParseTimeRefuses(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", " ", "now", "0", "2026", "2026-11-24", "2026-11-24 08:49:36", "2026-11-24t08:49:36z", "2026-11-24T08:49", "2026-11-24T8:49:36",
		"2026-02-30T00:00:00", "2026-02-29T00:00:00", "2026-04-31T00:00:00", "2026-00-10T00:00:00", "2026-13-10T00:00:00", "2026-01-00T00:00:00", "2026-01-32T00:00:00",
		"2026-01-01T24:00:00", "2026-01-01T00:60:00", "2026-01-01T00:00:60", "2026-12-31T23:59:60Z", "2026-01-01T99:99:99",
		"2026-11-24T08:49:36.", "2026-11-24T08:49:36.Z", "2026-11-24T08:49:36.1234567890", "2026-11-24T08:49:36,5", "2026-11-24T08:49:36.-1",
		"2026-11-24T08:49:36+00:00", "2026-11-24T08:49:36+02:00", "2026-11-24T08:49:36ZZ", "2026-11-24T08:49:36Z ", " 2026-11-24T08:49:36Z", "2026-11-24T08:49:36Z\n",
		"12027-02-07T08:44:17", "+2027-02-07T08:44:17", "-2027-02-07T08:44:17", "+1234567-02-07T08:44:17", "２０２６-11-24T08:49:36",
		strings.Repeat("2026-11-24T08:49:36", 1000),
	} {
		t.Run(fmt.Sprintf("%.40q", text), func(t *testing.T) {
			t.Parallel()
			got, err := parseTime(text)
			if err == nil || !got.IsZero() {
				t.Fatalf("got %s, %v", got, err)
			}
			if len(err.Error()) > 150 || strings.Contains(err.Error(), "\n") {
				t.Errorf("the error is %q", err)
			}
			if len(text) < 40 && text != "" && !strings.Contains(err.Error(), strings.TrimSpace(text)) {
				t.Errorf("the error does not name the text: %q", err)
			}
		})
	}
}

// TestParseRecordedTimes: every time that a real server wrote can be read.
func TestParseRecordedTimes(t *testing.T) {
	t.Parallel()
	times := 0
	for _, step := range recordedSteps(t) {
		if !step.mints() && !step.lists() {
			continue
		}
		for _, text := range timesIn(step.Reply.Body) {
			times++
			if _, err := parseTime(text); err != nil {
				t.Error(err)
			}
		}
	}
	if times < 150 {
		t.Errorf("the recordings have %d times", times)
	}
}

// timesIn returns the values of a body that are times.
func timesIn(body string) []string {
	var times []string
	for _, field := range []string{"created_at", "updated_at", "expiry"} {
		for _, rest := range strings.Split(body, `"`+field+`":"`)[1:] {
			text, _, _ := strings.Cut(rest, `"`)
			times = append(times, text)
		}
	}
	return times
}

func TestParseRetryAfter(t *testing.T) {
	t.Parallel()
	now := at(2026, 11, 24, 12, 0, 0, 0)
	tests := []struct {
		text string
		want time.Duration
	}{
		{"0", 0},
		{"1", time.Second},
		{"120", 2 * time.Minute},
		{" 5 ", 5 * time.Second},
		{"007", 7 * time.Second},
		{"2147483647", 2147483647 * time.Second},
		{"2147483648", 0}, // beyond 68 years is no time to wait for
		{"99999999999999999999", 0},
		{"-1", 0},
		{"+1", 0},
		{"1.5", 0},
		{"1e3", 0},
		{"1s", 0},
		{"1, 2", 0},
		{"", 0},
		{" ", 0},
		{"soon", 0},
		{"Tue, 24 Nov 2026 12:00:30 GMT", 30 * time.Second},
		{"Tuesday, 24-Nov-26 12:01:00 GMT", time.Minute},
		{"Tue Nov 24 13:00:00 2026", time.Hour},
		{"Tue, 24 Nov 2026 12:00:00 GMT", 0},
		{"Tue, 24 Nov 2026 11:59:59 GMT", 0},
		{"Thu, 01 Jan 1970 00:00:00 GMT", 0},
		{"Fri, 31 Dec 9999 23:59:59 GMT", 1<<63 - 1},
		{"Tue, 31 Feb 2026 12:00:00 GMT", 0},
		{"2026-11-24T12:00:30Z", 0},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			t.Parallel()
			if got := parseRetryAfter(tt.text, now); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestDecodeListing(t *testing.T) {
	t.Parallel()
	created := at(2026, 11, 24, 8, 49, 36, 479e6)
	later := at(2026, 11, 24, 9, 0, 0, 0)
	tests := []struct {
		name string
		body string
		want []TokenInfo
	}{
		{"empty", `[]`, []TokenInfo{}},
		{
			"NULLs left out", `[{"token_id":0,"name":"_admin","hash":"1e971f531","created_at":"2026-11-24T08:49:36.479","permissions":"*:*:*"}]`,
			[]TokenInfo{{ID: 0, Name: "_admin", Hash: "1e971f531", CreatedAt: created, Permissions: "*:*:*"}},
		},
		{
			"NULLs", `[{"token_id":0,"name":"_admin","hash":"1e971f531","created_at":"2026-11-24T08:49:36.479","updated_at":null,"expiry":null,"permissions":null}]`,
			[]TokenInfo{{ID: 0, Name: "_admin", Hash: "1e971f531", CreatedAt: created}},
		},
		{
			"everything and more", `[ {"token_id":18446744073709551615,"name":"","hash":"abc","created_at":"2026-11-24T08:49:36.479","updated_at":"2026-11-24T09:00:00","expiry":"2026-11-24T09:00:00.000","permissions":"[\"db:a:read\"]","description":"x","created_by_token_id":1} ] `,
			[]TokenInfo{{ID: 1<<64 - 1, Hash: "abc", CreatedAt: created, UpdatedAt: &later, ExpiresAt: &later, Permissions: `["db:a:read"]`}},
		},
		{
			"order kept", `[{"token_id":2,"name":"b","hash":"2","created_at":"2026-11-24T09:00:00"},{"token_id":1,"name":"a","hash":"1","created_at":"2026-11-24T09:00:00"}]`,
			[]TokenInfo{{ID: 2, Name: "b", Hash: "2", CreatedAt: later}, {ID: 1, Name: "a", Hash: "1", CreatedAt: later}},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := decodeListing([]byte(tt.body))
			if err != nil || !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got %+v, %v, want %+v", got, err, tt.want)
			}
		})
	}
}

func TestDecodeListingRefuses(t *testing.T) {
	t.Parallel()
	const row = `{"token_id":0,"name":"_admin","hash":"1e971f531","created_at":"2026-11-24T08:49:36.479"}`
	replaced := func(old, replacement string) string {
		if !strings.Contains(row, old) {
			t.Fatalf("%s is not in the row", old)
		}
		return "[" + row + "," + strings.Replace(row, old, replacement, 1) + "]"
	}
	tests := []struct{ name, body, want string }{
		{"nothing", "", "is not a listing"},
		{"null", "null", "is not a listing"},
		{"object", row, "is not a listing"},
		{"an error", `{"error":"query error: database not found: _internal","data":null}`, "is not a listing"},
		{"text", `"[]"`, "is not a listing"},
		{"html", "<html>", "is not a listing"},
		{"cut", "[" + row, "is not a listing"},
		{"two", "[][]", "is not a listing"},
		{"array of text", `["a"]`, "is not a listing"},
		{"id is text", replaced(`"token_id":0`, `"token_id":"0"`), "is not a listing"},
		{"id is negative", replaced(`"token_id":0`, `"token_id":-1`), "is not a listing"},
		{"id is a fraction", replaced(`"token_id":0`, `"token_id":0.5`), "is not a listing"},
		{"null row", `[null]`, "row 1 of the listing has no id, name or hash"},
		{"no id", replaced(`"token_id":0,`, ``), "row 2 of the listing has no id, name or hash"},
		{"no name", replaced(`"name":"_admin",`, ``), "row 2 of the listing has no id, name or hash"},
		{"no hash", replaced(`"hash":"1e971f531",`, ``), "row 2 of the listing has no id, name or hash"},
		{"no created_at", replaced(`,"created_at":"2026-11-24T08:49:36.479"`, ``), `created_at in row 2 of the listing: ""`},
		{"created_at", replaced(`2026-11-24`, `2026-02-30`), "created_at in row 2 of the listing"},
		{"updated_at", replaced(`"created_at"`, `"updated_at":"x","created_at"`), "updated_at in row 2 of the listing"},
		{"expiry", replaced(`"created_at"`, `"expiry":"","created_at"`), "expiry in row 2 of the listing"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := decodeListing([]byte(tt.body))
			if err == nil || got != nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %+v, %v, want %q", got, err, tt.want)
			}
		})
	}
}

// TestDecodeRecorded: every listing and every token that a real server sent can be read.
func TestDecodeRecorded(t *testing.T) {
	t.Parallel()
	listings, tokens := 0, 0
	for _, step := range recordedSteps(t) {
		body := []byte(step.Reply.Body)
		switch {
		case step.lists() && strings.Contains(step.Reply.Body, `"created_at"`): // others ask for fewer columns
			listings++
			rows, err := decodeListing(body)
			if err != nil || len(rows) != strings.Count(step.Reply.Body, `"token_id":`) {
				t.Errorf("%d rows, %v: %s", len(rows), err, body)
			}
		case step.mints():
			tokens++
			token, err := decodeToken(body)
			if err != nil {
				t.Error(err)
				continue
			}
			if token.CreatedAt.IsZero() || token.ForeignHash || len(token.Secret.Reveal()) != 92 || (token.ExpiresAt != nil) == strings.Contains(step.Reply.Body, `"expiry":null`) {
				t.Errorf("got %+v from %s", token, body)
			}
			if got := partialToken(body, token.Name); !got.Equal(token.Secret) {
				t.Errorf("partialToken does not find it in %s", body)
			}
		}
	}
	if listings < 10 || tokens < 60 {
		t.Errorf("the recordings have %d listings and %d tokens", listings, tokens)
	}
}

const someToken = "apiv3_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA-_"

func TestDecodeToken(t *testing.T) {
	t.Parallel()
	if len(someToken) != 92 {
		t.Fatalf("the token has %d characters", len(someToken))
	}
	hash := NewSecret(someToken).Hash()
	expires := at(12027, 2, 7, 8, 44, 17, 4e6)
	created := at(2026, 11, 24, 8, 49, 36, 479e6)
	tests := []struct {
		name string
		body string
		want Token
	}{
		{"only the token", `{"token":"` + someToken + `"}`, Token{}},
		{
			"everything", `{"id":7,"name":"ci","token":"` + someToken + `","hash":"` + hash + `ffff","created_at":"2026-11-24T08:49:36.479Z","expiry":"+12027-02-07T08:44:17.004Z","new":[1]}`,
			Token{ID: 7, Name: "ci", CreatedAt: created, ExpiresAt: &expires},
		},
		{"foreign hash", `{"token":"` + someToken + `","hash":"000000000000"}`, Token{ForeignHash: true}},
		{"short hash", `{"token":"` + someToken + `","hash":"00000000"}`, Token{}},
		{"unreadable times", `{"token":"` + someToken + `","created_at":"yesterday","expiry":"2026-02-30T00:00:00Z"}`, Token{}},
		{"no times", `{"token":"` + someToken + `","created_at":null,"expiry":null}`, Token{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := decodeToken([]byte(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			if got.Secret.Reveal() != someToken {
				t.Error("the token is another")
			}
			got.Secret = Secret{}
			if !reflect.DeepEqual(*got, tt.want) {
				t.Errorf("got %+v, want %+v", *got, tt.want)
			}
		})
	}
}

func TestDecodeTokenRefuses(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		"", "null", "[]", "0", `"` + someToken + `"`, "<html>", "{}", `{"token":null}`, `{"token":""}`, `{"token":[]}`, `{"token":12}`,
		`{"token":"with space ` + someToken + `"}`, `{"token":"` + someToken + `\n"}`, `{"token":"ü` + someToken + `"}`, `{"token":"` + someToken + `\u0000"}`,
		`{"token":"` + someToken + `"`, `{"token":"` + someToken + `"}}`, `{"id":"` + someToken + `","token":"` + someToken + `"}`, `{"id":-1,"token":"` + someToken + `"}`,
		`{"token":"` + someToken + `","name":7}`, `{"token":"` + someToken + `","expiry":7}`,
	} {
		t.Run(fmt.Sprintf("%.30s", body), func(t *testing.T) {
			t.Parallel()
			got, err := decodeToken([]byte(body))
			if err == nil || got != nil {
				t.Fatalf("got %+v, %v", got, err)
			}
			if strings.Contains(err.Error(), "apiv3_") || strings.Contains(err.Error(), "AAAA") {
				t.Errorf("the error shows the token: %v", err)
			}
		})
	}
}

func TestValidToken(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		someToken: true, "x": true, "~!\"#": true, "apiv3_": true,
		"": false, " ": false, "a b": false, "a\tb": false, "a\n": false, "\x7f": false, "\x00": false, "ü": false, "\xff": false,
	} {
		if got := ValidToken(text); got != want {
			t.Errorf("%q is valid: %t", text, got)
		}
	}
}

func TestPartialToken(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, body, want string }{
		{"whole", `{"token":"` + someToken + `"`, someToken},
		{"with spaces", `{"token" :` + "\n" + ` "` + someToken + `"`, someToken},
		{"without the quote", `{"token":"` + someToken, ""},
		{"one less", `{"token":"` + someToken[:91] + `"`, ""},
		{"one more", `{"token":"` + someToken + `A"`, ""},
		{"another character", `{"token":"` + someToken[:91] + `+"`, ""},
		{"another prefix", `{"token":"apiv4_` + someToken[6:] + `"`, ""},
		{"another field", `{"name":"` + someToken + `"`, ""},
		{"the end of another field", `{"my_token":"` + someToken + `"`, ""},
		{"inside of a name", `{"name":"\"token\":\"` + someToken + `\""`, ""},
		{"its name", `{"id":1,"name":"a \"name\"","token":"` + someToken + `"`, someToken},
		{"another name", `{"id":1,"name":"a","token":"` + someToken + `"`, ""},
		{"another name with spaces", `{"name" : "a", "token":"` + someToken + `"`, ""},
		{"no name that can be read", `{"name":"\x","token":"` + someToken + `"`, ""},
		{"nothing", "", ""},
		{"html", "<p>" + someToken + "</p>", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := partialToken([]byte(tt.body), `a "name"`).Reveal(); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestKnownRefusal(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]bool{
		"": true,
		`{"error": "the request was not authenticated"}`:             true,
		`{"error":"the request was not authenticated"}`:              true,
		` {"code":401,"error":"the request was not authenticated"} `: true,
		" ":                                 false,
		"\n":                                false,
		"the request was not authenticated": false,
		`{"error":"The request was not authenticated"}`:   false,
		`{"error":"the request was not authenticated."}`:  false,
		`{"error":["the request was not authenticated"]}`: false,
		`{"error": "the request was not authenticated"`:   false,
		`["the request was not authenticated"]`:           false,
		`{"message":"the request was not authenticated"}`: false,
		"null": false,
		"{}":   false,
		"<html>the request was not authenticated</html>": false,
	} {
		if got := knownRefusal([]byte(body)); got != want {
			t.Errorf("%q is the server's: %t", body, got)
		}
	}
	seen := 0
	for _, step := range recordedSteps(t) {
		if step.Reply.Status == 401 {
			seen++
			if !knownRefusal([]byte(step.Reply.Body)) {
				t.Errorf("%q is recorded", step.Reply.Body)
			}
		}
	}
	if seen < 20 {
		t.Errorf("the recordings have %d of status 401", seen)
	}
}

// TestRecognise: whose an answer is shows in its form, and that is what the recordings
// show for this very call.
func TestRecognise(t *testing.T) {
	t.Parallel()
	secret := NewSecret("token")
	regenerate := call{method: "POST", path: regeneratePath, mints: OperatorTokenName, token: secret, changes: true}
	create := call{method: "POST", path: operatorPath, mints: OperatorTokenName, changes: true}
	named := call{method: "POST", path: namedAdminPath, mints: "ci", token: secret, changes: true}
	remove := call{method: "DELETE", path: tokenPath, token: secret, changes: true}
	recovery := call{method: "POST", path: regeneratePath, mints: OperatorTokenName, changes: true, recover: true}
	const refusal = `{"error": "the request was not authenticated"}`
	for name, tt := range map[string]struct {
		call              call
		status            int
		body              string
		kind              Kind
		recorded, unnamed bool
	}{
		"refusal":                          {regenerate, 401, refusal, KindUnauthorized, true, false},
		"refusal before 3.8":               {regenerate, 401, "", KindUnauthorized, true, true},
		"refusal of nobody":                {create, 401, "", KindUnauthorized, false, true},
		"a page that refuses":              {regenerate, 401, "<html>", KindUnexpected, false, false},
		"taken":                            {create, 409, "token name already exists, _admin", KindConflict, true, false},
		"taken, 3.0":                       {create, 500, "token name already exists, _admin", KindConflict, true, false},
		"taken, 3.0, of another call":      {named, 500, "token name already exists, ci", KindOutcomeUnknown, false, false},
		"taken, 3.0, another name":         {create, 500, "token name already exists, _admin2", KindOutcomeUnknown, false, false},
		"taken, by a gateway":              {create, 502, "token name already exists, _admin", KindOutcomeUnknown, false, false},
		"taken, the name of this call":     {named, 409, "token name already exists, ci", KindConflict, true, false},
		"taken, the name of another":       {named, 409, "token name already exists, _admin", KindConflict, false, false},
		"taken, a page":                    {create, 409, "<html>", KindConflict, false, false},
		"taken, empty":                     {create, 409, "", KindConflict, false, false},
		"nothing to regenerate":            {regenerate, 500, "missing admin token, cannot update", KindNoOperatorToken, true, false},
		"another 500":                      {regenerate, 500, "boom", KindOutcomeUnknown, false, false},
		"no authentication":                {regenerate, 405, "endpoint disabled, started without auth", KindNotEnabled, true, true},
		"another 405":                      {regenerate, 405, "", KindNotEnabled, false, false},
		"the operator token stays":         {remove, 405, "cannot delete operator token", KindNotEnabled, true, false},
		"the text of a deletion elsewhere": {regenerate, 405, "cannot delete operator token", KindNotEnabled, false, false},
		"gone":                             {remove, 404, "the requested resource was not found: ci", KindNotFound, true, false},
		"gone before 3.9":                  {remove, 404, "the requested resource was not found", KindNotFound, true, false},
		"gone, a page":                     {remove, 404, "<html>", KindNotFound, false, false},
		"no such route":                    {named, 404, "Not found", KindNotFound, true, false},
		"no such route before 3.9":         {named, 404, "not found", KindNotFound, true, false},
		"no such route to a deletion":      {remove, 404, "Not found", KindNotFound, false, false},
		"forbidden":                        {regenerate, 403, "forbidden", KindForbidden, false, false},
		"body":                             {named, 400, "serde json error: EOF while parsing", KindRefused, true, false},
		"query":                            {remove, 400, "serde error: missing field", KindRefused, true, false},
		"header":                           {named, 400, `{"error": "Authorization header was malformed, the request"}`, KindRefused, true, false},
		"another 400":                      {named, 400, "<html>", KindRefused, false, false},
		"content type":                     {named, 415, "unacceptable content-type, expected: application/json", KindRefused, true, false},
		"too large":                        {named, 413, "", KindRefused, false, false},
		"refusal of the listener":          {recovery, 401, "", KindUnauthorized, false, true},
		"taken, and nothing is made":       {remove, 409, "token name already exists, ", KindConflict, false, false},
		"nothing to regenerate, a 400":     {regenerate, 400, "missing admin token, cannot update", KindRefused, false, false},
		"no authentication, a 404":         {regenerate, 404, "endpoint disabled, started without auth", KindNotFound, false, false},
		"a deletion that is not allowed":   {remove, 405, "not allowed", KindNotEnabled, false, false},
		"no such page":                     {named, 404, "page not found", KindNotFound, false, false},
		"forbidden, in words of a 400":     {named, 403, "serde json error: x", KindForbidden, false, false},
	} {
		failed := &Error{Status: tt.status, Kind: classify(tt.status, []byte(tt.body), tt.call.changes), Message: New(Config{}).message([]byte(tt.body), tt.call.token)}
		tt.call.recognise(failed, []byte(tt.body))
		if failed.Kind != tt.kind || failed.Recorded != tt.recorded || failed.Unnamed != tt.unnamed {
			t.Errorf("%s: kind %d, recorded %t, unnamed %t", name, failed.Kind, failed.Recorded, failed.Unnamed)
		}
	}
	seen := 0
	for _, step := range recordedSteps(t) {
		made, changes := step.call(secret)
		if !changes || step.Reply.Status < 400 {
			continue
		}
		seen++
		failed := &Error{Status: step.Reply.Status, Kind: classify(step.Reply.Status, []byte(step.Reply.Body), true), Message: New(Config{}).message([]byte(step.Reply.Body), secret)}
		made.recognise(failed, []byte(step.Reply.Body))
		if !failed.Recorded {
			t.Errorf("%s %s: %d %q is recorded", made.method, made.path, failed.Status, failed.Message)
		}
	}
	if seen < 40 {
		t.Errorf("the recordings have %d refusals of a change", seen)
	}
}

func TestShorten(t *testing.T) {
	t.Parallel()
	tests := []struct {
		text  string
		limit int
		want  string
	}{
		{"", 5, ""},
		{"short", 5, "short"},
		{"longer", 5, "longe…"},
		{"a  b\r\n\tc", 20, "a b c"},
		{" a ", 20, "a"},
		{"a\x00\x1b[31mb", 20, "a [31mb"},
		{"a\u2028b\u2029c\u0085d\u009be\u202ef\u00a0g", 40, "a b c d e f g"},
		{"äöü", 2, "ä…"},
		{"äöü", 3, "ä…"}, // in the middle of ö
		{"äöü", 4, "äö…"},
		{"€€", 4, "€…"},
		{"€€", 5, "€…"},
		{"😀😀", 5, "😀…"},
		{"😀😀", 7, "😀…"},
		{"😀", 3, "…"},
		{"a\xffb", 10, "ab"},
		{"\xff\xfe", 10, ""},
		{"ab cd", 3, "ab…"},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%q %d", tt.text, tt.limit), func(t *testing.T) {
			t.Parallel()
			got := shorten(tt.text, tt.limit)
			if got != tt.want || !utf8.ValidString(got) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestMessage(t *testing.T) {
	t.Parallel()
	client := New(Config{Headers: map[string]Secret{"A": NewSecret("hunter2"), "B": NewSecret("hunter2 and more"), "C": {}, "D": NewSecret("two  spaces\tand a tab"), "E": NewSecret("1"), "F": NewSecret("on")}})
	tests := []struct{ body, want string }{
		{"", ""},
		{" \n ", ""},
		{"Not found", "Not found"},
		{"token name already exists, ci\n", "token name already exists, ci"},
		{`{"error": "the request was not authenticated"}`, "the request was not authenticated"},
		{`{"error":"query error: database not found: nope","data":null}`, "query error: database not found: nope"},
		{`{"error":""}`, `{"error":""}`},
		{`{"error":{"code":1}}`, `{"error":{"code":1}}`},
		{`{"message":"x"}`, `{"message":"x"}`},
		{"<html><h1>502</h1>", "an HTML page, which is not InfluxDB's answer"},
		{"\r\n <!DOCTYPE html>", "an HTML page, which is not InfluxDB's answer"},
		{`{"error":"<b>no</b>"}`, "an HTML page, which is not InfluxDB's answer"},
		{"pass hunter2", "pass [redacted]"},
		{"pass hunter2 and more", "pass [redacted]"},
		{"pass hun\xffter2", "pass [redacted]"},
		{"pass hunter2\nand   more", "pass [redacted]"},
		{"pass two  spaces\tand a tab", "pass [redacted]"},
		{"pass two spaces and a tab", "pass [redacted]"},
		{"connection to 127.0.0.1:8181", "connection to 127.0.0.1:8181"}, // no header's value
		{"pass mytoken", "pass [redacted]"},
		{`{"error":"my\u0074oken"}`, "[redacted]"},
		{"other " + someToken + "!", "other [redacted]!"},
		{"other apiv3_x", "other [redacted]"},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%.40q", tt.body), func(t *testing.T) {
			t.Parallel()
			if got := client.message([]byte(tt.body), NewSecret("mytoken")); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestCause(t *testing.T) {
	t.Parallel()
	client := New(Config{Headers: map[string]Secret{"A": NewSecret("hunter2")}})
	plain := errors.New("connection refused")
	if got := client.cause(plain, Secret{}); got != plain { //nolint:errorlint // the very same
		t.Errorf("got %v", got)
	}
	quoting := errors.New(`malformed "hunter2" and "mytoken"`)
	got := client.cause(quoting, NewSecret("mytoken"))
	if got.Error() != `malformed "[redacted]" and "[redacted]"` || !errors.Is(got, quoting) {
		t.Errorf("got %v", got)
	}
}

func TestClassify(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		status        int
		body          string
		reads, writes Kind
	}{
		{300, "", KindRedirect, KindRedirect},
		{399, "", KindRedirect, KindRedirect},
		{401, "", KindUnauthorized, KindUnauthorized},
		{401, "<html>", KindUnexpected, KindUnexpected},
		{402, "", KindRefused, KindRefused},
		{407, "", KindUnexpected, KindUnexpected},
		{408, "", KindUnexpected, KindOutcomeUnknown},
		{429, "", KindBusy, KindOutcomeUnknown},
		{499, "", KindRefused, KindRefused},
		{500, "", KindUnexpected, KindOutcomeUnknown},
		{503, "", KindBusy, KindOutcomeUnknown},
		{999, "", KindUnexpected, KindOutcomeUnknown},
	} {
		if got := classify(tt.status, []byte(tt.body), false); got != tt.reads {
			t.Errorf("%d %s to a read is %d, want %d", tt.status, tt.body, got, tt.reads)
		}
		if got := classify(tt.status, []byte(tt.body), true); got != tt.writes {
			t.Errorf("%d %s to a change is %d, want %d", tt.status, tt.body, got, tt.writes)
		}
	}
}

func TestSameHash(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		a, b string
		want bool
	}{
		{"0123456789", "0123456789", true}, {"0123456789", "012345678", true}, {"0123456789", "0123456780", false},
		{"", "", false}, {"", "0123456789", false}, {"0123456789", "", false},
	} {
		if got := SameHash(tt.a, tt.b); got != tt.want {
			t.Errorf("%q and %q: %t", tt.a, tt.b, got)
		}
	}
}
