package pool

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Of all calls of Warm that wait a look at the first and the last does, whatever they ask for
// and in whatever order they come and go.
func TestCallsOfWarmAreKeptInOrder(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1)) //nolint:gosec // to be repeatable
	p, err := New(Config[int]{Dial: numbered()})
	require.NoError(t, err)
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []*warmer // in any order
	drop := func(ends func(*warmer) bool) {
		for _, w := range all {
			if ends(w) {
				require.Len(t, w.ended, 1)
			}
		}
		all = slices.DeleteFunc(all, ends)
	}
	longest := 0
	for range 3000 {
		switch r.IntN(20) {
		case 0:
			p.mu.limits = &Limits{MaxOpen: 10 + r.IntN(20)}
			limit := p.mu.limits.MaxOpen
			assert.Equal(t, slices.ContainsFunc(all, func(w *warmer) bool { return w.n > limit }), p.endHopelessLocked())
			drop(func(w *warmer) bool { return w.n > limit })
		case 1:
			p.mu.slots[idle] = r.Int32N(20)
			p.endWarmersLocked(nil)
			drop(func(w *warmer) bool { return w.n <= int(p.mu.slots[idle]) })
		case 2:
			if r.IntN(10) == 0 {
				p.endWarmersLocked(errors.New("no"))
				drop(func(*warmer) bool { return true })
			}
		case 3, 4, 5:
			if len(all) > 0 {
				i := r.IntN(len(all))
				p.mu.warmers.Remove(&all[i].link)
				all = slices.Delete(all, i, i+1)
			}
		default:
			w := &warmer{n: r.IntN(30), ended: make(chan error, 1)}
			p.addWarmerLocked(w)
			all = append(all, w)
		}
		longest = max(longest, len(all))
		spare, asked := 0, []int{}
		for _, w := range all {
			spare = max(spare, w.n-int(p.mu.slots[idle]))
			require.Empty(t, w.ended)
		}
		for w := range p.mu.warmers.All() {
			asked = append(asked, w.n)
		}
		require.True(t, slices.IsSorted(asked))
		require.Len(t, asked, len(all))
		require.Equal(t, len(all) > 0, p.warmsLocked())
		require.Equal(t, spare, p.spareLocked())
	}
	assert.Greater(t, longest, 5, "else nothing was tested")
}
