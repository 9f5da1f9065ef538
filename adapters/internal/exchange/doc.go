// Package exchange owns the duties of one HTTP request on connections that
// somebody else pools.
//
// # What it is
//
// An [http.ClientConn] sends a request and reads the response. A round tripper
// owes its caller more than that: it validates the request before anything else,
// closes the request's body on every path, ends everything with the context,
// knows which failures may be tried again elsewhere, and tells when the response
// has been read and the connection is free. A [Call] does this once for all
// adapters. It knows no pool: the adapter brings a connection to each
// [Call.Attempt] and hears by its [Ender] when that is no longer needed.
//
// # When not to use it
//
// It is internal: it exists for the packages beside it.
//
// # States
//
//	new -> attempt -> response -> ended       the response was read, or its body closed
//	       attempt -> failed -> attempt       on another connection
//	       attempt -> failed -> ended         Call.Fail
//	new -> ended                              Call.Fail, no connection to be had
//
// # Cancellation
//
// A call has the request's context; adapters wait for connections with it. Where
// Request.Cancel may end the call, or a connection would not be done with the
// request at its end, the call has a context of its own under it, which ends with
// all of these. A connection that carries one request at a time need not see the
// context: it can be cut instead, see [Attempt]. While an attempt runs, the end of
// the context also closes the request's body, because a connection cannot give up
// while it is blocked in reading the body.
//
// # Fairness
//
// A call waits for nothing but its connection and the pause before it tries a
// refused stream again.
//
// # Errors
//
// Errors have the words that users of net/http know, and none of the types that
// are internal to it. When the context ended the call, the error is one for which
// [errors.Is] reports both the context's error and its cause.
//
// # Example
//
// See Transport.RoundTrip in package httpconn: new call, acquire, attempt, and
// again if the failure may be retried.
package exchange
