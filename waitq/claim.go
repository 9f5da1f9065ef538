package waitq

// A Claim is a waiter whose wait has ended and whose value is still to come: a small
// value, returned by [Queue.Claim]. Whoever has it must call [Claim.Give], and soon:
// the end of the waiter's context ends nothing any more. Copies are the same Claim, and
// only one goroutine at a time may use it.
type Claim[T any] struct {
	n    *node[T]
	turn uint64 // which wait of n this is
}

// Entry describes the waiter. It is called before [Claim.Give].
func (c Claim[T]) Entry() Entry { return c.n.Entry }

// Give makes v the waiter's. It never blocks. A second Give of the same Claim panics,
// and so does that of the zero Claim.
func (c Claim[T]) Give(v T) {
	n := c.n
	if n == nil || n.load() != pack(c.turn, delivered) || !n.owed {
		panic("waitq: Give on a Claim that is spent: its waiter has had a value")
	}
	n.owed = false
	n.give(v, nil)
}
