package h2

import "net/http"

// InitialStreams is how many streams an [http.ClientConn] says it has available
// before it has heard from the server, and the number to expect of a connection
// not yet dialled.
const InitialStreams = 100

// A Conn is a connection that carries several requests at once. An
// [*http.ClientConn] is one; other connections can be made one with a few lines.
type Conn interface {
	// RoundTrip sends a request for which Reserve has succeeded.
	RoundTrip(*http.Request) (*http.Response, error)
	// Reserve claims a stream for one RoundTrip, or fails at once.
	Reserve() error
	// Release gives back a stream that Reserve claimed and nobody used.
	Release()
	// Available is how many more streams Reserve would give out now.
	Available() int
	// InFlight is how many streams are claimed or in use.
	InFlight() int
	// Err is not nil once the connection is of no use.
	Err() error
	// Close closes the connection and ends its streams.
	Close() error
}

// stateHooker is what an [*http.ClientConn] has beside [Conn]: it calls f when
// its state may have changed, in whatever goroutine that happened, also inside
// Reserve, Release, RoundTrip and Close, and under locks of its own; and now and
// then it misses a change. So f may only look and mark.
type stateHooker interface {
	SetStateHook(f func(*http.ClientConn))
}
