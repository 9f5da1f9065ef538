package lint

import (
	"path"
	"strings"
	"testing"
)

// A layer is a folder of packages and its place in the order of imports.
type layer struct {
	dir string
	why string // why no layer below may import it
}

// layers stand lowest first: a package imports its own layer and those above it
// in this table, never one below it in this table.
var layers = []layer{
	{"internal", "every package may use the parts that users do not see"},
	{"waitq", "the parts under it know nothing of waiting"},
	{"pool", "waitq knows nothing of pools, so that it can be used alone"},
	{"keyed", "a pool of one key neither knows of many nor pays for them"},
	{"adapters/internal/exchange", "the core knows nothing of HTTP"},
	{"adapters/internal/wire", "the duties of one request begin when there is a connection"},
	{"adapters/internal/memory", "how a connection is made does not depend on what those before it could carry"},
	{"adapters/h2", "the duties of one request are the same for every kind of connection"},
	{"adapters/httpconn", "h2 can be used without the transport that picks the protocol"},
	{"adapters/compat", "it brings the packages that httpconn is tried with, which users must not get"},
	{"examples", "an example shows the library and is no part of it"},
	{"benchmarks", "measurements bring the packages they compare with, which users must not get"},
}

// A ban is an import path that some code must not have.
type ban struct {
	path  string             // this package and those in it
	where func(f *file) bool // the code that must not have it
	why   string             // shown with the finding
}

// inLibrary is what users import. Examples are programs, which may write.
func inLibrary(f *file) bool { return f.isShipped() && !within(f.path, "examples") }

var bans = []ban{
	{
		"net/http",
		func(f *file) bool { return inLibrary(f) && !within(f.path, "adapters") },
		"the core serves any kind of resource: HTTP stays under adapters/",
	},
	{"log", inLibrary, "a library does not write: Stats and hooks say what happened, the user logs"},
	{"testing", (*file).isShipped, "it would add test flags to the user's program"},
	{"github.com/stretchr/testify", (*file).isShipped, "users must not get test dependencies"},
	{"C", (*file).isGo, "the module builds without a C compiler"},
}

// dependencies are the modules outside the standard library that code may import.
var dependencies = []struct {
	path  string
	where func(f *file) bool
	why   string
}{
	{"go.uber.org/atomic", (*file).isGo, "typed atomics that cannot be used in a wrong way"},
	{"golang.org/x/sync", (*file).isGo, "kept by the Go team, and small"},
	{"github.com/stretchr/testify", func(f *file) bool { return !f.isShipped() }, "assertions, in tests only"},
	{"go.uber.org/goleak", func(f *file) bool { return !f.isShipped() }, "goroutines that outlive their owner, in tests only"},
}

func TestImportsGoOneWay(t *testing.T) { checkModule(t, importDirections) }

func TestImportsAreAllowed(t *testing.T) { checkModule(t, forbiddenImports) }

func TestNothingIsLinkedByName(t *testing.T) { checkModule(t, linknames) }

// importDirections looks at shipped code only: a test may import upwards, as the
// tests of the whole module at its root do.
func importDirections(files []*file) []finding {
	var found []finding
	for _, f := range files {
		if !f.isGo() || f.isTest() || f.isHelper() {
			continue
		}
		from := layerOf(f.dir())
		if from < 0 && f.dir() != "" {
			found = append(found, f.at(f.ast, "package %s stands in no layer: add its place to the table", f.dir()))
			continue
		}
		for _, spec := range f.ast.Imports {
			dir, ok := strings.CutPrefix(pathOf(spec), module+"/")
			if !ok {
				continue
			}
			if what, helper := testHelpers[dir]; helper {
				found = append(found, f.at(spec, "imports %s, which is for tests: %s", dir, what))
			}
			if to := layerOf(dir); to > from {
				found = append(found, f.at(spec, "imports %s against the order of layers: %s", dir, layers[to].why))
			}
		}
	}
	return found
}

// layerOf returns the place of a folder in layers, or -1 if it has none.
func layerOf(dir string) int {
	for i, l := range layers {
		if within(dir, l.dir) {
			return i
		}
	}
	return -1
}

// forbiddenImports leaves out the modules of their own, which exist just so that
// they may import anything.
func forbiddenImports(files []*file) []finding {
	var found []finding
	for _, f := range files {
		if !f.isGo() || f.isElsewhere() {
			continue
		}
		for _, spec := range f.ast.Imports {
			p := pathOf(spec)
			banned := false
			for _, b := range bans {
				if within(p, b.path) && b.where(f) {
					banned = true
					found = append(found, f.at(spec, "imports %s: %s", p, b.why))
				}
			}
			if !banned && !isStandard(p) && !within(p, module) && !mayDependOn(f, p) {
				found = append(found, f.at(spec, "imports %s: a dependency is a cost to every user: do without, or make a module of its own", p))
			}
		}
	}
	return found
}

// isStandard goes by the go command's own rule: only module paths have a dot in
// their first element.
func isStandard(importPath string) bool {
	first, _, _ := strings.Cut(importPath, "/")
	return !strings.Contains(first, ".")
}

func mayDependOn(f *file, importPath string) bool {
	for _, d := range dependencies {
		if within(importPath, d.path) && d.where(f) {
			return true
		}
	}
	return false
}

// linknames holds for tests too: a name that the Go team does not promise can be
// gone with any release, and the module with it.
func linknames(files []*file) []finding {
	const directive = "//go:" + "linkname"
	var found []finding
	for _, f := range files {
		if !f.isGo() {
			continue
		}
		for _, group := range f.ast.Comments {
			for _, c := range group.List {
				if strings.HasPrefix(c.Text, directive) {
					found = append(found, f.at(c, "links by name to what is not promised to exist"))
				}
			}
		}
	}
	return found
}

// importing is a Go file that imports the given paths.
func importing(name string, paths ...string) map[string]string {
	pkg := path.Base(path.Dir(name))
	if pkg == "." {
		pkg = path.Base(module)
	}
	var b strings.Builder
	b.WriteString("package " + pkg + "\n")
	for _, p := range paths {
		b.WriteString("import _ \"" + p + "\"\n")
	}
	return one(name, b.String())
}

func TestImportRulesFindViolations(t *testing.T) {
	checkPlants(t, importDirections, []plant{
		{"upwards", importing("waitq/queue.go", module+"/pool"), "waitq/queue.go:2: imports pool against"},
		{"upwards by a longer way", importing("pool/pool.go", "sync", module+"/adapters/httpconn"), "pool/pool.go:3: imports adapters/httpconn"},
		{"part imports a public package", importing("internal/part/part.go", module+"/waitq"), "the parts under it know nothing of waiting"},
		{"adapters upwards", importing("adapters/h2/conn.go", module+"/adapters/httpconn"), "h2 can be used without"},
		{"the root imports a package", importing("doc.go", module+"/pool"), "doc.go:2: imports pool"},
		{"an example is imported", importing("keyed/pool.go", module+"/examples/quickstart"), "no part of it"},
		{"a test helper is shipped", importing("pool/pool.go", module+"/internal/model"), "which is for tests"},
		{"an unknown folder", importing("extra/extra.go", "sync"), "stands in no layer"},
		{"along the order", importing("adapters/httpconn/transport.go", module+"/pool", module+"/adapters/h2", module+"/internal/part"), ""},
		{"a test upwards", importing("pool/pool_test.go", module+"/keyed"), ""},
	})
	checkPlants(t, forbiddenImports, []plant{
		{"HTTP in the core", importing("keyed/pool.go", "net/http/httptrace"), "HTTP stays under adapters/"},
		{"logging", importing("adapters/h2/conn.go", "log/slog"), "the user logs"},
		{"testing in shipped code", importing("pool/issue1_go127.go", "testing"), "test flags"},
		{"testify in shipped code", importing("pool/pool.go", "github.com/stretchr/testify/assert"), "test dependencies"},
		{"a dependency", importing("adapters/h2/conn.go", "golang.org/x/net/http2"), "do without"},
		{"a dependency of a test", importing("pool/pool_test.go", "example.org/extra"), "do without"},
		{"cgo", importing("pool/pool.go", "C"), "C compiler"},
		{"what is allowed", importing("waitq/queue.go", "context", "go.uber.org/atomic", "golang.org/x/sync/errgroup"), ""},
		{"tests", importing("waitq/queue_test.go", "testing", "net/http", "github.com/stretchr/testify/require"), ""},
		{"HTTP in an adapter", importing("adapters/h2/conn.go", "net/http"), ""},
		{"logging in an example", importing("examples/quickstart/main.go", "log"), ""},
		{"peers in benchmarks", importing("benchmarks/peers.go", "example.org/peer", "log"), ""},
	})
	checkPlants(t, linknames, []plant{
		{"in a test", one("pool/a_test.go", "package pool\n\n//go:"+"linkname now runtime.nanotime\nfunc now() int64\n"), "pool/a_test.go:3: links by name"},
		{"a mention", one("pool/a.go", "package pool\n\n// There is no go:"+"linkname here.\nfunc now() int64\n"), ""},
	})
}
