package main

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// grace is how long a request must have waited already for a younger one to
// overtake it. Two that ask within it stand in no certain order: a goroutine may
// be stopped between its stamp and the queue.
const grace = time.Millisecond

// overtakings counts the requests that got their turn before one that had
// already waited for grace when they asked. Only certain cases count: the older
// one was still waiting when the younger one had its turn.
//
// It takes O(n log n). In order of asking, those that asked at least grace before
// a request are the ones up to some point, and the point only moves forward; of
// them it needs no more than the latest moment at which one was still waiting.
func overtakings(entries []entry, grace time.Duration) int {
	byAsked := slices.Clone(entries)
	slices.SortFunc(byAsked, func(a, b entry) int { return cmp.Compare(a.asked, b.asked) })
	count, next := 0, 0
	latest := time.Duration(math.MinInt64)
	for _, y := range byAsked {
		for ; next < len(byAsked) && byAsked[next].asked+grace <= y.asked; next++ {
			latest = max(latest, byAsked[next].waiting)
		}
		if y.turn < latest {
			count++
		}
	}
	return count
}

// A spread says how long requests waited.
type spread struct{ p50, p99, longest time.Duration }

func waits(entries []entry) spread {
	all := make([]time.Duration, 0, len(entries))
	for _, e := range entries {
		all = append(all, e.wait())
	}
	slices.Sort(all)
	return spread{p50: percentile(all, 50), p99: percentile(all, 99), longest: percentile(all, 100)}
}

// percentile returns the smallest value that at least p percent of sorted do not
// exceed (the nearest rank), and 0 if there is none. Every answer is a value that
// was measured, never one between two.
func percentile(sorted []time.Duration, p int) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	rank := (len(sorted)*p + 99) / 100 // rounded up, in integers: 99 % of 100 is the 99th
	return sorted[max(rank, 1)-1]
}
