package exchange

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"reflect"
	"strings"
)

var (
	// errCanceled is the cause when Request.Cancel was closed; the words are
	// net/http's.
	errCanceled = errors.New("net/http: request canceled")
	// errDone is the cause when nothing went wrong. Nobody should ever see it.
	errDone = errors.New("berth: call has ended")
	// errNoReturn is for a connection whose RoundTrip did not return.
	errNoReturn   = errors.New("berth: RoundTrip of the connection panicked")
	errNoResponse = errors.New("berth: RoundTrip of the connection returned neither a response nor an error")
)

// ErrNoStream is the error of a [Conn] that had no room for the request after all.
// Nothing was sent, and the request's body was not touched.
var ErrNoStream = errors.New("h2: the connection has no stream left for the request")

// ContextError is the error of a call that its context ended. Its text is the
// cause's, as in net/http; [errors.Is] sees both.
type ContextError struct {
	Err   error // context.Canceled or context.DeadlineExceeded
	Cause error
}

func (e *ContextError) Error() string   { return e.Cause.Error() }
func (e *ContextError) Unwrap() []error { return []error{e.Err, e.Cause} }

// Timeout reports whether the context's deadline passed.
func (e *ContextError) Timeout() bool { return errors.Is(e.Err, context.DeadlineExceeded) }

// Temporary reports what the context's own error says of itself. With it a ContextError is
// a [net.Error], as [context.DeadlineExceeded] is: package net/url asks only the outermost
// error.
func (e *ContextError) Temporary() bool { return e.Timeout() }

// ErrorOf returns the error of a context that is done: its own error and its
// cause in one. It returns nil for one that is not.
func ErrorOf(ctx context.Context) error {
	err := ctx.Err()
	if err == nil {
		return nil // without the lock that Cause takes, of a context that all requests may share
	}
	cause := context.Cause(ctx)
	if cause == nil || cause == err { //nolint:errorlint // identity decides whether there is a second error to tell
		return err
	}
	return &ContextError{Err: err, Cause: cause}
}

// These are names and texts of net/http, the same in Go 1.26 and 1.27. They are
// the only sign that a request which may not be sent twice was not sent at all.
// The tests of this package watch them; where one changes, fewer requests are
// retried, and nothing else goes wrong.
const (
	nameNothingWritten = "nothingWrittenError"                 // HTTP/1: no byte of the request left
	nameReadFailed     = "transportReadFromServerError"        // HTTP/1: no byte of a response came
	textClosedIdle     = "http: server closed idle connection" // HTTP/1: the same, seen a little earlier
	textUnusable       = "http2: client conn not usable"
	textGoAway         = "http2: Transport received Server's graceful shutdown GOAWAY"
	textNotEstablished = "http2: client conn could not be established"
	textBodyTooLong    = "http2: request body larger than specified content length"
	textConnError      = "connection error: " // HTTP/2, and a code: what the server sent made no sense, or was too much
	textEndedByServer  = "http2: server sent GOAWAY and closed the connection; LastStreamID="
	textNoError        = ", ErrCode=NO_ERROR," // after that and a number, if the server found nothing wrong

	codeRefused = 7 // REFUSED_STREAM, RFC 9113 section 7: "closed prior to any processing"
)

// unwrapInternal takes away the types that net/http adds for its own transport,
// which also takes them away.
func unwrapInternal(err error) error {
	for _, name := range []string{nameNothingWritten, nameReadFailed} {
		if isHTTPType(err, name) {
			if inner := errors.Unwrap(err); inner != nil {
				err = inner
			}
		}
	}
	return err
}

// notSent reports whether err says that the server has not acted on the request,
// because nothing was written or the server said so.
func notSent(err error) bool {
	if isHTTPType(err, nameNothingWritten) || Refused(err) {
		return true
	}
	return saidGoodbye(err) || err.Error() == textNotEstablished
}

// madeNothingOf reports whether one side ended an HTTP/2 connection because of what came on
// it.
func madeNothingOf(err error) bool {
	text := err.Error()
	if goodbye, ok := strings.CutPrefix(text, textEndedByServer); ok {
		return !strings.HasPrefix(strings.TrimLeft(goodbye, "0123456789"), textNoError)
	}
	return strings.HasPrefix(text, textConnError)
}

// ofStream reports whether err ended an HTTP/2 stream alone. Its connection may end right
// after it, and because of it: where the server has said goodbye, or the request was to be
// the last one, that is when there is no other stream.
func ofStream(err error) bool {
	var e streamError
	return errors.As(err, &e) || err.Error() == textBodyTooLong
}

// saidGoodbye reports whether the connection ended by a goodbye that says that the request
// was not looked at, before or after it was sent.
func saidGoodbye(err error) bool {
	text := err.Error()
	return text == textUnusable || text == textGoAway
}

// ofConnection reports whether an error that kept a request from being written to an
// HTTP/1 connection is one of the connection's, and not the request's own, because of
// which net/http has closed the connection.
func ofConnection(err error) bool {
	var op *net.OpError
	if errors.As(err, &op) {
		return !errors.Is(op, net.ErrClosed)
	}
	return errors.Is(err, io.EOF) || unwrapInternal(err).Error() == textClosedIdle
}

// endedUnanswered reports whether err says that an HTTP/1 connection ended before
// the first byte of a response, or while a body was written: see asksFirstByte.
func endedUnanswered(err error) bool {
	if isHTTPType(err, nameReadFailed) || err.Error() == textClosedIdle {
		return true
	}
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "write"
}

// Refused reports whether err is the server's refusal of an HTTP/2 stream before
// it looked at the request. The connection is not broken.
func Refused(err error) bool {
	var e streamError
	return errors.As(err, &e) && e.Code == codeRefused
}

// WasRefused reports whether err, of a round trip of req, is a refusal by the
// server of req, and not an error of req's body, which may be somebody's response
// that was refused.
func WasRefused(req *http.Request, err error) bool {
	if b, ok := req.Body.(*requestBody); ok && b.failed.Load() {
		return false
	}
	return Refused(err)
}

// streamError receives net/http's unexported error of the same shape: that type
// fills any struct with these field names through errors.As.
type streamError struct {
	StreamID uint32
	Code     uint32
	Cause    error
}

func (e streamError) Error() string { return "http2: stream error" }

func isHTTPType(err error, name string) bool {
	t := reflect.TypeOf(err)
	return t != nil && t.Name() == name && t.PkgPath() == "net/http"
}

// isTimeout reports whether the server took too long to answer. A connection that
// the kernel gave up is not that: it is a broken connection.
func isTimeout(err error) bool {
	var broken *net.OpError
	if errors.As(err, &broken) {
		return false
	}
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}
