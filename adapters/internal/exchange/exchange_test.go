package exchange_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/berth-go/berth/adapters/internal/exchange"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// connFunc is a connection that does what the test says.
type connFunc struct {
	do  func(*http.Request) (*http.Response, error)
	err error
}

// silentConn is one that has not answered anybody.
type silentConn struct{ connFunc }

func (c connFunc) RoundTrip(req *http.Request) (*http.Response, error) { return c.do(req) }
func (c connFunc) Err() error                                          { return c.err }
func (connFunc) Answered() bool                                        { return true }
func (silentConn) Answered() bool                                      { return false }

var (
	errBroken = errors.New("connection reset")
	errWhy    = errors.New("the user went home")
)

func broken(*http.Request) (*http.Response, error) { return nil, errBroken }

// body is a request body that says what was done to it.
type body struct {
	io.Reader
	mu     sync.Mutex
	closes int
}

func newBody(s string) *body { return &body{Reader: strings.NewReader(s)} }

func (b *body) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closes++
	return nil
}

func (b *body) closed() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.closes
}

func newRequest(ctx context.Context, t *testing.T, method string, b io.Reader) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, method, "http://host.example/", b)
	require.NoError(t, err)
	return req
}

func newCall(t *testing.T, req *http.Request) *exchange.Call {
	t.Helper()
	c := &exchange.Call{}
	require.NoError(t, c.Begin(req))
	return c
}

// endings collects how exchanges ended.
type endings []exchange.Ending

func (e *endings) End(x exchange.Ending) { *e = append(*e, x) }

type endFunc func(exchange.Ending)

func (f endFunc) End(e exchange.Ending) { f(e) }

func respond(status int, b io.ReadCloser) connFunc {
	return connFunc{do: func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: status, Body: b}, nil
	}}
}

func TestExchangeEndsOnceWithTheBody(t *testing.T) {
	readErr := errors.New("lost half way")
	for name, tt := range map[string]struct {
		body io.Reader
		use  func(io.ReadCloser)
		want error
	}{
		"read to its end": {strings.NewReader("x"), func(b io.ReadCloser) { _, _ = io.ReadAll(b); _ = b.Close() }, nil},
		"closed early":    {strings.NewReader("x"), func(b io.ReadCloser) { _ = b.Close(); _ = b.Close() }, exchange.ErrBodyClosed},
		"read fails":      {io.MultiReader(strings.NewReader("x"), errReader{readErr}), func(b io.ReadCloser) { _, _ = io.ReadAll(b); _ = b.Close() }, readErr},
	} {
		t.Run(name, func(t *testing.T) {
			var ends endings
			c := newCall(t, newRequest(t.Context(), t, http.MethodGet, nil))
			resp, failure := c.Attempt(respond(200, io.NopCloser(tt.body)), exchange.Attempt{End: &ends})
			require.Nil(t, failure)
			assert.Empty(t, ends, "the body is still to be read")
			require.NoError(t, c.Context().Err())
			tt.use(resp.Body)
			assert.Equal(t, endings{{Err: tt.want}}, ends)
			assert.Error(t, c.Context().Err(), "the call is over")
		})
	}
}

// A connection that is done with the request at its end gets the request's own
// context. What it cannot know of, the call tells it by closing the body.
func TestExchangeOnTidyConnectionEndsWithoutTheContext(t *testing.T) {
	var ends endings
	b := &body{Reader: io.MultiReader(strings.NewReader("x"), errReader{errWhy}, strings.NewReader("y"))}
	c := newCall(t, newRequest(t.Context(), t, http.MethodGet, nil))
	resp, failure := c.Attempt(respond(200, b), exchange.Attempt{Shared: true, Tidy: true, End: &ends})
	require.Nil(t, failure)
	got, err := io.ReadAll(resp.Body)
	require.ErrorIs(t, err, errWhy)
	assert.Equal(t, "x", string(got))
	assert.Equal(t, endings{{Err: errWhy}}, ends)
	assert.Equal(t, 1, b.closed())
	assert.Equal(t, t.Context(), c.Context())
	_, err = resp.Body.Read(make([]byte, 1))
	require.ErrorIs(t, err, errWhy, "it stays the error")
	require.NoError(t, resp.Body.Close())
	assert.Len(t, ends, 1)
}

type errReader struct{ err error }

func (r errReader) Read([]byte) (int, error) { return 0, r.err }

func TestExchangeWithoutBodyEndsBeforeAttemptReturns(t *testing.T) {
	for name, b := range map[string]io.ReadCloser{"http.NoBody": http.NoBody, "nil": nil, "net/http's own": noBody{}} {
		t.Run(name, func(t *testing.T) {
			var ends endings
			c := newCall(t, newRequest(t.Context(), t, http.MethodGet, nil))
			resp, failure := c.Attempt(respond(204, b), exchange.Attempt{End: &ends})
			require.Nil(t, failure)
			assert.Equal(t, endings{{}}, ends)
			if b == nil {
				b = http.NoBody // no caller looks whether there is a body to close
			}
			assert.Equal(t, b, resp.Body, "as it came")
		})
	}
}

type noBody struct{}

func (noBody) Read([]byte) (int, error) { return 0, io.EOF }
func (noBody) Close() error             { return nil }

// A stream goes on sending the request after the whole response has come, and the
// end of the call's context would cut it off.
func TestSharedExchangeEndsWhenTheRequestIsSentToo(t *testing.T) {
	var ends endings
	b := newBody("x")
	c := newCall(t, newRequest(t.Context(), t, http.MethodPost, b))
	var sending io.ReadCloser
	resp, failure := c.Attempt(connFunc{do: func(req *http.Request) (*http.Response, error) {
		sending = req.Body
		return &http.Response{Body: io.NopCloser(strings.NewReader("early"))}, nil
	}}, exchange.Attempt{Shared: true, End: &ends})
	require.Nil(t, failure)
	_, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	assert.Empty(t, ends)
	require.NoError(t, c.Context().Err())
	require.NoError(t, sending.Close())
	assert.Equal(t, endings{{Aside: true}}, ends)
	assert.Equal(t, 1, b.closed())
}

func TestSwitchedProtocolKeepsTheMethodsOfTheBody(t *testing.T) {
	var ends endings
	raw := &rawBody{Reader: strings.NewReader("in")}
	c := newCall(t, newRequest(t.Context(), t, http.MethodGet, nil))
	resp, failure := c.Attempt(respond(101, raw), exchange.Attempt{End: &ends})
	require.Nil(t, failure)
	_, err := resp.Body.(io.Writer).Write([]byte("out"))
	require.NoError(t, err)
	require.NoError(t, resp.Body.(interface{ CloseWrite() error }).CloseWrite())
	assert.Equal(t, "out, half closed", raw.written.String())
	got, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	assert.Equal(t, "in", string(got))
	assert.Empty(t, ends, "the peer has ended; the caller may go on writing")
	require.NoError(t, resp.Body.Close())
	assert.Equal(t, endings{{Err: exchange.ErrBodyClosed, Upgraded: true}}, ends)
}

type rawBody struct {
	io.Reader
	written strings.Builder
}

func (b *rawBody) Write(p []byte) (int, error) { return b.written.Write(p) }
func (b *rawBody) Close() error                { return nil }
func (b *rawBody) CloseWrite() error           { b.written.WriteString(", half closed"); return nil }

func TestSwitchedProtocolEndsWhenTheFirstCloseHasReturned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ends endings
		raw := &hangingBody{hang: make(chan struct{})}
		c := newCall(t, newRequest(t.Context(), t, http.MethodGet, nil))
		resp, failure := c.Attempt(respond(101, raw), exchange.Attempt{End: &ends})
		require.Nil(t, failure)
		go func() { _ = resp.Body.Close() }()
		synctest.Wait()
		assert.ErrorIs(t, resp.Body.Close(), net.ErrClosed, "as it is said of the connection")
		assert.Empty(t, ends, "the connection is not closed yet")
		close(raw.hang)
		synctest.Wait()
		require.Equal(t, endings{{Err: exchange.ErrBodyClosed, Upgraded: true}}, ends)
	})
}

// hangingBody takes its time to close, and says meanwhile that it is closed, as a
// *tls.Conn does.
type hangingBody struct {
	rawBody
	closes int
	hang   chan struct{}
}

func (b *hangingBody) Close() error {
	if b.closes++; b.closes > 1 {
		return net.ErrClosed
	}
	<-b.hang
	return nil
}

func TestFailClosesTheBodyOnce(t *testing.T) {
	b := newBody("x")
	c := newCall(t, newRequest(t.Context(), t, http.MethodPost, b))
	_, failure := c.Attempt(connFunc{do: func(req *http.Request) (*http.Response, error) {
		_ = req.Body.Close() // as a connection may or may not have
		return nil, errBroken
	}, err: errBroken}, exchange.Attempt{Used: true})
	require.NotNil(t, failure)
	require.ErrorIs(t, c.Fail(failure.Err), errBroken)
	assert.Equal(t, 1, b.closed())
	assert.Error(t, c.Context().Err())
}

func TestWhatMayBeRepeated(t *testing.T) {
	dead := errors.New("dead")
	for name, tt := range map[string]struct {
		method string
		key    bool
		body   io.Reader
		used   bool
		alone  bool // the connection is not shared
		conn   connFunc
		want   bool
	}{
		"GET on a used connection":              {method: "GET", used: true, conn: connFunc{broken, dead}, want: true},
		"GET on a new connection":               {method: "GET", conn: connFunc{broken, dead}},
		"GET, and the connection is well":       {method: "GET", used: true, conn: connFunc{broken, nil}},
		"GET after a first byte":                {method: "GET", used: true, conn: connFunc{afterFirstByte, dead}},
		"GET that the server let wait too long": {method: "GET", used: true, conn: connFunc{tooSlow, dead}},
		"GET with a body to rewind":             {method: "GET", used: true, body: strings.NewReader("x"), conn: connFunc{readThenBroken, dead}, want: true},
		"GET with a body that is spent":         {method: "GET", used: true, body: newBody("x"), conn: connFunc{readThenBroken, dead}},
		"POST":                                  {method: "POST", used: true, conn: connFunc{broken, dead}},
		"POST with an idempotency key":          {method: "POST", key: true, used: true, conn: connFunc{broken, dead}, want: true},
		"POST with a key and a body to rewind":  {method: "POST", key: true, used: true, body: strings.NewReader("x"), conn: connFunc{broken, dead}, want: true},
		"POST that was not sent":                {method: "POST", used: true, conn: connFunc{notSent, dead}, want: true},
		"POST with an untouched body, not sent": {method: "POST", used: true, body: newBody("x"), conn: connFunc{notSent, dead}, want: true},
		"POST with a spent body, not sent":      {method: "POST", used: true, body: newBody("x"), conn: connFunc{readThenNotSent, dead}},
		"GET alone, closed":                     {method: "GET", used: true, alone: true, conn: connFunc{closedIdle, dead}, want: true},
		"GET alone, not written":                {method: "GET", used: true, alone: true, conn: connFunc{notWritten, dead}, want: true},
		"GET alone, half answered":              {method: "GET", used: true, alone: true, conn: connFunc{broken, dead}},
		"POST alone, closed":                    {method: "POST", used: true, alone: true, conn: connFunc{closedIdle, dead}},
	} {
		t.Run(name, func(t *testing.T) {
			req := newRequest(t.Context(), t, tt.method, tt.body)
			if tt.key {
				req.Header["Idempotency-Key"] = nil
			}
			c := newCall(t, req)
			_, failure := c.Attempt(tt.conn, exchange.Attempt{Used: tt.used, Shared: !tt.alone})
			require.NotNil(t, failure)
			assert.Equal(t, tt.want, failure.Retry)
			if tt.want {
				require.NoError(t, c.Rewind())
			}
			require.Error(t, c.Fail(failure.Err))
		})
	}
}

func closedIdle(*http.Request) (*http.Response, error) {
	return nil, errors.New("http: server closed idle connection")
}

func notWritten(*http.Request) (*http.Response, error) {
	return nil, fmt.Errorf("connection broken: %w", &net.OpError{Op: "write", Err: errBroken})
}

func afterFirstByte(req *http.Request) (*http.Response, error) {
	httptrace.ContextClientTrace(req.Context()).GotFirstResponseByte()
	return nil, errBroken
}

func tooSlow(*http.Request) (*http.Response, error) { return nil, context.DeadlineExceeded }

func notSent(*http.Request) (*http.Response, error) {
	return nil, errors.New("http2: client conn not usable")
}

func readThenBroken(req *http.Request) (*http.Response, error) {
	_, _ = io.Copy(io.Discard, req.Body)
	return nil, errBroken
}

func readThenNotSent(req *http.Request) (*http.Response, error) {
	_, _ = io.Copy(io.Discard, req.Body)
	return notSent(req)
}

func TestFailureOfTheRequestsBodyIsNotRepeated(t *testing.T) {
	req := newRequest(t.Context(), t, http.MethodPost, errReader{errWhy})
	req.Header["Idempotency-Key"] = nil
	req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(errReader{errWhy}), nil }
	c := newCall(t, req)
	_, failure := c.Attempt(connFunc{readThenBroken, errBroken}, exchange.Attempt{Used: true, Shared: true})
	require.NotNil(t, failure)
	assert.False(t, failure.Retry)
	require.Error(t, c.Fail(failure.Err))
}

func TestRewindSendsTheBodyAgain(t *testing.T) {
	var sent []string
	send := connFunc{func(req *http.Request) (*http.Response, error) {
		b, _ := io.ReadAll(req.Body)
		sent = append(sent, string(b))
		return nil, errBroken
	}, errBroken}
	req := newRequest(t.Context(), t, http.MethodGet, strings.NewReader("body"))
	c := newCall(t, req)
	for range 2 {
		_, failure := c.Attempt(send, exchange.Attempt{Used: true, Shared: true})
		require.NotNil(t, failure)
		require.True(t, failure.Retry)
		require.NoError(t, c.Rewind())
	}
	assert.Equal(t, []string{"body", "body"}, sent)
	require.Error(t, c.Fail(errBroken))
}

func TestAttemptsAreBounded(t *testing.T) {
	c := newCall(t, newRequest(t.Context(), t, http.MethodGet, nil))
	n := 0
	for {
		n++
		_, failure := c.Attempt(connFunc{broken, errBroken}, exchange.Attempt{Used: true, Shared: true})
		require.NotNil(t, failure)
		if !failure.Retry {
			break
		}
	}
	assert.Equal(t, 7, n)
	require.Error(t, c.Fail(errBroken))
}

func TestEndOfTheContextIsTheErrorWhateverTheConnectionSays(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	c := newCall(t, newRequest(ctx, t, http.MethodGet, nil))
	_, failure := c.Attempt(connFunc{func(*http.Request) (*http.Response, error) {
		cancel(errWhy)
		return nil, errBroken
	}, errBroken}, exchange.Attempt{Used: true, Shared: true})
	require.NotNil(t, failure)
	assert.False(t, failure.Retry)
	require.ErrorIs(t, failure.Err, errWhy)
	require.ErrorIs(t, failure.Err, context.Canceled)
	require.EqualError(t, failure.Err, errWhy.Error())
	require.Error(t, c.Fail(failure.Err))
}

func TestDeadlineIsATimeoutWhateverItsCause(t *testing.T) {
	ctx, cancel := context.WithTimeoutCause(t.Context(), -1, errWhy)
	defer cancel()
	// As package net/url and the callers of an http.Client ask, and as the context's own error answers.
	err := &url.Error{Op: "Get", URL: "http://host.example/", Err: exchange.ErrorOf(ctx)}
	assert.True(t, err.Timeout())
	assert.True(t, err.Temporary())
	_, isNet := err.Err.(net.Error) //nolint:errorlint // package net/url asks the outermost
	assert.True(t, isNet)
	require.NoError(t, exchange.ErrorOf(t.Context()))

	ctx, end := context.WithCancelCause(t.Context())
	end(errWhy)
	err.Err = exchange.ErrorOf(ctx)
	assert.False(t, err.Timeout())
	assert.False(t, err.Temporary())
}

func TestEndOfTheContextClosesABodyThatBlocks(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	pr, _ := io.Pipe()
	c := newCall(t, newRequest(ctx, t, http.MethodPost, pr))
	_, failure := c.Attempt(connFunc{func(req *http.Request) (*http.Response, error) {
		cancel()
		_, err := req.Body.Read(make([]byte, 1)) // returns only when the pipe is closed
		return nil, err
	}, nil}, exchange.Attempt{})
	require.NotNil(t, failure)
	require.Error(t, c.Fail(failure.Err))
}

func TestAnswerThatComesAfterTheContextIsNotReturned(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	c := newCall(t, newRequest(ctx, t, http.MethodPost, newBody("x")))
	answer := newBody("as if it were all there was")
	_, failure := c.Attempt(connFunc{func(*http.Request) (*http.Response, error) {
		cancel(errWhy)
		return &http.Response{StatusCode: 200, Body: answer}, nil
	}, nil}, exchange.Attempt{End: endFunc(func(exchange.Ending) { assert.Fail(t, "there is no exchange to end") })})
	require.NotNil(t, failure)
	require.ErrorIs(t, failure.Err, errWhy)
	assert.Equal(t, 1, answer.closed())
	require.Error(t, c.Fail(failure.Err))
}

func TestBodyThatEndsAfterTheContextIsNotTakenForWhole(t *testing.T) {
	var ends endings
	ctx, cancel := context.WithCancelCause(t.Context())
	c := newCall(t, newRequest(ctx, t, http.MethodGet, nil))
	resp, failure := c.Attempt(respond(200, io.NopCloser(strings.NewReader("part"))), exchange.Attempt{End: &ends})
	require.Nil(t, failure)
	cancel(errWhy)
	for range 2 {
		_, err := io.ReadAll(resp.Body)
		require.ErrorIs(t, err, errWhy)
		require.ErrorIs(t, err, context.Canceled)
	}
	require.NoError(t, resp.Body.Close())
	require.Len(t, ends, 1)
	require.ErrorIs(t, ends[0].Err, errWhy)
}

func TestPausesGrow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		c := newCall(t, newRequest(ctx, t, http.MethodGet, nil))
		refused, closed := exchange.Failure{Err: errBroken, Retry: true, Refused: true}, exchange.NewClosed()
		for _, want := range []time.Duration{0, time.Second, 2 * time.Second, 4 * time.Second} {
			began := time.Now()
			require.NoError(t, c.Again(&refused, closed.Done()))
			assert.GreaterOrEqual(t, time.Since(began), want)
			assert.LessOrEqual(t, time.Since(began), want+want/10)
		}
		cancel()
		require.ErrorIs(t, c.Again(&refused, closed.Done()), context.Canceled)
		require.Error(t, c.Fail(errBroken))
	})
}

func TestPauseEndsWithTheTransport(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCall(t, newRequest(t.Context(), t, http.MethodGet, nil))
		refused, closed := exchange.Failure{Err: errBroken, Retry: true, Refused: true}, exchange.NewClosed()
		require.NoError(t, c.Again(&refused, closed.Done()))
		began := time.Now()
		time.AfterFunc(100*time.Millisecond, closed.Close)
		require.ErrorIs(t, c.Again(&refused, closed.Done()), errBroken, "and not that of the pool")
		assert.Equal(t, 100*time.Millisecond, time.Since(began))
		require.Error(t, c.Fail(errBroken))
	})
}
