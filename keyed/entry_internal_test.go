package keyed

import (
	"context"
	"testing"

	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func newOnes(t *testing.T, cfg Config[string, int]) *Pool[string, int] {
	t.Helper()
	cfg.Dial = func(context.Context, string) (int, error) { return 1, nil }
	p, err := New(cfg)
	require.NoError(t, err)
	return p
}

// SetLimits may come while the entry of a key is made: then it is made again.
func TestEntryWithLimitsOfBeforeIsNotAdded(t *testing.T) {
	p := newOnes(t, Config[string, int]{})
	made, err := p.makeEntry("a", &p.terms, pool.Limits{})
	require.NoError(t, err)
	require.NoError(t, p.SetLimits("a", pool.Limits{MaxOpen: 3}))
	e, err := p.addEntry("a", made, pool.Limits{})
	assert.NoError(t, err)
	assert.Nil(t, e)
	require.NoError(t, p.Shutdown(t.Context()))
}

// So may Close: then there is none.
func TestEntryIsNotAddedToAClosedPool(t *testing.T) {
	var p *Pool[string, int]
	p = newOnes(t, Config[string, int]{PerKey: func(string) pool.Limits {
		assert.NoError(t, p.Close())
		return pool.Limits{}
	}})
	_, err := p.Acquire(t.Context(), "a")
	assert.ErrorIs(t, err, pool.ErrClosed)
	assert.Zero(t, p.keys.Len())
}

// Two calls of ShutdownKey may end one after the other, and the key be in use again
// between them.
func TestShutdownKeyLeavesALaterEntryAlone(t *testing.T) {
	p := newOnes(t, Config[string, int]{})
	acquire := func() pool.Lease[int] {
		l, err := p.Acquire(t.Context(), "a")
		require.NoError(t, err)
		return l
	}
	acquire().Release()
	before := p.keys.Get("a")
	require.NoError(t, p.ShutdownKey(t.Context(), "a"))
	l := acquire()
	p.part(before)
	assert.NotNil(t, p.keys.Get("a"))
	l.Release()
	require.NoError(t, p.Shutdown(t.Context()))
}
