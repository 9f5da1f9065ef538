package exchange

import (
	"errors"
	"io"
	"time"
)

// What is left of a response when its body is closed is read and thrown away, if
// it is little and comes soon: the connection of HTTP/1 is of no use before, and
// reading is cheaper than a new one. The limits are those of net/http, which does
// it by itself from Go 1.27 on.
const (
	maxDrain     = 256 << 10
	maxDrainTime = 50 * time.Millisecond

	// drainPatience is how long Close waits for the draining. Mostly the rest has
	// arrived already; and callers often cancel the request's context right after
	// Close, which ends the connection if it still has something to read.
	drainPatience = time.Millisecond
)

// errReadAfterClose has net/http's words.
var errReadAfterClose = errors.New("http: read on closed response body")

// drainAndClose reads the rest of the body and closes it. What lasts longer than
// drainPatience goes on in a goroutine, which maxDrainTime ends.
func (b *responseBody) drainAndClose() {
	done := make(chan struct{})
	go func() {
		defer close(done)
		b.drain()
	}()
	t := time.NewTimer(drainPatience)
	defer t.Stop()
	select {
	case <-done:
	case <-t.C:
	}
}

func (b *responseBody) drain() {
	// The end of the context ends the connection and with it a Read that blocks.
	t := time.AfterFunc(maxDrainTime, b.giveUp)
	_, err := io.CopyN(io.Discard, b.src, maxDrain+1)
	t.Stop()
	_ = b.src.Close()
	if err == io.EOF { //nolint:errorlint // as CopyN returns it
		b.finish(nil, true)
		return
	}
	b.finish(ErrBodyClosed, true)
}

// giveUp ends a draining that takes too long. The exchange ends first: if it has
// ended, the connection may have another one, and what a server sends when it sees
// the connection going is not the rest of the response.
func (b *responseBody) giveUp() {
	c := b.call
	if c.how.Cut == nil {
		c.cancel(errDone)
		return
	}
	if !b.become(over) {
		return
	}
	c.how.Cut()
	c.cut = true
	c.end(ErrBodyClosed, true)
}
