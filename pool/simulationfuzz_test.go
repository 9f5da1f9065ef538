package pool_test

import (
	"testing"
	"time"

	"github.com/berth-go/berth/internal/pooltest"
	"github.com/berth-go/berth/pool"
)

// FuzzSimulation plays a few minutes of a pool's life under settings and troubles
// that the fuzzer chooses, with the rules and accounts of the simulations.
func FuzzSimulation(f *testing.F) {
	f.Add(uint64(1), []byte{})
	f.Add(uint64(2), []byte{3, 2, 1, 2, 5, 20, 10, 3, 4, 1, 1, 1, 200, 3, 2, 1})
	f.Add(uint64(3), []byte{1, 1, 0, 1, 1, 4, 0, 0, 0, 0, 1, 0, 0, 0, 0, 2})
	f.Add(uint64(4), []byte{9, 4, 3, 0, 9, 60, 30, 9, 0, 2, 0, 2, 7, 0, 1, 0})
	// Checks before hand-out and in the background, at a pace; many low callers.
	f.Add(uint64(5), []byte{4, 3, 2, 2, 9, 60, 30, 40, 9, 1, 0, 3, 50, 2, 1, 1, 6, 9, 2, 0, 0, 5, 3, 20, 9, 4, 3, 5})
	// Shareable resources that drain in a hurry, and leases that are reported.
	f.Add(uint64(6), []byte{2, 2, 1, 1, 20, 30, 20, 30, 5, 2, 2, 4, 20, 1, 1, 1, 0, 0, 0, 3, 9, 7, 1, 25, 0, 6, 8, 2})
	// Callers who would be shed, and a pool with one slot and one permit.
	f.Add(uint64(7), []byte{0, 0, 0, 1, 29, 90, 5, 4, 2, 0, 1, 0, 0, 4, 2, 2, 2, 3, 4, 0, 0, 1, 1, 3, 15, 5, 1, 0})
	// Leases without the lock.
	f.Add(uint64(8), []byte{9, 7, 1, 3, 20, 60, 30, 40, 9, 0, 0, 4, 50, 1, 1, 0, 2, 9, 5, 0, 0, 0, 0, 30, 0, 2, 4, 4, 1})
	f.Fuzz(func(t *testing.T, seed uint64, knobs []byte) {
		simulateFor(t, seed, 10*time.Minute, func(cfg *pool.Config[*pooltest.Unit], w *pooltest.World) {
			k := turner(knobs)
			k.limits(cfg)
			k.life(cfg)
			k.pressure(cfg)
			k.trouble(w)
			k.checks(cfg, w)
			k.shared(cfg, w)
			k.sight(cfg)
			k.lanes(cfg, w)
			if cfg.BackoffBase == 0 {
				cfg.BackoffMax = 0
			}
			cfg.MinIdle = min(cfg.MinIdle, cfg.MaxIdle, cfg.MaxOpen)
		})
	})
}

// A turner sets what its bytes say; what they do not reach stays as it is.
type turner []byte

func (k *turner) next(n int, set func(v int)) {
	if len(*k) > 0 {
		set(int((*k)[0]) % n)
		*k = (*k)[1:]
	}
}

func (k *turner) limits(cfg *pool.Config[*pooltest.Unit]) {
	k.next(16, func(v int) { cfg.MaxOpen = 1 + v })
	k.next(8, func(v int) { cfg.MaxIdle = 1 + v })
	k.next(4, func(v int) { cfg.MinIdle = v })
	k.next(4, func(v int) { cfg.MaxDials = v })
	k.next(30, func(v int) { cfg.MaxWaiters = v })
}

func (k *turner) life(cfg *pool.Config[*pooltest.Unit]) {
	k.next(120, func(v int) {
		cfg.MaxLifetime, cfg.LifetimeJitter, cfg.Overlap = time.Duration(10+v)*time.Second, time.Duration(v/3)*time.Second, time.Duration(v%5)*time.Second
	})
	k.next(60, func(v int) { cfg.MaxIdleTime = time.Duration(v) * time.Second })
	k.next(50, func(v int) { cfg.MaxUses = uint64(v) })                             //nolint:gosec // not negative
	k.next(20, func(v int) { cfg.CloseTimeout = time.Duration(3+v) * time.Second }) // the slow take up to 2 s
	k.next(3, func(v int) { cfg.Reuse = pool.Reuse(v) })                            //nolint:gosec // small
}

func (k *turner) pressure(cfg *pool.Config[*pooltest.Unit]) {
	k.next(3, func(v int) { cfg.ShedLate = pool.Shed(v) }) //nolint:gosec // small
	k.next(6, func(v int) { cfg.BreakAfter = v })
	k.next(250, func(v int) {
		cfg.BackoffBase = time.Duration(v) * time.Millisecond
		cfg.BackoffMax = 20 * cfg.BackoffBase
	})
}

func (k *turner) trouble(w *pooltest.World) {
	k.next(10, func(v int) { w.Trouble.Refuse = float64(v) / 12 })
	k.next(4, func(v int) { w.Trouble.Hang = float64(v) / 40 })
	k.next(4, func(v int) { w.Trouble.Stuck = float64(v) / 20 })
}

// checks sets when Check is due, and how often it and Take fail.
func (k *turner) checks(cfg *pool.Config[*pooltest.Unit], w *pooltest.World) {
	k.next(10, func(v int) { // 0: no Check
		if v > 0 {
			cfg.Check, w.Trouble.Check = w.Check, float64(v-1)/20
		}
	})
	k.next(20, func(v int) {
		if cfg.Check != nil {
			cfg.CheckEvery = time.Duration(v) * time.Second
		}
	})
	k.next(20, func(v int) { cfg.CheckAfter = time.Duration(v-1) * time.Second })
	k.next(5, func(v int) { // 0: no Take
		if v > 0 {
			cfg.Take, w.Trouble.Take = w.Take, float64(v-1)/20
		}
	})
}

// shared makes the resources shareable, or leaves them exclusive.
func (k *turner) shared(cfg *pool.Config[*pooltest.Unit], w *pooltest.World) {
	k.next(5, func(v int) {
		if v > 0 {
			w.MaxCapacity, cfg.Shared = 1+v, 1+v
			cfg.Capacity, cfg.Watch = (*pooltest.Unit).Capacity, (*pooltest.Unit).Watch
		}
	})
	k.next(30, func(v int) { cfg.DrainTimeout = time.Duration(v) * time.Second })
}

// sight sets what is reported, and how long callers wait to see it.
func (k *turner) sight(cfg *pool.Config[*pooltest.Unit]) {
	k.next(10, func(v int) {
		cfg.LeakAfter = time.Duration(v) * time.Second
		if v == 0 {
			cfg.LeakSample = 0
		}
	})
	k.next(40, func(v int) { cfg.WaitTimeout = time.Duration(v) * time.Second })
}

// lanes sets the pace of the dials, low callers, and how often an operator
// meddles.
func (k *turner) lanes(cfg *pool.Config[*pooltest.Unit], w *pooltest.World) {
	k.next(16, func(v int) { // 0: no DialRate
		if v > 0 {
			cfg.DialRate = w.Pace(time.Duration(v)*200*time.Millisecond, func(int) bool { return true })
		}
	})
	k.next(8, func(v int) { w.Trouble.Low = float64(v) / 8 })
	k.next(9, func(v int) { cfg.LowLag = v })
	k.next(15, func(v int) { w.Chores = 1 + v })
	k.next(2, func(v int) { // 1: resources may be lent without the lock
		if v == 1 && cfg.Take == nil && cfg.Capacity == nil && cfg.Reuse != pool.ReuseOldest {
			w.Quiet, cfg.LeakAfter, cfg.LeakSample = true, 0, 0
		}
	})
}
