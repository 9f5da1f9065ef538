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

// AllKeyed returns every pool of many keys.
func AllKeyed() []KeyedSubject {
	return []KeyedSubject{
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
