package influxdb3

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"
)

// seed adds the recorded replies that are wanted.
func seed(f *testing.F, wanted func(recordedStep) bool, add func(recordedStep)) {
	f.Helper()
	added := 0
	for _, step := range recordedSteps(f) {
		if wanted(step) {
			added++
			add(step)
		}
	}
	if added == 0 {
		f.Fatal("the recordings have nothing to begin with")
	}
}

func FuzzDecodeToken(f *testing.F) {
	seed(f, func(s recordedStep) bool { return s.mints() || s.Reply.Status == 200 }, func(s recordedStep) { f.Add([]byte(s.Reply.Body)) })
	f.Add([]byte(`{"id":"` + someToken + `","token":"` + someToken + `"}`))
	f.Add([]byte(`{"token":"` + someToken + `","expiry":"` + someToken + `"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		token, err := decodeToken(body)
		if (token == nil) == (err == nil) {
			t.Fatalf("got %v, %v", token, err)
		}
		partial := partialToken(body, OperatorTokenName).Reveal()
		if partial != "" && (len(partial) != 92 || !ValidToken(partial) || !strings.Contains(string(body), `"`+partial+`"`)) {
			t.Errorf("the partial token %q is not in the body", partial)
		}
		if err != nil {
			// Whatever the token is, its error is made of the length of the body only.
			if got := err.Error(); got != "the JSON has no usable token" && got != fmt.Sprintf("the body of %d bytes is not the JSON of a token", len(body)) {
				t.Errorf("the error is %q", got)
			}
			for _, text := range tokensIn(body) {
				if len(text) > 5 && strings.Contains(err.Error(), text) {
					t.Errorf("the error shows %q", text)
				}
			}
			return
		}
		value := token.Secret.Reveal()
		if !ValidToken(value) || token.Secret.Hash() == "" {
			t.Errorf("%q is not valid", value)
		}
		if !slices.Contains(tokensIn(body), value) {
			t.Errorf("%q is not in the body", value)
		}
		if token.ExpiresAt != nil && token.ExpiresAt.Location() != time.UTC || token.CreatedAt.Location() != time.UTC {
			t.Error("a time is not in UTC")
		}
		for _, text := range []string{fmt.Sprintf("%v", token.Secret), fmt.Sprintf("%#v", struct{ secret Secret }{token.Secret})} {
			if len(value) > 20 && strings.Contains(text, value) {
				t.Errorf("%q shows the token", text)
			}
		}
	})
}

// tokensIn returns what any spelling of the field token holds, read another way than decodeToken does.
func tokensIn(body []byte) []string {
	var fields []string
	decoder := json.NewDecoder(strings.NewReader(string(body)))
	depth, key, isKey := 0, "", false
	for {
		token, err := decoder.Token()
		if err != nil {
			return fields
		}
		switch token := token.(type) {
		case json.Delim:
			if token == '{' || token == '[' {
				depth++
			} else {
				depth--
			}
			isKey = depth == 1
		case string:
			switch {
			case depth == 1 && isKey:
				key, isKey = token, false
				continue
			case depth == 1 && strings.EqualFold(key, "token"):
				fields = append(fields, token)
			}
			isKey = depth == 1
		default:
			isKey = depth == 1
		}
	}
}

func FuzzDecodeListing(f *testing.F) {
	seed(f, func(s recordedStep) bool { return strings.HasPrefix(s.Request.Target, queryPath) }, func(s recordedStep) { f.Add([]byte(s.Reply.Body)) })
	f.Add([]byte("null"))
	f.Fuzz(func(t *testing.T, body []byte) {
		rows, err := decodeListing(body)
		if (rows == nil) == (err == nil) {
			t.Fatalf("got %v, %v", rows, err)
		}
		if err != nil {
			assertLine(t, err.Error())
			return
		}
		var raw []json.RawMessage
		if err := json.Unmarshal(body, &raw); err != nil || len(raw) != len(rows) {
			t.Fatalf("%d rows of %d, %v", len(rows), len(raw), err)
		}
		// Written as the server writes it and read again, it is the same.
		again, err := decodeListing(writeListing(t, rows))
		if err != nil || len(again) != len(rows) {
			t.Fatalf("%d rows the second time, %v", len(again), err)
		}
		for i := range rows {
			a, b := rows[i], again[i]
			if a.ID != b.ID || a.Name != b.Name || a.Hash != b.Hash || a.Permissions != b.Permissions || !a.CreatedAt.Equal(b.CreatedAt) || !same(a.UpdatedAt, b.UpdatedAt) || !same(a.ExpiresAt, b.ExpiresAt) {
				t.Errorf("row %d is %+v, then %+v", i, a, b)
			}
		}
		listing := Listing{Tokens: rows}
		for _, row := range rows {
			if found := listing.Find(row.Name); found == nil || found.Name != row.Name {
				t.Errorf("%q is not found", row.Name)
			}
		}
	})
}

func same(a, b *time.Time) bool { return (a == nil) == (b == nil) && (a == nil || a.Equal(*b)) }

func writeListing(t *testing.T, rows []TokenInfo) []byte {
	t.Helper()
	out := make([]map[string]any, 0, len(rows))
	for _, row := range rows {
		fields := map[string]any{"token_id": row.ID, "name": row.Name, "hash": row.Hash, "created_at": writeTime(row.CreatedAt), "permissions": row.Permissions}
		for name, value := range map[string]*time.Time{"updated_at": row.UpdatedAt, "expiry": row.ExpiresAt} {
			if value != nil {
				fields[name] = writeTime(*value)
			}
		}
		out = append(out, fields)
	}
	encoded, err := json.Marshal(out)
	if err != nil {
		t.Fatal(err)
	}
	return encoded
}

// writeTime writes a time as the listing has it.
func writeTime(t time.Time) string {
	text := t.Format("-01-02T15:04:05.999999999")
	if t.Year() > 9999 {
		return fmt.Sprintf("+%d%s", t.Year(), text)
	}
	return fmt.Sprintf("%04d%s", t.Year(), text)
}

func FuzzErrorBody(f *testing.F) {
	const header = "Basic dXNlcjpwYXNzd29yZA== and a half"
	seed(f, func(s recordedStep) bool { return s.Reply.Status >= 400 || s.Reply.Status == 0 }, func(s recordedStep) {
		f.Add(s.Reply.Status, []byte(s.Reply.Body), true)
		f.Add(s.Reply.Status, []byte(s.Reply.Body), false)
	})
	for _, body := range []string{
		"Bearer " + someToken + ", " + header, `{"error":"` + someToken + `"}`, `{"error":"` + header + `"}`, "<html>" + header,
		header[:9] + "\xff" + header[9:], strings.Repeat("ä", 150) + "€", strings.ReplaceAll(header, " ", "\u2028"), strings.Repeat(header, 9),
	} {
		f.Add(401, []byte(body), true)
	}
	client := New(Config{Headers: map[string]Secret{"X-Proxy": NewSecret(header), "X-Empty": {}}})
	token := NewSecret("a-token-of-another-kind-0123456789")
	f.Fuzz(func(t *testing.T, status int, body []byte, changes bool) {
		// The secrets stand somewhere in the body, whole and torn.
		half := len(body) / 2
		for _, echoed := range []string{
			string(body),
			string(body[:half]) + token.Reveal() + string(body[half:]),
			string(body[:half]) + header + string(body[half:]),
			token.Reveal()[:7] + string(body) + token.Reveal()[7:],
			header[:11] + string(body) + header[11:],
			someToken + string(body),
		} {
			message := client.message([]byte(echoed), token)
			assertLine(t, message)
			for _, secret := range []string{token.Reveal(), header, someToken} {
				if strings.Contains(message, secret) {
					t.Errorf("%q shows %q", message, secret)
				}
			}
			if found := anyToken.FindString(message); found != "" {
				t.Errorf("%q shows %q", message, found)
			}
		}
		kind := classify(status, body, changes)
		if kind <= KindNotSent || kind > KindUnexpected {
			t.Errorf("%d is of kind %d", status, kind)
		}
		if kind == KindUnauthorized && (status != http.StatusUnauthorized || !knownRefusal(body)) {
			t.Errorf("%d %q is a refusal", status, body)
		}
		if (kind == KindOutcomeUnknown) != (changes && (status >= 500 || status == http.StatusRequestTimeout)) {
			t.Errorf("%d to a request that changes (%t) is of kind %d", status, changes, kind)
		}
		if knownRefusal(body) && len(body) > 0 && client.message(body, token) != "the request was not authenticated" {
			t.Errorf("%q is a refusal that says %q", body, client.message(body, token))
		}
	})
}

// assertLine fails unless a text is one short line that can be printed.
func assertLine(t *testing.T, text string) {
	t.Helper()
	if len(text) > 310 {
		t.Errorf("%d bytes: %q", len(text), text)
	}
	if !utf8.ValidString(text) {
		t.Errorf("%q is not UTF-8", text)
	}
	if strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
		t.Errorf("%q is not one printable line", text)
	}
}

func FuzzParseTime(f *testing.F) {
	seed(f, func(s recordedStep) bool { return s.mints() || s.lists() }, func(s recordedStep) {
		for _, text := range timesIn(s.Reply.Body) {
			f.Add(text)
		}
	})
	for _, text := range []string{"", "2026-02-30T00:00:00", "+12027-02-07T08:44:17.004", "0000-01-01T00:00:00Z", "2026-11-24T08:49:36.123456789", "+262142-12-31T23:59:59.999Z"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := parseTime(text)
		if err != nil {
			if !got.IsZero() {
				t.Errorf("%s comes with an error", got)
			}
			assertLine(t, err.Error())
			return
		}
		if got.Location() != time.UTC {
			t.Errorf("%s is not in UTC", got)
		}
		for _, zone := range []string{"", "Z"} {
			written := writeTime(got) + zone
			again, err := parseTime(written)
			if err != nil || !again.Equal(got) {
				t.Errorf("%q is %s; written as %q it is %s, %v", text, got, written, again, err)
			}
		}
		// What both can read, package time reads the same.
		if want, err := time.Parse("2006-01-02T15:04:05Z", strings.TrimSuffix(text, "Z")+"Z"); err == nil && !want.Equal(got) {
			t.Errorf("%q is %s, want %s", text, got, want)
		}
	})
}

func FuzzParseRetryAfter(f *testing.F) {
	now := at(2026, 11, 24, 12, 0, 0, 0)
	// The server sends none: the seeds are RFC 9110's.
	for _, text := range []string{"", "0", "1", "120", "-1", "2147483647", "2147483648", "99999999999999999999", "1.5", " 7 ", "Tue, 24 Nov 2026 12:00:30 GMT", "Tuesday, 24-Nov-26 12:01:00 GMT", "Tue Nov 24 13:00:00 2026", "Fri, 31 Dec 9999 23:59:59 GMT", "Thu, 01 Jan 1970 00:00:00 GMT"} {
		f.Add(text)
	}
	seed(f, func(s recordedStep) bool { return s.Reply.Status >= 400 }, func(s recordedStep) { f.Add(s.Reply.Body) })
	f.Fuzz(func(t *testing.T, text string) {
		got := parseRetryAfter(text, now)
		if got < 0 {
			t.Fatalf("%q is %s", text, got)
		}
		// Later there is as much or less to wait.
		if later := parseRetryAfter(text, now.Add(time.Hour)); later < 0 || later > got {
			t.Errorf("%q is %s, an hour later %s", text, got, later)
		}
		if got > 0 && !strings.ContainsFunc(text, unicode.IsDigit) {
			t.Errorf("%q is %s", text, got)
		}
		if want, err := http.ParseTime(strings.TrimSpace(text)); err == nil && got != max(0, want.Sub(now)) {
			t.Errorf("%q is %s, want %s", text, got, want.Sub(now))
		}
		// A wait from now on is not in the past for checkRetry.
		if end := time.Now().Add(got); end.Before(time.Now().Add(-time.Minute)) {
			t.Errorf("%q ends at %s", text, end)
		}
	})
}
