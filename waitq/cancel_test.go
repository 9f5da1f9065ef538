package waitq_test

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/berth-go/berth/waitq"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestContextEndsASleepingWait(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var q waitq.Queue[int]
		ctx, cancel := context.WithCancel(t.Context())
		ended := waitAside(q.Enqueue(ctx))
		synctest.Wait() // now it sleeps
		cancel()
		assert.Equal(t, outcome{err: context.Canceled}, <-ended)
		assert.Zero(t, q.Len())
		assert.False(t, q.Deliver(1), "the value stays with the giver")
	})
}

func TestNothingIsDeliveredToAContextThatWasDoneBefore(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var q waitq.Queue[int]
		ctx, cancel := context.WithCancel(t.Context())
		dead, alive := q.Enqueue(ctx), q.Enqueue(t.Context())
		cancel() // and its waiter has not noticed

		require.True(t, q.Deliver(1))
		assertGets(t, 1, alive)
		assert.Zero(t, q.Len(), "the dead one is out of the count too")
		assert.False(t, q.Deliver(2))
		assertFails(t, context.Canceled, dead)
	})
}

func TestEnqueueWithADoneContextGetsNothing(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var q waitq.Queue[int]
		w := q.Enqueue(doneContext())
		assert.False(t, q.Deliver(1))
		assert.False(t, q.Fail(errFull))
		assertFails(t, context.Canceled, w)
	})
}

func TestCancelAfterDeliveryDoesNotTakeTheValueAway(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var q waitq.Queue[int]
		ctx, cancel := context.WithCancel(t.Context())
		w := q.Enqueue(ctx)
		require.True(t, q.Deliver(1))
		cancel()
		assertGets(t, 1, w)
	})
}

// The waiter sleeps, its context ends, and before it has run the giver decides. So
// it wakes up for the context and finds that it has lost. A waiter that did not
// receive then would leave its signal in the node for the next one to use it,
// who would wake up to nothing. Now and then the waiter is faster and wins.
func TestLoserOfTheRaceReceives(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var q waitq.Queue[int]
		lost := 0
		for i := range 200 {
			ctx, cancel := context.WithCancel(t.Context())
			ended := waitAside(q.Enqueue(ctx))
			synctest.Wait()
			if q.DeliverTo(i, func(waitq.Entry) bool { cancel(); return true }) {
				lost++
				require.Equal(t, outcome{value: i}, <-ended)
			} else {
				require.Equal(t, outcome{err: context.Canceled}, <-ended)
			}

			next := waitAside(q.Enqueue(t.Context()))
			synctest.Wait()
			require.Empty(t, next, "nothing was delivered to the next waiter yet")
			require.True(t, q.Deliver(-i))
			require.Equal(t, outcome{value: -i}, <-next)
		}
		assert.NotZero(t, lost, "else nothing was tested")
	})
}

// The next three hold the window open between the giver's look at the context
// and its decision: accept runs there.

func TestContextThatEndsDuringADeliveryCanStillLose(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var q waitq.Queue[int]
		ctx, cancel := context.WithCancel(t.Context())
		w := q.Enqueue(ctx)
		require.True(t, q.DeliverTo(1, func(waitq.Entry) bool {
			cancel() // the waiter is not in Wait: the giver decides first
			return true
		}))
		assertGets(t, 1, w)
	})
}

func TestContextThatWinsDuringADeliveryLeavesTheValueToTheNext(t *testing.T) {
	var q waitq.Queue[int]
	ctx, cancel := context.WithCancel(t.Context())
	ended := waitAside(q.Enqueue(ctx))
	next := q.Enqueue(t.Context())

	asked := 0
	require.True(t, q.DeliverTo(1, func(waitq.Entry) bool {
		asked++
		cancel()
		awaitLen(&q, 1) // the waiter has decided
		return true
	}))
	assert.Equal(t, 2, asked)
	assert.Equal(t, outcome{err: context.Canceled}, <-ended)
	assertGets(t, 1, next)
}

func TestCancelThatWinsDuringADeliveryLeavesTheValueWithTheGiver(t *testing.T) {
	var q waitq.Queue[int]
	w := q.Enqueue(t.Context())
	canceled := make(chan bool, 1)
	delivered := q.DeliverTo(1, func(waitq.Entry) bool {
		go func() { canceled <- w.Cancel() }()
		awaitLen(&q, 0)
		return true
	})
	assert.False(t, delivered)
	assert.True(t, <-canceled)
}

// awaitLen waits until n waiters have not ended. Len is all that may be called
// inside a callback, so there is nothing to sleep on.
func awaitLen(q *waitq.Queue[int], n int) {
	for q.Len() != n {
		runtime.Gosched()
	}
}

func TestCancelReportsWhetherNothingWasDelivered(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var q waitq.Queue[int]
		before := q.Enqueue(t.Context())
		assert.True(t, before.Cancel())
		assert.Zero(t, q.Len())
		assert.False(t, q.Deliver(1))

		after := q.Enqueue(t.Context())
		require.True(t, q.Deliver(2))
		assert.False(t, after.Cancel())
		assertGets(t, 2, after)

		failed := q.Enqueue(t.Context())
		require.True(t, q.Fail(errFull))
		assert.False(t, failed.Cancel())
		assertFails(t, errFull, failed)

		passedOver := q.Enqueue(doneContext())
		assert.False(t, q.Deliver(3))
		assert.True(t, passedOver.Cancel(), "a giver saw that it was dead, but that is no delivery")
	})
}

func TestWhoeverLeavesIsOutOfTheOrder(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var q waitq.Queue[int]
		for leaver := range 5 { // the front, the back and between
			var waiters []waitq.Waiter[int]
			for range 5 {
				waiters = append(waiters, q.Enqueue(t.Context()))
			}
			require.True(t, waiters[leaver].Cancel())
			waiters = append(waiters[:leaver], waiters[leaver+1:]...)
			waiters = append(waiters, q.Enqueue(t.Context())) // in the node of the one who left

			for i := range waiters {
				require.True(t, q.Deliver(i))
			}
			for i, w := range waiters {
				assertGets(t, i, w)
			}
			require.Zero(t, q.Len())
		}
	})
}

// tally is a context that counts how often it is asked for its error.
type tally struct {
	context.Context
	asked *int
}

func (c tally) Err() error {
	*c.asked++
	return c.Context.Err()
}

func TestDeadWaitersCostOneDeliveryOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		const dead = 10_000
		var q waitq.Queue[int]
		asked := 0
		ctx := tally{doneContext(), &asked}
		var gone, alive []waitq.Waiter[int]
		for range dead {
			gone = append(gone, q.Enqueue(ctx))
		}
		for range 100 {
			alive = append(alive, q.Enqueue(t.Context()))
		}

		require.True(t, q.Deliver(0))
		assert.Equal(t, dead, asked, "the first delivery finds them all")
		assert.Equal(t, 99, q.Len(), "and takes them out")
		for i := range 99 {
			require.True(t, q.Deliver(1+i))
		}
		assert.Equal(t, dead, asked, "the others never meet them")

		for i, w := range alive {
			assertGets(t, i, w)
		}
		for _, w := range gone {
			assertFails(t, context.Canceled, w)
		}
		assert.Zero(t, q.Len())
	})
}

func TestErrorOfACanceledWaitTellsTheCause(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var q waitq.Queue[int]
		errShutdown := errors.New("shutdown")
		ctx, cancel := context.WithCancelCause(t.Context())
		w := q.Enqueue(ctx)
		cancel(errShutdown)
		_, err := w.Wait()
		assert.ErrorIs(t, err, context.Canceled)
		assert.ErrorIs(t, err, errShutdown)
		assert.EqualError(t, err, "context canceled: shutdown")
	})
}

// asked is a context that counts how often it is asked for a value, which is how package
// context finds the one whose lock the cause is under.
type asked struct {
	context.Context
	times *int
}

func (c asked) Value(key any) any {
	*c.times++
	return c.Context.Value(key)
}

func TestAwaitDoesNotAskForTheCause(t *testing.T) {
	var q waitq.Queue[int]
	ctx, cancel := context.WithCancelCause(t.Context())
	own := asked{ctx, new(int)}
	w := q.Enqueue(own)
	cancel(errFull)
	v, ended, err := w.Await()
	assert.Zero(t, v)
	assert.Equal(t, own, ended)
	assert.Equal(t, context.Canceled, err)
	assert.Zero(t, *own.times)
	assert.ErrorIs(t, waitq.ContextError(ended), errFull)
}

func TestAwaitOfWhatIsDeliveredNamesNoContext(t *testing.T) {
	var q waitq.Queue[int]
	ctx, cancel := context.WithCancel(t.Context())
	w, other := q.Enqueue(ctx), q.Enqueue(ctx)
	require.True(t, q.Deliver(1))
	require.True(t, q.Fail(errFull))
	cancel()
	v, ended, err := w.Await()
	assert.Equal(t, 1, v)
	assert.NoError(t, err)
	assert.Nil(t, ended)
	_, ended, err = other.Await()
	assert.Equal(t, errFull, err)
	assert.Nil(t, ended)
}

// Those behind the oldest few, and those before the newest few, are found without a look at
// the others.
func TestEachBehindSkipsTheOldest(t *testing.T) {
	const n = 20
	for _, gone := range [][]int{{}, {0, 1, 2}, {17, 18, 19}, {3, 4, 9, 16}} {
		for skip := range n + 2 {
			var q waitq.Queue[int]
			ended, end := context.WithCancel(t.Context())
			var want, got []uint64
			for i := range n {
				if slices.Contains(gone, i) {
					q.EnqueueAt(ended, uint64(i), 0)
					continue
				}
				q.EnqueueAt(t.Context(), uint64(i), 0)
				want = append(want, uint64(i))
			}
			end()
			q.Each(func(waitq.Entry) bool { return true }) // it takes out who is gone
			want = want[min(skip, len(want)):]
			q.EachBehind(skip, func(e waitq.Entry) bool {
				got = append(got, e.Place)
				return true
			})
			assert.ElementsMatch(t, want, got, "without %v and the first %d", gone, skip)
		}
	}
	asked := 0
	var q waitq.Queue[int]
	for range 1000 {
		q.Enqueue(tally{t.Context(), &asked})
	}
	q.EachBehind(990, func(waitq.Entry) bool { return true })
	assert.Equal(t, 10, asked)
	q.EachBehind(10, func(waitq.Entry) bool { return false })
	assert.Equal(t, 21, asked)
}
