package pool

import "time"

// changed notes that Capacity of s may return something else now. The resource
// may call it from anywhere, also under its own locks and inside the pool's calls
// to it: it calls nothing of the user's and waits for nothing but the pool's lock,
// under which nothing of the user's runs either.
func (p *Pool[R]) changed(s *slot[R]) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s.dirty = true
	if s.share != nil && s.refusedNow == maxRefusals && s.look.set() {
		if soon := time.Now().Add(refusedTime); s.look.at.After(soon) {
			p.setLocked(&s.look, s, toLook, soon) // what it tells of may be room; the bell is set after the look at it
		}
	}
	if s.own.lent && s.share == nil {
		s.own.Mark() // its lease must end under the lock, where Capacity is read
	}
	if !s.sampling && s.adopted { // else whoever samples it, or adopts it, looks again
		p.queueLookLocked(s)
	}
}

// looks are the slots whose Capacity must be read again. A goroutine is at it.
type looks[R any] struct{ due []*slot[R] }

// queueLookLocked has Capacity of s read in the background.
func (p *Pool[R]) queueLookLocked(s *slot[R]) {
	if s.gone || s.queued {
		return
	}
	s.queued = true
	if p.mu.looks == nil {
		p.ownLocked()
		p.mu.looks = &looks[R]{}
		go p.dispatch()
	}
	p.mu.looks.due = append(p.mu.looks.due, s)
}

// dispatch reads Capacity of the slots that changed, and ends when none is left.
func (p *Pool[R]) dispatch() {
	done := false
	defer func() {
		if !done { // runtime.Goexit in a look: another goroutine goes on
			go p.dispatch()
		}
	}()
	for !done {
		for s := p.nextDirty(); s != nil; s = p.nextDirty() {
			if err := p.sample(s, false); err != nil {
				p.raise(err)
			}
		}
		p.endLooks(&done)
	}
}

// nextDirty returns the next slot to look at, or nil. It does not end as other changes of
// the pool do: no hook may run, and end the goroutine, while the slot is in no list.
func (p *Pool[R]) nextDirty() *slot[R] {
	p.mu.Lock()
	defer p.mu.Unlock()
	due := p.mu.looks.due
	if len(due) == 0 {
		return nil
	}
	s := due[0]
	due[0] = nil // so the GC can free it
	p.mu.looks.due = due[1:]
	s.queued = false
	return s
}

// endLooks notes that no goroutine is at it any more, and sets done, unless a slot is left to
// look at.
func (p *Pool[R]) endLooks(done *bool) {
	p.lock()
	defer p.unlockQuietly() // a hook may end the goroutine: then nothing is left to go on with
	if len(p.mu.looks.due) > 0 {
		return
	}
	p.mu.looks = nil
	*done = true
}

// mustSampleLocked reports whether Capacity of s is to be read when a lease ends:
// where nothing tells of changes, where an exclusive one has told of one that the next
// holder must not find out, and where Take and Capacity disagreed.
func (p *Pool[R]) mustSampleLocked(s *slot[R]) bool {
	return p.cfg.Capacity != nil && (p.cfg.Watch == nil || s.refused || s.share == nil && s.dirty)
}

// sample reads Capacity and acts on it, after a failed Take if refused. The error is a panic of
// the user's func, after which the resource is dead.
func (p *Pool[R]) sample(s *slot[R], refused bool) (err *panicError) {
	p.lock()
	defer func() {
		if failed := p.finish(false, nil); err == nil {
			err = failed
		}
	}()
	if refused {
		p.holdBackLocked(s)
	}
	return p.sampleLocked(s)
}

// sampleLocked is sample under the lock, which is free while it reads, and that it does
// again while the slot is dirty. One goroutine at a time does so for a slot; another
// leaves it to that one.
func (p *Pool[R]) sampleLocked(s *slot[R]) *panicError {
	s.dirty = true
	if s.sampling || s.gone {
		return nil
	}
	if s.share == nil {
		p.reclaimSlotLocked(s) // nobody is to take it meanwhile
	}
	s.sampling = true
	defer func() { s.sampling = false }()
	for s.dirty && !s.gone {
		s.dirty, s.refused = false, false
		if err := p.lookLocked(s); err != nil {
			return err
		}
	}
	return nil
}

// lookLocked reads Capacity, Expect and Shared once, with the lock free meanwhile, and
// notes what they say. A func that does not return says Dead.
func (p *Pool[R]) lookLocked(s *slot[R]) (err *panicError) {
	capacity, expect, shared := Dead, Dead, 0
	before, expected, adopted := s.capacity, s.expect, s.adopted
	where := "Capacity"
	p.mu.form = restless // what was read just before may have changed that
	p.mu.Unlock()
	defer func() { // also after runtime.Goexit
		if r := recover(); r != nil {
			capacity = Dead
			err = &panicError{where: where, value: r}
		}
		p.lock()
		p.learnLocked(shared)
		p.setCapacityLocked(s, capacity, expect)
	}()
	n := p.cfg.Capacity(s.value)
	e := n
	if p.cfg.Expect != nil && n >= 0 {
		where = "Expect"
		e = max(n, p.cfg.Expect(s.value))
	}
	if adopted && (clamped(n) != before || clamped(e) != expected) { // else adopt asks, or there is no news
		where = "Shared"
		shared = p.askShared() // there may be something to learn for the next dial
	}
	capacity, expect = n, e
	return nil
}

func (p *Pool[R]) setCapacityLocked(s *slot[R], capacity, expect int) {
	switch {
	case s.gone:
	case !s.adopted: // dialed decides
		s.capacity, s.expect = clamped(capacity), clamped(expect)
	case capacity < 0:
		p.reclaimSlotLocked(s)
		if s.opening {
			p.neverOpenedLocked(s)
		} else {
			p.noteEndLocked(s)
		}
		if capacity <= Dead {
			p.closeLocked(s, ReasonCapacity)
		} else {
			p.retireLocked(s, ReasonCapacity)
		}
	default:
		if s.share != nil && s.refusedNow == maxRefusals && capacity > s.leases {
			capacity, expect = refusedWith(s.leases) // until the look that is due: see doubtCapacityLocked
			s.refused = true
		}
		if capacity < int(s.capacity) {
			p.reclaimSlotLocked(s) // what is out counts against it when it ends
		}
		s.capacity = clamped(capacity)
		if !s.opening || capacity > 0 || p.cfg.Expect != nil { // else the word is that of the dial
			s.expect = clamped(expect)
		}
		if capacity > 0 {
			p.noteOpenedLocked(s)
		}
		p.refitLocked(s)
	}
}

// raise tells of a panic in a goroutine of the pool.
func (p *Pool[R]) raise(err *panicError) {
	if p.cfg.Hooks.Panic != nil {
		p.cfg.Hooks.Panic(err.value)
		return
	}
	panic(err.value)
}
