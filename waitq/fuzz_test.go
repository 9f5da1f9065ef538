package waitq_test

import (
	"context"
	"slices"
	"testing"

	"github.com/berth-go/berth/waitq"
	"github.com/stretchr/testify/require"
)

// The operations of a fuzzed sequence. Each takes two bytes: the operation, and
// an argument that says which waiter, place or tag.
const (
	opEnqueue byte = iota
	opEnqueueAt
	opDeliver
	opDeliverTo
	opFail
	opFailTo
	opFailAll
	opCancel
	opEndContext
	opWait
	opFront
	opEach
	opFailSome
	opCount
)

// A run carries out one sequence on a queue and on the model.
type run struct {
	t       *testing.T
	q       waitq.Queue[int]
	m       model
	waiters []*runWaiter // in order of arrival, the spent ones too
	next    int          // the next value to deliver
}

type runWaiter struct {
	waitq.Waiter[int]
	end   context.CancelFunc
	model modelWaiter
}

func FuzzQueue(f *testing.F) {
	f.Add([]byte{})
	// In order: two arrive, two are served.
	f.Add([]byte{opEnqueue, 0, opEnqueue, 0, opDeliver, 0, opDeliver, 0, opWait, 0, opWait, 1})
	// A canceled one in the middle, whose node goes to the next.
	f.Add([]byte{opEnqueue, 0, opEnqueue, 0, opEnqueue, 0, opCancel, 1, opEnqueue, 0, opFailAll, 0, opWait, 3})
	// Dead ones at the front, found by a delivery, by Front and by Each.
	f.Add([]byte{opEnqueue, 0, opEnqueue, 0, opEndContext, 0, opDeliver, 0, opCancel, 0, opWait, 1})
	f.Add([]byte{opEnqueue, 0, opEnqueue, 0, opEndContext, 0, opFront, 0, opEndContext, 1, opEach, 0, opDeliver, 0})
	// The context ends after the delivery.
	f.Add([]byte{opEnqueue, 0, opDeliver, 0, opEndContext, 0, opCancel, 0, opWait, 0})
	// Places out of order, equal ones, and a selective giver.
	f.Add([]byte{opEnqueueAt, 9, opEnqueueAt, 3, opEnqueueAt, 9, opEnqueueAt, 255, opEnqueue, 0, opDeliverTo, 1, opFailTo, 0, opDeliver, 0})
	// Some of those with an even tag, of whom one is dead.
	f.Add([]byte{opEnqueueAt, 1, opEnqueueAt, 1, opEnqueueAt, 1, opEnqueueAt, 1, opEnqueueAt, 1, opEndContext, 2, opFailSome, 2, opFailSome, 4})
	// A spent waiter whose node is in use again.
	f.Add([]byte{opEnqueue, 0, opDeliver, 0, opWait, 0, opEnqueue, 0, opCancel, 0, opWait, 0, opDeliver, 0, opWait, 1})

	f.Fuzz(func(t *testing.T, ops []byte) {
		const longest = 400 // longer ones find nothing new and cost time
		r := &run{t: t}
		for pair := range slices.Chunk(ops[:min(len(ops), longest)], 2) {
			if len(pair) == 2 {
				r.step(pair[0]%opCount, pair[1])
				require.Equal(t, len(r.m.waiting), r.q.Len())
			}
		}
		r.finish()
	})
}

func (r *run) step(op, arg byte) {
	odd := func(tag uint64) bool { return tag%2 == uint64(arg)%2 }
	accept := func(e waitq.Entry) bool { return odd(e.Tag) }
	anyTag := func(uint64) bool { return true }
	r.next++
	switch op {
	case opEnqueue:
		r.enqueue(r.m.last+1, 0, func(ctx context.Context) waitq.Waiter[int] { return r.q.Enqueue(ctx) })
	case opEnqueueAt:
		place, tag := uint64(arg), uint64(len(r.waiters))
		r.enqueue(place, tag, func(ctx context.Context) waitq.Waiter[int] { return r.q.EnqueueAt(ctx, place, tag) })
	case opDeliver:
		require.Equal(r.t, r.m.deliver(r.next, anyTag), r.q.Deliver(r.next))
	case opDeliverTo:
		require.Equal(r.t, r.m.deliver(r.next, odd), r.q.DeliverTo(r.next, accept))
	case opFail:
		require.Equal(r.t, r.m.fail(errFull, anyTag), r.q.Fail(errFull))
	case opFailTo:
		require.Equal(r.t, r.m.fail(errFull, odd), r.q.FailTo(errFull, accept))
	case opFailSome:
		r.failSome(int(arg)%5, odd, accept)
	case opFailAll:
		r.failAll()
	case opFront:
		r.front()
	case opEach:
		r.each()
	default:
		if len(r.waiters) > 0 {
			r.stepOf(op, r.waiters[int(arg)%len(r.waiters)])
		}
	}
}

// stepOf carries out an operation of one waiter, spent or not.
func (r *run) stepOf(op byte, w *runWaiter) {
	switch op {
	case opCancel:
		require.Equal(r.t, r.m.cancel(&w.model), w.Cancel())
	case opEndContext:
		w.end()
		w.model.done = true
	case opWait:
		switch {
		case w.model.state == modelSpent:
			require.Panics(r.t, func() { _, _ = w.Wait() })
		case w.model.state == modelWaiting && !w.model.done:
			// It would sleep.
		default:
			r.wait(w)
		}
	}
}

func (r *run) enqueue(place, tag uint64, enqueue func(context.Context) waitq.Waiter[int]) {
	ctx, cancel := context.WithCancel(context.Background())
	w := &runWaiter{end: cancel, model: modelWaiter{id: len(r.waiters), place: place, tag: tag}}
	w.Waiter = enqueue(ctx)
	r.m.enqueue(&w.model)
	r.waiters = append(r.waiters, w)
}

func (r *run) wait(w *runWaiter) {
	wantValue, wantErr := r.m.wait(&w.model)
	v, err := w.Wait()
	require.Equal(r.t, wantErr, err, "waiter %d", w.model.id)
	require.Equal(r.t, wantValue, v, "waiter %d", w.model.id)
}

func (r *run) failAll() {
	want := 0
	for r.m.fail(errClosed, func(uint64) bool { return true }) {
		want++
	}
	require.Equal(r.t, want, r.q.FailAll(errClosed))
}

func (r *run) failSome(n int, odd func(uint64) bool, accept func(waitq.Entry) bool) {
	var want, got []uint64
	for range n {
		w := r.m.oldest(odd)
		if w == nil {
			break
		}
		want = append(want, w.tag)
		require.True(r.t, r.m.fail(errFull, odd))
	}
	for _, e := range r.q.FailSome(n, errFull, accept) {
		got = append(got, e.Tag)
	}
	require.Equal(r.t, want, got)
}

func (r *run) front() {
	want := r.m.oldest(func(uint64) bool { return true })
	e, ok := r.q.Front()
	require.Equal(r.t, want != nil, ok)
	if ok {
		require.Equal(r.t, [2]uint64{want.place, want.tag}, [2]uint64{e.Place, e.Tag})
	}
}

func (r *run) each() {
	r.m.oldest(func(uint64) bool { return false }) // finds none, so it meets all
	var want, got [][2]uint64
	for _, w := range r.m.waiting {
		want = append(want, [2]uint64{w.place, w.tag})
	}
	r.q.Each(func(e waitq.Entry) bool {
		got = append(got, [2]uint64{e.Place, e.Tag})
		return true
	})
	require.Equal(r.t, want, got)
}

// finish ends all waits and checks that each had what the model says. So every
// value delivered in the run has been received once.
func (r *run) finish() {
	for _, w := range r.waiters {
		w.end()
		w.model.done = true
		if w.model.state != modelSpent {
			r.wait(w)
		}
	}
	require.Zero(r.t, r.q.Len())
}
