package pool

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What pools have in common while they need none of their own stays empty, whatever
// they do: else one pool's business would be another's.
func TestWhatPoolsShareIsNeverWritten(t *testing.T) {
	ctx := t.Context()
	b, err := NewBudget(BudgetLimits{MaxOpen: 1})
	require.NoError(t, err)
	fails := true
	p, err := New(Config[int]{
		Budget: b, LeakAfter: time.Hour, BackoffBase: time.Nanosecond, MaxLifetime: time.Hour,
		Dial: func(context.Context) (int, error) {
			if fails {
				fails = false
				return 0, errors.New("no")
			}
			return 1, nil
		},
	})
	require.NoError(t, err)
	_, err = p.Acquire(ctx)
	require.Error(t, err)
	require.NoError(t, p.Warm(ctx, 1))
	l, err := p.Acquire(ctx)
	require.NoError(t, err)
	l.Release()

	other, err := New(Config[int]{Budget: b, Dial: func(context.Context) (int, error) { return 2, nil }})
	require.NoError(t, err)
	l, err = other.Acquire(ctx) // p's resource makes way
	require.NoError(t, err)
	l.Discard(nil)
	require.NoError(t, other.Shutdown(ctx))
	require.NoError(t, p.Shutdown(ctx))

	assert.Equal(t, seldom[int]{}, p.none)
	assert.Equal(t, seldom[int]{}, other.none)
	assert.Equal(t, wants{}, b.none)
}
