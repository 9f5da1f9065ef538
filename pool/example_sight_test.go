package pool_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"time"

	"github.com/berth-go/berth/pool"
)

// Hooks tell of what happens; each may be left out.
func ExampleHooks() {
	p, _ := pool.New(pool.Config[string]{
		Dial:    func(context.Context) (string, error) { return "conn", nil },
		MaxIdle: -1, // so that it is closed when it is released
		Hooks: &pool.Hooks{
			WaitStarted: func(e pool.WaitEvent) { fmt.Println("wait started,", e.Ahead, "in front") },
			WaitEnded:   func(e pool.WaitEvent) { fmt.Println("wait ended:", e.Err) },
			Acquired:    func(e pool.AcquiredEvent) { fmt.Println("acquired, reused:", e.Info.Reused) },
			Released:    func(e pool.ReleasedEvent) { fmt.Println("ended by", e.How) },
			Evicted:     func(e pool.EvictedEvent) { fmt.Println("closed:", e.Reason) },
		},
	})
	lease, _ := p.Acquire(context.Background())
	lease.Discard(errors.New("broken pipe"))
	_ = p.Shutdown(context.Background())
	// Unordered output:
	// wait started, 0 in front
	// wait ended: <nil>
	// acquired, reused: false
	// ended by discard
	// closed: discard
}

// A peer that is down gets a few dials and not one for each caller.
func ExampleConfig_backoff() {
	dials := 0
	p, _ := pool.New(pool.Config[string]{
		Dial: func(context.Context) (string, error) {
			dials++
			return "", errors.New("connection refused")
		},
		MaxOpen:     1,
		BackoffBase: time.Hour,
		WaitTimeout: time.Millisecond,
	})
	ctx := context.Background()
	_, err := p.Acquire(ctx)
	fmt.Println(err)
	for range 100 {
		_, err = p.Acquire(ctx)
	}
	var wait *pool.WaitError
	if errors.As(err, &wait) {
		fmt.Println("the last dial's error:", wait.LastDial)
	}
	fmt.Println("dials:", dials)
	_ = p.Shutdown(ctx)
	// Output:
	// pool: dial failed: connection refused
	// the last dial's error: connection refused
	// dials: 1
}

// With a breaker callers do not wait for a peer that is down.
func ExampleConfig_breaker() {
	changes := make(chan pool.BreakerEvent, 1)
	p, _ := pool.New(pool.Config[string]{
		Dial:       func(context.Context) (string, error) { return "", errors.New("connection refused") },
		BreakAfter: 2,
		Hooks:      &pool.Hooks{Breaker: func(e pool.BreakerEvent) { changes <- e }},
	})
	ctx := context.Background()
	for range 2 {
		_, err := p.Acquire(ctx)
		fmt.Println(err)
	}
	e := <-changes
	fmt.Println("open:", e.Open, "after", e.Failures)
	_, err := p.Acquire(ctx)
	fmt.Println(err)
	_ = p.Shutdown(ctx)
	// Output:
	// pool: dial failed: connection refused
	// pool: dial failed (2 in a row): connection refused
	// open: true after 2
	// pool: dial failed (2 in a row), none is tried for this call: connection refused
}

// everySecond is a Limiter; a *rate.Limiter of golang.org/x/time/rate is one too.
type everySecond struct{ turns <-chan time.Time }

func (l everySecond) Wait(ctx context.Context) error {
	select {
	case <-l.turns:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// DialRate bounds how often a pool dials. A waiter whose dial is held up takes
// what is released.
func ExampleConfig_dialRate() {
	turns := make(chan time.Time, 1)
	turns <- time.Now() // in a program: time.Tick(time.Second)
	p, _ := pool.New(pool.Config[string]{
		Dial:     func(context.Context) (string, error) { return "conn", nil },
		DialRate: everySecond{turns},
	})
	ctx := context.Background()
	first, _ := p.Acquire(ctx)
	done := make(chan bool)
	go func() {
		second, err := p.Acquire(ctx) // its dial waits for the next turn
		fmt.Println("reused:", err == nil && second.Info().Reused)
		second.Release()
		close(done)
	}()
	first.Release()
	<-done
	fmt.Println("dials:", p.Stats().Dials)
	_ = p.Shutdown(ctx)
	// Output:
	// reused: true
	// dials: 1
}

// A caller whose deadline is nearer than its turn is turned away at once, with
// the wait that it had to expect.
func ExampleConfig_shedLate() {
	p, _ := pool.New(pool.Config[string]{
		Dial:     func(context.Context) (string, error) { return "conn", nil },
		MaxOpen:  1,
		ShedLate: pool.ShedOn,
	})
	ctx := context.Background()
	lease, _ := p.Acquire(ctx)
	<-time.After(20 * time.Millisecond) // what a lease takes here
	lease.Release()
	lease, _ = p.Acquire(ctx)
	defer lease.Release()

	short, cancel := context.WithTimeout(ctx, 10*time.Millisecond)
	defer cancel()
	_, err := p.Acquire(short)
	var shed *pool.ShedError
	fmt.Println(errors.As(err, &shed), errors.Is(err, context.DeadlineExceeded))
	fmt.Println("at least 20 ms to wait:", shed.Estimate >= 20*time.Millisecond)
	// Output:
	// true true
	// at least 20 ms to wait: true
}

// A lease held too long is reported with the place that acquired it.
func ExampleConfig_leaks() {
	told := make(chan pool.LeakEvent, 1)
	p, _ := pool.New(pool.Config[string]{
		Dial:      func(context.Context) (string, error) { return "conn", nil },
		LeakAfter: time.Millisecond, // in a program: minutes
		Hooks:     &pool.Hooks{Leak: func(e pool.LeakEvent) { told <- e }},
	})
	lease, _ := p.Acquire(context.Background())
	e := <-told
	frames := runtime.CallersFrames(e.Stack)
	for frame, more := frames.Next(); more; frame, more = frames.Next() {
		if strings.HasSuffix(frame.Function, "ExampleConfig_leaks") {
			fmt.Println("acquired in ExampleConfig_leaks, held for 1 ms or more:", e.Held >= time.Millisecond)
		}
	}
	lease.Release()
	fmt.Println("leaks:", p.Stats().Leaks)
	// Output:
	// acquired in ExampleConfig_leaks, held for 1 ms or more: true
	// leaks: 1
}

// A caller with Low lets later ones go first, fewer than Config.LowLag of them.
func ExampleRequest_low() {
	p, _ := pool.New(pool.Config[string]{
		Dial:    func(context.Context) (string, error) { return "conn", nil },
		MaxOpen: 1,
	})
	ctx := context.Background()
	holder, _ := p.Acquire(ctx)
	order := make(chan string, 2)
	call := func(name string, r pool.Request) {
		waiting := p.Stats().Waiting
		go func() {
			lease, _ := p.AcquireWith(ctx, r)
			order <- name
			lease.Release()
		}()
		for p.Stats().Waiting == waiting {
			runtime.Gosched()
		}
	}
	call("batch job", pool.Request{Low: true})
	call("user", pool.Request{})
	holder.Release()
	fmt.Println(<-order)
	fmt.Println(<-order)
	// Output:
	// user
	// batch job
}

// Histograms answer how long callers wait, without a metrics library.
func ExampleHistogram() {
	p, _ := pool.New(pool.Config[string]{
		Dial: func(context.Context) (string, error) { return "conn", nil },
	})
	ctx := context.Background()
	for range 100 {
		lease, _ := p.Acquire(ctx)
		lease.Release()
	}
	h := p.Stats().LeaseTimes
	fmt.Println("leases:", h.Count())
	fmt.Println("99 % of them shorter than a minute:", h.Quantile(0.99) < time.Minute)
	// Output:
	// leases: 100
	// 99 % of them shorter than a minute: true
}
