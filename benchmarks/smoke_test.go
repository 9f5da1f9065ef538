package benchmarks_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/berth-go/berth/benchmarks/httpsubject"
	"github.com/berth-go/berth/benchmarks/internal/results"
	"github.com/berth-go/berth/benchmarks/subject"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Each workload runs once on each of its subjects, small, in a process of its own
// so that what the benchmarks print can be read. What the report looks for must
// be there.
func TestEveryWorkloadRunsOnEverySubject(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.CommandContext(ctx, self, "-test.run=^$", "-test.bench=.", "-test.benchtime=1x", "-test.short")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)

	set, err := results.Read(bytes.NewReader(out), "smoke")
	require.NoError(t, err)
	for workload, names := range expected() {
		got := map[string]bool{}
		for _, key := range set.Of(workload) {
			got[key.Subject] = true
		}
		for _, name := range names {
			assert.True(t, got[name], "%s did not run on %s", workload, name)
			delete(got, name)
		}
		assert.Empty(t, got, "%s ran on subjects that are not expected", workload)
	}
}

// expected are the subjects of each workload.
func expected() map[string][]string {
	names := func(subjects []subject.Subject) (names []string) {
		for _, s := range subjects {
			names = append(names, s.Name)
		}
		return names
	}
	var keyed, http1, http2, cold []string
	for _, s := range subject.AllKeyed() {
		keyed = append(keyed, s.Name)
	}
	for _, s := range httpsubject.All() {
		http1 = append(http1, s.Name)
		if !s.HTTP1Only {
			http2 = append(http2, s.Name)
		}
		if !s.HTTP1Only && !s.NoPool {
			cold = append(cold, s.Name)
		}
	}
	return map[string][]string{
		"Alone":          names(uncontended()),
		"Parallel":       names(uncontended()),
		"Oversubscribed": names(contended()),
		"CancelStorm":    names(waiting()),
		"SlowDial":       names(dialling()),
		"Outage":         names(dialling()),
		"Fairness":       names(waiting()),
		"Order":          names(waiting()),
		"AxisIdle":       names(onAxis(subject.IdleFloor())),
		"AxisInUse":      names(onAxis(subject.QueueFloor())),
		"AxisWaiters":    names(onAxis(subject.QueueFloor())),
		"AxisExpired":    names(onAxis(subject.QueueFloor())),
		"AxisKeys":       keyed,
		"Zipf":           keyed,
		"HTTP1":          http1,
		"HTTP1Load":      http1,
		"HTTP2":          http2,
		"ColdBurst":      cold,
	}
}

// The harness must not be what is measured: it allocates nothing.
func TestHarnessDoesNotAllocate(t *testing.T) {
	p, err := subject.Named(subject.Harness)[0].Open(subject.Config{Size: 1})
	require.NoError(t, err)
	ctx := t.Context()
	assert.Zero(t, testing.AllocsPerRun(100, func() { _ = p.Use(ctx, yield) }))
}
