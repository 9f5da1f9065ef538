package pool_test

import (
	"testing"

	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// low starts an Acquire with Request.Low.
func (r *rig) low() *call { return r.acquireWith(r.t.Context(), pool.Request{Low: true}) }

// serveAll lets one resource go through the queue, and returns in which order
// the calls got it.
func serveAll(t *testing.T, holder *call, calls []*call) []int {
	t.Helper()
	var order []int
	served := map[int]bool{}
	for last := holder; len(order) < len(calls); {
		last.release()
		next := -1
		for i, c := range calls {
			if !served[i] && c.ended() {
				require.Equal(t, -1, next, "two got one resource")
				next = i
			}
		}
		require.NotEqual(t, -1, next, "nobody got it")
		served[next], last = true, calls[next]
		last.got()
		order = append(order, next)
	}
	return order
}

// Without Low there is one lane.
func TestLaneIsOneByDefault(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, pool.Config[*thing]{MaxOpen: 1})
		holder := r.acquire()
		assert.Equal(t, []int{0, 1, 2, 3}, serveAll(t, holder, r.acquireAll(4)))
	})
}

// Later calls go first, and among themselves both lanes keep their order (I3).
func TestLowCallsLetLaterOnesPass(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, pool.Config[*thing]{MaxOpen: 1})
		holder := r.acquire()
		calls := []*call{r.low(), r.acquire(), r.low(), r.acquire(), r.acquire()}
		assert.Equal(t, []int{1, 3, 4, 0, 2}, serveAll(t, holder, calls))
	})
}

// It lets fewer than LowLag of them pass, so it never starves.
func TestLowCallLetsFewerThanLowLagPass(t *testing.T) {
	for _, tt := range []struct{ lag, want int }{{1, 0}, {5, 3}, {0, 62}} {
		bubble(t, func(t *testing.T) {
			r := newRig(t, pool.Config[*thing]{MaxOpen: 1, LowLag: tt.lag})
			last := r.acquire()
			low := r.low()
			queue := r.acquireAll(2)
			passed := 0
			for !low.ended() {
				last.release()
				if low.ended() {
					break
				}
				passed++
				require.LessOrEqual(t, passed, tt.want, "LowLag %d", tt.lag)
				last, queue = queue[0], append(queue[1:], r.acquire()) // without end
			}
			low.got()
			assert.Equal(t, tt.want, passed, "and it lets them pass")
		})
	}
}

// So it is whichever pool of a Budget has the slot before, and has the calls.
func TestLowCallLetsFewerThanLowLagOfABudgetPass(t *testing.T) {
	for _, lag := range []int{1, 2, 5} {
		for _, who := range []string{"AAA", "AAB", "ABA", "ABB"} { // the holder, the low call, the later ones
			bubble(t, func(t *testing.T) {
				budget, err := pool.NewBudget(pool.BudgetLimits{MaxOpen: 1})
				require.NoError(t, err)
				cfg := pool.Config[*thing]{Budget: budget, LowLag: lag}
				rigs := map[byte]*rig{'A': newRig(t, cfg), 'B': newRig(t, cfg)}
				holder := rigs[who[0]].acquire()
				low := rigs[who[1]].low()
				later := rigs[who[2]].acquireAll(lag + 1)
				holder.release()
				passed := 0
				for !low.ended() {
					passed++
					require.Less(t, passed, lag, who)
					later[0].release()
					later = later[1:]
				}
				low.release()
				for _, c := range later {
					c.release()
				}
			})
		}
	}
}

// Nobody else waits: a low call is served like any other.
func TestLowCallAloneIsServedAtOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, pool.Config[*thing]{MaxOpen: 2})
		first := r.low()
		first.got()
		first.release()
		second := r.low()
		second.got()
		assert.True(t, second.lease.Info().Reused)
		r.low().got()
	})
}

// A call with a place of its own keeps it, with Low too.
func TestPlaceCountsMoreThanLow(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, pool.Config[*thing]{MaxOpen: 1})
		holder := r.acquire()
		first := r.acquire()
		holder.release()
		first.got()
		place := first.lease.Ticket()
		others := r.acquireAll(2)
		back := r.acquireWith(t.Context(), pool.Request{Place: place, Low: true})
		first.release()
		back.got()
		back.release()
		others[0].got()
	})
}

// A failed dial fails low callers too: with a shareable resource in view it is
// counted for those who were queued when it began, in either lane.
func TestFailedDialFailsLowCallersToo(t *testing.T) {
	for _, shared := range []int{1, 10} {
		bubble(t, func(t *testing.T) {
			cfg := shareable()
			cfg.Shared, cfg.MaxOpen = shared, 1
			r := newManual(t, cfg)
			low := r.low()
			r.dial(1).fail(errDial)
			require.ErrorIs(t, low.failed(), errDial, "Shared is %d", shared)
		})
	}
}

// Whoever comes back to the place of a low caller's lease had come when the dial for it
// began, though no caller after it may have been given that place yet.
func TestFailedDialFailsWhoIsBackAtALowPlace(t *testing.T) {
	for name, back := range map[string]func(*rig, *call) *call{
		"AcquireInstead": func(r *rig, low *call) *call { return low.instead(r, pool.Request{}) },
		"Place": func(r *rig, low *call) *call {
			low.discard()
			return r.acquireWith(r.t.Context(), pool.Request{Place: low.lease.Ticket()})
		},
	} {
		t.Run("shared, "+name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				cfg := shareable()
				cfg.Shared = 2
				r := newManual(t, cfg)
				low := r.low()
				r.dial(1).ok()
				low.got()
				c := back(r, low)
				r.dial(2).fail(errDial)
				require.ErrorIs(t, c.failed(), errDial)
				assert.Equal(t, 2, r.started(), "else it is dialled for without end")
			})
		})
		t.Run("late, "+name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				r := newManual(t, pool.Config[*thing]{MaxOpen: 1, RedialAfter: late})
				low := r.low()
				r.dial(1).ok()
				low.got()
				c := back(r, low)
				pass(2 * late)
				r.dial(2).fail(errDial)
				require.ErrorIs(t, c.failed(), errDial)
				assert.Equal(t, 2, r.started())
			})
		})
	}
}

// A failed dial fails those who were queued when it began, as many as it was for. A
// low caller stands further behind than it came.
func TestFailedDialSparesThoseWhoCameAfterItBeganBesideALowCaller(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg := shareable()
		cfg.MaxOpen, cfg.Shared = 1, 3
		r := newManual(t, cfg)
		low := r.acquireWith(t.Context(), pool.Request{Low: true})
		early := r.acquire()
		r.dial(1) // began for low
		late := r.acquire()
		r.dial(1).fail(errDial)
		assert.ErrorIs(t, low.failed(), errDial)
		late.waits()
		early.waits()
	})
}

// Low has no effect on a call that has a place: a dial that began before somebody had that
// place does not fail it.
func TestFailedDialFailsNobodyWhoseLowHasNoEffect(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg := shareable()
		cfg.Shared, cfg.LowLag = 2, 1
		r := newManual(t, cfg)
		calls := r.acquireAll(3) // the second dial began for the last of them
		r.born(2)
		r.dial(2).ok()
		calls[0].got()
		calls[1].got()
		back := calls[1].instead(r, pool.Request{Low: true})
		r.dial(1).fail(errDial)
		back.waits()
		calls[2].waits()
		r.born(2)
		r.dial(3).ok()
		back.got()
		calls[2].got()
	})
}
