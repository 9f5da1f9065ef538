package results_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/berth-go/berth/benchmarks/internal/results"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const raw = `go: go1.26.8
cpu: Some CPU
a line of a program
BenchmarkAlone/subject=berth-2      100   20.0 ns/op   0 B/op   0 allocs/op
BenchmarkAlone/subject=peer-2       100   10.0 ns/op   0 B/op   1 allocs/op
BenchmarkAlone/subject=berth        100   30.0 ns/op   0 B/op   0 allocs/op
BenchmarkSlow/subject=berth/n=10-2    3    7 dials/req
BenchmarkAlone/subject=berth-2      100   90.0 ns/op   0 B/op   0 allocs/op
BenchmarkAlone/subject=peer-2       100   30.0 ns/op   0 B/op   1 allocs/op
BenchmarkAlone/subject=berth-2      100   40.0 ns/op   0 B/op   0 allocs/op
BenchmarkAlone/subject=peer-2       100   80.0 ns/op   0 B/op   1 allocs/op
PASS
`

func read(t *testing.T, text string) *results.Set {
	t.Helper()
	set, err := results.Read(strings.NewReader(text), "raw")
	require.NoError(t, err)
	return set
}

func alone(subject string) results.Key {
	return results.Key{Workload: "Alone", Subject: subject, Procs: 2}
}

func TestMedianIsOverTheRoundsInTheUnitPrinted(t *testing.T) {
	set := read(t, raw)
	m, ok := set.Median(alone("berth"), "ns/op")
	require.True(t, ok)
	assert.InDelta(t, 40, m.Center, 1e-9)
	_, ok = set.Median(alone("berth"), "dials/req")
	assert.False(t, ok)
	assert.Equal(t, 3, set.Most)
}

func TestRatioComparesWithinARound(t *testing.T) {
	// 2, 3 and a half: the ratio of the medians would be 4/3.
	ratio, ok := read(t, raw).Ratio(alone("berth"), alone("peer"), "ns/op")
	require.True(t, ok)
	assert.InDelta(t, 2, ratio.Center, 1e-9)
}

func TestDifferenceIsTakenWithinARound(t *testing.T) {
	// 20 - 10, 90 - 30 and 40 - 80: the medians differ by 10 too, but the range is that of the rounds.
	difference, ok := read(t, raw).Difference(alone("berth"), alone("peer"), "ns/op")
	require.True(t, ok)
	assert.InDelta(t, 10, difference.Center, 1e-9)
	_, ok = read(t, raw).Difference(alone("peer"), alone("nobody"), "ns/op")
	assert.False(t, ok)
}

func TestARangeNeedsRoundsEnough(t *testing.T) {
	const line = "BenchmarkAlone/subject=%s-2 1 %d ns/op\n"
	var text strings.Builder
	for i := range 6 {
		fmt.Fprintf(&text, line, "berth", 10+i)
		fmt.Fprintf(&text, line, "peer", 10)
	}
	ratio, _ := read(t, text.String()).Ratio(alone("berth"), alone("peer"), "ns/op")
	assert.InDelta(t, 1, ratio.Lo, 1e-9)
	assert.InDelta(t, 1.5, ratio.Hi, 1e-9)
	ratio, _ = read(t, raw).Ratio(alone("berth"), alone("peer"), "ns/op")
	assert.True(t, math.IsInf(ratio.Hi, 1))
}

func TestNetRatioTakesTheBaseOfTheSameRoundFromBoth(t *testing.T) {
	const line = "BenchmarkAlone/subject=%s-2 1 %d ns/op\n"
	var text strings.Builder
	for _, round := range [][3]int{{5, 25, 15}, {10, 40, 20}, {5, 20, 5}} { // twice, thrice, and nothing to compare with
		for i, name := range []string{"base", "berth", "peer"} {
			fmt.Fprintf(&text, line, name, round[i])
		}
	}
	ratio, ok := read(t, text.String()).NetRatio(alone("berth"), alone("peer"), alone("base"), "ns/op")
	require.True(t, ok)
	assert.InDelta(t, 2.5, ratio.Center, 1e-9)
	_, ok = read(t, raw).NetRatio(alone("berth"), alone("peer"), alone("base"), "ns/op")
	assert.False(t, ok)
}

func TestRatioToZeroIsNone(t *testing.T) {
	_, ok := read(t, raw).Ratio(alone("peer"), alone("berth"), "allocs/op")
	assert.False(t, ok)
}

func TestKeysKeepTheOrderOfTheRun(t *testing.T) {
	set := read(t, raw)
	assert.Equal(t, []results.Key{alone("berth"), alone("peer"), {Workload: "Alone", Subject: "berth", Procs: 1}}, set.Of("Alone"))
	assert.Equal(t, []int{1, 2}, set.Procs("Alone"))
	assert.Equal(t, []int{10}, set.Sizes("Slow"))
	assert.Equal(t, "Some CPU", set.Config["cpu"])
}

func TestReadRefusesWhatItCannotPlace(t *testing.T) {
	for name, text := range map[string]string{
		"nothing":      "PASS\n",
		"another form": "BenchmarkAlone/berth-2 100 20.0 ns/op\n",
		"no number":    "BenchmarkAlone/subject=berth-2 100 x ns/op\n",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := results.Read(strings.NewReader(text), "raw")
			assert.Error(t, err)
		})
	}
}

func TestFailuresAreNamedOnce(t *testing.T) {
	set := read(t, raw+"--- FAIL: BenchmarkSlow\n    --- FAIL: BenchmarkSlow/subject=peer/n=10-2\n    x_test.go:1: why\n"+
		"    --- FAIL: BenchmarkSlow/subject=peer/n=10-2\n")
	assert.Equal(t, []string{"Slow/subject=peer/n=10-2"}, set.Failed)
	assert.Empty(t, read(t, raw).Failed)
}
