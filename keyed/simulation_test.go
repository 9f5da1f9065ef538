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
		DialTimeout: 5 * time.Second, RedialAfter: 2 * time.Second, WaitTimeout: 30 * time.Second,
		MaxIdleTime: 30 * time.Second, MaxLifetime: time.Minute, LifetimeJitter: 20 * time.Second, Overlap: 5 * time.Second,
		MaxUses: 100, CloseTimeout: 10 * time.Second, DrainTimeout: time.Minute,
		BackoffBase: 50 * time.Millisecond, BackoffMax: 5 * time.Second, BreakAfter: 3,
		LeakAfter: 10 * time.Second, LeakSample: 3,
	}
}

// A simulation is a pool in its world.
type simulation struct {
	*keyed.Pool[int, *pooltest.Unit]
	t        *testing.T
	w        *pooltest.World
	cfg      unitConfig
	totals   keyed.Totals
	lastUsed int // slots at the last look
	fresh    bool
	beside   atomic.Int32 // calls of Warm and ShutdownKey that go on, and keep their keys
}

// simulate plays hours of a pool's life, half of them with -short, and then holds its counters against what
// the world has seen.
func simulate(t *testing.T, seed uint64, hours time.Duration, set func(*unitConfig, *pooltest.World)) (last pool.Stats) {
	if testing.Short() {
		hours = (hours + 1) / 2
	}
	return simulateFor(t, seed, hours*time.Hour, set)
}

func simulateFor(t *testing.T, seed uint64, d time.Duration, set func(*unitConfig, *pooltest.World)) (last pool.Stats) {
	bubble(t, func(t *testing.T) {
		w := pooltest.NewWorld(t, seed)
		w.Trouble = pooltest.Trouble{
			Refuse: 0.05, Hang: 0.01, Panic: 0.005, Stubborn: 0.02, Slow: 0.3, Stuck: 0.01,
			Discard: 0.005, Hijack: 0.002, Keep: 0.5, Leave: 0.3, Low: 0.1, Fresh: 0.02, Try: 0.05,
		}
		cfg := simulated()
		set(&cfg, w)
		w.CloseTimeout, w.MaxLifetime, w.MaxUses = cfg.CloseTimeout, cfg.MaxLifetime, int(cfg.MaxUses) //nolint:gosec // small
		w.LowLag = lowLag(cfg.LowLag)
		cfg.Dial, cfg.Close, cfg.Hooks = w.Dial, w.Close, w.Hooks()
		p, err := keyed.New(cfg)
		require.NoError(t, err)
		s := &simulation{
			Pool: p, t: t, w: w, cfg: cfg, fresh: w.Trouble.Fresh > 0,
			totals: keyed.Totals{MaxOpen: cfg.MaxOpen, MaxIdle: cfg.MaxIdle, MaxWaiters: cfg.MaxWaiters, MaxDials: cfg.MaxDials},
		}
		s.setCaps(s.totals)
		w.Run(pooltest.Berth{Acquire: p.AcquireWith, TryAcquire: p.TryAcquire}, d, 30, simulatedKeys, s.chores(), s.look)
		pass(5 * time.Minute)
		if cfg.MinIdlePerKey == 0 { // else keys stay for what they keep ready
			assert.Empty(t, keysOf(p), "I12: keys that nobody has used for long")
		}
		require.NoError(t, p.Shutdown(t.Context()))
		pass(2 * time.Minute) // Close funcs that were given up come to their end
		last = p.Stats()
		w.Settle(last)
		assertNothingLeft(t, p)
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

// setCaps tells the world which limits hold. Those of one key never rise above the
// Config's.
func (s *simulation) setCaps(t keyed.Totals) {
	s.w.SetCaps(pooltest.Caps{PerKey: s.cfg.MaxOpenPerKey, KeyDials: s.cfg.MaxDialsPerKey, Total: t.MaxOpen, Dials: t.MaxDials})
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
	if st.MaxIdle > 0 && st.Idle > st.MaxIdle {
		s.w.Wrong("%d idle in total, of %d", st.Idle, st.MaxIdle)
	}
	if st.Open != st.Idle+st.InUse || st.Leases < st.InUse && s.cfg.CheckEvery == 0 {
		s.w.Wrong("gauges: %+v", st)
	}
	if st.Dialing == 0 && st.Dials != st.Closes.Total()+st.Hijacks+uint64(st.Open) { //nolint:gosec // a count
		s.w.Wrong("Dials = Closes + Hijacks + Open: %+v", st)
	}
	for key, k := range s.All() {
		if k.MaxIdle > 0 && k.Idle > k.MaxIdle {
			s.w.Wrong("%d idle of key %d, of %d", k.Idle, key, k.MaxIdle)
		}
		if k.Waiting > 0 && k.Idle > 0 && !s.fresh {
			s.w.Wrong("I2: %d wait for key %d beside %d idle", k.Waiting, key, k.Idle)
		}
		if k.Dialing+k.Open+k.Closing+k.Waiting+k.Leases == 0 && k.DialErrors == 0 && k.MinIdle == 0 && s.beside.Load() == 0 {
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
	permit := st.MaxDials == 0 || st.Dialing < st.MaxDials
	if stuck(now) && dialed(now) == dialed(before) && used < st.MaxOpen && permit {
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
		func(rnd *rand.Rand) {
			t := s.totals
			t.MaxOpen = 1 + rnd.IntN(max(20, 2*s.cfg.MaxOpen))
			t.MaxIdle = max(1, t.MaxOpen*3/4)
			s.resize(t)
		},
		func(rnd *rand.Rand) {
			t := s.totals
			t.MaxWaiters, t.MaxDials = 1+rnd.IntN(40), 1+rnd.IntN(5)
			s.resize(t)
		},
		func(*rand.Rand) {
			s.resize(keyed.Totals{MaxOpen: s.cfg.MaxOpen, MaxIdle: s.cfg.MaxIdle, MaxWaiters: s.cfg.MaxWaiters, MaxDials: s.cfg.MaxDials})
		},
		s.limitKey,
		func(rnd *rand.Rand) { assert.NoError(s.t, s.SetLimits(rnd.IntN(simulatedKeys), pool.Limits{})) },
		func(rnd *rand.Rand) {
			s.w.Down(rnd.IntN(simulatedKeys), time.Duration(1+rnd.IntN(120))*time.Second)
		},
		s.retire,
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

// retire lets go of about half of what there is. The func may call the pool (I13).
func (s *simulation) retire(rnd *rand.Rand) {
	var those []*pooltest.Unit
	s.Retire(func(key int, u *pooltest.Unit) bool {
		if key != u.Key {
			s.w.Wrong("Retire says key %d of a unit of key %d", key, u.Key)
		}
		s.StatsFor(key)
		yes := rnd.IntN(2) == 0
		if yes {
			those = append(those, u)
		}
		return yes
	})
	s.w.Retired(those)
}

// limitKey overrides some limits of a key, up to the Config's, so that those hold
// as bounds.
func (s *simulation) limitKey(rnd *rand.Rand) {
	upTo := func(limit int) int { return 1 + rnd.IntN(max(1, limit)) }
	l := pool.Limits{MaxOpen: upTo(s.cfg.MaxOpenPerKey), MaxWaiters: upTo(s.cfg.MaxWaitersPerKey)}
	if s.cfg.MaxDialsPerKey > 0 {
		l.MaxDials = upTo(s.cfg.MaxDialsPerKey)
	}
	if s.cfg.MinIdlePerKey > 0 {
		l.MinIdle = pool.NoLimit // none: it might be more than the rest allows
	}
	assert.NoError(s.t, s.SetLimits(rnd.IntN(simulatedKeys), l))
}

// resize changes the limits over all keys. While they change the looser ones hold.
func (s *simulation) resize(t keyed.Totals) {
	looser := func(x, y int) int {
		if x == 0 || y == 0 {
			return 0
		}
		return max(x, y)
	}
	s.setCaps(keyed.Totals{MaxOpen: looser(t.MaxOpen, s.totals.MaxOpen), MaxDials: looser(t.MaxDials, s.totals.MaxDials)})
	assert.NoError(s.t, s.SetTotals(t))
	synctest.Wait()
	s.totals = t
	s.setCaps(t)
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
	lived(t, s, pool.ReasonIdleTime, pool.ReasonLifetime, pool.ReasonReset, pool.ReasonDiscard, pool.ReasonEvict)
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

// Without hooks for each lease, most leases begin and end without the pool's lock.
func TestSimulationOfLeasesWithoutTheLock(t *testing.T) {
	s := simulate(t, seedOr(15), 5, func(cfg *unitConfig, w *pooltest.World) {
		w.Quiet, cfg.LeakAfter, cfg.LeakSample = true, 0, 0
		w.Trouble.Fresh = 0
		cfg.Check, cfg.CheckEvery = w.Check, 20*time.Second
	})
	for _, n := range []uint64{s.Hits, s.Waits, s.Canceled, s.Rejected, s.DialErrors, s.Hijacks} {
		assert.True(t, n > 0 || *simulationSeed != 0, "%+v", s)
	}
}
