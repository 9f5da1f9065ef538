package pool_test

import (
	"context"
	"fmt"
	"time"

	"github.com/berth-go/berth/pool"
)

// What a burst has left behind is closed after MaxIdleTime; what is in use stays.
func ExampleConfig_maxIdleTime() {
	ctx := context.Background()
	closed := make(chan pool.EvictedEvent, 3)
	p, _ := pool.New(pool.Config[string]{
		Dial:        numbered(),
		MaxIdleTime: time.Millisecond, // in a program: a bit less than the peer's own limit
		Hooks:       &pool.Hooks{Evicted: func(e pool.EvictedEvent) { closed <- e }},
	})
	one, _ := p.Acquire(ctx)
	two, _ := p.Acquire(ctx)
	three, _ := p.Acquire(ctx)
	one.Release()
	two.Release()
	for range 2 {
		e := <-closed
		fmt.Println("closed:", e.Reason)
	}
	fmt.Println("idle:", p.Stats().Idle, "in use:", p.Stats().InUse)
	three.Release()
	_ = p.Close()
	// Output:
	// closed: idle time
	// closed: idle time
	// idle: 0 in use: 1
}

// CloseIdle gives back at once what nobody uses, here before a program sleeps. The
// pool stays open.
func ExamplePool_CloseIdle() {
	ctx := context.Background()
	p, _ := pool.New(pool.Config[string]{Dial: numbered()})
	one, _ := p.Acquire(ctx)
	two, _ := p.Acquire(ctx)
	one.Release()

	p.CloseIdle()
	fmt.Println("idle:", p.Stats().Idle, "in use:", p.Stats().InUse)
	two.Release()
	again, _ := p.Acquire(ctx)
	fmt.Println("it was in use, so it stayed:", again.Value())
	again.Release()
	// Output:
	// idle: 0 in use: 1
	// it was in use, so it stayed: conn 2
}

// Reset replaces every resource, here those that know the old password. Whoever
// uses one may finish; nobody gets it afterwards.
func ExamplePool_Reset() {
	ctx := context.Background()
	password := "old"
	p, _ := pool.New(pool.Config[string]{
		Dial: func(context.Context) (string, error) { return "conn with the " + password + " password", nil },
	})
	busy, _ := p.Acquire(ctx)

	password = "new"
	p.Reset()
	fmt.Println("its user goes on:", busy.Value())
	busy.Release()
	next, _ := p.Acquire(ctx)
	fmt.Println("the next one gets:", next.Value())
	next.Release()
	fmt.Println("closed by Reset:", p.Stats().Closes.Of(pool.ReasonReset))
	// Output:
	// its user goes on: conn with the old password
	// the next one gets: conn with the new password
	// closed by Reset: 1
}
