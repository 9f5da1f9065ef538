package pool

import (
	"reflect"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// An order that a pool does not know as one is never settled.
func TestAnyOrderIsAnOrder(t *testing.T) {
	of := reflect.TypeFor[orders]()
	for i := range of.NumField() {
		var o orders
		field := of.Field(i).Name
		v := reflect.ValueOf(&o).Elem().Field(i)
		switch field {
		case "grants":
			o.grants = 1
		case "evict":
			o.evict = 1
		case "shrink":
			o.shrink = 1
		case "idleOut":
			o.idleOut = 1
		case "cancel":
			o.cancel = 1
		case "cancelKept":
			o.cancelKept = 1
		case "surplus":
			o.surplus = 1
		case "spares", "coming":
			continue // part of grants, and no order
		default:
			t.Errorf("say of %s whether it is an order", field)
		}
		assert.EqualValues(t, 1, v.Int())
		assert.True(t, o.any(), field)
	}
	assert.False(t, orders{}.any())
}

// A pool is not told to cancel more dials than it has, counting what it has been told and
// what it has heard and not reported on.
func TestSurplusDialsAreOrderedOnce(t *testing.T) {
	for name, heard := range map[string]bool{"told": false, "heard": true} {
		t.Run(name, func(t *testing.T) {
			b, err := NewBudget(BudgetLimits{MaxOpen: 4})
			require.NoError(t, err)
			var pools [2]member
			for i := range pools {
				m := &pools[i]
				m.join(b, nil)
				m.report(report{standing: standing{used: 2, dialing: 2}})
			}
			total := func() (n int) {
				for i := range pools {
					told, done := pools[i].orders.copied().surplus, pools[i].handed.copied().surplus
					assert.LessOrEqual(t, told+done, 2)
					n += told + done
				}
				return n
			}
			b.mu.Lock()
			defer b.mu.Unlock()
			b.mu.limits.MaxOpen = 3
			b.settleLocked(nil, nil)
			require.Equal(t, 1, total())
			if heard {
				for i := range pools {
					pools[i].handed, pools[i].orders = pools[i].orders, nil
				}
			}
			b.mu.limits.MaxOpen = 1
			b.settleLocked(nil, nil)
			assert.Equal(t, 3, total())
		})
	}
}

// What a pool reports is settled with what came of its orders: only what is left over is
// ordered again.
func TestReportSettlesItsOrdersFirst(t *testing.T) {
	b, err := NewBudget(BudgetLimits{MaxOpen: 4})
	require.NoError(t, err)
	var m member
	m.join(b, nil)
	m.report(report{standing: standing{used: 4, dialing: 4}})
	b.mu.limits.MaxOpen = 2
	m.changed = true
	o, _ := m.report(report{standing: standing{used: 4, dialing: 4}})
	require.Equal(t, 2, o.surplus)
	o, _ = m.report(report{standing: standing{used: 4, dialing: 3, canceled: 1, ending: 1}}) // one has become a resource
	assert.Equal(t, 1, o.surplus)
}

// A dial beside a late one waits while a pool has waiters without a dial, also where there
// is room and it is only not known yet whose turn it is.
func TestDialBesideALateOneComesAfterAllWaiters(t *testing.T) {
	b, err := NewBudget(BudgetLimits{MaxOpen: 2})
	require.NoError(t, err)
	var starving, late member
	starving.join(b, nil)
	late.join(b, nil)
	w := wants{want: 2, known: 1} // it has not told where the second stands
	w.tickets[0] = 5
	starving.report(report{standing: standing{used: 2}, wants: w})
	late.report(report{wants: wants{redial: 1}})

	b.mu.Lock()
	b.mu.limits.MaxOpen = 5
	b.settleLocked(nil, nil)
	b.mu.Unlock()
	assert.Equal(t, 1, starving.orders.copied().grants)
	assert.Zero(t, late.orders.copied().grants)

	o, _ := starving.report(report{standing: standing{used: 2}, wants: w})
	assert.Equal(t, 1, o.grants)
	w.want, w.tickets[0] = 1, 6
	o, _ = starving.report(report{standing: standing{used: 3, dialing: 1}, wants: w})
	assert.Equal(t, 1, o.grants)
	assert.Equal(t, 1, late.orders.copied().grants, "now that nobody starves")
}

// Who asks whether an older waiter of another pool is due something has mostly done what it
// was told, and not reported it: that counts once.
func TestWhatAPoolHasDoneCountsOnceWhenItAsks(t *testing.T) {
	join := func(t *testing.T, limit int) (b *Budget, m, other *member) {
		b, err := NewBudget(BudgetLimits{MaxOpen: limit})
		require.NoError(t, err)
		m, other = &member{}, &member{}
		m.join(b, nil)
		other.join(b, nil)
		return b, m, other
	}
	wanting := func(places ...Ticket) wants {
		w := wants{want: len(places), known: len(places)}
		copy(w.tickets[:], places)
		return w
	}
	t.Run("grant", func(t *testing.T) {
		_, m, other := join(t, 2)
		o, _ := m.report(report{wants: wanting(3)})
		require.Equal(t, 1, o.grants)
		other.report(report{standing: standing{used: 1, ending: 1}, wants: wanting(5)})
		assert.False(t, m.older(9, false, standing{used: 1, dialing: 1}), "what is ending is enough for the older one")
	})
	t.Run("permit", func(t *testing.T) {
		b, m, other := join(t, 1)
		b.mu.limits.MaxDials = 2
		o, _ := m.report(report{wants: wanting(3)})
		require.Equal(t, 1, o.grants)
		other.report(report{wants: wanting(5)})
		assert.True(t, m.older(9, false, standing{used: 1, dialing: 1}), "one more may dial")
	})
	t.Run("evict", func(t *testing.T) {
		b, m, other := join(t, 3)
		var mark idleMark
		m.idle(&mark, b.start, nil)
		m.report(report{standing: standing{used: 3}})
		other.report(report{wants: wanting(5, 6)})
		o, _ := m.report(report{standing: standing{used: 3}})
		require.Equal(t, 1, o.evict)
		assert.True(t, m.older(9, false, standing{used: 3, ending: 1}), "one of two older ones has a slot coming")
		assert.False(t, m.older(6, false, standing{used: 3, ending: 1}), "and is the only one older than this")
	})
	t.Run("cancel", func(t *testing.T) {
		_, m, other := join(t, 3)
		dials := standing{used: 3, dialing: 1}
		m.report(report{standing: dials, wants: wants{orphans: 1}})
		other.report(report{wants: wanting(5, 6)})
		o, _ := m.report(report{standing: dials, wants: wants{orphans: 1}})
		require.Equal(t, 1, o.cancel)
		assert.True(t, m.older(9, false, standing{used: 3, dialing: 1, canceled: 1, ending: 1}), "one of two older ones has a slot coming")
	})
}
