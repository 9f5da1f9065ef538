package keyed_test

import (
	"testing"

	"github.com/berth-go/berth/keyed"
	"github.com/stretchr/testify/require"
)

// SetTotals says nothing of Affinity, which stays.
func TestSetTotalsLeavesAffinity(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, config{MaxOpen: 1, Affinity: 1})
		require.NoError(t, r.SetTotals(keyed.Totals{MaxOpen: 1}))
		holder := r.acquire("a")
		older, younger := r.acquire("b"), r.acquire("a")
		holder.release()
		younger.got()
		younger.release()
		older.got()
	})
}
