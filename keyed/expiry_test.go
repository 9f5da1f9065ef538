package keyed_test

import (
	"context"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/berth-go/berth/keyed"
	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Every key has its own times, and the pool's one clock keeps them all.
func TestEachKeyExpiresInItsOwnTime(t *testing.T) {
	bubble(t, func(t *testing.T) {
		const n = 300
		r := newRig(t, config{MaxIdleTime: n * time.Second})
		for i := range n {
			r.acquire(strconv.Itoa(i)).release()
			pass(time.Second)
		}
		for left := n; left > 0; left-- {
			require.Len(t, r.keys(), left-1)
			pass(time.Second)
		}
	})
}

// A key that is forgotten takes its alarm with it. Otherwise each key that ever
// was would stay in memory until the end of a lifetime that nothing has any more.
func TestForgottenKeyLeavesNoAlarmBehind(t *testing.T) {
	const n = 20_000
	p, err := keyed.New(keyed.Config[int, int]{
		Dial:        func(context.Context, int) (int, error) { return 1, nil },
		MaxLifetime: time.Hour, MaxIdlePerKey: -1,
	})
	require.NoError(t, err)
	use := func(key int) {
		l, err := p.Acquire(t.Context(), key)
		require.NoError(t, err)
		l.Release()
	}
	use(-1)
	before := heap()
	for key := range n {
		use(key)
	}
	perKey := (int64(heap()) - int64(before)) / n //nolint:gosec // far below the limit
	t.Logf("%d B kept per forgotten key", perKey)
	assert.Less(t, perKey, int64(100))
	require.NoError(t, p.Shutdown(t.Context()))
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// BenchmarkExpiry lets one idle resource expire beside many that do not: MinIdle
// keeps these. How late its Close comes (late-ns/op) and what the tick allocates
// must not depend on how many keys there are.
func BenchmarkExpiry(b *testing.B) {
	for _, keys := range []int{100, 100_000} {
		b.Run("keys="+strconv.Itoa(keys), func(b *testing.B) {
			const idleTime = time.Millisecond
			closed := make(chan struct{}, 1)
			p, err := keyed.New(keyed.Config[int, int]{
				Dial: func(_ context.Context, key int) (int, error) { return key, nil },
				Close: func(key int) error {
					if key < 0 {
						closed <- struct{}{}
					}
					return nil
				},
				MaxIdleTime: idleTime,
				PerKey: func(key int) pool.Limits {
					if key < 0 {
						return pool.Limits{}
					}
					return pool.Limits{MinIdle: 1, MaxOpen: 1}
				},
			})
			require.NoError(b, err)
			use := func(key int) {
				l, err := p.Acquire(b.Context(), key)
				require.NoError(b, err)
				l.Release()
			}
			for key := range keys {
				use(key)
			}
			var late time.Duration
			for b.Loop() {
				use(-1)
				due := time.Now().Add(idleTime)
				<-closed
				late += time.Since(due)
			}
			b.ReportMetric(float64(late)/float64(b.N), "late-ns/op")
			b.StopTimer()
			require.NoError(b, p.Shutdown(context.Background()))
		})
	}
}

// A hook that is slower than the backoff keeps no key: that it runs is no reason to dial,
// and each dial would call it again.
func TestSlowHookOfADialKeepsNoKey(t *testing.T) {
	bubble(t, func(t *testing.T) {
		dials := 0
		p, err := keyed.New(keyed.Config[string, int]{
			Dial:       func(context.Context, string) (int, error) { dials++; return 0, errDial },
			BreakAfter: 1, BackoffBase: 10 * time.Millisecond, BackoffMax: 10 * time.Millisecond,
			Hooks: &pool.Hooks{DialFailed: func(pool.DialEvent) { <-time.After(50 * time.Millisecond) }},
		})
		require.NoError(t, err)
		_, err = p.Acquire(t.Context(), "a")
		require.Error(t, err)
		pass(10 * time.Second)
		_, ok := p.StatsFor("a")
		assert.False(t, ok)
		assert.Less(t, dials, 10)
		require.NoError(t, p.Shutdown(t.Context()))
	})
}
