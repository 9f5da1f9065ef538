package keyed

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A key that is forgotten, and stands in the map for one moment more, is not in use:
// ShutdownKey may have returned by then.
func TestKeyThatIsForgottenHasNoStats(t *testing.T) {
	p, err := New(Config[string, int]{Dial: func(context.Context, string) (int, error) { return 1, nil }})
	require.NoError(t, err)
	l, err := p.Acquire(t.Context(), "key")
	require.NoError(t, err)
	l.Release()
	_, ok := p.StatsFor("key")
	assert.True(t, ok)
	e := p.keys.Get("key")
	assert.True(t, e.door.Look(func() bool { return true }))
	_, ok = p.StatsFor("key")
	assert.False(t, ok)
	assert.NoError(t, p.ShutdownKey(t.Context(), "key"))
}
