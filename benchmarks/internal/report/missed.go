package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/berth-go/berth/benchmarks/internal/chart"
	"github.com/berth-go/berth/benchmarks/internal/profile"
	"github.com/berth-go/berth/benchmarks/internal/results"
)

// topOf is how many functions of a profile are shown.
const topOf = 8

// missed are the bounds that a run does not meet.
func missed(set *results.Set) []bound {
	return slices.DeleteFunc(bounds(), func(b bound) bool {
		m, ok := b.measure(set)
		return !ok || b.met(m.Center)
	})
}

// Wanted are the profiles that show where the missed bounds of a run are lost, in
// the order of the page.
func Wanted(set *results.Set) []profile.Spec {
	var specs []profile.Spec
	for _, b := range missed(set) {
		if spec := b.spec(); !slices.Contains(specs, spec) {
			specs = append(specs, spec)
		}
	}
	return specs
}

// writeMissed tells of each missed bound how far away the floor is, and where the
// rest goes.
func writeMissed(b *strings.Builder, set *results.Set, profiles profile.Set) {
	lost := missed(set)
	if len(lost) == 0 {
		return
	}
	b.WriteString("## What the missed bounds cost and why\n\n" +
		"Of each bound that this run does not meet: the figure behind it, that of the floor in the same rounds, and where it goes. " +
		"A floor is the cheapest operation, written by hand for one situation, that keeps the contract there, with nothing else of a pool; what each one is stands under [Subjects](#subjects). " +
		fmt.Sprintf("The profiles were taken after the rounds, of Berth alone: the %d functions with the largest share of their own (flat), and their share with all that they call (cum).\n\n", topOf))
	var shown []profile.Spec
	for _, bound := range lost {
		fmt.Fprintf(b, "### Missed: %s\n\n", bound.what)
		bound.writeFloor(b, set)
		spec := bound.spec()
		if slices.Contains(shown, spec) {
			fmt.Fprintf(b, "The profile is `%s`, above.\n\n", spec)
			continue
		}
		shown = append(shown, spec)
		writeProfile(b, spec, bound.note, profiles[spec.String()])
	}
}

// writeFloor compares with the floor: by the measure of the bound, and by the
// figure behind it.
func (b bound) writeFloor(w *strings.Builder, set *results.Set) {
	m, _ := b.measure(set) // it is missed, so it was measured
	fmt.Fprintf(w, "The bound is %s; measured: %s.", b.limit, b.value(m.Center))
	if b.floor == nil {
		w.WriteString(" There is no floor for this.\n\n")
		return
	}
	if f, ok := b.floor(set); ok {
		verdict := "would meet it"
		if !b.met(f.Center) {
			verdict = "does not meet it either"
		}
		fmt.Fprintf(w, " The floor, at %s, %s.", b.value(f.Center), verdict)
	}
	w.WriteString("\n\n")
	r := b.row
	ours, okOurs := at(set, r.workload, r.ours, r.n)
	floor, okFloor := at(set, r.workload, r.floor, r.n)
	mine, hasMine := set.Median(ours, r.unit)
	its, hasIts := set.Median(floor, r.unit)
	if !okOurs || !okFloor || !hasMine || !hasIts {
		w.WriteString("The floor was not measured.\n\n")
		return
	}
	over := ""
	if ratio, ok := set.Ratio(ours, floor, r.unit); ok {
		over = chart.Number(ratio.Center) + "x"
	}
	fmt.Fprintf(w, "| %s | %s | over the floor |\n|---|--:|--:|\n| %s | %s | %s |\n| %s | %s | |\n\n",
		strings.TrimSuffix(r.workload+" "+size(r.n), " "), label(r.unit), r.ours, figure(r.unit, mine.Center), over, r.floor, figure(r.unit, its.Center))
}

func size(n int) string {
	if n == 0 {
		return ""
	}
	return "n=" + chart.Number(float64(n))
}

func writeProfile(b *strings.Builder, spec profile.Spec, note, text string) {
	entries := profile.Top(text, topOf)
	if len(entries) == 0 {
		b.WriteString("No profile was taken.\n\n")
		return
	}
	fmt.Fprintf(b, "Profile `%s`.", spec)
	if note != "" {
		b.WriteString(" " + note)
	}
	fmt.Fprintf(b, "\n\n```text\n%10s %7s %7s\n", "flat", "flat", "cum")
	for _, e := range entries {
		fmt.Fprintf(b, "%10s %6.1f%% %6.1f%%  %s\n", e.Flat, e.FlatPart, e.CumPart, e.Function)
	}
	b.WriteString("```\n\n")
}
