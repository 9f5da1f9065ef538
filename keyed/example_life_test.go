package keyed_test

import (
	"context"
	"fmt"

	"github.com/berth-go/berth/keyed"
	"github.com/berth-go/berth/pool"
)

func dialKey(_ context.Context, key string) (string, error) { return "conn to " + key, nil }

// Warm opens resources of one key ahead of its callers.
func ExamplePool_Warm() {
	ctx := context.Background()
	p, _ := keyed.New(keyed.Config[string, string]{Dial: dialKey, MaxOpenPerKey: 4})
	if err := p.Warm(ctx, "db-1", 3); err != nil {
		fmt.Println("not ready:", err)
		return
	}
	for key, s := range p.All() {
		fmt.Println(key, "idle:", s.Idle)
	}
	// Output: db-1 idle: 3
}

// ShutdownKey ends everything of one key, here of a server that is gone for good.
// Should the key come back, it begins as a new one.
func ExamplePool_ShutdownKey() {
	ctx := context.Background()
	p, _ := keyed.New(keyed.Config[string, string]{Dial: dialKey})
	for _, key := range []string{"db-1", "db-2"} {
		l, _ := p.Acquire(ctx, key)
		l.Release()
	}
	fmt.Println(p.ShutdownKey(ctx, "db-1"))
	for key := range p.All() {
		fmt.Println("left:", key)
	}
	l, _ := p.Acquire(ctx, "db-1")
	fmt.Println("again:", l.Value())
	l.Release()
	// Output:
	// <nil>
	// left: db-2
	// again: conn to db-1
}

// SetTotals changes the limits over all keys while the pool runs. What is idle and
// too much is closed at once, the least recently used first.
func ExamplePool_SetTotals() {
	ctx := context.Background()
	p, _ := keyed.New(keyed.Config[string, string]{Dial: dialKey, MaxOpen: 10})
	for _, key := range []string{"db-1", "db-2", "db-3"} {
		l, _ := p.Acquire(ctx, key)
		l.Release()
	}
	if err := p.SetTotals(keyed.Totals{MaxOpen: 2}); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("idle:", p.Stats().Idle)
	_, ok := p.StatsFor("db-1")
	fmt.Println("db-1 has something:", ok)
	// Output:
	// idle: 2
	// db-1 has something: false
}

// A key that is used more than others gets limits of its own.
func ExamplePool_SetLimits() {
	ctx := context.Background()
	p, _ := keyed.New(keyed.Config[string, string]{Dial: dialKey, MaxOpenPerKey: 2})
	if err := p.SetLimits("busy", pool.Limits{MaxOpen: 20}); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(p.Warm(ctx, "busy", 10))
	fmt.Println(p.Warm(ctx, "other", 10))
	// Output:
	// <nil>
	// pool: n is 10, above MaxOpen 2 of the key: ask Warm for less, or raise MaxOpen of the key
}

// Retire replaces the resources that a func picks, over all keys.
func ExamplePool_Retire() {
	ctx := context.Background()
	p, _ := keyed.New(keyed.Config[string, string]{Dial: dialKey})
	for _, key := range []string{"db-1", "db-2"} {
		l, _ := p.Acquire(ctx, key)
		l.Release()
	}
	p.Retire(func(key, _ string) bool { return key == "db-1" })
	for key, s := range p.All() {
		fmt.Println(key, "idle:", s.Idle)
	}
	// Output: db-2 idle: 1
}
