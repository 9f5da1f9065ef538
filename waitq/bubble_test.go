package waitq_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/berth-go/berth/waitq"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// In a bubble time moves on only when all its goroutines sleep in a way that
// synctest knows. So these tests also show that a waiter sleeps in that way.

func TestWaitInABubbleLetsTimeMoveOn(t *testing.T) {
	var outside waitq.Queue[int] // the zero Queue belongs to the first bubble that uses it
	synctest.Test(t, func(t *testing.T) {
		var inside waitq.Queue[int]
		for _, q := range []*waitq.Queue[int]{&outside, &inside} {
			start := time.Now()
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			_, err := q.Enqueue(ctx).Wait()
			cancel()
			assert.ErrorIs(t, err, context.DeadlineExceeded)
			assert.Equal(t, time.Hour, time.Since(start))
		}
	})
}

func TestDeliveryInABubbleComesAtItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var q waitq.Queue[int]
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		start := time.Now()
		w := q.Enqueue(ctx)
		time.AfterFunc(time.Minute, func() { q.Deliver(1) })
		v, err := w.Wait()
		require.NoError(t, err)
		assert.Equal(t, 1, v)
		assert.Equal(t, time.Minute, time.Since(start))
	})
}

// Two bubbles at the same time, each with a queue: nothing is shared between
// queues that would tie one bubble to the other.
func TestQueuesInDifferentBubblesDoNotMeet(t *testing.T) {
	for range 2 {
		t.Run("bubble", func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var q waitq.Queue[int]
				for i := range 1_000 {
					ended := waitAside(q.Enqueue(t.Context()))
					synctest.Wait()
					require.True(t, q.Deliver(i))
					require.Equal(t, outcome{value: i}, <-ended)
				}
			})
		})
	}
}
