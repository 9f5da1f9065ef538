package keyed

import (
	"iter"

	"github.com/berth-go/berth/pool"
)

// Stats returns the numbers of all keys together, those that were forgotten
// included, with the limits over all keys (with a Budget in Config MaxWaiters alone:
// the others are in the Budget's Stats). It takes time in proportion to the
// keys in use, but holds up no call meanwhile; each key's numbers are those of the
// moment at which they were read.
func (p *Pool[K, R]) Stats() pool.Stats {
	s, pools := p.everyPool()
	for _, q := range pools {
		s = s.Add(q.Stats())
	}
	return s
}

// everyPool returns the pools of all keys as they are now, and the counters of
// those that are forgotten by now. A key that is forgotten later keeps its own in
// its pool, so nothing is counted twice or not at all.
func (p *Pool[K, R]) everyPool() (pool.Stats, []*pool.Pool[R]) {
	p.mustBeMade()
	p.mu.Lock()
	defer p.mu.Unlock()
	pools := make([]*pool.Pool[R], 0, p.keys.Len()+len(p.mu.parting))
	for _, e := range p.keys.All() {
		pools = append(pools, &e.pool)
	}
	for e := range p.mu.parting {
		pools = append(pools, &e.pool)
	}
	s := p.mu.gone
	t := p.mu.totals
	s.Limits = pool.Limits{MaxOpen: t.MaxOpen, MaxIdle: t.MaxIdle, MaxWaiters: t.MaxWaiters, MaxDials: t.MaxDials}
	return s, pools
}

// StatsFor returns the numbers of one key, or false if the key is not in use.
func (p *Pool[K, R]) StatsFor(key K) (pool.Stats, bool) {
	e := p.enterKnown(key)
	if e == nil {
		return pool.Stats{}, false
	}
	defer p.leave(e)
	return e.pool.Stats(), true
}

// All returns the keys in use and their numbers, in no particular order. The loop
// body may call the pool; each key's numbers are those of the moment it is
// reached.
func (p *Pool[K, R]) All() iter.Seq2[K, pool.Stats] {
	return func(yield func(K, pool.Stats) bool) {
		for key, e := range p.entries() {
			if !yield(key, e.pool.Stats()) {
				return
			}
		}
	}
}
