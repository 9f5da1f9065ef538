package model

import (
	"context"
	"errors"
	"slices"

	"github.com/berth-go/berth/pool"
	"github.com/berth-go/berth/waitq"
)

var errTooMany = errors.New("model: the limits do not allow so many")

// warmer is a call of Warm that waits.
type warmer struct {
	n     int
	ended chan error // has room for the one end
}

// Warm is pool.Pool.Warm. What a failed dial does to it is left out, since the
// pool then waits for a time that chance decides.
func (m *Pool[R]) Warm(ctx context.Context, n int) error {
	if err := waitq.ContextError(ctx); err != nil {
		return err
	}
	w := &warmer{n: n, ended: make(chan error, 1)}
	m.change(func() {
		switch {
		case m.mu.closed:
			w.ended <- pool.ErrClosed
		case tooMany(n, m.mu.limits):
			w.ended <- errTooMany
		default:
			m.mu.warmers = append(m.mu.warmers, w)
		}
	})
	select {
	case err := <-w.ended:
		return err
	case <-ctx.Done():
		m.change(func() { m.mu.warmers = slices.DeleteFunc(m.mu.warmers, func(o *warmer) bool { return o == w }) })
		return waitq.ContextError(ctx)
	}
}

func tooMany(n int, l pool.Limits) bool {
	return l.MaxOpen > 0 && n > l.MaxOpen || l.MaxIdle != 0 && n > max(0, l.MaxIdle)
}

// endWarmersLocked ends the calls of Warm that suit.
func (m *Pool[R]) endWarmersLocked(suits func(*warmer) bool, err error) {
	m.mu.warmers = slices.DeleteFunc(m.mu.warmers, func(w *warmer) bool {
		if !suits(w) {
			return false
		}
		w.ended <- err
		return true
	})
}
