//go:build linux || darwin

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3test"
)

// The provider does not write the framework's log to a CLI that would throw it away, but to
// one that was asked for it.
func TestSilence(t *testing.T) {
	t.Parallel()
	s := influxdb3test.New(t)
	w := emptyWorkspace(t, s)
	written := w.path("stderr")

	// What the CLI starts passes everything on but stderr.
	dir := t.TempDir()
	script := fmt.Sprintf("#!/bin/sh\nexec %q 2>>%q\n", filepath.Join(scratch, "terraform-provider-influxdb3"), written)
	if err := os.WriteFile(filepath.Join(dir, "terraform-provider-influxdb3"), []byte(script), 0o700); err != nil { //nolint:gosec // it is to be run
		t.Fatal(err)
	}
	w.write("dev.tfrc", fmt.Sprintf("provider_installation {\n  dev_overrides {\n    %q = %q\n  }\n}\n", "influxdb3-community/influxdb3", dir))
	w.set("TF_CLI_CONFIG_FILE", w.path("dev.tfrc"))
	w.write("main.tf", operatorConfig)

	const trace = `"@level":"trace"`
	w.must("plan")
	if log := w.read("stderr"); strings.Contains(log, trace) {
		t.Errorf("it wrote %d bytes, beginning with %.200q", len(log), log)
	}
	w.set("TF_LOG_PROVIDER", "TRACE")
	w.must("plan")
	if log := w.read("stderr"); !strings.Contains(log, trace) {
		t.Errorf("it was asked for its log and wrote %.200q", log)
	}
}
