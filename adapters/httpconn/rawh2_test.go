package httpconn_test

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/berth-go/berth/adapters/httpconn"
)

// Frame types, flags and codes of RFC 9113.
const (
	frameData     = 0
	frameHeaders  = 1
	frameReset    = 3
	frameSettings = 4
	framePing     = 6
	frameGoAway   = 7

	flagAck         = 1 // of SETTINGS and PING
	flagEndStream   = 1 // of HEADERS
	flagEndHeaders  = 4
	codeNo          = 0
	codeProtocol    = 1
	codeInternal    = 2
	codeRefused     = 7
	connectionFrame = 0 // stream number of frames about the connection
)

// rawHTTP2 is a server that speaks just enough HTTP/2 to behave as no decent
// server can be made to. For each request, answer decides; n counts the requests
// over all connections, from 0.
type rawHTTP2 struct {
	url    string
	answer func(c *rawConn, n int, stream uint32)

	begin func(c *rawConn) // nil: SETTINGS without any
	mute  bool             // pings are not answered
	acked chan struct{}    // not nil: gets an acknowledgement of SETTINGS

	mu       sync.Mutex
	requests int
	conns    int
}

type rawConn struct {
	net.Conn
	number int // of the connection, from 0
}

func (c *rawConn) frame(kind, flags byte, stream uint32, payload ...byte) {
	h := []byte{0, byte(len(payload) >> 8), byte(len(payload)), kind, flags}
	h = binary.BigEndian.AppendUint32(h, stream)
	_, _ = c.Write(append(h, payload...))
}

// ok answers 200 without a body; 0x88 is ":status: 200" in HPACK.
func (c *rawConn) ok(stream uint32) {
	c.frame(frameHeaders, flagEndHeaders|flagEndStream, stream, 0x88)
}

// streams tells how many streams the server allows at once.
func (c *rawConn) streams(n byte) { c.frame(frameSettings, 0, connectionFrame, 0, 3, 0, 0, 0, n) }

// begin begins an answer of 200, to which data belongs.
func (c *rawConn) begin(stream uint32) { c.frame(frameHeaders, flagEndHeaders, stream, 0x88) }

func (c *rawConn) reset(stream uint32, code byte) { c.frame(frameReset, 0, stream, 0, 0, 0, code) }

func (c *rawConn) goAway(last uint32, code byte) {
	c.frame(frameGoAway, 0, connectionFrame, append(binary.BigEndian.AppendUint32(nil, last), 0, 0, 0, code)...)
}

func newRawHTTP2(t *testing.T, answer func(c *rawConn, n int, stream uint32), tune ...func(*rawHTTP2)) *rawHTTP2 {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	return rawHTTP2On(t, ln, answer, tune)
}

func rawHTTP2On(t *testing.T, ln net.Listener, answer func(c *rawConn, n int, stream uint32), tune []func(*rawHTTP2)) *rawHTTP2 {
	t.Helper()
	s := &rawHTTP2{url: "http://" + ln.Addr().String(), answer: answer}
	for _, f := range tune {
		f(s)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			rc := &rawConn{Conn: c, number: s.conns}
			s.conns++
			s.mu.Unlock()
			wg.Go(func() { s.serve(rc) })
		}
	})
	t.Cleanup(func() { _ = ln.Close(); wg.Wait() })
	return s
}

func (s *rawHTTP2) serve(c *rawConn) {
	defer func() { _ = c.Close() }()
	const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
	if _, err := io.ReadFull(c, make([]byte, len(preface))); err != nil {
		return
	}
	if s.begin != nil {
		s.begin(c)
	} else {
		c.frame(frameSettings, 0, connectionFrame)
	}
	for {
		h := make([]byte, 9)
		if _, err := io.ReadFull(c, h); err != nil {
			return
		}
		payload := make([]byte, int(h[0])<<16|int(h[1])<<8|int(h[2]))
		if _, err := io.ReadFull(c, payload); err != nil {
			return
		}
		switch kind, flags := h[3], h[4]; {
		case kind == frameHeaders:
			s.mu.Lock()
			n := s.requests
			s.requests++
			s.mu.Unlock()
			s.answer(c, n, binary.BigEndian.Uint32(h[5:]))
		case kind == frameSettings && flags&flagAck == 0:
			c.frame(frameSettings, flagAck, connectionFrame)
		case kind == frameSettings && s.acked != nil:
			s.acked <- struct{}{}
		case kind == framePing && flags&flagAck == 0 && !s.mute:
			c.frame(framePing, flagAck, connectionFrame, payload...)
		}
	}
}

func (s *rawHTTP2) counts() (conns, requests int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.conns, s.requests
}

func post(t *testing.T, url string) *http.Request {
	return request(t.Context(), t, http.MethodPost, url, strings.NewReader("x"))
}

func TestRefusedStreamIsSentAgainWhateverTheMethod(t *testing.T) {
	s := newRawHTTP2(t, func(c *rawConn, n int, stream uint32) {
		if n == 1 {
			c.reset(stream, codeRefused)
			return
		}
		c.ok(stream)
	})
	c := newClient(t, plain2, nil, httpconn.Config{})
	for range 2 {
		require.NoError(t, within(t, c.start(post(t, s.url)), "response").err)
	}
	conns, requests := s.counts()
	assert.Equal(t, 1, conns, "the connection is well")
	assert.Equal(t, 3, requests)
}

func TestResetStreamIsAnErrorAndTheConnectionStays(t *testing.T) {
	s := newRawHTTP2(t, func(c *rawConn, n int, stream uint32) {
		if n == 1 {
			c.reset(stream, codeInternal)
			return
		}
		c.ok(stream)
	})
	c := newClient(t, plain2, nil, httpconn.Config{})
	for i := range 3 {
		req := request(t.Context(), t, http.MethodGet, s.url, nil)
		assert.Equal(t, i == 1, within(t, c.start(req), "response").err != nil)
	}
	conns, requests := s.counts()
	assert.Equal(t, 1, conns)
	assert.Equal(t, 3, requests, "sent once each: the server may have acted on it")
}

func TestGoAwayMovesUnprocessedRequests(t *testing.T) {
	s := newRawHTTP2(t, func(c *rawConn, n int, stream uint32) {
		if n == 1 {
			c.goAway(stream-2, codeNo) // this stream was not looked at
			return
		}
		c.ok(stream)
	})
	c := newClient(t, plain2, nil, httpconn.Config{MaxConnsPerHost: 1})
	for range 3 {
		require.NoError(t, within(t, c.start(post(t, s.url)), "response").err)
	}
	conns, requests := s.counts()
	assert.Equal(t, 2, conns)
	assert.Equal(t, 4, requests)
}

func TestIdleGoAwayRetiresTheConnection(t *testing.T) {
	s := newRawHTTP2(t, func(c *rawConn, n int, stream uint32) {
		c.ok(stream)
		if n == 0 {
			c.goAway(stream, codeNo)
		}
	})
	c := newClient(t, plain2, nil, httpconn.Config{MaxConnsPerHost: 1})
	for range 3 {
		// One of these may be sent before the goodbye is read; it is not lost.
		require.NoError(t, within(t, c.start(post(t, s.url)), "response").err)
	}
	conns, _ := s.counts()
	assert.Equal(t, 2, conns)
}

func TestConnectionLostInFlightMovesReplayableRequests(t *testing.T) {
	const together = 10
	arrived := make(chan struct{}, 100)
	s := newRawHTTP2(t, func(c *rawConn, n int, stream uint32) {
		if c.number > 0 || n == 0 {
			c.ok(stream)
			return
		}
		arrived <- struct{}{}
		if n == together {
			_ = c.Close()
		}
	})
	c := newClient(t, plain2, nil, httpconn.Config{})
	require.NoError(t, within(t, c.start(post(t, s.url)), "response").err)
	var results []<-chan result
	for i := range together {
		results = append(results, c.start(request(t.Context(), t, http.MethodGet, fmt.Sprintf("%s/%d", s.url, i), nil)))
	}
	for _, ch := range results {
		require.NoError(t, within(t, ch, "response").err)
	}
	conns, _ := s.counts()
	assert.Equal(t, 2, conns, "all of them moved to one new connection")
}

func TestPostOnLostHTTP2ConnectionIsNotSentAgain(t *testing.T) {
	s := newRawHTTP2(t, func(c *rawConn, n int, stream uint32) {
		if n == 1 {
			_ = c.Close()
			return
		}
		c.ok(stream)
	})
	c := newClient(t, plain2, nil, httpconn.Config{})
	require.NoError(t, within(t, c.start(post(t, s.url)), "response").err)
	require.Error(t, within(t, c.start(post(t, s.url)), "response").err)
	_, requests := s.counts()
	assert.Equal(t, 2, requests)
}
