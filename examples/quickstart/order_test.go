package main

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// bruteForce is the definition of an overtaking, written down as it reads: it
// looks at every pair.
func bruteForce(entries []entry, grace time.Duration) int {
	count := 0
	for _, younger := range entries {
		for _, older := range entries {
			if younger.asked-older.asked >= grace && younger.turn < older.waiting {
				count++
				break
			}
		}
	}
	return count
}

func TestOvertakingsAgreeWithLookingAtEveryPair(t *testing.T) {
	const seed = 20
	random := rand.New(rand.NewPCG(seed, seed))
	some := 0
	for range 2000 {
		entries := make([]entry, random.IntN(30))
		for i := range entries {
			// Few different values, so that ties and exact distances are common.
			e := &entries[i]
			e.asked = time.Duration(random.IntN(12))
			e.waiting = e.asked + time.Duration(random.IntN(12))
			e.turn = e.waiting + time.Duration(random.IntN(3))
		}
		grace := time.Duration(random.IntN(4))
		want := bruteForce(entries, grace)
		require.Equal(t, want, overtakings(entries, grace), "grace %d, %+v", grace, entries)
		some += want
	}
	require.NotZero(t, some, "the cases held no overtaking at all and prove nothing")
}

func TestOvertakingsLeavesItsInputInOrder(t *testing.T) {
	entries := []entry{{asked: 3}, {asked: 1}, {asked: 2}}
	overtakings(entries, 1)
	assert.Equal(t, []entry{{asked: 3}, {asked: 1}, {asked: 2}}, entries)
}

func TestOnlyACertainOvertakingCounts(t *testing.T) {
	ms := time.Millisecond
	older := entry{asked: 0, waiting: 10 * ms, turn: 11 * ms}
	for name, c := range map[string]struct {
		younger entry
		want    int
	}{
		"served while the older one waited":          {entry{asked: ms, waiting: 5 * ms, turn: 6 * ms}, 1},
		"asked before the older one had waited 1 ms": {entry{asked: ms - 1, waiting: 5 * ms, turn: 6 * ms}, 0},
		"served at the last moment of the wait":      {entry{asked: ms, waiting: 9 * ms, turn: 10 * ms}, 0},
		"served when both may have had their turn":   {entry{asked: ms, waiting: 9 * ms, turn: 10*ms + 1}, 0},
		"served after the older one":                 {entry{asked: ms, waiting: 12 * ms, turn: 13 * ms}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, c.want, overtakings([]entry{older, c.younger}, grace))
			assert.Equal(t, c.want, overtakings([]entry{c.younger, older}, grace))
		})
	}
}

func TestARequestThatOvertakesManyCountsOnce(t *testing.T) {
	entries := []entry{{turn: 99, waiting: 98}, {turn: 98, waiting: 97}, {asked: 10, waiting: 10, turn: 11}}
	assert.Equal(t, 1, overtakings(entries, 1))
}

func TestPercentileIsTheNearestRank(t *testing.T) {
	var hundred []time.Duration
	for i := range 100 {
		hundred = append(hundred, time.Duration(i+1))
	}
	for _, c := range []struct {
		sorted []time.Duration
		p      int
		want   time.Duration
	}{
		{nil, 50, 0},
		{[]time.Duration{7}, 0, 7},
		{[]time.Duration{7}, 50, 7},
		{[]time.Duration{7}, 100, 7},
		{[]time.Duration{1, 2, 3}, 50, 2},
		{[]time.Duration{1, 2, 3, 4}, 50, 2},
		{[]time.Duration{1, 2, 3, 4}, 51, 3},
		{hundred, 1, 1},
		{hundred, 50, 50},
		{hundred, 99, 99},
		{hundred, 100, 100},
		{hundred[:99], 99, 99}, // 98.01 values: only the 99th is enough
	} {
		assert.Equal(t, c.want, percentile(c.sorted, c.p), "%d %% of %v", c.p, c.sorted)
	}
}

func TestWaitsAreFromCallToTurn(t *testing.T) {
	// In no order, and with stamps in between that must not matter.
	entries := []entry{
		{called: 10, asked: 90, waiting: 95, turn: 110},
		{called: 20, asked: 20, waiting: 20, turn: 21},
		{called: 30, asked: 31, waiting: 33, turn: 80},
	}
	assert.Equal(t, spread{p50: 50, p99: 100, longest: 100}, waits(entries))
	assert.Equal(t, spread{}, waits(nil))
}
