package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/berth-go/berth/benchmarks/internal/profile"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAProfileIsOfOneRowAndLongerThanARound(t *testing.T) {
	storm := profile.Spec{Kind: profile.CPU, Workload: "CancelStorm", Subject: "berth", N: 10_000}
	args := profileArgs(storm, false, "f")
	assert.Subset(t, args, []string{"-test.bench=^BenchmarkCancelStorm$/^subject=berth$/^n=10000$", "-test.benchtime=25x", "-test.cpuprofile=f"})
	assert.NotContains(t, args, "-test.short")

	alone := profile.Spec{Kind: profile.Allocs, Workload: "Alone", Subject: "berth"}
	args = profileArgs(alone, false, "f")
	assert.Subset(t, args, []string{"-test.bench=^BenchmarkAlone$/^subject=berth$", "-test.benchtime=2s", "-test.memprofile=f"})
	assert.Contains(t, profileArgs(alone, true, "f"), "-test.short")
	assert.Contains(t, pprofArgs(alone), "-sample_index=alloc_objects")

	keys := profile.Spec{Kind: profile.Heap, Workload: "AxisKeys", Subject: "berth", N: 100_000}
	assert.Contains(t, profileArgs(keys, false, "f"), "-heapprofile=f")
	keys.Kind = profile.CPU
	assert.Contains(t, pprofArgs(keys), "-tagfocus=phase=measured")
}

func TestEachKindOfProfileCanBeTaken(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "benchmarks.test")
	require.NoError(t, build(t.Context(), filepath.Join("..", ".."), binary))
	for _, c := range []struct {
		spec  profile.Spec
		quick bool
		has   string // somewhere in a name
	}{
		{profile.Spec{Kind: profile.CPU, Workload: "Alone", Subject: "berth"}, false, "pool."}, // too short if quick
		{profile.Spec{Kind: profile.Allocs, Workload: "HTTP1", Subject: "httpconn"}, true, "http."},
		{profile.Spec{Kind: profile.Heap, Workload: "AxisKeys", Subject: "berth", N: 1_000}, true, "pool."},
	} {
		t.Run(c.spec.String(), func(t *testing.T) {
			text, err := take(t.Context(), binary, c.spec, c.quick)
			require.NoError(t, err)
			var names []string
			for _, e := range profile.Top(text, 30) {
				names = append(names, e.Function)
			}
			assert.Contains(t, strings.Join(names, " "), c.has)
		})
	}
}

func TestProfilesAreReadBesideTheRawResults(t *testing.T) {
	dir := t.TempDir()
	raw := filepath.Join(dir, "raw.txt")
	got, err := keptProfiles(raw)
	require.NoError(t, err)
	assert.Empty(t, got)
	require.NoError(t, os.WriteFile(filepath.Join(dir, profilesName), []byte("== cpu Alone/berth\ntext\n"), 0o600))
	got, err = keptProfiles(raw)
	require.NoError(t, err)
	assert.Equal(t, profile.Set{"cpu Alone/berth": "text\n"}, got)
}
