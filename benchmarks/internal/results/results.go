// Package results reads what benchmarks have printed, and answers with medians
// and ratios.
package results

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/perf/benchfmt"
	"golang.org/x/perf/benchmath"
)

// A Key names one row: a workload on a subject.
type Key struct {
	Workload string
	Subject  string
	N        int // the size; 0 if the workload has none
	Procs    int
}

// A Set is everything that was measured, in several rounds.
type Set struct {
	keys   []Key // in the order in which they were first met
	values map[Key]map[string][]float64

	// Config are the lines that stand before the results, such as "cpu".
	Config map[string]string

	Fewest, Most int // values that there are for a row

	// Failed are the names of benchmarks that failed in some round, in order.
	Failed []string
}

// Read reads the output of benchmarks. What is no result is passed over, as
// benchmarks may print anything.
func Read(r io.Reader, name string) (*Set, error) {
	s := &Set{values: map[Key]map[string][]float64{}, Config: map[string]string{}}
	raw, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	s.findFailed(string(raw))
	reader := benchfmt.NewReader(bytes.NewReader(raw), name)
	for reader.Scan() {
		var res *benchfmt.Result
		switch rec := reader.Result().(type) {
		case *benchfmt.Result:
			res = rec
		case *benchfmt.SyntaxError:
			return nil, rec
		default:
			continue
		}
		key, err := keyOf(res.Name)
		if err != nil {
			return nil, err
		}
		s.add(key, res.Values)
		for _, c := range res.Config {
			s.Config[c.Key] = string(c.Value)
		}
	}
	if len(s.keys) == 0 {
		return nil, errors.Join(reader.Err(), fmt.Errorf("%s has no results", name))
	}
	s.count()
	return s, reader.Err()
}

// findFailed looks for the lines that tell of failures, which are no results. A
// benchmark that has others in it fails with them and is passed over.
func (s *Set) findFailed(raw string) {
	for line := range strings.Lines(raw) {
		text, ok := strings.CutPrefix(strings.TrimSpace(line), "--- FAIL: Benchmark")
		if name, _, _ := strings.Cut(text, " "); ok && strings.Contains(name, "/") && !slices.Contains(s.Failed, name) {
			s.Failed = append(s.Failed, name)
		}
	}
}

func (s *Set) add(key Key, values []benchfmt.Value) {
	if s.values[key] == nil {
		s.keys = append(s.keys, key)
		s.values[key] = map[string][]float64{}
	}
	for _, v := range values {
		// Times come as seconds, with what was printed beside them.
		unit, value := v.Unit, v.Value
		if v.OrigUnit != "" {
			unit, value = v.OrigUnit, v.OrigValue
		}
		s.values[key][unit] = append(s.values[key][unit], value)
	}
}

// count counts the values when all have been read.
func (s *Set) count() {
	for _, units := range s.values {
		for _, values := range units {
			s.Most = max(s.Most, len(values))
			if s.Fewest == 0 || len(values) < s.Fewest {
				s.Fewest = len(values)
			}
		}
	}
}

// keyOf takes a name such as Alone/subject=puddle/n=10-2 apart.
func keyOf(name benchfmt.Name) (Key, error) {
	base, parts := name.Parts()
	key := Key{Workload: string(base), Procs: 1}
	for _, part := range parts {
		text := string(part)
		var err error
		switch {
		case strings.HasPrefix(text, "/subject="):
			key.Subject = strings.TrimPrefix(text, "/subject=")
		case strings.HasPrefix(text, "/n="):
			key.N, err = strconv.Atoi(strings.TrimPrefix(text, "/n="))
		case strings.HasPrefix(text, "-"):
			key.Procs, err = strconv.Atoi(text[1:])
		default:
			err = fmt.Errorf("%q is neither subject, size nor processors", text)
		}
		if err != nil {
			return Key{}, fmt.Errorf("benchmark %s: %w", name.Full(), err)
		}
	}
	return key, nil
}

// Of returns the keys of a workload in the order in which they ran.
func (s *Set) Of(workload string) []Key {
	var keys []Key
	for _, key := range s.keys {
		if key.Workload == workload {
			keys = append(keys, key)
		}
	}
	return keys
}

// Procs returns the numbers of processors that a workload ran on, ascending.
func (s *Set) Procs(workload string) []int {
	var procs []int
	for _, key := range s.Of(workload) {
		procs = append(procs, key.Procs)
	}
	slices.Sort(procs)
	return slices.Compact(procs)
}

// Sizes returns the sizes that a workload ran with, ascending.
func (s *Set) Sizes(workload string) []int {
	var sizes []int
	for _, key := range s.Of(workload) {
		sizes = append(sizes, key.N)
	}
	slices.Sort(sizes)
	return slices.Compact(sizes)
}

// Median returns the median over the rounds and the 95 % confidence interval
// around it, which is infinite for few rounds. ok is false if there is none.
func (s *Set) Median(key Key, unit string) (m benchmath.Summary, ok bool) {
	return overRounds(s.values[key][unit])
}

// NetRatio is Ratio without what base measured in the same round, such as the
// harness, which is in both.
func (s *Set) NetRatio(a, b, base Key, unit string) (ratio benchmath.Summary, ok bool) {
	as, bs, bases := s.values[a][unit], s.values[b][unit], s.values[base][unit]
	var ratios []float64
	for i := range min(len(as), len(bs), len(bases)) {
		if bs[i] > bases[i] {
			ratios = append(ratios, (as[i]-bases[i])/(bs[i]-bases[i]))
		}
	}
	return overRounds(ratios)
}

// Ratio returns the median over the rounds of a's value over b's in the same
// round, so that a machine that was slower in one round weighs on both. ok is
// false if one of them was not measured, or b is zero.
func (s *Set) Ratio(a, b Key, unit string) (ratio benchmath.Summary, ok bool) {
	as, bs := s.values[a][unit], s.values[b][unit]
	var ratios []float64
	for i := range min(len(as), len(bs)) {
		if bs[i] != 0 {
			ratios = append(ratios, as[i]/bs[i])
		}
	}
	return overRounds(ratios)
}

// Difference is Ratio for a's value less b's.
func (s *Set) Difference(a, b Key, unit string) (difference benchmath.Summary, ok bool) {
	as, bs := s.values[a][unit], s.values[b][unit]
	var differences []float64
	for i := range min(len(as), len(bs)) {
		differences = append(differences, as[i]-bs[i])
	}
	return overRounds(differences)
}

func overRounds(values []float64) (m benchmath.Summary, ok bool) {
	if len(values) == 0 {
		return m, false
	}
	return summarize(values), true
}

// summarize assumes nothing about how values are distributed.
func summarize(values []float64) benchmath.Summary {
	const confidence = 0.95
	return benchmath.AssumeNothing.Summary(benchmath.NewSample(values, &benchmath.DefaultThresholds), confidence)
}
