package httpconn_test

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// describe answers with what the server saw of the request.
func describe(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	w.Header().Set("Trailer", "Sum")
	_, _ = fmt.Fprintf(w, "%s %s %s host %q length %d %v\n%v\n%q %v\n%v\n", r.Method, r.RequestURI, r.Proto,
		r.Host, r.ContentLength, r.TransferEncoding, r.Header, body, err, r.Trailer)
	w.Header().Set("Sum", fmt.Sprint(len(body)))
}

// stream is a reader of which nothing is known.
type stream struct{ io.Reader }

func TestSameRequestsOnTheWire(t *testing.T) {
	each := func(f func(*http.Request), method, path string, body func() io.Reader) func(*session) {
		return func(s *session) {
			for range 2 { // the second one on a connection that is there
				var b io.Reader
				if body != nil {
					b = body()
				}
				req := s.request(method, path, b)
				if f != nil {
					f(req)
				}
				s.do(req)
			}
		}
	}
	text := func() io.Reader { return strings.NewReader("some text") }
	streamed := func() io.Reader { return stream{strings.NewReader("some text")} }
	set := func(k string, v ...string) func(*http.Request) {
		return func(r *http.Request) { r.Header[k] = v }
	}
	runSame(t, scenarios{
		{name: "GET", run: each(nil, "GET", "/a?b=c", nil)},
		{name: "HEAD", run: each(nil, "HEAD", "/", nil)},
		{name: "DELETE", run: each(nil, "DELETE", "/", nil)},
		{name: "an own method", run: each(nil, "PURGE", "/", nil)},
		{name: "no method", run: each(func(r *http.Request) { r.Method = "" }, "GET", "/", nil)},
		{name: "a body in memory", run: each(nil, "POST", "/", text)},
		{name: "a body in memory without its length", run: each(func(r *http.Request) { r.ContentLength = -1 }, "POST", "/", text)},
		{name: "a body of unknown length", run: each(nil, "POST", "/", streamed)},
		{name: "a body with its length", run: each(func(r *http.Request) { r.ContentLength = 9 }, "PUT", "/", streamed)},
		{name: "a body of a GET", run: each(nil, "GET", "/", text)},
		{name: "an empty body", run: each(nil, "POST", "/", func() io.Reader { return stream{strings.NewReader("")} })},
		{name: "NoBody", run: each(nil, "POST", "/", func() io.Reader { return http.NoBody })},
		{name: "a POST without a body", run: each(nil, "POST", "/", nil)},
		{name: "a User-Agent", run: each(set("User-Agent", "me"), "GET", "/", nil)},
		{name: "no User-Agent", run: each(set("User-Agent", ""), "GET", "/", nil)},
		{name: "a Host", run: each(func(r *http.Request) { r.Host = "other.example" }, "GET", "/", nil)},
		{name: "an opaque URL", run: each(func(r *http.Request) { r.URL.Opaque = "//x.example/path" }, "GET", "/", nil)},
		{name: "Accept-Encoding", run: each(set("Accept-Encoding", "gzip"), "GET", "/", nil)},
		{name: "a range", run: each(set("Range", "bytes=1-2"), "GET", "/", nil)},
		{name: "odd header names", run: each(set("x-lower", "1", "2"), "GET", "/", nil)},
		{name: "a fragment and a user", run: each(func(r *http.Request) { r.URL.Fragment = "f" }, "GET", "/%2f/x", nil)},
		{name: "request trailers", run: each(func(r *http.Request) {
			r.Trailer = http.Header{"End": {"of text"}}
		}, "POST", "/", streamed)},
		{name: "trailers set while the body is read", run: each(func(r *http.Request) {
			r.Trailer = http.Header{"Late": nil}
			r.Body = io.NopCloser(io.MultiReader(r.Body, readerFunc(func([]byte) (int, error) {
				r.Trailer.Set("Late", "yes")
				return 0, io.EOF
			})))
		}, "POST", "/", streamed)},
		{name: "an idempotency key without a value", run: each(set("X-Idempotency-Key"), "POST", "/", text)},
		{name: "no compression", tune: func(tr *http.Transport) { tr.DisableCompression = true }, run: each(nil, "GET", "/", nil)},
		{name: "Expect", tune: func(tr *http.Transport) { tr.ExpectContinueTimeout = patience }, run: each(set("Expect", "100-continue"), "POST", "/", streamed)},
		{name: "Expect without waiting", run: each(set("Expect", "100-continue"), "POST", "/", streamed)},
	}.with(allKinds, describe))
	runSame(t, scenarios{
		{name: "closed by the caller", run: each(func(r *http.Request) { r.Close = true }, "GET", "/", nil)},
		{name: "closed by a header", run: each(set("Connection", "close"), "GET", "/", nil)},
		{name: "no keep-alive", tune: func(tr *http.Transport) { tr.DisableKeepAlives = true }, run: each(nil, "GET", "/", nil)},
		{name: "no keep-alive with a body", tune: func(tr *http.Transport) { tr.DisableKeepAlives = true }, run: each(nil, "POST", "/", text)},
		{name: "none idle", tune: func(tr *http.Transport) { tr.MaxIdleConnsPerHost = -1 }, run: each(nil, "GET", "/", nil)},
		{name: "small buffers", tune: func(tr *http.Transport) { tr.WriteBufferSize, tr.ReadBufferSize = 16, 16 }, run: each(nil, "POST", "/", text)},
	}.with(http1, describe))
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func TestSameResponses(t *testing.T) {
	get := func(s *session) {
		for range 2 {
			s.do(s.request("GET", "/", nil))
		}
	}
	runSame(t, scenarios{
		{name: "gzip", serve: gzipped, run: get},
		{name: "gzip asked for by the caller", serve: gzipped, run: func(s *session) {
			req := s.request("GET", "/", nil)
			req.Header.Set("Accept-Encoding", "gzip")
			s.do(req)
		}},
		{name: "broken gzip", serve: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = io.WriteString(w, "not gzip at all")
		}, run: get},
		{name: "half of a gzip", serve: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			_, _ = io.WriteString(z, "text")
			_ = z.Flush()
		}, run: get},
		{name: "no content", serve: status(http.StatusNoContent), run: get},
		{name: "not modified", serve: status(http.StatusNotModified), run: get},
		{name: "an error of the server", serve: status(http.StatusInternalServerError), run: get},
		{name: "a long body", serve: func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, strings.Repeat("long ", 50_000))
		}, run: get},
		{name: "early hints", serve: func(w http.ResponseWriter, _ *http.Request) {
			for i := range 3 {
				w.Header().Set("Link", fmt.Sprint("<", i, ">"))
				w.WriteHeader(http.StatusEarlyHints)
			}
			_, _ = io.WriteString(w, "at last")
		}, run: get},
		{name: "an answer before the request's body is read", serve: func(w http.ResponseWriter, _ *http.Request) {
			_ = http.NewResponseController(w).EnableFullDuplex() // HTTP/2 always is
			w.WriteHeader(http.StatusForbidden)
			_ = http.NewResponseController(w).Flush()
		}, run: func(s *session) {
			r, w := io.Pipe()
			resp, err := s.rt.RoundTrip(s.request("POST", "/", r))
			require.NoError(s, err)
			s.note("%v", resp.StatusCode)
			_ = w.Close()
			_, _ = read(resp)
		}, noWire: true},
		{
			name: "Expect refused", serve: status(http.StatusExpectationFailed), tune: func(tr *http.Transport) { tr.ExpectContinueTimeout = patience },
			run: func(s *session) {
				req := s.request("POST", "/", stream{strings.NewReader("text")})
				req.Header.Set("Expect", "100-continue")
				s.do(req)
			}, noWire: true,
		},
		{name: "read after close", serve: describe, noTrace: true, run: func(s *session) {
			resp := s.send(s.request("GET", "/", nil))
			s.note("%v", resp.Body.Close())
			_, err := resp.Body.Read(make([]byte, 1))
			s.note("%v", err)
		}},
		{name: "read after the end", serve: describe, run: func(s *session) {
			resp := s.send(s.request("GET", "/", nil))
			s.read(resp)
			_, err := resp.Body.Read(make([]byte, 1))
			s.note("%v", err)
			s.note("%v", resp.Body.Close())
		}},
		{name: "a header over the limit", serve: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Big", strings.Repeat("x", 100_000))
		}, tune: func(tr *http.Transport) { tr.MaxResponseHeaderBytes = 10_000 }, run: get},
		{
			name: "no header in time", serve: func(_ http.ResponseWriter, r *http.Request) {
				<-r.Context().Done()
				panic(http.ErrAbortHandler)
			},
			tune: func(tr *http.Transport) { tr.ResponseHeaderTimeout = 20_000_000 }, run: get,
		},
	}.with(allKinds, nil))
}

func TestSameEndOfKeepAlive(t *testing.T) {
	runSame(t, scenarios{{
		name: "the server closes", serve: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Connection", "close")
			_, _ = io.WriteString(w, "bye")
		}, run: func(s *session) {
			for range 3 {
				s.do(s.request("GET", "/", nil))
			}
		},
	}}.with(http1, nil))
}

// eitherLoop makes two errors one. A request that cannot be written ends its HTTP/1
// connection, and then net/http's loop that writes says why, and the one that reads
// that the connection is closed: which of the two RoundTrip hears of is chance.
func (s *session) eitherLoop() {
	const (
		write = "error: net/http: HTTP/1.x transport connection broken: http: ContentLength=3 with Body length 2 (timeout false)"
		read  = "error: read tcp 127.0.0.1:*->127.0.0.1:*: use of closed network connection (timeout false, op read)"
	)
	for i, n := range s.notes {
		if n == read {
			s.notes[i] = write
		}
	}
}

func TestSameFailuresOfTheRequestsBody(t *testing.T) {
	send := func(body func() io.Reader, length int64) func(*session) {
		return func(s *session) {
			req := s.request("POST", "/", stream{body()})
			req.ContentLength = length
			s.do(req)
			s.eitherLoop()
		}
	}
	text := func(s string) func() io.Reader { return func() io.Reader { return strings.NewReader(s) } }
	bad := func() io.Reader { return readerFunc(func([]byte) (int, error) { return 0, errors.New("no disk") }) }
	half := func() io.Reader { return io.MultiReader(strings.NewReader("x"), bad()) }
	runSame(t, scenarios{
		{name: "Read fails", run: send(half, -1)},
		{name: "Read fails at once", run: send(bad, -1)},
		{name: "shorter than announced", run: send(text("ab"), 3)},
	}.with(allKinds, describe))
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}
