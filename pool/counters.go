package pool

import (
	"math/bits"
	"time"
)

// counters are what a pool has counted, in less memory than Stats takes: there may
// be a million pools, of which most have counted little.
type counters struct {
	Hits, Waits, Canceled, Failed, Rejected, FailFast uint64
	Dials, DialErrors, DialsCanceled, Hijacks         uint64
	Shed, Abandoned, Breaks, Leaks, Lost              uint64
	Closes                                            Closes
	DialTimes, LeaseTimes                             tally
}

// fill puts the counters into s.
func (c *counters) fill(s *Stats) {
	s.Hits, s.Waits, s.Canceled, s.Failed = c.Hits, c.Waits, c.Canceled, c.Failed
	s.Rejected, s.FailFast = c.Rejected, c.FailFast
	s.Dials, s.DialErrors, s.DialsCanceled, s.Hijacks = c.Dials, c.DialErrors, c.DialsCanceled, c.Hijacks
	s.Shed, s.Abandoned, s.Breaks, s.Leaks, s.Lost = c.Shed, c.Abandoned, c.Breaks, c.Leaks, c.Lost
	s.Closes = c.Closes
	c.DialTimes.fill(&s.DialTimes)
	c.LeaseTimes.fill(&s.LeaseTimes)
}

// tally is a Histogram that keeps only the buckets between the first and the last
// that is not empty.
type tally struct {
	counts []uint64
	first  int // bucket of counts[0]
	sum    time.Duration
}

// bucketOf returns the bucket of a Histogram that d belongs to.
func bucketOf(d time.Duration) int {
	return min(bits.Len64(uint64(d/time.Microsecond)), histogramBuckets-1) //nolint:gosec // not negative
}

func (t *tally) add(d time.Duration) {
	d = max(0, d)
	t.addN(bucketOf(d), 1)
	t.sum += d
}

// addN counts n durations of bucket i.
func (t *tally) addN(i int, n uint64) {
	switch {
	case len(t.counts) == 0:
		t.first, t.counts = i, make([]uint64, 1)
	case i < t.first:
		t.counts = append(make([]uint64, t.first-i, t.first-i+len(t.counts)), t.counts...)
		t.first = i
	default:
		for i >= t.first+len(t.counts) {
			t.counts = append(t.counts, 0)
		}
	}
	t.counts[i-t.first] += n
}

func (t *tally) fill(h *Histogram) {
	copy(h.Counts[t.first:], t.counts)
	h.Sum = t.sum
}
