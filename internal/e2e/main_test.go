// Package e2e tests the provider as its users run it: the built binary, under the
// real terraform or tofu, against a server on the loopback interface.
package e2e

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3test"
)

const (
	ownSource   = "influxdb3-community/influxdb3"
	timeModule  = "github.com/hashicorp/terraform-provider-time"
	toolsModule = "../../tools"
)

// registries are the hosts that terraform and tofu take a source without a host
// from.
var registries = []string{"registry.terraform.io", "registry.opentofu.org"}

// serveVariable makes the test binary the test server.
const serveVariable = "E2E_SERVE"

// scratch holds what is built once for all tests.
var scratch string

// TestMain is also what runs where a server of its own is to be started.
func TestMain(m *testing.M) {
	if os.Getenv(serveVariable) != "" {
		os.Exit(influxdb3test.Command(context.Background(), os.Args[1:], os.Stderr))
	}
	// Many tests wait for a while, in which others can run. A flag that is given counts.
	_ = flag.Set("test.parallel", strconv.Itoa(2*runtime.GOMAXPROCS(0))) // a number is valid
	os.Exit(withScratch(m.Run))
}

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
	var product string
	var major, minor int
	_, _ = fmt.Sscanf(cliVersion(), "%s v%d.%d", &product, &major, &minor) // zeros mean no
	return product == "OpenTofu" && (major > 1 || minor >= 12)
}

// cliVersion is what the CLI says that it is, such as "Terraform v1.11.4".
var cliVersion = sync.OnceValue(func() string {
	out, _ := exec.Command(cliPath(), "version").Output() // nothing is no version
	return string(out)
})

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
	if _, err := makeTarget("build"); err != nil {
		return "", err
	}
	if err := layOut(root, ownSource, "0.0.1", filepath.Join(scratch, "terraform-provider-influxdb3")); err != nil {
		return "", err
	}
	version, err := goTool("list", "-C", toolsModule, "-m", "-f", "{{.Version}}", timeModule)
	if err != nil {
		return "", err
	}
	if err := layOutTool(root, "hashicorp/time", strings.TrimPrefix(version, "v"), toolsModule); err != nil {
		return "", err
	}
	config := filepath.Join(scratch, "cli.tfrc")
	text := fmt.Sprintf("provider_installation {\n  filesystem_mirror {\n    path    = %q\n    include = [\"*/*/*\"]\n  }\n}\n", root)
	return config, os.WriteFile(config, []byte(text), 0o600)
})

// layOutTool lays out a provider that is a tool of a module. Go keeps the binaries of tools,
// so that it is linked once and for all.
func layOutTool(root, source, version, module string) error {
	binary, err := goTool("tool", "-C", module, "-n", "terraform-provider-"+filepath.Base(source))
	if err != nil {
		return err
	}
	return layOut(root, source, version, binary)
}

// layOut puts a provider where a CLI looks for it in the mirror. It is a script that becomes
// the binary, because the CLI takes the checksum of what it finds there in each command.
// The log of the framework is off in those that do not turn it off themselves.
func layOut(root, source, version, binary string) error {
	name := "terraform-provider-" + filepath.Base(source)
	log := "TF_LOG_SDK=OFF "
	if source == ownSource {
		log = ""
	}
	script := fmt.Appendf(nil, "#!/bin/sh\n%sexec %q \"$@\"\n", log, binary)
	for _, host := range registries {
		dir := filepath.Join(root, host, filepath.FromSlash(source), version, runtime.GOOS+"_"+runtime.GOARCH)
		if err := os.MkdirAll(dir, 0o750); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, name+"_v"+version), script, 0o700); err != nil { //nolint:gosec // it is to be run
			return err
		}
	}
	return nil
}

func goTool(args ...string) (string, error) {
	var stdout, stderr strings.Builder
	cmd := exec.Command("go", args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("go %s: %w\n%s%s", strings.Join(args, " "), err, &stdout, &stderr)
	}
	return strings.TrimSpace(stdout.String()), nil
}

// makeTarget runs a target with these variables, builds in scratch, and returns what it
// prints.
func makeTarget(target string, variables ...string) (string, error) {
	settings, err := goTool("env", "GOCACHE", "GOMODCACHE", "GOENV")
	if err != nil {
		return "", err
	}
	config, err := os.UserConfigDir() // go counts its own calls there
	if err != nil {
		return "", err
	}
	values := strings.Split(settings, "\n")
	cmd := exec.Command("make", "-C", "../..", target, "BUILD="+scratch)
	cmd.Env = append(os.Environ(), "MAKEFLAGS=", "GOCACHE="+values[0], "GOMODCACHE="+values[1], "GOENV="+values[2], "XDG_CONFIG_HOME="+config)
	cmd.Env = append(cmd.Env, variables...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("make %s: %w\n%s", target, err, out)
	}
	return string(out), nil
}

// initialised are directories after init, by the sources that their configuration names.
var initialised sync.Map

var sourceLine = regexp.MustCompile(`source\s*=\s*"([^"]+)"`)

// initialise leaves in a directory what init would. The command itself runs once for the
// same sources, and every other directory gets a copy.
func (c toolchain) initialise(dir string, env []string) error {
	sources, err := sourcesIn(dir)
	if err != nil {
		return err
	}
	made, _ := initialised.LoadOrStore(strings.Join(sources, " "), sync.OnceValues(func() (string, error) {
		cmd := exec.Command(c.cli, "init")
		cmd.Dir, cmd.Env = dir, env
		if out, err := cmd.CombinedOutput(); err != nil {
			return "", fmt.Errorf("init: %w\n%s", err, out)
		}
		kept, err := os.MkdirTemp(scratch, "init")
		if err != nil {
			return "", err
		}
		return kept, copyInitialised(kept, dir)
	}))
	kept, err := made.(func() (string, error))() //nolint:forcetypeassert // nothing else is stored
	if err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(dir, lockFile)); err == nil {
		return nil // it was this one
	}
	return copyInitialised(dir, kept)
}

const lockFile = ".terraform.lock.hcl"

// copyInitialised copies what init leaves.
func copyInitialised(to, from string) error {
	const data = ".terraform"
	lock, err := os.ReadFile(filepath.Join(from, lockFile))
	if err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(filepath.Join(to, lockFile), lock, 0o600),
		os.CopyFS(filepath.Join(to, data), os.DirFS(filepath.Join(from, data))),
	)
}

// sourcesIn are the sources in the configuration of a directory.
func sourcesIn(dir string) ([]string, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.tf"))
	if err != nil {
		return nil, err
	}
	var sources []string
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		for _, found := range sourceLine.FindAllStringSubmatch(string(text), -1) {
			sources = append(sources, found[1])
		}
	}
	slices.Sort(sources)
	return slices.Compact(sources), nil
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
