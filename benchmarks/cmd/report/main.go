// Command report runs all benchmarks in several rounds, keeps what they print,
// and writes docs/benchmarks.md of it.
//
//	go run ./cmd/report              # everything; takes the better part of an hour
//	go run ./cmd/report -quick       # everything, short and small, to see that it works
//	go run ./cmd/report -only 'Alone|Parallel'
//	go run ./cmd/report -from ../docs/benchmarks/raw.txt   # write the page again
//
// It is run in the folder benchmarks.
package main

import (
	"bytes"
	"context"
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
	flag.StringVar(&o.out, "out", filepath.Join("..", "docs"), "folder of the page")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := o.run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "report:", err)
		os.Exit(1)
	}
}

func (o options) run(ctx context.Context) error {
	raw, err := o.results(ctx)
	if err != nil {
		return err
	}
	set, err := results.Read(bytes.NewReader(raw), "results")
	if err != nil {
		return err
	}
	return write(report.Render(set, folder), o.out)
}

// results returns what benchmarks have printed, now or before. What they print
// now is kept even if no page can be written of it.
func (o options) results(ctx context.Context) ([]byte, error) {
	if o.from != "" {
		return os.ReadFile(o.from)
	}
	only, err := regexp.Compile(o.only)
	if err != nil {
		return nil, fmt.Errorf("-only: %w", err)
	}
	if err := os.MkdirAll(filepath.Join(o.out, folder), 0o755); err != nil {
		return nil, err
	}
	raw := newKept(filepath.Join(o.out, folder, "raw.txt"))
	err = runAll(ctx, plan(o.quick, o.rounds, only), raw)
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
