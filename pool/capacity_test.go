package pool_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/atomic"
)

// Capacity is read by one goroutine at a time. A second one that would read leaves
// it to the first, which then reads again: what it read may be old by then.
func TestCapacityIsReadByOneAtATimeAndAgainWhileItMayDiffer(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var held, reading atomic.Bool
		word := make(chan struct{})
		cfg := quietly()
		cfg.MaxOpen = 1
		cfg.Capacity = func(x *thing) int {
			assert.False(t, reading.Swap(true), "read by two at once")
			defer reading.Store(false)
			capacity := int(x.capacity.Load())
			if held.CompareAndSwap(true, false) {
				<-word
			}
			return capacity
		}
		r := newRig(t, cfg)
		r.capacity = 2
		one, two := r.acquire(), r.acquire()
		x := one.got()
		two.got()
		held.Store(true)
		go one.lease.Release() // reads 2, and takes its time
		synctest.Wait()
		x.capacity.Store(1)
		two.release() // does not wait for it
		assert.Equal(t, 1, r.Stats().Leases)
		close(word)
		synctest.Wait()
		r.acquire().got()
		r.acquire().waits() // I9
	})
}

// What is known of an exclusive resource while its Capacity is being read is from
// before its last lease, so it goes to nobody until then.
func TestExclusiveResourceIsNotHandedOutWhileItsCapacityIsRead(t *testing.T) {
	for _, capacity := range []int{1, pool.Dead} {
		bubble(t, func(t *testing.T) {
			var held atomic.Bool
			word := make(chan struct{})
			cfg := shareable()
			cfg.MaxOpen, cfg.Shareable = 1, func(*thing) bool { return false }
			read := cfg.Capacity
			cfg.Capacity = func(x *thing) int {
				if held.CompareAndSwap(true, false) {
					<-word
				}
				return read(x)
			}
			r := newRig(t, cfg)
			r.acquire().release()
			held.Store(true)
			r.things[0].set(capacity)
			c := r.acquire()
			c.waits()
			_, ok := r.TryAcquire()
			assert.False(t, ok)
			close(word)
			want := 1
			if capacity == pool.Dead {
				want = 2
			}
			assert.Equal(t, want, c.got().n)
		})
	}
}

// changed may be called at any time and from anywhere: also inside the pool's own
// calls to the resource, and while those hold a lock that Capacity takes.
func TestChangedMayBeCalledInsideTheCallsOfThePool(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg := shareable()
		tell := func(x *thing) error { x.changed(); return nil }
		cfg.Take, cfg.Recycle, cfg.Close = tell, tell, tell
		told := map[*thing]int{}
		capacity := cfg.Capacity
		cfg.Capacity = func(x *thing) int {
			if told[x]++; told[x] < 5 { // each call means one more: it must end sometime
				x.changed()
			}
			return capacity(x)
		}
		watch := cfg.Watch
		cfg.Watch = func(x *thing, changed func()) {
			watch(x, changed)
			changed()
		}
		cfg.Check = func(_ context.Context, x *thing) error { return tell(x) }
		cfg.CheckAfter, cfg.MaxOpen = -1, 1
		r := newRig(t, cfg)
		for range 3 {
			r.acquire().release()
		}
		c := r.acquire()
		c.got()
		c.discard()
		assert.EqualValues(t, 1, r.things[0].closes.Load())
	})
}

// A change that is told of before the pool has looked for the first time must not
// make it go on without that look: it would hand out what has no capacity (I9).
func TestChangeDuringTheFirstLookIsWaitedFor(t *testing.T) {
	for _, capacity := range []int{0, pool.Dead} {
		bubble(t, func(t *testing.T) {
			cfg := shareable()
			reading, word := make(chan struct{}), make(chan struct{})
			read := cfg.Capacity
			var held atomic.Bool
			cfg.Capacity = func(x *thing) int {
				if held.CompareAndSwap(false, true) {
					close(reading)
					<-word
				}
				return read(x)
			}
			watch := cfg.Watch
			cfg.Watch = func(x *thing, changed func()) {
				watch(x, changed)
				if x.n > 1 {
					return
				}
				changed()
				select { // give the look that may begin because of it its time
				case <-reading:
				case <-time.After(time.Second):
				}
			}
			cfg.MaxOpen = 1
			r := newRig(t, cfg)
			r.capacity = capacity
			c := r.acquire()
			early := c.ended() && c.err == nil
			r.capacity = 1
			close(word)
			pass(time.Second)
			assert.False(t, early, "it was handed out before Capacity had been read")
			if capacity == pool.Dead {
				assert.ErrorContains(t, c.failed(), "end before it could be used")
			} else {
				c.waits()
			}
		})
	}
}

// A peer guards its state with a lock, and calls changed and answers Capacity
// under it.
type peer struct {
	mu       sync.Mutex
	capacity int
	leases   int
	changed  func()
	reading  atomic.Int32
}

func (p *peer) read(t *testing.T) int {
	assert.EqualValues(t, 1, p.reading.Inc(), "Capacity is read by two at once")
	defer p.reading.Dec()
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.capacity
}

func (p *peer) grow(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.capacity = n
	p.changed()
}

// take is what keeps leases within a capacity that falls at any time (I9): it
// refuses what the pool could not know yet.
func (p *peer) take() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.leases >= p.capacity {
		return errBroken
	}
	p.leases++
	return nil
}

func (p *peer) give() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.leases--
	return nil
}

// Thousands of changes, from many goroutines, under the lock that Capacity takes.
// None is lost: in the end the pool knows the last.
func TestNoChangeOfCapacityIsLost(t *testing.T) {
	p, err := pool.New(pool.Config[*peer]{
		Dial:     func(context.Context) (*peer, error) { return &peer{capacity: 1}, nil },
		Capacity: func(x *peer) int { return x.read(t) },
		Watch:    func(x *peer, changed func()) { x.changed = changed },
		MaxOpen:  1,
		Take:     (*peer).take,
		Recycle:  (*peer).give,
	})
	require.NoError(t, err)
	first, err := p.Acquire(t.Context())
	require.NoError(t, err)
	x := first.Value()
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			for n := range 2_000 {
				x.grow((n + i) % 5)
			}
		})
		all.Go(func() {
			for range 500 {
				if l, ok := p.TryAcquire(); ok {
					l.Release()
				}
			}
		})
	}
	all.Wait()
	x.grow(3)
	var leases []pool.Lease[*peer]
	for range 2 { // these wait until the pool has read the last value
		l, err := p.Acquire(t.Context())
		require.NoError(t, err)
		leases = append(leases, l)
	}
	_, ok := p.TryAcquire()
	assert.False(t, ok)
	for _, l := range append(leases, first) {
		l.Release()
	}
	require.NoError(t, p.Shutdown(t.Context()))
	assert.Zero(t, x.leases)
}

// Expect says what a resource is about to carry, and that is never less than what it
// carries.
func TestExpectIsAtLeastTheCapacity(t *testing.T) {
	bubble(t, func(t *testing.T) {
		gate := make(chan struct{})
		cfg := shareable()
		cfg.Expect = func(*thing) int { return 0 }
		cfg.CheckAfter = -1
		cfg.Check = func(context.Context, *thing) error { <-gate; return nil }
		r := newRig(t, cfg)
		r.capacity = 2
		r.acquire().release()
		one, two := r.acquire(), r.acquire()
		assert.EqualValues(t, 1, r.Stats().Dials, "what is being checked has room for both")
		close(gate)
		assert.Same(t, one.got(), two.got())
	})
}
