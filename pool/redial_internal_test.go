package pool

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A Budget knows which dials are late only as long as they are not canceled, and its
// accounts are even again when the pool has done what it was told.
func TestBudgetForgetsLateDialsThatItCancels(t *testing.T) {
	b, err := NewBudget(BudgetLimits{MaxOpen: 2})
	require.NoError(t, err)
	var one, two member
	for _, m := range []*member{&one, &two} {
		m.join(b, nil)
	}
	hung := report{standing: standing{used: 2, dialing: 2}, wants: wants{orphans: 1, late: 1}}
	one.report(hung, nil)
	assert.Equal(t, 1, b.mu.norphans)
	assert.Equal(t, 1, b.mu.nlate)

	two.report(report{wants: wants{want: 1, known: 1, tickets: [maxTickets]Ticket{7}}}, nil)
	assert.Equal(t, 1, one.orders.copied().cancel)
	assert.Zero(t, b.mu.norphans)
	assert.Zero(t, b.mu.nlate)

	o, _ := one.report(hung, nil) // it does not know of its orders yet
	assert.Equal(t, 1, o.cancel)
	assert.Zero(t, b.mu.norphans)
	assert.Zero(t, b.mu.nlate)

	one.report(report{standing: standing{used: 2, dialing: 2, canceled: 1, ending: 1}}, nil)
	one.report(report{standing: standing{used: 1, dialing: 1}}, nil)
	assert.Zero(t, b.mu.norphans)
	assert.Zero(t, b.mu.nlate)
	assert.Equal(t, 1, two.orders.copied().grants)
}
