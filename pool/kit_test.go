package pool_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/atomic"
)

var (
	errDial   = errors.New("refused")
	errBroken = errors.New("broken")
)

// bubble runs f in a synctest bubble: time is fake, and a waiter whom nobody
// wakes fails the test at once as a deadlock.
func bubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, f)
}

// pass lets d of the bubble's time pass, and all that comes of it.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// A thing is the resource of most tests.
type thing struct {
	n        int // counts the dials that brought one
	capacity atomic.Int32
	closes   atomic.Int32
	hijacked atomic.Bool
	changed  func() // with Watch
}

// set changes the capacity and tells the pool if it asked for that. The pool reads
// it in another goroutine, so set waits for that one.
func (x *thing) set(capacity int) {
	x.capacity.Store(int32(capacity))
	if x.changed != nil {
		x.changed()
		synctest.Wait()
	}
}

// A rig is a pool of things with everything that a test wants to see or decide.
// It checks at the end of each test that the pool gives all of it back.
type rig struct {
	*pool.Pool[*thing]
	t *testing.T

	capacity int    // of the next thing
	manual   bool   // dials wait for the test's word
	bare     bool   // without Close
	atDial   func() // nil: nothing
	arm      *bool  // the trap of a test that has one

	mu     sync.Mutex
	dials  []*dialCall // in order of their start
	things []*thing
	calls  []*call
}

// newRig makes a pool whose dials succeed at once.
func newRig(t *testing.T, cfg pool.Config[*thing]) *rig {
	t.Helper()
	return makeRig(t, cfg, &rig{})
}

// newBare is newRig without a Close func: slots are free at once and not only
// when a goroutine of the pool comes by.
func newBare(t *testing.T, cfg pool.Config[*thing]) *rig {
	t.Helper()
	return makeRig(t, cfg, &rig{bare: true})
}

// newManual makes a pool whose dials wait until the test says how they end, or
// their context does.
func newManual(t *testing.T, cfg pool.Config[*thing]) *rig {
	t.Helper()
	return makeRig(t, cfg, &rig{manual: true})
}

func makeRig(t *testing.T, cfg pool.Config[*thing], r *rig) *rig {
	t.Helper()
	r.t, r.capacity = t, 1
	cfg.Dial = r.dialed
	if closing := cfg.Close; !r.bare {
		cfg.Close = func(x *thing) error {
			assert.EqualValues(t, 1, x.closes.Inc(), "thing %d is closed twice", x.n)
			if closing == nil {
				return nil
			}
			return closing(x)
		}
	}
	p, err := pool.New(cfg)
	require.NoError(t, err)
	r.Pool = p
	t.Cleanup(r.finish)
	return r
}

// shareable returns a Config whose things carry as many leases as their capacity
// says, and tell of changes.
func shareable() pool.Config[*thing] {
	cfg := quietly()
	cfg.Watch = func(x *thing, changed func()) { x.changed = changed }
	return cfg
}

// quietly is shareable without Watch: the pool must look by itself.
func quietly() pool.Config[*thing] {
	return pool.Config[*thing]{Capacity: func(x *thing) int { return int(x.capacity.Load()) }}
}

// finish shuts the pool down and checks that nothing is missing or left.
func (r *rig) finish() {
	assert.NoError(r.t, r.Close())
	if r.t.Failed() {
		return // what follows would only hide the cause
	}
	r.mu.Lock()
	calls := r.calls
	r.mu.Unlock()
	for _, c := range calls {
		<-c.done
		c.lease.Release()
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()
	if !assert.NoError(r.t, r.Shutdown(ctx)) {
		return
	}
	s := r.Stats()
	assert.Zero(r.t, s.Open+s.Dialing+s.Closing+s.Waiting+s.Leases, "left: %+v", s)
	assert.Equal(r.t, s.Dials, s.Closes.Total()+s.Hijacks)
	assert.Equal(r.t, s.Acquires, s.Hits+s.Waits)
	for _, x := range r.things {
		if !x.hijacked.Load() && !r.bare {
			assert.EqualValues(r.t, 1, x.closes.Load(), "thing %d", x.n)
		}
	}
}

// A dialCall is one call of Dial.
type dialCall struct {
	r    *rig
	ctx  context.Context
	word chan func() (*thing, error)

	stubborn atomic.Bool // goes on after its context has ended
}

func (r *rig) dialed(ctx context.Context) (*thing, error) {
	if r.atDial != nil {
		r.atDial()
	}
	if !r.manual {
		return r.newThing(), nil
	}
	d := &dialCall{r: r, ctx: ctx, word: make(chan func() (*thing, error), 1)}
	r.mu.Lock()
	r.dials = append(r.dials, d)
	r.mu.Unlock()
	select {
	case f := <-d.word:
		return f()
	case <-ctx.Done():
		if d.stubborn.Load() {
			return (<-d.word)()
		}
		return nil, context.Cause(ctx)
	}
}

// born sets the capacity of the next things, where a timer may bring them and not the test.
func (r *rig) born(capacity int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.capacity = capacity
}

func (r *rig) newThing() *thing {
	r.mu.Lock()
	defer r.mu.Unlock()
	x := &thing{n: len(r.things) + 1}
	x.set(r.capacity)
	r.things = append(r.things, x)
	return x
}

// dial returns dial number n, which must have started.
func (r *rig) dial(n int) *dialCall {
	r.t.Helper()
	synctest.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	require.GreaterOrEqual(r.t, len(r.dials), n, "dial %d has not started", n)
	return r.dials[n-1]
}

// started returns how many dials have started.
func (r *rig) started() int {
	synctest.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.dials)
}

func (d *dialCall) end(f func() (*thing, error)) {
	d.word <- f
	synctest.Wait()
}

func (d *dialCall) ok()            { d.end(func() (*thing, error) { return d.r.newThing(), nil }) }
func (d *dialCall) fail(err error) { d.end(func() (*thing, error) { return nil, err }) }
func (d *dialCall) panics(v any)   { d.end(func() (*thing, error) { panic(v) }) }

func (d *dialCall) goexit() {
	d.end(func() (*thing, error) {
		runtime.Goexit()
		return nil, nil
	})
}

func (d *dialCall) canceled() bool { return d.ctx.Err() != nil }

// A call is an Acquire that runs in a goroutine of its own.
type call struct {
	t      *testing.T
	done   chan struct{}
	cancel context.CancelCauseFunc
	lease  pool.Lease[*thing]
	err    error
}

// acquire starts an Acquire and returns when it has ended or sleeps.
func (r *rig) acquire() *call { return r.acquireWith(r.t.Context(), pool.Request{}) }

func (r *rig) acquireWith(ctx context.Context, req pool.Request) *call {
	ctx, cancel := context.WithCancelCause(ctx)
	c := r.call(ctx, req)
	c.cancel = cancel
	return c
}

// acquireFresh is acquire for a resource whose dial begins after the call.
func (r *rig) acquireFresh() *call { return r.acquireWith(r.t.Context(), pool.Request{Fresh: true}) }

// acquireAs is acquire with a context that the test has made.
func (r *rig) acquireAs(ctx context.Context) *call { return r.call(ctx, pool.Request{}) }

func (r *rig) call(ctx context.Context, req pool.Request) *call {
	c := &call{t: r.t, done: make(chan struct{})}
	r.mu.Lock()
	r.calls = append(r.calls, c)
	r.mu.Unlock()
	go func() {
		defer close(c.done)
		c.lease, c.err = r.AcquireWith(ctx, req)
	}()
	synctest.Wait()
	return c
}

// leave cancels the call.
func (c *call) leave() {
	c.cancel(nil)
	synctest.Wait()
}

func (c *call) ended() bool {
	synctest.Wait()
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}

// got returns the thing that the call has been given by now.
func (c *call) got() *thing {
	c.t.Helper()
	require.True(c.t, c.ended(), "the caller still waits")
	require.NoError(c.t, c.err)
	return c.lease.Value()
}

// failed returns the error that the call has ended with by now.
func (c *call) failed() error {
	c.t.Helper()
	require.True(c.t, c.ended(), "the caller still waits")
	require.Error(c.t, c.err)
	return c.err
}

// waits checks that the call has not ended.
func (c *call) waits() {
	c.t.Helper()
	if c.ended() {
		require.Fail(c.t, "the call has ended", "%v", c.err)
	}
}

func (c *call) release() {
	c.lease.Release()
	synctest.Wait()
}

func (c *call) discard() {
	c.lease.Discard(errBroken)
	synctest.Wait()
}

func (c *call) hijack() *thing {
	x := c.lease.Hijack()
	x.hijacked.Store(true)
	synctest.Wait()
	return x
}
