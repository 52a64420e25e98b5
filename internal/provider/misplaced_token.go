package provider

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/agefile"
	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3"
)

// A token can end up in the wrong attribute or variable. What is said about that
// must neither quote it nor have the path of the attribute, because the CLI prints
// the line of configuration under a path.

// given are the tokens that this process was configured with. A validator knows
// its own attribute only, and a token need not look like one of the server's.
var given tokenList

type tokenList struct {
	mu   sync.Mutex
	list []influxdb3.Secret
}

func (l *tokenList) add(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	token := influxdb3.NewSecret(text)
	if text != "" && !slices.ContainsFunc(l.list, token.Equal) {
		l.list = append(l.list, token)
	}
}

// longToken is the length, in bytes, from which a token is looked for inside of
// other texts: a shorter one could be an ordinary word.
const longToken = 20

// in says whether a text is one of the tokens, or holds one.
func (l *tokenList) in(text string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	text = strings.ToLower(text) // the name of a header changes its case
	return slices.ContainsFunc(l.list, func(token influxdb3.Secret) bool {
		value := strings.ToLower(token.Reveal())
		return text == value || len(value) >= longToken && strings.Contains(text, value)
	})
}

// holdsToken says whether a text holds what looks like a token of the server's or like a
// private key, or is one that the provider was given.
func holdsToken(text string) bool {
	return strings.Contains(strings.ToLower(text), "apiv3_") || agefile.HoldsIdentity(text) || given.in(text)
}

// loggable keeps a token that was given in the wrong place out of a message.
func loggable(text string) string {
	if holdsToken(text) {
		return "[redacted]"
	}
	return text
}

// discreetly returns what there is to say about values of an attribute or variable,
// or another error in its place if a token is among them.
func discreetly(diags diag.Diagnostics, name string, values ...string) diag.Diagnostics {
	if len(diags) == 0 || !slices.ContainsFunc(values, holdsToken) {
		return diags
	}
	if slices.ContainsFunc(values, agefile.HoldsIdentity) {
		return diag.Diagnostics{diag.NewErrorDiagnostic("Private Key in the Wrong Place", misplacedIdentity(name))}
	}
	return diag.Diagnostics{diag.NewErrorDiagnostic("Token in the Wrong Place", misplacedToken(name))}
}

func misplacedToken(name string) string {
	return name + " holds what looks like a token, so its value is not shown here. A token does not belong there. " +
		"Put it into the attribute token of the provider block or into the environment variable " + envToken + "."
}

func misplacedIdentity(name string) string {
	return name + " holds what looks like a private key, so its value is not shown here. A private key does not belong there. " +
		"Put it into the attribute age_identity of the provider block or into the environment variable " + envAgeIdentity + "."
}

// discreet is a validator whose diagnostics show no token.
type discreet struct {
	validator.String
}

// ValidateString implements validator.String.
func (v discreet) ValidateString(ctx context.Context, req validator.StringRequest, resp *validator.StringResponse) {
	var inner validator.StringResponse
	v.String.ValidateString(ctx, req, &inner)
	resp.Diagnostics.Append(discreetly(inner.Diagnostics, req.Path.String(), req.ConfigValue.ValueString())...)
}
