package pool_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/berth-go/berth/pool"
)

// twoOf makes two pools of a Budget, of which the things of the first have no capacity.
func twoOf(t *testing.T, l pool.BudgetLimits) (p, q *rig) {
	t.Helper()
	b, err := pool.NewBudget(l)
	require.NoError(t, err)
	cfg := shareable()
	cfg.Budget = b
	p, q = newRig(t, cfg), newRig(t, cfg)
	p.capacity = 0
	return p, q
}

// One caller who waits keeps one resource from being given up, and not all that open.
func TestNoMoreIsReservedThanCallersWaitFor(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p, q := twoOf(t, pool.BudgetLimits{MaxOpen: 3})
		first, second, third := p.acquire(), p.acquire(), p.acquire()
		first.leave()
		second.leave()
		other := q.acquire()
		other.got()
		other.release()
		third.waits()
		assert.EqualValues(t, 3, p.Stats().Dials)
		assert.EqualValues(t, 1, p.Stats().Closes.Of(pool.ReasonEvict))
		third.leave()
	})
}

// Nor does one who wants a fresh one keep what was dialled before it came.
func TestWhoWantsAFreshOneReservesNothingOlder(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p, q := twoOf(t, pool.BudgetLimits{MaxOpen: 2})
		plain := p.acquire()
		plain.waits()
		fresh := p.acquireFresh()
		fresh.waits()
		plain.leave()
		other := q.acquire()
		other.got()
		other.release()
		assert.EqualValues(t, 1, p.things[0].closes.Load())
		assert.Zero(t, p.things[1].closes.Load())
		fresh.leave()
	})
}

// Those who come one after the other for what never opens do not hold up an older caller
// of another pool for ever (I3).
func TestYoungerCallersReserveNothingBeforeAnOlderOne(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p, q := twoOf(t, pool.BudgetLimits{MaxOpen: 1})
		first := p.acquire()
		first.waits()
		older := q.acquire()
		older.waits()
		younger := p.acquire()
		pass(time.Second)
		older.waits()
		first.leave()
		synctest.Wait()
		older.got()
		assert.EqualValues(t, 1, p.Stats().Closes.Of(pool.ReasonEvict))
		older.release()
		synctest.Wait()
		younger.waits()
		assert.EqualValues(t, 2, p.Stats().Dials)
		younger.leave()
	})
}

// Each caller who waits reserves one, or as many do as it is to carry.
func TestEachCallerReservesWhatIsToServeIt(t *testing.T) {
	for _, expect := range []int{1, 2} {
		bubble(t, func(t *testing.T) {
			b, err := pool.NewBudget(pool.BudgetLimits{MaxOpen: 2})
			require.NoError(t, err)
			cfg := shareable()
			cfg.Budget = b
			cfg.Expect = func(*thing) int { return expect }
			p, q := newManual(t, cfg), newRig(t, cfg)
			p.capacity = 0
			first, second := p.acquire(), p.acquire()
			p.dial(1).ok()
			p.dial(2).ok()
			other := q.acquire()
			pass(time.Second)
			assert.EqualValues(t, expect-1, p.Stats().Closes.Of(pool.ReasonEvict))
			assert.Equal(t, expect == 2, other.ended())
			first.leave()
			second.leave()
			other.got()
			other.release()
		})
	}
}
