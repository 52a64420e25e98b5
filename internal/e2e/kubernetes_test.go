package e2e

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3test"
)

const (
	kubernetesVersion = "3.2.1"

	// The secrets of the example.
	tokenFileSecret = "influxdb3-admin-token"
	operatorSecret  = "influxdb3-operator-token"
)

// installKubernetes adds a Kubernetes provider to the mirror: a stand-in, or the real
// one if KUBERNETES_PROVIDER is the absolute path of its binary.
var installKubernetes = sync.OnceValue(func() error {
	mirror := filepath.Join(scratch, "mirror")
	if binary := os.Getenv("KUBERNETES_PROVIDER"); binary != "" {
		return layOut(mirror, "hashicorp/kubernetes", kubernetesVersion, binary)
	}
	binary := filepath.Join(scratch, "terraform-provider-kubernetes")
	if _, err := goTool("build", "-buildvcs=false", "-ldflags", "-s -w", "-o", binary, "./kubernetesprovider"); err != nil {
		return err
	}
	return layOut(mirror, "hashicorp/kubernetes", kubernetesVersion, binary)
})

// kubernetes stands in for the API server of a Kubernetes cluster, which keeps
// secrets and nothing else.
type kubernetes struct {
	mu      sync.Mutex
	secrets map[string]*kubernetesSecret // by name
	refuses bool                         // whoever patches lacks the permission
	created func(*kubernetesSecret)      // is told of a new secret
}

type kubernetesSecret struct {
	APIVersion string             `json:"apiVersion"`
	Kind       string             `json:"kind"`
	Metadata   kubernetesMetadata `json:"metadata"`
	Data       map[string][]byte  `json:"data,omitempty"`
	StringData map[string]string  `json:"stringData,omitempty"`
	Type       string             `json:"type"`
}

type kubernetesMetadata struct {
	Name            string `json:"name"`
	Namespace       string `json:"namespace"`
	UID             string `json:"uid"`
	ResourceVersion string `json:"resourceVersion"`
}

// newKubernetes starts one, and has the workspace use it.
func newKubernetes(t *testing.T, w *workspace) *kubernetes {
	t.Helper()
	k := &kubernetes{secrets: map[string]*kubernetesSecret{}, created: func(*kubernetesSecret) {}}
	mux := http.NewServeMux()
	const secrets = "/api/v1/namespaces/default/secrets"
	mux.HandleFunc("POST "+secrets, k.create)
	mux.HandleFunc("GET "+secrets+"/{name}", k.with(func(*kubernetesSecret, *http.Request) int { return http.StatusOK }))
	mux.HandleFunc("PATCH "+secrets+"/{name}", k.with(k.patch))
	mux.HandleFunc("DELETE "+secrets+"/{name}", k.with(k.remove))
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	w.set("KUBE_HOST", server.URL)
	return k
}

// setRefuses says whether it refuses to patch.
func (k *kubernetes) setRefuses(refuses bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.refuses = refuses
}

// secret returns a value of a secret, "" where there is none.
func (k *kubernetes) secret(name, key string) string {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.secrets[name] == nil {
		return ""
	}
	return string(k.secrets[name].Data[key])
}

func (k *kubernetes) create(rw http.ResponseWriter, r *http.Request) {
	s, err := parseSecret(r.Body)
	if err != nil {
		kubernetesStatus(rw, http.StatusBadRequest, err.Error())
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.secrets[s.Metadata.Name] != nil {
		kubernetesStatus(rw, http.StatusConflict, fmt.Sprintf("secrets %q already exists", s.Metadata.Name))
		return
	}
	s.APIVersion, s.Kind = "v1", "Secret"
	s.Metadata.Namespace, s.Metadata.UID, s.Metadata.ResourceVersion = "default", "uid-of-"+s.Metadata.Name, "1"
	if s.Data == nil {
		s.Data = map[string][]byte{}
	}
	for key, text := range s.StringData {
		s.Data[key] = []byte(text)
	}
	s.StringData = nil
	k.secrets[s.Metadata.Name] = s
	k.created(s)
	kubernetesReply(rw, http.StatusCreated, s)
}

// parseSecret reads a secret in JSON, which the stand-in sends, or in the Protobuf of
// Kubernetes, which the real provider sends. That begins with four letters, followed
// by a message whose field 2 is the secret.
func parseSecret(body io.Reader) (*kubernetesSecret, error) {
	text, err := io.ReadAll(body)
	if err != nil {
		return nil, err
	}
	s := &kubernetesSecret{Type: "Opaque"}
	message, isProtobuf := bytes.CutPrefix(text, []byte("k8s\x00"))
	if !isProtobuf {
		return s, json.Unmarshal(text, s)
	}
	one := func(message []byte, field uint64) []byte {
		return slices.Concat(protobufField(message, field)...) // of one
	}
	secret := one(message, 2)
	s.Metadata.Name = string(one(one(secret, 1), 1))
	s.StringData = map[string]string{}
	for _, entry := range protobufField(secret, 4) {
		s.StringData[string(one(entry, 1))] = string(one(entry, 2))
	}
	return s, nil
}

// protobufField returns the values of a field that has bytes. Numbers, which are what
// else there is, it leaves out.
func protobufField(message []byte, field uint64) (values [][]byte) {
	number := func() uint64 {
		n, size := binary.Uvarint(message)
		if size <= 0 {
			size = len(message) // no message at all
		}
		message = message[size:]
		return n
	}
	for len(message) > 0 {
		tag := number()
		n := number()
		if tag&7 == 0 {
			continue
		}
		size := min(n, uint64(len(message)))
		if tag>>3 == field {
			values = append(values, message[:size])
		}
		message = message[size:]
	}
	return values
}

// with answers with the secret of that name, after a change that gives the status.
func (k *kubernetes) with(change func(*kubernetesSecret, *http.Request) int) http.HandlerFunc {
	return func(rw http.ResponseWriter, r *http.Request) {
		k.mu.Lock()
		defer k.mu.Unlock()
		name := r.PathValue("name")
		s := k.secrets[name]
		if s == nil {
			kubernetesStatus(rw, http.StatusNotFound, fmt.Sprintf("secrets %q not found", name))
			return
		}
		if status := change(s, r); status != http.StatusOK {
			kubernetesStatus(rw, status, fmt.Sprintf("secrets %q is forbidden", name))
			return
		}
		kubernetesReply(rw, http.StatusOK, s)
	}
}

// patch replaces the data, which is all that a rotation changes.
func (k *kubernetes) patch(s *kubernetesSecret, r *http.Request) int {
	if k.refuses {
		return http.StatusForbidden
	}
	var operations []struct {
		Op    string            `json:"op"`
		Path  string            `json:"path"`
		Value map[string][]byte `json:"value"`
	}
	err := json.NewDecoder(r.Body).Decode(&operations)
	if err != nil || len(operations) != 1 || operations[0].Op != "add" || operations[0].Path != "/data" {
		return http.StatusBadRequest
	}
	s.Data = operations[0].Value
	return http.StatusOK
}

func (k *kubernetes) remove(s *kubernetesSecret, _ *http.Request) int {
	delete(k.secrets, s.Metadata.Name)
	return http.StatusOK
}

func kubernetesStatus(rw http.ResponseWriter, status int, message string) {
	reason := map[int]string{http.StatusNotFound: "NotFound", http.StatusConflict: "AlreadyExists", http.StatusForbidden: "Forbidden"}[status]
	kubernetesReply(rw, status, map[string]any{
		"apiVersion": "v1", "kind": "Status", "metadata": map[string]any{},
		"status": "Failure", "reason": reason, "message": message, "code": status,
	})
}

func kubernetesReply(rw http.ResponseWriter, status int, object any) {
	rw.Header().Set("Content-Type", "application/json")
	rw.WriteHeader(status)
	_ = json.NewEncoder(rw).Encode(object) // it fails only when the client has gone
}

func exampleKubernetes(t *testing.T, _ *influxdb3test.Server, w *workspace) {
	k, l := newKubernetes(t, w), newLateServer(t, w)
	var server atomic.Pointer[influxdb3test.Server]
	k.created = func(secret *kubernetesSecret) {
		if secret.Metadata.Name != tokenFileSecret {
			return
		}
		token := tokenOf(t, secret.Data["admin-token.json"])
		l.start(func() string {
			server.Store(influxdb3test.New(t, influxdb3test.WithTokenFile("_admin", token)))
			return server.Load().URL()
		})
	}

	// One apply starts the server and replaces its first token.
	all := w.must("apply").String()
	l.expectEarlyRequests()
	s := server.Load()
	first := tokenOf(t, []byte(k.secret(tokenFileSecret, "admin-token.json")))
	if s.Accepts(t, first) {
		t.Error("the server accepts the token of the file")
	}
	before := ""
	expectHandedOn := func() {
		t.Helper()
		token := w.expectWorkingToken(s, before)
		if k.secret(operatorSecret, "token") != token {
			t.Error("the secret does not hold the token in state")
		}
		if !holds(k.secret(tokenFileSecret, "admin-token.json"), first) {
			t.Error("the token file has changed")
		}
		expectNowhere(t, w, first)
		before = token
	}
	expectHandedOn()
	expectOutput(t, w.must("apply"), "0 added, 0 changed, 0 destroyed")
	if got := w.state().text("token"); got != before {
		t.Error("an apply without a change has rotated")
	}

	// From a saved plan, too.
	w.set("TF_VAR_rotation", "2")
	all += w.must("plan", "-out=plan").String()
	r := w.must("apply", "plan")
	all += r.String()
	expectOutput(t, r, "Rotation Has No Fallback") // without a named admin token
	expectHandedOn()
	all += w.savedPlan("plan")

	// A secret that could not be written is not written by the next apply, because
	// its new revision is in state. Once it is, what the documentation says can go.
	w.set("TF_VAR_rotation", "3")
	k.setRefuses(true)
	w.fails([]string{"apply"}, "Failed to update secret")
	w.expectNothingToDo()
	k.setRefuses(false)
	w.must("apply", "-replace=kubernetes_secret_v1.operator")
	expectHandedOn()
	if n := count(s, regeneratePath); n != 3 {
		t.Errorf("%d regenerations, want 3", n)
	}
	expectNowhere(t, w, first, all)

	w.must("destroy")
	for name, key := range map[string]string{tokenFileSecret: "admin-token.json", operatorSecret: "token"} {
		if k.secret(name, key) != "" {
			t.Errorf("the secret %s is still there", name)
		}
	}
}

// The ways back of the guide: after a first apply that ended before the server was
// up, and after the server was rebuilt.
func TestKubernetesFirstTokenComesFromTheSecret(t *testing.T) {
	t.Parallel()
	w := exampleWorkspace(t, influxdb3test.New(t), "kubernetes")
	w.write("impatient_override.tf", `provider "influxdb3" { startup_timeout = "1s" }`)
	k, l := newKubernetes(t, w), newLateServer(t, w)
	w.fails([]string{"apply"}, "startup_timeout")
	first := tokenOf(t, []byte(k.secret(tokenFileSecret, "admin-token.json")))

	start := func() *influxdb3test.Server {
		s := influxdb3test.New(t, influxdb3test.WithTokenFile("_admin", first))
		l.start(s.URL)
		l.starts.Wait()
		return s
	}
	s := start()
	w.fails([]string{"apply"}, "Unable to Create Operator Token")
	withFirst := w.copy(t)
	withFirst.set("TF_VAR_influxdb3_token", first)
	withFirst.must("apply")
	before := withFirst.expectWorkingToken(s, first)

	rebuilt := start()
	withFirst.must("state", "rm", "influxdb3_admin_token.operator")
	withFirst.must("apply")
	if token := withFirst.expectWorkingToken(rebuilt, before); k.secret(operatorSecret, "token") != token {
		t.Error("the secret does not hold the token in state")
	}
	if rebuilt.Accepts(t, first) {
		t.Error("the rebuilt server accepts the token of the file")
	}
}
