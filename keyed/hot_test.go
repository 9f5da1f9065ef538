package keyed_test

import (
	"context"
	"sync"
	"testing"

	"github.com/berth-go/berth/keyed"
	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// often is so often that a key becomes the hot one, which is found first.
const often = 5_000

func use(t *testing.T, p *keyed.Pool[string, *int], key string) {
	l, err := p.Acquire(t.Context(), key)
	if assert.NoError(t, err) {
		l.Release()
	}
}

func newHot(t *testing.T) *keyed.Pool[string, *int] {
	p, err := keyed.New(keyed.Config[string, *int]{
		Dial:          func(context.Context, string) (*int, error) { return new(int), nil },
		MaxOpenPerKey: 2,
	})
	require.NoError(t, err)
	return p
}

// A hot key that is forgotten, or shut down, is found no more, and made anew by the
// next caller.
func TestHotKeyThatGoesIsForgotten(t *testing.T) {
	for name, end := range map[string]func(*keyed.Pool[string, *int]) error{
		"forgotten": func(p *keyed.Pool[string, *int]) error { p.CloseIdle(); return nil },
		"shut down": func(p *keyed.Pool[string, *int]) error { return p.ShutdownKey(t.Context(), "a") },
	} {
		t.Run(name, func(t *testing.T) {
			p := newHot(t)
			for range 3 {
				for range often {
					use(t, p, "a")
				}
				require.NoError(t, end(p))
				_, known := p.StatsFor("a")
				require.False(t, known)
				_, ok := p.TryAcquire("a")
				require.False(t, ok)
			}
			use(t, p, "a")
			s, known := p.StatsFor("a")
			require.True(t, known)
			assert.EqualValues(t, 1, s.Acquires)
			assert.EqualValues(t, 3*often+1, p.Stats().Acquires)
			require.NoError(t, p.Close())
			_, err := p.Acquire(t.Context(), "a")
			require.ErrorIs(t, err, pool.ErrClosed)
		})
	}
}

func TestHotKeysComeAndGo(t *testing.T) {
	p := newHot(t)
	var wg sync.WaitGroup
	for _, key := range []string{"a", "b", "a", "b"} {
		wg.Go(func() {
			for i := range 4 * often {
				use(t, p, key)
				if i%often == 0 {
					p.CloseIdle()
				}
			}
		})
	}
	wg.Wait()
	assert.EqualValues(t, 16*often, p.Stats().Acquires)
	require.NoError(t, p.Shutdown(t.Context()))
	assertNothingLeft(t, p)
}
