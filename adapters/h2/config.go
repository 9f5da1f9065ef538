package h2

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/berth-go/berth/adapters/internal/wire"
	"github.com/berth-go/berth/keyed"
	"github.com/berth-go/berth/pool"
)

// A Host is what connections are pooled by.
type Host struct {
	Scheme string // http or https
	Addr   string // host:port, in ASCII and lower case
}

func (h Host) String() string { return h.Scheme + "://" + h.Addr }

// Config says how a [Transport] behaves. [New] reads it once. The zero Config is
// useful.
type Config struct {
	// Dial makes a connection to a host. It may return any Conn: what carries
	// several requests at once, whatever the protocol. nil: HTTP/2 as net/http
	// speaks it, with TLS to https hosts and without to http hosts.
	Dial func(ctx context.Context, h Host) (Conn, error)

	// Base has the settings for the Dial of nil: TLS, dial funcs, timeouts, HTTP2.
	// It is never used to send anything, but copied by its Clone, in which net/http
	// settles whether it speaks HTTP/2, as it does at a first request. Its Proxy,
	// Protocols, DisableKeepAlives, IdleConnTimeout and the fields that begin with Max,
	// but for MaxResponseHeaderBytes, do not count, nor does
	// HTTP2.StrictMaxConcurrentRequests. A connection is pinged after
	// HTTP2.SendPingTimeout of silence, or else 30 s. nil: those of a new http.Transport.
	Base *http.Transport

	MaxConnsPerHost    int    // connections to a host: dialling, idle, in use and closing. 0: no limit
	MaxConns           int    // over all hosts; an idle one to another host is closed where one is needed. 0: no limit
	Affinity           int    // so many of its own requests a host serves before MaxConns moves its connection to another, though that one's are older. 0: strict order
	MaxStreamsPerConn  int    // requests at once on a connection, below what its server allows. 0: only the server does
	MaxWaitersPerHost  int    // requests that wait for a connection. 0: no limit. Below 0: none waits, except for dials in flight, its own or one that will serve it as well
	MaxRequestsPerConn uint64 // in its life. 0: no limit

	WaitTimeout        time.Duration // bounds the wait for a connection, its dial included. 0: only the request's context does
	DialTimeout        time.Duration // bounds a dial, TLS included. 0: a minute. pool.NoLimit: none
	RedialAfter        time.Duration // a dial that requests wait for for longer gets another beside it, one at a time. 0: five seconds. pool.NoLimit: none
	IdleConnTimeout    time.Duration // closes idle connections after it. 0: never
	MaxConnLifetime    time.Duration // after which a connection gets no more requests. 0: no limit
	ConnLifetimeJitter time.Duration // shortens it for each connection by a random part of itself; below MaxConnLifetime. 0: not shortened
	DrainTimeout       time.Duration // closes a connection that gets no more requests, with those it has. 0: an hour. pool.NoLimit: never

	Budget *pool.Budget // takes the place of MaxConns and Affinity, to share them with other pools; setting both is an error. nil: the transport's own

	Reuse pool.Reuse  // which connection gets the next request. 0: the oldest with room
	Hooks *pool.Hooks // the Key of their events is a Host. nil: none
}

// validate checks what the pool would not, or in words that are not true here: 0 is no
// limit to it, and has been replaced.
func (c *Config) validate() error {
	if c.MaxStreamsPerConn < 0 {
		return fmt.Errorf("h2: Config.MaxStreamsPerConn is %d: use 0 for no limit", c.MaxStreamsPerConn)
	}
	for _, f := range []struct {
		name string
		v    time.Duration
	}{
		{"DialTimeout", c.DialTimeout},
		{"RedialAfter", c.RedialAfter},
		{"DrainTimeout", c.DrainTimeout},
	} {
		if f.v < 0 {
			return fmt.Errorf("h2: Config.%s is %v: use 0 for the default, pool.NoLimit for none", f.name, f.v)
		}
	}
	return nil
}

// poolConfig returns the pool that t runs on.
func (c *Config) poolConfig(t *Transport) keyed.Config[Host, *Resource] {
	return keyed.Config[Host, *Resource]{
		Dial:     t.dial,
		Close:    (*Resource).Close,
		Take:     (*Resource).Take,
		Capacity: (*Resource).Capacity,
		Expect:   (*Resource).Expect,
		Watch:    (*Resource).Watch,
		Shared:   t.shared,

		MaxOpenPerKey:    c.MaxConnsPerHost,
		MaxOpen:          c.MaxConns,
		Affinity:         c.Affinity,
		Budget:           c.Budget,
		MaxWaitersPerKey: c.MaxWaitersPerHost,
		MaxUses:          c.MaxRequestsPerConn,

		WaitTimeout:    orDefault(c.WaitTimeout, 0),
		DialTimeout:    orDefault(c.DialTimeout, wire.DialTimeout),
		RedialAfter:    orDefault(c.RedialAfter, wire.RedialAfter),
		MaxIdleTime:    orDefault(c.IdleConnTimeout, 0),
		MaxLifetime:    orDefault(c.MaxConnLifetime, 0),
		LifetimeJitter: c.ConnLifetimeJitter,
		DrainTimeout:   orDefault(c.DrainTimeout, wire.DrainTimeout),
		Reuse:          c.Reuse,
		Hooks:          c.Hooks,
	}
}

// orDefault returns d, the default for 0, or 0 for NoLimit, which on a 32-bit machine is
// only two seconds.
func orDefault(d, otherwise time.Duration) time.Duration {
	switch d {
	case 0:
		return otherwise
	case pool.NoLimit:
		return 0
	}
	return d
}

// dialer returns the Dial of nil.
func (c *Config) dialer() func(context.Context, Host) (Conn, error) {
	tr := &http.Transport{}
	if c.Base != nil {
		tr = c.Base.Clone()
	}
	if tr.HTTP2 == nil {
		tr.HTTP2 = &http.HTTP2Config{}
	}
	if tr.HTTP2.SendPingTimeout == 0 {
		tr.HTTP2.SendPingTimeout = wire.PingInterval
	}
	var p http.Protocols
	p.SetHTTP2(true)
	p.SetUnencryptedHTTP2(true)
	wire.Prepare(tr, p)
	tr.DisableKeepAlives = false
	return func(ctx context.Context, h Host) (Conn, error) {
		made, err := wire.Dial(ctx, tr, h.Scheme, h.Addr, nil)
		if err != nil {
			return nil, err
		}
		if !made.IsHTTP2() {
			_ = made.Close()
			return nil, fmt.Errorf("h2: %s does not speak HTTP/2", h)
		}
		return &wired{made}, nil
	}
}

// wired is a connection of net/http whose Close leaves nothing open.
type wired struct{ *wire.Conn }

func (c *wired) Close() error {
	err := c.Conn.Close()
	wire.CloseNet(c.Raw)
	return err
}
