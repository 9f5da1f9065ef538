package httpconn

import (
	"context"
	"fmt"
	"iter"
	"net/http"
	"strings"

	"github.com/berth-go/berth/adapters/internal/exchange"
	"github.com/berth-go/berth/adapters/internal/wire"
	"github.com/berth-go/berth/pool"
)

// HostOf returns the Host that requests like req are pooled under, to ask for or
// manage its connections. It sends nothing, but asks Base's Proxy.
func (t *Transport) HostOf(req *http.Request) (Host, error) {
	_ = t.made()
	if err := exchange.Validate(req); err != nil {
		return Host{}, err
	}
	return t.host(req)
}

// Warm dials until n connections that serve requests to rawURL are open, and
// returns nil when they are; an HTTP/2 connection serves many requests, so one of
// them may do. Warm takes capacity only while no request waits for it. If ctx
// ends first, the error wraps ctx's and the dials go on; a dial that fails ends it. An n
// above the caps, or above how many may be idle (see Config.MaxIdleConnsPerHost: 2 in the
// zero Config), is an error.
func (t *Transport) Warm(ctx context.Context, rawURL string, n int) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, rawURL, nil)
	if err != nil {
		return err
	}
	h, err := t.HostOf(req)
	if err != nil {
		return err
	}
	err = wire.WarmError("httpconn", wire.LimitsError("httpconn", "Config.PerHost", t.made().Warm(ctx, h, n)))
	if t.single && err != nil && strings.Contains(err.Error(), "above MaxIdleConnsPerHost -1:") {
		// That -1 is perHost's: to raise the field it is named after changes nothing.
		return fmt.Errorf("httpconn: n is %d, and no connection is kept, as Base.DisableKeepAlives is set: ask Warm for 0, or unset that", n)
	}
	return err
}

// SetLimits overrides the limits of one Host while the transport lives: a field
// that is not zero replaces that of Config and PerHost, NoLimit stands for none,
// and the zero Limits takes the override back. The error names the field that is
// wrong, and then nothing has changed.
func (t *Transport) SetLimits(h Host, l pool.Limits) error {
	return wire.LimitsError("httpconn", "SetLimits", t.made().SetLimits(h, l))
}

// ResetHost replaces the connections to h: idle ones are closed, those in use when
// their requests end, and no request is sent on any of them any more.
func (t *Transport) ResetHost(h Host) { t.made().ResetKey(h) }

// Reset does for all hosts what ResetHost does for one.
func (t *Transport) Reset() { t.made().Reset() }

// ShutdownHost closes all connections to h and waits until the requests on them
// have ended; meanwhile requests to h fail with pool.ErrClosed. After it has
// returned nil, h can be used again as if it were new. If ctx ends first, the
// error says what is left and wraps ctx's; ShutdownHost may be called again.
func (t *Transport) ShutdownHost(ctx context.Context, h Host) error {
	return exchange.ShutdownHost(ctx, "httpconn", t.made(), h)
}

// StatsFor returns the numbers of one Host, or false if it is not in use.
func (t *Transport) StatsFor(h Host) (pool.Stats, bool) { return t.made().StatsFor(h) }

// CloseIdleConnections closes the connections that are idle now. It does not
// interrupt any in use.
func (t *Transport) CloseIdleConnections() { t.made().CloseIdle() }

// Close closes the transport for good and does not wait: idle connections are
// closed, requests that wait and later ones fail with pool.ErrClosed, and those
// in flight go on, their connections being closed after them. It returns nil.
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
	return exchange.Shutdown(ctx, "httpconn", p)
}

// Stats returns the numbers of the pool over all hosts: Open and the like count
// connections, Leases requests.
func (t *Transport) Stats() pool.Stats { return t.made().Stats() }

// All returns the hosts that have connections, or requests waiting for them, with
// their numbers.
func (t *Transport) All() iter.Seq2[Host, pool.Stats] { return t.made().All() }
