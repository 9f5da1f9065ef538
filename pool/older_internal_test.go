package pool

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// Affinity gives way to as many pools as there are, wherever they are in the heap.
func TestOlderCountsTheWholeHeap(t *testing.T) {
	var h starvingHeap
	for ticket := range Ticket(7) {
		m := &member{}
		m.last.wants = &wants{want: 1, known: 1, tickets: [maxTickets]Ticket{ticket + 1}}
		h.Push(m)
	}
	assert.Equal(t, 7, h.older(0, nil, 8, 10))
	assert.Equal(t, 6, h.older(0, h[2], 8, 10), "but for itself")
	assert.Equal(t, 3, h.older(0, nil, 4, 10))
	assert.Equal(t, 2, h.older(0, nil, 8, 2))
}
