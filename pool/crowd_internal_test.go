package pool

import (
	"context"
	"runtime"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/atomic"
)

// crowded returns a pool in which n callers wait for a dial each, and what they share.
func crowded(t *testing.T, n int, cfg Config[int]) (p *Pool[int], asked *atomic.Int32, leave context.CancelFunc) {
	t.Helper()
	cfg.Dial = func(ctx context.Context) (int, error) {
		<-ctx.Done()
		return 0, context.Cause(ctx)
	}
	p, err := New(cfg)
	require.NoError(t, err)
	ctx, leave := context.WithCancel(t.Context())
	t.Cleanup(func() {
		leave()
		assert.NoError(t, p.Shutdown(context.Background()))
	})
	asked = atomic.NewInt32(0)
	for range n {
		go func() { _, _ = p.Acquire(tally{ctx, asked}) }()
	}
	synctest.Wait()
	require.Equal(t, n+cfg.MinIdle, p.Stats().Dialing)
	return p, asked, leave
}

// tally is a context that counts how often it is asked for its error.
type tally struct {
	context.Context
	asked *atomic.Int32
}

func (c tally) Err() error {
	c.asked.Inc()
	return c.Context.Err()
}

// The dials that nobody waits for are counted, and not listed at each change.
func TestDialsThatNobodyNeedsAreNotListed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 100
		p, _, leave := crowded(t, n, Config[int]{MinIdle: 1})
		leave()
		synctest.Wait()
		p.mu.Lock()
		defer p.mu.Unlock()
		require.Equal(t, n+1, p.flyingLocked())
		var pl plan[int]
		assert.Zero(t, testing.AllocsPerRun(100, func() { pl = p.planLocked() }))
		assert.Equal(t, n+1, pl.orphans.n)
		assert.Nil(t, pl.orphans.those)
		p.mu.promised += n
		assert.Equal(t, n+1, p.planLocked().orphans.n, "not more than there are")
		p.mu.promised -= n
		p.cancelOrphansLocked(&pl.orphans, n)
		assert.Equal(t, 1, pl.orphans.n)
		assert.EqualValues(t, 1, p.mu.dials.Oldest().slot.number, "the newest go first")
	})
}

// Dials that are canceled and have not returned are in nobody's way who looks for another.
func TestCanceledDialsAreNotInTheList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 100
		p, _, _ := crowded(t, n, Config[int]{})
		p.lock()
		for range n - 1 {
			p.cancelNewestLocked(1)
		}
		assert.Equal(t, []int{1, 1, n}, []int{p.mu.dials.Len(), p.flyingLocked(), p.dialingLocked()})
		assert.EqualValues(t, 1, p.mu.dials.Newest().slot.number)
		p.unlockQuietly()
	})
}

// The Budget is told who the oldest without a dial are, which takes no look at all the others.
func TestBudgetHearsOfAWaiterWithoutALookAtThoseWhoHaveDials(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, err := NewBudget(BudgetLimits{})
		require.NoError(t, err)
		const n = 1000
		_, asked, _ := crowded(t, n, Config[int]{Budget: b})
		assert.Less(t, asked.Load(), int32(20*n))
	})
}

// The Budget orders a dial to be canceled that nobody needs; before the pool hears of it,
// somebody does.
func TestDialThatHasFoundAWaiterIsNotCanceledForAnotherPool(t *testing.T) {
	b, err := NewBudget(BudgetLimits{MaxOpen: 1})
	require.NoError(t, err)
	gate := make(chan struct{})
	x, err := New(Config[int]{Budget: b, Dial: func(context.Context) (int, error) {
		<-gate
		return 1, nil
	}})
	require.NoError(t, err)
	y, err := New(Config[int]{Budget: b, Dial: numbered()})
	require.NoError(t, err)
	ctx, leave := context.WithCancel(t.Context())
	left := make(chan struct{})
	go func() {
		_, _ = x.Acquire(ctx)
		close(left)
	}()
	for x.Stats().Dialing == 0 {
		runtime.Gosched()
	}
	leave()
	<-left

	x.lock()
	served := make(chan struct{})
	go func() {
		_ = y.Do(t.Context(), func(Lease[int]) error { return nil })
		close(served)
	}()
	for !x.member.ordered.Load() {
		runtime.Gosched()
	}
	w := x.waiters.EnqueueAt(t.Context(), 1, 0)
	x.unlock()
	assert.Zero(t, x.Stats().DialsCanceled)
	x.lock()
	assert.Equal(t, []int{1, 0}, []int{x.flyingLocked(), int(x.mu.canceled)})
	x.unlock()
	close(gate)
	l, _, err := w.Await()
	require.NoError(t, err)
	l.Release()
	<-served
	assert.NoError(t, x.Shutdown(context.Background()))
	assert.NoError(t, y.Shutdown(context.Background()))
}
