package waitq_test

import (
	"context"
	"slices"
)

// A modelWaiter is a waiter as the model sees it.
type modelWaiter struct {
	id         int
	place, tag uint64
	done       bool // its context is done

	state modelState
	value int   // if delivered
	err   error // if failed or canceled
}

type modelState string

const (
	modelWaiting   modelState = "waiting"
	modelDelivered modelState = "delivered"
	modelFailed    modelState = "failed"
	modelCanceled  modelState = "canceled" // and Wait or Cancel is yet to come
	modelSpent     modelState = "spent"
)

// A model is the queue as one would write it with nothing but a slice: all
// waiters that are waiting, in order. It is slow and obviously right.
type model struct {
	waiting []*modelWaiter
	last    uint64
}

func (m *model) enqueue(w *modelWaiter) {
	w.state = modelWaiting
	m.last = max(m.last, w.place)
	m.waiting = append(m.waiting, w)
	slices.SortStableFunc(m.waiting, func(a, b *modelWaiter) int {
		switch {
		case a.place < b.place:
			return -1
		case a.place > b.place:
			return 1
		}
		return 0
	})
}

// oldest returns the oldest waiter that is live and accepted, and cancels the
// dead ones before it, or all of them if there is none.
func (m *model) oldest(accept func(tag uint64) bool) *modelWaiter {
	for _, w := range slices.Clone(m.waiting) {
		switch {
		case w.done:
			m.end(w, modelCanceled)
			w.err = context.Canceled
		case accept(w.tag):
			return w
		}
	}
	return nil
}

func (m *model) end(w *modelWaiter, to modelState) {
	w.state = to
	m.waiting = slices.DeleteFunc(m.waiting, func(x *modelWaiter) bool { return x == w })
}

func (m *model) deliver(v int, accept func(uint64) bool) bool {
	w := m.oldest(accept)
	if w == nil {
		return false
	}
	m.end(w, modelDelivered)
	w.value = v
	return true
}

func (m *model) fail(err error, accept func(uint64) bool) bool {
	w := m.oldest(accept)
	if w == nil {
		return false
	}
	m.end(w, modelFailed)
	w.err = err
	return true
}

func (m *model) cancel(w *modelWaiter) bool {
	if w.state == modelWaiting {
		m.end(w, modelCanceled)
	}
	if w.state != modelCanceled {
		return false
	}
	w.state = modelSpent
	return true
}

// wait returns what Wait must return for a waiter that need not sleep.
func (m *model) wait(w *modelWaiter) (int, error) {
	if w.state == modelWaiting {
		m.end(w, modelCanceled)
		w.err = context.Canceled
	}
	w.state = modelSpent
	return w.value, w.err
}
