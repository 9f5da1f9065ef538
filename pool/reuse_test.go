package pool_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// cycle acquires and releases n times, a second apart, and returns the things it
// was given.
func (r *rig) cycle(n int) []int {
	var got []int
	for range n {
		c := r.acquire()
		got = append(got, c.got().n)
		c.release()
		pass(time.Second)
	}
	return got
}

// The default keeps one resource busy and lets the surplus of a burst idle out.
func TestReuseNewestLetsTheSurplusIdleOut(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, pool.Config[*thing]{MaxIdleTime: 10 * time.Second})
		require.NoError(t, r.Warm(t.Context(), 3))
		got := r.cycle(20)
		for _, n := range got {
			assert.Equal(t, got[0], n)
		}
		s := r.Stats()
		assert.Equal(t, 1, s.Idle)
		assert.EqualValues(t, 2, s.Closes.Of(pool.ReasonIdleTime))
	})
}

// The other order uses all alike: none of them idles out, and none is worn more
// than the rest.
func TestReuseOldestUsesAllAlike(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, pool.Config[*thing]{MaxIdleTime: 10 * time.Second, Reuse: pool.ReuseOldest})
		require.NoError(t, r.Warm(t.Context(), 3))
		got := r.cycle(21)
		assert.ElementsMatch(t, []int{1, 2, 3}, got[:3])
		for i := 3; i < len(got); i++ {
			assert.Equal(t, got[i-3], got[i])
		}
		assert.Equal(t, 3, r.Stats().Idle)
	})
}

// Waiters are served in their order, whatever the order of the resources.
func TestReuseOldestStillHandsWhatIsReleasedToTheOldestWaiter(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, pool.Config[*thing]{MaxOpen: 2, Reuse: pool.ReuseOldest})
		first, second := r.acquire(), r.acquire()
		third, fourth := r.acquire(), r.acquire()
		second.release()
		first.release()
		assert.Equal(t, 2, third.got().n)
		assert.Equal(t, 1, fourth.got().n)
	})
}

// fill opens n shareable resources and returns as many leases of each as wanted
// says.
func (r *rig) fill(wanted ...int) [][]*call {
	r.t.Helper()
	for n := range len(wanted) { // one after the other, so that thing n is the n-th oldest
		require.NoError(r.t, r.Warm(r.t.Context(), n+1))
	}
	leases := make([][]*call, len(wanted))
	var spare []*call
	for range len(wanted) * r.capacity {
		c := r.acquire()
		i := c.got().n - 1
		if len(leases[i]) < wanted[i] {
			leases[i] = append(leases[i], c)
		} else {
			spare = append(spare, c)
		}
	}
	for _, c := range spare {
		c.release()
	}
	return leases
}

func TestShareableResourcesAreFilledOldestFirst(t *testing.T) {
	for name, reuse := range map[string]pool.Reuse{"newest": pool.ReuseNewest, "oldest": pool.ReuseOldest} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				cfg := shareable()
				cfg.Reuse = reuse
				r := newRig(t, cfg)
				r.capacity = 4
				leases := r.fill(2, 1, 0)
				assert.Equal(t, 1, r.acquire().got().n)
				assert.Equal(t, 1, r.acquire().got().n)
				assert.Equal(t, 2, r.acquire().got().n)
				leases[0][0].release()
				assert.Equal(t, 1, r.acquire().got().n)
			})
		})
	}
}

func TestReuseLeastLoadedSpreadsLeasesEvenly(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg := shareable()
		cfg.Reuse = pool.ReuseLeastLoaded
		r := newRig(t, cfg)
		r.capacity = 4
		r.fill(3, 1, 2)
		for _, want := range []int{2, 2, 3, 1, 2, 3} {
			assert.Equal(t, want, r.acquire().got().n, "the one with the fewest leases, of equals the oldest")
		}
	})
}

// What is full or drains is passed over, however few leases it has.
func TestReuseLeastLoadedPassesOverWhatHasNoRoom(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg := shareable()
		cfg.Reuse = pool.ReuseLeastLoaded
		r := newRig(t, cfg)
		r.capacity = 4
		r.fill(1, 2, 3)
		r.things[0].set(1)
		synctest.Wait() // the pool has looked
		r.Retire(func(x *thing) bool { return x.n == 2 })
		assert.Equal(t, 3, r.acquire().got().n)
	})
}

func TestReuseLeastLoadedHandsOutExclusiveResourcesLastUsedFirst(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, pool.Config[*thing]{Reuse: pool.ReuseLeastLoaded})
		first, second := r.acquire(), r.acquire()
		second.release()
		first.release()
		assert.Equal(t, 1, r.acquire().got().n)
	})
}
