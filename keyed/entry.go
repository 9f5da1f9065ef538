package keyed

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/berth-go/berth/internal/door"
	"github.com/berth-go/berth/internal/index"
	"github.com/berth-go/berth/internal/part"
	"github.com/berth-go/berth/pool"
	"github.com/berth-go/berth/waitq"
)

var errUnequalKey = errors.New("keyed: the key is not equal to itself (NaN): use a key that a map can find again")

// entry is a key in use. It stays in the map while its pool has anything or a
// call is in it (I12). It is one piece of memory, since a lease of a key that has
// not been used for long costs mostly what it takes to fetch that.
type entry[K comparable, R any] struct {
	place index.Node[K, entry[K, R]]
	door  door.Door // of the calls in the pool; looked at and shut under Pool.mu
	pool  pool.Pool[R]
	of    *Pool[K, R]
	terms *terms
}

// terms are what Config says of a key: one for all keys, unless it has PerKey or
// DialRatePerKey.
type terms struct {
	base pool.Limits // without what SetLimits said
	rate pool.Limiter
}

// Key and the other methods of part.Part are what the pool asks of its key.
func (e *entry[K, R]) Key() any { return e.place.Key() }

// Dial makes a resource for the key.
func (e *entry[K, R]) Dial(ctx context.Context) (R, error) { return e.of.cfg.Dial(ctx, e.place.Key()) }

// Limiter returns what holds up the dials of the key.
func (e *entry[K, R]) Limiter() part.Limiter { return e.terms.rate }

// Shared returns what a dial for the key is expected to bring.
func (e *entry[K, R]) Shared() int { return e.of.cfg.Shared(e.place.Key()) }

// Quiet is called by the pool when it has become empty, and when it has been shut down.
func (e *entry[K, R]) Quiet() {
	if e.pool.Finished(part.Access{}) && !e.of.isClosed() {
		e.of.part(e) // also if ShutdownKey was given up
	}
	if e.door.Await() {
		e.of.look(e)
	}
}

// enter returns the entry of a key, made if need be, with a call counted in it. A call
// whose ctx has ended fails and does not bring a key into use: with MinIdle the key would
// stay, although nothing had been dialled for it.
func (p *Pool[K, R]) enter(ctx context.Context, key K) (*entry[K, R], error) {
	if e := p.enterKnown(key); e != nil {
		return e, nil
	}
	if key != key { // NaN, which a map cannot find again
		return nil, errUnequalKey
	}
	if p.isClosed() {
		return nil, pool.ErrClosed
	}
	if err := waitq.ContextError(ctx); err != nil {
		return nil, err
	}
	t, err := p.termsOf(key)
	if err != nil {
		return nil, err
	}
	return p.enterNew(key, t)
}

// termsOf returns what Config says of a key.
func (p *Pool[K, R]) termsOf(key K) (*terms, error) {
	if p.cfg.PerKey == nil && p.cfg.DialRatePerKey == nil {
		return &p.terms, nil
	}
	base, err := p.baseLimits(key)
	if err != nil {
		return nil, err
	}
	return &terms{base: base, rate: p.cfg.limiter(key)}, nil
}

// baseLimits returns what Config says of a key's limits.
func (p *Pool[K, R]) baseLimits(key K) (pool.Limits, error) {
	if p.cfg.PerKey == nil {
		return p.terms.base, nil
	}
	l := p.cfg.PerKey(key)
	if err := validateLimits("PerKey", l); err != nil {
		return pool.Limits{}, errLimits(key, err)
	}
	return override(p.terms.base, l), nil
}

func (p *Pool[K, R]) isClosed() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.mu.closed
}

// enterKnown is enter for a key that is in use; else it returns nil.
func (p *Pool[K, R]) enterKnown(key K) *entry[K, R] {
	return p.enterFound(p.known(key)) // one that is being added comes later than this call
}

// known returns the entry of a key, nil if the key is not in use.
func (p *Pool[K, R]) known(key K) *entry[K, R] {
	p.mustBeMade()
	return p.keys.Get(key)
}

// mustBeMade panics in the zero Pool, before it does something half.
func (p *Pool[K, R]) mustBeMade() {
	if p.keys == nil {
		panic("keyed: this is the zero Pool: make it with New")
	}
}

// enterFound counts a call in an entry that was found without the lock. It returns
// nil if there is none, or it was forgotten. If it or all was closed meanwhile, its
// pool will say so.
func (p *Pool[K, R]) enterFound(e *entry[K, R]) *entry[K, R] {
	if e == nil || !e.door.Enter() {
		return nil
	}
	return e
}

// enterNew makes the entry of a key. That takes a while, so it does not hold up
// the other keys.
func (p *Pool[K, R]) enterNew(key K, t *terms) (*entry[K, R], error) {
	for {
		over := p.overrideOf(key)
		e, err := p.makeEntry(key, t, over)
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

func (p *Pool[K, R]) makeEntry(key K, t *terms, over pool.Limits) (*entry[K, R], error) {
	e := &entry[K, R]{of: p, terms: t}
	e.place.Set(key, e)
	limits := &t.base
	if over != (pool.Limits{}) {
		own := override(t.base, over)
		limits = &own
	}
	if err := p.makePool(&e.pool, e, limits); err != nil {
		return nil, errLimits(key, err)
	}
	return e, nil
}

// errLimits says of which key the limits do not go together.
func errLimits(key any, err error) error { return &limitsError{key, err} }

// limitsError is an error of this package or of pool about one key. It says the package once.
type limitsError struct {
	key any
	err error
}

func (e *limitsError) Error() string {
	what := strings.TrimPrefix(strings.TrimPrefix(e.err.Error(), "keyed: "), "pool: ")
	return fmt.Sprintf("keyed: limits of key %v: %s", e.key, what)
}

func (e *limitsError) Unwrap() error { return e.err }

// addEntry puts the entry into the map, made with the override over, and counts a
// call in it. It returns the entry that is there if another call was faster, and
// nil if the override has changed.
func (p *Pool[K, R]) addEntry(key K, made *entry[K, R], over pool.Limits) (*entry[K, R], error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.mu.closed {
		return nil, pool.ErrClosed
	}
	if e := p.keys.Get(key); e != nil {
		e.door.Enter()
		return e, nil
	}
	if p.mu.overrides[key] != over {
		return nil, nil
	}
	made.door.Enter()
	made.door.Await() // it is empty so far
	p.keys.Put(&made.place)
	return made, nil
}

// leave ends a call in the entry, and forgets the key if that was the last thing
// it had.
func (p *Pool[K, R]) leave(e *entry[K, R]) {
	if e.door.Leave() {
		p.look(e)
	}
}

// look forgets a key that has nothing left: it takes it out of the map. It is called
// when that may be so. No call is in its pool when the door is shut, so the Stats are
// its last.
func (p *Pool[K, R]) look(e *entry[K, R]) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if e.door.Look(func() bool { return e.pool.Bare(part.Access{}) }) {
		p.dropLocked(e)
	}
}

// part takes a key out of the map whose pool has been shut down. What may be left
// of that has no claim to the key.
func (p *Pool[K, R]) part(e *entry[K, R]) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if key := e.place.Key(); p.keys.Get(key) == e {
		p.keys.Delete(key)
		p.mu.parting[e] = struct{}{}
	}
}

// dropLocked is the rare half of look. It has some kilobytes of Stats on its
// stack, and is apart so that the end of every call does not need room for them: its
// goroutine would have to move to a larger stack, and again each time that the
// garbage collector has made that smaller.
//
//go:noinline
func (p *Pool[K, R]) dropLocked(e *entry[K, R]) {
	if _, ok := p.mu.parting[e]; ok {
		delete(p.mu.parting, e)
	} else {
		p.keys.Delete(e.place.Key())
	}
	p.mu.gone = p.mu.gone.Add(e.pool.Stats())
}
