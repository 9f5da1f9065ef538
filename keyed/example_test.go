package keyed_test

import (
	"context"
	"fmt"

	"github.com/berth-go/berth/keyed"
	"github.com/berth-go/berth/pool"
)

// Two connections at most, whatever the address. The third address gets the place
// of the one that was used least recently.
func ExamplePool() {
	ctx := context.Background()
	p, err := keyed.New(keyed.Config[string, string]{
		Dial: func(_ context.Context, addr string) (string, error) {
			fmt.Println("dial", addr)
			return "connection to " + addr, nil
		},
		Close:   func(string) error { return nil },
		MaxOpen: 2,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, addr := range []string{"a:80", "b:80", "a:80", "c:80"} {
		lease, err := p.Acquire(ctx, addr)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("use %s, used before: %t\n", lease.Value(), lease.Info().Reused)
		lease.Release()
	}
	fmt.Println("closed to make room:", p.Stats().Closes.Of(pool.ReasonEvict))
	if err := p.Shutdown(ctx); err != nil { // waits for leases and Close funcs
		fmt.Println(err)
	}
	s := p.Stats()
	fmt.Println("dials:", s.Dials, "closes:", s.Closes.Total(), "open:", s.Open)
	// Output:
	// dial a:80
	// use connection to a:80, used before: false
	// dial b:80
	// use connection to b:80, used before: false
	// use connection to a:80, used before: true
	// dial c:80
	// use connection to c:80, used before: false
	// closed to make room: 1
	// dials: 3 closes: 3 open: 0
}

// One key gets limits of its own: a small server, on which nobody may queue.
func ExampleConfig_perKey() {
	ctx := context.Background()
	p, err := keyed.New(keyed.Config[string, int]{
		Dial:          func(context.Context, string) (int, error) { return 1, nil },
		MaxOpenPerKey: 8,
		PerKey: func(key string) pool.Limits {
			if key == "small" {
				return pool.Limits{MaxOpen: 1, MaxWaiters: -1} // the other limits are not replaced
			}
			return pool.Limits{}
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, key := range []string{"large", "large", "small", "small"} {
		if _, err := p.Acquire(ctx, key); err != nil {
			fmt.Println(key, err)
		}
	}
	small, _ := p.StatsFor("small")
	fmt.Println("small:", small.Open, "of", small.MaxOpen, "open")
	_ = p.Close()
	// Output:
	// small pool: too many waiters on key small: its limit of waiters is below 0, so nobody may wait
	// small: 1 of 1 open
}

// Connections and the worker processes that they feed count together, although
// they are of different types: three of them in all.
func ExampleConfig_budget() {
	ctx := context.Background()
	budget, err := pool.NewBudget(pool.BudgetLimits{MaxOpen: 3})
	if err != nil {
		fmt.Println(err)
		return
	}
	conns, err := keyed.New(keyed.Config[string, string]{
		Dial:   func(_ context.Context, addr string) (string, error) { return addr, nil },
		Budget: budget,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	workers, err := pool.New(pool.Config[int]{
		Dial:   func(context.Context) (int, error) { return 7, nil },
		Budget: budget,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, addr := range []string{"a:80", "b:80", "c:80"} {
		_ = conns.Do(ctx, addr, func(pool.Lease[string]) error { return nil })
	}
	lease, err := workers.Acquire(ctx) // closes the connection used least recently
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("worker", lease.Value())
	fmt.Println("open:", budget.Stats().Open, "of", budget.Stats().MaxOpen)
	_, ok := conns.StatsFor("a:80")
	fmt.Println("a:80 has a connection:", ok)
	lease.Release()
	// Output:
	// worker 7
	// open: 3 of 3
	// a:80 has a connection: false
}
