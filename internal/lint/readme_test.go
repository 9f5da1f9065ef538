package lint

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"testing"
)

const maxReadmeLines = 150

// readmeCommands are the first commands of the README, in this order. They need
// nothing but a clone and Go.
var readmeCommands = []struct{ command, why string }{
	{"go run ./examples/quickstart", "a reader sees the library work before reading about it"},
	{"go test ./...", "and can check that it works on that machine"},
}

func TestReadmeIsShortAndTrue(t *testing.T) { checkModule(t, readme) }

// A block is a fenced block of a Markdown page.
type block struct {
	lang  string
	line  int // of the opening fence
	lines []string
}

func readme(files []*file) []finding {
	i := slices.IndexFunc(files, func(f *file) bool { return f.path == "README.md" })
	if i < 0 {
		return []finding{{"README.md", 0, "is missing"}}
	}
	f := files[i]
	var found []finding
	if n := strings.Count(f.text, "\n"); n > maxReadmeLines {
		found = append(found, finding{f.path, n, fmt.Sprintf("%d lines, more than %d: move details to docs/", n, maxReadmeLines)})
	}
	blocks := blocksOf(f.text)
	return append(append(found, checkCommands(f, blocks)...), checkCode(f, blocks, files)...)
}

func checkCommands(f *file, blocks []block) []finding {
	var got []string
	for _, b := range blocks {
		if slices.Contains([]string{"sh", "bash", "shell", "console"}, b.lang) {
			got = append(got, commandsOf(b)...)
		}
	}
	var found []finding
	for i, want := range readmeCommands {
		if i >= len(got) || got[i] != want.command {
			found = append(found, finding{f.path, 0, fmt.Sprintf("command %d is not %q: %s", i+1, want.command, want.why)})
		}
	}
	return found
}

// checkCode looks for the README's Go code in the examples, which are compiled
// and run. The first block stands in the module's own example.
func checkCode(f *file, blocks []block, files []*file) []finding {
	var found []finding
	first := true
	for _, b := range blocks {
		if b.lang != "go" {
			continue
		}
		isFirst := first
		first = false
		if !slices.ContainsFunc(files, func(e *file) bool {
			name := path.Base(e.path)
			isExample := strings.HasPrefix(name, "example") && e.isTest()
			return isExample && (!isFirst || e.path == "example_test.go") && holds(e.text, b.lines)
		}) {
			found = append(found, finding{f.path, b.line, "this code is no piece of an example test, so nothing says that it compiles"})
		}
	}
	if first {
		found = append(found, finding{f.path, 0, "shows no Go code"})
	}
	return found
}

// holds reports whether text has the lines in one piece, whatever their
// indentation.
func holds(text string, lines []string) bool {
	trim := func(lines []string) string {
		var b strings.Builder
		b.WriteByte('\n')
		for _, line := range lines {
			b.WriteString(strings.TrimSpace(line) + "\n")
		}
		return b.String()
	}
	return len(lines) > 0 && strings.Contains(trim(strings.Split(text, "\n")), trim(lines))
}

func blocksOf(text string) []block {
	var blocks []block
	open := false
	for i, line := range strings.Split(text, "\n") {
		lang, isFence := strings.CutPrefix(strings.TrimSpace(line), "```")
		switch {
		case isFence && open:
			open = false
		case isFence:
			open = true
			blocks = append(blocks, block{lang: strings.TrimSpace(lang), line: i + 1})
		case open:
			last := &blocks[len(blocks)-1]
			last.lines = append(last.lines, line)
		}
	}
	return blocks
}

// commandsOf drops prompts and remarks. In a console block, what has no prompt is
// output.
func commandsOf(b block) []string {
	var commands []string
	for _, line := range b.lines {
		line, _, _ = strings.Cut(line, " #")
		command, prompted := strings.CutPrefix(strings.TrimSpace(line), "$ ")
		command = strings.TrimSpace(command)
		if command == "" || strings.HasPrefix(command, "#") || b.lang == "console" && !prompted {
			continue
		}
		commands = append(commands, command)
	}
	return commands
}

func TestReadmeRuleFindsViolations(t *testing.T) {
	const (
		commands = "```sh\ngo run ./examples/quickstart   # a run\n$ go test ./...\n```\n"
		code     = "```go\nif x {\n\ty()\n}\n```\n"
		example  = "package berth_test\n\nfunc Example() {\n\tif x {\n\t\ty()\n\t}\n}\n"
	)
	module := func(text string) map[string]string {
		return map[string]string{"README.md": text, "example_test.go": example}
	}
	elsewhere := map[string]string{"README.md": commands + code, "pool/example_test.go": example}
	second := map[string]string{
		"README.md":            commands + code + "```go\nz()\n```\n",
		"example_test.go":      example,
		"pool/example_test.go": "package pool_test\n\nfunc Example() {\n\tz()\n}\n",
	}
	checkPlants(t, readme, []plant{
		{"all is true", module("# Berth\n\n" + commands + code), ""},
		{"a second block of another example", second, ""},
		{"output between the commands", module("```console\n$ go run ./examples/quickstart\n64 requests\n$ go test ./...\n```\n" + code), ""},
		{"too long", module(commands + code + strings.Repeat("text\n", 142)), "README.md:151: 151 lines"},
		{"code that is not in the example", module(commands + "```go\nif x {\n\tz()\n}\n```\n"), "README.md:5: this code"},
		{"half a line of the example", module(commands + "```go\nif x\n```\n"), "this code"},
		{"first code of another example", elsewhere, "this code"},
		{"no code", module(commands), "shows no Go code"},
		{"another first command", module(strings.Replace(commands, "./examples/quickstart", "./examples/other", 1) + code), "command 1 is not"},
		{"one command only", module("```sh\ngo run ./examples/quickstart\n```\n" + code), "command 2 is not"},
		{"no README", one("doc.go", "package berth\n"), "is missing"},
	})
}
