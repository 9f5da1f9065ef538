package exchange_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/berth-go/berth/adapters/internal/exchange"
	"github.com/berth-go/berth/internal/part"
	"github.com/berth-go/berth/pool"
)

// failing is a pool whose Acquire fails, and counts.
type failing struct {
	err   error
	calls int
}

func (f *failing) AcquireWith(context.Context, string, pool.Request) (pool.Lease[connFunc], error) {
	f.calls++
	return pool.Lease[connFunc]{}, f.err
}

func (f *failing) AcquireInstead(ctx context.Context, key string, _ pool.Lease[connFunc], _ error, r pool.Request) (pool.Lease[connFunc], error) {
	return f.AcquireWith(ctx, key, r)
}

func TestOnlyAStillbornConnectionIsAskedForAgain(t *testing.T) {
	for name, c := range map[string]struct {
		err   error
		calls int
	}{
		"stillborn":                  {&pool.DialError{Err: part.ErrStillborn}, 3},
		"wrapped":                    {fmt.Errorf("key: %w", &pool.DialError{Err: part.ErrStillborn}), 3},
		"breaker that it has opened": {&pool.DialError{Err: part.ErrStillborn, FailFast: true}, 1},
		"another error of the dial":  {&pool.DialError{Err: errBroken}, 1},
		"one that says the same":     {&pool.DialError{Err: errors.New(part.ErrStillborn.Error())}, 1},
		"of a pool that Dial asked":  {&pool.DialError{Err: &pool.DialError{Err: part.ErrStillborn}}, 1},
		"no dial":                    {pool.ErrClosed, 1},
		"success":                    {nil, 1},
	} {
		t.Run(name, func(t *testing.T) {
			p := &failing{err: c.err}
			_, err := exchange.Acquire(t.Context(), p, "key", pool.Request{})
			assert.Equal(t, c.err, err)
			assert.Equal(t, c.calls, p.calls)

			p = &failing{err: c.err}
			_, err = exchange.AcquireInstead(t.Context(), p, "key", pool.Lease[connFunc]{}, errBroken, pool.Request{})
			assert.Equal(t, c.err, err)
			assert.Equal(t, c.calls, p.calls)
		})
	}
}

func TestToAskForAConnectionAllocatesNothing(t *testing.T) {
	p, ctx := &failing{}, t.Context()
	assert.Zero(t, testing.AllocsPerRun(100, func() { _, _ = exchange.Acquire(ctx, p, "key", pool.Request{}) }))
}
