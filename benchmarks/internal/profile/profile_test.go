package profile_test

import (
	"testing"

	"github.com/berth-go/berth/benchmarks/internal/profile"
	"github.com/stretchr/testify/assert"
)

const printed = `File: benchmarks.test
Type: cpu
Duration: 2.31s, Total samples = 2.10s (90.91%)
Showing nodes accounting for 1.80s, 85.71% of 2.10s total
Dropped 12 nodes (cum <= 0.01s)
      flat  flat%   sum%        cum   cum%
     0.50s 23.81% 23.81%      1.10s 52.38%  github.com/berth-go/berth/pool.(*Pool[go.shape.*uint8,a.B[c/d.E]]).Acquire
     0.40s 19.05% 42.86%      0.40s 19.05%  internal/runtime/atomic.(*Uint32).CompareAndSwap (inline)
         0     0% 42.86%      2.10s   100%  testing.(*B).runN
`

func TestTopHasTheFunctionsWithShortNames(t *testing.T) {
	assert.Equal(t, []profile.Entry{
		{"0.50s", 23.81, 52.38, "pool.(*Pool).Acquire"},
		{"0.40s", 19.05, 19.05, "atomic.(*Uint32).CompareAndSwap"},
		{"0", 0, 100, "testing.(*B).runN"},
	}, profile.Top(printed, 8))
	assert.Len(t, profile.Top(printed, 1), 1)
	assert.Empty(t, profile.Top("nothing of the kind\n", 8))
}

func TestProfilesAreReadAsTheyWereWritten(t *testing.T) {
	first := profile.Spec{Kind: profile.CPU, Workload: "Alone", Subject: "berth"}
	second := profile.Spec{Kind: profile.Heap, Workload: "AxisKeys", Subject: "berth", N: 100}
	missing := profile.Spec{Kind: profile.Allocs, Workload: "Alone", Subject: "berth"}
	text := profile.Set{first.String(): printed, second.String(): "other\n"}.Write([]profile.Spec{second, missing, first})
	got := profile.Read(text)
	assert.Equal(t, profile.Set{"cpu Alone/berth": printed, "heap AxisKeys/berth/100": "other\n"}, got)
	assert.Equal(t, text, got.Write([]profile.Spec{second, first}))
	assert.Empty(t, profile.Read(""))
}
