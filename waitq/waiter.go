package waitq

import (
	"cmp"
	"context"
)

// A Waiter is one waiting caller: a small value made by [Queue.Enqueue]. It is
// spent by one call of [Waiter.Wait], or by a [Waiter.Cancel] that reports true.
// Copies are the same Waiter, and only one goroutine at a time may use it.
type Waiter[T any] struct {
	q    *Queue[T]
	n    *node[T]
	turn uint64 // which wait of n this is
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
// Wait on a spent Waiter panics.
func (w Waiter[T]) Wait() (T, error) {
	v, ctx, err := w.Await()
	if ctx != nil {
		err = cmp.Or(ContextError(ctx), err)
	}
	return v, err
}

// Await is [Waiter.Wait] without the cause: a canceled wait ends with the context that
// ended it, and the error of that alone. To ask for the cause takes the context's lock.
// Whoever ends a context that thousands wait with has that lock until all of them have been
// woken, so that each who asks at once sleeps again; ask when somebody wants to know, with
// [ContextError].
func (w Waiter[T]) Await() (v T, ended context.Context, err error) {
	n := w.n
	if n == nil || n.load().turn() != w.turn {
		panic("waitq: Wait on a Waiter that is spent: most likely Wait was called twice, or after Cancel")
	}
	received := false
	if n.load().state() == waiting { // often the giver was here first, and there is nothing to sleep for
		select {
		case <-n.ready:
			received = true
		case <-n.Ctx.Done():
			w.q.end(n, w.turn, canceled)
		}
	}
	// Three outcomes race above, and end has decided, here or at the giver's. Who
	// wakes up for the context and loses to a giver must still receive: the value
	// is its own, there is no other owner.
	if !received && n.load().state() != canceled {
		<-n.ready
	}
	v, err = n.value, n.err
	if n.load().state() == canceled {
		ended = n.Ctx
		err = cmp.Or(ended.Err(), context.Canceled) // a context of somebody's own may be done and have no Err
	}
	w.q.recycle(n, w.turn)
	return v, ended, err
}

// Cancel ends the wait as a done context would, without waiting, and reports
// whether nothing was delivered. If it reports true, the Waiter is spent and Wait
// must not be called. If it reports false, a value or an error was delivered
// first: Wait must be called to receive it, and returns at once.
//
// Cancel is for a caller who has registered and then found what it wanted
// elsewhere. To end a Wait that another goroutine is in, end its context. On a
// Waiter that is spent Cancel does nothing and reports false.
func (w Waiter[T]) Cancel() bool {
	n := w.n
	if n == nil {
		return false
	}
	// A giver may have canceled the wait already because of its context. That is
	// no delivery, and the node is still this Waiter's to recycle.
	if !w.q.end(n, w.turn, canceled) && n.load() != pack(w.turn, canceled) {
		return false
	}
	return w.q.recycle(n, w.turn)
}
