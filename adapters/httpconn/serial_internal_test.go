package httpconn

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/berth-go/berth/adapters/internal/memnet"
	"github.com/berth-go/berth/pool"
)

// A line is a serial whose server answers hello, and how often it has told of a
// change.
type line struct {
	*serial
	t      *testing.T
	server net.Conn
	told   int
}

// onLine runs f in a bubble, without a pool: what the pool would do, f does. idle is as
// in newSerial.
func onLine(t *testing.T, idle time.Duration, f func(*line)) {
	synctest.Test(t, func(t *testing.T) {
		network := memnet.New()
		listener, err := network.Listen("127.0.0.1:1")
		require.NoError(t, err)
		base := &http.Transport{DialContext: network.DialContext}
		accepted := make(chan net.Conn, 1)
		go func() {
			server, err := listener.Accept()
			assert.NoError(t, err)
			accepted <- server
		}()
		cc, err := base.NewClientConn(t.Context(), "http", "127.0.0.1:1")
		require.NoError(t, err)
		server := <-accepted
		go func() {
			for r := bufio.NewReader(server); ; {
				req, err := http.ReadRequest(r)
				if err != nil {
					return
				}
				_, _ = io.Copy(io.Discard, req.Body)
				_, _ = io.WriteString(server, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
			}
		}()
		l := &line{serial: newSerial(cc, 0, idle, func() int { return 0 }), t: t, server: server}
		l.watch(func() { l.told++ })
		f(l)
		require.NoError(t, l.close())
		require.NoError(t, server.Close())
		require.NoError(t, listener.Close())
	})
}

// request sends one and returns the body of the response.
func (l *line) request() io.ReadCloser {
	l.t.Helper()
	require.NoError(l.t, l.take())
	req, err := http.NewRequestWithContext(l.t.Context(), http.MethodGet, "http://127.0.0.1:1", nil)
	require.NoError(l.t, err)
	resp, err := l.conn.RoundTrip(req)
	require.NoError(l.t, err)
	return resp.Body
}

func (l *line) read(body io.Reader) {
	l.t.Helper()
	b, err := io.ReadAll(body)
	require.NoError(l.t, err)
	require.Equal(l.t, "hello", string(b))
}

// The pool does not ask at the end of a lease, so the connection must say if it cannot
// carry the next request yet.
func TestSerialTellsThatItIsBusyBeforeItsLeaseEnds(t *testing.T) {
	onLine(t, 0, func(l *line) {
		body := l.request()
		l.end()
		require.Zero(t, l.told)
		l.rest()
		assert.Equal(t, 1, l.told)
		assert.Zero(t, l.capacity())
		l.read(body)
	})
}

// Once the pool knows that it is busy, it hears of the end of that at once: not by the
// timer, for the bubble's time stands still.
func TestSerialTellsThatItIsBusyNoMore(t *testing.T) {
	onLine(t, 0, func(l *line) {
		body := l.request()
		l.end()
		require.Zero(t, l.capacity())
		l.read(body)
		synctest.Wait()
		assert.Equal(t, 1, l.told)
		assert.Equal(t, 1, l.capacity())
	})
}

// However often it is busy, it is looked at until it is not: the news of that may come before
// the pool has asked.
func TestSerialIsLookedAtWheneverItIsBusy(t *testing.T) {
	onLine(t, 0, func(l *line) {
		l.watch(func() {})
		for range 3 {
			body := l.request()
			l.end()
			require.Zero(t, l.capacity())
			assert.True(t, l.looking.Load())
			time.Sleep(time.Second)
			assert.True(t, l.looking.Load())
			l.read(body)
			time.Sleep(time.Second)
			assert.False(t, l.looking.Load(), "else it would not be looked at again")
		}
	})
}

// An exchange that goes as it should is no news.
func TestSerialSaysNothingOfAnExchange(t *testing.T) {
	onLine(t, 0, func(l *line) {
		for range 3 {
			l.read(l.request())
			l.end()
			l.rest()
			synctest.Wait()
		}
		assert.Zero(t, l.told)
		assert.Equal(t, 1, l.capacity())
	})
}

// The end of a connection is its holder's to find, until that has given it back unused.
func TestSerialTellsThatItHasEndedWhileItWasTaken(t *testing.T) {
	onLine(t, 0, func(l *line) {
		require.NoError(t, l.take())
		require.NoError(t, l.server.Close())
		synctest.Wait()
		require.Error(t, l.conn.Err())
		assert.Zero(t, l.told)
		l.drop()
		assert.Equal(t, 1, l.told)
	})
}

// The pool may have asked when the time was over and the lease was not.
func TestSerialTellsThatItsTimeWasOverBeforeItsLeaseEnded(t *testing.T) {
	onLine(t, 0, func(l *line) {
		var last int
		l.watch(func() { last = l.capacity() }) // as the pool does, at once
		l.read(l.request())
		l.kept.keep = time.Millisecond
		// What end does, with the timer between.
		l.kept.idle(l.tell)
		time.Sleep(2 * time.Millisecond)
		synctest.Wait()
		require.Equal(t, 1, last, "a lease is out")
		l.leased.Store(false)
		l.rest()
		assert.Equal(t, pool.Dead, last)
	})
}

// Where the pool's timers come late, as when the process was stopped, nobody gets a
// connection that was idle for too long.
func TestSerialIsNotTakenAfterItsIdleTime(t *testing.T) {
	onLine(t, time.Minute, func(l *line) {
		time.Sleep(time.Hour) // the pool knows when it was dialled
		l.read(l.request())
		l.end()
		time.Sleep(time.Minute)
		body := l.request()
		time.Sleep(time.Hour) // in use
		l.read(body)
		l.end()
		require.NoError(t, l.take())
		l.drop()
		time.Sleep(time.Minute + 1)
		require.ErrorIs(t, l.take(), errIdleTooLong)
	})
}
