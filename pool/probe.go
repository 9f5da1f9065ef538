package pool

import (
	"context"
	"time"
)

// probeLocked checks an idle resource in the background, one at a time: checking
// all at once would leave callers with none. Meanwhile the slot counts as
// Dialing, and as a resource that is about to be there.
func (p *Pool[R]) probeLocked(s *slot[R]) {
	if s.gone || s.state != idle || p.mu.closed {
		return
	}
	if p.mu.probing != nil {
		p.mu.toProbe = append(p.mu.toProbe, s)
		return
	}
	p.mu.probing = s
	s.checking = true
	p.move(s, dialing)
	ctx, cancel := context.WithCancelCause(context.Background())
	p.mu.endProbe = cancel
	go p.runProbe(ctx, s)
}

func (p *Pool[R]) runProbe(ctx context.Context, s *slot[R]) {
	err := errNoReturn
	defer func() { // also after a panic or runtime.Goexit
		r := recover()
		p.probed(s, err)
		if r != nil {
			p.raise(&panicError{where: "Check", value: r})
		}
	}()
	if t := p.cfg.DialTimeout; t > 0 { // callers wait for this as they do for a dial
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, t, errDialTime)
		defer cancel()
	}
	err = p.cfg.Check(ctx, s.value)
}

// probed puts the slot back to where it was in the idle list, or closes it, and
// goes on to the next that is due.
func (p *Pool[R]) probed(s *slot[R], err error) {
	p.lock()
	defer p.unlockQuietly()
	p.mu.endProbe(nil)
	p.mu.probing, p.mu.endProbe = nil, nil
	s.checking = false
	switch reason, stale := p.staleLocked(s); {
	case s.gone:
	case err != nil:
		p.closeLocked(s, ReasonCheck)
	case stale:
		p.closeLocked(s, reason)
	default:
		p.move(s, idle) // idleSince is still that of its last use
		s.tested = time.Now()
		p.setLocked(&s.probe, s, toProbe, s.tested.Add(p.cfg.CheckEvery))
	}
	for p.mu.probing == nil && len(p.mu.toProbe) > 0 {
		next := p.mu.toProbe[0]
		p.mu.toProbe = p.mu.toProbe[1:]
		if next.probe.index == 0 { // else it has been used meanwhile, and is due later
			p.probeLocked(next)
		}
	}
}
