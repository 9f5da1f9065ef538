package pool

import (
	"context"
	"time"
)

// probes are the checks in the background: one that runs, and what waits for it.
type probes[R any] struct {
	of  *slot[R]
	end context.CancelCauseFunc
	due []*slot[R]

	doubted bool // the running one takes too long
}

// probeLocked checks an idle resource in the background, one at a time: checking
// all at once would leave callers with none. Meanwhile the slot counts as Dialing,
// and as a resource that is about to be there. It keeps its place in the idle
// lists, so coming back costs nothing, however many are idle.
func (p *Pool[R]) probeLocked(s *slot[R]) {
	if s.gone || s.state != idle || p.mu.closed {
		return
	}
	if running := p.mu.probes; running != nil {
		if !s.probeDue {
			s.probeDue = true
			running.due = append(running.due, s)
		}
		return
	}
	s.checking, s.probed = true, true
	p.move(s, dialing)
	ctx, cancel := context.WithCancelCause(context.Background())
	p.ownLocked()
	p.mu.probes = &probes[R]{of: s, end: cancel}
	limit := p.cfg.DialTimeout // callers wait for this as they do for a dial
	if limit == 0 {
		limit = p.cfg.CheckEvery // by then it would be due again
	}
	p.setLocked(&s.probe, s, toDoubt, time.Now().Add(limit))
	go p.runProbe(ctx, limit, s)
}

// doubtLocked notes that a check takes too long, of which the ctx has ended. Should Check
// not heed that, callers no longer count on the resource.
func (p *Pool[R]) doubtLocked(s *slot[R]) {
	if p.mu.probes == nil || s != p.mu.probes.of {
		return
	}
	p.mu.probes.doubted = true
	p.refitLocked(s)
}

func (p *Pool[R]) runProbe(ctx context.Context, limit time.Duration, s *slot[R]) {
	err := errNoReturn
	ctx, cancel := context.WithTimeoutCause(ctx, limit, dialTimeError{})
	defer cancel()
	defer func() { // also after a panic or runtime.Goexit
		defer func() { p.probed(s, err) }() // last, so that Shutdown waits for the hook as well
		if r := recover(); r != nil {
			p.raise(&panicError{value: r})
		}
	}()
	err = p.cfg.Check(ctx, s.value)
}

// probed makes the slot idle again, or closes it, and goes on to the next that is
// due.
func (p *Pool[R]) probed(s *slot[R], err error) {
	p.lock()
	defer p.unlockQuietly()
	ended := p.mu.probes
	ended.end(nil)
	p.mu.probes = nil
	p.clearLocked(&s.probe)
	s.checking, s.probed = false, false
	switch reason, stale := p.staleLocked(s); {
	case s.gone:
	case err != nil:
		p.closeLocked(s, ReasonCheck)
	case stale:
		p.closeLocked(s, reason)
	default:
		if p.member != nil {
			p.member.idle(&s.mark, s.idleSince, nil) // the Budget may have picked it meanwhile
		}
		p.move(s, idle) // idleSince is still that of its last use
		s.tested = time.Now()
		p.setLocked(&s.probe, s, toProbe, s.tested.Add(p.cfg.CheckEvery))
	}
	p.probeNextLocked(ended.due)
}

// isCheckingLocked reports whether a check in the background runs, on a resource that most
// likely is well.
func (p *Pool[R]) isCheckingLocked() bool {
	running := p.mu.probes
	return running != nil && !running.doubted && !running.of.gone && !running.of.draining
}

// probeNextLocked goes on with the first that is still due.
func (p *Pool[R]) probeNextLocked(due []*slot[R]) {
	for i, next := range due {
		due[i] = nil // so the GC can free it
		next.probeDue = false
		if next.probe.set() {
			continue // it has been used meanwhile, and is due later
		}
		p.probeLocked(next)
		if p.mu.probes != nil {
			p.mu.probes.due = due[i+1:]
			return
		}
	}
}
