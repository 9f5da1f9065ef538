package keyed_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"

	"github.com/berth-go/berth/keyed"
)

// Two busy keys over one slot. In strict order, every turn may close a resource and
// dial another; Affinity lets a key serve so many of its own first.
func ExampleConfig_affinity() {
	ctx := context.Background()
	for _, affinity := range []int{0, 2} {
		p, err := keyed.New(keyed.Config[string, string]{Dial: dialKey, MaxOpen: 1, Affinity: affinity})
		if err != nil {
			fmt.Println(err)
			return
		}
		holder, err := p.Acquire(ctx, "a")
		if err != nil {
			fmt.Println(err)
			return
		}
		callers := strings.Fields("b a b a b a")
		served := make(chan string, len(callers))
		for i, key := range callers {
			go func() {
				lease, err := p.Acquire(ctx, key)
				if err != nil {
					served <- err.Error()
					return
				}
				served <- key
				lease.Release()
			}()
			for p.Stats().Waiting <= i { // so that they come one after the other
				runtime.Gosched()
			}
		}
		holder.Release()
		fmt.Print("affinity ", affinity, ":")
		for range callers {
			fmt.Print(" ", <-served)
		}
		err = p.Shutdown(ctx)
		fmt.Println(", dials:", p.Stats().Dials, err)
	}
	// Output:
	// affinity 0: b a b a b a, dials: 7 <nil>
	// affinity 2: a a b b b a, dials: 3 <nil>
}
