package pool_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// hookCtx calls a func of the test at the moment at which somebody asks for its
// deadline or for its Done channel: at Acquire's own steps, which is how a test
// gets into the windows between them.
type hookCtx struct {
	context.Context
	deadline, done func()
}

func (c *hookCtx) Deadline() (time.Time, bool) {
	if f := c.deadline; f != nil {
		c.deadline = nil
		f()
	}
	return c.Context.Deadline()
}

func (c *hookCtx) Done() <-chan struct{} {
	if f := c.done; f != nil {
		c.done = nil
		f()
	}
	return c.Context.Done()
}

// A shareable resource is handed out, given back, prepared and looked at without
// ever leaving the pool: whoever comes meanwhile finds it there.
func TestShareableNeverLeavesThePool(t *testing.T) {
	for _, tt := range []struct {
		name   string
		window func(cfg *pool.Config[*thing], open func())
	}{
		{"while it is in use", func(*pool.Config[*thing], func()) {}},
		{"in Take", func(cfg *pool.Config[*thing], open func()) {
			cfg.Take = func(*thing) error { open(); return nil }
		}},
		{"in Recycle", func(cfg *pool.Config[*thing], open func()) {
			cfg.Recycle = func(*thing) error { open(); return nil }
		}},
		{"in Capacity", func(cfg *pool.Config[*thing], open func()) {
			cfg.Watch = nil // so that Capacity is read at each release
			capacity := cfg.Capacity
			cfg.Capacity = func(x *thing) int { open(); return capacity(x) }
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				var r *rig
				opened := 0
				cfg := shareable()
				tt.window(&cfg, func() {
					if opened++; r.Stats().Open == 0 || opened > 5 {
						return // the dial itself; and the second request opens the window too
					}
					other, err := r.Acquire(t.Context())
					if assert.NoError(t, err) {
						assert.Equal(t, 1, other.Value().n)
					}
					other.Release()
				})
				r = newManual(t, cfg)
				r.capacity = 100
				first := r.acquire()
				r.dial(1).ok()
				second := r.acquire()
				assert.Same(t, first.got(), second.got())
				first.release()
				second.release()
				r.acquire().release()
				assert.Equal(t, 1, r.started(), "a second dial was started")
			})
		})
	}
}

// The same without a script: two requests in every interleaving that the
// scheduler finds.
func TestShareableNeverLeavesThePoolUnderStress(t *testing.T) {
	cfg := shareable()
	r := newRig(t, cfg)
	r.capacity = 2
	l, err := r.Acquire(t.Context())
	require.NoError(t, err)
	l.Release()
	var both sync.WaitGroup
	for range 2 {
		both.Go(func() {
			for range 5_000 {
				l, err := r.Acquire(t.Context())
				if !assert.NoError(t, err) {
					return
				}
				l.Release()
			}
		})
	}
	both.Wait()
	assert.EqualValues(t, 1, r.Stats().Dials)
	assert.EqualValues(t, 1, r.Stats().Waits, "but for the dial, there was always room for two")
}

// The resource comes back after the caller has looked for one and before it is
// in the queue. Registering and looking again are one step, so it finds it (I4).
func TestReleaseBetweenLookAndEnqueue(t *testing.T) {
	for _, tt := range []struct {
		name    string
		maxOpen int
	}{{"at the cap", 1}, {"below the cap", 2}} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				// With WaitTimeout a caller who found nothing asks its context for the
				// deadline before it queues.
				r := newManual(t, pool.Config[*thing]{MaxOpen: tt.maxOpen, WaitTimeout: time.Hour})
				holder := r.acquire()
				r.dial(1).ok()
				looked := false
				ctx := &hookCtx{Context: t.Context(), deadline: func() {
					looked = true
					holder.lease.Release()
				}}
				l, err := r.Acquire(ctx)
				require.NoError(t, err)
				assert.True(t, looked)
				assert.Equal(t, 1, l.Value().n)
				assert.Equal(t, 1, r.started(), "it dialled although a resource was idle")
				l.Release()
			})
		})
	}
}

// The resource is delivered to a caller who is in the queue and does not receive
// yet. It must not be taken for one whom nobody wants (I5).
func TestDeliveryBeforeTheReceiverWaits(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, pool.Config[*thing]{MaxOpen: 1})
		holder := r.acquire()
		var before, after pool.Stats
		ctx := &hookCtx{Context: t.Context()}
		ctx.done = func() { // it is about to receive
			before = r.Stats()
			holder.lease.Release()
			after = r.Stats()
		}
		l, err := r.Acquire(ctx)
		require.NoError(t, err)
		assert.Equal(t, 1, before.Waiting, "it was in the queue")
		assert.Zero(t, after.Waiting)
		assert.Zero(t, after.Idle, "its resource was laid aside")
		assert.Equal(t, 1, l.Value().n)
		l.Release()
	})
}

// The same, with a caller who gives up in that very moment: the delivery was
// first, so the lease is the caller's, and nothing is lost (I5).
func TestDeliveryBeforeTheReceiverGivesUp(t *testing.T) {
	for range 20 { // it wakes up for either: chance decides for which first
		bubble(t, func(t *testing.T) {
			r := newRig(t, pool.Config[*thing]{MaxOpen: 1})
			holder := r.acquire()
			inner, cancel := context.WithCancel(t.Context())
			ctx := &hookCtx{Context: inner}
			ctx.done = func() {
				holder.lease.Release()
				cancel()
			}
			l, err := r.Acquire(ctx)
			require.NoError(t, err, "what was delivered is returned, even if ctx is done by then")
			l.Release()
			assert.Equal(t, 1, r.Stats().Idle)
		})
	}
}

// fickleCtx ends when its Err has been asked for once more than it has answers:
// between two looks of the pool at the same waiter.
type fickleCtx struct {
	context.Context
	cancel  func()
	answers int // below 0: as many as are asked for
}

func (c *fickleCtx) Err() error {
	if c.answers--; c.answers == -1 {
		c.cancel()
	}
	return c.Context.Err()
}

// The pool may look at a waiter several times before it delivers to it. Whenever
// the waiter goes in between, what was meant for it is with the next waiter or
// idle before Release returns, as if it had never left (I5).
func TestDeliveryToAWaiterThatIsGoneComesBack(t *testing.T) {
	const looks = 6 // more than there are
	budget, err := pool.NewBudget(pool.BudgetLimits{MaxOpen: 1})
	require.NoError(t, err)
	for name, tt := range map[string]struct {
		cfg  pool.Config[*thing]
		gone int // in so many cases it goes after the first look and before the last
	}{
		"handed off":  {pool.Config[*thing]{MaxOpen: 1}, 0}, // that is one look
		"of a Budget": {pool.Config[*thing]{Budget: budget}, 2},
		"shareable":   {pool.Config[*thing]{MaxOpen: 1, Capacity: func(*thing) int { return 1 }}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			delivered := 0
			for answers := range looks {
				for _, next := range []bool{true, false} {
					bubble(t, func(t *testing.T) {
						if goneBetweenLooks(t, tt.cfg, answers, next) {
							delivered++
						}
					})
				}
			}
			assert.NotZero(t, delivered)
			assert.LessOrEqual(t, delivered, 2*(looks-1)-tt.gone, "it was never gone between two looks")
		})
	}
}

// goneBetweenLooks has a waiter go after so many looks at it, with another one behind
// it or not, and reports whether it got the resource all the same.
func goneBetweenLooks(t *testing.T, cfg pool.Config[*thing], answers int, next bool) (delivered bool) {
	r := newRig(t, cfg)
	holder := r.acquire()
	ctx := &fickleCtx{answers: -1}
	ctx.Context, ctx.cancel = context.WithCancel(t.Context())
	fickle := r.acquireAs(ctx)
	var after *call
	if next {
		after = r.acquire()
	}
	ctx.answers = answers
	holder.lease.Release()
	s := r.Stats()
	assert.Equal(t, 1, s.Open)
	if fickle.ended(); fickle.err == nil {
		delivered = true
		fickle.release()
	} else {
		assert.ErrorIs(t, fickle.failed(), context.Canceled)
		assert.Equal(t, next, s.InUse == 1)
	}
	if !next {
		assert.Zero(t, r.Stats().Leases)
		after = r.acquire()
	}
	after.got()
	if fickle.err != nil {
		assert.EqualValues(t, 2, after.lease.Info().Uses, "a lease that nobody got is none")
	}
	return delivered
}

// Room is claimed by dials, each of which has one end, and never by callers. So
// whatever way a caller takes in the end, all the room is there afterwards (I1).
func TestCapIsNotClaimedForACallerWhoTookAnotherBranch(t *testing.T) {
	const maxOpen = 3
	for _, tt := range []struct {
		name   string
		branch func(r *rig)
	}{
		{"served by a release", func(r *rig) {
			holder, other := r.acquire(), r.acquire()
			r.endDials()
			late := r.acquire() // a dial starts for it
			holder.release()
			late.got()
			late.release()
			other.release()
			r.endDials()
		}},
		{"served by another's dial", func(r *rig) {
			first, second := r.acquire(), r.acquire()
			n := r.started()
			r.dial(n).ok()
			first.got()
			first.release()
			second.got()
			second.release()
			r.endDials()
		}},
		{"gave up", func(r *rig) {
			r.acquire().leave()
			r.endDials()
		}},
		{"was turned away", func(r *rig) {
			l := r.Limits()
			assert.NoError(r.t, r.SetLimits(pool.Limits{MaxOpen: maxOpen, MaxDials: 1, MaxWaiters: -1}))
			first, second := r.acquire(), r.acquire()
			assert.ErrorIs(r.t, second.failed(), pool.ErrWaitLimit)
			r.endDials()
			first.release()
			assert.NoError(r.t, r.SetLimits(l))
		}},
		{"dial failed", func(r *rig) {
			first := r.acquire()
			r.dial(r.started()).fail(errDial)
			assert.ErrorIs(r.t, first.failed(), errDial)
		}},
		{"Reset came in between", func(r *rig) {
			first := r.acquire()
			r.Reset()
			r.endDials()
			first.release()
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				r := newManual(t, pool.Config[*thing]{MaxOpen: maxOpen})
				for range maxOpen + 1 {
					tt.branch(r)
					r.CloseIdle()
					synctest.Wait()
					require.Zero(t, r.Stats().Open+r.Stats().Dialing+r.Stats().Closing)
				}
				var all []*call
				for range maxOpen {
					all = append(all, r.acquire())
				}
				r.endDials()
				for _, c := range all {
					c.got() // or a claim was never given back
				}
				assert.Equal(t, maxOpen, r.Stats().InUse)
			})
		})
	}
}

// endDials lets all dials in flight succeed, and those that start because of it.
func (r *rig) endDials() {
	for range 10 { // more than any of them needs
		synctest.Wait()
		r.mu.Lock()
		for _, d := range r.dials {
			select {
			case d.word <- func() (*thing, error) { return r.newThing(), nil }:
			default: // it has had its word
			}
		}
		r.mu.Unlock()
		synctest.Wait()
	}
}
