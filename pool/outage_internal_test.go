package pool

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A caller at the longest backoff waits for what the pool has said, and not for the next
// pause after that.
func TestCallerAtTheLongestBackoffWaitsOnePause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var began time.Time
		p, err := New(Config[int]{
			Dial:        func(context.Context) (int, error) { began = time.Now(); return 0, context.Canceled },
			BackoffBase: time.Second, BackoffMax: time.Second,
		})
		require.NoError(t, err)
		_, err = p.Acquire(t.Context())
		require.Error(t, err)
		for range 20 {
			p.mu.Lock()
			due := p.mu.outage.notBefore
			p.mu.Unlock()
			_, err = p.Acquire(t.Context())
			require.Error(t, err)
			assert.Equal(t, due, began)
		}
		require.NoError(t, p.Shutdown(t.Context()))
	})
}

// Pools of many processes whose peer came down at once do not dial it in step.
func TestBackoffIsSpread(t *testing.T) {
	drawn := map[time.Duration]bool{}
	for range 100 {
		d := backoff(time.Second, time.Minute, 3)
		assert.GreaterOrEqual(t, d, 2*time.Second)
		assert.LessOrEqual(t, d, 4*time.Second)
		drawn[d] = true
	}
	assert.Greater(t, len(drawn), 1)
}

// Failures are remembered from the last one that somebody was told of.
func TestFailureThatACallerHearsOfIsTheLastCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, err := New(Config[int]{Dial: func(context.Context) (int, error) {
			time.Sleep(time.Minute)
			return 0, errors.New("no")
		}})
		require.NoError(t, err)
		for range 2 {
			_, err := p.Acquire(t.Context())
			require.Error(t, err)
			assert.Equal(t, time.Since(p.start), time.Duration(p.mu.outage.lastCall))
		}
		require.NoError(t, p.Shutdown(t.Context()))
	})
}
