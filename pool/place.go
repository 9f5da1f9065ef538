package pool

import "github.com/berth-go/berth/waitq"

// draw gives the caller its place in the queue, once.
func (a *attempt[R]) draw() {
	if a.place != 0 {
		return
	}
	a.place = a.p.ticket()
	if a.low {
		a.place += Ticket(a.p.cfg.LowLag) //nolint:gosec // not negative
	}
}

// tagOf makes the tag of a waiter: the first dial that will do, 0 if any will, and
// whether the waiter stands in the low lane.
func tagOf(number uint64, low bool) uint64 { return number<<1 | uint64(btoi(low)) } //nolint:gosec // 0 or 1

func freshOf(e waitq.Entry) uint64 { return e.Tag >> 1 }

// came returns when a waiter came, as the last ticket then.
func (p *Pool[R]) came(e waitq.Entry) Ticket {
	lag := uint64(p.cfg.LowLag) //nolint:gosec // not negative
	if e.Tag&1 == 0 || e.Place < lag {
		return Ticket(e.Place)
	}
	return Ticket(e.Place - lag)
}
