package berth_test

import (
	"context"
	"testing"

	"github.com/berth-go/berth/internal/model"
	"github.com/berth-go/berth/internal/pooltest"
	"github.com/berth-go/berth/keyed"
	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/require"
	"go.uber.org/atomic"
)

// The tests in this folder run over everything that is a pool. These are its
// kinds, made alike.

type (
	resource = pooltest.Resource
	lease    = pooltest.Lease
	config   = pool.Config[*resource]
)

// kinds are the implementations. Each must behave as the others do; where one
// cannot, the table of behaviors says why.
func kinds() []kind {
	return []kind{
		{kindPool, openPool},
		{kindLocked, openLocked},
		{kindPerKey, openPerKey},
		{kindTotals, openTotals},
		{kindModel, openModel},
	}
}

type kind struct {
	name string
	open func(testing.TB, config) pooltest.Pool
}

const (
	kindPool   = "pool"
	kindLocked = "pool, without the lane"
	kindPerKey = "keyed, limits per key"
	kindTotals = "keyed, limits in total"
	kindModel  = "model"
)

// bench returns a bench for a pool of this kind.
func (k kind) bench(t testing.TB, configure func(*config)) *pooltest.Bench {
	return pooltest.NewBench(t, func(_ *pooltest.Peer, c config) pooltest.Pool { return k.open(t, c) }, configure)
}

// single is a pool of one key.
type single struct{ *pool.Pool[*resource] }

func openPool(t testing.TB, c config) pooltest.Pool {
	p, err := pool.New(c)
	require.NoError(t, err)
	return single{p}
}

// openLocked opens a pool that does everything under its lock: it has a hook to
// call for each lease.
func openLocked(t testing.TB, c config) pooltest.Pool {
	h := pool.Hooks{}
	if c.Hooks != nil {
		h = *c.Hooks
	}
	if h.Released == nil {
		h.Released = func(pool.ReleasedEvent) {}
	}
	c.Hooks = &h
	return openPool(t, c)
}

func (s single) AcquireWith(ctx context.Context, r pool.Request) (lease, error) {
	return s.Pool.AcquireWith(ctx, r)
}
func (s single) TryAcquire() (lease, bool) { return s.Pool.TryAcquire() }
func (s single) Do(ctx context.Context, f func(lease) error) error {
	return s.Pool.Do(ctx, func(l pool.Lease[*resource]) error { return f(l) })
}

// reference is the model.
type reference struct{ *model.Pool[*resource] }

func openModel(_ testing.TB, c config) pooltest.Pool {
	return reference{model.New(c)}
}

func (m reference) AcquireWith(ctx context.Context, r pool.Request) (lease, error) {
	return m.Pool.AcquireWith(ctx, r)
}
func (m reference) TryAcquire() (lease, bool) { return m.Pool.TryAcquire() }
func (m reference) Do(ctx context.Context, f func(lease) error) error {
	return m.Pool.Do(ctx, func(l *model.Lease[*resource]) error { return f(l) })
}

// theKey is the one key of a keyed pool that stands for a pool.
const theKey = 1

// oneKey is a keyed pool of which only one key is used.
type oneKey struct {
	*keyed.Pool[int, *resource]
	totals bool // the limits are those over all keys
}

func openPerKey(t testing.TB, c config) pooltest.Pool {
	k := keyedConfig(c)
	k.MaxOpenPerKey, k.MaxIdlePerKey, k.MinIdlePerKey = c.MaxOpen, c.MaxIdle, c.MinIdle
	k.MaxWaitersPerKey, k.MaxDialsPerKey = c.MaxWaiters, c.MaxDials
	q, err := keyed.New(k)
	require.NoError(t, err)
	return oneKey{q, false}
}

func openTotals(t testing.TB, c config) pooltest.Pool {
	k := keyedConfig(c)
	k.MaxOpen, k.MaxIdle, k.MaxWaiters, k.MaxDials = c.MaxOpen, c.MaxIdle, c.MaxWaiters, c.MaxDials
	q, err := keyed.New(k)
	require.NoError(t, err)
	return oneKey{q, true}
}

// keyedConfig returns the Config of a keyed pool that is like c, without limits.
// Its Shared learns what dials bring, as a pool does by itself.
func keyedConfig(c config) keyed.Config[int, *resource] {
	var shared atomic.Int32
	shared.Store(int32(max(1, c.Shared))) //nolint:gosec // tests use small ones
	return keyed.Config[int, *resource]{
		Dial: func(ctx context.Context, _ int) (*resource, error) {
			r, err := c.Dial(ctx)
			if err == nil {
				n := 1
				if r.Kind().Shareable {
					n = max(1, c.Shared)
				}
				shared.Store(int32(n)) //nolint:gosec // as above
			}
			return r, err
		},
		Close: c.Close, Check: c.Check, Take: c.Take, Recycle: c.Recycle,
		Capacity: c.Capacity, Shareable: c.Shareable, Expect: c.Expect, Watch: c.Watch,
		Shared:      func(int) int { return int(shared.Load()) },
		DialTimeout: c.DialTimeout, RedialAfter: c.RedialAfter, WaitTimeout: c.WaitTimeout, CheckAfter: c.CheckAfter,
		MaxIdleTime: c.MaxIdleTime, MaxLifetime: c.MaxLifetime, MaxUses: c.MaxUses, LowLag: c.LowLag, Hooks: c.Hooks,
		BackoffBase: c.BackoffBase, BackoffMax: c.BackoffMax,
	}
}

func (k oneKey) AcquireWith(ctx context.Context, r pool.Request) (lease, error) {
	return k.Pool.AcquireWith(ctx, theKey, r)
}
func (k oneKey) TryAcquire() (lease, bool) { return k.Pool.TryAcquire(theKey) }
func (k oneKey) Do(ctx context.Context, f func(lease) error) error {
	return k.Pool.Do(ctx, theKey, func(l pool.Lease[*resource]) error { return f(l) })
}

func (k oneKey) Warm(ctx context.Context, n int) error { return k.Pool.Warm(ctx, theKey, n) }
func (k oneKey) Retire(f func(*resource) bool) {
	k.Pool.Retire(func(_ int, r *resource) bool { return f(r) })
}

// Stats returns the numbers with the limits that SetLimits changes.
func (k oneKey) Stats() pool.Stats {
	s := k.Pool.Stats()
	if one, ok := k.StatsFor(theKey); ok && !k.totals {
		s.Limits = one.Limits
	}
	return s
}

// SetLimits sets what stands for the limits of a pool.
func (k oneKey) SetLimits(l pool.Limits) error {
	if k.totals {
		return k.SetTotals(keyed.Totals{MaxOpen: l.MaxOpen, MaxIdle: l.MaxIdle, MaxWaiters: l.MaxWaiters, MaxDials: l.MaxDials})
	}
	none := func(v int) int { // 0 would keep what Config says
		if v == 0 {
			return pool.NoLimit
		}
		return v
	}
	return k.Pool.SetLimits(theKey, pool.Limits{
		MaxOpen: none(l.MaxOpen), MaxIdle: none(l.MaxIdle), MinIdle: none(l.MinIdle), MaxWaiters: none(l.MaxWaiters), MaxDials: none(l.MaxDials),
	})
}
