package httpconn

import (
	"net/http"
	"time"

	"github.com/berth-go/berth/pool"
)

// NoLimit says that there is no limit where 0 means that of Config.Base.
const NoLimit = pool.NoLimit

// Config says how a [Transport] behaves. [New] reads it once. The zero Config is
// useful: it is [http.DefaultTransport] with a fair pool.
type Config struct {
	// Base has the settings for the wire: Proxy, TLS, dial funcs, timeouts,
	// header and buffer sizes, Protocols, HTTP2. It also gives the default of each
	// limit below that it has itself. It is never used to send anything, but copied
	// by its Clone, in which net/http settles whether it speaks HTTP/2, as it does at
	// a first request. HTTP/2 is spoken where Base would speak it: note that net/http
	// turns it off for a Base with TLSClientConfig or dial funcs of its own, unless
	// Protocols or ForceAttemptHTTP2 is set. Protocols registered with Base and HTTP/2
	// implementations installed in it are not taken over. nil: http.DefaultTransport.
	Base *http.Transport

	// MaxConnsPerHost is the cap on connections to a [Host]: dialling, idle, in
	// use and closing, HTTP/1 and HTTP/2, and those switched to another protocol (101)
	// until the response's body is closed. 0: Base's, where 0 is none.
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
	// Affinity lets a Host that has the connection which MaxConns would move to another
	// host serve so many of its own requests first, though the other's are older. 0:
	// strict order.
	Affinity int
	// Budget takes the place of MaxConns, MaxIdleConns (Base's too), MaxDials and Affinity,
	// to share them with other pools of any type, as where all must stay below a limit of
	// open files; setting both is an error. nil: the transport's own.
	Budget *pool.Budget

	// MaxStreamsPerConn bounds the requests that an HTTP/2 connection carries at
	// once, below what its server allows. 0: only the server does.
	MaxStreamsPerConn int
	// MaxWaitersPerHost bounds the requests that wait for a connection to a Host;
	// more fail with pool.ErrWaitLimit. 0: no limit. Below 0: none waits, except
	// for dials in flight, its own or one that will serve it as well (HTTP/2).
	MaxWaitersPerHost int
	// MaxDialsPerHost bounds the dials in flight to a Host. 0: no limit.
	MaxDialsPerHost int
	// MaxWaiters and MaxDials are the same over all hosts.
	MaxWaiters, MaxDials int
	// MaxRequestsPerConn is how many requests a connection carries in its life; it
	// then ends with the last of them. 0: no limit.
	MaxRequestsPerConn uint64
	// Reuse says which connection gets the next request. 0: of HTTP/1 the one that
	// was used last, of HTTP/2 the oldest with room, so that surplus ones idle out.
	Reuse pool.Reuse

	// WaitTimeout bounds the wait for a connection, its dial included. 0: only
	// the request's context does.
	WaitTimeout time.Duration
	// DialTimeout bounds a dial as a whole: connecting, proxy and TLS. It is in
	// addition to what Base's dial funcs and TLSHandshakeTimeout do. 0: a minute.
	// NoLimit: none.
	DialTimeout time.Duration
	// RedialAfter is after what time a dial that requests wait for gets another
	// beside it, one at a time and within the caps: requests share dials, and one that
	// hangs must not hold all of them up. 0: five seconds. NoLimit: none.
	RedialAfter time.Duration
	// IdleConnTimeout closes connections that have been idle for so long. 0:
	// Base's, where 0 is never. NoLimit: never.
	IdleConnTimeout time.Duration

	// MaxConnLifetime is after what time a connection gets no more requests; it is
	// closed when those that it has end. So addresses that have changed are
	// followed although the host is busy. ConnLifetimeJitter shortens it for each
	// connection by a random part of itself, so that connections which began
	// together do not end together; it must be below MaxConnLifetime. ConnOverlap is how
	// long before the end the successor is dialled, while the caps allow it; it must be
	// below the shortest lifetime. 0: no limit, no jitter, no successor. The last two
	// are errors without MaxConnLifetime.
	MaxConnLifetime, ConnLifetimeJitter, ConnOverlap time.Duration
	// DrainTimeout closes an HTTP/2 connection that takes no more requests (its
	// server has said goodbye by GOAWAY, or its lifetime is over) with those that it still
	// has. 0: an hour. NoLimit: none.
	DrainTimeout time.Duration
	// KeepAliveMargin is how long before the end of the time that a server gives in
	// a "Keep-Alive: timeout=" header an idle HTTP/1 connection is closed, or half
	// of that time if it is shorter. 0: a second. Below 0: the header is ignored,
	// as net/http does.
	KeepAliveMargin time.Duration
	// PingInterval is after what silence an HTTP/2 connection is pinged; one that
	// does not answer in time (Base.HTTP2.PingTimeout, or else 15 s) is closed. 0:
	// Base.HTTP2.SendPingTimeout, or else 30 s. NoLimit: no pings.
	PingInterval time.Duration

	// BackoffBase is the time for which a failed dial to a Host holds up the next,
	// doubled with each further failure up to BackoffMax. 0: not at all.
	BackoffBase, BackoffMax time.Duration
	// BreakAfter is the number of failed dials to a Host in a row after which
	// requests that need one fail at once, with a *pool.DialError whose FailFast is
	// set, until one dial, tried again and again, succeeds. 0: never.
	BreakAfter int
	// ShedLate says what becomes of a request whose deadline is nearer than the
	// wait that it has to expect.
	ShedLate pool.Shed

	// LeakAfter is how long a request may hold its connection, from getting it to
	// the end of the response's body, before Hooks.Leak hears of it, with the stack
	// of the RoundTrip; 0: it never does. So long it holds its place on one of HTTP/2 too,
	// which it would not if it has arrived and nobody closes it. LeakSample n has one of n
	// requests looked at; 0: all of them.
	LeakAfter  time.Duration
	LeakSample int

	// Hooks tell of what happens to connections. The Key of their events is a
	// [Host]. nil: none.
	Hooks *pool.Hooks

	// PerHost returns limits for one Host: a field that is not zero replaces the
	// limit per host above, and NoLimit stands for none. It is asked when a Host is
	// used that has no connection and no request; limits that are wrong are the error of
	// the request that asked. nil: all have the same.
	PerHost func(Host) pool.Limits
}
