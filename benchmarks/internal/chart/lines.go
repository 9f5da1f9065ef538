package chart

import (
	"fmt"
	"math"
	"strings"
)

// A Point is one measurement; both values must be above 0.
type Point struct{ X, Y float64 }

// A Series is a named line.
type Series struct {
	Name   string
	Points []Point
}

// The area of the plot within the picture.
const (
	plotLeft, plotTop     = 70.0, 44.0
	plotWidth, plotHeight = 480.0, 260.0
	lineHeight            = plotTop + plotHeight + 50
)

// axis maps decades to a range of coordinates.
type axis struct {
	low, high int     // powers of ten
	from, to  float64 // where they are drawn
}

// newAxis covers the values with whole decades, one at least.
func newAxis(values []float64, from, to float64) axis {
	low, high := math.Inf(1), math.Inf(-1)
	for _, v := range values {
		low, high = min(low, math.Log10(v)), max(high, math.Log10(v))
	}
	a := axis{int(math.Floor(low)), int(math.Ceil(high)), from, to}
	if a.low == a.high {
		a.high++
	}
	return a
}

func (a axis) at(v float64) float64 {
	return a.from + (math.Log10(v)-float64(a.low))/float64(a.high-a.low)*(a.to-a.from)
}

// Lines draws series over logarithmic axes: a cost that does not grow is a level
// line, one that grows in proportion has the slope of the decades.
func Lines(title, xLabel, yLabel string, series []Series) string {
	var xs, ys []float64
	for _, s := range series {
		for _, p := range s.Points {
			xs, ys = append(xs, p.X), append(ys, p.Y)
		}
	}
	var c canvas
	c.text(margin, margin+font, "start", " font-weight=\"bold\"", title+", "+yLabel)
	if len(xs) == 0 {
		return c.svg(margin + 3*font)
	}
	x := newAxis(xs, plotLeft, plotLeft+plotWidth)
	y := newAxis(ys, plotTop+plotHeight, plotTop)
	grid(&c, x, y)
	c.text(plotLeft+plotWidth/2, plotTop+plotHeight+38, "middle", "", xLabel)
	for i, s := range series {
		drawSeries(&c, x, y, s, colours[i%len(colours)], plotTop+20*float64(i)+10)
	}
	return c.svg(lineHeight)
}

func grid(c *canvas, x, y axis) {
	const pale = "#dddddd"
	for d := x.low; d <= x.high; d++ {
		v := math.Pow10(d)
		c.line(x.at(v), y.from, x.at(v), y.to, pale)
		c.text(x.at(v), y.from+18, "middle", "", Number(v))
	}
	for d := y.low; d <= y.high; d++ {
		v := math.Pow10(d)
		c.line(x.from, y.at(v), x.to, y.at(v), pale)
		c.text(x.from-6, y.at(v)+4, "end", "", Number(v))
	}
}

// drawSeries draws the line, its points, and its name in the legend at height
// legend.
func drawSeries(c *canvas, x, y axis, s Series, colour string, legend float64) {
	var path []string
	for _, p := range s.Points {
		path = append(path, fmt.Sprintf("%.1f,%.1f", x.at(p.X), y.at(p.Y)))
	}
	fmt.Fprintf(c, "<polyline points=\"%s\" fill=\"none\" stroke=\"%s\" stroke-width=\"2\"/>\n", strings.Join(path, " "), colour)
	for _, p := range s.Points {
		fmt.Fprintf(c, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\" fill=\"%s\"/>\n", x.at(p.X), y.at(p.Y), colour)
	}
	const swatch = 12
	left := plotLeft + plotWidth + 16
	c.rect(left, legend-swatch+2, swatch, swatch, colour)
	c.text(left+swatch+6, legend, "start", "", s.Name)
}
