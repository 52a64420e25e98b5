package influxdb3

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
)

// NewOfflineToken makes a token in the form of the server's own, without a server:
// apiv3_ and 64 random bytes in base64url without padding, 92 characters (recorded). It
// is good once a server has started with it in its token file.
func NewOfflineToken() Secret {
	var random [64]byte
	_, _ = rand.Read(random[:]) // it never fails, crypto/rand documents
	return NewSecret("apiv3_" + base64.RawURLEncoding.EncodeToString(random[:]))
}

// AdminTokenFile is the content of a file for --admin-token-file (3.4 and later) that
// makes a token the operator token, as `influxdb3 create token --admin --offline` writes
// it (from its source). It has no expiry: one would stay with the operator token for
// ever, through every regeneration (recorded).
func AdminTokenFile(token Secret) Secret {
	// A struct with two strings can be marshalled.
	content, _ := json.MarshalIndent(struct {
		Token string `json:"token"`
		Name  string `json:"name"`
	}{token.Reveal(), OperatorTokenName}, "", "  ")
	return NewSecret(string(content) + "\n")
}
