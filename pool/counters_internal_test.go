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
		c.add(dialTimes, time.Second)
		c.add(leaseTimes, time.Hour)
		c.add(leaseTimes, time.Minute)
		c.add(waitTimes, time.Hour/2)
	}
	assert.Len(t, *c.others, 1)
}

// What takes about the same time each time is counted at hand.
func TestTalliesOfFewBucketsTakeNoMemory(t *testing.T) {
	var c tallies
	c.add(dialTimes, time.Second)
	for range 1000 {
		c.add(leaseTimes, time.Hour)
		c.add(leaseTimes, time.Minute)
	}
	assert.Nil(t, c.others)
	assert.EqualValues(t, leaseTimes, c.last[0]&(1<<timesBits-1))
}

// Those used last are at hand, whatever was used before.
func TestTalliesBringUpWhatIsUsed(t *testing.T) {
	var c tallies
	for d := time.Microsecond; d < time.Hour; d *= 2 {
		c.add(waitTimes, d)
	}
	c.add(dialTimes, time.Second)
	others := len(*c.others)
	for range 10 {
		c.add(leaseTimes, time.Hour)
		c.add(leaseTimes, time.Minute)
	}
	assert.Len(t, *c.others, others+2, "one that was not there for each of the two")
	for _, b := range c.last[:2] {
		assert.EqualValues(t, leaseTimes, b&(1<<timesBits-1))
	}
}
