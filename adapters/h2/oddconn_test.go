package h2_test

import (
	"context"
	"errors"
	"io"
	"math"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/atomic"

	"github.com/berth-go/berth/adapters/h2"
	"github.com/berth-go/berth/pool"
)

// roomy is a Conn whose Available is what its owner says.
type roomy struct {
	available func(inFlight int) int
	inFlight  atomic.Int32
	closed    atomic.Bool
	do        func(*http.Request) (*http.Response, error)
}

func (c *roomy) RoundTrip(req *http.Request) (*http.Response, error) {
	defer c.inFlight.Dec()
	return c.do(req)
}

func (c *roomy) Reserve() error {
	if c.Available() <= 0 {
		return errors.New("no stream")
	}
	c.inFlight.Inc()
	return nil
}
func (c *roomy) Release()       { c.inFlight.Dec() }
func (c *roomy) Available() int { return c.available(int(c.inFlight.Load())) }
func (c *roomy) InFlight() int  { return int(c.inFlight.Load()) }

func (c *roomy) Err() error {
	if c.closed.Load() {
		return errors.New("closed")
	}
	return nil
}

func (c *roomy) Close() error { c.closed.Store(true); return nil }

// A Conn that has no limit may say so by the largest int.
func TestConnWithoutALimitIsOneConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		leave := make(chan struct{})
		var dials atomic.Int32
		var first *roomy
		tr := newTransport(t, h2.Config{Dial: func(context.Context, h2.Host) (h2.Conn, error) {
			dials.Inc()
			c := &roomy{
				available: func(int) int { return math.MaxInt },
				do: func(*http.Request) (*http.Response, error) {
					<-leave
					return &http.Response{}, nil
				},
			}
			if first == nil {
				first = c
			}
			return c, nil
		}})
		const n = 5
		done := make(chan error, n)
		for range n {
			go func() { done <- fetchFrom(t.Context(), t, tr) }()
			synctest.Wait()
			time.Sleep(time.Second)
		}
		assert.Equal(t, int32(1), dials.Load())
		assert.False(t, first.closed.Load(), "closed with requests on it")
		close(leave)
		for range n {
			require.NoError(t, <-done)
		}
	})
}

// A limit may be lowered below what is in flight, of which some streams may be of requests
// that have been given up.
func TestConnWhoseLimitIsLoweredKeepsItsRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		leave := make(chan struct{})
		var limit atomic.Int32
		limit.Store(10)
		c := &roomy{
			available: func(n int) int { return int(limit.Load()) - n },
			do: func(*http.Request) (*http.Response, error) {
				<-leave
				return &http.Response{}, nil
			},
		}
		tr := transportOf(t, c)
		done := make(chan error)
		for range 2 {
			go func() { done <- fetchFrom(t.Context(), t, tr) }()
		}
		time.Sleep(time.Second)
		c.inFlight.Add(7) // of those that were given up
		limit.Store(5)
		time.Sleep(time.Second)
		assert.False(t, c.closed.Load(), "closed with requests on it")
		close(leave)
		for range 2 {
			require.NoError(t, <-done)
		}
		c.inFlight.Sub(7)
		require.NoError(t, fetchFrom(t.Context(), t, tr))
		assert.Equal(t, uint64(1), tr.Stats().Dials)
	})
}

// Wherever a Conn panics, the request that it hits is the only one, and none where nobody
// has called.
func TestPanicOfAConnAtAnyPointLeaksNothing(t *testing.T) {
	broken := errors.New("of the stream")
	for name, c := range map[string]struct {
		streams int
		failure error
		takes   time.Duration
	}{"response": {10, nil, 0}, "failure": {10, broken, 0}, "ramp": {h2.InitialStreams, nil, time.Second}} {
		for at := range 60 {
			synctest.Test(t, func(t *testing.T) {
				var calls atomic.Int32
				once := func() {
					if int(calls.Inc()) == at {
						panic("of the connection")
					}
				}
				hooks := &pool.Hooks{Panic: func(v any) { assert.Equal(t, "of the connection", v) }}
				tr := newTransport(t, h2.Config{MaxConnsPerHost: 1, Hooks: hooks, Dial: func(context.Context, h2.Host) (h2.Conn, error) {
					return &panicky{&roomy{
						available: func(n int) int { return c.streams - n },
						do: func(*http.Request) (*http.Response, error) {
							time.Sleep(c.takes)
							return &http.Response{}, c.failure
						},
					}, once}, nil
				}})
				for range 3 {
					func() {
						defer func() { _ = recover() }()
						_ = fetchFrom(t.Context(), t, tr)
					}()
					time.Sleep(200 * time.Millisecond)
				}
				require.Zero(t, tr.Stats().Leases, "%s, call %d", name, at)
			})
		}
	}
}

// A Conn that panics where nobody has called is replaced, and Hooks.Panic hears of it.
func TestPanicOfAConnThatIsLookedAtGoesToTheHook(t *testing.T) {
	for name, inFlight := range map[string]bool{"idle": false, "in use": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var dials, panics atomic.Int32
				var looked atomic.Bool
				heard := make(chan any, 100)
				hold := make(chan struct{})
				tr := newTransport(t, h2.Config{
					MaxConnsPerHost: 1,
					Hooks:           &pool.Hooks{Panic: func(v any) { heard <- v }},
					Dial: func(context.Context, h2.Host) (h2.Conn, error) {
						first := dials.Inc() == 1
						return &panicky{&roomy{
							available: func(n int) int { return 10 - n },
							do: func(*http.Request) (*http.Response, error) {
								if inFlight && first {
									looked.Store(true)
									<-hold
								}
								return &http.Response{}, nil
							},
						}, func() {
							if first && looked.Load() && panics.Inc() == 1 {
								panic("of the connection")
							}
						}}, nil
					},
				})
				ended := make(chan error)
				go func() { ended <- fetchFrom(t.Context(), t, tr) }()
				if !inFlight {
					require.NoError(t, <-ended)
					looked.Store(true)
				}
				time.Sleep(time.Minute)
				assert.Equal(t, "of the connection", <-heard)
				if inFlight {
					close(hold)
					require.NoError(t, <-ended)
				}
				require.NoError(t, fetchFrom(t.Context(), t, tr))
				assert.EqualValues(t, 2, dials.Load())
				assert.EqualValues(t, 1, tr.Stats().Open)
				assert.Empty(t, heard)
			})
		})
	}
}

// Whoever has dropped a response of a Conn that panics does not keep it for ever.
func TestDroppedResponseOfAConnThatPanickedEndsWithItsContext(t *testing.T) {
	for at := range 20 { // the look that panics; 0: none
		t.Run(strconv.Itoa(at), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var looked atomic.Bool
				var panics atomic.Int32
				tr := newTransport(t, h2.Config{
					Hooks: &pool.Hooks{Panic: func(v any) { assert.Equal(t, "of the connection", v) }},
					Dial: func(context.Context, h2.Host) (h2.Conn, error) {
						return &panicky{&roomy{
							available: func(n int) int { return 10 - n },
							do: func(*http.Request) (*http.Response, error) {
								return &http.Response{Body: io.NopCloser(io.MultiReader(strings.NewReader("x")))}, nil
							},
						}, func() {
							if looked.Load() && int(panics.Inc()) == at {
								panic("of the connection")
							}
						}}, nil
					},
				})
				ctx, cancel := context.WithCancel(t.Context())
				req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://x.invalid", nil)
				require.NoError(t, err)
				resp, err := tr.RoundTrip(req)
				require.NoError(t, err)
				looked.Store(true) // the next who looks is a timer
				cancel()
				time.Sleep(time.Minute)
				assert.Zero(t, tr.Stats().Leases, "the response was dropped, and its context has ended")
				_ = resp.Body.Close()
			})
		})
	}
}

type panicky struct {
	*roomy
	once func()
}

func (c *panicky) Err() error     { c.once(); return c.roomy.Err() }
func (c *panicky) Available() int { c.once(); return c.roomy.Available() }
func (c *panicky) InFlight() int  { c.once(); return c.roomy.InFlight() }
