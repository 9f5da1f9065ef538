package exchange_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/berth-go/berth/adapters/internal/exchange"
)

// A caller may drop a response whose context it has ended, and may come back for it.
func TestEndOfTheContextEndsAResponseThatNobodyReads(t *testing.T) {
	var d exchange.Delivered
	for name, how := range map[string]exchange.Attempt{
		"a stream":     {Shared: true, Tidy: true},
		"a connection": {Keep: true, Cut: func() { d.EndDone() }},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancelCause(t.Context())
				var ends endings
				how.Delivered, how.End = &d, &ends
				c := newCall(t, newRequest(ctx, t, http.MethodGet, nil))
				resp, failure := c.Attempt(respond(http.StatusOK, io.NopCloser(strings.NewReader("x"))), how)
				require.Nil(t, failure)
				d.EndDone()
				require.Empty(t, ends)

				cancel(errBroken)
				synctest.Wait()
				if how.Cut == nil {
					d.EndDone()
				}
				require.Len(t, ends, 1)
				require.ErrorIs(t, ends[0].Err, errBroken)
				assert.True(t, ends[0].Aside, "in nobody's goroutine")
				for range 2 {
					_, err := io.ReadAll(resp.Body)
					require.ErrorIs(t, err, context.Canceled)
					require.ErrorIs(t, err, errBroken)
				}
				require.NoError(t, resp.Body.Close())
				d.EndDone()
				assert.Len(t, ends, 1, "it has ended")
			})
		})
	}
}

// The context of an exclusive connection may end before the response is among those that
// its end looks at.
func TestContextThatEndsBeforeTheResponseIsDeliveredEndsItAsWell(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var ends endings
	late := &lateContext{Context: ctx, cancel: cancel}
	c := newCall(t, newRequest(late, t, http.MethodGet, nil))
	resp, failure := c.Attempt(respond(http.StatusOK, io.NopCloser(strings.NewReader("x"))),
		exchange.Attempt{Delivered: &exchange.Delivered{}, End: &ends, Shared: true, Tidy: true})
	require.Nil(t, failure)
	assert.Len(t, ends, 1)
	require.NoError(t, resp.Body.Close())
}

// lateContext ends when Attempt has looked whether it has ended.
type lateContext struct {
	context.Context
	cancel func()
	looks  int
}

func (c *lateContext) Err() error {
	if c.looks++; c.looks == 2 {
		c.cancel()
	}
	return c.Context.Err()
}

func TestDeliveredTellsHowManyHaveStayed(t *testing.T) {
	var d exchange.Delivered
	var ends endings
	open := func() *http.Response {
		c := newCall(t, newRequest(t.Context(), t, http.MethodGet, nil))
		resp, failure := c.Attempt(respond(http.StatusOK, io.NopCloser(strings.NewReader("x"))),
			exchange.Attempt{Delivered: &d, End: &ends, Shared: true, Tidy: true})
		require.Nil(t, failure)
		return resp
	}
	first, second := open(), open()
	assert.Zero(t, d.EndDone(), "both are new")
	third := open()
	assert.Equal(t, 2, d.EndDone())
	assert.Equal(t, 3, d.EndDone())
	require.NoError(t, first.Body.Close())
	_, err := io.ReadAll(third.Body)
	require.NoError(t, err)
	assert.Equal(t, 1, d.EndDone())
	require.NoError(t, second.Body.Close())
	assert.Zero(t, d.EndDone())
	assert.Len(t, ends, 3)
}

// Of a connection that is gone nobody tells any more; a response may come from it yet.
func TestResponseOfALostConnectionEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var d exchange.Delivered
		var ends endings
		open := func() *http.Response {
			c := newCall(t, newRequest(ctx, t, http.MethodGet, nil))
			resp, failure := c.Attempt(respond(http.StatusOK, io.NopCloser(strings.NewReader("x"))),
				exchange.Attempt{Delivered: &d, End: &ends, Shared: true, Tidy: true})
			require.Nil(t, failure)
			return resp
		}
		open()
		d.Lost()
		d.Lost()
		read := open()
		got, err := io.ReadAll(read.Body)
		require.NoError(t, err)
		assert.Equal(t, "x", string(got))
		require.Len(t, ends, 1)
		cancel()
		synctest.Wait()
		assert.Len(t, ends, 2)
		ctx, cancel = context.WithCancel(t.Context())
		open()
		cancel()
		synctest.Wait()
		assert.Len(t, ends, 3)
	})
}

// slowEnder is an Ender that takes its time.
type slowEnder chan struct{}

func (s slowEnder) End(exchange.Ending) { <-s }

// When Close or a failed Read has returned, the exchange has ended, whoever ended it.
func TestCallerWaitsForTheEndThatItsContextHasBegun(t *testing.T) {
	for name, come := range map[string]func(io.ReadCloser){
		"Read":  func(b io.ReadCloser) { _, _ = io.ReadAll(b) },
		"Close": func(b io.ReadCloser) { _ = b.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				var d exchange.Delivered
				ending := make(slowEnder)
				c := newCall(t, newRequest(ctx, t, http.MethodGet, nil))
				resp, failure := c.Attempt(respond(http.StatusOK, io.NopCloser(strings.NewReader("x"))),
					exchange.Attempt{Delivered: &d, End: ending, Shared: true, Tidy: true})
				require.Nil(t, failure)
				cancel()
				go d.EndDone()
				synctest.Wait()
				back := make(chan struct{})
				go func() {
					defer close(back)
					come(resp.Body)
				}()
				synctest.Wait()
				select {
				case <-back:
					assert.Fail(t, "it came back before the end")
				default:
				}
				close(ending)
				<-back
			})
		})
	}
}

// The end calls a hook, which may close the very response.
func TestEndThatClosesItsOwnResponseGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var d exchange.Delivered
		ends := 0
		var resp *http.Response
		c := newCall(t, newRequest(ctx, t, http.MethodGet, nil))
		var failure *exchange.Failure
		resp, failure = c.Attempt(respond(http.StatusOK, io.NopCloser(strings.NewReader("x"))),
			exchange.Attempt{Delivered: &d, Shared: true, Tidy: true, End: endFunc(func(exchange.Ending) {
				ends++
				assert.NoError(t, resp.Body.Close())
			})})
		require.Nil(t, failure)
		cancel()
		d.EndDone()
		assert.Equal(t, 1, ends)
	})
}
