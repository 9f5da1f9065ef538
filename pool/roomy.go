package pool

import "container/heap"

// refitLocked brings up to date what the pool keeps of a slot's room and promises.
// Whatever changes either of them ends here, so that nobody has to look at all
// slots to find one with room, or to know what waiters can count on.
func (p *Pool[R]) refitLocked(s *slot[R]) {
	if s.share == nil && s.promised == 0 && !s.opening && !s.checking {
		return // nothing is kept of it: the common case
	}
	n := s.promises()
	p.mu.promised += n - int(s.promised)
	s.promised = int32(n) //nolint:gosec // at most maxShared
	if s.share == nil {
		return
	}
	switch in := s.roomIndex > 0; {
	case s.adopted && s.room() && !in:
		heap.Push(&p.mu.roomy, s)
	case !s.room() && in:
		heap.Remove(&p.mu.roomy, s.roomIndex-1)
	case in && p.cfg.Reuse == ReuseLeastLoaded:
		heap.Fix(&p.mu.roomy, s.roomIndex-1) // leases is what it is ordered by
	}
}

// roomHeap holds the shareable slots that can take a lease. The first one is the
// next to get one: the oldest, or with ReuseLeastLoaded the one with the fewest
// leases.
type roomHeap[R any] []*slot[R]

// best returns the first in the order of the heap that suits, or nil.
func (h roomHeap[R]) best(suits func(*slot[R]) bool) *slot[R] {
	if len(h) == 0 {
		return nil
	}
	if suits(h[0]) {
		return h[0]
	}
	found := -1
	for i, s := range h { // not all can be had by all: a fresh one is wanted, or Check is due
		if (found < 0 || h.Less(i, found)) && suits(s) {
			found = i
		}
	}
	if found < 0 {
		return nil
	}
	return h[found]
}

func (h roomHeap[R]) Len() int { return len(h) }

func (h roomHeap[R]) Less(i, j int) bool {
	a, b := h[i], h[j]
	if a.own.pool.cfg.Reuse == ReuseLeastLoaded && a.leases != b.leases {
		return a.leases < b.leases
	}
	return a.joined < b.joined
}

func (h roomHeap[R]) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].roomIndex, h[j].roomIndex = h[j].roomIndex, h[i].roomIndex
}

// Push is for package heap.
func (h *roomHeap[R]) Push(x any) {
	s := x.(*slot[R]) //nolint:forcetypeassert // only refitLocked pushes
	*h = append(*h, s)
	s.roomIndex = len(*h)
}

// Pop is for package heap.
func (h *roomHeap[R]) Pop() any {
	last := len(*h) - 1
	s := (*h)[last]
	(*h)[last] = nil // so the GC can free it
	*h = (*h)[:last]
	s.roomIndex = 0
	return s
}
