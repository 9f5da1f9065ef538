package memory

import (
	"math"
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
	m.LearnStreams("b", 3, true)
	m.LearnHTTP2("b")
	assert.Equal(t, 3, m.Streams("b"), "it has not been met in another way")
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

func TestLastRequestsHaveADialEachAndTheOthersTheirShare(t *testing.T) {
	const h = "a"
	for _, tt := range []struct{ last, waiting, streams, want int }{
		{0, 49, 100, 100},
		{0, 49, math.MaxInt, math.MaxInt},
		{1, 0, 100, 1},
		{1, 1, 100, 1}, // two dials, so that the other one has its own
		{1, 49, 100, 25},
		{1, 49, math.MaxInt, 25},
		{1, 100, 100, 50},
		{1, 101, 100, 34},
		{1, 999, 100, 90},
		{1, 999, 2, 1},
		{20, 19, 100, 1},
		{20, 0, 100, 1}, // they are about to wait
		{10, 99, 100, 9},
		{1, 49, 3, 2},
		{1, 999, 1, 1},
		{5, 99, 0, 0},
	} {
		m := New[string](initial)
		m.Last("b", 7)
		m.Last(h, tt.last)
		asked := 0
		m.LearnStreams(h, tt.streams, true)
		got := m.PerDial(h, 0, func() int { asked++; return tt.waiting })
		assert.Equal(t, tt.want, got, "%+v", tt)
		if tt.last == 0 || tt.streams <= 1 {
			assert.Zero(t, asked, "%+v", tt)
		}
		m.Last(h, -tt.last)
		assert.Equal(t, tt.streams, m.PerDial(h, 0, nil), "nobody waits any more")
		assert.Equal(t, min(tt.streams, 2), m.PerDial(h, 2, nil), "a connection may carry no more")
		m.Last("b", -7)
		assert.Empty(t, m.mu.last)
	}
}
