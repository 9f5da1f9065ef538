package httpconn

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/berth-go/berth/adapters/internal/wire"
)

// settings make connections. They own two transports of net/http, which dial for it
// and never see a request: each connection is taken out as an [http.ClientConn].
type settings struct {
	auto  *http.Transport // as configured
	http1 *http.Transport // HTTP/1 whatever the server could do

	proxy      func(*http.Request) (*url.URL, error) // nil: no proxies
	tlsHTTP2   bool                                  // HTTP/2 is offered to https hosts, or spoken
	plainHTTP2 bool                                  // and spoken to http hosts, without asking

	closeSerial bool // one request per HTTP/1 connection
}

func newSettings(base *http.Transport, l limits) *settings {
	// The copy comes first. It makes base settle its own HTTP/2 set-up, which
	// protocols then reads.
	auto, http1 := base.Clone(), base.Clone()
	p := protocols(base)
	prior := p.UnencryptedHTTP2() && !p.HTTP1() // where there is no TLS that net/http sees
	w := &settings{
		auto: auto, http1: http1, proxy: base.Proxy,
		tlsHTTP2:   p.HTTP2() || prior && ownTLS(base),
		plainHTTP2: prior,

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
			auto.HTTP2.SendPingTimeout = wire.PingInterval
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

// prepare makes tr, a copy of Base, fit to dial for the pool.
func (w *settings) prepare(tr *http.Transport, p http.Protocols) {
	wire.Prepare(tr, p)
	// Of a connection that is not kept, net/http must know: it tells the server,
	// and the trace. DisableKeepAlives is Base's.
	if w.closeSerial {
		tr.MaxIdleConnsPerHost = -1
	}
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

// ownTLS reports whether the TLS of base is that of its user.
func ownTLS(base *http.Transport) bool {
	return base.DialTLSContext != nil || base.DialTLS != nil //nolint:staticcheck // deprecated, and still counts
}

// maybeHTTP2 reports whether a connection to h could turn out to be HTTP/2.
func (w *settings) maybeHTTP2(h Host) bool {
	if h.OnlyHTTP1 || !w.mayShare(h.Scheme) {
		return false
	}
	// Without an Addr it is the proxy that is spoken to. TLS of net/http's own offers it HTTP/1.1.
	return h.Scheme == "https" || h.Addr != "" || strings.HasPrefix(h.Proxy, "http://") || ownTLS(w.auto)
}

// mayShare reports whether some connection for URLs of the scheme could be HTTP/2.
func (w *settings) mayShare(scheme string) bool {
	if scheme == "https" {
		return w.tlsHTTP2
	}
	return w.plainHTTP2
}

// dial makes a connection to h and reports whether it is HTTP/2. ctx bounds all
// of it.
func (w *settings) dial(ctx context.Context, h Host) (c *wire.Conn, isHTTP2 bool, err error) {
	var proxy *url.URL
	if h.Proxy != "" {
		if proxy, err = url.Parse(h.Proxy); err != nil {
			return nil, false, errUnreadableProxy
		}
	}
	tr, addr := w.auto, h.Addr
	if !w.maybeHTTP2(h) {
		tr = w.http1
	}
	if addr == "" {
		addr = ":80" // never dialled: the proxy's is
	}
	c, err = wire.Dial(ctx, tr, h.Scheme, addr, proxy)
	return c, err == nil && w.maybeHTTP2(h) && c.IsHTTP2(), err
}

// errEmptyProxy is for a Proxy func that was made of a setting which is empty: to go past
// the proxy would not be what it is for.
var errEmptyProxy = errors.New("httpconn: Base.Proxy returned an empty URL: return nil for no proxy")

// errUnreadableProxy says nothing of what url.Parse said: that quotes the URL, in which
// there may be a password.
var errUnreadableProxy = errors.New("httpconn: Base.Proxy returned a URL that is none when written out: see its Host and User")
