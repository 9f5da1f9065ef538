package exchange_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/atomic"

	"github.com/berth-go/berth/adapters/internal/exchange"
)

// cuts counts how often its connection was cut.
type cuts struct{ atomic.Int32 }

func (c *cuts) Cut() { c.Inc() }

type key struct{}

// registry is a context that counts what is registered with it.
type registry struct {
	context.Context
	now atomic.Int32
}

// Value hides what is under the registry, so that all go by AfterFunc.
func (r *registry) Value(any) any { return nil }

func (r *registry) AfterFunc(f func()) (stop func() bool) {
	r.now.Inc()
	under := context.AfterFunc(r.Context, f)
	return func() bool {
		r.now.Dec()
		return under()
	}
}

func TestConnectionThatCanBeCutDoesNotSeeTheContext(t *testing.T) {
	ctx := context.WithValue(t.Context(), key{}, "kept")
	c := newCall(t, newRequest(ctx, t, http.MethodGet, nil))
	var ends endings
	_, failure := c.Attempt(connFunc{do: func(req *http.Request) (*http.Response, error) {
		assert.Nil(t, req.Context().Done())
		assert.Equal(t, "kept", req.Context().Value(key{}))
		return &http.Response{StatusCode: 204, Body: http.NoBody}, nil
	}}, exchange.Attempt{Cut: new(cuts).Cut, End: &ends})
	require.Nil(t, failure)
	assert.Equal(t, endings{{}}, ends)
	assert.Equal(t, ctx, c.Context())
}

// The context ends at each moment of an exchange.
func TestContextCutsTheConnectionDuringTheExchangeOnly(t *testing.T) {
	readAll := func(b io.ReadCloser) { _, _ = io.ReadAll(b) }
	for name, tt := range map[string]struct {
		status int
		before func(io.ReadCloser)
		after  func(io.ReadCloser)
		cuts   int32
		want   exchange.Ending
	}{
		"before the body is read": {http.StatusOK, nil, readAll, 1, exchange.Ending{Err: context.Canceled, Cut: true}},
		"after the body is read":  {http.StatusOK, readAll, nil, 0, exchange.Ending{}},
		"after a switch": {
			http.StatusSwitchingProtocols, nil, func(b io.ReadCloser) { _ = b.Close() }, 0,
			exchange.Ending{Err: exchange.ErrBodyClosed, Upgraded: true},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				under := &registry{Context: ctx}
				var ends endings
				var cut cuts
				c := newCall(t, newRequest(under, t, http.MethodGet, nil))
				b := struct {
					io.Reader
					io.Writer
					io.Closer
				}{strings.NewReader("x"), io.Discard, io.NopCloser(nil)}
				resp, failure := c.Attempt(respond(tt.status, b), exchange.Attempt{Cut: cut.Cut, End: &ends})
				require.Nil(t, failure)
				if tt.before != nil {
					tt.before(resp.Body)
				}
				cancel()
				synctest.Wait()
				assert.Equal(t, tt.cuts, cut.Load())
				if tt.after != nil {
					tt.after(resp.Body)
				}
				assert.Equal(t, endings{tt.want}, ends)
				assert.Equal(t, tt.cuts, under.now.Load(), "what has run need not be taken back")
			})
		})
	}
}

func TestContextCutsTheConnectionThatDoesNotAnswer(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	ended := make(chan struct{})
	c := newCall(t, newRequest(ctx, t, http.MethodGet, nil))
	_, failure := c.Attempt(connFunc{err: errBroken, do: func(*http.Request) (*http.Response, error) {
		cancel(errWhy)
		<-ended
		return nil, errBroken
	}}, exchange.Attempt{Cut: func() { close(ended) }, Used: true})
	require.NotNil(t, failure)
	require.ErrorIs(t, failure.Err, errWhy)
	require.ErrorIs(t, failure.Err, context.Canceled)
	assert.False(t, failure.Retry)
}

// A caller may have one context for all its requests.
func TestFailureLeavesNothingWithTheContext(t *testing.T) {
	under := &registry{Context: t.Context()}
	c := newCall(t, newRequest(under, t, http.MethodGet, nil))
	_, failure := c.Attempt(connFunc{do: func(req *http.Request) (*http.Response, error) {
		_, cancel := context.WithCancel(req.Context()) // as net/http does
		t.Cleanup(cancel)                              // which net/http does not, if the request fails
		return nil, errBroken
	}}, exchange.Attempt{Cut: new(cuts).Cut})
	require.NotNil(t, failure)
	require.ErrorIs(t, c.Fail(failure.Err), errBroken)
	assert.Zero(t, under.now.Load())
}

func TestDrainingThatTakesTooLongCutsTheConnection(t *testing.T) {
	if !exchange.Drains {
		t.Skip("net/http does it")
	}
	synctest.Test(t, func(t *testing.T) {
		ended := make(chan exchange.Ending, 1)
		rest, server := io.Pipe()
		c := newCall(t, newRequest(t.Context(), t, http.MethodGet, nil))
		resp, failure := c.Attempt(respond(http.StatusOK, rest), exchange.Attempt{
			Keep: true, Cut: func() { _ = server.CloseWithError(errBroken) },
			End: endFunc(func(e exchange.Ending) { ended <- e }),
		})
		require.Nil(t, failure)
		require.NoError(t, resp.Body.Close())
		assert.Equal(t, exchange.Ending{Err: exchange.ErrBodyClosed, Aside: true, Cut: true}, <-ended)
	})
}

// Callers often cancel the context when they have closed the body.
func TestEndOfTheContextEndsTheDraining(t *testing.T) {
	if !exchange.Drains {
		t.Skip("net/http does it")
	}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan exchange.Ending, 1)
		rest, server := io.Pipe()
		c := newCall(t, newRequest(ctx, t, http.MethodGet, nil))
		resp, failure := c.Attempt(respond(http.StatusOK, rest), exchange.Attempt{
			Keep: true, Cut: func() { _ = server.CloseWithError(errBroken) },
			End: endFunc(func(e exchange.Ending) { ended <- e }),
		})
		require.Nil(t, failure)
		began := time.Now()
		require.NoError(t, resp.Body.Close())
		time.AfterFunc(10*time.Millisecond-time.Since(began), cancel)
		assert.Equal(t, exchange.Ending{Err: exchange.ErrBodyClosed, Aside: true, Cut: true}, <-ended)
		assert.Equal(t, 10*time.Millisecond, time.Since(began))
	})
}
