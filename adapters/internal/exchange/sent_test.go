package exchange_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/berth-go/berth/adapters/internal/exchange"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// slowToClose is a body whose Close takes until its channel is closed.
type slowToClose struct {
	io.Reader
	rest chan struct{}
}

func (b slowToClose) Close() error {
	<-b.rest
	return nil
}

// A body that is being closed has not been closed: its Close may be the caller's, who is
// promised that nothing of it is in use after the end.
func TestSharedExchangeEndsWhenTheBodyHasBeenClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ends endings
		b := slowToClose{strings.NewReader("x"), make(chan struct{})}
		c := newCall(t, newRequest(t.Context(), t, http.MethodPost, b))
		resp, failure := c.Attempt(connFunc{do: func(req *http.Request) (*http.Response, error) {
			go func() { _ = req.Body.Close() }()
			return &http.Response{Body: io.NopCloser(strings.NewReader("early"))}, nil
		}}, exchange.Attempt{Shared: true, End: &ends})
		require.Nil(t, failure)
		synctest.Wait()
		_, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		assert.Empty(t, ends)
		close(b.rest)
		synctest.Wait()
		assert.Len(t, ends, 1)
	})
}

// The connection sees the end of the context itself, unless it is still sending.
func TestAnswerToARequestThatWasSentIsLeftToTheConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		answer := newBody("answer")
		c := newCall(t, newRequest(ctx, t, http.MethodPost, newBody("x")))
		resp, failure := c.Attempt(connFunc{do: func(req *http.Request) (*http.Response, error) {
			_ = req.Body.Close()
			return &http.Response{Body: answer}, nil
		}}, exchange.Attempt{Shared: true, Tidy: true, End: &endings{}})
		require.Nil(t, failure)
		cancel()
		synctest.Wait()
		assert.Zero(t, answer.closed())
		require.NoError(t, resp.Body.Close())
	})
}

// A Conn of the user's may answer with 101 and have nothing to write to.
func TestSwitchedProtocolWithoutARawConnectionIsAPlainResponse(t *testing.T) {
	var ends endings
	c := newCall(t, newRequest(t.Context(), t, http.MethodGet, nil))
	resp, failure := c.Attempt(respond(http.StatusSwitchingProtocols, io.NopCloser(strings.NewReader("x"))),
		exchange.Attempt{Shared: true, End: &ends})
	require.Nil(t, failure)
	_, writes := resp.Body.(io.Writer)
	assert.False(t, writes)
	_, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	assert.Equal(t, endings{{}}, ends)
}
