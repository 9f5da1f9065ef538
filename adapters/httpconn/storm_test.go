package httpconn_test

import (
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/berth-go/berth/adapters/httpconn"
	"github.com/berth-go/berth/pool"
)

// A load balancer with nothing behind it accepts and hangs up. It is dialled for MinIdle at
// a growing distance, though each of these dials succeeds.
func TestServerThatHangsUpIsNotStormedForMinIdle(t *testing.T) {
	inBubble(t, []kind{plain1, plain2}, func(b *bubble, k kind) {
		addr := listenOn(b.T, b.listen(), func(c net.Conn) { _ = c.Close() })
		c := b.client(k, nil, httpconn.Config{
			MaxConnsPerHost: 4,
			PerHost:         func(httpconn.Host) pool.Limits { return pool.Limits{MinIdle: 2} },
		})
		r := <-c.start(request(b.Context(), b.T, http.MethodGet, "http://"+addr, nil))
		require.Error(b, r.err)
		time.Sleep(time.Hour)
		synctest.Wait()
		assert.LessOrEqual(b, c.wires.dialled(), int(2*2*time.Hour/(10*time.Second)))
	})
}
