package provider

import (
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"
)

// changing counts the operations under way that may hold the only copy of a
// secret.
var changing atomic.Int64

// keepAlive marks such an operation until the returned function is called.
func keepAlive() func() {
	changing.Add(1)
	return func() { changing.Add(-1) }
}

// HoldTermination makes the process outlive SIGTERM for as long as somebody waits
// for its replies. Whoever cancels a job signals the whole process group: the CLI
// then stops gracefully, while a plugin dies in the middle of a call, and the
// token in the reply with it. go-plugin holds back SIGINT alone. The CLI ends its
// plugins itself, so that there is nothing else to do here than to go when the
// CLI is gone and no call is under way.
func HoldTermination() {
	parent := os.Getppid()
	terminated := make(chan os.Signal, 1)
	signal.Notify(terminated, syscall.SIGTERM)
	go func() {
		<-terminated
		for range time.Tick(100 * time.Millisecond) {
			if changing.Load() == 0 && os.Getppid() != parent {
				os.Exit(128 + int(syscall.SIGTERM))
			}
		}
	}()
}
