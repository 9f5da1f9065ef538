package report_test

import (
	"strings"
	"testing"

	"github.com/berth-go/berth/benchmarks/internal/profile"
	"github.com/berth-go/berth/benchmarks/internal/report"
	"github.com/stretchr/testify/assert"
)

const missedTitle = "## What the missed bounds cost and why"

const slow = alone + "berth 10 40 ns/op\n" + alone + "sync.Pool 10 20 ns/op\n" + alone + "floor 10 10 ns/op\n" + alone + "harness 10 5 ns/op\n"

// section returns what the page says of a missed bound.
func section(t *testing.T, page report.Page, what string) string {
	t.Helper()
	_, after, ok := strings.Cut(page.Markdown, "### Missed: "+what+"\n")
	assert.True(t, ok, "no section for %s", what)
	text, _, _ := strings.Cut(after, "\n#")
	return text
}

func TestAMissedBoundIsSetBesideItsFloor(t *testing.T) {
	text := section(t, render(t, slow), "a lease, alone")
	assert.Contains(t, text, "measured: 2x. The floor, at 0.5x, would meet it.")
	assert.Contains(t, text, "| berth | 40 ns | 4x |\n| floor | 10 ns | |")
	assert.Contains(t, text, "No profile was taken.")

	text = section(t, render(t, strings.Replace(slow, "floor 10 10 ns", "floor 10 25 ns", 1)), "a lease, alone")
	assert.Contains(t, text, "does not meet it either")
}

func TestAMissedBoundWithoutItsFloorSaysSo(t *testing.T) {
	text := section(t, render(t, alone+"berth 10 40 ns/op\n"+alone+"sync.Pool 10 20 ns/op\n"), "a lease, alone")
	assert.Contains(t, text, "The floor was not measured.")
	text = section(t, render(t, "BenchmarkColdBurst/subject=httpconn 1 2 dials/burst\n"), "50 cold requests to an HTTP/2 host")
	assert.Contains(t, text, "There is no floor for this.")
}

func TestWithAllBoundsMetThereIsNoSectionOfMissedOnes(t *testing.T) {
	met := strings.Replace(slow, "berth 10 40 ns", "berth 10 20 ns", 1)
	assert.NotContains(t, render(t, met).Markdown, missedTitle)
	assert.Contains(t, render(t, slow).Markdown, missedTitle)
	assert.Empty(t, report.Wanted(read(t, met)))
}

func TestOnlyMissedBoundsAreProfiledAndEachRowOnce(t *testing.T) {
	// Two bounds are on this row: beside sync.Pool, and one processor beside two.
	raw := "BenchmarkParallel/subject=berth 10 20 ns/op\nBenchmarkParallel/subject=sync.Pool 10 10 ns/op\n" +
		"BenchmarkParallel/subject=berth-2 10 20 ns/op\nBenchmarkParallel/subject=sync.Pool-2 10 10 ns/op\n"
	spec := profile.Spec{Kind: profile.CPU, Workload: "Parallel", Subject: "berth"}
	assert.Equal(t, []profile.Spec{spec}, report.Wanted(read(t, raw)))

	page := report.Render(read(t, raw), profile.Set{spec.String(): "1s 60.5% 60.5% 2s 100% a/b.(*C[d]).E\n"}, "benchmarks")
	assert.Equal(t, 1, strings.Count(page.Markdown, "b.(*C).E"))
	assert.Contains(t, section(t, page, "leases per second on 2"+" processors over those on 1"), "`cpu Parallel/berth`, above")
}

func TestMemoryIsProfiledBySizeAndAllocationsByNumber(t *testing.T) {
	raw := "BenchmarkAxisKeys/subject=berth/n=1000000-2 10 100 ns/op 4000 B/key\n" +
		alone + "berth 10 20 ns/op 1 allocs/op\n" + alone + "berth-full 10 20 ns/op 1 allocs/op\n" +
		alone + "berth-keyed 10 20 ns/op 1 allocs/op\n" + alone + "berth-shared 10 20 ns/op 1 allocs/op\n"
	assert.Equal(t, []profile.Spec{
		{Kind: profile.Allocs, Workload: "Alone", Subject: "berth"},
		{Kind: profile.Heap, Workload: "AxisKeys", Subject: "berth", N: 100_000},
	}, report.Wanted(read(t, raw)))
}

func TestRatiosToSyncPoolAreSaidWithoutTheHarnessToo(t *testing.T) {
	assert.Contains(t, row(t, render(t, slow), "| a lease, alone |"), "| 2x (net of the harness 2.33x) | | **not met** |")
}
