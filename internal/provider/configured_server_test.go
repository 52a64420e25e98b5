package provider

import (
	"net/url"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3"
	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3test"
	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/lifecycle"
)

// configuredFor is a configured server for one of the test, with a credential. Nothing comes
// to what waits for another resource.
func configuredFor(t *testing.T, s *influxdb3test.Server, credential string) *configuredServer {
	t.Helper()
	u, err := url.Parse(s.URL())
	if err != nil {
		t.Fatal(err)
	}
	server := newConfiguredServer(influxdb3.New(influxdb3.Config{URL: u}), influxdb3.NewSecret(credential), &testClock{})
	server.operatorResources.patience = patienceAlone
	return server
}

// onBlock is what a resource has after Configure.
func onBlock(server *configuredServer) onServer {
	return onServer{&configuredServers{byName: map[string]*configuredServer{"": server}}}
}

// Before the provider is configured there is nobody to call, and the wrong thing is no
// server.
func TestOnServer(t *testing.T) {
	t.Parallel()
	block, none := types.StringNull(), types.StringValue("none")
	var o onServer
	if diags := o.configure(nil); diags.HasError() || o.server(block).usable() {
		t.Errorf("not configured yet: %v", diags)
	}
	if diags := o.configure("url"); !diags.HasError() || o.server(block).usable() {
		t.Error("a text is no server")
	}
	server := newConfiguredServer(nil, influxdb3.Secret{}, &testClock{})
	servers := &configuredServers{byName: map[string]*configuredServer{"": server, "other": {unknown: "url"}}}
	if diags := o.configure(servers); diags.HasError() || o.server(block) != server || !server.usable() {
		t.Errorf("the block itself: %v", diags)
	}
	if o.server(types.StringValue("other")).usable() {
		t.Error("one whose address is not known can be used")
	}
	if other := o.server(types.StringUnknown()); other.usable() || other.isMissing() {
		t.Error("one that is not known can be used, or is missing")
	}
	if other := o.server(none); other.usable() || !other.isMissing() {
		t.Error("one that there is not can be used")
	}
	servers.unknown = true
	if other := o.server(none); other.usable() || other.isMissing() {
		t.Error("one that there may be can be used, or is missing")
	}
}

// After a rotation a listing from before is not used, named tokens go on with the new
// operator token, and no other resource may rotate it.
func TestConfiguredServer_rotated(t *testing.T) {
	t.Parallel()
	before, after := influxdb3.NewSecret("apiv3_before"), influxdb3.NewSecret("apiv3_after")
	server := newConfiguredServer(influxdb3.New(influxdb3.Config{URL: &url.URL{Scheme: "http", Host: "127.0.0.1:8181"}}), before, &testClock{})
	writes := server.tokens.writes
	server.rotated(lifecycle.OperatorToken{Secret: after, Status: lifecycle.StatusActive, PreviousHash: before.Hash()})
	if !server.issuer().Credential.Equal(after) || !server.operator().Credential.Equal(before) {
		t.Error("named tokens go on with the new one, the operator token's resources with the configured one")
	}
	if server.tokens.writes == writes {
		t.Error("a listing from before would be used")
	}
	if server.operatorResources.begin() {
		t.Error("another resource may rotate it")
	}
}

func TestConfiguredServer_room(t *testing.T) {
	t.Parallel()
	server := newConfiguredServer(nil, influxdb3.Secret{}, &testClock{})
	server.makeRoom("ci", "abc")
	if server.takeRoom("other") != "" || server.takeRoom("ci") != "abc" || server.takeRoom("ci") != "" {
		t.Error("what makes room does it once, for its own name")
	}
}

func TestConfiguredServer_importing(t *testing.T) {
	t.Parallel()
	server := newConfiguredServer(nil, influxdb3.Secret{}, &testClock{})
	if !server.importing("a") || server.importing("a") || !server.importing("b") || !server.importedHere("a") || server.importedHere("c") {
		t.Error("a token is imported once")
	}
}
