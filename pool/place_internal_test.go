package pool

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A mutex lets in whom it likes. Callers who sleep before the pool's stand in the queue
// in the order in which they came all the same.
func TestWhoWaitsForTheLockHasItsPlace(t *testing.T) {
	const callers = 8
	p, err := New(Config[int]{MaxOpen: 1, Dial: func(context.Context) (int, error) { return 1, nil }})
	require.NoError(t, err)
	held, err := p.Acquire(t.Context())
	require.NoError(t, err)

	served := make(chan int, callers)
	p.mu.Lock()
	for i := range callers {
		before := p.lastTicket()
		go func() {
			l, err := p.Acquire(t.Context())
			assert.NoError(t, err)
			served <- i
			l.Release()
		}()
		if !assert.Eventually(t, func() bool { return p.lastTicket() > before }, 10*time.Second, time.Millisecond) {
			break
		}
	}
	p.mu.Unlock()
	assert.Eventually(t, func() bool { return p.Stats().Waiting == callers }, 10*time.Second, time.Millisecond)
	held.Release()
	if !t.Failed() {
		for i := range callers {
			assert.Equal(t, i, <-served)
		}
	}
	require.NoError(t, p.Shutdown(t.Context()))
}
