package pool

import (
	"math/rand/v2"
	"time"
)

// Where the Config sets no backoff, background dials still keep these: nobody
// waits for them, so nothing else would slow them down.
const (
	spareBackoff    = 100 * time.Millisecond
	spareBackoffMax = 10 * time.Second
)

// memorySpan is how long the failures of a key are remembered after the last call
// for it, in longest backoffs: callers who come less often cause no storm.
const memorySpan = 2

// backoff returns how long to wait after the given number of failures in a row:
// base, doubled for each further failure up to limit, of which the upper half is
// drawn at random so that pools of many processes do not dial in step.
func backoff(base, limit time.Duration, failures int) time.Duration {
	d := base
	for i := 1; i < failures && d < limit; i++ {
		d *= 2
	}
	d = min(d, limit)
	return d - time.Duration(rand.Int64N(int64(d)/2+1)) //nolint:gosec // spread, not secrecy
}

// outage is what a pool knows of the dials that have failed since the last one that
// did not.
type outage struct {
	lastCall moment // that failed, or came since
	failures int    // dials failed in a row; at least 1
	setbacks int    // of them, those that began after the one before had failed: they raise the backoff
	last     error  // of the last one
	pause           // the backoff
	broken   bool   // the breaker is open
}

// pause is a time in which no dial may start, or none in the background.
type pause struct {
	notBefore time.Time // when the next dial may start
	retryAt   time.Time // when a pause ends that holds up a dial; zero: none does
}

// holds reports whether a dial must wait, and sees to it that the pool looks again when
// the pause is over.
func (w *pause) holds() bool {
	if !time.Now().Before(w.notBefore) {
		return false
	}
	if w.retryAt.IsZero() || w.notBefore.Before(w.retryAt) {
		w.retryAt = w.notBefore
	}
	return true
}

// rung notes that the pool looks again, at now.
func (w *pause) rung(now time.Time) {
	if !w.retryAt.After(now) {
		w.retryAt = time.Time{}
	}
}

func (p *Pool[R]) failuresLocked() int {
	if p.mu.outage == nil {
		return 0
	}
	return p.mu.outage.failures
}

// lastDialLocked returns the error of the last dial, nil if it succeeded.
func (p *Pool[R]) lastDialLocked() error {
	if p.mu.outage == nil {
		return nil
	}
	return p.mu.outage.last
}

// brokenLocked reports whether the breaker is open.
func (p *Pool[R]) brokenLocked() bool { return p.mu.outage != nil && p.mu.outage.broken }

// noteFailureLocked counts a failed dial, that of s, which makes the next one wait.
func (p *Pool[R]) noteFailureLocked(s *slot[R], err error) {
	if p.mu.outage == nil {
		p.ownLocked()
		p.mu.outage = &outage{lastCall: p.momentLocked()}
	}
	o := p.mu.outage
	o.failures++
	o.last = err
	if s.number > p.mu.setbackDial || o.setbacks == 0 { // else it was in flight with one that failed before, and is part of that setback
		o.setbacks++
		p.mu.setbackDial = p.mu.dialNumber
		p.holdUpLocked()
		if p.cfg.BackoffBase > 0 {
			p.cancelHeldLocked() // others take their place after the pause
		}
	}
	if p.warmsLocked() {
		p.noteCallLocked()
		p.endWarmersLocked(p.dialErrorLocked(err))
	}
}

// noteCallLocked keeps the failures remembered: somebody asks for the pool.
func (p *Pool[R]) noteCallLocked() {
	if o := p.mu.outage; o != nil {
		o.lastCall = p.momentLocked()
	}
}

// breakLocked opens the breaker after enough failures, and ends the waits that it
// makes pointless.
func (p *Pool[R]) breakLocked() {
	if n := p.cfg.BreakAfter; n > 0 && p.failuresLocked() >= n && !p.brokenLocked() {
		p.mu.outage.broken = true
		p.mu.count.rare().Breaks++
		p.breakerEventLocked(BreakerEvent{Key: p.key(), Open: true, Failures: p.failuresLocked(), Err: p.lastDialLocked()})
		p.cancelHeldLocked()
	}
	if p.brokenLocked() {
		p.mu.deliveries += uint32(p.failAllLocked(p.fastFailureLocked())) //nolint:gosec // a count
	}
}

// cancelHeldLocked cancels the dials that DialRate holds up. They have not started, and none
// is to start before the backoff has passed; when the breaker opens nobody waits for them any
// more, and only the prober is to dial.
func (p *Pool[R]) cancelHeldLocked() {
	for d := range p.mu.dials.All() {
		if d.held {
			p.cancelLocked(d, errUnwanted)
		}
	}
}

// failFastLocked reports whether a caller who found nothing is not to wait. While
// the breaker is open nobody is, but for one if a probe is due and none is in
// flight: the pool has no slot for it, and background dials get one only when
// nobody else waits for one, which may be never.
func (p *Pool[R]) failFastLocked() bool {
	return p.brokenLocked() && (p.flyingLocked() > 0 || p.waiters.Len() > 0 || time.Now().Before(p.mu.outage.notBefore))
}

// holdUpLocked sets the time before which no further dial starts.
func (p *Pool[R]) holdUpLocked() {
	base, limit := p.backoffBounds()
	p.mu.outage.notBefore = time.Now().Add(backoff(base, limit, p.mu.outage.setbacks))
}

func (p *Pool[R]) backoffBounds() (base, limit time.Duration) {
	if p.cfg.BackoffBase == 0 {
		return spareBackoff, spareBackoffMax
	}
	return p.cfg.BackoffBase, p.cfg.BackoffMax
}

// remembersLocked reports whether a key without anything is kept in the map for
// its failures: the backoff and the breaker would be forgotten with it.
func (p *Pool[R]) remembersLocked() bool {
	return p.part != nil && p.mu.outage != nil && (p.cfg.BackoffBase > 0 || p.cfg.BreakAfter > 0) &&
		p.nowLocked().Before(p.forgetAtLocked())
}

func (p *Pool[R]) forgetAtLocked() time.Time {
	_, limit := p.backoffBounds()
	return p.timeOf(p.mu.outage.lastCall).Add(memorySpan * limit)
}

// cautiousLocked reports whether dials for waiters keep the backoff. Those in the
// background always do.
func (p *Pool[R]) cautiousLocked() bool {
	return p.mu.outage != nil && (p.mu.outage.broken || p.cfg.BackoffBase > 0)
}

// noteSuccessLocked ends the outage.
func (p *Pool[R]) noteSuccessLocked() { p.endOutageLocked(true) }

// fadeLocked forgets the failures of a key that is about to be forgotten with them, or for
// which nobody has called for so long that it may be.
func (p *Pool[R]) fadeLocked() {
	if p.mu.outage != nil && p.part != nil && p.forsakenLocked() {
		p.forgetFailuresLocked()
	}
}

// forgetFailuresLocked ends the outage though nobody knows whether the peer is back.
func (p *Pool[R]) forgetFailuresLocked() { p.endOutageLocked(false) }

// endOutageLocked closes the breaker as well: whoever counts open ones hears of each end.
func (p *Pool[R]) endOutageLocked(recovered bool) {
	o := p.mu.outage
	if o == nil {
		return
	}
	p.mu.outage = nil
	if o.broken {
		p.breakerEventLocked(BreakerEvent{Key: p.key(), Recovered: recovered})
	}
}

// fastFailureLocked is the error while the breaker is open: the last dial's, for
// callers for whom none was made.
func (p *Pool[R]) fastFailureLocked() *DialError {
	e := p.dialErrorLocked(p.lastDialLocked())
	e.FailFast = true
	return e
}

func (p *Pool[R]) dialErrorLocked(err error) *DialError {
	return &DialError{Key: p.key(), Attempt: p.failuresLocked(), Err: err}
}

// holdOffLocked reports whether a dial must wait for the backoff, and sees to it
// that the pool looks again when that is over.
func (p *Pool[R]) holdOffLocked() bool {
	return p.mu.outage != nil && p.mu.outage.holds()
}
