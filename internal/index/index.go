// Package index finds what belongs to a key without a lock. It is a hash table in
// shards, each of which grows and shrinks by itself, so that no change ever has
// many keys to move.
//
// The place of a key is a field of what belongs to it, and the table says of each
// place a part of the key's hash: so a key that has not been used for long costs the
// memory of its cell in the table, and then that of what is looked for.
//
// Readers look from cell to cell, up to one that was never used. In a table no cell
// becomes that again: a place that is taken out leaves a mark, and a shard with many
// marks gets a new table, in which readers of the old one do not look. Writers need a
// lock of their caller's. That a reader misses a key that is being added, or finds
// one that is being taken out, is up to the caller to live with.
package index

import (
	"hash/maphash"
	"iter"

	"go.uber.org/atomic"
)

const (
	shardBits = 8
	shards    = 1 << shardBits

	// minCells is the smallest size of a shard that is not empty.
	minCells = 4
)

// An Index maps keys to pointers. Make one with [New].
type Index[K comparable, V any] struct {
	hot    atomic.Pointer[Node[K, V]] // the key to look at first, which needs no hash; nil: none
	seed   maphash.Seed
	gone   Node[K, V] // stands in a cell whose place was taken out
	shards [shards]shard[K, V]
	n      int
}

// A Node is the place of a key in one Index, and a field of what belongs to that key.
type Node[K comparable, V any] struct {
	key K
	of  *V
}

type shard[K comparable, V any] struct {
	table atomic.Pointer[table[K, V]] // nil: empty
	n     int                         // keys
	used  int                         // cells of the table that are not free: keys and marks
}

// table has a power of two of cells, of which at least a quarter is free.
type table[K comparable, V any] []cell[K, V]

type cell[K comparable, V any] struct {
	tag  atomic.Uint32              // of the key's hash
	node atomic.Pointer[Node[K, V]] // nil: free
}

// New returns an empty Index.
func New[K comparable, V any]() *Index[K, V] { return &Index[K, V]{seed: maphash.MakeSeed()} }

// Set says whose place it is. It comes before Put.
func (n *Node[K, V]) Set(key K, of *V) { n.key, n.of = key, of }

// Key returns the key.
func (n *Node[K, V]) Key() K { return n.key }

// Get returns what belongs to the key, or nil. It may be called at any time. It
// panics if the key is of an interface type and holds what cannot be compared.
func (x *Index[K, V]) Get(key K) *V {
	if n := x.hot.Load(); n != nil && n.key == key {
		return n.of
	}
	if _, n := x.find(x.hash(key), key); n != nil {
		return n.of
	}
	return nil
}

func (x *Index[K, V]) hash(key K) uint64 { return maphash.Comparable(x.seed, key) }

// find returns the place of a key and the cell that it is in, or nil.
func (x *Index[K, V]) find(hash uint64, key K) (*cell[K, V], *Node[K, V]) {
	b := x.shardOf(hash).table.Load()
	if b == nil {
		return nil, nil
	}
	cells, tag := *b, tagOf(hash)
	for i := hash >> shardBits; ; i++ {
		c := &cells[i&uint64(len(cells)-1)]
		n := c.node.Load()
		if n == nil {
			return nil, nil
		}
		if c.tag.Load() == tag && n != &x.gone && n.key == key {
			return c, n
		}
	}
}

func (x *Index[K, V]) shardOf(hash uint64) *shard[K, V] { return &x.shards[hash&(shards-1)] }

// tagOf returns the part of a hash that says nothing about the place in a table.
func tagOf(hash uint64) uint32 { return uint32(hash >> 32) } //nolint:gosec // the upper half

// Hot reports whether the key is the one that is found at once.
func (x *Index[K, V]) Hot(key K) bool {
	n := x.hot.Load()
	return n != nil && n.key == key
}

// Heat makes the key the one that is found at once, if it is there. The caller has
// the lock, and should call it seldom: whoever looks for another key reads what it
// writes.
func (x *Index[K, V]) Heat(key K) {
	if _, n := x.find(x.hash(key), key); n != nil {
		x.hot.Store(n)
	}
}

// Len returns how many keys there are. The caller has the lock.
func (x *Index[K, V]) Len() int { return x.n }

// Put adds a key that is not there, by a Node that was never in an Index. The caller
// has the lock.
func (x *Index[K, V]) Put(n *Node[K, V]) {
	h := x.hash(n.key)
	s := x.shardOf(h)
	b := s.table.Load()
	if b == nil || 4*(s.used+1) > 3*len(*b) {
		b = x.rebuild(s, 2*(s.n+1))
	}
	s.n++
	x.n++
	if x.place(*b, h, n) {
		s.used++
	}
}

// place puts a node into the first cell that will do, and reports whether that was
// free.
func (x *Index[K, V]) place(t table[K, V], hash uint64, n *Node[K, V]) bool {
	for i := hash >> shardBits; ; i++ {
		c := &t[i&uint64(len(t)-1)]
		if old := c.node.Load(); old == nil || old == &x.gone {
			c.tag.Store(tagOf(hash))
			c.node.Store(n)
			return old == nil
		}
	}
}

// Delete takes a key out, if it is there. The caller has the lock.
func (x *Index[K, V]) Delete(key K) {
	if x.Hot(key) {
		x.hot.Store(nil)
	}
	h := x.hash(key)
	c, n := x.find(h, key)
	if n == nil {
		return
	}
	c.node.Store(&x.gone)
	s := x.shardOf(h)
	s.n--
	x.n--
	switch size := len(*s.table.Load()); {
	case s.n == 0:
		s.table.Store(nil)
		s.used = 0
	case size > minCells && s.n < size/8:
		x.rebuild(s, 2*s.n)
	}
}

// rebuild makes the shard's table anew, with at least so many cells and without
// marks.
func (x *Index[K, V]) rebuild(s *shard[K, V], atLeast int) *table[K, V] {
	size := minCells
	for size < atLeast {
		size *= 2
	}
	t := make(table[K, V], size)
	for n := range x.in(s) {
		x.place(t, x.hash(n.key), n)
	}
	s.used = s.n
	s.table.Store(&t)
	return &t
}

// in yields the nodes of a shard.
func (x *Index[K, V]) in(s *shard[K, V]) iter.Seq[*Node[K, V]] {
	return func(yield func(*Node[K, V]) bool) {
		b := s.table.Load()
		if b == nil {
			return
		}
		for i := range *b {
			n := (*b)[i].node.Load()
			if n != nil && n != &x.gone && !yield(n) {
				return
			}
		}
	}
}

// All yields the keys and what belongs to them, in no particular order. The caller
// has the lock.
func (x *Index[K, V]) All() iter.Seq2[K, *V] {
	return func(yield func(K, *V) bool) {
		for i := range x.shards {
			for n := range x.in(&x.shards[i]) {
				if !yield(n.key, n.of) {
					return
				}
			}
		}
	}
}
