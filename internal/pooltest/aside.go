package pooltest

import (
	"context"
	"slices"
	"testing/synctest"
)

// An Aside is a call that runs aside and returns an error: of Warm, Shutdown or
// the like. The end of the test ends its context.
type Aside struct {
	cancel context.CancelFunc
	done   chan struct{} // closed when the call has returned
	err    error         // valid when done is closed
}

// Aside calls f aside and waits until it has returned or sleeps.
func (b *Bench) Aside(ctx context.Context, f func(context.Context) error) *Aside {
	b.Step()
	ctx, cancel := context.WithCancel(ctx)
	a := &Aside{cancel: cancel, done: make(chan struct{})}
	b.mu.Lock()
	b.aside = append(b.aside, a)
	b.mu.Unlock()
	go func() {
		defer close(a.done)
		defer cancel()
		a.err = f(ctx)
	}()
	synctest.Wait()
	return a
}

// Warm calls Warm aside.
func (b *Bench) Warm(ctx context.Context, n int) *Aside {
	return b.Aside(ctx, func(ctx context.Context) error { return b.Pool.Warm(ctx, n) })
}

// Asides returns the calls of Aside so far.
func (b *Bench) Asides() []*Aside {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.aside)
}

// Returned reports whether the call has returned.
func (a *Aside) Returned() bool {
	select {
	case <-a.done:
		return true
	default:
		return false
	}
}

// Err returns the error of a call that has returned.
func (a *Aside) Err() error {
	<-a.done
	return a.err
}
