package pool

import (
	"iter"
	"slices"
	"sort"

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
	older := p.olderLocked(d)
	return func(e waitq.Entry) bool { return p.arrivalOf(e) <= d.newest && older.take(p.firstFor(e, older)) }
}

// older are the dials that began before one for which others wait as well. Where they can do
// without nobody there are none, as far as this says.
type older []olderDial

type olderDial struct {
	newest  Ticket // of those who had come when it began
	number  uint64
	surplus int // how many of them the dials up to this one, and up to each one after it, can do without
}

// olderThanLocked leaves out the late ones if d is none: it may have been made beside them, so
// that nobody depends on them alone.
func (p *Pool[R]) olderThanLocked(d *dial[R]) iter.Seq[olderDial] {
	late := p.lateLocked(d)
	return func(yield func(olderDial) bool) {
		for e := range p.mu.dials.All() {
			if e.newest >= d.newest {
				return // so are all that began later
			}
			// Nobody had come for one of the background.
			if e.newest == 0 || !late && p.lateLocked(e) {
				continue
			}
			if !yield(olderDial{e.newest, e.slot.number, -e.expected}) {
				return
			}
		}
	}
}

// olderLocked looks first whether all of them together can do without anybody. If not, no one
// of them can, and they are as one: mostly each dial has its own waiters, and where thousands
// fail at once there is no time to weigh each against each.
func (p *Pool[R]) olderLocked(d *dial[R]) older {
	var together olderDial
	for e := range p.olderThanLocked(d) {
		e.surplus += together.surplus
		together = e
	}
	if together.newest == 0 {
		return nil // and no need to look at all who wait
	}
	others := false
	p.waiters.Each(func(e waitq.Entry) bool {
		switch came := p.arrivalOf(e); {
		case came <= together.newest && freshOf(e) <= together.number:
			together.surplus++
		case came <= d.newest:
			others = true
		}
		return together.surplus <= 0 && Ticket(e.Place) <= d.newest+p.lag()
	})
	switch {
	case together.surplus > 0:
		return p.olderOneByOneLocked(d)
	case others:
		return older{together}
	default:
		return nil
	}
}

func (p *Pool[R]) olderOneByOneLocked(d *dial[R]) older {
	all, last := slices.AppendSeq(make(older, 0, p.flyingLocked()), p.olderThanLocked(d)), 0
	p.waiters.Each(func(e waitq.Entry) bool {
		if p.arrivalOf(e) <= d.newest {
			first := p.firstFor(e, all)
			last = max(last, first)
			if first < len(all) {
				all[first].surplus++
			}
		}
		return true
	})
	for i := 1; i < len(all); i++ {
		all[i].surplus += all[i-1].surplus
	}
	for i := len(all) - 2; i >= 0; i-- {
		all[i].surplus = min(all[i].surplus, all[i+1].surplus)
	}
	if !all.has(last) {
		return nil
	}
	return all
}

// firstFor returns the first of the dials that began when a waiter was there, and for whom it
// will do.
func (p *Pool[R]) firstFor(e waitq.Entry, all older) int {
	came, fresh := p.arrivalOf(e), freshOf(e)
	return sort.Search(len(all), func(i int) bool { return all[i].newest >= came && all[i].number >= fresh })
}

// has reports whether one can be done without for whom i is the first dial. So can each for
// whom it is a later one.
func (s older) has(i int) bool { return i == len(s) || s[i].surplus > 0 }

// take is has, and has one less from then on.
func (s older) take(i int) bool {
	if !s.has(i) {
		return false
	}
	for j := i; j < len(s); j++ {
		s[j].surplus--
	}
	for j := range s[:i] {
		if i < len(s) {
			s[j].surplus = min(s[j].surplus, s[i].surplus)
		}
	}
	return true
}
