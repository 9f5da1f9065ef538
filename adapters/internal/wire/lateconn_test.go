package wire_test

import (
	"context"
	"net"
	"net/http"
	"testing"
	"testing/synctest"

	"github.com/berth-go/berth/adapters/internal/wire"
	"github.com/stretchr/testify/assert"
)

// A dial func may not heed its context. What it brings after the end of that is closed at once:
// the peer may say nothing, and what net/http does next need not look at the context.
func TestConnThatComesAfterTheEndOfTheContextIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p http.Protocols
		p.SetUnencryptedHTTP2(true)
		ctx, cancel := context.WithCancel(t.Context())
		ours, theirs := net.Pipe()
		tr := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
			cancel()
			synctest.Wait() // the end is known to who waits for it
			return ours, nil
		}}
		wire.Prepare(tr, p)
		_, err := wire.Dial(ctx, tr, "http", "a.example:80", nil) // to which nobody listens
		assert.ErrorIs(t, err, context.Canceled)
		_, err = theirs.Read(make([]byte, 1))
		assert.Error(t, err)
	})
}
