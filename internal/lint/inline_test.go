package lint

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// inlined says what the compiler must put in place, rather than call, in a program that
// uses a package of generic code and imports nothing that this is made of.
var inlined = map[string][]string{
	"pool": {
		"atomic.(*Uint64).Load", "atomic.(*Int32).Load", // the lock-free words
		"lane.(*Lane).Top", "turn.(*Word).Take", "lane.(*Lane).RestsAgain", // a lease of the lane
		"lane.(*Lane).Settle", "lane.(*Lane).SettledAgain", // with Recycle
		"pool.Lease[go.shape.string].Release",
		"waitq.(*progress).load", // a hand-off
	},
	"keyed": {
		"atomic.(*Uint32).Load", "lane.(*Lane).Top", "turn.(*Word).Take", "lane.(*Lane).RestsAgain",
		"pool.Lease[go.shape.string].Release", "waitq.(*progress).load", "index.tagOf",
	},
	"waitq": {"atomic.(*Int32).Load", "sync.(*Mutex).Lock"},
}

// Generic code is compiled where it is used. What it calls is inlined there only if this
// has happened before in a package that is imported: that is what inline.go is for.
func TestGenericCodeIsInlinedWhereItIsUsed(t *testing.T) {
	for pkg, want := range inlined {
		t.Run(pkg, func(t *testing.T) {
			said := inlining(t, pkg)
			for _, f := range want {
				assert.True(t, said[f], f)
			}
			without := filepath.Join(t.TempDir(), "empty.go")
			require.NoError(t, os.WriteFile(without, []byte("package "+pkg+"\n"), 0o600))
			assert.False(t, inlining(t, pkg, without)[want[0]], "%s without inline.go", want[0])
		})
	}
}

// inlining builds the program that uses a package and returns what the compiler has put
// in place. A file may replace the package's inline.go. What is small enough for that is
// not the same on every architecture.
func inlining(t *testing.T, pkg string, instead ...string) map[string]bool {
	t.Helper()
	root, err := filepath.Abs("../..")
	require.NoError(t, err)
	args := []string{"build", "-gcflags=-m", "-o", os.DevNull}
	for _, file := range instead {
		replace := map[string]map[string]string{"Replace": {filepath.Join(root, pkg, "inline.go"): file}}
		text, err := json.Marshal(replace)
		require.NoError(t, err)
		overlay := filepath.Join(t.TempDir(), "overlay.json")
		require.NoError(t, os.WriteFile(overlay, text, 0o600))
		args = append(args, "-overlay", overlay)
	}
	cmd := exec.CommandContext(t.Context(), "go", append(args, "./internal/lint/testdata/user/"+pkg)...) //nolint:gosec // all of it is from here
	cmd.Dir, cmd.Env = root, append(os.Environ(), "GOARCH=amd64")
	said, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", said)
	found := map[string]bool{}
	for line := range strings.Lines(string(said)) {
		if _, f, ok := strings.Cut(strings.TrimSpace(line), "inlining call to "); ok {
			found[f] = true
		}
	}
	return found
}
