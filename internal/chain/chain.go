// Package chain keeps things in an order of age, with no search to take one out:
// the links are fields of the things themselves, so a list allocates nothing.
package chain

import "iter"

// A List holds things from the oldest to the newest. The zero List is empty and
// ready. It has no lock of its own.
type List[T any] struct {
	oldest, newest *Link[T]
	n              int
}

// A Link is the place of one thing in one List. The zero Link is in none.
type Link[T any] struct {
	of           *T // nil: not in a list
	older, newer *Link[T]
}

// Len returns how many things the list holds.
func (l *List[T]) Len() int { return l.n }

// Oldest returns the oldest thing, or nil if there is none.
func (l *List[T]) Oldest() *T { return l.oldest.thing() }

// Newest returns the newest thing, or nil if there is none.
func (l *List[T]) Newest() *T { return l.newest.thing() }

// Push adds v, whose link k is, as the newest.
func (l *List[T]) Push(k *Link[T], v *T) { l.Insert(k, v, l.newest) }

// Insert adds v, whose link k is, next to older on its newer side. A nil older
// makes it the oldest. A link that is in a list already stays where it is.
func (l *List[T]) Insert(k *Link[T], v *T, older *Link[T]) {
	if k.of != nil {
		return
	}
	k.of, k.older = v, older
	if older != nil {
		k.newer, older.newer = older.newer, k
	} else {
		k.newer, l.oldest = l.oldest, k
	}
	if k.newer != nil {
		k.newer.older = k
	} else {
		l.newest = k
	}
	l.n++
}

// Remove takes the thing with the link k out. A link that is in no list is left
// as it is.
func (l *List[T]) Remove(k *Link[T]) {
	if k.of == nil {
		return
	}
	if k.newer != nil {
		k.newer.older = k.older
	} else {
		l.newest = k.older
	}
	if k.older != nil {
		k.older.newer = k.newer
	} else {
		l.oldest = k.newer
	}
	*k = Link[T]{}
	l.n--
}

// All yields the things, oldest first. The one it has yielded last may be taken
// out meanwhile, and no other.
func (l *List[T]) All() iter.Seq[*T] {
	return func(yield func(*T) bool) {
		for k := l.oldest; k != nil; {
			v, then := k.of, k.newer
			if !yield(v) {
				return
			}
			k = then
		}
	}
}

// Backward yields the things, newest first, as [List.All] does.
func (l *List[T]) Backward() iter.Seq[*T] {
	return func(yield func(*T) bool) {
		for k := l.newest; k != nil; {
			v, then := k.of, k.older
			if !yield(v) {
				return
			}
			k = then
		}
	}
}

// In reports whether the link is in a list.
func (k *Link[T]) In() bool { return k.of != nil }

// Newer returns the next newer thing, or nil if this is the newest.
func (k *Link[T]) Newer() *T { return k.newer.thing() }

// Older returns the next older thing, or nil if this is the oldest.
func (k *Link[T]) Older() *T { return k.older.thing() }

func (k *Link[T]) thing() *T {
	if k == nil {
		return nil
	}
	return k.of
}
