package pool

import (
	"sync/atomic"
	"time"
)

// waitTally is a Histogram of waits. Those who have waited add to it without the
// pool's lock: they have just been woken, and would only have to sleep again for it.
type waitTally struct {
	counts [histogramBuckets]atomic.Uint64
	sum    atomic.Int64
}

func (w *waitTally) add(d time.Duration) {
	d = max(0, d)
	w.counts[bucketOf(d)].Add(1)
	w.sum.Add(int64(d))
}

func (w *waitTally) fill(h *Histogram) {
	if w == nil {
		return // nobody has waited yet
	}
	for i := range w.counts {
		h.Counts[i] = w.counts[i].Load()
	}
	h.Sum = time.Duration(w.sum.Load())
}
