package agefile_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/pem"
	"io"
	"strings"
	"testing"

	"filippo.io/age"
	"filippo.io/age/armor"
	"golang.org/x/crypto/ssh"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/agefile"
	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3"
)

const token = "apiv3_a-token-that-nobody-else-may-read"

// keyPair is a recipient with its identity, as they are written down.
type keyPair struct{ recipient, identity string }

// must is for what cannot fail in a test.
func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func x25519() keyPair {
	i := must(age.GenerateX25519Identity())
	return keyPair{i.Recipient().String(), i.String()}
}

func hybrid() keyPair {
	i := must(age.GenerateHybridIdentity())
	return keyPair{i.Recipient().String(), i.String()}
}

func sshKey(public, private any, passphrase string) keyPair {
	block := must(ssh.MarshalPrivateKey(private, ""))
	if passphrase != "" {
		block = must(ssh.MarshalPrivateKeyWithPassphrase(private, "", []byte(passphrase)))
	}
	authorized := ssh.MarshalAuthorizedKey(must(ssh.NewPublicKey(public)))
	return keyPair{strings.TrimSpace(string(authorized)) + " me@example.com", string(pem.EncodeToMemory(block))}
}

func sshEd25519(passphrase string) keyPair {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	return sshKey(public, must(private, err), passphrase)
}

func sshRSA() keyPair {
	private := must(rsa.GenerateKey(rand.Reader, 2048))
	return sshKey(&private.PublicKey, private, "")
}

func TestEncrypt(t *testing.T) {
	t.Parallel()
	stranger := must(agefile.ParseIdentities(influxdb3.NewSecret(x25519().identity)))
	for name, pair := range map[string]keyPair{
		"X25519": x25519(), "hybrid": hybrid(), "SSH ed25519": sshEd25519(""), "SSH RSA": sshRSA(),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			recipients, err := agefile.ParseRecipients([]string{pair.recipient})
			if err != nil {
				t.Fatal(err)
			}
			// A file with comments and a line break at its end, as it is written.
			file := pair.identity + "\n"
			if !strings.HasPrefix(file, "-----") {
				file = "# created: today\n# public key: " + pair.recipient + "\n" + file
			}
			identities, err := agefile.ParseIdentities(influxdb3.NewSecret(file))
			if err != nil {
				t.Fatal(err)
			}
			one, two := must(recipients.Encrypt(influxdb3.NewSecret(token))), must(recipients.Encrypt(influxdb3.NewSecret(token)))
			if one == two || strings.Contains(one, token) || !strings.HasPrefix(one, armor.Header+"\n") || !strings.HasSuffix(one, armor.Footer+"\n") {
				t.Errorf("not an armored file of its own: %q", one)
			}
			if got := must(identities.Decrypt(one)); got.Reveal() != token {
				t.Error("what is decrypted is not the token")
			}
			if _, err := stranger.Decrypt(one); err == nil || !strings.Contains(err.Error(), "not encrypted for any of the identities") {
				t.Errorf("a stranger gets %v", err)
			}
			if got, want := identities.Recipient(), pair.recipient; got != want && !strings.HasPrefix(want, "ssh-") || got != "" && strings.HasPrefix(want, "ssh-") {
				t.Errorf("the recipient is %q, want that of the identity", got)
			}
		})
	}
}

// Each of several recipients can read, with one of several identities.
func TestEncrypt_several(t *testing.T) {
	t.Parallel()
	one, two, other := x25519(), sshEd25519(""), x25519()
	encrypted := must(must(agefile.ParseRecipients([]string{one.recipient, two.recipient})).Encrypt(influxdb3.NewSecret(token)))
	for _, file := range []string{one.identity, two.identity, other.identity + "\n" + one.identity} {
		if got, err := must(agefile.ParseIdentities(influxdb3.NewSecret(file))).Decrypt(encrypted); err != nil || got.Reveal() != token {
			t.Errorf("got %v", err)
		}
	}
}

// What is no recipient is refused, and never shown: it can be an identity.
func TestParseRecipients_refused(t *testing.T) {
	t.Parallel()
	good, pq, locked := x25519(), hybrid(), sshEd25519("")
	curve := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	unsupported := sshKey(&curve.PublicKey, curve, "")
	for name, test := range map[string]struct {
		texts []string
		want  string
	}{
		"nothing":           {nil, "there is no recipient"},
		"empty":             {[]string{good.recipient, ""}, "recipient 2 of 2 is no recipient of age; it takes a public key"},
		"identity":          {[]string{good.identity}, "is an identity, the private key"},
		"hybrid identity":   {[]string{pq.identity}, "is an identity, the private key"},
		"SSH private key":   {[]string{locked.identity}, "is an identity, the private key"},
		"cut short":         {[]string{good.recipient[:40]}, "is no recipient of age"},
		"upper case":        {[]string{strings.ToUpper(good.recipient)}, "is no recipient of age"},
		"plugin":            {[]string{"age1yubikey1qwt50d05nh5vutpdzmlg5wn80xq5negm4uj9ghv0snvdd3yysf5yw3rhl3t"}, "is for a plugin of age"},
		"passphrase":        {[]string{"correct horse battery staple"}, "is no recipient of age"},
		"SSH ECDSA":         {[]string{unsupported.recipient}, "is no recipient of age"},
		"hybrid and others": {[]string{good.recipient, pq.recipient}, "hybrid ones (age1pq1…) do not mix with others"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := agefile.ParseRecipients(test.texts)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
			for _, text := range test.texts {
				if len(text) > 10 && err != nil && strings.Contains(err.Error(), text[len(text)-10:]) {
					t.Errorf("the error quotes what it got: %v", err)
				}
			}
		})
	}
}

func TestParseIdentities_refused(t *testing.T) {
	t.Parallel()
	good := x25519()
	var protected, armored bytes.Buffer
	writer := must(age.Encrypt(&protected, must(age.NewScryptRecipient("secret"))))
	_ = must(io.WriteString(writer, good.identity))
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	wrapped := armor.NewWriter(&armored)
	_ = must(wrapped.Write(protected.Bytes()))
	if err := wrapped.Close(); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct{ text, want string }{
		"empty":                   {"", "it holds no identity of age"},
		"recipient":               {good.recipient, "it holds no identity of age"},
		"cut short":               {good.identity[:60], "it holds no identity of age"},
		"comments alone":          {"# public key: age1\n", "it holds no identity of age"},
		"passphrase":              {protected.String(), "it is protected with a passphrase"},
		"passphrase, armored":     {armored.String(), "it is protected with a passphrase"},
		"SSH key with passphrase": {sshEd25519("secret").identity, "an SSH key that is protected with a passphrase"},
		"certificate":             {"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n", "it is no SSH key that age can use"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := agefile.ParseIdentities(influxdb3.NewSecret(test.text))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
			if len(test.text) > 20 && err != nil && strings.Contains(err.Error(), test.text[5:20]) {
				t.Errorf("the error quotes what it got: %v", err)
			}
		})
	}
}

func TestDecrypt_damaged(t *testing.T) {
	t.Parallel()
	pair := x25519()
	identities := must(agefile.ParseIdentities(influxdb3.NewSecret(pair.identity)))
	good := must(must(agefile.ParseRecipients([]string{pair.recipient})).Encrypt(influxdb3.NewSecret(token)))
	lines := strings.Split(strings.TrimSpace(good), "\n")
	last := len(lines) - 2
	changed := []byte(lines[last])
	changed[0] ^= 1
	lines[last] = string(changed)
	for name, test := range map[string]struct {
		identities agefile.Identities
		text, want string
	}{
		"no identity": {nil, good, "no identity to decrypt it with"},
		"empty":       {identities, "", "it is no age file"},
		"cut short":   {identities, good[:200], "it is no age file"},
		"changed":     {identities, strings.Join(lines, "\n") + "\n", "damaged"},
		"plain":       {identities, token, "it is no age file"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			secret, err := test.identities.Decrypt(test.text)
			if err == nil || !strings.Contains(err.Error(), test.want) || !secret.IsEmpty() {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

func BenchmarkEncrypt(b *testing.B) {
	for name, pair := range map[string]keyPair{"X25519": x25519(), "hybrid": hybrid(), "SSH RSA": sshRSA()} {
		recipients := must(agefile.ParseRecipients([]string{pair.recipient}))
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				_ = must(recipients.Encrypt(influxdb3.NewSecret(token)))
			}
		})
	}
}
