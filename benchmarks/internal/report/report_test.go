package report_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/berth-go/berth/benchmarks/internal/profile"
	"github.com/berth-go/berth/benchmarks/internal/report"
	"github.com/berth-go/berth/benchmarks/internal/results"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the golden files anew")

func read(t *testing.T, raw string) *results.Set {
	t.Helper()
	set, err := results.Read(strings.NewReader(raw), "raw")
	require.NoError(t, err)
	return set
}

func render(t *testing.T, raw string) report.Page {
	t.Helper()
	return report.Render(read(t, raw), profile.Set{}, "benchmarks")
}

// golden compares with a file of testdata, byte by byte.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, string(want), got, "%s differs; if that is right, run go test ./internal/report -update", name)
}

func TestPageAndPicturesAreThoseOfTheGoldenFiles(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join("testdata", "raw.txt"))
	require.NoError(t, err)
	profiles, err := os.ReadFile(filepath.Join("testdata", "profiles.txt"))
	require.NoError(t, err)
	page := report.Render(read(t, string(raw)), profile.Read(string(profiles)), "benchmarks")
	golden(t, "benchmarks.md", page.Markdown)
	require.Len(t, page.Pictures, 4)
	for name, svg := range page.Pictures {
		golden(t, name, svg)
	}
}

const alone = "BenchmarkAlone/subject="

// row returns the line of the page that begins so.
func row(t *testing.T, page report.Page, begins string) string {
	t.Helper()
	for line := range strings.Lines(page.Markdown) {
		if strings.HasPrefix(line, begins) {
			return strings.TrimSpace(line)
		}
	}
	t.Fatalf("no line begins with %q", begins)
	return ""
}

func TestALossToAPeerIsBoldAndListed(t *testing.T) {
	page := render(t, alone+"berth 10 30 ns/op\n"+alone+"puddle 10 20 ns/op\n"+alone+"channel 10 60 ns/op\n")
	assert.Contains(t, row(t, page, "| puddle | 20"), "**1.5**")
	assert.Contains(t, row(t, page, "| channel | 60"), "| 0.5 |")
	assert.Equal(t, "| Alone | time/op | puddle 1.5x |", row(t, page, "| Alone |"))
}

func TestSomeWhereAPeerHasNoneIsALoss(t *testing.T) {
	page := render(t, alone+"berth 10 20 ns/op 1 allocs/op\n"+alone+"puddle 10 20 ns/op 0 allocs/op\n")
	assert.Equal(t, "| Alone | allocs/op | puddle ∞ |", row(t, page, "| Alone |"))
}

func TestHarnessAndOwnVariantsAreNoPeers(t *testing.T) {
	page := render(t, alone+"harness 10 1 ns/op\n"+alone+"berth 10 20 ns/op\n"+alone+"berth-full 10 10 ns/op\n")
	assert.Contains(t, page.Markdown, "None in this run.")
}

func TestBoundIsMetUpToItsLimitOnly(t *testing.T) {
	bound := "| a lease, alone |"
	assert.Contains(t, row(t, render(t, alone+"berth 10 20 ns/op\n"+alone+"sync.Pool 10 20 ns/op\n"), bound), "| 1x | | met |")
	assert.Contains(t, row(t, render(t, alone+"berth 10 21 ns/op\n"+alone+"sync.Pool 10 20 ns/op\n"), bound), "| 1.05x | | **not met** |")
	assert.Contains(t, row(t, render(t, alone+"berth 10 20.04 ns/op\n"+alone+"sync.Pool 10 20 ns/op\n"), bound), "| 1.002x | | **not met** |")
	assert.Contains(t, row(t, render(t, alone+"berth 10 21 ns/op\n"), bound), "| not measured |")
}

// rounds is a run of Alone in which Berth takes so long and sync.Pool 20 ns.
func rounds(took ...int) string {
	var raw strings.Builder
	for _, ns := range took {
		fmt.Fprintf(&raw, "%sberth 10 %d ns/op\n%ssync.Pool 10 20 ns/op\n", alone, ns, alone)
	}
	return raw.String()
}

func TestABoundInsideTheRangeOfARunIsNamed(t *testing.T) {
	verdict := func(took ...int) string { return row(t, render(t, rounds(took...)), "| a lease, alone |") }
	assert.Contains(t, verdict(14, 15, 16, 17, 18, 19), "| 0.82x | 0.7x to 0.95x | met |")
	assert.Contains(t, verdict(14, 15, 16, 17, 18, 21), "| 0.82x | 0.7x to 1.05x | met, bound inside the range |")
	assert.Contains(t, verdict(19, 22, 23, 24, 25, 26), "| 1.17x | 0.95x to 1.3x | **not met**, bound inside the range |")
	assert.Contains(t, verdict(22, 22, 22, 22, 22, 22), "| 1.1x | | **not met** |")
	assert.Contains(t, verdict(14, 21), "| 0.88x | | met |", "two rounds are too few for a range")
}

func TestScalingBoundAsksForTheLeast(t *testing.T) {
	raw := "BenchmarkParallel/subject=berth 10 20 ns/op\nBenchmarkParallel/subject=berth-2 10 10 ns/op\n"
	assert.Contains(t, row(t, render(t, raw), "| leases per second on 2"), "| 2x | | met |")
	raw = strings.Replace(raw, "10 10 ns", "10 19 ns", 1)
	assert.Contains(t, row(t, render(t, raw), "| leases per second on 2"), "**not met**")
}

func TestGrowthBoundsCompareTheSizesTheyName(t *testing.T) {
	raw := "BenchmarkAxisKeys/subject=berth/n=1000-2 10 100 ns/op 900 B/key\n" +
		"BenchmarkAxisKeys/subject=berth/n=1000000-2 10 250 ns/op 1000 B/key\n"
	page := render(t, raw)
	assert.Contains(t, row(t, page, "| a lease with 1,000,000 keys"), "| 2.5x | | **not met** |")
	assert.Contains(t, row(t, page, "| memory of a key"), "| 1000 B | | met |")
}

func TestQuickRunSaysSo(t *testing.T) {
	assert.Contains(t, render(t, "quick: yes\n"+alone+"berth 10 20 ns/op\n").Markdown, "quick run")
	assert.NotContains(t, render(t, alone+"berth 10 20 ns/op\n").Markdown, "quick run")
}

func TestFailedBenchmarksAreNamed(t *testing.T) {
	raw := alone + "berth 10 20 ns/op\n"
	assert.NotContains(t, render(t, raw).Markdown, "## Failed")
	assert.Equal(t, "- `Alone/subject=puddle`", row(t, render(t, raw+"--- FAIL: BenchmarkAlone/subject=puddle\n"), "- `Alone"))
}
