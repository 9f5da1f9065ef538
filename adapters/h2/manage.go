package h2

import (
	"context"
	"iter"
	"net/http"

	"github.com/berth-go/berth/adapters/internal/exchange"
	"github.com/berth-go/berth/adapters/internal/wire"
	"github.com/berth-go/berth/pool"
)

// HostOf returns the Host that requests like req are pooled under, to ask for or
// manage its connections. It sends nothing.
func (t *Transport) HostOf(req *http.Request) (Host, error) {
	_ = t.made()
	if err := exchange.Validate(req); err != nil {
		return Host{}, err
	}
	return t.host(req)
}

// host returns the Host of a request that has been validated.
func (t *Transport) host(req *http.Request) (Host, error) {
	addr, err := t.names.Addr(req.URL)
	return Host{Scheme: req.URL.Scheme, Addr: addr}, err
}

// Warm dials until n connections to the host of rawURL are open, and returns nil when
// they are. If ctx ends first, the error wraps ctx's and the dials go on; a dial that
// fails ends it. An n above the caps is an error.
func (t *Transport) Warm(ctx context.Context, rawURL string, n int) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, rawURL, nil)
	if err != nil {
		return err
	}
	h, err := t.HostOf(req)
	if err != nil {
		return err
	}
	return wire.WarmError("h2", t.made().Warm(ctx, h, n))
}

// CloseIdleConnections closes the connections that carry no request now.
func (t *Transport) CloseIdleConnections() { t.made().CloseIdle() }

// Reset replaces the connections to all hosts: idle ones are closed, those in use
// when their requests end. ResetHost does it for one.
func (t *Transport) Reset() { t.made().Reset() }

// ResetHost replaces the connections to h.
func (t *Transport) ResetHost(h Host) { t.made().ResetKey(h) }

// SetLimits overrides the limits of one Host while the transport lives: a field
// that is not zero replaces that of Config, [pool.NoLimit] stands for none, and the
// zero Limits takes the override back. The error names the field that is wrong, and
// then nothing has changed.
func (t *Transport) SetLimits(h Host, l pool.Limits) error {
	return wire.LimitsError("h2", "SetLimits", t.made().SetLimits(h, l))
}

// ShutdownHost closes all connections to h and waits until the requests on them
// have ended; meanwhile requests to h fail with pool.ErrClosed. After it has
// returned nil, h can be used again as if it were new. If ctx ends first, the
// error says what is left and wraps ctx's; ShutdownHost may be called again.
func (t *Transport) ShutdownHost(ctx context.Context, h Host) error {
	return exchange.ShutdownHost(ctx, "h2", t.made(), h)
}

// Close closes the transport for good and does not wait: requests that wait and
// later ones fail with pool.ErrClosed, and those in flight go on. It returns nil.
func (t *Transport) Close() error {
	p := t.made()
	t.closed.Close()
	return p.Close()
}

// Shutdown closes the transport and waits until all connections are closed and all
// requests in flight have ended, except those whose HTTP/2 connection is lost already: of
// them only what has arrived can still be read. If ctx ends first, the error says what is
// left and wraps ctx's; Shutdown may be called again.
func (t *Transport) Shutdown(ctx context.Context) error {
	p := t.made()
	t.closed.Close()
	return exchange.Shutdown(ctx, "h2", p)
}

// Stats returns the numbers of the pool over all hosts: Open and the like count
// connections, Leases requests.
func (t *Transport) Stats() pool.Stats { return t.made().Stats() }

// StatsFor returns the numbers of one Host, or false if it is not in use.
func (t *Transport) StatsFor(h Host) (pool.Stats, bool) { return t.made().StatsFor(h) }

// All returns the hosts in use and their numbers.
func (t *Transport) All() iter.Seq2[Host, pool.Stats] { return t.made().All() }
