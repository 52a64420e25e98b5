// Command demo does the provider's main job with the real command line and proves
// every step: it bootstraps the operator token of a server, plans again, rotates
// the token through a changed trigger, and asks the server which token it takes.
// It prints hashes, never a token, and fails if anything is not as it should be.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
)

func main() {
	var d demo
	flag.StringVar(&d.cli, "cli", "terraform", "the command line, Terraform or OpenTofu")
	flag.StringVar(&d.provider, "provider", "", "the provider's binary")
	flag.StringVar(&d.serverBinary, "server", "", "the test server's binary, for when INFLUXDB3_BIN names no real one")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	err := d.run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "DEMO FAILED:", err)
		os.Exit(1)
	}
}

type demo struct {
	cli          string
	provider     string
	serverBinary string
	url          string
	environ      []string // of the command line
	dir          string   // the configuration and its state
	said         []string // what the command line printed
}

const configuration = `terraform {
  required_providers {
    influxdb3 = { source = "influxdb3-community/influxdb3" }
  }
}

variable "quarter" {
  type = string
}

resource "influxdb3_admin_token" "operator" {
  rotation_triggers = { quarter = var.quarter }
}

output "operator_token" {
  value     = influxdb3_admin_token.operator.token
  sensitive = true
}

output "operator_token_hash" {
  value = influxdb3_admin_token.operator.hash
}
`

// run sets the scene, plays and clears up.
func (d *demo) run(ctx context.Context) (err error) {
	dir, err := os.MkdirTemp("", "influxdb3-demo-")
	if err != nil {
		return err
	}
	running := os.Getenv("INFLUXDB3_HOST_URL") != ""
	defer func() {
		if !running {
			err = errors.Join(err, os.RemoveAll(dir))
		}
	}()
	if running {
		// The server outlives the demo, and so must the only copy of its token.
		if err := d.useRunningServer(dir); err != nil {
			return errors.Join(err, os.RemoveAll(dir))
		}
	} else {
		stop, err := d.startServer(ctx, dir)
		if err != nil {
			return err
		}
		defer stop()
	}
	if err := d.prepare(dir); err != nil {
		return err
	}
	if err := d.play(ctx); err != nil {
		return err
	}
	fmt.Println("Everything is as it should be.")
	return nil
}

// play is the story. Every step returns an error if it does not come out as told.
func (d *demo) play(ctx context.Context) error {
	if _, err := d.cliRun(ctx, "init"); err != nil {
		return err
	}
	proved("%s init installs the provider", filepath.Base(d.cli))

	first, err := d.bootstrap(ctx)
	if err != nil {
		return err
	}
	if err := d.expectPlan(ctx, 0, "-var=quarter=Q1"); err != nil {
		return err
	}
	proved("a second plan finds nothing to do (exit code 0)")
	if err := d.expectHidden(ctx, first); err != nil {
		return err
	}
	proved("the output shows operator_token = <sensitive>")

	second, err := d.rotate(ctx, first)
	if err != nil {
		return err
	}
	if err := d.expectStatus(ctx, second, http.StatusOK); err != nil {
		return err
	}
	proved("the server takes the new token %s (200)", hash(second))
	if err := d.expectStatus(ctx, first, http.StatusUnauthorized); err != nil {
		return err
	}
	proved("the server refuses the old token %s (401)", hash(first))

	if err := d.expectPlan(ctx, 0, "-var=quarter=Q2"); err != nil {
		return err
	}
	proved("the next plan finds nothing to do (exit code 0)")
	if err := d.expectSilence(first, second); err != nil {
		return err
	}
	proved("neither token was printed by any of these commands")
	return nil
}

// bootstrap applies for the first time and returns the token.
func (d *demo) bootstrap(ctx context.Context) (string, error) {
	out, err := d.cliRun(ctx, "apply", "-auto-approve", "-var=quarter=Q1")
	if err != nil {
		return "", err
	}
	if err := contains(out, "Resources: 1 added, 0 changed, 0 destroyed"); err != nil {
		return "", err
	}
	token, err := d.token(ctx)
	if err != nil {
		return "", err
	}
	proved("the first apply gets the operator token %s (1 added)", hash(token))
	if err := d.expectStatus(ctx, token, http.StatusOK); err != nil {
		return "", err
	}
	proved("the server takes the token %s (200)", hash(token))
	return token, nil
}

// rotate changes the trigger and returns the token that replaces old.
func (d *demo) rotate(ctx context.Context, old string) (string, error) {
	if err := d.expectPlan(ctx, 2, "-var=quarter=Q2", "-out=rotation"); err != nil {
		return "", err
	}
	if err := d.expectUpdate(ctx, "rotation"); err != nil {
		return "", err
	}
	proved("with the trigger changed, the plan is one update in place (exit code 2)")
	out, err := d.cliRun(ctx, "apply", "rotation")
	if err != nil {
		return "", err
	}
	if err := contains(out, "Resources: 0 added, 1 changed, 0 destroyed"); err != nil {
		return "", err
	}
	token, err := d.token(ctx)
	if err != nil {
		return "", err
	}
	if token == old {
		return "", errors.New("the token is the same as before")
	}
	proved("applying it makes the operator token %s (1 changed)", hash(token))
	return token, nil
}

// proved tells what has just been shown to be so.
func proved(format string, a ...any) { fmt.Printf("ok  "+format+"\n", a...) }
