package keyed_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/berth-go/berth/keyed"
	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func (r *rig) setTotals(t keyed.Totals) {
	r.t.Helper()
	r.caps.set(0, 0) // after a decrease there may be more for a while
	require.NoError(r.t, r.SetTotals(t))
	synctest.Wait()
}

func TestHigherTotalServesWaitersAtOnceInTheirOrder(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, config{MaxOpen: 1})
		r.acquire("a").got()
		waiting := r.acquireAll("b", "c", "b")
		r.setTotals(keyed.Totals{MaxOpen: 3})
		waiting[0].got()
		waiting[1].got()
		waiting[2].waits()
		r.setTotals(keyed.Totals{})
		waiting[2].got()
	})
}

// A lower total closes idle resources, the least recently used first, and then
// those in use at their release. No key is favoured.
func TestLowerTotalClosesIdleResourcesAndOthersAtTheirRelease(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, config{MaxOpen: 5})
		used := r.acquireAll("a", "b", "c")
		for _, key := range []string{"d", "e"} {
			r.acquire(key).release()
			pass(time.Second)
		}
		r.setTotals(keyed.Totals{MaxOpen: 4})
		assert.Equal(t, []string{"a", "b", "c", "e"}, r.keys())
		r.setTotals(keyed.Totals{MaxOpen: 2})
		assert.Equal(t, []string{"a", "b", "c"}, r.keys())
		waiting := r.acquire("f")
		used[0].release()
		waiting.waits()
		assert.Equal(t, []string{"b", "c", "f"}, r.keys())
		used[1].release()
		waiting.got()
		assert.Equal(t, []string{"c", "f"}, r.keys())
	})
}

func TestLowerTotalOfIdleClosesTheLeastRecentlyUsed(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, config{})
		for _, key := range []string{"a", "b", "c"} {
			r.acquire(key).release()
			pass(time.Second)
		}
		r.acquire("a").release()
		r.setTotals(keyed.Totals{MaxIdle: 2})
		assert.Equal(t, []string{"a", "c"}, r.keys())
		assert.EqualValues(t, 1, r.Stats().Closes.Of(pool.ReasonIdleLimit))
	})
}

func TestHigherTotalOfDialsStartsTheNextAtOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, config{MaxDials: 1})
		r.acquireAll("a", "b", "c")
		assert.Equal(t, []string{"a"}, r.started())
		r.setTotals(keyed.Totals{MaxDials: 2})
		assert.Equal(t, []string{"a", "b"}, r.started())
		r.setTotals(keyed.Totals{MaxDials: 1})
		r.dial(1).ok()
		assert.Len(t, r.started(), 2, "one is still in flight")
		r.dial(2).ok()
		assert.Equal(t, []string{"a", "b", "c"}, r.started())
		r.dial(3).ok()
	})
}

func TestTotalOfWaitersHoldsForThoseWhoComeLater(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, config{MaxOpen: 1})
		c := r.acquire("a")
		first, second := r.acquire("b"), r.acquire("c")
		r.setTotals(keyed.Totals{MaxOpen: 1, MaxWaiters: 1})
		assert.ErrorIs(t, r.acquire("d").failed(), pool.ErrWaitLimit)
		c.discard()
		first.got()
		second.waits()
		first.discard()
		second.got()
	})
}

// A limit that comes later counts all who wait by then, also those of a key in which
// nothing happens but that callers queue and are served.
func TestTotalOfWaitersCountsThoseOfASteadyKey(t *testing.T) {
	for _, served := range []int{0, 1, 2} {
		bubble(t, func(t *testing.T) {
			const callers = 4
			r := newRig(t, config{MaxOpenPerKey: 1})
			holder := r.acquire("a")
			var waiting []*call
			for range callers {
				waiting = append(waiting, r.acquire("a"))
			}
			other := r.acquire("b")
			for range served {
				holder.release()
				holder, waiting = waiting[0], waiting[1:]
				holder.got()
			}
			r.setTotals(keyed.Totals{MaxWaiters: callers - served + 1})
			last := r.acquire("b")
			last.waits()
			assert.ErrorIs(t, r.acquire("b").failed(), pool.ErrWaitLimit)
			other.release()
			last.got()
			last.release()
			for _, c := range waiting {
				holder.release()
				c.got()
				holder = c
			}
			holder.release()
		})
	}
}

// Changes of the totals beside traffic lose nobody: in the end all are served.
func TestTotalsMayChangeUnderTraffic(t *testing.T) {
	bubble(t, func(t *testing.T) {
		const rounds = 300
		r := newRig(t, config{MaxIdleTime: 5 * time.Millisecond})
		done := make(chan struct{})
		for _, key := range []string{"a", "b", "c", "d", "a", "b"} {
			go func() {
				defer func() { done <- struct{}{} }()
				for range rounds {
					if l, err := r.Acquire(t.Context(), key); assert.NoError(t, err) {
						<-time.After(time.Millisecond)
						l.Release()
					}
				}
			}()
		}
		for i, left := 0, 6; left > 0; i++ {
			select {
			case <-done:
				left--
			case <-time.After(3 * time.Millisecond):
				require.NoError(t, r.SetTotals(keyed.Totals{MaxOpen: 1 + i%5, MaxIdle: 1 + i%3, MaxDials: 1 + i%2}))
			}
		}
		assert.EqualValues(t, 6*rounds, r.Stats().Acquires)
	})
}
