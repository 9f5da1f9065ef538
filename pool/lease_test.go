package pool_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/atomic"
)

const (
	valueText  = "pool: Value of a lease that has ended: most likely the resource is used after Release, Discard or Hijack, or Acquire's error was not looked at"
	hijackText = "pool: Hijack of a lease that has ended: most likely it was released or discarded before"
	zeroText   = "pool: Hijack of the zero Lease: most likely Acquire's error was not looked at"
)

// Ending a lease a second time does nothing, in whatever order and from whatever
// copy: above all it does not end the next lease of the same resource.
func TestLeaseEndsOnce(t *testing.T) {
	ends := map[string]func(pool.Lease[*thing]){
		"Release": pool.Lease[*thing].Release,
		"Discard": func(l pool.Lease[*thing]) { l.Discard(errBroken) },
	}
	for first, end := range ends {
		for second, again := range ends {
			t.Run(second+" after "+first, func(t *testing.T) {
				bubble(t, func(t *testing.T) {
					r := newRig(t, pool.Config[*thing]{MaxOpen: 1})
					c := r.acquire()
					stale := c.lease
					end(c.lease)
					next := r.acquire()
					x := next.got()
					again(stale)
					again(c.lease)
					assert.Same(t, x, next.lease.Value())
					assert.Equal(t, 1, r.Stats().Leases)
					assert.Equal(t, 1, r.Stats().InUse)
				})
			})
		}
	}
}

func TestReleaseAfterHijackDoesNothing(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, pool.Config[*thing]{MaxOpen: 1})
		c := r.acquire()
		x := c.hijack()
		c.release()
		c.discard()
		assert.PanicsWithValue(t, hijackText, func() { c.lease.Hijack() })
		assert.Zero(t, x.closes.Load())
		s := r.Stats()
		assert.Zero(t, s.Open+s.Leases)
		assert.EqualValues(t, 1, s.Hijacks)
	})
}

// On a shareable resource each lease has a sequence number of its own: a stale
// one ends none of the others.
func TestStaleLeaseOfASharedResourceEndsNoOther(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg := shareable()
		cfg.MaxOpen = 1
		r := newRig(t, cfg)
		r.capacity = 3
		all := r.acquireAll(3)
		stale := all[1].lease
		all[1].release()
		again := r.acquire() // may well get the cell of the one just ended
		again.got()
		stale.Release()
		stale.Discard(errBroken)
		assert.Equal(t, 3, r.Stats().Leases)
		assert.Same(t, all[0].got(), again.lease.Value())
		assert.PanicsWithValue(t, valueText, func() { stale.Value() })
	})
}

// Of many that end a lease at the same time, one does.
func TestLeaseEndsOnceFromManyGoroutines(t *testing.T) {
	var recycled atomic.Int32
	r := newRig(t, pool.Config[*thing]{MaxOpen: 1, Recycle: func(*thing) error { recycled.Inc(); return nil }})
	for range 300 {
		l, err := r.Acquire(t.Context())
		require.NoError(t, err)
		recycled.Store(0)
		before := r.Stats()
		var hijacks atomic.Int32
		var all sync.WaitGroup
		for i := range 6 {
			all.Go(func() {
				defer func() {
					if recover() != nil {
						hijacks.Inc()
					}
				}()
				switch i % 3 {
				case 0:
					l.Release()
				case 1:
					l.Discard(nil)
				default:
					l.Hijack().hijacked.Store(true)
				}
			})
		}
		all.Wait()
		after := r.Stats()
		assert.Zero(t, after.Leases)
		assert.EqualValues(t, 1, uint64(recycled.Load())+
			after.Closes.Of(pool.ReasonDiscard)-before.Closes.Of(pool.ReasonDiscard)+
			after.Hijacks-before.Hijacks)
		assert.EqualValues(t, 2, uint64(hijacks.Load())+after.Hijacks-before.Hijacks, "a Hijack too late panics")
	}
}

func TestValueAfterTheEndPanicsWithTheLikelyCause(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, pool.Config[*thing]{})
		c := r.acquire()
		c.release()
		assert.PanicsWithValue(t, valueText, func() { c.lease.Value() })
		assert.Zero(t, c.lease.Info())
		assert.NotZero(t, c.lease.Ticket(), "the place outlives the lease, to come back to it")
	})
}

func TestZeroLease(t *testing.T) {
	var l pool.Lease[int]
	l.Release()
	l.Discard(errBroken)
	assert.Zero(t, l.Info())
	assert.Zero(t, l.Ticket())
	assert.PanicsWithValue(t, valueText, func() { l.Value() })
	assert.PanicsWithValue(t, zeroText, func() { l.Hijack() })
}

func TestInfoTellsHowTheLeaseBegan(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, pool.Config[*thing]{MaxOpen: 1})
		c := r.acquire()
		assert.Equal(t, pool.LeaseInfo{Uses: 1}, c.lease.Info())
		pass(time.Minute)
		assert.Equal(t, pool.LeaseInfo{Uses: 1}, c.lease.Info(), "of the moment at which it began")
		next := r.acquire()
		c.release()
		assert.Equal(t, pool.LeaseInfo{Reused: true, Age: time.Minute, Uses: 2}, next.lease.Info())
		next.release()
		pass(time.Second)
		last := r.acquire()
		assert.Equal(t, pool.LeaseInfo{Reused: true, IdleFor: time.Second, Age: time.Minute + time.Second, Uses: 3}, last.lease.Info())
	})
}

// An undelivered lease is no use of the resource.
func TestUsesCountsLeasesThatSomebodyGot(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, pool.Config[*thing]{MaxOpen: 1})
		c := r.acquire()
		gone := r.acquire()
		gone.cancel(nil)
		c.lease.Release()
		assert.ErrorIs(t, gone.failed(), context.Canceled)
		assert.EqualValues(t, 2, r.acquire().lease.Info().Uses)
	})
}

func TestDoEndsItsLease(t *testing.T) {
	errMine := errors.New("mine")
	for _, tt := range []struct {
		name   string
		f      func(pool.Lease[*thing]) error
		want   error
		open   int
		reason pool.Reason
		closed uint64
	}{
		{"on return", func(pool.Lease[*thing]) error { return nil }, nil, 1, 0, 0},
		{"on an error", func(pool.Lease[*thing]) error { return errMine }, errMine, 1, 0, 0},
		{"after Discard", func(l pool.Lease[*thing]) error { l.Discard(errMine); return nil }, nil, 0, pool.ReasonDiscard, 1},
		{"after Hijack", func(l pool.Lease[*thing]) error { l.Hijack().hijacked.Store(true); return errMine }, errMine, 0, 0, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				r := newRig(t, pool.Config[*thing]{})
				assert.Equal(t, tt.want, r.Do(t.Context(), tt.f))
				s := r.Stats()
				assert.Zero(t, s.Leases)
				assert.Equal(t, tt.open, s.Open)
				assert.Equal(t, tt.closed, s.Closes.Of(tt.reason))
			})
		})
	}
}

func TestDoDiscardsOnPanicAndGoexit(t *testing.T) {
	for name, end := range map[string]func(){"panic": func() { panic("boom") }, "Goexit": runtime.Goexit} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				r := newRig(t, pool.Config[*thing]{MaxOpen: 1})
				ended := make(chan any, 1)
				go func() {
					defer func() { ended <- recover() }()
					_ = r.Do(t.Context(), func(pool.Lease[*thing]) error { end(); return nil })
				}()
				if v := <-ended; name == "panic" {
					assert.Equal(t, "boom", v, "it goes on")
				}
				assert.Equal(t, 2, r.acquire().got().n)
				assert.EqualValues(t, 1, r.Stats().Closes.Of(pool.ReasonDiscard))
			})
		})
	}
}

func TestDoWithoutALeaseDoesNotCall(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, pool.Config[*thing]{})
		require.NoError(t, r.Close())
		err := r.Do(t.Context(), func(pool.Lease[*thing]) error { t.Error("called"); return nil })
		assert.ErrorIs(t, err, pool.ErrClosed)
	})
}
