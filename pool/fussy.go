package pool

import (
	"cmp"
	"slices"

	"github.com/berth-go/berth/waitq"
)

// fussy counts the waiters who want a fresh resource, so that nobody has to look through the
// queue for them at each change. One whose context has ended is counted until it has come for
// the lock: there may be fewer than this says, never more.
type fussy struct {
	groups []group // by first; none is empty
	others int     // waiters who take any resource; there may be fewer than this too
}

// group are those with the same first dial that will do.
type group struct {
	first   uint64
	waiters int
	unmet   int // see choosyLocked
}

// noteQueuesLocked counts a caller who is about to queue. Where all take any resource nobody
// is counted.
func (a *attempt[R]) noteQueuesLocked() {
	p := a.p
	if !a.fresh {
		if p.mu.fresh > 0 {
			p.mu.fussy.others++
		}
		return
	}
	p.ownLocked()
	f := &p.mu.fussy
	if p.mu.fresh == 0 {
		f.others = p.waiters.Len()
	}
	p.mu.fresh++
	i, found := f.find(a.firstDial)
	if !found {
		f.groups = slices.Insert(f.groups, i, group{first: a.firstDial})
	}
	f.groups[i].waiters++
}

// noteLeftLocked takes a caller out of the counts who has left the queue on its own.
func (a *attempt[R]) noteLeftLocked() {
	if a.fresh {
		a.p.noteFewerLocked(a.firstDial)
	}
}

// noteServedLocked takes one out of the counts whose wait somebody else has ended.
func (p *Pool[R]) noteServedLocked(e waitq.Entry) {
	if p.mu.fresh == 0 {
		return
	}
	if first := freshOf(e); first > 0 {
		p.noteFewerLocked(first)
	} else {
		p.mu.fussy.others--
	}
}

// noteFewerLocked takes one out of the counts who wanted a fresh resource.
func (p *Pool[R]) noteFewerLocked(first uint64) {
	f := &p.mu.fussy
	p.mu.fresh--
	i, _ := f.find(first)
	if f.groups[i].waiters--; f.groups[i].waiters == 0 {
		f.groups = slices.Delete(f.groups, i, i+1)
	}
}

// newest returns the largest first dial that will do for one of them. There must be one.
func (f *fussy) newest() uint64 { return f.groups[len(f.groups)-1].first }

func (f *fussy) find(first uint64) (i int, found bool) {
	return slices.BinarySearchFunc(f.groups, first, func(g group, first uint64) int { return cmp.Compare(g.first, first) })
}

// oldestForLocked returns the oldest waiter that can use s: all but those who
// want a fresh resource and came after its dial began.
func (p *Pool[R]) oldestForLocked(s *slot[R]) (to waitq.Entry, ok bool) {
	f := &p.mu.fussy
	if p.mu.fresh > 0 && f.others == 0 && s.number < f.groups[0].first {
		return waitq.Entry{}, false
	}
	p.waiters.Each(func(e waitq.Entry) bool {
		if s.number >= freshOf(e) {
			to, ok = e, true
		}
		return !ok
	})
	if !ok && p.mu.fresh > 0 {
		f.others = 0 // those who were counted are gone
	}
	return to, ok
}
