package pool

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/berth-go/berth/internal/turn"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Releases while the lane is closed and opened as fast as it goes: when a Release has
// returned and nobody has the lock, its resource does not rest beside a closed lane
// (I4). Either the one who closed it has taken back what rests, or the releaser has
// looked again. The window is a few instructions wide, so this meets it by chance;
// the model in docs/model goes through all orders.
func TestNothingRestsBesideAClosedLane(t *testing.T) {
	p, err := New(Config[*int]{Dial: func(context.Context) (*int, error) { return new(int), nil }})
	require.NoError(t, err)
	mustAcquire(t, p).Release()
	reopen(t, p)
	var done atomic.Bool
	var shut, seen atomic.Int64 // how often the lane has been closed, and how often that was looked at
	var wg sync.WaitGroup
	streak := func(n int32) {
		p.lock()
		p.mu.streak, p.mu.need = n, minStreak
		p.unlock()
	}
	wg.Go(func() {
		for !done.Load() {
			for range shut.Load() % 64 {
				_ = done.Load() // somewhere in a lease
			}
			streak(0)
			for n := shut.Add(1); seen.Load() < n && !done.Load(); {
				runtime.Gosched()
			}
			streak(minStreak)
		}
	})
	for end := time.Now().Add(time.Second); time.Now().Before(end); {
		var l Lease[*int]
		for { // as many as there are before it is closed
			l = mustAcquire(t, p)
			l.Release()
			if p.open.Load() == nil {
				break
			}
		}
		for seen.Load() == shut.Load() && p.open.Load() == nil {
			runtime.Gosched() // it is being closed, or opened
		}
		p.mu.Lock()
		lost := p.open.Load() == nil && l.cell.Turn.Load().State() == turn.Resting
		p.mu.Unlock()
		seen.Store(shut.Load())
		if !assert.False(t, lost, "it rests beside a closed lane") {
			break
		}
	}
	done.Store(true)
	wg.Wait()
	closed := shut.Load()
	assert.Positive(t, closed)
	require.NoError(t, p.Shutdown(t.Context()))
}
