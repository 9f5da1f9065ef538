package waitq_test

import (
	"sync"
	"testing"

	"github.com/berth-go/berth/waitq"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A shelf is the least that a pool can be: things that lie there, and a queue for
// those who found none.
type shelf struct {
	queue waitq.Queue[int]

	mu     sync.Mutex
	things []int
}

// look takes a thing if there is one.
func (s *shelf) look() (int, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.things) == 0 {
		return 0, false
	}
	v := s.things[0]
	s.things = s.things[1:]
	return v, true
}

// release hands a thing to a waiter, else puts it down.
func (s *shelf) release(v int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.queue.Deliver(v) {
		s.things = append(s.things, v)
	}
}

// A thing is released after a caller has looked and before it is in the queue: it
// finds nobody and is put down. The caller registers without blocking, so it can
// look once more, and need not sleep beside it.
func TestReleaseBetweenLookAndEnqueue(t *testing.T) {
	s := &shelf{}
	_, ok := s.look()
	require.False(t, ok)
	s.release(7) // in the window
	w := s.queue.Enqueue(t.Context())
	v, ok := s.look()
	require.True(t, ok, "the second look")
	assert.Equal(t, 7, v)
	assert.True(t, w.Cancel(), "nothing was delivered")
	assert.Zero(t, s.queue.Len())
}

// The same a moment later: the release finds the caller in the queue, the second
// look finds nothing, and what was delivered is there for the caller to receive.
func TestReleaseBetweenEnqueueAndTheSecondLook(t *testing.T) {
	s := &shelf{}
	w := s.queue.Enqueue(t.Context())
	s.release(7)
	_, ok := s.look()
	require.False(t, ok)
	require.False(t, w.Cancel(), "the value is the waiter's")
	v, err := w.Wait()
	require.NoError(t, err)
	assert.Equal(t, 7, v)
}

// A caller that was delivered to and takes what it found elsewhere has two things,
// and gives one on: nothing is claimed for somebody who took another branch.
func TestWhatWasClaimedForACallerWhoTookAnotherBranchGoesOn(t *testing.T) {
	s := &shelf{}
	first := s.queue.Enqueue(t.Context())
	second := s.queue.Enqueue(t.Context())
	s.release(7) // to first, which does not know
	s.mu.Lock()
	s.things = append(s.things, 8)
	s.mu.Unlock()
	v, ok := s.look() // first takes this one
	require.True(t, ok)
	assert.Equal(t, 8, v)
	require.False(t, first.Cancel())
	extra, err := first.Wait()
	require.NoError(t, err)
	s.release(extra)
	v, err = second.Wait()
	require.NoError(t, err)
	assert.Equal(t, 7, v)
}
