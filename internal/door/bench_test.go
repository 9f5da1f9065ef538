package door_test

import (
	"sync"
	"testing"

	"github.com/berth-go/berth/internal/door"
)

// What does a call pay to be counted in its key? With a mutex over the counts of all
// keys, calls for different keys meet at it.
func BenchmarkCall(b *testing.B) {
	through := func(doorOf func() *door.Door) func(*testing.PB) {
		return func(pb *testing.PB) {
			for d := doorOf(); pb.Next(); {
				d.Enter()
				d.Leave()
			}
		}
	}
	b.Run("door", func(b *testing.B) {
		b.RunParallel(through(func() *door.Door { return &door.Door{} })) // each its own key
	})
	b.Run("door of one key", func(b *testing.B) {
		var d door.Door
		b.RunParallel(through(func() *door.Door { return &d }))
	})
	b.Run("mutex", func(b *testing.B) {
		var mu sync.Mutex
		b.RunParallel(func(pb *testing.PB) {
			var calls int
			count := func(n int) {
				mu.Lock()
				defer mu.Unlock()
				calls += n
			}
			for pb.Next() {
				count(1)
				count(-1)
			}
		})
	})
}
