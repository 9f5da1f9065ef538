package main

import (
	"sync"
	"time"
)

// An entry holds the stamps of one request, all from one clock.
//
// Neither client nor server can see the instant at which a pool gives a request
// its turn. What they can see is a moment before it and a moment after it, and
// the order of two turns is certain only where these do not overlap.
type entry struct {
	called  time.Duration // RoundTrip was called
	asked   time.Duration // the pool was asked: a trace tells; at first the same as called
	waiting time.Duration // the latest moment at which it was certainly still waiting
	turn    time.Duration // the earliest moment at which it certainly had its turn
}

// wait is the time from the call of RoundTrip to the turn.
func (e entry) wait() time.Duration { return e.turn - e.called }

// A cell is one entry while it is being written. Client and server write from
// different goroutines, but seldom at the same time: each cell has a lock of its
// own, so that measuring one request never makes another one wait.
type cell struct {
	mu struct {
		sync.Mutex
		entry
		called, asked, served bool
	}
}

// A ledger collects the entries of one run. The first stamp of each kind stays,
// so a request that is redirected or sent again counts with its first attempt.
type ledger struct {
	start time.Time // the clock: monotonic, and the same for client and server
	cells []cell
}

func newLedger(n int) *ledger { return &ledger{start: time.Now(), cells: make([]cell, n)} }

func (l *ledger) now() time.Duration { return time.Since(l.start) }

// call records that RoundTrip is called for request i.
func (l *ledger) call(i int) {
	c := &l.cells[i]
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.mu.called {
		c.mu.called = true
		c.mu.entry.called = l.now()
		c.mu.entry.asked = c.mu.entry.called
	}
}

// ask records that the pool is asked for a connection for request i. It matters
// for the order alone: a goroutine that the system stops between the call and
// the queue is not overtaken by those who queue meanwhile.
func (l *ledger) ask(i int) {
	c := &l.cells[i]
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.mu.asked {
		c.mu.asked = true
		c.mu.entry.asked = l.now()
	}
}

// serve records that request i was still waiting at one moment and had its turn
// at another. A number that no request has is ignored: a server may be called
// by a stranger.
func (l *ledger) serve(i int, waiting, turn time.Duration) {
	if i < 0 || i >= len(l.cells) {
		return
	}
	c := &l.cells[i]
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.mu.served {
		c.mu.served = true
		c.mu.entry.waiting, c.mu.entry.turn = waiting, turn
	}
}

// served returns the entries of all requests that had their turn.
func (l *ledger) served() []entry {
	var out []entry
	for i := range l.cells {
		c := &l.cells[i]
		c.mu.Lock()
		if c.mu.served {
			out = append(out, c.mu.entry)
		}
		c.mu.Unlock()
	}
	return out
}
