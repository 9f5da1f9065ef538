package keyed_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/berth-go/berth/keyed"
	"github.com/berth-go/berth/pool"
)

// StatsFor says how one key is doing, where Stats adds up all of them.
func ExamplePool_StatsFor() {
	ctx := context.Background()
	p, _ := keyed.New(keyed.Config[string, string]{Dial: dialKey, MaxOpenPerKey: 2})
	for _, key := range []string{"db-1", "db-1", "db-2"} {
		_, _ = p.Acquire(ctx, key)
	}
	if s, ok := p.StatsFor("db-1"); ok {
		fmt.Println("db-1:", s.InUse, "of", s.MaxOpen, "in use")
	}
	_, ok := p.StatsFor("db-3")
	fmt.Println("db-3 is in use:", ok)
	fmt.Println("all keys:", p.Stats().InUse)
	_ = p.Close()
	// Output:
	// db-1: 2 of 2 in use
	// db-3 is in use: false
	// all keys: 3
}

// ResetKey replaces the resources of one key, here those of a server that moved.
// What is in use ends with its lease.
func ExamplePool_ResetKey() {
	ctx := context.Background()
	address := map[string]string{"db-1": "10.0.0.1", "db-2": "10.0.0.2"}
	p, _ := keyed.New(keyed.Config[string, string]{
		Dial: func(_ context.Context, key string) (string, error) { return address[key], nil },
	})
	use := func(key string) {
		_ = p.Do(ctx, key, func(l pool.Lease[string]) error {
			fmt.Println(key, "at", l.Value(), "reused:", l.Info().Reused)
			return nil
		})
	}
	use("db-1")
	use("db-2")

	address["db-1"] = "10.0.0.9"
	p.ResetKey("db-1")
	use("db-1")
	use("db-2")
	// Output:
	// db-1 at 10.0.0.1 reused: false
	// db-2 at 10.0.0.2 reused: false
	// db-1 at 10.0.0.9 reused: false
	// db-2 at 10.0.0.2 reused: true
}

// oneDial is a Limiter that lets one dial go. In a program it is a *rate.Limiter of
// golang.org/x/time/rate.
type oneDial chan bool

func (l oneDial) Wait(ctx context.Context) error {
	select {
	case <-l:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// DialRatePerKey gives each key a rate of its own, so that one that dials much does
// not hold up the others.
func ExampleConfig_dialRatePerKey() {
	ctx := context.Background()
	p, _ := keyed.New(keyed.Config[string, string]{
		Dial: dialKey,
		DialRatePerKey: func(string) pool.Limiter {
			l := make(oneDial, 1)
			l <- true
			return l
		},
	})
	_, _ = p.Acquire(ctx, "db-1")

	short, cancel := context.WithTimeout(ctx, time.Millisecond)
	defer cancel()
	_, err := p.Acquire(short, "db-1")
	fmt.Println("db-1 has to wait:", errors.Is(err, context.DeadlineExceeded))
	other, err := p.Acquire(ctx, "db-2")
	fmt.Println("db-2 has not:", other.Value(), err)
	_ = p.Close()
	// Output:
	// db-1 has to wait: true
	// db-2 has not: conn to db-2 <nil>
}
