package h2_test

import (
	"context"
	"io"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/atomic"

	"github.com/berth-go/berth/adapters/h2"
)

// setNextStream makes a connection go on with the stream of that number, as after
// years of use: 2^30 requests cannot be sent in a test.
func setNextStream(t *testing.T, c *http.ClientConn, n uint32) {
	t.Helper()
	inner := reflect.ValueOf(c).Elem().FieldByName("cc")
	require.Equal(t, reflect.Interface, inner.Kind())
	conn := inner.Elem().FieldByName("cc").Elem()
	mu, next := conn.FieldByName("mu"), conn.FieldByName("nextStreamID")
	require.Equal(t, reflect.TypeFor[sync.Mutex](), mu.Type())
	require.Equal(t, reflect.Uint32, next.Kind())
	lock := (*sync.Mutex)(unsafe.Pointer(mu.UnsafeAddr())) //nolint:gosec // as below
	lock.Lock()
	defer lock.Unlock()
	*(*uint32)(unsafe.Pointer(next.UnsafeAddr())) = n //nolint:gosec // net/http has no other way
}

// The numbers of a connection's streams end at 2^31-1 (RFC 9113, section 5.1.1).
// The connection then carries what it has, and new requests go to another one.
func TestStreamNumbersThatAreUsedUpLoseNoRequest(t *testing.T) {
	const left = 10
	both(t, func(t *testing.T, secure bool) {
		var mu sync.Mutex
		from := map[string]int{} // requests by connection
		s, base := newServer(t, secure, func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			mu.Lock()
			defer mu.Unlock()
			from[r.RemoteAddr]++
		})
		base.Protocols = new(http.Protocols)
		base.Protocols.SetHTTP2(true)
		base.Protocols.SetUnencryptedHTTP2(true)
		var dials atomic.Int32
		tr := newTransport(t, h2.Config{MaxConnsPerHost: 2, Dial: func(ctx context.Context, h h2.Host) (h2.Conn, error) {
			c, err := base.NewClientConn(ctx, h.Scheme, h.Addr)
			if err != nil {
				return nil, err
			}
			if dials.Inc() == 1 {
				setNextStream(t, c, 1<<31-1-2*left) // net/http leaves out the last
			}
			return struct{ *http.ClientConn }{c}, nil // which is not nudged: a nudge may take a number
		}})
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for range 10 {
					req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL, io.NopCloser(strings.NewReader("once")))
					assert.NoError(t, err)
					resp, err := tr.RoundTrip(req)
					if assert.NoError(t, err) {
						assert.NoError(t, resp.Body.Close())
					}
				}
			})
		}
		wg.Wait()
		mu.Lock()
		defer mu.Unlock()
		var counts []int
		for _, n := range from {
			counts = append(counts, n)
		}
		assert.ElementsMatch(t, []int{left, 40 - left}, counts)
		assert.EqualValues(t, 2, dials.Load())
		assert.Eventually(t, func() bool { return tr.Stats().Open == 1 }, 10*time.Second, time.Millisecond)
	})
}
