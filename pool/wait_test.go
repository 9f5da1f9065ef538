package pool_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var errCause = errors.New("the user went away")

func TestWaitErrorTellsHowThePoolStood(t *testing.T) {
	bubble(t, func(t *testing.T) {
		gate := make(chan struct{})
		r := newManual(t, pool.Config[*thing]{
			MaxOpen: 3, MaxDials: 1, MaxWaiters: 7,
			Close: func(*thing) error { <-gate; return nil },
		})
		defer close(gate)
		broken := r.acquire()
		r.dial(1).ok()
		r.acquire() // keeps its lease
		r.dial(2).ok()
		failing := r.acquire()
		r.dial(3).fail(errDial)
		assert.ErrorIs(t, failing.failed(), errDial)
		broken.discard()
		r.acquire() // a dial is for this one
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		c := r.acquireWith(ctx, pool.Request{})
		r.acquire()
		pass(3 * time.Second)

		var e *pool.WaitError
		require.ErrorAs(t, c.failed(), &e)
		assert.Equal(t, &pool.WaitError{
			Err: e.Err, Waited: 3 * time.Second, Place: 2, For: pool.ForRelease,
			Limits: r.Limits(), Open: 1, InUse: 1, Dialing: 1, Closing: 1, Leases: 1, Waiting: 2,
			OldestLease: 3 * time.Second, LastDial: errDial,
		}, e)
		assert.EqualError(t, e, "pool: gave up after waiting 3s for release at place 2, 1 of 3 open, 1 in use, 1 dialing, 1 closing, "+
			"2 still waiting, oldest lease out for 3s, last dial failed (refused): context deadline exceeded")
	})
}

func TestWaitErrorWithoutALimitOrAFailureIsShorter(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, pool.Config[*thing]{WaitTimeout: time.Second})
		c := r.acquire()
		pass(time.Second)
		assert.EqualError(t, c.failed(), "pool: gave up after waiting 1s for dial at place 1, 0 open, 0 in use, 1 dialing, 0 closing, "+
			"0 still waiting: pool: WaitTimeout passed")
	})
}

// errors.Is sees through a WaitError to the context's error, to its cause, and to
// ErrWaitTimeout exactly if that ended the wait.
func TestWaitErrorIsWhatEndedTheWait(t *testing.T) {
	for _, tt := range []struct {
		name    string
		cfg     pool.Config[*thing]
		ctx     func(context.Context) (context.Context, context.CancelFunc)
		is, not []error
		timeout bool
	}{
		{
			"canceled",
			pool.Config[*thing]{},
			func(ctx context.Context) (context.Context, context.CancelFunc) {
				ctx, cancel := context.WithCancel(ctx)
				time.AfterFunc(time.Second, cancel)
				return ctx, cancel
			},
			[]error{context.Canceled},
			[]error{context.DeadlineExceeded, pool.ErrWaitTimeout},
			false,
		},
		{
			"canceled with a cause",
			pool.Config[*thing]{WaitTimeout: time.Hour},
			func(ctx context.Context) (context.Context, context.CancelFunc) {
				ctx, cancel := context.WithCancelCause(ctx)
				time.AfterFunc(time.Second, func() { cancel(errCause) })
				return ctx, func() { cancel(nil) }
			},
			[]error{context.Canceled, errCause},
			[]error{context.DeadlineExceeded, pool.ErrWaitTimeout},
			false,
		},
		{
			"deadline",
			pool.Config[*thing]{WaitTimeout: time.Hour},
			func(ctx context.Context) (context.Context, context.CancelFunc) {
				return context.WithTimeout(ctx, time.Second)
			},
			[]error{context.DeadlineExceeded},
			[]error{context.Canceled, pool.ErrWaitTimeout},
			true,
		},
		{
			"deadline with a cause",
			pool.Config[*thing]{},
			func(ctx context.Context) (context.Context, context.CancelFunc) {
				return context.WithTimeoutCause(ctx, time.Second, errCause)
			},
			[]error{context.DeadlineExceeded, errCause},
			[]error{context.Canceled, pool.ErrWaitTimeout},
			true,
		},
		{
			"WaitTimeout",
			pool.Config[*thing]{WaitTimeout: time.Second},
			func(ctx context.Context) (context.Context, context.CancelFunc) {
				return context.WithTimeoutCause(ctx, time.Hour, errCause)
			},
			[]error{context.DeadlineExceeded, pool.ErrWaitTimeout},
			[]error{context.Canceled, errCause},
			true,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				r := newManual(t, tt.cfg)
				ctx, cancel := tt.ctx(t.Context())
				defer cancel()
				_, err := r.Acquire(ctx)
				var e *pool.WaitError
				require.ErrorAs(t, err, &e)
				assert.Equal(t, time.Second, e.Waited)
				for _, is := range tt.is {
					assert.ErrorIs(t, err, is)
				}
				for _, not := range tt.not {
					assert.NotErrorIs(t, err, not)
				}
				assert.Equal(t, tt.timeout, e.Timeout())
				s := r.Stats()
				assert.EqualValues(t, 1, s.Canceled)
				assert.EqualValues(t, 1, s.Waits)
				assert.Equal(t, time.Second, s.WaitTime)
			})
		})
	}
}

// The cause of a context may be any error, also one that looks like the pool's.
func TestCauseThatLooksLikeThePoolsErrorIsStillACause(t *testing.T) {
	for _, cause := range []error{pool.ErrClosed, &pool.DialError{Attempt: 9, Err: errDial}} {
		bubble(t, func(t *testing.T) {
			r := newManual(t, pool.Config[*thing]{})
			c := r.acquire()
			c.cancel(cause)
			var e *pool.WaitError
			require.ErrorAs(t, c.failed(), &e)
			assert.ErrorIs(t, e, context.Canceled)
			assert.ErrorIs(t, e, cause)
			assert.EqualValues(t, 1, r.Stats().Canceled)
		})
	}
}

func TestPlaceFallsAsOthersAreServed(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, pool.Config[*thing]{MaxOpen: 1})
		holder := r.acquire()
		first, second, third := r.acquire(), r.acquire(), r.acquire()
		holder.release()
		first.got()
		third.leave()
		var e *pool.WaitError
		require.ErrorAs(t, third.failed(), &e)
		assert.Equal(t, 2, e.Place)
		second.leave()
		require.ErrorAs(t, second.failed(), &e)
		assert.Equal(t, 1, e.Place)
	})
}

func TestEndedContextFailsAlthoughOneIsIdle(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, pool.Config[*thing]{})
		r.acquire().release()
		before := r.Stats()
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(errCause)
		_, err := r.Acquire(ctx)
		assert.ErrorIs(t, err, context.Canceled)
		assert.ErrorIs(t, err, errCause)
		var e *pool.WaitError
		assert.NotErrorAs(t, err, &e, "it has not waited")
		assert.Equal(t, before, r.Stats(), "and it has taken nothing")
	})
}

// A waiter whose context is done is passed over, even if it has not noticed yet (I6).
func TestNothingIsDeliveredToAWaiterWhoseContextIsDone(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, pool.Config[*thing]{MaxOpen: 1})
		holder := r.acquire()
		gone, next := r.acquire(), r.acquire()
		gone.cancel(nil)
		holder.lease.Release() // before anybody could wake up
		assert.ErrorIs(t, gone.failed(), context.Canceled)
		assert.Equal(t, 1, next.got().n)
	})
}

func TestErrorOfADialPassesOverAWaiterWhoseContextIsDone(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, pool.Config[*thing]{MaxOpen: 1})
		gone, next := r.acquire(), r.acquire()
		d := r.dial(1)
		gone.cancel(nil)
		d.fail(errDial)
		assert.ErrorIs(t, gone.failed(), context.Canceled)
		assert.ErrorIs(t, next.failed(), errDial)
	})
}

// Callers are served in the order in which they came, and one who keeps an
// earlier place stands where it stood then (I3).
func TestWaitersAreServedInOrderOfTheirPlace(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, pool.Config[*thing]{MaxOpen: 1})
		holder := r.acquire()
		early := r.acquire()
		holder.release()
		place := early.lease.Ticket()
		assert.NotZero(t, place)
		first, second := r.acquire(), r.acquire()
		back := r.acquireWith(t.Context(), pool.Request{Place: place})
		last := r.acquire()
		early.discard() // what it had was broken
		for _, c := range []*call{back, first, second, last} {
			c.got()
			if c == back {
				assert.Equal(t, place, c.lease.Ticket())
			}
			c.release()
		}
		assert.Less(t, first.lease.Ticket(), second.lease.Ticket())
		assert.Less(t, place, first.lease.Ticket())
	})
}

// A place is kept however often the caller comes back with it, also when it need
// not queue.
func TestLeaseThatIsServedAtOnceHasThePlaceThatWasKept(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, pool.Config[*thing]{MaxOpen: 1})
		first := r.acquire()
		place := first.lease.Ticket()
		for range 3 { // others come and go
			next := r.acquire()
			first.release()
			first = next
		}
		first.release()
		back := r.acquireWith(t.Context(), pool.Request{Place: place})
		back.got()
		assert.Equal(t, place, back.lease.Ticket())
		assert.Less(t, place, first.lease.Ticket())
	})
}

// Neither TryAcquire nor a new call gets what waiters are there for (I3).
func TestNewCallsDoNotOvertake(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, pool.Config[*thing]{MaxOpen: 1, Recycle: func(*thing) error { return nil }})
		holder := r.acquire()
		oldest := r.acquire()
		_, ok := r.TryAcquire()
		assert.False(t, ok)
		late := r.acquire()
		holder.lease.Release()
		_, ok = r.TryAcquire() // nobody has run since
		assert.False(t, ok)
		assert.Equal(t, 1, oldest.got().n)
		late.waits()
	})
}

// A waiter who wants a fresh resource does not overtake those in front of it. Those
// behind it take what it cannot use, as long as its own dial is on the way.
func TestThoseBehindAFreshWaiterTakeWhatItCannotUse(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, pool.Config[*thing]{MaxOpen: 3, MaxDials: 1})
		holder := r.acquire()
		r.dial(1).ok()
		first := r.acquire() // dial 2 starts
		fresh := r.acquireFresh()
		last := r.acquire()
		r.dial(2).ok()
		assert.Equal(t, 2, first.got().n)
		fresh.waits() // dial 2 began before it came
		holder.release()
		assert.Equal(t, 1, last.got().n)
		fresh.waits()
		r.dial(3).ok()
		assert.Equal(t, 3, fresh.got().n)
	})
}

// At the cap the next slot that becomes free is the fresh waiter's, if it is its
// turn, although those behind it could use what is in the slot (I3).
func TestFreshWaiterAtTheCapHasItsTurn(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, pool.Config[*thing]{MaxOpen: 2})
		one, two := r.acquire(), r.acquire()
		r.dial(1).ok()
		r.dial(2).ok()
		fresh := r.acquireFresh()
		last := r.acquire()
		one.release()
		last.waits()
		r.dial(3).ok()
		assert.Equal(t, 3, fresh.got().n)
		two.release()
		assert.Equal(t, 2, last.got().n)
	})
}

// halfDone is a context whose author has thought of Done and not of Err.
type halfDone struct {
	context.Context

	done chan struct{}
}

func (c *halfDone) Done() <-chan struct{} { return c.done }

func TestContextWithoutErrEndsAWaitAllTheSame(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, pool.Config[*thing]{MaxOpen: 1})
		holder := r.acquire()
		holder.got()
		ctx := &halfDone{context.Background(), make(chan struct{})}
		call := r.acquireAs(ctx)
		call.waits()
		close(ctx.done)
		require.ErrorIs(t, call.failed(), context.Canceled)
		require.ErrorIs(t, r.Shutdown(ctx), context.Canceled)
		holder.release()
	})
}

// The WaitTimeout of another pool may be in the cause that ended the caller's context, as in an
// errgroup: it was not this pool's, and the cause says whose.
func TestWaitErrorTellsOfItsOwnWaitTimeoutOnly(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c := newManual(t, pool.Config[*thing]{}).acquire()
		c.cancel(fmt.Errorf("the other query: %w", &pool.WaitError{Err: pool.ErrWaitTimeout}))
		assert.ErrorContains(t, c.failed(), ": context canceled: the other query: ")
	})
}
