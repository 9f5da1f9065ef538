package pool

import (
	"iter"
	"time"

	"github.com/berth-go/berth/internal/part"
	"github.com/berth-go/berth/waitq"
)

// A resource may have no capacity yet when it has been dialled: a connection that logs in,
// a worker that starts. Callers wait for it as they waited for the dial, and until it has
// capacity nobody knows whether the dial was of any use. If it ends before that, the dial
// has failed.

// setOpeningLocked notes whether s has had no capacity since its dial. Callers go
// on counting on it: to dial for them again would bring the like, without end.
func (p *Pool[R]) setOpeningLocked(s *slot[R], opening bool) {
	if s.opening != opening {
		s.opening = opening
		p.mu.opening += int32(2*btoi(opening) - 1) //nolint:gosec // 1 or -1
		p.withholdLocked(s, s.withheld && opening)
		p.refitLocked(s)
	}
}

// openingLocked returns the slots that have had no capacity since their dial. They must
// keep their places meanwhile.
func (p *Pool[R]) openingLocked() iter.Seq[*slot[R]] {
	return func(yield func(*slot[R]) bool) {
		left := p.mu.opening
		for s := p.mu.idle.Newest(); s != nil && left > 0; s = s.idleLink.Older() {
			if !s.opening {
				continue
			}
			if left--; !yield(s) {
				return
			}
		}
	}
}

// withholdOpeningLocked keeps what opens out of the Budget's idle list while callers wait:
// no more than a dial in flight that they wait for is it to be given up for another pool,
// whose caller may have come later. Else two pools could end each other's without end.
// Where the Budget has shrunk as many are to go as it has too many, as dials are. It
// reports whether it keeps any out.
func (p *Pool[R]) withholdOpeningLocked() (withholds bool) {
	if p.mu.opening == 0 {
		return false
	}
	listed := int(p.mu.opening)
	if p.withholdsLocked() {
		listed = p.member.budget.excess()
	}
	for s := range p.openingLocked() {
		withheld := listed <= 0
		p.withholdLocked(s, withheld)
		withholds = withholds || withheld
		listed--
	}
	return withholds
}

// withholdsLocked reports whether callers wait for what opens.
func (p *Pool[R]) withholdsLocked() bool { return p.mu.opening > 0 && p.waiters.Len() > 0 }

// withholdLocked takes a slot out of the Budget's idle list, or puts it back.
func (p *Pool[R]) withholdLocked(s *slot[R], withheld bool) {
	if p.member == nil || s.withheld == withheld {
		return
	}
	switch s.withheld = withheld; {
	case withheld:
		p.member.unidle(&s.mark)
	case !s.gone:
		p.member.idle(&s.mark, s.idleSince, nil)
	}
}

// noteOpenedLocked notes that s has capacity: from now on it is idle, if nobody takes it.
func (p *Pool[R]) noteOpenedLocked(s *slot[R]) {
	if !s.opening {
		return
	}
	p.setOpeningLocked(s, false)
	p.noteSuccessLocked()
	if s.state != idle {
		return
	}
	p.unlistLocked(s)
	s.idleSince = p.nowLocked()
	p.settleInLocked(s)
}

// neverOpenedLocked makes the end of a resource without any capacity so far a failed
// dial: for as many of the oldest callers as counted on it. Else one caller could have
// the pool dial without end.
func (p *Pool[R]) neverOpenedLocked(s *slot[R]) {
	n, err := s.promises(), part.ErrStillborn
	p.mu.count.rare().DialErrors++
	p.noteFailureLocked(s, err)
	if h := p.cfg.Hooks.DialFailed; h != nil {
		e := DialEvent{Key: p.key(), Took: p.age(s), Err: err, Attempt: p.failuresLocked()}
		p.laterLocked(func() { h(e) })
	}
	p.failOldestLocked(n, err, func(e waitq.Entry) bool { return s.number >= freshOf(e) })
}

// probeOpensLocked reports whether a resource that was dialled after the last failure has
// no capacity yet: it is what the breaker's prober has dialled. One that takes longer than the longest
// backoff may never have any.
func (p *Pool[R]) probeOpensLocked() bool {
	_, opens := p.probeOpensUntilLocked()
	return opens
}

// probeOpensUntilLocked returns when probeOpensLocked will no longer be true, if nothing
// changes until then. The time is that of this hold of the lock: see lateLocked.
func (p *Pool[R]) probeOpensUntilLocked() (at time.Time, opens bool) {
	_, limit := p.backoffBounds()
	for s := range p.openingLocked() {
		if s.number <= p.mu.setbackDial || time.Duration(p.momentLocked()-s.born) >= limit {
			continue
		}
		if end := p.timeOf(s.born + moment(limit)); end.After(at) {
			at, opens = end, true
		}
	}
	return at, opens
}
