package pool

// news are changes of the breaker of which the hook has not been told yet.
type news struct {
	due     []BreakerEvent
	telling bool // a goroutine is at it
}

// breakerEventLocked has the hook called about a change of the breaker: of one after the
// other, in their order, so that what it was told last is how the breaker stands. What was
// to be called before may hold up the goroutine in which an event came; then that of a later
// one tells of both.
func (p *Pool[R]) breakerEventLocked(e BreakerEvent) {
	if p.cfg.Hooks.Breaker == nil {
		return
	}
	p.ownLocked()
	p.mu.news.due = append(p.mu.news.due, e)
	p.laterLocked(func() { p.tellNews(false) })
}

// tellNews tells of all changes there are, unless another goroutine does so. again says
// that it goes on with that.
func (p *Pool[R]) tellNews(again bool) {
	e, ok := p.nextNews(again)
	if !ok {
		return
	}
	defer p.tellNews(true) // also after a panic or runtime.Goexit
	p.cfg.Hooks.Breaker(e)
}

func (p *Pool[R]) nextNews(again bool) (e BreakerEvent, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := &p.mu.news
	if n.telling && !again {
		return e, false
	}
	n.telling = len(n.due) > 0
	if !n.telling {
		n.due = nil
		return e, false
	}
	e = n.due[0]
	n.due = n.due[1:]
	return e, true
}
