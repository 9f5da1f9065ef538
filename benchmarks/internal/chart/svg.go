// Package chart draws bars and lines as SVG, without a library: a page of docs
// needs no more, and the files stay small enough to be compared in a review.
package chart

import (
	"fmt"
	"html"
	"math"
	"strings"
)

const (
	width  = 720
	margin = 16
	font   = 12 // height of a line of text is about 1.5 times this
)

// immutable: the colours of series, told apart also by those who see few colours.
var colours = []string{"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#666666"}

// canvas collects elements.
type canvas struct{ strings.Builder }

func (c *canvas) text(x, y float64, anchor, extra, s string) {
	fmt.Fprintf(c, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\"%s>%s</text>\n", x, y, anchor, extra, html.EscapeString(s))
}

func (c *canvas) rect(x, y, w, h float64, fill string) {
	fmt.Fprintf(c, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" fill=\"%s\"/>\n", x, y, w, h, fill)
}

func (c *canvas) line(x1, y1, x2, y2 float64, stroke string) {
	fmt.Fprintf(c, "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"%s\"/>\n", x1, y1, x2, y2, stroke)
}

// svg puts what was drawn on a white ground, so that it can be read on a dark
// page too.
func (c *canvas) svg(height float64) string {
	return fmt.Sprintf("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %.0f\" width=\"%d\" height=\"%.0f\" font-family=\"sans-serif\" font-size=\"%d\">\n"+
		"<rect width=\"100%%\" height=\"100%%\" fill=\"#ffffff\"/>\n%s</svg>\n", width, height, width, height, font, c.String())
}

// Number writes a value with three digits, as labels need it.
func Number(v float64) string {
	switch a := math.Abs(v); {
	case a == 0:
		return "0"
	case a < 0.01:
		return fmt.Sprintf("%.1e", v)
	case a < 10:
		return trim(fmt.Sprintf("%.2f", v))
	case a < 100:
		return trim(fmt.Sprintf("%.1f", v))
	case a < 10_000:
		return fmt.Sprintf("%.0f", v)
	case a < 1e6:
		return trim(fmt.Sprintf("%.1f", v/1e3)) + "k"
	case a < 1e9:
		return trim(fmt.Sprintf("%.1f", v/1e6)) + "M"
	}
	return trim(fmt.Sprintf("%.1f", v/1e9)) + "G"
}

func trim(s string) string { return strings.TrimRight(strings.TrimRight(s, "0"), ".") }
