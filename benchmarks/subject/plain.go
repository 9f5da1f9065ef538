package subject

import (
	"context"
	"sync"

	"golang.org/x/sync/semaphore"
)

// harness is what a workload costs without any pool.
type harness struct{ r Resource }

func (h *harness) Use(_ context.Context, hold func(*Resource)) error {
	if hold != nil {
		hold(&h.r)
	}
	return nil
}

func (*harness) Close() {}

func openHarness(Config) (Pool, error) { return &harness{}, nil }

// syncPool is the floor that others are compared with. It may drop what it has
// at any garbage collection, and it lends as many as are asked for.
type syncPool struct {
	pool sync.Pool
	dial func(context.Context) (*Resource, error)
}

func (p *syncPool) Use(ctx context.Context, hold func(*Resource)) error {
	r, _ := p.pool.Get().(*Resource)
	if r == nil {
		var err error
		if r, err = p.dial(ctx); err != nil {
			return err
		}
	}
	if hold != nil {
		hold(r)
	}
	p.pool.Put(r)
	return nil
}

func (*syncPool) Close() {}

func openSyncPool(c Config) (Pool, error) { return &syncPool{dial: c.dial()}, nil }

// channel holds resources, and nil for each one not dialled yet.
type channel struct {
	free chan *Resource
	dial func(context.Context) (*Resource, error)
}

func (p *channel) Use(ctx context.Context, hold func(*Resource)) error {
	select {
	case r := <-p.free:
		if r == nil {
			var err error
			if r, err = p.dial(ctx); err != nil {
				p.free <- nil
				return err
			}
		}
		if hold != nil {
			hold(r)
		}
		p.free <- r
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (*channel) Close() {}

func newChannel(c Config) *channel {
	p := &channel{make(chan *Resource, c.Size), c.dial()}
	for range c.Size {
		p.free <- nil
	}
	return p
}

func openChannel(c Config) (Pool, error) { return newChannel(c), nil }

// stack is what one writes by hand: a semaphore for the cap, and the idle ones
// on a stack. The semaphore hands over in order; the resource is then taken from
// the stack under a second lock.
type stack struct {
	slots *semaphore.Weighted
	dial  func(context.Context) (*Resource, error)
	mu    sync.Mutex
	idle  []*Resource
}

func (p *stack) Use(ctx context.Context, hold func(*Resource)) error {
	if err := p.slots.Acquire(ctx, 1); err != nil {
		return err
	}
	defer p.slots.Release(1)
	r := p.pop()
	if r == nil {
		var err error
		if r, err = p.dial(ctx); err != nil {
			return err
		}
	}
	if hold != nil {
		hold(r)
	}
	p.push(r)
	return nil
}

func (p *stack) pop() *Resource {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(p.idle)
	if n == 0 {
		return nil
	}
	r := p.idle[n-1]
	p.idle[n-1] = nil
	p.idle = p.idle[:n-1]
	return r
}

func (p *stack) push(r *Resource) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.idle = append(p.idle, r)
}

func (*stack) Close() {}

func openSemaphore(c Config) (Pool, error) {
	return &stack{slots: semaphore.NewWeighted(int64(c.Size)), dial: c.dial()}, nil
}
