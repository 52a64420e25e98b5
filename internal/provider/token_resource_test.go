package provider

import (
	"context"
	"net/url"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3"
)

// An identity is recorded once: Terraform takes another one for another object.
func TestIdentify(t *testing.T) {
	t.Parallel()
	var schema resource.IdentitySchemaResponse
	(&tokenResource{}).IdentitySchema(t.Context(), resource.IdentitySchemaRequest{}, &schema)
	ctx := context.Background()
	identity := &tfsdk.ResourceIdentity{Schema: schema.IdentitySchema, Raw: tftypes.NewValue(schema.IdentitySchema.Type().TerraformType(ctx), nil)}
	for i, uuid := range []types.String{types.StringNull(), types.StringValue("here")} {
		if diags := identify(ctx, identity, types.StringValue("_admin"), uuid); diags.HasError() {
			t.Fatal(diags)
		}
		var got tokenIdentityModel
		if diags := identity.Get(ctx, &got); diags.HasError() || got.Name.ValueString() != "_admin" || !got.ClusterUUID.IsNull() {
			t.Errorf("%d: got %+v, %v", i, got, diags)
		}
	}
	if diags := identify(ctx, nil, types.StringValue("_admin"), types.StringNull()); len(diags) != 0 {
		t.Errorf("without identities: %v", diags)
	}
}

func TestCheckCluster(t *testing.T) {
	t.Parallel()
	server := newConfiguredServer(influxdb3.New(influxdb3.Config{URL: &url.URL{Scheme: "http", Host: "127.0.0.1:8181"}}), influxdb3.Secret{}, &testClock{})
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
		if got := (tokenIdentityModel{ClusterUUID: tt.want}).checkCluster(tt.answers, server); got.HasError() != tt.fails {
			t.Errorf("%s, and %q answers: %v", tt.want, tt.answers, got)
		}
	}
}
