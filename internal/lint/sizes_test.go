package lint

import (
	"fmt"
	"go/ast"
	"path"
	"strings"
	"testing"
)

// A file has one idea and a function fits on a screen. What passes these bounds
// has a second idea in it.
const (
	maxFileLines   = 400 // comments included
	maxFuncLines   = 60  // from func to the closing brace
	maxExportLines = 30  // of export_test.go, which has names for tests and no logic
)

func TestFilesAndFunctionsStaySmall(t *testing.T) { checkModule(t, sizes) }

func sizes(files []*file) []finding {
	var found []finding
	for _, f := range files {
		limit := maxFileLines
		switch {
		case !f.isGo():
			continue
		case path.Base(f.path) == "export_test.go":
			limit = maxExportLines
		case !f.isShipped():
			continue
		}
		if n := strings.Count(f.text, "\n"); n > limit {
			found = append(found, finding{f.path, n, fmt.Sprintf("%d lines, more than %d: split it by idea", n, limit)})
		}
		for _, decl := range f.ast.Decls {
			fn, ok := decl.(*ast.FuncDecl)
			if !ok {
				continue
			}
			n := f.fset.Position(fn.End()).Line - f.fset.Position(fn.Pos()).Line + 1
			if n > maxFuncLines {
				found = append(found, f.at(fn, "func %s has %d lines, more than %d: split it by step", fn.Name.Name, n, maxFuncLines))
			}
		}
	}
	return found
}

func TestSizeRuleFindsViolations(t *testing.T) {
	lines := func(n int) string { return strings.Repeat("// text\n", n) }
	body := func(n int) string { return "package pool\n\nfunc (p *Pool) f() {\n" + lines(n-2) + "}\n" }
	checkPlants(t, sizes, []plant{
		{"a long file", one("pool/a.go", "package pool\n"+lines(maxFileLines)), "pool/a.go:401: 401 lines"},
		{"a file at the limit", one("pool/a.go", "package pool\n"+lines(maxFileLines-1)), ""},
		{"a long function", one("pool/a.go", body(maxFuncLines+1)), "pool/a.go:3: func f has 61 lines"},
		{"a function at the limit", one("pool/a.go", body(maxFuncLines)), ""},
		{"long exports", one("pool/export_test.go", "package pool\n"+lines(maxExportLines)), "31 lines, more than 30"},
		{"a long test", one("pool/a_test.go", "package pool\n"+lines(maxFileLines)), ""},
	})
}
