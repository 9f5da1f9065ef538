package pool_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// instead starts an AcquireInstead of the call's lease.
func (c *call) instead(r *rig, req pool.Request) *call {
	ctx, cancel := context.WithCancelCause(r.t.Context())
	next := &call{t: r.t, done: make(chan struct{}), cancel: cancel}
	r.mu.Lock()
	r.calls = append(r.calls, next)
	r.mu.Unlock()
	go func() {
		defer close(next.done)
		next.lease, next.err = r.AcquireInstead(ctx, c.lease, errBroken, req)
	}()
	synctest.Wait()
	return next
}

// insteadConfigs are pools whose callers queue in the hold of the lock in which they
// found nothing, and in a later one.
func insteadConfigs() map[string]pool.Config[*thing] {
	return map[string]pool.Config[*thing]{
		"at once":     {MaxOpen: 1},
		"later":       {MaxOpen: 1, WaitTimeout: time.Hour},
		"after hooks": {MaxOpen: 1, Hooks: &pool.Hooks{WaitStarted: func(pool.WaitEvent) {}, Released: func(pool.ReleasedEvent) {}}},
	}
}

// Who gives up a resource that has failed, for another, is the next in line before
// its slot is free: nobody who waits comes between (I3).
func TestInsteadKeepsThePlace(t *testing.T) {
	for name, cfg := range insteadConfigs() {
		for _, req := range []pool.Request{{}, {Fresh: true}} {
			t.Run(name, func(t *testing.T) {
				bubble(t, func(t *testing.T) {
					var order []error
					if h := cfg.Hooks; h != nil {
						h.Released = func(e pool.ReleasedEvent) { order = append(order, e.Err) }
					}
					r := newManual(t, cfg)
					first := r.acquire()
					r.dial(1).ok()
					first.got()
					others := r.acquireAll(2)
					next := first.instead(r, req)
					require.Equal(t, 2, r.started(), "one dial, for the slot that is free")
					r.dial(2).ok()
					assert.Equal(t, 2, next.got().n)
					assert.Equal(t, first.lease.Ticket(), next.lease.Ticket())
					if cfg.Hooks != nil {
						assert.Equal(t, []error{errBroken}, order)
					}
					others[0].waits()
					next.release()
					assert.Equal(t, 2, others[0].got().n)
					others[0].release()
					others[1].got()
					assert.Equal(t, uint64(1), r.Stats().Closes.Of(pool.ReasonDiscard))
				})
			})
		}
	}
}

// What is idle is had at once, and the failed one is closed all the same.
func TestInsteadTakesWhatIsIdle(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, pool.Config[*thing]{MaxOpen: 2})
		first, second := r.acquire(), r.acquire()
		second.release()
		next := first.instead(r, pool.Request{})
		assert.Equal(t, 2, next.got().n)
		s := r.Stats()
		assert.Equal(t, []int{1, 1}, []int{s.Open, s.Leases})
	})
}

// The lease ends whatever becomes of the call.
func TestInsteadEndsTheLeaseInEveryCase(t *testing.T) {
	for name, f := range map[string]func(r *rig, c *call) *call{
		"a context that has ended": func(r *rig, c *call) *call {
			ctx, cancel := context.WithCancel(r.t.Context())
			cancel()
			next := &call{t: r.t, done: make(chan struct{})}
			next.lease, next.err = r.AcquireInstead(ctx, c.lease, errBroken, pool.Request{})
			close(next.done)
			return next
		},
		"a wait that is given up": func(r *rig, c *call) *call {
			next := c.instead(r, pool.Request{})
			next.waits()
			next.leave()
			return next
		},
		"a closed pool": func(r *rig, c *call) *call {
			assert.NoError(r.t, r.Close())
			return c.instead(r, pool.Request{})
		},
		"a dial that fails": func(r *rig, c *call) *call {
			next := c.instead(r, pool.Request{})
			r.dial(2).fail(errDial)
			return next
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				r := newManual(t, pool.Config[*thing]{MaxOpen: 1})
				c := r.acquire()
				r.dial(1).ok()
				c.got()
				require.Error(t, f(r, c).failed())
				synctest.Wait()
				s := r.Stats()
				assert.Zero(t, s.Leases)
				assert.EqualValues(t, 1, r.things[0].closes.Load())
				c.release() // nothing
			})
		})
	}
}

// A lease that has ended already, the zero one and that of another pool are no
// matter of the place.
func TestInsteadOfNoLeaseOfThePool(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r, other := newRig(t, pool.Config[*thing]{MaxOpen: 1}), newRig(t, pool.Config[*thing]{})
		zero := (&call{}).instead(r, pool.Request{})
		zero.got()
		zero.release()
		ended := zero.instead(r, pool.Request{})
		assert.Equal(t, 1, ended.got().n, "released, and so not discarded")
		ended.release()
		foreign := other.acquire()
		foreign.got()
		next := foreign.instead(r, pool.Request{})
		assert.Equal(t, 1, next.got().n)
		assert.Zero(t, other.Stats().Leases)
		assert.EqualValues(t, 1, other.things[0].closes.Load())
	})
}

// The resource that has failed is not what the caller gets, though it has room for
// another lease.
func TestInsteadIsNotTheSameResource(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg := shareable()
		cfg.Shared = 10
		r := newRig(t, cfg)
		r.capacity = 10
		first := r.acquire()
		first.got()
		next := first.instead(r, pool.Request{})
		assert.Equal(t, 2, next.got().n)
	})
}

// The failed one is gone before anything of the user's runs for the other: its slot
// is there for others, and a hook that panics leaves no lease in nobody's hands (I5).
func TestInsteadHoldsOneLeaseAtATime(t *testing.T) {
	bubble(t, func(t *testing.T) {
		checks := 0
		r := newRig(t, pool.Config[*thing]{
			MaxOpen: 2, CheckAfter: time.Second,
			Check: func(context.Context, *thing) error { checks++; pass(time.Minute); return nil },
		})
		first, second := r.acquire(), r.acquire()
		second.release()
		pass(time.Hour)
		ctx := t.Context()
		done := make(chan pool.Lease[*thing])
		go func() {
			l, err := r.AcquireInstead(ctx, first.lease, errBroken, pool.Request{})
			assert.NoError(t, err)
			done <- l
		}()
		synctest.Wait()
		other := r.acquire()
		assert.Equal(t, 3, other.got().n, "in the slot of the broken one, during the check")
		(<-done).Release()
		assert.Equal(t, 1, checks)
	})
	bubble(t, func(t *testing.T) {
		armed := false
		r := newRig(t, pool.Config[*thing]{Hooks: &pool.Hooks{Released: func(pool.ReleasedEvent) {
			if armed {
				armed = false
				panic("of the hook")
			}
		}}})
		first, second := r.acquire(), r.acquire()
		second.release()
		armed = true
		assert.PanicsWithValue(t, "of the hook", func() {
			_, _ = r.AcquireInstead(t.Context(), first.lease, errBroken, pool.Request{})
		})
		assert.Zero(t, r.Stats().Leases)
	})
}

// A lease that has ended gives no place.
func TestInsteadOfAnEndedLeaseQueuesAtTheEnd(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, pool.Config[*thing]{MaxOpen: 1})
		ended := r.acquire()
		ended.release()
		holder, first := r.acquire(), r.acquire()
		late := ended.instead(r, pool.Request{})
		holder.release()
		first.got()
		late.waits()
		first.release()
		late.got()
	})
}
