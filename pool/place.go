package pool

import "github.com/berth-go/berth/waitq"

// placeOf returns the place that a caller asks for. One that no lease can have had, such as
// that of another pool, is none: whoever had it would stand behind all who come, perhaps for ever.
func (p *Pool[R]) placeOf(r Request) Ticket {
	if r.Place > p.lastTicket()+p.lag() {
		return 0
	}
	return r.Place
}

// draw gives the caller its place in the queue, once.
func (a *attempt[R]) draw() {
	if a.place == 0 {
		a.drew(a.p.ticket())
	}
}

func (a *attempt[R]) drew(t Ticket) {
	a.place = t
	if a.low {
		a.place += a.p.lag()
	}
}

// lock is the pool's. That keeps no order: whoever sleeps before it may see many go in
// who came later. So who has to wait for it draws its place first. It leaves the lane open,
// as lockBeside does.
func (a *attempt[R]) lock() {
	p := a.p
	if !p.mu.TryLock() {
		a.draw()
		p.await()
	}
	p.forgetClockLocked()
}

// tagOf makes the tag of a waiter, of which whoever serves it must know:
//
//	bit  0     its place is behind its turn: only that of a Request.Low, or of the lease
//	           that came of it, can be one that has not been given yet
//	bit  1     it wants a fresh resource
//	bits 2-63  the first dial that will do, if it wants that; else when it queued
func (a *attempt[R]) tagOf() uint64 {
	what := uint64(a.queued) //nolint:gosec // not negative
	if a.fresh {
		what = a.firstDial
	}
	lags := a.place > a.p.lastTicket()
	return what<<2 | uint64(btoi(a.fresh))<<1 | uint64(btoi(lags)) //nolint:gosec // 0 or 1
}

// freshOf returns the first dial that will do for a waiter, 0 if any will.
func freshOf(e waitq.Entry) uint64 {
	if e.Tag>>1&1 == 0 {
		return 0
	}
	return e.Tag >> 2
}

// queuedOf returns when a waiter queued that does not want a fresh resource.
func queuedOf(e waitq.Entry) moment { return moment(e.Tag >> 2) } //nolint:gosec // as it was

// arrivalOf returns when a waiter came, as the last ticket then.
func (p *Pool[R]) arrivalOf(e waitq.Entry) Ticket {
	if e.Tag&1 == 0 || Ticket(e.Place) < p.lag() {
		return Ticket(e.Place)
	}
	return Ticket(e.Place) - p.lag()
}

// lag is how far behind its turn the place of a Request.Low is: one less than LowLag. Who draws
// that very place later stands behind it in one pool, but maybe in front of it in another one
// of the same Budget, and fewer than LowLag are to pass.
func (p *Pool[R]) lag() Ticket { return Ticket(p.cfg.LowLag - 1) } //nolint:gosec // not negative
