package benchmarks_test

import (
	"context"
	"testing"

	"github.com/berth-go/berth/benchmarks/subject"
)

// waiting are those that make callers wait, and the floor of that.
func waiting() []subject.Subject {
	return append([]subject.Subject{subject.QueueFloor()}, subject.Exclusive()...)
}

// contended are those and the harness, whose row is what the switches of
// goroutines alone cost.
func contended() []subject.Subject {
	return append(subject.Named(subject.Harness), waiting()...)
}

// What does it cost to hand a resource from caller to caller, with 128 callers
// for 8 resources?
func BenchmarkOversubscribed(b *testing.B) {
	each(b, contended(), func(ctx context.Context, b *testing.B, s subject.Subject) {
		p := open(ctx, b, s, cap8, cap8)
		spread(b, callers)
		b.ResetTimer()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				use(ctx, b, p, yield)
			}
		})
	})
}
