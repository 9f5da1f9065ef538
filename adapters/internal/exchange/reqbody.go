package exchange

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"os"
	"reflect"
	"strings"
	"sync"
	"syscall"
	"time"

	"go.uber.org/atomic"
)

// errCannotRewind has net/http's words for a body that is spent.
var errCannotRewind = errors.New("net/http: cannot rewind body after connection loss")

// requestBody is the request's body as a connection sees it. It knows whether
// the body was touched, which decides whether the request can be sent again, and
// it closes the caller's body once, whoever asks and however often.
//
// The connection owns Read; Close may come from the connection, from the end of
// the context and from [Call.Fail] at the same time.
type requestBody struct {
	src    io.ReadCloser
	read   atomic.Bool // Read was called, or the connection has the body itself
	memory sized       // what the connection has itself, if there is no other body; nil: nothing
	size   int         // of memory, before
	failed atomic.Bool // Read failed: the fault is the caller's, not the connection's
	inline bool        // the connection has it itself, in memory

	unwatch func() bool // see watchBody

	mu struct {
		sync.Mutex
		closed  bool   // the caller's body has been, or is being, closed
		settled bool   // and its Close has returned
		then    func() // to be called when settled; see whenClosed

		cut    bool      // the context ended before the body was closed; see giveUp
		answer io.Closer // the body of the response; nil: it has not begun
	}
}

func (b *requestBody) Read(p []byte) (int, error) {
	b.read.Store(true)
	n, err := b.src.Read(p)
	if err != nil && err != io.EOF {
		b.noteFailed()
	}
	return n, err
}

// noteFailed notes that the body has failed, unless it has been closed: a connection that is
// done with a request closes its body, and that may end a Read which waits.
func (b *requestBody) noteFailed() {
	b.mu.Lock()
	closed := b.mu.closed
	b.mu.Unlock()
	if !closed {
		b.failed.Store(true)
	}
}

func (b *requestBody) Close() error {
	b.mu.Lock()
	first := !b.mu.closed
	b.mu.closed = true
	b.mu.Unlock()
	if !first {
		return nil
	}
	err := b.src.Close()

	b.mu.Lock()
	b.mu.settled = true
	then := b.mu.then
	b.mu.then = nil
	b.mu.Unlock()
	if then != nil {
		then()
	}
	return err
}

// giveUp closes the body because the context has ended. If it was still being sent, the
// body of the response is closed as well: a stream of net/http's that waits for its window
// does not see the end of the context once the response has begun.
func (b *requestBody) giveUp() {
	b.mu.Lock()
	b.mu.cut = !b.mu.closed
	b.mu.Unlock()
	_ = b.Close()
	b.cutAnswer()
}

// answered says that the response has begun, and answer is its body.
func (b *requestBody) answered(answer io.Closer) {
	b.mu.Lock()
	b.mu.answer = answer
	b.mu.Unlock()
	b.cutAnswer()
}

// cutAnswer comes after either of the two: whichever is later knows of both.
func (b *requestBody) cutAnswer() {
	b.mu.Lock()
	cut, answer := b.mu.cut, b.mu.answer
	b.mu.Unlock()
	if cut && answer != nil {
		_ = answer.Close()
	}
}

// leaveTime is how long net/http may go on with a request on HTTP/1 whose response has
// ended, at most, and then some: it drains the rest of the response, from Go 1.27 on, and
// waits for the end of the request, each for 50 ms. The connection is gone after that.
const leaveTime = 200 * time.Millisecond

// leave comes at the end of a call on an HTTP/1 connection. Its answer may end before the
// request has, of which a Read may block then: for ever, and net/http closes the body only
// when that Read is back. Close is the caller's, and may wait for the Read.
func (b *requestBody) leave() {
	b.mu.Lock()
	open := !b.mu.closed && !b.inline
	b.mu.Unlock()
	if open {
		time.AfterFunc(leaveTime, func() { _ = b.Close() })
	}
}

// whenClosed calls f once the body is closed: now, or in the goroutine that
// closes it. A connection closes the body when it has done with it.
func (b *requestBody) whenClosed(f func()) {
	b.mu.Lock()
	settled := b.mu.settled
	if !settled {
		b.mu.then = f
	}
	b.mu.Unlock()
	if settled {
		f()
	}
}

// outgoing returns what the connection is to read. A body in memory goes as it is:
// net/http knows such bodies and sends them in one write with the header, for which it
// must see them. There is nothing to notice about one that cannot block or fail, except
// on a stream, where the end of the request may come after that of the response. again
// says that another body can be had; else what is left of this one tells whether it can be
// sent again.
func (b *requestBody) outgoing(how Attempt, again bool) io.ReadCloser {
	if how.Shared {
		b.memory = nil // what is read is noticed
		return b
	}
	if memory := inMemory(b.src); memory != nil {
		b.inline = true
		if again {
			b.read.Store(true)
		} else {
			b.memory, b.size = memory, memory.Len()
		}
		return b.src
	}
	switch src := b.src.(type) {
	case *os.File:
		return &fileBody{b, src}
	case io.WriterTo:
		return &writingBody{b, src}
	}
	return b
}

// A writingBody is a body with a WriteTo, which net/http calls where it does not know the
// length.
type writingBody struct {
	*requestBody
	src io.WriterTo
}

func (b *writingBody) WriteTo(w io.Writer) (int64, error) {
	b.read.Store(true)
	out := &noting{Writer: w}
	n, err := b.src.WriteTo(out)
	if err != nil && !out.failed {
		b.noteFailed()
	}
	return n, err
}

// noting notes that a Write has failed.
type noting struct {
	io.Writer
	failed bool
}

func (w *noting) Write(p []byte) (int, error) {
	n, err := w.Writer.Write(p)
	w.failed = w.failed || err != nil
	return n, err
}

// A fileBody is a body that is a file: package net lets the kernel copy it to a
// connection without TLS. What only holds a file may have a Read of its own, which
// must not be passed over.
type fileBody struct {
	*requestBody
	file *os.File
}

// SyscallConn is for package net. From here on the body is read by others.
func (b *fileBody) SyscallConn() (syscall.RawConn, error) {
	b.read.Store(true)
	return b.file.SyscallConn()
}

// fresh reports whether nobody has read or closed the body, so that it can be
// sent as if for the first time. The connection has done with it.
func (b *requestBody) fresh() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return !b.mu.closed && !b.read.Load() && (b.memory == nil || b.memory.Len() == b.size)
}

// rewindable reports whether Rewind could work.
func (c *Call) rewindable() bool {
	return c.body == nil || c.body.fresh() || c.req.GetBody != nil
}

// Rewinds reports whether another attempt begins with a call of the request's
// GetBody, which may take its time, and need a connection itself.
func (c *Call) Rewinds() bool { return c.body != nil && !c.body.fresh() }

// Rewind makes the request's body ready for another attempt, after a failure with Retry
// set.
func (c *Call) Rewind() error {
	if c.body == nil || c.body.fresh() {
		return nil
	}
	_ = c.body.Close() // the connection may not have come to it
	if c.req.GetBody == nil {
		return errCannotRewind
	}
	src, err := c.req.GetBody()
	if err != nil {
		return err
	}
	c.body = &requestBody{src: src}
	return nil
}

// sized is a reader in memory: what is left of it is to be had without reading.
type sized interface{ Len() int }

// inMemory returns the reader in memory of which body is what [http.NewRequest] makes of
// it: reading it does not block or fail, and closing it does nothing. It returns nil if
// body is something else.
func inMemory(body io.ReadCloser) sized {
	t := reflect.TypeOf(body)
	if t.PkgPath() != "io" || !strings.HasPrefix(t.Name(), "nopCloser") { // there are two
		return nil
	}
	switch r := reflect.ValueOf(body).Field(0).Interface().(type) {
	case *bytes.Reader:
		return r
	case *bytes.Buffer:
		return r
	case *strings.Reader:
		return r
	}
	return nil
}

// hasBody reports whether req has a body to send and to close. [http.NoBody] has
// nothing to send and no state, and must reach the connection as it is.
func hasBody(req *http.Request) bool {
	return req.Body != nil && req.Body != http.NoBody
}
