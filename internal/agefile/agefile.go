// Package agefile keeps secrets as age files, which only the holders of an identity can
// read (https://age-encryption.org/v1).
package agefile

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"filippo.io/age"
	"filippo.io/age/agessh"
	"filippo.io/age/armor"
	"golang.org/x/crypto/ssh"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3"
)

// Recipients are those who can read what is encrypted.
type Recipients []age.Recipient

// ParseRecipients reads public keys: X25519 (age1…), hybrid post-quantum ones
// (age1pq1…), and SSH keys. Its errors name the place in the list and never quote: an
// identity may have been pasted. Hybrid keys cannot be mixed with others, because they
// would be of no use then.
func ParseRecipients(texts []string) (Recipients, error) {
	var all Recipients
	for i, text := range texts {
		recipient, err := parseRecipient(text)
		if err != nil {
			return nil, fmt.Errorf("recipient %d of %d %w", i+1, len(texts), err)
		}
		all = append(all, recipient)
	}
	if len(all) == 0 {
		return nil, errors.New("there is no recipient")
	}
	// Whether several go together is found out by using them. One by itself does, and a
	// plan of a thousand tokens parses it a thousand times.
	if len(all) == 1 {
		return all, nil
	}
	if _, err := all.Encrypt(influxdb3.NewSecret("x")); err != nil {
		return nil, errors.New("the recipients cannot be used together: hybrid ones (age1pq1…) do not mix with others")
	}
	return all, nil
}

// What a recipient is, for errors.
const recipientForms = "it takes a public key such as age1…, age1pq1…, ssh-ed25519 AAAA… or ssh-rsa AAAA…"

func parseRecipient(text string) (recipient age.Recipient, err error) {
	switch {
	case HoldsIdentity(text):
		return nil, errors.New("is an identity, the private key, and was shown to whoever can read the configuration: make another one, and put the public key here")
	case strings.HasPrefix(text, "ssh-"):
		recipient, err = agessh.ParseRecipient(text)
	case strings.HasPrefix(text, "age1pq1"):
		recipient, err = age.ParseHybridRecipient(text)
	case strings.HasPrefix(text, "age1") && strings.Count(text, "1") > 1: // age1NAME1…; data of Bech32 has no 1
		return nil, errors.New("is for a plugin of age, which the provider cannot run; " + recipientForms)
	case strings.HasPrefix(text, "age1"):
		recipient, err = age.ParseX25519Recipient(text)
	default:
		err = errors.New("unknown")
	}
	if err != nil { // it may quote the text
		return nil, errors.New("is no recipient of age; " + recipientForms)
	}
	return recipient, nil
}

// HoldsIdentity says whether a text looks like a private key.
func HoldsIdentity(text string) bool {
	return strings.Contains(strings.ToUpper(text), "AGE-SECRET-KEY-") || strings.Contains(text, "PRIVATE KEY-----")
}

// Encrypt returns an armored age file with the secret. It is another one every time.
func (r Recipients) Encrypt(secret influxdb3.Secret) (string, error) {
	var text strings.Builder
	armored := armor.NewWriter(&text)
	file, err := age.Encrypt(armored, r...)
	if err != nil {
		return "", err
	}
	if _, err := io.WriteString(file, secret.Reveal()); err != nil {
		return "", err
	}
	if err := errors.Join(file.Close(), armored.Close()); err != nil {
		return "", err
	}
	return text.String(), nil
}

// Identities are private keys.
type Identities []age.Identity

// ParseIdentities reads private keys as they are in a file: one or more lines of age, or
// one SSH key in PEM. Its errors never quote.
func ParseIdentities(text influxdb3.Secret) (Identities, error) {
	content := strings.TrimSpace(text.Reveal())
	switch {
	case strings.HasPrefix(content, "age-encryption.org/"), strings.HasPrefix(content, armor.Header):
		return nil, errors.New("it is protected with a passphrase, which the provider cannot ask for; decrypt it with `age -d` first")
	case strings.HasPrefix(content, "-----BEGIN "):
		identity, err := agessh.ParseIdentity([]byte(content + "\n"))
		var passphrase *ssh.PassphraseMissingError
		if errors.As(err, &passphrase) {
			return nil, errors.New("it is an SSH key that is protected with a passphrase, which the provider cannot ask for")
		}
		if err != nil {
			return nil, errors.New("it is no SSH key that age can use (ed25519 or RSA)")
		}
		return Identities{identity}, nil
	}
	identities, err := age.ParseIdentities(strings.NewReader(content))
	if err != nil {
		return nil, errors.New("it holds no identity of age; it takes lines such as AGE-SECRET-KEY-1…, as age-keygen writes them, or an SSH private key")
	}
	return identities, nil
}

// Recipient is the public key of the first identity that has one in text, "" if none
// does: that of an SSH key is known to its holder in another file.
func (i Identities) Recipient() string {
	for _, identity := range i {
		switch identity := identity.(type) {
		case *age.X25519Identity:
			return identity.Recipient().String()
		case *age.HybridIdentity:
			return identity.Recipient().String()
		}
	}
	return ""
}

// Decrypt reads an armored age file. Its errors do not quote it.
func (i Identities) Decrypt(armored string) (influxdb3.Secret, error) {
	if len(i) == 0 {
		return influxdb3.Secret{}, errors.New("there is no identity to decrypt it with")
	}
	file, err := age.Decrypt(armor.NewReader(strings.NewReader(armored)), i...)
	var none *age.NoIdentityMatchError
	if errors.As(err, &none) {
		return influxdb3.Secret{}, errors.New("it is not encrypted for any of the identities that there are")
	}
	if err != nil {
		return influxdb3.Secret{}, errors.New("it is no age file")
	}
	secret, err := io.ReadAll(io.LimitReader(file, maxSecret))
	if err != nil {
		return influxdb3.Secret{}, errors.New("the age file is damaged")
	}
	return influxdb3.NewSecret(string(secret)), nil
}

// maxSecret bounds what is read of an age file, in bytes. A token has 92.
const maxSecret = 1 << 16
