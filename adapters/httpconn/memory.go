package httpconn

import (
	"container/list"
	"sync"

	"github.com/berth-go/berth/adapters/h2"
)

// memorySize is how many hosts are remembered. One that is forgotten costs no
// more than a first dial alone, where several could have begun at once.
const memorySize = 4096

// memory knows how many requests a connection to a host can carry at once, from
// the last connection there was. It outlives the host's connections, and the
// host's place in the pool.
type memory struct {
	mu struct {
		sync.Mutex
		entries map[Host]*list.Element // of *memoryEntry
		recent  list.List              // front: the most recent
	}
}

type memoryEntry struct {
	host    Host
	http2   bool
	streams int // 1 for HTTP/1
}

func newMemory() *memory {
	m := &memory{}
	m.mu.entries = make(map[Host]*list.Element)
	return m
}

// streams returns what is known of the host, or what to expect of a host not met
// yet: HTTP/2, since the mistake costs an HTTP/1 host the length of one dial, and
// the opposite mistake an HTTP/2 host a connection per request.
func (m *memory) streams(h Host) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	e, ok := m.mu.entries[h]
	if !ok {
		return h2.InitialStreams
	}
	m.mu.recent.MoveToFront(e)
	return e.Value.(*memoryEntry).streams
}

// learnHTTP1 notes that the host speaks HTTP/1.
func (m *memory) learnHTTP1(h Host) {
	m.update(h, func(e *memoryEntry) { e.http2, e.streams = false, 1 })
}

// learnHTTP2 notes that the host speaks HTTP/2, from a connection that has not yet
// heard how many streams it may have. What an earlier one heard is kept.
func (m *memory) learnHTTP2(h Host) {
	m.update(h, func(e *memoryEntry) {
		if !e.http2 {
			e.http2, e.streams = true, h2.InitialStreams
		}
	})
}

// learnStreams notes how many streams a server of HTTP/2 allows at once.
func (m *memory) learnStreams(h Host, n int) {
	m.update(h, func(e *memoryEntry) { e.http2, e.streams = true, n })
}

// update changes the entry of h, which becomes the most recent.
func (m *memory) update(h Host, f func(*memoryEntry)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if e, ok := m.mu.entries[h]; ok {
		f(e.Value.(*memoryEntry))
		m.mu.recent.MoveToFront(e)
		return
	}
	e := &memoryEntry{host: h}
	f(e)
	m.mu.entries[h] = m.mu.recent.PushFront(e)
	if m.mu.recent.Len() > memorySize {
		oldest := m.mu.recent.Remove(m.mu.recent.Back()).(*memoryEntry)
		delete(m.mu.entries, oldest.host)
	}
}
