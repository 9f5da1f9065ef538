package keyed_test

import (
	"testing"
	"time"

	"github.com/berth-go/berth/keyed"
	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestIdleOfAnotherKeyIsClosedForAWaiterLeastRecentlyUsedFirst(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, config{MaxOpen: 3})
		calls := r.acquireAll("a", "b", "c")
		calls[1].release()
		calls[2].release()
		calls[0].release() // used in the order b, c, a
		r.acquire("d").got()
		assert.Equal(t, []string{"a", "c", "d"}, r.keys())
		r.acquire("c").release() // now a is the one
		r.acquire("e").got()
		assert.Equal(t, []string{"c", "d", "e"}, r.keys())
		assert.EqualValues(t, 2, r.Stats().Closes.Of(pool.ReasonEvict))
	})
}

func TestNothingIsClosedWhileASlotIsFree(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, config{MaxOpen: 3})
		r.acquire("a").release()
		r.acquire("b").release()
		r.acquire("c").got()
		assert.Zero(t, r.Stats().Closes.Total())
	})
}

// A key at its own cap cannot use a slot, so nobody is closed for it.
func TestNothingIsClosedForAKeyAtItsOwnCap(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, config{MaxOpen: 2, MaxOpenPerKey: 1})
		r.acquire("b").release()
		calls := r.acquireAll("a", "a")
		calls[1].waits()
		assert.Zero(t, r.Stats().Closes.Total())
	})
}

// One waiter, one eviction: the slot counts until Close returns, and what is on
// its way is not asked for again.
func TestOneSlotIsGivenUpPerWaiter(t *testing.T) {
	bubble(t, func(t *testing.T) {
		gate := make(chan struct{})
		r := newRig(t, config{MaxOpen: 3, Close: func(*thing) error { <-gate; return nil }})
		for _, key := range []string{"a", "b", "c"} {
			r.acquire(key)
		}
		for _, c := range r.calls {
			c.release()
		}
		first, second := r.acquire("d"), r.acquire("d")
		first.waits()
		second.waits()
		s := r.Stats()
		assert.Equal(t, 1, s.Idle)
		assert.Equal(t, 2, s.Closing)
		close(gate)
		first.got()
		second.got()
		assert.EqualValues(t, 2, r.Stats().Closes.Total())
	})
}

func TestMaxIdlePerKeyKeepsTheMostRecentlyUsedOfEachKey(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, config{MaxIdlePerKey: 1})
		calls := r.acquireAll("a", "a", "b")
		for _, c := range calls {
			c.release()
		}
		s := r.Stats()
		assert.Equal(t, 2, s.Idle)
		assert.EqualValues(t, 1, s.Closes.Of(pool.ReasonIdleLimit))
		assert.Equal(t, 2, r.acquire("a").got().n)
	})
}

func TestMaxIdleClosesTheLeastRecentlyUsedOfAllKeys(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, config{MaxIdle: 2})
		calls := r.acquireAll("a", "b", "c", "d")
		calls[2].release()
		calls[0].release()
		require.Equal(t, 2, r.Stats().Idle)
		calls[3].release()
		assert.Equal(t, []string{"a", "b", "d"}, r.keys())
		r.acquire("a").release() // used again, so d is next
		calls[1].release()
		assert.Equal(t, []string{"a", "b"}, r.keys())
		assert.Equal(t, 2, r.Stats().Idle)
		assert.EqualValues(t, 2, r.Stats().Closes.Of(pool.ReasonIdleLimit))

		require.NoError(t, r.SetTotals(keyed.Totals{MaxIdle: 1}))
		assert.Equal(t, []string{"b"}, r.keys())
	})
}

func TestShareableResourceDrainsForAnOlderWaiterOfAnotherKey(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg := shareable()
		cfg.MaxOpen = 1
		r := newRig(t, cfg)
		r.capacity = 10
		first, second := r.acquire("a"), r.acquire("a")
		assert.Equal(t, 1, second.got().n)
		older := r.acquire("b")
		older.waits()
		newcomer := r.acquire("a")
		newcomer.waits() // there is room on the thing, but b was first
		_, ok := r.TryAcquire("a")
		assert.False(t, ok)

		first.release()
		older.waits()
		second.release()
		assert.Equal(t, 2, older.got().n)
		newcomer.waits()
		older.release()
		assert.Equal(t, 3, newcomer.got().n)
		assert.EqualValues(t, 2, r.Stats().Closes.Of(pool.ReasonEvict))
	})
}

// One slot is wanted, so one resource makes way and its key goes on with the rest.
func TestOnlyOneShareableResourceDrainsForOneWaiter(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg := shareable()
		cfg.MaxOpen = 2
		r := newRig(t, cfg)
		r.capacity = 2
		calls := r.acquireAll("a", "a", "a")
		require.Len(t, r.started(), 2)
		older := r.acquire("b")
		newcomer := r.acquire("a")
		newcomer.waits() // the thing with room drains
		calls[0].release()
		assert.Equal(t, 1, newcomer.got().n, "the other one serves a on")
		older.waits()
		calls[2].release()
		older.got()
	})
}

// What drains may take long. Meanwhile an idle resource is closed for the waiter.
func TestIdleResourceMakesRoomAlthoughAnotherDrains(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg := shareable()
		cfg.MaxOpen = 2
		r := newRig(t, cfg)
		long, short := r.acquire("a"), r.acquire("c")
		long.got().set(pool.Draining) // as after a GOAWAY with a long stream
		waiting := r.acquire("b")
		waiting.waits()
		short.release()
		assert.Equal(t, "b", waiting.got().key)
	})
}

// The same with callers of the idle one's key: they do not overtake b for as long
// as it pleases the long lease.
func TestNewcomersDoNotOvertakeWhileAnotherResourceDrains(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg := shareable()
		cfg.MaxOpen = 2
		r := newRig(t, cfg)
		long, short := r.acquire("a"), r.acquire("c")
		long.got().set(pool.Draining)
		older, younger := r.acquire("b"), r.acquire("c")
		short.release()
		older.got()
		younger.waits()
	})
}

// Its caller gave up and it hangs. With room it may go on and become idle; when
// another key needs the slot it is ended.
func TestOrphanDialIsCanceledForAWaiterOfAnotherKey(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, config{MaxOpen: 2})
		orphan := r.acquire("a")
		orphan.leave()
		require.False(t, r.dial(1).canceled(), "there is room for it yet")
		second := r.acquire("b")
		require.False(t, r.dial(1).canceled())
		third := r.acquire("c")
		require.True(t, r.dial(1).canceled())
		require.Equal(t, []string{"a", "b", "c"}, r.started())
		r.dial(2).ok()
		r.dial(3).ok()
		second.got()
		third.got()
		assert.EqualValues(t, 1, r.Stats().DialsCanceled)
		assert.Equal(t, []string{"b", "c"}, r.keys())
	})
}

// A permit to dial is capacity like a slot.
func TestOrphanDialIsCanceledForAnotherKeyThatNeedsItsPermit(t *testing.T) {
	for _, total := range []int{0, 5} {
		bubble(t, func(t *testing.T) {
			r := newManual(t, config{MaxOpen: total, MaxDials: 1})
			r.acquire("a").leave()
			waiting := r.acquire("b")
			assert.Equal(t, []string{"a", "b"}, r.started(), "MaxOpen %d", total)
			r.dial(len(r.started())).ok()
			waiting.got()
		})
	}
}

// A canceled dial keeps its slot until Dial returns. A resource that it brings
// after all is used by those who need it.
func TestStubbornOrphanDialKeepsItsSlot(t *testing.T) {
	for _, end := range []func(d *dialCall){(*dialCall).ok, (*dialCall).fail} {
		bubble(t, func(t *testing.T) {
			r := newManual(t, config{MaxOpen: 1})
			r.acquire("a").leave()
			d := r.dial(1)
			d.stubborn.Store(true)
			waiting := r.acquire("b")
			require.True(t, d.canceled())
			require.Len(t, r.started(), 1, "the slot is taken (I1)")
			end(d)
			r.dial(2).ok()
			assert.Equal(t, "b", waiting.got().key)
		})
	}
}

// Back in time: the dial is not an orphan any more and is left alone.
func TestOrphanDialThatFoundAWaiterIsLeftAlone(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, config{MaxOpen: 1})
		r.acquire("a").leave()
		own := r.acquire("a")
		other := r.acquire("b")
		require.False(t, r.dial(1).canceled())
		r.dial(1).ok()
		own.got()
		own.release()
		r.dial(2).ok()
		other.got()
	})
}

// Expiry makes room too.
func TestExpiredIdleResourceMakesRoomForItsOwnKeyAndOthers(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, config{MaxOpen: 2, MaxIdleTime: time.Minute})
		r.acquire("a").release()
		pass(30 * time.Second)
		r.acquire("b").release()
		pass(30 * time.Second)
		assert.Equal(t, []string{"b"}, r.keys())
		pass(30 * time.Second)
		assert.Empty(t, r.keys())
		assert.EqualValues(t, 2, r.Stats().Closes.Of(pool.ReasonIdleTime))
	})
}
