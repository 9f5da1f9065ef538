package waitq

import (
	"context"

	"go.uber.org/atomic"
)

// A Waiter is one waiting caller: a small value made by [Queue.Enqueue], to be
// spent by exactly one call of [Waiter.Wait].
type Waiter[T any] struct {
	q    *Queue[T]
	n    *node[T]
	turn uint64
}

// Wait blocks until the wait ends, in exactly one of three ways:
//
//   - delivered: it returns the value and a nil error, even if the context is
//     done by now;
//   - failed: it returns the error given to [Queue.Fail];
//   - canceled, when the context ended first: it returns an error for which
//     [errors.Is] reports both ctx.Err() and context.Cause(ctx). Nothing was
//     delivered: a value that was on its way stays with the one who gave it.
//
// Wait may be called long after the delivery; nothing is lost by being late. A
// second Wait on the same Waiter panics.
func (w Waiter[T]) Wait() (T, error) {
	n := w.n
	if n == nil || n.turn != w.turn {
		panic("waitq: Wait on a Waiter that has ended: most likely Wait was called twice")
	}
	select {
	case <-n.ready:
	case <-n.Ctx.Done():
		// Three outcomes race here, and end decides. If this goroutine loses to a
		// deliverer it must receive: the value is its own, there is no other owner.
		if !w.q.end(n, canceled) && n.state() != canceled {
			<-n.ready
		}
	}
	v, err := n.value, n.err
	if n.state() == canceled {
		err = ContextError(n.Ctx)
	}
	w.q.recycle(n)
	return v, err
}

// Cancel ends the wait as a done context would, without waiting, and reports
// whether it did. If it reports false, a value or an error was delivered first,
// and Wait must be called to receive it; if true, Wait must not be called.
func (w Waiter[T]) Cancel() bool {
	if w.n == nil || w.n.turn != w.turn || !w.q.end(w.n, canceled) {
		return false
	}
	w.q.recycle(w.n)
	return true
}

// state is how far a wait has come:
//
//	unused -> waiting -> delivered | failed | canceled -> unused
type state uint32

const (
	unused state = iota
	waiting
	delivered
	failed
	canceled
)

// node is a place in the queue. The waiter owns it, except that value and err
// belong to whoever ended the wait until the send on ready.
type node[T any] struct {
	Entry
	word  atomic.Uint32 // a state
	ready chan struct{} // capacity 1: one send per wait, if it was delivered or failed
	value T
	err   error
	turn  uint64 // counts the waits of this node, so that a spent Waiter is recognised

	prev, next *node[T] // under the queue's lock
	linked     bool     // under the queue's lock
}

func (n *node[T]) state() state { return state(n.word.Load()) }
func (n *node[T]) set(s state)  { n.word.Store(uint32(s)) }
func (n *node[T]) transition(from, to state) bool {
	return n.word.CompareAndSwap(uint32(from), uint32(to))
}

// clear forgets the last wait, so that nothing is kept alive by a free node.
func (n *node[T]) clear() {
	var zero T
	n.Entry, n.value, n.err = Entry{}, zero, nil
	n.turn++
	n.set(unused)
}

// ContextError returns the error of a done context: one for which [errors.Is]
// reports both ctx.Err() and context.Cause(ctx). It returns nil if ctx is not
// done.
func ContextError(ctx context.Context) error {
	err := ctx.Err()
	if err == nil {
		return nil
	}
	if cause := context.Cause(ctx); cause != nil && cause != err { //nolint:errorlint // identity decides whether there is a second error to tell
		return &contextError{err: err, cause: cause}
	}
	return err
}

type contextError struct{ err, cause error }

func (e *contextError) Error() string   { return e.err.Error() + ": " + e.cause.Error() }
func (e *contextError) Unwrap() []error { return []error{e.err, e.cause} }
