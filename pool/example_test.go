package pool_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/berth-go/berth/pool"
)

// The first Acquire finds nothing and dials; the second reuses what the first
// gave back.
func ExamplePool() {
	ctx := context.Background()
	dials := 0
	p, err := pool.New(pool.Config[string]{
		Dial: func(context.Context) (string, error) {
			dials++
			return fmt.Sprintf("conn %d", dials), nil
		},
		MaxOpen: 4,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for range 2 {
		lease, err := p.Acquire(ctx)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%s, reused: %t\n", lease.Value(), lease.Info().Reused)
		lease.Release()
	}
	fmt.Println("open:", p.Stats().Open)
	fmt.Println("shutdown:", p.Shutdown(ctx))
	// Output:
	// conn 1, reused: false
	// conn 1, reused: true
	// open: 1
	// shutdown: <nil>
}

// TryAcquire takes what is idle, and never dials or waits.
func ExamplePool_TryAcquire() {
	p, _ := pool.New(pool.Config[string]{
		Dial: func(context.Context) (string, error) { return "conn", nil },
	})
	_, ok := p.TryAcquire()
	fmt.Println("cold:", ok)

	lease, _ := p.Acquire(context.Background())
	_, ok = p.TryAcquire()
	fmt.Println("in use:", ok)

	lease.Release()
	lease, ok = p.TryAcquire()
	fmt.Println("idle:", ok)
	lease.Release()
	// Output:
	// cold: false
	// in use: false
	// idle: true
}

// Do releases the lease when the func returns, so there is no end to forget.
func ExamplePool_Do() {
	ctx := context.Background()
	p, _ := pool.New(pool.Config[string]{
		Dial: func(context.Context) (string, error) { return "conn", nil },
	})
	err := p.Do(ctx, func(l pool.Lease[string]) error {
		fmt.Println("with", l.Value(), "in use:", p.Stats().InUse)
		return errors.New("no such row") // what went wrong is not the connection's fault
	})
	fmt.Println(err)
	fmt.Println("idle:", p.Stats().Idle)
	// Output:
	// with conn in use: 1
	// no such row
	// idle: 1
}

// A broken resource is discarded. Its slot is free when Close has returned, and
// then serves the next caller.
func ExampleLease_Discard() {
	ctx := context.Background()
	dials := 0
	p, _ := pool.New(pool.Config[string]{
		Dial: func(context.Context) (string, error) {
			dials++
			return fmt.Sprintf("conn %d", dials), nil
		},
		Close:   func(string) error { return nil },
		MaxOpen: 1,
	})
	lease, _ := p.Acquire(ctx)
	fmt.Println(lease.Value(), "breaks")
	lease.Discard(errors.New("broken pipe"))
	lease.Release() // a deferred Release does nothing any more

	lease, _ = p.Acquire(ctx)
	fmt.Println(lease.Value(), "takes its slot")
	lease.Release()
	fmt.Println("discarded:", p.Stats().Closes.Of(pool.ReasonDiscard))
	// Output:
	// conn 1 breaks
	// conn 2 takes its slot
	// discarded: 1
}

// Shutdown waits for the leases that are out. If its context ends first, it says
// what is left, and may be called again.
func ExamplePool_Shutdown() {
	p, _ := pool.New(pool.Config[string]{
		Dial:  func(context.Context) (string, error) { return "conn", nil },
		Close: func(c string) error { fmt.Println("close", c); return nil },
	})
	lease, _ := p.Acquire(context.Background())

	impatient, cancel := context.WithCancel(context.Background())
	cancel()
	fmt.Println(p.Shutdown(impatient))
	_, err := p.Acquire(context.Background())
	fmt.Println("acquire:", err)

	lease.Release()
	fmt.Println("again:", p.Shutdown(context.Background()))
	// Output:
	// pool: shutdown: 1 resources in use, 0 dialing and 0 closing are left: context canceled
	// acquire: pool: closed
	// close conn
	// again: <nil>
}

// A resource that fails its Check is closed, and the caller gets another one
// without losing its place.
func ExampleConfig_check() {
	ctx := context.Background()
	dials, stale := 0, ""
	p, _ := pool.New(pool.Config[string]{
		Dial: func(context.Context) (string, error) {
			dials++
			return fmt.Sprintf("conn %d", dials), nil
		},
		Check: func(_ context.Context, c string) error {
			if c == stale {
				return errors.New("the server has hung up")
			}
			return nil
		},
		CheckAfter: -1, // always; by default a second of idleness makes it due
		MaxOpen:    1,
	})
	lease, _ := p.Acquire(ctx)
	fmt.Println(lease.Value())
	lease.Release()

	stale = "conn 1"
	lease, _ = p.Acquire(ctx)
	fmt.Println(lease.Value())
	lease.Release()
	fmt.Println("closed by Check:", p.Stats().Closes.Of(pool.ReasonCheck))
	// Output:
	// conn 1
	// conn 2
	// closed by Check: 1
}

// A shareable resource carries as many leases as Capacity says. One dial serves
// two callers here, and the third has to look elsewhere.
func ExampleConfig_shareable() {
	ctx := context.Background()
	p, _ := pool.New(pool.Config[string]{
		Dial:     func(context.Context) (string, error) { return "conn", nil },
		Capacity: func(string) int { return 2 }, // may change: see Config.Watch
		Shared:   2,                             // so that one dial is started for two callers
		MaxOpen:  1,
	})
	a, _ := p.Acquire(ctx)
	b, _ := p.Acquire(ctx)
	_, ok := p.TryAcquire()
	s := p.Stats()
	fmt.Println(a.Value(), b.Value(), ok)
	fmt.Println("in use:", s.InUse, "leases:", s.Leases, "dials:", s.Dials)
	a.Release()
	b.Release()
	// Output:
	// conn conn false
	// in use: 1 leases: 2 dials: 1
}

// Two pools of different types share two slots. What the readers leave idle makes
// room for a writer.
func ExampleBudget() {
	type reader struct{}
	type writer struct{}
	ctx := context.Background()
	budget, _ := pool.NewBudget(pool.BudgetLimits{MaxOpen: 2})
	readers, _ := pool.New(pool.Config[reader]{
		Dial:   func(context.Context) (reader, error) { return reader{}, nil },
		Budget: budget,
	})
	writers, _ := pool.New(pool.Config[writer]{
		Dial:   func(context.Context) (writer, error) { return writer{}, nil },
		Budget: budget,
	})

	a, _ := readers.Acquire(ctx)
	b, _ := readers.Acquire(ctx)
	a.Release()
	b.Release()
	fmt.Println("idle readers:", readers.Stats().Idle)

	w, _ := writers.Acquire(ctx)
	fmt.Println("idle readers:", readers.Stats().Idle, "open writers:", writers.Stats().Open)
	fmt.Println("of the budget:", budget.Stats().Open)
	w.Release()
	// Output:
	// idle readers: 2
	// idle readers: 1 open writers: 1
	// of the budget: 2
}

// A wait that ended without a resource says what the pool looked like.
func ExampleWaitError() {
	ctx := context.Background()
	p, _ := pool.New(pool.Config[string]{
		Dial:        func(context.Context) (string, error) { return "conn", nil },
		MaxOpen:     1,
		WaitTimeout: 100 * time.Millisecond, // for callers whose contexts have no deadline
	})
	lease, _ := p.Acquire(ctx)
	defer lease.Release()

	_, err := p.Acquire(ctx)
	if wait, ok := errors.AsType[*pool.WaitError](err); ok {
		fmt.Printf("at place %d: %d of %d open, %d in use, %d dialing\n",
			wait.Place, wait.Open, wait.MaxOpen, wait.InUse, wait.Dialing)
		fmt.Println("timeout:", wait.Timeout())
	}
	fmt.Println("deadline exceeded:", errors.Is(err, context.DeadlineExceeded))
	fmt.Println("because of WaitTimeout:", errors.Is(err, pool.ErrWaitTimeout))
	// Output:
	// at place 1: 1 of 1 open, 1 in use, 0 dialing
	// timeout: true
	// deadline exceeded: true
	// because of WaitTimeout: true
}
