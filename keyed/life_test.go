package keyed_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func checkFails(context.Context, *thing) error { return errBroken }

// A key leaves the map with the last thing that it had, whatever that was (I12).
// That its counters stay is checked with it.
func TestKeyLeavesTheMapWithTheLastThingItHad(t *testing.T) {
	for _, tt := range []struct {
		name   string
		cfg    config
		manual bool
		live   func(r *rig)
		want   pool.Stats // counters
	}{
		{"release, and none is kept", config{MaxIdlePerKey: -1}, false, func(r *rig) {
			r.acquire("a").release()
		}, pool.Stats{Acquires: 1, Waits: 1, Dials: 1}},
		{"discard", config{}, false, func(r *rig) {
			r.acquire("a").discard()
		}, pool.Stats{Acquires: 1, Waits: 1, Dials: 1}},
		{"hijack", config{}, false, func(r *rig) {
			r.acquire("a").hijack()
		}, pool.Stats{Acquires: 1, Waits: 1, Dials: 1, Hijacks: 1}},
		{"failed dial", config{}, true, func(r *rig) {
			c := r.acquire("a")
			r.dial(1).fail()
			assert.Error(r.t, c.failed())
		}, pool.Stats{Acquires: 1, Waits: 1, DialErrors: 1}},
		{"canceled dial", config{MaxIdlePerKey: -1}, true, func(r *rig) {
			r.acquire("a").leave()
		}, pool.Stats{Acquires: 1, Waits: 1, Canceled: 1, DialsCanceled: 1}},
		{"canceled wait without a dial", config{MaxOpen: 1}, true, func(r *rig) {
			c := r.acquire("b")
			r.acquire("a").leave()
			assert.Equal(r.t, []string{"b"}, r.keys())
			r.dial(1).ok()
			c.discard()
		}, pool.Stats{Acquires: 2, Waits: 2, Canceled: 1, Dials: 1}},
		{"call turned away", config{MaxOpen: 1, MaxWaiters: -1}, false, func(r *rig) {
			c := r.acquire("b")
			assert.ErrorIs(r.t, r.acquire("a").failed(), pool.ErrWaitLimit)
			assert.Equal(r.t, []string{"b"}, r.keys())
			c.discard()
		}, pool.Stats{Acquires: 1, Waits: 1, Rejected: 1, Dials: 1}},
		{"CloseIdle", config{}, false, func(r *rig) {
			r.acquire("a").release()
			r.CloseIdle()
		}, pool.Stats{Acquires: 1, Waits: 1, Dials: 1}},
		{"Reset", config{}, false, func(r *rig) {
			r.acquire("a").release()
			r.Reset()
		}, pool.Stats{Acquires: 1, Waits: 1, Dials: 1}},
		{"ResetKey", config{}, false, func(r *rig) {
			r.acquire("a").release()
			r.ResetKey("a")
		}, pool.Stats{Acquires: 1, Waits: 1, Dials: 1}},
		{"expiry", config{MaxIdleTime: time.Minute}, false, func(r *rig) {
			r.acquire("a").release()
			r.acquire("a").release()
			pass(time.Minute)
		}, pool.Stats{Acquires: 2, Waits: 1, Hits: 1, Dials: 1}},
		{"dead while idle", shareable(), false, func(r *rig) {
			c := r.acquire("a")
			x := c.got()
			c.release()
			x.set(pool.Dead)
		}, pool.Stats{Acquires: 1, Waits: 1, Dials: 1}},
		{"failed Check", config{CheckAfter: -1, Check: checkFails}, true, func(r *rig) {
			c := r.acquire("a")
			r.dial(1).ok()
			c.release()
			again := r.acquire("a")
			r.dial(2).fail()
			assert.ErrorIs(r.t, again.failed(), errDial)
		}, pool.Stats{Acquires: 2, Waits: 1, Hits: 1, Dials: 1, DialErrors: 1}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				r := makeRig(t, tt.cfg, tt.manual)
				tt.live(r)
				assert.Empty(t, r.keys())
				_, ok := r.StatsFor("a")
				assert.False(t, ok)

				s := r.Stats()
				assert.Equal(t, s.Dials, s.Closes.Total()+s.Hijacks)
				s.Closes, s.WaitTime, s.Limits = pool.Closes{}, 0, pool.Limits{}
				s.WaitTimes, s.DialTimes, s.LeaseTimes = pool.Histogram{}, pool.Histogram{}, pool.Histogram{}
				s.Failed = 0 // the way says which
				assert.Equal(t, tt.want, s, "no gauge is left, and the counters live on")
			})
		})
	}
}

// The slot of a dead resource is free when it is closed, but the lease is still
// out, and its key with it.
func TestKeyStaysWhileALeaseIsOutOnItsDeadResource(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cfg := shareable()
		cfg.MaxOpen = 1
		r := newRig(t, cfg)
		r.capacity = 2
		first, second := r.acquire("a"), r.acquire("a")
		x := first.got()
		x.set(pool.Dead)
		other := r.acquire("b")
		other.got()
		require.EqualValues(t, 1, x.closes.Load())

		assert.Equal(t, []string{"a", "b"}, r.keys())
		s, _ := r.StatsFor("a")
		assert.Equal(t, 2, s.Leases)
		assert.Zero(t, s.Open+s.Closing)
		assert.Same(t, x, first.lease.Value())
		first.release()
		assert.Equal(t, []string{"a", "b"}, r.keys())
		second.discard()
		assert.Equal(t, []string{"b"}, r.keys())
	})
}

// Each thing that a key can have keeps it in the map.
func TestKeyStaysWhileItHasAnything(t *testing.T) {
	bubble(t, func(t *testing.T) {
		gate := make(chan struct{})
		r := newManual(t, config{MaxIdlePerKey: 1, Close: func(*thing) error { <-gate; return nil }})
		key := []string{"a"}
		c := r.acquire("a")
		assert.Equal(t, key, r.keys(), "a waiter and a dial")
		c.leave()
		assert.Equal(t, key, r.keys(), "a dial")
		r.dial(1).ok()
		assert.Equal(t, key, r.keys(), "an idle resource")
		c = r.acquire("a")
		assert.Equal(t, key, r.keys(), "a lease")
		c.discard()
		assert.Equal(t, key, r.keys(), "a Close func")
		close(gate)
		assert.Empty(t, r.keys())
	})
}

// What a key with MinIdle has lost will come again, so the key must be there for
// it; also while the pool waits before it dials again.
func TestKeyWithMinIdleStaysWhileItHasNothing(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, config{MinIdlePerKey: 1, MaxDialsPerKey: 1})
		c := r.acquire("a")
		for n := 1; n <= 3; n++ {
			r.dial(n).fail()
			s, ok := r.StatsFor("a")
			require.True(t, ok, "after dial %d", n)
			require.Zero(t, s.Open+s.Dialing+s.Closing+s.Waiting, "it has nothing")
			require.Equal(t, []string{"a"}, r.keys())
			pass(time.Second)
		}
		assert.ErrorIs(t, c.failed(), errDial)
		r.dial(4).ok()
		s, _ := r.StatsFor("a")
		assert.Equal(t, 1, s.Idle)
	})
}

// Without MinIdle, nothing will come.
func TestKeyThatLosesItsMinIdleLeavesTheMapWhenItHasNothing(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, config{MinIdlePerKey: 1})
		r.acquire("a").release()
		require.NoError(t, r.SetLimits("a", pool.Limits{MinIdle: pool.NoLimit}))
		require.Equal(t, []string{"a"}, r.keys(), "what is idle")
		r.CloseIdle()
		assert.Empty(t, r.keys())
		pass(time.Hour)
		assert.Empty(t, r.keys())
	})
}

// A call may still need what is there, also when it has nothing at the moment.
func TestKeyStaysWhileACallIsInIt(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, config{})
		require.NoError(t, r.Do(t.Context(), "a", func(l pool.Lease[*thing]) error {
			l.Discard(errBroken)
			synctest.Wait()
			s, ok := r.StatsFor("a")
			assert.True(t, ok)
			assert.Zero(t, s.Open+s.Closing+s.Leases)
			return nil
		}))
		assert.Empty(t, r.keys())
	})
}

func TestKeyThatComesBackStartsAnew(t *testing.T) {
	bubble(t, func(t *testing.T) {
		asked := 0
		r := newRig(t, config{MaxIdlePerKey: -1, PerKey: func(string) pool.Limits {
			asked++
			return pool.Limits{MaxOpen: asked}
		}})
		for range 3 {
			r.acquire("a").release()
		}
		assert.Equal(t, 3, asked, "PerKey may say something else by then")
		c := r.acquire("a")
		s, ok := r.StatsFor("a")
		require.True(t, ok)
		assert.Equal(t, 4, s.MaxOpen)
		assert.EqualValues(t, 1, s.Dials, "of this life of the key")
		assert.EqualValues(t, 4, r.Stats().Dials)
		c.got()
	})
}

func TestTryAcquireMakesNoKey(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, config{PerKey: func(string) pool.Limits { panic("asked") }})
		_, ok := r.TryAcquire("a")
		assert.False(t, ok)
		r.ResetKey("a")
		assert.Empty(t, r.keys())
	})
}

func TestTryAcquireTakesWhatIsIdleOfItsKeyOnly(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, config{})
		r.acquire("a").release()
		r.acquire("b").got()
		_, ok := r.TryAcquire("b")
		assert.False(t, ok)
		l, ok := r.TryAcquire("a")
		require.True(t, ok)
		assert.Equal(t, "a", l.Value().key)
		l.Release()
		assert.Len(t, r.started(), 2)
	})
}

func TestDoEndsItsLeaseAndReturnsTheError(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, config{MaxOpen: 1})
		err := r.Do(t.Context(), "a", func(l pool.Lease[*thing]) error {
			assert.Equal(t, "a", l.Value().key)
			assert.Equal(t, []string{"a"}, keysOf(r.Pool))
			return errBroken
		})
		assert.ErrorIs(t, err, errBroken)
		assert.Equal(t, 1, r.Stats().Idle)
		assert.PanicsWithValue(t, "f", func() {
			_ = r.Do(t.Context(), "b", func(pool.Lease[*thing]) error { panic("f") })
		})
		assert.Empty(t, r.keys(), "discarded, and a had been evicted")
	})
}

func TestAllMayBeLeftEarlyAndMayCallThePool(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, config{})
		r.acquireAll("a", "b", "c")
		seen := 0
		for range r.All() {
			seen++
			break
		}
		assert.Equal(t, 1, seen)
		for key, s := range r.All() {
			assert.Equal(t, 1, s.InUse)
			r.acquire(key + "'").got() // a key more: the loop goes on over those it began with
			seen++
		}
		assert.Equal(t, 4, seen)
		assert.Len(t, r.keys(), 6)
	})
}

// All, Stats and StatsFor beside keys that come and go: no count is lost or
// counted twice on the way out of the map.
func TestTotalsAreRightWhileKeysComeAndGo(t *testing.T) {
	bubble(t, func(t *testing.T) {
		const workers, rounds = 4, 200
		r := newRig(t, config{MaxIdlePerKey: -1, MaxOpen: 3})
		stop := make(chan struct{})
		for w := range workers {
			go func() {
				defer func() { stop <- struct{}{} }()
				for i := range rounds {
					l, err := r.Acquire(t.Context(), fmt.Sprint("key ", (i+w)%3))
					if !assert.NoError(t, err) {
						return
					}
					l.Release()
				}
			}()
		}
		var last uint64
		for left := workers; left > 0; {
			select {
			case <-stop:
				left--
			default:
				for key, s := range r.All() {
					assert.LessOrEqual(t, s.Open+s.Dialing+s.Closing, 3, key)
				}
				r.StatsFor("key 1")
				s := r.Stats()
				assert.GreaterOrEqual(t, s.Acquires, last)
				last = s.Acquires
			}
		}
		synctest.Wait()
		assert.Empty(t, r.keys())
		s := r.Stats()
		assert.EqualValues(t, workers*rounds, s.Acquires)
		assert.Equal(t, s.Dials, s.Closes.Total())
	})
}
