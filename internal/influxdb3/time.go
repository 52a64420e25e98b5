package influxdb3

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// The two ways the server writes a time (recorded): RFC 3339 in UTC in replies
// about one token, and without a zone, meaning UTC, in listings. The fraction is
// left out when zero; years past 9999 have a sign and five or six digits.
var timePattern = regexp.MustCompile(`^(\+\d{5,6}|\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(\.\d{1,9})?Z?$`)

// parseTime reads a time as the server writes it. An error names the text.
func parseTime(text string) (time.Time, error) {
	m := timePattern.FindStringSubmatch(text)
	if m == nil {
		return time.Time{}, fmt.Errorf("%q is not a time as InfluxDB 3 writes it", shorten(text, 40))
	}
	var n [6]int
	for i := range n {
		n[i], _ = strconv.Atoi(strings.TrimPrefix(m[i+1], "+")) // digits by the pattern
	}
	nanos := 0
	if m[7] != "" {
		nanos, _ = strconv.Atoi((m[7][1:] + "00000000")[:9])
	}
	t := time.Date(n[0], time.Month(n[1]), n[2], n[3], n[4], n[5], nanos, time.UTC)
	// time.Date carries the 31st of February over into March.
	if t.Month() != time.Month(n[1]) || t.Day() != n[2] || t.Hour() != n[3] || t.Minute() != n[4] || t.Second() != n[5] {
		return time.Time{}, fmt.Errorf("%q is not a time that exists", text)
	}
	return t, nil
}

// parseRetryAfter reads a Retry-After header (RFC 9110): seconds or an HTTP
// date, the latter against now. 0 means that the header asks for nothing usable.
func parseRetryAfter(text string, now time.Time) time.Duration {
	text = strings.TrimSpace(text)
	if seconds, err := strconv.ParseUint(text, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	for _, layout := range []string{time.RFC1123, time.RFC850, time.ANSIC} {
		if t, err := time.Parse(layout, text); err == nil {
			return max(0, t.Sub(now))
		}
	}
	return 0
}
