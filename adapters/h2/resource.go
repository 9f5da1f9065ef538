package h2

import (
	"net/http"
	"net/http/httptrace"
	"runtime"
	"sync"
	"time"

	"go.uber.org/atomic"

	"github.com/berth-go/berth/adapters/internal/exchange"
)

const (
	// rampTime ends the ramp of a connection whose server's number happens to be
	// InitialStreams, which looks like no number at all. It is several round
	// trips on most networks, and little beside the dial that came before. Where
	// it is too short, nothing breaks: see Resource.proven.
	rampTime = 100 * time.Millisecond

	// maxRefused is how many streams in a row a server may refuse before the connection is
	// left alone. One can be a matter of timing; a server that refuses another
	// wants no more.
	maxRefused = 2

	// patience is how often Take yields for a stream whose response has been read
	// to its end, and which the connection has not yet done with. Almost always
	// once is enough; a stream that was reset takes a round trip, for which there
	// is no waiting here.
	patience = 8

	// unknown is no capacity: see Resource.told.
	unknown = -1 << 16
)

// Options say how a Resource is used. The zero Options are the default.
type Options struct {
	MaxStreams int // at once on this connection, below the server's own limit. 0: no limit of ours
}

// A Resource is a [Conn] as a shareable resource. Make one with [NewResource]
// right after the dial. Its methods may be called concurrently.
//
// Each lease is one request: Take, then RoundTrip and End, or Drop if there is no
// request after all.
type Resource struct {
	conn Conn
	max  int

	// ours counts the streams that requests of ours hold: from before Reserve
	// until the response has been read. taken counts Takes. Both change before
	// the connection does, so that whoever sees a new state of the connection
	// sees them too.
	ours  atomic.Int32
	taken atomic.Uint32

	// proven says that the server's number of streams is known. Until then the
	// connection may turn out to allow fewer requests than it said. Those that it
	// has reserved streams for and not begun would then wait for one another until
	// their contexts end, so at most one may be in that state: starting counts
	// them. Before the ramp ends there is at most one request altogether, which
	// also spares the server streams that it would refuse.
	proven   atomic.Bool
	ramping  atomic.Bool
	timer    *time.Timer  // ends the ramp
	starting atomic.Int32 // of no meaning once proven

	refused atomic.Int32 // streams in a row, since proven

	changed atomic.Pointer[func()] // the pool's, from Watch
	told    atomic.Int32           // what Capacity last returned, or unknown
}

// NewResource returns conn, which has just been dialled and carried no request,
// as a resource.
func NewResource(conn Conn, o Options) *Resource {
	r := &Resource{conn: conn, max: o.MaxStreams}
	r.told.Store(unknown)
	r.ramping.Store(true)
	r.timer = time.AfterFunc(rampTime, r.rampOver)
	if h, ok := conn.(stateHooker); ok {
		h.SetStateHook(func(*http.ClientConn) { r.look() })
	}
	return r
}

// Watch sets the func that hears of changes of Capacity.
func (r *Resource) Watch(changed func()) {
	r.changed.Store(&changed)
	r.look()
}

// Take claims a stream for one request. After it has returned nil, the request is
// either sent with RoundTrip and ended with End, or given up with Drop.
func (r *Resource) Take() error {
	r.taken.Inc()
	r.ours.Inc()
	r.starting.Inc()
	err := r.conn.Reserve()
	for range patience {
		if err == nil || !r.settling() {
			break
		}
		runtime.Gosched() // to the goroutine that has the stream
		err = r.conn.Reserve()
	}
	if err != nil {
		r.starting.Dec()
		r.ours.Dec()
	}
	r.look()
	return err
}

// settling reports whether there are streams in flight that hold no request of
// ours any more, which are about to make room. The caller is in Take.
func (r *Resource) settling() bool {
	return r.conn.Err() == nil && r.conn.InFlight() >= int(r.ours.Load())
}

// Drop gives back a stream that Take claimed, for which there was no RoundTrip.
func (r *Resource) Drop() {
	r.conn.Release()
	r.starting.Dec()
	r.End()
}

// RoundTrip sends req on the stream that Take claimed. End must be called when
// it has failed, or when the response has been read.
func (r *Resource) RoundTrip(req *http.Request) (*http.Response, error) {
	proven := r.proven.Load()
	if !proven {
		var begun func()
		req, begun = r.tellBegun(req)
		defer begun()
	}
	resp, err := r.conn.RoundTrip(req)
	switch {
	case err == nil && !proven:
		r.prove() // the server's settings always come before its first response
		r.look()
	case err != nil && proven && exchange.Refused(err):
		r.refused.Inc()
	case err == nil && r.refused.Load() > 0:
		r.refused.Store(0) // it was a matter of timing
	}
	return resp, err
}

// tellBegun returns req such that the resource hears when its stream has begun,
// and a func that tells so in any case.
func (r *Resource) tellBegun(req *http.Request) (told *http.Request, begun func()) {
	begun = sync.OnceFunc(func() {
		r.starting.Dec()
		r.look()
	})
	trace := &httptrace.ClientTrace{WroteHeaders: begun}
	return req.WithContext(httptrace.WithClientTrace(req.Context(), trace)), begun
}

// End ends what Take began. It is called once for each successful Take, unless
// Drop is.
func (r *Resource) End() {
	r.ours.Dec()
	r.look()
}

// Err is not nil once the connection is of no use.
func (r *Resource) Err() error { return r.conn.Err() }

// Close closes the connection.
func (r *Resource) Close() error {
	r.timer.Stop()
	return r.conn.Close()
}

// Capacity returns how many requests the connection can carry at once, now;
// pool.Draining once the server takes no more, and pool.Dead when it is closed.
func (r *Resource) Capacity() int {
	// Unknown first: a change while this func reads then does not look like what
	// was told before, and is reported.
	r.told.Store(unknown)
	n := r.read()
	r.told.Store(int32(n)) //nolint:gosec // read keeps it small
	return n
}

// Expect returns the capacity that the connection is about to have: until the
// server's number is known, what the connection says itself, else the capacity.
func (r *Resource) Expect() int {
	if !r.proven.Load() && r.conn.Err() == nil {
		return r.atMost(InitialStreams)
	}
	return max(0, r.read())
}

// Limit returns how many streams the server allows at once, as far as the
// connection says so, and whether that is the server's number: false before it is
// known, and when the server is leaving.
func (r *Resource) Limit() (n int, known bool) {
	n = r.conn.Available() + r.conn.InFlight()
	return n, n > 0 && r.proven.Load() && r.conn.Err() == nil
}

// look tells the pool if Capacity would return something new. Everything that
// changes the connection or the counts calls it afterwards, so the last of
// several at once sees the final state. It must not block: it runs inside the
// connection's state hook.
func (r *Resource) look() {
	changed := r.changed.Load()
	if changed == nil {
		return
	}
	n := r.read()                  // first: it may make told unknown
	if int32(n) != r.told.Load() { //nolint:gosec // read keeps it small
		(*changed)()
	}
}

// prove ends the ramp, and the caution after it, because the server's number is
// known.
func (r *Resource) prove() {
	if !r.proven.Swap(true) {
		r.ramping.Store(false)
		r.timer.Stop()
		r.told.Store(unknown) // news even where the capacity is the same: Expect is not
	}
}

// rampOver ends the ramp because it has lasted long enough.
func (r *Resource) rampOver() {
	if r.ramping.Swap(false) {
		r.look()
	}
}
