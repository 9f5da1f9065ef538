package pool

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Stats are the numbers of a pool at one moment, and what it has counted so far.
type Stats struct {
	Limits

	// Slots by state, now. Open is Idle + InUse. A resource that drains while
	// leases are out is InUse; a shareable one that is being checked is Dialing, and so is
	// any that is checked in the background.
	Open, Idle, InUse, Dialing, Closing int

	Leases  int // leases out; on shareable resources more than InUse
	Waiting int // callers in the queue

	Acquires uint64 // calls that were served at once or had to wait: Hits + Waits
	Hits     uint64 // found something at once; where a Check or Take fails or ctx ends then, that alone does not serve the call
	Waits    uint64 // had to wait; counted when the wait starts
	Canceled uint64 // waits ended by ctx or WaitTimeout
	Failed   uint64 // waits ended by a failed dial or by Close. While no Check or Take fails, and nothing is let go during one: Waits = delivered + Canceled + Failed + Waiting
	Rejected uint64 // calls turned away with ErrWaitLimit
	FailFast uint64 // calls turned away because the breaker is open

	Dials         uint64 // resources made
	DialErrors    uint64 // dials failed, also those that made a resource of no use, which is in Dials too
	DialsCanceled uint64 // dials that the pool ended because nobody wanted the result
	Hijacks       uint64
	Closes        Closes // by reason, counted when the closing starts: Dials = Closes + Hijacks + Open, and those that are Dialing because they are being checked

	Shed      uint64 // calls turned away by ShedLate, or that would have been
	Abandoned uint64 // Close funcs that did not return within CloseTimeout
	Breaks    uint64 // times that the breaker opened
	Leaks     uint64 // leases reported because they were out for LeakAfter
	Lost      uint64 // leases lost to the garbage collector

	WaitTime time.Duration // the sum over waits that have ended

	// How long waits that have ended, dials that made a resource, and leases that
	// have ended took. A lease whose resource failed in Check or Take is one too, as is
	// one that was let go during Check.
	WaitTimes, DialTimes, LeaseTimes Histogram
}

// A Reason says why the pool closed a resource.
type Reason uint8

// The reasons for closing a resource.
const (
	ReasonDiscard   Reason = iota // Lease.Discard
	ReasonRecycle                 // Recycle failed or panicked
	ReasonTake                    // Take failed or panicked
	ReasonCheck                   // Check failed or panicked
	ReasonCapacity                // Capacity said Dead, or Draining and the last lease ended
	ReasonIdleTime                // MaxIdleTime
	ReasonIdleLimit               // MaxIdle, of the pool or its Budget
	ReasonEvict                   // to make room for an older waiter
	ReasonLimits                  // SetLimits lowered MaxOpen, of the pool or its Budget
	ReasonReset                   // Reset
	ReasonCloseIdle               // CloseIdle
	ReasonClosed                  // Close or Shutdown
	ReasonLifetime                // MaxLifetime
	ReasonUses                    // MaxUses
	ReasonRetire                  // Retire
	ReasonDrain                   // DrainTimeout
	ReasonLost                    // its lease was lost to the garbage collector, and nothing else was to close it by then
	numReasons
)

func (r Reason) String() string {
	switch r {
	case ReasonDiscard:
		return "discard"
	case ReasonRecycle:
		return "recycle"
	case ReasonTake:
		return "take"
	case ReasonCheck:
		return "check"
	case ReasonCapacity:
		return "capacity"
	case ReasonIdleTime:
		return "idle time"
	case ReasonIdleLimit:
		return "idle limit"
	case ReasonEvict:
		return "evict"
	case ReasonLimits:
		return "limits"
	case ReasonReset:
		return "reset"
	case ReasonCloseIdle:
		return "close idle"
	case ReasonClosed:
		return "closed"
	case ReasonLifetime:
		return "lifetime"
	case ReasonUses:
		return "uses"
	case ReasonRetire:
		return "retire"
	case ReasonDrain:
		return "drain"
	case ReasonLost:
		return "lost"
	case numReasons:
	}
	return "Reason(" + strconv.Itoa(int(r)) + ")"
}

// Closes counts closed resources by reason.
type Closes [numReasons]uint64

// Of returns how many were closed for r.
func (c Closes) Of(r Reason) uint64 { return c[r] }

// String names the reasons that there were, as in "discard: 1, idle time: 4"; "none" if there
// were none.
func (c Closes) String() string {
	var all []string
	for r, n := range c {
		if n > 0 {
			all = append(all, fmt.Sprintf("%v: %d", Reason(r), n))
		}
	}
	return cmp.Or(strings.Join(all, ", "), "none")
}

// Total returns how many were closed.
func (c Closes) Total() uint64 {
	var n uint64
	for _, v := range c {
		n += v
	}
	return n
}

// Add returns the sum of two Stats: every gauge and counter. The Limits are
// those of s.
func (s Stats) Add(t Stats) Stats {
	s.Open += t.Open
	s.Idle += t.Idle
	s.InUse += t.InUse
	s.Dialing += t.Dialing
	s.Closing += t.Closing
	s.Leases += t.Leases
	s.Waiting += t.Waiting
	s.Acquires += t.Acquires
	s.Hits += t.Hits
	s.Waits += t.Waits
	s.Canceled += t.Canceled
	s.Failed += t.Failed
	s.Rejected += t.Rejected
	s.FailFast += t.FailFast
	s.Dials += t.Dials
	s.DialErrors += t.DialErrors
	s.DialsCanceled += t.DialsCanceled
	s.Hijacks += t.Hijacks
	for i, n := range t.Closes {
		s.Closes[i] += n
	}
	s.Shed += t.Shed
	s.Abandoned += t.Abandoned
	s.Breaks += t.Breaks
	s.Leaks += t.Leaks
	s.Lost += t.Lost
	s.WaitTime += t.WaitTime
	s.WaitTimes = s.WaitTimes.merge(t.WaitTimes)
	s.DialTimes = s.DialTimes.merge(t.DialTimes)
	s.LeaseTimes = s.LeaseTimes.merge(t.LeaseTimes)
	return s
}

// Stats returns the numbers of the pool, in O(1). Each gauge was true at some
// moment of the call, and Open is Idle + InUse; while nobody uses the pool, all are
// of one moment. Lease times are those of a coarse clock: what begins and ends
// within 10 ms mostly counts as no time, and what is longer as up to 10 ms more than it
// was; so the mean is up to about 5 ms too large.
func (p *Pool[R]) Stats() Stats {
	p.mustBeMade()
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.statsLocked()
}

func (p *Pool[R]) statsLocked() Stats {
	var s Stats
	p.mu.count.fill(&s)
	s.Limits = *p.mu.limits
	g := p.gaugesLocked()
	s.Open, s.Idle, s.InUse, s.Dialing, s.Closing = g.idle+g.inUse, g.idle, g.inUse, g.dialing, g.closing
	s.Leases = int(p.mu.leases) - g.resting
	p.laneStatsLocked(&s)
	s.Waiting = p.waiters.Len()
	s.WaitTime = s.WaitTimes.Sum
	s.Acquires = s.Hits + s.Waits
	return s
}

// gauges are how many slots there are by state, and how many leases of the lane rest: in
// the accounts those are in use.
type gauges struct{ idle, inUse, dialing, closing, resting int }

func (p *Pool[R]) gaugesLocked() gauges {
	g := gauges{p.mu.slots.in(idle), p.mu.slots.in(inUse), p.mu.slots.in(dialing), p.mu.slots.in(closing), p.restingLocked()}
	n := g.resting
	if n > 0 && p.mu.share != nil {
		n = btoi(n == p.mu.share.leases)
	}
	g.idle += n
	g.inUse -= n
	return g
}
