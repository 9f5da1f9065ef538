package pool

// failing is how a resource failed the call that had been given it.
type failing uint8

const (
	failedCheck     failing = iota // Check returned an error
	failedMeanwhile                // while Check ran, the resource was to go for another reason
	failedTake                     // Take returned an error
)

// A failure is a lease that has ended because its resource failed, before the caller
// had it, and that is still in the accounts. It leaves them in the hold of the lock in
// which the call gets another lease or its place in the queue: in between, however
// short, its slot could go to somebody who came later (I3).
type failure[R any] struct {
	cell *cell[R] // nil: there is none
	how  failing
	err  error
}

// fail ends the lease of a resource that failed. From here on the call queues without
// a word of the user's: his resource is not to be held up by that.
func (a *attempt[R]) fail(l Lease[R], how failing, err error) {
	if l.cell.end(l.number) {
		a.bad, a.failedOnce = failure[R]{l.cell, how, err}, true
	}
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
