package httpconn

import (
	"fmt"
	"net/http"
	"time"

	"github.com/berth-go/berth/keyed"
	"github.com/berth-go/berth/pool"
)

// NoLimit says that there is no limit where 0 means that of Config.Base.
const NoLimit = pool.NoLimit

// Config says how a [Transport] behaves. [New] reads it once. The zero Config is
// useful: it is [http.DefaultTransport] with a fair pool.
type Config struct {
	// Base has the settings for the wire: Proxy, TLS, dial funcs, timeouts,
	// header and buffer sizes, Protocols, HTTP2. It also gives the default of each
	// limit below that it has itself. It is copied and never used to send
	// anything. HTTP/2 is spoken where Base would speak it: note that net/http
	// turns it off for a Base with TLSClientConfig or dial funcs of its own,
	// unless Protocols or ForceAttemptHTTP2 is set. Protocols registered with
	// Base and HTTP/2 implementations installed in it are not taken over.
	// nil: http.DefaultTransport.
	Base *http.Transport

	// MaxConnsPerHost is the cap on connections to a [Host]: dialling, idle, in
	// use and closing, HTTP/1 and HTTP/2. 0: Base's, where 0 is none.
	MaxConnsPerHost int
	// MaxIdleConnsPerHost is how many connections to a Host may be idle. 0:
	// Base's; if that is 0 too, MaxConnsPerHost, or 2 if there is none. Below 0,
	// HTTP/1 connections are closed after each request.
	MaxIdleConnsPerHost int
	// MaxConns is the cap on connections over all hosts, for which an idle
	// connection to another host is closed when a request needs one. 0: none.
	MaxConns int
	// MaxIdleConns is how many connections may be idle over all hosts. 0: Base's,
	// where 0 is no limit.
	MaxIdleConns int

	// MaxStreamsPerConn bounds the requests that an HTTP/2 connection carries at
	// once, below what its server allows. 0: only the server does.
	MaxStreamsPerConn int
	// MaxWaitersPerHost bounds the requests that wait for a connection to a Host;
	// more fail with pool.ErrWaitLimit. 0: no limit. Below 0: none waits, except
	// for a dial of its own.
	MaxWaitersPerHost int
	// MaxDialsPerHost bounds the dials in flight to a Host. 0: no limit.
	MaxDialsPerHost int

	// WaitTimeout bounds the wait for a connection, its dial included. 0: only
	// the request's context does.
	WaitTimeout time.Duration
	// DialTimeout bounds a dial as a whole: connecting, proxy and TLS. It is in
	// addition to what Base's dial funcs and TLSHandshakeTimeout do. 0: none.
	DialTimeout time.Duration
	// IdleConnTimeout closes connections that have been idle for so long. 0:
	// Base's, where 0 is never.
	IdleConnTimeout time.Duration

	// PerHost returns limits for one Host: a field that is not zero replaces the
	// limit per host above, and NoLimit stands for none.
	PerHost func(Host) pool.Limits
}

// limits are a Config's numbers with Base's in place, 0 for no limit.
type limits struct {
	conns, idlePerHost, totalConns, idle int
	closeSerial                          bool // HTTP/1 connections are not kept
	idleTime                             time.Duration
}

// limits checks c and resolves its numbers. The error names the wrong field.
func (c *Config) limits(base *http.Transport) (limits, error) {
	for _, f := range []struct {
		name string
		v    int
	}{
		{"MaxConnsPerHost", c.MaxConnsPerHost},
		{"MaxConns", c.MaxConns},
		{"MaxIdleConns", c.MaxIdleConns},
		{"MaxStreamsPerConn", c.MaxStreamsPerConn},
		{"MaxDialsPerHost", c.MaxDialsPerHost},
	} {
		if f.v < 0 {
			return limits{}, fieldError(f.name, f.v, "use 0 for the default, NoLimit for none")
		}
	}
	for _, f := range []struct {
		name string
		v    time.Duration
	}{
		{"WaitTimeout", c.WaitTimeout},
		{"DialTimeout", c.DialTimeout},
		{"IdleConnTimeout", c.IdleConnTimeout},
	} {
		if f.v < 0 {
			return limits{}, fieldError(f.name, f.v, "use 0 for the default, NoLimit for none")
		}
	}
	l := limits{
		conns:      pick(c.MaxConnsPerHost, base.MaxConnsPerHost),
		totalConns: pick(c.MaxConns, 0),
		idle:       pick(c.MaxIdleConns, base.MaxIdleConns),
		idleTime:   noLimitIsZero(c.IdleConnTimeout),
	}
	if c.IdleConnTimeout == 0 {
		l.idleTime = max(0, base.IdleConnTimeout)
	}
	l.setIdlePerHost(c.MaxIdleConnsPerHost, base.MaxIdleConnsPerHost)
	return l, nil
}

func (l *limits) setIdlePerHost(v, base int) {
	if v == 0 {
		v = base
	}
	l.closeSerial = v < 0
	switch {
	case v == NoLimit:
	case v > 0:
		l.idlePerHost = v
	case l.conns > 0:
		l.idlePerHost = l.conns
	default:
		l.idlePerHost = http.DefaultMaxIdleConnsPerHost
	}
}

// pick returns v, or base if v is 0, with 0 for no limit. What is negative in
// base is no limit in net/http.
func pick(v, base int) int {
	switch v {
	case 0:
		return max(0, base)
	case NoLimit:
		return 0
	}
	return v
}

// noLimitIsZero is for durations: NoLimit can be assigned to them too, and on a
// 32-bit machine it is only two seconds.
func noLimitIsZero(d time.Duration) time.Duration {
	if d == NoLimit {
		return 0
	}
	return d
}

func fieldError(field string, v any, remedy string) error {
	return fmt.Errorf("httpconn: Config.%s is %v: %s", field, v, remedy)
}

// poolConfig returns the pool that t runs on.
func (t *Transport) poolConfig(c *Config, l limits) keyed.Config[Host, *conn] {
	return keyed.Config[Host, *conn]{
		Dial:      t.dial,
		Close:     (*conn).close,
		Take:      (*conn).take,
		Capacity:  (*conn).capacity,
		Shareable: (*conn).shareable,
		Expect:    (*conn).expect,
		Watch:     (*conn).watch,
		Shared:    t.shared,

		MaxOpenPerKey:    l.conns,
		MaxIdlePerKey:    l.idlePerHost,
		MaxWaitersPerKey: pickWaiters(c.MaxWaitersPerHost),
		MaxDialsPerKey:   pick(c.MaxDialsPerHost, 0),
		MaxOpen:          l.totalConns,
		MaxIdle:          l.idle,
		PerKey:           c.PerHost,

		WaitTimeout: noLimitIsZero(c.WaitTimeout),
		DialTimeout: noLimitIsZero(c.DialTimeout),
		MaxIdleTime: l.idleTime,
	}
}

// pickWaiters leaves what is negative: it means that none waits.
func pickWaiters(v int) int {
	if v == NoLimit {
		return 0
	}
	return v
}
