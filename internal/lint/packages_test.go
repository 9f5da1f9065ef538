package lint

import (
	"fmt"
	"go/doc/comment"
	"path"
	"slices"
	"strings"
	"testing"
)

// headings are those of every public package's documentation, in this order, so
// that a reader finds the same answer at the same place in each.
var headings = []string{
	"What it is", "When not to use it", "States", "Cancellation", "Fairness", "Errors", "Example",
}

// publicPackages must exist with their documentation. A public package that is
// not listed is found by its files.
var publicPackages = []string{"waitq", "pool", "keyed", "adapters/h2", "adapters/httpconn"}

func TestPublicPackagesAreDocumentedUnderTheSameHeadings(t *testing.T) {
	checkModule(t, func(files []*file) []finding { return packageDocs(files, publicPackages) })
}

func packageDocs(files []*file, packages []string) []finding {
	var found []finding
	docs := map[string]*file{} // doc.go by folder
	dirs := slices.Clone(packages)
	for _, f := range files {
		if path.Base(f.path) == "doc.go" {
			docs[f.dir()] = f
		}
		if f.isShipped() && isPublic(f.dir()) {
			dirs = append(dirs, f.dir())
		}
	}
	if docs[""] == nil {
		found = append(found, finding{"doc.go", 0, "is missing: the module's page would have no overview"})
	}
	slices.Sort(dirs)
	for _, dir := range slices.Compact(dirs) {
		f := docs[dir]
		if f == nil {
			found = append(found, finding{dir + "/doc.go", 0, "is missing: it holds the package's documentation"})
			continue
		}
		if got := headingsOf(f); !slices.Equal(got, headings) {
			found = append(found, f.at(f.ast.Name, "has the headings %q and not %q", got, headings))
		}
	}
	return found
}

// isPublic reports whether the packages of a folder can be imported by users. The
// root holds no code, so its doc.go is free in its form.
func isPublic(dir string) bool {
	return dir != "" && !within(dir, "examples") && !slices.Contains(strings.Split(dir, "/"), "internal")
}

// headingsOf returns those headings of a package comment that are in the list.
// Others may stand between them.
func headingsOf(f *file) []string {
	var got []string
	if f.ast.Doc == nil {
		return got
	}
	for _, block := range new(comment.Parser).Parse(f.ast.Doc.Text()).Content {
		if h, ok := block.(*comment.Heading); ok {
			if text := plain(h.Text); slices.Contains(headings, text) {
				got = append(got, text)
			}
		}
	}
	return got
}

func plain(texts []comment.Text) string {
	var b strings.Builder
	for _, t := range texts {
		if s, ok := t.(comment.Plain); ok {
			b.WriteString(string(s))
		}
	}
	return b.String()
}

func TestPackageRuleFindsViolations(t *testing.T) {
	docOf := func(titles ...string) string {
		var b strings.Builder
		b.WriteString("// Package pool is a pool.\n")
		for _, title := range titles {
			fmt.Fprintf(&b, "//\n// # %s\n//\n// Text.\n", title)
		}
		return b.String() + "package pool\n"
	}
	module := func(text string) map[string]string {
		return map[string]string{"doc.go": "package berth\n", "pool/doc.go": text}
	}
	swapped := slices.Clone(headings)
	swapped[2], swapped[3] = swapped[3], swapped[2]

	checkPlants(t, func(files []*file) []finding { return packageDocs(files, []string{"pool"}) }, []plant{
		{"all headings", module(docOf(headings...)), ""},
		{"one more heading", module(docOf(append([]string{"Costs"}, headings...)...)), ""},
		{"a heading is missing", module(docOf(headings[1:]...)), "pool/doc.go:26: has the headings"},
		{"headings in another order", module(docOf(swapped...)), "has the headings"},
		{"no comment", module("package pool\n"), "has the headings"},
		{"no doc.go", map[string]string{"doc.go": "package berth\n", "pool/pool.go": "package pool\n"}, "pool/doc.go:0: is missing"},
		{"no root doc.go", one("pool/doc.go", docOf(headings...)), "doc.go:0: is missing"},
	})
	withExtra := module(docOf(headings...))
	withExtra["extra/extra.go"] = "package extra\n"
	withExtra["internal/part/part.go"] = "package part\n"
	checkPlants(t, func(files []*file) []finding { return packageDocs(files, nil) }, []plant{
		{"a public package that is not listed", withExtra, "extra/doc.go:0: is missing"},
	})
}
