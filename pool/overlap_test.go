package pool_test

import (
	"context"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/atomic"
)

// overlapping is a Config whose resources live for a minute, and whose
// successors are dialled in the last ten seconds of it.
func overlapping() pool.Config[*thing] {
	return pool.Config[*thing]{MaxLifetime: time.Minute, Overlap: 10 * time.Second}
}

func TestSuccessorIsThereBeforeTheResourceGoes(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, overlapping())
		c := r.acquire()
		r.dial(1).ok()
		c.release()
		pass(50*time.Second - 1)
		assert.Equal(t, 1, r.started())
		pass(1)
		require.Equal(t, 2, r.started())
		pass(3 * time.Second)
		assert.Equal(t, 1, r.Stats().Idle, "it serves until then")
		r.dial(2).ok()
		s := r.Stats()
		assert.Equal(t, 1, s.Idle)
		assert.EqualValues(t, 1, s.Closes.Of(pool.ReasonLifetime))
		assert.Equal(t, 2, r.acquire().got().n)
	})
}

// All connections that one start has dialled expire at about the same time. No
// request should have to dial because of that.
func TestExpiryOfACohortCostsNoRequestADial(t *testing.T) {
	bubble(t, func(t *testing.T) {
		const cohort, dialTime = 16, 100 * time.Millisecond
		cfg := overlapping()
		cfg.MaxOpen = cohort + 1
		cfg.LifetimeJitter = time.Second
		r := newRig(t, cfg)
		r.atDial = func() { <-time.After(dialTime) }
		require.NoError(t, r.Warm(t.Context(), cohort))
		hits := 0
		for range 3 * 60 * 10 { // three generations
			var calls []*call
			for range cohort * 3 / 4 {
				calls = append(calls, r.acquire())
			}
			pass(100 * time.Millisecond)
			for _, c := range calls {
				c.got()
				c.release()
				hits++
			}
		}
		s := r.Stats()
		assert.GreaterOrEqual(t, s.Closes.Of(pool.ReasonLifetime), uint64(2*cohort))
		assert.EqualValues(t, hits, s.Hits)
		assert.Zero(t, s.Waits, "somebody had to wait")
	})
}

// Without a free slot there is no successor. The resource goes all the same.
func TestWithoutAFreeSlotTheResourceGoesAtItsTime(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg := overlapping()
		cfg.MaxOpen = 1
		r := newRig(t, cfg)
		r.acquire().release()
		pass(59 * time.Second)
		assert.EqualValues(t, 1, r.Stats().Dials)
		assert.Equal(t, 1, r.Stats().Idle)
		pass(time.Second)
		assert.Zero(t, r.Stats().Open)
		assert.EqualValues(t, 1, r.Stats().Closes.Of(pool.ReasonLifetime))
		pass(time.Hour)
		assert.EqualValues(t, 1, r.Stats().Dials, "the dead have no successors")
	})
}

// A slot that becomes free late is still of use.
func TestSuccessorComesWhenASlotBecomesFree(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg := overlapping()
		cfg.MaxOpen = 2
		r := newRig(t, cfg)
		first := r.acquire()
		pass(20 * time.Second)
		second := r.acquire()
		first.release()
		pass(35 * time.Second)
		assert.EqualValues(t, 2, r.Stats().Dials)
		second.discard()
		assert.EqualValues(t, 3, r.Stats().Dials)
		assert.Equal(t, 1, r.Stats().Idle)
		assert.Equal(t, 3, r.acquire().got().n)
	})
}

// Each caller in the queue needs a slot more than a successor does.
func TestSuccessorTakesNoSlotThatAWaiterNeeds(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg := overlapping()
		cfg.MaxDials = 1
		r := newManual(t, cfg)
		c := r.acquire()
		r.dial(1).ok()
		pass(45 * time.Second)
		second, third := r.acquire(), r.acquire()
		pass(10 * time.Second)
		assert.Equal(t, 2, r.started())
		r.dial(2).ok()
		r.dial(3).ok()
		assert.Equal(t, 2, second.got().n)
		assert.Equal(t, 3, third.got().n)
		r.dial(4).ok()
		assert.Equal(t, 1, r.Stats().Idle)
		c.release()
		assert.EqualValues(t, 1, r.things[0].closes.Load())
	})
}

// A dial that fails is repeated while there is time, at the distance of all dials
// that nobody waits for.
func TestFailedSuccessorIsTriedAgainWhileThereIsTime(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, overlapping())
		c := r.acquire()
		r.dial(1).ok()
		c.release()
		pass(50 * time.Second)
		r.dial(2).fail(errDial)
		assert.Equal(t, 1, r.Stats().Idle)
		pass(time.Second)
		r.dial(3).fail(errDial)
		pass(9 * time.Second)
		r.dial(4).fail(errDial)
		n := r.started()
		assert.EqualValues(t, 1, r.Stats().Closes.Of(pool.ReasonLifetime), "its time has come")
		pass(time.Hour)
		assert.Equal(t, n, r.started())
	})
}

// A resource in use when its successor comes is closed at its release, although
// its lifetime has not quite ended.
func TestResourceInUseGoesAtItsReleaseWhenItsSuccessorIsThere(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, overlapping())
		c := r.acquire()
		pass(50 * time.Second)
		assert.Equal(t, 2, r.acquire().got().n)
		assert.Zero(t, c.got().closes.Load())
		c.release()
		assert.EqualValues(t, 1, r.things[0].closes.Load())
	})
}

func TestShareableResourceDrainsWhenItsSuccessorIsThere(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg := shareable()
		cfg.MaxLifetime, cfg.Overlap = time.Minute, 10*time.Second
		r := newRig(t, cfg)
		r.capacity = 100
		first := r.acquire()
		pass(50 * time.Second)
		second := r.acquire()
		assert.Equal(t, 1, first.got().n)
		assert.Equal(t, 2, second.got().n)
		first.release()
		assert.EqualValues(t, 1, r.things[0].closes.Load())
	})
}

// A resource that goes before its successor is there leaves a dial behind that
// nobody wants, if nothing is to be kept.
func TestSuccessorOfAResourceThatHasGoneIsCanceled(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg := overlapping()
		cfg.MaxIdle = -1
		r := newManual(t, cfg)
		c := r.acquire()
		r.dial(1).ok()
		pass(50 * time.Second)
		require.Equal(t, 2, r.started())
		c.release()
		assert.True(t, r.dial(2).canceled())
		pass(time.Hour)
		assert.Zero(t, r.Stats().Open)
		assert.Equal(t, 2, r.started())
	})
}

// A successor inherits how long its predecessor had been idle, so that what
// nobody uses is not replaced for ever.
func TestSuccessionDoesNotKeepAnUnusedResourceAlive(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg := overlapping()
		cfg.MaxIdleTime = 5 * time.Minute
		r := newRig(t, cfg)
		r.acquire().release()
		pass(5*time.Minute - 1)
		s := r.Stats()
		assert.Equal(t, 1, s.Idle)
		assert.Greater(t, s.Dials, uint64(5))
		pass(1)
		assert.Zero(t, r.Stats().Open)
		assert.EqualValues(t, 1, r.Stats().Closes.Of(pool.ReasonIdleTime))
		pass(time.Hour)
		assert.Equal(t, s.Dials, r.Stats().Dials)
	})
}

// What has just been dialled needs no Check, and was not idle for longer than it
// has lived.
func TestSuccessorCountsAsNewWhenItIsHandedOut(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var checks atomic.Int32
		cfg := overlapping()
		cfg.Check = func(context.Context, *thing) error {
			checks.Inc()
			return nil
		}
		r := newRig(t, cfg)
		r.acquire().release()
		pass(50*time.Second + 500*time.Millisecond)
		c := r.acquire()
		assert.Equal(t, 2, c.got().n)
		assert.Zero(t, checks.Load())
		assert.Equal(t, 500*time.Millisecond, c.lease.Info().IdleFor)
		assert.Equal(t, 500*time.Millisecond, c.lease.Info().Age)
	})
}

// MaxIdle is not exceeded for the sake of a successor.
func TestSuccessorTakesThePlaceOfAnIdleResource(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg := overlapping()
		cfg.MaxIdle = 2
		r := newManual(t, cfg)
		warm := r.warm(t.Context(), 2)
		r.dial(1).ok()
		r.dial(2).ok()
		require.NoError(t, <-warm)
		pass(50 * time.Second)
		r.dial(3).ok()
		r.dial(4).ok()
		s := r.Stats()
		assert.Equal(t, 2, s.Idle)
		assert.EqualValues(t, 2, s.Closes.Of(pool.ReasonLifetime))
		assert.Zero(t, s.Closes.Of(pool.ReasonIdleLimit))
	})
}

// Whatever demand does meanwhile, the slots stay within MaxOpen (I1), counted as
// the peer counts them: from Dial to the return of Close.
func TestSuccessionKeepsToMaxOpen(t *testing.T) {
	bubble(t, func(t *testing.T) {
		const limit = 5
		var open, most atomic.Int32
		cfg := overlapping()
		cfg.MaxOpen, cfg.LifetimeJitter, cfg.MinIdle = limit, 20*time.Second, 2
		cfg.Close = func(*thing) error {
			<-time.After(3 * time.Second)
			open.Dec()
			return nil
		}
		r := newRig(t, cfg)
		r.atDial = func() {
			most.Store(max(most.Load(), open.Inc()))
			<-time.After(2 * time.Second)
		}
		rnd := rand.New(rand.NewPCG(1, 2))
		for range 7 {
			seed := rnd.Uint64()
			go func() {
				rnd := rand.New(rand.NewPCG(seed, 1))
				for range 200 {
					if l, err := r.Acquire(t.Context()); assert.NoError(t, err) {
						<-time.After(time.Duration(rnd.IntN(5000)) * time.Millisecond)
						l.Release()
					}
					<-time.After(time.Duration(rnd.IntN(5000)) * time.Millisecond)
				}
			}()
		}
		pass(time.Hour)
		synctest.Wait()
		assert.EqualValues(t, limit, most.Load())
		assert.Greater(t, r.Stats().Closes.Of(pool.ReasonLifetime), uint64(20))
		assert.EqualValues(t, 1400, r.Stats().Acquires)
	})
}
