package pooltest

import (
	"context"
	"sync"
	"time"
)

// A Pace is a pool.Limiter: it lets a dial go each time a while has passed. Its
// World sees to it that no dial begins without its leave.
type Pace struct {
	w     *World
	every time.Duration
	suits func(key int) bool // whose dials it holds up

	mu    sync.Mutex
	next  time.Time
	held  int // dials in Wait
	leave int // given, and not used yet
}

// Pace returns a Pace for the dials of those keys that suit.
func (w *World) Pace(every time.Duration, suits func(key int) bool) *Pace {
	l := &Pace{w: w, every: every, suits: suits}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.paces = append(w.paces, l)
	return l
}

// Wait is for the pool.
func (l *Pace) Wait(ctx context.Context) error {
	select {
	case <-time.After(l.book()):
		l.end(true)
		return nil
	case <-ctx.Done():
		l.end(false)
		l.w.mu.Lock()
		defer l.w.mu.Unlock()
		l.w.refused++ // a dial that the peer never sees
		return ctx.Err()
	}
}

// end is the end of a Wait that gives leave to a dial, or its turn to others.
func (l *Pace) end(leave bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.held--
	if leave {
		l.leave++
	} else {
		l.next = l.next.Add(-l.every)
	}
}

// book returns how long the next dial must wait.
func (l *Pace) book() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.held++
	now := time.Now()
	if l.next.Before(now) {
		l.next = now
	}
	wait := l.next.Sub(now)
	l.next = l.next.Add(l.every)
	return wait
}

// use takes a leave, if there is one.
func (l *Pace) use() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.leave == 0 {
		return false
	}
	l.leave--
	return true
}

// unstartedLocked returns how many dials that were let go by all that holds them up have not
// begun: their contexts had ended by then.
func (w *World) unstartedLocked() (n uint64) {
	const none = -1
	for _, l := range w.paces {
		if l.suits(none) { // the one for all keys is asked last
			return uint64(l.leave) //nolint:gosec // a count
		}
		n += uint64(l.leave) //nolint:gosec // a count
	}
	return n
}

// checkPaceLocked checks that a dial that begins was let go by all that hold it up.
func (w *World) checkPaceLocked(key int) {
	for _, l := range w.paces {
		if l.suits(key) && !l.use() {
			w.wrongLocked("a dial of key %d began without leave of DialRate", key)
		}
	}
}

// inPaceLocked returns how many dials are held up. They have their slots in the
// pool's eyes, and the peer does not know of them.
func (w *World) inPaceLocked() (n int) {
	for _, l := range w.paces {
		l.mu.Lock()
		n += l.held
		l.mu.Unlock()
	}
	return n
}

// tightenLocked sees to it that what exceeds the caps only falls. Nothing runs.
func (w *World) tightenLocked() {
	n := w.inPaceLocked()
	w.allowed.Total = max(w.caps.Total, min(w.allowed.Total, w.total+n))
	w.allowed.Dials = max(w.caps.Dials, min(w.allowed.Dials, w.dialing+n))
}
