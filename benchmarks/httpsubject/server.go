package httpsubject

import (
	"crypto/x509"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"time"
)

// answer is what each server says.
const answer = "hello, berth\n"

const longWait = time.Minute

// A Server counts the connections that clients have opened to it.
type Server struct {
	URL string

	addr   string
	roots  *x509.CertPool // nil: no TLS
	server *httptest.Server
	opened atomic.Int64
}

// Conns returns how many connections have been opened so far.
func (s *Server) Conns() int64 { return s.opened.Load() }

// Close ends the server and its connections.
func (s *Server) Close() {
	s.server.CloseClientConnections()
	s.server.Close()
}

// A Handler may wait before it answers. nil: it does not.
type Handler func(*http.Request)

func newServer(wait Handler) *Server {
	s := &Server{}
	s.server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if wait != nil {
			wait(r)
		}
		_, _ = io.WriteString(w, answer)
	}))
	s.server.Config.ErrorLog = log.New(io.Discard, "", 0) // clients drop connections as they like
	s.server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			s.opened.Add(1)
		}
	}
	return s
}

// NewHTTP1 starts a server for HTTP/1.1 without TLS.
func NewHTTP1() *Server {
	s := newServer(nil)
	s.server.Start()
	s.URL, s.addr = s.server.URL, strings.TrimPrefix(s.server.URL, "http://")
	return s
}

// NewHTTP2 starts a server for HTTP/2 over TLS whose connections carry so many
// streams at once.
func NewHTTP2(streams int, wait Handler) *Server {
	s := newServer(wait)
	s.server.EnableHTTP2 = true
	s.server.Config.HTTP2 = &http.HTTP2Config{MaxConcurrentStreams: streams}
	s.server.StartTLS()
	s.URL, s.addr = s.server.URL, strings.TrimPrefix(s.server.URL, "https://")
	s.roots = x509.NewCertPool()
	s.roots.AddCert(s.server.Certificate())
	return s
}
