package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	"github.com/influxdb3-community/terraform-provider-influxdb3/internal/influxdb3test"
)

// rounds is how often two plans are timed, by turns, so that whatever else the
// machine does falls upon both.
const rounds = 7

// BenchmarkPlan compares a plan of named admin tokens with one of as many
// time_static, which is the floor: what Terraform itself needs for a provider that
// asks nobody. It reports ratios, because times belong to a machine. Encrypted tokens
// are to cost nothing in a plan without changes: at most 1.15 of the floor.
func BenchmarkPlan(b *testing.B) {
	for _, bench := range []struct {
		name   string
		n      int
		sealed bool // with age_recipients
	}{
		{"1", 1, false},
		{"1000", 1000, false},
		{"1000-encrypted", 1000, true},
	} {
		b.Run(bench.name, func(b *testing.B) {
			s, tokens := tokenWorkspace(b, bench.n)
			if bench.sealed {
				tokens.encrypt()
			}
			floor := floorWorkspace(b, s, bench.n)
			var ours, theirs []time.Duration
			for b.Loop() {
				for range rounds {
					ours = append(ours, tokens.timePlan())
					theirs = append(theirs, floor.timePlan())
				}
			}
			b.ReportMetric(0, "ns/op") // a time of its own would only be misread
			b.ReportMetric(float64(middle(ours))/float64(middle(theirs)), "x-floor")
			b.ReportMetric(middle(ours).Seconds(), "s-plan")
			b.ReportMetric(middle(theirs).Seconds(), "s-floor")
		})
	}
}

// BenchmarkCost shows how requests and the provider's memory grow with the number
// of tokens, beside the memory of the time provider for as many time_static: what a
// provider keeps of every call is the framework's.
func BenchmarkCost(b *testing.B) {
	for _, n := range []int{1, 100, 1000, 5000} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			s, tokens := tokenWorkspace(b, n)
			floor := floorWorkspace(b, s, n)
			var peak, floorPeak, requests int
			for b.Loop() {
				s.ResetRequests()
				peak = tokens.planPeak()
				requests = len(s.Requests())
				floorPeak = floor.planPeak()
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(float64(requests), "requests")
			if peak > 0 {
				b.ReportMetric(float64(peak)/1024, "MiB-provider")
				b.ReportMetric(float64(floorPeak)/1024, "MiB-floor")
			}
		})
	}
}

// BenchmarkFleet compares plans and rotations of many servers in one provider block with
// as many time_static: a plan with a plan, and a rotation with an apply that replaces them all.
// (A change of triggers replaces a time_static, which is two calls a resource and not one,
// and both plan before that.) It reports the requests of a plan for each server.
func BenchmarkFleet(b *testing.B) {
	for _, n := range []int{1, 100, 500} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			servers, fleet := fleetWorkspace(b, n)
			floor := floorWorkspace(b, servers[0], n)
			var plans, floorPlans, rotations, floorRotations []time.Duration
			var requests, peak int
			for b.Loop() {
				for range fleetRounds {
					plans = append(plans, fleet.timePlan())
					floorPlans = append(floorPlans, floor.timePlan())
				}
				for i := range fleetRounds {
					rotation := fmt.Sprintf("rotation=%d", i+2)
					rotations = append(rotations, fleet.timed("apply", "-var", rotation))
					floorRotations = append(floorRotations, floor.timed("apply", "-var", rotation))
				}
				last := fmt.Sprintf("rotation=%d", fleetRounds+1)
				fleet.must("apply", "-var", last)
				for _, s := range servers {
					s.ResetRequests()
				}
				peak = fleet.planPeak("-var", last)
				for _, s := range servers {
					requests += len(s.Requests())
				}
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(float64(middle(plans))/float64(middle(floorPlans)), "x-floor-plan")
			b.ReportMetric(middle(plans).Seconds(), "s-plan")
			b.ReportMetric(float64(middle(rotations))/float64(middle(floorRotations)), "x-floor-rotation")
			b.ReportMetric(middle(rotations).Seconds(), "s-rotation")
			b.ReportMetric(float64(requests)/float64(n), "requests/server")
			b.ReportMetric(float64(peak)/1024, "MiB-provider")
		})
	}
}

// fleetRounds is rounds, for what takes longer.
const fleetRounds = 3

// BenchmarkMany compares the creation and the destruction of a thousand named tokens with
// those of as many time_static.
func BenchmarkMany(b *testing.B) {
	const n = 1000
	s := influxdb3test.New(b)
	tokens := newWorkspace(b, s, tokensConfig(n))
	tokens.set("INFLUXDB3_AUTH_TOKEN", s.Bootstrap(b))
	floor := newWorkspace(b, s, floorConfig(n))
	var creations, floorCreations, removals, floorRemovals []time.Duration
	for b.Loop() {
		for range fleetRounds {
			creations = append(creations, tokens.timed("apply"))
			floorCreations = append(floorCreations, floor.timed("apply"))
			removals = append(removals, tokens.timed("destroy"))
			floorRemovals = append(floorRemovals, floor.timed("destroy"))
		}
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(middle(creations))/float64(middle(floorCreations)), "x-floor-create")
	b.ReportMetric(middle(creations).Seconds(), "s-create")
	b.ReportMetric(float64(middle(removals))/float64(middle(floorRemovals)), "x-floor-destroy")
	b.ReportMetric(middle(removals).Seconds(), "s-destroy")
}

// fleetWorkspace is a number of servers in one provider block, whose operator tokens are
// made, and what the first refresh asks for is saved.
func fleetWorkspace(b *testing.B, n int) ([]*influxdb3test.Server, *workspace) {
	b.Helper()
	servers, urls := make([]*influxdb3test.Server, n), map[string]string{}
	for i := range servers {
		servers[i] = influxdb3test.New(b)
		urls[fmt.Sprintf("server-%d", i)] = servers[i].URL()
	}
	w := emptyWorkspace(b, servers[0])
	text, err := json.Marshal(urls)
	if err != nil {
		b.Fatal(err)
	}
	w.write("fleet.json", string(text))
	w.write("main.tf", `
terraform {
  required_providers {
    influxdb3 = { source = "influxdb3-community/influxdb3" }
  }
}

variable "rotation" { default = "1" }

locals {
  fleet = jsondecode(file("${path.module}/fleet.json"))
}

provider "influxdb3" {
  servers = { for name, url in local.fleet : name => { url = url } }
}

resource "influxdb3_admin_token" "operator" {
  for_each          = local.fleet
  server            = each.key
  rotation_triggers = { by = var.rotation }
}
`)
	w.must("init")
	w.must("apply")
	w.must("apply")
	return servers, w
}

// A refresh of many tokens makes no more requests than one of a few.
func TestManyTokensShareAListing(t *testing.T) {
	t.Parallel()
	s, w := tokenWorkspace(t, 100)
	s.ResetRequests()
	w.expectNothingToDo()
	if n := len(s.Requests()); n < 1 || n > 2 {
		t.Errorf("%d requests, want 1 or 2", n)
	}
}

// tokenWorkspace is a server with n named admin tokens and the workspace that
// made them.
func tokenWorkspace(t testing.TB, n int) (*influxdb3test.Server, *workspace) {
	t.Helper()
	s := influxdb3test.New(t)
	w := newWorkspace(t, s, tokensConfig(n))
	w.set("INFLUXDB3_AUTH_TOKEN", s.Bootstrap(t))
	w.must("apply")
	return s, w
}

// floorWorkspace has n time_static, applied.
func floorWorkspace(b *testing.B, s *influxdb3test.Server, n int) *workspace {
	b.Helper()
	w := newWorkspace(b, s, floorConfig(n))
	w.must("apply")
	return w
}

func tokensConfig(n int) string {
	return fmt.Sprintf(`
terraform {
  required_providers {
    influxdb3 = { source = "influxdb3-community/influxdb3" }
  }
}

resource "influxdb3_named_admin_token" "t" {
  count = %d
  name  = "token-${count.index}"
}
`, n)
}

// encrypt turns encryption on for all tokens, which the provider can decrypt.
func (w *workspace) encrypt() {
	w.t.Helper()
	key, err := age.GenerateX25519Identity()
	if err != nil {
		w.t.Fatal(err)
	}
	w.set("INFLUXDB3_AGE_IDENTITY", key.String())
	w.write("main.tf", strings.Replace(w.read("main.tf"), "  name ", fmt.Sprintf("  age_recipients = [%q]\n  name ", key.Recipient()), 1))
	began := time.Now()
	w.must("apply")
	w.t.Logf("encrypted in %s", time.Since(began).Round(time.Millisecond))
	if anyToken.MatchString(w.read(stateFile)) {
		w.t.Fatal("a token is in state")
	}
}

func floorConfig(n int) string {
	return fmt.Sprintf(`
variable "rotation" { default = "1" }

resource "time_static" "t" {
  count    = %d
  triggers = { by = var.rotation }
}
`, n)
}

func (w *workspace) timePlan() time.Duration {
	w.t.Helper()
	return w.timed("plan")
}

func (w *workspace) timed(args ...string) time.Duration {
	w.t.Helper()
	began := time.Now()
	w.must(args...)
	return time.Since(began)
}

func middle(times []time.Duration) time.Duration {
	slices.Sort(times)
	return times[len(times)/2]
}

// planPeak runs a plan and returns the peak of the provider's resident memory, in
// KiB; 0 on a system that does not tell it in /proc.
func (w *workspace) planPeak(args ...string) int {
	w.t.Helper()
	cmd := w.command(append([]string{"plan"}, args...)...)
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	peak := 0
	for {
		select {
		case err := <-done:
			if err != nil {
				w.t.Fatal(err)
			}
			if peak == 0 && runtime.GOOS == "linux" {
				w.t.Fatal("the provider was not seen in /proc")
			}
			return peak
		case <-tick.C:
			peak = max(peak, providerPeak(cmd.Process.Pid))
		}
	}
}

// providerPeak reads the high-water mark of the provider that a CLI has started,
// in KiB; 0 if there is none at the moment.
func providerPeak(cli int) int {
	statuses, _ := filepath.Glob("/proc/[0-9]*/status") // the pattern is well-formed
	for _, file := range statuses {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended
		}
		fields := map[string]string{}
		for line := range strings.Lines(string(text)) {
			name, value, _ := strings.Cut(line, ":")
			fields[name] = strings.TrimSpace(value)
		}
		if fields["PPid"] == strconv.Itoa(cli) && strings.HasPrefix(fields["Name"], "terraform-provi") {
			kib, _ := strconv.Atoi(strings.TrimSuffix(fields["VmHWM"], " kB"))
			return kib
		}
	}
	return 0
}
