package h2_test

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/atomic"

	"github.com/berth-go/berth/adapters/h2"
)

// blinking is a Conn whose limit is lowered for as long as one look at it.
type blinking struct {
	*roomy

	changed func()
	limit   atomic.Int32
	blink   atomic.Bool
}

func (c *blinking) Notify(changed func()) { c.changed = changed }

func (c *blinking) Available() int {
	if !c.blink.Swap(false) {
		return int(c.limit.Load() - c.inFlight.Load())
	}
	c.limit.Store(1)
	c.changed()
	n := int(c.limit.Load() - c.inFlight.Load())
	c.limit.Store(2)
	c.changed()
	time.Sleep(time.Millisecond) // the pool has looked
	return n
}

// A request that came while a Conn had no room for a moment is sent when it has, and
// not only when another request ends.
func TestRoomThatIsBackBeforeTheRefusalIsLookedAtIsUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		leave := make(chan struct{})
		c := &blinking{roomy: &roomy{}}
		c.limit.Store(2)
		c.available = func(n int) int { return int(c.limit.Load()) - n }
		c.do = func(req *http.Request) (*http.Response, error) {
			if req.Context().Value(held{}) != nil {
				<-leave
			}
			return &http.Response{}, nil
		}
		tr := newTransport(t, h2.Config{MaxConnsPerHost: 1, Dial: func(context.Context, h2.Host) (h2.Conn, error) { return c, nil }})
		first := make(chan error, 1)
		go func() { first <- fetchFrom(context.WithValue(t.Context(), held{}, true), t, tr) }()
		time.Sleep(time.Second)

		c.blink.Store(true) // the next to look is Take
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		err := fetchFrom(ctx, t, tr)
		assert.NoError(t, err, "waited for an hour beside room for it")
		assert.False(t, c.blink.Load())
		close(leave)
		require.NoError(t, <-first)
	})
}

type held struct{}
