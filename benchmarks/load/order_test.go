package load_test

import (
	"math/rand/v2"
	"testing"

	"github.com/berth-go/berth/benchmarks/load"
	"github.com/stretchr/testify/assert"
)

func TestOvertakingsCountsEachPairServedInTheWrongOrder(t *testing.T) {
	for name, c := range map[string]struct {
		served       []int
		pairs, worst int
	}{
		"nobody":           {nil, 0, 0},
		"in order":         {[]int{0, 1, 2, 3}, 0, 0},
		"two swapped":      {[]int{1, 0, 2}, 1, 1},
		"one left behind":  {[]int{1, 2, 3, 0}, 3, 3},
		"last goes first":  {[]int{3, 0, 1, 2}, 3, 1},
		"in reverse order": {[]int{3, 2, 1, 0}, 6, 3},
	} {
		t.Run(name, func(t *testing.T) {
			pairs, worst := load.Overtakings(c.served)
			assert.Equal(t, c.pairs, pairs)
			assert.Equal(t, c.worst, worst)
		})
	}
}

func TestOvertakingsAgreesWithCountingByHand(t *testing.T) {
	served := rand.New(rand.NewPCG(1, 2)).Perm(200)
	pairs, worst := 0, 0
	for i, caller := range served {
		n := 0
		for _, earlier := range served[:i] {
			if earlier > caller {
				n++
			}
		}
		pairs += n
		worst = max(worst, n)
	}
	gotPairs, gotWorst := load.Overtakings(served)
	assert.Equal(t, pairs, gotPairs)
	assert.Equal(t, worst, gotWorst)
}
