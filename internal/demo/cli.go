package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

// version is what the provider is installed as; its build may have none.
const version = "0.0.1"

// prepare writes the configuration and a mirror of providers to install from, so
// that init needs no registry.
func (d *demo) prepare(dir string) error {
	mirror := filepath.Join(dir, "mirror")
	binary, err := os.ReadFile(d.provider)
	if err != nil {
		return err
	}
	for _, host := range []string{"registry.terraform.io", "registry.opentofu.org"} {
		pkg := filepath.Join(mirror, host, "influxdb3-community", "influxdb3", version, runtime.GOOS+"_"+runtime.GOARCH)
		if err := os.MkdirAll(pkg, 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(pkg, "terraform-provider-influxdb3_v"+version), binary, 0o700); err != nil { //nolint:gosec // it is to be run
			return err
		}
	}
	cliConfig := filepath.Join(dir, "cli.tfrc")
	if err := os.WriteFile(cliConfig, fmt.Appendf(nil, "provider_installation {\n  filesystem_mirror {\n    path = %q\n  }\n}\n", mirror), 0o600); err != nil {
		return err
	}
	d.dir = filepath.Join(dir, "configuration")
	if err := os.Mkdir(d.dir, 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(d.dir, "main.tf"), []byte(configuration), 0o600); err != nil {
		return err
	}
	d.environ = append(d.environ, "TF_CLI_CONFIG_FILE="+cliConfig, "TF_IN_AUTOMATION=1", "CHECKPOINT_DISABLE=1", "INFLUXDB3_HOST_URL="+d.url)
	return nil
}

// command runs the command line and returns what it printed and its exit code.
func (d *demo) command(ctx context.Context, args ...string) (stdout string, code int, err error) {
	cmd := exec.CommandContext(ctx, d.cli, args...)
	cmd.Dir, cmd.Env = d.dir, d.environ
	// A group of its own: a second interrupt, the terminal's, would make it exit
	// at once and drop a token that is on its way.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	// It is asked to end, and given the time to save what it has.
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 2 * time.Minute
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	err = cmd.Run()
	if !slices.Contains(args, "-raw") && !slices.Contains(args, "-json") { // these reveal secrets on purpose
		d.said = append(d.said, out.String(), errOut.String())
	}
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return "", 0, errors.New("interrupted")
	case err != nil && !errors.As(err, &exit):
		return "", 0, fmt.Errorf("%s: %w", d.cli, err)
	case err != nil && exit.ExitCode() != 2: // 2 is an answer of plan -detailed-exitcode
		return "", 0, fmt.Errorf("%s %s: %w\n%s", filepath.Base(d.cli), args[0], err, redact(out.String()+errOut.String()))
	}
	return out.String(), cmd.ProcessState.ExitCode(), nil
}

// cliRun runs a subcommand that asks nothing and must succeed.
func (d *demo) cliRun(ctx context.Context, subcommand string, args ...string) (string, error) {
	out, code, err := d.command(ctx, append([]string{subcommand, "-no-color", "-input=false"}, args...)...)
	if err == nil && code != 0 {
		err = fmt.Errorf("%s %s: exit code %d", filepath.Base(d.cli), subcommand, code)
	}
	return out, err
}

// expectPlan expects an exit code of plan: 0 for nothing to do, 2 for changes.
func (d *demo) expectPlan(ctx context.Context, want int, args ...string) error {
	_, code, err := d.command(ctx, append([]string{"plan", "-no-color", "-input=false", "-detailed-exitcode"}, args...)...)
	if err != nil {
		return err
	}
	if code != want {
		return fmt.Errorf("the exit code of plan is %d, expected %d", code, want)
	}
	return nil
}

// expectUpdate expects a saved plan to do one thing: update the token in place.
func (d *demo) expectUpdate(ctx context.Context, plan string) error {
	out, _, err := d.command(ctx, "show", "-json", plan)
	if err != nil {
		return err
	}
	var saved struct {
		Changes []struct {
			Address string
			Change  struct{ Actions []string }
		} `json:"resource_changes"`
	}
	if err := json.Unmarshal([]byte(out), &saved); err != nil {
		return fmt.Errorf("the saved plan: %w", err)
	}
	if len(saved.Changes) != 1 || !slices.Equal(saved.Changes[0].Change.Actions, []string{"update"}) {
		return fmt.Errorf("the plan is not one update in place: %+v", saved.Changes)
	}
	return nil
}

// token reads the token out of state.
func (d *demo) token(ctx context.Context) (string, error) {
	out, _, err := d.command(ctx, "output", "-raw", "operator_token")
	if err != nil {
		return "", err
	}
	if !strings.HasPrefix(out, "apiv3_") {
		return "", errors.New("the output is not a token of InfluxDB 3")
	}
	return out, nil
}

// expectHidden expects that output shows the hash and hides the token.
func (d *demo) expectHidden(ctx context.Context, token string) error {
	out, _, err := d.command(ctx, "output", "-no-color")
	if err != nil {
		return err
	}
	return contains(out, "operator_token = <sensitive>", fmt.Sprintf("operator_token_hash = %q", hash(token)))
}

// expectSilence expects that the command line printed none of the tokens.
func (d *demo) expectSilence(tokens ...string) error {
	for _, text := range d.said {
		for _, token := range tokens {
			if strings.Contains(text, token) {
				return errors.New("a token was printed")
			}
		}
	}
	return nil
}

// contains expects every one of the texts in an output.
func contains(out string, texts ...string) error {
	for _, text := range texts {
		if !strings.Contains(out, text) {
			return fmt.Errorf("expected %q in:\n%s", text, redact(out))
		}
	}
	return nil
}

// redact keeps tokens out of what a failure prints.
func redact(text string) string {
	parts := strings.Split(text, "apiv3_")
	for i := 1; i < len(parts); i++ {
		rest := strings.TrimLeftFunc(parts[i], func(r rune) bool {
			return r == '-' || r == '_' || r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z'
		})
		parts[i] = "[redacted]" + rest
	}
	return strings.Join(parts, "")
}
