package pool_test

import (
	"context"
	"fmt"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// histogramOf returns the lease times of a pool that had leases of the times
// given.
func histogramOf(t *testing.T, times ...time.Duration) (h pool.Histogram) {
	t.Helper()
	bubble(t, func(t *testing.T) {
		r := newRig(t, pool.Config[*thing]{})
		for _, d := range times {
			c := r.acquire()
			pass(d)
			c.release()
		}
		h = r.Stats().LeaseTimes
	})
	return h
}

// Bucket 0 holds what is below a microsecond, and each other one twice the time
// of the one before; a bound is exclusive.
func TestHistogramBucketsDouble(t *testing.T) {
	const us = time.Microsecond
	for _, tt := range []struct {
		d      time.Duration
		bucket int
	}{
		{0, 0},
		{us - 1, 0},
		{us, 1},
		{2*us - 1, 1},
		{2 * us, 2},
		{4*us - 1, 2},
		{4 * us, 3},
		{time.Millisecond, 10},
		{time.Second, 20},
		{time.Minute, 26},
		{us<<30 - 1, 30},
		{us << 30, 31},
		{1000 * time.Hour, 31},
	} {
		h := histogramOf(t, tt.d)
		want := pool.Histogram{Sum: tt.d}
		want.Counts[tt.bucket] = 1
		assert.Equal(t, want, h, "%v", tt.d)
		assert.Less(t, tt.d, h.Bound(tt.bucket))
		if tt.bucket > 0 {
			assert.GreaterOrEqual(t, tt.d, h.Bound(tt.bucket-1))
		}
	}
}

func TestHistogramBoundsAreThoseOfItsBuckets(t *testing.T) {
	var h pool.Histogram
	last := len(h.Counts) - 1
	assert.Equal(t, time.Microsecond, h.Bound(0))
	for i := 1; i < last; i++ {
		assert.Equal(t, 2*h.Bound(i-1), h.Bound(i))
	}
	assert.Equal(t, time.Duration(math.MaxInt64), h.Bound(last))
	assert.Equal(t, time.Duration(math.MaxInt64), h.Bound(99))
}

func TestHistogramKnowsMeanAndQuantiles(t *testing.T) {
	var none pool.Histogram
	assert.Zero(t, none.Count())
	assert.Zero(t, none.Mean())
	assert.Zero(t, none.Quantile(0.5))

	var times []time.Duration
	for i := 1; i <= 100; i++ {
		times = append(times, time.Duration(i)*100*time.Millisecond)
	}
	h := histogramOf(t, times...)
	assert.EqualValues(t, 100, h.Count())
	assert.Equal(t, 505*time.Second, h.Sum)
	assert.Equal(t, 5050*time.Millisecond, h.Mean())
	for _, q := range []float64{0, 0.01, 0.25, 0.5, 0.9, 0.99, 1} {
		exact := time.Duration(max(1, math.Round(q*100))) * 100 * time.Millisecond
		got := h.Quantile(q)
		assert.Greater(t, got, exact, "quantile %v", q)
		assert.LessOrEqual(t, got, 2*exact, "quantile %v is at most twice the true value", q)
	}
	single := histogramOf(t, time.Second)
	assert.Equal(t, single.Quantile(0), single.Quantile(1))
}

// Every counter moves with what it counts, by one, and with nothing else.
func TestStatsCountEveryThingOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, pool.Config[*thing]{MaxOpen: 2, MaxIdle: 1, MaxWaiters: 2, BreakAfter: 2, ShedLate: pool.ShedOn, LeakAfter: time.Minute})
		want := pool.Stats{Limits: pool.Limits{MaxOpen: 2, MaxIdle: 1, MaxWaiters: 2}}
		check := func(what string, change func(s *pool.Stats)) {
			t.Helper()
			synctest.Wait()
			change(&want)
			got := r.Stats()
			got.WaitTimes, got.DialTimes, got.LeaseTimes = pool.Histogram{}, pool.Histogram{}, pool.Histogram{}
			require.Equal(t, want, got, what)
		}
		check("nothing yet", func(*pool.Stats) {})
		a := r.acquire()
		check("a wait counts when it starts", func(s *pool.Stats) { s.Acquires, s.Waits, s.Waiting, s.Dialing = 1, 1, 1, 1 })
		pass(time.Second)
		r.dial(1).ok()
		check("it ends with a resource", func(s *pool.Stats) {
			s.Waiting, s.Dialing, s.Open, s.InUse, s.Leases, s.Dials, s.WaitTime = 0, 0, 1, 1, 1, 1, time.Second
		})
		pass(time.Second)
		a.release()
		check("a release", func(s *pool.Stats) { s.Idle, s.InUse, s.Leases = 1, 0, 0 })
		a = r.acquire()
		check("a hit", func(s *pool.Stats) { s.Acquires, s.Hits, s.Idle, s.InUse, s.Leases = 2, 1, 0, 1, 1 })
		b := r.acquire()
		r.dial(2).fail(errDial)
		_ = b.failed()
		check("a failed dial", func(s *pool.Stats) { s.Acquires, s.Waits, s.DialErrors, s.Failed = 3, 2, 1, 1 })
		b = r.acquire()
		r.dial(3).ok()
		b.got()
		check("another", func(s *pool.Stats) {
			s.Acquires, s.Waits, s.Dials, s.Open, s.InUse, s.Leases = 4, 3, 2, 2, 2, 2
		})
		c := r.acquire()
		c.leave()
		check("a wait that is given up", func(s *pool.Stats) { s.Acquires, s.Waits, s.Canceled = 5, 4, 1 })
		_ = r.within(time.Millisecond).shedErr()
		check("a call that is shed", func(s *pool.Stats) { s.Shed = 1 })
		queue := r.acquireAll(2)
		assert.ErrorIs(t, r.acquire().failed(), pool.ErrWaitLimit)
		check("a call that is turned away", func(s *pool.Stats) { s.Acquires, s.Waits, s.Waiting, s.Rejected = 7, 6, 2, 1 })
		pass(time.Minute)
		check("leases held too long", func(s *pool.Stats) { s.Leaks = 2 })
		leaveAll(queue)
		check("they leave", func(s *pool.Stats) { s.Waiting, s.Canceled, s.WaitTime = 0, 3, s.WaitTime+2*time.Minute })
		a.discard()
		check("a discard", func(s *pool.Stats) { s.Closes[pool.ReasonDiscard], s.Open, s.InUse, s.Leases = 1, 1, 1, 1 })
		b.hijack()
		check("a hijack", func(s *pool.Stats) { s.Hijacks, s.Open, s.InUse, s.Leases = 1, 0, 0, 0 })
		for n := 4; n <= 5; n++ {
			r.acquire()
			r.dial(n).fail(errDial)
		}
		check("the breaker opens", func(s *pool.Stats) { s.Acquires, s.Waits, s.DialErrors, s.Failed, s.Breaks = 9, 8, 3, 3, 1 })
	})
}

// The times are those of waits that ended, dials that made something, and leases
// that ended.
func TestStatsTimeWaitsDialsAndLeases(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, pool.Config[*thing]{MaxOpen: 1})
		a := r.acquire()
		pass(4 * time.Second)
		r.dial(1).ok()
		a.got()
		b := r.acquire()
		pass(8 * time.Second)
		s := r.Stats()
		assert.Equal(t, []uint64{1, 1, 0}, []uint64{s.WaitTimes.Count(), s.DialTimes.Count(), s.LeaseTimes.Count()}, "b still waits, a has its lease")
		a.release()
		b.got()
		b.release()
		s = r.Stats()
		assert.Equal(t, 12*time.Second, s.WaitTimes.Sum)
		assert.Equal(t, s.WaitTimes.Sum, s.WaitTime)
		assert.Equal(t, 4*time.Second, s.DialTimes.Sum)
		assert.Equal(t, 8*time.Second, s.LeaseTimes.Sum)
	})
}

// Stats copies what is counted already, so it costs the same whatever the pool
// holds, and nothing on the heap.
func TestStatsCostTheSameInALargePool(t *testing.T) {
	p, err := pool.New(pool.Config[int]{Dial: dialOne})
	require.NoError(t, err)
	cost := func() time.Duration {
		best := time.Hour
		for range 20 {
			begin := time.Now()
			for range 100 {
				_ = p.Stats()
			}
			best = min(best, time.Since(begin))
		}
		return best
	}
	small := cost()
	var leases []pool.Lease[int]
	for range 20_000 {
		l, err := p.Acquire(t.Context())
		require.NoError(t, err)
		leases = append(leases, l)
	}
	for i, l := range leases {
		if i%2 == 0 {
			l.Release()
		}
	}
	large := cost()
	assert.Less(t, large, 20*small+time.Millisecond, "20,000 resources may not show: %v for 100 calls, %v before", large, small)
	assert.Zero(t, testing.AllocsPerRun(100, func() { _ = p.Stats() }))
	for _, l := range leases {
		l.Release()
	}
	require.NoError(t, p.Shutdown(context.Background()))
}

func TestClosesNameTheirReasons(t *testing.T) {
	var c pool.Closes
	assert.Equal(t, "none", c.String())
	c[pool.ReasonIdleTime], c[pool.ReasonDiscard] = 4, 1
	assert.Equal(t, "discard: 1, idle time: 4", c.String())
	assert.Contains(t, fmt.Sprintf("%+v", pool.Stats{Closes: c}), "Closes:discard: 1, idle time: 4")
}

// The sum of two is that of each number, and the limits are those of the first.
func TestStatsAddUp(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, pool.Config[*thing]{MaxOpen: 3})
		a := r.acquire()
		pass(time.Second)
		a.release()
		r.acquire().discard()
		s := r.Stats()
		sum := s.Add(s)
		assert.Equal(t, s.Limits, sum.Limits)
		assert.Equal(t, 2*s.Acquires, sum.Acquires)
		assert.Equal(t, 2*s.Closes.Total(), sum.Closes.Total())
		assert.Equal(t, 2*s.LeaseTimes.Count(), sum.LeaseTimes.Count())
		assert.Equal(t, 2*s.LeaseTimes.Sum, sum.LeaseTimes.Sum)
		assert.Equal(t, s.LeaseTimes.Quantile(0.5), sum.LeaseTimes.Quantile(0.5))
		assert.Equal(t, s, s.Add(pool.Stats{}))
	})
}

// Whatever ends a wait is counted: Waits = delivered + Canceled + Failed.
func TestWaitsThatThePoolFailsAreCounted(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, pool.Config[*thing]{MaxOpen: 1, BreakAfter: 1})
		c := r.acquire()
		r.dial(1).fail(errDial)
		_ = c.failed()
		_ = r.acquire().failed() // the breaker is open
		s := r.Stats()
		assert.EqualValues(t, []uint64{1, 1, 1}, []uint64{s.Waits, s.Failed, s.FailFast})
	})
}
