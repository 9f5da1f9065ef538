package waitq_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/berth-go/berth/waitq"
)

// What does a wait cost by itself, when nobody sleeps?
func BenchmarkEnqueueDeliverWait(b *testing.B) {
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	var q waitq.Queue[int]
	b.ReportAllocs()
	for b.Loop() {
		w := q.Enqueue(ctx)
		q.Deliver(1)
		_, _ = w.Wait()
	}
}

// What does it cost to register and find at a second look that there is no need?
func BenchmarkEnqueueCancel(b *testing.B) {
	var q waitq.Queue[int]
	ctx := b.Context()
	b.ReportAllocs()
	for b.Loop() {
		q.Enqueue(ctx).Cancel()
	}
}

// What does a giver pay when nobody waits?
func BenchmarkDeliverToNobody(b *testing.B) {
	var q waitq.Queue[int]
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			q.Deliver(1)
		}
	})
}

// What does it cost to come late to a long queue, as in a crowd of which some had their
// places long before they came to the lock?
func BenchmarkEnqueueLate(b *testing.B) {
	for _, n := range []int{1_000, 10_000, 100_000} {
		b.Run(fmt.Sprintf("waiters=%d", n), func(b *testing.B) {
			var q waitq.Queue[int]
			ctx := b.Context()
			streams := []uint64{uint64(n), 4 * uint64(n), 7 * uint64(n)} //nolint:gosec // positive
			for place := range uint64(n) {                               //nolint:gosec // positive
				q.EnqueueAt(ctx, 10*place, 0)
			}
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				q.EnqueueAt(ctx, streams[i], 0).Cancel()
				i = (i + 1) % len(streams)
			}
		})
	}
}

// What does a waiter pay to leave, in a short queue and in a long one? In order of
// arrival ns/waiter stays nearly flat. In random order most leave from the middle,
// and each touches two neighbors somewhere in memory: the steps are as many, but
// ns/waiter grows with the memory that the queue covers and then levels off.
func BenchmarkCancelStorm(b *testing.B) {
	byCancel := func(w waitq.Waiter[int]) { w.Cancel() }
	byContext := func(w waitq.Waiter[int]) { _, _ = w.Wait() } // it is done
	for _, n := range []int{1_000, 100_000} {
		b.Run(fmt.Sprintf("Cancel/ordered/waiters=%d", n), func(b *testing.B) {
			cancelStorm(b.Context(), b, n, false, byCancel)
		})
		b.Run(fmt.Sprintf("Cancel/random/waiters=%d", n), func(b *testing.B) {
			cancelStorm(b.Context(), b, n, true, byCancel)
		})
		b.Run(fmt.Sprintf("context/ordered/waiters=%d", n), func(b *testing.B) {
			cancelStorm(doneContext(), b, n, false, byContext)
		})
	}
}

func cancelStorm(ctx context.Context, b *testing.B, n int, random bool, leave func(waitq.Waiter[int])) {
	var q waitq.Queue[int]
	waiters := make([]waitq.Waiter[int], n)
	for b.Loop() {
		b.StopTimer()
		for i := range waiters {
			waiters[i] = q.Enqueue(ctx)
		}
		if random {
			rand.Shuffle(n, func(i, j int) { waiters[i], waiters[j] = waiters[j], waiters[i] })
		}
		runtime.GC() // else it collects what the setup left while the time runs
		b.StartTimer()
		for _, w := range waiters {
			leave(w)
		}
	}
	perWaiter(b, n)
}

// What does a delivery pay for the dead waiters before it? It takes them all out,
// so ns/waiter is its time over the number of those it met.
func BenchmarkDeliverMeetsTheDead(b *testing.B) {
	for _, dead := range []int{10, 10_000} {
		b.Run(fmt.Sprintf("dead=%d", dead), func(b *testing.B) {
			var q waitq.Queue[int]
			done, ctx := doneContext(), b.Context()
			waiters := make([]waitq.Waiter[int], dead+1)
			for b.Loop() {
				b.StopTimer()
				for i := range dead {
					waiters[i] = q.Enqueue(done)
				}
				waiters[dead] = q.Enqueue(ctx)
				b.StartTimer()
				q.Deliver(1)
				b.StopTimer()
				for _, w := range waiters {
					_, _ = w.Wait()
				}
				b.StartTimer()
			}
			perWaiter(b, dead+1)
		})
	}
}

// What do the deliveries after that one pay, while the dead have not woken up yet?
// It must not depend on how many they are.
func BenchmarkDeliverAfterTheDead(b *testing.B) {
	for _, dead := range []int{10, 10_000} {
		b.Run(fmt.Sprintf("dead=%d", dead), func(b *testing.B) {
			var q waitq.Queue[int]
			done, ctx := doneContext(), b.Context()
			for range dead {
				q.Enqueue(done)
			}
			q.Deliver(1) // to nobody
			for b.Loop() {
				w := q.Enqueue(ctx)
				q.Deliver(1)
				_, _ = w.Wait()
			}
		})
	}
}

// What does it cost to come back to an old place in a long queue?
func BenchmarkEnqueueAtTheFront(b *testing.B) {
	for _, n := range []int{10, 10_000} {
		b.Run(fmt.Sprintf("waiters=%d", n), func(b *testing.B) {
			var q waitq.Queue[int]
			ctx := b.Context()
			for range n {
				q.Enqueue(ctx)
			}
			for b.Loop() {
				q.EnqueueAt(ctx, 1, 0).Cancel()
			}
		})
	}
}

// perWaiter reports the time of one operation on n waiters per waiter.
func perWaiter(b *testing.B, n int) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/waiter")
	b.ReportMetric(0, "ns/op") // the time of a whole crowd says nothing
}
