package berth_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/berth-go/berth/internal/pooltest"
	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/require"
)

// Longer ones find nothing new and cost time.
const (
	longestSequence = 120
	longestQueue    = 12
)

// FuzzPool carries out a sequence of operations on a pool and on the model, and
// compares the two after each. The first bytes configure the pools; then each
// operation takes two, what to do and with what.
//
// Nothing depends on the scheduler: every operation ends when all goroutines
// sleep, and each begins at a moment of its own, so that no two timers are due at
// once.
func FuzzPool(f *testing.F) {
	for _, seed := range poolSeeds() {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) >= configBytes {
			synctest.Test(t, func(t *testing.T) { runPool(t, data) })
		}
	})
}

// runPool carries out the sequence that data says, in a bubble.
func runPool(t *testing.T, data []byte) {
	r := newRig(t, data[:configBytes])
	ops := data[configBytes:]
	for op := range slices.Chunk(ops[:min(len(ops), 2*longestSequence)], 2) {
		if len(op) == 2 {
			r.step(operation(op[0]%byte(opCount)), op[1])
		}
	}
}

// configBytes is how many bytes configure the pools.
const configBytes = 9

// rig is a pool beside the model, each with a peer of its own.
type rig struct {
	t     *testing.T
	real  *pooltest.Bench
	model *pooltest.Bench
	mode  byte
	keyed bool

	// calm says that no dial fails. A failed one holds up those in the background for
	// a time that chance decides, so what dials in the background is tested without.
	calm bool

	stubborn, hold bool
	fresh          bool // some call has asked for a fresh resource
	shared         int
	minIdle        int // where the other limits allow it
	steps          int
	log            []string // what was done so far, for the reader of a failure
}

// What the dials of a rig may bring.
const (
	modeExclusive byte = iota
	modeShareable
	modeMixed
	modeCount
)

func newRig(t *testing.T, b []byte) *rig {
	r := &rig{t: t, mode: b[0] % modeCount}
	// In a keyed pool what is known of the kind comes from the user.
	r.keyed = b[0]/modeCount%2 == 1 && r.mode != modeMixed
	r.minIdle, r.calm = int(b[8]%3), b[8]%3 > 0 || b[8]&8 != 0
	configure := func(c *config) {
		c.MaxOpen, c.MaxIdle = int(b[1]%5), int(b[2]%5)-1
		c.MaxWaiters, c.MaxDials = int(b[3]%5)-1, int(b[4]%4)
		if !r.keyed || r.mode == modeShareable {
			c.Shared = int(b[5] % 5)
		}
		r.shared = c.Shared
		// Parts of a microsecond keep timers apart: operations begin at whole ones.
		if b[6]&1 != 0 {
			c.MaxIdleTime = 5*time.Millisecond + 250
		}
		if b[6]&2 != 0 {
			c.WaitTimeout = 9*time.Millisecond + 500
		}
		if b[6]&4 != 0 && !r.calm {
			c.DialTimeout = 7*time.Millisecond + 60
		}
		if b[7]&1 != 0 {
			c.MaxLifetime = 11*time.Millisecond + 311
		}
		c.MaxUses = uint64(b[7] / 2 % 4)
		if b[7]&16 != 0 {
			c.RedialAfter = 3*time.Millisecond + 130
		}
		c.MinIdle = allowed(r.minIdle, c.MaxOpen, c.MaxIdle)
		if r.calm {
			// Resources that die unused hold them up as well, unless they are older than this.
			c.BackoffBase, c.BackoffMax = 1, 1
		}
		c.LowLag = 1 + int(b[8]/16%4)
		// With such a hook no lease begins without the pool's lock. Those that do are
		// used last to the tick of a clock only, beside what MinIdle keeps back.
		if b[7]&8 != 0 {
			c.Hooks = &pool.Hooks{Acquired: func(pool.AcquiredEvent) {}}
		}
		if r.mode != modeExclusive {
			pooltest.ShareableConfig(c)
		}
	}
	r.real = kind{open: openPool}.bench(t, configure)
	if r.keyed {
		r.real = kind{open: openPerKey}.bench(t, configure)
	}
	r.model = kind{open: openModel}.bench(t, configure)
	if r.calm {
		r.warm(0) // a pool that nobody has called does not care for MinIdle
	}
	return r
}

// step carries out one operation on both and compares them.
func (r *rig) step(op operation, arg byte) {
	time.Sleep(time.Microsecond)
	r.steps++
	r.log = append(r.log, op.describe(arg))
	r.do(op, arg)
	synctest.Wait()
	r.nudge()
	want, got := r.view(r.model), r.view(r.real)
	coarsen(want.Calls, got.Calls)
	require.Equal(r.t, want, got, "the model is what is expected; config %+v, mode %d, keyed %t; after %q", r.real.Limits(), r.mode, r.keyed, r.log)
	r.checkAtRest()
}

// nudge calls the pools once more: a dial in the background may begin a call later
// than what makes it wanted, and a key that was empty is not known until it is
// called.
func (r *rig) nudge() {
	if r.calm {
		r.both(func(b *pooltest.Bench) { _ = b.Pool.Warm(context.Background(), 0) }) // it may be closed
		synctest.Wait()
	}
}

// coarsen takes times for the same that differ by less than the pool's coarse
// clock can tell.
func coarsen(want, got []callView) {
	for i := range min(len(want), len(got)) {
		w, g := &want[i].Info, &got[i].Info
		for _, d := range []struct{ want, got *time.Duration }{{&w.IdleFor, &g.IdleFor}, {&w.Age, &g.Age}} {
			if (*d.want - *d.got).Abs() < coarse {
				*d.got = *d.want
			}
		}
	}
}

// coarse is how exact the times of a lease are that begins without the pool's lock.
const coarse = 10 * time.Millisecond

// both does the same to the pool and to the model.
func (r *rig) both(f func(*pooltest.Bench)) {
	r.t.Helper()
	f(r.real)
	f(r.model)
}

// checkAtRest checks what must hold whenever nothing runs, without the model.
func (r *rig) checkAtRest() {
	s, l := r.real.Pool.Stats(), r.real.Limits()
	require.Equal(r.t, s.Open, s.Idle+s.InUse)
	require.Equal(r.t, s.Dials, s.Closes.Total()+s.Hijacks+uint64(s.Open)) //nolint:gosec // not negative
	idle := s.Idle
	for _, x := range r.real.Resources() {
		if s.Waiting > 0 && x.State() == pooltest.Open && x.Opening() {
			idle-- // it is waited for
		}
	}
	if l.MaxIdle != 0 {
		require.LessOrEqual(r.t, idle, max(0, l.MaxIdle), "after %q", r.log)
	}
	if s.Waiting > 0 && !r.fresh { // what only those cannot use who want a fresh one is free
		_, ok := r.real.Pool.TryAcquire()
		require.False(r.t, ok, "TryAcquire overtakes; after %q", r.log)
	}
}

// view is all that shows of a pool from outside.
type view struct {
	Stats     pool.Stats
	Calls     []callView
	Warms     []string
	Dials     []dialView
	Resources []resourceView
	Held      []int // resources whose Close waits
}

type callView struct {
	State    string
	Resource int
	Info     pool.LeaseInfo
	Rank     int // how many older tickets there are among the leases so far
}

type dialView struct {
	Step     int // of the rig
	Canceled bool
}

type resourceView struct {
	State pooltest.State
	Kind  pooltest.Kind
}

func (r *rig) view(b *pooltest.Bench) view {
	v := view{Stats: b.Pool.Stats()}
	v.Stats.Failed = 0                                                                                              // the calls say so
	v.Stats.WaitTimes, v.Stats.DialTimes, v.Stats.LeaseTimes = pool.Histogram{}, pool.Histogram{}, pool.Histogram{} // the model has none
	if r.keyed {                                                                                                    // it forgets those of a key with nothing left
		v.Stats.Limits = pool.Limits{}
	}
	var tickets []pool.Ticket
	for _, c := range b.Calls() {
		if c.Served() {
			tickets = append(tickets, c.Lease().Ticket())
		}
	}
	slices.Sort(tickets)
	tickets = slices.Compact(tickets)
	for _, c := range b.Calls() {
		v.Calls = append(v.Calls, r.viewCall(c, tickets))
	}
	for _, a := range b.Asides() {
		v.Warms = append(v.Warms, viewWarm(a))
	}
	for _, d := range b.Dials() {
		v.Dials = append(v.Dials, dialView{d.Step, d.Canceled()})
	}
	for _, s := range b.Resources() {
		v.Resources = append(v.Resources, resourceView{s.State(), s.Kind()})
	}
	for _, s := range b.Held() {
		v.Held = append(v.Held, s.ID)
	}
	slices.Sort(v.Held)
	return v
}

func viewWarm(a *pooltest.Aside) string {
	switch {
	case !a.Returned():
		return "waiting"
	case a.Err() == nil:
		return "warm"
	case errors.Is(a.Err(), pool.ErrClosed):
		return "closed"
	case errors.Is(a.Err(), context.DeadlineExceeded):
		return "too late"
	}
	return "too many"
}

func (r *rig) viewCall(c *pooltest.Call, tickets []pool.Ticket) callView {
	switch {
	case !c.Returned():
		return callView{State: "waiting"}
	case !c.Served():
		return callView{State: describeError(c.Err(), !r.keyed)}
	}
	v := callView{State: "out", Resource: c.Resource().ID, Info: c.Info()}
	v.Rank, _ = slices.BinarySearch(tickets, c.Lease().Ticket())
	if !c.Out() {
		v.State = "ended"
	}
	return v
}
