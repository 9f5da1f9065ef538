package pool

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/berth-go/berth/internal/lane"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// newJoint returns a pool with one shareable resource, of which so many leases are out.
func newJoint(t *testing.T, cfg Config[int], leases int) (*Pool[int], []Lease[int]) {
	return newJointOf(t, cfg, 100, leases)
}

// newJointOf is newJoint with a capacity.
func newJointOf(t *testing.T, cfg Config[int], capacity, leases int) (*Pool[int], []Lease[int]) {
	cfg.Dial = numbered()
	cfg.Capacity, cfg.Watch = func(int) int { return capacity }, func(int, func()) {}
	p, err := New(cfg)
	require.NoError(t, err)
	out := []Lease[int]{mustAcquire(t, p)}
	mustAcquire(t, p).Release() // the first that came by no dial
	for range leases - 1 {
		out = append(out, mustAcquire(t, p))
	}
	require.Equal(t, joint, p.formNow())
	return p, out
}

// A joint pool stays that from lease to lease, and its accounts are right.
func TestJointPoolStaysJoint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, err := NewBudget(BudgetLimits{MaxOpen: 5, MaxIdle: 5})
		require.NoError(t, err)
		p, out := newJoint(t, Config[int]{MaxOpen: 2, MaxIdle: 2, MaxIdleTime: time.Hour, MaxLifetime: 24 * time.Hour, Budget: b}, 1)
		for n := range 20 {
			time.Sleep(time.Second) // no lane is opened for that
			out = append(out, mustAcquire(t, p))
			require.Equal(t, joint, p.formNow())
			assert.Equal(t, LeaseInfo{Reused: true, Age: time.Duration(n+1) * time.Second, Uses: uint64(n) + 3}, out[n+1].Info())
			s := p.Stats()
			assert.Equal(t, []int{1, 0, 1, n + 2}, []int{s.Open, s.Idle, s.InUse, s.Leases})
			assert.Zero(t, b.Stats().Idle)
		}
		for n := range 20 {
			time.Sleep(time.Minute)
			out[n].Release()
			out[n].Release() // does nothing
			require.Equal(t, joint, p.formNow())
			s := p.Stats()
			assert.Equal(t, []int{1, 0, 1, 20 - n}, []int{s.Open, s.Idle, s.InUse, s.Leases})
			assert.Equal(t, uint64(n)+2, s.LeaseTimes.Count())
			assert.Zero(t, b.Stats().Idle)
		}
		out[20].Release()
		s := p.Stats()
		assert.Equal(t, []int{1, 1, 0, 0}, []int{s.Open, s.Idle, s.InUse, s.Leases})
		assert.Equal(t, uint64(21), s.Hits)
		assert.Equal(t, 1, b.Stats().Idle)
		require.NoError(t, p.Shutdown(t.Context()))
	})
}

// Those who find the lane empty leave it open, and their leases go on in there, up to as
// many as a lane can have.
func TestLaneGrowsWithTheLeasesThatAreOutAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const callers = lane.Many + 10
		b, err := NewBudget(BudgetLimits{MaxOpen: 5, MaxIdle: 5})
		require.NoError(t, err)
		p, out := newJointOf(t, Config[int]{MaxOpen: 2, Budget: b}, 2*callers, 2)
		mustAcquire(t, p).Release()
		ln := p.open.Load()
		require.NotNil(t, ln)
		seats := p.mu.lent
		require.LessOrEqual(t, seats, lane.Max+1)
		for len(out) < callers {
			out = append(out, mustAcquire(t, p))
		}
		assert.Equal(t, []any{ln, seats, uint64(callers - 2 - seats)}, []any{p.open.Load(), p.mu.lent, p.mu.misses})
		s := p.Stats()
		assert.Equal(t, []int{0, 1, callers}, []int{s.Idle, s.InUse, s.Leases})
		for n, l := range out {
			l.Release()
			s := p.Stats()
			last := n == callers-1
			assert.Equal(t, []int{btoi(last), btoi(!last), callers - 1 - n}, []int{s.Idle, s.InUse, s.Leases})
			assert.Equal(t, btoi(last), b.Stats().Idle)
			if !last {
				require.Same(t, ln, p.open.Load())
				require.LessOrEqual(t, p.mu.lent, lane.Many)
			}
		}
		assert.Equal(t, s.Hits+s.Waits, p.Stats().LeaseTimes.Count())
		require.NoError(t, p.Shutdown(t.Context()))
	})
}

// When all that were out have a seat there, the resource is idle in the lane.
func TestResourceIsIdleInTheLaneThatHasGrown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, out := newJointOf(t, Config[int]{MaxIdle: 1}, 100, 2)
		for len(out) < 60 {
			out = append(out, mustAcquire(t, p))
		}
		ln := p.open.Load()
		require.NotNil(t, ln)
		for _, l := range out {
			assert.Zero(t, ln.LessIdle())
			l.Release()
		}
		assert.Same(t, ln, p.open.Load())
		assert.GreaterOrEqual(t, p.mu.lent, 60)
		assert.Equal(t, -1, ln.LessIdle(), "it is idle, and was not when it was lent")
		s := p.Stats()
		assert.Equal(t, []int{1, 0, 0}, []int{s.Idle, s.InUse, s.Leases})
		time.Sleep(2 * laneTick) // and nobody comes
		synctest.Wait()
		assert.Nil(t, p.open.Load())
		require.NoError(t, p.Shutdown(t.Context()))
	})
}

// Nothing comes to rest in a lane that is closed, whatever of it is still out.
func TestClosedLaneDoesNotGrow(t *testing.T) {
	b, err := NewBudget(BudgetLimits{MaxOpen: 5})
	require.NoError(t, err)
	p, out := newJoint(t, Config[int]{Budget: b}, 1)
	for p.open.Load() == nil {
		mustAcquire(t, p).Release()
	}
	out = append(out, mustAcquire(t, p), mustAcquire(t, p))
	p.lock()
	b.hungry.Store(true) // another pool is short of a slot
	p.unlock()
	require.Nil(t, p.open.Load())
	require.Equal(t, joint, p.formNow())
	require.Equal(t, 2, p.mu.lent)
	out = append(out, mustAcquire(t, p))
	p.mu.form = joint // whatever that has come to
	out[0].Release()
	assert.Zero(t, p.restingUnseen())
	b.hungry.Store(false)
	for _, l := range out[1:] {
		l.Release()
	}
	require.NoError(t, p.Shutdown(t.Context()))
}

// restingUnseen returns how many leases rest beside a closed lane.
func (p *Pool[R]) restingUnseen() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.open.Load() != nil {
		return 0
	}
	return p.restingLocked()
}

// The lane holds nothing of the last lease of a resource that would be one idle too many.
func TestLaneDoesNotGrowBeyondMaxIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, out := newJointOf(t, Config[int]{MaxIdle: 1}, 4, 3)
		out = append(out, mustAcquire(t, p))
		other := mustAcquire(t, p) // of a second one
		for p.open.Load() == nil {
			out[3].Release()
			out[3] = mustAcquire(t, p)
		}
		other.Release() // it is idle
		for _, l := range out {
			l.Release()
		}
		assert.Equal(t, 1, p.Stats().Idle)
		require.NoError(t, p.Shutdown(t.Context()))
	})
}

// What rests in the lane is not idle while there is a lease beside it.
func TestLaneIsNotAloneBesideAJointLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, err := NewBudget(BudgetLimits{MaxOpen: 5})
		require.NoError(t, err)
		p, out := newJointOf(t, Config[int]{Budget: b}, 100, 1)
		for p.open.Load() == nil {
			mustAcquire(t, p).Release()
		}
		out[0].Release()
		ln := p.open.Load()
		require.NotNil(t, ln)
		assert.Equal(t, -1, ln.LessIdle())
		a := &attempt[int]{p: p, ctx: t.Context(), newcomer: true}
		_, err = a.now() // past what rests
		require.NoError(t, err)
		require.Same(t, ln, p.open.Load())
		assert.Zero(t, ln.LessIdle())
		assert.Zero(t, b.Stats().Idle)
		a.lease.Release()
		assert.Equal(t, 1, b.Stats().Idle)
		require.NoError(t, p.Shutdown(t.Context()))
	})
}

// The oldest resource is filled first, also by who did not see what rests of it in the lane.
func TestJointPoolFillsTheOldestFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ws := newWires(t, 4, nil)
		first := []Lease[*wire]{ws.locked(), ws.locked(), ws.locked(), ws.locked()}
		second := ws.locked()
		require.Same(t, ws.all[1], second.Value())
		release(first...)
		ws.warm()
		require.Equal(t, joint, ws.formNow())
		require.Equal(t, 4, ws.resting())
		l := ws.locked()
		assert.Same(t, ws.all[0], l.Value())
		release(l, second)
	})
}

// What needs more than room goes the long way.
func TestJointPoolGivesOnlyWhatNeedsNoThought(t *testing.T) {
	life := Config[int]{MaxLifetime: time.Minute}
	for name, tt := range map[string]struct {
		cfg    Config[int]
		change func(p *Pool[int], a *attempt[int])
		want   bool
	}{
		"nothing to think of":       {change: func(*Pool[int], *attempt[int]) {}, want: true},
		"a lifetime that is not up": {cfg: life, change: func(p *Pool[int], _ *attempt[int]) { sleepThrough(p, time.Second) }, want: true},
		"a lifetime that is up":     {cfg: life, change: func(p *Pool[int], _ *attempt[int]) { sleepThrough(p, time.Hour) }},
		"a fresh one":               {change: func(_ *Pool[int], a *attempt[int]) { a.fresh = true }},
		"one that failed":           {change: func(_ *Pool[int], a *attempt[int]) { a.bad.cell = &cell[int]{} }},
		"orders":                    {change: func(p *Pool[int], _ *attempt[int]) { p.member.ordered.Store(true) }},
		"others' needs":             {change: func(p *Pool[int], _ *attempt[int]) { p.member.budget.hungry.Store(true) }},
		"another form":              {change: func(p *Pool[int], _ *attempt[int]) { p.mu.form = restless }},
	} {
		t.Run(name, func(t *testing.T) {
			b, err := NewBudget(BudgetLimits{MaxOpen: 5})
			require.NoError(t, err)
			tt.cfg.Budget = b
			p, out := newJoint(t, tt.cfg, 1)
			assert.Equal(t, tt.want, tryShortWay(t, p, tt.change, (*attempt[int]).takeJointLocked))
			out[0].Release()
			require.NoError(t, p.Shutdown(t.Context()))
		})
	}
}

// Who is full gives nothing, and who has come to rest goes the long way: it may be due for
// a Check.
func TestJointPoolGivesNothingOfWhatIsFullOrIdle(t *testing.T) {
	p, out := newJoint(t, Config[int]{MaxOpen: 1}, 99)
	out = append(out, mustAcquire(t, p))
	require.Equal(t, joint, p.formNow(), "the last one was for the asking, too")
	_, ok := p.TryAcquire()
	assert.False(t, ok)
	for _, l := range out {
		l.Release()
	}
	p.mu.Lock()
	p.mu.form = joint
	a := &attempt[int]{p: p, ctx: t.Context(), newcomer: true}
	p.reclaimAllLocked()
	assert.False(t, a.takeJointLocked())
	p.mu.Unlock()
	require.NoError(t, p.Shutdown(t.Context()))
}

// What the short way does not know makes no joint pool.
func TestJointIsNotWhereMoreCanComeToPass(t *testing.T) {
	for name, cfg := range map[string]Config[int]{
		"MinIdle":      {MinIdle: 1},
		"hooks":        {Hooks: &Hooks{Released: func(ReleasedEvent) {}}},
		"MaxUses":      {MaxUses: 100},
		"least loaded": {Reuse: ReuseLeastLoaded},
		"leaks":        {LeakAfter: time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cfg.Dial = numbered()
				cfg.Capacity, cfg.Watch = func(int) int { return 100 }, func(int, func()) {}
				p, err := New(cfg)
				require.NoError(t, err)
				first, second := mustAcquire(t, p), mustAcquire(t, p)
				synctest.Wait()
				time.Sleep(time.Second)
				third := mustAcquire(t, p)
				assert.Equal(t, restless, p.formNow())
				first.Release()
				second.Release()
				third.Release()
				require.NoError(t, p.Shutdown(t.Context()))
			})
		})
	}
}

// A lease ends the short way only if others are out on a resource that is well, and it is
// not the lane's.
func TestJointPoolLetsGoOnlyWhatNeedsNoThought(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(p *Pool[int], c *cell[int])
		want   bool
	}{
		"nothing to think of": {change: func(*Pool[int], *cell[int]) {}, want: true},
		"the last one":        {change: func(_ *Pool[int], c *cell[int]) { c.slot.leases = 1 }},
		"others of the lane":  {change: func(_ *Pool[int], c *cell[int]) { c.slot.seats = 1 }},
		"the lane's":          {change: func(_ *Pool[int], c *cell[int]) { c.lent = true }},
		"gone":                {change: func(_ *Pool[int], c *cell[int]) { c.slot.gone = true }},
		"refused":             {change: func(_ *Pool[int], c *cell[int]) { c.slot.refused = true }},
		"another form":        {change: func(p *Pool[int], _ *cell[int]) { p.mu.form = calm }},
	} {
		t.Run(name, func(t *testing.T) {
			p, out := newJoint(t, Config[int]{}, 2)
			p.lock()
			p.mu.form = joint
			c := out[0].cell
			leases, free := c.slot.leases, len(c.slot.free)
			c.slot.refusals = maxRefusals
			tt.change(p, c)
			got := p.restJointLocked(c)
			if assert.Equal(t, tt.want, got); got {
				c.end(out[0].turn)
				assert.Zero(t, c.slot.refusals)
				assert.Len(t, c.slot.free, free+1)
			} else { // and what was made up is as it was
				c.lent, c.slot.leases, c.slot.seats, c.slot.gone, c.slot.refused = false, leases, 0, false, false
			}
			p.unlock()
			out[0].Release()
			out[1].Release()
			assert.Equal(t, 0, p.Stats().Leases)
			require.NoError(t, p.Shutdown(t.Context()))
		})
	}
}

// The Budget's orders are fetched, and it hears what it needs.
func TestJointPoolHearsItsBudget(t *testing.T) {
	b, err := NewBudget(BudgetLimits{MaxOpen: 5})
	require.NoError(t, err)
	p, out := newJoint(t, Config[int]{Budget: b}, 2)
	p.lock()
	p.mu.streak = 0 // no lane is to be opened
	p.member.ordered.Store(true)
	p.unlockCalm()
	assert.False(t, p.member.ordered.Load())
	p.lock()
	p.mu.streak = 0
	p.member.changed = true
	p.unlockCalm()
	assert.False(t, p.member.changed, "it has reported")
	for _, l := range out {
		l.Release()
	}
	require.NoError(t, p.Shutdown(t.Context()))
}

// A lease that a closed pool has out ends as it should: the resource goes with the last one.
func TestClosedPoolIsNotJoint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, out := newJoint(t, Config[int]{}, 3)
		require.NoError(t, p.Close())
		for _, l := range out {
			assert.Equal(t, 1, p.Stats().InUse)
			l.Release()
			assert.NotEqual(t, joint, p.formNow())
		}
		_, err := p.Acquire(context.Background())
		require.ErrorIs(t, err, ErrClosed)
		require.NoError(t, p.Shutdown(t.Context()))
		assert.Equal(t, uint64(1), p.Stats().Closes.Of(ReasonClosed))
	})
}
