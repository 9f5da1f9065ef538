package pool_test

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"time"

	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A wakeCase is one way in which a slot or capacity becomes free. Of a pool that
// is full, two callers wait; then it happens, and the older one must be served
// and the younger one must not be (I2, I3).
type wakeCase struct {
	name   string
	cfg    pool.Config[*thing]
	happen func(r *rig, holder *call)
	want   int // the thing that the older one gets
}

func wakeCases() []wakeCase {
	first := func(f func() error) func(*thing) error { // what befalls the holder's thing only
		return func(x *thing) error {
			if x.n == 1 {
				return f()
			}
			return nil
		}
	}
	broken := first(func() error { return errBroken })
	goexit := first(func() error { runtime.Goexit(); return nil })
	panics := &pool.Hooks{Panic: func(any) {}}
	share := shareable()
	look := quietly()
	share.MaxOpen, look.MaxOpen = 1, 1
	fill := func(r *rig, capacity int) { r.things[0].set(capacity) }
	return []wakeCase{
		{"release", pool.Config[*thing]{MaxOpen: 1}, func(_ *rig, h *call) { h.release() }, 1},
		{"discard", pool.Config[*thing]{MaxOpen: 1}, func(_ *rig, h *call) { h.discard() }, 2},
		{"hijack", pool.Config[*thing]{MaxOpen: 1}, func(_ *rig, h *call) { h.hijack() }, 2},
		{
			"failed Recycle",
			pool.Config[*thing]{MaxOpen: 1, Recycle: broken},
			func(_ *rig, h *call) { h.release() }, 2,
		},
		{
			"panic in Recycle",
			pool.Config[*thing]{MaxOpen: 1, Recycle: first(func() error { panic("recycle") })},
			func(r *rig, h *call) { assert.PanicsWithValue(r.t, "recycle", h.lease.Release) }, 2,
		},
		{
			"panic in Close",
			pool.Config[*thing]{MaxOpen: 1, Hooks: panics, Close: first(func() error { panic("close") })},
			func(_ *rig, h *call) { h.discard() }, 2,
		},
		{
			"Goexit in Close",
			pool.Config[*thing]{MaxOpen: 1, Close: goexit},
			func(_ *rig, h *call) { h.discard() }, 2,
		},
		{"error of Close", pool.Config[*thing]{MaxOpen: 1, Close: broken}, func(_ *rig, h *call) { h.discard() }, 2},
		{
			"MaxOpen grew",
			pool.Config[*thing]{MaxOpen: 1},
			func(r *rig, _ *call) { assert.NoError(r.t, r.SetLimits(pool.Limits{MaxOpen: 2})) }, 2,
		},
		{"Reset, then release", pool.Config[*thing]{MaxOpen: 1}, func(r *rig, h *call) { r.Reset(); h.release() }, 2},
		{"capacity rose, told by Watch", share, func(r *rig, _ *call) { fill(r, 2) }, 1},
		{"share of a lease released", share, func(_ *rig, h *call) { h.release() }, 1},
		{"shareable discarded", share, func(_ *rig, h *call) { h.discard() }, 2},
		{"shareable hijacked", share, func(_ *rig, h *call) { h.hijack() }, 2},
		{"shareable died", share, func(r *rig, _ *call) { fill(r, pool.Dead) }, 2},
		{"shareable drained", share, func(r *rig, h *call) { fill(r, pool.Draining); h.release() }, 2},
		{"shareable of an old generation", share, func(r *rig, h *call) { r.Reset(); h.release() }, 2},
		{"release without Watch", look, func(_ *rig, h *call) { h.release() }, 1},
		{"death seen without Watch", look, func(r *rig, h *call) { fill(r, pool.Dead); h.release() }, 2},
	}
}

func TestWhateverBecomesFreeServesTheOldestWaiter(t *testing.T) {
	for _, tt := range wakeCases() {
		t.Run(tt.name, func(t *testing.T) { bubble(t, func(t *testing.T) { tt.run(newRig(t, tt.cfg)) }) })
		if tt.cfg.Close == nil {
			t.Run(tt.name+", without Close", func(t *testing.T) {
				bubble(t, func(t *testing.T) { tt.run(newBare(t, tt.cfg)) })
			})
		}
	}
}

func (tt *wakeCase) run(r *rig) {
	holder := r.acquire()
	require.Equal(r.t, 1, holder.got().n)
	oldest, younger := r.acquire(), r.acquire()
	oldest.waits()
	younger.waits()

	tt.happen(r, holder)
	assert.Equal(r.t, tt.want, oldest.got().n)
	younger.waits()

	oldest.release()
	assert.Equal(r.t, tt.want, younger.got().n)
}

// Without Watch nobody tells of a capacity that rose: it is seen when a lease
// ends, and then serves as many as there is room for.
func TestCapacityThatRoseIsSeenAtReleaseWithoutWatch(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg := quietly()
		cfg.MaxOpen = 1
		r := newRig(t, cfg)
		holder := r.acquire()
		holder.got().set(2)
		first, second, third := r.acquire(), r.acquire(), r.acquire()
		first.waits()
		holder.release()
		first.got()
		second.got()
		third.waits()
		assert.Len(t, r.things, 1)
	})
}

// What sits idle although somebody waits, since it can serve nobody at the
// moment, makes room when it goes.
func TestIdleThingOfNoUseMakesRoomWhenItGoes(t *testing.T) {
	for _, tt := range []struct {
		name   string
		cfg    pool.Config[*thing]
		happen func(r *rig)
	}{
		{"CloseIdle", quietly(), func(r *rig) { r.CloseIdle() }},
		{"Reset", quietly(), func(r *rig) { r.Reset() }},
		{"idle expiry", quietly(), func(*rig) { pass(time.Minute) }},
		{"MaxIdle fell", quietly(), func(r *rig) { assert.NoError(r.t, r.SetLimits(pool.Limits{MaxOpen: 1, MaxIdle: -1})) }},
		{"it died", shareable(), func(r *rig) { r.things[0].set(pool.Dead) }},
		{"it drains", shareable(), func(r *rig) { r.things[0].set(pool.Draining) }},
	} {
		for _, kind := range []struct {
			name      string
			shareable bool
			make      func(*testing.T, pool.Config[*thing]) *rig
		}{
			{"exclusive", false, newRig},
			{"shareable", true, newRig},
			{"exclusive without Close", false, newBare},
			{"shareable without Close", true, newBare},
		} {
			t.Run(tt.name+"/"+kind.name, func(t *testing.T) {
				bubble(t, func(t *testing.T) {
					cfg := tt.cfg
					cfg.MaxOpen, cfg.MaxIdleTime = 1, time.Minute
					cfg.Shareable = func(*thing) bool { return kind.shareable }
					r := kind.make(t, cfg)
					holder := r.acquire()
					holder.got().set(0)
					holder.release()
					require.Equal(t, 1, r.Stats().Idle)
					oldest, younger := r.acquire(), r.acquire()
					oldest.waits()

					tt.happen(r)
					assert.Equal(t, 2, oldest.got().n)
					younger.waits()
				})
			})
		}
	}
}

// An exclusive resource whose capacity comes back while it is idle serves the
// waiter too.
func TestExclusiveCapacityThatComesBackServesTheOldestWaiter(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg := shareable()
		cfg.MaxOpen, cfg.Shareable = 1, func(*thing) bool { return false }
		r := newRig(t, cfg)
		holder := r.acquire()
		holder.got().set(0)
		holder.release()
		oldest, younger := r.acquire(), r.acquire()
		oldest.waits()
		r.things[0].set(1)
		assert.Equal(t, 1, oldest.got().n)
		younger.waits()
	})
}

// The slot of a dial is free when Dial has returned, however it did.
func TestEndOfADialServesTheRightWaiter(t *testing.T) {
	boom := errors.New("boom")
	for _, tt := range []struct {
		name string
		end  func(d *dialCall)
		text string
	}{
		{"failed", func(d *dialCall) { d.fail(errDial) }, "refused"},
		{"panicked", func(d *dialCall) { d.panics(boom) }, "panic in Dial: boom"},
		{"Goexit", func(d *dialCall) { d.goexit() }, "runtime.Goexit"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				r := newManual(t, pool.Config[*thing]{MaxOpen: 1})
				oldest, younger, third := r.acquire(), r.acquire(), r.acquire()
				tt.end(r.dial(1))
				var failure *pool.DialError
				require.ErrorAs(t, oldest.failed(), &failure)
				assert.ErrorContains(t, failure, tt.text)
				younger.waits()
				r.dial(2).ok() // the freed slot is for the next
				assert.Equal(t, 1, younger.got().n)
				third.waits()
			})
		})
	}
	t.Run("ok", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			r := newManual(t, pool.Config[*thing]{MaxOpen: 1})
			oldest, younger := r.acquire(), r.acquire()
			r.dial(1).ok()
			assert.Equal(t, 1, oldest.got().n)
			younger.waits()
			assert.Equal(t, 1, r.started())
		})
	})
}

// A canceled dial has its slot until it returns, and then the slot serves those
// who wait by then. It fails nobody.
func TestEndOfACanceledDialServesTheRightWaiter(t *testing.T) {
	for _, tt := range []struct {
		name   string
		cancel func(r *rig, first *call)
	}{
		{"Reset", func(r *rig, _ *call) { r.Reset() }},
		{"unwanted", func(_ *rig, first *call) { first.leave() }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				r := newManual(t, pool.Config[*thing]{MaxOpen: 1, MaxIdle: -1})
				first := r.acquire()
				d := r.dial(1)
				d.stubborn.Store(true)
				tt.cancel(r, first)
				require.True(t, d.canceled())
				oldest, younger := first, r.acquire()
				if first.ended() {
					oldest, younger = younger, r.acquire()
				}
				oldest.waits()
				require.Equal(t, 1, r.started(), "the slot is taken until Dial returns (I1)")
				d.fail(errDial)
				r.dial(2).ok()
				assert.Equal(t, 1, oldest.got().n)
				younger.waits()
			})
		})
	}
}

func TestSlotIsFreeWhenCloseHasReturned(t *testing.T) {
	bubble(t, func(t *testing.T) {
		gate := make(chan struct{})
		r := newRig(t, pool.Config[*thing]{MaxOpen: 1, Close: func(x *thing) error {
			if x.n == 1 {
				<-gate
			}
			return nil
		}})
		holder := r.acquire()
		oldest, younger := r.acquire(), r.acquire()
		holder.discard()
		oldest.waits()
		assert.Equal(t, 1, r.Stats().Closing)
		close(gate)
		assert.Equal(t, 2, oldest.got().n)
		younger.waits()
	})
}

func TestMoreDialsStartWhenMaxDialsGrows(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, pool.Config[*thing]{MaxDials: 1})
		oldest, younger := r.acquire(), r.acquire()
		require.Equal(t, 1, r.started())
		require.NoError(t, r.SetLimits(pool.Limits{MaxDials: 2}))
		r.dial(2).ok() // the first that ends serves the oldest
		assert.Equal(t, 1, oldest.got().n)
		younger.waits()
		r.dial(1).ok()
		assert.Equal(t, 2, younger.got().n)
	})
}

// A waiter that leaves also leaves the dial that was for it, to the next.
func TestWaiterThatLeavesLeavesItsDialToTheNext(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, pool.Config[*thing]{MaxOpen: 1})
		first, second, third := r.acquire(), r.acquire(), r.acquire()
		first.leave()
		assert.ErrorIs(t, first.failed(), context.Canceled)
		r.dial(1).ok()
		assert.Equal(t, 1, second.got().n)
		third.waits()
	})
}

// A waiter for a fresh resource keeps a dial of its own going; one that leaves
// must not keep the slot from the rest.
func TestFreshWaiterThatLeavesHoldsNothing(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, pool.Config[*thing]{MaxOpen: 2})
		holder := r.acquire()
		r.dial(1).ok()
		fresh := r.acquireFresh()
		next := r.acquire()
		fresh.leave()
		next.waits()
		holder.release()
		assert.Equal(t, 1, next.got().n)
	})
}

// At the cap, what is idle is closed for a caller who wants a fresh one.
func TestEvictionServesTheFreshWaiter(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, pool.Config[*thing]{MaxOpen: 1})
		r.acquire().release()
		fresh := r.acquireFresh()
		assert.Equal(t, 2, fresh.got().n)
		assert.EqualValues(t, 1, r.Stats().Closes.Of(pool.ReasonEvict))
	})
}

// Under a Budget what is idle in one pool is closed for a waiter of another.
func TestEvictionServesAnotherPoolOfTheBudget(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b, err := pool.NewBudget(pool.BudgetLimits{MaxOpen: 1})
		require.NoError(t, err)
		one := newRig(t, pool.Config[*thing]{Budget: b})
		two := newRig(t, pool.Config[*thing]{Budget: b})
		one.acquire().release()
		oldest := two.acquire()
		assert.Equal(t, 1, oldest.got().n)
		assert.EqualValues(t, 1, one.Stats().Closes.Of(pool.ReasonEvict))
		waiting := one.acquire()
		waiting.waits()
		oldest.release()
		assert.Equal(t, 2, waiting.got().n)
	})
}
