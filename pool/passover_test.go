package pool_test

import (
	"context"
	"testing"
	"time"

	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TryAcquire passes over what is due for its Check, and not over what stands behind that and is
// not: what was used last may be due, and what is idle for longer may not be.
func TestTryAcquireFindsWhatIsNotDueBehindWhatIs(t *testing.T) {
	const n = time.Millisecond
	passes := func(context.Context, *thing) error { return nil }
	for _, tt := range []struct {
		name string
		cfg  pool.Config[*thing]
		do   func(r *rig) (n int) // returns which one is not due
	}{
		{"the one used first was checked since", pool.Config[*thing]{CheckAfter: 20 * n, CheckEvery: 50 * n}, func(r *rig) int {
			first, second := r.acquire(), r.acquire()
			first.release()
			pass(25 * n)
			second.release()
			pass(35 * n)
			return 1
		}},
		{"it has been idle since before it was dialled", pool.Config[*thing]{MaxLifetime: time.Hour, Overlap: time.Minute, CheckAfter: time.Second}, func(r *rig) int {
			r.acquire().release()
			pass(time.Hour - time.Minute + time.Second/2)
			return 2
		}},
		{"another one is in use and has room", pool.Config[*thing]{MinIdle: 1, CheckAfter: -1, Capacity: shareable().Capacity, Watch: shareable().Watch}, func(r *rig) int {
			r.capacity = 2
			used := r.acquire().got()
			pass(time.Second)
			require.Equal(r.t, 1, r.Stats().Idle)
			return used.n
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				tt.cfg.Check = passes
				r := newRig(t, tt.cfg)
				want := tt.do(r)
				l, ok := r.TryAcquire()
				require.True(t, ok)
				assert.Equal(t, want, l.Value().n)
				l.Release()
			})
		})
	}
}
