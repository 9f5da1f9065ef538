package httpconn

import (
	"net/http/httptrace"
	"net/url"

	"github.com/berth-go/berth/adapters/internal/exchange"
	"github.com/berth-go/berth/adapters/internal/wire"
	"github.com/berth-go/berth/pool"
)

// tracer fires the trace hooks about getting a connection, which are the pool's
// to know. Those about dialling and sending are fired by net/http. The zero
// tracer does nothing.
type tracer struct{ trace *httptrace.ClientTrace }

func traceOf(call *exchange.Call) tracer {
	return tracer{trace: httptrace.ContextClientTrace(call.Request().Context())}
}

// getConn tells the address that a dial would go to, which is the proxy's where
// there is one.
func (t tracer) getConn(n *wire.Names, h Host) {
	if t.trace == nil || t.trace.GetConn == nil {
		return
	}
	addr := h.Addr
	if u, err := url.Parse(h.Proxy); err == nil && h.Proxy != "" {
		if a, err := n.Addr(u); err == nil {
			addr = a
		}
	}
	t.trace.GetConn(addr)
}

func (t tracer) gotConn(l pool.Lease[*conn]) {
	if t.trace == nil || t.trace.GotConn == nil {
		return
	}
	info := l.Info()
	t.trace.GotConn(httptrace.GotConnInfo{
		Conn:     l.Value().raw,
		Reused:   info.Reused,
		WasIdle:  info.Reused && info.IdleFor > 0,
		IdleTime: info.IdleFor,
	})
}
