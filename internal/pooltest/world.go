package pooltest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
	"go.uber.org/atomic"
)

// A Unit is the resource of a simulation.
type Unit struct {
	Key      int
	begun    time.Time // its dial
	born     time.Time
	capacity atomic.Int32
	users    atomic.Int32
	uses     atomic.Int32
	closes   atomic.Int32
	hijacked atomic.Bool
	retired  time.Time // when Retire had let go of it; under World.mu
	changed  func()    // with Watch
}

// Capacity is for a Config with shareable Units.
func (u *Unit) Capacity() int { return int(u.capacity.Load()) }

// Watch is for a Config with shareable Units.
func (u *Unit) Watch(changed func()) { u.changed = changed }

// Trouble says how often things go wrong in a World, from 0 to 1.
type Trouble struct {
	Refuse, Hang, Panic, Stubborn float64 // of dials; a stubborn one does not heed its context
	Check, Take                   float64 // of those calls that fail
	Slow, Stuck                   float64 // of Close funcs; a stuck one takes longer than CloseTimeout
	Discard, Hijack, Keep         float64 // of leases; Keep is the part of the discarded whose callers come back at their place
	Leave, Low, Fresh, Try        float64 // of calls
}

// A World plays everything around a pool of Units for a simulation: the peer
// that they connect to, with its outages, and the callers. It sees what a peer
// and a caller can see, and notes what breaks an invariant.
type World struct {
	Trouble                        Trouble
	MaxCapacity                    int           // of a Unit; 1: exclusive
	CloseTimeout                   time.Duration // as in the Config
	MaxLifetime                    time.Duration // as in the Config
	MaxUses                        int           // as in the Config
	LowLag                         int           // as in the Config; 0: the order of low callers is not checked
	Chores                         int           // one look in so many is followed by a chore
	Quiet                          bool          // no hook is called for each lease, so that the pool may lend resources without its lock
	t                              testing.TB
	seed                           uint64
	mu                             sync.Mutex
	rnd                            *rand.Rand
	caps                           Caps
	allowed                        Caps        // they may be exceeded by dials that a Pace held up when they fell
	used                           map[int]int // slots as the peer counts them, by key
	total, dialing                 int
	dials                          map[int]int // in flight, by key
	paces                          []*Pace
	failed                         map[moment]bool   // Check or Take did
	down                           map[int]time.Time // until when a key's peer is down
	reset                          map[int]time.Time
	units                          []*Unit
	made, refused, closed, hijacks uint64
	calls                          []simCall
	events                         Events
	wrong                          []string
}

// A moment is one of a key.
type moment struct {
	key int
	at  time.Time
}

// Caps are the limits that a World sees to: 0 is none.
type Caps struct{ PerKey, Total, Dials, KeyDials int }

// NewWorld returns a World whose chances are drawn from the seed.
func NewWorld(t testing.TB, seed uint64) *World {
	t.Logf("seed %d", seed)
	return &World{
		t: t, seed: seed, rnd: rand.New(rand.NewPCG(seed, 0)), MaxCapacity: 1, Chores: 15, //nolint:gosec // chances, not secrets
		used: map[int]int{}, dials: map[int]int{}, failed: map[moment]bool{}, down: map[int]time.Time{}, reset: map[int]time.Time{},
	}
}

// SetCaps tells which limits hold from now on. Where they fall, the pool must
// have been told before and have come to rest.
func (w *World) SetCaps(c Caps) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.caps, w.allowed = c, c
	if n := w.inPaceLocked(); n > 0 {
		w.allowed.Total, w.allowed.Dials = max(c.Total, w.total+n), max(c.Dials, w.dialing+n)
	}
}

// Down takes the peer of a key away for a time.
func (w *World) Down(key int, d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.down[key] = time.Now().Add(d)
}

// Reset notes that what was dialled for a key before now must not be used any
// more. It is called just after the pool's own Reset.
func (w *World) Reset(key int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.reset[key] = time.Now()
}

// Retired notes units that must not be used any more. It is called just after the
// pool's Retire, with those for which its func returned true.
func (w *World) Retired(units []*Unit) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, u := range units {
		if u.retired.IsZero() {
			u.retired = time.Now()
		}
	}
}

// Wrong notes that something breaks an invariant.
func (w *World) Wrong(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.wrongLocked(format, args...)
}

func (w *World) wrongLocked(format string, args ...any) {
	if len(w.wrong) < 20 {
		w.wrong = append(w.wrong, fmt.Sprintf("%v: %s", time.Now().Format(time.TimeOnly), fmt.Sprintf(format, args...)))
	}
}

// fate is what becomes of a dial.
type fate uint8

const (
	accepted fate = iota
	declined
	hanging
	panicking
	deaf // accepted, whatever the context says
)

// Dial is for the Config.
func (w *World) Dial(ctx context.Context, key int) (*Unit, error) {
	begun, took, f := w.beginDial(key)
	ended := false
	defer func() {
		if !ended {
			w.endDial(key, nil)
		}
	}()
	switch f {
	case hanging:
		<-ctx.Done()
	case deaf:
		<-time.After(took)
	default:
		select {
		case <-time.After(took):
		case <-ctx.Done():
		}
	}
	switch {
	case f == panicking:
		panic("the dialler's own fault")
	case f == declined:
		return nil, ErrRefused
	case f != deaf && ctx.Err() != nil:
		return nil, ctx.Err()
	}
	u := &Unit{Key: key, begun: begun, born: time.Now()}
	u.capacity.Store(int32(1 + w.draw(w.MaxCapacity))) //nolint:gosec // small
	ended = true
	w.endDial(key, u)
	return u, nil
}

// beginDial counts a slot, from the first packet on, and checks the caps.
func (w *World) beginDial(key int) (begun time.Time, took time.Duration, f fate) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.used[key]++
	w.total++
	w.dialing++
	w.dials[key]++
	w.checkPaceLocked(key)
	if c := w.caps.PerKey; c > 0 && w.used[key] > c {
		w.wrongLocked("I1: key %d has %d slots, of %d", key, w.used[key], c)
	}
	if c := w.caps.Total; c > 0 && w.total > w.allowed.Total {
		w.wrongLocked("I1: %d slots in total, of %d", w.total, c)
	}
	if c := w.caps.Dials; c > 0 && w.dialing > w.allowed.Dials {
		w.wrongLocked("I7: %d dials, of %d", w.dialing, c)
	}
	if c := w.caps.KeyDials; c > 0 && w.dials[key] > c {
		w.wrongLocked("I7: %d dials of key %d, of %d", w.dials[key], key, c)
	}
	now, t := time.Now(), w.Trouble
	took = time.Duration(1+w.rnd.IntN(200)) * time.Millisecond
	switch x := w.rnd.Float64(); {
	case now.Before(w.down[key]):
		f = declined
	case x < t.Refuse:
		f = declined
	case x < t.Refuse+t.Hang:
		f = hanging
	case x < t.Refuse+t.Hang+t.Panic:
		f = panicking
	case x < t.Refuse+t.Hang+t.Panic+t.Stubborn:
		f = deaf
	}
	return now, took, f
}

func (w *World) endDial(key int, u *Unit) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.dialing--
	w.dials[key]--
	if u == nil {
		w.refused++
		w.leaveLocked(key)
		return
	}
	w.made++
	w.units = append(w.units, u)
}

func (w *World) leaveLocked(key int) {
	w.used[key]--
	w.total--
}

func (w *World) leave(key int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.leaveLocked(key)
}

// Close is for the Config.
func (w *World) Close(u *Unit) error {
	if u.closes.Inc() > 1 {
		w.Wrong("I10: closed twice")
	}
	if w.MaxCapacity == 1 && u.users.Load() > 0 {
		w.Wrong("closed while a lease is out")
	}
	switch x := w.chance(); {
	case x < w.Trouble.Stuck && w.CloseTimeout > 0:
		// The pool gives its slot to another when CloseTimeout has passed.
		<-time.After(w.CloseTimeout - 1)
		w.leave(u.Key)
		<-time.After(time.Minute)
	default:
		if x < w.Trouble.Stuck+w.Trouble.Slow {
			<-time.After(time.Duration(w.draw(2000)) * time.Millisecond)
		}
		w.leave(u.Key)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed++
	return nil
}

// Check is for the Config. It fails without warning, now and then.
func (w *World) Check(_ context.Context, u *Unit) error { return w.mayFail(u, w.Trouble.Check) }

// Take is for the Config.
func (w *World) Take(u *Unit) error { return w.mayFail(u, w.Trouble.Take) }

var errChance = errors.New("as chance would have it")

func (w *World) mayFail(u *Unit, chance float64) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.rnd.Float64() >= chance {
		return nil
	}
	w.failed[moment{u.Key, time.Now()}] = true
	return errChance
}

func (w *World) chance() float64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.rnd.Float64()
}

func (w *World) draw(n int) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.rnd.IntN(n)
}

// Settle checks what must be true when the pool has been shut down, and reports
// all that was wrong.
func (w *World) Settle(s pool.Stats) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, u := range w.units {
		if want := int32(1); !u.hijacked.Load() && u.closes.Load() != want {
			w.wrongLocked("I10: a unit of key %d was closed %d times", u.Key, u.closes.Load())
		}
	}
	w.checkOrderLocked()
	w.checkLowLocked()
	for _, text := range w.wrong {
		w.t.Error(text)
	}
	assert.Zero(w.t, w.total, "slots that the peer still counts")
	w.events.check(w.t, s)
	assert.Equal(w.t, w.made, s.Dials, "dials that made something")
	assert.Equal(w.t, w.refused+w.unstartedLocked(), s.DialErrors+s.DialsCanceled, "dials that did not")
	assert.Equal(w.t, w.closed, s.Closes.Total())
	assert.Equal(w.t, w.hijacks, s.Hijacks)
	assert.Equal(w.t, s.Dials, s.Closes.Total()+s.Hijacks, "Dials = Closes + Hijacks + Open")
	assert.Equal(w.t, s.Acquires, s.Hits+s.Waits, "Acquires = Hits + Waits")
	assert.Zero(w.t, s.Open+s.Dialing+s.Closing+s.Waiting+s.Leases, "gauges")
	w.t.Logf("%d calls, %d hits, %d waits (%d given up), %d turned away, %d shed; %d dials, %d failed, %d canceled, %d breaks; "+
		"%d abandoned, %d held long; %d closed: %v", len(w.calls), s.Hits, s.Waits, s.Canceled, s.Rejected, s.Shed,
		s.Dials, s.DialErrors, s.DialsCanceled, s.Breaks, s.Abandoned, s.Leaks, s.Closes.Total(), closesOf(s.Closes))
}

func closesOf(c pool.Closes) map[string]uint64 {
	all := map[string]uint64{}
	for r, n := range c {
		if n > 0 {
			all[pool.Reason(r).String()] = n //nolint:gosec // an index
		}
	}
	return all
}
