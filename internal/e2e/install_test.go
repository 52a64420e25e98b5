package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3test"
)

const installConfig = `
terraform {
  required_providers {
    influxdb3 = { source = "influxdb3-community/influxdb3" }
    time      = { source = "hashicorp/time" }
  }
}

resource "time_rotating" "quarter" {
  rotation_days = 90
}

resource "influxdb3_admin_token" "operator" {
  rotation_triggers = { quarter = time_rotating.quarter.id }
}
`

// runMake runs a target and returns what it prints.
func runMake(t *testing.T, target string, variables ...string) string {
	t.Helper()
	out, err := makeTarget(target, variables...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

var installedIn = regexp.MustCompile(`Installed version \S+ in (.*)\. Run init`)

// What make install leaves behind is found without a configuration of the CLI, beside
// other providers. One of those lies in the same folder here, because a test has no
// registry.
func TestInstall(t *testing.T) {
	t.Parallel()
	s := influxdb3test.New(t)
	w := emptyWorkspace(t, s)
	variables := []string{"HOME=" + t.TempDir(), "XDG_DATA_HOME=" + t.TempDir()}
	w.env = append(w.env, variables...)
	w.set("TF_CLI_CONFIG_FILE", "")
	w.write("main.tf", installConfig)

	said := installedIn.FindStringSubmatch(runMake(t, "install", variables...))
	if said == nil {
		t.Fatal("make install does not say where")
	}
	plugins := said[1]
	for _, host := range registries {
		if err := os.CopyFS(filepath.Join(plugins, host, "hashicorp"), os.DirFS(filepath.Join(scratch, "mirror", host, "hashicorp"))); err != nil {
			t.Fatal(err)
		}
	}
	expectOutput(t, w.must("init"), "Installed influxdb3-community/influxdb3 v0.0.")
	w.must("apply")
	w.expectWorkingToken(s, "")

	// A later build is another version. Nothing changes until it is asked for.
	runMake(t, "install", variables...)
	w.expectNothingToDo()
	w.must("init", "-upgrade")
	w.expectNothingToDo()

	runMake(t, "uninstall", variables...)
	left, err := filepath.Glob(filepath.Join(plugins, "*", "influxdb3-community"))
	if err != nil || len(left) != 0 {
		t.Errorf("left after uninstall: %v, %v", left, err)
	}
	if r := w.run("plan"); r.code == 0 {
		t.Errorf("want an error without the provider: %s", r)
	}
}

// Without XDG_DATA_HOME it is the home directory that counts.
func TestInstallInHome(t *testing.T) {
	t.Parallel()
	s := influxdb3test.New(t)
	w := emptyWorkspace(t, s)
	variables := []string{"HOME=" + t.TempDir(), "XDG_DATA_HOME="}
	w.env = append(w.env, variables...)
	w.set("TF_CLI_CONFIG_FILE", "")
	w.write("main.tf", operatorConfig)
	runMake(t, "install", variables...)
	w.must("init")
	w.must("apply")
	w.expectWorkingToken(s, "")
}
