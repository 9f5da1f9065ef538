package httpconn_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/berth-go/berth/adapters/httpconn"
	"github.com/berth-go/berth/pool"
)

func TestKeepAliveTimeoutOfTheServerIsHeeded(t *testing.T) {
	for _, tt := range []struct {
		header string
		margin time.Duration
		kept   bool
	}{
		{"timeout=0", 0, false},
		{"max=5, Timeout=0", 0, false},
		{`timeout="0"`, 0, false},
		{"timeout=0", -1, true},
		{"timeout=60", 0, true},
		{"timeout=60", time.Hour, true}, // not less than half
		{"timeout=-1", 0, true},
		{"timeout=x", 0, true},
		{"max=0", 0, true},
	} {
		t.Run(fmt.Sprint(tt.header, " ", tt.margin), func(t *testing.T) {
			s := serve(t, plain1, func(w http.ResponseWriter, _ *http.Request) {
				w.Header()["Keep-Alive"] = []string{tt.header}
				_, _ = io.WriteString(w, "ok")
			})
			c := newClient(t, plain1, s, httpconn.Config{KeepAliveMargin: tt.margin})
			c.mustGet(s.URL)
			if !tt.kept {
				until(t, "connection closed", func() bool { return c.Stats().Closes.Of(pool.ReasonCapacity) == 1 })
			}
			c.mustGet(s.URL)
			want := 2
			if tt.kept {
				want = 1
			}
			assert.Equal(t, want, c.wires.dialled())
		})
	}
}

func TestConnectionIsClosedBeforeTheServersTimeIsOver(t *testing.T) {
	s := serve(t, plain1, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Keep-Alive", "timeout=1")
		_, _ = io.WriteString(w, "ok")
	})
	c := newClient(t, plain1, s, httpconn.Config{KeepAliveMargin: time.Hour})
	began := time.Now()
	c.mustGet(s.URL)
	until(t, "connection closed", func() bool { st := c.Stats(); return st.Closes.Total() == 1 && st.Closing == 0 })
	assert.GreaterOrEqual(t, time.Since(began), 400*time.Millisecond)
	assert.Less(t, time.Since(began), time.Second)
}

func TestBodyClosedEarlyKeepsTheConnectionIfLittleIsLeft(t *testing.T) {
	for _, tt := range []struct {
		name string
		size int
		kept bool
	}{
		{"little", 10_000, true},
		{"as much as is read", 256 << 10, true},
		{"more than is read", 1 << 20, false},
	} {
		forEach(t, http1, func(t *testing.T, k kind) {
			for _, chunked := range []bool{false, true} {
				t.Run(fmt.Sprint(tt.name, " chunked ", chunked), func(t *testing.T) {
					s := serve(t, k, func(w http.ResponseWriter, r *http.Request) {
						if !chunked {
							w.Header().Set("Content-Length", fmt.Sprint(tt.size))
						}
						_, _ = io.WriteString(w, strings.Repeat("x", tt.size))
					})
					c := newClient(t, k, s, httpconn.Config{MaxConnsPerHost: 1})
					for range 3 {
						resp, err := c.http.Get(s.URL)
						require.NoError(t, err)
						require.NoError(t, resp.Body.Close())
						require.NoError(t, resp.Body.Close(), "also the second time")
						_, err = resp.Body.Read(make([]byte, 1))
						require.Error(t, err)
					}
					if tt.kept {
						assert.Equal(t, 1, c.wires.dialled())
					} else {
						assert.Equal(t, 3, c.wires.dialled())
					}
				})
			}
		})
	}
}

func TestBodyThatDoesNotEndIsNotWaitedForLong(t *testing.T) {
	s := serve(t, plain1, endless)
	c := newClient(t, plain1, s, httpconn.Config{MaxConnsPerHost: 1})
	resp, err := c.http.Get(s.URL)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	until(t, "its lease ends", func() bool { return c.Stats().Leases == 0 })
	until(t, "the connection is closed", func() bool { st := c.Stats(); return st.Open == 0 && st.Closing == 0 })
}

func TestReadIsInterruptedByClose(t *testing.T) {
	forEach(t, allKinds, func(t *testing.T, k kind) {
		s := serve(t, k, endless)
		c := newClient(t, k, s, httpconn.Config{})
		resp, err := c.http.Get(s.URL)
		require.NoError(t, err)
		_, err = io.ReadFull(resp.Body, make([]byte, 5))
		require.NoError(t, err)
		reading := make(chan error, 1)
		go func() {
			_, err := resp.Body.Read(make([]byte, 1))
			reading <- err
		}()
		require.NoError(t, resp.Body.Close())
		err = within(t, reading, "end of Read")
		require.Error(t, err)
		assert.Contains(t, err.Error(), "closed")
	})
}
