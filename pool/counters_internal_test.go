package pool

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// A tally says what a Histogram would, in whatever order the durations come.
func TestTallyIsAHistogram(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // the same numbers each time
	for range 100 {
		var got, want Histogram
		var c tally
		for range 20 {
			d := time.Duration(rng.Uint64() >> (1 + rng.IntN(62))) //nolint:gosec // positive
			c.add(d)
			want.Counts[bucketOf(d)]++
			want.Sum += d
		}
		c.fill(&got)
		assert.Equal(t, want, got)
	}
}

func TestTallyOfFewIsSmall(t *testing.T) {
	var c tally
	for range 1000 {
		c.add(time.Hour)
		c.add(time.Hour / 2)
	}
	assert.LessOrEqual(t, cap(c.counts), 4)
}
