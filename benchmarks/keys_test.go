package benchmarks_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"runtime/pprof"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/berth-go/berth/benchmarks/subject"
)

// keyCounts are the numbers of keys. Up to 1,000 fit into caches, the others do
// less and less.
func keyCounts() []int {
	if testing.Short() {
		return []int{1, 1_000}
	}
	return sizes(1_000_000)
}

// mostMapped bounds the peers that are maps of pools: they are there to compare
// the cost of one lease with, and beyond this number they only take memory.
const mostMapped = 100_000

// eachKeyed runs a workload on every pool of many keys.
func eachKeyed(b *testing.B, f func(ctx context.Context, b *testing.B, s subject.KeyedSubject)) {
	b.Helper()
	for _, s := range subject.AllKeyed() {
		b.Run("subject="+s.Name, func(b *testing.B) { f(b.Context(), b, s) })
	}
}

// openKeys returns a pool in which each of n keys has one idle resource.
func openKeys(ctx context.Context, b *testing.B, s subject.KeyedSubject, n int) subject.Keyed {
	b.Helper()
	const perKey = 2
	p, err := s.Open(subject.Config{Size: perKey})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(p.Close)
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for key := range uint64(n) {
		if err := p.UseKey(ctx, key, nil); err != nil {
			b.Fatal(err)
		}
	}
	return p
}

// Does a lease cost more when there are more keys, each with one idle resource?
// And what memory does a key take, with its resource of 16 bytes?
func BenchmarkAxisKeys(b *testing.B) {
	const fewest = 1_000
	eachKeyed(b, func(ctx context.Context, b *testing.B, s subject.KeyedSubject) {
		for _, n := range keyCounts() {
			if n > mostMapped && !slices.Contains([]string{subject.Floor, subject.Berth, subject.BerthTotal}, s.Name) {
				continue
			}
			b.Run(fmt.Sprintf("n=%d", n), func(b *testing.B) {
				b.ReportAllocs()
				before := heap()
				p := openKeys(ctx, b, s, n)
				perKey := float64(heap()-before) / float64(n)
				saveHeap(b)
				measuring(b)
				rnd := rand.NewPCG(1, 2)
				for b.Loop() {
					if err := p.UseKey(ctx, rnd.Uint64()%uint64(n), nil); err != nil {
						b.Fatal(err)
					}
				}
				if n >= fewest { // fewer keys would be charged with all that is not per key
					b.ReportMetric(perKey, "B/key")
				}
			})
		}
	})
}

// heap returns the bytes that are reachable. Goroutines' stacks count: a pool
// that keeps a goroutine for each key keeps its stack.
func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // what finalizers and pools let go of in the first
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}

// heapFile is where AxisKeys saves a profile of the heap. -memprofile is written at
// the end, when nothing is left of the pool.
var heapFile = flag.String("heapprofile", "", "file for a profile of the heap while each key has its resource")

func saveHeap(b *testing.B) {
	b.Helper()
	if *heapFile == "" {
		return
	}
	f, err := os.Create(*heapFile)
	if err != nil {
		b.Fatal(err)
	}
	if err := errors.Join(pprof.WriteHeapProfile(f), f.Close()); err != nil {
		b.Fatal(err)
	}
}

// measuring tells a profiler that what this goroutine does from now on is what is
// measured, where making the situation, or its end, takes longer than that.
func measuring(b *testing.B) {
	b.Helper()
	b.Cleanup(func() { pprof.SetGoroutineLabels(context.Background()) }) // before the pool is closed
	pprof.SetGoroutineLabels(pprof.WithLabels(b.Context(), pprof.Labels("phase", "measured")))
}

// A few of 10,000 keys are asked for often and most rarely (Zipf), as hosts are,
// by every processor. Uniform keys would hide that callers meet at the hot ones.
func BenchmarkZipf(b *testing.B) {
	const keys = 10_000
	eachKeyed(b, func(ctx context.Context, b *testing.B, s subject.KeyedSubject) {
		p := openKeys(ctx, b, s, keys)
		drawn := draw(keys)
		var callers atomic.Uint64
		b.ReportAllocs()
		b.ResetTimer()
		b.RunParallel(func(pb *testing.PB) {
			// Drawn beforehand, since drawing costs more than a lease. Each caller
			// begins elsewhere.
			const apart = 7919
			for i := callers.Add(1) * apart; pb.Next(); i++ {
				if err := p.UseKey(ctx, drawn[i%uint64(len(drawn))], nil); err != nil {
					b.Error(err)
				}
			}
		})
	})
}

// draw returns keys as they come in.
func draw(keys uint64) []uint64 {
	const exponent, drawn = 1.1, 1 << 16
	zipf := rand.NewZipf(rand.New(rand.NewPCG(1, 2)), exponent, 1, keys-1)
	ks := make([]uint64, drawn)
	for i := range ks {
		ks[i] = zipf.Uint64()
	}
	return ks
}
