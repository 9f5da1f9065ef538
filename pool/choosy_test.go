package pool_test

import (
	"testing"

	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Of two who want a fresh resource, the second has a dial of its own where the first one's was
// canceled and has not returned, though an older dial has room for all who take any.
func TestCanceledDialIsOnItsWayToNobodyWhoWantsAFreshOne(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg := shareable()
		cfg.Shared, cfg.MaxIdle = 3, 1
		r := newManual(t, cfg)
		r.capacity = 3
		r.acquire()
		first := r.acquireFresh()
		r.dial(2).stubborn.Store(true)
		first.leave()
		require.NoError(t, r.SetLimits(pool.Limits{MaxIdle: -1}))
		require.True(t, r.dial(2).canceled())
		second := r.acquireFresh()
		r.dial(3).ok()
		assert.Equal(t, 1, second.got().n)
		r.dial(2).fail(errDial)
	})
}

// What a shareable resource without capacity promises counts once for those who want a fresh
// one: else the last of them would have no dial.
func TestWhatOpensPromisesOnceToWhoWantsAFreshOne(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg := shareable()
		cfg.Shared, cfg.MaxDials = 2, 1
		expect := 5
		cfg.Expect = func(*thing) int { return expect }
		r := newManual(t, cfg)
		r.capacity = 0
		r.acquire() // for others there is more than enough
		calls := []*call{r.acquireFresh(), r.acquireFresh()}
		r.dial(1).ok()
		assert.Equal(t, 2, r.started(), "one dial for both")
		expect = 1
		r.dial(2).ok()
		require.Equal(t, 3, r.started(), "and one more for the second")
		r.things[1].set(2)
		calls[0].got()
		r.dial(3).ok()
		r.things[2].set(1)
		assert.Equal(t, 3, calls[1].got().n)
	})
}

// A dial for one who wants a fresh resource may do for all: then the older one is canceled at
// once, and not at the next change.
func TestDialForAFreshOneMakesTheOlderOneSurplus(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg := shareable()
		cfg.Shared, cfg.MaxIdle = 3, -1
		r := newManual(t, cfg)
		r.capacity = 3
		first, fresh := r.acquire(), r.acquireFresh()
		assert.False(t, r.dial(2).canceled())
		assert.True(t, r.dial(1).canceled())
		r.dial(2).ok()
		assert.Same(t, first.got(), fresh.got())
	})
}
