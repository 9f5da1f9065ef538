package keyed_test

import (
	"sync"
	"testing"
	"time"

	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What forgotten keys have counted stays in the sum, histograms included.
func TestStatsKeepWhatForgottenKeysHaveCounted(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, config{MaxIdlePerKey: -1, MaxOpen: 7})
		for i, key := range []string{"a", "b", "c", "a"} {
			c := r.acquire(key)
			pass(time.Duration(i+1) * time.Second)
			c.release()
			require.Empty(t, r.keys(), "nothing of it is left (I12)")
			_, ok := r.StatsFor(key)
			assert.False(t, ok)
		}
		here := r.acquire("here")
		s := r.Stats()
		assert.Equal(t, pool.Limits{MaxOpen: 7}, s.Limits, "those over all keys")
		assert.EqualValues(t, 5, s.Acquires)
		assert.EqualValues(t, 5, s.Waits)
		assert.EqualValues(t, 5, s.Dials)
		assert.EqualValues(t, 4, s.Closes.Of(pool.ReasonIdleLimit))
		assert.EqualValues(t, 5, s.WaitTimes.Count())
		assert.EqualValues(t, 5, s.DialTimes.Count())
		assert.EqualValues(t, 4, s.LeaseTimes.Count())
		assert.Equal(t, 10*time.Second, s.LeaseTimes.Sum)
		assert.Equal(t, []int{1, 1, 1}, []int{s.Open, s.InUse, s.Leases})
		here.release()
	})
}

// The sum is that of the keys in use and those forgotten, number by number.
func TestStatsAreTheSumOverKeys(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, config{})
		for n, key := range []string{"a", "b", "c"} {
			for range n + 1 {
				r.acquire(key)
			}
			r.acquire(key).release()
		}
		var sum pool.Stats
		for _, s := range r.All() {
			sum = sum.Add(s)
		}
		s := r.Stats()
		sum.Limits = s.Limits
		assert.Equal(t, s, sum)
		assert.Equal(t, 6, s.Leases)
		one, ok := r.StatsFor("b")
		require.True(t, ok)
		assert.Equal(t, 2, one.Leases)
		assert.Equal(t, 1, one.Idle)
	})
}

// A hook hears which key it is about.
func TestHooksNameTheKey(t *testing.T) {
	bubble(t, func(t *testing.T) {
		keys := map[string][]any{}
		var mu sync.Mutex
		note := func(hook string, key any) {
			mu.Lock()
			defer mu.Unlock()
			keys[hook] = append(keys[hook], key)
		}
		r := newManual(t, config{MaxIdlePerKey: -1, LeakAfter: time.Minute, Hooks: &pool.Hooks{
			Acquired:    func(e pool.AcquiredEvent) { note("Acquired", e.Key) },
			WaitStarted: func(e pool.WaitEvent) { note("WaitStarted", e.Key) },
			WaitEnded:   func(e pool.WaitEvent) { note("WaitEnded", e.Key) },
			Released:    func(e pool.ReleasedEvent) { note("Released", e.Key) },
			Dialed:      func(e pool.DialEvent) { note("Dialed", e.Key) },
			DialFailed:  func(e pool.DialEvent) { note("DialFailed", e.Key) },
			Evicted:     func(e pool.EvictedEvent) { note("Evicted", e.Key) },
			Leak:        func(e pool.LeakEvent) { note("Leak", e.Key) },
		}})
		a := r.acquire("a")
		r.dial(1).fail()
		_ = a.failed()
		b := r.acquire("b")
		r.dial(2).ok()
		b.got()
		pass(time.Minute)
		b.release()
		assert.Equal(t, map[string][]any{
			"WaitStarted": {"a", "b"}, "WaitEnded": {"a", "b"}, "DialFailed": {"a"}, "Dialed": {"b"},
			"Acquired": {"b"}, "Leak": {"b"}, "Released": {"b"}, "Evicted": {"b"},
		}, keys)
	})
}

// A wait that failed for want of a slot of all keys says so, and names its key.
func TestWaitErrorTellsOfTheTotalThatIsUsedUp(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, config{MaxOpen: 2, WaitTimeout: time.Second})
		for _, c := range r.acquireAll("a", "b") {
			c.got()
		}
		c := r.acquire("c")
		pass(time.Second)
		assert.EqualError(t, c.failed(), "pool: gave up on key c after waiting 1s for total at place 1, 0 open, 0 in use, 0 dialing, 0 closing, "+
			"0 still waiting, all 2 slots of the total are taken: pool: WaitTimeout passed")
	})
}

// Request.Low holds across keys: a low caller lets later ones of other keys
// have the next slot, and is not starved by them.
func TestLowLaneHoldsAcrossKeys(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, config{MaxOpen: 1, LowLag: 3})
		holder := r.acquire("x")
		low := r.acquireWith("low", pool.Request{Low: true})
		passed := 0
		queue := []*call{r.acquire("k"), r.acquire("k")}
		for {
			holder.release()
			if low.ended() {
				break
			}
			passed++
			require.Less(t, passed, 3)
			queue[0].got()
			holder, queue = queue[0], append(queue[1:], r.acquire("k"))
		}
		low.got()
		assert.Positive(t, passed)
		low.release()
		for _, c := range queue {
			c.got()
			c.release()
		}
	})
}

// Stats of a pool that has been shut down are its last.
func TestStatsOutliveShutdown(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, config{})
		r.acquire("a").release()
		require.NoError(t, r.Shutdown(t.Context()))
		s := r.Stats()
		assert.EqualValues(t, 1, s.Dials)
		assert.EqualValues(t, 1, s.Closes.Of(pool.ReasonClosed))
		_, err := r.Acquire(t.Context(), "a")
		assert.ErrorIs(t, err, pool.ErrClosed)
		assert.Equal(t, s, r.Stats())
	})
}
