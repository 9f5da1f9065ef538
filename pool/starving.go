package pool

import (
	"container/heap"

	"github.com/berth-go/berth/internal/chain"
)

// queueLocked puts m where its oldest waiter belongs among the starving pools.
func (b *Budget) queueLocked(m *member) {
	if blind := m.last.want > 0 && m.last.known == 0; blind != m.blind {
		m.blind = blind
		b.mu.blind += 2*btoi(blind) - 1
	}
	switch {
	case m.last.known == 0 && m.place > 0:
		heap.Remove(&b.mu.starving, int(m.place-1))
	case m.last.known == 0:
	case m.place == 0:
		heap.Push(&b.mu.starving, m)
	default:
		heap.Fix(&b.mu.starving, int(m.place-1))
	}
}

// The lists of pools that a Budget keeps.
const (
	orphaned = iota // with dials that no waiter needs
	keeping         // with such dials that only make room for who needs it
	lenders         // that may have an open lane
	dialers         // with dials in flight that are not canceled, or resources that open and are awaited
	warming         // with calls of Warm that wait
	numLists
)

// wishes are the places of a pool in the Budget's overdue and hopeful.
type wishes struct{ redial, spare chain.Link[member] }

// memberList is a set of pools.
type memberList []*member

// listLocked keeps m in the lists where its report says it belongs.
func (b *Budget) listLocked(m *member) {
	b.putLocked(m, orphaned, m.last.orphans > 0)
	b.putLocked(m, keeping, m.last.kept > 0)
	b.putLocked(m, dialers, m.last.withholds || m.last.dialing > m.last.canceled)
	b.putLocked(m, warming, m.last.warms)
	b.wishLocked(m)
}

// wishLocked keeps m in overdue and hopeful where its report says it belongs.
func (b *Budget) wishLocked(m *member) {
	redial, spare := m.last.redial > 0, m.last.spare > 0
	if m.wishes == nil {
		if !redial && !spare {
			return
		}
		m.wishes = &wishes{}
	}
	if redial {
		b.mu.overdue.Push(&m.wishes.redial, m)
	} else {
		b.mu.overdue.Remove(&m.wishes.redial)
	}
	if spare {
		b.mu.hopeful.Push(&m.wishes.spare, m)
	} else {
		b.mu.hopeful.Remove(&m.wishes.spare)
	}
	if !redial && !spare {
		m.wishes = nil
	}
}

func (b *Budget) putLocked(m *member, which int, in bool) {
	l := b.mu.lists[which]
	switch at := m.in[which]; {
	case in && at == 0:
		b.mu.lists[which] = append(l, m)
		m.in[which] = int32(len(l) + 1) //nolint:gosec // as in Push
	case !in && at > 0:
		last := len(l) - 1
		l[at-1] = l[last]
		l[at-1].in[which] = at
		l[last] = nil // so the GC can free it
		b.mu.lists[which] = l[:last]
		m.in[which] = 0
	}
}

// starvingHeap orders the pools that need a slot by their oldest waiter.
type starvingHeap []*member

func (h starvingHeap) Len() int           { return len(h) }
func (h starvingHeap) Less(i, j int) bool { return h[i].last.tickets[0] < h[j].last.tickets[0] }
func (h starvingHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].place, h[j].place = h[j].place, h[i].place
}

// Push is for package heap.
func (h *starvingHeap) Push(x any) {
	m := x.(*member) //nolint:forcetypeassert // only queueLocked pushes
	*h = append(*h, m)
	m.place = int32(len(*h)) //nolint:gosec // no Budget has billions of pools
}

// Pop is for package heap.
func (h *starvingHeap) Pop() any {
	last := len(*h) - 1
	m := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	m.place = 0
	return m
}

// older counts wanted dials of others than m with a ticket before t, up to limit,
// in the subtree at i: below a pool that is younger than t all are.
func (h starvingHeap) older(i int, m *member, t Ticket, limit int) int {
	if i >= len(h) || limit <= 0 || h[i].last.tickets[0] >= t {
		return 0
	}
	n := 0
	if h[i] != m {
		n = h[i].last.before(t)
	}
	if n < limit {
		n += h.older(2*i+1, m, t, limit-n)
	}
	if n < limit {
		n += h.older(2*i+2, m, t, limit-n)
	}
	return min(n, limit)
}

// before counts the wanted dials with a ticket before t. Those whose tickets are
// not known count if the last known one does.
func (r *wants) before(t Ticket) int {
	for i := range r.known {
		if r.tickets[i] >= t {
			return i
		}
	}
	return r.want
}
