package benchmarks_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/berth-go/berth/benchmarks/load"
	"github.com/berth-go/berth/benchmarks/subject"
)

// 128 callers compete for 8 resources. How much longer than the mean wait is the
// longest, and that of one in a hundred?
func BenchmarkFairness(b *testing.B) {
	each(b, waiting(), func(ctx context.Context, b *testing.B, s subject.Subject) {
		rounds := 100 // leases of each caller
		if testing.Short() {
			rounds = 10
		}
		p := open(ctx, b, s, cap8, cap8)
		var longest, late []float64
		for b.Loop() {
			waits := compete(ctx, b, p, rounds)
			slices.Sort(waits)
			var sum time.Duration
			for _, w := range waits {
				sum += w
			}
			mean := float64(sum) / float64(len(waits))
			longest = append(longest, float64(waits[len(waits)-1])/mean)
			late = append(late, float64(waits[len(waits)*99/100])/mean)
		}
		b.ReportMetric(middle(longest), "longest/mean")
		b.ReportMetric(middle(late), "p99/mean")
		b.ReportMetric(0, "ns/op")
	})
}

// middle returns the median, which one stop of the machine does not move.
func middle(all []float64) float64 {
	slices.Sort(all)
	return all[len(all)/2]
}

// compete returns how long each lease was waited for.
func compete(ctx context.Context, b *testing.B, p subject.Pool, rounds int) []time.Duration {
	waits := make([]time.Duration, callers*rounds)
	start := make(chan struct{})
	var all sync.WaitGroup
	for own := range slices.Chunk(waits, rounds) {
		all.Go(func() {
			<-start // together: else the first would be done before the last begins
			for i := range own {
				asked := time.Now()
				use(ctx, b, p, func(r *subject.Resource) {
					own[i] = time.Since(asked)
					yield(r)
				})
			}
		})
	}
	close(start)
	all.Wait()
	return waits
}

// Callers queue up one after the other, each only when the one before is known to
// wait, and are then served one at a time. How often was one overtaken?
func BenchmarkOrder(b *testing.B) {
	each(b, waiting(), func(ctx context.Context, b *testing.B, s subject.Subject) {
		n := 100
		if testing.Short() {
			n = 10
		}
		p := open(ctx, b, s, 1, 1)
		pairs, worst := 0, 0
		for b.Loop() {
			morePairs, w := load.Overtakings(serveQueue(ctx, b, p, n))
			pairs += morePairs
			worst = max(worst, w)
		}
		perOp(b, "overtaken/waiter", float64(pairs)/float64(n))
		b.ReportMetric(float64(worst), "most-overtaken")
	})
}

// serveQueue returns who was served, in order.
func serveQueue(ctx context.Context, b *testing.B, p subject.Pool, n int) []int {
	b.Helper()
	release, err := load.Hold(ctx, p)
	if err != nil {
		b.Fatal(err)
	}
	var served []int // guarded by the one resource
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			use(ctx, b, p, func(*subject.Resource) { served = append(served, i) })
		})
		load.Settle()
	}
	release()
	all.Wait()
	return served
}
