package keyed_test

import (
	"context"
	"errors"
	"runtime"
	"testing"

	"github.com/berth-go/berth/keyed"
	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A hook that panics, or ends the goroutine, for one key keeps nobody from closing what the
// others have (I10).
func TestHookOfOneKeyDoesNotKeepOthersOpen(t *testing.T) {
	boom := errors.New("boom")
	type closing = func(*keyed.Pool[int, int])
	for name, end := range map[string]closing{
		"Close":     func(p *keyed.Pool[int, int]) { _ = p.Close() },
		"Shutdown":  func(p *keyed.Pool[int, int]) { _ = p.Shutdown(context.Background()) },
		"CloseIdle": (*keyed.Pool[int, int]).CloseIdle,
		"Reset":     (*keyed.Pool[int, int]).Reset,
		"Retire":    func(p *keyed.Pool[int, int]) { p.Retire(func(int, int) bool { return true }) },
	} {
		for how, hook := range map[string]func(){"panic": func() { panic(boom) }, "Goexit": runtime.Goexit} {
			t.Run(name+"/"+how, func(t *testing.T) {
				bubble(t, func(t *testing.T) {
					const keys = 5
					p, err := keyed.New(keyed.Config[int, int]{
						Dial:  func(_ context.Context, key int) (int, error) { return key, nil },
						Hooks: &pool.Hooks{Evicted: func(pool.EvictedEvent) { hook() }},
					})
					require.NoError(t, err)
					for key := range keys {
						l, err := p.Acquire(t.Context(), key)
						require.NoError(t, err)
						l.Release()
					}
					ended := make(chan any)
					go func() {
						returned := false
						defer func() {
							assert.False(t, returned)
							ended <- recover()
						}()
						end(p)
						returned = true
					}()
					if v := <-ended; how == "panic" {
						assert.Equal(t, boom, v)
					} else {
						assert.Nil(t, v)
					}
					s := p.Stats()
					assert.Zero(t, s.Open)
					assert.EqualValues(t, keys, s.Closes.Total())
					require.NoError(t, p.Shutdown(t.Context()))
				})
			})
		}
	}
}
