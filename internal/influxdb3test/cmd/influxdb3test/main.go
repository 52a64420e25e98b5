// Command influxdb3test is an InfluxDB 3 token server for tests and demos. It takes the flags of
// `influxdb3 serve`, so that the two can stand in for each other.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3test"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := influxdb3test.Command(ctx, os.Args[1:], os.Stderr)
	stop()
	os.Exit(code)
}
