package pool

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/berth-go/berth/internal/chain"
	"github.com/berth-go/berth/internal/part"
	"github.com/berth-go/berth/waitq"
)

var (
	errUnwanted = errors.New("pool: no one waits for this dial any more")
	errNoReturn = errors.New("the func called runtime.Goexit")
)

// dial is a dial in flight. It belongs to the pool: callers wait in the queue,
// and the first of {released, dialled} serves the oldest of them (I8).
type dial[R any] struct {
	slot     *slot[R]
	link     chain.Link[dial[R]] // in Pool.dials
	cancel   context.CancelCauseFunc
	expected int    // how many waiters it was started for, at most
	newest   Ticket // that had been given then; 0: nobody waited
	started  time.Time
	held     bool // DialRate holds it up: it has not been started yet
	canceled bool // under the pool's lock: nobody is to fail or be served because of it
}

// startDialLocked starts a dial in a slot that the caller knows to be free.
func (p *Pool[R]) startDialLocked() {
	base := context.Background()
	var newest Ticket
	if e, ok := p.waiters.Front(); ok {
		// The dial serves whoever is oldest when it ends, so it takes what the
		// oldest waiter's context carries and not when that waiter gives up.
		base = context.WithoutCancel(e.Ctx)
		newest = p.lastTicket()
	}
	ctx, cancel := context.WithCancelCause(base)
	p.mu.dialNumber++
	s := &slot[R]{state: empty, number: p.mu.dialNumber, generation: p.mu.generation, capacity: 1, expect: 1}
	s.own.slot, s.own.pool = s, p
	d := &dial[R]{slot: s, cancel: cancel, expected: p.sharedLocked(), newest: newest, started: time.Now(), held: p.limiter() != nil}
	p.mu.dials.Push(&d.link, d)
	p.noteFliesLocked(s.number, 1)
	p.move(s, dialing)
	if p.mu.outage != nil {
		// The next one does not wait for the end of this one, which may hang.
		p.holdUpLocked()
		p.holdOffLocked()
	}
	go p.runDial(ctx, d)
}

// runDial is the goroutine of a dial.
func (p *Pool[R]) runDial(ctx context.Context, d *dial[R]) {
	rate := p.limiter()
	if rate == nil {
		p.makeResource(ctx, d)
		return
	}
	if p.heldUp(ctx, d, rate) {
		return
	}
	defer p.makeResource(ctx, d) // whatever becomes of the hooks in letStart
	p.letStart(d)
}

// heldUp waits for rate, and reports whether it has not let the dial start: then the dial
// has failed.
func (p *Pool[R]) heldUp(ctx context.Context, d *dial[R], rate Limiter) (held bool) {
	err := errNoReturn
	defer func() { // also after a panic or runtime.Goexit
		if r := recover(); r != nil {
			err = &panicError{where: "DialRate", value: r}
		}
		if held = err != nil; held {
			d.cancel(nil)
			p.dialFailed(d, err)
		}
	}()
	if err = rate.Wait(ctx); err == nil {
		err = context.Cause(ctx) // it may have ended as Wait returned
	}
	return false // or what is said above
}

// makeResource calls Dial, and brings what it made, or the error, back to the pool.
func (p *Pool[R]) makeResource(ctx context.Context, d *dial[R]) {
	var v R
	err := errNoReturn
	defer func() { // also after a panic or runtime.Goexit
		if r := recover(); r != nil {
			err = &panicError{where: "Dial", value: r}
		}
		d.cancel(nil)
		if err != nil {
			p.dialFailed(d, err)
			return
		}
		shared, err := 0, errNoReturn
		defer func() { p.dialed(d, shared, err) }()
		shared, err = p.adopt(d.slot, v)
	}()
	if t := p.cfg.DialTimeout; t > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, t, dialTimeError{})
		defer cancel()
	}
	v, err = p.dial(ctx)
	err = p.sayLate(ctx, err)
}

// letStart notes that DialRate holds a dial up no longer: that was not the dial's
// time.
func (p *Pool[R]) letStart(d *dial[R]) {
	p.lock()
	defer p.unlockQuietly()
	d.started, d.held = time.Now(), false
}

// adopt learns what has been dialled, while nobody else knows of it yet, and
// what the next dial is expected to bring.
func (p *Pool[R]) adopt(s *slot[R], v R) (shared int, err error) {
	now := time.Now()
	s.value, s.born, s.idleSince = v, p.momentOf(now), now
	c := &p.cfg
	if c.MaxLifetime > 0 || c.Check != nil {
		s.dates = &dates[R]{expires: now}
	}
	where := "Shareable"
	defer func() {
		if r := recover(); r != nil {
			err = &panicError{where: where, value: r}
		}
	}()
	shareable := c.Capacity != nil
	if c.Shareable != nil {
		shareable = c.Shareable(v)
	}
	if shareable {
		s.share = &share[R]{free: []*cell[R]{&s.own}}
	}
	if c.Watch != nil {
		where = "Watch" // before the first look, so that no change is missed
		c.Watch(v, func() { p.changed(s) })
	}
	if c.Capacity != nil {
		if err := p.firstLook(s); err != nil {
			return 0, err
		}
	}
	where = "Shared"
	return p.askShared(), nil
}

// firstLook reads Capacity of what is not the pool's yet. It does not end as other changes
// do, which dialed makes good: a hook that runs here must not be taken for what failed.
func (p *Pool[R]) firstLook(s *slot[R]) *panicError {
	p.lock()
	defer p.mu.Unlock()
	return p.sampleLocked(s)
}

// dialed adds a resource to the pool: for the oldest waiters, else idle. An error
// says that the resource was made but cannot be used.
func (p *Pool[R]) dialed(d *dial[R], shared int, err error) {
	s := d.slot
	p.lock()
	defer p.unlockQuietly()
	p.removeDialLocked(d)
	p.mu.count.Dials++
	p.mu.count.add(dialTimes, time.Since(d.started))
	s.adopted = true
	p.noteBroughtLocked(s.number)
	if err == nil && s.capacity < 0 {
		err = part.ErrStillborn // to call this success would be to dial again without end
	}
	switch {
	case p.mu.closed:
		p.dialEventLocked(p.cfg.Hooks.Dialed, d, nil)
		p.closeLocked(s, ReasonClosed)
	case s.generation != p.mu.generation:
		p.dialEventLocked(p.cfg.Hooks.Dialed, d, nil)
		p.closeLocked(s, ReasonReset) // I11
	case err != nil:
		p.dialEventLocked(p.cfg.Hooks.Dialed, d, nil) // it was made, and is closed like all that was
		p.failWaitersLocked(d, err)
		p.closeLocked(s, ReasonCapacity)
	default:
		if s.capacity > 0 {
			p.noteSuccessLocked() // else it is not known yet
		}
		p.dialEventLocked(p.cfg.Hooks.Dialed, d, nil)
		p.learnKindLocked(s, shared)
		p.beBornLocked(s)
		p.mu.handed = s
		if s.capacity == 0 && p.cfg.Expect == nil {
			s.expect = clamped(d.expected)
		}
		p.setOpeningLocked(s, s.capacity == 0)
		p.joinLocked(s)
		if s.dirty { // it changed after the first look
			p.queueLookLocked(s)
		}
	}
}

// learnKindLocked notes what the next dial is expected to bring, now that this
// one has shown what there is.
func (p *Pool[R]) learnKindLocked(s *slot[R], shared int) {
	switch {
	case shared > 0:
		p.learnLocked(shared)
	case s.share != nil:
		p.learnLocked(max(1, p.cfg.Shared))
	default:
		p.mu.shared = 1
	}
}

// dialFailed gives up the slot of a dial that brought nothing.
func (p *Pool[R]) dialFailed(d *dial[R], err error) {
	p.lock()
	defer p.unlockQuietly()
	p.removeDialLocked(d)
	p.move(d.slot, empty)
	p.failWaitersLocked(d, err)
}

// failWaitersLocked counts a dial that failed, and gives its error to the waiters that it
// was counted for (see isForLocked). Later ones cause the next dial.
func (p *Pool[R]) failWaitersLocked(d *dial[R], err error) {
	if d.canceled { // the pool ended it; that is nobody's failure
		p.mu.count.rare().DialsCanceled++
		p.dialEventLocked(p.cfg.Hooks.DialFailed, d, err)
		return
	}
	p.mu.count.rare().DialErrors++
	p.noteFailureLocked(d.slot, err)
	p.dialEventLocked(p.cfg.Hooks.DialFailed, d, err)
	p.failOldestLocked(d.expected, err, p.isForLocked(d))
}

// failOldestLocked gives err to the n oldest of the waiters whom accept is true for, and
// to all if the breaker opens.
func (p *Pool[R]) failOldestLocked(n int, err error, accept func(waitq.Entry) bool) {
	failure := p.dialErrorLocked(err)
	if failed := p.failSomeLocked(n, failure, accept); failed > 0 {
		p.mu.deliveries += uint32(failed) //nolint:gosec // nobody has billions of waiters
		p.mu.outage.lastCall = p.momentLocked()
	}
	p.breakLocked() // the others were not counted for
}

// failSomeLocked gives err to the n oldest of the waiters whom accept is true for, and returns
// how many there were.
func (p *Pool[R]) failSomeLocked(n int, err error, accept func(waitq.Entry) bool) int {
	those := p.waiters.FailSome(n, err, accept)
	for _, e := range those {
		p.noteServedLocked(e)
	}
	return len(those)
}

// failAllLocked gives err to all waiters, and returns how many there were.
func (p *Pool[R]) failAllLocked(err error) (n int) {
	if !p.anyChoosyLocked() {
		return p.waiters.FailAll(err)
	}
	return p.failSomeLocked(math.MaxInt, err, nil)
}

// dialEventLocked has a hook called about a dial that has ended.
func (p *Pool[R]) dialEventLocked(hook func(DialEvent), d *dial[R], err error) {
	if hook == nil {
		return
	}
	e := DialEvent{Key: p.key(), Took: time.Since(d.started), Err: err, Attempt: p.failuresLocked(), Canceled: d.canceled}
	p.laterLocked(func() { hook(e) })
}

// flyingLocked returns how many dials are in flight that the pool wants.
func (p *Pool[R]) flyingLocked() int { return p.mu.dials.Len() }

// dialingLocked returns how many dials have not returned yet.
func (p *Pool[R]) dialingLocked() int { return p.mu.dials.Len() + int(p.mu.canceled) }

// sharedLocked returns for how many waiters one dial is started.
func (p *Pool[R]) sharedLocked() int { return int(p.mu.shared) }

func (p *Pool[R]) removeDialLocked(d *dial[R]) {
	if d.canceled {
		p.mu.canceled-- // it has left the list
		return
	}
	p.mu.dials.Remove(&d.link)
	p.noteFliesLocked(d.slot.number, -1)
}

// cancelLocked ends the ctx of a dial. Its slot stays taken until Dial returns;
// should that bring a resource after all, it is used like any other. It leaves the
// list: whoever looks for a dial there has none of those to pass, however many they are.
func (p *Pool[R]) cancelLocked(d *dial[R], why error) {
	if !d.canceled {
		p.removeDialLocked(d)
		d.canceled = true
		p.mu.canceled++
		d.cancel(why)
	}
}

// cancelOrphansLocked cancels the first n of the dials that no waiter needs.
func (p *Pool[R]) cancelOrphansLocked(o *orphans[R], n int) {
	n = min(n, o.n)
	o.n -= n
	if o.those == nil {
		p.cancelNewestLocked(n)
		return
	}
	for _, d := range o.those[:n] {
		p.cancelLocked(d, errUnwanted)
	}
	o.those = o.those[n:]
}

// cancelNewestLocked cancels n dials, whoever waits for them.
func (p *Pool[R]) cancelNewestLocked(n int) {
	for range n {
		d := p.newestDialLocked()
		if d == nil {
			return
		}
		p.cancelLocked(d, errUnwanted)
	}
}

// freshDialLocked reports whether a dial is in flight that began late enough for
// a waiter for whom first is the first that will do.
func (p *Pool[R]) freshDialLocked(first uint64) bool {
	d := p.newestDialLocked()
	return d != nil && d.slot.number >= first
}

// newestDialLocked returns the newest dial that is not canceled, or nil.
func (p *Pool[R]) newestDialLocked() *dial[R] { return p.mu.dials.Newest() }
