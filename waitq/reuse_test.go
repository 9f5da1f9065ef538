package waitq_test

import (
	"context"
	"runtime"
	"testing"
	"weak"

	"github.com/berth-go/berth/waitq"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestWarmQueueAllocatesNothing(t *testing.T) {
	skipUnderRace(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	_ = ctx.Done() // a context makes its channel when it is first asked for it
	done := doneContext()
	var q waitq.Queue[int]
	var crowd [200]waitq.Waiter[int]
	taken := func(e waitq.Entry) bool { return e.Tag == 0 }

	rounds := map[string]func(){
		"deliver then wait": func() {
			w := q.Enqueue(ctx)
			q.Deliver(1)
			_, _ = w.Wait()
		},
		"deliver to": func() {
			w := q.EnqueueAt(ctx, 1, 0)
			q.DeliverTo(1, taken)
			_, _ = w.Wait()
		},
		"claim then give": func() {
			w := q.Enqueue(ctx)
			c, _ := q.Claim(taken)
			c.Give(1)
			_, _ = w.Wait()
		},
		"fail": func() {
			w := q.Enqueue(ctx)
			q.Fail(errFull)
			_, _ = w.Wait()
		},
		"cancel":       func() { q.Enqueue(ctx).Cancel() },
		"done context": func() { _, _ = q.Enqueue(done).Wait() },
		"passed over": func() {
			w := q.Enqueue(done)
			q.Deliver(1)
			_, _ = w.Wait()
		},
		"look": func() {
			w := q.Enqueue(ctx)
			q.Front()
			q.Each(taken)
			w.Cancel()
		},
		"a crowd": func() {
			for i := range crowd {
				crowd[i] = q.Enqueue(ctx)
			}
			q.FailAll(errClosed)
			for _, w := range crowd {
				_, _ = w.Wait()
			}
		},
	}
	for name, round := range rounds {
		round() // warm
		assert.Zero(t, testing.AllocsPerRun(100, round), name)
	}
}

// A free node must not hold on to the last value, error or context: they may be
// large, and nobody would think of looking for them here.
func TestFreeNodesKeepNothingAlive(t *testing.T) {
	type big struct{ _ [1 << 10]byte }
	type key struct{}
	var q waitq.Queue[*big]
	value, owned := new(big), new(big)
	weakValue, weakOwned := weak.Make(value), weak.Make(owned)

	received := func() weak.Pointer[big] {
		w := q.Enqueue(context.WithValue(t.Context(), key{}, owned))
		require.True(t, q.Deliver(value))
		v, err := w.Wait()
		require.NoError(t, err)
		return weak.Make(v)
	}()
	assert.Equal(t, weakValue, received)
	value, owned = nil, nil

	runtime.GC()
	assert.Nil(t, weakValue.Value(), "the value")
	assert.Nil(t, weakOwned.Value(), "what the context held")
	assert.Zero(t, q.Len()) // keeps the queue itself alive until here
}

func TestQueueIsIntactAfterManyWaiters(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var q waitq.Queue[int]
		for range 3 {
			var waiters []waitq.Waiter[int]
			for range 2_000 {
				waiters = append(waiters, q.Enqueue(t.Context()))
			}
			for i := range waiters {
				require.True(t, q.Deliver(i))
			}
			for i, w := range waiters {
				assertGets(t, i, w)
			}
		}
		assert.Zero(t, q.Len())
	})
}

// What a storm leaves serves the next one, and must not stay for good.
func TestQueueKeepsNothingOfAStormForGood(t *testing.T) {
	var q waitq.Queue[int]
	const crowd, ofEach = 2_000, 2 // a node and its channel
	var waiters [crowd]waitq.Waiter[int]
	storm := func() (mallocs uint64) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for i := range waiters {
			waiters[i] = q.Enqueue(t.Context())
		}
		runtime.ReadMemStats(&after)
		for i, w := range waiters {
			require.True(t, q.Deliver(i))
			_, err := w.Wait()
			require.NoError(t, err)
		}
		return after.Mallocs - before.Mallocs
	}
	storm()
	assert.Less(t, storm(), uint64(ofEach*crowd), "it keeps some")
	runtime.GC() // sets them aside
	runtime.GC()
	assert.GreaterOrEqual(t, storm(), uint64(ofEach*crowd))
}
