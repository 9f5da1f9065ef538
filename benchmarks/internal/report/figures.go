package report

import (
	"strings"

	"github.com/berth-go/berth/benchmarks/internal/chart"
)

// isTime reports whether a unit counts nanoseconds.
func isTime(unit string) bool {
	return unit == perOp || strings.Contains(unit, "-ns")
}

// label is a unit in a heading, where the figures below carry their own times.
func label(unit string) string {
	if !isTime(unit) {
		return unit
	}
	if unit == perOp {
		return "time/op"
	}
	return strings.Replace(unit, "-ns", " time", 1)
}

// figure writes a value of a unit.
func figure(unit string, v float64) string {
	if !isTime(unit) {
		return chart.Number(v)
	}
	const thousand = 1e3
	names := []string{"ns", "µs", "ms", "s"}
	i := 0
	for v >= thousand && i < len(names)-1 {
		v /= thousand
		i++
	}
	return chart.Number(v) + " " + names[i]
}
