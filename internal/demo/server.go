package main

import (
	"bytes"
	"context"
	"crypto/sha512"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const patience = 30 * time.Second

// startServer starts a real influxdb3 if INFLUXDB3_BIN names one, and the test
// server otherwise: they take the same flags. The returned function ends it.
func (d *demo) startServer(ctx context.Context, dir string) (stop func(), err error) {
	binary, kind := d.serverBinary, "the test server"
	if bin := os.Getenv("INFLUXDB3_BIN"); bin != "" {
		binary, kind = bin, "a real influxdb3"
	}
	addressFile, logFile := filepath.Join(dir, "address"), filepath.Join(dir, "server.log")
	output, err := os.Create(logFile)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(binary, "serve", "--node-id", "demo", "--object-store", "memory",
		"--http-bind", "127.0.0.1:0", "--tcp-listener-file-path", addressFile, "--disable-telemetry-upload")
	cmd.Stdout, cmd.Stderr = output, output
	// A group of its own: Ctrl-C ends the command line first and the server last.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("start %s: %w", binary, err), output.Close())
	}
	exited := make(chan struct{})
	go func() {
		_ = cmd.Wait() // it is killed: its status means nothing
		close(exited)
	}()
	stop = func() {
		_ = cmd.Process.Kill() // it may have ended by itself
		<-exited
		_ = output.Close() // nobody writes to it any more
	}

	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	timeout := time.After(patience)
	for {
		if address, err := os.ReadFile(addressFile); err == nil && len(address) > 0 {
			d.url = "http://" + strings.TrimSpace(string(address))
			break
		}
		select {
		case <-tick.C:
			continue
		case <-ctx.Done():
			err = ctx.Err()
		case <-exited:
			err = fmt.Errorf("%s has ended", binary)
		case <-timeout:
			err = fmt.Errorf("%s did not come up within %s", binary, patience)
		}
		stop()
		log, _ := os.ReadFile(logFile) // without it the error says less
		return nil, fmt.Errorf("%w; its output:\n%s", err, log)
	}
	d.environ = withoutSettings(os.Environ(), "TF_", "INFLUXDB3_")
	fmt.Printf("A new InfluxDB 3 (%s) runs at %s.\n", kind, d.url)
	if err := d.expectStatus(ctx, "", http.StatusUnauthorized); err != nil {
		stop()
		return nil, err
	}
	proved("without a token the server answers nothing (401)")
	return stop, nil
}

// useRunningServer works on the server of INFLUXDB3_HOST_URL, with consent.
func (d *demo) useRunningServer(dir string) error {
	d.url = strings.TrimSuffix(os.Getenv("INFLUXDB3_HOST_URL"), "/")
	if os.Getenv("DEMO_ROTATES_MY_SERVER") != "yes" {
		return fmt.Errorf("INFLUXDB3_HOST_URL is set: the demo would rotate the operator token of %s, and has not begun. "+
			"Unset INFLUXDB3_HOST_URL to start a test server, or set DEMO_ROTATES_MY_SERVER=yes if that token may be rotated", d.url)
	}
	fmt.Printf("This will ROTATE THE OPERATOR TOKEN of %s.\n", d.url)
	fmt.Println("Whoever holds the current one has to get the new one, which will be in the state file named below.")
	fmt.Printf("The state with the new token is kept, until the system clears its temporary files: %s\n\n", filepath.Join(dir, "configuration", "terraform.tfstate"))
	d.environ = withoutSettings(os.Environ(), "TF_")
	return nil
}

// expectStatus asks the server a question that needs a valid token.
func (d *demo) expectStatus(ctx context.Context, token string, want int) error {
	transport, err := transport()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	question := []byte(`{"db":"_internal","q":"SELECT token_id, name, hash, created_at, updated_at, expiry, permissions FROM system.tokens ORDER BY token_id","format":"json"}`)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, d.url+"/api/v3/query_sql", bytes.NewReader(question))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	who := "no token"
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
		who = "the token with the hash " + hash(token)
	}
	client := &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	_ = resp.Body.Close() // the status is the answer
	if resp.StatusCode != want {
		return fmt.Errorf("with %s the server answers %d, expected %d", who, resp.StatusCode, want)
	}
	return nil
}

// transport follows the provider's environment variables.
func transport() (*http.Transport, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if file := os.Getenv("INFLUXDB3_TLS_CA"); file != "" {
		pem, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		if config.RootCAs, err = x509.SystemCertPool(); err != nil {
			return nil, err
		}
		config.RootCAs.AppendCertsFromPEM(pem)
	}
	config.InsecureSkipVerify, _ = strconv.ParseBool(os.Getenv("INFLUXDB3_TLS_NO_VERIFY")) // the provider reports a bad one
	return &http.Transport{TLSClientConfig: config, Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true}, nil
}

// hash is what identifies a token without giving it away.
func hash(token string) string {
	sum := sha512.Sum512([]byte(token))
	return hex.EncodeToString(sum[:])[:9]
}

// withoutSettings drops the variables with these prefixes, so that what a shell
// has set decides nothing.
func withoutSettings(environ []string, prefixes ...string) (kept []string) {
	for _, v := range environ {
		drop := false
		for _, prefix := range prefixes {
			drop = drop || strings.HasPrefix(v, prefix)
		}
		if !drop {
			kept = append(kept, v)
		}
	}
	return kept
}
