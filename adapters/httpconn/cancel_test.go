package httpconn_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/berth-go/berth/adapters/httpconn"
	"github.com/berth-go/berth/pool"
)

var errWhy = errors.New("the user went home")

func TestCancelWhileQueuedGivesUpThePlace(t *testing.T) {
	forEach(t, http1, func(t *testing.T, k kind) {
		g := newGate()
		s := serve(t, k, g.ServeHTTP)
		c := newClient(t, k, s, httpconn.Config{MaxConnsPerHost: 1})
		first := c.start(request(t.Context(), t, http.MethodGet, s.URL+"/first", nil))
		within(t, g.arrived, "request")

		ctx, cancel := context.WithCancelCause(t.Context())
		body := &closeCounter{Reader: http.NoBody}
		second := c.start(request(ctx, t, http.MethodPost, s.URL+"/second", body))
		c.waiting(1)
		third := c.start(request(t.Context(), t, http.MethodGet, s.URL+"/third", nil))
		c.waiting(2)
		cancel(errWhy)

		err := within(t, second, "end of the request").err
		require.ErrorIs(t, err, context.Canceled)
		require.ErrorIs(t, err, errWhy)
		var wait *pool.WaitError
		require.ErrorAs(t, err, &wait)
		assert.Equal(t, 1, wait.InUse)
		assert.Equal(t, 1, body.times())

		g.pass(t)
		require.NoError(t, within(t, first, "response").err)
		assert.Equal(t, "third", within(t, g.arrived, "request"))
		g.pass(t)
		require.NoError(t, within(t, third, "response").err)
		assert.Equal(t, 1, c.wires.dialled())
	})
}

func TestCancelWhileDiallingReturnsAtOnceAndKeepsTheDial(t *testing.T) {
	forEach(t, allKinds, func(t *testing.T, k kind) {
		s := serve(t, k, echo)
		c := newClient(t, k, s, httpconn.Config{MaxConnsPerHost: 1})
		c.wires.hold = make(chan struct{})
		ctx, cancel := context.WithCancel(t.Context())
		first := c.start(request(ctx, t, http.MethodGet, s.URL+"/first", nil))
		within(t, c.wires.began, "dial")
		second := c.start(request(t.Context(), t, http.MethodGet, s.URL+"/second", nil))
		c.waiting(2)
		cancel()
		require.ErrorIs(t, within(t, first, "end of the request").err, context.Canceled)
		close(c.wires.hold)
		r := within(t, second, "response")
		require.NoError(t, r.err)
		assert.Equal(t, "second", r.body)
		assert.Equal(t, 1, c.wires.dialled(), "the dial that the first request caused serves the second")
	})
}

func TestCancelInFlightEndsTheRequest(t *testing.T) {
	forEach(t, allKinds, func(t *testing.T, k kind) {
		g := newGate()
		s := serve(t, k, g.ServeHTTP)
		c := newClient(t, k, s, httpconn.Config{MaxConnsPerHost: 1})
		ctx, cancel := context.WithCancelCause(t.Context())
		ch := c.start(request(ctx, t, http.MethodGet, s.URL, nil))
		within(t, g.arrived, "request")
		cancel(errWhy)
		err := within(t, ch, "end of the request").err
		require.ErrorIs(t, err, context.Canceled)
		require.ErrorIs(t, err, errWhy)
		assert.Equal(t, errWhy.Error(), err.Error(), "as in net/http, the text is the cause's")
		next := c.start(request(t.Context(), t, http.MethodGet, s.URL+"/next", nil))
		within(t, g.arrived, "request")
		close(g.open) // for all: the handler of the canceled one may still be there
		require.NoError(t, within(t, next, "response").err)
	})
}

func TestCancelWhileTheRequestBodyBlocksEndsTheRequest(t *testing.T) {
	forEach(t, allKinds, func(t *testing.T, k kind) {
		arrived := make(chan struct{}, 1)
		s := serve(t, k, func(_ http.ResponseWriter, r *http.Request) {
			arrived <- struct{}{}
			_, _ = io.Copy(io.Discard, r.Body)
		})
		c := newClient(t, k, s, httpconn.Config{})
		ctx, cancel := context.WithCancelCause(t.Context())
		pr, pw := io.Pipe()
		defer func() { _ = pw.Close() }()
		ch := c.start(request(ctx, t, http.MethodPost, s.URL, pr))
		_, err := io.WriteString(pw, "some")
		require.NoError(t, err)
		within(t, arrived, "request")
		cancel(errWhy)
		err = within(t, ch, "end of the request").err
		require.ErrorIs(t, err, errWhy, "not the closed pipe's error")
	})
}

func TestCancelWhileReadingTheBodyEndsTheLease(t *testing.T) {
	forEach(t, allKinds, func(t *testing.T, k kind) {
		s := serve(t, k, endless)
		c := newClient(t, k, s, httpconn.Config{})
		ctx, cancel := context.WithCancel(t.Context())
		resp, err := c.RoundTrip(request(ctx, t, http.MethodGet, s.URL, nil))
		require.NoError(t, err)
		_, err = io.ReadFull(resp.Body, make([]byte, 5))
		require.NoError(t, err)
		cancel()
		_, err = io.Copy(io.Discard, resp.Body)
		require.ErrorIs(t, err, context.Canceled)
		assert.Zero(t, c.Stats().Leases, "a read error ends the lease, before Close")
		require.NoError(t, resp.Body.Close())
	})
}

// endless answers the first bytes of a body that never ends.
func endless(w http.ResponseWriter, r *http.Request) {
	_, _ = io.WriteString(w, "begin")
	_ = http.NewResponseController(w).Flush()
	<-r.Context().Done()
}

func TestCanceledContextSpendsNoConnection(t *testing.T) {
	forEach(t, allKinds, func(t *testing.T, k kind) {
		s := serve(t, k, echo)
		c := newClient(t, k, s, httpconn.Config{})
		c.mustGet(s.URL)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		body := &closeCounter{Reader: http.NoBody}
		_, err := c.http.Do(request(ctx, t, http.MethodPost, s.URL, body))
		require.ErrorIs(t, err, context.Canceled)
		assert.Equal(t, 1, body.times())
		c.mustGet(s.URL)
		assert.Equal(t, 1, c.wires.dialled())
	})
}

func TestConnectionGotTooLateIsNotSpent(t *testing.T) {
	forEach(t, allKinds, func(t *testing.T, k kind) {
		s := serve(t, k, echo)
		c := newClient(t, k, s, httpconn.Config{MaxConnsPerHost: 1})
		c.mustGet(s.URL)
		ctx, cancel := context.WithCancel(t.Context())
		ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { cancel() }})
		_, err := c.http.Do(request(ctx, t, http.MethodGet, s.URL, nil))
		require.ErrorIs(t, err, context.Canceled)
		assert.Zero(t, c.Stats().Leases)
		c.mustGet(s.URL)
		assert.Equal(t, 1, c.wires.dialled())
	})
}

func timedOut(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}

// What is canceled before it begins has nothing dialled for it.
func TestRequestCanceledBeforeItBeginsDialsNothing(t *testing.T) {
	forEach(t, allKinds, func(t *testing.T, k kind) {
		s := serve(t, k, proto)
		c := newClient(t, k, s, httpconn.Config{})
		canceled := make(chan struct{})
		close(canceled)
		for range 20 {
			req := request(t.Context(), t, http.MethodGet, s.URL, nil)
			req.Cancel = canceled //nolint:staticcheck // deprecated, and set by http.Client
			err := within(t, c.start(req), "end of the request").err
			require.EqualError(t, err, "net/http: request canceled")
		}
		require.Zero(t, c.Stats().Dials+c.Stats().DialsCanceled)
	})
}

func TestRequestCancelIsHonoured(t *testing.T) {
	forEach(t, allKinds, func(t *testing.T, k kind) {
		g := newGate()
		s := serve(t, k, g.ServeHTTP)
		c := newClient(t, k, s, httpconn.Config{})
		cancel := make(chan struct{})
		req := request(t.Context(), t, http.MethodGet, s.URL, nil)
		req.Cancel = cancel //nolint:staticcheck // deprecated, and set by http.Client
		ch := c.start(req)
		within(t, g.arrived, "request")
		close(cancel)
		err := within(t, ch, "end of the request").err
		require.EqualError(t, err, "net/http: request canceled")
		require.ErrorIs(t, err, context.Canceled)
	})
}
