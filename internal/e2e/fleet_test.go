package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3"
	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3test"
)

// fleetEntry is what fleet.json has of a server.
type fleetEntry struct {
	URL     string `json:"url"`
	Leaving bool   `json:"leaving,omitempty"`
}

// fleet is several servers with one workspace that has an inventory of them.
type fleet struct {
	t       testing.TB
	w       *workspace
	servers map[string]*influxdb3test.Server
	entries map[string]fleetEntry
	own     map[string][]string // by server, the hashes of the tokens that it has made
}

func newFleet(t testing.TB, w *workspace, servers int) *fleet {
	t.Helper()
	f := &fleet{t: t, w: w, servers: map[string]*influxdb3test.Server{}, entries: map[string]fleetEntry{}, own: map[string][]string{}}
	for i := range servers {
		f.add(fmt.Sprintf("server-%d", i))
	}
	return f
}

// add starts another server.
func (f *fleet) add(name string) {
	f.t.Helper()
	f.servers[name] = influxdb3test.New(f.t)
	f.entries[name] = fleetEntry{URL: f.servers[name].URL()}
	f.save()
}

// save writes the inventory.
func (f *fleet) save() {
	f.t.Helper()
	text, err := json.MarshalIndent(f.entries, "", "  ")
	if err != nil {
		f.t.Fatal(err)
	}
	f.w.write("fleet.json", string(text))
}

// tokens are those of a resource in state, by server. (The outputs stay as they were as
// long as one server fails.)
func (f *fleet) tokens(resource string) map[string]string {
	f.t.Helper()
	all := map[string]string{}
	for _, r := range list(f.w.wholeState()["resources"]) {
		if r["type"] != resource {
			continue
		}
		for _, instance := range list(r["instances"]) {
			name, _ := instance["index_key"].(string)
			values, _ := instance["attributes"].(map[string]any)
			all[name] = attributes(values).text("token")
		}
	}
	return all
}

// expectGood expects each server to accept its tokens, and no server to have been sent
// another one's. It returns the operator tokens.
func (f *fleet) expectGood() (operators map[string]string) {
	f.t.Helper()
	operators = f.tokens("influxdb3_admin_token")
	if len(operators) != len(f.entries) {
		f.t.Errorf("%d operator tokens, want %d", len(operators), len(f.entries))
	}
	for _, tokens := range []map[string]string{operators, f.tokens("influxdb3_named_admin_token")} {
		for name, token := range tokens {
			if token == "" { // it was imported
				continue
			}
			if !f.servers[name].Accepts(f.t, token) {
				f.t.Errorf("%s refuses a token of its own", name)
			}
			f.own[name] = append(f.own[name], influxdb3.NewSecret(token).Hash())
		}
	}
	for name, s := range f.servers {
		for _, r := range s.Requests() {
			if r.TokenHash != "" && !slices.ContainsFunc(f.own[name], func(hash string) bool { return influxdb3.SameHash(hash, r.TokenHash) }) {
				f.t.Errorf("%s was sent a token that is not its own: %s %s", name, r.Method, r.Path)
			}
		}
	}
	return operators
}

// expectRotated expects other operator tokens than before on these servers alone.
func (f *fleet) expectRotated(before map[string]string, names ...string) map[string]string {
	f.t.Helper()
	now := f.expectGood()
	for name, token := range before {
		if rotated := token != now[name]; rotated != slices.Contains(names, name) {
			f.t.Errorf("%s: rotated is %t", name, rotated)
		}
	}
	return now
}

// due lets the time of these servers come.
func (f *fleet) due(names ...string) {
	f.t.Helper()
	state := f.w.wholeState()
	found := 0
	for _, r := range list(state["resources"]) {
		if r["type"] != "time_rotating" {
			continue
		}
		for _, instance := range list(r["instances"]) {
			if name, _ := instance["index_key"].(string); slices.Contains(names, name) {
				instance["attributes"].(map[string]any)["rotation_rfc3339"] = time.Now().Add(-time.Minute).UTC().Format(time.RFC3339) //nolint:forcetypeassert // the form of a state
				found++
			}
		}
	}
	if found != len(names) {
		f.t.Fatalf("%d of %d found in state", found, len(names))
	}
	text, err := json.Marshal(state)
	if err != nil {
		f.t.Fatal(err)
	}
	f.w.write(stateFile, string(text))
}

// list is a list of objects in a state.
func list(value any) (all []map[string]any) {
	items, _ := value.([]any)
	for _, item := range items {
		if object, ok := item.(map[string]any); ok {
			all = append(all, object)
		}
	}
	return all
}

// rename gives a server another name in the inventory, as the guide has it.
func (f *fleet) rename(from, to, operator string) {
	f.t.Helper()
	const operators, services = "influxdb3_admin_token.operator", "influxdb3_named_admin_token.telegraf"
	key := func(resource, name string) string { return fmt.Sprintf("%s[%q]", resource, name) }
	f.w.must("state", "rm", key(operators, from), key(services, from), key("time_rotating.operator", from))
	f.servers[to], f.entries[to], f.own[to] = f.servers[from], f.entries[from], f.own[from]
	delete(f.servers, from)
	delete(f.entries, from)
	f.save()
	f.w.set("TF_VAR_tokens", fmt.Sprintf("{ %q = %q }", to, operator))
	f.w.must("import", key(operators, to), to+"/_admin")
	f.w.must("import", key(services, to), to+"/telegraf")
	expectOutput(f.t, f.w.must("apply"), "1 added, 1 changed, 0 destroyed")
	f.w.set("TF_VAR_tokens", "{}")
}

// requests is how many each server was sent since the last call.
func (f *fleet) requests() map[string]int {
	all := map[string]int{}
	for name, s := range f.servers {
		all[name] = len(s.Requests())
		s.ResetRequests()
	}
	return all
}

// expectRequests expects each server of the inventory to have been sent as many.
func (f *fleet) expectRequests(each int) {
	f.t.Helper()
	for name, n := range f.requests() {
		if _, there := f.entries[name]; there && n != each {
			f.t.Errorf("%s was sent %d requests, want %d", name, n, each)
		}
	}
}

// As the guide has it, with ten servers.
func exampleFleet(t *testing.T, _ *influxdb3test.Server, w *workspace) {
	w.set("INFLUXDB3_HOST_URL", "")
	f := newFleet(t, w, 10)
	expectOutput(t, w.must("apply"), "30 added, 0 changed, 0 destroyed")
	before := f.expectGood()
	for name, s := range f.servers {
		if names := s.Names(t, before[name]); !slices.Equal(names, []string{"_admin", "telegraf"}) {
			t.Errorf("%s has the tokens %v", name, names)
		}
	}
	if output, want := fmt.Sprint(w.output("operator_tokens")), fmt.Sprint(before); output != want {
		t.Error("the output has not the tokens in state")
	}

	// The time of some comes.
	f.due("server-1", "server-4", "server-7")
	expectOutput(t, w.must("apply"), "3 added, 3 changed, 0 destroyed")
	before = f.expectRotated(before, "server-1", "server-4", "server-7")
	f.requests()
	w.expectNothingToDo()
	f.expectRequests(2) // one for each provider block

	// One is down: the others go on.
	const down, other = "server-3", "server-5"
	f.servers[down].Down()
	f.due(down, other)
	r := w.fails([]string{"apply"}, "Server Cannot Be Reached", "Unable to Regenerate Operator Token")
	if r.has(f.servers[other].URL()) {
		t.Errorf("a diagnostic names a server that is up: %s", r)
	}
	f.servers[down].Up()
	before = f.expectRotated(before, other)

	// It is back, and another one comes.
	f.add("late")
	expectOutput(t, w.must("apply"), "3 added, 1 changed, 0 destroyed")
	before = f.expectRotated(before, down)

	// One goes, which takes two applies.
	const leaves = "server-9"
	entry := f.entries[leaves]
	delete(f.entries, leaves)
	f.save()
	w.fails([]string{"apply"}, "Operator Token Is Protected From Deletion")
	entry.Leaving = true
	f.entries[leaves] = entry
	f.save()
	expectOutput(t, w.must("apply"), "0 added, 1 changed, 1 destroyed")
	if names := f.servers[leaves].Names(t, before[leaves]); !slices.Equal(names, []string{"_admin"}) {
		t.Errorf("%s has the tokens %v", leaves, names)
	}
	delete(f.entries, leaves)
	f.save()
	f.requests()
	expectOutput(t, w.must("apply"), "0 added, 0 changed, 2 destroyed")
	if n := f.requests()[leaves]; n != 0 {
		t.Errorf("the server that has left was sent %d requests", n)
	}
	delete(before, leaves)
	before = f.expectRotated(before)

	// One is renamed.
	f.rename("server-8", "renamed", before["server-8"])
	before["renamed"] = before["server-8"]
	delete(before, "server-8")
	before = f.expectRotated(before)

	// There is nothing else to do when all is over.
	expectOutput(t, w.must("apply", "-var", "deletion_protection=false"), "0 added, 10 changed, 0 destroyed")
	w.must("destroy", "-var", "deletion_protection=false")
	for name, token := range before {
		if names := f.servers[name].Names(t, token); !slices.Equal(names, []string{"_admin"}) {
			t.Errorf("%s has the tokens %v", name, names)
		}
	}
	if left := slices.Collect(maps.Keys(f.entries)); len(left) != 10 {
		t.Errorf("%d servers, want 10", len(left))
	}
}
