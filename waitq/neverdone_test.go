package waitq_test

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/berth-go/berth/waitq"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/atomic"
)

// neverDone is a context as people write it for what is to go on when its caller has given up,
// and forget about Err.
type neverDone struct{ context.Context }

func (neverDone) Done() <-chan struct{} { return nil }

// panicking is a context whose Err panics once it is told to.
type panicking struct {
	context.Context
	told *atomic.Bool
}

func (c panicking) Err() error {
	if c.told.Load() {
		panic("Err")
	}
	return c.Context.Err()
}

// Whose context panics is served. The giver is somebody else, and may hold a lock.
func TestPanicOfAContextIsNotTheGivers(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var q waitq.Queue[int]
		told := &atomic.Bool{}
		ended := waitAside(q.Enqueue(panicking{t.Context(), told}))
		synctest.Wait()
		told.Store(true)
		require.NotPanics(t, func() { assert.True(t, q.Deliver(1)) })
		assert.Equal(t, outcome{value: 1}, <-ended)
	})
}

// A context that has an Err and is never done does not wake its waiter up. So a giver does: who
// was passed over would sleep for ever, and no queue would know of it.
func TestWaiterWhoseContextIsNeverDoneIsServed(t *testing.T) {
	for name, tt := range map[string]struct {
		give func(*waitq.Queue[int])
		want outcome
	}{
		"Deliver": {func(q *waitq.Queue[int]) { q.Deliver(1) }, outcome{value: 1}},
		"FailAll": {func(q *waitq.Queue[int]) { q.FailAll(errFull) }, outcome{err: errFull}},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				var q waitq.Queue[int]
				ctx, cancel := context.WithCancel(t.Context())
				ended := waitAside(q.Enqueue(neverDone{ctx}))
				cancel()
				synctest.Wait()
				require.Empty(t, ended)
				_, ok := q.Front()
				assert.True(t, ok)
				tt.give(&q)
				assert.Equal(t, tt.want, <-ended)
				assert.Zero(t, q.Len())
			})
		})
	}
}
