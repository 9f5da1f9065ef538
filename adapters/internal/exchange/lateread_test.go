package exchange_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/berth-go/berth/adapters/internal/exchange"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A caller may read on at the end. The context of the call is over by then.
func TestResponseThatWasReadStaysRead(t *testing.T) {
	for name, how := range map[string]exchange.Attempt{"a context of the call's": {}, "the caller's": {Shared: true, Tidy: true}} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			how.End = &endings{}
			c := newCall(t, newRequest(ctx, t, http.MethodGet, nil))
			resp, failure := c.Attempt(respond(http.StatusOK, io.NopCloser(strings.NewReader("x"))), how)
			require.Nil(t, failure)
			_, err := io.ReadAll(resp.Body)
			require.NoError(t, err)
			cancel()
			_, err = resp.Body.Read(make([]byte, 1))
			require.Equal(t, io.EOF, err)
		})
	}
}

func TestTrailerComesOnceIntoTheCallersMap(t *testing.T) {
	c := newCall(t, newRequest(t.Context(), t, http.MethodGet, nil))
	resp, failure := c.Attempt(connFunc{do: func(*http.Request) (*http.Response, error) {
		return &http.Response{ContentLength: -1, Body: io.NopCloser(strings.NewReader("x")), Trailer: http.Header{"Sum": {"1"}}}, nil
	}}, exchange.Attempt{Keep: true, End: &endings{}})
	require.Nil(t, failure)
	_, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	resp.Trailer.Set("Sum", "seen")
	_, err = resp.Body.Read(make([]byte, 1))
	require.Equal(t, io.EOF, err)
	assert.Equal(t, "seen", resp.Trailer.Get("Sum"))
}

func TestReadDuringTheDrainingSaysAtOnceThatTheBodyIsClosed(t *testing.T) {
	if !exchange.Drains {
		t.Skip("net/http does it")
	}
	synctest.Test(t, func(t *testing.T) {
		c := newCall(t, newRequest(t.Context(), t, http.MethodGet, nil))
		resp, failure := c.Attempt(stuck(nil), exchange.Attempt{Keep: true, End: endFunc(func(exchange.Ending) {})})
		require.Nil(t, failure)
		require.NoError(t, resp.Body.Close())
		began := time.Now()
		_, err := resp.Body.Read(make([]byte, 1))
		require.ErrorContains(t, err, "closed")
		assert.Zero(t, time.Since(began))
	})
}

// overtaken is a body whose first Read comes to the end after the second.
type overtaken struct {
	begun, rest chan struct{}
	first       bool
}

func (b *overtaken) Read([]byte) (int, error) {
	if !b.first {
		b.first = true
		close(b.begun)
		<-b.rest
	}
	return 0, io.EOF
}

func (b *overtaken) Close() error { return nil }

// What the draining has read the caller has not, who must not take the end for the whole.
func TestReadBesideTheDrainingDoesNotSeeTheEnd(t *testing.T) {
	if !exchange.Drains {
		t.Skip("net/http does it")
	}
	b := &overtaken{begun: make(chan struct{}), rest: make(chan struct{})}
	ended := make(chan exchange.Ending, 1)
	c := newCall(t, newRequest(t.Context(), t, http.MethodGet, nil))
	resp, failure := c.Attempt(respond(http.StatusOK, b), exchange.Attempt{Keep: true, End: endFunc(func(e exchange.Ending) { ended <- e })})
	require.Nil(t, failure)
	reading := make(chan error, 1)
	go func() {
		_, err := resp.Body.Read(make([]byte, 1))
		reading <- err
	}()
	<-b.begun
	require.NoError(t, resp.Body.Close())
	require.NoError(t, (<-ended).Err)
	close(b.rest)
	require.ErrorContains(t, <-reading, "closed")
}
