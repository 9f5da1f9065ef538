package keyed_test

import (
	"context"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/berth-go/berth/keyed"
	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/require"
)

// What the keys cost: one hot key, beside a pool without keys.
func BenchmarkHotKey(b *testing.B) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	p, err := keyed.New(keyed.Config[string, int]{
		Dial: func(context.Context, string) (int, error) { return 1, nil }, MaxOpenPerKey: 8, MaxOpen: 100,
	})
	require.NoError(b, err)
	alone, err := pool.New(pool.Config[int]{Dial: func(context.Context) (int, error) { return 1, nil }, MaxOpen: 8})
	require.NoError(b, err)
	acquire := map[string]func() (pool.Lease[int], error){
		"keyed": func() (pool.Lease[int], error) { return p.Acquire(ctx, "hot") },
		"pool":  func() (pool.Lease[int], error) { return alone.Acquire(ctx) },
	}
	for _, name := range []string{"pool", "keyed"} {
		b.Run(name+"/alone", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				useOnce(b, acquire[name])
			}
		})
		b.Run(name+"/parallel", func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					useOnce(b, acquire[name])
				}
			})
		})
	}
	require.NoError(b, p.Shutdown(ctx))
	require.NoError(b, alone.Shutdown(ctx))
}

func useOnce(b *testing.B, acquire func() (pool.Lease[int], error)) {
	l, err := acquire()
	if err != nil {
		b.Error(err)
		return
	}
	l.Release()
}

// A few keys are asked for often and most rarely (Zipf), as hosts are: with room
// for all, and with room for a tenth, where rare keys evict each other.
func BenchmarkThousandKeys(b *testing.B) {
	const keys = 1_000
	for name, total := range map[string]int{"room for all": 0, "room for 100": 100} {
		b.Run(name, func(b *testing.B) {
			p, err := keyed.New(keyed.Config[uint64, int]{
				Dial: func(context.Context, uint64) (int, error) { return 1, nil }, MaxOpenPerKey: 8, MaxOpen: total,
			})
			require.NoError(b, err)
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				zipf := rand.NewZipf(rand.New(rand.NewPCG(1, rand.Uint64())), 1.1, 1, keys-1)
				for pb.Next() {
					l, err := p.Acquire(ctx, zipf.Uint64())
					if err != nil {
						b.Error(err)
						return
					}
					l.Release()
				}
			})
			s := p.Stats()
			b.ReportMetric(float64(s.Dials)/float64(b.N), "dials/op")
			require.NoError(b, p.Shutdown(ctx))
		})
	}
}

// What does a limit on the queue cost? 128 callers share the 8 resources of a key.
func BenchmarkHandOffWithALimitOnTheQueue(b *testing.B) {
	for _, test := range []struct {
		name string
		cfg  keyed.Config[string, int]
	}{
		{"none", keyed.Config[string, int]{}},
		{"of the key", keyed.Config[string, int]{MaxWaitersPerKey: 1000}},
		{"over all keys", keyed.Config[string, int]{MaxWaiters: 1000}},
	} {
		b.Run(test.name, func(b *testing.B) {
			ctx, cancel := context.WithCancel(b.Context())
			defer cancel()
			test.cfg.Dial = func(context.Context, string) (int, error) { return 1, nil }
			test.cfg.MaxOpenPerKey = 8
			p, err := keyed.New(test.cfg)
			require.NoError(b, err)
			b.SetParallelism((128 + runtime.GOMAXPROCS(0) - 1) / runtime.GOMAXPROCS(0))
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					l, err := p.Acquire(ctx, "hot")
					if err != nil {
						b.Error(err)
						return
					}
					runtime.Gosched()
					l.Release()
				}
			})
			require.NoError(b, p.Shutdown(ctx))
		})
	}
}
