package keyed

import (
	"errors"
	"fmt"

	"github.com/berth-go/berth/internal/part"
	"github.com/berth-go/berth/pool"
)

var errUnequalKey = errors.New("keyed: the key is not equal to itself (NaN): use a key that a map can find again")

// entry is a key in use. It stays in the map while its pool has anything or a
// call is in it (I12).
type entry[R any] struct {
	pool *pool.Pool[R]
	part *part.Part
	base pool.Limits // without what SetLimits said
	refs int         // calls in the pool; under Pool.mu
}

// enter returns the entry of a key, made if need be, with a call counted in it.
func (p *Pool[K, R]) enter(key K) (*entry[R], error) {
	if e := p.enterKnown(key); e != nil {
		return e, nil
	}
	if key != key { // NaN, which a map cannot find again
		return nil, errUnequalKey
	}
	if p.isClosed() {
		return nil, pool.ErrClosed
	}
	base, err := p.baseLimits(key)
	if err != nil {
		return nil, err
	}
	return p.enterNew(key, base, p.cfg.limiter(key))
}

// baseLimits returns what Config says of a key's limits.
func (p *Pool[K, R]) baseLimits(key K) (pool.Limits, error) {
	base := p.cfg.perKey()
	if p.cfg.PerKey == nil {
		return base, nil
	}
	l := p.cfg.PerKey(key)
	if err := validateLimits("PerKey", l); err != nil {
		return pool.Limits{}, err
	}
	return override(base, l), nil
}

// enterEvenClosed is enterKnown for a call that may come after Close.
func (p *Pool[K, R]) enterEvenClosed(key K) *entry[R] {
	p.mu.Lock()
	defer p.mu.Unlock()
	e := p.keys.Get(key)
	if e != nil {
		e.refs++
	}
	return e
}

func (p *Pool[K, R]) isClosed() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.mu.closed
}

// enterKnown is enter for a key that is in use; else it returns nil.
func (p *Pool[K, R]) enterKnown(key K) *entry[R] {
	p.mu.Lock()
	defer p.mu.Unlock() // a key of interface type may panic here
	e := p.keys.Get(key)
	if e == nil || p.mu.closed {
		return nil
	}
	e.refs++
	return e
}

// enterNew makes the entry of a key. That takes a while, so it does not hold up
// the other keys.
func (p *Pool[K, R]) enterNew(key K, base pool.Limits, rate pool.Limiter) (*entry[R], error) {
	for {
		over := p.overrideOf(key)
		e, err := p.makeEntry(key, base, over, rate)
		if err != nil {
			return nil, err
		}
		e, err = p.addEntry(key, e, over)
		if e != nil || err != nil {
			return e, err
		}
		// SetLimits came between: the entry has the wrong limits.
	}
}

func (p *Pool[K, R]) overrideOf(key K) pool.Limits {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.mu.overrides[key]
}

func (p *Pool[K, R]) makeEntry(key K, base, over pool.Limits, rate pool.Limiter) (*entry[R], error) {
	e := &entry[R]{base: base}
	e.part = &part.Part{Key: key, Total: &p.total, Quiet: func() { p.quiet(key, e) }}
	if p.cfg.Shared != nil {
		e.part.Shared = func() int { return p.cfg.Shared(key) }
	}
	var err error
	e.pool, err = pool.NewPart(p.cfg.poolConfig(key, override(base, over), p.budget, rate), e.part)
	if err != nil {
		return nil, fmt.Errorf("keyed: limits of key %v: %w", key, err)
	}
	return e, nil
}

// addEntry puts the entry into the map, made with the override over, and counts a
// call in it. It returns the entry that is there if another call was faster, and
// nil if the override has changed.
func (p *Pool[K, R]) addEntry(key K, made *entry[R], over pool.Limits) (*entry[R], error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.mu.closed {
		return nil, pool.ErrClosed
	}
	e := p.keys.Get(key)
	if e == nil {
		if p.mu.overrides[key] != over {
			return nil, nil
		}
		e = made
		p.keys.Put(key, e)
	}
	e.refs++
	return e, nil
}

// leave ends a call in the entry, and forgets the key if that was the last thing
// it had.
func (p *Pool[K, R]) leave(key K, e *entry[R]) {
	p.mu.Lock()
	defer p.mu.Unlock()
	e.refs--
	p.forgetLocked(key, e)
}

// quiet is called by the key's pool when it has become empty.
func (p *Pool[K, R]) quiet(key K, e *entry[R]) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.forgetLocked(key, e)
}

// part takes a key out of the map whose pool has been shut down. What may be left
// of that has no claim to the key.
func (p *Pool[K, R]) part(key K, e *entry[R]) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.keys.Get(key) == e {
		p.keys.Delete(key)
		p.mu.parting[e] = struct{}{}
	}
}

// forgetLocked takes a key with nothing left out of the map. No call is in its
// pool then, and none can come in, so the Stats are its last.
func (p *Pool[K, R]) forgetLocked(key K, e *entry[R]) {
	_, parting := p.mu.parting[e]
	if e.refs > 0 || (p.keys.Get(key) != e && !parting) || !e.part.Bare() {
		return
	}
	if parting {
		delete(p.mu.parting, e)
	} else {
		p.keys.Delete(key)
	}
	p.mu.gone = p.mu.gone.Add(e.pool.Stats())
}
