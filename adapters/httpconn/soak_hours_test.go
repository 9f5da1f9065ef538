package httpconn_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/atomic"

	"github.com/berth-go/berth/adapters/httpconn"
	"github.com/berth-go/berth/pool"
)

// hushedConn falls silent after a time, as when a router on the way has forgotten the
// connection: what is written is lost, and nothing comes any more, not even its end.
type hushedConn struct {
	net.Conn
	from   time.Time
	closed chan struct{}
	once   sync.Once
}

func newHushedConn(c net.Conn, after time.Duration) *hushedConn {
	return &hushedConn{Conn: c, from: time.Now().Add(after), closed: make(chan struct{})}
}

func (c *hushedConn) hushed() bool { return !time.Now().Before(c.from) }

func (c *hushedConn) Read(p []byte) (int, error) {
	for {
		n, err := c.Conn.Read(p)
		switch {
		case !c.hushed(), errors.Is(err, os.ErrDeadlineExceeded):
			return n, err
		case err != nil:
			<-c.closed
			return 0, net.ErrClosed
		}
	}
}

func (c *hushedConn) Write(p []byte) (int, error) {
	if c.hushed() {
		return len(p), nil
	}
	return c.Conn.Write(p)
}

func (c *hushedConn) Close() error {
	c.once.Do(func() { close(c.closed) })
	return c.Conn.Close()
}

// farConn is a connection to a place far away: what comes from there is some time on its
// way, also its end. So a request may be written, and be lost, when the server has closed
// already.
type farConn struct {
	net.Conn
	last   time.Time // read: what came with it comes now
	closed atomic.Bool
}

const distance = 400 * time.Millisecond

func (c *farConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if time.Since(c.last) > distance {
		time.Sleep(distance)
	}
	c.last = time.Now()
	return n, err
}

func (c *farConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	if err != nil && !c.closed.Load() && !errors.Is(err, os.ErrDeadlineExceeded) {
		return len(p), nil // the other end has closed: who writes learns that later
	}
	return n, err
}

func (c *farConn) Close() error {
	c.closed.Store(true)
	return c.Conn.Close()
}

// live sends requests for some time, from a few callers who pause between two of them:
// so connections are idle for long, and grow old.
func (s *soak) live(t *testing.T, phase string, span time.Duration) {
	begin := time.Now()
	var wg sync.WaitGroup
	var sent atomic.Int32
	errs := make(chan error, 1)
	for range 12 {
		wg.Go(func() {
			for time.Since(begin) < span {
				if err := s.send(fmt.Sprintf("<%s %d>", phase, sent.Inc())); err != nil {
					select {
					case errs <- fmt.Errorf("after %v: %w", time.Since(begin), err):
					default:
					}
				}
				pauses := []time.Duration{time.Millisecond, 100 * time.Millisecond, 3 * time.Second, 30 * time.Second, 2 * time.Minute}
				time.Sleep(s.weather.within(pauses[s.weather.draw(len(pauses))]))
			}
		})
	}
	wg.Wait()
	close(errs)
	require.NoError(t, <-errs)
}

// An hour, or as many as BERTH_SOAK_HOURS says, of a client that has little to do. The usual
// things happen: servers close what is idle, with a hint or without, or say goodbye;
// connections grow too old; and for half of the time the network is bad, and connections
// also fall silent. What holds for thousands of requests in a second holds for these; and
// in good weather not one fails, of whatever method.
func TestSoakOfHours(t *testing.T) {
	hours := 1
	if v, err := strconv.Atoi(os.Getenv("BERTH_SOAK_HOURS")); err == nil {
		hours = v
	}
	seed := rand.Uint64() //nolint:gosec // any will do
	t.Logf("seed %d", seed)
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t)
		w := &weather{hushes: true, rng: rand.New(rand.NewPCG(seed, 0))} //nolint:gosec // repeatable
		s := &soak{patient: time.Minute, rash: 3 * time.Second, weather: w}
		s.ledger = &ledger{seen: map[string]int{}, delay: func(r *http.Request) {
			select {
			case <-time.After(w.within(2 * time.Second)):
			case <-r.Context().Done():
			}
		}}
		hinted := func(rw http.ResponseWriter, r *http.Request) {
			rw.Header().Set("Keep-Alive", "timeout=5")
			s.ledger.ServeHTTP(rw, r)
		}
		closesIdle := func(after time.Duration) func(*http.Server) {
			return func(srv *http.Server) { srv.IdleTimeout = after }
		}
		secure := b.serve(tls2, s.ledger.ServeHTTP, closesIdle(40*time.Second))
		s.urls = []string{
			b.serve(plain1, hinted, closesIdle(5*time.Second)).URL,
			b.serve(tls1, s.ledger.ServeHTTP, closesIdle(time.Minute)).URL,
			secure.URL,
		}
		s.client = b.client(tls2, secure, httpconn.Config{
			MaxConnsPerHost: soakPerHost, MaxConns: soakTotal, MaxStreamsPerConn: 10, IdleConnTimeout: 45 * time.Second, PingInterval: 10 * time.Second,
			MaxConnLifetime: 5 * time.Minute, ConnLifetimeJitter: 2 * time.Minute, ConnOverlap: 10 * time.Second,
		}, func(tr *http.Transport) {
			dial := w.dial(tr.DialContext)
			tr.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
				c, err := dial(ctx, network, addr)
				if err != nil {
					return nil, err
				}
				return &farConn{Conn: c}, nil
			}
		})
		for i := range hours {
			w.bad.Store(true)
			s.live(t, fmt.Sprint("bad ", i), time.Hour/2)
			w.bad.Store(false)
			s.Reset() // what was dialled in bad weather may have been cut unnoticed
			s.live(t, fmt.Sprint("good ", i), time.Hour/2)
		}
		stats := s.Stats()
		t.Logf("%d answered, %d failed, %d given up, %d sent again; %d connections; %v idle, %v old", s.answered.Load(), s.failed.Load(),
			s.canceled.Load(), s.replayed.Load(), s.wires.dialled(), stats.Closes.Of(pool.ReasonIdleTime), stats.Closes.Of(pool.ReasonLifetime))
		assert.Zero(t, stats.Leases)
		s.assertCaps(t)
		assert.Positive(t, s.failed.Load(), "the weather was bad")
		assert.Positive(t, stats.Closes.Of(pool.ReasonIdleTime))
		assert.Positive(t, stats.Closes.Of(pool.ReasonLifetime))
		time.Sleep(time.Minute)
		assert.Zero(t, s.wires.openNow(), "what nobody uses is closed")
	})
}
