package exchange_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/berth-go/berth/adapters/internal/exchange"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Where the call has no context of its own, what it leaves with the caller's stays there.
func TestNothingOfARequestWithABodyIsLeftWithTheContext(t *testing.T) {
	how := exchange.Attempt{Cut: new(cuts).Cut, End: &endings{}}
	t.Run("failure", func(t *testing.T) {
		under := &registry{Context: t.Context()}
		c := newCall(t, newRequest(under, t, http.MethodPost, newBody("x")))
		_, failure := c.Attempt(connFunc{do: broken}, how)
		require.NotNil(t, failure)
		require.Error(t, c.Fail(failure.Err))
		assert.Zero(t, under.now.Load())
	})
	t.Run("panic", func(t *testing.T) {
		under := &registry{Context: t.Context()}
		c := newCall(t, newRequest(under, t, http.MethodPost, newBody("x")))
		assert.Panics(t, func() {
			_, _ = c.Attempt(connFunc{do: func(*http.Request) (*http.Response, error) { panic("odd") }}, how)
		})
		c.Done()
		assert.Zero(t, under.now.Load())
	})
}

// endingRegistry is a registry with which something happens when it is used.
type endingRegistry struct {
	registry
	then func()
}

func (r *endingRegistry) AfterFunc(f func()) (stop func() bool) {
	stop = r.registry.AfterFunc(f)
	if r.then != nil {
		r.then()
	}
	return stop
}

func TestResponseThatEndsWhileItsConnectionIsLostLeavesNothingWithTheContext(t *testing.T) {
	under := &endingRegistry{registry: registry{Context: t.Context()}}
	var d exchange.Delivered
	c := newCall(t, newRequest(under, t, http.MethodGet, nil))
	resp, failure := c.Attempt(respond(http.StatusOK, io.NopCloser(strings.NewReader("x"))),
		exchange.Attempt{Shared: true, Tidy: true, Delivered: &d, End: &endings{}})
	require.Nil(t, failure)
	under.then = func() { require.NoError(t, resp.Body.Close()) }
	d.Lost()
	assert.Zero(t, under.now.Load())
}
