package exchange

import (
	"errors"
	"io"
	"net"
	"net/http"
	"reflect"

	"go.uber.org/atomic"
)

// ErrBodyClosed is the Err of an [Ending] whose response body was closed before
// its end.
var ErrBodyClosed = errors.New("berth: response body closed before its end")

// An Ending says how an exchange ended.
type Ending struct {
	Err      error // nil: the response was read to its end; else ErrBodyClosed or the error of Read
	Aside    bool  // in a goroutine that is nobody's: a panic there ends the program
	Broken   bool  // the connection panicked: there is no response, and no telling what state it is in
	Cut      bool  // the connection is being ended by Attempt.Cut
	Upgraded bool  // the protocol was switched: the connection belonged to the body, which closed it
}

// What has become of a response.
const (
	going     = iota
	over      // read, failed or closed
	abandoned // the context ended it, and nobody has been told
	arrived   // it is there in full, and needs no connection any more
)

// responseBody is the body that the caller of RoundTrip gets. It passes
// everything through and notices the end: EOF, a Read error, or Close, whichever
// is first. Read and Close may be called at the same time.
type responseBody struct {
	src   io.ReadCloser
	call  *Call
	ended atomic.Int32 // one of the above

	trailers *trailers // nil: the connection writes none while the caller does not read

	closing atomic.Bool // Close was called, and the rest is being drained
	err     error       // for all Reads once the context or an error has ended the body; Read's own
}

func (b *responseBody) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	if b.call.drain && b.closing.Load() {
		return 0, errReadAfterClose
	}
	n, err := b.src.Read(p)
	if err != nil && b.closing.Load() && (err != io.EOF || b.ended.Load() != going) {
		return n, errReadAfterClose // the draining, which Close began, has ended; it ends the exchange
	}
	if err != nil {
		ctx := b.call.ctx
		done := ctx.Err() != nil // first: the call's own context ends with an exchange that has ended
		state := b.ended.Load()
		if state == arrived {
			ctx = b.call.req.Context()
			done = ctx.Err() != nil
		}
		if state != over && done {
			// Also in place of EOF: a server that sees the connection closing may
			// end its answer early, and the rest would pass for the whole.
			b.call.awaitClient()
			b.err = ErrorOf(ctx)
			err = b.err
		}
		if err != io.EOF && b.call.how.Tidy && state == going {
			// The connection may know nothing of it: what came made no sense to the
			// decompressor. The caller need not close the body after that.
			b.err = err
			_ = b.src.Close()
		}
		if b.trailers != nil && state == going { // also where what came to its end made no sense to the decompressor
			b.trailers.arrive()
		}
		// Before the caller sees EOF, so that the next request it sends finds the
		// connection free.
		b.finish(err, false)
	}
	return n, err
}

func (b *responseBody) Close() error {
	if b.call.drain && b.ended.Load() == going {
		if !b.closing.Swap(true) {
			b.drainAndClose()
		}
		return nil
	}
	// The connection first: it settles what becomes of the stream, and it must
	// not learn of that from the context.
	err := b.src.Close()
	b.finish(ErrBodyClosed, false)
	return err
}

// become ends a response that is going on, and reports whether it was.
func (b *responseBody) become(as int32) bool { return b.ended.CompareAndSwap(going, as) }

// finish ends the exchange. aside says that no call of the user's is waiting for
// this func.
func (b *responseBody) finish(err error, aside bool) {
	if !b.become(over) {
		if state := b.ended.Load(); !aside && (state == abandoned || state == arrived) {
			b.call.how.Delivered.await(b.call) // the caller is promised that the exchange has ended
		}
		return
	}
	if err == io.EOF { //nolint:errorlint // io.Reader's contract: EOF itself
		err = nil
	}
	b.call.received(err, aside)
}

// letGo ends the exchange because nothing of the response is still to come. The caller may
// read it as if the exchange went on.
func (b *responseBody) letGo() {
	if b.become(arrived) {
		defer b.call.how.Delivered.settled(b.call) // whatever a hook does
		b.call.received(nil, true)
	}
}

// abandon ends the exchange because its context has ended. The caller may still come for
// the rest, and is told then.
func (b *responseBody) abandon() {
	if b.become(abandoned) {
		defer b.call.how.Delivered.settled(b.call) // whatever a hook does
		b.call.received(ErrorOf(b.call.ctx), true)
	}
}

// switchedBody is the body of a response that switched protocols: the raw
// connection, which the caller also writes to, and may go on writing to when the
// peer has nothing more to say. So only Close is its end. Code that proxies such
// connections looks for these methods.
type switchedBody struct {
	responseBody
}

// Close closes the connection, the first time. That waits for the goodbye of TLS, and another
// Close of the connection would not: whichever of two came to it first, the exchange must not
// end with the other.
func (b *switchedBody) Close() error {
	if b.closing.Swap(true) {
		return net.ErrClosed
	}
	defer b.finish(ErrBodyClosed, false)
	return b.src.Close()
}

func (b *switchedBody) Read(p []byte) (int, error) { return b.src.Read(p) }

func (b *switchedBody) Write(p []byte) (int, error) {
	return b.src.(io.Writer).Write(p)
}

// CloseWrite ends the sending side, where the connection can do that.
func (b *switchedBody) CloseWrite() error {
	if w, ok := b.src.(interface{ CloseWrite() error }); ok {
		return w.CloseWrite()
	}
	return errors.ErrUnsupported
}

// stateless reports whether there is nothing behind body: no connection and no
// stream that could still be busy. net/http has several such types, one of them
// public ([http.NoBody]); what they share is that they have no fields.
func stateless(body io.ReadCloser) bool {
	if body == nil || body == http.NoBody {
		return true
	}
	t := reflect.TypeOf(body)
	return t.Kind() == reflect.Struct && t.Size() == 0
}
