package pool_test

import (
	"testing"
	"time"

	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What is there is due to an older caller of another pool, for whom it drains: so nothing is
// there for the caller, and with the breaker open nobody waits. It is told so, also where it
// would be one waiter too many as well.
func TestOpenBreakerLetsNobodyWaitBesideWhatIsDueToAnotherPool(t *testing.T) {
	for _, maxWaiters := range []int{0, -1} {
		openBreakerBesideWhatIsDue(t, maxWaiters)
	}
}

func openBreakerBesideWhatIsDue(t *testing.T, maxWaiters int) {
	t.Helper()
	bubble(t, func(t *testing.T) {
		b, err := pool.NewBudget(pool.BudgetLimits{MaxOpen: 2})
		require.NoError(t, err)
		cfg := shareable()
		cfg.Budget, cfg.BreakAfter, cfg.BackoffBase, cfg.MaxWaiters = b, 1, time.Minute, maxWaiters
		p := newManual(t, cfg)
		p.capacity = 2
		q := newManual(t, pool.Config[*thing]{Budget: b})
		holder := p.acquire()
		p.dial(1).ok()
		holder.got()
		fresh := p.acquireFresh()
		p.dial(2).fail(errDial)
		_ = fresh.failed()
		q.acquire()
		q.dial(1).ok()
		older := q.acquire()
		older.waits()
		_ = fastFailure(t, p.acquire().failed())
		assert.EqualValues(t, 1, p.Stats().FailFast)
		assert.Zero(t, p.Stats().Rejected)
		assert.Zero(t, p.Stats().Waiting)
		holder.release()
		q.dial(2).ok()
		older.got()
	})
}
