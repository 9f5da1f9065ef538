package pool

import (
	"cmp"
	"slices"

	"github.com/berth-go/berth/waitq"
)

// choosy counts the waiters who want a fresh resource, so that nobody has to look through the
// queue for them at each change. One whose context has ended is counted until it has come for
// the lock: there may be fewer than this says, never more.
type choosy struct {
	groups []group // by first; none is empty
	others int     // waiters who take any resource; there may be fewer than this too

	// worst is as much as unmet of any of them can be, if a dial is expected to bring perDial:
	// while that is no more than for those who take any, nobody has to look at the groups.
	worst, perDial int

	// brought is the largest number of a dial that has brought something; there may be none
	// that large. Nothing that is open is of any use to those who want a later one, and
	// nobody has to look through all of it for them.
	brought uint64
}

// keptGroups is for how many groups memory is kept while there is none.
const keptGroups = 16

// group are those with the same first dial that will do.
type group struct {
	first   uint64
	waiters int
	dials   int // in flight, that will do for these and not for those of the next group
	unmet   int // see unmetGroupsLocked
}

// noteQueuesLocked counts a caller who is about to queue. Where all take any resource nobody
// is counted.
func (a *attempt[R]) noteQueuesLocked() {
	p := a.p
	if !a.fresh {
		if p.anyChoosyLocked() {
			p.mu.choosy.others++
		}
		return
	}
	p.ownLocked()
	c := &p.mu.choosy
	if !p.anyChoosyLocked() {
		c.others, c.brought = p.waiters.Len(), p.mu.dialNumber
		c.worst, c.perDial = 0, p.sharedLocked()
	}
	c.worst = max(c.worst+1, 1)
	i, found := c.find(a.firstDial)
	if !found {
		c.groups = slices.Insert(c.groups, i, group{first: a.firstDial})
		p.parcelDialsLocked(i)
	}
	c.groups[i].waiters++
}

// parcelDialsLocked counts the dials in flight for a group that is new, and no longer for the
// one before it. Mostly there is none: it is the last group.
func (p *Pool[R]) parcelDialsLocked(i int) {
	groups := p.mu.choosy.groups
	for d := range p.mu.dials.Backward() {
		switch {
		case d.slot.number < groups[i].first:
			return
		case i+1 == len(groups) || d.slot.number < groups[i+1].first:
			groups[i].dials++
			if i > 0 {
				groups[i-1].dials--
			}
		}
	}
}

// noteFliesLocked counts a dial that is in flight from now on, and so will do for all of them,
// or with -1 one that is no longer.
func (p *Pool[R]) noteFliesLocked(number uint64, n int) {
	c := &p.mu.choosy
	i, found := c.find(number)
	if !found {
		i--
	}
	if i < 0 {
		return // it would have done for none of them
	}
	c.groups[i].dials += n
	c.worst -= n * c.perDial
}

// noteLeftLocked takes a caller out of the counts who has left the queue on its own.
func (a *attempt[R]) noteLeftLocked() {
	if a.fresh {
		a.p.noteFewerLocked(a.firstDial)
	}
}

// noteBroughtLocked notes that the dial with that number has brought something.
func (p *Pool[R]) noteBroughtLocked(number uint64) {
	if p.anyChoosyLocked() {
		p.mu.choosy.brought = max(p.mu.choosy.brought, number)
	}
}

// broughtSinceLocked reports whether what is open may be of use to one for whom first is the
// first dial that will do.
func (p *Pool[R]) broughtSinceLocked(first uint64) bool {
	return first <= p.mu.dialNumber && (!p.anyChoosyLocked() || first <= p.mu.choosy.brought)
}

// anyUseLocked reports whether what is open may be of use to anybody who waits.
func (p *Pool[R]) anyUseLocked() bool {
	c := &p.mu.choosy
	return !p.anyChoosyLocked() || c.others > 0 || p.broughtSinceLocked(c.groups[0].first)
}

// noteServedLocked takes one out of the counts whose wait somebody else has ended.
func (p *Pool[R]) noteServedLocked(e waitq.Entry) {
	if !p.anyChoosyLocked() {
		return
	}
	if first := freshOf(e); first > 0 {
		p.noteFewerLocked(first)
	} else {
		p.mu.choosy.others--
	}
}

// noteFewerLocked takes one out of the counts who wanted a fresh resource.
func (p *Pool[R]) noteFewerLocked(first uint64) {
	c := &p.mu.choosy
	i, _ := c.find(first)
	if c.groups[i].waiters--; c.groups[i].waiters > 0 {
		return
	}
	if i > 0 {
		c.groups[i-1].dials += c.groups[i].dials
	}
	c.groups = slices.Delete(c.groups, i, i+1)
	if len(c.groups) == 0 && cap(c.groups) > keptGroups {
		c.groups = nil
	}
}

// anyChoosyLocked reports whether somebody wants a fresh resource.
func (p *Pool[R]) anyChoosyLocked() bool { return len(p.mu.choosy.groups) > 0 }

// newest returns the largest first dial that will do for one of them. There must be one.
func (c *choosy) newest() uint64 { return c.groups[len(c.groups)-1].first }

func (c *choosy) find(first uint64) (i int, found bool) {
	return slices.BinarySearchFunc(c.groups, first, func(g group, first uint64) int { return cmp.Compare(g.first, first) })
}

// oldestForLocked returns the oldest waiter that can use s: all but those who
// want a fresh resource and came after its dial began.
func (p *Pool[R]) oldestForLocked(s *slot[R]) (to waitq.Entry, ok bool) {
	c := &p.mu.choosy
	if p.anyChoosyLocked() && c.others == 0 && s.number < c.groups[0].first {
		return waitq.Entry{}, false
	}
	p.waiters.Each(func(e waitq.Entry) bool {
		if s.number >= freshOf(e) {
			to, ok = e, true
		}
		return !ok
	})
	if !ok && p.anyChoosyLocked() {
		c.others = 0 // those who were counted are gone
	}
	return to, ok
}
