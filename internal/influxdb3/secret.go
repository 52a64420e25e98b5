package influxdb3

import (
	"crypto/sha512"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
)

const redacted = "[redacted]"

// Secret is a value that must not be printed: a token, a header's value. It
// prints as "[redacted]" through fmt, slog and the encoders; only Reveal hands
// the value out.
//
// The value sits in a closure because fmt reads unexported string fields of a
// surrounding struct by reflection, past every method.
type Secret struct {
	reveal func() string
}

// NewSecret wraps a value.
func NewSecret(value string) Secret {
	return Secret{reveal: func() string { return value }}
}

// Reveal returns the value itself, "" for the zero Secret.
func (s Secret) Reveal() string {
	if s.reveal == nil {
		return ""
	}
	return s.reveal()
}

// IsEmpty says whether there is nothing to keep secret.
func (s Secret) IsEmpty() bool { return s.Reveal() == "" }

// Equal compares two secrets in constant time.
func (s Secret) Equal(other Secret) bool {
	return subtle.ConstantTimeCompare([]byte(s.Reveal()), []byte(other.Reveal())) == 1
}

// Hash returns the first nine hex digits of the SHA-512 of the value, which is
// what the server lists for a token (recorded), "" for an empty Secret. It is no
// secret.
func (s Secret) Hash() string {
	if s.IsEmpty() {
		return ""
	}
	sum := sha512.Sum512([]byte(s.Reveal()))
	return hex.EncodeToString(sum[:(hashDigits+1)/2])[:hashDigits]
}

// SameHash compares hashes by the digits that both have: how many of them a server
// lists is its own choice. An empty one is like no other.
func SameHash(a, b string) bool {
	n := min(len(a), len(b))
	return n > 0 && a[:n] == b[:n]
}

// hashDigits is how many hex digits of a SHA-512 the server lists (recorded).
const hashDigits = 9

// String implements fmt.Stringer.
func (Secret) String() string { return redacted }

// GoString implements fmt.GoStringer.
func (Secret) GoString() string { return redacted }

// Format implements fmt.Formatter, for the verbs that ask neither String nor
// GoString (%x, %d).
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue implements slog.LogValuer.
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText implements encoding.TextMarshaler, which JSON uses too.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }
