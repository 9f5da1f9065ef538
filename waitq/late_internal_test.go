package waitq

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// sorted are the nodes of a list as they must be.
type sorted struct {
	list  list[int]
	nodes []*node[int]
}

func (s *sorted) insert(place uint64) *node[int] {
	n := &node[int]{Entry: Entry{Place: place}}
	at, _ := slices.BinarySearchFunc(s.nodes, place, func(n *node[int], place uint64) int {
		if n.Place <= place {
			return -1
		}
		return 1
	})
	s.nodes = slices.Insert(s.nodes, at, n)
	s.list.insert(n)
	return n
}

func (s *sorted) unlink(at int) {
	n := s.nodes[at]
	s.nodes = slices.Delete(s.nodes, at, at+1)
	s.list.unlink(n)
	s.list.unlink(n) // does nothing
}

// check looks at all that a list promises between two calls.
func (s *sorted) check(t *testing.T) {
	t.Helper()
	var there, back []*node[int]
	for n := s.list.head; n != nil; n = n.next {
		there = append(there, n)
	}
	for n := s.list.tail; n != nil; n = n.prev {
		back = append(back, n)
	}
	slices.Reverse(back)
	require.True(t, slices.Equal(s.nodes, there), "in order, from the front")
	require.True(t, slices.Equal(s.nodes, back), "in order, from the back")
	for i, n := range s.nodes {
		if i > 0 {
			require.True(t, n.late == late[int]{}, "only the head knows the late ones")
			continue
		}
		for _, known := range n.late {
			require.True(t, known == nil || known.linked, "what is known is in the list")
		}
	}
}

// Whatever comes late and leaves, the order is right, and nothing is known of nodes that
// have left.
func TestListStaysSorted(t *testing.T) {
	for seed := range uint64(20) {
		rng := rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // the same numbers each time
		var s sorted
		streams := []uint64{1000, 2000, 3000, 4000}
		for range 700 {
			switch {
			case len(s.nodes) > 0 && rng.IntN(5) == 0:
				s.unlink(0)
			case len(s.nodes) > 0 && rng.IntN(5) == 0:
				s.unlink(rng.IntN(len(s.nodes)))
			case rng.IntN(8) == 0:
				s.insert(rng.Uint64N(5000))
			default:
				i := rng.IntN(len(streams))
				streams[i] += rng.Uint64N(3)
				s.insert(streams[i])
			}
			s.check(t)
		}
		for len(s.nodes) > 0 {
			s.unlink(rng.IntN(len(s.nodes)))
			s.check(t)
		}
	}
}

// In a long queue, those who come late in a few places find theirs next to the one that
// came there last, whatever comes between.
func TestWhoComesLateIsNextToTheOneBefore(t *testing.T) {
	var s sorted
	for place := range uint64(2000) {
		s.insert(10 * place)
	}
	streams := []uint64{1005, 8005, 15005}
	last := make([]*node[int], len(streams))
	for i := range streams {
		last[i] = s.insert(streams[i])
	}
	back := uint64(20_000)
	rng := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // the same numbers each time
	for range 3000 {
		switch i := rng.IntN(2 * len(streams)); {
		case i < len(streams):
			require.True(t, slices.Contains(s.list.head.late[:], last[i]), "stream %d", i)
			streams[i] += rng.Uint64N(2)
			last[i] = s.insert(streams[i])
			require.True(t, s.list.head.late[0] == last[i])
		case rng.IntN(2) == 0:
			back += 2
			s.insert(back)
		default:
			s.insert(back - 3) // late, but near the back
		}
	}
	s.check(t)
	assert.Len(t, s.nodes, 2000+len(streams)+3000)
}

// A place that nobody has come to for long gives way to another one.
func TestOfFourPlacesTheOldestIsForgotten(t *testing.T) {
	var s sorted
	for place := range uint64(1000) {
		s.insert(10 * place)
	}
	a, b, c := s.insert(1005), s.insert(3005), s.insert(5005)
	known := func(want ...*node[int]) { // equality of nodes is long to print
		t.Helper()
		require.True(t, slices.Equal(want, s.list.head.late[:]))
	}
	known(c, b, a)
	a2 := s.insert(1006)
	known(a2, c, b)
	d := s.insert(7005)
	known(d, a2, c)
	c2 := s.insert(5004) // found from behind
	known(c2, d, a2)
	before := d.prev
	s.list.unlink(d)
	known(c2, before, a2)
	s.insert(0) // near the front
	s.insert(9980)
	known(c2, before, a2)
	first := &node[int]{} // in front of all
	s.list.link(first, nil)
	known(c2, before, a2)
	s.list.unlink(first)
	known(c2, before, a2)
	c3 := s.insert(4995) // of two that it could be found from, the nearer one
	known(c3, before, a2)
}
