package report

import (
	"fmt"
	"strings"

	"github.com/berth-go/berth/benchmarks/internal/chart"
	"github.com/berth-go/berth/benchmarks/internal/results"
)

func writeBounds(b *strings.Builder, set *results.Set) {
	b.WriteString("## Bounds\n\nWhat the project has set itself, and what this run says. Where sync.Pool is the measure, the harness is on both sides of the ratio and flattens it, so the ratio without it is said too; the bound is on the plain one.\n\n| what | bound | measured | |\n|---|---|--:|---|\n")
	for _, bound := range bounds() {
		v, ok := bound.measure(set)
		verdict := "**not met**"
		switch {
		case !ok:
			fmt.Fprintf(b, "| %s | %s | | not measured |\n", bound.what, bound.limit)
			continue
		case bound.met(v):
			verdict = "met"
		}
		fmt.Fprintf(b, "| %s | %s | %s%s | %s |\n", bound.what, bound.limit, bound.value(v), bound.netText(set), verdict)
	}
	b.WriteString("\n")
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
	v, ok := b.net(set)
	if !ok {
		return ""
	}
	return fmt.Sprintf(" (net of the harness %s)", b.value(v))
}
