// Package load makes the situations that the benchmarks measure: callers that
// are known to wait, bursts, and the order in which callers were served.
package load

import (
	"runtime"
	"runtime/metrics"
	"time"
)

// Settle waits until every other goroutine sleeps, so that callers which were
// just started are known to stand in the queue. No pool is asked, because most
// cannot tell how many wait.
//
// The scheduler's counts are approximate while goroutines change state, so they
// must show rest several times in a row.
func Settle() {
	const (
		inARow  = 3
		patient = time.Minute
		eager   = 100 // looks without a pause, enough for one caller
		pause   = 200 * time.Microsecond
	)
	samples := []metrics.Sample{
		{Name: "/sched/goroutines/runnable:goroutines"},
		{Name: "/sched/goroutines/running:goroutines"},
	}
	start, rest := time.Now(), 0
	for looks := 0; rest < inARow && time.Since(start) < patient; looks++ {
		runtime.Gosched()
		metrics.Read(samples)
		if samples[0].Value.Uint64() == 0 && samples[1].Value.Uint64() <= 1 {
			rest++
			continue
		}
		rest = 0
		if looks > eager {
			time.Sleep(pause) // looking takes the scheduler's lock, which those need who are on their way
		}
	}
}
