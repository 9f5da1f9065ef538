package pool_test

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"

	"github.com/berth-go/berth/pool"
)

// A lateContext is a context whose caller is held up when it has ended and been noticed: it has left
// the queue by then, and has not come for the pool's lock.
type lateContext struct {
	context.Context
	done, on chan struct{}
}

func newLateContext(t *testing.T) *lateContext {
	return &lateContext{t.Context(), make(chan struct{}), make(chan struct{})}
}

func (c *lateContext) Done() <-chan struct{} { return c.done }

func (c *lateContext) Err() error {
	select {
	case <-c.done:
		<-c.on
		return context.Canceled
	default:
		return nil
	}
}

// Value has the context package ask Err, and not its parent.
func (c *lateContext) Value(any) any { return nil }

func (c *lateContext) end() {
	close(c.done)
	synctest.Wait()
}

func (c *lateContext) goOn() {
	close(c.on)
	synctest.Wait()
}

// Of calls that give up together, each waited for the same, although the pool acts on the end
// of all the waits when the first of them explains itself.
func TestCallsThatGiveUpTogetherHaveWaitedForTheSame(t *testing.T) {
	for name, tt := range map[string]struct {
		word pool.WaitedFor
		rig  func(t *testing.T) *rig
	}{
		"total": {pool.ForTotal, func(t *testing.T) *rig {
			b := newBudget(t, pool.BudgetLimits{MaxOpen: 1})
			newRig(t, under(b)).acquire().got()
			return newRig(t, under(b))
		}},
		"dials of the total": {pool.ForMaxDials, func(t *testing.T) *rig {
			b := newBudget(t, pool.BudgetLimits{MaxDials: 1})
			newManual(t, under(b)).acquire()
			return newRig(t, under(b))
		}},
		"dials that nobody else wants": {pool.ForDial, func(t *testing.T) *rig {
			return newManual(t, pool.Config[*thing]{MaxIdle: -1})
		}},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				r := tt.rig(t)
				x, y := newLateContext(t), newLateContext(t)
				one, two := r.acquireAs(x), r.acquireAs(y)
				dials := r.started()
				for n := range dials {
					r.dial(n + 1).stubborn.Store(true)
				}
				x.end()
				y.end()
				x.goOn()
				y.goOn()
				assert.Equal(t, tt.word, one.waitErr().For, one.err)
				assert.Equal(t, tt.word, two.waitErr().For, two.err)
				for n := range dials {
					r.dial(n + 1).ok()
				}
			})
		})
	}
}

// What is released after the end of the context is no longer waited for.
func TestReleaseAfterTheEndOfTheContextIsTooLate(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, pool.Config[*thing]{MaxOpen: 1})
		holder := r.acquire()
		x := newLateContext(t)
		w := r.acquireAs(x)
		x.end()
		holder.release()
		x.goOn()
		assert.Equal(t, pool.ForTurn, w.waitErr().For, w.err)
	})
}
