package berth_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
)

// TestSequencesAgreeWithTheModel is FuzzPool for everyday: sequences drawn at
// random, the same in every run. They are longer and denser than those that
// fuzzing finds by itself.
func TestSequencesAgreeWithTheModel(t *testing.T) {
	for seed := range uint64(150) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			data := drawPool(rand.New(rand.NewPCG(seed, 0)), 60) //nolint:gosec // tests want the same numbers again
			synctest.Test(t, func(t *testing.T) { runPool(t, data) })
		})
	}
}

// drawPool draws a config and n operations.
func drawPool(rng *rand.Rand, n int) []byte {
	data := make([]byte, 0, configBytes+2*n)
	for range configBytes {
		data = append(data, byte(rng.UintN(256)))
	}
	// How often each is drawn: what fills a pool more often than what empties it,
	// and what ends it seldom.
	often := []operation{
		opAcquire, opAcquire, opAcquire, opAcquire, opRelease, opRelease, opRelease,
		opDialOK, opDialOK, opDialOK, opDialOK, opCancel, opDialFails, opDiscard, opCapacity, opCapacity, opAcquireLow,
	}
	for range n {
		op := operation(rng.UintN(uint(opCount)))
		if rng.UintN(4) > 0 {
			op = often[rng.IntN(len(often))]
		}
		data = append(data, byte(op), byte(rng.UintN(256)))
	}
	return data
}
