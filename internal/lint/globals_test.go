package lint

import (
	"go/ast"
	"go/token"
	"strings"
	"testing"
)

func TestPackagesHoldNoState(t *testing.T) { checkModule(t, globals) }

func TestTestsDoNotSleep(t *testing.T) { checkModule(t, sleeps) }

// globals finds package-level variables and func init in shipped code. What is
// shared by all pools of a process makes one test touch another: a channel made
// outside a synctest bubble even crashes the users' tests inside one. Allowed are
// error sentinels made by errors.New, those of an internal package under the name
// that users see, assertions (var _ I = ...), and tables that
// a comment beginning with "immutable" answers for.
func globals(files []*file) []finding {
	var found []finding
	for _, f := range files {
		if !f.isShipped() {
			continue
		}
		for _, decl := range f.ast.Decls {
			switch d := decl.(type) {
			case *ast.FuncDecl:
				if d.Recv == nil && d.Name.Name == "init" {
					found = append(found, f.at(d, "func init runs in every program that imports the package: make it a call"))
				}
			case *ast.GenDecl:
				if d.Tok != token.VAR {
					continue
				}
				for _, spec := range d.Specs {
					v, ok := spec.(*ast.ValueSpec)
					if ok && !isAssertion(v) && !isSentinel(v) && !isImmutable(d, v) {
						found = append(found, f.at(v, "var %s is state of the whole program: give it to the pool, or say why it is immutable", v.Names[0].Name))
					}
				}
			}
		}
	}
	return found
}

func isAssertion(v *ast.ValueSpec) bool {
	for _, name := range v.Names {
		if name.Name != "_" {
			return false
		}
	}
	return true
}

func isSentinel(v *ast.ValueSpec) bool {
	for i, value := range v.Values {
		if sel, ok := value.(*ast.SelectorExpr); ok && strings.HasPrefix(sel.Sel.Name, "Err") && sel.Sel.Name == v.Names[i].Name {
			continue
		}
		call, ok := value.(*ast.CallExpr)
		if !ok {
			return false
		}
		sel, ok := call.Fun.(*ast.SelectorExpr)
		if !ok || sel.Sel.Name != "New" {
			return false
		}
		if x, ok := sel.X.(*ast.Ident); !ok || x.Name != "errors" {
			return false
		}
	}
	return len(v.Values) > 0
}

// isImmutable takes the comment's word for it.
func isImmutable(d *ast.GenDecl, v *ast.ValueSpec) bool {
	groups := []*ast.CommentGroup{v.Doc, v.Comment}
	if len(d.Specs) == 1 {
		groups = append(groups, d.Doc)
	}
	for _, group := range groups {
		for line := range strings.Lines(group.Text()) {
			if strings.HasPrefix(line, "immutable") {
				return true
			}
		}
	}
	return false
}

// sleeps is an approximation: a file that sleeps must import testing/synctest,
// where time is fake and a sleep takes none. That such a file sleeps outside a
// bubble is left to the reviewer; that a file sleeps and has no bubble is not.
func sleeps(files []*file) []finding {
	var found []finding
	for _, f := range files {
		if !f.isGo() || !f.isTest() && !f.isHelper() || f.imports("testing/synctest") != "" {
			continue
		}
		f.uses("time", func(sel *ast.SelectorExpr) {
			if sel.Sel.Name == "Sleep" {
				found = append(found, f.at(sel, "sleeps, which is slow where it is long enough and flaky where it is not: use testing/synctest, or wait for an event"))
			}
		})
	}
	return found
}

func TestStateRulesFindViolations(t *testing.T) {
	checkPlants(t, globals, []plant{
		{"a variable", one("pool/a.go", "package pool\n\nvar free sync.Pool\n"), "pool/a.go:3: var free is state"},
		{"one of a group", one("pool/a.go", "package pool\n\nvar (\n\tErrA = errors.New(\"a\")\n\tlast = 1\n)\n"), "pool/a.go:5: var last"},
		{"an error of another kind", one("pool/a.go", "package pool\n\nvar errA = fmt.Errorf(\"a\")\n"), "var errA"},
		{"a comment that answers for nothing", one("pool/a.go", "package pool\n\n// names are not immutable.\nvar names = map[int]string{}\n"), "var names"},
		{"a comment over a group", one("pool/a.go", "package pool\n\n// immutable\nvar (\n\tErrA = errors.New(\"a\")\n\tb = 1\n)\n"), "var b"},
		{"func init", one("examples/quickstart/main.go", "package main\n\nfunc init() {}\n"), "examples/quickstart/main.go:3: func init"},
		{"sentinels", one("pool/a.go", "package pool\n\nvar ErrA, ErrB = errors.New(\"a\"), errors.New(\"b\")\n"), ""},
		{"a sentinel of another package", one("h2/a.go", "package h2\n\nvar ErrA = exchange.ErrA\n"), ""},
		{"what is of another package and no sentinel", one("h2/a.go", "package h2\n\nvar ErrA = exchange.Free\n"), "var ErrA"},
		{"an assertion", one("pool/a.go", "package pool\n\nvar _ error = (*DialError)(nil)\n"), ""},
		{"a table", one("pool/a.go", "package pool\n\nvar names = [...]string{\"a\"} // immutable\n"), ""},
		{"a table with a comment above", one("pool/a.go", "package pool\n\n// names has a name per state.\n// immutable: only String reads it.\nvar names = [...]string{\"a\"}\n"), ""},
		{"a method named init, a local variable", one("pool/a.go", "package pool\n\nfunc (p *Pool) init() { var n int; _ = n }\n"), ""},
		{"a test", one("pool/a_test.go", "package pool\n\nvar update = flag.Bool(\"update\", false, \"\")\n"), ""},
	})
	checkPlants(t, sleeps, []plant{
		{"a test that sleeps", one("pool/a_test.go", "package pool\nimport \"time\"\nfunc f() { time.Sleep(1) }\n"), "pool/a_test.go:3: sleeps"},
		{"a helper that sleeps", one("internal/model/a.go", "package model\nimport clock \"time\"\nfunc f() { clock.Sleep(1) }\n"), "sleeps"},
		{"a sleep given away", one("pool/a_test.go", "package pool\nimport \"time\"\nvar f = time.Sleep\n"), "sleeps"},
		{"in a bubble", one("pool/a_test.go", "package pool\nimport (\n\"testing/synctest\"\n\"time\"\n)\nfunc f() { synctest.Test(nil, nil); time.Sleep(1) }\n"), ""},
		{"a timer", one("pool/a_test.go", "package pool\nimport \"time\"\nfunc f() { <-time.After(1) }\n"), ""},
	})
}
