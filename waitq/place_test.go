package waitq_test

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/berth-go/berth/waitq"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestEnqueueAtPutsTheWaiterBackInItsPlace(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var q waitq.Queue[int]
		first, second, third := q.Enqueue(t.Context()), q.Enqueue(t.Context()), q.Enqueue(t.Context())
		front, _ := q.Front()
		require.True(t, q.Deliver(1))
		assertGets(t, 1, first)

		// The first got something useless and comes back.
		again := q.EnqueueAt(t.Context(), front.Place, 0)
		for i := range 3 {
			require.True(t, q.Deliver(10+i))
		}
		assertGets(t, 10, again)
		assertGets(t, 11, second)
		assertGets(t, 12, third)
	})
}

func TestEqualPlacesAreServedInOrderOfArrival(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var q waitq.Queue[int]
		newer := q.EnqueueAt(t.Context(), 9, 0)
		var same []waitq.Waiter[int]
		for range 5 {
			same = append(same, q.EnqueueAt(t.Context(), 5, 0))
		}
		older := q.EnqueueAt(t.Context(), 4, 0)

		for i := range 7 {
			require.True(t, q.Deliver(i))
		}
		assertGets(t, 0, older)
		for i, w := range same {
			assertGets(t, 1+i, w)
		}
		assertGets(t, 6, newer)
	})
}

func TestAnyOrderOfPlacesIsSorted(t *testing.T) {
	bubble(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(1, 2)) // fixed: a failure must come again
		for n := range 40 {
			var q waitq.Queue[int]
			var want []uint64
			for range n {
				place := rng.Uint64N(20)
				want = append(want, place)
				q.EnqueueAt(t.Context(), place, 0)
			}
			slices.Sort(want)
			require.Equal(t, want, places(&q))
		}
	})
}

func TestEnqueueStandsBehindEveryPlaceGivenBefore(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var q waitq.Queue[int]
		q.EnqueueAt(t.Context(), 100, 0)
		q.EnqueueAt(t.Context(), 3, 0)
		q.Enqueue(t.Context())
		assert.Equal(t, []uint64{3, 100, 101}, places(&q))

		assert.Equal(t, 3, q.FailAll(errFull))
		q.Enqueue(t.Context())
		assert.Equal(t, []uint64{102}, places(&q), "also behind those who have left")
	})
}

func TestEnqueueBehindTheLargestPlaceStandsBehindIt(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var q waitq.Queue[int]
		last := q.EnqueueAt(t.Context(), math.MaxUint64, 0)
		behind := q.Enqueue(t.Context())
		require.True(t, q.Deliver(1))
		require.True(t, q.Deliver(2))
		assertGets(t, 1, last)
		assertGets(t, 2, behind)
	})
}

func TestDeliverToPassesOverThoseWhoCannotUseTheValue(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var q waitq.Queue[int]
		const any, fresh = 0, 1
		wantsFresh := q.EnqueueAt(t.Context(), 1, fresh)
		wantsAny := q.EnqueueAt(t.Context(), 2, any)

		var asked []uint64
		used := func(e waitq.Entry) bool {
			asked = append(asked, e.Place)
			return e.Tag == any
		}
		require.True(t, q.DeliverTo(20, used))
		assert.Equal(t, []uint64{1, 2}, asked, "oldest first, and nobody twice")
		assert.False(t, q.DeliverTo(21, used), "the value stays with the giver")
		assertGets(t, 20, wantsAny)

		require.True(t, q.Deliver(10), "who was passed over still stands at the front")
		assertGets(t, 10, wantsFresh)
	})
}

func TestDeliverToDoesNotAskAboutTheDead(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var q waitq.Queue[int]
		q.EnqueueAt(doneContext(), 1, 0)
		require.True(t, q.EnqueueAt(t.Context(), 2, 0).Cancel())
		alive := q.EnqueueAt(t.Context(), 3, 0)

		require.True(t, q.DeliverTo(5, func(e waitq.Entry) bool {
			return assert.Equal(t, uint64(3), e.Place)
		}))
		assertGets(t, 5, alive)
	})
}

func TestFailToFailsTheOldestItAccepts(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var q waitq.Queue[int]
		first := q.EnqueueAt(t.Context(), 1, 8)
		second := q.EnqueueAt(t.Context(), 2, 9)
		third := q.EnqueueAt(t.Context(), 3, 9)
		nine := func(e waitq.Entry) bool { return e.Tag == 9 }

		require.True(t, q.FailTo(errFull, nine))
		assertFails(t, errFull, second)
		require.True(t, q.FailTo(errClosed, nine))
		assertFails(t, errClosed, third)
		assert.False(t, q.FailTo(errFull, nine))
		require.True(t, q.Deliver(1))
		assertGets(t, 1, first)
	})
}

// Behind a place stand those with a larger one who still wait.
func TestBehindCountsWhoWaitsBehindAPlace(t *testing.T) {
	var q waitq.Queue[int]
	assert.Zero(t, q.Behind(0))
	ctx, cancel := context.WithCancel(t.Context())
	var waiters []waitq.Waiter[int]
	for _, place := range []uint64{3, 5, 5, 9, 7} {
		c := t.Context()
		if place == 7 {
			c = ctx
		}
		waiters = append(waiters, q.EnqueueAt(c, place, 0))
	}
	for place, want := range map[uint64]int{0: 5, 2: 5, 3: 4, 4: 4, 5: 2, 8: 1, 9: 0, math.MaxUint64: 0} {
		assert.Equal(t, want, q.Behind(place), place)
	}
	cancel()
	waiters[4].Cancel()
	assert.Equal(t, 1, q.Behind(5), "one has given up")
	require.True(t, q.Deliver(1))
	assert.Equal(t, 3, q.Behind(0))
	_, err := waiters[0].Wait()
	require.NoError(t, err)
	for _, w := range waiters[1:4] {
		w.Cancel()
	}
}
