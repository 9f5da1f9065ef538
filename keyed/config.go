package keyed

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/berth-go/berth/pool"
)

// Config says how a keyed pool makes, tests and unmakes its resources, and how
// many of them it may have, per key and in total. [New] reads it once. What is
// not said here is as in [pool.Config], and so are the rules for panics.
type Config[K comparable, R any] struct {
	// Dial makes a resource for a key. It is required.
	Dial func(ctx context.Context, key K) (R, error)

	Close     func(R) error                        // as in pool.Config
	Check     func(ctx context.Context, r R) error // as in pool.Config
	Take      func(R) error                        // as in pool.Config
	Recycle   func(R) error                        // as in pool.Config
	Capacity  func(R) int                          // as in pool.Config
	Shareable func(R) bool                         // as in pool.Config
	Expect    func(R) int                          // as in pool.Config
	Watch     func(r R, changed func())            // as in pool.Config

	// Shared returns the capacity that a resource of the key, not yet dialled, is
	// expected to have. It is asked before each wait, after each dial and after each
	// change of what Capacity or Expect returns, so it may learn. Less than 1 counts as 1.
	// nil: 1.
	Shared func(key K) int

	// Limits for each key. They mean what the fields of pool.Limits mean. A key
	// with MinIdle stays in the map until it has none any more, by SetLimits, or
	// is closed, by ShutdownKey or with the pool.
	MaxOpenPerKey, MaxIdlePerKey, MinIdlePerKey, MaxWaitersPerKey, MaxDialsPerKey int

	// Limits over all keys. 0: no limit. MaxWaiters below 0: never wait. (While resources
	// close, a caller or two more may wait: which key gets such a slot may change.)
	// At MaxOpen, an idle resource of another key, the least recently used, is
	// closed for a waiter; capacity goes to keys in the order in which their
	// callers came, passing over keys at their own limit.
	MaxOpen, MaxIdle, MaxWaiters, MaxDials int

	// PerKey returns limits of one key: a field that is not zero replaces the
	// limit per key of that name; pool.NoLimit stands for none. It is asked when
	// the key is first used, and again after the key was empty and forgotten: by each
	// of the callers who come to it at once, and by SetLimits of a key not in use.
	PerKey func(key K) pool.Limits

	// Affinity is as in pool.BudgetLimits.
	Affinity int

	// Budget takes the place of MaxOpen, MaxIdle, MaxDials and Affinity, to share
	// them with other pools of any type; setting both is an error. nil: a Budget
	// of its own.
	Budget *pool.Budget

	DialTimeout, RedialAfter                          time.Duration // as in pool.Config
	WaitTimeout, CheckAfter, CheckEvery               time.Duration // as in pool.Config
	MaxIdleTime, MaxLifetime, LifetimeJitter, Overlap time.Duration // as in pool.Config
	DrainTimeout, CloseTimeout                        time.Duration // as in pool.Config
	MaxUses                                           uint64        // as in pool.Config
	Reuse                                             pool.Reuse    // as in pool.Config

	// DialRate holds up the dials of all keys, DialRatePerKey those of one key; it
	// is asked for the key's Limiter when a caller comes to a key that is not in use, and
	// so again when the key comes back: have it return the same one then, since a new one
	// allows its burst anew. See pool.Config. nil: no limit.
	DialRate       pool.Limiter
	DialRatePerKey func(key K) pool.Limiter

	// As in pool.Config, per key. A key with nothing left is remembered for its
	// failures until nobody has called for it for twice the longest backoff.
	BackoffBase, BackoffMax time.Duration
	BreakAfter              int

	ShedLate   pool.Shed     // as in pool.Config, per key: it knows of the key's own leases, and not when a slot of another key comes free
	LowLag     int           // as in pool.Config; over all keys
	LeakAfter  time.Duration // as in pool.Config
	LeakSample int           // as in pool.Config, per key

	Hooks *pool.Hooks // as in pool.Config
}

// Totals are the limits over all keys that may change while the pool runs.
type Totals struct{ MaxOpen, MaxIdle, MaxWaiters, MaxDials int }

// validate returns an error that names the first wrong field and the remedy.
func (c *Config[K, R]) validate() error {
	if c.Dial == nil {
		return fieldError("Dial", "is nil", "set the func that makes a resource")
	}
	if c.Affinity < 0 {
		return fieldError("Affinity", fmt.Sprintf("is %d", c.Affinity), "use 0 for strict order")
	}
	if c.Budget != nil {
		for _, f := range []struct {
			name string
			v    int
		}{{"MaxOpen", c.MaxOpen}, {"MaxIdle", c.MaxIdle}, {"MaxDials", c.MaxDials}, {"Affinity", c.Affinity}} {
			if f.v != 0 {
				return fieldError(f.name, "is set together with Budget", "set it in the Budget's limits")
			}
		}
	}
	if err := c.totals().validate(); err != nil {
		return err
	}
	// The rest is the same for every key, and so is what pool says of it.
	cfg := c.poolConfig(c.perKey())
	cfg.Budget = c.Budget
	_, err := pool.New(cfg)
	return inKeyedWords(err)
}

// inKeyedWords returns an error of pool.New with the names that its fields have
// here.
func inKeyedWords(err error) error {
	if err == nil {
		return nil
	}
	text := strings.TrimPrefix(err.Error(), "pool: ")
	for _, name := range []string{"MaxOpen", "MaxIdle", "MinIdle", "MaxDials"} {
		text = regexp.MustCompile(`\b`+name+`\b`).ReplaceAllString(text, name+"PerKey")
	}
	return errors.New("keyed: " + text)
}

func (c *Config[K, R]) totals() Totals {
	return Totals{MaxOpen: c.MaxOpen, MaxIdle: c.MaxIdle, MaxWaiters: c.MaxWaiters, MaxDials: c.MaxDials}
}

func (t Totals) validate() error {
	for _, f := range []struct {
		name string
		v    int
	}{{"MaxOpen", t.MaxOpen}, {"MaxDials", t.MaxDials}} {
		if f.v < 0 {
			return fieldError(f.name, fmt.Sprintf("is %d", f.v), "use 0 for no limit")
		}
	}
	if t.MaxIdle < 0 {
		return fieldError("MaxIdle", fmt.Sprintf("is %d", t.MaxIdle), "use 0 for no limit, or MaxIdlePerKey below 0 to keep none")
	}
	return nil
}

// perKey returns the limits that hold for a key unless something overrides them.
func (c *Config[K, R]) perKey() pool.Limits {
	return pool.Limits{
		MaxOpen: c.MaxOpenPerKey, MaxIdle: c.MaxIdlePerKey, MinIdle: c.MinIdlePerKey,
		MaxWaiters: c.MaxWaitersPerKey, MaxDials: c.MaxDialsPerKey,
	}
}

// override returns base with the fields of over that are not zero in place.
func override(base, over pool.Limits) pool.Limits {
	set := func(field *int, v int) {
		switch v {
		case 0:
		case pool.NoLimit:
			*field = 0
		default:
			*field = v
		}
	}
	set(&base.MaxOpen, over.MaxOpen)
	set(&base.MaxIdle, over.MaxIdle)
	set(&base.MinIdle, over.MinIdle)
	set(&base.MaxWaiters, over.MaxWaiters)
	set(&base.MaxDials, over.MaxDials)
	return base
}

// validateLimits checks limits of one key that came from where.
func validateLimits(where string, l pool.Limits) error {
	for _, f := range []struct {
		name string
		v    int
	}{{"MaxOpen", l.MaxOpen}, {"MaxDials", l.MaxDials}, {"MinIdle", l.MinIdle}} {
		if f.v < 0 {
			return fieldError(where+"."+f.name, fmt.Sprintf("is %d", f.v), "use 0 for the limit per key, pool.NoLimit for none")
		}
	}
	return nil
}

// fieldError is the error for a wrong field.
func fieldError(field, what, remedy string) error {
	return fmt.Errorf("keyed: %s %s: %s", field, what, remedy)
}

// poolConfig returns the Config of the pools of all keys, with limits of one: Dial
// and what holds it up are asked for by key.
func (c *Config[K, R]) poolConfig(l pool.Limits) pool.Config[R] {
	return pool.Config[R]{
		Dial:  func(context.Context) (R, error) { panic("keyed: a dial without its key") },
		Close: c.Close, Check: c.Check, Take: c.Take, Recycle: c.Recycle,
		Capacity: c.Capacity, Shareable: c.Shareable, Expect: c.Expect, Watch: c.Watch,
		MaxOpen: l.MaxOpen, MaxIdle: l.MaxIdle, MinIdle: l.MinIdle, MaxWaiters: l.MaxWaiters, MaxDials: l.MaxDials,
		DialTimeout: c.DialTimeout, RedialAfter: c.RedialAfter, WaitTimeout: c.WaitTimeout, CheckAfter: c.CheckAfter, CheckEvery: c.CheckEvery,
		MaxIdleTime: c.MaxIdleTime, MaxLifetime: c.MaxLifetime, LifetimeJitter: c.LifetimeJitter, Overlap: c.Overlap,
		MaxUses: c.MaxUses, DrainTimeout: c.DrainTimeout, CloseTimeout: c.CloseTimeout, Reuse: c.Reuse,
		BackoffBase: c.BackoffBase, BackoffMax: c.BackoffMax, BreakAfter: c.BreakAfter,
		ShedLate: c.ShedLate, LowLag: c.LowLag, LeakAfter: c.LeakAfter, LeakSample: c.LeakSample,
		Hooks: c.Hooks,
	}
}

// limiters holds up a dial until both have let it go.
type limiters struct{ first, second pool.Limiter }

func (l limiters) Wait(ctx context.Context) error {
	if err := l.first.Wait(ctx); err != nil {
		return err
	}
	return l.second.Wait(ctx)
}

// limiter returns what holds up the dials of a key. The key's own comes first, so
// that a slow key does not use up what is for all.
func (c *Config[K, R]) limiter(key K) pool.Limiter {
	var own pool.Limiter
	if c.DialRatePerKey != nil {
		own = c.DialRatePerKey(key)
	}
	switch {
	case own == nil:
		return c.DialRate
	case c.DialRate == nil:
		return own
	}
	return limiters{own, c.DialRate}
}
