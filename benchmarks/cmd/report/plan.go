package main

import (
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// A group is workloads that run for the same time on the same processors.
type group struct {
	workloads []string
	time      string // of each benchmark, as -benchtime
	quickTime string
	spread    bool // on 1 and 2 processors too, to see whether more of them help
	passes    int  // in a round: of short operations some more, as what else the machine does weighs most on them
}

// groups are all workloads. The first three measure one short operation and run by
// the clock; the others take long to set up, and run by number.
func groups() []group {
	return []group{
		{[]string{"Alone", "HTTP1", "HTTP1Load", "HTTP2"}, "200ms", "20ms", false, 3},
		{[]string{"Parallel", "Oversubscribed"}, "200ms", "20ms", true, 2},
		{[]string{"Zipf", "AxisIdle", "AxisInUse", "AxisKeys"}, "200ms", "20ms", false, 1},
		{[]string{"AxisWaiters"}, "100000x", "1000x", false, 1}, // so that each of 100,000 has a turn
		{[]string{"CancelStorm", "AxisExpired", "Order"}, "5x", "1x", false, 1},
		{[]string{"Fairness"}, "50x", "1x", false, 1}, // short, and a stop of the machine is the longest wait of most
		{[]string{"SlowDial", "Outage", "ColdBurst"}, "5x", "1x", false, 1},
	}
}

// A step is one start of the benchmarks.
type step struct {
	round int
	args  []string
}

// plan returns the steps in order, round after round.
func plan(quick bool, rounds int, only *regexp.Regexp) []step {
	const full, few = 7, 3 // 6 is the least of which the median has a 95 % interval
	if rounds == 0 {
		rounds = full
		if quick {
			rounds = few
		}
	}
	var steps []step
	for round := range rounds {
		for _, g := range groups() {
			args := g.args(quick, only)
			if args == nil {
				continue
			}
			for range g.passes {
				steps = append(steps, step{round + 1, args})
			}
		}
	}
	return steps
}

// args returns the flags for the workloads of the group that are wanted, nil if
// there are none.
func (g group) args(quick bool, only *regexp.Regexp) []string {
	wanted := slices.DeleteFunc(slices.Clone(g.workloads), func(w string) bool { return !only.MatchString(w) })
	if len(wanted) == 0 {
		return nil
	}
	procs := []int{runtime.NumCPU()}
	if g.spread {
		procs = append(procs, 1, min(2, runtime.NumCPU()))
	}
	slices.Sort(procs)
	var list []string
	for _, n := range slices.Compact(procs) {
		list = append(list, strconv.Itoa(n))
	}
	args := []string{
		"-test.run=^$",
		"-test.bench=^Benchmark(" + strings.Join(wanted, "|") + ")$",
		"-test.cpu=" + strings.Join(list, ","),
		"-test.timeout=30m",
	}
	if quick {
		return append(args, "-test.benchtime="+g.quickTime, "-test.short")
	}
	return append(args, "-test.benchtime="+g.time)
}
