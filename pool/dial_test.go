package pool_test

import (
	"context"
	"errors"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

type valueKey struct{}

// A dial carries what the oldest waiter's context carried when it began, and
// nothing of when that context ends: it belongs to the pool (I8).
func TestDialHasTheValuesOfTheOldestWaiterAndNotItsEnd(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, pool.Config[*thing]{MaxDials: 1})
		with := func(v string) context.Context { return context.WithValue(t.Context(), valueKey{}, v) }
		ctx, cancel := context.WithTimeout(with("oldest"), time.Second)
		defer cancel()
		oldest := r.acquireWith(ctx, pool.Request{})
		next := r.acquireWith(with("next"), pool.Request{})
		d := r.dial(1)
		assert.Equal(t, "oldest", d.ctx.Value(valueKey{}))
		_, limited := d.ctx.Deadline()
		assert.False(t, limited)
		pass(time.Second)
		assert.ErrorIs(t, oldest.failed(), context.DeadlineExceeded)
		assert.False(t, d.canceled())
		d.ok()
		assert.Equal(t, 1, next.got().n)
		assert.True(t, d.canceled(), "the resource must not live by the context of its dial")

		r.acquireWith(with("third"), pool.Request{})
		assert.Equal(t, "third", r.dial(2).ctx.Value(valueKey{}))
	})
}

// The first of {released, dialled} serves the oldest, and the dial that is no
// longer needed brings an idle resource (I8).
func TestDialThatComesLateBecomesIdle(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, pool.Config[*thing]{MaxOpen: 2})
		holder := r.acquire()
		r.dial(1).ok()
		waiting := r.acquire()
		d := r.dial(2)
		holder.release()
		assert.Equal(t, 1, waiting.got().n)
		assert.False(t, d.canceled())
		d.ok()
		assert.Equal(t, 1, r.Stats().Idle)
		l, ok := r.TryAcquire()
		require.True(t, ok)
		assert.Equal(t, 2, l.Value().n)
		l.Release()
	})
}

func TestDialTimeoutEndsTheDial(t *testing.T) {
	for name, tt := range map[string]struct {
		told func(context.Context) error // whichever Dial returns
		text string
		is   error
	}{
		"Err":   {context.Context.Err, "pool: dial failed: context deadline exceeded (DialTimeout is 1s)", context.DeadlineExceeded},
		"Cause": {context.Cause, "pool: dial failed: pool: DialTimeout passed", context.DeadlineExceeded},
		"net": {
			func(ctx context.Context) error { return &net.OpError{Op: "dial", Net: "tcp", Err: ctx.Err()} },
			"pool: dial failed: dial tcp: context deadline exceeded (DialTimeout is 1s)", context.DeadlineExceeded,
		},
		"deadline of the net.Conn": {
			func(context.Context) error { return os.ErrDeadlineExceeded },
			"pool: dial failed: i/o timeout (DialTimeout is 1s)", os.ErrDeadlineExceeded,
		},
		"no timeout": {func(context.Context) error { return errDial }, "pool: dial failed: refused", errDial},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				p, err := pool.New(pool.Config[int]{
					DialTimeout: time.Second,
					Dial: func(ctx context.Context) (int, error) {
						<-ctx.Done()
						assert.EqualError(t, context.Cause(ctx), "pool: DialTimeout passed")
						return 0, tt.told(ctx)
					},
				})
				require.NoError(t, err)
				start := time.Now()
				_, err = p.Acquire(t.Context())
				assert.Equal(t, time.Second, time.Since(start))
				var failure *pool.DialError
				require.ErrorAs(t, err, &failure)
				assert.Equal(t, !errors.Is(err, errDial), failure.Timeout())
				assert.EqualError(t, err, tt.text)
				assert.ErrorIs(t, err, tt.is)
				var wait *pool.WaitError
				assert.False(t, errors.As(err, &wait), "the dial timed out and not the wait")
				assert.EqualValues(t, 1, p.Stats().DialErrors)
				require.NoError(t, p.Shutdown(t.Context()))
			})
		})
	}
}

func TestFailureInDialIsADialErrorWithItsCause(t *testing.T) {
	for _, tt := range []struct {
		name string
		end  func(*dialCall)
		text string
		is   error
	}{
		{"error", func(d *dialCall) { d.fail(errDial) }, "pool: dial failed: refused", errDial},
		{"panic", func(d *dialCall) { d.panics("boom") }, "pool: dial failed: panic in Dial: boom", nil},
		{"panic with an error", func(d *dialCall) { d.panics(errBroken) }, "pool: dial failed: panic in Dial: broken", errBroken},
		{"Goexit", func(d *dialCall) { d.goexit() }, "pool: dial failed: the func called runtime.Goexit", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				r := newManual(t, pool.Config[*thing]{MaxOpen: 1})
				c := r.acquire()
				tt.end(r.dial(1))
				assert.EqualError(t, c.failed(), tt.text)
				if tt.is != nil {
					assert.ErrorIs(t, c.failed(), tt.is)
				}
				var failure *pool.DialError
				require.ErrorAs(t, c.failed(), &failure)
				assert.False(t, failure.Timeout())
				assert.Nil(t, failure.Key)
				s := r.Stats()
				assert.Zero(t, s.Dialing+s.Open)
				assert.EqualValues(t, 1, s.DialErrors)
				assert.Zero(t, s.Canceled, "the wait was not given up")
			})
		})
	}
}

func TestAttemptCountsFailuresInARow(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, pool.Config[*thing]{})
		attempt := func(fail bool) *call {
			c := r.acquire()
			d := r.dial(r.started())
			if fail {
				d.fail(errDial)
			} else {
				d.ok()
			}
			return c
		}
		for n := 1; n <= 3; n++ {
			var failure *pool.DialError
			require.ErrorAs(t, attempt(true).failed(), &failure)
			assert.Equal(t, n, failure.Attempt)
			if n == 3 {
				assert.EqualError(t, failure, "pool: dial failed (3 in a row): refused")
			}
		}
		attempt(false).got() // keeps its lease
		var failure *pool.DialError
		require.ErrorAs(t, attempt(true).failed(), &failure)
		assert.Equal(t, 1, failure.Attempt)
	})
}

// LastDial is the last dial's error until one succeeds.
func TestWaitErrorTellsTheLastDialError(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, pool.Config[*thing]{MaxOpen: 1})
		lastDial := func(c *call) error {
			c.leave()
			var e *pool.WaitError
			require.ErrorAs(t, c.failed(), &e)
			return e.LastDial
		}
		assert.NoError(t, lastDial(r.acquire()))
		first, second := r.acquire(), r.acquire()
		r.dial(1).fail(errDial)
		assert.ErrorIs(t, first.failed(), errDial)
		assert.Equal(t, errDial, lastDial(second))
		third := r.acquire()
		r.dial(2).ok()
		third.got()
		assert.NoError(t, lastDial(r.acquire()))
	})
}

// With Shared 1 a failed dial fails the oldest waiter, and nobody else.
func TestFailedDialOfAnExclusiveOneFailsTheOldestWaiter(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, pool.Config[*thing]{MaxOpen: 2})
		first, second, third := r.acquire(), r.acquire(), r.acquire()
		r.dial(2).fail(errDial)
		assert.ErrorIs(t, first.failed(), errDial)
		second.waits()
		third.waits()
		assert.Equal(t, 3, r.started(), "the slot serves the next")
		r.dial(1).ok()
		second.got()
		third.waits()
	})
}

// With Shared n it fails up to n who were queued when it began. Later ones cause
// the next dial.
func TestFailedDialOfAShareableOneFailsThoseItWasCountedFor(t *testing.T) {
	for _, tt := range []struct {
		shared, before, after int
		fail                  int // how many of those before
	}{
		{shared: 100, before: 5, after: 2, fail: 5},
		{shared: 3, before: 5, after: 0, fail: 3},
		{shared: 2, before: 1, after: 1, fail: 1},
	} {
		bubble(t, func(t *testing.T) {
			cfg := shareable()
			cfg.MaxOpen, cfg.Shared = 1, tt.shared
			r := newManual(t, cfg)
			gate := r.acquire() // a slot to keep the others waiting without a dial
			r.capacity = 1
			r.dial(1).ok()
			var before, after []*call
			for range tt.before {
				before = append(before, r.acquire())
			}
			gate.discard()
			d := r.dial(2)
			for range tt.after {
				after = append(after, r.acquire())
			}
			d.fail(errDial)
			for i, c := range before {
				if i < tt.fail {
					assert.ErrorIs(t, c.failed(), errDial)
				} else {
					c.waits()
				}
			}
			for _, c := range after {
				c.waits()
			}
			want := 2
			if tt.after > 0 || tt.fail < tt.before {
				want++
			}
			assert.Equal(t, want, r.started())
		})
	}
}

// Resources that are of no use as soon as they are dialled count as failed dials
// for those who wait, or the pool would dial without end. They are closed.
func TestStillbornResourceFailsTheDial(t *testing.T) {
	panics := shareable()
	panics.Watch = func(*thing, func()) { panic("boom") }
	kind := shareable()
	kind.Shareable = func(*thing) bool { panic("boom") }
	look := shareable()
	look.Capacity = func(*thing) int { panic("boom") }
	expect := shareable()
	expect.Expect = func(*thing) int { panic("boom") }
	for _, tt := range []struct {
		name     string
		cfg      pool.Config[*thing]
		capacity int
		text     string
	}{
		{"dead", shareable(), pool.Dead, "end before it could be used"},
		{"draining", shareable(), pool.Draining, "end before it could be used"},
		{"panic in Watch", panics, 1, "panic in Watch: boom"},
		{"panic in Shareable", kind, 1, "panic in Shareable: boom"},
		{"panic in Capacity", look, 1, "panic in Capacity: boom"},
		{"panic in Expect", expect, 1, "panic in Expect: boom"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				tt.cfg.MaxOpen = 1
				r := newManual(t, tt.cfg)
				r.capacity = tt.capacity
				first, second := r.acquire(), r.acquire()
				r.dial(1).ok()
				var failure *pool.DialError
				require.ErrorAs(t, first.failed(), &failure)
				assert.ErrorContains(t, failure, tt.text)
				second.waits()
				assert.Equal(t, 2, r.started())
				s := r.Stats()
				assert.EqualValues(t, 1, s.Dials)
				assert.EqualValues(t, 1, s.Closes.Of(pool.ReasonCapacity))
				assert.EqualValues(t, 1, s.DialErrors)
			})
		})
	}
}

// A dial whose result the pool closed, since it was of an old generation or the
// pool is closed, closes it once.
func TestResultOfADialThatComesAfterCloseIsClosed(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, pool.Config[*thing]{})
		c := r.acquire()
		d := r.dial(1)
		d.stubborn.Store(true)
		require.NoError(t, r.Close())
		assert.ErrorIs(t, c.failed(), pool.ErrClosed)
		assert.True(t, d.canceled())
		assert.ErrorIs(t, context.Cause(d.ctx), pool.ErrClosed)
		assert.Equal(t, 1, r.Stats().Dialing)
		d.ok()
		synctest.Wait()
		assert.EqualValues(t, 1, r.things[0].closes.Load())
		assert.EqualValues(t, 1, r.Stats().Closes.Of(pool.ReasonClosed))
	})
}
