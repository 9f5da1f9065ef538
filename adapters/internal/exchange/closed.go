package exchange

import "sync"

// Closed says that a transport is closed, to calls that wait for something else
// than the pool, which says so itself.
type Closed struct {
	once sync.Once
	done chan struct{}
}

// NewClosed returns that of a transport that is open.
func NewClosed() *Closed { return &Closed{done: make(chan struct{})} }

// Close closes Done, once.
func (c *Closed) Close() { c.once.Do(func() { close(c.done) }) }

// Done is closed by Close.
func (c *Closed) Done() <-chan struct{} { return c.done }
