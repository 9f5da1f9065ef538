package waitq

// late are nodes of a list that came late, the last one first: their places were neither
// at the back of it nor at the front. They are where to look for the place of the next
// one. A crowd of callers has its places and then stands at a lock; those who sleep there
// come one after the other, each belongs next to the one before, and between them come
// those who did not sleep. So there are a few places at a time where nodes are inserted,
// which all move on slowly, however long the queue is.
//
// The head of a list has them, so that an empty queue keeps nothing for them.
type late[T any] [3]*node[T]

// near is how many steps are too few to remember where they led.
const near = 8

// insertLate is insert for a node whose place is not at the back. It searches from the
// nearest nodes that it knows, in front of the place and behind it, at once.
func (l *list[T]) insertLate(n *node[T]) {
	if l.head.Place > n.Place {
		l.link(n, nil)
		return
	}
	older, newer := l.head, l.tail // the place is between them
	from, back := len(l.head.late), len(l.head.late)
	for i, known := range l.head.late {
		switch {
		case known == nil:
		case known.Place > n.Place && known.Place < newer.Place:
			newer, back = known, i
		case known.Place <= n.Place && known.Place >= older.Place:
			older, from = known, i
		}
	}
	steps := 0
	for older.next.Place <= n.Place && newer.prev.Place > n.Place {
		older, newer = older.next, newer.prev
		steps++
	}
	if older.next.Place <= n.Place { // it was found from behind
		older, from = newer.prev, back
	}
	l.link(n, older)
	switch {
	case steps > near:
		l.head.late.note(n, len(l.head.late)-1)
	case from < len(l.head.late):
		l.head.late.note(n, from)
	}
}

// note puts n first, in the place of the one with index i: the one that led to it, or the
// one that has led nowhere for longest.
func (k *late[T]) note(n *node[T], i int) {
	copy(k[1:i+1], k[:i])
	k[0] = n
}

// forget is called before n is unlinked. The one in front of it is as good.
func (k *late[T]) forget(n *node[T]) {
	for i, known := range k {
		if known == n {
			k[i] = n.prev
		}
	}
}

// takeLate makes n, which may be nil, the head in the place of another one.
func (n *node[T]) takeLate(old *node[T]) {
	if n != nil && old != nil {
		n.late, old.late = old.late, late[T]{}
	}
}
