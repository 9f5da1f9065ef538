package main

import (
	"io"
	"strings"
	"unicode/utf8"
)

// gap stands between two columns.
const gap = "  "

// A table is text in aligned columns: the first two name a row and stand left,
// the others are numbers and stand right. The head may have several lines.
type table struct {
	head, body [][]string
}

const leftColumns = 2

// writeTo writes the table in one call, so that nothing comes between its lines.
func (t table) writeTo(w io.Writer) error {
	widths := t.widths()
	var b strings.Builder
	// The rule between head and body is there for the eye: a head of two lines
	// would else look like a row.
	for _, row := range t.head {
		writeRow(&b, row, widths)
	}
	rule := make([]string, len(widths))
	for i, w := range widths {
		rule[i] = strings.Repeat("-", w)
	}
	writeRow(&b, rule, widths)
	for _, row := range t.body {
		writeRow(&b, row, widths)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// widths returns the width of each column: that of its widest cell.
func (t table) widths() []int {
	var widths []int
	for _, rows := range [][][]string{t.head, t.body} {
		for _, row := range rows {
			for i, cell := range row {
				if i == len(widths) {
					widths = append(widths, 0)
				}
				// Runes, not bytes: a user's URL may hold any letter.
				widths[i] = max(widths[i], utf8.RuneCountInString(cell))
			}
		}
	}
	return widths
}

// writeRow pads the cells of one row. The widths are those of all rows, which is
// why a table is written at the end and not while it grows.
func writeRow(b *strings.Builder, row []string, widths []int) {
	var line strings.Builder
	for i, cell := range row {
		if i > 0 {
			line.WriteString(gap)
		}
		pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
		if i < leftColumns {
			line.WriteString(cell + pad)
		} else {
			line.WriteString(pad + cell)
		}
	}
	// A trailing blank is invisible and makes every diff of an output noisy.
	b.WriteString(strings.TrimRight(line.String(), " "))
	b.WriteByte('\n')
}
