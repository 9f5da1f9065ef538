package pool

import (
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A pool that by its own MaxIdle closes what its Budget has picked has done what the
// Budget wants: one that goes must not be two.
func TestOwnMaxIdleDoesWhatTheBudgetOrders(t *testing.T) {
	b, err := NewBudget(BudgetLimits{MaxIdle: 4})
	require.NoError(t, err)
	open := func(n int) (*Pool[int], []Lease[int]) {
		p, err := New(Config[int]{Dial: numbered(), MaxIdle: 3, Budget: b})
		require.NoError(t, err)
		t.Cleanup(func() { assert.NoError(t, p.Close()) })
		var leases []Lease[int]
		for range n {
			leases = append(leases, mustAcquire(t, p))
		}
		return p, leases
	}
	x, ofX := open(4)
	y, ofY := open(2)
	for _, l := range []Lease[int]{ofX[0], ofX[1], ofX[2], ofY[0]} {
		l.Release()
	}
	require.Equal(t, 4, b.Stats().Idle)

	x.lock()
	done := make(chan struct{})
	go func() {
		ofY[1].Release() // the Budget picks the oldest, which is x's
		close(done)
	}()
	for !x.member.ordered.Load() {
		runtime.Gosched()
	}
	last := ofX[3].cell
	require.True(t, last.end(ofX[3].turn))
	x.endLeaseLocked(last, EndRelease, nil) // one too many for x, whose oldest is closed
	x.unlock()
	<-done
	assert.Equal(t, []int{2, 2}, []int{x.Stats().Idle, y.Stats().Idle})
	assert.Equal(t, 4, b.Stats().Idle)
}

// The place of what became idle earlier than others is found from both ends.
func TestPlaceAmongTheIdleIsFound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 5
		p, err := New(Config[int]{Dial: numbered()})
		require.NoError(t, err)
		begin := time.Now()
		var leases []Lease[int]
		for range n {
			leases = append(leases, mustAcquire(t, p))
		}
		for _, l := range leases {
			<-time.After(10 * time.Millisecond)
			l.Release()
			require.Equal(t, n, p.Stats().Open)
		}
		p.lock()
		var idle []*slot[int]
		for s := p.mu.idle.Oldest(); s != nil; s = s.idleLink.Newer() {
			idle = append(idle, s)
		}
		require.Len(t, idle, n)
		for at := range 10 * n {
			since := begin.Add(time.Duration(at) * time.Millisecond)
			var want *slot[int]
			for _, s := range idle {
				if s.idleSince.Before(since) {
					want = s
				}
			}
			assert.Same(t, want, p.idleBeforeLocked(since), "%v", at)
		}
		p.unlock()
		assert.NoError(t, p.Shutdown(t.Context()))
	})
}
