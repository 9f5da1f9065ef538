package pool

import (
	"cmp"
	"math"
	"slices"
)

// unmetGroupsLocked returns the groups of the waiters who want a fresh resource, those with the
// smallest first before the others, and notes of each how many of its waiters and those behind
// it nothing is on its way to. It counts the dials in flight if so many are not canceled, and
// no dial if that is 0. It returns none where nobody is worse off than those who take any.
//
// There may be as many groups as there are dials, and many a change of the pool looks at all: so
// one pass over the groups must do, which know how many dials there are for each.
func (p *Pool[R]) unmetGroupsLocked(flying int) []group {
	c, expected := &p.mu.choosy, 0 // of a dial
	if flying > 0 {
		expected = p.sharedLocked()
	}
	if !p.anyChoosyLocked() || p.anyWillDoLocked(flying) || c.perDial == expected && c.worst <= p.unmetByAnyLocked(flying) {
		return nil
	}
	worst := math.MinInt
	all, promises, waiters, leases, promised := c.groups, p.promisesLocked(), 0, 0, 0
	waiting := p.waiters.Len()
	for i := len(all) - 1; i >= 0; i-- {
		g := &all[i]
		leases += g.dials * expected
		for len(promises) > 0 && promises[len(promises)-1].number >= g.first {
			promised += promises[len(promises)-1].leases
			promises = promises[:len(promises)-1]
		}
		waiters += g.waiters
		g.unmet = min(waiters, waiting) - leases - promised
		worst = max(worst, waiters-leases)
	}
	if flying > 0 {
		c.worst, c.perDial = worst, expected
	}
	return all
}

// anyWillDoLocked reports whether what is on its way will do for all who wait, as when
// nothing is: then nobody is worse off than the others.
func (p *Pool[R]) anyWillDoLocked(flying int) bool {
	return p.mu.promised == 0 && (flying == 0 || p.mu.dials.Oldest().slot.number >= p.mu.choosy.newest())
}

// promise is what a resource is about to have room for.
type promise struct {
	number uint64 // of its dial
	leases int
}

// promisesLocked returns the promises in the order of the dials.
func (p *Pool[R]) promisesLocked() []promise {
	var all []promise
	p.promisingLocked(func(s *slot[R], n int) { all = append(all, promise{s.number, n}) })
	slices.SortFunc(all, func(a, b promise) int { return cmp.Compare(a.number, b.number) })
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
