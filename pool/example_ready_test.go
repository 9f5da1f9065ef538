package pool_test

import (
	"context"
	"fmt"
	"time"

	"github.com/berth-go/berth/pool"
)

// Two idle resources are kept ready, however many are in use.
func ExampleConfig_minIdle() {
	dialed := make(chan struct{}, 3)
	p, _ := pool.New(pool.Config[string]{
		Dial:    func(context.Context) (string, error) { return "conn", nil },
		MinIdle: 2,
		Hooks:   &pool.Hooks{Dialed: func(pool.DialEvent) { dialed <- struct{}{} }},
	})
	lease, _ := p.Acquire(context.Background())
	for range 3 {
		<-dialed
	}
	fmt.Println("in use:", p.Stats().InUse, "idle:", p.Stats().Idle)
	lease.Release()
	_ = p.Close()
	// Output:
	// in use: 1 idle: 2
}

// The successor of an expiring resource is there before that one goes.
func ExampleConfig_overlap() {
	events := make(chan string, 100)
	p, _ := pool.New(pool.Config[string]{
		Dial:        func(context.Context) (string, error) { return "conn", nil },
		MaxLifetime: time.Second,
		Overlap:     990 * time.Millisecond, // about the time of a dial is enough; here the example need not wait
		Hooks: &pool.Hooks{
			Dialed:  func(pool.DialEvent) { events <- "dialed" },
			Evicted: func(e pool.EvictedEvent) { events <- "closed: " + e.Reason.String() },
		},
	})
	lease, _ := p.Acquire(context.Background())
	lease.Release()
	for range 3 {
		fmt.Println(<-events)
	}
	_ = p.Close()
	// Output:
	// dialed
	// dialed
	// closed: lifetime
}

// Idle resources are checked in the background, so that callers need not wait for
// it.
func ExampleConfig_checkEvery() {
	checked := make(chan string)
	p, _ := pool.New(pool.Config[string]{
		Dial:       func(context.Context) (string, error) { return "conn", nil },
		Check:      func(_ context.Context, conn string) error { checked <- conn; return nil },
		CheckEvery: time.Millisecond,
		CheckAfter: time.Hour,
	})
	_ = p.Warm(context.Background(), 1)
	fmt.Println("checked while idle:", <-checked)
	_ = p.Close()
	// Output:
	// checked while idle: conn
}

// A shareable resource that drains is closed when its last lease ends, or after
// DrainTimeout.
func ExampleConfig_drainTimeout() {
	closed := make(chan pool.Reason, 1)
	p, _ := pool.New(pool.Config[string]{
		Dial:         func(context.Context) (string, error) { return "conn", nil },
		Capacity:     func(string) int { return 100 },
		DrainTimeout: time.Millisecond,
		Hooks:        &pool.Hooks{Evicted: func(e pool.EvictedEvent) { closed <- e.Reason }},
	})
	lease, _ := p.Acquire(context.Background()) // and it never ends
	p.Reset()
	fmt.Println("closed because of", <-closed)
	lease.Release()
	_ = p.Close()
	// Output:
	// closed because of drain
}
