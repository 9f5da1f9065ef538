package pool_test

import (
	"context"
	"testing"
	"time"

	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func dialOne(context.Context) (int, error) { return 1, nil }

func one(int) int { return 1 }

func TestZeroPoolSaysWhatItIs(t *testing.T) {
	const text = "pool: this is the zero Pool: make it with New"
	var p pool.Pool[int]
	assert.PanicsWithValue(t, text, func() { _, _ = p.Acquire(t.Context()) })
	assert.PanicsWithValue(t, text, func() { p.TryAcquire() })
	assert.PanicsWithValue(t, text, func() { p.Limits() })
	assert.PanicsWithValue(t, text, func() { p.Stats() })
	assert.PanicsWithValue(t, text, func() { _ = p.Close() })
	assert.PanicsWithValue(t, text, func() { p.Retire(nil) })
}

func TestNewRefusesWrongFieldsByNameAndSaysTheRemedy(t *testing.T) {
	for _, tt := range []struct {
		name  string
		wrong func(*pool.Config[int])
		want  string
	}{
		{"no Dial", func(c *pool.Config[int]) { c.Dial = nil }, "pool: Dial is nil: set the func that makes a resource"},
		{
			"Watch alone", func(c *pool.Config[int]) { c.Watch = func(int, func()) {} },
			"pool: Watch is set without Capacity: set Capacity, which is what Watch tells of",
		},
		{
			"Shareable alone", func(c *pool.Config[int]) { c.Shareable = func(int) bool { return true } },
			"pool: Shareable is set without Capacity: set Capacity, which says how many leases a resource carries",
		},
		{"Expect alone", func(c *pool.Config[int]) { c.Expect = one }, "pool: Expect is set without Capacity: set Capacity as well"},
		{"Shared", func(c *pool.Config[int]) { c.Shared = -2 }, "pool: Shared is -2: use 0 or 1 for exclusive resources, more for shareable ones"},
		{"DialTimeout", func(c *pool.Config[int]) { c.DialTimeout = -1 }, "pool: DialTimeout is -1ns: use 0 for no limit"},
		{"RedialAfter", func(c *pool.Config[int]) { c.RedialAfter = -1 }, "pool: RedialAfter is -1ns: use 0 for no second dial"},
		{"WaitTimeout", func(c *pool.Config[int]) { c.WaitTimeout = -time.Second }, "pool: WaitTimeout is -1s: use 0 for no limit"},
		{"MaxIdleTime", func(c *pool.Config[int]) { c.MaxIdleTime = -1 }, "pool: MaxIdleTime is -1ns: use 0 for no limit"},
		{"MaxOpen", func(c *pool.Config[int]) { c.MaxOpen = -1 }, "pool: MaxOpen is -1: use 0 for no limit"},
		{"MaxDials", func(c *pool.Config[int]) { c.MaxDials = -7 }, "pool: MaxDials is -7: use 0 for no limit"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg := pool.Config[int]{Dial: dialOne}
			tt.wrong(&cfg)
			p, err := pool.New(cfg)
			assert.EqualError(t, err, tt.want)
			assert.Nil(t, p)
		})
	}
}

func TestConstantsHaveNames(t *testing.T) {
	var names []string
	for r := range pool.ReuseLeastLoaded + 2 {
		names = append(names, r.String())
	}
	for s := range pool.ShedOn + 2 {
		names = append(names, s.String())
	}
	assert.Equal(t, []string{"newest", "oldest", "least loaded", "Reuse(?)", "off", "dry run", "on", "Shed(?)"}, names)
}

// Fields for which a negative number has a meaning of its own are no errors.
func TestNewTakesWhatHasAMeaning(t *testing.T) {
	for name, change := range map[string]func(*pool.Config[int]){
		"nothing but Dial":      func(*pool.Config[int]) {},
		"MaxIdle below 0":       func(c *pool.Config[int]) { c.MaxIdle = -1 },
		"MaxWaiters below 0":    func(c *pool.Config[int]) { c.MaxWaiters = -1 },
		"CheckAfter below 0":    func(c *pool.Config[int]) { c.CheckAfter = -1 },
		"NoLimit everywhere":    func(c *pool.Config[int]) { c.MaxOpen, c.MaxDials = pool.NoLimit, pool.NoLimit },
		"MaxIdle above MaxOpen": func(c *pool.Config[int]) { c.MaxOpen, c.MaxIdle = 1, 9 },
	} {
		t.Run(name, func(t *testing.T) {
			cfg := pool.Config[int]{Dial: dialOne}
			change(&cfg)
			p, err := pool.New(cfg)
			require.NoError(t, err)
			assert.Equal(t, pool.Limits{
				MaxOpen: cfg.MaxOpen, MaxIdle: cfg.MaxIdle, MaxWaiters: cfg.MaxWaiters, MaxDials: cfg.MaxDials,
			}, p.Limits())
			assert.Zero(t, p.Stats().Dials, "New starts nothing")
			l, err := p.Acquire(t.Context())
			require.NoError(t, err)
			l.Release()
			require.NoError(t, p.Shutdown(t.Context()))
		})
	}
}

func TestSetLimitsRefusesWrongFieldsAndChangesNothing(t *testing.T) {
	before := pool.Limits{MaxOpen: 4, MaxIdle: 3, MaxWaiters: 2, MaxDials: 1}
	p, err := pool.New(pool.Config[int]{Dial: dialOne, MaxOpen: 4, MaxIdle: 3, MaxWaiters: 2, MaxDials: 1})
	require.NoError(t, err)
	for want, l := range map[string]pool.Limits{
		"pool: MaxOpen is -1: use 0 for no limit":  {MaxOpen: -1, MaxIdle: 1},
		"pool: MaxDials is -1: use 0 for no limit": {MaxOpen: 9, MaxDials: -1},

		"pool: MinIdle is NoLimit: say how many are to be ready": {MinIdle: pool.NoLimit},
	} {
		assert.EqualError(t, p.SetLimits(l), want)
		assert.Equal(t, before, p.Limits())
		assert.Equal(t, before, p.Stats().Limits)
	}
	require.NoError(t, p.Shutdown(t.Context()))
}

// New reads the Config once: what the caller does to it afterwards is nothing to
// the pool.
func TestNewReadsTheConfigOnce(t *testing.T) {
	cfg := pool.Config[int]{Dial: dialOne, MaxOpen: 1}
	p, err := pool.New(cfg)
	require.NoError(t, err)
	cfg.Dial, cfg.MaxOpen = nil, 0
	l, err := p.Acquire(t.Context())
	require.NoError(t, err)
	assert.Equal(t, 1, l.Value())
	assert.Equal(t, 1, p.Limits().MaxOpen)
	l.Release()
	require.NoError(t, p.Shutdown(t.Context()))
}

func TestReasonsHaveNames(t *testing.T) {
	seen := map[string]bool{}
	for r := pool.ReasonDiscard; r <= pool.ReasonClosed; r++ {
		name := r.String()
		assert.NotContains(t, name, "Reason(")
		assert.False(t, seen[name], "%s twice", name)
		seen[name] = true
	}
	assert.Equal(t, "Reason(200)", pool.Reason(200).String())
}

// New reads Config once: a hook that is set later would be called for what takes the lock
// alone, since whether a pool has a fast path depends on its hooks.
func TestHooksAreReadOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		hooks, n := &pool.Hooks{}, 0
		r := newRig(t, pool.Config[*thing]{Hooks: hooks})
		hooks.Acquired = func(pool.AcquiredEvent) { n++ }
		for range 10 {
			l, err := r.Acquire(t.Context())
			require.NoError(t, err)
			l.Release()
		}
		assert.Zero(t, n)
	})
}
