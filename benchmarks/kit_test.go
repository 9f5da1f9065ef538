package benchmarks_test

import (
	"context"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/berth-go/berth/benchmarks/load"
	"github.com/berth-go/berth/benchmarks/subject"
)

const (
	cap8    = 8   // resources of the workloads that have more callers than resources
	callers = 128 // who compete for them

	// Nothing here takes as long; a pool that lost a wake-up fails its benchmark
	// then, and does not hang the run.
	patience = time.Minute
)

// each runs a workload on every subject, as a benchmark of its own. The context
// is one that can be canceled, as callers' contexts are.
func each(b *testing.B, subjects []subject.Subject, f func(ctx context.Context, b *testing.B, s subject.Subject)) {
	b.Helper()
	for _, s := range subjects {
		b.Run("subject="+s.Name, func(b *testing.B) {
			ctx, cancel := context.WithTimeout(b.Context(), patience)
			defer cancel()
			b.ReportAllocs()
			f(ctx, b, s)
		})
	}
}

// eachSize is each for several sizes.
func eachSize(b *testing.B, subjects []subject.Subject, sizes []int, f func(ctx context.Context, b *testing.B, s subject.Subject, n int)) {
	b.Helper()
	each(b, subjects, func(_ context.Context, b *testing.B, s subject.Subject) {
		for _, n := range sizes {
			b.Run(fmt.Sprintf("n=%d", n), func(b *testing.B) {
				ctx, cancel := context.WithTimeout(b.Context(), patience)
				defer cancel()
				b.ReportAllocs()
				f(ctx, b, s, n)
			})
		}
	})
}

// sizes returns the powers of ten from 1 to most, in short runs only to 100.
func sizes(most int) []int {
	if testing.Short() {
		most = min(most, 100)
	}
	var ns []int
	for n := 1; n <= most; n *= 10 {
		ns = append(ns, n)
	}
	return ns
}

// open returns a pool of s that has n resources ready.
func open(ctx context.Context, b *testing.B, s subject.Subject, size, n int) subject.Pool {
	b.Helper()
	p, err := s.Open(subject.Config{Size: size})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(p.Close)
	if err := load.Fill(ctx, p, n); err != nil {
		b.Fatal(err)
	}
	return p
}

// use is one acquire and release. It fails the benchmark on an error, so that no
// subject is fast by refusing.
func use(ctx context.Context, b *testing.B, p subject.Pool, hold func(*subject.Resource)) {
	if err := p.Use(ctx, hold); err != nil {
		b.Error(err)
	}
}

// yield holds a resource over one switch of goroutines. With less, callers would
// run one after the other and hardly ever wait.
func yield(*subject.Resource) { runtime.Gosched() }

// spread sets the number of goroutines of RunParallel to n, or a few more where
// the processors do not divide it.
func spread(b *testing.B, n int) {
	procs := runtime.GOMAXPROCS(0)
	b.SetParallelism((n + procs - 1) / procs)
}

// perOp reports a total per iteration and takes the time per iteration away,
// where that has the making of the situation in it and says nothing.
func perOp(b *testing.B, unit string, total float64) {
	b.ReportMetric(total/float64(b.N), unit)
	b.ReportMetric(0, "ns/op")
}
