package exchange

import (
	"net"
	"net/http/httptrace"

	"github.com/berth-go/berth/pool"
)

// A Tracer fires the hooks of the caller's trace about getting a connection, which
// are the pool's to know. Those about dialling and sending are fired by net/http.
type Tracer struct{ trace *httptrace.ClientTrace } // nil: there is none

// TraceOf returns the Tracer of the call.
func TraceOf(c *Call) Tracer {
	return Tracer{trace: httptrace.ContextClientTrace(c.req.Context())}
}

// GetConn tells the address that a dial would go to.
func (t Tracer) GetConn(addr func() string) {
	if t.trace != nil && t.trace.GetConn != nil {
		t.trace.GetConn(addr())
	}
}

// GotConn tells of the connection that the request got. alone says of one that others
// may use whether they do: if none does it was idle, be it for so short that the pool
// has no time for it. abandon is called if the hook panics: the connection is as good
// as new.
func (t Tracer) GotConn(raw net.Conn, info func() pool.LeaseInfo, alone func() bool, abandon func()) {
	if t.trace == nil || t.trace.GotConn == nil {
		return
	}
	traced := false
	defer func() {
		if !traced {
			abandon()
		}
	}()
	i := info()
	if i.Reused && alone() {
		i.IdleFor = max(1, i.IdleFor)
	}
	if !i.Reused {
		i.IdleFor = 0 // net/http's is of connections that were used
	}
	t.trace.GotConn(httptrace.GotConnInfo{
		Conn:     raw,
		Reused:   i.Reused,
		WasIdle:  i.IdleFor > 0,
		IdleTime: i.IdleFor,
	})
	traced = true
}

// WasUsed reports whether a connection has carried a request before this lease, or lay
// idle.
func WasUsed(i pool.LeaseInfo) bool { return i.Reused || i.IdleFor > 0 }
