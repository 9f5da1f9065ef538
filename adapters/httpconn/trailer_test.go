package httpconn_test

import (
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/berth-go/berth/adapters/httpconn"
)

// slowTrailer answers with a body in two parts, and a trailer.
func slowTrailer(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Trailer", "Sum")
	_, _ = io.WriteString(w, "hello")
	_ = http.NewResponseController(w).Flush()
	time.Sleep(15 * time.Millisecond)
	_, _ = io.WriteString(w, "world")
	w.Header().Set("Sum", "42")
}

// A response is the caller's once its body is closed: what is left of it is read for the
// connection's sake, and its trailer is nobody's.
func TestTrailerOfAClosedBodyIsNobodys(t *testing.T) {
	inBubble(t, []kind{plain1, tls1}, func(b *bubble, k kind) {
		s := b.serve(k, slowTrailer)
		c := b.client(k, s, httpconn.Config{})
		resp, err := c.http.Get(s.URL)
		require.NoError(b, err)
		_, err = io.ReadFull(resp.Body, make([]byte, 5))
		require.NoError(b, err)
		require.NoError(b, resp.Body.Close())
		for range 40 {
			assert.Equal(b, http.Header{"Sum": nil}, resp.Trailer) // the race detector has something to say as well
			time.Sleep(time.Millisecond)
		}
		synctest.Wait()
		assert.Equal(b, 1, c.Stats().Idle, "the connection lives")
	})
}

// A trailer comes into the map that the caller has had since the header.
func TestTrailerComesIntoTheCallersMap(t *testing.T) {
	inBubble(t, allKinds, func(b *bubble, k kind) {
		s := b.serve(k, slowTrailer)
		c := b.client(k, s, httpconn.Config{})
		resp, err := c.http.Get(s.URL)
		require.NoError(b, err)
		announced := resp.Trailer
		assert.Equal(b, http.Header{"Sum": nil}, announced)
		_, err = io.ReadAll(resp.Body)
		require.NoError(b, err)
		assert.Equal(b, http.Header{"Sum": {"42"}}, resp.Trailer)
		assert.Equal(b, "42", announced.Get("Sum"))

		delete(resp.Trailer, "Sum")
		_, err = resp.Body.Read(make([]byte, 1))
		require.Equal(b, io.EOF, err)
		assert.Empty(b, resp.Trailer, "it comes once")
		require.NoError(b, resp.Body.Close())
	})
}

// The trailer is there also where the body, which came to its end, makes no sense.
func TestTrailerComesBehindABrokenBody(t *testing.T) {
	for name, declared := range map[string]string{"declared": "Trailer: Later\r\n", "not declared": ""} {
		t.Run(name, func(t *testing.T) {
			addr := rawServe(t, step{"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n" + declared +
				"Transfer-Encoding: chunked\r\n\r\n2\r\n\x1f\x8b\r\n0\r\nLater: yes\r\n\r\n", "hold"})
			c := newClient(t, plain1, nil, httpconn.Config{})
			resp, err := c.RoundTrip(request(t.Context(), t, http.MethodGet, "http://"+addr, nil))
			require.NoError(t, err)
			_, err = read(resp)
			require.Error(t, err)
			require.Equal(t, "yes", resp.Trailer.Get("Later"))
		})
	}
}
