package pool_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/berth-go/berth/pool"
)

// A caller who finds that its connection is broken gives it up for another one, and
// is still the next in line. Fresh passes over what lies idle, which may be as old.
func ExamplePool_AcquireInstead() {
	dials := 0
	p, err := pool.New(pool.Config[string]{
		Dial: func(context.Context) (string, error) {
			dials++
			return fmt.Sprint("connection ", dials), nil
		},
		MaxOpen: 1,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = p.Close() }()

	ctx := context.Background()
	lease, err := p.Acquire(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("broken:", lease.Value())
	lease, err = p.AcquireInstead(ctx, lease, errors.New("connection reset"), pool.Request{Fresh: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer lease.Release()
	fmt.Println("in its place:", lease.Value())
	// Output:
	// broken: connection 1
	// in its place: connection 2
}
