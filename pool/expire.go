package pool

import "time"

// armExpiryLocked sets the pool's one timer to the moment at which the oldest
// idle resource expires. It is not moved when that one is used first: firing
// early costs a look, setting a timer on every use would cost more.
func (p *Pool[R]) armExpiryLocked() {
	oldest := p.mu.idle.oldest
	if p.cfg.MaxIdleTime == 0 || p.mu.expiryArmed || oldest == nil {
		return
	}
	p.mu.expiryArmed = true
	d := time.Until(oldest.idleSince.Add(p.cfg.MaxIdleTime))
	if p.mu.expiry == nil {
		p.mu.expiry = time.AfterFunc(d, p.expire)
	} else {
		p.mu.expiry.Reset(d)
	}
}

// expire closes what has been idle for MaxIdleTime. The idle list is in order, so
// it looks at those and one more.
func (p *Pool[R]) expire() {
	p.lock()
	defer p.unlock()
	p.mu.expiryArmed = false
	now := time.Now()
	for s := p.mu.idle.oldest; s != nil && now.Sub(s.idleSince) >= p.cfg.MaxIdleTime; s = p.mu.idle.oldest {
		p.closeLocked(s, ReasonIdleTime)
	}
}
