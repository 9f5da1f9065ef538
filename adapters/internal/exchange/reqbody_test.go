package exchange_test

import (
	"errors"
	"io"
	"net/http"
	"os"
	"reflect"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/berth-go/berth/adapters/internal/exchange"
)

// What the kernel may have copied is not sent again as if nobody had read it.
func TestFileThatWasHandedOutIsRewound(t *testing.T) {
	open := func() (io.ReadCloser, error) { return os.Open(os.DevNull) }
	req := newRequest(t.Context(), t, http.MethodPut, nil)
	var err error
	req.Body, err = open()
	require.NoError(t, err)
	rewinds := 0
	req.GetBody = func() (io.ReadCloser, error) {
		rewinds++
		return open()
	}
	c := newCall(t, req)
	end := endFunc(func(exchange.Ending) {})
	conn := connFunc{do: func(req *http.Request) (*http.Response, error) {
		raw, err := req.Body.(syscall.Conn).SyscallConn()
		require.NoError(t, err)
		require.NotNil(t, raw)
		return nil, errBroken
	}, err: errBroken}
	_, failure := c.Attempt(conn, exchange.Attempt{Used: true, End: end})
	require.NotNil(t, failure)
	require.NoError(t, c.Rewind())
	assert.Equal(t, 1, rewinds)
	_, failure = c.Attempt(connFunc{do: func(req *http.Request) (*http.Response, error) {
		_, shared := req.Body.(syscall.Conn)
		assert.False(t, shared, "a stream is not the kernel's to fill")
		return nil, errBroken
	}}, exchange.Attempt{Shared: true, End: end})
	require.NotNil(t, failure)
	require.NoError(t, c.Rewind())
	assert.Equal(t, 1, rewinds, "nobody has read it")
	assert.Error(t, c.Fail(errBroken))
}

// What only holds a file is read through its own Read.
func TestReaderOverAFileIsNotPassedOver(t *testing.T) {
	f, err := os.Open(os.DevNull)
	require.NoError(t, err)
	defer func() { require.NoError(t, f.Close()) }()
	for name, body := range map[string]io.ReadCloser{"embedded": struct{ *os.File }{f}, "nop": io.NopCloser(struct{ *os.File }{f})} {
		req := newRequest(t.Context(), t, http.MethodPut, nil)
		req.Body = body
		c := newCall(t, req)
		_, failure := c.Attempt(connFunc{do: func(req *http.Request) (*http.Response, error) {
			_, bare := req.Body.(syscall.Conn)
			assert.False(t, bare, name)
			return nil, errBroken
		}}, exchange.Attempt{End: endFunc(func(exchange.Ending) {})})
		require.NotNil(t, failure)
	}
}

// A body in memory of which there is no other is sent again while no connection has read
// of it.
func TestBodyInMemoryIsSentAgainWhileItIsWhole(t *testing.T) {
	errUnsent := errors.New("http2: client conn not usable")
	req := newRequest(t.Context(), t, http.MethodPost, strings.NewReader("hello"))
	req.GetBody = nil
	c := newCall(t, req)
	how := exchange.Attempt{Used: true, End: endFunc(func(exchange.Ending) {})}
	for range 2 {
		_, failure := c.Attempt(connFunc{do: func(*http.Request) (*http.Response, error) { return nil, errUnsent }}, how)
		require.NotNil(t, failure)
		require.True(t, failure.Retry)
		require.NoError(t, c.Rewind())
	}
	_, failure := c.Attempt(connFunc{do: func(req *http.Request) (*http.Response, error) {
		body, err := io.ReadAll(req.Body)
		require.NoError(t, err)
		assert.Equal(t, "hello", string(body))
		return nil, errUnsent
	}}, how)
	require.NotNil(t, failure)
	assert.False(t, failure.Retry, "it is spent")
	assert.Error(t, c.Fail(failure.Err))
}

// Where nothing but the lack of GetBody is in the way of another attempt, the error says so.
func TestErrorSaysThatGetBodyIsMissing(t *testing.T) {
	for _, get := range []bool{true, false} {
		req := newRequest(t.Context(), t, http.MethodPost, newBody("abc"))
		if get {
			req.GetBody = func() (io.ReadCloser, error) { return newBody("abc"), nil }
		}
		c := newCall(t, req)
		_, failure := c.Attempt(connFunc{do: func(req *http.Request) (*http.Response, error) {
			_, err := io.ReadAll(req.Body)
			require.NoError(t, err)
			return nil, refusedError{Code: 7}
		}}, exchange.Attempt{Used: true, Shared: true, Tidy: true})
		require.NotNil(t, failure)
		require.Equal(t, get, failure.Retry)
		var refused refusedError
		require.ErrorAs(t, failure.Err, &refused)
		if get {
			require.NotContains(t, failure.Err.Error(), "GetBody")
		} else {
			require.ErrorContains(t, failure.Err, "GetBody is not set")
		}
		_ = c.Fail(failure.Err)
	}
}

// refusedError is what a refusal of a stream looks like.
type refusedError struct {
	StreamID uint32
	Code     uint32
	Cause    error
}

func (refusedError) Error() string { return "stream error: REFUSED_STREAM" }

func (e refusedError) As(target any) bool {
	return reflect.ValueOf(target).Elem().Kind() == reflect.Struct && fill(target, e)
}

func fill(target any, e refusedError) bool {
	v := reflect.ValueOf(target).Elem().FieldByName("Code")
	if !v.IsValid() || v.Kind() != reflect.Uint32 {
		return false
	}
	v.SetUint(uint64(e.Code))
	return true
}
