package keyed_test

import (
	"context"
	"testing"
	"time"

	"github.com/berth-go/berth/keyed"
	"github.com/berth-go/berth/pool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func newBudget(t *testing.T, l pool.BudgetLimits) *pool.Budget {
	t.Helper()
	b, err := pool.NewBudget(l)
	require.NoError(t, err)
	return b
}

func TestZeroPoolSaysWhatItIs(t *testing.T) {
	var p keyed.Pool[string, *thing]
	ctx := t.Context()
	for name, call := range map[string]func(){
		"Acquire":        func() { _, _ = p.Acquire(ctx, "a") },
		"AcquireWith":    func() { _, _ = p.AcquireWith(ctx, "a", pool.Request{Fresh: true}) },
		"AcquireInstead": func() { _, _ = p.AcquireInstead(ctx, "a", pool.Lease[*thing]{}, nil, pool.Request{}) },
		"TryAcquire":     func() { p.TryAcquire("a") },
		"Do":             func() { _ = p.Do(ctx, "a", nil) },
		"Warm":           func() { _ = p.Warm(ctx, "a", 1) },
		"SetLimits":      func() { _ = p.SetLimits("a", pool.Limits{}) },
		"SetTotals":      func() { _ = p.SetTotals(keyed.Totals{}) },
		"CloseIdle":      p.CloseIdle,
		"Reset":          p.Reset,
		"ResetKey":       func() { p.ResetKey("a") },
		"Retire":         func() { p.Retire(nil) },
		"ShutdownKey":    func() { _ = p.ShutdownKey(ctx, "a") },
		"Close":          func() { _ = p.Close() },
		"Shutdown":       func() { _ = p.Shutdown(ctx) },
		"Stats":          func() { p.Stats() },
		"StatsFor":       func() { p.StatsFor("a") },
		"All": func() {
			for range p.All() {
				t.Error("the zero Pool has a key")
			}
		},
	} {
		assert.PanicsWithValue(t, "keyed: this is the zero Pool: make it with New", call, name)
	}
}

func TestNewNamesTheFieldThatIsWrong(t *testing.T) {
	shared := newBudget(t, pool.BudgetLimits{})
	for _, tt := range []struct {
		field string
		what  string // that the text must say beside the field's name
		spoil func(*config)
	}{
		{"Dial", "nil", func(c *config) { c.Dial = nil }},
		{"Watch", "without Capacity", func(c *config) { c.Watch = func(*thing, func()) {} }},
		{"Expect", "without Capacity", func(c *config) { c.Expect = func(*thing) int { return 1 } }},
		{"MaxOpenPerKey", "-1", func(c *config) { c.MaxOpenPerKey = -1 }},
		{"MaxDialsPerKey", "-1", func(c *config) { c.MaxDialsPerKey = -1 }},
		{"MaxOpen", "-1", func(c *config) { c.MaxOpen = -1 }},
		{"MaxIdle", "-1", func(c *config) { c.MaxIdle = -1 }},
		{"MaxDials", "-1", func(c *config) { c.MaxDials = -1 }},
		{"Budget", "is the zero Budget: make it with NewBudget", func(c *config) { c.Budget = &pool.Budget{} }},
		{"Affinity", "-1: use 0 for strict order", func(c *config) { c.Affinity = -1 }},
		{"RedialAfter", "-1s", func(c *config) { c.RedialAfter = -time.Second }},
		{"DialTimeout", "-1s", func(c *config) { c.DialTimeout = -time.Second }},
		{"WaitTimeout", "-1s", func(c *config) { c.WaitTimeout = -time.Second }},
		{"MaxIdleTime", "-1s", func(c *config) { c.MaxIdleTime = -time.Second }},
		{"MaxOpen", "together with Budget", func(c *config) { c.Budget, c.MaxOpen = shared, 1 }},
		{"MaxIdle", "together with Budget", func(c *config) { c.Budget, c.MaxIdle = shared, 1 }},
		{"MaxDials", "together with Budget", func(c *config) { c.Budget, c.MaxDials = shared, 1 }},
		{"Affinity", "together with Budget", func(c *config) { c.Budget, c.Affinity = shared, 1 }},
	} {
		t.Run(tt.field+" "+tt.what, func(t *testing.T) {
			cfg := config{Dial: func(context.Context, string) (*thing, error) { return &thing{}, nil }}
			tt.spoil(&cfg)
			p, err := keyed.New(cfg)
			require.Error(t, err)
			assert.Nil(t, p)
			assert.Regexp(t, "^keyed: "+tt.field+" ", err.Error())
			assert.ErrorContains(t, err, tt.what)
		})
	}
}

// What a negative number means is said per field: these are no mistakes.
func TestNegativeLimitsThatMeanNoneAreTaken(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, config{MaxOpenPerKey: 1, MaxIdlePerKey: -1, MaxWaitersPerKey: -1, MaxWaiters: -1})
		holder := r.acquire("a")
		holder.got()
		assert.ErrorIs(t, r.acquire("a").failed(), pool.ErrWaitLimit)
		holder.release()
		s, ok := r.StatsFor("a")
		assert.False(t, ok, "something is kept: %+v", s)
	})
}

// Budget stands in for the four limits that it also has, and for no others.
func TestBudgetGoesWithTheOtherLimits(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, config{Budget: newBudget(t, pool.BudgetLimits{MaxOpen: 1}), MaxWaiters: -1, MaxOpenPerKey: 1})
		r.acquire("a").got()
		assert.ErrorContains(t, r.acquire("b").failed(), "total MaxWaiters")
	})
}

func TestSetTotalsNamesTheFieldThatIsWrong(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, config{MaxOpen: 3, MaxIdle: 2, MaxWaiters: 5, MaxDials: 1})
		for field, totals := range map[string]keyed.Totals{
			"MaxOpen":  {MaxOpen: -1, MaxWaiters: 7},
			"MaxIdle":  {MaxIdle: -1, MaxWaiters: 7},
			"MaxDials": {MaxDials: -1, MaxWaiters: 7},
		} {
			err := r.SetTotals(totals)
			require.Error(t, err, field)
			assert.Regexp(t, "^keyed: "+field+" is -1", err.Error())
		}
		assert.Equal(t, pool.Limits{MaxOpen: 3, MaxIdle: 2, MaxWaiters: 5, MaxDials: 1}, r.Stats().Limits, "nothing has changed")
	})
}

func TestSetTotalsLeavesASharedBudgetAlone(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newBudget(t, pool.BudgetLimits{MaxOpen: 4, MaxIdle: 3, MaxDials: 2, Affinity: 1})
		r := newRig(t, config{Budget: b})
		for _, totals := range []keyed.Totals{{MaxOpen: 1}, {MaxIdle: 1}, {MaxDials: 1}} {
			assert.ErrorContains(t, r.SetTotals(totals), "Budget")
		}
		require.NoError(t, r.SetTotals(keyed.Totals{MaxWaiters: 7}))
		assert.Equal(t, 7, r.Stats().MaxWaiters)
		assert.Equal(t, pool.BudgetLimits{MaxOpen: 4, MaxIdle: 3, MaxDials: 2, Affinity: 1}, b.Stats().BudgetLimits)
	})
}

func TestSetLimitsNamesTheFieldThatIsWrong(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, config{MaxOpenPerKey: 2})
		for field, l := range map[string]pool.Limits{
			"MaxOpen":  {MaxOpen: -1, MaxWaiters: 9},
			"MaxDials": {MaxDials: -1, MaxWaiters: 9},
			"MinIdle":  {MinIdle: -1, MaxWaiters: 9},
		} {
			err := r.SetLimits("a", l)
			require.Error(t, err, field)
			assert.Regexp(t, "Limits."+field+" is -1: use 0 for the limit per key, pool.NoLimit for none$", err.Error())
		}
		r.acquire("a").got()
		s, ok := r.StatsFor("a")
		require.True(t, ok)
		assert.Equal(t, pool.Limits{MaxOpen: 2}, s.Limits, "nothing has changed")
	})
}

// What PerKey says is only known when a key comes, so a mistake in it is an error
// of the call. It harms nobody else.
func TestWrongLimitsOfPerKeyFailTheCall(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, config{MaxOpen: 1, PerKey: func(key string) pool.Limits {
			return pool.Limits{MaxOpen: map[string]int{"wrong": -3}[key]}
		}})
		assert.ErrorContains(t, r.acquire("wrong").failed(), "keyed: limits of key wrong: PerKey.MaxOpen is -3")
		r.acquire("right").got()
		assert.Equal(t, []string{"right"}, r.keys())
	})
}
