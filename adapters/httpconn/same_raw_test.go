package httpconn_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// A rawServer speaks HTTP/1 as no decent server does: it answers each request of
// a connection with the next of some texts, whatever they are. A text may be
// followed by an end of the connection; after the last one it ends anyway.
type step struct {
	text string
	end  string // "": the next request; close, reset, or hold until the client closes
}

// rawServe returns the address of a server that plays the steps on each connection.
func rawServe(t *testing.T, steps ...step) (addr string) {
	t.Helper()
	return listen(t, play(steps))
}

// play is what it does on a connection.
func play(steps []step) func(net.Conn) {
	return func(c net.Conn) {
		defer func() { _ = c.Close() }()
		r := bufio.NewReader(c)
		for _, s := range steps {
			if _, err := http.ReadRequest(r); err != nil {
				return
			}
			_, _ = io.WriteString(c, s.text)
			switch s.end {
			case "close":
				return
			case "reset":
				_ = c.(*net.TCPConn).SetLinger(0)
				return
			case "hold":
				_, _ = io.Copy(io.Discard, r)
				return
			}
		}
	}
}

const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

func TestSameAnswersOfServersThatMisbehave(t *testing.T) {
	get := func(method string, steps ...step) func(*session) {
		addr := rawServe(t, steps...)
		return func(s *session) {
			for range 2 {
				req := s.request(method, "/", nil)
				req.URL.Host = addr
				req.Host = addr
				s.do(req)
			}
		}
	}
	var all scenarios
	for _, tt := range []struct {
		name, method string
		step
	}{
		{"not HTTP", "GET", step{"SSH-2.0-x\r\n\r\n", "close"}},
		{"a later version", "GET", step{"HTTP/3.7 200 OK\r\n\r\n", "close"}},
		{"HTTP/2 instead", "GET", step{"\x00\x00\x00\x04\x00\x00\x00\x00\x00", "close"}},
		{"a bad status", "GET", step{"HTTP/1.1 xyz Bad\r\n\r\n", "close"}},
		{"half a status line", "GET", step{"HTTP/1.1 20", "close"}},
		{"half a header", "GET", step{"HTTP/1.1 200 OK\r\nA: ", "close"}},
		{"half a header and a reset", "GET", step{"HTTP/1.1 200 OK\r\nA: ", "reset"}},
		{"a header without a colon", "GET", step{"HTTP/1.1 200 OK\r\nbad\r\n\r\n", "close"}},
		{"nothing", "GET", step{"", "close"}},
		{"a reset", "GET", step{"", "reset"}},
		{"nothing for a POST", "POST", step{"", "close"}},
		{"a short body", "GET", step{"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort", "close"}},
		{"two lengths", "GET", step{"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok", "close"}},
		{"a negative length", "GET", step{"HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nok", "close"}},
		{"a length and chunks", "GET", step{"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", "close"}},
		{"bad chunks", "GET", step{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nok\r\n", "close"}},
		{"half a chunk", "GET", step{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nok", "close"}},
		{"chunks without their end", "GET", step{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n", "close"}},
		{"a bad encoding", "GET", step{"HTTP/1.1 200 OK\r\nTransfer-Encoding: rot13\r\n\r\nok", "close"}},
		{"a body until the end", "GET", step{"HTTP/1.1 200 OK\r\n\r\nok", "close"}},
		{"HTTP/1.0", "GET", step{"HTTP/1.0 200 OK\r\n\r\nok", "close"}},
		{"HTTP/1.0 with keep-alive", "GET", step{"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok", "close"}},
		{"1xx without end", "GET", step{strings.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", 3), "close"}},
		{"100 unasked for", "GET", step{"HTTP/1.1 100 Continue\r\n\r\n" + ok, "close"}},
		{"101 unasked for", "GET", step{"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", "close"}},
		{"no reason", "GET", step{"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok", "close"}},
		{"bare newlines", "GET", step{"HTTP/1.1 200 OK\nContent-Length: 2\n\nok", "close"}},
		{"folded lines", "GET", step{"HTTP/1.1 200 OK\r\nA: b\r\n c\r\nContent-Length: 2\r\n\r\nok", "close"}},
		{"good, then nothing", "GET", step{ok, ""}},
	} {
		all = append(all, scenario{name: tt.name, run: get(tt.method, tt.step), noWire: true})
	}
	// The first answer is good, and what comes then is the stale connection's.
	for _, end := range []string{"close", "reset"} {
		for _, method := range []string{"GET", "HEAD", "DELETE"} {
			first := ok
			if method == "HEAD" {
				first = strings.TrimSuffix(ok, "ok")
			}
			all = append(all, scenario{
				name: method + " on a connection that ends: " + end,
				run:  get(method, step{first, ""}, step{"", end}), noWire: true,
			})
		}
	}
	// Whether the end of a connection is seen before the next request is sent, or
	// only after, is a matter of timing; so is what comes behind an answer, which
	// is therefore not among these.
	runSame(t, all.untraced().with([]kind{plain1}, describe))
}

func TestSameServerThatNeverAnswers(t *testing.T) {
	get := func(scheme string, what step) func(*session) {
		return func(s *session) {
			req := s.request("GET", "/", nil)
			req.URL.Host, req.URL.Scheme = listenOn(s.T, s.bubble.listen(), play([]step{what})), scheme
			began := time.Now()
			s.do(req)
			s.note("after %v", time.Since(began).Round(100*time.Millisecond))
		}
	}
	hurry := func(tr *http.Transport) {
		tr.ResponseHeaderTimeout, tr.TLSHandshakeTimeout = 2*time.Second, time.Second
	}
	runSame(t, scenarios{
		{name: "nothing", run: get("http", step{"", "hold"}), tune: hurry, noWire: true},
		{name: "half a header", run: get("http", step{"HTTP/1.1 200 OK\r\nA:", "hold"}), tune: hurry, noWire: true},
		{name: "no TLS", run: get("https", step{"", "hold"}), tune: hurry, noWire: true},
		{name: "no TLS but HTTP", run: get("https", step{ok, "hold"}), noWire: true},
	}.untraced().inBubbles().with([]kind{plain1}, describe))
}
