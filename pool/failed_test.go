package pool_test

import (
	"context"
	"testing"
	"time"

	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/atomic"
)

// failingOnce are pools whose only resource fails the next caller when fail is set.
func failingOnce(fail *atomic.Bool) map[string]pool.Config[*thing] {
	broken := func() error {
		if fail.Swap(false) {
			return errBroken
		}
		return nil
	}
	return map[string]pool.Config[*thing]{
		"Check": {CheckAfter: -1, Check: func(context.Context, *thing) error { return broken() }},
		"Take":  {Take: func(*thing) error { return broken() }},
	}
}

// A caller whose resource failed has its place in the queue before the slot is free:
// who comes while the hooks hear of that does not overtake it (I3).
func TestNobodyComesBetweenAFailureAndTheNextResource(t *testing.T) {
	var fail atomic.Bool
	for name, cfg := range failingOnce(&fail) {
		for _, timeout := range []time.Duration{0, time.Hour} {
			for _, warm := range []int{1, 100} {
				t.Run(name, func(t *testing.T) {
					bubble(t, func(t *testing.T) {
						var r *rig
						served := make(chan string, 2)
						use := func(who string) {
							l, err := r.Acquire(t.Context())
							assert.NoError(t, err)
							served <- who
							l.Release()
						}
						cfg.MaxOpen, cfg.WaitTimeout = 1, timeout
						cfg.Hooks = &pool.Hooks{Evicted: func(e pool.EvictedEvent) {
							if e.Reason != pool.ReasonClosed {
								go use("newcomer")
								<-time.After(time.Second)
							}
						}}
						r = newRig(t, cfg)
						for range warm { // often enough, and the lane is open
							r.acquire().release()
						}
						fail.Store(true)
						use("first")
						require.Equal(t, "first", <-served)
						require.Equal(t, "newcomer", <-served)
					})
				})
			}
		}
	}
}
