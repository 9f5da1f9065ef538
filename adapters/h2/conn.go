package h2

import "net/http"

// InitialStreams is how many streams an [http.ClientConn] says it has available
// before it has heard from the server, and the number to expect of a connection
// not yet dialled.
const InitialStreams = 100

// A Conn is a connection that carries several requests at once. An
// [*http.ClientConn] is one, and so is what embeds one. Another one should be a
// [Notifier] too: if it is not, it is asked twenty times a second.
//
// On what embeds an http.ClientConn, requests begin one after the other: its
// RoundTrip must not wait for another request on the same connection.
type Conn interface {
	// RoundTrip sends a request for which Reserve has succeeded. If that comes to
	// nothing, and the error does not say what net/http's do of a stream that was
	// refused, the request is sent again only if that is harmless.
	RoundTrip(*http.Request) (*http.Response, error)
	// Reserve claims a stream for one RoundTrip, or fails at once.
	Reserve() error
	// Release gives back a stream that Reserve claimed and nobody used.
	Release()
	// Available is how many more streams Reserve would give out now. If there are none,
	// and none are in flight whose end could make room, the connection counts as one that
	// its peer is leaving, and is replaced: also one just dialled, so Dial waits for room.
	// InitialStreams at first is taken for a number that is not known yet, and has others
	// wait for 100 ms, or for the first response.
	Available() int
	// InFlight is how many streams are claimed or in use.
	InFlight() int
	// Err is not nil once the connection is of no use.
	Err() error
	// Close closes the connection and ends its streams.
	Close() error
}

// A Notifier is a [Conn] that calls changed whenever more or fewer streams may be
// available or in flight than before, or Err has become not nil: also when that
// happens in the middle of one of its methods. changed does not block, calls
// Available, InFlight and Err, and may be called concurrently. Notify is called
// once, before anything else.
type Notifier interface {
	Notify(changed func())
}

// stateHooker is what an [*http.ClientConn] has beside [Conn]: it calls f when
// its state may have changed, in whatever goroutine that happened, also inside
// Reserve, Release, RoundTrip and Close, and under locks of its own; and now and
// then it misses a change. So f may only look and mark.
type stateHooker interface {
	SetStateHook(f func(*http.ClientConn))
}
