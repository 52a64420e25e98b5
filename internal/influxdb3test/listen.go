package influxdb3test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// endpoint is one of the two listeners. It can close and open again on the same port.
type endpoint struct {
	name    string
	handler http.Handler
	tls     *tls.Config // nil for http
	errors  io.Writer   // where net/http reports handlers that panicked
	// unread takes a CutUnread fault if one is due; nil where there are no faults.
	unread func(listener string) (cut Fault, due bool)
	port   int // of openAnywhere, otherwise 0

	mu      sync.Mutex
	addr    string // as asked for, then with the port that it got
	socket  net.Listener
	server  *http.Server
	retired *http.Server // one that listens no more but may have connections left
}

// open starts to listen. It does nothing where it listens already or has been retired.
func (e *endpoint) open() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.server != nil || e.retired != nil {
		return nil
	}
	ln, err := net.Listen("tcp", e.addr)
	if err != nil {
		return err
	}
	e.addr, e.socket = ln.Addr().String(), ln
	// HTTP/1 only: a connection that is cut then belongs to one request.
	e.server = &http.Server{
		Handler:           e.handler,
		TLSConfig:         e.tls,
		TLSNextProto:      map[string]func(*http.Server, *tls.Conn, http.Handler){},
		ErrorLog:          log.New(e.errors, "", 0),
		ReadHeaderTimeout: time.Minute,
	}
	go func(s *http.Server, ln net.Listener) {
		// The error is always that of the listener being closed, which is how it ends.
		if e.tls != nil {
			_ = s.ServeTLS(ln, "", "")
		} else {
			_ = s.Serve(ln)
		}
	}(e.server, &listener{Listener: ln, endpoint: e})
	return nil
}

// The ports of test servers lie below those that systems hand out by themselves (32768 and up on
// Linux, 49152 elsewhere), so that nothing takes one while its server is down.
const (
	firstPort = 20000
	ports     = 12000
)

// reservedPorts are those of this process, listening or down.
var reservedPorts sync.Map

// openAnywhere opens on a loopback port that stays reserved until release.
func (e *endpoint) openAnywhere() (err error) {
	for range 100 {
		port := firstPort + mathrand.IntN(ports) //nolint:gosec // to meet few others, not to be secret
		if _, taken := reservedPorts.LoadOrStore(port, true); taken {
			continue
		}
		e.port, e.addr = port, net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
		if err = e.open(); err == nil {
			return nil
		}
		e.release()
	}
	return fmt.Errorf("no free port: %w", err)
}

// release gives the port of openAnywhere back.
func (e *endpoint) release() { reservedPorts.Delete(e.port) }

// close drops the listener and every connection: the next connection is refused.
func (e *endpoint) close() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.server != nil {
		// First the socket itself: a server that has only just started may not know it yet.
		stopListening(e.socket)
		_ = e.socket.Close()
		_ = e.server.Close()
		e.server = nil
	}
	if e.retired != nil {
		_ = e.retired.Close()
	}
}

// retire stops listening, until revive, and lets the connections finish.
func (e *endpoint) retire() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.server == nil {
		return
	}
	stopListening(e.socket)
	_ = e.socket.Close()
	e.server, e.retired = nil, e.server
	// It waits for the very request that retires this endpoint, so it cannot be waited for here.
	go func(s *http.Server) { _ = s.Shutdown(context.Background()) }(e.retired)
}

// revive lets open listen again after retire.
func (e *endpoint) revive() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.retired = nil
}

func (e *endpoint) address() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.addr
}

func (e *endpoint) url() string {
	if e.tls != nil {
		return "https://" + e.address()
	}
	return "http://" + e.address()
}

// listener cuts connections on which CutUnread is due.
type listener struct {
	net.Listener
	endpoint *endpoint
}

func (l *listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &conn{Conn: c, endpoint: l.endpoint, waiting: true}, nil
}

var errCut = errors.New("connection cut by a fault")

// conn is a connection that may be cut while it waits for a request: a client that keeps its
// connections would otherwise never meet a fault of new ones.
type conn struct {
	net.Conn
	endpoint *endpoint

	mu      sync.Mutex
	waiting bool
}

// Read looks at waiting when the bytes are there. The server starts to read for the next request
// before its reply is out: what was so when the read began says nothing.
func (c *conn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 && c.begins() && c.endpoint.unread != nil {
		if f, due := c.endpoint.unread(c.endpoint.name); due {
			f.reached()
			f.wait(context.Background())
			_ = c.Close()
			return 0, errCut
		}
	}
	return n, err
}

// begins tells whether what has just been read is the first of a request.
func (c *conn) begins() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	was := c.waiting
	c.waiting = false
	return was
}

// Write makes it wait again: a client sends its next request when it has the reply to the last one,
// so that it cannot be there before this. The states of net/http come too late: it calls a
// connection idle when the client may have sent something already.
func (c *conn) Write(b []byte) (int, error) {
	c.mu.Lock()
	c.waiting = true
	c.mu.Unlock()
	return c.Conn.Write(b)
}

// newCertificate makes a certificate that is its own authority, and its PEM.
func newCertificate() (*tls.Config, string, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, "", err
	}
	// Clients verify it by their own clock, whatever the server's is.
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(now.UnixNano()),
		Subject:               pkix.Name{CommonName: "influxdb3test"},
		NotBefore:             now.Add(-time.Hour),
		NotAfter:              now.Add(24 * time.Hour),
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
		IsCA:                  true,
		DNSNames:              []string{"localhost"},
		IPAddresses:           []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, "", err
	}
	return tlsConfig(tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}),
		string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), nil
}

func tlsConfig(cert tls.Certificate) *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{cert}}
}
