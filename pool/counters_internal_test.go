package pool

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// Tallies say what Histograms would, in whatever order the durations come.
func TestTalliesAreHistograms(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // the same numbers each time
	for range 100 {
		var want [numTimes]Histogram
		var c tallies
		for range 60 {
			which := rng.Uint64N(numTimes)
			d := time.Duration(rng.Uint64() >> (1 + rng.IntN(62))) //nolint:gosec // positive
			c.add(which, d)
			want[which].Counts[bucketOf(d)]++
			want[which].Sum += d
		}
		for which := range numTimes {
			var got Histogram
			c.fill(&got, which)
			assert.Equal(t, want[which], got)
		}
	}
}

func TestTalliesOfFewAreSmall(t *testing.T) {
	var c tallies
	for range 1000 {
		c.add(leaseTimes, time.Hour)
		c.add(waitTimes, time.Hour/2)
	}
	assert.LessOrEqual(t, cap(c.others), 1)
}

// What takes about the same time each time is counted where the last was.
func TestTalliesOfOneBucketTakeNoMemory(t *testing.T) {
	var c tallies
	for range 1000 {
		c.add(leaseTimes, time.Hour)
	}
	assert.Empty(t, c.others)
	assert.EqualValues(t, leaseTimes, c.last&(1<<timesBits-1))
}
