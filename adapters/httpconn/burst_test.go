package httpconn_test

import (
	"context"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/berth-go/berth/adapters/httpconn"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A host that is not there: each request has a dial of its own, all of them fail after 30 s,
// and so must the requests, as with net/http.
func TestBurstToAHostThatIsNotThereFailsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 200
		var dials atomic.Int32
		base := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
			dials.Add(1)
			time.Sleep(30 * time.Second) // net.Dialer.Timeout of http.DefaultTransport
			return nil, &net.OpError{Op: "dial", Net: "tcp", Err: os.ErrDeadlineExceeded}
		}}
		ours, err := httpconn.New(httpconn.Config{Base: base})
		require.NoError(t, err)
		for _, rt := range []http.RoundTripper{base, ours} {
			dials.Store(0)
			began := time.Now()
			took := make(chan time.Duration, n)
			for range n {
				go func() {
					_, err := rt.RoundTrip(request(t.Context(), t, http.MethodGet, "http://127.0.0.1:1/", nil))
					assert.Error(t, err)
					took <- time.Since(began).Round(time.Second)
				}()
			}
			synctest.Wait()
			assert.EqualValues(t, n, dials.Load(), "dials at once")
			times := map[time.Duration]int{}
			for range n {
				times[<-took]++
			}
			assert.Equal(t, map[time.Duration]int{30 * time.Second: n}, times, "%T", rt)
			t.Logf("%T: %v, %d dials", rt, times, dials.Load())
		}
		require.NoError(t, ours.Shutdown(t.Context()))
	})
}
