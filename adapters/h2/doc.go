// Package h2 makes a multiplexed HTTP connection a shareable resource of a pool.
//
// # What it is
//
// A [Resource] wraps one HTTP/2 connection and answers what package pool asks of
// a shareable resource: how many requests it can carry now, when that changes,
// and whether it takes one more. Its methods are made to be the funcs of a
// pool.Config:
//
//	pool.Config[*h2.Resource]{
//		Dial:     dial, // returns h2.NewResource(clientConn, h2.Options{})
//		Close:    (*h2.Resource).Close,
//		Take:     (*h2.Resource).Take,
//		Capacity: (*h2.Resource).Capacity,
//		Expect:   (*h2.Resource).Expect,
//		Watch:    (*h2.Resource).Watch,
//		Shared:   h2.InitialStreams,
//	}
//
// Options has Streams and Limit to expect of a connection what the last one to the same server
// could carry; Shared in a keyed.Config may say the same.
//
// A [Transport] is an [http.RoundTripper] on such resources, for hosts that are
// known to speak HTTP/2, without HTTP/1 as a way out.
//
// # When not to use it
//
// For hosts of which it is not known that they speak HTTP/2, use package httpconn,
// which also knows HTTP/1, proxies and other schemes.
//
// # States
//
//	ramping -> ready(requests < capacity) <-> full
//	any -> draining -> dead
//
// A new connection is ramping: the server has not yet said how many streams it
// takes, and requests begun now could be refused. It carries one request until the
// server's number is known or a response has come, but for a tenth of a second at
// most; meanwhile Expect says what it will carry. A connection that the server is
// leaving takes no new requests and finishes those it has. Where nothing else tells
// that it is leaving, a look twice a minute does.
//
// # Cancellation
//
// No method blocks on the network but RoundTrip and Close. RoundTrip ends with the
// request's context; the stream that is given up may go on counting until the
// server confirms its end, and the capacity is lower by it for that time.
//
// # Fairness
//
// Who gets a stream is up to the pool: a Resource takes no more requests than the
// connection has streams for. On a connection of net/http they begin one after the
// other, in the order of RoundTrip: requests that have a stream and not begun would
// wait for one another, if the server lowered its number just then, until their
// contexts end (go.dev/issue/70809). One that finds no stream when its turn comes
// goes back to the queue, at its place.
//
// # Errors
//
// Take fails if the connection has no stream for one more request or is closed.
// RoundTrip fails with [ErrNoStream] if that happens between the two; its other
// errors are the connection's own.
//
// # Example
//
// See ExampleResource and ExampleTransport.
package h2
