package wire

import (
	"cmp"
	"context"
	"time"
)

// A lastingContext is what the dial funcs get: it ends with the context of the dial if that
// ends before the dial is over, and lasts for ever if not.
type lastingContext struct {
	context.Context                 // ends then
	dial            context.Context // of the dial: whoever made it ends it when the dial is over
}

// Deadline is that of the dial, and none afterwards: what is derived from a context whose
// deadline has passed has no timer of its own.
func (c lastingContext) Deadline() (time.Time, bool) {
	if c.dial.Err() != nil {
		return c.Context.Deadline()
	}
	return c.dial.Deadline()
}

func (c lastingContext) Err() error {
	if c.Context.Err() == nil {
		return nil
	}
	return cmp.Or(c.dial.Err(), c.Context.Err())
}
