package benchmarks_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/berth-go/berth/benchmarks/load"
	"github.com/berth-go/berth/benchmarks/subject"
)

// Each axis asks whether the cost of one operation grows with how much of one
// thing there is.

const most = 100_000 // on every axis but that of keys

// onAxis are those that make sense to draw: the floor, Berth, and the two that
// people write instead.
func onAxis(floor subject.Subject) []subject.Subject {
	return append([]subject.Subject{floor}, subject.Named(subject.Berth, subject.Channel, "semaphore")...)
}

// Does a lease cost more when more resources are idle?
func BenchmarkAxisIdle(b *testing.B) {
	eachSize(b, onAxis(subject.IdleFloor()), sizes(most), func(ctx context.Context, b *testing.B, s subject.Subject, n int) {
		p := open(ctx, b, s, n, n)
		for b.Loop() {
			use(ctx, b, p, nil)
		}
	})
}

// Does a lease cost more when more other resources are in use? One is idle.
func BenchmarkAxisInUse(b *testing.B) {
	eachSize(b, onAxis(subject.QueueFloor()), sizes(most), func(ctx context.Context, b *testing.B, s subject.Subject, n int) {
		p := open(ctx, b, s, n+1, n+1)
		end, err := load.HoldMany(ctx, p, n)
		if err != nil {
			b.Fatal(err)
		}
		defer end()
		for b.Loop() {
			use(ctx, b, p, nil)
		}
	})
}

// Does handing over cost more when more callers wait? There is one resource, and
// each caller joins the queue again when it has had it.
func BenchmarkAxisWaiters(b *testing.B) {
	eachSize(b, onAxis(subject.QueueFloor()), sizes(most), func(ctx context.Context, b *testing.B, s subject.Subject, n int) {
		p := open(ctx, b, s, 1, 1)
		release, err := load.Hold(ctx, p)
		if err != nil {
			b.Fatal(err)
		}
		queue, stop := context.WithCancel(ctx)
		done := make(chan struct{})
		served := 0
		count := func(*subject.Resource) { // by one at a time, since there is one resource
			if served++; served == b.N {
				b.StopTimer()
				close(done)
			}
		}
		var all sync.WaitGroup
		for range n + 1 { // one of whom has it
			all.Go(func() {
				for p.Use(queue, count) == nil && queue.Err() == nil {
				}
			})
		}
		load.Settle()
		b.ResetTimer()
		release()
		<-done
		stop()
		all.Wait()
	})
}

// Does a delivery cost more when more callers in front have given up that very
// moment, and had no time to leave the queue?
func BenchmarkAxisExpired(b *testing.B) {
	eachSize(b, onAxis(subject.QueueFloor()), sizes(most), func(ctx context.Context, b *testing.B, s subject.Subject, n int) {
		p := open(ctx, b, s, 1, 1)
		var delivery, settled time.Duration
		for b.Loop() {
			storm := brew(ctx, b, p, n)
			start := time.Now()
			storm.cancel()
			storm.release()
			delivery += (<-storm.served).Sub(start)
			storm.gone.Wait()
			settled += time.Since(start)
		}
		perOp(b, "delivery-ns", float64(delivery.Nanoseconds()))
		perOp(b, "settled-ns/waiter", float64(settled.Nanoseconds())/float64(n))
	})
}
