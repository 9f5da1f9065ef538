package pool_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCheckRunsOnlyBeyondCheckAfter(t *testing.T) {
	for _, tt := range []struct {
		name       string
		checkAfter time.Duration
		idle       time.Duration
		due        bool
	}{
		{"0 is a second, not yet over", 0, time.Second, false},
		{"0 is a second", 0, time.Second + 1, true},
		{"a minute, not yet over", time.Minute, time.Minute, false},
		{"a minute", time.Minute, time.Minute + 1, true},
		{"always", -1, 0, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				n := 0
				r := newRig(t, pool.Config[*thing]{CheckAfter: tt.checkAfter, Check: func(context.Context, *thing) error {
					n++
					return nil
				}})
				c := r.acquire()
				c.got()
				assert.Zero(t, n, "what was just dialled is not checked")
				c.release()
				pass(tt.idle)
				l, ok := r.TryAcquire()
				assert.Equal(t, !tt.due, ok, "TryAcquire passes over what is due")
				if ok {
					assert.Equal(t, tt.idle, l.Info().IdleFor)
					l.Release()
					return // the time starts again
				}
				assert.Zero(t, n)
				c = r.acquire()
				assert.Equal(t, 1, c.got().n)
				assert.Equal(t, 1, n)
				assert.Equal(t, tt.idle, c.lease.Info().IdleFor)
			})
		})
	}
}

func TestHandOffIsNotChecked(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, pool.Config[*thing]{MaxOpen: 1, CheckAfter: -1, Check: func(context.Context, *thing) error {
			t.Error("checked")
			return nil
		}})
		holder := r.acquire()
		pass(time.Hour)
		next := r.acquire()
		holder.release()
		next.got()
		assert.Zero(t, next.lease.Info().IdleFor)
	})
}

// gated returns a Check that waits for the test's word, or for its context.
func gated() (func(context.Context, *thing) error, chan error) {
	word := make(chan error)
	return func(ctx context.Context, _ *thing) error {
		select {
		case err := <-word:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}, word
}

// The freed slot serves the caller whose Check failed, in front of those who came
// later, although it was not in the queue (I3).
func TestFailedCheckServesTheSameCallerFirst(t *testing.T) {
	bubble(t, func(t *testing.T) {
		check, word := gated()
		r := newManual(t, pool.Config[*thing]{MaxOpen: 1, CheckAfter: -1, Check: check})
		c := r.acquire()
		r.dial(1).ok()
		c.release()
		checking := r.acquire()
		assert.Equal(t, 1, r.Stats().InUse, "while it is checked it is in use")
		younger := r.acquire()
		word <- errBroken
		checking.waits()
		younger.waits()
		r.dial(2).ok()
		assert.Equal(t, 2, checking.got().n)
		younger.waits()
		s := r.Stats()
		assert.EqualValues(t, 1, s.Closes.Of(pool.ReasonCheck))
		assert.Zero(t, s.DialErrors, "a failed Check is no dial error")
		assert.EqualValues(t, 3, s.Acquires)
	})
}

func TestCheckGoesThroughAllThatIsIdle(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, pool.Config[*thing]{CheckAfter: -1, Check: func(_ context.Context, x *thing) error {
			if x.n != 1 {
				return errBroken
			}
			return nil
		}})
		for _, c := range r.acquireAll(3) {
			c.release()
		}
		assert.Equal(t, 1, r.acquire().got().n)
		assert.EqualValues(t, 2, r.Stats().Closes.Of(pool.ReasonCheck))
		assert.EqualValues(t, 3, r.Stats().Dials)
	})
}

func TestContextThatEndsTheCheckEndsTheCall(t *testing.T) {
	bubble(t, func(t *testing.T) {
		check, _ := gated()
		r := newRig(t, pool.Config[*thing]{CheckAfter: -1, Check: check})
		r.acquire().release()
		c := r.acquire()
		c.cancel(errCause)
		assert.ErrorIs(t, c.failed(), context.Canceled)
		assert.ErrorIs(t, c.failed(), errCause)
		s := r.Stats()
		assert.Zero(t, s.Open+s.Leases, "what was not found well is closed")
		assert.EqualValues(t, 1, s.Closes.Of(pool.ReasonCheck))
	})
}

// What ends while it is being checked does not reach the caller, who goes on.
func TestResourceThatIsRetiredDuringItsCheckIsNotHandedOut(t *testing.T) {
	for _, kind := range []bool{false, true} {
		for name, retire := range map[string]func(r *rig){
			"Reset":    func(r *rig) { r.Reset() },
			"Dead":     func(r *rig) { r.things[0].set(pool.Dead) },
			"Draining": func(r *rig) { r.things[0].set(pool.Draining) },
		} {
			t.Run(name, func(t *testing.T) {
				bubble(t, func(t *testing.T) {
					check, word := gated()
					cfg := shareable()
					cfg.MaxOpen, cfg.CheckAfter, cfg.Check = 1, -1, check
					cfg.Shareable = func(*thing) bool { return kind }
					ends := map[pool.End]int{}
					cfg.Hooks = &pool.Hooks{Released: func(e pool.ReleasedEvent) { ends[e.How]++ }}
					r := newRig(t, cfg)
					r.acquire().release()
					c := r.acquire()
					retire(r)
					synctest.Wait()
					word <- nil
					assert.Equal(t, 2, c.got().n)
					assert.Equal(t, map[pool.End]int{pool.EndRelease: 2}, ends, "nothing was wrong with it")
				})
			})
		}
	}
}

func TestCloseDuringACheckFailsTheCall(t *testing.T) {
	bubble(t, func(t *testing.T) {
		check, word := gated()
		r := newRig(t, pool.Config[*thing]{CheckAfter: -1, Check: check})
		r.acquire().release()
		c := r.acquire()
		require.NoError(t, r.Close())
		word <- nil
		assert.ErrorIs(t, c.failed(), pool.ErrClosed)
		assert.Zero(t, r.Stats().Open)
	})
}

// A shareable resource that is being checked takes no other leases and counts as
// Dialing: those who wait for it do not dial, and get it when it has passed.
func TestShareableUnderCheckIsDialingAndTakesNoLeases(t *testing.T) {
	for _, outcome := range []error{nil, errBroken} {
		bubble(t, func(t *testing.T) {
			check, word := gated()
			cfg := shareable()
			cfg.MaxOpen, cfg.Check, cfg.Shared = 2, check, 3
			r := newRig(t, cfg)
			r.capacity = 3
			r.acquire().release()
			pass(2 * time.Second)
			checking := r.acquire()
			other := r.acquire()
			checking.waits()
			other.waits()
			s := r.Stats()
			assert.Equal(t, 1, s.Dialing)
			assert.Zero(t, s.Open)
			assert.EqualValues(t, 1, s.Dials)
			_, ok := r.TryAcquire()
			assert.False(t, ok)
			word <- outcome
			want := 1
			if outcome != nil {
				want = 2
			}
			assert.Equal(t, want, checking.got().n)
			assert.Equal(t, want, other.got().n)
			assert.Equal(t, 2, r.Stats().Leases)
		})
	}
}

// The pool gives the caller's own context to Check.
func TestCheckGetsTheCallersContext(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var got any
		r := newRig(t, pool.Config[*thing]{CheckAfter: -1, Check: func(ctx context.Context, _ *thing) error {
			got = ctx.Value(valueKey{})
			return nil
		}})
		r.acquire().release()
		r.acquireWith(context.WithValue(t.Context(), valueKey{}, "mine"), pool.Request{}).got()
		assert.Equal(t, "mine", got)
	})
}

// An error of Check does not reach the caller, even if it looks like the end of a
// context: only the caller's own context ends the call.
func TestErrorOfCheckIsNotTheCallers(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, pool.Config[*thing]{CheckAfter: -1, Check: func(_ context.Context, x *thing) error {
			return errors.Join(context.DeadlineExceeded, errBroken)
		}})
		r.acquire().release()
		assert.Equal(t, 2, r.acquire().got().n)
	})
}

// Check may block, and TryAcquire never does: a resource whose Check becomes due
// while TryAcquire looks at it is passed over too, or given without. The clock is
// the real one, which moves on between two looks.
func TestTryAcquireNeverRunsCheck(t *testing.T) {
	inTry, checks := false, 0
	for _, after := range []time.Duration{100, 200, 400, 1_000} {
		p, err := pool.New(pool.Config[int]{
			Dial: dialOne, CheckAfter: after,
			Check: func(context.Context, int) error {
				if inTry {
					checks++
				}
				return nil
			},
		})
		require.NoError(t, err)
		for range 2_000 {
			l, err := p.Acquire(t.Context())
			require.NoError(t, err)
			l.Release()
			inTry = true
			l, _ = p.TryAcquire()
			inTry = false
			l.Release()
		}
		require.NoError(t, p.Shutdown(t.Context()))
	}
	assert.Zero(t, checks)
}
