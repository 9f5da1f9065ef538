package httpconn_test

import (
	"fmt"
	"net/http"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/berth-go/berth/adapters/httpconn"
	"github.com/berth-go/berth/pool"
)

func TestThousandGoroutinesShareTwoConnections(t *testing.T) {
	forEach(t, allKinds, func(t *testing.T, k kind) {
		s := serve(t, k, echo)
		c := newClient(t, k, s, httpconn.Config{MaxConnsPerHost: 2})
		var wg sync.WaitGroup
		errs := make(chan error, 1000)
		for i := range 1000 {
			wg.Go(func() {
				for j := range 2 {
					want := fmt.Sprintf("%d-%d", i, j)
					got, err := c.get(s.URL + "/" + want)
					if err == nil && got != want {
						err = fmt.Errorf("got %q, want %q", got, want)
					}
					if err != nil {
						errs <- err
						return
					}
				}
			})
		}
		wg.Wait()
		close(errs)
		for err := range errs {
			require.NoError(t, err)
		}
		assert.LessOrEqual(t, c.wires.mostOpen(), 2)
		// Not exactly two: net/http gives up a connection whose writer did not get to
		// run for 50 ms, and on a busy machine that happens.
		assert.LessOrEqual(t, c.wires.dialled(), 30, "healthy connections are kept")
	})
}

func TestRequestsAtTheCapAreServedInOrder(t *testing.T) {
	forEach(t, http1, func(t *testing.T, k kind) {
		g := newGate()
		s := serve(t, k, g.ServeHTTP)
		c := newClient(t, k, s, httpconn.Config{MaxConnsPerHost: 1})
		var results []<-chan result
		for i := range 10 {
			results = append(results, c.start(request(t.Context(), t, http.MethodGet, fmt.Sprintf("%s/%d", s.URL, i), nil)))
			if i == 0 {
				assert.Equal(t, "0", within(t, g.arrived, "request"))
			} else {
				c.waiting(i)
			}
		}
		for i := range 10 {
			g.pass(t)
			require.NoError(t, within(t, results[i], "response").err)
			if i < 9 {
				assert.Equal(t, fmt.Sprint(i+1), within(t, g.arrived, "request"))
			}
		}
		assert.Equal(t, 1, c.wires.dialled())
	})
}

func TestTotalCapEvictsIdleConnectionOfAnotherHost(t *testing.T) {
	forEach(t, allKinds, func(t *testing.T, k kind) {
		c := newClient(t, k, serve(t, k, echo), httpconn.Config{MaxConns: 2})
		for i := range 6 {
			s := serve(t, k, echo)
			assert.Equal(t, fmt.Sprint(i), c.mustGet(fmt.Sprintf("%s/%d", s.URL, i)))
		}
		assert.LessOrEqual(t, c.wires.mostOpen(), 2)
		assert.Equal(t, uint64(4), c.Stats().Closes.Of(pool.ReasonEvict))
	})
}

func TestTotalCapServesHostsInOrderOfArrival(t *testing.T) { servesInOrder(t, 0, []int{0, 1, 2, 3}) }

// With Affinity a host goes on with what it has, so many times.
func TestAffinityServesAHostsOwnRequestsFirst(t *testing.T) { servesInOrder(t, 1, []int{0, 2, 1, 3}) }

// servesInOrder sends requests to two hosts in turn, with one connection for both.
func servesInOrder(t *testing.T, affinity int, order []int) {
	t.Helper()
	g := newGate()
	a, b := serve(t, plain1, g.ServeHTTP), serve(t, plain1, g.ServeHTTP)
	c := newClient(t, plain1, a, httpconn.Config{MaxConns: 1, Affinity: affinity})
	var results []<-chan result
	for i, s := range []string{a.URL, b.URL, a.URL, b.URL} {
		results = append(results, c.start(request(t.Context(), t, http.MethodGet, fmt.Sprintf("%s/%d", s, i), nil)))
		if i == 0 {
			within(t, g.arrived, "request")
		} else {
			c.waiting(i)
		}
	}
	for i, n := range order {
		g.pass(t)
		require.NoError(t, within(t, results[n], "response").err)
		if i < 3 {
			assert.Equal(t, fmt.Sprint(order[i+1]), within(t, g.arrived, "request"))
		}
	}
	assert.Equal(t, 1, c.wires.mostOpen())
}

// Transports, and pools of anything else, can have one cap together. Base's MaxIdleConns is
// none then: it is for a transport alone.
func TestTransportsShareABudget(t *testing.T) {
	forEach(t, allKinds, func(t *testing.T, k kind) {
		b, err := pool.NewBudget(pool.BudgetLimits{MaxOpen: 2})
		require.NoError(t, err)
		var clients []*client
		for range 3 {
			clients = append(clients, newClient(t, k, serve(t, k, echo), httpconn.Config{Budget: b}, func(tr *http.Transport) { tr.MaxIdleConns = 1 }))
		}
		for i := range 9 {
			s := serve(t, k, echo)
			assert.Equal(t, fmt.Sprint(i), clients[i%3].mustGet(fmt.Sprintf("%s/%d", s.URL, i)))
			open := 0
			for _, c := range clients {
				open += c.wires.openNow()
			}
			assert.Equal(t, min(i+1, 2), open)
		}
		assert.Equal(t, 2, b.Stats().Open)
	})
}

func TestIdleConnectionsBeyondTheCapsAreClosed(t *testing.T) {
	g := newGate()
	a, b := serve(t, plain1, g.ServeHTTP), serve(t, plain1, g.ServeHTTP)
	c := newClient(t, plain1, a, httpconn.Config{MaxIdleConnsPerHost: 3, MaxIdleConns: 4})
	var results []<-chan result
	for _, s := range []string{a.URL, b.URL} {
		for range 5 {
			results = append(results, c.start(request(t.Context(), t, http.MethodGet, s, nil)))
		}
	}
	for range 10 {
		within(t, g.arrived, "request")
	}
	// One after the other: while a host has one too many, of its own, all hosts have,
	// and a look at that moment would find that another one's has to go.
	for left := 9; left >= 0; left-- {
		g.pass(t)
		until(t, "the next connection idle", func() bool { return c.Stats().InUse == left })
	}
	for _, ch := range results {
		require.NoError(t, within(t, ch, "response").err)
	}
	until(t, "idle within the caps", func() bool {
		ok := c.Stats().Idle == 4 && c.Stats().Closing == 0
		for _, st := range c.All() {
			ok = ok && st.Idle <= 3
		}
		return ok
	})
}

func TestIdleConnectionsDefaultToTheCap(t *testing.T) {
	for _, tt := range []struct {
		name string
		cfg  httpconn.Config
		base int
		want int
	}{
		{"net/http's default", httpconn.Config{}, 0, 2},
		{"as Base says", httpconn.Config{}, 4, 4},
		{"as the cap", httpconn.Config{MaxConnsPerHost: 5}, 0, 5},
		{"Config over Base", httpconn.Config{MaxIdleConnsPerHost: 1}, 4, 1},
		{"no limit over Base", httpconn.Config{MaxIdleConnsPerHost: httpconn.NoLimit}, 1, 6},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := newGate()
			s := serve(t, plain1, g.ServeHTTP)
			c := newClient(t, plain1, s, tt.cfg, func(tr *http.Transport) { tr.MaxIdleConnsPerHost = tt.base })
			n := 6
			if tt.cfg.MaxConnsPerHost > 0 {
				n = tt.cfg.MaxConnsPerHost
			}
			done := make(chan struct{})
			go func() {
				defer close(done)
				c.burst(n, s.URL)
			}()
			for range n {
				within(t, g.arrived, "request")
			}
			close(g.open)
			within(t, done, "responses")
			until(t, "surplus closed", func() bool { return c.Stats().Idle == tt.want && c.Stats().Closing == 0 })
		})
	}
}

func TestIdleConnTimeoutClosesConnection(t *testing.T) {
	forEach(t, allKinds, func(t *testing.T, k kind) {
		s := serve(t, k, proto)
		c := newClient(t, k, s, httpconn.Config{}, func(tr *http.Transport) { tr.IdleConnTimeout = 1 })
		c.mustGet(s.URL)
		until(t, "connection closed", func() bool { return c.Stats().Closes.Of(pool.ReasonIdleTime) == 1 })
	})
}

func TestPerHostOverridesLimits(t *testing.T) {
	g := newGate()
	a, b := serve(t, plain1, g.ServeHTTP), serve(t, plain1, g.ServeHTTP)
	c := newClient(t, plain1, a, httpconn.Config{
		MaxConnsPerHost: 1,
		PerHost: func(h httpconn.Host) pool.Limits {
			if h.Scheme+"://"+h.Addr == b.URL {
				return pool.Limits{MaxOpen: 3}
			}
			return pool.Limits{}
		},
	})
	var results []<-chan result
	for _, s := range []string{a.URL, b.URL} {
		for range 5 {
			results = append(results, c.start(request(t.Context(), t, http.MethodGet, s, nil)))
		}
	}
	for range 4 {
		within(t, g.arrived, "request")
	}
	c.waiting(6)
	close(g.open)
	for _, ch := range results {
		require.NoError(t, within(t, ch, "response").err)
	}
}

func TestMaxWaitersPerHostTurnsRequestsAway(t *testing.T) {
	g := newGate()
	s := serve(t, plain1, g.ServeHTTP)
	c := newClient(t, plain1, s, httpconn.Config{MaxConnsPerHost: 1, MaxWaitersPerHost: 1})
	first := c.start(request(t.Context(), t, http.MethodGet, s.URL, nil))
	within(t, g.arrived, "request")
	second := c.start(request(t.Context(), t, http.MethodGet, s.URL, nil))
	c.waiting(1)
	body := &closeCounter{Reader: http.NoBody}
	_, err := c.http.Do(request(t.Context(), t, http.MethodPost, s.URL, body))
	require.ErrorIs(t, err, pool.ErrWaitLimit)
	assert.Equal(t, 1, body.times())
	close(g.open)
	require.NoError(t, within(t, first, "response").err)
	require.NoError(t, within(t, second, "response").err)
}
