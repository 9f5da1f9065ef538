package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/berth-go/berth/benchmarks/internal/report"
)

// kept is output that is in memory and, as far as it has come, in a file.
type kept struct {
	name string
	buf  bytes.Buffer
}

func newKept(name string) *kept { return &kept{name: name} }

func (k *kept) bytes() []byte { return k.buf.Bytes() }

func (k *kept) Write(p []byte) (int, error) { return k.buf.Write(p) }

func (k *kept) save() error { return os.WriteFile(k.name, k.buf.Bytes(), 0o644) }

// runAll builds the benchmarks once, so that no step waits for a compiler, and
// carries out the steps.
func runAll(ctx context.Context, binary string, steps []step, raw *kept) error {
	if len(steps) == 0 {
		return fmt.Errorf("no workload is wanted")
	}
	if err := build(ctx, ".", binary); err != nil {
		return err
	}
	header(ctx, raw, isQuick(steps))
	for i, s := range steps {
		fmt.Fprintf(os.Stderr, "%s step %d of %d, round %d: %s\n", time.Now().Format(time.TimeOnly), i+1, len(steps), s.round, s.args[1])
		if err := s.run(ctx, binary, raw); err != nil {
			return err
		}
		if err := raw.save(); err != nil {
			return err
		}
	}
	return nil
}

func build(ctx context.Context, dir, binary string) error {
	if out, err := exec.CommandContext(ctx, "go", "test", "-C", dir, "-c", "-o", binary, ".").CombinedOutput(); err != nil {
		return fmt.Errorf("building the benchmarks: %w\n%s", err, out)
	}
	return nil
}

func isQuick(steps []step) bool { return slices.Contains(steps[0].args, "-test.short") }

// run appends what the benchmarks print. The lines of one step are parted from
// those of the next, since a program may end in the middle of a line.
func (s step) run(ctx context.Context, binary string, raw io.Writer) error {
	var problems bytes.Buffer
	cmd := exec.CommandContext(ctx, binary, s.args...)
	cmd.Stdout, cmd.Stderr = raw, &problems
	err := cmd.Run()
	var failed *exec.ExitError
	if ctx.Err() != nil || err != nil && !errors.As(err, &failed) {
		return fmt.Errorf("round %d, %s: %w", s.round, strings.Join(s.args, " "), err)
	}
	if failed != nil { // the page says so; the other steps still tell something
		fmt.Fprintf(os.Stderr, "%s\n%s\n", failed, problems.Bytes())
	}
	_, err = io.WriteString(raw, "\n")
	return err
}

// header writes what is not in the output of benchmarks but must be known to
// judge it. What cannot be found out is left out.
func header(ctx context.Context, w io.Writer, quick bool) {
	line := func(key, value string) {
		if value != "" {
			_, _ = fmt.Fprintf(w, "%s: %s\n", key, value)
		}
	}
	line("go", runtime.Version())
	line("cores", fmt.Sprint(runtime.NumCPU()))
	line("date", time.Now().UTC().Format(time.DateOnly))
	line("commit", commit(ctx))
	line("peers", peers(ctx))
	if quick {
		line(report.Quick, "yes")
	}
}

// commit names the commit, and says if files differ from it.
func commit(ctx context.Context) string {
	name := output(ctx, "git", "rev-parse", "--short=12", "HEAD")
	if name != "" && output(ctx, "git", "status", "--porcelain", "--", "..", ":!../docs") != "" {
		name += " with changes"
	}
	return name
}

// peers names the versions that were measured.
func peers(ctx context.Context) string {
	list := output(ctx, "go", "list", "-m", "-f", "{{if not (or .Main .Indirect .Replace)}}{{.Path}} {{.Version}}{{end}}", "all")
	return strings.Join(slices.DeleteFunc(strings.Split(list, "\n"), func(line string) bool {
		return line == "" || strings.HasPrefix(line, "github.com/stretchr/") || strings.HasPrefix(line, "golang.org/x/perf")
	}), ", ")
}

func output(ctx context.Context, name string, args ...string) string {
	out, err := exec.CommandContext(ctx, name, args...).Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}
