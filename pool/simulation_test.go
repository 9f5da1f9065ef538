package pool_test

import (
	"context"
	"flag"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/berth-go/berth/internal/pooltest"
	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var simulationSeed = flag.Uint64("simulation.seed", 0, "seed of the simulations; 0: the ones that the tests name")

func seedOr(fixed uint64) uint64 {
	if *simulationSeed != 0 {
		return *simulationSeed
	}
	return fixed
}

// trouble is what goes wrong in most simulations.
func trouble() pooltest.Trouble {
	return pooltest.Trouble{
		Refuse: 0.05, Hang: 0.01, Panic: 0.005, Stubborn: 0.02,
		Slow: 0.3, Stuck: 0.01,
		Discard: 0.005, Hijack: 0.002, Keep: 0.5,
		Leave: 0.3, Low: 0.1, Fresh: 0.02, Try: 0.05,
	}
}

// simulated returns the Config of most simulations.
func simulated() pool.Config[*pooltest.Unit] {
	return pool.Config[*pooltest.Unit]{
		MaxOpen: 10, MaxIdle: 8, MinIdle: 2, MaxDials: 3, MaxWaiters: 20,
		DialTimeout: 5 * time.Second, RedialAfter: 2 * time.Second, WaitTimeout: 30 * time.Second,
		MaxIdleTime: 30 * time.Second, MaxLifetime: 3 * time.Minute, LifetimeJitter: time.Minute, Overlap: 5 * time.Second,
		MaxUses: 50, CloseTimeout: 10 * time.Second, DrainTimeout: time.Minute,
		BackoffBase: 50 * time.Millisecond, BackoffMax: 5 * time.Second, BreakAfter: 5,
		LeakAfter: 10 * time.Second, LeakSample: 7,
	}
}

// A simulation is a pool in its world.
type simulation struct {
	*pool.Pool[*pooltest.Unit]
	t        *testing.T
	w        *pooltest.World
	cfg      pool.Config[*pooltest.Unit]
	lastUsed int // slots at the last look
	fresh    bool
}

// simulate plays hours of a pool's life, half of them with -short, and then holds its counters against what
// the world has seen.
func simulate(t *testing.T, seed uint64, hours time.Duration, set func(*pool.Config[*pooltest.Unit], *pooltest.World)) (last pool.Stats) {
	if testing.Short() {
		hours = (hours + 1) / 2
	}
	return simulateFor(t, seed, hours*time.Hour, set)
}

func simulateFor(t *testing.T, seed uint64, d time.Duration, set func(*pool.Config[*pooltest.Unit], *pooltest.World)) (last pool.Stats) {
	bubble(t, func(t *testing.T) {
		w := pooltest.NewWorld(t, seed)
		w.Trouble = trouble()
		cfg := simulated()
		set(&cfg, w)
		w.CloseTimeout, w.MaxLifetime, w.MaxUses = cfg.CloseTimeout, cfg.MaxLifetime, int(cfg.MaxUses) //nolint:gosec // small
		w.LowLag = lowLag(cfg.LowLag)
		cfg.Dial = func(ctx context.Context) (*pooltest.Unit, error) { return w.Dial(ctx, 0) }
		cfg.Close, cfg.Hooks = w.Close, w.Hooks()
		p, err := pool.New(cfg)
		require.NoError(t, err)
		s := &simulation{Pool: p, t: t, w: w, cfg: cfg, fresh: w.Trouble.Fresh > 0}
		w.SetCaps(pooltest.Caps{Total: cfg.MaxOpen, Dials: cfg.MaxDials})
		w.Run(pooltest.Berth{
			Acquire: func(ctx context.Context, _ int, r pool.Request) (pool.Lease[*pooltest.Unit], error) {
				return p.AcquireWith(ctx, r)
			},
			TryAcquire: func(int) (pool.Lease[*pooltest.Unit], bool) { return p.TryAcquire() },
		}, d, 30, 1, s.chores(), s.look)
		require.NoError(t, p.Shutdown(t.Context()))
		<-time.After(2 * time.Minute) // Close funcs that were given up come to their end
		synctest.Wait()
		last = p.Stats()
		w.Settle(last)
	})
	return last
}

// lowLag returns what the Config's LowLag stands for.
func lowLag(n int) int {
	if n == 0 {
		return 64
	}
	return n
}

// look checks what holds whenever all is at rest.
func (s *simulation) look() {
	st := s.Stats()
	s.w.AtRest(st)
	used := st.Dialing + st.Idle + st.InUse + st.Closing
	if used > st.MaxOpen && used > s.lastUsed {
		s.w.Wrong("I1: %d slots of %d, and %d before", used, st.MaxOpen, s.lastUsed)
	}
	s.lastUsed = used
	if st.Waiting > 0 && st.Idle > 0 && !s.fresh {
		s.w.Wrong("I2: %d wait beside %d idle", st.Waiting, st.Idle)
	}
	if heldUp(st) {
		<-time.After(longestBackoff)
		synctest.Wait()
		if now := s.Stats(); heldUp(now) && dialed(now) == dialed(st) {
			s.w.Wrong("I2: %d wait beside a free slot: %+v", st.Waiting, st)
		}
		st = s.Stats()
		s.lastUsed = st.Dialing + st.Idle + st.InUse + st.Closing // time has passed
	}
	if st.MaxIdle > 0 && st.Idle > st.MaxIdle {
		s.w.Wrong("%d idle, of %d", st.Idle, st.MaxIdle)
	}
	if st.Open != st.Idle+st.InUse || st.Leases < st.InUse && s.cfg.CheckEvery == 0 {
		s.w.Wrong("gauges: %+v", st)
	}
	if st.Dials < st.Closes.Total()+st.Hijacks || st.Dials != st.Closes.Total()+st.Hijacks+uint64(st.Open) && st.Dialing == 0 { //nolint:gosec // a count
		s.w.Wrong("Dials = Closes + Hijacks + Open: %+v", st)
	}
}

// longestBackoff is more than any dial is held up in these simulations.
const longestBackoff = 11 * time.Second

// heldUp reports whether somebody waits though a dial could be made, which may be
// held up.
func heldUp(s pool.Stats) bool {
	return s.Waiting > 0 && s.Dialing == 0 && s.Open+s.Closing < s.MaxOpen
}

// dialed returns how many dials have ended.
func dialed(s pool.Stats) uint64 { return s.Dials + s.DialErrors + s.DialsCanceled }

// lived checks that a simulation has seen what it is there for, unless its seed
// is another.
func lived(t *testing.T, s pool.Stats, reasons ...pool.Reason) {
	t.Helper()
	if *simulationSeed != 0 {
		return
	}
	for _, n := range []uint64{s.Hits, s.Waits, s.Canceled, s.Rejected, s.DialErrors, s.DialsCanceled, s.Abandoned, s.Leaks} {
		assert.Positive(t, n, "%+v", s)
	}
	for _, r := range reasons {
		assert.Positive(t, s.Closes.Of(r), "closed: %v", r)
	}
}

// chores are what an operator does to a pool.
func (s *simulation) chores() []func(*rand.Rand) {
	return []func(*rand.Rand){
		func(*rand.Rand) {
			s.Reset()
			s.w.Reset(0)
		},
		func(*rand.Rand) { s.CloseIdle() },
		func(rnd *rand.Rand) { s.resize(1 + rnd.IntN(2*s.cfg.MaxOpen)) },
		func(*rand.Rand) { s.resize(s.cfg.MaxOpen) },
		func(rnd *rand.Rand) { s.w.Down(0, time.Duration(1+rnd.IntN(120))*time.Second) },
		s.retire,
		func(rnd *rand.Rand) {
			go func() {
				ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
				defer cancel()
				_ = s.Warm(ctx, rnd.IntN(4)) // it may be more than the limits allow
			}()
		},
	}
}

// retire lets go of about half of what there is. The func may call the pool (I13).
func (s *simulation) retire(rnd *rand.Rand) {
	var those []*pooltest.Unit
	s.Retire(func(u *pooltest.Unit) bool {
		s.Stats()
		yes := rnd.IntN(2) == 0
		if yes {
			those = append(those, u)
		}
		return yes
	})
	s.w.Retired(those)
}

func (s *simulation) resize(open int) {
	l := pool.Limits{
		MaxOpen: open, MaxIdle: max(1, open/2), MinIdle: min(2, open/2, max(1, open/2)),
		MaxWaiters: s.cfg.MaxWaiters, MaxDials: s.cfg.MaxDials,
	}
	if open > s.Limits().MaxOpen {
		s.w.SetCaps(pooltest.Caps{Total: open, Dials: l.MaxDials})
	}
	assert.NoError(s.t, s.SetLimits(l))
	synctest.Wait()
	s.w.SetCaps(pooltest.Caps{Total: open, Dials: l.MaxDials})
}

func TestSimulationOfExclusiveResources(t *testing.T) {
	s := simulate(t, seedOr(1), 8, func(*pool.Config[*pooltest.Unit], *pooltest.World) {})
	lived(t, s, pool.ReasonIdleTime, pool.ReasonLifetime, pool.ReasonReset, pool.ReasonDiscard, pool.ReasonLimits, pool.ReasonEvict)
	assert.True(t, s.Breaks > 0 || *simulationSeed != 0)
}

func TestSimulationWithoutFreshCalls(t *testing.T) {
	s := simulate(t, seedOr(2), 8, func(cfg *pool.Config[*pooltest.Unit], w *pooltest.World) {
		w.Trouble.Fresh = 0
		cfg.BackoffBase, cfg.BackoffMax, cfg.BreakAfter = 0, 0, 0
	})
	lived(t, s, pool.ReasonIdleLimit, pool.ReasonRetire, pool.ReasonCloseIdle)
}

func TestSimulationOfChecksThatFail(t *testing.T) {
	s := simulate(t, seedOr(3), 8, func(cfg *pool.Config[*pooltest.Unit], w *pooltest.World) {
		w.Trouble.Check, w.Trouble.Take = 0.05, 0.02
		cfg.Check, cfg.CheckEvery, cfg.Take = w.Check, 20*time.Second, w.Take
		cfg.Reuse = pool.ReuseOldest
	})
	lived(t, s, pool.ReasonCheck, pool.ReasonTake)
}

func TestSimulationOfShareableResources(t *testing.T) {
	s := simulate(t, seedOr(4), 8, func(cfg *pool.Config[*pooltest.Unit], w *pooltest.World) {
		w.MaxCapacity = 4
		cfg.Capacity, cfg.Watch = (*pooltest.Unit).Capacity, (*pooltest.Unit).Watch
		cfg.Shared, cfg.MaxOpen, cfg.MaxIdle = 4, 4, 3
		cfg.ShedLate = pool.ShedOn
	})
	lived(t, s, pool.ReasonCapacity, pool.ReasonUses, pool.ReasonLifetime)
	assert.True(t, s.Shed > 0 || *simulationSeed != 0)
}

// Without hooks for each lease, most leases begin and end without the pool's lock.
func TestSimulationOfLeasesWithoutTheLock(t *testing.T) {
	s := simulate(t, seedOr(5), 8, func(cfg *pool.Config[*pooltest.Unit], w *pooltest.World) {
		w.Quiet, cfg.LeakAfter, cfg.LeakSample = true, 0, 0
		w.Trouble.Fresh = 0
		cfg.Check, cfg.CheckEvery = w.Check, 20*time.Second
	})
	for _, n := range []uint64{s.Hits, s.Waits, s.Canceled, s.Rejected, s.DialErrors, s.Hijacks} {
		assert.True(t, n > 0 || *simulationSeed != 0, "%+v", s)
	}
}
