package pool

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// newCalm returns a pool with one idle resource, of which nobody wants anything.
func newCalm(t *testing.T, cfg Config[int]) *Pool[int] {
	cfg.Dial = numbered()
	p, err := New(cfg)
	require.NoError(t, err)
	mustAcquire(t, p).Release()
	require.Equal(t, calm, p.formNow())
	return p
}

func (p *Pool[R]) formNow() form {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.mu.form
}

// A calm pool stays that from lease to lease, and its accounts are right.
func TestCalmPoolStaysCalm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, err := NewBudget(BudgetLimits{MaxOpen: 5, MaxIdle: 5})
		require.NoError(t, err)
		p := newCalm(t, Config[int]{MaxOpen: 2, MaxIdle: 2, MaxIdleTime: time.Hour, MaxLifetime: 24 * time.Hour, Budget: b})
		for n := range uint64(20) {
			time.Sleep(time.Second) // no lane is opened for that
			l := mustAcquire(t, p)
			require.Equal(t, calm, p.formNow())
			assert.Equal(t, LeaseInfo{Reused: true, IdleFor: time.Second, Age: time.Duration(n)*time.Minute + time.Duration(n+1)*time.Second, Uses: n + 2}, l.Info())
			s := p.Stats()
			assert.Equal(t, []int{1, 0, 1, 1}, []int{s.Open, s.Idle, s.InUse, s.Leases})
			assert.Zero(t, b.Stats().Idle)
			time.Sleep(time.Minute)
			l.Release()
			require.Equal(t, calm, p.formNow())
			s = p.Stats()
			assert.Equal(t, []int{1, 1, 0, 0}, []int{s.Open, s.Idle, s.InUse, s.Leases})
			assert.Equal(t, n+1, s.Hits)
			assert.Equal(t, n+2, s.LeaseTimes.Count())
			assert.Equal(t, 1, b.Stats().Idle)
		}
		require.NoError(t, p.Shutdown(t.Context()))
	})
}

// tryShortWay reports whether a short way has a lease for a caller after a change.
func tryShortWay(t *testing.T, p *Pool[int], change func(*Pool[int], *attempt[int]), take func(*attempt[int]) bool) bool {
	t.Helper()
	a := &attempt[int]{p: p, ctx: t.Context(), newcomer: true}
	change(p, a)
	p.lock()
	got := take(a)
	a.bad = failure[int]{}
	p.member.changed = true // and whatever was made up is settled
	p.unlock()
	if got {
		a.lease.Release()
	}
	return got
}

// What needs more than the one slot goes the long way.
func TestCalmPoolGivesOnlyWhatNeedsNoThought(t *testing.T) {
	minute := Config[int]{MaxIdleTime: time.Minute, MaxLifetime: time.Minute}
	check := Config[int]{Check: func(context.Context, int) error { return nil }, CheckAfter: time.Minute}
	for name, tt := range map[string]struct {
		cfg    Config[int]
		change func(p *Pool[int], a *attempt[int])
		want   bool
	}{
		"nothing to think of":   {change: func(*Pool[int], *attempt[int]) {}, want: true},
		"times that are not up": {cfg: minute, change: func(p *Pool[int], _ *attempt[int]) { sleepThrough(p, time.Second) }, want: true},
		"times that are up":     {cfg: minute, change: func(p *Pool[int], _ *attempt[int]) { sleepThrough(p, time.Hour) }},
		"no Check yet":          {cfg: check, change: func(p *Pool[int], _ *attempt[int]) { sleepThrough(p, time.Second) }, want: true},
		"a Check":               {cfg: check, change: func(p *Pool[int], _ *attempt[int]) { sleepThrough(p, time.Hour) }},
		"a fresh one":           {change: func(_ *Pool[int], a *attempt[int]) { a.fresh = true }},
		"one that failed":       {change: func(_ *Pool[int], a *attempt[int]) { a.bad.cell = &cell[int]{} }},
		"orders":                {change: func(p *Pool[int], _ *attempt[int]) { p.member.ordered.Store(true) }},
		"others' needs":         {change: func(p *Pool[int], _ *attempt[int]) { p.member.budget.hungry.Store(true) }},
		"another form":          {change: func(p *Pool[int], _ *attempt[int]) { p.mu.form = steady }},
	} {
		t.Run(name, func(t *testing.T) {
			b, err := NewBudget(BudgetLimits{MaxOpen: 5})
			require.NoError(t, err)
			tt.cfg.Budget = b
			p := newCalm(t, tt.cfg)
			assert.Equal(t, tt.want, tryShortWay(t, p, tt.change, (*attempt[int]).takeCalmLocked))
			require.NoError(t, p.Shutdown(t.Context()))
		})
	}
}

// What the short way does not know makes no calm pool.
func TestCalmIsNotWhereMoreCanComeToPass(t *testing.T) {
	dial := numbered()
	share := Config[int]{Capacity: func(int) int { return 2 }, Watch: func(int, func()) {}}
	for name, cfg := range map[string]Config[int]{
		"MinIdle":   {MinIdle: 1},
		"hooks":     {Hooks: &Hooks{Released: func(ReleasedEvent) {}}},
		"oldest":    {Reuse: ReuseOldest},
		"shareable": share,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cfg.Dial = dial
				p, err := New(cfg)
				require.NoError(t, err)
				mustAcquire(t, p).Release()
				synctest.Wait()
				time.Sleep(time.Second)
				l := mustAcquire(t, p)
				assert.NotEqual(t, calm, p.formNow())
				l.Release()
				require.NoError(t, p.Shutdown(t.Context()))
			})
		})
	}
}

// A resource that died while it was leased, and whose Close has not returned, does not
// become idle when the lease ends.
func TestDeadResourceDoesNotComeToRestInACalmPool(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		closed := make(chan struct{})
		p, x := newAsked(t, func(cfg *Config[int]) {
			cfg.Shareable = func(int) bool { return false }
			cfg.Close = func(int) error { <-closed; return nil }
		})
		l := mustAcquire(t, p)
		x.capacity = Dead
		x.changed()
		synctest.Wait()
		p.lock() // as any change
		p.unlock()
		l.Release()
		s := p.Stats()
		assert.Equal(t, []int{0, 0, 1}, []int{s.Idle, s.InUse, s.Closing})
		close(closed)
		synctest.Wait()
		assert.Zero(t, p.Stats().Closing)
		require.NoError(t, p.Shutdown(t.Context()))
	})
}

// The Budget hears of what became idle where it needs that, and its orders are fetched.
func TestCalmPoolReportsWhatItsBudgetNeeds(t *testing.T) {
	b, err := NewBudget(BudgetLimits{MaxOpen: 5})
	require.NoError(t, err)
	p := newCalm(t, Config[int]{Budget: b})
	l := mustAcquire(t, p)
	b.hungry.Store(true) // another pool is short of a slot
	l.Release()
	assert.False(t, p.member.changed, "it has reported")
	assert.False(t, b.hungry.Load(), "and the Budget has found that nobody is")

	l = mustAcquire(t, p)
	p.lock()
	p.mu.streak = 0 // no lane is to be opened
	p.member.ordered.Store(true)
	p.unlockCalm()
	assert.False(t, p.member.ordered.Load())
	l.Release()
	require.NoError(t, p.Shutdown(t.Context()))
}

// What is idle again is closed when its time has come, and checked.
func TestCalmPoolSetsItsBell(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newCalm(t, Config[int]{MaxIdleTime: time.Minute})
		time.Sleep(30 * time.Second)
		l := mustAcquire(t, p)
		time.Sleep(2 * time.Minute) // the bell rings for nothing
		require.Equal(t, 1, p.Stats().InUse)
		l.Release()
		time.Sleep(59 * time.Second)
		assert.Equal(t, 1, p.Stats().Idle)
		time.Sleep(time.Second)
		synctest.Wait()
		assert.Zero(t, p.Stats().Idle)
		require.NoError(t, p.Shutdown(t.Context()))

		checks := 0
		p = newCalm(t, Config[int]{CheckEvery: time.Minute, CheckAfter: time.Hour, Check: func(context.Context, int) error {
			checks++
			return nil
		}})
		l = mustAcquire(t, p)
		time.Sleep(2 * time.Minute)
		require.Zero(t, checks)
		l.Release()
		time.Sleep(time.Minute)
		synctest.Wait()
		assert.Equal(t, 1, checks)
		require.NoError(t, p.Shutdown(t.Context()))
	})
}
