package wire_test

import (
	"context"
	"testing"

	"github.com/berth-go/berth/adapters/internal/wire"
	"github.com/berth-go/berth/keyed"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Who has set MaxConns does not know a MaxOpen.
func TestErrorsOfWarmNameTheLimitsOfAnAdapter(t *testing.T) {
	for want, cfg := range map[string]keyed.Config[string, int]{
		"h2: n is 3, above MaxConnsPerHost 2: ask Warm for less, or raise MaxConnsPerHost":         {MaxOpenPerKey: 2},
		"h2: n is 3, above MaxConns 2: ask Warm for less, or raise MaxConns":                       {MaxOpen: 2},
		"h2: n is 3, above MaxIdleConnsPerHost 1: ask Warm for less, or raise MaxIdleConnsPerHost": {MaxIdlePerKey: 1},
		"h2: n is 3, above MaxIdleConns 1: ask Warm for less, or raise MaxIdleConns":               {MaxIdle: 1},
	} {
		cfg.Dial = func(context.Context, string) (int, error) { return 1, nil }
		p, err := keyed.New(cfg)
		require.NoError(t, err)
		assert.EqualError(t, wire.WarmError("h2", p.Warm(t.Context(), "a", 3)), want)
		require.NoError(t, p.Shutdown(t.Context()))
	}
	assert.NoError(t, wire.WarmError("h2", nil))
	assert.Equal(t, context.Canceled, wire.WarmError("h2", context.Canceled))
}
