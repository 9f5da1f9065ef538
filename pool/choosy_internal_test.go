package pool

import (
	"context"
	"errors"
	"math/rand/v2"
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
	if fresh > 0 {
		require.GreaterOrEqual(t, p.mu.choosy.others, others, "never fewer than there are")
	}
	return fresh
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

	require.True(t, p.failOneLocked(errors.New("no"), func(e waitq.Entry) bool { return freshOf(e) == 0 }))
	_, err = other.waiter.Wait()
	require.Error(t, err)
	assert.Zero(t, p.mu.choosy.others, "nobody had to look")

	require.True(t, fresh.waiter.Cancel())
	fresh.noteLeftLocked()
	assert.Empty(t, p.mu.choosy.groups)
}
