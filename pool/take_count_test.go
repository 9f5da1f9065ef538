package pool_test

import (
	"context"
	"errors"
	"testing"

	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Whoever reads the counters takes one that falls for a restart.
func TestRefusedTakeLetsNoCounterFall(t *testing.T) {
	var p *pool.Pool[int]
	refuse := false
	var during uint64
	p, err := pool.New(pool.Config[int]{
		Dial: func(context.Context) (int, error) { return 1, nil },
		Take: func(int) error {
			if refuse {
				during = p.Stats().Hits
				return errors.New("no")
			}
			return nil
		},
	})
	require.NoError(t, err)
	l, err := p.Acquire(context.Background())
	require.NoError(t, err)
	l.Release()
	refuse = true
	_, ok := p.TryAcquire()
	require.False(t, ok)
	require.GreaterOrEqual(t, p.Stats().Hits, during)
}

func TestTryAcquireWhoseTakePanicsIsNoHit(t *testing.T) {
	boom := false
	p, err := pool.New(pool.Config[int]{
		Dial: func(context.Context) (int, error) { return 1, nil },
		Take: func(int) error {
			if boom {
				panic("boom")
			}
			return nil
		},
	})
	require.NoError(t, err)
	l, err := p.Acquire(context.Background())
	require.NoError(t, err)
	l.Release()
	boom = true
	h := p.Stats().Hits
	require.Panics(t, func() { p.TryAcquire() })
	require.Equal(t, h, p.Stats().Hits, "nobody was served")
}

// A resource of which Take fails now and then stays, though the caller has gone by then.
func TestTakeThatFailsNowAndThenEndsNothing(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var gone context.CancelFunc
		cfg := shareable()
		cfg.Take = func(*thing) error {
			if gone == nil {
				return nil
			}
			gone()
			return errBroken
		}
		r := newRig(t, cfg)
		r.capacity = 2
		for range 10 {
			for range 5 {
				r.acquire().release()
			}
			ctx, cancel := context.WithCancel(t.Context())
			gone = cancel
			require.ErrorIs(t, r.acquireAs(ctx).failed(), context.Canceled)
			gone = nil
		}
		assert.Len(t, r.things, 1)
	})
}
