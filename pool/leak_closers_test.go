package pool_test

import (
	"testing"

	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A lost lease does not wait for Close funcs that hang, as many as run at once: to end it takes
// none.
func TestLostLeaseIsFoundBesideClosersThatHang(t *testing.T) {
	for name, cfg := range map[string]pool.Config[*thing]{
		"exclusive": {},
		"shareable": {Capacity: func(*thing) int { return 1 }},
	} {
		t.Run(name, func(t *testing.T) {
			const closers = 8
			hang := make(chan struct{})
			cfg.MaxOpen = closers + 1
			cfg.Close = func(*thing) error {
				<-hang
				return nil
			}
			p, told := lossy(t, cfg)
			var held []pool.Lease[*thing]
			for range closers {
				l, err := p.Acquire(t.Context())
				require.NoError(t, err)
				held = append(held, l)
			}
			for _, l := range held {
				l.Discard(nil)
			}
			lose(t, p)
			assert.True(t, collected(t, told).Lost)
			s := p.Stats()
			assert.Zero(t, s.Leases)
			assert.GreaterOrEqual(t, s.Closing, closers)
			close(hang)
			require.NoError(t, p.Shutdown(t.Context()))
		})
	}
}
