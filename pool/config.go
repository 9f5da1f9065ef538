package pool

import (
	"context"
	"fmt"
	"math"
	"time"
)

// What Config.Capacity may return beside a number of leases.
const (
	// Draining says that the resource must get no new leases and is closed when
	// the last one has ended. It is final.
	Draining = -1
	// Dead says that the resource is of no use any more. It is closed at once,
	// whatever leases are out on it.
	Dead = -2
)

// NoLimit says that there is no limit where the zero value means something
// else, as in the overrides of package keyed. In Config and Limits, where 0 is no limit,
// it is a large number. It is not for the times of Config, where 0 is no limit: on a
// 32-bit machine it is two seconds there.
const NoLimit = math.MaxInt

// Limits are the limits of a pool that may change while it runs.
type Limits struct {
	MaxOpen    int // slots: resources dialling, idle, in use and closing. 0: no limit
	MaxIdle    int // idle resources; the least recently used is closed. 0: no limit beside MaxOpen. <0: keep none
	MinIdle    int // idle resources kept ready by dials in the background, while nobody waits for a slot: see Config. 0: none
	MaxWaiters int // waiters beyond those whom the dials in flight will serve. 0: no limit. <0: never wait
	MaxDials   int // dials in flight. 0: no limit
}

// Config says how a pool makes, tests and unmakes its resources, and how many of
// them it may have. [New] reads it once.
//
// The funcs are called without any lock held, so they may block and may call the
// pool, except for a method that waits for the very call they are in. A panic in
// Take, Check or Recycle reaches the caller of Acquire or Release, with the
// resource closed and the slot free; one in Dial, DialRate, Shareable, Watch,
// or the first Capacity or Expect after the dial, becomes a [*DialError]. Hooks.Panic
// gets those of what runs later in a goroutine of the pool.
type Config[R any] struct {
	// Dial makes a resource. It is required. The pool owns the call, not the
	// caller who waits for it: ctx carries the values of the oldest waiter at the
	// start of the dial (none if nobody waits, as for Warm and MinIdle) and ends when the pool no longer wants the result, when
	// DialTimeout has passed, and when Dial has returned: the resource must not
	// live by it. Dial must return soon after ctx ends, since its slot counts
	// until it does; a resource that it still returns is used, or closed. What it
	// returns beside an error is ignored.
	Dial func(ctx context.Context) (R, error)

	// Close unmakes a resource: once for each dialled one that was not hijacked,
	// in a goroutine of the pool. The slot counts until Close returns, since the
	// peer counts it too. Nobody is left to act on its error, which is ignored. nil:
	// nothing is to be done.
	Close func(R) error

	// Check tests a resource that has been idle for longer than CheckAfter,
	// before it is handed out. It runs in the goroutine of the caller of Acquire,
	// whose ctx it gets. An error closes the resource, and the caller goes on at
	// its place in the queue. nil: no check.
	Check func(ctx context.Context, r R) error

	// Take runs for every lease before Acquire or TryAcquire returns it, in the
	// caller's goroutine. An error means that r cannot carry this lease: Capacity
	// is read again, and the caller goes on to the next resource at its place in
	// the queue. An exclusive r that says that it has room is closed. A shareable
	// one counts as full then until a lease of it ends, or for some milliseconds, longer
	// each time; without other leases it is tried twice more before that, and closed when
	// it still refuses after three such times. nil: nothing is to be done.
	Take func(R) error

	// Recycle prepares a resource for its next user when a lease is released, in
	// the goroutine of the releaser. An error closes the resource. It does not
	// run for a lease that was discarded or hijacked. It runs also where there is
	// no next user: even after Close, if that was called on the leased resource
	// because it was Dead or DrainTimeout had passed. nil: nothing is to be done.
	Recycle func(R) error

	// Capacity returns how many leases r can carry at once, now: a number above
	// 0; 0 for none at the moment, in which case r stays, and callers for whom it
	// was dialled wait for it; Draining; or Dead. Where it never was above 0 before
	// r ended, the dial has failed. Of an exclusive resource it matters only whether
	// it is above 0. It is called from one goroutine at a time for each resource, and
	// must return soon: others wait for what it says. nil: 1.
	Capacity func(R) int

	// Shareable reports whether r may carry several leases at once. It is asked
	// once after the dial and holds for the life of r. nil: whether Capacity is
	// set. It needs Capacity.
	Shareable func(R) bool

	// Expect returns the capacity that r is about to have, where that is more
	// than Capacity says now (an HTTP/2 connection before its SETTINGS), so that
	// the pool does not dial for waiters whom r will soon serve. It must come down to
	// Capacity when nothing more is to come: waiters wait for what it promises. nil:
	// Capacity.
	Expect func(R) int

	// Watch is called once for each resource. From then on r must call changed
	// whenever Capacity may return something else than before; the pool then
	// reads it again, soon and in another goroutine. If r is exclusive and what its
	// holder did, or Recycle, leaves it without capacity, that is to be told before
	// the lease ends, or in Recycle: then it is read before anybody else gets r.
	// changed may be called from anywhere, also under locks of r; but Capacity and
	// Expect, which are read again for that, must not call it each time. nil:
	// Capacity is read again after each lease.
	Watch func(r R, changed func())

	// Shared is the capacity that a resource not yet dialled is expected to have:
	// one dial is started for that many waiters, or for MaxUses if that is less. 0: 1.
	// More than 1 is for pools with Capacity: without, it only has fewer dials started
	// at once.
	Shared int

	MaxOpen    int // see Limits
	MaxIdle    int // see Limits
	MinIdle    int // see Limits. Each one that is taken is replaced by a dial, so let MaxIdle be some above it; at most MaxIdle and MaxOpen. Of a Budget, as many as there is room for
	MaxWaiters int // see Limits
	MaxDials   int // see Limits

	DialTimeout time.Duration // ends the ctx of a dial, and of a Check in the background. 0: no limit
	WaitTimeout time.Duration // bounds the whole of Acquire, dials and Check included. 0: no limit beside ctx
	CheckAfter  time.Duration // idle time, since a check in the background if there was one, after which Check is due. 0: 1 s. <0: always
	CheckEvery  time.Duration // idle resources are checked in the background each time it has passed, one at a time; DialTimeout, or else CheckEvery, ends the ctx. 0: never. Needs Check

	MaxIdleTime    time.Duration // idle resources are closed after it, down to MinIdle. 0: no limit
	MaxLifetime    time.Duration // resources are closed after it, when their leases end. 0: no limit
	LifetimeJitter time.Duration // the lifetime is drawn in [MaxLifetime-LifetimeJitter, MaxLifetime], once for each resource. Below MaxLifetime. 0: none
	Overlap        time.Duration // the successor of a resource is dialled so long before its lifetime ends, while a slot is free; below MaxLifetime-LifetimeJitter. 0: no successor
	MaxUses        uint64        // leases that a resource may have in its life. 0: no limit
	DrainTimeout   time.Duration // a shareable resource that drains, or has had its MaxUses, is closed after it, whatever leases are out. 0: no limit
	CloseTimeout   time.Duration // the slot of a resource is freed after it, though Close has not returned. 0: no limit

	// Reuse is the order in which resources are handed out.
	Reuse Reuse

	// DialRate is asked before each dial and holds it up until its Wait returns;
	// waiters take what is released meanwhile. An error fails the dial. A
	// *rate.Limiter of golang.org/x/time/rate is one. nil: no limit.
	DialRate Limiter

	// RedialAfter is the time after which a dial is late: it may hang. While callers
	// of Acquire wait and the newest dial on its way to them is late, one more is made
	// beside it, within the limits; in a Budget only in a slot that nobody else needs. What a
	// late dial brings is used as ever; its error goes only to callers who came before
	// it began. 0: no dial is late, and one that hangs holds callers up until
	// DialTimeout.
	RedialAfter time.Duration

	// BackoffBase is the time that a failed dial holds up the next one, doubled
	// for each further failure in a row up to BackoffMax; between half of it and
	// all of it, at random. Dials that are in flight together fail together and
	// double it once; until one succeeds, no two start at once, and those that
	// DialRate held up when one failed wait for the pause too. Waiters take what
	// is released meanwhile. 0: the next waiter's dial starts at once. BackoffMax
	// 0: 100 times BackoffBase.
	BackoffBase, BackoffMax time.Duration

	// BreakAfter is the number of failed dials in a row after which callers who
	// would need a dial fail at once with the last one's error, while the pool
	// dials one resource at a time, at the pace of the backoff (100 ms to 10 s
	// without one), until that succeeds; or one more beside a late dial that
	// somebody waits for, with RedialAfter. Dials that DialRate holds up then are
	// canceled. Where the pool has no slot for the one, one caller waits for it. 0: never.
	BreakAfter int

	// ShedLate says what becomes of a caller whose deadline, its ctx's or that of
	// WaitTimeout, is nearer than the wait to be expected, judged by recent leases and
	// the queue. A caller without a deadline is let in. 0: ShedOff.
	ShedLate Shed

	// LowLag bounds how many later calls may pass a caller with Request.Low: they are
	// fewer than that, by one or two. 0: 64.
	LowLag int

	// LeakAfter is the time after which a lease is reported to Hooks.Leak, once.
	// With it set, leases whose every copy was dropped are found as well: their
	// resource is closed, unless it is shareable, and the slot is free again. One
	// of LeakSample leases is watched, which costs the stack of its Acquire, and none
	// of the others has the fast path either (docs/fastpath.md). The
	// garbage collector knows nothing of testing/synctest: in a bubble no watched
	// lease must be dropped. 0: none is watched. LeakSample 0: all are.
	LeakAfter  time.Duration
	LeakSample int

	// Budget is shared with other pools, of any type: its limits count over all
	// of them, in addition to those here. nil: none.
	Budget *Budget

	// Hooks tell of what happens in the pool. New copies them. nil: none.
	Hooks *Hooks
}

// A Limiter holds up dials. Its Wait returns when one may start, or with an error
// when ctx ends first.
type Limiter interface {
	Wait(ctx context.Context) error
}

// Reuse is an order in which resources are handed out.
type Reuse uint8

const (
	// ReuseNewest hands out the exclusive resource that was used last, and the
	// oldest shareable one that has room, so that surplus ones idle out.
	ReuseNewest Reuse = iota
	// ReuseOldest hands out the exclusive resource that was idle longest, so that
	// all are used alike; shareable ones as ReuseNewest does.
	ReuseOldest
	// ReuseLeastLoaded hands out the shareable resource with the fewest leases;
	// exclusive ones as ReuseNewest does.
	ReuseLeastLoaded
)

func (r Reuse) String() string {
	switch r {
	case ReuseNewest:
		return "newest"
	case ReuseOldest:
		return "oldest"
	case ReuseLeastLoaded:
		return "least loaded"
	}
	return "Reuse(?)"
}

const (
	defaultCheckAfter = time.Second
	defaultLowLag     = 64
	backoffSpan       = 100               // BackoffMax over BackoffBase
	maxBackoff        = math.MaxInt64 / 4 // so that twice that and a time is still a time
)

// setDefaults fills in what was left at zero and has a default.
func (c *Config[R]) setDefaults() {
	if c.CheckAfter == 0 {
		c.CheckAfter = defaultCheckAfter
	}
	if c.LowLag == 0 {
		c.LowLag = defaultLowLag
	}
	if c.BackoffMax == 0 {
		c.BackoffMax = min(c.BackoffBase, maxBackoff/backoffSpan) * backoffSpan
	}
	c.BackoffMax = min(c.BackoffMax, maxBackoff)
	hooks := Hooks{} // a copy: New reads them once
	if c.Hooks != nil {
		hooks = *c.Hooks
	}
	c.Hooks = &hooks
}

// validate returns an error that names the first wrong field and the remedy.
func (c *Config[R]) validate() error {
	if c.Dial == nil {
		return fieldError("Dial", "is nil", "set the func that makes a resource")
	}
	if c.Watch != nil && c.Capacity == nil {
		return fieldError("Watch", "is set without Capacity", "set Capacity, which is what Watch tells of")
	}
	if c.Expect != nil && c.Capacity == nil {
		return fieldError("Expect", "is set without Capacity", "set Capacity as well")
	}
	if c.Shareable != nil && c.Capacity == nil {
		return fieldError("Shareable", "is set without Capacity", "set Capacity, which says how many leases a resource carries")
	}
	if c.Shared < 0 {
		return fieldError("Shared", fmt.Sprintf("is %d", c.Shared), "use 0 or 1 for exclusive resources, more for shareable ones")
	}
	if c.Budget != nil && c.Budget.start.IsZero() {
		return fieldError("Budget", "is the zero Budget", "make it with NewBudget")
	}
	for _, d := range []struct {
		name string
		v    time.Duration
		zero string // what 0 stands for
	}{
		{"DialTimeout", c.DialTimeout, "no limit"},
		{"RedialAfter", c.RedialAfter, "no second dial"},
		{"WaitTimeout", c.WaitTimeout, "no limit"},
		{"CheckEvery", c.CheckEvery, "no checks in the background"},
		{"MaxIdleTime", c.MaxIdleTime, "no limit"},
		{"MaxLifetime", c.MaxLifetime, "no limit"},
		{"LifetimeJitter", c.LifetimeJitter, "none"},
		{"Overlap", c.Overlap, "none"},
		{"DrainTimeout", c.DrainTimeout, "no limit"},
		{"CloseTimeout", c.CloseTimeout, "no limit"},
		{"BackoffBase", c.BackoffBase, "no backoff"},
		{"BackoffMax", c.BackoffMax, "the default"},
		{"LeakAfter", c.LeakAfter, "no reports"},
	} {
		if d.v < 0 {
			return fieldError(d.name, fmt.Sprintf("is %v", d.v), "use 0 for "+d.zero)
		}
	}
	for _, n := range []struct {
		name string
		v    int
		zero string
	}{{"BreakAfter", c.BreakAfter, "no breaker"}, {"LowLag", c.LowLag, "the default"}, {"LeakSample", c.LeakSample, "all leases"}} {
		if n.v < 0 {
			return fieldError(n.name, fmt.Sprintf("is %d", n.v), "use 0 for "+n.zero)
		}
	}
	if err := c.validateTogether(); err != nil {
		return err
	}
	return c.limits().validate()
}

// validateTogether looks for fields that do not go together.
func (c *Config[R]) validateTogether() error {
	switch {
	case c.LifetimeJitter > 0 && c.MaxLifetime == 0:
		return fieldError("LifetimeJitter", "is set without MaxLifetime", "set MaxLifetime as well")
	case c.Overlap > 0 && c.MaxLifetime == 0:
		return fieldError("Overlap", "is set without MaxLifetime", "set MaxLifetime as well")
	case c.LifetimeJitter > 0 && c.LifetimeJitter >= c.MaxLifetime:
		return fieldError("LifetimeJitter", fmt.Sprintf("is %v, not below MaxLifetime %v", c.LifetimeJitter, c.MaxLifetime), "set a part of MaxLifetime")
	case c.Overlap > 0 && c.Overlap >= c.MaxLifetime-c.LifetimeJitter:
		return fieldError("Overlap", fmt.Sprintf("is %v, not below the shortest lifetime %v", c.Overlap, c.MaxLifetime-c.LifetimeJitter), "set about the time of a dial")
	case c.CheckEvery > 0 && c.Check == nil:
		return fieldError("CheckEvery", "is set without Check", "set Check as well")
	case c.BackoffMax > 0 && c.BackoffBase == 0:
		return fieldError("BackoffMax", "is set without BackoffBase", "set BackoffBase as well")
	case c.BackoffMax > 0 && c.BackoffMax < c.BackoffBase:
		return fieldError("BackoffMax", fmt.Sprintf("is %v, below BackoffBase %v", c.BackoffMax, c.BackoffBase), "set it above BackoffBase, or 0")
	case c.Reuse > ReuseLeastLoaded:
		return fieldError("Reuse", fmt.Sprintf("is %d", c.Reuse), "use one of the constants")
	case c.ShedLate > ShedOn:
		return fieldError("ShedLate", fmt.Sprintf("is %d", c.ShedLate), "use one of the constants")
	case c.LeakSample > 0 && c.LeakAfter == 0:
		return fieldError("LeakSample", "is set without LeakAfter", "set LeakAfter as well")
	}
	return nil
}

func (c *Config[R]) limits() Limits {
	return Limits{MaxOpen: c.MaxOpen, MaxIdle: c.MaxIdle, MinIdle: c.MinIdle, MaxWaiters: c.MaxWaiters, MaxDials: c.MaxDials}
}

func (l Limits) validate() error {
	if l.MaxOpen < 0 {
		return fieldError("MaxOpen", fmt.Sprintf("is %d", l.MaxOpen), "use 0 for no limit")
	}
	if l.MaxDials < 0 {
		return fieldError("MaxDials", fmt.Sprintf("is %d", l.MaxDials), "use 0 for no limit")
	}
	if l.MinIdle < 0 {
		return fieldError("MinIdle", fmt.Sprintf("is %d", l.MinIdle), "use 0 for none")
	}
	if l.MinIdle == NoLimit {
		return fieldError("MinIdle", "is NoLimit", "say how many are to be ready")
	}
	if l.MinIdle > 0 && l.MaxIdle != 0 && l.MinIdle > l.MaxIdle {
		return fieldError("MinIdle", fmt.Sprintf("is %d, above MaxIdle %d", l.MinIdle, l.MaxIdle), "lower MinIdle or raise MaxIdle")
	}
	if l.MaxOpen > 0 && l.MinIdle > l.MaxOpen {
		return fieldError("MinIdle", fmt.Sprintf("is %d, above MaxOpen %d", l.MinIdle, l.MaxOpen), "lower MinIdle or raise MaxOpen")
	}
	return nil
}

// room returns how many more than n fit under limit, where 0 is no limit.
func room(limit, n int) int {
	if limit == 0 {
		return math.MaxInt
	}
	return max(0, limit-n)
}
