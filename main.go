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
		silenceSDK()
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

// silenceSDK turns the log of the framework off where the CLI would drop it. By default
// the framework writes everything it does to the CLI, which reads each line and throws it
// away: half of what a plan of many tokens costs. The variables are those by which
// Terraform and OpenTofu choose the level of a provider's log.
func silenceSDK() {
	const sdk = "TF_LOG_SDK"
	for _, name := range []string{"TF_LOG", "TF_LOG_PROVIDER", sdk} {
		if os.Getenv(name) != "" {
			return
		}
	}
	_ = os.Setenv(sdk, "OFF") // fails for an invalid name only
}
