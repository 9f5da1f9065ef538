package pool

// changed notes that Capacity of s may return something else now. The resource
// may call it from anywhere, also under its own locks and inside the pool's calls
// to it: it calls nothing of the user's and waits for nothing but the pool's lock,
// under which nothing of the user's runs either.
func (p *Pool[R]) changed(s *slot[R]) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s.dirty = true
	if s.gone || s.sampling || s.queued {
		return // whoever samples it looks again while it is dirty
	}
	s.queued = true
	p.mu.dirty = append(p.mu.dirty, s)
	if !p.mu.dispatching {
		p.mu.dispatching = true
		go p.dispatch()
	}
}

// dispatch reads Capacity of the slots that changed, and ends when none is left.
func (p *Pool[R]) dispatch() {
	for s := p.nextDirty(); s != nil; s = p.nextDirty() {
		if err := p.sample(s); err != nil {
			p.raise(err)
		}
	}
}

func (p *Pool[R]) nextDirty() *slot[R] {
	p.lock()
	defer p.unlock()
	if len(p.mu.dirty) == 0 {
		p.mu.dirty = nil
		p.mu.dispatching = false
		return nil
	}
	s := p.mu.dirty[0]
	p.mu.dirty[0] = nil // so the GC can free it
	p.mu.dirty = p.mu.dirty[1:]
	s.queued = false
	return s
}

// mustSample reports whether Capacity of s is to be read when a lease ends: where
// nothing tells of changes, where the next holder must not find it busy, and
// where Take and Capacity disagreed.
func (p *Pool[R]) mustSample(s *slot[R]) bool {
	if p.cfg.Capacity == nil {
		return false
	}
	if !s.shareable || p.cfg.Watch == nil {
		return true
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return s.refused
}

// sample reads Capacity, without the lock and again while the slot is dirty, and
// acts on it. One goroutine at a time does so for a slot; another leaves it to
// that one. The error is a panic of the user's func, after which the resource is
// dead.
func (p *Pool[R]) sample(s *slot[R]) *panicError {
	p.lock()
	defer p.unlock()
	s.dirty = true
	if s.sampling || s.gone {
		return nil
	}
	s.sampling = true
	defer func() { s.sampling = false }()
	for s.dirty && !s.gone {
		s.dirty, s.refused = false, false
		p.mu.Unlock()
		capacity, expect, err := p.readCapacity(s.value)
		p.mu.Lock()
		if err != nil {
			p.setCapacityLocked(s, Dead, Dead)
			return err
		}
		p.setCapacityLocked(s, capacity, expect)
	}
	return nil
}

func (p *Pool[R]) readCapacity(v R) (capacity, expect int, err *panicError) {
	where := "Capacity"
	defer func() {
		if r := recover(); r != nil {
			err = &panicError{where: where, value: r}
		}
	}()
	capacity = p.cfg.Capacity(v)
	expect = capacity
	if p.cfg.Expect != nil && capacity >= 0 {
		where = "Expect"
		expect = max(capacity, p.cfg.Expect(v))
	}
	return capacity, expect, nil
}

func (p *Pool[R]) setCapacityLocked(s *slot[R], capacity, expect int) {
	switch {
	case s.gone:
	case !s.adopted: // dialed decides
		s.capacity, s.expect = capacity, expect
	case capacity <= Dead:
		p.closeLocked(s, ReasonCapacity)
	case capacity < 0:
		p.retireLocked(s, ReasonCapacity)
	default:
		s.capacity, s.expect = capacity, expect
	}
}

// raise tells of a panic in a goroutine of the pool.
func (p *Pool[R]) raise(err *panicError) {
	if p.cfg.Hooks != nil && p.cfg.Hooks.Panic != nil {
		p.cfg.Hooks.Panic(err.value)
		return
	}
	panic(err.value)
}
