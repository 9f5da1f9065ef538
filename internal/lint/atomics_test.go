package lint

import (
	"go/ast"
	"strings"
	"testing"
)

// wide are the types of go.uber.org/atomic, with their constructors, that hold
// 64 bits in a plain field: on a 32-bit platform a struct may put it on an
// address where the hardware faults. sync/atomic's Int64 and Uint64 align
// themselves.
var wide = map[string]string{
	"Int64":       "sync/atomic.Int64",
	"NewInt64":    "sync/atomic.Int64",
	"Uint64":      "sync/atomic.Uint64",
	"NewUint64":   "sync/atomic.Uint64",
	"Float64":     "a sync/atomic.Uint64 with math.Float64bits",
	"NewFloat64":  "a sync/atomic.Uint64 with math.Float64bits",
	"Duration":    "a sync/atomic.Int64 of nanoseconds",
	"NewDuration": "a sync/atomic.Int64 of nanoseconds",
}

// swappers are the files that may compare and swap. Every other file goes through
// their named methods, so that each state has one place where its changes can be
// read.
var swappers = map[string]string{
	"waitq/state.go":                         "one word decides how a wait ends",
	"internal/door/door.go":                  "one word counts the calls in a key and shuts it for good",
	"internal/turn/turn.go":                  "one word decides who has a resource, and lets a lease end once",
	"adapters/internal/exchange/respbody.go": "one word decides how a response ends",
	"adapters/h2/stray.go":                   "strays that have ended are taken off, unless a look has counted anew",

	"internal/pooltest/clients.go": "a test's resource comes back by itself, unless it has changed meanwhile",
}

func TestAtomicsAreAlignedOn32Bit(t *testing.T) { checkModule(t, atomics) }

func TestStatesChangeInTheirOwnFile(t *testing.T) {
	checkModule(t, func(files []*file) []finding { return swaps(files, swappers) })
}

// atomics keeps to one package of atomics, go.uber.org/atomic, but for the words
// of 64 bits.
func atomics(files []*file) []finding {
	const uber, std = "go.uber.org/atomic", "sync/atomic"
	var found []finding
	for _, f := range files {
		if !f.isGo() || f.isTest() || f.isElsewhere() {
			continue
		}
		for _, p := range []string{uber, std} {
			if f.imports(p) == "." {
				found = append(found, f.at(f.ast, "imports %s with a dot, so that the reader cannot tell the two kinds of atomics apart", p))
			}
		}
		f.uses(uber, func(sel *ast.SelectorExpr) {
			if instead, ok := wide[sel.Sel.Name]; ok {
				found = append(found, f.at(sel, "%s.%s faults on 32-bit platforms: use %s", uber, sel.Sel.Name, instead))
			}
		})
		f.uses(std, func(sel *ast.SelectorExpr) {
			if name := sel.Sel.Name; name != "Int64" && name != "Uint64" {
				found = append(found, f.at(sel, "%s.%s: use %s; only words of 64 bits come from %s", std, name, uber, std))
			}
		})
	}
	return found
}

// swaps also finds the files of the table that no longer compare and swap: a
// stale permission would hide the next one who does.
func swaps(files []*file, allowed map[string]string) []finding {
	var found []finding
	seen := map[string]bool{}
	for _, f := range files {
		if !f.isGo() || f.isTest() || f.isElsewhere() {
			continue
		}
		for n := range ast.Preorder(f.ast) {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok || !strings.HasPrefix(sel.Sel.Name, "CompareAndSwap") && sel.Sel.Name != "CAS" {
				continue
			}
			seen[f.path] = true
			if _, ok := allowed[f.path]; !ok {
				found = append(found, f.at(sel, "compares and swaps: call a named method of the file that owns the state, or use Swap for a flag that is set once; a new state needs its file and reason in the table"))
			}
		}
	}
	for name, why := range allowed {
		if !seen[name] {
			found = append(found, finding{name, 0, "no longer compares and swaps, though the table says " + why})
		}
	}
	return found
}

func TestAtomicRulesFindViolations(t *testing.T) {
	checkPlants(t, atomics, []plant{
		{"a type", one("pool/a.go", "package pool\nimport \"go.uber.org/atomic\"\ntype s struct{ n atomic.Int64 }\n"), "pool/a.go:3: go.uber.org/atomic.Int64 faults"},
		{"under another name", one("pool/a.go", "package pool\nimport ua \"go.uber.org/atomic\"\nfunc f() { ua.NewDuration(0) }\n"), "nanoseconds"},
		{"the other package", one("pool/a.go", "package pool\nimport \"sync/atomic\"\ntype s struct{ n atomic.Bool }\n"), "only words of 64 bits"},
		{"a function", one("internal/part/a.go", "package part\nimport \"sync/atomic\"\nfunc f(p *int64) { atomic.AddInt64(p, 1) }\n"), "AddInt64"},
		{"a dot", one("pool/a.go", "package pool\nimport . \"sync/atomic\"\ntype s struct{ n Int64 }\n"), "with a dot"},
		{"both, each for its words", one("pool/a.go", "package pool\nimport (\n\"sync/atomic\"\nua \"go.uber.org/atomic\"\n)\ntype s struct{ n atomic.Int64; b ua.Bool; p ua.Pointer[int] }\n"), ""},
		{"a test", one("pool/a_test.go", "package pool\nimport \"sync/atomic\"\nfunc f(p *int64) { atomic.AddInt64(p, 1) }\n"), ""},
	})

	swap := "package pool\nfunc (s *slot) take() bool { return s.word.CompareAndSwap(0, 1) }\n"
	allow := func(names ...string) rule {
		allowed := map[string]string{}
		for _, name := range names {
			allowed[name] = "of a reason"
		}
		return func(files []*file) []finding { return swaps(files, allowed) }
	}
	checkPlants(t, allow(), []plant{
		{"a file without permission", one("pool/slot.go", swap), "pool/slot.go:2: compares and swaps"},
		{"a test without permission", one("pool/slot_test.go", swap), ""},
	})
	checkPlants(t, allow("pool/slot.go"), []plant{
		{"a file with permission", one("pool/slot.go", swap), ""},
		{"a stale permission", one("pool/slot.go", "package pool\n"), "no longer compares and swaps"},
	})
}
