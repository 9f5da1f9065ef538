package pooltest

import (
	"errors"
	"sync"
	"testing"

	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
)

// Events counts what the hooks of a pool tell, so that it can be held against
// what the pool itself has counted.
type Events struct {
	mu                                sync.Mutex
	acquired, started, dialed, failed uint64
	released                          map[pool.End]uint64
	ended                             map[string]uint64
	evicted                           map[pool.Reason]uint64
	abandoned, shed, breaks, leaks    uint64
	requeued                          bool // a call may wait more than once
	quiet                             bool // leases are not told of
	breakerOpen                       map[any]bool
}

// Hooks is for the Config.
func (w *World) Hooks() *pool.Hooks {
	e := &w.events
	e.released, e.ended = map[pool.End]uint64{}, map[string]uint64{}
	e.evicted, e.breakerOpen = map[pool.Reason]uint64{}, map[any]bool{}
	e.requeued = w.Trouble.Check+w.Trouble.Take > 0
	note := func(f func()) {
		e.mu.Lock()
		defer e.mu.Unlock()
		f()
	}
	h := &pool.Hooks{
		Acquired:    func(pool.AcquiredEvent) { note(func() { e.acquired++ }) },
		WaitStarted: func(pool.WaitEvent) { note(func() { e.started++ }) },
		WaitEnded:   func(x pool.WaitEvent) { note(func() { e.ended[howEnded(x.Err)]++ }) },
		Released:    func(x pool.ReleasedEvent) { note(func() { e.released[x.How]++ }) },
		Dialed:      func(pool.DialEvent) { note(func() { e.dialed++ }) },
		DialFailed:  func(pool.DialEvent) { note(func() { e.failed++ }) },
		Evicted:     func(x pool.EvictedEvent) { note(func() { e.evicted[x.Reason]++ }) },
		Abandoned:   func(pool.EvictedEvent) { note(func() { e.abandoned++ }) },
		Shed:        func(pool.ShedEvent) { note(func() { e.shed++ }) },
		Leak:        func(pool.LeakEvent) { note(func() { e.leaks++ }) },
		Breaker: func(x pool.BreakerEvent) {
			note(func() {
				if x.Open {
					e.breaks++
				}
			})
		},
		Panic: func(v any) { w.Wrong("a panic in the background: %v", v) },
	}
	if w.Quiet {
		h.Acquired, h.Released = nil, nil
	}
	e.quiet = w.Quiet
	return h
}

// AtRest checks that every wait is in the accounts, while nothing runs: Waits =
// delivered + Canceled + Failed + Waiting.
func (w *World) AtRest(s pool.Stats) {
	w.mu.Lock()
	w.tightenLocked()
	w.mu.Unlock()
	e := &w.events
	e.mu.Lock()
	defer e.mu.Unlock()
	ended := e.ended["delivered"] + s.Canceled + s.Failed
	if waiting := uint64(s.Waiting); e.started != ended+waiting || !e.requeued && s.Waits != ended+waiting { //nolint:gosec // not negative
		w.Wrong("Waits = delivered + Canceled + Failed + Waiting: %d have started, %d were delivered: %+v", e.started, e.ended["delivered"], s)
	}
	if s.Acquires != s.Hits+s.Waits {
		w.Wrong("Acquires = Hits + Waits: %+v", s)
	}
}

// howEnded sorts the ends of waits.
func howEnded(err error) string {
	var left *pool.WaitError
	switch {
	case err == nil:
		return "delivered"
	case errors.As(err, &left):
		return "canceled"
	default:
		return "failed"
	}
}

// check compares the events with the counters of a pool that has been shut down.
func (e *Events) check(t testing.TB, s pool.Stats) {
	e.mu.Lock()
	defer e.mu.Unlock()
	waits := e.ended["delivered"] + e.ended["canceled"] + e.ended["failed"]
	assert.Equal(t, e.started, waits, "every wait that started has ended")
	assert.Equal(t, s.WaitTimes.Count(), waits)
	assert.Equal(t, s.Canceled, e.ended["canceled"])
	assert.Equal(t, s.Failed, e.ended["failed"])
	if !e.requeued {
		assert.Equal(t, s.Waits, waits, "Waits = delivered + Canceled + failed")
		leases := s.Acquires - e.ended["canceled"] - e.ended["failed"]
		assert.Equal(t, s.LeaseTimes.Count(), leases)
		if !e.quiet {
			assert.Equal(t, e.acquired, leases)
		}
	}
	var released, evicted uint64
	for _, n := range e.released {
		released += n
	}
	if !e.quiet {
		assert.Equal(t, s.LeaseTimes.Count(), released, "every lease has ended once")
		assert.Equal(t, s.Hijacks, e.released[pool.EndHijack])
	}
	for r, n := range e.evicted {
		assert.Equal(t, s.Closes.Of(r), n, "closed: %v", r)
		evicted += n
	}
	assert.Equal(t, s.Closes.Total(), evicted)
	assert.Equal(t, s.Dials, e.dialed)
	assert.Equal(t, s.Dials, s.DialTimes.Count())
	assert.Equal(t, s.DialErrors+s.DialsCanceled, e.failed)
	assert.Equal(t, []uint64{s.Abandoned, s.Shed, s.Breaks, s.Leaks + s.Lost}, []uint64{e.abandoned, e.shed, e.breaks, e.leaks},
		"abandoned, shed, breaks, leaks")
	assert.Equal(t, s.WaitTime, s.WaitTimes.Sum)
}
