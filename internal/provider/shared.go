package provider

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-timetypes/timetypes"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/identityschema"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// Keys of private state. Values are JSON.
const (
	privateImported    = "import_stage"   // see importStage
	privateFacts       = "operator_facts" // what is known of the operator token besides its state
	privateAge         = "age_unresolved" // a rotation that was due by age was begun, and how it ended is not known
	privatePlanned     = "planned"        // the plan has looked at the resource as one that stays
	privateForeignHash = "foreign_hash"   // of the token that somebody else made under the name, as of the last refresh
	privateGivesWay    = "gives_way"      // the hash of it, if the plan replaces it with one of that name
)

// operatorFacts are kept of an operator token and its server and shown to nobody.
type operatorFacts struct {
	PreviousHash string `json:"previous_hash,omitempty"` // that the last rotation replaced
	ListedAt     string `json:"listed_at,omitempty"`     // when the server says that it was made, RFC 3339
	Build        string `json:"build,omitempty"`
	Version      string `json:"version,omitempty"`
}

func (f operatorFacts) listedAt() time.Time {
	at, _ := time.Parse(time.RFC3339Nano, f.ListedAt) // zero if there is none
	return at
}

// importStage counts how often an imported resource has been refreshed by a process
// other than the one that imported it. Up to the first apply triggers are recorded
// without acting upon them. Terraform does not tell a provider of an apply that
// changes nothing; but what a refresh has noted is in state afterwards, so that a
// second one that finds the note knows that there was one in between.
type importStage int

const (
	notImported      importStage = iota
	imported                     // and not yet refreshed by another process
	importedAndSeen              // refreshed once
	importStageLimit             // refreshed again: the first apply is over
)

// refreshed is the stage after a refresh. here: by the process that has imported it.
func (s importStage) refreshed(here bool) importStage {
	if s == notImported || here {
		return s
	}
	return (s + 1) % importStageLimit
}

// tokenResource is what every resource of a token has.
type tokenResource struct {
	in *instance
}

// IdentitySchema implements resource.ResourceWithIdentity. The identity of a token is
// its name, which is unique among all kinds, and the server that it is on.
func (r *tokenResource) IdentitySchema(_ context.Context, _ resource.IdentitySchemaRequest, resp *resource.IdentitySchemaResponse) {
	resp.IdentitySchema = identityschema.Schema{
		Attributes: map[string]identityschema.Attribute{
			"name":         identityschema.StringAttribute{RequiredForImport: true, Description: "Name of the token."},
			"cluster_uuid": identityschema.StringAttribute{OptionalForImport: true, Description: "Identity of the server's catalog (InfluxDB 3.7 and later, null before). An import checks it where it is given."},
		},
	}
}

// Configure implements resource.ResourceWithConfigure.
func (r *tokenResource) Configure(_ context.Context, req resource.ConfigureRequest, resp *resource.ConfigureResponse) {
	in, diags := configuredInstance(req.ProviderData)
	resp.Diagnostics.Append(diags...)
	r.in = in
}

type tokenIdentityModel struct {
	Name        types.String `tfsdk:"name"`
	ClusterUUID types.String `tfsdk:"cluster_uuid"`
}

// identify records the identity of a token, once: Terraform takes a changed one for
// another object, and a server can begin to name its cluster when it is upgraded.
func identify(ctx context.Context, identity *tfsdk.ResourceIdentity, name, clusterUUID types.String) (diags diag.Diagnostics) {
	if identity == nil {
		return diags // the CLI knows no identities
	}
	var recorded tokenIdentityModel
	if !identity.Raw.IsNull() {
		diags.Append(identity.Get(ctx, &recorded)...)
	}
	if recorded.Name.ValueString() == "" {
		diags.Append(identity.Set(ctx, &tokenIdentityModel{Name: name, ClusterUUID: clusterUUID})...)
	}
	return diags
}

// attributeSetter is what a state and an identity have in common.
type attributeSetter interface {
	Set(ctx context.Context, value any) diag.Diagnostics
}

// triggersDiffer compares what is known; null and empty are the same.
func triggersDiffer(plan, state types.Map) bool {
	if plan.IsUnknown() {
		return false
	}
	return !maps.EqualFunc(plan.Elements(), state.Elements(), func(a, b attr.Value) bool {
		return a.IsUnknown() || a.Equal(b)
	})
}

func anyUnknown(triggers types.Map) bool {
	return triggers.IsUnknown() || slices.ContainsFunc(slices.Collect(maps.Values(triggers.Elements())), attr.Value.IsUnknown)
}

func timeOf(v timetypes.RFC3339) time.Time {
	if v.IsNull() || v.IsUnknown() {
		return time.Time{}
	}
	t, _ := v.ValueRFC3339Time() // written by timestamp below
	return t.UTC()
}

// timestamp writes a time as Terraform's timestamp functions read it. Years past
// 9999, which RFC 3339 cannot say and the server can, become the end of 9999.
func timestamp(t *time.Time) timetypes.RFC3339 {
	if t == nil || t.IsZero() {
		return timetypes.NewRFC3339Null()
	}
	last := time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)
	if t.After(last) {
		t = &last
	}
	// With milliseconds, by which the server tells its tokens apart; the
	// constructor from a time.Time drops them.
	return timetypes.NewRFC3339ValueMust(t.UTC().Format(time.RFC3339Nano))
}

// privateGetter is what requests and responses have in common here.
type privateGetter interface {
	GetKey(ctx context.Context, key string) ([]byte, diag.Diagnostics)
}

type privateSetter interface {
	SetKey(ctx context.Context, key string, value []byte) diag.Diagnostics
}

// getPrivate reads a value of private state, the zero value if there is none.
func getPrivate[T any](ctx context.Context, private privateGetter, key string) (T, diag.Diagnostics) {
	var value T
	raw, diags := private.GetKey(ctx, key)
	if len(raw) == 0 || diags.HasError() {
		return value, diags
	}
	if err := json.Unmarshal(raw, &value); err != nil {
		diags.AddError("Unexpected Private State", fmt.Sprintf("The key %q of the resource's private state is not what this provider writes there: %s.", key, err))
	}
	return value, diags
}

// setPrivate writes a value into private state and removes the key for the zero
// value.
func setPrivate[T comparable](ctx context.Context, private privateSetter, key string, value T) diag.Diagnostics {
	var zero T
	if value == zero {
		return private.SetKey(ctx, key, nil)
	}
	raw, err := json.Marshal(value)
	if err != nil {
		return diag.Diagnostics{diag.NewErrorDiagnostic("Unexpected Private State", err.Error())}
	}
	return private.SetKey(ctx, key, raw)
}

// attributeGetter is what a configuration, a plan and a state have in common.
type attributeGetter interface {
	Get(ctx context.Context, target any) diag.Diagnostics
}

// optional is null for "".
func optional(text string) types.String {
	if text == "" {
		return types.StringNull()
	}
	return types.StringValue(text)
}

// importName is what an import names, by ID or by identity.
func importName(ctx context.Context, req resource.ImportStateRequest) (tokenIdentityModel, diag.Diagnostics) {
	identity := tokenIdentityModel{Name: types.StringValue(req.ID), ClusterUUID: types.StringNull()}
	if req.ID != "" || req.Identity == nil {
		return identity, nil
	}
	diags := req.Identity.Get(ctx, &identity)
	return identity, diags
}

// checkCluster is the error about an import of a token of another cluster than the
// identity names.
func (m tokenIdentityModel) checkCluster(answers string, in *instance) (diags diag.Diagnostics) {
	if want := m.ClusterUUID.ValueString(); want != "" && want != answers {
		diags.AddError("Unable to Import Token", fmt.Sprintf("The identity names the cluster %s, and %s answers as cluster %q.\n\nNothing was changed.\n\n"+
			"Correct the provider's url, or the cluster_uuid of the identity.", loggable(want), in.client.Endpoint(), answers))
	}
	return diags
}
