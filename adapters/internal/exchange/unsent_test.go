package exchange_test

import (
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/berth-go/berth/adapters/internal/exchange"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A connection that never worked gets one more attempt, whatever the method.
func TestConnectionsThatNeverWorkAreTriedTwice(t *testing.T) {
	c := newCall(t, newRequest(t.Context(), t, http.MethodPost, nil))
	useless := connFunc{func(*http.Request) (*http.Response, error) {
		return nil, errors.New("http2: client conn could not be established")
	}, errBroken}
	for _, want := range []bool{true, false} {
		_, failure := c.Attempt(useless, exchange.Attempt{Shared: true})
		require.NotNil(t, failure)
		assert.Equal(t, want, failure.Retry)
	}
	require.Error(t, c.Fail(errBroken))
}

func TestConnectionsWithoutRoomAreNoAttempts(t *testing.T) {
	c := newCall(t, newRequest(t.Context(), t, http.MethodGet, nil))
	full := connFunc{do: func(*http.Request) (*http.Response, error) { return nil, exchange.ErrNoStream }}
	for range 20 {
		_, failure := c.Attempt(full, exchange.Attempt{Used: true, Shared: true})
		require.NotNil(t, failure)
		require.True(t, failure.Retry)
	}
	_, failure := c.Attempt(connFunc{broken, errBroken}, exchange.Attempt{Used: true, Shared: true})
	require.NotNil(t, failure)
	assert.True(t, failure.Retry)
	require.Error(t, c.Fail(errBroken))
}

// Where the answer has begun, the error of HTTP/1 is that of the net.Conn.
func TestAnswerThatIsCutShortIsNotAskedForAgain(t *testing.T) {
	for op, want := range map[string]bool{"read": false, "write": true} {
		c := newCall(t, newRequest(t.Context(), t, http.MethodGet, nil))
		_, failure := c.Attempt(connFunc{func(*http.Request) (*http.Response, error) {
			return nil, &net.OpError{Op: op, Err: errBroken}
		}, errBroken}, exchange.Attempt{Used: true})
		require.NotNil(t, failure)
		assert.Equal(t, want, failure.Retry, op)
		require.Error(t, c.Fail(errBroken))
	}
}

func TestBodyThatWasClosedUnreadIsSpent(t *testing.T) {
	c := newCall(t, newRequest(t.Context(), t, http.MethodPost, newBody("x")))
	_, failure := c.Attempt(connFunc{func(req *http.Request) (*http.Response, error) {
		_ = req.Body.Close()
		return notSent(req)
	}, errBroken}, exchange.Attempt{Used: true, Shared: true})
	require.NotNil(t, failure)
	assert.False(t, failure.Retry)
	require.Error(t, c.Fail(errBroken))
}

// writing is a body with a WriteTo.
type writing struct{ *strings.Reader }

func (writing) Close() error { return nil }

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errBroken }

func TestBodyThatCannotBeWrittenIsNotAtFault(t *testing.T) {
	req := newRequest(t.Context(), t, http.MethodGet, writing{strings.NewReader("x")})
	req.GetBody = func() (io.ReadCloser, error) { return writing{strings.NewReader("x")}, nil }
	c := newCall(t, req)
	_, failure := c.Attempt(connFunc{func(req *http.Request) (*http.Response, error) {
		_, err := req.Body.(io.WriterTo).WriteTo(brokenWriter{})
		return nil, &net.OpError{Op: "write", Err: err}
	}, errBroken}, exchange.Attempt{Used: true})
	require.NotNil(t, failure)
	assert.True(t, failure.Retry)
	require.NoError(t, c.Rewind())
	require.Error(t, c.Fail(errBroken))
}
