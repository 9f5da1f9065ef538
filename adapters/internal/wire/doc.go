// Package wire makes connections of net/http for pools that are not net/http's.
//
// # What it is
//
// An [http.Transport] that never sends a request can still dial, with all its
// settings for TLS, proxies and protocols, and hand the connection out as an
// [http.ClientConn]. [Prepare] makes a transport fit for that, and [Dial] uses it
// and finds out what a ClientConn does not tell: the net.Conn, and the protocol.
// [Names] turns the host of a URL into the address to dial.
//
// # When not to use it
//
// It is internal: it exists for the packages beside it.
//
// # Cancellation
//
// The context of Dial bounds all of it, also the steps of net/http that do not look
// at it: when it ends, the connection is closed under them.
//
// # Errors
//
// Those of net/http, and where the context ended the dial, its error with its cause.
package wire
