package pool_test

import (
	"context"
	"fmt"
	"sync"

	"github.com/berth-go/berth/pool"
)

// A session carries several calls at once, and its server says how many.
type session struct {
	name string

	mu      sync.Mutex
	room    int
	changed func() // the pool's; nil before Watch
}

func (s *session) Capacity() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.room
}

func (s *session) Watch(changed func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changed = changed
}

// serverSays is called by what reads from the server.
func (s *session) serverSays(room int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.room = room
	if s.changed != nil {
		s.changed() // may be called under a lock
	}
}

// The capacity of a shareable resource may change while it is used. With Watch the
// pool hears of it at once: more room serves those who wait, and a resource that
// drains is replaced.
func ExampleConfig_watch() {
	ctx := context.Background()
	dials := 0
	closed := make(chan pool.Reason, 1)
	p, err := pool.New(pool.Config[*session]{
		Dial: func(context.Context) (*session, error) {
			dials++
			return &session{name: fmt.Sprint("session ", dials), room: 1}, nil
		},
		Capacity: (*session).Capacity, // which also makes it shareable
		Watch:    (*session).Watch,
		MaxOpen:  1,
		Hooks: &pool.Hooks{Evicted: func(e pool.EvictedEvent) {
			if e.Reason == pool.ReasonCapacity {
				closed <- e.Reason
			}
		}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	acquire := func() pool.Lease[*session] {
		lease, err := p.Acquire(ctx)
		if err != nil {
			panic(err)
		}
		return lease
	}

	a := acquire()
	_, ok := p.TryAcquire()
	fmt.Println("room for a second call:", ok)

	a.Value().serverSays(2)
	b := acquire() // waits until the pool has read the new capacity
	fmt.Println("both on one:", a.Value() == b.Value(), "leases:", p.Stats().Leases)

	a.Value().serverSays(pool.Draining)
	fmt.Println("still good for its holders:", b.Value().name)
	a.Release()
	b.Release()
	fmt.Println("closed because of its", <-closed)

	c := acquire()
	fmt.Println("the next call is on", c.Value().name)
	c.Release()
	fmt.Println("shutdown:", p.Shutdown(ctx))
	// Output:
	// room for a second call: false
	// both on one: true leases: 2
	// still good for its holders: session 1
	// closed because of its capacity
	// the next call is on session 2
	// shutdown: <nil>
}

// Shareable is for a server that may or may not carry several calls at once, which
// shows after the dial: one that does not has one lease at a time, whatever its
// Capacity.
func ExampleConfig_shareablePerResource() {
	ctx := context.Background()
	servers := make(chan string, 2)
	servers <- "old"
	servers <- "new"
	p, err := pool.New(pool.Config[string]{
		Dial:      func(context.Context) (string, error) { return <-servers, nil },
		Shareable: func(server string) bool { return server == "new" },
		Capacity:  func(string) int { return 100 },
		MaxOpen:   2,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for range 4 {
		lease, err := p.Acquire(ctx)
		if err != nil {
			fmt.Println(err)
			return
		}
		defer lease.Release()
		fmt.Println(lease.Value())
	}
	s := p.Stats()
	fmt.Println("in use:", s.InUse, "leases:", s.Leases)
	_ = p.Close() // ends with the last lease
	// Output:
	// old
	// new
	// new
	// new
	// in use: 2 leases: 4
}
