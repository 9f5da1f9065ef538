package pool

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What is kept beside late dials makes room for who needs a slot, after dials that nobody
// waits for, and not because of MaxIdle. The accounts are even when the pool has done what it was told.
func TestBudgetCancelsWhatIsKeptLast(t *testing.T) {
	b, err := NewBudget(BudgetLimits{MaxOpen: 4, MaxIdle: 1})
	require.NoError(t, err)
	var one, two, three member
	for _, m := range []*member{&one, &two, &three} {
		m.join(b, nil)
	}
	hung := report{standing: standing{used: 2, dialing: 2}, wants: wants{kept: 1}}
	orphaned := report{standing: standing{used: 2, dialing: 2}, wants: wants{orphans: 2}}
	one.report(hung)
	o, _ := two.report(orphaned)
	assert.Equal(t, 1, o.cancel, "MaxIdle")
	two.report(report{standing: standing{used: 2, dialing: 2, canceled: 1, ending: 1}, wants: wants{orphans: 1}})
	assert.Zero(t, one.orders.copied().cancels())

	for n, want := range []struct{ orphans, kept int }{1: {0, 0}, 2: {1, 0}, 3: {1, 1}, 4: {1, 1}} {
		three.report(report{wants: wants{want: n, known: n, tickets: [maxTickets]Ticket{7, 8, 9, 10}}})
		assert.Equal(t, want.orphans, two.orders.copied().cancel, "%d wanted", n)
		assert.Equal(t, want.kept, one.orders.copied().cancelKept, "%d wanted", n)
		assert.Equal(t, want.orphans+want.kept, b.mu.cancels)
	}
	two.report(report{standing: standing{used: 2, dialing: 2, canceled: 1, ending: 1}, wants: wants{orphans: 1}})
	o, _ = one.report(hung) // it did not know of its orders yet
	assert.Equal(t, 1, o.cancelKept)
	assert.Empty(t, b.mu.lists[keeping])
	assert.Equal(t, 1, one.dialsLeftLocked())
	one.report(report{standing: standing{used: 2, dialing: 2, canceled: 1, ending: 1}})
	two.report(report{standing: standing{used: 2, dialing: 2, canceled: 2, ending: 2}})
	assert.Zero(t, b.mu.norphans)
	assert.Zero(t, b.mu.cancels)
	one.report(report{standing: standing{used: 1, dialing: 1}})
	two.report(report{})
	assert.Equal(t, 3, three.orders.copied().grants)
	assert.Equal(t, 4, b.mu.open)
}

// Time goes on while the lock is held: if the plan comes just before a dial is late, the
// bell rings for what it has missed.
func TestDialThatIsLateJustAfterThePlan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dials := make(chan chan int, 2)
		p, err := New(Config[int]{
			Dial: func(context.Context) (int, error) {
				made := make(chan int)
				dials <- made
				return <-made, nil
			},
			RedialAfter: time.Second,
		})
		require.NoError(t, err)
		go func() { _, _ = p.Acquire(t.Context()) }()
		hung := <-dials
		synctest.Wait()

		p.lock()
		d := p.newestDialLocked()
		p.mu.now = d.started.Add(time.Second - 1)
		assert.Zero(t, p.planLocked().redial)
		d.started = d.started.Add(-time.Hour) // as if an hour had passed since
		p.mu.now = p.mu.now.Add(-time.Hour)
		next, ok := p.nextTimeLocked()
		assert.True(t, ok)
		assert.Equal(t, d.started.Add(time.Second), next)
		p.mu.now = time.Time{}
		assert.Equal(t, 1, p.planLocked().redial, "at the next look")
		_, ok = p.nextTimeLocked()
		assert.False(t, ok, "there is nothing to wait for")
		p.unlock()

		fresh := <-dials
		fresh <- 2
		hung <- 1
		require.NoError(t, p.Close())
	})
}

// A dial beside a late one is granted once, however often the pool says that it wants it
// before it has heard.
func TestRedialIsGrantedOnce(t *testing.T) {
	b, err := NewBudget(BudgetLimits{MaxOpen: 5, MaxIdle: 1})
	require.NoError(t, err)
	var one, other member
	one.join(b, nil)
	other.join(b, nil)
	wanting := report{standing: standing{used: 1, dialing: 1}, wants: wants{redial: 1}}
	full := report{standing: standing{used: 4}}
	other.report(full)
	o, _ := one.report(wanting)
	assert.Zero(t, o.grants, "no slot is free")
	other.report(report{standing: standing{used: 2}})
	assert.Equal(t, 1, one.orders.copied().grants)
	o, _ = one.report(wanting)
	assert.Equal(t, 1, o.grants)
	assert.Equal(t, 4, b.mu.open)
	assert.Zero(t, b.mu.overdue.Len())
	one.report(report{standing: standing{used: 2, dialing: 2}, wants: wants{kept: 1}})
	assert.Equal(t, 4, b.mu.open)
	assert.Equal(t, 2, b.mu.dials)
}
