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
	f.Fuzz(func(t *testing.T, seed uint64, knobs []byte) {
		simulateFor(t, seed, 10*time.Minute, func(cfg *pool.Config[*pooltest.Unit], w *pooltest.World) {
			turn(cfg, w, knobs)
		})
	})
}

// turn sets what the bytes say; what they do not reach stays as it is.
func turn(cfg *pool.Config[*pooltest.Unit], w *pooltest.World, knobs []byte) {
	next := func(n int, set func(v int)) {
		if len(knobs) > 0 {
			set(int(knobs[0]) % n)
			knobs = knobs[1:]
		}
	}
	next(16, func(v int) { cfg.MaxOpen = 1 + v })
	next(8, func(v int) { cfg.MaxIdle = 1 + v })
	next(4, func(v int) { cfg.MinIdle = v })
	next(4, func(v int) { cfg.MaxDials = v })
	next(30, func(v int) { cfg.MaxWaiters = v })
	next(120, func(v int) {
		cfg.MaxLifetime, cfg.LifetimeJitter, cfg.Overlap = time.Duration(10+v)*time.Second, time.Duration(v/3)*time.Second, time.Duration(v%5)*time.Second
	})
	next(60, func(v int) { cfg.MaxIdleTime = time.Duration(v) * time.Second })
	next(50, func(v int) { cfg.MaxUses = uint64(v) })                             //nolint:gosec // not negative
	next(20, func(v int) { cfg.CloseTimeout = time.Duration(3+v) * time.Second }) // the slow take up to 2 s
	next(3, func(v int) { cfg.Reuse = pool.Reuse(v) })                            //nolint:gosec // small
	next(2, func(v int) { cfg.ShedLate = pool.Shed(v) })                          //nolint:gosec // small
	next(6, func(v int) { cfg.BreakAfter = v })
	next(250, func(v int) {
		cfg.BackoffBase = time.Duration(v) * time.Millisecond
		cfg.BackoffMax = 20 * cfg.BackoffBase
	})
	next(10, func(v int) { w.Trouble.Refuse = float64(v) / 12 })
	next(4, func(v int) { w.Trouble.Hang = float64(v) / 40 })
	next(4, func(v int) { w.Trouble.Stuck = float64(v) / 20 })
	cfg.MinIdle = min(cfg.MinIdle, cfg.MaxIdle, cfg.MaxOpen)
	if cfg.BackoffBase == 0 {
		cfg.BackoffMax = 0
	}
}
