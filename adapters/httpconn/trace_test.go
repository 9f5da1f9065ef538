package httpconn_test

import (
	"net/http"
	"net/http/httptrace"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/berth-go/berth/adapters/httpconn"
)

// Also when a connection is used again so soon that the pool has no time for it.
func TestTraceTellsThatAUsedConnectionWasIdle(t *testing.T) {
	forEach(t, allKinds, func(t *testing.T, k kind) {
		s := serve(t, k, proto)
		c := newClient(t, k, s, httpconn.Config{})
		for i := range 20 {
			var got httptrace.GotConnInfo
			ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
				GotConn: func(info httptrace.GotConnInfo) { got = info },
			})
			require.NoError(t, within(t, c.start(request(ctx, t, http.MethodGet, s.URL, nil)), "response").err)
			require.Equal(t, i > 0, got.Reused)
			require.Equal(t, i > 0, got.WasIdle)
			require.Equal(t, i > 0, got.IdleTime > 0)
		}
	})
}

func TestTraceTellsHowTheConnectionWasGot(t *testing.T) {
	forEach(t, allKinds, func(t *testing.T, k kind) {
		s := serve(t, k, proto)
		c := newClient(t, k, s, httpconn.Config{})
		addr := s.Listener.Addr().String()
		for i := range 2 {
			var mu sync.Mutex
			var asked []string
			var got []httptrace.GotConnInfo
			var dials, firstBytes int
			ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
				GetConn:              func(hostPort string) { asked = append(asked, hostPort) },
				GotConn:              func(info httptrace.GotConnInfo) { got = append(got, info) },
				ConnectStart:         func(string, string) { mu.Lock(); dials++; mu.Unlock() },
				GotFirstResponseByte: func() { mu.Lock(); firstBytes++; mu.Unlock() },
			})
			require.NoError(t, within(t, c.start(request(ctx, t, http.MethodGet, s.URL, nil)), "response").err)
			mu.Lock()
			assert.Equal(t, []string{addr}, asked)
			require.Len(t, got, 1)
			assert.Equal(t, i == 1, got[0].Reused)
			assert.Equal(t, addr, got[0].Conn.RemoteAddr().String())
			assert.Equal(t, 1-i, dials)
			assert.Equal(t, 1, firstBytes)
			mu.Unlock()
		}
	})
}

// IdleTime is of connections that have been used, as httptrace has it.
func TestTraceOfAWarmConnectionHasNoIdleTime(t *testing.T) {
	forEach(t, allKinds, func(t *testing.T, k kind) {
		s := serve(t, k, proto)
		c := newClient(t, k, s, httpconn.Config{})
		require.NoError(t, c.Warm(t.Context(), s.URL, 1))
		var got httptrace.GotConnInfo
		ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
			GotConn: func(info httptrace.GotConnInfo) { got = info },
		})
		require.NoError(t, within(t, c.start(request(ctx, t, http.MethodGet, s.URL, nil)), "response").err)
		require.False(t, got.Reused)
		require.False(t, got.WasIdle)
		require.Zero(t, got.IdleTime)
	})
}
