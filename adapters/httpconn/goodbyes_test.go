package httpconn_test

import (
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/berth-go/berth/adapters/httpconn"
)

// Three connections that were used say goodbye to the request, and then a new one does. The
// next serves it: of goodbyes on new connections there was one.
func TestGoodbyesOfUsedConnectionsAreNotCountedAsThoseOfNewOnes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t)
		var mu sync.Mutex
		var held []func()
		s := b.raw(func(c *rawConn, _ int, stream uint32) {
			switch {
			case c.number < 3 && stream == 1:
				mu.Lock()
				held = append(held, func() { c.ok(stream) })
				all := held
				mu.Unlock()
				if len(all) == 3 {
					for _, f := range all {
						f()
					}
				}
			case c.number < 3:
				c.goAway(1, codeNo)
			case c.number == 3:
				c.goAway(0, codeNo)
			default:
				c.ok(stream)
			}
		})
		c := b.client(plain2, nil, httpconn.Config{MaxStreamsPerConn: 1, MaxConnsPerHost: 8, MaxIdleConnsPerHost: 8})
		var results []<-chan result
		for range 3 {
			results = append(results, c.start(post(t, s.url)))
		}
		for _, r := range results {
			require.NoError(t, (<-r).err)
		}
		synctest.Wait()
		require.Equal(t, 3, c.Stats().Idle)
		r := <-c.start(post(t, s.url))
		conns, _ := s.counts()
		require.NoError(t, r.err, "%d connections", conns)
	})
}
