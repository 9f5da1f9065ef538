// Package memnet is a network in memory for tests that run in a bubble of
// testing/synctest, where a goroutine that waits for a real network would stop
// the time. It behaves like TCP on one machine that loses nothing: bytes arrive
// at once and in order, and a sender waits while bufferSize of them are unread.
package memnet

import (
	"context"
	"fmt"
	"net"
	"os"
	"sync"
	"syscall"
)

// A Network connects dial funcs to listeners by their address.
type Network struct {
	mu        sync.Mutex
	listeners map[string]*listener
	dials     int
}

// New returns a network without listeners.
func New() *Network { return &Network{listeners: map[string]*listener{}} }

// Listen returns a listener at addr, such as "a.example:80", which must be free.
func (n *Network) Listen(addr string) (net.Listener, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.listeners[addr] != nil {
		return nil, opError("listen", addr, syscall.EADDRINUSE)
	}
	l := &listener{network: n, addr: address(addr), arrived: make(chan net.Conn), closed: make(chan struct{})}
	n.listeners[addr] = l
	return l, nil
}

// DialContext connects to the listener at addr, as soon as it accepts.
func (n *Network) DialContext(ctx context.Context, _, addr string) (net.Conn, error) {
	n.mu.Lock()
	l := n.listeners[addr]
	n.dials++
	caller := address(fmt.Sprintf("client.example:%d", n.dials))
	n.mu.Unlock()
	if l == nil {
		return nil, opError("dial", addr, syscall.ECONNREFUSED)
	}
	ours, theirs := newPair(caller, l.addr)
	select {
	case l.arrived <- theirs:
		return ours, nil
	case <-l.closed:
		return nil, opError("dial", addr, syscall.ECONNREFUSED)
	case <-ctx.Done():
		return nil, opError("dial", addr, ctx.Err())
	}
}

func (n *Network) remove(addr string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.listeners, addr)
}

type listener struct {
	network *Network
	addr    address
	arrived chan net.Conn
	closed  chan struct{}
	once    sync.Once
}

func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.arrived:
		return c, nil
	case <-l.closed:
		return nil, opError("accept", string(l.addr), net.ErrClosed)
	}
}

func (l *listener) Close() error {
	l.once.Do(func() {
		l.network.remove(string(l.addr))
		close(l.closed)
	})
	return nil
}

func (l *listener) Addr() net.Addr { return l.addr }

type address string

func (a address) Network() string { return "tcp" }
func (a address) String() string  { return string(a) }

func opError(op, addr string, err error) error {
	if _, ok := err.(syscall.Errno); ok { //nolint:errorlint // as given
		err = os.NewSyscallError(op, err)
	}
	return &net.OpError{Op: op, Net: "tcp", Addr: address(addr), Err: err}
}
