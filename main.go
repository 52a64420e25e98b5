// Command terraform-provider-influxdb3 is a provider for Terraform and OpenTofu
// that owns the life of InfluxDB 3 tokens.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"os"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/provider"
)

// version is set by the build.
var version = "dev"

func main() {
	var debug bool
	flag.BoolVar(&debug, "debug", false, "run so that a debugger can be attached; prints TF_REATTACH_PROVIDERS")
	flag.Parse()

	// net/http writes the beginning of an unannounced reply into this log, and a
	// token may be in it. Nothing of ours is logged there.
	log.SetOutput(io.Discard)
	if !debug { // a debugger's process is ended by hand
		provider.HoldTermination()
	}
	err := providerserver.Serve(context.Background(), provider.New(version), providerserver.ServeOpts{
		Address: "registry.terraform.io/influxdb3-community/influxdb3",
		Debug:   debug,
	})
	provider.RevokeRunTokens(context.Background())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
