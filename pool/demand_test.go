package pool_test

import (
	"testing"
	"testing/synctest"

	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// acquireAll starts n calls.
func (r *rig) acquireAll(n int) []*call {
	var all []*call
	for range n {
		all = append(all, r.acquire())
	}
	return all
}

// running returns which dials are in flight and wanted.
func (r *rig) running() []int {
	var all []int
	for n := 1; n <= r.started(); n++ {
		if !r.dial(n).canceled() {
			all = append(all, n)
		}
	}
	return all
}

// There are as many dials as waiters, slots and permits allow, and no more (I7).
func TestDialsFollowDemand(t *testing.T) {
	for _, tt := range []struct {
		name    string
		cfg     pool.Config[*thing]
		waiters int
		want    int
	}{
		{"one per waiter", pool.Config[*thing]{}, 5, 5},
		{"within MaxOpen", pool.Config[*thing]{MaxOpen: 3}, 5, 3},
		{"within MaxDials", pool.Config[*thing]{MaxOpen: 4, MaxDials: 2}, 5, 2},
		{"one for as many as it is expected to serve", pool.Config[*thing]{Shared: 100}, 50, 1},
		{"rounded up", pool.Config[*thing]{Shared: 2}, 5, 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				r := newManual(t, tt.cfg)
				r.acquireAll(tt.waiters)
				assert.Equal(t, tt.want, r.started())
				assert.Equal(t, tt.want, r.Stats().Dialing)
			})
		})
	}
}

func TestMaxDialsBoundsDialsInFlightAndNotDialsInAll(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, pool.Config[*thing]{MaxDials: 1})
		for n, c := range r.acquireAll(4) {
			require.Equal(t, n+1, r.started())
			r.dial(n + 1).ok()
			c.got()
		}
	})
}

// What nobody waits for any more goes on if it may become idle. What is beyond
// that is canceled, the newest first (I8).
func TestSurplusDialsAreCanceledNewestFirstAndOnlyBeyondMaxIdle(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, pool.Config[*thing]{MaxIdle: 1})
		all := r.acquireAll(3)
		require.Equal(t, []int{1, 2, 3}, r.running())
		all[0].leave()
		assert.Equal(t, []int{1, 2, 3}, r.running(), "one may become idle")
		all[1].leave()
		assert.Equal(t, []int{1, 2}, r.running())
		all[2].leave()
		assert.Equal(t, []int{1}, r.running())
		r.dial(1).ok()
		s := r.Stats()
		assert.Equal(t, 1, s.Idle)
		assert.EqualValues(t, 2, s.DialsCanceled)
		assert.Zero(t, s.DialErrors)
	})
}

func TestSurplusDialsGoOnWithoutMaxIdle(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, pool.Config[*thing]{})
		for _, c := range r.acquireAll(3) {
			c.leave()
		}
		assert.Equal(t, []int{1, 2, 3}, r.running())
	})
}

func TestEveryDialWithoutAWaiterIsCanceledIfNothingMayBeIdle(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, pool.Config[*thing]{MaxIdle: -1})
		first, second := r.acquire(), r.acquire()
		first.leave()
		assert.Equal(t, []int{1}, r.running())
		r.dial(1).ok()
		second.got()
		second.release()
		assert.Zero(t, r.Stats().Idle)
		assert.EqualValues(t, 1, r.Stats().Closes.Of(pool.ReasonIdleLimit))
	})
}

// A dial that the pool canceled fails nobody, whatever it returns, and what it
// brings after all is used.
func TestCanceledDialThatSucceedsIsUsed(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, pool.Config[*thing]{MaxOpen: 1, MaxIdle: -1})
		gone := r.acquire()
		d := r.dial(1)
		d.stubborn.Store(true)
		gone.leave()
		require.True(t, d.canceled())
		next := r.acquire()
		next.waits()
		d.ok()
		assert.Equal(t, 1, next.got().n)
	})
}

// And if what it brings is of no use, that is nobody's failure either.
func TestCanceledDialThatBringsAStillbornFailsNobody(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg := shareable()
		cfg.MaxOpen, cfg.MaxIdle = 1, -1
		r := newManual(t, cfg)
		gone := r.acquire()
		d := r.dial(1)
		d.stubborn.Store(true)
		gone.leave()
		next := r.acquire()
		r.capacity = pool.Dead
		d.ok()
		next.waits()
		assert.Zero(t, r.Stats().DialErrors)
		r.capacity = 1
		r.dial(2).ok()
		assert.Equal(t, 2, next.got().n)
	})
}

// Reset cancels the dials in flight, fails nobody, and does not use what they
// bring all the same (I11).
func TestResetCancelsDialsAndClosesWhatTheyBring(t *testing.T) {
	for _, stubborn := range []bool{false, true} {
		bubble(t, func(t *testing.T) {
			r := newManual(t, pool.Config[*thing]{MaxOpen: 1})
			c := r.acquire()
			d := r.dial(1)
			d.stubborn.Store(stubborn)
			r.Reset()
			require.True(t, d.canceled())
			synctest.Wait()
			if stubborn {
				c.waits()
				d.ok()
				assert.EqualValues(t, 1, r.things[0].closes.Load())
				assert.EqualValues(t, 1, r.Stats().Closes.Of(pool.ReasonReset))
			} else {
				assert.EqualValues(t, 1, r.Stats().DialsCanceled)
			}
			c.waits()
			r.dial(2).ok()
			assert.Equal(t, r.things[len(r.things)-1], c.got())
		})
	}
}

// The kind is known only after the dial, and demand is then computed with what
// it really is: here the expected 100 turn out to be 1 (I7).
func TestDemandIsComputedAnewWhenTheKindIsExclusive(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg := shareable()
		cfg.MaxOpen, cfg.Shared = 8, 100
		cfg.Shareable = func(*thing) bool { return false }
		r := newManual(t, cfg)
		all := r.acquireAll(5)
		require.Equal(t, 1, r.started())
		r.dial(1).ok()
		all[0].got()
		assert.Equal(t, 5, r.started())
		for n := 2; n <= 5; n++ {
			r.dial(n).ok()
			all[n-1].got()
		}
	})
}

// And here an expected 1 turns out to be 100: the other dials are for nobody, and
// end as far as nothing may be idle.
func TestDemandIsComputedAnewWhenTheKindIsShareable(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg := shareable()
		cfg.MaxIdle = 1
		r := newManual(t, cfg)
		r.capacity = 100
		all := r.acquireAll(5)
		require.Equal(t, 5, r.started())
		r.dial(3).ok()
		for _, c := range all {
			assert.Equal(t, 1, c.got().n)
		}
		assert.Equal(t, []int{1}, r.running())
	})
}

// A fresh HTTP/2 connection carries one lease until its settings are known. Those
// who wait meanwhile are those whom it will serve, so nobody dials for them.
func TestExpectKeepsThePoolFromDialling(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg := shareable()
		cfg.Shared = 100
		ramping := true
		cfg.Expect = func(x *thing) int {
			if ramping {
				return 3
			}
			return int(x.capacity.Load())
		}
		r := newManual(t, cfg)
		all := r.acquireAll(3)
		r.dial(1).ok()
		all[0].got()
		all[1].waits()
		assert.Equal(t, 1, r.started())
		beyond := r.acquire() // more than it will carry
		assert.Equal(t, 2, r.started())
		ramping = false
		r.things[0].set(2) // less than was expected
		all[1].got()
		all[2].waits()
		beyond.waits()
		r.capacity = 2
		r.dial(2).ok()
		all[2].got()
		beyond.got()
		assert.Equal(t, 2, r.started())
	})
}

// A fresh dial begins after the call: dials in flight will not do, and neither
// will what is idle.
func TestFreshCallDialsItsOwn(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, pool.Config[*thing]{})
		first := r.acquire()
		r.dial(1).ok()
		first.release()
		plain := r.acquire()
		assert.Equal(t, 1, plain.got().n)
		plain.release()
		fresh := r.acquireFresh()
		fresh.waits()
		assert.Equal(t, 2, r.started())
		r.dial(2).ok()
		assert.Equal(t, 2, fresh.got().n)
		assert.False(t, fresh.lease.Info().Reused)
	})
}

// What waits for a fresh resource does not wait for what is idle, so TryAcquire
// overtakes nobody when it takes that.
func TestTryAcquireTakesWhatAFreshWaiterCannotUse(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, pool.Config[*thing]{MaxOpen: 2})
		c := r.acquire()
		r.dial(1).ok()
		c.release()
		fresh := r.acquireFresh()
		l, ok := r.TryAcquire()
		require.True(t, ok)
		assert.Equal(t, 1, l.Value().n)
		l.Release()
		fresh.waits()
	})
}
