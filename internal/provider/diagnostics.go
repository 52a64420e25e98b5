package provider

import (
	"errors"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/lifecycle"
)

// operation is what was attempted with the operator token.
type operation string

const (
	establishing operation = "Create Operator Token"
	replacing    operation = "Replace Operator Token"
	reading      operation = "Read Operator Token"
	regenerating operation = "Regenerate Operator Token"
	importing    operation = "Import Operator Token"
)

// The ways out that several diagnostics name.
const (
	wayRecovery = "start the server with --admin-token-recovery-http-bind 127.0.0.1:8182, set recovery_url (or INFLUXDB3_RECOVERY_URL) to http://127.0.0.1:8182"
	wayToken    = "give the provider a token that the server accepts (token, or INFLUXDB3_AUTH_TOKEN): the current operator token, or on InfluxDB 3 Core any named admin token"
)

// tokenIsDead says whether a failed rotation showed that the token in state is of
// no use any more.
func tokenIsDead(err error) bool {
	var known *lifecycle.Error
	return errors.As(err, &known) && (known.Problem == lifecycle.ProblemLost || known.Problem == lifecycle.ProblemAllRefused)
}

// operatorTokenProblem says of a failure what happened, what is true now and what
// to do next.
func operatorTokenProblem(op operation, err error, in *instance) diag.Diagnostic {
	var known *lifecycle.Error
	if !errors.As(err, &known) {
		return diag.NewErrorDiagnostic("Unable to "+string(op), err.Error())
	}
	now, next := explain(op, known, in)
	summary := "Unable to " + string(op)
	if known.Problem == lifecycle.ProblemLost {
		summary = "New Operator Token Was Lost"
	}
	return diag.NewErrorDiagnostic(summary, strings.Join([]string{sentence(known.Error()), now, next}, "\n\n"))
}

// explain returns what is true now and what to do.
func explain(op operation, err *lifecycle.Error, in *instance) (now, next string) {
	kept := "The token in state is kept as it was."
	if op == establishing || op == importing {
		kept = "Nothing was changed on the server."
	}
	switch err.Problem {
	case lifecycle.ProblemInterrupted:
		return "Nothing was sent. " + kept, "Apply again."
	case lifecycle.ProblemAuthenticationOff:
		return "It has no tokens to manage: every request is allowed. " + kept,
			"Start the server without --without-auth, or remove this resource from the configuration."
	case lifecycle.ProblemWrongServer:
		return "Nothing was changed on the server that answers, and the token in state is kept: it is still the one of the server that it was made on.",
			"If " + in.client.Endpoint() + " is the wrong address, correct the provider's url. If the server was rebuilt on purpose and the old token is of no use any more, " +
				"forget it with `terraform state rm` and apply again, which bootstraps the new server. `-refresh=false` plans the rest of the configuration without asking."
	case lifecycle.ProblemNoCredential:
		return "The secret of an existing token cannot be read back from the server. " + kept, existingTokenWays(op, err)
	case lifecycle.ProblemNotOperatorToken:
		return "The secret of the operator token cannot be read back with another token. " + kept, existingTokenWays(op, err)
	case lifecycle.ProblemAllRefused:
		return "Nothing was changed on the server. " + deadNow(op),
			"Do one of these and apply again, which then regenerates:\n" + bullets(capital(wayToken), capital(wayRecovery))
	case lifecycle.ProblemForbidden:
		return unchanged(op), "The server, or what stands in front of it, answered 403. On InfluxDB 3 Enterprise only the operator token may regenerate itself. Look at what is in between, and at which token the provider has; then apply again."
	case lifecycle.ProblemNotDone:
		return unchanged(op), "Remove the cause and apply again."
	case lifecycle.ProblemNoOperatorToken:
		return kept, noOperatorToken(op)
	case lifecycle.ProblemUnresolved:
		return unresolvedNow(op),
			"Apply again when the server can be reached. If the old token turns out to be dead then, a token of another name or the recovery listener heals it: " + wayToken + "; or " + wayRecovery + "."
	case lifecycle.ProblemLost:
		return lostNow(op), "Do one of these and apply again, which then regenerates:\n" + bullets(
			capital(wayRecovery)+lostConsent(op),
			"Give the provider a named admin token that the server accepts (token, or INFLUXDB3_AUTH_TOKEN)"+lostConsent(op))
	default:
		return "Nothing was changed on the server, as far as is known. " + kept, "Check the address (" + in.client.Endpoint() + "), what stands in front of the server, and that it runs; then run this again."
	}
}

func noOperatorToken(op operation) string {
	if op == importing {
		return "If the server is new, do not import: write the block alone, and an apply makes the token. If it runs with --without-auth, start it without."
	}
	return "If the server runs with --without-auth, start it without. If its operator token was deleted, forget the resource with `terraform state rm` and apply again, which creates another."
}

func unchanged(op operation) string {
	const server = "Nothing was changed on the server."
	switch op {
	case regenerating:
		return server + " The token in state is unchanged, and the rotation stays due."
	case replacing:
		return server + " The token in state is unchanged, and its replacement stays due."
	case reading:
		return server + " The token in state is kept as it was."
	default:
		return server
	}
}

func deadNow(op operation) string {
	if op == establishing {
		return "No token is in state."
	}
	return "The old token is kept in state with the status rejected, and the rotation stays due."
}

func unresolvedNow(op operation) string {
	if op == establishing {
		return "Either the server has no operator token yet, or one was made that nobody holds. No token is in state."
	}
	return "Either the old token is still valid, or a new one was made that nobody holds. The old one is kept in state, and what was due stays due."
}

func lostNow(op operation) string {
	if op == establishing {
		return "The server has an operator token whose secret nobody may hold: it was made by this request, or by somebody else just before. No token is in state."
	}
	return "The old token is dead, and nobody holds the new one. " + deadNow(op)
}

func lostConsent(op operation) string {
	if op == establishing {
		return ` and set existing_token = "regenerate"`
	}
	return ""
}

// existingTokenWays are the ways to get hold of an operator token that exists.
func existingTokenWays(op operation, err *lifecycle.Error) string {
	ways := []string{
		"If you hold the operator token, give it to the provider (token, or INFLUXDB3_AUTH_TOKEN): it is taken over as it is",
	}
	if op == establishing {
		if err.Problem == lifecycle.ProblemNotOperatorToken {
			ways = append(ways, `If it may be replaced, set existing_token = "regenerate": whoever holds the old one must get the new one`)
		} else {
			ways = append(ways, `If it may be replaced and you hold a named admin token, give that to the provider and set existing_token = "regenerate"`)
		}
		ways = append(ways,
			`If nobody holds it, `+wayRecovery+` and existing_token = "regenerate"`,
			"If the token is in this state already and was to be replaced, use `terraform untaint` and rotate by a trigger: with create_before_destroy, which a resource gets from those that depend on it, a replacement does not have it")
	} else {
		ways = append(ways, `If you do not, do not import: write the block with existing_token = "regenerate", and an apply regenerates the token with the provider's token or through recovery_url`)
	}
	return "Do one of these and run this again:\n" + bullets(ways...)
}

func bullets(lines ...string) string {
	return "  - " + strings.Join(lines, ".\n  - ") + "."
}

func sentence(text string) string { return capital(text) + "." }

func capital(text string) string {
	if text == "" {
		return text
	}
	return strings.ToUpper(text[:1]) + text[1:]
}

func deletionProtected() diag.Diagnostic {
	return diag.NewErrorDiagnostic("Operator Token Is Protected From Deletion",
		"This plan removes the operator token's resource, and the only copy of the token goes with it.\n\n"+
			"Nothing was changed.\n\n"+
			"If the block was renamed or moved (count, for_each, a module), tell Terraform with a moved block, and nothing happens to the token. "+
			"If it is meant to go, set deletion_protection = false, apply, and then remove it.")
}

// rotatedElsewhere is the error about a token that is dead while nothing asks for a
// new one. After an import a change of the triggers does not: it is recorded.
func rotatedElsewhere(imported bool) diag.Diagnostic {
	ways := []string{
		"Give the provider the current operator token (token, or INFLUXDB3_AUTH_TOKEN): if it is newer than the one in state, it is taken over, and nothing is regenerated. After a restore from a backup it is older, and one of the other ways is needed",
		`Consent: set existing_token = "regenerate", with a named admin token as the provider's token or with recovery_url`,
	}
	if !imported {
		ways = append(ways, "Change a value in rotation_triggers, with a named admin token as the provider's token or with recovery_url")
	}
	ways = append(ways, "Forget the token, if it is of no use any more: set deletion_protection = false, apply, and remove the block")
	return diag.NewErrorDiagnostic("Operator Token Was Regenerated Elsewhere",
		"The server refuses the operator token in state, so somebody else has regenerated it, or the reply with its successor was lost.\n\n"+
			"Nothing was called, and the old token is kept in state. It is not regenerated again without being asked for: somebody may hold the current one.\n\n"+
			"Do one of these and apply again:\n"+bullets(ways...))
}

func takenOver() diag.Diagnostic {
	return diag.NewWarningDiagnostic("Operator Token Was Regenerated Elsewhere",
		"The server refuses the operator token in state, and the provider's token is the new one. It is taken over into state; nothing is regenerated.")
}

func refusedWarning() diag.Diagnostic {
	return diag.NewWarningDiagnostic("Operator Token Is Refused",
		"The server refuses the operator token in state, so somebody else has regenerated it, or the reply with its successor was lost. "+
			"As of this refresh it is kept in state with the status rejected.")
}

func secondResource(in *instance) diag.Diagnostic {
	return diag.NewErrorDiagnostic("Second Resource for One Operator Token",
		"Another influxdb3_admin_token was created for "+in.client.Endpoint()+" in this run. A server has one operator token, and two resources would rotate it away from each other.\n\n"+
			"This one was not created, and nothing was changed on the server for it.\n\n"+
			"Keep one of the two. For a second server use a second provider block with an alias.")
}

func providerUnknown(in *instance) diag.Diagnostic {
	name := "configuration"
	if in != nil {
		name = in.unknown
	}
	return diag.NewErrorDiagnostic("Provider Is Not Configured Yet",
		fmt.Sprintf("The provider's %s is not known yet, because it comes from something that is still to be applied.\n\n"+
			"Nothing was called.\n\n"+
			"For a data source, add depends_on with the resource that it comes from; for an import, use a value that is known; or apply that resource first with -target.", name))
}

// asDiagnostics turns what an operator should know into warnings.
func asDiagnostics(warnings []lifecycle.Warning) (diags diag.Diagnostics) {
	for _, w := range warnings {
		diags.AddWarning(w.Summary, w.Detail)
	}
	return diags
}

// missingToken explains that the server accepts no token of the provider, to
// everything but the operator token's resource, which does not need one.
func missingToken(in *instance) string {
	if in.issuer().Credential.IsEmpty() {
		return "No token is configured. Put this behind a second provider block that has the operator token: alias it, and set its token = influxdb3_admin_token.operator.token. " +
			"Or give the provider a token that the server accepts (token, or INFLUXDB3_AUTH_TOKEN)."
	}
	return refusedToken
}

const refusedToken = "If this configuration rotates the operator token, and the provider's token was that one, it is dead since then. The way to keep it current without a hand is a second provider block: " +
	"alias it, set its token = influxdb3_admin_token.operator.token, and put every other resource and data source under it. " +
	"Until then, `-target` the operator token to repair it first. Otherwise give the provider a token that the server accepts (token, or INFLUXDB3_AUTH_TOKEN); a named admin token is not killed by rotations."

// issuedTokenProblem says of a failure with a token that is created and deleted by
// name what happened, what is true now and what to do next.
func issuedTokenProblem(verb, name string, err error, in *instance) diag.Diagnostic {
	summary := "Unable to " + verb + " Token"
	name = loggable(name)
	var known *lifecycle.Error
	if !errors.As(err, &known) {
		return diag.NewErrorDiagnostic(summary, err.Error())
	}
	now := fmt.Sprintf("Nothing was changed on the server for the token %q.", name)
	if verb == "Create" { // one of somebody else may have made room for it
		now = fmt.Sprintf("No token %q was made.", name)
	}
	next := "Check the address (" + in.client.Endpoint() + "), what stands in front of the server, and that it runs; then run this again."
	switch known.Problem {
	case lifecycle.ProblemNoCredential:
		next = missingToken(in)
	case lifecycle.ProblemInterrupted, lifecycle.ProblemNotDone:
		next = "Remove the cause and apply again."
	case lifecycle.ProblemAuthenticationOff:
		next = "The server runs without authentication and has no tokens to manage. Start it without --without-auth."
	case lifecycle.ProblemNameTaken:
		next = "Names are unique among tokens of all kinds, expired ones included. Use name_prefix, which makes a name unique and lets create_before_destroy work; or delete the token that is there; or import it by its name and replace it (-replace), because its secret cannot be read back."
	case lifecycle.ProblemNotSupported:
		next = "Resource tokens need InfluxDB 3 Enterprise or InfluxDB 3 Cloud, named admin tokens InfluxDB 3.1 or later. On InfluxDB 3 Core use influxdb3_named_admin_token. If the server is one of those, check the provider's url and its path."
	case lifecycle.ProblemWrongServer:
		now = "Nothing was changed on the server that answers, and the token in state is kept."
		next = "If " + in.client.Endpoint() + " is the wrong address, correct the provider's url. If the server was rebuilt on purpose, forget the token with `terraform state rm` and apply again."
	case lifecycle.ProblemForbidden:
		next = "Give the provider the operator token or a named admin token."
	case lifecycle.ProblemUnresolved:
		now = fmt.Sprintf("It is not known whether the server has the token %q.", name)
		next = "Look for it in the data source influxdb3_tokens when the server can be reached. If it was made by this run, nobody holds its secret: delete it (" + deletion(name) + ") and apply again."
	case lifecycle.ProblemLost:
		now = fmt.Sprintf("The server has a token %q whose secret nobody holds.", name)
		next = "Delete it when the server can be reached (" + deletion(name) + ") and apply again."
	}
	return diag.NewErrorDiagnostic(summary, strings.Join([]string{sentence(known.Error()), now, next}, "\n\n"))
}

// ownCredential is the error about a token that the provider itself works with.
func ownCredential(name string) diag.Diagnostic {
	return diag.NewErrorDiagnostic("Token Is the Provider's Own",
		fmt.Sprintf("This plan deletes the token %q, and the provider works with that very token: after it nothing could be done any more.\n\n"+
			"Nothing was changed.\n\n"+
			"Give the provider another token first (token, or INFLUXDB3_AUTH_TOKEN), the operator token for example, and apply again. "+
			"A token that is to renew itself needs name_prefix and create_before_destroy, so that its successor is there before, or keep_on_destroy, so that it is not deleted. "+
			"To let Terraform forget the token without deleting it, use `terraform state rm`.", loggable(name)))
}

// deletion is the command that deletes a token past Terraform.
func deletion(name string) string { return fmt.Sprintf("influxdb3 delete token --token-name %q", name) }

// dataSourceProblem is for what only reads.
func dataSourceProblem(what string, err error, in *instance) diag.Diagnostic {
	next := "Check the address (" + in.client.Endpoint() + "), what stands in front of the server, and that it runs; then run this again."
	var known *lifecycle.Error
	if errors.As(err, &known) && known.Problem == lifecycle.ProblemNoCredential {
		next = missingToken(in)
	}
	return diag.NewErrorDiagnostic("Unable to "+what, sentence(err.Error())+"\n\nNothing was changed.\n\n"+next)
}

func otherKind(name string, limited bool) diag.Diagnostic {
	is, as := "an admin token", "influxdb3_named_admin_token"
	if limited {
		is, as = "a resource token", "influxdb3_resource_token"
	}
	return diag.NewErrorDiagnostic("Unable to Import Token", fmt.Sprintf("The token %q is %s.\n\nNothing was changed.\n\nImport it as %s.", loggable(name), is, as))
}
