package lint

import (
	"regexp"
	"strings"
	"testing"
)

// strangers are texts that mean nothing to a reader who has only this module.
// These files are exempt, since they have to name them.
var strangers = []struct{ pattern, why string }{
	{`(^|[^\w.~}*])/(work|root|home|Users)/`, "an absolute path of one machine: name the file from the root of the module"},
	{`(^|[^\w.~}*])/tmp/`, "a folder of one machine: use t.TempDir, os.MkdirTemp or mktemp"},
}

func TestTextsNameNoPathOfOneMachine(t *testing.T) { checkModule(t, words) }

func words(files []*file) []finding {
	var found []finding
	for _, s := range strangers {
		re := regexp.MustCompile(s.pattern)
		for _, f := range files {
			if within(f.path, "internal/lint") {
				continue
			}
			for i, line := range strings.Split(f.text, "\n") {
				if m := re.FindString(line); m != "" {
					found = append(found, finding{f.path, i + 1, "has " + strings.TrimSpace(m) + ", " + s.why})
				}
			}
		}
	}
	return found
}

func TestWordRuleFindsViolations(t *testing.T) {
	checkPlants(t, words, []plant{
		{"in a page", one("docs/design.md", "# Design\n\nSee `/work/notes.md`.\n"), "docs/design.md:3: has"},
		{"in a comment", one("pool/a.go", "package pool\n\n// As in /home/me/pool.\n"), "pool/a.go:3"},
		{"in a test", one("pool/a_test.go", "package pool\n\nconst socket = \"/tmp/pool.sock\"\n"), "t.TempDir"},
		{"in a script", one(".ci/run", "cd /root/go\n"), ".ci/run:1"},
		{"part of another path", one("docs/design.md", "net/work/queue, ./work/a, https://example.org/home/\n"), ""},
	})
}
