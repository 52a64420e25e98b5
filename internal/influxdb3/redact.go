package influxdb3

import (
	"encoding/base64"
	"encoding/json"
	"html"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/http/httpproxy"
)

// What somebody else says can hold what was sent: an echo of a proxy, an error of
// net/http that quotes an answer. The secrets of a configuration are looked for in
// it whole and in parts. A part of less than minSecret bytes stays: it is in every
// other word, and taking it out would only show where it is.

// secrets returns all that must not be shown of a configuration and its proxies.
func secrets(config Config, proxies *httpproxy.Config) (found []Secret) {
	var values []string
	for _, value := range config.Headers {
		values = append(values, headerSecrets(value.Reveal())...)
	}
	values = append(values, proxySecrets(proxies.HTTPProxy)...)
	values = append(values, proxySecrets(proxies.HTTPSProxy)...)
	slices.Sort(values)
	for _, value := range slices.Compact(values) {
		found = append(found, NewSecret(value))
	}
	return found
}

// headerSecrets returns a header's value and each of its parts.
func headerSecrets(value string) []string {
	_, credential, _ := strings.Cut(value, " ") // behind a scheme
	values := []string{value, credential}
	fields := strings.FieldsFunc(value, anyOf(" \t,;\"'"))
	for i, field := range fields {
		if i > 0 && strings.EqualFold(fields[i-1], "Basic") {
			values = append(values, basicSecrets(field)...)
		}
		values = append(values, field)
		name, named, _ := strings.Cut(field, "=")
		values = append(values, named)
		isName := strings.Trim(named, "=") != "" && plainName.MatchString(name) // it tells what a value is for
		for _, part := range strings.FieldsFunc(field, anyOf("=:")) {
			if !isName || part != name {
				values = append(values, strings.TrimLeft(part, "/"))
			}
		}
	}
	return slices.DeleteFunc(values, func(value string) bool { return slices.Contains(notSecret, strings.ToLower(value)) })
}

// plainName is the name of a cookie or of a parameter.
var plainName = regexp.MustCompile(`^[A-Za-z_-]+$`)

// notSecret are words of headers that tell nothing, in lower case.
var notSecret = []string{"basic", "bearer", "digest", "token", "http", "https"}

func anyOf(characters string) func(rune) bool {
	return func(r rune) bool { return strings.ContainsRune(characters, r) }
}

// basicSecrets returns what is in the credential of the scheme Basic.
func basicSecrets(credential string) []string {
	credential = strings.TrimRight(credential, "=")
	for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		if login, err := encoding.DecodeString(credential); err == nil {
			user, password, _ := strings.Cut(string(login), ":")
			return []string{string(login), user, password}
		}
	}
	return nil
}

// proxySecrets returns the login in the address of a proxy, as it is written there
// and as it is sent.
func proxySecrets(proxy string) []string {
	rest := proxy
	if _, behind, ok := strings.Cut(proxy, "://"); ok {
		rest = behind
	}
	end := strings.LastIndex(rest, "@") // all before it, even if that is no URL
	if end < 0 {
		return nil
	}
	login := rest[:end]
	user, password, _ := strings.Cut(login, ":")
	values := []string{login, user, password}
	if plain, err := url.PathUnescape(user); err == nil {
		user = plain
	}
	if plain, err := url.PathUnescape(password); err == nil {
		password = plain
	}
	sent := base64.StdEncoding.EncodeToString([]byte(user + ":" + password))
	return append(values, user, password, user+":"+password, sent, strings.TrimRight(sent, "="))
}

// spellings returns a value as it is, as net/http quotes it, and as answers of other
// software have it in JSON, HTML and addresses.
func spellings(value string) []string {
	quoted := strconv.Quote(value)
	inJSON, _ := json.Marshal(value) // a string has no error; & < > are escaped
	all := []string{value, quoted[1 : len(quoted)-1], string(inJSON[1 : len(inJSON)-1]), strings.ReplaceAll(value, "/", `\/`), html.EscapeString(value)}
	for _, escaped := range []string{url.QueryEscape(value), url.PathEscape(value)} {
		all = append(all, escaped, lowerEscapes(escaped))
	}
	return all
}

// lowerEscapes writes the escapes of an address as some servers do.
func lowerEscapes(escaped string) string {
	return percentEscape.ReplaceAllStringFunc(escaped, strings.ToLower)
}

var percentEscape = regexp.MustCompile(`%[0-9A-F]{2}`)

// redact takes the secrets out of one line.
func (c *Client) redact(text string, token Secret) string {
	var values []string
	for _, secret := range append([]Secret{token}, c.secrets...) {
		values = append(values, spellings(oneLine(secret.Reveal()))...)
	}
	// The longest first: one may be the beginning of another.
	slices.SortFunc(values, func(a, b string) int { return len(b) - len(a) })
	for _, value := range values {
		if len(value) >= minSecret {
			text = strings.ReplaceAll(text, value, redacted)
		}
	}
	return anyToken.ReplaceAllString(text, redacted)
}
