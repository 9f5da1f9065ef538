package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/berth-go/berth/benchmarks/internal/report"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A benchmark that nobody runs, or that is on no page, would be forgotten.
func TestEveryBenchmarkIsPlannedAndHasATable(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("..", "..", "*_test.go"))
	require.NoError(t, err)
	var written []string
	for _, name := range files {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		for _, m := range regexp.MustCompile(`(?m)^func Benchmark(\w+)\(`).FindAllStringSubmatch(string(text), -1) {
			written = append(written, m[1])
		}
	}
	var planned []string
	for _, g := range groups() {
		planned = append(planned, g.workloads...)
	}
	require.NotEmpty(t, written)
	assert.ElementsMatch(t, written, planned)
	assert.ElementsMatch(t, written, report.Workloads())
}

func TestPlanRunsAllGroupsInEachRound(t *testing.T) {
	all := regexp.MustCompile("")
	steps := plan(false, 2, all)
	passes := 0
	for _, g := range groups() {
		require.Positive(t, g.passes)
		passes += g.passes
	}
	assert.Len(t, steps, 2*passes)
	assert.Equal(t, 1, steps[0].round)
	assert.Equal(t, 2, steps[len(steps)-1].round)
	assert.False(t, isQuick(steps))
	assert.True(t, isQuick(plan(true, 0, all)))
}

func TestOnlyLeavesOutOtherWorkloadsAndEmptyGroups(t *testing.T) {
	steps := plan(false, 1, regexp.MustCompile("^Alone$|^ColdBurst$"))
	require.Len(t, steps, groups()[0].passes+1)
	assert.Contains(t, steps[0].args, "-test.bench=^Benchmark(Alone)$")
	assert.Contains(t, steps[len(steps)-1].args, "-test.bench=^Benchmark(ColdBurst)$")
	assert.Empty(t, plan(false, 1, regexp.MustCompile("None")))
}

func TestAPartDoesNotReplaceThePage(t *testing.T) {
	for name, c := range map[string]struct {
		o      options
		refuse string
	}{
		"a part":               {options{only: "Alone", out: published}, "-out"},
		"a part, spelled out":  {options{only: "Alone", out: published + "/../docs/"}, "-out"},
		"a part of the past":   {options{only: "Alone", from: "raw.txt", out: t.TempDir()}, "-from"},
		"a part elsewhere":     {options{only: "Alone", out: t.TempDir()}, ""},
		"everything":           {options{out: published}, ""},
		"everything once more": {options{from: "raw.txt", out: published}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			err := c.o.check()
			if c.refuse == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, c.refuse)
			assert.ErrorContains(t, c.o.run(t.Context()), c.refuse)
		})
	}
}

func TestOutputIsKeptAsFarAsItCame(t *testing.T) {
	k := newKept(filepath.Join(t.TempDir(), "raw.txt"))
	for _, text := range []string{"one\n", "two\n"} {
		_, err := k.Write([]byte(text))
		require.NoError(t, err)
		require.NoError(t, k.save())
	}
	saved, err := os.ReadFile(k.name)
	require.NoError(t, err)
	assert.Equal(t, "one\ntwo\n", string(saved))
	assert.Equal(t, strings.Count(string(k.bytes()), "\n"), 2)
}
