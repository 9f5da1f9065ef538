package pool_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/berth-go/berth/pool"
)

// One word says what a caller waited for, whatever holds it up. The caller of each row gives
// up after a second.
func TestWaitErrorSaysInOneWordWhatTheWaitWasFor(t *testing.T) {
	eachWait(t, []wait{
		{pool.ForRelease, "all that may be open is in use", func(t *testing.T, _ <-chan struct{}) *call {
			r := newRig(t, pool.Config[*thing]{MaxOpen: 2})
			r.acquireAll(2)
			return r.within(time.Second)
		}},
		{pool.ForRelease, "most of what may be open is in use", func(t *testing.T, end <-chan struct{}) *call {
			r := newRig(t, pool.Config[*thing]{MaxOpen: 3, Close: func(*thing) error { <-end; return nil }})
			r.acquireAll(3)[0].discard()
			return r.within(time.Second)
		}},
		{pool.ForRelease, "the dial in flight is for an older waiter, and another is not allowed", func(t *testing.T, _ <-chan struct{}) *call {
			r := newManual(t, pool.Config[*thing]{MaxOpen: 2})
			r.acquire()
			r.dial(1).ok()
			r.acquire()
			return r.within(time.Second)
		}},
		{pool.ForDial, "a dial is in flight for it", func(t *testing.T, _ <-chan struct{}) *call {
			r := newManual(t, pool.Config[*thing]{})
			r.acquireAll(2)
			return r.within(time.Second)
		}},
		{pool.ForDial, "a dial is in flight for several", func(t *testing.T, _ <-chan struct{}) *call {
			cfg := shareable()
			cfg.MaxDials, cfg.Shared = 1, 3
			r := newManual(t, cfg)
			r.acquireAll(2)
			return r.within(time.Second)
		}},
		{pool.ForDial, "an older waiter has what has no room yet", func(t *testing.T, _ <-chan struct{}) *call {
			cfg := shareable()
			cfg.MaxDials = 1
			r := newManual(t, cfg)
			r.capacity = 0
			r.acquire()
			r.dial(1).ok()
			return r.within(time.Second)
		}},
		{pool.ForDial, "all that may be open is being dialled for others", func(t *testing.T, _ <-chan struct{}) *call {
			r := newManual(t, pool.Config[*thing]{MaxOpen: 2})
			r.acquireAll(2)
			return r.within(time.Second)
		}},
		{pool.ForDial, "it wants a fresh one, and that is being dialled", func(t *testing.T, _ <-chan struct{}) *call {
			r := newManual(t, pool.Config[*thing]{MaxOpen: 2})
			r.acquire()
			r.dial(1).ok()
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			t.Cleanup(cancel)
			return r.acquireWith(ctx, pool.Request{Fresh: true})
		}},
		{pool.ForDialRate, "DialRate holds the dial up", func(t *testing.T, _ <-chan struct{}) *call {
			r := newRig(t, pool.Config[*thing]{DialRate: newTicker(time.Hour)})
			r.acquire().got()
			return r.within(time.Second)
		}},
		{pool.ForMaxDials, "another dial would be one too many", func(t *testing.T, _ <-chan struct{}) *call {
			r := newManual(t, pool.Config[*thing]{MaxOpen: 9, MaxDials: 1})
			r.acquire()
			return r.within(time.Second)
		}},
		{pool.ForMaxDials, "another dial would be one too many in the Budget", func(t *testing.T, _ <-chan struct{}) *call {
			b := newBudget(t, pool.BudgetLimits{MaxOpen: 9, MaxDials: 1})
			newManual(t, under(b)).acquire()
			return newManual(t, under(b)).within(time.Second)
		}},
		{pool.ForMaxDials, "the dial in flight is not fresh enough", func(t *testing.T, _ <-chan struct{}) *call {
			cfg := shareable()
			cfg.MaxDials, cfg.Shared = 1, 3
			r := newManual(t, cfg)
			r.acquire()
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			t.Cleanup(cancel)
			return r.acquireWith(ctx, pool.Request{Fresh: true})
		}},
		{pool.ForMaxDials, "a dial has failed, which holds up none, and the next is for an older waiter", func(t *testing.T, _ <-chan struct{}) *call {
			r := newManual(t, pool.Config[*thing]{MaxDials: 1})
			r.acquireAll(2)
			c := r.within(time.Second)
			pass(999 * time.Millisecond)
			r.dial(1).fail(errDial)
			return c
		}},
		{pool.ForTotal, "both would be too many", func(t *testing.T, _ <-chan struct{}) *call {
			b := newBudget(t, pool.BudgetLimits{MaxOpen: 1, MaxDials: 1})
			newManual(t, under(b)).acquire()
			return newManual(t, under(b)).within(time.Second)
		}},
		{pool.ForTotal, "all slots of the Budget are taken", func(t *testing.T, _ <-chan struct{}) *call {
			b := newBudget(t, pool.BudgetLimits{MaxOpen: 2, MaxDials: 5})
			newRig(t, under(b)).acquireAll(2)
			return newRig(t, under(b)).within(time.Second)
		}},
		{pool.ForBackoff, "the last dial failed and the next is held up", func(t *testing.T, _ <-chan struct{}) *call {
			r := newManual(t, pool.Config[*thing]{MaxOpen: 2, BackoffBase: time.Minute})
			r.acquire()
			r.dial(1).fail(errDial)
			return r.within(time.Second)
		}},
		{pool.ForCapacity, "what was dialled for it has no room yet", func(t *testing.T, _ <-chan struct{}) *call {
			r := newRig(t, shareable())
			r.capacity = 0
			return r.within(time.Second)
		}},
		{pool.ForCapacity, "what is open lends to nobody now", func(t *testing.T, _ <-chan struct{}) *call {
			cfg := shareable()
			cfg.MaxOpen = 1
			r := newRig(t, cfg)
			c := r.acquire()
			x := c.got()
			c.release()
			x.set(0)
			return r.within(time.Second)
		}},
		{pool.ForRelease, "what has no room yet is for an older waiter", func(t *testing.T, _ <-chan struct{}) *call {
			cfg := shareable()
			cfg.MaxOpen = 2
			r := newRig(t, cfg)
			r.acquire().got()
			r.capacity = 0
			r.acquire().waits()
			return r.within(time.Second)
		}},
		{pool.ForRelease, "what has no room yet is not fresh enough", func(t *testing.T, _ <-chan struct{}) *call {
			cfg := shareable()
			cfg.MaxOpen = 2
			r := newRig(t, cfg)
			r.acquire().got()
			r.capacity = 0
			r.acquire().waits()
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			t.Cleanup(cancel)
			return r.acquireWith(ctx, pool.Request{Fresh: true})
		}},
		{pool.ForCapacity, "one is checked in the background, and one has no room yet", func(t *testing.T, end <-chan struct{}) *call {
			cfg := shareable()
			cfg.MaxOpen, cfg.CheckEvery, cfg.CheckAfter = 2, time.Minute, time.Hour
			cfg.Check = func(context.Context, *thing) error { <-end; return nil }
			r := newRig(t, cfg)
			r.acquire().release()
			pass(time.Minute)
			r.capacity = 0
			r.acquire().waits()
			return r.within(time.Second)
		}},
		{pool.ForCheck, "the only one is checked in the background", func(t *testing.T, end <-chan struct{}) *call {
			r := newRig(t, pool.Config[*thing]{
				MaxOpen: 1, CheckEvery: time.Minute, CheckAfter: time.Hour,
				Check: func(context.Context, *thing) error { <-end; return nil },
			})
			r.acquire().release()
			pass(time.Minute)
			return r.within(time.Second)
		}},
		{pool.ForCheck, "the only one is checked in the background, for an older waiter", func(t *testing.T, end <-chan struct{}) *call {
			r := newRig(t, pool.Config[*thing]{
				MaxOpen: 1, CheckEvery: time.Minute, CheckAfter: time.Hour,
				Check: func(context.Context, *thing) error { <-end; return nil },
			})
			r.acquire().release()
			pass(time.Minute)
			r.acquire().waits()
			return r.within(time.Second)
		}},
		{pool.ForDialRate, "an older waiter's dial goes on, and DialRate holds up the next", func(t *testing.T, _ <-chan struct{}) *call {
			r := newManual(t, pool.Config[*thing]{DialRate: newTicker(time.Hour)})
			r.acquire()
			return r.within(time.Second)
		}},
		{pool.ForDialRate, "it wants a fresh one, and DialRate holds that up", func(t *testing.T, _ <-chan struct{}) *call {
			r := newManual(t, pool.Config[*thing]{DialRate: newTicker(time.Hour)})
			r.acquire()
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			t.Cleanup(cancel)
			return r.acquireWith(ctx, pool.Request{Fresh: true})
		}},
		{pool.ForCheck, "another call checks what both are to share", func(t *testing.T, end <-chan struct{}) *call {
			return checkedByAnother(t, end, 5)
		}},
		{pool.ForCheck, "another call checks what it is to have alone", func(t *testing.T, end <-chan struct{}) *call {
			return checkedByAnother(t, end, 1)
		}},
		{pool.ForClose, "its slot is that of one that is being closed", func(t *testing.T, end <-chan struct{}) *call {
			r := newRig(t, pool.Config[*thing]{MaxOpen: 1, Close: func(*thing) error { <-end; return nil }})
			r.acquire().discard()
			return r.within(time.Second)
		}},
		{pool.ForTurn, "it had been served, and Take took longer than it had", func(t *testing.T, _ <-chan struct{}) *call {
			return takenTooLate(t, nil)
		}},
		{pool.ForTurn, "likewise, and other pools of the Budget are short of dials", func(t *testing.T, _ <-chan struct{}) *call {
			b := newBudget(t, pool.BudgetLimits{MaxDials: 1})
			c := takenTooLate(t, b)
			newManual(t, under(b)).acquireAll(2)
			return c
		}},
		{pool.ForTurn, "likewise, and the Budget has all it may have", func(t *testing.T, _ <-chan struct{}) *call {
			b := newBudget(t, pool.BudgetLimits{MaxOpen: 3})
			c := takenTooLate(t, b)
			newManual(t, under(b)).acquireAll(2)
			return c
		}},
	})
}

// A wait is what a call waits for, and when. The end of end is that of the test.
type wait struct {
	word pool.WaitedFor
	when string
	wait func(t *testing.T, end <-chan struct{}) *call
}

// eachWait checks the word of calls that give up after a second.
func eachWait(t *testing.T, waits []wait) {
	t.Helper()
	for _, w := range waits {
		t.Run(fmt.Sprintf("%v: %s", w.word, w.when), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				end := make(chan struct{})
				defer close(end)
				c := w.wait(t, end)
				pass(time.Second)
				e := c.waitErr()
				assert.Equal(t, w.word, e.For, e.Error())
			})
		})
	}
}

// takenTooLate returns a call that waits, is served, and is then in Take when WaitTimeout
// passes, a second from now.
func takenTooLate(t *testing.T, b *pool.Budget) *call {
	t.Helper()
	r := newBare(t, pool.Config[*thing]{MaxOpen: 2, Budget: b, WaitTimeout: time.Second, Take: func(x *thing) error {
		if x.n > 2 {
			<-time.After(2 * time.Second)
			return errDial
		}
		return nil
	}})
	busy := r.acquireAll(2)
	c := r.acquire()
	busy[0].discard()
	pass(time.Second)
	return c
}

// The cap on the dials of all pools may be what holds one up that has none.
func TestWaitErrorReadAloudTellsOfTheDialsOfOthers(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newBudget(t, pool.BudgetLimits{MaxDials: 2})
		newManual(t, under(b)).acquireAll(2)
		c := newManual(t, under(b)).within(time.Second)
		pass(time.Second)
		e := c.waitErr()
		assert.EqualError(t, e, "pool: gave up after waiting 1s for max dials at place 1, 0 open, 0 in use, 0 dialing, 0 closing, "+
			"0 still waiting, all 2 dials of the total are in flight: context deadline exceeded")
		assert.Equal(t, 2, e.Budget.Dialing)
	})
}

// Of a shareable resource in use, the leases say whether it is full or carries less than before.
func TestWaitErrorReadAloudTellsHowManyLeasesAreOut(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg := shareable()
		cfg.MaxOpen = 1
		r := newRig(t, cfg)
		r.capacity = 3
		r.acquireAll(3)
		c := r.within(time.Second)
		pass(time.Second)
		e := c.waitErr()
		assert.Contains(t, e.Error(), "for release at place 1, 1 of 1 open, 1 in use, 3 leases, 0 dialing")
		assert.Equal(t, 3, e.Leases)
	})
}

// checkedByAnother returns a call that waits while another checks the only resource.
func checkedByAnother(t *testing.T, end <-chan struct{}, capacity int) *call {
	cfg := shareable()
	cfg.MaxOpen, cfg.CheckAfter = 1, time.Minute
	cfg.Check = func(context.Context, *thing) error { <-end; return nil }
	r := newRig(t, cfg)
	r.capacity = capacity
	r.acquire().release()
	pass(2 * time.Minute)
	r.acquire()
	return r.within(time.Second)
}
