package chart

import "math"

// A Bar is one value with its name. Ours is drawn in another colour.
type Bar struct {
	Name  string
	Value float64
	Ours  bool
}

const (
	barHeight = 16.0
	barStep   = 22.0
	nameWidth = 130.0
	valueRoom = 60.0 // to the right of the longest bar
)

// Bars draws values as horizontal bars from zero, in the order given. Where the
// longest is more than a hundred times the shortest, the lengths are logarithmic,
// and the title says so.
func Bars(title, unit string, bars []Bar) string {
	var c canvas
	least, most := math.Inf(1), 0.0
	for _, b := range bars {
		if b.Value > 0 {
			least = min(least, b.Value)
		}
		most = max(most, b.Value)
	}
	length := func(v float64) float64 { return v / most }
	const decades = 100
	if most > decades*least {
		title += " (logarithmic)"
		from := math.Floor(math.Log10(least)) - 0.1 // so that the shortest can be seen
		length = func(v float64) float64 { return (math.Log10(v) - from) / (math.Log10(most) - from) }
	}
	c.text(margin, margin+font, "start", " font-weight=\"bold\"", title+", "+unit)
	y := margin + 2.0*font
	for _, b := range bars {
		fill := colours[len(colours)-1]
		if b.Ours {
			fill = colours[0]
		}
		w := 0.0
		if b.Value > 0 {
			w = length(b.Value) * (width - 2*margin - nameWidth - valueRoom)
		}
		c.text(margin+nameWidth-6, y+barHeight-4, "end", "", b.Name)
		c.rect(margin+nameWidth, y, w, barHeight, fill)
		c.text(margin+nameWidth+w+6, y+barHeight-4, "start", "", Number(b.Value))
		y += barStep
	}
	return c.svg(y + margin)
}
