package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3test"
)

// Scripts see, besides testscript's own commands:
//
//	terraform ARGS...            runs the CLI, which may be tofu; with ! it must fail
//	exits CODE ARGS...           runs the CLI and expects this exit code
//	initialise                   leaves what terraform init would
//	state-token FILE             writes the token in state to FILE
//	state-output NAME FILE       writes a root output in state to FILE
//	state-has NAME VALUE         expects an attribute of the token's resource in state
//	set-env NAME FILE            sets a variable to a file's content
//	accepts FILE, refuses FILE   what the server says to the token in FILE
//	bootstrap FILE               makes the operator token past Terraform
//	regenerate FILE NEW          regenerates it past Terraform
//	named-admin FILE NEW [NAME]  makes a named admin token with the token in FILE
//	delete-token FILE NAME       deletes a token past Terraform with the token in FILE
//	requests COUNT [METHOD PATH] how many arrived since the last forget-requests
//	forget-requests
//	server down|up|regenerate-fails|deletion-lost|recovers
func TestScripts(t *testing.T) {
	t.Parallel()
	chain := tools(t)
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(env *testscript.Env) error {
			tb, ok := env.T().(testing.TB)
			if !ok {
				return fmt.Errorf("a script runs under %T", env.T())
			}
			s := influxdb3test.New(tb)
			env.Values[serverKey{}] = s
			env.Values[chainKey{}] = chain
			env.Vars = append(append(env.Vars, chain.environment(env.WorkDir)...), hurried...)
			env.Setenv("INFLUXDB3_HOST_URL", s.URL())
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"terraform":       scriptTerraform,
			"exits":           scriptExits,
			"initialise":      scriptInitialise,
			"state-token":     scriptStateToken,
			"state-output":    scriptStateOutput,
			"state-has":       scriptStateHas,
			"set-env":         scriptSetEnv,
			"accepts":         scriptAccepts(true),
			"refuses":         scriptAccepts(false),
			"bootstrap":       scriptBootstrap,
			"regenerate":      scriptRegenerate,
			"named-admin":     scriptNamedAdmin,
			"delete-token":    scriptDeleteToken,
			"requests":        scriptRequests,
			"forget-requests": scriptForgetRequests,
			"server":          scriptServer,
		},
		Condition: func(name string) (bool, error) {
			if name != "destroy-false" {
				return false, fmt.Errorf("no condition %q", name)
			}
			return chain.knowsDestroyFalse(), nil
		},
		RequireUniqueNames: true,
	})
}

type (
	serverKey struct{}
	chainKey  struct{}
)

func scriptServerOf(ts *testscript.TestScript) *influxdb3test.Server {
	s, ok := ts.Value(serverKey{}).(*influxdb3test.Server)
	if !ok {
		ts.Fatalf("the script has no server")
	}
	return s
}

func scriptChain(ts *testscript.TestScript) toolchain {
	chain, _ := ts.Value(chainKey{}).(toolchain)
	return chain
}

func scriptCLI(ts *testscript.TestScript, args ...string) (code int) {
	err := ts.Exec(scriptChain(ts).cli, args...)
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode()
	}
	ts.Check(err)
	return 0
}

// usage ends a script whose command is used wrongly.
func usage(ts *testscript.TestScript, neg, ok bool, text string) {
	if neg || !ok {
		ts.Fatalf("usage: %s", text)
	}
}

func scriptTerraform(ts *testscript.TestScript, neg bool, args []string) {
	// 1 is an error, 2 a plan with changes, anything else a crash.
	want := 0
	if neg {
		want = 1
	}
	if code := scriptCLI(ts, args...); code != want {
		ts.Fatalf("exit code %d, want %d", code, want)
	}
}

func scriptExits(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) > 1, "exits CODE ARGS...")
	if code := scriptCLI(ts, args[1:]...); strconv.Itoa(code) != args[0] {
		ts.Fatalf("exit code %d, want %s", code, args[0])
	}
}

func scriptInitialise(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 0, "initialise")
	dir := ts.MkAbs(".")
	ts.Check(scriptChain(ts).initialise(dir, scriptChain(ts).environment(dir)))
}

func scriptState(ts *testscript.TestScript) attributes {
	state, err := parseState(ts.ReadFile(stateFile))
	ts.Check(err)
	return state
}

func scriptStateToken(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 1, "state-token FILE")
	scriptWrite(ts, args[0], scriptState(ts).text("token"))
}

func scriptStateOutput(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 2, "state-output NAME FILE")
	var state struct {
		Outputs map[string]struct{ Value string }
	}
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(stateFile)), &state))
	scriptWrite(ts, args[1], state.Outputs[args[0]].Value)
}

func scriptStateHas(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 2, "state-has NAME VALUE")
	if got := scriptState(ts).text(args[0]); got != args[1] {
		ts.Fatalf("%s is %q in state, want %q", args[0], got, args[1])
	}
}

func scriptSetEnv(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 2, "set-env NAME FILE")
	ts.Setenv(args[0], strings.TrimSpace(ts.ReadFile(args[1])))
}

func scriptAccepts(want bool) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		usage(ts, neg, len(args) == 1, "accepts|refuses FILE")
		s := scriptServerOf(ts)
		if got := s.Accepts(scriptTB(ts), scriptToken(ts, args[0])); got != want {
			ts.Fatalf("the server accepts the token in %s: %t, want %t", args[0], got, want)
		}
	}
}

func scriptBootstrap(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 1, "bootstrap FILE")
	scriptWrite(ts, args[0], scriptServerOf(ts).Bootstrap(scriptTB(ts)))
}

func scriptRegenerate(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 2, "regenerate FILE NEW")
	scriptWrite(ts, args[1], scriptServerOf(ts).Regenerate(scriptTB(ts), scriptToken(ts, args[0])))
}

func scriptNamedAdmin(ts *testscript.TestScript, neg bool, args []string) {
	args = append(args, "terraform")
	usage(ts, neg, len(args) == 3 || len(args) == 4, "named-admin FILE NEW [NAME]")
	scriptWrite(ts, args[1], scriptServerOf(ts).CreateNamedAdmin(scriptTB(ts), scriptToken(ts, args[0]), args[2], 0))
}

func scriptDeleteToken(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 2, "delete-token FILE NAME")
	scriptServerOf(ts).Delete(scriptTB(ts), scriptToken(ts, args[0]), args[1])
}

func scriptRequests(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 1 || len(args) == 3, "requests COUNT [METHOD PATH]")
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	var seen []string
	for _, r := range scriptServerOf(ts).Requests() {
		if len(args) == 1 || r.Method == args[1] && r.Path == args[2] {
			seen = append(seen, r.Method+" "+r.Path)
		}
	}
	if len(seen) != want {
		ts.Fatalf("%d requests, want %d:\n%s", len(seen), want, strings.Join(seen, "\n"))
	}
}

func scriptForgetRequests(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 0, "forget-requests")
	scriptServerOf(ts).ResetRequests()
}

func scriptServer(ts *testscript.TestScript, neg bool, args []string) {
	const text = "server down|up|regenerate-fails|deletion-lost|recovers"
	usage(ts, neg, len(args) == 1, text)
	s := scriptServerOf(ts)
	switch args[0] {
	case "down":
		s.Down()
	case "up":
		s.Up()
	case "regenerate-fails":
		s.Inject(influxdb3test.Fault{
			Method: http.MethodPost, Path: regeneratePath, Times: -1,
			Kind: influxdb3test.Answer, Status: http.StatusInternalServerError,
		})
	case "deletion-lost": // the reply to the next one
		s.Inject(influxdb3test.Fault{Method: http.MethodDelete, Kind: influxdb3test.CutAfter})
	case "recovers":
		s.ClearFaults()
	default:
		usage(ts, neg, false, text)
	}
}

// scriptTB lets the server's methods fail the script, and not the goroutine that
// happens to run it.
func scriptTB(ts *testscript.TestScript) testing.TB {
	return scriptFailure{ts: ts}
}

type scriptFailure struct {
	testing.TB
	ts *testscript.TestScript
}

func (scriptFailure) Helper() {}

// Fatalf implements testing.TB.
func (f scriptFailure) Fatalf(format string, args ...any) { f.ts.Fatalf(format, args...) }

func scriptToken(ts *testscript.TestScript, file string) string {
	token := strings.TrimSpace(ts.ReadFile(file))
	if !tokenForm.MatchString(token) {
		ts.Fatalf("%s holds no token", file)
	}
	return token
}

func scriptWrite(ts *testscript.TestScript, file, text string) {
	ts.Check(os.WriteFile(ts.MkAbs(file), []byte(text), 0o600))
}
