package report

import (
	"fmt"
	"math"
	"strings"

	"github.com/berth-go/berth/benchmarks/internal/chart"
	"github.com/berth-go/berth/benchmarks/internal/results"
	"golang.org/x/perf/benchmath"
)

func writeBounds(b *strings.Builder, set *results.Set) {
	b.WriteString("## Bounds\n\nWhat the project has set itself, and what this run says. Where sync.Pool is the measure, the harness is on both sides of the ratio and flattens it, so the ratio without it is said too; the bound is on the plain one. A figure is a median over the rounds, and its range the 95 % confidence interval around it; where the bound is inside the range, this run cannot tell.\n\n| what | bound | measured | range | |\n|---|---|--:|---|---|\n")
	for _, bound := range bounds() {
		m, ok := bound.measure(set)
		if !ok {
			fmt.Fprintf(b, "| %s | %s | | | not measured |\n", bound.what, bound.limit)
			continue
		}
		fmt.Fprintf(b, "| %s | %s | %s%s |%s | %s |\n", bound.what, bound.limit, bound.value(m.Center), bound.netText(set), bound.rangeText(m), bound.verdict(m))
	}
	b.WriteString("\n")
}

// verdict is that of the median, and says so where the range has both.
func (b bound) verdict(m benchmath.Summary) string {
	verdict := "**not met**"
	if b.met(m.Center) {
		verdict = "met"
	}
	if known(m) && b.met(m.Lo) != b.met(m.Hi) {
		verdict += ", bound inside the range"
	}
	return verdict
}

// rangeText is empty where all rounds measured the same, or too few did.
func (b bound) rangeText(m benchmath.Summary) string {
	if !known(m) || m.Lo == m.Hi {
		return ""
	}
	return " " + b.value(m.Lo) + " to " + b.value(m.Hi)
}

// known reports whether there were rounds enough for a range.
func known(m benchmath.Summary) bool {
	return !math.IsInf(m.Lo, 0) && !math.IsInf(m.Hi, 0)
}

// value writes a figure of the bound with its unit, and with more digits where it
// would look like the bound itself and is not.
func (b bound) value(v float64) string {
	number := chart.Number(v)
	if v != b.most && number == chart.Number(b.most) {
		number = fmt.Sprintf("%.5g", v)
	}
	if b.unit == "" || b.unit == "x" {
		return number + b.unit
	}
	return number + " " + b.unit
}

func (b bound) netText(set *results.Set) string {
	if b.net == nil {
		return ""
	}
	m, ok := b.net(set)
	if !ok {
		return ""
	}
	return fmt.Sprintf(" (net of the harness %s)", b.value(m.Center))
}
