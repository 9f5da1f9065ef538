package pool

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/berth-go/berth/waitq"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// checkChoosy compares what is counted with the queue, and returns how many want a fresh
// resource. Everybody sleeps.
func checkChoosy(t *testing.T, p *Pool[int]) (fresh int) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	others := 0
	want := map[uint64]int{}
	p.waiters.Each(func(e waitq.Entry) bool {
		if first := freshOf(e); first > 0 {
			want[first]++
			fresh++
		} else {
			others++
		}
		return true
	})
	got := map[uint64]int{}
	for i, g := range p.mu.choosy.groups {
		require.True(t, i == 0 || p.mu.choosy.groups[i-1].first < g.first, "in order")
		got[g.first] = g.waiters
	}
	require.Equal(t, want, got)
	for _, flying := range []int{0, p.flyingLocked()} {
		walked, most := walkedGroups(p, flying), p.unmetByAnyLocked(flying)
		for _, g := range walked {
			most = max(most, g.unmet)
		}
		require.Equal(t, most, p.uncountedLocked(flying))
		if groups := p.unmetGroupsLocked(flying); groups != nil {
			require.Equal(t, walked, groups)
		}
	}
	if fresh > 0 {
		require.GreaterOrEqual(t, p.mu.choosy.others, others, "never fewer than there are")
	}
	return fresh
}

// walkedGroups is unmetGroupsLocked by a look at all dials. Nothing is promised.
func walkedGroups(p *Pool[int], flying int) []group {
	all, waiters, older := slices.Clone(p.mu.choosy.groups), 0, 0
	for i := len(all) - 1; i >= 0; i-- {
		g, dials := &all[i], 0
		for d := range p.mu.dials.All() {
			dials += btoi(d.slot.number >= g.first)
		}
		g.dials = dials - older
		older = dials
		waiters += g.waiters
		g.unmet = min(waiters, p.waiters.Len()) - min(flying, dials)*p.sharedLocked()
	}
	return all
}

// Whoever wants a fresh resource is counted from the hold of the lock in which the caller
// queues to that in which the wait is known to have ended, however it ends.
func TestWhoWantsFreshIsCounted(t *testing.T) {
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) { countChoosy(t, rand.New(rand.NewPCG(seed, 0))) }) //nolint:gosec // to be repeatable
	}
}

func countChoosy(t *testing.T, r *rand.Rand) {
	b, err := NewBudget(BudgetLimits{MaxOpen: 4})
	require.NoError(t, err)
	var mu sync.Mutex // of r, for the dials
	chance := func(percent int) bool { mu.Lock(); defer mu.Unlock(); return r.IntN(100) < percent }
	millis := func(n int) time.Duration {
		mu.Lock()
		defer mu.Unlock()
		return time.Duration(r.IntN(n)) * time.Millisecond
	}
	fails := 20
	if chance(30) {
		fails = 70 // the breaker opens
	}
	cfg := Config[int]{
		MaxOpen: 4, MaxWaiters: 30, BackoffBase: time.Millisecond, BackoffMax: 3 * time.Millisecond, BreakAfter: 5,
		Dial: func(context.Context) (int, error) {
			time.Sleep(millis(20))
			if chance(fails) {
				return 0, errors.New("no")
			}
			return 1, nil
		},
	}
	if chance(30) {
		cfg.Budget = b
	}
	if chance(30) {
		cfg.MaxOpen, cfg.MaxIdle = 0, 1
	}
	p, err := New(cfg)
	require.NoError(t, err)
	var wg sync.WaitGroup
	seen := 0
	for range 300 {
		req, timeout, hold := Request{Fresh: chance(60)}, millis(60), millis(15)
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), timeout)
			defer cancel()
			l, err := p.AcquireWith(ctx, req)
			if err != nil {
				return
			}
			time.Sleep(hold)
			if chance(30) {
				l.Discard(nil)
			} else {
				l.Release()
			}
		})
		time.Sleep(millis(3))
		synctest.Wait()
		seen += checkChoosy(t, p)
	}
	assert.NotZero(t, seen, "else nothing was tested")
	require.NoError(t, p.Close())
	synctest.Wait()
	assert.Zero(t, checkChoosy(t, p))
	wg.Wait()
	require.NoError(t, p.Shutdown(t.Context()))
}

// What nobody can use is not offered to all who wait, each time that something changes.
func TestWhatNobodyCanUseIsNotOffered(t *testing.T) {
	p, err := New(Config[int]{Dial: numbered()})
	require.NoError(t, err)
	old := &slot[int]{number: 1}
	queue := func(fresh bool) *attempt[int] {
		a := &attempt[int]{p: p, ctx: t.Context(), fresh: fresh, firstDial: 2}
		a.noteQueuesLocked()
		a.waiter = p.waiters.EnqueueAt(a.ctx, 1, a.tagOf())
		return a
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	other, fresh := queue(false), queue(true)
	_, ok := p.oldestForLocked(old)
	assert.True(t, ok)

	require.True(t, other.waiter.Cancel())
	assert.Equal(t, 1, p.mu.choosy.others, "nobody was told")
	_, ok = p.oldestForLocked(old)
	assert.False(t, ok)
	assert.Zero(t, p.mu.choosy.others, "known from now on")

	other = queue(false)
	_, ok = p.oldestForLocked(old)
	assert.True(t, ok, "one more who takes any")

	require.Equal(t, 1, p.failSomeLocked(1, errors.New("no"), func(e waitq.Entry) bool { return freshOf(e) == 0 }))
	_, err = other.waiter.Wait()
	require.Error(t, err)
	assert.Zero(t, p.mu.choosy.others, "nobody had to look")

	require.True(t, fresh.waiter.Cancel())
	fresh.noteLeftLocked()
	assert.Empty(t, p.mu.choosy.groups)
}

// The dials in flight are counted for those whom they will do for, in whatever order callers
// and dials come and go, and whatever a dial is expected to bring.
func TestDialsAreCountedForThoseWhoWantFresh(t *testing.T) {
	seen := 0
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 2)) //nolint:gosec // to be repeatable
		p, err := New(Config[int]{Dial: numbered()})
		require.NoError(t, err)
		p.mu.Lock()
		var waiting []*attempt[int]
		var flying []*dial[int]
		for range 60 {
			switch r.IntN(7) {
			case 0, 1, 2:
				a := &attempt[int]{p: p, ctx: t.Context(), place: p.ticket(), fresh: r.IntN(4) > 0}
				a.firstDial = p.mu.dialNumber + 1 - min(p.mu.dialNumber, r.Uint64N(4))
				a.noteQueuesLocked()
				a.waiter = p.waiters.EnqueueAt(a.ctx, uint64(a.place), a.tagOf())
				waiting = append(waiting, a)
			case 3, 4:
				flying = append(flying, startFlying(p))
			case 5:
				if len(waiting) > 0 {
					i := r.IntN(len(waiting))
					require.True(t, waiting[i].waiter.Cancel())
					if r.IntN(4) > 0 { // else it has not come for the lock yet
						waiting[i].noteLeftLocked()
					}
					waiting = slices.Delete(waiting, i, i+1)
				}
			case 6:
				if len(flying) > 0 {
					i := r.IntN(len(flying))
					p.removeDialLocked(flying[i])
					flying = slices.Delete(flying, i, i+1)
				}
			}
			if r.IntN(20) == 0 {
				p.learnLocked(1 + r.IntN(3))
			}
			walked, most := walkedGroups(p, p.flyingLocked()), p.unmetByAnyLocked(p.flyingLocked())
			for i, g := range walked {
				most = max(most, g.unmet)
				require.Equal(t, g.dials, p.mu.choosy.groups[i].dials)
			}
			if r.IntN(3) > 0 { // else nobody asks
				require.Equal(t, most, p.uncountedLocked(p.flyingLocked()), "seed %d", seed)
			}
			seen += len(walked)
		}
		p.mu.Unlock()
	}
	assert.NotZero(t, seen, "else nothing was tested")
}

// As long as each who wants a fresh resource has a dial, which is mostly so, nobody looks at
// all of them, also not after others who had none.
func TestWhoHasADialIsNotLookedAt(t *testing.T) {
	p, err := New(Config[int]{Dial: numbered()})
	require.NoError(t, err)
	p.mu.Lock()
	defer p.mu.Unlock()
	for range 2 {
		var waiting []*attempt[int]
		var flying []*dial[int]
		for range 10 {
			waiting = append(waiting, queueFresh(t, p))
			flying = append(flying, startFlying(p))
			assert.Nil(t, p.unmetGroupsLocked(p.flyingLocked()))
			assert.Zero(t, p.unmetLocked())
		}
		for _, d := range flying {
			p.removeDialLocked(d)
		}
		for _, a := range waiting {
			require.True(t, a.waiter.Cancel())
			a.noteLeftLocked()
		}
		assert.Empty(t, p.mu.choosy.groups)
	}
}

// Where there is always one who wants a fresh resource, those who were served must not have the
// others looked at for ever: one look finds out how few there are now.
func TestWhoHasADialIsLookedAtOnceAfterOthersWereServed(t *testing.T) {
	p, err := New(Config[int]{Dial: numbered()})
	require.NoError(t, err)
	p.mu.Lock()
	defer p.mu.Unlock()
	for range 5 {
		served, flies := queueFresh(t, p), startFlying(p)
		queueFresh(t, p)
		startFlying(p)
		p.removeDialLocked(flies)
		require.True(t, served.waiter.Cancel())
		served.noteLeftLocked()
		assert.Zero(t, p.unmetLocked())
		assert.Nil(t, p.unmetGroupsLocked(p.flyingLocked()))
	}
}

// What a dial is expected to bring may change between two looks, and back again.
func TestWhatADialIsToBringMayChangeMeanwhile(t *testing.T) {
	p, err := New(Config[int]{Dial: numbered()})
	require.NoError(t, err)
	p.mu.Lock()
	defer p.mu.Unlock()
	startFlying(p)
	for range 4 {
		queueFresh(t, p)
	}
	p.learnLocked(3)
	startFlying(p)
	p.learnLocked(1)
	assert.Equal(t, 3, p.unmetLocked(), "the first dial is for none of them")
}

func queueFresh(t *testing.T, p *Pool[int]) *attempt[int] {
	t.Helper()
	a := &attempt[int]{p: p, ctx: t.Context(), place: p.ticket(), fresh: true, firstDial: p.mu.dialNumber + 1}
	a.noteQueuesLocked()
	a.waiter = p.waiters.EnqueueAt(a.ctx, uint64(a.place), a.tagOf())
	return a
}

func startFlying(p *Pool[int]) *dial[int] {
	p.mu.dialNumber++
	d := &dial[int]{slot: &slot[int]{number: p.mu.dialNumber}}
	p.mu.dials.Push(&d.link, d)
	p.noteFliesLocked(d.slot.number, 1)
	return d
}
