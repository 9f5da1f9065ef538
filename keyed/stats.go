package keyed

import (
	"iter"

	"github.com/berth-go/berth/pool"
)

// Stats returns the numbers of all keys together, those that were forgotten
// included, with the limits over all keys. It takes time in proportion to the
// keys in use.
func (p *Pool[K, R]) Stats() pool.Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.mu.gone
	for _, e := range p.mu.keys {
		s = s.Add(e.pool.Stats())
	}
	for e := range p.mu.parting {
		s = s.Add(e.pool.Stats())
	}
	t := p.mu.totals
	s.Limits = pool.Limits{MaxOpen: t.MaxOpen, MaxIdle: t.MaxIdle, MaxWaiters: t.MaxWaiters, MaxDials: t.MaxDials}
	return s
}

// StatsFor returns the numbers of one key, or false if the key is not in use.
func (p *Pool[K, R]) StatsFor(key K) (pool.Stats, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	e := p.mu.keys[key]
	if e == nil {
		return pool.Stats{}, false
	}
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
