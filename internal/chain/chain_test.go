package chain_test

import (
	"slices"
	"testing"

	"github.com/berth-go/berth/internal/chain"
	"github.com/stretchr/testify/assert"
)

type thing struct {
	name string
	link chain.Link[thing]
}

func names(l *chain.List[thing]) string {
	s := ""
	for v := range l.All() {
		s += v.name
	}
	return s
}

func TestListKeepsOrder(t *testing.T) {
	var l chain.List[thing]
	assert.Nil(t, l.Oldest())
	assert.Nil(t, l.Newest())
	a, b, c, d := &thing{name: "a"}, &thing{name: "b"}, &thing{name: "c"}, &thing{name: "d"}
	l.Push(&b.link, b)
	l.Push(&d.link, d)
	l.Insert(&a.link, a, nil)
	l.Insert(&c.link, c, &b.link)
	assert.Equal(t, "abcd", names(&l))
	assert.Equal(t, 4, l.Len())
	assert.Equal(t, a, l.Oldest())
	assert.Equal(t, d, l.Newest())
	assert.Equal(t, b, a.link.Newer())
	assert.Equal(t, c, d.link.Older())
	assert.Nil(t, d.link.Newer())

	back := ""
	for v := range l.Backward() {
		back += v.name
	}
	assert.Equal(t, "dcba", back)
}

func TestThingTwiceInListStays(t *testing.T) {
	var l chain.List[thing]
	a, b := &thing{name: "a"}, &thing{name: "b"}
	l.Push(&a.link, a)
	l.Push(&b.link, b)
	l.Push(&a.link, a)
	assert.Equal(t, "ab", names(&l))
	assert.Equal(t, 2, l.Len())
}

func TestRemoveFromEachPlace(t *testing.T) {
	for _, gone := range []string{"a", "b", "c", "abc", "cba", "bac"} {
		var l chain.List[thing]
		things := map[rune]*thing{}
		left := []rune("abc")
		for _, r := range left {
			v := &thing{name: string(r)}
			things[r] = v
			l.Push(&v.link, v)
		}
		for _, r := range gone {
			l.Remove(&things[r].link)
			l.Remove(&things[r].link) // nothing
			assert.False(t, things[r].link.In())
			left = slices.DeleteFunc(left, func(o rune) bool { return o == r })
			assert.Equal(t, string(left), names(&l), "without %s", gone)
			assert.Equal(t, len(left), l.Len())
		}
	}
}

func TestYieldedThingMayBeTakenOut(t *testing.T) {
	var l chain.List[thing]
	for _, n := range []string{"a", "b", "c"} {
		v := &thing{name: n}
		l.Push(&v.link, v)
	}
	for v := range l.All() {
		l.Remove(&v.link)
		if v.name == "b" {
			break
		}
	}
	assert.Equal(t, "c", names(&l))
}
