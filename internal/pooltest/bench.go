package pooltest

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A Bench is one pool, its peer, and the calls that a test makes.
type Bench struct {
	*Peer
	Pool Pool

	tb     testing.TB
	limits pool.Limits
	mu     sync.Mutex
	calls  []*Call
	aside  []*Aside
}

// NewBench returns a bench for the pool that open makes of a config. configure
// may change that config first. When the test ends the pool is shut down, and
// nothing may be left.
func NewBench(tb testing.TB, open func(*Peer, pool.Config[*Resource]) Pool, configure func(*pool.Config[*Resource])) *Bench {
	p := NewPeer(tb)
	cfg := pool.Config[*Resource]{Dial: p.Dial, Close: p.Close}
	configure(&cfg)
	b := &Bench{Peer: p, tb: tb}
	b.limits = pool.Limits{
		MaxOpen: cfg.MaxOpen, MaxIdle: cfg.MaxIdle, MinIdle: cfg.MinIdle, MaxWaiters: cfg.MaxWaiters, MaxDials: cfg.MaxDials,
	}
	p.Limit(0, b.limits)
	b.Pool = open(p, cfg)
	p.Look(func() { b.Pool.Stats() })
	tb.Cleanup(b.finish)
	return b
}

// Acquire calls Acquire aside and waits until it has returned or sleeps.
func (b *Bench) Acquire() *Call { return b.AcquireWith(context.Background(), pool.Request{}) }

// AcquireCtx is Acquire with a context.
func (b *Bench) AcquireCtx(ctx context.Context) *Call { return b.AcquireWith(ctx, pool.Request{}) }

// AcquireWith is Acquire with a context and a request.
func (b *Bench) AcquireWith(ctx context.Context, r pool.Request) *Call {
	b.Step()
	ctx, cancel := context.WithCancel(ctx)
	c := &Call{bench: b, cancel: cancel, done: make(chan struct{})}
	b.mu.Lock()
	b.calls = append(b.calls, c)
	b.mu.Unlock()
	go func() {
		defer close(c.done)
		defer cancel()
		c.lease, c.err = b.Pool.AcquireWith(ctx, r)
		if c.err == nil {
			c.begin()
		}
	}()
	synctest.Wait()
	return c
}

// TryAcquire calls TryAcquire. It returns nil if that gave no lease.
func (b *Bench) TryAcquire() *Call {
	b.Step()
	l, ok := b.Pool.TryAcquire()
	if !ok {
		synctest.Wait()
		return nil
	}
	c := &Call{bench: b, cancel: func() {}, done: make(chan struct{}), lease: l}
	close(c.done)
	c.begin()
	b.mu.Lock()
	b.calls = append(b.calls, c)
	b.mu.Unlock()
	synctest.Wait()
	return c
}

// SetLimits changes the limits of the pool, and those that the peer checks. While
// they change, the looser one holds.
func (b *Bench) SetLimits(l pool.Limits) {
	looser := func(x, y int) int {
		if x == 0 || y == 0 {
			return 0
		}
		return max(x, y)
	}
	b.do(func() {
		both := b.limits
		both.MaxOpen, both.MaxDials = looser(l.MaxOpen, both.MaxOpen), looser(l.MaxDials, both.MaxDials)
		b.Limit(0, both)
		require.NoError(b.tb, b.Pool.SetLimits(l))
	})
	b.limits = l
	b.Limit(0, l)
}

// Limits returns the limits last set.
func (b *Bench) Limits() pool.Limits { return b.limits }

// Reset resets the pool.
func (b *Bench) Reset() {
	b.do(func() {
		b.NoteReset()
		b.Pool.Reset()
	})
}

// CloseIdle calls CloseIdle.
func (b *Bench) CloseIdle() { b.do(b.Pool.CloseIdle) }

// Retire calls Retire. It checks that the func is called at most once for a
// resource.
func (b *Bench) Retire(f func(*Resource) bool) {
	b.do(func() {
		asked := map[*Resource]bool{}
		b.Pool.Retire(func(r *Resource) bool {
			assert.False(b.tb, asked[r], "Retire asks twice about resource %d", r.ID)
			asked[r] = true
			return f(r)
		})
	})
}

// Close closes the pool.
func (b *Bench) Close() { b.do(func() { assert.NoError(b.tb, b.Pool.Close()) }) }

// Advance lets time pass.
func (b *Bench) Advance(d time.Duration) { b.do(func() { time.Sleep(d) }) }

// Succeed lets the oldest dial bring a resource.
func (b *Bench) Succeed(k Kind) *Resource {
	b.tb.Helper()
	return b.SucceedAt(0, k)
}

// SucceedAt lets the i-th of Dials bring a resource.
func (b *Bench) SucceedAt(i int, k Kind) (r *Resource) {
	b.tb.Helper()
	dials := b.Dials()
	require.Greater(b.tb, len(dials), i, "too few dials in flight")
	b.do(func() { r = dials[i].Succeed(k) })
	return r
}

// Fail lets the oldest dial fail.
func (b *Bench) Fail() {
	b.tb.Helper()
	b.FailAt(0)
}

// FailAt lets the i-th of Dials fail.
func (b *Bench) FailAt(i int) {
	b.tb.Helper()
	dials := b.Dials()
	require.Greater(b.tb, len(dials), i, "too few dials in flight")
	b.do(func() { dials[i].Fail(ErrRefused) })
}

// SetCapacity changes the capacity of a resource, now and expected.
func (b *Bench) SetCapacity(r *Resource, n int) { b.do(func() { r.SetCapacity(n, n) }) }

// SetExpect changes the capacity of a resource, and what it is about to be.
func (b *Bench) SetExpect(r *Resource, n, expect int) { b.do(func() { r.SetCapacity(n, expect) }) }

// CloseReturns lets a held Close return.
func (b *Bench) CloseReturns(r *Resource) { b.do(func() { b.Peer.CloseReturns(r) }) }

// Settle waits until nothing runs any more.
func (b *Bench) Settle() { synctest.Wait() }

// do carries out one step of the test.
func (b *Bench) do(f func()) {
	b.tb.Helper()
	b.Step()
	f()
	synctest.Wait()
}

// Calls returns the calls so far.
func (b *Bench) Calls() []*Call {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.calls)
}

// finish ends everything and checks that nothing is left.
func (b *Bench) finish() {
	synctest.Wait()
	b.Peer.Finish()
	for _, c := range b.Calls() {
		c.Cancel()
	}
	for _, a := range b.Asides() {
		a.cancel()
	}
	synctest.Wait()
	for _, a := range b.Asides() {
		assert.True(b.tb, a.Returned(), "its context has ended")
	}
	for _, c := range b.Calls() {
		if c.Served() {
			c.Release()
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()
	b.Peer.Finish()
	assert.NoError(b.tb, b.Pool.Shutdown(ctx))
	for _, r := range b.Resources() {
		assert.Contains(b.tb, []State{Closed, Hijacked}, r.State(), "resource %d at the end", r.ID)
	}
	s := b.Pool.Stats()
	assert.Zero(b.tb, s.Open+s.Dialing+s.Closing+s.Leases+s.Waiting, "%+v", s)
	assert.Equal(b.tb, s.Dials, s.Closes.Total()+s.Hijacks)
	assert.Len(b.tb, b.Resources(), int(s.Dials)) //nolint:gosec // a test makes few
}
