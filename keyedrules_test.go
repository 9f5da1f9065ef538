package berth_test

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/berth-go/berth/internal/pooltest"
	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/require"
)

// keyView is what shows of one key from outside.
type keyView struct {
	slots, dials, flying int   // flying: dials that are not canceled
	ending               int   // slots that will soon be free: closing ones and canceled dials
	idle, usable         int   // resources without a lease, and those of them that could carry one
	promised             int   // leases that shareable resources are about to have room for
	opening              int   // resources that have had no capacity since their dial
	leases               int   // out
	waiting              []int // calls, oldest first
	stats                pool.Stats
	known                bool // the key is in the pool's map
}

// spare returns how many resources of the key are idle and not waited for.
func (v *keyView) spare() int {
	if len(v.waiting) > 0 {
		return v.idle - v.opening
	}
	return v.idle
}

// keyedView is what shows of a keyed pool from outside.
type keyedView struct {
	keys    [keys]keyView
	started int
}

func (r *keyedRig) look() keyedView {
	var v keyedView
	for _, d := range r.Dials() {
		k := &v.keys[d.Key]
		k.slots++
		k.dials++
		if d.Canceled() {
			k.ending++
		} else {
			k.flying++
		}
	}
	for _, s := range r.Resources() {
		k := &v.keys[s.Key]
		switch s.State() {
		case pooltest.Closing:
			k.slots++
			k.ending++
		case pooltest.Open:
			k.slots++
			kind := s.Kind()
			if s.Leases() == 0 {
				k.idle++
				if kind.Capacity > 0 {
					k.usable++
				}
			}
			switch {
			case s.Opening():
				k.promised += max(1, kind.Expect)
				k.opening++
			case kind.Shareable && kind.Expect > kind.Capacity:
				k.promised += max(0, kind.Expect-s.Leases())
			}
		}
	}
	r.notePartings()
	for i, c := range r.Calls() {
		k := &v.keys[r.keyOf[i]]
		if !c.Returned() {
			k.waiting = append(k.waiting, i)
		} else if c.Out() && !r.parted[i] {
			k.leases++
			r.checkLease(c.Info())
		}
	}
	for key, s := range r.pool.All() {
		v.keys[key].stats, v.keys[key].known = s, true
	}
	v.started = r.Started()
	return v
}

// notePartings looks which calls of ShutdownKey have returned. Leases on dead
// resources, for which none of them waits, are no longer the key's then.
func (r *keyedRig) notePartings() {
	r.shutdowns = slices.DeleteFunc(r.shutdowns, func(s shutdown) bool {
		if !s.call.Returned() {
			return false
		}
		for i, c := range r.Calls() {
			if s.call.Err() == nil && r.keyOf[i] == s.key && c.Out() && c.Resource().State() == pooltest.Closed {
				r.parted[i] = true
			}
		}
		return true
	})
}

// check checks the rules, now that nothing runs.
func (r *keyedRig) check(before, now keyedView, op keyedOperation) {
	for k := range keys {
		r.checkClosing(k, &now.keys[k])
		r.checkKey(k, &now.keys[k])
		r.checkFIFO(k, &before.keys[k], &now.keys[k])
	}
	r.checkTotals(&now)
	r.checkStarving(&now)
	if op <= kopDialFails {
		r.checkAwaited(&before, &now)
	}
	if !r.exclusive {
		// That a shareable resource drains for another key does not show. And an idle
		// one that could soon carry leases again may be closed for a younger caller of
		// another key: that costs a dial, and nobody is overtaken.
		return
	}
	r.checkNewest(&now)
	if r.cfg.Affinity == 0 && op != kopReset && op != kopSetTotals && op != kopSetLimits {
		r.checkOrder(&before, &now)
	}
}

func (r *keyedRig) fail(format string, args ...any) {
	r.t.Helper()
	require.FailNow(r.t, fmt.Sprintf(format, args...), "totals %+v, limits %+v, exclusive %t, affinity %d; after %q",
		r.totals, r.limits, r.exclusive, r.cfg.Affinity, r.log)
}

// checkClosing checks that a key that is being shut down has nothing but what it
// waits for, that calls for it are turned away, and others are not (I10).
func (r *keyedRig) checkClosing(k int, v *keyView) {
	if r.newest >= 0 && r.keyOf[r.newest] == k {
		if c := r.Calls()[r.newest]; r.closing[k] != (c.Returned() && errors.Is(c.Err(), pool.ErrClosed)) {
			r.fail("key %d: call %d, and the key is being shut down: %t", k, r.newest, r.closing[k])
		}
	}
	r.closing[k] = r.closing[k] && v.known
	if r.closing[k] && (len(v.waiting) > 0 || v.idle > 0 || v.flying > 0) {
		r.fail("key %d is being shut down: %d wait, %d idle, %d dials go on", k, len(v.waiting), v.idle, v.flying)
	}
}

// checkLease checks that the resource of a lease was not too old (I11).
func (r *keyedRig) checkLease(i pool.LeaseInfo) {
	if m := r.cfg.MaxUses; m > 0 && i.Uses > m || r.cfg.MaxLifetime > 0 && i.Age > r.cfg.MaxLifetime {
		r.fail("a lease began: %+v, with MaxUses %d and MaxLifetime %v", i, m, r.cfg.MaxLifetime)
	}
}

// checkKey checks that the pool knows what is there, and that a key with nothing
// left is forgotten (I12).
func (r *keyedRig) checkKey(k int, v *keyView) {
	want := [...]int{v.slots, v.dials, v.idle, v.leases, len(v.waiting)}
	s := v.stats
	got := [...]int{s.Open + s.Dialing + s.Closing, s.Dialing, s.Idle, s.Leases, s.Waiting}
	if want != got {
		r.fail("key %d: slots, dials, idle, leases, waiting are %v and Stats say %v", k, want, got)
	}
	if something := want != [...]int{0, 0, 0, 0, 0}; something != v.known {
		r.fail("key %d has something: %t, is known: %t", k, something, v.known)
	}
	if l := r.limits[k].MaxIdle; l != 0 && v.spare() > max(0, l) {
		r.fail("key %d has %d idle resources", k, v.spare())
	}
	if len(v.waiting) > 0 && v.usable > 0 {
		r.fail("key %d: %d wait beside %d idle resources", k, len(v.waiting), v.usable)
	}
}

// checkFIFO checks that nobody was served past an older caller of the key (I3).
func (r *keyedRig) checkFIFO(k int, before, now *keyView) {
	if len(now.waiting) == 0 {
		return
	}
	for _, i := range r.servedSince(k, before) {
		if i > now.waiting[0] {
			r.fail("key %d: call %d was served, and call %d still waits", k, i, now.waiting[0])
		}
	}
}

// servedSince returns the calls of a key that waited before, or did not exist, and
// have been served since.
func (r *keyedRig) servedSince(k int, before *keyView) (served []int) {
	for i, c := range r.Calls() {
		if r.keyOf[i] == k && c.Out() && (slices.Contains(before.waiting, i) || i == r.newest) {
			served = append(served, i)
		}
	}
	return served
}

// checkNewest checks that the call of this step waits only where MaxWaiters lets
// it, and was turned away only where it does not.
//
// MaxWaiters is tested on entry, against what the key knows then. Under a limit
// over all keys it may still count on a slot that was coming and went to an older
// caller of another key since, and let in one too many. So who waits is checked
// only where no slot is drawn from a total.
func (r *keyedRig) checkNewest(v *keyedView) {
	if r.newest < 0 {
		return
	}
	c, k := r.Calls()[r.newest], r.keyOf[r.newest]
	per, total := r.limits[k].MaxWaiters, r.totals.MaxWaiters
	inKey, inTotal := len(r.uncovered(k, &v.keys[k])), 0
	for other := range v.keys {
		inTotal += len(r.uncovered(other, &v.keys[other]))
	}
	over := func(n, limit int) bool { return limit != 0 && n > max(0, limit) }
	switch {
	case !c.Returned():
		if r.totals.MaxOpen == 0 && r.totals.MaxDials == 0 && (over(inKey, per) || inKey > 0 && over(inTotal, total)) {
			r.fail("key %d: call %d waits as one of %d of the key and %d in total", k, r.newest, inKey, inTotal)
		}
	case errors.Is(c.Err(), pool.ErrWaitLimit) && !over(inKey+1, per) && !over(inTotal+1, total):
		r.fail("key %d: call %d was turned away beside %d of the key and %d in total", k, r.newest, inKey, inTotal)
	}
}

func (r *keyedRig) checkTotals(v *keyedView) {
	idle := 0
	for k := range v.keys {
		idle += v.keys[k].spare()
	}
	if l := r.totals.MaxIdle; l > 0 && idle > l {
		r.fail("%d idle resources in total", idle)
	}
}

// checkAwaited checks that nothing that callers do ends what has had no capacity since
// its dial, while others of its key wait for it: as little as it would end the dial.
func (r *keyedRig) checkAwaited(before, now *keyedView) {
	for k := range now.keys {
		b, n := &before.keys[k], &now.keys[k]
		if len(b.waiting) > 0 && len(n.waiting) > 0 && n.opening < b.opening {
			r.fail("key %d has %d resources that are about to open, of %d, and callers wait", k, n.opening, b.opening)
		}
	}
}

// uncovered returns the calls of a key that nothing is on its way to.
func (r *keyedRig) uncovered(k int, v *keyView) []int {
	covered := v.flying*int(r.shared[k].Load()) + v.promised
	return v.waiting[min(covered, len(v.waiting)):]
}

// mayDial reports how many dials the key's own limits would let it start.
func (r *keyedRig) mayDial(k int, v *keyView) int {
	n := len(v.waiting)
	if l := r.limits[k].MaxOpen; l > 0 {
		n = min(n, l-v.slots)
	}
	if l := r.limits[k].MaxDials; l > 0 {
		n = min(n, l-v.dials)
	}
	return max(0, n)
}

// checkStarving checks that no key waits for a slot that is free, or that an idle
// resource, of whatever key, could make free (I2).
func (r *keyedRig) checkStarving(v *keyedView) {
	want, slots, dials, ending, idle := 0, 0, 0, 0, 0
	for k := range v.keys {
		s := &v.keys[k]
		each := int(r.shared[k].Load())
		want += min((len(r.uncovered(k, s))+each-1)/each, r.mayDial(k, s))
		slots, dials, ending, idle = slots+s.slots, dials+s.dials, ending+s.ending, idle+s.spare()
	}
	if l := r.totals.MaxDials; l > 0 {
		want = min(want, l-dials)
	}
	if want <= 0 {
		return
	}
	l := r.totals.MaxOpen
	if l == 0 || slots < l {
		r.fail("%d dials are wanted, and slots are free", want)
	}
	if idle > 0 && want > ending+l-slots {
		r.fail("%d dials are wanted, %d slots will be free, and %d resources are idle", want, ending, idle)
	}
}

// checkOrder checks that capacity went to the oldest caller whose key may take
// it. What was given to a younger one is an overtaking, unless a slot is about to
// be free for each older one.
func (r *keyedRig) checkOrder(before, now *keyedView) {
	if r.totals.MaxOpen == 0 {
		return
	}
	slots, dials, ending := 0, 0, 0
	for k := range now.keys {
		slots, dials, ending = slots+now.keys[k].slots, dials+now.keys[k].dials, ending+now.keys[k].ending
	}
	if slots > r.totals.MaxOpen {
		return // after a decrease what becomes free is nobody's
	}
	permits := math.MaxInt // without one an older caller could do nothing with a slot
	if l := r.totals.MaxDials; l > 0 {
		permits = max(0, l-dials)
	}
	for k := range now.keys {
		if served := r.servedSince(k, &before.keys[k]); len(served) > 0 && permits > ending {
			r.checkOlder(k, slices.Max(served), ending, before, now)
		}
		s := &now.keys[k]
		for _, d := range r.Dials() {
			if d.Key == k && !d.Canceled() && d.Number > before.started && s.flying <= len(s.waiting) {
				r.checkOlder(k, s.waiting[s.flying-1], ending, before, now)
			}
		}
	}
}

// checkOlder checks that no more older callers of other keys starve than will have
// a slot soon, now that call i of key k was given something.
func (r *keyedRig) checkOlder(k, i, ending int, before, now *keyedView) {
	older := 0
	for other := range now.keys {
		if other == k {
			continue
		}
		o, b := &now.keys[other], &before.keys[other]
		starving := r.uncovered(other, o)
		// A key may have been at its limit at first, and not be now.
		for _, j := range starving[:min(len(starving), r.mayDial(other, o), r.mayDial(other, b))] {
			if j < i && slices.Contains(b.waiting, j) {
				older++
			}
		}
	}
	if older > ending {
		r.fail("key %d: call %d was given something past %d older calls of other keys", k, i, older)
	}
}
