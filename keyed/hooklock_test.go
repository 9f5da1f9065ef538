package keyed_test

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/berth-go/berth/keyed"
	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Hooks and PerKey may change limits themselves: no lock is held around them
// (I13). If one were, this would hang.
func TestHooksAndPerKeyMayChangeLimits(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var p *keyed.Pool[string, int]
		var err error
		cfg := keyed.Config[string, int]{
			Dial: func(context.Context, string) (int, error) { return 1, nil },
			PerKey: func(string) pool.Limits {
				assert.NoError(t, p.SetTotals(keyed.Totals{MaxOpen: 5}))
				return pool.Limits{}
			},
			Hooks: &pool.Hooks{Evicted: func(pool.EvictedEvent) {
				assert.NoError(t, p.SetLimits("b", pool.Limits{MaxOpen: 3}))
			}},
		}
		p, err = keyed.New(cfg)
		require.NoError(t, err)
		l, err := p.Acquire(t.Context(), "a")
		require.NoError(t, err)
		l.Release()
		assert.NoError(t, p.SetLimits("a", pool.Limits{MaxIdle: -1}), "closes what is idle")
		assert.NoError(t, p.SetLimits("c", pool.Limits{MaxOpen: 1}), "asks PerKey")
		assert.NoError(t, p.SetTotals(keyed.Totals{MaxOpen: 1}))
		require.NoError(t, p.Shutdown(t.Context()))
	})
}

// Shutdown waits for hooks that tell of the end (I10).
func TestShutdownWaitsForHooks(t *testing.T) {
	bubble(t, func(t *testing.T) {
		gate, told := make(chan struct{}), false
		p, err := pool.New(pool.Config[int]{
			Dial: func(ctx context.Context) (int, error) { <-ctx.Done(); return 0, ctx.Err() },
			Hooks: &pool.Hooks{DialFailed: func(pool.DialEvent) {
				<-gate
				told = true
			}},
		})
		require.NoError(t, err)
		go func() { _, _ = p.Acquire(t.Context()) }()
		synctest.Wait()
		require.NoError(t, p.Close())
		synctest.Wait()
		go close(gate)
		require.NoError(t, p.Shutdown(t.Context()))
		assert.True(t, told)
	})
}

// So may Shared ask the pool.
func TestSharedMayCallThePool(t *testing.T) {
	var p *keyed.Pool[string, int]
	asked := 0
	p, err := keyed.New(keyed.Config[string, int]{
		Dial:   func(context.Context, string) (int, error) { return 1, nil },
		Shared: func(key string) int { asked++; p.StatsFor(key); return 1 },
	})
	require.NoError(t, err)
	l, err := p.Acquire(t.Context(), "a")
	require.NoError(t, err)
	l.Release()
	require.NoError(t, p.Shutdown(t.Context()))
	assert.NotZero(t, asked)
}
