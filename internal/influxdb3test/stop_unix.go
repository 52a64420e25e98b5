//go:build unix

package influxdb3test

import (
	"net"
	"syscall"
)

// stopListening makes a listening socket refuse connections. Closing it is not
// enough for as long as a process that is just being started by another test holds
// a copy of it.
func stopListening(ln net.Listener) {
	socket, ok := ln.(syscall.Conn)
	if !ok {
		return
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return // it is closed already
	}
	_ = raw.Control(func(fd uintptr) {
		_ = syscall.Shutdown(int(fd), syscall.SHUT_RD) // an error means that it is down already
	})
}
