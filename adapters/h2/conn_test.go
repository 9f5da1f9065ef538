package h2_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/berth-go/berth/adapters/h2"
	"github.com/berth-go/berth/pool"
)

// otherConn is a connection of another protocol: no hook, and streams that end on
// their own.
type otherConn struct {
	*fakeConn
	do func(*http.Request) (*http.Response, error)
}

func (c otherConn) SetStateHook() {} // not that of net/http

func (c otherConn) RoundTrip(req *http.Request) (*http.Response, error) { return c.do(req) }

type notifier struct {
	otherConn
	notify *func()
}

func (c notifier) Notify(changed func()) { *c.notify = changed }

func transportOf(t *testing.T, c h2.Conn) *h2.Transport {
	return newTransport(t, h2.Config{MaxConnsPerHost: 1, Dial: func(context.Context, h2.Host) (h2.Conn, error) { return c, nil }})
}

func fetchFrom(ctx context.Context, t *testing.T, tr *h2.Transport) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://host.example", nil)
	require.NoError(t, err)
	resp, err := tr.RoundTrip(req)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

// Room that comes while a request is in flight is heard of, with and without word
// from the connection.
func TestConnOfAnotherProtocolLosesNoWakeUp(t *testing.T) {
	for name, wait := range map[string]time.Duration{"that notifies": 0, "that does not": 50 * time.Millisecond} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fake := newConn()
				fake.max = 1
				leave := make(chan struct{})
				other := otherConn{fake, func(*http.Request) (*http.Response, error) {
					<-leave
					return &http.Response{}, nil
				}}
				var notify func()
				var conn h2.Conn = other
				if wait == 0 {
					conn = notifier{other, &notify}
				}
				tr := transportOf(t, conn)
				done := make(chan error)
				for range 2 {
					go func() { done <- fetchFrom(t.Context(), t, tr) }()
					synctest.Wait()
				}
				require.Equal(t, 1, tr.Stats().Waiting)
				fake.set(false, func() { fake.max = 2 })
				if notify != nil {
					notify()
				}
				time.Sleep(wait)
				synctest.Wait()
				require.Zero(t, tr.Stats().Waiting)
				close(leave)
				for range 2 {
					require.NoError(t, <-done)
				}
			})
		})
	}
}

func TestPanicOfAConnLeaksNothing(t *testing.T) {
	for name, do := range map[string]func(*http.Request) (*http.Response, error){
		"a panic":    func(*http.Request) (*http.Response, error) { panic("of the connection") },
		"no answer":  func(*http.Request) (*http.Response, error) { return nil, nil }, //nolint:nilnil // as it must not be
		"no body":    func(*http.Request) (*http.Response, error) { return &http.Response{}, nil },
		"end of ctx": nil,
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if do == nil {
				do = func(*http.Request) (*http.Response, error) { cancel(); return &http.Response{}, nil }
			}
			tr := transportOf(t, otherConn{newConn(), do}) // which is shut down at the end
			switch name {
			case "a panic":
				assert.PanicsWithValue(t, "of the connection", func() { _ = fetchFrom(ctx, t, tr) })
			case "no body":
				require.NoError(t, fetchFrom(ctx, t, tr))
			default:
				require.Error(t, fetchFrom(ctx, t, tr))
			}
			assert.Zero(t, tr.Stats().Leases)
		})
	}
}

func TestDialThatReturnsNothingIsAnError(t *testing.T) {
	require.ErrorContains(t, fetchFrom(t.Context(), t, transportOf(t, nil)), "h2: Config.Dial")
}

// A panic in the caller's GetBody ends the call, with all that it has started.
func TestPanicInGetBodyLeavesNothingBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newConn()
		tr := transportOf(t, otherConn{fake, func(req *http.Request) (*http.Response, error) {
			_, _ = io.Copy(io.Discard, req.Body)
			return nil, errors.New("http2: client conn not usable") // net/http's words: nothing was sent
		}})
		req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, "http://host.example", strings.NewReader("x"))
		require.NoError(t, err)
		closed := false
		req.Body = &closer{Reader: req.Body, closed: &closed}
		req.Cancel = make(chan struct{}) //nolint:staticcheck // it costs a goroutine
		req.GetBody = func() (io.ReadCloser, error) { panic("of the caller") }
		assert.Panics(t, func() {
			resp, err := tr.RoundTrip(req)
			if err == nil {
				_ = resp.Body.Close()
			}
		})
		assert.True(t, closed)
		assert.Zero(t, tr.Stats().Leases)
	})
}

type closer struct {
	io.Reader
	closed *bool
}

func (c *closer) Close() error { *c.closed = true; return nil }

// badReserve is a connection whose Reserve panics once.
type badReserve struct {
	*fakeConn
	bad bool
}

func (c *badReserve) Reserve() error {
	if c.bad {
		c.bad = false
		panic("of the connection")
	}
	return c.fakeConn.Reserve()
}

func TestPanicInReserveGivesTheTurnBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &badReserve{newConn(), true}
		r := h2.NewResource(c, h2.Options{})
		defer func() { _ = r.Close() }()
		take(t, r, 2)
		assert.Panics(t, func() { _, _ = r.RoundTrip(&http.Request{}) }) //nolint:bodyclose // there is no response
		r.End()
		send(t, r)
		r.End()
	})
}

// A server may say 2^32-1, which is more than its streams can ever be.
func TestGoodbyeOfAServerWithoutALimitIsNoticed(t *testing.T) {
	if strconv.IntSize == 32 {
		t.Skip("what is available does not fit in an int, and net/http bounds it")
	}
	synctest.Test(t, func(t *testing.T) {
		limit := uint64(1<<32 - 1)
		c, r, _ := ready(t, int(limit), h2.Options{}) //nolint:gosec // of 64 bits
		begin(t, r, 2)
		r.Capacity()
		c.set(false, func() { c.leaving = true })
		time.Sleep(5 * time.Minute)
		assert.Equal(t, pool.Draining, r.Capacity())
	})
}

// Nothing looks at a connection that was closed, whatever its Err says.
func TestNobodyLooksAtAClosedConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newConn()
		looks := 0
		r := h2.NewResource(otherConn{fake, nil}, h2.Options{})
		time.Sleep(time.Second)
		require.NoError(t, r.Close())
		fake.set(false, func() { fake.err = nil })
		synctest.Wait()
		fake.afterInFlight = func() { looks++ }
		time.Sleep(time.Hour)
		synctest.Wait()
		assert.Zero(t, looks)
	})
}
