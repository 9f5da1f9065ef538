package httpconn_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The programs in docs/http.md are packages of their own, so that all of what a
// reader copies is there. Each is checked as a part of this module, in folders
// that only the compiler sees.
func TestExamplesInTheDocumentationCompile(t *testing.T) {
	text, err := os.ReadFile("../../docs/http.md")
	require.NoError(t, err)
	blocks := strings.Split(string(text), "```go\n")[1:]
	require.NotEmpty(t, blocks)
	here, err := filepath.Abs(".")
	require.NoError(t, err)
	dir := t.TempDir()
	overlay := map[string]string{} // where the compiler finds what
	args := []string{"build", "-overlay", filepath.Join(dir, "overlay.json")}
	for i, b := range blocks {
		code, _, closed := strings.Cut(b, "```")
		require.True(t, closed)
		name := fmt.Sprint("example", i)
		file := filepath.Join(dir, name+".go")
		require.NoError(t, os.WriteFile(file, []byte(code), 0o600))
		overlay[filepath.Join(here, "docs", name, "example.go")] = file
		args = append(args, "./docs/"+name)
	}
	b, err := json.Marshal(map[string]any{"Replace": overlay})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "overlay.json"), b, 0o600))
	out, err := exec.CommandContext(t.Context(), "go", args...).CombinedOutput()
	require.NoError(t, err, "%s", out)
}
