package pool

import (
	"context"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	uber "go.uber.org/atomic"
)

// looking is a pool with one resource, on a lease, whose Capacity a test may have looked at.
type looking struct {
	*Pool[int]
	lease Lease[int]
}

func newLooking(t *testing.T, capacity func() int) looking {
	t.Helper()
	p, err := New(Config[int]{
		Dial:     func(context.Context) (int, error) { return 1, nil },
		Capacity: func(int) int { return capacity() },
		Watch:    func(int, func()) {},
	})
	require.NoError(t, err)
	return looking{p, mustAcquire(t, p)}
}

// later has f called like a hook, at the end of the next hold of the lock.
func (p looking) later(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.laterLocked(f)
}

func (p looking) look() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.queueLookLocked(p.lease.cell.slot)
}

// A hook that ends the goroutine which reads Capacity costs no look, whichever hold of
// the lock it came with.
func TestGoexitOfAHookCostsNoLookAtACapacity(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var capacity uber.Int32
		capacity.Store(1)
		p := newLooking(t, func() int { return int(capacity.Load()) })
		for _, f := range []func(){
			runtime.Goexit,                     // when it has looked
			func() { p.later(runtime.Goexit) }, // when nothing is left
		} {
			want := capacity.Add(1)
			p.later(f)
			p.look()
			synctest.Wait()
			p.mu.Lock()
			assert.Equal(t, want, p.lease.cell.slot.capacity)
			assert.Nil(t, p.mu.looks)
			p.mu.Unlock()
		}
		p.lease.Release()
		require.NoError(t, p.Shutdown(t.Context()))
	})
}

// Nor does it cost the resource that the goroutine was about to close its Close.
func TestGoexitOfAHookCostsNoClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var closed uber.Int32
		p, err := New(Config[int]{
			Dial:         func(context.Context) (int, error) { return 1, nil },
			Close:        func(int) error { closed.Inc(); return nil },
			CloseTimeout: time.Minute,
		})
		require.NoError(t, err)
		mustAcquire(t, p).Release()
		p.lock()
		p.closeLocked(p.mu.idle.Newest(), ReasonDiscard) // its goroutine comes for the lock
		p.laterLocked(runtime.Goexit)
		p.mu.Unlock()
		synctest.Wait()
		assert.EqualValues(t, 1, closed.Load())
		assert.Zero(t, p.Stats().Closing)
		require.NoError(t, p.Shutdown(t.Context()))
	})
}

// Nor does it let a second goroutine read while the first has begun anew: Shutdown waits
// for each.
func TestGoexitOfAHookLeavesOneGoroutineThatLooks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var begun, gate chan struct{}
		p := newLooking(t, func() int {
			if begun != nil {
				close(begun)
				<-gate
			}
			return 1
		})
		p.later(func() { // when it has looked
			p.later(func() { // when nothing is left
				begun, gate = make(chan struct{}), make(chan struct{})
				p.look()
				<-begun
				runtime.Goexit()
			})
		})
		p.look()
		synctest.Wait()
		p.lease.Discard(nil)
		ended := false
		go func() {
			assert.NoError(t, p.Shutdown(t.Context()))
			ended = true
		}()
		synctest.Wait()
		assert.False(t, ended, "Capacity has not returned")
		close(gate)
		synctest.Wait()
		assert.True(t, ended)
	})
}

// Of several panics the first is told of.
func TestFirstPanicOfTheHooksCounts(t *testing.T) {
	c := &chores{events: []func(){func() { panic("first") }, func() { panic("second") }}}
	assert.Equal(t, "first", c.do().value)
}
