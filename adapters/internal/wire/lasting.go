package wire

import (
	"context"
	"time"
)

// lasting returns a context for the dial funcs. It ends as ctx has ended, with what is derived
// from it, when end is called, and otherwise when cancel is, if ever.
func lasting(ctx context.Context) (lasts context.Context, end func(), cancel context.CancelFunc) {
	p := &parent{Context: ctx, never: make(chan struct{})}
	lasts, cancel = context.WithCancel(p)
	return lasts, p.end, cancel
}

// A parent is the parent of a context that a dial func gets. When end is called, that context
// takes over the parent's Err and cause. (Had it been canceled by its own func, what is derived
// from it would say canceled, also where a deadline has passed.)
type parent struct {
	context.Context               // of the dial: whoever made it ends it when the dial is over
	never           chan struct{} // Done. With that of Context, a child would end with that by itself
	end             func()
}

func (p *parent) Done() <-chan struct{} { return p.never }

// Deadline is that of the dial, and none afterwards: what is derived from a context whose
// deadline has passed has no timer of its own.
func (p *parent) Deadline() (time.Time, bool) {
	if p.Context.Err() != nil {
		return time.Time{}, false
	}
	return p.Context.Deadline()
}

// AfterFunc is how package context has a child wait for the end of a parent of its own kind.
func (p *parent) AfterFunc(f func()) (stop func() bool) {
	p.end = f
	return func() bool { return true }
}
