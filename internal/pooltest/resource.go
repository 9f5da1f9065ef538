package pooltest

import (
	"sync"

	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
)

// A Kind is what a dial brings.
type Kind struct {
	Shareable bool
	Capacity  int // as pool.Config.Capacity returns it
	Expect    int // as pool.Config.Expect returns it; less than Capacity counts as Capacity
}

// Exclusive is the kind of a resource that carries one lease at a time.
func Exclusive() Kind { return Kind{Capacity: 1} }

// Shareable is the kind of a resource that carries n leases at a time.
func Shareable(n int) Kind { return Kind{Shareable: true, Capacity: n} }

// State is where a resource stands, as its peer sees it.
type State string

// The states of a resource.
const (
	Open     State = "open"
	Closing  State = "closing" // Close has been called and has not returned
	Closed   State = "closed"
	Hijacked State = "hijacked"
)

// A Resource is what a Peer makes for a pool.
type Resource struct {
	ID    int // counts the resources of the peer, from 1
	Reset int // how many Resets the peer knew of when the dial began
	Key   int // of the pool that dialled it, in a pool with keys

	peer *Peer
	mu   struct {
		sync.Mutex
		kind    Kind
		state   State
		leases  int
		opened  bool // Capacity has been above 0
		changed func()
	}
}

// State returns where the resource stands.
func (r *Resource) State() State {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.mu.state
}

// Kind returns what the resource is now.
func (r *Resource) Kind() Kind {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.mu.kind
}

// Opening reports whether the resource has had no capacity since its dial.
func (r *Resource) Opening() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mu.opened = r.mu.opened || r.mu.kind.Capacity > 0
	return !r.mu.opened && r.mu.kind.Capacity == 0
}

// Leases returns how many leases are out on the resource.
func (r *Resource) Leases() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.mu.leases
}

// SetCapacity changes what Capacity and Expect return, and tells the pool.
func (r *Resource) SetCapacity(n, expect int) {
	r.mu.Lock()
	r.mu.opened = r.mu.opened || r.mu.kind.Capacity > 0 || n > 0
	r.mu.kind.Capacity, r.mu.kind.Expect = n, expect
	changed := r.mu.changed
	r.mu.Unlock()
	if changed != nil {
		changed()
	}
}

// begin notes a lease on the resource and checks that it may carry it (I9, I11).
func (r *Resource) begin() {
	resets, tb := r.peer.resetsOf(r.Key), r.peer.tb
	tb.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mu.leases++
	assert.Equal(tb, Open, r.mu.state, "a lease on resource %d", r.ID)
	assert.Equal(tb, resets, r.Reset, "a lease on resource %d, dialled before a Reset", r.ID)
	if r.mu.kind.Shareable {
		assert.LessOrEqual(tb, r.mu.leases, r.mu.kind.Capacity, "leases on resource %d", r.ID)
	} else {
		assert.Equal(tb, 1, r.mu.leases, "leases on exclusive resource %d", r.ID)
	}
}

// end notes that a lease is about to end.
func (r *Resource) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mu.leases--
}

// moveTo checks the present state and changes it.
func (r *Resource) moveTo(to State, from ...State) {
	r.peer.tb.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	assert.Contains(r.peer.tb, from, r.mu.state, "resource %d is to be %s", r.ID, to)
	r.mu.state = to
}

// watch is pool.Config.Watch.
func (r *Resource) watch(changed func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	assert.Nil(r.peer.tb, r.mu.changed, "Watch is called once")
	r.mu.changed = changed
}

// expect is pool.Config.Expect.
func (r *Resource) expect() int {
	k := r.Kind()
	return max(k.Expect, k.Capacity)
}

// ShareableConfig adds to c what tells a pool of the kinds of resources.
func ShareableConfig(c *pool.Config[*Resource]) {
	c.Capacity = func(r *Resource) int { r.peer.lookIn(); return r.Kind().Capacity }
	c.Shareable = func(r *Resource) bool { return r.Kind().Shareable }
	c.Expect = (*Resource).expect
	c.Watch = (*Resource).watch
}

// Leave notes that the resource has left the pool for good.
func (r *Resource) Leave() { r.moveTo(Hijacked, Open) }
