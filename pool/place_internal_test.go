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

// A low caller who is served at once has no place behind those who come
// later, whether it had to wait for the lock or not.
func TestLowCallerServedAtOnceDoesNotLag(t *testing.T) {
	p, err := New(Config[int]{MaxOpen: 1, LowLag: 100, Dial: func(context.Context) (int, error) { return 1, nil }})
	require.NoError(t, err)
	l, err := p.Acquire(t.Context())
	require.NoError(t, err)
	l.Release()

	got := make(chan Ticket)
	p.lock()
	before := p.lastTicket()
	go func() {
		l, err := p.AcquireWith(t.Context(), Request{Low: true})
		assert.NoError(t, err)
		l.Release()
		got <- l.Ticket()
	}()
	assert.Eventually(t, func() bool { return p.lastTicket() > before }, 10*time.Second, time.Millisecond)
	p.unlock()
	assert.LessOrEqual(t, <-got, p.lastTicket())
	require.NoError(t, p.Shutdown(t.Context()))
}
