package keyed_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/berth-go/berth/keyed"
	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/atomic"
)

// mortal is a resource that may die.
type mortal struct{ dead atomic.Bool }

func mortals(sick *atomic.Bool) keyed.Config[string, *mortal] {
	return keyed.Config[string, *mortal]{
		MaxDialsPerKey: 1,
		Dial: func(context.Context, string) (*mortal, error) {
			time.Sleep(2 * time.Millisecond)
			return &mortal{}, nil
		},
		Capacity: func(m *mortal) int {
			if m.dead.Load() {
				return pool.Dead
			}
			return 1
		},
		Watch: func(m *mortal, changed func()) {
			if sick.Load() {
				time.AfterFunc(time.Millisecond, func() {
					m.dead.Store(true)
					changed()
				})
			}
		},
	}
}

// A key that has nothing at the moment is not quiet while Warm waits for what it is to
// have: the pauses between the dials come to their end.
func TestWarmGoesOnAfterAPauseWithNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sick := atomic.NewBool(true)
		p, err := keyed.New(mortals(sick))
		require.NoError(t, err)
		time.AfterFunc(20*time.Millisecond, func() { sick.Store(false) })
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		require.NoError(t, p.Warm(ctx, "k", 2))
		require.NoError(t, p.Shutdown(t.Context()))
	})
}

// The same after a dial that failed.
func TestWarmGoesOnAfterABackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down := atomic.NewBool(true)
		cfg := mortals(atomic.NewBool(false))
		dial := cfg.Dial
		cfg.Dial = func(ctx context.Context, key string) (*mortal, error) {
			if down.Load() {
				return nil, errors.New("down")
			}
			return dial(ctx, key)
		}
		cfg.BackoffBase = time.Second
		p, err := keyed.New(cfg)
		require.NoError(t, err)
		require.Error(t, p.Warm(t.Context(), "k", 1))
		down.Store(false)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		require.NoError(t, p.Warm(ctx, "k", 2))
		require.NoError(t, p.Shutdown(t.Context()))
	})
}

// When Warm gives up, a key that has nothing is forgotten (I12).
func TestKeyIsForgottenWhenWarmGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, err := keyed.New(mortals(atomic.NewBool(true)))
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		require.ErrorIs(t, p.Warm(ctx, "k", 2), context.DeadlineExceeded)
		time.Sleep(time.Second)
		synctest.Wait()
		for key := range p.All() {
			assert.Fail(t, "it is still there", key)
		}
		require.NoError(t, p.Shutdown(t.Context()))
	})
}

// Failures are remembered from the end of a dial on, however long it took to fail: else
// a peer that lets dials hang would never be held off.
func TestFailureOfAnyLengthIsRemembered(t *testing.T) {
	for name, call := range map[string]func(context.Context, *keyed.Pool[string, int]) error{
		"of Warm":    func(ctx context.Context, p *keyed.Pool[string, int]) error { return p.Warm(ctx, "k", 1) },
		"of Acquire": func(ctx context.Context, p *keyed.Pool[string, int]) error { _, err := p.Acquire(ctx, "k"); return err },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, err := keyed.New(keyed.Config[string, int]{
					Dial: func(context.Context, string) (int, error) {
						time.Sleep(time.Minute)
						return 0, errors.New("too late")
					},
					BackoffBase: time.Second, BackoffMax: time.Second,
				})
				require.NoError(t, err)
				for n := 1; n <= 3; n++ {
					var failed *pool.DialError
					require.ErrorAs(t, call(t.Context(), p), &failed)
					assert.Equal(t, n, failed.Attempt)
					synctest.Wait()
				}
				require.NoError(t, p.Shutdown(t.Context()))
			})
		})
	}
}
