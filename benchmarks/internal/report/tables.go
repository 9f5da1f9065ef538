package report

import (
	"slices"

	"github.com/berth-go/berth/benchmarks/httpsubject"
	"github.com/berth-go/berth/benchmarks/subject"
)

// A table is one workload of the report.
type table struct {
	workload string
	title    string
	question string // what was done, and what the figures say

	ours  string   // the subject that the others are compared with
	units []string // lower is better in each of them
	all   bool     // for every number of processors, not only for the most

	chart     kind
	chartUnit string
	also      []string // units that have a chart of their own beside it
	xLabel    string   // of a chart of lines
}

type kind int

const (
	noChart kind = iota
	bars
	lines
)

// The units that benchmarks report.
const (
	perOp      = "ns/op"
	allocs     = "allocs/op"
	cancelTime = "cancel-ns/waiter"
	delivery   = "delivery-ns"
	settled    = "settled-ns/waiter"
	burstTime  = "burst-ns"
	perKey     = "B/key"
)

// tables are the workloads in the order of the page.
func tables() []table {
	return slices.Concat(poolTables(), axisTables(), httpTables())
}

func poolTables() []table {
	const ours = subject.Berth
	return []table{
		{
			workload: "Alone", title: "Alone", ours: ours, units: []string{perOp, allocs}, chart: bars, chartUnit: perOp,
			question: "One caller acquires and releases; a resource is idle. The context can be canceled.",
		},
		{
			workload: "Parallel", title: "Parallel, spare idle", ours: ours, units: []string{perOp, allocs}, all: true, chart: bars, chartUnit: perOp,
			question: "Every processor acquires and releases, and more resources are idle than are ever in use.",
		},
		{
			workload: "Oversubscribed", title: "Oversubscribed", ours: ours, units: []string{perOp, allocs}, all: true, chart: bars, chartUnit: perOp,
			question: "128 callers compete for 8 resources and hold each over one switch of goroutines. The harness makes the switches and has no pool.",
		},
		{
			workload: "Zipf", title: "10,000 keys, some of them hot", ours: ours, units: []string{perOp, allocs}, chart: bars, chartUnit: perOp,
			question: "Every processor acquires from one of 10,000 keys, a few often and most rarely. The maps of pools have no cap in total and keep every key for ever.",
		},
		{
			workload: "CancelStorm", title: "Cancel storm", ours: ours, units: []string{cancelTime, delivery},
			chart: lines, chartUnit: cancelTime, also: []string{delivery}, xLabel: "waiters that give up",
			question: "n callers wait for one resource and one more behind them; the n give up at once. What it took for each to be gone, switching to its goroutine included, and what the delivery to the one behind took then.",
		},
		{
			workload: "SlowDial", title: "Slow dial", ours: ours, units: []string{burstTime, "dials/req"}, chart: bars, chartUnit: burstTime,
			question: "64 callers come while the only open resource is in use; 64 may be open, a dial takes 20 ms and the work 20 µs. When all have come the resource is released and the dials begin: how long until all were served from then on, and dials started per request.",
		},
		{
			workload: "Outage", title: "Outage and recovery", ours: ours, units: []string{"dials/outage", "errors/caller", "recovery-ns"},
			question: "For 100 ms each dial fails after 1 ms. 64 callers want one of 8 resources and ask again 5 ms after an error. Dials that the backend saw meanwhile, errors of each caller, and the time from its return until every caller was served. `berth` asks as often as its callers do; `berth-careful` backs off.",
		},
		{
			workload: "Fairness", title: "Fairness under load", ours: ours, units: []string{"longest/mean", "p99/mean"},
			question: "128 callers compete for 8 resources. The longest wait, and that which one in a hundred exceeds, over the mean, in the median of 50 competitions of 100 leases each.",
		},
		{
			workload: "Order", title: "Order of service", ours: ours, units: []string{"overtaken/waiter", "most-overtaken"},
			question: "100 callers queue up one after the other and are served one at a time. How many later callers went before one, on average and at most.",
		},
	}
}

// axisTables are of one thing of which there is more and more.
func axisTables() []table {
	const ours = subject.Berth
	return []table{
		{
			workload: "AxisIdle", title: "Cost over idle resources", ours: ours, units: []string{perOp}, chart: lines, chartUnit: perOp, xLabel: "idle resources",
			question: "As alone, with n idle resources.",
		},
		{
			workload: "AxisInUse", title: "Cost over resources in use", ours: ours, units: []string{perOp}, chart: lines, chartUnit: perOp, xLabel: "resources in use",
			question: "As alone, while n other resources are in use. One is idle.",
		},
		{
			workload: "AxisWaiters", title: "Cost over waiters", ours: ours, units: []string{perOp}, chart: lines, chartUnit: perOp, xLabel: "waiters",
			question: "One resource is handed round, and n callers wait for it at any time. With many, each wakes to cold caches, whatever the pool.",
		},
		{
			workload: "AxisExpired", title: "Cost over expired waiters", ours: ours, units: []string{delivery, settled}, chart: lines, chartUnit: delivery, also: []string{settled}, xLabel: "expired waiters in front",
			question: "The resource is released at the moment at which the n callers in front give up: what the delivery to the one behind them took, and until all n were gone.",
		},
		{
			workload: "AxisKeys", title: "Cost over keys", ours: ours, units: []string{perOp, perKey}, chart: lines, chartUnit: perOp, also: []string{perKey}, xLabel: "keys",
			question: "Each of n keys has one idle resource, of 16 bytes; one caller acquires from keys drawn at random. With many keys the caches are too small, whatever the pool.",
		},
	}
}

func httpTables() []table {
	const ours = httpsubject.Berth
	return []table{
		{
			workload: "HTTP1", title: "HTTP/1.1, one caller", ours: ours, units: []string{perOp, allocs}, chart: bars, chartUnit: perOp,
			question: "A small GET on a connection that is there. The server is another process on the same processors: its time is in every row, its allocations are in none.",
		},
		{
			workload: "HTTP1Load", title: "HTTP/1.1, 64 callers, 8 connections", ours: ours, units: []string{perOp, allocs}, chart: bars, chartUnit: perOp,
			question: "The same for more callers than there may be connections.",
		},
		{
			workload: "HTTP2", title: "HTTP/2", ours: ours, units: []string{perOp, allocs, "conns"}, chart: lines, chartUnit: perOp, xLabel: "requests at once",
			question: "n requests at once over TLS to a server that carries 250 on a connection; 8 connections may be open. The last figure is how many were.",
		},
		{
			workload: "ColdBurst", title: "Cold burst", ours: ours, units: []string{"dials/burst", burstTime},
			question: "50 requests come at once to an HTTP/2 host that was never met: connections dialled, and the time until all had their answer.",
		},
	}
}

// Workloads returns the names of those that the page has a table for.
func Workloads() []string {
	var names []string
	for _, t := range tables() {
		names = append(names, t.workload)
	}
	return names
}
