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
// else, as in the overrides of package keyed.
const NoLimit = math.MaxInt

// Limits are the limits of a pool that may change while it runs.
type Limits struct {
	MaxOpen    int // slots: resources dialling, idle, in use and closing. 0: no limit
	MaxIdle    int // idle resources; the least recently used is closed. 0: no limit beside MaxOpen. <0: keep none
	MaxWaiters int // waiters beyond those whom the dials in flight will serve. 0: no limit. <0: never wait
	MaxDials   int // dials in flight. 0: no limit
}

// Config says how a pool makes, tests and unmakes its resources, and how many of
// them it may have. [New] reads it once.
//
// The funcs are called without any lock held, so they may block and may call the
// pool, except for a method that waits for the very call they are in. A panic in
// Take, Check or Recycle reaches the caller of Acquire or Release, with the
// resource closed and the slot free; a panic in Dial becomes a [*DialError].
type Config[R any] struct {
	// Dial makes a resource. It is required. The pool owns the call, not the
	// caller who waits for it: ctx carries the values of the oldest waiter at the
	// start of the dial and ends when the pool no longer wants the result, when
	// DialTimeout has passed, and when Dial has returned: the resource must not
	// live by it. Dial must return soon after ctx ends, since its slot counts
	// until it does.
	Dial func(ctx context.Context) (R, error)

	// Close unmakes a resource: once for each dialled one that was not hijacked,
	// in a goroutine of the pool. The slot counts until Close returns, since the
	// peer counts it too. nil: nothing is to be done.
	Close func(R) error

	// Check tests a resource that has been idle for longer than CheckAfter,
	// before it is handed out. It runs in the goroutine of the caller of Acquire,
	// whose ctx it gets. An error closes the resource, and the caller goes on at
	// its place in the queue. nil: no check.
	Check func(ctx context.Context, r R) error

	// Take runs for every lease before Acquire or TryAcquire returns it, in the
	// caller's goroutine. An error means that r cannot carry this lease: Capacity
	// is read again, and the caller goes on to the next resource at its place in
	// the queue. nil: nothing is to be done.
	Take func(R) error

	// Recycle prepares a resource for its next user when a lease is released, in
	// the goroutine of the releaser. An error closes the resource. It does not
	// run for a lease that was discarded or hijacked. nil: nothing is to be done.
	Recycle func(R) error

	// Capacity returns how many leases r can carry at once, now: a number above
	// 0; 0 for none at the moment, in which case r stays; Draining; or Dead. Of an
	// exclusive resource it matters only whether it is above 0. It is called from
	// one goroutine at a time for each resource. nil: 1.
	Capacity func(R) int

	// Shareable reports whether r may carry several leases at once. It is asked
	// once after the dial and holds for the life of r. nil: whether Capacity is
	// set.
	Shareable func(R) bool

	// Expect returns the capacity that r is about to have, where that is more
	// than Capacity says now (an HTTP/2 connection before its SETTINGS), so that
	// the pool does not dial for waiters whom r will soon serve. nil: Capacity.
	Expect func(R) int

	// Watch is called once for each resource. From then on r must call changed
	// whenever Capacity may return something else than before; the pool then
	// reads it again, soon and in another goroutine. changed may be called from
	// anywhere, also under locks of r. nil: Capacity is read again after each
	// lease.
	Watch func(r R, changed func())

	// Shared is the capacity that a resource not yet dialled is expected to have:
	// one dial is started for that many waiters. 0: 1.
	Shared int

	MaxOpen    int // see Limits
	MaxIdle    int // see Limits
	MaxWaiters int // see Limits
	MaxDials   int // see Limits

	DialTimeout time.Duration // ends the ctx of a dial. 0: no limit
	WaitTimeout time.Duration // bounds the whole of Acquire, dials and Check included. 0: no limit beside ctx
	CheckAfter  time.Duration // idle time after which Check is due. 0: 1 s. <0: always
	MaxIdleTime time.Duration // idle resources are closed after it. 0: no limit

	// Budget is shared with other pools, of any type: its limits count over all
	// of them, in addition to those here. nil: none.
	Budget *Budget

	// Hooks tell of what happens in the pool. nil: none.
	Hooks *Hooks
}

// Hooks are funcs that the pool calls without a lock held. Any may be nil.
type Hooks struct {
	// Panic gets the value of a panic of a Config func that ran in a goroutine of
	// the pool: Close, Capacity or Expect. nil: the panic is raised again there,
	// which ends the program.
	Panic func(value any)
}

const defaultCheckAfter = time.Second

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
	if c.Shared < 0 {
		return fieldError("Shared", fmt.Sprintf("is %d", c.Shared), "use 0 or 1 for exclusive resources, more for shareable ones")
	}
	for _, d := range []struct {
		name string
		v    time.Duration
	}{{"DialTimeout", c.DialTimeout}, {"WaitTimeout", c.WaitTimeout}, {"MaxIdleTime", c.MaxIdleTime}} {
		if d.v < 0 {
			return fieldError(d.name, fmt.Sprintf("is %v", d.v), "use 0 for no limit")
		}
	}
	return c.limits().validate()
}

func (c *Config[R]) limits() Limits {
	return Limits{MaxOpen: c.MaxOpen, MaxIdle: c.MaxIdle, MaxWaiters: c.MaxWaiters, MaxDials: c.MaxDials}
}

func (l Limits) validate() error {
	if l.MaxOpen < 0 {
		return fieldError("MaxOpen", fmt.Sprintf("is %d", l.MaxOpen), "use 0 for no limit")
	}
	if l.MaxDials < 0 {
		return fieldError("MaxDials", fmt.Sprintf("is %d", l.MaxDials), "use 0 for no limit")
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
