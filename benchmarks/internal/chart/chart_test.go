package chart_test

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/berth-go/berth/benchmarks/internal/chart"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// attrs returns the values of an attribute of all elements of a name.
func attrs(t *testing.T, svg, element, attr string) []string {
	t.Helper()
	var values []string
	for d := xml.NewDecoder(strings.NewReader(svg)); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return values
		}
		require.NoError(t, err, "the picture is no XML")
		if e, ok := token.(xml.StartElement); ok && e.Name.Local == element {
			for _, a := range e.Attr {
				if a.Name.Local == attr {
					values = append(values, a.Value)
				}
			}
		}
	}
}

func TestBarsAreAsLongAsTheirValues(t *testing.T) {
	svg := chart.Bars("cost", "ns", []chart.Bar{{"<ours>", 50, true}, {"peer", 100, false}, {"free", 0, false}})
	// The first rectangle is the ground.
	assert.Equal(t, []string{"100%", "249.0", "498.0", "0.0"}, attrs(t, svg, "rect", "width"))
	assert.Contains(t, svg, "&lt;ours&gt;")
	assert.NotContains(t, svg, "logarithmic")
}

func TestBarsOfVeryDifferentValuesAreLogarithmicAndSaySo(t *testing.T) {
	svg := chart.Bars("cost", "ns", []chart.Bar{{"a", 1, true}, {"b", 1_000, false}})
	assert.Contains(t, svg, "logarithmic")
}

func TestLinesOfOneCostAreLevel(t *testing.T) {
	svg := chart.Lines("t", "n", "ns", []chart.Series{
		{"level", []chart.Point{{1, 10}, {1_000, 10}}},
		{"grows", []chart.Point{{1, 10}, {1_000, 10_000}}},
	})
	assert.Equal(t, []string{"70.0,304.0 550.0,304.0", "70.0,304.0 550.0,44.0"}, attrs(t, svg, "polyline", "points"))
}

func TestLinesWithoutPointsAreStillAPicture(t *testing.T) {
	assert.NotEmpty(t, attrs(t, chart.Lines("t", "n", "ns", nil), "svg", "viewBox"))
}

func TestNumbersHaveThreeDigits(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0", 0.001: "1.0e-03", 1: "1", 6.604: "6.6", 13.25: "13.2", 336: "336", 1_234: "1234",
		12_345: "12.3k", 1_000_000: "1M", 2.5e9: "2.5G",
	} {
		assert.Equal(t, want, chart.Number(v))
	}
}
