package provider

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3"
	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3test"
	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/lifecycle"
)

// instanceOf is an instance for a server, with a credential.
func instanceOf(t *testing.T, s *influxdb3test.Server, credential string) *instance {
	t.Helper()
	u, err := url.Parse(s.URL())
	if err != nil {
		t.Fatal(err)
	}
	return newInstance(influxdb3.New(influxdb3.Config{URL: u}), influxdb3.NewSecret(credential), &testClock{})
}

// The instance goes on with the new operator token if the old one was its credential,
// and never with one that the server refuses.
func TestInstance_rotated(t *testing.T) {
	t.Parallel()
	before, after := influxdb3.NewSecret("apiv3_before"), influxdb3.NewSecret("apiv3_after")
	for name, tt := range map[string]struct {
		previous string
		status   lifecycle.Status
		want     influxdb3.Secret
	}{
		"its own":            {before.Hash(), lifecycle.StatusActive, after},
		"its own, due":       {before.Hash(), lifecycle.StatusRotationDue, after},
		"its own, dead":      {before.Hash(), lifecycle.StatusRejected, before},
		"its own, expired":   {before.Hash(), lifecycle.StatusExpired, before},
		"another":            {"0123456789", lifecycle.StatusActive, before},
		"of which, not told": {"", lifecycle.StatusActive, before},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := newInstance(nil, before, &testClock{})
			writes := in.tokens.writes
			in.rotated(lifecycle.OperatorToken{Secret: after, Status: tt.status, PreviousHash: tt.previous})
			if got := in.issuer().Credential; !got.Equal(tt.want) || !in.operator().Credential.Equal(before) {
				t.Errorf("it goes on with %s", got.Hash())
			}
			if in.tokens.writes == writes {
				t.Error("a listing from before would be used")
			}
		})
	}
}

// The token that was created last takes the place of one that is deleted, and of no
// other.
func TestInstance_outlive(t *testing.T) {
	t.Parallel()
	own, successor := influxdb3.NewSecret("apiv3_own"), influxdb3.NewSecret("apiv3_successor")
	in := newInstance(nil, own, &testClock{})
	if !in.dependsOn(own.Hash()) || in.dependsOn(successor.Hash()) || in.outlive(own.Hash()) {
		t.Error("it needs its own token, and no other, as long as there is none after it")
	}
	in.issued(successor)
	if in.dependsOn(own.Hash()) || in.outlive("0123456789") || !in.issuer().Credential.Equal(own) {
		t.Error("another token's deletion changed its credential")
	}
	if !in.outlive(own.Hash()) || !in.issuer().Credential.Equal(successor) {
		t.Error("it does not go on with the successor")
	}
	in.makeWait("ci", "abc")
	if in.waitingFor("other") != "" || in.waitingFor("ci") != "abc" || in.waitingFor("ci") != "" {
		t.Error("what makes room does it once, for its own name")
	}
}

func TestOperatorResources_begin(t *testing.T) {
	t.Parallel()
	made := lifecycle.OperatorToken{Identity: lifecycle.Identity{ClusterUUID: "here"}, CreatedAt: time.Unix(1, 0)}
	o := newOperatorResources()
	if o.replaced(made) || o.replaced(lifecycle.OperatorToken{}) {
		t.Error("nothing was made yet")
	}
	if !o.begin() || o.begin() {
		t.Error("one resource may begin, once")
	}
	if o.replaced(lifecycle.OperatorToken{}) {
		t.Error("nothing was made yet")
	}
	o.end(nil)
	if o.begin() || o.replaced(lifecycle.OperatorToken{}) || o.handOver(handedOver{}) || o.hasHandedOver() {
		t.Error("after a failure nothing begins and nothing is handed over")
	}
	o = newOperatorResources()
	o.begin()
	o.end(&made)
	elsewhere, later := made, made
	elsewhere.ClusterUUID, later.CreatedAt = "elsewhere", time.Unix(2, 0)
	if !o.replaced(made) || o.replaced(elsewhere) || o.replaced(later) || o.begin() {
		t.Error("what was made replaces the token of its own server only")
	}
	if !o.handOver(handedOver{token: made}) {
		t.Error("after a success there may be a hand-over")
	}
}

func TestOperatorResources_handOver(t *testing.T) {
	t.Parallel()
	o := newOperatorResources()
	if o.takeOver() != nil || o.hasHandedOver() {
		t.Error("nothing was handed over")
	}
	token := lifecycle.OperatorToken{Status: lifecycle.StatusRejected}
	if !o.handOver(handedOver{token: token}) || !o.hasHandedOver() {
		t.Error("it was not kept")
	}
	if got := o.takeOver(); got == nil || got.token.Status != token.Status || o.takeOver() != nil {
		t.Error("it is taken over once")
	}
	began := time.Now()
	go func() {
		time.Sleep(10 * time.Millisecond)
		o.handOver(handedOver{token: token})
	}()
	if o.awaitHandOver() == nil || time.Since(began) >= othersWait {
		t.Error("what is handed over a little later is waited for, and no longer than that")
	}
	if began = time.Now(); o.awaitHandOver() != nil || time.Since(began) < othersWait {
		t.Error("what never comes is waited for")
	}
}

func TestOperatorResources_seen(t *testing.T) {
	t.Parallel()
	o := newOperatorResources()
	if !o.stays() || o.stays() || o.creates(false) {
		t.Error("one resource of a server stays, and none is created beside it")
	}
	if o = newOperatorResources(); !o.stays() || !o.creates(true) || !o.creates(false) {
		t.Error("a replacement is planned twice, and then does not stay")
	}
	if o = newOperatorResources(); !o.creates(false) || o.stays() {
		t.Error("none stays beside one that is created")
	}
	if !o.importing("a") || o.importing("a") || !o.importing("b") || !o.importedHere("a") || o.importedHere("c") {
		t.Error("a token is imported once")
	}
	o.sawState("0123456789", false)
	if o.importing("0123456789") {
		t.Error("a token that a state has is not imported")
	}
	if held, protected := o.holds("012345678"); !held || protected {
		t.Errorf("held %t, protected %t", held, protected)
	}
	go func() {
		time.Sleep(10 * time.Millisecond)
		o.sawState("0123456789", true)
		o.sawState("0123456789", false)
	}()
	began := time.Now()
	if !o.heldTwice("0123456789") || time.Since(began) >= othersWait {
		t.Error("a second state that is refreshed a little later is waited for, and no longer")
	}
	o.sawState("0123456789", false)
	if held, protected := o.holds("0123456789"); !held || !protected {
		t.Errorf("held %t, protected %t, although one of them is", held, protected)
	}
	if held, _ := o.holds("ffffff"); held {
		t.Error("another token is held")
	}
	if held, _ := o.holds(""); held {
		t.Error("a token that is not known is held")
	}
	o.sawState("once", false)
	if o.heldTwice("once") {
		t.Error("one state counts twice")
	}
}

// When a protected token can go all the same.
func TestMayGo(t *testing.T) {
	t.Parallel()
	state := adminTokenModel{Token: types.StringValue("apiv3_x"), ClusterUUID: types.StringValue("here")}
	hash := influxdb3.NewSecret("apiv3_x").Hash()
	for name, tt := range map[string]struct {
		status  lifecycle.Status
		unknown string
		arrange func(*operatorResources)
		want    bool
	}{
		"good":               {lifecycle.StatusActive, "", func(*operatorResources) {}, false},
		"due":                {lifecycle.StatusRotationDue, "", func(*operatorResources) {}, false},
		"dead":               {lifecycle.StatusRejected, "", func(*operatorResources) {}, true},
		"expired":            {lifecycle.StatusExpired, "", func(*operatorResources) {}, true},
		"dead, nobody there": {lifecycle.StatusRejected, "url", func(*operatorResources) {}, true},
		"replaced": {lifecycle.StatusActive, "", func(o *operatorResources) {
			o.end(&lifecycle.OperatorToken{Identity: lifecycle.Identity{ClusterUUID: "here"}})
		}, true},
		"held twice":        {lifecycle.StatusActive, "", func(o *operatorResources) { o.sawState(hash, true); o.sawState(hash, true) }, true},
		"held twice, where": {lifecycle.StatusActive, "url", func(o *operatorResources) { o.sawState(hash, true); o.sawState(hash, true) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := newInstance(nil, influxdb3.Secret{}, &testClock{})
			in.unknown = tt.unknown
			tt.arrange(in.resources)
			state := state
			state.Status = types.StringValue(string(tt.status))
			if got := (&adminTokenResource{tokenResource{in}}).mayGo(state); got != tt.want {
				t.Errorf("got %t", got)
			}
		})
	}
}

// What a plan says of a creation.
func TestForesee(t *testing.T) {
	t.Parallel()
	const operator = secretToken // of every server, so that the cases know its hash
	hash := influxdb3.NewSecret(operator).Hash()
	const admin = "a named admin token"
	nothing := func(*instance) {}
	for name, tt := range map[string]struct {
		credential string
		existing   types.String
		arrange    func(*instance)
		error      string
		warning    string
		requests   bool
	}{
		"adopted":          {operator, types.StringValue(existingAdopt), nothing, "", "", true},
		"not that token":   {admin, types.StringValue(existingAdopt), nothing, "it is not the operator token", "", true},
		"regenerated":      {admin, types.StringValue(existingRegenerate), nothing, "", hash, true},
		"not known yet":    {admin, types.StringUnknown(), nothing, "", "", false},
		"no server yet":    {admin, types.StringValue(existingAdopt), func(in *instance) { in.unknown = "url" }, "", "", false},
		"held, protected":  {operator, types.StringValue(existingRegenerate), func(in *instance) { in.resources.sawState(hash, true) }, hash, "", true},
		"held":             {admin, types.StringValue(existingAdopt), func(in *instance) { in.resources.sawState(hash, false) }, "", "", true},
		"held, of another": {admin, types.StringValue(existingRegenerate), func(in *instance) { in.resources.sawState("fffffffff", true) }, "", hash, true},
		"handed over":      {admin, types.StringValue(existingAdopt), func(in *instance) { in.resources.handOver(handedOver{}) }, "", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := influxdb3test.New(t, influxdb3test.WithTokenFile(influxdb3.OperatorTokenName, operator))
			credential := tt.credential
			if credential == admin {
				credential = s.CreateNamedAdmin(t, operator, "automation", 0)
			}
			in := instanceOf(t, s, credential)
			tt.arrange(in)
			diags := (&adminTokenResource{tokenResource{in}}).foresee(t.Context(), adminTokenModel{ExistingToken: tt.existing})
			if (diags.ErrorsCount() == 1) != (tt.error != "") || (diags.WarningsCount() == 1) != (tt.warning != "") || (len(s.Requests()) > 0) != tt.requests {
				t.Fatalf("got %v with %d requests", diags, len(s.Requests()))
			}
			for _, d := range diags {
				if !strings.Contains(d.Detail(), tt.error+tt.warning) {
					t.Errorf("got %s", d.Detail())
				}
			}
		})
	}
}

func TestImportStage(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		before importStage
		here   bool
		want   importStage
	}{
		{notImported, false, notImported},
		{notImported, true, notImported},
		{imported, true, imported},
		{imported, false, importedAndSeen},
		{importedAndSeen, true, importedAndSeen},
		{importedAndSeen, false, notImported},
	} {
		if got := tt.before.refreshed(tt.here); got != tt.want {
			t.Errorf("%d, here %t: got %d, want %d", tt.before, tt.here, got, tt.want)
		}
	}
}

// An identity is recorded once: Terraform takes another one for another object.
func TestIdentify(t *testing.T) {
	t.Parallel()
	var schema resource.IdentitySchemaResponse
	(&tokenResource{}).IdentitySchema(t.Context(), resource.IdentitySchemaRequest{}, &schema)
	identity := &tfsdk.ResourceIdentity{Schema: schema.IdentitySchema, Raw: tftypes.NewValue(schema.IdentitySchema.Type().TerraformType(t.Context()), nil)}
	for i, uuid := range []types.String{types.StringNull(), types.StringValue("here")} {
		if diags := identify(t.Context(), identity, types.StringValue("_admin"), uuid); diags.HasError() {
			t.Fatal(diags)
		}
		var got tokenIdentityModel
		if diags := identity.Get(t.Context(), &got); diags.HasError() || got.Name.ValueString() != "_admin" || !got.ClusterUUID.IsNull() {
			t.Errorf("%d: got %+v, %v", i, got, diags)
		}
	}
	if diags := identify(t.Context(), nil, types.StringValue("_admin"), types.StringNull()); len(diags) != 0 {
		t.Errorf("without identities: %v", diags)
	}
}

func TestCheckCluster(t *testing.T) {
	t.Parallel()
	in := newInstance(influxdb3.New(influxdb3.Config{URL: &url.URL{Scheme: "http", Host: "127.0.0.1:8181"}}), influxdb3.Secret{}, &testClock{})
	for _, tt := range []struct {
		want    types.String
		answers string
		fails   bool
	}{
		{types.StringNull(), "here", false},
		{types.StringValue("here"), "here", false},
		{types.StringValue("here"), "elsewhere", true},
		{types.StringValue("here"), "", true},
	} {
		if got := (tokenIdentityModel{ClusterUUID: tt.want}).checkCluster(tt.answers, in); got.HasError() != tt.fails {
			t.Errorf("%s, and %q answers: %v", tt.want, tt.answers, got)
		}
	}
}
