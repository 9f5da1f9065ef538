package httpconn

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"slices"
	"time"

	"github.com/berth-go/berth/adapters/internal/exchange"
)

// pingInterval is after how much silence an HTTP/2 connection is pinged, where
// Base does not say. net/http never does by itself, so requests go on being sent
// into a connection that vanished, until the kernel gives it up many minutes
// later.
const pingInterval = 30 * time.Second

// wire makes connections. It owns two transports of net/http, which dial for it
// and never see a request: each connection is taken out as an [http.ClientConn].
type wire struct {
	auto  *http.Transport // as configured
	http1 *http.Transport // HTTP/1 whatever the server could do

	proxy      func(*http.Request) (*url.URL, error) // nil: no proxies
	tlsHTTP2   bool                                  // HTTP/2 is offered to https hosts
	plainHTTP2 bool                                  // and spoken to http hosts, without asking

	closeSerial bool // one request per HTTP/1 connection
}

func newWire(base *http.Transport, l limits) *wire {
	// The copy comes first. It makes base settle its own HTTP/2 set-up, which
	// protocols then reads.
	auto, http1 := base.Clone(), base.Clone()
	p := protocols(base)
	w := &wire{
		auto: auto, http1: http1, proxy: base.Proxy,
		tlsHTTP2:   p.HTTP2(),
		plainHTTP2: p.UnencryptedHTTP2() && !p.HTTP1(),

		closeSerial: l.closeSerial,
	}
	if auto.HTTP2 == nil {
		auto.HTTP2 = &http.HTTP2Config{}
	}
	switch l.pingTime {
	case NoLimit:
		auto.HTTP2.SendPingTimeout = 0
	case 0:
		if auto.HTTP2.SendPingTimeout == 0 {
			auto.HTTP2.SendPingTimeout = pingInterval
		}
	default:
		auto.HTTP2.SendPingTimeout = l.pingTime
	}
	w.prepare(auto, p)
	var only1 http.Protocols
	only1.SetHTTP1(true)
	w.prepare(http1, only1)
	return w
}

// protocols returns what base would speak, by net/http's rules. Base must have
// been used or cloned before.
func protocols(base *http.Transport) http.Protocols {
	if base.Protocols != nil {
		return *base.Protocols
	}
	var p http.Protocols
	p.SetHTTP1(true)
	switch {
	case base.TLSNextProto != nil:
		p.SetHTTP2(base.TLSNextProto["h2"] != nil)
	case base.ForceAttemptHTTP2:
		p.SetHTTP2(true)
	default:
		//nolint:staticcheck // Dial and DialTLS are deprecated, and still count
		custom := base.TLSClientConfig != nil || base.Dial != nil || base.DialContext != nil || base.DialTLS != nil || base.DialTLSContext != nil
		p.SetHTTP2(!custom)
	}
	return p
}

// prepare makes tr, a copy of Base, fit to dial for a pool: it speaks p, shows
// its connections to [dialing], and has no limits of its own. (A limit on
// connections would even crash the program: net/http does not count a ClientConn
// when it is made and uncounts it when it ends.)
func (w *wire) prepare(tr *http.Transport, p http.Protocols) {
	tr.Protocols = &p
	tr.TLSNextProto = nil
	if tr.TLSClientConfig != nil && !p.HTTP2() {
		// What another protocol set left here would still be offered.
		tr.TLSClientConfig.NextProtos = slices.DeleteFunc(slices.Clone(tr.TLSClientConfig.NextProtos),
			func(s string) bool { return s == "h2" })
	}
	tr.MaxConnsPerHost, tr.MaxIdleConns = 0, 0
	tr.IdleConnTimeout = 0 // the pool's business
	// Of a connection that is not kept, net/http must know: it tells the server,
	// and the trace. DisableKeepAlives is Base's.
	tr.MaxIdleConnsPerHost = 0
	if w.closeSerial {
		tr.MaxIdleConnsPerHost = -1
	}
	tr.Proxy = func(req *http.Request) (*url.URL, error) {
		return dialingOf(req.Context()).proxy, nil
	}
	dial := dialFunc(tr.DialContext, tr.Dial) //nolint:staticcheck // deprecated, and still honoured
	if dial == nil {
		dial = (&net.Dialer{}).DialContext
	}
	tr.DialContext, tr.Dial = captured(dial), nil                     //nolint:staticcheck // as above
	if dial := dialFunc(tr.DialTLSContext, tr.DialTLS); dial != nil { //nolint:staticcheck // as above
		tr.DialTLSContext, tr.DialTLS = captured(dial), nil //nolint:staticcheck // as above
	}
}

type dialContextFunc = func(ctx context.Context, network, addr string) (net.Conn, error)

// dialFunc returns the one of two dial funcs that net/http would use, or nil.
func dialFunc(withContext dialContextFunc, without func(network, addr string) (net.Conn, error)) dialContextFunc {
	if withContext != nil || without == nil {
		return withContext
	}
	return func(_ context.Context, network, addr string) (net.Conn, error) { return without(network, addr) }
}

// captured returns a dial func that shows its connections to the [dialing] of its
// context.
func captured(dial dialContextFunc) dialContextFunc {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := dial(ctx, network, addr)
		if err == nil {
			dialingOf(ctx).seen(c)
		}
		return c, err
	}
}

// maybeHTTP2 reports whether a connection to h could turn out to be HTTP/2.
func (w *wire) maybeHTTP2(h Host) bool {
	switch {
	case h.OnlyHTTP1:
		return false
	case h.Scheme == "https":
		return w.tlsHTTP2
	}
	return w.plainHTTP2 && h.Addr != ""
}

// dial makes a connection to h and reports whether it is HTTP/2. ctx bounds all
// of it.
func (w *wire) dial(ctx context.Context, h Host) (cc *http.ClientConn, raw net.Conn, isHTTP2 bool, err error) {
	d := &dialing{}
	if h.Proxy != "" {
		if d.proxy, err = url.Parse(h.Proxy); err != nil {
			return nil, nil, false, err
		}
	}
	tr, addr := w.auto, h.Addr
	if !w.maybeHTTP2(h) {
		tr = w.http1
	}
	if addr == "" {
		addr = ":80" // never dialled: the proxy's is
	}
	dctx := context.WithValue(ctx, dialingKey{}, d)
	dctx = httptrace.WithClientTrace(dctx, &httptrace.ClientTrace{TLSHandshakeDone: d.handshakeDone})

	// Not every step of NewClientConn looks at the context, but each of them ends
	// when the connection is closed.
	stop := context.AfterFunc(ctx, d.abort)
	cc, err = tr.NewClientConn(dctx, h.Scheme, addr)
	if !stop() {
		if err == nil {
			_ = cc.Close() // it may be closed under the ClientConn already
		}
		return nil, nil, false, exchange.ErrorOf(ctx)
	}
	if err != nil {
		return nil, nil, false, err
	}
	raw, isHTTP2 = d.result(h, w, cc)
	return cc, raw, isHTTP2, nil
}

// handshakeDone is called after each TLS handshake of a dial. The last one is
// that with the host; one with a proxy comes before.
func (d *dialing) handshakeDone(cs tls.ConnectionState, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.mu.handshake = err == nil
	d.mu.protocol = cs.NegotiatedProtocol
}
