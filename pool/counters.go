package pool

import (
	"math/bits"
	"time"
)

// counters are what a pool has counted, in less memory than Stats takes: there may
// be a million pools, of which most have counted little.
type counters struct {
	Hits, Waits, Dials uint64
	tallies
	mishaps *mishaps // nil: none so far
}

// mishaps count what many a pool never sees.
type mishaps struct {
	Canceled, Failed, Rejected, FailFast uint64
	DialErrors, DialsCanceled, Hijacks   uint64
	Shed, Abandoned, Breaks, Leaks, Lost uint64
	Closes                               Closes
}

// rare returns the mishaps, to count another one.
func (c *counters) rare() *mishaps {
	if c.mishaps == nil {
		c.mishaps = &mishaps{}
	}
	return c.mishaps
}

// fill puts the counters into s.
func (c *counters) fill(s *Stats) {
	s.Hits, s.Waits, s.Dials = c.Hits, c.Waits, c.Dials
	if m := c.mishaps; m != nil {
		s.Canceled, s.Failed, s.Rejected, s.FailFast = m.Canceled, m.Failed, m.Rejected, m.FailFast
		s.DialErrors, s.DialsCanceled, s.Hijacks = m.DialErrors, m.DialsCanceled, m.Hijacks
		s.Shed, s.Abandoned, s.Breaks, s.Leaks, s.Lost = m.Shed, m.Abandoned, m.Breaks, m.Leaks, m.Lost
		s.Closes = m.Closes
	}
	c.tallies.fill(&s.WaitTimes, waitTimes)
	c.tallies.fill(&s.DialTimes, dialTimes)
	c.tallies.fill(&s.LeaseTimes, leaseTimes)
}

// The Histograms that a pool has.
const (
	waitTimes uint64 = iota
	dialTimes
	leaseTimes
	numTimes
)

// tallies are Histograms that keep only the buckets that are not empty, which are
// few: what one pool does takes about the same time each time. So what is counted is
// mostly in the bucket of the last time or the one before, and those are here: with many
// keys, to fetch it from elsewhere would be a good part of what a lease costs.
type tallies struct {
	sums   [numTimes]time.Duration
	last   [recent]bucket // the last one first. 0: none
	others *[]bucket      // nil: there are none
}

// recent is how many buckets are at hand: one that a dial has counted in, and two
// between which the times of leases vary.
const recent = 3

// bucket is a bucket of one of the Histograms and how many it counts:
//
//	bits 0-1   which Histogram
//	bits 2-7   which bucket of it
//	bits 8-63  the count
type bucket uint64

const (
	timesBits = 2
	nameBits  = 8
	nameMask  = 1<<nameBits - 1
)

// bucketOf returns the bucket of a Histogram that d belongs to.
func bucketOf(d time.Duration) int {
	return min(bits.Len64(uint64(d/time.Microsecond)), histogramBuckets-1) //nolint:gosec // not negative
}

func (t *tallies) add(which uint64, d time.Duration) {
	d = max(0, d)
	t.addN(which, bucketOf(d), 1)
	t.sums[which] += d
}

// addN counts n durations of bucket i.
func (t *tallies) addN(which uint64, i int, n uint64) {
	name := bucket(i)<<timesBits | bucket(which) //nolint:gosec // not negative
	if t.last[0]&nameMask != name {
		t.change(name)
	}
	t.last[0] += bucket(n) << nameBits
}

// change makes another bucket the last one.
func (t *tallies) change(name bucket) {
	for at, b := range t.last {
		if b == 0 || b&nameMask == name {
			t.bringUp(at, max(b, name))
			return
		}
	}
	oldest := t.last[recent-1]
	t.bringUp(recent-1, t.exchange(name, oldest))
}

// bringUp makes b the last one, and those that were used after what is at its place
// each the one before.
func (t *tallies) bringUp(place int, b bucket) {
	copy(t.last[1:place+1], t.last[:place])
	t.last[0] = b
}

// exchange puts a bucket among the others, and returns that with the name.
func (t *tallies) exchange(name, b bucket) bucket {
	if t.others == nil {
		t.others = new([]bucket)
	}
	for at, o := range *t.others {
		if o&nameMask == name {
			(*t.others)[at] = b
			return o
		}
	}
	*t.others = append(*t.others, b)
	return name
}

func (t *tallies) fill(h *Histogram, which uint64) {
	h.Sum = t.sums[which]
	for _, b := range t.last {
		b.fill(h, which)
	}
	if t.others == nil {
		return
	}
	for _, b := range *t.others {
		b.fill(h, which)
	}
}

func (b bucket) fill(h *Histogram, which uint64) {
	if n := uint64(b >> nameBits); n > 0 && uint64(b)&(1<<timesBits-1) == which {
		h.Counts[b&nameMask>>timesBits] = n
	}
}
