package lint

import (
	"fmt"
	"go/ast"
	"slices"
	"strings"
	"testing"
)

func TestEveryFuzzTargetRunsAtNight(t *testing.T) { checkModule(t, nightly) }

// nightly has every fuzz target run in the nightly workflow: what is fuzzed for seconds only
// finds what it was written for.
func nightly(files []*file) []finding {
	const workflow = ".github/workflows/nightly.yml"
	i := slices.IndexFunc(files, func(f *file) bool { return f.path == workflow })
	if i < 0 {
		return []finding{{workflow, 0, "is missing"}}
	}
	var found []finding
	for _, f := range files {
		if !f.isGo() || !f.isTest() || f.isElsewhere() {
			continue
		}
		pkg := "."
		if f.dir() != "" {
			pkg = "./" + f.dir()
		}
		for _, decl := range f.ast.Decls {
			fn, ok := decl.(*ast.FuncDecl)
			if !ok || fn.Recv != nil || !strings.HasPrefix(fn.Name.Name, "Fuzz") {
				continue
			}
			if row := fmt.Sprintf("{ pkg: %s, fuzz: %s }", pkg, fn.Name.Name); !strings.Contains(files[i].text, row) {
				found = append(found, f.at(fn, "%s has no row %s", workflow, row))
			}
		}
	}
	return found
}

func TestNightlyFindsAForgottenFuzzTarget(t *testing.T) {
	const target = "package a\n\nfunc FuzzA(f *testing.F) {}\n"
	const workflow = ".github/workflows/nightly.yml"
	checkPlants(t, nightly, []plant{
		{"named", map[string]string{workflow: "- { pkg: ./a, fuzz: FuzzA }", "a/a_test.go": target}, ""},
		{"at the root", map[string]string{workflow: "- { pkg: ., fuzz: FuzzA }", "a_test.go": target}, ""},
		{"forgotten", map[string]string{workflow: "- { pkg: ./b, fuzz: FuzzA }", "a/a_test.go": target}, "a/a_test.go:3"},
		{"no workflow", map[string]string{"a/a_test.go": target}, "is missing"},
	})
}
