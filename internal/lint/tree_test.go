// Package lint holds the rules of this module that a compiler does not know, as
// tests over the module's own files. It has no code of its own.
//
// Each rule is a function from a tree of files to what it found. It is run twice:
// over the module, where it must find nothing, and over small planted trees,
// where it must find exactly the violation that was planted. So no rule can go
// blind without a test turning red.
package lint

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/berth-go/berth"

// testHelpers are the packages whose code is there for tests. They may import
// what tests may, and nothing that is shipped may import them.
var testHelpers = map[string]string{
	"internal/lint":     "these rules",
	"internal/model":    "the reference pool that tests compare with",
	"internal/pooltest": "the test kit",

	"adapters/internal/memnet": "the network in memory",
}

// A file is one text file of the module.
type file struct {
	path string // from the root of the module, with slashes
	text string
	ast  *ast.File // nil unless it is a Go file
	fset *token.FileSet
}

// A finding is one violation of one rule.
type finding struct {
	path string
	line int // 0 if it is about the whole file
	msg  string
}

func (f finding) String() string { return fmt.Sprintf("%s:%d: %s", f.path, f.line, f.msg) }

// A rule looks at every file of a module.
type rule func([]*file) []finding

// parse makes a file of its text. Only the syntax is looked at: a rule must not
// depend on whether every package compiles, nor on the platform it runs on.
func parse(name, text string) (*file, error) {
	f := &file{path: name, text: text}
	if path.Ext(name) != ".go" {
		return f, nil
	}
	f.fset = token.NewFileSet()
	var err error
	f.ast, err = parser.ParseFile(f.fset, name, text, parser.ParseComments|parser.SkipObjectResolution)
	return f, err
}

func (f *file) dir() string {
	if d := path.Dir(f.path); d != "." {
		return d
	}
	return ""
}

func (f *file) at(n ast.Node, format string, args ...any) finding {
	return finding{f.path, f.fset.Position(n.Pos()).Line, fmt.Sprintf(format, args...)}
}

func (f *file) isGo() bool   { return f.ast != nil }
func (f *file) isTest() bool { return strings.HasSuffix(f.path, "_test.go") }

// isHelper reports whether f belongs to a package that only tests import.
func (f *file) isHelper() bool {
	_, ok := testHelpers[f.dir()]
	return ok
}

// isShipped reports whether f is Go code that reaches users: part of a package
// that they import, or of an example that they run.
func (f *file) isShipped() bool {
	return f.isGo() && !f.isTest() && !f.isHelper() && !f.isElsewhere()
}

// isElsewhere reports whether f belongs to a module of its own, which may import
// anything and reaches no user.
func (f *file) isElsewhere() bool {
	return within(f.path, "benchmarks") || within(f.path, "adapters/compat")
}

// within reports whether name is dir or lies in it.
func within(name, dir string) bool { return name == dir || strings.HasPrefix(name, dir+"/") }

// imports returns the name under which f refers to an import path, or "" if it
// does not import it. A dot import gives ".".
func (f *file) imports(importPath string) string {
	for _, spec := range f.ast.Imports {
		switch {
		case pathOf(spec) != importPath:
		case spec.Name != nil:
			return spec.Name.Name
		default:
			return path.Base(importPath)
		}
	}
	return ""
}

func pathOf(spec *ast.ImportSpec) string {
	p, err := strconv.Unquote(spec.Path.Value)
	if err != nil {
		return spec.Path.Value // the parser has let it pass, so it is never used
	}
	return p
}

// uses calls found for every mention of a name of the package importPath. It goes
// by the name of the import: a local variable that hides it counts as a mention.
func (f *file) uses(importPath string, found func(sel *ast.SelectorExpr)) {
	local := f.imports(importPath)
	if local == "" {
		return
	}
	for n := range ast.Preorder(f.ast) {
		if sel, ok := n.(*ast.SelectorExpr); ok {
			if x, ok := sel.X.(*ast.Ident); ok && x.Name == local {
				found(sel)
			}
		}
	}
}

// load reads the module that these tests are part of.
func load(t *testing.T) []*file {
	t.Helper()
	root := filepath.Join("..", "..")
	require.FileExists(t, filepath.Join(root, "go.mod"), "the tests run in internal/lint of the module")

	var files []*file
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		if d.IsDir() {
			return enter(rel)
		}
		if !isText(rel) {
			return nil
		}
		text, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		f, err := parse(rel, string(text))
		files = append(files, f)
		return err
	})
	require.NoError(t, err)
	return files
}

// enter skips the folders that the go command skips too, but for those of CI.
func enter(dir string) error {
	name := path.Base(dir)
	switch {
	case dir == ".", dir == ".ci", dir == ".github":
		return nil
	case strings.HasPrefix(name, "."), name == "testdata", name == "bin":
		return fs.SkipDir
	}
	return nil
}

func isText(name string) bool {
	if name == ".ci/run" || name == "Makefile" {
		return true
	}
	return slices.Contains([]string{".go", ".md", ".sh", ".yml", ".yaml"}, path.Ext(name))
}

// checkModule runs a rule over the module.
func checkModule(t *testing.T, r rule) {
	t.Helper()
	found := r(load(t))
	slices.SortFunc(found, func(a, b finding) int {
		return cmp.Or(cmp.Compare(a.path, b.path), cmp.Compare(a.line, b.line), cmp.Compare(a.msg, b.msg))
	})
	for _, f := range found {
		t.Error(f)
	}
}

// A plant is a small module with one violation, or with none.
type plant struct {
	name  string
	files map[string]string // text by path
	want  string            // a part of the one finding, written path:line: message; "" for none
}

// one is a module of one file.
func one(name, text string) map[string]string { return map[string]string{name: text} }

// checkPlants shows that a rule finds what it is for, and nothing else.
func checkPlants(t *testing.T, r rule, plants []plant) {
	t.Helper()
	for _, p := range plants {
		t.Run(p.name, func(t *testing.T) {
			var files []*file
			for name, text := range p.files {
				f, err := parse(name, text)
				require.NoError(t, err)
				files = append(files, f)
			}
			found := r(files)
			if p.want == "" {
				require.Empty(t, found)
				return
			}
			require.Len(t, found, 1)
			require.Contains(t, found[0].String(), p.want)
		})
	}
}
