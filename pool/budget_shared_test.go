package pool_test

import (
	"testing"

	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A pool whose dials serve several callers each stands in line for its second dial with the
// first caller whom the first dial does not serve.
func TestSecondSlotIsForTheFirstCallerBeyondTheFirstDial(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b, err := pool.NewBudget(pool.BudgetLimits{MaxOpen: 2})
		require.NoError(t, err)
		holder := newBare(t, pool.Config[*thing]{Budget: b})
		cfg := shareable()
		cfg.Budget, cfg.Shared = b, 2
		p := newManual(t, cfg)
		p.capacity = 2
		q := newManual(t, pool.Config[*thing]{Budget: b})
		holder.acquireAll(2)
		p.acquire()
		p.acquire()
		other := q.acquire()
		third := p.acquire()
		require.NoError(t, b.SetLimits(pool.BudgetLimits{MaxOpen: 4})) // two slots at once
		assert.Equal(t, 1, p.started())
		q.dial(1).ok()
		other.got()
		p.dial(1).ok()
		third.waits()
		other.release()
		p.dial(2).ok()
		third.got()
	})
}
