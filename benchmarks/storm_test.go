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

// A storm is a queue of n callers that share a context, and one more behind them
// that does not, for one resource that somebody holds.
type storm struct {
	cancel  func()
	gone    sync.WaitGroup // those of the shared context
	release func()
	served  chan time.Time // when the last one got the resource
}

func brew(ctx context.Context, b *testing.B, p subject.Pool, n int) *storm {
	b.Helper()
	s := &storm{served: make(chan time.Time, 1)}
	shared, cancel := context.WithCancel(ctx)
	s.cancel = cancel
	var err error
	if s.release, err = load.Hold(ctx, p); err != nil {
		b.Fatal(err)
	}
	for range n {
		s.gone.Go(func() { _ = p.Use(shared, nil) })
	}
	load.Settle()
	go func() {
		if err := p.Use(ctx, func(*subject.Resource) { s.served <- time.Now() }); err != nil {
			b.Error(err)
			s.served <- time.Now()
		}
	}()
	load.Settle()
	return s
}

func stormSizes() []int {
	if testing.Short() {
		return []int{10, 100}
	}
	return []int{10, 10_000, 100_000}
}

// mostInStorm bounds the peers: some search the whole queue for each caller that
// leaves it, which takes minutes beyond this.
const mostInStorm = 10_000

// Every caller but the last of a long queue gives up. What does that cost each,
// and what does the next delivery cost?
func BenchmarkCancelStorm(b *testing.B) {
	eachSize(b, waiting(), stormSizes(), func(ctx context.Context, b *testing.B, s subject.Subject, n int) {
		if n > mostInStorm && !slices.Contains([]string{subject.Floor, subject.Berth, subject.Channel}, s.Name) {
			b.Skip("not asked of peers")
		}
		p := open(ctx, b, s, 1, 1)
		var leaving, delivery time.Duration
		for b.Loop() {
			storm := brew(ctx, b, p, n)
			start := time.Now()
			storm.cancel()
			storm.gone.Wait()
			leaving += time.Since(start)

			start = time.Now()
			storm.release()
			delivery += (<-storm.served).Sub(start)
		}
		perOp(b, "cancel-ns/waiter", float64(leaving.Nanoseconds())/float64(n))
		perOp(b, "delivery-ns", float64(delivery.Nanoseconds()))
	})
}
