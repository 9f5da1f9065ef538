package benchmarks_test

import (
	"context"
	"runtime"
	"testing"

	"github.com/berth-go/berth/benchmarks/subject"
)

// uncontended are those of whom it makes sense to ask what a lease costs that
// needs no wait and no dial.
func uncontended() []subject.Subject {
	subjects := subject.Floors()
	for _, s := range subject.All() {
		if s.Name != subject.Careful {
			subjects = append(subjects, s)
		}
	}
	return subjects
}

// What does a lease cost when there is no other caller?
func BenchmarkAlone(b *testing.B) {
	each(b, uncontended(), func(ctx context.Context, b *testing.B, s subject.Subject) {
		p := open(ctx, b, s, cap8, 1)
		for b.Loop() {
			use(ctx, b, p, nil)
		}
	})
}

// What does a lease cost when every processor takes them, and more resources are
// idle than are ever in use?
func BenchmarkParallel(b *testing.B) {
	each(b, uncontended(), func(ctx context.Context, b *testing.B, s subject.Subject) {
		size := max(cap8, 2*runtime.GOMAXPROCS(0))
		p := open(ctx, b, s, size, size)
		b.ResetTimer()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				use(ctx, b, p, nil)
			}
		})
	})
}
