package keyed_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/berth-go/berth/keyed"
	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Whoever counts open breakers by the hook comes to none in the end, whatever becomes of a
// key with an open one.
func TestHookTellsOfTheEndOfEachOpenBreaker(t *testing.T) {
	for name, end := range map[string]func(*testing.T, *keyed.Pool[string, int]){
		"forgotten": func(t *testing.T, p *keyed.Pool[string, int]) {
			pass(time.Minute)
			_, known := p.StatsFor("a")
			assert.False(t, known)
		},
		"ShutdownKey": func(t *testing.T, p *keyed.Pool[string, int]) {
			require.NoError(t, p.ShutdownKey(t.Context(), "a"))
		},
		"Close": func(t *testing.T, p *keyed.Pool[string, int]) {
			require.NoError(t, p.Close())
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				told := make(chan pool.BreakerEvent, 10)
				p, err := keyed.New(keyed.Config[string, int]{
					Dial:       func(context.Context, string) (int, error) { return 0, errDial },
					BreakAfter: 2, BackoffBase: 10 * time.Millisecond, BackoffMax: 20 * time.Millisecond,
					Hooks: &pool.Hooks{Breaker: func(e pool.BreakerEvent) { told <- e }},
				})
				require.NoError(t, err)
				for range 2 {
					_, err = p.Acquire(t.Context(), "a")
					require.ErrorIs(t, err, errDial)
				}
				require.Equal(t, pool.BreakerEvent{Key: "a", Open: true, Failures: 2, Err: errDial}, <-told)
				end(t, p)
				assert.Equal(t, pool.BreakerEvent{Key: "a"}, <-told)
				require.NoError(t, p.Shutdown(t.Context()))
				assert.Empty(t, told)
			})
		})
	}
}

// Failures that opened no breaker are forgotten without a word.
func TestHookTellsOfNoBreakerThatNeverOpened(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p, err := keyed.New(keyed.Config[string, int]{
			Dial:       func(context.Context, string) (int, error) { return 0, errDial },
			BreakAfter: 2, BackoffBase: 10 * time.Millisecond, BackoffMax: 20 * time.Millisecond,
			Hooks: &pool.Hooks{Breaker: func(e pool.BreakerEvent) { assert.Fail(t, "told of", "%+v", e) }},
		})
		require.NoError(t, err)
		_, err = p.Acquire(t.Context(), "a")
		require.ErrorIs(t, err, errDial)
		pass(time.Minute)
		_, known := p.StatsFor("a")
		assert.False(t, known)
		require.NoError(t, p.Shutdown(t.Context()))
	})
}

// A key is not forgotten before the hook has been told that its breaker is closed: else that
// could come after the news of the same key's next one.
func TestHookIsToldInOrderOfAKeyThatIsForgotten(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var told []bool
		down, goOn := false, make(chan struct{})
		p, err := keyed.New(keyed.Config[string, int]{
			Dial: func(context.Context, string) (int, error) {
				if down {
					return 0, errDial
				}
				return 1, nil
			},
			BreakAfter: 1, BackoffBase: 10 * time.Millisecond, BackoffMax: 20 * time.Millisecond,
			Hooks: &pool.Hooks{
				Released: func(pool.ReleasedEvent) { <-goOn },
				Breaker:  func(e pool.BreakerEvent) { told = append(told, e.Open) },
			},
		})
		require.NoError(t, err)
		l, err := p.Acquire(t.Context(), "a")
		require.NoError(t, err)
		down = true
		_, err = p.AcquireWith(t.Context(), "a", pool.Request{Fresh: true})
		require.ErrorIs(t, err, errDial)
		pass(time.Minute)
		go l.Discard(nil)
		synctest.Wait() // in Released
		_, err = p.Acquire(t.Context(), "a")
		require.ErrorIs(t, err, errDial)
		close(goOn)
		pass(time.Minute)
		assert.Equal(t, []bool{true, false, true, false}, told)
		require.NoError(t, p.Shutdown(t.Context()))
	})
}
