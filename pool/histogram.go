package pool

import "time"

// histogramBuckets covers 1 microsecond to 18 minutes, doubling each time, and
// what is longer.
const histogramBuckets = 32

// A Histogram counts durations in fixed buckets, each twice as wide as the one
// before it: bucket 0 holds those below a microsecond, bucket i those from
// 2^(i-1) to below 2^i microseconds, the last one all that are longer.
type Histogram struct {
	Counts [histogramBuckets]uint64
	Sum    time.Duration
}

// Bound returns the upper bound of bucket i, exclusive; the last has none and
// returns the largest Duration.
func (h Histogram) Bound(i int) time.Duration {
	if i >= histogramBuckets-1 {
		return 1<<63 - 1
	}
	return time.Microsecond << i
}

// Count returns how many durations were counted.
func (h Histogram) Count() uint64 {
	var n uint64
	for _, c := range h.Counts {
		n += c
	}
	return n
}

// Mean returns the mean duration, 0 if there is none.
func (h Histogram) Mean() time.Duration {
	if n := h.Count(); n > 0 {
		return h.Sum / time.Duration(n) //nolint:gosec // a count of events
	}
	return 0
}

// Quantile returns the upper bound of the bucket in which quantile q lies, for q
// from 0 to 1. That is at most twice the true value, except for what is below a
// microsecond, which gives 1 µs, and for what is in the last bucket, which gives
// the largest Duration. It returns 0 if nothing was counted.
func (h Histogram) Quantile(q float64) time.Duration {
	n := h.Count()
	if n == 0 {
		return 0
	}
	rank := max(1, uint64(q*float64(n)+0.5))
	for i, c := range h.Counts {
		if rank <= c {
			return h.Bound(i)
		}
		rank -= c
	}
	return h.Bound(histogramBuckets - 1)
}

// merge returns the sum of two histograms.
func (h Histogram) merge(o Histogram) Histogram {
	for i, c := range o.Counts {
		h.Counts[i] += c
	}
	h.Sum += o.Sum
	return h
}
