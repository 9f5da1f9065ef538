package keyed_test

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/atomic"
)

// serveInOrder checks that the waiting calls are served one after the other as
// the ones before them end.
func serveInOrder(t *testing.T, holders, waiting []*call) {
	t.Helper()
	all := append(holders, waiting...) //nolint:gocritic // a new slice is wanted
	for i, c := range waiting {
		c.waits()
		all[i].release()
		c.got()
		for _, later := range waiting[i+1:] {
			later.waits()
		}
	}
}

func TestTotalOfOneGoesToKeysInOrderOfArrival(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, config{MaxOpen: 1})
		serveInOrder(t, r.acquireAll("a"), r.acquireAll("b", "a", "c", "a", "b", "b", "c", "a"))
	})
}

func TestTotalOfTwoGoesToKeysInOrderOfArrival(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, config{MaxOpen: 2})
		serveInOrder(t, r.acquireAll("a", "b"), r.acquireAll("c", "a", "a", "b", "c", "b", "a", "c"))
	})
}

func TestManyKeysAreServedInOrderOfArrival(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, config{MaxOpen: 3})
		var keys []string
		for i := range 60 {
			keys = append(keys, fmt.Sprint("key ", i*7%20)) // three rounds, each key thrice
		}
		serveInOrder(t, r.acquireAll("x", "y", "z"), r.acquireAll(keys...))
	})
}

// A resource is handed on within its key as long as that is the order.
func TestResourceIsHandedOnIfItsKeyHasTheOldestWaiter(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, config{MaxOpen: 1})
		calls := r.acquireAll("a", "a", "a", "b")
		calls[0].release()
		calls[1].release()
		assert.Equal(t, 1, calls[2].got().n, "one dial for all three")
		calls[3].waits()
		calls[2].release()
		assert.Equal(t, 2, calls[3].got().n)
	})
}

// Capacity that a key cannot take goes to the next who can, and the key keeps its
// turn for what it can take.
func TestKeyAtItsOwnCapIsPassedOver(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, config{MaxOpen: 3, MaxOpenPerKey: 1})
		calls := r.acquireAll("a", "b", "c", "a", "b", "d", "e")
		calls[2].discard() // c's: a and b came first, but are at their caps
		calls[5].got()
		calls[3].waits()
		calls[4].waits()
		calls[1].release()
		assert.Equal(t, "b", calls[4].got().key, "b's own, since a cannot take it")
		calls[6].waits()
		calls[0].release()
		calls[3].got()
		calls[6].waits()
	})
}

// At its own dial limit a key cannot use a slot either.
func TestKeyAtItsOwnDialLimitIsPassedOver(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, config{MaxOpen: 2, MaxDialsPerKey: 1})
		calls := r.acquireAll("c", "a")
		r.dial(1).ok()
		calls = append(calls, r.acquireAll("a", "b")...)
		require.Equal(t, []string{"c", "a"}, r.started())
		calls[0].release()
		require.Equal(t, []string{"c", "a", "b"}, r.started())
	})
}

// However a slot becomes free, it goes to the oldest waiter of any key.
func TestHoweverASlotBecomesFreeTheOldestWaiterOfAnyKeyGetsIt(t *testing.T) {
	for _, tt := range []struct {
		name string
		cfg  config
		free func(r *rig, holder *call)
	}{
		{"release", config{}, func(_ *rig, c *call) { c.release() }},
		{"discard", config{}, func(_ *rig, c *call) { c.discard() }},
		{"hijack", config{}, func(_ *rig, c *call) { c.hijack() }},
		{"failed Recycle", config{Recycle: func(x *thing) error { return map[string]error{"a": errBroken}[x.key] }}, func(_ *rig, c *call) { c.release() }},
		{"ResetKey", config{}, func(r *rig, c *call) { r.ResetKey("a"); c.release() }},
		{"Reset", config{}, func(r *rig, c *call) { r.Reset(); c.release() }},
		{"key's cap fell", config{MaxOpenPerKey: 2}, func(r *rig, c *call) {
			assert.NoError(r.t, r.SetLimits("a", pool.Limits{MaxOpen: 1}))
			c.release()
		}},
		{"death", shareable(), func(_ *rig, c *call) { c.got().set(pool.Dead) }},
		{"draining", shareable(), func(_ *rig, c *call) { c.got().set(pool.Draining); c.release() }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				tt.cfg.MaxOpen = 1
				r := newRig(t, tt.cfg)
				holder := r.acquire("a")
				holder.got()
				waiting := r.acquireAll("b", "a", "c")
				tt.free(r, holder)
				assert.Equal(t, 2, waiting[0].got().n)
				waiting[1].waits()
				waiting[2].waits()
				waiting[0].release()
				waiting[1].got()
				waiting[2].waits()
			})
		})
	}
}

func TestSlotOfAFailedDialGoesToTheOldestWaiterOfAnyKey(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, config{MaxOpen: 1})
		calls := r.acquireAll("a", "b", "a", "c")
		r.dial(1).fail()
		require.ErrorIs(t, calls[0].failed(), errDial)
		require.Equal(t, []string{"a", "b"}, r.started())
		r.dial(2).fail()
		require.ErrorIs(t, calls[1].failed(), errDial)
		calls[2].waits()
		require.Equal(t, []string{"a", "b", "a"}, r.started())
		r.dial(3).ok()
		calls[2].got()
		calls[3].waits()
	})
}

// A waiter that gives up loses its turn and nothing else.
func TestTurnOfAWaiterThatGaveUpGoesToTheNext(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, config{MaxOpen: 1})
		calls := r.acquireAll("a", "b", "c", "a", "b")
		calls[1].leave()
		calls[2].leave()
		calls[0].release()
		calls[3].got()
		calls[4].waits()
		assert.Equal(t, []string{"a", "b"}, r.keys(), "c has nothing left (I12)")
	})
}

// The slot is given to b, and b's waiter is gone before b hears of it: all in one
// moment, so that whoever wins, the slot reaches c.
func TestGrantedSlotWhoseWaiterGaveUpGoesOn(t *testing.T) {
	for range 300 {
		bubble(t, func(t *testing.T) {
			r := newRig(t, config{MaxOpen: 1})
			calls := r.acquireAll("a", "b", "c")
			go calls[1].cancel()
			calls[0].release()
			if calls[1].ended() && calls[1].err == nil {
				calls[1].release()
			}
			calls[2].got()
		})
	}
}

// Affinity bounds how often a key may serve its own past an older waiter.
func TestAffinityServesTheOwnKeyThatManyTimesFirst(t *testing.T) {
	for affinity := range 4 {
		t.Run(fmt.Sprint(affinity), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				r := newRig(t, config{MaxOpen: 1, Affinity: affinity})
				holder := r.acquire("a")
				older := r.acquire("b")
				own := r.acquireAll("a", "a", "a", "a", "a")
				for _, c := range own[:affinity] {
					holder.release()
					assert.Equal(t, 1, c.got().n)
					older.waits()
					holder = c
				}
				holder.release()
				older.got()
				own[affinity].waits()
				older.release()
				own[affinity].got() // a is older than all of b now
			})
		})
	}
}

// The count is of times in a row: a turn in good order starts it anew.
func TestAffinityCountsAnewWhenTheOlderWaiterIsGone(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, config{MaxOpen: 1, Affinity: 1})
		holder := r.acquire("a")
		for range 3 {
			older := r.acquire("b")
			own, next := r.acquire("a"), r.acquire("a")
			holder.release()
			own.got() // past b, which is allowed once
			older.leave()
			own.release()
			next.got() // in good order
			holder = next
		}
		assert.Len(t, r.started(), 1)
	})
}

// Newcomers of a key are its own, too.
func TestAffinityIsForNewcomersAsWell(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg := shareable()
		cfg.MaxOpen, cfg.Affinity = 1, 2
		r := newRig(t, cfg)
		r.capacity = 9
		first := r.acquire("a")
		older := r.acquire("b")
		second, third := r.acquire("a"), r.acquire("a")
		second.got()
		third.got()
		fourth := r.acquire("a")
		fourth.waits() // b's turn: the thing gets no more leases
		for _, c := range []*call{first, second, third} {
			c.release()
		}
		older.got()
		fourth.waits()
		older.release()
		fourth.got()
	})
}

// A call with the place of an earlier lease stands where that stood, across keys.
func TestPlaceOfAnEarlierLeaseCountsAcrossKeys(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, config{MaxOpen: 1})
		calls := r.acquireAll("a", "b")
		place := calls[0].lease.Ticket()
		again := r.acquireWith("a", pool.Request{Place: place})
		calls[0].discard()
		assert.Equal(t, 2, again.got().n)
		calls[1].waits()
	})
}

// Whoever comes first to a new key stands first, however long it takes to make that.
func TestCallersOfANewKeyStandInOrderOfArrival(t *testing.T) {
	for name, take := range map[string]func(*thing) error{
		"plain":     nil,
		"with Take": func(*thing) error { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				asked := make(chan chan struct{}, 3)
				r := newRig(t, config{MaxOpen: 1, Take: take, PerKey: func(key string) pool.Limits {
					if key == "new" {
						gate := make(chan struct{})
						asked <- gate
						<-gate
					}
					return pool.Limits{}
				}})
				held := r.acquire("a")
				var done atomic.Bool
				go func() {
					assert.NoError(t, r.Do(t.Context(), "new", func(pool.Lease[*thing]) error {
						done.Store(true)
						return nil
					}))
				}()
				synctest.Wait()
				first := r.acquire("new")
				second := r.acquire("new")
				gates := []chan struct{}{<-asked, <-asked, <-asked}
				for _, gate := range slices.Backward(gates) {
					close(gate)
					synctest.Wait()
				}
				serveInOrder(t, []*call{held}, []*call{first, second})
				assert.True(t, done.Load(), "it came before both")
			})
		})
	}
}
