package pool

import (
	"slices"

	"github.com/berth-go/berth/waitq"
)

// isForLocked returns whom the error of a dial is for: of an exclusive resource, the oldest
// waiter, whoever that is; else, and of a late dial, the oldest of those who had their place
// when it began.
//
// Of those, a late dial of an exclusive resource leaves out whom the late dials before it are
// for, while it can. They may end in any order: if the second of two took the first waiter,
// the first would be for nobody, and the second waiter would have to wait for a third.
func (p *Pool[R]) isForLocked(d *dial[R]) func(waitq.Entry) bool {
	late := p.lateLocked(d)
	if d.expected == 1 && !late {
		return func(waitq.Entry) bool { return true }
	}
	after := Ticket(0)
	if late && d.expected == 1 {
		after = p.coveredLocked(d)
	}
	return func(e waitq.Entry) bool {
		came := p.arrivalOf(e)
		return after < came && came <= d.newest
	}
}

// coveredLocked returns up to which place all waiters have a dial that began before d, if
// there is one after that for d.
func (p *Pool[R]) coveredLocked(d *dial[R]) (covered Ticket) {
	came := make([]Ticket, 0, p.waiters.Len())
	p.waiters.Each(func(e waitq.Entry) bool {
		if at := p.arrivalOf(e); at <= d.newest {
			came = append(came, at)
		}
		return true
	})
	slices.Sort(came)
	waiting, coming := 0, 0 // up to the place at which a dial began
	for e := range p.mu.dials.All() {
		if e.canceled {
			continue
		}
		for waiting < len(came) && came[waiting] <= e.newest {
			waiting++
		}
		if coming += e.expected; waiting <= coming && waiting < len(came) {
			covered = e.newest
		}
	}
	return covered
}
