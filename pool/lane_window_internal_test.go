package pool

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/berth-go/berth/internal/turn"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A Release and the closing of the lane, as close together as they come: when both
// are done, nothing rests beside the closed lane (I4). Either the one who closed it
// has taken back what rests, or the releaser has looked again. The window is a few
// instructions wide, so this meets it in some runs only; the model in docs/model goes
// through all orders.
func TestNothingRestsBesideAClosedLane(t *testing.T) {
	const rounds = 5_000
	p, err := New(Config[*int]{Dial: func(context.Context) (*int, error) { return new(int), nil }})
	require.NoError(t, err)
	mustAcquire(t, p).Release()
	reopen(t, p)
	var lease Lease[*int]
	var round, closed atomic.Int64
	var wg sync.WaitGroup
	wg.Go(func() {
		for n := int64(1); n <= rounds; n++ {
			for spins := 0; round.Load() < n; spins++ { // both start at once: a channel would be too slow
				if spins > 100 {
					runtime.Gosched()
				}
			}
			for range n % 64 {
				_ = round.Load()
			}
			p.lock()
			p.mu.warmth = 0 // keeps it closed
			p.unlock()
			closed.Store(n)
		}
	})
	for n := int64(1); n <= rounds; n++ {
		p.lock()
		p.mu.warmth, p.mu.need = warm, warm
		p.unlock()
		lease = mustAcquire(t, p)
		round.Store(n)
		lease.Release()
		for closed.Load() < n {
			runtime.Gosched()
		}
		if p.open.Load() == nil && lease.cell.Turn.Load().State() == turn.Resting {
			assert.Fail(t, "it rests beside a closed lane", "round %d", n)
			break
		}
	}
	round.Store(rounds)
	wg.Wait()
	require.NoError(t, p.Shutdown(t.Context()))
}
