//go:build !unix

package influxdb3test

import "net"

// stopListening is needed where processes are started by forking.
func stopListening(net.Listener) {}
