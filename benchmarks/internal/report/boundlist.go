package report

import (
	"github.com/berth-go/berth/benchmarks/httpsubject"
	"github.com/berth-go/berth/benchmarks/internal/profile"
	"github.com/berth-go/berth/benchmarks/subject"
)

// A bound is what the project has set itself.
type bound struct {
	what, limit string
	measure     measure
	most        float64 // met up to this
	least       bool    // met from this on instead
	unit        string  // of the value: "x" for a ratio

	net   measure // the ratio without the harness, where sync.Pool is the measure. nil: not said
	floor measure // what the floor measures there. nil: it has no floor
	row   row     // the figure behind the bound

	kind     profile.Kind // of the profile that shows where it goes
	profiled int          // the size to profile, where that of the row takes too long; 0: that of the row
	note     string       // what to know of the profile
}

// A row is one figure of Berth and its floor.
type row struct {
	workload, ours, floor, unit string
	n                           int
}

func (b bound) met(v float64) bool {
	if b.least {
		return v >= b.most
	}
	return v <= b.most
}

// spec names the profile that shows where it goes.
func (b bound) spec() profile.Spec {
	n := b.row.n
	if b.profiled > 0 {
		n = b.profiled
	}
	return profile.Spec{Kind: b.kind, Workload: b.row.workload, Subject: b.row.ours, N: n}
}

// bounds are in the order of the page. "Does not depend on" is tested as "at most
// twice", since caches are in every figure.
func bounds() []bound {
	return append(append(leaseBounds(), scaleBounds()...), httpBounds()...)
}

// ofSyncPool is a bound on the time of ours over that of sync.Pool.
func ofSyncPool(what, limit, workload, ours, floor string, most float64) bound {
	return bound{
		what: what, limit: limit, most: most, unit: "x",
		measure: ratio(workload, ours, subject.SyncPool, perOp),
		net:     netRatio(workload, ours, subject.SyncPool),
		floor:   ratio(workload, floor, subject.SyncPool, perOp),
		row:     row{workload, ours, floor, perOp, 0},
		kind:    profile.CPU,
	}
}

// noneOf is a bound of zero on the worst of several subjects, of whom the first is
// compared with the floor.
func noneOf(what, workload, unit string, kind profile.Kind, names ...string) bound {
	return bound{
		what: what, limit: "none",
		measure: worst(workload, unit, names...),
		floor:   worst(workload, unit, subject.Floor),
		row:     row{workload, names[0], subject.Floor, unit, 0},
		kind:    kind,
	}
}

func leaseBounds() []bound {
	const floor = subject.Floor
	return []bound{
		ofSyncPool("a lease, alone", "at most sync.Pool's Get and Put", "Alone", subject.Berth, floor, 1),
		ofSyncPool("the same with Check, Recycle, the times and MaxUses", "at most 1.3 of sync.Pool", "Alone", subject.Full, subject.FloorFull, 1.3),
		noneOf("allocations of a lease", "Alone", allocs, profile.Allocs, subject.Berth, subject.Full, subject.HotKey, subject.Shared),
		ofSyncPool("a lease, all processors, spare idle", "at most sync.Pool's Get and Put", "Parallel", subject.Berth, floor, 1),
		{
			what: "leases per second on 2 processors over those on 1", limit: "at least 1.7", most: 1.7, least: true, unit: "x",
			measure: scaling(subject.Berth), floor: scaling(floor),
			row: row{"Parallel", subject.Berth, floor, perOp, 0}, kind: profile.CPU,
		},
		{
			what: "a hand-off, oversubscribed", limit: "at most the channel", most: 1, unit: "x",
			measure: ratio("Oversubscribed", subject.Berth, subject.Channel, perOp), floor: ratio("Oversubscribed", floor, subject.Channel, perOp),
			row: row{"Oversubscribed", subject.Berth, floor, perOp, 0}, kind: profile.CPU,
		},
		noneOf("allocations of a hand-off", "Oversubscribed", allocs, profile.Allocs, subject.Berth),
		{
			what: "a lease of a hot key over one of a pool", limit: "at most 15 ns more", most: 15, unit: "ns",
			measure: difference("Alone", subject.HotKey, subject.Berth), floor: difference("Alone", subject.FloorKeyed, floor),
			row: row{"Alone", subject.HotKey, subject.FloorKeyed, perOp, 0}, kind: profile.CPU,
		},
		{
			what: "a lease of a shared resource, all processors, over an exclusive one alone", limit: "at most 2", most: 2, unit: "x",
			measure: sharing(subject.Shared, subject.Berth), floor: sharing(subject.FloorShared, floor),
			row: row{"Parallel", subject.Shared, subject.FloorShared, perOp, 0}, kind: profile.CPU,
		},
	}
}

// grows is a bound of twice on the figure with many over that with few.
func grows(what, workload, unit string, few, many int) bound {
	return bound{
		what: what, limit: "at most 2", most: 2, unit: "x",
		measure: growth(workload, subject.Berth, unit, few, many),
		floor:   growth(workload, subject.Floor, unit, few, many),
		row:     row{workload, subject.Berth, subject.Floor, unit, many},
		kind:    profile.CPU,
	}
}

func scaleBounds() []bound {
	const million, mostBytes = 1_000_000, 1_024
	left := grows("to be gone from a queue of 100,000 over one of 10,000", "CancelStorm", cancelTime, 10_000, 100_000)
	left.note = "It is of the whole storm: the callers come, wait and give up."
	delivered := grows("a delivery after 10,000 have gone over one after 10", "CancelStorm", delivery, 10, 10_000)
	delivered.note = "It is of the whole storm, for one delivery is too short to be seen in a profile."
	return []bound{
		left,
		delivered,
		grows("a lease with 1,000,000 keys over one with 1,000", "AxisKeys", perOp, 1_000, million),
		{
			what: "memory of a key with one idle resource, of 1,000,000", limit: "at most 1,024 B", most: mostBytes, unit: "B",
			measure: sized("AxisKeys", subject.Berth, perKey, million), floor: sized("AxisKeys", subject.Floor, perKey, million),
			row: row{"AxisKeys", subject.Berth, subject.Floor, perKey, million}, kind: profile.Heap, profiled: million / 10,
		},
		noneOf("callers overtaken, of those known to wait", "Order", "most-overtaken", profile.CPU, subject.Berth, subject.HotKey),
	}
}

func httpBounds() []bound {
	const ours, theirs, bare = httpsubject.Berth, httpsubject.Std, httpsubject.Bare
	const streams = 100
	http2 := func(what, unit string, kind profile.Kind) bound {
		return bound{
			what: "HTTP/2, 100 requests at once, " + what, limit: "at most http.Transport", most: 1, unit: "x",
			measure: ratioAt("HTTP2", ours, theirs, unit, streams), floor: ratioAt("HTTP2", bare, theirs, unit, streams),
			row: row{"HTTP2", ours, bare, unit, streams}, kind: kind,
		}
	}
	return []bound{
		{
			what: "HTTP/1.1, 64 callers on 8 connections, time per request", limit: "at most http.Transport", most: 1, unit: "x",
			measure: ratio("HTTP1Load", ours, theirs, perOp), floor: ratio("HTTP1Load", bare, theirs, perOp),
			row: row{"HTTP1Load", ours, bare, perOp, 0}, kind: profile.CPU,
		},
		{
			what: "HTTP/1.1, allocations per request", limit: "at most http.Transport", most: 1, unit: "x",
			measure: ratio("HTTP1", ours, theirs, allocs), floor: ratio("HTTP1", bare, theirs, allocs),
			row: row{"HTTP1", ours, bare, allocs, 0}, kind: profile.Allocs,
		},
		http2("time per request", perOp, profile.CPU),
		http2("allocations per request", allocs, profile.Allocs),
		{
			what: "50 cold requests to an HTTP/2 host", limit: "1 dial", most: 1,
			measure: worst("ColdBurst", "dials/burst", ours),
			row:     row{"ColdBurst", ours, "", "dials/burst", 0}, kind: profile.CPU,
		},
	}
}
