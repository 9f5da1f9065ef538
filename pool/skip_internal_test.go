package pool

import (
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func (p *Pool[R]) isCalm() bool {
	p.lock()
	defer p.unlock()
	return p.calmLocked()
}

// That it is calm is why one key of many costs little; that it is not would change
// nothing but that.
func TestPoolUsedNowAndThenIsCalm(t *testing.T) {
	budget, err := NewBudget(BudgetLimits{MaxOpen: 2})
	require.NoError(t, err)
	for name, b := range map[string]*Budget{"alone": nil, "of a Budget": budget} {
		t.Run(name, func(t *testing.T) {
			p, err := New(Config[int]{Dial: numbered(), MaxOpen: 2, Budget: b})
			require.NoError(t, err)
			defer p.Close()
			require.False(t, p.isCalm(), "it is bare")
			l := mustAcquire(t, p)
			assert.True(t, p.isCalm())
			l.Release()
			assert.True(t, p.isCalm())
		})
	}
}

// A count of waiters that nobody asks for any more must not stay behind.
func TestPoolIsCalmAfterMaxWaitersWasGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, err := New(Config[int]{Dial: numbered(), MaxOpen: 1, MaxWaiters: 5})
		require.NoError(t, err)
		defer p.Close()
		l := mustAcquire(t, p)
		got := waiterOf(t, p)
		synctest.Wait()
		require.NoError(t, p.SetLimits(Limits{MaxOpen: 1}))
		l.Release()
		(<-got).Release()
		assert.True(t, p.isCalm())
	})
}
