package provider

import (
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3"
	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3test"
	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/lifecycle"
)

// What is known of an operator token that is to leave the state.
func TestAdminTokenModel_removal(t *testing.T) {
	t.Parallel()
	state := adminTokenModel{secretModel: secretModel{Token: types.StringValue("apiv3_x")}, ClusterUUID: types.StringValue("here"), Status: types.StringValue(string(lifecycle.StatusRotationDue))}
	hash := influxdb3.NewSecret("apiv3_x").Hash()
	server := newConfiguredServer(nil, influxdb3.Secret{}, &testClock{})
	server.operatorResources.patience = 0
	got := state.removal(server)
	if !got.Protected || got.Replaced || got.Status != lifecycle.StatusRotationDue || got.HeldTwice() {
		t.Errorf("got %+v", got)
	}
	server.operatorResources.sawState(hash, true)
	server.operatorResources.sawState(hash, true)
	server.operatorResources.end(&lifecycle.OperatorToken{Identity: lifecycle.Identity{ClusterUUID: "here"}})
	state.DeletionProtection = types.BoolValue(false)
	if got = state.removal(server); got.Protected || !got.Replaced || !got.HeldTwice() {
		t.Errorf("got %+v", got)
	}
	server.unknown = "url"
	if got = state.removal(server); got.Replaced || got.HeldTwice != nil {
		t.Errorf("nobody to ask: %+v", got)
	}
}

// What a plan says of a creation.
func TestForesee(t *testing.T) {
	t.Parallel()
	s := influxdb3test.New(t)
	operator := s.Bootstrap(t)
	admin := s.CreateNamedAdmin(t, operator, "automation", 0)
	hash := influxdb3.NewSecret(operator).Hash()
	nothing := func(*configuredServer) {}
	for name, tt := range map[string]struct { //nolint:paralleltest // they share a server and its log
		credential string
		existing   types.String
		arrange    func(*configuredServer)
		error      string
		warning    string
		requests   bool
	}{
		"adopted":          {operator, types.StringValue(existingAdopt), nothing, "", "", true},
		"not that token":   {admin, types.StringValue(existingAdopt), nothing, "it is not the operator token", "", true},
		"regenerated":      {admin, types.StringValue(existingRegenerate), nothing, "", hash, true},
		"not known yet":    {admin, types.StringUnknown(), nothing, "", "", false},
		"no server yet":    {admin, types.StringValue(existingAdopt), func(server *configuredServer) { server.unknown = "url" }, "", "", false},
		"held, protected":  {operator, types.StringValue(existingRegenerate), func(server *configuredServer) { server.operatorResources.sawState(hash, true) }, hash, "", true},
		"held":             {admin, types.StringValue(existingAdopt), func(server *configuredServer) { server.operatorResources.sawState(hash, false) }, "", "", true},
		"held, of another": {admin, types.StringValue(existingRegenerate), func(server *configuredServer) { server.operatorResources.sawState("fffffffff", true) }, "", hash, true},
		"handed over":      {admin, types.StringValue(existingAdopt), func(server *configuredServer) { server.operatorResources.handOver(handedOver{}) }, "", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			server := configuredFor(t, s, tt.credential)
			tt.arrange(server)
			s.ResetRequests()
			diags := (&adminTokenResource{tokenResource{onBlock(server)}}).foresee(t.Context(), adminTokenModel{ExistingToken: tt.existing})
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
