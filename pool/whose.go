package pool

import (
	"slices"

	"github.com/berth-go/berth/waitq"
)

// isForLocked returns whom the error of a dial is for: of an exclusive resource, the oldest
// waiter, whoever that is; else, and of a late dial, the oldest of those who had their place
// when it began.
//
// Those leave out whom the dials before it are for, while they can. Dials may end in any
// order: if the second of two took the first waiter, the first would be for nobody, and the
// second waiter would have to wait for a third. What the func returns is true for no more
// waiters than there are to spare, so it is to be asked of each once.
func (p *Pool[R]) isForLocked(d *dial[R]) func(waitq.Entry) bool {
	if d.expected == 1 && !p.lateLocked(d) {
		return func(waitq.Entry) bool { return true }
	}
	surplus := p.surplusLocked(d)
	return func(e waitq.Entry) bool {
		came := p.arrivalOf(e)
		return came <= d.newest && surplus.take(came)
	}
}

// surplus says which waiters the dials that began before one can do without, the oldest dial
// first. Where they can do without nobody it is empty, and so is what it asks for.
type surplus []surplusOf

// surplusOf is of those who had come when a dial began.
type surplusOf struct {
	newest Ticket // of them
	number int    // how many of them the dials up to this one, and up to each one after it, can do without
}

func (p *Pool[R]) surplusLocked(d *dial[R]) surplus {
	came := make([]Ticket, 0, p.waiters.Len())
	p.waiters.Each(func(e waitq.Entry) bool {
		if at := p.arrivalOf(e); at <= d.newest {
			came = append(came, at)
		}
		return true
	})
	slices.Sort(came)
	var all surplus
	waiting, coming := 0, 0
	for e := range p.mu.dials.All() {
		if e.canceled || e.newest >= d.newest {
			continue
		}
		for waiting < len(came) && came[waiting] <= e.newest {
			waiting++
		}
		coming += e.expected
		all = append(all, surplusOf{e.newest, max(0, waiting-coming)})
	}
	for i := len(all) - 2; i >= 0; i-- {
		all[i].number = min(all[i].number, all[i+1].number)
	}
	if len(came) > 0 && !all.has(came[len(came)-1]) {
		return nil
	}
	return all
}

// has reports whether one who came then can be done without. Whoever came later can be, too.
func (s surplus) has(came Ticket) bool {
	i := s.of(came)
	return i == len(s) || s[i].number > 0
}

// take is has, and has one less from then on.
func (s surplus) take(came Ticket) bool {
	if !s.has(came) {
		return false
	}
	of := s.of(came)
	for i := of; i < len(s); i++ {
		s[i].number--
	}
	for i := range s[:of] {
		if of < len(s) {
			s[i].number = min(s[i].number, s[of].number)
		}
	}
	return true
}

// of returns the first dial that began when who came then was there.
func (s surplus) of(came Ticket) int {
	i, _ := slices.BinarySearchFunc(s, came, func(o surplusOf, came Ticket) int {
		if o.newest < came {
			return -1
		}
		return 1
	})
	return i
}
