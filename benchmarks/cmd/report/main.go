// Command report runs all benchmarks in several rounds, keeps what they print,
// and writes docs/benchmarks.md of it.
//
//	go run ./cmd/report              # everything; takes 20 minutes to an hour
//	go run ./cmd/report -quick       # everything, short and small, to see that it works
//	go run ./cmd/report -only 'Alone|Parallel' -out part   # some of it, on a page elsewhere
//	go run ./cmd/report -from ../docs/benchmarks/raw.txt   # write the page again
//
// It is run in the folder benchmarks.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"

	"github.com/berth-go/berth/benchmarks/internal/report"
	"github.com/berth-go/berth/benchmarks/internal/results"
)

type options struct {
	rounds int
	quick  bool
	only   string
	from   string
	out    string
}

func main() {
	var o options
	flag.IntVar(&o.rounds, "rounds", 0, "rounds; 0: 7, or 3 if quick")
	flag.BoolVar(&o.quick, "quick", false, "short and small: for a look, not for figures")
	flag.StringVar(&o.only, "only", "", "workloads to run, a regular expression")
	flag.StringVar(&o.from, "from", "", "file of raw results to write the page of, instead of running anything")
	flag.StringVar(&o.out, "out", published, "folder of the page")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := o.run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "report:", err)
		os.Exit(1)
	}
}

// published is where the page of the project is, seen from benchmarks.
const published = "../docs"

// check refuses what would destroy results or be ignored.
func (o options) check() error {
	switch {
	case o.only == "":
		return nil
	case o.from != "":
		return errors.New("-only has no effect on -from, whose results are there already: leave one of them out")
	case same(o.out, published):
		return fmt.Errorf("-only would replace the page in %s by a part of it: name another folder with -out", published)
	}
	return nil
}

func same(a, b string) bool {
	absA, errA := filepath.Abs(a)
	absB, errB := filepath.Abs(b)
	return errA == nil && errB == nil && absA == absB
}

func (o options) run(ctx context.Context) error {
	if err := o.check(); err != nil {
		return err
	}
	if o.from != "" {
		return o.again()
	}
	dir, err := os.MkdirTemp("", "berth-benchmarks-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	binary := filepath.Join(dir, "benchmarks.test")
	raw, err := o.measure(ctx, binary)
	if err != nil {
		return err
	}
	set, err := results.Read(bytes.NewReader(raw), "results")
	if err != nil {
		return err
	}
	profiles, err := o.takeProfiles(ctx, binary, report.Wanted(set))
	if err != nil {
		return err
	}
	return write(report.Render(set, profiles, folder), o.out)
}

// again writes the page of what was measured before.
func (o options) again() error {
	raw, err := os.ReadFile(o.from)
	if err != nil {
		return err
	}
	set, err := results.Read(bytes.NewReader(raw), o.from)
	if err != nil {
		return err
	}
	profiles, err := keptProfiles(o.from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(o.out, folder), 0o755); err != nil {
		return err
	}
	return write(report.Render(set, profiles, folder), o.out)
}

// measure returns what the benchmarks print. It is kept even if no page can be
// written of it.
func (o options) measure(ctx context.Context, binary string) ([]byte, error) {
	only, err := regexp.Compile(o.only)
	if err != nil {
		return nil, fmt.Errorf("-only: %w", err)
	}
	if err := os.MkdirAll(filepath.Join(o.out, folder), 0o755); err != nil {
		return nil, err
	}
	raw := newKept(filepath.Join(o.out, folder, "raw.txt"))
	err = runAll(ctx, binary, plan(o.quick, o.rounds, only), raw)
	return raw.bytes(), err
}

// folder is that of the raw results and the pictures, beside the page.
const folder = "benchmarks"

func write(page report.Page, out string) error {
	for name, svg := range page.Pictures {
		if err := os.WriteFile(filepath.Join(out, folder, name), []byte(svg), 0o644); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(out, "benchmarks.md"), []byte(page.Markdown), 0o644)
}
