package turn_test

import (
	"testing"

	"github.com/berth-go/berth/internal/turn"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// in returns a word in the given state, with three leases ended.
func in(t *testing.T, s turn.State) *turn.Word {
	w := &turn.Word{}
	for n := range uint64(3) {
		require.True(t, w.End(n))
	}
	if s == turn.Held {
		return w
	}
	w.Lend(5)
	if s == turn.Resting {
		return w
	}
	require.True(t, w.Take(w.Load()))
	if s == turn.Out {
		return w
	}
	require.True(t, w.Settle(w.Load()))
	require.EqualValues(t, 4, w.Load().Number())
	return w
}

// Each transition, from each state: where it leads, or that it does nothing.
func TestTransitionsLeadOnlyWhereTheyMay(t *testing.T) {
	end := func(w *turn.Word) bool { return w.End(w.Load().Number()) }
	reclaim := func(w *turn.Word) bool { return w.Reclaim().State() != turn.Held }
	resting := func(w *turn.Word) bool { _, ok := w.ReclaimResting(); return ok }
	for _, tt := range []struct {
		name  string
		from  turn.State
		do    func(*turn.Word) bool
		does  bool
		to    turn.State
		ended uint64 // leases more
	}{
		{"End of a held lease", turn.Held, end, true, turn.Held, 1},
		{"End of none", turn.Resting, end, false, turn.Resting, 0},
		{"End of one that is out", turn.Out, end, true, turn.Held, 1},
		{"Reclaim of held", turn.Held, reclaim, false, turn.Held, 0},
		{"Reclaim of resting", turn.Resting, reclaim, true, turn.Held, 0},
		{"Reclaim of one that is out", turn.Out, reclaim, true, turn.Held, 0},
		{"Reclaim of one that settles", turn.Settling, reclaim, true, turn.Held, 0},
		{"ReclaimResting of held", turn.Held, resting, false, turn.Held, 0},
		{"ReclaimResting of resting", turn.Resting, resting, true, turn.Held, 0},
		{"ReclaimResting of one that is out", turn.Out, resting, false, turn.Out, 0},
		{"ReclaimResting of one that settles", turn.Settling, resting, false, turn.Settling, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := in(t, tt.from)
			before := w.Load().Number()
			assert.Equal(t, tt.does, tt.do(w))
			assert.Equal(t, tt.to, w.Load().State())
			assert.Equal(t, before+tt.ended, w.Load().Number())
		})
	}
}

func TestTakeAndRestKeepNumberAndStamp(t *testing.T) {
	w := in(t, turn.Resting)
	rests := w.Load()
	assert.EqualValues(t, 5, rests.Stamp())
	require.True(t, w.Take(rests))
	out := w.Load()
	assert.EqualValues(t, 3, out.Number())
	assert.EqualValues(t, 5, out.Stamp())
	require.True(t, w.Rest(out, turn.StampMask+8))
	assert.EqualValues(t, 4, w.Load().Number())
	assert.EqualValues(t, 7, w.Load().Stamp(), "it wraps around, and touches nothing else")
	assert.Equal(t, turn.Resting, w.Load().State())
}

// Who acts on what has passed does nothing.
func TestStaleTurnChangesNothing(t *testing.T) {
	w := in(t, turn.Resting)
	rests := w.Load()
	require.True(t, w.Take(rests))
	assert.False(t, w.Take(rests), "another has taken it")
	out := w.Load()
	require.True(t, w.Rest(out, 6))
	assert.False(t, w.Rest(out, 6), "it was ended before")
	assert.False(t, w.Settle(out))
	assert.False(t, w.End(out.Number()))
	require.True(t, w.Take(w.Load()))
	assert.False(t, w.End(out.Number()), "another lease is out by now")
	assert.Equal(t, turn.Out, w.Load().State())
}

func TestSettledFailsAfterReclaim(t *testing.T) {
	w := in(t, turn.Out)
	out := w.Load()
	require.True(t, w.Settle(out))
	require.Equal(t, turn.Settling, w.Reclaim().State())
	assert.False(t, w.Settled(out, 9))
	assert.Equal(t, turn.Held, w.Load().State())

	w = in(t, turn.Out)
	out = w.Load()
	require.True(t, w.Settle(out))
	assert.True(t, w.Settled(out, 9))
	assert.Equal(t, turn.Resting, w.Load().State())
	assert.EqualValues(t, 9, w.Load().Stamp())
	assert.EqualValues(t, 4, w.Load().Number())
}
