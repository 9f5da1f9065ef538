package lint

import (
	"fmt"
	"go/ast"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// invariantCount is how many invariants docs/invariants.md numbers, from I1 on.
const invariantCount = 13

const invariantsPage = "docs/invariants.md"

func TestEveryInvariantIsKeptAndTested(t *testing.T) {
	checkModule(t, func(files []*file) []finding { return invariants(files, invariantCount) })
}

// A tag is a mention of an invariant.
type tag struct {
	n    int
	file *file
	node ast.Node
}

// invariants compares three lists: the invariants that the page states, those
// that the code cites where it keeps them, and those that the tests cite where
// they would break. A number that is in one and not in another is a promise
// without a place or a place without a promise.
func invariants(files []*file, count int) []finding {
	var found []finding
	stated, kept, tested := map[int]bool{}, map[int]bool{}, map[int]bool{}
	var tags []tag
	for _, f := range files {
		switch {
		case f.path == invariantsPage:
			stated = headingNumbers(f.text)
		case !f.isGo() || within(f.path, "internal/lint") || f.isElsewhere():
			// These rules are about the numbers, not about what they stand for.
		default:
			tags = append(tags, tagsOf(f)...)
		}
	}
	for _, tag := range tags {
		if !stated[tag.n] {
			found = append(found, tag.file.at(tag.node, "cites I%d, which %s does not state", tag.n, invariantsPage))
		}
		if tag.file.isShipped() {
			kept[tag.n] = true
		} else {
			tested[tag.n] = true
		}
	}
	for n := 1; n <= count; n++ {
		missing := func(format string) {
			found = append(found, finding{invariantsPage, 0, fmt.Sprintf(format, n)})
		}
		if !stated[n] {
			missing("I%d: has no heading of its own")
		}
		if !kept[n] {
			missing("I%d: no comment says where the code keeps it")
		}
		if !tested[n] {
			missing("I%d: no test says where it would break")
		}
	}
	for _, n := range slices.Sorted(maps.Keys(stated)) {
		if n > count {
			found = append(found, finding{invariantsPage, 0, fmt.Sprintf("states I%d, beyond I%d: raise invariantCount", n, count)})
		}
	}
	return found
}

func headingNumbers(text string) map[int]bool {
	numbers := map[int]bool{}
	for _, m := range regexp.MustCompile(`(?m)^## I(\d+)\b`).FindAllStringSubmatch(text, -1) {
		n, err := strconv.Atoi(m[1])
		numbers[n] = err == nil
	}
	return numbers
}

// tagsOf looks at comments and, in tests, at strings too: a subtest may carry the
// number in its name.
func tagsOf(f *file) []tag {
	var tags []tag
	number := regexp.MustCompile(`\bI([1-9]\d?)\b`)
	add := func(node ast.Node, text string) {
		for _, m := range number.FindAllStringSubmatch(text, -1) {
			if n, err := strconv.Atoi(m[1]); err == nil {
				tags = append(tags, tag{n, f, node})
			}
		}
	}
	for _, group := range f.ast.Comments {
		for _, c := range group.List {
			add(c, c.Text)
		}
	}
	if f.isShipped() {
		return tags
	}
	for n := range ast.Preorder(f.ast) {
		if lit, ok := n.(*ast.BasicLit); ok && strings.ContainsAny(lit.Value[:1], "\"`") {
			add(lit, lit.Value)
		}
	}
	return tags
}

func TestInvariantRuleFindsViolations(t *testing.T) {
	module := func(page, code, test string) map[string]string {
		return map[string]string{
			invariantsPage:   page,
			"pool/a.go":      "package pool\n\n" + code + "\n",
			"pool/a_test.go": "package pool\n\n" + test + "\n",
		}
	}
	page, both := "# Invariants\n\n## I1 conservation\n\n## I2: wake-ups\n", "// I1, I2"
	checkPlants(t, func(files []*file) []finding { return invariants(files, 2) }, []plant{
		{"all is cited", module(page, both, both), ""},
		{"a test cites in a name", module(page, both, "// I1\nvar names = []string{`I2 by discard`}"), ""},
		{"an unknown number", module(page, both+", I3", both), "pool/a.go:3: cites I3"},
		{"not kept", module(page, "// I1", both), "I2: no comment"},
		{"kept in a string", module(page, "// I1\nvar s = `I2`", both), "I2: no comment"},
		{"not tested", module(page, both, "// I2"), "I1: no test"},
		{"one too many", module(page+"## I3\n", both, both), "states I3, beyond I2"},
		{"no number", module(page, "// I1, I2; T1, I, AI2, I2C", both), ""},
	})
}

func TestInvariantRuleFindsAMissingHeading(t *testing.T) {
	code, err := parse("pool/a.go", "package pool // I1\n")
	require.NoError(t, err)
	test, err := parse("pool/a_test.go", "package pool // I1\n")
	require.NoError(t, err)
	var got []string
	for _, f := range invariants([]*file{code, test}, 1) {
		got = append(got, f.String())
	}
	require.Equal(t, []string{
		"pool/a.go:1: cites I1, which docs/invariants.md does not state",
		"pool/a_test.go:1: cites I1, which docs/invariants.md does not state",
		"docs/invariants.md:0: I1: has no heading of its own",
	}, got)
}
