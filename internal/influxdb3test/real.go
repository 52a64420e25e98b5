package influxdb3test

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// realServer is an influxdb3 process with its data in memory.
type realServer struct {
	cmd      *exec.Cmd
	exited   chan struct{}
	output   *tail
	main     string // host:port
	recovery string // "" without
}

const (
	realAttempts = 5
	realPatience = 30 * time.Second
)

// startReal starts the binary on ports that were free a moment ago. Another process may take one
// first; the server then dies and is started anew.
func startReal(t testing.TB, bin string, c config) (*realServer, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	var flags []string
	if c.withoutAuth {
		flags = append(flags, "--without-auth")
	}
	if len(c.open) > 0 {
		flags = append(flags, "--disable-authz", strings.Join(c.open, ","))
	}
	if c.tokenFile != nil {
		path, err := c.tokenFile.write(t.TempDir())
		if err != nil {
			return nil, err
		}
		flags = append(flags, "--admin-token-file", path)
	}
	var err error
	for range realAttempts {
		var s *realServer
		if s, err = tryReal(bin, flags, c.recovery); err == nil {
			return s, nil
		}
	}
	return nil, err
}

// write makes the file that --admin-token-file reads, and returns its path.
func (f tokenFile) write(dir string) (string, error) {
	b, err := json.Marshal(f)
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "admin-token.json")
	return path, os.WriteFile(path, b, 0o600)
}

func tryReal(bin string, flags []string, recovery bool) (*realServer, error) {
	s := &realServer{output: &tail{}, exited: make(chan struct{})}
	var err error
	if s.main, err = freeAddress(); err != nil {
		return nil, err
	}
	args := append([]string{"serve", "--node-id", "n1", "--object-store", "memory", "--http-bind", s.main, "--disable-telemetry-upload"}, flags...)
	if recovery {
		if s.recovery, err = freeAddress(); err != nil {
			return nil, err
		}
		args = append(args, "--admin-token-recovery-http-bind", s.recovery)
	}
	s.cmd = exec.Command(bin, args...)
	s.cmd.Stdout, s.cmd.Stderr = s.output, s.output
	if err := startChild(s.cmd); err != nil {
		return nil, fmt.Errorf("INFLUXDB3_BIN: %w", err)
	}
	go func() {
		_ = s.cmd.Wait() // it is killed: its status means nothing
		close(s.exited)
	}()
	if err := s.ready(); err != nil {
		s.stop()
		return nil, fmt.Errorf("%w; its output:\n%s", err, s.output)
	}
	return s, nil
}

// startChild starts a server that ends with this process, however that ends: a test that is killed
// or runs into its timeout cleans up nothing. A real influxdb3 does not know of it.
func startChild(cmd *exec.Cmd) error {
	cmd.Env = append(cmd.Environ(), stopsWithStdin+"=1")
	if _, err := cmd.StdinPipe(); err != nil { // cmd holds it until Wait, and nobody writes to it
		return err
	}
	return cmd.Start()
}

// ready waits until every listener takes connections.
func (s *realServer) ready() error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	timeout := time.After(realPatience)
	for _, addr := range []string{s.main, s.recovery} {
		for addr != "" {
			if c, err := net.Dial("tcp", addr); err == nil {
				_ = c.Close()
				break
			}
			select {
			case <-tick.C:
			case <-s.exited:
				return fmt.Errorf("influxdb3 has ended: %s", s.cmd.ProcessState)
			case <-timeout:
				return fmt.Errorf("influxdb3 did not come up within %s", realPatience)
			}
		}
	}
	return nil
}

func (s *realServer) stop() {
	_ = s.cmd.Process.Kill() // it may have ended by itself
	<-s.exited
}

func (s *realServer) backend() backend {
	return backend{main: proxyTo(s.main), recovery: proxyTo(s.recovery)}
}

// proxyTo passes requests and replies on as they are.
func proxyTo(addr string) http.Handler {
	return &httputil.ReverseProxy{
		Rewrite: func(p *httputil.ProxyRequest) {
			p.SetURL(&url.URL{Scheme: "http", Host: addr})
			// The proxy would rewrite the host, drop parts of a query that it cannot parse and
			// decode escapes in a path.
			p.Out.Host = p.In.Host
			p.Out.URL.RawQuery = p.In.URL.RawQuery
			p.Out.URL.Path, p.Out.URL.RawPath = p.In.URL.Path, p.In.URL.RawPath
		},
		// A connection for each request: one that was kept could be closed under a request.
		Transport: &http.Transport{DisableKeepAlives: true, DisableCompression: true},
		// The server broke off, so the front does.
		ErrorLog:     log.New(io.Discard, "", 0),
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}
}

// taken are the addresses that were handed out. The kernel may offer one again before
// the server that it is for has bound it, and two tests would share a server.
var taken sync.Map

func freeAddress() (string, error) {
	for {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return "", err
		}
		address := ln.Addr().String()
		_ = ln.Close() // nothing was accepted
		if _, before := taken.LoadOrStore(address, true); !before {
			return address, nil
		}
	}
}
