package keyed_test

import (
	"testing"
	"testing/synctest"

	"github.com/berth-go/berth/keyed"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Dials of any key that are too many end at once, and their callers keep their places.
func TestSetTotalsDownCancelsDials(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, config{MaxOpen: 4})
		calls := r.acquireAll("a", "a", "b", "b")
		require.NoError(t, r.SetTotals(keyed.Totals{MaxOpen: 1}))
		synctest.Wait()
		s := r.Stats()
		assert.Equal(t, 1, s.Dialing)
		assert.EqualValues(t, 3, s.DialsCanceled)
		for _, c := range calls {
			c.waits()
		}
		require.NoError(t, r.SetTotals(keyed.Totals{}))
		for n := range r.started() {
			r.dial(n + 1).ok()
		}
		for _, c := range calls {
			c.got()
		}
	})
}

func TestWarmRefusesWhatTheTotalDoesNotAllow(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, config{MaxOpen: 2})
		assert.EqualError(t, r.Warm(t.Context(), "a", 3),
			"pool: n is 3, above MaxOpen 2 over all keys: ask Warm for less, or raise MaxOpen over all keys")
		assert.Empty(t, r.started())
	})
}
