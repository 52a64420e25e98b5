package provider

import (
	"context"
	"fmt"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework-validators/setvalidator"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/agefile"
	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3"
)

// secretModel is how a resource has the secret of its token in state: readable, or
// encrypted for recipients. After the import of an issued token it has neither.
type secretModel struct {
	Token          types.String `tfsdk:"token"`
	EncryptedToken types.String `tfsdk:"encrypted_token"`
	AgeRecipients  types.Set    `tfsdk:"age_recipients"`
}

func encryptedTokenAttribute() schema.StringAttribute {
	return schema.StringAttribute{
		Computed:            true,
		PlanModifiers:       []planmodifier.String{stringplanmodifier.UseStateForUnknown()},
		MarkdownDescription: "The token as an armored age file, which only the holders of a private key of `age_recipients` can read. Null without `age_recipients`. The ephemeral resource `influxdb3_token` decrypts it, and so does `age -d`.",
	}
}

// ageRecipientsAttribute is the attribute with what is special about one resource.
func ageRecipientsAttribute(special string) schema.SetAttribute {
	return schema.SetAttribute{
		ElementType: types.StringType,
		Optional:    true,
		Validators:  []validator.Set{setvalidator.SizeAtLeast(1), ageRecipients{}},
		MarkdownDescription: "Public keys of [age](https://age-encryption.org) that the token is encrypted for: `age1...`, `age1pq1...` (post-quantum, not together with others), `ssh-ed25519 ...` or `ssh-rsa ...`. " +
			"The state then has `encrypted_token` instead of `token`. " + special + " " +
			"A change encrypts the token in state anew, for which the provider needs a private key (`age_identity`), or takes effect with the next token.",
	}
}

// importedSecret is the form of a secret that is imported. An import does not know the
// configuration: the provider's own identity is what keeps the secret out of sight.
func importedSecret(identities agefile.Identities) secretModel {
	m := secretModel{Token: types.StringNull(), EncryptedToken: types.StringNull(), AgeRecipients: types.SetNull(types.StringType)}
	if recipient := identities.Recipient(); recipient != "" {
		m.AgeRecipients = types.SetValueMust(types.StringType, []attr.Value{types.StringValue(recipient)})
	}
	return m
}

// secret returns the secret, empty if nobody here can read it. What is decrypted and has
// another hash than the state says is not the token.
func (m secretModel) secret(hash string, identities agefile.Identities) influxdb3.Secret {
	if m.EncryptedToken.ValueString() == "" {
		return influxdb3.NewSecret(m.Token.ValueString())
	}
	secret, err := identities.Decrypt(m.EncryptedToken.ValueString())
	if err != nil || !influxdb3.SameHash(secret.Hash(), hash) {
		return influxdb3.Secret{}
	}
	given.add(secret.Reveal()) // to keep it out of what is said
	return secret
}

// isEmpty says whether there is no secret in any form.
func (m secretModel) isEmpty() bool {
	return m.Token.ValueString() == "" && m.EncryptedToken.ValueString() == ""
}

// recipients are nil where the secret is kept readable.
func (m secretModel) recipients() (agefile.Recipients, error) {
	if m.AgeRecipients.IsNull() {
		return nil, nil
	}
	texts := make([]string, 0, len(m.AgeRecipients.Elements()))
	for _, element := range m.AgeRecipients.Elements() {
		text, _ := element.(types.String) // the schema says so
		texts = append(texts, text.ValueString())
	}
	return agefile.ParseRecipients(texts)
}

// checkRecipients parses them before anything is called: after it a secret cannot be
// without a way into state.
func (m secretModel) checkRecipients() (diags diag.Diagnostics) {
	if _, err := m.recipients(); err != nil {
		diags.Append(invalidRecipients(path.Root("age_recipients"), err))
	}
	return diags
}

// keep puts a secret into the model.
func (m *secretModel) keep(secret influxdb3.Secret) (diags diag.Diagnostics) {
	recipients, err := m.recipients()
	encrypted := ""
	if err == nil && recipients != nil {
		encrypted, err = recipients.Encrypt(secret)
	}
	if encrypted == "" {
		m.Token, m.EncryptedToken = types.StringValue(secret.Reveal()), types.StringNull()
	} else {
		m.Token, m.EncryptedToken = types.StringNull(), types.StringValue(encrypted)
	}
	if err != nil { // it was checked before, and the only copy is not dropped for it
		diags.AddError("Unable to Encrypt Token", fmt.Sprintf("The token could not be encrypted: %s.\n\nIt is in state in plain text, because this may be the only copy.\n\nThis is a bug in the provider; please report it.", err))
	}
	return diags
}

// madeAnew is the model of a secret that is made, or encrypted anew, at apply.
func (m secretModel) madeAnew() secretModel {
	m.Token, m.EncryptedToken = types.StringUnknown(), types.StringUnknown()
	switch {
	case m.AgeRecipients.IsUnknown():
	case m.AgeRecipients.IsNull():
		m.EncryptedToken = types.StringNull()
	default:
		m.Token = types.StringNull()
	}
	return m
}

// planSecret writes into a plan what becomes of the secret.
func (m secretModel) planSecret(ctx context.Context, plan *tfsdk.Plan) diag.Diagnostics {
	diags := plan.SetAttribute(ctx, path.Root("token"), m.Token)
	diags.Append(plan.SetAttribute(ctx, path.Root("encrypted_token"), m.EncryptedToken)...)
	return diags
}

// reencrypted is the planned model of a secret that stays while its recipients may change.
// It is an error where nobody could read it for that. Recipients that are not known yet may
// turn out to be the same.
func (m secretModel) reencrypted(state secretModel, hash string, imported bool, server *configuredServer) (secretModel, diag.Diagnostics) {
	switch {
	case m.AgeRecipients.Equal(state.AgeRecipients), state.isEmpty():
		return m, nil
	case setUnknown(m.AgeRecipients): // they may be those of before
		return m.madeAnew(), nil
	case server.usable() && server.secretOf(state, hash).IsEmpty():
		return m, diag.Diagnostics{notReadable(hash, imported)}
	default:
		return m.madeAnew(), nil
	}
}

// reencrypt carries such a plan out.
func (m *secretModel) reencrypt(state secretModel, hash string, server *configuredServer) (diags diag.Diagnostics) {
	if !m.Token.IsUnknown() && !m.EncryptedToken.IsUnknown() {
		return diags
	}
	secret := server.secretOf(state, hash)
	if secret.IsEmpty() {
		diags.Append(notReadable(hash, false)) // of an imported one the plan has told
		return diags
	}
	diags = m.keep(secret)
	if !diags.HasError() {
		diags.Append(m.encryptedNow(state, hash)...)
	}
	return diags
}

// encryptedNow warns of a token that was in plain text and stays the same.
func (m secretModel) encryptedNow(before secretModel, hash string) (diags diag.Diagnostics) {
	if before.EncryptedToken.IsNull() && !m.EncryptedToken.IsNull() {
		diags.AddWarning("Older Versions of the State Hold the Token", "The token "+hash+" is encrypted from now on. Versions of the state, backups and saved plans from before still hold it in plain text. Rotate the token: then what they hold no longer works.")
	}
	return diags
}

// notReadable is the error about a change of recipients that nobody here can make. The
// first apply after an import rotates nothing.
func notReadable(hash string, imported bool) diag.Diagnostic {
	otherwise := "Rotate the token in the same apply, for example with a change in rotation_triggers: the new token is encrypted for the new recipients"
	if imported {
		otherwise = "Keep the age_recipients that the import has written into state, apply, and change them together with rotation_triggers"
	}
	return diag.NewAttributeErrorDiagnostic(path.Root("age_recipients"), "Unable to Decrypt Token",
		"A change of age_recipients encrypts the token anew, and the provider cannot read the token "+hash+" in state.\n\nNothing was changed.\n\nDo one of these and apply again:\n"+bullets(
			"Give the provider an identity that can decrypt it (age_identity or age_identity_file, or "+envAgeIdentity+" or "+envAgeIdentityFile+")",
			otherwise))
}

func invalidRecipients(at path.Path, err error) diag.Diagnostic {
	return diag.NewAttributeErrorDiagnostic(at, "Invalid Age Recipients", fmt.Sprintf("age_recipients cannot be used: %s.", err))
}

// ageRecipients accepts what can be encrypted for.
type ageRecipients struct{}

// Description implements validator.Describer.
func (ageRecipients) Description(context.Context) string { return "recipients of age" }

// MarkdownDescription implements validator.Describer.
func (v ageRecipients) MarkdownDescription(ctx context.Context) string { return v.Description(ctx) }

// ValidateSet implements validator.Set. The CLI prints the line under the path of an
// attribute, so that an identity that was pasted is reported without one.
func (ageRecipients) ValidateSet(_ context.Context, req validator.SetRequest, resp *validator.SetResponse) {
	// What is known is looked at: a plan shows it.
	known := slices.DeleteFunc(slices.Clone(req.ConfigValue.Elements()), attr.Value.IsUnknown)
	if len(known) == 0 {
		return
	}
	_, err := secretModel{AgeRecipients: types.SetValueMust(types.StringType, known)}.recipients()
	switch {
	case err == nil:
	case slices.ContainsFunc(known, holdsIdentity):
		resp.Diagnostics.AddError("Invalid Age Recipients", fmt.Sprintf("age_recipients cannot be used: %s.", err))
	default:
		resp.Diagnostics.Append(invalidRecipients(req.Path, err))
	}
}

func holdsIdentity(value attr.Value) bool {
	text, ok := value.(types.String)
	return ok && holdsToken(text.ValueString())
}
