package pool

import (
	"context"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Who is in Hijack has the lease, also while that waits for the lock: it is not lost.
func TestLeaseThatIsBeingHijackedIsNotLost(t *testing.T) {
	p, err := New(Config[int]{Dial: func(context.Context) (int, error) { return 7, nil }, LeakAfter: time.Hour})
	require.NoError(t, err)
	locked, got := make(chan struct{}), make(chan int)
	go func() {
		l, err := p.Acquire(t.Context())
		assert.NoError(t, err)
		p.mu.Lock()
		close(locked)
		got <- l.Hijack()
	}()
	<-locked
	for range 3 {
		collect()
	}
	p.mu.Unlock()
	assert.Equal(t, 7, <-got)
	s := p.Stats()
	assert.Zero(t, s.Lost)
	assert.EqualValues(t, 1, s.Hijacks)
	require.NoError(t, p.Shutdown(t.Context()))
}

// collect runs the garbage collector until it has found something that nobody has.
func collect() {
	found := make(chan struct{})
	runtime.AddCleanup(&guard{}, func(struct{}) { close(found) }, struct{}{})
	for {
		runtime.GC()
		select {
		case <-found:
			return
		default:
			runtime.Gosched()
		}
	}
}
