package lifecycle

import (
	"crypto/rand"
	"encoding/hex"
	"regexp"
	"strings"
	"time"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3"
)

// UniqueSuffixLength is the length of what makes a prefix a name, in bytes.
const UniqueSuffixLength = len(suffixTime) + 2*suffixRandom

const (
	suffixTime   = "20060102150405"
	suffixRandom = 5 // bytes, two hexadecimal digits each
)

var uniqueSuffix = regexp.MustCompile(`^[0-9]{14}[0-9a-f]{10}$`)

// UniqueSuffix makes a prefix a name that nobody else has. It sorts by the time at which
// it was made.
func UniqueSuffix(now time.Time) string {
	random := make([]byte, suffixRandom)
	_, _ = rand.Read(random) // it never fails: crypto/rand ends the process instead
	return now.UTC().Format(suffixTime) + hex.EncodeToString(random)
}

// isUniqueSuffix says whether UniqueSuffix can have made that.
func isUniqueSuffix(text string) bool {
	if !uniqueSuffix.MatchString(text) {
		return false
	}
	_, err := time.Parse(suffixTime, text[:len(suffixTime)])
	return err == nil
}

// Keeping is a resource that leaves its tokens on the server, and now, by the server's
// clock, makes another one.
type Keeping struct {
	Prefix string
	Kind   Kind
	Now    time.Time // zero if it is not known
}

// LeftOver says whether a listed token is one that such a resource has left and that is of
// no use to anybody any more. That of another resource with the very same prefix looks the
// same.
func (k Keeping) LeftOver(row influxdb3.TokenInfo) bool {
	suffix, ok := strings.CutPrefix(row.Name, k.Prefix)
	return k.Prefix != "" && ok && isUniqueSuffix(suffix) && KindOf(row) == k.Kind &&
		row.ExpiresAt != nil && !k.Now.IsZero() && !k.Now.Before(*row.ExpiresAt)
}
