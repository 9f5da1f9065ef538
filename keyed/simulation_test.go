package keyed_test

import (
	"context"
	"flag"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/berth-go/berth/internal/pooltest"
	"github.com/berth-go/berth/keyed"
	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/atomic"
)

var simulationSeed = flag.Uint64("simulation.seed", 0, "seed of the simulations; 0: the ones that the tests name")

func seedOr(fixed uint64) uint64 {
	if *simulationSeed != 0 {
		return *simulationSeed
	}
	return fixed
}

type unitConfig = keyed.Config[int, *pooltest.Unit]

// simulatedKeys is how many keys there are; most are rarely used, so they come
// and go.
const simulatedKeys = 12

func simulated() unitConfig {
	return unitConfig{
		MaxOpenPerKey: 4, MaxIdlePerKey: 3, MaxWaitersPerKey: 10, MaxDialsPerKey: 2,
		MaxOpen: 10, MaxIdle: 8, MaxDials: 5, MaxWaiters: 40,
		DialTimeout: 5 * time.Second, WaitTimeout: 30 * time.Second,
		MaxIdleTime: 30 * time.Second, MaxLifetime: 3 * time.Minute, LifetimeJitter: time.Minute, Overlap: 5 * time.Second,
		MaxUses: 100, CloseTimeout: 10 * time.Second, DrainTimeout: time.Minute,
		BackoffBase: 50 * time.Millisecond, BackoffMax: 5 * time.Second, BreakAfter: 5,
		LeakAfter: 10 * time.Second, LeakSample: 3,
	}
}

// A simulation is a pool in its world.
type simulation struct {
	*keyed.Pool[int, *pooltest.Unit]
	t        *testing.T
	w        *pooltest.World
	totals   keyed.Totals
	lastUsed int // slots at the last look
	fresh    bool
	beside   atomic.Int32 // calls of Warm and ShutdownKey that go on, and keep their keys
}

// simulate plays hours of a pool's life, and then holds its counters against what
// the world has seen.
func simulate(t *testing.T, seed uint64, hours time.Duration, set func(*unitConfig, *pooltest.World)) (last pool.Stats) {
	bubble(t, func(t *testing.T) {
		w := pooltest.NewWorld(t, seed)
		w.Trouble = pooltest.Trouble{
			Refuse: 0.05, Hang: 0.01, Panic: 0.005, Stubborn: 0.02, Slow: 0.3, Stuck: 0.01,
			Discard: 0.005, Hijack: 0.002, Keep: 0.5, Leave: 0.3, Low: 0.1, Fresh: 0.02, Try: 0.05,
		}
		cfg := simulated()
		set(&cfg, w)
		w.CloseTimeout, w.MaxLifetime, w.MaxUses = cfg.CloseTimeout, cfg.MaxLifetime, int(cfg.MaxUses) //nolint:gosec // small
		cfg.Dial, cfg.Close, cfg.Hooks = w.Dial, w.Close, w.Hooks()
		p, err := keyed.New(cfg)
		require.NoError(t, err)
		s := &simulation{
			Pool: p, t: t, w: w, fresh: w.Trouble.Fresh > 0,
			totals: keyed.Totals{MaxOpen: cfg.MaxOpen, MaxIdle: cfg.MaxIdle, MaxWaiters: cfg.MaxWaiters, MaxDials: cfg.MaxDials},
		}
		s.setCaps(cfg.MaxOpen)
		w.Run(pooltest.Berth{Acquire: p.AcquireWith, TryAcquire: p.TryAcquire}, hours*time.Hour, 30, simulatedKeys, s.chores(), s.look)
		pass(5 * time.Minute)
		assert.Empty(t, keysOf(p), "I12: keys that nobody has used for long")
		require.NoError(t, p.Shutdown(t.Context()))
		pass(2 * time.Minute) // Close funcs that were given up come to their end
		last = p.Stats()
		w.Settle(last)
		assertNothingLeft(t, p)
	})
	return last
}

func (s *simulation) setCaps(open int) {
	s.w.SetCaps(pooltest.Caps{PerKey: 4, Total: open, Dials: s.totals.MaxDials})
}

// look checks what holds whenever all is at rest.
func (s *simulation) look() {
	st := s.Stats()
	used := st.Dialing + st.Idle + st.InUse + st.Closing
	if used > st.MaxOpen && used > s.lastUsed {
		s.w.Wrong("I1: %d slots of %d, and %d before", used, st.MaxOpen, s.lastUsed)
	}
	s.lastUsed = used
	if st.Idle > st.MaxIdle {
		s.w.Wrong("%d idle in total, of %d", st.Idle, st.MaxIdle)
	}
	for key, k := range s.All() {
		if k.Idle > k.MaxIdle {
			s.w.Wrong("%d idle of key %d, of %d", k.Idle, key, k.MaxIdle)
		}
		if k.Waiting > 0 && k.Idle > 0 && !s.fresh {
			s.w.Wrong("I2: %d wait for key %d beside %d idle", k.Waiting, key, k.Idle)
		}
		if k.Dialing+k.Open+k.Closing+k.Waiting+k.Leases == 0 && k.DialErrors == 0 && s.beside.Load() == 0 {
			s.w.Wrong("I12: key %d has nothing", key)
		}
		if stuck(k) && used < st.MaxOpen {
			s.unstick(key, k)
			return // time has passed
		}
	}
}

// longestBackoff is more than any dial is held up in these simulations.
const longestBackoff = 11 * time.Second

// stuck reports whether somebody waits though a dial could be made, which may be
// held up.
func stuck(s pool.Stats) bool {
	return s.Waiting > 0 && s.Dialing == 0 && s.Open+s.Closing < s.MaxOpen
}

// unstick checks that what looks stuck goes on by itself.
func (s *simulation) unstick(key int, before pool.Stats) {
	dialed := func(k pool.Stats) uint64 { return k.Dials + k.DialErrors + k.DialsCanceled }
	pass(longestBackoff)
	now, _ := s.StatsFor(key)
	st := s.Stats()
	used := st.Dialing + st.Idle + st.InUse + st.Closing
	if stuck(now) && dialed(now) == dialed(before) && used < st.MaxOpen {
		s.w.Wrong("I2: %d wait for key %d beside a free slot: %+v", now.Waiting, key, now)
	}
	s.lastUsed = used
}

// chores are what an operator does to a pool.
func (s *simulation) chores() []func(*rand.Rand) {
	return []func(*rand.Rand){
		func(*rand.Rand) {
			s.Reset()
			for key := range simulatedKeys {
				s.w.Reset(key)
			}
		},
		func(rnd *rand.Rand) {
			key := rnd.IntN(simulatedKeys)
			s.ResetKey(key)
			s.w.Reset(key)
		},
		func(*rand.Rand) { s.CloseIdle() },
		func(rnd *rand.Rand) { s.resize(1 + rnd.IntN(20)) },
		func(*rand.Rand) { s.resize(10) },
		func(rnd *rand.Rand) { // up to the limit per key, so that it holds as a bound
			assert.NoError(s.t, s.SetLimits(rnd.IntN(simulatedKeys), pool.Limits{MaxOpen: 1 + rnd.IntN(4)}))
		},
		func(rnd *rand.Rand) { assert.NoError(s.t, s.SetLimits(rnd.IntN(simulatedKeys), pool.Limits{})) },
		func(rnd *rand.Rand) {
			s.w.Down(rnd.IntN(simulatedKeys), time.Duration(1+rnd.IntN(120))*time.Second)
		},
		func(rnd *rand.Rand) { s.Retire(func(int, *pooltest.Unit) bool { return rnd.IntN(2) == 0 }) },
		func(rnd *rand.Rand) { // goes on beside the calls
			key, d := rnd.IntN(simulatedKeys), time.Duration(rnd.IntN(60))*time.Second
			s.beside.Inc()
			go func() {
				defer s.beside.Dec()
				ctx, cancel := context.WithTimeout(context.Background(), d)
				defer cancel()
				_ = s.ShutdownKey(ctx, key) // what is left then ends by itself
			}()
		},
		func(rnd *rand.Rand) {
			key, n := rnd.IntN(simulatedKeys), rnd.IntN(4)
			s.beside.Inc()
			go func() {
				defer s.beside.Dec()
				ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
				defer cancel()
				_ = s.Warm(ctx, key, n) // it may be more than the limits allow
			}()
		},
	}
}

func (s *simulation) resize(open int) {
	t := s.totals
	t.MaxOpen, t.MaxIdle = open, max(1, open*3/4)
	if open > s.Stats().MaxOpen {
		s.setCaps(open)
	}
	assert.NoError(s.t, s.SetTotals(t))
	synctest.Wait()
	s.setCaps(open)
}

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

func TestSimulationOfManyKeys(t *testing.T) {
	s := simulate(t, seedOr(11), 5, func(*unitConfig, *pooltest.World) {})
	lived(t, s, pool.ReasonIdleTime, pool.ReasonLifetime, pool.ReasonReset, pool.ReasonDiscard, pool.ReasonEvict, pool.ReasonClosed)
	assert.True(t, s.Breaks > 0 || *simulationSeed != 0)
}

func TestSimulationWithAffinityAndWithoutFreshCalls(t *testing.T) {
	s := simulate(t, seedOr(12), 5, func(cfg *unitConfig, w *pooltest.World) {
		w.Trouble.Fresh = 0
		cfg.Affinity = 3
		cfg.BackoffBase, cfg.BackoffMax, cfg.BreakAfter = 0, 0, 0
	})
	lived(t, s, pool.ReasonEvict, pool.ReasonRetire, pool.ReasonCloseIdle)
}

func TestSimulationOfChecksThatFail(t *testing.T) {
	s := simulate(t, seedOr(13), 5, func(cfg *unitConfig, w *pooltest.World) {
		w.Trouble.Check, w.Trouble.Take = 0.05, 0.02
		cfg.Check, cfg.CheckEvery, cfg.Take = w.Check, 20*time.Second, w.Take
	})
	lived(t, s, pool.ReasonCheck, pool.ReasonTake)
}

func TestSimulationOfShareableResources(t *testing.T) {
	s := simulate(t, seedOr(14), 5, func(cfg *unitConfig, w *pooltest.World) {
		w.MaxCapacity = 4
		cfg.Capacity, cfg.Watch = (*pooltest.Unit).Capacity, (*pooltest.Unit).Watch
		cfg.Shared = func(int) int { return 4 }
		cfg.ShedLate = pool.ShedOn
		cfg.MaxOpenPerKey, cfg.MaxOpen = 2, 5
	})
	lived(t, s, pool.ReasonCapacity, pool.ReasonLifetime)
}
