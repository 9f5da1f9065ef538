package subject

import "time"

// The names that the report looks for.
const (
	Harness    = "harness"
	Berth      = "berth"
	BerthTotal = "berth-total" // keyed, with a cap in total
	Full       = "berth-full"
	HotKey     = "berth-keyed"
	Shared     = "berth-shared"
	Careful    = "berth-careful"
	SyncPool   = "sync.Pool"
	Channel    = "channel"

	Floor       = "floor" // of several workloads, each with its own: see Floors
	FloorFull   = "floor-full"
	FloorKeyed  = "floor-keyed"
	FloorShared = "floor-shared"
)

// All returns every pool, Berth's first. The order is that of the tables.
func All() []Subject {
	return []Subject{
		{Name: Harness, Note: "does nothing: the cost of the interface, part of every row", Open: openHarness, Uncapped: true},
		{Name: Berth, Note: "`pool.Pool`, only Dial and MaxOpen set", Open: openBerth},
		{Name: Full, Note: "`pool.Pool` with Check, Recycle, all times and MaxUses", Open: openFull, Variant: true},
		{Name: HotKey, Note: "`keyed.Pool`, one key, caps per key and in total", Open: openHotKey},
		{Name: Shared, Note: "`pool.Pool`, one resource that carries all leases", Open: openShared, Shared: true},
		{Name: Careful, Note: "`pool.Pool` with MaxDials 2, BackoffBase 5 ms and BreakAfter 8", Open: openCareful, Variant: true},
		{Name: SyncPool, Note: "`sync.Pool`: no cap, no order, no end of life", Open: openSyncPool, Uncapped: true},
		{Name: Channel, Note: "a buffered channel, in a select with ctx.Done()", Open: openChannel},
		{Name: "semaphore", Note: "`x/sync/semaphore` and a stack under a mutex", Open: openSemaphore},
		{Name: "puddle", Note: "`jackc/puddle/v2`", Open: openPuddle},
		{Name: "vitess", Note: "vitess `smartconnpool`", Open: openVitess},
		{Name: "database-sql", Note: "`database/sql` with a driver that does nothing: Conn and Close", Open: openSQL},
		{Name: "commons-pool", Note: "`jolestar/go-commons-pool/v2`", Open: openCommons},
	}
}

// Floors returns the cheapest operations that keep what Berth promises where
// nobody waits. They are no peers, since nothing else of a pool is there.
func Floors() []Subject {
	return []Subject{
		{Name: Floor, Note: "where a resource is idle: ctx.Err, whether the pool is open, a compare-and-swap to lease and one to release, with the number of the lease; no order", Open: openLaneFloor},
		{Name: FloorFull, Note: "that, with Recycle after each lease, Check, a coarse clock, an end of life and a number of uses: one more compare-and-swap, and a deferred func for a panic of Recycle", Open: openFullFloor},
		{Name: FloorKeyed, Note: "the first of these, found by its key in a map which is replaced and never changed", Open: openHotFloor},
		{Name: FloorShared, Note: "where leases share a resource: a compare-and-swap on their count and one on a cell of the lease, and the same back", Open: openSharedFloor, Shared: true},
	}
}

// IdleFloor is the floor of a lease of an idle resource.
func IdleFloor() Subject { return Floors()[0] }

// QueueFloor is the floor of handing a resource from caller to caller.
func QueueFloor() Subject {
	return Subject{Name: Floor, Note: "where callers wait: a mutex, a list of waiters that are used again, a channel of one place for each, in a select with ctx.Done()", Open: openQueueFloor}
}

// KeyedFloor is the floor of the memory of a key.
func KeyedFloor() KeyedSubject {
	return KeyedSubject{Name: Floor, Note: "a map under 64 mutexes; a key is a mutex, a queue, and a slot with its lease number, time and links", Open: openKeyedFloor}
}

// AllKeyed returns every pool of many keys.
func AllKeyed() []KeyedSubject {
	return []KeyedSubject{
		KeyedFloor(),
		{Name: Berth, Note: "`keyed.Pool` with a cap per key", Open: openKeyed},
		{Name: BerthTotal, Note: "`keyed.Pool` with a cap per key and one in total that all keys fit in", Open: openKeyedTotal},
		{Name: "map+channel", Note: "a `sync.Map` of buffered channels: no total, keys never leave", Open: openMapOfChannels},
		{Name: "map+puddle", Note: "a `sync.Map` of puddle pools: no total, keys never leave", Open: openMapOfPuddles},
	}
}

// Exclusive returns those that lend each resource to one caller at a time, up to
// the cap. Every bound on waiting is measured on these.
func Exclusive() []Subject {
	return pick(func(s Subject) bool { return !s.Uncapped && !s.Shared && !s.Variant })
}

// Named returns the subjects of these names.
func Named(names ...string) []Subject {
	return pick(func(s Subject) bool {
		for _, name := range names {
			if s.Name == name {
				return true
			}
		}
		return false
	})
}

func pick(keep func(Subject) bool) []Subject {
	var kept []Subject
	for _, s := range All() {
		if keep(s) {
			kept = append(kept, s)
		}
	}
	return kept
}

// Settings of the variants. None of them is reached while a benchmark runs, so
// that only their bookkeeping is measured.
const (
	longIdle     = time.Hour
	longLife     = 24 * time.Hour
	jitter       = time.Hour
	longWait     = time.Hour
	manyUses     = 1 << 60
	carefulDials = 2
	backoffBase  = 5 * time.Millisecond
	breakAfter   = 8
)
