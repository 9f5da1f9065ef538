package keyed

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/berth-go/berth/internal/all"
	"github.com/berth-go/berth/pool"
)

// entries returns the keys in use, as they are now.
func (p *Pool[K, R]) entries() map[K]*entry[K, R] {
	p.mustBeMade()
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Collect(p.keys.All())
}

// CloseIdle closes the resources that are idle now, of all keys; see
// [pool.Pool.CloseIdle].
func (p *Pool[K, R]) CloseIdle() { p.each((*pool.Pool[R]).CloseIdle) }

// Reset replaces everything, of all keys; see [pool.Pool.Reset].
func (p *Pool[K, R]) Reset() { p.each((*pool.Pool[R]).Reset) }

// each calls f for the pools of all keys, whatever becomes of the hooks that this calls: a
// panic of one reaches the caller when all else has been done, and runtime.Goexit ends the
// goroutine then.
func (p *Pool[K, R]) each(f func(*pool.Pool[R])) {
	p.eachEntry(func(e *entry[K, R]) { f(&e.pool) })
}

func (p *Pool[K, R]) eachEntry(f func(*entry[K, R])) {
	all.Each(slices.Collect(maps.Values(p.entries())), f)
}

// ResetKey replaces everything that belongs to a key; see [pool.Pool.Reset].
func (p *Pool[K, R]) ResetKey(key K) {
	if e := p.enterKnown(key); e != nil {
		defer p.leave(e)
		e.pool.Reset()
	}
}

// Retire lets go of every resource for which f returns true; see
// [pool.Pool.Retire].
func (p *Pool[K, R]) Retire(f func(key K, r R) bool) {
	p.eachEntry(func(e *entry[K, R]) {
		e.pool.Retire(func(r R) bool { return f(e.place.Key(), r) })
	})
}

// ShutdownKey closes everything that belongs to a key and waits for it, as
// [pool.Pool.Shutdown] does; meanwhile calls for the key get [pool.ErrClosed].
// When it has returned nil, the key may be used again as if it were new, with what
// [Pool.SetLimits] has said of it. If ctx ends first, the error says what is left; the
// key stays closed until that is gone, and ShutdownKey may be called again.
func (p *Pool[K, R]) ShutdownKey(ctx context.Context, key K) error {
	e := p.enterKnown(key)
	if e == nil {
		return nil
	}
	defer p.leave(e)
	if err := e.pool.Shutdown(ctx); err != nil {
		return fmt.Errorf("keyed: key %v: %w", key, err)
	}
	p.part(e)
	return nil
}

// Close closes the pool for good, at once; see [pool.Pool.Close]. It returns nil,
// also the second time.
func (p *Pool[K, R]) Close() error {
	p.mustBeMade()
	p.mu.Lock()
	p.mu.closed = true // I10: no key is added from here on
	p.mu.Unlock()
	p.each(func(q *pool.Pool[R]) { _ = q.Close() })
	return nil
}

// Shutdown closes the pool and then waits for everything of all keys, as
// [pool.Pool.Shutdown] does. If ctx ends first, the error says what is left and
// wraps ctx's; the pool stays closed, and Shutdown may be called again.
func (p *Pool[K, R]) Shutdown(ctx context.Context) error {
	_ = p.Close() // always nil
	var last error
	var which K
	left := 0
	for key, e := range p.entries() {
		if err := e.pool.Shutdown(ctx); err != nil {
			left++
			last, which = err, key
		}
	}
	if last == nil {
		return nil
	}
	s := p.Stats()
	return fmt.Errorf("keyed: shutdown: %d keys with %d resources in use, %d dialing and %d closing are left, key %v with: %w",
		left, s.InUse, s.Dialing, s.Closing, which, last)
}
