package pool

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/berth-go/berth/internal/turn"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// On a loaded machine each tick of a busy lane may come when the next one is due.
// What else is due comes to pass all the same.
func TestLateTicksHoldUpNothingElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const timeout = 5 * laneTick
		stuck := make(chan struct{})
		abandoned := time.Duration(0)
		start := time.Now()
		p, _ := newLane(t, 2, func(c *Config[*int]) {
			c.CloseTimeout = timeout
			c.Close = func(*int) error { <-stuck; return nil }
			c.Hooks = &Hooks{Abandoned: func(EvictedEvent) { abandoned = time.Since(start) }}
		})
		p.lock()
		p.mu.bell.Stop()
		p.mu.armed = 0
		p.mu.bell = p.clock.Bell(func() {
			time.Sleep(laneTick + laneTick/5)
			p.tick()
		})
		p.unlock()
		mustAcquire(t, p).Discard(nil)
		reopen(t, p)
		for range 200 {
			mustAcquire(t, p).Release()
			time.Sleep(laneTick / 10)
			synctest.Wait()
		}
		assert.InDelta(t, timeout, abandoned, float64(3*laneTick))
		close(stuck)
		time.Sleep(4 * laneTick) // the late bell
	})
}

// Times hardly longer than a tick are kept too: what was used since the last tick may
// be idle since then.
func TestTimesOfLittleMoreThanATick(t *testing.T) {
	for _, limit := range []time.Duration{laneTick * 12 / 10, laneTick * 15 / 10, laneTick * 18 / 10, laneTick * 25 / 10} {
		synctest.Test(t, func(t *testing.T) {
			start, closed := time.Now(), time.Duration(0)
			p, _ := newLane(t, 2, func(c *Config[*int]) {
				c.MaxIdleTime = limit
				c.Close = func(*int) error {
					if closed == 0 {
						closed = time.Since(start)
					}
					return nil
				}
			})
			top, other := mustAcquire(t, p), mustAcquire(t, p)
			other.Release()
			top.Release()
			for range 60 {
				mustAcquire(t, p).Release()
				time.Sleep(laneTick / 10)
				synctest.Wait()
			}
			assert.Equal(t, limit, closed)
		})
		synctest.Test(t, func(t *testing.T) {
			checked := map[*int]int{}
			p, _ := newLane(t, 2, func(c *Config[*int]) {
				c.CheckAfter = limit
				c.Check = func(_ context.Context, v *int) error { checked[v]++; return nil }
			})
			a, b := mustAcquire(t, p), mustAcquire(t, p)
			top, other := a.Value(), b.Value()
			b.Release()
			a.Release()
			for passed := time.Duration(0); passed <= limit; passed += laneTick / 10 {
				l := mustAcquire(t, p)
				require.Same(t, top, l.Value())
				l.Release()
				time.Sleep(laneTick / 10)
				synctest.Wait()
			}
			a, b = mustAcquire(t, p), mustAcquire(t, p)
			require.Same(t, other, b.Value())
			assert.Equal(t, 1, checked[other], "after %v", limit)
			a.Release()
			b.Release()
		})
	}
}

// A lease that lasts a tick is as good as any other: that Take has refused the resource
// before is forgotten.
func TestRefusalsAreForgottenByALeaseThatLastedATick(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refuse, giveUp := false, func() {}
		ws := newWires(t, 4, func(c *Config[*wire]) {
			c.Take = func(*wire) error {
				if refuse {
					giveUp()
					return errors.New("no room")
				}
				return nil
			}
		}).warm()
		for range 2 * maxRefusals {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			giveUp, refuse = cancel, true
			_, err := ws.Acquire(ctx)
			require.Error(t, err)
			refuse = false
			l := ws.fromLane()
			time.Sleep(laneTick)
			synctest.Wait()
			require.Equal(t, turn.Out, l.cell.Turn.Load().State())
			l.Release()
		}
		assert.Zero(t, ws.Stats().Closes.Of(ReasonTake))
	})
}

// idleOrder returns what is idle, that which will be used last first.
func idleOrder(p *Pool[*int]) (idle []*int) {
	p.lock()
	defer p.unlock()
	for s := p.mu.idle.Oldest(); s != nil; s = s.idleLink.Newer() {
		idle = append(idle, s.value)
	}
	return idle
}

// The order of reuse is that in which leases ended, whether they were counted at a tick
// or ended under the lock by the real time.
func TestOrderOfReuseOutlivesTicks(t *testing.T) {
	for _, wait := range []time.Duration{0, laneTick} { // within the tick, and counted at the next one
		for _, topLast := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				p, all := newLane(t, 2, nil)
				use(t, p, 1)
				top, long := mustAcquire(t, p), mustAcquire(t, p)
				require.Same(t, all[0], long.Value())
				top.Release()
				use(t, p, 1)
				mustAcquire(t, p).Release()
				time.Sleep(laneTick / 4)
				require.True(t, long.fast())
				long.Release() // by the real time
				last := all[0]
				if topLast {
					a, b := mustAcquire(t, p), mustAcquire(t, p)
					require.Same(t, all[1], b.Value())
					a.Release()
					b.Release()
					last = all[1]
				}
				ended := time.Now()
				time.Sleep(wait)
				synctest.Wait()
				idle := idleOrder(p)
				assert.Same(t, last, idle[1])
				p.lock()
				defer p.unlock()
				assert.False(t, p.mu.idle.Newest().idleSince.Before(ended.Add(-laneTick)))
			})
		}
	}
}

// It is the same for two that were used in the same tick, whichever was last.
func TestOrderOfReuseWithinATick(t *testing.T) {
	for _, topLast := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			p, _ := newLane(t, 2, nil)
			use(t, p, 1)
			last, first := mustAcquire(t, p), mustAcquire(t, p)
			if !topLast {
				last, first = first, last
			}
			want := last.Value()
			first.Release()
			last.Release()
			assert.Same(t, want, idleOrder(p)[1])
		})
	}
}

// Where cores spread, the order is as good as the times are.
func TestOrderOfReuseWhereCoresSpread(t *testing.T) {
	for at := range 4 {
		synctest.Test(t, func(t *testing.T) {
			p, _ := newLane(t, 4, nil)
			for p.open.Load() == nil || !p.open.Load().Spread() {
				reopen(t, p)
				p.open.Load().Clash(1 << 16)
				mustAcquire(t, p).Release()
				time.Sleep(laneTick)
				synctest.Wait()
			}
			reopen(t, p)
			hand := func() (v *int, at int) {
				l := mustAcquire(t, p)
				defer l.Release()
				for i, s := range p.open.Load().Seats() {
					if cellOf[*int](s) == l.cell {
						at = i
					}
				}
				return l.Value(), at
			}
			for tries := 0; ; tries++ {
				require.Less(t, tries, 1000)
				if _, is := hand(); is == at {
					break
				}
				p.open.Load().SpreadAnew()
			}
			for range 12 { // the one of this goroutine is used on and on
				mustAcquire(t, p).Release()
				time.Sleep(laneTick / 4)
				synctest.Wait()
			}
			want, is := hand()
			require.Equal(t, at, is)
			assert.Same(t, want, idleOrder(p)[3])
		})
	}
}

// A tick does not make a resource idle for longer than it is.
func TestIdleTimeDoesNotGoBackAtATick(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _ := newLane(t, 2, nil)
		use(t, p, 1)
		mustAcquire(t, p).Release()
		l := mustAcquire(t, p)
		time.Sleep(laneTick + laneTick/2)
		synctest.Wait()
		require.True(t, l.fast())
		l.Release()
		ended := time.Now()
		again := mustAcquire(t, p)
		require.Same(t, l.cell, again.cell)
		again.Release()
		time.Sleep(laneTick / 2)
		synctest.Wait()
		p.mu.Lock()
		defer p.mu.Unlock()
		assert.Equal(t, ended, l.cell.slot.idleSince)
	})
}

// The Budget does not hear that a shareable resource is idle which has a lease beside
// the lane.
func TestTickOfAResourceWithALeaseBesideTheLane(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, err := NewBudget(BudgetLimits{MaxOpen: 2})
		require.NoError(t, err)
		ws := newWires(t, 4, func(c *Config[*wire]) { c.Budget = b }).warm()
		long := ws.fromLane()
		for range 20 { // it leaves the lane
			ws.fromLane().Release()
			time.Sleep(laneTick / 2)
			synctest.Wait()
		}
		require.NotNil(t, ws.open.Load())
		assert.Zero(t, b.Stats().Idle)
		long.Release()
		assert.Equal(t, 1, b.Stats().Idle)
	})
}

// What is out at a tick is not idle, however long it was before.
func TestTickLeavesInTheLaneWhatWasIdleForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _ := newLane(t, 2, func(c *Config[*int]) { c.MaxIdleTime = 5 * laneTick })
		use(t, p, 3)
		top, other := mustAcquire(t, p), mustAcquire(t, p)
		top.Release()
		use(t, p, 1)
		require.True(t, other.fast())
		other.Release()
		assert.Equal(t, 2, p.resting())
	})
}

// A mark that a tick renews is the last one, without a search: it was used since the tick
// before. The order of times holds.
func TestMarkThatATickRenewsIsLast(t *testing.T) {
	for at, want := range map[time.Duration][]time.Duration{0: {1, 2, 2, 4, 4}, 3: {1, 2, 2, 4, 4}, 4: {1, 2, 2, 4, 4}, 5: {1, 2, 2, 4, 5}} {
		var r idleRing
		r.init()
		for _, since := range []time.Duration{1, 2, 2, 4} {
			r.add(&idleMark{m: &member{}, since: since}, nil)
			r.root.prev.since = since // add takes what is little for nothing
		}
		k := &idleMark{m: &member{}, since: at}
		r.addLast(k)
		var got, back []time.Duration
		for x := r.root.next; x != &r.root; x = x.next {
			got = append(got, x.since)
		}
		for x := r.root.prev; x != &r.root; x = x.prev {
			back = append(back, x.since)
		}
		assert.Equal(t, want, got)
		slices.Reverse(back)
		assert.Equal(t, want, back)
		assert.Same(t, k, r.root.prev)
	}
	var r idleRing
	r.init()
	k := &idleMark{m: &member{}, since: 3}
	r.addLast(k)
	assert.Equal(t, time.Duration(3), k.since, "alone, it keeps its time")
}
