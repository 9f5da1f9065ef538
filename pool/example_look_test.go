package pool_test

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/berth-go/berth/pool"
)

// Info says whether the resource was used before. A failure of one that was may only
// mean that the server has hung up meanwhile, so the next one is tried; a failure of
// a new one is news.
func ExampleLease_Info() {
	ctx := context.Background()
	p, err := pool.New(pool.Config[string]{Dial: numbered()})
	if err != nil {
		fmt.Println(err)
		return
	}
	hungUp := make(map[string]bool)
	ask := func() error {
		for {
			lease, err := p.Acquire(ctx)
			if err != nil {
				return err
			}
			info := lease.Info() // now: there is none after the end of the lease
			if !hungUp[lease.Value()] {
				fmt.Println("answered by", lease.Value(), "in its use", info.Uses)
				lease.Release()
				return nil
			}
			fmt.Println(lease.Value(), "fails in its use", info.Uses)
			err = errors.New("connection reset by peer")
			lease.Discard(err)
			if !info.Reused {
				return err
			}
		}
	}

	for range 2 {
		if err := ask(); err != nil {
			fmt.Println(err)
		}
	}
	hungUp["conn 1"] = true
	if err := ask(); err != nil {
		fmt.Println(err)
	}
	hungUp["conn 2"], hungUp["conn 3"] = true, true // and so has each that is dialled now
	fmt.Println("error:", ask())
	fmt.Println("shutdown:", p.Shutdown(ctx))
	// Output:
	// answered by conn 1 in its use 1
	// answered by conn 1 in its use 2
	// conn 1 fails in its use 3
	// answered by conn 2 in its use 1
	// conn 2 fails in its use 2
	// conn 3 fails in its use 1
	// error: connection reset by peer
	// shutdown: <nil>
}

// A func that always returns false lets go of nothing, so Retire is also a way to
// look at all resources, here to see which servers a pool is connected to.
func ExamplePool_Retire_look() {
	ctx := context.Background()
	p, err := pool.New(pool.Config[string]{Dial: numbered()})
	if err != nil {
		fmt.Println(err)
		return
	}
	busy, err := p.Acquire(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := p.Warm(ctx, 3); err != nil { // two more
		fmt.Println(err)
		return
	}

	var names []string
	p.Retire(func(conn string) bool {
		names = append(names, conn) // some are in use: read only what does not change
		return false
	})
	slices.Sort(names)
	fmt.Println(names)
	s := p.Stats()
	fmt.Println("idle:", s.Idle, "in use:", s.InUse)
	busy.Release()
	fmt.Println("shutdown:", p.Shutdown(ctx))
	// Output:
	// [conn 1 conn 2 conn 3]
	// idle: 2 in use: 1
	// shutdown: <nil>
}
