package keyed_test

import (
	"context"
	"testing"

	"github.com/berth-go/berth/keyed"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Take refuses the only resource of a key, which its caller had without a lock. The
// key is forgotten then, before the caller comes back with its place: it is counted
// once all the same, where the counts of that key have gone.
func TestCallerWhoseTakeRefusesTheLastResourceOfAKeyIsCountedOnce(t *testing.T) {
	for name, shared := range map[string]bool{"exclusive": false, "shareable": true} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				broken := 0
				p, err := keyed.New(keyed.Config[string, *int]{
					Dial:      func(context.Context, string) (*int, error) { return new(int), nil },
					Shareable: func(*int) bool { return shared },
					Capacity:  func(*int) int { return 1 },
					Watch:     func(*int, func()) {},
					Take: func(*int) error {
						if broken > 0 {
							broken--
							return errBroken
						}
						return nil
					},
				})
				require.NoError(t, err)
				calls := uint64(0)
				for range 20 {
					for range 20 { // the lane opens
						l, err := p.Acquire(t.Context(), "a")
						require.NoError(t, err)
						l.Release()
						calls++
					}
					broken = 3 // a shareable one is tried again twice
					l, err := p.Acquire(t.Context(), "a")
					require.NoError(t, err)
					ticket := l.Ticket()
					l.Release()
					calls++
					assert.Zero(t, broken)
					assert.NotZero(t, ticket)
					s := p.Stats()
					require.Equal(t, calls, s.Acquires)
					require.Equal(t, s.Acquires, s.Hits+s.Waits)
				}
				require.NoError(t, p.Shutdown(t.Context()))
				assert.Equal(t, calls, p.Stats().Acquires)
			})
		})
	}
}
