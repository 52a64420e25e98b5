package e2e

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// The Vault provider. The tags of its releases are none that Go takes for versions
// of a module, so the version that the mirror shows stands here.
const (
	vaultModule  = "../../tools/vault"
	vaultVersion = "5.9.0"
)

// installVault adds the Vault provider to the mirror. It is apart from the others
// because it takes a minute to build, and one test needs it.
var installVault = sync.OnceValue(func() error {
	return layOutTool(filepath.Join(scratch, "mirror"), "hashicorp/vault", vaultVersion, vaultModule)
})

// vault stands in for a Vault server. It keeps the current version of the secrets of
// one KV store, mounted at secret/, and answers what the Vault provider asks for
// that: statuses and fields are those that Vault 1.21.4 was seen to send.
type vault struct {
	mu      sync.Mutex
	secrets map[string]vaultSecret
	refuses bool // whoever writes lacks the permission
}

type vaultSecret struct {
	data    map[string]string
	created time.Time
	version int
}

// newVault starts one, and has the workspace use it.
func newVault(t *testing.T, w *workspace) *vault {
	t.Helper()
	v := &vault{secrets: map[string]vaultSecret{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/auth/token/lookup-self", func(rw http.ResponseWriter, _ *http.Request) {
		vaultReply(rw, http.StatusOK, "data", map[string]any{"policies": []string{"root"}, "ttl": 0})
	})
	mux.HandleFunc("POST /v1/auth/token/create", func(rw http.ResponseWriter, _ *http.Request) {
		vaultReply(rw, http.StatusOK, "auth", map[string]any{"client_token": "hvs.child", "policies": []string{"root"}})
	})
	mux.HandleFunc("GET /v1/secret/data/{name...}", v.read)
	mux.HandleFunc("PUT /v1/secret/data/{name...}", v.write)
	mux.HandleFunc("DELETE /v1/secret/data/{name...}", v.remove)
	mux.HandleFunc("GET /v1/secret/metadata/{name...}", func(rw http.ResponseWriter, _ *http.Request) {
		vaultReply(rw, http.StatusOK, "data", map[string]any{
			"cas_required": false, "custom_metadata": nil, "delete_version_after": "0s", "max_versions": 0,
		})
	})
	mux.HandleFunc("PUT /v1/secret/metadata/{name...}", func(rw http.ResponseWriter, _ *http.Request) {
		rw.WriteHeader(http.StatusNoContent)
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	w.set("VAULT_ADDR", server.URL)
	w.set("VAULT_TOKEN", "hvs.parent")
	return v
}

// setRefuses says whether it refuses to write.
func (v *vault) setRefuses(refuses bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.refuses = refuses
}

// secret returns a secret's data and version, nil and 0 where there is none.
func (v *vault) secret(name string) (map[string]string, int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	s := v.secrets[name]
	return s.data, s.version
}

func (v *vault) read(rw http.ResponseWriter, r *http.Request) {
	v.mu.Lock()
	defer v.mu.Unlock()
	s, found := v.secrets[r.PathValue("name")]
	if !found {
		vaultReply(rw, http.StatusNotFound, "errors", []string{})
		return
	}
	vaultReply(rw, http.StatusOK, "data", map[string]any{"data": s.data, "metadata": s.metadata()})
}

func (v *vault) write(rw http.ResponseWriter, r *http.Request) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.refuses {
		vaultReply(rw, http.StatusForbidden, "errors", []string{"1 error occurred:\n\t* permission denied\n\n"})
		return
	}
	var body struct {
		Data map[string]string `json:"data"`
	}
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		vaultReply(rw, http.StatusBadRequest, "errors", []string{err.Error()})
		return
	}
	name := r.PathValue("name")
	s := vaultSecret{body.Data, time.Now().UTC(), v.secrets[name].version + 1}
	v.secrets[name] = s
	vaultReply(rw, http.StatusOK, "data", s.metadata())
}

func (v *vault) remove(rw http.ResponseWriter, r *http.Request) {
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.secrets, r.PathValue("name"))
	rw.WriteHeader(http.StatusNoContent)
}

func (s vaultSecret) metadata() map[string]any {
	return map[string]any{
		"created_time":    s.created.Format(time.RFC3339Nano),
		"custom_metadata": nil,
		"deletion_time":   "",
		"destroyed":       false,
		"version":         s.version,
	}
}

func vaultReply(rw http.ResponseWriter, status int, field string, value any) {
	rw.Header().Set("Content-Type", "application/json")
	rw.WriteHeader(status)
	_ = json.NewEncoder(rw).Encode(map[string]any{field: value}) // it fails only when the client has gone
}
