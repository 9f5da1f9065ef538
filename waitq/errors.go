package waitq

import (
	"context"
	"errors"
)

// ContextError returns the error of a done context: one for which [errors.Is]
// reports both ctx.Err() and context.Cause(ctx). It returns nil if ctx is not
// done.
func ContextError(ctx context.Context) error {
	err := ctx.Err()
	if err == nil {
		return nil
	}
	// Without a cause of its own the context's error says it all. errors.Is, not
	// ==, as a cause may be of a type that cannot be compared.
	cause := context.Cause(ctx)
	if cause == nil || errors.Is(err, cause) {
		return err
	}
	return &contextError{err: err, cause: cause}
}

// contextError tells that a context ended, and why.
type contextError struct{ err, cause error }

func (e *contextError) Error() string   { return e.err.Error() + ": " + e.cause.Error() }
func (e *contextError) Unwrap() []error { return []error{e.err, e.cause} }
