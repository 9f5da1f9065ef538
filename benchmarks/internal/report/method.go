package report

import (
	"fmt"
	"strings"

	"github.com/berth-go/berth/benchmarks/httpsubject"
	"github.com/berth-go/berth/benchmarks/internal/results"
	"github.com/berth-go/berth/benchmarks/subject"
)

// Quick is the line of Config that marks a run that is too short to be quoted.
const Quick = "quick"

func writeMethod(b *strings.Builder, set *results.Set, folder string) {
	b.WriteString("# Benchmarks\n\n")
	b.WriteString("This page is written by a program, from one run on one machine. In `benchmarks/`:\n\n    go run ./cmd/report\n\n")
	b.WriteString("repeats everything and writes it anew. ")
	fmt.Fprintf(b, "What the benchmarks printed is in [%s/raw.txt](%s/raw.txt).\n\n", folder, folder)
	if set.Config[Quick] != "" {
		b.WriteString("**This was a quick run**, to see that all works: its figures are not to be relied on.\n\n")
	}
	b.WriteString("## Method\n\n")
	b.WriteString("- **One run, interleaved.** Each round runs every workload, those of short operations two or three times, and in it every subject right after the other. A figure is the median over all that; a ratio is taken each time.\n" +
		"- **One interface.** All subjects are behind one method that acquires, holds and releases. It costs a call and allocates nothing; the subject `harness` is that call and no pool, and is in every row.\n" +
		"- **The same work.** Same number of resources, same dials, same contexts, which can be canceled. Each subject is tested to keep its cap and to lend to one caller at a time.\n" +
		"- **No tuning.** Peers have their defaults, but for idle limits below the cap, which would make them dial all the time.\n" +
		"- **Real sockets.** HTTP runs over loopback, with the server in a process of its own on the same processors, so that only the client's allocations are counted.\n\n")
	fmt.Fprintf(b, "| | |\n|---|---|\n")
	for _, row := range []struct{ name, key string }{
		{"processor", "cpu"},
		{"processors", "cores"},
		{"system", "goos"},
		{"architecture", "goarch"},
		{"Go", "go"},
		{"commit", "commit"},
		{"date", "date"},
		{"peers", "peers"},
	} {
		if v := set.Config[row.key]; v != "" {
			fmt.Fprintf(b, "| %s | %s |\n", row.name, v)
		}
	}
	fmt.Fprintf(b, "| times measured | %d to %d |\n\n", set.Fewest, set.Most)
}

func writeSubjects(b *strings.Builder) {
	b.WriteString("## Subjects\n\n| name | what it is |\n|---|---|\n")
	for _, s := range subject.All() {
		fmt.Fprintf(b, "| %s | %s |\n", s.Name, s.Note)
	}
	for _, s := range append(subject.Floors(), subject.QueueFloor()) {
		fmt.Fprintf(b, "| %s | %s |\n", s.Name, s.Note)
	}
	for _, s := range subject.AllKeyed() {
		fmt.Fprintf(b, "| %s, of many keys | %s |\n", s.Name, s.Note)
	}
	for _, s := range httpsubject.All() {
		fmt.Fprintf(b, "| %s | %s |\n", s.Name, s.Note)
	}
}
