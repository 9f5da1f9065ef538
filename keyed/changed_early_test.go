package keyed_test

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/berth-go/berth/keyed"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A resource may change after the first look at its capacity, and before the pool has it: that
// is looked at again.
func TestChangeBeforeTheResourceIsThePoolsIsSeen(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg := shareable()
		var r *rig
		told := false
		cfg.Shared = func(string) int {
			if len(r.things) == 1 && !told {
				told = true
				r.things[0].set(2)
			}
			return 2
		}
		cfg.MaxOpenPerKey = 1
		r = newRig(t, cfg)
		r.capacity = 1
		first, second := r.acquire("a"), r.acquire("a")
		assert.Same(t, first.got(), second.got())
	})
}

// Nothing can be learned where nothing has changed.
func TestSharedIsNotAskedAfterALookWithoutNews(t *testing.T) {
	bubble(t, func(t *testing.T) {
		asked := 0
		p, err := keyed.New(keyed.Config[string, int]{
			Dial:     func(context.Context, string) (int, error) { return 1, nil },
			Capacity: func(int) int { return 2 },
			Shared: func(string) int {
				asked++
				return 2
			},
		})
		require.NoError(t, err)
		for range 10 {
			l, err := p.Acquire(t.Context(), "a")
			require.NoError(t, err)
			l.Release()
		}
		assert.Equal(t, 2, asked, "before the wait and after the dial")
		require.NoError(t, p.Close())
	})
}

// What the next dial is expected to bring may be learned from a change of what is there. Then
// those who wait have as many dials as they need, at once.
func TestChangeOfACapacityTeachesWhatTheNextDialBrings(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg := shareable()
		expected := 10
		cfg.Shared = func(string) int { return expected }
		r := newManual(t, cfg)
		r.capacity = 1
		r.acquireAll("a", "a", "a", "a")
		r.dial(1).ok()
		require.Equal(t, []string{"a", "a"}, r.started(), "the second is to bring room for the others")
		expected = 1
		r.things[0].set(2)
		synctest.Wait()
		assert.Len(t, r.started(), 3, "one has room now, and two wait")
	})
}
