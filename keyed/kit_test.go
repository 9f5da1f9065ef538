package keyed_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/berth-go/berth/keyed"
	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/atomic"
)

var (
	errDial   = errors.New("refused")
	errBroken = errors.New("broken")
)

// config is the Config of most tests.
type config = keyed.Config[string, *thing]

// bubble runs f in a synctest bubble: time is fake, and a waiter whom nobody
// wakes fails the test at once as a deadlock.
func bubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, f)
}

// A thing is the resource of most tests.
type thing struct {
	key      string
	n        int // counts the dials that brought one, over all keys
	capacity atomic.Int32
	closes   atomic.Int32
	hijacked atomic.Bool
	changed  func() // with Watch
}

// set changes the capacity and tells the pool if it asked for that.
func (x *thing) set(capacity int) {
	x.capacity.Store(int32(capacity)) //nolint:gosec // small
	if x.changed != nil {
		x.changed()
	}
}

// shareable returns a Config whose things carry as many leases as their capacity
// says, and tell of changes.
func shareable() config {
	return config{
		Capacity: func(x *thing) int { return int(x.capacity.Load()) },
		Watch:    func(x *thing, changed func()) { x.changed = changed },
	}
}

// A rig is a pool of things with everything that a test wants to see or decide.
// It checks in every test that no cap is passed, and at the end that the pool
// gives everything back.
type rig struct {
	*keyed.Pool[string, *thing]
	t *testing.T

	capacity int  // of the next thing
	manual   bool // dials wait for the test's word
	caps     caps

	mu     sync.Mutex
	dials  []*dialCall // in order of their start
	things []*thing
	calls  []*call
}

// newRig makes a pool whose dials succeed at once.
func newRig(t *testing.T, cfg config) *rig {
	t.Helper()
	return makeRig(t, cfg, false)
}

// newManual makes a pool whose dials wait until the test says how they end, or
// their context does.
func newManual(t *testing.T, cfg config) *rig {
	t.Helper()
	return makeRig(t, cfg, true)
}

func makeRig(t *testing.T, cfg config, manual bool) *rig {
	t.Helper()
	r := &rig{t: t, capacity: 1, manual: manual}
	r.caps.set(cfg.MaxOpenPerKey, cfg.MaxOpen)
	cfg.Dial = r.dialed
	closing := cfg.Close
	cfg.Close = func(x *thing) error {
		assert.EqualValues(t, 1, x.closes.Inc(), "thing %d is closed twice", x.n)
		defer r.caps.leave(x.key)
		if closing == nil {
			return nil
		}
		return closing(x)
	}
	p, err := keyed.New(cfg)
	require.NoError(t, err)
	r.Pool = p
	t.Cleanup(r.finish)
	return r
}

// finish shuts the pool down and checks that nothing is missing or left.
func (r *rig) finish() {
	assert.NoError(r.t, r.Close())
	r.mu.Lock()
	calls := r.calls
	r.mu.Unlock()
	if r.t.Failed() {
		return // what follows would only hide the cause
	}
	for _, c := range calls {
		<-c.done
		c.lease.Release()
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()
	if !assert.NoError(r.t, r.Shutdown(ctx)) {
		return
	}
	synctest.Wait()
	assertNothingLeft(r.t, r.Pool)
	assert.Empty(r.t, r.caps.passed(), "a cap was passed (I1)")
	for _, x := range r.things {
		if !x.hijacked.Load() {
			assert.EqualValues(r.t, 1, x.closes.Load(), "thing %d", x.n)
		}
	}
}

// assertNothingLeft checks a pool that has been shut down: no key, no slot, and
// every resource ended once.
func assertNothingLeft[K comparable, R any](t *testing.T, p *keyed.Pool[K, R]) {
	t.Helper()
	s := p.Stats()
	assert.Zero(t, s.Open+s.Dialing+s.Closing+s.Waiting+s.Leases, "left: %+v", s)
	assert.Equal(t, s.Dials, s.Closes.Total()+s.Hijacks)
	assert.Equal(t, s.Acquires, s.Hits+s.Waits)
	assert.Empty(t, keysOf(p), "keys are left (I12)")
}

// keysOf returns the keys in use.
func keysOf[K comparable, R any](p *keyed.Pool[K, R]) []K {
	var all []K
	for key := range p.All() {
		all = append(all, key)
	}
	return all
}

// keys returns the keys in use when all is quiet, sorted.
func (r *rig) keys() []string {
	synctest.Wait()
	return slices.Sorted(maps.Keys(maps.Collect(r.All())))
}

// caps counts slots as a peer would, from the start of Dial to the end of Close,
// and notes what passes a cap.
type caps struct {
	mu            sync.Mutex
	perKey, total int // 0: not checked
	open          map[string]int
	sum           int
	wrong         []string
}

func (c *caps) set(perKey, total int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.perKey, c.total = perKey, total
}

func (c *caps) enter(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open == nil {
		c.open = map[string]int{}
	}
	c.open[key]++
	c.sum++
	if c.perKey > 0 && c.open[key] > c.perKey {
		c.wrong = append(c.wrong, "the cap of key "+key)
	}
	if c.total > 0 && c.sum > c.total {
		c.wrong = append(c.wrong, "the total cap, by key "+key)
	}
}

func (c *caps) leave(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.open[key]--
	c.sum--
}

// passed returns the caps that were passed.
func (c *caps) passed() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.wrong
}

// A dialCall is one call of Dial.
type dialCall struct {
	r    *rig
	ctx  context.Context
	key  string
	word chan error // nil: a thing is made

	stubborn atomic.Bool // goes on after its context has ended
}

func (r *rig) dialed(ctx context.Context, key string) (*thing, error) {
	r.caps.enter(key)
	if err := r.dialing(ctx, key); err != nil {
		r.caps.leave(key)
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	x := &thing{key: key, n: len(r.things) + 1}
	x.set(r.capacity)
	r.things = append(r.things, x)
	return x, nil
}

func (r *rig) dialing(ctx context.Context, key string) error {
	d := &dialCall{r: r, ctx: ctx, key: key, word: make(chan error, 1)}
	r.mu.Lock()
	r.dials = append(r.dials, d)
	r.mu.Unlock()
	if !r.manual {
		return nil
	}
	select {
	case err := <-d.word:
		return err
	case <-ctx.Done():
		if d.stubborn.Load() {
			return <-d.word
		}
		return context.Cause(ctx)
	}
}

// started returns the keys of the dials so far, in order of their start.
func (r *rig) started() []string {
	synctest.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	keys := []string{}
	for _, d := range r.dials {
		keys = append(keys, d.key)
	}
	return keys
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

func (d *dialCall) end(err error) {
	d.word <- err
	synctest.Wait()
}

func (d *dialCall) ok()            { d.end(nil) }
func (d *dialCall) fail()          { d.end(errDial) }
func (d *dialCall) canceled() bool { return d.ctx.Err() != nil }

// A call is an Acquire that runs in a goroutine of its own.
type call struct {
	t      *testing.T
	r      *rig
	done   chan struct{}
	cancel context.CancelFunc
	lease  pool.Lease[*thing]
	err    error
}

// acquire starts an Acquire and returns when it has ended or sleeps.
func (r *rig) acquire(key string) *call { return r.acquireWith(key, pool.Request{}) }

func (r *rig) acquireWith(key string, req pool.Request) *call {
	c := r.start(key, req)
	synctest.Wait()
	return c
}

// start is acquireWith without the wait.
func (r *rig) start(key string, req pool.Request) *call {
	ctx, cancel := context.WithCancel(r.t.Context())
	c := &call{t: r.t, r: r, done: make(chan struct{}), cancel: cancel}
	r.mu.Lock()
	r.calls = append(r.calls, c)
	r.mu.Unlock()
	go func() {
		defer close(c.done)
		c.lease, c.err = r.AcquireWith(ctx, key, req)
		cancel()
	}()
	return c
}

// acquireAll starts an Acquire per key, one after the other.
func (r *rig) acquireAll(keys ...string) []*call {
	var calls []*call
	for _, key := range keys {
		calls = append(calls, r.acquire(key))
	}
	return calls
}

// leave cancels the call.
func (c *call) leave() {
	c.cancel()
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
	require.False(c.t, c.ended(), "the call has ended: %v", c.err)
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
	x := c.lease.Value()
	x.hijacked.Store(true)
	c.r.caps.leave(x.key) // before: the slot is free at once
	c.lease.Hijack()
	synctest.Wait()
	return x
}

// pass lets d of the bubble's time pass, and all that comes of it.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}
