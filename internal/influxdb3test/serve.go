package influxdb3test

import (
	"context"
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const usage = `usage: influxdb3test serve --node-id ID [flags]

An InfluxDB 3 token server for tests and demos. It takes influxdb3's own flags:
  --node-id ID                          any name; it is not used
  --http-bind HOST:PORT                 default 0.0.0.0:8181
  --object-store memory|file            default memory
  --data-dir DIR                        where --object-store file keeps the catalog
  --admin-token-file FILE               start with the admin token in FILE
  --admin-token-recovery-http-bind ADDR the recovery listener; there is none without it
  --without-auth                        ask for no token
  --disable-authz LIST                  of ping,health,metrics: answer without a token
  --tls-key FILE, --tls-cert FILE       serve https
  --tcp-listener-file-path FILE         write the address that it listens on
  --admin-token-recovery-tcp-listener-file-path FILE
  --disable-telemetry-upload            accepted: it sends nothing anyway
and one of its own:
  --as 3.4|3.7|3.9|3.10                 the version to answer as, default 3.10
`

// serveFlags is what the command line asks for.
type serveFlags struct {
	config
	nodeID       string
	httpBind     string
	recoveryBind string
	objectStore  string
	tlsKey       string
	tlsCert      string
	tokenPath    string
	addressFile  string
	recoveryFile string
}

// parseServe reads the flags of serve. Its errors name flags, and values of switches alone: a token
// may be among what was mistyped.
func parseServe(args []string) (serveFlags, error) {
	f := serveFlags{config: newConfig(nil)}
	var open string
	flags := flag.NewFlagSet("serve", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&f.nodeID, "node-id", "", "")
	flags.StringVar(&f.httpBind, "http-bind", "0.0.0.0:8181", "")
	flags.StringVar(&f.objectStore, "object-store", "memory", "")
	flags.StringVar(&f.dataDir, "data-dir", "", "")
	flags.StringVar(&f.tokenPath, "admin-token-file", "", "")
	flags.StringVar(&f.recoveryBind, "admin-token-recovery-http-bind", "", "")
	flags.BoolVar(&f.withoutAuth, "without-auth", false, "")
	flags.StringVar(&open, "disable-authz", "", "")
	flags.StringVar(&f.tlsKey, "tls-key", "", "")
	flags.StringVar(&f.tlsCert, "tls-cert", "", "")
	flags.StringVar(&f.addressFile, "tcp-listener-file-path", "", "")
	flags.StringVar(&f.recoveryFile, "admin-token-recovery-tcp-listener-file-path", "", "")
	flags.Bool("disable-telemetry-upload", false, "")
	flags.StringVar(&f.version, "as", f.version, "")
	if err := flags.Parse(args); err != nil {
		return f, err
	}
	if flags.NArg() > 0 {
		return f, errors.New("unexpected argument: flags start with --")
	}
	if open != "" {
		f.open = strings.Split(open, ",")
	}
	return f, f.check()
}

func (f serveFlags) check() error {
	if f.nodeID == "" {
		return errors.New("--node-id is required")
	}
	switch {
	case f.objectStore != "memory" && f.objectStore != "file":
		return errors.New("--object-store must be memory or file")
	case f.objectStore == "file" && f.dataDir == "":
		return errors.New("--object-store file needs --data-dir")
	case f.objectStore == "memory" && f.dataDir != "":
		return errors.New("--data-dir needs --object-store file")
	case (f.tlsKey == "") != (f.tlsCert == ""):
		return errors.New("--tls-key and --tls-cert need each other")
	case f.recoveryFile != "" && f.recoveryBind == "":
		return errors.New("--admin-token-recovery-tcp-listener-file-path needs --admin-token-recovery-http-bind")
	}
	if !bindable(f.httpBind) {
		return errors.New("--http-bind must be HOST:PORT")
	}
	if f.recoveryBind != "" && !bindable(f.recoveryBind) {
		return errors.New("--admin-token-recovery-http-bind must be HOST:PORT")
	}
	if err := f.config.check(); err != nil {
		if _, ok := releases[f.version]; !ok {
			return errors.New("--as must be one of " + strings.Join(versions, ", "))
		}
		return errors.New("--disable-authz must be a list of ping, health and metrics")
	}
	return nil
}

func bindable(addr string) bool {
	_, err := net.ResolveTCPAddr("tcp", addr)
	return err == nil && addr != ""
}

// process is a server that the command runs.
type process struct {
	main     *endpoint
	recovery *endpoint // nil without
}

// start returns a server that listens.
func (f serveFlags) start(errorLog io.Writer) (_ *process, err error) {
	c := f.config
	if f.tokenPath != "" {
		if c.tokenFile, err = readTokenFile(f.tokenPath); err != nil {
			return nil, err
		}
	}
	var secure *tls.Config
	if f.tlsKey != "" {
		cert, err := tls.LoadX509KeyPair(f.tlsCert, f.tlsKey)
		if err != nil {
			return nil, fmt.Errorf("TLS: %w", err)
		}
		secure = tlsConfig(cert)
	}
	e, err := newEmbedded(c)
	if err != nil {
		return nil, err
	}
	p := &process{}
	front := &front{now: c.now, backend: backend{main: e, recovery: recovery{e}}, recovered: func() { p.recovery.retire() }}
	p.main = &endpoint{name: "main", handler: front.listener("main"), tls: secure, addr: f.httpBind, errors: errorLog}
	// The listener that everybody waits for is the last to open.
	if f.recoveryBind != "" {
		p.recovery = &endpoint{name: "recovery", handler: front.listener("recovery"), tls: secure, addr: f.recoveryBind, errors: errorLog}
		if err := p.recovery.announce(f.recoveryFile); err != nil {
			return nil, err
		}
	}
	if err := p.main.announce(f.addressFile); err != nil {
		p.kill()
		return nil, err
	}
	return p, nil
}

// announce opens the endpoint and writes its address to the file, if there is one. The file
// appears with its content: whoever waits for it never reads half of it.
func (e *endpoint) announce(file string) error {
	if err := e.open(); err != nil {
		return fmt.Errorf("%s listener: %w", e.name, err)
	}
	if file == "" {
		return nil
	}
	part := filepath.Join(filepath.Dir(file), "."+filepath.Base(file)+".part")
	err := os.WriteFile(part, []byte(e.address()), 0o600)
	if err == nil {
		err = os.Rename(part, file)
	}
	if err != nil {
		e.close()
	}
	return err
}

// kill drops everything at once.
func (p *process) kill() {
	p.main.close()
	if p.recovery != nil {
		p.recovery.close()
	}
}

// stop answers what is under way, for at most the given time.
func (p *process) stop(patience time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	p.main.mu.Lock()
	s := p.main.server
	p.main.mu.Unlock()
	if s != nil {
		_ = s.Shutdown(ctx) // what is not answered by then is cut
	}
	p.kill()
}

// stopsWithStdin is the environment variable that makes the command stop when its standard input
// ends. It is no flag, because a real influxdb3 is started by the same code.
const stopsWithStdin = "INFLUXDB3TEST_STOPS_WITH_STDIN"

// Command runs `influxdb3test serve` with the arguments after the program's name until the context
// is done, and returns the exit code: 0, 2 where the arguments make no sense, 1 for everything
// else. It writes the address to stderr once it listens.
func Command(ctx context.Context, args []string, stderr io.Writer) int {
	say := func(format string, a ...any) { _, _ = fmt.Fprintf(stderr, format, a...) }
	if len(args) == 0 || args[0] != "serve" {
		say("%s", usage)
		return 2
	}
	if len(args) == 2 && (args[1] == "--help" || args[1] == "-h") {
		say("%s", usage)
		return 0
	}
	f, err := parseServe(args[1:])
	if err != nil {
		say("influxdb3test: %v\n\n%s", err, usage)
		return 2
	}
	p, err := f.start(stderr)
	if err != nil {
		say("influxdb3test: %v\n", err)
		return 1
	}
	say("influxdb3test: listening on %s as InfluxDB 3 Core %s\n", p.main.url(), releases[f.version].number)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if os.Getenv(stopsWithStdin) != "" {
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin) // an error is an end, too
			cancel()
		}()
	}
	<-ctx.Done()
	p.stop(5 * time.Second)
	return 0
}
