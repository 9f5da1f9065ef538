package compat_test

import (
	"context"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/berth-go/berth/adapters/httpconn"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds every wait. It is for failures only.
const patience = 20 * time.Second

// serve starts a server, with TLS and HTTP/2 to be had if secure is set.
func serve(t *testing.T, secure bool, h http.Handler) *httptest.Server {
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	if secure {
		s.EnableHTTP2 = true
		s.StartTLS()
	} else {
		s.Start()
	}
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	return s
}

// newTransport returns a transport for the server. When the test ends it must shut
// down, with no request left that holds a connection.
func newTransport(t *testing.T, s *httptest.Server, cfg httpconn.Config) *httpconn.Transport {
	cfg.Base = s.Client().Transport.(*http.Transport)
	tr, err := httpconn.New(cfg)
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		require.NoError(t, tr.Shutdown(ctx))
		assert.Zero(t, tr.Stats().Leases)
	})
	return tr
}

func both(t *testing.T, f func(*testing.T, bool)) {
	t.Run("HTTP/1.1", func(t *testing.T) { f(t, false) })
	t.Run("TLS", func(t *testing.T) { f(t, true) })
}

func read(t *testing.T, resp *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	return string(b)
}
