package httpconn_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/berth-go/berth/adapters/httpconn"
)

// stuck is a body of which a Read blocks until it is closed.
type stuck struct{ done chan struct{} }

func (s stuck) Read([]byte) (int, error) {
	<-s.done
	return 0, io.ErrClosedPipe
}

func (s stuck) Close() error {
	close(s.done) // which panics the second time
	return nil
}

// isClosed waits until all others of the bubble do.
func (s stuck) isClosed() bool {
	synctest.Wait()
	select {
	case <-s.done:
		return true
	default:
		return false
	}
}

// answering returns the URL of a server that answers each connection with those bytes, and
// then only reads.
func answering(b *bubble, bytes string) string {
	return "http://" + listenOn(b.T, b.listen(), func(c net.Conn) {
		_, _ = c.Read(make([]byte, 4096))
		_, _ = io.WriteString(c, bytes)
		_, _ = io.Copy(io.Discard, c)
		_ = c.Close()
	})
}

// RoundTrip closes the body of a request in every case.
func TestBodyThatWaitsIsClosedWithItsConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t)
		url := answering(b, "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n12345")
		c := b.client(plain1, nil, httpconn.Config{})
		for _, method := range []string{http.MethodPost, http.MethodConnect} {
			body := stuck{make(chan struct{})}
			resp, err := c.RoundTrip(request(b.Context(), b.T, method, url, body))
			require.NoError(b, err, method)
			assert.False(b, body.isClosed(), method)
			require.NoError(b, resp.Body.Close())
			assert.True(b, body.isClosed(), method)
		}
	})
}

// The whole answer may come before the request has been sent.
func TestContextClosesABodyThatOutlivesItsAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t)
		url := answering(b, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n12345")
		c := b.client(plain1, nil, httpconn.Config{})
		body := stuck{make(chan struct{})}
		ctx, cancel := context.WithCancel(t.Context())
		resp, err := c.RoundTrip(request(ctx, t, http.MethodPost, url, body))
		require.NoError(t, err)
		got, err := read(resp)
		require.NoError(t, err)
		assert.Equal(t, "12345", got)
		time.Sleep(time.Minute)
		assert.False(t, body.isClosed())
		cancel()
		assert.True(t, body.isClosed())
	})
}
