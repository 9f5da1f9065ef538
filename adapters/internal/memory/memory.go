package memory

import (
	"container/list"
	"sync"
)

// size is how many hosts are remembered. One that is forgotten costs no more than a
// first dial alone, where several could have begun at once.
const size = 4096

// A Memory knows how many requests a connection to a host can carry at once, from
// the last connection there was. It outlives the host's connections, and the
// host's place in the pool.
type Memory[H comparable] struct {
	initial int

	mu struct {
		sync.Mutex
		entries map[H]*list.Element // of *entry
		recent  list.List           // front: the most recent
		last    map[H]int           // requests that wait; see Last
	}
}

type entry[H comparable] struct {
	host    H
	http2   bool
	heard   bool // what streams says comes from the server, and is no guess
	streams int  // 1 for HTTP/1
}

// New returns a Memory that expects initial streams of a connection of HTTP/2.
func New[H comparable](initial int) *Memory[H] {
	m := &Memory[H]{initial: initial}
	m.mu.entries, m.mu.last = make(map[H]*list.Element), make(map[H]int)
	return m
}

// Streams returns what is known of the host, or what to expect of a host not met
// yet: HTTP/2, since the mistake costs an HTTP/1 host the length of one dial, and
// the opposite mistake an HTTP/2 host a connection per request.
func (m *Memory[H]) Streams(h H) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	e, ok := m.mu.entries[h]
	if !ok {
		return m.initial
	}
	m.mu.recent.MoveToFront(e)
	return e.Value.(*entry[H]).streams
}

// LearnHTTP1 notes that the host speaks HTTP/1.
func (m *Memory[H]) LearnHTTP1(h H) {
	m.update(h, func(e *entry[H]) { e.http2, e.heard, e.streams = false, false, 1 })
}

// LearnHTTP2 notes that the host speaks HTTP/2, from a connection that has not yet
// heard how many streams it may have. What an earlier one heard is kept.
func (m *Memory[H]) LearnHTTP2(h H) {
	m.update(h, func(e *entry[H]) {
		if !e.http2 {
			e.http2, e.streams = true, m.initial
		}
	})
}

// LearnStreams notes how many streams a server of HTTP/2 allows at once. If sure is false that
// is a guess, which stands until the server is heard.
func (m *Memory[H]) LearnStreams(h H, n int, sure bool) {
	m.update(h, func(e *entry[H]) {
		if sure || !e.heard {
			e.http2, e.heard, e.streams = true, sure, n
		}
	})
}

// Last adds n, which may be below 0, to the number of requests to the host that wait, and
// after which their connection takes no more.
func (m *Memory[H]) Last(h H, n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.mu.last[h] += n; m.mu.last[h] == 0 {
		delete(m.mu.last, h)
	}
}

// PerDial returns how many requests a dial brings room for, if a connection may carry most at
// once (0: as many as the server allows): each of the last ones ends a connection. waiting says
// how many wait in all.
func (m *Memory[H]) PerDial(h H, most int, waiting func() int) int {
	streams := m.Streams(h)
	if most > 0 {
		streams = min(streams, most)
	}
	m.mu.Lock()
	last := m.mu.last[h]
	m.mu.Unlock()
	if last == 0 || streams <= 1 {
		return streams
	}
	n := waiting() + 1 // who asks does not wait yet
	dials := last
	if others := n - last; others > 0 {
		dials += (others-1)/streams + 1
	}
	return min(streams, max(1, n/dials))
}

// update changes the entry of h, which becomes the most recent.
func (m *Memory[H]) update(h H, f func(*entry[H])) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if e, ok := m.mu.entries[h]; ok {
		f(e.Value.(*entry[H]))
		m.mu.recent.MoveToFront(e)
		return
	}
	e := &entry[H]{host: h}
	f(e)
	m.mu.entries[h] = m.mu.recent.PushFront(e)
	if m.mu.recent.Len() > size {
		oldest := m.mu.recent.Remove(m.mu.recent.Back()).(*entry[H])
		delete(m.mu.entries, oldest.host)
	}
}
