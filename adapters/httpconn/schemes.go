package httpconn

import (
	"maps"
	"net/http"
	"sync"

	"go.uber.org/atomic"

	"github.com/berth-go/berth/adapters/internal/exchange"
)

// schemes are the round trippers that somebody else has for URL schemes. They are
// read by every request and hardly ever written, so a write makes a new map.
type schemes struct {
	writing sync.Mutex
	known   atomic.Pointer[map[string]http.RoundTripper] // nil: none. The map is never changed
}

func (s *schemes) register(scheme string, rt http.RoundTripper) {
	s.writing.Lock()
	defer s.writing.Unlock()
	next := map[string]http.RoundTripper{}
	if old := s.known.Load(); old != nil {
		maps.Copy(next, *old)
	}
	if _, exists := next[scheme]; exists {
		panic("httpconn: protocol " + scheme + " already registered")
	}
	next[scheme] = rt
	s.known.Store(&next)
}

// of returns the round tripper for req, nil if the pool is to serve it. One for
// https speaks HTTP/2 or later, so it does not get a request that needs HTTP/1.
func (s *schemes) of(req *http.Request) http.RoundTripper {
	known := s.known.Load()
	if known == nil || req.URL == nil {
		return nil
	}
	if req.URL.Scheme == "https" && wantsHTTP1(req.Header) {
		return nil
	}
	return (*known)[req.URL.Scheme]
}

// RegisterProtocol makes rt serve requests with that scheme, as
// [http.Transport.RegisterProtocol] does: it panics if the scheme has one
// already, and an rt whose RoundTrip returns [http.ErrSkipAltProtocol] leaves the
// request to the Transport. Those registered with Config.Base are not known here.
func (t *Transport) RegisterProtocol(scheme string, rt http.RoundTripper) {
	t.schemes.register(scheme, rt)
}

// begin begins call with req and reports that it did. If it did not, another round
// tripper has served req, or req is wrong.
func (t *Transport) begin(call *exchange.Call, req *http.Request) (begun bool, resp *http.Response, err error) {
	if rt := t.schemes.of(req); rt != nil {
		return call.Divert(req, rt)
	}
	err = call.Begin(req)
	return err == nil, nil, err
}
