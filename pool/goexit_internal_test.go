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

// A hook that ends the goroutine which reads Capacity costs no look, whichever hold of
// the lock it came with.
func TestGoexitOfAHookCostsNoLookAtACapacity(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var capacity uber.Int32
		capacity.Store(1)
		p, err := New(Config[int]{
			Dial:     func(context.Context) (int, error) { return 1, nil },
			Capacity: func(int) int { return int(capacity.Load()) },
			Watch:    func(int, func()) {},
		})
		require.NoError(t, err)
		l, err := p.Acquire(t.Context())
		require.NoError(t, err)
		s := l.cell.slot
		later := func(f func()) {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.laterLocked(f)
		}
		for _, f := range []func(){
			runtime.Goexit,                   // when it has looked
			func() { later(runtime.Goexit) }, // when nothing is left
		} {
			want := capacity.Add(1)
			p.mu.Lock()
			p.laterLocked(f)
			p.queueLookLocked(s)
			p.mu.Unlock()
			synctest.Wait()
			p.mu.Lock()
			assert.Equal(t, want, s.capacity)
			assert.Nil(t, p.mu.looks)
			p.mu.Unlock()
		}
		l.Release()
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
		l, err := p.Acquire(t.Context())
		require.NoError(t, err)
		l.Release()
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
		var looking, gate chan struct{}
		p, err := New(Config[int]{
			Dial: func(context.Context) (int, error) { return 1, nil },
			Capacity: func(int) int {
				if looking != nil {
					close(looking)
					<-gate
				}
				return 1
			},
			Watch: func(int, func()) {},
		})
		require.NoError(t, err)
		l, err := p.Acquire(t.Context())
		require.NoError(t, err)
		s := l.cell.slot
		later := func(f func()) {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.laterLocked(f)
		}
		look := func() {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.queueLookLocked(s)
		}
		later(func() { // when it has looked
			later(func() { // when nothing is left
				looking, gate = make(chan struct{}), make(chan struct{})
				look()
				<-looking
				runtime.Goexit()
			})
		})
		look()
		synctest.Wait()
		l.Discard(nil)
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
