package memory

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
)

const initial = 100

func TestMemoryForgetsTheLeastRecentHost(t *testing.T) {
	m := New[string](initial)
	host := strconv.Itoa
	for i := range size {
		m.LearnHTTP1(host(i))
	}
	assert.Equal(t, 1, m.Streams(host(0))) // now the most recent
	m.LearnHTTP1(host(size))
	assert.Equal(t, 1, m.Streams(host(0)))
	assert.Equal(t, initial, m.Streams(host(1)), "forgotten, so as if never met")
	assert.Equal(t, 1, m.Streams(host(2)))
	assert.Len(t, m.mu.entries, size)
	assert.Equal(t, size, m.mu.recent.Len())
}

func TestMemoryKeepsWhatTheServerSaidBeforeANewConnectionHasHeard(t *testing.T) {
	m := New[string](initial)
	const h = "a"
	m.LearnHTTP1(h)
	m.LearnHTTP2(h)
	assert.Equal(t, initial, m.Streams(h), "it spoke HTTP/1 and now HTTP/2")
	for _, n := range []int{250, 1} {
		m.LearnStreams(h, n, true)
		m.LearnHTTP2(h)
		assert.Equal(t, n, m.Streams(h))
	}
}

func TestMemoryTakesAGuessUntilItHasHeardTheServer(t *testing.T) {
	m := New[string](initial)
	const h = "a"
	for _, n := range []int{1, 3} {
		m.LearnStreams(h, n, false)
		assert.Equal(t, n, m.Streams(h))
	}
	m.LearnStreams(h, 250, true)
	m.LearnStreams(h, 1, false)
	assert.Equal(t, 250, m.Streams(h))
	m.LearnHTTP1(h)
	m.LearnHTTP2(h)
	m.LearnStreams(h, 1, false)
	assert.Equal(t, 1, m.Streams(h), "it is another server now")
}
