package e2e

import (
	"bytes"
	"context"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3test"
)

// composeFlag is a flag of the server in compose.yaml.
var composeFlag = regexp.MustCompile(`(?m)^      - (--[a-z-]+=\S+)`)

// The server of compose.yaml is the test server here, with the same flags and the
// same files in other places.
func exampleDockerCompose(t *testing.T, _ *influxdb3test.Server, w *workspace) {
	l := newLateServer(t, w)
	compose := w.read("compose.yaml")
	const file = "secrets/admin-token.json"
	if !strings.Contains(compose, "file: ./"+file) {
		t.Errorf("compose.yaml does not mount %s", file)
	}
	address := filepath.Join(t.TempDir(), "address")
	places := strings.NewReplacer("/run/secrets/admin-token", w.path(file), "/var/lib/influxdb3", filepath.Join(t.TempDir(), "data"))
	args := []string{"serve", "--http-bind=127.0.0.1:0", "--tcp-listener-file-path=" + address}
	for _, flag := range composeFlag.FindAllStringSubmatch(compose, -1) {
		args = append(args, places.Replace(flag[1]))
	}
	ctx, stop := context.WithCancel(context.Background())
	t.Cleanup(stop)
	l.start(func() string {
		awaitFile(ctx, w.path("started"), 0)
		l.starts.Go(func() {
			var stderr bytes.Buffer
			if code := influxdb3test.Command(ctx, args, &stderr); code != 0 {
				t.Errorf("the server: exit code %d: %s", code, &stderr)
			}
		})
		awaitFile(ctx, address, 1)
		listens, err := os.ReadFile(address)
		if err != nil {
			t.Error(err)
		}
		return "http://" + string(listens)
	})
	w.set("TF_VAR_start", "touch started")

	all := w.must("apply").String()
	l.expectEarlyRequests()
	server := l.target.Load().String()
	first := tokenOf(t, []byte(w.read(file)))
	if acceptsAt(t, server, first) {
		t.Error("the server accepts the token of the file")
	}
	for path, want := range map[string]os.FileMode{"secrets": 0o700, file: 0o644} {
		info, err := os.Stat(w.path(path))
		if err != nil {
			t.Fatal(err)
		}
		if mode := info.Mode().Perm(); mode != want {
			t.Errorf("the mode of %s is %o, want %o", path, mode, want)
		}
	}
	before := exampleOutput(w, "operator_token")
	w.set("TF_VAR_rotation", "2")
	rotates := w.must("apply")
	expectOutput(t, rotates, "0 added, 1 changed, 0 destroyed") // and nothing else is left to do
	all += rotates.String()
	after := exampleOutput(w, "operator_token")
	if acceptsAt(t, server, before) || !acceptsAt(t, server, after) {
		t.Error("the operator token was not regenerated")
	}
	if tokenOf(t, []byte(w.read(file))) != first {
		t.Error("the token file has changed")
	}
	expectNowhere(t, w, first, all)

	// As the health check of compose.yaml asks, without a token.
	health, err := http.Get(server + "/health")
	if err != nil {
		t.Fatal(err)
	}
	_ = health.Body.Close() // nothing was read
	if health.StatusCode != http.StatusOK {
		t.Errorf("/health answers %s without a token", health.Status)
	}
	w.must("destroy")
}

// awaitFile waits for a file of at least this size.
func awaitFile(ctx context.Context, path string, size int64) {
	for ctx.Err() == nil {
		if info, err := os.Stat(path); err == nil && info.Size() >= size {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// acceptsAt says whether a server accepts a token.
func acceptsAt(t testing.TB, server, token string) bool {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server+"/ping", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close() // nothing was read
	return resp.StatusCode == http.StatusOK
}
