package pool_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// wait returns the error of a call that gave up.
func (c *call) waitErr() *pool.WaitError {
	c.t.Helper()
	var e *pool.WaitError
	require.ErrorAs(c.t, c.failed(), &e)
	return e
}

// Everything is in use, and one lease much longer than the wait: somebody holds
// on to it.
func TestWaitErrorReadAloudTellsOfALeaseThatIsHeld(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, pool.Config[*thing]{MaxOpen: 2})
		r.acquire()
		pass(time.Hour)
		r.acquire()
		c := r.within(time.Second)
		pass(time.Second)
		assert.EqualError(t, c.waitErr(), "pool: gave up after waiting 1s for release at place 1, 2 of 2 open, 2 in use, 0 dialing, 0 closing, "+
			"0 still waiting, oldest lease out for 1h0m1s: context deadline exceeded")
	})
}

// Nothing is open, and the last dial has failed: the peer is down. That the
// backoff holds up the next one shows in no dial being in flight.
func TestWaitErrorReadAloudTellsOfAPeerThatIsDown(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, pool.Config[*thing]{MaxOpen: 2, BackoffBase: time.Minute})
		r.acquire()
		r.dial(1).fail(errDial)
		c := r.within(time.Second)
		pass(time.Second)
		e := c.waitErr()
		assert.EqualError(t, e, "pool: gave up after waiting 1s for backoff at place 1, 0 of 2 open, 0 in use, 0 dialing, 0 closing, "+
			"0 still waiting, last dial failed (refused): context deadline exceeded")
		assert.Equal(t, errDial, e.LastDial)
		assert.NotErrorIs(t, e, errDial, "that is a circumstance and not how the wait ended")
	})
}

// A dial hangs: it is in flight, and nothing has failed yet.
func TestWaitErrorReadAloudTellsOfADialThatHangs(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, pool.Config[*thing]{MaxOpen: 2})
		c := r.within(time.Second)
		pass(time.Second)
		assert.EqualError(t, c.waitErr(), "pool: gave up after waiting 1s for dial at place 1, 0 of 2 open, 0 in use, 1 dialing, 0 closing, "+
			"0 still waiting: context deadline exceeded")
	})
}

// A Close func hangs: its slot counts until it has returned.
func TestWaitErrorReadAloudTellsOfACloseThatHangs(t *testing.T) {
	bubble(t, func(t *testing.T) {
		stuck := make(chan struct{})
		r := newRig(t, pool.Config[*thing]{MaxOpen: 1, Close: func(*thing) error { <-stuck; return nil }})
		defer close(stuck)
		r.acquire().discard()
		c := r.within(time.Second)
		pass(time.Second)
		assert.EqualError(t, c.waitErr(), "pool: gave up after waiting 1s for close at place 1, 0 of 1 open, 0 in use, 0 dialing, 1 closing, "+
			"0 still waiting: context deadline exceeded")
	})
}

// Too many wait: the place tells how far the caller had come.
func TestWaitErrorReadAloudTellsOfALongQueue(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, pool.Config[*thing]{MaxOpen: 1})
		last := r.acquire()
		queue := r.acquireAll(50)
		c := r.within(time.Second)
		r.acquireAll(9)
		for _, next := range queue[:30] {
			last.release()
			last = next
			pass(30 * time.Millisecond)
		}
		pass(100 * time.Millisecond)
		e := c.waitErr()
		assert.Equal(t, 21, e.Place, "thirty of fifty in front are served")
		assert.Equal(t, 29, e.Waiting)
		assert.Contains(t, e.Error(), "at place 21, 1 of 1 open, 1 in use, 0 dialing, 0 closing, 29 still waiting, oldest lease out for 130ms")
	})
}

// The pool itself is empty: what it shares with others is used up there.
func TestWaitErrorReadAloudTellsOfABudgetThatIsUsedUp(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newBudget(t, pool.BudgetLimits{MaxOpen: 3})
		others, r := newRig(t, under(b)), newRig(t, under(b))
		others.acquireAll(3)
		c := r.within(time.Second)
		pass(time.Second)
		e := c.waitErr()
		assert.EqualError(t, e, "pool: gave up after waiting 1s for total at place 1, 0 open, 0 in use, 0 dialing, 0 closing, "+
			"0 still waiting, all 3 slots of the total are taken: context deadline exceeded")
		assert.Equal(t, 3, e.Budget.Open)
	})
}

// The oldest lease is known whatever order they end in.
func TestWaitErrorKnowsTheOldestLease(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, pool.Config[*thing]{MaxOpen: 3})
		var leases []*call
		for range 3 {
			leases = append(leases, r.acquire())
			pass(time.Second)
		}
		ask := func() time.Duration {
			for r.Stats().Leases < 3 {
				leases = append(leases, r.acquire())
			}
			c := r.acquire()
			pass(0)
			c.leave()
			return c.waitErr().OldestLease
		}
		assert.Equal(t, 3*time.Second, ask())
		leases[1].release()
		assert.Equal(t, 3*time.Second, ask())
		leases[0].discard()
		assert.Equal(t, time.Second, ask())
		leases[2].hijack()
		assert.Equal(t, time.Duration(0), ask(), "all are new")
	})
}

// The wait of one call is one, however often it had to queue, and each counts.
func TestWaitErrorCountsFromTheFirstTimeTheCallQueued(t *testing.T) {
	bubble(t, func(t *testing.T) {
		takes := 0
		r := newManual(t, pool.Config[*thing]{MaxOpen: 1, Take: func(*thing) error {
			takes++
			return errors.New("not this one")
		}})
		c := r.within(3 * time.Second)
		pass(time.Second)
		r.dial(1).ok() // and Take fails
		pass(2 * time.Second)
		assert.Equal(t, 3*time.Second, c.waitErr().Waited)
		assert.Equal(t, 1, takes)
		s := r.Stats()
		assert.EqualValues(t, 1, s.Waits, "one call")
		assert.EqualValues(t, 2, s.WaitTimes.Count(), "which queued twice")
		assert.Equal(t, 3*time.Second, s.WaitTime)
		assert.ErrorIs(t, c.err, context.DeadlineExceeded)
	})
}

// asked is a context that counts how often it is asked for a value, which is how package
// context finds the one whose lock the cause is under.
type asked struct {
	context.Context
	times *int
}

func (c asked) Value(key any) any {
	*c.times++
	return c.Context.Value(key)
}

// Who ends a context that thousands wait with has its lock until they have all been woken:
// none of them may need it before they have given up.
func TestWaitErrorAsksForTheCauseOnlyIfItIsAsked(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, pool.Config[*thing]{MaxOpen: 1})
		r.acquire()
		ctx, cancel := context.WithCancelCause(t.Context())
		own := asked{ctx, new(int)}
		c := r.acquireAs(own)
		before := *own.times
		cancel(errDial)
		e := c.waitErr()
		assert.ErrorIs(t, e, context.Canceled)
		assert.Equal(t, before, *own.times)
		assert.ErrorIs(t, e, errDial)
		assert.ErrorContains(t, e, ": context canceled: "+errDial.Error())
		assert.Greater(t, *own.times, before)
	})
}

// The oldest lease is known as that when it has left the lane.
func TestOldestLeaseAfterTheLane(t *testing.T) {
	bubble(t, func(t *testing.T) {
		const many = 40
		cfg := shareable()
		cfg.MaxOpen = 1
		r := newRig(t, cfg)
		r.capacity = many
		for range 10 {
			r.acquire().release()
		}
		begin := time.Now()
		c := r.acquire() // of the lane
		pass(5 * time.Millisecond)
		r.acquireAll(many - 1) // not all of the lane
		pass(time.Second)
		w := r.within(time.Millisecond)
		pass(time.Millisecond)
		var e *pool.WaitError
		require.ErrorAs(t, w.failed(), &e)
		assert.InDelta(t, time.Since(begin), e.OldestLease, float64(time.Millisecond))
		c.release()
	})
}
