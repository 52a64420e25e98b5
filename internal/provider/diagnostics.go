package provider

import (
	"crypto/tls"
	"crypto/x509"
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

// wayRecovery is the way out through the recovery listener. Somebody who has set its
// address does not hear that again.
func wayRecovery(server *configuredServer) string {
	if server.client.HasRecovery() {
		return "start the server with --admin-token-recovery-http-bind, so it answers at " + server.client.RecoveryEndpoint() + " (recovery_url)"
	}
	start := "start the server with --admin-token-recovery-http-bind 127.0.0.1:8182 and set "
	if server.name != "" { // the variable would give it to another server
		return start + place{server.name}.label("recovery_url") + ` = "http://127.0.0.1:8182"`
	}
	return start + envRecoveryURL + "=http://127.0.0.1:8182"
}

// wayToken is the way out through a token. Somebody who has just given one hears that
// it was refused.
func wayToken(server *configuredServer) string {
	const which = "the current operator token, or on InfluxDB 3 Core any named admin token"
	if server.credentials.Configured().IsEmpty() {
		return "give the provider a token that the server accepts (" + server.tokenSetting() + "): " + which
	}
	return "give the provider another token (" + server.tokenSetting() + "), because its own did not help: " + which
}

// erroredState is where the only copy of a token may be that a state lacks.
const erroredState = "If there is an errored.tfstate, push it first: `terraform state push errored.tfstate`"

// operatorTokenProblem says of a failure what happened, what is true now and what
// to do next.
func operatorTokenProblem(op operation, err error, server *configuredServer) diag.Diagnostic {
	var known *lifecycle.Error
	if !errors.As(err, &known) {
		return diag.NewErrorDiagnostic("Unable to "+string(op), err.Error())
	}
	now, next := explain(op, known, server)
	summary := "Unable to " + string(op)
	if known.Problem == lifecycle.ProblemLost {
		summary = "New Operator Token Was Lost"
	}
	return diag.NewErrorDiagnostic(summary, strings.Join([]string{sentence(known.Error()), now, next}, "\n\n"))
}

// explain returns what is true now and what to do.
func explain(op operation, err *lifecycle.Error, server *configuredServer) (now, next string) {
	kept := "The token in state was not changed."
	if op == establishing || op == importing {
		kept = "Nothing is in state."
	}
	switch err.Problem {
	case lifecycle.ProblemInterrupted:
		return nothingSent + " " + kept, "Apply again."
	case lifecycle.ProblemNotStarted:
		return nothingSent + " " + kept, startupNext(server)
	case lifecycle.ProblemAuthenticationOff:
		return "Such a server has no tokens: it allows every request. " + kept,
			"Start the server without --without-auth, or remove this resource from the configuration."
	case lifecycle.ProblemWrongServer:
		return "Nothing was changed on the server that answers. The token in state was not changed either: it belongs to the server that it was made on.",
			"Do one of these:\n" + bullets(
				"If "+server.client.Endpoint()+" is the wrong address, correct "+server.urlSetting(),
				"If you rebuilt the server on purpose and no longer need the old token, run `terraform state rm` with the address of this resource and apply again. That makes the new server's token",
				"To plan the rest without asking this server, use `-refresh=false`")
	case lifecycle.ProblemNoCredential, lifecycle.ProblemNotOperatorToken:
		return existingTokenNow(op, err), existingTokenWays(op, err, server)
	case lifecycle.ProblemAllRefused:
		return "Somebody else has regenerated the token since the last refresh, or something on the way sent the request twice. In the second case nobody holds the new token. " + deadNow(op),
			"Do one of these and apply again, which then regenerates:\n" + bullets(erroredState, capital(wayToken(server)), capital(wayRecovery(server)))
	case lifecycle.ProblemRegeneratedElsewhere:
		return "The old token no longer works. A rotation was due only because of the token's age. That is no reason to regenerate a token that somebody else has just made. " + deadNow(op),
			"Do one of these and apply again:\n" + bullets(
				"If you hold the current operator token, give it to the provider ("+server.tokenSetting()+"): it is taken into state and not changed",
				`If the current one may be regenerated, change a value in rotation_triggers or set existing_token = "regenerate"`)
	case lifecycle.ProblemForbidden:
		return unchanged(op), "The server answered 403. On InfluxDB 3 Enterprise only the operator token may regenerate itself. Do one of these and apply again:\n" + bullets(
			"If you hold the operator token, give it to the provider ("+server.tokenSetting()+")", "If you do not, "+wayRecovery(server))
	case lifecycle.ProblemNotDone:
		return notDone(op, err), cause(err, server)
	case lifecycle.ProblemUnreadable:
		return unchanged(op), "Give the provider one of these and apply again:\n" + unreadableWays(server)
	case lifecycle.ProblemNoOperatorToken:
		return kept, noOperatorToken(op)
	case lifecycle.ProblemUnresolved:
		if op == establishing {
			return "Either the server still has no operator token, or it has one now that nobody holds. Nothing is in state.",
				"If " + server.client.Endpoint() + " is the wrong address, correct " + server.urlSetting() + ". Apply again when the server can be reached. If the error is then that the server already has an operator token:\n" +
					bullets(capital(wayRecovery(server))+`, and set existing_token = "regenerate"`)
		}
		return "Either the old token still works, or the server has a new one that nobody holds. The old one stays in state, and " + stillDue(op) + ".",
			"Apply again when " + server.client.Endpoint() + " can be reached. If the server then refuses the old token, do one of these:\n" + bullets(capital(wayToken(server)), capital(wayRecovery(server)))
	case lifecycle.ProblemLost:
		return lostNow(op), "Do one of these and apply again, which then regenerates:\n" + bullets(lostWays(op, server)...)
	case lifecycle.ProblemUnverified:
		return "The new token is in state, because it may be the only copy. If it works, the old one does not any more." + staysDue(op),
			"Apply again when " + server.client.Endpoint() + " can be reached. The refresh shows whether the token works." + untaint(op, server)
	case lifecycle.ProblemRaced:
		return "The server accepts only the token that was made last, and that may be the other one. The new token is in state. The old one no longer works." + staysDue(op),
			"Make sure that only one configuration rotates this server, then apply again." + untaint(op, server) + " The refresh shows whether the token works. If it does not, do one of these:\n" +
				bullets(capital(wayToken(server)), capital(wayRecovery(server)))
	case lifecycle.ProblemElsewhere:
		return "The new token is in state, because nobody else holds it. It seems to belong to another server than this resource." + staysDue(op),
			"Find out which server answers at " + server.client.Endpoint() + recoveryAddress(server) + ". If there was a token before this one, the previous version of the state has it. Correct the address, then apply again." + untaint(op, server)
	case lifecycle.ProblemExpired:
		return expiredNow, expiredNext(server)
	default:
		return "This request only reads, so it changed nothing. " + kept, cause(err, server)
	}
}

// nothingSent is true of what ended before the request that it was about.
const nothingSent = "No request was sent that changes anything."

// startupOff names the setting that makes a creation wait for a server, where it is off.
func startupOff(err error, server *configuredServer) string {
	var failed *influxdb3.Error
	if server.startup.Timeout > 0 || !errors.As(err, &failed) || !failed.NotUp() {
		return ""
	}
	return " If it is only starting: the provider's startup_timeout, which is 0s, sets how long a creation waits for it."
}

// startupNext is what to do about a server that did not come up.
func startupNext(server *configuredServer) string {
	return "Check that the server starts and that " + server.client.Endpoint() + " is its address, then apply again. If it needs longer, raise the provider's startup_timeout, which is " + server.startup.Timeout.String() + " now."
}

// cause is what to do about a request that did not get through, by what stood in the
// way.
func cause(err error, server *configuredServer) string {
	var unknownAuthority x509.UnknownAuthorityError
	var name x509.HostnameError
	var plain tls.RecordHeaderError
	switch {
	case errors.As(err, &unknownAuthority):
		return "The certificate of the server is signed by an authority that this machine does not know. Give its certificate to the provider with ca_cert_file, then run this again."
	case errors.As(err, &name):
		return "The certificate of the server is not for the name in the address. Use a name in url that the certificate is for, then run this again."
	case errors.As(err, &plain):
		return "The address begins with https, and what answers does not use TLS. If the server runs without TLS, begin url with http. Then run this again."
	case strings.Contains(err.Error(), "malformed HTTP response"): // net/http has no type for it
		return "What answers does not use HTTP. If the server uses TLS, begin url with https. Then run this again."
	default:
		return "Check that the server runs and that " + server.client.Endpoint() + " is its address. If there is a proxy in front of it, check that too. Then run this again." + startupOff(err, server)
	}
}

// expiredNow is what is true of an operator token that has expired.
const expiredNow = "The operator token came from a token file with an expiry. Regenerating keeps that expiry, also through the recovery listener. So no operator token of this server works any more, and the provider makes none. " +
	"Named admin tokens and resource tokens still work."

// expiredNext is what to do about it.
func expiredNext(server *configuredServer) string {
	return "What you can do:\n" + bullets(
		"If you hold a named admin token, give it to the provider ("+server.tokenSetting()+"): everything but the operator token works with it",
		"To have an operator token again, start a server with a new data directory. Do not put an expiry into its token file",
		"To remove this resource, set deletion_protection = false, apply, and then remove the block")
}

// notDone says what is known of a request that was not carried out: it is proven where
// it was not sent or the server itself refused it, otherwise it is what a look showed.
func notDone(op operation, err *lifecycle.Error) string {
	var failed *influxdb3.Error
	if !errors.As(err, &failed) || failed.Kind != influxdb3.KindOutcomeUnknown {
		return unchanged(op)
	}
	shows := "the next refresh shows that."
	if op == establishing { // nothing is in state that could be refreshed
		shows = "the next apply shows that."
	}
	return notSeen + shows + strings.TrimPrefix(unchanged(op), nothingChanged)
}

// notSeen is what is known of a request that the server has not carried out yet. What it
// does if it arrives later, follows.
const notSeen = "The answer may not be the server's own. The provider then asked the server, and the server had not done it. If the request arrives later, "

func staysDue(op operation) string {
	if op == regenerating {
		return " The rotation stays due."
	}
	return ""
}

func stillDue(op operation) string {
	if op == regenerating {
		return "the rotation stays due"
	}
	return "the replacement stays due"
}

// untaint is what to do about a resource whose creation has failed although there is
// a token in state.
func untaint(op operation, server *configuredServer) string {
	if (op == establishing || op == replacing) && !server.bridged {
		return " Terraform has marked the resource as tainted, and deletion_protection refuses to replace it: run `terraform untaint` first."
	}
	return ""
}

func noOperatorToken(op operation) string {
	if op == importing {
		return "If the server is new, do not import: an apply without the import makes the token. If the server runs with --without-auth, start it without that option."
	}
	return "If the server runs with --without-auth, start it without that option. If its operator token was deleted, run `terraform state rm` with the address of this resource and apply again, which makes another."
}

const nothingChanged = "Nothing was changed on the server."

func unchanged(op operation) string {
	switch op {
	case regenerating, replacing:
		return nothingChanged + " The token in state was not changed, and " + stillDue(op) + "."
	case reading:
		return nothingChanged + " The token in state was not changed."
	default:
		return nothingChanged
	}
}

func deadNow(op operation) string {
	if op == establishing {
		return "Nothing is in state."
	}
	return "The old token stays in state with the status rejected, and " + stillDue(op) + "."
}

func lostNow(op operation) string {
	if op == establishing {
		return "The server has an operator token now. Either this request made it, and then nobody holds it, or somebody else made it just before. Nothing is in state."
	}
	return "The old token no longer works, and nobody holds the new one. " + deadNow(op)
}

// lostWays are the ways to regenerate a token that nobody holds.
func lostWays(op operation, server *configuredServer) []string {
	named := capital(wayToken(server))
	recovery := capital(wayRecovery(server))
	if op == establishing {
		const consent = `, and set existing_token = "regenerate"`
		return []string{recovery + consent, named + consent}
	}
	return []string{erroredState, named, recovery}
}

// existingTokenNow is what is true of an operator token that the provider does not
// have.
func existingTokenNow(op operation, err *lifecycle.Error) string {
	switch {
	case op != establishing && op != importing:
		return "The server does not show an existing token again. The old one stays in state, and " + stillDue(op) + "."
	case err.Problem == lifecycle.ProblemNotOperatorToken:
		return "The server does not show an existing token again. Nothing was changed, and nothing is in state."
	case op == importing:
		return "The server does not show an existing token again, so the provider needs the operator token itself. Nothing is in state."
	}
	return "The server does not show an existing token again. Nothing is in state. (On a new server, something on the way may have sent the request twice. Then nobody holds the token.)"
}

// existingTokenWays are the ways to get hold of an operator token that exists.
func existingTokenWays(op operation, err *lifecycle.Error, server *configuredServer) string {
	ways := []string{"To keep the operator token, give it to the provider (" + server.tokenSetting() + ")"}
	if op == importing {
		ways = append(ways, `If you do not hold it, do not import. Write the block with existing_token = "regenerate", and give the provider a named admin token or recovery_url: an apply then regenerates the token`)
		return "Do one of these and run this again:\n" + bullets(ways...)
	}
	ways = append(ways, "If it was in this state before (removed block, `terraform state rm`, destroy = false), the previous version of the state has it")
	if err.Problem == lifecycle.ProblemNotOperatorToken { // with the token that the provider has
		ways = append(ways, `To regenerate it, set existing_token = "regenerate". Everybody who uses the old token needs the new one`)
	} else {
		ways = append(ways,
			`To regenerate it, set existing_token = "regenerate" and give the provider a named admin token`,
			`If you hold neither, `+wayRecovery(server)+`. Set existing_token = "regenerate" too`)
	}
	ways = append(ways, "If "+server.client.Endpoint()+" is the wrong address, correct "+server.urlSetting())
	return "Do one of these and run this again:\n" + bullets(ways...)
}

// recoveryAddress adds the address of the recovery listener to another one.
func recoveryAddress(server *configuredServer) string {
	if !server.client.HasRecovery() {
		return ""
	}
	return " and at " + server.client.RecoveryEndpoint() + " (recovery_url)"
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
func which(state adminTokenModel, server *configuredServer) string {
	return whichHash(state.Hash.ValueString(), server)
}

func whichHash(hash string, server *configuredServer) string {
	if !server.usable() {
		return "the operator token " + hash
	}
	return "the operator token " + hash + " of " + server.client.Endpoint()
}

func deletionProtected(state adminTokenModel, server *configuredServer) diag.Diagnostic {
	return diag.NewErrorDiagnostic("Operator Token Is Protected From Deletion",
		"This run would remove "+which(state, server)+" from state, and with it the only copy of the token.\n\n"+
			"No request was sent, and the token is still in state.\n\n"+
			bullets(
				"Did you rename or move the block (count, for_each, a module)? Add a moved block: the token stays as it is",
				"Do you want to rotate (-replace, replace_triggered_by)? Change a value in rotation_triggers instead, which rotates in place",
				"Did Terraform mark the resource as tainted? Run `terraform untaint` with its address",
				"Do you want to remove it? Set deletion_protection = false, apply, and then remove it"))
}

// heldByAnother is the error about a creation while a protected resource has the very
// token in state. It can be that resource's own replacement.
func heldByAnother(hash string, server *configuredServer) diag.Diagnostic {
	return diag.NewErrorDiagnostic("Operator Token Is in State Already",
		"This plan creates an influxdb3_admin_token, and another one in this state already has "+whichHash(hash, server)+".\n\n"+
			"Nothing was changed.\n\n"+
			bullets(
				"Is this a second block for the same server? Remove it: each of the two would make the other's token useless. For a second server, add an entry to servers in the provider block and name it in server",
				"Do you want to rotate (-replace, replace_triggered_by)? Change a value in rotation_triggers instead: deletion_protection refuses to replace the resource",
				"Did Terraform mark the resource as tainted? Run `terraform untaint` with its address",
				"Did you rename the block? Add a moved block"))
}

// creationFailed keeps a token in state whose successor could not be created.
func creationFailed(state adminTokenModel, server *configuredServer) diag.Diagnostic {
	return diag.NewErrorDiagnostic("Operator Token Is Kept in State",
		"This run should remove "+which(state, server)+" from state and create another resource for the same server. The creation failed.\n\n"+
			"No request was sent for this resource, and the token is still in state.\n\n"+
			"Correct the other error and apply again. If you renamed the block, add a moved block: then nothing is removed.")
}

func regeneratesExisting(hash string, server *configuredServer) diag.Diagnostic {
	return diag.NewWarningDiagnostic("Existing Operator Token Will Be Regenerated",
		"The server has "+whichHash(hash, server)+`, and existing_token = "regenerate" allows to regenerate it. Everybody who uses it needs the new one.`)
}

// triggersRecorded is the warning about a change of triggers that replaces nothing.
func triggersRecorded(so string) diag.Diagnostic {
	// A value may be secret, so it has no path.
	return diag.NewWarningDiagnostic("Rotation Triggers Are Recorded Without Rotating",
		"This is the first apply after the import. It only saves rotation_triggers in state: "+so)
}

// rotatedElsewhere is the error about a token that is dead while nothing asks for a
// new one. After an import a change of the triggers does not: it is recorded.
func rotatedElsewhere(state adminTokenModel, server *configuredServer, imported bool) diag.Diagnostic {
	ways := []string{
		erroredState,
		"If you hold the current operator token, give it to the provider (" + server.tokenSetting() + "). It must be newer than the one in state",
	}
	regenerate := `If the current one may be regenerated, `
	if !imported {
		regenerate += `change a value in rotation_triggers or `
	}
	regenerate += `set existing_token = "regenerate"`
	if !lifecycle.Fallback(state.FallbackStatus.ValueString()).Works() {
		regenerate += `, and give the provider a named admin token or recovery_url`
	}
	ways = append(ways, regenerate, "If you no longer need the token, set deletion_protection = false, apply, and remove the block")
	return diag.NewErrorDiagnostic("Operator Token Was Regenerated Elsewhere",
		"The server refuses "+which(state, server)+". Somebody else has regenerated it, or an earlier reply with a new token was lost.\n\n"+
			"The old token stays in state. No request was sent that changes anything, because somebody may hold the current token.\n\n"+
			"Do one of these and apply again:\n"+bullets(ways...))
}

// fallbackWarning tells of a rotation whose reply must not be lost.
func (m adminTokenModel) fallbackWarning(server *configuredServer) (diags diag.Diagnostics) {
	what := map[lifecycle.Fallback]string{
		lifecycle.FallbackRefused: "The server does not accept the provider's token",
		lifecycle.FallbackSame:    "The provider's token is the operator token itself, which no longer works after this rotation",
		lifecycle.FallbackNone:    "The provider has no token besides this one",
	}[lifecycle.Fallback(m.FallbackStatus.ValueString())]
	if what != "" {
		diags.AddWarning("Rotation Has No Fallback",
			what+". If the reply to this rotation is lost on the way, so is the new token. "+
				"Give the provider a named admin token ("+server.tokenSetting()+"), or the address of the recovery listener ("+server.setting("recovery_url", envRecoveryURL)+").")
	}
	return diags
}

// unreadableWarning tells of an encrypted token that nobody here can read, where nothing
// else could do without it.
func (m adminTokenModel) unreadableWarning(server *configuredServer) (diags diag.Diagnostics) {
	fallback := lifecycle.Fallback(m.FallbackStatus.ValueString())
	if fallback == "" || fallback.Works() || m.EncryptedToken.IsNull() || !server.secretOf(m.secretModel, m.Hash.ValueString()).IsEmpty() {
		return diags
	}
	diags.AddWarning("Provider Cannot Use the Token",
		"The provider cannot decrypt "+which(m, server)+", and it has nothing else that the server accepts. So it can neither look at the token nor regenerate it. Whoever holds a private key of age_recipients can read it.\n\n"+
			"Give the provider one of these:\n"+unreadableWays(server))
	return diags
}

// importedPlain tells of an import that the provider's identity could not encrypt.
func (m adminTokenModel) importedPlain(server *configuredServer) (diags diag.Diagnostics) {
	if len(server.identities) > 0 && m.EncryptedToken.IsNull() {
		diags.AddWarning("Imported Token Is in Plain Text",
			"The provider's identity is an SSH key, which does not tell its public key. So the import could not encrypt the token for it, and the state holds "+which(m, server)+" in plain text. "+
				"The first apply with age_recipients encrypts it. Rotate the token after that: then older versions of the state hold a token that no longer works.")
	}
	return diags
}

// unreadableWays are the ways to work with an encrypted token.
func unreadableWays(server *configuredServer) string {
	ways := []string{
		"A private key that decrypts the token: age_identity or age_identity_file (or " + envAgeIdentity + " or " + envAgeIdentityFile + ")",
		"On InfluxDB 3 Core, a named admin token (" + server.tokenSetting() + ")",
	}
	if !server.client.HasRecovery() {
		ways = append(ways, "The address of the server's recovery listener ("+server.setting("recovery_url", envRecoveryURL)+")")
	}
	return bullets(ways...)
}

// expiryWarning tells of an operator token that does not live for ever, from the first
// day: once it is over, nothing brings it back.
func (m adminTokenModel) expiryWarning(server *configuredServer) (diags diag.Diagnostics) {
	switch {
	case m.Status.ValueString() == string(lifecycle.StatusExpired):
		diags.AddWarning("Operator Token Has Expired", expiredNow+" "+expiredNext(server))
	case !m.ExpiresAt.IsNull():
		diags.AddWarning("Operator Token Will Expire", fmt.Sprintf("The operator token expires at %s, because it came from a token file with an expiry. Regenerating does not change that. After that time no operator token of this server works. "+
			"Before that time, make a named admin token without expires_in and give it to the provider (%s).", timeOf(m.ExpiresAt).Format(time.RFC3339), server.tokenSetting()))
	}
	return diags
}

func takenOver() diag.Diagnostic {
	return diag.NewWarningDiagnostic("Operator Token Was Regenerated Elsewhere",
		"The server refuses the operator token in state. The provider's token is the new one. It is now in state, and nothing was regenerated.")
}

func refusedWarning() diag.Diagnostic {
	return diag.NewWarningDiagnostic("Operator Token Is Refused",
		"The server refuses the operator token in state. Somebody else has regenerated it, or an earlier reply with a new token was lost. "+
			"The old token stays in state with the status rejected.")
}

func secondResource(server *configuredServer) diag.Diagnostic {
	return diag.NewErrorDiagnostic("Second Resource for One Operator Token",
		"Two influxdb3_admin_token resources in this run are for the operator token of "+server.client.Endpoint()+". A server has only one, and each resource would make the other's token useless.\n\n"+
			"No request that changes anything was sent for this one.\n\n"+
			"Keep one of the two. Let Terraform forget the other with a removed block or `terraform state rm`. For a second server, add an entry to servers in the provider block and name it in server.")
}

func providerUnknown(server *configuredServer) diag.Diagnostic {
	name := "configuration"
	if server != nil {
		name = server.unknown
	}
	return diag.NewErrorDiagnostic("Provider Is Not Configured Yet",
		fmt.Sprintf("The provider's %s comes from a resource that is not applied yet, so it is not known.\n\n"+
			"No request was sent.\n\n"+
			"Do one of these:\n%s", name, bullets(
			"For a data source, add depends_on with that resource. If the data source is inside a module, add it to the module",
			"For an import, use a value that is known",
			"Apply that resource first with -target")))
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
func missingToken(server *configuredServer) string {
	if server.issuer().Credential.IsEmpty() {
		return "No token is configured. Do one of these:\n" + bullets(
			"If this configuration has the operator token, add a second provider block with an alias and token = influxdb3_admin_token.operator.token, and use it for this resource or data source",
			"Otherwise give the provider a token that the server accepts ("+server.tokenSetting()+")")
	}
	return "Do one of these:\n" + bullets(
		"If the provider's token was the operator token, a rotation has made it useless. Add a second provider block with an alias and token = influxdb3_admin_token.operator.token, "+
			"and use it for every other resource and data source. Until then, repair the operator token first with `-target`",
		"Otherwise give the provider another token that the server accepts ("+server.tokenSetting()+"). A named admin token keeps working when the operator token is rotated")
}

// issuedTokenProblem says of a failure with a token that is created and deleted by
// name what happened, what is true now and what to do next.
func issuedTokenProblem(verb, name string, err error, server *configuredServer) diag.Diagnostic {
	summary := "Unable to " + verb + " Token"
	name = loggable(name)
	var known *lifecycle.Error
	if !errors.As(err, &known) {
		return diag.NewErrorDiagnostic(summary, err.Error())
	}
	now := fmt.Sprintf("Nothing was changed on the server for the token %q.", name)
	if verb == "Create" { // one of somebody else may have made room for it
		now = fmt.Sprintf("The server has no token %q from this run.", name)
	}
	next := cause(known, server)
	switch known.Problem {
	case lifecycle.ProblemNoCredential:
		next = missingToken(server)
	case lifecycle.ProblemNotStarted:
		now, next = nothingSent, startupNext(server)
	case lifecycle.ProblemInterrupted, lifecycle.ProblemNotDone:
		var failed *influxdb3.Error
		if errors.As(known, &failed) && failed.Kind == influxdb3.KindOutcomeUnknown {
			now = notSeen + "the next refresh shows that."
			if verb == "Create" { // no state has it, so no refresh looks at it
				now = notSeen + fmt.Sprintf("the server has a token %q that nobody holds. The data source influxdb3_tokens shows it.", name)
			}
		}
	case lifecycle.ProblemUnverified:
		now = "The token is in state, because it may be the only copy. Terraform has marked the resource as tainted."
		next = "Apply again when the server can be reached. That deletes the token and creates another."
		if server.bridged { // which marks nothing
			now = "The token is in state, because it may be the only copy."
			next = "Refresh when the server can be reached: that shows whether the token is there."
		}
	case lifecycle.ProblemAuthenticationOff:
		next = "The server runs without authentication and has no tokens to manage. Start it without --without-auth."
	case lifecycle.ProblemNameTaken:
		next = "A name can be used once, among tokens of all kinds, expired ones too. Do one of these and apply again:\n" + bullets(
			"Use name_prefix, which makes the name unique and works with create_before_destroy",
			"Delete the token that is there ("+deletion(name)+")",
			"If you want to keep its name, import it and replace it (-replace): the server does not show its secret")
	case lifecycle.ProblemNotSupported:
		next = "Resource tokens need InfluxDB 3 Enterprise or InfluxDB 3 Cloud: on InfluxDB 3 Core use influxdb3_named_admin_token. Named admin tokens need InfluxDB 3.1 or later. If the server has such tokens, check the provider's url and its path."
	case lifecycle.ProblemWrongServer:
		now = "Nothing was changed on the server that answers, and the token in state was not changed."
		next = "If " + server.client.Endpoint() + " is the wrong address, correct " + server.urlSetting() + ". A provider block with an alias does not inherit it. If you rebuilt the server on purpose, run `terraform state rm` with the address of this resource and apply again."
	case lifecycle.ProblemForbidden:
		next = "Give the provider the operator token or a named admin token."
	case lifecycle.ProblemUnresolved:
		now = fmt.Sprintf("It is not known whether the server has the token %q.", name)
		if verb == "Delete" {
			next = "It is still in state. Apply again when the server can be reached: the refresh shows whether it is there."
			break
		}
		next = "When the server can be reached, look for it in the data source influxdb3_tokens. If this run made it, nobody holds its secret: delete it (" + deletion(name) + ") and apply again."
	case lifecycle.ProblemLost:
		now = fmt.Sprintf("The server has a token %q whose secret nobody holds.", name)
		next = "Delete it when the server can be reached (" + deletion(name) + ") and apply again."
	}
	return diag.NewErrorDiagnostic(summary, strings.Join([]string{sentence(known.Error()), now, next}, "\n\n"))
}

// ownCredential is the error about a token that the provider itself works with.
func ownCredential(name string, server *configuredServer) diag.Diagnostic {
	return diag.NewErrorDiagnostic("Token Is the Provider's Own",
		fmt.Sprintf("This run would delete the token %q, which is the provider's own token. After that the provider could do nothing more.\n\n"+
			"Nothing was changed.\n\n"+
			"Give the provider another token first (%s), for example the operator token, and apply again. "+
			"A token that renews itself needs name_prefix and create_before_destroy, or keep_on_destroy. "+
			"To let Terraform forget the token without deleting it, use `terraform state rm`.", loggable(name), server.tokenSetting()))
}

// deletion is the command that deletes a token past Terraform.
func deletion(name string) string { return fmt.Sprintf("influxdb3 delete token --token-name %q", name) }

// dataSourceProblem is for what only reads.
func dataSourceProblem(what string, err error, server *configuredServer) diag.Diagnostic {
	next := cause(err, server)
	var known *lifecycle.Error
	if errors.As(err, &known) && known.Problem == lifecycle.ProblemNoCredential {
		next = missingToken(server)
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
