package provider

import (
	"net/url"
	"strings"
	"testing"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3"
	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/lifecycle"
)

// Every problem says what is true and what to do, and where nothing is in state
// yet, none speaks of a token that is kept there.
func TestOperatorTokenProblem(t *testing.T) {
	t.Parallel()
	in := newInstance(influxdb3.New(influxdb3.Config{URL: &url.URL{Scheme: "http", Host: "127.0.0.1:8181"}}), influxdb3.Secret{}, &testClock{})
	for _, op := range []operation{establishing, replacing, reading, regenerating, importing} {
		for problem := lifecycle.ProblemUnavailable; problem <= lifecycle.ProblemNotSupported; problem++ {
			d := operatorTokenProblem(op, &lifecycle.Error{Problem: problem, Message: "it happened"}, in)
			parts := strings.Split(d.Detail(), "\n\n")
			if len(parts) < 3 || parts[0] != "It happened." || parts[1] == "" || parts[2] == "" {
				t.Errorf("%s, problem %d: %q", op, problem, d.Detail())
			}
			if op == establishing && problem != lifecycle.ProblemWrongServer && (strings.Contains(d.Detail(), "kept in state") || strings.Contains(d.Detail(), "token in state")) {
				t.Errorf("%s, problem %d speaks of a token in state: %q", op, problem, d.Detail())
			}
			if op != establishing && op != importing && strings.Contains(d.Detail(), "No token is in state") {
				t.Errorf("%s, problem %d says that no token is in state: %q", op, problem, d.Detail())
			}
		}
	}
}
