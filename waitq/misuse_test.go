package waitq_test

import (
	"testing"

	"github.com/berth-go/berth/waitq"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSecondWaitPanics(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var q waitq.Queue[int]
		delivered, failed, canceled := q.Enqueue(t.Context()), q.Enqueue(t.Context()), q.Enqueue(t.Context())
		dead := q.Enqueue(doneContext())
		require.True(t, q.Deliver(1))
		require.True(t, q.Fail(errFull))
		require.True(t, canceled.Cancel())
		for _, w := range []waitq.Waiter[int]{delivered, failed, dead} {
			_, _ = w.Wait()
		}
		for _, w := range []waitq.Waiter[int]{delivered, failed, dead, canceled} {
			assert.Panics(t, func() { _, _ = w.Wait() })
		}
	})
}

// All waiters here have the same node, one after the other: each leaves it free
// for the next.
func TestSpentWaiterCannotTouchTheNextOneInItsNode(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var q waitq.Queue[int]
		waited := q.Enqueue(t.Context())
		require.True(t, q.Deliver(1))
		assertGets(t, 1, waited)
		left := q.Enqueue(t.Context())
		require.True(t, left.Cancel())
		present := q.Enqueue(t.Context())

		for _, spent := range []waitq.Waiter[int]{waited, left} {
			assert.False(t, spent.Cancel())
			assert.Panics(t, func() { _, _ = spent.Wait() })
		}
		assert.Equal(t, 1, q.Len())
		require.True(t, q.Deliver(2))
		for _, spent := range []waitq.Waiter[int]{waited, left} {
			assert.False(t, spent.Cancel())
		}
		assertGets(t, 2, present)
	})
}

func TestZeroWaiterIsSpent(t *testing.T) {
	var w waitq.Waiter[int]
	assert.False(t, w.Cancel())
	assert.Panics(t, func() { _, _ = w.Wait() })
}

func TestEnqueueWithoutAContextPanicsAndLeavesTheQueueAsItWas(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var q waitq.Queue[int]
		w := q.Enqueue(t.Context())
		assert.Panics(t, func() { q.Enqueue(nil) })         //nolint:staticcheck // the mistake is what is tested
		assert.Panics(t, func() { q.EnqueueAt(nil, 1, 0) }) //nolint:staticcheck // the mistake is what is tested
		assert.Equal(t, 1, q.Len())
		require.True(t, q.Deliver(1))
		assertGets(t, 1, w)
	})
}

func TestFailWithoutAnErrorPanicsAndLeavesTheQueueAsItWas(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var q waitq.Queue[int]
		w := q.Enqueue(t.Context())
		assert.Panics(t, func() { q.Fail(nil) })
		assert.Panics(t, func() { q.FailTo(nil, nil) })
		assert.Panics(t, func() { q.FailSome(1, nil, nil) })
		assert.Panics(t, func() { q.FailAll(nil) })
		require.True(t, q.Deliver(1))
		assertGets(t, 1, w)
	})
}

func TestPanicInACallbackReachesTheCallerAndLeavesTheQueueAsItWas(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var q waitq.Queue[int]
		w := q.Enqueue(t.Context())
		assert.PanicsWithValue(t, "boom", func() { q.DeliverTo(1, boom) })
		assert.PanicsWithValue(t, "boom", func() { q.FailTo(errFull, boom) })
		assert.PanicsWithValue(t, "boom", func() { q.FailSome(1, errFull, boom) })
		assert.PanicsWithValue(t, "boom", func() { q.Each(boom) })
		require.True(t, q.Deliver(2))
		assertGets(t, 2, w)
	})
}

func TestPanicInFailSomeEndsTheWaitsOfThoseBefore(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var q waitq.Queue[int]
		first, second := q.EnqueueAt(t.Context(), 1, 0), q.EnqueueAt(t.Context(), 2, 1)
		assert.PanicsWithValue(t, "boom", func() {
			q.FailSome(2, errFull, func(e waitq.Entry) bool { return e.Tag == 0 || boom(e) })
		})
		assertFails(t, errFull, first)
		require.True(t, q.Deliver(1))
		assertGets(t, 1, second)
	})
}

func boom(waitq.Entry) bool { panic("boom") }
