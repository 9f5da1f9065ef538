package keyed_test

import "slices"

// rules is what a keyed pool of exclusive resources has to do, written down
// without locks, goroutines or time: after each event it serves the oldest waiter
// that can be served, until there is none. Dials and Close funcs take no time.
type rules struct {
	perKey map[string]int // caps. 0: none
	total  int
	idleOf int // MaxIdlePerKey
	idles  int // MaxIdle

	open    map[string]int
	idle    []*unit // least recently used first
	waiting []*want // oldest first
	dials   int
	closes  int
}

// unit is a resource.
type unit struct {
	key   string
	thing *thing // that the pool made at this place; nil: not seen yet
}

// want is a call: it waits until it has a unit.
type want struct {
	key string
	got *unit
}

func (m *rules) acquire(key string) *want {
	w := &want{key: key}
	m.waiting = append(m.waiting, w)
	m.settle()
	return w
}

func (m *rules) tryAcquire(key string) *unit {
	for _, w := range m.waiting {
		if w.key == key {
			return nil
		}
	}
	return m.takeIdle(key)
}

func (m *rules) leave(w *want) {
	m.waiting = slices.DeleteFunc(m.waiting, func(o *want) bool { return o == w })
	m.settle()
}

func (m *rules) release(u *unit) {
	m.idle = append(m.idle, u)
	m.settle()
}

// end is Discard and Hijack.
func (m *rules) end(u *unit) {
	m.open[u.key]--
	m.closes++
	m.settle()
}

func (m *rules) closeIdle(of func(*unit) bool) {
	for _, u := range slices.Clone(m.idle) {
		if of(u) {
			m.drop(u)
		}
	}
	m.settle()
}

func (m *rules) settle() {
	m.shrink()
	for m.serveOne() {
	}
	m.trim()
}

// serveOne serves the oldest waiter for whom there is a resource of its key, a
// free slot, or an idle resource of another key to make room.
func (m *rules) serveOne() bool {
	for i, w := range m.waiting {
		u := m.takeIdle(w.key)
		if u == nil && m.makeRoom(w.key) {
			m.dials++
			m.open[w.key]++
			u = &unit{key: w.key}
		}
		if u != nil {
			w.got = u
			m.waiting = slices.Delete(m.waiting, i, i+1)
			return true
		}
	}
	return false
}

func (m *rules) makeRoom(key string) bool {
	if limit := m.perKey[key]; limit > 0 && m.open[key] >= limit {
		return false
	}
	if m.total > 0 && m.sum() >= m.total {
		if m.sum() > m.total || len(m.idle) == 0 {
			return false
		}
		m.drop(m.idle[0])
	}
	return true
}

// takeIdle takes the most recently used resource of the key.
func (m *rules) takeIdle(key string) *unit {
	for i, u := range slices.Backward(m.idle) {
		if u.key == key {
			m.idle = slices.Delete(m.idle, i, i+1)
			return u
		}
	}
	return nil
}

func (m *rules) drop(u *unit) {
	m.idle = slices.DeleteFunc(m.idle, func(o *unit) bool { return o == u })
	m.open[u.key]--
	m.closes++
}

// shrink closes what is idle and beyond a cap.
func (m *rules) shrink() {
	for _, u := range slices.Clone(m.idle) {
		if limit := m.perKey[u.key]; limit > 0 && m.open[u.key] > limit {
			m.drop(u)
		}
	}
	for m.total > 0 && m.sum() > m.total && len(m.idle) > 0 {
		m.drop(m.idle[0])
	}
}

// trim closes what may not stay idle.
func (m *rules) trim() {
	for key := range m.open {
		for m.idleOf > 0 && m.countIdle(key) > m.idleOf {
			m.drop(m.idle[slices.IndexFunc(m.idle, func(u *unit) bool { return u.key == key })])
		}
	}
	for m.idles > 0 && len(m.idle) > m.idles {
		m.drop(m.idle[0])
	}
}

func (m *rules) countIdle(key string) int {
	n := 0
	for _, u := range m.idle {
		if u.key == key {
			n++
		}
	}
	return n
}

func (m *rules) sum() int {
	n := 0
	for _, k := range m.open {
		n += k
	}
	return n
}
