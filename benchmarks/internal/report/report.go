// Package report writes the page of the benchmarks from what they printed.
package report

import (
	"fmt"
	"math"
	"strings"

	"github.com/berth-go/berth/benchmarks/httpsubject"
	"github.com/berth-go/berth/benchmarks/internal/chart"
	"github.com/berth-go/berth/benchmarks/internal/profile"
	"github.com/berth-go/berth/benchmarks/internal/results"
	"github.com/berth-go/berth/benchmarks/subject"
)

// A Page is benchmarks.md and the pictures in it.
type Page struct {
	Markdown string
	Pictures map[string]string // SVG by name of file
}

// lossAbove is the ratio from which Berth is said to have lost. Below it and
// above its inverse the two are even: runs differ by that much.
const lossAbove = 1.05

// Render makes the page. Pictures are linked in folder.
func Render(set *results.Set, profiles profile.Set, folder string) Page {
	p := Page{Pictures: map[string]string{}}
	var tabled strings.Builder
	var lost []loss
	for _, t := range tables() {
		if len(set.Of(t.workload)) == 0 {
			continue
		}
		fmt.Fprintf(&tabled, "### %s\n\n%s\n\n", t.title, t.question)
		lost = append(lost, t.write(&tabled, set)...)
		for i, unit := range append([]string{t.chartUnit}, t.also...) {
			svg := t.picture(set, unit)
			if svg == "" {
				continue
			}
			name := t.workload
			if i > 0 {
				name += "-" + unit
			}
			name = strings.ToLower(strings.ReplaceAll(name, "/", "-")) + ".svg"
			p.Pictures[name] = svg
			fmt.Fprintf(&tabled, "\n![%s, %s](%s/%s)\n", t.title, label(unit), folder, name)
		}
		tabled.WriteString("\n")
	}

	var b strings.Builder
	writeMethod(&b, set, folder)
	writeBounds(&b, set)
	writeFailed(&b, set.Failed)
	writeLosses(&b, lost)
	writeMissed(&b, set, profiles)
	b.WriteString("## Tables\n\n" + legend)
	b.WriteString(tabled.String())
	writeSubjects(&b)
	p.Markdown = strings.TrimRight(b.String(), "\n") + "\n"
	return p
}

const legend = "Each figure is the median over the rounds with the half-width of its 95 % confidence interval (∞ where there were too few rounds for one). " +
	"`Berth / it` is the median over the rounds of Berth's figure over that row's in the same round: below 1 Berth is better, and what is **bold** is a loss to a peer. " +
	"The rows of the harness, of the floors, of other Berth pools and of a bare connection are no peers.\n\n"

// procs are the numbers of processors of which the table has rows.
func (t table) procs(set *results.Set) []int {
	procs := set.Procs(t.workload)
	if t.all {
		return procs
	}
	return procs[len(procs)-1:]
}

// write writes the rows and returns what Berth lost.
func (t table) write(b *strings.Builder, set *results.Set) (lost []loss) {
	sized := len(set.Sizes(t.workload)) > 1
	b.WriteString("| subject |")
	rule := "|---|"
	if sized {
		b.WriteString(" n |")
		rule += "--:|"
	}
	if t.all {
		b.WriteString(" processors |")
		rule += "--:|"
	}
	for _, unit := range t.units {
		fmt.Fprintf(b, " %s | Berth / it |", label(unit))
		rule += "--:|--:|"
	}
	b.WriteString("\n" + rule + "\n")
	for _, procs := range t.procs(set) {
		for _, key := range set.Of(t.workload) {
			if key.Procs != procs {
				continue
			}
			b.WriteString("| " + key.Subject + " |")
			if sized {
				fmt.Fprintf(b, " %s |", chart.Number(float64(key.N)))
			}
			if t.all {
				fmt.Fprintf(b, " %d |", procs)
			}
			lost = append(lost, t.writeFigures(b, set, key)...)
			b.WriteString("\n")
		}
	}
	return lost
}

func (t table) writeFigures(b *strings.Builder, set *results.Set, key results.Key) (lost []loss) {
	ours := key
	ours.Subject = t.ours
	for _, unit := range t.units {
		m, ok := set.Median(key, unit)
		if !ok {
			b.WriteString(" | |")
			continue
		}
		fmt.Fprintf(b, " %s %s |", figure(unit, m.Center), m.PctRangeString())
		our, measured := set.Median(ours, unit)
		behind := loss{t.title, label(unit), key.Subject, math.Inf(1)}
		ratio, comparable := set.Ratio(ours, key, unit)
		switch {
		case key == ours || !measured:
			b.WriteString(" |")
			continue
		case comparable:
			if ratio.Center > lossAbove && isPeer(key.Subject) {
				behind.ratio = ratio.Center
				lost = append(lost, behind)
				fmt.Fprintf(b, " **%s** |", chart.Number(ratio.Center))
				continue
			}
			fmt.Fprintf(b, " %s |", chart.Number(ratio.Center))
		case our.Center > 0 && isPeer(key.Subject): // and the other has none
			lost = append(lost, behind)
			b.WriteString(" **∞** |")
		default:
			b.WriteString(" |")
		}
	}
	return lost
}

// isOurs reports whether a subject is one of Berth's.
func isOurs(name string) bool {
	return name == httpsubject.Berth || strings.HasPrefix(name, subject.Berth)
}

// isPeer reports whether a subject is somebody else's, and a whole pool or client.
func isPeer(name string) bool {
	return !isOurs(name) && name != subject.Harness && name != httpsubject.Bare && !strings.HasPrefix(name, subject.Floor)
}

// picture draws the chart of a unit, "" if there is none.
func (t table) picture(set *results.Set, unit string) string {
	procs := set.Procs(t.workload)
	most := procs[len(procs)-1]
	var bs []chart.Bar
	var series []chart.Series
	for _, key := range set.Of(t.workload) {
		m, ok := set.Median(key, unit)
		if key.Procs != most || !ok || m.Center <= 0 {
			continue
		}
		bs = append(bs, chart.Bar{Name: key.Subject, Value: m.Center, Ours: isOurs(key.Subject)})
		if len(series) == 0 || series[len(series)-1].Name != key.Subject {
			series = append(series, chart.Series{Name: key.Subject})
		}
		last := &series[len(series)-1]
		last.Points = append(last.Points, chart.Point{X: float64(key.N), Y: m.Center})
	}
	switch {
	case t.chart == bars && len(bs) > 0:
		return chart.Bars(t.title, unit, bs)
	case t.chart == lines && len(series) > 0:
		return chart.Lines(t.title, t.xLabel, unit, series)
	}
	return ""
}
