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
		// Two in each pause of five to ten seconds; and more where the end comes so soon that
		// it is the dial which fails, for then there are two kinds of pauses, each from its
		// beginning.
		assert.Less(b, c.wires.dialled(), int(time.Hour/time.Second), "less than one in a second; without pauses there is no end")
	})
}
