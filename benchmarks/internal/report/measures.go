package report

import (
	"github.com/berth-go/berth/benchmarks/internal/results"
	"github.com/berth-go/berth/benchmarks/subject"
	"golang.org/x/perf/benchmath"
)

// A measure is a figure of a run, with its range; false: it was not measured.
type measure func(*results.Set) (benchmath.Summary, bool)

// at returns the row of a workload on the most processors that it ran on.
func at(set *results.Set, workload, name string, n int) (key results.Key, ok bool) {
	for _, k := range set.Of(workload) {
		if k.Subject == name && k.N == n && k.Procs >= key.Procs {
			key, ok = k, true
		}
	}
	return key, ok
}

func ratio(workload, ours, theirs, unit string) measure {
	return ratioAt(workload, ours, theirs, unit, 0)
}

// ratioAt is ratio at one of several sizes.
func ratioAt(workload, ours, theirs, unit string, n int) measure {
	return func(set *results.Set) (m benchmath.Summary, ok bool) {
		a, okA := at(set, workload, ours, n)
		b, okB := at(set, workload, theirs, n)
		if !okA || !okB {
			return m, false
		}
		return set.Ratio(a, b, unit)
	}
}

// netRatio is ratio in time, less the harness on both sides.
func netRatio(workload, ours, theirs string) measure {
	return func(set *results.Set) (m benchmath.Summary, ok bool) {
		a, okA := at(set, workload, ours, 0)
		b, okB := at(set, workload, theirs, 0)
		h, okH := at(set, workload, subject.Harness, 0)
		if !okA || !okB || !okH {
			return m, false
		}
		return set.NetRatio(a, b, h, perOp)
	}
}

func difference(workload, more, less string) measure {
	return func(set *results.Set) (m benchmath.Summary, ok bool) {
		a, _ := at(set, workload, more, 0)
		b, _ := at(set, workload, less, 0)
		return set.Difference(a, b, perOp)
	}
}

// worst is the largest median over subjects, all of which must be there.
func worst(workload, unit string, names ...string) measure {
	return func(set *results.Set) (m benchmath.Summary, ok bool) {
		for i, name := range names {
			key, _ := at(set, workload, name, 0)
			of, measured := set.Median(key, unit)
			if !measured {
				return of, false
			}
			if i == 0 || of.Center > m.Center {
				m = of
			}
		}
		return m, true
	}
}

// growth is the cost with many over that with few.
func growth(workload, name, unit string, few, many int) measure {
	return func(set *results.Set) (m benchmath.Summary, ok bool) {
		a, okA := at(set, workload, name, many)
		b, okB := at(set, workload, name, few)
		if !okA || !okB {
			return m, false
		}
		return set.Ratio(a, b, unit)
	}
}

func sized(workload, name, unit string, n int) measure {
	return func(set *results.Set) (m benchmath.Summary, ok bool) {
		key, _ := at(set, workload, name, n)
		return set.Median(key, unit)
	}
}

// scaling is the speed of leases on two processors over that on one.
func scaling(name string) measure {
	return func(set *results.Set) (m benchmath.Summary, ok bool) {
		one := results.Key{Workload: "Parallel", Subject: name, Procs: 1}
		two := one
		two.Procs = 2
		return set.Ratio(one, two, perOp)
	}
}

// sharing is the cost of a shared lease on all processors over that of an
// exclusive one alone.
func sharing(shared, exclusive string) measure {
	return func(set *results.Set) (m benchmath.Summary, ok bool) {
		a, okA := at(set, "Parallel", shared, 0)
		b, okB := at(set, "Alone", exclusive, 0)
		if !okA || !okB {
			return m, false
		}
		return set.Ratio(a, b, perOp)
	}
}
