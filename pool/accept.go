package pool

import (
	"fmt"

	"github.com/berth-go/berth/waitq"
)

// maxFreshTakes bounds how many resources in a row one Acquire is given that have just
// been dialled, only to see Take fail on them: a peer that accepts connections and serves
// nobody.
const maxFreshTakes = 3

// accept makes the lease fit to be returned: Check if it is due, and Take. It
// reports false if the resource failed and the caller should go on to the next.
func (a *attempt[R]) accept() (bool, error) {
	p, l := a.p, a.lease
	// Nobody had it before, and it was handed over or dialled since the call began.
	fromDial := l.cell.uses == 1 && (a.tried || l.cell.slot.number >= a.firstDial)
	if l.cell.uses > 1 && l.cell.slot.share == nil {
		a.freshTakes = 0
	}
	a.tried = true
	if l.cell.check {
		a.bound()
		if ok := a.check(l); !ok {
			if err := waitq.ContextError(a.ctx); err != nil {
				return false, a.giveUp(err)
			}
			return false, nil
		}
	}
	if a.start == 0 {
		a.start = p.startOfTake()
	}
	err := p.take(l)
	if err == nil {
		return true, nil
	}
	a.fail(l, failedTake, err)
	if !fromDial {
		return false, nil
	}
	if a.freshTakes++; a.freshTakes < maxFreshTakes {
		return false, nil
	}
	return false, fmt.Errorf("pool: Take failed on %d resources in a row, each just dialled: %w", a.freshTakes, err)
}

// startOfTake returns the present moment if WaitTimeout is set, which goes on while Take
// runs; else 0.
func (p *Pool[R]) startOfTake() moment {
	if p.takes && p.cfg.WaitTimeout > 0 {
		return p.moment()
	}
	return 0
}

// check runs Check for a lease and reports whether the resource passed.
func (a *attempt[R]) check(l Lease[R]) bool {
	p, c, s := a.p, l.cell, l.cell.slot
	returned := false
	defer func() {
		if !returned && c.end(l.turn) {
			p.discard(c, ReasonCheck, EndDiscard, errNoReturn)
		}
	}()
	err := p.cfg.Check(a.ctx, s.value)
	returned = true
	if err != nil {
		a.fail(l, failedCheck, err)
		return false
	}
	p.lock()
	defer p.unlock()
	p.endCheckLocked(c)
	if why, stale := p.staleLocked(s); s.gone || (stale && why != ReasonUses) { // it came during the check (I10, I11)
		a.fail(l, failedMeanwhile, nil)
		return false
	}
	if s.checking {
		s.checking = false
		p.move(s, inUse)
		p.drainSpentLocked(s)
	}
	return true
}
