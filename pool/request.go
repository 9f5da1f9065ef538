package pool

// A Ticket is a place in the queue: smaller is older. Tickets are comparable
// within one pool, and within all pools that share a Budget. The zero Ticket is
// no place.
type Ticket uint64

// A Request says how an Acquire differs from the plain one. The zero Request is
// the plain one.
type Request struct {
	// Place is the ticket of an earlier lease of the same pool, which the caller
	// lost through no fault of its own: it stands where it stood then, in front
	// of everyone who came later. 0, or a place that no lease can have had yet: at the
	// end of the queue.
	Place Ticket

	// Fresh asks for a resource whose dial began after this call. The caller
	// takes no older one, whatever is idle; at the cap an idle resource is closed,
	// or a dial canceled that no caller needs, to make room for its own.
	Fresh bool

	// Low puts the caller behind its turn: later callers without it go first, but fewer
	// than Config.LowLag of them, so it is served late and never starves. With the Place
	// of a lease it has no effect.
	Low bool
}
