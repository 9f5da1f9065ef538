package pool

import (
	"context"
	"fmt"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// newSteady returns a pool whose one resource is out on the lease, with a caller that
// waits.
func newSteady(t *testing.T, cfg Config[int]) (*Pool[int], Lease[int], <-chan Lease[int]) {
	cfg.Dial, cfg.MaxOpen = numbered(), 1
	p, err := New(cfg)
	require.NoError(t, err)
	l := mustAcquire(t, p)
	got := waiterOf(t, p)
	p.haveWaiting(1)
	require.True(t, p.isSteady())
	return p, l, got
}

// asked is the one resource of a pool, which tells of its changes.
type asked struct {
	capacity int
	hold     bool          // a look at the capacity waits for read
	read     chan struct{} // lets one look go on
	changed  func()
}

func newAsked(t *testing.T, change func(*Config[int])) (*Pool[int], *asked) {
	x := &asked{capacity: 1, read: make(chan struct{})}
	cfg := Config[int]{
		Dial: numbered(), MaxOpen: 1,
		Watch: func(_ int, f func()) { x.changed = f },
		Capacity: func(int) int {
			if x.hold {
				<-x.read
			}
			return x.capacity
		},
	}
	if change != nil {
		change(&cfg)
	}
	p, err := New(cfg)
	require.NoError(t, err)
	return p, x
}

// haveWaiting returns when so many wait, and whoever queued last has let go of the lock.
func (p *Pool[R]) haveWaiting(n int) {
	for p.waiters.Len() < n {
		runtime.Gosched()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
}

func (p *Pool[R]) isSteady() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.mu.form == steady
}

// Who has something of the user's to call before it queues does not queue at once, be
// the pool steady or not.
func TestCallerWhoIsNotPreparedDoesNotStandAtOnce(t *testing.T) {
	p, l, got := newSteady(t, Config[int]{WaitTimeout: time.Minute})
	a := attempt[int]{p: p, ctx: context.Background(), newcomer: true}
	done, err := a.now()
	require.NoError(t, err)
	assert.False(t, done)
	assert.False(t, a.waiting, "its wait has no end yet")
	a.prepare()
	_, err = a.now()
	require.NoError(t, err)
	require.True(t, a.waiting)
	assert.False(t, a.newcomer, "no limit of waiters is for it any more")
	require.True(t, a.waiter.Cancel())
	p.lock()
	p.unlock()
	l.Release()
	(<-got).Release()
	require.NoError(t, p.Shutdown(t.Context()))
}

// Who queues has asked what a dial is expected to bring, and the pool goes by that.
func TestSteadyPoolLearnsWhatADialWillBring(t *testing.T) {
	p, l, got := newSteady(t, Config[int]{})
	a := attempt[int]{p: p, ctx: context.Background(), shared: 5}
	_, err := a.now()
	require.NoError(t, err)
	require.True(t, a.waiting)
	assert.EqualValues(t, 5, p.mu.shared)
	require.True(t, a.waiter.Cancel())
	p.lock()
	p.unlock()
	l.Release()
	(<-got).Release()
	require.NoError(t, p.Shutdown(t.Context()))
}

// A lease that has ended is not reported, whoever has its resource since.
func TestSteadyPoolForgetsTheWatchOverALeaseThatHasEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, err := New(Config[int]{Dial: numbered(), MaxOpen: 1, LeakAfter: time.Minute, LeakSample: 2})
		require.NoError(t, err)
		mustAcquire(t, p).Release() // the next one is watched
		l := mustAcquire(t, p)
		require.NotEmpty(t, l.cell.watched.stack)
		got := waiterOf(t, p)
		synctest.Wait()
		require.True(t, p.isSteady())
		l.Release()
		l = <-got
		time.Sleep(2 * time.Minute)
		assert.Zero(t, p.Stats().Leaks)
		l.Release()
		require.NoError(t, p.Shutdown(t.Context()))
	})
}

// A waiter does not get a resource whose Capacity is being read, or was 0.
func TestSteadyPoolDoesNotHandOverWhatMayHaveNoCapacity(t *testing.T) {
	for _, reading := range []bool{true, false} {
		t.Run(fmt.Sprintf("reading=%v", reading), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, x := newAsked(t, func(cfg *Config[int]) { cfg.Shareable = func(int) bool { return false } })
				l := mustAcquire(t, p)
				got := waiterOf(t, p)
				synctest.Wait()
				require.True(t, p.isSteady())
				x.hold, x.capacity = reading, 0
				x.changed()
				synctest.Wait()
				p.lock() // a change that leaves it as it is
				p.unlock()
				require.True(t, p.isSteady())
				l.Release()
				synctest.Wait()
				require.Empty(t, got)
				x.capacity, x.hold = 1, false
				close(x.read)
				x.changed()
				(<-got).Release()
				require.NoError(t, p.Shutdown(t.Context()))
			})
		})
	}
}

// The lease of a resource that has died meanwhile ends without a waiter's having it, when
// others have its slot.
func TestSteadyPoolDoesNotHandOverWhatHasDied(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dead := map[int]bool{}
		var changed func()
		p, err := New(Config[int]{
			Dial: numbered(), MaxOpen: 1, Shareable: func(int) bool { return false },
			Watch: func(x int, f func()) {
				if x == 1 {
					changed = f
				}
			},
			Capacity: func(x int) int {
				if dead[x] {
					return Dead
				}
				return 1
			},
		})
		require.NoError(t, err)
		l := mustAcquire(t, p)
		dead[1] = true
		changed()
		synctest.Wait()
		other := mustAcquire(t, p)
		require.Equal(t, 2, other.Value())
		got := waiterOf(t, p)
		synctest.Wait()
		require.True(t, p.isSteady())
		l.Release()
		synctest.Wait()
		assert.Empty(t, got)
		other.Release()
		next := <-got
		assert.Equal(t, 2, next.Value())
		next.Release()
		require.NoError(t, p.Shutdown(t.Context()))
	})
}

// The oldest lease is that which began first, also where another was handed over since.
func TestSteadyPoolKnowsItsOldestLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, err := New(Config[int]{Dial: numbered(), MaxOpen: 2})
		require.NoError(t, err)
		first, second := mustAcquire(t, p), mustAcquire(t, p)
		got := waiterOf(t, p)
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		failed := make(chan error, 1)
		go func() {
			_, err := p.Acquire(ctx)
			failed <- err
		}()
		synctest.Wait()
		time.Sleep(time.Second)
		require.True(t, p.isSteady())
		first.Release()
		third := <-got
		var e *WaitError
		require.ErrorAs(t, <-failed, &e)
		assert.Equal(t, 3*time.Second, e.OldestLease)
		second.Release()
		third.Release()
		require.NoError(t, p.Shutdown(t.Context()))
	})
}

// A shareable resource goes the long way: what it promises, and whom MaxWaiters counts
// with that, changes with its leases.
func TestSteadyPoolCountsWhatAShareableResourcePromises(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, err := New(Config[int]{
			Dial: numbered(), MaxOpen: 1, MaxUses: 3, MaxWaiters: 1, Shared: 3,
			Capacity: func(int) int { return 1 }, Expect: func(int) int { return 3 }, Watch: func(int, func()) {},
		})
		require.NoError(t, err)
		l := mustAcquire(t, p)
		var all []<-chan Lease[int]
		for range 3 { // two of whom the resource is to serve soon
			all = append(all, waiterOf(t, p))
			synctest.Wait()
		}
		require.True(t, p.isSteady())
		l.Release()
		l = <-all[0] // the last but one that the resource will have
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err = p.Acquire(ctx)
		require.ErrorIs(t, err, ErrWaitLimit)
		for _, got := range all[1:] {
			l.Release()
			l = <-got
		}
		l.Release()
		require.NoError(t, p.Shutdown(t.Context()))
	})
}

// While Capacity is read again, what it has said before counts.
func TestPoolIsNotSteadyWhileCapacityIsReadAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, x := newAsked(t, nil)
		l := mustAcquire(t, p)
		first := waiterOf(t, p)
		synctest.Wait()
		require.True(t, p.isSteady())
		x.hold, x.capacity = true, 10
		x.changed()
		synctest.Wait() // it is being read
		x.changed()     // and must be read again
		x.read <- struct{}{}
		synctest.Wait() // it has said 10
		second := waiterOf(t, p)
		synctest.Wait()
		require.Len(t, first, 1)
		require.Len(t, second, 1)
		close(x.read)
		for _, l := range []Lease[int]{<-first, <-second, l} {
			l.Release()
		}
		require.NoError(t, p.Shutdown(t.Context()))
	})
}

// The last waiter's lease leaves a pool that is steady no more.
func TestPoolWithoutWaitersIsNotSteady(t *testing.T) {
	p, l, got := newSteady(t, Config[int]{})
	l.Release()
	next := <-got
	assert.False(t, p.isSteady())
	next.Release()
	require.NoError(t, p.Shutdown(t.Context()))
}

// Hooks hear of callers that queue and of leases that end, in a steady pool too.
func TestHooksHearOfASteadyPool(t *testing.T) {
	var ahead []int
	released := 0
	for name, tt := range map[string]struct {
		hooks Hooks
		check func()
	}{
		"WaitStarted": {Hooks{WaitStarted: func(e WaitEvent) { ahead = append(ahead, e.Ahead) }}, func() { assert.Equal(t, []int{0, 0, 1, 1}, ahead, "the first one waits for the dial") }},
		"Released":    {Hooks{Released: func(ReleasedEvent) { released++ }}, func() { assert.Equal(t, 4, released) }},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, err := New(Config[int]{Dial: numbered(), MaxOpen: 1, Hooks: &tt.hooks})
				require.NoError(t, err)
				l := mustAcquire(t, p)
				var all []<-chan Lease[int]
				queue := func() {
					all = append(all, waiterOf(t, p))
					synctest.Wait()
				}
				queue()
				queue()
				steady := p.isSteady()
				l.Release()
				l = <-all[0]
				require.True(t, steady || p.isSteady(), "before a lease ends, or before another caller queues")
				queue()
				for _, got := range all[1:] {
					l.Release()
					l = <-got
				}
				l.Release()
				require.NoError(t, p.Shutdown(t.Context()))
				tt.check()
			})
		})
	}
}

// What the Budget has decided is heard at the next change, also where that leaves the
// pool steady.
func TestSteadyPoolHearsOfOrders(t *testing.T) {
	b, err := NewBudget(BudgetLimits{MaxOpen: 4})
	require.NoError(t, err)
	p, l, first := newSteady(t, Config[int]{Budget: b})
	p.member.ordered.Store(true)
	second := waiterOf(t, p)
	p.haveWaiting(2)
	assert.False(t, p.member.ordered.Load(), "at a caller that queues")
	p.lock() // a change that leaves it as it is
	p.unlock()
	require.True(t, p.isSteady())
	p.member.ordered.Store(true)
	l.Release()
	assert.False(t, p.member.ordered.Load(), "at a release")
	(<-first).Release()
	(<-second).Release()
	require.NoError(t, p.Shutdown(t.Context()))
}
