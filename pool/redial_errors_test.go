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

// Late dials fail in any order, and each has its own waiter: none is left for whom there must
// be one more dial.
func TestErrorsOfLateDialsLeaveNobodyBehind(t *testing.T) {
	for name, order := range map[string][]int{
		"as they began": {0, 1, 2, 3}, "the newest first": {3, 2, 1, 0}, "mixed": {2, 0, 3, 1}, "and again": {1, 3, 0, 2},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				r := newManual(t, pool.Config[*thing]{RedialAfter: late})
				var calls []*call
				for range order {
					calls = append(calls, r.acquire())
				}
				require.Equal(t, 4, r.started())
				pass(late)
				require.Equal(t, 5, r.started(), "one more beside the late ones")
				for _, n := range order {
					r.dial(n + 1).fail(errDial)
					require.ErrorIs(t, calls[n].failed(), errDial)
				}
				pass(10 * late)
				assert.Equal(t, 5, r.started())
			})
		})
	}
}

// Where there are more waiters than dials, the oldest hear of the end of one that began when
// all of them waited.
func TestErrorsOfLateDialsAreForTheOldest(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, pool.Config[*thing]{RedialAfter: late, MaxDials: 2})
		var calls []*call
		for range 6 {
			calls = append(calls, r.acquire())
		}
		for round := range 3 {
			require.Equal(t, 2*round+2, r.started())
			pass(late)
			r.dial(2*round + 2).fail(errDial) // the newer one first
			r.dial(2*round + 1).fail(errDial)
			for n, c := range calls {
				assert.Equal(t, n < 2*round+2, c.ended(), "call %d in round %d", n, round)
			}
		}
	})
}

// A dial that hangs keeps no error from whom it is for: there is one more, and that fails.
func TestErrorOfTheDialBesideOneThatHangs(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, pool.Config[*thing]{RedialAfter: late})
		first, second := r.acquire(), r.acquire()
		pass(late)
		require.Equal(t, 3, r.started())
		pass(late)
		r.dial(2).fail(errDial)
		require.ErrorIs(t, second.failed(), errDial)
		first.waits()
		r.dial(3).fail(errDial)
		require.ErrorIs(t, first.failed(), errDial)
	})
}

// A dial that was canceled and goes on is for nobody.
func TestErrorOfALateDialKnowsWhatIsCanceled(t *testing.T) {
	bubble(t, func(t *testing.T) {
		ends := make(chan error)
		dials := 0
		p, err := pool.New(pool.Config[int]{MaxOpen: 3, RedialAfter: late, Dial: func(context.Context) (int, error) {
			if dials++; dials == 4 {
				return 0, <-ends
			}
			time.Sleep(time.Hour) // whatever its context says
			return 0, errDial
		}})
		require.NoError(t, err)
		ended := make(chan int, 4)
		call := func(n int) {
			go func() {
				_, err := p.Acquire(t.Context())
				assert.Error(t, err)
				ended <- n
			}()
			synctest.Wait()
		}
		for n := range 3 {
			call(n)
		}
		pass(late)
		require.NoError(t, p.SetLimits(pool.Limits{MaxOpen: 2})) // the third dial is canceled
		call(3)
		require.NoError(t, p.SetLimits(pool.Limits{MaxOpen: 4}))
		synctest.Wait()
		require.Equal(t, 4, dials)
		pass(late)
		ends <- errDial
		assert.Equal(t, 2, <-ended, "who has no dial any more")
		require.NoError(t, p.Shutdown(t.Context()))
	})
}

// Those whom one dial is for, and who are more than it brings, are not left out.
func TestErrorOfALateDialIsForTheOldestOfThoseLeftOver(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, pool.Config[*thing]{RedialAfter: late, MaxDials: 1})
		first, second, third := r.acquire(), r.acquire(), r.acquire()
		r.dial(1).fail(errDial)
		require.ErrorIs(t, first.failed(), errDial)
		require.Equal(t, 2, r.started(), "for the two others")
		require.NoError(t, r.SetLimits(pool.Limits{MaxDials: 2}))
		require.Equal(t, 3, r.started())
		fourth := r.acquire()
		pass(late)
		r.dial(2).fail(errDial)
		require.ErrorIs(t, second.failed(), errDial)
		require.Equal(t, 4, r.started(), "when all four had come")
		pass(late)
		r.dial(4).fail(errDial)
		require.ErrorIs(t, fourth.failed(), errDial, "the third has the third dial")
		third.waits()
		r.dial(3).fail(errDial)
		require.ErrorIs(t, third.failed(), errDial)
	})
}

func TestErrorOfALateDialIsForTheOldestIfAllAreMore(t *testing.T) {
	for name, low := range map[string]bool{"": false, "one of them is behind its turn": true} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				r := newManual(t, pool.Config[*thing]{RedialAfter: late, MaxDials: 1})
				first, second, third := r.acquire(), r.acquireWith(t.Context(), pool.Request{Low: low}), r.acquire()
				r.dial(1).fail(errDial)
				require.ErrorIs(t, first.failed(), errDial)
				fourth := r.acquire()
				require.Equal(t, 2, r.started(), "for the second and the third")
				require.NoError(t, r.SetLimits(pool.Limits{MaxDials: 2}))
				require.Equal(t, 3, r.started(), "for all")
				pass(late)
				r.dial(3).fail(errDial)
				if low {
					second, third = third, second
				}
				require.ErrorIs(t, second.failed(), errDial)
				third.waits()
				fourth.waits()
			})
		})
	}
}
