package waitq_test

import (
	"context"
	"fmt"
	"time"

	"github.com/berth-go/berth/waitq"
)

// Two callers wait for a seat, and one of them gives up.
func ExampleQueue() {
	var seats waitq.Queue[string]
	free := []string{} // what nobody waits for; the queue stores nothing

	patient := seats.Enqueue(context.Background())
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	hasty := seats.Enqueue(ctx)

	_, err := hasty.Wait()
	fmt.Println("hasty:", err)

	for _, seat := range []string{"window", "aisle"} {
		if !seats.Deliver(seat) {
			free = append(free, seat)
		}
	}
	seat, err := patient.Wait()
	fmt.Println("patient:", seat, err)
	fmt.Println("free:", free)
	// Output:
	// hasty: context deadline exceeded
	// patient: window <nil>
	// free: [aisle]
}

// A caller registers first and looks then. What is given back between the two
// reaches it in any case.
func ExampleWaiter_Cancel() {
	var q waitq.Queue[int]
	look := func() (int, bool) { return 42, true } // finds something free

	w := q.Enqueue(context.Background())
	if v, ok := look(); ok {
		if w.Cancel() {
			fmt.Println("found", v)
		} else {
			second, _ := w.Wait() // one was delivered meanwhile: it is ours as well
			fmt.Println("found", v, "and got", second)
		}
	}
	// Output:
	// found 42
}
