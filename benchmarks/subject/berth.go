package subject

import (
	"context"

	"github.com/berth-go/berth/keyed"
	"github.com/berth-go/berth/pool"
)

// berth is a pool of one key.
type berth struct{ pool *pool.Pool[*Resource] }

func (p berth) Use(ctx context.Context, hold func(*Resource)) error {
	l, err := p.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	if hold != nil {
		hold(l.Value())
	}
	l.Release()
	return nil
}

// Close does not wait: with no lease out there is nothing to wait for but the
// pool's own goroutines, and those end by themselves.
func (p berth) Close() { _ = p.pool.Close() }

func openWith(cfg pool.Config[*Resource]) (Pool, error) {
	p, err := pool.New(cfg)
	if err != nil {
		return nil, err
	}
	return berth{p}, nil
}

func openBerth(c Config) (Pool, error) {
	return openWith(pool.Config[*Resource]{Dial: c.dial(), MaxOpen: c.Size})
}

// openFull has everything on that a careful user sets, so that nobody has to
// choose between speed and care.
func openFull(c Config) (Pool, error) {
	return openWith(pool.Config[*Resource]{
		Dial:           c.dial(),
		Close:          func(*Resource) error { return nil },
		Check:          func(context.Context, *Resource) error { return nil },
		Recycle:        func(*Resource) error { return nil },
		MaxOpen:        c.Size,
		MaxIdle:        c.Size,
		DialTimeout:    longWait,
		WaitTimeout:    longWait,
		CheckAfter:     longIdle,
		MaxIdleTime:    longIdle,
		MaxLifetime:    longLife,
		LifetimeJitter: jitter,
		MaxUses:        manyUses,
	})
}

func openCareful(c Config) (Pool, error) {
	return openWith(pool.Config[*Resource]{
		Dial: c.dial(), MaxOpen: c.Size,
		MaxDials: carefulDials, BackoffBase: backoffBase, BreakAfter: breakAfter,
	})
}

// openShared has room on one resource for every caller of every workload.
func openShared(c Config) (Pool, error) {
	const capacity = 1 << 20
	return openWith(pool.Config[*Resource]{
		Dial:     c.dial(),
		MaxOpen:  1,
		Capacity: func(*Resource) int { return capacity },
		Watch:    func(*Resource, func()) {},
		Shared:   capacity,
	})
}

// berthKeyed is a pool of many keys.
type berthKeyed struct {
	pool *keyed.Pool[uint64, *Resource]
}

func (p berthKeyed) UseKey(ctx context.Context, key uint64, hold func(*Resource)) error {
	l, err := p.pool.Acquire(ctx, key)
	if err != nil {
		return err
	}
	if hold != nil {
		hold(l.Value())
	}
	l.Release()
	return nil
}

func (p berthKeyed) Close() { _ = p.pool.Close() }

// hotKey asks for one key of many that could be there.
type hotKey struct{ berthKeyed }

func (p hotKey) Use(ctx context.Context, hold func(*Resource)) error {
	const key = 42
	return p.UseKey(ctx, key, hold)
}

func openKeyedWith(c Config, total int) (berthKeyed, error) {
	dial := c.dial()
	p, err := keyed.New(keyed.Config[uint64, *Resource]{
		Dial:          func(ctx context.Context, _ uint64) (*Resource, error) { return dial(ctx) },
		MaxOpenPerKey: c.Size,
		MaxOpen:       total,
	})
	return berthKeyed{p}, err
}

func openHotKey(c Config) (Pool, error) {
	const otherKeys = 100
	p, err := openKeyedWith(c, c.Size+otherKeys)
	return hotKey{p}, err
}

func openKeyed(c Config) (Keyed, error) {
	p, err := openKeyedWith(c, 0)
	return p, err
}

func openKeyedTotal(c Config) (Keyed, error) {
	const roomForAll = 10_000_000
	p, err := openKeyedWith(c, roomForAll)
	return p, err
}
