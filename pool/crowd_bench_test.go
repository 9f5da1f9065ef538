package pool_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/require"
	"go.uber.org/atomic"
)

// What one call costs must not grow with the waiters, dials and resources that there are. Each
// of these does something with few and with many, and reports what one of them took.

// eachOf measures f, which returns how long it took for how many.
func eachOf(b *testing.B, f func(b *testing.B, n int) (took time.Duration, of int)) {
	b.Helper()
	for _, n := range []int{500, 8000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			var sum time.Duration
			number := 0
			for range b.N {
				took, of := f(b, n)
				sum += took
				number += of
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(float64(sum)/float64(number), "ns/each")
		})
	}
}

// hangs is a dial that takes until its context ends.
func hangs(ctx context.Context) (int, error) {
	<-ctx.Done()
	return 0, context.Cause(ctx)
}

// until lets others run until f is true.
func until(f func() bool) {
	for !f() {
		runtime.Gosched()
	}
}

func madeOf(tb testing.TB, cfg pool.Config[int]) *pool.Pool[int] {
	tb.Helper()
	p, err := pool.New(cfg)
	require.NoError(tb, err)
	return p
}

// crowd has n callers wait, and returns what ends the waits and returns when all have left.
func crowd(p *pool.Pool[int], n int, r pool.Request) (leave func()) {
	var all sync.WaitGroup
	ends := make([]context.CancelFunc, n)
	for i := range ends {
		ctx, cancel := context.WithCancel(context.Background())
		ends[i] = cancel
		all.Go(func() { _, _ = p.AcquireWith(ctx, r) })
	}
	until(func() bool { return p.Stats().Waiting == n })
	return func() {
		for _, end := range ends {
			end()
		}
		all.Wait()
	}
}

// leaseAll has n leases at once and ends them.
func leaseAll(tb testing.TB, p *pool.Pool[int], n int) {
	tb.Helper()
	leases := make([]pool.Lease[int], n)
	for i := range leases {
		l, err := p.Acquire(tb.Context())
		require.NoError(tb, err)
		leases[i] = l
	}
	for _, l := range leases {
		l.Release()
	}
}

func shutDown(p *pool.Pool[int]) { _ = p.Shutdown(context.Background()) }

// Callers leave, and their dials go on: as many as may become idle.
func BenchmarkCrowdLeavesItsDials(b *testing.B) {
	for _, test := range []struct {
		name string
		cfg  pool.Config[int]
	}{
		{"Budget", pool.Config[int]{Budget: newBudget(b, pool.BudgetLimits{})}},
		{"MinIdle", pool.Config[int]{MinIdle: 1}},
		{"MaxIdle", pool.Config[int]{MaxIdle: 1, Budget: newBudget(b, pool.BudgetLimits{})}},
	} {
		b.Run(test.name, func(b *testing.B) {
			test.cfg.Dial = hangs
			eachOf(b, func(b *testing.B, n int) (time.Duration, int) {
				p := madeOf(b, test.cfg)
				defer shutDown(p)
				leave := crowd(p, n, pool.Request{})
				begin := time.Now()
				leave()
				return time.Since(begin), n
			})
		})
	}
}

// Each of them has a dial that will do for nobody who comes later.
func BenchmarkCrowdWantsFreshOnes(b *testing.B) {
	eachOf(b, func(b *testing.B, n int) (time.Duration, int) {
		p := madeOf(b, pool.Config[int]{Dial: hangs})
		defer shutDown(p)
		begin := time.Now()
		leave := crowd(p, n, pool.Request{Fresh: true})
		leave()
		return time.Since(begin), n
	})
}

// The error of a dial for several callers, or of a late one, is not for those whom older dials
// are for.
func BenchmarkManyDialsFailAtOnce(b *testing.B) {
	const late = 10 * time.Millisecond
	for _, test := range []struct {
		name string
		cfg  pool.Config[int]
	}{
		{"Shared", pool.Config[int]{Shared: 10, Capacity: func(int) int { return 10 }}},
		{"Late", pool.Config[int]{RedialAfter: late}},
	} {
		b.Run(test.name, func(b *testing.B) {
			eachOf(b, func(b *testing.B, n int) (time.Duration, int) {
				gate := make(chan struct{})
				cfg := test.cfg
				cfg.MaxOpen = n
				cfg.Dial = func(context.Context) (int, error) {
					<-gate
					return 0, errors.New("no")
				}
				p := madeOf(b, cfg)
				defer shutDown(p)
				leave := crowd(p, n, pool.Request{})
				for begin := time.Now(); time.Since(begin) < 2*late; {
					runtime.Gosched()
				}
				begin := time.Now()
				close(gate)
				until(func() bool { return p.Stats().Waiting == 0 })
				took := time.Since(begin)
				leave()
				return took, n
			})
		})
	}
}

func BenchmarkManyDialsAreCanceledAtOnce(b *testing.B) {
	eachOf(b, func(b *testing.B, n int) (time.Duration, int) {
		p := madeOf(b, pool.Config[int]{Dial: hangs})
		defer shutDown(p)
		leave := crowd(p, n, pool.Request{})
		defer leave()
		begin := time.Now()
		require.NoError(b, p.SetLimits(pool.Limits{MaxOpen: 1}))
		return time.Since(begin), n
	})
}

func BenchmarkManyAreWarmed(b *testing.B) {
	eachOf(b, func(b *testing.B, n int) (time.Duration, int) {
		gate := make(chan struct{})
		p := madeOf(b, pool.Config[int]{Dial: func(context.Context) (int, error) {
			<-gate
			return 1, nil
		}})
		defer shutDown(p)
		ready := make(chan error)
		go func() { ready <- p.Warm(context.Background(), n) }()
		until(func() bool { return p.Stats().Dialing == n })
		begin := time.Now()
		close(gate)
		require.NoError(b, <-ready)
		return time.Since(begin), n
	})
}

func BenchmarkManyCallWarm(b *testing.B) {
	eachOf(b, func(b *testing.B, n int) (time.Duration, int) {
		p := madeOf(b, pool.Config[int]{Dial: hangs, MaxDials: 1})
		defer shutDown(p)
		ctx, cancel := context.WithCancel(b.Context())
		waits := atomic.NewInt32(0)
		var all sync.WaitGroup
		begin := time.Now()
		for range n {
			all.Go(func() { _ = p.Warm(told{ctx, waits}, 2) })
		}
		until(func() bool { return int(waits.Load()) >= n })
		cancel()
		all.Wait()
		return time.Since(begin), n
	})
}

// told is a context that counts how often somebody waits for its end.
type told struct {
	context.Context
	waits *atomic.Int32
}

func (t told) Done() <-chan struct{} {
	t.waits.Inc()
	return t.Context.Done()
}

// TryAcquire passes over what has to be checked first.
func BenchmarkManyIdleForNobodyWhoDoesNotWait(b *testing.B) {
	eachOf(b, func(b *testing.B, n int) (time.Duration, int) {
		const rounds = 300
		p := madeOf(b, pool.Config[int]{
			Dial: dialOne, CheckAfter: -1, Check: func(context.Context, int) error { return nil },
		})
		defer shutDown(p)
		leaseAll(b, p, n)
		begin := time.Now()
		for range rounds {
			_, ok := p.TryAcquire()
			require.False(b, ok)
		}
		return time.Since(begin), rounds
	})
}

// What was idle for so long that its Check is due cannot be lent to the lane, and most is.
func BenchmarkManyIdleWhoseCheckIsDue(b *testing.B) {
	eachOf(b, func(b *testing.B, n int) (time.Duration, int) {
		const after, rounds = 20 * time.Millisecond, 300
		p := madeOf(b, pool.Config[int]{
			Dial: dialOne, CheckAfter: after, Check: func(context.Context, int) error { return nil },
		})
		defer shutDown(p)
		leaseAll(b, p, n)
		for begin := time.Now(); time.Since(begin) < 2*after; {
			runtime.Gosched()
		}
		begin := time.Now()
		for range rounds {
			leaseAll(b, p, 2)
		}
		return time.Since(begin), 2 * rounds
	})
}

func BenchmarkManyIdleBesideOneWhoWantsAFreshOne(b *testing.B) {
	eachOf(b, func(b *testing.B, n int) (time.Duration, int) {
		const rounds = 600
		full := atomic.NewBool(false)
		p := madeOf(b, pool.Config[int]{Dial: func(ctx context.Context) (int, error) {
			if full.Load() {
				return hangs(ctx)
			}
			return 1, nil
		}})
		defer shutDown(p)
		leaseAll(b, p, n)
		full.Store(true)
		leave := crowd(p, 1, pool.Request{Fresh: true})
		defer leave()
		begin := time.Now()
		for range rounds {
			leaseAll(b, p, 1)
		}
		return time.Since(begin), rounds
	})
}

func BenchmarkManyIdleAndCallersWhoWantFreshOnes(b *testing.B) {
	eachOf(b, func(b *testing.B, n int) (time.Duration, int) {
		const rounds = 300
		p := madeOf(b, pool.Config[int]{Dial: dialOne})
		defer shutDown(p)
		leaseAll(b, p, n)
		begin := time.Now()
		for range rounds {
			l, err := p.AcquireWith(b.Context(), pool.Request{Fresh: true})
			require.NoError(b, err)
			l.Discard(nil)
		}
		return time.Since(begin), rounds
	})
}

// The Budget has slots, and no permit to dial: a release is for nobody else.
func BenchmarkManyPoolsWaitForAPermitToDial(b *testing.B) {
	eachOf(b, func(b *testing.B, n int) (time.Duration, int) {
		const handOffs = 1000
		budget := newBudget(b, pool.BudgetLimits{MaxOpen: 10 * n, MaxDials: 1})
		busy := madeOf(b, pool.Config[int]{Dial: dialOne, Budget: budget, MaxOpen: 1})
		l, err := busy.Acquire(b.Context())
		require.NoError(b, err)
		ctx, cancel := context.WithCancel(b.Context())
		var all sync.WaitGroup
		for range n {
			p := madeOf(b, pool.Config[int]{Dial: hangs, Budget: budget})
			all.Go(func() { _, _ = p.Acquire(ctx) })
		}
		until(func() bool { return budget.Stats().Waiting == n-1 })
		for range handOffs {
			all.Go(func() {
				if l, err := busy.Acquire(ctx); err == nil {
					l.Release()
				}
			})
		}
		until(func() bool { return busy.Stats().Waiting == handOffs })
		begin := time.Now()
		l.Release()
		until(func() bool { s := busy.Stats(); return s.Waiting+s.Leases == 0 })
		took := time.Since(begin)
		cancel()
		all.Wait()
		return took, handOffs
	})
}
