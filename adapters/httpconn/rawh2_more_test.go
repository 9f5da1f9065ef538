package httpconn_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/berth-go/berth/adapters/httpconn"
)

func TestFewerStreamsAreHeededAtOnce(t *testing.T) {
	arrived := make(chan func(), 100) // each answers its request
	s := newRawHTTP2(t, func(c *rawConn, n int, stream uint32) {
		if n == 0 {
			c.ok(stream)
			c.streams(1)
			return
		}
		arrived <- func() { c.ok(stream) }
	}, func(s *rawHTTP2) {
		s.acked = make(chan struct{}, 10)
		s.begin = func(c *rawConn) { c.streams(10) }
	})
	c := newClient(t, plain2, nil, httpconn.Config{MaxConnsPerHost: 1})
	require.NoError(t, within(t, c.start(post(t, s.url)), "response").err)
	for range 2 {
		within(t, s.acked, "acknowledgement of SETTINGS")
	}
	var results []<-chan result
	for range 5 {
		results = append(results, c.start(post(t, s.url)))
	}
	c.waiting(4)
	for range results {
		answer := within(t, arrived, "request")
		assert.Empty(t, arrived, "one at a time")
		answer()
	}
	for _, ch := range results {
		require.NoError(t, within(t, ch, "response").err)
	}
	conns, requests := s.counts()
	assert.Equal(t, 1, conns)
	assert.Equal(t, 6, requests)
}

// A server may say goodbye at any moment, and no request is lost or sent twice.
func TestGoodbyeAtEveryPoint(t *testing.T) {
	for name, point := range map[string]struct {
		begin  func(*rawConn)                     // of the first connection
		answer func(c *rawConn, n, stream uint32) // of its requests
		lost   bool                               // the first request fails
		ends   bool                               // the server ends the connection at once
	}{
		"before the SETTINGS": {begin: func(c *rawConn) {
			c.frame(frameSettings, 0, connectionFrame)
			c.goAway(0, codeNo)
		}},
		"before an answer": {answer: func(c *rawConn, _, stream uint32) {
			c.goAway(stream, codeNo)
			c.ok(stream)
		}},
		"between header and body": {answer: func(c *rawConn, _, stream uint32) {
			c.begin(stream)
			c.goAway(stream, codeNo)
			c.frame(frameData, flagEndStream, stream, 'o', 'k')
		}},
		"twice": {answer: func(c *rawConn, _, stream uint32) {
			c.goAway(1<<31-1, codeNo)
			c.goAway(stream, codeNo)
			c.ok(stream)
		}},
		"after an answer": {answer: func(c *rawConn, _, stream uint32) {
			c.ok(stream)
			c.goAway(stream, codeNo)
		}},
		"after an answer, and then the end": {answer: func(c *rawConn, _, stream uint32) {
			c.ok(stream)
			c.goAway(stream, codeNo)
			_ = c.Close()
		}, ends: true},
		"in the middle of a body, and then the end": {answer: func(c *rawConn, _, stream uint32) {
			c.begin(stream)
			c.frame(frameData, 0, stream, 'o')
			c.goAway(stream, codeNo)
			_ = c.Close()
		}, lost: true, ends: true},
	} {
		t.Run(name, func(t *testing.T) {
			var mu sync.Mutex
			answered := 0
			s := newRawHTTP2(t, func(c *rawConn, n int, stream uint32) {
				if c.number == 0 && (point.begin != nil || n > 0) {
					return // it has said that it does not look at this one
				}
				mu.Lock()
				answered++
				mu.Unlock()
				if c.number == 0 {
					point.answer(c, uint32(n), stream) //nolint:gosec // small
					return
				}
				c.ok(stream)
			}, func(s *rawHTTP2) {
				s.begin = func(c *rawConn) {
					if c.number == 0 && point.begin != nil {
						point.begin(c)
						return
					}
					c.frame(frameSettings, 0, connectionFrame)
				}
			})
			c := newClient(t, plain2, nil, httpconn.Config{MaxConnsPerHost: 1})
			for i := range 4 {
				err := within(t, c.start(post(t, s.url)), "response").err
				if point.lost && i == 0 {
					require.Error(t, err)
				} else {
					require.NoError(t, err, i)
				}
				if point.ends {
					// A POST that is under way when the connection ends may be lost: nobody can
					// know whether the server has it.
					until(t, "end seen", func() bool { return c.Stats().Closes.Total() == 1 })
				}
			}
			mu.Lock()
			defer mu.Unlock()
			assert.Equal(t, 4, answered)
			conns, _ := s.counts()
			assert.Equal(t, 2, conns)
		})
	}
}

func TestServerThatAlwaysSaysGoodbyeIsNotDialledForEver(t *testing.T) {
	s := newRawHTTP2(t, func(*rawConn, int, uint32) {}, func(s *rawHTTP2) {
		s.begin = func(c *rawConn) {
			c.frame(frameSettings, 0, connectionFrame)
			c.goAway(0, codeNo)
		}
	})
	c := newClient(t, plain2, nil, httpconn.Config{MaxConnsPerHost: 1})
	require.Error(t, within(t, c.start(post(t, s.url)), "end of the request").err)
	assert.LessOrEqual(t, c.wires.dialled(), 10)
}

func TestServerThatSaysGoodbyeToEachStreamIsNotDialledForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t)
		s := b.raw(func(c *rawConn, _ int, _ uint32) { c.goAway(0, codeNo) })
		c := b.client(plain2, nil, httpconn.Config{MaxConnsPerHost: 1})
		require.Error(t, (<-c.start(post(t, s.url))).err)
		assert.Equal(t, 4, c.wires.dialled())
	})
}

// Back ends that are being replaced say goodbye to a stream which they have not looked at;
// the next one serves it, whatever its method. A burst on such a connection is served
// whole.
func TestFreshGoodbyesLoseNoRequest(t *testing.T) {
	for _, burst := range []int{1, 10} {
		t.Run(fmt.Sprint(burst), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBubble(t)
				s := b.raw(func(c *rawConn, _ int, stream uint32) {
					if c.number < 3 {
						c.goAway(0, codeNo)
						return
					}
					c.ok(stream)
				})
				c := b.client(plain2, nil, httpconn.Config{})
				start := time.Now()
				var results []<-chan result
				for range burst {
					results = append(results, c.start(post(t, s.url)))
				}
				for _, r := range results {
					require.NoError(t, (<-r).err)
				}
				conns, _ := s.counts()
				assert.Equal(t, 4, conns)
				assert.LessOrEqual(t, time.Since(start), 4*time.Second, "pauses of one second and two")
			})
		})
	}
}

// Streams that were canceled, of a server that acknowledges nothing, do not fill a
// connection for ever where pings are off.
func TestConnectionFullOfNobodysStreamsIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t)
		s := b.raw(func(c *rawConn, _ int, stream uint32) {
			if c.number > 0 {
				c.ok(stream)
			}
		}, func(s *rawHTTP2) {
			s.mute = true
			s.begin = func(c *rawConn) { c.streams(2) }
		})
		c := b.client(plain2, nil, httpconn.Config{MaxConnsPerHost: 1, PingInterval: httpconn.NoLimit})
		for range 2 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			require.Error(t, (<-c.start(post(t, s.url).WithContext(ctx))).err)
			cancel()
		}
		start := time.Now()
		require.NoError(t, (<-c.start(post(t, s.url))).err)
		assert.LessOrEqual(t, time.Since(start), 2*time.Minute)
	})
}

func TestStreamResetInTheBodyIsAnErrorOfTheBody(t *testing.T) {
	s := newRawHTTP2(t, func(c *rawConn, n int, stream uint32) {
		if n > 0 {
			c.ok(stream)
			return
		}
		c.begin(stream)
		c.frame(frameData, 0, stream, 'h', 'a')
		c.reset(stream, codeInternal)
	})
	c := newClient(t, plain2, nil, httpconn.Config{})
	resp, err := c.http.Get(s.url)
	require.NoError(t, err)
	body, err := io.ReadAll(resp.Body)
	assert.LessOrEqual(t, len(body), 2)
	require.Error(t, err)
	assert.Zero(t, c.Stats().Leases)
	require.NoError(t, resp.Body.Close())
	c.mustGet(s.url)
	conns, _ := s.counts()
	assert.Equal(t, 1, conns, "a stream ends alone")
}

// Whatever comes, the request ends with an error, its connection is closed, and
// the next request gets another.
func TestBrokenFramesEndTheConnection(t *testing.T) {
	for name, answer := range map[string]func(c *rawConn, stream uint32){
		"half a frame":              func(c *rawConn, _ uint32) { _, _ = c.Write([]byte{0, 0, 9, 1, 4}); _ = c.Close() },
		"a header that is no HPACK": func(c *rawConn, stream uint32) { c.frame(frameHeaders, flagEndHeaders, stream, 0xff, 0xff, 0xff) },
		"data before a header":      func(c *rawConn, stream uint32) { c.frame(frameData, 0, stream, 'x') },
		"a stream of nobody's":      func(c *rawConn, stream uint32) { c.frame(frameHeaders, flagEndHeaders, stream+100, 0x88) },
		"a frame that is too long":  func(c *rawConn, _ uint32) { _, _ = c.Write([]byte{0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 1}) },
		"HTTP/1": func(c *rawConn, _ uint32) {
			_, _ = io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n")
			_ = c.Close()
		},
		"a reset": func(c *rawConn, _ uint32) {
			_ = c.Conn.(*net.TCPConn).SetLinger(0)
			_ = c.Close()
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newRawHTTP2(t, func(c *rawConn, n int, stream uint32) {
				if n > 0 {
					c.ok(stream)
					return
				}
				answer(c, stream)
			})
			c := newClient(t, plain2, nil, httpconn.Config{MaxConnsPerHost: 1, DialTimeout: patience}, func(tr *http.Transport) {
				tr.ResponseHeaderTimeout = 200 * time.Millisecond // where a frame is just ignored
			})
			require.Error(t, within(t, c.start(post(t, s.url)), "end of the request").err)
			require.NoError(t, within(t, c.start(post(t, s.url)), "response").err)
			assert.LessOrEqual(t, c.wires.mostOpen(), 1)
		})
	}
}
