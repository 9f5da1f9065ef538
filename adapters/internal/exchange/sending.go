package exchange

import (
	"context"
	"net/http"
	"net/http/httptrace"

	"go.uber.org/atomic"
)

// Sending is the context of one attempt on a connection that others use at the
// same time, and what the connection tells of the attempt by the trace in it. An
// attempt has one of its own: the connection may still look at it when the next
// one has begun.
type Sending struct {
	context.Context

	trace     httptrace.ClientTrace
	traces    bool        // it is the trace of s itself; else of its context
	firstByte atomic.Bool // of a response has come; kept only if asked for

	taken atomic.Bool // by SendingOf: a connection may be built on another that asks too

	// The turn of the request to begin on the connection, from Hold until its
	// header is written. The connection gets the request after Hold.
	turn  <-chan struct{}
	holds atomic.Bool
}

// sendingKey is the key of a Sending among the values of its context.
type sendingKey struct{}

// begin makes s a context under ctx. withFirstByte says whether firstByte is of
// interest.
func (s *Sending) begin(ctx context.Context, withFirstByte bool) {
	s.trace.WroteHeaders = s.Begun
	if withFirstByte {
		s.trace.GotFirstResponseByte = s.gotFirstByte
	}
	if s.traces = traceKey != nil && httptrace.ContextClientTrace(ctx) == nil; s.traces {
		s.Context = ctx
		return
	}
	s.Context = httptrace.WithClientTrace(ctx, &s.trace) // and calls that of ctx
}

// immutable: the key of a trace among the values of a context, as package httptrace asks
// for it; nil: it asks in another way. A Sending that answers for itself needs no context
// for its trace.
var traceKey = func() any {
	p := &keyProbe{Context: context.Background()}
	httptrace.ContextClientTrace(p)
	return p.asked
}()

// keyProbe notes which value it is asked for.
type keyProbe struct {
	context.Context

	asked any
}

func (p *keyProbe) Value(key any) any {
	p.asked = key
	return nil
}

// SendingOf returns the Sending that the context of req has, and req. If there is
// none, or it was returned before, it returns a new one and a copy of req with it.
func SendingOf(req *http.Request) (*Sending, *http.Request) {
	if s, ok := req.Context().Value(sendingKey{}).(*Sending); ok && !s.taken.Swap(true) {
		return s, req
	}
	s := &Sending{}
	s.begin(req.Context(), false)
	s.taken.Store(true)
	return s, req.WithContext(s)
}

// Value is that of a context.
func (s *Sending) Value(key any) any {
	switch {
	case key == (sendingKey{}):
		return s
	case s.traces && key == traceKey:
		return &s.trace
	}
	return s.Context.Value(key)
}

// Hold says that the request has its turn, which ends with a receive from turn:
// when the header is written, or by Begun.
func (s *Sending) Hold(turn <-chan struct{}) {
	s.turn = turn
	s.holds.Store(true)
}

// Begun ends the turn of the request, if it has not ended.
func (s *Sending) Begun() {
	if s.holds.Swap(false) {
		<-s.turn
	}
}

func (s *Sending) gotFirstByte() { s.firstByte.Store(true) }
