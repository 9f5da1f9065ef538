package pool

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// longAndShort has a resource of a pool used by one lease that lasts an hour and two more at
// its end, which open the lane; all of them end within its first tick.
func longAndShort(t *testing.T, p *Pool[int]) {
	mustAcquire(t, p).Release()
	time.Sleep(time.Second) // no lane
	long := mustAcquire(t, p)
	time.Sleep(time.Hour)
	a, b := mustAcquire(t, p), mustAcquire(t, p)
	for _, l := range []Lease[int]{a, b, long} {
		l.Release()
	}
	require.NotNil(t, p.open.Load())
	require.Equal(t, 1, p.Stats().Idle)
}

// Where the last lease goes on in the lane, the resource is idle since its end.
func TestIdleTimeBeginsWithTheEndOfTheLastLeaseInTheLaneThatGrows(t *testing.T) {
	for name, tt := range map[string]struct {
		cfg  Config[int]
		look func(t *testing.T, p *Pool[int])
	}{
		"MaxIdleTime": {Config[int]{MaxIdleTime: time.Minute}, func(t *testing.T, p *Pool[int]) {
			assert.Equal(t, 1, p.Stats().Idle, "it has been idle for a second of its minute")
			time.Sleep(time.Minute)
			synctest.Wait()
			assert.Zero(t, p.Stats().Idle)
		}},
		"IdleFor": {Config[int]{}, func(t *testing.T, p *Pool[int]) {
			l := mustAcquire(t, p)
			assert.Equal(t, time.Second, l.Info().IdleFor)
			l.Release()
		}},
		"CheckAfter": {
			Config[int]{CheckAfter: time.Minute, Check: func(context.Context, int) error { return context.Canceled }},
			func(t *testing.T, p *Pool[int]) {
				mustAcquire(t, p).Release()
				assert.Zero(t, p.Stats().Closes.Of(ReasonCheck), "it was used a second ago")
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tt.cfg.Dial = numbered()
				tt.cfg.Capacity, tt.cfg.Watch = func(int) int { return 100 }, func(int, func()) {}
				p, err := New(tt.cfg)
				require.NoError(t, err)
				longAndShort(t, p)
				time.Sleep(time.Second)
				synctest.Wait()
				tt.look(t, p)
				require.NoError(t, p.Shutdown(t.Context()))
			})
		})
	}
}

// The one that was used last is not the one that goes for another pool.
func TestBudgetKnowsWhatWasUsedInTheLaneThatGrows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, err := NewBudget(BudgetLimits{MaxOpen: 2})
		require.NoError(t, err)
		var pools []*Pool[int]
		for range 3 {
			p, err := New(Config[int]{
				Dial: numbered(), Budget: b,
				Capacity: func(int) int { return 100 }, Watch: func(int, func()) {},
			})
			require.NoError(t, err)
			pools = append(pools, p)
		}
		used, older, other := pools[0], pools[1], pools[2]
		synctest.Wait()
		done := make(chan struct{})
		go func() {
			time.Sleep(time.Hour / 2)
			mustAcquire(t, older).Release()
			close(done)
		}()
		longAndShort(t, used)
		<-done
		time.Sleep(time.Second)
		mustAcquire(t, other).Release()
		synctest.Wait()
		assert.Equal(t, []int{1, 0}, []int{used.Stats().Open, older.Stats().Open})
		for _, p := range pools {
			require.NoError(t, p.Shutdown(t.Context()))
		}
	})
}
