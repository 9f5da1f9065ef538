package pool_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/atomic"

	"github.com/berth-go/berth/pool"
)

// openingIf is a Config whose things, a millisecond after they were dialled with no
// capacity, get some if the peer is well, and die if not.
func openingIf(well *atomic.Bool) pool.Config[*thing] {
	cfg := shareable()
	watch := cfg.Watch
	cfg.Watch = func(x *thing, changed func()) {
		watch(x, changed)
		time.AfterFunc(time.Millisecond, func() {
			x.capacity.Store(pool.Dead)
			if well.Load() {
				x.capacity.Store(1)
			}
			changed()
		})
	}
	return cfg
}

// twoOf makes two pools of a Budget.
func twoOf(t *testing.T, l pool.BudgetLimits) (b *pool.Budget, p, q *rig) {
	t.Helper()
	b, err := pool.NewBudget(l)
	require.NoError(t, err)
	cfg := shareable()
	cfg.Budget = b
	return b, newRig(t, cfg), newRig(t, cfg)
}

// A peer whose resources never open and then end is a peer that is down: the caller
// hears of it, and is no reason to dial without end.
func TestResourceThatNeverOpensFailsItsDial(t *testing.T) {
	for _, isShareable := range []bool{true, false} {
		for _, end := range []int{pool.Dead, pool.Draining} {
			bubble(t, func(t *testing.T) {
				cfg := shareable()
				cfg.Shareable = func(*thing) bool { return isShareable }
				var failed []pool.DialEvent
				cfg.Hooks = &pool.Hooks{DialFailed: func(e pool.DialEvent) { failed = append(failed, e) }}
				r := newRig(t, cfg)
				r.capacity = 0
				c := r.acquire()
				pass(time.Second)
				c.waits()
				r.things[0].set(end)
				var failure *pool.DialError
				require.ErrorAs(t, c.failed(), &failure)
				assert.ErrorContains(t, failure, "end before it could be used")
				assert.Equal(t, 1, failure.Attempt)
				pass(time.Hour)
				s := r.Stats()
				assert.EqualValues(t, 1, s.Dials)
				assert.EqualValues(t, 1, s.DialErrors)
				assert.EqualValues(t, 1, s.Failed)
				assert.EqualValues(t, 1, s.Closes.Of(pool.ReasonCapacity))
				if assert.Len(t, failed, 1) {
					assert.Equal(t, time.Second, failed[0].Took)
				}
			})
		}
	}
}

// It fails as many callers as it was thought to carry, the oldest; the next one has a dial
// of its own.
func TestResourceThatNeverOpensFailsThoseWhoCountedOnIt(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg := shareable()
		cfg.Shared = 2
		cfg.Expect = func(*thing) int { return 2 }
		r := newRig(t, cfg)
		r.capacity = 0
		first, second := r.acquire(), r.acquire()
		assert.EqualValues(t, 1, r.Stats().Dials, "one for both")
		third := r.acquire()
		assert.EqualValues(t, 2, r.Stats().Dials)
		r.things[0].set(pool.Dead)
		for _, c := range []*call{first, second} {
			var failure *pool.DialError
			assert.ErrorAs(t, c.failed(), &failure)
		}
		third.waits()
		assert.EqualValues(t, 2, r.Stats().Dials)
		r.things[1].set(1)
		assert.Equal(t, 2, third.got().n)
		third.release()
	})
}

// One that had capacity before, or was let go by the pool, is no failed dial.
func TestEndOfWhatWasOpenIsNoFailedDial(t *testing.T) {
	for name, before := range map[string]func(r *rig){
		"it was open": func(r *rig) {
			r.things[0].set(1)
			r.things[0].set(0)
		},
		"it is let go": func(r *rig) { r.Reset() },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				r := newRig(t, shareable())
				r.capacity = 0
				c := r.acquire()
				c.waits()
				c.leave()
				before(r)
				r.things[0].set(pool.Dead)
				assert.Zero(t, r.Stats().DialErrors)
			})
		})
	}
}

// It is not idle, so it is not checked in the background: callers wait for it, and a Check
// may need what it lacks.
func TestWhatIsAboutToOpenIsNotChecked(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p := newProber()
		cfg := shareable()
		p.Capacity, p.Watch = cfg.Capacity, cfg.Watch
		r := newRig(t, p.Config)
		r.capacity = 0
		c := r.acquire()
		pass(time.Hour)
		assert.Empty(t, p.checked())
		r.things[0].set(1)
		c.got()
		c.release()
		pass(time.Minute)
		assert.Equal(t, []int{1}, p.checked())
	})
}

// Who asked for a fresh one did not count on one that was dialled before.
func TestResourceThatNeverOpensFailsNobodyWhoWantsAFreshOne(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, shareable())
		stale := r.acquire()
		stale.got()
		r.capacity = 0
		c := r.acquire()
		c.waits()
		front := r.acquireWith(t.Context(), pool.Request{Place: stale.lease.Ticket(), Fresh: true})
		front.waits()
		r.things[1].set(pool.Dead)
		front.waits()
		var failure *pool.DialError
		assert.ErrorAs(t, c.failed(), &failure)
		r.things[2].set(1)
		assert.Equal(t, 3, front.got().n)
		front.release()
		stale.release()
	})
}

// Until something has opened, a dial that brought a resource is no sign that the peer is
// well: the pauses grow, and the breaker opens.
func TestDialsThatBringNothingThatOpensKeepTheBackoff(t *testing.T) {
	bubble(t, func(t *testing.T) {
		well := atomic.NewBool(false)
		cfg := openingIf(well)
		var events []string
		cfg.Hooks = &pool.Hooks{Breaker: func(e pool.BreakerEvent) {
			events = append(events, fmt.Sprint(e.Open, " ", e.Failures))
		}}
		cfg.BackoffBase, cfg.BackoffMax, cfg.BreakAfter = time.Second, 8*time.Second, 3
		r := newRig(t, cfg)
		r.capacity = 0
		start := time.Now()
		for range 3 {
			c := r.acquire()
			<-c.done
			var failure *pool.DialError
			require.ErrorAs(t, c.failed(), &failure)
		}
		assert.GreaterOrEqual(t, time.Since(start), 1500*time.Millisecond, "half a second, and then one")
		assert.EqualValues(t, 3, r.Stats().Dials)
		assert.Equal(t, []string{"true 3"}, events)

		well.Store(true)
		pass(8 * time.Second)
		c := r.acquire()
		<-c.done
		c.got()
		c.release()
		assert.Equal(t, []string{"true 3", "false 0"}, events)
	})
}

// One that ends while nobody waits counts too: what is dialled in the background pauses.
func TestMinIdleOfWhatNeverOpensPauses(t *testing.T) {
	bubble(t, func(t *testing.T) {
		well := atomic.NewBool(false)
		cfg := openingIf(well)
		cfg.MinIdle = 2
		r := newRig(t, cfg)
		r.capacity = 0
		r.start()
		pass(time.Hour)
		assert.Less(t, r.Stats().Dials, uint64(1000))
		well.Store(true)
		pass(time.Minute)
		assert.Equal(t, 2, r.Stats().Idle)
	})
}

// What callers of one pool wait for is no more given up for a caller of another than their
// dial would be. Else the two pools would end each other's without end.
func TestWhatIsAboutToOpenIsNotGivenUpForAnotherPool(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b, p, q := twoOf(t, pool.BudgetLimits{MaxOpen: 1})
		p.capacity, q.capacity = 0, 0
		first, second := p.acquire(), q.acquire()
		first.waits()
		second.waits()
		assert.EqualValues(t, 1, p.Stats().Dials)
		assert.Zero(t, q.Stats().Dials)
		assert.Zero(t, b.Stats().Idle)

		// It is given up once nobody waits for it, and is for who comes then.
		first.leave()
		synctest.Wait()
		assert.EqualValues(t, 1, p.Stats().Closes.Of(pool.ReasonEvict))
		assert.EqualValues(t, 1, q.Stats().Dials)
		third := p.acquire()
		third.waits()
		q.things[0].set(1)
		second.got()
		second.release()
		synctest.Wait()
		third.waits()
		assert.EqualValues(t, 2, p.Stats().Dials)
		p.things[1].set(1)
		third.got()
		third.release()
		assert.Equal(t, 1, b.Stats().Idle)
	})
}

// Who comes for what nobody waited for reserves it as well; and when it has opened, it is
// idle like any other.
func TestWhatIsAboutToOpenIsReservedByWhoComesForIt(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b, p, q := twoOf(t, pool.BudgetLimits{MaxOpen: 1, MaxIdle: 1})
		p.capacity = 0
		c := p.acquire()
		c.leave()
		assert.Equal(t, 1, b.Stats().Idle)
		c = p.acquire()
		assert.Zero(t, b.Stats().Idle)
		other := q.acquire()
		other.waits()
		p.things[0].set(1)
		c.got()
		assert.Zero(t, b.Stats().Idle)
		c.release()
		synctest.Wait()
		other.got()
		other.release()
		assert.Equal(t, 1, b.Stats().Idle)
		assert.EqualValues(t, 1, p.Stats().Dials)
	})
}

// What is idle beside it goes first.
func TestWhatIsAboutToOpenIsNotGivenUpInPlaceOfWhatIsIdle(t *testing.T) {
	bubble(t, func(t *testing.T) {
		_, p, q := twoOf(t, pool.BudgetLimits{MaxOpen: 2})
		first := p.acquire()
		first.got()
		p.capacity = 0
		second := p.acquire()
		second.waits()
		pass(time.Second)
		p.things[0].set(0)
		first.release()
		third := q.acquire()
		third.got()
		third.release()
		assert.EqualValues(t, 1, p.things[0].closes.Load())
		assert.Zero(t, p.things[1].closes.Load())
		p.things[1].set(1)
		second.got()
		second.release()
	})
}

// Where those who still wait cannot use what has opened, another pool may have it.
func TestWhatHasOpenedForNobodyCanBeGivenUp(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b, p, q := twoOf(t, pool.BudgetLimits{MaxOpen: 2})
		p.capacity = 0
		plain := p.acquire()
		plain.waits()
		fresh := p.acquireFresh()
		fresh.waits()
		plain.leave()
		p.things[0].set(1)
		fresh.waits()
		assert.Equal(t, 1, b.Stats().Idle)
		other := q.acquire()
		other.got()
		other.release()
		assert.EqualValues(t, 1, p.things[0].closes.Load())
		p.things[1].set(1)
		fresh.got()
		fresh.release()
	})
}

// Who waits for a resource to open must not lose it to MaxIdleTime, and dial again and
// again what takes longer than that. It is idle from when it has opened.
func TestWhatIsAboutToOpenIsNotIdle(t *testing.T) {
	for _, isShareable := range []bool{true, false} {
		bubble(t, func(t *testing.T) {
			cfg := shareable()
			cfg.Shareable = func(*thing) bool { return isShareable }
			cfg.MaxIdleTime = time.Second
			r := newRig(t, cfg)
			r.capacity = 0
			gone := r.acquire()
			gone.leave()
			pass(time.Second)
			assert.EqualValues(t, 1, r.Stats().Closes.Of(pool.ReasonIdleTime), "nobody waits for it")

			first, fresh := r.acquire(), r.acquireFresh()
			pass(time.Minute)
			first.waits()
			assert.EqualValues(t, 3, r.Stats().Dials)
			r.things[1].set(1)
			assert.Equal(t, 2, first.got().n)
			first.release()
			pass(time.Second - 1)
			assert.Zero(t, r.things[1].closes.Load())
			pass(1)
			assert.EqualValues(t, 1, r.things[1].closes.Load())
			r.things[2].set(1)
			fresh.got()
			fresh.release()
		})
	}
}

// The same where it has opened for nobody.
func TestWhatHasOpenedForNobodyIsIdleFromThenOn(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg := shareable()
		cfg.MaxIdleTime = time.Second
		r := newRig(t, cfg)
		r.capacity = 0
		plain, fresh := r.acquire(), r.acquireFresh()
		plain.leave()
		pass(time.Minute)
		fresh.waits()
		r.things[0].set(1)
		pass(time.Second - 1)
		assert.Zero(t, r.things[0].closes.Load())
		pass(1)
		assert.EqualValues(t, 1, r.things[0].closes.Load())
		r.things[1].set(1)
		fresh.got()
		fresh.release()
	})
}
