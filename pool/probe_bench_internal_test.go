package pool

import (
	"context"
	"runtime"
	"strconv"
	"testing"
	"time"
)

// A Check in the background costs the same however many resources are idle: the
// one that is checked keeps its place.
func BenchmarkCheckInTheBackground(b *testing.B) {
	for _, n := range []int{10, 1000, 16_000} {
		b.Run("idle="+strconv.Itoa(n), func(b *testing.B) {
			budget, err := NewBudget(BudgetLimits{})
			if err != nil {
				b.Fatal(err)
			}
			p, err := New(Config[int]{
				Dial:       func(context.Context) (int, error) { return 0, nil },
				Check:      func(context.Context, int) error { return nil },
				CheckEvery: 1000 * time.Hour, // only those of the loop
				Budget:     budget,
			})
			if err != nil {
				b.Fatal(err)
			}
			if err := p.Warm(b.Context(), n); err != nil {
				b.Fatal(err)
			}
			s := p.mu.idle.Newest() // the one that would walk farthest
			for b.Loop() {
				p.mu.Lock()
				p.probeLocked(s)
				p.mu.Unlock()
				for p.probes(s) {
					runtime.Gosched()
				}
			}
		})
	}
}

func (p *Pool[R]) probes(s *slot[R]) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return s.probed
}
