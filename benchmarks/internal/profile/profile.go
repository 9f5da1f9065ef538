// Package profile reads the tables that "go tool pprof -top" prints, and keeps
// several of them in one file.
package profile

import (
	"fmt"
	"strconv"
	"strings"
)

// A Kind says of what a profile is.
type Kind string

// The kinds.
const (
	CPU    Kind = "cpu"
	Allocs Kind = "allocs" // objects, by who allocated them
	Heap   Kind = "heap"   // bytes in use while the pool is full, by who allocated them
)

// A Spec names the profile of one row of a workload.
type Spec struct {
	Kind     Kind
	Workload string
	Subject  string
	N        int // the size; 0 if the workload has none
}

// String is the name in the file and on the page.
func (s Spec) String() string {
	name := fmt.Sprintf("%s %s/%s", s.Kind, s.Workload, s.Subject)
	if s.N > 0 {
		name += fmt.Sprintf("/%d", s.N)
	}
	return name
}

// An Entry is one function in a profile.
type Entry struct {
	Flat     string  // the function itself, as printed
	FlatPart float64 // percent of the whole
	CumPart  float64 // the same with all that it calls
	Function string  // without path, type arguments and notes
}

// A Set are printed profiles by the name of their Spec.
type Set map[string]string

const mark = "== "

// Write returns the text of a file. Names are in the order given.
func (s Set) Write(specs []Spec) string {
	var b strings.Builder
	for _, spec := range specs {
		if text, ok := s[spec.String()]; ok {
			fmt.Fprintf(&b, "%s%s\n%s\n", mark, spec, strings.Trim(text, "\n"))
		}
	}
	return b.String()
}

// Read takes the text of a file apart.
func Read(text string) Set {
	s := Set{}
	name := ""
	for line := range strings.Lines(text) {
		if begun, ok := strings.CutPrefix(line, mark); ok {
			name = strings.TrimSpace(begun)
			s[name] = ""
		} else if name != "" {
			s[name] += line
		}
	}
	return s
}

// Top returns the entries of a printed profile in its order, at most so many.
func Top(text string, most int) []Entry {
	var entries []Entry
	for line := range strings.Lines(text) {
		if e, ok := parse(line); ok && len(entries) < most {
			entries = append(entries, e)
		}
	}
	return entries
}

// parse reads a row such as "0.50s 23.81% 23.81% 1.10s 52.38% a/b.F (inline)".
func parse(line string) (e Entry, ok bool) {
	const columns = 6 // flat, flat%, sum%, cum, cum%, name
	fields := strings.Fields(line)
	if len(fields) < columns {
		return e, false
	}
	flat, errFlat := percent(fields[1])
	cum, errCum := percent(fields[4])
	if errFlat != nil || errCum != nil {
		return e, false // the heading
	}
	return Entry{fields[0], flat, cum, short(strings.Join(fields[columns-1:], " "))}, true
}

func percent(field string) (float64, error) {
	number, ok := strings.CutSuffix(field, "%")
	if !ok {
		return 0, strconv.ErrSyntax
	}
	return strconv.ParseFloat(number, 64)
}

// short takes from a name what says nothing to a reader: its path, its type
// arguments, and whether it is inlined.
func short(name string) string {
	name = strings.TrimSuffix(name, " (inline)")
	name = strings.TrimSuffix(name, " (partial-inline)")
	var b strings.Builder
	depth := 0
	for _, r := range name {
		switch {
		case r == '[':
			depth++
		case r == ']':
			depth--
		case depth == 0:
			b.WriteRune(r)
		}
	}
	name = b.String()
	return name[strings.LastIndexByte(name, '/')+1:]
}
