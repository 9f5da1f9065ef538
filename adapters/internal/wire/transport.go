package wire

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"slices"
	"strings"
	"time"

	"go.uber.org/atomic"

	"github.com/berth-go/berth/adapters/internal/exchange"
)

// PingInterval is after how much silence an HTTP/2 connection is pinged, where
// the user does not say. net/http never does by itself, so requests go on being
// sent into a connection that vanished, until the kernel gives it up many minutes
// later.
const PingInterval = 30 * time.Second

// DialTimeout is the default bound of a dial: requests share dials, and one that
// hangs must not hold them up for ever.
const DialTimeout = time.Minute

// RedialAfter is the default time after which requests that wait for a dial get
// another. It is longer than a dial takes that lost a packet or two: the first SYN is
// sent again after a second, and the second after two more (RFC 6298).
const RedialAfter = 5 * time.Second

// DrainTimeout is the default time after which a connection is closed that should end and
// does not, for its slot is needed. No response should be cut short by it that is not a
// stream without an end.
const DrainTimeout = time.Hour

// Prepare makes tr, a copy of a user's, fit to dial for a pool: it speaks p, shows
// its connections to [Dial], and has no limits of its own. (A limit on
// connections would even crash the program: net/http does not count a ClientConn
// when it is made and uncounts it when it ends.)
func Prepare(tr *http.Transport, p http.Protocols) {
	tr.Protocols = &p
	tr.TLSNextProto = nil
	if tr.TLSClientConfig != nil && !p.HTTP2() {
		// What another protocol set left here would still be offered.
		tr.TLSClientConfig.NextProtos = slices.DeleteFunc(slices.Clone(tr.TLSClientConfig.NextProtos),
			func(s string) bool { return s == "h2" })
	}
	tr.MaxConnsPerHost, tr.MaxIdleConnsPerHost, tr.MaxIdleConns = 0, 0, 0
	tr.IdleConnTimeout = 0 // the pool's business
	tr.Proxy = func(req *http.Request) (*url.URL, error) {
		return dialingOf(req.Context()).proxy, nil
	}
	dial := dialFunc(tr.DialContext, tr.Dial, errNoConn) //nolint:staticcheck // deprecated, and still honoured
	if dial == nil {
		dial = (&net.Dialer{}).DialContext
	}
	if p.HTTP2() || p.UnencryptedHTTP2() {
		dial = closedOnce(dial)
	}
	tr.DialContext, tr.Dial = captured(dial), nil                          //nolint:staticcheck // as above
	if dial := dialFunc(tr.DialTLSContext, tr.DialTLS, nil); dial != nil { //nolint:staticcheck // as above
		tr.DialTLSContext, tr.DialTLS = captured(dial), nil //nolint:staticcheck // as above
	}
}

type dialContextFunc = func(ctx context.Context, network, addr string) (net.Conn, error)

// dialFunc returns the one of two dial funcs that net/http would use, or nil. Where the one
// without a context returns nothing, nothing is the error: net/http would name the other.
func dialFunc(withContext dialContextFunc, without func(network, addr string) (net.Conn, error), nothing error) dialContextFunc {
	if withContext != nil || without == nil {
		return withContext
	}
	return func(_ context.Context, network, addr string) (net.Conn, error) {
		c, err := without(network, addr)
		if c == nil && err == nil {
			err = nothing
		}
		return c, err
	}
}

// captured returns a dial func that shows its connections to the [dialing] of its
// context.
func captured(dial dialContextFunc) dialContextFunc {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := dial(ctx, network, addr)
		if err == nil && !dialingOf(ctx).seen(c) {
			return nil, net.ErrClosed // and net/http has nothing to close a second time
		}
		return c, err
	}
}

// closedOnce returns a dial func whose connections are closed once: what is under HTTP/2 is
// closed by net/http and by CloseNet, and more than one Close of it would be too many for who
// counts in Close. What does TLS itself is left as it is: net/http looks for that.
func closedOnce(dial dialContextFunc) dialContextFunc {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := dial(ctx, network, addr)
		if c == nil || err != nil {
			return c, err
		}
		if _, ok := c.(interface{ ConnectionState() tls.ConnectionState }); ok {
			return c, nil
		}
		return &onceConn{Conn: c, closed: make(chan struct{})}, nil
	}
}

// onceConn is a net.Conn that is closed once. Each Close returns when that has. (They wait for
// a channel: in a bubble of testing/synctest, no time passes for who waits for a sync.Once.)
type onceConn struct {
	net.Conn
	closing atomic.Bool
	closed  chan struct{}
	err     error
}

func (c *onceConn) Close() error {
	if c.closing.Swap(true) {
		<-c.closed
		return c.err
	}
	defer close(c.closed)
	c.err = c.Conn.Close()
	return c.err
}

// Given returns what the dial func returned of which raw, the Raw of a Conn, was made.
func Given(raw net.Conn) net.Conn {
	if c, ok := raw.(*onceConn); ok {
		return c.Conn
	}
	return raw
}

// Conn is a connection and what is known of it.
type Conn struct {
	*http.ClientConn
	Raw net.Conn // under it: what the dial func returned, closed once; see Given

	handshake bool   // net/http saw TLS spoken
	protocol  string // that TLS agreed on
	prior     bool   // HTTP/2 is spoken where net/http sees no TLS
}

// IsHTTP2 reports whether the connection speaks HTTP/2, by the rules of net/http. What the
// connection has available says nothing: the server may have given its number already.
func (c *Conn) IsHTTP2() bool {
	if c.handshake {
		return c.protocol == "h2"
	}
	return c.prior
}

// CloseNet closes raw, which may be nil, and has closed it when it returns. It is for what is
// under an HTTP/2 connection, whose slot is not free until then: one that is closing by itself
// lets Close return before it has closed the net.Conn. So does a *tls.Conn, whose
// own Close may be going on, and what is under it be open. Of what does no
// TLS nobody knows whether what is under it is its own.
func CloseNet(raw net.Conn) {
	if raw == nil {
		return
	}
	_ = raw.Close()
	if over, ok := Given(raw).(interface {
		NetConn() net.Conn
		HandshakeContext(ctx context.Context) error
	}); ok {
		CloseNet(over.NetConn())
	}
}

// errAgreed stands for an error of net/http whose advice is none to a user of it.
var errAgreed = errors.New("berth: the TLS dial func agreed on HTTP/2, which is not to be spoken on this connection: " +
	"have it offer http/1.1 alone, or turn HTTP/2 on with Protocols; an upgrade needs the former")

// errNoConn is net/http's for a Dial that returns neither a connection nor an error.
var errNoConn = errors.New("net/http: Transport.Dial hook returned (nil, nil)")

// explained returns err, the error of a dial, with what http.Client puts in its place if
// it is the error of the transport itself: that the server does not speak TLS.
func explained(err error) error {
	if strings.Contains(err.Error(), "does not support NewClientConn") {
		return errAgreed
	}
	header, ok := err.(tls.RecordHeaderError) //nolint:errorlint // inside another error it may be of a proxy
	if ok && string(header.RecordHeader[:]) == "HTTP/" {
		return fmt.Errorf("%w: %w", http.ErrSchemeMismatch, err)
	}
	return err
}

// Dial makes a connection by tr, which Prepare has prepared, to addr or, by proxy,
// for it. ctx bounds all of it.
func Dial(ctx context.Context, tr *http.Transport, scheme, addr string, proxy *url.URL) (*Conn, error) {
	d := &dialing{proxy: proxy}
	// The pool ends ctx when the dial is over. As with net/http, what the dial funcs get does
	// not end then: some have the connection live by it.
	dctx, end, cancel := lasting(ctx)
	dctx = context.WithValue(dctx, dialingKey{}, d)
	dctx = httptrace.WithClientTrace(dctx, &httptrace.ClientTrace{TLSHandshakeDone: d.handshakeDone})

	// Not every step of NewClientConn looks at the context, but each of them ends
	// when the connection is closed.
	stop := context.AfterFunc(ctx, func() {
		end()
		d.abort()
	})
	returned := false
	defer func() {
		if !returned && stop() {
			cancel()
			d.abort() // a func of the user's has panicked, or ended the goroutine
		}
	}()
	cc, err := tr.NewClientConn(dctx, scheme, addr)
	returned = true
	if !stop() {
		if err == nil {
			_ = cc.Close() // it may be closed under the ClientConn already
		}
		return nil, exchange.ErrorOf(ctx)
	}
	if err != nil {
		cancel()
		d.abortIfOpen() // net/http leaves it open where TLS agreed on what tr does not speak
		return nil, explained(err)
	}
	c := &Conn{ClientConn: cc, prior: tr.Protocols.UnencryptedHTTP2() && !tr.Protocols.HTTP1()}
	d.mu.Lock()
	defer d.mu.Unlock()
	c.Raw, c.handshake, c.protocol = d.mu.conn, d.mu.handshake, d.mu.protocol
	return c, nil
}
