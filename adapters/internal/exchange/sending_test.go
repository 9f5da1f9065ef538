package exchange_test

import (
	"context"
	"net/http"
	"net/http/httptrace"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/berth-go/berth/adapters/internal/exchange"
)

func traceIn(req *http.Request) *httptrace.ClientTrace {
	return httptrace.ContextClientTrace(req.Context())
}

// The trace of an attempt must not be built on that of the attempt before.
func TestTraceOfTheCallerHearsEachAttemptOnce(t *testing.T) {
	wrote, firstBytes, sent := 0, 0, 0
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
		WroteHeaders:         func() { wrote++ },
		GotFirstResponseByte: func() { firstBytes++ },
		WroteRequest:         func(httptrace.WroteRequestInfo) { sent++ },
	})
	c := newCall(t, newRequest(ctx, t, http.MethodGet, nil))
	c.Keep(&exchange.Sending{})
	for attempt := 1; attempt <= 3; attempt++ {
		_, failure := c.Attempt(connFunc{func(req *http.Request) (*http.Response, error) {
			traceIn(req).WroteHeaders()
			traceIn(req).WroteRequest(httptrace.WroteRequestInfo{})
			if attempt == 3 {
				traceIn(req).GotFirstResponseByte()
			}
			return nil, errBroken
		}, errBroken}, exchange.Attempt{Used: true, Shared: true})
		require.NotNil(t, failure)
		assert.Equal(t, attempt < 3, failure.Retry)
		assert.Equal(t, attempt, wrote)
		assert.Equal(t, attempt, sent)
		assert.Equal(t, attempt/3, firstBytes)
	}
	require.Error(t, c.Fail(errBroken))
}

// Where the caller has no trace, the one of the attempt needs no context of its own.
func TestSendingAnswersForItsTraceAndItsContextForTheRest(t *testing.T) {
	type key struct{}
	ctx := context.WithValue(t.Context(), key{}, "value")
	s, req := exchange.SendingOf(newRequest(ctx, t, http.MethodGet, nil))
	assert.Equal(t, ctx, s.Context)
	assert.Equal(t, "value", req.Context().Value(key{}))
	turn := make(chan struct{}, 1)
	turn <- struct{}{}
	s.Hold(turn)
	traceIn(req).WroteHeaders()
	assert.Empty(t, turn)

	wrote := 0
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteHeaders: func() { wrote++ }})
	s, req = exchange.SendingOf(newRequest(ctx, t, http.MethodGet, nil))
	turn <- struct{}{}
	s.Hold(turn)
	traceIn(req).WroteHeaders()
	assert.Empty(t, turn)
	assert.Equal(t, 1, wrote)
}

func TestTurnEndsOnceWithTheHeaderOrWithBegun(t *testing.T) {
	for name, ends := range map[string][]func(*exchange.Sending, *http.Request){
		"header written": {func(_ *exchange.Sending, req *http.Request) { traceIn(req).WroteHeaders() }},
		"Begun":          {func(s *exchange.Sending, _ *http.Request) { s.Begun() }},
		"both": {
			func(_ *exchange.Sending, req *http.Request) { traceIn(req).WroteHeaders() },
			func(s *exchange.Sending, _ *http.Request) { s.Begun() },
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, req := exchange.SendingOf(newRequest(t.Context(), t, http.MethodGet, nil))
			s.Begun() // has no turn yet
			turn := make(chan struct{}, 2)
			turn <- struct{}{}
			turn <- struct{}{} // of another request
			s.Hold(turn)
			for _, end := range ends {
				end(s, req)
			}
			assert.Len(t, turn, 1)
		})
	}
}

// A connection may be built on another, and both may ask for the turn.
func TestSendingOfACallIsGivenOnce(t *testing.T) {
	c := newCall(t, newRequest(t.Context(), t, http.MethodGet, nil))
	_, failure := c.Attempt(connFunc{func(req *http.Request) (*http.Response, error) {
		outer, same := exchange.SendingOf(req)
		assert.Same(t, req, same)
		assert.Equal(t, req.Context(), outer)
		inner, below := exchange.SendingOf(req)
		assert.NotSame(t, outer, inner)
		assert.Equal(t, below.Context(), inner)

		outerTurn, innerTurn := make(chan struct{}, 1), make(chan struct{}, 1)
		outerTurn <- struct{}{}
		innerTurn <- struct{}{}
		outer.Hold(outerTurn)
		inner.Hold(innerTurn)
		traceIn(below).WroteHeaders()
		assert.Empty(t, outerTurn)
		assert.Empty(t, innerTurn)
		return nil, errBroken
	}, nil}, exchange.Attempt{Shared: true})
	require.NotNil(t, failure)
	require.Error(t, c.Fail(failure.Err))
}
