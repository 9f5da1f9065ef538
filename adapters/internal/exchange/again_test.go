package exchange_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/berth-go/berth/adapters/internal/exchange"
)

// A connection that the kernel has given up is broken, although its error says that time
// ran out; a server that was too slow may still act on the request.
func TestConnectionThatTheKernelGaveUpIsNoServerThatIsSlow(t *testing.T) {
	lost := &net.OpError{Op: "read", Err: syscall.ETIMEDOUT}
	require.True(t, lost.Timeout())
	for err, want := range map[error]bool{lost: true, context.DeadlineExceeded: false} {
		c := newCall(t, newRequest(t.Context(), t, http.MethodGet, nil))
		conn := connFunc{func(*http.Request) (*http.Response, error) { return nil, err }, errBroken}
		_, failure := c.Attempt(conn, exchange.Attempt{Used: true, Shared: true})
		require.NotNil(t, failure)
		assert.Equal(t, want, failure.Retry, err)
		require.Error(t, c.Fail(err))
	}
}

// A body may be the response to another request, whose stream was refused.
func TestRefusalOfTheRequestsBodyIsNoneOfTheRequest(t *testing.T) {
	for _, ofBody := range []bool{true, false} {
		c := newCall(t, newRequest(t.Context(), t, http.MethodPost, errReader{refusedError{Code: 7}}))
		_, failure := c.Attempt(connFunc{do: func(req *http.Request) (*http.Response, error) {
			if ofBody {
				_, err := req.Body.Read(make([]byte, 1))
				return nil, err
			}
			return nil, refusedError{Code: 7}
		}}, exchange.Attempt{Used: true, Shared: true})
		require.NotNil(t, failure)
		assert.Equal(t, !ofBody, failure.Refused)
		require.Error(t, c.Fail(failure.Err))
	}
}

// A goodbye on a connection that has answered says nothing of the next one. Of those who
// share one that has not, all but the first find it used.
func TestOnlyAGoodbyeOfWhoHasAnsweredNobodyIsWaitedFor(t *testing.T) {
	goodbye := connFunc{notSent, errBroken}
	for _, tt := range []struct {
		conn  exchange.Conn
		used  bool
		waits bool
	}{{goodbye, true, false}, {goodbye, false, true}, {silentConn{goodbye}, true, true}, {silentConn{goodbye}, false, true}} {
		synctest.Test(t, func(t *testing.T) {
			c := newCall(t, newRequest(t.Context(), t, http.MethodGet, nil))
			began := time.Now()
			for range 2 {
				_, failure := c.Attempt(tt.conn, exchange.Attempt{Used: tt.used, Shared: true})
				require.NotNil(t, failure)
				require.NoError(t, c.Again(failure, nil))
			}
			assert.Equal(t, tt.waits, time.Since(began) > 0)
			require.Error(t, c.Fail(errBroken))
		})
	}
}

func TestGoodbyesOfUsedConnectionsLeaveFourNewOnes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCall(t, newRequest(t.Context(), t, http.MethodGet, nil))
		for i, used := range []bool{true, true, true, false} {
			_, failure := c.Attempt(connFunc{notSent, errBroken}, exchange.Attempt{Used: used, Shared: true})
			require.NotNil(t, failure)
			require.NoError(t, c.Again(failure, nil), "attempt %d: only one new connection has said goodbye", i+1)
		}
		require.Error(t, c.Fail(errBroken))
	})
}

// Callers whom a server has refused together do not come back together.
func TestPausesAreSpread(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pauses := map[time.Duration]bool{}
		for n := 0; n < 100 && len(pauses) < 2; n++ {
			c := newCall(t, newRequest(t.Context(), t, http.MethodGet, nil))
			refused := exchange.Failure{Err: errBroken, Retry: true, Refused: true}
			require.NoError(t, c.Again(&refused, nil))
			began := time.Now()
			require.NoError(t, c.Again(&refused, nil))
			pauses[time.Since(began)] = true
			require.Error(t, c.Fail(errBroken))
		}
		assert.Greater(t, len(pauses), 1)
	})
}

// soon is a context whose deadline has passed before it ends.
type soon struct {
	context.Context
	deadline time.Time
}

func (s soon) Deadline() (time.Time, bool) { return s.deadline, true }

// An http.Client closes Request.Cancel for its timeout, which may be before the context
// has ended by the same; what the caller hears is that time ran out.
func TestCancelOfAClientWhoseTimeIsOverIsItsTimeout(t *testing.T) {
	for name, tt := range map[string]struct {
		deadline time.Duration
		want     bool
	}{
		"its time is over": {10 * time.Millisecond, true},
		"it is not":        {time.Hour, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, end := context.WithTimeout(t.Context(), time.Second)
				defer end()
				req := newRequest(soon{ctx, time.Now().Add(tt.deadline)}, t, http.MethodGet, nil)
				canceled := make(chan struct{})
				req.Cancel = canceled //nolint:staticcheck // deprecated, but http.Client.Timeout sets it
				c := newCall(t, req)
				time.Sleep(10 * time.Millisecond)
				close(canceled)
				<-c.Context().Done()
				assert.Equal(t, tt.want, errors.Is(exchange.ErrorOf(c.Context()), context.DeadlineExceeded))
				require.Error(t, c.Fail(errBroken))
			})
		})
	}
}
