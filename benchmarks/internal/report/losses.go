package report

import (
	"fmt"
	"math"
	"strings"

	"github.com/berth-go/berth/benchmarks/internal/chart"
)

// A loss is one figure in which Berth is behind a peer.
type loss struct {
	title, unit, peer string
	ratio             float64 // infinite where the peer has none of it
}

// writeLosses writes a row for each workload and unit with every peer that is
// ahead, at the size and number of processors where it is furthest.
func writeLosses(b *strings.Builder, lost []loss) {
	b.WriteString("## Losses\n\n")
	if len(lost) == 0 {
		b.WriteString("None in this run.\n\n")
		return
	}
	fmt.Fprintf(b, "Where Berth was more than %.0f %% behind a peer in this run: its figure over the peer's, at the size and the number of processors where that is largest.\n\n", (lossAbove-1)*100)
	b.WriteString("| workload | figure | behind |\n|---|---|---|\n")
	for len(lost) > 0 {
		first := lost[0]
		var peers, rest []loss
		for _, l := range lost {
			if l.title == first.title && l.unit == first.unit {
				peers = keepWorst(peers, l)
			} else {
				rest = append(rest, l)
			}
		}
		var texts []string
		for _, l := range peers {
			texts = append(texts, l.peer+" "+times(l.ratio))
		}
		fmt.Fprintf(b, "| %s | %s | %s |\n", first.title, first.unit, strings.Join(texts, ", "))
		lost = rest
	}
	b.WriteString("\n")
}

// keepWorst adds l to the losses of one workload and unit, one for each peer.
func keepWorst(peers []loss, l loss) []loss {
	for i := range peers {
		if peers[i].peer == l.peer {
			peers[i].ratio = max(peers[i].ratio, l.ratio)
			return peers
		}
	}
	return append(peers, l)
}

func times(ratio float64) string {
	if math.IsInf(ratio, 1) {
		return "∞"
	}
	return chart.Number(ratio) + "x"
}

// writeFailed names what has no row because it did not work. That is worse than a
// loss, and must not be overlooked.
func writeFailed(b *strings.Builder, failed []string) {
	if len(failed) == 0 {
		return
	}
	b.WriteString("## Failed\n\n**These benchmarks failed** in some round, by an error or because they took longer than a minute:\n\n")
	for _, name := range failed {
		b.WriteString("- `" + name + "`\n")
	}
	b.WriteString("\n")
}
