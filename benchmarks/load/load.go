package load

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/berth-go/berth/benchmarks/subject"
)

// Fill lets a pool dial: n callers hold a resource at the same time.
func Fill(ctx context.Context, p subject.Pool, n int) error {
	var all sync.WaitGroup
	all.Add(n)
	errs := make(chan error, n)
	for range n {
		go func() {
			err := p.Use(ctx, func(*subject.Resource) {
				all.Done()
				all.Wait()
			})
			if err != nil {
				all.Done() // else those who were served would wait for this one
			}
			errs <- err
		}()
	}
	var joined error
	for range n {
		joined = errors.Join(joined, <-errs)
	}
	return joined
}

// Hold returns when a caller holds a resource of p. The caller releases it when
// end is called, and end returns when that has begun.
func Hold(ctx context.Context, p subject.Pool) (end func(), err error) {
	held, let := make(chan struct{}), make(chan struct{})
	failed := make(chan error, 1)
	go func() {
		failed <- p.Use(ctx, func(*subject.Resource) {
			close(held)
			<-let
		})
	}()
	select {
	case <-held:
		return func() { close(let) }, nil
	case err := <-failed:
		return nil, err
	}
}

// HoldMany returns when n callers hold a resource of p each. They release it when
// end is called, and end returns when they have.
func HoldMany(ctx context.Context, p subject.Pool, n int) (end func(), err error) {
	let := make(chan struct{})
	var held, all sync.WaitGroup
	held.Add(n)
	errs := make(chan error, n)
	for range n {
		all.Go(func() {
			err := p.Use(ctx, func(*subject.Resource) {
				held.Done()
				<-let
			})
			if err != nil {
				errs <- err
				held.Done()
			}
		})
	}
	held.Wait()
	end = func() {
		close(let)
		all.Wait()
	}
	select {
	case err := <-errs:
		end()
		return nil, err
	default:
		return end, nil
	}
}

// Spin uses the processor for d, as work on a resource does. A timer would
// instead measure how exact timers are.
func Spin(d time.Duration) {
	for start := time.Now(); time.Since(start) < d; {
	}
}

// Wait lets d pass without using the processor, or ends with ctx. It stands for
// the network in a dial.
func Wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
