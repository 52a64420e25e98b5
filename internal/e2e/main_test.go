// Package e2e tests the provider as its users run it: the built binary, under the
// real terraform or tofu, against a server on the loopback interface.
package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
)

const (
	providerPackage = "github.com/influxdb3-community/terraform-provider-influxdb3"
	timePackage     = "github.com/hashicorp/terraform-provider-time"
	toolsModule     = "../../tools"
)

// registries are the hosts that terraform and tofu take a source without a host
// from.
var registries = []string{"registry.terraform.io", "registry.opentofu.org"}

// scratch holds what is built once for all tests.
var scratch string

func TestMain(m *testing.M) { os.Exit(withScratch(m.Run)) }

func withScratch(run func() int) int {
	dir, err := os.MkdirTemp("", "terraform-provider-influxdb3-e2e")
	if err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(dir) }() // the system cleans up its temporary files
	scratch = dir
	return run()
}

// toolchain is what every test runs.
type toolchain struct {
	cli    string // path of terraform or tofu
	config string // path of a CLI configuration that installs from the mirror alone
}

// tools returns the CLI and the providers, built once. Without a CLI the test is
// skipped, but under CI it fails.
func tools(t testing.TB) toolchain {
	t.Helper()
	cli := cliPath()
	if cli == "" {
		const missing = "needs terraform or tofu on PATH, or TF_ACC_TERRAFORM_PATH"
		if os.Getenv("CI") == "true" {
			t.Fatal(missing)
		}
		t.Skip(missing)
	}
	config, err := mirror()
	if err != nil {
		t.Fatal(err)
	}
	return toolchain{cli: cli, config: config}
}

// knowsDestroyFalse says whether the CLI knows lifecycle { destroy = false } in a
// resource and keeps to it in a replacement, as OpenTofu does from 1.12 on. Terraform 1.16.0
// knows it, and asks for a destroy all the same.
func (c toolchain) knowsDestroyFalse() bool {
	out, err := exec.Command(c.cli, "version").Output()
	if err != nil {
		return false
	}
	var product string
	var major, minor int
	_, _ = fmt.Sscanf(string(out), "%s v%d.%d", &product, &major, &minor) // zeros mean no
	return product == "OpenTofu" && (major > 1 || minor >= 12)
}

func cliPath() string {
	if path := os.Getenv("TF_ACC_TERRAFORM_PATH"); path != "" {
		return path
	}
	for _, name := range []string{"terraform", "tofu"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

// mirror builds the providers into a filesystem mirror and returns the CLI
// configuration that names it.
var mirror = sync.OnceValues(func() (string, error) {
	root := filepath.Join(scratch, "mirror")
	if err := install(root, "influxdb3-community/influxdb3", "0.0.1", "../..", providerPackage); err != nil {
		return "", err
	}
	version, err := goTool("list", "-C", toolsModule, "-m", "-f", "{{.Version}}", timePackage)
	if err != nil {
		return "", err
	}
	if err := install(root, "hashicorp/time", strings.TrimPrefix(version, "v"), toolsModule, timePackage); err != nil {
		return "", err
	}
	config := filepath.Join(scratch, "cli.tfrc")
	text := fmt.Sprintf("provider_installation {\n  filesystem_mirror {\n    path    = %q\n    include = [\"*/*/*\"]\n  }\n}\n", root)
	return config, os.WriteFile(config, []byte(text), 0o600)
})

// install builds a provider's package, without what debuggers want, and lays it out in the
// mirror.
func install(root, source, version, module, pkg string) error {
	name := "terraform-provider-" + filepath.Base(source)
	binary := filepath.Join(scratch, name)
	if _, err := goTool("build", "-C", module, "-buildvcs=false", "-ldflags", "-s -w", "-o", binary, pkg); err != nil {
		return err
	}
	return layOut(root, source, version, binary)
}

// layOut puts a provider's binary where a CLI looks for it in the mirror.
func layOut(root, source, version, binary string) error {
	name := "terraform-provider-" + filepath.Base(source)
	for _, host := range registries {
		dir := filepath.Join(root, host, filepath.FromSlash(source), version, runtime.GOOS+"_"+runtime.GOARCH)
		if err := os.MkdirAll(dir, 0o750); err != nil {
			return err
		}
		if err := os.Symlink(binary, filepath.Join(dir, name+"_v"+version)); err != nil {
			return err
		}
	}
	return nil
}

func goTool(args ...string) (string, error) {
	out, err := exec.Command("go", args...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out)), nil
}

// hurried makes short runs of a CLI cheaper: more than half of what a plan costs is the
// certificates that the CLI and each provider process make for their connection, and no
// process lives long enough to need its garbage collected. TF_DISABLE_PLUGIN_TLS is what
// Terraform has for tests, and OpenTofu from it.
var hurried = []string{"TF_DISABLE_PLUGIN_TLS=1", "GOGC=off", "GOMEMLIMIT=512MiB"}

// environment is all that a CLI gets to see of the environment: nothing of a
// developer's shell but the PATH. TF_CLI_ARGS_… are what a script would repeat in
// every line.
func (c toolchain) environment(home string) []string {
	return []string{
		"PATH=" + os.Getenv("PATH"),
		"HOME=" + home,
		"TMPDIR=" + home,
		"TF_CLI_CONFIG_FILE=" + c.config,
		"CHECKPOINT_DISABLE=1",
		"TF_IN_AUTOMATION=1",
		"TF_INPUT=0",
		"TF_CLI_ARGS_init=-no-color",
		"TF_CLI_ARGS_validate=-no-color",
		"TF_CLI_ARGS_plan=-no-color",
		"TF_CLI_ARGS_apply=-no-color -auto-approve",
		"TF_CLI_ARGS_destroy=-no-color -auto-approve",
		"TF_CLI_ARGS_import=-no-color",
		"TF_CLI_ARGS_output=-no-color",
		"TF_CLI_ARGS_show=-no-color",
		"TF_CLI_ARGS_taint=-no-color",
	}
}
