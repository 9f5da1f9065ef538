// Command waitq uses package waitq, and imports nothing else that the queue is made of.
package main

import (
	"context"
	"fmt"

	"github.com/berth-go/berth/waitq"
)

func main() {
	var q waitq.Queue[string]
	w := q.Enqueue(context.Background())
	q.Deliver("")
	fmt.Println(w.Wait())
}
