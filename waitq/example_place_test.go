package waitq_test

import (
	"context"
	"fmt"
	"sync"

	"github.com/berth-go/berth/waitq"
)

// Who gets something useless comes back to its old place, and not to the end of the
// queue. A giver knows the place, so it goes along with the value.
func ExampleQueue_EnqueueAt() {
	type taxi struct {
		name  string
		place uint64 // that its rider had
	}
	var riders waitq.Queue[taxi]
	arrive := func(name string) bool {
		claim, ok := riders.Claim(nil) // nil: whoever is next
		if ok {
			claim.Give(taxi{name, claim.Entry().Place})
		}
		return ok
	}
	ctx := context.Background()
	ann := riders.Enqueue(ctx)
	bob := riders.Enqueue(ctx)

	arrive("the one with the flat tire")
	got, err := ann.Wait()
	fmt.Println("ann:", got.name, err)
	ann = riders.EnqueueAt(ctx, got.place, 0) // before bob again

	arrive("the red one")
	arrive("the blue one")
	got, err = ann.Wait()
	fmt.Println("ann:", got.name, err)
	got, err = bob.Wait()
	fmt.Println("bob:", got.name, err)
	fmt.Println("somebody takes one more:", arrive("the green one"))
	// Output:
	// ann: the one with the flat tire <nil>
	// ann: the red one <nil>
	// bob: the blue one <nil>
	// somebody takes one more: false
}

// Parties wait for a table that is large enough. A table goes to the oldest party
// that fits, and those who are passed over keep their places.
func ExampleQueue_DeliverTo() {
	var parties waitq.Queue[string]
	ctx := context.Background()
	// All have the same place, and so stand in order of arrival. The tag is how many
	// they are.
	family := parties.EnqueueAt(ctx, 0, 5)
	couple := parties.EnqueueAt(ctx, 0, 2)

	clear := func(table string, seats uint64) bool {
		return parties.DeliverTo(table, func(e waitq.Entry) bool { return e.Tag <= seats })
	}
	fmt.Println("taken:", clear("by the window", 2))
	fmt.Println("taken:", clear("in the corner", 4))
	fmt.Println("taken:", clear("in the garden", 6))

	table, err := couple.Wait()
	fmt.Println("couple:", table, err)
	table, err = family.Wait()
	fmt.Println("family:", table, err)
	// Output:
	// taken: true
	// taken: false
	// taken: true
	// couple: by the window <nil>
	// family: in the garden <nil>
}

// A giver who has a lock of its own writes down who gets the room before it lets go
// of that lock, and wakes the guest up only then.
func ExampleQueue_Claim() {
	var (
		guests waitq.Queue[string]
		mu     sync.Mutex
		book   = make(map[string]uint64) // guest by room; guarded by mu
	)
	leave := func(room string) {
		mu.Lock()
		claim, ok := guests.Claim(nil)
		if ok {
			book[room] = claim.Entry().Tag
		} else {
			delete(book, room)
		}
		mu.Unlock()
		if ok {
			claim.Give(room) // must follow: the guest's context ends nothing any more
		}
	}

	waiter := guests.EnqueueAt(context.Background(), 0, 7) // guest number 7
	leave("room 12")
	room, err := waiter.Wait()
	if err != nil {
		fmt.Println(err)
		return
	}
	mu.Lock()
	fmt.Println(room, "is in the book for guest", book[room])
	mu.Unlock()

	leave(room)
	mu.Lock()
	fmt.Println("rooms in the book:", len(book))
	mu.Unlock()
	// Output:
	// room 12 is in the book for guest 7
	// rooms in the book: 0
}

// A queue for each of very many doors: what the waiters of one have left is used by
// those of the next.
func ExampleQueue_Share() {
	var spares waitq.Spares[string]
	doors := make(map[int]*waitq.Queue[string])
	door := func(number int) *waitq.Queue[string] {
		q, ok := doors[number]
		if !ok {
			q = new(waitq.Queue[string])
			q.Share(&spares) // before the first waiter comes
			doors[number] = q
		}
		return q
	}

	for number := range 1000 {
		waiter := door(number).Enqueue(context.Background())
		door(number).Deliver(fmt.Sprint("key ", number))
		key, err := waiter.Wait()
		if err != nil {
			fmt.Println(err)
			return
		}
		if number == 999 {
			fmt.Println("the last one:", key)
		}
	}
	fmt.Println("doors:", len(doors))
	// Output:
	// the last one: key 999
	// doors: 1000
}
