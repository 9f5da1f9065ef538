package pool

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// An order to give something up may come when what it was for has just been taken. It is
// no reason to end what callers wait for.
func TestOrderDoesNotEndWhatIsAboutToOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, err := NewBudget(BudgetLimits{MaxOpen: 1})
		require.NoError(t, err)
		p, err := New(Config[int]{
			Dial:     func(context.Context) (int, error) { return 1, nil },
			Capacity: func(int) int { return 0 },
			Watch:    func(int, func()) {},
			Budget:   b,
		})
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		go func() { _, _ = p.Acquire(ctx) }()
		synctest.Wait()
		evict := func() int {
			p.lock()
			defer p.unlock()
			p.giveUpIdleLocked(1, ReasonEvict)
			return p.mu.slots.in(idle)
		}
		assert.Equal(t, 1, evict())
		cancel()
		synctest.Wait()
		assert.Zero(t, evict())
		assert.NoError(t, p.Close())
	})
}
