package pool

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// Shed says what to do with a caller whose deadline is nearer than the wait that
// it has to expect.
type Shed uint8

// What to do with such a caller.
const (
	ShedOff    Shed = iota // let it wait
	ShedDryRun             // let it wait, but count it and call Hooks.Shed
	ShedOn                 // fail it at once with a *ShedError
)

func (s Shed) String() string {
	switch s {
	case ShedOff:
		return "off"
	case ShedDryRun:
		return "dry run"
	case ShedOn:
		return "on"
	}
	return "Shed(?)"
}

// A ShedError is the error of a caller whose deadline was nearer than the wait
// that it had to expect. It matches context.DeadlineExceeded: it is the same end,
// only sooner.
type ShedError struct {
	Key      any           // the key of the pool in package keyed; nil for a pool alone
	Estimate time.Duration // the wait that was to be expected
	Left     time.Duration // until the deadline

	// ByWaitTimeout says that the deadline is that of WaitTimeout, and not the
	// caller's: the error matches [ErrWaitTimeout] as well.
	ByWaitTimeout bool
}

func (e *ShedError) Error() string {
	var b strings.Builder
	b.WriteString("pool: a wait of about ")
	b.WriteString(e.Estimate.Round(time.Microsecond).String())
	if e.Key != nil {
		fmt.Fprintf(&b, " on key %v", e.Key)
	}
	b.WriteString(" is to be expected, and ")
	if e.ByWaitTimeout {
		b.WriteString("WaitTimeout passes in ")
	} else {
		b.WriteString("the deadline is in ")
	}
	b.WriteString(e.Left.Round(time.Microsecond).String())
	return b.String()
}

// Is reports whether target is ErrWaitTimeout, if that is what would have ended the wait.
func (e *ShedError) Is(target error) bool { return e.ByWaitTimeout && target == ErrWaitTimeout }

// Unwrap returns context.DeadlineExceeded.
func (e *ShedError) Unwrap() error { return context.DeadlineExceeded }

// Timeout returns true.
func (e *ShedError) Timeout() bool { return true }

// Temporary returns true. With it a ShedError is a [net.Error], as
// [context.DeadlineExceeded] is, in whose place it stands.
func (e *ShedError) Temporary() bool { return true }

// longest is a wait that nobody's deadline allows; it keeps sums from overflowing.
const longest = time.Duration(1 << 62)

// estimateLocked returns the wait that a new caller has to expect: the waiters ahead
// and itself, each taking the time of a recent lease on one of the leases
// that are out. 0: there is nothing to judge by, or a dial will serve the caller.
func (p *Pool[R]) estimateLocked(ahead int) time.Duration {
	if p.unmetLocked() < 0 || p.dialsSoonLocked(0) && (!p.mu.starved || p.member.hasRoom()) {
		return 0
	}
	lanes := int(p.mu.leases) + p.flyingLocked()*p.sharedLocked()
	if lanes == 0 || p.mu.leases == 0 {
		return 0
	}
	wait := float64(p.mu.leaseMean) * float64(ahead+1) / float64(lanes)
	return time.Duration(min(wait, float64(longest)))
}

// shedLocked returns the error for a caller who would wait in vain, or nil.
func (a *attempt[R]) shedLocked() error {
	p := a.p
	mode := p.cfg.ShedLate
	deadline, ok := a.ctx.Deadline()
	if mode == ShedOff || !ok {
		return nil
	}
	waiters := p.waiters.Len()
	estimate, left := p.estimateLocked(waiters), time.Until(deadline)
	if estimate > left { // only now: those who asked for Request.Low let it pass, and counting them takes time
		estimate = p.estimateLocked(max(0, waiters-p.waiters.Behind(uint64(a.place))))
	}
	if estimate == 0 || estimate <= left || a.findsLocked() || a.makesWayLocked() {
		return nil
	}
	p.mu.count.rare().Shed++
	if h := p.cfg.Hooks.Shed; h != nil {
		e := ShedEvent{Ctx: a.user, Key: p.key(), Estimate: estimate, Left: left, DryRun: mode == ShedDryRun}
		p.laterLocked(func() { h(e) })
	}
	if mode == ShedDryRun {
		return nil
	}
	users, ok := a.user.Deadline()
	return &ShedError{Key: p.key(), Estimate: estimate, Left: left, ByWaitTimeout: !ok || deadline.Before(users)}
}

// dialsSoonLocked reports whether a dial can begin for one caller more, within the pool's own
// limits, if n of its slots become free beside those that are on their way out.
func (p *Pool[R]) dialsSoonLocked(n int) bool {
	if p.cautiousLocked() && time.Now().Before(p.mu.outage.notBefore) {
		return false
	}
	slots := room(p.mu.limits.MaxOpen, p.usedLocked()-p.endingLocked()-n)
	return min(slots, room(p.mu.limits.MaxDials, p.flyingLocked())) > max(0, p.unmetLocked())/p.sharedLocked()
}

// findsLocked reports whether something is there for a caller who is about to queue: it has
// come just now, or those who wait in front want a fresh one.
func (a *attempt[R]) findsLocked() bool { return a.p.pickLocked(a.suits) != nil }

// makesWayLocked reports whether something idle is to make room for the dial of a caller who
// wants a fresh resource: see makeWayLocked.
func (a *attempt[R]) makesWayLocked() bool {
	n := a.p.mu.slots.in(idle)
	return a.fresh && n > 0 && a.p.dialsSoonLocked(n)
}

// meanWeight is the weight of the past in the mean lease time: the last dozen
// leases or so decide.
const meanWeight = 8

// noteShortLeasesLocked counts n leases that were shorter than the lane can tell.
func (p *Pool[R]) noteShortLeasesLocked(n uint64) {
	p.mu.count.addN(leaseTimes, 0, n)
	for ; n > 0 && p.mu.leaseMean > 0; n-- {
		p.mu.leaseMean -= (p.mu.leaseMean + meanWeight - 1) / meanWeight
	}
}

// noteLeaseLocked counts how long a lease lasted.
func (p *Pool[R]) noteLeaseLocked(d time.Duration) {
	p.mu.count.add(leaseTimes, d)
	if p.cfg.ShedLate == ShedOff {
		return
	}
	if p.mu.leaseMean == 0 {
		p.mu.leaseMean = d
	} else {
		p.mu.leaseMean += (d - p.mu.leaseMean) / meanWeight
	}
}
