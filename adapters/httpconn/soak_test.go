package httpconn_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/atomic"

	"github.com/berth-go/berth/adapters/httpconn"
	"github.com/berth-go/berth/pool"
)

// ledger is the server's side of the soak: how often each request was seen. A
// response names the request that it answers, in its header and all over its body.
type ledger struct {
	mu    sync.Mutex
	seen  map[string]int
	delay func(*http.Request) // what an answer takes. nil: nothing
}

func (l *ledger) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id := r.Header.Get("Id")
	l.mu.Lock()
	l.seen[id]++
	l.mu.Unlock()
	if body, err := io.ReadAll(r.Body); err != nil || r.Method == http.MethodPost && string(body) != strings.Repeat(id, 100) {
		panic(http.ErrAbortHandler) // cut short on the way
	}
	if l.delay != nil {
		l.delay(r)
	}
	w.Header().Set("Id", id)
	n, _ := strconv.Atoi(r.Header.Get("Repeat"))
	_, _ = io.WriteString(w, strings.Repeat(id, n))
}

func (l *ledger) times(id string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.seen[id]
}

// weather makes trouble on the network while it is bad.
type weather struct {
	bad    atomic.Bool
	hushes bool // connections may fall silent

	mu  sync.Mutex
	rng *rand.Rand
}

func (w *weather) draw(n int) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.rng.IntN(n)
}

// within draws a time below d.
func (w *weather) within(d time.Duration) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return time.Duration(w.rng.Int64N(int64(d)))
}

// dial refuses, delays, or makes a connection that will be cut.
func (w *weather) dial(dial func(context.Context, string, string) (net.Conn, error)) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := dial(ctx, network, addr)
		if err != nil || !w.bad.Load() {
			return c, err
		}
		switch w.draw(10) {
		case 0:
			_ = c.Close()
			return nil, errors.New("refused")
		case 1:
			select {
			case <-time.After(w.within(5 * time.Millisecond)):
			case <-ctx.Done():
			}
		}
		if w.hushes && w.draw(4) == 0 {
			c = newHushedConn(c, w.within(time.Minute))
		}
		cut := &cutConn{Conn: c, weather: w, reset: w.draw(2) == 0}
		cut.left.Store(int32(2_000 + w.draw(100_000))) //nolint:gosec // small
		return cut, nil
	}
}

// cutConn is cut after some bytes, in either direction.
type cutConn struct {
	net.Conn
	weather *weather
	reset   bool
	left    atomic.Int32
}

func (c *cutConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	return n, errors.Join(err, c.spend(n))
}

func (c *cutConn) Write(p []byte) (int, error) {
	if err := c.spend(len(p)); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}

func (c *cutConn) spend(n int) error {
	if c.left.Sub(int32(n)) > 0 || !c.weather.bad.Load() { //nolint:gosec // a buffer's length
		return nil
	}
	if counted, ok := c.Conn.(*countedConn); ok && c.reset {
		if tcp, ok := counted.Conn.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
	}
	_ = c.Conn.Close()
	return net.ErrClosed
}

// soak is a run of many requests, and what they were.
type soak struct {
	*client
	ledger  *ledger
	weather *weather
	urls    []string
	patient time.Duration // how long a request may take
	rash    time.Duration // after what time at most some are given up

	answered, failed, canceled, replayed atomic.Int32
}

// send sends one request and checks everything about its end. The error says what
// was wrong, not that the request failed.
func (s *soak) send(id string) error {
	ctx, cancel := context.WithTimeout(context.Background(), s.patient)
	defer cancel()
	post := s.weather.draw(2) == 0
	giveUp := s.weather.draw(20) == 0
	if giveUp {
		stop := time.AfterFunc(s.weather.within(s.rash), cancel)
		defer stop.Stop()
	}
	method, body := http.MethodGet, io.Reader(nil)
	if post {
		method, body = http.MethodPost, strings.NewReader(strings.Repeat(id, 100))
	}
	req, err := http.NewRequestWithContext(ctx, method, s.urls[s.weather.draw(len(s.urls))], body)
	if err != nil {
		return err
	}
	repeat := s.weather.draw(1000)
	req.Header.Set("Id", id)
	req.Header.Set("Repeat", strconv.Itoa(repeat))
	got, err := s.exchange(req)
	seen := s.ledger.times(id)
	switch {
	case post && seen > 1:
		return fmt.Errorf("POST %s was sent %d times", id, seen)
	case seen > 1:
		s.replayed.Inc()
	}
	switch {
	case err == nil && got != strings.Repeat(id, repeat):
		return fmt.Errorf("%s got another answer: %.50q", id, got)
	case err == nil && seen == 0:
		return fmt.Errorf("%s was answered by nobody", id)
	case err == nil:
		s.answered.Inc()
	case errors.Is(err, context.DeadlineExceeded) && !s.weather.hushes:
		return fmt.Errorf("%s hung: %w", id, err)
	case giveUp && errors.Is(err, context.Canceled):
		s.canceled.Inc()
	case !s.weather.bad.Load() && !giveUp:
		return fmt.Errorf("%s failed in good weather: %w", id, err)
	default:
		s.failed.Inc()
	}
	return nil
}

// The caps of a soak.
const soakPerHost, soakTotal = 4, 6

func (s *soak) assertCaps(t *testing.T) {
	t.Helper()
	assert.LessOrEqual(t, s.wires.mostOpen(), soakTotal, "over all hosts")
	for addr, most := range s.wires.mostByAddr() {
		assert.LessOrEqual(t, most, soakPerHost, addr)
	}
}

func (s *soak) exchange(req *http.Request) (string, error) {
	resp, err := s.RoundTrip(req)
	if err != nil {
		return "", err
	}
	if id := resp.Header.Get("Id"); id != req.Header.Get("Id") {
		return id, resp.Body.Close()
	}
	return read(resp)
}

// run sends n requests from many goroutines, and meanwhile meddles with the pool.
func (s *soak) run(t *testing.T, phase string, n int) {
	var wg sync.WaitGroup
	var next atomic.Int32
	errs := make(chan error, n)
	for range 32 {
		wg.Go(func() {
			for i := next.Inc(); int(i) <= n; i = next.Inc() {
				if err := s.send(fmt.Sprintf("<%s %d>", phase, i)); err != nil {
					errs <- err
				}
				if !s.weather.bad.Load() {
					continue
				}
				switch s.weather.draw(200) {
				case 0:
					s.Reset()
				case 1:
					s.CloseIdleConnections()
				}
			}
		})
	}
	wg.Wait()
	close(errs)
	for err := range errs {
		require.NoError(t, err)
	}
}

// Thousands of requests over both protocols, while dials fail, connections are
// cut, retired and reset, and callers give up. No request hangs, gets another's
// answer, or is sent twice if that could do harm; no cap is passed; and when the
// weather is good again, every request is answered.
func TestSoak(t *testing.T) {
	requests := 1000
	if v, err := strconv.Atoi(os.Getenv("BERTH_SOAK")); err == nil {
		requests = v
	}
	seed := rand.Uint64() //nolint:gosec // any will do
	t.Logf("seed %d", seed)
	s := &soak{patient: patience, rash: 3 * time.Millisecond, ledger: &ledger{seen: map[string]int{}}, weather: &weather{rng: rand.New(rand.NewPCG(seed, 0))}} //nolint:gosec // repeatable
	var secure *httptest.Server
	for _, k := range []kind{plain1, tls1, tls2} {
		secure = serve(t, k, s.ledger.ServeHTTP)
		s.urls = append(s.urls, secure.URL)
	}
	s.client = newClient(t, tls2, secure, httpconn.Config{
		MaxConnsPerHost: soakPerHost, MaxConns: soakTotal, MaxStreamsPerConn: 10, MaxRequestsPerConn: 50,
		MaxConnLifetime: 50 * time.Millisecond, ConnLifetimeJitter: 30 * time.Millisecond, Reuse: pool.ReuseLeastLoaded,
	}, func(tr *http.Transport) { tr.DialContext = s.weather.dial(tr.DialContext) })
	for i := range 2 {
		s.weather.bad.Store(true)
		s.run(t, fmt.Sprint("bad ", i), requests/2)
		s.weather.bad.Store(false)
		s.Reset() // what was dialled in bad weather may have been cut unnoticed
		s.run(t, fmt.Sprint("good ", i), requests/10)
	}
	until(t, "no request left", func() bool { return s.Stats().Leases == 0 })
	s.assertCaps(t)
	t.Logf("%d answered, %d failed, %d given up, %d sent again; %d connections", s.answered.Load(), s.failed.Load(),
		s.canceled.Load(), s.replayed.Load(), s.wires.dialled())
	assert.Positive(t, s.failed.Load(), "the weather was bad")
	assert.Greater(t, int(s.answered.Load()), requests/2)
}
