package h2_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/berth-go/berth/adapters/h2"
)

// shy is a Conn that panics before the pool has it.
type shy struct{ *roomy }

func (shy) Notify(func()) { panic("of the connection") }

func TestConnThatPanicsInNotifyIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := shy{&roomy{}}
		tr := newTransport(t, h2.Config{Dial: func(context.Context, h2.Host) (h2.Conn, error) { return c, nil }})
		require.Error(t, fetchFrom(t.Context(), t, tr))
		time.Sleep(time.Second)
		assert.True(t, c.closed.Load())
	})
}
