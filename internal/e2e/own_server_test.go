//go:build linux || darwin

package e2e

import (
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3"
	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3test"
)

// ownServer is a server that the configuration itself starts, as `influxdb3` on PATH.
type ownServer struct {
	w       *workspace
	address string
}

// serverBinary is the influxdb3 that is started: a real one, or the test server.
func serverBinary() (string, error) {
	if binary := os.Getenv("INFLUXDB3_BIN"); binary != "" {
		return binary, nil
	}
	return os.Executable()
}

// ownServerWorkspace is a workspace with an example that starts a server, which comes up
// that much later than it is started.
func ownServerWorkspace(t *testing.T, name string, late time.Duration) ownServer {
	t.Helper()
	binary, err := serverBinary()
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	script := fmt.Sprintf("#!/bin/sh\nsleep %.1f\n%s=1 exec %q \"$@\"\n", late.Seconds(), serveVariable, binary)
	if err := os.WriteFile(filepath.Join(bin, "influxdb3"), []byte(script), 0o700); err != nil { //nolint:gosec // it is to be run
		t.Fatal(err)
	}
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String() // nobody listens there until the server does
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	w := exampleWorkspace(t, influxdb3test.New(t), name)
	w.set("INFLUXDB3_HOST_URL", "")
	w.set("PATH", bin+":"+os.Getenv("PATH"))
	w.set("TF_VAR_address", address)
	s := ownServer{w: w, address: address}
	t.Cleanup(s.stop)
	return s
}

// stop kills the server that the configuration has started, if it runs.
func (s ownServer) stop() {
	text, err := os.ReadFile(s.w.path("influxdb3.pid"))
	if err != nil {
		return
	}
	if pid, err := strconv.Atoi(strings.TrimSpace(string(text))); err == nil {
		_ = syscall.Kill(pid, syscall.SIGKILL) // it may be over
	}
}

// start runs the server again, as the configuration has it, and waits for it.
func (s ownServer) start(t *testing.T) {
	t.Helper()
	cmd := s.w.command()
	cmd.Path = "/bin/sh"
	cmd.Args = []string{"sh", "-c", `nohup influxdb3 serve --node-id node0 --object-store file --data-dir "$PWD/data" ` +
		`--http-bind ` + s.address + ` --admin-token-file "$PWD/admin-token.json" >influxdb3.log 2>&1 </dev/null & echo $! >influxdb3.pid`}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		if _, err := s.client().Names(t.Context()); err == nil {
			return
		} else if time.Now().After(deadline) {
			t.Fatalf("the server does not start: %v\n%s", err, s.w.read("influxdb3.log"))
		}
	}
}

func (s ownServer) client() *influxdb3.Client {
	return influxdb3.New(influxdb3.Config{URL: &url.URL{Scheme: "http", Host: s.address}})
}

// accepts says whether the server accepts a token.
func (s ownServer) accepts(t *testing.T, token string) bool {
	t.Helper()
	_, err := s.client().ListTokens(t.Context(), influxdb3.NewSecret(token))
	return err == nil
}

// fileToken is the token in the file that the server was started with.
func (s ownServer) fileToken() string {
	s.w.t.Helper()
	for _, word := range strings.Split(s.w.read("admin-token.json"), `"`) {
		if tokenForm.MatchString(word) {
			return word
		}
	}
	s.w.t.Fatal("no token in the file")
	return ""
}

// expectEstablished expects the operator token in state to be good, and returns it.
func (s ownServer) expectEstablished(t *testing.T) string {
	t.Helper()
	token := s.w.state().text("token")
	if !tokenForm.MatchString(token) || !s.accepts(t, token) {
		t.Error("the server refuses the token in state")
	}
	s.w.expectNothingToDo()
	return token
}

// The examples that start a server, under whose name on PATH a real one or the test
// server stands.
func TestOwnServer(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]func(*testing.T){
		"late-server":          exampleLateServer,
		"token-file":           exampleTokenFile,
		"token-file-ephemeral": exampleTokenFileEphemeral,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t)
		})
	}
}

// One apply starts a server that comes up late, and makes its operator token.
func exampleLateServer(t *testing.T) {
	s := ownServerWorkspace(t, "late-server", 3*time.Second)
	s.w.set("TF_LOG_PROVIDER", "INFO")
	began := time.Now()
	r := s.w.must("apply")
	t.Logf("applied in %s", time.Since(began).Round(100*time.Millisecond))
	expectOutput(t, r, "waiting for InfluxDB to answer", "2 added")
	s.w.set("TF_LOG_PROVIDER", "")
	s.expectEstablished(t)
	s.w.must("destroy")
}

func exampleTokenFile(t *testing.T) {
	s := ownServerWorkspace(t, "token-file", time.Second)
	s.w.must("apply")
	file := s.fileToken()
	operator := s.expectEstablished(t)
	if operator == file || s.accepts(t, file) {
		t.Error("the server accepts the token of the file")
	}

	// A restart with the stale file changes nothing.
	s.stop()
	s.start(t)
	if s.expectEstablished(t) != operator || s.accepts(t, file) {
		t.Error("the token of the file is good again")
	}

	// With the data directory gone it is, and what replaces the server says so.
	expectOutput(t, s.w.must("apply", "-replace=terraform_data.server"), "Operator Token of Another Server Has Left the State", "2 added, 0 changed, 2 destroyed")
	again := s.expectEstablished(t)
	if again == operator || s.accepts(t, s.fileToken()) || s.accepts(t, operator) {
		t.Error("an old token is accepted")
	}
	if s.fileToken() != file {
		t.Error("the file has another token, so the case is another one")
	}
	s.w.must("destroy")
}

func exampleTokenFileEphemeral(t *testing.T) {
	s := ownServerWorkspace(t, "token-file-ephemeral", time.Second)
	s.w.must("plan", "-out=saved.tfplan")
	s.w.must("apply")
	file := s.fileToken()
	operator := s.expectEstablished(t)
	if operator == file || s.accepts(t, file) {
		t.Error("the server accepts the token of the file")
	}
	s.w.set("TF_VAR_rotation", "2")
	s.w.must("apply")
	if s.expectEstablished(t) == operator {
		t.Error("the token was not rotated")
	}
	for _, name := range []string{stateFile, stateFile + ".backup"} {
		if strings.Contains(s.w.read(name), file) {
			t.Errorf("%s holds the token of the file", name)
		}
	}
	s.w.must("destroy")
}
