package pool_test

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"testing"

	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What is compared: n resources that callers acquire and release.
type rival struct {
	name string
	make func(b *testing.B, n int) (use func(ctx context.Context, f func()))
}

func rivals() []rival {
	return []rival{
		{"pool", func(b *testing.B, n int) func(context.Context, func()) {
			p, err := pool.New(pool.Config[int]{Dial: dialOne, MaxOpen: n})
			require.NoError(b, err)
			b.Cleanup(func() { _ = p.Shutdown(context.Background()) })
			return func(ctx context.Context, f func()) {
				l, err := p.Acquire(ctx)
				if err != nil {
					return
				}
				f()
				l.Release()
			}
		}},
		{"channel", func(_ *testing.B, n int) func(context.Context, func()) {
			c := make(chan int, n)
			for i := range n {
				c <- i
			}
			return func(ctx context.Context, f func()) {
				select {
				case v := <-c:
					f()
					c <- v
				case <-ctx.Done():
				}
			}
		}},
	}
}

func nothing() {}

// What does a lease cost when there is no other caller?
func BenchmarkAcquireRelease(b *testing.B) {
	for _, rival := range rivals() {
		b.Run(rival.name, func(b *testing.B) {
			ctx, cancel := context.WithCancel(b.Context())
			defer cancel()
			use := rival.make(b, 8)
			b.ReportAllocs()
			for b.Loop() {
				use(ctx, nothing)
			}
		})
	}
}

// What does it cost when there are as many resources as callers?
func BenchmarkAcquireReleaseParallel(b *testing.B) {
	for _, rival := range rivals() {
		b.Run(rival.name, func(b *testing.B) {
			ctx, cancel := context.WithCancel(b.Context())
			defer cancel()
			use := rival.make(b, runtime.GOMAXPROCS(0))
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					use(ctx, nothing)
				}
			})
		})
	}
}

// A burst of callers who all ask for a fresh resource, as after the restart of a peer. Without a
// cap each has a dial in flight, and each change of the pool looks at all of them; with one,
// callers wait in a long queue. What does one call cost?
func BenchmarkFreshBurst(b *testing.B) {
	for _, n := range []int{10, 100, 1000} {
		freshBurst(b, fmt.Sprintf("n=%d", n), n, pool.Config[int]{MaxIdle: -1})
	}
	for _, n := range []int{100, 1000, 10_000} {
		freshBurst(b, fmt.Sprintf("cap=100/n=%d", n), n, pool.Config[int]{MaxOpen: 100})
	}
}

func freshBurst(b *testing.B, name string, n int, cfg pool.Config[int]) {
	b.Run(name, func(b *testing.B) {
		cfg.Dial = func(context.Context) (int, error) {
			runtime.Gosched()
			return 1, nil
		}
		p, err := pool.New(cfg)
		require.NoError(b, err)
		b.ResetTimer()
		for done := 0; done < b.N; done += n {
			var all sync.WaitGroup
			for range min(n, b.N-done) {
				all.Go(func() {
					l, err := p.AcquireWith(context.Background(), pool.Request{Fresh: true})
					if assert.NoError(b, err) {
						l.Release()
					}
				})
			}
			all.Wait()
		}
		b.StopTimer()
		require.NoError(b, p.Shutdown(context.Background()))
	})
}

// What does a hand-off cost, with 128 callers for 8 resources? Each holds its own
// over one Gosched: else they would run one after the other and hardly ever wait.
func BenchmarkHandOff(b *testing.B) {
	for _, rival := range rivals() {
		b.Run(rival.name, func(b *testing.B) {
			ctx, cancel := context.WithCancel(b.Context())
			defer cancel()
			use := rival.make(b, 8)
			b.SetParallelism((128 + runtime.GOMAXPROCS(0) - 1) / runtime.GOMAXPROCS(0))
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					use(ctx, runtime.Gosched)
				}
			})
		})
	}
}

// What does a lease of a shared resource cost?
func BenchmarkShared(b *testing.B) {
	p, err := pool.New(pool.Config[*int]{
		Dial:     func(context.Context) (*int, error) { return new(int), nil },
		Capacity: func(*int) int { return 1_000 },
		Watch:    func(*int, func()) {},
	})
	require.NoError(b, err)
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if l, err := p.Acquire(ctx); err == nil {
				l.Release()
			}
		}
	})
	require.NoError(b, p.Shutdown(ctx))
}

// A lease without contention allocates nothing, whatever is configured.
func TestLeaseWithoutContentionDoesNotAllocate(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	nop := func(int) error { return nil }
	for name, cfg := range map[string]pool.Config[int]{
		"plain": {},
		"with call-outs": {
			Take: nop, Recycle: nop, CheckAfter: -1,
			Check: func(context.Context, int) error { return nil },
		},
		"shareable": {Capacity: func(int) int { return 2 }, Watch: func(int, func()) {}},
	} {
		t.Run(name, func(t *testing.T) {
			cfg.Dial = dialOne
			p, err := pool.New(cfg)
			require.NoError(t, err)
			pair := func() {
				l, err := p.Acquire(ctx)
				if err == nil {
					l.Release()
				}
			}
			pair() // dials
			assert.Zero(t, testing.AllocsPerRun(100, pair))
			assert.EqualValues(t, 1, p.Stats().Dials)
			require.NoError(t, p.Shutdown(ctx))
		})
	}
}
