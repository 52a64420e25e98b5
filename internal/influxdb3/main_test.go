package influxdb3_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"
)

func TestMain(m *testing.M) {
	// A proxy would answer for a name that does not resolve.
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"} {
		_ = os.Unsetenv(name)
	}
	// These tests wait more than they compute. -parallel still has the last word.
	_ = flag.Set("test.parallel", "16")
	os.Exit(m.Run())
}

// recordedPair is a token of the recording and the whole hash that the server sent with it.
type recordedPair struct{ token, hash string }

// recordedPairs returns every token that a reply of the recording holds.
func recordedPairs(t *testing.T) []recordedPair {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "influxdb3test", "testdata", "core-3.10.json"))
	if err != nil {
		t.Fatal(err)
	}
	var scenarios []struct {
		Steps []struct {
			Response struct{ Body string }
		}
	}
	if err := json.Unmarshal(raw, &scenarios); err != nil {
		t.Fatal(err)
	}
	var pairs []recordedPair
	for _, scenario := range scenarios {
		for _, step := range scenario.Steps {
			var reply struct{ Token, Hash string }
			if json.Unmarshal([]byte(step.Response.Body), &reply) == nil && reply.Token != "" {
				pairs = append(pairs, recordedPair{reply.Token, reply.Hash})
			}
		}
	}
	return pairs
}
