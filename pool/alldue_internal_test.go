package pool

import (
	"context"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// That the Check of all that is idle is due is known without a look at all of it, but where
// what is idle for longer may have been checked later.
func TestCheckOfAllIsDueWhereThatOfTheNewestIs(t *testing.T) {
	for _, after := range []time.Duration{-1, 20 * time.Millisecond} {
		for _, every := range []time.Duration{0, 50 * time.Millisecond} {
			synctest.Test(t, func(t *testing.T) {
				r := rand.New(rand.NewPCG(1, 1)) //nolint:gosec // to be repeatable
				p, err := New(Config[int]{
					Dial: numbered(), MaxOpen: 6, CheckAfter: after, CheckEvery: every, Check: func(context.Context, int) error { return nil },
				})
				require.NoError(t, err)
				var out []Lease[int]
				due, known := 0, 0
				for range 1000 {
					if len(out) < 6 && r.IntN(2) == 0 {
						l, err := p.Acquire(t.Context())
						require.NoError(t, err)
						out = append(out, l)
					}
					if len(out) > 0 && r.IntN(2) == 0 {
						i := r.IntN(len(out))
						out[i].Release()
						out[i], out = out[len(out)-1], out[:len(out)-1]
					}
					time.Sleep(time.Duration(r.IntN(12)) * time.Millisecond)
					synctest.Wait()

					p.lock()
					all := p.mu.slots.in(idle) > 0
					for s := range p.mu.idle.All() {
						all = all && p.checkDueLocked(s)
					}
					says := p.allDueLocked()
					p.mu.handed = p.mu.idle.Newest() // it would be handed out unchecked
					require.False(t, p.mu.handed != nil && p.allDueLocked())
					p.mu.handed = nil
					p.unlock()
					if all {
						due++
					}
					if says {
						require.True(t, all)
						known++
					}
				}
				assert.Greater(t, due, 50, "else nothing was tested")
				if every == 0 {
					assert.Equal(t, due, known)
				} else {
					assert.Zero(t, known)
				}
				for _, l := range out {
					l.Release()
				}
				require.NoError(t, p.Shutdown(t.Context()))
			})
		}
	}
}
