package provider

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3"
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
		kept = nothingChanged
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
		if op == establishing {
			kept = "Nothing is in state. If the server was new, something on the way may have sent the request twice, and then nobody holds its operator token."
		}
		return "The secret of an existing token cannot be read back from the server. " + kept, existingTokenWays(op, err)
	case lifecycle.ProblemNotOperatorToken:
		return "The secret of the operator token cannot be read back with another token. " + kept, existingTokenWays(op, err)
	case lifecycle.ProblemAllRefused:
		return "Either somebody else has regenerated the token since it was last refreshed, or something on the way sent the request twice, and then a new one was made that nobody holds. " + deadNow(op),
			"Do one of these and apply again, which then regenerates:\n" + bullets(capital(wayToken), capital(wayRecovery))
	case lifecycle.ProblemForbidden:
		return unchanged(op), "The server answered 403. On InfluxDB 3 Enterprise only the operator token may regenerate itself. Look at which token the provider has; then apply again."
	case lifecycle.ProblemNotDone:
		return notDone(op, err), "Remove the cause and apply again."
	case lifecycle.ProblemNoOperatorToken:
		return kept, noOperatorToken(op)
	case lifecycle.ProblemUnresolved:
		if op == establishing {
			return unresolvedNow(op),
				"Apply again when " + in.client.Endpoint() + " can be reached. If the server has an operator token then that nobody holds, " + wayRecovery + ` and existing_token = "regenerate".`
		}
		return unresolvedNow(op),
			"Apply again when the server can be reached. If the old token turns out to be dead then, a token of another name or the recovery listener heals it: " + wayToken + "; or " + wayRecovery + "."
	case lifecycle.ProblemLost:
		return lostNow(op), "Do one of these and apply again, which then regenerates:\n" + bullets(
			capital(wayRecovery)+lostConsent(op),
			"Give the provider a named admin token that the server accepts (token, or INFLUXDB3_AUTH_TOKEN)"+lostConsent(op))
	case lifecycle.ProblemUnverified:
		return "The new token is in state, because it may be the only copy. The old one is dead if the new one is good." + staysDue(op),
			"Apply again when " + in.client.Endpoint() + " can be reached: the refresh shows whether the token is good." + untaint(op)
	case lifecycle.ProblemRaced:
		return "Only the token that was made last is accepted by the server, and that is not known to be this one. The new token is in state, the old one is dead." + staysDue(op),
			"Let one configuration alone rotate this server. Then apply again: the refresh shows whether the token is good. If it is not, " + wayToken + "; or " + wayRecovery + "." + untaint(op)
	case lifecycle.ProblemElsewhere:
		return "The new token is in state, because nobody else holds it. It is not the one of the server that the token before it was made on." + staysDue(op),
			"Find out which server answers at " + in.client.Endpoint() + " and, if recovery_url is set, at that address. The previous version of the state has the token before this one. Correct the addresses, then apply again." + untaint(op)
	case lifecycle.ProblemExpired:
		return expiredNow, expiredNext
	default:
		return "Nothing was changed by this request, which asks only. " + kept, "Check the address (" + in.client.Endpoint() + "), what stands in front of the server, and that it runs; then run this again."
	}
}

// What is true of an operator token whose time is over, and what to do.
const (
	expiredNow = "The operator token came from a token file with an expiry, and that is over. Regenerating keeps the expiry, and so does the recovery listener, so no operator token of this server works any more, and none is made. " +
		"Named admin tokens and resource tokens go on working."
	expiredNext = "If you hold a named admin token, give it to the provider (token, or INFLUXDB3_AUTH_TOKEN): it may do everything but bring the operator token back. " +
		"Then let this resource go: set deletion_protection = false, apply, and remove the block. " +
		"Only a server with a new data directory gets a working operator token; do not put an expiry into its token file."
)

// notDone says what is known of a request that was not carried out: it is proven where
// it was not sent or the server itself refused it, otherwise it is what a look showed.
func notDone(op operation, err *lifecycle.Error) string {
	var failed *influxdb3.Error
	if !errors.As(err, &failed) || failed.Kind != influxdb3.KindOutcomeUnknown {
		return unchanged(op)
	}
	return "What answered is not known to be the server, so the server was looked at: when it was last seen, some seconds later, it had not done it. If the request still arrives, the next refresh shows it. " +
		strings.TrimPrefix(unchanged(op), nothingChanged+" ")
}

func staysDue(op operation) string {
	if op == regenerating {
		return " The rotation stays due."
	}
	return ""
}

// untaint is what to do about a resource whose creation has failed although there is
// a token in state.
func untaint(op operation) string {
	if op == establishing || op == replacing {
		return " Terraform has marked the resource as tainted, and deletion_protection refuses to replace it: run `terraform untaint` first."
	}
	return ""
}

func noOperatorToken(op operation) string {
	if op == importing {
		return "If the server is new, do not import: write the block alone, and an apply makes the token. If it runs with --without-auth, start it without."
	}
	return "If the server runs with --without-auth, start it without. If its operator token was deleted, forget the resource with `terraform state rm` and apply again, which creates another."
}

const nothingChanged = "Nothing was changed on the server."

func unchanged(op operation) string {
	const server = nothingChanged
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
	if op != importing {
		if err.Problem == lifecycle.ProblemNotOperatorToken {
			ways = append(ways, `If it may be replaced, set existing_token = "regenerate": whoever holds the old one must get the new one`)
		} else {
			ways = append(ways, `If it may be replaced and you hold a named admin token, give that to the provider and set existing_token = "regenerate"`)
		}
		ways = append(ways,
			`If nobody holds it, `+wayRecovery+` and existing_token = "regenerate"`,
			"If it was in this state before (a removed block, `terraform state rm`, lifecycle destroy = false, or a replacement under create_before_destroy, none of which a provider can see), the state's previous version or its backup still has it: give that to the provider")
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

// which names an operator token and its server, of which there can be several.
func which(state adminTokenModel, in *instance) string {
	return whichHash(state.Hash.ValueString(), in)
}

func whichHash(hash string, in *instance) string {
	if !in.usable() {
		return "the operator token " + hash
	}
	return "the operator token " + hash + " of " + in.client.Endpoint()
}

func deletionProtected(state adminTokenModel, in *instance) diag.Diagnostic {
	return diag.NewErrorDiagnostic("Operator Token Is Protected From Deletion",
		"This would remove "+which(state, in)+" from state, and the only copy of the token would go with it.\n\n"+
			"No request was sent, and the token is still in state.\n\n"+
			bullets(
				"If the block was renamed or moved (count, for_each, a module), tell Terraform with a moved block, and nothing happens to the token",
				"If it is to be rotated (-replace, replace_triggered_by), change a value in rotation_triggers instead: that is done in place",
				"If Terraform marked it as tainted, run `terraform untaint` with its address",
				"If it is meant to go, set deletion_protection = false, apply, and then remove it"))
}

// heldByAnother is the error about a creation while a protected resource has the very
// token in state. It can be that resource's own replacement.
func heldByAnother(hash string, in *instance) diag.Diagnostic {
	return diag.NewErrorDiagnostic("Operator Token Is in State Already",
		"This plan creates an influxdb3_admin_token, and one in this state already has "+whichHash(hash, in)+".\n\n"+
			"Nothing was changed.\n\n"+
			bullets(
				"If this is a second block for the same server, remove it: two resources would rotate the token away from each other. For a second server use a second provider block with an alias",
				"If this is a replacement (-replace, replace_triggered_by), change a value in rotation_triggers instead: deletion_protection refuses a replacement, because the only copy would leave the state for a moment",
				"If Terraform marked the resource as tainted, run `terraform untaint` with its address",
				"If the block was renamed, tell Terraform with a moved block"))
}

// creationFailed keeps a token in state whose successor could not be created.
func creationFailed(state adminTokenModel, in *instance) diag.Diagnostic {
	return diag.NewErrorDiagnostic("Operator Token Is Kept in State",
		"A creation for the same server has failed in this run, and "+which(state, in)+" was to be removed from state.\n\n"+
			"No request was sent for this one, and the token is still in state.\n\n"+
			"Remove the cause of the other error and apply again. If the block was renamed, a moved block does it without removing anything.")
}

func regeneratesLiving(hash string, in *instance) diag.Diagnostic {
	return diag.NewWarningDiagnostic("A Living Operator Token Will Be Regenerated",
		"The server has "+whichHash(hash, in)+`, and existing_token = "regenerate" consents to replacing it: whoever holds it needs the new one.`)
}

// triggersRecorded is the warning about a change of triggers that replaces nothing.
func triggersRecorded(so string) diag.Diagnostic {
	// A value may be secret, so it has no path.
	return diag.NewWarningDiagnostic("Rotation Triggers Are Recorded Without Rotating",
		"This is the first apply after the import, so rotation_triggers are taken as the state of today: "+so)
}

// rotatedElsewhere is the error about a token that is dead while nothing asks for a
// new one. After an import a change of the triggers does not: it is recorded.
func rotatedElsewhere(state adminTokenModel, in *instance, imported bool) diag.Diagnostic {
	ways := []string{
		"Give the provider the current operator token (token, or INFLUXDB3_AUTH_TOKEN): if it is newer than the one in state, it is taken over, and nothing is regenerated. After a restore from a backup it is older, and one of the other ways is needed",
		`Consent: set existing_token = "regenerate", with a named admin token as the provider's token or with recovery_url`,
	}
	if !imported {
		ways = append(ways, "Change a value in rotation_triggers, with a named admin token as the provider's token or with recovery_url")
	}
	ways = append(ways, "Forget the token, if it is of no use any more: set deletion_protection = false, apply, and remove the block")
	return diag.NewErrorDiagnostic("Operator Token Was Regenerated Elsewhere",
		"The server refuses "+which(state, in)+", so somebody else has regenerated it, or the reply with its successor was lost.\n\n"+
			"No request was sent, and the old token is kept in state. It is not regenerated again without being asked for: somebody may hold the current one.\n\n"+
			"Do one of these and apply again:\n"+bullets(ways...))
}

// fallbackWarning tells of a rotation that nothing would heal.
func (m adminTokenModel) fallbackWarning() (diags diag.Diagnostics) {
	what := map[lifecycle.Fallback]string{
		lifecycle.FallbackRefused: "The server does not accept the provider's token",
		lifecycle.FallbackSame:    "The provider's token is the operator token itself, which this rotation kills",
		lifecycle.FallbackNone:    "The provider has no token besides this one",
	}[lifecycle.Fallback(m.FallbackStatus.ValueString())]
	if what != "" {
		diags.AddWarning("Nothing Would Heal a Lost Rotation",
			what+". If the reply to this rotation is lost on the way, the new token is lost with it. "+
				"Give the provider a named admin token (token, or "+envToken+"), or the address of the recovery listener (recovery_url, or "+envRecoveryURL+").")
	}
	return diags
}

// expiryWarning tells of an operator token that does not live for ever, from the first
// day: once it is over, nothing brings it back.
func (m adminTokenModel) expiryWarning() (diags diag.Diagnostics) {
	switch {
	case m.Status.ValueString() == string(lifecycle.StatusExpired):
		diags.AddWarning("Operator Token Has Expired", expiredNow+" "+expiredNext)
	case !m.ExpiresAt.IsNull():
		diags.AddWarning("Operator Token Will Expire", fmt.Sprintf("The operator token expires at %s, because it came from a token file with an expiry. Regenerating it does not change that, and afterwards no operator token works any more. "+
			"Before that, make a named admin token without expires_in and give it to the provider (token, or %s): it goes on working.", timeOf(m.ExpiresAt).Format(time.RFC3339), envToken))
	}
	return diags
}

// needsHandOver says whether a creation failed because the server has an operator
// token that may be about to leave the state of another block.
func needsHandOver(err error) bool {
	var known *lifecycle.Error
	return errors.As(err, &known) && (known.Problem == lifecycle.ProblemNoCredential || known.Problem == lifecycle.ProblemNotOperatorToken || known.Problem == lifecycle.ProblemLost)
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
		"Another influxdb3_admin_token in this run has the operator token of "+in.client.Endpoint()+". A server has one, and two resources would rotate it away from each other.\n\n"+
			"For this one no request was sent that changes anything.\n\n"+
			"Keep one of the two; let Terraform forget the other with a removed block or `terraform state rm`. For a second server use a second provider block with an alias.")
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
		var failed *influxdb3.Error
		if errors.As(known, &failed) && failed.Kind == influxdb3.KindOutcomeUnknown {
			now = fmt.Sprintf("What answered is not known to be the server, so the server was looked at: when it was last seen, some seconds later, it had not done it. If the request still arrives, the data source influxdb3_tokens shows the token %q.", name)
		}
		next = "Remove the cause and apply again."
	case lifecycle.ProblemUnverified:
		now = "The token is in state, because it may be the only copy, and the resource is tainted."
		next = "Apply again when the server can be reached: that deletes the token and creates another."
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
