package exchange_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/berth-go/berth/adapters/internal/exchange"
)

// stuckBody is the body of a response that does not go on: Read ends with the
// request's context, or with Close.
type stuckBody struct {
	ctx    context.Context
	begun  chan struct{}
	once   sync.Once
	closed chan struct{}
}

func (b *stuckBody) Read([]byte) (int, error) {
	select {
	case b.begun <- struct{}{}:
	default:
	}
	select {
	case <-b.ctx.Done():
		return 0, b.ctx.Err()
	case <-b.closed:
		return 0, errors.New("closed")
	}
}

func (b *stuckBody) Close() error {
	b.once.Do(func() { close(b.closed) })
	return nil
}

// stuck returns a connection whose responses are stuck, with the length that they
// announce.
func stuck(begun chan struct{}) connFunc {
	return connFunc{do: func(req *http.Request) (*http.Response, error) {
		b := &stuckBody{ctx: req.Context(), begun: begun, closed: make(chan struct{})}
		return &http.Response{StatusCode: http.StatusOK, ContentLength: -1, Body: b}, nil
	}}
}

func TestReadThatCloseInterruptsSaysThatTheBodyIsClosed(t *testing.T) {
	begun := make(chan struct{}, 1)
	ended := make(chan exchange.Ending, 1)
	c := newCall(t, newRequest(t.Context(), t, http.MethodGet, nil))
	resp, failure := c.Attempt(stuck(begun), exchange.Attempt{Keep: true, End: endFunc(func(e exchange.Ending) { ended <- e })})
	require.Nil(t, failure)
	reading := make(chan error, 1)
	go func() {
		_, err := resp.Body.Read(make([]byte, 1))
		reading <- err
	}()
	<-begun
	require.NoError(t, resp.Body.Close())
	require.ErrorContains(t, <-reading, "closed")
	require.Error(t, (<-ended).Err, "the connection is of no use")
}

func TestRestOfTheBodyIsReadForAConnectionThatIsKept(t *testing.T) {
	for name, tt := range map[string]struct {
		how    exchange.Attempt
		status int
		length int64
		want   error
	}{
		"kept":               {exchange.Attempt{Keep: true}, http.StatusOK, -1, nil},
		"kept, known length": {exchange.Attempt{Keep: true}, http.StatusOK, 4, nil},
		"kept, much to read": {exchange.Attempt{Keep: true}, http.StatusOK, 1 << 20, exchange.ErrBodyClosed},
		"not kept":           {exchange.Attempt{}, http.StatusOK, 4, exchange.ErrBodyClosed},
		"shared":             {exchange.Attempt{Shared: true}, http.StatusOK, 4, exchange.ErrBodyClosed},
	} {
		t.Run(name, func(t *testing.T) {
			ended := make(chan exchange.Ending, 1)
			tt.how.End = endFunc(func(e exchange.Ending) { ended <- e })
			b := io.NopCloser(strings.NewReader("rest"))
			c := newCall(t, newRequest(t.Context(), t, http.MethodGet, nil))
			resp, failure := c.Attempt(connFunc{do: func(*http.Request) (*http.Response, error) {
				return &http.Response{StatusCode: tt.status, ContentLength: tt.length, Body: b}, nil
			}}, tt.how)
			require.Nil(t, failure)
			require.NoError(t, resp.Body.Close())
			got := (<-ended).Err
			if exchange.Drains || tt.want != nil { // else the connection does it
				assert.Equal(t, tt.want, got)
			}
		})
	}
}
