package pool_test

import (
	"context"
	"errors"
	"testing"

	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Whoever counts open breakers hears of no end that had no beginning.
func TestOutageThatDidNotOpenTheBreakerDoesNotCloseIt(t *testing.T) {
	fail := true
	p, err := pool.New(pool.Config[int]{
		Dial: func(context.Context) (int, error) {
			if fail {
				return 0, errors.New("refused")
			}
			return 1, nil
		},
		Close:      func(int) error { return nil },
		BreakAfter: 3,
		Hooks:      &pool.Hooks{Breaker: func(e pool.BreakerEvent) { assert.Fail(t, "no event", "%+v", e) }},
	})
	require.NoError(t, err)
	_, err = p.Acquire(t.Context())
	require.Error(t, err)
	fail = false
	l, err := p.Acquire(t.Context())
	require.NoError(t, err)
	l.Release()
	require.NoError(t, p.Shutdown(t.Context()))
}
