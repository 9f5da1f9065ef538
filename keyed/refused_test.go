package keyed_test

import (
	"context"
	"testing"
	"time"

	"github.com/berth-go/berth/keyed"
	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/atomic"
)

// A caller whose resource failed has a lease in the accounts until it queues again.
// Shared, which may be slow, is not called before that: the pool has asked it when its
// last dial had ended.
func TestCallerWhoseResourceFailedQueuesWithoutAWord(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var calls []string
		fail := false
		p, err := keyed.New(keyed.Config[string, *int]{
			Dial:   func(context.Context, string) (*int, error) { calls = append(calls, "Dial"); return new(int), nil },
			Shared: func(string) int { calls = append(calls, "Shared"); return 1 },
			Take: func(*int) error {
				if fail {
					fail, calls = false, nil
					return errBroken
				}
				return nil
			},
		})
		require.NoError(t, err)
		for _, fails := range []bool{false, true} {
			fail = fails
			l, err := p.Acquire(t.Context(), "a")
			require.NoError(t, err)
			l.Release()
		}
		assert.Equal(t, []string{"Dial", "Shared"}, calls)
		require.NoError(t, p.Shutdown(t.Context()))
	})
}

// And nobody comes between, who hears of the failure from a hook.
func TestNobodyComesBetweenAFailureAndTheNextResourceOfAKey(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var p *keyed.Pool[string, *int]
		var fail atomic.Bool
		served := make(chan string, 3)
		use := func(who string) {
			l, err := p.Acquire(t.Context(), "a")
			if assert.NoError(t, err) {
				served <- who
				l.Release()
			}
		}
		var err error
		p, err = keyed.New(keyed.Config[string, *int]{
			MaxOpenPerKey: 1,
			Dial:          func(context.Context, string) (*int, error) { return new(int), nil },
			Shared:        func(string) int { return 1 },
			Take: func(*int) error {
				if fail.Swap(false) {
					return errBroken
				}
				return nil
			},
			Hooks: &pool.Hooks{Evicted: func(e pool.EvictedEvent) {
				if e.Reason == pool.ReasonTake {
					go use("newcomer")
					<-time.After(time.Second)
				}
			}},
		})
		require.NoError(t, err)
		use("cold")
		fail.Store(true)
		use("first")
		for _, who := range []string{"cold", "first", "newcomer"} {
			require.Equal(t, who, <-served)
		}
		require.NoError(t, p.Shutdown(t.Context()))
	})
}
