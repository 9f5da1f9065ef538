package pool_test

import (
	"context"
	"errors"
	"testing"

	"github.com/berth-go/berth/pool"
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
