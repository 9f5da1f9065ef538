package pooltest

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"

	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
)

// ErrRefused is what a dial fails with.
var ErrRefused = errors.New("pooltest: refused")

// A Peer makes the resources of one pool and sees what the pool does with them.
// It checks the pool from outside: the caps (I1, I7), that each resource is closed
// once (I10), that leases fit (I9, I11), and that no lock of the pool is held when
// it calls (I13).
type Peer struct {
	tb testing.TB

	mu struct {
		sync.Mutex
		look      func() // calls the pool; set before the pool is used
		auto      *Kind  // what dials bring at once; nil: each waits for the test
		stubborn  bool   // dials from now on do not return when they are canceled
		holdClose bool   // Close waits for the test
		step      int
		resets    int
		keyResets map[int]int
		limits    map[int]pool.Limits // by key
		total     pool.Limits

		dials     []*Dial // in flight, as they began
		resources []*Resource
		held      []*held // calls of Close that wait, as they began
		started   int
	}
}

// held is a call of Close that waits.
type held struct {
	r    *Resource
	done chan struct{}
}

// NewPeer returns a peer whose dials wait for the test.
func NewPeer(tb testing.TB) *Peer {
	p := &Peer{tb: tb}
	p.mu.limits, p.mu.keyResets = map[int]pool.Limits{}, map[int]int{}
	return p
}

// Auto makes dials bring resources of a kind at once.
func (p *Peer) Auto(k Kind) { p.set(func() { p.mu.auto = &k }) }

// Stubborn says whether dials that begin from now on go on when the pool cancels
// them.
func (p *Peer) Stubborn(on bool) { p.set(func() { p.mu.stubborn = on }) }

// HoldClose makes calls of Close wait for CloseReturns.
func (p *Peer) HoldClose(on bool) { p.set(func() { p.mu.holdClose = on }) }

// Step begins a step of the test. Dials that begin in one step are alike.
func (p *Peer) Step() { p.set(func() { p.mu.step++ }) }

// Look sets a func that calls the pool, to be called in every call of the pool.
func (p *Peer) Look(f func()) { p.set(func() { p.mu.look = f }) }

// Limit tells the peer what the limits of a key are.
func (p *Peer) Limit(key int, l pool.Limits) { p.set(func() { p.mu.limits[key] = l }) }

// LimitTotal tells the peer what the limits over all keys are.
func (p *Peer) LimitTotal(l pool.Limits) { p.set(func() { p.mu.total = l }) }

// NoteReset tells the peer that a Reset is about to be called.
func (p *Peer) NoteReset() { p.set(func() { p.mu.resets++ }) }

// NoteResetKey tells the peer that the Reset of a key is about to be called.
func (p *Peer) NoteResetKey(key int) { p.set(func() { p.mu.keyResets[key]++ }) }

func (p *Peer) set(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f()
}

// resetsOf returns how many Resets of a key the peer knows of.
func (p *Peer) resetsOf(key int) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.mu.resets + p.mu.keyResets[key]
}

// Started returns how many dials have begun.
func (p *Peer) Started() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.mu.started
}

// Resources returns all resources made so far.
func (p *Peer) Resources() []*Resource {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.mu.resources)
}

// Resource returns the resource that was made as the id-th.
func (p *Peer) Resource(id int) *Resource { return p.Resources()[id-1] }

// lookIn calls the pool from inside one of its calls: that must not block (I13).
func (p *Peer) lookIn() {
	p.mu.Lock()
	look := p.mu.look
	p.mu.Unlock()
	if look != nil {
		look()
	}
}

// Close is pool.Config.Close.
func (p *Peer) Close(r *Resource) error {
	p.lookIn()
	r.moveTo(Closing, Open)
	p.mu.Lock()
	var h *held
	if p.mu.holdClose {
		h = &held{r, make(chan struct{})}
		p.mu.held = append(p.mu.held, h)
	}
	p.mu.Unlock()
	if h != nil {
		<-h.done
	}
	r.moveTo(Closed, Closing)
	return errors.New("pooltest: nobody reads this")
}

// Held returns the resources whose Close waits.
func (p *Peer) Held() (all []*Resource) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, h := range p.mu.held {
		all = append(all, h.r)
	}
	return all
}

// CloseReturns lets the Close of a resource return.
func (p *Peer) CloseReturns(r *Resource) {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := slices.IndexFunc(p.mu.held, func(h *held) bool { return h.r == r })
	close(p.mu.held[i].done)
	p.mu.held = slices.Delete(p.mu.held, i, i+1)
}

// live counts what takes a slot of a key, in the eyes of the peer: dials, and
// resources that are neither closed nor hijacked. p.mu is held.
func (p *Peer) live(in func(key int) bool) (dials, slots int) {
	for _, d := range p.mu.dials {
		if in(d.Key) {
			dials++
		}
	}
	slots = dials
	for _, r := range p.mu.resources {
		if s := r.State(); in(r.Key) && (s == Open || s == Closing) {
			slots++
		}
	}
	return dials, slots
}

// checkCaps checks that a dial of key may begin (I1, I7). p.mu is held.
func (p *Peer) checkCaps(key int) {
	p.tb.Helper()
	check := func(what string, l pool.Limits, in func(int) bool) {
		dials, slots := p.live(in)
		if l.MaxOpen > 0 {
			assert.LessOrEqual(p.tb, slots, l.MaxOpen, "slots taken, %s", what)
		}
		if l.MaxDials > 0 {
			assert.LessOrEqual(p.tb, dials, l.MaxDials, "dials in flight, %s", what)
		}
	}
	check("of one key", p.mu.limits[key], func(k int) bool { return k == key })
	check("in total", p.mu.total, func(int) bool { return true })
}

// Finish lets all dials fail and all calls of Close return, now and later.
func (p *Peer) Finish() {
	p.mu.Lock()
	p.mu.stubborn, p.mu.holdClose, p.mu.auto = false, false, nil
	dials := slices.Clone(p.mu.dials)
	p.mu.Unlock()
	for _, d := range dials {
		d.Fail(ErrRefused)
	}
	for _, r := range p.Held() {
		p.CloseReturns(r)
	}
}

// Dial is pool.Config.Dial.
func (p *Peer) Dial(ctx context.Context) (*Resource, error) { return p.DialKey(ctx, 0) }
