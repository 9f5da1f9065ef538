package report

import (
	"fmt"
	"strings"

	"github.com/berth-go/berth/benchmarks/httpsubject"
	"github.com/berth-go/berth/benchmarks/internal/chart"
	"github.com/berth-go/berth/benchmarks/internal/results"
	"github.com/berth-go/berth/benchmarks/subject"
)

// A bound is what the project has set itself.
type bound struct {
	what, limit string
	measure     func(*results.Set) (float64, bool) // false: not measured
	most        float64                            // met up to this
	least       bool                               // met from this on instead
	unit        string                             // of the value: "x" for a ratio
}

func (b bound) met(v float64) bool {
	if b.least {
		return v >= b.most
	}
	return v <= b.most
}

// bounds are in the order of the page. "Does not depend on" is tested as "at most
// twice", since caches are in every figure.
func bounds() []bound {
	return append(append(leaseBounds(), scaleBounds()...), httpBounds()...)
}

func leaseBounds() []bound {
	return []bound{
		{"a lease, alone", "at most sync.Pool's Get and Put", ratio("Alone", subject.Berth, subject.SyncPool, perOp), 1, false, "x"},
		{"the same with Check, Recycle, the times and MaxUses", "at most 1.3 of sync.Pool", ratio("Alone", subject.Full, subject.SyncPool, perOp), 1.3, false, "x"},
		{"allocations of a lease", "none", worst("Alone", allocs, subject.Berth, subject.Full, subject.HotKey, subject.Shared), 0, false, ""},
		{"a lease, all processors, spare idle", "at most sync.Pool's Get and Put", ratio("Parallel", subject.Berth, subject.SyncPool, perOp), 1, false, "x"},
		{"leases per second on 2 processors over those on 1", "at least 1.7", scaling, 1.7, true, "x"},
		{"a hand-off, oversubscribed", "at most the channel", ratio("Oversubscribed", subject.Berth, subject.Channel, perOp), 1, false, "x"},
		{"allocations of a hand-off", "none", worst("Oversubscribed", allocs, subject.Berth), 0, false, ""},
		{"a lease of a hot key over one of a pool", "at most 15 ns more", difference("Alone", subject.HotKey, subject.Berth), 15, false, "ns"},
		{"a lease of a shared resource, all processors, over an exclusive one alone", "at most 2", sharing, 2, false, "x"},
	}
}

func scaleBounds() []bound {
	const few, many, twice = 10, 10_000, 2
	return []bound{
		{"to be gone from a queue of 100,000 over one of 10,000", "at most 2", growth("CancelStorm", subject.Berth, cancelTime, many, 10*many), twice, false, "x"},
		{"a delivery after 10,000 have gone over one after 10", "at most 2", growth("CancelStorm", subject.Berth, delivery, few, many), twice, false, "x"},
		{"a lease with 1,000,000 keys over one with 1,000", "at most 2", growth("AxisKeys", subject.Berth, perOp, 1_000, 1_000_000), twice, false, "x"},
		{"memory of a key with one idle resource, of 1,000,000", "at most 1,024 B", sized("AxisKeys", subject.Berth, perKey, 1_000_000), 1_024, false, "B"},
		{"callers overtaken, of those known to wait", "none", worst("Order", "most-overtaken", subject.Berth, subject.HotKey), 0, false, ""},
	}
}

func httpBounds() []bound {
	return []bound{
		{"HTTP/1.1, 64 callers on 8 connections, time per request", "at most http.Transport", ratio("HTTP1Load", httpsubject.Berth, httpsubject.Std, perOp), 1, false, "x"},
		{"HTTP/1.1, allocations per request", "at most http.Transport", ratio("HTTP1", httpsubject.Berth, httpsubject.Std, allocs), 1, false, "x"},
		{"50 cold requests to an HTTP/2 host", "1 dial", worst("ColdBurst", "dials/burst", httpsubject.Berth), 1, false, ""},
	}
}

// at returns the row of a workload on the most processors that it ran on.
func at(set *results.Set, workload, name string, n int) (key results.Key, ok bool) {
	for _, k := range set.Of(workload) {
		if k.Subject == name && k.N == n && k.Procs >= key.Procs {
			key, ok = k, true
		}
	}
	return key, ok
}

func ratio(workload, ours, theirs, unit string) func(*results.Set) (float64, bool) {
	return func(set *results.Set) (float64, bool) {
		a, okA := at(set, workload, ours, 0)
		b, okB := at(set, workload, theirs, 0)
		if !okA || !okB {
			return 0, false
		}
		return set.Ratio(a, b, unit)
	}
}

func difference(workload, more, less string) func(*results.Set) (float64, bool) {
	return func(set *results.Set) (float64, bool) {
		a, _ := at(set, workload, more, 0)
		b, _ := at(set, workload, less, 0)
		am, okA := set.Median(a, perOp)
		bm, okB := set.Median(b, perOp)
		return am.Center - bm.Center, okA && okB
	}
}

// worst is the largest median over subjects, all of which must be there.
func worst(workload, unit string, names ...string) func(*results.Set) (float64, bool) {
	return func(set *results.Set) (float64, bool) {
		most := 0.0
		for _, name := range names {
			key, _ := at(set, workload, name, 0)
			m, ok := set.Median(key, unit)
			if !ok {
				return 0, false
			}
			most = max(most, m.Center)
		}
		return most, true
	}
}

// growth is the cost with many over that with few.
func growth(workload, name, unit string, few, many int) func(*results.Set) (float64, bool) {
	return func(set *results.Set) (float64, bool) {
		a, okA := at(set, workload, name, many)
		b, okB := at(set, workload, name, few)
		if !okA || !okB {
			return 0, false
		}
		return set.Ratio(a, b, unit)
	}
}

func sized(workload, name, unit string, n int) func(*results.Set) (float64, bool) {
	return func(set *results.Set) (float64, bool) {
		key, _ := at(set, workload, name, n)
		m, ok := set.Median(key, unit)
		return m.Center, ok
	}
}

func scaling(set *results.Set) (float64, bool) {
	key := results.Key{Workload: "Parallel", Subject: subject.Berth, Procs: 1}
	two := key
	two.Procs = 2
	return set.Ratio(key, two, perOp)
}

func sharing(set *results.Set) (float64, bool) {
	a, okA := at(set, "Parallel", subject.Shared, 0)
	b, okB := at(set, "Alone", subject.Berth, 0)
	if !okA || !okB {
		return 0, false
	}
	return set.Ratio(a, b, perOp)
}

func writeBounds(b *strings.Builder, set *results.Set) {
	b.WriteString("## Bounds\n\nWhat the project has set itself, and what this run says.\n\n| what | bound | measured | |\n|---|---|--:|---|\n")
	for _, bound := range bounds() {
		v, ok := bound.measure(set)
		switch {
		case !ok:
			fmt.Fprintf(b, "| %s | %s | | not measured |\n", bound.what, bound.limit)
		case bound.met(v):
			fmt.Fprintf(b, "| %s | %s | %s%s | met |\n", bound.what, bound.limit, chart.Number(v), suffix(bound.unit))
		default:
			fmt.Fprintf(b, "| %s | %s | %s%s | **not met** |\n", bound.what, bound.limit, chart.Number(v), suffix(bound.unit))
		}
	}
	b.WriteString("\n")
}

func suffix(unit string) string {
	if unit == "" || unit == "x" {
		return unit
	}
	return " " + unit
}
