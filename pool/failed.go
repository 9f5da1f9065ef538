package pool

// failing is how a resource failed the caller that had been given it.
type failing uint8

const (
	failedInUse     failing = iota // its holder says so, in AcquireInstead
	failedCheck                    // Check returned an error
	failedMeanwhile                // while Check ran, the resource was to go for another reason
	failedTake                     // Take returned an error
)

// A failure is a lease that has ended because its resource failed, and that is still
// in the accounts, while its caller is on the way to another. It leaves them in the hold of the lock in
// which the call gets another lease or its place in the queue: in between, however
// short, its slot could go to somebody who came later (I3).
type failure[R any] struct {
	cell *cell[R] // nil: there is none
	how  failing
	err  error
}

// fail ends the lease of a resource that failed, and reports whether it was still
// going. From here on nothing of the user's is called before the call queues: the slot
// is not to be held up by that.
func (a *attempt[R]) fail(l Lease[R], how failing, err error) bool {
	if !l.cell.end(l.turn) {
		return false
	}
	a.bad, a.failedOnce = failure[R]{l.cell, how, err}, true
	return true
}

// settle takes the failure out of the accounts, for a call that will not queue again.
func (a *attempt[R]) settle() {
	if a.bad.cell == nil {
		return
	}
	a.p.lock()
	defer a.p.unlock()
	a.settleLocked()
}

// settleLocked reports whether there was one.
func (a *attempt[R]) settleLocked() bool {
	p, c := a.p, a.bad.cell
	if c == nil {
		return false
	}
	how, err := a.bad.how, a.bad.err
	a.bad = failure[R]{}
	switch how {
	case failedInUse:
		p.retireLocked(c.slot, ReasonDiscard)
		p.endLeaseLocked(c, EndDiscard, err)
	case failedCheck:
		p.retireLocked(c.slot, ReasonCheck)
		p.endLeaseLocked(c, EndDiscard, err)
	case failedMeanwhile:
		p.endLeaseLocked(c, EndRelease, nil)
	case failedTake:
		p.endRefusedLocked(c)
	}
	return true
}
