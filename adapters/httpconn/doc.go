// Package httpconn is an HTTP transport with a connection pool that is fair and
// keeps its caps, for HTTP/1.1 and HTTP/2.
//
// # What it is
//
// A [Transport] is an [http.RoundTripper] for an [http.Client], which uses it
// unchanged. What goes over the wire is net/http's: its dials, TLS, proxies,
// compression and framing, as set in an [http.Transport] that serves as the model.
// Which request gets which connection is up to a keyed.Pool: the cap on
// connections holds per host for both protocols, and over all hosts; requests
// that must wait get connections in the order in which they came; and the protocol
// of a host is learned at the first dial and remembered, so that a burst of
// requests to an HTTP/2 host makes one connection, and to an HTTP/1.1 host as many
// as the cap allows.
//
// An HTTP/1 connection is an exclusive resource, with one lease at a time. An
// HTTP/2 connection is a shareable one, with as many as the server has streams.
// A lease lasts until the response's body has been read to its end or closed, or the
// request's context has ended (over HTTP/2 that may be seen a second later, or, from a server
// that answers no pings, when its connection is given up). A body that is
// never closed, under a context that does not end, holds its connection of HTTP/1 for
// ever. Over HTTP/2 it holds a stream until the response has arrived, as in net/http, and
// its lease until no response is on its way on the connection. See Config.LeakAfter.
//
// docs/http.md lists what else there is that an http.Transport lacks, and, line by
// line, what differs from it and why.
//
// # When not to use it
//
// If one client with the default settings talks to a few hosts, [http.Client]
// alone is enough. There are no per-request retries here beyond those for
// connections that turn out to be stale, and no cookies, redirects or
// authentication, which are [http.Client]'s.
//
// # States
//
//	connection: dialling -> idle <-> in use -> closing
//	            HTTP/2 also: in use with room <-> in use and full; draining
//	transport:  open -> shutting down -> closed
//
// # Cancellation
//
// The request's context, Request.Cancel and [http.Client.Timeout] end a request
// wherever it is. While it is queued or its connection is being dialled,
// RoundTrip returns at once; the dial goes on if it is of use to others. In flight,
// the end of the context closes an HTTP/1 connection, which cannot be used after
// half a response, and resets the stream of an HTTP/2 one.
//
// # Fairness
//
// Requests to one host are served in the order in which they arrive. Under
// MaxConns, the cap over all hosts, freed capacity goes to the request that has
// waited longest among those whose host may have one more connection, and an idle
// connection of another host is closed to make room for it. A request whose
// connection proves to be stale keeps its place.
//
// # Errors
//
// Errors for bad requests have the words of net/http. A wait that ended without
// a connection gives a *pool.WaitError, which says what the pool looked like; a
// dial that failed a *pool.DialError, from which [errors.As] gets the *net.OpError;
// a queue that is full matches pool.ErrWaitLimit; a closed transport
// pool.ErrClosed. [http.Client] wraps them all in a *url.Error, but leaves only the
// text of an error that its Timeout caused: for a *pool.WaitError use a deadline of
// the context. What net/http has no caller to tell, such as a server that speaks on
// an idle connection, it writes to the standard logger.
//
// # Example
//
// See ExampleTransport.
package httpconn
