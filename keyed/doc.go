// Package keyed is a pool of resources under many keys: connections to hosts,
// sessions of tenants, files by name. It has caps per key and a cap over all keys.
//
// # What it is
//
// A [Pool] is a [pool.Pool] for each key in use and a [pool.Budget] over them.
// What package pool says about resources, leases, slots, shareable resources and
// the funcs of its Config holds here for each key; this page says what the keys
// add.
//
// A key needs no set-up. The first Acquire or Warm brings it into use, and when
// nothing is left of it, no resource, no lease, no dial, no Close func and no call,
// it is forgotten. A key with MinIdle stays, and with a backoff or a breaker one
// whose dials fail is remembered while it is asked for. A pool that has seen a million keys costs what those in use
// cost. The counters of forgotten keys live on in [Pool.Stats].
//
// The limits of Config whose names end in PerKey hold for every key alike.
// Config.PerKey and [Pool.SetLimits] replace them for single keys, field by field.
// MaxOpen, MaxIdle, MaxWaiters and MaxDials hold over all keys; [Pool.SetTotals]
// changes them while the pool runs. The Close funcs of all keys together run in
// at most eight goroutines: set CloseTimeout where a peer may be slow to be closed,
// so that it cannot hold up the slots of other keys for ever. Of many that hang, eight
// are given up in each CloseTimeout, and the others wait behind them. To share the totals with other pools, of any
// key and resource types, give all of them one [pool.Budget].
//
// # When not to use it
//
// For one server use package pool: a pool without keys is cheaper. Where keys need
// nothing in common, neither a total nor an order among them, a map of pools does
// as well, but does not forget its keys. For requests over HTTP use package
// httpconn, which is built on this one.
//
// A key is compared with == and looked up in a map. A key that is not equal to
// itself, such as NaN, is an error. A key of interface type whose value cannot be
// compared panics in the caller, as it does in a map, and leaves the pool as it
// was.
//
// # States
//
// A slot has the states that package pool describes, and so has the pool as a
// whole: open, draining, closed. A key is in use or it is not:
//
//	not in use -> in use   Acquire and its like, or Warm
//	in use -> not in use   the last thing that it had is gone
//
// [Pool.ShutdownKey] ends what a key has, after which it may be used again.
//
// No other method does, not even with MinIdle: TryAcquire finds nothing in a key that is
// not in use, and SetLimits waits for it to be. [Pool.All] and [Pool.StatsFor] tell of
// the keys that are in use at the moment.
//
// # Cancellation
//
// As in package pool, the context ends the caller's wait and not a dial. A dial
// that no caller needs any more goes on while its result may become idle, unless
// another key needs its slot or its permit to dial: then it is canceled.
//
// A caller that gives up loses its turn and nothing else. Capacity that was on its
// way to it goes to the next caller, of whatever key.
//
// # Fairness
//
// Within a key callers are served in order of arrival. Across keys, capacity goes
// to the oldest waiter whose key may take it: a key at its own MaxOpenPerKey or
// MaxDialsPerKey is passed over, and keeps its place for what it can take.
//
// At the total MaxOpen, a caller who needs a dial has an idle resource of another
// key closed for it, the one least recently used. If none is idle, the next
// resource that is released makes way, even if its own key has waiters, as long as
// they came later; and a shareable resource then gets no new leases and is closed
// after its last one.
//
// In strict order, two busy keys over one slot close and dial at every turn.
// Config.Affinity lets a key serve its own that many times in a row before it makes
// way, which bounds how far anybody is overtaken.
//
// # Errors
//
// They are those of package pool. [pool.DialError] says the key, and the text of
// an error that matches [pool.ErrWaitLimit] says whether the limit of the key or
// the total turned the caller away. Limits from PerKey that are wrong are an error
// of the call that asked for them. A panic in PerKey or Shared reaches the caller,
// with nothing locked or counted; one in Shared after a dial is a
// [*pool.DialError]: what was dialled counts, and is closed. One in Shared after a later look at
// a Capacity is like one in Capacity: the resource is closed, and the panic reaches who released
// it, or Hooks.Panic.
//
// # Tests with testing/synctest
//
// A pool, with all its keys, belongs to the bubble in which it is first used: it
// keeps the channels of waiters for later ones, of whatever key. Make one per test; see
// package pool for what happens else.
//
// # Example
//
//	p, err := keyed.New(keyed.Config[string, net.Conn]{
//		Dial:          dial, // func(ctx context.Context, addr string) (net.Conn, error)
//		Close:         net.Conn.Close,
//		MaxOpenPerKey: 8,
//		MaxOpen:       100,
//		MaxIdleTime:   time.Minute,
//	})
//	// ...
//	lease, err := p.Acquire(ctx, "db1:5432")
//	if err != nil {
//		return err
//	}
//	defer lease.Release()
//	return ask(lease.Value())
package keyed
