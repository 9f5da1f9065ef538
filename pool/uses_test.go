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

func TestResourceIsClosedAfterItsLastUse(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, pool.Config[*thing]{MaxUses: 3})
		for use := range 3 {
			c := r.acquire()
			assert.Equal(t, 1, c.got().n)
			assert.EqualValues(t, use+1, c.lease.Info().Uses)
			c.release()
		}
		assert.EqualValues(t, 1, r.Stats().Closes.Of(pool.ReasonUses))
		assert.Equal(t, 2, r.acquire().got().n)
	})
}

// A hand-off to a waiter is a use like any other.
func TestWaitersGetFreshResourcesWhenUsesRunOut(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, pool.Config[*thing]{MaxUses: 2, MaxOpen: 1})
		calls := []*call{r.acquire(), r.acquire(), r.acquire(), r.acquire(), r.acquire()}
		for i, c := range calls {
			assert.Equal(t, i/2+1, c.got().n)
			c.release()
		}
		assert.EqualValues(t, 2, r.Stats().Closes.Of(pool.ReasonUses))
	})
}

func TestUsesOfAShareableResourceAreItsLeases(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg := shareable()
		cfg.MaxUses = 3
		r := newRig(t, cfg)
		r.capacity = 9
		first, second, third := r.acquire(), r.acquire(), r.acquire()
		assert.Equal(t, 1, third.got().n)
		assert.Equal(t, 2, r.acquire().got().n, "the fourth lease is another's")
		first.release()
		second.release()
		assert.Zero(t, r.things[0].closes.Load())
		third.release()
		assert.EqualValues(t, 1, r.things[0].closes.Load())
		assert.EqualValues(t, 1, r.Stats().Closes.Of(pool.ReasonUses))
	})
}

// A resource that has had its last use does not pass for one that will soon have
// room: its waiters would sleep until it drains (I2).
func TestSpentResourcePromisesNothing(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg := shareable()
		cfg.MaxUses = 1
		cfg.Expect = func(*thing) int { return 100 }
		r := newRig(t, cfg)
		r.acquire().got()
		assert.Equal(t, 2, r.acquire().got().n)
	})
}

// Nobody waits for more leases than a resource may have in its life: neither of a dial, nor of
// one that says that it is about to have more room.
func TestResourceAndDialPromiseNoMoreThanTheirUses(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg := shareable()
		cfg.MaxUses, cfg.Shared = 2, 100
		cfg.Expect = func(*thing) int { return 100 }
		r := newManual(t, cfg)
		for range 6 {
			r.acquire()
		}
		assert.Equal(t, 3, r.Stats().Dialing)
	})
}

// What comes while the last use is being checked counts, although the resource
// goes after this use anyway (I10, I11), and a shareable one, with DrainTimeout, drains from
// then on.
func TestResetDuringTheCheckBeforeTheLastUseIsNoticed(t *testing.T) {
	draining := shareable()
	draining.DrainTimeout = time.Hour
	ends := map[string]func(r *rig){
		"Reset":    func(r *rig) { r.Reset() },
		"Close":    func(r *rig) { assert.NoError(r.t, r.Close()) },
		"Retire":   func(r *rig) { r.Retire(func(*thing) bool { return true }) },
		"Draining": func(r *rig) { r.things[0].set(pool.Draining) },
	}
	for kind, cfg := range map[string]pool.Config[*thing]{"exclusive": {}, "shareable": draining} {
		for name, end := range ends {
			if name == "Draining" && cfg.Capacity == nil {
				continue
			}
			t.Run(kind+"/"+name, func(t *testing.T) {
				bubble(t, func(t *testing.T) {
					gate := make(chan struct{})
					var checks atomic.Int32
					cfg := cfg
					cfg.MaxUses, cfg.CheckAfter = 2, -1
					cfg.Check = func(context.Context, *thing) error {
						checks.Inc()
						<-gate
						return nil
					}
					r := newRig(t, cfg)
					r.acquire().release()
					c := r.acquire()
					c.waits()
					end(r)
					pass(time.Second)
					close(gate)
					assert.EqualValues(t, 1, checks.Load())
					if name == "Close" {
						require.ErrorIs(t, c.failed(), pool.ErrClosed)
					} else {
						require.Equal(t, 2, c.got().n)
					}
					assert.EqualValues(t, 1, r.things[0].closes.Load())
				})
			})
		}
	}
}

// A shareable resource that has had all of its leases gets no new ones and is closed after
// its last: it drains, and DrainTimeout is for that. So it is if its last lease is also its
// first, of one that was idle, and if it was checked before.
func TestSpentShareableResourceDrains(t *testing.T) {
	for _, checked := range []bool{false, true} {
		for _, uses := range []uint64{1, 2} {
			bubble(t, func(t *testing.T) {
				cfg := shareable()
				cfg.MaxOpen, cfg.MaxUses, cfg.DrainTimeout = 1, uses, time.Minute
				if checked {
					cfg.CheckAfter, cfg.Check = -1, func(context.Context, *thing) error { return nil }
				}
				r := newRig(t, cfg)
				r.capacity = 10
				require.NoError(t, r.Warm(t.Context(), 1))
				for range uses - 1 {
					r.acquire().release()
				}
				endless := r.acquire()
				assert.Equal(t, 1, endless.got().n)
				waiting := r.acquire()
				waiting.waits()
				pass(time.Minute)
				assert.Equal(t, 2, waiting.got().n)
				assert.EqualValues(t, 1, r.Stats().Closes.Of(pool.ReasonDrain))
				endless.release()
				waiting.release()
			})
		}
	}
}
