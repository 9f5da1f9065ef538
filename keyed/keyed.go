package keyed

import (
	"context"
	"sync"

	"github.com/berth-go/berth/internal/alarm"
	"github.com/berth-go/berth/internal/crew"
	"github.com/berth-go/berth/internal/index"
	"github.com/berth-go/berth/internal/part"
	"github.com/berth-go/berth/pool"
)

// maxClosers bounds the Close funcs that run at once, over all keys.
const maxClosers = 8

// A Pool holds resources of type R under keys of type K: a [pool.Pool] for each
// key in use, and a [pool.Budget] over them. Make one with [New]. All methods may
// be called concurrently.
type Pool[K comparable, R any] struct {
	cfg    Config[K, R]
	budget *pool.Budget
	owned  bool // the Budget is this pool's alone
	total  part.Total
	terms  terms                        // of keys of which Config says nothing of their own
	keys   *index.Index[K, entry[K, R]] // in use; changed under mu

	makePool func(*pool.Pool[R], part.Part[R], *pool.Limits) error // of a key

	// mu is never held while a key's pool changes state, so a pool may call back.
	// Lock order: mu, then a pool's own lock, to read its Stats.
	mu struct {
		sync.Mutex
		parting   map[*entry[K, R]]struct{} // shut down, with calls or leases on dead resources left
		overrides map[K]pool.Limits         // from SetLimits
		gone      pool.Stats                // counters of keys that were forgotten
		totals    Totals
		closed    bool
	}
}

// New returns a pool that is ready for use and starts nothing yet. The error
// names the field that is wrong.
func New[K comparable, R any](cfg Config[K, R]) (*Pool[K, R], error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	p := &Pool[K, R]{cfg: cfg, budget: cfg.Budget}
	if p.budget == nil {
		b, err := pool.NewBudget(pool.BudgetLimits{
			MaxOpen: cfg.MaxOpen, MaxIdle: cfg.MaxIdle, MaxDials: cfg.MaxDials, Affinity: cfg.Affinity,
		})
		if err != nil {
			return nil, err
		}
		p.budget, p.owned = b, true
	}
	p.total.Crew = crew.New(maxClosers)
	p.total.Clock = alarm.New()
	p.total.Asks = cfg.Shared != nil
	p.total.MaxWaiters.Store(int64(cfg.MaxWaiters))
	p.terms = terms{base: cfg.perKey(), rate: cfg.DialRate}
	shared := cfg.poolConfig(p.terms.base)
	shared.Budget = p.budget
	var err error
	if p.makePool, err = pool.NewParts(shared, &p.total); err != nil {
		return nil, err
	}
	p.keys = index.New[K, entry[K, R]]()
	p.mu.parting = map[*entry[K, R]]struct{}{}
	p.mu.overrides = map[K]pool.Limits{}
	p.mu.totals = cfg.totals()
	return p, nil
}

// Acquire returns a lease of a resource of the key; see [pool.Pool.Acquire].
// Across keys, capacity goes to the caller who came first and whose key may take
// it.
func (p *Pool[K, R]) Acquire(ctx context.Context, key K) (pool.Lease[R], error) {
	e := p.known(key)
	if e != nil && ctx.Err() == nil {
		// The call does not count in the entry: a lane that is open has a resource, and
		// with that the key stays.
		if l, ok := e.pool.TakeFast(part.Access{}); ok {
			if l.Number(part.Access{})&heatMask == heatMask {
				p.heat(key)
			}
			return l, nil
		}
	}
	return p.acquire(ctx, key, e, pool.Request{})
}

// heatMask says how seldom a lease makes its key the hot one: each 1,024th of a
// resource. So a key is hot as often as it is used, and hardly anybody writes.
const heatMask = 1<<10 - 1

// heat makes a key the one that is found first, unless that would have to wait.
func (p *Pool[K, R]) heat(key K) {
	if !p.keys.Hot(key) && p.mu.TryLock() {
		defer p.mu.Unlock()
		p.keys.Heat(key)
	}
}

// acquire is Acquire when there is nothing in the lane of the key. found is what is
// known of the key; nil: nothing.
func (p *Pool[K, R]) acquire(ctx context.Context, key K, found *entry[K, R], r pool.Request) (pool.Lease[R], error) {
	e, place, err := p.come(ctx, key, found)
	if err != nil {
		return pool.Lease[R]{}, err
	}
	defer p.leave(e)
	return e.pool.AcquireSlow(ctx, r, place, part.Access{})
}

// come is enter for a caller who may queue. If the key has to be made, it draws its
// place before: many may come to a new key at once, and a lock keeps no order.
func (p *Pool[K, R]) come(ctx context.Context, key K, found *entry[K, R]) (*entry[K, R], pool.Ticket, error) {
	if e := p.enterFound(found); e != nil {
		return e, 0, nil
	}
	place := p.budget.Draw(part.Access{})
	e, err := p.enter(ctx, key)
	return e, place, err
}

// AcquireWith is like [Pool.Acquire], with a [pool.Request].
func (p *Pool[K, R]) AcquireWith(ctx context.Context, key K, r pool.Request) (pool.Lease[R], error) {
	if r == (pool.Request{}) {
		return p.Acquire(ctx, key)
	}
	return p.acquire(ctx, key, p.known(key), r)
}

// AcquireInstead is like [pool.Pool.AcquireInstead], for the key of the failed
// lease.
func (p *Pool[K, R]) AcquireInstead(ctx context.Context, key K, failed pool.Lease[R], err error, r pool.Request) (pool.Lease[R], error) {
	defer failed.Discard(err) // nothing, unless the key cannot be entered
	e, enterErr := p.enter(ctx, key)
	if enterErr != nil {
		return pool.Lease[R]{}, enterErr
	}
	defer p.leave(e)
	return e.pool.AcquireInstead(ctx, failed, err, r)
}

// TryAcquire returns a lease if one is to be had at once; see
// [pool.Pool.TryAcquire].
func (p *Pool[K, R]) TryAcquire(key K) (pool.Lease[R], bool) {
	e := p.known(key)
	if e == nil {
		return pool.Lease[R]{}, false
	}
	if l, ok := e.pool.TakeFast(part.Access{}); ok {
		return l, true
	}
	if e = p.enterFound(e); e == nil {
		return pool.Lease[R]{}, false
	}
	defer p.leave(e)
	return e.pool.TryAcquire()
}

// Do calls f with a lease of a resource of the key; see [pool.Pool.Do].
func (p *Pool[K, R]) Do(ctx context.Context, key K, f func(pool.Lease[R]) error) error {
	e, place, err := p.come(ctx, key, p.known(key))
	if err != nil {
		return err
	}
	defer p.leave(e)
	if place == 0 {
		return e.pool.Do(ctx, f)
	}
	l, err := e.pool.AcquireSlow(ctx, pool.Request{}, place, part.Access{})
	if err != nil {
		return err
	}
	return l.Use(f, part.Access{})
}

// Warm dials until n resources of the key are open; see [pool.Pool.Warm].
func (p *Pool[K, R]) Warm(ctx context.Context, key K, n int) error {
	e, err := p.enter(ctx, key)
	if err != nil {
		return err
	}
	defer p.leave(e)
	return e.pool.Warm(ctx, n)
}

// SetLimits overrides the limits of one key, whether it is in use or not: a field
// that is not zero replaces what Config and PerKey say, and pool.NoLimit stands
// for none. It holds while the pool lives; the zero Limits takes it back. See
// [pool.Pool.SetLimits] for what a change does. The error names the field that is
// wrong, and then nothing has changed.
func (p *Pool[K, R]) SetLimits(key K, l pool.Limits) error {
	if key != key { // NaN, which a map cannot find again
		return errUnequalKey
	}
	if err := validateLimits("Limits", l); err != nil {
		return err
	}
	if err := p.tryLimits(key, l); err != nil {
		return err
	}
	e, want := p.noteOverride(key, l)
	if e == nil {
		return nil
	}
	defer p.leave(e)
	// No lock is held while the pool changes state, since it calls hooks. Another
	// call may come between; whoever finds that its word was not the last repeats.
	for {
		if err := e.pool.SetLimits(want); err != nil {
			return err
		}
		now := p.limitsOf(key, e)
		if now == want {
			return nil
		}
		want = now
	}
}

// tryLimits sees whether an override could be carried out. An error says that its
// fields do not go together with the key's other limits.
func (p *Pool[K, R]) tryLimits(key K, l pool.Limits) error {
	base, err := p.knownBase(key)
	if err != nil {
		return err
	}
	if _, err = pool.New(p.cfg.poolConfig(override(base, l))); err != nil {
		return errLimits(key, err)
	}
	return nil
}

// knownBase returns the limits of a key without its override.
func (p *Pool[K, R]) knownBase(key K) (pool.Limits, error) {
	if e := p.enterKnown(key); e != nil {
		defer p.leave(e)
		return e.terms.base, nil
	}
	return p.baseLimits(key)
}

// noteOverride keeps an override, and returns the key's entry, entered, with the
// limits that hold for it now, or nil if the key is not in use.
func (p *Pool[K, R]) noteOverride(key K, l pool.Limits) (*entry[K, R], pool.Limits) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if l == (pool.Limits{}) {
		delete(p.mu.overrides, key)
	} else {
		p.mu.overrides[key] = l
	}
	e := p.keys.Get(key)
	if e == nil {
		return nil, pool.Limits{}
	}
	e.door.Enter()
	return e, override(e.terms.base, l)
}

func (p *Pool[K, R]) limitsOf(key K, e *entry[K, R]) pool.Limits {
	return override(e.terms.base, p.overrideOf(key))
}

// SetTotals changes the limits over all keys. Growth serves waiters at once;
// after a decrease the numbers only fall, as in [pool.Budget.SetLimits]. With a
// Budget in Config only MaxWaiters may be set here, and the others must be 0. The
// error names the field that is wrong, and then nothing has changed.
func (p *Pool[K, R]) SetTotals(t Totals) error {
	p.mustBeMade()
	if err := t.validate(); err != nil {
		return err
	}
	if !p.owned && (t.MaxOpen != 0 || t.MaxIdle != 0 || t.MaxDials != 0) {
		return fieldError("Totals.MaxOpen, MaxIdle or MaxDials", "is set, which belongs to the Budget in Config", "use the Budget's SetLimits, and set only MaxWaiters here")
	}
	p.mu.Lock()
	p.mu.totals = t
	p.mu.Unlock()
	for { // as in SetLimits
		if err := p.applyTotals(t); err != nil {
			return err
		}
		now := p.currentTotals()
		if now == t {
			return nil
		}
		t = now
	}
}

func (p *Pool[K, R]) applyTotals(t Totals) error {
	p.total.MaxWaiters.Store(int64(t.MaxWaiters))
	if !p.owned {
		return nil
	}
	return p.budget.SetLimits(pool.BudgetLimits{
		MaxOpen: t.MaxOpen, MaxIdle: t.MaxIdle, MaxDials: t.MaxDials, Affinity: p.cfg.Affinity,
	})
}

func (p *Pool[K, R]) currentTotals() Totals {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.mu.totals
}
