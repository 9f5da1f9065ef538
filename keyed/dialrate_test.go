package keyed_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/berth-go/berth/keyed"
	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/atomic"
)

// A gate holds up dials until the test lets one go.
type gate struct {
	turns chan struct{}
	held  atomic.Int32 // dials in Wait
}

func newGate() *gate { return &gate{turns: make(chan struct{})} }

func (g *gate) Wait(ctx context.Context) error {
	g.held.Inc()
	defer g.held.Dec()
	select {
	case <-g.turns:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// open lets one dial go, which must be held up.
func (r *rig) open(g *gate) {
	r.t.Helper()
	r.started() // all have come as far as they can
	require.Positive(r.t, g.held.Load(), "no dial is held up")
	g.turns <- struct{}{}
	r.started()
}

// The rate over all keys holds up the dials of each.
func TestTotalDialRateIsSharedByAllKeys(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g := newGate()
		r := newRig(t, config{DialRate: g})
		calls := r.acquireAll("a", "b", "c")
		assert.Empty(t, r.started())
		assert.EqualValues(t, 3, g.held.Load())
		for n := 1; n <= 3; n++ {
			r.open(g)
			assert.Len(t, r.started(), n)
		}
		for _, c := range calls {
			c.got()
		}
	})
}

// The rate of one key holds up its own dials only.
func TestDialRatePerKeyLeavesOtherKeysAlone(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g := newGate()
		r := newRig(t, config{DialRatePerKey: func(key string) pool.Limiter {
			if key == "slow" {
				return g
			}
			return nil
		}})
		slow, quick := r.acquire("slow"), r.acquire("quick")
		quick.got()
		slow.waits()
		assert.Equal(t, []string{"quick"}, r.started())
		r.open(g)
		slow.got()
	})
}

// A dial passes its key's Limiter first: a slow key does not use up turns that
// others could take.
func TestDialPassesTheKeysRateBeforeTheTotal(t *testing.T) {
	bubble(t, func(t *testing.T) {
		total, own := newGate(), newGate()
		r := newRig(t, config{DialRate: total, DialRatePerKey: func(key string) pool.Limiter {
			if key == "slow" {
				return own
			}
			return nil
		}})
		slow, quick := r.acquire("slow"), r.acquire("quick")
		slow.waits()
		assert.EqualValues(t, 1, total.held.Load(), "the quick key's")
		r.open(total)
		quick.got()
		r.open(own)
		slow.waits()
		r.open(total)
		slow.got()
	})
}

// A Limiter of a key is asked for once while the key is in use, so that it may
// have a memory.
func TestLimiterOfAKeyIsAskedForOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		asked := map[string]int{}
		r := newRig(t, config{DialRatePerKey: func(key string) pool.Limiter {
			asked[key]++
			return nil
		}})
		for _, c := range r.acquireAll("a", "a", "b", "a") {
			c.got()
		}
		assert.Equal(t, map[string]int{"a": 1, "b": 1}, asked)
	})
}

// While a dial is held up, a waiter of its key takes what is released, and the
// slot that the dial has goes to another key's waiter if nobody needs it.
func TestWaiterTakesWhatIsReleasedWhileItsDialIsHeldUp(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g := newGate()
		r := newRig(t, config{MaxOpen: 2, DialRate: g})
		holder := r.acquire("a")
		r.open(g)
		holder.got()
		waiting := r.acquire("a")
		other := r.acquire("b")
		assert.EqualValues(t, 1, g.held.Load(), "the total cap is 2")
		holder.release()
		waiting.got()
		other.waits()
		assert.EqualValues(t, 1, g.held.Load(), "the dial for a was canceled, b's has begun")
		r.open(g)
		assert.Equal(t, "b", other.got().key)
	})
}

// Backoff and breaker are the key's own: another key's peer is another peer.
func TestBackoffAndBreakerArePerKey(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var events []pool.BreakerEvent
		r := newManual(t, config{
			BackoffBase: time.Hour, BreakAfter: 2,
			Hooks: &pool.Hooks{Breaker: func(e pool.BreakerEvent) { events = append(events, e) }},
		})
		r.acquire("down")
		r.dial(1).fail()
		waiting := r.acquire("down")
		up := r.acquire("up")
		assert.Equal(t, []string{"down", "up"}, r.started())
		r.dial(2).ok()
		up.got()
		pass(time.Hour)
		r.dial(3).fail()
		var failure *pool.DialError
		require.ErrorAs(t, waiting.failed(), &failure)
		assert.Equal(t, "down", failure.Key)
		require.ErrorAs(t, r.acquire("down").failed(), &failure)
		assert.True(t, failure.FailFast)
		assert.Equal(t, "down", failure.Key)
		assert.EqualError(t, failure, "pool: dial failed for key down (2 in a row), none is tried for this call: refused")
		assert.Equal(t, []pool.BreakerEvent{{Key: "down", Open: true, Failures: 2, Err: errDial}}, events)
		r.acquire("up").waits()
		r.dial(4).ok()
	})
}

// A key whose breaker is open gets its probe also where other keys always wait
// for the slots that all share.
func TestProbeOfAKeyIsNotStarvedByOtherKeys(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var failed atomic.Bool
		p, err := keyed.New(keyed.Config[string, int]{
			Dial: func(_ context.Context, key string) (int, error) {
				if key == "once down" && failed.CompareAndSwap(false, true) {
					return 0, errDial
				}
				return 1, nil
			},
			MaxOpen: 1, BreakAfter: 1,
		})
		require.NoError(t, err)
		_, err = p.Acquire(t.Context(), "once down")
		require.ErrorIs(t, err, errDial)

		ctx, cancel := context.WithCancel(t.Context())
		var busy sync.WaitGroup
		for range 3 {
			busy.Go(func() {
				for ctx.Err() == nil {
					if l, err := p.Acquire(ctx, "busy"); err == nil {
						<-time.After(time.Second)
						l.Release()
					}
				}
			})
		}
		begin := time.Now()
		for time.Since(begin) < time.Minute {
			l, err := p.Acquire(ctx, "once down")
			if err == nil {
				l.Release()
				break
			}
			<-time.After(time.Second)
		}
		assert.Less(t, time.Since(begin), 10*time.Second, "the breaker never closes")
		cancel()
		busy.Wait()
		require.NoError(t, p.Shutdown(t.Context()))
		assertNothingLeft(t, p)
	})
}

// A key is remembered for its failures as long as somebody asks for it, since the
// backoff and the breaker would be forgotten with it, and then leaves the map:
// what is down for good takes no place and no dials (I12).
func TestFailuresOfAKeyAreRememberedWhileSomebodyAsks(t *testing.T) {
	for name, cfg := range map[string]config{
		"backoff": {BackoffBase: time.Second, BackoffMax: 10 * time.Second},
		"breaker": {BreakAfter: 1},
		"both":    {BackoffBase: time.Second, BackoffMax: 10 * time.Second, BreakAfter: 2},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				var dials atomic.Int32
				cfg.Dial = func(context.Context, string) (*thing, error) {
					dials.Inc()
					return nil, errDial
				}
				p, err := keyed.New(cfg)
				require.NoError(t, err)
				for begin := time.Now(); time.Since(begin) < time.Minute; {
					_, err := p.Acquire(t.Context(), "down")
					require.ErrorIs(t, err, errDial)
					pass(100 * time.Millisecond)
				}
				assert.Less(t, dials.Load(), int32(30), "dials of a minute or more with ten calls a second")
				assert.Equal(t, []string{"down"}, keysOf(p))
				pass(21 * time.Second)
				assert.Empty(t, keysOf(p))
				before := dials.Load()
				pass(time.Hour)
				assert.Equal(t, before, dials.Load(), "nobody asks")
				require.NoError(t, p.Shutdown(t.Context()))
				assertNothingLeft(t, p)
			})
		})
	}
}

// A call of Warm asks for a key as well.
func TestFailuresOfAKeyAreRememberedWhileSomebodyWarmsIt(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p, err := keyed.New(config{
			BackoffBase: time.Second, BackoffMax: 10 * time.Second,
			Dial: func(context.Context, string) (*thing, error) { return nil, errDial },
		})
		require.NoError(t, err)
		require.ErrorIs(t, p.Warm(t.Context(), "down", 1), errDial)
		pass(19 * time.Second)
		require.ErrorIs(t, p.Warm(t.Context(), "down", 1), errDial)
		pass(19 * time.Second)
		assert.Equal(t, []string{"down"}, keysOf(p))
		pass(time.Second)
		assert.Empty(t, keysOf(p))
		require.NoError(t, p.Shutdown(t.Context()))
	})
}

// A key with MinIdle stays although its dials fail.
func TestKeyWithMinIdleStaysWhileItsDialsFail(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var down atomic.Bool
		down.Store(true)
		p, err := keyed.New(config{MinIdlePerKey: 2, Dial: func(context.Context, string) (*thing, error) {
			if down.Load() {
				return nil, errDial
			}
			return &thing{}, nil
		}})
		require.NoError(t, err)
		_, err = p.Acquire(t.Context(), "a")
		require.ErrorIs(t, err, errDial)
		pass(time.Hour)
		assert.Equal(t, []string{"a"}, keysOf(p))
		down.Store(false)
		pass(10 * time.Second)
		s, _ := p.StatsFor("a")
		assert.Equal(t, 2, s.Idle)
		require.NoError(t, p.Shutdown(t.Context()))
		assertNothingLeft(t, p)
	})
}

// Without backoff and breaker there is nothing to remember.
func TestKeyWithNothingLeftIsForgottenWithItsFailures(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newManual(t, config{})
		c := r.acquire("a")
		r.dial(1).fail()
		assert.ErrorIs(t, c.failed(), errDial)
		assert.Empty(t, r.keys())
		again := r.acquire("a")
		r.dial(2).ok()
		again.got()
	})
}

var errNotKeyed = errors.New("not called")

// New names the field of this package, whatever package found the fault.
func TestNewNamesTheNewFieldsThatAreWrong(t *testing.T) {
	for _, tt := range []struct {
		name  string
		wrong func(*config)
		want  string
	}{
		{"BackoffBase", func(c *config) { c.BackoffBase = -1 }, "keyed: BackoffBase is -1ns: use 0 for no backoff"},
		{"BackoffMax", func(c *config) { c.BackoffBase, c.BackoffMax = 2, 1 }, "keyed: BackoffMax is 1ns, below BackoffBase 2ns: set it above BackoffBase, or 0"},
		{"BreakAfter", func(c *config) { c.BreakAfter = -3 }, "keyed: BreakAfter is -3: use 0 for no breaker"},
		{"ShedLate", func(c *config) { c.ShedLate = 9 }, "keyed: ShedLate is 9: use one of the constants"},
		{"LowLag", func(c *config) { c.LowLag = -1 }, "keyed: LowLag is -1: use 0 for the default"},
		{"LeakAfter", func(c *config) { c.LeakAfter = -1 }, "keyed: LeakAfter is -1ns: use 0 for no reports"},
		{"LeakSample", func(c *config) { c.LeakSample = 2 }, "keyed: LeakSample is set without LeakAfter: set LeakAfter as well"},
		{"MinIdlePerKey", func(c *config) { c.MinIdlePerKey = -1 }, "keyed: MinIdlePerKey is -1: use 0 for none"},
		{"MinIdlePerKey", func(c *config) { c.MinIdlePerKey, c.MaxOpenPerKey = 3, 2 }, "keyed: MinIdlePerKey is 3, above MaxOpenPerKey 2: lower MinIdlePerKey or raise MaxOpenPerKey"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg := config{Dial: func(context.Context, string) (*thing, error) { return nil, errNotKeyed }}
			tt.wrong(&cfg)
			p, err := keyed.New(cfg)
			assert.EqualError(t, err, tt.want)
			assert.Nil(t, p)
		})
	}
}
