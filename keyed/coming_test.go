package keyed_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/berth-go/berth/keyed"
	"github.com/berth-go/berth/pool"
)

// A slot that comes free and that a lowered MaxOpen takes away is on its way to nobody: who would
// have to wait for a lease to end must not wait.
func TestSlotThatALowerTotalTakesIsOnItsWayToNobody(t *testing.T) {
	bubble(t, func(t *testing.T) {
		gate := make(chan struct{})
		r := newRig(t, config{MaxOpen: 2, MaxWaiters: -1, Close: func(*thing) error { <-gate; return nil }})
		defer close(gate)
		r.acquire("a").got()
		b := r.acquire("b")
		require.NoError(t, r.SetTotals(keyed.Totals{MaxOpen: 1, MaxWaiters: -1}))
		b.discard() // its slot is not given to anybody
		require.ErrorIs(t, r.acquire("c").failed(), pool.ErrWaitLimit)
	})
}

// Nor is one that is on its way to a waiter of another key by now, as to the limit of a key.
func TestMaxWaitersPerKeyCountsWhatIsOnItsWayNow(t *testing.T) {
	bubble(t, func(t *testing.T) {
		gate := make(chan struct{})
		r := newRig(t, config{MaxOpen: 2, MaxOpenPerKey: 1, MaxWaitersPerKey: 1, Close: func(*thing) error { <-gate; return nil }})
		r.acquire("c").got()
		b := r.acquire("b")
		place := b.lease.Ticket()
		b.discard()
		first := r.acquire("a") // the slot of b is on its way to it
		first.waits()
		older := r.acquireWith("d", pool.Request{Place: place}) // and now to this one
		close(gate)
		older.got()
		first.waits()
		require.ErrorIs(t, r.acquire("a").failed(), pool.ErrWaitLimit)
		first.leave()
	})
}
