package pool

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The error of a call that gives up later than its wait tells of that moment: it reads
// the clock of its own hold of the lock, and counts what is idle as open.
func TestErrorOfACallThatGivesUpIsOfNow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _ := newLane(t, 2, nil)
		l := mustAcquire(t, p)
		p.lock()
		_ = p.nowLocked()
		p.unlock()
		a := &attempt[*int]{p: p, user: t.Context(), ctx: t.Context(), start: p.moment(), queued: p.moment(), ahead: 3}
		time.Sleep(time.Millisecond)
		var e *WaitError
		require.ErrorAs(t, a.giveUp(context.Canceled), &e)
		assert.Equal(t, time.Millisecond, e.Waited)
		assert.Equal(t, 2, e.Open)
		assert.Equal(t, 1, e.InUse)
		assert.Equal(t, 1, e.Place, "nobody else waits, whatever it was when the wait began")
		l.Release()
	})
}

// The resource that failed the caller last is not in use any more.
func TestErrorTellsOfThePoolWithoutTheResourceThatFailed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		refuse := false
		p, err := New(Config[int]{
			MaxOpen: 1,
			Dial:    func(context.Context) (int, error) { return 1, nil },
			Close:   func(int) error { return nil },
			Take: func(int) error {
				if refuse {
					cancel()
					return errors.New("refused")
				}
				return nil
			},
		})
		require.NoError(t, err)
		l, err := p.Acquire(t.Context())
		require.NoError(t, err)
		got := make(chan error, 1)
		go func() {
			_, err := p.Acquire(ctx)
			got <- err
		}()
		synctest.Wait()
		refuse = true
		l.Release()
		var e *WaitError
		require.ErrorAs(t, <-got, &e)
		assert.Zero(t, e.InUse)
		require.NoError(t, p.Shutdown(t.Context()))
	})
}

// The lane may have opened again before the caller that gave up comes to the lock. What
// is out of it is not idle, for the Budget either.
func TestWaitErrorCountsWhatIsIdleInTheBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // the caller that gives up runs when this one waits
		b, err := NewBudget(BudgetLimits{MaxOpen: 3})
		require.NoError(t, err)
		p, _ := newLane(t, 3, func(c *Config[*int]) { c.Budget = b })
		var held []Lease[*int]
		for range 3 {
			held = append(held, mustAcquire(t, p))
		}
		ctx, cancel := context.WithCancel(t.Context())
		got := make(chan error, 1)
		go func() {
			_, err := p.Acquire(ctx)
			got <- err
		}()
		synctest.Wait()
		cancel()
		held[0].Release()
		held[1].Release()
		reopen(t, p)
		l := mustAcquire(t, p)
		require.True(t, l.fast())
		require.Empty(t, got)
		require.Equal(t, 1, b.Stats().Idle)
		var e *WaitError
		require.ErrorAs(t, <-got, &e)
		assert.Equal(t, 2, e.InUse)
		assert.Equal(t, 1, e.Budget.Idle)
		assert.Equal(t, 1, b.Stats().Idle)
		l.Release()
		held[2].Release()
	})
}

// What rests in the lane is there for a call that gives up, unless it wants a fresh one.
func TestErrorOfACallThatGivesUpKnowsWhatRestsInTheLane(t *testing.T) {
	for _, tt := range []struct {
		fresh bool
		want  WaitedFor
	}{{want: ForTurn}, {fresh: true, want: ForDial}} {
		synctest.Test(t, func(t *testing.T) {
			more := false
			p, _ := newLane(t, 2, func(c *Config[*int]) {
				c.Dial = func(ctx context.Context) (*int, error) {
					if more {
						<-ctx.Done()
						return nil, ctx.Err()
					}
					return new(int), nil
				}
			})
			more = true
			ctx, cancel := context.WithCancel(t.Context())
			warmed := make(chan error, 1)
			go func() { warmed <- p.Warm(ctx, 3) }()
			synctest.Wait()
			require.NotZero(t, p.resting())
			a := &attempt[*int]{p: p, user: t.Context(), ctx: t.Context(), start: p.moment(), queued: p.moment(), fresh: tt.fresh, firstDial: 3}
			var e *WaitError
			require.ErrorAs(t, a.giveUp(context.Canceled), &e)
			assert.Equal(t, tt.want, e.For, e)
			cancel()
			require.ErrorIs(t, <-warmed, context.Canceled)
		})
	}
}
