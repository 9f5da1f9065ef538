package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/berth-go/berth/benchmarks/internal/profile"
)

// profilesName is the file of the printed profiles, beside the raw results.
const profilesName = "profiles.txt"

// takeProfiles runs the benchmark of each spec once more under a profiler, and
// keeps what pprof prints in the folder. One that cannot be taken is missing on the
// page, which says so: the figures are worth more than a profile.
func (o options) takeProfiles(ctx context.Context, binary string, specs []profile.Spec) (profile.Set, error) {
	set := profile.Set{}
	for i, spec := range specs {
		fmt.Fprintf(os.Stderr, "%s profile %d of %d: %s\n", time.Now().Format(time.TimeOnly), i+1, len(specs), spec)
		text, err := take(ctx, binary, spec, o.quick)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			fmt.Fprintf(os.Stderr, "no profile %s: %s\n", spec, err)
			continue
		}
		set[spec.String()] = text
	}
	return set, os.WriteFile(filepath.Join(o.out, folder, profilesName), []byte(set.Write(specs)), 0o644)
}

// keptProfiles are those beside a file of raw results; none if there are none.
func keptProfiles(raw string) (profile.Set, error) {
	text, err := os.ReadFile(filepath.Join(filepath.Dir(raw), profilesName))
	if err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	return profile.Read(string(text)), nil
}

func take(ctx context.Context, binary string, spec profile.Spec, quick bool) (string, error) {
	file := binary + ".profile"
	defer func() { _ = os.Remove(file) }()
	if out, err := exec.CommandContext(ctx, binary, profileArgs(spec, quick, file)...).CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w\n%s", err, out)
	}
	out, err := exec.CommandContext(ctx, "go", append(pprofArgs(spec), binary, file)...).Output()
	return string(out), err
}

// profileArgs are those of the benchmarks.
func profileArgs(spec profile.Spec, quick bool, file string) []string {
	name := "^Benchmark" + spec.Workload + "$/^subject=" + spec.Subject + "$"
	if spec.N > 0 {
		name += "/^n=" + strconv.Itoa(spec.N) + "$"
	}
	args := []string{
		"-test.run=^$",
		"-test.bench=" + name,
		"-test.benchtime=" + profileTime(spec, quick),
		"-test.cpu=" + strconv.Itoa(runtime.NumCPU()),
		"-test.timeout=10m",
	}
	if quick {
		args = append(args, "-test.short")
	}
	const fine = "4096" // bytes between samples of allocations
	switch spec.Kind {
	case profile.Heap:
		return append(args, "-heapprofile="+file, "-test.memprofilerate="+fine)
	case profile.Allocs:
		return append(args, "-test.memprofile="+file, "-test.memprofilerate="+fine)
	default:
		return append(args, "-test.cpuprofile="+file)
	}
}

// profileTime is longer than in a round, for a profile needs hundreds of samples
// where a median needs one figure.
func profileTime(spec profile.Spec, quick bool) string {
	const longer = 5
	for _, g := range groups() {
		if !slices.Contains(g.workloads, spec.Workload) {
			continue
		}
		if n, err := strconv.Atoi(strings.TrimSuffix(g.time, "x")); err == nil && !quick {
			return strconv.Itoa(n*longer) + "x"
		}
		if quick {
			return g.quickTime
		}
	}
	return "2s"
}

// pprofArgs are those of the go command, without the files.
func pprofArgs(spec profile.Spec) []string {
	args := []string{"tool", "pprof", "-top", "-nodecount=30", "-relative_percentages"}
	switch spec.Kind {
	case profile.Heap:
		args = append(args, "-sample_index=inuse_space")
	case profile.Allocs:
		args = append(args, "-sample_index=alloc_objects")
	default:
		if slices.Contains(labelled(), spec.Workload) {
			args = append(args, "-tagfocus=phase=measured")
		}
	}
	return args
}

// labelled are the workloads whose making takes longer than what they measure, so
// that they tell the profiler which is which.
func labelled() []string { return []string{"AxisKeys"} }
