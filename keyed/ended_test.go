package keyed_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A ctx that has ended already fails the call, also where the key's lane is open.
func TestCallThatHasEndedTakesNothingOfTheLane(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, config{})
		for range 10 {
			l, err := r.Acquire(t.Context(), "a")
			require.NoError(t, err)
			l.Release()
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := r.Acquire(ctx, "a")
		assert.ErrorIs(t, err, context.Canceled)
	})
}
