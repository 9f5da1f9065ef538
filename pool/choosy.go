package pool

import (
	"cmp"
	"iter"
	"slices"

	"github.com/berth-go/berth/waitq"
)

// choosy are the waiters who can use only what comes of the dial with number first, or of a
// later one: they have asked for a fresh resource. There may be as many of them as there are
// dials, and each change of the pool looks at all: so one pass over each must do.
type choosy struct {
	first uint64
	unmet int // how many of those with this first or a later one nothing is on its way to
}

// choosyLocked returns the choosy waiters, in the order of first, with these dials in flight,
// the oldest first.
func (p *Pool[R]) choosyLocked(dials iter.Seq[*dial[R]]) []choosy {
	if p.mu.fresh == 0 {
		return nil
	}
	all := make([]choosy, 0, p.mu.fresh)
	p.waiters.Each(func(e waitq.Entry) bool {
		if first := freshOf(e); first > 0 {
			all = append(all, choosy{first: first})
		}
		return true
	})
	slices.SortFunc(all, func(a, b choosy) int { return cmp.Compare(a.first, b.first) })
	coming := p.comingSinceLocked(dials)
	for i, n := len(all)-1, 0; i >= 0; i-- {
		for len(coming) > 0 && coming[len(coming)-1].number >= all[i].first {
			n -= coming[len(coming)-1].leases
			coming = coming[:len(coming)-1]
		}
		all[i].unmet = len(all) - i + n
	}
	return all
}

// coming is what a dial brings, or has brought and is about to have room for.
type coming struct {
	number uint64 // of the dial
	leases int
}

// comingSinceLocked returns what is on its way, in the order of the dials.
func (p *Pool[R]) comingSinceLocked(dials iter.Seq[*dial[R]]) []coming {
	var all []coming
	for d := range dials {
		if !d.canceled {
			all = append(all, coming{d.slot.number, p.sharedLocked()})
		}
	}
	sorted := len(all)
	p.promisingLocked(func(s *slot[R], n int) { all = append(all, coming{s.number, n}) })
	if len(all) > sorted {
		slices.SortFunc(all, func(a, b coming) int { return cmp.Compare(a.number, b.number) })
	}
	return all
}

// promisedSinceLocked returns for how many waiters the resources that are there are about
// to have room whose dials were the first or later ones.
func (p *Pool[R]) promisedSinceLocked(first uint64) (n int) {
	p.promisingLocked(func(s *slot[R], promised int) {
		if s.number >= first {
			n += promised
		}
	})
	return n
}

// promisingLocked calls f with each resource that is about to have room for so many leases.
func (p *Pool[R]) promisingLocked(f func(s *slot[R], n int)) {
	if p.mu.promised == 0 {
		return
	}
	for s := range p.mu.shares.All() {
		if n := s.promises(); n > 0 {
			f(s, n)
		}
	}
	for s := range p.openingLocked() {
		if n := s.promises(); n > 0 && s.share == nil { // the others are among the shares
			f(s, n)
		}
	}
}
