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

// noteFailureLocked counts a failed dial, which makes the next one wait.
func (p *Pool[R]) noteFailureLocked(d *dial[R], err error) {
	p.mu.failures++
	p.mu.lastDial = err
	if d.slot.number > p.mu.setbackDial { // else it was in flight with one that failed before, and is part of that setback
		p.mu.setbacks++
		p.mu.setbackDial = p.mu.dialNumber
		p.holdUpLocked()
	}
	p.endWarmersLocked(p.dialErrorLocked(err))
}

// breakLocked opens the breaker after enough failures, and ends the waits that it
// makes pointless.
func (p *Pool[R]) breakLocked() {
	if n := p.cfg.BreakAfter; n > 0 && p.mu.failures >= n && !p.mu.broken {
		p.setBreakerLocked(true)
	}
	if p.mu.broken {
		p.mu.deliveries += uint64(p.waiters.FailAll(p.fastFailureLocked())) //nolint:gosec // a count
	}
}

// failFastLocked reports whether a caller who found nothing is not to wait. While
// the breaker is open nobody is, but for one if a probe is due and none is in
// flight: the pool has no slot for it, and background dials get one only when
// nobody else waits for one, which may be never.
func (p *Pool[R]) failFastLocked() bool {
	return p.mu.broken && (p.mu.dials.Len() > p.mu.canceled || p.waiters.Len() > 0 || time.Now().Before(p.mu.notBefore))
}

// holdUpLocked sets the time before which no further dial starts.
func (p *Pool[R]) holdUpLocked() {
	base, limit := p.backoffBounds()
	p.mu.notBefore = time.Now().Add(backoff(base, limit, p.mu.setbacks))
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
	return p.part != nil && p.mu.failures > 0 && (p.cfg.BackoffBase > 0 || p.cfg.BreakAfter > 0) &&
		time.Now().Before(p.forgetAtLocked())
}

func (p *Pool[R]) forgetAtLocked() time.Time {
	_, limit := p.backoffBounds()
	return p.mu.lastCall.Add(memorySpan * limit)
}

// cautiousLocked reports whether dials for waiters keep the backoff. Those in the
// background always do.
func (p *Pool[R]) cautiousLocked() bool {
	return p.mu.failures > 0 && (p.mu.broken || p.cfg.BackoffBase > 0)
}

// noteSuccessLocked forgets the failures.
func (p *Pool[R]) noteSuccessLocked() {
	p.mu.failures, p.mu.setbacks, p.mu.lastDial = 0, 0, nil
	p.mu.notBefore, p.mu.retryAt = time.Time{}, time.Time{}
	if p.mu.broken {
		p.setBreakerLocked(false)
	}
}

func (p *Pool[R]) setBreakerLocked(open bool) {
	p.mu.broken = open
	if open {
		p.mu.count.Breaks++
	}
	if h := p.cfg.Hooks.Breaker; h != nil {
		e := BreakerEvent{Key: p.key(), Open: open, Failures: p.mu.failures, Err: p.mu.lastDial}
		p.laterLocked(func() { h(e) })
	}
}

// fastFailureLocked is the error while the breaker is open: the last dial's, for
// callers for whom none was made.
func (p *Pool[R]) fastFailureLocked() *DialError {
	e := p.dialErrorLocked(p.mu.lastDial)
	e.FailFast = true
	return e
}

func (p *Pool[R]) dialErrorLocked(err error) *DialError {
	return &DialError{Key: p.key(), Attempt: p.mu.failures, Err: err}
}

// holdOffLocked reports whether a dial must wait for the backoff, and sees to it
// that the pool looks again when that is over.
func (p *Pool[R]) holdOffLocked() bool {
	until := p.mu.notBefore
	if until.IsZero() || !time.Now().Before(until) {
		return false
	}
	if p.mu.retryAt.IsZero() || until.Before(p.mu.retryAt) {
		p.mu.retryAt = until
	}
	return true
}
