package waitq_test

import (
	"context"
	"errors"
	"testing"

	"github.com/berth-go/berth/waitq"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var (
	errFull   = errors.New("full")
	errClosed = errors.New("closed")
)

func TestWaitersAreServedInOrderOfArrival(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var q waitq.Queue[int]
		const n = 100
		var waiters []waitq.Waiter[int]
		for range n {
			waiters = append(waiters, q.Enqueue(t.Context()))
		}
		for i := range n {
			require.True(t, q.Deliver(i))
		}
		for i, w := range waiters {
			assertGets(t, i, w)
		}
	})
}

func TestWaitersAreServedInOrderAlsoWhenTheySleep(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var q waitq.Queue[int]
		first, second := waitAside(q.Enqueue(t.Context())), waitAside(q.Enqueue(t.Context()))

		require.True(t, q.Deliver(1))
		assert.Equal(t, outcome{value: 1}, <-first)
		assert.Empty(t, second, "the second has nothing yet")
		require.True(t, q.Deliver(2))
		assert.Equal(t, outcome{value: 2}, <-second)
	})
}

func TestDeliveryBeforeTheReceiverWaitsIsNotLost(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var q waitq.Queue[int]
		w := q.Enqueue(t.Context())
		require.True(t, q.Deliver(7), "the giver does not need the receiver to be there")
		assert.Zero(t, q.Len(), "and the wait is over for everybody else")
		assert.False(t, q.Deliver(8))
		assertGets(t, 7, w)
	})
}

func TestDeliverWithoutWaitersLeavesTheValueWithTheGiver(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var q waitq.Queue[int]
		assert.False(t, q.Deliver(1))

		// Nothing was stored: who comes now waits for the next value.
		w := q.Enqueue(t.Context())
		require.True(t, q.Deliver(2))
		assertGets(t, 2, w)
	})
}

func TestFailEndsTheOldestWait(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var q waitq.Queue[int]
		assert.False(t, q.Fail(errFull), "nobody waits")
		first, second := q.Enqueue(t.Context()), q.Enqueue(t.Context())

		require.True(t, q.Fail(errFull))
		v, err := first.Wait()
		assert.Equal(t, errFull, err, "the error comes as it was given")
		assert.Zero(t, v)

		require.True(t, q.Deliver(2))
		assertGets(t, 2, second)
	})
}

func TestFailAllEndsEveryLiveWait(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var q waitq.Queue[int]
		assert.Zero(t, q.FailAll(errClosed), "nobody waits")

		served, dead := q.Enqueue(t.Context()), q.Enqueue(doneContext())
		require.True(t, q.Deliver(1))
		late, asleep := q.Enqueue(t.Context()), waitAside(q.Enqueue(t.Context()))

		assert.Equal(t, 2, q.FailAll(errClosed), "neither the served nor the dead one")
		assert.Zero(t, q.Len())
		assert.Equal(t, outcome{err: errClosed}, <-asleep)
		assertFails(t, errClosed, late)
		assertFails(t, context.Canceled, dead)
		assertGets(t, 1, served)

		after := q.Enqueue(t.Context())
		require.True(t, q.Deliver(3), "the queue is as good as new")
		assertGets(t, 3, after)
	})
}

func TestLenCountsTheWaitersThatHaveNotEnded(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var q waitq.Queue[int]
		var waiters []waitq.Waiter[int]
		for i := range 5 {
			assert.Equal(t, i, q.Len())
			waiters = append(waiters, q.Enqueue(t.Context()))
		}
		require.True(t, q.Deliver(0))
		assert.Equal(t, 4, q.Len(), "a delivery counts at once")
		require.True(t, q.Fail(errFull))
		assert.Equal(t, 3, q.Len(), "so does a failure")
		require.True(t, waiters[3].Cancel())
		assert.Equal(t, 2, q.Len(), "and a cancel")
		assertGets(t, 0, waiters[0])
		assertFails(t, errFull, waiters[1])
		assert.Equal(t, 2, q.Len(), "to receive changes nothing")
		assert.Equal(t, 2, q.FailAll(errClosed))
		assert.Zero(t, q.Len())
	})
}

func TestFrontIsTheOldestLiveWaiter(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var q waitq.Queue[int]
		_, ok := q.Front()
		assert.False(t, ok)

		type key struct{}
		ctx := context.WithValue(t.Context(), key{}, "mine")
		q.Enqueue(doneContext())
		q.EnqueueAt(ctx, 10, 77)
		q.Enqueue(t.Context())

		front, ok := q.Front()
		require.True(t, ok)
		assert.Equal(t, "mine", front.Ctx.Value(key{}))
		assert.Equal(t, uint64(10), front.Place)
		assert.Equal(t, uint64(77), front.Tag)
		assert.Equal(t, 2, q.Len(), "the dead one before it is gone")
	})
}

func TestEachGoesFromOldToNewUntilToldToStop(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var q waitq.Queue[int]
		for range 3 {
			q.Enqueue(t.Context())
		}
		q.Enqueue(doneContext())
		q.Enqueue(t.Context())
		assert.Equal(t, []uint64{1, 2, 3, 5}, places(&q))

		var seen []uint64
		q.Each(func(e waitq.Entry) bool {
			seen = append(seen, e.Place)
			return len(seen) < 2
		})
		assert.Equal(t, []uint64{1, 2}, seen)
	})
}

func TestLenMayBeReadInsideAnyCallback(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var q waitq.Queue[int]
		w := q.Enqueue(t.Context())
		q.Each(func(waitq.Entry) bool {
			assert.Equal(t, 1, q.Len())
			return true
		})
		require.True(t, q.DeliverTo(1, func(waitq.Entry) bool { return q.Len() == 1 }))
		assertGets(t, 1, w)
	})
}

func TestFailSomeAsksEachOnceAndReturnsThoseItFailed(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var q waitq.Queue[int]
		gone, leave := context.WithCancel(t.Context())
		ctxs := []context.Context{t.Context(), t.Context(), gone, t.Context(), t.Context(), t.Context()}
		var waiters []waitq.Waiter[int]
		for i, ctx := range ctxs {
			waiters = append(waiters, q.EnqueueAt(ctx, uint64(i), uint64(i)))
		}
		leave()
		var asked []uint64
		failed := q.FailSome(2, errFull, func(e waitq.Entry) bool {
			asked = append(asked, e.Tag)
			return e.Tag > 0
		})
		assert.Equal(t, []uint64{0, 1, 3}, asked)
		assert.Equal(t, []waitq.Entry{{Ctx: t.Context(), Place: 1, Tag: 1}, {Ctx: t.Context(), Place: 3, Tag: 3}}, failed)
		assertFails(t, errFull, waiters[1])
		assertFails(t, errFull, waiters[3])

		assert.Empty(t, q.FailSome(0, errFull, nil))
		assert.Equal(t, 3, q.Len())
		assert.Len(t, q.FailSome(9, errClosed, nil), 3, "or all there are")
		for _, i := range []int{0, 4, 5} {
			assertFails(t, errClosed, waiters[i])
		}
		assert.Empty(t, q.FailSome(1, errClosed, nil))
		assertFails(t, context.Canceled, waiters[2])
	})
}
