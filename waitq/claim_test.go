package waitq_test

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/berth-go/berth/waitq"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Between Claim and Give the waiter sleeps on, and nothing but Give ends that: its
// value is on the way, whatever becomes of its context.
func TestClaimedWaiterSleepsUntilItIsGiven(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var q waitq.Queue[int]
		ctx, cancel := context.WithCancel(t.Context())
		ended := waitAside(q.Enqueue(ctx))
		c, ok := q.Claim(nil)
		require.True(t, ok)
		assert.Zero(t, q.Len())
		_, again := q.Claim(nil)
		assert.False(t, again)
		cancel()
		synctest.Wait()
		require.Empty(t, ended)
		c.Give(7)
		assert.Equal(t, outcome{value: 7}, <-ended)
	})
}

func TestClaimTakesTheOldestLiveOneThatIsAccepted(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var q waitq.Queue[int]
		dead, refused := q.EnqueueAt(doneContext(), 1, 1), q.EnqueueAt(t.Context(), 2, 2)
		wanted, late := q.EnqueueAt(t.Context(), 3, 1), q.EnqueueAt(t.Context(), 4, 1)
		c, ok := q.Claim(func(e waitq.Entry) bool { return e.Tag == 1 })
		require.True(t, ok)
		assert.Equal(t, waitq.Entry{Ctx: t.Context(), Place: 3, Tag: 1}, c.Entry())
		assert.Equal(t, []uint64{2, 4}, places(&q))
		c.Give(7)
		assertGets(t, 7, wanted)
		assertFails(t, context.Canceled, dead)
		assert.True(t, refused.Cancel())
		assert.True(t, late.Cancel())
	})
}

// All waiters here have the same node, one after the other.
func TestGiveOfASpentClaimPanics(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var q waitq.Queue[int]
		assert.Panics(t, func() { waitq.Claim[int]{}.Give(1) })

		w := q.Enqueue(t.Context())
		c, ok := q.Claim(nil)
		require.True(t, ok)
		c.Give(1)
		assert.Panics(t, func() { c.Give(2) }, "it has not been received yet")
		assertGets(t, 1, w)
		assert.Panics(t, func() { c.Give(2) })
		next := q.Enqueue(t.Context())
		assert.Panics(t, func() { c.Give(2) }, "another one waits there")
		other, ok := q.Claim(nil)
		require.True(t, ok)
		assert.Panics(t, func() { c.Give(2) }, "which has been claimed")
		other.Give(3)
		assertGets(t, 3, next)
	})
}
