// Package index finds what belongs to a key without a lock. It is a hash table in
// shards, each of which grows and shrinks by itself, so that no change ever has
// many keys to move.
//
// Readers follow pointers that are set in one step; a chain that they are in stays
// whole when a node is taken out of it, and when its shard is rebuilt. Writers need
// a lock of their caller's. That a reader misses a key that is being added, or
// finds one that is being taken out, is up to the caller to live with.
package index

import (
	"hash/maphash"
	"iter"

	"go.uber.org/atomic"
)

const (
	shardBits = 8
	shards    = 1 << shardBits

	// minBuckets is the smallest size of a shard that is not empty.
	minBuckets = 4
)

// An Index maps keys to pointers. Make one with [New].
type Index[K comparable, V any] struct {
	hot    atomic.Pointer[node[K, V]] // the key to look at first, which needs no hash; nil: none
	seed   maphash.Seed
	shards [shards]shard[K, V]
	n      int
}

type shard[K comparable, V any] struct {
	buckets atomic.Pointer[buckets[K, V]] // nil: empty
	n       int
}

// buckets has a power of two of chains.
type buckets[K comparable, V any] []atomic.Pointer[node[K, V]]

type node[K comparable, V any] struct {
	key   K
	hash  uint64
	value *V
	next  atomic.Pointer[node[K, V]]
}

// New returns an empty Index.
func New[K comparable, V any]() *Index[K, V] { return &Index[K, V]{seed: maphash.MakeSeed()} }

// Get returns what belongs to the key, or nil. It may be called at any time. It
// panics if the key is of an interface type and holds what cannot be compared.
func (x *Index[K, V]) Get(key K) *V {
	if n := x.hot.Load(); n != nil && n.key == key {
		return n.value
	}
	return x.get(key)
}

func (x *Index[K, V]) get(key K) *V {
	h := maphash.Comparable(x.seed, key)
	b := x.shards[h&(shards-1)].buckets.Load()
	if b == nil {
		return nil
	}
	for n := b.at(h).Load(); n != nil; n = n.next.Load() {
		if n.hash == h && n.key == key {
			return n.value
		}
	}
	return nil
}

// Hot reports whether the key is the one that is found at once.
func (x *Index[K, V]) Hot(key K) bool {
	n := x.hot.Load()
	return n != nil && n.key == key
}

// Heat makes the key the one that is found at once, if it is there. The caller has
// the lock, and should call it seldom: whoever looks for another key reads what it
// writes.
func (x *Index[K, V]) Heat(key K) {
	if v := x.Get(key); v != nil {
		x.hot.Store(&node[K, V]{key: key, value: v})
	}
}

// at returns the chain of a hash.
func (b *buckets[K, V]) at(hash uint64) *atomic.Pointer[node[K, V]] {
	return &(*b)[hash>>shardBits&uint64(len(*b)-1)]
}

// Len returns how many keys there are. The caller has the lock.
func (x *Index[K, V]) Len() int { return x.n }

// Put adds a key that is not there. The caller has the lock.
func (x *Index[K, V]) Put(key K, value *V) {
	h := maphash.Comparable(x.seed, key)
	s := &x.shards[h&(shards-1)]
	s.n++
	x.n++
	b := s.buckets.Load()
	if b == nil || s.n > len(*b) {
		b = s.rebuild(max(minBuckets, 2*s.n))
	}
	b.push(&node[K, V]{key: key, hash: h, value: value})
}

func (b *buckets[K, V]) push(n *node[K, V]) {
	chain := b.at(n.hash)
	n.next.Store(chain.Load())
	chain.Store(n)
}

// Delete takes a key out, if it is there. The caller has the lock.
func (x *Index[K, V]) Delete(key K) {
	if x.Hot(key) {
		x.hot.Store(nil)
	}
	h := maphash.Comparable(x.seed, key)
	s := &x.shards[h&(shards-1)]
	b := s.buckets.Load()
	if b == nil {
		return
	}
	for link := b.at(h); ; {
		n := link.Load()
		if n == nil {
			return
		}
		if n.hash == h && n.key == key {
			link.Store(n.next.Load()) // n keeps its next, for readers who are at it
			break
		}
		link = &n.next
	}
	s.n--
	x.n--
	switch {
	case s.n == 0:
		s.buckets.Store(nil)
	case len(*b) > minBuckets && s.n < len(*b)/8:
		s.rebuild(2 * s.n)
	}
}

// rebuild makes the shard's buckets anew, at least so many. The nodes are made
// anew as well: readers may be in the old chains.
func (s *shard[K, V]) rebuild(atLeast int) *buckets[K, V] {
	size := minBuckets
	for size < atLeast {
		size *= 2
	}
	b := make(buckets[K, V], size)
	if old := s.buckets.Load(); old != nil {
		for i := range *old {
			for n := (*old)[i].Load(); n != nil; n = n.next.Load() {
				b.push(&node[K, V]{key: n.key, hash: n.hash, value: n.value})
			}
		}
	}
	s.buckets.Store(&b)
	return &b
}

// All yields the keys and what belongs to them, in no particular order. The caller
// has the lock.
func (x *Index[K, V]) All() iter.Seq2[K, *V] {
	return func(yield func(K, *V) bool) {
		for i := range x.shards {
			b := x.shards[i].buckets.Load()
			if b == nil {
				continue
			}
			for i := range *b {
				for n := (*b)[i].Load(); n != nil; n = n.next.Load() {
					if !yield(n.key, n.value) {
						return
					}
				}
			}
		}
	}
}
