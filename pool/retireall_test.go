package pool_test

import (
	"context"
	"errors"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/berth-go/berth/pool"
)

// A hook that panics, or ends the goroutine, for one resource keeps no other from being let
// go of. So with the func that picks them.
func TestRetireLetsGoOfAllWhateverBecomesOfAHook(t *testing.T) {
	boom := errors.New("boom")
	for how, end := range map[string]func(){"panic": func() { panic(boom) }, "Goexit": runtime.Goexit} {
		for where, tt := range map[string]struct {
			hook, pick func()
			left       int
		}{
			"hook": {hook: end, pick: func() {}, left: 0},
			"func": {hook: func() {}, pick: end, left: 1}, // f ended for the first, so it stays
		} {
			t.Run(where+"/"+how, func(t *testing.T) {
				bubble(t, func(t *testing.T) {
					const all = 4
					p, err := pool.New(pool.Config[int]{Dial: func(context.Context) (int, error) { return 0, nil }, Hooks: &pool.Hooks{Evicted: func(pool.EvictedEvent) { tt.hook() }}})
					require.NoError(t, err)
					var leases []pool.Lease[int]
					for range all {
						l, err := p.Acquire(t.Context())
						require.NoError(t, err)
						leases = append(leases, l)
					}
					for _, l := range leases {
						l.Release()
					}
					calls := 0
					ended := make(chan any)
					go func() {
						defer func() { ended <- recover() }()
						p.Retire(func(int) bool {
							if calls++; calls == 1 {
								tt.pick()
							}
							return true
						})
					}()
					if v := <-ended; how == "panic" {
						assert.Equal(t, boom, v)
					} else {
						assert.Nil(t, v)
					}
					assert.Equal(t, all, calls)
					assert.Equal(t, tt.left, p.Stats().Open)
				})
			})
		}
	}
}
