package keyed_test

import (
	"testing"
	"testing/synctest"

	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The place is kept over all keys: a caller of another key, who came later, does not
// get the slot that is free for a moment.
func TestInsteadKeepsThePlaceOverAllKeys(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, config{MaxOpen: 1})
		first := r.acquire("a")
		first.got()
		other := r.acquire("b")
		l, err := r.AcquireInstead(t.Context(), "a", first.lease, errDial, pool.Request{Fresh: true})
		require.NoError(t, err)
		assert.Equal(t, first.lease.Ticket(), l.Ticket())
		other.waits()
		l.Release()
		synctest.Wait()
		assert.Equal(t, "b", other.got().key)
	})
}

// The lease ends also where there is nothing to wait for.
func TestInsteadEndsTheLeaseOfAPoolThatIsClosed(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, config{})
		first, lost := r.acquire("a"), r.acquire("b")
		first.got()
		lost.got()
		require.NoError(t, r.Close())
		_, err := r.AcquireInstead(t.Context(), "a", first.lease, errDial, pool.Request{})
		require.ErrorIs(t, err, pool.ErrClosed)
		_, err = r.AcquireInstead(t.Context(), "c", lost.lease, errDial, pool.Request{}) // not its key
		require.ErrorIs(t, err, pool.ErrClosed)
		synctest.Wait()
		assert.Zero(t, r.Stats().Leases)
	})
}
