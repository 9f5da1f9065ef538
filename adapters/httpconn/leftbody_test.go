package httpconn_test

import (
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
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
			time.Sleep(time.Second)
			assert.True(b, body.isClosed(), method)
		}
	})
}

// The whole answer may come before the request has been sent, or half of it and then nothing.
// The connection goes then.
func TestBodyThatOutlivesItsAnswerIsClosed(t *testing.T) {
	for how, bytes := range map[string]string{
		"whole":   "Content-Length: 5\r\n\r\n12345",
		"cut":     "Content-Length: 100\r\n\r\n12345",
		"endless": "Transfer-Encoding: chunked\r\n\r\n80000\r\n" + strings.Repeat("x", 0x80000) + "\r\n",
	} {
		t.Run(how, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBubble(t)
				url := answering(b, "HTTP/1.1 200 OK\r\n"+bytes)
				c := b.client(plain1, nil, httpconn.Config{})
				body := stuck{make(chan struct{})}
				resp, err := c.RoundTrip(request(t.Context(), t, http.MethodPost, url, body))
				require.NoError(t, err)
				if how == "cut" {
					_, _ = io.ReadFull(resp.Body, make([]byte, 5))
				} else if how == "whole" {
					_, err = io.Copy(io.Discard, resp.Body)
					require.NoError(t, err)
				}
				require.NoError(t, resp.Body.Close())
				time.Sleep(time.Second)
				assert.True(t, body.isClosed())
				assert.Zero(t, c.Stats().Open)
			})
		})
	}
}

// locked is a body whose Close waits for a Read, as that of a server's request does.
type locked struct {
	turn chan struct{} // holds one, but while it is locked
	more chan struct{}
}

func (l locked) Read([]byte) (int, error) {
	<-l.turn
	<-l.more
	l.turn <- struct{}{}
	return 0, io.EOF
}

func (l locked) Close() error {
	l.turn <- <-l.turn
	return nil
}

func TestCloseOfAResponseDoesNotWaitForTheRequestsBody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t)
		url := answering(b, "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n12345")
		c := b.client(plain1, nil, httpconn.Config{})
		body := locked{make(chan struct{}, 1), make(chan struct{})}
		body.turn <- struct{}{}
		resp, err := c.RoundTrip(request(t.Context(), t, http.MethodPost, url, body))
		require.NoError(t, err)
		began := time.Now()
		time.AfterFunc(time.Minute, func() { close(body.more) })
		require.NoError(t, resp.Body.Close())
		assert.Zero(t, time.Since(began))
		time.Sleep(2 * time.Minute)
	})
}

// A response that is read, or is closed on Go 1.27, leaves the request the time that net/http
// gives it, and with it the connection.
func TestUploadGoesOnAfterItsAnswer(t *testing.T) {
	for _, timeout := range []time.Duration{0, time.Minute} { // which ends the context with the answer
		synctest.Test(t, func(t *testing.T) {
			b := newBubble(t)
			got := make(chan string, 1)
			s := b.serve(plain1, func(w http.ResponseWriter, r *http.Request) {
				control := http.NewResponseController(w)
				_ = control.EnableFullDuplex()
				w.Header().Set("Content-Length", "5")
				_, _ = io.WriteString(w, "12345")
				_ = control.Flush()
				all, err := io.ReadAll(r.Body)
				assert.NoError(t, err)
				got <- string(all)
			})
			c := b.client(plain1, s, httpconn.Config{})
			body, w := io.Pipe()
			go func() { _, _ = io.WriteString(w, "some ") }()
			time.AfterFunc(15*time.Millisecond, func() {
				_, _ = io.WriteString(w, "more")
				_ = w.Close()
			})
			req := request(t.Context(), t, http.MethodPost, s.URL, body)
			req.ContentLength = 9
			resp, err := (&http.Client{Transport: c, Timeout: timeout}).Do(req)
			require.NoError(t, err)
			if !strings.HasPrefix(runtime.Version(), "go1.26") {
				require.NoError(t, resp.Body.Close())
			} else {
				_, err = read(resp)
				require.NoError(t, err)
			}
			assert.Equal(t, "some more", <-got)
			time.Sleep(time.Minute)
			assert.Equal(t, 1, c.wires.openNow())
		})
	}
}
