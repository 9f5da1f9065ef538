package h2

import (
	"net/http"
	"runtime"
	"time"

	"go.uber.org/atomic"

	"github.com/berth-go/berth/adapters/internal/exchange"
)

const (
	// vigilTime is how often a connection is looked at that says nothing: see
	// [Resource.vigil].
	vigilTime = 30 * time.Second

	// settleTime is the first of the pauses between the looks at a stream that has
	// outlived its request. They double, up to settleMost.
	settleTime = time.Millisecond
	settleMost = 128 * time.Millisecond

	// wakeLooks is how many looks find a stream still there before it is woken: see
	// [Resource.wake]. One that was reset has gone by then on most networks.
	wakeLooks = 6

	// pollTime is how often the capacity of a Conn is read that cannot tell of changes.
	pollTime = 50 * time.Millisecond

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

// ErrNoStream is the error of a request for which its connection had no stream
// when its turn came, although it had one before: the server has lowered its
// number of streams, or takes no more of them.
var ErrNoStream = exchange.ErrNoStream

// Options say how a Resource is used. The zero Options are the default.
type Options struct {
	MaxStreams int // at once on this connection, below the server's own limit. 0: no limit of ours

	// Streams is how many the server is expected to allow until it has said so: what it
	// allowed on the last connection to it, as Limit told, so that callers neither wait for
	// more than will be nor dial for what will be. 0 or below: InitialStreams.
	Streams int
	// Limit is called with what the server allows when that has become known, and when it has
	// changed; maybe concurrently, and in the middle of anything: it must return at once and
	// leave the Resource alone. sure is false for a guess: all that a new connection carries is
	// in flight, which mostly is what the server allows, unless it is leaving. nil: nobody wants
	// to know.
	Limit func(streams int, sure bool)

	// Stray is called now and then while the streams of requests are gone that have not
	// been ended: whoever had the response may have dropped it. It ends those whose contexts
	// have ended, and others that need the connection no more, and returns how many are left
	// of those that it found the last time. nil: nobody ends them. After Close it is not
	// called.
	Stray func() int

	// Panic gets the value of a panic of the Conn in a goroutine of the Resource, which
	// looks at the Conn now and then; the connection takes no more requests after that. nil:
	// the panic ends the program.
	Panic func(value any)
}

// A Resource is a [Conn] as a shareable resource. Make one with [NewResource]
// right after the dial. Its methods may be called concurrently.
//
// Each lease is one request: Take, then RoundTrip and End, or Drop if there is no
// request after all.
type Resource struct {
	conn     Conn
	isStd    bool // conn is net/http's, with nothing around it that changes RoundTrip
	max      int
	expected int             // until the server's number is known
	limited  func(int, bool) // Options.Limit
	said     atomic.Int32    // what it has heard last and for sure
	lasts    atomic.Bool     // a request has begun after which the connection takes no more

	// ours counts the streams that requests of ours hold: from before Reserve
	// until the response has been read. taken counts Takes. Both change before
	// the connection does, so that whoever sees a new state of the connection
	// sees them too. claims counts those of ours for which Reserve was not called
	// yet.
	ours   atomic.Int32
	taken  atomic.Uint32
	claims atomic.Int32

	// start is held by the one request that has reserved a stream and not begun
	// on it. See begin. nil for a Conn that does not need it.
	start chan struct{}

	turns   atomic.Uint32 // begun
	nudger  *time.Timer   // see nudge
	nudging atomic.Bool   // it is set
	armed   atomic.Uint32 // turns, when it was
	nudges  atomic.Int32  // in the same turn
	woken   atomic.Bool   // while it was full: see wake

	// proven says that the server's number of streams is known. Until then the
	// connection may turn out to allow fewer requests than it said, so before the
	// ramp ends there is at most one request: that spares the server streams which
	// it would refuse.
	proven  atomic.Bool
	ramping atomic.Bool
	timer   *time.Timer   // looks while it lasts, and ends it: see rampOn
	ramped  time.Duration // timer's: how old the ramp is when it fires

	answered atomic.Bool  // a response has come
	served   atomic.Bool  // a request has ended
	refused  atomic.Int32 // streams in a row

	strays    strays
	delivered *exchange.Delivered // of a Transport's requests

	settler *time.Timer  // looks again: see settle
	looks   atomic.Int32 // of the settler, in a row

	// For a goodbye that nobody tells of: see vigil.
	watch   *time.Timer
	limit   atomic.Int32  // the last sum of available and in flight while there was room. 0: not known
	silent  atomic.Int32  // looks in a row at which it was less, or all of it nobody's
	seen    atomic.Uint32 // taken, when nothing was ours: see isUsed
	leaving atomic.Bool

	panicked func(any)   // Options.Panic
	broken   atomic.Bool // the Conn has panicked: see survive

	closed  atomic.Bool
	changed atomic.Pointer[func()] // the pool's, from Watch
	told    atomic.Int32           // what Capacity last returned, or unknown
}

// NewResource returns conn, which has just been dialled and carried no request,
// as a resource.
func NewResource(conn Conn, o Options) *Resource {
	r := &Resource{conn: conn, max: o.MaxStreams, expected: o.Streams, limited: o.Limit, strays: strays{left: o.Stray}, panicked: o.Panic}
	if r.limited == nil {
		r.limited = func(int, bool) {}
	}
	if r.expected <= 0 {
		r.expected = InitialStreams
	}
	switch conn.(type) {
	case *http.ClientConn, *wired:
		r.isStd = true
	}
	r.told.Store(unknown)
	r.ramping.Store(true)
	r.ramped = rampLook
	r.timer = r.afterFunc(time.Hour, r.rampOn)
	r.settler = r.afterFunc(time.Hour, r.lookAgain)
	r.settler.Stop() // until settle
	r.strays.timer = r.afterFunc(time.Hour, r.stray)
	r.strays.timer.Stop() // until straySoon
	r.nudger = r.afterFunc(time.Hour, r.nudge)
	r.nudger.Stop() // until nudgeSoon
	interval := vigilTime
	switch c := conn.(type) {
	case stateHooker:
		r.start = make(chan struct{}, 1)
		c.SetStateHook(func(*http.ClientConn) { r.look() })
	case Notifier:
		c.Notify(r.look)
	default:
		interval = pollTime
	}
	r.watch = r.afterFunc(time.Hour, func() { r.vigil(interval) })
	r.watch.Reset(interval) // which finds watch in place
	r.timer.Reset(rampLook)
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
	r.ours.Inc()
	r.claims.Inc()
	r.taken.Inc() // after ours: see readAll
	err := r.patiently(r.claim, 0)
	if err != nil {
		r.claims.Dec()
		r.ours.Dec()
	}
	r.look()
	return err
}

// claim reports whether there is a stream for each of the claims.
func (r *Resource) claim() error {
	if err := r.conn.Err(); err != nil {
		return err
	}
	claims := int(r.claims.Load())
	if r.conn.Available() < claims {
		return ErrNoStream
	}
	if r.max > 0 && min(int(r.ours.Load())-claims, r.conn.InFlight())+claims > r.max {
		return ErrNoStream // the capacity was read when what is no stray passed for one
	}
	return nil
}

// patiently calls f until it succeeds, as long as there is hope: see settling.
func (r *Resource) patiently(f func() error, without int) error {
	err := f()
	for range patience {
		if err == nil || !r.settling(without) {
			break
		}
		runtime.Gosched() // to the goroutine that has the stream
		err = f()
	}
	return err
}

// settling reports whether there are streams in flight that hold no request of
// ours any more, which are about to make room. without says how many of ours have
// no stream, beside the claims.
func (r *Resource) settling(without int) bool {
	return r.conn.Err() == nil && r.conn.InFlight() > int(r.ours.Load()-r.claims.Load())-without
}

// Drop gives back a stream that Take claimed, for which there was no RoundTrip.
func (r *Resource) Drop() {
	r.claims.Dec()
	r.End()
}

// RoundTrip sends req on the stream that Take claimed. End must be called when
// it has failed, or when the response has been read. With [ErrNoStream], and with
// the context's error if that ends first, nothing was sent and the request's body
// was not touched.
func (r *Resource) RoundTrip(req *http.Request) (*http.Response, error) {
	// What a server refuses before its number is known may be our fault, unless
	// nothing else was sent.
	known := r.proven.Load() || r.ramping.Load()
	if r.start == nil {
		if err := r.reserve(); err != nil {
			return nil, err
		}
	} else {
		var s *exchange.Sending
		s, req = exchange.SendingOf(req)
		defer s.Begun()
		if err := r.begin(s); err != nil {
			return nil, err
		}
	}
	if exchange.IsLast(req) {
		r.lasts.Store(true)
	}
	resp, err := r.conn.RoundTrip(req)
	switch {
	case err == nil:
		if r.refused.Load() > 0 {
			r.refused.Store(0) // it was a matter of timing
		}
		if !r.answered.Load() {
			r.answered.Store(true)
		}
		r.prove() // the server's settings always come before its first response
	case exchange.WasRefused(req, err):
		if known {
			r.refused.Inc()
		}
		r.prove() // and before its first refusal
		r.look()
	}
	return resp, err
}

// End ends what Take began. It is called once for each successful Take, unless
// Drop is.
func (r *Resource) End() {
	if !r.served.Load() { // else there is nothing to write where all read
		r.served.Store(true)
	}
	r.ours.Dec()
	r.fewer()
	r.look()
}

// Served reports whether a request has ended on the connection.
func (r *Resource) Served() bool { return r.served.Load() }

// Answered reports whether a response has come on the connection.
func (r *Resource) Answered() bool { return r.answered.Load() }

// Alone reports whether at most one request has the connection.
func (r *Resource) Alone() bool { return r.ours.Load() <= 1 }

// Err is not nil once the connection is of no use.
func (r *Resource) Err() error { return r.conn.Err() }

// Close closes the connection.
func (r *Resource) Close() error {
	r.closed.Store(true)
	for _, t := range []*time.Timer{r.timer, r.watch, r.settler, r.strays.timer, r.nudger} {
		t.Stop()
	}
	if r.delivered != nil {
		defer r.delivered.Lost()
	}
	return r.conn.Close()
}

// Capacity returns how many requests the connection can carry at once, now;
// pool.Draining once the server takes no more, and pool.Dead when it is closed.
func (r *Resource) Capacity() int {
	// Unknown first: a change while this func reads then does not look like what
	// was told before, and is reported.
	r.told.Store(unknown)
	n, settled := r.readAll()
	r.told.Store(int32(n)) //nolint:gosec // read keeps it small
	if !settled {
		r.settle()
	}
	return n
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

// settle looks again at streams that have outlived their requests, until the
// connection has done with them. Mostly the state hook tells of that. But a hook
// of net/http that is just running stands for all that happens meanwhile, and what
// comes and goes in that time is not told: not that a stream, which the pool was
// told is still there, is gone.
func (r *Resource) settle() {
	r.looks.Store(0)
	r.reset(r.settler, settleTime)
}

// reset starts a timer anew, unless the connection was closed.
func (r *Resource) reset(t *time.Timer, d time.Duration) {
	t.Reset(d)
	if r.closed.Load() {
		t.Stop()
	}
}

func (r *Resource) lookAgain() {
	r.look()
	if _, settled := r.readAll(); !settled {
		looks := r.looks.Inc()
		if looks == wakeLooks {
			r.wake()
		}
		r.reset(r.settler, min(settleMost, settleTime<<min(looks, 10)))
	}
}
