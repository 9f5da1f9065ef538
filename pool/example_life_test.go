package pool_test

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/berth-go/berth/pool"
)

// numbered returns a Dial func that makes the strings conn 1, conn 2 and so on.
func numbered() func(context.Context) (string, error) {
	var mu sync.Mutex
	n := 0
	return func(context.Context) (string, error) {
		mu.Lock()
		defer mu.Unlock()
		n++
		return fmt.Sprintf("conn %d", n), nil
	}
}

// Warm opens resources before the first caller needs them, or says why it cannot.
func ExamplePool_Warm() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	p, _ := pool.New(pool.Config[string]{Dial: numbered(), MaxOpen: 8})
	if err := p.Warm(ctx, 3); err != nil {
		fmt.Println("not ready:", err)
		return
	}
	fmt.Println("idle:", p.Stats().Idle)

	fmt.Println(p.Warm(ctx, 9))
	// Output:
	// idle: 3
	// pool: n is 9, above MaxOpen 8: ask Warm for less, or raise MaxOpen
}

// Retire replaces the resources that a func picks, here those of a server that is
// to be taken out of service. What is idle goes at once, what is in use when its
// lease ends.
func ExamplePool_Retire() {
	ctx := context.Background()
	p, _ := pool.New(pool.Config[string]{Dial: numbered()})
	one, _ := p.Acquire(ctx)
	two, _ := p.Acquire(ctx)
	one.Release()

	p.Retire(func(conn string) bool { return conn == "conn 1" || conn == "conn 2" })
	s := p.Stats()
	fmt.Println("idle:", s.Idle, "in use:", s.InUse)

	fmt.Println("still good for its holder:", two.Value())
	two.Release()
	three, _ := p.Acquire(ctx)
	fmt.Println("for the next one:", three.Value())
	three.Release()
	fmt.Println("retired:", p.Stats().Closes.Of(pool.ReasonRetire))
	// Output:
	// idle: 0 in use: 1
	// still good for its holder: conn 2
	// for the next one: conn 3
	// retired: 2
}

// A resource that gets slower or larger with use is replaced after a number of
// leases.
func ExampleConfig_maxUses() {
	ctx := context.Background()
	p, _ := pool.New(pool.Config[string]{Dial: numbered(), MaxUses: 2})
	for range 4 {
		l, _ := p.Acquire(ctx)
		fmt.Println(l.Value(), "use", l.Info().Uses)
		l.Release()
	}
	// Output:
	// conn 1 use 1
	// conn 1 use 2
	// conn 2 use 1
	// conn 2 use 2
}

// The settings for connections that a peer or a firewall between closes after an
// hour, and that must be there when a caller comes.
func ExampleConfig_lifetime() {
	p, err := pool.New(pool.Config[string]{
		Dial: numbered(),

		MaxOpen: 20,
		MinIdle: 2, // a burst of two finds them dialled

		MaxLifetime:    50 * time.Minute, // before the peer's hour is over
		LifetimeJitter: 10 * time.Minute, // not all of them in one minute
		Overlap:        10 * time.Second, // the next one is dialled before the old one goes
		MaxIdleTime:    5 * time.Minute,  // what a burst has left behind
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("dials so far:", p.Stats().Dials)
	fmt.Println(p.Shutdown(context.Background()))
	// Output:
	// dials so far: 0
	// <nil>
}

// With a CloseTimeout, a Close func that hangs takes its slot for no longer than
// that, and is reported.
func ExampleConfig_closeTimeout() {
	ctx := context.Background()
	hang := make(chan struct{})
	abandoned := make(chan pool.EvictedEvent, 1)
	p, _ := pool.New(pool.Config[string]{
		Dial:         numbered(),
		Close:        func(string) error { <-hang; return nil },
		CloseTimeout: time.Millisecond,
		MaxOpen:      1,
		Hooks:        &pool.Hooks{Abandoned: func(e pool.EvictedEvent) { abandoned <- e }},
	})
	broken, _ := p.Acquire(ctx)
	broken.Discard(nil)

	next, _ := p.Acquire(ctx) // waits for the slot
	fmt.Println("next:", next.Value())
	e := <-abandoned
	fmt.Printf("abandoned: closed for %v after %d use\n", e.Reason, e.Uses)
	next.Release()
	close(hang)
	// Output:
	// next: conn 2
	// abandoned: closed for discard after 1 use
}

// ReuseOldest spreads leases over all idle resources; the default keeps using the
// last one, so that what is not needed idles out.
func ExampleReuse() {
	ctx := context.Background()
	for _, order := range []pool.Reuse{pool.ReuseNewest, pool.ReuseOldest} {
		p, _ := pool.New(pool.Config[string]{Dial: numbered(), Reuse: order})
		one, _ := p.Acquire(ctx)
		two, _ := p.Acquire(ctx)
		one.Release()
		two.Release()
		var used []string
		for range 3 {
			l, _ := p.Acquire(ctx)
			used = append(used, l.Value())
			l.Release()
		}
		fmt.Println(used)
	}
	// Output:
	// [conn 2 conn 2 conn 2]
	// [conn 1 conn 2 conn 1]
}
