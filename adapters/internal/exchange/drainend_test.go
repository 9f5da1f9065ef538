package exchange_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/berth-go/berth/adapters/internal/exchange"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The draining may last although the context has ended the exchange.
func TestExchangeThatTheContextEndedIsNotEndedByItsDraining(t *testing.T) {
	if !exchange.Drains {
		t.Skip("net/http does it")
	}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var d exchange.Delivered
		var cut cuts
		var ends endings
		rest, server := io.Pipe()
		c := newCall(t, newRequest(ctx, t, http.MethodGet, nil))
		resp, failure := c.Attempt(respond(http.StatusOK, rest), exchange.Attempt{Keep: true, Delivered: &d, End: &ends, Cut: func() {
			cut.Cut()
			d.EndDone()
		}})
		require.Nil(t, failure)
		require.NoError(t, resp.Body.Close())
		cancel()
		synctest.Wait()
		require.Len(t, ends, 1)
		time.Sleep(time.Second)
		assert.EqualValues(t, 1, cut.Load())
		assert.Len(t, ends, 1)
		require.NoError(t, server.Close())
	})
}

func TestRestIsNotReadWhereTheConnectionEndsWithTheResponse(t *testing.T) {
	for name, tt := range map[string]struct {
		method string
		close  bool
	}{
		"the server closes it": {http.MethodGet, true},
		"it is a tunnel":       {http.MethodConnect, false},
	} {
		t.Run(name, func(t *testing.T) {
			ended := make(chan exchange.Ending, 1)
			c := newCall(t, newRequest(t.Context(), t, tt.method, nil))
			resp, failure := c.Attempt(connFunc{do: func(*http.Request) (*http.Response, error) {
				return &http.Response{StatusCode: http.StatusOK, Close: tt.close, Body: io.NopCloser(strings.NewReader("rest"))}, nil
			}}, exchange.Attempt{Keep: true, End: endFunc(func(e exchange.Ending) { ended <- e })})
			require.Nil(t, failure)
			require.NoError(t, resp.Body.Close())
			assert.Equal(t, exchange.ErrBodyClosed, (<-ended).Err)
		})
	}
}
