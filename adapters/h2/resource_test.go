package h2_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptrace"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/berth-go/berth/adapters/h2"
	"github.com/berth-go/berth/pool"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fakeConn is a connection whose state the test sets. Like the real one it runs
// its hook inside the calls that change it, without its own lock.
type fakeConn struct {
	mu        sync.Mutex
	max       int // streams that the server allows
	inFlight  int
	reserved  int  // of these, not begun
	crowd     int  // the most of them
	looks     int  // at inFlight
	leaving   bool // takes no new streams
	err       error
	roundTrip error
	turn      chan struct{} // not nil: RoundTrip waits for it before it begins
	answer    chan struct{} // not nil: and for this after it has begun
	hook      func(*http.ClientConn)

	// What happens right after the next look at a number: the moment at which
	// the number is old already.
	afterInFlight, afterAvailable func()
}

// once runs *f and forgets it.
func once(f *func()) {
	if g := *f; g != nil {
		*f = nil
		g()
	}
}

func newConn() *fakeConn { return &fakeConn{max: h2.InitialStreams} }

func (c *fakeConn) SetStateHook(f func(*http.ClientConn)) { c.hook = f }

// set changes the state and, if tell is set, runs the hook as the connection does
// when that is good news.
func (c *fakeConn) set(tell bool, f func()) {
	c.mu.Lock()
	f()
	c.mu.Unlock()
	if tell && c.hook != nil {
		c.hook(nil)
	}
}

func (c *fakeConn) availableLocked() int {
	if c.leaving || c.err != nil {
		return 0
	}
	return max(0, c.max-c.inFlight)
}

func (c *fakeConn) Available() int {
	defer once(&c.afterAvailable)
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.availableLocked()
}

func (c *fakeConn) InFlight() int {
	defer once(&c.afterInFlight)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.looks++
	return c.inFlight
}

func (c *fakeConn) looked() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.looks
}

func (c *fakeConn) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

func (c *fakeConn) Reserve() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.availableLocked() == 0 {
		return errors.New("no stream")
	}
	c.inFlight++
	c.reserved++
	c.crowd = max(c.crowd, c.reserved)
	return nil
}

func (c *fakeConn) Release() { c.streamEnds() }

func (c *fakeConn) streamEnds() { c.set(true, func() { c.inFlight-- }) }

func (c *fakeConn) RoundTrip(req *http.Request) (*http.Response, error) {
	if c.turn != nil {
		<-c.turn
	}
	c.mu.Lock()
	c.reserved--
	c.mu.Unlock()
	if trace := httptrace.ContextClientTrace(req.Context()); trace != nil && trace.WroteHeaders != nil {
		trace.WroteHeaders()
	}
	if c.answer != nil {
		<-c.answer
	}
	if c.roundTrip != nil {
		c.streamEnds()
		return nil, c.roundTrip
	}
	return &http.Response{Body: http.NoBody}, nil
}

func (c *fakeConn) Close() error {
	c.set(true, func() { c.err = errors.New("closed"); c.inFlight = 0 })
	return nil
}

// watched returns a ready resource and a func that tells how often it said that
// it has changed, since the last call.
func watched(t *testing.T, c *fakeConn, o h2.Options) (r *h2.Resource, news func() int) {
	r = h2.NewResource(c, o)
	t.Cleanup(func() { _ = r.Close() })
	var mu sync.Mutex
	n := 0
	r.Watch(func() {
		mu.Lock()
		defer mu.Unlock()
		n++
	})
	return r, func() int {
		mu.Lock()
		defer mu.Unlock()
		defer func() { n = 0 }()
		return n
	}
}

func take(t *testing.T, r *h2.Resource, n int) {
	t.Helper()
	for range n {
		require.NoError(t, r.Take())
	}
}

// begin takes n streams and has a request begin on each, which then holds it.
func begin(t *testing.T, r *h2.Resource, n int) {
	t.Helper()
	take(t, r, n)
	for range n {
		send(t, r)
	}
}

func send(t *testing.T, r *h2.Resource) {
	t.Helper()
	resp, err := r.RoundTrip(&http.Request{})
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
}

func TestFreshConnectionCarriesOneRequestUntilTheServersNumberIsKnown(t *testing.T) {
	for name, end := range map[string]func(*testing.T, *fakeConn, *h2.Resource){
		"a response has come":    func(t *testing.T, _ *fakeConn, r *h2.Resource) { send(t, r) },
		"the server allows more": func(_ *testing.T, c *fakeConn, _ *h2.Resource) { c.set(true, func() { c.max = 250 }) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newConn()
				r, news := watched(t, c, h2.Options{})
				take(t, r, 1)
				assert.Equal(t, 1, r.Capacity())
				assert.Equal(t, h2.InitialStreams, r.Expect())
				_, known := r.Limit()
				assert.False(t, known)
				news()
				end(t, c, r)
				synctest.Wait()
				assert.Positive(t, news())
				assert.Equal(t, c.max, r.Capacity())
				limit, known := r.Limit()
				assert.True(t, known)
				assert.Equal(t, c.max, limit)
			})
		})
	}
}

// Requests that have reserved streams and not begun deadlock if the server lowers
// its number, so there must never be two of them, however long the first takes.
func TestRequestsBeginOneAfterTheOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, r, _ := ready(t, 10, h2.Options{})
		c.turn = make(chan struct{})
		take(t, r, 5)
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() { send(t, r) })
		}
		synctest.Wait()
		ctx, cancel := context.WithCancel(t.Context())
		wg.Go(func() {
			_, err := r.RoundTrip((&http.Request{}).WithContext(ctx)) //nolint:bodyclose // there is no response
			assert.ErrorIs(t, err, context.Canceled)
			r.End()
		})
		synctest.Wait()
		assert.Equal(t, 1, c.InFlight())
		assert.Equal(t, 10, r.Capacity(), "those that wait for their turn have their streams")
		cancel()
		synctest.Wait()
		for range 4 {
			c.turn <- struct{}{}
		}
		wg.Wait()
		assert.Equal(t, 4, c.InFlight())
		assert.Equal(t, 1, c.crowd)
		assert.Equal(t, 10, r.Capacity())
	})
}

// A server that lowers its number takes streams away from requests that wait for
// their turn. They go back to the pool, which must not hand out more than is left.
func TestRequestThatFindsNoStreamIsNotSent(t *testing.T) {
	c, r, news := ready(t, 3, h2.Options{})
	begin(t, r, 1)
	take(t, r, 2)
	c.set(false, func() { c.max = 1 }) // a fall is not told
	news()
	for range 2 {
		_, err := r.RoundTrip(&http.Request{}) //nolint:bodyclose // there is no response
		require.ErrorIs(t, err, h2.ErrNoStream)
		r.End()
	}
	assert.Positive(t, news())
	assert.Equal(t, 1, r.Capacity())
	require.ErrorIs(t, r.Take(), h2.ErrNoStream)
	assert.Equal(t, 1, c.InFlight())
}

// A server that allows one stream changes nothing in the capacity of a connection
// that is ramping, but all that was expected of it.
func TestEndOfTheRampIsNewsEvenAtTheSameCapacity(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newConn()
		r, news := watched(t, c, h2.Options{})
		take(t, r, 1)
		require.Equal(t, 1, r.Capacity())
		c.set(false, func() { c.max = 1 }) // a fall is not told
		news()
		time.Sleep(100 * time.Millisecond)
		synctest.Wait()
		assert.Positive(t, news())
		assert.Equal(t, 1, r.Capacity())
		assert.Equal(t, 1, r.Expect())
	})
}

func ready(t *testing.T, streams int, o h2.Options) (*fakeConn, *h2.Resource, func() int) {
	c := newConn()
	c.max = streams
	r, news := watched(t, c, o)
	require.Equal(t, r.Expect(), r.Capacity())
	news()
	return c, r, news
}

func TestCapacityIsWhatIsAvailableAndWhatIsOurs(t *testing.T) {
	c, r, news := ready(t, 5, h2.Options{})
	take(t, r, 2)
	assert.Equal(t, 5, r.Capacity())
	assert.Zero(t, news(), "taking changes nothing")
	send(t, r)
	send(t, r)
	assert.Equal(t, 5, r.Capacity())
	assert.Zero(t, news(), "nor does sending")

	c.streamEnds() // before the request is over
	assert.Equal(t, 5, r.Capacity())
	r.End()
	assert.Equal(t, 5, r.Capacity())
	assert.Zero(t, news(), "nor does the end of a request")
}

func TestStreamThatIsNobodysAnyMoreLowersTheCapacity(t *testing.T) {
	c, r, news := ready(t, 2, h2.Options{})
	begin(t, r, 2)
	r.End() // before the connection has done with the stream
	assert.Positive(t, news())
	assert.Equal(t, 1, r.Capacity())
	require.Error(t, r.Take())
	news()
	c.streamEnds()
	assert.Positive(t, news())
	assert.Equal(t, 2, r.Capacity())
	take(t, r, 1)
}

func TestStreamThatIsNobodysAnyMoreIsNoNewsWhereThereAreOthers(t *testing.T) {
	c, r, news := ready(t, 4, h2.Options{})
	begin(t, r, 3)
	news()
	r.End() // before the connection has done with the stream
	assert.Zero(t, news())
	assert.Equal(t, 4, r.Capacity())
	begin(t, r, 1) // the last that there is
	assert.Equal(t, 3, r.Capacity())
	require.Error(t, r.Take())
	news()
	c.streamEnds()
	assert.Positive(t, news())
	assert.Equal(t, 4, r.Capacity())
	take(t, r, 1)
}

func TestDropGivesTheStreamBack(t *testing.T) {
	c, r, _ := ready(t, 1, h2.Options{})
	take(t, r, 1)
	r.Drop()
	assert.Zero(t, c.InFlight())
	assert.Equal(t, 1, r.Capacity())
	take(t, r, 1)
}

func TestMaxStreamsBoundsTheCapacity(t *testing.T) {
	_, r, _ := ready(t, 250, h2.Options{MaxStreams: 3})
	assert.Equal(t, 3, r.Capacity())
	assert.Equal(t, 3, r.Expect())
	limit, known := r.Limit()
	assert.True(t, known)
	assert.Equal(t, 250, limit, "the server's, whatever ours")
}

func TestConnectionThatTheServerLeavesEndsWithItsRequests(t *testing.T) {
	c, r, _ := ready(t, 10, h2.Options{})
	begin(t, r, 2)
	c.set(false, func() { c.leaving = true }) // GOAWAY is not told
	require.Error(t, r.Take())
	assert.Equal(t, 2, r.Capacity(), "no more than it has")
	c.streamEnds()
	r.End()
	assert.Equal(t, 1, r.Capacity())
	c.streamEnds()
	r.End()
	assert.Equal(t, pool.Draining, r.Capacity(), "it will never carry another")
}

// The goodbye of a server is not told while streams are in flight, and one of them
// may have no end.
func TestGoodbyeBehindALongStreamIsNoticed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, r, news := ready(t, 10, h2.Options{})
		begin(t, r, 2)
		c.set(false, func() { c.leaving = true })
		c.streamEnds()
		r.End()
		require.Equal(t, 1, r.Capacity())
		news()
		time.Sleep(time.Minute)
		synctest.Wait()
		assert.Positive(t, news())
		assert.Equal(t, pool.Draining, r.Capacity())
	})
}

// On an idle connection, net/http of Go 1.26 tells nothing either.
func TestGoodbyeToAnIdleConnectionIsNoticed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, r, news := ready(t, 10, h2.Options{})
		begin(t, r, 1)
		c.streamEnds()
		r.End()
		require.Equal(t, 10, r.Capacity())
		c.set(false, func() { c.leaving = true })
		news()
		time.Sleep(30 * time.Second)
		synctest.Wait()
		assert.Positive(t, news())
		assert.Equal(t, pool.Draining, r.Capacity())
	})
}

// Not a goodbye: long streams that fill the connection, also after the server has
// lowered its number and become busy again.
func TestFullConnectionIsNotTakenForOneThatIsLeftHoweverLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, r, _ := ready(t, 4, h2.Options{})
		begin(t, r, 4)
		time.Sleep(time.Hour)
		require.Equal(t, 4, r.Capacity())
		c.set(false, func() { c.max = 2 })
		for range 3 {
			c.streamEnds()
			r.End()
		}
		require.Equal(t, 2, r.Capacity())
		begin(t, r, 1)
		time.Sleep(time.Hour)
		require.Equal(t, 2, r.Capacity())
	})
}

func TestFullConnectionIsNotTakenForOneThatIsLeft(t *testing.T) {
	_, r, _ := ready(t, 1, h2.Options{})
	for range 3 {
		take(t, r, 1)
		assert.Equal(t, 1, r.Capacity())
		r.Drop()
	}
}

func TestTakeBetweenTwoLooksIsNotTakenForAGoodbye(t *testing.T) {
	c, r, _ := ready(t, 1, h2.Options{})
	c.afterInFlight = func() { take(t, r, 1) } // 0 in flight was true, and 0 available will be
	assert.NotEqual(t, pool.Draining, r.Capacity())
	r.Drop()
	assert.Equal(t, 1, r.Capacity())
}

func TestTakeBetweenTwoLooksIsNotTakenForTheServersNumber(t *testing.T) {
	c := newConn()
	r, _ := watched(t, c, h2.Options{})
	c.afterInFlight = func() { take(t, r, 1) } // 0 in flight, and then 99 available
	assert.Equal(t, 1, r.Capacity())
	_, known := r.Limit()
	assert.False(t, known)
}

func TestChangeRightAfterTheLookIsNews(t *testing.T) {
	c, r, news := ready(t, 5, h2.Options{})
	require.NoError(t, c.Reserve()) // a stream of nobody's
	// The pool was told 5 and will be told 4, which is over before it hears it.
	c.afterAvailable = func() { c.streamEnds() }
	news()
	require.Equal(t, 4, r.Capacity())
	assert.Positive(t, news(), "or the pool would go on with 4")
	assert.Equal(t, 5, r.Capacity())
}

func TestClosedConnectionIsDead(t *testing.T) {
	c, r, news := ready(t, 10, h2.Options{})
	take(t, r, 1)
	c.set(true, func() { c.err = errors.New("lost") })
	assert.Positive(t, news())
	assert.Equal(t, pool.Dead, r.Capacity())
	assert.Zero(t, r.Expect())
	require.Error(t, r.Take())
	require.Error(t, r.Err())
}

func TestChangeWhileCapacityIsReadIsNotLost(t *testing.T) {
	// Many changes and reads at once. Whatever the order, after the last change
	// either the last read saw it, or there was news after that read.
	c, r, _ := ready(t, 1000, h2.Options{})
	var mu sync.Mutex
	last, news := 0, true
	r.Watch(func() {
		mu.Lock()
		defer mu.Unlock()
		news = true
	})
	read := func() {
		mu.Lock()
		news = false
		mu.Unlock()
		n := r.Capacity()
		mu.Lock()
		last = n
		mu.Unlock()
	}
	for round := range 200 {
		var wg sync.WaitGroup
		wg.Go(read)
		for range 4 {
			wg.Go(func() {
				if r.Take() == nil {
					r.Drop()
				}
			})
		}
		wg.Go(func() { c.set(true, func() { c.max = 1000 + round }) })
		wg.Wait()
		mu.Lock()
		stale := last != c.max && !news
		mu.Unlock()
		require.False(t, stale, "the pool would go on with %d for %d", last, c.max)
		read()
		mu.Lock()
		require.Equal(t, c.max, last)
		mu.Unlock()
	}
}
