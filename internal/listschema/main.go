// Command listschema reads the schemas of providers as `terraform providers schema -json`
// prints them, and adds those of the list resources to each: Terraform before 1.14 and
// OpenTofu know none, and the documentation has to come out the same under every command
// line.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/provider"
)

func main() {
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	var all struct {
		FormatVersion string                    `json:"format_version"`
		Providers     map[string]map[string]any `json:"provider_schemas"`
	}
	if err := json.NewDecoder(os.Stdin).Decode(&all); err != nil {
		return fmt.Errorf("reading the schemas: %w", err)
	}
	schemas, err := listSchemas(ctx)
	if err != nil {
		return err
	}
	for _, one := range all.Providers {
		one["list_resource_schemas"] = schemas
	}
	return json.NewEncoder(os.Stdout).Encode(all)
}

// listSchemas are the schemas of the list resources as JSON has them.
func listSchemas(ctx context.Context) (map[string]any, error) {
	server, err := providerserver.NewProtocol6WithError(provider.New("dev")())()
	if err != nil {
		return nil, fmt.Errorf("starting the provider: %w", err)
	}
	all, err := server.GetProviderSchema(ctx, &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		return nil, fmt.Errorf("asking for the schemas: %w", err)
	}
	schemas := map[string]any{}
	for name, schema := range all.ListResourceSchemas {
		attributes := map[string]any{}
		for _, a := range schema.Block.Attributes {
			attributes[a.Name] = map[string]any{
				"type": a.Type, "description": a.Description, "description_kind": "markdown", "optional": a.Optional, "required": a.Required,
			}
		}
		schemas[name] = map[string]any{"version": schema.Version, "block": map[string]any{
			"attributes": attributes, "description": schema.Block.Description, "description_kind": "markdown",
		}}
	}
	return schemas, nil
}
