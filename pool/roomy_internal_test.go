package pool

import (
	"container/heap"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Where the first in order does not suit, the next one in order is had, and not one that
// happens to stand before it in the heap.
func TestBestThatSuitsIsTheFirstInOrder(t *testing.T) {
	p, err := New(Config[int]{Dial: numbered()})
	require.NoError(t, err)
	var h roomHeap[int]
	for _, joined := range []uint64{1, 4, 2, 5, 6, 3, 7} {
		s := &slot[int]{share: &share[int]{joined: joined}}
		s.own.pool = p
		heap.Push(&h, s)
	}
	for first := range uint64(7) {
		s := h.best(func(s *slot[int]) bool { return s.joined > first })
		require.NotNil(t, s)
		assert.Equal(t, first+1, s.joined)
	}
	assert.Nil(t, h.best(func(*slot[int]) bool { return false }))
}
