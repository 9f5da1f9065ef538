package pooltest

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"testing/synctest"
	"time"

	"github.com/berth-go/berth/pool"
)

// A Berth is a pool as the callers of a simulation see it. A pool with one key
// does not look at the key.
type Berth struct {
	Acquire    func(ctx context.Context, key int, r pool.Request) (pool.Lease[*Unit], error)
	TryAcquire func(key int) (pool.Lease[*Unit], bool)
}

// A simCall is what is known of a call when it has ended.
type simCall struct {
	key        int
	start, end time.Time
	served     bool
	steady     bool // nobody of its key who came later may have been served before it
	low        bool // it asked for Request.Low
	lagging    bool // by itself, and for any resource: fewer than LowLag may pass it
	polite     bool // it may not have been served before one who came earlier
}

// Clients lets n callers use the pool until ctx ends, and waits for them. Keys
// are drawn from 0 to keys-1, small ones more often. busy says how much is going
// on, from 0 to 1.
func (w *World) Clients(ctx context.Context, b Berth, n, keys int, busy func() float64) *sync.WaitGroup {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			c := &client{w: w, b: b, rnd: rand.New(rand.NewPCG(w.seed, uint64(i)+1)), keys: keys} //nolint:gosec // chances, not secrets
			for ctx.Err() == nil {
				pause := time.Duration(c.rnd.ExpFloat64() / (0.01 + busy()) * float64(5*time.Second))
				select {
				case <-time.After(pause):
					c.call(ctx)
				case <-ctx.Done():
				}
			}
		})
	}
	return &wg
}

type client struct {
	w     *World
	b     Berth
	rnd   *rand.Rand
	keys  int
	place pool.Ticket // of a lease that it lost, and means to get again
	key   int         // for that
	late  bool        // that place was that of a low caller
}

// call makes one call, uses what it gets and gives it back.
func (c *client) call(ctx context.Context) {
	t := c.w.Trouble
	key := min(int(c.rnd.ExpFloat64()*float64(c.keys)/4), c.keys-1)
	rec := simCall{key: key, start: time.Now(), steady: true, polite: true}
	if c.rnd.Float64() < t.Try {
		rec.steady = false
		l, ok := c.b.TryAcquire(key)
		rec.end, rec.served = time.Now(), ok
		if ok {
			c.use(rec, l)
		}
		return
	}
	req := pool.Request{Low: c.rnd.Float64() < t.Low, Fresh: c.rnd.Float64() < t.Fresh}
	if c.place != 0 {
		key, req = c.key, pool.Request{Place: c.place}
		c.place, rec.key, rec.polite = 0, key, false
	}
	rec.steady = !req.Low && !req.Fresh && !(req.Place != 0 && c.late)
	rec.low = req.Low || req.Place != 0 && c.late
	rec.lagging = req.Low && !req.Fresh
	deadline := time.Now().Add(24 * time.Hour)
	if c.rnd.Float64() < t.Leave {
		deadline = time.Now().Add(time.Duration(c.rnd.IntN(10_000)) * time.Millisecond)
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline)
		defer cancel()
	}
	l, err := c.b.Acquire(ctx, key, req)
	rec.end, rec.served = time.Now(), err == nil
	if err != nil {
		c.w.note(rec)
		return
	}
	if rec.end.After(deadline) {
		c.w.Wrong("I6: delivered %v after the context's end", rec.end.Sub(deadline))
	}
	c.use(rec, l)
}

// use checks what a lease is on, holds it for a while, and ends it.
func (c *client) use(rec simCall, l pool.Lease[*Unit]) {
	w, u, t := c.w, l.Value(), c.w.Trouble
	w.begin(u, rec)
	w.note(rec)
	<-time.After(time.Duration(c.rnd.ExpFloat64() * float64(2*time.Second)))
	if w.MaxCapacity > 1 && c.rnd.Float64() < 0.05 {
		u.vary(c.rnd, w.MaxCapacity)
	}
	u.users.Dec()
	switch x := c.rnd.Float64(); {
	case x < t.Discard:
		if c.rnd.Float64() < t.Keep {
			c.place, c.key, c.late = l.Ticket(), u.Key, rec.low
		}
		l.Discard(errChance)
	case x < t.Discard+t.Hijack && w.MaxCapacity == 1:
		u.hijacked.Store(true)
		w.mu.Lock()
		w.leaveLocked(u.Key) // before: the slot is free at once
		w.hijacks++
		w.mu.Unlock()
		l.Hijack()
	}
	l.Release()
	l.Release() // the same lease: nothing
}

// vary changes what a shareable Unit can carry.
func (u *Unit) vary(rnd *rand.Rand, most int) {
	n := rnd.IntN(most+3) - 2  // from Dead and Draining up
	u.capacity.Store(int32(n)) //nolint:gosec // small
	if u.changed != nil {
		u.changed()
	}
	if n == 0 { // it comes back by itself
		time.AfterFunc(time.Second, func() {
			if u.capacity.CompareAndSwap(0, 1) && u.changed != nil {
				u.changed()
			}
		})
	}
}

// begin checks a Unit that a lease begins on.
func (w *World) begin(u *Unit, rec simCall) {
	users, uses, now := u.users.Inc(), u.uses.Inc(), rec.end
	w.mu.Lock()
	defer w.mu.Unlock()
	if int(users) > w.MaxCapacity {
		w.wrongLocked("I9: %d users of a unit for %d", users, w.MaxCapacity)
	}
	if u.Key != rec.key {
		w.wrongLocked("key %d got a unit of key %d", rec.key, u.Key)
	}
	if w.MaxUses > 0 && int(uses) > w.MaxUses {
		w.wrongLocked("use %d of a unit for %d", uses, w.MaxUses)
	}
	if age := now.Sub(u.born); w.MaxLifetime > 0 && age > w.MaxLifetime {
		w.wrongLocked("a lease began at the age of %v", age)
	}
	if at := w.reset[u.Key]; now.After(at) && u.begun.Before(at) {
		w.wrongLocked("I11: a unit from before the Reset")
	}
	if at := u.retired; !at.IsZero() && now.After(at) {
		w.wrongLocked("a lease of what Retire has let go")
	}
	if w.MaxCapacity == 1 && u.closes.Load() > 0 {
		w.wrongLocked("I10: a lease of what is closed")
	}
}

func (w *World) note(rec simCall) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls = append(w.calls, rec)
}

// checkOrderLocked looks for overtaking: a caller who was served while one of its
// key who had come earlier still waited (I3). Those who came, or were served, in
// the same instant are not told apart. Whoever had a resource in hand that failed
// its Check or Take goes back to its place, and those who were served at that moment
// have not passed it.
func (w *World) checkOrderLocked() {
	slices.SortStableFunc(w.calls, func(a, b simCall) int { return a.start.Compare(b.start) })
	latest := map[int]time.Time{} // by key, the last end of those who came earlier
	for i := 0; i < len(w.calls); {
		n := i
		for ; n < len(w.calls) && w.calls[n].start.Equal(w.calls[i].start); n++ {
			b := w.calls[n]
			if b.served && b.polite && b.end.Before(latest[b.key]) && !w.failed[moment{b.key, b.end}] {
				w.wrongLocked("I3: key %d: who came at %v was served at %v, past one who waited until %v", b.key,
					b.start.Format(time.TimeOnly), b.end.Format(time.TimeOnly), latest[b.key].Format(time.TimeOnly))
			}
		}
		for ; i < n; i++ {
			if a := w.calls[i]; a.steady && a.end.After(latest[a.key]) {
				latest[a.key] = a.end
			}
		}
	}
}

// checkLowLocked looks for low callers who were let down: LowLag or more of those who came
// later were served before them. Whoever has failed a Check or a Take waits again, so those
// are not counted. It needs the calls in the order in which they came.
func (w *World) checkLowLocked() {
	if w.LowLag == 0 || w.Trouble.Check+w.Trouble.Take > 0 {
		return
	}
	for i, a := range w.calls {
		if !a.lagging || !a.served {
			continue
		}
		passed := 0
		for _, b := range w.calls[i+1:] {
			if !b.start.Before(a.end) {
				break // who comes later cannot pass it
			}
			if b.key == a.key && b.start.After(a.start) && b.served && b.polite && b.end.Before(a.end) {
				passed++
			}
		}
		if passed >= w.LowLag {
			w.wrongLocked("key %d: %d later calls passed a low one, of %d", a.key, passed, w.LowLag)
		}
	}
}

// Run lets clients loose for a time, does one of the chores now and then, and
// calls look whenever all have come to rest. When it returns the clients have
// ended.
func (w *World) Run(b Berth, d time.Duration, clients, keys int, chores []func(*rand.Rand), look func()) {
	ctx, cancel := context.WithCancelCause(context.Background())
	begin := time.Now()
	busy := func() float64 { // an hour of work, an hour of rest, and a rush now and then
		switch at := time.Since(begin); {
		case at%(20*time.Minute) < time.Minute:
			return 20
		case at/time.Hour%2 == 1:
			return 0
		}
		return 1
	}
	wg := w.Clients(ctx, b, clients, keys, busy)
	rnd := rand.New(rand.NewPCG(w.seed, 1<<32)) //nolint:gosec // chances, not secrets
	for time.Since(begin) < d {
		<-time.After(time.Duration(1+rnd.IntN(20_000)) * time.Millisecond)
		synctest.Wait()
		look()
		if len(chores) > 0 && rnd.IntN(w.Chores) == 0 {
			chores[rnd.IntN(len(chores))](rnd)
			synctest.Wait()
			look()
		}
	}
	cancel(errors.New("the simulation is over"))
	wg.Wait()
}
